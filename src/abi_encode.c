/*-------------------------------------------------------------------------
 *
 * abi_encode.c
 *	  Encodes values as the Solidity ABI says, and makes them from text.
 *
 * Encoding goes over the values twice: to find the size, and to write.
 *
 *-------------------------------------------------------------------------
 */
#include "abi.h"

#include <string.h>

#include "abi_json.h"
#include "hex.h"
#include "uint256.h"

#define MAX_ENCODED ((uint64_t) 1 << 30)

static bool encoded_size(uint64_t *size, const AbiType *type,
						 const AbiValue *value, AbiError *error);
static size_t write_value(uint8_t *out, const AbiType *type,
						  const AbiValue *value);

/* ---- encoding ---- */

static const AbiType *
item_type(const AbiType *type, size_t i)
{
	return type->kind == ABI_TUPLE ? type->members[i].type : type->element;
}

static bool
too_large(AbiError *error)
{
	return abi_fail(error, ABI_TOO_MUCH, "the encoding is longer than 1 GB");
}

static bool
items_size(uint64_t *size, const AbiType *type, const AbiValue *items,
		   size_t count, AbiError *error)
{
	for (size_t i = 0; i < count; i++)
	{
		if (item_type(type, i)->dynamic)
			*size += ABI_WORD;
		if (!encoded_size(size, item_type(type, i), &items[i], error))
			return false;
	}
	return true;
}

/* Adds the bytes of a value's encoding to *size, its offset not counted. */
static bool
encoded_size(uint64_t *size, const AbiType *type, const AbiValue *value,
			 AbiError *error)
{
	if (*size > MAX_ENCODED)
		return too_large(error);
	switch (type->kind)
	{
		case ABI_BYTES:
		case ABI_STRING:
			if (value->len > MAX_ENCODED)
				return too_large(error);
			*size += ABI_WORD +
				((uint64_t) value->len + ABI_WORD - 1) / ABI_WORD * ABI_WORD;
			return true;
		case ABI_ARRAY:
			*size += ABI_WORD;
			break;
		case ABI_FIXED_ARRAY:
			if (value->len != type->length)
				return abi_fail(error, ABI_BAD_VALUE,
								"%zu items instead of %llu", value->len,
								(unsigned long long) type->length);
			break;
		case ABI_TUPLE:
			if (value->len != type->member_count)
				return abi_fail(error, ABI_BAD_VALUE,
								"%zu items instead of %u", value->len,
								(unsigned) type->member_count);
			break;
		default:
			*size += ABI_WORD;
			return true;
	}
	return items_size(size, type, value->items, value->len, error);
}

static void
write_size(uint8_t *word, uint64_t size)
{
	memset(word, 0, ABI_WORD);
	for (int i = 0; i < 8; i++)
		word[ABI_WORD - 1 - i] = (uint8_t) (size >> (8 * i));
}

/* Writes the items of a tuple or array; returns the bytes written. */
static size_t
write_items(uint8_t *out, const AbiType *type, const AbiValue *items,
			size_t count)
{
	size_t		head = 0;
	size_t		tail = 0;

	for (size_t i = 0; i < count; i++)
		tail += item_type(type, i)->head;
	for (size_t i = 0; i < count; i++)
	{
		const AbiType *item = item_type(type, i);

		if (item->dynamic)
		{
			write_size(out + head, tail);
			tail += write_value(out + tail, item, &items[i]);
		}
		else
			write_value(out + head, item, &items[i]);
		head += item->head;
	}
	return tail;
}

static size_t
write_value(uint8_t *out, const AbiType *type, const AbiValue *value)
{
	size_t		padded;

	switch (type->kind)
	{
		case ABI_BYTES:
		case ABI_STRING:
			padded = (value->len + ABI_WORD - 1) / ABI_WORD * ABI_WORD;
			write_size(out, value->len);
			if (value->len > 0)
				memcpy(out + ABI_WORD, value->bytes, value->len);
			memset(out + ABI_WORD + value->len, 0, padded - value->len);
			return ABI_WORD + padded;
		case ABI_ARRAY:
			write_size(out, value->len);
			return ABI_WORD + write_items(out + ABI_WORD, type, value->items,
										  value->len);
		case ABI_FIXED_ARRAY:
		case ABI_TUPLE:
			return write_items(out, type, value->items, value->len);
		default:
			memcpy(out, value->bytes, ABI_WORD);
			return ABI_WORD;
	}
}

bool
abi_encode(const uint8_t **out, size_t *out_len, Arena *arena,
		   const AbiType *tuple, const AbiValue *values,
		   const uint8_t *prefix, size_t prefix_len, AbiError *error)
{
	uint64_t	size = 0;
	uint8_t    *bytes;

	memset(error, 0, sizeof(*error));
	if (!items_size(&size, tuple, values, tuple->member_count, error))
		return false;
	if (size > MAX_ENCODED)
		return too_large(error);
	bytes = arena_alloc(arena, prefix_len + size);
	if (bytes == NULL)
		return abi_fail(error, ABI_NO_MEMORY, "out of memory");
	if (prefix_len > 0)
		memcpy(bytes, prefix, prefix_len);
	write_items(bytes + prefix_len, tuple, values, tuple->member_count);
	*out = bytes;
	*out_len = prefix_len + size;
	return true;
}

/* ---- values from text ---- */

static bool
bad_value(AbiError *error, const char *expected)
{
	return abi_fail(error, ABI_BAD_VALUE, "expected %s", expected);
}

static bool
out_of_range(AbiError *error)
{
	return abi_fail(error, ABI_OUT_OF_RANGE,
					"a value is out of its type's range");
}

/* value := value * 10 + digit; false when it does not fit. */
static bool
append_digit(Uint256 *value, unsigned digit)
{
	unsigned	__int128 carry = digit;

	for (int i = 0; i < 4; i++)
	{
		carry += (unsigned __int128) value->word[i] * 10;
		value->word[i] = (uint64_t) carry;
		carry >>= 64;
	}
	return carry == 0;
}

/*
 * Reads decimal digits, of which up to `decimals` after a point, as an
 * integer of the smallest unit.
 */
static bool
read_decimal(Uint256 *value, const char *text, size_t len, unsigned decimals,
			 AbiError *error)
{
	bool		point = false;
	size_t		digits = 0;
	unsigned	missing = decimals;

	memset(value, 0, sizeof(*value));
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] == '.' && !point && decimals > 0 && digits > 0 &&
			i + 1 < len)
		{
			point = true;
			continue;
		}
		if (text[i] < '0' || text[i] > '9')
			return bad_value(error, "a decimal number, as a number or text");
		digits++;
		if (point && missing == 0)
		{
			if (text[i] != '0')
				return abi_fail(error, ABI_OUT_OF_RANGE,
								"more than %u decimal places", decimals);
			continue;
		}
		if (!append_digit(value, (unsigned) (text[i] - '0')))
			return out_of_range(error);
		if (point)
			missing--;
	}
	if (digits == 0)
		return bad_value(error, "a decimal number, as a number or text");
	for (; missing > 0; missing--)
	{
		if (!append_digit(value, 0))
			return out_of_range(error);
	}
	return true;
}

/* Whether the magnitude fits: below 2^bits, or within a signed type's. */
static bool
magnitude_fits(const AbiType *type, const Uint256 *magnitude, bool negative)
{
	bool		is_signed = type->kind == ABI_INT || type->kind == ABI_FIXED;
	unsigned	bits = type->bits - (is_signed ? 1 : 0);
	bool		above = false;	/* a bit above bit `bits` */
	bool		at = false;		/* bit `bits` itself */
	bool		below = false;

	for (unsigned i = 0; i < 256; i++)
	{
		bool		bit = magnitude->word[i / 64] >> (i % 64) & 1;

		if (i < bits)
			below |= bit;
		else if (i == bits)
			at = bit;
		else
			above |= bit;
	}
	if (!negative)
		return !above && !at;
	if (!is_signed)
		return !above && !at && !below;
	return !above && !(at && below);
}

static void
negate(Uint256 *value)
{
	unsigned	__int128 carry = 1;

	for (int i = 0; i < 4; i++)
	{
		carry += ~value->word[i];
		value->word[i] = (uint64_t) carry;
		carry >>= 64;
	}
}

static bool
has_0x(const char *text, size_t len)
{
	return len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* An integer in hex; an odd number of digits is fine. */
static bool
read_hex_integer(Uint256 *value, const char *text, size_t len,
				 AbiError *error)
{
	char		padded[2 * ABI_WORD];
	uint8_t		bytes[ABI_WORD];

	if (len == 0 || len > sizeof(padded))
		return len == 0 ? bad_value(error, "hex digits after 0x") :
			out_of_range(error);
	memset(padded, '0', sizeof(padded));
	memcpy(padded + sizeof(padded) - len, text, len);
	if (!hexbytes_decode(bytes, padded, sizeof(padded)))
		return bad_value(error, "hex digits after 0x");
	return uint256_from_be(value, bytes, sizeof(bytes));
}

static bool
number_from_text(uint8_t *word, const AbiType *type, const char *text,
				 size_t len, AbiError *error)
{
	Uint256		value;
	bool		negative = len > 0 && text[0] == '-';

	if (type->kind <= ABI_INT && has_0x(text, len))
	{
		if (!read_hex_integer(&value, text + 2, len - 2, error))
			return false;
	}
	else if (!read_decimal(&value, text + negative, len - negative,
						   type->decimals, error))
		return false;
	if (!magnitude_fits(type, &value, negative))
		return out_of_range(error);
	if (negative)
		negate(&value);
	uint256_to_be(word, &value);
	return true;
}

/* Exactly `size` bytes in hex. */
static bool
fixed_from_text(uint8_t *out, size_t size, const char *text, size_t len,
				AbiError *error)
{
	if (!has_0x(text, len) || len != 2 + 2 * size ||
		!hexbytes_decode(out, text + 2, len - 2))
		return abi_fail(error, ABI_BAD_VALUE,
						"expected 0x and %zu hex digits", 2 * size);
	return true;
}

static bool
address_from_text(uint8_t *address20, const char *text, size_t len,
				  AbiError *error)
{
	char		checked[40];
	bool		lower = false;
	bool		upper = false;

	if (!fixed_from_text(address20, 20, text, len, error))
		return false;
	for (size_t i = 2; i < len; i++)
	{
		lower |= text[i] >= 'a' && text[i] <= 'f';
		upper |= text[i] >= 'A' && text[i] <= 'F';
	}
	abi_checksum_digits(checked, address20);
	if (lower && upper && memcmp(checked, text + 2, sizeof(checked)) != 0)
		return abi_fail(error, ABI_BAD_VALUE,
						"the checksum of an address is wrong");
	return true;
}

static bool
contents_from_text(AbiValue *value, Arena *arena, const AbiType *type,
				   const char *text, size_t len, AbiError *error)
{
	uint8_t    *bytes;

	if (type->kind == ABI_STRING)
	{
		value->bytes = (const uint8_t *) text;
		value->len = len;
		return true;
	}
	if (!has_0x(text, len) || len % 2 != 0)
		return bad_value(error, "0x and two hex digits a byte");
	bytes = arena_alloc(arena, len / 2 - 1);
	if (bytes == NULL)
		return abi_fail(error, ABI_NO_MEMORY, "out of memory");
	if (!hexbytes_decode(bytes, text + 2, len - 2))
		return bad_value(error, "0x and two hex digits a byte");
	value->bytes = bytes;
	value->len = len / 2 - 1;
	return true;
}

bool
abi_value_from_text(AbiValue *value, Arena *arena, const AbiType *type,
					const char *text, size_t len, AbiError *error)
{
	uint8_t    *word;

	memset(value, 0, sizeof(*value));
	if (type->kind == ABI_BYTES || type->kind == ABI_STRING)
		return contents_from_text(value, arena, type, text, len, error);
	if (!abi_is_word(type))
		return bad_value(error, "an array or an object");
	word = arena_alloc(arena, ABI_WORD);
	if (word == NULL)
		return abi_fail(error, ABI_NO_MEMORY, "out of memory");
	memset(word, 0, ABI_WORD);
	value->bytes = word;
	value->len = ABI_WORD;
	switch (type->kind)
	{
		case ABI_ADDRESS:
			return address_from_text(word + 12, text, len, error);
		case ABI_BOOL:
			if (len == 4 && memcmp(text, "true", 4) == 0)
				word[ABI_WORD - 1] = 1;
			else if (len != 5 || memcmp(text, "false", 5) != 0)
				return bad_value(error, "true or false");
			return true;
		case ABI_BYTES_N:
			return fixed_from_text(word, type->bytes, text, len, error);
		case ABI_FUNCTION:
			return fixed_from_text(word, 24, text, len, error);
		default:
			return number_from_text(word, type, text, len, error);
	}
}
