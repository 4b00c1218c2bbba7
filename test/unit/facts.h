/*-------------------------------------------------------------------------
 *
 * facts.h
 *	  What a block and its receipts say, as text, from two sides: from the
 *	  structs that block_json.h fills, and from json-c's tree of the same
 *	  JSON.  Equal texts mean that every member landed in its field.
 *
 * The tables here name each member and its field once more; they are not
 * those of the parser.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FACTS_H
#define FACTS_H

#include <ctype.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"

typedef struct Facts
{
	char	   *text;
	size_t		len;
	size_t		size;
} Facts;

typedef enum FactKind
{
	FACT_U64,
	FACT_U256,
	FACT_BYTES,
	FACT_8,
	FACT_20,
	FACT_32,
	FACT_256,
	FACT_FLAG,
	FACT_EXTRA
} FactKind;

typedef struct Fact
{
	const char *name;
	FactKind	kind;
	size_t		offset;
	uint32_t	bit;			/* 0: a pointer, or always there */
} Fact;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TX_FACT(name, kind, field, bit) \
	{name, FACT_##kind, offsetof(EvmTransaction, field), bit}
#define TX_EXTRA_FACT(name) \
	{name, FACT_EXTRA, offsetof(EvmTransaction, extra), 0}

static const Fact transaction_facts[] = {
	TX_FACT("hash", 32, hash, 0),
	TX_FACT("type", U64, type, EVM_TX_TYPE),
	TX_FACT("nonce", U64, nonce, EVM_TX_NONCE),
	TX_FACT("blockHash", 32, block_hash, 0),
	TX_FACT("blockNumber", U64, block_number, EVM_TX_BLOCK_NUMBER),
	TX_FACT("transactionIndex", U64, transaction_index,
			EVM_TX_TRANSACTION_INDEX),
	TX_FACT("from", 20, from, 0),
	TX_FACT("to", 20, to, 0),
	TX_FACT("value", U256, value, EVM_TX_VALUE),
	TX_FACT("gas", U64, gas, EVM_TX_GAS),
	TX_FACT("gasPrice", U256, gas_price, EVM_TX_GAS_PRICE),
	TX_FACT("maxFeePerGas", U256, max_fee_per_gas, EVM_TX_MAX_FEE_PER_GAS),
	TX_FACT("maxPriorityFeePerGas", U256, max_priority_fee_per_gas,
			EVM_TX_MAX_PRIORITY_FEE_PER_GAS),
	TX_FACT("maxFeePerBlobGas", U256, max_fee_per_blob_gas,
			EVM_TX_MAX_FEE_PER_BLOB_GAS),
	TX_FACT("input", BYTES, input, 0),
	TX_FACT("chainId", U256, chain_id, EVM_TX_CHAIN_ID),
	TX_FACT("v", U256, v, EVM_TX_V),
	TX_FACT("yParity", U256, y_parity, EVM_TX_Y_PARITY),
	TX_FACT("r", U256, r, EVM_TX_R),
	TX_FACT("s", U256, s, EVM_TX_S),
	TX_EXTRA_FACT("sourceHash"), TX_EXTRA_FACT("mint"),
	TX_EXTRA_FACT("isSystemTx"), TX_EXTRA_FACT("requestId"),
	TX_EXTRA_FACT("refundTo"), TX_EXTRA_FACT("l1BaseFee"),
	TX_EXTRA_FACT("depositValue"), TX_EXTRA_FACT("retryTo"),
	TX_EXTRA_FACT("retryValue"), TX_EXTRA_FACT("retryData"),
	TX_EXTRA_FACT("beneficiary"), TX_EXTRA_FACT("maxSubmissionFee"),
	TX_EXTRA_FACT("ticketId"), TX_EXTRA_FACT("maxRefund"),
	TX_EXTRA_FACT("submissionFeeRefund"), TX_EXTRA_FACT("feeCurrency")
};

static const Fact access_facts[] = {
	{"address", FACT_20, offsetof(EvmAccess, address), 0}
};

static const Fact authorization_facts[] = {
	{"address", FACT_20, offsetof(EvmAuthorization, address), 0},
	{"chainId", FACT_U256, offsetof(EvmAuthorization, chain_id), 0},
	{"nonce", FACT_U256, offsetof(EvmAuthorization, nonce), 0},
	{"yParity", FACT_U256, offsetof(EvmAuthorization, y_parity), 0},
	{"r", FACT_U256, offsetof(EvmAuthorization, r), 0},
	{"s", FACT_U256, offsetof(EvmAuthorization, s), 0}
};

static const Fact withdrawal_facts[] = {
	{"index", FACT_U64, offsetof(EvmWithdrawal, index), 0},
	{"validatorIndex", FACT_U64, offsetof(EvmWithdrawal, validator_index), 0},
	{"amount", FACT_U64, offsetof(EvmWithdrawal, amount), 0},
	{"address", FACT_20, offsetof(EvmWithdrawal, address), 0}
};

#define LOG_FACT(name, kind, field, bit) \
	{name, FACT_##kind, offsetof(EvmLog, field), bit}

static const Fact log_facts[] = {
	LOG_FACT("address", 20, address, 0),
	LOG_FACT("data", BYTES, data, 0),
	LOG_FACT("logIndex", U64, log_index, EVM_LOG_LOG_INDEX),
	LOG_FACT("transactionIndex", U64, transaction_index,
			 EVM_LOG_TRANSACTION_INDEX),
	LOG_FACT("blockNumber", U64, block_number, EVM_LOG_BLOCK_NUMBER),
	LOG_FACT("transactionHash", 32, transaction_hash, 0),
	LOG_FACT("blockHash", 32, block_hash, 0),
	LOG_FACT("removed", FLAG, present, EVM_LOG_REMOVED)
};

#define RECEIPT_FACT(name, kind, field, bit) \
	{name, FACT_##kind, offsetof(EvmReceipt, field), bit}

static const Fact receipt_facts[] = {
	RECEIPT_FACT("transactionHash", 32, transaction_hash, 0),
	RECEIPT_FACT("transactionIndex", U64, transaction_index,
				 EVM_RECEIPT_TRANSACTION_INDEX),
	RECEIPT_FACT("blockHash", 32, block_hash, 0),
	RECEIPT_FACT("blockNumber", U64, block_number, EVM_RECEIPT_BLOCK_NUMBER),
	RECEIPT_FACT("status", U64, status, EVM_RECEIPT_STATUS),
	RECEIPT_FACT("root", 32, root, 0),
	RECEIPT_FACT("gasUsed", U64, gas_used, EVM_RECEIPT_GAS_USED),
	RECEIPT_FACT("cumulativeGasUsed", U64, cumulative_gas_used,
				 EVM_RECEIPT_CUMULATIVE_GAS_USED),
	RECEIPT_FACT("type", U64, type, EVM_RECEIPT_TYPE),
	RECEIPT_FACT("effectiveGasPrice", U256, effective_gas_price,
				 EVM_RECEIPT_EFFECTIVE_GAS_PRICE),
	RECEIPT_FACT("blobGasUsed", U64, blob_gas_used,
				 EVM_RECEIPT_BLOB_GAS_USED),
	RECEIPT_FACT("blobGasPrice", U256, blob_gas_price,
				 EVM_RECEIPT_BLOB_GAS_PRICE),
	RECEIPT_FACT("from", 20, from, 0),
	RECEIPT_FACT("to", 20, to, 0),
	RECEIPT_FACT("contractAddress", 20, contract_address, 0),
	RECEIPT_FACT("logsBloom", 256, logs_bloom, 0),
	RECEIPT_FACT("depositNonce", EXTRA, extra, 0),
	RECEIPT_FACT("depositReceiptVersion", EXTRA, extra, 0)
};

#define BLOCK_FACT(name, kind, field, bit) \
	{name, FACT_##kind, offsetof(EvmBlock, field), bit}

static const Fact block_facts[] = {
	BLOCK_FACT("number", U64, number, EVM_BLOCK_NUMBER),
	BLOCK_FACT("hash", 32, hash, 0),
	BLOCK_FACT("parentHash", 32, parent_hash, 0),
	BLOCK_FACT("nonce", 8, nonce, 0),
	BLOCK_FACT("sha3Uncles", 32, sha3_uncles, 0),
	BLOCK_FACT("logsBloom", 256, logs_bloom, 0),
	BLOCK_FACT("transactionsRoot", 32, transactions_root, 0),
	BLOCK_FACT("stateRoot", 32, state_root, 0),
	BLOCK_FACT("receiptsRoot", 32, receipts_root, 0),
	BLOCK_FACT("withdrawalsRoot", 32, withdrawals_root, 0),
	BLOCK_FACT("miner", 20, miner, 0),
	BLOCK_FACT("difficulty", U256, difficulty, EVM_BLOCK_DIFFICULTY),
	BLOCK_FACT("totalDifficulty", U256, total_difficulty,
			   EVM_BLOCK_TOTAL_DIFFICULTY),
	BLOCK_FACT("size", U64, size, EVM_BLOCK_SIZE),
	BLOCK_FACT("extraData", BYTES, extra_data, 0),
	BLOCK_FACT("mixHash", 32, mix_hash, 0),
	BLOCK_FACT("gasLimit", U64, gas_limit, EVM_BLOCK_GAS_LIMIT),
	BLOCK_FACT("gasUsed", U64, gas_used, EVM_BLOCK_GAS_USED),
	BLOCK_FACT("timestamp", U64, timestamp, EVM_BLOCK_TIMESTAMP),
	BLOCK_FACT("baseFeePerGas", U256, base_fee_per_gas,
			   EVM_BLOCK_BASE_FEE_PER_GAS),
	BLOCK_FACT("blobGasUsed", U64, blob_gas_used, EVM_BLOCK_BLOB_GAS_USED),
	BLOCK_FACT("excessBlobGas", U64, excess_blob_gas,
			   EVM_BLOCK_EXCESS_BLOB_GAS),
	BLOCK_FACT("parentBeaconBlockRoot", 32, parent_beacon_block_root, 0),
	BLOCK_FACT("requestsHash", 32, requests_hash, 0),
	BLOCK_FACT("blockAccessListHash", 32, block_access_list_hash, 0),
	BLOCK_FACT("slotNumber", U64, slot_number, EVM_BLOCK_SLOT_NUMBER)
};

static void
facts_add(Facts *facts, const char *text, size_t len)
{
	if (facts->len + len + 1 > facts->size)
	{
		facts->size = (facts->len + len + 1) * 2;
		facts->text = realloc(facts->text, facts->size);
		if (facts->text == NULL)
			abort();
	}
	memcpy(facts->text + facts->len, text, len);
	facts->len += len;
	facts->text[facts->len] = '\0';
}

__attribute__((format(printf, 2, 3)))
static void
facts_print(Facts *facts, const char *format,...)
{
	char		line[200];
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	facts_add(facts, line, (size_t) len);
}

/* From the structs. */

static void
facts_hex(Facts *facts, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	facts_add(facts, "0x", 2);
	for (size_t i = 0; i < len; i++)
	{
		char		pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};

		facts_add(facts, pair, 2);
	}
	facts_add(facts, "\n", 1);
}

static void
facts_quantity(Facts *facts, const Uint256 *value)
{
	char		text[70];
	const char *digits = text;

	snprintf(text, sizeof(text), "%016llx%016llx%016llx%016llx",
			 (unsigned long long) value->word[3],
			 (unsigned long long) value->word[2],
			 (unsigned long long) value->word[1],
			 (unsigned long long) value->word[0]);
	while (digits[0] == '0' && digits[1] != '\0')
		digits++;
	facts_print(facts, "0x%s\n", digits);
}

/* A slice, the way json-c writes the same value. */
static void
facts_extra(Facts *facts, const EvmExtras *extras, const char *name)
{
	for (uint32_t i = 0; i < extras->count; i++)
	{
		const EvmExtra *extra = &extras->items[i];
		json_tokener *tokener;
		json_object *value;
		char	   *copy;

		if (strcmp(extra->name, name) != 0)
			continue;
		copy = malloc(extra->json_len + 1);
		memcpy(copy, extra->json, extra->json_len);
		copy[extra->json_len] = '\0';
		tokener = json_tokener_new_ex(80);
		value = json_tokener_parse_ex(tokener, copy,
									  (int) extra->json_len + 1);
		facts_print(facts, "%s=", name);
		facts_add(facts, json_object_to_json_string(value),
				  strlen(json_object_to_json_string(value)));
		facts_add(facts, "\n", 1);
		json_object_put(value);
		json_tokener_free(tokener);
		free(copy);
	}
}

static void
facts_of_struct(Facts *facts, const Fact *list, size_t count,
				const void *object)
{
	for (size_t i = 0; i < count; i++)
	{
		const Fact *fact = &list[i];
		const char *field = (const char *) object + fact->offset;
		const uint8_t *bytes = NULL;
		size_t		len = 0;
		Uint256		value;

		if (fact->bit != 0 && (*(const uint32_t *) object & fact->bit) == 0)
			continue;
		switch (fact->kind)
		{
			case FACT_U64:
				value = uint256_from_u64(*(const uint64_t *) field);
				facts_print(facts, "%s=", fact->name);
				facts_quantity(facts, &value);
				continue;
			case FACT_U256:
				facts_print(facts, "%s=", fact->name);
				facts_quantity(facts, (const Uint256 *) field);
				continue;
			case FACT_FLAG:
				facts_print(facts, "%s=true\n", fact->name);
				continue;
			case FACT_EXTRA:
				facts_extra(facts, (const EvmExtras *) field, fact->name);
				continue;
			case FACT_BYTES:
				bytes = ((const EvmBytes *) field)->data;
				len = ((const EvmBytes *) field)->len;
				break;
			default:
				bytes = *(const uint8_t *const *) field;
				len = fact->kind == FACT_8 ? 8 : fact->kind == FACT_20 ? 20 :
					fact->kind == FACT_32 ? 32 : 256;
				break;
		}
		if (bytes != NULL)
		{
			facts_print(facts, "%s=", fact->name);
			facts_hex(facts, bytes, len);
		}
	}
}

static void
facts_hashes(Facts *facts, const char *name, const uint8_t *const *hashes,
			 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
	{
		facts_print(facts, "%s[%u]=", name, i);
		facts_hex(facts, hashes[i], 32);
	}
}

static void
facts_transaction(Facts *facts, const EvmTransaction *tx)
{
	facts_of_struct(facts, transaction_facts, COUNT(transaction_facts), tx);
	if (tx->present & EVM_TX_ACCESS_LIST)
		facts_print(facts, "accessList: %u\n", tx->access_count);
	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		facts_of_struct(facts, access_facts, COUNT(access_facts),
						&tx->access_list[i]);
		facts_hashes(facts, "storageKeys", tx->access_list[i].storage_keys,
					 tx->access_list[i].storage_key_count);
	}
	if (tx->present & EVM_TX_AUTHORIZATION_LIST)
		facts_print(facts, "authorizationList: %u\n",
					tx->authorization_count);
	for (uint32_t i = 0; i < tx->authorization_count; i++)
		facts_of_struct(facts, authorization_facts,
						COUNT(authorization_facts),
						&tx->authorization_list[i]);
	if (tx->present & EVM_TX_BLOB_VERSIONED_HASHES)
		facts_print(facts, "blobVersionedHashes: %u\n",
					tx->blob_versioned_hash_count);
	facts_hashes(facts, "blobVersionedHashes", tx->blob_versioned_hashes,
				 tx->blob_versioned_hash_count);
}

static void
facts_block(Facts *facts, const EvmBlock *block)
{
	facts_of_struct(facts, block_facts, COUNT(block_facts), block);
	if (block->present & EVM_BLOCK_UNCLES)
		facts_print(facts, "uncles: %u\n", block->uncle_count);
	facts_hashes(facts, "uncles", block->uncles, block->uncle_count);
	if (block->present & EVM_BLOCK_TRANSACTIONS)
		facts_print(facts, "transactions: %u\n", block->transaction_count);
	for (uint32_t i = 0; i < block->transaction_count; i++)
		facts_transaction(facts, &block->transactions[i]);
	if (block->present & EVM_BLOCK_WITHDRAWALS)
		facts_print(facts, "withdrawals: %u\n", block->withdrawal_count);
	for (uint32_t i = 0; i < block->withdrawal_count; i++)
		facts_of_struct(facts, withdrawal_facts, COUNT(withdrawal_facts),
						&block->withdrawals[i]);
}

static void
facts_receipts(Facts *facts, const EvmReceipt *receipts, uint32_t count)
{
	facts_print(facts, "receipts: %u\n", count);
	for (uint32_t i = 0; i < count; i++)
	{
		facts_of_struct(facts, receipt_facts, COUNT(receipt_facts),
						&receipts[i]);
		facts_print(facts, "logs: %u\n", receipts[i].log_count);
		for (uint32_t j = 0; j < receipts[i].log_count; j++)
		{
			const EvmLog *log = &receipts[i].logs[j];

			facts_of_struct(facts, log_facts, COUNT(log_facts), log);
			facts_hashes(facts, "topics", log->topics, log->topic_count);
		}
	}
}

/* From json-c's tree. */

static json_object *
tree_member(json_object *object, const char *name)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, name, &value);
	return value;
}

static void
tree_value(Facts *facts, const char *name, json_object *value)
{
	const char *text = json_object_get_string(value);

	facts_print(facts, "%s=", name);
	for (; *text != '\0'; text++)
	{
		char		c = (char) tolower((unsigned char) *text);

		facts_add(facts, &c, 1);
	}
	facts_add(facts, "\n", 1);
}

static void
facts_of_tree(Facts *facts, const Fact *list, size_t count,
			  json_object *object)
{
	for (size_t i = 0; i < count; i++)
	{
		json_object *value = tree_member(object, list[i].name);

		if (value == NULL ||
			(list[i].kind == FACT_FLAG && !json_object_get_boolean(value)))
			continue;
		if (list[i].kind == FACT_EXTRA)
		{
			facts_print(facts, "%s=", list[i].name);
			facts_add(facts, json_object_to_json_string(value),
					  strlen(json_object_to_json_string(value)));
			facts_add(facts, "\n", 1);
			continue;
		}
		tree_value(facts, list[i].name, value);
	}
}

/* The number of elements of an array member, 0 when it is not there. */
static uint32_t
tree_count(json_object *object, const char *name, json_object **array)
{
	*array = tree_member(object, name);
	return *array == NULL ? 0 : (uint32_t) json_object_array_length(*array);
}

static void
tree_hashes(Facts *facts, json_object *object, const char *name)
{
	json_object *array;
	uint32_t	count = tree_count(object, name, &array);

	for (uint32_t i = 0; i < count; i++)
	{
		char		label[100];

		snprintf(label, sizeof(label), "%s[%u]", name, i);
		tree_value(facts, label, json_object_array_get_idx(array, i));
	}
}

static void
tree_transaction(Facts *facts, json_object *tx)
{
	json_object *array;
	uint32_t	count;

	facts_of_tree(facts, transaction_facts, COUNT(transaction_facts), tx);
	count = tree_count(tx, "accessList", &array);
	if (array != NULL)
		facts_print(facts, "accessList: %u\n", count);
	for (uint32_t i = 0; i < count; i++)
	{
		json_object *access = json_object_array_get_idx(array, i);

		facts_of_tree(facts, access_facts, COUNT(access_facts), access);
		tree_hashes(facts, access, "storageKeys");
	}
	count = tree_count(tx, "authorizationList", &array);
	if (array != NULL)
		facts_print(facts, "authorizationList: %u\n", count);
	for (uint32_t i = 0; i < count; i++)
		facts_of_tree(facts, authorization_facts, COUNT(authorization_facts),
					  json_object_array_get_idx(array, i));
	count = tree_count(tx, "blobVersionedHashes", &array);
	if (array != NULL)
		facts_print(facts, "blobVersionedHashes: %u\n", count);
	tree_hashes(facts, tx, "blobVersionedHashes");
}

static void
tree_block(Facts *facts, json_object *block)
{
	json_object *array;
	uint32_t	count;

	facts_of_tree(facts, block_facts, COUNT(block_facts), block);
	count = tree_count(block, "uncles", &array);
	if (array != NULL)
		facts_print(facts, "uncles: %u\n", count);
	tree_hashes(facts, block, "uncles");
	count = tree_count(block, "transactions", &array);
	if (array != NULL)
		facts_print(facts, "transactions: %u\n", count);
	for (uint32_t i = 0; i < count; i++)
		tree_transaction(facts, json_object_array_get_idx(array, i));
	count = tree_count(block, "withdrawals", &array);
	if (array != NULL)
		facts_print(facts, "withdrawals: %u\n", count);
	for (uint32_t i = 0; i < count; i++)
		facts_of_tree(facts, withdrawal_facts, COUNT(withdrawal_facts),
					  json_object_array_get_idx(array, i));
}

static void
tree_receipts(Facts *facts, json_object *receipts)
{
	size_t		count = json_object_array_length(receipts);

	facts_print(facts, "receipts: %u\n", (unsigned) count);
	for (size_t i = 0; i < count; i++)
	{
		json_object *receipt = json_object_array_get_idx(receipts, i);
		json_object *logs;
		uint32_t	log_count;

		facts_of_tree(facts, receipt_facts, COUNT(receipt_facts), receipt);
		log_count = tree_count(receipt, "logs", &logs);
		facts_print(facts, "logs: %u\n", log_count);
		for (uint32_t j = 0; j < log_count; j++)
		{
			json_object *log = json_object_array_get_idx(logs, j);

			facts_of_tree(facts, log_facts, COUNT(log_facts), log);
			tree_hashes(facts, log, "topics");
		}
	}
}

#endif							/* FACTS_H */
