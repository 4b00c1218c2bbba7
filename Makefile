# chainsync: an EVM chain indexer inside PostgreSQL, built by PGXS.
#
#	make deps			install what building and testing need (Debian)
#	make				build, with the server that PG_CONFIG belongs to
#	make install		install into that server
#	make installcheck	regression and isolation tests on the running server
#	make test			all tests, on private servers
#	make quickstart		a private server that syncs a chain, to look at
#	make quickstart-stop	removes it
#	make indent			format the C sources
#
# WERROR=1 turns warnings into errors.

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config

EXTENSION = chainsync
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" chainsync.control)
MODULE_big = chainsync
PGFILEDESC = "chainsync - an EVM chain indexer inside PostgreSQL"

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))

# The install script is assembled from its pieces, in this order.
SQL_PIECES = header tables chain_ddl functions hex proof copies grants abi views
DATA_built = sql/chainsync--$(EXTVERSION).sql

PACKAGES = libcurl json-c libsecp256k1
PG_CPPFLAGS := -DCHAINSYNC_VERSION='"$(EXTVERSION)"' \
	$(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
SHLIB_LINK := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)

# Names are kept to ourselves; see the file.
ifeq ($(shell uname -s),Linux)
SHLIB_LINK += -Wl,--version-script=src/exports.map
endif

# The compiler notes which headers an object depends on.
PG_CFLAGS = -O2 -MMD -MP
EXTRA_CLEAN = $(OBJS:.o=.d)

# But for the warnings that PostgreSQL's own headers cause.
ifeq ($(WERROR),1)
PG_CFLAGS += -Wall -Wextra -Werror -Wdeclaration-after-statement \
	-Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare
endif

REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=. --encoding=UTF8
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=.

# Bitcode for the JIT compiler only where the server's clang is installed.
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(PGXS),)
SERVER_CLANG := $(shell sed -n 's/^CLANG[[:space:]]*=[[:space:]]*//p' \
	'$(dir $(PGXS))../Makefile.global')
ifeq ($(shell command -v $(or $(SERVER_CLANG),none)),)
override with_llvm = no
endif
include $(PGXS)
else
all install installcheck clean:
	@echo '$(PG_CONFIG) was not found: run "make deps" or set PG_CONFIG' >&2
	@exit 1
endif

-include $(OBJS:.o=.d)

$(DATA_built): $(SQL_PIECES:%=sql/%.sql) chainsync.control
	cat $(SQL_PIECES:%=sql/%.sql) > $@.new
	mv $@.new $@

# The version is part of one object.
$(OBJS): chainsync.control

chainsync.so: src/exports.map

deps:
	scripts/deps

# "make -j deps test" installs first.
test: | $(filter deps,$(MAKECMDGOALS))

test:
	PG_CONFIG='$(PG_CONFIG)' scripts/test $(TESTS)

quickstart:
	PG_CONFIG='$(PG_CONFIG)' RPC='$(RPC)' START='$(START)' scripts/quickstart

quickstart-stop:
	scripts/quickstart stop

indent:
	PG_CONFIG='$(PG_CONFIG)' scripts/indent

.PHONY: deps test quickstart quickstart-stop indent
