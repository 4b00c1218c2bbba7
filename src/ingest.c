/*-------------------------------------------------------------------------
 *
 * ingest.c
 *	  Takes blocks from the source, in order, and writes them in batches.
 *
 * A batch is a run of neighbours that link.  It is written when it is full by
 * blocks or bytes, when its oldest block has waited long enough, or when the
 * range ends: a block at the head is not kept waiting.  A block that cannot
 * be stored for its own sake goes to failed_ranges, and the rest goes on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "clock.h"
#include "follower.h"
#include "guc.h"
#include "hex.h"
#include "partition.h"
#include "stage.h"
#include "worker.h"
#include "writer.h"

/* Neighbours that link, from the front of the window; 0: none yet. */
static int
gather(Follower *f, Size *bytes, bool *broken)
{
	SourceBlock *previous = NULL;
	SourceBlock *block;
	int			count = 0;

	*bytes = 0;
	*broken = false;
	while ((block = source_peek(f->source, count)) != NULL &&
		   block->state == SOURCE_READY &&
		   count < f->chain->commit_blocks &&
		   (count == 0 || *bytes < (Size) chainsync_commit_bytes * 1024))
	{
		if (previous != NULL &&
			memcmp(block->block.parent_hash, previous->block.hash, 32) != 0)
		{
			*broken = true;
			break;
		}
		*bytes += block->bytes;
		previous = block;
		count++;
	}
	return count;
}

/* Whether what was gathered shall be written now. */
static bool
is_due(Follower *f, int count, Size bytes, bool broken)
{
	SourceBlock *next = source_peek(f->source, count);
	int64		now = clock_ms();

	if (count == 0)
		return false;
	if (f->batch_since == 0)
		f->batch_since = now;
	if (broken || count >= f->chain->commit_blocks ||
		bytes >= (Size) chainsync_commit_bytes * 1024 ||
		source_is_full(f->source) ||
		now - f->batch_since >= chainsync_commit_interval)
		return true;
	if (next != NULL && next->state == SOURCE_FAILED)
		return true;
	/* the end of the range: a block at the head is not kept waiting */
	return source_peek(f->source, count - 1)->number == f->range_last;
}

/* Two blocks as fetched do not link: the chain changed under us. */
static void
report_broken_link(Follower *f, int count)
{
	const SourceBlock *child = source_peek(f->source, count);
	const SourceBlock *parent = source_peek(f->source, count - 1);
	char		parent_hash[65] = "";
	char		hash[65] = "";

	hexbytes_encode(parent_hash, child->block.parent_hash, 32);
	hexbytes_encode(hash, parent->block.hash, 32);
	follower_set_trouble(f, "XX001",
						 psprintf("block %lld does not link to block %lld: its parent "
								  "hash is 0x%s, the hash is 0x%s",
								  (long long) child->number,
								  (long long) parent->number, parent_hash, hash));
	follower_drop_range(f);
	follower_hold(f);
}

/* A value that does not fit, found when the row is to be made. */
static bool
find_unfit(Follower *f, int count, int *index, const char **message)
{
	for (int i = 0; i < count; i++)
	{
		if (!stage_check_block(&source_peek(f->source, i)->block, message))
		{
			*index = i;
			return true;
		}
	}
	return false;
}

static void
record_failure(Follower *f, const char *reason, const char *message)
{
	int64		number = source_peek(f->source, 0)->number;

	if (!worker_begin())
		worker_exit("the extension was dropped");
	position_fail(f->chain_id, number, number, reason, message);
	worker_commit();
	ereport(LOG,
			(errmsg("chainsync chain \"%s\": block %lld cannot be stored "
					"(%s): %s", f->chain->name, (long long) number, reason,
					message),
			 errhint("It is tried again later; see "
					 "chainsync.failed_ranges.")));
	source_pop(f->source, 1);
}

static void
count_written(Follower *f, const Stage *stage)
{
	f->counters.blocks += stage->tables[TABLE_BLOCKS].count;
	f->counters.transactions += stage->tables[TABLE_TRANSACTIONS].count;
	f->counters.logs += stage->tables[TABLE_LOGS].count;
	f->counters.withdrawals += stage->tables[TABLE_WITHDRAWALS].count;
	f->counters.commits++;
	follower_update_rate(f, stage->tables[TABLE_BLOCKS].count);
}

static WriteResult
write_staged(Follower *f, Stage *stage, int count, char *message,
			 Size message_size)
{
	SourceBlock *first = source_peek(f->source, 0);
	SourceBlock *last = source_peek(f->source, count - 1);
	WriteBatch	batch = {0};
	int64		now = clock_ms();

	batch.first = first->number;
	batch.last = last->number;
	batch.first_parent = first->block.parent_hash;
	batch.last_hash = last->block.hash;
	batch.last_timestamp = stage_timestamp(last->block.timestamp);
	batch.generation = f->generation;
	batch.is_final = last->number <= follower_final_limit(f);
	batch.retried = f->retried;
	batch.note_stored = last->number == f->range_last ||
		now >= f->next_note;
	if (batch.note_stored)
		f->head_noted = false;
	return writer_put_batch(f->chain, stage, &batch, message, message_size,
							&f->counters.write_us, &f->counters.commit_us);
}

/*
 * Where the first block does not link to the highest stored one, that may
 * have been replaced: a reorg.  Anywhere else it is trouble.
 */
static void
report_conflict(Follower *f, const char *message)
{
	int64		first = source_peek(f->source, 0)->number;

	if (first == f->tip_number + 1)
	{
		follower_drop_range(f);
		branch_compare_tip(f, message);
		return;
	}
	follower_set_trouble(f, "XX001",
						 psprintf("%s. If the stored block was replaced, "
								  "chainsync.resync() fetches it again",
								  message));
	follower_drop_range(f);
	follower_hold(f);
}

/* What is to be done once a batch is written, or not. */
static void
after_write(Follower *f, WriteResult result, Stage *stage, int count,
			const char *message)
{
	switch (result)
	{
		case WRITE_DONE:
			f->holds = 0;
			if (source_peek(f->source, count - 1)->number > f->tip_number)
				follower_set_tip(f,
								 source_peek(f->source, count - 1)->number,
								 source_peek(f->source, count - 1)->block.hash);
			f->current_block = Max(f->current_block,
								   source_peek(f->source, count - 1)->number);
			count_written(f, stage);
			source_pop(f->source, count);
			if (source_trouble(f->source) == NULL)
				follower_set_trouble(f, NULL, NULL);
			follower_publish(f);
			break;
		case WRITE_STALE:
			follower_drop_range(f);
			break;
		case WRITE_GONE:
			worker_exit("the chain, or the extension, was removed");
		case WRITE_BUSY:
			strlcpy(f->waits_for, message, sizeof(f->waits_for));
			ereport(LOG,
					(errmsg("chainsync chain \"%s\": could not write, tries "
							"again: %s", f->chain->name, message)));
			follower_drop_range(f);
			follower_hold(f);
			break;
		case WRITE_CONFLICT:
			report_conflict(f, message);
			break;
	}
}

static void
write_batch(Follower *f, int count)
{
	char		message[SHMEM_TEXT_SIZE];
	int64		start;
	Stage	   *stage;
	WriteResult result;

	if (!partition_ensure(f->chain, source_peek(f->source, 0)->number,
						  source_peek(f->source, count - 1)->number,
						  message, sizeof(message)))
	{
		strlcpy(f->waits_for, message, sizeof(f->waits_for));
		follower_hold(f);
		return;
	}
	f->waits_for[0] = '\0';
	start = clock_us();
	stage = stage_create();
	for (int i = 0; i < count; i++)
	{
		SourceBlock *block = source_peek(f->source, i);

		stage_add_block(stage, &block->block,
						block->has_checks ? &block->checks : NULL);
	}
	f->counters.stage_us += clock_us() - start;
	result = write_staged(f, stage, count, message, sizeof(message));
	after_write(f, result, stage, count, message);
	stage_end(stage);
}

/* Writes what was gathered, up to a value that does not fit its column. */
static void
write_gathered(Follower *f, int count)
{
	const char *message;
	int			unfit;

	f->batch_since = 0;
	if (find_unfit(f, count, &unfit, &message))
	{
		if (unfit == 0)
		{
			record_failure(f, "value_out_of_range", message);
			return;
		}
		count = unfit;
	}
	write_batch(f, count);
}

/*
 * Writes what has arrived, as far as it shall be; true if it did anything.
 */
bool
ingest_blocks(Follower *f)
{
	MemoryContext old = MemoryContextSwitchTo(f->batch_context);
	SourceBlock *front = source_peek(f->source, 0);
	Size		bytes;
	bool		broken;
	bool		done = true;
	int			count;

	MemoryContextReset(f->batch_context);
	if (front != NULL && front->state == SOURCE_FAILED)
		record_failure(f, front->reason, pstrdup(front->message));
	else
	{
		count = gather(f, &bytes, &broken);
		if (!is_due(f, count, bytes, broken))
			done = false;
		else if (broken && f->holds == 0)
			report_broken_link(f, count);	/* fetched anew, once */
		else
			write_gathered(f, count);
	}
	if (f->have_range && source_exhausted(f->source))
	{
		f->have_range = false;
		f->plan_needed = true;
	}
	MemoryContextSwitchTo(old);
	return done;
}
