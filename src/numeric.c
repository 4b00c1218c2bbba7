/*-------------------------------------------------------------------------
 *
 * numeric.c
 *	  PostgreSQL's numeric from the words of an integer.
 *
 * Values that fit a bigint go through int64_to_numeric.  Larger ones are cut
 * into digits of base 10000 and handed to numeric_recv in its binary form
 * (number of digits, weight, sign, scale, digits; src/backend/utils/adt/
 * numeric.c), never printed as text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "numeric.h"

#define DIGIT_BASE 10000
#define CHUNK_BASE UINT64CONST(10000000000000000)	/* four digits of 10000 */
#define CHUNK_DIGITS 4
#define MAX_DIGITS 20			/* 2^256 has 78 decimal digits */

/* value := value / CHUNK_BASE; returns the remainder. */
static uint64
divide_chunk(Uint256 *value)
{
	unsigned	__int128 rest = 0;

	for (int i = 3; i >= 0; i--)
	{
		rest = (rest << 64) | value->word[i];
		value->word[i] = (uint64) (rest / CHUNK_BASE);
		rest %= CHUNK_BASE;
	}
	return (uint64) rest;
}

Datum
numeric_from_uint256(const Uint256 *value)
{
	Uint256		left = *value;
	uint16		digits[MAX_DIGITS];
	int			count = 0;
	int16		header[4];
	StringInfoData wire;

	if (uint256_fits_u64(value) && value->word[0] <= PG_INT64_MAX)
		return NumericGetDatum(int64_to_numeric((int64) value->word[0]));

	while ((left.word[0] | left.word[1] | left.word[2] | left.word[3]) != 0)
	{
		uint64		chunk = divide_chunk(&left);

		for (int i = 0; i < CHUNK_DIGITS; i++)
		{
			digits[count++] = chunk % DIGIT_BASE;
			chunk /= DIGIT_BASE;
		}
	}
	while (digits[count - 1] == 0)
		count--;

	initStringInfo(&wire);
	header[0] = pg_hton16(count);
	header[1] = pg_hton16(count - 1);	/* weight of the first digit */
	header[2] = 0;				/* positive */
	header[3] = 0;				/* no decimals */
	appendBinaryStringInfo(&wire, (char *) header, sizeof(header));
	for (int i = count - 1; i >= 0; i--)
	{
		uint16		digit = pg_hton16(digits[i]);

		appendBinaryStringInfo(&wire, (char *) &digit, sizeof(digit));
	}
	return DirectFunctionCall3(numeric_recv, PointerGetDatum(&wire),
							   ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

Datum
numeric_from_uint64(uint64 value)
{
	Uint256		wide = uint256_from_u64(value);

	return numeric_from_uint256(&wide);
}
