/*-------------------------------------------------------------------------
 *
 * arena.c
 *	  Bump allocator for everything that lives as long as one batch.
 *
 * Memory comes from malloc() in chunks that grow with what the arena holds
 * already, so a batch of any size needs few of them.  An allocation that a
 * usual chunk cannot hold gets a chunk of its own size.  arena_reset() keeps
 * the largest chunk of the usual sizes: a worker that reads batch after
 * batch of the same chain soon stops calling malloc() at all, and one giant
 * answer does not stay with the process for ever.
 *
 * Under AddressSanitizer free space is poisoned and allocations are kept
 * apart, so that an overrun from one into the next is seen.
 *
 *-------------------------------------------------------------------------
 */
#include "arena.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_HIDE(start, size)	ASAN_POISON_MEMORY_REGION(start, size)
#define ARENA_SHOW(start, size)	ASAN_UNPOISON_MEMORY_REGION(start, size)
#define ARENA_GAP	ARENA_ALIGN
#else
#define ARENA_HIDE(start, size)	((void) 0)
#define ARENA_SHOW(start, size)	((void) 0)
#define ARENA_GAP	0
#endif

#define ARENA_ALIGN			((size_t) 16)
#define ARENA_FIRST_CHUNK	((size_t) 64 * 1024)
#define ARENA_LAST_CHUNK	((size_t) 8 * 1024 * 1024)

struct ArenaChunk
{
	ArenaChunk *older;
	size_t		size;			/* of the whole, this header included */
};

#define ARENA_HEADER \
	((sizeof(ArenaChunk) + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1))

_Static_assert(ARENA_ALIGN >= _Alignof(max_align_t),
			   "an allocation must suit any type");

/* Bytes that an allocation of `size` takes, or 0 when that overflows. */
static size_t
arena_footprint(size_t size)
{
	if (size > SIZE_MAX - ARENA_HEADER - ARENA_GAP - ARENA_ALIGN)
		return 0;
	if (size == 0)
		size = 1;
	return ((size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1)) + ARENA_GAP;
}

/* Start allocating from the newest chunk, all of it. */
static void
arena_use_newest(Arena *arena)
{
	ArenaChunk *chunk = arena->chunks;

	if (chunk == NULL)
	{
		arena->next = NULL;
		arena->end = NULL;
		return;
	}
	arena->next = (char *) chunk + ARENA_HEADER;
	arena->end = (char *) chunk + chunk->size;
	ARENA_HIDE(arena->next, (size_t) (arena->end - arena->next));
}

/* Get a chunk with room for `footprint` bytes; false when none can be had. */
static bool
arena_add_chunk(Arena *arena, size_t footprint)
{
	size_t		needed = ARENA_HEADER + footprint;
	size_t		size = arena->reserved;
	ArenaChunk *chunk;

	if (size < ARENA_FIRST_CHUNK)
		size = ARENA_FIRST_CHUNK;
	if (size > ARENA_LAST_CHUNK)
		size = ARENA_LAST_CHUNK;
	if (size < needed)
		size = needed;
	if (arena->limit != 0)
	{
		size_t		left = arena->limit > arena->reserved ?
		arena->limit - arena->reserved : 0;

		if (needed > left)
			return false;
		if (size > left)
			size = left;
	}

	chunk = malloc(size);
	if (chunk == NULL)
		return false;
	chunk->older = arena->chunks;
	chunk->size = size;
	arena->chunks = chunk;
	arena->reserved += size;
	arena_use_newest(arena);
	return true;
}

static void
arena_free_chunk(Arena *arena, ArenaChunk *chunk)
{
	arena->reserved -= chunk->size;
	ARENA_SHOW(chunk, chunk->size);
	free(chunk);
}

void
arena_init(Arena *arena, size_t limit)
{
	arena->chunks = NULL;
	arena->used = 0;
	arena->reserved = 0;
	arena->limit = limit;
	arena_use_newest(arena);
}

void *
arena_alloc(Arena *arena, size_t size)
{
	size_t		footprint = arena_footprint(size);
	char	   *result;

	if (footprint == 0)
		return NULL;
	if (footprint > (size_t) (arena->end - arena->next) &&
		!arena_add_chunk(arena, footprint))
		return NULL;

	result = arena->next;
	arena->next += footprint;
	arena->used += footprint;
	ARENA_SHOW(result, size);
	return result;
}

void *
arena_alloc_array(Arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(arena, count * size);
}

bool
arena_resize(Arena *arena, void *allocation, size_t old_size, size_t new_size)
{
	size_t		old_footprint = arena_footprint(old_size);
	size_t		new_footprint = arena_footprint(new_size);
	char	   *start = allocation;

	if (new_footprint == 0 || old_footprint == 0 ||
		start + old_footprint != arena->next ||
		new_footprint > (size_t) (arena->end - start))
		return false;

	arena->next = start + new_footprint;
	arena->used = arena->used - old_footprint + new_footprint;
	ARENA_HIDE(start, old_footprint);
	ARENA_SHOW(start, new_size);
	return true;
}

void
arena_reset(Arena *arena)
{
	ArenaChunk *chunk = arena->chunks;
	ArenaChunk *kept = NULL;

	while (chunk != NULL)
	{
		ArenaChunk *older = chunk->older;
		ArenaChunk *loser = chunk;

		if (chunk->size <= ARENA_LAST_CHUNK &&
			(kept == NULL || chunk->size > kept->size))
		{
			loser = kept;
			kept = chunk;
		}
		if (loser != NULL)
			arena_free_chunk(arena, loser);
		chunk = older;
	}

	if (kept != NULL)
		kept->older = NULL;
	arena->chunks = kept;
	arena->used = 0;
	arena_use_newest(arena);
}

void
arena_destroy(Arena *arena)
{
	while (arena->chunks != NULL)
	{
		ArenaChunk *chunk = arena->chunks;

		arena->chunks = chunk->older;
		arena_free_chunk(arena, chunk);
	}
	arena->used = 0;
	arena_use_newest(arena);
}
