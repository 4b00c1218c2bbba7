/*-------------------------------------------------------------------------
 *
 * txn_arbitrum.h
 *	  The transaction types of Arbitrum Nitro (ArbOS transaction types,
 *	  "Geth at the core" in Nitro's documentation): 0x64 deposit, 0x65
 *	  unsigned, 0x66 contract, 0x68 retry, 0x69 submit retryable, 0x6a
 *	  internal.
 *
 * None has a signature; `from` is part of what is hashed, but for 0x6a, which
 * is always ArbOS's.  JSON-RPC names the members that Ethereum does not have
 * requestId, ticketId, refundTo, maxRefund, submissionFeeRefund, l1BaseFee,
 * depositValue, retryTo, retryValue, retryData, beneficiary and
 * maxSubmissionFee; the fee cap is maxFeePerGas, or gasPrice where that is
 * left out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_TXN_ARBITRUM_H
#define CHAINSYNC_TXN_ARBITRUM_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "rlp.h"
#include "txn.h"

#define TXN_ARB_DEPOSIT				0x64
#define TXN_ARB_UNSIGNED			0x65
#define TXN_ARB_CONTRACT			0x66
#define TXN_ARB_RETRY				0x68
#define TXN_ARB_SUBMIT_RETRYABLE	0x69
#define TXN_ARB_INTERNAL			0x6a

/*
 * Encode a transaction as its hash covers it: type || rlp([...]).
 *
 * Returns: TXN_UNKNOWN_TYPE for any other type
 * Out:	out:	the encoding, in the writer's buffer
 * In:	writer:	must be between two items, and have an arena
 */
extern TxnStatus txn_arbitrum_encode(EvmBytes *out, RlpWriter *writer,
									 const EvmTransaction *tx);

/*
 * Whether the members that the hash does not cover are those that the type
 * implies: nonce, gas, value, to, input, from.
 *
 * Returns: NULL, or the name of the member that is not: a static string
 * In:	arena:	for the input of a submit retryable
 */
extern const char *txn_arbitrum_wrong_member(Arena *arena,
											 const EvmTransaction *tx);

#endif							/* CHAINSYNC_TXN_ARBITRUM_H */
