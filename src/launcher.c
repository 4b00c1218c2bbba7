/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The static worker that keeps one scheduler a database running.
 *
 * It is connected to no database, so that none of them is held up by it, and
 * reads nothing but pg_database.  A database taken off chainsync.databases
 * needs nothing from here: its workers see that themselves at the reload.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "guc.h"
#include "launcher.h"
#include "pool.h"
#include "shmem.h"
#include "worker.h"

/* A listed database may be created, or restored, at any time. */
#define LOOK_INTERVAL_MS 10000

void
launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, WORKER_LIBRARY, BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "chainsync_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "chainsync launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "chainsync launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/*
 * Oids of the listed databases that exist, in the current memory context.
 *
 * pg_database is read without its indexes: they may not be known yet to a
 * process that is connected to no database.
 */
static List *
listed_databases(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *oids = NIL;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		if (!form->datallowconn ||
			!worker_database_listed(NameStr(form->datname)))
			continue;
		old = MemoryContextSwitchTo(caller);
		oids = lappend_oid(oids, form->oid);
		MemoryContextSwitchTo(old);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return oids;
}

/*
 * Starts what is missing; returns how long to sleep.
 */
static long
start_schedulers(void)
{
	List	   *oids = listed_databases();
	Oid		   *array = palloc(sizeof(Oid) * (list_length(oids) + 1));
	ListCell   *cell;
	int			count = 0;
	long		sleep_ms = LOOK_INTERVAL_MS;

	foreach(cell, oids)
		array[count++] = lfirst_oid(cell);
	shmem_forget_databases(array, count);
	pool_forget_databases(array, count);
	for (int i = 0; i < count; i++)
	{
		WorkerSlot *slot = shmem_claim_slot(array[i], WORKER_SCHEDULER, 0);
		char		title[BGW_MAXLEN];
		long		retry;

		if (slot == NULL)
			continue;
		snprintf(title, sizeof(title), "chainsync scheduler for database %u",
				 array[i]);
		retry = worker_launch(slot, "chainsync_scheduler_main", title);
		if (retry > 0)
			sleep_ms = Min(sleep_ms, retry);
	}
	return sleep_ms;
}

void
chainsync_launcher_main(Datum main_arg)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	shmem_set_launcher(MyProcPid);
	context = AllocSetContextCreate(TopMemoryContext, "chainsync launcher",
									ALLOCSET_SMALL_SIZES);

	for (;;)
	{
		long		sleep_ms;

		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		sleep_ms = start_schedulers();
		worker_sleep(sleep_ms);
	}
}
