/*-------------------------------------------------------------------------
 *
 * keccak_avx2.c
 *	  Keccak-256 of four messages at a time, with AVX2.
 *
 * Called only where keccak.c has found that the processor has it.
 *
 *-------------------------------------------------------------------------
 */
#include "keccak_many.h"

#ifdef KECCAK_LANES_X86

#include <immintrin.h>
#include <stdbool.h>

#define LANES			4
#define VECTOR			__m256i
#define TARGET			__attribute__((target("avx2")))
#define V_LOAD(p)		_mm256_load_si256((const __m256i *) (p))
#define V_STORE(p, v)	_mm256_store_si256((__m256i *) (p), v)
#define V_SET(x)		_mm256_set1_epi64x((long long) (x))
#define V_XOR(a, b)		_mm256_xor_si256(a, b)
#define V_XOR5(a, b, c, d, e) \
	V_XOR(V_XOR(V_XOR(a, b), V_XOR(c, d)), e)
#define V_CHI(a, b, c)	V_XOR(a, _mm256_andnot_si256(b, c))
#define V_ROL(a, n) \
	_mm256_or_si256(_mm256_slli_epi64(a, n), _mm256_srli_epi64(a, 64 - (n)))
#define LANES_FUNCTION	keccak256_many_avx2

#include "keccak_lanes.h"

#else

/* Some compilers want a file to declare something. */
typedef int keccak_avx2_is_not_built;

#endif
