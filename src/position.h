/*-------------------------------------------------------------------------
 *
 * position.h
 *	  The sync position: what is stored of a chain, and the lock on it.
 *
 * sync_state's row is the chain's lock (FOR UPDATE).  Whoever changes what is
 * stored holds it at commit.  The lock and what is read under it are separate
 * statements with snapshots of their own, in READ COMMITTED: in one statement
 * the neighbour's commit would not be seen.
 *
 * All functions: SPI connected, the extension's owner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_POSITION_H
#define CHAINSYNC_POSITION_H

#include "chain.h"

typedef struct HeadState
{
	int64		latest;			/* -1: not known, likewise the others */
	int64		safe;
	int64		finalized;
} HeadState;

/* Locks the chain; returns its generation, or -1 when the chain is gone. */
extern int64 position_lock(int chain);

/* Notes that [first, last] are stored; the chain is locked. */
extern void position_append(int chain, int64 first, int64 last);

/* Notes head and tags; the chain need not be locked. */
extern void position_note_head(int chain, const HeadState *head);

/* Notes the highest stored block; the chain is locked. */
extern void position_note_stored(int chain, int64 number,
								 const uint8 *hash32, TimestampTz timestamp);

/* Reads what was noted. */
extern void position_read_head(int chain, HeadState *head);

/*
 * The first range [*first, *last] of the target up to `latest` that is
 * neither stored nor waiting in failed_ranges; false when there is none, then
 * *retry_ms says when a failed range is due (-1: never).
 */
extern bool position_next_range(int chain, int64 latest, int64 *first,
								int64 *last, int64 *generation,
								long *retry_ms);

/* Turns last_blocks into a target, once the head is known. */
extern void position_resolve_last_blocks(int chain, int64 latest);

/*
 * Folds the appended ranges into sync_state.synced; true if there were any.
 * Without `wait` it leaves a locked chain alone.
 */
extern bool position_fold(int chain, bool wait);

/* Takes blocks (a multirange literal) out of the position; chain locked. */
extern void position_cut(int chain, const char *multirange);

/*
 * A reorg: of what is above `fork`, only [fork + 1, last] is stored any more;
 * chain locked.
 */
extern void position_swap(int chain, int64 fork, int64 last);

/* Notes that [first, last] cannot be stored, to be tried again later. */
extern void position_fail(int chain, int64 first, int64 last,
						  const char *reason, const char *message);

/* Forgets failures inside [first, last], which are stored now. */
extern void position_clear_failed(int chain, int64 first, int64 last);

#endif							/* CHAINSYNC_POSITION_H */
