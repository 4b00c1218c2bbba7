/*-------------------------------------------------------------------------
 *
 * bench_abi.c
 *	  What decoding costs: an ERC-20 Transfer, with and without its JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "abi_corpus.h"

#define ROUNDS 500000

static const char *const transfer[] = {
	"ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
	"0000000000000000000000005aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
	"000000000000000000000000fb6916095ca1df60bb79ce92ce3ea74c37c5d359",
	"00000000000000000000000000000000000000000000000000000002fb474098"
};

static void
bench(const AbiEntry *event, const uint8_t *const *topics,
	  const uint8_t *data, bool with_json)
{
	Arena		arena;
	AbiValue	values[3];
	AbiError	error;
	AbiText		text;
	size_t		bytes = 0;
	double		started = abi_now_ms();

	arena_init(&arena, 1 << 20);
	for (int i = 0; i < ROUNDS; i++)
	{
		if (!abi_decode_event(values, &arena, event, topics, 3, data, 32,
							  false, &error))
			corpus_die("does not decode", error.message);
		if (with_json)
		{
			abi_text_init(&text, &arena, 1 << 16);
			if (!abi_json_put(&text, event->inputs, values, true, &error))
				corpus_die("has no JSON", error.message);
			bytes += text.len;
		}
		arena_reset(&arena);
	}
	printf("Transfer%s: %.0f ns a log (%zu bytes of JSON)\n",
		   with_json ? " and its JSON" : "",
		   (abi_now_ms() - started) * 1e6 / ROUNDS, bytes / ROUNDS);
	arena_destroy(&arena);
}

int
main(void)
{
	static const char declaration[] = "event Transfer(address indexed from, "
	"address indexed to, uint256 value)";
	Arena		arena;
	AbiEntry	event;
	AbiError	error;
	const uint8_t *words[4];

	arena_init(&arena, 0);
	for (int i = 0; i < 4; i++)
		words[i] = corpus_unhex(&arena, transfer[i]).data;
	if (!abi_parse_entry(&event, &arena, ABI_ENTRY_EVENT, declaration,
						 sizeof(declaration) - 1, &error))
		corpus_die("does not parse", error.message);
	bench(&event, words, words[3], false);
	bench(&event, words, words[3], true);
	arena_destroy(&arena);
	return 0;
}
