/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The static worker that keeps one scheduler a database running.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_LAUNCHER_H
#define CHAINSYNC_LAUNCHER_H

/* Registers the launcher; called from _PG_init under preload. */
extern void launcher_register(void);

extern PGDLLEXPORT void chainsync_launcher_main(Datum main_arg);
extern PGDLLEXPORT void chainsync_scheduler_main(Datum main_arg);
extern PGDLLEXPORT void chainsync_follower_main(Datum main_arg);

#endif							/* CHAINSYNC_LAUNCHER_H */
