/*-------------------------------------------------------------------------
 *
 * json_members.c
 *	  Reads JSON objects into structs, as tables of their members say: the
 *	  loop that every byte of a block goes through.
 *
 *-------------------------------------------------------------------------
 */
#include "json_members.h"

#include "json_scan.h"

void
json_reader_init(JsonReader *reader, JsonScanner *scanner, Arena *arena)
{
	memset(reader, 0, sizeof(*reader));
	reader->scanner = scanner;
	reader->arena = arena;
}

char *
json_reader_start(JsonReader *reader, bool *is_null)
{
	JsonScanner *scanner = reader->scanner;
	char	   *p;

	*is_null = false;
	if (scanner->error.status != JSON_OK)
		return NULL;
	p = json_pass_space(scanner, scanner->pos);
	if (p < scanner->end && *p == 'n')
	{
		p = json_scan_word(scanner, p, "null");
		if (p != NULL)
		{
			*is_null = true;
			scanner->pos = p;
		}
		return NULL;
	}
	return p;
}

bool
json_reader_finish(JsonReader *reader, char *p, bool is_null)
{
	if (p == NULL)
		return is_null;
	reader->scanner->pos = p;
	return true;
}

static char *
read_extra(JsonReader *reader, char *p, const JsonMember *member,
		   EvmExtras *extras)
{
	JsonScanner *scanner = reader->scanner;
	unsigned	seen = 0;
	char	   *end = json_scan_any(scanner, p, &seen);
	EvmExtra   *item;

	if (end == NULL)
		return NULL;
	if (seen & (JSON_SAW_NUL | JSON_SAW_HUGE_NUMBER))
		return json_fail_value(scanner, JSON_INVALID, p, member->name,
							   "holds what a database cannot");
	if ((size_t) (end - p) > UINT32_MAX)
		return json_fail_value(scanner, JSON_OUT_OF_RANGE, p, member->name,
							   "too long");

	/* as many as members of that kind at most: room is made in powers of 2 */
	if ((extras->count & (extras->count - 1)) == 0)
	{
		size_t		capacity = extras->count == 0 ? 1 : 2 * extras->count;

		item = arena_alloc_array(reader->arena, capacity, sizeof(EvmExtra));
		if (item == NULL)
		{
			json_fail(scanner, JSON_NO_MEMORY, p,
					  "out of memory for the answer");
			return NULL;
		}
		if (extras->count > 0)
			memcpy(item, extras->items, extras->count * sizeof(EvmExtra));
		extras->items = item;
	}
	item = &extras->items[extras->count++];
	item->name = member->name;
	item->json = p;
	item->json_len = (uint32_t) (end - p);
	return end;
}

static inline char *
read_data(JsonScanner *scanner, char *p, const char *name, EvmBytes *bytes)
{
	const uint8_t *data;
	size_t		len;
	char	   *end = json_scan_data(scanner, p, name, &data, &len);

	if (json_unlikely(end == NULL))
		return NULL;
	if (json_unlikely(len > UINT32_MAX))
		return json_fail_value(scanner, JSON_OUT_OF_RANGE, p, name,
							   "too long");
	bytes->data = data;
	bytes->len = (uint32_t) len;
	return end;
}

/* true or false; *flag says which. */
static char *
read_flag(JsonScanner *scanner, char *p, const char *name, bool *flag)
{
	*flag = *p == 't';
	if (*p != 't' && *p != 'f')
		return json_fail_value(scanner, JSON_INVALID, p, name,
							   "not true or false");
	return json_scan_word(scanner, p, *flag ? "true" : "false");
}

/* The value of a member, which is not null; p is before the end. */
static inline char *
read_member(JsonReader *reader, char *p, const JsonMember *member,
			void *object)
{
	JsonScanner *scanner = reader->scanner;
	const char *name = member->name;
	void	   *field = (char *) object + member->offset;
	bool		is_there = true;
	unsigned	seen = 0;

	switch ((JsonKind) member->kind)
	{
		case JSON_KIND_IGNORED:
			p = json_scan_any(scanner, p, &seen);
			break;
		case JSON_KIND_U64:
			p = json_scan_u64(scanner, p, name, (uint64_t *) field);
			break;
		case JSON_KIND_U256:
			p = json_scan_u256(scanner, p, name, (Uint256 *) field);
			break;
		case JSON_KIND_DATA:
			p = read_data(scanner, p, name, (EvmBytes *) field);
			break;
		case JSON_KIND_DATA8:
			p = json_scan_fixed(scanner, p, name, 8, (const uint8_t **) field);
			break;
		case JSON_KIND_DATA20:
			p = json_scan_fixed(scanner, p, name, 20,
								(const uint8_t **) field);
			break;
		case JSON_KIND_DATA32:
			p = json_scan_fixed(scanner, p, name, 32,
								(const uint8_t **) field);
			break;
		case JSON_KIND_DATA256:
			p = json_scan_fixed(scanner, p, name, 256,
								(const uint8_t **) field);
			break;
		case JSON_KIND_FLAG:
			p = read_flag(scanner, p, name, &is_there);
			break;
		case JSON_KIND_EXTRA:
			p = read_extra(reader, p, member, (EvmExtras *) field);
			break;
		case JSON_KIND_NESTED:
			p = member->read(reader, p, object);
			break;
	}
	if (json_likely(p != NULL) && member->present != 0 && is_there)
		*(uint32_t *) object |= member->present;
	return p;
}

/* A name and its closing quote, as they are compared. */
#ifdef __SSE2__

typedef struct Token
{
	__m128i		start;
	__m128i		rest;
} Token;

static inline Token
token_load(const char *text32)
{
	Token		token;

	token.start = _mm_loadu_si128((const __m128i *) text32);
	token.rest = _mm_loadu_si128((const __m128i *) (text32 + 16));
	return token;
}

static inline bool
token_is(const Token *token, const JsonMember *member)
{
	const __m128i *name = (const __m128i *) member->token;
	__m128i		start = _mm_cmpeq_epi8(token->start, _mm_loadu_si128(name));
	__m128i		rest = _mm_cmpeq_epi8(token->rest, _mm_loadu_si128(name + 1));
	uint32_t	equal = (uint32_t) _mm_movemask_epi8(start) |
	(uint32_t) _mm_movemask_epi8(rest) << 16;

	return (~equal & (UINT32_MAX >> (32 - member->token_len))) == 0;
}

#else

typedef struct Token
{
	const char *text;
} Token;

static inline Token
token_load(const char *text32)
{
	Token		token = {text32};

	return token;
}

static inline bool
token_is(const Token *token, const JsonMember *member)
{
	return memcmp(token->text, member->token, member->token_len) == 0;
}

#endif

/*
 * Which member's name begins at `p`, behind the opening quote: its place + 1,
 * or 0 for none of the shape.  `after` is what came before it.
 */
static inline unsigned
find_member(JsonReader *reader, const char *p, const JsonShape *shape,
			unsigned after)
{
	uint8_t    *follower = reader->follower[shape->place];
	char		copy[JSON_NAME_SPACE];
	unsigned	guess = follower[after];
	Token		token;
	unsigned	i;

	if (json_likely(reader->scanner->end - p >= JSON_NAME_SPACE))
		token = token_load(p);
	else
	{
		memset(copy, 0, sizeof(copy));
		memcpy(copy, p, (size_t) (reader->scanner->end - p));
		token = token_load(copy);
	}

	if (guess != 0 &&
		json_likely(token_is(&token, &shape->members[guess - 1])))
		return guess;

	/* from where it should be by the table's order, and around */
	for (i = 0; i < shape->count; i++)
	{
		unsigned	place = after + i;

		if (place >= shape->count)
			place -= shape->count;
		if (token_is(&token, &shape->members[place]))
		{
			follower[after] = (uint8_t) (place + 1);
			return place + 1;
		}
	}
	return 0;
}

/* A member that nobody knows, from behind its name's opening quote. */
static char *
skip_member(JsonScanner *scanner, char *p)
{
	unsigned	seen = 0;
	char	   *name = p - 1;

	p = json_scan_string(scanner, name, &seen);
	if (p == NULL)
		return NULL;
	if (seen & JSON_SAW_ESCAPE)
	{
		/* it could be a known name in other clothes */
		json_fail(scanner, JSON_INVALID, name, "member name with an escape");
		return NULL;
	}
	p = json_pass_space(scanner, p);
	if (p >= scanner->end || *p != ':')
		return json_fail_syntax(scanner, p, "expected a colon");
	return json_scan_any(scanner, json_pass_space(scanner, p + 1), &seen);
}

/*
 * Check that every required member came.  Which they are is found out at the
 * first object of the shape; the highest bit, which no member has, says that
 * it was.
 */
static inline bool
check_required(JsonReader *reader, const JsonShape *shape, uint64_t got,
			   const char *begin)
{
	const uint64_t known = UINT64_C(1) << 63;
	uint64_t   *required = &reader->required[shape->place];
	uint64_t	missing;
	unsigned	i;

	if (json_unlikely(*required == 0))
	{
		*required = known;
		for (i = 0; i < shape->count; i++)
			if (shape->members[i].required)
				*required |= UINT64_C(1) << i;
	}
	missing = *required & ~(got | known);
	if (json_likely(missing == 0))
		return true;
	i = (unsigned) __builtin_ctzll(missing);
	return json_fail(reader->scanner, JSON_MISSING, begin,
					 "required member \"%s\" is missing",
					 shape->members[i].name);
}

/* One member of the shape, from behind its name's opening quote. */
static inline char *
read_known_member(JsonReader *reader, char *p, const JsonMember *member,
				  void *object, bool *is_null)
{
	JsonScanner *scanner = reader->scanner;

	p += member->token_len;
	if (json_unlikely(p >= scanner->end || *p != ':'))
	{
		p = json_pass_space(scanner, p);
		if (p >= scanner->end || *p != ':')
			return json_fail_syntax(scanner, p, "expected a colon");
	}
	p = json_pass_space(scanner, p + 1);
	if (json_unlikely(p >= scanner->end))
		return json_fail_syntax(scanner, p, "");

	*is_null = *p == 'n';
	if (*is_null)
		return json_scan_word(scanner, p, "null");
	return read_member(reader, p, member, object);
}

char *
json_read_object(JsonReader *reader, char *p, const JsonShape *shape,
				 void *object)
{
	JsonScanner *scanner = reader->scanner;
	const char *begin = p;
	unsigned	after = 0;
	uint64_t	seen = 0;		/* members that came, a bit each */
	uint64_t	got = 0;		/* those of them that were not null */

	memset(object, 0, shape->size);
	p = json_enter(scanner, p, '{', "expected an object");
	if (p == NULL)
		return NULL;
	p = json_pass_space(scanner, p);
	if (p >= scanner->end || *p != '}')
	{
		for (;;)
		{
			unsigned	place;

			if (json_unlikely(p >= scanner->end || *p != '"'))
				return json_fail_syntax(scanner, p, "expected a member name");
			p++;
			place = find_member(reader, p, shape, after);
			if (json_likely(place != 0))
			{
				const JsonMember *member = &shape->members[place - 1];
				uint64_t	bit = UINT64_C(1) << (place - 1);
				bool		is_null = false;

				if (json_unlikely((seen & bit) != 0))
					return json_fail_value(scanner, JSON_INVALID, p,
										   member->name, "appears twice");
				p = read_known_member(reader, p, member, object, &is_null);
				seen |= bit;
				got |= is_null ? 0 : bit;
				after = place;
			}
			else
				p = skip_member(scanner, p);
			if (json_unlikely(p == NULL))
				return NULL;

			p = json_pass_space(scanner, p);
			if (json_unlikely(p >= scanner->end))
				return json_fail_syntax(scanner, p, "");
			if (*p != ',')
				break;
			p = json_pass_space(scanner, p + 1);
		}
		if (*p != '}')
			return json_fail_syntax(scanner, p, "expected a comma");
	}
	scanner->depth--;

	return check_required(reader, shape, got, begin) ? p + 1 : NULL;
}
