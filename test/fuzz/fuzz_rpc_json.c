/*-------------------------------------------------------------------------
 *
 * fuzz_rpc_json.c
 *	  libFuzzer target: the JSON-RPC envelope, with results read as blocks
 *	  and receipts or skipped, by their id.  What is accepted json-c must
 *	  accept.
 *
 *-------------------------------------------------------------------------
 */
#include "rpc_json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "block_json.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
on_result(void *arg, uint64_t id, JsonScanner *scanner)
{
	EvmBlock	block;
	EvmReceipt *receipts;
	uint32_t	count;
	bool		is_null;

	switch (id % 4)
	{
		case 0:
			return json_skip_value(scanner, NULL);
		case 1:
			return block_json_read_block(scanner, arg, &block, &is_null);
		case 2:
			return block_json_read_receipts(scanner, arg, &receipts, &count,
											&is_null);
		default:
			return block_json_read_header(scanner, arg, &block, &is_null);
	}
}

static bool
on_error(void *arg, bool has_id, uint64_t id, const RpcJsonError *error)
{
	(void) arg;
	(void) has_id;
	(void) id;
	if (strlen(error->message) >= sizeof(error->message) ||
		strlen(error->data) >= sizeof(error->data))
		abort();
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	JsonScanner scanner;
	Arena		arena;
	RpcJsonHandler handler = {&arena, on_result, on_error};
	char	   *buffer = malloc(size == 0 ? 1 : size);
	bool		good;

	memcpy(buffer, data, size);
	json_init(&scanner, buffer, size);
	arena_init(&arena, 1 << 24);
	good = rpc_json_read(&scanner, &handler);
	if (good != (scanner.error.status == JSON_OK) ||
		(good && (scanner.depth != 0 || scanner.pos != scanner.end)))
		abort();
	if (good)
	{
		json_tokener *tokener = json_tokener_new_ex(80);

		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
							   JSON_TOKENER_VALIDATE_UTF8);
		json_object_put(json_tokener_parse_ex(tokener, (const char *) data,
											  (int) size));
		if (json_tokener_get_error(tokener) != json_tokener_success)
			abort();
		json_tokener_free(tokener);
	}
	arena_destroy(&arena);
	free(buffer);
	return 0;
}
