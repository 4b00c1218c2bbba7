/*-------------------------------------------------------------------------
 *
 * receipt.h
 *	  The encoding of receipts for the receipts trie, and logs' blooms.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_RECEIPT_H
#define CHAINSYNC_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block.h"
#include "rlp.h"

#define BLOOM_SIZE	256			/* bytes of a bloom */

#define RECEIPT_OP_DEPOSIT	0x7e

typedef enum ReceiptStatus
{
	RECEIPT_OK = 0,
	RECEIPT_MISSING_MEMBER,		/* a member the encoding needs is absent */
	RECEIPT_BAD_MEMBER,			/* a member has a value it cannot have */
	RECEIPT_NO_MEMORY
} ReceiptStatus;

/* What a status means: lower case, no period, a static string. */
extern const char *receipt_status_text(ReceiptStatus status);

/*
 * Remembers which three bits an item (an address or a topic) sets, so that
 * one that occurs again, as most do, is not hashed again.  It is a cache of
 * a pure function: good across blocks and chains for as long as it lives, of
 * fixed size, and whatever items an adversary chooses cost a hash each at
 * worst.
 *
 * It belongs to the caller, who keeps one a worker; about 90 kB.
 */
#define BLOOM_MEMO_SLOTS	2048	/* a power of two */

typedef struct BloomMemoSlot
{
	uint8_t		item[32];		/* an address is followed by zeros */
	uint16_t	bits[3];
	uint8_t		len;			/* 20 or 32; 0: free */
} BloomMemoSlot;

typedef struct BloomMemo
{
	BloomMemoSlot slots[BLOOM_MEMO_SLOTS];
} BloomMemo;

extern void bloom_memo_init(BloomMemo *memo);

/*
 * Hash the items of some receipts' logs that the memo does not know, several
 * at a time, so that receipt_bloom finds them.  It changes nothing but time;
 * with more items than the memo has slots, some are hashed twice.
 */
extern void bloom_memo_learn(BloomMemo *memo, const EvmReceipt *receipts,
							 uint32_t receipt_count);

/*
 * Set an item's three bits (yellow paper, 4.3.1, "M3:2048").
 *
 * In/Out: bloom256: 256 bytes, bits are only ever added
 * In:	item:	the bytes of an address or topic
 */
extern void bloom_add(uint8_t *bloom256, const uint8_t *item, size_t len);

/* True when the item's three bits are set: it may be there. */
extern bool bloom_may_contain(const uint8_t *bloom256, const uint8_t *item,
							  size_t len);

/* bloom256 |= other256 */
extern void bloom_merge(uint8_t *bloom256, const uint8_t *other256);

/*
 * The bloom of some logs: of their addresses and topics.
 *
 * Returns: RECEIPT_MISSING_MEMBER when a log lacks its address or a topic
 * Out:	bloom256: 256 bytes, overwritten
 * In/Out: memo: may be NULL
 */
extern ReceiptStatus receipt_bloom(uint8_t *bloom256, BloomMemo *memo,
								   const EvmLog *logs, uint32_t log_count);

/*
 * Encode a receipt as the receipts trie holds it:
 * rlp([status or root, cumulativeGasUsed, bloom, logs]), with the type before
 * it when that is not 0 (EIP-2718).
 *
 * The first member is `root` when the receipt has one (before Byzantium,
 * EIP-658), otherwise the status.  A deposit of the OP stack (0x7e) that has a
 * depositReceiptVersion has depositNonce and that version at the end; without
 * the version the nonce is no part of the encoding, as between Regolith and
 * Canyon (specs.optimism.io, "deposit receipt").
 *
 * Any other type below 0x80 is encoded in the same way: all of Ethereum's are.
 *
 * Out:	out:	the encoding, in the writer's buffer
 * In:	writer:	must be between two items
 *		bloom256: what to encode as bloom, as made by receipt_bloom; NULL: the
 *				receipt's own logs_bloom
 */
extern ReceiptStatus receipt_encode(EvmBytes *out, RlpWriter *writer,
									const EvmReceipt *receipt,
									const uint8_t *bloom256);

#endif							/* CHAINSYNC_RECEIPT_H */
