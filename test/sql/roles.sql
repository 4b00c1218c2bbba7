-- Who may do what.
\set SHOW_CONTEXT never
CREATE EXTENSION chainsync;
SET client_min_messages = error;
CREATE ROLE regress_chainsync_reader;
CREATE ROLE regress_chainsync_operator;
CREATE ROLE regress_chainsync_admin;
CREATE ROLE regress_chainsync_member IN ROLE regress_chainsync_operator;
CREATE ROLE regress_chainsync_nobody;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_chainsync_admin, regress_chainsync_nobody', current_database()); END $$;

-- every function for users is some level's, but for those that grant
SELECT DISTINCT proname FROM pg_proc
WHERE pronamespace = 'chainsync'::regnamespace AND proname NOT LIKE '\_%'
	AND proname NOT IN (SELECT name FROM chainsync._privileges() WHERE kind = 'routine')
ORDER BY 1;
-- and what the levels name is there
SELECT kind, name FROM chainsync._privileges() AS p
WHERE NOT EXISTS (SELECT FROM pg_class WHERE relname = p.name AND relnamespace = 'chainsync'::regnamespace AND p.kind = 'table')
	AND NOT EXISTS (SELECT FROM pg_proc WHERE proname = p.name AND pronamespace = 'chainsync'::regnamespace AND p.kind = 'routine');

SELECT chainsync.add_chain('one', ARRAY['http://127.0.0.1:1/']);
SELECT chainsync.stop('one');
SELECT chainsync.grant('regress_chainsync_reader', 'reader');
SELECT chainsync.grant('regress_chainsync_operator', 'operator', 'one');
SELECT chainsync.grant('regress_chainsync_admin', 'admin');
-- a lower level takes nothing away
SELECT chainsync.grant('regress_chainsync_admin', 'reader');
SELECT role, c.name AS chain, level FROM chainsync.grants LEFT JOIN chainsync.chains AS c ON c.id = chain ORDER BY role::text;
SELECT chainsync.grant('regress_chainsync_admin', 'king');
SELECT chainsync.grant('regress_chainsync_unknown', 'reader');
SELECT chainsync.grant('public', 'reader');
SELECT chainsync.grant('regress_chainsync_reader', 'reader', 'nobody');
SELECT chainsync.grant('regress_chainsync_reader', NULL);
SELECT chainsync.grant(current_user::name, 'reader');

-- without a grant
SET ROLE regress_chainsync_nobody;
SELECT * FROM chainsync.progress;
SELECT * FROM chainsync.endpoints;
SELECT chainsync.stop('one');
SELECT count(*) FROM one.blocks;
RESET ROLE;
-- EXECUTE alone is not enough
GRANT USAGE ON SCHEMA chainsync TO regress_chainsync_nobody;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA chainsync TO regress_chainsync_nobody;
REVOKE EXECUTE ON FUNCTION chainsync.grant, chainsync.revoke FROM regress_chainsync_nobody;
SET ROLE regress_chainsync_nobody;
SELECT chainsync.stop('one');
SELECT chainsync.resync('one', '{[0,1)}');
SELECT chainsync.remove_chain('one');
SELECT chainsync.alter_chain('one', confirmations => 1);
SELECT chainsync.add_endpoint('one', 'http://127.0.0.1:2/');
SELECT chainsync.add_chain('two', ARRAY['http://127.0.0.1:1/']);
-- the inner functions run as whoever calls them
SELECT chainsync._stop('one');
SELECT chainsync._add_endpoint('one', 'http://127.0.0.1:2/', 0, NULL, NULL, NULL, false);
RESET ROLE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA chainsync FROM regress_chainsync_nobody;
REVOKE ALL ON SCHEMA chainsync FROM regress_chainsync_nobody;

-- an admin adds a chain, which is theirs; a reader of all reads it
SET ROLE regress_chainsync_admin;
SELECT chainsync.add_chain('two', ARRAY['http://192.0.2.1/'], end_block => 9);
SELECT chainsync.stop('two');
SELECT chainsync.alter_chain('one', confirmations => 5);
SELECT chainsync.add_endpoint('one', 'http://192.0.2.2/') > 0 AS added;
SELECT by_superuser FROM chainsync.endpoints;
SELECT chainsync.grant('regress_chainsync_nobody', 'reader');
RESET ROLE;
SELECT c.name, e.url, e.by_superuser FROM chainsync.endpoints AS e JOIN chainsync.chains AS c ON c.id = e.chain ORDER BY 1, 2;
SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'two'::regnamespace;

SET ROLE regress_chainsync_reader;
SELECT count(*) FROM one.blocks;
SELECT count(*) FROM two.logs;
SELECT chain, status FROM chainsync.progress ORDER BY 1;
SELECT chain, url FROM chainsync.stat_endpoint ORDER BY 1, 2;
SELECT count(*) >= 0 AS works FROM chainsync.stat_worker;
SELECT chainsync.synced('one');
SELECT * FROM chainsync.gaps('one');
SELECT chainsync.block_at('one', now());
SELECT count(*) FROM chainsync.failed_ranges;
SELECT url FROM chainsync.endpoints;
SELECT * FROM chainsync.grants;
SELECT chainsync.start('one');
INSERT INTO one.withdrawals DEFAULT VALUES;
UPDATE chainsync.chains SET enabled = true;
RESET ROLE;

-- an operator of one chain
SET ROLE regress_chainsync_operator;
SELECT chainsync.start('one');
SELECT chainsync.retry_failed('one');
SELECT chainsync.resync('one', '{[0,1)}');
SELECT chainsync.start('two');
SELECT chainsync.resync('two', '{[0,1)}');
SELECT chainsync.alter_chain('one', confirmations => 1);
SELECT count(*) FROM two.blocks;
RESET ROLE;
SET ROLE regress_chainsync_member;
SELECT chainsync.stop('one');
RESET ROLE;

-- somebody else's function counts as somebody else
SET ROLE regress_chainsync_operator;
CREATE FUNCTION pg_temp.stop_one() RETURNS void LANGUAGE sql SECURITY DEFINER
	BEGIN ATOMIC SELECT chainsync.stop('one'); END;
RESET ROLE;
SELECT pg_temp.stop_one();
SELECT chainsync.revoke('regress_chainsync_operator');
SELECT pg_temp.stop_one();

-- revoked
SET ROLE regress_chainsync_operator;
SELECT chainsync.start('one');
SELECT count(*) FROM one.blocks;
RESET ROLE;
SELECT chainsync.revoke('regress_chainsync_operator');
-- an owner keeps what is theirs
SELECT chainsync.revoke('regress_chainsync_admin');
SET ROLE regress_chainsync_admin;
SELECT count(*) FROM two.blocks;
SELECT count(*) FROM one.blocks;
SELECT chainsync.stop('two');
RESET ROLE;
-- one of two
SELECT chainsync.grant('regress_chainsync_reader', 'admin', 'two');
SELECT chainsync.revoke('regress_chainsync_reader', 'two');
SET ROLE regress_chainsync_reader;
SELECT count(*) FROM two.blocks;
SELECT chainsync.drop_endpoint('two', 1);
RESET ROLE;
SELECT chainsync.revoke('regress_chainsync_reader');

-- nothing is left of what was granted
SELECT count(*) FROM chainsync.grants;
SELECT count(*) AS left_over FROM pg_shdepend
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND deptype = 'a' AND refobjid IN ('regress_chainsync_reader'::regrole, 'regress_chainsync_operator'::regrole);
DROP ROLE regress_chainsync_reader;
DROP ROLE regress_chainsync_member;
DROP FUNCTION pg_temp.stop_one();
DROP ROLE regress_chainsync_operator;
DROP EXTENSION chainsync;
DROP SCHEMA one, two CASCADE;
DROP OWNED BY regress_chainsync_admin, regress_chainsync_nobody;
DROP ROLE regress_chainsync_admin;
DROP ROLE regress_chainsync_nobody;
