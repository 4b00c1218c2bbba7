/*-------------------------------------------------------------------------
 *
 * verify_internal.h
 *	  What the verify_*.c files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_VERIFY_INTERNAL_H
#define CHAINSYNC_VERIFY_INTERNAL_H

#include "txn.h"
#include "verify.h"

/* Items between two calls of keep_going where each costs little. */
#define VERIFY_POLL_ITEMS	256

/* One call of verify_block. */
typedef struct VerifyRun
{
	VerifyContext *context;
	const VerifyRules *rules;
	const EvmBlock *block;
	const VerifyUncles *uncles;
	VerifyResult *result;
	uint64_t	number;
	bool		stopped;
	bool		no_memory;
	bool		type_skips;		/* some skip of this block names a type */
	uint32_t	partly;			/* not made of every transaction */

	RlpWriter	scratch;		/* for what is signed: one at a time */
	EvmBytes	header;			/* its RLP; data NULL: cannot be made */
	EvmBytes   *encodings;		/* of the transactions */
	bool		all_encoded;	/* none of them is missing */
	uint64_t	withdrawals_len;	/* of their RLP together */
	uint64_t	uncles_len;
	bool		uncles_known;	/* uncles_len is right */
} VerifyRun;

/* Whether a check is still to be made. */
extern bool verify_wants(const VerifyRun *run, uint32_t check);

/*
 * The same of a transaction of a type.  Where a skip exempts it the check is
 * made of the others, and counts as skipped if they pass.
 */
extern bool verify_wants_of(VerifyRun *run, uint32_t check, uint64_t type);

/* The checks are not made after all: nothing given proves them. */
extern void verify_skip(VerifyRun *run, uint32_t checks);

/* Records a failure; the first of each check stays. */
extern void verify_fail(VerifyRun *run, VerifyCheck check,
						const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* Records that something provable was left out. */
extern void verify_lack(VerifyRun *run, VerifyCheck check,
						const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* The same with the two values; `computed` is what should have been said. */
extern void verify_fail_bytes(VerifyRun *run, VerifyCheck check,
							  const uint8_t *computed, const uint8_t *found,
							  size_t len, const char *format,...)
			__attribute__((format(printf, 6, 7)));
extern void verify_fail_number(VerifyRun *run, VerifyCheck check,
							   const Uint256 *computed, const Uint256 *found,
							   const char *format,...)
			__attribute__((format(printf, 5, 6)));
extern void verify_fail_u64(VerifyRun *run, VerifyCheck check,
							uint64_t computed, uint64_t found,
							const char *format,...)
			__attribute__((format(printf, 5, 6)));

/* False when to stop: asked to, or out of memory. */
extern bool verify_poll(VerifyRun *run);

/* An array from the arena; NULL sets no_memory. */
extern void *verify_alloc(VerifyRun *run, size_t count, size_t size);

/* verify_tx.c */
extern void verify_transactions(VerifyRun *run);

/* verify_receipt.c */
extern void verify_receipts(VerifyRun *run);

/* verify_price.c */
extern void verify_prices(VerifyRun *run);

/* verify_header.c */
extern void verify_header(VerifyRun *run);
extern void verify_uncles(VerifyRun *run);
extern const uint8_t verify_no_uncles_hash[32];
extern void verify_withdrawals(VerifyRun *run);
extern void verify_size(VerifyRun *run);

static inline bool
verify_is_arbitrum_type(uint64_t type)
{
	return type >= 0x64 && type <= 0x6a && type != 0x67;
}

#endif							/* CHAINSYNC_VERIFY_INTERNAL_H */
