/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  Writes staged rows and the position in one transaction.
 *
 * One INSERT ... SELECT ... FROM <ephemeral named relation> a table a batch, with
 * a kept plan, planned and run as the table's owner: permissions, triggers
 * and partitions of any kind stay what they are.
 *
 * The chain's lock is taken last, after the rows are in.  Under it, in
 * statements of their own, the generation is compared, and both ends of the
 * batch with the stored neighbours: of two neighbours the later one sees the
 * earlier, so what is adjacent in the position is linked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/queryenvironment.h"

#include "guc.h"
#include "hex.h"
#include "identity.h"
#include "position.h"
#include "spi_util.h"
#include "worker.h"
#include "writer.h"

#define STAGED_NAME "chainsync_staged"

static SPIPlanPtr plans[CHAIN_TABLE_KINDS];

void
writer_reset(void)
{
	for (int kind = 0; kind < CHAIN_TABLE_KINDS; kind++)
	{
		if (plans[kind] != NULL)
			SPI_freeplan(plans[kind]);
		plans[kind] = NULL;
	}
}

/* The kept INSERT of a table; the staged rows are registered. */
static SPIPlanPtr
insert_plan(const ChainTable *table)
{
	SPIPlanPtr	plan = plans[table->kind];
	const char *columns;
	char	   *text;

	if (plan != NULL)
		return plan;
	columns = stage_column_list(table->kind);
	text = psprintf("INSERT INTO %s (%s) SELECT %s FROM %s", table->qualified,
					columns, columns, STAGED_NAME);

	plan = SPI_prepare(text, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	plans[table->kind] = plan;
	return plan;
}

static void
insert_rows(const ChainTable *table, StageTable *staged)
{
	EphemeralNamedRelationData relation;
	Identity	saved;
	int			result;

	if (staged->count == 0)
		return;
	memset(&relation, 0, sizeof(relation));
	relation.md.name = STAGED_NAME;
	relation.md.reliddesc = InvalidOid;
	relation.md.tupdesc = staged->tupdesc;
	relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation.md.enrtuples = staged->count;
	relation.reldata = staged->rows;

	identity_become(&saved, table->owner);
	if (SPI_register_relation(&relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "SPI_register_relation failed");
	result = SPI_execute_plan(insert_plan(table), NULL, NULL, false, 0);
	if (result != SPI_OK_INSERT)
		elog(ERROR, "SPI_execute_plan failed: %s",
			 SPI_result_code_string(result));
	if ((int64) SPI_processed != staged->count)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("table %s took %lld of %lld rows", table->qualified,
						(long long) SPI_processed,
						(long long) staged->count),
				 errdetail("A trigger or rule on the table drops rows."),
				 errhint("Drop or disable the triggers and rules of the table "
						 "that return NULL or do nothing; the blocks are then "
						 "written.")));
	SPI_unregister_relation(STAGED_NAME);
	identity_restore(&saved);
}

void
writer_insert(ChainConfig *chain, Stage *stage)
{
	for (int i = 0; i < CHAIN_TABLE_KINDS; i++)
		insert_rows(chain_table(chain, i), &stage->tables[i]);
}

bool
writer_read_hash(const ChainTable *blocks, int64 number, const char *column,
				 uint8 *hash32)
{
	Identity	saved;
	bool		found;

	identity_become(&saved, blocks->owner);
	spi_run(SPI_OK_SELECT, false,
			"SELECT %s AS hash FROM %s WHERE number = '%lld'::int8", column,
			blocks->qualified, (long long) number);
	found = SPI_processed == 1;
	if (found)
		memcpy(hash32, spi_bytes(0, "hash", 32), 32);
	identity_restore(&saved);
	return found;
}

static void
describe_conflict(char *message, Size message_size, int64 child,
				  const uint8 *parent32, const uint8 *hash32)
{
	char		parent[65];
	char		hash[65];

	hexbytes_encode(parent, parent32, 32);
	hexbytes_encode(hash, hash32, 32);
	parent[64] = hash[64] = '\0';
	snprintf(message, message_size,
			 "block %lld does not link to block %lld: its parent hash is "
			 "0x%s, the hash is 0x%s", (long long) child,
			 (long long) child - 1, parent, hash);
}

/* Both ends of the batch against the stored neighbours; chain locked. */
static bool
check_seams(ChainConfig *chain, const WriteBatch *batch, char *message,
			Size message_size)
{
	ChainTable *blocks = chain_table(chain, TABLE_BLOCKS);
	uint8		hash[32];

	if (batch->first > 0 &&
		writer_read_hash(blocks, batch->first - 1, "hash", hash) &&
		memcmp(hash, batch->first_parent, 32) != 0)
	{
		describe_conflict(message, message_size, batch->first,
						  batch->first_parent, hash);
		return false;
	}
	if (batch->last < PG_INT64_MAX &&
		writer_read_hash(blocks, batch->last + 1, "parent_hash", hash) &&
		memcmp(hash, batch->last_hash, 32) != 0)
	{
		describe_conflict(message, message_size, batch->last + 1, hash,
						  batch->last_hash);
		return false;
	}
	return true;
}

void
writer_notify(const ChainConfig *chain, const char *kind, int64 first,
			  int64 last, const uint8 *hash32)
{
	static bool warned = false;
	char		hash[65];
	StringInfoData json;

	if (!chainsync_notify)
		return;
	spi_run(SPI_OK_SELECT, false,
			"SELECT (pg_catalog.pg_notification_queue_usage() > 0.5)::int "
			"AS full");
	if (spi_int64(0, "full", 0) != 0)
	{
		if (!warned)
			ereport(WARNING,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("chainsync sends no notifications while the "
							"queue is more than half full"),
					 errhint("Find the session that listens in an open "
							 "transaction, or set chainsync.notify = off.")));
		warned = true;
		return;
	}
	warned = false;
	hexbytes_encode(hash, hash32, 32);
	hash[64] = '\0';
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"chain\": ");
	escape_json(&json, chain->name);
	appendStringInfo(&json, ", \"kind\": \"%s\", \"from\": %lld, "
					 "\"to\": %lld, \"hash\": \"0x%s\"}", kind,
					 (long long) first, (long long) last, hash);
	spi_run(SPI_OK_SELECT, false, "SELECT pg_catalog.pg_notify('chainsync', "
			"%s)", quote_literal_cstr(json.data));
}

/* Locks, compares, and notes the range. */
static WriteResult
note_position(ChainConfig *chain, const WriteBatch *batch, char *message,
			  Size message_size)
{
	int64		generation = position_lock(chain->id);

	if (generation < 0)
		return WRITE_GONE;
	if (generation != batch->generation)
		return WRITE_STALE;
	if (!check_seams(chain, batch, message, message_size))
		return WRITE_CONFLICT;
	position_append(chain->id, batch->first, batch->last);
	if (batch->retried)
		position_clear_failed(chain->id, batch->first, batch->last);
	if (!batch->is_final)
		writer_notify(chain, "blocks", batch->first, batch->last,
					  batch->last_hash);
	if (batch->note_stored)
		position_note_stored(chain->id, batch->last, batch->last_hash,
							 batch->last_timestamp);
	return WRITE_DONE;
}

static void
use_synchronous_commit(void)
{
	const char *name;

	switch (chainsync_synchronous_commit)
	{
		case SYNCHRONOUS_COMMIT_OFF:
			name = "off";
			break;
		case SYNCHRONOUS_COMMIT_LOCAL_FLUSH:
			name = "local";
			break;
		case SYNCHRONOUS_COMMIT_REMOTE_WRITE:
			name = "remote_write";
			break;
		case SYNCHRONOUS_COMMIT_REMOTE_APPLY:
			name = "remote_apply";
			break;
		default:
			name = "on";
	}
	(void) set_config_option("synchronous_commit", name, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

static int64
lap(instr_time *start)
{
	instr_time	now;
	instr_time	passed;

	INSTR_TIME_SET_CURRENT(now);
	passed = now;
	INSTR_TIME_SUBTRACT(passed, *start);
	*start = now;
	return INSTR_TIME_GET_MICROSEC(passed);
}

static WriteResult
put_batch(ChainConfig *chain, Stage *stage, const WriteBatch *batch,
		  char *message, Size message_size, int64 *write_us,
		  int64 *commit_us)
{
	WriteResult result;
	instr_time	clock;

	INSTR_TIME_SET_CURRENT(clock);
	if (!worker_begin())
		return WRITE_GONE;
	for (int i = 0; i < CHAIN_TABLE_KINDS; i++)
		chain_lock_table(chain, chain_table(chain, i), RowExclusiveLock);
	writer_insert(chain, stage);
	*write_us += lap(&clock);
	result = note_position(chain, batch, message, message_size);
	if (result == WRITE_DONE)
	{
		/* outside the extension owner's GUC nest: it lasts to the commit */
		if (batch->is_final)
			worker_commit_with(use_synchronous_commit);
		else
			worker_commit();
	}
	else
		worker_abort();
	*commit_us += lap(&clock);
	return result;
}

/* What passes by itself: somebody's lock, or somebody's rows. */
static bool
is_passing(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		sqlerrcode == ERRCODE_UNIQUE_VIOLATION;
}

WriteResult
writer_put_batch(ChainConfig *chain, Stage *stage, const WriteBatch *batch,
				 char *message, Size message_size, int64 *write_us,
				 int64 *commit_us)
{
	MemoryContext context = CurrentMemoryContext;
	volatile WriteResult result = WRITE_BUSY;

	PG_TRY();
	{
		result = put_batch(chain, stage, batch, message, message_size,
						   write_us, commit_us);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!is_passing(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		error = CopyErrorData();
		FlushErrorState();
		worker_abort();
		RESUME_INTERRUPTS();
		writer_reset();
		snprintf(message, message_size, "blocks %lld to %lld: %s",
				 (long long) batch->first, (long long) batch->last,
				 error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return result;
}
