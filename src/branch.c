/*-------------------------------------------------------------------------
 *
 * branch.c
 *	  The follower's way through a reorg.
 *
 * What is stored is compared with the node's chain at our own height with
 * every answer about the head.  Where they differ, the node's branch is
 * walked back by hash, header after header, and ours by what is stored, to
 * the block that both have; the new branch is then fetched by hash, proven,
 * and swapped in (reorg.c).  A very long branch is swapped in as far as a
 * batch goes; the rest follows as ordinary blocks.
 *
 * A node that is behind is no evidence: a lower head counts only if its hash
 * is not the one stored at that height.  Whatever does not add up on the way
 * (a header the node no longer has, a block that was replaced again) drops
 * the attempt, and the next answer about the head starts over.
 *
 * At or below the final block nothing is replaced: the chain halts, until
 * start(chain) tries again or start(chain, accept_reorg => true) allows it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "clock.h"
#include "follower.h"
#include "guc.h"
#include "hex.h"
#include "partition.h"
#include "reorg.h"
#include "stage.h"
#include "worker.h"
#include "writer.h"

/* An attempt that takes longer is dropped. */
#define ATTEMPT_MS 60000

/* Forgets the attempt; the next head starts over. */
void
branch_drop(Follower *f)
{
	f->branch.state = BRANCH_NONE;
	f->branch.count = 0;
	follower_drop_range(f);
}

/* The hash stored for a number; false when it is not stored. */
static bool
stored_hash(Follower *f, int64 number, uint8 *hash32)
{
	bool		found;

	if (!worker_begin())
		worker_exit("the extension was dropped");
	chain_lock_table(f->chain, chain_table(f->chain, TABLE_BLOCKS),
					 AccessShareLock);
	found = writer_read_hash(chain_table(f->chain, TABLE_BLOCKS), number,
							 "hash", hash32);
	worker_commit();
	return found;
}

/* Room for one more hash of the new branch, highest first. */
static void
push_hash(Branch *branch, const uint8 *hash32)
{
	if (branch->count == branch->room)
	{
		branch->room = Max(branch->room * 2, 64);
		branch->hashes = branch->hashes == NULL ?
			MemoryContextAlloc(TopMemoryContext, 32 * (Size) branch->room) :
			repalloc(branch->hashes, 32 * (Size) branch->room);
	}
	memcpy(branch->hashes + 32 * (Size) branch->count, hash32, 32);
	branch->count++;
}

static void
begin_attempt(Follower *f)
{
	follower_drop_range(f);
	f->branch.count = 0;
	f->branch.noticed_us = clock_us();
	f->branch.deadline = clock_ms() + ATTEMPT_MS;
	f->branch.old_head = f->tip_number;
	memcpy(f->branch.old_head_hash, f->tip_hash, 32);
	f->branch.conflict[0] = '\0';
	worker_set_activity("comparing branches");
}

/* Final blocks would be replaced. */
static void
halt(Follower *f, int64 number)
{
	char		old_hash[65] = "";
	char		new_hash[65] = "";

	hexbytes_encode(old_hash, f->branch.old_head_hash, 32);
	hexbytes_encode(new_hash, f->branch.hashes, 32);
	reorg_record_halt(f->chain, f->branch.old_head, f->branch.old_head_hash,
					  f->branch.top, f->branch.hashes);
	branch_drop(f);
	f->halted = true;
	follower_set_trouble(f, "XX001",
						 psprintf("the endpoints' chain differs at block %lld, "
								  "which is final here: stored head %lld is "
								  "0x%s, their block %lld is 0x%s. Stored "
								  "blocks are kept; start('%s') tries again, "
								  "start('%s', accept_reorg => true) takes "
								  "their chain",
								  (long long) number,
								  (long long) f->branch.old_head, old_hash,
								  (long long) f->branch.top, new_hash,
								  f->chain->name, f->chain->name));
}

/* The new branch is known down to the fork: fetch it. */
static void
fetch_branch(Follower *f, int64 fork, const uint8 *fork_hash)
{
	Branch	   *branch = &f->branch;
	int			count = Min(branch->count, f->chain->commit_blocks);
	uint8	   *hashes = palloc(32 * (Size) count);

	branch->fork = fork;
	branch->has_fork_hash = fork_hash != NULL;
	if (fork_hash != NULL)
		memcpy(branch->fork_hash, fork_hash, 32);
	for (int i = 0; i < count; i++)
		memcpy(hashes + 32 * (Size) i,
			   branch->hashes + 32 * (Size) (branch->count - 1 - i), 32);
	branch->fetched = count;
	branch->state = BRANCH_FETCH;
	source_drop(f->source);
	source_set_branch(f->source, fork + 1, hashes, count);
	pfree(hashes);
}

/* The node's block at our height is ours after all. */
static void
find_ours(Follower *f)
{
	bool		conflict = f->branch.conflict[0] != '\0';

	if (conflict)
		follower_set_trouble(f, "XX001",
							 psprintf("%s. If the stored block was replaced, "
									  "chainsync.resync() fetches it again",
									  f->branch.conflict));
	branch_drop(f);
	if (conflict)
		follower_hold(f);
}

/*
 * Takes one step down: the node's chain has block `number` with this hash and
 * this parent.
 */
static void
walk(Follower *f, int64 number, const uint8 *hash32, const uint8 *parent32)
{
	uint8		stored[32];

	if (stored_hash(f, number, stored))
	{
		if (memcmp(stored, hash32, 32) == 0)
		{
			if (f->branch.count == 0)
				find_ours(f);
			else
				fetch_branch(f, number, stored);
			return;
		}
		push_hash(&f->branch, hash32);
		if (number <= follower_final_limit(f) && !f->chain->accept_reorg)
		{
			halt(f, number);
			return;
		}
	}
	else
	{
		/* what is stored ends here */
		if (f->branch.count == 0)
			branch_drop(f);
		else
			fetch_branch(f, number, NULL);
		return;
	}
	if (number == 0)
	{
		fetch_branch(f, -1, NULL);
		return;
	}
	f->branch.next = number - 1;
	memcpy(f->branch.next_hash, parent32, 32);
	f->branch.by_number = false;
	f->branch.state = BRANCH_WALK;
	f->branch.asked = false;
}

/* Asks for the next header down; stays unasked while nobody can be asked. */
static void
ask_next(Follower *f)
{
	f->branch.asked = source_ask_header(f->source, f->branch.next,
										f->branch.by_number ? NULL :
										f->branch.next_hash);
}

void
branch_see_head(Follower *f)
{
	const SourceHead *head = source_head(f->source);
	uint8		stored[32];

	if (f->branch.state != BRANCH_NONE || f->tip_number < 0)
		return;
	if (head->latest > f->tip_number)
	{
		/* the next block's parent tells, unless there is none to fetch */
		if (!f->have_range && !f->plan_needed &&
			f->tip_number > follower_final_limit(f))
			branch_compare_tip(f, NULL);
		return;
	}
	if (head->latest == f->tip_number)
		memcpy(stored, f->tip_hash, 32);
	else if (!stored_hash(f, head->latest, stored))
		return;
	if (memcmp(stored, head->latest_hash, 32) == 0)
		return;
	begin_attempt(f);
	f->branch.top = head->latest;
	walk(f, head->latest, head->latest_hash, head->latest_parent);
	if (f->branch.state == BRANCH_WALK)
		ask_next(f);
}

void
branch_compare_tip(Follower *f, const char *conflict)
{
	if (f->branch.state != BRANCH_NONE || f->tip_number < 0)
		return;
	begin_attempt(f);
	strlcpy(f->branch.conflict, conflict ? conflict : "",
			sizeof(f->branch.conflict));
	f->branch.top = f->tip_number;
	f->branch.next = f->tip_number;
	f->branch.by_number = true;
	f->branch.state = BRANCH_WALK;
	ask_next(f);
}

static void
step_walk(Follower *f)
{
	const SourceHeader *header = source_header(f->source);
	SourceHeader copy;

	if (!f->branch.asked)
	{
		ask_next(f);
		return;
	}
	switch (header->state)
	{
		case HEADER_ASKED:
			break;
		case HEADER_FOUND:
			copy = *header;
			if (copy.number != f->branch.next ||
				(!f->branch.by_number &&
				 memcmp(copy.hash, f->branch.next_hash, 32) != 0))
				branch_drop(f);
			else
				walk(f, copy.number, copy.hash, copy.parent_hash);
			if (f->branch.state == BRANCH_WALK && !f->branch.asked)
				ask_next(f);
			break;
		case HEADER_FAILED:
			f->branch.asked = false;
			break;
		default:
			branch_drop(f);
			follower_hold(f);
			break;
	}
}

/* The branch as fetched links, from the fork to its end. */
static bool
branch_links(Follower *f)
{
	const uint8 *parent = f->branch.has_fork_hash ? f->branch.fork_hash : NULL;

	for (int i = 0; i < f->branch.fetched; i++)
	{
		const EvmBlock *block = &source_peek(f->source, i)->block;

		if (parent != NULL && memcmp(block->parent_hash, parent, 32) != 0)
			return false;
		parent = block->hash;
	}
	return true;
}

static void
fill_swap(Follower *f, ReorgSwap *swap)
{
	const SourceBlock *last = source_peek(f->source, f->branch.fetched - 1);

	memset(swap, 0, sizeof(*swap));
	swap->fork = f->branch.fork;
	swap->has_fork_hash = f->branch.has_fork_hash;
	memcpy(swap->fork_hash, f->branch.fork_hash, 32);
	swap->old_head = f->branch.old_head;
	memcpy(swap->old_head_hash, f->branch.old_head_hash, 32);
	swap->new_last = last->number;
	memcpy(swap->new_last_hash, last->block.hash, 32);
	swap->new_last_timestamp = stage_timestamp(last->block.timestamp);
	swap->noticed_us = f->branch.noticed_us;
}

/* All of it has arrived: write it in place of what is stored. */
static void
swap_in(Follower *f)
{
	Stage	   *stage = stage_create();
	ReorgSwap	swap;
	WriteResult result;

	for (int i = 0; i < f->branch.fetched; i++)
	{
		SourceBlock *block = source_peek(f->source, i);

		stage_add_block(stage, &block->block,
						block->has_checks ? &block->checks : NULL);
	}
	fill_swap(f, &swap);
	result = reorg_swap(f->chain, stage, &swap);
	stage_end(stage);
	if (result == WRITE_GONE)
		worker_exit("the chain, or the extension, was removed");
	if (result == WRITE_DONE)
	{
		follower_set_tip(f, swap.new_last, swap.new_last_hash);
		f->current_block = swap.new_last;
		f->chain->accept_reorg = false;
		follower_set_trouble(f, NULL, NULL);
		ereport(LOG,
				(errmsg("chainsync chain \"%s\": reorg of depth %lld: blocks "
						"%lld to %lld were replaced, head is now %lld",
						f->chain->name,
						(long long) (swap.old_head - swap.fork),
						(long long) swap.fork + 1, (long long) swap.old_head,
						(long long) swap.new_last)));
		follower_publish(f);
	}
	branch_drop(f);
}

static void
step_fetch(Follower *f)
{
	char		reason[SHMEM_TEXT_SIZE];
	const char *unfit;

	for (int i = 0; i < f->branch.fetched; i++)
	{
		SourceBlock *block = source_peek(f->source, i);

		if (block == NULL)
			return;
		if (block->state == SOURCE_FAILED ||
			!stage_check_block(&block->block, &unfit))
		{
			branch_drop(f);
			follower_hold(f);
			return;
		}
	}
	if (!branch_links(f))
	{
		branch_drop(f);
		follower_hold(f);
		return;
	}
	if (!partition_ensure(f->chain, f->branch.fork + 1,
						  f->branch.fork + f->branch.fetched, reason,
						  sizeof(reason)))
	{
		follower_hold(f);
		return;
	}
	swap_in(f);
}

void
branch_step(Follower *f)
{
	MemoryContext old = MemoryContextSwitchTo(f->batch_context);

	if (clock_ms() > f->branch.deadline)
	{
		branch_drop(f);
		follower_hold(f);
	}
	else if (f->branch.state == BRANCH_WALK)
		step_walk(f);
	else if (f->branch.state == BRANCH_FETCH)
		step_fetch(f);
	MemoryContextSwitchTo(old);
}
