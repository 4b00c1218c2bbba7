/*-------------------------------------------------------------------------
 *
 * bench_verify.c
 *	  What verify_block costs: recorded mainnet blocks of more than 50
 *	  transactions that have their receipts, each check alone, all without
 *	  senders, and the senders beside bare recoveries.
 *
 *-------------------------------------------------------------------------
 */
#include <secp256k1_recovery.h>
#include <time.h>

#include "keccak_many.h"
#include "txn.h"
#include "verify_corpus.h"

#define ROUNDS		20
#define SENDER_ROUNDS	2

/* One recorded block has ten thousand logs; it would be half of all. */
#define LOGS_MAX	2000

/* Measured one by one; these five share their work with another. */
static const struct
{
	const char *name;
	uint32_t	checks;
}			steps[] = {
	{"nothing but the RLP of header and transactions", 0},
	{"header_hash", VERIFY_HEADER_HASH},
	{"positions", VERIFY_POSITIONS},
	{"uncles, withdrawals_root, size", VERIFY_UNCLES |
	VERIFY_WITHDRAWALS_ROOT | VERIFY_SIZE},
	{"transaction_hash", VERIFY_TRANSACTION_HASH},
	{"transactions_root", VERIFY_TRANSACTIONS_ROOT},
	{"signature_fields", VERIFY_SIGNATURE_FIELDS},
	{"contract_address", VERIFY_CONTRACT_ADDRESS},
	{"logs_bloom", VERIFY_LOGS_BLOOM},
	{"receipts_root with logs_bloom", VERIFY_RECEIPTS_ROOT |
	VERIFY_LOGS_BLOOM},
	{"receipt_gas", VERIFY_RECEIPT_GAS},
	{"effective_gas_price, blob_gas", VERIFY_EFFECTIVE_GAS_PRICE |
	VERIFY_BLOB_GAS},
	{"all without senders", VERIFY_ALL_CHECKS}
};

#define STEPS	(sizeof(steps) / sizeof(steps[0]))

static VerifyContext *context;
static double costs[STEPS + 1];
static double sender_cost;
static double bare_cost;
static unsigned long blocks;
static unsigned long transactions;
static unsigned long logs;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec * 1e6 + (double) time.tv_nsec / 1e3;
}

/* The best time of some rounds; a memo that knows nothing unless `warm`. */
static double
measure(const EvmBlock *block, uint32_t checks, bool senders, bool warm)
{
	VerifyRules rules;
	VerifySkip	skip = {~checks, 0, UINT64_MAX, false, 0};
	VerifyResult result;
	double		best = 0;

	verify_rules_init(&rules, 1);
	rules.verify_senders = senders;
	rules.skips = &skip;
	rules.skip_count = 1;
	for (int round = 0; round < (senders ? SENDER_ROUNDS : ROUNDS); round++)
	{
		double		time;

		if (!warm)
			bloom_memo_init(&context->memo);
		time = now();
		if (verify_block(&result, context, &rules, block, block->number,
						 NULL) != VERIFY_PASSED)
			corpus_die("not proven", verify_check_name(
													   result.failures[0].check));
		time = now() - time;
		best = round == 0 || time < best ? time : best;
	}
	return best;
}

/* The recoveries alone, of the same signatures. */
static void
bench_bare(const EvmBlock *block)
{
	RlpWriter	writer;

	rlp_writer_init(&writer, &context->arena);
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		const EvmTransaction *tx = &block->transactions[i];
		secp256k1_ecdsa_recoverable_signature signature;
		secp256k1_pubkey key;
		uint8_t		hash[32];
		uint8_t		compact[64];
		double		time;
		int			parity;

		if (txn_signing_hash(hash, &writer, tx) != TXN_OK ||
			txn_y_parity(&parity, NULL, NULL, tx) != TXN_OK)
			corpus_die("no signature", "transaction");
		uint256_to_be(compact, &tx->r);
		uint256_to_be(compact + 32, &tx->s);
		(void) secp256k1_ecdsa_recoverable_signature_parse_compact(
																   secp256k1_context_static, &signature, compact, parity);
		time = now();
		if (!secp256k1_ecdsa_recover(secp256k1_context_static, &key,
									 &signature, hash))
			corpus_die("no key", "transaction");
		bare_cost += now() - time;
	}
}

static void
bench_block(json_object *entry)
{
	const char *file = corpus_string(entry, "file");
	VerifyCorpusBlock recorded;
	EvmBlock   *block = &recorded.block;

	if (strcmp(corpus_string(entry, "chain"), "mainnet") != 0 ||
		strcmp(corpus_string(entry, "class"), "verified") != 0 ||
		json_object_get_int64(corpus_get(entry, "txs")) <= 50 ||
		json_object_get_int64(corpus_get(entry, "logs")) > LOGS_MAX ||
		!json_object_get_boolean(corpus_get(entry, "has_receipts")))
		return;
	if (!verify_corpus_parse(&recorded, corpus_read(file)))
		corpus_die("cannot read", file);
	verify_normalise(block);
	for (size_t i = 0; i < STEPS; i++)
		costs[i] += measure(block, steps[i].checks, false, false);
	costs[STEPS] += measure(block, VERIFY_ALL_CHECKS, false, true);
	sender_cost += measure(block, VERIFY_SENDER, true, true) -
		measure(block, 0, false, true);
	bench_bare(block);
	blocks++;
	transactions += block->transaction_count;
	for (uint32_t i = 0; i < block->receipt_count; i++)
		logs += block->receipts[i].log_count;
	verify_corpus_free(&recorded);
}

/* A permutation's share of hashing 1,024 messages of one block each. */
static void
bench_ways(void)
{
	static uint8_t out[1024 * 32];
	static KeccakInput inputs[1024];
	static uint8_t message[128];
	KeccakMany	ways[KECCAK_WAYS_MAX];
	const char *names[KECCAK_WAYS_MAX];
	int			count = keccak256_ways(ways, names);

	for (int i = 0; i < 1024; i++)
	{
		inputs[i].data = message;
		inputs[i].data_len = sizeof(message);
	}
	for (int i = 0; i < count; i++)
	{
		double		best = 0;

		for (int round = 0; round < ROUNDS; round++)
		{
			double		time = now();

			ways[i] (out, inputs, 1024);
			time = now() - time;
			best = round == 0 || time < best ? time : best;
		}
		printf("Keccak-256 of 128 bytes, %s: %.0f ns\n", names[i],
			   best / 1.024);
	}
}

int
main(void)
{
	bench_ways();
	if (corpus_absent("bench_verify"))
		return 0;
	context = malloc(sizeof(*context));
	verify_context_init(context, secp256k1_context_static, 0);
	corpus_lines("manifest.jsonl", bench_block);
	if (blocks == 0)
		corpus_die("no block to measure", "corpus");
	printf("%lu mainnet blocks, each %.0f transactions, %.0f logs; "
		   "microseconds a block, that of the first line in each:\n", blocks,
		   (double) transactions / (double) blocks,
		   (double) logs / (double) blocks);
	for (size_t i = 0; i < STEPS; i++)
		printf("%8.1f  %s\n", costs[i] / (double) blocks, steps[i].name);
	printf("%8.1f  the same when the blooms' memo knows the block\n",
		   costs[STEPS] / (double) blocks);
	printf("%8.1f  sender, %.1f of it bare recoveries, %.1f a signature\n",
		   sender_cost / (double) blocks, bare_cost / (double) blocks,
		   sender_cost / (double) transactions);
	verify_context_destroy(context);
	free(context);
	return 0;
}
