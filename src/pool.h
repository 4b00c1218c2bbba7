/*-------------------------------------------------------------------------
 *
 * pool.h
 *	  Which endpoint to ask: choice by priority and health.
 *
 * A worker has one Pool for its chain's endpoints.  Health (errors, backoff,
 * quarantine, what is in flight, what it can) is in shared memory, one truth
 * for all workers of a database: an entry is keyed by (database, endpoint id)
 * and outlives the workers.  Entries are changed under the entry's spinlock;
 * nothing process-local is ever stored there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_POOL_H
#define CHAINSYNC_POOL_H

#include "datatype/timestamp.h"
#include "rpc.h"

/* What an endpoint can do, learned from its answers. */
#define POOL_NO_BLOCK_RECEIPTS	(1u << 0)	/* eth_getBlockReceipts missing */
#define POOL_NO_RECEIPTS_BY_HASH (1u << 1)	/* null by hash, fine by number */
#define POOL_NO_FINALIZED		(1u << 2)	/* tag "finalized" unknown */
#define POOL_HAS_BLOCK_RECEIPTS (1u << 3)	/* eth_getBlockReceipts answered */

typedef struct PoolEndpoint
{
	/* from chainsync.endpoints */
	RpcTarget	target;			/* id, url, header */
	char	   *label;			/* redacted url, for messages; NULL for
								 * pool_create: made from the url */
	int			priority;		/* lower first */
	int			max_concurrency;	/* requests in flight of all workers; 0:
									 * chainsync.max_inflight_requests */

	/* this worker's */
	bool		identified;		/* chain id and genesis compared */
	struct PoolHealth *health;	/* in shared memory */
} PoolEndpoint;

typedef struct Pool
{
	PoolEndpoint *endpoints;	/* ordered by priority, id */
	int			count;
} Pool;

/* Shared memory, called from shmem.c. */
extern Size pool_shmem_size(void);
extern void pool_shmem_init(bool found, void *ptr);

/*
 * Makes a pool of `count` endpoints in the current memory context (the array
 * and its strings are copied), finding or claiming their health entries.
 */
extern Pool *pool_create(const PoolEndpoint *endpoints, int count);

/*
 * The first endpoint in priority order that may be asked now, not any in
 * `exclude_mask` (bit i = endpoints[i]); NULL when none may, then *wait_ms
 * says how long until the next one may (-1: only in flight limits stand in
 * the way, wait for an answer).
 */
extern PoolEndpoint *pool_choose(Pool *pool, uint64 exclude_mask, long *wait_ms);

/* Count a request in flight, and out again with what came of it. */
extern void pool_begin(PoolEndpoint *endpoint);
extern void pool_end(PoolEndpoint *endpoint, const RpcRequest *request);

/* As pool_end for a request that was abandoned: says nothing of its health. */
extern void pool_abandon(PoolEndpoint *endpoint);

/*
 * Not to be asked for a while: its answers were wrong (identity, proof,
 * garbage).  `reason` is shown in stat_endpoint.
 */
extern void pool_quarantine(PoolEndpoint *endpoint, const char *reason,
							int64 duration_ms);

/*
 * Learned for all workers.  POOL_NO_BLOCK_RECEIPTS and POOL_HAS_BLOCK_RECEIPTS
 * exclude each other: the later word counts.
 */
/* Checks made of a block it gave: bits of verify.h. */
extern void pool_count_checks(PoolEndpoint *endpoint, uint32 passed,
							  uint32 failed, uint32 skipped);

extern void pool_set_capability(PoolEndpoint *endpoint, uint32 bit);
extern bool pool_has_capability(const PoolEndpoint *endpoint, uint32 bit);

/* Remember the head an endpoint reported. */
extern void pool_report_head(PoolEndpoint *endpoint, uint64 number);

/* Drop the shared entries of this database that are not in ids[]. */
extern void pool_forget_others(const int *ids, int count);

/* Drop the shared entries of the databases that are not in dboids[]. */
extern void pool_forget_databases(const Oid *dboids, int count);

/*
 * Give back what this process counted in flight.  pool_create() has it called
 * by before_shmem_exit.
 */
extern void pool_release_all(void);

/* What stat_endpoint shows of one entry. */
#define POOL_CHECKS		20

/* How often a check came out how. */
typedef struct PoolCheckCount
{
	int64		passed;
	int64		failed;
	int64		skipped;
} PoolCheckCount;

typedef struct PoolStat
{
	int			endpoint_id;
	const char *state;			/* static */
	int64		requests;
	int64		failures;
	int64		throttled;
	int64		bytes_received;
	int			inflight;
	double		latency_ms;		/* < 0: none measured */
	int64		head;			/* -1: none reported */
	uint32		capabilities;	/* POOL_* bits */
	char		last_error[256];	/* may be empty */
	TimestampTz last_error_at;
	TimestampTz retry_at;		/* 0: may be asked now */
	PoolCheckCount checks[POOL_CHECKS]; /* by the bits of verify.h */
} PoolStat;

/* This database's entries, palloc'd; 0 when there is no shared memory. */
extern int	pool_read_stats(PoolStat **stats);

#endif							/* CHAINSYNC_POOL_H */
