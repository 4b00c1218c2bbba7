-- What CREATE EXTENSION makes, and what DROP EXTENSION leaves.
\set SHOW_CONTEXT never
CREATE EXTENSION chainsync;

SELECT extversion, nspname AS schema, extrelocatable
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE extname = 'chainsync';

-- every object has a comment
SELECT pg_describe_object(d.classid, d.objid, 0) AS "without a comment"
FROM pg_depend AS d
WHERE d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'chainsync')
	AND d.deptype = 'e'
	AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass)
	AND NOT EXISTS (SELECT FROM pg_class AS c WHERE d.classid = 'pg_class'::regclass
		AND c.oid = d.objid AND c.relkind NOT IN ('r', 'v', 'p', 'm'))
	AND obj_description(d.objid, d.classid::regclass::name) IS NULL
UNION ALL
SELECT format('column %s of %s', a.attname, c.oid::regclass)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'chainsync'::regnamespace AND c.relkind IN ('r', 'v')
	AND a.attnum > 0 AND NOT a.attisdropped
	AND col_description(c.oid, a.attnum) IS NULL
UNION ALL
SELECT format('trigger %s of %s', t.tgname, t.tgrelid::regclass)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'chainsync'::regnamespace AND NOT t.tgisinternal
	AND obj_description(t.oid, 'pg_trigger') IS NULL
ORDER BY 1;

-- nothing is granted to PUBLIC
SELECT 'schema' AS "granted to PUBLIC", nspname::text AS name
FROM pg_namespace AS n, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS a
WHERE nspname = 'chainsync' AND a.grantee = 0
UNION ALL
SELECT 'relation', c.oid::regclass::text
FROM pg_class AS c, aclexplode(coalesce(relacl, acldefault('r', relowner))) AS a
WHERE c.relnamespace = 'chainsync'::regnamespace AND c.relkind IN ('r', 'v')
	AND a.grantee = 0
UNION ALL
SELECT 'function', p.oid::regprocedure::text
FROM pg_proc AS p, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a
WHERE p.pronamespace = 'chainsync'::regnamespace AND a.grantee = 0
ORDER BY 1, 2;

-- functions that are not C have a fixed search_path; a procedure that commits
-- cannot have one
SELECT p.oid::regprocedure AS "without search_path"
FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'chainsync'::regnamespace AND l.lanname <> 'c'
	AND (p.proconfig IS NULL OR NOT 'search_path=pg_catalog, pg_temp' = ANY (p.proconfig))
ORDER BY 1;

-- every table has a primary key, and is dumped unless it is of this server
SELECT c.relname AS table,
	EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_key,
	EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'chainsync' AND c.oid = ANY (e.extconfig)) AS dumped
FROM pg_class AS c
WHERE c.relnamespace = 'chainsync'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname COLLATE "C";

-- the interface
SELECT p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments,
	pg_get_function_result(p.oid) AS result
FROM pg_proc AS p
WHERE p.pronamespace = 'chainsync'::regnamespace AND p.proname NOT LIKE '\_%'
ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C";

SELECT c.relname AS view, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'chainsync'::regnamespace AND c.relkind = 'v' AND a.attnum > 0
GROUP BY c.relname ORDER BY c.relname COLLATE "C";

SELECT chainsync.version() LIKE format('chainsync %s%%', extversion) AS version_agrees
FROM pg_extension WHERE extname = 'chainsync';

-- the settings: names, and that all can be changed by a reload
SELECT name, vartype, unit, boot_val, context FROM pg_settings
WHERE name LIKE 'chainsync.%' ORDER BY name COLLATE "C";

-- views work without workers, and are empty
SELECT count(*) FROM chainsync.progress;
SELECT count(*) FROM chainsync.stat_worker;
SELECT count(*) FROM chainsync.stat_endpoint;

-- a chain's tables stay without the extension, and so does its own schema,
-- empty, as it is with every extension that names one
SET client_min_messages = error;
SELECT chainsync.add_chain('install_test', ARRAY['http://127.0.0.1:1/']);
RESET client_min_messages;
DROP EXTENSION chainsync;
SELECT count(*) FROM install_test.blocks;
SELECT count(*) FROM pg_depend
WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'chainsync'::regnamespace;
SET client_min_messages = error;
DROP SCHEMA install_test CASCADE;
RESET client_min_messages;

-- once more
CREATE EXTENSION chainsync;
DROP EXTENSION chainsync;
