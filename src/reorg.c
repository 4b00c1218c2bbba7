/*-------------------------------------------------------------------------
 *
 * reorg.c
 *	  Replaces one branch of the chain by another, in one transaction.
 *
 * Locks in the order that all who cut history keep: the tables, then the
 * chain.  What is stored is compared again under the lock with what the new
 * branch was fetched for.
 *
 * Orphaned rows are read as the tables' owner and kept as the extension's:
 * they pass through memory, so that no statement has two masters.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "clock.h"
#include "guc.h"
#include "hex.h"
#include "history.h"
#include "identity.h"
#include "position.h"
#include "reorg.h"
#include "spi_util.h"
#include "worker.h"

typedef struct KeptColumn
{
	const char *name;
	const char *array_type;
	Oid			array_oid;
} KeptColumn;

static const KeptColumn block_columns[] = {
	{"number", "int8[]", INT8ARRAYOID}, {"hash", "bytea[]", BYTEAARRAYOID},
	{"parent_hash", "bytea[]", BYTEAARRAYOID},
	{"\"timestamp\"", "timestamptz[]", TIMESTAMPTZARRAYOID}
};

static const KeptColumn log_columns[] = {
	{"block_number", "int8[]", INT8ARRAYOID},
	{"log_index", "int8[]", INT8ARRAYOID},
	{"transaction_index", "int4[]", INT4ARRAYOID},
	{"block_timestamp", "timestamptz[]", TIMESTAMPTZARRAYOID},
	{"transaction_hash", "bytea[]", BYTEAARRAYOID},
	{"address", "bytea[]", BYTEAARRAYOID},
	{"topic0", "bytea[]", BYTEAARRAYOID}, {"topic1", "bytea[]", BYTEAARRAYOID},
	{"topic2", "bytea[]", BYTEAARRAYOID}, {"topic3", "bytea[]", BYTEAARRAYOID},
	{"data", "bytea[]", BYTEAARRAYOID}
};

#define MAX_KEPT_COLUMNS 16

/* A hash as a bytea literal. */
static char *
hash_literal(const uint8 *hash32)
{
	char		hex[65];

	hexbytes_encode(hex, hash32, 32);
	hex[64] = '\0';
	return psprintf("'\\x%s'::bytea", hex);
}

static bool
is_stored(ChainConfig *chain, int64 number, const uint8 *hash32)
{
	uint8		hash[32];

	return writer_read_hash(chain_table(chain, TABLE_BLOCKS), number, "hash",
							hash) && memcmp(hash, hash32, 32) == 0;
}

/* Reads columns of the rows above `fork` as arrays, as the table's owner. */
static void
read_columns(const ChainTable *table, const KeptColumn *columns, int count,
			 int64 fork, Datum *values, char *nulls)
{
	Identity	saved;
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < count; i++)
		appendStringInfo(&list, "%spg_catalog.array_agg(%s)",
						 i > 0 ? ", " : "", columns[i].name);
	identity_become(&saved, table->owner);
	spi_run(SPI_OK_SELECT, false, "SELECT %s FROM %s WHERE %s > '%lld'::int8",
			list.data, table->qualified,
			quote_identifier(table->block_column), (long long) fork);
	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		values[i] = SPI_getbinval(SPI_tuptable->vals[0],
								  SPI_tuptable->tupdesc, i + 1, &isnull);
		nulls[i] = isnull ? 'n' : ' ';
	}
	identity_restore(&saved);
}

/* Keeps the rows of a table above the fork as those of the reorg. */
static void
keep_rows(const ChainTable *table, const char *kept, const KeptColumn *columns,
		  int count, int64 fork, int64 reorg)
{
	Datum		values[MAX_KEPT_COLUMNS];
	char		nulls[MAX_KEPT_COLUMNS];
	Oid			types[MAX_KEPT_COLUMNS];
	StringInfoData arrays;

	Assert(count <= MAX_KEPT_COLUMNS);
	read_columns(table, columns, count, fork, values, nulls);
	if (nulls[0] == 'n')
		return;					/* no rows */
	initStringInfo(&arrays);
	for (int i = 0; i < count; i++)
	{
		types[i] = columns[i].array_oid;
		appendStringInfo(&arrays, "%s$%d::%s", i > 0 ? ", " : "", i + 1,
						 columns[i].array_type);
	}
	if (SPI_execute_with_args(psprintf("INSERT INTO chainsync.%s SELECT %lld, "
									   "u.* FROM unnest(%s) AS u", kept,
									   (long long) reorg, arrays.data),
							  count, types, values, nulls, false, 0) !=
		SPI_OK_INSERT)
		elog(ERROR, "could not keep the rows of table %s", table->qualified);
}

static int64
record(ChainConfig *chain, const ReorgSwap *swap)
{
	char	   *range = psprintf("'{[%lld,%lld]}'::int8multirange",
								 (long long) swap->fork + 1,
								 (long long) swap->old_head);

	spi_run(SPI_OK_INSERT_RETURNING, false,
			"INSERT INTO chainsync.reorgs (chain, kind, blocks, "
			"deleted_blocks, fork_block, depth, old_head, old_head_hash, "
			"new_head, new_head_hash) VALUES (%d, 'reorg', %s, 0, %lld, %lld, "
			"%lld, %s, %lld, %s) RETURNING id", chain->id, range,
			(long long) swap->fork,
			(long long) (swap->old_head - swap->fork),
			(long long) swap->old_head, hash_literal(swap->old_head_hash),
			(long long) swap->new_last, hash_literal(swap->new_last_hash));
	return spi_int64(0, "id", 0);
}

/* What is known only at the end. */
static void
complete_record(ChainConfig *chain, const ReorgSwap *swap, int64 reorg,
				int64 deleted)
{
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.reorgs SET deleted_blocks = %lld, "
			"duration = pg_catalog.make_interval(secs => %.6f), "
			"orphaned = (SELECT array_agg(hash ORDER BY number) "
			"FROM chainsync.orphaned_blocks WHERE reorg = %lld) "
			"WHERE id = %lld", (long long) deleted,
			(clock_us() - swap->noticed_us) / 1e6, (long long) reorg,
			(long long) reorg);
	if (chain->accept_reorg)
		spi_run(SPI_OK_UPDATE, false,
				"UPDATE chainsync.chains SET accept_reorg = false "
				"WHERE id = %d", chain->id);
}

/* In the transaction, locked: does the swap still fit? */
static bool
still_fits(ChainConfig *chain, const ReorgSwap *swap)
{
	uint8		hash[32];

	if (swap->has_fork_hash &&
		!is_stored(chain, swap->fork, swap->fork_hash))
		return false;
	return is_stored(chain, swap->old_head, swap->old_head_hash) &&
		!writer_read_hash(chain_table(chain, TABLE_BLOCKS),
						  swap->old_head + 1, "hash", hash);
}

static void
replace_branch(ChainConfig *chain, Stage *stage, const ReorgSwap *swap,
			   const char *above)
{
	int64		reorg = record(chain, swap);
	int64		deleted;

	keep_rows(chain_table(chain, TABLE_BLOCKS), "orphaned_blocks",
			  block_columns, lengthof(block_columns), swap->fork, reorg);
	keep_rows(chain_table(chain, TABLE_LOGS), "orphaned_logs", log_columns,
			  lengthof(log_columns), swap->fork, reorg);
	deleted = history_delete_rows(chain, above);
	writer_insert(chain, stage);
	position_swap(chain->id, swap->fork, swap->new_last);
	position_note_stored(chain->id, swap->new_last, swap->new_last_hash,
						 swap->new_last_timestamp);
	complete_record(chain, swap, reorg, deleted);
	writer_notify(chain, "reorg", swap->fork + 1, swap->new_last,
				  swap->new_last_hash);
}

WriteResult
reorg_swap(ChainConfig *chain, Stage *stage, const ReorgSwap *swap)
{
	char	   *above = psprintf("{(%lld,)}", (long long) swap->fork);

	if (!worker_begin())
		return WRITE_GONE;
	if (history_lock(chain, above) < 0)
	{
		worker_abort();
		return WRITE_GONE;
	}
	if (!still_fits(chain, swap))
	{
		worker_abort();
		return WRITE_STALE;
	}
	replace_branch(chain, stage, swap, above);
	worker_commit();
	return WRITE_DONE;
}

void
reorg_record_halt(ChainConfig *chain, int64 old_head, const uint8 *old_hash32,
				  int64 new_head, const uint8 *new_hash32)
{
	if (!worker_begin())
		return;
	spi_run(SPI_OK_INSERT, false,
			"INSERT INTO chainsync.reorgs (chain, kind, blocks, "
			"deleted_blocks, old_head, old_head_hash, new_head, "
			"new_head_hash) SELECT %d, 'halt', '{}', 0, %lld, %s, %lld, %s "
			"WHERE NOT EXISTS (SELECT FROM chainsync.reorgs WHERE chain = %d "
			"AND kind = 'halt' AND new_head_hash = %s)", chain->id,
			(long long) old_head, hash_literal(old_hash32),
			(long long) new_head, hash_literal(new_hash32), chain->id,
			hash_literal(new_hash32));
	worker_commit();
}

void
reorg_prune(void)
{
	spi_run(SPI_OK_DELETE, false,
			"DELETE FROM chainsync.reorgs WHERE detected_at < "
			"pg_catalog.clock_timestamp() - pg_catalog.make_interval(mins => "
			"%d)", chainsync_reorg_retention);
}
