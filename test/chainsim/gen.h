/*-------------------------------------------------------------------------
 *
 * gen.h
 *	  A seeded chain with valid hashes, roots and signatures.
 *
 * The content of a transaction follows from the seed and its place in the
 * chain's sequence of transactions, so the same parameters always give the
 * same chain; a branch (reorg) shuffles them, changes some, and cuts the
 * blocks elsewhere.
 *
 * gentx.c makes and signs transactions (several threads at once), gen.c makes
 * receipts and headers out of them in the order of the chain, genjson.c
 * writes the JSON, gencache.c keeps the result in files, genbranch.c adds
 * blocks to a chain that is being served.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_GEN_H
#define CHAINSIM_GEN_H

#include "../../src/arena.h"
#include "../../src/block.h"
#include "../../src/receipt.h"
#include "../../src/rlp.h"
#include "buf.h"
#include "chain.h"

typedef struct GenParams
{
	uint64_t	seed;
	uint64_t	chain_id;
	uint64_t	blocks;			/* with the genesis block */
	uint64_t	txs;			/* mean of a block */
	uint64_t	logs;			/* mean of a block */
	uint64_t	withdrawals;	/* of every block */
} GenParams;

#define GEN_ACCOUNTS	256		/* senders; a power of two */
#define GEN_TOKENS		64
#define GEN_MAX_TXS		20000
#define GEN_MAX_LOGS	100000

/* Event signatures' hashes, in gen.c's order. */
#define GEN_EVENTS		7

typedef struct Generator
{
	GenParams	params;
	uint64_t	gas_limit;
	uint8_t		keys[GEN_ACCOUNTS][32];
	uint8_t		accounts[GEN_ACCOUNTS][20];
	uint8_t		tokens[GEN_TOKENS][20];
	uint8_t		events[GEN_EVENTS][32];
} Generator;

/* A sequence of pseudo-random numbers (splitmix64). */
typedef struct GenRandom
{
	uint64_t	state;
} GenRandom;

extern GenRandom gen_random(uint64_t seed, uint64_t purpose, uint64_t index);
extern uint64_t gen_next(GenRandom *random);

/* Uniform in [low, high]. */
extern uint64_t gen_range(GenRandom *random, uint64_t low, uint64_t high);
extern bool gen_chance(GenRandom *random, unsigned permille);
extern void gen_bytes(GenRandom *random, uint8_t *out, size_t len);

/* What the next block needs to know of the one before. */
typedef struct GenParent
{
	uint64_t	number;
	uint64_t	timestamp;
	uint64_t	gas_used;
	uint64_t	base_fee;
	uint64_t	blob_gas_used;
	uint64_t	excess_blob_gas;
	uint64_t	next_tx;		/* the chain's transactions up to it */
	uint8_t		hash[32];
} GenParent;

/* What a transaction will do, besides its own members. */
typedef struct GenPlan
{
	bool		fails;
	uint64_t	gas;			/* used, before the block's factor */
	bool		gas_fixed;		/* the factor does not apply */
	EvmLog	   *logs;			/* address, topics and data only */
	uint32_t	log_count;
} GenPlan;

/* A block's signed transactions. */
typedef struct GenBody
{
	Arena		arena;			/* everything below, and the receipts */
	uint64_t	number;
	uint64_t	branch;
	uint64_t	first_tx;
	uint32_t	count;
	EvmTransaction *txs;
	GenPlan    *plans;
	EvmBytes   *encoded;
} GenBody;

/* A finished block.  The buffers are reused from block to block. */
typedef struct GenBlock
{
	GenParent	head;			/* of the block itself, for its child */
	uint8_t		parent_hash[32];
	Buf			json;
	Buf			receipts;
	SimTx	   *txs;			/* hash, offset, len; count of them */
	uint32_t	tx_count;
	uint32_t	tx_cap;
} GenBlock;

/* gen.c */
extern Generator *gen_create(const GenParams *params);

/* How many transactions a block of a branch has. */
extern uint64_t gen_tx_count(const Generator *generator, uint64_t number,
							 uint64_t branch);

/*
 * Finishes a block on top of `parent` (NULL for the genesis block) out of its
 * transactions.
 */
extern void gen_finish(GenBlock *out, const Generator *generator,
					   const GenParent *parent, GenBody *body,
					   BloomMemo *memo);

/* genbranch.c */

/*
 * Makes and adds `count` blocks of `branch` to the end of a served chain:
 * takes the lock for each.  False when its memory for new blocks (2 GB) is
 * full.
 */
extern bool gen_extend(SimChain *chain, const Generator *generator,
					   uint64_t branch, uint64_t count);

/* gentx.c */

/*
 * Makes the transactions of a block: of its number, branch and first_tx,
 * which the caller has set.  The arena is reset first.
 */
extern void gen_body(GenBody *body, const Generator *generator);

/* genjson.c */
extern void gen_json_block(Buf *out, const EvmBlock *block);
extern void gen_json_receipts(GenBlock *out, const EvmBlock *block);

/* gencache.c */

/*
 * Fills the chain from the files in `dir`, which are made first when they are
 * missing or of other parameters.  dir NULL: files of this process only.
 */
extern void gen_load(SimChain *chain, const Generator *generator,
					 const char *dir, unsigned threads, bool quiet);

#endif							/* CHAINSIM_GEN_H */
