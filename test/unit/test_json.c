/*-------------------------------------------------------------------------
 *
 * test_json.c
 *	  The scanner by itself: what is JSON, what is not, and the values that
 *	  can be read one by one.  json-c gives a second opinion on the texts.
 *
 *-------------------------------------------------------------------------
 */
#include "json.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "unit.h"

/* A scanner over a copy of exactly the text's size; free_scanner after. */
static JsonScanner
scan(const char *text, size_t len)
{
	JsonScanner scanner;
	char	   *copy = malloc(len == 0 ? 1 : len);

	memcpy(copy, text, len);
	json_init(&scanner, copy, len);
	return scanner;
}

static void
free_scanner(JsonScanner *scanner)
{
	free(scanner->begin);
}

/* Is the whole text one value? */
static bool
is_json(const char *text, size_t len)
{
	JsonScanner scanner = scan(text, len);
	bool		good = json_skip_value(&scanner, NULL) &&
	json_at_end(&scanner);

	CHECK(good == (scanner.error.status == JSON_OK));
	CHECK(good || scanner.error.status == JSON_MALFORMED);
	CHECK(good || scanner.error.message[0] != '\0');
	CHECK(scanner.error.offset <= len);
	/* nothing goes on after a failure */
	CHECK(good || !json_skip_value(&scanner, NULL));
	free_scanner(&scanner);
	return good;
}

/* json-c's opinion of the same, as strict as it gets. */
static bool
json_c_agrees(const char *text, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(80);
	char	   *copy = malloc(len + 1);
	bool		good;

	memcpy(copy, text, len);
	copy[len] = '\0';
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						   JSON_TOKENER_VALIDATE_UTF8);
	json_object_put(json_tokener_parse_ex(tokener, copy, (int) len + 1));
	good = json_tokener_get_error(tokener) == json_tokener_success;
	json_tokener_free(tokener);
	free(copy);
	return good;
}

static void
test_grammar(void)
{
	static const char *const good[] = {
		"null", "true", "false", "0", "-0", "12", "-12.5", "1e5", "1E+5",
		"0.1e-10", "\"\"", "\"a\"", "[]", "{}", "[1]", "[[],{}]",
		"{\"a\":1}", "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"e\"}",
		" \t\r\n[ 1 , 2 ] ", "{ \"a\" : 1 , \"b\" : [ ] }",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0041\\u00e9\\u0000\"",
		"\"\\ud83d\\ude00\"", "\"\xc3\xa9\"", "\"\xe2\x82\xac\"",
		"\"\xf0\x9f\x98\x80\"", "\"\xf4\x8f\xbf\xbf\"", "\"\x7f\"",
		"{\"\\u0061\":1}",
		"\"a string that is longer than sixteen characters, \xc3\xa9 too\"",
		"123456789012345678901234567890123456789012345678901234567890"
	};
	static const char *const bad[] = {
		"", " ", "nul", "nulll", "truE", "True", "fals", "+1", "01", "-",
		"-a", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity",
		"\"", "\"a", "'a'", "\"\\\"", "\"\\x41\"", "\"\\u12\"",
		"\"\\u12g4\"", "\"\\", "\"\\u", "\"\\u1234", "[", "]", "[1", "[1,",
		"[1,]", "[,1]", "[1 2]", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1",
		"{\"a\":1,", "{\"a\":1,}", "{,\"a\":1}", "{a:1}", "{1:1}",
		"{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1]", "[1}", "1 2",
		"{} {}", "[],", "/*a*/1", "//a\n1", "\"a\nb\"", "\"a\tb\"",
		"\"\x1f\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
		"\"\\ud800x\"", "\"\\ud83d\\ud83d\"", "\"\\ud83d\\", "\"\\ud83d\\u",
		"\xef\xbb\xbf{}", "\"\x80\"", "\"\xc3\"", "\"\xc3(\"",
		"\"\xc0\xaf\"", "\"\xc1\xbf\"", "\"\xe0\x80\xaf\"",
		"\"\xe0\x9f\xbf\"", "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"",
		"\"\xf0\x80\x80\x80\"", "\"\xf0\x8f\xbf\xbf\"",
		"\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xff\"",
		"\"\xe2\x82\"", "\"\xf0\x9f\x98\"", "\"\xe2\x82", "\xc3\xa9",
		"\f1", "\v1", "\xc2\xa0" "1",
		"{\"a string that is longer than sixteen\x01" "\":1}"
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		CHECK_SAY(is_json(good[i], strlen(good[i])), good[i]);
		CHECK_SAY(json_c_agrees(good[i], strlen(good[i])), good[i]);
		/* no beginning of an object, array or string is a value itself */
		for (size_t len = 0; strchr("[{\"", good[i][0]) != NULL &&
			 len < strlen(good[i]); len++)
			CHECK_SAY(!is_json(good[i], len), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_SAY(!is_json(bad[i], strlen(bad[i])), bad[i]);

	/* NUL bytes */
	CHECK(!is_json("\"a\0b\"", 5));
	CHECK(!is_json("1\0", 2));
	CHECK(!is_json("\0" "1", 2));
	CHECK(!is_json("{\"a\":\0}", 7));
	CHECK(!is_json("\"\\\0\"", 4));
}

/* Every byte within a string, alone and at each place of a block of 16. */
static void
test_string_bytes(void)
{
	for (int c = 0; c < 256; c++)
	{
		for (size_t place = 1; place < 40; place++)
		{
			char		text[42];

			memset(text, 'x', sizeof(text));
			text[0] = '"';
			text[41] = '"';
			text[place] = (char) c;
			CHECK(is_json(text, sizeof(text)) ==
				  (c >= 0x20 && c < 0x80 && c != '"' && c != '\\'));
		}
	}
}

static void
test_depth(void)
{
	char		text[4 * 70];

	for (size_t depth = 1; depth <= 66; depth++)
	{
		size_t		len = 0;
		JsonScanner scanner;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		CHECK(is_json(text, 2 * depth) == (depth <= JSON_MAX_DEPTH));

		for (size_t i = 0; i < depth; i++)
		{
			const char *opening = i % 2 ? "[" : "{\"\":";

			memcpy(text + len, opening, strlen(opening));
			len += strlen(opening);
		}
		text[len++] = '1';
		for (size_t i = depth; i-- > 0;)
			text[len++] = i % 2 ? ']' : '}';
		CHECK(is_json(text, len) == (depth <= JSON_MAX_DEPTH));

		/* what is walked over and what is skipped count together */
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		scanner = scan(text, 2 * depth);
		CHECK(json_array_first(&scanner) == (depth > 1));
		if (depth > 1)
			CHECK(json_skip_value(&scanner, NULL) ==
				  (depth <= JSON_MAX_DEPTH));
		free_scanner(&scanner);
	}
}

static void
test_walk(void)
{
	static const char text[] = " { \"first\" : [ 1 , \"two\" , { } , [ ] ] ,"
	"\"second\":\"0xff\",\"third\":null,\"f\":true} ";
	JsonScanner scanner = scan(text, strlen(text));
	JsonSlice	name;
	JsonSlice	slice;
	bool		is_null;
	bool		value;
	bool		is_integer;
	int64_t		integer;
	uint64_t	quantity;

	CHECK(json_peek(&scanner) == JSON_TYPE_OBJECT);
	CHECK(json_object_first(&scanner, &name) && json_slice_is(&name, "first"));
	CHECK(!json_slice_is(&name, "firs") && !json_slice_is(&name, "firstt"));
	CHECK(json_peek(&scanner) == JSON_TYPE_ARRAY);
	CHECK(json_array_first(&scanner));
	CHECK(json_peek(&scanner) == JSON_TYPE_NUMBER);
	CHECK(json_read_integer(&scanner, NULL, &integer, &is_integer));
	CHECK(is_integer && integer == 1);
	CHECK(json_array_next(&scanner) && json_peek(&scanner) ==
		  JSON_TYPE_STRING);
	CHECK(json_read_string(&scanner, NULL, &slice));
	CHECK(json_slice_is(&slice, "two"));
	CHECK(json_array_next(&scanner) && !json_object_first(&scanner, &name));
	CHECK(json_array_next(&scanner) && json_skip_value(&scanner, &slice));
	CHECK(json_slice_is(&slice, "[ ]"));
	CHECK(!json_array_next(&scanner));
	CHECK(json_object_next(&scanner, &name) && json_slice_is(&name, "second"));
	CHECK(json_read_null(&scanner, &is_null) && !is_null);
	CHECK(json_read_quantity_u64(&scanner, "second", &quantity) &&
		  quantity == 255);
	CHECK(json_object_next(&scanner, &name) && json_slice_is(&name, "third"));
	CHECK(json_read_null(&scanner, &is_null) && is_null);
	CHECK(json_object_next(&scanner, &name) && json_slice_is(&name, "f"));
	CHECK(json_peek(&scanner) == JSON_TYPE_BOOL);
	CHECK(json_read_bool_or_null(&scanner, "f", &value, &is_null) && value &&
		  !is_null);
	CHECK(!json_at_end(&scanner));
	free_scanner(&scanner);

	scanner = scan("{\"a\":1}x", 8);
	CHECK(json_object_first(&scanner, &name) && json_skip_value(&scanner,
																NULL));
	CHECK(!json_object_next(&scanner, &name) &&
		  scanner.error.status == JSON_OK && scanner.depth == 0);
	CHECK(!json_at_end(&scanner) && scanner.error.offset == 7);
	CHECK(json_peek(&scanner) == JSON_TYPE_NONE);
	free_scanner(&scanner);

	scanner = scan("{\"\\u0061\":1}", 12);
	CHECK(!json_object_first(&scanner, &name) &&
		  scanner.error.status == JSON_INVALID);
	CHECK_TEXT(scanner.error.message, "member name with an escape");
	free_scanner(&scanner);

	json_init(&scanner, NULL, 0);
	CHECK(json_peek(&scanner) == JSON_TYPE_NONE);
	CHECK(!json_object_first(&scanner, &name));
	CHECK_TEXT(scanner.error.message, "the text ends too early");
}

/* A quantity with the message it should give, NULL for none. */
static void
check_quantity(const char *text, bool wide, const char *expected,
			   JsonStatus status, const char *message)
{
	/* at the end of the text, and far from it: two ways through the code */
	for (size_t pad = 0; pad <= 100; pad += 100)
	{
		char		padded[300];
		JsonScanner scanner;
		Uint256		value = {{0, 0, 0, 0}};
		char		got[70];
		const char *digits = got;
		bool		good;

		memset(padded, ' ', sizeof(padded));
		memcpy(padded, text, strlen(text));
		scanner = scan(padded, strlen(text) + pad);
		good = wide ? json_read_quantity(&scanner, "q", &value) :
			json_read_quantity_u64(&scanner, "q", &value.word[0]);
		CHECK_SAY(good == (status == JSON_OK), text);
		/* what ends too early does not end when more follows */
		if (!good && !(pad > 0 && status == JSON_MALFORMED))
		{
			CHECK_SAY(scanner.error.status == status, text);
			CHECK_TEXT(scanner.error.message, message);
		}
		if (good)
		{
			snprintf(got, sizeof(got), "%016llx%016llx%016llx%016llx",
					 (unsigned long long) value.word[3],
					 (unsigned long long) value.word[2],
					 (unsigned long long) value.word[1],
					 (unsigned long long) value.word[0]);
			while (digits[0] == '0' && digits[1] != '\0')
				digits++;
			CHECK_TEXT(digits, expected);
			CHECK((size_t) (scanner.pos - scanner.begin) == strlen(text));
		}
		free_scanner(&scanner);
	}
}

static void
test_quantities(void)
{
	static const char leading[] = "member \"q\": quantity has a leading zero";
	static const char digit[] = "member \"q\": not a hexadecimal digit";
	static const char above64[] =
	"member \"q\": quantity has more than 64 bits";
	static const char above256[] =
	"member \"q\": quantity has more than 256 bits";
	static const char prefix[] = "member \"q\": does not begin with 0x";
	static const char type[] =
	"member \"q\": not a string of hexadecimal digits";
	static const char end[] = "the text ends too early";
	static const char all[] = "123456789abcdef0fedcba9876543210"
	"123456789abcdef0fedcba9876543210";

	for (int wide = 0; wide < 2; wide++)
	{
		check_quantity("\"0x0\"", wide, "0", JSON_OK, NULL);
		check_quantity("\"0x1\"", wide, "1", JSON_OK, NULL);
		check_quantity("\"0xaBcD\"", wide, "abcd", JSON_OK, NULL);
		check_quantity("\"0xFFFFFFFFFFFFFFFF\"", wide, "ffffffffffffffff",
					   JSON_OK, NULL);
		check_quantity("\"0x\"", wide, NULL, JSON_INVALID,
					   "member \"q\": quantity has no digits");
		check_quantity("\"0x00\"", wide, NULL, JSON_INVALID, leading);
		check_quantity("\"0x01\"", wide, NULL, JSON_INVALID, leading);
		check_quantity("\"0x0000000000000001\"", wide, NULL, JSON_INVALID,
					   leading);
		check_quantity("\"0xg\"", wide, NULL, JSON_INVALID, digit);
		check_quantity("\"0x1 \"", wide, NULL, JSON_INVALID, digit);
		check_quantity("\"0x1\\u0030\"", wide, NULL, JSON_INVALID, digit);
		check_quantity("\"0x-1\"", wide, NULL, JSON_INVALID, digit);
		check_quantity("\"0X1\"", wide, NULL, JSON_INVALID, prefix);
		check_quantity("\"1\"", wide, NULL, JSON_INVALID, prefix);
		check_quantity("\"\"  ", wide, NULL, JSON_INVALID, prefix);
		check_quantity("1", wide, NULL, JSON_INVALID, type);
		check_quantity("true", wide, NULL, JSON_INVALID, type);
		check_quantity("[]", wide, NULL, JSON_INVALID, type);
		check_quantity("null", wide, NULL, JSON_INVALID, type);
		check_quantity("", wide, NULL, JSON_MALFORMED, end);
		check_quantity("\"", wide, NULL, JSON_MALFORMED, end);
		check_quantity("\"0x", wide, NULL, JSON_MALFORMED, end);
		check_quantity("\"0x1", wide, NULL, JSON_MALFORMED, end);
		check_quantity("\"0xffffffffffffffff", wide, NULL, JSON_MALFORMED,
					   end);
	}
	check_quantity("\"0x10000000000000000\"", false, NULL, JSON_OUT_OF_RANGE,
				   above64);
	check_quantity("\"0x00000000000000001\"", false, NULL, JSON_INVALID,
				   leading);

	/* every length, with all digits */
	for (size_t len = 1; len <= 64; len++)
	{
		char		text[100];
		char		expected[80];

		snprintf(expected, sizeof(expected), "%.*s", (int) len, all);
		snprintf(text, sizeof(text), "\"0x%s\"", expected);
		check_quantity(text, true, expected, JSON_OK, NULL);
		if (len <= 16)
			check_quantity(text, false, expected, JSON_OK, NULL);
		else
			check_quantity(text, false, NULL, JSON_OUT_OF_RANGE, above64);
		text[3] = '0';
		if (len > 1)
			check_quantity(text, true, NULL, JSON_INVALID, leading);
		text[3] = '1';
		text[3 + len / 2] = 'x';
		check_quantity(text, true, NULL, JSON_INVALID, digit);
		text[3 + len / 2] = '0';
		text[3 + len] = '\0';
		check_quantity(text, true, NULL, JSON_MALFORMED, end);
	}
	check_quantity("\"0x1000000000000000000000000000000000000000000000000000"
				   "0000000000000\"", true, NULL, JSON_OUT_OF_RANGE, above256);
}

static void
test_data(void)
{
	char		text[400];
	char		rest[8];
	const uint8_t *data;
	size_t		len;

	/* every length, at the end of the text and before other text */
	for (size_t digits = 0; digits <= 150; digits++)
	{
		for (int more = 0; more < 2; more++)
		{
			JsonScanner scanner;
			bool		good;

			memcpy(text, "\"0x", 3);
			for (size_t i = 0; i < digits; i++)
				text[3 + i] = "0123456789abcdefABCDEF"[(i * 5 + 3) % 22];
			memcpy(text + 3 + digits, "\",123456789", 11);
			memset(text + 14 + digits, ' ', 50);
			scanner = scan(text, 4 + digits + (more ? 60 : 0));
			good = json_read_data(&scanner, "d", &data, &len);
			CHECK(good == (digits % 2 == 0));
			if (!good)
			{
				CHECK(scanner.error.status == JSON_INVALID);
				CHECK_TEXT(scanner.error.message,
						   "member \"d\": data has an odd number of digits");
			}
			else
			{
				CHECK(len == digits / 2 && data != NULL);
				for (size_t i = 0; i < len; i++)
				{
					unsigned	byte;

					memcpy(rest, text + 3 + 2 * i, 2);
					rest[2] = '\0';
					sscanf(rest, "%x", &byte);
					CHECK(data[i] == byte);
				}
				/* what follows is as it was */
				CHECK(memcmp(scanner.pos, text + 4 + digits,
							 more ? 60 : 0) == 0);
			}
			free_scanner(&scanner);
		}
	}
}

static void
test_fixed_data(void)
{
	char		text[300] = "\"0x";
	const uint8_t *data;
	JsonScanner scanner;

	for (size_t digits = 0; digits <= 70; digits++)
	{
		memset(text + 3, 'a', digits);
		memcpy(text + 3 + digits, "\"", 1);
		scanner = scan(text, 4 + digits);
		CHECK(json_read_hash32(&scanner, "h", &data) == (digits == 64));
		if (digits == 64)
			CHECK(data[0] == 0xaa && data[31] == 0xaa);
		else
			CHECK_TEXT(scanner.error.message,
					   "member \"h\": data is not 32 bytes long");
		free_scanner(&scanner);
		scanner = scan(text, 4 + digits);
		CHECK(json_read_data_fixed(&scanner, NULL, 3, &data) ==
			  (digits == 6));
		if (digits != 6)
			CHECK_TEXT(scanner.error.message, "data is not 3 bytes long");
		free_scanner(&scanner);
	}
}

static void
check_integer(const char *text, bool is_integer, int64_t expected)
{
	JsonScanner scanner = scan(text, strlen(text));
	int64_t		value;
	bool		was_integer;

	CHECK_SAY(json_read_integer(&scanner, NULL, &value, &was_integer), text);
	CHECK_SAY(was_integer == is_integer && value == expected, text);
	free_scanner(&scanner);
}

static void
test_integers(void)
{
	JsonScanner scanner = scan("\"1\"", 3);
	int64_t		value;
	bool		is_integer;

	CHECK(!json_read_integer(&scanner, "code", &value, &is_integer));
	CHECK_TEXT(scanner.error.message, "member \"code\": not a number");
	free_scanner(&scanner);

	check_integer("0", true, 0);
	check_integer("-0", true, 0);
	check_integer("-32005", true, -32005);
	check_integer("9223372036854775807", true, INT64_MAX);
	check_integer("9223372036854775808", false, 0);
	check_integer("-9223372036854775808", true, INT64_MIN);
	check_integer("-9223372036854775809", false, 0);
	check_integer("99999999999999999999999", false, 0);
	check_integer("1.0", false, 0);
	check_integer("1e2", false, 0);
}

static void
check_unescape(const char *text, size_t size, const char *expected)
{
	JsonScanner scanner = scan(text, strlen(text));
	JsonSlice	slice;
	char	   *out = malloc(size);

	CHECK(json_read_string(&scanner, NULL, &slice));
	CHECK(json_unescape(out, size, &slice) == strlen(expected));
	CHECK_TEXT(out, expected);
	free(out);
	free_scanner(&scanner);
}

static void
test_strings(void)
{
	JsonScanner scanner = scan("12", 2);
	JsonSlice	slice;
	bool		value;
	bool		is_null;

	CHECK(!json_read_string(&scanner, "s", &slice));
	CHECK_TEXT(scanner.error.message, "member \"s\": not a string");
	free_scanner(&scanner);
	scanner = scan("12", 2);
	CHECK(!json_read_bool_or_null(&scanner, "b", &value, &is_null));
	CHECK_TEXT(scanner.error.message, "member \"b\": not true or false");
	free_scanner(&scanner);
	scanner = scan("null", 4);
	CHECK(json_read_bool_or_null(&scanner, "b", &value, &is_null) && is_null &&
		  !value);
	free_scanner(&scanner);

	check_unescape("\"plain\"", 20, "plain");
	check_unescape("\"plain\"", 6, "plain");
	check_unescape("\"plain\"", 5, "plai");
	check_unescape("\"plain\"", 1, "");
	check_unescape("\"\\\"\\\\\\/\"", 20, "\"\\/");
	check_unescape("\"a\\nb\\u0000c\\u001bd\\u007f\\u0085\"", 20,
				   "a?b?c?d??");
	check_unescape("\"\xc2\x85\x7f\"", 20, "??");
	check_unescape("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", 20,
				   "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	check_unescape("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", 20,
				   "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	/* cut between characters only */
	check_unescape("\"\xc3\xa9\xe2\x82\xac\"", 5, "\xc3\xa9");
	check_unescape("\"\xc3\xa9\xe2\x82\xac\"", 6, "\xc3\xa9\xe2\x82\xac");
	check_unescape("\"\\ud83d\\ude00\"", 4, "");
}

int
main(void)
{
	test_grammar();
	test_string_bytes();
	test_depth();
	test_walk();
	test_quantities();
	test_data();
	test_fixed_data();
	test_integers();
	test_strings();
	return unit_summary("test_json");
}
