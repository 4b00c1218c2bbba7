/*-------------------------------------------------------------------------
 *
 * chain.h
 *	  The blocks chainsim serves, which of them are canonical, and the head.
 *
 * Blocks are only ever added: their JSON stays where it is (mapped files,
 * loaded recordings, or memory of a reorg's branch) until the program ends,
 * so that an answer may point into it while it is being sent.  What changes
 * is the list of canonical blocks and the head.
 *
 * Locking: every function marked (r) needs chain->lock held for reading at
 * least, every function marked (w) for writing or the chain not yet served.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_CHAIN_H
#define CHAINSIM_CHAIN_H

#include <pthread.h>

#include "slice.h"

#define CHAIN_NONE UINT32_MAX

typedef struct SimBlock
{
	uint64_t	number;
	uint64_t	next_tx;		/* generated: transactions up to and with it */
	uint8_t		hash[32];
	uint8_t		parent[32];
	Slice		json;			/* the block with whole transactions */
	Slice		receipts;		/* data is NULL: not recorded */
	bool		forgotten;		/* orphaned, and no longer found by hash */
} SimBlock;

/* Where a transaction's receipt stands. */
typedef struct SimTx
{
	uint8_t		hash[32];
	uint32_t	block;
	uint32_t	offset;			/* in the block's receipts */
	uint32_t	len;
} SimTx;

/* Open addressing from a hash's first bytes to an index. */
typedef struct SimTable
{
	uint32_t   *slots;
	size_t		size;			/* a power of two */
	size_t		used;
} SimTable;

typedef struct SimChain
{
	pthread_rwlock_t lock;
	uint64_t	chain_id;
	SimBlock   *blocks;
	size_t		block_count;
	size_t		block_cap;
	SimTx	   *txs;
	size_t		tx_count;
	size_t		tx_cap;
	SimTable	by_hash;
	SimTable	by_tx;
	uint32_t   *canonical;		/* indexes of blocks, ascending numbers */
	size_t		canonical_count;
	size_t		canonical_cap;
	uint64_t	head;			/* highest number that is answered */
	int64_t		safe_lag;		/* blocks behind the head; -1: no such tag */
	int64_t		finalized_lag;
	uint64_t	branch;			/* of new blocks; 0: as generated */
	uint64_t	last_branch;	/* the highest there ever was */
} SimChain;

extern void chain_init(SimChain *chain);

/* (w) Adds a block that is not canonical yet and returns its index. */
extern uint32_t chain_add_block(SimChain *chain, const SimBlock *block);

/* (w) Adds a transaction of a block. */
extern void chain_add_tx(SimChain *chain, const SimTx *tx);

/*
 * (w) Finds the receipts of the block's transactions and adds them; a block
 * whose receipts are unknown or malformed gets none.
 */
extern void chain_index_receipts(SimChain *chain, uint32_t block);

/* (w) Puts a block at the end of the canonical list. */
extern void chain_append(SimChain *chain, uint32_t block);

/* (w) Orders the canonical list by number, after loading. */
extern void chain_sort(SimChain *chain);

/* (w) Drops every canonical block above `number`; forgets them by hash too. */
extern void chain_cut(SimChain *chain, uint64_t number, bool forget);

/*
 * (r) The canonical block of that number, at or below the head when
 * only_visible; CHAIN_NONE when there is none.
 */
extern uint32_t chain_find(const SimChain *chain, uint64_t number,
						   bool only_visible);

/* (r) The last canonical block at or below `number`. */
extern uint32_t chain_find_below(const SimChain *chain, uint64_t number);

/*
 * (r) A block by hash: canonical up to the head, or orphaned and not
 * forgotten.
 */
extern uint32_t chain_find_hash(const SimChain *chain, const uint8_t *hash32);

/* (r) The receipt of a transaction in a visible canonical block. */
extern bool chain_find_receipt(const SimChain *chain, const uint8_t *hash32,
							   Slice *receipt);

/* (r) The number of the last canonical block, beyond the head too. */
extern uint64_t chain_end(const SimChain *chain);

/* (r) The next canonical number above `number`; false: there is none. */
extern bool chain_next(const SimChain *chain, uint64_t number, uint64_t *next);

#endif							/* CHAINSIM_CHAIN_H */
