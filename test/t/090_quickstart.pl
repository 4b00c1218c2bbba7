# What the README promises first: "make quickstart", twice in a row, and its
# removal, in a tree of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

need('chainsim');

my $root = "$FindBin::RealBin/../..";
my $tree = PostgreSQL::Test::Utils::tempdir_short() . '/tree';

system_or_bail('cp', '-R', $root, $tree);
$ENV{HOME} = PostgreSQL::Test::Utils::tempdir_short();
delete @ENV{ grep { /^(PG(?!_CONFIG)|CHAINSYNC|CHAINSIM|MAKE|MFLAGS|RPC|START|TEST)/ } keys %ENV };
chdir $tree or die "chdir: $!";

sub make
{
	my ($target) = @_;
	my $output = `make $target < /dev/null 2>&1`;
	return ($? >> 8, $output);
}

foreach my $time ('first', 'second')
{
	my ($exit, $output) = make('quickstart');

	is($exit, 0, "$time quickstart: ends well") or diag($output);
	like($output, qr/caught.up|100/i, "$time quickstart: the demo chain is synced");
	like($output, qr/token/, "$time quickstart: shows transfers");
	like($output, qr/psql/, "$time quickstart: says how to go on");
	unlike($output, qr/\b(ERROR|FATAL|PANIC)\b/, "$time quickstart: without an error");
}
my ($exit, $output) = make('quickstart-stop');
is($exit, 0, 'quickstart-stop ends well') or diag($output);
ok(!-e "$tree/tmp/quickstart", 'and leaves nothing');
done_testing();
