# Nothing unproven is written: recorded blocks pass whole or by a row of
# quirks, a node that lies is refused with the check's name and another is
# asked, and stored rows are proven again from themselves alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use JSON::PP ();
use OracleTest;
use PostgreSQL::Test::Utils;
use Test::More;

need('chainsim');

my $node = new_node('proof', max_worker_processes => 60);

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# --- A node that lies, one member at a time. ---

my @lies = (
	[ 'set:gasUsed="0x1"', 'eth_getBlockByNumber', 'header_hash' ],
	[ 'set:extraData="0x00"', 'eth_getBlockByNumber', 'header_hash' ],
	[ 'set:stateRoot="0x' . ('ab' x 32) . '"', 'eth_getBlockByNumber', 'header_hash' ],
	[ 'set:value="0x123456789"', 'eth_getBlockByNumber', 'transaction_hash' ],
	[ 'set:input="0xdeadbeef"', 'eth_getBlockByNumber', 'transaction_hash' ],
	[ 'set:from="0x' . ('11' x 20) . '"', 'eth_getBlockByNumber', 'positions: from' ],
	[ 'set:amount="0x7777"', 'eth_getBlockByNumber', 'withdrawals_root' ],
	[ 'set:size="0x1"', 'eth_getBlockByNumber', 'size' ],
	[ 'set:status="0x2"', 'eth_getBlockReceipts', 'receipts_root' ],
	[ 'set:data="0x01"', 'eth_getBlockReceipts', 'receipts_root' ],
	[ 'set:effectiveGasPrice="0x1"', 'eth_getBlockReceipts', 'effective_gas_price' ],
	[ 'short-receipts', 'eth_getBlockReceipts', 'receipts for' ]);
my @chain = ('--generate', 40, '--profile', 'thin', '--seed', 12);
my $honest = start_chainsim(@chain);
my $number = 0;

foreach my $lie (@lies)
{
	my ($fault, $method, $check) = @$lie;
	my $name = 'lie_' . ++$number;
	my $sim = start_chainsim(@chain, '--fault', $fault, '--fault-method', $method);

	add_chain($node, $name, $sim->url);
	wait_status($node, $name, 'error');
	like(value("SELECT last_error FROM chainsync.progress WHERE chain = '$name'"),
		qr/\b\Q$check\E/, "$fault: refused by $check");
	is(value("SELECT count(*) FROM chainsync.audit('$name', 0, 39)"),
		0, "$fault: nothing wrong is written");
	is(value("SELECT (target <@ chainsync.synced('$name'))::int FROM chainsync.chains WHERE name = '$name'"),
		0, "$fault: and not all of it");

	# with an honest one beside it the sync completes
	value("SELECT chainsync.add_endpoint('$name', '" . $honest->url . "', priority => 1)");
	wait_synced($node, $name, 39);
	is(value("SELECT count(*) FROM chainsync.audit('$name', 0, 39)"),
		0, "$fault: the honest node's blocks are stored and proven");
	value("SELECT chainsync.remove_chain('$name', drop_data => true)");
	$sim->stop;
}

# --- The levels. ---

add_chain($node, 'levels', $honest->url, "verify => 'off'");
wait_synced($node, 'levels', 39);
is(value('SELECT count(*) FROM levels.blocks WHERE checks IS NOT NULL'),
	0, 'off: nothing is recorded as checked');
value("SELECT chainsync.alter_chain('levels', verify => 'links'), chainsync.resync('levels', '{[0,40)}')");
wait_synced($node, 'levels', 39);
is(value('SELECT DISTINCT (chainsync.checks(checks)).passed FROM levels.blocks'),
	'{header_hash}', 'links: header hashes alone');
value("SELECT chainsync.alter_chain('levels', verify => 'full', verify_senders => false), chainsync.resync('levels', '{[0,40)}')");
wait_synced($node, 'levels', 39);
is(value("SELECT bool_and('sender' = ANY ((chainsync.checks(checks)).skipped)) FROM levels.blocks WHERE transaction_count > 0"),
	't', 'verify_senders => false: skipped, and recorded');

my $liar = start_chainsim(@chain, '--fault', 'set:from="0x' . ('11' x 20) . '"',
	'--fault-method', 'eth_getBlockByNumber');
add_chain($node, 'observed', $liar->url, "verify => 'observe'");
wait_synced($node, 'observed', 39);
like(value('SELECT DISTINCT (chainsync.checks(checks)).failed FROM observed.blocks WHERE transaction_count > 0'),
	qr/sender/, 'observe: written, and what failed is recorded');
like(value("SELECT check_name, problem FROM chainsync.audit('observed', 0, 39) WHERE check_name = 'sender' LIMIT 1"),
	qr/sender\|mismatch/, 'and audit finds it');

# --- A checkpoint. ---

value("INSERT INTO chainsync.checkpoints SELECT id, 5, decode(repeat('ab', 32), 'hex') FROM chainsync.chains WHERE name = 'levels'");
value("SELECT chainsync.resync('levels', '{[5,6)}')");
wait_status($node, 'levels', 'error');
like(value("SELECT last_error FROM chainsync.progress WHERE chain = 'levels'"),
	qr/checkpoint/, 'a block that is not the checkpoint is refused');
value('DELETE FROM chainsync.checkpoints');
wait_synced($node, 'levels', 39);

# --- Audit: every stored column of a block, changed one by one. ---

value("SELECT chainsync.alter_chain('levels', verify_senders => true), chainsync.resync('levels', '{[0,40)}')");
wait_synced($node, 'levels', 39);
value("SELECT chainsync.stop('levels')");
wait_status($node, 'levels', 'stopped');
is(value("SELECT count(*) FROM chainsync.audit('levels', 0, 39)"), 0, 'audit: untouched');

# nothing proves these
my %unproven = map { $_ => 1 } qw(blocks.total_difficulty blocks.checks blocks.extra transactions.extra);
my %others = (
	bytea => "coalesce(%s, '\\x00'::bytea) || '\\x01'::bytea",
	bigint => 'coalesce(%s, 0) + 1', integer => 'coalesce(%s, 0) + 1',
	smallint => '1 - coalesce(%s, 0)', numeric => 'coalesce(%s, 0) + 1',
	'timestamp with time zone' => "%s + interval '1 second'",
	jsonb => q{'[{"address": "0x0000000000000000000000000000000000000001", "storageKeys": []}]'},
	'bytea[]' => "array_append(coalesce(%s, '{}'), '\\x0000000000000000000000000000000000000000000000000000000000000001'::bytea)");
my $block = value('SELECT max(l.block_number) FROM levels.logs AS l
	JOIN levels.withdrawals AS w USING (block_number) WHERE block_number < 39');

foreach my $table (qw(blocks transactions logs withdrawals))
{
	my $key = $table eq 'blocks' ? 'number' : 'block_number';
	my @columns = split /\n/, value(
		"SELECT attname || '|' || format_type(atttypid, atttypmod) FROM pg_attribute
		 WHERE attrelid = 'levels.$table'::regclass AND attnum > 0
		 AND attname NOT IN ('number', 'block_number') ORDER BY attnum");

	foreach (@columns)
	{
		my ($column, $type) = split /\|/;
		next if $unproven{"$table.$column"};
		my $quoted = qq{"$column"};
		# a key moves out of the others' way
		my $new = $column =~ /^(transaction|log|withdrawal)_index$/
		  ? "$quoted + 100000" : sprintf $others{$type}, $quoted;
		my ($rc, $out, $err) = $node->psql('postgres', qq{
			BEGIN;
			UPDATE levels.$table SET $quoted = $new WHERE ctid = (
				SELECT ctid FROM levels.$table WHERE $key = $block LIMIT 1)
			AND tableoid = (SELECT tableoid FROM levels.$table WHERE $key = $block LIMIT 1);
			SELECT count(*) > 0 FROM chainsync.audit('levels', $block, $block);
			ROLLBACK;});
		is("$rc $out", '0 t', "audit sees a changed $table.$column") or diag($err);
	}
	my ($rc, $out) = $node->psql('postgres', qq{
		BEGIN;
		DELETE FROM levels.$table WHERE $key = $block AND ctid = (
			SELECT ctid FROM levels.$table WHERE $key = $block LIMIT 1);
		SELECT count(*) > 0 FROM chainsync.audit('levels', $block, $block);
		ROLLBACK;});
	is($out, 't', "audit sees a row missing in $table");
}

# --- Recorded blocks. ---

SKIP:
{
	my $corpus = corpus_dir();
	skip 'the corpus is not there', 1 unless defined $corpus && -d "$corpus/blocks";
	my %entries;

	foreach my $line (split /\n/, slurp_file("$corpus/manifest.jsonl"))
	{
		my $entry = JSON::PP::decode_json($line);
		push @{ $entries{ $entry->{chain} } }, $entry
		  if $entry->{has_receipts} && $entry->{class} eq 'verified';
	}
	my %sims;

	# Ropsten was recorded from a node that did not give effectiveGasPrice
	value("INSERT INTO chainsync.quirks (chain_id, check_name, reason)
		VALUES (3, 'effective_gas_price', 'not given by the node')");
	foreach my $chain (sort keys %entries)
	{
		my @numbers = map { $_->{number} } @{ $entries{$chain} };
		$sims{$chain} = start_chainsim('--replay', "$corpus/blocks/$chain",
			'--chain-id', $entries{$chain}[0]{chain_id});
		add_chain($node, $chain, $sims{$chain}->url,
			"blocks => '{" . join(',', map { "[$_,$_]" } @numbers)
			  . "}', partition_blocks => 100000000");
	}
	foreach my $chain (sort keys %entries)
	{
		my $count = @{ $entries{$chain} };

		wait_for_sql($node,
			qq{SELECT target <\@ chainsync.synced(name) FROM chainsync.chains WHERE name = '$chain'});
		is(value(qq{SELECT count(*) FROM "$chain".blocks WHERE (chainsync.checks(checks)).failed = '{}'}),
			$count, "$chain: all $count recorded blocks pass");
		is(value("SELECT count(*) FROM chainsync.audit('$chain', 0, 1000000000000)
				WHERE problem <> 'unprovable'"),
			0, "$chain: and again from their rows");
	}
	$_->stop foreach values %sims;
}

done_testing();
