/*-------------------------------------------------------------------------
 *
 * slice.h
 *	  Cuts values out of a JSON text without changing a byte of it.
 *
 * For recorded blocks and for chainsim's own answers, which are trusted to
 * be JSON: only the structure is followed (brackets, strings), never past
 * the end of the text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_SLICE_H
#define CHAINSIM_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Slice
{
	const char *data;
	size_t		len;
} Slice;

/* The value that begins at text->data (white space skipped); false: none. */
extern bool slice_value(Slice *value, const Slice *text);

/* A member's value; false when the object has no such member. */
extern bool slice_member(Slice *value, const Slice *object, const char *name);

/*
 * Steps through an array: start with *offset = 0; false at its end or when it
 * is no array.
 */
extern bool slice_element(Slice *value, const Slice *array, size_t *offset);

/* The characters between a string's quotes, as they stand. */
extern bool slice_string(Slice *value, const Slice *string);

/* A member that is a hash, or a quantity. */
extern bool slice_hash(uint8_t *out32, const Slice *object, const char *name);
extern bool slice_quantity(uint64_t *out, const Slice *object,
						   const char *name);

#endif							/* CHAINSIM_SLICE_H */
