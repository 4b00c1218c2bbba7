/*-------------------------------------------------------------------------
 *
 * history.c
 *	  Deletes stored blocks.
 *
 * By DELETE, never by truncate or detach, so that logical replicas see it;
 * with constant bounds, so that only the partitions concerned are locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "history.h"
#include "identity.h"
#include "obstacle.h"
#include "position.h"
#include "spi_util.h"

typedef struct BlockRange
{
	int64		first;
	int64		last;
} BlockRange;

void
history_require_read_committed(void)
{
	if (XactIsoLevel > XACT_READ_COMMITTED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot change stored data in isolation level %s",
						GetConfigOption("transaction_isolation", false,
										false)),
				 errhint("Call it in a transaction of isolation level READ "
						 "COMMITTED.")));
}

/*
 * The parts of `multirange` that are stored now; *count says how many.
 */
static BlockRange *
stored_ranges(const ChainConfig *chain, const char *multirange, int *count)
{
	BlockRange *ranges;

	spi_run(SPI_OK_SELECT, false,
			"SELECT pg_catalog.lower(piece) AS first, "
			"pg_catalog.upper(piece) OPERATOR(pg_catalog.-) 1 AS last "
			"FROM pg_catalog.unnest(chainsync.synced(%s) "
			"OPERATOR(pg_catalog.*) %s::int8multirange) AS piece",
			quote_literal_cstr(chain->name), quote_literal_cstr(multirange));
	*count = (int) SPI_processed;
	ranges = palloc(sizeof(BlockRange) * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		ranges[i].first = spi_int64(i, "first", 0);
		ranges[i].last = spi_int64(i, "last", 0);
	}
	return ranges;
}

/* First block of a partition by its name, t_n; -1 if it is not one of ours. */
static int64
partition_start(const ChainTable *table, Oid partition)
{
	char	   *name = get_rel_name(partition);
	Size		prefix = strlen(table->name);
	char	   *end;
	long long	start;

	if (name == NULL || strncmp(name, table->name, prefix) != 0 ||
		name[prefix] != '_')
		return -1;
	errno = 0;
	start = strtoll(name + prefix + 1, &end, 10);
	if (errno != 0 || *end != '\0' || end == name + prefix + 1 || start < 0)
		return -1;
	return start;
}

/*
 * Locks a table and those of its partitions that may hold one of the blocks,
 * as a DELETE would.
 */
static void
lock_table(ChainConfig *chain, ChainTable *table, const BlockRange *ranges,
		   int count)
{
	List	   *partitions;
	ListCell   *cell;

	chain_lock_table(chain, table, RowExclusiveLock);
	partitions = find_inheritance_children(table->relid, NoLock);
	foreach(cell, partitions)
	{
		int64		start = partition_start(table, lfirst_oid(cell));
		bool		wanted = start < 0;

		for (int i = 0; i < count && !wanted; i++)
			wanted = start <= ranges[i].last &&
				ranges[i].first - start < table->partition_blocks;
		if (wanted)
			LockRelationOid(lfirst_oid(cell), RowExclusiveLock);
	}
	list_free(partitions);
}

static int64
delete_rows(const ChainTable *table, const BlockRange *ranges, int count)
{
	const char *column = quote_identifier(table->block_column);
	Identity	saved;
	int64		deleted = 0;
	ErrorContextCallback hint = {.callback = obstacle_hint};

	hint.previous = error_context_stack;
	error_context_stack = &hint;
	identity_become(&saved, table->owner);
	for (int i = 0; i < count; i++)
	{
		spi_run(SPI_OK_DELETE, false,
				"DELETE FROM %s WHERE %s OPERATOR(pg_catalog.>=) '%lld'::int8 "
				"AND %s OPERATOR(pg_catalog.<=) '%lld'::int8",
				table->qualified, column, (long long) ranges[i].first,
				column, (long long) ranges[i].last);
		deleted += SPI_processed;
		spi_run(SPI_OK_SELECT, false,
				"SELECT 1 FROM %s WHERE %s >= '%lld'::int8 "
				"AND %s <= '%lld'::int8 LIMIT 1",
				table->qualified, column, (long long) ranges[i].first,
				column, (long long) ranges[i].last);
		if (SPI_processed > 0)
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
					 errmsg("table %s keeps rows that were deleted",
							table->qualified),
					 errdetail("A trigger or rule on the table prevents the "
							   "deletion."),
					 errhint("Drop or disable the triggers and rules of the "
							 "table that return NULL or do nothing.")));
	}
	identity_restore(&saved);
	error_context_stack = hint.previous;
	return deleted;
}

int64
history_lock(ChainConfig *chain, const char *multirange)
{
	BlockRange *ranges;
	int			count;

	for (int i = 0; i < CHAIN_TABLE_KINDS; i++)
		(void) chain_table(chain, i);
	ranges = stored_ranges(chain, multirange, &count);
	for (int i = 0; i < chain->table_count; i++)
		lock_table(chain, &chain->tables[i], ranges, count);
	return position_lock(chain->id);
}

int64
history_delete_rows(ChainConfig *chain, const char *multirange)
{
	int			count;
	BlockRange *ranges = stored_ranges(chain, multirange, &count);
	int64		blocks = 0;

	for (int i = 0; i < chain->table_count; i++)
	{
		int64		deleted = delete_rows(&chain->tables[i], ranges, count);

		if (chain->tables[i].kind == TABLE_BLOCKS)
			blocks = deleted;
	}
	return blocks;
}

int64
history_delete(ChainConfig *chain, const char *kind, const char *multirange)
{
	int64		blocks;

	if (history_lock(chain, multirange) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("chain \"%s\" was removed", chain->name)));
	/* what was committed while we waited for the lock, too */
	blocks = history_delete_rows(chain, multirange);
	position_cut(chain->id, multirange);
	spi_run(SPI_OK_INSERT, false,
			"INSERT INTO chainsync.reorgs (chain, kind, blocks, "
			"deleted_blocks) VALUES (%d, %s, %s, %lld)", chain->id,
			quote_literal_cstr(kind), quote_literal_cstr(multirange),
			(long long) blocks);
	return blocks;
}
