/*-------------------------------------------------------------------------
 *
 * fault.c
 *	  What chainsim does wrong on purpose, and when.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "fault.h"

/* What a fault's argument must be. */
typedef enum FaultArg
{
	ARG_NONE,
	ARG_NUMBER,					/* may be left out */
	ARG_NUMBER_REQUIRED,
	ARG_TEXT,					/* may be left out */
	ARG_TEXT_REQUIRED
} FaultArg;

typedef struct FaultSpec
{
	FaultKind	kind;
	const char *name;
	FaultArg	arg;
} FaultSpec;

static const FaultSpec fault_specs[] = {
	{FAULT_HTTP, "http", ARG_NUMBER_REQUIRED},
	{FAULT_HTTP_500, "http-500", ARG_NONE},
	{FAULT_HTTP_502_HTML, "http-502-html", ARG_NONE},
	{FAULT_HTTP_429, "http-429", ARG_TEXT},
	{FAULT_HTML_200, "html-200", ARG_NONE},
	{FAULT_REDIRECT, "redirect", ARG_TEXT_REQUIRED},
	{FAULT_EMPTY_BODY, "empty-body", ARG_NONE},
	{FAULT_NULL_BODY, "null-body", ARG_NONE},
	{FAULT_BODY, "body", ARG_TEXT_REQUIRED},
	{FAULT_GARBAGE, "garbage", ARG_NONE},
	{FAULT_TRUNCATED, "truncated", ARG_NONE},
	{FAULT_WRONG_LENGTH, "wrong-length", ARG_TEXT},
	{FAULT_HANG, "hang", ARG_NONE},
	{FAULT_SLOW, "slow", ARG_NUMBER},
	{FAULT_RESET, "reset", ARG_NONE},
	{FAULT_CLOSE_AFTER, "close-after", ARG_NONE},
	{FAULT_HUGE, "huge", ARG_NUMBER},
	{FAULT_GZIP_BOMB, "gzip-bomb", ARG_NUMBER},
	{FAULT_DEEP_NESTING, "deep-nesting", ARG_NUMBER},
	{FAULT_LATENCY, "latency", ARG_NUMBER_REQUIRED},
	{FAULT_BATCH_REVERSE, "batch-reverse", ARG_NONE},
	{FAULT_BATCH_DROP, "batch-drop", ARG_NONE},
	{FAULT_BATCH_OBJECT, "batch-object", ARG_NONE},
	{FAULT_RPC_429, "rpc-429", ARG_NONE},
	{FAULT_ERROR, "error", ARG_TEXT_REQUIRED},
	{FAULT_OTHER_ID, "other-id", ARG_NONE},
	{FAULT_MISSING_ID, "missing-id", ARG_NONE},
	{FAULT_STRING_ID, "string-id", ARG_NONE},
	{FAULT_WRONG_JSON_TYPE, "wrong-json-type", ARG_NONE},
	{FAULT_NO_BLOCK_RECEIPTS, "no-block-receipts", ARG_NONE},
	{FAULT_RECEIPTS_NULL_BY_HASH, "receipts-null-by-hash", ARG_NONE},
	{FAULT_RECEIPTS_NULL, "receipts-null", ARG_NONE},
	{FAULT_NULL_BLOCK, "null-block", ARG_NONE},
	{FAULT_WRONG_CHAIN_ID, "wrong-chain-id", ARG_NUMBER},
	{FAULT_WRONG_GENESIS, "wrong-genesis", ARG_NONE},
	{FAULT_HASH_ONLY, "hash-only", ARG_NONE},
	{FAULT_SHORT_RECEIPTS, "short-receipts", ARG_NONE},
	{FAULT_WRONG_BLOCK, "wrong-block", ARG_NONE},
	{FAULT_BROKEN_PARENT, "broken-parent", ARG_NUMBER_REQUIRED},
	{FAULT_SET, "set", ARG_TEXT_REQUIRED},
	{FAULT_DUPLICATE, "duplicate", ARG_TEXT_REQUIRED},
};

#define FAULT_SPEC_COUNT ((int) (sizeof(fault_specs) / sizeof(fault_specs[0])))

void
fault_set_init(FaultSet *set, uint64_t seed)
{
	memset(set, 0, sizeof(*set));
	set->random = seed;
	if (pthread_mutex_init(&set->lock, NULL) != 0)
		sim_fatal("could not make a lock");
}

static bool
is_number(const char *text)
{
	size_t		digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 15 && text[digits] == '\0';
}

/* What is wrong with the argument, or NULL. */
static const char *
check_arg(const FaultSpec *spec, const char *arg)
{
	bool		numeric = spec->arg == ARG_NUMBER ||
	spec->arg == ARG_NUMBER_REQUIRED;

	if (spec->arg == ARG_NONE && *arg != '\0')
		return "takes no argument";
	if (*arg == '\0')
	{
		if (spec->arg == ARG_NUMBER_REQUIRED || spec->arg == ARG_TEXT_REQUIRED)
			return "needs an argument";
		return NULL;
	}
	if (numeric && !is_number(arg))
		return "needs a number";
	if (spec->kind == FAULT_HTTP && (atoi(arg) < 200 || atoi(arg) > 599))
		return "needs a status from 200 to 599";
	if (spec->kind == FAULT_WRONG_LENGTH &&
		strcmp(arg, "long") != 0 && strcmp(arg, "short") != 0)
		return "takes long or short";
	if (spec->kind == FAULT_SET && strchr(arg, '=') == NULL)
		return "needs MEMBER=JSON";
	return NULL;
}

bool
fault_parse(Fault *fault, const char *text, const char **reason)
{
	size_t		name_len = strcspn(text, ":");
	const char *arg = text[name_len] == ':' ? text + name_len + 1 : "";

	memset(fault, 0, sizeof(*fault));
	fault->count = -1;
	fault->probability = 1.0;
	if (strlen(arg) >= FAULT_ARG_SIZE)
	{
		*reason = "argument is too long";
		return false;
	}
	for (int i = 0; i < FAULT_SPEC_COUNT; i++)
	{
		const FaultSpec *spec = &fault_specs[i];

		if (strlen(spec->name) != name_len ||
			memcmp(spec->name, text, name_len) != 0)
			continue;
		*reason = check_arg(spec, arg);
		if (*reason != NULL)
			return false;
		fault->kind = spec->kind;
		strcpy(fault->arg, arg);
		return true;
	}
	*reason = "no such fault";
	return false;
}

bool
fault_add(FaultSet *set, const Fault *fault)
{
	bool		added = false;

	pthread_mutex_lock(&set->lock);
	if (set->count < FAULT_MAX)
	{
		set->faults[set->count++] = *fault;
		added = true;
	}
	pthread_mutex_unlock(&set->lock);
	return added;
}

void
fault_clear(FaultSet *set)
{
	pthread_mutex_lock(&set->lock);
	set->count = 0;
	pthread_mutex_unlock(&set->lock);
}

/* A number in [0, 1) from the set's sequence (splitmix64). */
static double
draw_number(FaultSet *set)
{
	uint64_t	z = (set->random += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	z ^= z >> 31;
	return (double) (z >> 11) / 9007199254740992.0;
}

bool
fault_draw(FaultSet *set, Fault *struck,
		   bool (*accept) (const Fault *fault, const void *arg),
		   const void *arg)
{
	bool		found = false;

	pthread_mutex_lock(&set->lock);
	for (int i = 0; i < set->count && !found; i++)
	{
		Fault	   *fault = &set->faults[i];

		if (!accept(fault, arg))
			continue;
		if (fault->probability < 1.0 &&
			draw_number(set) >= fault->probability)
			continue;
		*struck = *fault;
		found = true;
		set->struck++;
		if (fault->count > 0 && --fault->count == 0)
		{
			set->count--;
			memmove(fault, fault + 1,
					(size_t) (set->count - i) * sizeof(Fault));
		}
	}
	pthread_mutex_unlock(&set->lock);
	return found;
}

bool
fault_is_http(FaultKind kind)
{
	return kind >= FAULT_HTTP && kind <= FAULT_BATCH_OBJECT;
}

const char *
fault_name(FaultKind kind)
{
	for (int i = 0; i < FAULT_SPEC_COUNT; i++)
	{
		if (fault_specs[i].kind == kind)
			return fault_specs[i].name;
	}
	return "none";
}

int64_t
fault_number(const Fault *fault, int64_t otherwise)
{
	return fault->arg[0] != '\0' ? strtoll(fault->arg, NULL, 10) : otherwise;
}
