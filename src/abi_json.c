/*-------------------------------------------------------------------------
 *
 * abi_json.c
 *	  Decoded values as JSON text, and types as text.
 *
 *-------------------------------------------------------------------------
 */
#include "abi_json.h"

#include <stdio.h>
#include <string.h>

#include "hex.h"
#include "keccak.h"
#include "uint256.h"

#define NUMBER_BITS 48			/* wider integers are strings */

static bool put_value(AbiText *out, const AbiType *type,
					  const AbiValue *value, AbiError *error);

void
abi_checksum_digits(char *out40, const uint8_t *address20)
{
	uint8_t		hash[KECCAK256_SIZE];

	hexbytes_encode(out40, address20, 20);
	keccak256(hash, (const uint8_t *) out40, 40);
	for (int i = 0; i < 40; i++)
	{
		int			nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15;

		if (nibble >= 8 && out40[i] >= 'a')
			out40[i] = (char) (out40[i] - 'a' + 'A');
	}
}

static void
put_hex(AbiText *out, const uint8_t *bytes, size_t len)
{
	char	   *space = abi_text_space(out, 2 * len + 4);

	if (space == NULL)
		return;
	memcpy(space, "\"0x", 3);
	hexbytes_encode(space + 3, bytes, len);
	space[3 + 2 * len] = '"';
}

static void
put_address(AbiText *out, const uint8_t *address20)
{
	char	   *space = abi_text_space(out, 44);

	if (space == NULL)
		return;
	memcpy(space, "\"0x", 3);
	abi_checksum_digits(space + 3, address20);
	space[43] = '"';
}

/* The digits of a word with their sign; at most 79 characters. */
static size_t
word_digits(char *out, const AbiType *type, const uint8_t *word)
{
	bool		negative = (type->kind == ABI_INT || type->kind == ABI_FIXED) &&
	(word[0] & 0x80) != 0;
	uint8_t		magnitude[ABI_WORD];
	Uint256		value;
	unsigned	carry = 1;

	memcpy(magnitude, word, ABI_WORD);
	for (int i = ABI_WORD - 1; negative && i >= 0; i--)
	{
		carry += (uint8_t) ~word[i];
		magnitude[i] = (uint8_t) carry;
		carry >>= 8;
	}
	(void) uint256_from_be(&value, magnitude, ABI_WORD);
	if (negative)
		*out++ = '-';
	return uint256_to_decimal(out, &value) + (negative ? 1 : 0);
}

static void
put_integer(AbiText *out, const AbiType *type, const uint8_t *word)
{
	char		digits[80];
	size_t		len = word_digits(digits, type, word);
	bool		quoted = type->bits > NUMBER_BITS;

	if (quoted)
		abi_text_put(out, "\"", 1);
	abi_text_put(out, digits, len);
	if (quoted)
		abi_text_put(out, "\"", 1);
}

/* A decimal number with all the places of its type. */
static void
put_fixed(AbiText *out, const AbiType *type, const uint8_t *word)
{
	static const char zeros[] =
	"00000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000";
	char		text[80];
	size_t		len = word_digits(text, type, word);
	const char *digits = text;
	size_t		places = type->decimals;

	abi_text_put(out, "\"", 1);
	if (*digits == '-')
	{
		abi_text_put(out, digits++, 1);
		len--;
	}
	if (len > places)
	{
		abi_text_put(out, digits, len - places);
		digits += len - places;
		len = places;
	}
	else
		abi_text_put(out, "0", 1);
	if (places > 0)
	{
		abi_text_put(out, ".", 1);
		abi_text_put(out, zeros, places - len);
		abi_text_put(out, digits, len);
	}
	abi_text_put(out, "\"", 1);
}

static bool
put_string(AbiText *out, const AbiValue *value, AbiError *error)
{
	const char *text = (const char *) value->bytes;

	if (value->len > 0 && memchr(text, '\0', value->len) != NULL)
		return abi_fail(error, ABI_BAD_TEXT, "a string holds a NUL byte");
	if (abi_text_invalid_utf8(text, value->len) != value->len)
		return abi_fail(error, ABI_BAD_TEXT, "a string is not valid UTF-8");
	abi_text_put_quoted(out, text, value->len);
	return true;
}

static bool
put_members(AbiText *out, const AbiType *tuple, const AbiValue *values,
			bool as_object, AbiError *error)
{
	abi_text_put(out, as_object ? "{" : "[", 1);
	for (uint32_t i = 0; i < tuple->member_count; i++)
	{
		const AbiParam *member = &tuple->members[i];

		if (i > 0)
			abi_text_put(out, ", ", 2);
		if (as_object)
		{
			abi_text_put_quoted(out, member->key, strlen(member->key));
			abi_text_put(out, ": ", 2);
		}
		if (!put_value(out, member->type, &values[i], error))
			return false;
	}
	abi_text_put(out, as_object ? "}" : "]", 1);
	return true;
}

static bool
put_array(AbiText *out, const AbiType *type, const AbiValue *value,
		  AbiError *error)
{
	abi_text_put(out, "[", 1);
	for (size_t i = 0; i < value->len; i++)
	{
		if (i > 0)
			abi_text_put(out, ", ", 2);
		if (out->failed)
			return false;
		if (!put_value(out, type->element, &value->items[i], error))
			return false;
	}
	abi_text_put(out, "]", 1);
	return true;
}

static bool
put_value(AbiText *out, const AbiType *type, const AbiValue *value,
		  AbiError *error)
{
	if (value->hashed)
	{
		put_hex(out, value->bytes, ABI_WORD);
		return true;
	}
	switch (type->kind)
	{
		case ABI_UINT:
		case ABI_INT:
			put_integer(out, type, value->bytes);
			return true;
		case ABI_UFIXED:
		case ABI_FIXED:
			put_fixed(out, type, value->bytes);
			return true;
		case ABI_ADDRESS:
			put_address(out, value->bytes + 12);
			return true;
		case ABI_BOOL:
			abi_text_puts(out, value->bytes[ABI_WORD - 1] ? "true" : "false");
			return true;
		case ABI_BYTES_N:
			put_hex(out, value->bytes, type->bytes);
			return true;
		case ABI_FUNCTION:
			put_hex(out, value->bytes, 24);
			return true;
		case ABI_BYTES:
			put_hex(out, value->bytes, value->len);
			return true;
		case ABI_STRING:
			return put_string(out, value, error);
		case ABI_TUPLE:
			return put_members(out, type, value->items, type->named, error);
		default:
			return put_array(out, type, value, error);
	}
}

bool
abi_json_put(AbiText *out, const AbiType *tuple, const AbiValue *values,
			 bool as_object, AbiError *error)
{
	memset(error, 0, sizeof(*error));
	if (tuple->member_count > 0)
		as_object = tuple->named;
	if (!put_members(out, tuple, values, as_object, error) || out->failed)
		return abi_fail(error, ABI_NO_MEMORY,
						"out of memory, or the result is too long");
	return true;
}

/* ---- types ---- */

/* Puts a tuple's members' types, or the word "tuple" for a JSON ABI. */
static void
put_type(AbiText *out, const AbiType *type, bool expand)
{
	char		name[40];

	switch (type->kind)
	{
		case ABI_UINT:
		case ABI_INT:
			snprintf(name, sizeof(name), "%sint%u",
					 type->kind == ABI_UINT ? "u" : "", type->bits);
			break;
		case ABI_UFIXED:
		case ABI_FIXED:
			snprintf(name, sizeof(name), "%sfixed%ux%u",
					 type->kind == ABI_UFIXED ? "u" : "", type->bits,
					 type->decimals);
			break;
		case ABI_BYTES_N:
			snprintf(name, sizeof(name), "bytes%u", type->bytes);
			break;
		case ABI_ARRAY:
			put_type(out, type->element, expand);
			strcpy(name, "[]");
			break;
		case ABI_FIXED_ARRAY:
			put_type(out, type->element, expand);
			snprintf(name, sizeof(name), "[%llu]",
					 (unsigned long long) type->length);
			break;
		case ABI_TUPLE:
			if (!expand)
			{
				strcpy(name, "tuple");
				break;
			}
			abi_text_put(out, "(", 1);
			for (uint32_t i = 0; i < type->member_count; i++)
			{
				if (i > 0)
					abi_text_put(out, ",", 1);
				put_type(out, type->members[i].type, true);
			}
			strcpy(name, ")");
			break;
		default:
			strcpy(name, type->kind == ABI_ADDRESS ? "address" :
				   type->kind == ABI_BOOL ? "bool" :
				   type->kind == ABI_FUNCTION ? "function" :
				   type->kind == ABI_BYTES ? "bytes" : "string");
			break;
	}
	abi_text_puts(out, name);
}

void
abi_json_put_type(AbiText *out, const AbiType *type)
{
	put_type(out, type, true);
}

void
abi_json_put_inputs(AbiText *out, const AbiType *tuple)
{
	abi_text_put(out, "[", 1);
	for (uint32_t i = 0; i < tuple->member_count; i++)
	{
		const AbiParam *member = &tuple->members[i];
		const AbiType *base = member->type;

		abi_text_puts(out, i > 0 ? ", {\"name\": " : "{\"name\": ");
		abi_text_put_quoted(out, member->name, strlen(member->name));
		abi_text_puts(out, ", \"type\": \"");
		put_type(out, member->type, false);
		abi_text_puts(out, "\"");
		if (member->indexed)
			abi_text_puts(out, ", \"indexed\": true");
		while (base->kind == ABI_ARRAY || base->kind == ABI_FIXED_ARRAY)
			base = base->element;
		if (base->kind == ABI_TUPLE)
		{
			abi_text_puts(out, ", \"components\": ");
			abi_json_put_inputs(out, base);
		}
		abi_text_put(out, "}", 1);
	}
	abi_text_put(out, "]", 1);
}
