/*-------------------------------------------------------------------------
 *
 * fuzz_block_json.c
 *	  libFuzzer target: the readers of blocks, headers and receipts.  The
 *	  first byte of the input chooses which.  What they accept json-c must
 *	  accept and read the same.
 *
 *-------------------------------------------------------------------------
 */
#include "block_json.h"

#include "../unit/facts.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Facts ours;
static Facts theirs;

static void
compare(int what, const char *text, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(80);
	json_object *root;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						   JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text, (int) len);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		abort();
	theirs.len = 0;
	if (what == 0)
		tree_receipts(&theirs, root);
	else
	{
		if (what == 1)
		{
			json_object_object_del(root, "transactions");
			json_object_object_del(root, "withdrawals");
		}
		tree_block(&theirs, root);
	}
	if (ours.len != theirs.len ||
		memcmp(ours.text, theirs.text, ours.len) != 0)
		abort();
	json_object_put(root);
	json_tokener_free(tokener);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	JsonScanner scanner;
	Arena		arena;
	EvmBlock	block;
	EvmReceipt *receipts;
	uint32_t	count;
	bool		is_null;
	bool		good;
	char	   *buffer;
	int			what;

	if (size < 1)
		return 0;
	what = data[0] % 3;
	data++;
	size--;
	buffer = malloc(size + 1);
	memcpy(buffer, data, size);
	buffer = realloc(buffer, size == 0 ? 1 : size);
	json_init(&scanner, buffer, size);
	arena_init(&arena, 1 << 24);
	ours.len = 0;
	if (what == 0)
		good = block_json_read_receipts(&scanner, &arena, &receipts, &count,
										&is_null);
	else if (what == 1)
		good = block_json_read_header(&scanner, &arena, &block, &is_null);
	else
		good = block_json_read_block(&scanner, &arena, &block, &is_null);
	if (good != (scanner.error.status == JSON_OK))
		abort();
	if (good && !is_null && json_at_end(&scanner))
	{
		if (what == 0)
			facts_receipts(&ours, receipts, count);
		else
			facts_block(&ours, &block);
		compare(what, (const char *) data, size);
	}
	arena_destroy(&arena);
	free(buffer);
	return 0;
}
