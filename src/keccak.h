/*-------------------------------------------------------------------------
 *
 * keccak.h
 *	  Keccak-256 as Ethereum uses it.
 *
 * This is Keccak[c = 512] with the original padding byte 0x01 (yellow paper,
 * appendix B: "KEC"), not FIPS 202's SHA3-256, which pads with 0x06.
 *
 * Pure and reentrant: no allocation, no global that changes, no failure.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_KECCAK_H
#define CHAINSYNC_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#define KECCAK256_SIZE	32		/* bytes of a digest */
#define KECCAK256_RATE	136		/* bytes absorbed by one permutation */

/*
 * A message in two pieces: `head` followed by `data`.  It lets a caller put a
 * prefix (a type byte, a list's header) before bytes it does not want to
 * copy.  A piece of length 0 may have a NULL pointer.
 */
typedef struct KeccakInput
{
	const uint8_t *head;
	size_t		head_len;
	const uint8_t *data;
	size_t		data_len;
} KeccakInput;

/* An incremental hash; the fields belong to keccak.c. */
typedef struct Keccak256
{
	uint64_t	state[25];
	uint32_t	fill;			/* bytes absorbed into the current block */
} Keccak256;

/*
 * Hash one message.
 *
 * Out:	out32:	32 bytes; may overlap data
 * In:	data:	the message; may be NULL when len is 0
 *		len:	its length in bytes
 */
extern void keccak256(uint8_t *out32, const uint8_t *data, size_t len);

/*
 * Hash `count` independent messages.  This is the call to prefer wherever
 * more than one digest is wanted, so that a processor's wide registers can be
 * put behind it.
 *
 * Out:	out:	count digests of 32 bytes, one after the other; must not
 *				overlap a message
 * In:	inputs:	count messages
 */
extern void keccak256_many(uint8_t *out, const KeccakInput *inputs,
						   size_t count);

/*
 * Hash a message that comes in pieces: init, any number of absorbs, final.
 * After keccak256_final the state must be initialised again before use.
 */
extern void keccak256_init(Keccak256 *hash);
extern void keccak256_absorb(Keccak256 *hash, const uint8_t *data, size_t len);
extern void keccak256_final(uint8_t *out32, Keccak256 *hash);

/*
 * The permutation keccak-f[1600] on 25 lanes, lane (x, y) at x + 5 * y.
 * Exported for tests and benchmarks.
 */
extern void keccak_f1600(uint64_t *state25);

#endif							/* CHAINSYNC_KECCAK_H */
