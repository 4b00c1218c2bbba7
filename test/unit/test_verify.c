/*-------------------------------------------------------------------------
 *
 * test_verify.c
 *	  Every recorded block passes the checks that the rules of its chain do
 *	  not skip, and the long runs of mainnet and Sepolia do.
 *
 *-------------------------------------------------------------------------
 */
#include "verify_corpus.h"

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
	verify_context_destroy(context);
	free(context);
	return unit_summary("test_verify");
}
