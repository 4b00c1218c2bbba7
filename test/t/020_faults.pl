# An endpoint that misbehaves: while it does, nothing wrong is written, and
# progress and stat_endpoint say what is the matter; once it behaves again, the
# sync goes on by itself and ends with the rows of an undisturbed one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use HTTP::Tiny;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep);

need('chainsim');

use constant { STORED => 20, HEAD => 60 };

my @chain = ('--generate', HEAD + 1, '--profile', 'thin');
my $sim = start_chainsim(@chain, '--gzip');
my $node = new_node(
	'faults',
	'chainsync.retry_max_delay' => '200ms',
	'chainsync.request_timeout' => '2s',
	'chainsync.max_response_size' => '1MB');

add_chain($node, 'undisturbed', $sim->url, 'end_block => ' . HEAD);
wait_synced($node, 'undisturbed', HEAD);
$node->safe_psql('postgres', "SELECT chainsync.stop('undisturbed')");

# confirmations => 0: receipts are asked for by number, without waiting.
add_chain($node, 'f', $sim->url, 'confirmations => 0');
wait_synced($node, 'f', HEAD);
ok_same('two chains of one endpoint');

# The chain is whole, and is what it is without disturbance.
sub ok_same
{
	my ($title) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_synced($node, 'f', HEAD);
	wait_status($node, 'f', 'caught_up');
	is_deeply([ differences($node, 'f', 'undisturbed') ],
		[], "$title: the rows are those of an undisturbed sync");
}

sub set_fault
{
	my ($name, %more) = @_;
	my ($kind, $arg) = split /:/, $name, 2;

	$sim->control(
		{ fault => $kind, defined $arg ? (arg => $arg) : (), %more });
}

sub end_faults
{
	$sim->control({ fault => undef });
}

# Has everything above STORED fetched again; returns the time before.
sub fetch_again
{
	my $since = $node->safe_psql('postgres', 'SELECT clock_timestamp()');

	$node->safe_psql('postgres',
		sprintf "SELECT chainsync.resync('f', '{[%d,)}')", STORED + 1);
	return $since;
}

# Waits for the error, shown as the chain's.
sub wait_error
{
	my ($title, $since, $expected) = @_;
	my $shown = wait_for_sql($node, qq{
		SELECT last_error FROM chainsync.progress
		WHERE chain = 'f' AND status = 'error' AND reason = last_error
			AND last_error_at > '$since'}, qr/\S/);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($shown, $expected, "$title: last_error says so");
}

sub ok_nothing_written
{
	my ($title) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is( $node->safe_psql('postgres',
			"SELECT chainsync.synced('f'), (SELECT max(number) FROM f.blocks), (SELECT max(block_number) <= 20 FROM f.logs)"),
		sprintf('{[0,%d)}|%d|t', STORED + 1, STORED),
		"$title: nothing is written");
}

sub disturb
{
	my ($name, $expected, %more) = @_;
	my $title = $name . ($more{method} ? " of $more{method}" : '');

	set_fault($name, %more);
	my $since = fetch_again();
	wait_error($title, $since, $expected);
	ok_nothing_written($title);
	end_faults();
	ok_same($title);
}

# Of every answer, which is noticed at the head and when the endpoint is asked
# who it is, and of receipts alone, when both are past.
my @faults = (
	[ 'http-500', qr/HTTP 500/ ],
	[ 'http:503', qr/HTTP 503/ ],
	[ 'http:404', qr/HTTP 404/ ],
	[ 'http:401', qr/HTTP 401/ ],
	[ 'http-502-html', qr{HTTP 502, text/html} ],
	[ 'html-200', qr{not JSON-RPC.*HTTP 200, text/html} ],
	[ 'http-429', qr/HTTP 429/ ],
	[ 'http-429:1', qr/HTTP 429/ ],
	[ 'redirect:http://127.0.0.1:1/', qr/HTTP 302.*redirects are not followed/ ],
	[ 'empty-body', qr/empty answer/ ],
	[ 'null-body', qr/not JSON-RPC/ ],
	[ 'body:[]', qr/no answer to this call/ ],
	[ 'body:{}', qr/neither a result nor an error/ ],
	[ 'garbage', qr/not JSON-RPC/ ],
	[ 'truncated', qr/closed with \d+ bytes remaining/ ],
	[ 'wrong-length:long', qr/closed with 100 bytes remaining/ ],
	[ 'wrong-length:short', qr/the text ends too early/ ],
	[ 'hang', qr/timed out after \d+ milliseconds with 0 bytes/ ],
	[ 'slow', qr/timed out after \d+ milliseconds with \d+ out of \d+ bytes/ ],
	[ 'reset', qr/Connection reset by peer/ ],
	[ 'huge', qr/larger than chainsync\.max_response_size/ ],
	[ 'deep-nesting', qr/not JSON-RPC/ ],
	[ 'rpc-429', qr/rate limit exceeded \(error -32005\)/ ],
	[ 'error:oops', qr/oops \(error -32000\)/ ],
	[ 'error:oops/-32603', qr/oops \(error -32603\)/ ],
	[ 'other-id', qr/answer with an unknown id/ ],
	[ 'missing-id', qr/answer with an unknown id/ ],
	[ 'wrong-json-type', qr/expected an (object|array)|not a string/ ]);

foreach my $fault (@faults)
{
	disturb(@$fault);
	disturb(@$fault, method => 'eth_getBlockReceipts');
}

# Compressed answers.
$node->safe_psql('postgres',
	"SELECT chainsync.alter_chain('f', compression => true)");
disturb('gzip-bomb:20', qr/larger than chainsync\.max_response_size/);
disturb(
	'gzip-bomb:20',
	qr/larger than chainsync\.max_response_size/,
	method => 'eth_getBlockReceipts');
$node->safe_psql('postgres',
	"SELECT chainsync.alter_chain('f', reset => '{compression}')");

# What only a block, or its receipts, can be.
disturb('null-block', qr/the node has no block/, method => 'eth_getBlockByNumber');
disturb('wrong-block', qr/block \d+ came instead of block 0|number is \d+/);
disturb('hash-only', qr/"transactions": hashes only/);
disturb('duplicate:hash', qr/"hash": appears twice/);
disturb('receipts-null', qr/the node has no receipts of block/);
disturb('short-receipts', qr/\d+ receipts? for \d+ transactions/);
disturb('set:blockHash="0x' . 'ab' x 32 . '"',
	qr/blockHash of receipt 0 is another block's/,
	method => 'eth_getBlockReceipts');
disturb('set:transactionIndex="0x7"', qr/transactionIndex of (receipt|transaction|log) \d+ is 7/,
	method => 'eth_getBlockReceipts');
disturb('set:logs=null', qr/"logs"/, method => 'eth_getBlockReceipts');
disturb('duplicate:gasUsed', qr/"gasUsed": appears twice/,
	method => 'eth_getBlockReceipts');
disturb('wrong-chain-id:5', qr/chain id is 5 instead of 1337/);

# Batches.
$node->safe_psql('postgres',
	"SELECT chainsync.alter_chain('f', batch_requests => 20)");
disturb($_->[0], $_->[1], method => 'eth_getBlockReceipts')
  foreach [ 'http-500', qr/HTTP 500/ ],
  [ 'truncated', qr/closed with \d+ bytes remaining/ ],
  [ 'batch-object', qr/error -?\d+/ ],
  [ 'other-id', qr/answer with an unknown id/ ],
  [ 'error:oops', qr/oops/ ];

# What is unusual and no fault; nor is a bomb for those who do not ask for
# compressed answers.
foreach my $name ('batch-reverse', 'batch-drop', 'string-id', 'close-after',
	'latency:100', 'gzip-bomb:20', 'no-block-receipts', 'receipts-null-by-hash')
{
	set_fault($name);
	fetch_again();
	ok_same("$name, in batches");
	$node->safe_psql('postgres',
		"SELECT chainsync.alter_chain('f', reset => '{batch_requests, confirmations}')"
	);
	fetch_again();
	ok_same("$name, without, and receipts by hash");
	end_faults();
	$node->safe_psql('postgres',
		"SELECT chainsync.alter_chain('f', batch_requests => 20, confirmations => 0)"
	);
}
$node->safe_psql('postgres',
	"SELECT chainsync.alter_chain('f', reset => '{batch_requests}')");

# Everything at once, now and then.  As a new endpoint, of which it is not known
# that it has no eth_getBlockReceipts.
$node->safe_psql('postgres',
	"SELECT chainsync.drop_endpoint('f', endpoint) FROM chainsync.stat_endpoint WHERE chain = 'f'");
$node->safe_psql('postgres',
	"SELECT chainsync.add_endpoint('f', '" . $sim->url . "')");
set_fault($_, p => 0.03)
  foreach qw(http-500 truncated garbage reset empty-body);
set_fault($_, p => 0.01) foreach qw(rpc-429 other-id);
set_fault($_, p => 0.03, method => 'eth_getBlockReceipts')
  foreach qw(short-receipts receipts-null wrong-json-type);
foreach my $batch (1, 20)
{
	$node->safe_psql('postgres',
		"SELECT chainsync.alter_chain('f', batch_requests => $batch, commit_blocks => 7)"
	);
	fetch_again();
	ok_same("a node that fails often, batches of $batch");
}
end_faults();
$node->safe_psql('postgres',
	"SELECT chainsync.alter_chain('f', reset => '{batch_requests, commit_blocks}')");

# Told to wait, it waits.
sub requests
{
	my $answer = HTTP::Tiny->new->get($sim->url . 'stats');

	return decode_json($answer->{content})->{requests};
}

# As RFC 9110 writes it.
sub http_date
{
	my ($s, $m, $h, $day, $month, $year, $weekday) = gmtime $_[0];

	return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
	  (qw(Sun Mon Tue Wed Thu Fri Sat))[$weekday], $day,
	  (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$month],
	  $year + 1900, $h, $m, $s;
}

foreach my $kind ('seconds', 'date')
{
	my $since = fetch_again();

	ok_same("Retry-After, $kind: before");
	set_fault('http-429:' . ($kind eq 'date' ? http_date(time + 5) : 4),
		count => 1);
	wait_for_sql($node, qq{
		SELECT state, retry_at > clock_timestamp() + interval '1 s'
		FROM chainsync.stat_endpoint
		WHERE chain = 'f' AND last_error LIKE '%HTTP 429%'
			AND last_error_at > '$since'},
		'throttled|t');
	my $before = requests();
	sleep 0.5;
	is(requests(), $before, "Retry-After, $kind: nothing is sent until then");
	wait_status($node, 'f', 'caught_up');
}

# Down for some seconds, and back.
my $since = fetch_again();
ok_same('before it is down');
$sim->stop;
$since = fetch_again();
wait_error('down', $since, qr/Connection refused|Failed to connect/);
sleep 2;
ok_nothing_written('down');
$sim->restart(@chain);
ok_same('down and back');

# Block 30 does not link to block 29 as the node tells it: what it says of
# block 30 does not prove, and without proof it does not link.
set_fault('broken-parent:30');
$since = fetch_again();
wait_error('broken parent', $since, qr/block 30: header_hash/);
is( $node->safe_psql('postgres', "SELECT chainsync.synced('f') && '{[30,)}'"),
	'f',
	'broken parent: nothing is written from there on');
$node->safe_psql('postgres', "SELECT chainsync.alter_chain('f', verify => 'off')");
$since = fetch_again();
wait_error('broken parent', $since,
	qr/block 30 does not link to block 29: its parent hash is 0x[0-9a-f]{64}, the hash is 0x[0-9a-f]{64}/
);
my $parent = $node->safe_psql('postgres',
	"SELECT '0x' || encode(hash, 'hex') FROM undisturbed.blocks WHERE number = 29");
like(
	$node->safe_psql('postgres',
		"SELECT last_error FROM chainsync.progress WHERE chain = 'f'"),
	qr/the hash is \Q$parent\E/,
	'broken parent: with the hash');
wait_synced($node, 'f', 29);
sleep 0.5;
is( $node->safe_psql('postgres', "SELECT chainsync.synced('f')"),
	'{[0,30)}',
	'broken parent: nothing is written from there on');
end_faults();
wait_synced($node, 'f', HEAD);
$node->safe_psql('postgres', "SELECT chainsync.alter_chain('f', reset => '{verify}')");
fetch_again();
ok_same('broken parent');

# The node's chain was reorganised below what is final (confirmations => 0):
# resync is one way on.
$sim->control({ reorg => { depth => 8, length => 8, seed => 7 } });
$node->safe_psql('postgres',
	"SELECT chainsync.alter_chain('f', start_block => 0, end_block => 55)");
$node->safe_psql('postgres', "SELECT chainsync.resync('f', '{[56,)}')");
$node->safe_psql('postgres', "SELECT chainsync.alter_chain('f', start_block => 0)");
wait_status($node, 'f', 'halted');
like(
	$node->safe_psql('postgres',
		"SELECT reason FROM chainsync.progress WHERE chain = 'f'"),
	qr/block 55, which is final here: stored head 55 is 0x[0-9a-f]{64}, their block 55 is 0x[0-9a-f]{64}/,
	'reorg of final blocks: halted, with both hashes');
is($node->safe_psql('postgres', "SELECT chainsync.synced('f')"),
	'{[0,56)}', 'reorg: nothing is written that does not link');
is($node->safe_psql('postgres', "SELECT chainsync.resync('f', '{[50,)}')"),
	6, 'resync says how many blocks it deleted');
wait_synced($node, 'f', HEAD);
wait_status($node, 'f', 'caught_up');
add_chain($node, 'branch', $sim->url);
wait_synced($node, 'branch', HEAD);
is_deeply([ differences($node, 'f', 'branch') ],
	[], 'reorg: after resync the rows are the new branch');
isnt(scalar differences($node, 'f', 'undisturbed'),
	0, '... which is another one');
is( $node->safe_psql('postgres',
		"SELECT kind, blocks, deleted_blocks FROM chainsync.reorgs ORDER BY id DESC LIMIT 1"),
	'resync|{[50,)}|6',
	'reorgs notes it');
$node->safe_psql('postgres', "SELECT chainsync.remove_chain('branch')");

# Another genesis than the one the chain is bound to needs a person.
$sim->restart(@chain);
fetch_again();
ok_same('before wrong genesis');
set_fault('wrong-genesis');
fetch_again();
wait_status($node, 'f', 'halted');
like(
	$node->safe_psql('postgres',
		"SELECT reason FROM chainsync.progress WHERE chain = 'f'"),
	qr/block 0 is 0x[0-9a-f]{64} instead of 0x[0-9a-f]{64}.*remove_chain/,
	'wrong genesis: halted, with both hashes and the way on');
ok_nothing_written('wrong genesis');
end_faults();
sleep 0.5;
is( $node->safe_psql('postgres',
		"SELECT status FROM chainsync.progress WHERE chain = 'f'"),
	'halted',
	'wrong genesis: waits for a person');
$node->safe_psql('postgres', "SELECT chainsync.start('f')");
ok_same('wrong genesis, then start()');

assert_no_crash($node);
$node->stop;
$sim->stop;
done_testing();
