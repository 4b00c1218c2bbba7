/*-------------------------------------------------------------------------
 *
 * keccak_avx512.c
 *	  Keccak-256 of eight messages at a time, with AVX-512.
 *
 * Called only where keccak.c has found that the processor has it.
 *
 *-------------------------------------------------------------------------
 */
#include "keccak_many.h"

#ifdef KECCAK_LANES_X86

#include <immintrin.h>
#include <stdbool.h>

#define LANES			8
#define VECTOR			__m512i
#define TARGET			__attribute__((target("avx512f")))
#define V_LOAD(p)		_mm512_load_si512((const void *) (p))
#define V_STORE(p, v)	_mm512_store_si512((void *) (p), v)
#define V_SET(x)		_mm512_set1_epi64((long long) (x))
#define V_XOR(a, b)		_mm512_xor_si512(a, b)
#define V_XOR3(a, b, c)	_mm512_ternarylogic_epi64(a, b, c, 0x96)
#define V_XOR5(a, b, c, d, e)	V_XOR3(V_XOR3(a, b, c), d, e)
#define V_CHI(a, b, c)	_mm512_ternarylogic_epi64(a, b, c, 0xd2)
#define V_ROL(a, n)		_mm512_rol_epi64(a, n)
#define LANES_FUNCTION	keccak256_many_avx512

#include "keccak_lanes.h"

#else

/* Some compilers want a file to declare something. */
typedef int keccak_avx512_is_not_built;

#endif
