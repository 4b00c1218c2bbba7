/*-------------------------------------------------------------------------
 *
 * abi_sql.c
 *	  SQL functions that decode and encode.
 *
 * What is decoded was written by strangers: where a function looks for what
 * fits (decode_log, decode_input, decode_error), data that does not decode
 * gives NULL, so that nobody can break another's query with a log.
 * abi_decode, which is told the types, gives the reason as an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "abi_parse.h"
#include "abi_sql.h"
#include "keccak.h"

PG_FUNCTION_INFO_V1(chainsync_keccak256);
PG_FUNCTION_INFO_V1(chainsync_selector);
PG_FUNCTION_INFO_V1(chainsync_event_topic);
PG_FUNCTION_INFO_V1(chainsync_abi_decode);
PG_FUNCTION_INFO_V1(chainsync_abi_encode);
PG_FUNCTION_INFO_V1(chainsync_encode_call);
PG_FUNCTION_INFO_V1(chainsync_decode_log);
PG_FUNCTION_INFO_V1(chainsync_decode_log_as);
PG_FUNCTION_INFO_V1(chainsync_decode_input);
PG_FUNCTION_INFO_V1(chainsync_decode_error);
PG_FUNCTION_INFO_V1(chainsync_format_units);
PG_FUNCTION_INFO_V1(chainsync_parse_units);

#define CALL_MEMORY ((size_t) 1 << 30)
#define MAX_DECIMALS 255

static void
free_arena(void *arg)
{
	arena_destroy(arg);
}

Arena *
abi_arena_create(size_t limit)
{
	Arena	   *arena = palloc(sizeof(Arena));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	arena_init(arena, limit);
	callback->func = free_arena;
	callback->arg = arena;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return arena;
}

void
abi_report(const AbiError *error, const char *what)
{
	int			code = ERRCODE_DATA_EXCEPTION;
	char	   *message = pg_any_to_server(error->message,
										   (int) strlen(error->message),
										   PG_UTF8);

	switch (error->status)
	{
		case ABI_TRUNCATED:
		case ABI_TOO_MUCH:
		case ABI_NOT_CANONICAL:
		case ABI_NO_MATCH:
			code = ERRCODE_INVALID_BINARY_REPRESENTATION;
			break;
		case ABI_OUT_OF_RANGE:
			code = ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
			break;
		case ABI_BAD_TEXT:
			code = ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
			break;
		case ABI_BAD_VALUE:
		case ABI_SYNTAX:
		case ABI_UNKNOWN_TYPE:
			code = ERRCODE_INVALID_PARAMETER_VALUE;
			break;
		case ABI_NO_MEMORY:
			code = ERRCODE_OUT_OF_MEMORY;
			break;
		default:
			break;
	}
	if (error->status == ABI_BAD_TEXT)
		ereport(ERROR,
				(errcode(code), errmsg("%s: %s", what, message),
				 errhint("With bytes in place of string its bytes are "
						 "shown.")));
	ereport(ERROR,
			(errcode(code), errmsg("%s: %s", what, message)));
}

bytea *
abi_bytea(const uint8_t *bytes, size_t len)
{
	bytea	   *result;

	if (len > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of %zu bytes is too long for bytea", len)));
	result = palloc(VARHDRSZ + len);
	SET_VARSIZE(result, VARHDRSZ + len);
	if (len > 0)
		memcpy(VARDATA(result), bytes, len);
	return result;
}

/* An argument of type text, in UTF-8. */
static AbiSlice
text_argument(Datum argument)
{
	AbiSlice	result;
	char	   *value = TextDatumGetCString(argument);

	result.data = pg_server_to_any(value, (int) strlen(value), PG_UTF8);
	result.len = strlen(result.data);
	return result;
}

/*
 * keccak256(bytea)
 */
Datum
chainsync_keccak256(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);
	uint8		hash[KECCAK256_SIZE];

	keccak256(hash, (uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(abi_bytea(hash, sizeof(hash)));
}

/* ---- signatures ---- */

static AbiEntry
event_argument(Arena *arena, Datum argument)
{
	AbiSlice text = text_argument(argument);
	AbiEntry	entry;
	AbiError	error;

	if (!abi_parse_entry(&entry, arena, ABI_ENTRY_EVENT, text.data, text.len,
						 &error))
		abi_report(&error, "invalid event");
	return entry;
}

static AbiEntry
callable_argument(Arena *arena, Datum argument)
{
	AbiSlice text = text_argument(argument);
	AbiEntry	entry;
	AbiError	error;

	if (!abi_parse_callable(&entry, arena, text.data, text.len, &error))
		abi_report(&error, "invalid function or error");
	return entry;
}

/*
 * selector(signature text)
 */
Datum
chainsync_selector(PG_FUNCTION_ARGS)
{
	Arena	   *arena = abi_arena_create(CALL_MEMORY);
	AbiEntry	entry = callable_argument(arena, PG_GETARG_DATUM(0));

	arena_destroy(arena);
	PG_RETURN_BYTEA_P(abi_bytea(entry.hash, 4));
}

/*
 * event_topic(signature text)
 */
Datum
chainsync_event_topic(PG_FUNCTION_ARGS)
{
	Arena	   *arena = abi_arena_create(CALL_MEMORY);
	AbiEntry	entry = event_argument(arena, PG_GETARG_DATUM(0));

	arena_destroy(arena);
	if (entry.anonymous)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an anonymous event has no topic of its own")));
	PG_RETURN_BYTEA_P(abi_bytea(entry.hash, 32));
}

/* ---- types given ---- */

static const AbiType *
types_argument(Arena *arena, ArrayType *array)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;
	AbiSlice   *types;
	const AbiType *tuple;
	AbiError	error;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
					  &count);
	if (count > ABI_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d types", ABI_MAX_NODES)));
	types = palloc(sizeof(AbiSlice) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a type must not be null")));
		types[i] = text_argument(items[i]);
	}
	if (!abi_parse_types(&tuple, arena, types, count, &error))
		abi_report(&error, "invalid type");
	return tuple;
}

static AbiValue *
make_values(Arena *arena, const AbiType *tuple)
{
	AbiValue   *values = arena_alloc_array(arena, tuple->member_count,
										   sizeof(AbiValue));

	if (values == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return values;
}

/*
 * abi_decode(types text[], data bytea)
 */
Datum
chainsync_abi_decode(PG_FUNCTION_ARGS)
{
	Arena	   *arena = abi_arena_create(CALL_MEMORY);
	const AbiType *tuple = types_argument(arena, PG_GETARG_ARRAYTYPE_P(0));
	AbiValue   *values = make_values(arena, tuple);
	bytea	   *data = PG_GETARG_BYTEA_PP(1);
	AbiError	error;
	Datum		result;

	if (!abi_decode(values, arena, tuple, (uint8 *) VARDATA_ANY(data),
					VARSIZE_ANY_EXHDR(data), false, &error) ||
		!abi_values_jsonb(&result, arena, tuple, values, false, &error))
		abi_report(&error, "could not decode");
	arena_destroy(arena);
	PG_RETURN_DATUM(result);
}

static bytea *
encode(Arena *arena, const AbiType *tuple, Jsonb *json, const uint8 *prefix,
	   size_t prefix_len)
{
	AbiValue   *values = make_values(arena, tuple);
	const uint8 *bytes;
	size_t		len;
	AbiError	error;

	if (!abi_values_from_jsonb(values, arena, tuple, &json->root, &error) ||
		!abi_encode(&bytes, &len, arena, tuple, values, prefix, prefix_len,
					&error))
		abi_report(&error, "could not encode");
	return abi_bytea(bytes, len);
}

/*
 * abi_encode(types text[], "values" jsonb)
 */
Datum
chainsync_abi_encode(PG_FUNCTION_ARGS)
{
	Arena	   *arena = abi_arena_create(CALL_MEMORY);
	const AbiType *tuple = types_argument(arena, PG_GETARG_ARRAYTYPE_P(0));
	bytea	   *result = encode(arena, tuple, PG_GETARG_JSONB_P(1), NULL, 0);

	arena_destroy(arena);
	PG_RETURN_BYTEA_P(result);
}

/*
 * encode_call(signature text, args jsonb)
 */
Datum
chainsync_encode_call(PG_FUNCTION_ARGS)
{
	Arena	   *arena = abi_arena_create(CALL_MEMORY);
	AbiEntry	entry = callable_argument(arena, PG_GETARG_DATUM(0));
	bytea	   *result = encode(arena, entry.inputs, PG_GETARG_JSONB_P(1),
								entry.hash, 4);

	arena_destroy(arena);
	PG_RETURN_BYTEA_P(result);
}

/* ---- logs, calls, errors ---- */

/*
 * The topics of a log; NULLs at the end stand for none, so that
 * ARRAY[topic0, topic1, topic2, topic3] of a row will do.  -1: no log has
 * these.
 */
static int
topics_argument(const uint8 **topics, ArrayType *array)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &items, &nulls,
					  &count);
	while (count > 0 && nulls[count - 1])
		count--;
	if (count > ABI_MAX_TOPICS)
		return -1;
	for (int i = 0; i < count; i++)
	{
		bytea	   *topic = nulls[i] ? NULL : DatumGetByteaPP(items[i]);

		if (topic == NULL || VARSIZE_ANY_EXHDR(topic) != 32)
			return -1;
		topics[i] = (uint8 *) VARDATA_ANY(topic);
	}
	return count;
}

/* decode_log(topics bytea[], data bytea, abi text) */
Datum
chainsync_decode_log(PG_FUNCTION_ARGS)
{
	const uint8 *topics[ABI_MAX_TOPICS];
	char	   *abi = PG_ARGISNULL(2) ? NULL :
	text_to_cstring(PG_GETARG_TEXT_PP(2));
	AbiCandidates named = {NULL, 0};
	AbiCandidates anonymous = {NULL, 0};
	AbiRegistry *registry;
	AbiDecoded	decoded;
	bytea	   *data;
	int			count;
	Arena	   *arena;
	Datum		result;
	bool		good;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	count = topics_argument(topics, PG_GETARG_ARRAYTYPE_P(0));
	data = PG_GETARG_BYTEA_PP(1);
	if (count < 0)
		PG_RETURN_NULL();
	registry = abi_registry_open(fcinfo->flinfo);
	if (count > 0)
		named = abi_registry_find(registry, ABI_ENTRY_EVENT, topics[0], 32,
								  abi);
	if (abi != NULL)
		anonymous = abi_registry_anonymous(registry, abi);
	arena = abi_arena_create(CALL_MEMORY);
	decoded = abi_choose_event(arena, &named, 1, topics, count,
							   (uint8 *) VARDATA_ANY(data),
							   VARSIZE_ANY_EXHDR(data));
	if (decoded.entry == NULL)
		decoded = abi_choose_event(arena, &anonymous, 1, topics, count,
								   (uint8 *) VARDATA_ANY(data),
								   VARSIZE_ANY_EXHDR(data));
	good = abi_decoded_jsonb(&result, arena, &decoded);
	arena_destroy(arena);
	if (!good)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/*
 * decode_log(event text, topics bytea[], data bytea)
 */
Datum
chainsync_decode_log_as(PG_FUNCTION_ARGS)
{
	const uint8 *topics[ABI_MAX_TOPICS];
	Arena	   *arena = abi_arena_create(CALL_MEMORY);
	AbiEntry	entry = event_argument(arena, PG_GETARG_DATUM(0));
	int			count = topics_argument(topics, PG_GETARG_ARRAYTYPE_P(1));
	bytea	   *data = PG_GETARG_BYTEA_PP(2);
	AbiDecoded	decoded = {&entry, make_values(arena, entry.inputs)};
	AbiError	error;
	Datum		result = (Datum) 0;
	bool		good;

	good = count >= 0 &&
		abi_decode_event(decoded.values, arena, &entry, topics, count,
						 (uint8 *) VARDATA_ANY(data),
						 VARSIZE_ANY_EXHDR(data), false, &error) &&
		abi_decoded_jsonb(&result, arena, &decoded);
	arena_destroy(arena);
	if (!good)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* A selector and arguments. */
static Datum
decode_call(FunctionCallInfo fcinfo, AbiEntryKind kind)
{
	bytea	   *data;
	const uint8 *bytes;
	size_t		len;
	AbiCandidates candidates;
	AbiDecoded	decoded;
	Arena	   *arena;
	Datum		result;
	bool		good;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	data = PG_GETARG_BYTEA_PP(0);
	bytes = (uint8 *) VARDATA_ANY(data);
	len = VARSIZE_ANY_EXHDR(data);
	if (len < 4)
		PG_RETURN_NULL();
	candidates = abi_registry_find(abi_registry_open(fcinfo->flinfo), kind,
								   bytes, 4, PG_ARGISNULL(1) ? NULL :
								   text_to_cstring(PG_GETARG_TEXT_PP(1)));
	arena = abi_arena_create(CALL_MEMORY);
	decoded = abi_choose_call(arena, candidates, bytes + 4, len - 4);
	good = abi_decoded_jsonb(&result, arena, &decoded);
	arena_destroy(arena);
	if (!good)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/*
 * decode_input(input bytea, abi text)
 */
Datum
chainsync_decode_input(PG_FUNCTION_ARGS)
{
	return decode_call(fcinfo, ABI_ENTRY_FUNCTION);
}

/*
 * decode_error(data bytea, abi text)
 */
Datum
chainsync_decode_error(PG_FUNCTION_ARGS)
{
	return decode_call(fcinfo, ABI_ENTRY_ERROR);
}

/* ---- units ---- */

static int
decimals_argument(int decimals)
{
	if (decimals < 0 || decimals > MAX_DECIMALS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("decimals must be between 0 and %d", MAX_DECIMALS)));
	return decimals;
}

/*
 * format_units(value numeric, decimals integer): 1500, 3 gives 1.5.
 */
Datum
chainsync_format_units(PG_FUNCTION_ARGS)
{
	char	   *value = DatumGetCString(DirectFunctionCall1(numeric_out,
															PG_GETARG_DATUM(0)));
	int			decimals = decimals_argument(PG_GETARG_INT32(1));
	char	   *point = strchr(value, '.');
	const char *digits = value + (*value == '-');
	int			len;
	StringInfoData result;

	/* 1500.00 is an integer too */
	if (point != NULL && strspn(point + 1, "0") == strlen(point + 1))
		*point = '\0';
	len = (int) strlen(digits);
	if (len == 0 || strspn(digits, "0123456789") != (size_t) len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value must be a whole number of the smallest unit")));
	initStringInfo(&result);
	appendStringInfo(&result, "%s%.*s", *value == '-' ? "-" : "",
					 len > decimals ? len - decimals : 1,
					 len > decimals ? digits : "0");
	appendStringInfoChar(&result, '.');
	if (len <= decimals)
		appendStringInfoSpaces(&result, decimals - len);
	appendStringInfoString(&result, len > decimals ?
						   digits + len - decimals : digits);
	for (char *c = strchr(result.data, '.'); *c != '\0'; c++)
	{
		if (*c == ' ')
			*c = '0';
	}
	while (result.data[result.len - 1] == '0')
		result.data[--result.len] = '\0';
	if (result.data[result.len - 1] == '.')
		result.data[--result.len] = '\0';
	PG_RETURN_TEXT_P(cstring_to_text(result.data));
}

/*
 * parse_units(value text, decimals integer): 1.5, 3 gives 1500.
 */
Datum
chainsync_parse_units(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			decimals = decimals_argument(PG_GETARG_INT32(1));
	const char *digits = value + (*value == '-');
	size_t		whole = strspn(digits, "0123456789");
	const char *fraction = digits[whole] == '.' ? digits + whole + 1 : "";
	size_t		places = strspn(fraction, "0123456789");
	StringInfoData result;

	if (whole == 0 || (digits[whole] == '.' && places == 0) ||
		digits[whole + (places > 0 ? 1 + places : 0)] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid decimal number")));
	if (places > (size_t) decimals &&
		strspn(fraction + decimals, "0") < places - decimals)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value does not fit %d decimal places", decimals)));
	initStringInfo(&result);
	appendBinaryStringInfo(&result, value, (int) (digits - value + whole));
	appendStringInfo(&result, "%.*s", (int) Min(places, (size_t) decimals),
					 fraction);
	for (size_t i = places; i < (size_t) decimals; i++)
		appendStringInfoChar(&result, '0');
	return DirectFunctionCall3(numeric_in, CStringGetDatum(result.data),
							   ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}
