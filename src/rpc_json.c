/*-------------------------------------------------------------------------
 *
 * rpc_json.c
 *	  The envelope of JSON-RPC 2.0 answers, single or batch.
 *
 * An answer is handed over when its id is known: a result that comes before
 * the id is checked and passed over first, and read when the answer's end is
 * reached.  An error is kept until then anyway.
 *
 *-------------------------------------------------------------------------
 */
#include "rpc_json.h"

#include <string.h>

typedef enum AnswerId
{
	ID_ABSENT,					/* or null */
	ID_NUMBER,
	ID_UNKNOWN					/* of a kind that we never send */
} AnswerId;

typedef struct Answer
{
	AnswerId	id_kind;
	uint64_t	id;
	bool		saw_version;
	bool		saw_id;
	bool		saw_result;
	bool		saw_error;
	bool		result_is_kept; /* passed over, not yet read */
	bool		is_error;		/* the error is not null */
	JsonSlice	result;
	RpcJsonError error;
} Answer;

/*
 * Decimal digits without a leading zero, as a call's id was written.  False
 * when it is something else, or too large.
 */
static bool
parse_id(const JsonSlice *digits, uint64_t *id)
{
	uint64_t	value = 0;
	size_t		i;

	if (digits->len == 0 || (digits->len > 1 && digits->data[0] == '0'))
		return false;
	for (i = 0; i < digits->len; i++)
	{
		char		c = digits->data[i];

		if (c < '0' || c > '9' || value > (UINT64_MAX - (c - '0')) / 10)
			return false;
		value = value * 10 + (uint64_t) (c - '0');
	}
	*id = value;
	return true;
}

static bool
read_id(JsonScanner *scanner, Answer *answer)
{
	JsonType	type = json_peek(scanner);
	JsonSlice	text = {NULL, 0};

	if (type == JSON_TYPE_STRING)
	{
		if (!json_read_string(scanner, "id", &text))
			return false;
	}
	else if (!json_skip_value(scanner, &text))
		return false;

	if (type == JSON_TYPE_NULL)
		answer->id_kind = ID_ABSENT;
	else if ((type == JSON_TYPE_STRING || type == JSON_TYPE_NUMBER) &&
			 parse_id(&text, &answer->id))
		answer->id_kind = ID_NUMBER;
	else
		answer->id_kind = ID_UNKNOWN;
	return true;
}

/* A member of an error that should be a string; any other is passed over. */
static bool
read_text(JsonScanner *scanner, const char *member, char *out, size_t size)
{
	JsonSlice	text;

	if (json_peek(scanner) != JSON_TYPE_STRING)
		return json_skip_value(scanner, NULL);
	if (!json_read_string(scanner, member, &text))
		return false;
	(void) json_unescape(out, size, &text);
	return true;
}

static bool
read_code(JsonScanner *scanner, int64_t *code)
{
	bool		is_integer;

	if (json_peek(scanner) != JSON_TYPE_NUMBER)
		return json_skip_value(scanner, NULL);
	return json_read_integer(scanner, "code", code, &is_integer);
}

/* Note that a member came; false with the error set when it came before. */
static bool
note_member(JsonScanner *scanner, const char *name, bool *seen)
{
	if (*seen)
		return json_fail(scanner, JSON_INVALID, scanner->pos,
						 "member \"%s\": appears twice", name);
	*seen = true;
	return true;
}

static bool
read_error_object(JsonScanner *scanner, RpcJsonError *error)
{
	JsonSlice	name;
	bool		saw_code = false;
	bool		saw_message = false;
	bool		saw_data = false;
	bool		more;

	for (more = json_object_first(scanner, &name); more;
		 more = json_object_next(scanner, &name))
	{
		bool		good;

		if (json_slice_is(&name, "code"))
			good = note_member(scanner, "code", &saw_code) &&
				read_code(scanner, &error->code);
		else if (json_slice_is(&name, "message"))
			good = note_member(scanner, "message", &saw_message) &&
				read_text(scanner, "message", error->message,
						  sizeof(error->message));
		else if (json_slice_is(&name, "data"))
			good = note_member(scanner, "data", &saw_data) &&
				read_text(scanner, "data", error->data, sizeof(error->data));
		else
			good = json_skip_value(scanner, NULL);
		if (!good)
			return false;
	}
	return scanner->error.status == JSON_OK;
}

/* The error: an object, a mere string from some providers, or null. */
static bool
read_error(JsonScanner *scanner, Answer *answer)
{
	switch (json_peek(scanner))
	{
		case JSON_TYPE_NULL:
			return json_skip_value(scanner, NULL);
		case JSON_TYPE_STRING:
			answer->is_error = true;
			return read_text(scanner, "error", answer->error.message,
							 sizeof(answer->error.message));
		case JSON_TYPE_OBJECT:
			answer->is_error = true;
			return read_error_object(scanner, &answer->error);
		default:
			/* let what is no JSON at all be called so */
			if (!json_skip_value(scanner, NULL))
				return false;
			return json_fail(scanner, JSON_INVALID, scanner->pos,
							 "member \"error\": not an object");
	}
}

/* Hand over the result that the scanner stands at. */
static bool
hand_over_result(JsonScanner *scanner, const RpcJsonHandler *handler,
				 uint64_t id)
{
	bool		good = handler->on_result(handler->arg, id, scanner);

	if (!good && scanner->error.status == JSON_OK)
		json_fail(scanner, JSON_INVALID, scanner->pos,
				  "the result was refused");
	return good && scanner->error.status == JSON_OK;
}

static bool
read_result(JsonScanner *scanner, const RpcJsonHandler *handler,
			Answer *answer)
{
	if (answer->id_kind == ID_NUMBER && !answer->saw_error)
		return hand_over_result(scanner, handler, answer->id);
	answer->result_is_kept = true;
	return json_skip_value(scanner, &answer->result);
}

static bool
read_member(JsonScanner *scanner, const RpcJsonHandler *handler,
			Answer *answer, const JsonSlice *name)
{
	if (json_slice_is(name, "id"))
		return note_member(scanner, "id", &answer->saw_id) &&
			read_id(scanner, answer);
	if (json_slice_is(name, "result"))
		return note_member(scanner, "result", &answer->saw_result) &&
			read_result(scanner, handler, answer);
	if (json_slice_is(name, "error"))
		return note_member(scanner, "error", &answer->saw_error) &&
			read_error(scanner, answer);
	if (json_slice_is(name, "jsonrpc") &&
		!note_member(scanner, "jsonrpc", &answer->saw_version))
		return false;
	return json_skip_value(scanner, NULL);
}

/*
 * Read the result that was passed over, and come back to where the scanner
 * is.  That is behind the answer's object, so the result is one level deeper.
 */
static bool
read_kept_result(JsonScanner *scanner, const RpcJsonHandler *handler,
				 const Answer *answer)
{
	char	   *pos = scanner->pos;
	char	   *end = answer->result.data + answer->result.len;

	scanner->pos = answer->result.data;
	scanner->depth++;
	if (!hand_over_result(scanner, handler, answer->id))
		return false;
	if (scanner->pos != end)
		return json_fail(scanner, JSON_INVALID, scanner->pos,
						 "the result was not read to its end");
	scanner->pos = pos;
	scanner->depth--;
	return true;
}

/* What an answer says as a whole, when all its members have come. */
static bool
conclude(JsonScanner *scanner, const RpcJsonHandler *handler,
		 const Answer *answer, bool in_batch)
{
	const char *at = scanner->pos;

	if (answer->saw_result && answer->is_error)
		return json_fail(scanner, JSON_INVALID, at,
						 "answer with a result and an error");
	if (!answer->saw_result && !answer->is_error)
		return json_fail(scanner, JSON_INVALID, at,
						 "answer with neither a result nor an error");

	if (answer->is_error)
	{
		if (answer->id_kind == ID_UNKNOWN && in_batch)
			return json_fail(scanner, JSON_INVALID, at,
							 "answer with an unknown id");
		if (!handler->on_error(handler->arg, answer->id_kind == ID_NUMBER,
							   answer->id, &answer->error))
			return json_fail(scanner, JSON_INVALID, at,
							 "the error was refused");
		return true;
	}
	if (answer->id_kind != ID_NUMBER)
		return json_fail(scanner, JSON_INVALID, at,
						 "answer with an unknown id");
	return true;
}

static bool
read_answer(JsonScanner *scanner, const RpcJsonHandler *handler,
			bool in_batch)
{
	Answer		answer;
	JsonSlice	name;
	bool		more;

	memset(&answer, 0, sizeof(answer));
	for (more = json_object_first(scanner, &name); more;
		 more = json_object_next(scanner, &name))
	{
		if (!read_member(scanner, handler, &answer, &name))
			return false;
	}
	if (scanner->error.status != JSON_OK ||
		!conclude(scanner, handler, &answer, in_batch))
		return false;
	return !answer.result_is_kept ||
		read_kept_result(scanner, handler, &answer);
}

bool
rpc_json_read(JsonScanner *scanner, const RpcJsonHandler *handler)
{
	bool		more;

	if (json_peek(scanner) != JSON_TYPE_ARRAY)
		return read_answer(scanner, handler, false) && json_at_end(scanner);

	for (more = json_array_first(scanner); more;
		 more = json_array_next(scanner))
	{
		if (!read_answer(scanner, handler, true))
			return false;
	}
	return scanner->error.status == JSON_OK && json_at_end(scanner);
}
