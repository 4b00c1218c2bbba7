/*-------------------------------------------------------------------------
 *
 * test_rpc_json.c
 *	  The JSON-RPC envelope: single and batch, ids, errors, order of members.
 *
 *-------------------------------------------------------------------------
 */
#include "rpc_json.h"

#include <stdarg.h>
#include <stdlib.h>

#include "unit.h"

/* What the handler was told, as text. */
static char told[4000];
static bool refuse;

__attribute__((format(printf, 1, 2)))
static void
tell(const char *format,...)
{
	size_t		used = strlen(told);
	va_list		args;

	va_start(args, format);
	vsnprintf(told + used, sizeof(told) - used, format, args);
	va_end(args);
}

static bool
on_result(void *arg, uint64_t id, JsonScanner *scanner)
{
	JsonSlice	slice;

	CHECK(arg == told);
	if (refuse)
		return false;
	if (!json_skip_value(scanner, &slice))
		return false;
	tell("result %llu %.*s;", (unsigned long long) id, (int) slice.len,
		 slice.data);
	return true;
}

static bool
on_error(void *arg, bool has_id, uint64_t id, const RpcJsonError *error)
{
	CHECK(arg == told);
	if (refuse)
		return false;
	if (has_id)
		tell("error %llu", (unsigned long long) id);
	else
		tell("error");
	tell(" %lld %s|%s;", (long long) error->code, error->message,
		 error->data);
	return true;
}

/* Reads a body; `expected` is what is told, or the message when it fails. */
static void
check(const char *body, bool good, const char *expected)
{
	RpcJsonHandler handler = {told, on_result, on_error};
	size_t		len = strlen(body);
	char	   *copy = malloc(len == 0 ? 1 : len);
	JsonScanner scanner;

	memcpy(copy, body, len);
	json_init(&scanner, copy, len);
	told[0] = '\0';
	CHECK_SAY(rpc_json_read(&scanner, &handler) == good, body);
	CHECK_SAY((scanner.error.status == JSON_OK) == good, body);
	CHECK_TEXT(good ? told : scanner.error.message, expected);
	if (good)
		CHECK(scanner.depth == 0 && scanner.pos == scanner.end);
	free(copy);
}

static void
test_single(void)
{
	check("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1\"}", true,
		  "result 1 \"0x1\";");
	check(" { \"id\" : 7 , \"result\" : [ 1 , {} ] } \n", true,
		  "result 7 [ 1 , {} ];");
	check("{\"id\":1,\"result\":null}", true, "result 1 null;");
	check("{\"id\":1,\"result\":{},\"error\":null}", true, "result 1 {};");
	check("{\"id\":1,\"error\":null,\"result\":{}}", true, "result 1 {};");
	check("{\"result\":{\"a\":[1]},\"x\":{\"id\":9},\"id\":3}", true,
		  "result 3 {\"a\":[1]};");
	check("{\"id\":\"18446744073709551615\",\"result\":1}", true,
		  "result 18446744073709551615 1;");
	check("{\"id\":0,\"result\":1}", true, "result 0 1;");
	check("{\"id\":1,\"error\":{\"code\":-32005,\"message\":\"slow down\"}}",
		  true, "error 1 -32005 slow down|;");
	check("{\"error\":{\"message\":\"a\\nb\\u0000\\\"\","
		  "\"data\":\"0x08c379a0\",\"code\":3,\"more\":[]},\"id\":2}",
		  true, "error 2 3 a?b?\"|0x08c379a0;");
	check("{\"id\":1,\"error\":{\"code\":\"x\",\"message\":5,\"data\":{}}}",
		  true, "error 1 0 |;");
	check("{\"id\":1,\"error\":{\"code\":1.5,\"message\":null}}", true,
		  "error 1 0 |;");
	check("{\"id\":1,\"error\":{\"code\":99999999999999999999}}", true,
		  "error 1 0 |;");
	check("{\"id\":1,\"error\":\"too many requests\"}", true,
		  "error 1 0 too many requests|;");
	check("{\"id\":null,\"error\":{\"code\":-32700}}", true,
		  "error -32700 |;");
	check("{\"error\":{\"code\":-32700}}", true, "error -32700 |;");
	check("{\"id\":\"abc\",\"error\":{\"code\":-1}}", true, "error -1 |;");
	check("{\"id\":-1,\"error\":{\"code\":-1}}", true, "error -1 |;");
}

static void
test_batch(void)
{
	check("[]", true, "");
	check("[{\"id\":2,\"result\":1},{\"result\":[2],\"id\":\"1\"},"
		  "{\"id\":3,\"error\":{\"code\":4}},{\"error\":{\"code\":5}}]", true,
		  "result 2 1;result 1 [2];error 3 4 |;error 5 |;");
	check("[{\"id\":\"abc\",\"error\":{\"code\":-1}}]", false,
		  "answer with an unknown id");
	check("[1]", false, "expected an object");
	check("[[]]", false, "expected an object");
	check("[{\"id\":1,\"result\":1}", false, "the text ends too early");
	check("[{\"id\":1,\"result\":1},]", false, "expected an object");
	check("[{\"id\":1,\"result\":1}{\"id\":2,\"result\":1}]", false,
		  "expected a comma");
}

static void
test_refused(void)
{
	static const char unknown[] = "answer with an unknown id";
	static const char neither[] = "answer with neither a result nor an error";
	static const char both[] = "answer with a result and an error";

	check("", false, "the text ends too early");
	check("null", false, "expected an object");
	check("<html>429 Too Many Requests</html>", false, "expected an object");
	check("\xef\xbb\xbf{\"id\":1,\"result\":1}", false, "expected an object");
	check("{\"id\":1,\"result\":1} x", false,
		  "something follows the JSON text");
	check("{\"id\":1,\"result\":1}{\"id\":1,\"result\":1}", false,
		  "something follows the JSON text");
	check("[] []", false, "something follows the JSON text");
	check("{\"id\":1,\"result\":1", false, "the text ends too early");
	check("{}", false, neither);
	check("{\"id\":1}", false, neither);
	check("{\"id\":1,\"error\":null}", false, neither);
	check("{\"id\":1,\"result\":1,\"error\":{}}", false, both);
	check("{\"id\":1,\"error\":{},\"result\":1}", false, both);
	check("{\"id\":1,\"result\":null,\"error\":{\"code\":1}}", false, both);
	check("{\"result\":1}", false, unknown);
	check("{\"id\":null,\"result\":1}", false, unknown);
	check("{\"id\":-1,\"result\":1}", false, unknown);
	check("{\"id\":1.0,\"result\":1}", false, unknown);
	check("{\"id\":1e0,\"result\":1}", false, unknown);
	check("{\"id\":true,\"result\":1}", false, unknown);
	check("{\"id\":[1],\"result\":1}", false, unknown);
	check("{\"id\":\"\",\"result\":1}", false, unknown);
	check("{\"id\":\"0x1\",\"result\":1}", false, unknown);
	check("{\"id\":\"01\",\"result\":1}", false, unknown);
	check("{\"id\":\"\\u0031\",\"result\":1}", false, unknown);
	check("{\"id\":18446744073709551616,\"result\":1}", false, unknown);
	check("{\"id\":\"99999999999999999999999\",\"result\":1}", false, unknown);
	check("{\"id\":1,\"error\":[]}", false,
		  "member \"error\": not an object");
	check("{\"id\":1,\"error\":true}", false,
		  "member \"error\": not an object");
	check("{\"id\":1,\"id\":1,\"result\":1}", false,
		  "member \"id\": appears twice");
	check("{\"id\":1,\"result\":1,\"result\":2}", false,
		  "member \"result\": appears twice");
	check("{\"id\":1,\"error\":null,\"error\":{}}", false,
		  "member \"error\": appears twice");
	check("{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}",
		  false, "member \"jsonrpc\": appears twice");
	check("{\"id\":1,\"error\":{\"code\":1,\"code\":2}}", false,
		  "member \"code\": appears twice");
	check("{\"id\":1,\"error\":{\"message\":\"\",\"message\":\"\"}}", false,
		  "member \"message\": appears twice");
	check("{\"id\":1,\"error\":{\"data\":1,\"data\":2}}", false,
		  "member \"data\": appears twice");
	check("{\"\\u0069d\":1,\"result\":1}", false,
		  "member name with an escape");
	check("{\"id\":1,\"error\":{\"c\\u006fde\":1}}", false,
		  "member name with an escape");
	check("{\"id\":1,\"result\":[1,]}", false, "expected a value");
	check("{\"result\":[1,],\"id\":1}", false, "expected a value");

	refuse = true;
	check("{\"id\":1,\"result\":1}", false, "the result was refused");
	check("{\"result\":1,\"id\":1}", false, "the result was refused");
	check("{\"id\":1,\"error\":{}}", false, "the error was refused");
	refuse = false;
}

/* A message longer than its place is cut between characters. */
static void
test_long_message(void)
{
	char		body[2000] = "{\"id\":1,\"error\":{\"message\":\"";
	char		expected[400] = "error 1 0 ";

	for (int i = 0; i < 200; i++)
		strcat(body, "\xe2\x82\xac");
	strcat(body, "\"}}");
	for (int i = 0; i < 255 / 3; i++)
		strcat(expected, "\xe2\x82\xac");
	strcat(expected, "|;");
	check(body, true, expected);
}

/* The envelope's levels count: 62 brackets within a batch, 63 alone. */
static void
test_depth(void)
{
	for (int batch = 0; batch < 2; batch++)
	{
		for (int first = 0; first < 2; first++)
		{
			for (size_t depth = 60; depth < 66; depth++)
			{
				char		body[300];
				char		brackets[200];
				bool		good = depth + 1 + (size_t) batch <= 64;

				memset(brackets, '[', depth);
				memset(brackets + depth, ']', depth);
				brackets[2 * depth] = '\0';
				told[0] = '\0';
				snprintf(body, sizeof(body), first ?
						 "%s{\"result\":%s,\"id\":1}%s" :
						 "%s{\"id\":1,\"result\":%s}%s",
						 batch ? "[" : "", brackets, batch ? "]" : "");
				if (good)
				{
					char		expected[300];

					snprintf(expected, sizeof(expected), "result 1 %s;",
							 brackets);
					check(body, true, expected);
				}
				else
					check(body, false, "nested too deeply");
			}
		}
	}
}

int
main(void)
{
	test_single();
	test_batch();
	test_refused();
	test_long_message();
	test_depth();
	return unit_summary("test_rpc_json");
}
