/*-------------------------------------------------------------------------
 *
 * chain.c
 *	  The blocks chainsim serves, which of them are canonical, and the head.
 *
 * A transaction may be added several times: mined in an orphaned block and
 * again in a canonical one.  Both stay in the table; a look-up takes the one
 * in a visible canonical block.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "chain.h"

void
chain_init(SimChain *chain)
{
	memset(chain, 0, sizeof(*chain));
	chain->safe_lag = -1;
	chain->finalized_lag = -1;
	if (pthread_rwlock_init(&chain->lock, NULL) != 0)
		sim_fatal("could not make a lock");
}

static uint64_t
hash_key(const uint8_t *hash32)
{
	uint64_t	key;

	memcpy(&key, hash32, sizeof(key));
	return key * UINT64_C(0x9E3779B97F4A7C15) >> 16;
}

static void
table_put(SimTable *table, const uint8_t *hash32, uint32_t index)
{
	size_t		slot = hash_key(hash32) & (table->size - 1);

	while (table->slots[slot] != CHAIN_NONE)
		slot = (slot + 1) & (table->size - 1);
	table->slots[slot] = index;
	table->used++;
}

/* Makes the table twice as large; true when the caller must fill it again. */
static bool
table_grow(SimTable *table)
{
	if (table->size > 0 && table->used + 1 <= table->size / 2)
		return false;
	table->size = table->size > 0 ? table->size * 2 : 1024;
	table->used = 0;
	free(table->slots);
	table->slots = sim_alloc(table->size * sizeof(uint32_t));
	memset(table->slots, 0xff, table->size * sizeof(uint32_t));
	return true;
}

uint32_t
chain_add_block(SimChain *chain, const SimBlock *block)
{
	uint32_t	index = (uint32_t) chain->block_count;

	if (chain->block_count >= CHAIN_NONE - 1)
		sim_fatal("too many blocks");
	if (chain->block_count == chain->block_cap)
	{
		chain->block_cap = chain->block_cap > 0 ? chain->block_cap * 2 : 256;
		chain->blocks = sim_realloc(chain->blocks,
									chain->block_cap * sizeof(SimBlock));
	}
	chain->blocks[chain->block_count++] = *block;
	if (table_grow(&chain->by_hash))
	{
		for (uint32_t i = 0; i < index; i++)
			table_put(&chain->by_hash, chain->blocks[i].hash, i);
	}
	table_put(&chain->by_hash, block->hash, index);
	return index;
}

void
chain_add_tx(SimChain *chain, const SimTx *tx)
{
	uint32_t	index = (uint32_t) chain->tx_count;

	if (chain->tx_count >= CHAIN_NONE - 1)
		sim_fatal("too many transactions");
	if (chain->tx_count == chain->tx_cap)
	{
		chain->tx_cap = chain->tx_cap > 0 ? chain->tx_cap * 2 : 1024;
		chain->txs = sim_realloc(chain->txs, chain->tx_cap * sizeof(SimTx));
	}
	chain->txs[chain->tx_count++] = *tx;
	if (table_grow(&chain->by_tx))
	{
		for (uint32_t i = 0; i < index; i++)
			table_put(&chain->by_tx, chain->txs[i].hash, i);
	}
	table_put(&chain->by_tx, tx->hash, index);
}

void
chain_index_receipts(SimChain *chain, uint32_t block)
{
	Slice		receipts = chain->blocks[block].receipts;
	Slice		receipt;
	size_t		offset = 0;

	if (receipts.data == NULL)
		return;
	while (slice_element(&receipt, &receipts, &offset))
	{
		SimTx		tx;

		if (!slice_hash(tx.hash, &receipt, "transactionHash"))
			continue;
		tx.block = block;
		tx.offset = (uint32_t) (receipt.data - receipts.data);
		tx.len = (uint32_t) receipt.len;
		chain_add_tx(chain, &tx);
	}
}

void
chain_append(SimChain *chain, uint32_t block)
{
	if (chain->canonical_count == chain->canonical_cap)
	{
		size_t		cap = chain->canonical_cap;

		cap = cap > 0 ? cap * 2 : 256;
		chain->canonical = sim_realloc(chain->canonical,
									   cap * sizeof(uint32_t));
		chain->canonical_cap = cap;
	}
	chain->canonical[chain->canonical_count++] = block;
}

static int
compare_numbers(const void *a, const void *b, void *arg)
{
	const SimChain *chain = arg;
	uint64_t	left = chain->blocks[*(const uint32_t *) a].number;
	uint64_t	right = chain->blocks[*(const uint32_t *) b].number;

	return left < right ? -1 : left > right;
}

void
chain_sort(SimChain *chain)
{
	if (chain->canonical_count > 1)
		qsort_r(chain->canonical, chain->canonical_count, sizeof(uint32_t),
				compare_numbers, chain);
}

void
chain_cut(SimChain *chain, uint64_t number, bool forget)
{
	while (chain->canonical_count > 0)
	{
		uint32_t	last = chain->canonical[chain->canonical_count - 1];

		if (chain->blocks[last].number <= number)
			break;
		/* what nobody has seen yet was never orphaned */
		if (forget || chain->blocks[last].number > chain->head)
			chain->blocks[last].forgotten = true;
		chain->canonical_count--;
	}
}

/* How many canonical blocks have numbers at or below `number`. */
static size_t
count_below(const SimChain *chain, uint64_t number)
{
	size_t		low = 0;
	size_t		high = chain->canonical_count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (chain->blocks[chain->canonical[middle]].number <= number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
chain_find_below(const SimChain *chain, uint64_t number)
{
	size_t		count = count_below(chain, number);

	return count > 0 ? chain->canonical[count - 1] : CHAIN_NONE;
}

uint32_t
chain_find(const SimChain *chain, uint64_t number, bool only_visible)
{
	uint32_t	index;

	if (only_visible && number > chain->head)
		return CHAIN_NONE;
	index = chain_find_below(chain, number);
	if (index == CHAIN_NONE || chain->blocks[index].number != number)
		return CHAIN_NONE;
	return index;
}

uint32_t
chain_find_hash(const SimChain *chain, const uint8_t *hash32)
{
	const SimTable *table = &chain->by_hash;
	size_t		slot;

	if (table->size == 0)
		return CHAIN_NONE;
	for (slot = hash_key(hash32) & (table->size - 1);
		 table->slots[slot] != CHAIN_NONE;
		 slot = (slot + 1) & (table->size - 1))
	{
		const SimBlock *block = &chain->blocks[table->slots[slot]];

		if (memcmp(block->hash, hash32, 32) != 0 || block->forgotten)
			continue;
		/* not yet there */
		if (block->number > chain->head &&
			chain_find(chain, block->number, false) == table->slots[slot])
			continue;
		return table->slots[slot];
	}
	return CHAIN_NONE;
}

bool
chain_find_receipt(const SimChain *chain, const uint8_t *hash32,
				   Slice *receipt)
{
	const SimTable *table = &chain->by_tx;
	size_t		slot;

	if (table->size == 0)
		return false;
	for (slot = hash_key(hash32) & (table->size - 1);
		 table->slots[slot] != CHAIN_NONE;
		 slot = (slot + 1) & (table->size - 1))
	{
		const SimTx *tx = &chain->txs[table->slots[slot]];
		const SimBlock *block = &chain->blocks[tx->block];

		if (memcmp(tx->hash, hash32, 32) != 0 ||
			chain_find(chain, block->number, true) != tx->block)
			continue;
		receipt->data = block->receipts.data + tx->offset;
		receipt->len = tx->len;
		return true;
	}
	return false;
}

uint64_t
chain_end(const SimChain *chain)
{
	if (chain->canonical_count == 0)
		return 0;
	return chain->blocks[chain->canonical[chain->canonical_count - 1]].number;
}

bool
chain_next(const SimChain *chain, uint64_t number, uint64_t *next)
{
	size_t		count = count_below(chain, number);

	if (count >= chain->canonical_count)
		return false;
	*next = chain->blocks[chain->canonical[count]].number;
	return true;
}
