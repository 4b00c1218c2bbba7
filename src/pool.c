/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  Which endpoint to ask: choice by priority and health.
 *
 * Failures that end while the endpoint is already being left alone say
 * nothing new: sixteen requests that a dead endpoint had in flight are one
 * failure, not sixteen doublings of the delay.  After a failure one request
 * at a time is let through until one succeeds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "common/pg_prng.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "pool_health.h"
#include "redact.h"

#define RETRY_AFTER_MAX_US	(INT64CONST(60) * 1000000)
#define LATENCY_WEIGHT	0.2		/* of the newest in the moving average */

/* ---- choice ---- */

static int
compare_endpoints(const void *a, const void *b)
{
	const PoolEndpoint *left = a;
	const PoolEndpoint *right = b;

	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	if (left->target.endpoint_id != right->target.endpoint_id)
		return left->target.endpoint_id < right->target.endpoint_id ? -1 : 1;
	return 0;
}

static void
release_at_exit(int code, Datum arg)
{
	(void) code;
	(void) arg;
	pool_release_all();
}

Pool *
pool_create(const PoolEndpoint *endpoints, int count)
{
	static bool registered = false;
	Pool	   *pool = palloc(sizeof(Pool));

	if (!registered)
		before_shmem_exit(release_at_exit, (Datum) 0);
	registered = true;
	pool->count = count;
	pool->endpoints = palloc(sizeof(PoolEndpoint) * Max(count, 1));
	if (count > 0)
		memcpy(pool->endpoints, endpoints, sizeof(PoolEndpoint) * count);
	for (int i = 0; i < count; i++)
	{
		PoolEndpoint *endpoint = &pool->endpoints[i];

		endpoint->target.url = pstrdup(endpoint->target.url);
		if (endpoint->target.header != NULL)
			endpoint->target.header = pstrdup(endpoint->target.header);
		if (endpoint->target.secret != NULL)
			endpoint->target.secret = pstrdup(endpoint->target.secret);
		if (endpoint->label != NULL)
			endpoint->label = pstrdup(endpoint->label);
		else
		{
			char		label[POOL_TEXT_SIZE];

			redact_url(label, sizeof(label), endpoint->target.url);
			endpoint->label = pstrdup(label);
		}
		endpoint->health = pool_find_health(endpoint->target.endpoint_id);
	}
	qsort(pool->endpoints, count, sizeof(PoolEndpoint), compare_endpoints);
	return pool;
}

/*
 * 0 when it may be asked now, else the microseconds to wait, or -1 when it
 * has enough in flight.
 */
static int64
wait_for(const PoolEndpoint *endpoint)
{
	int			limit = endpoint->max_concurrency > 0 ?
	endpoint->max_concurrency : chainsync_max_inflight_requests;
	int64		now = pool_now_us();
	int64		wait = 0;

	if (!pool_lock(endpoint))
		return 0;				/* forgotten: nothing is known against it */
	if (endpoint->health->failed_in_row > 0)
		limit = 1;				/* a probe */
	if (pool_ready_at(endpoint->health) > now)
		wait = pool_ready_at(endpoint->health) - now;
	else if (endpoint->health->inflight >= limit)
		wait = -1;
	pool_unlock(endpoint);
	return wait;
}

PoolEndpoint *
pool_choose(Pool *pool, uint64 exclude_mask, long *wait_ms)
{
	int64		shortest = -1;

	for (int i = 0; i < pool->count; i++)
	{
		int64		wait;

		if (i < 64 && (exclude_mask & (UINT64CONST(1) << i)) != 0)
			continue;
		wait = wait_for(&pool->endpoints[i]);
		if (wait == 0)
		{
			*wait_ms = 0;
			return &pool->endpoints[i];
		}
		if (wait > 0 && (shortest < 0 || wait < shortest))
			shortest = wait;
	}
	*wait_ms = shortest < 0 ? -1 :
		(long) Min((shortest + 999) / 1000, INT_MAX);
	return NULL;
}

/* ---- in flight ---- */

void
pool_begin(PoolEndpoint *endpoint)
{
	if (!pool_lock(endpoint))
		return;
	pool_count_in(endpoint);
	pool_unlock(endpoint);
}

void
pool_abandon(PoolEndpoint *endpoint)
{
	if (!pool_lock(endpoint))
		return;
	pool_count_out(endpoint);
	pool_unlock(endpoint);
}

/* ---- what came of a request ---- */

/* The delay after that many failures in a row, before jitter. */
static double
doubled_us(int in_row)
{
	double		delay = chainsync_retry_initial_delay;
	double		limit = Max(chainsync_retry_max_delay,
							chainsync_retry_initial_delay);

	for (int i = 1; i < in_row && delay < limit; i++)
		delay *= 2;
	return Min(delay, limit) * 1000;
}

/* How much an outcome says against the endpoint. */
static int
severity(RpcOutcome outcome)
{
	switch (outcome)
	{
		case RPC_THROTTLED:
			return 5;
		case RPC_UNAUTHORIZED:
			return 4;
		case RPC_INVALID:
			return 3;
		case RPC_TRANSPORT:
			return 2;
		case RPC_SERVER:
			return 1;
		default:
			return 0;			/* it works, whatever it said */
	}
}

/* The worst of a request's outcomes; *call is the one that had it. */
static RpcOutcome
judge(const RpcRequest *request, const RpcCall **call)
{
	RpcOutcome	worst = request->outcome;

	*call = NULL;
	if (request->outcome != RPC_OK)
		return worst;
	for (int i = 0; i < request->call_count; i++)
	{
		if (severity(request->calls[i].outcome) > severity(worst))
		{
			worst = request->calls[i].outcome;
			*call = &request->calls[i];
		}
	}
	return worst;
}

/* With the entry locked. */
static void
note_failure(PoolHealth *health, const RpcRequest *request, int64 now)
{
	int64		delay;

	health->failures++;
	if (health->backoff_until > now)
		return;					/* see the banner */
	health->failed_in_row++;
	/* full jitter: workers that failed together do not come back together */
	delay = (int64) (doubled_us(health->failed_in_row) *
					 pg_prng_double(&pg_global_prng_state));
	delay = Max(delay, Min(request->retry_after_ms * 1000, RETRY_AFTER_MAX_US));
	health->backoff_until = now + delay;
}

/* With the entry locked. */
static void
note_throttled(PoolHealth *health, const RpcRequest *request, int64 now)
{
	int64		delay;

	health->throttled++;
	if (health->throttled_until <= now)
		health->throttled_in_row++;
	else if (request->retry_after_ms == 0)
		return;
	/* it asked for a pause, so at least half of the delay is one */
	delay = request->retry_after_ms > 0 ? request->retry_after_ms * 1000 :
		(int64) (doubled_us(health->throttled_in_row) *
				 (0.5 + 0.5 * pg_prng_double(&pg_global_prng_state)));
	health->throttled_until =
		Max(health->throttled_until, now + Min(delay, RETRY_AFTER_MAX_US));
}

/* With the entry locked. */
static void
note_success(PoolHealth *health, const RpcRequest *request)
{
	double		latency_ms = request->latency_us / 1000.0;

	health->failed_in_row = 0;
	health->throttled_in_row = 0;
	health->backoff_until = 0;
	if (health->latency_ms < 0)
		health->latency_ms = latency_ms;
	else
		health->latency_ms += LATENCY_WEIGHT * (latency_ms - health->latency_ms);
}

static void
describe(char *out, size_t size, RpcOutcome outcome, const RpcRequest *request,
		 const RpcCall *call)
{
	if (call != NULL)
		snprintf(out, size, "%s: %s: %s", rpc_outcome_name(outcome),
				 call->method, call->message);
	else
		snprintf(out, size, "%s: %s", rpc_outcome_name(outcome),
				 request->message);
}

void
pool_end(PoolEndpoint *endpoint, const RpcRequest *request)
{
	int64		now = pool_now_us();
	TimestampTz timestamp = GetCurrentTimestamp();
	char		error[POOL_TEXT_SIZE] = "";
	const RpcCall *call;
	RpcOutcome	outcome = judge(request, &call);

	if (severity(outcome) > 0 || outcome == RPC_TOO_LARGE)
		describe(error, sizeof(error), outcome, request, call);
	if (!pool_lock(endpoint))
		return;
	pool_count_out(endpoint);
	endpoint->health->requests++;
	endpoint->health->bytes_received += request->body_bytes;
	if (outcome == RPC_THROTTLED)
		note_throttled(endpoint->health, request, now);
	else if (severity(outcome) > 0)
		note_failure(endpoint->health, request, now);
	else if (outcome == RPC_TOO_LARGE)
		endpoint->health->failures++;	/* another would say no less */
	else
		note_success(endpoint->health, request);
	if (error[0] != '\0')
	{
		strlcpy(endpoint->health->last_error, error, POOL_TEXT_SIZE);
		endpoint->health->last_error_at = timestamp;
	}
	pool_unlock(endpoint);
}

void
pool_quarantine(PoolEndpoint *endpoint, const char *reason, int64 duration_ms)
{
	int64		now = pool_now_us();
	TimestampTz timestamp = GetCurrentTimestamp();
	char text[	POOL_TEXT_SIZE];

	redact_message(text, sizeof(text), reason, endpoint->target.url,
				   endpoint->target.header, endpoint->target.secret);
	if (!pool_lock(endpoint))
		return;
	endpoint->health->quarantine_until = now + duration_ms * 1000;
	strlcpy(endpoint->health->quarantine_reason, text, POOL_TEXT_SIZE);
	strlcpy(endpoint->health->last_error, text, POOL_TEXT_SIZE);
	endpoint->health->last_error_at = timestamp;
	pool_unlock(endpoint);
}

void
pool_count_checks(PoolEndpoint *endpoint, uint32 passed, uint32 failed,
				  uint32 skipped)
{
	if (!pool_lock(endpoint))
		return;
	for (int i = 0; i < POOL_CHECKS; i++)
	{
		PoolCheckCount *count = &endpoint->health->checks[i];

		count->passed += (passed >> i) & 1;
		count->failed += (failed >> i) & 1;
		count->skipped += (skipped >> i) & 1;
	}
	pool_unlock(endpoint);
}

void
pool_set_capability(PoolEndpoint *endpoint, uint32 bit)
{
	uint32		opposite = 0;

	if (bit == POOL_NO_BLOCK_RECEIPTS)
		opposite = POOL_HAS_BLOCK_RECEIPTS;
	else if (bit == POOL_HAS_BLOCK_RECEIPTS)
		opposite = POOL_NO_BLOCK_RECEIPTS;
	if (!pool_lock(endpoint))
		return;
	endpoint->health->capabilities &= ~opposite;
	endpoint->health->capabilities |= bit;
	endpoint->health->capabilities_at = pool_now_us();
	pool_unlock(endpoint);
}

/* How long an endpoint is believed to lack what it once lacked. */
#define FORGET_US (10 * 60 * INT64CONST(1000000))

bool
pool_has_capability(const PoolEndpoint *endpoint, uint32 bit)
{
	bool		result;

	if (!pool_lock(endpoint))
		return false;
	/* what was missing once is tried again after a while */
	result = (endpoint->health->capabilities & bit) != 0 &&
		pool_now_us() - endpoint->health->capabilities_at < FORGET_US;
	pool_unlock(endpoint);
	return result;
}

void
pool_report_head(PoolEndpoint *endpoint, uint64 number)
{
	if (!pool_lock(endpoint))
		return;
	endpoint->health->head = (int64) Min(number, (uint64) PG_INT64_MAX);
	pool_unlock(endpoint);
}
