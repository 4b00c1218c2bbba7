/*-------------------------------------------------------------------------
 *
 * adopt.h
 *	  Takes over the tables of a chain that exist already.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ADOPT_H
#define CHAINSYNC_ADOPT_H

/*
 * Makes the tables in the schema of a chain that was just recorded, left by
 * DROP EXTENSION or by a restore, its tables: compares their layout with the
 * present one, takes chain id, genesis and partition widths from
 * chainsync_info, and the position from the rows.  An error when `caller` has
 * not the rights of their owner, or when anything does not fit.  SPI
 * connected, the extension's owner, READ COMMITTED.
 */
extern void adopt_schema(Oid caller, int chain);

#endif							/* CHAINSYNC_ADOPT_H */
