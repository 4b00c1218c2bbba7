# DROP EXTENSION keeps the tables, add_chain takes them over again; a dump, a
# template and a copied cluster are copies, in which nothing runs until
# somebody says so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

need('chainsim');

my $sim = start_chainsim('--generate', 600, '--profile', 'thin', '--head', 199);
my $url = $sim->url;
my $node = new_node('copies', 'chainsync.commit_blocks' => 10);
my ($rc, $out, $err);

sub sql { return $node->safe_psql('postgres', $_[0]); }

add_chain($node, 'c', $url, 'partition_blocks => 50');
wait_synced($node, 'c', 199);

# Dropped while workers write, and created again.
$sim->control({ head => 399 });
wait_for_sql($node, 'SELECT max(number) > 210 FROM c.blocks');
sql('DROP EXTENSION chainsync');
my $stored = sql('SELECT count(*) FROM c.blocks');
cmp_ok($stored, '>', 210, "DROP EXTENSION keeps the tables ($stored blocks)");
is( sql(q{SELECT count(*) FROM c.transactions AS t WHERE NOT EXISTS (SELECT FROM c.blocks WHERE number = t.block_number)}),
	'0', '... of whole blocks');
is( sql(q{SELECT count(*) FROM c.blocks AS b WHERE transaction_count <> (SELECT count(*) FROM c.transactions WHERE block_number = b.number)}),
	'0', '... in full');
wait_for_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'chainsync follower'}, '0');
pass('... and no worker is left');
sql("DELETE FROM c.blocks WHERE number BETWEEN 20 AND 24");
sql('CREATE EXTENSION chainsync');
($rc, $out, $err) = $node->psql('postgres', "SELECT chainsync.add_chain('c', ARRAY['$url'])");
is($rc, 0, 'add_chain takes them over');
like($err, qr/NOTICE:  adopted schema "c" with @{[$stored - 5]} stored blocks/, '... and says so');
like($err, qr/WARNING:  deleted \d+ rows of blocks that table c\.blocks has not/, '... and what it deleted');
is(sql("SELECT partition_blocks FROM chainsync.chain_tables WHERE table_name = 'logs'"), '50', '... with their partitions');
wait_synced($node, 'c', 399);
is(sql("SELECT chain_id IS NOT NULL AND genesis IS NOT NULL FROM chainsync.chains"), 't', '... and their identity');
add_chain($node, 'undisturbed', $url);
wait_synced($node, 'undisturbed', 399);
is_deeply([ differences($node, 'c', 'undisturbed') ], [], 'the rows are those of an undisturbed sync');
sql("SELECT chainsync.remove_chain('undisturbed', true)");

# A node of another chain does not go on with these tables.
sql("SELECT chainsync.remove_chain('c')");
($rc, $out, $err) = $node->psql('postgres', "SELECT chainsync.add_chain('c', ARRAY['$url'], chain_id => 9)");
like($err, qr/are of chain id \d+, not 9/, 'another chain id is refused');
sql("SET client_min_messages = error; SELECT chainsync.add_chain('c', ARRAY['$url'])");
sql("CREATE ROLE guest; SELECT chainsync.grant('guest', 'reader')");
wait_synced($node, 'c', 399);

# A dump, taken while workers write, restored where workers could run.
$sim->control({ head => 499 });
$node->append_conf('postgresql.conf', "chainsync.databases = 'postgres, restored, template_copy'");
$node->reload;
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump, under load');
wait_synced($node, 'c', 499);
sql('CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'restored');
my $offset = 0;
my $copied = sub {
	my ($where) = @_;
	my $deadline = time + 30;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($where->safe_psql($_[1], "SELECT status FROM chainsync.progress WHERE chain = 'c'"), 'stopped', "$_[2]: the chain is stopped");
	like($where->safe_psql($_[1], "SELECT reason FROM chainsync.progress WHERE chain = 'c'"), qr/copy.*start\(\)/, '... and says why');
	sleep 2;
	is($where->safe_psql($_[1], 'SELECT count(*) FROM chainsync.stat_worker WHERE pid IS NOT NULL AND chain IS NOT NULL'), '0', '... no worker runs');
};
my $had = $node->safe_psql('restored', 'SELECT count(*) FROM c.blocks');
is($node->safe_psql('restored', "SELECT chainsync._count(chainsync.synced('c'))"), $had, 'position and rows agree in a dump');
$copied->($node, 'restored', 'a restored dump');
my ($log) = log_since($node);
my @warnings = $log =~ /WARNING:  chainsync chain "c" is stopped: this database is a copy/g;
is(scalar @warnings, 1, '... the log has one warning');
is($node->safe_psql('restored', 'SET ROLE guest; SELECT count(*) > 0 FROM c.blocks'), 't', '... what was granted is granted there');
is($node->safe_psql('restored', 'SELECT role, level FROM chainsync.grants'), 'guest|reader', '... and listed');
$node->safe_psql('restored', "SELECT chainsync.start('c')");
sub wait_database
{
	my ($database, $query) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	while ($node->safe_psql($database, $query) ne 't')
	{
		die "timed out: $query" if time > $deadline;
		select(undef, undef, undef, 0.05);
	}
}
wait_database('restored', "SELECT chainsync.synced('c') @> int8range(0, 500)");
is($node->safe_psql('restored', "SELECT count(*) FROM c.blocks"), '500', 'start goes on there');
is(sql("SELECT status FROM chainsync.progress"), 'caught_up', '... the original is as it was');
is( $node->safe_psql('restored', "SELECT md5(string_agg(b::text, '' ORDER BY number)) FROM c.blocks AS b"),
	sql("SELECT md5(string_agg(b::text, '' ORDER BY number)) FROM c.blocks AS b"), '... with the same rows');
$node->safe_psql('restored', "SET client_min_messages = error; SELECT chainsync.add_chain('second', ARRAY['$url'], end_block => 3)");
wait_database('restored', "SELECT chainsync.synced('second') @> int8range(0, 4)");
pass('... and new rows do not collide with restored ones');

# A template; the database must have no sessions.
$node->append_conf('postgresql.conf', "chainsync.databases = 'restored, template_copy'");
$node->reload;
my $deadline = time + 30;
while (1)
{
	last if $node->psql('template1', 'CREATE DATABASE template_copy TEMPLATE postgres') == 0;
	die 'no template' if time > $deadline;
	sleep 1;
}
$node->append_conf('postgresql.conf', "chainsync.databases = 'postgres, restored, template_copy'");
$node->reload;
wait_status($node, 'c', 'caught_up');
$copied->($node, 'template_copy', 'a template');
$node->safe_psql('template_copy', "SELECT chainsync.start('c')");
wait_database('template_copy', "SELECT status = 'caught_up' FROM chainsync.progress WHERE chain = 'c'");
pass('start goes on there');

# Renamed, it is the same database.
$node->append_conf('postgresql.conf', "chainsync.databases = 'postgres, renamed'");
$node->reload;
$deadline = time + 30;
while ($node->psql('postgres', 'ALTER DATABASE restored RENAME TO renamed') != 0)
{
	die 'not renamed' if time > $deadline;
	sleep 1;
}
wait_database('renamed', "SELECT status = 'caught_up' FROM chainsync.progress WHERE chain = 'c'");
pass('a renamed database goes on by itself');
sql('DROP DATABASE template_copy');
sql('DROP DATABASE renamed WITH (FORCE)');
wait_for_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'chainsync%' AND datname IS DISTINCT FROM 'postgres' AND datname IS NOT NULL}, '0');
wait_status($node, 'c', 'caught_up');
pass('DROP DATABASE WITH (FORCE), with workers in it');

# A copy of the whole cluster, of another system identifier.
$node->stop;
my $copy = PostgreSQL::Test::Cluster->new('cluster_copy');
PostgreSQL::Test::Utils::system_or_bail('cp', '-r', $node->data_dir, $copy->data_dir) if system('mkdir', '-p', $copy->basedir) == 0;
$copy->append_conf('postgresql.conf', 'port = ' . $copy->port);
$copy->append_conf('postgresql.conf', "unix_socket_directories = '" . $copy->host . "'");
PostgreSQL::Test::Utils::system_or_bail('pg_resetwal', '-f', '-D', $copy->data_dir);
# pg_resetwal keeps the identifier: change it in pg_control as initdb would make another
SKIP:
{
	my $file = $copy->data_dir . '/global/pg_control';
	my $bytes = slurp_file($file);

	substr($bytes, 0, 8) = pack('Q', unpack('Q', $bytes) + 1);
	# crc32c over what precedes it
	my $length = 0;
	my $crc_at;
	my $crc32c = sub {
		my $crc = 0xffffffff;
		foreach my $byte (unpack 'C*', shift)
		{
			$crc ^= $byte;
			$crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 foreach 1 .. 8;
		}
		return $crc ^ 0xffffffff;
	};
	my $old = slurp_file($file);
	for (my $at = 200; $at < 400; $at += 4)
	{
		next unless unpack('L', substr($old, $at, 4)) == $crc32c->(substr($old, 0, $at));
		$crc_at = $at;
		last;
	}
	skip 'pg_control has another form', 4 unless defined $crc_at;
	substr($bytes, $crc_at, 4) = pack('L', $crc32c->(substr($bytes, 0, $crc_at)));
	open(my $handle, '>:raw', $file) or die $!;
	print $handle $bytes;
	close $handle;
	# WAL of the old identifier is not for it
	PostgreSQL::Test::Utils::system_or_bail('pg_resetwal', '-f', '-D', $copy->data_dir);
	$copy->start;
	$copied->($copy, 'postgres', 'a copied cluster of another identifier');
	$copy->safe_psql('postgres', "SELECT chainsync.start('c')");
	wait_status($copy, 'c', 'caught_up');
	pass('start goes on there');
	assert_no_crash($copy);
	$copy->stop;
}

$node->start;
wait_status($node, 'c', 'caught_up');

# A made-up older layout, found by the worker.
sql(q{
	ALTER TABLE c.blocks DROP slot_number, DROP block_access_list_hash;
	UPDATE chainsync.chain_tables SET version = 0;
	UPDATE chainsync.chains SET enabled = true});
wait_for_sql($node, q{SELECT status = 'error' AND last_error LIKE '%layout version 0%upgrade_chain(%' FROM chainsync.progress});
pass('a worker that finds an older layout waits with a hint');
$sim->control({ head => 549 });
sql("SELECT chainsync.upgrade_chain('c')");
wait_synced($node, 'c', 549);
add_chain($node, 'undisturbed', $url);
wait_synced($node, 'undisturbed', 549);
is( sql(q{SELECT count(*) FROM c.blocks AS a FULL JOIN undisturbed.blocks AS b USING (number)
	WHERE to_jsonb(a) IS DISTINCT FROM to_jsonb(b)}),
	'0', 'upgraded, it goes on');

assert_no_crash($node);
$node->stop;
$sim->stop;
done_testing();
