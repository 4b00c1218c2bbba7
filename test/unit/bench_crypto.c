/*-------------------------------------------------------------------------
 *
 * bench_crypto.c
 *	  What proving a mainnet block costs: recorded mainnet blocks of more
 *	  than 50 transactions that have their receipts.
 *
 *-------------------------------------------------------------------------
 */
#include <time.h>

#include "corpus.h"
#include "header.h"
#include "keccak.h"
#include "receipt.h"
#include "trie.h"
#include "txn.h"

#define ROUNDS		20

typedef struct Cost
{
	const char *name;
	double		microseconds;
} Cost;

static Cost costs[] = {
	{"header", 0}, {"transactions: encode", 0}, {"transactions: hash", 0},
	{"transactions root", 0}, {"blooms", 0}, {"receipts: encode", 0},
	{"receipts root", 0}
};

#define STEPS	(int) (sizeof(costs) / sizeof(costs[0]))

static Arena scratch;
static RlpWriter writer;
static BloomMemo memo;
static unsigned long blocks;
static unsigned long transactions;
static unsigned long logs;
static unsigned long recoveries;
static double recovery_microseconds;
static volatile uint8_t sink;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec * 1e6 + (double) time.tv_nsec / 1e3;
}

/* All steps once; each step's time goes to `times`. */
static void
prove(double *times, const EvmBlock *block, EvmBytes *values,
	  KeccakInput *inputs, uint8_t *hashes, uint8_t *blooms)
{
	uint8_t		root[32];
	double		start;
	int			step = 0;

#define STEP_DONE	(times[step++] = now() - start, start = now())
	rlp_writer_reset(&writer);
	start = now();
	(void) header_hash(root, NULL, &writer, block);
	STEP_DONE;
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		if (txn_encode(&values[i], &writer, &block->transactions[i]) !=
			TXN_OK)
			corpus_die("cannot encode", "transaction");
		inputs[i].head_len = 0;
		inputs[i].data = values[i].data;
		inputs[i].data_len = values[i].len;
	}
	STEP_DONE;
	keccak256_many(hashes, inputs, block->transaction_count);
	STEP_DONE;
	(void) trie_ordered_root(root, values, block->transaction_count);
	STEP_DONE;
	for (uint32_t i = 0; i < block->receipt_count; i++)
		(void) receipt_bloom(blooms + i * BLOOM_SIZE, &memo,
							 block->receipts[i].logs,
							 block->receipts[i].log_count);
	STEP_DONE;
	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		if (receipt_encode(&values[i], &writer, &block->receipts[i],
						   blooms + i * BLOOM_SIZE) != RECEIPT_OK)
			corpus_die("cannot encode", "receipt");
	}
	STEP_DONE;
	(void) trie_ordered_root(root, values, block->receipt_count);
	STEP_DONE;
#undef STEP_DONE
	sink ^= root[0] ^ hashes[0];
}

static void
bench_senders(const EvmBlock *block)
{
	uint8_t		address[20];
	double		start = now();

	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		if (txn_sender(address, secp256k1_context_static, &writer,
					   &block->transactions[i]) == TXN_OK)
			recoveries++;
	}
	recovery_microseconds += now() - start;
}

static void
bench_block(const CorpusBlock *recorded)
{
	const EvmBlock *block = recorded->block;
	uint32_t	count = block->transaction_count;
	double		best[STEPS];
	double		times[STEPS];
	EvmBytes   *values;
	KeccakInput *inputs;
	uint8_t    *hashes;
	uint8_t    *blooms;

	if (strcmp(recorded->chain, "mainnet") != 0 || count <= 50 ||
		block->receipt_count != count)
		return;
	values = corpus_alloc(&scratch, count, sizeof(EvmBytes));
	inputs = corpus_alloc(&scratch, count, sizeof(KeccakInput));
	hashes = corpus_alloc(&scratch, count, 32);
	blooms = corpus_alloc(&scratch, count, BLOOM_SIZE);
	rlp_writer_init(&writer, &scratch);
	for (int round = 0; round < ROUNDS; round++)
	{
		/* a memo that knows nothing yet: the cost of a block by itself */
		bloom_memo_init(&memo);
		prove(times, block, values, inputs, hashes, blooms);
		for (int i = 0; i < STEPS; i++)
			best[i] = round == 0 || times[i] < best[i] ? times[i] : best[i];
	}
	for (int i = 0; i < STEPS; i++)
		costs[i].microseconds += best[i];
	bench_senders(block);
	blocks++;
	transactions += count;
	for (uint32_t i = 0; i < count; i++)
		logs += block->receipts[i].log_count;
	arena_reset(&scratch);
}

static void
bench_keccak(void)
{
	uint64_t	state[25] = {0};
	double		best = 0;

	for (int round = 0; round < 40; round++)
	{
		double		start = now();

		for (int i = 0; i < 10000; i++)
			keccak_f1600(state);
		start = now() - start;
		best = round == 0 || start < best ? start : best;
	}
	sink ^= (uint8_t) state[0];
	printf("keccak-f[1600]: %.0f ns\n", best / 10);
}

int
main(void)
{
	double		total = 0;

	bench_keccak();
	if (corpus_absent("bench_crypto"))
		return 0;
	arena_init(&scratch, 0);
	corpus_each_verified(bench_block);
	if (blocks == 0)
		corpus_die("no block to measure", "corpus");
	printf("%lu mainnet blocks, each %.0f transactions, %.0f logs; "
		   "microseconds a block:\n", blocks,
		   (double) transactions / (double) blocks,
		   (double) logs / (double) blocks);
	for (int i = 0; i < STEPS; i++)
	{
		printf("%8.1f  %s\n", costs[i].microseconds / (double) blocks,
			   costs[i].name);
		total += costs[i].microseconds / (double) blocks;
	}
	printf("%8.1f  all without senders\n", total);
	printf("%8.1f  a sender (%lu recovered)\n",
		   recovery_microseconds / (double) recoveries, recoveries);
	arena_destroy(&scratch);
	return 0;
}
