/*-------------------------------------------------------------------------
 *
 * fault.h
 *	  What chainsim does wrong on purpose, and when.
 *
 * A fault is named NAME or NAME:ARG (README.md lists them).  It may be
 * limited to a method, to a number of times, and to a probability, drawn from
 * a seeded sequence.  Some faults strike the HTTP answer as a whole (once a
 * request), the others the answer to one call.
 *
 * The set has a lock of its own; a caller gets copies.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_FAULT_H
#define CHAINSIM_FAULT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum FaultKind
{
	FAULT_NONE = 0,

	/* of the HTTP answer */
	FAULT_HTTP,					/* http:CODE, with a plain text body */
	FAULT_HTTP_500,
	FAULT_HTTP_502_HTML,
	FAULT_HTTP_429,				/* :SECONDS or :DATE gives Retry-After */
	FAULT_HTML_200,
	FAULT_REDIRECT,				/* :URL */
	FAULT_EMPTY_BODY,
	FAULT_NULL_BODY,
	FAULT_BODY,					/* :TEXT, as it is */
	FAULT_GARBAGE,
	FAULT_TRUNCATED,
	FAULT_WRONG_LENGTH,			/* :long (default) or :short */
	FAULT_HANG,
	FAULT_SLOW,					/* :MS between two bytes, default 300 */
	FAULT_RESET,
	FAULT_CLOSE_AFTER,
	FAULT_HUGE,					/* :MEGABYTES, default 16384 */
	FAULT_GZIP_BOMB,			/* :MEGABYTES, default 200 */
	FAULT_DEEP_NESTING,			/* :LEVELS, default 100000 */
	FAULT_LATENCY,				/* :MS; goes with any other */
	FAULT_BATCH_REVERSE,
	FAULT_BATCH_DROP,			/* the last answer of a batch is missing */
	FAULT_BATCH_OBJECT,			/* one error object for a whole batch */

	/* of one call */
	FAULT_RPC_429,
	FAULT_ERROR,				/* :TEXT or :TEXT/CODE */
	FAULT_OTHER_ID,
	FAULT_MISSING_ID,
	FAULT_STRING_ID,
	FAULT_WRONG_JSON_TYPE,
	FAULT_NO_BLOCK_RECEIPTS,
	FAULT_RECEIPTS_NULL_BY_HASH,
	FAULT_RECEIPTS_NULL,
	FAULT_NULL_BLOCK,
	FAULT_WRONG_CHAIN_ID,		/* :ID, default another one */
	FAULT_WRONG_GENESIS,
	FAULT_HASH_ONLY,
	FAULT_SHORT_RECEIPTS,
	FAULT_WRONG_BLOCK,
	FAULT_BROKEN_PARENT,		/* :NUMBER */
	FAULT_SET,					/* :MEMBER=JSON or MEMBER#K=JSON */
	FAULT_DUPLICATE				/* :MEMBER or MEMBER#K */
} FaultKind;

#define FAULT_ARG_SIZE		512
#define FAULT_METHOD_SIZE	64
#define FAULT_MAX			32

typedef struct Fault
{
	FaultKind	kind;
	char		arg[FAULT_ARG_SIZE];	/* empty: none given */
	char		method[FAULT_METHOD_SIZE];	/* empty: all */
	int64_t		count;			/* times left; -1: no limit */
	double		probability;
} Fault;

typedef struct FaultSet
{
	pthread_mutex_t lock;
	Fault		faults[FAULT_MAX];
	int			count;
	uint64_t	random;			/* state of the seeded sequence */
	uint64_t	struck;			/* times any fault struck */
} FaultSet;

extern void fault_set_init(FaultSet *set, uint64_t seed);

/*
 * Reads NAME[:ARG] into a fault without limits.  On false *reason, a static
 * string, says what is wrong.
 */
extern bool fault_parse(Fault *fault, const char *text, const char **reason);

/* False when the set is full. */
extern bool fault_add(FaultSet *set, const Fault *fault);
extern void fault_clear(FaultSet *set);

/*
 * Draws the fault that strikes, if any, among those that `accept` takes: the
 * first in the order they were added.
 */
extern bool fault_draw(FaultSet *set, Fault *struck,
					   bool (*accept) (const Fault *fault, const void *arg),
					   const void *arg);

/* True for a fault of the HTTP answer. */
extern bool fault_is_http(FaultKind kind);

extern const char *fault_name(FaultKind kind);

/* The argument as a number, or the default when none was given. */
extern int64_t fault_number(const Fault *fault, int64_t otherwise);

#endif							/* CHAINSIM_FAULT_H */
