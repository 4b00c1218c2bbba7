/*-------------------------------------------------------------------------
 *
 * stage.c
 *	  Turns blocks into rows.
 *
 * Whether a value fits its column is asked before any row of the block is
 * made, so that a block is staged whole or not at all.  What a block of its
 * era lacks is NULL, never a made-up value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "hex.h"
#include "numeric.h"
#include "stage.h"

typedef struct StageColumn
{
	const char *name;
	Oid			type;
} StageColumn;

static const StageColumn block_columns[] = {
	{"number", INT8OID}, {"hash", BYTEAOID}, {"parent_hash", BYTEAOID},
	{"nonce", BYTEAOID}, {"sha3_uncles", BYTEAOID}, {"logs_bloom", BYTEAOID},
	{"transactions_root", BYTEAOID}, {"state_root", BYTEAOID},
	{"receipts_root", BYTEAOID}, {"withdrawals_root", BYTEAOID},
	{"uncles", BYTEAARRAYOID}, {"miner", BYTEAOID},
	{"difficulty", NUMERICOID}, {"total_difficulty", NUMERICOID},
	{"size", INT8OID}, {"extra_data", BYTEAOID}, {"mix_hash", BYTEAOID},
	{"gas_limit", INT8OID}, {"gas_used", INT8OID},
	{"timestamp", TIMESTAMPTZOID}, {"transaction_count", INT4OID},
	{"base_fee_per_gas", NUMERICOID}, {"blob_gas_used", INT8OID},
	{"excess_blob_gas", INT8OID}, {"parent_beacon_block_root", BYTEAOID},
	{"requests_hash", BYTEAOID}, {"block_access_list_hash", BYTEAOID},
	{"slot_number", INT8OID}, {"checks", INT8OID}, {"extra", JSONBOID}
};

static const StageColumn transaction_columns[] = {
	{"block_number", INT8OID}, {"transaction_index", INT4OID},
	{"block_timestamp", TIMESTAMPTZOID}, {"hash", BYTEAOID},
	{"nonce", NUMERICOID}, {"from_address", BYTEAOID},
	{"to_address", BYTEAOID}, {"value", NUMERICOID}, {"gas", INT8OID},
	{"gas_price", NUMERICOID}, {"input", BYTEAOID},
	{"max_fee_per_gas", NUMERICOID}, {"max_priority_fee_per_gas", NUMERICOID},
	{"max_fee_per_blob_gas", NUMERICOID},
	{"blob_versioned_hashes", BYTEAARRAYOID}, {"access_list", JSONBOID},
	{"authorization_list", JSONBOID}, {"transaction_type", INT4OID},
	{"chain_id", NUMERICOID}, {"v", NUMERICOID}, {"r", BYTEAOID},
	{"s", BYTEAOID}, {"receipt_status", INT2OID},
	{"receipt_gas_used", INT8OID}, {"receipt_cumulative_gas_used", INT8OID},
	{"receipt_effective_gas_price", NUMERICOID},
	{"receipt_contract_address", BYTEAOID}, {"receipt_root", BYTEAOID},
	{"receipt_blob_gas_used", INT8OID}, {"receipt_blob_gas_price", NUMERICOID},
	{"extra", JSONBOID}
};

static const StageColumn log_columns[] = {
	{"block_number", INT8OID}, {"log_index", INT8OID},
	{"transaction_index", INT4OID}, {"block_timestamp", TIMESTAMPTZOID},
	{"transaction_hash", BYTEAOID}, {"address", BYTEAOID},
	{"topic0", BYTEAOID}, {"topic1", BYTEAOID}, {"topic2", BYTEAOID},
	{"topic3", BYTEAOID}, {"data", BYTEAOID}
};

static const StageColumn withdrawal_columns[] = {
	{"block_number", INT8OID}, {"withdrawal_index", INT8OID},
	{"block_timestamp", TIMESTAMPTZOID}, {"validator_index", INT8OID},
	{"address", BYTEAOID}, {"amount", INT8OID}
};

static const struct
{
	const StageColumn *columns;
	int			count;
}			layouts[CHAIN_TABLE_KINDS] =

{
	[TABLE_BLOCKS] = {block_columns, lengthof(block_columns)},
	[TABLE_TRANSACTIONS] = {transaction_columns, lengthof(transaction_columns)},
	[TABLE_LOGS] = {log_columns, lengthof(log_columns)},
	[TABLE_WITHDRAWALS] = {withdrawal_columns, lengthof(withdrawal_columns)}
};

#define MAX_COLUMNS 32

/* Never to disk: rows are made outside transactions, without an owner. */
#define MAX_STAGE_KB INT_MAX

/* A row being filled, column after column. */
typedef struct Row
{
	int			next;
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} Row;

StaticAssertDecl(lengthof(transaction_columns) <= MAX_COLUMNS,
				 "a row has room for every column");

/* The tables' row types, made once. */
static TupleDesc row_types[CHAIN_TABLE_KINDS];

static char check_message[128];

/*
 * Seconds since 1970 that a timestamptz can hold.
 */
#define UNIX_EPOCH_OFFSET \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)
#define MAX_UNIX_SECONDS \
	((uint64) (END_TIMESTAMP / USECS_PER_SEC - 1 + UNIX_EPOCH_OFFSET))

TimestampTz
stage_timestamp(uint64 seconds)
{
	return ((int64) seconds - UNIX_EPOCH_OFFSET) * USECS_PER_SEC;
}

const char *
stage_column_list(ChainTableKind kind)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < layouts[kind].count; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(layouts[kind].columns[i].name));
	return list.data;
}

void
stage_init(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	for (int kind = 0; kind < CHAIN_TABLE_KINDS; kind++)
	{
		if (row_types[kind] != NULL)
			continue;
		row_types[kind] = CreateTemplateTupleDesc(layouts[kind].count);
		for (int i = 0; i < layouts[kind].count; i++)
			TupleDescInitEntry(row_types[kind], i + 1,
							   layouts[kind].columns[i].name,
							   layouts[kind].columns[i].type, -1, 0);
	}
	MemoryContextSwitchTo(old);
}

Stage *
stage_create(void)
{
	Stage	   *stage = palloc0(sizeof(Stage));

	for (int kind = 0; kind < CHAIN_TABLE_KINDS; kind++)
	{
		StageTable *table = &stage->tables[kind];

		table->tupdesc = row_types[kind];
		/* what is in flight bounds its size */
		table->rows = tuplestore_begin_heap(false, false, MAX_STAGE_KB);
	}
	stage->row_context = AllocSetContextCreate(CurrentMemoryContext,
											   "chainsync row",
											   ALLOCSET_DEFAULT_SIZES);
	return stage;
}

void
stage_end(Stage *stage)
{
	for (int kind = 0; kind < CHAIN_TABLE_KINDS; kind++)
		tuplestore_end(stage->tables[kind].rows);
	MemoryContextDelete(stage->row_context);
	pfree(stage);
}

static bool
refuse(const char **message, const char *member, const char *limit)
{
	snprintf(check_message, sizeof(check_message),
			 "member \"%s\" does not fit its column: it is larger than %s",
			 member, limit);
	*message = check_message;
	return false;
}

static bool
fits_int8(const char **message, const char *member, uint64 value)
{
	return value <= PG_INT64_MAX ? true : refuse(message, member, "2^63 - 1");
}

static bool
fits_int4(const char **message, const char *member, uint64 value)
{
	return value <= PG_INT32_MAX ? true : refuse(message, member, "2^31 - 1");
}

static bool
check_log(const EvmLog *log, const char **message)
{
	return fits_int8(message, "logIndex", log->log_index);
}

static bool
check_receipt(const EvmReceipt *receipt, const char **message)
{
	if (receipt->status > PG_INT16_MAX)
		return refuse(message, "status", "2^15 - 1");
	if (!fits_int8(message, "gasUsed", receipt->gas_used) ||
		!fits_int8(message, "cumulativeGasUsed",
				   receipt->cumulative_gas_used) ||
		!fits_int8(message, "blobGasUsed", receipt->blob_gas_used))
		return false;
	for (uint32 i = 0; i < receipt->log_count; i++)
	{
		if (!check_log(&receipt->logs[i], message))
			return false;
	}
	return true;
}

static bool
check_transaction(const EvmTransaction *tx, const char **message)
{
	return fits_int4(message, "type", tx->type) &&
		fits_int8(message, "gas", tx->gas) &&
		fits_int4(message, "transactionIndex", tx->transaction_index);
}

static bool
check_withdrawal(const EvmWithdrawal *withdrawal, const char **message)
{
	return fits_int8(message, "index", withdrawal->index) &&
		fits_int8(message, "validatorIndex", withdrawal->validator_index) &&
		fits_int8(message, "amount", withdrawal->amount);
}

bool
stage_check_block(const EvmBlock *block, const char **message)
{
	if (!fits_int8(message, "number", block->number) ||
		!fits_int8(message, "size", block->size) ||
		!fits_int8(message, "gasLimit", block->gas_limit) ||
		!fits_int8(message, "gasUsed", block->gas_used) ||
		!fits_int8(message, "blobGasUsed", block->blob_gas_used) ||
		!fits_int8(message, "excessBlobGas", block->excess_blob_gas) ||
		!fits_int8(message, "slotNumber", block->slot_number))
		return false;
	if (block->timestamp > MAX_UNIX_SECONDS)
		return refuse(message, "timestamp", "PostgreSQL's last timestamp");
	for (uint32 i = 0; i < block->transaction_count; i++)
	{
		if (!check_transaction(&block->transactions[i], message))
			return false;
	}
	for (uint32 i = 0; i < block->receipt_count; i++)
	{
		if (!check_receipt(&block->receipts[i], message))
			return false;
	}
	for (uint32 i = 0; i < block->withdrawal_count; i++)
	{
		if (!check_withdrawal(&block->withdrawals[i], message))
			return false;
	}
	return true;
}

static void
put(Row *row, Datum value, bool isnull)
{
	row->values[row->next] = value;
	row->nulls[row->next] = isnull;
	row->next++;
}

static void
put_null(Row *row)
{
	put(row, (Datum) 0, true);
}

static Datum
make_bytea(const uint8 *data, uint32 len)
{
	bytea	   *result;

	if (len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX)
	{
		result = palloc(len + VARHDRSZ_SHORT);
		SET_VARSIZE_SHORT(result, len + VARHDRSZ_SHORT);
		memcpy(VARDATA_SHORT(result), data, len);
	}
	else
	{
		result = palloc(len + VARHDRSZ);
		SET_VARSIZE(result, len + VARHDRSZ);
		memcpy(VARDATA(result), data, len);
	}
	return PointerGetDatum(result);
}

/* NULL when data is. */
static void
put_bytes(Row *row, const uint8 *data, uint32 len)
{
	if (data == NULL)
		put_null(row);
	else
		put(row, make_bytea(data, len), false);
}

static void
put_hash(Row *row, const uint8 *hash32)
{
	put_bytes(row, hash32, 32);
}

static void
put_address(Row *row, const uint8 *address20)
{
	put_bytes(row, address20, 20);
}

static void
put_int8(Row *row, uint64 value, bool present)
{
	put(row, Int64GetDatum((int64) value), !present);
}

static void
put_int4(Row *row, uint64 value, bool present)
{
	put(row, Int32GetDatum((int32) value), !present);
}

static void
put_numeric(Row *row, const Uint256 *value, bool present)
{
	if (present)
		put(row, numeric_from_uint256(value), false);
	else
		put_null(row);
}

/* Signature halves: 32 bytes, left-padded. */
static void
put_word(Row *row, const Uint256 *value, bool present)
{
	uint8		bytes[32];

	if (present)
		uint256_to_be(bytes, value);
	put_bytes(row, present ? bytes : NULL, 32);
}

static void
put_hash_array(Row *row, const uint8 *const *hashes, uint32 count,
			   bool present)
{
	Datum	   *elements;

	if (!present)
	{
		put_null(row);
		return;
	}
	elements = palloc(sizeof(Datum) * (count + 1));
	for (uint32 i = 0; i < count; i++)
		elements[i] = make_bytea(hashes[i], 32);
	put(row, PointerGetDatum(construct_array(elements, count, BYTEAOID, -1,
											 false, TYPALIGN_INT)), false);
}

static void
append_hex(StringInfo out, const uint8 *data, uint32 len)
{
	appendStringInfoString(out, "\"0x");
	enlargeStringInfo(out, 2 * len + 1);
	hexbytes_encode(out->data + out->len, data, len);
	out->len += 2 * len;
	appendStringInfoChar(out, '"');
}

/* JSON-RPC quantity: no leading zero. */
static void
append_quantity(StringInfo out, const Uint256 *value)
{
	uint8		bytes[32];
	char		digits[65];
	int			skip = 0;

	uint256_to_be(bytes, value);
	hexbytes_encode(digits, bytes, 32);
	digits[64] = '\0';
	while (skip < 63 && digits[skip] == '0')
		skip++;
	appendStringInfo(out, "\"0x%s\"", digits + skip);
}

static void
put_json(Row *row, StringInfo text)
{
	put(row, DirectFunctionCall1(jsonb_in, CStringGetDatum(text->data)),
		false);
}

/* EIP-2930, in the form of JSON-RPC. */
static void
put_access_list(Row *row, const EvmTransaction *tx)
{
	StringInfoData text;

	if (!(tx->present & EVM_TX_ACCESS_LIST))
	{
		put_null(row);
		return;
	}
	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	for (uint32 i = 0; i < tx->access_count; i++)
	{
		const EvmAccess *access = &tx->access_list[i];

		appendStringInfo(&text, "%s{\"address\":", i > 0 ? "," : "");
		append_hex(&text, access->address, 20);
		appendStringInfoString(&text, ",\"storageKeys\":[");
		for (uint32 j = 0; j < access->storage_key_count; j++)
		{
			if (j > 0)
				appendStringInfoChar(&text, ',');
			append_hex(&text, access->storage_keys[j], 32);
		}
		appendStringInfoString(&text, "]}");
	}
	appendStringInfoChar(&text, ']');
	put_json(row, &text);
}

/* EIP-7702, in the form of JSON-RPC. */
static void
put_authorization_list(Row *row, const EvmTransaction *tx)
{
	StringInfoData text;

	if (!(tx->present & EVM_TX_AUTHORIZATION_LIST))
	{
		put_null(row);
		return;
	}
	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	for (uint32 i = 0; i < tx->authorization_count; i++)
	{
		const EvmAuthorization *auth = &tx->authorization_list[i];

		appendStringInfo(&text, "%s{\"chainId\":", i > 0 ? "," : "");
		append_quantity(&text, &auth->chain_id);
		appendStringInfoString(&text, ",\"address\":");
		append_hex(&text, auth->address, 20);
		appendStringInfoString(&text, ",\"nonce\":");
		append_quantity(&text, &auth->nonce);
		appendStringInfoString(&text, ",\"yParity\":");
		append_quantity(&text, &auth->y_parity);
		appendStringInfoString(&text, ",\"r\":");
		append_quantity(&text, &auth->r);
		appendStringInfoString(&text, ",\"s\":");
		append_quantity(&text, &auth->s);
		appendStringInfoChar(&text, '}');
	}
	appendStringInfoChar(&text, ']');
	put_json(row, &text);
}

/* Chain-specific members, of the object and of its receipt. */
static void
put_extras(Row *row, const EvmExtras *first, const EvmExtras *second)
{
	const EvmExtras *lists[2] = {first, second};
	StringInfoData text;

	if (first->count == 0 && (second == NULL || second->count == 0))
	{
		put_null(row);
		return;
	}
	initStringInfo(&text);
	for (int l = 0; l < 2; l++)
	{
		for (uint32 i = 0; lists[l] != NULL && i < lists[l]->count; i++)
		{
			appendStringInfo(&text, "%s\"%s\":", text.len > 0 ? "," : "{",
							 lists[l]->items[i].name);
			appendBinaryStringInfo(&text, lists[l]->items[i].json,
								   lists[l]->items[i].json_len);
		}
	}
	appendStringInfoChar(&text, '}');
	put_json(row, &text);
}

/* Ends a row: into the tuplestore, and its values forgotten. */
static void
add_row(Stage *stage, ChainTableKind kind, Row *row)
{
	StageTable *table = &stage->tables[kind];

	Assert(row->next == layouts[kind].count);
	tuplestore_putvalues(table->rows, table->tupdesc, row->values,
						 row->nulls);
	table->count++;
	row->next = 0;
	MemoryContextReset(stage->row_context);
}

static void
add_block_row(Stage *stage, const EvmBlock *block, const int64 *checks,
			  Row *row)
{
	uint32		present = block->present;

	put_int8(row, block->number, true);
	put_hash(row, block->hash);
	put_hash(row, block->parent_hash);
	put_bytes(row, block->nonce, 8);
	put_hash(row, block->sha3_uncles);
	put_bytes(row, block->logs_bloom, 256);
	put_hash(row, block->transactions_root);
	put_hash(row, block->state_root);
	put_hash(row, block->receipts_root);
	put_hash(row, block->withdrawals_root);
	put_hash_array(row, block->uncles, block->uncle_count,
				   present & EVM_BLOCK_UNCLES);
	put_address(row, block->miner);
	put_numeric(row, &block->difficulty, present & EVM_BLOCK_DIFFICULTY);
	put_numeric(row, &block->total_difficulty,
				present & EVM_BLOCK_TOTAL_DIFFICULTY);
	put_int8(row, block->size, present & EVM_BLOCK_SIZE);
	put_bytes(row, block->extra_data.data, block->extra_data.len);
	put_hash(row, block->mix_hash);
	put_int8(row, block->gas_limit, present & EVM_BLOCK_GAS_LIMIT);
	put_int8(row, block->gas_used, present & EVM_BLOCK_GAS_USED);
	put(row, TimestampTzGetDatum(stage_timestamp(block->timestamp)), false);
	put_int4(row, block->transaction_count, true);
	put_numeric(row, &block->base_fee_per_gas,
				present & EVM_BLOCK_BASE_FEE_PER_GAS);
	put_int8(row, block->blob_gas_used, present & EVM_BLOCK_BLOB_GAS_USED);
	put_int8(row, block->excess_blob_gas,
			 present & EVM_BLOCK_EXCESS_BLOB_GAS);
	put_hash(row, block->parent_beacon_block_root);
	put_hash(row, block->requests_hash);
	put_hash(row, block->block_access_list_hash);
	put_int8(row, block->slot_number, present & EVM_BLOCK_SLOT_NUMBER);
	put(row, Int64GetDatum(checks != NULL ? *checks : 0), checks == NULL);
	put_extras(row, &block->extra, NULL);
	add_row(stage, TABLE_BLOCKS, row);
}

static void
put_receipt(Row *row, const EvmReceipt *receipt)
{
	uint32		present = receipt->present;

	put(row, Int16GetDatum((int16) receipt->status),
		!(present & EVM_RECEIPT_STATUS));
	put_int8(row, receipt->gas_used, present & EVM_RECEIPT_GAS_USED);
	put_int8(row, receipt->cumulative_gas_used,
			 present & EVM_RECEIPT_CUMULATIVE_GAS_USED);
	put_numeric(row, &receipt->effective_gas_price,
				present & EVM_RECEIPT_EFFECTIVE_GAS_PRICE);
	put_address(row, receipt->contract_address);
	put_hash(row, receipt->root);
	put_int8(row, receipt->blob_gas_used,
			 present & EVM_RECEIPT_BLOB_GAS_USED);
	put_numeric(row, &receipt->blob_gas_price,
				present & EVM_RECEIPT_BLOB_GAS_PRICE);
}

/* v is the recovery id; nodes that give only yParity mean the same. */
static void
put_v(Row *row, const EvmTransaction *tx)
{
	if (tx->present & EVM_TX_V)
		put_numeric(row, &tx->v, true);
	else
		put_numeric(row, &tx->y_parity, tx->present & EVM_TX_Y_PARITY);
}

static void
add_transaction_row(Stage *stage, const EvmBlock *block, uint32 index,
					Row *row)
{
	const EvmTransaction *tx = &block->transactions[index];
	const EvmReceipt *receipt = &block->receipts[index];
	uint32		present = tx->present;

	put_int8(row, block->number, true);
	put_int4(row, index, true);
	put(row, TimestampTzGetDatum(stage_timestamp(block->timestamp)), false);
	put_hash(row, tx->hash);
	if (present & EVM_TX_NONCE)
		put(row, numeric_from_uint64(tx->nonce), false);
	else
		put_null(row);
	put_address(row, tx->from);
	put_address(row, tx->to);
	put_numeric(row, &tx->value, present & EVM_TX_VALUE);
	put_int8(row, tx->gas, present & EVM_TX_GAS);
	put_numeric(row, &tx->gas_price, present & EVM_TX_GAS_PRICE);
	put_bytes(row, tx->input.data, tx->input.len);
	put_numeric(row, &tx->max_fee_per_gas, present & EVM_TX_MAX_FEE_PER_GAS);
	put_numeric(row, &tx->max_priority_fee_per_gas,
				present & EVM_TX_MAX_PRIORITY_FEE_PER_GAS);
	put_numeric(row, &tx->max_fee_per_blob_gas,
				present & EVM_TX_MAX_FEE_PER_BLOB_GAS);
	put_hash_array(row, tx->blob_versioned_hashes,
				   tx->blob_versioned_hash_count,
				   present & EVM_TX_BLOB_VERSIONED_HASHES);
	put_access_list(row, tx);
	put_authorization_list(row, tx);
	put_int4(row, tx->type, present & EVM_TX_TYPE);
	put_numeric(row, &tx->chain_id, present & EVM_TX_CHAIN_ID);
	put_v(row, tx);
	put_word(row, &tx->r, present & EVM_TX_R);
	put_word(row, &tx->s, present & EVM_TX_S);
	put_receipt(row, receipt);
	put_extras(row, &tx->extra, &receipt->extra);
	add_row(stage, TABLE_TRANSACTIONS, row);
}

static void
add_log_row(Stage *stage, const EvmBlock *block, uint32 tx_index,
			const EvmLog *log, Row *row)
{
	put_int8(row, block->number, true);
	put_int8(row, log->log_index, true);
	put_int4(row, tx_index, true);
	put(row, TimestampTzGetDatum(stage_timestamp(block->timestamp)), false);
	put_hash(row, block->transactions[tx_index].hash);
	put_address(row, log->address);
	for (uint32 i = 0; i < 4; i++)
		put_hash(row, i < log->topic_count ? log->topics[i] : NULL);
	put_bytes(row, log->data.data, log->data.len);
	add_row(stage, TABLE_LOGS, row);
}

static void
add_withdrawal_row(Stage *stage, const EvmBlock *block,
				   const EvmWithdrawal *withdrawal, Row *row)
{
	put_int8(row, block->number, true);
	put_int8(row, withdrawal->index, true);
	put(row, TimestampTzGetDatum(stage_timestamp(block->timestamp)), false);
	put_int8(row, withdrawal->validator_index, true);
	put_address(row, withdrawal->address);
	put_int8(row, withdrawal->amount, true);
	add_row(stage, TABLE_WITHDRAWALS, row);
}

void
stage_add_block(Stage *stage, const EvmBlock *block, const int64 *checks)
{
	MemoryContext caller = MemoryContextSwitchTo(stage->row_context);
	Row			row = {0};

	Assert(block->receipt_count == block->transaction_count);
	add_block_row(stage, block, checks, &row);
	for (uint32 i = 0; i < block->transaction_count; i++)
	{
		const EvmReceipt *receipt = &block->receipts[i];

		add_transaction_row(stage, block, i, &row);
		for (uint32 j = 0; j < receipt->log_count; j++)
			add_log_row(stage, block, i, &receipt->logs[j], &row);
		CHECK_FOR_INTERRUPTS();
	}
	for (uint32 i = 0; i < block->withdrawal_count; i++)
		add_withdrawal_row(stage, block, &block->withdrawals[i], &row);
	MemoryContextSwitchTo(caller);
}
