/*-------------------------------------------------------------------------
 *
 * gentx.c
 *	  The transactions of the generated chain: what they are, what they will
 *	  do, and their signatures.
 *
 * Everything here follows from the generator's seed and the transaction's
 * index in the chain, so blocks can be made in any order and by several
 * threads, each with a GenBody of its own.
 *
 * The senders take turns: in each round of GEN_ACCOUNTS transactions every
 * account sends one, so transaction g has the nonce g / GEN_ACCOUNTS, no
 * nonce is missing, and no transaction occurs twice.
 *
 *-------------------------------------------------------------------------
 */
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <string.h>

#include "../../src/keccak.h"
#include "../../src/txn.h"
#include "gen.h"

#define GWEI			UINT64_C(1000000000)
#define MAX_BLOBS		9		/* of a block, Prague */
#define BLOB_GAS		131072

/* What a transaction is for. */
typedef enum TxKind
{
	KIND_PAYMENT,
	KIND_TOKEN,					/* one ERC-20 event */
	KIND_NFT,					/* one ERC-721 or ERC-1155 event */
	KIND_SWAP,					/* several events */
	KIND_CREATE,
	KIND_BLOB,
	KIND_SET_CODE
} TxKind;

/* Indexes of Generator.events */
enum
{
	EVENT_TRANSFER,
	EVENT_APPROVAL,
	EVENT_SYNC,
	EVENT_SWAP_V2,
	EVENT_SWAP_V3,
	EVENT_TRANSFER_SINGLE,
	EVENT_OTHER
};

/* Bytes that are there but none: not the same as absent. */
static const uint8_t no_bytes[1];

static void *
body_alloc(GenBody *body, size_t count, size_t size)
{
	void	   *ptr = arena_alloc_array(&body->arena, count, size);

	if (ptr == NULL)
		sim_fatal("out of memory");
	return memset(ptr, 0, count * size);
}

static uint8_t *
random_bytes(GenBody *body, GenRandom *random, size_t len)
{
	uint8_t    *bytes = body_alloc(body, len, 1);

	gen_bytes(random, bytes, len);
	return bytes;
}

/* Some address: often a sender, else one of a few thousand others. */
static const uint8_t *
pick_address(GenBody *body, const Generator *generator, GenRandom *random)
{
	GenRandom	other;

	if (gen_chance(random, 300))
		return generator->accounts[gen_range(random, 0, GEN_ACCOUNTS - 1)];
	other = gen_random(generator->params.seed, 7, gen_range(random, 0, 4095));
	return random_bytes(body, &other, 20);
}

/* Few tokens are popular, most are not. */
static const uint8_t *
pick_token(const Generator *generator, GenRandom *random)
{
	uint64_t	most = gen_range(random, 0, GEN_TOKENS - 1);

	return generator->tokens[gen_range(random, 0, most)];
}

static const uint8_t *
topic_of_address(GenBody *body, const uint8_t *address20)
{
	uint8_t    *topic = body_alloc(body, 32, 1);

	memcpy(topic + 12, address20, 20);
	return topic;
}

/* `count` words of small numbers, as ABI-encoded amounts look. */
static EvmBytes
amount_words(GenBody *body, GenRandom *random, size_t count)
{
	EvmBytes	data = {no_bytes, 0};
	uint8_t    *words;

	if (count == 0)
		return data;
	words = body_alloc(body, count, 32);
	for (size_t i = 0; i < count; i++)
	{
		size_t		len = gen_range(random, 4, 11);

		gen_bytes(random, words + 32 * i + 32 - len, len);
	}
	data.data = words;
	data.len = (uint32_t) (32 * count);
	return data;
}

static void
make_log(GenBody *body, const Generator *generator, GenRandom *random,
		 EvmLog *log, int event)
{
	static const uint8_t topic_counts[GEN_EVENTS] = {3, 3, 1, 3, 3, 4, 0};
	static const uint8_t word_counts[GEN_EVENTS] = {1, 1, 2, 4, 5, 2, 1};
	uint64_t	most;

	log->address = pick_token(generator, random);
	log->topic_count = topic_counts[event];
	for (uint32_t i = 1; i < log->topic_count; i++)
		log->topics[i] = topic_of_address(body,
										  pick_address(body, generator,
													   random));
	log->topics[0] = generator->events[event];
	log->data = amount_words(body, random, word_counts[event]);
	if (event == EVENT_TRANSFER && gen_chance(random, 100))
	{
		/* ERC-721: the token's id is a fourth topic, and there is no data */
		log->topic_count = 4;
		log->topics[3] = amount_words(body, random, 1).data;
		log->data = amount_words(body, random, 0);
	}
	else if (event == EVENT_OTHER)
	{
		log->topic_count = (uint32_t) gen_range(random, 0, 2);
		if (log->topic_count == 2)
			log->topics[1] = random_bytes(body, random, 32);
		most = gen_chance(random, 20) ? 6000 : 90;
		log->data.len = (uint32_t) gen_range(random, 0, most);
		log->data.data = random_bytes(body, random, log->data.len);
	}
}

static void
make_logs(GenBody *body, const Generator *generator, GenRandom *random,
		  GenPlan *plan, TxKind kind)
{
	const GenParams *params = &generator->params;

	/*
	 * Of 100 transactions some 42 have one event and 21 have many; together
	 * they make the wanted mean.
	 */
	uint64_t	single = params->txs * 42 / 100 + 1;
	uint64_t	many = params->txs * 21 / 100 + 1;
	uint64_t	mean = params->logs > single ?
	(params->logs - single + many / 2) / many : 0;

	if (kind == KIND_TOKEN || kind == KIND_NFT)
		plan->log_count = gen_range(random, 1, single) <= params->logs;
	else if (kind == KIND_SWAP)
		plan->log_count = mean > 0 ?
			(uint32_t) gen_range(random, 1, 2 * mean - 1) : 0;
	if (plan->log_count == 0)
		return;
	plan->logs = body_alloc(body, plan->log_count, sizeof(EvmLog));
	for (uint32_t i = 0; i < plan->log_count; i++)
	{
		int			event = EVENT_TRANSFER;

		if (kind == KIND_TOKEN)
			event = gen_chance(random, 150) ? EVENT_APPROVAL : EVENT_TRANSFER;
		else if (kind == KIND_NFT)
			event = gen_chance(random, 300) ? EVENT_TRANSFER_SINGLE :
				EVENT_TRANSFER;
		else if (!gen_chance(random, 550))
			event = (int) gen_range(random, EVENT_APPROVAL, EVENT_OTHER);
		make_log(body, generator, random, &plan->logs[i], event);
	}
}

static TxKind
pick_kind(GenRandom *random)
{
	uint64_t	number = gen_range(random, 0, 999);

	if (number < 310)
		return KIND_PAYMENT;
	if (number < 690)
		return KIND_TOKEN;
	if (number < 740)
		return KIND_NFT;
	if (number < 955)
		return KIND_SWAP;
	if (number < 975)
		return KIND_CREATE;
	if (number < 987)
		return KIND_BLOB;
	return KIND_SET_CODE;
}

static uint64_t
pick_type(GenRandom *random, TxKind kind)
{
	uint64_t	number = gen_range(random, 0, 99);

	if (kind == KIND_BLOB)
		return TXN_BLOB;
	if (kind == KIND_SET_CODE)
		return TXN_SET_CODE;
	return number < 22 ? TXN_LEGACY : number < 25 ? TXN_ACCESS_LIST :
		TXN_DYNAMIC_FEE;
}

static void
make_fees(EvmTransaction *tx, GenRandom *random)
{
	/* above any base fee this chain reaches, see gen.c */
	uint64_t	fee = gen_range(random, 200 * GWEI, 400 * GWEI);

	if (tx->type == TXN_LEGACY || tx->type == TXN_ACCESS_LIST)
	{
		tx->present |= EVM_TX_GAS_PRICE;
		tx->gas_price = uint256_from_u64(fee);
		return;
	}
	tx->present |= EVM_TX_MAX_FEE_PER_GAS | EVM_TX_MAX_PRIORITY_FEE_PER_GAS;
	tx->max_fee_per_gas = uint256_from_u64(fee);
	tx->max_priority_fee_per_gas =
		uint256_from_u64(gen_range(random, 0, 2 * GWEI));
}

static void
make_access_list(GenBody *body, const Generator *generator,
				 GenRandom *random, EvmTransaction *tx)
{
	bool		empty = tx->type != TXN_ACCESS_LIST && !gen_chance(random, 60);

	tx->present |= EVM_TX_ACCESS_LIST;
	if (empty)
		return;
	tx->access_count = (uint32_t) gen_range(random, 0, 3);
	tx->access_list = body_alloc(body, tx->access_count, sizeof(EvmAccess));
	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		EvmAccess  *access = &tx->access_list[i];

		access->address = pick_token(generator, random);
		access->storage_key_count = (uint32_t) gen_range(random, 0, 4);
		access->storage_keys = body_alloc(body, access->storage_key_count,
										  sizeof(uint8_t *));
		for (uint32_t k = 0; k < access->storage_key_count; k++)
			access->storage_keys[k] = random_bytes(body, random, 32);
	}
}

static void
make_blobs(GenBody *body, GenRandom *random, EvmTransaction *tx,
		   uint32_t blobs)
{
	tx->present |= EVM_TX_MAX_FEE_PER_BLOB_GAS |
		EVM_TX_BLOB_VERSIONED_HASHES;
	tx->max_fee_per_blob_gas =
		uint256_from_u64(gen_range(random, 1000 * GWEI, 2000 * GWEI));
	tx->blob_versioned_hash_count = blobs;
	tx->blob_versioned_hashes = body_alloc(body, blobs, sizeof(uint8_t *));
	for (uint32_t i = 0; i < blobs; i++)
	{
		uint8_t    *hash = random_bytes(body, random, 32);

		hash[0] = 0x01;
		tx->blob_versioned_hashes[i] = hash;
	}
}

static void
read_signature(const secp256k1_context *context, const uint8_t *hash32,
			   const uint8_t *key32, Uint256 *r, Uint256 *s, int *parity)
{
	secp256k1_ecdsa_recoverable_signature signature;
	uint8_t		compact[64];

	if (!secp256k1_ecdsa_sign_recoverable(context, &signature, hash32, key32,
										  NULL, NULL))
		sim_fatal("could not sign");
	secp256k1_ecdsa_recoverable_signature_serialize_compact(context, compact,
															parity,
															&signature);
	uint256_from_be(r, compact, 32);
	uint256_from_be(s, compact + 32, 32);
}

static void
make_authorizations(GenBody *body, const Generator *generator,
					GenRandom *random, EvmTransaction *tx,
					const secp256k1_context *context, RlpWriter *writer)
{
	tx->present |= EVM_TX_AUTHORIZATION_LIST;
	tx->authorization_count = (uint32_t) gen_range(random, 1, 3);
	tx->authorization_list = body_alloc(body, tx->authorization_count,
										sizeof(EvmAuthorization));
	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		EvmAuthorization *item = &tx->authorization_list[i];
		uint8_t		hash[32];
		int			parity;

		/* 0: good on every chain (EIP-7702) */
		if (!gen_chance(random, 200))
			item->chain_id = uint256_from_u64(generator->params.chain_id);
		item->nonce = uint256_from_u64(gen_range(random, 0, 500));
		item->address = pick_token(generator, random);
		if (txn_authorization_hash(hash, writer, item) != TXN_OK)
			sim_fatal("could not hash an authorization");
		read_signature(context, hash,
					   generator->keys[gen_range(random, 0,
												 GEN_ACCOUNTS - 1)],
					   &item->r, &item->s, &parity);
		item->y_parity = uint256_from_u64((uint64_t) parity);
	}
}

static void
sign(const Generator *generator, EvmTransaction *tx, uint64_t account,
	 bool protected, const secp256k1_context *context, RlpWriter *writer)
{
	uint64_t	v = protected ? 35 + 2 * generator->params.chain_id : 27;
	uint8_t		hash[32];
	int			parity;

	tx->v = uint256_from_u64(tx->type == TXN_LEGACY ? v : 0);
	tx->present |= EVM_TX_V | EVM_TX_R | EVM_TX_S;
	if (txn_signing_hash(hash, writer, tx) != TXN_OK)
		sim_fatal("could not hash a transaction");
	read_signature(context, hash, generator->keys[account], &tx->r, &tx->s,
				   &parity);
	if (tx->type == TXN_LEGACY)
		tx->v = uint256_from_u64(v + (uint64_t) parity);
	else
	{
		tx->present |= EVM_TX_Y_PARITY;
		tx->y_parity = uint256_from_u64((uint64_t) parity);
		tx->v = tx->y_parity;
	}
}

/* Recipient, value, input and gas, by what the transaction is for. */
static void
make_content(GenBody *body, const Generator *generator, GenRandom *random,
			 EvmTransaction *tx, GenPlan *plan, TxKind kind)
{
	size_t		words = 0;
	uint8_t    *input;

	plan->gas_fixed = kind == KIND_PAYMENT;
	plan->fails = kind != KIND_PAYMENT && gen_chance(random, 45);
	if (!plan->fails)
		make_logs(body, generator, random, plan, kind);
	tx->input.data = no_bytes;
	tx->value = uint256_from_u64(gen_range(random, 1, UINT64_C(1) << 62));
	if (kind == KIND_PAYMENT)
	{
		tx->to = pick_address(body, generator, random);
		plan->gas = 21000;
		return;
	}
	if (kind != KIND_CREATE)
		tx->to = pick_token(generator, random);
	if (!gen_chance(random, 150))
		tx->value = uint256_from_u64(0);
	if (kind == KIND_TOKEN)
		words = 2;
	else if (kind == KIND_NFT)
		words = 3;
	else if (kind == KIND_SWAP)
		words = gen_range(random, 4, 24);
	else
		words = gen_range(random, 1, 8);
	plan->gas = 40000 + 25000 * (uint64_t) plan->log_count +
		gen_range(random, 0, 30000);
	if (kind == KIND_CREATE)
	{
		tx->input.len = (uint32_t) gen_range(random, 300, 3000);
		tx->input.data = random_bytes(body, random, tx->input.len);
		plan->gas = 100000 + 150 * (uint64_t) tx->input.len;
		return;
	}
	input = body_alloc(body, 4 + 32 * words, 1);
	gen_bytes(random, input, 4);
	memcpy(input + 4, amount_words(body, random, words).data, 32 * words);
	tx->input.data = input;
	tx->input.len = (uint32_t) (4 + 32 * words);
}

/*
 * Makes transaction `index` of the chain.  `salt` gives another content,
 * `blobs` is how many blobs the block has room for.
 */
static void
make_tx(GenBody *body, const Generator *generator, EvmTransaction *tx,
		GenPlan *plan, uint64_t index, uint64_t salt, uint32_t blobs,
		const secp256k1_context *context, RlpWriter *writer)
{
	GenRandom	random = gen_random(generator->params.seed, 100 + salt, index);
	uint64_t	round = index / GEN_ACCOUNTS;
	uint64_t	account = (index * 77 + round * 13) % GEN_ACCOUNTS;
	TxKind		kind = pick_kind(&random);
	uint32_t	wanted = (uint32_t) gen_range(&random, 1, 4);
	bool		protected = true;

	if (kind == KIND_BLOB && wanted > blobs)
		kind = KIND_TOKEN;
	tx->type = pick_type(&random, kind);
	tx->present = EVM_TX_TYPE | EVM_TX_NONCE | EVM_TX_GAS | EVM_TX_VALUE |
		EVM_TX_TRANSACTION_INDEX | EVM_TX_BLOCK_NUMBER;
	tx->nonce = round;
	tx->from = generator->accounts[account];
	make_content(body, generator, &random, tx, plan, kind);
	make_fees(tx, &random);
	if (tx->type == TXN_LEGACY)
		protected = !gen_chance(&random, 50);
	else
		make_access_list(body, generator, &random, tx);
	if (protected)
	{
		tx->present |= EVM_TX_CHAIN_ID;
		tx->chain_id = uint256_from_u64(generator->params.chain_id);
	}
	if (kind == KIND_BLOB)
		make_blobs(body, &random, tx, wanted);
	if (kind == KIND_SET_CODE)
	{
		make_authorizations(body, generator, &random, tx, context, writer);
		plan->gas += 25000 * (uint64_t) tx->authorization_count;
	}
	tx->gas = plan->gas_fixed ? plan->gas : plan->gas + plan->gas / 2;
	sign(generator, tx, account, protected, context, writer);
}

/* The index each transaction of the block has in the chain's sequence. */
static void
order_transactions(GenBody *body, const Generator *generator, uint64_t *order)
{
	GenRandom	random = gen_random(generator->params.seed,
									1000 + body->branch, body->number);

	for (uint32_t i = 0; i < body->count; i++)
		order[i] = body->first_tx + i;
	if (body->branch == 0)
		return;
	for (uint32_t i = 0; i + 1 < body->count; i += 2)
	{
		/* not across two rounds: a sender's nonces must stay in order */
		if (order[i] / GEN_ACCOUNTS != order[i + 1] / GEN_ACCOUNTS ||
			!gen_chance(&random, 500))
			continue;
		order[i]++;
		order[i + 1]--;
	}
}

void
gen_body(GenBody *body, const Generator *generator)
{
	secp256k1_context *context;
	RlpWriter	writer;
	uint64_t   *order;
	uint32_t	blobs;

	arena_reset(&body->arena);
	rlp_writer_init(&writer, &body->arena);
	context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	if (context == NULL)
		sim_fatal("out of memory");
	body->count = (uint32_t) gen_tx_count(generator, body->number,
										  body->branch);
	body->txs = body_alloc(body, body->count, sizeof(EvmTransaction));
	body->plans = body_alloc(body, body->count, sizeof(GenPlan));
	body->encoded = body_alloc(body, body->count, sizeof(EvmBytes));
	order = body_alloc(body, body->count, sizeof(uint64_t));
	order_transactions(body, generator, order);
	/* a little below the target of 6 in the mean */
	blobs = (uint32_t) (3 + body->number % 7);
	if (blobs > MAX_BLOBS)
		blobs = MAX_BLOBS;
	for (uint32_t i = 0; i < body->count; i++)
	{
		EvmTransaction *tx = &body->txs[i];
		uint64_t	salt = 0;
		uint8_t    *hash = body_alloc(body, 32, 1);

		/* on a branch every fourth transaction is another one */
		if (body->branch > 0 && (order[i] + body->branch) % 4 == 0)
			salt = body->branch;
		make_tx(body, generator, tx, &body->plans[i], order[i], salt, blobs,
				context, &writer);
		blobs -= tx->blob_versioned_hash_count;
		if (txn_encode(&body->encoded[i], &writer, tx) != TXN_OK)
			sim_fatal("could not encode a transaction");
		keccak256(hash, body->encoded[i].data, body->encoded[i].len);
		tx->hash = hash;
		tx->transaction_index = i;
		tx->block_number = body->number;
	}
	secp256k1_context_destroy(context);
}
