/*-------------------------------------------------------------------------
 *
 * json.h
 *	  A strict pull scanner over a JSON text (RFC 8259) in memory.
 *
 * It builds no tree: the caller walks objects and arrays and takes the values
 * it wants, skipping the others.  Everything it walks over is checked, what
 * is skipped too: grammar, UTF-8, nesting of at most JSON_MAX_DEPTH.  The
 * text is hostile input; nothing reads or writes outside [text, text + len).
 *
 * Hex strings are decoded in place, over the text itself (two digits become
 * one byte, so the result never outgrows its source): the buffer is consumed
 * by reading it.
 *
 * No function throws or allocates.  The first failure is recorded in
 * scanner->error and every later call returns false.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_JSON_H
#define CHAINSYNC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uint256.h"

#define JSON_MAX_DEPTH 64

typedef enum JsonStatus
{
	JSON_OK = 0,
	JSON_MALFORMED,				/* not JSON, or JSON of the wrong shape */
	JSON_INVALID,				/* a member's value has the wrong form */
	JSON_OUT_OF_RANGE,			/* a well-formed value that does not fit */
	JSON_MISSING,				/* a required member is not there */
	JSON_NO_MEMORY
} JsonStatus;

typedef struct JsonError
{
	JsonStatus	status;
	size_t		offset;			/* where in the text */
	char		message[200];	/* lower case, of the input only names */
} JsonError;

typedef struct JsonScanner
{
	char	   *pos;
	char	   *begin;
	char	   *end;
	int			depth;
	JsonError	error;
} JsonScanner;

/* A value's text as it stands in the buffer. */
typedef struct JsonSlice
{
	char	   *data;
	size_t		len;
} JsonSlice;

/* What a value is, by its first character. */
typedef enum JsonType
{
	JSON_TYPE_NONE = 0,			/* the end of the text, or no value at all */
	JSON_TYPE_NULL,
	JSON_TYPE_BOOL,
	JSON_TYPE_NUMBER,
	JSON_TYPE_STRING,
	JSON_TYPE_ARRAY,
	JSON_TYPE_OBJECT
} JsonType;

/*
 * These functions are for the answers that are read once in a while; blocks
 * and receipts are read by block_json.h.
 *
 * Each json_read function reads the value at the scanner's position and leaves
 * the scanner behind it.  `member` is the name that an error message begins
 * with (member "gasUsed": ...); NULL where the value has none.
 */

/* Start at the first byte of `len` bytes of text, which reading changes. */
extern void json_init(JsonScanner *scanner, char *text, size_t len);

/* The type of the next value, which is neither read nor checked. */
extern JsonType json_peek(JsonScanner *scanner);

/* True where only white space is left; anything else is JSON_MALFORMED. */
extern bool json_at_end(JsonScanner *scanner);

/*
 * Walk an object:
 *
 *		for (more = json_object_first(&scanner, &name); more;
 *			 more = json_object_next(&scanner, &name))
 *			... read or skip exactly one value ...
 *
 * They return false at the end of the object, which is then left behind, and
 * on an error: look at scanner->error after the loop.  Names with an escape
 * are refused (JSON_INVALID), so that no name can be written in two ways.
 * Whether a name came twice is for the caller to see.
 */
extern bool json_object_first(JsonScanner *scanner, JsonSlice *name);
extern bool json_object_next(JsonScanner *scanner, JsonSlice *name);

/* The same for an array. */
extern bool json_array_first(JsonScanner *scanner);
extern bool json_array_next(JsonScanner *scanner);

extern bool json_slice_is(const JsonSlice *slice, const char *text);

/* If the value is null, read it and set *is_null; else read nothing. */
extern bool json_read_null(JsonScanner *scanner, bool *is_null);

/* true, false or null; *value is false for null. */
extern bool json_read_bool_or_null(JsonScanner *scanner, const char *member,
								   bool *value, bool *is_null);

/* "0x0", or "0x" and digits without a leading zero. */
extern bool json_read_quantity_u64(JsonScanner *scanner, const char *member,
								   uint64_t *value);
extern bool json_read_quantity(JsonScanner *scanner, const char *member,
							   Uint256 *value);

/* "0x" and two digits a byte; the bytes stand in the scanner's buffer. */
extern bool json_read_data(JsonScanner *scanner, const char *member,
						   const uint8_t **data, size_t *len);

/* The same, of exactly `size` bytes: 32 for a hash, 20 for an address. */
extern bool json_read_data_fixed(JsonScanner *scanner, const char *member,
								 size_t size, const uint8_t **data);
extern bool json_read_hash32(JsonScanner *scanner, const char *member,
							 const uint8_t **hash32);

/*
 * A JSON number.  *is_integer tells whether it was written as an integer
 * that fits; *value is 0 otherwise.
 */
extern bool json_read_integer(JsonScanner *scanner, const char *member,
							  int64_t *value, bool *is_integer);

/*
 * A string's text between its quotes, checked but with its escapes; see
 * json_unescape.
 */
extern bool json_read_string(JsonScanner *scanner, const char *member,
							 JsonSlice *text);

/*
 * Any value.  `slice`, when not NULL, is set to its text, which stays as it
 * is.
 */
extern bool json_skip_value(JsonScanner *scanner, JsonSlice *slice);

/*
 * Resolve the escapes of a string that json_read_string returned, for people
 * to read: control characters (U+0000 to U+001F, U+007F to U+009F) become
 * '?', and what does not fit into `size` bytes with the closing NUL is cut
 * off before a character, never within one.  Returns the length.
 */
extern size_t json_unescape(char *out, size_t size, const JsonSlice *string);

/*
 * Record a failure at `at`, a place in the text, unless there is one already.
 * Always false, so that a caller can return it.  The format must not bring
 * text of the input into the message.
 */
extern bool json_fail(JsonScanner *scanner, JsonStatus status, const char *at,
					  const char *format,...)
			__attribute__((format(printf, 4, 5)));

#endif							/* CHAINSYNC_JSON_H */
