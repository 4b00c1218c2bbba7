/*-------------------------------------------------------------------------
 *
 * rpc.c
 *	  JSON-RPC calls: requests out, answers matched and judged.
 *
 * Ids grow by one with each call of a client, so that an answer to an earlier
 * request can never pass for the answer to this one.  The calls of a request
 * have consecutive ids: the first one's is all that is kept.
 *
 * An answer under an id that is not ours, or a second one under the same id,
 * means that the connection's answers are not in step with its questions:
 * nothing of the body is believed and the connection is given up.  The one
 * exception are errors that refuse service (rate limits, keys): gateways send
 * them under ids of their own, and to believe one does no harm.
 *
 * A result is read where it stands, and what was read is gone (hex is decoded
 * in place).  So a result that cannot be read ends the reading of its body:
 * calls whose answers had been read keep them, the failed one says why, and
 * the others get RPC_UNREAD, to be asked again.  A body that is not JSON is
 * nobody's answer: all its calls get RPC_INVALID.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "guc.h"
#include "http.h"
#include "redact.h"
#include "rpc.h"
#include "rpc_json.h"

struct RpcTransfer
{
	RpcRequest	request;
	dlist_node	node;			/* of the client's requests */
	HttpExchange *exchange;
	uint64		first_id;
	char	   *url;
	char	   *header;
	char	   *secret;
	bool		restricted;
};

typedef struct RpcTransfer RpcTransfer;

struct RpcClient
{
	MemoryContext context;
	HttpClient *http;
	StringInfoData body;		/* of the request being sent */
	uint64		next_id;
	int			compression;	/* -1: chainsync.compression */
	dlist_head	requests;		/* all that are not released */
	RpcClient  *next;			/* of live_clients */
};

/* What reading a body has found so far. */
typedef struct Reading
{
	RpcRequest *request;
	bool		good_status;	/* 2xx: results count */
	bool		one_for_all;	/* a batch was answered by one object */
	RpcCall    *failed;			/* whose result could not be read */
	bool		has_general;	/* an error for all that have no answer: geth
								 * gives it the first call's id */
	RpcJsonError general;
	bool		has_stray;		/* an error under an id that is not ours */
	RpcJsonError stray;
} Reading;

static RpcClient *live_clients = NULL;

/* ---- the client ---- */

static void
destroy_clients(int code, Datum arg)
{
	(void) code;
	(void) arg;
	while (live_clients != NULL)
		rpc_destroy(live_clients);
}

RpcClient *
rpc_create(void)
{
	static bool registered = false;
	MemoryContext context;
	MemoryContext old;
	RpcClient  *client;

	context = AllocSetContextCreate(TopMemoryContext, "chainsync rpc",
									ALLOCSET_DEFAULT_SIZES);
	client = MemoryContextAllocZero(context, sizeof(RpcClient));
	client->context = context;
	client->next_id = 1;
	client->compression = -1;
	dlist_init(&client->requests);
	old = MemoryContextSwitchTo(context);
	initStringInfo(&client->body);
	MemoryContextSwitchTo(old);
	client->http = http_create();
	client->next = live_clients;
	live_clients = client;
	if (!registered)
		before_shmem_exit(destroy_clients, (Datum) 0);
	registered = true;
	return client;
}

void
rpc_destroy(RpcClient *client)
{
	RpcClient **link = &live_clients;

	while (*link != NULL && *link != client)
		link = &(*link)->next;
	if (*link == NULL)
		return;					/* already destroyed */
	*link = client->next;
	http_destroy(client->http);
	MemoryContextDelete(client->context);
}

void
rpc_set_compression(RpcClient *client, bool compression)
{
	client->compression = compression ? 1 : 0;
}

int
rpc_inflight(const RpcClient *client)
{
	return http_inflight(client->http);
}

size_t
rpc_bytes_held(const RpcClient *client)
{
	return http_bytes_held(client->http);
}

/* ---- sending ---- */

static void
append_call(StringInfo body, uint64 id, const RpcCall *call)
{
	appendStringInfo(body,
					 "{\"jsonrpc\":\"2.0\",\"id\":" UINT64_FORMAT
					 ",\"method\":\"%s\",\"params\":%s}",
					 id, call->method, call->params);
}

static void
build_body(StringInfo body, uint64 first_id, const RpcCall *calls,
		   int call_count)
{
	resetStringInfo(body);
	if (call_count == 1)
	{
		append_call(body, first_id, &calls[0]);
		return;
	}
	for (int i = 0; i < call_count; i++)
	{
		appendStringInfoChar(body, i == 0 ? '[' : ',');
		append_call(body, first_id + i, &calls[i]);
	}
	appendStringInfoChar(body, ']');
}

RpcRequest *
rpc_submit(RpcClient *client, const RpcTarget *target, RpcCall *calls,
		   int call_count, void *user)
{
	HttpSettings settings = {
		.connect_timeout_ms = chainsync_connect_timeout,
		.request_timeout_ms = chainsync_request_timeout,
		.max_body = (size_t) chainsync_max_response_size * 1024,
		.compression = client->compression < 0 ? chainsync_compression :
		client->compression > 0,
		.allow_private = !target->restricted ||
		chainsync_allow_private_endpoints,
		.quote_errors = !target->restricted,
	};
	RpcTransfer *transfer;
	RpcRequest *request;

	Assert(call_count > 0);
	transfer = MemoryContextAllocZero(client->context, sizeof(RpcTransfer));
	transfer->first_id = client->next_id;
	client->next_id += call_count;
	transfer->url = MemoryContextStrdup(client->context, target->url);
	if (target->header != NULL)
		transfer->header = MemoryContextStrdup(client->context, target->header);
	if (target->secret != NULL)
		transfer->secret = MemoryContextStrdup(client->context, target->secret);
	transfer->restricted = target->restricted;

	request = &transfer->request;
	request->calls = calls;
	request->call_count = call_count;
	request->endpoint_id = target->endpoint_id;
	request->user = user;
	request->transfer = transfer;
	for (int i = 0; i < call_count; i++)
	{
		calls[i].outcome = RPC_PENDING;
		calls[i].error_code = 0;
		calls[i].message[0] = '\0';
	}

	build_body(&client->body, transfer->first_id, calls, call_count);
	transfer->exchange = http_post(client->http, &settings, transfer->url,
								   transfer->header, client->body.data,
								   client->body.len, request);
	dlist_push_tail(&client->requests, &transfer->node);
	return request;
}

/* ---- what went wrong ---- */

/* Messages leave this file redacted, in one line of ASCII. */
static void
set_message(const RpcRequest *request, char *out, size_t size,
			const char *text)
{
	redact_message(out, size, text, request->transfer->url,
				   request->transfer->header, request->transfer->secret);
}

static void
set_call(const RpcRequest *request, RpcCall *call, RpcOutcome outcome,
		 int64 code, const char *text)
{
	call->outcome = outcome;
	call->error_code = code;
	set_message(request, call->message, sizeof(call->message), text);
}

/* The whole request has failed: every call gets the outcome. */
static void
set_all(RpcRequest *request, RpcOutcome outcome, int64 code, const char *text)
{
	request->outcome = outcome;
	set_message(request, request->message, sizeof(request->message), text);
	for (int i = 0; i < request->call_count; i++)
		set_call(request, &request->calls[i], outcome, code, text);
}

static void
describe_error(char *out, size_t size, const RpcRequest *request,
			   const RpcJsonError *error)
{
	int			http_status = request->http_status;
	char		suffix[64];
	size_t		suffix_len;
	const char *separator = "";
	const char *data = error->data;

	if (http_status >= 400)
		suffix_len = snprintf(suffix, sizeof(suffix),
							  " (error " INT64_FORMAT ", HTTP %d)",
							  error->code, http_status);
	else
		suffix_len = snprintf(suffix, sizeof(suffix),
							  " (error " INT64_FORMAT ")", error->code);
	if (request->transfer->restricted)
	{
		snprintf(out, size, "error%s", suffix);
		return;
	}
	if (error->message[0] != '\0' && data[0] != '\0')
		separator = ": ";
	if (error->message[0] == '\0' && data[0] == '\0')
		data = "error without a message";
	snprintf(out, size - suffix_len, "%s%s%s", error->message, separator, data);
	strlcat(out, suffix, size);
}

static RpcOutcome
classify(const RpcRequest *request, const RpcJsonError *error)
{
	return rpc_classify_error(request->http_status, error->code,
							  error->message, error->data);
}

static void
set_call_error(const RpcRequest *request, RpcCall *call,
			   const RpcJsonError *error)
{
	char text[	640];

	describe_error(text, sizeof(text), request, error);
	set_call(request, call, classify(request, error), error->code, text);
}

/* ---- reading ---- */

static RpcCall *
find_call(RpcRequest *request, uint64 id)
{
	uint64		first_id = request->transfer->first_id;

	if (id < first_id || id - first_id >= (uint64) request->call_count)
		return NULL;
	return &request->calls[id - first_id];
}

static bool
on_result(void *arg, uint64_t id, JsonScanner *scanner)
{
	Reading    *reading = arg;
	RpcCall    *call = find_call(reading->request, id);
	bool		is_null = false;

	if (call == NULL)
		return json_fail(scanner, JSON_INVALID, scanner->pos,
						 "answer with an unknown id");
	if (call->outcome != RPC_PENDING)
		return json_fail(scanner, JSON_INVALID, scanner->pos,
						 "two answers with the same id");
	if (!reading->good_status)
		return json_skip_value(scanner, NULL);
	if (!call->read_result(call->arg, scanner, &is_null))
	{
		/* a reader that stops without a reason must not pass for one */
		if (scanner->error.status == JSON_OK)
			json_fail(scanner, JSON_INVALID, scanner->pos,
					  "result of another form");
		reading->failed = call;
		return false;
	}
	call->outcome = is_null ? RPC_NULL : RPC_OK;
	return true;
}

static bool
on_error(void *arg, bool has_id, uint64_t id, const RpcJsonError *error)
{
	Reading    *reading = arg;
	RpcCall    *call = has_id ? find_call(reading->request, id) : NULL;

	if (call != NULL && call->outcome == RPC_PENDING && !reading->one_for_all)
		set_call_error(reading->request, call, error);
	else if (has_id && (call == NULL || !reading->one_for_all))
	{
		if (!reading->has_stray)
			reading->stray = *error;
		reading->has_stray = true;
	}
	else
	{
		if (!reading->has_general)
			reading->general = *error;
		reading->has_general = true;
	}
	return true;
}

static bool
any_result(const RpcRequest *request)
{
	for (int i = 0; i < request->call_count; i++)
	{
		if (request->calls[i].outcome == RPC_OK ||
			request->calls[i].outcome == RPC_NULL)
			return true;
	}
	return false;
}

static void
set_pending(RpcRequest *request, RpcOutcome outcome, int64 code,
			const char *text)
{
	for (int i = 0; i < request->call_count; i++)
	{
		if (request->calls[i].outcome == RPC_PENDING)
			set_call(request, &request->calls[i], outcome, code, text);
	}
}

/* "HTTP 502, text/html", nothing else of what the other side wrote. */
static void
describe_status(char *out, size_t size, const RpcRequest *request,
				const HttpExchange *exchange)
{
	int			len = snprintf(out, size, "HTTP %d", exchange->status);
	const char *type = exchange->content_type;

	if (type[0] == '\0' || request->transfer->restricted ||
		(size_t) len + 2 >= size)
		return;
	strlcpy(out + len, ", ", size - len);
	len += 2;
	for (; *type != '\0' && strchr("; \t\r\n", *type) == NULL &&
		 (size_t) len + 1 < size; type++)
		out[len++] = *type;
	out[len] = '\0';
}

/* The body is no JSON-RPC answer: say what it is. */
static void
set_unreadable(Reading *reading, const HttpExchange *exchange,
			   const JsonScanner *scanner)
{
	RpcRequest *request = reading->request;
	int			status = exchange->status;
	char		where[128];
	char text[	512];

	describe_status(where, sizeof(where), request, exchange);
	if (!reading->good_status)
	{
		snprintf(text, sizeof(text), status >= 300 && status < 400 ?
				 "%s, redirects are not followed" : "%s", where);
		set_all(request, rpc_classify_error(status, 0, "", ""), status, text);
	}
	else
	{
		if (exchange->body_len == 0)
			snprintf(text, sizeof(text), "empty answer (%s)", where);
		else
			snprintf(text, sizeof(text),
					 "answer is not JSON-RPC: %s at byte %zu of %zu (%s)",
					 scanner->error.message, scanner->error.offset,
					 exchange->body_len, where);
		set_all(request, RPC_INVALID, 0, text);
	}
}

/* A result that could not be read: see the banner. */
static void
set_failed(Reading *reading, const JsonScanner *scanner)
{
	RpcOutcome	outcome = RPC_INVALID;
	char text[	300];

	if (scanner->error.status == JSON_OUT_OF_RANGE)
		outcome = RPC_OUT_OF_RANGE;
	else if (scanner->error.status == JSON_NO_MEMORY)
		outcome = RPC_TOO_LARGE;
	snprintf(text, sizeof(text), "%s at byte %zu", scanner->error.message,
			 scanner->error.offset);
	set_call(reading->request, reading->failed, outcome, 0, text);
	set_pending(reading->request, RPC_UNREAD, 0,
				"not read: an answer before it could not be read");
}

/*
 * An error under an id that is not ours, or that has its answer already.
 * True when it may be believed.
 */
static bool
set_stray(Reading *reading)
{
	RpcRequest *request = reading->request;
	RpcOutcome	outcome = classify(request, &reading->stray);
	char text[	640];

	if (any_result(request) ||
		(outcome != RPC_THROTTLED && outcome != RPC_UNAUTHORIZED))
		return false;
	describe_error(text, sizeof(text), request, &reading->stray);
	set_pending(request, outcome, reading->stray.code, text);
	return true;
}

/* Calls that got no answer of their own. */
static void
set_unanswered(Reading *reading, const HttpExchange *exchange)
{
	RpcRequest *request = reading->request;
	char text[	640];

	if (reading->has_general)
	{
		describe_error(text, sizeof(text), request,
					   &reading->general);
		set_pending(request, classify(request, &reading->general),
					reading->general.code, text);
	}
	else if (reading->good_status)
		set_pending(request, RPC_INVALID, 0, "no answer to this call");
	else
	{
		describe_status(text, sizeof(text), request, exchange);
		set_pending(request, rpc_classify_error(exchange->status, 0, "", ""),
					exchange->status, text);
	}
}

/* Reads an answer of any HTTP status; false when not to be trusted again. */
static bool
read_answer(RpcRequest *request, const HttpExchange *exchange)
{
	Reading		reading = {.request = request};
	RpcJsonHandler handler = {&reading, on_result, on_error};
	static char nothing[1];
	JsonScanner scanner;
	bool		good;

	reading.good_status = exchange->status >= 200 && exchange->status < 300;
	json_init(&scanner, exchange->body != NULL ? exchange->body : nothing,
			  exchange->body_len);
	reading.one_for_all = request->call_count > 1 &&
		json_peek(&scanner) == JSON_TYPE_OBJECT;
	good = rpc_json_read(&scanner, &handler);
	if (!good && reading.failed != NULL &&
		scanner.error.status != JSON_MALFORMED)
	{
		set_failed(&reading, &scanner);
		request->outcome = RPC_OK;
		return true;
	}
	if (!good)
	{
		set_unreadable(&reading, exchange, &scanner);
		return !reading.good_status;
	}
	if (reading.has_stray && !set_stray(&reading))
	{
		set_all(request, RPC_INVALID, 0,
				"answer with an id that was not asked for");
		return false;
	}
	set_unanswered(&reading, exchange);
	request->outcome = RPC_OK;
	return !reading.has_stray;
}

static bool
take_answer(RpcRequest *request, const HttpExchange *exchange)
{
	request->http_status = exchange->status;
	request->retry_after_ms = exchange->retry_after_ms;
	request->latency_us = exchange->latency_us;
	request->body_bytes = exchange->body_len;
	switch (exchange->result)
	{
		case HTTP_ANSWERED:
			return read_answer(request, exchange);
		case HTTP_FAILED:
			set_all(request, RPC_TRANSPORT, 0, exchange->error);
			break;
		case HTTP_TOO_LARGE:
			set_all(request, RPC_TOO_LARGE, 0, exchange->error);
			break;
		case HTTP_BAD_ANSWER:
			set_all(request, RPC_INVALID, 0, exchange->error);
			break;
	}
	return true;
}

RpcRequest *
rpc_wait(RpcClient *client, long timeout_ms)
{
	HttpExchange *exchange = http_wait(client->http, timeout_ms);
	RpcRequest *request;

	if (exchange == NULL)
		return NULL;
	request = exchange->user;
	http_finish(client->http, exchange, take_answer(request, exchange));
	return request;
}

/* ---- the end ---- */

static void
free_transfer(RpcTransfer *transfer)
{
	dlist_delete(&transfer->node);
	pfree(transfer->url);
	if (transfer->header != NULL)
		pfree(transfer->header);
	if (transfer->secret != NULL)
		pfree(transfer->secret);
	pfree(transfer);
}

void
rpc_release(RpcClient *client, RpcRequest *request)
{
	http_release(client->http, request->transfer->exchange);
	free_transfer(request->transfer);
}

void
rpc_cancel_all(RpcClient *client)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &client->requests)
	{
		RpcTransfer *transfer = dlist_container(RpcTransfer, node, iter.cur);

		/* those that came out of rpc_wait() are their callers' */
		if (transfer->request.outcome == RPC_PENDING)
			free_transfer(transfer);
	}
	http_cancel_all(client->http);
}
