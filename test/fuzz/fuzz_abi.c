/*-------------------------------------------------------------------------
 *
 * fuzz_abi.c
 *	  libFuzzer target: the ABI's parsers, decoder and encoder.
 *
 * The first byte says what the rest is: declarations, one a line; a JSON ABI;
 * or a type up to a line's end and data to decode.  What strict decoding
 * accepts must encode to the same bytes, what JSON is made must be JSON, and
 * what a parser accepts must be accepted again in the form that is stored.
 *
 *-------------------------------------------------------------------------
 */
#include "abi.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "abi_json.h"
#include "abi_parse.h"

#define MAX_LINES 64

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
check_error(bool good, const AbiError *error)
{
	require(good == (error->status == ABI_OK));
	require(good || error->message[0] != '\0');
	require(memchr(error->message, '\0', sizeof(error->message)) != NULL);
}

static void
check_json(const AbiText *text)
{
	json_tokener *tokener = json_tokener_new_ex(100);

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						   JSON_TOKENER_VALIDATE_UTF8);
	json_object_put(json_tokener_parse_ex(tokener, text->data,
										  (int) text->len + 1));
	require(json_tokener_get_error(tokener) == json_tokener_success);
	json_tokener_free(tokener);
}

/* Encodes values; NULL when that fails. */
static const uint8_t *
encode(Arena *arena, const AbiType *tuple, const AbiValue *values,
	   size_t *len)
{
	const uint8_t *out;
	AbiError	error;
	bool		good = abi_encode(&out, len, arena, tuple, values, NULL, 0,
								  &error);

	check_error(good, &error);
	return good ? out : NULL;
}

static void
check_decoded(Arena *arena, const AbiType *tuple, const AbiValue *values,
			  const uint8_t *data, size_t len, bool strict)
{
	AbiValue   *again;
	const uint8_t *bytes;
	size_t		bytes_len;
	AbiError	error;
	AbiText		text;

	bytes = encode(arena, tuple, values, &bytes_len);
	if (bytes == NULL)
		return;
	require(strict == (bytes_len == len && memcmp(bytes, data, len) == 0));
	again = arena_alloc_array(arena, tuple->member_count, sizeof(AbiValue));
	if (again != NULL && bytes_len < len + 65536)
	{
		bool		good = abi_decode(again, arena, tuple, bytes, bytes_len,
									  true, &error);

		/* of elements without size, longer data may have had more */
		require(good || error.status == ABI_NO_MEMORY ||
				error.status == ABI_TOO_MUCH);
	}
	abi_text_init(&text, arena, (size_t) 1 << 26);
	if (abi_json_put(&text, tuple, values, false, &error))
		check_json(&text);
	else
		require(error.status == ABI_BAD_TEXT ||
				error.status == ABI_NO_MEMORY);
}

static void
fuzz_decoder(Arena *arena, const char *text, size_t size)
{
	const char *end = memchr(text, '\n', size);
	AbiSlice	type = {text, end == NULL ? size : (size_t) (end - text)};
	const uint8_t *data = (const uint8_t *) text + type.len;
	size_t		len = size - type.len;
	const AbiType *tuple;
	AbiValue   *values;
	AbiError	error;
	bool		tolerant;
	bool		strict;
	bool		good;

	if (len > 0)
	{
		data++;
		len--;
	}
	good = abi_parse_types(&tuple, arena, &type, 1, &error);
	check_error(good, &error);
	if (!good)
		return;
	values = arena_alloc_array(arena, tuple->member_count, sizeof(AbiValue));
	require(values != NULL);
	strict = abi_decode(values, arena, tuple, data, len, true, &error);
	check_error(strict, &error);
	tolerant = abi_decode(values, arena, tuple, data, len, false, &error);
	check_error(tolerant, &error);
	require(tolerant || !strict);
	if (tolerant)
		check_decoded(arena, tuple, values, data, len, strict);
}

static void
check_definition(Arena *arena, const AbiDefinition *definition)
{
	for (uint32_t i = 0; i < definition->count; i++)
	{
		const AbiEntry *entry = &definition->entries[i];
		const AbiType *inputs;
		AbiEntry	again;
		AbiError	error;
		AbiText		text;

		abi_text_init(&text, arena, (size_t) 1 << 24);
		abi_json_put_inputs(&text, entry->inputs);
		if (text.failed)
			continue;
		check_json(&text);
		if (!abi_parse_inputs(&inputs, arena, text.data, text.len, &error))
			require(error.status == ABI_NO_MEMORY);
		if (!abi_parse_entry(&again, arena, entry->kind, entry->signature,
							 strlen(entry->signature), &error))
			require(error.status == ABI_NO_MEMORY);
		else
			require(memcmp(again.hash, entry->hash, 32) == 0);
	}
}

static void
fuzz_lines(Arena *arena, const char *text, size_t size)
{
	AbiSlice	lines[MAX_LINES];
	uint32_t	count = 0;
	AbiDefinition definition;
	AbiError	error;
	bool		good;

	while (size > 0 && count < MAX_LINES)
	{
		const char *end = memchr(text, '\n', size);

		lines[count].data = text;
		lines[count].len = end == NULL ? size : (size_t) (end - text);
		size -= lines[count].len + (end != NULL);
		text += lines[count].len + (end != NULL);
		count++;
	}
	good = abi_parse_lines(&definition, arena, lines, count, &error);
	check_error(good, &error);
	if (good)
		check_definition(arena, &definition);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *copy;
	Arena		arena;
	AbiDefinition definition;
	AbiError	error;

	if (size == 0)
		return 0;
	/* of that size exactly, so that a sanitizer sees any byte too many */
	copy = malloc(size > 1 ? size - 1 : 1);
	memcpy(copy, data + 1, size - 1);
	arena_init(&arena, (size_t) 1 << 27);
	switch (data[0] % 4)
	{
		case 0:
			fuzz_lines(&arena, copy, size - 1);
			break;
		case 1:
			if (abi_parse_json(&definition, &arena, copy, size - 1, &error))
				check_definition(&arena, &definition);
			break;
		default:
			fuzz_decoder(&arena, copy, size - 1);
			break;
	}
	arena_destroy(&arena);
	free(copy);
	return 0;
}
