/*-------------------------------------------------------------------------
 *
 * extra.c
 *	  Reading chain-specific members, which are kept as their JSON text.
 *
 *-------------------------------------------------------------------------
 */
#include "extra.h"

#include <string.h>

#include "hex.h"

/* The member's JSON text; EXTRA_ABSENT also for null. */
static ExtraStatus
find(const char **json, size_t *len, const EvmExtras *extras,
	 const char *name)
{
	for (uint32_t i = 0; i < extras->count; i++)
	{
		const EvmExtra *item = &extras->items[i];

		if (strcmp(item->name, name) != 0)
			continue;
		if (item->json_len == 4 && memcmp(item->json, "null", 4) == 0)
			return EXTRA_ABSENT;
		*json = item->json;
		*len = item->json_len;
		return EXTRA_OK;
	}
	return EXTRA_ABSENT;
}

/* The digits of a member whose text is "0x" and digits. */
static ExtraStatus
find_digits(const char **digits, size_t *count, const EvmExtras *extras,
			const char *name)
{
	const char *json;
	size_t		len;
	ExtraStatus status = find(&json, &len, extras, name);

	if (status != EXTRA_OK)
		return status;
	if (len < 4 || memcmp(json, "\"0x", 3) != 0 || json[len - 1] != '"')
		return EXTRA_BAD;
	*digits = json + 3;
	*count = len - 4;
	return EXTRA_OK;
}

ExtraStatus
extra_fixed(uint8_t *out, const EvmExtras *extras, const char *name,
			size_t len)
{
	const char *digits;
	size_t		count;
	ExtraStatus status = find_digits(&digits, &count, extras, name);

	if (status != EXTRA_OK)
		return status;
	if (count != 2 * len || !hexbytes_decode(out, digits, count))
		return EXTRA_BAD;
	return EXTRA_OK;
}

ExtraStatus
extra_uint256(Uint256 *out, const EvmExtras *extras, const char *name)
{
	const char *digits;
	char		even[64];
	uint8_t		bytes[32];
	size_t		count;
	ExtraStatus status = find_digits(&digits, &count, extras, name);

	if (status != EXTRA_OK)
		return status;
	if (count == 0 || count > 64 || (digits[0] == '0' && count > 1))
		return EXTRA_BAD;

	/* a quantity may have an odd number of digits */
	even[0] = '0';
	memcpy(even + count % 2, digits, count);
	count += count % 2;
	if (!hexbytes_decode(bytes, even, count) ||
		!uint256_from_be(out, bytes, count / 2))
		return EXTRA_BAD;
	return EXTRA_OK;
}

ExtraStatus
extra_u64(uint64_t *out, const EvmExtras *extras, const char *name)
{
	Uint256		value;
	ExtraStatus status = extra_uint256(&value, extras, name);

	if (status != EXTRA_OK)
		return status;
	if (!uint256_fits_u64(&value))
		return EXTRA_BAD;
	*out = value.word[0];
	return EXTRA_OK;
}

ExtraStatus
extra_bool(bool *out, const EvmExtras *extras, const char *name)
{
	const char *json;
	size_t		len;
	ExtraStatus status = find(&json, &len, extras, name);

	if (status != EXTRA_OK)
		return status;
	*out = len == 4 && memcmp(json, "true", 4) == 0;
	if (!*out && !(len == 5 && memcmp(json, "false", 5) == 0))
		return EXTRA_BAD;
	return EXTRA_OK;
}
