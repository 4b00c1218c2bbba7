/*-------------------------------------------------------------------------
 *
 * dispatch.c
 *	  From the body of a request to the body of its answer: JSON-RPC's
 *	  envelope, batches and their limits, as go-ethereum 1.17 has them.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define JSON_AS_WRITTEN \
	(JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

#define BATCH_MAX_CALLS		1000
#define BATCH_MAX_BYTES		25000000

/* A request's calls, for the faults that ask for a method. */
typedef struct Request
{
	struct json_object *root;
	bool		is_batch;
	bool		accepts_gzip;
	bool		want_latency;
} Request;

static const char *
call_method(struct json_object *call)
{
	struct json_object *method;

	if (json_object_is_type(call, json_type_object) &&
		json_object_object_get_ex(call, "method", &method) &&
		json_object_is_type(method, json_type_string))
		return json_object_get_string(method);
	return NULL;
}

static bool
asks_for(const Request *request, const char *name)
{
	const char *method;

	if (!request->is_batch)
	{
		method = call_method(request->root);
		return method != NULL && strcmp(method, name) == 0;
	}
	for (size_t i = 0; i < json_object_array_length(request->root); i++)
	{
		method = call_method(json_object_array_get_idx(request->root, i));
		if (method != NULL && strcmp(method, name) == 0)
			return true;
	}
	return false;
}

static bool
fault_fits(const Fault *fault, const void *arg)
{
	const Request *request = arg;

	if (!fault_is_http(fault->kind) ||
		(fault->kind == FAULT_LATENCY) != request->want_latency)
		return false;
	if (fault->method[0] != '\0' && !asks_for(request, fault->method))
		return false;
	if (fault->kind == FAULT_GZIP_BOMB)
		return request->accepts_gzip;
	if (fault->kind == FAULT_BATCH_REVERSE ||
		fault->kind == FAULT_BATCH_DROP || fault->kind == FAULT_BATCH_OBJECT)
		return request->is_batch;
	return true;
}

/* "id":…, with what a fault makes of it. */
static void
put_id(Reply *reply, struct json_object *id, FaultKind fault)
{
	const char *text = json_object_to_json_string_ext(id, JSON_AS_WRITTEN);
	bool		is_number = json_object_is_type(id, json_type_int);

	reply_puts(reply, "{\"jsonrpc\":\"2.0\",");
	if (fault == FAULT_MISSING_ID)
		return;
	reply_puts(reply, "\"id\":");
	if (fault == FAULT_OTHER_ID && is_number)
		reply_printf(reply, "%lld",
					 (long long) json_object_get_int64(id) + 1000003);
	else if (fault == FAULT_OTHER_ID)
		reply_puts(reply, "\"another\"");
	else if (fault == FAULT_STRING_ID && is_number)
		reply_printf(reply, "\"%s\"", text);
	else
		reply_text(reply, text, strlen(text));
	reply_puts(reply, ",");
}

static void
put_error(Reply *reply, struct json_object *id, FaultKind fault, int code,
		  const char *message)
{
	struct json_object *text = json_object_new_string(message);
	const char *json = json_object_to_json_string_ext(text, JSON_AS_WRITTEN);

	put_id(reply, id, fault);
	reply_printf(reply, "\"error\":{\"code\":%d,\"message\":", code);
	reply_text(reply, json, strlen(json));
	reply_puts(reply, "}}");
	json_object_put(text);
}

/* Answers one call; a notification (no id) gets nothing. */
static void
answer_call(Reply *reply, Sim *sim, struct json_object *call)
{
	const char *method = call_method(call);
	struct json_object *version = NULL;
	struct json_object *params = NULL;
	struct json_object *id = NULL;
	CallResult	result;

	if (method == NULL ||
		!json_object_object_get_ex(call, "jsonrpc", &version) ||
		!json_object_is_type(version, json_type_string) ||
		strcmp(json_object_get_string(version), "2.0") != 0)
	{
		if (json_object_is_type(call, json_type_object))
			json_object_object_get_ex(call, "id", &id);
		put_error(reply, id, FAULT_NONE, -32600, "invalid request");
		return;
	}
	if (!json_object_object_get_ex(call, "id", &id))
		return;
	json_object_object_get_ex(call, "params", &params);
	method_call(&result, sim, method, params);
	if (result.code != 0)
		put_error(reply, id, result.envelope, result.code, result.message);
	else
	{
		put_id(reply, id, result.envelope);
		reply_puts(reply, "\"result\":");
		reply_move(reply, &result.result);
		reply_puts(reply, "}");
	}
	reply_free(&result.result);
}

static struct json_object *
call_id(struct json_object *call)
{
	struct json_object *id = NULL;

	if (json_object_is_type(call, json_type_object))
		json_object_object_get_ex(call, "id", &id);
	return id;
}

/* Puts the answers together; those that are empty are left out. */
static void
join_answers(Reply *body, Reply *answers, size_t count, FaultKind fault)
{
	bool		first = true;

	if (fault == FAULT_BATCH_DROP && count > 0)
		reply_free(&answers[count - 1]);
	reply_puts(body, "[");
	for (size_t i = 0; i < count; i++)
	{
		Reply	   *answer = &answers[fault == FAULT_BATCH_REVERSE ?
									  count - 1 - i : i];

		if (answer->total == 0)
			continue;
		if (!first)
			reply_puts(body, ",");
		first = false;
		reply_move(body, answer);
	}
	reply_puts(body, "]");
}

static void
answer_batch(Reply *body, Sim *sim, struct json_object *batch, FaultKind fault)
{
	size_t		count = json_object_array_length(batch);
	size_t		bytes = 0;
	Reply	   *answers;

	sim_count(sim->stats.batches, 1);
	if (count == 0)
	{
		put_error(body, NULL, FAULT_NONE, -32600, "empty batch");
		return;
	}
	if (fault == FAULT_BATCH_OBJECT)
	{
		put_error(body, NULL, FAULT_NONE, -32000,
				  "batch requests are not supported");
		return;
	}
	if (count > BATCH_MAX_CALLS)
	{
		reply_puts(body, "[");
		put_error(body, call_id(json_object_array_get_idx(batch, 0)),
				  FAULT_NONE, -32600, "batch too large");
		reply_puts(body, "]");
		return;
	}
	answers = sim_alloc(count * sizeof(Reply));
	for (size_t i = 0; i < count; i++)
	{
		struct json_object *call = json_object_array_get_idx(batch, i);

		if (bytes > BATCH_MAX_BYTES)
			put_error(&answers[i], call_id(call), FAULT_NONE, -32003,
					  "response too large");
		else
			answer_call(&answers[i], sim, call);
		bytes += answers[i].total;
	}
	join_answers(body, answers, count, fault);
	for (size_t i = 0; i < count; i++)
		reply_free(&answers[i]);
	free(answers);
}

/* A whole JSON text, or NULL. */
static struct json_object *
parse_body(bool *ok, const char *body, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(32);
	struct json_object *root;
	size_t		used;
	bool		unended;

	if (tokener == NULL)
		sim_fatal("out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						   JSON_TOKENER_ALLOW_TRAILING_CHARS);
	root = json_tokener_parse_ex(tokener, body, (int) len);
	/* a number alone may go on for all json-c knows: show it the end */
	unended = json_tokener_get_error(tokener) == json_tokener_continue;
	if (unended)
		root = json_tokener_parse_ex(tokener, "", 1);
	*ok = json_tokener_get_error(tokener) == json_tokener_success;
	used = unended ? len : json_tokener_get_parse_end(tokener);
	while (*ok && used < len && strchr(" \n\r\t", body[used]) != NULL)
		used++;
	if (*ok && used < len)
		*ok = false;
	if (!*ok)
	{
		json_object_put(root);
		root = NULL;
	}
	json_tokener_free(tokener);
	return root;
}

void
dispatch_body(Dispatch *out, Sim *sim, const char *body, size_t len,
			  bool accepts_gzip)
{
	Request		request = {.accepts_gzip = accepts_gzip};
	Fault		latency;
	bool		ok;

	memset(out, 0, sizeof(*out));
	request.root = parse_body(&ok, body, len);
	request.is_batch = ok &&
		json_object_is_type(request.root, json_type_array);
	if (!fault_draw(&sim->faults, &out->fault, fault_fits, &request))
		out->fault.kind = FAULT_NONE;
	request.want_latency = true;
	if (fault_draw(&sim->faults, &latency, fault_fits, &request))
		out->latency_ms = fault_number(&latency, 0);
	if (!ok)
		put_error(&out->body, NULL, FAULT_NONE, -32700, "parse error");
	else if (request.is_batch)
		answer_batch(&out->body, sim, request.root, out->fault.kind);
	else
		answer_call(&out->body, sim, request.root);
	json_object_put(request.root);
	sim_count(sim->stats.bytes, out->body.total);
}
