/*-------------------------------------------------------------------------
 *
 * replay.h
 *	  Recorded blocks from files.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_REPLAY_H
#define CHAINSIM_REPLAY_H

#include "chain.h"

/*
 * Adds the blocks of a file or of every such file in a directory: `.json` and
 * `.json.gz` hold one {"block":…,"receipts":[…]|null}, `.jsonl` and
 * `.jsonl.zst` one a line.  What cannot be read ends the program.  Call
 * replay_finish when all are in.
 */
extern void replay_load(SimChain *chain, const char *path);

/* Orders the blocks; two different ones of a number end the program. */
extern void replay_finish(SimChain *chain);

#endif							/* CHAINSIM_REPLAY_H */
