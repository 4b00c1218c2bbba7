/*-------------------------------------------------------------------------
 *
 * pool_health.h
 *	  The shared entries of endpoints' health.  Internal to pool.c and
 *	  pool_health.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_POOL_HEALTH_H
#define CHAINSYNC_POOL_HEALTH_H

#include "storage/spin.h"

#include "pool.h"

#define POOL_ENTRIES	256
#define POOL_TEXT_SIZE	256

typedef struct PoolHealth
{
	/* key: under the array's lock and the spinlock */
	bool		in_use;
	Oid			dboid;
	int			endpoint_id;
	int64		claimed_at;		/* monotonic us */

	/* all else: under the spinlock */
	slock_t		mutex;
	int			inflight;
	int			failed_in_row;
	int			throttled_in_row;
	int64		backoff_until;	/* monotonic us; likewise the next two */
	int64		throttled_until;
	int64		quarantine_until;
	uint32		capabilities;
	int64		capabilities_at;	/* monotonic us, when one was learned */
	int64		requests;
	int64		failures;
	int64		throttled;
	int64		bytes_received;
	double		latency_ms;		/* < 0: none */
	int64		head;			/* -1: none */
	TimestampTz last_error_at;
	char		last_error[POOL_TEXT_SIZE];
	char		quarantine_reason[POOL_TEXT_SIZE];
	PoolCheckCount checks[POOL_CHECKS];
} PoolHealth;

/* Monotonic microseconds. */
extern int64 pool_now_us(void);

/* The entry of this database's endpoint, claimed when there is none. */
extern PoolHealth *pool_find_health(int endpoint_id);

/*
 * Lock the endpoint's entry; false, and no lock, when it is not this
 * endpoint's any more.
 */
extern bool pool_lock(const PoolEndpoint *endpoint);
extern void pool_unlock(const PoolEndpoint *endpoint);

/* With the entry locked: count this process's request in, and out again. */
extern void pool_count_in(PoolEndpoint *endpoint);
extern void pool_count_out(PoolEndpoint *endpoint);

/* When the endpoint may be asked again, as far as its health goes. */
extern int64 pool_ready_at(const PoolHealth *health);

#endif							/* CHAINSYNC_POOL_HEALTH_H */
