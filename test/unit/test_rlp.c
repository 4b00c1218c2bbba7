/*-------------------------------------------------------------------------
 *
 * test_rlp.c
 *	  RLP against the vectors of ethereum/tests and ethers, and the writer's
 *	  and reader's bounds.
 *
 *-------------------------------------------------------------------------
 */
#include "corpus.h"
#include "rlp.h"

/*
 * Decimal digits to big-endian bytes without leading zeros; returns how many.
 */
static size_t
from_decimal(uint8_t *out40, const char *digits)
{
	uint64_t	words[5] = {0};
	size_t		len = 0;

	for (; *digits != '\0'; digits++)
	{
		uint64_t	carry = (uint64_t) (*digits - '0');

		for (int i = 0; i < 5; i++)
		{
			unsigned	__int128 wide =
			(unsigned __int128) words[i] * 10 + carry;

			words[i] = (uint64_t) wide;
			carry = (uint64_t) (wide >> 64);
		}
	}
	for (int i = 39; i >= 0; i--)
	{
		uint8_t		byte = (uint8_t) (words[i / 8] >> (8 * (i % 8)));

		if (len > 0 || byte != 0)
			out40[len++] = byte;
	}
	return len;
}

/* Write a vector's input: strings, integers ("#123": a big one), arrays. */
static void
put_value(Arena *arena, RlpWriter *writer, json_object *value, bool is_hex)
{
	size_t		mark = rlp_mark(writer);

	if (json_object_is_type(value, json_type_array))
	{
		for (size_t i = json_object_array_length(value); i-- > 0;)
			put_value(arena, writer, json_object_array_get_idx(value, i),
					  is_hex);
		rlp_list(writer, mark);
	}
	else if (json_object_is_type(value, json_type_int))
		rlp_u64(writer, json_object_get_uint64(value));
	else if (is_hex)
	{
		EvmBytes	bytes = corpus_unhex(arena, json_object_get_string(value));

		rlp_bytes(writer, bytes.data, bytes.len);
	}
	else if (json_object_get_string(value)[0] == '#')
	{
		uint8_t		bytes[40];
		size_t		len = from_decimal(bytes,
									   json_object_get_string(value) + 1);
		Uint256		big;

		/* one vector is 2^256, which has no Uint256 */
		if (uint256_from_be(&big, bytes, len))
			rlp_uint256(writer, &big);
		else
			rlp_bytes(writer, bytes, len);
	}
	else
		rlp_bytes(writer, (const uint8_t *) json_object_get_string(value),
				  (size_t) json_object_get_string_len(value));
}

/* Read the encoding back and compare it with the vector's input. */
static bool
same_value(Arena *arena, RlpReader *reader, json_object *value, bool is_hex)
{
	const char *text = json_object_get_string(value);
	EvmBytes	bytes;

	if (json_object_is_type(value, json_type_array))
	{
		RlpReader	inner;

		if (!rlp_next_list(&inner, reader))
			return false;
		for (size_t i = 0; i < json_object_array_length(value); i++)
		{
			if (!same_value(arena, &inner,
							json_object_array_get_idx(value, i), is_hex))
				return false;
		}
		return rlp_at_end(&inner);
	}
	if (json_object_is_type(value, json_type_int))
	{
		uint64_t	number;

		return rlp_next_u64(&number, reader) &&
			number == json_object_get_uint64(value);
	}
	if (!is_hex && text[0] == '#')
	{
		uint8_t		digits[40];
		size_t		len = from_decimal(digits, text + 1);
		Uint256		wanted;
		Uint256		number;

		if (uint256_from_be(&wanted, digits, len))
			return rlp_next_uint256(&number, reader) &&
				memcmp(&wanted, &number, sizeof(number)) == 0;
		return !rlp_next_uint256(&number, reader) &&
			rlp_next_bytes(&bytes, reader) && bytes.len == len &&
			memcmp(bytes.data, digits, len) == 0;
	}
	if (!rlp_next_bytes(&bytes, reader))
		return false;
	if (is_hex)
	{
		EvmBytes	wanted = corpus_unhex(arena, text);

		return bytes.len == wanted.len &&
			memcmp(bytes.data, wanted.data, wanted.len) == 0;
	}
	return bytes.len == (size_t) json_object_get_string_len(value) &&
		memcmp(bytes.data, text, bytes.len) == 0;
}

static void
check_valid(const char *name, json_object *value, const char *encoded,
			bool is_hex)
{
	Arena		arena;
	RlpWriter	writer;
	RlpReader	reader;
	EvmBytes	wanted;
	EvmBytes	item;

	arena_init(&arena, 0);
	wanted = corpus_unhex(&arena, encoded);
	rlp_writer_init(&writer, &arena);
	put_value(&arena, &writer, value, is_hex);
	CHECK_AT(rlp_finish(&item, &writer) && item.len == wanted.len &&
			 memcmp(item.data, wanted.data, item.len) == 0, "encode",
			 name);

	CHECK_AT(rlp_valid(wanted.data, wanted.len), "valid", name);
	rlp_reader_init(&reader, wanted.data, wanted.len);
	CHECK_AT(same_value(&arena, &reader, value, is_hex) &&
			 rlp_at_end(&reader), "decode", name);
	arena_destroy(&arena);
}

static void
test_official(void)
{
	json_object *tests = corpus_json("vectors/rlp/rlptest.json");

	json_object_object_foreach(tests, name, test)
		check_valid(name, corpus_get(test, "in"), corpus_string(test, "out"),
					false);
	json_object_put(tests);
}

static void
test_ethers(void)
{
	json_object *tests = corpus_json("vectors/rlp/ethers-rlp.json.gz");

	for (uint32_t i = 0; i < corpus_count(tests); i++)
	{
		json_object *test = json_object_array_get_idx(tests, i);

		check_valid(corpus_string(test, "name"), corpus_get(test, "decoded"),
					corpus_string(test, "encoded"), true);
	}
	json_object_put(tests);
}

/* Exact copies on the heap, so that ASan sees a read past the end. */
static bool
valid_on_heap(const uint8_t *data, size_t len)
{
	uint8_t    *copy = malloc(len > 0 ? len : 1);
	bool		valid;

	if (len > 0)
		memcpy(copy, data, len);
	valid = rlp_valid(copy, len);
	free(copy);
	return valid;
}

static void
test_invalid(void)
{
	json_object *tests = corpus_json("vectors/rlp/invalidRLPTest.json");

	json_object_object_foreach(tests, name, test)
	{
		Arena		arena;
		EvmBytes	bytes;

		arena_init(&arena, 0);
		bytes = corpus_bytes(&arena, test, "out");
		CHECK_AT(!valid_on_heap(bytes.data, bytes.len), "invalid", name);
		arena_destroy(&arena);
	}
	json_object_put(tests);
}

/* Every truncation of a valid list is refused, and so is anything behind. */
static void
test_truncations(void)
{
	uint8_t		buffer[400];
	RlpWriter	writer;
	EvmBytes	item;
	uint8_t		longer[401];

	rlp_writer_init_fixed(&writer, buffer, sizeof(buffer));
	rlp_u64(&writer, UINT64_C(0x0102030405060708));
	rlp_bytes(&writer, (const uint8_t *) "\x7f", 1);
	rlp_bytes(&writer, (const uint8_t *) "\x80", 1);
	rlp_bytes(&writer, buffer, 100);
	rlp_list(&writer, 0);
	rlp_list(&writer, 0);
	CHECK_AT(rlp_finish(&item, &writer), "fixed buffer", "finish");
	CHECK_AT(valid_on_heap(item.data, item.len), "whole", "valid");
	for (uint32_t len = 0; len < item.len; len++)
		CHECK_AT(!valid_on_heap(item.data, len), "truncated", "refused");
	memcpy(longer, item.data, item.len);
	longer[item.len] = 0;
	CHECK_AT(!valid_on_heap(longer, item.len + 1), "trailing byte",
			 "refused");
}

/* All strings of one and two bytes are judged as the rules say. */
static void
test_exhaustive(void)
{
	for (unsigned a = 0; a < 256; a++)
	{
		uint8_t		bytes[2] = {(uint8_t) a, 0};
		bool		one = a <= 0x80 || a == 0xc0;

		CHECK_AT(valid_on_heap(bytes, 1) == one, "one byte", "judged");
		for (unsigned b = 0; b < 256; b++)
		{
			bool		two = (a == 0x81 && b >= 0x80) ||
			(a == 0xc1 && (b <= 0x80 || b == 0xc0));

			bytes[1] = (uint8_t) b;
			CHECK_AT(valid_on_heap(bytes, 2) == two, "two bytes",
					 "judged");
		}
	}
}

static void
test_reader_kinds(void)
{
	static const uint8_t leading_zero[] = {0x82, 0x00, 0x01};
	static const uint8_t zero_byte[] = {0x00};
	static const uint8_t nine[] = {0x89, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	static const uint8_t list[] = {0xc1, 0x01};
	RlpReader	reader;
	RlpReader	inner;
	uint64_t	number;
	const uint8_t *fixed;
	EvmBytes	bytes;

	rlp_reader_init(&reader, leading_zero, sizeof(leading_zero));
	CHECK_AT(!rlp_next_u64(&number, &reader), "leading zero", "refused");
	CHECK_AT(rlp_next_fixed(&fixed, &reader, 2), "unmoved", "fixed");
	rlp_reader_init(&reader, zero_byte, sizeof(zero_byte));
	CHECK_AT(!rlp_next_u64(&number, &reader), "byte 0", "refused");
	rlp_reader_init(&reader, nine, sizeof(nine));
	CHECK_AT(!rlp_next_u64(&number, &reader), "9 bytes", "refused");
	CHECK_AT(!rlp_next_list(&inner, &reader), "string", "no list");
	CHECK_AT(!rlp_next_fixed(&fixed, &reader, 8), "9 bytes", "not 8");
	rlp_reader_init(&reader, list, sizeof(list));
	CHECK_AT(!rlp_next_bytes(&bytes, &reader), "list", "no string");
	CHECK_AT(rlp_next_list(&inner, &reader) && rlp_at_end(&reader) &&
			 rlp_next_u64(&number, &inner) && number == 1, "list",
			 "entered");
}

/* A buffer that is one byte too small fails; so do the calls after that. */
static void
test_full(void)
{
	uint8_t		buffer[12];
	RlpWriter	writer;
	EvmBytes	item;

	rlp_writer_init_fixed(&writer, buffer, 11);
	rlp_bytes(&writer, (const uint8_t *) "0123456789", 10);
	CHECK_AT(rlp_finish(&item, &writer) && item.len == 11, "fits", "11");

	rlp_writer_init_fixed(&writer, buffer, 10);
	rlp_bytes(&writer, (const uint8_t *) "0123456789", 10);
	rlp_u64(&writer, 1);
	rlp_list(&writer, 0);
	CHECK_AT(!rlp_finish(&item, &writer) && item.data == NULL, "full",
			 "10");
	rlp_u64(&writer, 5);
	CHECK_AT(rlp_finish(&item, &writer) && item.len == 1 &&
			 item.data[0] == 5, "usable again", "after a failure");
}

/* Finished items stay where they are while the writer grows. */
static void
test_growth(void)
{
	uint8_t		pattern[5000];
	EvmBytes	items[64];
	RlpWriter	writer;
	Arena		arena;
	bool		intact = true;

	arena_init(&arena, 0);
	rlp_writer_init(&writer, &arena);
	for (int i = 0; i < 64; i++)
	{
		memset(pattern, i, sizeof(pattern));
		rlp_raw(&writer, pattern, (size_t) i * 77);
		rlp_raw_byte(&writer, (uint8_t) i);
		intact = intact && rlp_finish(&items[i], &writer);
	}
	for (int i = 0; i < 64; i++)
	{
		intact = intact && items[i].len == 1 + (uint32_t) i * 77;
		for (uint32_t j = 0; intact && j < items[i].len; j++)
			intact = items[i].data[j] == i;
	}
	CHECK_AT(intact, "items", "intact while growing");

	arena_destroy(&arena);
	arena_init(&arena, 20000);
	rlp_writer_init(&writer, &arena);
	for (int i = 0; i < 20; i++)
		rlp_raw(&writer, pattern, sizeof(pattern));
	CHECK_AT(!rlp_finish(&items[0], &writer), "memory limit", "reported");
	arena_destroy(&arena);
}

/* A deep nest is refused without recursion. */
static void
test_depth(void)
{
	uint8_t		nest[4 * (RLP_DEPTH_MAX + 8)];
	RlpWriter	writer;
	EvmBytes	item;

	for (int depth = RLP_DEPTH_MAX - 1; depth <= RLP_DEPTH_MAX + 1; depth++)
	{
		rlp_writer_init_fixed(&writer, nest, sizeof(nest));
		rlp_u64(&writer, 1);
		for (int i = 0; i < depth; i++)
			rlp_list(&writer, 0);
		CHECK_AT(rlp_finish(&item, &writer) &&
				 rlp_valid(item.data, item.len) ==
				 (depth <= RLP_DEPTH_MAX), "nest", "of limited depth");
	}
}

static void
test_index_keys(void)
{
	static const uint64_t indexes[] = {0, 1, 127, 128, 255, 256, 65535,
	65536, UINT64_MAX};
	uint8_t		key[9];
	uint8_t		buffer[16];

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
	{
		RlpWriter	writer;
		EvmBytes	item;

		rlp_writer_init_fixed(&writer, buffer, sizeof(buffer));
		rlp_u64(&writer, indexes[i]);
		CHECK_AT(rlp_finish(&item, &writer) &&
				 rlp_index_key(key, indexes[i]) == item.len &&
				 memcmp(key, item.data, item.len) == 0, "index key",
				 "as rlp_u64");
	}
}

int
main(void)
{
	test_truncations();
	test_exhaustive();
	test_reader_kinds();
	test_full();
	test_growth();
	test_depth();
	test_index_keys();
	if (!corpus_absent("test_rlp"))
	{
		test_official();
		test_ethers();
		test_invalid();
	}
	return unit_summary("test_rlp");
}
