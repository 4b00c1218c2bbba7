/*-------------------------------------------------------------------------
 *
 * source_block.c
 *	  What a block needs next, and what the answers to it mean.
 *
 * A block comes by number with full transactions; its receipts by number too
 * where it is final, so that both are asked at once, else by the block's
 * hash: nodes re-point their numbers one by one during a reorg.  Where an
 * endpoint answers null to a hash, the number is asked, and the receipts are
 * taken only if every one names the block's hash (block_check.c).  Where it
 * lacks eth_getBlockReceipts, every transaction's receipt is asked for.
 *
 * What fails is asked again: at once of another endpoint, after a delay once
 * all have been asked.  Only two things are the block's own fault: every
 * endpoint has pruned it, or every endpoint gives a value that does not fit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "block_check.h"
#include "block_json.h"
#include "clock.h"
#include "guc.h"
#include "hex.h"
#include "proof.h"
#include "source_internal.h"

/*
 * So many rounds of all endpoints, and a final block that one of them says it
 * does not have is given up for now.
 */
#define GIVE_UP_ATTEMPTS 6

/* How long to leave an endpoint alone whose answers were wrong. */
#define QUARANTINE_MS(attempts) \
	Min((int64) chainsync_retry_initial_delay << Min((attempts), 16), \
		(int64) chainsync_retry_max_delay)

/* Whether what the call was to be read into is gone. */
static bool
is_stale(const CallTarget *target)
{
	const SourceFetch *fetch = target->block->fetch;

	return fetch->popped || target->block->state != SOURCE_PENDING ||
		target->epoch != (IS_BLOCK_CALL(target->kind) ? fetch->block_epoch :
						  fetch->receipts_epoch);
}

bool
fetch_read_result(CallTarget *target, JsonScanner *scanner, bool *is_null)
{
	SourceBlock *block = target->block;
	SourceFetch *fetch = block->fetch;

	if (is_stale(target))
	{
		*is_null = false;
		return json_skip_value(scanner, NULL);
	}
	switch (target->kind)
	{
		case CALL_BLOCK:
		case CALL_BLOCK_BY_HASH:
			return block_json_read_block(scanner, &fetch->block_arena,
										 &block->block, is_null);
		case CALL_TRANSACTION_RECEIPT:
			return block_json_read_receipt(scanner, &fetch->receipts_arena,
										   &fetch->receipts[target->index],
										   is_null);
		default:
			return block_json_read_receipts(scanner, &fetch->receipts_arena,
											&fetch->receipts,
											&fetch->receipt_count, is_null);
	}
}

/*
 * The kind of the next call that the block needs and that is not under way;
 * false when there is none.  A NULL endpoint stands for any.
 */
static bool
next_kind(const Source *source, const SourceBlock *block,
		  const PoolEndpoint *endpoint, CallKind *kind)
{
	const SourceFetch *fetch = block->fetch;

	if (!fetch->have_block && !(fetch->asked & ASKED_BLOCK))
	{
		*kind = fetch->has_wanted_hash ? CALL_BLOCK_BY_HASH : CALL_BLOCK;
		return true;
	}
	if (fetch->have_receipts || (fetch->asked & ASKED_RECEIPTS))
		return false;
	if (endpoint != NULL &&
		pool_has_capability(endpoint, POOL_NO_BLOCK_RECEIPTS))
	{
		*kind = CALL_TRANSACTION_RECEIPT;
		return fetch->have_block;
	}
	if (block->number <= source->final || fetch->by_number ||
		(endpoint != NULL &&
		 pool_has_capability(endpoint, POOL_NO_RECEIPTS_BY_HASH)))
	{
		*kind = CALL_RECEIPTS;
		return true;
	}
	*kind = CALL_RECEIPTS_BY_HASH;
	return fetch->have_block;
}

bool
fetch_wants_call(Source *source, SourceBlock *block,
				 const PoolEndpoint *endpoint)
{
	CallKind	kind;

	return block->state == SOURCE_PENDING &&
		next_kind(source, block, endpoint, &kind);
}

/* Adds the call for the receipt of the next transaction. */
static bool
add_receipt_call(Source *source, SourceBlock *block, Exchange *exchange)
{
	SourceFetch *fetch = block->fetch;
	char		params[80] = "[\"0x";
	uint32		index = fetch->receipts_asked;

	if (index >= block->block.transaction_count)
		return false;
	if (fetch->receipts == NULL)
	{
		fetch->receipts = arena_alloc_array(&fetch->receipts_arena,
											block->block.transaction_count,
											sizeof(EvmReceipt));
		if (fetch->receipts == NULL)
			return false;
	}
	hexbytes_encode(params + 4, block->block.transactions[index].hash, 32);
	strlcpy(params + 68, "\"]", sizeof(params) - 68);
	exchange_add(exchange, source, CALL_TRANSACTION_RECEIPT, block, index,
				 params);
	fetch->receipts_asked++;
	if (fetch->receipts_asked == block->block.transaction_count)
		fetch->asked |= ASKED_RECEIPTS;
	return true;
}

bool
fetch_next_call(Source *source, SourceBlock *block, Exchange *exchange)
{
	SourceFetch *fetch = block->fetch;
	CallKind	kind;
	char		params[80];

	if (!next_kind(source, block, exchange->endpoint, &kind))
		return false;
	switch (kind)
	{
		case CALL_TRANSACTION_RECEIPT:
			return add_receipt_call(source, block, exchange);
		case CALL_BLOCK:
			snprintf(params, sizeof(params), "[\"0x%llx\",true]",
					 (unsigned long long) block->number);
			fetch->asked |= ASKED_BLOCK;
			break;
		case CALL_BLOCK_BY_HASH:
			strlcpy(params, "[\"0x", sizeof(params));
			hexbytes_encode(params + 4, fetch->wanted_hash, 32);
			strlcpy(params + 68, "\",true]", sizeof(params) - 68);
			fetch->asked |= ASKED_BLOCK;
			break;
		case CALL_RECEIPTS:
			snprintf(params, sizeof(params), "[\"0x%llx\"]",
					 (unsigned long long) block->number);
			fetch->asked |= ASKED_RECEIPTS;
			break;
		default:
			strlcpy(params, "[\"0x", sizeof(params));
			hexbytes_encode(params + 4, block->block.hash, 32);
			strlcpy(params + 68, "\"]", sizeof(params) - 68);
			fetch->asked |= ASKED_RECEIPTS;
			break;
	}
	exchange_add(exchange, source, kind, block, 0, params);
	return true;
}

/* The block points into the answer from now on. */
static void
hold_answer(Source *source, SourceBlock *block, Exchange *exchange)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);

	if (!list_member_ptr(block->fetch->exchanges, exchange))
	{
		block->fetch->exchanges = lappend(block->fetch->exchanges, exchange);
		exchange->refs++;
		block->fetch->sources |= UINT64CONST(1) << exchange->endpoint_index;
		block->bytes += exchange->request->body_bytes /
			Max(exchange->count / 2, 1);
	}
	MemoryContextSwitchTo(old);
}

/* The block is not there, nor asked for. */
static void
forget_block(Source *source, SourceBlock *block)
{
	SourceFetch *fetch = block->fetch;

	fetch->block_epoch = ++source->last_epoch;
	fetch->asked &= ~ASKED_BLOCK;
	fetch->have_block = false;
	memset(&block->block, 0, sizeof(EvmBlock));
	arena_reset(&fetch->block_arena);
}

/* Its receipts are not there, nor asked for. */
static void
forget_receipts(Source *source, SourceBlock *block)
{
	SourceFetch *fetch = block->fetch;

	fetch->receipts_epoch = ++source->last_epoch;
	fetch->asked &= ~ASKED_RECEIPTS;
	fetch->have_receipts = fetch->have_block &&
		block->block.transaction_count == 0;
	fetch->receipts = NULL;
	fetch->receipt_count = 0;
	fetch->receipts_asked = 0;
	fetch->receipts_read = 0;
	arena_reset(&fetch->receipts_arena);
}

void
fetch_init(Source *source, SourceBlock *block)
{
	forget_block(source, block);
	forget_receipts(source, block);
}

/* Nothing of the block is known any more. */
static void
start_over(Source *source, SourceBlock *block)
{
	source_release_answers(source, block);
	forget_block(source, block);
	forget_receipts(source, block);
	block->fetch->sources = 0;
	block->bytes = 0;
}

/* All bits of the chain's endpoints. */
static uint64
all_endpoints(const Source *source)
{
	int			count = source_endpoint_count(source);

	return count >= 64 ? PG_UINT64_MAX : (UINT64CONST(1) << count) - 1;
}

/* The block cannot be had for its own sake. */
static void
give_up(Source *source, SourceBlock *block, const char *reason,
		const char *message)
{
	start_over(source, block);
	block->state = SOURCE_FAILED;
	block->reason = reason;
	strlcpy(block->message, message, sizeof(block->message));
}

/*
 * Not this endpoint for the block for now; once none is left, all of them
 * again after a delay.
 */
static void
turn_away(Source *source, SourceBlock *block, const Exchange *exchange)
{
	SourceFetch *fetch = block->fetch;
	uint64		all = all_endpoints(source);

	fetch->excluded |= UINT64CONST(1) << exchange->endpoint_index;
	if ((fetch->excluded & all) != all)
		return;
	fetch->excluded = fetch->pruned | fetch->unfit | fetch->lacking;
	fetch->not_before = clock_ms() + QUARANTINE_MS(fetch->attempts);
	fetch->attempts++;
	source->block_trouble = true;
	if (fetch->attempts >= GIVE_UP_ATTEMPTS &&
		block->number <= source->final &&
		(fetch->pruned | fetch->absent) != 0)
		give_up(source, block, "history_pruned", source->trouble);
}

/* An endpoint that lied is left alone for so long, if there is another. */
#define LIAR_QUARANTINE_MS Min((int64) chainsync_retry_max_delay * 20, 600000)

static bool
matches_checkpoint(Source *source, const SourceBlock *block, char *message,
				   Size size)
{
	const Proof *proof = source->chain->proof;

	for (int i = 0; i < proof->checkpoint_count; i++)
	{
		char		wanted[65] = "";
		char		shown[65] = "";

		if (proof->checkpoints[i].number != block->number ||
			memcmp(proof->checkpoints[i].hash, block->block.hash, 32) == 0)
			continue;
		hexbytes_encode(wanted, proof->checkpoints[i].hash, 32);
		hexbytes_encode(shown, block->block.hash, 32);
		snprintf(message, size, "checkpoint: hash is 0x%s instead of 0x%s",
				 shown, wanted);
		return false;
	}
	return true;
}

/* Runs the checks; true when the block may be written. */
static bool
prove(Source *source, SourceBlock *block, Exchange *exchange, char *message,
	  Size size)
{
	const Proof *proof = source->chain->proof;
	VerifyResult *result = source->verify_result;
	int64		start = clock_us();

	if (!matches_checkpoint(source, block, message, size))
	{
		result->status = VERIFY_FAILED;
		return false;
	}
	if (source->verify == NULL)
		return true;
	verify_normalise(&block->block);
	do
	{
		CHECK_FOR_INTERRUPTS();
		verify_block(result, source->verify, &proof->rules, &block->block,
					 block->number, NULL);
	} while (result->status == VERIFY_INTERRUPTED);
	source->verify_us += clock_us() - start;
	pool_count_checks(exchange->endpoint, result->passed,
					  result->failed | result->lacking, result->skipped);
	block->checks = proof_pack(result);
	block->has_checks = true;
	if (result->status == VERIFY_PASSED || proof->mode == PROOF_OBSERVE)
		return true;
	proof_describe(message, size, result, proof, source->chain->chain_id ?
				   source->chain->chain_id : source->identity.chain_id);
	return false;
}

/* No endpoint gives what is needed to prove the block. */
static void
give_up_lacking(Source *source, SourceBlock *block, const char *message)
{
	if (source->verify_result->failures[0].check == VERIFY_RECEIPTS_ROOT)
		give_up(source, block, "receipt_root_missing",
				psprintf("%s; allow_missing_receipt_root => true takes such "
						 "receipts, below the chain's Byzantium block",
						 message));
	else
		give_up(source, block, "incomplete_answer", message);
}

/*
 * The block as this endpoint gave it is not written.  What was left out is
 * the endpoint's lack; what was wrong is a lie, or our model is wrong: the
 * message says so when every endpoint says the same.
 */
static void
refuse_block(Source *source, SourceBlock *block, Exchange *exchange,
			 const char *message)
{
	SourceFetch *fetch = block->fetch;
	uint64		bit = UINT64CONST(1) << exchange->endpoint_index;
	uint64		all = all_endpoints(source);
	bool		lacks = source->verify_result != NULL &&
	source->verify_result->status == VERIFY_LACKS;

	if (fetch->sources != bit)
	{
		/* its parts are several endpoints': who lied is not known */
		start_over(source, block);
		return;
	}
	source_note_trouble(source, "%s: block %lld: %s",
						exchange->endpoint->label, (long long) block->number,
						message);
	if (lacks)
	{
		fetch->lacking |= bit;
		if ((fetch->lacking & all) == all)
		{
			give_up_lacking(source, block, message);
			return;
		}
	}
	else
		pool_quarantine(exchange->endpoint, message,
						source_endpoint_count(source) > 1 ?
						LIAR_QUARANTINE_MS : QUARANTINE_MS(fetch->attempts));
	turn_away(source, block, exchange);
	start_over(source, block);
}

/* Both parts are there: do they belong together? */
static void
assemble(Source *source, SourceBlock *block, Exchange *exchange)
{
	SourceFetch *fetch = block->fetch;
	char		message[512];

	block->block.receipts = fetch->receipts;
	block->block.receipt_count = fetch->receipt_count;
	if (fetch->has_wanted_hash &&
		memcmp(fetch->wanted_hash, block->block.hash, 32) != 0)
		strlcpy(message, "the answer is another block", sizeof(message));
	else if (block_check_positions(&block->block, block->number, message,
								   sizeof(message)))
	{
		if (!prove(source, block, exchange, message, sizeof(message)))
		{
			refuse_block(source, block, exchange, message);
			return;
		}
		if (fetch->by_number)
			pool_set_capability(exchange->endpoint, POOL_NO_RECEIPTS_BY_HASH);
		block->state = SOURCE_READY;
		source->block_trouble = false;
		return;
	}
	source_note_trouble(source, "%s: block %lld: %s",
						exchange->endpoint->label, (long long) block->number,
						message);
	if (fetch->sources == UINT64CONST(1) << exchange->endpoint_index)
		turn_away(source, block, exchange);
	else
		fetch->not_before = clock_ms() + chainsync_retry_initial_delay;
	start_over(source, block);
}

static void
take_block(Source *source, SourceBlock *block, Exchange *exchange)
{
	SourceFetch *fetch = block->fetch;

	hold_answer(source, block, exchange);
	fetch->have_block = true;
	if (block->block.transaction_count == 0 &&
		!(fetch->asked & ASKED_RECEIPTS))
		fetch->have_receipts = true;
}

static void
take_receipt(Source *source, SourceBlock *block, Exchange *exchange)
{
	SourceFetch *fetch = block->fetch;

	hold_answer(source, block, exchange);
	fetch->receipts_read++;
	if (fetch->receipts_read < block->block.transaction_count)
		return;
	fetch->receipt_count = fetch->receipts_read;
	fetch->have_receipts = true;
}

/* The call brought nothing: it is not under way any more. */
static void
unask(Source *source, SourceBlock *block, CallKind kind)
{
	if (IS_BLOCK_CALL(kind))
		forget_block(source, block);
	else
		forget_receipts(source, block);
}

/* The answer was null. */
static void
take_null(Source *source, Exchange *exchange, CallTarget *target)
{
	SourceBlock *block = target->block;

	unask(source, block, target->kind);
	if (block->fetch->have_receipts)
		return;					/* an empty block has none to give */
	if (target->kind == CALL_BLOCK_BY_HASH)
	{
		give_up(source, block, "orphaned",
				"the node no longer has the block");
		return;
	}
	if (target->kind == CALL_RECEIPTS_BY_HASH)
	{
		/* does the node know receipts by number only? */
		block->fetch->by_number = true;
		return;
	}
	block->fetch->by_number = false;
	/* a node that is behind has not pruned anything */
	if (block->number <= source->head.latest)
		block->fetch->absent |=
			UINT64CONST(1) << exchange->endpoint_index;
	source_note_trouble(source, "%s: the node has no %s %lld",
						exchange->endpoint->label,
						IS_BLOCK_CALL(target->kind) ? "block" :
						"receipts of block", (long long) block->number);
	turn_away(source, block, exchange);
}

/* The value, or the history, is not to be had of this endpoint. */
static void
take_lack(Source *source, Exchange *exchange, CallTarget *target,
		  const RpcCall *call)
{
	SourceBlock *block = target->block;
	SourceFetch *fetch = block->fetch;
	uint64		bit = UINT64CONST(1) << exchange->endpoint_index;
	uint64		all = all_endpoints(source);

	unask(source, block, target->kind);
	if (call->outcome == RPC_PRUNED)
		fetch->pruned |= bit;
	else
		fetch->unfit |= bit;
	source_note_trouble(source, "%s: block %lld: %s",
						exchange->endpoint->label, (long long) block->number,
						call->message);
	if (((fetch->pruned | fetch->unfit) & all) != all)
		turn_away(source, block, exchange);
	else if (fetch->unfit != 0)
		give_up(source, block, "value_out_of_range", call->message);
	else
		give_up(source, block, "history_pruned", call->message);
}

static void
take_failure(Source *source, Exchange *exchange, CallTarget *target,
			 const RpcCall *call)
{
	SourceBlock *block = target->block;

	unask(source, block, target->kind);
	source_note_trouble(source, "%s: %s: %s", exchange->endpoint->label,
						call->method, call->message);
	/* asked again in smaller batches: finish_exchange() sees to that */
	if (call->outcome == RPC_UNREAD ||
		(call->outcome == RPC_TOO_LARGE && exchange->count > 1))
		return;
	if (call->outcome == RPC_INVALID &&
		exchange->request->outcome == RPC_OK)
		pool_quarantine(exchange->endpoint, call->message,
						QUARANTINE_MS(block->fetch->attempts));
	turn_away(source, block, exchange);
}

void
fetch_finish_call(Source *source, Exchange *exchange, RpcCall *call,
				  CallTarget *target)
{
	SourceBlock *block = target->block;
	SourceFetch *fetch = block->fetch;

	if (is_stale(target))
		return;
	switch (call->outcome)
	{
		case RPC_OK:
			if (IS_BLOCK_CALL(target->kind))
				take_block(source, block, exchange);
			else if (target->kind == CALL_TRANSACTION_RECEIPT)
				take_receipt(source, block, exchange);
			else
			{
				hold_answer(source, block, exchange);
				fetch->have_receipts = true;
				pool_set_capability(exchange->endpoint,
									POOL_HAS_BLOCK_RECEIPTS);
			}
			break;
		case RPC_NULL:
		case RPC_NOT_FOUND:
			take_null(source, exchange, target);
			break;
		case RPC_METHOD_MISSING:
			unask(source, block, target->kind);
			if (target->kind == CALL_RECEIPTS ||
				target->kind == CALL_RECEIPTS_BY_HASH)
				pool_set_capability(exchange->endpoint,
									POOL_NO_BLOCK_RECEIPTS);
			else
				take_failure(source, exchange, target, call);
			break;
		case RPC_PRUNED:
		case RPC_OUT_OF_RANGE:
			take_lack(source, exchange, target, call);
			break;
		default:
			take_failure(source, exchange, target, call);
			break;
	}
	if (fetch->have_block && fetch->have_receipts &&
		block->state == SOURCE_PENDING)
		assemble(source, block, exchange);
}
