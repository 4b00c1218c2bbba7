/*-------------------------------------------------------------------------
 *
 * rpc_classify.c
 *	  What an error of a node or provider means.
 *
 * Codes are no guide by themselves: -32005 stands for a rate limit, a range
 * limit and a batch limit, and -32000 for anything.  So the text decides
 * first, by phrases that many providers share, then the codes that mean one
 * thing everywhere, then the HTTP status.  The order of the rules matters:
 * "batch size limit exceeded" is no rate limit, and "exceeds the range limit"
 * neither.
 *
 * Pure: no allocation, bounded work on bounded text.
 *
 *-------------------------------------------------------------------------
 */
#include "rpc.h"

#include <string.h>

#define TEXT_MAX 1024			/* of message and data each, half of it */

static const char *const throttled_phrases[] = {
	"rate limit", "rate-limit", "ratelimit", "rate exceeded", "over rate",
	"too many requests", "toomanyrequests", "throttl", "compute units",
	"throughput", "request count exceeded", "request limit", "requests per",
	"requests/s", "call rate", "credits", "quota", "capacity limit",
	"capacity exceeded", "per second", "timeout on the free tier",
	"slow down", "daily limit", "monthly limit", "concurrent requests", NULL
};

static const char *const missing_phrases[] = {
	"not found", "not exist", "n't exist", "not available", "unavailable",
	"not supported", "unsupported", "not allowed", "not enabled", "disabled",
	"whitelist", "not implemented", "unknown", "not permitted",
	"not recognized", "invalid method", NULL
};

static const char *const pruned_phrases[] = {
	"pruned", "pruning", "history unavailable", "history is unavailable",
	"history has expired", "history expired", "historical data",
	"history is not available", "history not available", "archive",
	"missing trie node", "earliest available", "lowest available",
	"before the earliest", "below the earliest", NULL
};

static const char *const not_found_phrases[] = {
	"header not found", "block not found", "unknown block",
	"not be found", "cannot be found", "can't be found", "unfinalized data",
	"beyond current head", "beyond the current head", "beyond head",
	"after last accepted block", "in the future", "future block",
	"resource not found", "block does not exist", "block doesn't exist",
	"block is not available", "not yet available", "unknown header",
	"receipts not found", "transaction not found", NULL
};

static const char *const too_large_phrases[] = {
	"too large", "too big", "entity too", "response size", "narrow your",
	"try with this block range", "exceeded max allowed",
	"exceed max allowed", NULL
};

/* What a size limit is about ... */
static const char *const size_subjects[] = {
	"range", "blocks", "block", "results", "logs", "response", "query",
	"distance", "batch", NULL
};

/* ... and how it is put. */
static const char *const size_limits[] = {
	"exceed", "too high", "too wide", "too many", "too much", "more than",
	"larger than", "greater than", "bigger than", "limited to", "limit to",
	"limit the", "maximum", "max ", "max:", "at most", "smaller than",
	"up to a", "ranges over", "limit of", "range limit", "size limit", NULL
};

static const char *const unauthorized_phrases[] = {
	"unauthorized", "unauthorised", "authenticat", "api key", "api-key",
	"apikey", "invalid key", "project id", "forbidden", "access denied",
	"permission denied", "payment required", "invalid token",
	"access token", "subscription", NULL
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Appends the lower-case text, at most `max` bytes of it. */
static size_t
append_lower(char *out, size_t len, const char *text, size_t max)
{
	for (size_t i = 0; i < max && text[i] != '\0'; i++)
		out[len++] = lower(text[i]);
	out[len] = '\0';
	return len;
}

static bool
has(const char *text, const char *phrase)
{
	return strstr(text, phrase) != NULL;
}

static bool
has_any(const char *text, const char *const *phrases)
{
	for (; *phrases != NULL; phrases++)
	{
		if (has(text, *phrases))
			return true;
	}
	return false;
}

static bool
says_too_large(const char *text)
{
	if (has(text, "topic"))
		return false;			/* a limit that no smaller range meets */
	return has_any(text, too_large_phrases) ||
		(has_any(text, size_subjects) && has_any(text, size_limits));
}

static RpcOutcome
classify_text(const char *text)
{
	bool		batch = has(text, "batch");

	if (!batch && has_any(text, throttled_phrases))
		return RPC_THROTTLED;
	if (has(text, "method") && has_any(text, missing_phrases))
		return RPC_METHOD_MISSING;
	if (has_any(text, pruned_phrases))
		return RPC_PRUNED;
	if (has_any(text, not_found_phrases))
		return RPC_NOT_FOUND;
	if (says_too_large(text))
		return RPC_TOO_LARGE;
	if (batch && has_any(text, throttled_phrases))
		return RPC_THROTTLED;
	if (has_any(text, unauthorized_phrases))
		return RPC_UNAUTHORIZED;
	return RPC_PENDING;
}

/* What a code means where the text says nothing. */
static RpcOutcome
classify_code(int64_t code)
{
	switch (code)
	{
		case -32005:			/* EIP-1474: limit exceeded */
		case -32007:			/* QuickNode: requests a second */
		case -32012:			/* QuickNode: credits a second */
		case -32016:			/* OP proxyd, Parity: over rate limit */
		case -32029:			/* several: too many requests */
			return RPC_THROTTLED;
		case -32004:			/* EIP-1474: method not supported */
			return RPC_METHOD_MISSING;
		case -32001:			/* EIP-1474: resource not found */
		case -39001:			/* execution-apis: unknown block */
			return RPC_NOT_FOUND;
		case -32614:			/* QuickNode: range limit */
			return RPC_TOO_LARGE;
		case 401:
		case 402:
		case 403:
			return RPC_UNAUTHORIZED;
		default:
			return RPC_PENDING;
	}
}

static RpcOutcome
classify_status(int http_status)
{
	switch (http_status)
	{
		case 401:
		case 402:
		case 403:
		case 407:
			return RPC_UNAUTHORIZED;
		case 413:
			return RPC_TOO_LARGE;
		default:
			return RPC_SERVER;
	}
}

RpcOutcome
rpc_classify_error(int http_status, int64_t code, const char *message,
				   const char *data)
{
	char		text[TEXT_MAX + 2];
	size_t		len;
	RpcOutcome	outcome;

	/* these mean one thing whatever the text says */
	if (http_status == 429 || code == 429)
		return RPC_THROTTLED;
	if (code == 4444)
		return RPC_PRUNED;		/* EIP-4444, execution-apis */
	if (code == -32601)
		return RPC_METHOD_MISSING;

	len = append_lower(text, 0, message, TEXT_MAX / 2);
	text[len++] = '\n';
	append_lower(text, len, data, TEXT_MAX / 2);
	outcome = classify_text(text);
	if (outcome == RPC_PENDING)
		outcome = classify_code(code);
	if (outcome == RPC_PENDING)
		outcome = classify_status(http_status);
	return outcome;
}

const char *
rpc_outcome_name(RpcOutcome outcome)
{
	switch (outcome)
	{
		case RPC_PENDING:
			return "pending";
		case RPC_OK:
			return "ok";
		case RPC_NULL:
			return "null";
		case RPC_THROTTLED:
			return "throttled";
		case RPC_METHOD_MISSING:
			return "method missing";
		case RPC_PRUNED:
			return "history pruned";
		case RPC_NOT_FOUND:
			return "not found";
		case RPC_TOO_LARGE:
			return "too large";
		case RPC_UNAUTHORIZED:
			return "unauthorized";
		case RPC_SERVER:
			return "server error";
		case RPC_TRANSPORT:
			return "transport error";
		case RPC_INVALID:
			return "invalid answer";
		case RPC_OUT_OF_RANGE:
			return "value out of range";
		case RPC_UNREAD:
			return "not read";
	}
	return "unknown";
}
