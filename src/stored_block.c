/*-------------------------------------------------------------------------
 *
 * stored_block.c
 *	  A block as the chain's tables hold it, back in the structs of block.h.
 *
 * The rows are written out in the form in which JSON-RPC gives a block and
 * its receipts, and read with the parser that reads a node's answers: what is
 * stored is held to the same rules, and there is one parser.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "block_json.h"
#include "hex.h"
#include "spi_util.h"
#include "stored_block.h"

/* How a column is written as a member. */
typedef enum MemberForm
{
	FORM_DATA,					/* bytea: "0x" and all its digits */
	FORM_WORD,					/* bytea of 32 bytes as a quantity */
	FORM_QUANTITY,				/* integer or numeric */
	FORM_TIME,					/* timestamptz as seconds */
	FORM_HASHES,				/* bytea[] */
	FORM_JSON,					/* jsonb as it is */
	FORM_EXTRA					/* jsonb: its members, not itself */
} MemberForm;

typedef struct MemberDef
{
	const char *column;
	const char *member;
	MemberForm	form;
} MemberDef;

static const MemberDef block_members[] = {
	{"number", "number", FORM_QUANTITY}, {"hash", "hash", FORM_DATA},
	{"parent_hash", "parentHash", FORM_DATA}, {"nonce", "nonce", FORM_DATA},
	{"sha3_uncles", "sha3Uncles", FORM_DATA},
	{"logs_bloom", "logsBloom", FORM_DATA},
	{"transactions_root", "transactionsRoot", FORM_DATA},
	{"state_root", "stateRoot", FORM_DATA},
	{"receipts_root", "receiptsRoot", FORM_DATA},
	{"withdrawals_root", "withdrawalsRoot", FORM_DATA},
	{"uncles", "uncles", FORM_HASHES}, {"miner", "miner", FORM_DATA},
	{"difficulty", "difficulty", FORM_QUANTITY},
	{"total_difficulty", "totalDifficulty", FORM_QUANTITY},
	{"size", "size", FORM_QUANTITY}, {"extra_data", "extraData", FORM_DATA},
	{"mix_hash", "mixHash", FORM_DATA},
	{"gas_limit", "gasLimit", FORM_QUANTITY},
	{"gas_used", "gasUsed", FORM_QUANTITY},
	{"timestamp", "timestamp", FORM_TIME},
	{"base_fee_per_gas", "baseFeePerGas", FORM_QUANTITY},
	{"blob_gas_used", "blobGasUsed", FORM_QUANTITY},
	{"excess_blob_gas", "excessBlobGas", FORM_QUANTITY},
	{"parent_beacon_block_root", "parentBeaconBlockRoot", FORM_DATA},
	{"requests_hash", "requestsHash", FORM_DATA},
	{"block_access_list_hash", "blockAccessListHash", FORM_DATA},
	{"slot_number", "slotNumber", FORM_QUANTITY},
	{"extra", NULL, FORM_EXTRA}
};

static const MemberDef transaction_members[] = {
	{"block_number", "blockNumber", FORM_QUANTITY},
	{"transaction_index", "transactionIndex", FORM_QUANTITY},
	{"hash", "hash", FORM_DATA}, {"nonce", "nonce", FORM_QUANTITY},
	{"from_address", "from", FORM_DATA}, {"to_address", "to", FORM_DATA},
	{"value", "value", FORM_QUANTITY}, {"gas", "gas", FORM_QUANTITY},
	{"gas_price", "gasPrice", FORM_QUANTITY}, {"input", "input", FORM_DATA},
	{"max_fee_per_gas", "maxFeePerGas", FORM_QUANTITY},
	{"max_priority_fee_per_gas", "maxPriorityFeePerGas", FORM_QUANTITY},
	{"max_fee_per_blob_gas", "maxFeePerBlobGas", FORM_QUANTITY},
	{"blob_versioned_hashes", "blobVersionedHashes", FORM_HASHES},
	{"access_list", "accessList", FORM_JSON},
	{"authorization_list", "authorizationList", FORM_JSON},
	{"transaction_type", "type", FORM_QUANTITY},
	{"chain_id", "chainId", FORM_QUANTITY}, {"v", "v", FORM_QUANTITY},
	{"r", "r", FORM_WORD}, {"s", "s", FORM_WORD},
	{"extra", NULL, FORM_EXTRA}
};

static const MemberDef receipt_members[] = {
	{"block_number", "blockNumber", FORM_QUANTITY},
	{"transaction_index", "transactionIndex", FORM_QUANTITY},
	{"hash", "transactionHash", FORM_DATA},
	{"transaction_type", "type", FORM_QUANTITY},
	{"receipt_status", "status", FORM_QUANTITY},
	{"receipt_gas_used", "gasUsed", FORM_QUANTITY},
	{"receipt_cumulative_gas_used", "cumulativeGasUsed", FORM_QUANTITY},
	{"receipt_effective_gas_price", "effectiveGasPrice", FORM_QUANTITY},
	{"receipt_contract_address", "contractAddress", FORM_DATA},
	{"receipt_root", "root", FORM_DATA},
	{"receipt_blob_gas_used", "blobGasUsed", FORM_QUANTITY},
	{"receipt_blob_gas_price", "blobGasPrice", FORM_QUANTITY},
	{"extra", NULL, FORM_EXTRA}
};

static const MemberDef log_members[] = {
	{"block_number", "blockNumber", FORM_QUANTITY},
	{"log_index", "logIndex", FORM_QUANTITY},
	{"transaction_index", "transactionIndex", FORM_QUANTITY},
	{"transaction_hash", "transactionHash", FORM_DATA},
	{"address", "address", FORM_DATA}, {"data", "data", FORM_DATA}
};

static const MemberDef withdrawal_members[] = {
	{"withdrawal_index", "index", FORM_QUANTITY},
	{"validator_index", "validatorIndex", FORM_QUANTITY},
	{"address", "address", FORM_DATA}, {"amount", "amount", FORM_QUANTITY}
};

/* A natural number as a quantity; anything else as null, which no rule takes. */
static void
append_numeric(StringInfo out, Datum value)
{
	bytea	   *wire = DatumGetByteaP(DirectFunctionCall1(numeric_send, value));
	uint16	   *words = (uint16 *) VARDATA(wire);
	int			count = pg_ntoh16(words[0]);
	int			weight = (int16) pg_ntoh16(words[1]);
	unsigned	__int128 part;
	Uint256		number = {{0, 0, 0, 0}};
	uint8		bytes[32];
	char		digits[65];
	int			skip = 0;

	if (pg_ntoh16(words[2]) != 0 || pg_ntoh16(words[3]) != 0 || weight > 19 ||
		count > weight + 1)
	{
		appendStringInfoString(out, "null");
		return;
	}
	for (int i = 0; i <= weight; i++)
	{
		part = i < count ? pg_ntoh16(words[4 + i]) : 0;
		for (int w = 0; w < 4; w++)
		{
			part += (unsigned __int128) number.word[w] * 10000;
			number.word[w] = (uint64) part;
			part >>= 64;
		}
	}
	uint256_to_be(bytes, &number);
	hexbytes_encode(digits, bytes, 32);
	digits[64] = '\0';
	while (skip < 63 && digits[skip] == '0')
		skip++;
	appendStringInfo(out, "\"0x%s\"", digits + skip);
}

static void
append_integer(StringInfo out, Datum value, Oid type)
{
	int64		number = type == INT8OID ? DatumGetInt64(value) :
	type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value);

	if (number < 0)
		appendStringInfoString(out, "null");
	else
		appendStringInfo(out, "\"0x%llx\"", (unsigned long long) number);
}

static void
append_data(StringInfo out, Datum value, bool quantity)
{
	bytea	   *bytes = DatumGetByteaPP(value);
	int			len = VARSIZE_ANY_EXHDR(bytes);
	const uint8 *data = (const uint8 *) VARDATA_ANY(bytes);
	int			start;

	appendStringInfoString(out, "\"0x");
	start = out->len;
	enlargeStringInfo(out, 2 * len + 2);
	hexbytes_encode(out->data + out->len, data, len);
	out->len += 2 * len;
	if (quantity)
	{
		int			skip = start;

		while (skip < out->len - 1 && out->data[skip] == '0')
			skip++;
		memmove(out->data + start, out->data + skip, out->len - skip);
		out->len -= skip - start;
	}
	appendStringInfoChar(out, '"');
}

static void
append_hashes(StringInfo out, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	appendStringInfoChar(out, '[');
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		if (nulls[i])
			appendStringInfoString(out, "null");
		else
			append_data(out, elements[i], false);
	}
	appendStringInfoChar(out, ']');
}

static void
append_seconds(StringInfo out, Datum value)
{
	int64		seconds = DatumGetTimestampTz(value) / USECS_PER_SEC +
	(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;

	if (DatumGetTimestampTz(value) % USECS_PER_SEC != 0 || seconds < 0)
		appendStringInfoString(out, "null");
	else
		appendStringInfo(out, "\"0x%llx\"", (unsigned long long) seconds);
}

static char *
jsonb_text(Datum value)
{
	Jsonb	   *json = DatumGetJsonbP(value);

	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* An object's members without its braces; an empty one brings none. */
static void
append_extra(StringInfo out, Datum value)
{
	char	   *text = jsonb_text(value);
	int			len = strlen(text);

	if (len > 2 && text[0] == '{')
		appendStringInfo(out, ",%.*s", len - 2, text +1);
}

static void
append_member(StringInfo out, const MemberDef *def, Datum value, Oid type)
{
	if (def->form == FORM_EXTRA)
	{
		append_extra(out, value);
		return;
	}
	appendStringInfo(out, ",\"%s\":", def->member);
	switch (def->form)
	{
		case FORM_DATA:
			append_data(out, value, false);
			break;
		case FORM_WORD:
			append_data(out, value, true);
			break;
		case FORM_QUANTITY:
			if (type == NUMERICOID)
				append_numeric(out, value);
			else
				append_integer(out, value, type);
			break;
		case FORM_TIME:
			append_seconds(out, value);
			break;
		case FORM_HASHES:
			append_hashes(out, value);
			break;
		default:
			appendStringInfoString(out, jsonb_text(value));
			break;
	}
}

static Datum
column(const char *name, uint64 row, bool *isnull, Oid *type)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, name);

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of a chain's table does not exist",
						name)));
	if (type != NULL)
		*type = SPI_gettypeid(SPI_tuptable->tupdesc, number);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 number, isnull);
}

/*
 * Appends the members of a row, each with a comma in front; the caller has
 * opened the object with a member of its own, and closes it.
 */
static void
append_row(StringInfo out, const MemberDef *defs, int count, uint64 row)
{
	for (int i = 0; i < count; i++)
	{
		bool		isnull;
		Oid			type;
		Datum		value = column(defs[i].column, row, &isnull, &type);

		if (!isnull)
			append_member(out, &defs[i], value, type);
	}
}

/* All columns of a block's rows in a table, in the order of its key. */
static void
select_rows(ChainConfig *chain, ChainTableKind kind, int64 number,
			const char *key)
{
	ChainTable *table = chain_table(chain, kind);

	spi_run(SPI_OK_SELECT, false,
			"SELECT * FROM %s WHERE %s = '%lld'::int8 ORDER BY %s",
			table->qualified, quote_identifier(table->block_column),
			(long long) number, key);
}

/* The key of the first row whose block_timestamp is not the block's; or -1. */
static int64
find_bad_copy(const StoredBlock *stored, const char *key)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		Datum		value = column("block_timestamp", row, &isnull, NULL);

		if (isnull || DatumGetTimestampTz(value) != stored->timestamp)
			return spi_int64((int) row, key, 0);
	}
	return -1;
}

typedef struct StoredText
{
	StringInfoData block;
	StringInfoData receipts;
} StoredText;

/* Members open with this one, unknown to the parser, to need no first comma. */
#define OPEN_OBJECT "{\"stored\":true"

static bool
write_block(ChainConfig *chain, int64 number, StoredBlock *stored,
			StoredText *text)
{
	bool		isnull;

	select_rows(chain, TABLE_BLOCKS, number, "number");
	if (SPI_processed != 1)
		return false;
	stored->timestamp =
		DatumGetTimestampTz(column("timestamp", 0, &isnull, NULL));
	stored->transaction_count = spi_int64(0, "transaction_count", -1);
	stored->checks = DatumGetInt64(column("checks", 0, &isnull, NULL));
	stored->has_checks = !isnull;
	appendStringInfoString(&text->block, OPEN_OBJECT);
	append_row(&text->block, block_members, lengthof(block_members), 0);
	return true;
}

/* The logs of each transaction as JSON arrays; NULL when the keys are odd. */
static StringInfo
write_logs(ChainConfig *chain, int64 number, StoredBlock *stored,
		   int64 transaction_count)
{
	StringInfo	logs = palloc0(sizeof(StringInfoData) *
							   (transaction_count + 1));

	for (int64 i = 0; i < transaction_count; i++)
	{
		initStringInfo(&logs[i]);
		appendStringInfoChar(&logs[i], '[');
	}
	select_rows(chain, TABLE_LOGS, number, "log_index");
	stored->bad_log_copy = find_bad_copy(stored, "log_index");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		static const char *const topics[] = {
			"topic0", "topic1", "topic2", "topic3"
		};
		int64		index = spi_int64((int) row, "transaction_index", -1);
		StringInfo	out;

		CHECK_FOR_INTERRUPTS();
		if (index < 0 || index >= transaction_count)
		{
			snprintf(stored->problem, sizeof(stored->problem),
					 "log %lld has no transaction",
					 (long long) spi_int64((int) row, "log_index", -1));
			return NULL;
		}
		out = &logs[index];
		appendStringInfo(out, "%s" OPEN_OBJECT, out->len > 1 ? "," : "");
		append_row(out, log_members, lengthof(log_members), row);
		appendStringInfoString(out, ",\"topics\":[");
		for (int i = 0; i < 4; i++)
		{
			bool		isnull;
			Datum		value = column(topics[i], row, &isnull, NULL);

			if (isnull)
				continue;
			if (i > 0)
				appendStringInfoChar(out, ',');
			append_data(out, value, false);
		}
		appendStringInfoString(out, "]}");
	}
	return logs;
}

static bool
write_transactions(ChainConfig *chain, int64 number, StoredBlock *stored,
				   StoredText *text)
{
	SPITupleTable *rows;
	uint64		count;
	StringInfo	logs;

	select_rows(chain, TABLE_TRANSACTIONS, number, "transaction_index");
	stored->bad_transaction_copy = find_bad_copy(stored, "transaction_index");
	rows = SPI_tuptable;
	count = SPI_processed;
	logs = write_logs(chain, number, stored, (int64) count);
	if (logs == NULL)
		return false;
	SPI_tuptable = rows;
	SPI_processed = count;
	appendStringInfoString(&text->block, ",\"transactions\":[");
	appendStringInfoChar(&text->receipts, '[');
	for (uint64 row = 0; row < count; row++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfo(&text->block, "%s" OPEN_OBJECT, row > 0 ? "," : "");
		append_row(&text->block, transaction_members,
				   lengthof(transaction_members), row);
		appendStringInfoChar(&text->block, '}');
		appendStringInfo(&text->receipts, "%s" OPEN_OBJECT,
						 row > 0 ? "," : "");
		append_row(&text->receipts, receipt_members,
				   lengthof(receipt_members), row);
		appendStringInfo(&text->receipts, ",\"logs\":%s]}", logs[row].data);
	}
	appendStringInfoChar(&text->block, ']');
	appendStringInfoChar(&text->receipts, ']');
	return true;
}

static void
write_withdrawals(ChainConfig *chain, int64 number, StoredBlock *stored,
				  StoredText *text, bool has_root)
{
	select_rows(chain, TABLE_WITHDRAWALS, number, "withdrawal_index");
	stored->bad_withdrawal_copy = find_bad_copy(stored, "withdrawal_index");
	if (SPI_processed > 0 || has_root)
	{
		appendStringInfoString(&text->block, ",\"withdrawals\":[");
		for (uint64 row = 0; row < SPI_processed; row++)
		{
			appendStringInfo(&text->block, "%s" OPEN_OBJECT,
							 row > 0 ? "," : "");
			append_row(&text->block, withdrawal_members,
					   lengthof(withdrawal_members), row);
			appendStringInfoChar(&text->block, '}');
		}
		appendStringInfoChar(&text->block, ']');
	}
	appendStringInfoChar(&text->block, '}');
}

static StoredState
broken(StoredBlock *stored, const JsonError *error)
{
	strlcpy(stored->problem, error->message, sizeof(stored->problem));
	return STORED_BROKEN;
}

static StoredState
read_back(StoredBlock *stored, StoredText *text, Arena *arena)
{
	JsonScanner scanner;
	bool		is_null;

	json_init(&scanner, text->block.data, text->block.len);
	if (!block_json_read_block(&scanner, arena, &stored->block, &is_null))
		return broken(stored, &scanner.error);
	json_init(&scanner, text->receipts.data, text->receipts.len);
	if (!block_json_read_receipts(&scanner, arena, &stored->block.receipts,
								  &stored->block.receipt_count, &is_null))
		return broken(stored, &scanner.error);
	return STORED_OK;
}

StoredState
stored_block_load(ChainConfig *chain, int64 number, Arena *arena,
				  StoredBlock *stored)
{
	StoredText text;
	bool		has_root;

	memset(stored, 0, sizeof(StoredBlock));
	stored->bad_transaction_copy = -1;
	stored->bad_log_copy = -1;
	stored->bad_withdrawal_copy = -1;
	initStringInfo(&text.block);
	initStringInfo(&text.receipts);
	if (!write_block(chain, number, stored, &text))
		return STORED_MISSING;
	has_root = strstr(text.block.data, "\"withdrawalsRoot\"") != NULL;
	if (!write_transactions(chain, number, stored, &text))
		return STORED_BROKEN;
	write_withdrawals(chain, number, stored, &text, has_root);
	return read_back(stored, &text, arena);
}
