/*-------------------------------------------------------------------------
 *
 * test_arena.c
 *	  The bump allocator: alignment, limits, growth in place, reuse.
 *
 *-------------------------------------------------------------------------
 */
#include "arena.h"

#include <stddef.h>
#include <stdlib.h>

#include "unit.h"

static void
test_alignment(void)
{
	Arena		arena;

	arena_init(&arena, 0);
	for (size_t size = 0; size < 300; size++)
	{
		char	   *space = arena_alloc(&arena, size);

		if (!CHECK(space != NULL))
			return;
		CHECK((uintptr_t) space % _Alignof(max_align_t) == 0);
		memset(space, (int) size, size);
	}
	CHECK(arena_alloc(&arena, 0) != arena_alloc(&arena, 0));
	arena_destroy(&arena);
	CHECK(arena.reserved == 0 && arena.used == 0);
}

/* Allocations keep their contents apart, over many chunks. */
static void
test_contents(void)
{
	Arena		arena;
	uint8_t    *spaces[1000];
	size_t		sizes[1000];
	bool		same = true;

	arena_init(&arena, 0);
	for (int i = 0; i < 1000; i++)
	{
		sizes[i] = (size_t) (i * 7919 % 5000);
		spaces[i] = arena_alloc(&arena, sizes[i]);
		memset(spaces[i], i & 0xff, sizes[i]);
	}
	for (int i = 0; i < 1000; i++)
	{
		for (size_t j = 0; j < sizes[i]; j++)
			same = same && spaces[i][j] == (i & 0xff);
	}
	CHECK(same);
	CHECK(arena.used <= arena.reserved);
	arena_destroy(&arena);
}

static void
test_limit(void)
{
	Arena		arena;
	size_t		total = 0;

	arena_init(&arena, 100000);
	CHECK(arena_alloc(&arena, 100001) == NULL);
	CHECK(arena_alloc(&arena, SIZE_MAX) == NULL);
	CHECK(arena_alloc(&arena, SIZE_MAX - 20) == NULL);
	CHECK(arena_alloc_array(&arena, SIZE_MAX / 8, 16) == NULL);
	CHECK(arena_alloc_array(&arena, (size_t) 1 << 63, 2) == NULL);
	CHECK(arena_alloc_array(&arena, 0, 100) != NULL);
	while (arena_alloc(&arena, 1000) != NULL)
		total += 1000;
	CHECK(arena.reserved <= 100000);
	/* nearly all of it can be had */
	CHECK(total >= 90000);
	arena_destroy(&arena);

	arena_init(&arena, 10);
	CHECK(arena_alloc(&arena, 1) == NULL);
	arena_destroy(&arena);
}

static void
test_resize(void)
{
	Arena		arena;
	char	   *first;
	char	   *second;

	arena_init(&arena, 0);
	first = arena_alloc(&arena, 100);
	memset(first, 'a', 100);
	CHECK(arena_resize(&arena, first, 100, 5000));
	memset(first + 100, 'b', 4900);
	second = arena_alloc(&arena, 50);
	CHECK(second >= first + 5000);
	/* no longer the newest */
	CHECK(!arena_resize(&arena, first, 5000, 6000));
	CHECK(!arena_resize(&arena, first, 5000, 10));
	/* too large for the chunk */
	CHECK(!arena_resize(&arena, second, 50, 1000000));
	CHECK(!arena_resize(&arena, second, 50, SIZE_MAX));
	memset(second, 'c', 50);
	CHECK(arena_resize(&arena, second, 50, 10));
	CHECK((char *) arena_alloc(&arena, 1) < second + 50);
	CHECK(first[99] == 'a' && first[4999] == 'b' && second[9] == 'c');
	arena_destroy(&arena);
}

static void
test_reset(void)
{
	Arena		arena;
	size_t		reserved;

	arena_init(&arena, 0);
	for (int i = 0; i < 500; i++)
		memset(arena_alloc(&arena, 4000), i, 4000);
	arena_reset(&arena);
	CHECK(arena.used == 0);
	CHECK(arena.reserved >= 1000000);

	/* what fits into the chunk that was kept asks the system for nothing */
	reserved = arena.reserved;
	for (int i = 0; i < 200; i++)
		memset(arena_alloc(&arena, 4000), i, 4000);
	CHECK(arena.reserved == reserved);

	/* a giant is given back */
	memset(arena_alloc(&arena, 100000000), 1, 100);
	arena_reset(&arena);
	CHECK(arena.reserved < 10000000);
	CHECK(arena_alloc(&arena, 10) != NULL);
	arena_destroy(&arena);
	arena_reset(&arena);
	CHECK(arena_alloc(&arena, 10) != NULL);
	arena_destroy(&arena);
}

int
main(void)
{
	test_alignment();
	test_contents();
	test_limit();
	test_resize();
	test_reset();
	return unit_summary("test_arena");
}
