/*-------------------------------------------------------------------------
 *
 * corpus.h
 *	  Reads recorded blocks and official vectors for the unit tests.
 *
 * The corpus lies outside the tree: CHAINSYNC_CORPUS names its folder, or
 * ../shared/corpus from the root of the repository.  JSON is read with json-c
 * and blocks are put together here, not by the parser under src/, so that the
 * tests of the hashes do not depend on it.  Malformed input ends the program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CORPUS_H
#define CORPUS_H

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "arena.h"
#include "block.h"
#include "hex.h"
#include "unit.h"

#define UNUSED_OK	__attribute__((unused))

static UNUSED_OK const char *
corpus_dir(void)
{
	static const char *const tries[] = {
		"../shared/corpus", "../../../shared/corpus"
	};
	const char *named = getenv("CHAINSYNC_CORPUS");

	if (named != NULL && *named != '\0')
		return access(named, R_OK) == 0 ? named : NULL;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
	{
		if (access(tries[i], R_OK) == 0)
			return tries[i];
	}
	return NULL;
}

static UNUSED_OK void
corpus_die(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail);
	exit(2);
}

/* CHECK_SAY that also prints which block or vector it was. */
#define CHECK_AT(condition, what, where) \
	do { \
		if (!CHECK_SAY(condition, what) && unit_failed <= 50) \
			printf("\tat %s\n", where); \
	} while (0)

/* A whole file, gzipped or not, NUL-terminated; the caller frees it. */
static UNUSED_OK char *
corpus_read(const char *path)
{
	char		full[1024];
	gzFile		file;
	size_t		size = 1 << 16;
	size_t		len = 0;
	char	   *text = malloc(size);

	snprintf(full, sizeof(full), "%s/%s", corpus_dir(), path);
	file = gzopen(full, "rb");
	if (file == NULL || text == NULL)
		corpus_die("cannot read", full);
	for (;;)
	{
		int			n = gzread(file, text + len, (unsigned) (size - len - 1));

		if (n < 0)
			corpus_die("cannot read", full);
		if (n == 0)
			break;
		len += (size_t) n;
		if (size - len == 1)
			text = realloc(text, size *= 2);
		if (text == NULL)
			corpus_die("out of memory", full);
	}
	gzclose(file);
	text[len] = '\0';
	return text;
}

/* Release with json_object_put. */
static UNUSED_OK json_object *
corpus_json(const char *path)
{
	char	   *text = corpus_read(path);
	json_object *root = json_tokener_parse(text);

	if (root == NULL)
		corpus_die("not JSON", path);
	free(text);
	return root;
}

/* Call `each` with every line of a JSON-lines file. */
static UNUSED_OK void
corpus_lines(const char *path, void (*each) (json_object *line))
{
	char	   *text = corpus_read(path);
	char	   *line = text;

	while (*line != '\0')
	{
		char	   *end = strchr(line, '\n');
		json_object *object;

		if (end != NULL)
			*end = '\0';
		object = json_tokener_parse(line);
		if (object == NULL)
			corpus_die("not JSON", path);
		each(object);
		json_object_put(object);
		if (end == NULL)
			break;
		line = end + 1;
	}
	free(text);
}

static UNUSED_OK void *
corpus_alloc(Arena *arena, size_t count, size_t size)
{
	void	   *space = arena_alloc_array(arena, count, size);

	if (space == NULL)
		corpus_die("out of memory", "arena");
	memset(space, 0, count * size);
	return space;
}

/* A member, or NULL when it is absent or null. */
static UNUSED_OK json_object *
corpus_get(json_object *object, const char *name)
{
	json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value))
		return NULL;
	return value;
}

static UNUSED_OK const char *
corpus_string(json_object *object, const char *name)
{
	json_object *value = corpus_get(object, name);

	return value != NULL ? json_object_get_string(value) : NULL;
}

/* Bytes of "0x" and digits (the prefix may be missing). */
static UNUSED_OK EvmBytes
corpus_unhex(Arena *arena, const char *text)
{
	EvmBytes	bytes = {NULL, 0};
	uint8_t    *out;
	size_t		len;

	if (text == NULL)
		return bytes;
	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	len = strlen(text);
	out = corpus_alloc(arena, len / 2 + 1, 1);
	if (!hexbytes_decode(out, text, len))
		corpus_die("bad hex", text);
	bytes.data = out;
	bytes.len = (uint32_t) (len / 2);
	return bytes;
}

static UNUSED_OK EvmBytes
corpus_bytes(Arena *arena, json_object *object, const char *name)
{
	return corpus_unhex(arena, corpus_string(object, name));
}

/* Data of a known length, or NULL. */
static UNUSED_OK const uint8_t *
corpus_fixed(Arena *arena, json_object *object, const char *name,
			 uint32_t len)
{
	EvmBytes	bytes = corpus_bytes(arena, object, name);

	if (bytes.data != NULL && bytes.len != len)
		corpus_die("wrong length", name);
	return bytes.data;
}

/* A quantity, in hex or as a JSON number; false when absent. */
static UNUSED_OK bool
corpus_uint256(Uint256 *out, json_object *object, const char *name)
{
	const char *text = corpus_string(object, name);
	char		digits[64];
	uint8_t		bytes[32];
	size_t		len;

	if (text == NULL)
		return false;
	if (json_object_is_type(corpus_get(object, name), json_type_int))
	{
		*out = uint256_from_u64(json_object_get_uint64(corpus_get(object,
																  name)));
		return true;
	}
	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	len = strlen(text);
	if (len > 64)
		corpus_die("too many digits", name);
	digits[0] = '0';
	memcpy(digits + len % 2, text, len);
	len += len % 2;
	if (!hexbytes_decode(bytes, digits, len) ||
		!uint256_from_be(out, bytes, len / 2))
		corpus_die("bad quantity", name);
	return true;
}

static UNUSED_OK bool
corpus_u64(uint64_t *out, json_object *object, const char *name)
{
	Uint256		value;

	if (!corpus_uint256(&value, object, name))
		return false;
	if (!uint256_fits_u64(&value))
		corpus_die("does not fit 64 bits", name);
	*out = value.word[0];
	return true;
}

static UNUSED_OK uint32_t
corpus_count(json_object *array)
{
	return array != NULL ? (uint32_t) json_object_array_length(array) : 0;
}

/* An array of data of one length. */
static UNUSED_OK const uint8_t **
corpus_fixed_array(Arena *arena, uint32_t *count, json_object *array,
				   uint32_t len)
{
	const uint8_t **out;

	*count = corpus_count(array);
	out = corpus_alloc(arena, *count, sizeof(*out));
	for (uint32_t i = 0; i < *count; i++)
	{
		json_object *item = json_object_array_get_idx(array, i);
		EvmBytes	bytes = corpus_unhex(arena, json_object_get_string(item));

		if (bytes.len != len)
			corpus_die("wrong length", "array");
		out[i] = bytes.data;
	}
	return out;
}

/* Chain-specific members, as text that lives as long as the JSON does. */
static UNUSED_OK void
corpus_extras(Arena *arena, EvmExtras *extras, json_object *object,
			  const char *const *names)
{
	uint32_t	n = 0;

	while (names[n] != NULL)
		n++;
	extras->items = corpus_alloc(arena, n, sizeof(EvmExtra));
	for (n = 0; *names != NULL; names++)
	{
		json_object *value = corpus_get(object, *names);

		if (value == NULL)
			continue;
		extras->items[n].name = *names;
		extras->items[n].json =
			json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
		extras->items[n].json_len = (uint32_t) strlen(extras->items[n].json);
		n++;
	}
	extras->count = n;
}

static UNUSED_OK void
corpus_access_list(Arena *arena, EvmTransaction *tx, json_object *list)
{
	tx->access_count = corpus_count(list);
	tx->access_list = corpus_alloc(arena, tx->access_count,
								   sizeof(EvmAccess));
	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		json_object *item = json_object_array_get_idx(list, i);
		EvmAccess  *access = &tx->access_list[i];

		access->address = corpus_fixed(arena, item, "address", 20);
		access->storage_keys =
			corpus_fixed_array(arena, &access->storage_key_count,
							   corpus_get(item, "storageKeys"), 32);
	}
}

static UNUSED_OK void
corpus_authorizations(Arena *arena, EvmTransaction *tx, json_object *list)
{
	tx->authorization_count = corpus_count(list);
	tx->authorization_list = corpus_alloc(arena, tx->authorization_count,
										  sizeof(EvmAuthorization));
	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		json_object *item = json_object_array_get_idx(list, i);
		EvmAuthorization *one = &tx->authorization_list[i];

		one->address = corpus_fixed(arena, item, "address", 20);
		corpus_uint256(&one->chain_id, item, "chainId");
		corpus_uint256(&one->nonce, item, "nonce");
		if (!corpus_uint256(&one->y_parity, item, "yParity"))
			corpus_uint256(&one->y_parity, item, "v");
		corpus_uint256(&one->r, item, "r");
		corpus_uint256(&one->s, item, "s");
	}
}

#define TAKE(into, function, object, name, bit) \
	do { \
		if (function(&(into), object, name)) \
			present |= (bit); \
	} while (0)

static UNUSED_OK void
corpus_transaction(Arena *arena, EvmTransaction *tx, json_object *from)
{
	static const char *const extras[] = {
		"sourceHash", "mint", "isSystemTx", "depositReceiptVersion", NULL
	};
	uint32_t	present = 0;
	json_object *list;

	memset(tx, 0, sizeof(*tx));
	TAKE(tx->type, corpus_u64, from, "type", EVM_TX_TYPE);
	TAKE(tx->nonce, corpus_u64, from, "nonce", EVM_TX_NONCE);
	TAKE(tx->gas, corpus_u64, from, "gas", EVM_TX_GAS);
	TAKE(tx->value, corpus_uint256, from, "value", EVM_TX_VALUE);
	TAKE(tx->gas_price, corpus_uint256, from, "gasPrice", EVM_TX_GAS_PRICE);
	TAKE(tx->max_fee_per_gas, corpus_uint256, from, "maxFeePerGas",
		 EVM_TX_MAX_FEE_PER_GAS);
	TAKE(tx->max_priority_fee_per_gas, corpus_uint256, from,
		 "maxPriorityFeePerGas", EVM_TX_MAX_PRIORITY_FEE_PER_GAS);
	TAKE(tx->max_fee_per_blob_gas, corpus_uint256, from, "maxFeePerBlobGas",
		 EVM_TX_MAX_FEE_PER_BLOB_GAS);
	TAKE(tx->chain_id, corpus_uint256, from, "chainId", EVM_TX_CHAIN_ID);
	TAKE(tx->v, corpus_uint256, from, "v", EVM_TX_V);
	TAKE(tx->y_parity, corpus_uint256, from, "yParity", EVM_TX_Y_PARITY);
	TAKE(tx->r, corpus_uint256, from, "r", EVM_TX_R);
	TAKE(tx->s, corpus_uint256, from, "s", EVM_TX_S);
	tx->hash = corpus_fixed(arena, from, "hash", 32);
	tx->from = corpus_fixed(arena, from, "from", 20);
	tx->to = corpus_fixed(arena, from, "to", 20);
	tx->input = corpus_bytes(arena, from, "input");

	list = corpus_get(from, "accessList");
	if (list != NULL)
		present |= EVM_TX_ACCESS_LIST;
	corpus_access_list(arena, tx, list);
	list = corpus_get(from, "authorizationList");
	if (list != NULL)
		present |= EVM_TX_AUTHORIZATION_LIST;
	corpus_authorizations(arena, tx, list);
	list = corpus_get(from, "blobVersionedHashes");
	if (list != NULL)
		present |= EVM_TX_BLOB_VERSIONED_HASHES;
	tx->blob_versioned_hashes =
		corpus_fixed_array(arena, &tx->blob_versioned_hash_count, list, 32);
	corpus_extras(arena, &tx->extra, from, extras);
	tx->present = present;
}

static UNUSED_OK void
corpus_log(Arena *arena, EvmLog *log, json_object *from)
{
	const uint8_t **topics =
	corpus_fixed_array(arena, &log->topic_count,
					   corpus_get(from, "topics"), 32);

	if (log->topic_count > 4)
		corpus_die("too many topics", "log");
	for (uint32_t i = 0; i < log->topic_count; i++)
		log->topics[i] = topics[i];
	log->address = corpus_fixed(arena, from, "address", 20);
	log->data = corpus_bytes(arena, from, "data");
}

static UNUSED_OK void
corpus_receipt(Arena *arena, EvmReceipt *receipt, json_object *from)
{
	static const char *const extras[] = {
		"depositNonce", "depositReceiptVersion", NULL
	};
	json_object *logs = corpus_get(from, "logs");
	uint32_t	present = 0;

	memset(receipt, 0, sizeof(*receipt));
	TAKE(receipt->type, corpus_u64, from, "type", EVM_RECEIPT_TYPE);
	TAKE(receipt->status, corpus_u64, from, "status", EVM_RECEIPT_STATUS);
	TAKE(receipt->gas_used, corpus_u64, from, "gasUsed",
		 EVM_RECEIPT_GAS_USED);
	TAKE(receipt->cumulative_gas_used, corpus_u64, from, "cumulativeGasUsed",
		 EVM_RECEIPT_CUMULATIVE_GAS_USED);
	receipt->present = present;
	receipt->contract_address = corpus_fixed(arena, from, "contractAddress",
											 20);
	receipt->root = corpus_fixed(arena, from, "root", 32);
	receipt->logs_bloom = corpus_fixed(arena, from, "logsBloom", 256);
	receipt->log_count = corpus_count(logs);
	receipt->logs = corpus_alloc(arena, receipt->log_count, sizeof(EvmLog));
	for (uint32_t i = 0; i < receipt->log_count; i++)
		corpus_log(arena, &receipt->logs[i],
				   json_object_array_get_idx(logs, i));
	corpus_extras(arena, &receipt->extra, from, extras);
}

static UNUSED_OK void
corpus_header(Arena *arena, EvmBlock *block, json_object *from)
{
	uint32_t	present = 0;

	TAKE(block->number, corpus_u64, from, "number", EVM_BLOCK_NUMBER);
	TAKE(block->gas_limit, corpus_u64, from, "gasLimit",
		 EVM_BLOCK_GAS_LIMIT);
	TAKE(block->gas_used, corpus_u64, from, "gasUsed", EVM_BLOCK_GAS_USED);
	TAKE(block->timestamp, corpus_u64, from, "timestamp",
		 EVM_BLOCK_TIMESTAMP);
	TAKE(block->difficulty, corpus_uint256, from, "difficulty",
		 EVM_BLOCK_DIFFICULTY);
	TAKE(block->base_fee_per_gas, corpus_uint256, from, "baseFeePerGas",
		 EVM_BLOCK_BASE_FEE_PER_GAS);
	TAKE(block->blob_gas_used, corpus_u64, from, "blobGasUsed",
		 EVM_BLOCK_BLOB_GAS_USED);
	TAKE(block->excess_blob_gas, corpus_u64, from, "excessBlobGas",
		 EVM_BLOCK_EXCESS_BLOB_GAS);
	TAKE(block->slot_number, corpus_u64, from, "slotNumber",
		 EVM_BLOCK_SLOT_NUMBER);
	block->present = present;

	block->hash = corpus_fixed(arena, from, "hash", 32);
	block->parent_hash = corpus_fixed(arena, from, "parentHash", 32);
	block->nonce = corpus_fixed(arena, from, "nonce", 8);
	block->sha3_uncles = corpus_fixed(arena, from, "sha3Uncles", 32);
	block->logs_bloom = corpus_fixed(arena, from, "logsBloom", 256);
	block->transactions_root = corpus_fixed(arena, from, "transactionsRoot",
											32);
	block->state_root = corpus_fixed(arena, from, "stateRoot", 32);
	block->receipts_root = corpus_fixed(arena, from, "receiptsRoot", 32);
	block->withdrawals_root = corpus_fixed(arena, from, "withdrawalsRoot",
										   32);
	block->miner = corpus_fixed(arena, from, "miner", 20);
	block->mix_hash = corpus_fixed(arena, from, "mixHash", 32);
	block->parent_beacon_block_root =
		corpus_fixed(arena, from, "parentBeaconBlockRoot", 32);
	block->requests_hash = corpus_fixed(arena, from, "requestsHash", 32);
	block->block_access_list_hash =
		corpus_fixed(arena, from, "blockAccessListHash", 32);
	block->extra_data = corpus_bytes(arena, from, "extraData");
}

static UNUSED_OK void
corpus_withdrawals(Arena *arena, EvmBlock *block, json_object *list)
{
	block->withdrawal_count = corpus_count(list);
	block->withdrawals = corpus_alloc(arena, block->withdrawal_count,
									  sizeof(EvmWithdrawal));
	if (list != NULL)
		block->present |= EVM_BLOCK_WITHDRAWALS;
	for (uint32_t i = 0; i < block->withdrawal_count; i++)
	{
		json_object *item = json_object_array_get_idx(list, i);
		EvmWithdrawal *one = &block->withdrawals[i];

		corpus_u64(&one->index, item, "index");
		corpus_u64(&one->validator_index, item, "validatorIndex");
		corpus_u64(&one->amount, item, "amount");
		one->address = corpus_fixed(arena, item, "address", 20);
	}
}

/*
 * A recorded {"block", "receipts"}; the struct is good until the arena is
 * reset or the JSON is put.
 */
static UNUSED_OK EvmBlock *
corpus_block(Arena *arena, json_object *recorded)
{
	EvmBlock   *block = corpus_alloc(arena, 1, sizeof(EvmBlock));
	json_object *from = corpus_get(recorded, "block");
	json_object *receipts = corpus_get(recorded, "receipts");
	json_object *transactions = corpus_get(from, "transactions");

	corpus_header(arena, block, from);
	corpus_withdrawals(arena, block, corpus_get(from, "withdrawals"));
	block->transaction_count = corpus_count(transactions);
	block->transactions = corpus_alloc(arena, block->transaction_count,
									   sizeof(EvmTransaction));
	for (uint32_t i = 0; i < block->transaction_count; i++)
		corpus_transaction(arena, &block->transactions[i],
						   json_object_array_get_idx(transactions, i));
	if (receipts == NULL)
		return block;

	block->receipt_count = corpus_count(receipts);
	block->receipts = corpus_alloc(arena, block->receipt_count,
								   sizeof(EvmReceipt));
	for (uint32_t i = 0; i < block->receipt_count; i++)
		corpus_receipt(arena, &block->receipts[i],
					   json_object_array_get_idx(receipts, i));
	return block;
}

typedef struct CorpusBlock
{
	const char *chain;
	const char *file;
	const char *class;
	EvmBlock   *block;
} CorpusBlock;

/*
 * Call `each` with every recorded block of the class "verified"; returns how
 * many there were.
 */
static UNUSED_OK int
corpus_each_verified(void (*each) (const CorpusBlock *recorded))
{
	char	   *manifest = corpus_read("manifest.jsonl");
	char	   *save = NULL;
	Arena		arena;
	int			count = 0;

	arena_init(&arena, 0);
	for (char *line = strtok_r(manifest, "\n", &save); line != NULL;
		 line = strtok_r(NULL, "\n", &save))
	{
		json_object *entry = json_tokener_parse(line);
		CorpusBlock recorded;
		json_object *content;

		recorded.chain = corpus_string(entry, "chain");
		recorded.file = corpus_string(entry, "file");
		recorded.class = corpus_string(entry, "class");
		if (strcmp(recorded.class, "verified") == 0)
		{
			content = corpus_json(recorded.file);
			recorded.block = corpus_block(&arena, content);
			each(&recorded);
			count++;
			json_object_put(content);
			arena_reset(&arena);
		}
		json_object_put(entry);
	}
	arena_destroy(&arena);
	free(manifest);
	return count;
}

/* Ends a test program that cannot run without the corpus. */
static UNUSED_OK bool
corpus_absent(const char *program)
{
	if (corpus_dir() != NULL)
		return false;
	printf("%s: corpus not found, its checks are skipped "
		   "(set CHAINSYNC_CORPUS)\n", program);
	return true;
}

#endif							/* CORPUS_H */
