/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Proof of a block: the order of the checks, and their results.
 *
 * The checks themselves are in verify_header.c, verify_tx.c,
 * verify_receipt.c and verify_price.c; what is known of chains is in
 * verify_rules.c.
 *
 *-------------------------------------------------------------------------
 */
#include "verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "block_check.h"
#include "hex.h"
#include "verify_internal.h"

/* In the order of their bits. */
static const char *const check_names[VERIFY_CHECK_COUNT] = {
	"header_hash", "positions", "uncles", "withdrawals_root",
	"transaction_hash", "transactions_root", "signature_fields", "sender",
	"contract_address", "receipts_root", "logs_bloom", "receipt_gas",
	"effective_gas_price", "blob_gas", "size"
};

static const uint8_t zero_address[20];

const char *
verify_check_name(VerifyCheck check)
{
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
	{
		if ((uint32_t) check == 1u << i)
			return check_names[i];
	}
	return NULL;
}

uint32_t
verify_check_by_name(const char *name)
{
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
	{
		if (strcmp(check_names[i], name) == 0)
			return 1u << i;
	}
	return 0;
}

void
verify_context_init(VerifyContext *context, const secp256k1_context *secp,
					size_t memory_limit)
{
	memset(context, 0, sizeof(*context));
	context->secp = secp;
	arena_init(&context->arena, memory_limit);
	bloom_memo_init(&context->memo);
}

void
verify_context_destroy(VerifyContext *context)
{
	arena_destroy(&context->arena);
}

bool
verify_wants(const VerifyRun *run, uint32_t check)
{
	const VerifyResult *result = run->result;

	return (check & ~(result->skipped | result->failed)) != 0 &&
		(run->rules->level == VERIFY_LEVEL_FULL ||
		 check == VERIFY_HEADER_HASH);
}

/* Whether a skip exempts transactions of the type from the check. */
static bool
type_is_exempt(const VerifyRun *run, uint32_t check, uint64_t type)
{
	if (!run->type_skips)
		return false;
	for (uint32_t i = 0; i < run->rules->skip_count; i++)
	{
		const VerifySkip *skip = &run->rules->skips[i];

		if (skip->has_type && skip->type == type && (skip->checks & check) &&
			run->number >= skip->from_block && run->number <= skip->to_block)
			return true;
	}
	return false;
}

bool
verify_wants_of(VerifyRun *run, uint32_t check, uint64_t type)
{
	if (!verify_wants(run, check))
		return false;
	if (!type_is_exempt(run, check, type))
		return true;
	run->partly |= check;
	return false;
}

void
verify_skip(VerifyRun *run, uint32_t checks)
{
	run->result->skipped |= checks &
		~(run->result->failed | run->result->lacking);
}

/* The record of a check's failure; NULL when it has one that stays. */
static VerifyFailure *
new_failure(VerifyRun *run, VerifyCheck check, bool lacking)
{
	VerifyResult *result = run->result;
	VerifyFailure *failure = NULL;

	if (result->skipped & check)
		return NULL;
	for (uint32_t i = 0; i < result->failure_count; i++)
	{
		if (result->failures[i].check != check)
			continue;
		/* that something is wrong says more than that something lacks */
		if (lacking || !result->failures[i].lacking)
			return NULL;
		failure = &result->failures[i];
	}
	if (failure == NULL)
		failure = &result->failures[result->failure_count++];
	memset(failure, 0, sizeof(*failure));
	failure->check = check;
	failure->lacking = lacking;
	if (lacking)
		result->lacking |= check;
	else
	{
		result->lacking &= ~(uint32_t) check;
		result->failed |= check;
	}
	return failure;
}

static void
__attribute__((format(printf, 2, 0)))
set_message(VerifyFailure *failure, const char *format, va_list args)
{
	vsnprintf(failure->message, sizeof(failure->message), format, args);
}

void
verify_fail(VerifyRun *run, VerifyCheck check, const char *format,...)
{
	VerifyFailure *failure = new_failure(run, check, false);
	va_list		args;

	if (failure == NULL)
		return;
	va_start(args, format);
	set_message(failure, format, args);
	va_end(args);
}

void
verify_lack(VerifyRun *run, VerifyCheck check, const char *format,...)
{
	VerifyFailure *failure = new_failure(run, check, true);
	va_list		args;

	if (failure == NULL)
		return;
	va_start(args, format);
	set_message(failure, format, args);
	va_end(args);
}

/* Hex of at most 32 bytes; "" for NULL. */
static void
show_bytes(char *out84, const uint8_t *bytes, size_t len)
{
	out84[0] = '\0';
	if (bytes == NULL)
		return;
	if (len > 32)
		len = 32;
	memcpy(out84, "0x", 2);
	hexbytes_encode(out84 + 2, bytes, len);
	out84[2 + 2 * len] = '\0';
}

void
verify_fail_bytes(VerifyRun *run, VerifyCheck check, const uint8_t *computed,
				  const uint8_t *found, size_t len, const char *format,...)
{
	VerifyFailure *failure = new_failure(run, check, false);
	va_list		args;

	if (failure == NULL)
		return;
	show_bytes(failure->expected, computed, len);
	show_bytes(failure->found, found, len);
	va_start(args, format);
	set_message(failure, format, args);
	va_end(args);
}

void
verify_fail_number(VerifyRun *run, VerifyCheck check, const Uint256 *computed,
				   const Uint256 *found, const char *format,...)
{
	VerifyFailure *failure = new_failure(run, check, false);
	va_list		args;

	if (failure == NULL)
		return;
	uint256_to_decimal(failure->expected, computed);
	uint256_to_decimal(failure->found, found);
	va_start(args, format);
	set_message(failure, format, args);
	va_end(args);
}

void
verify_fail_u64(VerifyRun *run, VerifyCheck check, uint64_t computed,
				uint64_t found, const char *format,...)
{
	VerifyFailure *failure = new_failure(run, check, false);
	va_list		args;

	if (failure == NULL)
		return;
	snprintf(failure->expected, sizeof(failure->expected), "%llu",
			 (unsigned long long) computed);
	snprintf(failure->found, sizeof(failure->found), "%llu",
			 (unsigned long long) found);
	va_start(args, format);
	set_message(failure, format, args);
	va_end(args);
}

bool
verify_poll(VerifyRun *run)
{
	const VerifyContext *context = run->context;

	if (context->keep_going != NULL && !run->stopped &&
		!context->keep_going(context->keep_going_arg))
		run->stopped = true;
	return !run->stopped && !run->no_memory;
}

void *
verify_alloc(VerifyRun *run, size_t count, size_t size)
{
	void	   *space = arena_alloc_array(&run->context->arena, count, size);

	if (space == NULL)
		run->no_memory = true;
	return space;
}

/* Log indexes count from 0 without a gap. */
static void
check_log_indexes(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	uint64_t	expected = 0;

	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		const EvmReceipt *receipt = &block->receipts[i];

		for (uint32_t j = 0; j < receipt->log_count; j++)
		{
			if (receipt->logs[j].log_index != expected)
			{
				verify_fail_u64(run, VERIFY_POSITIONS, expected,
								receipt->logs[j].log_index,
								"logIndex of log %u of receipt %u", j, i);
				return;
			}
			expected++;
		}
	}
}

/* What a receipt repeats of its transaction. */
static void
check_receipt_parties(VerifyRun *run, uint32_t i)
{
	const EvmTransaction *tx = &run->block->transactions[i];
	const EvmReceipt *receipt = &run->block->receipts[i];

	if (receipt->from != NULL &&
		(tx->from == NULL || memcmp(receipt->from, tx->from, 20) != 0))
		verify_fail_bytes(run, VERIFY_POSITIONS, tx->from, receipt->from, 20,
						  "from of receipt %u", i);
	if (receipt->to != NULL &&
		(tx->to == NULL || memcmp(receipt->to, tx->to, 20) != 0))
		verify_fail_bytes(run, VERIFY_POSITIONS, tx->to, receipt->to, 20,
						  "to of receipt %u", i);
	if ((receipt->present & EVM_RECEIPT_TYPE) && receipt->type != tx->type)
		verify_fail_u64(run, VERIFY_POSITIONS, tx->type, receipt->type,
						"type of receipt %u", i);
}

static void
check_positions(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	char		message[160];

	if (!verify_wants(run, VERIFY_POSITIONS))
		return;
	if (block->hash == NULL)
	{
		verify_fail(run, VERIFY_POSITIONS, "hash is missing");
		return;
	}
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		if (block->transactions[i].hash == NULL)
		{
			verify_fail(run, VERIFY_POSITIONS,
						"hash of transaction %u is missing", i);
			return;
		}
	}
	if (!block_check_positions(block, run->number, message, sizeof(message)))
	{
		verify_fail(run, VERIFY_POSITIONS, "%s", message);
		return;
	}
	check_log_indexes(run);
	for (uint32_t i = 0; i < block->transaction_count; i++)
		check_receipt_parties(run, i);
}

/* What the rules skip in this block. */
static void
apply_skips(VerifyRun *run)
{
	const VerifyRules *rules = run->rules;

	if (!rules->verify_senders)
		verify_skip(run, VERIFY_SENDER);
	for (uint32_t i = 0; i < rules->skip_count; i++)
	{
		const VerifySkip *skip = &rules->skips[i];

		if (run->number < skip->from_block || run->number > skip->to_block)
			continue;
		if (skip->has_type)
			run->type_skips = true;
		else
			verify_skip(run, skip->checks & VERIFY_ALL_CHECKS);
	}
}

static void
make_checks(VerifyRun *run)
{
	const EvmBlock *block = run->block;

	verify_header(run);
	if (run->rules->level == VERIFY_LEVEL_LINKS)
		return;
	check_positions(run);
	verify_uncles(run);
	verify_withdrawals(run);
	verify_transactions(run);
	if (block->receipt_count != block->transaction_count)
	{
		verify_fail(run, VERIFY_RECEIPTS_ROOT,
					"%u receipts for %u transactions", block->receipt_count,
					block->transaction_count);
		verify_skip(run, VERIFY_RECEIPT_CHECKS);
	}
	else
	{
		if (verify_poll(run))
			verify_receipts(run);
		if (verify_poll(run))
			verify_prices(run);
	}
	verify_size(run);
}

VerifyStatus
verify_block(VerifyResult *result, VerifyContext *context,
			 const VerifyRules *rules, const EvmBlock *block, uint64_t number,
			 const VerifyUncles *uncles)
{
	uint32_t	all = rules->level == VERIFY_LEVEL_LINKS ?
	VERIFY_HEADER_HASH : VERIFY_ALL_CHECKS;
	VerifyRun	run;

	memset(result, 0, sizeof(*result));
	memset(&run, 0, sizeof(run));
	run.context = context;
	run.rules = rules;
	run.block = block;
	run.uncles = uncles;
	run.result = result;
	run.number = number;
	arena_reset(&context->arena);
	rlp_writer_init(&context->writer, &context->arena);
	rlp_writer_init(&run.scratch, &context->arena);

	apply_skips(&run);
	make_checks(&run);

	result->skipped |= run.partly & ~(result->failed | result->lacking);
	result->skipped &= all;
	result->passed = all &
		~(result->skipped | result->failed | result->lacking);
	if (run.no_memory || run.stopped)
	{
		result->status = run.no_memory ? VERIFY_NO_MEMORY
			: VERIFY_INTERRUPTED;
		result->passed = 0;
	}
	else if (result->failed != 0)
		result->status = VERIFY_FAILED;
	else if (result->lacking != 0)
		result->status = VERIFY_LACKS;
	return result->status;
}

/* What a transaction's other members say, where it was left out. */
static void
normalise_transaction(EvmTransaction *tx)
{
	uint32_t	signature = tx->present & (EVM_TX_V | EVM_TX_Y_PARITY);

	if ((tx->present & EVM_TX_TYPE) == 0)
	{
		tx->type = TXN_LEGACY;
		tx->present |= EVM_TX_TYPE;
	}
	if (tx->type == TXN_LEGACY)
	{
		bool		has_chain_id;
		Uint256		chain_id;

		if ((tx->present & EVM_TX_CHAIN_ID) == 0 &&
			txn_y_parity(NULL, &has_chain_id, &chain_id, tx) == TXN_OK &&
			has_chain_id)
		{
			tx->chain_id = chain_id;
			tx->present |= EVM_TX_CHAIN_ID;
		}
	}
	else if (tx->type <= TXN_SET_CODE && signature == EVM_TX_V)
		tx->y_parity = tx->v;
	else if (tx->type <= TXN_SET_CODE && signature == EVM_TX_Y_PARITY)
		tx->v = tx->y_parity;
	if (tx->type != TXN_LEGACY && tx->type <= TXN_SET_CODE && signature != 0)
		tx->present |= EVM_TX_V | EVM_TX_Y_PARITY;
}

/* What some nodes made up. */
static void
strip_receipt(EvmReceipt *receipt, const EvmTransaction *tx)
{
	if (receipt->root != NULL)
	{
		/* the trie holds one of them, and it is not the status */
		receipt->status = 0;
		receipt->present &= ~EVM_RECEIPT_STATUS;
	}
	if (tx->type <= TXN_SET_CODE && tx->type != TXN_BLOB &&
		(receipt->present & EVM_RECEIPT_BLOB_GAS_USED) &&
		receipt->blob_gas_used == 0)
	{
		/* some nodes say of every transaction that it used no blob gas */
		receipt->present &= ~(EVM_RECEIPT_BLOB_GAS_USED |
							  EVM_RECEIPT_BLOB_GAS_PRICE);
	}
	if (tx->to != NULL && receipt->contract_address != NULL &&
		memcmp(receipt->contract_address, zero_address, 20) == 0)
		receipt->contract_address = NULL;
}

void
verify_fill(EvmBlock *block)
{
	if (block->sha3_uncles != NULL &&
		memcmp(block->sha3_uncles, verify_no_uncles_hash, 32) == 0)
		block->present |= EVM_BLOCK_UNCLES;
	for (uint32_t i = 0; i < block->transaction_count; i++)
		normalise_transaction(&block->transactions[i]);
	for (uint32_t i = 0; i < block->receipt_count &&
		 i < block->transaction_count; i++)
	{
		EvmReceipt *receipt = &block->receipts[i];

		if (receipt->present & EVM_RECEIPT_TYPE)
			continue;
		receipt->type = block->transactions[i].type;
		receipt->present |= EVM_RECEIPT_TYPE;
	}
}

void
verify_normalise(EvmBlock *block)
{
	verify_fill(block);
	for (uint32_t i = 0; i < block->receipt_count &&
		 i < block->transaction_count; i++)
		strip_receipt(&block->receipts[i], &block->transactions[i]);
}
