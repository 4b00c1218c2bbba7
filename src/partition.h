/*-------------------------------------------------------------------------
 *
 * partition.h
 *	  Makes the partitions of a chain's tables, ahead of need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_PARTITION_H
#define CHAINSYNC_PARTITION_H

#include "chain.h"

/*
 * Sees to it that every table of the chain has partitions for the blocks
 * [first, last], in transactions of its own; in none when called.  Returns
 * false when a lock could not be had within a second, with a line about it in
 * `reason`; other trouble is an ERROR.
 */
extern bool partition_ensure(ChainConfig *chain, int64 first, int64 last,
							 char *reason, Size reason_size);

#endif							/* CHAINSYNC_PARTITION_H */
