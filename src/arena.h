/*-------------------------------------------------------------------------
 *
 * arena.h
 *	  Bump allocator for everything that lives as long as one batch.
 *
 * The pure modules (parsers, hashes, encoders) allocate from an Arena only.
 * It never throws: an allocation that cannot be had returns NULL, and the
 * caller reports it as a status.  Memory is given back all at once, by
 * arena_reset() or arena_destroy().
 *
 * An arena belongs to one process and one owner; nothing here is shared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ARENA_H
#define CHAINSYNC_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ArenaChunk ArenaChunk;

typedef struct Arena
{
	ArenaChunk *chunks;			/* newest first */
	char	   *next;			/* free space of the newest chunk */
	char	   *end;
	size_t		used;			/* bytes handed out since the last reset */
	size_t		reserved;		/* bytes held from the system */
	size_t		limit;			/* never hold more than this; 0: no limit */
} Arena;

/* Make an empty arena that holds at most `limit` bytes (0: no limit). */
extern void arena_init(Arena *arena, size_t limit);

/*
 * Returns `size` bytes aligned for any type, or NULL when memory is out or
 * the limit is reached.  size 0 gives a valid, unique pointer.
 */
extern void *arena_alloc(Arena *arena, size_t size);

/* As arena_alloc for an array; NULL also when count * size overflows. */
extern void *arena_alloc_array(Arena *arena, size_t count, size_t size);

/*
 * Makes an allocation of `old_size` bytes larger or smaller where it stands.
 * That works for the newest allocation only, and while its chunk has room:
 * false leaves everything as it was.
 */
extern bool arena_resize(Arena *arena, void *allocation, size_t old_size,
						 size_t new_size);

/* Forget all allocations; keeps one chunk for reuse, frees the rest. */
extern void arena_reset(Arena *arena);

/* Forget all allocations and free everything. */
extern void arena_destroy(Arena *arena);

#endif							/* CHAINSYNC_ARENA_H */
