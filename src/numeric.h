/*-------------------------------------------------------------------------
 *
 * numeric.h
 *	  PostgreSQL's numeric from the words of an integer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_NUMERIC_H
#define CHAINSYNC_NUMERIC_H

#include "uint256.h"

/* A numeric in the current memory context. */
extern Datum numeric_from_uint256(const Uint256 *value);
extern Datum numeric_from_uint64(uint64 value);

#endif							/* CHAINSYNC_NUMERIC_H */
