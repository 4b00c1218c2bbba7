/*-------------------------------------------------------------------------
 *
 * follower.h
 *	  What follower.c and ingest.c share: the state of a chain's follower.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_FOLLOWER_H
#define CHAINSYNC_FOLLOWER_H

#include "chain.h"
#include "position.h"
#include "shmem.h"
#include "source.h"

/* Where the follower is in a reorg. */
typedef enum BranchState
{
	BRANCH_NONE = 0,
	BRANCH_WALK,				/* down the node's branch, by headers */
	BRANCH_FETCH				/* the new branch's blocks */
} BranchState;

typedef struct Branch
{
	BranchState state;
	int64		noticed_us;		/* clock_us */
	int64		deadline;		/* clock_ms */
	int64		top;			/* number of the first hash */
	uint8	   *hashes;			/* the new branch, highest first, 32 bytes
								 * each */
	int			count;
	int			room;
	bool		asked;			/* for the next header: */
	bool		by_number;
	int64		next;
	uint8		next_hash[32];
	int64		fork;
	bool		has_fork_hash;
	uint8		fork_hash[32];
	int			fetched;		/* blocks of it in the source's range */
	int64		old_head;
	uint8		old_head_hash[32];
	char		conflict[SHMEM_TEXT_SIZE];	/* what did not link, if it began
											 * so */
} Branch;

typedef struct Follower
{
	int			chain_id;
	MemoryContext config_context;	/* chain, source */
	MemoryContext batch_context;	/* a batch */
	ChainConfig *chain;
	Source	   *source;

	HeadState	head;			/* latest -1: not yet asked */
	uint64		head_answers;	/* those seen */
	int64		next_poll;		/* clock_ms, like all times here */
	int64		next_tags;
	int64		next_note;
	bool		head_noted;

	int64		tip_number;		/* highest stored block; -1: none */
	uint8		tip_hash[32];
	Branch		branch;

	bool		have_range;
	int64		range_last;
	int64		generation;
	bool		plan_needed;
	int64		next_plan;		/* 0: when something changes */
	bool		retried;		/* failed_ranges may hold some of it */
	int64		batch_since;	/* 0: nothing gathered */
	int64		hold_until;		/* after a conflict, a lock: not before */
	int			holds;			/* in a row */
	bool		halted;

	bool		caught_up;
	char		waits_for[SHMEM_TEXT_SIZE];
	bool		source_trouble; /* trouble is the endpoints', not ours */
	char		trouble[SHMEM_TEXT_SIZE];
	char		logged[SHMEM_TEXT_SIZE];
	ChainStatus shown_status;
	char		shown_reason[SHMEM_TEXT_SIZE];
	WorkerCounters counters;
	int64		seen_bytes;
	int64		seen_verify_us;
	int64		rate_since;
	int64		rate_blocks;
	double		rate;
	int64		current_block;
	int64		next_report;
	int64		reported_blocks;
	int64		reported_at;
} Follower;

/* Blocks up to here are not replaced any more. */
extern int64 follower_final_limit(const Follower *f);

/*
 * Shows and logs what keeps the chain; NULL when nothing does.  Logged once
 * per change, not once per failure.
 */
extern void follower_set_trouble(Follower *f, const char *sqlstate,
								 const char *message);

/* Forgets the range and what is in flight: plan again. */
extern void follower_drop_range(Follower *f);

/* Nothing is taken before a delay, which doubles. */
extern void follower_hold(Follower *f);

/* Copies what there is to show into the slot. */
extern void follower_publish(Follower *f);

/* Counts blocks that were written just now. */
extern void follower_update_rate(Follower *f, int64 blocks);

/* Remembers the highest stored block. */
extern void follower_set_tip(Follower *f, int64 number, const uint8 *hash32);

/*
 * branch.c: compares a new answer about the head with what is stored at its
 * height; asks for the node's block at our own height (conflict: what did not
 * link, or NULL); goes on with a reorg that was found; drops it.
 */
extern void branch_see_head(Follower *f);
extern void branch_compare_tip(Follower *f, const char *conflict);
extern void branch_step(Follower *f);
extern void branch_drop(Follower *f);

/*
 * ingest.c: writes what has arrived, as far as it shall be; true if it did
 * anything.
 */
extern bool ingest_blocks(Follower *f);

#endif							/* CHAINSYNC_FOLLOWER_H */
