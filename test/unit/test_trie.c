/*-------------------------------------------------------------------------
 *
 * test_trie.c
 *	  Trie roots against the vectors of ethereum/tests, and roots of ordered
 *	  tries of many sizes computed by another implementation.
 *
 *-------------------------------------------------------------------------
 */
#include "corpus.h"
#include "keccak.h"
#include "rlp.h"
#include "trie.h"

/*
 * Roots of tries with the keys rlp(0) ... rlp(n - 1), made with
 * @ethereumjs/mpt 10.  In the first the value of i is its decimal digits
 * (leaves shorter than a hash, which stand in their parents); in the second it
 * is 40 + i % 100 bytes, the j-th being 7 * i + j.
 */
static const struct
{
	uint32_t	count;
	const char *short_root;
	const char *long_root;
}			ordered_roots[] = {

	{1, "5f0acf6a67ec9e414810ce05587222cc1b04ef35e10fdc0bd91b2a1f90369b1b",
	"0d7fa730a10dcba56926aa94ca14287c91de2cfb4415a3f2d935d1c7fa8cb481"},
	{2, "cf653b61ce62727adcc21d5008ec619edfa0ab2ada2c85b02ab8c3b8f3258c6f",
	"8fde52f1b743b1e419fbe49f164cac5c8b74f95d1c918072d0f6c47c29f2d356"},
	{3, "a442e6fa7c48729d931f3437942ea341cdd0a5f25664e4bc21fd9808fd685ac5",
	"3240625a0b006e6d1ee812db3d71dc38aabd45104b48cf8c8d1f8c0fa1adf6dd"},
	{16, "40ed0f7c59f0559de517ce95ea8937a7f675ae5b2e4d199b6555601586cdb485",
	"550092db98039bbe2e98e515383e89bfb7a93baa25586898d09d4ea953089225"},
	{17, "a6a48e4e57c7d94a1da5a955c4de3edc21d656368acdb385f793e795fa0d8af5",
	"19847226a4d704be97c15b48cd4d26168742741f378e9c3488a03d6380b343a7"},
	{127, "5cea108c309075235f55d454bdb15b1608ee9c8cf8ec5adf39713e39900cb079",
	"06702c686a4c3c77b4bee9905f81f383642c7facd8c8328d1cfab28386933297"},
	{128, "a943b34d2fdc871ddcdac9fcc49120c90f3dccc3e78d9a47a7f54dc9324fb814",
	"5b4103bca717aa9ea525a1530ad6fc793e349d71bebb5fa04ee2ae28ebb5a71f"},
	{129, "12e293ec0cb6f1043b82b25565acddf78a096be305c210712d0f436905701f0d",
	"cb909cc86aa6e6a4c6e668cdba42f3bd92ed19ec8c5a8c2fc6545f9972f38176"},
	{130, "199201089b7dee442f931a66789991d219cdba73ae4a18d31b4732242c83758e",
	"5e48e39559a8ec1cb566bbf52db04962f12958618eeca9c77c3c34ffaaa5ee97"},
	{255, "6d9d2dc6870f35da5cf53e072d4cb467724dc964954da4d8fbcde18f64ddf6a4",
	"55e401871c1b956d70e5b4a703c701ab88e03ac8865bbb9c437a655800a1ea0c"},
	{256, "e4bcb03390e3167ccf79e8dbeaf5450a4645ecafae87f49d756d839f8dda319c",
	"36c124a25f3fedfcff63f474cedf4cc03ca135a6033e94db395e92a73d0f378b"},
	{257, "da5a8cb14cc29c9d9b7cd920035646adae644a1d538aacfa72ddf1ad818e0cbc",
	"c4cd08cbe47ee8ef73bd493cd3618c2a9615355368b08c200b71fede94c4eeec"},
	{258, "62b414f1f7d79cf018173bd27f9ec17699c50c5b90559cb62d4f2b53a76f7788",
	"c4723d06559569b8b485ad98caf7e89c4acb90ffdf2255ea6daa34fc25350c34"},
	{1000, "7c9bc85a827410bdbf1438a803d05fa895c82220cec2c65ce6c578e8d8a72ce2",
	"9c30ac8c0782faacad78a98d18139ea98a68752cfbcf70a957f6045acf06d269"},
	{4096, "5add8e085a442319c245374a50d15f1e3fe53775bd123a324c46361fd594da02",
	"b4ef107ead03c55f4b3c8143b0ea14b29c199931465c152b9261caba93d4fd82"},
	{65535, "66339e421a49339adc555b75f23bc2d412818d53aa1562ce02e298b2669fc6b3",
	"b774fa0e0b2f83e7ba30c62386bc15c1399ca5f2e6ca0af94892f4f952f2ad8e"},
	{65536, "9b62e376ba64a21a900b5f65b7fe74f15f22dd7cdc550eedf6330a14c1a6959b",
	"93801972c1dd57bd035ec1b5a9ddc272d2f9e4c0fd3562ebfaa74701e55b51db"},
	{65537, "d55ebd922b5cc1847373fab917740fdff4facfcba470a10742bc3d77777d2c3f",
	"2da084e610a5008a550c528f6a07ba301e7c8e484e05fc365100ff7c15c757f4"},
	{100000,
		"c1189c411ed20b55273331628ddc7b6f1f142d86f494360ae6fa292adad56827",
	"0c9546eda114bbf5d0ce2200d85c4f06993307ca05894143616024c96ae22138"},
};

#define ROOTS	(sizeof(ordered_roots) / sizeof(ordered_roots[0]))

static bool
is_root(const uint8_t *root, const char *wanted)
{
	char		hex[65] = {0};

	hexbytes_encode(hex, root, 32);
	return strcmp(hex, wanted) == 0;
}

static EvmBytes
short_value(Arena *arena, uint32_t index)
{
	char	   *text = corpus_alloc(arena, 12, 1);
	EvmBytes	value = {(uint8_t *) text, 0};

	value.len = (uint32_t) snprintf(text, 12, "%u", index);
	return value;
}

static EvmBytes
long_value(Arena *arena, uint32_t index)
{
	uint32_t	len = 40 + index % 100;
	uint8_t    *bytes = corpus_alloc(arena, len, 1);
	EvmBytes	value = {bytes, len};

	for (uint32_t j = 0; j < len; j++)
		bytes[j] = (uint8_t) (index * 7 + j);
	return value;
}

static int
compare_items(const void *a, const void *b)
{
	const TrieItem *first = a;
	const TrieItem *second = b;
	uint32_t	shorter = first->key.len < second->key.len ? first->key.len
	: second->key.len;
	int			order = memcmp(first->key.data, second->key.data, shorter);

	if (order != 0)
		return order;
	return first->key.len < second->key.len ? -1
		: first->key.len > second->key.len;
}

/* The same root from the general function, which is given the keys. */
static bool
same_by_keys(Arena *arena, const EvmBytes *values, uint32_t count,
			 const uint8_t *root)
{
	TrieItem   *items = corpus_alloc(arena, count, sizeof(TrieItem));
	uint8_t		general[32];

	for (uint32_t i = 0; i < count; i++)
	{
		uint8_t    *key = corpus_alloc(arena, 9, 1);

		items[i].key.data = key;
		items[i].key.len = (uint32_t) rlp_index_key(key, i);
		items[i].value = values[i];
	}
	qsort(items, count, sizeof(TrieItem), compare_items);
	return trie_root(general, arena, items, count) &&
		memcmp(general, root, 32) == 0;
}

static void
test_ordered(void)
{
	Arena		arena;

	arena_init(&arena, 0);
	for (size_t i = 0; i < ROOTS; i++)
	{
		uint32_t	count = ordered_roots[i].count;
		EvmBytes   *values = corpus_alloc(&arena, count, sizeof(EvmBytes));
		uint8_t		root[32];
		char		where[16];

		snprintf(where, sizeof(where), "%u", count);
		for (uint32_t j = 0; j < count; j++)
			values[j] = short_value(&arena, j);
		CHECK_AT(trie_ordered_root(root, values, count) &&
				 is_root(root, ordered_roots[i].short_root),
				 "short values", where);
		CHECK_AT(same_by_keys(&arena, values, count, root),
				 "short values by key", where);

		for (uint32_t j = 0; j < count; j++)
			values[j] = long_value(&arena, j);
		CHECK_AT(trie_ordered_root(root, values, count) &&
				 is_root(root, ordered_roots[i].long_root),
				 "long values", where);
		CHECK_AT(same_by_keys(&arena, values, count, root),
				 "long values by key", where);
		arena_reset(&arena);
	}
	arena_destroy(&arena);
}

/* Both functions agree for every size up to 700, with values of any length. */
static void
test_agreement(void)
{
	EvmBytes	values[700];
	uint8_t		roots[701][32];
	bool		distinct = true;
	Arena		arena;

	arena_init(&arena, 0);
	for (uint32_t i = 0; i < 700; i++)
	{
		values[i] = i % 3 == 0 ? long_value(&arena, i)
			: short_value(&arena, i);
		if (i % 5 == 0 && i > 0)
			values[i].len = 1;
	}
	for (uint32_t count = 0; count <= 700; count++)
	{
		Arena		scratch;

		arena_init(&scratch, 0);
		CHECK_AT(trie_ordered_root(roots[count], values, count) &&
				 same_by_keys(&scratch, values, count, roots[count]),
				 "both functions", "agree");
		arena_destroy(&scratch);
		distinct = distinct && (count == 0 ||
								memcmp(roots[count], roots[count - 1],
									   32) != 0);
	}
	CHECK_AT(distinct, "every size", "has its own root");
	CHECK_AT(memcmp(roots[0], trie_empty_root, 32) == 0, "no items",
			 "empty root");
	arena_destroy(&arena);
}

static void
test_refusals(void)
{
	static const uint8_t bytes[TRIE_KEY_MAX + 1] = {1};
	EvmBytes	values[2] = {{bytes, 1}, {bytes, 0}};
	TrieItem	items[2] = {{{bytes, 1}, {bytes, 1}},
	{{bytes, 1}, {bytes, 1}}};
	uint8_t		root[32];
	Arena		arena;

	arena_init(&arena, 0);
	CHECK_AT(!trie_ordered_root(root, values, 2), "empty value",
			 "refused");
	CHECK_AT(!trie_root(root, &arena, items, 2), "equal keys",
			 "refused");
	items[1].key.len = 0;
	CHECK_AT(!trie_root(root, &arena, items, 2), "falling keys",
			 "refused");
	items[1].key.len = TRIE_KEY_MAX;
	CHECK_AT(trie_root(root, &arena, items, 2), "longest key", "taken");
	items[1].key.len = TRIE_KEY_MAX + 1;
	CHECK_AT(!trie_root(root, &arena, items, 2), "too long a key",
			 "refused");
	arena_destroy(&arena);
}

/* A vector's text: hex when it begins with 0x. */
static EvmBytes
text_bytes(Arena *arena, const char *text)
{
	EvmBytes	bytes = {(const uint8_t *) text, (uint32_t) strlen(text)};

	return strncmp(text, "0x", 2) == 0 ? corpus_unhex(arena, text) : bytes;
}

typedef struct Contents
{
	TrieItem	items[64];
	uint32_t	count;
	bool		hash_keys;		/* a "secure" trie */
} Contents;

/* Put a key, replace its value, or, with value NULL, delete it. */
static void
change(Arena *arena, Contents *contents, const char *key, const char *value)
{
	EvmBytes	bytes = text_bytes(arena, key);
	TrieItem	item = {bytes, {NULL, 0}};
	uint32_t	i = 0;

	if (contents->hash_keys)
	{
		uint8_t    *hash = corpus_alloc(arena, 32, 1);

		keccak256(hash, bytes.data, bytes.len);
		item.key.data = hash;
		item.key.len = 32;
	}
	while (i < contents->count &&
		   compare_items(&contents->items[i], &item) != 0)
		i++;
	if (value == NULL)
	{
		if (i < contents->count)
			contents->items[i] = contents->items[--contents->count];
		return;
	}
	item.value = text_bytes(arena, value);
	if (i == 64)
		corpus_die("too many items", key);
	contents->items[i] = item;
	if (i == contents->count)
		contents->count++;
}

static void
check_vector(const char *name, json_object *test, bool hash_keys)
{
	json_object *in = corpus_get(test, "in");
	Contents	contents = {.hash_keys = hash_keys};
	uint8_t		root[32];
	Arena		arena;

	arena_init(&arena, 0);
	if (json_object_is_type(in, json_type_array))
	{
		for (uint32_t i = 0; i < corpus_count(in); i++)
		{
			json_object *pair = json_object_array_get_idx(in, i);
			json_object *value = json_object_array_get_idx(pair, 1);

			change(&arena, &contents,
				   json_object_get_string(json_object_array_get_idx(pair, 0)),
				   value ? json_object_get_string(value) : NULL);
		}
	}
	else
	{
		json_object_object_foreach(in, key, value)
			change(&arena, &contents, key, json_object_get_string(value));
	}
	qsort(contents.items, contents.count, sizeof(TrieItem), compare_items);
	CHECK_AT(trie_root(root, &arena, contents.items, contents.count) &&
			 is_root(root, corpus_string(test, "root") + 2), "vector",
			 name);
	arena_destroy(&arena);
}

static void
test_vectors(void)
{
	static const struct
	{
		const char *file;
		bool		hash_keys;
	}			files[] = {
		{"vectors/trie/trietest.json", false},
		{"vectors/trie/trieanyorder.json", false},
		{"vectors/trie/trietest_secureTrie.json", true},
		{"vectors/trie/trieanyorder_secureTrie.json", true},
		{"vectors/trie/hex_encoded_securetrie_test.json", true},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		json_object *tests = corpus_json(files[i].file);

		json_object_object_foreach(tests, name, test)
			check_vector(name, test, files[i].hash_keys);
		json_object_put(tests);
	}
}

int
main(void)
{
	test_ordered();
	test_agreement();
	test_refusals();
	if (!corpus_absent("test_trie"))
		test_vectors();
	return unit_summary("test_trie");
}
