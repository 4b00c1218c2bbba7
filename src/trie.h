/*-------------------------------------------------------------------------
 *
 * trie.h
 *	  Roots of Merkle-Patricia tries (yellow paper, appendix D).
 *
 * Only roots are computed, never proofs, so no node is kept: items are taken
 * in the order of their keys, and what is held is one open branch for each
 * nibble of the current key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_TRIE_H
#define CHAINSYNC_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "block.h"

/* One key and its value; the value must not be empty. */
typedef struct TrieItem
{
	EvmBytes	key;
	EvmBytes	value;
} TrieItem;

/* Keys longer than this are refused by trie_root. */
#define TRIE_KEY_MAX	64

/* keccak256(rlp("")): the root of a trie without items. */
extern const uint8_t trie_empty_root[32];

/*
 * Root of the trie with the keys rlp(0) ... rlp(count - 1): how a header
 * commits to transactions, receipts and withdrawals.  No allocation.
 *
 * Returns: false when a value is empty (a trie cannot hold one)
 * Out:	out32:	the root; trie_empty_root when count is 0
 * In:	values:	count values, in the order of their indexes
 */
extern bool trie_ordered_root(uint8_t *out32, const EvmBytes *values,
							  uint32_t count);

/*
 * Root of a trie with any keys.
 *
 * Returns: false when the keys are not strictly ascending (as by memcmp, the
 *			shorter first), a key is longer than TRIE_KEY_MAX, a value is
 *			empty, or memory is out
 * Out:	out32:	the root
 * In:	arena:	for the open branches
 *		items:	count items in the order of their keys
 */
extern bool trie_root(uint8_t *out32, Arena *arena, const TrieItem *items,
					  uint32_t count);

#endif							/* CHAINSYNC_TRIE_H */
