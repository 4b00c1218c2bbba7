/*-------------------------------------------------------------------------
 *
 * stage.h
 *	  Turns blocks into rows.
 *
 * A Stage holds the rows of one batch, a tuplestore a table, in the memory
 * context it was made in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_STAGE_H
#define CHAINSYNC_STAGE_H

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "arena.h"
#include "block.h"
#include "chain.h"

typedef struct StageTable
{
	TupleDesc	tupdesc;
	Tuplestorestate *rows;
	int64		count;
} StageTable;

typedef struct Stage
{
	StageTable	tables[CHAIN_TABLE_KINDS];
	MemoryContext row_context;	/* reset with every row */
} Stage;

/* Once in a process, in a transaction, before the first stage_create(). */
extern void stage_init(void);

/* An empty stage in the current memory context; needs no transaction. */
extern Stage *stage_create(void);

/*
 * Whether every value of the block fits its column; if not, *message names
 * the member and the value's limit (a static buffer, valid until the next
 * call).
 */
extern bool stage_check_block(const EvmBlock *block, const char **message);

/*
 * Adds a block that stage_check_block() passed.  `checks` is blocks.checks,
 * NULL when nothing was proven.
 */
extern void stage_add_block(Stage *stage, const EvmBlock *block,
							const int64 *checks);

/* Seconds since 1970 as timestamptz; the value was checked. */
extern TimestampTz stage_timestamp(uint64 seconds);

/* The columns of a table as "a, b, c". */
extern const char *stage_column_list(ChainTableKind kind);

extern void stage_end(Stage *stage);

#endif							/* CHAINSYNC_STAGE_H */
