/*-------------------------------------------------------------------------
 *
 * receipt_json.c
 *	  Receipts and their logs, from JSON: the members they have.
 *
 * The names and forms are those of the Ethereum execution-apis, in geth's
 * order; depositNonce and depositReceiptVersion are covered by the receipts
 * root of OP chains (OP Stack specification, "Deposits").
 *
 *-------------------------------------------------------------------------
 */
#include "block_json.h"

#include "json_members.h"
#include "json_scan.h"

/* Places in JsonReader.follower. */
enum
{
	SHAPE_RECEIPT,
	SHAPE_LOG
};

_Static_assert(offsetof(EvmReceipt, present) == 0, "see JsonMember.present");
_Static_assert(offsetof(EvmLog, present) == 0, "see JsonMember.present");

static char *
read_topics(JsonReader *reader, char *p, void *object)
{
	EvmLog	   *log = object;

	return json_read_some_hashes(reader, p, "topics", log->topics,
								 sizeof(log->topics) / sizeof(log->topics[0]),
								 &log->topic_count);
}

#define LOG(name, required, kind, field, bit) \
	JSON_MEMBER(name, required, kind, EvmLog, field, bit)

static const JsonMember log_members[] = {
	LOG("address", true, DATA20, address, 0),
	JSON_MEMBER_NESTED("topics", true, read_topics, 0),
	LOG("data", true, DATA, data, 0),
	LOG("blockNumber", false, U64, block_number, EVM_LOG_BLOCK_NUMBER),
	LOG("transactionHash", false, DATA32, transaction_hash, 0),
	LOG("transactionIndex", false, U64, transaction_index,
		EVM_LOG_TRANSACTION_INDEX),
	LOG("blockHash", false, DATA32, block_hash, 0),
	JSON_MEMBER_IGNORED("blockTimestamp"),
	LOG("logIndex", true, U64, log_index, EVM_LOG_LOG_INDEX),
	JSON_MEMBER_FLAG("removed", EVM_LOG_REMOVED)
};

static const JsonShape log_shape =
JSON_SHAPE(log_members, SHAPE_LOG, EvmLog);

static char *
read_logs(JsonReader *reader, char *p, void *object)
{
	EvmReceipt *receipt = object;
	void	   *items = NULL;

	p = json_read_objects(reader, p, "logs", &log_shape, &items,
						  &receipt->log_count);
	receipt->logs = items;
	return p;
}

#define RECEIPT(name, required, kind, field, bit) \
	JSON_MEMBER(name, required, kind, EvmReceipt, field, bit)

static const JsonMember receipt_members[] = {
	RECEIPT("blobGasPrice", false, U256, blob_gas_price,
			EVM_RECEIPT_BLOB_GAS_PRICE),
	RECEIPT("blobGasUsed", false, U64, blob_gas_used,
			EVM_RECEIPT_BLOB_GAS_USED),
	RECEIPT("blockHash", false, DATA32, block_hash, 0),
	RECEIPT("blockNumber", false, U64, block_number,
			EVM_RECEIPT_BLOCK_NUMBER),
	RECEIPT("contractAddress", false, DATA20, contract_address, 0),
	RECEIPT("cumulativeGasUsed", false, U64, cumulative_gas_used,
			EVM_RECEIPT_CUMULATIVE_GAS_USED),
	RECEIPT("effectiveGasPrice", false, U256, effective_gas_price,
			EVM_RECEIPT_EFFECTIVE_GAS_PRICE),
	RECEIPT("from", false, DATA20, from, 0),
	RECEIPT("gasUsed", false, U64, gas_used, EVM_RECEIPT_GAS_USED),
	JSON_MEMBER_NESTED("logs", true, read_logs, 0),
	RECEIPT("logsBloom", false, DATA256, logs_bloom, 0),
	RECEIPT("root", false, DATA32, root, 0),
	RECEIPT("status", false, U64, status, EVM_RECEIPT_STATUS),
	RECEIPT("to", false, DATA20, to, 0),
	RECEIPT("transactionHash", true, DATA32, transaction_hash, 0),
	RECEIPT("transactionIndex", true, U64, transaction_index,
			EVM_RECEIPT_TRANSACTION_INDEX),
	RECEIPT("type", false, U64, type, EVM_RECEIPT_TYPE),
	RECEIPT("depositNonce", false, EXTRA, extra, 0),
	RECEIPT("depositReceiptVersion", false, EXTRA, extra, 0)
};

static const JsonShape receipt_shape =
JSON_SHAPE(receipt_members, SHAPE_RECEIPT, EvmReceipt);

bool
block_json_read_receipts(JsonScanner *scanner, Arena *arena,
						 EvmReceipt **receipts, uint32_t *count,
						 bool *is_null)
{
	JsonReader	reader;
	void	   *items = NULL;
	char	   *p;

	*receipts = NULL;
	*count = 0;
	json_reader_init(&reader, scanner, arena);
	p = json_reader_start(&reader, is_null);
	if (p != NULL && (p >= scanner->end || *p != '['))
		p = json_fail_syntax(scanner, p, "expected an array of receipts");
	if (p != NULL)
		p = json_read_objects(&reader, p, "receipts", &receipt_shape, &items,
							  count);
	*receipts = items;
	return json_reader_finish(&reader, p, *is_null);
}

bool
block_json_read_receipt(JsonScanner *scanner, Arena *arena,
						EvmReceipt *receipt, bool *is_null)
{
	JsonReader	reader;
	char	   *p;

	memset(receipt, 0, sizeof(*receipt));
	json_reader_init(&reader, scanner, arena);
	p = json_reader_start(&reader, is_null);
	if (p != NULL)
		p = json_read_object(&reader, p, &receipt_shape, receipt);
	return json_reader_finish(&reader, p, *is_null);
}
