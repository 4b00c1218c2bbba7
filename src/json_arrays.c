/*-------------------------------------------------------------------------
 *
 * json_arrays.c
 *	  Reads JSON arrays of objects and of hashes into arrays in an arena.
 *
 * Memory is bounded by the text: an array grows only when an element was
 * read whole, and each kind of element needs text in proportion to its
 * struct, for its required members.
 *
 *-------------------------------------------------------------------------
 */
#include "json_members.h"

#include <stdio.h>

#include "json_scan.h"

/* Elements that an array has room for at first. */
#define FIRST_CAPACITY	8

/*
 * Name what an array's element was part of, behind the message of what was
 * wrong in it.  Always NULL.
 */
static char *
fail_in_element(JsonScanner *scanner, const char *name, uint32_t index)
{
	JsonError  *error = &scanner->error;
	size_t		used = strlen(error->message);

	snprintf(error->message + used, sizeof(error->message) - used,
			 ", in %s[%u]", name, (unsigned) index);
	return NULL;
}

typedef struct Growing
{
	char	   *items;
	size_t		item_size;
	uint32_t	count;
	uint32_t	capacity;
	char	   *text;			/* where the first element begins */
} Growing;

/*
 * Make room for more elements.  An array that is the arena's newest
 * allocation grows where it is; one that has to move gets the room that it
 * will need if the rest of the text is full of such elements.
 */
static bool
grow(JsonReader *reader, Growing *array, const char *p)
{
	size_t		old_size = array->capacity * array->item_size;
	size_t		capacity = FIRST_CAPACITY;
	void	   *items;

	if (array->capacity > 0)
	{
		size_t		text_each = (size_t) (p - array->text) / array->count + 1;
		size_t		text_left = (size_t) (reader->scanner->end - p);

		if (array->capacity > UINT32_MAX / 2)
			return false;
		capacity = (size_t) array->capacity * 2;
		if (capacity <= SIZE_MAX / array->item_size &&
			arena_resize(reader->arena, array->items, old_size,
						 capacity * array->item_size))
		{
			array->capacity = (uint32_t) capacity;
			return true;
		}
		if (text_left / text_each > capacity)
			capacity = text_left / text_each;
		if (capacity > UINT32_MAX)
			return false;
	}

	items = arena_alloc_array(reader->arena, capacity, array->item_size);
	if (items == NULL)
		return false;
	if (array->count > 0)
		memcpy(items, array->items, array->count * array->item_size);
	array->items = items;
	array->capacity = (uint32_t) capacity;
	return true;
}

/* Room for one more element, NULL when there is none. */
static inline void *
next_item(JsonReader *reader, Growing *array, char *p)
{
	if (json_unlikely(array->count == array->capacity) &&
		!grow(reader, array, p))
	{
		json_fail(reader->scanner, JSON_NO_MEMORY, p,
				  "out of memory for the answer");
		return NULL;
	}
	return array->items + array->count * array->item_size;
}

/* Give back the room that was not needed, where that is possible. */
static void
finish_array(JsonReader *reader, const Growing *array)
{
	if (array->capacity > array->count)
		(void) arena_resize(reader->arena, array->items,
							array->capacity * array->item_size,
							array->count * array->item_size);
}

/* To the first element, or behind an empty array (*empty). */
static inline char *
enter_array(JsonScanner *scanner, char *p, const char *name, bool *empty)
{
	*empty = true;
	if (json_unlikely(p < scanner->end && *p != '['))
		return json_fail_value(scanner, JSON_INVALID, p, name, "not an array");
	p = json_enter(scanner, p, '[', "expected an array");
	if (p == NULL)
		return NULL;
	p = json_pass_space(scanner, p);
	*empty = p < scanner->end && *p == ']';
	if (*empty)
	{
		scanner->depth--;
		p++;
	}
	return p;
}

/* From behind an element to the next one, or behind the array (*last). */
static inline char *
next_element(JsonScanner *scanner, char *p, bool *last)
{
	p = json_pass_space(scanner, p);
	if (json_unlikely(p >= scanner->end || (*p != ',' && *p != ']')))
		return json_fail_syntax(scanner, p, "expected a comma");
	*last = *p == ']';
	if (*last)
	{
		scanner->depth--;
		return p + 1;
	}
	return json_pass_space(scanner, p + 1);
}

char *
json_read_objects(JsonReader *reader, char *p, const char *name,
				  const JsonShape *shape, void **objects, uint32_t *count)
{
	JsonScanner *scanner = reader->scanner;
	Growing		array = {.item_size = shape->size};
	bool		last;

	p = enter_array(scanner, p, name, &last);
	array.text = p;
	while (p != NULL && !last)
	{
		void	   *item = next_item(reader, &array, p);

		if (item == NULL)
			return NULL;
		if (json_unlikely(p < scanner->end && *p != '{'))
			return json_fail_value(scanner, JSON_INVALID, p, name,
								   "not an array of objects");
		p = json_read_object(reader, p, shape, item);
		if (json_unlikely(p == NULL))
			return fail_in_element(scanner, name, array.count);
		array.count++;
		p = next_element(scanner, p, &last);
	}
	if (p == NULL)
		return NULL;

	finish_array(reader, &array);
	*objects = array.items;
	*count = array.count;
	return p;
}

char *
json_read_hashes(JsonReader *reader, char *p, const char *name,
				 const uint8_t ***hashes, uint32_t *count)
{
	JsonScanner *scanner = reader->scanner;
	Growing		array = {.item_size = sizeof(const uint8_t *)};
	bool		last;

	p = enter_array(scanner, p, name, &last);
	array.text = p;
	while (p != NULL && !last)
	{
		const uint8_t **item = next_item(reader, &array, p);

		if (item == NULL)
			return NULL;
		p = json_scan_fixed(scanner, p, name, 32, item);
		if (json_unlikely(p == NULL))
			return fail_in_element(scanner, name, array.count);
		array.count++;
		p = next_element(scanner, p, &last);
	}
	if (p == NULL)
		return NULL;

	finish_array(reader, &array);
	*hashes = (const uint8_t **) array.items;
	*count = array.count;
	return p;
}

char *
json_read_some_hashes(JsonReader *reader, char *p, const char *name,
					  const uint8_t **hashes, uint32_t max, uint32_t *count)
{
	JsonScanner *scanner = reader->scanner;
	uint32_t	n = 0;
	bool		last;

	p = enter_array(scanner, p, name, &last);
	while (p != NULL && !last)
	{
		if (json_unlikely(n == max))
			return json_fail_value(scanner, JSON_INVALID, p, name,
								   "has too many elements");
		p = json_scan_fixed(scanner, p, name, 32, &hashes[n]);
		if (json_unlikely(p == NULL))
			return fail_in_element(scanner, name, n);
		n++;
		p = next_element(scanner, p, &last);
	}
	*count = n;
	return p;
}
