# A key is seen by its endpoint and by nobody else: not in a log, a view, a
# table, a dump, a process title, nor anywhere in the data directory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

need('chainsim');

# One looks like a key, the others do not.
my %key = (
	path => 'cAnArY0path0123456789abcdefABCDEF',
	query => 'canaryquery',
	header => 'canaryheaderword',
	host => 'canaryhost',
	file => 'canaryinfile');
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/key", "$key{file}\n");
$ENV{"CHAINSYNC_TEST_\U$_"} = $key{$_} foreach keys %key;

# A server that tells whoever asks everything it was told, in every way an
# answer can go wrong.
sub start_echo
{
	my ($hits) = @_;
	my $socket = IO::Socket::INET->new(
		LocalAddr => '127.0.0.1', Proto => 'tcp', Listen => 50, ReuseAddr => 1)
	  or die "no socket: $!";
	my $pid = fork() // die "fork: $!";

	return ($pid, $socket->sockport) if $pid;
	my $count = 0;
	while (my $client = $socket->accept)
	{
		my $request = '';

		append_to_file($hits, 'x');
		while (IO::Select->new($client)->can_read(0.3))
		{
			last if !sysread($client, my $part, 65536);
			$request .= $part;
			last if $request =~ /\r\n\r\n.*\}\]?$/s;
		}
		my ($id) = $request =~ /"id":(\d+)/;
		$id //= 0;
		(my $said = $request) =~ s/["\\\r\n]/ /g;
		my ($status, $type, $body, $more) = ('200 OK', 'application/json', '', '');
		my $case = $count++ % 8;

		$body = qq({"jsonrpc":"2.0","id":$id,"error":{"code":-32000,"message":"no: $said","data":"$said"}})
		  if $case == 0;
		($status, $body) = ('401 Unauthorized', qq({"error":"$said"})) if $case == 1;
		($status, $more) = ('302 Found', "Location: http://127.0.0.1/$said\r\n") if $case == 2;
		($type, $body) = ("text/$said", "<html>$said</html>") if $case == 3;
		$status = "500 $said" if $case == 4;
		($status, $body) = ('429 Too Many', qq({"jsonrpc":"2.0","id":$id,"error":{"code":429,"message":"$said"}})) if $case == 5;
		$body = qq({"jsonrpc":"2.0","id":$id,"result":"$said"}) if $case == 6;
		my $length = length($body) + ($case == 7 ? 1000 : 0);
		print $client "HTTP/1.1 $status\r\nContent-Type: $type\r\n${more}Content-Length: $length\r\nConnection: close\r\n\r\n$body";
		close $client;
	}
	POSIX::_exit(0);
}

my $hits = "$dir/hits";
append_to_file($hits, '');
my ($echo_pid, $echo) = start_echo($hits);
END { kill 'KILL', $echo_pid if $echo_pid; }

my $sim = start_chainsim('--generate', 50, '--profile', 'thin');
my $node = new_node(
	'secrets',
	'shared_preload_libraries' => 'pg_stat_statements, $libdir/chainsync',
	'logging_collector' => 'on',
	'log_directory' => 'log',
	'log_destination' => 'stderr, csvlog, jsonlog',
	'log_statement' => 'all',
	'log_min_messages' => 'debug2',
	'log_min_duration_statement' => '0',
	'log_connections' => 'on',
	'pg_stat_statements.track' => 'all',
	'pg_stat_statements.track_utility' => 'on',
	'chainsync.retry_max_delay' => '50ms',
	'chainsync.request_timeout' => '2s',
	'chainsync.progress_report' => '500ms');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');

# The simulator answers on any path; the echo comes first each time.
sub add
{
	my ($chain, @endpoints) = @_;

	$node->safe_psql('postgres',
		"SELECT chainsync.add_chain('$chain', ARRAY['" . $sim->url . "'], end_block => 9); SELECT chainsync.stop('$chain')");
	$node->safe_psql('postgres', "SELECT chainsync.add_endpoint('$chain', $_)") foreach @endpoints;
	$node->safe_psql('postgres',
		"SELECT chainsync.drop_endpoint('$chain', min(endpoint)) FROM chainsync.stat_endpoint WHERE chain = '$chain'");
	$node->safe_psql('postgres', "SELECT chainsync.start('$chain')");
}

add('path', "'http://127.0.0.1:$echo/v2/{secret}', secret_ref => 'env:CHAINSYNC_TEST_PATH'");
add('query', "'http://127.0.0.1:$echo/?k={secret}', secret_ref => 'env:CHAINSYNC_TEST_QUERY'");
add('header', "'http://127.0.0.1:$echo/', header => 'Authorization: Bearer {secret}', secret_ref => 'env:CHAINSYNC_TEST_HEADER'");
add('host', "'http://{secret}.localhost:$echo/', secret_ref => 'env:CHAINSYNC_TEST_HOST'",
	"'http://{secret}.invalid/', secret_ref => 'env:CHAINSYNC_TEST_HOST'");
add('file', "'http://127.0.0.1:$echo/a/{secret}/b', secret_ref => 'file:$dir/key'",
	"'https://127.0.0.1:$echo/{secret}', secret_ref => 'file:$dir/key'");

my %seen;
foreach my $chain (sort keys %key)
{
	my $deadline = time + 60;

	while (time < $deadline)
	{
		my $error = $node->safe_psql('postgres',
			"SELECT string_agg(last_error, ' ') FROM chainsync.stat_endpoint WHERE chain = '$chain'");

		$seen{$chain}{$error} = 1;
		$seen{all} .= " $error";
		last if keys %{ $seen{$chain} } >= 4;
		sleep 0.02;
	}
	cmp_ok(scalar keys %{ $seen{$chain} }, '>=', 4, "$chain: many errors were provoked");
}
ok($seen{all} =~ /no: POST/, 'a superuser\'s endpoint is quoted');
ok($seen{all} =~ /\*\*\*/, '... without its key');

# Where nobody is to find them.  What the server was given is in the
# environment only, what it was told to read is in the file.
sub nowhere
{
	my ($title, $text) = @_;
	my @found = grep { index(lc $text, lc $key{$_}) >= 0 } sort keys %key;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("@found", '', "no key in $title");
}

my $everything = '';
foreach my $relation (split /\n/, $node->safe_psql('postgres', q{
	SELECT c.oid::regclass FROM pg_class AS c
	WHERE relkind IN ('r', 'v', 'p', 'm') AND (relnamespace = 'chainsync'::regnamespace
		OR c.oid::regclass::text IN ('pg_stat_activity', 'pg_stat_statements', 'pg_settings', 'pg_file_settings'))}))
{
	$everything .= $node->safe_psql('postgres', "SELECT * FROM $relation");
}
like($everything, qr/\{secret\}/, 'tables have the template');
nowhere('tables and views', $everything);
my ($out, $err) = ('', '');
IPC::Run::run([ 'pg_dumpall', '-h', $node->host, '-p', $node->port ], '>', \$out, '2>', \$err);
like($out, qr/env:CHAINSYNC_TEST_PATH/, 'a dump has the reference');
nowhere('a dump', $out);
my $titles = '';
foreach my $file (glob '/proc/[0-9]*/cmdline')
{
	open(my $handle, '<', $file) or next;
	$titles .= join ' ', <$handle>;
}
like($titles, qr/chainsync follower/, 'process titles were read');
nowhere('process titles', $titles);
$node->safe_psql('postgres', "SELECT chainsync.stop(name) FROM chainsync.chains");

# The key's file vanishes, and comes back.
unlink "$dir/key";
$node->safe_psql('postgres', "SELECT chainsync.drop_endpoint('file', max(endpoint)) FROM chainsync.stat_endpoint WHERE chain = 'file'");
$node->safe_psql('postgres', "SELECT chainsync.start('file')");
wait_for_sql($node, "SELECT last_error LIKE '%the secret of endpoint % cannot be used: file % does not exist%' FROM chainsync.progress WHERE chain = 'file'");
pass('a secret that cannot be read shows in progress');
append_to_file("$dir/key", "$key{file}\n");
$node->safe_psql('postgres', "SELECT chainsync.alter_endpoint('file', max(endpoint), url => '" . $sim->url . "?a={secret}') FROM chainsync.stat_endpoint WHERE chain = 'file'");
wait_synced($node, 'file', 9);
pass('... and once it can be, the sync goes on by itself');

# Written out, it is refused, and the refusal does not put it into the log.
my $literal = 'cAnArY9literal0123456789abcdefABC';
$node->psql('postgres', "SET log_statement = none; SET log_min_duration_statement = -1; SELECT chainsync.add_endpoint('file', 'https://node.example/$literal')",
	stderr => \$err);
like($err, qr/seems to have a key written out/, 'a literal key is refused');
like($err, qr/secret_ref/, '... with a hint');

# Somebody who is no superuser: private addresses, quotes.
$node->safe_psql('postgres', "CREATE ROLE guest; SELECT chainsync.grant('guest', 'admin')");
my $before = -s $hits;
$node->safe_psql('postgres', "SET ROLE guest; SELECT chainsync.add_endpoint('file', 'http://127.0.0.1:$echo/'), chainsync.add_endpoint('file', 'http://localhost:$echo/'), chainsync.add_endpoint('file', 'http://[::ffff:127.0.0.1]:$echo/')");
$node->safe_psql('postgres', "SELECT chainsync.add_endpoint('file', 'http://169.254.169.254/')");
# the same address as one that a superuser gave, whose connection is open
$node->safe_psql('postgres', "SET ROLE guest; SELECT chainsync.add_endpoint('file', '" . $sim->url . "guest', priority => 0)");
$node->safe_psql('postgres', "SELECT chainsync.alter_endpoint('file', endpoint, priority => 1) FROM chainsync.stat_endpoint WHERE chain = 'file' AND url LIKE '%?***'");
$node->safe_psql('postgres', "SELECT chainsync.alter_chain('file', start_block => 0)");
wait_synced($node, 'file', 49);
wait_for_sql($node, q{SELECT count(*) FROM chainsync.stat_endpoint
	WHERE chain = 'file' AND last_error LIKE '%loopback or private%'}, '4');
pass('private addresses are refused in every form');
wait_for_sql($node, q{SELECT count(*) FROM chainsync.stat_endpoint
	WHERE chain = 'file' AND last_error LIKE '%link-local%'}, '1');
pass('... a link-local one even a superuser\'s');
is(-s $hits, $before, '... nothing was sent to them');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM chainsync.stat_endpoint WHERE chain = 'file' AND url LIKE '%guest' AND bytes_received > 0}),
	'0', '... not by a connection that another endpoint has open, either');

$node->append_conf('postgresql.conf', 'chainsync.allow_private_endpoints = on');
$node->reload;
$node->safe_psql('postgres', "SELECT chainsync.drop_endpoint('file', endpoint) FROM chainsync.stat_endpoint WHERE chain = 'file' AND url NOT LIKE '%localhost%'");
my %guest;
my $deadline = time + 60;
while (time < $deadline && keys %guest < 5)
{
	my $error = $node->safe_psql('postgres', "SELECT last_error FROM chainsync.stat_endpoint WHERE chain = 'file'");

	$guest{$error} = 1 unless $error =~ /private/;
	sleep 0.02;
}
cmp_ok(scalar keys %guest, '>=', 4, 'allowed, they are asked');
unlike(join(' ', keys %guest), qr/POST|HTTP.1|text/, '... and nothing they say is quoted');
diag(join "\n", sort keys %guest) if $ENV{CHAINSYNC_TEST_VERBOSE};

$node->stop;
my $grep = '';
foreach my $word (values %key, $literal)
{
	IPC::Run::run([ 'grep', '-rlaiF', $word, $node->data_dir, $node->logfile ], '>', \$out, '2>', \$err);
	$grep .= $out;
}
is($grep, '', 'no key anywhere in the data directory: logs, WAL, tables');
ok(-s (glob $node->data_dir . '/log/*.json')[0] > 10000, 'logs were written');
$sim->stop;
done_testing();
