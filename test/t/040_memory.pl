# A follower's memory does not grow with what it has synced.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

need('chainsim');
plan skip_all => 'no /proc/PID/smaps_rollup' unless -r '/proc/self/smaps_rollup';

use constant { EARLY => 4000, LATE => 19999, MARGIN_KB => 2048 };

my $sim = start_chainsim('--generate', LATE + 1, '--profile', 'thin',
	'--head', EARLY);
my $node = new_node('memory', 'max_wal_size' => '4GB');

# Private memory in kB, shared buffers and code not counted.
sub private_kb
{
	my ($pid) = @_;
	my $text = slurp_file("/proc/$pid/smaps_rollup");
	my $sum = 0;

	$sum += $1 while $text =~ /^Private_\w+:\s+(\d+) kB/mg;
	return $sum;
}

# partition_blocks: some partitions are made in both halves.
add_chain($node, 'm', $sim->url, 'partition_blocks => 2000');
wait_synced($node, 'm', EARLY);
wait_status($node, 'm', 'caught_up');
my $pid = worker_pid($node, 'follower', 'm');
my $early = private_kb($pid);

$sim->control({ head => LATE });
wait_synced($node, 'm', LATE);
wait_status($node, 'm', 'caught_up');
is(worker_pid($node, 'follower', 'm'), $pid, 'it is the same process');
my $late = private_kb($pid);
diag "private memory: $early kB after @{[EARLY]} blocks, $late kB after @{[LATE + 1]}";
cmp_ok($late - $early, '<', MARGIN_KB,
	'private memory is flat over 20,000 blocks');

# Failures leave nothing behind either.
$sim->control({ fault => $_, p => 0.05 })
  foreach qw(http-500 truncated garbage other-id);
foreach my $round (1 .. 5)
{
	$node->safe_psql('postgres',
		"SELECT chainsync.resync('m', '{[18000,)}')");
	wait_synced($node, 'm', LATE);
}
$sim->control({ fault => undef });
wait_status($node, 'm', 'caught_up');
my $after = private_kb($pid);
diag "private memory: $after kB after failures and resyncs";
cmp_ok($after - $late, '<', MARGIN_KB, 'and after failures');

assert_no_crash($node);
$node->stop;
$sim->stop;
done_testing();
