# The whole path of an answer, from the socket to the rows, under valgrind: no
# read or write outside its memory, nothing decided by unset memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

need('chainsim', 'valgrind');

my $node = new_node('valgrind', _start => 0,
	'chainsync.request_timeout' => '60s', 'chainsync.connect_timeout' => '20s',
	'authentication_timeout' => '600s', 'wal_sender_timeout' => '0');
my $logs = "$PostgreSQL::Test::Utils::tmp_check/valgrind_logs";
mkdir $logs;

my @lies = ('truncated', 'garbage', 'short-receipts', 'other-id', 'duplicate:hash',
	'set:logs=null', 'set:gasUsed="0x1"', 'html-200', 'reset');
my $good = start_chainsim('--generate', 30, '--profile', 'thin');
my %bad = map { $_ => start_chainsim('--generate', 30, '--profile', 'thin', '--fault', $_) } @lies;
my $server = IPC::Run::start(
	[
		'valgrind', '--quiet', '--trace-children=yes', '--leak-check=no',
		'--gen-suppressions=no', "--log-file=$logs/%p.log", '--num-callers=30',
		'postgres', '-D', $node->data_dir ],
	'<', \undef, '>', "$logs/server.out", '2>&1');

sub ready
{
	return system('pg_isready', '-q', '-h', $node->host, '-p', $node->port) == 0;
}

my $deadline = time + 120;
sleep 1 until ready() || time > $deadline;
ok(ready(), 'the server runs under valgrind');

$node->safe_psql('postgres', 'CREATE EXTENSION chainsync');
add_chain($node, 'good', $good->url, 'batch_requests => 7');
my $count = 0;
foreach my $lie (@lies)
{
	add_chain($node, 'bad' . ++$count, [ $bad{$lie}->url, $good->url ]);
}
wait_synced($node, 'good', 29, 0, 300);
foreach (1 .. $count)
{
	wait_synced($node, "bad$_", 29, 0, 300);
}
ok(1, 'all chains are synced');
is($node->safe_psql('postgres', "SELECT count(*) FROM chainsync.audit('good', 0, 29)"),
	0, 'and proven');

kill INT => $server->{KIDS}[0]{PID};
eval { $server->finish; };

# Errors whose innermost own frame is ours; the server's own are not our matter.
my @errors;
foreach my $log (glob "$logs/*.log")
{
	foreach my $block (split /^==\d+== *\n/m, slurp_file($log))
	{
		my @frames = $block =~ /(?:at|by) 0x[0-9A-F]+: (.*)/g;
		next unless @frames && grep { /chainsync\.so|\(\w+\.c:\d+\)/ && -e "$FindBin::RealBin/../../src/" . (/\((\w+\.c):/ ? $1 : 'none') } @frames[ 0 .. ($#frames < 3 ? $#frames : 3) ];
		push @errors, $block;
	}
}
is(scalar @errors, 0, 'no error in our code') or diag(join "\n", @errors[ 0 .. ($#errors < 5 ? $#errors : 5) ]);
my $runs = () = glob "$logs/*.log";
cmp_ok($runs, '>', $count, "$runs processes were watched");
$_->stop foreach $good, values %bad;
done_testing();
