/*-------------------------------------------------------------------------
 *
 * json.c
 *	  The JSON scanner's functions for callers in no hurry; json.h has the
 *	  contracts.
 *
 * They keep the position in scanner->pos and hand it to the functions of
 * json_scan.h, which move it on.
 *
 *-------------------------------------------------------------------------
 */
#include "json_scan.h"

void
json_init(JsonScanner *scanner, char *text, size_t len)
{
	static char nothing[1];

	memset(scanner, 0, sizeof(*scanner));
	if (text == NULL)
	{
		text = nothing;
		len = 0;
	}
	scanner->begin = text;
	scanner->pos = text;
	scanner->end = text + len;
}

/* The next value's first character; NULL after a failure. */
static char *
json_value(JsonScanner *scanner)
{
	if (scanner->error.status != JSON_OK)
		return NULL;
	return json_pass_space(scanner, scanner->pos);
}

/* Leave the scanner at `p`, or report the failure that a NULL stands for. */
static bool
json_moved(JsonScanner *scanner, char *p)
{
	if (p == NULL)
		return false;
	scanner->pos = p;
	return true;
}

JsonType
json_peek(JsonScanner *scanner)
{
	char	   *p = json_value(scanner);

	if (p == NULL || p >= scanner->end)
		return JSON_TYPE_NONE;
	switch (*p)
	{
		case 'n':
			return JSON_TYPE_NULL;
		case 't':
		case 'f':
			return JSON_TYPE_BOOL;
		case '"':
			return JSON_TYPE_STRING;
		case '[':
			return JSON_TYPE_ARRAY;
		case '{':
			return JSON_TYPE_OBJECT;
		default:
			return *p == '-' || (*p >= '0' && *p <= '9') ?
				JSON_TYPE_NUMBER : JSON_TYPE_NONE;
	}
}

bool
json_at_end(JsonScanner *scanner)
{
	char	   *p = json_value(scanner);

	if (p == NULL)
		return false;
	if (p < scanner->end)
		return json_fail(scanner, JSON_MALFORMED, p,
						 "something follows the JSON text");
	scanner->pos = p;
	return true;
}

/* A member's name and the colon; stands at its value then. */
static bool
json_read_name(JsonScanner *scanner, char *p, JsonSlice *name)
{
	char	   *start = p;
	unsigned	seen = 0;

	p = json_scan_string(scanner, p, &seen);
	if (p == NULL)
		return false;
	if (seen & JSON_SAW_ESCAPE)
		return json_fail(scanner, JSON_INVALID, start,
						 "member name with an escape");
	name->data = start + 1;
	name->len = (size_t) (p - start - 2);

	p = json_pass_space(scanner, p);
	if (p >= scanner->end || *p != ':')
	{
		json_fail_syntax(scanner, p, "expected a colon");
		return false;
	}
	scanner->pos = json_pass_space(scanner, p + 1);
	return true;
}

/*
 * What stands behind the opening bracket (first) or behind an element: true
 * and *p at the next element, or false at the end.
 */
static bool
json_step(JsonScanner *scanner, char **p, char close, bool first)
{
	if (*p < scanner->end && **p == close)
	{
		scanner->depth--;
		scanner->pos = *p + 1;
		return false;
	}
	if (first)
		return true;
	if (*p >= scanner->end || **p != ',')
	{
		json_fail_syntax(scanner, *p, "expected a comma");
		return false;
	}
	*p = json_pass_space(scanner, *p + 1);
	return true;
}

/* Step over an opening bracket; NULL after a failure. */
static char *
json_open(JsonScanner *scanner, char open, const char *what)
{
	char	   *p = json_value(scanner);

	if (p == NULL)
		return NULL;
	p = json_enter(scanner, p, open, what);
	return p == NULL ? NULL : json_pass_space(scanner, p);
}

bool
json_object_first(JsonScanner *scanner, JsonSlice *name)
{
	char	   *p = json_open(scanner, '{', "expected an object");

	return p != NULL && json_step(scanner, &p, '}', true) &&
		json_read_name(scanner, p, name);
}

bool
json_object_next(JsonScanner *scanner, JsonSlice *name)
{
	char	   *p = json_value(scanner);

	return p != NULL && json_step(scanner, &p, '}', false) &&
		json_read_name(scanner, p, name);
}

bool
json_array_first(JsonScanner *scanner)
{
	char	   *p = json_open(scanner, '[', "expected an array");

	return p != NULL && json_step(scanner, &p, ']', true) &&
		json_moved(scanner, p);
}

bool
json_array_next(JsonScanner *scanner)
{
	char	   *p = json_value(scanner);

	return p != NULL && json_step(scanner, &p, ']', false) &&
		json_moved(scanner, p);
}

bool
json_slice_is(const JsonSlice *slice, const char *text)
{
	size_t		len = strlen(text);

	return slice->len == len && memcmp(slice->data, text, len) == 0;
}

bool
json_read_null(JsonScanner *scanner, bool *is_null)
{
	char	   *p = json_value(scanner);

	*is_null = false;
	if (p == NULL)
		return false;
	if (p < scanner->end && *p == 'n')
	{
		p = json_scan_word(scanner, p, "null");
		*is_null = p != NULL;
	}
	return json_moved(scanner, p);
}

bool
json_read_bool_or_null(JsonScanner *scanner, const char *member,
					   bool *value, bool *is_null)
{
	JsonType	type = json_peek(scanner);
	char	   *p = json_value(scanner);

	*value = false;
	*is_null = type == JSON_TYPE_NULL;
	if (p == NULL)
		return false;
	if (type == JSON_TYPE_NULL)
		return json_moved(scanner, json_scan_word(scanner, p, "null"));
	if (type != JSON_TYPE_BOOL)
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "not true or false") != NULL;
	*value = *p == 't';
	return json_moved(scanner, json_scan_word(scanner, p,
											  *value ? "true" : "false"));
}

bool
json_read_quantity_u64(JsonScanner *scanner, const char *member,
					   uint64_t *value)
{
	char	   *p = json_value(scanner);

	return p != NULL &&
		json_moved(scanner, json_scan_u64(scanner, p, member, value));
}

bool
json_read_quantity(JsonScanner *scanner, const char *member, Uint256 *value)
{
	char	   *p = json_value(scanner);

	return p != NULL &&
		json_moved(scanner, json_scan_u256(scanner, p, member, value));
}

bool
json_read_data(JsonScanner *scanner, const char *member,
			   const uint8_t **data, size_t *len)
{
	char	   *p = json_value(scanner);

	return p != NULL &&
		json_moved(scanner, json_scan_data(scanner, p, member, data, len));
}

bool
json_read_data_fixed(JsonScanner *scanner, const char *member, size_t size,
					 const uint8_t **data)
{
	char	   *p = json_value(scanner);

	/* the slow path takes any size */
	return p != NULL &&
		json_moved(scanner, json_scan_fixed_slow(scanner, p, member, size, 0,
												 data));
}

bool
json_read_hash32(JsonScanner *scanner, const char *member,
				 const uint8_t **hash32)
{
	return json_read_data_fixed(scanner, member, 32, hash32);
}

/* The value of an integer's text; false when it does not fit. */
static bool
integer_value(const char *p, const char *end, int64_t *value)
{
	bool		negative = *p == '-';
	uint64_t	limit = (uint64_t) INT64_MAX + (negative ? 1 : 0);
	uint64_t	magnitude = 0;

	for (p += negative ? 1 : 0; p < end; p++)
	{
		uint64_t	digit = (uint64_t) (*p - '0');

		if (magnitude > (limit - digit) / 10)
			return false;
		magnitude = magnitude * 10 + digit;
	}
	*value = negative ? (int64_t) (0 - magnitude) : (int64_t) magnitude;
	return true;
}

bool
json_read_integer(JsonScanner *scanner, const char *member, int64_t *value,
				  bool *is_integer)
{
	char	   *p = json_value(scanner);
	char	   *end;
	unsigned	seen = 0;

	*value = 0;
	*is_integer = false;
	if (p == NULL)
		return false;
	if (json_peek(scanner) != JSON_TYPE_NUMBER)
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "not a number") != NULL;
	end = json_scan_number(scanner, p, is_integer, &seen);
	if (end != NULL && *is_integer)
		*is_integer = integer_value(p, end, value);
	return json_moved(scanner, end);
}

bool
json_read_string(JsonScanner *scanner, const char *member, JsonSlice *text)
{
	char	   *p = json_value(scanner);
	char	   *end;
	unsigned	seen = 0;

	text->data = NULL;
	text->len = 0;
	if (p == NULL)
		return false;
	if (p < scanner->end && *p != '"')
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "not a string") != NULL;
	end = json_scan_string(scanner, p, &seen);
	if (end == NULL)
		return false;
	text->data = p + 1;
	text->len = (size_t) (end - p - 2);
	return json_moved(scanner, end);
}

bool
json_skip_value(JsonScanner *scanner, JsonSlice *slice)
{
	char	   *p = json_value(scanner);
	char	   *end;
	unsigned	seen = 0;

	if (p == NULL)
		return false;
	end = json_scan_any(scanner, p, &seen);
	if (end != NULL && slice != NULL)
	{
		slice->data = p;
		slice->len = (size_t) (end - p);
	}
	return json_moved(scanner, end);
}

/* The value of the four digits of \uXXXX, which are known to be there. */
static uint32_t
unit_value(const char *p)
{
	return (uint32_t) (hex_digit_value(p[0]) << 12 |
					   hex_digit_value(p[1]) << 8 |
					   hex_digit_value(p[2]) << 4 |
					   hex_digit_value(p[3]));
}

/* The character of the escape at *p, which is moved behind it. */
static uint32_t
unescape_one(const char **p)
{
	char		letter = (*p)[1];
	uint32_t	unit;

	if (letter != 'u')
	{
		*p += 2;

		/* \b \f \n \r \t: a control character, whichever */
		return letter == '"' || letter == '\\' || letter == '/' ?
			(uint32_t) letter : 0;
	}
	unit = unit_value(*p + 2);
	*p += 6;
	if (unit >= 0xd800 && unit <= 0xdbff)
	{
		unit = 0x10000 + ((unit - 0xd800) << 10) +
			(unit_value(*p + 2) - 0xdc00);
		*p += 6;
	}
	return unit;
}

/* The UTF-8 character at *p, which is moved behind it. */
static uint32_t
decode_one(const char **p)
{
	const uint8_t *byte = (const uint8_t *) *p;
	int			length = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 :
	byte[0] < 0xf0 ? 3 : 4;
	uint32_t	c = length == 1 ? byte[0] : byte[0] & (0x7fu >> length);
	int			i;

	for (i = 1; i < length; i++)
		c = c << 6 | (byte[i] & 0x3f);
	*p += length;
	return c;
}

/* Write a character as UTF-8; returns its length. */
static size_t
encode_one(uint8_t *out4, uint32_t c)
{
	size_t		length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	size_t		i;

	for (i = length; i-- > 1; c >>= 6)
		out4[i] = (uint8_t) (0x80 | (c & 0x3f));
	out4[0] = length == 1 ? (uint8_t) c : (uint8_t) (0xf00u >> length | c);
	return length;
}

size_t
json_unescape(char *out, size_t size, const JsonSlice *string)
{
	const char *p = string->data;
	const char *end = string->data + string->len;
	size_t		used = 0;

	if (size == 0)
		return 0;
	while (p < end)
	{
		uint8_t		bytes[4];
		uint32_t	c = *p == '\\' ? unescape_one(&p) : decode_one(&p);
		size_t		length;

		if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
			c = '?';
		length = encode_one(bytes, c);
		if (length >= size - used)
			break;
		memcpy(out + used, bytes, length);
		used += length;
	}
	out[used] = '\0';
	return used;
}
