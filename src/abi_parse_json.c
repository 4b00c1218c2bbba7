/*-------------------------------------------------------------------------
 *
 * abi_parse_json.c
 *	  Reads JSON ABIs, as compilers write them.
 *
 *-------------------------------------------------------------------------
 */
#include "abi_parse.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "abi_build.h"

#define MAX_JSON_DEPTH 100

/* A member that is a string; false when it is something else. */
static bool
get_string(json_object *object, const char *name, AbiSlice *out)
{
	json_object *member;

	out->data = "";
	out->len = 0;
	if (!json_object_object_get_ex(object, name, &member) || member == NULL)
		return true;
	if (!json_object_is_type(member, json_type_string))
		return false;
	out->data = json_object_get_string(member);
	out->len = (size_t) json_object_get_string_len(member);
	return true;
}

/* A member that is true or false; false when it is something else. */
static bool
get_flag(json_object *object, const char *name, bool *out)
{
	json_object *member;

	*out = false;
	if (!json_object_object_get_ex(object, name, &member) || member == NULL)
		return true;
	if (!json_object_is_type(member, json_type_boolean))
		return false;
	*out = json_object_get_boolean(member);
	return true;
}

static bool
text_is(AbiSlice text, const char *wanted)
{
	return strlen(wanted) == text.len &&
		memcmp(wanted, text.data, text.len) == 0;
}

static const AbiType *read_list(Arena *arena, json_object *list,
								bool can_index, int depth, AbiError *error);

/* Where the dimensions of an array type begin, or the type's length. */
static size_t
base_length(AbiSlice type)
{
	const char *bracket = type.len == 0 ? NULL :
	memchr(type.data, '[', type.len);

	return bracket == NULL ? type.len : (size_t) (bracket - type.data);
}

/* Makes arrays of `type` as text says: "[2][]". */
static const AbiType *
read_dimensions(Arena *arena, const AbiType *type, const char *pos,
				const char *end, AbiError *error)
{
	while (type != NULL && pos < end)
	{
		uint64_t	length = 0;
		int			digits = 0;
		bool		good = *pos++ == '[';

		for (; pos < end && *pos >= '0' && *pos <= '9' && digits < 18; pos++)
		{
			length = length * 10 + (uint64_t) (*pos - '0');
			digits++;
		}
		if (!good || pos == end || *pos++ != ']')
		{
			abi_fail(error, ABI_UNKNOWN_TYPE, "unknown array type");
			return NULL;
		}
		type = abi_build_array(arena, type, digits > 0, length, error);
	}
	return type;
}

static const AbiType *
read_type(Arena *arena, json_object *param, AbiSlice name, int depth,
		  AbiError *error)
{
	size_t		base = base_length(name);
	AbiSlice	base_name = {name.data, base};
	const AbiType *type;
	json_object *components = NULL;

	if (text_is(base_name, "tuple"))
	{
		(void) json_object_object_get_ex(param, "components", &components);
		type = read_list(arena, components, false, depth + 1, error);
	}
	else
		type = abi_build_elementary(arena, name.data, base, error);
	return read_dimensions(arena, type, name.data + base,
						   name.data + name.len, error);
}

static bool
read_param(Arena *arena, AbiParams *params, json_object *param,
		   bool can_index, int depth, AbiError *error)
{
	AbiSlice	name;
	AbiSlice	type_name;
	bool		indexed;
	const AbiType *type;

	if (!json_object_is_type(param, json_type_object) ||
		!get_string(param, "name", &name) ||
		!get_string(param, "type", &type_name) ||
		!get_flag(param, "indexed", &indexed))
		return abi_fail(error, ABI_SYNTAX,
						"a parameter is not an object with \"name\" and "
						"\"type\"");
	type = read_type(arena, param, type_name, depth, error);
	return type != NULL &&
		abi_build_add(params, arena, type, name.data, name.len,
					  can_index && indexed, error);
}

/* A list of parameters as a tuple; no list is an empty one. */
static const AbiType *
read_list(Arena *arena, json_object *list, bool can_index, int depth,
		  AbiError *error)
{
	AbiParams	params = {NULL, 0, 0};

	if (depth > ABI_MAX_DEPTH)
	{
		abi_fail(error, ABI_SYNTAX, "types are nested more than %d deep",
				 ABI_MAX_DEPTH);
		return NULL;
	}
	if (list != NULL && !json_object_is_type(list, json_type_array))
	{
		abi_fail(error, ABI_SYNTAX, "parameters are not an array");
		return NULL;
	}
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
	{
		if (!read_param(arena, &params, json_object_array_get_idx(list, i),
						can_index, depth, error))
			return NULL;
	}
	return abi_build_tuple(arena, &params, error);
}

/* Puts the item's name before the message. */
static bool
fail_in(AbiError *error, AbiSlice name)
{
	char		message[sizeof(error->message)];
	AbiStatus	status = error->status;

	if (name.len == 0 || name.len > 100 ||
		!abi_is_identifier(name.data, name.len))
		return false;
	memcpy(message, error->message, sizeof(message));
	memset(error, 0, sizeof(*error));
	return abi_fail(error, status, "%.*s: %s", (int) name.len, name.data,
					message);
}

/* Counts a function whose types no ABI has. */
static bool
skip_item(AbiDefinition *definition, Arena *arena, AbiSlice name,
		  AbiError *error)
{
	char	   *copy;

	if (definition->skipped++ > 0)
	{
		memset(error, 0, sizeof(*error));
		return true;
	}
	if (name.len > ABI_MAX_NAME || !abi_is_identifier(name.data, name.len))
		return false;
	copy = arena_alloc(arena, name.len + 1);
	if (copy == NULL)
		return false;
	memcpy(copy, name.data, name.len);
	copy[name.len] = '\0';
	definition->first_skipped = copy;
	memset(error, 0, sizeof(*error));
	return true;
}

static bool
read_item(AbiDefinition *definition, Arena *arena, json_object *item,
		  AbiError *error)
{
	AbiEntry   *entry = &definition->entries[definition->count];
	AbiEntryKind kind = ABI_ENTRY_FUNCTION;
	AbiSlice	type;
	AbiSlice	name;
	json_object *inputs = NULL;
	const AbiType *tuple;

	memset(entry, 0, sizeof(*entry));
	if (!json_object_is_type(item, json_type_object) ||
		!get_string(item, "type", &type) || !get_string(item, "name", &name) ||
		!get_flag(item, "anonymous", &entry->anonymous))
		return abi_fail(error, ABI_SYNTAX,
						"an item is not an object with \"type\" and \"name\"");
	if (text_is(type, "constructor") || text_is(type, "fallback") ||
		text_is(type, "receive"))
		return true;
	if (text_is(type, "event"))
		kind = ABI_ENTRY_EVENT;
	else if (text_is(type, "error"))
		kind = ABI_ENTRY_ERROR;
	else if (type.len > 0 && !text_is(type, "function"))
		return abi_fail(error, ABI_SYNTAX,
						"an item's type is not function, event or error");
	if (kind != ABI_ENTRY_EVENT)
		entry->anonymous = false;
	(void) json_object_object_get_ex(item, "inputs", &inputs);
	tuple = read_list(arena, inputs, kind == ABI_ENTRY_EVENT, 1, error);
	if (tuple == NULL && error->status == ABI_UNKNOWN_TYPE &&
		kind == ABI_ENTRY_FUNCTION &&
		skip_item(definition, arena, name, error))
		return true;
	if (tuple == NULL ||
		!abi_build_entry(entry, arena, kind, name.data, name.len, tuple,
						 error))
		return fail_in(error, name);
	definition->count++;
	return true;
}

/* Parses the text; NULL with an error. */
static json_object *
parse_text(const char *text, size_t len, AbiError *error)
{
	json_tokener *tokener;
	json_object *root = NULL;

	if (len > INT_MAX)
	{
		abi_fail(error, ABI_SYNTAX, "the JSON is too long");
		return NULL;
	}
	tokener = json_tokener_new_ex(MAX_JSON_DEPTH);
	if (tokener == NULL)
	{
		abi_no_memory(error);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, text, (int) len);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
		root == NULL)
	{
		abi_fail(error, ABI_SYNTAX, "the ABI is not valid JSON: %s",
				 root == NULL &&
				 json_tokener_get_error(tokener) == json_tokener_success ?
				 "it is null" :
				 json_tokener_error_desc(json_tokener_get_error(tokener)));
		json_object_put(root);
		root = NULL;
	}
	json_tokener_free(tokener);
	return root;
}

/* The strings of a list are declarations; all of it must be read together. */
static bool
read_strings(AbiDefinition *definition, Arena *arena, json_object *list,
			 AbiError *error)
{
	size_t		count = json_object_array_length(list);
	AbiSlice   *lines = arena_alloc_array(arena, count, sizeof(AbiSlice));
	uint32_t	used = 0;

	if (lines == NULL)
		return abi_no_memory(error);
	for (size_t i = 0; i < count; i++)
	{
		json_object *item = json_object_array_get_idx(list, i);
		char	   *copy;

		if (!json_object_is_type(item, json_type_string))
			continue;
		lines[used].len = (size_t) json_object_get_string_len(item);
		/* structs are compared after the JSON is gone */
		copy = arena_alloc(arena, lines[used].len);
		if (copy == NULL)
			return abi_no_memory(error);
		memcpy(copy, json_object_get_string(item), lines[used].len);
		lines[used++].data = copy;
	}
	return abi_parse_lines(definition, arena, lines, used, error);
}

static bool
read_items(AbiDefinition *definition, Arena *arena, json_object *root,
		   AbiError *error)
{
	json_object *list = root;
	AbiEntry   *entries;
	size_t		count;

	if (json_object_is_type(root, json_type_object) &&
		!json_object_object_get_ex(root, "abi", &list))
		list = NULL;			/* one item */
	if (list != NULL && !json_object_is_type(list, json_type_array))
		return abi_fail(error, ABI_SYNTAX, "the ABI is not an array");
	count = list == NULL ? 1 : json_object_array_length(list);
	if (count > ABI_MAX_ENTRIES)
		return abi_fail(error, ABI_SYNTAX, "an ABI has more than %d entries",
						ABI_MAX_ENTRIES);
	if (list != NULL && !read_strings(definition, arena, list, error))
		return false;
	entries = arena_alloc_array(arena, count + 1, sizeof(AbiEntry));
	if (entries == NULL)
		return abi_no_memory(error);
	if (definition->count > 0)
		memcpy(entries, definition->entries,
			   definition->count * sizeof(AbiEntry));
	definition->entries = entries;
	for (size_t i = 0; i < count; i++)
	{
		json_object *item = list == NULL ? root :
		json_object_array_get_idx(list, i);

		if (!json_object_is_type(item, json_type_string) &&
			!read_item(definition, arena, item, error))
			return false;
	}
	return true;
}

bool
abi_parse_json(AbiDefinition *definition, Arena *arena, const char *text,
			   size_t len, AbiError *error)
{
	json_object *root;
	bool		good;

	memset(definition, 0, sizeof(*definition));
	memset(error, 0, sizeof(*error));
	root = parse_text(text, len, error);
	if (root == NULL)
		return false;
	good = read_items(definition, arena, root, error);
	json_object_put(root);
	return good;
}

bool
abi_parse_inputs(const AbiType **tuple, Arena *arena, const char *text,
				 size_t len, AbiError *error)
{
	json_object *root;

	memset(error, 0, sizeof(*error));
	root = parse_text(text, len, error);
	if (root == NULL)
		return false;
	*tuple = read_list(arena, root, true, 1, error);
	json_object_put(root);
	return *tuple != NULL;
}
