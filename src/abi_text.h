/*-------------------------------------------------------------------------
 *
 * abi_text.h
 *	  A text that grows in an arena.
 *
 * It never throws: when memory is out or the text longer than its limit,
 * `failed` is set and the rest is dropped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ABI_TEXT_H
#define CHAINSYNC_ABI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

typedef struct AbiText
{
	Arena	   *arena;
	char	   *data;			/* NUL-terminated once something was put */
	size_t		len;
	size_t		size;
	size_t		limit;
	bool		failed;
} AbiText;

/* An empty text of at most `limit` bytes. */
extern void abi_text_init(AbiText *text, Arena *arena, size_t limit);

extern void abi_text_put(AbiText *text, const char *bytes, size_t len);
extern void abi_text_puts(AbiText *text, const char *string);

/* Room for `len` bytes, which the caller fills; NULL when it failed. */
extern char *abi_text_space(AbiText *text, size_t len);

/* A JSON string with its quotes, escaped; the bytes must be UTF-8. */
extern void abi_text_put_quoted(AbiText *text, const char *bytes, size_t len);

/* The first byte that does not belong to valid UTF-8, or len. */
extern size_t abi_text_invalid_utf8(const char *bytes, size_t len);

#endif							/* CHAINSYNC_ABI_TEXT_H */
