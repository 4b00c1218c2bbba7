# A follower's memory does not grow with what it has synced.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

need('chainsim');
plan skip_all => 'no /proc/PID/smaps' unless -r '/proc/self/smaps';

# What is allocated stays the same, as malloc_stats() shows; pages of the heap
# go on to be touched for a while, as pieces of all sizes come and go.
use constant { EARLY => 4000, LATE => 19999, FIRST_MARGIN_KB => 10240,
	MARGIN_KB => 4096 };

my $sim = start_chainsim('--generate', LATE + 1, '--profile', 'thin',
	'--head', EARLY);
my $node = new_node('memory', 'max_wal_size' => '4GB');

# Private memory in kB.  Pages of shared memory that nobody else has touched
# are "private" to the kernel, but not to us: only private mappings count.
sub private_kb
{
	my ($pid) = @_;
	my $private = 0;
	my $sum = 0;

	foreach my $line (split /\n/, slurp_file("/proc/$pid/smaps"))
	{
		if ($line =~ /^[0-9a-f]+-[0-9a-f]+ ...(.) /)
		{
			$private = $1 eq 'p';
		}
		elsif ($private && $line =~ /^Private_(?:Clean|Dirty):\s+(\d+) kB/)
		{
			$sum += $1;
		}
	}
	return $sum;
}

# partition_blocks: some partitions are made in both halves.
add_chain($node, 'm', $sim->url, 'partition_blocks => 4000');
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
cmp_ok($late - $early, '<', FIRST_MARGIN_KB,
	'private memory settles over 20,000 blocks');

sub fetch_again
{
	my ($first) = @_;

	$node->safe_psql('postgres', "SELECT chainsync.resync('m', '{[$first,)}')");
	wait_synced($node, 'm', LATE);
}

# As many once more.
fetch_again(0);
my $again = private_kb($pid);
diag "private memory: $again kB after as many again";
cmp_ok($again - $late, '<', MARGIN_KB, 'and is flat over 20,000 more');

# Failures leave nothing behind either.
$sim->control({ fault => $_, p => 0.05 })
  foreach qw(http-500 truncated garbage other-id);
fetch_again(18000);
my $failed = private_kb($pid);
fetch_again(18000) foreach 1 .. 4;
my $after = private_kb($pid);
diag "private memory: $failed kB after failures, $after kB after five times as many";
cmp_ok($after - $failed, '<', MARGIN_KB, 'and with failures');
$sim->control({ fault => undef });
wait_status($node, 'm', 'caught_up');
is(worker_pid($node, 'follower', 'm'), $pid, 'it is still the same process');

assert_no_crash($node);
$node->stop;
$sim->stop;
done_testing();
