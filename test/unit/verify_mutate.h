/*-------------------------------------------------------------------------
 *
 * verify_mutate.h
 *	  Mutations of the members of blocks: the tables that say which check
 *	  must see which, the list of what no check sees, and what makes one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VERIFY_MUTATE_H
#define VERIFY_MUTATE_H

#include <stddef.h>

#include "verify_corpus.h"

#define H	VERIFY_HEADER_HASH
#define P	VERIFY_POSITIONS
#define U	VERIFY_UNCLES
#define W	VERIFY_WITHDRAWALS_ROOT
#define TH	VERIFY_TRANSACTION_HASH
#define TR	VERIFY_TRANSACTIONS_ROOT
#define SF	VERIFY_SIGNATURE_FIELDS
#define S	VERIFY_SENDER
#define CA	VERIFY_CONTRACT_ADDRESS
#define RR	VERIFY_RECEIPTS_ROOT
#define LB	VERIFY_LOGS_BLOOM
#define RG	VERIFY_RECEIPT_GAS
#define EP	VERIFY_EFFECTIVE_GAS_PRICE
#define BG	VERIFY_BLOB_GAS
#define SZ	VERIFY_SIZE

typedef enum Kind
{
	FIXED,						/* pointer to `detail` bytes */
	BYTES,						/* EvmBytes */
	NUMBER,						/* uint64_t with the bit `detail` */
	WIDE,						/* Uint256 likewise */
	FLAG						/* the bit itself */
} Kind;

typedef enum Mutation
{
	CHANGE,						/* one bit of it, or one more */
	LEAVE_OUT,
	ADD							/* where it was not */
} Mutation;

static const char *const mutation_names[] = {"change", "leave out", "add"};

/* A member, and which checks may be the first to see a mutation of it. */
typedef struct Field
{
	const char *name;
	Kind		kind;
	size_t		offset;
	uint32_t	detail;
	uint32_t	checks;
} Field;

#define FIELD_OF(type, name, kind, field, detail, checks) \
	{name, kind, offsetof(type, field), detail, checks}

#define B(name, kind, field, detail, checks) \
	FIELD_OF(EvmBlock, name, kind, field, detail, checks)

static const Field block_fields[] = {
	B("hash", FIXED, hash, 32, H),
	B("parentHash", FIXED, parent_hash, 32, H),
	B("sha3Uncles", FIXED, sha3_uncles, 32, H),
	B("miner", FIXED, miner, 20, H),
	B("stateRoot", FIXED, state_root, 32, H),
	B("transactionsRoot", FIXED, transactions_root, 32, H),
	B("receiptsRoot", FIXED, receipts_root, 32, H),
	B("logsBloom", FIXED, logs_bloom, 256, H),
	B("difficulty", WIDE, difficulty, EVM_BLOCK_DIFFICULTY, H),
	B("number", NUMBER, number, EVM_BLOCK_NUMBER, H),
	B("gasLimit", NUMBER, gas_limit, EVM_BLOCK_GAS_LIMIT, H),
	B("gasUsed", NUMBER, gas_used, EVM_BLOCK_GAS_USED, H),
	B("timestamp", NUMBER, timestamp, EVM_BLOCK_TIMESTAMP, H),
	B("extraData", BYTES, extra_data, 0, H),
	B("mixHash", FIXED, mix_hash, 32, H),
	B("nonce", FIXED, nonce, 8, H),
	B("baseFeePerGas", WIDE, base_fee_per_gas, EVM_BLOCK_BASE_FEE_PER_GAS,
	  H),
	B("withdrawalsRoot", FIXED, withdrawals_root, 32, H),
	B("blobGasUsed", NUMBER, blob_gas_used, EVM_BLOCK_BLOB_GAS_USED, H),
	B("excessBlobGas", NUMBER, excess_blob_gas, EVM_BLOCK_EXCESS_BLOB_GAS,
	  H),
	B("parentBeaconBlockRoot", FIXED, parent_beacon_block_root, 32, H),
	B("requestsHash", FIXED, requests_hash, 32, H),
	B("blockAccessListHash", FIXED, block_access_list_hash, 32, H),
	B("slotNumber", NUMBER, slot_number, EVM_BLOCK_SLOT_NUMBER, H),
	B("size", NUMBER, size, EVM_BLOCK_SIZE, SZ),
	B("totalDifficulty", WIDE, total_difficulty, EVM_BLOCK_TOTAL_DIFFICULTY,
	  0),
	B("uncles", FLAG, present, EVM_BLOCK_UNCLES, U),
	B("withdrawals", FLAG, present, EVM_BLOCK_WITHDRAWALS, W)
};

#define T(name, kind, field, detail, checks) \
	FIELD_OF(EvmTransaction, name, kind, field, detail, checks)

static const Field transaction_fields[] = {
	T("hash", FIXED, hash, 32, P | TH),
	T("blockHash", FIXED, block_hash, 32, P),
	T("blockNumber", NUMBER, block_number, EVM_TX_BLOCK_NUMBER, P),
	T("transactionIndex", NUMBER, transaction_index,
	  EVM_TX_TRANSACTION_INDEX, P),
	T("from", FIXED, from, 20, P | S | TH),
	T("to", FIXED, to, 20, P | TH),
	T("nonce", NUMBER, nonce, EVM_TX_NONCE, TH | SF),
	T("value", WIDE, value, EVM_TX_VALUE, TH | SF),
	T("gas", NUMBER, gas, EVM_TX_GAS, TH | SF),
	T("input", BYTES, input, 0, TH),
	T("gasPrice", WIDE, gas_price, EVM_TX_GAS_PRICE, TH | EP),
	T("maxFeePerGas", WIDE, max_fee_per_gas, EVM_TX_MAX_FEE_PER_GAS, TH),
	T("maxPriorityFeePerGas", WIDE, max_priority_fee_per_gas,
	  EVM_TX_MAX_PRIORITY_FEE_PER_GAS, TH),
	T("maxFeePerBlobGas", WIDE, max_fee_per_blob_gas,
	  EVM_TX_MAX_FEE_PER_BLOB_GAS, TH),
	T("type", NUMBER, type, EVM_TX_TYPE, P | TH),
	T("chainId", WIDE, chain_id, EVM_TX_CHAIN_ID, TH | SF),
	T("v", WIDE, v, EVM_TX_V, TH | SF),
	T("yParity", WIDE, y_parity, EVM_TX_Y_PARITY, TH | SF),
	T("r", WIDE, r, EVM_TX_R, TH | SF),
	T("s", WIDE, s, EVM_TX_S, TH | SF),
	T("accessList", FLAG, present, EVM_TX_ACCESS_LIST, TH),
	T("authorizationList", FLAG, present, EVM_TX_AUTHORIZATION_LIST, TH),
	T("blobVersionedHashes", FLAG, present, EVM_TX_BLOB_VERSIONED_HASHES, TH)
};

#define R(name, kind, field, detail, checks) \
	FIELD_OF(EvmReceipt, name, kind, field, detail, checks)

static const Field receipt_fields[] = {
	R("transactionHash", FIXED, transaction_hash, 32, P),
	R("blockHash", FIXED, block_hash, 32, P),
	R("blockNumber", NUMBER, block_number, EVM_RECEIPT_BLOCK_NUMBER, P),
	R("transactionIndex", NUMBER, transaction_index,
	  EVM_RECEIPT_TRANSACTION_INDEX, P),
	R("from", FIXED, from, 20, P),
	R("to", FIXED, to, 20, P),
	R("type", NUMBER, type, EVM_RECEIPT_TYPE, P),
	R("status", NUMBER, status, EVM_RECEIPT_STATUS, RR),
	R("root", FIXED, root, 32, RR),
	R("gasUsed", NUMBER, gas_used, EVM_RECEIPT_GAS_USED, RG),
	R("cumulativeGasUsed", NUMBER, cumulative_gas_used,
	  EVM_RECEIPT_CUMULATIVE_GAS_USED, RR | RG),
	R("effectiveGasPrice", WIDE, effective_gas_price,
	  EVM_RECEIPT_EFFECTIVE_GAS_PRICE, EP),
	R("blobGasUsed", NUMBER, blob_gas_used, EVM_RECEIPT_BLOB_GAS_USED, BG),
	R("blobGasPrice", WIDE, blob_gas_price, EVM_RECEIPT_BLOB_GAS_PRICE, BG),
	R("contractAddress", FIXED, contract_address, 20, CA),
	R("logsBloom", FIXED, logs_bloom, 256, LB)
};

#define L(name, kind, field, detail, checks) \
	FIELD_OF(EvmLog, name, kind, field, detail, checks)

static const Field log_fields[] = {
	L("address", FIXED, address, 20, LB | RR),
	L("data", BYTES, data, 0, RR),
	L("topics[0]", FIXED, topics[0], 32, LB | RR),
	L("topics[1]", FIXED, topics[1], 32, LB | RR),
	L("topics[2]", FIXED, topics[2], 32, LB | RR),
	L("topics[3]", FIXED, topics[3], 32, LB | RR),
	L("logIndex", NUMBER, log_index, EVM_LOG_LOG_INDEX, P),
	L("transactionIndex", NUMBER, transaction_index,
	  EVM_LOG_TRANSACTION_INDEX, P),
	L("blockNumber", NUMBER, block_number, EVM_LOG_BLOCK_NUMBER, P),
	L("transactionHash", FIXED, transaction_hash, 32, P),
	L("blockHash", FIXED, block_hash, 32, P),
	L("removed", FLAG, present, EVM_LOG_REMOVED, P)
};

#define WD(name, kind, field, detail) \
	FIELD_OF(EvmWithdrawal, name, kind, field, detail, W | P)

static const Field withdrawal_fields[] = {
	WD("index", NUMBER, index, 0),
	WD("validatorIndex", NUMBER, validator_index, 0),
	WD("amount", NUMBER, amount, 0),
	WD("address", FIXED, address, 20)
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is mutated, for the list of what is not refused. */
typedef struct Target
{
	const Field *field;
	Mutation	mutation;
	const EvmTransaction *tx;	/* of a transaction, receipt or log */
	const EvmReceipt *receipt;	/* of a receipt or log */
	const EvmLog *log;
} Target;

static VerifyContext *context;
static VerifyRules rules;
static VerifySkip skip;
static const char *file;
static EvmBlock *block;			/* as it was read */
static EvmBlock reference;		/* the same, normalised */
static unsigned long refused;
static unsigned long by_check[VERIFY_CHECK_COUNT];
static unsigned long unproven;
static unsigned long same;

static bool
is(const Target *target, const char *name, Mutation mutation)
{
	return target->mutation == mutation &&
		strcmp(target->field->name, name) == 0;
}

/* What the parser refuses already, or what can be no member. */
static bool
is_refused_before(const Target *target)
{
	if (target->log != NULL && target->mutation == ADD &&
		strncmp(target->field->name, "topics", 6) == 0)
		return true;
	return is(target, "logIndex", LEAVE_OUT) ||
		(is(target, "transactionIndex", LEAVE_OUT) && target->log == NULL);
}

static bool
one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

/*
 * Mutations that change nothing, as what was left out follows from the rest
 * or what was added is removed: the block is the same after verify_normalise.
 */
static bool
is_same(const Target *target)
{
	const EvmTransaction *tx = target->tx;

	if (tx == NULL)
		return is(target, "uncles", LEAVE_OUT) && block->uncle_count == 0;
	if (target->receipt != NULL)
		return is(target, "type", LEAVE_OUT) ||
			(is(target, "status", ADD) && target->receipt->root != NULL);
	if (is(target, "type", LEAVE_OUT))
		return tx->type == 0;
	if (is(target, "chainId", LEAVE_OUT))
		return tx->type == 0;
	return tx->type != 0 && tx->type <= 4 &&
		(is(target, "v", LEAVE_OUT) || is(target, "yParity", LEAVE_OUT));
}

/* What nothing proves, and what is not stored and need not be there. */
static bool
is_unproven(const Target *target)
{
	static const char *const copies[] = {
		"blockHash", "blockNumber", "transactionHash", "transactionIndex",
		"from", "to", "logsBloom", NULL
	};
	static const char *const signature[] = {
		"v", "yParity", "r", "s", NULL
	};
	const char *name = target->field->name;

	if (strcmp(name, "totalDifficulty") == 0)
		return true;
	/* the caller stores what verify_block computed */
	if (is(target, "size", LEAVE_OUT))
		return true;
	/* a block with uncles whose headers were not fetched */
	if (is(target, "size", CHANGE) && block->uncle_count > 0)
		return true;
	/* an empty list where there is no root */
	if (is(target, "withdrawals", ADD))
		return true;
	if (target->receipt != NULL)
	{
		if (is(target, "contractAddress", LEAVE_OUT))
			return target->receipt->root != NULL ||
				target->receipt->status == 0;
		return target->mutation == LEAVE_OUT && one_of(name, copies);
	}
	if (target->tx == NULL)
		return false;
	if (is(target, "blockHash", LEAVE_OUT) ||
		is(target, "blockNumber", LEAVE_OUT))
		return true;
	if (target->tx->type <= 4)
		return false;

	/* zeros that an unsigned transaction may also lack */
	if (target->mutation == LEAVE_OUT && one_of(name, signature))
		return true;
	return target->tx->type == 0x7e &&
		(is(target, "nonce", LEAVE_OUT) || is(target, "gasPrice", LEAVE_OUT));
}

static void
normalised_copy(EvmBlock *copy, Arena *arena)
{
	arena_reset(arena);
	*copy = *block;
	copy->transactions = corpus_alloc(arena, block->transaction_count,
									  sizeof(EvmTransaction));
	if (block->transaction_count > 0)
		memcpy(copy->transactions, block->transactions,
			   block->transaction_count * sizeof(EvmTransaction));
	copy->receipts = corpus_alloc(arena, block->receipt_count,
								  sizeof(EvmReceipt));
	if (block->receipt_count > 0)
		memcpy(copy->receipts, block->receipts,
			   block->receipt_count * sizeof(EvmReceipt));
	verify_normalise(copy);
}

static VerifyStatus
prove(VerifyResult *result, EvmBlock *copy, uint64_t number)
{
	static Arena arena;

	normalised_copy(copy, &arena);
	return verify_block(result, context, &rules, copy, number, NULL);
}

static void
count_refusal(const VerifyResult *result)
{
	refused++;
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
		by_check[i] += (uint32_t) result->failures[0].check == 1u << i;
}

/* The mutation made, the block must be refused by one of the checks. */
static void
expect_refusal(const char *what, uint32_t checks, uint64_t number)
{
	VerifyResult result;
	EvmBlock	copy;
	VerifyStatus status = prove(&result, &copy, number);

	if (!CHECK_SAY(status == VERIFY_FAILED || status == VERIFY_LACKS, what) ||
		!CHECK_SAY(((uint32_t) result.failures[0].check & checks) != 0,
				   what) ||
		!CHECK(result.failures[0].message[0] != '\0'))
	{
		printf("\tin %s\n", file);
		verify_corpus_print(&result);
	}
	count_refusal(&result);
}

/* A value of its own for a member that was not there. */
static const uint8_t some_bytes[256] = {0x17, 0x2a, 0x01};

/*
 * Make the mutation; false when it is none here.  The bytes of a changed
 * member go to `altered`.
 */
static bool
mutate(void *object, const Field *field, Mutation mutation, uint8_t *altered)
{
	uint32_t   *present = object;
	char	   *at = (char *) object + field->offset;
	const uint8_t **pointer = (const uint8_t **) (void *) at;
	EvmBytes   *bytes = (EvmBytes *) (void *) at;
	bool		there;

	if (field->kind == FIXED)
		there = *pointer != NULL;
	else if (field->kind == BYTES)
		there = bytes->data != NULL;
	else
		there = field->detail == 0 || (*present & field->detail) != 0;
	if (there != (mutation != ADD))
		return false;

	switch (field->kind)
	{
		case FIXED:
			if (mutation == CHANGE)
			{
				memcpy(altered, *pointer, field->detail);
				altered[field->detail / 2] ^= 0x10;
			}
			*pointer = mutation == CHANGE ? altered :
				mutation == ADD ? some_bytes : NULL;
			return true;
		case BYTES:
			if (mutation == LEAVE_OUT)
				bytes->data = NULL;
			else if (bytes->len == 0 || bytes->len > 4000)
			{
				bytes->data = some_bytes;
				bytes->len = 1;
			}
			else
			{
				memcpy(altered, bytes->data, bytes->len);
				altered[bytes->len / 2] ^= 0x10;
				bytes->data = altered;
			}
			return true;
		case FLAG:
			if (mutation == CHANGE)
				return false;
			*present ^= field->detail;
			return true;
		case NUMBER:
		case WIDE:
			break;
	}
	if (mutation == LEAVE_OUT)
	{
		if (field->detail == 0)
			return false;
		*present &= ~field->detail;
		if (field->kind == NUMBER)
			*(uint64_t *) (void *) at = 0;
		else
			memset(at, 0, sizeof(Uint256));
		return true;
	}
	*present |= field->detail;
	*(uint64_t *) (void *) at ^= mutation == ADD ? 5 : 1;
	return true;
}

/* Whether the mutated object, normalised, is what it was before. */
static bool
says_same(const EvmBlock *mutated, const void *object, size_t size)
{
	const char *at = object;
	ptrdiff_t	offset;

	if (object == block)
		return mutated->present == reference.present;
	if (size == sizeof(EvmTransaction))
	{
		offset = at - (const char *) block->transactions;
		return memcmp((const char *) mutated->transactions + offset,
					  (const char *) reference.transactions + offset,
					  size) == 0;
	}
	offset = at - (const char *) block->receipts;
	return memcmp((const char *) mutated->receipts + offset,
				  (const char *) reference.receipts + offset, size) == 0;
}

static void
try_mutation(void *object, size_t size, const Target *target)
{
	static uint8_t altered[4096];
	uint64_t	number = block->number;
	void	   *original = malloc(size);
	char		what[100];
	VerifyResult result;
	EvmBlock	copy;

	memcpy(original, object, size);
	snprintf(what, sizeof(what), "%s %s",
			 mutation_names[target->mutation], target->field->name);
	if (mutate(object, target->field, target->mutation, altered))
	{
		if (is_same(target) || is_unproven(target))
		{
			bool		passed = prove(&result, &copy, number) ==
			VERIFY_PASSED;

			if (!CHECK_SAY(passed, what))
				verify_corpus_print(&result);
			if (is_same(target))
			{
				CHECK_SAY(says_same(&copy, object, size), what);
				same++;
			}
			else
				unproven++;
		}
		else
			expect_refusal(what, target->field->checks, number);
	}
	memcpy(object, original, size);
	free(original);
}

static void
mutate_fields(void *object, size_t size, const Field *fields, size_t count,
			  const EvmTransaction *tx, const EvmReceipt *receipt,
			  const EvmLog *log)
{
	for (size_t i = 0; i < count; i++)
	{
		for (int mutation = CHANGE; mutation <= ADD; mutation++)
		{
			Target		target = {
				&fields[i], (Mutation) mutation, tx, receipt, log
			};

			if (!is_refused_before(&target))
				try_mutation(object, size, &target);
		}
	}
}

#define MUTATE(object, fields, tx, receipt, log) \
	mutate_fields(object, sizeof(*(object)), fields, COUNT(fields), tx, \
				  receipt, log)

#endif							/* VERIFY_MUTATE_H */
