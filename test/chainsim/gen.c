/*-------------------------------------------------------------------------
 *
 * gen.c
 *	  The generated chain: its accounts, receipts and headers.
 *
 * A block is made in two steps.  gentx.c makes and signs its transactions,
 * which needs nothing but their indexes; gen_finish() then decides how much
 * gas they used and builds receipts, roots and header on top of the parent.
 * The second step is cheap and goes along the chain.
 *
 * The chain is one of Prague from its genesis on: base fee by EIP-1559, blob
 * gas by EIP-4844 with the target and fraction of EIP-7691.  Gas used leans
 * against the base fee, which therefore stays near INITIAL_BASE_FEE when
 * blocks can be full enough, and sinks to its minimum when they cannot.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/header.h"
#include "../../src/keccak.h"
#include "../../src/trie.h"
#include "../../src/txn.h"
#include "gen.h"

#define GWEI				UINT64_C(1000000000)
#define GENESIS_TIME		UINT64_C(1746612311)
#define SLOT_SECONDS		12
#define INITIAL_BASE_FEE	(8 * GWEI)
#define INITIAL_EXCESS		UINT64_C(83886080)
#define BLOB_GAS			131072
#define BLOB_TARGET			(6 * BLOB_GAS)
#define BLOB_FRACTION		5007716

static const uint8_t empty_uncles[32] = {
	0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a,
	0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a,
	0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13,
	0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47
};

/* sha256(""): a block without requests (EIP-7685) */
static const uint8_t empty_requests[32] = {
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
	0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
	0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55
};

static const char *const event_signatures[GEN_EVENTS] = {
	"Transfer(address,address,uint256)",
	"Approval(address,address,uint256)",
	"Sync(uint112,uint112)",
	"Swap(address,uint256,uint256,uint256,uint256,address)",
	"Swap(address,address,int256,int256,uint160,uint128,int24)",
	"TransferSingle(address,address,address,uint256,uint256)",
	"Executed(uint256)",
};

uint64_t
gen_next(GenRandom *random)
{
	uint64_t	z = (random->state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

GenRandom
gen_random(uint64_t seed, uint64_t purpose, uint64_t index)
{
	GenRandom	random = {seed};

	random.state = gen_next(&random) ^ purpose;
	random.state = gen_next(&random) ^ index;
	random.state = gen_next(&random);
	return random;
}

uint64_t
gen_range(GenRandom *random, uint64_t low, uint64_t high)
{
	unsigned	__int128 product = gen_next(random);

	product *= high - low + 1;
	return low + (uint64_t) (product >> 64);
}

bool
gen_chance(GenRandom *random, unsigned permille)
{
	return gen_range(random, 0, 999) < permille;
}

void
gen_bytes(GenRandom *random, uint8_t *out, size_t len)
{
	while (len > 0)
	{
		uint64_t	word = gen_next(random);
		size_t		take = len < sizeof(word) ? len : sizeof(word);

		memcpy(out, &word, take);
		out += take;
		len -= take;
	}
}

static void
make_account(Generator *generator, const secp256k1_context *context, int i)
{
	GenRandom	random = gen_random(generator->params.seed, 1, (uint64_t) i);
	secp256k1_pubkey key;
	uint8_t		serialized[65];
	size_t		len = sizeof(serialized);

	do
		gen_bytes(&random, generator->keys[i], 32);
	while (!secp256k1_ec_pubkey_create(context, &key, generator->keys[i]));
	secp256k1_ec_pubkey_serialize(context, serialized, &len, &key,
								  SECP256K1_EC_UNCOMPRESSED);
	txn_address_of_key(generator->accounts[i], serialized + 1);
}

Generator *
gen_create(const GenParams *params)
{
	Generator  *generator = sim_alloc(sizeof(Generator));
	secp256k1_context *context;

	generator->params = *params;
	generator->gas_limit = params->txs * 110000 + params->logs * 50000;
	if (generator->gas_limit < 5000000)
		generator->gas_limit = 5000000;
	context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	if (context == NULL)
		sim_fatal("out of memory");
	for (int i = 0; i < GEN_ACCOUNTS; i++)
		make_account(generator, context, i);
	secp256k1_context_destroy(context);
	for (int i = 0; i < GEN_TOKENS; i++)
	{
		GenRandom	random = gen_random(params->seed, 2, (uint64_t) i);

		gen_bytes(&random, generator->tokens[i], 20);
	}
	for (int i = 0; i < GEN_EVENTS; i++)
		keccak256(generator->events[i],
				  (const uint8_t *) event_signatures[i],
				  strlen(event_signatures[i]));
	return generator;
}

uint64_t
gen_tx_count(const Generator *generator, uint64_t number, uint64_t branch)
{
	GenRandom	random = gen_random(generator->params.seed, 10 + branch,
									number);
	uint64_t	mean = generator->params.txs;

	/* the genesis block has none, and some others have none either */
	if (number == 0 || (number % 64 == 13))
		return 0;
	return mean - mean / 2 + gen_range(&random, 0, mean / 2 * 2);
}

/* EIP-1559, with an elasticity of 2 and at most an eighth of change. */
static uint64_t
next_base_fee(const Generator *generator, const GenParent *parent)
{
	uint64_t	target = generator->gas_limit / 2;
	unsigned	__int128 delta = parent->base_fee;

	if (parent->gas_used > target)
	{
		delta = delta * (parent->gas_used - target) / target / 8;
		return parent->base_fee + (delta > 0 ? (uint64_t) delta : 1);
	}
	delta = delta * (target - parent->gas_used) / target / 8;
	return parent->base_fee - (uint64_t) delta;
}

static uint64_t
next_excess_blob_gas(const GenParent *parent)
{
	uint64_t	sum = parent->excess_blob_gas + parent->blob_gas_used;

	return sum > BLOB_TARGET ? sum - BLOB_TARGET : 0;
}

/* EIP-4844's fake_exponential(1, excess, BLOB_FRACTION). */
static uint64_t
blob_gas_price(uint64_t excess)
{
	unsigned	__int128 term = BLOB_FRACTION;
	unsigned	__int128 sum = 0;

	for (uint64_t i = 1; term > 0; i++)
	{
		sum += term;
		term = term * excess / (BLOB_FRACTION * (unsigned __int128) i);
	}
	return (uint64_t) (sum / BLOB_FRACTION);
}

/* Per mille of the planned gas that this block's contract calls use. */
static uint64_t
gas_factor(const Generator *generator, const GenBody *body,
		   const EvmBlock *block, GenRandom *random)
{
	uint64_t	fixed = 0;
	uint64_t	variable = 0;
	uint64_t	base_fee = block->base_fee_per_gas.word[0];
	uint64_t	target = generator->gas_limit / 2;
	uint64_t	factor;
	uint64_t	most;

	for (uint32_t i = 0; i < body->count; i++)
	{
		if (body->plans[i].gas_fixed)
			fixed += body->plans[i].gas;
		else
			variable += body->plans[i].gas;
	}
	if (variable == 0)
		return 1000;
	if (fixed > generator->gas_limit)
		sim_fatal("block %llu does not fit its gas limit",
				  (unsigned long long) block->number);
	if (base_fee > 3 * INITIAL_BASE_FEE / 2)
		target -= target / 4;
	else if (base_fee < 2 * INITIAL_BASE_FEE / 3)
		target += target / 4;
	target = target - target / 5 + gen_range(random, 0, 2 * (target / 5));
	factor = target > fixed ? (target - fixed) * 1000 / variable : 0;
	/* plausible, not above the gas the transactions carry or the block has */
	factor = factor < 600 ? 600 : factor > 1450 ? 1450 : factor;
	most = (generator->gas_limit - fixed) * 1000 / variable;
	return factor < most ? factor : most;
}

/* What is still unknown of a transaction until it is mined. */
static void
mine_transaction(EvmTransaction *tx, EvmReceipt *receipt,
				 const EvmBlock *block)
{
	uint64_t	base_fee = block->base_fee_per_gas.word[0];
	uint64_t	price;

	tx->block_hash = block->hash;
	if (tx->present & EVM_TX_MAX_FEE_PER_GAS)
	{
		price = base_fee + tx->max_priority_fee_per_gas.word[0];
		if (price > tx->max_fee_per_gas.word[0])
			price = tx->max_fee_per_gas.word[0];
		tx->gas_price = uint256_from_u64(price);
		tx->present |= EVM_TX_GAS_PRICE;
	}
	receipt->effective_gas_price = tx->gas_price;
	if (tx->type == TXN_BLOB)
	{
		receipt->present |= EVM_RECEIPT_BLOB_GAS_USED |
			EVM_RECEIPT_BLOB_GAS_PRICE;
		receipt->blob_gas_used = BLOB_GAS *
			(uint64_t) tx->blob_versioned_hash_count;
		receipt->blob_gas_price =
			uint256_from_u64(blob_gas_price(block->excess_blob_gas));
	}
}

/* A log's members that say where it is. */
static void
place_logs(EvmReceipt *receipt, uint64_t *log_index)
{
	for (uint32_t i = 0; i < receipt->log_count; i++)
	{
		EvmLog	   *log = &receipt->logs[i];

		log->present = EVM_LOG_LOG_INDEX | EVM_LOG_TRANSACTION_INDEX |
			EVM_LOG_BLOCK_NUMBER;
		log->log_index = (*log_index)++;
		log->transaction_index = receipt->transaction_index;
		log->block_number = receipt->block_number;
		log->transaction_hash = receipt->transaction_hash;
		log->block_hash = receipt->block_hash;
	}
}

static void *
alloc_or_die(Arena *arena, size_t count, size_t size)
{
	void	   *ptr = arena_alloc_array(arena, count, size);

	if (ptr == NULL)
		sim_fatal("out of memory");
	return memset(ptr, 0, count * size);
}

static void
make_receipt(EvmReceipt *receipt, const EvmBlock *block, EvmTransaction *tx,
			 const GenPlan *plan, uint64_t factor, Arena *arena)
{
	receipt->present = EVM_RECEIPT_TRANSACTION_INDEX |
		EVM_RECEIPT_BLOCK_NUMBER | EVM_RECEIPT_STATUS |
		EVM_RECEIPT_GAS_USED | EVM_RECEIPT_CUMULATIVE_GAS_USED |
		EVM_RECEIPT_TYPE | EVM_RECEIPT_EFFECTIVE_GAS_PRICE;
	receipt->transaction_index = tx->transaction_index;
	receipt->block_number = block->number;
	receipt->status = !plan->fails;
	receipt->gas_used = plan->gas_fixed ? plan->gas :
		plan->gas * factor / 1000;
	receipt->type = tx->type;
	receipt->transaction_hash = tx->hash;
	receipt->block_hash = block->hash;
	receipt->from = tx->from;
	receipt->to = tx->to;
	receipt->logs = plan->logs;
	receipt->log_count = plan->log_count;
	if (tx->to == NULL)
	{
		uint8_t    *address = alloc_or_die(arena, 20, 1);

		txn_contract_address(address, tx->from, tx->nonce);
		receipt->contract_address = address;
	}
	mine_transaction(tx, receipt, block);
}

/* The receipts, and what the header says of them. */
static void
make_receipts(EvmBlock *block, const Generator *generator, GenBody *body,
			  RlpWriter *writer, BloomMemo *memo, uint8_t *root32,
			  uint8_t *bloom256)
{
	GenRandom	random = gen_random(generator->params.seed, 3, block->number);
	uint64_t	factor = gas_factor(generator, body, block, &random);
	EvmBytes   *encoded = alloc_or_die(&body->arena, body->count,
									   sizeof(EvmBytes));
	uint64_t	log_index = 0;

	block->receipt_count = body->count;
	block->receipts = alloc_or_die(&body->arena, body->count,
								   sizeof(EvmReceipt));
	for (uint32_t i = 0; i < body->count; i++)
	{
		EvmReceipt *receipt = &block->receipts[i];
		uint8_t    *bloom = alloc_or_die(&body->arena, 1, BLOOM_SIZE);

		make_receipt(receipt, block, &body->txs[i], &body->plans[i], factor,
					 &body->arena);
		block->gas_used += receipt->gas_used;
		block->blob_gas_used += receipt->blob_gas_used;
		receipt->cumulative_gas_used = block->gas_used;
		place_logs(receipt, &log_index);
		if (receipt_bloom(bloom, memo, receipt->logs,
						  receipt->log_count) != RECEIPT_OK)
			sim_fatal("could not make a bloom");
		receipt->logs_bloom = bloom;
		bloom_merge(bloom256, bloom);
		if (receipt_encode(&encoded[i], writer, receipt, NULL) != RECEIPT_OK)
			sim_fatal("could not encode a receipt");
	}
	if (!trie_ordered_root(root32, encoded, body->count))
		sim_fatal("could not make the receipts' root");
}

/* Withdrawals, their root, and their share of the block's size. */
static size_t
make_withdrawals(EvmBlock *block, const Generator *generator, GenBody *body,
				 RlpWriter *writer, uint8_t *root32)
{
	uint32_t	count = block->number == 0 ? 0 :
	(uint32_t) generator->params.withdrawals;
	GenRandom	random = gen_random(generator->params.seed,
									20 + body->branch, block->number);
	EvmBytes   *encoded = alloc_or_die(&body->arena, count, sizeof(EvmBytes));
	size_t		size = 0;

	block->withdrawal_count = count;
	block->withdrawals = alloc_or_die(&body->arena, count,
									  sizeof(EvmWithdrawal));
	for (uint32_t i = 0; i < count; i++)
	{
		EvmWithdrawal *withdrawal = &block->withdrawals[i];

		withdrawal->index = (block->number - 1) * count + i;
		withdrawal->validator_index = gen_range(&random, 0, 1000000);
		withdrawal->amount = gen_chance(&random, 20) ? 32 * GWEI :
			gen_range(&random, 1, 20000000);
		withdrawal->address =
			generator->accounts[gen_range(&random, 0, GEN_ACCOUNTS - 1)];
		if (!withdrawal_encode(&encoded[i], writer, withdrawal))
			sim_fatal("could not encode a withdrawal");
		size += encoded[i].len;
	}
	if (!trie_ordered_root(root32, encoded, count))
		sim_fatal("could not make the withdrawals' root");
	return rlp_header_len(size) + size;
}

/* Length of the list of transactions in the block's RLP. */
static size_t
transactions_size(const GenBody *body)
{
	size_t		size = 0;

	for (uint32_t i = 0; i < body->count; i++)
	{
		size_t		len = body->encoded[i].len;

		/* a typed envelope is a string there, a legacy one a list already */
		size += len + (body->txs[i].type != TXN_LEGACY ?
					   rlp_header_len(len) : 0);
	}
	return rlp_header_len(size) + size;
}

/* The header's members that follow from nothing else. */
static void
make_free_members(EvmBlock *block, const Generator *generator, GenBody *body)
{
	GenRandom	random = gen_random(generator->params.seed,
									30 + body->branch, block->number);
	uint8_t    *bytes = alloc_or_die(&body->arena, 3, 32);
	GenRandom	miner = gen_random(generator->params.seed, 4,
								   gen_range(&random, 0, 15));
	uint8_t    *address = alloc_or_die(&body->arena, 20, 1);

	gen_bytes(&random, bytes, 96);
	gen_bytes(&miner, address, 20);
	block->state_root = bytes;
	block->mix_hash = bytes + 32;
	block->parent_beacon_block_root = bytes + 64;
	block->miner = address;
	block->nonce = alloc_or_die(&body->arena, 8, 1);
	block->sha3_uncles = empty_uncles;
	block->requests_hash = empty_requests;
	block->extra_data.data = (const uint8_t *) "chainsim";
	block->extra_data.len = 8;
	block->gas_limit = generator->gas_limit;
	block->present = EVM_BLOCK_NUMBER | EVM_BLOCK_SIZE |
		EVM_BLOCK_GAS_LIMIT | EVM_BLOCK_GAS_USED | EVM_BLOCK_TIMESTAMP |
		EVM_BLOCK_DIFFICULTY | EVM_BLOCK_BASE_FEE_PER_GAS |
		EVM_BLOCK_BLOB_GAS_USED | EVM_BLOCK_EXCESS_BLOB_GAS |
		EVM_BLOCK_TRANSACTIONS | EVM_BLOCK_WITHDRAWALS | EVM_BLOCK_UNCLES;
}

static void
make_inherited_members(EvmBlock *block, const Generator *generator,
					   const GenParent *parent, GenBody *body)
{
	block->number = body->number;
	if (parent == NULL)
	{
		block->parent_hash = alloc_or_die(&body->arena, 32, 1);
		block->timestamp = GENESIS_TIME;
		block->base_fee_per_gas = uint256_from_u64(INITIAL_BASE_FEE);
		block->excess_blob_gas = INITIAL_EXCESS;
		return;
	}
	block->parent_hash = parent->hash;
	block->timestamp = parent->timestamp + SLOT_SECONDS;
	/* a slot is missed now and then */
	if (parent->number % 97 == 41)
		block->timestamp += SLOT_SECONDS;
	block->base_fee_per_gas = uint256_from_u64(next_base_fee(generator,
															 parent));
	block->excess_blob_gas = next_excess_blob_gas(parent);
}

static void
fill_out(GenBlock *out, const EvmBlock *block, const GenBody *body)
{
	GenParent  *head = &out->head;

	memcpy(out->parent_hash, block->parent_hash, 32);
	head->number = block->number;
	head->timestamp = block->timestamp;
	head->gas_used = block->gas_used;
	head->base_fee = block->base_fee_per_gas.word[0];
	head->blob_gas_used = block->blob_gas_used;
	head->excess_blob_gas = block->excess_blob_gas;
	head->next_tx = body->first_tx + body->count;
	memcpy(head->hash, block->hash, 32);
	out->json.len = 0;
	out->receipts.len = 0;
	gen_json_block(&out->json, block);
	gen_json_receipts(out, block);
}

void
gen_finish(GenBlock *out, const Generator *generator,
		   const GenParent *parent, GenBody *body, BloomMemo *memo)
{
	EvmBlock	block = {0};
	RlpWriter	writer;
	EvmBytes	header;
	const char *reason;
	uint8_t    *roots = alloc_or_die(&body->arena, 4, 32);
	uint8_t    *bloom = alloc_or_die(&body->arena, 1, BLOOM_SIZE);
	size_t		size;

	rlp_writer_init(&writer, &body->arena);
	block.hash = roots + 96;
	make_inherited_members(&block, generator, parent, body);
	make_free_members(&block, generator, body);
	block.transactions = body->txs;
	block.transaction_count = body->count;
	make_receipts(&block, generator, body, &writer, memo, roots, bloom);
	size = make_withdrawals(&block, generator, body, &writer, roots + 32);
	if (!trie_ordered_root(roots + 64, body->encoded, body->count))
		sim_fatal("could not make the transactions' root");
	block.receipts_root = roots;
	block.withdrawals_root = roots + 32;
	block.transactions_root = roots + 64;
	block.logs_bloom = bloom;
	if (!header_encode(&header, &reason, &writer, &block))
		sim_fatal("could not encode a header: %s", reason);
	keccak256(roots + 96, header.data, header.len);
	/* an empty list of uncles is one byte */
	size += header.len + transactions_size(body) + 1;
	block.size = rlp_header_len(size) + size;
	fill_out(out, &block, body);
}
