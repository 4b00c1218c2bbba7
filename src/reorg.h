/*-------------------------------------------------------------------------
 *
 * reorg.h
 *	  Replaces one branch of the chain by another, in one transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_REORG_H
#define CHAINSYNC_REORG_H

#include "chain.h"
#include "stage.h"
#include "writer.h"

typedef struct ReorgSwap
{
	int64		fork;			/* last block of both branches; -1: none */
	bool		has_fork_hash;	/* it is stored, with this hash: */
	uint8		fork_hash[32];
	int64		old_head;		/* highest stored block, with this hash: */
	uint8		old_head_hash[32];
	int64		new_last;		/* last staged block */
	uint8		new_last_hash[32];
	TimestampTz new_last_timestamp;
	int64		noticed_us;		/* clock_us */
} ReorgSwap;

/*
 * Deletes what is stored above the fork, keeping blocks and logs as orphaned,
 * writes the staged blocks fork + 1 to new_last in its place, moves the
 * position and notifies: all or nothing, and a reader sees the one branch or
 * the other.  In no transaction when called and when it returns.
 *
 * WRITE_STALE when what is stored is not what the swap was made for.
 */
extern WriteResult reorg_swap(ChainConfig *chain, Stage *stage,
							  const ReorgSwap *swap);

/*
 * Records that a chain halted because final blocks would be replaced; once
 * for one new head.
 */
extern void reorg_record_halt(ChainConfig *chain, int64 old_head,
							  const uint8 *old_hash32, int64 new_head,
							  const uint8 *new_hash32);

/* Deletes records older than chainsync.reorg_retention; SPI connected. */
extern void reorg_prune(void);

#endif							/* CHAINSYNC_REORG_H */
