/*-------------------------------------------------------------------------
 *
 * test_txn.c
 *	  Transactions' hashes, roots and senders: recorded blocks, the vectors
 *	  of ethereum/tests, ethers, Wycheproof and go-ethereum.
 *
 *-------------------------------------------------------------------------
 */
#include <secp256k1.h>

#include "corpus.h"
#include "header.h"
#include "keccak.h"
#include "trie.h"
#include "txn.h"
#include "txn_decode.h"

static Arena scratch;
static RlpWriter writer;
static secp256k1_context *signing;
static unsigned long types_seen[256];
static unsigned long senders_seen;
static unsigned long creations_seen;
static unsigned long authorizations_seen;
static unsigned long official_senders;
static unsigned long official_refusals;

static bool
same(const uint8_t *a, const uint8_t *b, size_t len)
{
	return b != NULL && memcmp(a, b, len) == 0;
}

static TxnStatus
sender_of(uint8_t *address20, const EvmTransaction *tx)
{
	return txn_sender(address20, secp256k1_context_static, &writer, tx);
}

/* keccak of an encoding equals the hash the node gave */
static bool
hash_agrees(const EvmTransaction *tx)
{
	uint8_t		hash[32];

	return txn_hash(hash, &writer, tx) == TXN_OK && same(hash, tx->hash, 32);
}

static bool
transactions_root(uint8_t *root, const EvmBlock *block)
{
	EvmBytes   *values = corpus_alloc(&scratch, block->transaction_count,
									  sizeof(EvmBytes));

	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		if (txn_encode(&values[i], &writer, &block->transactions[i]) !=
			TXN_OK)
			return false;
	}
	return trie_ordered_root(root, values, block->transaction_count);
}

/* Each signed member in turn: another hash, and another sender or none. */
static void
check_tampering(const EvmTransaction *original, const char *where)
{
	static const EvmBytes other_input = {(const uint8_t *) "other", 5};
	EvmTransaction tx;
	uint8_t		sender[20];
	uint8_t		other_to[20];
	uint8_t		hash[32];

#define TAMPER(change) \
	do { \
		tx = *original; \
		change; \
		CHECK_AT(txn_hash(hash, &writer, &tx) == TXN_OK && \
				 !same(hash, tx.hash, 32), #change, where); \
		CHECK_AT(sender_of(sender, &tx) != TXN_OK || \
				 !same(sender, tx.from, 20), #change, where); \
	} while (0)

	memset(other_to, 0x11, sizeof(other_to));
	TAMPER(tx.nonce++);
	TAMPER(tx.gas ^= 1);
	TAMPER(tx.to = other_to);
	TAMPER(tx.value.word[1]++);
	TAMPER(tx.input = other_input);
	TAMPER(tx.r.word[2]++);
	TAMPER(tx.s.word[3] ^= 1);
	if (tx.type == TXN_LEGACY || tx.type == TXN_ACCESS_LIST)
		TAMPER(tx.gas_price.word[0]++);
	if (tx.type == TXN_LEGACY)
		TAMPER(tx.v.word[0] += 2);
	else
		TAMPER(tx.chain_id.word[0]++);
	if (tx.type >= TXN_DYNAMIC_FEE)
	{
		TAMPER(tx.max_fee_per_gas.word[0]++);
		TAMPER(tx.max_priority_fee_per_gas.word[0]++);
	}
	if (tx.access_count > 0)
		TAMPER(tx.access_count--);
	if (tx.type == TXN_BLOB)
	{
		TAMPER(tx.max_fee_per_blob_gas.word[0]++);
		TAMPER(tx.blob_versioned_hash_count--);
	}
	if (tx.type == TXN_SET_CODE)
		TAMPER(tx.authorization_count--);
#undef TAMPER
}

/* What a type hashes must be there. */
static void
check_missing(const EvmTransaction *original, const char *where)
{
	static const uint32_t needed[] = {
		EVM_TX_NONCE, EVM_TX_VALUE, EVM_TX_GAS, EVM_TX_R, EVM_TX_S
	};
	EvmTransaction tx;
	uint8_t		hash[32];

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
	{
		tx = *original;
		tx.present &= ~needed[i];
		CHECK_AT(txn_hash(hash, &writer, &tx) == TXN_MISSING_MEMBER,
				 "a missing member", where);
	}
	tx = *original;
	tx.input.data = NULL;
	CHECK_AT(txn_hash(hash, &writer, &tx) == TXN_MISSING_MEMBER,
			 "missing input", where);
	tx = *original;
	tx.present &= ~(EVM_TX_V | EVM_TX_Y_PARITY);
	CHECK_AT(txn_hash(hash, &writer, &tx) == TXN_MISSING_MEMBER,
			 "missing v", where);
	tx = *original;
	tx.present &= ~(EVM_TX_ACCESS_LIST | EVM_TX_CHAIN_ID);
	CHECK_AT((txn_hash(hash, &writer, &tx) == TXN_OK) ==
			 (tx.type == TXN_LEGACY), "missing chainId", where);
	tx = *original;
	tx.type = 0x55;
	CHECK_AT(txn_hash(hash, &writer, &tx) == TXN_UNKNOWN_TYPE &&
			 sender_of(hash, &tx) == TXN_UNKNOWN_TYPE, "unknown type", where);
}

/* The signer of an authorization is what the node's own members recover to. */
static void
check_authorizations(const EvmTransaction *tx, const char *where)
{
	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		const EvmAuthorization *one = &tx->authorization_list[i];
		uint8_t		hash[32];
		uint8_t		signer[20];

		CHECK_AT(txn_authorization_hash(hash, &writer, one) == TXN_OK,
				 "authorization hash", where);
		if (txn_recover(signer, secp256k1_context_static, hash, &one->r,
						&one->s, (int) one->y_parity.word[0]) == TXN_OK)
			authorizations_seen++;
	}
}

static void
check_transaction(const EvmTransaction *tx, const char *where)
{
	uint8_t		sender[20];

	types_seen[tx->type & 0xff]++;
	CHECK_AT(hash_agrees(tx), "transaction hash", where);
	if (tx->type == TXN_OP_DEPOSIT)
	{
		CHECK_AT(sender_of(sender, tx) == TXN_UNSIGNED, "deposit", where);
		return;
	}
	CHECK_AT(sender_of(sender, tx) == TXN_OK && same(sender, tx->from, 20),
			 "sender", where);
	senders_seen++;
	check_authorizations(tx, where);
}

static void
check_block(const CorpusBlock *recorded)
{
	const EvmBlock *block = recorded->block;
	uint8_t		address[20];
	uint8_t		root[32];

	rlp_writer_init(&writer, &scratch);
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		const EvmTransaction *tx = &block->transactions[i];

		if (strcmp(recorded->chain, "arbitrum") == 0 && tx->type == 0x6a)
		{
			CHECK_AT(txn_hash(root, &writer, tx) == TXN_UNKNOWN_TYPE,
					 "Arbitrum's own type", recorded->file);
			continue;
		}
		check_transaction(tx, recorded->file);
		if (tx->to == NULL && i < block->receipt_count &&
			block->receipts[i].contract_address != NULL)
		{
			creations_seen++;
			txn_contract_address(address, tx->from, tx->nonce);
			CHECK_AT(same(address, block->receipts[i].contract_address, 20),
					 "contract address", recorded->file);
		}
		if (i % 16 == 0 && tx->type <= TXN_SET_CODE)
		{
			check_tampering(tx, recorded->file);
			check_missing(tx, recorded->file);
		}
	}
	if (strcmp(recorded->chain, "arbitrum") != 0)
		CHECK_AT(transactions_root(root, block) &&
				 same(root, block->transactions_root, 32),
				 "transactions root", recorded->file);
	arena_reset(&scratch);
}

/* Re-encoding what was decoded gives the same bytes. */
static bool
encodes_to(const EvmTransaction *tx, EvmBytes wanted)
{
	EvmBytes	encoding;

	return txn_encode(&encoding, &writer, tx) == TXN_OK &&
		encoding.len == wanted.len &&
		memcmp(encoding.data, wanted.data, wanted.len) == 0;
}

/* What ethereum/tests says of a case that is valid in a fork. */
static void
official_result(const EvmTransaction *tx, json_object *result,
				const char *where)
{
	const uint8_t *wanted = corpus_fixed(&scratch, result, "sender", 20);
	uint8_t		hash[32];
	uint8_t		sender[20];

	if (wanted == NULL)
		return;
	official_senders++;
	CHECK_AT(tx != NULL && txn_hash(hash, &writer, tx) == TXN_OK &&
			 same(hash, corpus_fixed(&scratch, result, "hash", 32), 32),
			 "hash", where);
	CHECK_AT(tx != NULL && sender_of(sender, tx) == TXN_OK &&
			 same(sender, wanted, 20), "sender", where);
}

/* True for what is wrong with the encoding or signature in every fork. */
static bool
is_malformed(const char *exception)
{
	return exception != NULL &&
		(strstr(exception, ".RLP_") || strstr(exception, ".ADDRESS_") ||
		 strstr(exception, "VALUE_OVERFLOW") ||
		 strstr(exception, "EC_RECOVERY_FAIL"));
}

/*
 * A case valid in some fork has a hash and sender; one whose encoding or
 * recovery is wrong in Cancun has no sender.
 */
static void
official_line(json_object *line)
{
	const char *name = corpus_string(line, "name");
	json_object *results = corpus_get(line, "result");
	const char *exception = corpus_string(corpus_get(results, "Cancun"),
										  "exception");
	EvmBytes	bytes;
	EvmTransaction tx;
	bool		decoded;
	uint8_t		sender[20];

	rlp_writer_init(&writer, &scratch);
	bytes = corpus_bytes(&scratch, line, "txbytes");
	decoded = txn_decode(&tx, &scratch, bytes);
	CHECK_AT(!decoded || encodes_to(&tx, bytes), "round trip", name);
	if (is_malformed(exception))
	{
		official_refusals++;
		CHECK_AT(!decoded || sender_of(sender, &tx) != TXN_OK, exception,
				 name);
	}

	{
		json_object_object_foreach(results, fork, result)
		{
			(void) fork;
			official_result(decoded ? &tx : NULL, result, name);
		}
	}
	arena_reset(&scratch);
}

static void
address_of_secret(uint8_t *address20, const uint8_t *secret32)
{
	secp256k1_pubkey key;
	uint8_t		bytes[65];
	size_t		len = sizeof(bytes);

	if (!secp256k1_ec_pubkey_create(signing, &key, secret32))
		corpus_die("bad key", "vector");
	secp256k1_ec_pubkey_serialize(signing, bytes, &len, &key,
								  SECP256K1_EC_UNCOMPRESSED);
	txn_address_of_key(address20, bytes + 1);
}

/* One form of an ethers case: what was signed, by whom, and how it looks. */
static void
check_ethers_form(json_object *test, const char *form, const uint8_t *from)
{
	const char *name = corpus_string(test, "name");
	char		member[32];
	EvmBytes	signed_bytes;
	EvmBytes	unsigned_bytes;
	EvmBytes	payload;
	EvmTransaction tx;
	uint8_t		sender[20];

	snprintf(member, sizeof(member), "signed%s", form);
	signed_bytes = corpus_bytes(&scratch, test, member);
	snprintf(member, sizeof(member), "unsigned%s", form);
	unsigned_bytes = corpus_bytes(&scratch, test, member);
	if (signed_bytes.len == 0)
		return;

	CHECK_AT(txn_decode(&tx, &scratch, signed_bytes), form, name);
	CHECK_AT(encodes_to(&tx, signed_bytes), form, name);
	CHECK_AT(txn_signing_payload(&payload, &writer, &tx) == TXN_OK &&
			 payload.len == unsigned_bytes.len &&
			 memcmp(payload.data, unsigned_bytes.data, payload.len) == 0,
			 form, name);
	CHECK_AT(sender_of(sender, &tx) == TXN_OK && same(sender, from, 20),
			 form, name);
}

static void
test_ethers(void)
{
	static const char *const forms[] = {
		"Legacy", "Eip155", "Berlin", "London", "Cancun"
	};
	json_object *tests =
	corpus_json("vectors/tx/ethers-v6-transactions.json.gz");

	for (uint32_t i = 0; i < corpus_count(tests); i++)
	{
		json_object *test = json_object_array_get_idx(tests, i);
		uint8_t		from[20];

		rlp_writer_init(&writer, &scratch);
		address_of_secret(from, corpus_fixed(&scratch, test, "privateKey",
											 32));
		for (size_t j = 0; j < sizeof(forms) / sizeof(forms[0]); j++)
			check_ethers_form(test, forms[j], from);
		arena_reset(&scratch);
	}
	CHECK(corpus_count(tests) > 3000);
	json_object_put(tests);
}

static void
test_ethers_create(void)
{
	json_object *tests = corpus_json("vectors/tx/create.json.gz");

	for (uint32_t i = 0; i < corpus_count(tests); i++)
	{
		json_object *test = json_object_array_get_idx(tests, i);
		json_object *creates = corpus_get(test, "creates");
		const uint8_t *sender = corpus_fixed(&scratch, test, "sender", 20);

		for (uint32_t j = 0; j < corpus_count(creates); j++)
		{
			json_object *one = json_object_array_get_idx(creates, j);
			uint64_t	nonce = 0;
			uint8_t		address[20];

			corpus_u64(&nonce, one, "nonce");
			txn_contract_address(address, sender, nonce);
			CHECK_AT(same(address, corpus_fixed(&scratch, one, "address", 20),
						  20), "create", corpus_string(one, "name"));
		}
	}
	json_object_put(tests);
	arena_reset(&scratch);
}

/* Wycheproof: each recovery id gives the key it says, or none. */
static void
wycheproof_line(json_object *line)
{
	json_object *results = corpus_get(line, "recover");
	EvmBytes	hash = corpus_bytes(&scratch, line, "hash");
	EvmBytes	signature = corpus_bytes(&scratch, line, "sig");
	Uint256		r;
	Uint256		s;

	if (signature.len != 64)
		return;
	uint256_from_be(&r, signature.data, 32);
	uint256_from_be(&s, signature.data + 32, 32);
	for (uint32_t i = 0; i < corpus_count(results); i++)
	{
		json_object *result = json_object_array_get_idx(results, i);
		const char *wanted = corpus_string(result, "address");
		uint64_t	recid = 0;
		uint8_t		address[20];
		TxnStatus	status;

		corpus_u64(&recid, result, "recid");
		if (recid > 1)
			continue;
		status = txn_recover(address, secp256k1_context_static, hash.data,
							 &r, &s, (int) recid);
		if (wanted == NULL)
			CHECK_AT(status == TXN_BAD_SIGNATURE, "no key",
					 corpus_string(line, "comment"));
		else
			CHECK_AT(status == TXN_OK &&
					 same(address, corpus_unhex(&scratch, wanted).data, 20),
					 "key", corpus_string(line, "comment"));
	}
	arena_reset(&scratch);
}

/*
 * go-ethereum's ecRecover: hash, v, r, s in words of 32 bytes; what follows is
 * ignored.
 */
static void
test_geth_recover(void)
{
	json_object *tests =
	corpus_json("vectors/secp256k1/geth-precompile-ecRecover.json");

	for (uint32_t i = 0; i < corpus_count(tests); i++)
	{
		json_object *test = json_object_array_get_idx(tests, i);
		EvmBytes	input = corpus_bytes(&scratch, test, "Input");
		EvmBytes	wanted = corpus_bytes(&scratch, test, "Expected");
		EvmTransaction tx;
		Uint256		r;
		Uint256		s;
		uint8_t		words[128];
		uint8_t		address[20];
		int			parity;
		bool		recovered;

		if (!CHECK(input.len >= sizeof(words)))
			continue;
		memcpy(words, input.data, sizeof(words));
		memset(&tx, 0, sizeof(tx));
		tx.present = EVM_TX_V;
		uint256_from_be(&tx.v, words + 32, 32);
		uint256_from_be(&r, words + 64, 32);
		uint256_from_be(&s, words + 96, 32);

		/* a v that is neither 27 nor 28 has a chain id here */
		recovered = uint256_fits_u64(&tx.v) && tx.v.word[0] < 35 &&
			txn_y_parity(&parity, NULL, NULL, &tx) == TXN_OK &&
			txn_recover(address, secp256k1_context_static, words, &r, &s,
						parity) == TXN_OK;
		CHECK_AT(recovered == (wanted.len == 32) &&
				 (!recovered || same(address, wanted.data + 12, 20)),
				 "ecRecover", corpus_string(test, "Name"));
	}
	json_object_put(tests);
	arena_reset(&scratch);
}

/* Which v says what, to the largest chain id. */
static void
test_v(void)
{
	static const struct
	{
		Uint256		v;
		TxnStatus	status;
		int			parity;
		bool		has_chain_id;
		Uint256		chain_id;
	}			cases[] = {
		{{{0, 0, 0, 0}}, TXN_BAD_V, 0, false, {{0}}},
		{{{1, 0, 0, 0}}, TXN_BAD_V, 0, false, {{0}}},
		{{{26, 0, 0, 0}}, TXN_BAD_V, 0, false, {{0}}},
		{{{27, 0, 0, 0}}, TXN_OK, 0, false, {{0}}},
		{{{28, 0, 0, 0}}, TXN_OK, 1, false, {{0}}},
		{{{29, 0, 0, 0}}, TXN_BAD_V, 0, false, {{0}}},
		{{{34, 0, 0, 0}}, TXN_BAD_V, 0, false, {{0}}},
		{{{35, 0, 0, 0}}, TXN_OK, 0, true, {{0}}},
		{{{36, 0, 0, 0}}, TXN_OK, 1, true, {{0}}},
		{{{37, 0, 0, 0}}, TXN_OK, 0, true, {{1}}},
		{{{38, 0, 0, 0}}, TXN_OK, 1, true, {{1}}},
		{{{27, 1, 0, 0}}, TXN_OK, 0, true,
		{{UINT64_C(0x7ffffffffffffffc), 0, 0, 0}}},
		{{{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}, TXN_OK, 0, true,
		{{UINT64_C(0xffffffffffffffee), UINT64_MAX, UINT64_MAX,
		UINT64_MAX >> 1}}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		EvmTransaction tx;
		int			parity = -1;
		bool		has_chain_id = false;
		Uint256		chain_id;
		TxnStatus	status;

		memset(&tx, 0, sizeof(tx));
		tx.present = EVM_TX_V;
		tx.v = cases[i].v;
		status = txn_y_parity(&parity, &has_chain_id, &chain_id, &tx);
		CHECK(status == cases[i].status);
		if (status != TXN_OK)
			continue;
		CHECK(parity == cases[i].parity);
		CHECK(has_chain_id == cases[i].has_chain_id);
		CHECK(memcmp(&chain_id, &cases[i].chain_id, sizeof(chain_id)) == 0);

		/* a typed transaction has 0 or 1 there, nothing else */
		tx.type = TXN_DYNAMIC_FEE;
		tx.present |= EVM_TX_CHAIN_ID;
		CHECK(txn_y_parity(&parity, NULL, NULL, &tx) == TXN_BAD_V);
	}
}

/* Signatures that fit no key are refused, not answered with an address. */
static void
test_bad_signatures(void)
{
	Uint256		zero = uint256_from_u64(0);
	Uint256		one = uint256_from_u64(1);
	Uint256		huge = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	uint8_t		hash[32] = {1};
	uint8_t		address[20];
	const secp256k1_context *context = secp256k1_context_static;

	CHECK(txn_recover(address, context, hash, &zero, &one, 0) ==
		  TXN_BAD_SIGNATURE);
	CHECK(txn_recover(address, context, hash, &one, &zero, 0) ==
		  TXN_BAD_SIGNATURE);
	CHECK(txn_recover(address, context, hash, &huge, &one, 0) ==
		  TXN_BAD_SIGNATURE);
	CHECK(txn_recover(address, context, hash, &one, &huge, 1) ==
		  TXN_BAD_SIGNATURE);
	CHECK(txn_recover(address, context, hash, &one, &one, 2) == TXN_BAD_V);
}

/*
 * Blocks of the OP stack's tests with something wrong in them: header,
 * transactions or withdrawals do not fit where their authors say so.
 */
static void
check_tampered(const char *name, bool good)
{
	char		path[128];
	json_object *recorded = json_object_new_object();
	const EvmBlock *block;
	EvmBytes   *values;
	uint8_t		hash[32];
	bool		fits;

	snprintf(path, sizeof(path), "vectors/tampered/op-service-%s_data.json",
			 name);
	json_object_object_add(recorded, "block", corpus_json(path));
	block = corpus_block(&scratch, recorded);
	rlp_writer_init(&writer, &scratch);

	fits = header_hash(hash, NULL, &writer, block) &&
		same(hash, block->hash, 32) && transactions_root(hash, block) &&
		same(hash, block->transactions_root, 32);
	values = corpus_alloc(&scratch, block->withdrawal_count,
						  sizeof(EvmBytes));
	for (uint32_t i = 0; fits && i < block->withdrawal_count; i++)
		fits = withdrawal_encode(&values[i], &writer, &block->withdrawals[i]);
	if (fits && block->withdrawals_root != NULL)
		fits = trie_ordered_root(hash, values, block->withdrawal_count) &&
			same(hash, block->withdrawals_root, 32);
	CHECK_AT(fits == good, "tampered block", name);
	json_object_put(recorded);
	arena_reset(&scratch);
}

static void
test_tampered(void)
{
	check_tampered("pre-shanghai-success", true);
	check_tampered("post-shanghai-success", true);
	check_tampered("pre-shanghai-bad-receipts-hash", false);
	check_tampered("pre-shanghai-bad-transactions-hash", false);
	check_tampered("pre-shanghai-bad-transactions", false);
	check_tampered("post-shanghai-bad-receipts-hash", false);
	check_tampered("post-shanghai-bad-transactions-hash", false);
	check_tampered("post-shanghai-bad-transactions-nil", false);
	check_tampered("post-shanghai-bad-transactions", false);
	check_tampered("post-shanghai-bad-withdrawals-hash", false);
	check_tampered("post-shanghai-bad-withdrawals-nil", false);
	check_tampered("post-shanghai-bad-withdrawals", false);
}

int
main(void)
{
	arena_init(&scratch, 0);
	signing = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
	test_v();
	test_bad_signatures();
	if (!corpus_absent("test_txn"))
	{
		corpus_each_verified(check_block);
		CHECK(types_seen[0] > 0 && types_seen[1] > 0 && types_seen[2] > 0 &&
			  types_seen[3] > 0 && types_seen[4] > 0 &&
			  types_seen[TXN_OP_DEPOSIT] > 0);
		CHECK(senders_seen > 20000);
		CHECK(creations_seen > 10);
		CHECK(authorizations_seen > 0);
		corpus_lines("vectors/tx/ethereum-tests-TransactionTests.jsonl",
					 official_line);
		CHECK(official_senders > 500 && official_refusals > 20);
		test_ethers();
		test_ethers_create();
		corpus_lines("vectors/secp256k1/recover-wycheproof.jsonl",
					 wycheproof_line);
		test_geth_recover();
		test_tampered();
	}
	secp256k1_context_destroy(signing);
	arena_destroy(&scratch);
	return unit_summary("test_txn");
}
