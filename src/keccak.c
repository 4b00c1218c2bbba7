/*-------------------------------------------------------------------------
 *
 * keccak.c
 *	  Keccak-256, plain C.
 *
 * The permutation keeps its 25 lanes in local variables and is written two
 * rounds at a time, from one set of variables to the other and back, so that
 * pi costs nothing.  Six lanes are held complemented from before the first
 * round to after the last ("lane complementing" of the Keccak team's
 * implementation overview): chi then needs one NOT a row instead of five, on
 * processors whose baseline has no and-not instruction.
 *
 * Lanes are little-endian by definition; messages are read byte by byte where
 * the machine is not.
 *
 * keccak256_many hands several messages to the widest of keccak_avx2.c and
 * keccak_avx512.c that the processor has; everything that has more than one
 * message at hand calls it.
 *
 *-------------------------------------------------------------------------
 */
#include "keccak_many.h"

#include <string.h>

#define LANES_RATE	(KECCAK256_RATE / 8)

#define ROL(v, n)	(((v) << (n)) | ((v) >> (64 - (n))))

static const uint64_t round_constants[24] = {
	UINT64_C(0x0000000000000001), UINT64_C(0x0000000000008082),
	UINT64_C(0x800000000000808a), UINT64_C(0x8000000080008000),
	UINT64_C(0x000000000000808b), UINT64_C(0x0000000080000001),
	UINT64_C(0x8000000080008081), UINT64_C(0x8000000000008009),
	UINT64_C(0x000000000000008a), UINT64_C(0x0000000000000088),
	UINT64_C(0x0000000080008009), UINT64_C(0x000000008000000a),
	UINT64_C(0x000000008000808b), UINT64_C(0x800000000000008b),
	UINT64_C(0x8000000000008089), UINT64_C(0x8000000000008003),
	UINT64_C(0x8000000000008002), UINT64_C(0x8000000000000080),
	UINT64_C(0x000000000000800a), UINT64_C(0x800000008000000a),
	UINT64_C(0x8000000080008081), UINT64_C(0x8000000000008080),
	UINT64_C(0x0000000080000001), UINT64_C(0x8000000080008008)
};

/*
 * One round from the lanes A##0..A##24 to E##0..E##24.  Theta's column
 * parities become d0..d4; each group of five lines then takes the lanes that
 * rho and pi bring into one row, and the five after them are chi on that row,
 * written for the complemented lanes 1, 2, 8, 12, 17 and 20.
 */
#define ROUND(A, E, rc) \
	do { \
		c0 = A##0 ^ A##5 ^ A##10 ^ A##15 ^ A##20; \
		c1 = A##1 ^ A##6 ^ A##11 ^ A##16 ^ A##21; \
		c2 = A##2 ^ A##7 ^ A##12 ^ A##17 ^ A##22; \
		c3 = A##3 ^ A##8 ^ A##13 ^ A##18 ^ A##23; \
		c4 = A##4 ^ A##9 ^ A##14 ^ A##19 ^ A##24; \
		d0 = c4 ^ ROL(c1, 1); \
		d1 = c0 ^ ROL(c2, 1); \
		d2 = c1 ^ ROL(c3, 1); \
		d3 = c2 ^ ROL(c4, 1); \
		d4 = c3 ^ ROL(c0, 1); \
		\
		c0 = A##0 ^ d0; \
		c1 = A##6 ^ d1; c1 = ROL(c1, 44); \
		c2 = A##12 ^ d2; c2 = ROL(c2, 43); \
		c3 = A##18 ^ d3; c3 = ROL(c3, 21); \
		c4 = A##24 ^ d4; c4 = ROL(c4, 14); \
		E##0 = c0 ^ (c1 | c2) ^ (rc); \
		E##1 = c1 ^ (~c2 | c3); \
		E##2 = c2 ^ (c3 & c4); \
		E##3 = c3 ^ (c4 | c0); \
		E##4 = c4 ^ (c0 & c1); \
		\
		c0 = A##3 ^ d3; c0 = ROL(c0, 28); \
		c1 = A##9 ^ d4; c1 = ROL(c1, 20); \
		c2 = A##10 ^ d0; c2 = ROL(c2, 3); \
		c3 = A##16 ^ d1; c3 = ROL(c3, 45); \
		c4 = A##22 ^ d2; c4 = ROL(c4, 61); \
		E##5 = c0 ^ (c1 | c2); \
		E##6 = c1 ^ (c2 & c3); \
		E##7 = c2 ^ (c3 | ~c4); \
		E##8 = c3 ^ (c4 | c0); \
		E##9 = c4 ^ (c0 & c1); \
		\
		c0 = A##1 ^ d1; c0 = ROL(c0, 1); \
		c1 = A##7 ^ d2; c1 = ROL(c1, 6); \
		c2 = A##13 ^ d3; c2 = ROL(c2, 25); \
		c3 = A##19 ^ d4; c3 = ROL(c3, 8); \
		c4 = A##20 ^ d0; c4 = ROL(c4, 18); \
		E##10 = c0 ^ (c1 | c2); \
		E##11 = c1 ^ (c2 & c3); \
		c3 = ~c3; \
		E##12 = c2 ^ (c3 & c4); \
		E##13 = c3 ^ (c4 | c0); \
		E##14 = c4 ^ (c0 & c1); \
		\
		c0 = A##4 ^ d4; c0 = ROL(c0, 27); \
		c1 = A##5 ^ d0; c1 = ROL(c1, 36); \
		c2 = A##11 ^ d1; c2 = ROL(c2, 10); \
		c3 = A##17 ^ d2; c3 = ROL(c3, 15); \
		c4 = A##23 ^ d3; c4 = ROL(c4, 56); \
		E##15 = c0 ^ (c1 & c2); \
		E##16 = c1 ^ (c2 | c3); \
		c3 = ~c3; \
		E##17 = c2 ^ (c3 | c4); \
		E##18 = c3 ^ (c4 & c0); \
		E##19 = c4 ^ (c0 | c1); \
		\
		c0 = A##2 ^ d2; c0 = ROL(c0, 62); \
		c1 = A##8 ^ d3; c1 = ROL(c1, 55); \
		c2 = A##14 ^ d4; c2 = ROL(c2, 39); \
		c3 = A##15 ^ d0; c3 = ROL(c3, 41); \
		c4 = A##21 ^ d1; c4 = ROL(c4, 2); \
		E##24 = c4 ^ (c0 & c1); \
		c1 = ~c1; \
		E##20 = c0 ^ (c1 & c2); \
		E##21 = c1 ^ (c2 | c3); \
		E##22 = c2 ^ (c3 & c4); \
		E##23 = c3 ^ (c4 | c0); \
	} while (0)

void
keccak_f1600(uint64_t *s)
{
/*INDENT OFF*/
	uint64_t	a0 = s[0], a1 = ~s[1], a2 = ~s[2], a3 = s[3], a4 = s[4];
	uint64_t	a5 = s[5], a6 = s[6], a7 = s[7], a8 = ~s[8], a9 = s[9];
	uint64_t	a10 = s[10], a11 = s[11], a12 = ~s[12], a13 = s[13];
	uint64_t	a14 = s[14], a15 = s[15], a16 = s[16], a17 = ~s[17];
	uint64_t	a18 = s[18], a19 = s[19], a20 = ~s[20], a21 = s[21];
	uint64_t	a22 = s[22], a23 = s[23], a24 = s[24];
	uint64_t	e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12;
	uint64_t	e13, e14, e15, e16, e17, e18, e19, e20, e21, e22, e23, e24;
	uint64_t	c0, c1, c2, c3, c4;
	uint64_t	d0, d1, d2, d3, d4;
/*INDENT ON*/

	for (int i = 0; i < 24; i += 2)
	{
		ROUND(a, e, round_constants[i]);
		ROUND(e, a, round_constants[i + 1]);
	}

	s[0] = a0, s[1] = ~a1, s[2] = ~a2, s[3] = a3, s[4] = a4;
	s[5] = a5, s[6] = a6, s[7] = a7, s[8] = ~a8, s[9] = a9;
	s[10] = a10, s[11] = a11, s[12] = ~a12, s[13] = a13, s[14] = a14;
	s[15] = a15, s[16] = a16, s[17] = ~a17, s[18] = a18, s[19] = a19;
	s[20] = ~a20, s[21] = a21, s[22] = a22, s[23] = a23, s[24] = a24;
}

static inline uint64_t
load_lane(const uint8_t *bytes)
{
	uint64_t	lane;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&lane, bytes, 8);
#else
	lane = 0;
	for (int i = 7; i >= 0; i--)
		lane = (lane << 8) | bytes[i];
#endif
	return lane;
}

static inline void
store_lane(uint8_t *bytes, uint64_t lane)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(bytes, &lane, 8);
#else
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) (lane >> (8 * i));
#endif
}

static inline void
absorb_block(uint64_t *state, const uint8_t *block)
{
	for (int i = 0; i < LANES_RATE; i++)
		state[i] ^= load_lane(block + 8 * i);
	keccak_f1600(state);
}

/* Absorb whole blocks from `data`; returns how many bytes were taken. */
static size_t
absorb_blocks(uint64_t *state, const uint8_t *data, size_t len)
{
	size_t		taken = 0;

	while (len - taken >= KECCAK256_RATE)
	{
		absorb_block(state, data + taken);
		taken += KECCAK256_RATE;
	}
	return taken;
}

/* Add fewer than a block's bytes at `fill`, without permuting. */
static void
absorb_partial(uint64_t *state, size_t fill, const uint8_t *data, size_t len)
{
	/* up to the next whole lane, whole lanes, the rest */
	while (len > 0 && fill % 8 != 0)
	{
		state[fill / 8] ^= (uint64_t) *data << (8 * (fill % 8));
		fill++, data++, len--;
	}
	while (len >= 8)
	{
		state[fill / 8] ^= load_lane(data);
		fill += 8, data += 8, len -= 8;
	}
	while (len > 0)
	{
		state[fill / 8] ^= (uint64_t) *data << (8 * (fill % 8));
		fill++, data++, len--;
	}
}

void
keccak256_init(Keccak256 *hash)
{
	memset(hash, 0, sizeof(*hash));
}

void
keccak256_absorb(Keccak256 *hash, const uint8_t *data, size_t len)
{
	size_t		taken;

	if (len == 0)
		return;

	if (hash->fill > 0)
	{
		size_t		room = KECCAK256_RATE - hash->fill;
		size_t		part = len < room ? len : room;

		absorb_partial(hash->state, hash->fill, data, part);
		hash->fill += (uint32_t) part;
		data += part;
		len -= part;
		if (hash->fill < KECCAK256_RATE)
			return;
		keccak_f1600(hash->state);
		hash->fill = 0;
	}

	taken = absorb_blocks(hash->state, data, len);
	absorb_partial(hash->state, 0, data + taken, len - taken);
	hash->fill = (uint32_t) (len - taken);
}

void
keccak256_final(uint8_t *out32, Keccak256 *hash)
{
	/* the padding 10*1: its two ones may fall into the same byte */
	hash->state[hash->fill / 8] ^= UINT64_C(1) << (8 * (hash->fill % 8));
	hash->state[LANES_RATE - 1] ^= UINT64_C(0x80) << 56;
	keccak_f1600(hash->state);
	for (int i = 0; i < KECCAK256_SIZE / 8; i++)
		store_lane(out32 + 8 * i, hash->state[i]);
}

void
keccak256(uint8_t *out32, const uint8_t *data, size_t len)
{
	Keccak256	hash;

	keccak256_init(&hash);
	keccak256_absorb(&hash, data, len);
	keccak256_final(out32, &hash);
}

void
keccak256_many_plain(uint8_t *out, const KeccakInput *inputs, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		Keccak256	hash;

		keccak256_init(&hash);
		keccak256_absorb(&hash, inputs[i].head, inputs[i].head_len);
		keccak256_absorb(&hash, inputs[i].data, inputs[i].data_len);
		keccak256_final(out + i * KECCAK256_SIZE, &hash);
	}
}

int
keccak256_ways(KeccakMany *ways, const char **names)
{
	int			count = 0;

	ways[count] = keccak256_many_plain;
	names[count++] = "plain";
#ifdef KECCAK_LANES_X86
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
	{
		ways[count] = keccak256_many_avx2;
		names[count++] = "AVX2, 4 lanes";
	}
	if (__builtin_cpu_supports("avx512f"))
	{
		ways[count] = keccak256_many_avx512;
		names[count++] = "AVX-512, 8 lanes";
	}
#endif
	return count;
}

void
keccak256_many(uint8_t *out, const KeccakInput *inputs, size_t count)
{
	static KeccakMany widest = NULL;	/* set once, to the same by all */

	if (widest == NULL)
	{
		KeccakMany	ways[KECCAK_WAYS_MAX];
		const char *names[KECCAK_WAYS_MAX];

		widest = ways[keccak256_ways(ways, names) - 1];
	}
	/* plain code is faster for one */
	if (count > 1)
		widest(out, inputs, count);
	else
		keccak256_many_plain(out, inputs, count);
}
