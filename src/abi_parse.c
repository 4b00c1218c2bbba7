/*-------------------------------------------------------------------------
 *
 * abi_parse.c
 *	  Reads types and declarations in words.
 *
 *-------------------------------------------------------------------------
 */
#include "abi_parse.h"

#include <string.h>

#include "abi_build.h"

#define MAX_STRUCT_DEPTH ABI_MAX_DEPTH

typedef struct Word
{
	const char *data;			/* NULL at the end of the text */
	size_t		len;
} Word;

typedef struct StructType
{
	Word		name;
	const char *body;			/* behind its opening brace */
	const char *end;
	const AbiType *type;		/* once it was read */
	bool		open;			/* while it is being read */
} StructType;

typedef struct Parser
{
	Arena	   *arena;
	const char *pos;
	const char *end;
	StructType *structs;
	uint32_t	struct_count;
	int			depth;
	AbiError   *error;
} Parser;

static const AbiType *read_params(Parser *parser, bool can_index);
static const AbiType *read_members(Parser *parser);

/* ---- words ---- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void
skip_space(Parser *parser)
{
	while (parser->pos < parser->end && is_space(*parser->pos))
		parser->pos++;
}

/* The next name, number or single character, which is not consumed. */
static Word
peek(Parser *parser)
{
	Word		word = {NULL, 0};
	const char *at;

	skip_space(parser);
	at = parser->pos;
	while (at < parser->end &&
		   (abi_is_identifier(at, 1) || (*at >= '0' && *at <= '9')))
		at++;
	if (at == parser->pos && at < parser->end)
		at++;
	if (at > parser->pos)
	{
		word.data = parser->pos;
		word.len = (size_t) (at - parser->pos);
	}
	return word;
}

static Word
take(Parser *parser)
{
	Word		word = peek(parser);

	parser->pos += word.len;
	return word;
}

static bool
word_is(Word word, const char *text)
{
	return word.data != NULL && strlen(text) == word.len &&
		memcmp(text, word.data, word.len) == 0;
}

static bool
accept(Parser *parser, const char *text)
{
	Word		word = peek(parser);

	if (!word_is(word, text))
		return false;
	parser->pos += word.len;
	return true;
}

static bool
is_name(Word word)
{
	return word.data != NULL && abi_is_identifier(word.data, word.len);
}

static bool
syntax_error(Parser *parser, const char *expected)
{
	Word		found = peek(parser);

	if (found.data == NULL)
		return abi_fail(parser->error, ABI_SYNTAX,
						"expected %s at the end of the declaration", expected);
	if (found.len > 60)
		found.len = 60;
	if ((found.data[0] & 0x80) != 0 || found.data[0] < ' ')
		return abi_fail(parser->error, ABI_SYNTAX,
						"expected %s before a character that has no place "
						"in a declaration", expected);
	return abi_fail(parser->error, ABI_SYNTAX, "expected %s before \"%.*s\"",
					expected, (int) found.len, found.data);
}

/* ---- types ---- */

/* The type of a struct of the list, or NULL with or without an error. */
static const AbiType *
read_struct(Parser *parser, Word name)
{
	for (uint32_t i = 0; i < parser->struct_count; i++)
	{
		StructType *found = &parser->structs[i];
		Parser		body = *parser;

		if (found->name.len != name.len ||
			memcmp(found->name.data, name.data, name.len) != 0)
			continue;
		if (found->type != NULL)
			return found->type;
		if (found->open || parser->depth >= MAX_STRUCT_DEPTH)
		{
			abi_fail(parser->error, ABI_SYNTAX,
					 "a struct contains itself, or too many others");
			return NULL;
		}
		found->open = true;
		body.pos = found->body;
		body.end = found->end;
		body.depth++;
		found->type = read_members(&body);
		found->open = false;
		return found->type;
	}
	return NULL;
}

/* [], [3] after a type, any number of them. */
static const AbiType *
read_dimensions(Parser *parser, const AbiType *type)
{
	while (type != NULL && accept(parser, "["))
	{
		Word		word = peek(parser);
		uint64_t	length = 0;
		bool		fixed = false;

		if (word.data != NULL && word.data[0] >= '0' && word.data[0] <= '9')
		{
			fixed = true;
			for (size_t i = 0; i < word.len; i++)
			{
				if (word.data[i] < '0' || word.data[i] > '9' || i >= 18)
				{
					syntax_error(parser, "the length of an array");
					return NULL;
				}
				length = length * 10 + (uint64_t) (word.data[i] - '0');
			}
			take(parser);
		}
		if (!accept(parser, "]"))
		{
			syntax_error(parser, "\"]\"");
			return NULL;
		}
		type = abi_build_array(parser->arena, type, fixed, length,
							   parser->error);
	}
	return type;
}

/* A tuple in parentheses, a struct's name or an elementary type. */
static const AbiType *
read_type(Parser *parser)
{
	const AbiType *type;
	Word		word;

	if (parser->depth > ABI_MAX_DEPTH)
	{
		abi_fail(parser->error, ABI_SYNTAX,
				 "types are nested more than %d deep", ABI_MAX_DEPTH);
		return NULL;
	}
	if (accept(parser, "tuple") && !word_is(peek(parser), "("))
	{
		syntax_error(parser, "\"(\"");
		return NULL;
	}
	if (accept(parser, "("))
	{
		parser->depth++;
		type = read_params(parser, false);
		parser->depth--;
		if (type != NULL && !accept(parser, ")"))
		{
			syntax_error(parser, "\",\" or \")\"");
			return NULL;
		}
		return read_dimensions(parser, type);
	}
	word = peek(parser);
	if (!is_name(word))
	{
		syntax_error(parser, "a type");
		return NULL;
	}
	take(parser);
	type = read_struct(parser, word);
	if (type == NULL && parser->error->status == ABI_OK)
		type = abi_build_elementary(parser->arena, word.data, word.len,
									parser->error);
	if (type != NULL && type->kind == ABI_ADDRESS)
		(void) accept(parser, "payable");
	return read_dimensions(parser, type);
}

/* A type with what may follow it: indexed, a data location, a name. */
static bool
read_param(Parser *parser, AbiParams *params, bool can_index)
{
	static const char *const locations[] = {"memory", "calldata", "storage"};
	const AbiType *type = read_type(parser);
	bool		indexed = false;
	Word		name;

	if (type == NULL)
		return false;
	if (can_index)
		indexed = accept(parser, "indexed");
	for (size_t i = 0; !indexed && i < 3; i++)
	{
		if (accept(parser, locations[i]))
			break;
	}
	name = peek(parser);
	if (is_name(name))
		take(parser);
	else
		name.len = 0;
	return abi_build_add(params, parser->arena, type, name.data, name.len,
						 indexed, parser->error);
}

/* Parameters up to a closing parenthesis, which is not consumed. */
static const AbiType *
read_params(Parser *parser, bool can_index)
{
	AbiParams	params = {NULL, 0, 0};

	if (!word_is(peek(parser), ")"))
	{
		do
		{
			if (!read_param(parser, &params, can_index))
				return NULL;
		} while (accept(parser, ","));
	}
	return abi_build_tuple(parser->arena, &params, parser->error);
}

/* The members of a struct, each with a semicolon, up to the end. */
static const AbiType *
read_members(Parser *parser)
{
	AbiParams	params = {NULL, 0, 0};

	while (peek(parser).data != NULL)
	{
		if (!read_param(parser, &params, false))
			return NULL;
		if (!accept(parser, ";"))
		{
			syntax_error(parser, "\";\"");
			return NULL;
		}
	}
	return abi_build_tuple(parser->arena, &params, parser->error);
}

/* ---- declarations ---- */

/* What may follow a function's parameters. */
static bool
read_modifiers(Parser *parser)
{
	while (peek(parser).data != NULL && !word_is(peek(parser), ";"))
	{
		bool		returns = accept(parser, "returns");

		if (!returns)
		{
			if (!is_name(peek(parser)))
				return syntax_error(parser, "the end");
			take(parser);
			continue;
		}
		if (!accept(parser, "("))
			return syntax_error(parser, "\"(\"");
		if (read_params(parser, false) == NULL)
			return false;
		if (!accept(parser, ")"))
			return syntax_error(parser, "\",\" or \")\"");
	}
	return true;
}

/* The name, the parameters and what follows them. */
static bool
read_entry(Parser *parser, AbiEntryKind kind, AbiEntry *entry)
{
	const AbiType *inputs;
	Word		name = peek(parser);

	memset(entry, 0, sizeof(*entry));
	if (!is_name(name))
		return syntax_error(parser, "a name");
	take(parser);
	if (!accept(parser, "("))
		return syntax_error(parser, "\"(\"");
	inputs = read_params(parser, kind == ABI_ENTRY_EVENT);
	if (inputs == NULL)
		return false;
	if (!accept(parser, ")"))
		return syntax_error(parser, "\",\" or \")\"");
	if (kind == ABI_ENTRY_EVENT)
		entry->anonymous = accept(parser, "anonymous");
	else if (kind == ABI_ENTRY_FUNCTION && !read_modifiers(parser))
		return false;
	(void) accept(parser, ";");
	if (peek(parser).data != NULL)
		return syntax_error(parser, "the end");
	return abi_build_entry(entry, parser->arena, kind, name.data, name.len,
						   inputs, parser->error);
}

static void
parser_init(Parser *parser, Arena *arena, const char *text, size_t len,
			AbiError *error)
{
	memset(parser, 0, sizeof(*parser));
	memset(error, 0, sizeof(*error));
	parser->arena = arena;
	parser->pos = text;
	parser->end = text + len;
	parser->error = error;
}

/* A word that is followed by a name, not by an opening parenthesis. */
static bool
accept_keyword(Parser *parser, const char *keyword)
{
	const char *start = parser->pos;

	if (accept(parser, keyword) && is_name(peek(parser)))
		return true;
	parser->pos = start;
	return false;
}

bool
abi_parse_entry(AbiEntry *entry, Arena *arena, AbiEntryKind kind,
				const char *text, size_t len, AbiError *error)
{
	static const char *const words[] = {"function", "event", "error"};
	Parser		parser;

	parser_init(&parser, arena, text, len, error);
	(void) accept_keyword(&parser, words[kind]);
	return read_entry(&parser, kind, entry);
}

bool
abi_parse_callable(AbiEntry *entry, Arena *arena, const char *text,
				   size_t len, AbiError *error)
{
	Parser		parser;
	AbiEntryKind kind = ABI_ENTRY_FUNCTION;

	parser_init(&parser, arena, text, len, error);
	if (accept_keyword(&parser, "error"))
		kind = ABI_ENTRY_ERROR;
	else
		(void) accept_keyword(&parser, "function");
	return read_entry(&parser, kind, entry);
}

bool
abi_parse_types(const AbiType **tuple, Arena *arena, const AbiSlice *types,
				uint32_t count, AbiError *error)
{
	AbiParams	params = {NULL, 0, 0};
	Parser		parser;

	memset(error, 0, sizeof(*error));
	for (uint32_t i = 0; i < count; i++)
	{
		parser_init(&parser, arena, types[i].data, types[i].len, error);
		if (!read_param(&parser, &params, false))
			return false;
		if (peek(&parser).data != NULL)
			return syntax_error(&parser, "the end");
	}
	*tuple = abi_build_tuple(arena, &params, error);
	return *tuple != NULL;
}

/* ---- lists of declarations ---- */

/* struct Name { type name; … }: noted, and read when it is needed. */
static bool
note_struct(Parser *parser)
{
	StructType *entry = &parser->structs[parser->struct_count];

	memset(entry, 0, sizeof(*entry));
	entry->name = peek(parser);
	take(parser);
	if (!accept(parser, "{"))
		return syntax_error(parser, "\"{\"");
	entry->body = parser->pos;
	entry->end = memchr(parser->pos, '}', (size_t) (parser->end - parser->pos));
	if (entry->end == NULL)
		return abi_fail(parser->error, ABI_SYNTAX,
						"a struct has no closing brace");
	parser->pos = entry->end + 1;
	(void) accept(parser, ";");
	if (peek(parser).data != NULL)
		return syntax_error(parser, "the end");
	for (uint32_t i = 0; i < parser->struct_count; i++)
	{
		if (entry->name.len == parser->structs[i].name.len &&
			memcmp(entry->name.data, parser->structs[i].name.data,
				   entry->name.len) == 0)
			return abi_fail(parser->error, ABI_SYNTAX,
							"two structs have the same name");
	}
	parser->struct_count++;
	return true;
}

/* Reads one declaration of a list, but for structs. */
static bool
read_declaration(Parser *parser, AbiDefinition *definition)
{
	static const char *const ignored[] = {
		"constructor", "fallback", "receive"
	};
	AbiEntry   *entry = &definition->entries[definition->count];
	AbiEntryKind kind;

	if (peek(parser).data == NULL || accept_keyword(parser, "struct"))
		return true;
	for (size_t i = 0; i < 3; i++)
	{
		if (word_is(peek(parser), ignored[i]))
			return true;
	}
	if (accept_keyword(parser, "event"))
		kind = ABI_ENTRY_EVENT;
	else if (accept_keyword(parser, "error"))
		kind = ABI_ENTRY_ERROR;
	else if (accept_keyword(parser, "function"))
		kind = ABI_ENTRY_FUNCTION;
	else
		return syntax_error(parser,
							"event, function, error or struct and a name");
	if (!read_entry(parser, kind, entry))
		return false;
	definition->count++;
	return true;
}

bool
abi_parse_lines(AbiDefinition *definition, Arena *arena,
				const AbiSlice *lines, uint32_t count, AbiError *error)
{
	Parser		parser;

	memset(definition, 0, sizeof(*definition));
	parser_init(&parser, arena, "", 0, error);
	if (count > ABI_MAX_ENTRIES)
		return abi_fail(error, ABI_SYNTAX, "an ABI has more than %d entries",
						ABI_MAX_ENTRIES);
	definition->entries = arena_alloc_array(arena, count, sizeof(AbiEntry));
	parser.structs = arena_alloc_array(arena, count, sizeof(StructType));
	if (definition->entries == NULL || parser.structs == NULL)
		return abi_no_memory(error);
	for (uint32_t i = 0; i < count; i++)
	{
		parser.pos = lines[i].data;
		parser.end = lines[i].data + lines[i].len;
		if (accept_keyword(&parser, "struct") && !note_struct(&parser))
			return false;
	}
	/* those that nothing uses are read too: an error in them is an error */
	for (uint32_t i = 0; i < parser.struct_count; i++)
	{
		if (read_struct(&parser, parser.structs[i].name) == NULL)
			return false;
	}
	for (uint32_t i = 0; i < count; i++)
	{
		parser.pos = lines[i].data;
		parser.end = lines[i].data + lines[i].len;
		if (!read_declaration(&parser, definition))
			return false;
	}
	return true;
}
