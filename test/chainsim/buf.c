/*-------------------------------------------------------------------------
 *
 * buf.c
 *	  Growing byte buffers, hex in and out, and the program's last words.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

static const char hex_digits[] = "0123456789abcdef";

void
sim_warn(const char *format,...)
{
	va_list		args;

	fputs("chainsim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void
sim_fatal(const char *format,...)
{
	va_list		args;

	fputs("chainsim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void *
sim_alloc(size_t size)
{
	void	   *ptr = calloc(1, size > 0 ? size : 1);

	if (ptr == NULL)
		sim_fatal("out of memory");
	return ptr;
}

void *
sim_realloc(void *ptr, size_t size)
{
	void	   *result = realloc(ptr, size > 0 ? size : 1);

	if (result == NULL)
		sim_fatal("out of memory");
	return result;
}

char *
sim_strndup(const char *text, size_t len)
{
	char	   *copy = sim_alloc(len + 1);

	memcpy(copy, text, len);
	return copy;
}

void
buf_reserve(Buf *buf, size_t more)
{
	size_t		cap = buf->cap;

	if (more <= cap - buf->len)
		return;
	if (more > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
		sim_fatal("out of memory");
	if (cap < 256)
		cap = 256;
	while (cap - buf->len < more)
		cap *= 2;
	buf->data = sim_realloc(buf->data, cap);
	buf->cap = cap;
}

void
buf_append(Buf *buf, const void *data, size_t len)
{
	if (len == 0)
		return;
	buf_reserve(buf, len);
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

void
buf_puts(Buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void
buf_printf(Buf *buf, const char *format,...)
{
	va_list		args;
	int			need;

	va_start(args, format);
	need = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (need < 0)
		sim_fatal("could not format a message");
	buf_reserve(buf, (size_t) need + 1);
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t) need + 1, format, args);
	va_end(args);
	buf->len += (size_t) need;
}

void
buf_free(Buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

void
buf_hex(Buf *buf, const uint8_t *bytes, size_t len)
{
	char	   *out;

	buf_reserve(buf, 2 * len + 2);
	out = buf->data + buf->len;
	*out++ = '0';
	*out++ = 'x';
	for (size_t i = 0; i < len; i++)
	{
		*out++ = hex_digits[bytes[i] >> 4];
		*out++ = hex_digits[bytes[i] & 15];
	}
	buf->len += 2 * len + 2;
}

void
buf_quantity(Buf *buf, uint64_t value)
{
	char		text[19];
	char	   *out = text + sizeof(text);

	do
	{
		*--out = hex_digits[value & 15];
		value >>= 4;
	} while (value != 0);
	*--out = 'x';
	*--out = '0';
	buf_append(buf, out, (size_t) (text + sizeof(text) - out));
}

void
buf_quantity256(Buf *buf, const Uint256 *value)
{
	bool		started = false;

	buf_puts(buf, "0x");
	for (int nibble = 63; nibble >= 0; nibble--)
	{
		uint64_t	word = value->word[nibble / 16];
		unsigned	digit = (word >> (4 * (nibble % 16))) & 15;

		if (digit != 0 || nibble == 0)
			started = true;
		if (started)
			buf_append(buf, &hex_digits[digit], 1);
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_read(uint8_t *out, size_t len, const char *text, size_t len_text)
{
	if (len_text != 2 * len + 2 || text[0] != '0' || text[1] != 'x')
		return false;
	for (size_t i = 0; i < len; i++)
	{
		int			high = hex_digit(text[2 + 2 * i]);
		int			low = hex_digit(text[3 + 2 * i]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

const char *
quantity_read(uint64_t *out, const char *text, size_t len_text)
{
	uint64_t	value = 0;

	if (len_text == 0)
		return "empty hex string";
	if (len_text < 2 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return "hex string without 0x prefix";
	if (len_text == 2)
		return "hex string \"0x\"";
	if (len_text > 3 && text[2] == '0')
		return "hex number with leading zero digits";
	if (len_text > 18)
		return "hex number > 64 bits";
	for (size_t i = 2; i < len_text; i++)
	{
		int			digit = hex_digit(text[i]);

		if (digit < 0)
			return "invalid hex string";
		value = value << 4 | (uint64_t) digit;
	}
	*out = value;
	return NULL;
}
