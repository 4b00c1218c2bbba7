/*-------------------------------------------------------------------------
 *
 * abi.h
 *	  Types and values of the Solidity ABI; decoding and encoding them.
 *
 * The rules are those of "Contract ABI Specification" in the Solidity
 * documentation.  Pure: everything is allocated from an Arena, nothing throws.
 *
 * What always holds for decoding, whatever the mode:
 *	- nothing is read past the data, and no offset or length may point there;
 *	- a value must be in its type's range: the unused bytes of integers,
 *	  addresses and bytesN as the specification pads them, a bool 0 or 1;
 *	- work and memory are bounded by the length of the data: every value read
 *	  is charged the bytes it stands for, and at least a word, against
 *	  ABI_BUDGET(len).  Offsets that overlap can multiply the data by no more.
 *
 * What is tolerated unless strict is asked for, as contracts emit it:
 *	- bytes after those that the types need;
 *	- offsets other than the canonical ones: gaps, overlaps, another order;
 *	- padding of bytes and string that is not zero, or that is missing.
 * Strict means: the data is exactly what abi_encode would make of the values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ABI_H
#define CHAINSYNC_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#define ABI_WORD		32
#define ABI_MAX_NAME	255		/* bytes of a name */
#define ABI_MAX_DEPTH	32		/* arrays and tuples in one another */
#define ABI_MAX_NODES	2048	/* types in a type, itself included */
#define ABI_MAX_TOPICS	4
#define ABI_BUDGET(len)	(4 * (uint64_t) (len) + 65536)

typedef enum AbiStatus
{
	ABI_OK = 0,
	ABI_TRUNCATED,				/* an offset or length beyond the data */
	ABI_OUT_OF_RANGE,			/* a value that its type does not have */
	ABI_TOO_MUCH,				/* more work than the data justifies */
	ABI_NOT_CANONICAL,			/* strict only */
	ABI_NO_MATCH,				/* topics that are not this event's */
	ABI_BAD_TEXT,				/* a string with a NUL, or not UTF-8 */
	ABI_BAD_VALUE,				/* a text or item that is not of the type */
	ABI_SYNTAX,					/* of a declaration or a JSON ABI */
	ABI_UNKNOWN_TYPE,
	ABI_NO_MEMORY
} AbiStatus;

typedef struct AbiError
{
	AbiStatus	status;
	char		message[256];	/* lower case, valid UTF-8 if names are */
} AbiError;

typedef enum AbiKind
{
	ABI_UINT,
	ABI_INT,
	ABI_UFIXED,
	ABI_FIXED,
	ABI_ADDRESS,
	ABI_BOOL,
	ABI_BYTES_N,
	ABI_FUNCTION,				/* address and selector: 24 bytes */
	ABI_BYTES,
	ABI_STRING,
	ABI_ARRAY,					/* T[] */
	ABI_FIXED_ARRAY,			/* T[n] */
	ABI_TUPLE
} AbiKind;

typedef struct AbiType AbiType;

typedef struct AbiParam
{
	const char *name;			/* "" when it has none */
	const char *key;			/* the member's name in JSON, unique */
	const AbiType *type;
	bool		indexed;
} AbiParam;

/*
 * A type; types may share the types they are made of.  The parameters of an
 * entry are a tuple too.
 */
struct AbiType
{
	AbiKind		kind;
	uint16_t	bits;			/* of integers and fixed */
	uint8_t		decimals;		/* of fixed */
	uint8_t		bytes;			/* of bytesN */
	bool		dynamic;
	bool		named;			/* a tuple one of whose members has a name */
	uint32_t	depth;
	uint32_t	nodes;			/* types it is made of, repeated ones too */
	uint64_t	head;			/* bytes where it stands; UINT64_MAX: more */
	uint64_t	length;			/* of T[n] */
	const AbiType *element;		/* of arrays */
	const AbiParam *members;	/* of tuples */
	uint32_t	member_count;
};

/*
 * A value, of the shape that its type says.  `bytes` points into the data
 * that was decoded.
 */
typedef struct AbiValue
{
	const uint8_t *bytes;		/* a word, or the contents of bytes, string */
	struct AbiValue *items;		/* of arrays and tuples */
	size_t		len;			/* bytes of contents, or number of items */
	bool		hashed;			/* bytes is the Keccak-256 word in a topic */
} AbiValue;

typedef enum AbiEntryKind
{
	ABI_ENTRY_FUNCTION,
	ABI_ENTRY_EVENT,
	ABI_ENTRY_ERROR
} AbiEntryKind;

typedef struct AbiEntry
{
	AbiEntryKind kind;
	const char *name;
	const char *signature;		/* canonical: transfer(address,uint256) */
	uint8_t		hash[32];		/* its Keccak-256: topic0; 4 bytes: selector */
	const AbiType *inputs;		/* a tuple */
	uint32_t	indexed_count;
	bool		anonymous;
} AbiEntry;

/* Notes the first error; always false. */
extern bool abi_fail(AbiError *error, AbiStatus status, const char *fmt,...)
			__attribute__((format(printf, 3, 4)));

/* True for the types whose value is one word. */
extern bool abi_is_word(const AbiType *type);

/*
 * Decodes the values of a tuple's members from `len` bytes.  *values has one
 * item a member.  Data and types must outlive the values.
 */
extern bool abi_decode(AbiValue *values, Arena *arena, const AbiType *tuple,
					   const uint8_t *data, size_t len, bool strict,
					   AbiError *error);

/*
 * Decodes a log.  Indexed parameters are taken from the topics; where their
 * type is dynamic, an array or a tuple, a topic holds a hash only.
 * ABI_NO_MATCH when the number of topics or the first one is not the event's.
 */
extern bool abi_decode_event(AbiValue *values, Arena *arena,
							 const AbiEntry *event,
							 const uint8_t *const *topics32,
							 uint32_t topic_count, const uint8_t *data,
							 size_t len, bool strict, AbiError *error);

/*
 * Encodes the values of a tuple's members, canonically, after the `prefix_len`
 * bytes of `prefix`.
 */
extern bool abi_encode(const uint8_t **out, size_t *out_len, Arena *arena,
					   const AbiType *tuple, const AbiValue *values,
					   const uint8_t *prefix, size_t prefix_len,
					   AbiError *error);

/*
 * The value of a type that is no array and no tuple from text: integers in
 * decimal, or in hex after 0x; fixed in decimal; addresses, bytesN, function
 * and bytes in hex after 0x, an address in mixed case with its EIP-55
 * checksum; bool true or false; string as it is.
 */
extern bool abi_value_from_text(AbiValue *value, Arena *arena,
								const AbiType *type, const char *text,
								size_t len, AbiError *error);

#endif							/* CHAINSYNC_ABI_H */
