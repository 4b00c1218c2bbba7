/*-------------------------------------------------------------------------
 *
 * abi_parse.h
 *	  Reads types, declarations and JSON ABIs.
 *
 * Pure.  What is read is hostile: text is bounded by the caller and by the
 * limits of abi.h; structs that contain one another, types that grow when
 * they are expanded, long names and NUL bytes are refused with ABI_SYNTAX.
 *
 * Declarations are those that ethers calls human-readable:
 *
 *		event Transfer(address indexed from, address indexed to, uint256 value)
 *		event Ping(uint256 n) anonymous
 *		function swap((address pool, uint24 fee)[] path) returns (uint256)
 *		error Unauthorized(address who)
 *		struct Point { int24 x; int24 y; }
 *
 * The word at the begin may be left out where the caller knows the kind.
 * What comes after the parameters (visibility, returns, modifiers) must have
 * the form of it and means nothing here.  A struct's name stands for its type
 * in other declarations of the same list, in any order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ABI_PARSE_H
#define CHAINSYNC_ABI_PARSE_H

#include "abi.h"

#define ABI_MAX_ENTRIES 10000	/* of one ABI */

typedef struct AbiSlice
{
	const char *data;
	size_t		len;
} AbiSlice;

typedef struct AbiDefinition
{
	AbiEntry   *entries;
	uint32_t	count;
	uint32_t	skipped;		/* functions of types that no ABI has */
	const char *first_skipped;	/* the name of the first one */
} AbiDefinition;

/* One declaration of that kind, such as transfer(address,uint256). */
extern bool abi_parse_entry(AbiEntry *entry, Arena *arena, AbiEntryKind kind,
							const char *text, size_t len, AbiError *error);

/* A function's or an error's; which, its first word says. */
extern bool abi_parse_callable(AbiEntry *entry, Arena *arena,
							   const char *text, size_t len, AbiError *error);

/* A list of types, each with a name or without, as a tuple. */
extern bool abi_parse_types(const AbiType **tuple, Arena *arena,
							const AbiSlice *types, uint32_t count,
							AbiError *error);

/* Declarations of any kind; empty ones are passed over. */
extern bool abi_parse_lines(AbiDefinition *definition, Arena *arena,
							const AbiSlice *lines, uint32_t count,
							AbiError *error);

/*
 * A JSON ABI: an array of items, or an object that has it as "abi", or one
 * item.  Strings in the array are declarations.  Items that are no function,
 * event or error of the ABI specification's are left out: constructor,
 * fallback and receive silently, functions of libraries, whose parameters may
 * have types that no ABI has, counted.
 */
extern bool abi_parse_json(AbiDefinition *definition, Arena *arena,
						   const char *text, size_t len, AbiError *error);

/* The "inputs" of a JSON ABI, as a tuple. */
extern bool abi_parse_inputs(const AbiType **tuple, Arena *arena,
							 const char *text, size_t len, AbiError *error);

#endif							/* CHAINSYNC_ABI_PARSE_H */
