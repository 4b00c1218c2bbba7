/*-------------------------------------------------------------------------
 *
 * source_head.c
 *	  Asks endpoints for their head, and who they are.
 *
 * An endpoint is held to the chain id and the hash of block 0 that were given
 * to add_chain, or that the first answer showed; one that has no block 0 to
 * show (pruned, a replay) to the chain id.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "block_json.h"
#include "guc.h"
#include "hex.h"
#include "source_internal.h"

/* No chain comes near it, and sums with it do not overflow. */
#define MAX_BLOCK_NUMBER (UINT64CONST(1) << 62)

bool
head_read_result(CallTarget *target, JsonScanner *scanner, bool *is_null)
{
	static Arena arena;
	static bool arena_made = false;

	if (target->kind == CALL_CHAIN_ID)
	{
		*is_null = false;
		return json_read_quantity(scanner, NULL, &target->quantity);
	}
	/* a header's structs are read and forgotten */
	if (!arena_made)
		arena_init(&arena, 16 * 1024 * 1024);
	arena_made = true;
	arena_reset(&arena);
	return block_json_read_header(scanner, &arena, &target->header, is_null);
}

/* Asks one question of who the endpoint is. */
static void
ask_identity(Source *source, PoolEndpoint *endpoint, CallKind kind)
{
	Exchange   *exchange = exchange_create(source, endpoint, 1);

	exchange_add(exchange, source, kind, NULL, 0,
				 kind == CALL_CHAIN_ID ? "[]" : "[\"0x0\",false]");
	exchange_submit(source, exchange);
}

/* Its chain id, and then its block 0. */
void
identify_endpoint(Source *source, PoolEndpoint *endpoint)
{
	source->identifying |=
		UINT64CONST(1) << (endpoint - source->pool->endpoints);
	ask_identity(source, endpoint, CALL_CHAIN_ID);
}

static bool
chain_id_matches(Source *source, const Exchange *exchange,
				 const CallTarget *target)
{
	const char *wanted = source->chain->chain_id;
	char		shown[80];

	uint256_to_decimal(shown, &target->quantity);
	if (wanted == NULL)
		wanted = source->identity.chain_id[0] ? source->identity.chain_id :
			NULL;
	if (wanted == NULL)
	{
		strlcpy(source->identity.chain_id, shown,
				sizeof(source->identity.chain_id));
		return true;
	}
	if (strcmp(wanted, shown) == 0)
		return true;
	source_note_trouble(source, "%s: chain id is %s instead of %s",
						exchange->endpoint->label, shown, wanted);
	return false;
}

static bool
genesis_matches(Source *source, const Exchange *exchange,
				const CallTarget *target)
{
	const uint8 *wanted = source->chain->genesis;
	const uint8 *shown = target->header.hash;
	char		shown_hex[65] = "";
	char		wanted_hex[65] = "";

	if (wanted == NULL && source->identity.has_genesis)
		wanted = source->identity.genesis;
	if (wanted == NULL)
	{
		memcpy(source->identity.genesis, shown, 32);
		source->identity.has_genesis = true;
		return true;
	}
	if (memcmp(wanted, shown, 32) == 0)
		return true;
	hexbytes_encode(shown_hex, shown, 32);
	hexbytes_encode(wanted_hex, wanted, 32);
	source_note_trouble(source, "%s: block 0 is 0x%s instead of 0x%s",
						exchange->endpoint->label, shown_hex, wanted_hex);
	return false;
}

static void
refuse_endpoint(Source *source, Exchange *exchange)
{
	pool_quarantine(exchange->endpoint, source->trouble,
					chainsync_retry_max_delay);
}

/* The call brought no answer that says who the endpoint is. */
static void
identify_fail(Source *source, Exchange *exchange)
{
	RpcCall    *call = &exchange->calls[0];

	source_note_trouble(source, "%s: %s: %s", exchange->endpoint->label,
						call->method, call->message);
	/* the others are failures to the pool, which waits by itself */
	if (call->outcome != RPC_TRANSPORT && call->outcome != RPC_SERVER &&
		call->outcome != RPC_THROTTLED && call->outcome != RPC_UNAUTHORIZED)
		pool_quarantine(exchange->endpoint, source->trouble,
						chainsync_retry_initial_delay);
}

static void
identify_genesis(Source *source, Exchange *exchange)
{
	RpcCall    *call = &exchange->calls[0];
	uint64		bit = UINT64CONST(1) << exchange->endpoint_index;
	int			count = source_endpoint_count(source);

	if (call->outcome == RPC_OK && exchange->targets[0].header.number != 0)
	{
		source_note_trouble(source, "%s: block %llu came instead of block 0",
							exchange->endpoint->label,
							(unsigned long long)
							exchange->targets[0].header.number);
		pool_quarantine(exchange->endpoint, source->trouble,
						chainsync_retry_initial_delay);
		return;
	}
	if (call->outcome == RPC_OK &&
		!genesis_matches(source, exchange, &exchange->targets[0]))
	{
		refuse_endpoint(source, exchange);
		source->mismatched |= bit;
		source->identity.mismatch = source->mismatched ==
			(count >= 64 ? PG_UINT64_MAX : (UINT64CONST(1) << count) - 1);
		if (source->identity.mismatch)
			source->block_trouble = true;
		return;
	}
	if (call->outcome != RPC_OK && call->outcome != RPC_NULL &&
		call->outcome != RPC_NOT_FOUND && call->outcome != RPC_PRUNED)
	{
		identify_fail(source, exchange);
		return;
	}
	source->mismatched &= ~bit;
	exchange->endpoint->identified = true;
	if (source->chain->chain_id == NULL ||
		(source->chain->genesis == NULL && source->identity.has_genesis))
		source->identity.learned = true;
}

void
identify_finish(Source *source, Exchange *exchange)
{
	RpcCall    *call = &exchange->calls[0];
	CallTarget *target = &exchange->targets[0];
	uint64		bit = UINT64CONST(1) << exchange->endpoint_index;

	if (target->kind == CALL_GENESIS)
	{
		source->identifying &= ~bit;
		identify_genesis(source, exchange);
	}
	else if (call->outcome != RPC_OK)
	{
		source->identifying &= ~bit;
		identify_fail(source, exchange);
	}
	else if (!chain_id_matches(source, exchange, target))
	{
		source->identifying &= ~bit;
		refuse_endpoint(source, exchange);
	}
	else
		ask_identity(source, exchange->endpoint, CALL_GENESIS);
}

bool
source_ask_head(Source *source, bool tags)
{
	PoolEndpoint *endpoint;
	Exchange   *exchange;

	if (source->head_asked)
		return true;
	endpoint = source_choose(source, source->head_excluded, true);
	if (endpoint == NULL)
	{
		source->head_excluded = 0;
		if (source->identifying == 0 && source->trouble[0] != '\0')
			source->head_trouble = true;
		return false;
	}
	source->head_asked = true;
	exchange = exchange_create(source, endpoint, 1);
	exchange_add(exchange, source, CALL_LATEST, NULL, 0,
				 "[\"latest\",false]");
	exchange_submit(source, exchange);
	if (!tags)
		return true;
	exchange = exchange_create(source, endpoint, 1);
	exchange_add(exchange, source, CALL_FINALIZED, NULL, 0,
				 "[\"finalized\",false]");
	exchange_submit(source, exchange);
	exchange = exchange_create(source, endpoint, 1);
	exchange_add(exchange, source, CALL_SAFE, NULL, 0, "[\"safe\",false]");
	exchange_submit(source, exchange);
	return true;
}

/* A tag: what the node lacks is not known, and no failure. */
static void
take_tag(Source *source, const RpcCall *call, const CallTarget *target)
{
	int64		number = -1;

	if (call->outcome == RPC_OK && target->header.number <= MAX_BLOCK_NUMBER)
		number = (int64) target->header.number;
	/* a tag above the head is no answer */
	if (number > source->head.latest)
		number = -1;
	if (target->kind == CALL_SAFE)
		source->head.safe = number;
	else
		source->head.finalized = number;
}

void
head_finish(Source *source, Exchange *exchange)
{
	RpcCall    *call = &exchange->calls[0];
	CallTarget *target = &exchange->targets[0];
	int			count = source_endpoint_count(source);
	uint64		all = count >= 64 ? PG_UINT64_MAX :
	(UINT64CONST(1) << count) - 1;

	if (target->kind != CALL_LATEST)
	{
		take_tag(source, call, target);
		return;
	}
	source->head_asked = false;
	if (call->outcome != RPC_OK || target->header.number > MAX_BLOCK_NUMBER)
	{
		source_note_trouble(source, "%s: head: %s",
							exchange->endpoint->label,
							call->outcome == RPC_OK ?
							"block number is out of range" :
							call->outcome == RPC_NULL ?
							"the node has no block \"latest\"" :
							call->message);
		source->head_excluded |=
			UINT64CONST(1) << exchange->endpoint_index;
		if ((source->head_excluded & all) == all)
		{
			/* nobody is left to be asked next time */
			source->head_excluded = 0;
			source->head_trouble = true;
		}
		if (call->outcome == RPC_INVALID || call->outcome == RPC_OK)
			pool_quarantine(exchange->endpoint, source->trouble,
							call->outcome == RPC_OK ?
							chainsync_retry_max_delay :
							chainsync_retry_initial_delay);
		return;
	}
	source->head_excluded = 0;
	source->head_trouble = false;
	source->head.answers++;
	source->head.latest = (int64) target->header.number;
	memcpy(source->head.latest_hash, target->header.hash, 32);
	memcpy(source->head.latest_parent, target->header.parent_hash, 32);
	pool_report_head(exchange->endpoint, target->header.number);
}

bool
source_ask_header(Source *source, int64 number, const uint8 *hash32)
{
	PoolEndpoint *endpoint = source_choose(source, 0, true);
	Exchange   *exchange;
	char		params[80];

	if (endpoint == NULL)
		return false;
	source->header.state = HEADER_ASKED;
	if (hash32 == NULL)
		snprintf(params, sizeof(params), "[\"0x%llx\",false]",
				 (unsigned long long) number);
	else
	{
		strlcpy(params, "[\"0x", sizeof(params));
		hexbytes_encode(params + 4, hash32, 32);
		strlcpy(params + 68, "\",false]", sizeof(params) - 68);
	}
	exchange = exchange_create(source, endpoint, 1);
	exchange_add(exchange, source,
				 hash32 == NULL ? CALL_HEADER_BY_NUMBER : CALL_HEADER,
				 NULL, 0, params);
	exchange_submit(source, exchange);
	return true;
}

void
header_finish(Source *source, Exchange *exchange)
{
	RpcCall    *call = &exchange->calls[0];
	const EvmBlock *header = &exchange->targets[0].header;

	if (call->outcome == RPC_NULL || call->outcome == RPC_NOT_FOUND)
		source->header.state = HEADER_ABSENT;
	else if (call->outcome != RPC_OK || header->number > MAX_BLOCK_NUMBER)
	{
		source_note_trouble(source, "%s: %s: %s", exchange->endpoint->label,
							call->method, call->message);
		source->header.state = HEADER_FAILED;
	}
	else
	{
		source->header.state = HEADER_FOUND;
		source->header.number = (int64) header->number;
		memcpy(source->header.hash, header->hash, 32);
		memcpy(source->header.parent_hash, header->parent_hash, 32);
	}
}
