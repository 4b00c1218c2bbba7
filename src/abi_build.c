/*-------------------------------------------------------------------------
 *
 * abi_build.c
 *	  Puts types and entries together; for the parsers.
 *
 *-------------------------------------------------------------------------
 */
#include "abi_build.h"

#include <stdio.h>
#include <string.h>

#include "abi_json.h"
#include "keccak.h"

#define MAX_SIGNATURE 65535

bool
abi_no_memory(AbiError *error)
{
	return abi_fail(error, ABI_NO_MEMORY, "out of memory");
}

static char *
copy_name(Arena *arena, const char *name, size_t len, AbiError *error)
{
	char	   *copy;

	if (len > ABI_MAX_NAME)
	{
		abi_fail(error, ABI_SYNTAX, "a name is longer than %d bytes",
				 ABI_MAX_NAME);
		return NULL;
	}
	if ((len > 0 && memchr(name, '\0', len) != NULL) ||
		abi_text_invalid_utf8(name, len) != len)
	{
		abi_fail(error, ABI_SYNTAX,
				 "a name holds a NUL byte or is not UTF-8");
		return NULL;
	}
	copy = arena_alloc(arena, len + 1);
	if (copy == NULL)
	{
		abi_no_memory(error);
		return NULL;
	}
	if (len > 0)
		memcpy(copy, name, len);
	copy[len] = '\0';
	return copy;
}

bool
abi_is_identifier(const char *name, size_t len)
{
	if (len == 0 || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		char		c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '_' || c == '$'))
			return false;
	}
	return true;
}

/* ---- types ---- */

/*
 * Reads a number without leading zeros; false when there is none or it has
 * more than 18 digits.
 */
static bool
read_number(const char **pos, const char *end, uint64_t *number)
{
	const char *start = *pos;
	const char *at = start;

	*number = 0;
	while (at < end && at - start < 18 && *at >= '0' && *at <= '9')
		*number = *number * 10 + (uint64_t) (*at++ - '0');
	*pos = at;
	return at > start && (*start != '0' || at == start + 1) &&
		(at == end || *at < '0' || *at > '9');
}

/* Whether `name` begins with the word; what follows is left in *rest. */
static bool
begins_with(const char *name, size_t len, const char *word, const char **rest)
{
	size_t		word_len = strlen(word);

	if (len < word_len || memcmp(name, word, word_len) != 0)
		return false;
	*rest = name + word_len;
	return true;
}

/* intN, uintN, bytesN, fixedMxN, ufixedMxN */
static bool
read_sized(AbiType *type, const char *name, size_t len)
{
	static const struct
	{
		const char *word;
		AbiKind		kind;
	}			sized[] = {
		{"uint", ABI_UINT}, {"int", ABI_INT}, {"bytes", ABI_BYTES_N},
		{"ufixed", ABI_UFIXED}, {"fixed", ABI_FIXED}
	};
	const char *end = name + len;
	const char *pos = NULL;
	uint64_t	size;
	uint64_t	decimals = 0;
	size_t		i = 0;

	while (i < 5 && !begins_with(name, len, sized[i].word, &pos))
		i++;
	if (i == 5)
		return false;
	type->kind = sized[i].kind;
	if (pos == end && type->kind != ABI_BYTES_N)
		size = type->kind <= ABI_INT ? 256 : (decimals = 18, 128);
	else if (!read_number(&pos, end, &size))
		return false;
	else if (type->kind >= ABI_UFIXED && type->kind <= ABI_FIXED)
	{
		if (pos == end || *pos++ != 'x' || !read_number(&pos, end, &decimals))
			return false;
	}
	if (pos != end || size == 0 || decimals > 80)
		return false;
	if (type->kind == ABI_BYTES_N)
	{
		type->bytes = (uint8_t) size;
		return size <= 32;
	}
	type->bits = (uint16_t) size;
	type->decimals = (uint8_t) decimals;
	return size <= 256 && size % 8 == 0;
}

static bool
read_elementary(AbiType *type, const char *name, size_t len)
{
	static const struct
	{
		const char *name;
		AbiKind		kind;
	}			plain[] = {
		{"address", ABI_ADDRESS}, {"bool", ABI_BOOL}, {"string", ABI_STRING},
		{"bytes", ABI_BYTES}, {"function", ABI_FUNCTION}
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
	{
		if (strlen(plain[i].name) == len &&
			memcmp(plain[i].name, name, len) == 0)
		{
			type->kind = plain[i].kind;
			return true;
		}
	}
	if (len == 4 && memcmp(name, "byte", 4) == 0)
	{
		type->kind = ABI_BYTES_N;	/* the name before Solidity 0.8 */
		type->bytes = 1;
		return true;
	}
	return read_sized(type, name, len);
}

static AbiType *
new_type(Arena *arena, AbiKind kind, AbiError *error)
{
	AbiType    *type = arena_alloc(arena, sizeof(AbiType));

	if (type == NULL)
	{
		abi_no_memory(error);
		return NULL;
	}
	memset(type, 0, sizeof(*type));
	type->kind = kind;
	type->nodes = 1;
	type->depth = 1;
	type->head = ABI_WORD;
	return type;
}

const AbiType *
abi_build_elementary(Arena *arena, const char *name, size_t len,
					 AbiError *error)
{
	AbiType    *type = new_type(arena, ABI_UINT, error);

	if (type == NULL)
		return NULL;
	if (!read_elementary(type, name, len))
	{
		/* the text may be anything: only a name is repeated */
		if (abi_is_identifier(name, len))
			abi_fail(error, ABI_UNKNOWN_TYPE, "unknown type \"%.*s\"",
					 (int) (len > 100 ? 100 : len), name);
		else
			abi_fail(error, ABI_UNKNOWN_TYPE, "unknown type");
		return NULL;
	}
	type->dynamic = type->kind == ABI_BYTES || type->kind == ABI_STRING;
	return type;
}

/* Adds an inner type's depth and nodes; the limits are checked. */
static bool
add_inner(AbiType *type, const AbiType *inner, AbiError *error)
{
	if (inner->depth >= type->depth)
		type->depth = inner->depth + 1;
	type->nodes += inner->nodes;
	if (type->depth > ABI_MAX_DEPTH)
		return abi_fail(error, ABI_SYNTAX,
						"types are nested more than %d deep", ABI_MAX_DEPTH);
	if (type->nodes > ABI_MAX_NODES)
		return abi_fail(error, ABI_SYNTAX,
						"a type is made of more than %d types",
						ABI_MAX_NODES);
	return true;
}

const AbiType *
abi_build_array(Arena *arena, const AbiType *element, bool fixed,
				uint64_t length, AbiError *error)
{
	AbiType    *type = new_type(arena, fixed ? ABI_FIXED_ARRAY : ABI_ARRAY,
								error);

	if (type == NULL || !add_inner(type, element, error))
		return NULL;
	type->element = element;
	type->length = length;
	type->dynamic = !fixed || element->dynamic;
	if (!type->dynamic &&
		__builtin_mul_overflow(element->head, length, &type->head))
		type->head = UINT64_MAX;
	return type;
}

bool
abi_build_add(AbiParams *params, Arena *arena, const AbiType *type,
			  const char *name, size_t name_len, bool indexed,
			  AbiError *error)
{
	AbiParam   *param;

	if (params->count >= ABI_MAX_NODES)
		return abi_fail(error, ABI_SYNTAX, "more than %d parameters",
						ABI_MAX_NODES);
	if (params->count == params->size)
	{
		uint32_t	size = params->size == 0 ? 8 : 2 * params->size;
		AbiParam   *items = arena_alloc_array(arena, size, sizeof(AbiParam));

		if (items == NULL)
			return abi_no_memory(error);
		if (params->count > 0)
			memcpy(items, params->items, params->count * sizeof(AbiParam));
		params->items = items;
		params->size = size;
	}
	param = &params->items[params->count++];
	param->type = type;
	param->indexed = indexed;
	param->key = NULL;
	param->name = copy_name(arena, name, name_len, error);
	return param->name != NULL;
}

/* Whether a key is one of those before it, or another member's own name. */
static bool
key_is_taken(const AbiParams *params, uint32_t i, const char *key)
{
	for (uint32_t j = 0; j < params->count; j++)
	{
		if (j < i ? strcmp(params->items[j].key, key) == 0 :
			j > i && strcmp(params->items[j].name, key) == 0)
			return true;
	}
	return false;
}

/* The member's name, or its position, or either with a suffix. */
static const char *
unique_key(Arena *arena, const AbiParams *params, uint32_t i, AbiError *error)
{
	const char *name = params->items[i].name;
	char		key[ABI_MAX_NAME + 16];
	char		position[16];
	bool		taken = false;

	for (uint32_t j = 0; j < i && *name != '\0' && !taken; j++)
		taken = strcmp(params->items[j].key, name) == 0;
	if (*name != '\0' && !taken)
		return name;
	snprintf(position, sizeof(position), "%u", (unsigned) i);
	if (*name == '\0')
	{
		name = position;
		taken = key_is_taken(params, i, name);
	}
	snprintf(key, sizeof(key), "%s", name);
	for (unsigned n = 2; taken; n++)
	{
		snprintf(key, sizeof(key), "%s_%u", name, n);
		taken = key_is_taken(params, i, key);
	}
	return copy_name(arena, key, strlen(key) > ABI_MAX_NAME ? 0 : strlen(key),
					 error);
}

const AbiType *
abi_build_tuple(Arena *arena, const AbiParams *params, AbiError *error)
{
	AbiType    *type = new_type(arena, ABI_TUPLE, error);

	if (type == NULL)
		return NULL;
	type->members = params->items;
	type->member_count = params->count;
	type->head = 0;
	for (uint32_t i = 0; i < params->count; i++)
	{
		AbiParam   *member = &params->items[i];

		if (!add_inner(type, member->type, error))
			return NULL;
		type->named |= member->name[0] != '\0';
		type->dynamic |= member->type->dynamic;
		if (__builtin_add_overflow(type->head, member->type->head,
								   &type->head))
			type->head = UINT64_MAX;
		member->key = unique_key(arena, params, i, error);
		if (member->key == NULL)
			return NULL;
	}
	if (type->dynamic)
		type->head = ABI_WORD;
	return type;
}

/* ---- entries ---- */

static bool
build_signature(AbiEntry *entry, Arena *arena, AbiError *error)
{
	AbiText		text;

	abi_text_init(&text, arena, MAX_SIGNATURE);
	abi_text_puts(&text, entry->name);
	abi_json_put_type(&text, entry->inputs);
	if (text.failed)
		return abi_fail(error, ABI_SYNTAX,
						"a signature is longer than %d bytes", MAX_SIGNATURE);
	entry->signature = text.data;
	keccak256(entry->hash, (const uint8_t *) text.data, text.len);
	return true;
}

bool
abi_build_entry(AbiEntry *entry, Arena *arena, AbiEntryKind kind,
				const char *name, size_t name_len, const AbiType *inputs,
				AbiError *error)
{
	uint32_t	topics = kind == ABI_ENTRY_EVENT && !entry->anonymous ? 1 : 0;

	if (!abi_is_identifier(name, name_len))
		return abi_fail(error, ABI_SYNTAX,
						"the name of a function, event or error must be made "
						"of letters, digits, _ and $");
	entry->kind = kind;
	entry->name = copy_name(arena, name, name_len, error);
	entry->inputs = inputs;
	entry->indexed_count = 0;
	if (entry->name == NULL)
		return false;
	for (uint32_t i = 0; i < inputs->member_count; i++)
		entry->indexed_count += inputs->members[i].indexed;
	if (entry->indexed_count + topics > ABI_MAX_TOPICS)
		return abi_fail(error, ABI_SYNTAX,
						"event \"%.100s\" has more indexed parameters than a "
						"log has topics", entry->name);
	return build_signature(entry, arena, error);
}
