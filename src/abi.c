/*-------------------------------------------------------------------------
 *
 * abi.c
 *	  Decodes what the Solidity ABI encodes.
 *
 * A tuple, an array and the parameters of a call are each a frame: first the
 * heads of their members, where static values stand and dynamic ones have an
 * offset from the frame's begin, then the tails that the offsets point to.
 * Recursion is as deep as the type, which its parser bounds.
 *
 *-------------------------------------------------------------------------
 */
#include "abi.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Decoder
{
	Arena	   *arena;
	const uint8_t *data;
	size_t		len;
	uint64_t	budget;
	bool		strict;
	AbiError   *error;
	const AbiValue *top;		/* the values of the outermost frame */
	uint64_t	member;			/* which is being decoded, once one is */
} Decoder;

/* The members of a frame: a tuple's, or `count` elements. */
typedef struct Frame
{
	const AbiParam *members;
	const AbiType *element;
	uint64_t	count;
	bool		skip_indexed;
} Frame;

static bool decode_value(Decoder *decoder, const AbiType *type, size_t pos,
						 AbiValue *value, size_t *end);

bool
abi_fail(AbiError *error, AbiStatus status, const char *fmt,...)
{
	va_list		args;

	if (error->status != ABI_OK)
		return false;
	error->status = status;
	va_start(args, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	/* a name that was cut must not end within a character */
	if (strlen(error->message) == sizeof(error->message) - 1)
	{
		size_t		at = sizeof(error->message) - 1;

		while (at > 0 && (error->message[at - 1] & 0xc0) == 0x80)
			at--;
		if (at > 0 && (error->message[at - 1] & 0x80) != 0)
			at--;
		error->message[at] = '\0';
	}
	return false;
}

bool
abi_is_word(const AbiType *type)
{
	return type->kind < ABI_BYTES;
}

/* Takes `cost` bytes, and a word for the value itself, from the budget. */
static bool
charge(Decoder *decoder, uint64_t cost)
{
	if (cost > decoder->budget || decoder->budget - cost < ABI_WORD)
		return abi_fail(decoder->error, ABI_TOO_MUCH,
						"offsets multiply the data too often");
	decoder->budget -= cost + ABI_WORD;
	return true;
}

static bool
truncated(Decoder *decoder)
{
	return abi_fail(decoder->error, ABI_TRUNCATED,
					"an offset or length points beyond the %zu bytes of data",
					decoder->len);
}

static bool
all_bytes(const uint8_t *bytes, size_t len, uint8_t wanted)
{
	for (size_t i = 0; i < len; i++)
	{
		if (bytes[i] != wanted)
			return false;
	}
	return true;
}

/* Whether a word is a value of the type. */
static bool
word_in_range(const AbiType *type, const uint8_t *word)
{
	size_t		unused;

	switch (type->kind)
	{
		case ABI_UINT:
		case ABI_UFIXED:
			return all_bytes(word, ABI_WORD - type->bits / 8, 0);
		case ABI_INT:
		case ABI_FIXED:
			unused = ABI_WORD - type->bits / 8;
			return all_bytes(word, unused, word[unused] & 0x80 ? 0xff : 0);
		case ABI_ADDRESS:
			return all_bytes(word, ABI_WORD - 20, 0);
		case ABI_BOOL:
			return all_bytes(word, ABI_WORD - 1, 0) && word[ABI_WORD - 1] <= 1;
		case ABI_BYTES_N:
			return all_bytes(word + type->bytes, ABI_WORD - type->bytes, 0);
		case ABI_FUNCTION:
			return all_bytes(word + 24, ABI_WORD - 24, 0);
		default:
			return false;
	}
}

static bool
decode_word(Decoder *decoder, const AbiType *type, const uint8_t *word,
			AbiValue *value)
{
	if (!word_in_range(type, word))
		return abi_fail(decoder->error, ABI_OUT_OF_RANGE,
						"a value is out of its type's range");
	value->bytes = word;
	value->len = ABI_WORD;
	return true;
}

/* Reads an offset or a length at `pos`, which is at most `limit`. */
static bool
read_size(Decoder *decoder, size_t pos, size_t limit, size_t *size)
{
	const uint8_t *word = decoder->data + pos;
	uint64_t	number = 0;

	if (pos > decoder->len || decoder->len - pos < ABI_WORD)
		return truncated(decoder);
	if (!all_bytes(word, ABI_WORD - 8, 0))
		return truncated(decoder);
	for (int i = ABI_WORD - 8; i < ABI_WORD; i++)
		number = number << 8 | word[i];
	if (number > limit)
		return truncated(decoder);
	*size = (size_t) number;
	return true;
}

static const AbiType *
frame_type(const Frame *frame, uint64_t i)
{
	return frame->element != NULL ? frame->element : frame->members[i].type;
}

static bool
frame_skips(const Frame *frame, uint64_t i)
{
	return frame->skip_indexed && frame->members[i].indexed;
}

/* The bytes of a frame's heads; UINT64_MAX: more than that. */
static uint64_t
frame_heads(const Frame *frame)
{
	uint64_t	total = 0;

	if (frame->element != NULL)
		return __builtin_mul_overflow(frame->count, frame->element->head,
									  &total) ? UINT64_MAX : total;
	for (uint64_t i = 0; i < frame->count; i++)
	{
		if (!frame_skips(frame, i) &&
			__builtin_add_overflow(total, frame->members[i].type->head,
								   &total))
			return UINT64_MAX;
	}
	return total;
}

/*
 * Decodes the members of a frame that begins at `base`.  *end is where its
 * last tail ends; it means something in strict mode only.
 */
static bool
decode_frame(Decoder *decoder, const Frame *frame, size_t base,
			 AbiValue *values, size_t *end)
{
	uint64_t	heads = frame_heads(frame);
	size_t		pos = base;
	size_t		ignored;

	if (base > decoder->len || heads > decoder->len - base)
		return values != decoder->top ? truncated(decoder) :
			abi_fail(decoder->error, ABI_TRUNCATED,
					 "%zu bytes of data are too few", decoder->len);
	*end = base + heads;
	for (uint64_t i = 0; i < frame->count; i++)
	{
		const AbiType *type = frame_type(frame, i);
		size_t		offset;

		if (frame_skips(frame, i))
			continue;
		if (values == decoder->top)
			decoder->member = i;
		if (!type->dynamic)
		{
			if (!decode_value(decoder, type, pos, &values[i], &ignored))
				return false;
		}
		else
		{
			if (!read_size(decoder, pos, decoder->len - base, &offset))
				return false;
			if (decoder->strict && base + offset != *end)
				return abi_fail(decoder->error, ABI_NOT_CANONICAL,
								"an offset is not the canonical one");
			if (!decode_value(decoder, type, base + offset, &values[i], end))
				return false;
		}
		pos += type->head;
	}
	return true;
}

/* Makes the items of an array or tuple and decodes them. */
static bool
decode_items(Decoder *decoder, const Frame *frame, size_t base,
			 AbiValue *value, size_t *end)
{
	/* each will be charged a word: what cannot be paid is not allocated */
	if (frame->count > decoder->budget / ABI_WORD)
		return charge(decoder, UINT64_MAX);
	value->len = (size_t) frame->count;
	value->items = arena_alloc_array(decoder->arena, value->len,
									 sizeof(AbiValue));
	if (value->items == NULL)
		return abi_fail(decoder->error, ABI_NO_MEMORY, "out of memory");
	memset(value->items, 0, value->len * sizeof(AbiValue));
	if (frame->count == 0 && !charge(decoder, 0))
		return false;
	return decode_frame(decoder, frame, base, value->items, end);
}

/* bytes and string: a length, then the contents, padded to whole words. */
static bool
decode_contents(Decoder *decoder, size_t pos, AbiValue *value, size_t *end)
{
	size_t		left = decoder->len - pos;
	size_t		padding;

	if (!read_size(decoder, pos, left < ABI_WORD ? 0 : left - ABI_WORD,
				   &value->len) ||
		!charge(decoder, value->len))
		return false;
	value->bytes = decoder->data + pos + ABI_WORD;
	padding = (ABI_WORD - value->len % ABI_WORD) % ABI_WORD;
	if (decoder->strict &&
		(padding > left - ABI_WORD - value->len ||
		 !all_bytes(value->bytes + value->len, padding, 0)))
		return abi_fail(decoder->error, ABI_NOT_CANONICAL,
						"padding is not zero");
	*end = pos + ABI_WORD + value->len + padding;
	return true;
}

static bool
decode_array(Decoder *decoder, const AbiType *type, size_t pos,
			 AbiValue *value, size_t *end)
{
	Frame		frame = {NULL, type->element, 0, false};
	uint64_t	head = type->element->head;
	size_t		left;
	size_t		count;

	/* of elements without size any number is possible; the budget bounds it */
	if (!read_size(decoder, pos, SIZE_MAX, &count) || !charge(decoder, 0))
		return false;
	left = decoder->len - pos - ABI_WORD;
	if (head > 0 && count > left / head)
		return truncated(decoder);
	frame.count = count;
	return decode_items(decoder, &frame, pos + ABI_WORD, value, end);
}

/* Decodes the value whose encoding begins at `pos`. */
static bool
decode_value(Decoder *decoder, const AbiType *type, size_t pos,
			 AbiValue *value, size_t *end)
{
	Frame		frame = {type->members, type->element, 0, false};

	switch (type->kind)
	{
		case ABI_BYTES:
		case ABI_STRING:
			return decode_contents(decoder, pos, value, end);
		case ABI_ARRAY:
			return decode_array(decoder, type, pos, value, end);
		case ABI_FIXED_ARRAY:
			frame.count = type->length;
			return decode_items(decoder, &frame, pos, value, end);
		case ABI_TUPLE:
			frame.count = type->member_count;
			return decode_items(decoder, &frame, pos, value, end);
		default:
			*end = pos + ABI_WORD;
			return charge(decoder, 0) &&
				decode_word(decoder, type, decoder->data + pos, value);
	}
}

/* Says of which parameter an error is, counted from 1; always false. */
static bool
fail_at(AbiError *error, uint64_t member)
{
	AbiError	inner = *error;

	memset(error, 0, sizeof(*error));
	return abi_fail(error, inner.status, "parameter %llu: %s",
					(unsigned long long) member + 1, inner.message);
}

static bool
decode_members(AbiValue *values, Arena *arena, const AbiType *tuple,
			   bool skip_indexed, const uint8_t *data, size_t len,
			   bool strict, AbiError *error)
{
	static const uint8_t nothing[1];
	Decoder		decoder = {arena, len > 0 ? data : nothing, len,
	ABI_BUDGET(len), strict, error, values, UINT64_MAX};
	Frame		frame = {tuple->members, NULL, tuple->member_count,
	skip_indexed};
	size_t		end;

	if (!decode_frame(&decoder, &frame, 0, values, &end))
		return decoder.member != UINT64_MAX && fail_at(error, decoder.member);
	if (strict && end != len)
		return abi_fail(error, ABI_NOT_CANONICAL,
						"there is more data than the types need");
	return true;
}

bool
abi_decode(AbiValue *values, Arena *arena, const AbiType *tuple,
		   const uint8_t *data, size_t len, bool strict, AbiError *error)
{
	memset(error, 0, sizeof(*error));
	if (tuple->member_count > 0)
		memset(values, 0, tuple->member_count * sizeof(AbiValue));
	return decode_members(values, arena, tuple, false, data, len, strict,
						  error);
}

bool
abi_decode_event(AbiValue *values, Arena *arena, const AbiEntry *event,
				 const uint8_t *const *topics32, uint32_t topic_count,
				 const uint8_t *data, size_t len, bool strict,
				 AbiError *error)
{
	const AbiType *inputs = event->inputs;
	Decoder		decoder = {arena, data, len, 0, strict, error, NULL, 0};
	uint32_t	next = event->anonymous ? 0 : 1;

	memset(error, 0, sizeof(*error));
	if (topic_count != event->indexed_count + next)
		return abi_fail(error, ABI_NO_MATCH,
						"the log has %u topics, the event %u",
						(unsigned) topic_count,
						(unsigned) (event->indexed_count + next));
	if (!event->anonymous && memcmp(topics32[0], event->hash, 32) != 0)
		return abi_fail(error, ABI_NO_MATCH,
						"the log's first topic is not the event's");
	if (inputs->member_count > 0)
		memset(values, 0, inputs->member_count * sizeof(AbiValue));
	for (uint32_t i = 0; i < inputs->member_count; i++)
	{
		if (!inputs->members[i].indexed)
			continue;
		values[i].bytes = topics32[next];
		values[i].len = ABI_WORD;
		if (!abi_is_word(inputs->members[i].type))
			values[i].hashed = true;
		else if (!decode_word(&decoder, inputs->members[i].type,
							  topics32[next], &values[i]))
			return fail_at(error, i);
		next++;
	}
	return decode_members(values, arena, inputs, true, data, len, strict,
						  error);
}
