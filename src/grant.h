/*-------------------------------------------------------------------------
 *
 * grant.h
 *	  Who may do what: the rows of chainsync.grants, and what they stand for.
 *
 * A row gives a role a level for one chain or for all: reader, operator,
 * admin, each with what the one before it has.  The privileges that follow
 * from it are ordinary ones (USAGE, SELECT, EXECUTE), granted when the row is
 * made and again when a chain is.  Functions that concern one chain look at
 * the rows besides, as EXECUTE cannot be granted for a chain.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_GRANT_H
#define CHAINSYNC_GRANT_H

#include "chain.h"

typedef enum GrantLevel
{
	GRANT_READER = 1,
	GRANT_OPERATOR,
	GRANT_ADMIN
} GrantLevel;

/*
 * An error unless the current user has that level for the chain, or with
 * chain 0 for all chains.  Superusers and the extension's owner have it.  To
 * be called as the caller, with SPI connected.
 */
extern void grant_require(int chain, const char *name, GrantLevel level);

/* The same for a chain by name; an error with a hint when there is none. */
extern void grant_require_named(const char *name, GrantLevel level);

/*
 * Gives the roles that have a level for the chain what they need on its
 * schema and tables.  SPI connected, the extension's owner; to be called
 * whenever a table was made.
 */
extern void grant_apply_chain(ChainConfig *chain);

/*
 * On whose behalf a function runs that became the extension's owner: set for
 * the time of grant_call_begin() to grant_call_end(), which the caller pairs
 * with PG_FINALLY.
 */
extern Oid	grant_call_begin(Oid caller);
extern void grant_call_end(Oid outer);

#endif							/* CHAINSYNC_GRANT_H */
