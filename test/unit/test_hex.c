/*-------------------------------------------------------------------------
 *
 * test_hex.c
 *	  Hexadecimal digits, against the C library's own conversions.
 *
 *-------------------------------------------------------------------------
 */
#include "hex.h"

#include <ctype.h>
#include <stdlib.h>

#include "hex_kernel.h"
#include "unit.h"

#define MAX_BYTES 150

static void
test_round_trips(void)
{
	for (size_t len = 0; len < MAX_BYTES; len++)
	{
		/* blocks of the exact size, so that an overrun is seen */
		uint8_t    *bytes = malloc(len + (len == 0));
		uint8_t    *back = malloc(len + (len == 0));
		char	   *text = malloc(2 * len + (len == 0));
		char		expected[2 * MAX_BYTES + 1];

		for (size_t i = 0; i < len; i++)
		{
			bytes[i] = (uint8_t) (i * 151 + len * 31);
			snprintf(expected + 2 * i, 3, "%02x", bytes[i]);
		}
		hexbytes_encode(text, bytes, len);
		CHECK(memcmp(text, expected, 2 * len) == 0);
		CHECK(hexbytes_decode(back, text, 2 * len));
		CHECK(memcmp(back, bytes, len) == 0);

		for (size_t i = 0; i < 2 * len; i++)
			text[i] = (char) toupper((unsigned char) text[i]);
		CHECK(hexbytes_decode(back, text, 2 * len));
		CHECK(memcmp(back, bytes, len) == 0);

		/* in place */
		CHECK(hexbytes_decode((uint8_t *) text, text, 2 * len));
		CHECK(memcmp(text, bytes, len) == 0);
		if (len > 0)
			CHECK(!hexbytes_decode(back, expected, 2 * len - 1));
		free(bytes);
		free(back);
		free(text);
	}
}

/* Every character at every place of a long and of a short text. */
static void
test_bad_digits(void)
{
	char		text[70];
	uint8_t		bytes[35];

	for (size_t len = 2; len <= 70; len += 68)
	{
		for (size_t place = 0; place < len; place++)
		{
			for (int c = 0; c < 256; c++)
			{
				memset(text, '7', len);
				text[place] = (char) c;
				CHECK(hexbytes_decode(bytes, text, len) == (isxdigit(c) != 0));
			}
		}
	}
	for (int c = 0; c < 256; c++)
	{
		char		digit[2] = {(char) c, '\0'};

		CHECK(hex_is_digit((char) c) == (isxdigit(c) != 0));
		if (isxdigit(c))
			CHECK(hex_digit_value((char) c) == strtol(digit, NULL, 16));
	}
}

int
main(void)
{
	test_round_trips();
	test_bad_digits();
	return unit_summary("test_hex");
}
