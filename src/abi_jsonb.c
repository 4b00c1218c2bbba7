/*-------------------------------------------------------------------------
 *
 * abi_jsonb.c
 *	  Values of the ABI to and from jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "abi_json.h"
#include "abi_sql.h"

#define MAX_RESULT (MaxAllocSize / 4)

static bool value_from_jsonb(AbiValue *value, Arena *arena,
							 const AbiType *type, JsonbValue *json,
							 AbiError *error);

/* ---- to jsonb ---- */

Datum
abi_jsonb(const AbiText *json)
{
	char	   *text = pg_any_to_server(json->data, (int) json->len, PG_UTF8);

	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

bool
abi_values_jsonb(Datum *result, Arena *arena, const AbiType *tuple,
				 const AbiValue *values, bool as_object, AbiError *error)
{
	AbiText text;

	abi_text_init(&text, arena, MAX_RESULT);
	if (!abi_json_put(&text, tuple, values, as_object, error))
		return false;
	*result = abi_jsonb(&text);
	return true;
}

bool
abi_decoded_jsonb(Datum *result, Arena *arena, const AbiDecoded *decoded)
{
	AbiText text;
	AbiError	error;

	if (decoded->entry == NULL)
		return false;
	abi_text_init(&text, arena, MAX_RESULT);
	abi_text_puts(&text, "{\"name\": ");
	abi_text_put_quoted(&text, decoded->entry->name,
						strlen(decoded->entry->name));
	abi_text_puts(&text, ", \"signature\": ");
	abi_text_put_quoted(&text, decoded->entry->signature,
						strlen(decoded->entry->signature));
	abi_text_puts(&text, ", \"args\": ");
	if (!abi_json_put(&text, decoded->entry->inputs, decoded->values, true,
					  &error))
	{
		if (error.status == ABI_NO_MEMORY)
			abi_report(&error, "could not show decoded values");
		return false;
	}
	abi_text_puts(&text, "}");
	if (text.failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	*result = abi_jsonb(&text);
	return true;
}

Datum
abi_lines_to_jsonb(ArrayType *lines)
{
	Arena	   *arena = abi_arena_create(0);
	AbiText		json;
	Datum	   *items;
	bool	   *nulls;
	int			count;
	Datum		result;

	deconstruct_array(lines, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
					  &count);
	abi_text_init(&json, arena, MAX_RESULT);
	abi_text_puts(&json, "[");
	for (int i = 0; i < count; i++)
	{
		char	   *line;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a line of an ABI must not be null")));
		line = TextDatumGetCString(items[i]);
		line = pg_server_to_any(line, (int) strlen(line), PG_UTF8);
		abi_text_puts(&json, i > 0 ? ", " : "");
		abi_text_put_quoted(&json, line, strlen(line));
	}
	abi_text_puts(&json, "]");
	if (json.failed)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an ABI is too long")));
	result = abi_jsonb(&json);
	arena_destroy(arena);
	return result;
}

/* ---- from jsonb ---- */

/* An array's items, or an object's members, as values of a tuple's members. */
static bool
members_from_jsonb(AbiValue *values, Arena *arena, const AbiType *tuple,
				   JsonbContainer *container, AbiError *error)
{
	bool		is_object = JsonContainerIsObject(container);

	if (JsonContainerSize(container) != tuple->member_count)
		return abi_fail(error, ABI_BAD_VALUE, "%u values instead of %u",
						(unsigned) JsonContainerSize(container),
						(unsigned) tuple->member_count);
	for (uint32_t i = 0; i < tuple->member_count; i++)
	{
		const AbiParam *member = &tuple->members[i];
		char	   *key = pg_any_to_server(unconstify(char *, member->key),
										   (int) strlen(member->key), PG_UTF8);
		JsonbValue	key_value = {.type = jbvString};
		JsonbValue *json;

		key_value.val.string.val = key;
		key_value.val.string.len = (int) strlen(key);
		json = is_object ?
			findJsonbValueFromContainer(container, JB_FOBJECT, &key_value) :
			getIthJsonbValueFromContainer(container, i);
		if (json == NULL)
			return abi_fail(error, ABI_BAD_VALUE,
							"there is no member \"%.100s\"", member->key);
		if (!value_from_jsonb(&values[i], arena, member->type, json, error))
			return false;
	}
	return true;
}

static bool
scalar_from_jsonb(AbiValue *value, Arena *arena, const AbiType *type,
				  JsonbValue *json, AbiError *error)
{
	bool		is_number = type->kind <= ABI_FIXED;
	const char *text;
	char	   *utf8;
	size_t		len;

	if (json->type == jbvBool && type->kind == ABI_BOOL)
		text = json->val.boolean ? "true" : "false";

	else if (json->type == jbvNumeric && is_number)
		text = DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(json->val.numeric)));

	else if (json->type == jbvString && type->kind != ABI_BOOL)
		text = pnstrdup(json->val.string.val, json->val.string.len);

	else
		return abi_fail(error, ABI_BAD_VALUE,
						"expected %s",
						type->kind == ABI_BOOL ? "true or false" :
						is_number ? "a number or a string" :
						abi_is_word(type) || type->kind == ABI_BYTES ||
						type->kind == ABI_STRING ? "a string" :
						"an array or an object");
	utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);
	len = strlen(utf8);
	/* 1.0 is the integer 1 */
	if (json->type == jbvNumeric && strchr(utf8, '.') != NULL)
	{
		while (utf8[len - 1] == '0')
			len--;
		if (utf8[len - 1] == '.')
			len--;
	}
	return abi_value_from_text(value, arena, type, utf8, len, error);
}

static bool
array_from_jsonb(AbiValue *value, Arena *arena, const AbiType *type,
				 JsonbContainer *container, AbiError *error)
{
	uint32		count = JsonContainerSize(container);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	json;
	uint32		i = 0;

	if (type->kind == ABI_FIXED_ARRAY && count != type->length)
		return abi_fail(error, ABI_BAD_VALUE, "%u items instead of %llu",
						(unsigned) count, (unsigned long long) type->length);
	value->len = count;
	value->items = arena_alloc_array(arena, count, sizeof(AbiValue));
	if (value->items == NULL)
		return abi_fail(error, ABI_NO_MEMORY, "out of memory");
	iterator = JsonbIteratorInit(container);
	while ((token = JsonbIteratorNext(&iterator, &json, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM && i < count &&
			!value_from_jsonb(&value->items[i++], arena, type->element, &json,
							  error))
			return false;
	}
	return true;
}

static bool
value_from_jsonb(AbiValue *value, Arena *arena, const AbiType *type,
				 JsonbValue *json, AbiError *error)
{
	JsonbContainer *container;

	memset(value, 0, sizeof(*value));
	if (json->type != jbvBinary)
		return scalar_from_jsonb(value, arena, type, json, error);
	container = json->val.binary.data;
	if (JsonContainerIsScalar(container))
		return abi_fail(error, ABI_BAD_VALUE, "unexpected scalar");
	if (type->kind == ABI_TUPLE)
	{
		value->len = type->member_count;
		value->items = arena_alloc_array(arena, value->len, sizeof(AbiValue));
		if (value->items == NULL)
			return abi_fail(error, ABI_NO_MEMORY, "out of memory");
		return members_from_jsonb(value->items, arena, type, container, error);
	}
	if ((type->kind == ABI_ARRAY || type->kind == ABI_FIXED_ARRAY) &&
		JsonContainerIsArray(container))
		return array_from_jsonb(value, arena, type, container, error);
	return scalar_from_jsonb(value, arena, type, json, error);
}

bool
abi_values_from_jsonb(AbiValue *values, Arena *arena, const AbiType *tuple,
					  JsonbContainer *container, AbiError *error)
{
	memset(error, 0, sizeof(*error));
	if (JsonContainerIsScalar(container))
		return abi_fail(error, ABI_BAD_VALUE,
						"values must be an array or an object");
	return members_from_jsonb(values, arena, tuple, container, error);
}
