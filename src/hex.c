/*-------------------------------------------------------------------------
 *
 * hex.c
 *	  Bytes to hexadecimal digits and back.
 *
 *-------------------------------------------------------------------------
 */
#include "hex.h"

#include "hex_kernel.h"

#define NONE HEX_NOT_A_DIGIT
#define NONE8 NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE
#define NONE16 NONE8, NONE8

const uint8_t hex_digit_values[256] = {
	NONE16, NONE16, NONE16,
	/* '0' to '9' */
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, NONE, NONE, NONE, NONE, NONE, NONE,
	/* 'A' to 'F' */
	NONE, 10, 11, 12, 13, 14, 15, NONE, NONE8, NONE16,
	/* 'a' to 'f' */
	NONE, 10, 11, 12, 13, 14, 15, NONE, NONE8, NONE16,
	NONE16, NONE16, NONE16, NONE16, NONE16, NONE16, NONE16, NONE16
};

void
hexbytes_encode(char *out, const uint8_t *in, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t		i = 0;

#ifdef __SSE2__
	const __m128i low4 = _mm_set1_epi8(0x0f);
	const __m128i nine = _mm_set1_epi8(9);
	const __m128i zero = _mm_set1_epi8('0');
	const __m128i gap = _mm_set1_epi8('a' - '9' - 1);

	for (; len - i >= 16; i += 16)
	{
		__m128i		bytes = _mm_loadu_si128((const __m128i *) (in + i));
		__m128i		high = _mm_and_si128(_mm_srli_epi16(bytes, 4), low4);
		__m128i		low = _mm_and_si128(bytes, low4);
		__m128i		values[2];
		size_t		half;

		values[0] = _mm_unpacklo_epi8(high, low);
		values[1] = _mm_unpackhi_epi8(high, low);
		for (half = 0; half < 2; half++)
		{
			__m128i		letter = _mm_cmpgt_epi8(values[half], nine);
			__m128i		text = _mm_add_epi8(values[half], zero);

			text = _mm_add_epi8(text, _mm_and_si128(letter, gap));
			_mm_storeu_si128((__m128i *) (out + 2 * i + 16 * half), text);
		}
	}
#endif

	for (; i < len; i++)
	{
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 0x0f];
	}
}

bool
hexbytes_decode(uint8_t *out, const char *in, size_t len)
{
	size_t		i = 0;

	if (len % 2 != 0)
		return false;

#ifdef __SSE2__
	for (; len - i >= 32; i += 32)
	{
		const __m128i *text = (const __m128i *) (in + i);
		__m128i		first = hex_values16(_mm_loadu_si128(text));
		__m128i		second = hex_values16(_mm_loadu_si128(text + 1));

		if (hex_bad16(_mm_max_epu8(first, second)) != 0)
			return false;
		_mm_storeu_si128((__m128i *) (out + i / 2),
						 hex_pack32(first, second));
	}
#endif

	for (; i < len; i += 2)
	{
		uint8_t		high = hex_digit_value(in[i]);
		uint8_t		low = hex_digit_value(in[i + 1]);

		/* a digit's value has four bits, HEX_NOT_A_DIGIT all eight */
		if ((high | low) > 0x0f)
			return false;
		out[i / 2] = (uint8_t) (high << 4 | low);
	}
	return true;
}
