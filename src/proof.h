/*-------------------------------------------------------------------------
 *
 * proof.h
 *	  The rules of a chain for verify.h, out of the tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_PROOF_H
#define CHAINSYNC_PROOF_H

#include "verify.h"

typedef enum ProofMode
{
	PROOF_OFF = 0,				/* nothing is checked */
	PROOF_OBSERVE,				/* all is checked, nothing refused */
	PROOF_LINKS,				/* header hashes only */
	PROOF_FULL
} ProofMode;

typedef struct Checkpoint
{
	int64		number;
	uint8		hash[32];
} Checkpoint;

typedef struct Proof
{
	ProofMode	mode;
	VerifyRules rules;
	bool		modelled;		/* the chain's forks are known */
	Checkpoint *checkpoints;
	int			checkpoint_count;
} Proof;

/* "full", "links", "observe" or "off"; an error for anything else. */
extern ProofMode proof_mode_by_name(const char *name);

/*
 * Reads the rules of a chain in the current memory context.  chain_id is
 * decimal, or NULL while it is not known.  The caller is the extension's
 * owner with SPI connected.
 */
extern Proof *proof_load(int chain, const char *chain_id, ProofMode mode,
						 bool verify_senders,
						 bool allow_missing_receipt_root);

/* blocks.checks: three masks of 20 bits. */
extern int64 proof_pack(const VerifyResult *result);

/*
 * One line on the first failure: check, member, expected and found, and where
 * the chain is not modelled the quirk that would skip it.
 */
extern void proof_describe(char *out, Size size, const VerifyResult *result,
						   const Proof *proof, const char *chain_id);

#endif							/* CHAINSYNC_PROOF_H */
