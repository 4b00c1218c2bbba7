/*-------------------------------------------------------------------------
 *
 * test_block_json.c
 *	  The readers of blocks and receipts against json-c: on every recorded
 *	  block, on every block of the long runs, and on thousands of damaged
 *	  texts, where whatever we accept json-c must accept and read the same.
 *
 *-------------------------------------------------------------------------
 */
#include "block_json.h"

#include <glob.h>
#include <zlib.h>
#include <zstd.h>

#include "facts.h"
#include "unit.h"

#define MUTATIONS 24000

/* Fewer in the long runs: blocks of the same kind. */
#define RUN_STEP 4

typedef enum What
{
	BLOCK,
	HEADER,
	RECEIPTS
} What;

static const char *
corpus_dir(void)
{
	const char *dir = getenv("CHAINSYNC_CORPUS");

	return dir == NULL ? "../shared/corpus" : dir;
}

/* json-c's tree of a text, strictly; NULL when it is refused. */
static json_object *
strict_tree(const char *text, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(80);
	json_object *root;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						   JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text, (int) len);
	if (json_tokener_get_error(tokener) != json_tokener_success)
	{
		json_object_put(root);
		root = NULL;
	}
	json_tokener_free(tokener);
	return root;
}

/*
 * Read a text as one kind; true with the facts when it is accepted.  The
 * buffer has the text's exact size, so that the sanitizer sees an overrun.
 */
static bool
our_facts(What what, const char *text, size_t len, Facts *facts,
		  JsonError *error)
{
	char	   *buffer = malloc(len == 0 ? 1 : len);
	JsonScanner scanner;
	Arena		arena;
	EvmBlock	block;
	EvmReceipt *receipts;
	uint32_t	count;
	bool		is_null;
	bool		good;

	memcpy(buffer, text, len);
	json_init(&scanner, buffer, len);
	arena_init(&arena, 0);
	facts->len = 0;
	if (what == RECEIPTS)
		good = block_json_read_receipts(&scanner, &arena, &receipts, &count,
										&is_null);
	else if (what == BLOCK)
		good = block_json_read_block(&scanner, &arena, &block, &is_null);
	else
		good = block_json_read_header(&scanner, &arena, &block, &is_null);
	CHECK(good == (scanner.error.status == JSON_OK));
	good = good && json_at_end(&scanner);
	CHECK(scanner.pos >= scanner.begin && scanner.pos <= scanner.end);
	if (!good)
		CHECK(scanner.error.message[0] != '\0' &&
			  scanner.error.offset <= len);
	else if (!is_null && what == RECEIPTS)
		facts_receipts(facts, receipts, count);
	else if (!is_null)
		facts_block(facts, &block);
	else
		facts_print(facts, "null\n");

	/* memory in proportion to the text */
	CHECK(arena.used <= 64 * len + 4096);
	*error = scanner.error;
	arena_destroy(&arena);
	free(buffer);
	return good;
}

static void
tree_facts(What what, json_object *root, Facts *facts)
{
	facts->len = 0;
	if (root == NULL)
		facts_print(facts, "null\n");
	else if (what == RECEIPTS)
		tree_receipts(facts, root);
	else
	{
		if (what == HEADER)
		{
			json_object_object_del(root, "transactions");
			json_object_object_del(root, "withdrawals");
		}
		tree_block(facts, root);
	}
}

/* Where two texts begin to differ, for people. */
static void
print_difference(const Facts *ours, const Facts *theirs)
{
	size_t		i = 0;

	while (i < ours->len && i < theirs->len &&
		   ours->text[i] == theirs->text[i])
		i++;
	while (i > 0 && ours->text[i - 1] != '\n')
		i--;
	printf("\tours   %.100s\n\ttheirs %.100s\n", ours->text + i,
		   theirs->text + i);
}

/*
 * What we accept json-c must read the same.  Returns whether we accepted.
 */
static bool
compare(What what, const char *text, size_t len, const char *where,
		JsonError *error)
{
	static Facts ours;
	static Facts theirs;
	json_object *root;
	bool		same;

	if (!our_facts(what, text, len, &ours, error))
		return false;
	root = strict_tree(text, len);
	if (root == NULL && strcmp(ours.text, "null\n") != 0)
	{
		CHECK_SAY(false, "accepted what json-c refuses");
		printf("\t%s: %.200s\n", where, text);
		return true;
	}
	tree_facts(what, root, &theirs);
	json_object_put(root);
	same = ours.len == theirs.len && strcmp(ours.text, theirs.text) == 0;
	if (!CHECK_SAY(same, where))
		print_difference(&ours, &theirs);
	return true;
}

/* The recorded texts that are damaged later. */
typedef struct Sample
{
	What		what;
	char	   *text;
	size_t		len;
} Sample;

static Sample samples[2000];
static size_t sample_count = 0;

static void
keep_sample(What what, const char *text, size_t len)
{
	Sample	   *sample = &samples[sample_count];

	if (len > 12000 || sample_count == COUNT(samples))
		return;
	sample->what = what;
	sample->text = malloc(len);
	memcpy(sample->text, text, len);
	sample->len = len;
	sample_count++;
}

/*
 * The texts of "block" and "receipts" of a recorded line, cut out by json-c:
 * it writes the members in the order in which they came.
 */
static void
check_recorded(const char *line, size_t len, const char *where, bool keep)
{
	json_object *root = strict_tree(line, len);
	json_object *block = tree_member(root, "block");
	json_object *receipts = tree_member(root, "receipts");
	json_object *transactions = tree_member(block, "transactions");
	int			flags = JSON_C_TO_STRING_PLAIN |
	JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text;
	JsonError	error;
	bool		hashes_only;
	bool		good;

	if (!CHECK_SAY(root != NULL && block != NULL, where))
		return;
	text = json_object_to_json_string_ext(block, flags);
	hashes_only = json_object_array_length(transactions) > 0 &&
		json_object_is_type(json_object_array_get_idx(transactions, 0),
							json_type_string);
	good = compare(BLOCK, text, strlen(text), where, &error);
	if (hashes_only)
	{
		CHECK_SAY(!good && error.status == JSON_INVALID, where);
		CHECK_TEXT(error.message, "member \"transactions\": hashes only, "
				   "not whole transactions");
	}
	else if (strstr(where, "bittensor") != NULL)
	{
		/* its authorizations have members of another kind */
		CHECK(!good && error.status == JSON_MISSING);
		CHECK_TEXT(error.message, "required member \"chainId\" is missing, "
				   "in authorizationList[0], in transactions[0]");
	}
	else if (!CHECK_SAY(good, where))
		printf("\t%s\n", error.message);
	if (keep)
		keep_sample(BLOCK, text, strlen(text));
	good = compare(HEADER, text, strlen(text), where, &error);
	if (!CHECK_SAY(good, where))
		printf("\t%s\n", error.message);

	if (receipts != NULL)
	{
		text = json_object_to_json_string_ext(receipts, flags);
		good = compare(RECEIPTS, text, strlen(text), where, &error);
		if (!CHECK_SAY(good, where))
			printf("\t%s\n", error.message);
		if (keep)
			keep_sample(RECEIPTS, text, strlen(text));
	}
	json_object_put(root);
}

static void
test_blocks(void)
{
	char		pattern[1000];
	size_t		size = 64 * 1024 * 1024;
	char	   *text = malloc(size);
	glob_t		found;

	snprintf(pattern, sizeof(pattern), "%s/blocks/*/*.json.gz", corpus_dir());
	if (glob(pattern, 0, NULL, &found) != 0)
		found.gl_pathc = 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
	{
		const char *path = found.gl_pathv[i];
		gzFile		file = gzopen(path, "rb");
		int			len = gzread(file, text, (unsigned) size);

		gzclose(file);
		if (CHECK_SAY(len > 0, path))
			check_recorded(text, (size_t) len, path,
						   i % 8 == 0 || strstr(path, "hive") == NULL);
	}
	printf("%zu recorded blocks, ", found.gl_pathc);
	CHECK(found.gl_pathc > 600);
	globfree(&found);
	free(text);
}

static void
check_run(const char *path, size_t *count)
{
	FILE	   *file = fopen(path, "rb");
	size_t		packed_len;
	char	   *packed = malloc(32 * 1024 * 1024);
	ZSTD_DCtx  *context = ZSTD_createDCtx();
	ZSTD_inBuffer in = {packed, 0, 0};
	size_t		size = 256 * 1024 * 1024;
	ZSTD_outBuffer out = {malloc(size), size, 0};
	char	   *line = out.dst;
	size_t		lines = 0;
	size_t		rest = 1;

	packed_len = fread(packed, 1, 32 * 1024 * 1024, file);
	fclose(file);
	in.size = packed_len;
	while (in.pos < in.size && !ZSTD_isError(rest) && out.pos < out.size)
		rest = ZSTD_decompressStream(context, &out, &in);
	CHECK_SAY(rest == 0, path);
	while (line < (char *) out.dst + out.pos)
	{
		char	   *end = memchr(line, '\n', (size_t) ((char *) out.dst +
													   out.pos - line));

		if (end == NULL)
			break;
		if (lines++ % RUN_STEP == 0)
		{
			check_recorded(line, (size_t) (end - line), path, false);
			(*count)++;
		}
		line = end + 1;
	}
	ZSTD_freeDCtx(context);
	free(packed);
	free(out.dst);
}

static void
test_runs(void)
{
	char		pattern[1000];
	size_t		count = 0;
	glob_t		found;

	snprintf(pattern, sizeof(pattern), "%s/runs/*.zst", corpus_dir());
	if (glob(pattern, 0, NULL, &found) != 0)
		found.gl_pathc = 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_run(found.gl_pathv[i], &count);
	printf("%zu of the long runs, ", count);
	CHECK(count > 1000);
	globfree(&found);
}

/* Damage. */

static uint64_t random_state = 88172645463325252u;

static size_t
random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return limit == 0 ? 0 : (size_t) (random_state % limit);
}

/* Replace text[at, at + cut) by `insert`; returns the new length. */
static size_t
splice(char *text, size_t len, size_t at, size_t cut, const char *insert,
	   size_t insert_len)
{
	if (cut > len - at)
		cut = len - at;
	memmove(text + at + insert_len, text + at + cut, len - at - cut);
	memcpy(text + at, insert, insert_len);
	return len - cut + insert_len;
}

/* The place behind some comma or opening brace, and the member from there. */
static size_t
pick_member(const char *text, size_t len, size_t *member_len)
{
	size_t		at = random_below(len);
	size_t		end;

	while (at > 0 && !(text[at] == '"' &&
					   (text[at - 1] == ',' || text[at - 1] == '{')))
		at--;
	end = at;
	while (end < len && text[end] != ',' && text[end] != '}')
		end++;
	*member_len = end - at;
	return at;
}

static size_t
damage(char *text, size_t len)
{
	static const char *const pieces[] = {
		"\"", "\\", "\\u0061", "\\ud800", "\\ud83d\\ude00", "\xc3\xa9",
		"\xed\xa0\x80", "\xff", "null", "true", "1e5", "-", "{", "}", "[",
		"]", ",", ":", " ", "\n\t ", "0x", "0", "00", "f", "F", "g",
		"\"\"", "\"0x0\"", "\"0x\"", "\"a\":1,", "[[[[", "\"hash\":null,",
		"ffffffffffffffff", "{\"a\":[1,{\"b\":\"\\n\"}]}", "[]", "{}"
	};
	size_t		at = random_below(len);
	const char *piece = pieces[random_below(COUNT(pieces))];
	char		copy[20000];
	size_t		member_len;
	size_t		member;

	switch (random_below(10))
	{
		case 0:
			text[at] = (char) random_below(256);
			return len;
		case 1:
			text[at] ^= (char) (1 << random_below(8));
			return len;
		case 2:
			return at;
		case 3:
			return splice(text, len, at, 1 + random_below(4), "", 0);
		case 4:
			return splice(text, len, at, 0, piece, strlen(piece));
		case 5:
			return splice(text, len, at, 1 + random_below(6), piece,
						  strlen(piece));
		case 6:
			/* a member once more, at its own place or elsewhere */
			member = pick_member(text, len, &member_len);
			memcpy(copy, text + member, member_len);
			copy[member_len] = ',';
			if (random_below(2) == 0)
				member = pick_member(text, len, &at);
			return splice(text, len, member, 0, copy, member_len + 1);
		case 7:
			/* a member without its value, or with another */
			member = pick_member(text, len, &member_len);
			while (member < len && text[member] != ':')
				member++;
			at = member + 1 > len ? len : member + 1;
			member_len = 0;
			while (at + member_len < len && text[at + member_len] != ',' &&
				   text[at + member_len] != '}')
				member_len++;
			return splice(text, len, at, member_len, piece, strlen(piece));
		case 8:
			/* a member away */
			member = pick_member(text, len, &member_len);
			return splice(text, len, member, member_len + 1, "", 0);
		default:
			/* other letters */
			for (size_t i = at; i < len && i < at + 40; i++)
			{
				if (text[i] >= 'a' && text[i] <= 'f')
					text[i] = (char) (text[i] - 'a' + 'A');
			}
			return len;
	}
}

static void
test_damaged(void)
{
	size_t		accepted = 0;
	char	   *text = malloc(200000);

	for (int i = 0; i < MUTATIONS; i++)
	{
		const Sample *sample = &samples[random_below(sample_count)];
		size_t		len = sample->len;
		size_t		times = 1 + random_below(3);
		JsonError	error;

		memcpy(text, sample->text, len);
		while (times-- > 0 && len > 0)
			len = damage(text, len);
		text[len] = '\0';
		accepted += compare(sample->what, text, len, "damaged text", &error);
	}
	printf("%d damaged texts of which %zu were still good\n", MUTATIONS,
		   accepted);
	/* both kinds have to be there */
	CHECK(accepted > MUTATIONS / 50 && accepted < MUTATIONS / 2);
	free(text);
}

int
main(void)
{
	char		manifest[1000];
	FILE	   *file;

	snprintf(manifest, sizeof(manifest), "%s/manifest.jsonl", corpus_dir());
	file = fopen(manifest, "r");
	if (file == NULL)
	{
		printf("test_block_json: no recorded blocks at %s, skipped\n",
			   corpus_dir());
		return 0;
	}
	fclose(file);
	test_blocks();
	test_runs();
	test_damaged();
	for (size_t i = 0; i < sample_count; i++)
		free(samples[i].text);
	return unit_summary("test_block_json");
}
