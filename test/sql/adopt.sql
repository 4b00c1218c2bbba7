-- Tables of a chain that are there already, what their owner may claim of
-- them, and what stands on them.
\set SHOW_CONTEXT never
CREATE EXTENSION chainsync;
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.add(more text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL client_min_messages = error;
	EXECUTE format('SELECT chainsync.add_chain(''a'', ARRAY[''http://127.0.0.1:1/''] %s)', more);
	PERFORM chainsync.stop('a');
END $$;
SELECT pg_temp.add(', chain_id => 5, partition_blocks => 10');
CREATE FUNCTION pg_temp.fill(first bigint, last bigint) RETURNS void LANGUAGE sql AS $$
	INSERT INTO a.blocks (number, hash, parent_hash, "timestamp", transaction_count)
	SELECT n, sha256(int8send(n)), sha256(int8send(n - 1)), to_timestamp(n), 0 FROM generate_series(first, last) AS n
$$;
CREATE TABLE a.blocks_0 (LIKE a.blocks INCLUDING ALL);
ALTER TABLE a.blocks ATTACH PARTITION a.blocks_0 FOR VALUES FROM (0) TO (160);
CREATE TABLE a.withdrawals_0 (LIKE a.withdrawals INCLUDING ALL);
ALTER TABLE a.withdrawals ATTACH PARTITION a.withdrawals_0 FOR VALUES FROM (0) TO (160);
SELECT pg_temp.fill(3, 20), pg_temp.fill(22, 22), pg_temp.fill(30, 39);
SELECT key, value FROM a.chainsync_info ORDER BY key;

-- the extension goes, its tables stay, and are taken over again
DROP EXTENSION chainsync;
SELECT count(*) FROM a.blocks;
CREATE EXTENSION chainsync;
SELECT pg_temp.add();
SELECT chainsync.synced('a');
SELECT chain_id, genesis FROM chainsync.chains;
SELECT table_name, partition_blocks, version FROM chainsync.chain_tables ORDER BY 1;
-- by the rows, not by what was noted
SELECT chainsync.remove_chain('a');
INSERT INTO a.withdrawals SELECT n, 0, now(), 1, '\x', 1 FROM generate_series(20, 25) AS n;
DELETE FROM a.blocks WHERE number > 30;
SELECT pg_temp.add();
SELECT chainsync.synced('a');
SELECT block_number FROM a.withdrawals ORDER BY 1;
SELECT chainsync.remove_chain('a');

-- what does not fit
SELECT pg_temp.add(', chain_id => 6');
CREATE FUNCTION pg_temp.claim(k text, v jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
BEGIN
	BEGIN
		IF v IS NULL THEN
			DELETE FROM a.chainsync_info WHERE key = k;
		ELSE
			INSERT INTO a.chainsync_info VALUES (k, v) ON CONFLICT (key) DO UPDATE SET value = v;
		END IF;
		PERFORM pg_temp.add();
		RAISE 'adopted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	END;
	RETURN message;
END $$;
SELECT pg_temp.claim('chain_id', '"5"');
SELECT pg_temp.claim('unknown', '{}');
SELECT pg_temp.claim('genesis', to_jsonb('0x' || repeat('ab', 32)));
SELECT pg_temp.claim('chain_id', '5');
SELECT pg_temp.claim('chain_id', '"5; DROP TABLE x"');
SELECT pg_temp.claim('chain_id', to_jsonb(repeat('9', 100)));
SELECT pg_temp.claim('chain_id', '["5"]');
SELECT pg_temp.claim('genesis', '"0x00"');
SELECT pg_temp.claim('genesis', 'null');
SELECT pg_temp.claim('layout', NULL);
SELECT pg_temp.claim('layout', '[]');
SELECT pg_temp.claim('layout', '"1"');
SELECT pg_temp.claim('layout', '{"version": 2}');
SELECT pg_temp.claim('layout', '{"version": 1e400}');
SELECT pg_temp.claim('layout', '{"version": 0.5}');
SELECT pg_temp.claim('layout', '{"version": 1}');
SELECT pg_temp.claim('layout', '{"version": 1, "tables": []}');
SELECT pg_temp.claim('layout', (SELECT jsonb_set(value, '{tables,logs,partition_blocks}', '0') FROM a.chainsync_info WHERE key = 'layout'));
SELECT pg_temp.claim('layout', (SELECT jsonb_set(value, '{tables,logs,partition_blocks}', '1e30') FROM a.chainsync_info WHERE key = 'layout'));
SELECT pg_temp.claim('layout', (SELECT jsonb_set(value, '{tables,blocks,partition_blocks}', '80') FROM a.chainsync_info WHERE key = 'layout'));

CREATE FUNCTION pg_temp.change(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
BEGIN
	BEGIN
		EXECUTE statement;
		PERFORM pg_temp.add();
		RAISE 'adopted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	END;
	RETURN message;
END $$;
SELECT pg_temp.change('SELECT 1');
SELECT pg_temp.change('ALTER TABLE a.logs ADD mine text');
SELECT pg_temp.change('ALTER TABLE a.logs ADD mine text NOT NULL DEFAULT 5');
SELECT pg_temp.change('ALTER TABLE a.logs ADD mine text NOT NULL');
SELECT pg_temp.change('ALTER TABLE a.logs DROP topic3');
SELECT pg_temp.change('ALTER TABLE a.logs ALTER topic3 TYPE text USING NULL');
SELECT pg_temp.change('ALTER TABLE a.logs ALTER topic3 SET NOT NULL');
SELECT pg_temp.change('ALTER TABLE a.logs DROP topic3; ALTER TABLE a.logs ADD topic3 bytea GENERATED ALWAYS AS (topic2) STORED');
SELECT pg_temp.change('DROP TABLE a.logs');
SELECT pg_temp.change('DROP TABLE a.logs; CREATE VIEW a.logs AS SELECT 1');
SELECT pg_temp.change('ALTER TABLE a.blocks DROP CONSTRAINT blocks_pkey');
SELECT pg_temp.change('DROP TABLE a.chainsync_info');
SELECT pg_temp.change('CREATE TABLE i AS TABLE a.chainsync_info; DROP TABLE a.chainsync_info; CREATE VIEW a.chainsync_info AS TABLE i');
SELECT pg_temp.change('CREATE TABLE a.blocks_999 PARTITION OF a.blocks DEFAULT');
SELECT pg_temp.change('ALTER TABLE a.blocks_0 RENAME TO other');
SELECT pg_temp.change($$UPDATE a.blocks SET parent_hash = '\x00' WHERE number = 7$$);
SELECT pg_temp.change($$INSERT INTO a.chainsync_info SELECT 'genesis', to_jsonb('0x' || repeat('ab', 32)); SELECT pg_temp.fill(0, 0)$$);

-- only the owner may, and it is the owner who reads
CREATE ROLE regress_chainsync_owner;
CREATE ROLE regress_chainsync_other;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_chainsync_owner, regress_chainsync_other', current_database()); END $$;
SELECT chainsync.grant('regress_chainsync_owner', 'admin');
SELECT chainsync.grant('regress_chainsync_other', 'admin');
SET ROLE regress_chainsync_other;
SELECT chainsync.add_chain('a', ARRAY['http://192.0.2.1/']);
RESET ROLE;
ALTER SCHEMA a OWNER TO regress_chainsync_owner;
SELECT pg_temp.change('SELECT 1');
SET ROLE regress_chainsync_owner;
SELECT chainsync.add_chain('a', ARRAY['http://192.0.2.1/']);
RESET ROLE;
DO $$
DECLARE r record;
BEGIN
	FOR r IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'a'::regnamespace AND relkind IN ('r', 'p') LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO regress_chainsync_owner', r.name);
	END LOOP;
END $$;
SELECT pg_temp.change('ALTER TABLE a.logs OWNER TO regress_chainsync_other');
-- an index predicate, run while a superuser adopts
SET ROLE regress_chainsync_owner;
CREATE FUNCTION a.spy(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'regress_chainsync_owner' THEN
		RAISE EXCEPTION 'run as %', current_user;
	END IF;
	RETURN true;
END $$;
CREATE INDEX ON a.blocks_0 (number) WHERE a.spy(number);
CREATE POLICY p ON a.blocks USING (a.spy(number));
ALTER TABLE a.blocks ENABLE ROW LEVEL SECURITY;
RESET ROLE;
SELECT pg_temp.change('SELECT 1');
SELECT pg_temp.change('ALTER TABLE a.blocks FORCE ROW LEVEL SECURITY');
SET ROLE regress_chainsync_owner;
SET client_min_messages = error;
SELECT chainsync.add_chain('a', ARRAY['http://192.0.2.1/']);
SELECT chainsync.stop('a');
SET client_min_messages = warning;
RESET ROLE;
SELECT chainsync.synced('a');
-- what it granted was granted by the owner
SET ROLE regress_chainsync_other;
SELECT count(*) FROM a.logs;
RESET ROLE;

-- an older layout
SELECT chainsync.remove_chain('a');
ALTER TABLE a.blocks DROP slot_number, DROP block_access_list_hash;
UPDATE a.chainsync_info SET value = jsonb_set(value, '{version}', '0') WHERE key = 'layout';
SELECT pg_temp.change('ALTER TABLE a.blocks DROP hash CASCADE');
SELECT pg_temp.add();
SELECT DISTINCT version FROM chainsync.chain_tables;
SET ROLE regress_chainsync_other;
SELECT chainsync.upgrade_chain('a');
RESET ROLE;
SELECT DISTINCT version FROM chainsync.chain_tables;
SELECT value -> 'version' AS version FROM a.chainsync_info WHERE key = 'layout';
SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute
WHERE attrelid = 'a.blocks'::regclass AND attname IN ('slot_number', 'block_access_list_hash') ORDER BY 1;
SELECT chainsync.upgrade_chain('a');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT chainsync.upgrade_chain('a');
ROLLBACK;

-- what stands on the tables
CREATE TABLE mine (n bigint REFERENCES a.blocks);
CREATE TABLE cascading (n bigint REFERENCES a.blocks ON DELETE CASCADE);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON a.logs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE CONSTRAINT TRIGGER early AFTER INSERT ON a.logs DEFERRABLE FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE a.withdrawals ADD CONSTRAINT known FOREIGN KEY (block_number) REFERENCES a.blocks ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
SELECT chainsync.start('a');
SELECT chainsync.stop('a');
INSERT INTO mine VALUES (30);
SELECT chainsync.resync('a', '{[30,31)}');
SELECT count(*) FROM a.blocks WHERE number = 30;
SELECT chainsync.resync('a', '{[22,23)}');
DROP TABLE mine;
DROP TRIGGER late ON a.logs;
ALTER TABLE a.withdrawals DROP CONSTRAINT known;
SELECT chainsync.start('a');
SELECT chainsync.stop('a');
SELECT chainsync.resync('a', '{[30,31)}');

SELECT chainsync.revoke('regress_chainsync_other');
SELECT chainsync.revoke('regress_chainsync_owner');
DROP TABLE cascading;
DROP EXTENSION chainsync;
DROP SCHEMA a CASCADE;
DROP FUNCTION nothing();
DROP OWNED BY regress_chainsync_owner, regress_chainsync_other;
DROP ROLE regress_chainsync_owner;
DROP ROLE regress_chainsync_other;
