/*-------------------------------------------------------------------------
 *
 * block_json.h
 *	  From JSON-RPC results to the structs of block.h: the hot path.
 *
 * Every function reads one JSON value at the scanner's position and leaves
 * the scanner behind it.  Strict: quantities are "0x0" or "0x" and digits
 * without a leading zero (upper- and lower-case digits), data has an even
 * number of digits and, where its size is known, exactly that size; a member
 * that appears twice is an error; members nobody knows are skipped, checked
 * as JSON only.  null for the whole value sets *is_null and succeeds.
 *
 * Arrays and structs come from the arena, bytes stay in the scanner's buffer.
 * On false, scanner->error says what was wrong: JSON_OUT_OF_RANGE names the
 * member and means a well-formed value too large for its C type.  Messages
 * read
 *
 *		member "gasUsed": quantity has a leading zero, in receipts[3]
 *
 * A member name with an escape is refused: no name can be written two ways.
 * In every member of EIP-4895 withdrawals and EIP-7702 authorizations, and in
 * the address of EIP-2930 access lists, absent and null are JSON_MISSING.
 *
 * The members kept as `extra` stay as they were written, and are such that
 * PostgreSQL's jsonb takes them: no escaped U+0000, no boundless number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_BLOCK_JSON_H
#define CHAINSYNC_BLOCK_JSON_H

#include "arena.h"
#include "block.h"
#include "json.h"

/*
 * eth_getBlockByNumber/eth_getBlockByHash with full transactions.  Required:
 * number, hash, parentHash, timestamp, transactions as objects (hashes only
 * are JSON_INVALID with a message that says so); in a transaction hash,
 * transactionIndex.
 */
extern bool block_json_read_block(JsonScanner *scanner, Arena *arena,
								  EvmBlock *block, bool *is_null);

/*
 * The same result when only its header is wanted: transactions, objects or
 * hashes, and withdrawals are skipped.
 */
extern bool block_json_read_header(JsonScanner *scanner, Arena *arena,
								   EvmBlock *block, bool *is_null);

/*
 * eth_getBlockReceipts: an array.  Required in a receipt: transactionHash,
 * transactionIndex, logs; in a log: address, topics (at most 4), data,
 * logIndex.
 */
extern bool block_json_read_receipts(JsonScanner *scanner, Arena *arena,
									 EvmReceipt **receipts, uint32_t *count,
									 bool *is_null);

/* eth_getTransactionReceipt */
extern bool block_json_read_receipt(JsonScanner *scanner, Arena *arena,
									EvmReceipt *receipt, bool *is_null);

#endif							/* CHAINSYNC_BLOCK_JSON_H */
