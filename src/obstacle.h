/*-------------------------------------------------------------------------
 *
 * obstacle.h
 *	  What users put on a chain's tables that stops the workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_OBSTACLE_H
#define CHAINSYNC_OBSTACLE_H

/*
 * An error that names what keeps rows from being written; SPI connected, the
 * extension's owner.
 */
extern void obstacle_check(int chain);

/* A warning for each thing that keeps rows from being written or deleted. */
extern void obstacle_warn(int chain);

/*
 * An ErrorContextCallback's function: gives a foreign key's error the hint
 * what to do about it.
 */
extern void obstacle_hint(void *arg);

#endif							/* CHAINSYNC_OBSTACLE_H */
