/*-------------------------------------------------------------------------
 *
 * source.h
 *	  Fetches the blocks of a range, in order, from a chain's endpoints.
 *
 * A Source keeps a window of blocks: requests for several are in flight, the
 * caller takes the finished ones from the front.  It asks the head, checks
 * who an endpoint is before believing it, and turns to another endpoint when
 * one fails.  Nothing a node does is an ERROR here.
 *
 * A Source belongs to one worker and lives in the memory context it was made
 * in; no function may be called inside a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_SOURCE_H
#define CHAINSYNC_SOURCE_H

#include "arena.h"
#include "block.h"
#include "chain.h"
#include "pool.h"

typedef struct Source Source;

typedef enum SourceState
{
	SOURCE_PENDING = 0,			/* not all of it has arrived */
	SOURCE_READY,				/* complete and consistent */
	SOURCE_FAILED				/* cannot be had for its own sake */
} SourceState;

/* A block of the window. */
typedef struct SourceBlock
{
	int64		number;
	SourceState state;
	EvmBlock	block;			/* valid when ready */
	bool		has_checks;		/* something was proven: */
	int64		checks;			/* blocks.checks */
	Size		bytes;			/* of the answers */
	const char *reason;			/* when failed: failed_ranges.reason */
	char		message[256];	/* when failed */

	/* source.c's own */
	struct SourceFetch *fetch;
} SourceBlock;

/* What the endpoints said of the head. */
typedef struct SourceHead
{
	uint64		answers;		/* counts the answers */
	int64		latest;			/* -1: not known, likewise the others */
	int64		safe;
	int64		finalized;
	uint8		latest_hash[32];
	uint8		latest_parent[32];
} SourceHead;

typedef enum HeaderState
{
	HEADER_NONE = 0,			/* not asked for */
	HEADER_ASKED,
	HEADER_FOUND,
	HEADER_ABSENT,				/* the node has no such block (any more) */
	HEADER_FAILED				/* no answer; ask again */
} HeaderState;

/* A header asked for by source_ask_header(). */
typedef struct SourceHeader
{
	HeaderState state;
	int64		number;
	uint8		hash[32];
	uint8		parent_hash[32];
} SourceHeader;

/* Whom the endpoints say they are, where the chain did not know. */
typedef struct SourceIdentity
{
	bool		learned;		/* set once, for the caller to store */
	char		chain_id[80];	/* decimal */
	bool		has_genesis;
	uint8		genesis[32];
	bool		mismatch;		/* every endpoint shows another genesis */
} SourceIdentity;

extern Source *source_create(ChainConfig *chain);
extern void source_destroy(Source *source);

/*
 * Fetch [first, last].  Blocks above `final` may still be replaced, so their
 * receipts are asked for by block hash.
 */
extern void source_set_range(Source *source, int64 first, int64 last,
							 int64 final);

/*
 * Fetch the blocks from `first` on that have these hashes, 32 bytes each.  One
 * that the node does not have any more is failed, with reason "orphaned".
 */
extern void source_set_branch(Source *source, int64 first,
							  const uint8 *hashes, int count);

/* Forget the range and what is in flight. */
extern void source_drop(Source *source);

/*
 * Ask for the head, and for the tags too; no-op while asked already.  False
 * when no endpoint could be asked now.
 */
extern bool source_ask_head(Source *source, bool tags);

/*
 * Ask for one header, by hash, or by number where hash32 is NULL; one at a
 * time.  False when no endpoint could be asked now.
 */
extern bool source_ask_header(Source *source, int64 number,
							  const uint8 *hash32);
extern const SourceHeader *source_header(const Source *source);

/*
 * Sends what can be sent and waits for answers: returns when something
 * changed, the latch was set, or timeout_ms passed.
 */
extern void source_pump(Source *source, long timeout_ms);

/* Block `index` from the front of the window, or NULL. */
extern SourceBlock *source_peek(Source *source, int index);

/* Take `count` blocks off the front; their memory is reused. */
extern void source_pop(Source *source, int count);

/* True when all of the range was taken. */
extern bool source_exhausted(const Source *source);

/* True while no request can be sent because too much is held in memory. */
extern bool source_is_full(const Source *source);

extern const SourceHead *source_head(const Source *source);
extern SourceIdentity *source_identity(Source *source);

/*
 * What keeps blocks or the head from arriving, or NULL: only once no
 * endpoint is left to be asked at once.
 */
extern const char *source_trouble(const Source *source);

/* Microseconds spent on proofs since the source was made. */
extern int64 source_verify_us(const Source *source);

/* Bytes of answers since the source was made. */
extern int64 source_bytes(const Source *source);

#endif							/* CHAINSYNC_SOURCE_H */
