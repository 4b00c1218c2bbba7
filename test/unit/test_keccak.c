/*-------------------------------------------------------------------------
 *
 * test_keccak.c
 *	  Keccak-256 against published vectors, in one piece and in many.
 *
 *-------------------------------------------------------------------------
 */
#include "corpus.h"
#include "keccak.h"

/* Known digests: yellow paper, appendix; the empty RLP string and list. */
static void
test_known(void)
{
	static const struct
	{
		const char *message;
		size_t		len;
		const char *digest;
	}			cases[] = {
		{"", 0,
		"c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
		{"\x80", 1,
		"56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"},
		{"\xc0", 1,
		"1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t		digest[32];
		char		hex[65] = {0};

		keccak256(digest, (const uint8_t *) cases[i].message, cases[i].len);
		hexbytes_encode(hex, digest, 32);
		CHECK_AT(strcmp(hex, cases[i].digest) == 0, "known digest",
				 cases[i].digest);
	}
}

/* Every cut of a message of every length gives the digest of the whole. */
static void
test_pieces(void)
{
	uint8_t		message[3 * KECCAK256_RATE + 5];
	uint8_t		whole[32];
	uint8_t		pieces[32];
	bool		same = true;
	bool		same_many = true;

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t) (i * 31 + 7);
	for (size_t len = 0; len <= sizeof(message); len++)
	{
		keccak256(whole, message, len);
		for (size_t cut = 0; cut <= len; cut += 1 + len / 40)
		{
			KeccakInput input = {message, cut, message + cut, len - cut};
			Keccak256	hash;
			size_t		third = cut / 3;

			keccak256_init(&hash);
			keccak256_absorb(&hash, message, third);
			keccak256_absorb(&hash, message + third, cut - third);
			keccak256_absorb(&hash, message + cut, len - cut);
			keccak256_final(pieces, &hash);
			same = same && memcmp(pieces, whole, 32) == 0;
			keccak256_many(pieces, &input, 1);
			same_many = same_many && memcmp(pieces, whole, 32) == 0;
		}
	}
	CHECK_AT(same, "absorbed in pieces", "incremental");
	CHECK_AT(same_many, "absorbed in pieces", "keccak256_many");
}

/* A batch's digests are those of its messages one by one. */
static void
test_many(void)
{
	uint8_t		message[40][300];
	uint8_t		digests[40][32];
	KeccakInput inputs[40];
	bool		same = true;

	for (int i = 0; i < 40; i++)
	{
		memset(message[i], i + 1, sizeof(message[i]));
		inputs[i].head = NULL;
		inputs[i].head_len = 0;
		inputs[i].data = message[i];
		inputs[i].data_len = (size_t) i * 7;
	}
	keccak256_many(digests[0], inputs, 40);
	for (int i = 0; i < 40; i++)
	{
		uint8_t		one[32];

		keccak256(one, message[i], (size_t) i * 7);
		same = same && memcmp(one, digests[i], 32) == 0;
	}
	CHECK_AT(same, "a batch", "keccak256_many");
}

static void
check_digest(EvmBytes message, EvmBytes digest, const char *where)
{
	uint8_t		computed[32];

	keccak256(computed, message.data, message.len);
	CHECK_AT(digest.len == 32 && memcmp(computed, digest.data, 32) == 0,
			 "vector", where);
}

/* The message is given, or is a number of bytes 0xa3. */
static void
vector_line(json_object *line)
{
	EvmBytes	message;
	Arena		arena;

	arena_init(&arena, 0);
	message = corpus_bytes(&arena, line, "message");
	if (message.data == NULL)
	{
		size_t		len = json_object_get_uint64(corpus_get(line, "len"));
		uint8_t    *repeated = corpus_alloc(&arena, len + 1, 1);

		memset(repeated, 0xa3, len);
		message.data = repeated;
		message.len = (uint32_t) len;
	}
	check_digest(message,
				 corpus_bytes(&arena, line, "keccak256"),
				 corpus_string(line, "len"));
	arena_destroy(&arena);
}

static void
test_ethers_vectors(void)
{
	json_object *cases = corpus_json("vectors/keccak/ethers-hashes.json.gz");
	Arena		arena;

	arena_init(&arena, 0);
	for (uint32_t i = 0; i < corpus_count(cases); i++)
	{
		json_object *one = json_object_array_get_idx(cases, i);

		check_digest(corpus_bytes(&arena, one, "data"),
					 corpus_bytes(&arena, one, "keccak256"),
					 corpus_string(one, "name"));
	}
	arena_destroy(&arena);
	json_object_put(cases);
}

int
main(void)
{
	test_known();
	test_pieces();
	test_many();
	if (!corpus_absent("test_keccak"))
	{
		corpus_lines("vectors/keccak/keccak256.jsonl", vector_line);
		test_ethers_vectors();
	}
	return unit_summary("test_keccak");
}
