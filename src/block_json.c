/*-------------------------------------------------------------------------
 *
 * block_json.c
 *	  Blocks with their transactions, from JSON: the members they have.
 *
 * The names and forms are those of the Ethereum execution-apis, in geth's
 * order.  Members that no hash covers and that nothing here stores are
 * skipped.  A member that some other chain's hash covers goes into `extra` as
 * its text: the deposit transactions of OP chains (OP Stack specification,
 * "Deposits") and Arbitrum's own transaction types (Nitro, "ArbOS
 * transaction types"), and Celo's feeCurrency.
 *
 *-------------------------------------------------------------------------
 */
#include "block_json.h"

#include "json_members.h"
#include "json_scan.h"

/* Places in JsonReader.follower. */
enum
{
	SHAPE_BLOCK,
	SHAPE_TRANSACTION,
	SHAPE_WITHDRAWAL,
	SHAPE_ACCESS,
	SHAPE_AUTHORIZATION
};

_Static_assert(offsetof(EvmBlock, present) == 0, "see JsonMember.present");
_Static_assert(offsetof(EvmTransaction, present) == 0,
			   "see JsonMember.present");

static char *
read_storage_keys(JsonReader *reader, char *p, void *object)
{
	EvmAccess  *access = object;

	return json_read_hashes(reader, p, "storageKeys", &access->storage_keys,
							&access->storage_key_count);
}

/* EIP-2930 */
static const JsonMember access_members[] = {
	JSON_MEMBER("address", true, DATA20, EvmAccess, address, 0),
	JSON_MEMBER_NESTED("storageKeys", false, read_storage_keys, 0)
};

static const JsonShape access_shape =
JSON_SHAPE(access_members, SHAPE_ACCESS, EvmAccess);

/* EIP-7702 */
static const JsonMember authorization_members[] = {
	JSON_MEMBER("chainId", true, U256, EvmAuthorization, chain_id, 0),
	JSON_MEMBER("address", true, DATA20, EvmAuthorization, address, 0),
	JSON_MEMBER("nonce", true, U256, EvmAuthorization, nonce, 0),
	JSON_MEMBER("yParity", true, U256, EvmAuthorization, y_parity, 0),
	JSON_MEMBER("r", true, U256, EvmAuthorization, r, 0),
	JSON_MEMBER("s", true, U256, EvmAuthorization, s, 0)
};

static const JsonShape authorization_shape =
JSON_SHAPE(authorization_members, SHAPE_AUTHORIZATION, EvmAuthorization);

static char *
read_access_list(JsonReader *reader, char *p, void *object)
{
	EvmTransaction *transaction = object;
	void	   *items = NULL;

	p = json_read_objects(reader, p, "accessList", &access_shape, &items,
						  &transaction->access_count);
	transaction->access_list = items;
	return p;
}

static char *
read_authorization_list(JsonReader *reader, char *p, void *object)
{
	EvmTransaction *transaction = object;
	void	   *items = NULL;

	p = json_read_objects(reader, p, "authorizationList",
						  &authorization_shape, &items,
						  &transaction->authorization_count);
	transaction->authorization_list = items;
	return p;
}

static char *
read_blob_hashes(JsonReader *reader, char *p, void *object)
{
	EvmTransaction *transaction = object;

	return json_read_hashes(reader, p, "blobVersionedHashes",
							&transaction->blob_versioned_hashes,
							&transaction->blob_versioned_hash_count);
}

#define TX(name, required, kind, field, bit) \
	JSON_MEMBER(name, required, kind, EvmTransaction, field, bit)
#define TX_EXTRA(name) \
	JSON_MEMBER(name, false, EXTRA, EvmTransaction, extra, 0)

static const JsonMember transaction_members[] = {
	TX("blockHash", false, DATA32, block_hash, 0),
	TX("blockNumber", false, U64, block_number, EVM_TX_BLOCK_NUMBER),
	JSON_MEMBER_IGNORED("blockTimestamp"),
	TX("from", false, DATA20, from, 0),
	TX("gas", false, U64, gas, EVM_TX_GAS),
	TX("gasPrice", false, U256, gas_price, EVM_TX_GAS_PRICE),
	TX("maxFeePerGas", false, U256, max_fee_per_gas, EVM_TX_MAX_FEE_PER_GAS),
	TX("maxPriorityFeePerGas", false, U256, max_priority_fee_per_gas,
	   EVM_TX_MAX_PRIORITY_FEE_PER_GAS),
	TX("maxFeePerBlobGas", false, U256, max_fee_per_blob_gas,
	   EVM_TX_MAX_FEE_PER_BLOB_GAS),
	TX("hash", true, DATA32, hash, 0),
	TX("input", false, DATA, input, 0),
	TX("nonce", false, U64, nonce, EVM_TX_NONCE),
	TX("to", false, DATA20, to, 0),
	TX("transactionIndex", true, U64, transaction_index,
	   EVM_TX_TRANSACTION_INDEX),
	TX("value", false, U256, value, EVM_TX_VALUE),
	TX("type", false, U64, type, EVM_TX_TYPE),
	JSON_MEMBER_NESTED("accessList", false, read_access_list,
					   EVM_TX_ACCESS_LIST),
	TX("chainId", false, U256, chain_id, EVM_TX_CHAIN_ID),
	JSON_MEMBER_NESTED("blobVersionedHashes", false, read_blob_hashes,
					   EVM_TX_BLOB_VERSIONED_HASHES),
	JSON_MEMBER_NESTED("authorizationList", false, read_authorization_list,
					   EVM_TX_AUTHORIZATION_LIST),
	TX("v", false, U256, v, EVM_TX_V),
	TX("r", false, U256, r, EVM_TX_R),
	TX("s", false, U256, s, EVM_TX_S),
	TX("yParity", false, U256, y_parity, EVM_TX_Y_PARITY),
	TX_EXTRA("sourceHash"),
	TX_EXTRA("mint"),
	TX_EXTRA("isSystemTx"),
	TX_EXTRA("requestId"),
	TX_EXTRA("refundTo"),
	TX_EXTRA("l1BaseFee"),
	TX_EXTRA("depositValue"),
	TX_EXTRA("retryTo"),
	TX_EXTRA("retryValue"),
	TX_EXTRA("retryData"),
	TX_EXTRA("beneficiary"),
	TX_EXTRA("maxSubmissionFee"),
	TX_EXTRA("ticketId"),
	TX_EXTRA("maxRefund"),
	TX_EXTRA("submissionFeeRefund"),
	TX_EXTRA("feeCurrency")
};

static const JsonShape transaction_shape =
JSON_SHAPE(transaction_members, SHAPE_TRANSACTION, EvmTransaction);

/* EIP-4895 */
static const JsonMember withdrawal_members[] = {
	JSON_MEMBER("index", true, U64, EvmWithdrawal, index, 0),
	JSON_MEMBER("validatorIndex", true, U64, EvmWithdrawal, validator_index,
				0),
	JSON_MEMBER("address", true, DATA20, EvmWithdrawal, address, 0),
	JSON_MEMBER("amount", true, U64, EvmWithdrawal, amount, 0)
};

static const JsonShape withdrawal_shape =
JSON_SHAPE(withdrawal_members, SHAPE_WITHDRAWAL, EvmWithdrawal);

static char *
read_transactions(JsonReader *reader, char *p, void *object)
{
	JsonScanner *scanner = reader->scanner;
	EvmBlock   *block = object;
	void	   *items = NULL;
	char	   *first;

	/* the answer to the same call without full transactions */
	if (*p == '[')
	{
		first = json_pass_space(scanner, p + 1);
		if (first < scanner->end && *first == '"')
			return json_fail_value(scanner, JSON_INVALID, first,
								   "transactions",
								   "hashes only, not whole transactions");
	}
	p = json_read_objects(reader, p, "transactions", &transaction_shape,
						  &items, &block->transaction_count);
	block->transactions = items;
	return p;
}

static char *
read_withdrawals(JsonReader *reader, char *p, void *object)
{
	EvmBlock   *block = object;
	void	   *items = NULL;

	p = json_read_objects(reader, p, "withdrawals", &withdrawal_shape, &items,
						  &block->withdrawal_count);
	block->withdrawals = items;
	return p;
}

static char *
read_uncles(JsonReader *reader, char *p, void *object)
{
	EvmBlock   *block = object;

	return json_read_hashes(reader, p, "uncles", &block->uncles,
							&block->uncle_count);
}

#define BLOCK(name, required, kind, field, bit) \
	JSON_MEMBER(name, required, kind, EvmBlock, field, bit)

#define HEADER_MEMBERS \
	BLOCK("baseFeePerGas", false, U256, base_fee_per_gas, \
		  EVM_BLOCK_BASE_FEE_PER_GAS), \
	BLOCK("blobGasUsed", false, U64, blob_gas_used, \
		  EVM_BLOCK_BLOB_GAS_USED), \
	BLOCK("difficulty", false, U256, difficulty, EVM_BLOCK_DIFFICULTY), \
	BLOCK("excessBlobGas", false, U64, excess_blob_gas, \
		  EVM_BLOCK_EXCESS_BLOB_GAS), \
	BLOCK("extraData", false, DATA, extra_data, 0), \
	BLOCK("gasLimit", false, U64, gas_limit, EVM_BLOCK_GAS_LIMIT), \
	BLOCK("gasUsed", false, U64, gas_used, EVM_BLOCK_GAS_USED), \
	BLOCK("hash", true, DATA32, hash, 0), \
	BLOCK("logsBloom", false, DATA256, logs_bloom, 0), \
	BLOCK("miner", false, DATA20, miner, 0), \
	BLOCK("mixHash", false, DATA32, mix_hash, 0), \
	BLOCK("nonce", false, DATA8, nonce, 0), \
	BLOCK("number", true, U64, number, EVM_BLOCK_NUMBER), \
	BLOCK("parentBeaconBlockRoot", false, DATA32, parent_beacon_block_root, \
		  0), \
	BLOCK("parentHash", true, DATA32, parent_hash, 0), \
	BLOCK("receiptsRoot", false, DATA32, receipts_root, 0), \
	BLOCK("requestsHash", false, DATA32, requests_hash, 0), \
	BLOCK("sha3Uncles", false, DATA32, sha3_uncles, 0), \
	BLOCK("size", false, U64, size, EVM_BLOCK_SIZE), \
	BLOCK("stateRoot", false, DATA32, state_root, 0), \
	BLOCK("timestamp", true, U64, timestamp, EVM_BLOCK_TIMESTAMP), \
	BLOCK("totalDifficulty", false, U256, total_difficulty, \
		  EVM_BLOCK_TOTAL_DIFFICULTY), \
	BLOCK("transactionsRoot", false, DATA32, transactions_root, 0), \
	BLOCK("withdrawalsRoot", false, DATA32, withdrawals_root, 0), \
	BLOCK("blockAccessListHash", false, DATA32, block_access_list_hash, 0), \
	BLOCK("slotNumber", false, U64, slot_number, EVM_BLOCK_SLOT_NUMBER), \
	JSON_MEMBER_NESTED("uncles", false, read_uncles, EVM_BLOCK_UNCLES)

static const JsonMember block_members[] = {
	HEADER_MEMBERS,
	JSON_MEMBER_NESTED("transactions", true, read_transactions,
					   EVM_BLOCK_TRANSACTIONS),
	JSON_MEMBER_NESTED("withdrawals", false, read_withdrawals,
					   EVM_BLOCK_WITHDRAWALS)
};

static const JsonMember header_members[] = {
	HEADER_MEMBERS,
	JSON_MEMBER_IGNORED("transactions"),
	JSON_MEMBER_IGNORED("withdrawals")
};

static const JsonShape block_shape =
JSON_SHAPE(block_members, SHAPE_BLOCK, EvmBlock);

static const JsonShape header_shape =
JSON_SHAPE(header_members, SHAPE_BLOCK, EvmBlock);

static bool
read_block(JsonScanner *scanner, Arena *arena, const JsonShape *shape,
		   EvmBlock *block, bool *is_null)
{
	JsonReader	reader;
	char	   *p;

	memset(block, 0, sizeof(*block));
	json_reader_init(&reader, scanner, arena);
	p = json_reader_start(&reader, is_null);
	if (p != NULL)
		p = json_read_object(&reader, p, shape, block);
	return json_reader_finish(&reader, p, *is_null);
}

bool
block_json_read_block(JsonScanner *scanner, Arena *arena, EvmBlock *block,
					  bool *is_null)
{
	return read_block(scanner, arena, &block_shape, block, is_null);
}

bool
block_json_read_header(JsonScanner *scanner, Arena *arena, EvmBlock *block,
					   bool *is_null)
{
	return read_block(scanner, arena, &header_shape, block, is_null);
}
