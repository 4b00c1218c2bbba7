# An owner of a chain who is no superuser tries to get further than that, by
# everything that can stand on a table.  Whatever runs, runs as the owner, and
# nothing of it is left in the worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use Test::More;

need('chainsim');

my $sim = start_chainsim('--generate', 300, '--profile', 'thin', '--head', 99);
my $node = new_node(
	'roles',
	'chainsync.allow_private_endpoints' => 'on',
	'chainsync.commit_blocks' => 20);
my $url = $sim->url;
my ($rc, $out, $err);

# A schema of our name, made by somebody else before us.
$node->safe_psql('postgres', q{
	DROP EXTENSION chainsync;
	DROP SCHEMA IF EXISTS chainsync;
	CREATE ROLE eve;
	GRANT CREATE ON DATABASE postgres TO eve;
	GRANT CREATE ON SCHEMA public TO eve;
	SET ROLE eve;
	CREATE SCHEMA chainsync});
($rc, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION chainsync');
like($err, qr/schema "chainsync" belongs to another role/,
	'the extension does not move into somebody else\'s schema');
$node->safe_psql('postgres', q{
	DROP SCHEMA chainsync;
	CREATE EXTENSION chainsync;
	SELECT chainsync.grant('eve', 'admin')});

# Objects in the way of names that are looked up without a schema.
$node->safe_psql('postgres', q{
	SET ROLE eve;
	CREATE SCHEMA evil;
	CREATE TABLE evil.trace (
		id bigint GENERATED ALWAYS AS IDENTITY, xid bigint DEFAULT txid_current(),
		at text, who name, session name, path text, mark text, replication text,
		isolation text, escaped text);
	CREATE FUNCTION evil.note(place text) RETURNS boolean LANGUAGE plpgsql AS $$
	DECLARE
		escaped text := '';
	BEGIN
		BEGIN
			EXECUTE 'RESET ROLE';
			escaped := escaped || ' reset role';
		EXCEPTION WHEN OTHERS THEN
		END;
		BEGIN
			EXECUTE 'SET ROLE postgres';
			escaped := escaped || ' set role';
		EXCEPTION WHEN OTHERS THEN
		END;
		BEGIN
			EXECUTE 'SET SESSION AUTHORIZATION DEFAULT';
			escaped := escaped || ' session authorization';
		EXCEPTION WHEN OTHERS THEN
		END;
		BEGIN
			EXECUTE 'ALTER ROLE eve SUPERUSER';
			escaped := escaped || ' superuser';
		EXCEPTION WHEN OTHERS THEN
		END;
		BEGIN
			PERFORM count(*) FROM chainsync.endpoints;
			escaped := escaped || ' endpoints';
		EXCEPTION WHEN OTHERS THEN
		END;
		BEGIN
			UPDATE chainsync.chains SET enabled = enabled;
			escaped := escaped || ' chains';
		EXCEPTION WHEN OTHERS THEN
		END;
		BEGIN
			PERFORM set_config('session_replication_role', 'replica', false);
			escaped := escaped || ' replication role';
		EXCEPTION WHEN OTHERS THEN
		END;
		INSERT INTO evil.trace (at, who, session, path, mark, replication, isolation, escaped) VALUES (place, current_user, session_user,
			current_setting('search_path'), current_setting('evil.mark', true),
			current_setting('session_replication_role'),
			current_setting('transaction_isolation'), escaped);
		PERFORM set_config('evil.mark', 'left behind', false),
			set_config('search_path', 'evil, public, pg_catalog', false),
			set_config('statement_timeout', '1ms', false),
			set_config('DateStyle', 'SQL, DMY', false),
			set_config('bytea_output', 'escape', false);
		RETURN true;
	END $$;
	CREATE FUNCTION evil.trigger() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM evil.note(TG_NAME); RETURN NEW; END $$;
	CREATE FUNCTION evil.indexed(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
		$$ BEGIN RETURN evil.note('index'); END $$;
	CREATE FUNCTION evil.lower(anymultirange) RETURNS bigint LANGUAGE plpgsql AS
		$$ BEGIN PERFORM evil.note('lower'); RETURN 0; END $$;
	CREATE FUNCTION public.coalesced(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN RETURN evil.note('operator'); END $$;
	CREATE OPERATOR public.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.coalesced);
	CREATE OPERATOR public.<= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.coalesced)});

$node->safe_psql('postgres', qq{
	SET ROLE eve;
	SELECT chainsync.add_chain('e', ARRAY['$url'], partition_blocks => 50);
	SELECT chainsync.stop('e')});
wait_status($node, 'e', 'stopped');
$node->safe_psql('postgres', q{
	SET ROLE eve;
	CREATE TRIGGER t_before BEFORE INSERT ON e.blocks FOR EACH ROW EXECUTE FUNCTION evil.trigger();
	CREATE TRIGGER t_after AFTER INSERT ON e.transactions FOR EACH ROW EXECUTE FUNCTION evil.trigger();
	CREATE TRIGGER t_statement AFTER INSERT ON e.blocks FOR EACH STATEMENT EXECUTE FUNCTION evil.trigger();
	CREATE TRIGGER t_delete BEFORE DELETE ON e.blocks FOR EACH ROW EXECUTE FUNCTION evil.trigger();
	DROP TRIGGER t_delete ON e.blocks;
	CREATE INDEX ON e.blocks (number) WHERE evil.indexed(number);
	ALTER TABLE e.logs ALTER data SET DEFAULT CASE WHEN evil.note('default') THEN '\x'::bytea END;
	ALTER TABLE e.blocks ADD CHECK (evil.note('check'));
	CREATE POLICY p ON e.transactions USING (evil.note('policy')) WITH CHECK (evil.note('policy'));
	ALTER TABLE e.transactions ENABLE ROW LEVEL SECURITY;
	CREATE RULE r AS ON INSERT TO e.withdrawals DO ALSO INSERT INTO evil.trace (at, who) SELECT 'rule', current_user;
	SELECT chainsync.start('e')});

wait_synced($node, 'e', 99);
$sim->control({ head => 299 });
wait_synced($node, 'e', 299);
$node->safe_psql('postgres', q{SET ROLE eve; SELECT chainsync.resync('e', '{[30,60)}')});
wait_synced($node, 'e', 299);

my $ran = $node->safe_psql('postgres',
	q{SELECT string_agg(DISTINCT at, ' ' ORDER BY at) FROM evil.trace});
like($ran, qr/check.*index.*t_after.*t_before.*t_statement/,
	"the owner's code was run: $ran");
unlike($ran, qr/lower|operator/, 'functions and operators of theirs did not shadow ours');
is( $node->safe_psql('postgres', q{SELECT string_agg(DISTINCT who, ' ') FROM evil.trace}),
	'eve', '... always as the owner');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM evil.trace WHERE escaped <> ''}),
	'0', '... and never became anybody else');
# What a statement's first trigger finds is what the statement began with.
my $first = q{(SELECT DISTINCT ON (xid, at) * FROM evil.trace
	WHERE at IN ('t_before', 't_after') ORDER BY xid, at, id) AS f};
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM $first"),
	'>', 20, 'many statements were seen');
is( $node->safe_psql('postgres', "SELECT string_agg(DISTINCT path, ' ') FROM $first"),
	'pg_catalog, pg_temp', 'what it set is gone with its statement: search_path');
is( $node->safe_psql('postgres', "SELECT count(*) FROM $first WHERE mark <> ''"),
	'0', '... and a setting of its own');
is( $node->safe_psql('postgres',
		q{SELECT string_agg(DISTINCT replication || ' ' || isolation, ', ') FROM evil.trace WHERE at <> 'rule'}),
	'origin read committed', 'pinned settings hold');
is( $node->safe_psql('postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'eve'}),
	'f', 'eve is no superuser');

# The worker itself, afterwards: another chain's rows are what they should be,
# written by the same scheduler, and the error count did not grow.
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM chainsync.stat_worker WHERE last_error IS NOT NULL}),
	'0', 'the worker had no error, of a statement_timeout for one');
add_chain($node, 'undisturbed', $url);
wait_synced($node, 'undisturbed', 299);
is_deeply([ differences($node, 'e', 'undisturbed') ],
	[], 'the rows are those of an undisturbed sync');

# Settings that ALTER DATABASE and ALTER ROLE bend.
$node->safe_psql('postgres', q{
	ALTER DATABASE postgres SET default_transaction_isolation = 'serializable';
	ALTER DATABASE postgres SET default_transaction_read_only = on;
	ALTER DATABASE postgres SET statement_timeout = '1ms';
	ALTER DATABASE postgres SET search_path = evil, public;
	ALTER DATABASE postgres SET row_security = on;
	ALTER ROLE postgres SET session_replication_role = 'replica';
	ALTER ROLE postgres SET bytea_output = 'escape';
	ALTER ROLE postgres SET lock_timeout = '1ms'});
$node->restart;
# ... but this program
$ENV{PGOPTIONS} = '-c statement_timeout=0 -c lock_timeout=0'
  . ' -c default_transaction_isolation=read\ committed'
  . ' -c default_transaction_read_only=off -c session_replication_role=origin'
  . ' -c bytea_output=hex -c search_path=public';
$node->safe_psql('postgres', q{
	TRUNCATE evil.trace;
	SELECT chainsync.resync('e', '{[100,160)}')});
wait_synced($node, 'e', 299);
is( $node->safe_psql('postgres',
		q{SELECT string_agg(DISTINCT replication || ' ' || isolation || ' ' || path, ', ') FROM } . $first),
	'origin read committed pg_catalog, pg_temp',
	'ALTER DATABASE and ALTER ROLE do not bend the workers');
is_deeply([ differences($node, 'e', 'undisturbed') ],
	[], 'the rows are those of an undisturbed sync');

assert_no_crash($node);
$node->stop;
$sim->stop;
done_testing();
