/*-------------------------------------------------------------------------
 *
 * test_keccak_many.c
 *	  Every way of hashing several messages that this processor has, against
 *	  hashing each alone: messages of random lengths in random numbers, and
 *	  all lengths around the block's.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "keccak_many.h"
#include "unit.h"

#define ROUNDS		3000
#define MOST		40
#define LONGEST		2000

static uint8_t bytes[LONGEST + MOST];
static uint64_t seed = 88172645463325252u;

static uint32_t
random_below(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t) (seed >> 33) % limit;
}

/* Any way must give what the plain hash of one message gives. */
static void
compare(KeccakMany way, const char *name, const KeccakInput *inputs,
		size_t count)
{
	uint8_t		out[MOST * KECCAK256_SIZE + 1];
	uint8_t		whole[2 * LONGEST];
	uint8_t		expected[KECCAK256_SIZE];

	out[count * KECCAK256_SIZE] = 0x5a;
	way(out, inputs, count);
	for (size_t i = 0; i < count; i++)
	{
		if (inputs[i].head_len > 0)
			memcpy(whole, inputs[i].head, inputs[i].head_len);
		if (inputs[i].data_len > 0)
			memcpy(whole + inputs[i].head_len, inputs[i].data,
				   inputs[i].data_len);
		keccak256(expected, whole, inputs[i].head_len + inputs[i].data_len);
		CHECK_SAY(memcmp(out + i * KECCAK256_SIZE, expected,
						 KECCAK256_SIZE) == 0, name);
	}
	CHECK_SAY(out[count * KECCAK256_SIZE] == 0x5a, name);
}

static void
make_input(KeccakInput *input, size_t head_len, size_t data_len, size_t at)
{
	input->head = head_len > 0 ? bytes + at : NULL;
	input->head_len = head_len;
	input->data = data_len > 0 ? bytes + at / 2 : NULL;
	input->data_len = data_len;
}

static void
test_way(KeccakMany way, const char *name)
{
	KeccakInput inputs[MOST];

	for (int round = 0; round < ROUNDS; round++)
	{
		uint32_t	count = random_below(MOST + 1);
		uint32_t	longest = 1 + random_below(LONGEST);

		for (uint32_t i = 0; i < count; i++)
			make_input(&inputs[i], random_below(4) == 0 ?
					   random_below(300) : random_below(20),
					   random_below(longest), i);
		compare(way, name, inputs, count);
	}

	/* every split around one and two blocks, beside a longer message */
	for (size_t len = 0; len <= 2 * KECCAK256_RATE + 2; len++)
	{
		for (size_t head = 0; head <= len; head += 1 + head / 3)
		{
			make_input(&inputs[0], head, len - head, 1);
			make_input(&inputs[1], 3, 700, 2);
			make_input(&inputs[2], len - head, head, 3);
			compare(way, name, inputs, 3);
		}
	}
}

int
main(void)
{
	KeccakMany	ways[KECCAK_WAYS_MAX];
	const char *names[KECCAK_WAYS_MAX];
	int			count = keccak256_ways(ways, names);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) random_below(256);
	for (int i = 0; i < count; i++)
	{
		printf("%s\n", names[i]);
		test_way(ways[i], names[i]);
	}
	test_way(keccak256_many, "keccak256_many");
	return unit_summary("test_keccak_many");
}
