# What users put on a chain's tables: some of it works, some of it stops us,
# by name, and the sync goes on by itself once it is gone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use Test::More;

need('chainsim');

my $sim = start_chainsim('--generate', 500, '--profile', 'thin', '--head', 99);
my $node = new_node('objects', 'chainsync.commit_blocks' => 20);
my $head = 99;

sub sql { return $node->safe_psql('postgres', $_[0]); }

add_chain($node, 'o', $sim->url, 'partition_blocks => 50');
wait_synced($node, 'o', $head);

# More blocks arrive; they cannot be written, and then they can.
sub ok_stops
{
	my ($title, $make, $error, $undo) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	sql($make);
	$head += 30;
	$sim->control({ head => $head });
	my $shown = wait_for_sql($node,
		"SELECT last_error FROM chainsync.progress WHERE chain = 'o' AND status = 'error'", $error);
	like($shown, $error, "$title: last_error names it");
	is(sql("SELECT count(*) FROM chainsync.failed_ranges"), '0', '... no block is blamed');
	is(sql("SELECT max(number) FROM o.blocks"), $head - 30, '... nothing is half done');
	sql($undo);
	wait_synced($node, 'o', $head);
	wait_status($node, 'o', 'caught_up');
	pass('... and goes on by itself once it is gone');
}

sql(q{
	CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'});
ok_stops('a trigger that drops rows',
	'CREATE TRIGGER drops BEFORE INSERT ON o.blocks FOR EACH ROW EXECUTE FUNCTION swallow()',
	qr/table o\.blocks took 0 of \d+ rows.*return NULL/s,
	'DROP TRIGGER drops ON o.blocks');
ok_stops('a rule that does nothing',
	'CREATE RULE nothing AS ON INSERT TO o.blocks DO INSTEAD NOTHING',
	qr/rule nothing on table o\.blocks keeps rows from being written/, 'DROP RULE nothing ON o.blocks');
ok_stops('a deferred trigger',
	'CREATE CONSTRAINT TRIGGER late AFTER INSERT ON o.blocks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep()',
	qr/deferred trigger late on table o\.blocks keeps rows from being written.*not deferred/s,
	'DROP TRIGGER late ON o.blocks');
ok_stops('a deferred foreign key of ours',
	'ALTER TABLE o.transactions ADD CONSTRAINT tx_block FOREIGN KEY (block_number) REFERENCES o.blocks ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED',
	qr/deferred foreign key tx_block on table o\.transactions/,
	'ALTER TABLE o.transactions DROP CONSTRAINT tx_block');
ok_stops('a check that nothing passes',
	'ALTER TABLE o.blocks ADD CONSTRAINT never CHECK (number < 100) NOT VALID',
	qr/violates check constraint "never"/,
	'ALTER TABLE o.blocks DROP CONSTRAINT never');
ok_stops('a column that must be filled',
	'ALTER TABLE o.blocks ADD mine text; ALTER TABLE o.blocks ADD CONSTRAINT filled CHECK (mine IS NOT NULL) NOT VALID',
	qr/violates check constraint "filled"/,
	'ALTER TABLE o.blocks DROP mine');

# A table of ours lies elsewhere for a while.
ok_stops('a table renamed', 'ALTER TABLE o.logs RENAME TO logs_elsewhere',
	qr/table o\.logs .* does not exist|logs/, 'ALTER TABLE o.logs_elsewhere RENAME TO logs');

# What works: an index, a view, a trigger, a cascading foreign key, columns,
# a publication, a partition's storage.
sql(q{
	CREATE INDEX ON o.transactions (value);
	CREATE VIEW big AS SELECT * FROM o.transactions WHERE value > 0;
	CREATE TABLE seen (number bigint);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN INSERT INTO public.seen VALUES (NEW.number); RETURN NEW; END';
	CREATE TRIGGER notes AFTER INSERT ON o.blocks FOR EACH ROW EXECUTE FUNCTION note();
	CREATE TABLE labels (number bigint PRIMARY KEY REFERENCES o.blocks ON DELETE CASCADE, label text);
	INSERT INTO labels SELECT number, 'x' FROM o.blocks WHERE number < 40;
	ALTER TABLE o.logs ADD note text DEFAULT 'none';
	CREATE PUBLICATION p FOR ALL TABLES});
$head += 60;
$sim->control({ head => $head });
wait_synced($node, 'o', $head);
is(sql('SELECT count(*) FROM seen'), '60', 'a trigger that only looks sees every block');
is(sql("SELECT count(*) FROM o.logs WHERE note IS NULL"), '0', 'a column of theirs keeps its default');
is(sql("SELECT chainsync.resync('o', '{[20,30)}')"), '10', 'a cascading foreign key lets a resync pass');
is(sql('SELECT count(*) FROM labels'), '30', '... and its rows go along');
wait_synced($node, 'o', $head);

# A foreign key that does not cascade.
my ($rc, $out, $err);
sql('CREATE TABLE plain (number bigint PRIMARY KEY REFERENCES o.blocks); INSERT INTO plain VALUES (25)');
($rc, $out, $err) = $node->psql('postgres', "SELECT chainsync.start('o')");
like($err, qr/WARNING:.*foreign key plain_number_fkey of table (?:public\.)?plain keeps blocks from being deleted/,
	'start warns of a plain foreign key');
($rc, $out, $err) = $node->psql('postgres', "SELECT chainsync.resync('o', '{[20,30)}')");
like($err, qr/violates foreign key constraint "plain_number_fkey\d*" on table "plain"/, 'a resync fails, by name');
like($err, qr/ON DELETE CASCADE/, '... with a hint');
is(sql('SELECT count(*) FROM o.blocks WHERE number BETWEEN 20 AND 29'), '10', '... and nothing was deleted');
sql('DROP TABLE plain');

# Locks: somebody holds ACCESS EXCLUSIVE, somebody is idle in a transaction.
{
	my ($in, $got) = ('', '');
	my $session = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \$in, '>', \$got, IPC::Run::timeout(60));

	$in .= "BEGIN;\nLOCK TABLE o.transactions IN ACCESS EXCLUSIVE MODE;\n\\echo locked\n";
	$session->pump until $got =~ /locked/;
	$head += 20;
	$sim->control({ head => $head });
	wait_for_sql($node,
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type LIKE 'chainsync%'");
	pass('a lock that somebody holds delays us');
	$in .= "ROLLBACK;\n\\q\n";
	$session->finish;
	wait_synced($node, 'o', $head);
	pass('... and breaks nothing');
}

sql('VACUUM FULL o.blocks_0');
sql('CREATE EXTENSION amcheck');
is( sql(q{SELECT count(bt_index_check(i.indexrelid, true)) > 0 FROM pg_index AS i
	JOIN pg_class AS c ON c.oid = i.indexrelid WHERE c.relkind = 'i' AND c.relnamespace IN ('o'::regnamespace, 'chainsync'::regnamespace)}),
	't', 'indexes are sound');
sql('DROP TRIGGER notes ON o.blocks; ALTER TABLE o.logs DROP note');
add_chain($node, 'undisturbed', $sim->url);
wait_synced($node, 'undisturbed', $head);
is_deeply([ differences($node, 'o', 'undisturbed') ], [], 'the rows are those of an undisturbed sync');
assert_no_crash($node);
$node->stop;
$sim->stop;
done_testing();
