/*-------------------------------------------------------------------------
 *
 * test_block_rules.c
 *	  The rules of block_json.h one by one: required members, duplicates,
 *	  null, forms and sizes, chain-specific members, memory.
 *
 *-------------------------------------------------------------------------
 */
#include "block_json.h"

#include <stdlib.h>

#include "unit.h"

#define A20 "\"0x00112233445566778899aabbccddeeff00112233\""
#define H32 "\"0x00112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff\""
#define TX_MIN "\"hash\":" H32 ",\"transactionIndex\":\"0x0\""
#define BLOCK_MIN "\"number\":\"0x1\",\"hash\":" H32 ",\"parentHash\":" H32 \
	",\"timestamp\":\"0x2\""
#define LOG_MIN "\"address\":" A20 ",\"topics\":[],\"data\":\"0x\"," \
	"\"logIndex\":\"0x0\""
#define RECEIPT_MIN "\"transactionHash\":" H32 ",\"transactionIndex\":" \
	"\"0x0\",\"logs\":[]"
#define AUTH_MIN "\"chainId\":\"0x1\",\"address\":" A20 ",\"nonce\":\"0x2\"," \
	"\"yParity\":\"0x0\",\"r\":\"0x3\",\"s\":\"0x4\""
#define WITHDRAWAL_MIN "\"index\":\"0x1\",\"validatorIndex\":\"0x2\"," \
	"\"address\":" A20 ",\"amount\":\"0x3\""

static const uint8_t sample20[20] = {
	0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
	0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33
};

/* What the last read gave; its memory is released by the next. */
static char *buffer = NULL;
static Arena arena;
static JsonScanner scanner;
static EvmBlock block;
static EvmReceipt *receipts;
static uint32_t receipt_count;
static bool is_null;

static void
start(const char *text)
{
	size_t		len = strlen(text);

	free(buffer);
	buffer = malloc(len == 0 ? 1 : len);
	memcpy(buffer, text, len);
	arena_reset(&arena);
	json_init(&scanner, buffer, len);
}

/* True when the text is read; else the error must be what is expected. */
static bool
finish(bool good, const char *text, JsonStatus status, const char *message)
{
	CHECK_SAY(good == (status == JSON_OK), text);
	CHECK_SAY(scanner.error.status == status, text);
	CHECK_TEXT(scanner.error.message, good ? "" : message);
	if (good)
		CHECK_SAY(scanner.pos == scanner.end && scanner.depth == 0, text);
	return good;
}

static bool
read_block(const char *text, JsonStatus status, const char *message)
{
	start(text);
	return finish(block_json_read_block(&scanner, &arena, &block, &is_null),
				  text, status, message);
}

static bool
read_header(const char *text, JsonStatus status, const char *message)
{
	start(text);
	return finish(block_json_read_header(&scanner, &arena, &block, &is_null),
				  text, status, message);
}

static bool
read_receipts(const char *text, JsonStatus status, const char *message)
{
	start(text);
	return finish(block_json_read_receipts(&scanner, &arena, &receipts,
										   &receipt_count, &is_null),
				  text, status, message);
}

/* A block with these members behind the required ones. */
static bool
block_with(const char *members, JsonStatus status, const char *message)
{
	static char text[20000];

	snprintf(text, sizeof(text), "{%s,\"transactions\":[]%s}", BLOCK_MIN,
			 members);
	return read_block(text, status, message);
}

/* A block with one transaction of these members. */
static bool
tx_with(const char *members, JsonStatus status, const char *message)
{
	static char text[20000];

	snprintf(text, sizeof(text), "{%s,\"transactions\":[{%s%s}]}", BLOCK_MIN,
			 TX_MIN, members);
	return read_block(text, status, message);
}

static bool
receipt_with(const char *members, JsonStatus status, const char *message)
{
	static char text[20000];

	snprintf(text, sizeof(text), "[{%s%s}]", RECEIPT_MIN, members);
	return read_receipts(text, status, message);
}

static bool
log_with(const char *members, JsonStatus status, const char *message)
{
	static char text[20000];

	snprintf(text, sizeof(text), "[{\"transactionHash\":%s,"
			 "\"transactionIndex\":\"0x0\",\"logs\":[{%s}]}]", H32, members);
	return read_receipts(text, status, message);
}

static void
test_null(void)
{
	EvmReceipt	receipt;

	CHECK(read_block("null", JSON_OK, NULL) && is_null);
	CHECK(read_header(" null", JSON_OK, NULL) && is_null);
	CHECK(read_receipts("null", JSON_OK, NULL) && is_null);
	CHECK(receipts == NULL && receipt_count == 0);
	start("null");
	CHECK(block_json_read_receipt(&scanner, &arena, &receipt, &is_null) &&
		  is_null);
	CHECK(read_receipts("[]", JSON_OK, NULL) && !is_null);
	CHECK(receipt_count == 0);
	read_block("nul", JSON_MALFORMED, "expected a value");
	read_block("", JSON_MALFORMED, "the text ends too early");
	read_receipts("", JSON_MALFORMED, "the text ends too early");
	read_block("[]", JSON_MALFORMED, "expected an object");
	read_block("\"0x1\"", JSON_MALFORMED, "expected an object");
	read_receipts("{}", JSON_MALFORMED, "expected an array of receipts");
	read_receipts("[null]", JSON_INVALID,
				  "member \"receipts\": not an array of objects");

	/* null members are absent */
	CHECK(block_with(",\"baseFeePerGas\":null,\"miner\":null,\"extraData\":"
					 "null,\"withdrawals\":null,\"uncles\":null,\"size\":null",
					 JSON_OK, NULL) && !is_null);
	CHECK(block.present == (EVM_BLOCK_NUMBER | EVM_BLOCK_TIMESTAMP |
							EVM_BLOCK_TRANSACTIONS));
	CHECK(block.miner == NULL && block.extra_data.data == NULL);
	CHECK(tx_with(",\"to\":null,\"accessList\":null,\"mint\":null,"
				  "\"type\":null,\"blobVersionedHashes\":null", JSON_OK,
				  NULL));
	CHECK(block.transactions[0].present == EVM_TX_TRANSACTION_INDEX);
	CHECK(block.transactions[0].extra.count == 0);
	CHECK(block.transactions[0].to == NULL);
}

/* Each required member, absent and null. */
static void
test_required(void)
{
	static const char *const names[] = {
		"number", "hash", "parentHash", "timestamp", "transactions"
	};
	static const char *const values[] = {
		"\"0x1\"", H32, H32, "\"0x2\"", "[]"
	};

	for (size_t missing = 0; missing < 5; missing++)
	{
		for (int with_null = 0; with_null < 2; with_null++)
		{
			char		text[1000] = "{\"size\":\"0x1\"";
			char		message[100];

			for (size_t i = 0; i < 5; i++)
			{
				if (i == missing && !with_null)
					continue;
				strcat(text, ",\"");
				strcat(text, names[i]);
				strcat(text, "\":");
				strcat(text, i == missing ? "null" : values[i]);
			}
			strcat(text, "}");
			snprintf(message, sizeof(message),
					 "required member \"%s\" is missing", names[missing]);
			read_block(text, JSON_MISSING, message);
			if (missing == 4)
				read_header(text, JSON_OK, NULL);
			else
				read_header(text, JSON_MISSING, message);
		}
	}
	read_block("{" BLOCK_MIN ",\"transactions\":[{\"transactionIndex\":"
			   "\"0x0\"}]}", JSON_MISSING,
			   "required member \"hash\" is missing, in transactions[0]");
	read_block("{" BLOCK_MIN ",\"transactions\":[{" TX_MIN "},{\"hash\":"
			   H32 "}]}", JSON_MISSING,
			   "required member \"transactionIndex\" is missing, "
			   "in transactions[1]");
	read_receipts("[{" RECEIPT_MIN "},{\"transactionHash\":" H32
				  ",\"logs\":[]}]", JSON_MISSING,
				  "required member \"transactionIndex\" is missing, "
				  "in receipts[1]");
	read_receipts("[{\"transactionIndex\":\"0x0\",\"logs\":[]}]",
				  JSON_MISSING, "required member \"transactionHash\" is "
				  "missing, in receipts[0]");
	read_receipts("[{\"transactionIndex\":\"0x0\",\"transactionHash\":" H32
				  ",\"logs\":null}]", JSON_MISSING,
				  "required member \"logs\" is missing, in receipts[0]");
	log_with("\"address\":" A20 ",\"topics\":[],\"data\":\"0x\"",
			 JSON_MISSING, "required member \"logIndex\" is missing, "
			 "in logs[0], in receipts[0]");
	log_with("\"address\":" A20 ",\"topics\":null,\"data\":\"0x\","
			 "\"logIndex\":\"0x0\"", JSON_MISSING,
			 "required member \"topics\" is missing, in logs[0], "
			 "in receipts[0]");
	tx_with(",\"authorizationList\":[{\"address\":" A20 "}]", JSON_MISSING,
			"required member \"chainId\" is missing, "
			"in authorizationList[0], in transactions[0]");
	tx_with(",\"accessList\":[{\"storageKeys\":[]}]", JSON_MISSING,
			"required member \"address\" is missing, in accessList[0], "
			"in transactions[0]");
	block_with(",\"withdrawals\":[{\"index\":\"0x0\"}]", JSON_MISSING,
			   "required member \"validatorIndex\" is missing, "
			   "in withdrawals[0]");
}

static void
test_duplicates(void)
{
	block_with(",\"number\":\"0x1\"", JSON_INVALID,
			   "member \"number\": appears twice");
	block_with(",\"miner\":null,\"miner\":" A20, JSON_INVALID,
			   "member \"miner\": appears twice");
	block_with(",\"transactions\":[]", JSON_INVALID,
			   "member \"transactions\": appears twice");
	read_header("{" BLOCK_MIN ",\"transactions\":1,\"transactions\":1}",
				JSON_INVALID, "member \"transactions\": appears twice");
	tx_with(",\"hash\":" H32, JSON_INVALID,
			"member \"hash\": appears twice, in transactions[0]");
	tx_with(",\"mint\":1,\"mint\":2", JSON_INVALID,
			"member \"mint\": appears twice, in transactions[0]");
	log_with(LOG_MIN ",\"data\":\"0x\"", JSON_INVALID,
			 "member \"data\": appears twice, in logs[0], in receipts[0]");
	/* the same in other clothes */
	block_with(",\"num\\u0062er\":\"0x2\"", JSON_INVALID,
			   "member name with an escape");
	/* members that nobody knows, even twice, nested or not */
	CHECK(block_with(",\"x\":1,\"x\":{\"number\":\"0x5\"},\"numbe\":1,"
					 "\"numbers\":1,\"\":0,\"sealFields\":[\"\\u0041\"]",
					 JSON_OK, NULL));
	CHECK(block.number == 1);
	block_with(",\"x\":[1,]", JSON_MALFORMED, "expected a value");
	block_with(",\"x\":\"\xff\"", JSON_MALFORMED, "string is not UTF-8");
	block_with(",\"x\xff\":1", JSON_MALFORMED, "string is not UTF-8");
	block_with(",\"x\":\"\\ud800\"", JSON_MALFORMED,
			   "lone surrogate in a string");
	block_with(",", JSON_MALFORMED, "expected a member name");
	block_with(" \"size\":\"0x1\"", JSON_MALFORMED, "expected a comma");
	block_with(",\"size\" \"0x1\"", JSON_MALFORMED, "expected a colon");
	block_with(",\"author\" 1", JSON_MALFORMED, "expected a colon");
}

static void
test_forms(void)
{
	block_with(",\"gasUsed\":\"0x01\"", JSON_INVALID,
			   "member \"gasUsed\": quantity has a leading zero");
	block_with(",\"gasUsed\":\"0x\"", JSON_INVALID,
			   "member \"gasUsed\": quantity has no digits");
	block_with(",\"gasUsed\":\"0x1z\"", JSON_INVALID,
			   "member \"gasUsed\": not a hexadecimal digit");
	block_with(",\"gasUsed\":1", JSON_INVALID,
			   "member \"gasUsed\": not a string of hexadecimal digits");
	block_with(",\"gasUsed\":\"12\"", JSON_INVALID,
			   "member \"gasUsed\": does not begin with 0x");
	block_with(",\"gasLimit\":\"0x10000000000000000\"", JSON_OUT_OF_RANGE,
			   "member \"gasLimit\": quantity has more than 64 bits");
	CHECK(block_with(",\"gasLimit\":\"0xffffffffffffffff\"", JSON_OK, NULL));
	CHECK(block.gas_limit == UINT64_MAX);
	tx_with(",\"value\":\"0x10000000000000000000000000000000000000000000000"
			"000000000000000000\"", JSON_OUT_OF_RANGE,
			"member \"value\": quantity has more than 256 bits, "
			"in transactions[0]");
	block_with(",\"extraData\":\"0x123\"", JSON_INVALID,
			   "member \"extraData\": data has an odd number of digits");
	block_with(",\"miner\":\"0x1234\"", JSON_INVALID,
			   "member \"miner\": data is not 20 bytes long");
	block_with(",\"miner\":\"0x00112233445566778899aabbccddeeff0011223g\"",
			   JSON_INVALID, "member \"miner\": not a hexadecimal digit");
	block_with(",\"nonce\":\"0x1\"", JSON_INVALID,
			   "member \"nonce\": data is not 8 bytes long");
	CHECK(block_with(",\"nonce\":\"0x0102030405060708\",\"miner\":" A20
					 ",\"extraData\":\"0x\"", JSON_OK, NULL));
	CHECK(memcmp(block.nonce, "\1\2\3\4\5\6\7\10", 8) == 0);
	CHECK(memcmp(block.miner, sample20, 20) == 0);
	CHECK(block.extra_data.data != NULL && block.extra_data.len == 0);
	block_with(",\"uncles\":{}", JSON_INVALID,
			   "member \"uncles\": not an array");
	block_with(",\"uncles\":[\"0x12\"]", JSON_INVALID,
			   "member \"uncles\": data is not 32 bytes long, in uncles[0]");
	block_with(",\"withdrawals\":[1]", JSON_INVALID,
			   "member \"withdrawals\": not an array of objects");
	read_block("{" BLOCK_MIN ",\"transactions\":[" H32 "]}", JSON_INVALID,
			   "member \"transactions\": hashes only, "
			   "not whole transactions");
	read_block("{" BLOCK_MIN ",\"transactions\":[{" TX_MIN "}," H32 "]}",
			   JSON_INVALID,
			   "member \"transactions\": not an array of objects");
	CHECK(read_header("{" BLOCK_MIN ",\"transactions\":[" H32 "],"
					  "\"withdrawals\":[1]}", JSON_OK, NULL));
	CHECK(block.present == (EVM_BLOCK_NUMBER | EVM_BLOCK_TIMESTAMP));
}

/* A bloom is decoded over itself: damage anywhere in it is still named. */
static void
test_bloom(void)
{
	char		members[600] = ",\"logsBloom\":\"0x";
	size_t		begin = strlen(members);

	memset(members + begin, 'a', 512);
	strcpy(members + begin + 512, "\"");
	CHECK(receipt_with(members, JSON_OK, NULL));
	for (size_t i = 0; i < 256; i++)
		CHECK(receipts[0].logs_bloom[i] == 0xaa);
	for (size_t i = 0; i < 512; i += 7)
	{
		members[begin + i] = 'x';
		receipt_with(members, JSON_INVALID,
					 "member \"logsBloom\": not a hexadecimal digit, "
					 "in receipts[0]");
		members[begin + i] = '"';
		receipt_with(members, JSON_INVALID,
					 "member \"logsBloom\": data is not 256 bytes long, "
					 "in receipts[0]");
		members[begin + i] = 'a';
	}
}

static void
test_logs(void)
{
	char		members[1000];

	for (uint32_t count = 0; count <= 5; count++)
	{
		strcpy(members, "\"address\":" A20 ",\"data\":\"0x0102\","
			   "\"logIndex\":\"0x7\",\"topics\":[");
		for (uint32_t i = 0; i < count; i++)
		{
			strcat(members, i == 0 ? "" : ",");
			strcat(members, H32);
		}
		strcat(members, "]");
		if (count == 5)
		{
			log_with(members, JSON_INVALID, "member \"topics\": has too many "
					 "elements, in logs[0], in receipts[0]");
			continue;
		}
		CHECK(log_with(members, JSON_OK, NULL));
		CHECK(receipts[0].logs[0].topic_count == count);
		CHECK(receipts[0].logs[0].log_index == 7);
		CHECK(receipts[0].logs[0].data.len == 2);
		if (count > 0)
			CHECK(memcmp(receipts[0].logs[0].topics[count - 1], sample20,
						 16) == 0);
	}
	CHECK(log_with(LOG_MIN ",\"removed\":true", JSON_OK, NULL));
	CHECK(receipts[0].logs[0].present & EVM_LOG_REMOVED);
	CHECK(log_with(LOG_MIN ",\"removed\":false", JSON_OK, NULL));
	CHECK(!(receipts[0].logs[0].present & EVM_LOG_REMOVED));
	log_with(LOG_MIN ",\"removed\":\"true\"", JSON_INVALID,
			 "member \"removed\": not true or false, in logs[0], "
			 "in receipts[0]");
	log_with(LOG_MIN ",\"removed\":tru", JSON_MALFORMED,
			 "expected a value, in logs[0], in receipts[0]");
}

static void
test_lists(void)
{
	EvmTransaction *tx;

	CHECK(tx_with(",\"accessList\":[],\"authorizationList\":[{" AUTH_MIN
				  "}],\"blobVersionedHashes\":[" H32 "]", JSON_OK, NULL));
	tx = &block.transactions[0];
	CHECK((tx->present & EVM_TX_ACCESS_LIST) && tx->access_count == 0);
	CHECK(tx->authorization_count == 1 &&
		  tx->authorization_list[0].s.word[0] == 4 &&
		  tx->authorization_list[0].nonce.word[0] == 2);
	CHECK(tx->blob_versioned_hash_count == 1);
	CHECK(tx_with(",\"accessList\":[{\"address\":" A20 ",\"storageKeys\":["
				  H32 "," H32 "]},{\"address\":" A20 "}]", JSON_OK, NULL));
	tx = &block.transactions[0];
	CHECK(tx->access_count == 2 && tx->access_list[0].storage_key_count == 2);
	CHECK(tx->access_list[1].storage_key_count == 0);
	CHECK(memcmp(tx->access_list[1].address, sample20, 20) == 0);
	CHECK(block_with(",\"withdrawals\":[{" WITHDRAWAL_MIN "}]", JSON_OK,
					 NULL));
	CHECK(block.withdrawal_count == 1 && block.withdrawals[0].amount == 3);
}

static bool
extra_is(const EvmExtras *extras, uint32_t i, const char *name,
		 const char *json)
{
	return i < extras->count && strcmp(extras->items[i].name, name) == 0 &&
		extras->items[i].json_len == strlen(json) &&
		memcmp(extras->items[i].json, json, strlen(json)) == 0;
}

static void
test_extras(void)
{
	static const char *const names[] = {
		"sourceHash", "mint", "isSystemTx", "requestId", "refundTo",
		"l1BaseFee", "depositValue", "retryTo", "retryValue", "retryData",
		"beneficiary", "maxSubmissionFee", "ticketId", "maxRefund",
		"submissionFeeRefund", "feeCurrency"
	};
	char		members[2000] = "";
	EvmExtras  *extras;

	for (size_t i = 0; i < 16; i++)
		snprintf(members + strlen(members), sizeof(members) - strlen(members),
				 ",\"%s\":\"0x%zx\"", names[i], i);
	strcat(members, ",\"depositReceiptVersion\":\"0x1\"");
	CHECK(tx_with(members, JSON_OK, NULL));
	extras = &block.transactions[0].extra;
	CHECK(extras->count == 16);
	for (uint32_t i = 0; i < 16; i++)
	{
		char		json[10];

		snprintf(json, sizeof(json), "\"0x%x\"", i);
		CHECK(extra_is(extras, i, names[i], json));
	}

	/* the slice is as it was, with decoding all around it */
	CHECK(tx_with(",\"input\":\"0xaabbccddeeff\",\"mint\": {\"a\":[1, "
				  "\"0xff\"]} ,\"to\":" A20 ",\"isSystemTx\":false,"
				  "\"sourceHash\":null", JSON_OK, NULL));
	extras = &block.transactions[0].extra;
	CHECK(extras->count == 2);
	CHECK(extra_is(extras, 0, "mint", "{\"a\":[1, \"0xff\"]}"));
	CHECK(extra_is(extras, 1, "isSystemTx", "false"));
	tx_with(",\"mint\":[1,]", JSON_MALFORMED,
			"expected a value, in transactions[0]");
	/* jsonb could not hold these */
	tx_with(",\"mint\":\"\\u0000\"", JSON_INVALID, "member \"mint\": holds "
			"what a database cannot, in transactions[0]");
	tx_with(",\"mint\":1e99999", JSON_INVALID, "member \"mint\": holds "
			"what a database cannot, in transactions[0]");
	CHECK(tx_with(",\"mint\":\"\\\\u0000\"", JSON_OK, NULL));

	CHECK(receipt_with(",\"depositNonce\":\"0x5\","
					   "\"depositReceiptVersion\":\"0x1\",\"mint\":1",
					   JSON_OK, NULL));
	CHECK(receipts[0].extra.count == 2);
	CHECK(extra_is(&receipts[0].extra, 0, "depositNonce", "\"0x5\""));
	CHECK(extra_is(&receipts[0].extra, 1, "depositReceiptVersion",
				   "\"0x1\""));
}

/* Members in any order, and in another order in each object. */
static void
test_order(void)
{
	static const char *const members[] = {
		("\"hash\":" H32), "\"transactionIndex\":\"0x5\"", "\"gas\":\"0x6\"",
		("\"to\":" A20), "\"unknown\":[{}]", "\"value\":\"0x7\"",
		"\"input\":\"0x0102\"", "\"blockTimestamp\":\"0x1\""
	};
	char		text[20000] = "{" BLOCK_MIN ",\"transactions\":[";
	unsigned	state = 1;

	for (int tx = 0; tx < 40; tx++)
	{
		int			order[8] = {0, 1, 2, 3, 4, 5, 6, 7};

		for (int i = 7; i > 0; i--)
		{
			int			j;
			int			swap = order[i];

			state = state * 1103515245 + 12345;
			j = (int) (state >> 16) % (i + 1);
			order[i] = order[j];
			order[j] = swap;
		}
		for (int i = 0; i < 8; i++)
		{
			strcat(text, i > 0 ? " , " : tx > 0 ? ",{" : "{");
			strcat(text, members[order[i]]);
		}
		strcat(text, "}");
	}
	strcat(text, "]}");
	CHECK(read_block(text, JSON_OK, NULL));
	CHECK(block.transaction_count == 40);
	for (uint32_t i = 0; i < block.transaction_count; i++)
	{
		const EvmTransaction *tx = &block.transactions[i];

		CHECK(tx->transaction_index == 5 && tx->gas == 6 &&
			  tx->value.word[0] == 7 && tx->input.len == 2);
		CHECK(memcmp(tx->to, sample20, 20) == 0);
	}
}

/* The arena's limit is an error like any other, wherever it is met. */
static void
test_memory(void)
{
	static char text[400000] = "{" BLOCK_MIN ",\"transactions\":[";
	size_t		len = strlen(text);
	size_t		refused = 0;
	size_t		limit;

	for (int i = 0; i < 500; i++)
		len += (size_t) sprintf(text + len, "%s{%s,\"mint\":1,\"accessList\":"
								"[{\"address\":%s,\"storageKeys\":[%s,%s]}]}",
								i == 0 ? "" : ",", TX_MIN, A20, H32, H32);
	strcpy(text + len, "]}");
	CHECK(read_block(text, JSON_OK, NULL));
	CHECK(block.transaction_count == 500);
	CHECK(arena.used < 16 * strlen(text));

	for (limit = 1; refused < 1000; limit += 5000)
	{
		arena_destroy(&arena);
		arena_init(&arena, limit);
		start(text);
		if (block_json_read_block(&scanner, &arena, &block, &is_null))
			break;
		refused++;
		CHECK(scanner.error.status == JSON_NO_MEMORY);
		CHECK(arena.reserved <= limit);
	}
	CHECK(refused > 10 && refused < 1000);
	arena_destroy(&arena);
	arena_init(&arena, 0);
}

static void
test_single_receipt(void)
{
	EvmReceipt	receipt;

	start("{" RECEIPT_MIN ",\"status\":\"0x1\",\"root\":null,\"from\":" A20
		  "}");
	CHECK(block_json_read_receipt(&scanner, &arena, &receipt, &is_null));
	CHECK(!is_null && receipt.status == 1 && receipt.root == NULL);
	CHECK(receipt.present == (EVM_RECEIPT_TRANSACTION_INDEX |
							  EVM_RECEIPT_STATUS));
	CHECK(memcmp(receipt.from, sample20, 20) == 0);
	/* a scanner that failed reads nothing more */
	start("[");
	CHECK(!block_json_read_receipt(&scanner, &arena, &receipt, &is_null));
	CHECK(!block_json_read_receipt(&scanner, &arena, &receipt, &is_null));
	CHECK_TEXT(scanner.error.message, "expected an object");
}

int
main(void)
{
	arena_init(&arena, 0);
	test_null();
	test_required();
	test_duplicates();
	test_forms();
	test_bloom();
	test_logs();
	test_lists();
	test_extras();
	test_order();
	test_memory();
	test_single_receipt();
	free(buffer);
	arena_destroy(&arena);
	return unit_summary("test_block_rules");
}
