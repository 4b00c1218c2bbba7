/*-------------------------------------------------------------------------
 *
 * keccak_lanes.h
 *	  Keccak-256 of several messages at a time: the code that the files of
 *	  the instruction sets share.  Internal to keccak_avx2.c and
 *	  keccak_avx512.c, which define before they include it
 *
 *		LANES			messages at a time
 *		VECTOR			a register with a 64-bit lane for each
 *		TARGET			the attribute that lets a function use them
 *		V_LOAD(p)		of LANES aligned words
 *		V_STORE(p, v)
 *		V_SET(x)		the same word in every lane
 *		V_XOR(a, b)
 *		V_XOR5(a, b, c, d, e)
 *		V_CHI(a, b, c)	a ^ (~b & c)
 *		V_ROL(a, n)		of a constant n
 *		LANES_FUNCTION	the name of the function that is to be made
 *
 * Every lane has a message of its own.  In a step each absorbs a block of its
 * message and all are permuted; a lane whose message has ended takes the next
 * one that waits.  The last message is finished by plain code, which is
 * faster for one.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "keccak.h"

#define RATE_WORDS	(KECCAK256_RATE / 8)

/* What one lane is at. */
typedef struct Lane
{
	const KeccakInput *input;	/* NULL: idle */
	size_t		index;			/* of the message */
	size_t		taken;			/* bytes of it absorbed */
	size_t		len;			/* of head and data */
	bool		last;			/* the padding has been absorbed */
} Lane;

typedef struct Lanes
{
	/* a word of all lanes' states stands together, and of their blocks */
	uint64_t	state[25][LANES] __attribute__((aligned(64)));
	uint64_t	block[RATE_WORDS][LANES] __attribute__((aligned(64)));
	Lane		lane[LANES];
	int			busy;
	const KeccakInput *inputs;
	size_t		count;
	size_t		next;			/* message that no lane has taken */
	uint8_t    *out;
} Lanes;

static const uint64_t lane_constants[24] = {
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

/* One round from A##0..A##24 to E##0..E##24: theta, rho and pi, chi, iota. */
#define LANES_ROW(E, e0, e1, e2, e3, e4) \
	E##e0 = V_CHI(b0, b1, b2); \
	E##e1 = V_CHI(b1, b2, b3); \
	E##e2 = V_CHI(b2, b3, b4); \
	E##e3 = V_CHI(b3, b4, b0); \
	E##e4 = V_CHI(b4, b0, b1);

#define LANES_ROUND(A, E, rc) \
	do { \
		b0 = V_XOR5(A##0, A##5, A##10, A##15, A##20); \
		b1 = V_XOR5(A##1, A##6, A##11, A##16, A##21); \
		b2 = V_XOR5(A##2, A##7, A##12, A##17, A##22); \
		b3 = V_XOR5(A##3, A##8, A##13, A##18, A##23); \
		b4 = V_XOR5(A##4, A##9, A##14, A##19, A##24); \
		d0 = V_XOR(b4, V_ROL(b1, 1)); \
		d1 = V_XOR(b0, V_ROL(b2, 1)); \
		d2 = V_XOR(b1, V_ROL(b3, 1)); \
		d3 = V_XOR(b2, V_ROL(b4, 1)); \
		d4 = V_XOR(b3, V_ROL(b0, 1)); \
		b0 = V_XOR(A##0, d0); \
		b1 = V_ROL(V_XOR(A##6, d1), 44); \
		b2 = V_ROL(V_XOR(A##12, d2), 43); \
		b3 = V_ROL(V_XOR(A##18, d3), 21); \
		b4 = V_ROL(V_XOR(A##24, d4), 14); \
		LANES_ROW(E, 0, 1, 2, 3, 4) \
		E##0 = V_XOR(E##0, V_SET(rc)); \
		b0 = V_ROL(V_XOR(A##3, d3), 28); \
		b1 = V_ROL(V_XOR(A##9, d4), 20); \
		b2 = V_ROL(V_XOR(A##10, d0), 3); \
		b3 = V_ROL(V_XOR(A##16, d1), 45); \
		b4 = V_ROL(V_XOR(A##22, d2), 61); \
		LANES_ROW(E, 5, 6, 7, 8, 9) \
		b0 = V_ROL(V_XOR(A##1, d1), 1); \
		b1 = V_ROL(V_XOR(A##7, d2), 6); \
		b2 = V_ROL(V_XOR(A##13, d3), 25); \
		b3 = V_ROL(V_XOR(A##19, d4), 8); \
		b4 = V_ROL(V_XOR(A##20, d0), 18); \
		LANES_ROW(E, 10, 11, 12, 13, 14) \
		b0 = V_ROL(V_XOR(A##4, d4), 27); \
		b1 = V_ROL(V_XOR(A##5, d0), 36); \
		b2 = V_ROL(V_XOR(A##11, d1), 10); \
		b3 = V_ROL(V_XOR(A##17, d2), 15); \
		b4 = V_ROL(V_XOR(A##23, d3), 56); \
		LANES_ROW(E, 15, 16, 17, 18, 19) \
		b0 = V_ROL(V_XOR(A##2, d2), 62); \
		b1 = V_ROL(V_XOR(A##8, d3), 55); \
		b2 = V_ROL(V_XOR(A##14, d4), 39); \
		b3 = V_ROL(V_XOR(A##15, d0), 41); \
		b4 = V_ROL(V_XOR(A##21, d1), 2); \
		LANES_ROW(E, 20, 21, 22, 23, 24) \
	} while (0)

/* Absorb the blocks that are at hand, and permute. */
static TARGET void
lanes_permute(Lanes *lanes)
{
/*INDENT OFF*/
	VECTOR		a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12;
	VECTOR		a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24;
	VECTOR		e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12;
	VECTOR		e13, e14, e15, e16, e17, e18, e19, e20, e21, e22, e23, e24;
	VECTOR		b0, b1, b2, b3, b4;
	VECTOR		d0, d1, d2, d3, d4;
/*INDENT ON*/

#define TAKE(i) a##i = V_XOR(V_LOAD(lanes->state[i]), V_LOAD(lanes->block[i]))
#define KEEP(i) a##i = V_LOAD(lanes->state[i])
#define GIVE(i) V_STORE(lanes->state[i], a##i)
	TAKE(0);
	TAKE(1);
	TAKE(2);
	TAKE(3);
	TAKE(4);
	TAKE(5);
	TAKE(6);
	TAKE(7);
	TAKE(8);
	TAKE(9);
	TAKE(10);
	TAKE(11);
	TAKE(12);
	TAKE(13);
	TAKE(14);
	TAKE(15);
	TAKE(16);
	KEEP(17);
	KEEP(18);
	KEEP(19);
	KEEP(20);
	KEEP(21);
	KEEP(22);
	KEEP(23);
	KEEP(24);
	for (int i = 0; i < 24; i += 2)
	{
		LANES_ROUND(a, e, lane_constants[i]);
		LANES_ROUND(e, a, lane_constants[i + 1]);
	}
	GIVE(0);
	GIVE(1);
	GIVE(2);
	GIVE(3);
	GIVE(4);
	GIVE(5);
	GIVE(6);
	GIVE(7);
	GIVE(8);
	GIVE(9);
	GIVE(10);
	GIVE(11);
	GIVE(12);
	GIVE(13);
	GIVE(14);
	GIVE(15);
	GIVE(16);
	GIVE(17);
	GIVE(18);
	GIVE(19);
	GIVE(20);
	GIVE(21);
	GIVE(22);
	GIVE(23);
	GIVE(24);
#undef TAKE
#undef KEEP
#undef GIVE
}

/* Give a lane the next message, or leave it idle. */
static void
lanes_start(Lanes *lanes, int at)
{
	Lane	   *lane = &lanes->lane[at];

	lane->input = NULL;
	if (lanes->next == lanes->count)
		return;
	lane->index = lanes->next++;
	lane->input = &lanes->inputs[lane->index];
	lane->taken = 0;
	lane->len = lane->input->head_len + lane->input->data_len;
	lane->last = false;
	for (int i = 0; i < 25; i++)
		lanes->state[i][at] = 0;
	lanes->busy++;
}

/* Copy up to a block's bytes of a message from where its lane is. */
static size_t
lane_copy(uint8_t *block, const Lane *lane)
{
	const KeccakInput *input = lane->input;
	size_t		from = lane->taken;
	size_t		got = 0;

	if (from < input->head_len)
	{
		got = input->head_len - from;
		if (got > KECCAK256_RATE)
			got = KECCAK256_RATE;
		memcpy(block, input->head + from, got);
		from += got;
	}
	if (from >= input->head_len && got < KECCAK256_RATE &&
		from < lane->len)
	{
		size_t		part = lane->len - from;

		if (part > KECCAK256_RATE - got)
			part = KECCAK256_RATE - got;
		memcpy(block + got, input->data + (from - input->head_len), part);
		got += part;
	}
	return got;
}

/* Put a lane's next block, the last one padded, beside the others'. */
static void
lanes_fill(Lanes *lanes, int at)
{
	Lane	   *lane = &lanes->lane[at];
	const KeccakInput *input = lane->input;
	uint8_t		padded[KECCAK256_RATE];
	const uint8_t *block = padded;

	if (lane->taken >= input->head_len &&
		lane->len - lane->taken >= KECCAK256_RATE)
	{
		block = input->data + (lane->taken - input->head_len);
		lane->taken += KECCAK256_RATE;
	}
	else
	{
		size_t		got = lane_copy(padded, lane);

		lane->taken += got;
		if (got < KECCAK256_RATE)
		{
			memset(padded + got, 0, KECCAK256_RATE - got);
			padded[got] = 0x01;
			padded[KECCAK256_RATE - 1] |= 0x80;
			lane->last = true;
		}
	}
	for (int i = 0; i < RATE_WORDS; i++)
		memcpy(&lanes->block[i][at], block + 8 * i, 8);
}

/* A lane's message has ended: its digest, and another message. */
static void
lanes_finish(Lanes *lanes, int at)
{
	uint8_t    *out = lanes->out + lanes->lane[at].index * KECCAK256_SIZE;

	for (int i = 0; i < KECCAK256_SIZE / 8; i++)
		memcpy(out + 8 * i, &lanes->state[i][at], 8);
	lanes->busy--;
	lanes_start(lanes, at);
}

/* Finish the only message that is left by plain code. */
static void
lanes_finish_alone(Lanes *lanes)
{
	Keccak256	hash;
	const KeccakInput *input;
	Lane	   *lane = lanes->lane;
	int			at = 0;
	size_t		skip;

	while (lanes->lane[at].input == NULL)
		at++;
	lane = &lanes->lane[at];
	input = lane->input;
	keccak256_init(&hash);
	for (int i = 0; i < 25; i++)
		hash.state[i] = lanes->state[i][at];
	if (lane->taken < input->head_len)
		keccak256_absorb(&hash, input->head + lane->taken,
						 input->head_len - lane->taken);
	skip = lane->taken > input->head_len ? lane->taken - input->head_len : 0;
	if (input->data_len > skip)
		keccak256_absorb(&hash, input->data + skip, input->data_len - skip);
	keccak256_final(lanes->out + lane->index * KECCAK256_SIZE, &hash);
}

void
LANES_FUNCTION(uint8_t *out, const KeccakInput *inputs, size_t count)
{
	Lanes		lanes;

	memset(&lanes, 0, sizeof(lanes));
	lanes.inputs = inputs;
	lanes.count = count;
	lanes.out = out;
	for (int i = 0; i < LANES; i++)
		lanes_start(&lanes, i);
	while (lanes.busy > 1)
	{
		for (int i = 0; i < LANES; i++)
		{
			if (lanes.lane[i].input != NULL)
				lanes_fill(&lanes, i);
		}
		lanes_permute(&lanes);
		for (int i = 0; i < LANES; i++)
		{
			if (lanes.lane[i].input != NULL && lanes.lane[i].last)
				lanes_finish(&lanes, i);
		}
	}
	if (lanes.busy == 1)
		lanes_finish_alone(&lanes);
}
