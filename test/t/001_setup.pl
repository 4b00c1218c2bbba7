# What a server says and does that is not set up for workers, or not yet.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use Test::More;

need('chainsim');

my $sim = start_chainsim('--generate', 20, '--profile', 'thin');
my $url = $sim->url;
my ($rc, $out, $err);

# Without the library: SQL works, and a warning has the lines to add.
my $node = new_node(
	'setup',
	'shared_preload_libraries' => undef,
	map { ("chainsync.$_" => undef) }
	  qw(databases poll_interval connect_timeout request_timeout
	  retry_initial_delay retry_max_delay));

($rc, $out, $err) = $node->psql('postgres',
	"SELECT chainsync.add_chain('early', ARRAY['$url'], end_block => 9)");
is($rc, 0, 'without preload a chain is added');
like($err, qr/^psql:<stdin>:1: WARNING:  the chain is recorded, but no worker can run/m,
	'... with a warning');
like($err, qr/^shared_preload_libraries = 'chainsync'$/m, '... with one line');
like($err, qr/^chainsync\.databases = 'postgres'$/m, '... and the other');
is( $node->safe_psql('postgres',
		"SELECT status, reason LIKE '%shared_preload_libraries%' FROM chainsync.progress"),
	'starting|t',
	'progress says why nothing happens');

# With it, but the database not listed.
$node->append_conf('postgresql.conf',
	q{shared_preload_libraries = '$libdir/chainsync'});
$node->restart;
($rc, $out, $err) = $node->psql('postgres',
	"SELECT chainsync.add_chain('second', ARRAY['$url'], end_block => 9)");
like($err, qr/database "postgres" is not in chainsync\.databases/,
	'with preload, a database that is not listed is a warning');
unlike($err, qr/shared_preload_libraries/, '... about that only');
is( $node->safe_psql('postgres',
		"SELECT DISTINCT reason LIKE '%chainsync.databases%' FROM chainsync.progress"),
	't',
	'progress says so');

# Both lines: what was recorded earlier is synced, after a mere reload.
$node->append_conf('postgresql.conf', q{chainsync.databases = 'postgres'});
$node->reload;
wait_synced($node, 'early', 9);
wait_synced($node, 'second', 9);
wait_status($node, 'early', 'caught_up');
is($node->safe_psql('postgres', 'SELECT count(*) FROM early.blocks'),
	'10', 'recorded chains are synced');
is( $node->safe_psql('postgres', "SELECT min(number), max(number) FROM second.blocks"),
	'0|9',
	'end_block is inclusive');
($rc, $out, $err) = $node->psql('postgres',
	"SELECT chainsync.add_chain('third', ARRAY['$url'], end_block => 9)");
is($err, '', 'no warning now');
wait_synced($node, 'third', 9);

# Taken off the list: workers end at once and the database is free.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION chainsync');
$node->safe_psql('other',
	"SET client_min_messages = error; SELECT chainsync.add_chain('c', ARRAY['$url'])");
$node->append_conf('postgresql.conf', q{chainsync.databases = 'postgres, other'});
$node->reload;
wait_for_sql($node,
	q{SELECT count(*) > 1 FROM pg_stat_activity WHERE datname = 'other'});
$node->append_conf('postgresql.conf', q{chainsync.databases = 'postgres'});
$node->reload;
wait_for_sql($node,
	q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'other'}, '0', 30);
$node->safe_psql('postgres', 'ALTER DATABASE other RENAME TO another');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE another');
$node->safe_psql('postgres', 'DROP DATABASE another');
pass('a database taken off the list can be renamed, copied and dropped');

# Too few worker processes: one line in the log with the numbers.
my $offset = -s $node->logfile;
$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->restart;
wait_for_sql(
	$node,
	q{SELECT count(*) > 0 FROM chainsync.progress
	WHERE status = 'starting' AND reason LIKE '%max_worker_processes%'});
pass('progress names max_worker_processes');
my ($log) = log_since($node, $offset);
my @lines = $log =~ /(no free background worker slot)/g;
is(scalar @lines, 1, 'the log says it once');
like($log, qr/max_worker_processes is 3/, '... with the number');
like($log, qr/Set max_worker_processes to a higher value/, '... and a hint');

assert_no_crash($node);
$node->stop;
$sim->stop;
done_testing();
