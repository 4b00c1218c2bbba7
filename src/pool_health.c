/*-------------------------------------------------------------------------
 *
 * pool_health.c
 *	  The shared entries of endpoints' health.
 *
 * A fixed array in shared memory.  An entry belongs to a key (database,
 * endpoint id) from its claim until it is forgotten.
 *
 * Locking: keys change under the array's lock (exclusive) and the entry's
 * spinlock, so either is enough to read them; all else is read and written
 * under the entry's spinlock, which is held for a few assignments.  A worker
 * may still hold a pointer to an entry that another has forgotten, or that
 * belongs to someone else by now: every access compares the key first and
 * leaves a stranger's entry alone.
 *
 * Time is CLOCK_MONOTONIC, which all processes of a machine share and no
 * clock change bends; it becomes a timestamp only for showing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pool_health.h"

typedef struct PoolShared
{
	LWLock		lock;
	PoolHealth	entries[POOL_ENTRIES];
} PoolShared;

/* An entry of this process alone, for when the array is full. */
typedef struct LocalHealth
{
	PoolHealth	health;
	struct LocalHealth *next;
} LocalHealth;

/* What this process has in flight, by entry of the array. */
typedef struct Counted
{
	int			endpoint_id;
	int			count;
} Counted;

static PoolShared *shared = NULL;
static LocalHealth *local_entries = NULL;
static Counted counted[POOL_ENTRIES];

/* ---- shared memory ---- */

Size
pool_shmem_size(void)
{
	return sizeof(PoolShared);
}

void
pool_shmem_init(bool found, void *ptr)
{
	shared = ptr;
	if (!found)
	{
		memset(shared, 0, sizeof(PoolShared));
		LWLockInitialize(&shared->lock, LWLockNewTrancheId());
		for (int i = 0; i < POOL_ENTRIES; i++)
			SpinLockInit(&shared->entries[i].mutex);
	}
	LWLockRegisterTranche(shared->lock.tranche, "chainsync endpoints");
}

int64
pool_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* An entry is not forgotten for being unknown before this age. */
#define SPARE_US (60 * INT64CONST(1000000))

/* Under the spinlock, or before anyone else can see the entry. */
static void
reset_health(PoolHealth *health, int endpoint_id)
{
	health->dboid = MyDatabaseId;
	health->endpoint_id = endpoint_id;
	health->claimed_at = pool_now_us();
	health->inflight = 0;
	health->failed_in_row = 0;
	health->throttled_in_row = 0;
	health->backoff_until = 0;
	health->throttled_until = 0;
	health->quarantine_until = 0;
	health->capabilities = 0;
	health->requests = 0;
	health->failures = 0;
	health->throttled = 0;
	health->bytes_received = 0;
	health->latency_ms = -1;
	health->head = -1;
	health->last_error_at = 0;
	health->last_error[0] = '\0';
	health->quarantine_reason[0] = '\0';
	memset(health->checks, 0, sizeof(health->checks));
	health->in_use = true;
}

static PoolHealth *
local_health(int endpoint_id)
{
	LocalHealth *local;

	for (local = local_entries; local != NULL; local = local->next)
	{
		if (local->health.endpoint_id == endpoint_id)
			return &local->health;
	}
	if (local_entries == NULL && shared != NULL)
		ereport(LOG,
				(errmsg("no room for more than %d endpoints in shared memory",
						POOL_ENTRIES),
				 errdetail("The health of further ones is known to each worker for itself only.")));
	local = MemoryContextAllocZero(TopMemoryContext, sizeof(LocalHealth));
	SpinLockInit(&local->health.mutex);
	reset_health(&local->health, endpoint_id);
	local->next = local_entries;
	local_entries = local;
	return &local->health;
}

PoolHealth *
pool_find_health(int endpoint_id)
{
	PoolHealth *unused = NULL;
	PoolHealth *result = NULL;

	if (shared == NULL)
		return local_health(endpoint_id);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < POOL_ENTRIES && result == NULL; i++)
	{
		PoolHealth *health = &shared->entries[i];

		if (!health->in_use)
			unused = unused != NULL ? unused : health;
		else if (health->dboid == MyDatabaseId &&
				 health->endpoint_id == endpoint_id)
			result = health;
	}
	if (result == NULL && unused != NULL)
	{
		SpinLockAcquire(&unused->mutex);
		reset_health(unused, endpoint_id);
		SpinLockRelease(&unused->mutex);
		result = unused;
	}
	LWLockRelease(&shared->lock);
	return result != NULL ? result : local_health(endpoint_id);
}

bool
pool_lock(const PoolEndpoint *endpoint)
{
	PoolHealth *health = endpoint->health;

	SpinLockAcquire(&health->mutex);
	if (health->in_use && health->dboid == MyDatabaseId &&
		health->endpoint_id == endpoint->target.endpoint_id)
		return true;
	SpinLockRelease(&health->mutex);
	return false;
}

void
pool_unlock(const PoolEndpoint *endpoint)
{
	SpinLockRelease(&endpoint->health->mutex);
}

/* Under the array's lock. */
static void
forget(PoolHealth *health)
{
	SpinLockAcquire(&health->mutex);
	health->in_use = false;
	SpinLockRelease(&health->mutex);
}

void
pool_forget_databases(const Oid *dboids, int count)
{
	if (shared == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < POOL_ENTRIES; i++)
	{
		PoolHealth *health = &shared->entries[i];
		bool		keep = !health->in_use;

		for (int j = 0; j < count && !keep; j++)
			keep = health->dboid == dboids[j];
		if (!keep)
			forget(health);
	}
	LWLockRelease(&shared->lock);
}

void
pool_forget_others(const int *ids, int count)
{
	if (shared == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < POOL_ENTRIES; i++)
	{
		PoolHealth *health = &shared->entries[i];
		bool		keep = !health->in_use || health->dboid != MyDatabaseId;

		/* ids[] may be older than an entry claimed just now */
		keep = keep || pool_now_us() - health->claimed_at < SPARE_US;
		for (int j = 0; j < count && !keep; j++)
			keep = health->endpoint_id == ids[j];
		if (!keep)
			forget(health);
	}
	LWLockRelease(&shared->lock);
}

/* ---- in flight ---- */

/* Where this process counts for the entry, or NULL for a local one. */
static Counted *
counted_for(const PoolEndpoint *endpoint)
{
	PoolHealth *health = endpoint->health;
	Counted    *mine;

	if (shared == NULL || health < shared->entries ||
		health >= shared->entries + POOL_ENTRIES)
		return NULL;
	mine = &counted[health - shared->entries];
	if (mine->endpoint_id != endpoint->target.endpoint_id)
	{
		/* whatever was counted belonged to an entry that is gone */
		mine->endpoint_id = endpoint->target.endpoint_id;
		mine->count = 0;
	}
	return mine;
}

void
pool_count_in(PoolEndpoint *endpoint)
{
	Counted    *mine = counted_for(endpoint);

	endpoint->health->inflight++;
	if (mine != NULL)
		mine->count++;
}

void
pool_count_out(PoolEndpoint *endpoint)
{
	Counted    *mine = counted_for(endpoint);

	if (mine != NULL && mine->count > 0)
		mine->count--;
	if (endpoint->health->inflight > 0)
		endpoint->health->inflight--;
}

void
pool_release_all(void)
{
	for (int i = 0; shared != NULL && i < POOL_ENTRIES; i++)
	{
		PoolHealth *health = &shared->entries[i];

		if (counted[i].count == 0)
			continue;
		SpinLockAcquire(&health->mutex);
		if (health->in_use && health->dboid == MyDatabaseId &&
			health->endpoint_id == counted[i].endpoint_id)
			health->inflight -= Min(health->inflight, counted[i].count);
		SpinLockRelease(&health->mutex);
		counted[i].count = 0;
	}
}

/* ---- showing it ---- */

int64
pool_ready_at(const PoolHealth *health)
{
	return Max(health->backoff_until,
			   Max(health->throttled_until, health->quarantine_until));
}

static void
fill_stat(PoolStat *stat, const PoolHealth *health, int64 now,
		  TimestampTz timestamp)
{
	const char *error = health->last_error;

	if (health->quarantine_until > now)
	{
		stat->state = "quarantined";
		error = health->quarantine_reason;
	}
	else if (health->throttled_until > now)
		stat->state = "throttled";
	else if (health->failed_in_row > 0)
		stat->state = "backoff";
	else
		stat->state = "ok";
	stat->endpoint_id = health->endpoint_id;
	stat->requests = health->requests;
	stat->failures = health->failures;
	stat->throttled = health->throttled;
	stat->bytes_received = health->bytes_received;
	stat->inflight = health->inflight;
	stat->latency_ms = health->latency_ms;
	stat->head = health->head;
	stat->capabilities = health->capabilities;
	strlcpy(stat->last_error, error, sizeof(stat->last_error));
	stat->last_error_at = health->last_error_at;
	memcpy(stat->checks, health->checks, sizeof(stat->checks));
	stat->retry_at = pool_ready_at(health) > now ?
		timestamp + (pool_ready_at(health) - now) : 0;
}

int
pool_read_stats(PoolStat **stats)
{
	int64		now = pool_now_us();
	TimestampTz timestamp = GetCurrentTimestamp();
	int			count = 0;

	*stats = NULL;
	if (shared == NULL)
		return 0;
	*stats = palloc(sizeof(PoolStat) * POOL_ENTRIES);
	LWLockAcquire(&shared->lock, LW_SHARED);
	for (int i = 0; i < POOL_ENTRIES; i++)
	{
		PoolHealth	copy;

		SpinLockAcquire(&shared->entries[i].mutex);
		copy = shared->entries[i];
		SpinLockRelease(&shared->entries[i].mutex);
		if (copy.in_use && copy.dboid == MyDatabaseId)
			fill_stat(&(*stats)[count++], &copy, now, timestamp);
	}
	LWLockRelease(&shared->lock);
	return count;
}
