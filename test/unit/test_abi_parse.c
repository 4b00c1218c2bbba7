/*-------------------------------------------------------------------------
 *
 * test_abi_parse.c
 *	  The parsers of types, declarations and JSON ABIs; values from text; what
 *	  is refused, and where the limits are.
 *
 *-------------------------------------------------------------------------
 */
#include <dirent.h>

#include "abi_corpus.h"

static Arena arena;

/* The canonical form of a type, or the kind of error. */
static const char *
canonical(const char *text)
{
	AbiSlice	type = {text, strlen(text)};
	const AbiType *tuple;
	AbiError	error;
	AbiText		out;

	if (!abi_parse_types(&tuple, &arena, &type, 1, &error))
		return error.status == ABI_UNKNOWN_TYPE ? "unknown" :
			error.status == ABI_SYNTAX ? "syntax" : "other";
	abi_text_init(&out, &arena, 1 << 20);
	abi_json_put_type(&out, tuple->members[0].type);
	return out.data;
}

static void
test_types(void)
{
	static const char *const cases[][2] = {
		{"uint", "uint256"}, {"int", "int256"}, {"uint8", "uint8"},
		{"int248", "int248"}, {"byte", "bytes1"}, {"bytes32", "bytes32"},
		{"bytes", "bytes"}, {"string", "string"}, {"bool", "bool"},
		{"address", "address"}, {"address payable", "address"},
		{"address payable who", "address"}, {"function", "function"},
		{"fixed", "fixed128x18"}, {"ufixed", "ufixed128x18"},
		{"fixed8x0", "fixed8x0"}, {"ufixed256x80", "ufixed256x80"},
		{"uint256[]", "uint256[]"}, {"uint[3][]", "uint256[3][]"},
		{"uint [ 3 ] [ ]", "uint256[3][]"}, {"uint[0]", "uint256[0]"},
		{"(uint,string)", "(uint256,string)"}, {"()", "()"},
		{"tuple()", "()"}, {"tuple(uint a, (bool b)[2] c)[]",
		"(uint256,(bool)[2])[]"},
		{" \t uint256 \n name ", "uint256"}, {"string memory", "string"},
		{"string calldata name", "string"}, {"uint256 indexed", "uint256"},
		/* refused */
		{"", "syntax"}, {"uint7", "unknown"}, {"uint0", "unknown"},
		{"uint264", "unknown"}, {"uint08", "unknown"}, {"int-8", "syntax"},
		{"uint99999999999999999999", "unknown"}, {"bytes0", "unknown"},
		{"bytes33", "unknown"}, {"bytes032", "unknown"},
		{"fixed128", "unknown"}, {"fixed128x", "unknown"},
		{"fixed128x81", "unknown"}, {"fixed128x018", "unknown"},
		{"fixed7x1", "unknown"}, {"Uint256", "unknown"},
		{"mapping(address => uint)", "unknown"}, {"tuple", "syntax"},
		{"tuple x", "syntax"}, {"(uint", "syntax"}, {"uint)", "syntax"},
		{"(uint,)", "syntax"}, {"(,uint)", "syntax"}, {"uint[", "syntax"},
		{"uint[]]", "syntax"}, {"uint[-1]", "syntax"}, {"uint[x]", "syntax"},
		{"uint[9999999999999999999]", "syntax"}, {"uint a b", "syntax"},
		{"uint a;", "syntax"}, {"uint\x01", "syntax"}, {"\xff", "syntax"},
		{"uint256 \xc3\xa9", "syntax"}, {"IERC20", "unknown"}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		if (!CHECK_TEXT(canonical(cases[i][0]), cases[i][1]))
			printf("\tof \"%s\"\n", cases[i][0]);
	}
}

/* Signature and number of indexed parameters of a declaration. */
static void
check_entry(AbiEntryKind kind, const char *text, const char *signature,
			uint32_t indexed, bool anonymous)
{
	AbiEntry	entry;
	AbiError	error;

	if (!CHECK_NAMED(abi_parse_entry(&entry, &arena, kind, text, strlen(text),
									 &error), "parses", text))
	{
		printf("\t%s\n", error.message);
		return;
	}
	CHECK_TEXT(entry.signature, signature);
	CHECK_NAMED(entry.indexed_count == indexed &&
				entry.anonymous == anonymous, "indexed, anonymous", text);
}

static void
refuse_entry(AbiEntryKind kind, const char *text)
{
	AbiEntry	entry;
	AbiError	error;

	CHECK_NAMED(!abi_parse_entry(&entry, &arena, kind, text, strlen(text),
								 &error) &&
				error.status != ABI_OK && error.message[0] != '\0',
				"is refused", text);
}

static void
test_declarations(void)
{
	check_entry(ABI_ENTRY_EVENT, "event Transfer(address indexed from, "
				"address indexed to, uint256 value)",
				"Transfer(address,address,uint256)", 2, false);
	check_entry(ABI_ENTRY_EVENT, "Transfer(address,address,uint)",
				"Transfer(address,address,uint256)", 0, false);
	check_entry(ABI_ENTRY_EVENT, "event Note(bytes indexed) anonymous;",
				"Note(bytes)", 1, true);
	check_entry(ABI_ENTRY_EVENT, "Four(uint indexed a,uint indexed b,"
				"uint indexed c,uint indexed d) anonymous",
				"Four(uint256,uint256,uint256,uint256)", 4, true);
	check_entry(ABI_ENTRY_EVENT, "event()", "event()", 0, false);
	check_entry(ABI_ENTRY_FUNCTION, "function swap((address pool, uint24 fee)"
				"[] calldata path, uint deadline) external payable "
				"returns (uint256 out, (bool a) b);",
				"swap((address,uint24)[],uint256)", 0, false);
	check_entry(ABI_ENTRY_FUNCTION, "f(function x)", "f(function)", 0, false);
	check_entry(ABI_ENTRY_ERROR, "error Unauthorized()", "Unauthorized()", 0,
				false);
	check_entry(ABI_ENTRY_FUNCTION, "_$9()", "_$9()", 0, false);

	refuse_entry(ABI_ENTRY_EVENT, "");
	refuse_entry(ABI_ENTRY_EVENT, "event Transfer");
	refuse_entry(ABI_ENTRY_EVENT, "event 9x(address)");
	refuse_entry(ABI_ENTRY_EVENT, "event T(address) anonymous x");
	refuse_entry(ABI_ENTRY_EVENT, "function T(address)");
	refuse_entry(ABI_ENTRY_EVENT, "event T(address) view");
	refuse_entry(ABI_ENTRY_EVENT, "event T((address indexed a) x)");
	refuse_entry(ABI_ENTRY_EVENT, "T(uint indexed a,uint indexed b,"
				 "uint indexed c,uint indexed d)");
	refuse_entry(ABI_ENTRY_EVENT, "T(uint indexed a,uint indexed b,uint "
				 "indexed c,uint indexed d,uint indexed e) anonymous");
	refuse_entry(ABI_ENTRY_FUNCTION, "f(uint) returns uint");
	refuse_entry(ABI_ENTRY_FUNCTION, "f(uint) returns (nothing)");
	refuse_entry(ABI_ENTRY_FUNCTION, "f(uint; uint)");
	refuse_entry(ABI_ENTRY_FUNCTION, "f(uint'); DROP TABLE logs; --");
	refuse_entry(ABI_ENTRY_FUNCTION, "f\"(uint)");
	refuse_entry(ABI_ENTRY_ERROR, "error E() view");
}

static bool
parse_lines(AbiDefinition *definition, AbiError *error,
			const char *const *lines, uint32_t count)
{
	AbiSlice	texts[40];

	for (uint32_t i = 0; i < count; i++)
	{
		texts[i].data = lines[i];
		texts[i].len = strlen(lines[i]);
	}
	return abi_parse_lines(definition, &arena, texts, count, error);
}

static void
test_structs(void)
{
	static const char *const good[] = {
		"event Moved(Segment[] path, Point)", "",
		"struct Segment { Point from; Point to; uint8[2] tag; }",
		"struct Point { int24 x; int24 y; }", "struct Empty {}",
		"error Bad(Empty)", "constructor(address owner)",
		"receive() external payable"
	};
	static const char *const bad[][3] = {
		{"struct A { B b; }", "struct B { A a; }", "event E(A)"},
		{"struct A { A[] a; }", "", ""},
		{"struct A { uint x }", "", ""},
		{"struct A { uint x; ", "", ""},
		{"struct A { uint x; }", "struct A { uint y; }", ""},
		{"struct A { nothing x; }", "", ""},
		{"struct A { uint indexed x; }", "", "event E(A) extra"},
		{"struct A { uint x; } more", "", ""},
		{"Transfer(address)", "", ""},
		{"modifier m()", "", ""}
	};
	char		doubling[34][80];
	const char *lines[34];
	AbiDefinition definition;
	AbiError	error;

	if (CHECK(parse_lines(&definition, &error, good, 8)) &&
		CHECK(definition.count == 2))
	{
		CHECK_TEXT(definition.entries[0].signature,
				   "Moved(((int24,int24),(int24,int24),uint8[2])[],"
				   "(int24,int24))");
		CHECK_TEXT(definition.entries[1].signature, "Bad(())");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_NAMED(!parse_lines(&definition, &error, bad[i], 3),
					"is refused", bad[i][0]);

	/* each of two of the one before: 2^20 types */
	snprintf(doubling[0], sizeof(doubling[0]), "struct S0 { uint x; }");
	for (int i = 1; i <= 20; i++)
		snprintf(doubling[i], sizeof(doubling[i]),
				 "struct S%d { S%d a; S%d b; }", i, i - 1, i - 1);
	for (int i = 0; i <= 20; i++)
		lines[i] = doubling[20 - i];
	CHECK(!parse_lines(&definition, &error, lines, 21) &&
		  error.status == ABI_SYNTAX);
}

static bool
parse_json(AbiDefinition *definition, AbiError *error, const char *text)
{
	return abi_parse_json(definition, &arena, text, strlen(text), error);
}

static void
test_json(void)
{
	static const char *const bad[] = {
		"", "null", "7", "\"x\"", "[", "[1]", "[null]", "[[]]", "{\"abi\": 1}",
		"[{\"type\":\"event\"}]", "[{\"type\":\"event\",\"name\":7}]",
		"[{\"type\":\"nothing\",\"name\":\"f\"}]",
		"[{\"type\":7,\"name\":\"f\"}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"anonymous\":\"true\"}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":{}}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":[7]}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":[{}]}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":[{\"type\":\"A\"}]}]",
		"[{\"type\":\"event\",\"name\":\"E(uint)\",\"inputs\":[]}]",
		"[{\"type\":\"event\",\"name\":\"E\\u0000\",\"inputs\":[]}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":"
		"[{\"type\":\"uint\",\"name\":\"a\\u0000b\"}]}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":"
		"[{\"type\":\"uint[1\",\"name\":\"a\"}]}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":"
		"[{\"type\":\"uint[]x\",\"name\":\"a\"}]}]",
		"[{\"type\":\"event\",\"name\":\"E\",\"inputs\":"
		"[{\"type\":\"(uint)\",\"name\":\"a\"}]}]"
	};
	AbiDefinition definition;
	AbiError	error;
	const AbiType *inputs;
	AbiText		text;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_NAMED(!parse_json(&definition, &error, bad[i]) &&
					error.message[0] != '\0', "is refused", bad[i]);

	/* a function of a library is left out, the rest is there */
	CHECK(parse_json(&definition, &error, "{\"abi\": [{\"name\": \"lib\", "
					 "\"inputs\": [{\"name\": \"a\", \"type\": "
					 "\"Lib.Data storage\"}]}, \"event E(uint a)\", "
					 "{\"type\": \"constructor\"}, {\"type\": \"error\", "
					 "\"name\": \"Bad\"}]}") &&
		  definition.count == 2 && definition.skipped == 1);
	CHECK_TEXT(definition.first_skipped, "lib");

	/* any name of a parameter, escaped; what was read is written again */
	CHECK(parse_json(&definition, &error, "{\"type\": \"event\", \"name\": "
					 "\"E\", \"inputs\": [{\"name\": \"\\\"; DROP TABLE x; "
					 "--\\n\\u00e9\\\\\", \"type\": \"tuple[2][]\", "
					 "\"indexed\": true, \"components\": [{\"type\": "
					 "\"uint\", \"name\": \"\"}]}]}"));
	abi_text_init(&text, &arena, 1 << 20);
	abi_json_put_inputs(&text, definition.entries[0].inputs);
	CHECK_TEXT(text.data, "[{\"name\": \"\\\"; DROP TABLE x; "
			   "--\\u000a\xc3\xa9\\\\\", \"type\": \"tuple[2][]\", "
			   "\"indexed\": true, \"components\": [{\"name\": \"\", "
			   "\"type\": \"uint256\"}]}]");
	CHECK(abi_parse_inputs(&inputs, &arena, text.data, text.len, &error) &&
		  strcmp(inputs->members[0].name,
				 definition.entries[0].inputs->members[0].name) == 0 &&
		  inputs->members[0].indexed);
}

/* Keys of the members, with a space after each. */
static const char *
keys_of(const char *text)
{
	AbiSlice	type = {text, strlen(text)};
	const AbiType *tuple;
	AbiError	error;
	AbiText		out;

	if (!abi_parse_types(&tuple, &arena, &type, 1, &error))
		return error.message[0] != '\0' ? "refused" : "";
	abi_text_init(&out, &arena, 1 << 20);
	tuple = tuple->members[0].type;
	for (uint32_t i = 0; i < tuple->member_count; i++)
	{
		abi_text_puts(&out, tuple->members[i].key);
		abi_text_puts(&out, " ");
	}
	return out.data;
}

static void
test_names(void)
{
	char		text[400];

	CHECK_TEXT(keys_of("(uint a, uint, uint b)"), "a 1 b ");
	CHECK_TEXT(keys_of("(uint a, uint a, uint a)"), "a a_2 a_3 ");
	CHECK_TEXT(keys_of("(uint a, uint a, uint a_2)"), "a a_3 a_2 ");
	CHECK_TEXT(keys_of("(uint a_2, uint a, uint a)"), "a_2 a a_3 ");
	CHECK_TEXT(keys_of("(uint, uint _1, uint)"), "0 _1 2 ");

	memset(text, 'x', sizeof(text));
	memcpy(text, "(uint ", 6);
	strcpy(text + 6 + ABI_MAX_NAME, ")");
	CHECK(strlen(keys_of(text)) == ABI_MAX_NAME + 1);
	memset(text + 6, 'x', ABI_MAX_NAME + 1);
	strcpy(text + 7 + ABI_MAX_NAME, ")");
	CHECK_TEXT(keys_of(text), "refused");
}

static void
test_limits(void)
{
	size_t		size = 200000;
	char	   *text = malloc(size);
	AbiSlice	type = {text, 0};
	const AbiType *tuple;
	AbiError	error;

	/* the list of types is one level itself */
	for (int depth = ABI_MAX_DEPTH - 3; depth <= 1000; depth += 1)
	{
		memset(text, '(', (size_t) depth);
		memcpy(text + depth, "bool", 4);
		memset(text + depth + 4, ')', (size_t) depth);
		type.len = 2 * (size_t) depth + 4;
		CHECK(abi_parse_types(&tuple, &arena, &type, 1, &error) ==
			  (depth <= ABI_MAX_DEPTH - 2));
		strcpy(text, "bool");
		for (int i = 0; i < depth; i++)
			memcpy(text + 4 + 2 * i, "[]", 2);
		CHECK(abi_parse_types(&tuple, &arena, &type, 1, &error) ==
			  (depth <= ABI_MAX_DEPTH - 2));
		arena_reset(&arena);
	}
	/* unclosed */
	memset(text, '(', size);
	type.len = size;
	CHECK(!abi_parse_types(&tuple, &arena, &type, 1, &error));
	/* wide */
	strcpy(text, "(");
	for (int i = 0; i < 3000; i++)
		strcat(text + 5 * i, i < 2999 ? "bool," : "bool)");
	type.len = strlen(text);
	CHECK(!abi_parse_types(&tuple, &arena, &type, 1, &error) &&
		  error.status == ABI_SYNTAX);
	free(text);
}

/* The word that text gives, as hex, or the kind of error. */
static const char *
word_of(const char *type_text, const char *text)
{
	static char hex[2 * ABI_WORD + 1];
	AbiSlice	type = {type_text, strlen(type_text)};
	const AbiType *tuple;
	AbiValue	value;
	AbiError	error;
	size_t		first = 0;

	if (!abi_parse_types(&tuple, &arena, &type, 1, &error))
		return "type";
	if (!abi_value_from_text(&value, &arena, tuple->members[0].type, text,
							 strlen(text), &error))
		return error.status == ABI_OUT_OF_RANGE ? "range" : "bad";
	hexbytes_encode(hex, value.bytes, ABI_WORD);
	hex[2 * ABI_WORD] = '\0';
	while (first < 2 * ABI_WORD - 1 && hex[first] == '0')
		first++;
	return hex + first;
}

#define F16 "ffffffffffffffff"
#define N78 "11579208923731619542357098500868790785326998466564056403945758400791312963993"

static void
test_values(void)
{
	static const char *const cases[][3] = {
		{"uint8", "255", "ff"}, {"uint8", "256", "range"},
		{"uint8", "-1", "range"}, {"uint8", "-0", "0"}, {"uint8", "0", "0"},
		{"uint8", "007", "7"}, {"uint8", "0xff", "ff"}, {"uint8", "0xF", "f"},
		{"uint8", "0x100", "range"}, {"uint8", "0x", "bad"},
		{"uint8", "", "bad"}, {"uint8", "-", "bad"}, {"uint8", "+1", "bad"},
		{"uint8", "1.0", "bad"}, {"uint8", "1e2", "bad"},
		{"uint8", " 1", "bad"}, {"uint8", "-0x1", "bad"},
		{"int8", "127", "7f"}, {"int8", "128", "range"},
		{"int8", "-128", F16 F16 F16 "ffffffffffffff80"},
		{"int8", "-129", "range"},
		{"int8", "-256", "range"}, {"int8", "0x80", "range"},
		{"uint256", N78 "5", F16 F16 F16 F16}, {"uint256", N78 "6", "range"},
		{"uint256", "1" N78 "5", "range"},
		{"int256", N78 "5", "range"},
		{"int256", "-57896044618658097711785492504343953926634992332820282019"
			"728792003956564819968", "80000000000000000000000000000000000000000000"
		"00000000000000000000"},
		{"int256", "-57896044618658097711785492504343953926634992332820282019"
		"728792003956564819969", "range"},
		{"fixed128x2", "1.5", "96"}, {"fixed128x2", "1.505", "range"},
		{"fixed128x2", "1.500", "96"}, {"fixed128x2", ".5", "bad"},
		{"fixed128x2", "5.", "bad"}, {"fixed8x1", "12.7", "7f"},
		{"fixed8x1", "12.8", "range"}, {"ufixed256x80", "1", "range"},
		{"fixed8x0", "1.0", "bad"}, {"bool", "true", "1"},
		{"bool", "false", "0"}, {"bool", "1", "bad"},
		{"bytes2", "0xab", "bad"}, {"bytes2", "0xabcdef", "bad"},
		{"bytes2", "abcd", "bad"},
		{"address", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		"5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
		{"address", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "bad"},
		{"address", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
		"5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
		{"address", "0x5aaeb6", "bad"}, {"uint8[]", "1", "bad"}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		if (!CHECK_TEXT(word_of(cases[i][0], cases[i][1]), cases[i][2]))
			printf("\tof %s %s\n", cases[i][0], cases[i][1]);
	}
}

/* The JSON of one word of a type. */
static const char *
shown(const char *type_text, const char *hex)
{
	AbiSlice	type = {type_text, strlen(type_text)};
	const AbiType *tuple;
	EvmBytes	data = corpus_unhex(&arena, hex);
	AbiValue	value;
	AbiError	error;
	AbiText		out;

	if (!abi_parse_types(&tuple, &arena, &type, 1, &error) ||
		!abi_decode(&value, &arena, tuple, data.data, data.len, false,
					&error))
		return "refused";
	abi_text_init(&out, &arena, 1 << 20);
	return abi_json_put(&out, tuple, &value, false, &error) ? out.data :
		"no text";
}

#define Z16 "0000000000000000"
#define Z48 Z16 Z16 Z16

static void
test_shown(void)
{
	CHECK_TEXT(shown("uint48", Z48 "0000ffffffffffff"), "[281474976710655]");
	CHECK_TEXT(shown("uint56", Z48 "0000000000000001"), "[\"1\"]");
	CHECK_TEXT(shown("int48", F16 F16 F16 F16), "[-1]");
	CHECK_TEXT(shown("int256", F16 F16 F16 F16), "[\"-1\"]");
	CHECK_TEXT(shown("int256", "8000000000000000" Z48),
			   "[\"-578960446186580977117854925043439539266349923328202820197"
			   "28792003956564819968\"]");
	CHECK_TEXT(shown("fixed128x18", F16 F16 F16 F16),
			   "[\"-0.000000000000000001\"]");
	CHECK_TEXT(shown("ufixed8x1", Z48 "00000000000000ff"), "[\"25.5\"]");
	CHECK_TEXT(shown("ufixed8x80", Z48 "0000000000000001"), "[\"0.0000000000"
			   "0000000000000000000000000000000000000000000000000000000000000"
			   "00000000" "1\"]");
	CHECK_TEXT(shown("fixed8x0", Z48 "0000000000000007"), "[\"7\"]");
	CHECK_TEXT(shown("bytes3", "616263" "0000000000" Z48), "[\"0x616263\"]");
	CHECK_TEXT(shown("bytes3", "61626301" "00000000" Z48), "refused");
	CHECK_TEXT(shown("bool", Z48 "0000000000000002"), "refused");
	CHECK_TEXT(shown("uint8", Z48 "0000000000000100"), "refused");
	CHECK_TEXT(shown("int8", Z48 "0000000000000080"), "refused");
	CHECK_TEXT(shown("address", "0000000000000001" Z48), "refused");
	CHECK_TEXT(shown("function", Z48 Z16), "[\"0x" Z48 "\"]");
	CHECK_TEXT(shown("(uint8 a, uint8)", Z48 "0000000000000001" Z48
					 "0000000000000002"), "[{\"a\": 1, \"1\": 2}]");
	CHECK_TEXT(shown("string", Z48 "0000000000000020" Z48 "0000000000000003"
					 "610a2200" "00000000" Z48),
			   "[\"a\\u000a\\\"\"]");
	CHECK_TEXT(shown("string", Z48 "0000000000000020" Z48 "0000000000000003"
					 "610062"), "no text");
	CHECK_TEXT(shown("string", Z48 "0000000000000020" Z48 "0000000000000002"
					 "c0af"), "no text");
	CHECK_TEXT(shown("string", Z48 "0000000000000020" Z48 "0000000000000003"
					 "eda080"), "no text");
	CHECK_TEXT(shown("uint8[0][]", Z48 "0000000000000020" Z48
					 "0000000000000002"), "[[[], []]]");
	CHECK_TEXT(shown("uint8[0][]", Z48 "0000000000000020" Z48
					 "0000000001000000"), "refused");
	CHECK_TEXT(shown("uint8[][0]", Z48 "0000000000000020"), "[[]]");
}

/* One long string that n offsets share: allowed up to the budget. */
static void
test_shared_tails(void)
{
	for (size_t n = 1; n <= 4096; n *= 2)
	{
		size_t		content = 32768;
		size_t		len = 64 + 32 * n + 32 + content;
		uint8_t    *data = calloc(1, len);
		AbiSlice	type = {"bytes[]", 7};
		const AbiType *tuple;
		AbiValue	value;
		AbiError	error;
		bool		good;

		data[31] = 32;
		data[62] = (uint8_t) (n >> 8);
		data[63] = (uint8_t) n;
		for (size_t i = 0; i < n; i++)
		{
			uint8_t    *word = data + 64 + 32 * i;

			word[29] = (uint8_t) ((32 * n) >> 16);
			word[30] = (uint8_t) ((32 * n) >> 8);
			word[31] = (uint8_t) (32 * n);
		}
		data[64 + 32 * n + 30] = (uint8_t) (content >> 8);
		CHECK(abi_parse_types(&tuple, &arena, &type, 1, &error));
		good = abi_decode(&value, &arena, tuple, data, len, false, &error);
		CHECK(good == (32 + n * (content + 32) <= ABI_BUDGET(len)));
		CHECK(good || error.status == ABI_TOO_MUCH);
		free(data);
		arena_reset(&arena);
	}
}

/* Every JSON ABI of the corpus, counted as its index says. */
static void
test_corpus(void)
{
	json_object *index = corpus_json("abi/index.json");
	size_t		files = json_object_array_length(index);
	unsigned long total = 0;

	for (size_t i = 0; i < files; i++)
	{
		json_object *item = json_object_array_get_idx(index, i);
		char		path[300];
		char	   *text;
		AbiDefinition definition;
		AbiError	error;
		int			counts[3] = {0, 0, 0};

		snprintf(path, sizeof(path), "abi/%s", corpus_string(item, "file"));
		text = corpus_read(path);
		if (CHECK_NAMED(parse_json(&definition, &error, text), "parses",
						path) &&
			CHECK_NAMED(definition.skipped == 0, "nothing left out", path))
		{
			for (uint32_t j = 0; j < definition.count; j++)
				counts[definition.entries[j].kind]++;
			CHECK_NAMED(counts[ABI_ENTRY_FUNCTION] ==
						json_object_get_int(corpus_get(item, "functions")) &&
						counts[ABI_ENTRY_EVENT] ==
						json_object_get_int(corpus_get(item, "events")) &&
						counts[ABI_ENTRY_ERROR] ==
						json_object_get_int(corpus_get(item, "errors")),
						"as many as the index says", path);
			total += definition.count;
		}
		else
			printf("\t%s\n", error.message);
		free(text);
		arena_reset(&arena);
	}
	printf("%zu JSON ABIs, %lu entries\n", files, total);
	json_object_put(index);
}

int
main(void)
{
	arena_init(&arena, (size_t) 1 << 28);
	test_types();
	test_declarations();
	test_structs();
	test_json();
	test_names();
	test_limits();
	test_values();
	test_shown();
	test_shared_tails();
	if (corpus_dir() != NULL)
		test_corpus();
	else
		printf("test_abi_parse: no corpus, its ABIs are not parsed\n");
	arena_destroy(&arena);
	return unit_summary("test_abi_parse");
}
