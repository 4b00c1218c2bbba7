/*-------------------------------------------------------------------------
 *
 * abi_corpus.h
 *	  Values of the recorded ABI vectors beside ours.
 *
 * The vectors have integers as decimal text, addresses and bytes as hex in
 * lower case, tuples as arrays.  What a decoder gave is compared by way of its
 * JSON, read with json-c; what is to be encoded is made from the vector's
 * JSON.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ABI_CORPUS_H
#define ABI_CORPUS_H

#include <strings.h>
#include <time.h>

#include "abi.h"
#include "abi_json.h"
#include "abi_parse.h"
#include "corpus.h"

/* A check that also prints which vector it was, and gives its outcome. */
static UNUSED_OK bool
check_named(bool good, const char *what, const char *name, const char *file,
			int line)
{
	if (!unit_check(good, file, line, what) && unit_failed <= 50)
		printf("\tat %s\n", name);
	return good;
}

#define CHECK_NAMED(condition, what, name) \
	check_named((condition), (what), (name), __FILE__, __LINE__)

/* A copy of exactly that size, so that a sanitizer sees any byte too many. */
static UNUSED_OK uint8_t *
exact_copy(const uint8_t *data, size_t len)
{
	uint8_t    *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		corpus_die("out of memory", "malloc");
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

static UNUSED_OK AbiValue *
abi_values_for(Arena *arena, const AbiType *tuple)
{
	return corpus_alloc(arena, tuple->member_count + 1, sizeof(AbiValue));
}

/* The types of a vector as a tuple; NULL when they do not parse. */
static UNUSED_OK const AbiType *
abi_types_of(Arena *arena, json_object *list, AbiError *error)
{
	size_t		count = json_object_array_length(list);
	AbiSlice   *types = corpus_alloc(arena, count + 1, sizeof(AbiSlice));
	const AbiType *tuple;

	for (size_t i = 0; i < count; i++)
	{
		types[i].data =
			json_object_get_string(json_object_array_get_idx(list, i));
		types[i].len = strlen(types[i].data);
	}
	return abi_parse_types(&tuple, arena, types, (uint32_t) count, error) ?
		tuple : NULL;
}

/* Makes a value from a vector's; false when it is not of the type. */
static UNUSED_OK bool
abi_value_of(AbiValue *value, Arena *arena, const AbiType *type,
			 json_object *from, AbiError *error)
{
	const char *text;

	if (abi_is_word(type) || type->kind == ABI_BYTES ||
		type->kind == ABI_STRING)
	{
		text = json_object_get_string(from);
		return abi_value_from_text(value, arena, type, text,
								   (size_t) json_object_get_string_len(from) > 0
								   ? (size_t) json_object_get_string_len(from)
								   : strlen(text), error);
	}
	memset(value, 0, sizeof(*value));
	value->len = json_object_array_length(from);
	value->items = corpus_alloc(arena, value->len + 1, sizeof(AbiValue));
	for (size_t i = 0; i < value->len; i++)
	{
		if (!abi_value_of(&value->items[i], arena,
						  type->kind == ABI_TUPLE ? type->members[i].type :
						  type->element,
						  json_object_array_get_idx(from, i), error))
			return false;
	}
	return true;
}

/* Whether JSON that we made says the same as a vector's. */
static UNUSED_OK bool
abi_same(const AbiType *type, json_object *ours, json_object *theirs)
{
	json_object *hash;
	size_t		count;

	if (json_object_object_get_ex(theirs, "indexed_hash", &hash))
		return strcmp(json_object_get_string(ours),
					  json_object_get_string(hash)) == 0;
	if (type->kind == ABI_STRING)
		return json_object_get_string_len(ours) ==
			json_object_get_string_len(theirs) &&
			memcmp(json_object_get_string(ours),
				   json_object_get_string(theirs),
				   (size_t) json_object_get_string_len(ours)) == 0;
	if (abi_is_word(type) || type->kind == ABI_BYTES)
		return strcasecmp(json_object_get_string(ours),
						  json_object_get_string(theirs)) == 0;
	if (!json_object_is_type(theirs, json_type_array))
		return false;
	count = json_object_array_length(theirs);
	for (size_t i = 0; i < count; i++)
	{
		const AbiType *inner = type->kind == ABI_TUPLE ?
		type->members[i].type : type->element;
		json_object *item = json_object_is_type(ours, json_type_array) ?
		json_object_array_get_idx(ours, i) :
		corpus_get(ours, type->members[i].key);

		if (item == NULL ||
			!abi_same(inner, item, json_object_array_get_idx(theirs, i)))
			return false;
	}
	return json_object_is_type(ours, json_type_array) ?
		json_object_array_length(ours) == count :
		(size_t) json_object_object_length(ours) == count;
}

/* The decoded values as JSON, parsed again; NULL when they have none. */
static UNUSED_OK json_object *
abi_json_of(Arena *arena, const AbiType *tuple, const AbiValue *values,
			AbiError *error)
{
	AbiText		text;
	json_object *result;

	abi_text_init(&text, arena, (size_t) 1 << 30);
	if (!abi_json_put(&text, tuple, values, false, error))
		return NULL;
	result = json_tokener_parse(text.data);
	if (result == NULL)
		corpus_die("not JSON", text.data);
	return result;
}

/* Whether decoded values are a vector's. */
static UNUSED_OK bool
abi_values_are(Arena *arena, const AbiType *tuple, const AbiValue *values,
			   json_object *expected)
{
	AbiError	error;
	json_object *ours = abi_json_of(arena, tuple, values, &error);
	bool		same = ours != NULL && abi_same(tuple, ours, expected);

	json_object_put(ours);
	return same;
}

/* Whether the values' encoding is these bytes. */
static UNUSED_OK bool
abi_encodes_to(Arena *arena, const AbiType *tuple, const AbiValue *values,
			   const uint8_t *data, size_t len)
{
	const uint8_t *out;
	size_t		out_len;
	AbiError	error;

	return abi_encode(&out, &out_len, arena, tuple, values, NULL, 0,
					  &error) &&
		out_len == len && memcmp(out, data, len) == 0;
}

/* Processor time used, which a busy machine does not change. */
static UNUSED_OK double
abi_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

#endif							/* ABI_CORPUS_H */
