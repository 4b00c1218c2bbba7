# Reorgs of every shape: what ends in the tables is the node's chain, proven
# and linked; final blocks are never replaced without a person's word.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::BackgroundPsql;
use PostgreSQL::Test::Utils;
use Test::More;

need('chainsim');

my $node = new_node('reorg');
my $sim = start_chainsim('--generate', 400, '--profile', 'thin', '--head', 200,
	'--finalized-lag', 64, '--grow');

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# The node's head, as hex without 0x, once the tables have it.
sub wait_head
{
	my ($answer, $what) = @_;
	(my $hash = $answer->{hash}) =~ s/^0x//;
	my $head = $answer->{head};

	ok(eval {
		wait_for_sql($node, "SELECT number || ' ' || encode(hash, 'hex')
			FROM r.blocks ORDER BY number DESC LIMIT 1", "$head $hash", 60);
		1;
	}, $what) or diag($@);
}

sub check_chain
{
	my ($what) = @_;
	my $top = value('SELECT max(number) FROM r.blocks');

	is(value("SELECT chainsync.synced('r')"), '{[0,' . ($top + 1) . ')}',
		"$what: no gap");
	is(value("SELECT count(*) FROM chainsync.audit('r', greatest(0, $top - 150), $top)"),
		0, "$what: proven and linked");
	is(value('SELECT count(*) FROM r.logs AS l LEFT JOIN r.transactions AS t
			ON t.block_number = l.block_number AND t.hash = l.transaction_hash
			WHERE t.hash IS NULL'), 0, "$what: no log of an orphan");
}

add_chain($node, 'r', $sim->url);
wait_synced($node, 'r', 200);

# A reader that looks all the time, and must never see a mix of branches.
my $watch = q{
	DO $$
	DECLARE
		broken bigint;
	BEGIN
		FOR i IN 1 .. 400 LOOP
			SELECT count(*) INTO broken FROM r.blocks AS b
			JOIN r.blocks AS p ON p.number = b.number - 1
			WHERE b.number > 100 AND b.parent_hash <> p.hash;
			IF broken > 0 THEN
				RAISE EXCEPTION 'a mix of branches';
			END IF;
			SELECT count(*) INTO broken FROM (
				SELECT b.number FROM r.blocks AS b
				LEFT JOIN r.transactions AS t ON t.block_number = b.number
				WHERE b.number > 100
				GROUP BY b.number, b.transaction_count
				HAVING count(t.hash) <> b.transaction_count) AS s;
			IF broken > 0 THEN
				RAISE EXCEPTION 'a block without its transactions';
			END IF;
			PERFORM pg_sleep(0.02);
			COMMIT;
		END LOOP;
	END $$};
my $reader = $node->background_psql('postgres', on_error_stop => 0);
$reader->{stdin} .= "$watch;\n\\echo watched\n";
$reader->{run}->pump_nb;

my $seed = 100;
foreach my $shape ([ 1, 1, 'equal height, one block' ], [ 3, 3, 'equal height' ],
	[ 5, 3, 'to a shorter chain' ], [ 4, 9, 'to a longer chain' ],
	[ 30, 31, 'deep' ], [ 60, 60, 'almost to the final block' ])
{
	my ($depth, $length, $what) = @$shape;
	my $answer = $sim->control(
		{ reorg => { depth => $depth, length => $length, seed => ++$seed } });

	wait_head($answer, $what);
	check_chain($what);
}

# A to B and back to A.
my $a = $sim->control({ reorg => { depth => 2, seed => 500 } });
wait_head($a, 'A');
wait_head($sim->control({ reorg => { depth => 2, seed => 501 } }), 'A to B');
wait_head($sim->control({ reorg => { depth => 2, seed => 500 } }), 'and back');
check_chain('A, B, A');

# One after the other, faster than we look.
my $last;
$last = $sim->control({ reorg => { depth => 1 + $_ % 7, seed => 600 + $_ } }) foreach 1 .. 20;
wait_head($last, 'many in a row');
check_chain('many in a row');

# Records of it.
is(value("SELECT count(*) FROM chainsync.reorgs
		WHERE kind = 'reorg' AND deleted_blocks <> cardinality(orphaned)"),
	0, 'every replaced block is recorded');
is(value('SELECT count(*) FROM chainsync.orphaned_blocks AS o
		JOIN r.blocks AS b ON b.hash = o.hash AND NOT EXISTS (
			SELECT FROM chainsync.reorgs AS x WHERE x.id > o.reorg)'),
	0, 'what was orphaned last is not in the chain');
cmp_ok(value('SELECT count(*) FROM chainsync.orphaned_logs'), '>', 0, 'their logs are kept');

# A node that is behind is no reorg.
my $before = value('SELECT count(*) FROM chainsync.reorgs');
my $top = value('SELECT max(number) FROM r.blocks');
$sim->control({ head => $top - 5 });
sleep 1;
is(value('SELECT max(number) FROM r.blocks'), $top, 'a lower head takes nothing away');
is(value('SELECT count(*) FROM chainsync.reorgs'), $before, 'and is no reorg');
$sim->control({ head => $top });

# While the server was down.
$node->stop;
my $answer = $sim->control({ reorg => { depth => 6, seed => 700 } });
$node->start;
wait_head($answer, 'after a restart');
check_chain('after a restart');

# Beyond the final block: halted, everything kept.
my $digest = digest($node, 'r');
$answer = $sim->control({ reorg => { depth => 90, seed => 800 } });
wait_status($node, 'r', 'halted');
is(digest($node, 'r'), $digest, 'halted: every row is kept');
like(value("SELECT last_error FROM chainsync.progress WHERE chain = 'r'"),
	qr/is final here.*accept_reorg/s, 'with the reason and the way on');
is(value("SELECT count(*) FROM chainsync.reorgs WHERE kind = 'halt'"), 1, 'and a record');
value("SELECT chainsync.start('r')");
sleep 1;
wait_status($node, 'r', 'halted');
is(digest($node, 'r'), $digest, 'a plain start changes nothing');
value("SELECT chainsync.start('r', accept_reorg => true)");
wait_head($answer, 'with accept_reorg it goes on');
check_chain('accepted');
is(value("SELECT accept_reorg FROM chainsync.chains"), 'f', 'and the word is spent');

# Rollback by hand.
$top = value('SELECT max(number) FROM r.blocks');
is(value("SELECT chainsync.rollback('r', $top - 20)"), 20, 'rollback deletes what is above');
wait_synced($node, 'r', $top);
check_chain('rolled back');
value("SELECT chainsync.stop('r')");
wait_status($node, 'r', 'stopped');
value("CALL chainsync.rollback_stepwise('r', 10, 50)");
is(value("SELECT chainsync.synced('r')"), '{[0,11)}', 'stepwise, without workers');
is(value('SELECT max(number) FROM r.blocks'), 10, 'rows and position agree');
value("SELECT chainsync.start('r')");
wait_synced($node, 'r', $top);
check_chain('synced again');

# Notifications.
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN chainsync');
$answer = $sim->control({ reorg => { depth => 2, seed => 900 } });
wait_head($answer, 'one more');
like($listener->query('SELECT 1'), qr/"kind": "reorg"/, 'NOTIFY tells of a reorg');
$listener->quit;

$reader->{timeout} = IPC::Run::timeout(120);
pump_until($reader->{run}, $reader->{timeout}, \$reader->{stdout}, qr/watched/);
unlike($reader->{stderr}, qr/a mix|without its/, 'a reader never saw a mix of branches');
$reader->quit;
$sim->stop;
done_testing();
