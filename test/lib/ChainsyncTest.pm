
=head1 NAME

ChainsyncTest - servers, simulated chains and waits for the tests of chainsync

=head1 SYNOPSIS

	use FindBin;
	use lib "$FindBin::RealBin/../lib";
	use ChainsyncTest;
	use Test::More;

	my $sim  = start_chainsim('--generate', '--blocks=100');
	my $node = new_node('main');
	add_chain($node, 'sim', $sim->url);
	wait_synced($node, 'sim', 99);
	is(digest($node, 'sim'), ..., 'same rows');
	$node->stop;
	done_testing();

On top of PostgreSQL::Test::Cluster.  Every wait has a deadline of
$PostgreSQL::Test::Utils::timeout_default seconds (PG_TEST_TIMEOUT_DEFAULT,
180) and, when it passes, dies with what the chain and its endpoints report.

=cut

package ChainsyncTest;

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  new_node start_chainsim add_chain wait_for_sql wait_status wait_synced
  digest table_digests differences chain_tables worker_pid need corpus_dir node_modules
  free_port http_post log_since assert_no_crash
);

=head1 FUNCTIONS

=head2 need(@what)

Skips the whole test file unless everything in the list is there: C<corpus>
(recorded blocks), C<npm> (node and test/node_modules), C<chainsim>, or the
name of a program.

=cut

sub need
{
	foreach my $what (@_)
	{
		plan skip_all => 'no recorded blocks (CHAINSYNC_CORPUS)'
		  if $what eq 'corpus' && !defined corpus_dir();
		plan skip_all => 'no npm packages (run "make deps")'
		  if $what eq 'npm' && !defined node_modules();
		plan skip_all => 'chainsim is not built'
		  if $what eq 'chainsim' && !-x ($ENV{CHAINSIM} // '');
		next if $what =~ /^(corpus|npm|chainsim)$/;
		plan skip_all => "$what is not installed"
		  unless grep { -x "$_/$what" } split /:/, $ENV{PATH};
	}
}

=head2 corpus_dir(), node_modules()

The directory of recorded blocks, of npm packages; undef where there is none.

=cut

sub corpus_dir
{
	my $dir = $ENV{CHAINSYNC_CORPUS};
	return defined $dir && -r "$dir/manifest.jsonl" ? $dir : undef;
}

sub node_modules
{
	my $dir = $ENV{NODE_PATH};
	return defined $dir && -d "$dir/ethers" ? $dir : undef;
}

=head2 new_node($name, %settings)

Makes and starts a server with the library preloaded, the extension created in
the database C<postgres> and workers running there, with short delays.
Settings override or add to postgresql.conf; undef leaves one out.  Three
names are no settings: C<_start =E<gt> 0> does not start it,
C<_extension =E<gt> 0> does not create the extension and C<_init> is a list of
further arguments for PostgreSQL::Test::Cluster::init.

=cut

sub new_node
{
	my ($name, %settings) = @_;
	my $start = delete $settings{_start} // 1;
	my $extension = delete $settings{_extension} // 1;
	my $init = delete $settings{_init} // [];
	my $node = PostgreSQL::Test::Cluster->new($name);
	my %all = (
		'extension_destdir' => $ENV{CHAINSYNC_DESTDIR}
		  // die('CHAINSYNC_DESTDIR is not set: run this by scripts/test'),
		'shared_preload_libraries' => '$libdir/chainsync',
		'max_worker_processes' => 16,
		'max_locks_per_transaction' => 128,
		'log_line_prefix' => '%m [%p] %b ',
		'chainsync.databases' => 'postgres',
		'chainsync.poll_interval' => '50ms',
		'chainsync.retry_initial_delay' => '20ms',
		'chainsync.retry_max_delay' => '500ms',
		'chainsync.connect_timeout' => '2s',
		'chainsync.request_timeout' => '20s',
		%settings);

	$node->init(@$init);
	foreach my $key (sort keys %all)
	{
		next if !defined $all{$key};
		(my $value = $all{$key}) =~ s/'/''/g;
		$node->append_conf('postgresql.conf', "$key = '$value'");
	}
	if ($start)
	{
		$node->start;
		$node->safe_psql('postgres', 'CREATE EXTENSION chainsync')
		  if $extension;
	}
	return $node;
}

=head2 start_chainsim(@arguments)

Starts the simulator on a free port of 127.0.0.1 and waits until it listens.
The object has C<url>, C<port>, C<pid>, C<control(\%message)>, C<stop>,
C<kill> and C<restart(@arguments)>, which keeps the port.  It ends with the
test.

=cut

sub start_chainsim
{
	return ChainsyncTest::Chainsim->start(0, @_);
}

=head2 add_chain($node, $chain, $rpc, $more)

Adds a chain; C<$rpc> is a URL or a list of them, C<$more> further arguments
in SQL, such as C<start_block =E<gt> 5>.

=cut

sub add_chain
{
	my ($node, $chain, $rpc, $more) = @_;
	my $urls = join ', ', map { quote($_) } ref $rpc ? @$rpc : ($rpc);
	my $name = quote($chain);
	my $rest = defined $more ? ", $more" : '';

	return $node->safe_psql('postgres',
		"SELECT chainsync.add_chain($name, ARRAY[$urls]$rest)");
}

sub quote
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

=head2 wait_for_sql($node, $query, $expected = 't', $seconds)

Waits until the query's result is C<$expected>, a string or a qr//, and
returns it.

=cut

sub wait_for_sql
{
	my ($node, $query, $expected, $seconds) = @_;
	my $deadline =
	  time + ($seconds // $PostgreSQL::Test::Utils::timeout_default);
	my ($rc, $out, $err);

	$expected //= 't';
	while (1)
	{
		($rc, $out, $err) = $node->psql('postgres', $query);
		last if $rc == 0
		  && (ref $expected ? $out =~ $expected : $out eq $expected);
		if (time > $deadline)
		{
			die "timed out waiting for: $query\n"
			  . "expected: $expected\ngot: $out\n$err\n"
			  . report($node);
		}
		sleep 0.05;
	}
	return $out;
}

=head2 wait_status($node, $chain, $status, $seconds)

Waits until C<progress> shows that status (a string or a qr//).

=cut

sub wait_status
{
	my ($node, $chain, $status, $seconds) = @_;
	my $name = quote($chain);

	return wait_for_sql($node,
		"SELECT status FROM chainsync.progress WHERE chain = $name",
		$status, $seconds);
}

=head2 wait_synced($node, $chain, $to, $from = 0, $seconds)

Waits until every block from C<$from> to C<$to> is stored.

=cut

sub wait_synced
{
	my ($node, $chain, $to, $from, $seconds) = @_;
	my $name = quote($chain);

	$from //= 0;
	return wait_for_sql($node,
		"SELECT chainsync.synced($name) @> int8range($from, $to, '[]')",
		't', $seconds);
}

# What to look at when a wait was in vain.
sub report
{
	my ($node) = @_;
	my $text = '';

	foreach my $view (qw(progress stat_worker stat_endpoint failed_ranges))
	{
		my ($rc, $out, $err) = $node->psql('postgres',
			"\\x\nSELECT * FROM chainsync.$view");
		$text .= "chainsync.$view:\n$out\n$err\n";
	}
	return $text;
}

=head2 chain_tables($node, $schema)

Names of the chain's partitioned tables, sorted.

=cut

sub chain_tables
{
	my ($node, $schema) = @_;
	my $name = quote($schema);

	return split /\n/, $node->safe_psql('postgres', qq{
		SELECT c.relname FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = $name AND c.relkind = 'p' ORDER BY c.relname});
}

=head2 table_digests($node, $schema, $where), digest($node, $schema, $where)

The number of rows and the md5 of all columns of all rows, in the order of the
primary key, of each table, and the md5 of these.  C<$where> may hold
C<:block>, which stands for the table's column with the block number.

=cut

sub table_digests
{
	my ($node, $schema, $where) = @_;
	my @result;

	foreach my $table (chain_tables($node, $schema))
	{
		my $name = quote("$schema.$table");
		my $key = $node->safe_psql('postgres', qq{
			SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)
			FROM pg_index AS i
			CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
			JOIN pg_attribute AS a
				ON a.attrelid = i.indrelid AND a.attnum = k.attnum
			WHERE i.indrelid = $name\::regclass AND i.indisprimary});
		my $columns = $node->safe_psql('postgres', qq{
			SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname COLLATE "C")
			FROM pg_attribute
			WHERE attrelid = $name\::regclass AND attnum > 0 AND NOT attisdropped});
		(my $block) = $key =~ /^([^,]+)/;
		my $condition = $where // 'true';

		# Folded row by row: all rows' text at once may be more than 1 GB.
		$condition =~ s/:block/$block/g;
		push @result, "$table " . $node->safe_psql('postgres', qq{
			SET TimeZone = 'UTC';
			SET extra_float_digits = 1;
			SELECT count(*) || ' ' || coalesce(md5(string_agg(
				md5(ROW($columns)::text), '' ORDER BY $key)), '-')
			FROM $schema.$table WHERE $condition});
	}
	return @result;
}

sub digest
{
	my @digests = table_digests(@_);

	require Digest::MD5;
	return Digest::MD5::md5_hex(join "\n", @digests);
}

=head2 differences($node, $schema, $other, $where)

Compares the rows of two chains of one database: a list of texts like
C<"logs: 3">, the tables with rows that only one has, and how many these are.
C<$where> may hold C<:block>, as above; nothing means all rows.

=cut

sub differences
{
	my ($node, $schema, $other, $where) = @_;
	my @parts;

	foreach my $table (chain_tables($node, $schema))
	{
		my $block = $table eq 'blocks' ? 'number' : 'block_number';
		(my $condition = $where // 'true') =~ s/:block/$block/g;
		my ($one, $two) = map { "SELECT * FROM $_.$table WHERE $condition" }
		  $schema, $other;

		push @parts, qq{
			SELECT '$table: ' || count(*) FROM (
				($one EXCEPT ALL $two) UNION ALL ($two EXCEPT ALL $one)) AS d
			HAVING count(*) > 0};
	}
	die "there is no chain in schema $schema" unless @parts;
	return split /\n/,
	  $node->safe_psql('postgres', join ' UNION ALL ', @parts);
}

=head2 worker_pid($node, $worker, $chain)

Process id of a running worker (C<launcher>, C<scheduler>, C<follower>), or
the empty string.

=cut

sub worker_pid
{
	my ($node, $worker, $chain) = @_;

	if ($worker eq 'launcher')
	{
		return $node->safe_psql('postgres',
			q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '%chainsync launcher%'}
		);
	}
	my $condition = defined $chain ? 'AND chain = ' . quote($chain) : '';
	return $node->safe_psql('postgres',
		"SELECT pid FROM chainsync.stat_worker WHERE worker = '$worker' AND pid IS NOT NULL $condition"
	);
}

=head2 log_since($node, $offset)

The server's log from a position on (0 at first), and the new position.

=cut

sub log_since
{
	my ($node, $offset) = @_;
	my $text = slurp_file($node->logfile, $offset // 0);

	return ($text, -s $node->logfile);
}

=head2 assert_no_crash($node)

A test: the log shows no crash of a process and no failed assertion.

=cut

sub assert_no_crash
{
	my ($node) = @_;
	my $text = slurp_file($node->logfile);

	unlike($text,
		qr/was terminated by signal|TRAP:|PANIC:|AddressSanitizer/,
		$node->name . ': no process crashed');
}

=head2 free_port()

A TCP port of 127.0.0.1 that nobody listens on.

=cut

sub free_port
{
	my $socket = IO::Socket::INET->new(
		LocalAddr => '127.0.0.1',
		LocalPort => 0,
		Proto => 'tcp',
		Listen => 1) or die "no free port: $!";
	my $port = $socket->sockport;

	close $socket;
	return $port;
}

=head2 http_post($port, $path, $body)

Posts to 127.0.0.1; returns the status and the body.

=cut

sub http_post
{
	my ($port, $path, $body) = @_;

	require HTTP::Tiny;
	my $answer = HTTP::Tiny->new(timeout => 60, proxy => undef)->post(
		"http://127.0.0.1:$port$path",
		{
			headers => { 'content-type' => 'application/json' },
			content => $body
		});
	return ($answer->{status}, $answer->{content});
}

package ChainsyncTest::Chainsim;

use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

my @running;
my $count = 0;

sub start
{
	my ($class, $port, @arguments) = @_;
	my $program = $ENV{CHAINSIM}
	  // die 'CHAINSIM is not set: run this by scripts/test';
	my $number = ++$count;
	my $dir = $PostgreSQL::Test::Utils::tmp_check;
	my $self = bless {
		port_file => "$dir/chainsim_$number.port",
		log => "$PostgreSQL::Test::Utils::log_path/chainsim_$number.log",
	}, $class;
	my @command = (
		$program, '--port', $port, '--port-file', $self->{port_file},
		@arguments);

	unlink $self->{port_file};
	my $pid = fork() // die "could not fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $self->{log});
		open(STDERR, '>&', \*STDOUT);
		exec { $program } @command or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	push @running, $self;

	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (!-s $self->{port_file})
	{
		if (waitpid($pid, POSIX::WNOHANG()) != 0)
		{
			$self->{pid} = undef;
			die "chainsim @arguments ended:\n" . slurp_file($self->{log});
		}
		die "chainsim @arguments did not start" if time > $deadline;
		sleep 0.02;
	}
	chomp($self->{port} = slurp_file($self->{port_file}));
	return $self;
}

sub port { return $_[0]->{port}; }
sub pid { return $_[0]->{pid}; }
sub log { return slurp_file($_[0]->{log}); }
sub url { return "http://127.0.0.1:$_[0]->{port}/"; }

# Sends a control message (test/chainsim/README.md); returns the answer.
sub control
{
	my ($self, $message) = @_;
	my ($status, $body) = ChainsyncTest::http_post($self->port, '/control',
		JSON::PP::encode_json($message));

	die "chainsim refused: $status $body" if $status != 200;
	return JSON::PP::decode_json($body);
}

sub end
{
	my ($self, $signal) = @_;

	return unless defined $self->{pid};
	CORE::kill $signal, $self->{pid};
	local $?;
	waitpid $self->{pid}, 0;
	$self->{pid} = undef;
}

sub stop { $_[0]->end('TERM'); }
sub kill { my ($self) = @_; $self->end('KILL'); }

sub restart
{
	my ($self, @arguments) = @_;
	my $port = $self->port;

	$self->stop;
	my $new = ref($self)->start($port, @arguments);
	%$self = %$new;
	@running = grep { $_ != $new } @running;
	return $self;
}

END
{
	local $?;
	$_->kill foreach @running;
}

1;
