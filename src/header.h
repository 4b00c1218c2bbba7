/*-------------------------------------------------------------------------
 *
 * header.h
 *	  The encoding and hash of a block's header, of every era to Amsterdam,
 *	  and the encoding of withdrawals.
 *
 * Members in their order: parentHash, sha3Uncles, miner, stateRoot,
 * transactionsRoot, receiptsRoot, logsBloom, difficulty, number, gasLimit,
 * gasUsed, timestamp, extraData, mixHash, nonce (yellow paper, 4.4.3); then
 * baseFeePerGas (EIP-1559), withdrawalsRoot (EIP-4895), blobGasUsed and
 * excessBlobGas (EIP-4844), parentBeaconBlockRoot (EIP-4788), requestsHash
 * (EIP-7685), blockAccessListHash (EIP-7928), slotNumber (EIP-7843).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_HEADER_H
#define CHAINSYNC_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "rlp.h"

/* Members every header has, and those that came with forks. */
#define HEADER_BASE_MEMBERS		15
#define HEADER_OPTIONAL_MEMBERS	8

/*
 * How many of the optional members the block has, from baseFeePerGas on.
 *
 * Returns: false when one is there although one before it is not
 * Out:	count:	0 to HEADER_OPTIONAL_MEMBERS
 *		reason:	on failure, the name of the member that is missing, a static
 *				string; may be NULL
 */
extern bool header_optional_members(int *count, const char **reason,
									const EvmBlock *block);

/*
 * Encode a block's header from the members the block has.
 *
 * Returns: false when a member of every header is missing, the optional ones
 *			are not a prefix of their order, or memory is out
 * Out:	rlp:	the encoding, in the writer's buffer
 *		reason:	on failure the JSON name of the member that is missing, or
 *				"out of memory"; a static string; may be NULL
 * In:	writer:	must be between two items
 */
extern bool header_encode(EvmBytes *rlp, const char **reason,
						  RlpWriter *writer, const EvmBlock *block);

/* As header_encode, but gives the hash of the encoding. */
extern bool header_hash(uint8_t *out32, const char **reason,
						RlpWriter *writer, const EvmBlock *block);

/*
 * Encode a withdrawal as the withdrawals trie holds it (EIP-4895):
 * [index, validatorIndex, address, amount].
 *
 * Returns: false when the address is missing or memory is out
 */
extern bool withdrawal_encode(EvmBytes *rlp, RlpWriter *writer,
							  const EvmWithdrawal *withdrawal);

#endif							/* CHAINSYNC_HEADER_H */
