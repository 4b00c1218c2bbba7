/*-------------------------------------------------------------------------
 *
 * json_scan.h
 *	  The parts of the JSON scanner that the readers of blocks inline.
 *	  Internal to json.c, json_scan.c and json_members.c; json.h is for
 *	  everybody else.
 *
 * The functions here keep the position in a register: they take it as `p`,
 * standing at the first character of a value (white space already passed), and
 * return the position behind the value, or NULL with the error recorded.
 * scanner->pos is not looked at.
 *
 * Each value that a block is full of has a fast path here, which looks at the
 * usual form only and is sure that it stays inside the text, and a slow path
 * in json_scan.c, which handles the end of the text and works out what is
 * wrong with a value of another form.  Decoding in place may have overwritten
 * the beginning of a string by then: the slow path is told how many digits
 * were good, and looks only behind them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_JSON_SCAN_H
#define CHAINSYNC_JSON_SCAN_H

#include <string.h>

#include "hex_kernel.h"
#include "json.h"

#define json_likely(condition)		__builtin_expect((condition) != 0, 1)
#define json_unlikely(condition)	__builtin_expect((condition) != 0, 0)

/* What json_scan_string and json_scan_any saw on their way. */
#define JSON_SAW_ESCAPE			(1u << 0)	/* a backslash in a string */
#define JSON_SAW_NUL			(1u << 1)	/* the escape of U+0000 */
#define JSON_SAW_HUGE_NUMBER	(1u << 2)	/* no database can hold it */

/* Record a failure of a member's value; always NULL. */
extern char *json_fail_value(JsonScanner *scanner, JsonStatus status,
							 const char *at, const char *member,
							 const char *what)
			__attribute__((cold));

/* Record that the text ends, or goes on, as no JSON does; always NULL. */
extern char *json_fail_syntax(JsonScanner *scanner, const char *at,
							  const char *what)
			__attribute__((cold));

extern char *json_pass_space_slow(const JsonScanner *scanner, char *p);

/* The slow paths. */
extern char *json_scan_quantity_slow(JsonScanner *scanner, char *p,
									 const char *member, int max_digits,
									 Uint256 *value)
			__attribute__((noinline));
extern char *json_scan_fixed_slow(JsonScanner *scanner, char *p,
								  const char *member, size_t size, size_t done,
								  const uint8_t **data)
			__attribute__((noinline));

/* A string, at its opening quote; flags are added to *seen. */
extern char *json_scan_string(JsonScanner *scanner, char *p, unsigned *seen);

/* The literal `word`. */
extern char *json_scan_word(JsonScanner *scanner, char *p, const char *word);

/* A number; *is_integer when it has neither fraction nor exponent. */
extern char *json_scan_number(JsonScanner *scanner, char *p, bool *is_integer,
							  unsigned *seen);

/* Any value; flags are added to *seen. */
extern char *json_scan_any(JsonScanner *scanner, char *p, unsigned *seen);

/* Hex data of any length, decoded over its own text. */
extern char *json_scan_data(JsonScanner *scanner, char *p, const char *member,
							const uint8_t **data, size_t *len);

/* Step into an object or array: `open` is its first character. */
static inline char *
json_enter(JsonScanner *scanner, char *p, char open, const char *what)
{
	if (json_unlikely(p >= scanner->end || *p != open))
		return json_fail_syntax(scanner, p, what);
	if (json_unlikely(scanner->depth >= JSON_MAX_DEPTH))
		return json_fail_syntax(scanner, p, "nested too deeply");
	scanner->depth++;
	return p + 1;
}

static inline char *
json_pass_space(const JsonScanner *scanner, char *p)
{
	if (json_likely(p < scanner->end && (uint8_t) *p > ' '))
		return p;
	return json_pass_space_slow(scanner, p);
}

static inline bool
json_is_hex_string(const char *p)
{
	return p[0] == '"' && p[1] == '0' && p[2] == 'x';
}

#ifdef __SSE2__

/*
 * A quantity of up to sixteen digits, whose text has at least 20 characters
 * before the end of the buffer.  Returns NULL, without an error, when the
 * value is of another form.
 */
static inline char *
json_try_short_quantity(char *p, uint64_t *value)
{
	__m128i		text = _mm_loadu_si128((const __m128i *) (p + 3));
	__m128i		values = hex_values16(text);
	int			digits = __builtin_ctz(hex_bad16(values) | 0x10000);
	__m128i		pairs;
	uint64_t	packed;

	if (json_unlikely(!json_is_hex_string(p) || digits == 0 ||
					  p[3 + digits] != '"' || (p[3] == '0' && digits != 1)))
		return NULL;

	/*
	 * Big-endian, left-aligned, with what follows the digits behind them: cut
	 * to four bits, or it would spill into the digit before.
	 */
	pairs = hex_pairs(_mm_and_si128(values, _mm_set1_epi8(0x0f)));
	_mm_storel_epi64((__m128i *) &packed, _mm_packus_epi16(pairs, pairs));
	*value = __builtin_bswap64(packed) >> (64 - 4 * digits);
	return p + digits + 4;
}

/*
 * Decode 2 * size digits; returns how many were good, all of them or a
 * multiple of 16.  `out` is before or at `in`; size is a compile-time
 * constant wherever this is used.
 */
static inline size_t
json_decode_fixed(uint8_t *out, const char *in, size_t size)
{
	size_t		digits = 2 * size;
	size_t		i;

	for (i = 0; i + 32 <= digits; i += 32)
	{
		const __m128i *text = (const __m128i *) (in + i);
		__m128i		first = hex_values16(_mm_loadu_si128(text));
		__m128i		second = hex_values16(_mm_loadu_si128(text + 1));

		if (json_unlikely(hex_bad16(_mm_max_epu8(first, second)) != 0))
			return i;
		_mm_storeu_si128((__m128i *) (out + i / 2),
						 hex_pack32(first, second));
	}
	if (i + 16 <= digits)
	{
		__m128i		values;

		values = hex_values16(_mm_loadu_si128((const __m128i *) (in + i)));
		if (json_unlikely(hex_bad16(values) != 0))
			return i;
		_mm_storel_epi64((__m128i *) (out + i / 2),
						 hex_pack32(values, values));
		i += 16;
	}
	if (i + 8 <= digits)
	{
		__m128i		values;
		int			packed;

		values = hex_values16(_mm_loadl_epi64((const __m128i *) (in + i)));
		if (json_unlikely((hex_bad16(values) & 0xff) != 0))
			return i;
		packed = _mm_cvtsi128_si32(hex_pack32(values, values));
		memcpy(out + i / 2, &packed, 4);
		i += 8;
	}
	return i;
}

#else

static inline size_t
json_decode_fixed(uint8_t *out, const char *in, size_t size)
{
	size_t		i;

	for (i = 0; i < size; i++)
	{
		uint8_t		high = hex_digit_value(in[2 * i]);
		uint8_t		low = hex_digit_value(in[2 * i + 1]);

		if ((high | low) > 0x0f)
			break;
		out[i] = (uint8_t) (high << 4 | low);
	}
	return 2 * i;
}

#endif							/* __SSE2__ */

static inline char *
json_scan_u64(JsonScanner *scanner, char *p, const char *member,
			  uint64_t *value)
{
	Uint256		wide;

#ifdef __SSE2__
	if (json_likely(scanner->end - p >= 20))
	{
		char	   *next = json_try_short_quantity(p, value);

		if (json_likely(next != NULL))
			return next;
	}
#endif
	p = json_scan_quantity_slow(scanner, p, member, 16, &wide);
	if (p != NULL)
		*value = wide.word[0];
	return p;
}

static inline char *
json_scan_u256(JsonScanner *scanner, char *p, const char *member,
			   Uint256 *value)
{
#ifdef __SSE2__
	if (json_likely(scanner->end - p >= 68))
	{
		uint64_t	small;
		char	   *next = json_try_short_quantity(p, &small);

		if (json_likely(next != NULL))
		{
			*value = uint256_from_u64(small);
			return next;
		}

		/* a signature's r and s have all 64 digits most of the time */
		if (p[67] == '"' && json_is_hex_string(p) && p[3] != '0')
		{
			uint64_t	words[4];
			int			i;

			if (json_decode_fixed((uint8_t *) words, p + 3, 32) == 64)
			{
				for (i = 0; i < 4; i++)
					value->word[i] = __builtin_bswap64(words[3 - i]);
				return p + 68;
			}
		}
	}
#endif
	return json_scan_quantity_slow(scanner, p, member, 64, value);
}

/* Data of `size` bytes, a multiple of 4 known when this is compiled. */
static inline char *
json_scan_fixed(JsonScanner *scanner, char *p, const char *member, size_t size,
				const uint8_t **data)
{
	ptrdiff_t	text_len = (ptrdiff_t) (2 * size + 4);
	size_t		done = 0;

	if (json_likely(scanner->end - p >= text_len && json_is_hex_string(p) &&
					p[text_len - 1] == '"'))
	{
		done = json_decode_fixed((uint8_t *) p, p + 3, size);
		if (json_likely(done == 2 * size))
		{
			*data = (const uint8_t *) p;
			return p + text_len;
		}
	}
	return json_scan_fixed_slow(scanner, p, member, size, done, data);
}

#endif							/* CHAINSYNC_JSON_SCAN_H */
