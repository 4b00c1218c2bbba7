/*-------------------------------------------------------------------------
 *
 * uint256.c
 *	  Unsigned 256-bit integers: conversions.
 *
 *-------------------------------------------------------------------------
 */
#include "uint256.h"

#define LIMBS		8
#define LIMB_DIGITS	9			/* decimal digits a round of division gives */
#define LIMB_POWER	1000000000u

bool
uint256_from_be(Uint256 *out, const uint8_t *bytes, size_t len)
{
	Uint256		result = {{0, 0, 0, 0}};
	size_t		i;

	if (len > 32)
		return false;
	for (i = 0; i < len; i++)
	{
		size_t		place = len - 1 - i;

		result.word[place / 8] |= (uint64_t) bytes[i] << (place % 8 * 8);
	}
	*out = result;
	return true;
}

void
uint256_to_be(uint8_t *out32, const Uint256 *value)
{
	int			i;

	for (i = 0; i < 32; i++)
	{
		int			place = 31 - i;

		out32[i] = (uint8_t) (value->word[place / 8] >> (place % 8 * 8));
	}
}

/* Divide by 10^9 in place; returns the remainder. */
static uint32_t
limbs_divide(uint32_t *limbs)
{
	uint64_t	remainder = 0;
	int			i;

	for (i = LIMBS - 1; i >= 0; i--)
	{
		uint64_t	dividend = remainder << 32 | limbs[i];

		limbs[i] = (uint32_t) (dividend / LIMB_POWER);
		remainder = dividend % LIMB_POWER;
	}
	return (uint32_t) remainder;
}

static bool
limbs_are_zero(const uint32_t *limbs)
{
	uint32_t	any = 0;
	int			i;

	for (i = 0; i < LIMBS; i++)
		any |= limbs[i];
	return any == 0;
}

size_t
uint256_to_decimal(char *out79, const Uint256 *value)
{
	char		reversed[9 * LIMB_DIGITS];
	uint32_t	limbs[LIMBS];
	size_t		len = 0;
	size_t		i;

	for (i = 0; i < LIMBS; i++)
		limbs[i] = (uint32_t) (value->word[i / 2] >> (i % 2 * 32));

	/* 2^256 has 78 digits: nine rounds at most */
	do
	{
		uint32_t	part = limbs_divide(limbs);

		for (i = 0; i < LIMB_DIGITS; i++)
		{
			reversed[len++] = (char) ('0' + part % 10);
			part /= 10;
		}
	} while (!limbs_are_zero(limbs));

	while (len > 1 && reversed[len - 1] == '0')
		len--;
	for (i = 0; i < len; i++)
		out79[i] = reversed[len - 1 - i];
	out79[len] = '\0';
	return len;
}
