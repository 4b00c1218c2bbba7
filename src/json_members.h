/*-------------------------------------------------------------------------
 *
 * json_members.h
 *	  Reads a JSON object into a struct, as a table of its members says.
 *	  Internal to block_json.c and receipt_json.c.
 *
 * A JsonShape lists the members of one kind of object in the order in which
 * most nodes write them.  A node writes them in the same order every time, so
 * the reader guesses that after member a comes what came after a in the last
 * object of that shape, and only compares the name; it searches the table
 * when the guess was wrong.
 *
 * The functions follow the convention of json_scan.h: they take the position
 * and return the one behind the value, NULL on failure.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_JSON_MEMBERS_H
#define CHAINSYNC_JSON_MEMBERS_H

#include "arena.h"
#include "block.h"
#include "json.h"

/* What is remembered between the objects that are read together. */
#define JSON_SHAPES			8
#define JSON_MAX_MEMBERS	63

typedef struct JsonReader
{
	JsonScanner *scanner;
	Arena	   *arena;
	/* after which member (0: the beginning, else place + 1) came which */
	uint8_t		follower[JSON_SHAPES][JSON_MAX_MEMBERS + 1];
	/* the required members of each shape, a bit each; see json_members.c */
	uint64_t	required[JSON_SHAPES];
} JsonReader;

/* How a member is read, and the type of its field. */
typedef enum JsonKind
{
	JSON_KIND_IGNORED,			/* known, not kept, must not come twice */
	JSON_KIND_U64,				/* uint64_t */
	JSON_KIND_U256,				/* Uint256 */
	JSON_KIND_DATA,				/* EvmBytes */
	JSON_KIND_DATA8,			/* const uint8_t *, and so on */
	JSON_KIND_DATA20,
	JSON_KIND_DATA32,
	JSON_KIND_DATA256,
	JSON_KIND_FLAG,				/* true sets the bit in `present`, no field */
	JSON_KIND_EXTRA,			/* EvmExtras, a slice is added */
	JSON_KIND_NESTED			/* whatever `read` does with the struct */
} JsonKind;

#define JSON_NAME_SPACE 32

typedef struct JsonMember
{
	char		token[JSON_NAME_SPACE]; /* the name and its closing quote */
	const char *name;
	uint8_t		token_len;
	uint8_t		kind;			/* a JsonKind */
	bool		required;
	uint16_t	offset;			/* of the field in the struct */
	uint32_t	present;		/* bit to set in the struct's first field */
	char	   *(*read) (JsonReader *reader, char *p, void *object);
} JsonMember;

typedef struct JsonShape
{
	const JsonMember *members;
	uint8_t		count;			/* at most JSON_MAX_MEMBERS */
	uint8_t		place;			/* in JsonReader.follower */
	size_t		size;			/* of the struct */
} JsonShape;

#define JSON_MEMBER(json_name, is_required, json_kind, type, field, bit) \
	{ \
		.token = json_name "\"", .name = json_name, \
		.token_len = sizeof(json_name), .kind = JSON_KIND_##json_kind, \
		.required = is_required, .offset = offsetof(type, field), \
		.present = bit \
	}
#define JSON_MEMBER_FLAG(json_name, bit) \
	{ \
		.token = json_name "\"", .name = json_name, \
		.token_len = sizeof(json_name), .kind = JSON_KIND_FLAG, \
		.present = bit \
	}
#define JSON_MEMBER_IGNORED(json_name) \
	{ \
		.token = json_name "\"", .name = json_name, \
		.token_len = sizeof(json_name), .kind = JSON_KIND_IGNORED \
	}
#define JSON_MEMBER_NESTED(json_name, is_required, reader, bit) \
	{ \
		.token = json_name "\"", .name = json_name, \
		.token_len = sizeof(json_name), .kind = JSON_KIND_NESTED, \
		.required = is_required, .present = bit, .read = reader \
	}

#define JSON_SHAPE(shape_members, shape_place, type) \
	{ \
		.members = shape_members, \
		.count = sizeof(shape_members) / sizeof((shape_members)[0]), \
		.place = shape_place, .size = sizeof(type) \
	}

extern void json_reader_init(JsonReader *reader, JsonScanner *scanner,
							 Arena *arena);

/* An object; `object` is cleared first. */
extern char *json_read_object(JsonReader *reader, char *p,
							  const JsonShape *shape, void *object);

/*
 * An array of objects, into an array of structs in the arena.  `name` is the
 * member's, for messages.
 */
extern char *json_read_objects(JsonReader *reader, char *p, const char *name,
							   const JsonShape *shape, void **objects,
							   uint32_t *count);

/* An array of 32-byte hashes. */
extern char *json_read_hashes(JsonReader *reader, char *p, const char *name,
							  const uint8_t ***hashes, uint32_t *count);

/* The same into an array with room for `max` of them. */
extern char *json_read_some_hashes(JsonReader *reader, char *p,
								   const char *name, const uint8_t **hashes,
								   uint32_t max, uint32_t *count);

/*
 * What the public functions of block_json.h begin and end with: the position
 * of the value, or NULL when there was an error before or the value is null,
 * which is then read; and moving the scanner behind it.
 */
extern char *json_reader_start(JsonReader *reader, bool *is_null);
extern bool json_reader_finish(JsonReader *reader, char *p, bool is_null);

#endif							/* CHAINSYNC_JSON_MEMBERS_H */
