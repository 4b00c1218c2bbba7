/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Shared memory: one slot a worker, and what it lets others see.
 *
 * See shmem.h for who may write what.  A process that waits is woken by
 * SetLatch on its PGPROC, found by pid: no latch pointer is kept here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "pool.h"
#include "shmem.h"

/* A worker that ran so long before it failed does not fail at once. */
#define STEADY_RUN_MS 60000

typedef struct SharedState
{
	LWLock	   *lock;
	pid_t		launcher_pid;
	WorkerSlot	slots[SHMEM_WORKER_SLOTS];
} SharedState;

WorkerSlot *MyWorkerSlot = NULL;

static SharedState *state = NULL;
static uint32 my_slot_generation;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(SharedState)));
	RequestAddinShmemSpace(MAXALIGN(pool_shmem_size()));
	RequestNamedLWLockTranche("chainsync", 1);
}

static void
startup_shmem(void)
{
	bool		found;
	void	   *pool;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	state = ShmemInitStruct("chainsync workers", sizeof(SharedState), &found);
	if (!found)
	{
		memset(state, 0, sizeof(SharedState));
		state->lock = &(GetNamedLWLockTranche("chainsync"))->lock;
		for (int i = 0; i < SHMEM_WORKER_SLOTS; i++)
		{
			SpinLockInit(&state->slots[i].mutex);
			pg_atomic_init_u32(&state->slots[i].config_changes, 0);
		}
	}
	pool = ShmemInitStruct("chainsync endpoints", pool_shmem_size(), &found);
	pool_shmem_init(found, pool);
	LWLockRelease(AddinShmemInitLock);
}

void
shmem_install_hooks(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

bool
shmem_available(void)
{
	return state != NULL;
}

int
shmem_slot_index(const WorkerSlot *slot)
{
	return slot - state->slots;
}

WorkerSlot *
shmem_slot(int slot_index)
{
	if (state == NULL || slot_index < 0 || slot_index >= SHMEM_WORKER_SLOTS)
		return NULL;
	return &state->slots[slot_index];
}

/* The caller holds the lock. */
static WorkerSlot *
lookup(Oid dboid, WorkerKind kind, int chain)
{
	for (int i = 0; i < SHMEM_WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &state->slots[i];

		if (slot->in_use && slot->dboid == dboid && slot->kind == kind &&
			slot->chain == chain)
			return slot;
	}
	return NULL;
}

/* The caller holds the lock exclusively. */
static void
reset_slot(WorkerSlot *slot)
{
	slot->launching = false;
	slot->pid = 0;
	slot->launched_at = 0;
	slot->started_at = 0;
	slot->stopped_at = 0;
	slot->stop_reason[0] = '\0';
	slot->failures = 0;
	slot->starts = 0;
	SpinLockAcquire(&slot->mutex);
	memset(&slot->view, 0, sizeof(WorkerView));
	slot->view.latest = -1;
	slot->view.safe = -1;
	slot->view.finalized = -1;
	slot->view.current_block = -1;
	SpinLockRelease(&slot->mutex);
}

WorkerSlot *
shmem_find_slot(Oid dboid, WorkerKind kind, int chain)
{
	WorkerSlot *slot;

	if (state == NULL)
		return NULL;
	LWLockAcquire(state->lock, LW_SHARED);
	slot = lookup(dboid, kind, chain);
	LWLockRelease(state->lock);
	return slot;
}

WorkerSlot *
shmem_claim_slot(Oid dboid, WorkerKind kind, int chain)
{
	WorkerSlot *slot;

	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	slot = lookup(dboid, kind, chain);
	for (int i = 0; slot == NULL && i < SHMEM_WORKER_SLOTS; i++)
	{
		if (state->slots[i].in_use)
			continue;
		slot = &state->slots[i];
		reset_slot(slot);
		slot->in_use = true;
		slot->dboid = dboid;
		slot->kind = kind;
		slot->chain = chain;
	}
	LWLockRelease(state->lock);
	return slot;
}

static bool
is_idle(const WorkerSlot *slot)
{
	return slot->pid == 0 &&
		(!slot->launching ||
		 TimestampDifferenceExceeds(slot->launched_at, GetCurrentTimestamp(),
									SHMEM_LAUNCH_PATIENCE_MS));
}

void
shmem_forget_chains(Oid dboid, const int *chains, int count)
{
	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SHMEM_WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &state->slots[i];
		bool		known = false;

		if (!slot->in_use || slot->dboid != dboid || slot->chain == 0)
			continue;
		for (int j = 0; j < count && !known; j++)
			known = chains[j] == slot->chain;
		if (!known && is_idle(slot))
			slot->in_use = false;
	}
	LWLockRelease(state->lock);
}

void
shmem_forget_databases(const Oid *dboids, int count)
{
	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SHMEM_WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &state->slots[i];
		bool		known = false;

		for (int j = 0; j < count && !known; j++)
			known = dboids[j] == slot->dboid;
		if (slot->in_use && !known && is_idle(slot))
			slot->in_use = false;
	}
	LWLockRelease(state->lock);
}

bool
shmem_begin_launch(WorkerSlot *slot, uint32 *slot_generation)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		granted = false;

	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	if (slot->pid == 0 &&
		(!slot->launching ||
		 TimestampDifferenceExceeds(slot->launched_at, now,
									SHMEM_LAUNCH_PATIENCE_MS)))
	{
		slot->launching = true;
		slot->launched_at = now;
		slot->slot_generation++;
		*slot_generation = slot->slot_generation;
		granted = true;
	}
	LWLockRelease(state->lock);
	return granted;
}

void
shmem_cancel_launch(WorkerSlot *slot, uint32 slot_generation)
{
	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	if (slot->slot_generation == slot_generation && slot->pid == 0)
		slot->launching = false;
	LWLockRelease(state->lock);
}

bool
shmem_attach(int slot_index, uint32 slot_generation)
{
	WorkerSlot *slot = shmem_slot(slot_index);
	bool		attached = false;

	if (slot == NULL)
		return false;
	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	if (slot->in_use && slot->launching && slot->pid == 0 &&
		slot->slot_generation == slot_generation)
	{
		slot->launching = false;
		slot->pid = MyProcPid;
		slot->starts++;
		slot->started_at = GetCurrentTimestamp();
		my_slot_generation = slot_generation;
		MyWorkerSlot = slot;
		attached = true;
	}
	LWLockRelease(state->lock);
	return attached;
}

void
shmem_detach(const char *reason, bool failed)
{
	WorkerSlot *slot = MyWorkerSlot;

	if (slot == NULL)
		return;
	MyWorkerSlot = NULL;
	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	if (slot->pid == MyProcPid && slot->slot_generation == my_slot_generation)
	{
		slot->pid = 0;
		slot->stopped_at = GetCurrentTimestamp();
		strlcpy(slot->stop_reason, reason, SHMEM_TEXT_SIZE);
		if (!failed)
			slot->failures = 0;
		else if (TimestampDifferenceExceeds(slot->started_at,
											slot->stopped_at,
											STEADY_RUN_MS))
			slot->failures = 1;
		else
			slot->failures++;
	}
	LWLockRelease(state->lock);
}

bool
shmem_is_mine(void)
{
	bool		mine;

	LWLockAcquire(state->lock, LW_SHARED);
	mine = MyWorkerSlot != NULL && MyWorkerSlot->in_use &&
		MyWorkerSlot->pid == MyProcPid &&
		MyWorkerSlot->slot_generation == my_slot_generation;
	LWLockRelease(state->lock);
	return mine;
}

bool
shmem_copy_slot(int slot_index, WorkerSlot *copy)
{
	WorkerSlot *slot = shmem_slot(slot_index);
	bool		in_use;

	if (slot == NULL)
		return false;
	LWLockAcquire(state->lock, LW_SHARED);
	in_use = slot->in_use;
	if (in_use)
	{
		SpinLockAcquire(&slot->mutex);
		memcpy(copy, slot, sizeof(WorkerSlot));
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(state->lock);
	return in_use;
}

static void
wake_pid(pid_t pid)
{
	PGPROC	   *proc = pid != 0 ? BackendPidGetProc(pid) : NULL;

	if (proc != NULL)
		SetLatch(&proc->procLatch);
}

void
shmem_wake_database(Oid dboid)
{
	pid_t		pids[SHMEM_WORKER_SLOTS];
	int			count = 0;

	if (state == NULL)
		return;
	LWLockAcquire(state->lock, LW_SHARED);
	for (int i = 0; i < SHMEM_WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &state->slots[i];

		if (!slot->in_use || slot->dboid != dboid)
			continue;
		pg_atomic_fetch_add_u32(&slot->config_changes, 1);
		if (slot->pid != 0 && slot->pid != MyProcPid)
			pids[count++] = slot->pid;
	}
	LWLockRelease(state->lock);
	for (int i = 0; i < count; i++)
		wake_pid(pids[i]);
}

void
shmem_set_launcher(pid_t pid)
{
	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	state->launcher_pid = pid;
	LWLockRelease(state->lock);
}

void
shmem_wake_launcher(void)
{
	pid_t		pid;

	if (state == NULL)
		return;
	LWLockAcquire(state->lock, LW_SHARED);
	pid = state->launcher_pid;
	LWLockRelease(state->lock);
	wake_pid(pid);
}
