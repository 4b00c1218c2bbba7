
=head1 NAME

OracleTest - has test/oracle/compare.py judge the rows of a chain

=cut

package OracleTest;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use IPC::Run ();
use JSON::PP ();
use Test::More;

our @EXPORT = qw(recorded_blocks compare_rows rows_are_those_of);

my $program = "$FindBin::RealBin/../oracle/compare.py";

sub oracle
{
	my @command = ('python3', '-B', $program, @_);
	my ($out, $err) = ('', '');

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
	my $status = $?;

	# 1 without a message is its verdict, anything else that it failed
	die "@command:\n$err" if $err ne '' || $status & 255 || $status >> 8 > 1;
	return ($status >> 8, $out);
}

=head2 recorded_blocks(@paths)

What is recorded there: numbers of blocks under C<whole>, C<hashes>,
C<no_receipts>, C<unreadable> and C<unlinked>.

=cut

sub recorded_blocks
{
	my ($status, $out) = oracle('list', @_);

	return JSON::PP::decode_json($out);
}

=head2 compare_rows($node, $schema, @source)

Compares the tables with their source: further arguments of C<compare.py rows>.
Returns whether they are equal, and the text that says what differs.

=cut

sub compare_rows
{
	my ($node, $schema, @source) = @_;

	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	my ($status, $out) = oracle('rows', '--schema', $schema, @source);

	return ($status == 0, $out);
}

=head2 rows_are_those_of($node, $schema, @source)

The same as a test, that shows the first differences.

=cut

sub rows_are_those_of
{
	my ($node, $schema, @source) = @_;
	my ($equal, $out) = compare_rows($node, $schema, @source);
	my @lines = split /\n/, $out;
	my $summary = pop @lines;

	ok($equal, $summary);
	diag(join "\n", @lines[ 0 .. ($#lines > 39 ? 39 : $#lines) ])
	  if !$equal;
	return $equal;
}

1;
