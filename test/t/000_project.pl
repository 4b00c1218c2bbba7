# What is written in several places says the same in all of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my ($version) =
  slurp_file("$root/chainsync.control") =~ /^default_version = '(.*)'$/m;

# META.json has semantic versions of three numbers.
my $meta = JSON::PP::decode_json(slurp_file("$root/META.json"));
is($meta->{version}, "$version.0", 'META.json has the version of the control file');
is($meta->{provides}{chainsync}{version},
	"$version.0", '... also where it says what it provides');
is( $meta->{provides}{chainsync}{file},
	"sql/chainsync--$version.sql",
	'... and the file of that version');
is($meta->{abstract},
	(slurp_file("$root/chainsync.control") =~ /^comment = '(.*)'$/m)[0],
	'META.json and the control file describe it alike');
like(slurp_file("$root/CHANGELOG.md"),
	qr/\b\Q$version\E\b/, 'CHANGELOG.md knows the version');

# The settings, as a server without any of them knows them and as the README
# has them.
my $node = new_node(
	'project',
	map { ("chainsync.$_" => undef) }
	  qw(databases poll_interval connect_timeout request_timeout
	  retry_initial_delay retry_max_delay));
my $readme = slurp_file("$root/README.md");
my %documented;

while ($readme =~ /^\| `(chainsync\.\w+)` \| (\S+) \|/mg)
{
	$documented{$1} = $2 eq '*empty*' ? '' : substr($2, 1, -1);
}
my @settings = split /\n/, $node->safe_psql('postgres',
	q{SELECT name FROM pg_settings WHERE name LIKE 'chainsync.%' ORDER BY 1});

ok(@settings > 0, 'the server has settings of chainsync');
is_deeply([ sort keys %documented ],
	[ sort @settings ], 'README.md lists every setting');
foreach my $setting (@settings)
{
	is($documented{$setting}, $node->safe_psql('postgres', "SHOW $setting"),
		"README.md has the default of $setting");
}

# A function that users call is in the README, or is a detail of one that is.
my $functions = $node->safe_psql('postgres', q{
	SELECT proname FROM pg_proc
	WHERE pronamespace = 'chainsync'::regnamespace AND proname NOT LIKE '\_%'});
foreach my $function (split /\n/, $functions)
{
	like($readme, qr/\b\Q$function\E\b/, "README.md mentions $function");
}

$node->stop;
done_testing();
