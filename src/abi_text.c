/*-------------------------------------------------------------------------
 *
 * abi_text.c
 *	  A text that grows in an arena.
 *
 *-------------------------------------------------------------------------
 */
#include "abi_text.h"

#include <stdint.h>
#include <string.h>

#define FIRST_SIZE 256

void
abi_text_init(AbiText *text, Arena *arena, size_t limit)
{
	memset(text, 0, sizeof(*text));
	text->arena = arena;
	text->limit = limit;
}

/* Makes room for `needed` bytes in all. */
static bool
grow(AbiText *text, size_t needed)
{
	size_t		size = text->size < FIRST_SIZE ? FIRST_SIZE : text->size;
	char	   *data;

	while (size < needed)
		size *= 2;
	if (text->data != NULL &&
		arena_resize(text->arena, text->data, text->size, size))
	{
		text->size = size;
		return true;
	}
	data = arena_alloc(text->arena, size);
	if (data == NULL)
		return false;
	if (text->len > 0)
		memcpy(data, text->data, text->len);
	text->data = data;
	text->size = size;
	return true;
}

char *
abi_text_space(AbiText *text, size_t len)
{
	char	   *result;

	if (text->failed || len > text->limit - text->len ||
		(text->len + len + 1 > text->size && !grow(text, text->len + len + 1)))
	{
		text->failed = true;
		return NULL;
	}
	result = text->data + text->len;
	text->len += len;
	text->data[text->len] = '\0';
	return result;
}

void
abi_text_put(AbiText *text, const char *bytes, size_t len)
{
	char	   *space = abi_text_space(text, len);

	if (space != NULL && len > 0)
		memcpy(space, bytes, len);
}

void
abi_text_puts(AbiText *text, const char *string)
{
	abi_text_put(text, string, strlen(string));
}

void
abi_text_put_quoted(AbiText *text, const char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t		done = 0;

	abi_text_put(text, "\"", 1);
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) bytes[i];
		char		escape[6] = {'\\', 'u', '0', '0', digits[c >> 4],
		digits[c & 15]};

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		abi_text_put(text, bytes + done, i - done);
		if (c == '"' || c == '\\')
		{
			escape[1] = (char) c;
			abi_text_put(text, escape, 2);
		}
		else
			abi_text_put(text, escape, 6);
		done = i + 1;
	}
	abi_text_put(text, bytes + done, len - done);
	abi_text_put(text, "\"", 1);
}

/*
 * The bytes of the character at `bytes`, or 0.  The second byte's range
 * depends on the first (Unicode, table 3-7: well-formed UTF-8).
 */
static size_t
character_length(const unsigned char *bytes, size_t left)
{
	unsigned char lead = bytes[0];
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t		len;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (left < len || bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
	{
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

size_t
abi_text_invalid_utf8(const char *bytes, size_t len)
{
	size_t		at = 0;

	while (at < len)
	{
		size_t		step = character_length((const unsigned char *) bytes + at,
											len - at);

		if (step == 0)
			return at;
		at += step;
	}
	return len;
}
