# Random types and values: what the SQL functions encode and decode is what
# ethers does.  CHAINSYNC_ABI_CASES and CHAINSYNC_ABI_SEED change how many and
# which.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

need('npm', 'node');

my $cases = $ENV{CHAINSYNC_ABI_CASES} || 5000;
my $seed = $ENV{CHAINSYNC_ABI_SEED} || 1;
my $file = "$PostgreSQL::Test::Utils::tmp_check/vectors.tsv";
my $err = '';

IPC::Run::run(
	[
		'node', "$FindBin::RealBin/../oracle/make_abi_vectors.mjs", $cases,
		$seed
	],
	'<', \undef, '>', $file, '2>', \$err)
  or die "make_abi_vectors.mjs: $err";

my $node = new_node('abi');

$node->safe_psql('postgres', q{CREATE TABLE vectors
	(types text[], vals jsonb, encoded bytea, declaration text, selector bytea)});
$node->safe_psql('postgres', "\\copy vectors FROM '$file'");
is($node->safe_psql('postgres', 'SELECT count(*) FROM vectors'),
	$cases, "$cases cases of seed $seed");

foreach my $check (
	[ 'encoding', 'chainsync.abi_encode(types, vals) = encoded' ],
	[ 'decoding', 'chainsync.abi_decode(types, encoded) = vals' ],
	[ 'selector', 'chainsync.selector(declaration) = selector' ],
	[
		'calls',
		'chainsync.encode_call(declaration, vals) = selector || encoded'
	])
{
	my ($what, $condition) = @$check;

	is( $node->safe_psql(
			'postgres',
			"SELECT types, vals, encoded, declaration FROM vectors
			WHERE ($condition) IS NOT TRUE LIMIT 3"),
		'',
		"$what agrees with ethers");
}

# What the user registered, replaced and switched off is in a dump; what is
# shipped comes with the extension.
$node->safe_psql('postgres', q{
	DROP TABLE vectors;
	SELECT chainsync.register_abi('mine', 'event Mine(uint8 a)');
	SELECT chainsync.register_abi('erc20', 'event Other(uint8 a)');
	SELECT chainsync.unregister_abi('weth')});
my $query = q{SELECT a.name, a.shipped, a.abi, e.ordinal, e.signature, e.inputs
	FROM chainsync.abis AS a LEFT JOIN chainsync.abi_entries AS e
		ON (e.abi, e.shipped) = (a.name, a.shipped)
	ORDER BY 1, 2, 4};
my $dump = "$PostgreSQL::Test::Utils::tmp_check/abi.sql";

$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ],
	'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump,
		$node->connstr('restored')
	],
	'restore');
is( $node->safe_psql('restored', $query),
	$node->safe_psql('postgres', $query),
	'ABIs after a restore');
is( $node->safe_psql('restored', q{
		SELECT chainsync.decode_log(ARRAY[chainsync.event_topic('Mine(uint8)')],
			decode(lpad('7', 64, '0'), 'hex')) -> 'args',
		chainsync.decode_log(ARRAY[chainsync.event_topic('Deposit(address,uint256)'),
			decode(repeat('00', 32), 'hex')], decode(repeat('00', 32), 'hex')) IS NULL}),
	'{"a": 7}|t',
	'and they decode');

assert_no_crash($node);
done_testing();
