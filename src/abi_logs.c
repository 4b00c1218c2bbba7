/*-------------------------------------------------------------------------
 *
 * abi_logs.c
 *	  decode_logs(): the stored logs of a chain with their events.
 *
 * A log is tried with the ABIs that are bound to its address at its block
 * first, then with those ABIs' anonymous events, then with the events of all
 * ABIs.  Logs that nothing decodes come too, with event and args NULL.
 *
 * Which table the logs are in is looked up as the extension's owner; the
 * table is read as the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "abi_sql.h"
#include "chain.h"
#include "identity.h"
#include "spi_util.h"

PG_FUNCTION_INFO_V1(chainsync_decode_logs);

extern Datum chainsync_address(PG_FUNCTION_ARGS);

#define FETCH_ROWS 500
#define ADDRESS_SIZE 20
#define LOG_MEMORY ((size_t) 1 << 30)

typedef struct Binding
{
	char	   *abi;
	int64		from_block;
	int64		to_block;
	struct Binding *next;
} Binding;

typedef struct BoundAddress
{
	uint8		address[ADDRESS_SIZE];
	Binding    *first;
	Binding    *last;
} BoundAddress;

typedef struct LogsDecoder
{
	AbiRegistry *registry;
	HTAB	   *bound;
	int			most_bindings;	/* of one address */
	Arena	   *arena;			/* of one log */
	ReturnSetInfo *result;
} LogsDecoder;

/* What decode_logs returns. */
enum
{
	OUT_BLOCK_NUMBER,
	OUT_LOG_INDEX,
	OUT_TRANSACTION_INDEX,
	OUT_TRANSACTION_HASH,
	OUT_ADDRESS,
	OUT_EVENT,
	OUT_ARGS,
	OUT_COLUMNS
};

/* Columns of the query on the logs; the first are those returned. */
#define LOG_COLUMNS "block_number, log_index, transaction_index, " \
	"transaction_hash, address, topic0, topic1, topic2, topic3, data"
#define COLUMN_TOPIC0 6
#define COLUMN_DATA 10

/* Reads the bindings of a chain; SPI connected. */
static void
read_bindings(LogsDecoder *decoder, int chain)
{
	HASHCTL		control = {
		.keysize = ADDRESS_SIZE,
		.entrysize = sizeof(BoundAddress)
	};
	int			most = 0;

	decoder->bound = hash_create("chainsync bindings", 256, &control,
								 HASH_ELEM | HASH_BLOBS);
	spi_run(SPI_OK_SELECT, true,
			"SELECT address, abi, from_block, to_block "
			"FROM chainsync.abi_bindings "
			"WHERE chain OPERATOR(pg_catalog.=) %d ORDER BY abi COLLATE pg_catalog.\"C\", from_block", chain);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Binding    *binding = spi_alloc(sizeof(Binding));
		uint8	   *address = spi_bytes((int) i, "address", ADDRESS_SIZE);
		BoundAddress *entry;
		bool		found;
		int			count = 1;

		binding->abi = spi_text((int) i, "abi");
		binding->from_block = spi_int64((int) i, "from_block", 0);
		binding->to_block = spi_int64((int) i, "to_block", PG_INT64_MAX);
		entry = hash_search(decoder->bound, address, HASH_ENTER, &found);
		if (!found)
			entry->first = binding;
		else
			entry->last->next = binding;
		entry->last = binding;
		for (Binding *b = entry->first; b != binding; b = b->next)
			count++;
		most = Max(most, count);
	}
	decoder->most_bindings = most;
}

/* Tries what is bound to the address. */
static AbiDecoded
decode_bound(LogsDecoder *decoder, const uint8 *address, int64 block,
			 const uint8 *const *topics, int topic_count, const uint8 *data,
			 size_t len)
{
	BoundAddress *entry = hash_search(decoder->bound, address, HASH_FIND,
									  NULL);
	AbiDecoded	result = {NULL, NULL};
	AbiCandidates *lists;

	if (entry == NULL)
		return result;
	lists = palloc0(sizeof(AbiCandidates) * decoder->most_bindings);
	for (int anonymous = 0; anonymous <= 1 && result.entry == NULL; anonymous++)
	{
		int			count = 0;

		for (Binding *b = entry->first; b != NULL; b = b->next)
		{
			if (block < b->from_block || block > b->to_block)
				continue;
			if (anonymous)
				lists[count++] = abi_registry_anonymous(decoder->registry,
														b->abi);
			else if (topic_count > 0)
				lists[count++] = abi_registry_find(decoder->registry,
												   ABI_ENTRY_EVENT, topics[0],
												   32, b->abi);
		}
		result = abi_choose_event(decoder->arena, lists, count, topics,
								  topic_count, data, len);
	}
	return result;
}

/* The topics of a row; -1 when they are not of 32 bytes. */
static int
row_topics(const uint8 **topics, HeapTuple row, TupleDesc desc)
{
	int			count = 0;

	for (int i = 0; i < ABI_MAX_TOPICS; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(row, desc, COLUMN_TOPIC0 + i,
										  &isnull);
		bytea	   *topic = isnull ? NULL : DatumGetByteaPP(value);

		if (isnull)
			continue;
		if (count < i || VARSIZE_ANY_EXHDR(topic) != 32)
			return -1;
		topics[count++] = (uint8 *) VARDATA_ANY(topic);
	}
	return count;
}

/* Decodes a row; entry NULL when nothing fits. */
static AbiDecoded
decode_row(LogsDecoder *decoder, HeapTuple row, TupleDesc desc)
{
	AbiDecoded	result = {NULL, NULL};
	AbiCandidates global;
	const uint8 *topics[ABI_MAX_TOPICS];
	int			count = row_topics(topics, row, desc);
	bool		isnull;
	int64		block = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	bytea	   *address;
	bytea	   *data;

	address = DatumGetByteaPP(SPI_getbinval(row, desc, OUT_ADDRESS + 1,
											&isnull));
	data = DatumGetByteaPP(SPI_getbinval(row, desc, COLUMN_DATA, &isnull));
	if (count < 0)
		return result;
	if (VARSIZE_ANY_EXHDR(address) == ADDRESS_SIZE)
		result = decode_bound(decoder, (uint8 *) VARDATA_ANY(address), block,
							  topics, count, (uint8 *) VARDATA_ANY(data),
							  VARSIZE_ANY_EXHDR(data));
	if (result.entry != NULL || count == 0)
		return result;
	global = abi_registry_find(decoder->registry, ABI_ENTRY_EVENT, topics[0],
							   32, NULL);

	return abi_choose_event(decoder->arena, &global, 1, topics, count,
							(uint8 *) VARDATA_ANY(data),
							VARSIZE_ANY_EXHDR(data));
}

static void
put_row(LogsDecoder *decoder, HeapTuple row, TupleDesc desc)
{
	Datum		values[OUT_COLUMNS];
	bool		nulls[OUT_COLUMNS];
	AbiDecoded	decoded = decode_row(decoder, row, desc);
	AbiError	error;

	for (int i = 0; i < OUT_EVENT; i++)
		values[i] = SPI_getbinval(row, desc, i + 1, &nulls[i]);
	nulls[OUT_EVENT] = nulls[OUT_ARGS] = true;
	if (decoded.entry != NULL &&
		abi_values_jsonb(&values[OUT_ARGS], decoder->arena,
						 decoded.entry->inputs, decoded.values, true, &error))
	{
		values[OUT_EVENT] = CStringGetTextDatum(decoded.entry->name);
		nulls[OUT_EVENT] = nulls[OUT_ARGS] = false;
	}
	tuplestore_putvalues(decoder->result->setResult, decoder->result->setDesc,
						 values, nulls);
	arena_reset(decoder->arena);
}

/* Fetches and decodes the logs in portions. */
static void
decode_all(LogsDecoder *decoder, Portal portal)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "chainsync log",
													  ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		SPITupleTable *rows;
		uint64		count;

		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		rows = SPI_tuptable;
		count = SPI_processed;
		for (uint64 i = 0; i < count; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(row_context);

			CHECK_FOR_INTERRUPTS();
			put_row(decoder, rows->vals[i], rows->tupdesc);
			MemoryContextSwitchTo(old);
			MemoryContextReset(row_context);
		}
		SPI_freetuptable(rows);
		if (count == 0)
			break;
	}
	MemoryContextDelete(row_context);
}

/* The addresses as bytea[]. */
static Datum
address_argument(ArrayType *array)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an address must not be null")));
		items[i] = DirectFunctionCall1(chainsync_address, items[i]);
	}
	return PointerGetDatum(construct_array(items, count, BYTEAOID, -1, false,
										   TYPALIGN_INT));
}

/*
 * decode_logs(chain text, from_block bigint, to_block bigint, address text[])
 */
Datum
chainsync_decode_logs(PG_FUNCTION_ARGS)
{
	LogsDecoder decoder = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	Oid			types[] = {INT8OID, INT8OID, BYTEAARRAYOID};
	Datum		values[3] = {0};
	char		nulls[] = "   ";
	Identity	saved;
	ChainConfig *chain;
	char	   *query;
	Portal		portal;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("chain, from_block and to_block must not be "
							"null")));
	}
	values[0] = PG_GETARG_DATUM(1);
	values[1] = PG_GETARG_DATUM(2);
	nulls[2] = PG_ARGISNULL(3) ? 'n' : ' ';
	if (!PG_ARGISNULL(3))
		values[2] = address_argument(PG_GETARG_ARRAYTYPE_P(3));
	decoder.registry = abi_registry_open(fcinfo->flinfo);
	decoder.arena = abi_arena_create(LOG_MEMORY);

	identity_spi_connect();
	identity_become_extension_owner(&saved);
	chain = chain_load(chain_lookup(text_to_cstring(PG_GETARG_TEXT_PP(0))));
	if (chain == NULL)
		elog(ERROR, "chain was removed meanwhile");
	identity_restore(&saved);
	read_bindings(&decoder, chain->id);
	query = psprintf("SELECT " LOG_COLUMNS " FROM %s "
					 "WHERE block_number OPERATOR(pg_catalog.>=) $1 "
					 "AND block_number OPERATOR(pg_catalog.<=) $2%s "
					 "ORDER BY block_number, log_index",
					 chain_table(chain, TABLE_LOGS)->qualified,
					 nulls[2] == 'n' ? "" :
					 " AND address OPERATOR(pg_catalog.=) ANY ($3)");
	portal = SPI_cursor_open_with_args(NULL, query, 3, types, values, nulls,
									   true, 0);
	decode_all(&decoder, portal);
	SPI_cursor_close(portal);
	hash_destroy(decoder.bound);
	identity_spi_finish();
	return (Datum) 0;
}
