/*-------------------------------------------------------------------------
 *
 * abi_build.h
 *	  Puts types and entries together; for the parsers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ABI_BUILD_H
#define CHAINSYNC_ABI_BUILD_H

#include "abi.h"

/* A list of parameters that grows; they follow one another in memory. */
typedef struct AbiParams
{
	AbiParam   *items;
	uint32_t	count;
	uint32_t	size;
} AbiParams;

extern bool abi_no_memory(AbiError *error);

/* The elementary type of that name; ABI_UNKNOWN_TYPE when there is none. */
extern const AbiType *abi_build_elementary(Arena *arena, const char *name,
										   size_t len, AbiError *error);

/* T[n], or T[] when `fixed` is not set. */
extern const AbiType *abi_build_array(Arena *arena, const AbiType *element,
									  bool fixed, uint64_t length,
									  AbiError *error);

/* Adds a parameter; the name is copied, and refused when it is too long. */
extern bool abi_build_add(AbiParams *params, Arena *arena,
						  const AbiType *type, const char *name,
						  size_t name_len, bool indexed, AbiError *error);

/* A tuple of them, with unique keys. */
extern const AbiType *abi_build_tuple(Arena *arena, const AbiParams *params,
									  AbiError *error);

/* Fills in all of an entry but `anonymous`, which must be set before. */
extern bool abi_build_entry(AbiEntry *entry, Arena *arena, AbiEntryKind kind,
							const char *name, size_t name_len,
							const AbiType *inputs, AbiError *error);

/* Whether the bytes are a name of Solidity's. */
extern bool abi_is_identifier(const char *name, size_t len);

#endif							/* CHAINSYNC_ABI_BUILD_H */
