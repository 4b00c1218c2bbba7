/*-------------------------------------------------------------------------
 *
 * test_verify.c
 *	  Every recorded block passes the checks that the rules of its chain do
 *	  not skip, and the long runs of mainnet and Sepolia do.
 *
 *-------------------------------------------------------------------------
 */
#include <zstd.h>

#include "verify_corpus.h"

/* One in so many blocks of the long runs, which are of the same kind. */
#define RUN_STEP	3

static VerifyContext *context;
static unsigned long blocks_seen;
static unsigned long checks_passed[VERIFY_CHECK_COUNT];
static unsigned long checks_skipped[VERIFY_CHECK_COUNT];
static uint32_t useless[sizeof(corpus_quirks) / sizeof(corpus_quirks[0])];

static void
count_checks(const VerifyResult *result)
{
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
	{
		checks_passed[i] += result->passed >> i & 1;
		checks_skipped[i] += result->skipped >> i & 1;
	}
}

/* Which checks a chain's quirks need: those that fail without them. */
static void
note_needed(const char *chain, const VerifyRules *rules,
			const EvmBlock *block, bool has_receipts)
{
	VerifyRules strict = *rules;
	VerifySkip	no_receipts = {
		VERIFY_RECEIPT_CHECKS | VERIFY_POSITIONS, 0, UINT64_MAX, false, 0
	};
	VerifyResult result;

	strict.skips = &no_receipts;
	strict.skip_count = has_receipts ? 0 : 1;
	verify_block(&result, context, &strict, block, block->number, NULL);
	for (size_t i = 0; i < sizeof(corpus_quirks) / sizeof(corpus_quirks[0]);
		 i++)
	{
		if (strcmp(corpus_quirks[i].chain, chain) == 0)
			useless[i] &= ~(result.failed | result.lacking);
	}
}

static void
check_entry(json_object *entry)
{
	const char *file = corpus_string(entry, "file");
	const char *chain = corpus_string(entry, "chain");
	uint64_t	number = (uint64_t)
	json_object_get_int64(corpus_get(entry, "number"));
	VerifyCorpusBlock recorded;
	VerifyRules rules;
	VerifySkip	skip;
	VerifyResult result;
	uint64_t	chain_id = (uint64_t)
	json_object_get_int64(corpus_get(entry, "chain_id"));

	/* the one that has only its transactions' hashes is no block to us */
	if (strcmp(corpus_string(entry, "class"), "partial") == 0)
		return;
	if (!verify_corpus_parse(&recorded, corpus_read(file)))
	{
		/* its authorization has no chainId, which EIP-7702 requires */
		CHECK_AT(strcmp(chain, "bittensor-testnet") == 0,
				 recorded.error.message, file);
		verify_corpus_free(&recorded);
		return;
	}
	verify_normalise(&recorded.block);
	verify_corpus_rules(&rules, &skip, chain, chain_id,
						recorded.has_receipts);
	verify_block(&result, context, &rules, &recorded.block, number, NULL);
	if (!CHECK_SAY(result.status == VERIFY_PASSED, file))
		verify_corpus_print(&result);
	CHECK((result.passed | result.skipped) == VERIFY_ALL_CHECKS);
	note_needed(chain, &rules, &recorded.block, recorded.has_receipts);
	count_checks(&result);
	blocks_seen++;

	/* links: the header alone */
	rules.level = VERIFY_LEVEL_LINKS;
	verify_block(&result, context, &rules, &recorded.block, number, NULL);
	CHECK_SAY(result.status == VERIFY_PASSED, file);
	CHECK((result.passed | result.skipped) == VERIFY_HEADER_HASH);
	verify_corpus_free(&recorded);
}

/* A whole file of the runs, NUL-terminated; the caller frees it. */
static char *
unpack(const char *name)
{
	char		path[1024];
	FILE	   *file;
	size_t		size = 64 * 1024 * 1024;
	char	   *packed = malloc(4 * 1024 * 1024);
	ZSTD_DCtx  *decoder = ZSTD_createDCtx();
	ZSTD_inBuffer in = {packed, 0, 0};
	ZSTD_outBuffer out = {malloc(size), size - 1, 0};

	snprintf(path, sizeof(path), "%s/runs/%s", corpus_dir(), name);
	file = fopen(path, "rb");
	if (file == NULL)
		corpus_die("cannot read", path);
	in.size = fread(packed, 1, 4 * 1024 * 1024, file);
	fclose(file);
	while (in.pos < in.size)
	{
		if (ZSTD_isError(ZSTD_decompressStream(decoder, &out, &in)) ||
			out.pos == out.size)
			corpus_die("cannot unpack", path);
	}
	((char *) out.dst)[out.pos] = '\0';
	ZSTD_freeDCtx(decoder);
	free(packed);
	return out.dst;
}

/* Blocks of a long run, whose numbers go up by one from `first`. */
static void
check_run(const char *name, uint64_t chain_id, uint64_t first)
{
	char	   *text = unpack(name);
	char	   *line = text;
	uint64_t	number = first;
	uint32_t	may_skip = VERIFY_UNCLES | VERIFY_SIZE;

	for (; *line != '\0'; number++)
	{
		char	   *end = strchr(line, '\n');
		VerifyCorpusBlock recorded;
		VerifyRules rules;
		VerifyResult result;

		*end = '\0';
		if ((number - first) % RUN_STEP == 0 &&
			CHECK_SAY(verify_corpus_parse(&recorded, strdup(line)), name))
		{
			verify_rules_init(&rules, chain_id);
			verify_normalise(&recorded.block);
			if (!CHECK_SAY(verify_block(&result, context, &rules,
										&recorded.block, number, NULL) ==
						   VERIFY_PASSED, name))
				verify_corpus_print(&result);
			CHECK_SAY((result.skipped & ~may_skip) == 0, name);
			CHECK_SAY(result.skipped == 0 || recorded.block.uncle_count > 0,
					  name);
			verify_corpus_free(&recorded);
		}
		line = end + 1;
	}
	CHECK_SAY(number - first == 8192, name);
	free(text);
}

int
main(void)
{
	if (corpus_absent("test_verify"))
		return 0;
	context = malloc(sizeof(*context));
	verify_context_init(context, secp256k1_context_static, 0);
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
		useless[i] = corpus_quirks[i].checks;
	corpus_lines("manifest.jsonl", check_entry);
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
		printf("%-20s %4lu passed, %4lu skipped\n",
			   verify_check_name(1u << i), checks_passed[i],
			   checks_skipped[i]);
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
	{
		if (!CHECK_SAY(useless[i] == 0, corpus_quirks[i].chain))
		{
			for (int j = 0; j < VERIFY_CHECK_COUNT; j++)
			{
				if (useless[i] >> j & 1)
					printf("\tneeds no %s\n", verify_check_name(1u << j));
			}
		}
	}
	CHECK(blocks_seen > 600);
	check_run("mainnet-0-8191.jsonl.zst", 1, 0);
	check_run("sepolia-0-8191.jsonl.zst", 11155111, 0);
	check_run("sepolia-172032-180223.jsonl.zst", 11155111, 172032);
	verify_context_destroy(context);
	free(context);
	return unit_summary("test_verify");
}
