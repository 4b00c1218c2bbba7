# A real node, anvil, whose chain has deployments, events, failures and empty
# blocks: every column of every row is what an independent reading of the
# node's answers gives, of blocks from before and while it is followed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use IPC::Run ();
use OracleTest;
use PostgreSQL::Test::Utils;
use Test::More;

need('npm', 'node', 'python3');

# npm installs the program of this platform only; a signal goes to it, not to
# a wrapper.
my ($anvil) = glob(node_modules() . '/@foundry-rs/anvil-*/bin/anvil');
plan skip_all => 'anvil has no program for this platform'
  if !defined $anvil || !-x $anvil;

my @running;
END
{
	local $?;
	$_->kill_kill(grace => 5) foreach @running;
}

# Starts a node that mines when it is told to; returns its URL.
sub start_anvil
{
	my ($name, @options) = @_;
	my $port = free_port();
	my $log = "$PostgreSQL::Test::Utils::log_path/$name.log";
	my @command = (
		$anvil, '--port', $port, '--no-mining', '--order', 'fifo', @options);
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	my $run = IPC::Run::start(\@command, '<', \undef, '>', $log, '2>&1');

	push @running, $run;
	while (1)
	{
		my ($status) = http_post($port, '/',
			'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}');
		last if $status == 200;
		die "$name did not start:\n" . slurp_file($log)
		  if !$run->pumpable || time > $deadline;
		select undef, undef, undef, 0.05;
	}
	return "http://127.0.0.1:$port/";
}

# Has the node mine blocks; returns the number of the last one.
sub make_chain
{
	my ($url) = @_;
	my ($out, $err);

	IPC::Run::run(
		[ 'node', "$FindBin::RealBin/../oracle/make_chain.mjs", $url ],
		'<', \undef, '>', \$out, '2>', \$err)
	  or die "make_chain.mjs: $err";
	chomp $out;
	return $out;
}

my $node = new_node('anvil');

sub values_of
{
	my ($query) = @_;

	return $node->safe_psql('postgres', $query);
}

# The present rules, and those from before the base fee.
my %hardforks = (
	latest => [],
	istanbul => [ '--hardfork', 'istanbul' ]);
my %types = (latest => '0,1,2,4', istanbul => '0');

foreach my $chain (sort keys %hardforks)
{
	my $url = start_anvil($chain, @{ $hardforks{$chain} });
	my $head = make_chain($url);

	add_chain($node, $chain, $url, "verify => 'off'");
	wait_synced($node, $chain, $head);
	rows_are_those_of($node, $chain, '--rpc', $url);

	my $more = make_chain($url);
	ok($more > $head, "$chain: it has grown to $more");
	wait_synced($node, $chain, $more);
	rows_are_those_of($node, $chain, '--rpc', $url);

	# Was there something of everything?
	is( values_of(
			"SELECT string_agg(DISTINCT transaction_type::text, ',') FROM $chain.transactions"),
		$types{$chain},
		"$chain: types of transactions");
	is( values_of(qq{
			SELECT string_agg(DISTINCT num_nonnulls(topic0, topic1, topic2, topic3)::text, ',')
			FROM $chain.logs}),
		'0,1,2,3,4',
		"$chain: logs without topics and with up to four");
	is( values_of(qq{
			SELECT string_agg(DISTINCT receipt_status || CASE WHEN to_address IS NULL THEN ' creation' ELSE ' call' END, ',')
			FROM $chain.transactions}),
		'0 call,0 creation,1 call,1 creation',
		"$chain: calls and creations, of which some failed");
	is( values_of(qq{
			SELECT bool_or(transaction_count = 0) AND bool_or(transaction_count > 5)
			FROM $chain.blocks WHERE number > 0}),
		't',
		"$chain: empty blocks and full ones");
	is( values_of(
			"SELECT bool_and((base_fee_per_gas IS NULL) = ('$chain' = 'istanbul')) FROM $chain.blocks"),
		't',
		"$chain: a base fee, or none");
}

# The comparison can fail.
$node->safe_psql('postgres', q{
	SELECT chainsync.stop('latest');
	DELETE FROM latest.logs
	WHERE (block_number, log_index) = (SELECT block_number, log_index FROM latest.logs LIMIT 1)});
my ($equal, $out) =
  compare_rows($node, 'latest', '--rpc',
	$node->safe_psql('postgres', q{
		SELECT url FROM chainsync.endpoints AS e
		JOIN chainsync.chains AS c ON c.id = e.chain WHERE c.name = 'latest'}));
ok(!$equal && $out =~ /^latest\.logs \(\d+, \d+\) is in the JSON, but not stored$/m,
	'a lost log is noticed');

assert_no_crash($node);
$node->stop;
done_testing();
