# Streaming: a standby has the data and runs nothing; promoted, it goes on.
# Logical: another server gets blocks, and the deletes of a resync.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(sleep);

need('chainsim');

my $sim = start_chainsim('--generate', 600, '--profile', 'thin', '--head', 199);
my $primary = new_node(
	'primary',
	'_init' => [ allows_streaming => 'logical' ],
	'wal_level' => 'logical',
	'chainsync.commit_blocks' => 20);

add_chain($primary, 'r', $sim->url, 'partition_blocks => 100');
wait_synced($primary, 'r', 199);

# ---- streaming ----

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$sim->control({ head => 299 });
wait_synced($primary, 'r', 299);
wait_for_sql($standby, 'SELECT count(*) FROM r.blocks', '300');
is($standby->safe_psql('postgres', "SELECT status FROM chainsync.progress"), 'standby', 'progress of a standby');
is($standby->safe_psql('postgres', "SELECT chainsync.synced('r')"), '{[0,300)}', '... with the replicated position');
is( $standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'chainsync%' AND backend_type NOT LIKE '%launcher%'}),
	'0', '... nothing runs');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM chainsync.stat_worker WHERE pid IS NOT NULL'), '0', '... and nothing is shown to run');
my ($rc, $out, $err) = $standby->psql('postgres', "SELECT chainsync.start('r')");
like($err, qr/read-only transaction|in a read-only|during recovery/, 'start on a standby is an error');
($rc, $out, $err) = $standby->psql('postgres', "SELECT chainsync.resync('r', '{[0,10)}')");
isnt($rc, 0, '... so is resync');
assert_no_crash($standby);

# The primary is lost while it writes; the standby is promoted.
$sim->control({ head => 399 });
wait_for_sql($primary, 'SELECT max(number) > 305 FROM r.blocks');
$primary->stop('immediate');
my $replicated = $standby->safe_psql('postgres', 'SELECT max(number) FROM r.blocks');
$standby->promote;
wait_synced($standby, 'r', 399);
wait_status($standby, 'r', 'caught_up');
cmp_ok($replicated, '>=', 299, "promoted at block $replicated it goes on by itself");
unlike(log_since($standby), qr/is a copy/, '... and is no copy');
add_chain($standby, 'undisturbed', $sim->url);
wait_synced($standby, 'undisturbed', 399);
is_deeply([ differences($standby, 'r', 'undisturbed') ], [], 'the rows are those of an undisturbed sync');
$standby->safe_psql('postgres', "SELECT chainsync.remove_chain('undisturbed', true)");
assert_no_crash($standby);

# ---- logical: the promoted server publishes ----

my $publisher = $standby;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->start;
# A plain table there, without partitions and without the extension.
foreach my $table (chain_tables($publisher, 'r'))
{
	my $ddl = $publisher->safe_psql('postgres', qq{
		SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'r.$table'::regclass AND attnum > 0 AND NOT attisdropped});
	my $key = $publisher->safe_psql('postgres',
		"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'r.$table'::regclass AND contype = 'p'");

	$subscriber->safe_psql('postgres', "CREATE SCHEMA IF NOT EXISTS r; CREATE TABLE r.$table ($ddl, $key)");
}
$publisher->safe_psql('postgres', q{
	CREATE PUBLICATION roots FOR TABLES IN SCHEMA r WITH (publish_via_partition_root = true);
	CREATE PUBLICATION everything FOR ALL TABLES});
$subscriber->safe_psql('postgres', 'CREATE TABLE r.chainsync_info (key text PRIMARY KEY, value jsonb)');
my $connstr = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connstr' PUBLICATION roots");
wait_for_sql($subscriber, 'SELECT count(*) FROM r.blocks', '400');
pass('the first copy');
$sim->control({ head => 499 });
wait_synced($publisher, 'r', 499);
wait_for_sql($subscriber, 'SELECT count(*) FROM r.blocks', '500');
pass('blocks arrive, those of new partitions too');

# A resync's deletes: the new rows are held back, so that they are seen.
$sim->control({ fault => 'http-500' });
$publisher->safe_psql('postgres', "SELECT chainsync.resync('r', '{[50,60),[450,460)}')");
wait_for_sql($subscriber, 'SELECT count(*) FROM r.blocks', '480');
pass('deletes arrive');
is( $subscriber->safe_psql('postgres', 'SELECT count(*) FROM r.transactions WHERE block_number BETWEEN 450 AND 459'),
	'0', '... of all tables');
$sim->control({ fault => undef });
wait_synced($publisher, 'r', 499);
wait_for_sql($subscriber, 'SELECT count(*) FROM r.blocks', '500');
my $compare = q{
	SELECT md5(string_agg(md5(t::text), '' ORDER BY number)) FROM r.blocks AS t UNION ALL
	SELECT md5(string_agg(md5(t::text), '' ORDER BY block_number, transaction_index)) FROM r.transactions AS t UNION ALL
	SELECT md5(string_agg(md5(t::text), '' ORDER BY block_number, log_index)) FROM r.logs AS t UNION ALL
	SELECT md5(string_agg(md5(t::text), '' ORDER BY block_number, withdrawal_index)) FROM r.withdrawals AS t};
my $published = $publisher->safe_psql('postgres', $compare);
wait_for_sql($subscriber, $compare, $published);
pass('both have the same rows');
is( $publisher->safe_psql('postgres', q{SELECT count(*) FROM chainsync.stat_worker WHERE last_error LIKE '%replica identity%'}),
	'0', 'a publication FOR ALL TABLES breaks no delete');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s');
assert_no_crash($publisher);
assert_no_crash($subscriber);
$subscriber->stop;
$standby->stop;
$sim->stop;
done_testing();
