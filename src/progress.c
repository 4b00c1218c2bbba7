/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  SQL functions that show what the workers do, and wake them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "shmem.h"
#include "worker.h"

PG_FUNCTION_INFO_V1(chainsync_stat_worker);
PG_FUNCTION_INFO_V1(chainsync_setup_problem);
PG_FUNCTION_INFO_V1(chainsync_config_changed);

#define STAT_WORKER_COLUMNS 30

typedef struct RowFill
{
	int			next;
	Datum		values[STAT_WORKER_COLUMNS];
	bool		nulls[STAT_WORKER_COLUMNS];
} RowFill;

static void
fill(RowFill *row, Datum value, bool isnull)
{
	row->values[row->next] = value;
	row->nulls[row->next] = isnull;
	row->next++;
}

static void
fill_text(RowFill *row, const char *text)
{
	bool		isnull = text == NULL || text[0] == '\0';

	fill(row, isnull ? (Datum) 0 : CStringGetTextDatum(text), isnull);
}

static void
fill_time(RowFill *row, TimestampTz time)
{
	fill(row, TimestampTzGetDatum(time), time == 0);
}

static void
fill_block(RowFill *row, int64 number)
{
	fill(row, Int64GetDatum(number), number < 0);
}

static void
fill_ms(RowFill *row, int64 microseconds)
{
	fill(row, Float8GetDatum(microseconds / 1000.0), false);
}

static const char *
status_name(ChainStatus status)
{
	switch (status)
	{
		case CHAIN_SYNCING:
			return "syncing";
		case CHAIN_CAUGHT_UP:
			return "caught_up";
		case CHAIN_ERROR:
			return "error";
		case CHAIN_HALTED:
			return "halted";
		default:
			return "starting";
	}
}

static void
fill_counters(RowFill *row, const WorkerCounters *counters)
{
	fill(row, Int64GetDatum(counters->blocks), false);
	fill(row, Int64GetDatum(counters->transactions), false);
	fill(row, Int64GetDatum(counters->logs), false);
	fill(row, Int64GetDatum(counters->withdrawals), false);
	fill(row, Int64GetDatum(counters->commits), false);
	fill(row, Int64GetDatum(counters->bytes_received), false);
	fill_ms(row, counters->fetch_us);
	fill_ms(row, counters->verify_us);
	fill_ms(row, counters->stage_us);
	fill_ms(row, counters->write_us);
	fill_ms(row, counters->commit_us);
}

static void
fill_slot(RowFill *row, const WorkerSlot *slot)
{
	const WorkerView *view = &slot->view;
	bool		follower = slot->kind == WORKER_FOLLOWER;

	fill_text(row, follower ? "follower" : "scheduler");
	fill(row, Int32GetDatum(slot->chain), slot->chain == 0);
	fill(row, Int32GetDatum(slot->pid), slot->pid == 0);
	fill_text(row, slot->pid != 0 ? "running" :
			  slot->launching || slot->stopped_at == 0 ? "starting" :
			  "stopped");
	fill_text(row, status_name(view->status));
	fill_text(row, view->reason);
	fill_text(row, slot->pid != 0 ? view->activity : NULL);
	fill_time(row, slot->started_at);
	fill_time(row, slot->stopped_at);
	fill_text(row, slot->stop_reason);
	fill(row, Int64GetDatum(slot->starts), false);
	fill_block(row, view->latest);
	fill_block(row, view->safe);
	fill_block(row, view->finalized);
	fill_block(row, view->current_block);
	fill(row, Float8GetDatum(view->blocks_per_sec), !follower);
	fill_counters(row, &view->counters);
	fill_text(row, view->last_error);
	fill_text(row, view->last_error_code);
	fill_time(row, view->last_error_at);
	Assert(row->next == STAT_WORKER_COLUMNS);
}

/*
 * The slots of this database's workers.
 */
Datum
chainsync_stat_worker(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerSlot *copy = palloc(sizeof(WorkerSlot));

	InitMaterializedSRF(fcinfo, 0);
	if (!shmem_available())
		return (Datum) 0;
	for (int i = 0; i < SHMEM_WORKER_SLOTS; i++)
	{
		RowFill		row = {0};

		if (!shmem_copy_slot(i, copy) || copy->dboid != MyDatabaseId)
			continue;
		fill_slot(&row, copy);
		tuplestore_putvalues(result->setResult, result->setDesc, row.values,
							 row.nulls);
	}
	return (Datum) 0;
}

/*
 * Why no workers can run in this database, or NULL.
 */
Datum
chainsync_setup_problem(PG_FUNCTION_ARGS)
{
	char	   *database = get_database_name(MyDatabaseId);

	if (RecoveryInProgress())
		PG_RETURN_NULL();
	if (!shmem_available())
		PG_RETURN_TEXT_P(cstring_to_text("the library is not loaded at server "
										 "start: set "
										 "shared_preload_libraries = "
										 "'chainsync' and restart the "
										 "server"));
	if (database != NULL && !worker_database_listed(database))
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("the database is not "
												  "listed: set "
												  "chainsync.databases = "
												  "'%s' and reload",
												  database)));
	PG_RETURN_NULL();
}

static bool wake_at_commit = false;

static void
wake_workers(XactEvent event, void *arg)
{
	if (!wake_at_commit)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			wake_at_commit = false;
			shmem_wake_database(MyDatabaseId);
			shmem_wake_launcher();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			wake_at_commit = false;
			break;
		default:
			break;
	}
}

/*
 * Trigger on the configuration tables.  A rolled back savepoint wakes the
 * workers for nothing, which is harmless.
 */
Datum
chainsync_config_changed(PG_FUNCTION_ARGS)
{
	static bool registered = false;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("chainsync._config_changed can only be called as a "
						"trigger")));
	if (!registered)
		RegisterXactCallback(wake_workers, NULL);
	registered = true;
	wake_at_commit = true;
	PG_RETURN_POINTER(NULL);
}
