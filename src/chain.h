/*-------------------------------------------------------------------------
 *
 * chain.h
 *	  A chain's configuration as the tables of schema chainsync have it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_CHAIN_H
#define CHAINSYNC_CHAIN_H

#include "pool.h"
#include "proof.h"

/* The layout of chain tables that this library writes. */
#define CHAIN_TABLE_VERSION 1

typedef enum ChainTableKind
{
	TABLE_BLOCKS = 0,
	TABLE_TRANSACTIONS,
	TABLE_LOGS,
	TABLE_WITHDRAWALS
} ChainTableKind;

#define CHAIN_TABLE_KINDS 4

typedef struct ChainTable
{
	ChainTableKind kind;
	char	   *name;			/* in the chain's schema */
	char	   *qualified;		/* quoted, with the schema */
	char	   *block_column;
	int64		partition_blocks;
	int			version;
	Oid			relid;			/* InvalidOid: it does not exist */
	Oid			owner;

	/* blocks for which partition.c has seen a partition */
	int64		ready_first;
	int64		ready_end;
} ChainTable;

typedef struct ChainConfig
{
	int			id;
	char	   *name;
	char	   *schema;
	bool		enabled;
	char	   *chain_id;		/* decimal, or NULL: not yet known */
	uint8	   *genesis;		/* 32 bytes, or NULL: not yet known */
	int64		last_blocks;	/* 0: resolved, or not given */
	int			confirmations;	/* -1: by the node's tags */
	int			poll_interval;	/* ms */
	int			commit_blocks;
	int			max_inflight_requests;
	int			batch_requests;
	bool		compression;
	ProofMode	verify;
	bool		verify_senders;
	bool		allow_missing_receipt_root;
	bool		accept_reorg;
	Proof	   *proof;
	ChainTable *tables;
	int			table_count;
	PoolEndpoint *endpoints;
	int			endpoint_count;
} ChainConfig;

/*
 * Reads a chain in the current memory context; NULL when there is none.  The
 * caller is the extension's owner with SPI connected.
 */
extern ChainConfig *chain_load(int chain);

/* The id of the chain of that name, or an error with a hint. */
extern int	chain_lookup(const char *name);

/* The chain's table of a kind, or an error. */
extern ChainTable *chain_table(ChainConfig *chain, ChainTableKind kind);

/*
 * Locks a table of the chain until the end of the transaction and finds out
 * anew which relation it is and whose: that may have changed since the chain
 * was loaded, and decides as whom its statements run.
 */
extern void chain_lock_table(ChainConfig *chain, ChainTable *table,
							 int lockmode);

/*
 * Writes what is needed to adopt the schema again into its chainsync_info, as
 * the tables' owner: chain id, genesis, layout.  Does nothing where the owner
 * has dropped that table.
 */
extern void chain_save_info(ChainConfig *chain);

#endif							/* CHAINSYNC_CHAIN_H */
