/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Shared memory: one slot a worker, and what it lets others see.
 *
 * A slot belongs to a key (database, kind, chain) for as long as the server
 * runs: it stays when its worker ends, so that the reason stays visible and
 * counters go on.  The launcher and the schedulers hand slots to processes by
 * `slot_generation`: a process that finds another generation than the one it
 * was started with is stale and exits.
 *
 * Locking: keys, generation and pid change under ShmemLock (exclusive) of
 * this module; the rest of a slot has one writer, its worker, and is read and
 * written under the slot's spinlock.  Nothing process-local is stored here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_SHMEM_H
#define CHAINSYNC_SHMEM_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/spin.h"

#define SHMEM_WORKER_SLOTS 256
#define SHMEM_TEXT_SIZE 512
/* After this long a registered worker that never came is taken for lost. */
#define SHMEM_LAUNCH_PATIENCE_MS 30000

typedef enum WorkerKind
{
	WORKER_SCHEDULER = 1,
	WORKER_FOLLOWER
} WorkerKind;

/* What progress shows as the chain's status. */
typedef enum ChainStatus
{
	CHAIN_STARTING = 0,
	CHAIN_SYNCING,
	CHAIN_CAUGHT_UP,
	CHAIN_ERROR,
	CHAIN_HALTED
} ChainStatus;

/* What a worker has done; only grows. */
typedef struct WorkerCounters
{
	int64		blocks;
	int64		transactions;
	int64		logs;
	int64		withdrawals;
	int64		commits;
	int64		bytes_received;
	int64		fetch_us;
	int64		verify_us;
	int64		stage_us;
	int64		write_us;
	int64		commit_us;
} WorkerCounters;

/* What a worker shows of itself, under the slot's spinlock. */
typedef struct WorkerView
{
	ChainStatus status;
	char		reason[SHMEM_TEXT_SIZE];
	char		activity[128];
	int64		latest;			/* -1: not known; likewise the next three */
	int64		safe;
	int64		finalized;
	int64		current_block;
	double		blocks_per_sec;
	WorkerCounters counters;
	char		last_error[SHMEM_TEXT_SIZE];
	char		last_error_code[6]; /* SQLSTATE */
	TimestampTz last_error_at;
} WorkerView;

typedef struct WorkerSlot
{
	/* under the module's lock */
	bool		in_use;
	Oid			dboid;
	WorkerKind	kind;
	int			chain;			/* chains.id; 0 for a scheduler */
	uint32		slot_generation;	/* counts the processes started for it */
	bool		launching;		/* registered, not yet attached */
	pid_t		pid;			/* 0: no process */
	TimestampTz launched_at;
	TimestampTz started_at;
	TimestampTz stopped_at;
	char		stop_reason[SHMEM_TEXT_SIZE];
	int			failures;		/* ended by an error, in a row */
	int64		starts;			/* processes that attached */

	/* wakes: bumped when configuration changed */
	pg_atomic_uint32 config_changes;

	slock_t		mutex;
	WorkerView	view;
} WorkerSlot;

/* True once shared memory is there, that is with shared_preload_libraries. */
extern bool shmem_available(void);

extern void shmem_install_hooks(void);

/* The slot of a key, made when there is none; NULL when all are in use. */
extern WorkerSlot *shmem_claim_slot(Oid dboid, WorkerKind kind, int chain);

/* The slot of a key, or NULL. */
extern WorkerSlot *shmem_find_slot(Oid dboid, WorkerKind kind, int chain);

/* Gives back the slots of a database's chains that are not in chains[]. */
extern void shmem_forget_chains(Oid dboid, const int *chains, int count);

/* Gives back all slots of databases that are not in dboids[] and idle. */
extern void shmem_forget_databases(const Oid *dboids, int count);

/*
 * Marks the slot as being launched and returns its new generation; false when
 * a process has it, or one was launched a short while ago.
 */
extern bool shmem_begin_launch(WorkerSlot *slot, uint32 *slot_generation);

/* The launch came to nothing. */
extern void shmem_cancel_launch(WorkerSlot *slot, uint32 slot_generation);

/* Makes MyWorkerSlot this process's; false when it is stale. */
extern bool shmem_attach(int slot_index, uint32 slot_generation);

/* Gives the slot up, with the reason shown; does nothing when not attached. */
extern void shmem_detach(const char *reason, bool failed);

/* Whether this process still is the slot's. */
extern bool shmem_is_mine(void);

extern int	shmem_slot_index(const WorkerSlot *slot);
extern WorkerSlot *shmem_slot(int slot_index);

/* Copies slot `slot_index` for a reader; false when it is not in use. */
extern bool shmem_copy_slot(int slot_index, WorkerSlot *copy);

/*
 * Tells all workers of a database to read their configuration again; the
 * caller, if it is one, is not woken.
 */
extern void shmem_wake_database(Oid dboid);

/* The launcher's latch, so that new schedulers start at once. */
extern void shmem_set_launcher(pid_t pid);
extern void shmem_wake_launcher(void);

extern WorkerSlot *MyWorkerSlot;

#endif							/* CHAINSYNC_SHMEM_H */
