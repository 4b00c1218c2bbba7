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

my $cases = $ENV{CHAINSYNC_ABI_CASES} || 20000;
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

assert_no_crash($node);
done_testing();
