/*-------------------------------------------------------------------------
 *
 * verify_price.c
 *	  Proof of prices: effectiveGasPrice, gasPrice, blob gas.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "txn_arbitrum.h"
#include "verify_internal.h"

#define BLOB_GAS	131072		/* of one blob, EIP-4844 */

/* Fractions that one block may have to be tried with. */
#define CANDIDATES_MAX	4

/* On a chain whose schedule is not known: EIP-4844, EIP-7691, EIP-7892. */
static const uint64_t known_fractions[CANDIDATES_MAX] = {
	3338477, 5007716, 8346193, 11684671
};

typedef unsigned __int128 uint128;

/* A sum or product on the way to a blob base fee, least word first. */
#define WIDE_WORDS	8

typedef struct Wide
{
	uint64_t	word[WIDE_WORDS];
} Wide;

static void
wide_multiply(Wide *value, uint64_t factor)
{
	uint128		carry = 0;

	for (int i = 0; i < WIDE_WORDS; i++)
	{
		carry += (uint128) value->word[i] * factor;
		value->word[i] = (uint64_t) carry;
		carry >>= 64;
	}
}

static void
wide_divide(Wide *value, uint64_t divisor)
{
	uint128		rest = 0;

	for (int i = WIDE_WORDS - 1; i >= 0; i--)
	{
		rest = rest << 64 | value->word[i];
		value->word[i] = (uint64_t) (rest / divisor);
		rest %= divisor;
	}
}

static void
wide_add(Wide *value, const Wide *other)
{
	uint128		carry = 0;

	for (int i = 0; i < WIDE_WORDS; i++)
	{
		carry += (uint128) value->word[i] + other->word[i];
		value->word[i] = (uint64_t) carry;
		carry >>= 64;
	}
}

static bool
wide_above(const Wide *value, int words)
{
	uint64_t	any = 0;

	for (int i = words; i < WIDE_WORDS; i++)
		any |= value->word[i];
	return any != 0;
}

/*
 * fraction * e^(excess / fraction) as a sum of the terms of its series, each
 * rounded down, divided by the fraction.  e^178 has more than 256 bits, so
 * an exponent above that is refused; below it a term has at most 64 bits
 * more than that, a product 128, and some 500 terms are not zero.
 */
bool
verify_blob_base_fee(Uint256 *out, uint64_t excess, uint64_t fraction)
{
	Wide		sum = {{0}};
	Wide		term = {{fraction}};

	if (fraction == 0 || excess / fraction >= 178)
		return false;
	for (uint64_t i = 1; wide_above(&term, 0); i++)
	{
		wide_add(&sum, &term);
		wide_multiply(&term, excess);
		/* in two steps, which together round like one */
		wide_divide(&term, fraction);
		wide_divide(&term, i);
	}
	wide_divide(&sum, fraction);
	if (wide_above(&sum, 4))
		return false;
	memcpy(out->word, sum.word, sizeof(out->word));
	return true;
}

static int
compare(const Uint256 *a, const Uint256 *b)
{
	for (int i = 3; i >= 0; i--)
	{
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	}
	return 0;
}

/* The smaller of the cap and base fee + tip (EIP-1559). */
static Uint256
capped_price(const EvmTransaction *tx, const Uint256 *base_fee)
{
	Uint256		sum;
	uint128		carry = 0;

	for (int i = 0; i < 4; i++)
	{
		carry += (uint128) base_fee->word[i] +
			tx->max_priority_fee_per_gas.word[i];
		sum.word[i] = (uint64_t) carry;
		carry >>= 64;
	}
	if (carry != 0 || compare(&sum, &tx->max_fee_per_gas) > 0)
		return tx->max_fee_per_gas;
	return sum;
}

/* Types whose gas price follows from caps. */
static bool
has_caps(const EvmTransaction *tx)
{
	return tx->type >= TXN_DYNAMIC_FEE && tx->type <= TXN_SET_CODE;
}

/*
 * What a transaction of Ethereum's types pays for gas; false when a member
 * that says so is missing.
 */
static bool
ethereum_price(Uint256 *price, const EvmBlock *block,
			   const EvmTransaction *tx)
{
	const uint32_t caps = EVM_TX_MAX_FEE_PER_GAS |
	EVM_TX_MAX_PRIORITY_FEE_PER_GAS;

	if (!has_caps(tx))
	{
		*price = tx->gas_price;
		return (tx->present & EVM_TX_GAS_PRICE) != 0;
	}
	if ((tx->present & caps) != caps ||
		(block->present & EVM_BLOCK_BASE_FEE_PER_GAS) == 0)
		return false;
	*price = capped_price(tx, &block->base_fee_per_gas);
	return true;
}

/*
 * Whether an Arbitrum block's sender pays tips: bit 0 of the 26th byte of
 * mixHash says so, and ArbOS 9, whose version is in the three words' last,
 * always did (Nitro's header information).
 */
static bool
arbitrum_collects_tips(const EvmBlock *block)
{
	const uint8_t *mix = block->mix_hash;
	uint64_t	version = 0;

	if (mix == NULL)
		return false;
	for (int i = 16; i < 24; i++)
		version = version << 8 | mix[i];
	return version == 9 || (mix[25] & 1) != 0;
}

/* Prices that are right; Arbitrum's nodes differ in what they show. */
typedef struct Prices
{
	Uint256		price[4];
	int			count;
} Prices;

static void
add_price(Prices *prices, Uint256 price)
{
	prices->price[prices->count++] = price;
}

static bool
is_one_of(const Prices *prices, const Uint256 *price)
{
	for (int i = 0; i < prices->count; i++)
	{
		if (compare(&prices->price[i], price) == 0)
			return true;
	}
	return false;
}

/* The prices of a receipt, and of a transaction's derived gasPrice. */
static void
right_prices(Prices *receipt, Prices *derived, VerifyRun *run,
			 const EvmTransaction *tx)
{
	const EvmBlock *block = run->block;
	bool		is_free = tx->type == TXN_ARB_DEPOSIT ||
	tx->type == TXN_ARB_INTERNAL || tx->type == TXN_OP_DEPOSIT;
	Uint256		price;

	receipt->count = 0;
	derived->count = 0;
	if (is_free)
	{
		add_price(receipt, uint256_from_u64(0));
		add_price(derived, uint256_from_u64(0));
	}
	else if (!verify_is_arbitrum_type(tx->type) &&
			 ethereum_price(&price, block, tx))
	{
		if (run->rules->family != VERIFY_ARBITRUM ||
			arbitrum_collects_tips(block))
			add_price(receipt, price);
		add_price(derived, price);
	}
	if (run->rules->family != VERIFY_ARBITRUM)
		return;

	/* without tips everybody pays the base fee, and ArbOS is shown so too */
	if (block->present & EVM_BLOCK_BASE_FEE_PER_GAS)
	{
		add_price(receipt, block->base_fee_per_gas);
		if (!is_free)
			add_price(derived, block->base_fee_per_gas);
	}
	if (verify_is_arbitrum_type(tx->type) && !is_free &&
		(tx->present & EVM_TX_MAX_FEE_PER_GAS))
		add_price(derived, tx->max_fee_per_gas);
}

static void
check_price(VerifyRun *run, uint32_t index)
{
	const EvmTransaction *tx = &run->block->transactions[index];
	const EvmReceipt *receipt = &run->block->receipts[index];
	Prices		right;
	Prices		derived;

	right_prices(&right, &derived, run, tx);
	if (right.count == 0)
	{
		verify_fail(run, VERIFY_EFFECTIVE_GAS_PRICE,
					"transaction %u or the header lacks what its gas price "
					"follows from", index);
		return;
	}
	if ((receipt->present & EVM_RECEIPT_EFFECTIVE_GAS_PRICE) == 0)
		verify_lack(run, VERIFY_EFFECTIVE_GAS_PRICE,
					"effectiveGasPrice of receipt %u is missing", index);
	else if (!is_one_of(&right, &receipt->effective_gas_price))
		verify_fail_number(run, VERIFY_EFFECTIVE_GAS_PRICE, &right.price[0],
						   &receipt->effective_gas_price,
						   "effectiveGasPrice of receipt %u", index);

	/* type 0 and 1 hash it */
	if (tx->type <= TXN_ACCESS_LIST || derived.count == 0)
		return;
	if ((tx->present & EVM_TX_GAS_PRICE) == 0)
	{
		if (tx->type != TXN_OP_DEPOSIT)
			verify_lack(run, VERIFY_EFFECTIVE_GAS_PRICE,
						"gasPrice of transaction %u is missing", index);
	}
	else if (!is_one_of(&derived, &tx->gas_price))
		verify_fail_number(run, VERIFY_EFFECTIVE_GAS_PRICE,
						   &derived.price[0], &tx->gas_price,
						   "gasPrice of transaction %u", index);
}

/* The blob base fees that the block may have, and how many. */
typedef struct BlobFees
{
	Uint256		fee[CANDIDATES_MAX];
	int			count;
	uint32_t	possible;		/* those that no receipt has contradicted */
} BlobFees;

static void
add_blob_fee(BlobFees *fees, const EvmBlock *block, uint64_t fraction)
{
	if (verify_blob_base_fee(&fees->fee[fees->count], block->excess_blob_gas,
							 fraction))
	{
		fees->possible |= 1u << fees->count;
		fees->count++;
	}
}

static void
make_blob_fees(BlobFees *fees, VerifyRun *run)
{
	const VerifyRules *rules = run->rules;
	const EvmBlock *block = run->block;
	const VerifyBlobFraction *current = NULL;

	memset(fees, 0, sizeof(*fees));
	if ((block->present & EVM_BLOCK_EXCESS_BLOB_GAS) == 0)
		return;
	if (rules->blob_schedule_count == 0)
	{
		for (int i = 0; i < CANDIDATES_MAX; i++)
			add_blob_fee(fees, block, known_fractions[i]);
		return;
	}
	for (uint32_t i = 0; i < rules->blob_schedule_count; i++)
	{
		if (rules->blob_schedule[i].from_time <= block->timestamp)
			current = &rules->blob_schedule[i];
	}
	if (current != NULL)
		add_blob_fee(fees, block, current->fraction);
}

static void
check_blob_price(VerifyRun *run, BlobFees *fees, uint32_t index)
{
	const EvmReceipt *receipt = &run->block->receipts[index];
	uint32_t	matches = 0;

	if ((receipt->present & EVM_RECEIPT_BLOB_GAS_PRICE) == 0)
	{
		verify_lack(run, VERIFY_BLOB_GAS,
					"blobGasPrice of receipt %u is missing", index);
		return;
	}
	for (int i = 0; i < fees->count; i++)
	{
		if (compare(&fees->fee[i], &receipt->blob_gas_price) == 0)
			matches |= 1u << i;
	}
	fees->possible &= matches;
	if (fees->possible == 0 && fees->count == 0)
		verify_fail(run, VERIFY_BLOB_GAS,
					"blobGasPrice of receipt %u: the header's excessBlobGas "
					"gives no price", index);
	else if (fees->possible == 0)
		verify_fail_number(run, VERIFY_BLOB_GAS, &fees->fee[0],
						   &receipt->blob_gas_price,
						   "blobGasPrice of receipt %u", index);
}

static void
check_blob_gas(VerifyRun *run, BlobFees *fees, uint32_t index)
{
	const EvmTransaction *tx = &run->block->transactions[index];
	const EvmReceipt *receipt = &run->block->receipts[index];
	uint64_t	gas = (uint64_t) BLOB_GAS * tx->blob_versioned_hash_count;

	if (tx->type != TXN_BLOB)
	{
		if (receipt->present & (EVM_RECEIPT_BLOB_GAS_USED |
								EVM_RECEIPT_BLOB_GAS_PRICE))
			verify_fail(run, VERIFY_BLOB_GAS,
						"receipt %u has blob gas, its transaction no blobs",
						index);
		return;
	}
	if ((receipt->present & EVM_RECEIPT_BLOB_GAS_USED) == 0)
		verify_lack(run, VERIFY_BLOB_GAS,
					"blobGasUsed of receipt %u is missing", index);
	else if (receipt->blob_gas_used != gas)
		verify_fail_u64(run, VERIFY_BLOB_GAS, gas, receipt->blob_gas_used,
						"blobGasUsed of receipt %u", index);
	check_blob_price(run, fees, index);
}

void
verify_prices(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	BlobFees	fees = {{{{0}}}, 0, 0};
	bool		have_fees = false;

	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		uint64_t	type = block->transactions[i].type;

		if (verify_wants_of(run, VERIFY_EFFECTIVE_GAS_PRICE, type))
			check_price(run, i);
		if (!verify_wants_of(run, VERIFY_BLOB_GAS, type))
			continue;
		if (type == TXN_BLOB && !have_fees)
		{
			make_blob_fees(&fees, run);
			have_fees = true;
		}
		check_blob_gas(run, &fees, i);
	}
}
