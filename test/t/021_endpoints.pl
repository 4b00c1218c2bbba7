# Several endpoints and one that fails; what endpoints lack; values that do not
# fit; what to sync and how, changed while it goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

need('chainsim');

use constant HEAD => 400;

my @chain = ('--generate', HEAD + 1, '--profile', 'thin', '--gzip');
my $first = start_chainsim(@chain);
my $second = start_chainsim(@chain);
my $node = new_node(
	'endpoints',
	'chainsync.retry_max_delay' => '200ms',
	'chainsync.request_timeout' => '2s');

add_chain($node, 'undisturbed', $second->url, 'end_block => ' . HEAD);
wait_synced($node, 'undisturbed', HEAD);
$node->safe_psql('postgres', "SELECT chainsync.stop('undisturbed')");

sub sql
{
	my ($query) = @_;

	return $node->safe_psql('postgres', $query);
}

sub ok_same
{
	my ($title, $condition, $other) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([ differences($node, 'e', $other // 'undisturbed', $condition) ],
		[], "$title: the rows are those of an undisturbed sync");
}

sub ok_synced
{
	my ($title) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_synced($node, 'e', HEAD);
	wait_status($node, 'e', 'caught_up');
	ok_same($title);
}

sub stats
{
	my ($sim) = @_;

	return decode_json(HTTP::Tiny->new->get($sim->url . 'stats')->{content});
}

# The first endpoint fails, in many ways: the second one serves.
my $genesis =
  sql("SELECT encode(hash, 'hex') FROM undisturbed.blocks WHERE number = 0");
foreach my $case (
	[ 'http-500' => qr/HTTP 500/ ],
	[ 'http-429' => qr/HTTP 429/ ],
	[ 'garbage' => qr/not JSON-RPC/ ],
	[ 'reset' => qr/reset by peer/ ],
	[ 'hang' => qr/timed out/ ],
	[ 'wrong-chain-id', qr/chain id is \d+ instead of 1337/ ],
	[ 'wrong-genesis', qr/block 0 is 0x[0-9a-f]+ instead of 0x$genesis/ ],
	[ 'http-500', qr/HTTP 500/, 'eth_getBlockReceipts' ],
	[ 'truncated', qr/closed/, 'eth_getBlockReceipts' ],
	[ 'short-receipts', undef, 'eth_getBlockReceipts' ],
	[ 'receipts-null', undef, 'eth_getBlockReceipts' ],
	[ 'hash-only', qr/hashes only/ ],
	[ 'error', undef, 'eth_getBlockReceipts', 'pruned history unavailable/4444' ])
{
	my ($name, $expected, $method, $arg) = @$case;
	my $title = "first endpoint: $name" . ($method ? " of $method" : '');

	$first->control(
		{
			fault => $name,
			$method ? (method => $method) : (),
			$arg ? (arg => $arg) : ()
		});
	add_chain($node, 'e', [ $first->url, $second->url ],
		"chain_id => 1337, genesis => '\\x$genesis'");
	ok_synced($title);

	# It is not the chain's trouble, and stays so.
	my @seen = map { sleep 0.05; sql("SELECT status FROM chainsync.progress WHERE chain = 'e'") } 1 .. 10;
	is(scalar(grep { $_ ne 'caught_up' } @seen),
		0, "$title: the chain is well, as there is the second")
	  or diag "@seen " . sql("SELECT last_error FROM chainsync.progress WHERE chain = 'e'");
	wait_for_sql($node,
		"SELECT last_error FROM chainsync.stat_endpoint WHERE chain = 'e' AND priority = 0",
		$expected)
	  if $expected;
	$first->control({ fault => undef });
	sql("SELECT chainsync.remove_chain('e', true)");
}

# The first goes away in the middle, and comes back.
$first->control({ fault => 'latency', arg => 5 });
$second->control({ fault => 'latency', arg => 5 });
add_chain($node, 'e', [ $first->url, $second->url ],
	'max_inflight_requests => 1, commit_blocks => 10');
wait_for_sql($node,
	"SELECT coalesce(max(number), 0) BETWEEN 1 AND 300 FROM e.blocks");
$first->kill;
ok_synced('the first endpoint dies in the middle');
like(
	sql("SELECT last_error FROM chainsync.stat_endpoint WHERE chain = 'e' AND priority = 0"),
	qr/refused|Failed to connect/,
	'stat_endpoint says so');
wait_status($node, 'e', 'caught_up');
my @seen = map { sleep 0.05; sql("SELECT status FROM chainsync.progress WHERE chain = 'e'") } 1 .. 20;
is(scalar(grep { $_ ne 'caught_up' } @seen),
	0, 'the chain is well, as there is the second')
  or diag "@seen";
is( sql("SELECT requests > 0 FROM chainsync.stat_endpoint WHERE chain = 'e' AND priority = 1"),
	't',
	'the second was asked');
$first->restart(@chain);
my $count = sql("SELECT requests - failures FROM chainsync.stat_endpoint WHERE chain = 'e' AND priority = 0");
wait_for_sql($node,
	"SELECT state = 'ok' AND requests - failures > $count FROM chainsync.stat_endpoint WHERE chain = 'e' AND priority = 0"
);
pass('the first is asked again once it is back');
$second->control({ fault => undef });
sql("SELECT chainsync.remove_chain('e', true)");

# Endpoints that come and go.
my $dead = 'http://127.0.0.1:' . free_port() . '/';
add_chain($node, 'e', $dead);
wait_status($node, 'e', 'error');
sql("SELECT chainsync.add_endpoint('e', '" . $first->url . "', 1)");
ok_synced('an endpoint is added to a chain whose only one is dead');
sql("SELECT chainsync.drop_endpoint('e', endpoint) FROM chainsync.stat_endpoint WHERE chain = 'e' AND priority = 1");
wait_status($node, 'e', 'error');
sql("SELECT chainsync.add_endpoint('e', '" . $second->url . "', 1)");
wait_status($node, 'e', 'caught_up');
sql("SELECT chainsync.drop_endpoint('e', endpoint) FROM chainsync.stat_endpoint WHERE chain = 'e'");
wait_for_sql($node,
	"SELECT reason LIKE '%no endpoint%' FROM chainsync.progress WHERE chain = 'e'");
pass('a chain without an endpoint says so');
sql("SELECT chainsync.remove_chain('e', true)");

# No eth_getBlockReceipts: receipts one by one.
my $before = stats($first)->{methods}->{eth_getTransactionReceipt} // 0;
$first->control({ fault => 'no-block-receipts' });
add_chain($node, 'e', $first->url);
ok_synced('without eth_getBlockReceipts');
is( sql("SELECT block_receipts FROM chainsync.stat_endpoint WHERE chain = 'e'"),
	'f',
	'stat_endpoint says that it is missing');
my $asked = stats($first)->{methods}->{eth_getTransactionReceipt} - $before;
is($asked, sql('SELECT count(*) FROM e.transactions'),
	'each receipt was asked for once');
$first->control({ fault => undef });
sql("SELECT chainsync.remove_chain('e', true)");

# Settings, changed while it syncs: they act, and the rows are the same.
add_chain($node, 'e', $first->url);
ok_synced('default settings');

sub again
{
	my ($title, $change) = @_;

	sql($change) if $change;
	sql("SELECT chainsync.resync('e', '{[0,)}')");
	ok_synced($title);
}

my $calls = stats($first);
again('batch_requests', "SELECT chainsync.alter_chain('e', batch_requests => 20)");
my $now = stats($first);
cmp_ok($now->{requests} - $calls->{requests},
	'<', 250, 'batch_requests => 20: fewer requests than calls');

again('compression', "SELECT chainsync.alter_chain('e', compression => true)");

again('commit_blocks',
	"SELECT chainsync.alter_chain('e', commit_blocks => 7, reset => '{batch_requests, compression}')");
my $commits = sql("SELECT commits FROM chainsync.stat_worker WHERE chain = 'e'");
again('commit_blocks, again');
cmp_ok(
	sql("SELECT commits - $commits FROM chainsync.stat_worker WHERE chain = 'e'"),
	'>=', (HEAD + 1) / 7, 'commit_blocks => 7: as many transactions');

$first->control({ fault => 'latency', arg => 20 });
sql("SELECT chainsync.alter_chain('e', max_inflight_requests => 1, batch_requests => 100)");
sql("SELECT chainsync.resync('e', '{[0,)}')");
my @inflight;
until (sql("SELECT chainsync.synced('e') \@> " . HEAD . '::bigint') eq 't')
{
	push @inflight,
	  sql("SELECT inflight FROM chainsync.stat_endpoint WHERE chain = 'e'");
	die 'not synced' if @inflight > 10000;
}
ok_synced('max_inflight_requests');
# the head and its two tags are asked beside it
is(scalar(grep { $_ > 4 } @inflight),
	0, 'max_inflight_requests => 1: not more are in flight');
$first->control({ fault => undef });
sql("SELECT chainsync.alter_chain('e', reset => '{commit_blocks, max_inflight_requests, batch_requests}')");

# The same by postgresql.conf and a reload.
$node->append_conf('postgresql.conf', $_)
  foreach 'chainsync.commit_blocks = 9', 'chainsync.batch_requests = 20',
  'chainsync.compression = on', 'chainsync.max_inflight_requests = 2',
  'chainsync.max_inflight_bytes = 1MB', 'chainsync.commit_bytes = 64kB',
  'chainsync.commit_interval = 10ms';
$node->reload;
again('settings reloaded');
$commits = sql("SELECT commits FROM chainsync.stat_worker WHERE chain = 'e'");
again('settings reloaded, again');
cmp_ok(
	sql("SELECT commits - $commits FROM chainsync.stat_worker WHERE chain = 'e'"),
	'>=', (HEAD + 1) / 9, 'commit_blocks = 9: as many transactions');

# Seldom looks at the head, then often.
sql("SELECT chainsync.remove_chain('e', true)");
$first->control({ head => 300 });
add_chain($node, 'e', $first->url, "poll_interval => '1 hour'");
wait_synced($node, 'e', 300);
wait_status($node, 'e', 'caught_up');
$first->control({ head => HEAD });
sleep 0.5;
is(sql('SELECT max(number) FROM e.blocks'),
	300, 'poll_interval => 1 hour: the head is not looked at');
sql("SELECT chainsync.alter_chain('e', poll_interval => '50 ms')");
ok_synced('poll_interval => 50 ms');
sql("SELECT chainsync.remove_chain('e', true)");

# last_blocks becomes a target at the first head, and not again.
$first->control({ head => 300 });
add_chain($node, 'e', $first->url, 'last_blocks => 50');
wait_synced($node, 'e', 300, 251);
is( sql("SELECT target, last_blocks FROM chainsync.chains WHERE name = 'e'"),
	'{[251,)}|', 'last_blocks => 50 is resolved at the first head');
$first->control({ head => 320 });
wait_synced($node, 'e', 320, 251);
is(sql("SELECT chainsync.synced('e')"), '{[251,321)}', 'nothing below it');
wait_status($node, 'e', 'caught_up');
is(sql("SELECT percent FROM chainsync.progress WHERE chain = 'e'"),
	100, 'and that is everything');

# Wider, backwards, with a hole left on purpose.
sql("SELECT chainsync.alter_chain('e', blocks => '{[10,20),[100,)}')");
wait_for_sql($node, "SELECT chainsync.synced('e')", '{[10,20),[100,321)}');
ok_same('the target grown backwards',
	':block < 321 AND (:block >= 100 OR :block BETWEEN 10 AND 19)');
sql("SELECT chainsync.alter_chain('e', start_block => 0)");
$first->control({ head => HEAD });
ok_synced('the target is everything');

# Pieces fetched again while it syncs.
$first->control({ fault => 'latency', arg => 10 });
sql("SELECT chainsync.alter_chain('e', commit_blocks => 5)");
sql("SELECT chainsync.resync('e', '{[100,)}')");
foreach my $i (1 .. 30)
{
	my $from = int rand HEAD;
	my $to = $from + int rand 60;

	sql("SELECT chainsync.resync('e', '{[$from,$to]}')");
	is( sql("SELECT count(*) - chainsync._count(chainsync.synced('e')) FROM e.blocks"),
		0, "resync of $from to $to: rows and position agree")
	  if $i % 10 == 0;
	sleep 0.05;
}
$first->control({ fault => undef });
ok_synced('resync while it syncs');
sql("SELECT chainsync.remove_chain('e', true)");

# Blocks that cannot be stored for their own sake.  Their hashes are not made
# anew, so nothing is proven here.
my $dir = "$PostgreSQL::Test::Utils::tmp_check/recorded";
mkdir $dir or die "could not make $dir: $!";

sub rpc_result
{
	my ($method, $params) = @_;
	my ($status, $body) = http_post($second->port, '/',
		qq({"jsonrpc":"2.0","id":1,"method":"$method","params":[$params]}));

	$body =~ /"result":(.*)\}\s*$/s or die "no result: $body";
	return $1;
}

sub record
{
	my ($number, $change) = @_;
	my $hex = sprintf '"0x%x"', $number;
	my $block = rpc_result('eth_getBlockByNumber', "$hex,true");
	my $receipts = rpc_result('eth_getBlockReceipts', $hex);

	($block, $receipts) = $change->($block, $receipts) if $change;
	open my $file, '>', sprintf('%s/%06d.json', $dir, $number) or die $!;
	print $file qq({"block":$block,"receipts":$receipts});
	close $file;
}

sub set_member
{
	my ($name, $value) = @_;

	return sub {
		my ($block, $receipts) = @_;

		$block =~ s/"$name":"[^"]*"/"$name":"$value"/ or die "no $name";
		return ($block, $receipts);
	};
}

sub set_receipt_member
{
	my ($name, $value) = @_;

	return sub {
		my ($block, $receipts) = @_;

		$receipts =~ s/"$name":"[^"]*"/"$name":"$value"/ or die "no $name";
		return ($block, $receipts);
	};
}

my %bad = (
	15 => [ 'gasLimit', set_member('gasLimit', '0xffffffffffffffff') ],
	25 => [ 'timestamp', set_member('timestamp', '0xffffffffffff') ],
	26 => [ 'gasUsed', set_member('gasUsed', '0x1ffffffffffffffff') ],
	60 => [ 'size', set_member('size', '0x8000000000000000') ]);
my $with_receipts = sql(
	'SELECT min(block_number) FROM undisturbed.transactions WHERE block_number > 30');
$bad{$with_receipts} =
  [ 'cumulativeGasUsed', set_receipt_member('cumulativeGasUsed', '0x8000000000000000') ];
my $pruned = sql(
	"SELECT min(block_number) FROM undisturbed.transactions WHERE block_number > $with_receipts");

record($_, $bad{$_} ? $bad{$_}->[1] : undef) foreach 0 .. 60;
record($pruned, sub { return ($_[0], 'null'); });
my @replay = ('--chain-id', 1337, '--missing-receipts', 'error', '--replay', $dir);
my $replay = start_chainsim(@replay);
add_chain($node, 'e', $replay->url, "commit_blocks => 10, verify => 'off'");
wait_for_sql($node,
	"SELECT count(*) FROM chainsync.failed_ranges WHERE attempts > 1", '6');
my @bad = sort { $a <=> $b } keys %bad, $pruned;
my $gaps = join '', map { "[$_," . ($_ + 1) . ")\n" } @bad;
$gaps =~ s/\n$//;
is( sql("SELECT blocks FROM chainsync.failed_ranges ORDER BY blocks"),
	$gaps, 'blocks that do not fit are in failed_ranges, and are tried again');
is( sql("SELECT reason FROM chainsync.failed_ranges WHERE blocks \@> $pruned\::bigint"),
	'history_pruned', "block $pruned, which the node has pruned, with the reason");
foreach my $number (sort { $a <=> $b } keys %bad)
{
	like(
		sql("SELECT reason || ' ' || message FROM chainsync.failed_ranges WHERE blocks \@> $number\::bigint"),
		qr/^value_out_of_range .*"$bad{$number}->[0]"/,
		"block $number is refused for $bad{$number}->[0]");
}
wait_for_sql($node, "SELECT chainsync._count(chainsync.synced('e'))", 61 - @bad);
is(sql("SELECT chainsync.gaps('e')"), merge_gaps(@bad), 'gaps() has them, the rest is stored');
is( sql("SELECT failed_blocks, remaining_blocks FROM chainsync.progress WHERE chain = 'e'"),
	'6|6', 'progress counts them');
add_chain($node, 'unproven', $second->url, "end_block => 60, verify => 'off'");
wait_synced($node, 'unproven', 60);
ok_same('the others', ':block NOT IN (' . join(',', @bad) . ')', 'unproven');

# Neighbours are one range.
sub merge_gaps
{
	my @ranges;

	foreach my $number (@_)
	{
		if (@ranges && $ranges[-1]->[1] == $number) { $ranges[-1]->[1]++; }
		else { push @ranges, [ $number, $number + 1 ]; }
	}
	return join "\n", map { "[$_->[0],$_->[1])" } @ranges;
}

# The node is mended: they come by themselves, in time, or at once.
sql("UPDATE chainsync.failed_ranges SET retry_at = clock_timestamp() + interval '1 hour' WHERE blocks \@> $pruned\::bigint");
record($_) foreach 0 .. 60;
$replay->restart(@replay);
wait_for_sql($node, "SELECT blocks FROM chainsync.failed_ranges",
	"[$pruned," . ($pruned + 1) . ')');
pass('they are fetched once the endpoint is mended');
is(sql("SELECT chainsync.retry_failed('e')"), 1, 'retry_failed() says how many it has tried again');
wait_synced($node, 'e', 60);
is(sql('SELECT count(*) FROM chainsync.failed_ranges'), 0, 'failed_ranges is empty');
ok_same('in the end', 'true', 'unproven');
wait_status($node, 'e', 'caught_up');

assert_no_crash($node);
$node->stop;
$_->stop foreach $first, $second, $replay;
done_testing();
