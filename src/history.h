/*-------------------------------------------------------------------------
 *
 * history.h
 *	  Deletes stored blocks: the one routine for whatever cuts history.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_HISTORY_H
#define CHAINSYNC_HISTORY_H

#include "chain.h"

/*
 * Deletes the rows of the given blocks from every table of the chain, in the
 * caller's transaction, takes them out of the position, records it in reorgs
 * as `kind`, and returns the number of blocks deleted.
 *
 * Locks in the order that keeps deadlocks away: the tables, then the chain.
 * SPI connected, the extension's owner, READ COMMITTED.  `multirange` is the
 * text of an int8multirange.
 */
extern int64 history_delete(ChainConfig *chain, const char *kind,
							const char *multirange);

/*
 * An error above READ COMMITTED: a change of stored data must see what the
 * workers commit meanwhile.
 */
extern void history_require_read_committed(void);

/*
 * The two halves, for whoever does more than delete: locks the tables and
 * then the chain, and returns its generation, or -1 when it is gone;
 */
extern int64 history_lock(ChainConfig *chain, const char *multirange);

/* and, with those locks, deletes the rows and returns the number of blocks. */
extern int64 history_delete_rows(ChainConfig *chain, const char *multirange);

#endif							/* CHAINSYNC_HISTORY_H */
