/*-------------------------------------------------------------------------
 *
 * block_check.h
 *	  Whether a block and its receipts belong together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_BLOCK_CHECK_H
#define CHAINSYNC_BLOCK_CHECK_H

#include "block.h"

/*
 * Compares what the answers say of themselves: the number is the one asked
 * for; transactions and receipts stand at their index; receipts and logs name
 * this block's hash and their transaction's; indexes of logs and of
 * withdrawals rise.  Nothing is
 * hashed here.
 *
 * Returns true, or false with a line in `message` that names the member.
 */
extern bool block_check_positions(const EvmBlock *block, uint64_t number,
								  char *message, size_t message_size);

#endif							/* CHAINSYNC_BLOCK_CHECK_H */
