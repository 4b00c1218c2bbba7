/*-------------------------------------------------------------------------
 *
 * copy_guard.h
 *	  A copy of a database is not the original.
 *
 * sync_state has the system identifier and the database's oid; where they are
 * others, the rows came by a dump, a template or a copied directory, and
 * nothing runs for the chain until start() makes it this database's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_COPY_GUARD_H
#define CHAINSYNC_COPY_GUARD_H

/*
 * Tells the log, once, that nothing runs for a chain because it is a copy;
 * returns is_copy.
 */
extern bool copy_guard_note(int chain, const char *name, bool is_copy);

#endif							/* CHAINSYNC_COPY_GUARD_H */
