/*-------------------------------------------------------------------------
 *
 * source.c
 *	  Fetches the blocks of a range: the window, and what is in flight.
 *
 * Back-pressure is by bytes: while more than chainsync.max_inflight_bytes of
 * answers are held, only the block at the front of the window is asked for,
 * the one that everything waits for.
 *
 * An endpoint is asked who it is before its data is asked for (source_head.c);
 * what a block needs next and what its answers mean is in source_block.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <secp256k1.h>

#include "miscadmin.h"

#include "utils/memutils.h"

#include "clock.h"
#include "guc.h"
#include "source_internal.h"
#include "worker.h"

#define MIN_WINDOW 64
#define MAX_WINDOW 4096
/* Receipts asked one by one come in batches of this many. */
#define RECEIPT_BATCH 100

/* Long proofs make room for interrupts. */
static bool
keep_going(void *arg)
{
	return !InterruptPending;
}

static void
start_verifying(Source *source)
{
	source->verify = palloc0(sizeof(VerifyContext));
	source->verify_result = palloc0(sizeof(VerifyResult));
	verify_context_init(source->verify, secp256k1_context_static,
						(Size) chainsync_max_response_size * 1024 * 4);
	source->verify->keep_going = keep_going;
}

Source *
source_create(ChainConfig *chain)
{
	Source	   *source = palloc0(sizeof(Source));
	int			blocks_a_batch = Max(chain->batch_requests / 2, 1);

	source->context = CurrentMemoryContext;
	source->chain = chain;
	source->client = rpc_create();
	rpc_set_compression(source->client, chain->compression);
	source->pool = pool_create(chain->endpoints,
							   Min(chain->endpoint_count, 64));
	source->batch_cap = 1000;
	source->window_size = chain->commit_blocks +
		2 * chain->max_inflight_requests * blocks_a_batch;
	source->window_size = Max(Min(source->window_size, MAX_WINDOW),
							  MIN_WINDOW);
	source->window = palloc0(sizeof(SourceBlock *) * source->window_size);
	if (chain->proof->mode != PROOF_OFF)
		start_verifying(source);
	source->head.latest = -1;
	source->head.safe = -1;
	source->head.finalized = -1;
	return source;
}

int
source_endpoint_count(const Source *source)
{
	return source->pool->count;
}

void
source_note_trouble(Source *source, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(source->trouble, sizeof(source->trouble), format, args);
	va_end(args);
}

Exchange *
exchange_create(Source *source, PoolEndpoint *endpoint, int room)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);
	Exchange   *exchange = palloc0(sizeof(Exchange));

	exchange->endpoint = endpoint;
	exchange->endpoint_index = endpoint - source->pool->endpoints;
	exchange->room = room;
	exchange->calls = palloc0(sizeof(RpcCall) * room);
	exchange->targets = palloc0(sizeof(CallTarget) * room);
	MemoryContextSwitchTo(old);
	return exchange;
}

static void
exchange_free(Source *source, Exchange *exchange)
{
	if (exchange->request != NULL)
		rpc_release(source->client, exchange->request);
	pfree(exchange->calls);
	pfree(exchange->targets);
	pfree(exchange);
}

static bool
read_result(void *arg, JsonScanner *scanner, bool *is_null)
{
	CallTarget *target = arg;

	if (target->kind <= CALL_TRANSACTION_RECEIPT)
		return fetch_read_result(target, scanner, is_null);
	return head_read_result(target, scanner, is_null);
}

void
exchange_add(Exchange *exchange, Source *source, CallKind kind,
			 SourceBlock *block, uint32 index, const char *params)
{
	static const char *const methods[] = {
		[CALL_BLOCK] = "eth_getBlockByNumber",
		[CALL_BLOCK_BY_HASH] = "eth_getBlockByHash",
		[CALL_RECEIPTS] = "eth_getBlockReceipts",
		[CALL_RECEIPTS_BY_HASH] = "eth_getBlockReceipts",
		[CALL_TRANSACTION_RECEIPT] = "eth_getTransactionReceipt",
		[CALL_LATEST] = "eth_getBlockByNumber",
		[CALL_SAFE] = "eth_getBlockByNumber",
		[CALL_FINALIZED] = "eth_getBlockByNumber",
		[CALL_CHAIN_ID] = "eth_chainId",
		[CALL_GENESIS] = "eth_getBlockByNumber",
		[CALL_HEADER] = "eth_getBlockByHash",
		[CALL_HEADER_BY_NUMBER] = "eth_getBlockByNumber"
	};
	RpcCall    *call = &exchange->calls[exchange->count];
	CallTarget *target = &exchange->targets[exchange->count];

	Assert(exchange->count < exchange->room);
	target->kind = kind;
	target->source = source;
	target->block = block;
	target->index = index;
	if (block != NULL)
	{
		target->epoch = IS_BLOCK_CALL(kind) ? block->fetch->block_epoch :
			block->fetch->receipts_epoch;
		block->fetch->inflight++;
	}
	call->method = methods[kind];
	strlcpy(call->params, params, sizeof(call->params));
	call->read_result = read_result;
	call->arg = target;
	exchange->count++;
}

void
exchange_submit(Source *source, Exchange *exchange)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);

	pool_begin(exchange->endpoint);
	exchange->request = rpc_submit(source->client,
								   &exchange->endpoint->target,
								   exchange->calls, exchange->count,
								   exchange);
	source->inflight = lappend(source->inflight, exchange);
	MemoryContextSwitchTo(old);
}

static void
wake_no_later_than(Source *source, int64 when)
{
	if (source->wake_at == 0 || when < source->wake_at)
		source->wake_at = when;
}

/*
 * The endpoint to ask, none of `excluded`.  One that is not yet identified is
 * asked who it is instead, when the caller needs it to be.
 */
PoolEndpoint *
source_choose(Source *source, uint64 excluded, bool identified)
{
	for (;;)
	{
		long		wait_ms = -1;
		PoolEndpoint *endpoint = pool_choose(source->pool, excluded,
											 &wait_ms);
		uint64		bit;

		if (endpoint == NULL)
		{
			if (wait_ms >= 0)
				wake_no_later_than(source, clock_ms() + wait_ms);
			return NULL;
		}
		if (endpoint->identified || !identified)
			return endpoint;
		bit = UINT64CONST(1) << (endpoint - source->pool->endpoints);
		if (!(source->identifying & bit))
			identify_endpoint(source, endpoint);
		excluded |= bit;
	}
}

void
source_release_answers(Source *source, SourceBlock *block)
{
	SourceFetch *fetch = block->fetch;
	ListCell   *cell;

	foreach(cell, fetch->exchanges)
	{
		Exchange   *exchange = lfirst(cell);

		if (--exchange->refs == 0 &&
			!list_member_ptr(source->inflight, exchange))
			exchange_free(source, exchange);
	}
	list_free(fetch->exchanges);
	fetch->exchanges = NIL;
}

static void
destroy_block(SourceBlock *block)
{
	arena_destroy(&block->fetch->block_arena);
	arena_destroy(&block->fetch->receipts_arena);
	pfree(block->fetch);
	pfree(block);
}

/*
 * A block that left the window is used again only once no call is under way
 * for it: a late answer must not find another block in its place.
 */
static void
recycle_block(Source *source, SourceBlock *block)
{
	source_release_answers(source, block);
	block->fetch->popped = true;
	if (block->fetch->inflight > 0)
		return;
	if (source->spare_count < lengthof(source->spare))
	{
		arena_reset(&block->fetch->block_arena);
		arena_reset(&block->fetch->receipts_arena);
		source->spare[source->spare_count++] = block;
		return;
	}
	destroy_block(block);
}

static SourceBlock *
new_block(Source *source, int64 number)
{
	SourceBlock *block;
	SourceFetch *fetch;
	Arena		block_arena;
	Arena		receipts_arena;

	if (source->spare_count > 0)
	{
		block = source->spare[--source->spare_count];
		fetch = block->fetch;
		block_arena = fetch->block_arena;
		receipts_arena = fetch->receipts_arena;
	}
	else
	{
		/* structs outgrow the text they are read from, but not by much */
		Size		limit = (Size) chainsync_max_response_size * 1024 * 4;

		block = MemoryContextAlloc(source->context, sizeof(SourceBlock));
		fetch = MemoryContextAlloc(source->context, sizeof(SourceFetch));
		arena_init(&block_arena, limit);
		arena_init(&receipts_arena, limit);
	}
	memset(block, 0, sizeof(SourceBlock));
	memset(fetch, 0, sizeof(SourceFetch));
	fetch->block_arena = block_arena;
	fetch->receipts_arena = receipts_arena;
	block->fetch = fetch;
	block->number = number;
	if (source->branch != NULL)
	{
		fetch->has_wanted_hash = true;
		memcpy(fetch->wanted_hash,
			   source->branch + 32 * (number - source->branch_first), 32);
	}
	fetch_init(source, block);
	return block;
}

static SourceBlock *
window_at(const Source *source, int index)
{
	return source->window[(source->window_first + index) %
						  source->window_size];
}

/* Lets the next numbers of the range into the window. */
static void
fill_window(Source *source)
{
	while (source->active && source->next <= source->last &&
		   source->window_count < source->window_size)
	{
		int			place = (source->window_first + source->window_count) %
		source->window_size;

		source->window[place] = new_block(source, source->next);
		source->window_count++;
		source->next++;
	}
}

/*
 * One request, of the calls that block `index` and those behind it need next,
 * to one endpoint; false when block `index` needs none or nobody can be asked.
 */
static bool
submit_from(Source *source, int index)
{
	SourceBlock *front = window_at(source, index);
	PoolEndpoint *endpoint;
	Exchange   *exchange;
	int			limit = source->chain->batch_requests;

	endpoint = source_choose(source, front->fetch->excluded, true);
	if (endpoint == NULL)
	{
		if (index == 0 && source->identifying == 0 && source->wake_at > 0)
			source->block_trouble = source->trouble[0] != '\0';
		return false;
	}
	if (!fetch_wants_call(source, front, endpoint))
		return false;
	if (pool_has_capability(endpoint, POOL_NO_BLOCK_RECEIPTS))
		limit = Max(limit, RECEIPT_BATCH);
	limit = Min(limit, source->batch_cap);
	exchange = exchange_create(source, endpoint, limit);
	for (int i = index; i < source->window_count; i++)
	{
		SourceBlock *block = window_at(source, i);
		uint64		bit = UINT64CONST(1) << exchange->endpoint_index;

		if (exchange->count >= limit)
			break;
		if (block->state != SOURCE_PENDING ||
			(block->fetch->excluded & bit) != 0 ||
			block->fetch->not_before > clock_ms())
			continue;
		while (exchange->count < limit &&
			   fetch_next_call(source, block, exchange))
			;
	}
	if (exchange->count == 0)
	{
		/* no memory for the calls: not now */
		exchange_free(source, exchange);
		front->fetch->not_before = clock_ms() + chainsync_retry_initial_delay;
		return false;
	}
	exchange_submit(source, exchange);
	return true;
}

/* Whether the endpoint took the request for too many calls at once. */
static bool
refused_batch(const Exchange *exchange)
{
	if (exchange->count == 1)
		return false;
	if (exchange->request->outcome == RPC_TOO_LARGE)
		return true;
	for (int i = 0; i < exchange->count; i++)
	{
		if (exchange->calls[i].outcome == RPC_TOO_LARGE ||
			exchange->calls[i].outcome == RPC_UNREAD)
			return true;
	}
	return false;
}

/* A call is over; true when its block still waits for it. */
static bool
end_call(Source *source, CallTarget *target)
{
	SourceFetch *fetch = target->block->fetch;

	fetch->inflight--;
	if (!fetch->popped)
		return true;
	if (fetch->inflight == 0)
		recycle_block(source, target->block);
	return false;
}

/* Sends whatever may be sent now. */
static void
submit_all(Source *source)
{
	Size		held = rpc_bytes_held(source->client);
	int64		now = clock_ms();

	source->full = held >= (Size) chainsync_max_inflight_bytes * 1024;
	for (int i = 0; i < source->window_count; i++)
	{
		SourceBlock *block = window_at(source, i);

		if (source->full && i > 0)
			return;
		if (block->state != SOURCE_PENDING)
			continue;
		if (block->fetch->not_before > now)
		{
			wake_no_later_than(source, block->fetch->not_before);
			continue;
		}
		while (rpc_inflight(source->client) <
			   source->chain->max_inflight_requests)
		{
			if (!fetch_wants_call(source, block, NULL) ||
				!submit_from(source, i))
				break;
		}
		if (rpc_inflight(source->client) >=
			source->chain->max_inflight_requests)
			return;
	}
}

/* Deals with a finished request. */
static void
finish_exchange(Source *source, Exchange *exchange)
{
	RpcRequest *request = exchange->request;

	source->inflight = list_delete_ptr(source->inflight, exchange);
	source->bytes += request->body_bytes;
	pool_end(exchange->endpoint, request);
	if (refused_batch(exchange))
		source->batch_cap = Max(Min(source->batch_cap, exchange->count / 2),
								1);

	switch (exchange->targets[0].kind)
	{
		case CALL_CHAIN_ID:
		case CALL_GENESIS:
			identify_finish(source, exchange);
			break;
		case CALL_HEADER:
		case CALL_HEADER_BY_NUMBER:
			header_finish(source, exchange);
			break;
		case CALL_LATEST:
		case CALL_SAFE:
		case CALL_FINALIZED:
			head_finish(source, exchange);
			break;
		default:
			/* held for as long as we look at it */
			exchange->refs++;
			for (int i = 0; i < exchange->count; i++)
			{
				if (end_call(source, &exchange->targets[i]))
					fetch_finish_call(source, exchange, &exchange->calls[i],
									  &exchange->targets[i]);
			}
			exchange->refs--;
			break;
	}
	if (exchange->refs == 0)
		exchange_free(source, exchange);
}

void
source_pump(Source *source, long timeout_ms)
{
	RpcRequest *request;
	int64		now;

	source->wake_at = 0;
	fill_window(source);
	submit_all(source);
	now = clock_ms();
	if (source->wake_at > 0)
	{
		long		left = Max(source->wake_at - now, 1);

		timeout_ms = timeout_ms < 0 ? left : Min(timeout_ms, left);
	}
	if (rpc_inflight(source->client) == 0)
	{
		worker_sleep(timeout_ms);
		return;
	}
	request = rpc_wait(source->client, timeout_ms);
	while (request != NULL)
	{
		finish_exchange(source, request->user);
		request = rpc_wait(source->client, 0);
	}
}

void
source_set_range(Source *source, int64 first, int64 last, int64 final)
{
	Assert(source->window_count == 0);
	source->active = true;
	source->next = first;
	source->last = last;
	source->final = final;
	fill_window(source);
}

void
source_set_branch(Source *source, int64 first, const uint8 *hashes, int count)
{
	source->branch = MemoryContextAlloc(source->context, 32 * (Size) count);
	memcpy(source->branch, hashes, 32 * (Size) count);
	source->branch_first = first;
	source_set_range(source, first, first + count - 1, first - 1);
}

const SourceHeader *
source_header(const Source *source)
{
	return &source->header;
}

void
source_drop(Source *source)
{
	ListCell   *cell;

	foreach(cell, source->inflight)
	{
		Exchange   *exchange = lfirst(cell);

		pool_abandon(exchange->endpoint);
	}
	rpc_cancel_all(source->client);
	foreach(cell, source->inflight)
	{
		Exchange   *exchange = lfirst(cell);

		for (int i = 0; i < exchange->count; i++)
		{
			if (exchange->targets[i].block != NULL)
				(void) end_call(source, &exchange->targets[i]);
		}
		exchange->request = NULL;
		exchange_free(source, exchange);
	}
	list_free(source->inflight);
	source->inflight = NIL;
	if (source->branch != NULL)
		pfree(source->branch);
	source->branch = NULL;
	source->header.state = HEADER_NONE;
	source->head_asked = false;
	source->identifying = 0;
	source->active = false;
	source->block_trouble = false;
	source_pop(source, source->window_count);
}

void
source_destroy(Source *source)
{
	source_drop(source);
	while (source->spare_count > 0)
		destroy_block(source->spare[--source->spare_count]);
	if (source->verify != NULL)
		verify_context_destroy(source->verify);
	rpc_destroy(source->client);
	pfree(source->window);
	pfree(source);
}

SourceBlock *
source_peek(Source *source, int index)
{
	SourceBlock *block;

	if (index < 0 || index >= source->window_count)
		return NULL;
	block = window_at(source, index);
	return block->state == SOURCE_PENDING ? NULL : block;
}

void
source_pop(Source *source, int count)
{
	Assert(count <= source->window_count);
	while (count-- > 0)
	{
		recycle_block(source, source->window[source->window_first]);
		source->window_first = (source->window_first + 1) %
			source->window_size;
		source->window_count--;
	}
}

bool
source_exhausted(const Source *source)
{
	return !source->active ||
		(source->window_count == 0 && source->next > source->last);
}

bool
source_is_full(const Source *source)
{
	return source->full;
}

const SourceHead *
source_head(const Source *source)
{
	return &source->head;
}

SourceIdentity *
source_identity(Source *source)
{
	return &source->identity;
}

const char *
source_trouble(const Source *source)
{
	if (!source->block_trouble && !source->head_trouble)
		return NULL;
	return source->trouble;
}

int64
source_verify_us(const Source *source)
{
	return source->verify_us;
}

int64
source_bytes(const Source *source)
{
	return source->bytes;
}
