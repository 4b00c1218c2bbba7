/*-------------------------------------------------------------------------
 *
 * source_internal.h
 *	  What the files source*.c share; nobody else includes it.
 *
 * An Exchange is one HTTP request with its calls.  Blocks point into its
 * answer, so it lives until the last of them is popped: `refs` counts them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_SOURCE_INTERNAL_H
#define CHAINSYNC_SOURCE_INTERNAL_H

#include "nodes/pg_list.h"

#include "source.h"
#include "verify.h"

typedef enum CallKind
{
	CALL_BLOCK,
	CALL_BLOCK_BY_HASH,
	CALL_RECEIPTS,				/* by number */
	CALL_RECEIPTS_BY_HASH,
	CALL_TRANSACTION_RECEIPT,
	CALL_LATEST,
	CALL_SAFE,
	CALL_FINALIZED,
	CALL_CHAIN_ID,
	CALL_GENESIS,
	CALL_HEADER,				/* by hash */
	CALL_HEADER_BY_NUMBER
} CallKind;

#define IS_BLOCK_CALL(kind) \
	((kind) == CALL_BLOCK || (kind) == CALL_BLOCK_BY_HASH)

/* Whom a call is for, and what its result was read into. */
typedef struct CallTarget
{
	CallKind	kind;
	struct Source *source;
	SourceBlock *block;			/* for the first five kinds */
	uint32		index;			/* CALL_TRANSACTION_RECEIPT */
	uint32		epoch;			/* of the fetch when it was asked */
	Uint256		quantity;		/* CALL_CHAIN_ID */
	EvmBlock	header;			/* heads and genesis */
} CallTarget;

typedef struct Exchange
{
	RpcRequest *request;
	PoolEndpoint *endpoint;
	int			endpoint_index;
	int			refs;			/* blocks that point into the answer */
	int			count;
	int			room;
	RpcCall    *calls;
	CallTarget *targets;
} Exchange;

/* What is under way for a block. */
#define ASKED_BLOCK		(1u << 0)
#define ASKED_RECEIPTS	(1u << 1)

typedef struct SourceFetch
{
	Arena		block_arena;	/* what the block's structs live in */
	Arena		receipts_arena; /* and its receipts' */
	int			inflight;		/* calls under way for it, stale ones too */
	bool		has_wanted_hash;	/* asked for by this hash */
	uint8		wanted_hash[32];
	bool		popped;			/* nobody waits for it any more */
	List	   *exchanges;		/* answers the block points into */
	uint64		sources;		/* endpoints that gave them */
	uint32		asked;
	uint32		block_epoch;	/* a call of another epoch is stale: what */
	uint32		receipts_epoch; /* it was to be read into is gone */
	bool		have_block;
	bool		have_receipts;
	bool		by_number;		/* receipts by hash were null: by number */
	EvmReceipt *receipts;
	uint32		receipt_count;
	uint32		receipts_asked; /* one by one */
	uint32		receipts_read;
	int			attempts;
	uint64		excluded;		/* endpoints not to ask for now */
	uint64		pruned;			/* endpoints that no longer have it */
	uint64		unfit;			/* endpoints whose value does not fit */
	uint64		lacking;		/* endpoints that leave out what is provable */
	uint64		absent;			/* endpoints that say there is no such block */
	int64		not_before;		/* clock_ms */
} SourceFetch;

struct Source
{
	MemoryContext context;
	ChainConfig *chain;
	RpcClient  *client;
	Pool	   *pool;

	/* the range and its window, a ring */
	bool		active;
	int64		next;			/* next number to enter the window */
	int64		last;
	int64		final;
	SourceBlock **window;
	int			window_size;
	int			window_first;
	int			window_count;
	SourceBlock *spare[64];
	int			spare_count;

	uint32		last_epoch;		/* never used twice */
	int			batch_cap;		/* calls a request; shrinks when refused */
	bool		full;
	int64		wake_at;		/* clock_ms; 0: nothing to wait for */
	List	   *inflight;		/* Exchange */

	SourceHeader header;
	uint8	   *branch;			/* hashes of the range, or NULL */
	int64		branch_first;
	bool		head_asked;
	SourceHead	head;
	uint64		identifying;	/* endpoints being identified */
	uint64		mismatched;		/* endpoints of another genesis */
	SourceIdentity identity;

	VerifyContext *verify;		/* NULL: nothing is proven */
	VerifyResult *verify_result;
	int64		verify_us;

	bool		block_trouble;
	bool		head_trouble;
	uint64		head_excluded;	/* failed when asked for the head, in turn */
	char		trouble[320];
	int64		bytes;
};

/* source.c */
extern Exchange *exchange_create(Source *source, PoolEndpoint *endpoint,
								 int room);
extern void exchange_add(Exchange *exchange, Source *source, CallKind kind,
						 SourceBlock *block, uint32 index,
						 const char *params);
extern void exchange_submit(Source *source, Exchange *exchange);
extern PoolEndpoint *source_choose(Source *source, uint64 excluded,
								   bool identified);
extern void source_note_trouble(Source *source, const char *format,...)
			pg_attribute_printf(2, 3);
extern int	source_endpoint_count(const Source *source);

/* The block points into no answer any more. */
extern void source_release_answers(Source *source, SourceBlock *block);

/* source_block.c */
extern void fetch_init(Source *source, SourceBlock *block);
extern bool fetch_next_call(Source *source, SourceBlock *block,
							Exchange *exchange);
extern bool fetch_wants_call(Source *source, SourceBlock *block,
							 const PoolEndpoint *endpoint);
extern void fetch_finish_call(Source *source, Exchange *exchange,
							  RpcCall *call, CallTarget *target);
extern bool fetch_read_result(CallTarget *target, JsonScanner *scanner,
							  bool *is_null);

/* source_head.c */
extern void identify_endpoint(Source *source, PoolEndpoint *endpoint);
extern void identify_finish(Source *source, Exchange *exchange);
extern void header_finish(Source *source, Exchange *exchange);
extern void head_finish(Source *source, Exchange *exchange);
extern bool head_read_result(CallTarget *target, JsonScanner *scanner,
							 bool *is_null);

#endif							/* CHAINSYNC_SOURCE_INTERNAL_H */
