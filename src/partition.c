/*-------------------------------------------------------------------------
 *
 * partition.c
 *	  Makes the partitions of a chain's tables, ahead of need.
 *
 * A partition is made as a table of its own, gets its indexes, and is then
 * attached: that takes SHARE UPDATE EXCLUSIVE on the parent, where CREATE
 * TABLE ... PARTITION OF would take ACCESS EXCLUSIVE and block readers.  Only
 * the primary key is declared on the parent; the other indexes are the
 * partitions' own.
 *
 * The partition of table t that starts with block n is called t_n.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "identity.h"
#include "partition.h"
#include "spi_util.h"
#include "worker.h"

/* The next partition is made once this share of one is reached. */
#define AHEAD_SHARE 0.8

typedef struct IndexDef
{
	ChainTableKind kind;
	const char *columns;
} IndexDef;

static const IndexDef index_defs[] = {
	{TABLE_BLOCKS, "hash"},
	{TABLE_BLOCKS, "\"timestamp\""},
	{TABLE_TRANSACTIONS, "hash"},
	{TABLE_TRANSACTIONS, "from_address"},
	{TABLE_TRANSACTIONS, "to_address"},
	{TABLE_LOGS, "address, topic0, block_number"}
};

/* Quoted name of the partition of `table` that starts with block `start`. */
static char *
partition_name(const ChainConfig *chain, const ChainTable *table, int64 start)
{
	char		name[NAMEDATALEN + 32];

	snprintf(name, sizeof(name), "%s_%lld", table->name, (long long) start);
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("name of partition \"%s\" is too long", name)));
	return pstrdup(quote_qualified_identifier(chain->schema, name));
}

/* Whether that partition is there; an error if another relation is. */
static bool
partition_exists(const ChainConfig *chain, const ChainTable *table,
				 int64 start)
{
	Oid			schema = get_namespace_oid(chain->schema, false);
	char	   *name = psprintf("%s_%lld", table->name, (long long) start);
	Oid			relid = get_relname_relid(name, schema);

	if (!OidIsValid(relid))
		return false;
	if (!get_rel_relispartition(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" is not a partition of %s", name,
						table->qualified),
				 errhint("Attach it again, or rename it, so that blocks "
						 "from %lld on have a place.", (long long) start)));
	return true;
}

/* The caller is the table's owner. */
static void
create_partition(const ChainConfig *chain, const ChainTable *table,
				 int64 start)
{
	char	   *name = partition_name(chain, table, start);
	int64		end = start + table->partition_blocks;

	spi_run(SPI_OK_UTILITY, false,
			"CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED "
			"INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)",
			name, table->qualified);
	for (int i = 0; i < lengthof(index_defs); i++)
	{
		if (index_defs[i].kind == table->kind)
			spi_run(SPI_OK_UTILITY, false, "CREATE INDEX ON %s (%s)", name,
					index_defs[i].columns);
	}
	spi_run(SPI_OK_UTILITY, false,
			"ALTER TABLE %s ATTACH PARTITION %s "
			"FOR VALUES FROM ('%lld') TO ('%lld')", table->qualified, name,
			(long long) start, (long long) end);
	pfree(name);
}

/* One transaction a partition; the caller catches a lock time-out. */
static void
ensure_partition(ChainConfig *chain, ChainTable *table, int64 start)
{
	Identity	saved;

	if (!worker_begin())
		worker_exit("the extension was dropped");
	/* inside the nest level of worker_begin(): gone with the transaction */
	(void) set_config_option("lock_timeout", "1s", PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (partition_exists(chain, table, start))
	{
		worker_commit();
		return;
	}
	/* another worker may be making it */
	chain_lock_table(chain, table, ShareUpdateExclusiveLock);
	identity_become(&saved, table->owner);
	if (!partition_exists(chain, table, start))
		create_partition(chain, table, start);
	identity_restore(&saved);
	worker_commit();
}

/* The same, false when a lock was not to be had. */
static bool
try_ensure_partition(ChainConfig *chain, ChainTable *table, int64 start)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		ensure_partition(chain, table, start);
		done = true;
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (code != ERRCODE_LOCK_NOT_AVAILABLE &&
			code != ERRCODE_T_R_DEADLOCK_DETECTED)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		FlushErrorState();
		worker_abort();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return done;
}

static bool
ensure_table(ChainConfig *chain, ChainTable *table, int64 first, int64 last,
			 char *reason, Size reason_size)
{
	int64		width = table->partition_blocks;
	int64		start = first - first % width;
	int64		end = last;

	if (last % width >= width * AHEAD_SHARE && width > 1 &&
		last <= PG_INT64_MAX - width)
		end = last + width;
	for (; start <= end; start += width)
	{
		if (start >= table->ready_first && start < table->ready_end)
			continue;
		if (start > PG_INT64_MAX - width)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("block number %lld is too large for a partition "
							"of %lld blocks", (long long) first,
							(long long) width)));
		if (!try_ensure_partition(chain, table, start))
		{
			snprintf(reason, reason_size,
					 "waits for a lock on table %s, to make a partition",
					 table->qualified);
			return false;
		}
		if (table->ready_end == start)
			table->ready_end = start + width;
		else
		{
			table->ready_first = start;
			table->ready_end = start + width;
		}
	}
	return true;
}

bool
partition_ensure(ChainConfig *chain, int64 first, int64 last, char *reason,
				 Size reason_size)
{
	for (int i = 0; i < chain->table_count; i++)
	{
		if (!ensure_table(chain, &chain->tables[i], first, last, reason,
						  reason_size))
			return false;
	}
	return true;
}
