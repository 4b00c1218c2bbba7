# Recorded blocks of many chains and eras, taken as they come (what is proven
# is 012_proof.pl's): every column of every row is what
# an independent reading of the JSON gives, and what no table can hold whole is
# refused by name.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use ChainsyncTest;
use JSON::PP ();
use OracleTest;
use PostgreSQL::Test::Utils;
use Test::More;

need('corpus', 'chainsim', 'python3', 'zstd');

my $corpus = corpus_dir();
my $node = new_node('corpus', max_worker_processes => 80);

# Chain ids, by folder and by run.
sub manifest
{
	my ($file, $key) = @_;
	my %ids;

	foreach my $line (split /\n/, slurp_file("$corpus/$file"))
	{
		my $entry = JSON::PP::decode_json($line);
		$ids{ $entry->{$key} } = $entry->{chain_id};
	}
	return \%ids;
}

sub multirange
{
	return '{' . join(',', map { "[$_,$_]" } @_) . '}';
}

# Blocks may lie millions apart: few, wide partitions.
sub add
{
	my ($chain, $sim, @numbers) = @_;

	add_chain($node, $chain, $sim->url,
		"verify => 'off', blocks => '"
		  . multirange(@numbers)
		  . "', partition_blocks => 100000000");
}

sub count_blocks
{
	my ($chain) = @_;

	return $node->safe_psql('postgres', qq{SELECT count(*) FROM "$chain".blocks});
}

sub wait_caught_up
{
	my ($chain) = @_;

	wait_for_sql($node,
		qq{SELECT target <\@ chainsync.synced(name) FROM chainsync.chains WHERE name = '$chain'}
	);
}

# A recorded block that does not link to the one recorded before it goes to a
# second chain.
sub split_unlinked
{
	my ($recorded) = @_;
	my %unlinked = map { $_ => 1 } @{ $recorded->{unlinked} };
	my (%first, @second);

	foreach my $number (@{ $recorded->{whole} })
	{
		if ($unlinked{$number} && $first{ $number - 1 })
		{
			push @second, $number;
		}
		else
		{
			$first{$number} = 1;
		}
	}
	return ([ sort { $a <=> $b } keys %first ], \@second);
}

my $ids = manifest('manifest.jsonl', 'chain');
my (%synced, %refused, %sims, %paths);

foreach my $folder (sort keys %$ids)
{
	my $path = $paths{$folder} = "$corpus/blocks/$folder";
	my $recorded = recorded_blocks($path);
	my $sim = $sims{$folder} =
	  start_chainsim('--replay', $path, '--chain-id', $ids->{$folder});
	my ($first, $second) = split_unlinked($recorded);

	$synced{$folder} = [ $path, @$first ] if @$first;
	$synced{"${folder}_unlinked"} = [ $path, @$second ] if @$second;
	foreach my $kind (qw(hashes no_receipts unreadable))
	{
		my @numbers = @{ $recorded->{$kind} };
		$refused{"${folder}_$kind"} = [ $kind, @numbers ] if @numbers;
		add("${folder}_$kind", $sim, @numbers) if @numbers;
	}
	add($folder, $sim, @$first) if @$first;
	add("${folder}_unlinked", $sim, @$second) if @$second;

	if (@$second)
	{
		my @both = ($second->[0] - 1, $second->[0]);
		$refused{"${folder}_both"} = [ 'both', @both ];
		add("${folder}_both", $sim, @both);
	}
}

# What cannot be stored whole.
my %reasons = (
	hashes => qr/hashes only, not whole transactions/,
	no_receipts => qr/the node has no receipts of block \d+/,
	unreadable => qr/\d+ receipts for \d+ transactions|is missing|logIndex \d+ comes after \d+/,
	both => qr/0x[0-9a-f]{64}.*0x[0-9a-f]{64}/s);
my %kinds;

foreach my $chain (sort keys %refused)
{
	my ($kind, @numbers) = @{ $refused{$chain} };

	$kinds{$kind}++;
	wait_status($node, $chain, 'error');
	like(
		$node->safe_psql('postgres',
			"SELECT last_error FROM chainsync.progress WHERE chain = '$chain'"),
		$reasons{$kind},
		"$chain: last_error says what is wrong");
	is(count_blocks($chain),
		$kind eq 'both' ? 1 : 0,
		$kind eq 'both' ? "$chain: the first is stored, the other not"
		: "$chain: nothing of it is stored");
	$node->safe_psql('postgres', "SELECT chainsync.stop('$chain')");
}
is_deeply(
	[ sort keys %kinds ],
	[ sort keys %reasons ],
	'there is a recording of each kind that is refused');

# What can.
foreach my $chain (sort keys %synced)
{
	my ($path, @numbers) = @{ $synced{$chain} };

	wait_caught_up($chain);
	is(count_blocks($chain), @numbers, "$chain: every block is stored");
	rows_are_those_of($node, $chain, '--blocks', join(',', @numbers), $path);
	is( $node->safe_psql('postgres', qq{
			SELECT count(*) FROM "$chain".blocks AS b
			JOIN "$chain".blocks AS p ON p.number = b.number - 1
			WHERE b.parent_hash <> p.hash}),
		0,
		"$chain: neighbours are linked");
}
$_->stop foreach values %sims;

# Long runs of thin blocks.
my $runs = manifest('runs/manifest.jsonl', 'file');

foreach my $file (sort keys %$runs)
{
	(my $chain = $file) =~ s/^.*\/|\.jsonl\.zst$//g;
	my $path = "$corpus/$file";
	my $sim =
	  start_chainsim('--replay', $path, '--chain-id', $runs->{$file});
	my ($from, $to) = $chain =~ /-(\d+)-(\d+)$/;

	add_chain($node, $chain, $sim->url,
		"verify => 'off', start_block => $from, end_block => $to, partition_blocks => 5000");
	wait_synced($node, $chain, $to, $from);
	rows_are_those_of($node, $chain, $path);
	$sim->stop;
	$node->safe_psql('postgres', "SELECT chainsync.stop('$chain')");
}

# The comparison can fail: one row of each table is changed in all columns but
# its key, one is taken away and one comes to it.
my $victim = 'hive-execution-apis';
my %wanted;

$node->safe_psql('postgres', "SELECT chainsync.stop('$victim')");
foreach my $table (chain_tables($node, $victim))
{
	my $name = qq{"$victim".$table};
	my (@key, @sets);
	my $columns = $node->safe_psql('postgres', qq{
		SELECT a.attname || ' ' || (a.attnum = ANY (i.indkey)) || ' ' || a.atttypid::regtype
		FROM pg_attribute AS a
		JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
		WHERE a.attrelid = '$name'::regclass AND a.attnum > 0
		ORDER BY a.attnum});

	foreach (split /\n/, $columns)
	{
		my ($column, $is_key, $type) = split / /, $_, 3;
		my $quoted = qq{"$column"};

		if ($is_key eq 'true')
		{
			push @key, $quoted;
			next;
		}
		push @sets, "$quoted = "
		  . ( $type eq 'bytea' ? qq{coalesce($quoted || '\\x00', '\\x00')}
			: $type eq 'bytea[]' ? qq{coalesce($quoted || '\\x00'::bytea, '{}')}
			: $type eq 'jsonb' ? qq{coalesce(jsonb_build_array($quoted), '{"a": 1}')}
			: $type =~ /^timestamp/ ? qq{$quoted + '1 second'}
			: qq{coalesce($quoted + 1, 0)});
		$wanted{"$table.$column"} = 1;
	}

	my $key = join ', ', @key;
	my $changes = join ', ', @sets;
	(my $last = "$key DESC") =~ s/,/ DESC,/;

	$node->safe_psql('postgres', qq{
		UPDATE $name SET $changes
		WHERE ($key) = (SELECT $key FROM $name ORDER BY $key LIMIT 1);
		DELETE FROM $name
		WHERE ($key) = (SELECT $key FROM $name ORDER BY $last LIMIT 1);
		INSERT INTO $name
		SELECT (jsonb_populate_record(NULL::$name,
			to_jsonb(t) || '{$key[0]: 99999999}')).*
		FROM (SELECT * FROM $name ORDER BY $key LIMIT 1) AS t});
	$wanted{"$table is in the JSON, but not stored"} = 1;
	$wanted{"$table is stored, but not in the JSON"} = 1;
}
my ($equal, $out) = compare_rows($node, $victim, $paths{$victim});
my %found;

foreach my $line (split /\n/, $out)
{
	$found{"$1.$2"} = 1
	  if $line =~ /^\Q$victim\E\.(\w+) \([\d, ]+\) (\w+): stored .* JSON has/;
	$found{"$1 $2"} = 1
	  if $line =~ /^\Q$victim\E\.(\w+) \([\d, ]+\) (is .*)$/;
}
ok(!$equal, 'changed rows are no longer equal');
is_deeply(
	[ sort keys %found ],
	[ sort keys %wanted ],
	'every change of a column, lost row and new row is noticed');

assert_no_crash($node);
$node->stop;
done_testing();
