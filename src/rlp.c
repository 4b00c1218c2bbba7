/*-------------------------------------------------------------------------
 *
 * rlp.c
 *	  Recursive Length Prefix encoding: the backward writer and the strict
 *	  reader.
 *
 * The writer's buffer holds finished items at its high end and the item in
 * progress below them.  When it is full a larger one is taken from the arena
 * and only the item in progress moves: pointers to finished items stay good.
 *
 *-------------------------------------------------------------------------
 */
#include "rlp.h"

#include <string.h>

#define WRITER_FIRST_SIZE	8192

/* First bytes of the five forms (yellow paper, appendix B). */
#define SHORT_STRING	0x80
#define LONG_STRING		0xb7
#define SHORT_LIST		0xc0
#define LONG_LIST		0xf7
#define SHORT_MAX		55		/* longest payload of a short form */

static const uint8_t no_bytes[1] = {0};

void
rlp_writer_init(RlpWriter *writer, Arena *arena)
{
	memset(writer, 0, sizeof(*writer));
	writer->arena = arena;
}

void
rlp_writer_init_fixed(RlpWriter *writer, uint8_t *buffer, size_t size)
{
	memset(writer, 0, sizeof(*writer));
	writer->base = buffer;
	writer->end = writer->item_end = writer->pos = buffer + size;
}

void
rlp_writer_reset(RlpWriter *writer)
{
	writer->item_end = writer->pos = writer->end;
	writer->failed = false;
}

/*
 * Find room for `need` more bytes in a larger buffer.
 */
static bool
writer_grow(RlpWriter *writer, size_t need)
{
	size_t		have = writer->end - writer->base;
	size_t		item = writer->item_end - writer->pos;
	size_t		size = have < WRITER_FIRST_SIZE ? WRITER_FIRST_SIZE : have;
	uint8_t    *base;

	if (writer->arena == NULL || need > UINT32_MAX - item)
		return false;

	/* at least double what the item needs, so that a long one moves seldom */
	while (size < (item + need) * 2)
	{
		if (size > SIZE_MAX / 2)
			return false;
		size *= 2;
	}

	base = arena_alloc(writer->arena, size);
	if (base == NULL)
		return false;

	if (item > 0)
		memcpy(base + size - item, writer->pos, item);
	writer->base = base;
	writer->end = writer->item_end = base + size;
	writer->pos = writer->end - item;
	return true;
}

/*
 * Move the position down by `len` bytes, which the caller fills.  NULL when
 * the writer has failed.
 */
static inline uint8_t *
writer_take(RlpWriter *writer, size_t len)
{
	if (writer->failed)
		return NULL;
	if ((size_t) (writer->pos - writer->base) < len &&
		!writer_grow(writer, len))
	{
		writer->failed = true;
		return NULL;
	}
	writer->pos -= len;
	return writer->pos;
}

size_t
rlp_mark(const RlpWriter *writer)
{
	return writer->item_end - writer->pos;
}

/* How many bytes a big-endian integer has without leading zeros. */
static inline size_t
u64_len(uint64_t value)
{
	return value == 0 ? 0 : (size_t) (71 - __builtin_clzll(value)) / 8;
}

/* Write `len` big-endian bytes of a value. */
static inline void
put_be(uint8_t *out, uint64_t value, size_t len)
{
	while (len > 0)
	{
		out[--len] = (uint8_t) value;
		value >>= 8;
	}
}

/*
 * Put the header of a payload of `len` bytes; `short_form` and `long_form` are
 * the first bytes of a string's or a list's.
 */
static void
put_header(RlpWriter *writer, size_t len, uint8_t short_form,
		   uint8_t long_form)
{
	uint8_t    *out;
	size_t		len_len;

	if (len <= SHORT_MAX)
	{
		out = writer_take(writer, 1);
		if (out != NULL)
			out[0] = (uint8_t) (short_form + len);
		return;
	}

	len_len = u64_len(len);
	out = writer_take(writer, 1 + len_len);
	if (out == NULL)
		return;
	out[0] = (uint8_t) (long_form + len_len);
	put_be(out + 1, len, len_len);
}

void
rlp_list(RlpWriter *writer, size_t mark)
{
	size_t		written = rlp_mark(writer);

	if (writer->failed || mark > written)
	{
		writer->failed = true;
		return;
	}
	put_header(writer, written - mark, SHORT_LIST, LONG_LIST);
}

void
rlp_raw(RlpWriter *writer, const uint8_t *data, size_t len)
{
	uint8_t    *out;

	if (len == 0)
		return;
	out = writer_take(writer, len);
	if (out != NULL)
		memcpy(out, data, len);
}

void
rlp_raw_byte(RlpWriter *writer, uint8_t byte)
{
	uint8_t    *out = writer_take(writer, 1);

	if (out != NULL)
		out[0] = byte;
}

void
rlp_bytes(RlpWriter *writer, const uint8_t *data, size_t len)
{
	rlp_raw(writer, data, len);
	if (len == 1 && data[0] < SHORT_STRING)
		return;					/* such a byte is its own encoding */
	put_header(writer, len, SHORT_STRING, LONG_STRING);
}

void
rlp_u64(RlpWriter *writer, uint64_t value)
{
	size_t		len = u64_len(value);
	uint8_t    *out;

	if (value != 0 && value < SHORT_STRING)
	{
		rlp_raw_byte(writer, (uint8_t) value);
		return;
	}

	out = writer_take(writer, 1 + len);
	if (out == NULL)
		return;
	out[0] = (uint8_t) (SHORT_STRING + len);
	put_be(out + 1, value, len);
}

void
rlp_uint256(RlpWriter *writer, const Uint256 *value)
{
	uint8_t    *out;
	size_t		top_len;
	int			top = 3;

	while (top > 0 && value->word[top] == 0)
		top--;
	if (top == 0)
	{
		rlp_u64(writer, value->word[0]);
		return;
	}

	top_len = u64_len(value->word[top]);
	out = writer_take(writer, 1 + top_len + 8 * (size_t) top);
	if (out == NULL)
		return;
	*out++ = (uint8_t) (SHORT_STRING + top_len + 8 * (size_t) top);
	put_be(out, value->word[top], top_len);
	out += top_len;
	while (top-- > 0)
	{
		put_be(out, value->word[top], 8);
		out += 8;
	}
}

void
rlp_abandon(RlpWriter *writer)
{
	writer->pos = writer->item_end;
	writer->failed = false;
}

bool
rlp_finish(EvmBytes *item, RlpWriter *writer)
{
	size_t		len = rlp_mark(writer);

	if (writer->failed || len > UINT32_MAX)
	{
		rlp_abandon(writer);
		item->data = NULL;
		item->len = 0;
		return false;
	}

	item->data = len > 0 ? writer->pos : no_bytes;
	item->len = (uint32_t) len;
	writer->item_end = writer->pos;
	return true;
}

size_t
rlp_header_len(size_t len)
{
	return len <= SHORT_MAX ? 1 : 1 + u64_len(len);
}

size_t
rlp_index_key(uint8_t *out9, uint64_t index)
{
	size_t		len = u64_len(index);

	if (index != 0 && index < SHORT_STRING)
	{
		out9[0] = (uint8_t) index;
		return 1;
	}
	out9[0] = (uint8_t) (SHORT_STRING + len);
	put_be(out9 + 1, index, len);
	return 1 + len;
}

void
rlp_reader_init(RlpReader *reader, const uint8_t *data, size_t len)
{
	reader->pos = len > 0 ? data : no_bytes;
	reader->end = reader->pos + len;
}

bool
rlp_at_end(const RlpReader *reader)
{
	return reader->pos == reader->end;
}

/*
 * Read a long form's length of `len_len` bytes at `bytes`, of which `have` are
 * there.  False when truncated or not canonical.
 */
static bool
read_length(size_t *len, const uint8_t *bytes, size_t have, size_t len_len)
{
	uint64_t	value = 0;

	if (len_len > have || bytes[0] == 0)
		return false;
	for (size_t i = 0; i < len_len; i++)
		value = (value << 8) | bytes[i];
	if (value <= SHORT_MAX || value > SIZE_MAX)
		return false;
	*len = (size_t) value;
	return true;
}

bool
rlp_next(RlpItem *item, RlpReader *reader)
{
	const uint8_t *pos = reader->pos;
	size_t		have = reader->end - reader->pos;
	size_t		len;
	uint8_t		first;

	if (have == 0)
		return false;
	first = *pos;
	item->is_list = first >= SHORT_LIST;

	if (first < SHORT_STRING)
	{
		item->data = pos;
		item->len = 1;
		reader->pos = pos + 1;
		return true;
	}

	pos++;
	have--;
	if (first <= LONG_STRING)
		len = first - SHORT_STRING;
	else if (first >= SHORT_LIST && first <= LONG_LIST)
		len = first - SHORT_LIST;
	else
	{
		uint8_t		base = item->is_list ? LONG_LIST : LONG_STRING;
		size_t		len_len = first - base;

		if (!read_length(&len, pos, have, len_len))
			return false;
		pos += len_len;
		have -= len_len;
	}

	if (len > have)
		return false;
	if (!item->is_list && len == 1 && pos[0] < SHORT_STRING)
		return false;			/* should have been the byte itself */

	item->data = pos;
	item->len = len;
	reader->pos = pos + len;
	return true;
}

bool
rlp_next_list(RlpReader *inner, RlpReader *reader)
{
	RlpReader	after = *reader;
	RlpItem		item;

	if (!rlp_next(&item, &after) || !item.is_list)
		return false;
	rlp_reader_init(inner, item.data, item.len);
	*reader = after;
	return true;
}

bool
rlp_next_bytes(EvmBytes *out, RlpReader *reader)
{
	RlpReader	after = *reader;
	RlpItem		item;

	if (!rlp_next(&item, &after) || item.is_list || item.len > UINT32_MAX)
		return false;
	out->data = item.data;
	out->len = (uint32_t) item.len;
	*reader = after;
	return true;
}

bool
rlp_next_fixed(const uint8_t **out, RlpReader *reader, size_t len)
{
	RlpReader	after = *reader;
	RlpItem		item;

	if (!rlp_next(&item, &after) || item.is_list || item.len != len)
		return false;
	*out = item.data;
	*reader = after;
	return true;
}

bool
rlp_next_uint256(Uint256 *out, RlpReader *reader)
{
	RlpReader	after = *reader;
	RlpItem		item;

	if (!rlp_next(&item, &after) || item.is_list)
		return false;
	if (item.len > 0 && item.data[0] == 0)
		return false;
	if (!uint256_from_be(out, item.data, item.len))
		return false;
	*reader = after;
	return true;
}

bool
rlp_next_u64(uint64_t *out, RlpReader *reader)
{
	RlpReader	after = *reader;
	Uint256		value;

	if (!rlp_next_uint256(&value, &after) || !uint256_fits_u64(&value))
		return false;
	*out = value.word[0];
	*reader = after;
	return true;
}

bool
rlp_valid(const uint8_t *data, size_t len)
{
	const uint8_t *ends[RLP_DEPTH_MAX];
	RlpReader	reader;
	RlpItem		item;
	int			depth = 0;

	rlp_reader_init(&reader, data, len);
	if (!rlp_next(&item, &reader) || !rlp_at_end(&reader))
		return false;
	if (!item.is_list)
		return true;

	/* step into every list instead of over it, remembering where each ends */
	rlp_reader_init(&reader, item.data, item.len);
	ends[depth++] = reader.end;
	while (depth > 0)
	{
		reader.end = ends[depth - 1];
		if (rlp_at_end(&reader))
		{
			depth--;
			continue;
		}
		if (!rlp_next(&item, &reader))
			return false;
		if (!item.is_list || item.len == 0)
			continue;
		if (depth == RLP_DEPTH_MAX)
			return false;
		reader.pos = item.data;
		ends[depth++] = item.data + item.len;
	}
	return true;
}
