/*-------------------------------------------------------------------------
 *
 * hex_kernel.h
 *	  The inner step of reading hexadecimal digits, for hex.c and the JSON
 *	  scanner.
 *
 * With SSE2, which every x86-64 has, sixteen digits are turned into values at
 * once; elsewhere a table gives the value of one digit.
 *
 * The vector arithmetic: digits are moved to the top of the byte range, so
 * that what lies above '9' wraps to small numbers and a saturating
 * subtraction can tell it from '0' to '9'; letters are moved to 0 to 5 and
 * lifted to 10 to 15 with saturation.  Of the two candidates the smaller is
 * the value, and anything above 15 is not a digit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_HEX_KERNEL_H
#define CHAINSYNC_HEX_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define HEX_NOT_A_DIGIT 0xff

/* The value of each character as a digit, or HEX_NOT_A_DIGIT; see hex.c. */
extern const uint8_t hex_digit_values[256];

static inline uint8_t
hex_digit_value(char c)
{
	return hex_digit_values[(uint8_t) c];
}

static inline bool
hex_is_digit(char c)
{
	return hex_digit_value(c) != HEX_NOT_A_DIGIT;
}

#ifdef __SSE2__

/* The values of sixteen characters; above 15 where one is not a digit. */
static inline __m128i
hex_values16(__m128i text)
{
	__m128i		number;
	__m128i		letter = _mm_and_si128(text, _mm_set1_epi8((char) 0xdf));

	number = _mm_add_epi8(text, _mm_set1_epi8((char) (0xff - '9')));
	number = _mm_subs_epu8(number, _mm_set1_epi8(6));
	number = _mm_sub_epi8(number, _mm_set1_epi8((char) 0xf0));
	letter = _mm_sub_epi8(letter, _mm_set1_epi8('A'));
	letter = _mm_adds_epu8(letter, _mm_set1_epi8(10));
	return _mm_min_epu8(number, letter);
}

/* One bit for each of the sixteen values that is not a digit's. */
static inline unsigned
hex_bad16(__m128i values)
{
	const __m128i lift = _mm_set1_epi8(112);

	return (unsigned) _mm_movemask_epi8(_mm_adds_epu8(values, lift));
}

/* Pairs of values to bytes, each in the low half of a 16-bit lane. */
static inline __m128i
hex_pairs(__m128i values)
{
	__m128i		high = _mm_slli_epi16(values, 4);
	__m128i		low = _mm_srli_epi16(values, 8);

	return _mm_and_si128(_mm_or_si128(high, low), _mm_set1_epi16(0xff));
}

/* Thirty-two values to sixteen bytes. */
static inline __m128i
hex_pack32(__m128i first, __m128i second)
{
	return _mm_packus_epi16(hex_pairs(first), hex_pairs(second));
}

#endif							/* __SSE2__ */

#endif							/* CHAINSYNC_HEX_KERNEL_H */
