# kill -9 of the server, or of one of its processes, at random moments of a
# sync: after a restart the sync finishes, and the tables are those of an
# undisturbed one, without gap or duplicate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

need('chainsim');

use constant { HEAD => 1999, ROUNDS => 20 };

my $seed = $ENV{CHAINSYNC_TEST_SEED} // time ^ $$;
srand($seed);
diag "seed $seed (CHAINSYNC_TEST_SEED repeats it)";

my $sim = start_chainsim('--generate', HEAD + 1, '--profile', 'thin');
my $node = new_node(
	'crash',
	'restart_after_crash' => 'on',
	'chainsync.retry_max_delay' => '100ms');

# Small batches and partitions, so that there is much to be interrupted.
my $options = 'commit_blocks => 20, partition_blocks => 128';

add_chain($node, 'undisturbed', $sim->url, $options);
wait_synced($node, 'undisturbed', HEAD);
$node->safe_psql('postgres', "SELECT chainsync.stop('undisturbed')");
my @expected = table_digests($node, 'undisturbed');
like($expected[0], qr/^blocks 2000 /, 'an undisturbed sync has all blocks');

# From nothing, partitions too, or all rows again.
sub begin_again
{
	my ($anew) = @_;

	if ($anew)
	{
		$node->safe_psql('postgres', "SELECT chainsync.remove_chain('c', true)");
		add_chain($node, 'c', $sim->url, $options);
		return;
	}
	$node->safe_psql('postgres', "SELECT chainsync.resync('c', '{[0,)}')");
}

add_chain($node, 'c', $sim->url, $options);
my $duration = time;
wait_synced($node, 'c', HEAD);
$duration = time - $duration;
diag sprintf 'a sync takes %.1f s', $duration;

# Ends the postmaster, as the kernel might, and waits for its children, who
# notice and end by themselves.
sub kill_server
{
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @pids = ($postmaster);
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	foreach my $file (glob '/proc/[0-9]*/stat')
	{
		my $stat = eval { slurp_file($file) } // next;
		push @pids, $1 if $stat =~ /^(\d+) \(.*\) . $postmaster /s;
	}
	$node->kill9;
	while (my @left = grep { kill 0, $_ } @pids)
	{
		die "processes @left do not end" if time > $deadline;
		sleep 0.02;
	}
	$node->start;
}

# Ends one process, upon which the postmaster ends the others and goes on.
sub kill_process
{
	my ($condition) = @_;
	my ($rc, $pid) = $node->psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE $condition ORDER BY random() LIMIT 1");

	return if $rc != 0 || $pid eq '';
	kill 'KILL', $pid;
	$node->poll_query_until('postgres',
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
	  or die 'the server does not come back';
}

my @kinds = (
	[ 'the server' => \&kill_server ],
	[ 'the follower' => sub { kill_process(q{backend_type = 'chainsync follower'}) } ],
	[ 'the server' => \&kill_server ],
	[ 'the scheduler' => sub { kill_process(q{backend_type = 'chainsync scheduler'}) } ],
	[ 'the server' => \&kill_server ],
	[ 'the launcher' => sub { kill_process(q{backend_type = 'chainsync launcher'}) } ],
	[ 'the server' => \&kill_server ],
	[ 'the checkpointer' => sub { kill_process(q{backend_type = 'checkpointer'}) } ]);
my $in_the_middle = 0;

foreach my $round (1 .. ROUNDS)
{
	my ($what, $kill) = @{ $kinds[ $round % @kinds ] };

	begin_again($round % 4 < 2);
	my $delay = rand($duration * 0.8);
	sleep $delay;
	$kill->();
	my $synced = $node->safe_psql('postgres',
		"SELECT chainsync._count(chainsync.synced('c'))");
	$in_the_middle++ if $synced > 0 && $synced < HEAD + 1;

	# What is stored right after the crash is what the position says.
	my $title = sprintf 'round %d, %s after %.2f s, %d blocks', $round, $what,
	  $delay, $synced;
	is( $node->safe_psql('postgres',
			"SELECT count(*) - chainsync._count(chainsync.synced('c')) FROM c.blocks"),
		'0', "$title: rows and position agree");

	wait_synced($node, 'c', HEAD);
	wait_status($node, 'c', 'caught_up');
	is( $node->safe_psql('postgres',
			"SELECT chainsync.synced('c'), (SELECT count(*) FROM chainsync.gaps('c')), (SELECT count(*) FROM chainsync.failed_ranges)"),
		sprintf('{[0,%d)}|0|0', HEAD + 1),
		"$title: no gap");
	my @digests = table_digests($node, 'c');
	is_deeply(\@digests, \@expected, "$title: the same rows");
}
cmp_ok($in_the_middle, '>=', ROUNDS / 4,
	"$in_the_middle of @{[ROUNDS]} rounds interrupted a sync");

# Not one of them was ours.
my ($log) = log_since($node, 0);
unlike($log, qr/signal 11|signal 6|signal 7|TRAP:|PANIC:/,
	'nothing crashed by itself');
$node->stop;
$sim->stop;
done_testing();
