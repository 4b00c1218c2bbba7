/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  What all background workers have in common.
 *
 * Workers are BGW_NEVER_RESTART: only the launcher and the schedulers start
 * them again, with backoff, so that a crash loop is throttled in one place
 * and a dropped database leaves nothing behind.
 *
 * A worker connects as the bootstrap superuser (PostgreSQL 15 demands LOGIN
 * of any other role), and runs every statement as somebody else: see
 * identity.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "compat.h"
#include "guc.h"
#include "identity.h"
#include "worker.h"

/* How soon to try again when there is no free worker slot. */
#define NO_SLOT_RETRY_MS 5000

static uint32 seen_config_changes;
static bool config_seen = false;
static Identity begin_identity;
static MemoryContext begin_context;
static bool version_mismatch_logged = false;

/* The extension this process works for; another one is not ours. */
static Oid	my_extension = InvalidOid;

/*
 * Time to wait after `failures` failures in a row.
 */
static long
failure_delay(int failures)
{
	long		delay = chainsync_retry_initial_delay;

	for (int i = 1; i < failures && delay < chainsync_retry_max_delay; i++)
		delay *= 2;
	return Min(delay, chainsync_retry_max_delay);
}

/* Puts a reason into a slot that has no process. */
static void
set_slot_reason(WorkerSlot *slot, const char *reason)
{
	SpinLockAcquire(&slot->mutex);
	strlcpy(slot->view.reason, reason, SHMEM_TEXT_SIZE);
	SpinLockRelease(&slot->mutex);
}

static void
report_no_slot(WorkerSlot *slot, const char *title)
{
	static TimestampTz last_report = 0;
	TimestampTz now = GetCurrentTimestamp();

	set_slot_reason(slot, "waits for a free background worker slot: raise "
					"max_worker_processes and restart the server");
	if (last_report != 0 &&
		!TimestampDifferenceExceeds(last_report, now, 600 * 1000))
		return;
	last_report = now;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("chainsync: could not start \"%s\": no free background "
					"worker slot", title),
			 errdetail("max_worker_processes is %d; chainsync needs one for "
					   "its launcher, one a database and one a chain.",
					   max_worker_processes),
			 errhint("Set max_worker_processes to a higher value, such as "
					 "%d, and restart the server.",
					 max_worker_processes + 8)));
}

long
worker_launch(WorkerSlot *slot, const char *entry_point, const char *title)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	WorkerSlot	now_in;
	uint32		generation;
	long		left = 0;

	if (!shmem_copy_slot(shmem_slot_index(slot), &now_in) || now_in.pid != 0)
		return 0;
	if (now_in.failures > 0)
	{
		TimestampTz due =
		TimestampTzPlusMilliseconds(now_in.stopped_at,
									failure_delay(now_in.failures));

		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);
		if (left > 0)
			return left;
	}
	if (!shmem_begin_launch(slot, &generation))
		return SHMEM_LAUNCH_PATIENCE_MS;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, WORKER_LIBRARY, BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, entry_point, BGW_MAXLEN);
	strlcpy(worker.bgw_name, title, BGW_MAXLEN);
	strlcpy(worker.bgw_type, slot->kind == WORKER_SCHEDULER ?
			"chainsync scheduler" : "chainsync follower", BGW_MAXLEN);
	worker.bgw_main_arg = Int32GetDatum(shmem_slot_index(slot));
	memcpy(worker.bgw_extra, &generation, sizeof(generation));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		shmem_cancel_launch(slot, generation);
		report_no_slot(slot, title);
		return NO_SLOT_RETRY_MS;
	}
	pfree(handle);
	return 0;
}

/*
 * Settings that a user's ALTER DATABASE or ALTER ROLE could bend.
 */
static void
pin_settings(void)
{
	static const char *const pinned[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"session_replication_role", "origin"},
		{"lock_timeout", "5s"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"idle_session_timeout", "0"},
		{"row_security", "off"},
		{"role", "none"},
		{"DateStyle", "ISO, YMD"},
		{"IntervalStyle", "postgres"},
		{"bytea_output", "hex"},
		{"standard_conforming_strings", "on"},
		{"check_function_bodies", "on"}
	};

	for (int i = 0; i < lengthof(pinned); i++)
		SetConfigOption(pinned[i][0], pinned[i][1], PGC_SUSET,
						PGC_S_OVERRIDE);
}

bool
worker_database_listed(const char *datname)
{
	char	   *raw = pstrdup(chainsync_databases ? chainsync_databases : "");
	List	   *names = NIL;
	ListCell   *cell;
	bool		found = false;

	if (SplitIdentifierString(raw, ',', &names))
	{
		foreach(cell, names)
			found |= strcmp((char *) lfirst(cell), datname) == 0;
	}
	list_free(names);
	pfree(raw);
	return found;
}

/* The name of our database may have changed meanwhile. */
static bool
my_database_listed(void)
{
	char	   *name;
	bool		listed;

	StartTransactionCommand();
	name = get_database_name(MyDatabaseId);
	listed = name != NULL && worker_database_listed(name);
	CommitTransactionCommand();
	return listed;
}

/* Whatever ends the process without a word ends here. */
static void
detach_at_exit(int code, Datum arg)
{
	/* what cannot even connect must not be started again in a hot loop */
	shmem_detach(code == 0 ? "server shutdown" :
				 "terminated by an administrator or a shutdown", code != 0);
}

/* Whose error it is; our own lines outside transactions say so themselves. */
static void
name_worker(void *arg)
{
	if (IsTransactionState())
		errcontext("%s", MyBgworkerEntry->bgw_name);
}

void
worker_start(Datum main_arg)
{
	static ErrorContextCallback context = {.callback = name_worker};
	uint32		generation;

	context.previous = error_context_stack;
	error_context_stack = &context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	memcpy(&generation, MyBgworkerEntry->bgw_extra, sizeof(generation));
	if (!shmem_attach(DatumGetInt32(main_arg), generation))
		proc_exit(0);
	before_shmem_exit(detach_at_exit, (Datum) 0);
	SpinLockAcquire(&MyWorkerSlot->mutex);
	MyWorkerSlot->view.status = CHAIN_STARTING;
	MyWorkerSlot->view.reason[0] = '\0';
	SpinLockRelease(&MyWorkerSlot->mutex);

	BackgroundWorkerInitializeConnectionByOid(MyWorkerSlot->dboid,
											  InvalidOid, 0);
	pin_settings();
	/* it may have left the list before we could hear of it */
	if (!my_database_listed())
		worker_exit("database is not in chainsync.databases");
}

void
worker_check(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		config_seen = false;
		if (!my_database_listed())
			worker_exit("database is not in chainsync.databases");
	}
	if (!shmem_is_mine())
		worker_exit("another process has taken over");
}

void
worker_sleep(long timeout_ms)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

	if (timeout_ms >= 0)
		events |= WL_TIMEOUT;
	(void) WaitLatch(MyLatch, events, timeout_ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

bool
worker_config_changed(void)
{
	uint32		now = pg_atomic_read_u32(&MyWorkerSlot->config_changes);

	if (config_seen && now == seen_config_changes)
		return false;
	config_seen = true;
	seen_config_changes = now;
	return true;
}

/* The installed version, as CREATE or ALTER EXTENSION left it. */
static bool
version_matches(void)
{
	char	   *version;
	bool		matches;

	if (SPI_execute("SELECT extversion FROM pg_catalog.pg_extension "
					"WHERE extname OPERATOR(pg_catalog.=) 'chainsync'",
					true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		return false;
	version = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	matches = strcmp(version, CHAINSYNC_VERSION) == 0;
	if (!matches)
	{
		worker_set_status(CHAIN_STARTING,
						  "the library and the extension differ in version: "
						  "ALTER EXTENSION chainsync UPDATE, or restart the "
						  "server to load the new library");
		if (!version_mismatch_logged)
			ereport(LOG,
					(errmsg("chainsync: the extension is of version %s, the "
							"library of version %s", version,
							CHAINSYNC_VERSION),
					 errhint("Run ALTER EXTENSION chainsync UPDATE, or "
							 "restart the server to load the new library.")));
		version_mismatch_logged = true;
	}
	return matches;
}

bool
worker_begin(void)
{
	Oid			extension;
	Oid			owner;

	begin_context = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	extension = identity_extension(&owner, true);
	if (OidIsValid(extension))
	{
		Oid			locked = extension;

		/* DROP EXTENSION waits for us, or we see that it is gone */
		LockDatabaseObject(ExtensionRelationId, locked, 0, AccessShareLock);
		extension = identity_extension(&owner, true);
		if (!OidIsValid(my_extension))
			my_extension = locked;
		if (OidIsValid(extension) &&
			(extension != locked || extension != my_extension))
			worker_exit("the extension was dropped and created again");
	}
	if (!OidIsValid(extension))
	{
		CommitTransactionCommand();
		MemoryContextSwitchTo(begin_context);
		worker_set_status(CHAIN_STARTING, "the extension does not exist");
		return false;
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	/* what SPI_palloc gives out survives the transaction */
	MemoryContextSwitchTo(begin_context);
	identity_spi_connect();
	identity_become(&begin_identity, owner);
	if (!version_matches())
	{
		worker_commit();
		return false;
	}
	return true;
}

void
worker_commit_with(void (*before_commit) (void))
{
	identity_restore(&begin_identity);
	identity_spi_finish();
	PopActiveSnapshot();
	if (before_commit != NULL)
		before_commit();
	CommitTransactionCommand();
	MemoryContextSwitchTo(begin_context);
	pgstat_report_stat(false);
}

void
worker_commit(void)
{
	worker_commit_with(NULL);
}

void
worker_abort(void)
{
	AbortCurrentTransaction();
	MemoryContextSwitchTo(begin_context);
	pgstat_report_stat(false);
}

void
worker_exit(const char *fmt,...)
{
	char		reason[SHMEM_TEXT_SIZE];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	ereport(LOG,
			(errmsg("%s stops: %s", MyBgworkerEntry->bgw_name, reason)));
	shmem_detach(reason, false);
	proc_exit(0);
}

void
worker_fail(void)
{
	ErrorData  *error;
	char		reason[SHMEM_TEXT_SIZE];

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	EmitErrorReport();
	AbortOutOfAnyTransaction();
	FlushErrorState();
	RESUME_INTERRUPTS();

	snprintf(reason, sizeof(reason), "%s%s%s",
			 error->message ? error->message : "unknown error",
			 error->hint ? ". " : "", error->hint ? error->hint : "");
	worker_set_error(unpack_sql_state(error->sqlerrcode), reason);
	worker_set_status(CHAIN_ERROR, "an error ended the worker; it is started "
					  "again after a delay");
	snprintf(reason, sizeof(reason), "error %s: %s",
			 unpack_sql_state(error->sqlerrcode),
			 error->message ? error->message : "unknown error");
	ereport(LOG,
			(errmsg("%s stops: %s", MyBgworkerEntry->bgw_name, reason)));
	shmem_detach(reason, true);
	proc_exit(1);
}

void
worker_set_status(ChainStatus status, const char *reason)
{
	SpinLockAcquire(&MyWorkerSlot->mutex);
	MyWorkerSlot->view.status = status;
	strlcpy(MyWorkerSlot->view.reason, reason ? reason : "",
			SHMEM_TEXT_SIZE);
	SpinLockRelease(&MyWorkerSlot->mutex);
}

void
worker_set_activity(const char *activity)
{
	SpinLockAcquire(&MyWorkerSlot->mutex);
	strlcpy(MyWorkerSlot->view.activity, activity,
			sizeof(MyWorkerSlot->view.activity));
	SpinLockRelease(&MyWorkerSlot->mutex);
	pgstat_report_activity(STATE_RUNNING, activity);
}

void
worker_set_error(const char *sqlstate, const char *message)
{
	TimestampTz now = GetCurrentTimestamp();

	SpinLockAcquire(&MyWorkerSlot->mutex);
	strlcpy(MyWorkerSlot->view.last_error, message, SHMEM_TEXT_SIZE);
	strlcpy(MyWorkerSlot->view.last_error_code, sqlstate, 6);
	MyWorkerSlot->view.last_error_at = now;
	SpinLockRelease(&MyWorkerSlot->mutex);
}
