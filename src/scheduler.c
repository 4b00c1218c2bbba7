/*-------------------------------------------------------------------------
 *
 * scheduler.c
 *	  One worker a database: starts the chains' workers, folds positions.
 *
 * It sends no requests to endpoints.  Chains are read from the tables each
 * time round; a worker that ended with an error is started again after a
 * delay that doubles (worker_launch).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"

#include "copy_guard.h"
#include "clock.h"
#include "launcher.h"
#include "pool.h"
#include "position.h"
#include "reorg.h"
#include "spi_util.h"
#include "worker.h"

/* How often to fold positions, while chains are being synced. */
#define FOLD_INTERVAL_MS 1000
/* How often to look otherwise; changed configuration wakes us. */
#define LOOK_INTERVAL_MS 5000
/* How often to delete old records of reorgs. */
#define PRUNE_INTERVAL_MS (10 * 60 * 1000)

typedef struct ScheduledChain
{
	int			id;
	char	   *name;
	bool		enabled;
	bool		is_copy;		/* of another database's */
} ScheduledChain;

/* All chains, in the current memory context; false without the extension. */
static bool
read_chains(ScheduledChain **chains, int *count)
{
	int		   *endpoints;
	int			endpoint_count;

	if (!worker_begin())
		return false;
	spi_run(SPI_OK_SELECT, true,
			"SELECT c.id, c.name, c.enabled::int AS enabled, "
			"chainsync._is_copy(s.system_identifier, s.database_oid)::int "
			"AS is_copy FROM chainsync.chains AS c "
			"LEFT JOIN chainsync.sync_state AS s "
			"ON s.chain OPERATOR(pg_catalog.=) c.id ORDER BY c.id");
	*count = (int) SPI_processed;
	*chains = spi_alloc(sizeof(ScheduledChain) * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		(*chains)[i].id = (int) spi_int64(i, "id", 0);
		(*chains)[i].name = spi_text(i, "name");
		(*chains)[i].enabled = spi_int64(i, "enabled", 0) != 0;
		(*chains)[i].is_copy =
			copy_guard_note((*chains)[i].id, (*chains)[i].name,
							spi_int64(i, "is_copy", 1) != 0);
	}
	spi_run(SPI_OK_SELECT, true, "SELECT id FROM chainsync.endpoints");
	endpoint_count = (int) SPI_processed;
	endpoints = spi_alloc(sizeof(int) * (endpoint_count + 1));
	for (int i = 0; i < endpoint_count; i++)
		endpoints[i] = (int) spi_int64(i, "id", 0);
	worker_commit();
	pool_forget_others(endpoints, endpoint_count);
	return true;
}

static bool
fold_chain(int chain)
{
	bool		folded;

	if (!worker_begin())
		return false;
	folded = position_fold(chain, false);
	worker_commit();
	return folded;
}

/* Starts the follower of a chain; returns when to look again. */
static long
start_follower(const ScheduledChain *chain)
{
	static bool full_logged = false;
	WorkerSlot *slot = shmem_claim_slot(MyDatabaseId, WORKER_FOLLOWER,
										chain->id);
	char		title[BGW_MAXLEN];

	if (slot == NULL)
	{
		if (!full_logged)
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("chainsync: could not start chain \"%s\": all %d "
							"worker entries in shared memory are in use",
							chain->name, SHMEM_WORKER_SLOTS)));
		full_logged = true;
		return LOOK_INTERVAL_MS;
	}
	snprintf(title, sizeof(title), "chainsync follower of chain \"%s\"",
			 chain->name);
	return worker_launch(slot, "chainsync_follower_main", title);
}

/*
 * A change that came by COMMIT PREPARED woke nobody: make up for it.
 */
static void
wake_if_running(const ScheduledChain *chain)
{
	WorkerSlot *slot = shmem_find_slot(MyDatabaseId, WORKER_FOLLOWER,
									   chain->id);
	WorkerSlot	copy;

	if (slot != NULL && shmem_copy_slot(shmem_slot_index(slot), &copy) &&
		copy.pid != 0)
		shmem_wake_database(MyDatabaseId);
}

/* Now and then, what chainsync.reorg_retention no longer keeps. */
static void
prune_reorgs(void)
{
	static int64 next_prune = 0;

	if (clock_ms() < next_prune || !worker_begin())
		return;
	reorg_prune();
	worker_commit();
	next_prune = clock_ms() + PRUNE_INTERVAL_MS;
}

/* One round; returns how long to sleep. */
static long
schedule(void)
{
	ScheduledChain *chains;
	int		   *ids;
	int			count;
	long		sleep_ms = LOOK_INTERVAL_MS;

	if (!read_chains(&chains, &count))
	{
		shmem_forget_chains(MyDatabaseId, NULL, 0);
		/* one that waits for an endpoint does not look by itself */
		shmem_wake_database(MyDatabaseId);
		worker_set_activity("waiting for CREATE EXTENSION chainsync");
		return LOOK_INTERVAL_MS;
	}
	ids = palloc(sizeof(int) * (count + 1));
	for (int i = 0; i < count; i++)
		ids[i] = chains[i].id;
	shmem_forget_chains(MyDatabaseId, ids, count);
	for (int i = 0; i < count; i++)
	{
		long		retry;

		if (!chains[i].enabled || chains[i].is_copy)
		{
			wake_if_running(&chains[i]);
			continue;
		}
		retry = start_follower(&chains[i]);
		if (retry > 0)
			sleep_ms = Min(sleep_ms, retry);
	}
	for (int i = 0; i < count; i++)
	{
		if (chains[i].is_copy)
			continue;
		if (fold_chain(chains[i].id))
			sleep_ms = Min(sleep_ms, FOLD_INTERVAL_MS);
		worker_check();
	}
	prune_reorgs();
	worker_set_activity("waiting for work");
	return sleep_ms;
}

/*
 * Entry point of a database's scheduler.
 */
void
chainsync_scheduler_main(Datum main_arg)
{
	MemoryContext context;

	worker_start(main_arg);
	context = AllocSetContextCreate(TopMemoryContext, "chainsync scheduler",
									ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		for (;;)
		{
			worker_check();
			MemoryContextSwitchTo(context);
			MemoryContextReset(context);
			worker_sleep(schedule());
		}
	}
	PG_CATCH();
	{
		worker_fail();
	}
	PG_END_TRY();
}
