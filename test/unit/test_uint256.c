/*-------------------------------------------------------------------------
 *
 * test_uint256.c
 *	  Conversions of 256-bit integers.  Decimal texts are checked with a
 *	  second way to make them: schoolbook doubling of decimal digits.
 *
 *-------------------------------------------------------------------------
 */
#include "uint256.h"

#include "unit.h"

/* Decimal text of big-endian bytes, one bit after the other. */
static void
decimal_by_doubling(char *out, const uint8_t *bytes32)
{
	uint8_t		digits[80] = {0};
	int			len = 1;

	for (int bit = 0; bit < 256; bit++)
	{
		int			carry = bytes32[bit / 8] >> (7 - bit % 8) & 1;

		for (int i = 0; i < len; i++)
		{
			int			digit = digits[i] * 2 + carry;

			digits[i] = (uint8_t) (digit % 10);
			carry = digit / 10;
		}
		if (carry != 0)
			digits[len++] = (uint8_t) carry;
	}
	for (int i = 0; i < len; i++)
		out[i] = (char) ('0' + digits[len - 1 - i]);
	out[len] = '\0';
}

static void
check_value(const uint8_t *bytes32)
{
	Uint256		value;
	uint8_t		back[32];
	char		got[79];
	char		expected[90];
	size_t		len;

	CHECK(uint256_from_be(&value, bytes32, 32));
	uint256_to_be(back, &value);
	CHECK(memcmp(back, bytes32, 32) == 0);
	len = uint256_to_decimal(got, &value);
	decimal_by_doubling(expected, bytes32);
	CHECK_TEXT(got, expected);
	CHECK(len == strlen(got));
}

static void
test_values(void)
{
	uint8_t		bytes[32];
	uint32_t	random = 12345;

	/* every power of two, one less and one more */
	for (int bit = 0; bit < 256; bit++)
	{
		memset(bytes, 0, 32);
		bytes[31 - bit / 8] = (uint8_t) (1 << bit % 8);
		check_value(bytes);
		bytes[31] ^= 1;
		check_value(bytes);
		memset(bytes, 0, 32);
		for (int i = 0; i < bit; i++)
			bytes[31 - i / 8] |= (uint8_t) (1 << i % 8);
		check_value(bytes);
	}
	memset(bytes, 0xff, 32);
	check_value(bytes);
	for (int round = 0; round < 2000; round++)
	{
		for (int i = 0; i < 32; i++)
		{
			random = random * 1664525 + 1013904223;
			bytes[i] = i < round % 32 ? 0 : (uint8_t) (random >> 24);
		}
		check_value(bytes);
	}
}

int
main(void)
{
	static const uint8_t bytes[33] = {1, 2};
	Uint256		value;
	char		text[79];

	test_values();

	CHECK(!uint256_from_be(&value, bytes, 33));
	CHECK(uint256_from_be(&value, bytes, 2));
	CHECK(value.word[0] == 0x102 && uint256_fits_u64(&value));
	CHECK(uint256_from_be(&value, bytes, 0));
	CHECK(uint256_to_decimal(text, &value) == 1);
	CHECK_TEXT(text, "0");
	CHECK(uint256_from_be(&value, bytes, 9));
	CHECK(!uint256_fits_u64(&value) && value.word[1] == 1);
	value = uint256_from_u64(UINT64_MAX);
	CHECK(uint256_to_decimal(text, &value) == 20);
	CHECK_TEXT(text, "18446744073709551615");
	return unit_summary("test_uint256");
}
