/*-------------------------------------------------------------------------
 *
 * test_classify.c
 *	  rpc_classify_error against recorded errors of nodes and providers.
 *
 * Reads $CHAINSYNC_CORPUS/rpc-quirks.json in place (default
 * ../shared/corpus); skips that part, and says so, where it is not there.
 * The table below says what each of the corpus' classes is for us.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/rpc.h"

static int	checks;
static int	failures;

static const struct
{
	const char *category;
	const char *expect;			/* NULL: any */
	RpcOutcome	outcome;
}			classes[] = {
	{"getlogs_limit", "clamp_to_head_or_retry", RPC_NOT_FOUND},
	{"getlogs_limit", NULL, RPC_TOO_LARGE},
	{"getlogs_param", "clamp_to_head_or_retry", RPC_NOT_FOUND},
	{"getlogs_param", NULL, RPC_SERVER},
	{"reorg_or_lag", NULL, RPC_NOT_FOUND},
	{"pruned", NULL, RPC_PRUNED},
	{"timeout", NULL, RPC_SERVER},
	{"batch_limit", NULL, RPC_TOO_LARGE},
	{"rate_limit", "other_endpoint", RPC_UNAUTHORIZED},
	{"rate_limit", NULL, RPC_THROTTLED},
	{"inconsistency", "treat as not yet", RPC_NOT_FOUND},
};

/* Entries that say of themselves that they are ambiguous. */
static const struct
{
	const char *id;
	RpcOutcome	outcome;
}			exceptions[] = {

	/* "also seen for real outages: retry first, then split" */
	{"ponder-base", RPC_SERVER},
};

/* Spellings that the corpus lacks. */
static const struct
{
	int			status;
	int64_t		code;
	const char *message;
	const char *data;
	RpcOutcome	outcome;
}			more[] = {
	{200, -32601, "", "", RPC_METHOD_MISSING},
	{200, -32000, "the method eth_getBlockReceipts does not exist/is not available", "", RPC_METHOD_MISSING},
	{200, -32600, "Unsupported method: eth_getBlockReceipts on ETH_MAINNET", "", RPC_METHOD_MISSING},
	{403, -32000, "rpc method is not whitelisted", "", RPC_METHOD_MISSING},
	{200, -32004, "nope", "", RPC_METHOD_MISSING},
	{200, 4444, "", "", RPC_PRUNED},
	{429, 0, "", "", RPC_THROTTLED},
	{429, -32601, "method not found", "", RPC_THROTTLED},
	{503, 0, "", "", RPC_SERVER},
	{500, -32603, "Internal error", "", RPC_SERVER},
	{401, 0, "", "", RPC_UNAUTHORIZED},
	{402, 0, "", "", RPC_UNAUTHORIZED},
	{403, 0, "", "", RPC_UNAUTHORIZED},
	{200, -32000, "Must be authenticated!", "", RPC_UNAUTHORIZED},
	{413, 0, "", "", RPC_TOO_LARGE},
	{404, 0, "", "", RPC_SERVER},
	{200, -32005, "", "", RPC_THROTTLED},
	{200, -32603, "x", "RATE LIMITED", RPC_THROTTLED},
	{200, -32000, "requested block is after last accepted block", "", RPC_NOT_FOUND},
	{200, -32000, "missing trie node 1234 (path )", "", RPC_PRUNED},
	{200, -32602, "invalid argument 0: hex string without 0x prefix", "", RPC_SERVER},
	{0, 0, "", "", RPC_SERVER},
};

static void
check(const char *what, RpcOutcome expected, RpcOutcome got)
{
	checks++;
	if (expected == got)
		return;
	failures++;
	fprintf(stderr, "FAIL %s: expected \"%s\", got \"%s\"\n", what,
			rpc_outcome_name(expected), rpc_outcome_name(got));
}

static const char *
get_string(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) || value == NULL)
		return "";
	return json_object_is_type(value, json_type_string) ?
		json_object_get_string(value) : json_object_to_json_string(value);
}

static RpcOutcome
expected_outcome(const char *id, const char *category, const char *expect)
{
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
	{
		if (strcmp(exceptions[i].id, id) == 0)
			return exceptions[i].outcome;
	}
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
	{
		if (strcmp(classes[i].category, category) == 0 &&
			(classes[i].expect == NULL ||
			 strcmp(classes[i].expect, expect) == 0))
			return classes[i].outcome;
	}
	return RPC_PENDING;
}

/* Classifies one error object, or a body that is no JSON. */
static bool
check_body(const char *id, RpcOutcome expected, int status,
		   struct json_object *body)
{
	struct json_object *error = NULL;
	struct json_object *code;

	if (json_object_is_type(body, json_type_string))
	{
		if (status < 400)
			return false;		/* read as an answer, not classified */
		check(id, expected, rpc_classify_error(status, 0, "", ""));
		return true;
	}
	if (!json_object_is_type(body, json_type_object) ||
		!json_object_object_get_ex(body, "error", &error))
		return false;
	json_object_object_get_ex(error, "code", &code);
	check(id, expected,
		  rpc_classify_error(status, json_object_get_int64(code),
							 get_string(error, "message"),
							 get_string(error, "data")));
	return true;
}

/* Lists of phrases stand for messages with no code. */
static bool
check_list(const char *id, RpcOutcome expected, struct json_object *entry,
		   const char *member)
{
	struct json_object *list;

	if (!json_object_object_get_ex(entry, member, &list))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		check(id, expected,
			  rpc_classify_error(200, -32000,
								 json_object_get_string(json_object_array_get_idx(list, i)),
								 ""));
	return true;
}

static bool
check_entry(struct json_object *entry)
{
	const char *id = get_string(entry, "id");
	RpcOutcome	expected = expected_outcome(id, get_string(entry, "category"),
											get_string(entry, "expect"));
	struct json_object *body = NULL;
	struct json_object *status = NULL;
	int			http_status = 200;
	bool		used = false;

	json_object_object_get_ex(entry, "http_status", &status);
	if (status != NULL)
		http_status = json_object_get_int(status);
	json_object_object_get_ex(entry, "body", &body);
	if (json_object_is_type(body, json_type_array))
	{
		for (size_t i = 0; i < json_object_array_length(body); i++)
			used |= check_body(id, expected, http_status,
							   json_object_array_get_idx(body, i));
	}
	else if (body != NULL)
		used = check_body(id, expected, http_status, body);
	return check_list(id, expected, entry, "texts") || used;
}

static void
check_corpus(void)
{
	const char *folder = getenv("CHAINSYNC_CORPUS");
	char		path[4096];
	struct json_object *root;
	struct json_object *entries;
	int			errors = 0;

	snprintf(path, sizeof(path), "%s/rpc-quirks.json",
			 folder != NULL ? folder : "../shared/corpus");
	root = json_object_from_file(path);
	if (root == NULL)
	{
		printf("test_classify: %s is not there, recorded errors skipped\n",
			   path);
		return;
	}
	json_object_object_get_ex(root, "entries", &entries);
	for (size_t i = 0; i < json_object_array_length(entries); i++)
		errors += check_entry(json_object_array_get_idx(entries, i));
	printf("test_classify: %d of %zu recorded entries hold an error\n", errors,
		   (size_t) json_object_array_length(entries));
	checks++;
	if (errors < 80)
	{
		failures++;
		fprintf(stderr, "FAIL only %d entries were read\n", errors);
	}
	json_object_put(root);
}

int
main(void)
{
	char		long_text[20000];

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		check(more[i].message, more[i].outcome,
			  rpc_classify_error(more[i].status, more[i].code,
								 more[i].message, more[i].data));
	memset(long_text, 'A', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	check("a long text", RPC_SERVER,
		  rpc_classify_error(200, -32000, long_text, long_text));
	check_corpus();
	printf("test_classify: %d checks, %d failures\n", checks, failures);
	return failures == 0 ? 0 : 1;
}
