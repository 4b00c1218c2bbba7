/*-------------------------------------------------------------------------
 *
 * writer.h
 *	  Writes staged rows and the position in one transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_WRITER_H
#define CHAINSYNC_WRITER_H

#include "chain.h"
#include "stage.h"

typedef enum WriteResult
{
	WRITE_DONE,
	WRITE_STALE,				/* the generation differs: plan again */
	WRITE_GONE,					/* the chain, or the extension, is gone */
	WRITE_CONFLICT,				/* does not link to what is stored */
	WRITE_BUSY					/* a lock was not to be had, or others' rows
								 * stood in the way: plan again later */
} WriteResult;

/* The blocks of a batch: neighbours, first to last. */
typedef struct WriteBatch
{
	int64		first;
	int64		last;
	const uint8 *first_parent;	/* 32 bytes: parent hash of `first` */
	const uint8 *last_hash;		/* 32 bytes: hash of `last` */
	TimestampTz last_timestamp;
	int64		generation;		/* the batch was planned with */
	bool		is_final;		/* all of it is finalized history */
	bool		retried;		/* it may clear rows of failed_ranges */
	bool		note_stored;	/* note its last block as the highest */
} WriteBatch;

/*
 * Writes the rows of `stage` and the range of `batch`, all or nothing.  In no
 * transaction when called and when it returns.  On WRITE_CONFLICT and
 * WRITE_BUSY `message` says what it is.  Errors of the database are ERRORs.
 *
 * write_us and commit_us are added to.
 */
extern WriteResult writer_put_batch(ChainConfig *chain, Stage *stage,
									const WriteBatch *batch, char *message,
									Size message_size, int64 *write_us,
									int64 *commit_us);

/* Inserts all staged rows, in the caller's transaction; tables locked. */
extern void writer_insert(ChainConfig *chain, Stage *stage);

/*
 * Reads hash or parent_hash of a stored block; false when it is not stored.
 */
extern bool writer_read_hash(const ChainTable *blocks, int64 number,
							 const char *column, uint8 *hash32);

/*
 * NOTIFY chainsync with a line of JSON at commit, unless chainsync.notify is
 * off or the queue is more than half full.
 */
extern void writer_notify(const ChainConfig *chain, const char *kind,
						  int64 first, int64 last, const uint8 *hash32);

/* Forgets the kept plans, when the chain's configuration was read again. */
extern void writer_reset(void);

#endif							/* CHAINSYNC_WRITER_H */
