/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Proof of a block: everything its header commits to, and what follows
 *	  from that, is recomputed and compared with what an endpoint said.
 *
 * Each check has a bit and a name.  A check passes, fails (what was said is
 * wrong), is lacking (something that could be proven was left out), or is
 * skipped: because the rules say so, or because nothing given proves it.
 * All checks are made, also after a failure, so that one call tells
 * everything that is wrong with a block.
 *
 * What the checks may assume of a chain is data, VerifyRules; what a block
 * says never turns a check off.
 *
 * Pure: no globals that change, memory from the context's arena only.  Time
 * and memory grow linearly with the size of the block; its bytes may be
 * hostile.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_VERIFY_H
#define CHAINSYNC_VERIFY_H

#include <secp256k1.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "block.h"
#include "receipt.h"
#include "rlp.h"

/*
 * The checks.  The bits are stored (blocks.checks): none ever changes its
 * meaning.
 */
typedef enum VerifyCheck
{
	/* the hash is that of the header's members, the number the one asked */
	VERIFY_HEADER_HASH = 1u << 0,
	/* what blocks, transactions, receipts and logs say of each other */
	VERIFY_POSITIONS = 1u << 1,
	/* an empty list where the hash says so; else the fetched headers' hash */
	VERIFY_UNCLES = 1u << 2,
	/* withdrawals, their order and number */
	VERIFY_WITHDRAWALS_ROOT = 1u << 3,
	/* each transaction's hash is that of its members, and it has no others */
	VERIFY_TRANSACTION_HASH = 1u << 4,
	/* the transactions, their order and number */
	VERIFY_TRANSACTIONS_ROOT = 1u << 5,

	/*
	 * yParity and v of a typed transaction, chainId of a legacy one; of a
	 * transaction without a signature also the members its type implies
	 */
	VERIFY_SIGNATURE_FIELDS = 1u << 6,
	/* from, by recovery of the key that signed */
	VERIFY_SENDER = 1u << 7,

	/*
	 * the address of a created contract, from sender and nonce: it is as good
	 * as VERIFY_SENDER, and says nothing of its own where that is skipped
	 */
	VERIFY_CONTRACT_ADDRESS = 1u << 8,
	/* status or state root, cumulative gas, logs, their order and number */
	VERIFY_RECEIPTS_ROOT = 1u << 9,
	/* the header's bloom, and each receipt's, from the logs */
	VERIFY_LOGS_BLOOM = 1u << 10,
	/* gasUsed of receipts from cumulativeGasUsed; the last is the header's */
	VERIFY_RECEIPT_GAS = 1u << 11,
	/* effectiveGasPrice, and gasPrice of types 2 to 4 */
	VERIFY_EFFECTIVE_GAS_PRICE = 1u << 12,
	/* blobGasUsed and blobGasPrice of receipts */
	VERIFY_BLOB_GAS = 1u << 13,
	/* the length of the block's RLP */
	VERIFY_SIZE = 1u << 14
} VerifyCheck;

#define VERIFY_CHECK_COUNT	15
#define VERIFY_ALL_CHECKS	((1u << VERIFY_CHECK_COUNT) - 1)

/* Those that need the receipts. */
#define VERIFY_RECEIPT_CHECKS \
	(VERIFY_CONTRACT_ADDRESS | VERIFY_RECEIPTS_ROOT | VERIFY_LOGS_BLOOM | \
	 VERIFY_RECEIPT_GAS | VERIFY_EFFECTIVE_GAS_PRICE | VERIFY_BLOB_GAS)

/* The name of one check, as "header_hash"; NULL for anything else. */
extern const char *verify_check_name(VerifyCheck check);

/* The other way round; 0 when there is no such check. */
extern uint32_t verify_check_by_name(const char *name);

/* Which transactions and derived members there are besides Ethereum's. */
typedef enum VerifyFamily
{
	VERIFY_ETHEREUM = 0,
	VERIFY_OP_STACK,			/* deposits, type 0x7e */
	VERIFY_ARBITRUM				/* Nitro's types 0x64 to 0x6a */
} VerifyFamily;

/* The forks that change what a header or receipt has. */
typedef enum VerifyFork
{
	VERIFY_FORK_BYZANTIUM = 0,	/* status for the state root in receipts */
	VERIFY_FORK_LONDON,
	VERIFY_FORK_SHANGHAI,
	VERIFY_FORK_CANCUN,
	VERIFY_FORK_PRAGUE,
	VERIFY_FORK_AMSTERDAM
} VerifyFork;

#define VERIFY_FORK_COUNT	6

/*
 * When a fork becomes active.  UNKNOWN leaves it to the header, whose hash
 * decides which members it has; NEVER is for chains known not to have it.
 */
typedef enum VerifyWhen
{
	VERIFY_WHEN_UNKNOWN = 0,
	VERIFY_WHEN_BLOCK,			/* from block `at` on */
	VERIFY_WHEN_TIME,			/* from timestamp `at` on */
	VERIFY_WHEN_NEVER
} VerifyWhen;

typedef struct VerifyActivation
{
	VerifyWhen	when;
	uint64_t	at;
} VerifyActivation;

/* From a time on the blob base fee has this update fraction (EIP-7892). */
typedef struct VerifyBlobFraction
{
	uint64_t	from_time;
	uint64_t	fraction;		/* not 0 */
} VerifyBlobFraction;

/*
 * Checks not to be made of some blocks, or, with has_type, of transactions of
 * one type; then a check of the whole block is skipped where there is such a
 * transaction.  A skip by type is also what lets a type be that is unknown.
 */
typedef struct VerifySkip
{
	uint32_t	checks;
	uint64_t	from_block;
	uint64_t	to_block;		/* inclusive */
	bool		has_type;
	uint64_t	type;
} VerifySkip;

typedef enum VerifyLevel
{
	VERIFY_LEVEL_FULL = 0,
	VERIFY_LEVEL_LINKS			/* VERIFY_HEADER_HASH alone */
} VerifyLevel;

/*
 * What holds on a chain.  All zeros are Ethereum's rules for a chain of which
 * nothing is known, but for verify_senders.
 */
typedef struct VerifyRules
{
	VerifyFamily family;
	VerifyLevel level;
	bool		verify_senders; /* else VERIFY_SENDER is skipped */

	/*
	 * Before a Byzantium that is known: receipts without root are accepted,
	 * and VERIFY_RECEIPTS_ROOT skipped.
	 */
	bool		allow_missing_receipt_root;
	VerifyActivation forks[VERIFY_FORK_COUNT];

	/* in the order of their times; none: any known fraction will do */
	const VerifyBlobFraction *blob_schedule;
	uint32_t	blob_schedule_count;
	const VerifySkip *skips;
	uint32_t	skip_count;
} VerifyRules;

/* A chain whose rules are known. */
typedef struct VerifyChain
{
	uint64_t	chain_id;
	const char *name;
	VerifyFamily family;
	VerifyActivation forks[VERIFY_FORK_COUNT];
	const VerifyBlobFraction *blob_schedule;
	uint32_t	blob_schedule_count;
} VerifyChain;

/*
 * The chains that are known without a table: mainnet, Sepolia and Hoodi with
 * their forks; of other chains only the family.
 */
extern const VerifyChain *verify_known_chains(size_t *count);

/*
 * Sets the rules of a known chain, or of an unknown one, with everything
 * verified and nothing skipped.  Returns whether the chain is known.
 */
extern bool verify_rules_init(VerifyRules *rules, uint64_t chain_id);

/*
 * Says whether a fork is active in a block: 1, 0, or -1 when it is unknown.
 */
extern int	verify_fork_active(const VerifyRules *rules, VerifyFork fork,
							   uint64_t number, uint64_t timestamp);

/*
 * What a worker keeps between blocks.  About 100 kB, to be allocated, not put
 * on a stack.
 */
typedef struct VerifyContext
{
	const secp256k1_context *secp;

	/*
	 * Called every 64 signatures and a few times between; false stops.  It
	 * must return: no longjmp.  NULL: never stop.
	 */
	bool		(*keep_going) (void *arg);
	void	   *keep_going_arg;

	/* these belong to verify.c */
	Arena		arena;
	RlpWriter	writer;
	BloomMemo	memo;
} VerifyContext;

/* memory_limit: what the arena may hold in bytes, 0: no limit. */
extern void verify_context_init(VerifyContext *context,
								const secp256k1_context *secp,
								size_t memory_limit);
extern void verify_context_destroy(VerifyContext *context);

/* What was wrong with one check first. */
typedef struct VerifyFailure
{
	VerifyCheck check;
	bool		lacking;		/* left out, not wrong */
	char		expected[84];	/* what was computed: "" or hex or decimal */
	char		found[84];		/* what the endpoint said, likewise */
	char		message[160];	/* names member and index */
} VerifyFailure;

typedef enum VerifyStatus
{
	VERIFY_PASSED = 0,			/* nothing failed, nothing lacking */
	VERIFY_FAILED,				/* at least one check failed */
	VERIFY_LACKS,				/* none failed, at least one is lacking */
	VERIFY_INTERRUPTED,			/* keep_going said so; nothing is proven */
	VERIFY_NO_MEMORY			/* nothing is proven */
} VerifyStatus;

typedef struct VerifyResult
{
	VerifyStatus status;

	/* disjoint; together the checks of the level */
	uint32_t	passed;
	uint32_t	skipped;
	uint32_t	failed;
	uint32_t	lacking;

	/* one for each failed or lacking check, in the order they were made */
	uint32_t	failure_count;
	VerifyFailure failures[VERIFY_CHECK_COUNT];

	/* the block's length where it could be computed; else 0 */
	uint64_t	size;
} VerifyResult;

/* The headers of a block's uncles, when they were fetched. */
typedef struct VerifyUncles
{
	const EvmBlock *headers;
	uint32_t	count;
} VerifyUncles;

/*
 * Brings members that are the same thing written in two ways into one: it
 * sets what follows from another member and was left out (type 0; chainId of
 * a legacy transaction; v or yParity of a typed one; a receipt's type; that
 * there are no uncles), and
 * removes what some nodes made up (a status beside the state root, the zero
 * address where no contract was created, blob gas of 0 and its price where
 * there are no blobs).  Members that say something wrong
 * are left alone.  To be called before verify_block and before the block is
 * stored.
 */
extern void verify_normalise(EvmBlock *block);

/*
 * The first half of it, for a block that was normalised before it was stored:
 * sets what follows, removes nothing.
 */
extern void verify_fill(EvmBlock *block);

/*
 * Make the checks.
 *
 * Returns: result->status
 * In:	number:	the number that was asked for
 *		uncles:	NULL when they were not fetched
 */
extern VerifyStatus verify_block(VerifyResult *result, VerifyContext *context,
								 const VerifyRules *rules,
								 const EvmBlock *block, uint64_t number,
								 const VerifyUncles *uncles);

/*
 * The blob base fee, fake_exponential(1, excess, fraction) of EIP-4844.
 * False when it has more than 256 bits or fraction is 0; takes bounded time
 * whatever is asked.
 */
extern bool verify_blob_base_fee(Uint256 *out, uint64_t excess,
								 uint64_t fraction);

#endif							/* CHAINSYNC_VERIFY_H */
