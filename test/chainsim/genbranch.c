/*-------------------------------------------------------------------------
 *
 * genbranch.c
 *	  New blocks on a chain that is being served: growth and reorgs.
 *
 * They are made one by one in the caller's thread and kept in memory until
 * the program ends.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gen.h"

/* All blocks made while serving; beyond that, no more are. */
#define EXTEND_MAX_BYTES	((size_t) 2 << 30)

/* What a generated block's JSON says that its child needs. */
static bool
read_parent(GenParent *out, const SimBlock *block)
{
	out->number = block->number;
	out->next_tx = block->next_tx;
	memcpy(out->hash, block->hash, 32);
	return slice_quantity(&out->timestamp, &block->json, "timestamp") &&
		slice_quantity(&out->gas_used, &block->json, "gasUsed") &&
		slice_quantity(&out->base_fee, &block->json, "baseFeePerGas") &&
		slice_quantity(&out->blob_gas_used, &block->json, "blobGasUsed") &&
		slice_quantity(&out->excess_blob_gas, &block->json, "excessBlobGas");
}

/* Puts a finished block at the end of a served chain. */
static void
add_block(SimChain *chain, const GenBlock *made)
{
	SimBlock	block = {0};
	uint32_t	index;

	block.number = made->head.number;
	block.next_tx = made->head.next_tx;
	memcpy(block.hash, made->head.hash, 32);
	memcpy(block.parent, made->parent_hash, 32);
	block.json.data = sim_strndup(made->json.data, made->json.len);
	block.json.len = made->json.len;
	block.receipts.data = sim_strndup(made->receipts.data,
									  made->receipts.len);
	block.receipts.len = made->receipts.len;
	pthread_rwlock_wrlock(&chain->lock);
	index = chain_add_block(chain, &block);
	for (uint32_t i = 0; i < made->tx_count; i++)
	{
		SimTx		tx = made->txs[i];

		tx.block = index;
		chain_add_tx(chain, &tx);
	}
	chain_append(chain, index);
	pthread_rwlock_unlock(&chain->lock);
}

bool
gen_extend(SimChain *chain, const Generator *generator, uint64_t branch,
		   uint64_t count)
{
	static size_t made_bytes;	/* callers are serialised by grow_lock */
	GenBody		body = {0};
	GenBlock	made = {0};
	GenParent	parent;
	BloomMemo  *memo = sim_alloc(sizeof(BloomMemo));
	uint32_t	last;
	bool		ok = true;

	bloom_memo_init(memo);
	arena_init(&body.arena, 0);
	pthread_rwlock_rdlock(&chain->lock);
	last = chain->canonical[chain->canonical_count - 1];
	if (!read_parent(&parent, &chain->blocks[last]))
		sim_fatal("could not read a block of its own");
	pthread_rwlock_unlock(&chain->lock);
	for (uint64_t i = 0; i < count && ok; i++)
	{
		body.number = parent.number + 1;
		body.branch = branch;
		body.first_tx = parent.next_tx;
		gen_body(&body, generator);
		gen_finish(&made, generator, &parent, &body, memo);
		made_bytes += made.json.len + made.receipts.len;
		ok = made_bytes <= EXTEND_MAX_BYTES;
		if (ok)
			add_block(chain, &made);
		parent = made.head;
	}
	arena_destroy(&body.arena);
	buf_free(&made.json);
	buf_free(&made.receipts);
	free(made.txs);
	free(memo);
	return ok;
}
