/*-------------------------------------------------------------------------
 *
 * test_verify_rules.c
 *	  The rules of verify.h one by one: what skips do, what lacks, forks,
 *	  families, blob prices, uncles, stopping, memory.
 *
 *-------------------------------------------------------------------------
 */
#include "header.h"
#include "keccak.h"
#include "txn_arbitrum.h"
#include "verify_corpus.h"

static VerifyContext *context;
static VerifyResult result;
static VerifyCorpusBlock recorded;
static VerifyRules rules;
static EvmBlock *block = &recorded.block;

static void
load(const char *file, uint64_t chain_id)
{
	if (!verify_corpus_parse(&recorded, corpus_read(file)))
		corpus_die("cannot read", file);
	verify_normalise(block);
	verify_rules_init(&rules, chain_id);
}

static VerifyStatus
prove(void)
{
	return verify_block(&result, context, &rules, block, block->number, NULL);
}

static void
test_names(void)
{
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
	{
		const char *name = verify_check_name(1u << i);

		CHECK(name != NULL && verify_check_by_name(name) == 1u << i);
	}
	CHECK(verify_check_name(1u << VERIFY_CHECK_COUNT) == NULL);
	CHECK(verify_check_name(0) == NULL);
	CHECK(verify_check_name(3) == NULL);
	CHECK(verify_check_by_name("no_such_check") == 0);
}

/* Prices computed with unbounded integers by the text of EIP-4844. */
static void
test_blob_fee(void)
{
	static const struct
	{
		uint64_t	excess;
		uint64_t	fraction;
		const char *fee;
	}			cases[] = {
#include "blob_fees.h"
	};
	Uint256		fee;
	char		text[79];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool		good = verify_blob_base_fee(&fee, cases[i].excess,
												cases[i].fraction);

		if (!CHECK(good == (cases[i].fee != NULL)) || !good)
			continue;
		uint256_to_decimal(text, &fee);
		CHECK_TEXT(text, cases[i].fee);
	}
	CHECK(!verify_blob_base_fee(&fee, 5, 0));
	CHECK(!verify_blob_base_fee(&fee, UINT64_MAX, 1));
	CHECK(!verify_blob_base_fee(&fee, UINT64_MAX, 3338477));
}

/* Receipts before Byzantium without their root. */
static void
test_missing_root(void)
{
	load("blocks/mainnet/483920.json.gz", 1);
	CHECK(prove() == VERIFY_PASSED);
	CHECK(block->receipt_count > 0 && block->receipts[0].root != NULL);
	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		block->receipts[i].root = NULL;
		block->receipts[i].status = 1;
		block->receipts[i].present |= EVM_RECEIPT_STATUS;
	}
	CHECK(prove() == VERIFY_LACKS);
	CHECK(result.lacking == VERIFY_RECEIPTS_ROOT && result.failed == 0);
	CHECK(result.failure_count == 1 && result.failures[0].lacking);
	CHECK((result.passed & VERIFY_LOGS_BLOOM) != 0);

	rules.allow_missing_receipt_root = true;
	CHECK(prove() == VERIFY_PASSED);
	CHECK(result.skipped == VERIFY_RECEIPTS_ROOT);

	/* on a chain whose Byzantium is not known it says nothing */
	verify_rules_init(&rules, 424242);
	rules.allow_missing_receipt_root = true;
	CHECK(prove() == VERIFY_FAILED);
	CHECK(result.failed == VERIFY_RECEIPTS_ROOT);
	verify_corpus_free(&recorded);

	/* above Byzantium neither */
	load("blocks/mainnet/17686110.json.gz", 1);
	rules.allow_missing_receipt_root = true;
	block->receipts[0].present &= ~EVM_RECEIPT_STATUS;
	CHECK(prove() == VERIFY_FAILED);
	CHECK(result.failed == VERIFY_RECEIPTS_ROOT);
	verify_corpus_free(&recorded);
}

/* A header right by its hash may not be of its time on a known chain. */
static void
test_eras(void)
{
	load("blocks/hive-execution-apis/1.json.gz", 3503995874084926);
	CHECK(prove() == VERIFY_PASSED);
	rules.forks[VERIFY_FORK_LONDON].when = VERIFY_WHEN_BLOCK;
	CHECK(prove() == VERIFY_FAILED && result.failed == VERIFY_HEADER_HASH);
	CHECK(strstr(result.failures[0].message, "baseFeePerGas") != NULL);
	rules.forks[VERIFY_FORK_LONDON].at = 2;
	CHECK(prove() == VERIFY_PASSED);
	rules.forks[VERIFY_FORK_LONDON].when = VERIFY_WHEN_NEVER;
	CHECK(prove() == VERIFY_PASSED);
	rules.forks[VERIFY_FORK_SHANGHAI].when = VERIFY_WHEN_TIME;
	rules.forks[VERIFY_FORK_SHANGHAI].at = block->timestamp;
	CHECK(prove() == VERIFY_FAILED);
	rules.forks[VERIFY_FORK_SHANGHAI].at = block->timestamp + 1;
	CHECK(prove() == VERIFY_PASSED);
	verify_corpus_free(&recorded);

	load("blocks/mainnet/17686110.json.gz", 1);
	CHECK(verify_fork_active(&rules, VERIFY_FORK_SHANGHAI, block->number,
							 block->timestamp) == 1);
	CHECK(verify_fork_active(&rules, VERIFY_FORK_CANCUN, block->number,
							 block->timestamp) == 0);
	CHECK(verify_fork_active(&rules, VERIFY_FORK_AMSTERDAM, block->number,
							 block->timestamp) == -1);
	rules.forks[VERIFY_FORK_LONDON].at = block->number + 1;
	CHECK(prove() == VERIFY_FAILED && result.failed == VERIFY_HEADER_HASH);
	verify_corpus_free(&recorded);
}

/* What skips do, of blocks and of types; and senders switched off. */
static void
test_skips(void)
{
	static const uint8_t nobody[20] = {1};
	VerifySkip	skips[2] = {
		{VERIFY_SENDER, 0, UINT64_MAX, false, 0},
		{0, 0, 0, false, 0}
	};

	load("blocks/optimism-sepolia/26207960.json.gz", 11155420);
	CHECK(prove() == VERIFY_PASSED && result.skipped == 0);
	block->transactions[1].from = nobody;
	block->receipts[1].from = nobody;
	CHECK(prove() == VERIFY_FAILED && result.failed == VERIFY_SENDER);
	rules.verify_senders = false;
	CHECK(prove() == VERIFY_PASSED && result.skipped == VERIFY_SENDER);
	rules.verify_senders = true;
	rules.skips = skips;
	rules.skip_count = 1;
	CHECK(prove() == VERIFY_PASSED && result.skipped == VERIFY_SENDER);
	skips[0].to_block = block->number - 1;
	CHECK(prove() == VERIFY_FAILED);
	skips[0].to_block = block->number;
	skips[0].from_block = block->number;
	CHECK(prove() == VERIFY_PASSED);
	skips[0].from_block = block->number + 1;
	CHECK(prove() == VERIFY_FAILED);
	verify_corpus_free(&recorded);

	/* a type nobody knows, until a skip by type lets it be */
	load("blocks/optimism-sepolia/26207960.json.gz", 1234567);
	CHECK(prove() == VERIFY_FAILED);
	CHECK(result.failed == (VERIFY_TRANSACTION_HASH |
							VERIFY_TRANSACTIONS_ROOT | VERIFY_SENDER |
							VERIFY_SIGNATURE_FIELDS));
	CHECK(strstr(result.failures[0].message, "0x7e") != NULL);
	skips[0].checks = result.failed;
	skips[0].from_block = 0;
	skips[0].to_block = UINT64_MAX;
	skips[0].has_type = true;
	skips[0].type = 0x7e;
	rules.skips = skips;
	rules.skip_count = 1;
	CHECK(prove() == VERIFY_PASSED);
	CHECK(result.skipped == (skips[0].checks | VERIFY_SIZE));

	/* the other transactions are still checked */
	block->transactions[1].from = nobody;
	block->receipts[1].from = nobody;
	CHECK(prove() == VERIFY_FAILED && result.failed == VERIFY_SENDER);
	skips[0].type = 0x7f;
	CHECK(prove() == VERIFY_FAILED);
	verify_corpus_free(&recorded);
}

/* Receipts of a whole block: root, blooms, gas left to a type's skip. */
static void
test_receipt_skips(void)
{
	VerifySkip	skip = {
		VERIFY_RECEIPTS_ROOT | VERIFY_LOGS_BLOOM, 0, UINT64_MAX, true, 0x7e
	};
	uint8_t		bloom[256];

	load("blocks/optimism-sepolia/26207960.json.gz", 11155420);
	memcpy(bloom, block->logs_bloom, 256);
	bloom[7] ^= 0x80;
	block->receipts[0].logs_bloom = bloom;
	CHECK(prove() == VERIFY_FAILED && result.failed == VERIFY_LOGS_BLOOM);
	rules.skips = &skip;
	rules.skip_count = 1;
	CHECK(prove() == VERIFY_PASSED && result.skipped == skip.checks);
	block->receipts[1].logs_bloom = bloom;
	CHECK(prove() == VERIFY_FAILED && result.failed == VERIFY_LOGS_BLOOM);
	verify_corpus_free(&recorded);
}

static int	calls_left;

static bool
count_down(void *arg)
{
	int		   *calls = arg;

	(*calls)++;
	return calls_left-- > 0;
}

/* Every call of keep_going can stop it; an arena of any size can end. */
static void
test_stopping(void)
{
	int			calls = 0;
	int			all;

	load("blocks/mainnet/17686110.json.gz", 1);
	context->keep_going = count_down;
	context->keep_going_arg = &calls;
	calls_left = 1000;
	CHECK(prove() == VERIFY_PASSED);
	all = calls;
	CHECK((uint32_t) all > block->transaction_count / 64);
	for (int stop = 0; stop < all; stop++)
	{
		calls_left = stop;
		CHECK(prove() == VERIFY_INTERRUPTED && result.passed == 0);
	}
	context->keep_going = NULL;
	rules.verify_senders = false;
	for (size_t limit = 1000;; limit += limit / 2)
	{
		verify_context_destroy(context);
		verify_context_init(context, secp256k1_context_static, limit);
		if (prove() == VERIFY_PASSED)
			break;
		if (!CHECK(result.status == VERIFY_NO_MEMORY && result.passed == 0))
			break;
	}
	verify_context_destroy(context);
	verify_context_init(context, secp256k1_context_static, 0);
	verify_corpus_free(&recorded);
}

/* A block's own header as its uncle: the lists' hash is what it must be. */
static void
test_uncles(void)
{
	const uint8_t *hashes[2];
	uint8_t		list_hash[32];
	uint8_t		hash[32];
	EvmBlock	header;
	VerifyUncles uncles = {&header, 1};
	const char *reason;
	EvmBytes	rlp;
	RlpWriter	writer;
	Arena		arena;
	size_t		mark;
	uint32_t	others = VERIFY_ALL_CHECKS & ~(VERIFY_UNCLES | VERIFY_SIZE);
	VerifySkip	skip = {others, 0, UINT64_MAX, false, 0};

	load("blocks/mainnet/17686110.json.gz", 1);
	header = *block;
	arena_init(&arena, 0);
	rlp_writer_init(&writer, &arena);
	CHECK(header_encode(&rlp, &reason, &writer, &header));
	mark = rlp_mark(&writer);
	rlp_raw(&writer, rlp.data, rlp.len);
	rlp_list(&writer, mark);
	CHECK(rlp_finish(&rlp, &writer));
	keccak256(list_hash, rlp.data, rlp.len);
	memcpy(hash, header.hash, 32);
	hashes[0] = hashes[1] = hash;
	block->uncles = hashes;
	block->uncle_count = 1;
	block->sha3_uncles = list_hash;
	block->present &= ~EVM_BLOCK_SIZE;
	rules.skips = &skip;
	rules.skip_count = 1;

	CHECK(prove() == VERIFY_PASSED && (result.skipped & VERIFY_UNCLES));
	verify_block(&result, context, &rules, block, block->number, &uncles);
	CHECK(result.status == VERIFY_PASSED && (result.passed & VERIFY_UNCLES));
	hash[0] ^= 1;
	verify_block(&result, context, &rules, block, block->number, &uncles);
	CHECK(result.failed == VERIFY_UNCLES);
	hash[0] ^= 1;
	header.gas_used++;
	verify_block(&result, context, &rules, block, block->number, &uncles);
	CHECK(result.failed == VERIFY_UNCLES);
	header.gas_used--;
	uncles.count = 0;
	verify_block(&result, context, &rules, block, block->number, &uncles);
	CHECK(result.failed == VERIFY_UNCLES);
	block->uncle_count = 0;
	CHECK(prove() == VERIFY_FAILED && result.failed == VERIFY_UNCLES);
	block->present &= ~EVM_BLOCK_UNCLES;
	CHECK(prove() == VERIFY_LACKS && result.lacking == VERIFY_UNCLES);
	arena_destroy(&arena);
	verify_corpus_free(&recorded);
}

/*
 * Arbitrum's types against an encoding written out here by hand after the
 * order of their members; the recorded block has the internal one only.
 */
static void
test_arbitrum_deposit(void)
{
	static const char request[] = "\"0x1111111111111111111111111111111111"
	"111111111111111111111111111111\"";
	EvmExtra	extra = {"requestId", request, sizeof(request) - 1};
	EvmTransaction tx;
	uint8_t		from[20];
	uint8_t		to[20];
	uint8_t		expected[1 + 1 + 1 + 3 + 33 + 21 + 21 + 2];
	uint8_t    *p = expected;
	Arena		arena;
	RlpWriter	writer;
	EvmBytes	rlp;

	memset(&tx, 0, sizeof(tx));
	memset(from, 0x22, 20);
	memset(to, 0x33, 20);
	tx.type = TXN_ARB_DEPOSIT;
	tx.chain_id = uint256_from_u64(0xa4b1);
	tx.value = uint256_from_u64(0x81);
	tx.from = from;
	tx.to = to;
	tx.input.data = from;
	tx.extra.items = &extra;
	tx.extra.count = 1;
	tx.present = EVM_TX_CHAIN_ID | EVM_TX_VALUE | EVM_TX_NONCE | EVM_TX_GAS;

	*p++ = 0x64;
	*p++ = 0xf8;
	*p++ = sizeof(expected) - 3;
	*p++ = 0x82;
	*p++ = 0xa4;
	*p++ = 0xb1;
	*p++ = 0xa0;
	memset(p, 0x11, 32);
	p += 32;
	*p++ = 0x94;
	memcpy(p, from, 20);
	p += 20;
	*p++ = 0x94;
	memcpy(p, to, 20);
	p += 20;
	*p++ = 0x81;
	*p++ = 0x81;

	arena_init(&arena, 0);
	rlp_writer_init(&writer, &arena);
	CHECK(txn_arbitrum_encode(&rlp, &writer, &tx) == TXN_OK);
	CHECK(rlp.len == sizeof(expected) &&
		  memcmp(rlp.data, expected, sizeof(expected)) == 0);
	CHECK(txn_arbitrum_wrong_member(&arena, &tx) == NULL);
	tx.nonce = 1;
	CHECK_TEXT(txn_arbitrum_wrong_member(&arena, &tx), "nonce");
	tx.nonce = 0;
	tx.to = NULL;
	CHECK(txn_arbitrum_encode(&rlp, &writer, &tx) == TXN_MISSING_MEMBER);
	tx.to = to;
	extra.json_len--;
	CHECK(txn_arbitrum_encode(&rlp, &writer, &tx) == TXN_BAD_MEMBER);
	tx.type = 0x67;
	CHECK(txn_arbitrum_encode(&rlp, &writer, &tx) == TXN_UNKNOWN_TYPE);
	arena_destroy(&arena);
}

int
main(void)
{
	test_names();
	test_blob_fee();
	test_arbitrum_deposit();
	if (!corpus_absent("test_verify_rules"))
	{
		context = malloc(sizeof(*context));
		verify_context_init(context, secp256k1_context_static, 0);
		test_missing_root();
		test_eras();
		test_skips();
		test_receipt_skips();
		test_uncles();
		test_stopping();
		verify_context_destroy(context);
		free(context);
	}
	return unit_summary("test_verify_rules");
}
