/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  What all background workers have in common: start, stop, transactions,
 *	  what they show of themselves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_WORKER_H
#define CHAINSYNC_WORKER_H

#include "shmem.h"

/*
 * Starts a process for the slot unless it has one.  `title` is what
 * pg_stat_activity and the log call it.  Honours the backoff after failures;
 * returns the milliseconds after which to look again, 0 when all is well.
 */
extern long worker_launch(WorkerSlot *slot, const char *entry_point,
						  const char *title);

/*
 * First thing in a worker's entry point: signals, slot, database.  Exits the
 * process when the slot is stale.
 */
extern void worker_start(Datum main_arg);

/*
 * Between two steps of work, in no transaction: serves interrupts, reads a
 * changed postgresql.conf, exits when the database is off the list or the
 * slot is another's.
 */
extern void worker_check(void);

/* Sleeps on the latch; at most timeout_ms (-1: for ever). */
extern void worker_sleep(long timeout_ms);

/* True once after the configuration tables changed, and the first time. */
extern bool worker_config_changed(void);

/*
 * Begins a transaction that holds the extension in place, with SPI connected
 * and a snapshot pushed, as the extension's owner; false, and no transaction,
 * when the extension is not there or not of this library's version, with the
 * reason in the slot.  What SPI_palloc and spi_util.h give out lives in the
 * memory context of the call, which is current again after worker_commit().
 */
extern bool worker_begin(void);
extern void worker_commit(void);

/* The same, calling before_commit once nothing but the commit is left. */
extern void worker_commit_with(void (*before_commit) (void));

/* Rolls back what worker_begin() began. */
extern void worker_abort(void);

/* Ends the process for a reason that is no failure. */
extern void worker_exit(const char *fmt,...) pg_attribute_printf(1, 2) pg_attribute_noreturn();

/*
 * Call in PG_CATCH: reports the error, notes it in the slot, ends the process
 * for its parent to start it again.
 */
extern void worker_fail(void) pg_attribute_noreturn();

/* What the slot shows. */
extern void worker_set_status(ChainStatus status, const char *reason);
extern void worker_set_activity(const char *activity);
extern void worker_set_error(const char *sqlstate, const char *message);

/* Whether chainsync.databases names the database. */
extern bool worker_database_listed(const char *datname);

/* Where the server finds the entry points. */
#define WORKER_LIBRARY "$libdir/chainsync"

#endif							/* CHAINSYNC_WORKER_H */
