/*-------------------------------------------------------------------------
 *
 * uint256.h
 *	  Unsigned 256-bit integers as four 64-bit words, least significant
 *	  first.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_UINT256_H
#define CHAINSYNC_UINT256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Uint256
{
	uint64_t	word[4];
} Uint256;

static inline Uint256
uint256_from_u64(uint64_t value)
{
	Uint256		result = {{value, 0, 0, 0}};

	return result;
}

static inline bool
uint256_fits_u64(const Uint256 *value)
{
	return (value->word[1] | value->word[2] | value->word[3]) == 0;
}

/* Reads `len` (at most 32) big-endian bytes; false when len > 32. */
extern bool uint256_from_be(Uint256 *out, const uint8_t *bytes, size_t len);

/* Writes 32 big-endian bytes. */
extern void uint256_to_be(uint8_t *out32, const Uint256 *value);

/* Writes the decimal digits and a NUL; returns their number (at most 78). */
extern size_t uint256_to_decimal(char *out79, const Uint256 *value);

#endif							/* CHAINSYNC_UINT256_H */
