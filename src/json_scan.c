/*-------------------------------------------------------------------------
 *
 * json_scan.c
 *	  The JSON scanner: strings, numbers, values that are skipped, data, and
 *	  the slow paths of json_scan.h, which find the right words for what is
 *	  wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "json_scan.h"

#include <stdarg.h>
#include <stdio.h>

/* What PostgreSQL's numeric holds with room to spare. */
#define MAX_NUMBER_LENGTH	300
#define MAX_EXPONENT_DIGITS	3

bool
json_fail(JsonScanner *scanner, JsonStatus status, const char *at,
		  const char *format,...)
{
	JsonError  *error = &scanner->error;
	va_list		args;

	if (error->status != JSON_OK)
		return false;
	error->status = status;
	error->offset = (size_t) (at - scanner->begin);
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return false;
}

char *
json_fail_value(JsonScanner *scanner, JsonStatus status, const char *at,
				const char *member, const char *what)
{
	if (member != NULL)
		json_fail(scanner, status, at, "member \"%s\": %s", member, what);
	else
		json_fail(scanner, status, at, "%s", what);
	return NULL;
}

char *
json_fail_syntax(JsonScanner *scanner, const char *at, const char *what)
{
	if (at >= scanner->end)
		json_fail(scanner, JSON_MALFORMED, at, "the text ends too early");
	else
		json_fail(scanner, JSON_MALFORMED, at, "%s", what);
	return NULL;
}

char *
json_pass_space_slow(const JsonScanner *scanner, char *p)
{
	while (p < scanner->end &&
		   (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/*
 * The first character at or behind `p` that is not a plain one: a quote, a
 * backslash, a control character or a byte of a multi-byte character.
 */
static char *
string_pass_plain(const JsonScanner *scanner, char *p)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	while (scanner->end - p >= 16)
	{
		__m128i		text = _mm_loadu_si128((const __m128i *) p);
		__m128i		special = _mm_or_si128(_mm_cmpeq_epi8(text, quote),
										   _mm_cmpeq_epi8(text, backslash));
		int			mask;

		/* signed: what has its high bit set is below ' ' too */
		special = _mm_or_si128(special, _mm_cmplt_epi8(text, space));
		mask = _mm_movemask_epi8(special);
		if (mask != 0)
			return p + __builtin_ctz((unsigned) mask);
		p += 16;
	}
#endif
	while (p < scanner->end && (uint8_t) *p >= ' ' && (uint8_t) *p < 0x80 &&
		   *p != '"' && *p != '\\')
		p++;
	return p;
}

/*
 * The length of the well-formed UTF-8 sequence at `p`, whose first byte is
 * not ASCII (Unicode standard, table 3-7), or 0.
 */
static size_t
utf8_sequence_length(const char *p, size_t left)
{
	const uint8_t *byte = (const uint8_t *) p;
	uint8_t		low = 0x80;
	uint8_t		high = 0xbf;
	size_t		length;
	size_t		i;

	if (byte[0] >= 0xc2 && byte[0] <= 0xdf)
		length = 2;
	else if (byte[0] >= 0xe0 && byte[0] <= 0xef)
		length = 3;
	else if (byte[0] >= 0xf0 && byte[0] <= 0xf4)
		length = 4;
	else
		return 0;

	/* no overlong forms, no surrogates, nothing above U+10FFFF */
	if (byte[0] == 0xe0)
		low = 0xa0;
	else if (byte[0] == 0xed)
		high = 0x9f;
	else if (byte[0] == 0xf0)
		low = 0x90;
	else if (byte[0] == 0xf4)
		high = 0x8f;

	if (left < length || byte[1] < low || byte[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if (byte[i] < 0x80 || byte[i] > 0xbf)
			return 0;
	return length;
}

/* The four digits of \uXXXX; -1 when they are not there. */
static int
scan_unit(const JsonScanner *scanner, const char *p)
{
	int			unit = 0;
	int			i;

	if (scanner->end - p < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		if (!hex_is_digit(p[i]))
			return -1;
		unit = unit << 4 | hex_digit_value(p[i]);
	}
	return unit;
}

/* An escape, at its backslash. */
static char *
scan_escape(JsonScanner *scanner, char *p, unsigned *seen)
{
	int			unit;

	*seen |= JSON_SAW_ESCAPE;
	if (scanner->end - p < 2)
		return json_fail_syntax(scanner, scanner->end, "");
	if (p[1] != 'u')
	{
		if (p[1] == '\0' || strchr("\"\\/bfnrt", p[1]) == NULL)
			return json_fail_syntax(scanner, p, "unknown escape in a string");
		return p + 2;
	}

	unit = scan_unit(scanner, p + 2);
	if (unit < 0)
		return json_fail_syntax(scanner, p, "\\u without four digits");
	if (unit == 0)
		*seen |= JSON_SAW_NUL;
	if (unit < 0xd800 || unit > 0xdfff)
		return p + 6;

	/* a high surrogate must be followed by a low one */
	if (unit > 0xdbff || scanner->end - p < 8 || p[6] != '\\' || p[7] != 'u')
		return json_fail_syntax(scanner, p, "lone surrogate in a string");
	unit = scan_unit(scanner, p + 8);
	if (unit < 0xdc00 || unit > 0xdfff)
		return json_fail_syntax(scanner, p, "lone surrogate in a string");
	return p + 12;
}

char *
json_scan_string(JsonScanner *scanner, char *p, unsigned *seen)
{
	if (p >= scanner->end || *p != '"')
		return json_fail_syntax(scanner, p, "expected a string");
	p++;
	for (;;)
	{
		size_t		length;

		p = string_pass_plain(scanner, p);
		if (p >= scanner->end)
			return json_fail_syntax(scanner, p, "");
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
		{
			p = scan_escape(scanner, p, seen);
			if (p == NULL)
				return NULL;
			continue;
		}
		if ((uint8_t) *p < ' ')
			return json_fail_syntax(scanner, p,
									"control character in a string");
		length = utf8_sequence_length(p, (size_t) (scanner->end - p));
		if (length == 0)
			return json_fail_syntax(scanner, p, "string is not UTF-8");
		p += length;
	}
}

char *
json_scan_word(JsonScanner *scanner, char *p, const char *word)
{
	size_t		length = strlen(word);

	if ((size_t) (scanner->end - p) < length || memcmp(p, word, length) != 0)
		return json_fail_syntax(scanner, p, "expected a value");
	return p + length;
}

/* Digits, at least one. */
static char *
scan_digits(JsonScanner *scanner, char *p)
{
	char	   *start = p;

	while (p < scanner->end && *p >= '0' && *p <= '9')
		p++;
	if (p == start)
		return json_fail_syntax(scanner, p, "number without a digit");
	return p;
}

char *
json_scan_number(JsonScanner *scanner, char *p, bool *is_integer,
				 unsigned *seen)
{
	char	   *start = p;

	*is_integer = true;
	if (p < scanner->end && *p == '-')
		p++;
	/* nothing but a fraction or an exponent may follow a leading zero */
	if (p < scanner->end && *p == '0')
		p++;
	else if ((p = scan_digits(scanner, p)) == NULL)
		return NULL;

	if (p < scanner->end && *p == '.')
	{
		*is_integer = false;
		p = scan_digits(scanner, p + 1);
		if (p == NULL)
			return NULL;
	}
	if (p < scanner->end && (*p == 'e' || *p == 'E'))
	{
		char	   *exponent;

		*is_integer = false;
		p++;
		if (p < scanner->end && (*p == '+' || *p == '-'))
			p++;
		exponent = p;
		p = scan_digits(scanner, p);
		if (p == NULL)
			return NULL;
		if (p - exponent > MAX_EXPONENT_DIGITS)
			*seen |= JSON_SAW_HUGE_NUMBER;
	}
	if (p - start > MAX_NUMBER_LENGTH)
		*seen |= JSON_SAW_HUGE_NUMBER;
	return p;
}

/* A value that is not an object or array. */
static char *
scan_scalar(JsonScanner *scanner, char *p, unsigned *seen)
{
	bool		is_integer;

	if (p >= scanner->end)
		return json_fail_syntax(scanner, p, "");
	switch (*p)
	{
		case '"':
			return json_scan_string(scanner, p, seen);
		case 't':
			return json_scan_word(scanner, p, "true");
		case 'f':
			return json_scan_word(scanner, p, "false");
		case 'n':
			return json_scan_word(scanner, p, "null");
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			return json_scan_number(scanner, p, &is_integer, seen);
		default:
			return json_fail_syntax(scanner, p, "expected a value");
	}
}

/* A member's name and the colon; stands at its value then. */
static char *
scan_name(JsonScanner *scanner, char *p, unsigned *seen)
{
	p = json_scan_string(scanner, p, seen);
	if (p == NULL)
		return NULL;
	p = json_pass_space(scanner, p);
	if (p >= scanner->end || *p != ':')
		return json_fail_syntax(scanner, p, "expected a colon");
	return json_pass_space(scanner, p + 1);
}

/*
 * Not recursive: one bit a level tells an object from an array, and
 * JSON_MAX_DEPTH keeps the levels within 64.
 */
char *
json_scan_any(JsonScanner *scanner, char *p, unsigned *seen)
{
	int			outside = scanner->depth;
	uint64_t	objects = 0;	/* lowest bit: the innermost level */

	_Static_assert(JSON_MAX_DEPTH <= 64, "one bit a level");

	for (;;)
	{
		bool		is_object = p < scanner->end && *p == '{';

		/* at a value */
		if (is_object || (p < scanner->end && *p == '['))
		{
			p = json_enter(scanner, p, *p, "");
			if (p == NULL)
				return NULL;
			objects = objects << 1 | (is_object ? 1 : 0);
			p = json_pass_space(scanner, p);
			if (p >= scanner->end || *p != (is_object ? '}' : ']'))
			{
				if (is_object && (p = scan_name(scanner, p, seen)) == NULL)
					return NULL;
				continue;
			}
		}
		else
		{
			p = scan_scalar(scanner, p, seen);
			if (p == NULL)
				return NULL;
			if (scanner->depth == outside)
				return p;
			p = json_pass_space(scanner, p);
		}

		/* behind a value, or at the end of an empty object or array */
		while (p < scanner->end && *p == ((objects & 1) ? '}' : ']'))
		{
			p++;
			objects >>= 1;
			scanner->depth--;
			if (scanner->depth == outside)
				return p;
			p = json_pass_space(scanner, p);
		}
		if (p >= scanner->end || *p != ',')
			return json_fail_syntax(scanner, p, "expected a comma");
		p = json_pass_space(scanner, p + 1);
		if ((objects & 1) && (p = scan_name(scanner, p, seen)) == NULL)
			return NULL;
	}
}

/*
 * Checks the beginning of a hex string; returns its first digit's place, or
 * NULL with the error recorded.
 */
static char *
scan_hex_prefix(JsonScanner *scanner, char *p, const char *member)
{
	if (p >= scanner->end)
		return json_fail_syntax(scanner, p, "");
	if (*p != '"')
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "not a string of hexadecimal digits");
	if (scanner->end - p < 3)
		return json_fail_syntax(scanner, scanner->end, "");
	if (!json_is_hex_string(p))
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "does not begin with 0x");
	return p + 3;
}

/* Passes digits up to the closing quote; NULL with the error recorded. */
static char *
scan_hex_digits(JsonScanner *scanner, char *p, const char *member)
{
	while (p < scanner->end && hex_is_digit(*p))
		p++;
	if (p >= scanner->end)
		return json_fail_syntax(scanner, p, "");
	if (*p != '"')
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "not a hexadecimal digit");
	return p;
}

char *
json_scan_quantity_slow(JsonScanner *scanner, char *p, const char *member,
						int max_digits, Uint256 *value)
{
	Uint256		result = {{0, 0, 0, 0}};
	char	   *digits = scan_hex_prefix(scanner, p, member);
	char	   *end;
	ptrdiff_t	i;

	if (digits == NULL)
		return NULL;
	end = scan_hex_digits(scanner, digits, member);
	if (end == NULL)
		return NULL;
	if (end == digits)
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "quantity has no digits");
	if (*digits == '0' && end - digits > 1)
		return json_fail_value(scanner, JSON_INVALID, p, member,
							   "quantity has a leading zero");
	if (end - digits > max_digits)
		return json_fail_value(scanner, JSON_OUT_OF_RANGE, p, member,
							   max_digits == 16 ?
							   "quantity has more than 64 bits" :
							   "quantity has more than 256 bits");

	for (i = 0; i < end - digits; i++)
		result.word[i / 16] |=
			(uint64_t) hex_digit_value(end[-1 - i]) << (i % 16 * 4);
	*value = result;
	return end + 1;
}

/*
 * `done` digits are known to be good; they and the prefix may have been
 * overwritten.
 */
char *
json_scan_fixed_slow(JsonScanner *scanner, char *p, const char *member,
					 size_t size, size_t done, const uint8_t **data)
{
	char	   *digits = p + 3;
	char	   *end;
	char		what[64];

	if (done == 0 && scan_hex_prefix(scanner, p, member) == NULL)
		return NULL;
	end = scan_hex_digits(scanner, digits + done, member);
	if (end == NULL)
		return NULL;

	if ((size_t) (end - digits) == 2 * size)
	{
		size_t		i;

		/* the rest of a value whose digits are all good */
		for (i = done; i < 2 * size; i += 2)
			p[i / 2] = (char) (hex_digit_value(digits[i]) << 4 |
							   hex_digit_value(digits[i + 1]));
		*data = (const uint8_t *) p;
		return end + 1;
	}
	snprintf(what, sizeof(what), "data is not %zu bytes long", size);
	return json_fail_value(scanner, JSON_INVALID, p, member, what);
}

#ifdef __SSE2__

/* Write the first `count` bytes of `bytes`; 16 are writable at `out`. */
static void
store_some(char *out, __m128i bytes, size_t count)
{
	static const uint8_t masks[32] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	const __m128i *place = (const __m128i *) (masks + 16 - count);
	__m128i		mask = _mm_loadu_si128(place);
	__m128i		old = _mm_loadu_si128((const __m128i *) out);

	_mm_storeu_si128((__m128i *) out,
					 _mm_or_si128(_mm_and_si128(mask, bytes),
								  _mm_andnot_si128(mask, old)));
}

#endif

char *
json_scan_data(JsonScanner *scanner, char *p, const char *member,
			   const uint8_t **data, size_t *len)
{
	char	   *digits = scan_hex_prefix(scanner, p, member);
	char	   *in = digits;
	char	   *out = p;
	bool		at_end = false;

	if (digits == NULL)
		return NULL;

#ifdef __SSE2__
	while (!at_end && scanner->end - in >= 32)
	{
		const __m128i *text = (const __m128i *) in;
		__m128i		first = hex_values16(_mm_loadu_si128(text));
		__m128i		second = hex_values16(_mm_loadu_si128(text + 1));
		unsigned	bad = hex_bad16(first) | hex_bad16(second) << 16;
		size_t		good = 32;

		if (json_likely(bad == 0))
			_mm_storeu_si128((__m128i *) out, hex_pack32(first, second));
		else
		{
			/* what stands behind the string must stay as it is */
			good = (size_t) __builtin_ctz(bad);
			if (good != 0)
				store_some(out, hex_pack32(first, second), good / 2);
			at_end = true;
		}
		in += good;
		out += good / 2;
	}
#endif

	/* near the end of the text, and the whole of it on other processors */
	while (!at_end && scanner->end - in >= 2 &&
		   hex_is_digit(in[0]) && hex_is_digit(in[1]))
	{
		*out++ = (char) (hex_digit_value(in[0]) << 4 |
						 hex_digit_value(in[1]));
		in += 2;
	}

	in = scan_hex_digits(scanner, in, member);
	if (in == NULL)
		return NULL;
	if ((in - digits) % 2 != 0)
		return json_fail_value(scanner, JSON_INVALID, in, member,
							   "data has an odd number of digits");
	*data = (const uint8_t *) p;
	*len = (size_t) (in - digits) / 2;
	return in + 1;
}
