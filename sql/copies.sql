-- Tables that a chain did not get from add_chain, and what users put on them.

CREATE FUNCTION chainsync._is_copy(system_identifier bigint, database_oid oid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT ($1, $2) IS DISTINCT FROM (chainsync._system_identifier(), chainsync._database_oid())
$function$;
COMMENT ON FUNCTION chainsync._is_copy(bigint, oid) IS 'Internal: whether these are not this cluster''s identifier and this database''s oid';

CREATE FUNCTION chainsync._relations(chain integer) RETURNS SETOF oid
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT t.relid::oid
	FROM chainsync.chain_tables AS ct
	JOIN chainsync.chains AS ch ON ch.id = ct.chain
	JOIN pg_namespace AS n ON n.nspname = ch.schema_name
	JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = ct.table_name AND c.relkind = 'p'
	CROSS JOIN LATERAL pg_partition_tree(c.oid) AS t
	WHERE ct.chain = $1
$function$;
COMMENT ON FUNCTION chainsync._relations(integer) IS 'Internal: the tables of a chain and their partitions';

CREATE FUNCTION chainsync._obstacles(chain integer, OUT stops_insert boolean, OUT problem text, OUT hint text) RETURNS SETOF record
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
	WITH relations AS MATERIALIZED (SELECT r AS relid FROM chainsync._relations($1) AS r)
	SELECT (g.tgtype & 4) <> 0,
		format('deferred %s %I on table %s keeps rows from being %s',
			CASE WHEN k.oid IS NULL THEN 'trigger' ELSE 'foreign key' END, coalesce(k.conname, g.tgname), g.tgrelid::regclass,
			CASE WHEN (g.tgtype & 4) <> 0 THEN 'written' ELSE 'deleted' END),
		'Make it not deferred, or drop or disable it; the sync then goes on.'
	FROM pg_trigger AS g
	LEFT JOIN pg_constraint AS k ON k.oid = g.tgconstraint AND k.contype = 'f'
	WHERE g.tgrelid IN (SELECT relid FROM relations) AND g.tgparentid = 0
		AND g.tginitdeferred AND g.tgenabled IN ('O', 'A') AND (g.tgtype & 12) <> 0
		-- the next part has those
		AND (k.confrelid IS NULL OR k.confrelid <> g.tgrelid)
	UNION ALL
	SELECT r.ev_type = '3',
		format('rule %I on table %s keeps rows from being %s', r.rulename, r.ev_class::regclass,
			CASE WHEN r.ev_type = '3' THEN 'written' ELSE 'deleted' END),
		'Drop or disable it, or make it ALSO instead of INSTEAD; the sync then goes on.'
	FROM pg_rewrite AS r
	WHERE r.ev_class IN (SELECT relid FROM relations) AND r.is_instead
		AND r.ev_type IN ('3', '4') AND r.ev_enabled IN ('O', 'A')
	UNION ALL
	SELECT false,
		format('foreign key %I of table %s keeps blocks from being deleted', k.conname, k.conrelid::regclass),
		'Make it ON DELETE CASCADE, not deferred, or drop it: a resync or a reorg could not delete the blocks that it refers to.'
	FROM pg_constraint AS k
	WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confdeltype IN ('a', 'r')
		AND k.confrelid IN (SELECT relid FROM relations)
$function$;
COMMENT ON FUNCTION chainsync._obstacles(integer) IS 'Internal: what users put on a chain''s tables that keeps rows from being written or deleted';

CREATE FUNCTION chainsync._compare_layout(reference name, schema name,
	OUT table_name name, OUT column_name name, OUT problem text, OUT definition text, OUT comment text) RETURNS SETOF record
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
	WITH tables AS MATERIALIZED (
		SELECT w.relname, w.oid AS wanted, h.oid AS had,
			CASE WHEN h.oid IS NULL THEN 'it does not exist'
				WHEN h.relkind <> w.relkind OR h.relpersistence <> w.relpersistence THEN 'it is of another kind'
				WHEN pg_get_partkeydef(h.oid) IS DISTINCT FROM pg_get_partkeydef(w.oid) THEN 'it is partitioned in another way'
				WHEN (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint AS k WHERE k.conrelid = h.oid AND k.contype = 'p')
					IS DISTINCT FROM
					(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint AS k WHERE k.conrelid = w.oid AND k.contype = 'p')
				THEN 'it has another primary key' END AS problem
		FROM pg_class AS w
		LEFT JOIN pg_class AS h ON h.relname = w.relname
			AND h.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = $2)
		WHERE w.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = $1)
			AND w.relkind IN ('r', 'p')
	), columns AS (
		SELECT t.relname, w.attname, h.attnum IS NULL AS missing, w.attrelid, w.attnum, w.attcompression,
			w.attnotnull, w.atttypid, w.atttypmod,
			CASE WHEN h.attnum IS NULL THEN 'column %I is missing'
				WHEN h.atttypid <> w.atttypid OR h.atttypmod <> w.atttypmod THEN 'column %I is of another type'
				WHEN h.attgenerated <> '' OR h.attidentity <> '' THEN 'column %I is generated'
				WHEN h.attnotnull <> w.attnotnull THEN 'column %I allows NULL where it should not, or the other way round' END AS problem
		FROM tables AS t
		JOIN pg_attribute AS w ON w.attrelid = t.wanted AND w.attnum > 0 AND NOT w.attisdropped
		LEFT JOIN pg_attribute AS h ON h.attrelid = t.had AND h.attname = w.attname AND h.attnum > 0 AND NOT h.attisdropped
		WHERE t.had IS NOT NULL
	)
	SELECT t.relname, NULL::name, t.problem, NULL::text, NULL::text
	FROM tables AS t WHERE t.problem IS NOT NULL
	UNION ALL
	SELECT c.relname, c.attname, format(c.problem, c.attname),
		CASE WHEN c.missing AND NOT c.attnotnull
			THEN format_type(c.atttypid, c.atttypmod) || CASE WHEN c.attcompression = 'l' THEN ' COMPRESSION lz4' ELSE '' END END,
		col_description(c.attrelid, c.attnum)
	FROM columns AS c WHERE c.problem IS NOT NULL
	UNION ALL
	SELECT t.relname, h.attname, format('column %I is not of the layout and must be filled', h.attname), NULL, NULL
	FROM tables AS t
	JOIN pg_attribute AS h ON h.attrelid = t.had AND h.attnum > 0 AND NOT h.attisdropped
		AND h.attnotnull AND NOT h.atthasdef AND h.attidentity = ''
	WHERE NOT EXISTS (SELECT FROM pg_attribute AS w WHERE w.attrelid = t.wanted AND w.attname = h.attname AND NOT w.attisdropped)
$function$;
COMMENT ON FUNCTION chainsync._compare_layout(name, name) IS 'Internal: how the tables of a schema differ from those of another one; definition: of a column that can be added';

-- What chainsync_info says is a user's claim.
CREATE FUNCTION chainsync._adopt(chain integer, info jsonb) RETURNS void
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	found_chain chainsync.chains;
	entry record;
	said jsonb;
	width numeric;
	layout_version numeric;
	bad text;
BEGIN
	SELECT * INTO found_chain FROM chainsync.chains AS c WHERE c.id = _adopt.chain;
	IF info ? 'chain_id' THEN
		IF jsonb_typeof(info -> 'chain_id') <> 'string' OR info ->> 'chain_id' !~ '^[0-9]{1,78}$' THEN
			RAISE EXCEPTION 'chain_id in chainsync_info is not a number'
				USING ERRCODE = 'data_corrupted';
		END IF;
		IF found_chain.chain_id <> (info ->> 'chain_id')::numeric THEN
			RAISE EXCEPTION 'the tables in schema "%" are of chain id %, not %', found_chain.schema_name, info ->> 'chain_id', found_chain.chain_id
				USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		UPDATE chainsync.chains AS c SET chain_id = (info ->> 'chain_id')::numeric WHERE c.id = found_chain.id;
	END IF;
	IF info ? 'genesis' THEN
		IF jsonb_typeof(info -> 'genesis') <> 'string' OR info ->> 'genesis' !~ '^0x[0-9a-fA-F]{64}$' THEN
			RAISE EXCEPTION 'genesis in chainsync_info is not a block hash'
				USING ERRCODE = 'data_corrupted';
		END IF;
		IF found_chain.genesis <> decode(substr(info ->> 'genesis', 3), 'hex') THEN
			RAISE EXCEPTION 'the tables in schema "%" are of another genesis', found_chain.schema_name
				USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		UPDATE chainsync.chains AS c SET genesis = decode(substr(info ->> 'genesis', 3), 'hex') WHERE c.id = found_chain.id;
	END IF;
	said := info -> 'layout' -> 'version';
	IF jsonb_typeof(said) IS DISTINCT FROM 'number' THEN
		RAISE EXCEPTION 'chainsync_info in schema "%" does not say which layout the tables have', found_chain.schema_name
			USING ERRCODE = 'data_corrupted';
	END IF;
	layout_version := said::text::numeric;
	IF layout_version <> trunc(layout_version) OR layout_version NOT BETWEEN 0 AND 1000000 THEN
		RAISE EXCEPTION 'chainsync_info has an impossible layout version'
			USING ERRCODE = 'data_corrupted';
	END IF;
	IF layout_version > (SELECT max(t.version) FROM chainsync.chain_tables AS t WHERE t.chain = found_chain.id) THEN
		RAISE EXCEPTION 'the tables in schema "%" have the layout of a later version of chainsync', found_chain.schema_name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Update the extension first.';
	END IF;

	FOR entry IN SELECT * FROM chainsync.chain_tables AS t WHERE t.chain = found_chain.id LOOP
		said := info -> 'layout' -> 'tables' -> entry.table_name::text -> 'partition_blocks';
		IF jsonb_typeof(said) IS DISTINCT FROM 'number' THEN
			RAISE EXCEPTION 'chainsync_info does not say how table "%" is partitioned', entry.table_name
				USING ERRCODE = 'data_corrupted';
		END IF;
		width := said::text::numeric;
		IF width <> trunc(width) OR width NOT BETWEEN 1 AND 16000000000000 THEN
			RAISE EXCEPTION 'chainsync_info has an impossible width of partitions for table "%"', entry.table_name
				USING ERRCODE = 'data_corrupted';
		END IF;
		SELECT p.oid::regclass::text INTO bad
		FROM pg_class AS t
		JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = found_chain.schema_name
		JOIN pg_inherits AS i ON i.inhparent = t.oid
		JOIN pg_class AS p ON p.oid = i.inhrelid
		CROSS JOIN LATERAL (SELECT (substring(p.relname FROM '_([0-9]{1,18})$'))::numeric AS first) AS s
		WHERE t.relname = entry.table_name
			AND (p.relnamespace <> n.oid OR s.first % width IS DISTINCT FROM 0
				OR p.relname <> format('%s_%s', entry.table_name, s.first)
				OR pg_get_expr(p.relpartbound, p.oid) <> format('FOR VALUES FROM (''%s'') TO (''%s'')', s.first, s.first + width))
		LIMIT 1;
		IF FOUND THEN
			RAISE EXCEPTION 'table % is not a partition as chainsync makes them', bad
				USING ERRCODE = 'invalid_table_definition',
					HINT = 'Detach it; its blocks are fetched again.';
		END IF;
		UPDATE chainsync.chain_tables AS t
		SET partition_blocks = width::bigint, version = layout_version::integer
		WHERE t.chain = entry.chain AND t.table_name = entry.table_name;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION chainsync._adopt(integer, jsonb) IS 'Internal: takes over what chainsync_info says, or an error where it cannot be';

CREATE FUNCTION chainsync.upgrade_chain(chain text) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_upgrade_chain'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.upgrade_chain(text) IS 'Brings the tables of a chain, which ALTER EXTENSION UPDATE does not touch, to the layout of this version: adds the columns they lack. Takes ACCESS EXCLUSIVE locks for a moment';
