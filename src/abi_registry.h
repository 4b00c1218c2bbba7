/*-------------------------------------------------------------------------
 *
 * abi_registry.h
 *	  The ABIs of schema chainsync, parsed, and the choice among them.
 *
 * A registry belongs to one call site (FmgrInfo) and keeps what it read as
 * long as the caller's snapshot stays the same, so that a statement over many
 * logs parses each ABI once and never shows what its snapshot does not have.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ABI_REGISTRY_H
#define CHAINSYNC_ABI_REGISTRY_H

#include "abi.h"

typedef struct AbiRegistry AbiRegistry;

/* Entries in the order in which they are tried. */
typedef struct AbiCandidates
{
	const AbiEntry *entries;
	int			count;
} AbiCandidates;

/* A log or a call that was decoded. */
typedef struct AbiDecoded
{
	const AbiEntry *entry;		/* NULL: nothing decodes it */
	AbiValue   *values;
} AbiDecoded;

struct FmgrInfo;

/* The registry of a call site; SPI must not be needed by the caller. */
extern AbiRegistry *abi_registry_open(struct FmgrInfo *call_site);

/*
 * The entries of a kind with that topic0 or selector: of one ABI, or of all
 * with `abi` NULL.  An error when there is no ABI of that name.
 */
extern AbiCandidates abi_registry_find(AbiRegistry *registry,
									   AbiEntryKind kind,
									   const uint8_t *hash, int hash_len,
									   const char *abi);

/* The anonymous events of one ABI. */
extern AbiCandidates abi_registry_anonymous(AbiRegistry *registry,
											const char *abi);

/*
 * The first of the candidates that decodes strictly, or else the first that
 * decodes at all.
 */
extern AbiDecoded abi_choose_event(Arena *arena, const AbiCandidates *lists,
								   int list_count,
								   const uint8_t *const *topics32,
								   uint32_t topic_count, const uint8_t *data,
								   size_t len);
extern AbiDecoded abi_choose_call(Arena *arena, AbiCandidates candidates,
								  const uint8_t *data, size_t len);

#endif							/* CHAINSYNC_ABI_REGISTRY_H */
