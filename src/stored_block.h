/*-------------------------------------------------------------------------
 *
 * stored_block.h
 *	  A block as the chain's tables hold it, back in the structs of block.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_STORED_BLOCK_H
#define CHAINSYNC_STORED_BLOCK_H

#include "arena.h"
#include "block.h"
#include "chain.h"

typedef enum StoredState
{
	STORED_OK,
	STORED_MISSING,				/* no row in the table of blocks */
	STORED_BROKEN				/* rows that no block can have */
} StoredState;

typedef struct StoredBlock
{
	EvmBlock	block;
	TimestampTz timestamp;		/* blocks.timestamp */
	int64		checks;
	bool		has_checks;
	int64		transaction_count;	/* blocks.transaction_count */

	/* rows whose denormalised copy differs; -1: none, else the first's key */
	int64		bad_transaction_copy;
	int64		bad_log_copy;
	int64		bad_withdrawal_copy;
	char		problem[256];	/* when broken */
} StoredBlock;

/*
 * Reads block `number` with all its rows.  Bytes point into memory of the
 * current context and the arena.  SPI is connected; the statements run as
 * whoever the caller is now.
 */
extern StoredState stored_block_load(ChainConfig *chain, int64 number,
									 Arena *arena, StoredBlock *stored);

#endif							/* CHAINSYNC_STORED_BLOCK_H */
