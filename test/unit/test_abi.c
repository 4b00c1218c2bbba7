/*-------------------------------------------------------------------------
 *
 * test_abi.c
 *	  Decoder and encoder against vectors of ethers and viem, recorded logs
 *	  and calls, and malformed data.
 *
 *-------------------------------------------------------------------------
 */
#include "abi_corpus.h"

static Arena arena;
static unsigned long counted;

/* Where malformed data's verdict differs from that of ethers and viem. */
static unsigned long malformed_accepted;
static unsigned long malformed_refused;
static unsigned long refused_by_us_only;
static unsigned long accepted_by_us_only;
static double slowest_ms;

static const char *
name_of(json_object *vector)
{
	const char *name = corpus_string(vector, "name");

	return name != NULL ? name : corpus_string(vector, "signature");
}

/* Strict decoding must be the same as encoding again. */
static void
check_strict(const AbiType *tuple, const uint8_t *data, size_t len,
			 const char *name)
{
	AbiValue   *values = abi_values_for(&arena, tuple);
	AbiError	error;
	bool		tolerant = abi_decode(values, &arena, tuple, data, len, false,
									  &error);
	bool		canonical = tolerant &&
	abi_encodes_to(&arena, tuple, values, data, len);
	bool		strict = abi_decode(values, &arena, tuple, data, len, true,
									&error);

	CHECK_NAMED(strict == canonical, "strict is canonical", name);
	CHECK_NAMED(!strict == (error.status != ABI_OK), "status is set", name);
}

/* Every shorter piece of the data must be handled, whatever the verdict. */
static void
check_pieces(const AbiType *tuple, const uint8_t *data, size_t len,
			 const char *name)
{
	for (size_t cut = 1; cut <= len && cut < 100; cut += 7)
	{
		uint8_t    *piece = exact_copy(data, len - cut);

		check_strict(tuple, piece, len - cut, name);
		free(piece);
	}
}

/* {types, values, encoded} */
static void
check_vector(json_object *vector)
{
	EvmBytes	encoded;
	AbiError	error;
	const AbiType *tuple;
	AbiValue   *values;
	AbiValue	made;
	json_object *expected = corpus_get(vector, "values");
	const char *name = name_of(vector);
	uint8_t    *data;

	arena_reset(&arena);
	counted++;
	encoded = corpus_bytes(&arena, vector, "encoded");
	tuple = abi_types_of(&arena, corpus_get(vector, "types"), &error);
	if (!CHECK_NAMED(tuple != NULL, "types parse", name))
		return;
	values = abi_values_for(&arena, tuple);
	data = exact_copy(encoded.data, encoded.len);
	if (CHECK_NAMED(abi_decode(values, &arena, tuple, data, encoded.len, true,
							   &error), "decodes strictly", name))
		CHECK_NAMED(abi_values_are(&arena, tuple, values, expected),
					"values are equal", name);
	if (CHECK_NAMED(abi_value_of(&made, &arena, tuple, expected, &error),
					"values are read", name))
		CHECK_NAMED(abi_encodes_to(&arena, tuple, made.items, data, encoded.len),
					"encodes to the same bytes", name);
	check_pieces(tuple, data, encoded.len, name);
	free(data);
}

/* The one entry of a JSON ABI item. */
static bool
entry_of(AbiEntry *entry, json_object *item, const char *name)
{
	const char *text = json_object_to_json_string(item);
	AbiDefinition definition;
	AbiError	error;

	if (!CHECK_NAMED(abi_parse_json(&definition, &arena, text, strlen(text),
									&error) && definition.count == 1,
					 "the item parses", name))
		return false;
	*entry = definition.entries[0];
	return true;
}

/* Topics of a log; their number. */
static uint32_t
topics_of(const uint8_t **topics, json_object *log)
{
	json_object *list = corpus_get(log, "topics");
	uint32_t	count = (uint32_t) json_object_array_length(list);

	for (uint32_t i = 0; i < count; i++)
		topics[i] = corpus_unhex(&arena,
								 json_object_get_string(json_object_array_get_idx(list, i))).data;
	return count;
}

static void
check_log(json_object *log, bool strict)
{
	const uint8_t *topics[ABI_MAX_TOPICS];
	uint32_t	topic_count;
	EvmBytes	bytes;
	uint8_t    *data;
	AbiEntry	entry;
	AbiValue   *values;
	AbiError	error;
	const char *name = name_of(log);

	topic_count = topics_of(topics, log);
	bytes = corpus_bytes(&arena, log, "data");
	if (!entry_of(&entry, corpus_get(log, "abi"), name))
		return;
	CHECK_TEXT(entry.signature, corpus_string(log, "signature"));
	values = abi_values_for(&arena, entry.inputs);
	data = exact_copy(bytes.data, bytes.len);
	if (CHECK_NAMED(abi_decode_event(values, &arena, &entry, topics, topic_count,
									 data, bytes.len, strict, &error),
					"the log decodes", name))
		CHECK_NAMED(abi_values_are(&arena, entry.inputs, values,
								   corpus_get(log, "values")),
					"values are equal", name);
	free(data);
}

/* These leave "indexed" out where an array is indexed; "hashed" has it. */
static void
check_event_vector(json_object *vector)
{
	json_object *inputs = corpus_get(corpus_get(vector, "abi"), "inputs");
	json_object *hashed = corpus_get(vector, "hashed");

	arena_reset(&arena);
	counted++;
	for (size_t i = 0; i < json_object_array_length(inputs); i++)
	{
		if (json_object_get_boolean(json_object_array_get_idx(hashed, i)))
			json_object_object_add(json_object_array_get_idx(inputs, i),
								   "indexed", json_object_new_boolean(true));
	}
	check_log(vector, true);
}

static void
check_real_log(json_object *log)
{
	arena_reset(&arena);
	counted++;
	check_log(log, false);
}

static void
check_undecodable(json_object *log)
{
	const uint8_t *topics[ABI_MAX_TOPICS];
	uint32_t	topic_count;
	EvmBytes	data;
	AbiEntry	entry;
	AbiValue   *values;
	AbiError	error;
	const char *event = corpus_string(log, "event");

	arena_reset(&arena);
	counted++;
	topic_count = topics_of(topics, log);
	data = corpus_bytes(&arena, log, "data");
	if (!CHECK_NAMED(abi_parse_entry(&entry, &arena, ABI_ENTRY_EVENT, event,
									 strlen(event), &error), "parses", event))
		return;
	values = abi_values_for(&arena, entry.inputs);
	CHECK_NAMED(!abi_decode_event(values, &arena, &entry, topics, topic_count,
								  data.data, data.len, false, &error) &&
				error.status == ABI_NO_MATCH, "does not match", event);
}

/* Their "canonical" is ethers' encoding again; ours is strict decoding. */
static void
check_real_call(json_object *call)
{
	EvmBytes	input;
	AbiEntry	entry;
	AbiValue   *values;
	AbiError	error;
	uint8_t    *data;
	bool		strict;
	const char *name = name_of(call);

	arena_reset(&arena);
	counted++;
	input = corpus_bytes(&arena, call, "input");
	if (!entry_of(&entry, corpus_get(call, "abi"), name))
		return;
	CHECK_NAMED(memcmp(entry.hash, input.data, 4) == 0, "selector", name);
	values = abi_values_for(&arena, entry.inputs);
	data = exact_copy(input.data + 4, input.len - 4);
	strict = abi_decode(values, &arena, entry.inputs, data, input.len - 4,
						true, &error);
	CHECK_NAMED(strict == json_object_get_boolean(corpus_get(call, "canonical")),
				"strict where ethers encodes the same", name);
	if (CHECK_NAMED(abi_decode(values, &arena, entry.inputs, data, input.len - 4,
							   false, &error), "decodes", name))
		CHECK_NAMED(abi_values_are(&arena, entry.inputs, values,
								   corpus_get(call, "values")),
					"values are equal", name);
	check_strict(entry.inputs, data, input.len - 4, name);
	check_pieces(entry.inputs, data, input.len - 4, name);
	free(data);
}

/* The item of the function that the vector is about. */
static json_object *
test_function(json_object *vector)
{
	json_object *items = corpus_get(vector, "abi");

	for (size_t i = 0; i < json_object_array_length(items); i++)
	{
		json_object *item = json_object_array_get_idx(items, i);

		if (strcmp(corpus_string(item, "name"), "testSig") == 0)
			return item;
	}
	return json_object_array_get_idx(items, 0);
}

static void
check_signature(json_object *vector)
{
	const char *signature = corpus_string(vector, "signature");
	EvmBytes	selector;
	AbiEntry	entry;
	AbiError	error;

	arena_reset(&arena);
	counted++;
	selector = corpus_bytes(&arena, vector, "sigHash");
	if (entry_of(&entry, test_function(vector), signature))
	{
		CHECK_TEXT(entry.signature, signature);
		CHECK_NAMED(memcmp(entry.hash, selector.data, 4) == 0, "selector",
					signature);
	}
	CHECK_NAMED(abi_parse_callable(&entry, &arena, signature, strlen(signature),
								   &error) &&
				memcmp(entry.hash, selector.data, 4) == 0, "selector of text",
				signature);
}

/* The values that a library found, or NULL. */
static json_object *
verdict(json_object *vector, const char *library)
{
	json_object *result = corpus_get(vector, library);

	return json_object_is_type(result, json_type_object) ?
		corpus_get(result, "ok") : NULL;
}

/*
 * What both refuse is refused.  What both accept with the same values is
 * accepted with those, but for values out of their type's range, which one or
 * both cut to size, and strings that JSON cannot hold.
 */
static void
check_malformed_verdict(json_object *vector, const AbiType *tuple,
						const AbiValue *values, const AbiError *error)
{
	json_object *ethers = verdict(vector, "ethers");
	json_object *viem = verdict(vector, "viem");
	const char *name = name_of(vector);
	bool		good = error->status == ABI_OK;
	AbiError	shown;
	json_object *ours;

	good ? malformed_accepted++ : malformed_refused++;
	if (json_object_get_boolean(corpus_get(vector, "both_reject")))
	{
		CHECK_NAMED(!good, "what both refuse is refused", name);
		return;
	}
	if (strncmp(name, "bomb:", 5) == 0)
		CHECK_NAMED(!good, "a bomb is refused", name);
	if (good && (ethers == NULL || viem == NULL))
		accepted_by_us_only++;
	if (!good && ethers != NULL && viem != NULL)
	{
		refused_by_us_only++;
		if (!CHECK_NAMED(error->status == ABI_OUT_OF_RANGE,
						 "refused for a value's range only", name))
			printf("\t%s\n", error->message);
	}
	if (!good || (ethers == NULL && viem == NULL))
		return;
	ours = abi_json_of(&arena, tuple, values, &shown);
	CHECK_NAMED(ours == NULL ? shown.status == ABI_BAD_TEXT :
				abi_same(tuple, ours, ethers != NULL ? ethers : viem),
				"values are equal", name);
	json_object_put(ours);
}

/* 10,240 offsets, each to itself: abi.encode(uint256[]) of (j + 1) * 32. */
static EvmBytes
self_pointing(size_t len)
{
	EvmBytes	bytes;
	uint8_t    *data = corpus_alloc(&arena, len, 1);

	data[31] = 32;
	data[62] = 10240 >> 8;
	data[63] = 10240 & 255;
	for (size_t j = 0; 64 + 32 * j + 32 <= len; j++)
	{
		uint32_t	offset = (uint32_t) (j + 1) * 32;
		uint8_t    *word = data + 64 + 32 * j;

		word[29] = (uint8_t) (offset >> 16);
		word[30] = (uint8_t) (offset >> 8);
		word[31] = (uint8_t) offset;
	}
	bytes.data = data;
	bytes.len = (uint32_t) len;
	return bytes;
}

static void
check_malformed(json_object *vector)
{
	EvmBytes	bytes;
	const AbiType *tuple;
	AbiValue   *values;
	AbiError	error;
	uint8_t    *data;
	double		started;
	bool		good;
	const char *name = name_of(vector);

	arena_reset(&arena);
	counted++;
	bytes = corpus_get(vector, "data") != NULL ?
		corpus_bytes(&arena, vector, "data") :
		self_pointing((size_t) json_object_get_int64(corpus_get(vector,
																"data_len")));
	tuple = abi_types_of(&arena, corpus_get(vector, "types"), &error);
	if (tuple == NULL)
	{
		CHECK_NAMED(error.status == ABI_SYNTAX, "types are refused", name);
		malformed_refused++;
		return;
	}
	values = abi_values_for(&arena, tuple);
	data = exact_copy(bytes.data, bytes.len);
	started = abi_now_ms();
	good = abi_decode(values, &arena, tuple, data, bytes.len, false, &error);
	started = abi_now_ms() - started;
	if (started > slowest_ms)
		slowest_ms = started;
	CHECK_NAMED(good == (error.status == ABI_OK), "status is set", name);
	check_malformed_verdict(vector, tuple, values, &error);
	check_strict(tuple, data, bytes.len, name);
	free(data);
}

static void
check_basic(void)
{
	json_object *root = corpus_json("vectors/abi/basic_abi_tests.json");

	json_object_object_foreach(root, name, test)
	{
		EvmBytes	encoded;
		AbiError	error;
		const AbiType *tuple;
		AbiValue	made;

		arena_reset(&arena);
		counted++;
		encoded = corpus_bytes(&arena, test, "result");
		tuple = abi_types_of(&arena, corpus_get(test, "types"), &error);
		if (!CHECK_NAMED(tuple != NULL, "types parse", name))
			continue;
		/* bytes are text there */
		if (strcmp(name, "GithubWikiTest") == 0)
		{
			json_object *args = corpus_get(test, "args");

			json_object_array_put_idx(args, 2, json_object_new_string("0x31323334353637383930"));
			json_object_array_put_idx(args, 3, json_object_new_string("0x48656c6c6f2c20776f726c6421"));
		}
		CHECK_NAMED(abi_value_of(&made, &arena, tuple, corpus_get(test, "args"),
								 &error) &&
					abi_encodes_to(&arena, tuple, made.items, encoded.data,
								   encoded.len), "encodes", name);
	}
	json_object_put(root);
}

static void
run(const char *file, void (*each) (json_object *line))
{
	counted = 0;
	corpus_lines(file, each);
	printf("%s: %lu vectors\n", file, counted);
}

int
main(void)
{
	if (corpus_dir() == NULL)
	{
		printf("test_abi: no corpus, vectors are not checked\n");
		CHECK(true);
		return unit_summary("test_abi");
	}
	arena_init(&arena, (size_t) 1 << 30);
	run("abi/vectors/ethers-v6-abi.jsonl", check_vector);
	run("abi/vectors/ethers-v5-contract-interface.jsonl", check_vector);
	run("abi/vectors/ethers-v5-contract-interface-abi2.jsonl", check_vector);
	run("abi/vectors/ethers-v5-contract-events.jsonl", check_event_vector);
	run("abi/vectors/ethers-v5-contract-signatures.jsonl", check_signature);
	run("abi/vectors/real-logs-decoded.jsonl", check_real_log);
	run("abi/vectors/real-calldata-decoded.jsonl", check_real_call);
	run("abi/vectors/real-undecodable.jsonl", check_undecodable);
	run("abi/vectors/malformed.jsonl", check_malformed);
	check_basic();
	printf("malformed: %lu accepted, %lu refused; accepted where ethers or "
		   "viem refuses %lu, refused where both accept %lu; slowest %.3f ms\n",
		   malformed_accepted, malformed_refused, accepted_by_us_only,
		   refused_by_us_only, slowest_ms);
	CHECK_SAY(slowest_ms < 10, "malformed data is refused within 10 ms");
	arena_destroy(&arena);
	return unit_summary("test_abi");
}
