# Workers come and go: stop and start, restarts, signals, drops, too few
# processes; and none of it touches what is stored.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

need('chainsim');

use constant HEAD => 600;

my $sim = start_chainsim('--generate', HEAD + 1, '--profile', 'thin');
my $hung = start_chainsim('--generate', 30, '--profile', 'thin', '--fault', 'hang');
my $node = new_node(
	'lifecycle',
	'chainsync.databases' => 'postgres, other',
	'chainsync.retry_max_delay' => '200ms',
	'chainsync.request_timeout' => '10min',
	'chainsync.connect_timeout' => '10min');

sub sql
{
	my ($query, $database) = @_;

	return $node->safe_psql($database // 'postgres', $query);
}

add_chain($node, 'undisturbed', $sim->url, 'end_block => ' . HEAD);
wait_synced($node, 'undisturbed', HEAD);
sql("SELECT chainsync.stop('undisturbed')");

# Slow enough to be in the middle for a while.
add_chain($node, 'c', $sim->url, 'commit_blocks => 10, max_inflight_requests => 2');
wait_synced($node, 'c', HEAD);

sub begin_again
{
	$sim->control({ fault => 'latency', arg => 5 });
	sql("SELECT chainsync.resync('c', '{[0,)}')");
	wait_for_sql($node,
		"SELECT chainsync._count(chainsync.synced('c')) BETWEEN 10 AND 500");
}

sub ok_finished
{
	my ($title) = @_;

	$sim->control({ fault => undef });
	wait_synced($node, 'c', HEAD);
	wait_status($node, 'c', 'caught_up');
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([ differences($node, 'c', 'undisturbed') ],
		[], "$title: the sync finishes with the rows of an undisturbed one");
}

# The text of the log since, with a line's count.
sub ok_logged
{
	my ($offset, $pattern, $times, $title) = @_;
	my ($log) = log_since($node, $offset);
	my @lines = grep { $_ =~ $pattern } grep { /LOG:|WARNING:/ } split /\n/, $log;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @lines, $times, $title) or diag $log;
}

# stop and start
begin_again();
my $offset = -s $node->logfile;
sql("SELECT chainsync.stop('c')");
wait_status($node, 'c', 'stopped');
my $stored = sql("SELECT chainsync.synced('c'), (SELECT count(*) FROM c.logs)");
is( sql("SELECT pid IS NULL, state, stop_reason FROM chainsync.stat_worker WHERE chain = 'c'"),
	't|stopped|stopped by the user',
	'stop: stat_worker has the reason');
ok_logged($offset, qr/follower of chain "c" stops: stopped by the user/,
	1, 'stop: the log says why, once');
sleep 0.5;
is(sql("SELECT chainsync.synced('c'), (SELECT count(*) FROM c.logs)"),
	$stored, 'stop: nothing is written any more');
sql("SELECT chainsync.stop('c')");
$node->restart;
wait_for_sql($node,
	"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'chainsync scheduler'",
	'1');
sleep 0.5;
is( sql("SELECT status FROM chainsync.progress WHERE chain = 'c'"),
	'stopped', 'stop: survives a restart of the server');
sql("SELECT chainsync.start('c')");
sql("SELECT chainsync.start('c')");
ok_finished('stop and start');

# Restarts, in each way.
foreach my $mode (qw(smart fast immediate))
{
	begin_again();
	$offset = -s $node->logfile;
	$node->stop($mode);
	$node->start;
	ok_finished("server stopped ($mode) and started");
}

# Each worker terminated, and cancelled.
foreach my $call (qw(pg_terminate_backend pg_cancel_backend))
{
	foreach my $worker (qw(launcher scheduler follower))
	{
		my $chain = $worker eq 'follower' ? 'c' : undef;

		begin_again();
		my $pid = worker_pid($node, $worker, $chain);
		like($pid, qr/^\d+$/, "the $worker runs");
		is(sql("SELECT $call($pid)"), 't', "$call of the $worker");
		if ($call eq 'pg_terminate_backend')
		{
			wait_for_sql($node,
				"SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", '0');
		}
		wait_for_sql($node,
			"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'chainsync $worker'",
			'1');
		ok_finished("$call of the $worker");
	}
}

# Hangs hold nobody up: a second chain, whose endpoint never answers.
add_chain($node, 'hung', $hung->url);
wait_for_sql($node,
	"SELECT inflight > 0 FROM chainsync.stat_endpoint WHERE chain = 'hung'");
my $alone = time;
$sim->control({ fault => undef });
sql("SELECT chainsync.resync('c', '{[0,)}')");
wait_synced($node, 'c', HEAD);
cmp_ok(time - $alone, '<', 30, 'an endpoint that hangs does not hold up another chain');
is(sql("SELECT status FROM chainsync.progress WHERE chain = 'hung'"),
	'starting', 'its own chain waits');

# A database is dropped, while a worker elsewhere waits for the endpoint.
sub timed
{
	my ($title, $limit, $query) = @_;
	my $start = time;

	sql($query);
	my $took = time - $start;
	cmp_ok($took, '<', $limit, sprintf '%s: %.2f s', $title, $took);
}

sql('CREATE DATABASE unrelated');
timed('DROP DATABASE of another one, with a hung endpoint', 1, 'DROP DATABASE unrelated');
sql("SELECT chainsync.stop('hung')");
wait_status($node, 'hung', 'stopped', 5);
pass('stop ends a worker that waits for a hung endpoint');
sql("SELECT chainsync.start('hung')");

# DROP DATABASE of the workers' own: by force, and after taking it off the list.
foreach my $way ('by force', 'off the list')
{
	sql('CREATE DATABASE other');
	sql('CREATE EXTENSION chainsync', 'other');
	sql("SELECT chainsync.add_chain('o', ARRAY['" . $hung->url . "'])", 'other');
	wait_for_sql($node,
		"SELECT count(*) FROM pg_stat_activity WHERE datname = 'other' AND backend_type LIKE 'chainsync%'",
		'2');
	if ($way eq 'by force')
	{
		timed('DROP DATABASE WITH (FORCE)', 5, 'DROP DATABASE other WITH (FORCE)');
		next;
	}
	my ($rc, $out, $err) = $node->psql('postgres', 'DROP DATABASE other');
	like($err, qr/being accessed by other users/,
		'while workers run, a plain DROP DATABASE refuses');
	$offset = -s $node->logfile;
	$node->append_conf('postgresql.conf', "chainsync.databases = 'postgres'");
	my $start = time;
	$node->reload;
	wait_for_sql($node,
		"SELECT count(*) FROM pg_stat_activity WHERE datname = 'other'", '0', 10);
	cmp_ok(time - $start, '<', 3, 'its workers end at once');
	sql('DROP DATABASE other');
	ok_logged($offset, qr/stops: database is not in chainsync\.databases/,
		2, 'each says why, once');
}
ok_finished('databases dropped beside it');

# The extension is dropped while two chains sync, one of them waiting.
begin_again();
$offset = -s $node->logfile;
timed('DROP EXTENSION while syncing', 10, 'DROP EXTENSION chainsync');
wait_for_sql($node,
	"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'chainsync follower'",
	'0', 10);
my $left = sql('SELECT count(*), max(number) FROM c.blocks');
like($left, qr/^[1-9]\d*\|\d+$/, 'the tables are there, and readable');
is( sql("SELECT count(*) FROM c.blocks AS b JOIN undisturbed.blocks AS u USING (number) WHERE b.* IS DISTINCT FROM u.*"),
	0, 'with the rows that were written');
sleep 0.5;
is(sql('SELECT count(*), max(number) FROM c.blocks'), $left, 'nobody writes to them');
ok_logged($offset, qr/follower of chain "c" stops: .*extension/,
	1, 'the log says why, once');
ok_logged($offset, qr/follower of chain "hung" stops: .*extension/,
	1, 'the waiting one says so too');
ok_logged($offset, qr/ERROR/, 0, 'and nothing is an error');
sql('DROP SCHEMA c, undisturbed, hung CASCADE');
sql('CREATE EXTENSION chainsync');
add_chain($node, 'undisturbed', $sim->url, 'end_block => ' . HEAD);
add_chain($node, 'c', $sim->url);
wait_synced($node, 'undisturbed', HEAD);
ok_finished('CREATE EXTENSION anew');

# Dropped with the chains' removal, all kinds of it in a hurry.
$sim->control({ fault => 'latency', arg => 5 });
foreach my $i (1 .. 5)
{
	add_chain($node, "t$i", $sim->url, 'commit_blocks => 3');
	sleep rand 0.3;
	sql("SELECT chainsync.remove_chain('t$i', true)");
	is(sql("SELECT count(*) FROM pg_namespace WHERE nspname = 't$i'"),
		0, 'a chain removed soon after it was added leaves nothing');
}
wait_for_sql($node,
	"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'chainsync follower'",
	'2');

# No background worker is left for one of two chains.
$offset = -s $node->logfile;
$node->append_conf('postgresql.conf', 'max_worker_processes = 4');
$node->restart;
wait_for_sql($node,
	"SELECT count(*) FROM chainsync.progress WHERE reason LIKE '%max_worker_processes%'",
	'1');
is( sql("SELECT status FROM chainsync.progress WHERE reason LIKE '%max_worker_processes%'"),
	'starting', 'a chain without a worker is starting, with the reason');
ok_logged($offset, qr/no free background worker slot/, 1, 'the log says so, once');
$sim->control({ fault => undef });
sql("SELECT chainsync.stop(chain) FROM chainsync.progress WHERE reason IS NULL OR reason NOT LIKE '%max_worker_processes%'");
wait_for_sql($node,
	"SELECT status FROM chainsync.progress WHERE status <> 'stopped'",
	'caught_up');
pass('it gets the place of a chain that is stopped');

assert_no_crash($node);
$node->stop;
$_->stop foreach $sim, $hung;
done_testing();
