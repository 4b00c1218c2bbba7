/*-------------------------------------------------------------------------
 *
 * keccak_many.h
 *	  The ways to hash several messages.  Internal to keccak*.c, and for
 *	  tests and benchmarks, which compare them.
 *
 * All take what keccak256_many takes and give the same.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_KECCAK_MANY_H
#define CHAINSYNC_KECCAK_MANY_H

#include "keccak.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define KECCAK_LANES_X86 1
#endif

typedef void (*KeccakMany) (uint8_t *out, const KeccakInput *inputs,
							size_t count);

/* One after the other, anywhere. */
extern void keccak256_many_plain(uint8_t *out, const KeccakInput *inputs,
								 size_t count);

#ifdef KECCAK_LANES_X86
/* Four and eight at a time; only on processors that have the instructions. */
extern void keccak256_many_avx2(uint8_t *out, const KeccakInput *inputs,
								size_t count);
extern void keccak256_many_avx512(uint8_t *out, const KeccakInput *inputs,
								  size_t count);
#endif

/* The ways that this processor has, the fastest last; returns how many. */
#define KECCAK_WAYS_MAX	3
extern int	keccak256_ways(KeccakMany *ways, const char **names);

#endif							/* CHAINSYNC_KECCAK_MANY_H */
