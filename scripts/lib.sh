# Functions that the other scripts share; to be sourced by bash.
#
# A PostgreSQL server refuses to run as root, so root's servers run as the
# user "postgres", everybody else's as themselves.  That user may not be able
# to read the tree (a checkout in root's home, mode 0700) and others may not be
# able to write it: sources are copied to where the server's user can build
# them, and the tree itself is left alone.

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: %s\n' "$(basename "$0")" "$1" >&2
	shift
	for line in "$@"; do
		printf '  %s\n' "$line" >&2
	done
	exit 1
}

is_root()
{
	[ "$(id -u)" = 0 ]
}

# The user that servers and tests run as.
server_user()
{
	if is_root; then
		echo postgres
	else
		id -un
	fi
}

# Run a command as that user, with the environment that is set here.
as_server()
{
	if is_root; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

# Sets PG_CONFIG to a path and pg_bin to the server's programs.
find_postgres()
{
	PG_CONFIG=$(command -v "${PG_CONFIG:-pg_config}") ||
		die 'pg_config was not found' \
			'Run "make deps", or set PG_CONFIG to the path of pg_config.'
	export PG_CONFIG
	pg_bin=$("$PG_CONFIG" --bindir)
	[ -x "$pg_bin/initdb" ] ||
		die "$pg_bin has no initdb" \
			'Run "make deps", or set PG_CONFIG to the pg_config of a PostgreSQL server.'
	if is_root && ! getent passwd postgres > /dev/null; then
		die 'there is no user "postgres"' \
			'PostgreSQL refuses to run as root: make that user, or run this as another one.'
	fi
}

# A DESTDIR works only where the server can look there for extensions.
require_destdir()
{
	local settings

	settings=$(as_server "$pg_bin/postgres" --describe-config)
	case $settings in
		*'
extension_destdir	'*) return ;;
	esac
	die 'this PostgreSQL has no setting extension_destdir' \
		'Private servers need it; the PostgreSQL packages of Debian, Ubuntu and apt.postgresql.org have it.'
}

# copy_tree DIR: the sources, without what was built, for the server's user.
# Files keep their times, so that a second copy rebuilds only what changed.
copy_tree()
{
	as_server mkdir -p "$1"
	tar -C "$tree" -c --warning=no-file-changed \
		--exclude=./.git --exclude=./tmp --exclude='*.o' --exclude='*.d' \
		--exclude='*.bc' --exclude='*.so' --exclude=./results --exclude='./test/*/build' . |
		as_server tar -C "$1" -x --no-same-owner
}

# Where the npm packages of the tests are, if anywhere.
node_modules()
{
	for dir in "$tree/test/node_modules" "$(node_fallback)/node_modules"; do
		if [ -d "$dir" ]; then
			echo "$dir"
			return
		fi
	done
}

# Where they go when the tree cannot be written.
node_fallback()
{
	echo "${XDG_CACHE_HOME:-$HOME/.cache}/chainsync"
}

cpus()
{
	nproc 2> /dev/null || echo 1
}
