/*-------------------------------------------------------------------------
 *
 * extra.h
 *	  Reading chain-specific members, which are kept as their JSON text.
 *
 * Only the forms JSON-RPC uses for what is hashed: data and quantities as
 * strings of hex digits, and booleans.  Anything else, escapes in strings
 * included, is EXTRA_BAD.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_EXTRA_H
#define CHAINSYNC_EXTRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block.h"
#include "uint256.h"

typedef enum ExtraStatus
{
	EXTRA_OK = 0,
	EXTRA_ABSENT,				/* not there, or null */
	EXTRA_BAD					/* there, and not of the form asked for */
} ExtraStatus;

/* Reads data of exactly `len` bytes, at most 32. */
extern ExtraStatus extra_fixed(uint8_t *out, const EvmExtras *extras,
							   const char *name, size_t len);

/* Reads a quantity of at most 256 (64) bits, without leading zeros. */
extern ExtraStatus extra_uint256(Uint256 *out, const EvmExtras *extras,
								 const char *name);
extern ExtraStatus extra_u64(uint64_t *out, const EvmExtras *extras,
							 const char *name);

/* Reads true or false. */
extern ExtraStatus extra_bool(bool *out, const EvmExtras *extras,
							  const char *name);

#endif							/* CHAINSYNC_EXTRA_H */
