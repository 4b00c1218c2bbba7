-- Chains, their endpoints and their tables.  No worker runs here, and whether
-- one could is tested elsewhere: the warning that says so is hidden.
\set SHOW_CONTEXT never
CREATE EXTENSION chainsync;
SET client_min_messages = error;

-- what to sync
SELECT chainsync.add_chain('all', ARRAY['http://127.0.0.1:1/']);
SELECT chainsync.add_chain('from', ARRAY['http://127.0.0.1:1/'], start_block => 100);
SELECT chainsync.add_chain('to', ARRAY['http://127.0.0.1:1/'], end_block => 99);
SELECT chainsync.add_chain('between', ARRAY['http://127.0.0.1:1/'], start_block => 5, end_block => 5);
SELECT chainsync.add_chain('newest', ARRAY['http://127.0.0.1:1/'], last_blocks => 1000);
SELECT chainsync.add_chain('pieces', ARRAY['http://127.0.0.1:1/'], blocks => '{[0,10),[20,30),[100,)}');
SELECT name, schema_name, chain_id, genesis, target, last_blocks, enabled
FROM chainsync.chains ORDER BY id;

-- a range can be said in one way only
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], start_block => 1, last_blocks => 1);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], end_block => 1, blocks => '{[0,10)}');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], last_blocks => 1, blocks => '{[0,10)}');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], start_block => 0, last_blocks => 1, blocks => '{[0,10)}');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], start_block => -1);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], start_block => 10, end_block => 9);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], end_block => -1);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], end_block => 9223372036854775807);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], last_blocks => 0);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], blocks => '{}');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], blocks => '{(,10)}');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], blocks => '{[-5,10)}');

-- names and schemas
SELECT chainsync.add_chain(NULL, ARRAY['http://127.0.0.1:1/']);
SELECT chainsync.add_chain('', ARRAY['http://127.0.0.1:1/']);
SELECT chainsync.add_chain(repeat('n', 64), ARRAY['http://127.0.0.1:1/']);
SELECT chainsync.add_chain('all', ARRAY['http://127.0.0.1:1/']);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], schema => 'public');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], schema => 'chainsync');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], schema => 'pg_catalog');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], schema => 'all');
SELECT chainsync.add_chain('Odd "name"', ARRAY['http://127.0.0.1:1/']);
SELECT count(*) FROM "Odd ""name""".blocks;
SELECT chainsync.remove_chain('Odd "name"', drop_data => true);

-- endpoints
SELECT chainsync.add_chain('bad', NULL);
SELECT chainsync.add_chain('bad', '{}');
SELECT chainsync.add_chain('bad', ARRAY[NULL]);
SELECT chainsync.add_chain('bad', ARRAY['']);
SELECT chainsync.add_chain('bad', ARRAY['ftp://secret.example/']);
SELECT chainsync.add_chain('bad', ARRAY['file:///etc/passwd']);
SELECT chainsync.add_chain('bad', ARRAY['http://']);
SELECT chainsync.add_chain('bad', ARRAY['http://a b/']);
SELECT chainsync.add_chain('bad', ARRAY[E'http://a/\nsecret']);
SELECT chainsync.add_chain('bad', ARRAY['http://a/#fragment']);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/', 'not a url']);

-- identity and settings
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], genesis => '\x00');
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], chain_id => -1);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], chain_id => 1.5);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], partition_blocks => 0);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], partition_blocks => 9223372036854775807);
\set VERBOSITY terse
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], confirmations => -1);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], commit_blocks => 0);
SELECT chainsync.add_chain('bad', ARRAY['http://127.0.0.1:1/'], poll_interval => '0');
\set VERBOSITY default

-- what failed left nothing behind
SELECT count(*) FROM chainsync.chains WHERE name = 'bad';
SELECT to_regnamespace('bad') IS NULL AS no_schema;

-- the tables
SELECT table_name, kind, block_column, partition_blocks, version
FROM chainsync.chain_tables WHERE chain = (SELECT id FROM chainsync.chains WHERE name = 'all')
ORDER BY table_name COLLATE "C";

SELECT c.relname AS table, a.attnum AS "#", a.attname AS column,
	format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS type
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = '"all"'::regnamespace AND c.relkind = 'p' AND a.attnum > 0
ORDER BY c.relname COLLATE "C", a.attnum;

SELECT c.relname AS table, pg_get_partkeydef(c.oid) AS partitioned_by,
	(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p') AS key
FROM pg_class AS c
WHERE c.relnamespace = '"all"'::regnamespace AND c.relkind IN ('p', 'r') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C";

-- they do not depend on the extension, and nothing of theirs calls it
SELECT count(*) AS dependencies
FROM pg_depend AS d
WHERE d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'chainsync')
	AND d.classid = 'pg_class'::regclass
	AND d.objid IN (SELECT oid FROM pg_class WHERE relnamespace = '"all"'::regnamespace);
SELECT count(*) AS defaults FROM pg_attrdef AS a JOIN pg_class AS c ON c.oid = a.adrelid
WHERE c.relnamespace = '"all"'::regnamespace;

-- every column has a comment
SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = '"all"'::regnamespace AND c.relkind IN ('p', 'r') AND NOT c.relispartition
	AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL;

-- endpoints, shown without what may be secret
SELECT chainsync.add_chain('keys', ARRAY['https://user:password@node.example/v2/0123456789abcdef0123456789abcdef?key=secret'], allow_literal_key => true);
SELECT chainsync.add_endpoint('keys', 'http://second.example:8545', priority => 7, max_concurrency => 3) > 0 AS added;
SELECT chainsync.add_endpoint('keys', 'http://second.example:8545');
SELECT chainsync.add_endpoint('keys', 'gopher://second.example');
SELECT chainsync.add_endpoint('nobody', 'http://second.example');
SELECT chain, url, priority, state FROM chainsync.stat_endpoint WHERE chain = 'keys' ORDER BY priority;
SELECT count(*) FROM chainsync.stat_endpoint
WHERE stat_endpoint::text ~ 'password|secret|0123456789abcdef';
SELECT chainsync.drop_endpoint('keys', endpoint) FROM chainsync.stat_endpoint
WHERE chain = 'keys' AND priority = 7;
SELECT chainsync.drop_endpoint('keys', -1);
SELECT count(*) FROM chainsync.endpoints JOIN chainsync.chains AS c ON c.id = chain WHERE c.name = 'keys';

-- changing a chain
SELECT chainsync.alter_chain('from', start_block => 7, confirmations => 3, poll_interval => '500 ms');
SELECT target, confirmations, poll_interval, commit_blocks FROM chainsync.chains WHERE name = 'from';
SELECT chainsync.alter_chain('from', commit_blocks => 10, reset => '{confirmations}');
SELECT target, confirmations, poll_interval, commit_blocks FROM chainsync.chains WHERE name = 'from';
SELECT chainsync.alter_chain('from', last_blocks => 10);
SELECT target, last_blocks FROM chainsync.chains WHERE name = 'from';
SELECT chainsync.alter_chain('from', blocks => '{[1,2)}');
SELECT target, last_blocks FROM chainsync.chains WHERE name = 'from';
SELECT chainsync.alter_chain('from', reset => '{target}');
SELECT chainsync.alter_chain('from', start_block => 1, last_blocks => 1);
SELECT chainsync.alter_chain('nobody', start_block => 1);

-- stop and start
SELECT chainsync.stop('from');
SELECT enabled FROM chainsync.chains WHERE name = 'from';
SELECT status, reason FROM chainsync.progress WHERE chain = 'from';
SELECT chainsync.stop('from');
SELECT chainsync.start('from');
SELECT enabled FROM chainsync.chains WHERE name = 'from';
SELECT chainsync.start('nobody');
SELECT chainsync.stop('nobody');

-- removing one keeps its data unless told otherwise
SELECT chainsync.remove_chain('nobody');
SELECT chainsync.remove_chain('to');
SELECT count(*) FROM "to".blocks;
SELECT chainsync.remove_chain('between', drop_data => true);
SELECT to_regnamespace('between') IS NULL AS schema_gone;
SELECT name FROM chainsync.chains ORDER BY id;
SELECT count(*) AS left_over FROM chainsync.chain_tables AS t
WHERE NOT EXISTS (SELECT FROM chainsync.chains AS c WHERE c.id = t.chain);

-- a rolled back add_chain leaves nothing
BEGIN;
SELECT chainsync.add_chain('ghost', ARRAY['http://127.0.0.1:1/']);
ROLLBACK;
SELECT to_regnamespace('ghost') IS NULL AS no_schema,
	(SELECT count(*) FROM chainsync.chains WHERE name = 'ghost') AS rows;

DROP EXTENSION chainsync;
DROP SCHEMA "all", "from", "to", newest, pieces, keys CASCADE;
