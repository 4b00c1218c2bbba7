/*-------------------------------------------------------------------------
 *
 * hex_sql.c
 *	  SQL functions for hex, addresses and the version.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <json-c/json_c_version.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "abi_json.h"
#include "hex.h"

PG_FUNCTION_INFO_V1(chainsync_hex);
PG_FUNCTION_INFO_V1(chainsync_unhex);
PG_FUNCTION_INFO_V1(chainsync_address);
PG_FUNCTION_INFO_V1(chainsync_checksum_address);
PG_FUNCTION_INFO_V1(chainsync_version);

#define ADDRESS_SIZE 20

/*
 * hex(bytea): '0x' and lower-case digits.
 */
Datum
chainsync_hex(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);
	Size		len = VARSIZE_ANY_EXHDR(value);
	text	   *result;

	if (len > (MaxAllocSize - VARHDRSZ - 2) / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of %zu bytes is too long for hex", len)));
	result = palloc(VARHDRSZ + 2 + 2 * len);
	SET_VARSIZE(result, VARHDRSZ + 2 + 2 * len);
	memcpy(VARDATA(result), "0x", 2);
	hexbytes_encode(VARDATA(result) + 2, (uint8 *) VARDATA_ANY(value), len);
	PG_RETURN_TEXT_P(result);
}

/* Skips an optional 0x in front. */
static const char *
hex_digits(text *value, Size *len)
{
	const char *digits = VARDATA_ANY(value);

	*len = VARSIZE_ANY_EXHDR(value);
	if (*len >= 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
	{
		*len -= 2;
		return digits + 2;
	}
	return digits;
}

/*
 * unhex(text): strict.
 */
Datum
chainsync_unhex(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *digits = hex_digits(PG_GETARG_TEXT_PP(0), &len);
	bytea	   *result;

	if (len % 2 != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid hex: odd number of digits"),
				 errdetail("There are %zu digits.", len)));
	result = palloc(VARHDRSZ + len / 2);
	SET_VARSIZE(result, VARHDRSZ + len / 2);
	if (!hexbytes_decode((uint8 *) VARDATA(result), digits, len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid hex: not a hexadecimal digit")));
	PG_RETURN_BYTEA_P(result);
}

static bool
is_mixed_case(const char *digits, Size len)
{
	bool		lower = false;
	bool		upper = false;

	for (Size i = 0; i < len; i++)
	{
		lower |= digits[i] >= 'a' && digits[i] <= 'f';
		upper |= digits[i] >= 'A' && digits[i] <= 'F';
	}
	return lower && upper;
}

/*
 * address(text): 20 bytes.
 */
Datum
chainsync_address(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *digits = hex_digits(PG_GETARG_TEXT_PP(0), &len);
	bytea	   *result = palloc(VARHDRSZ + ADDRESS_SIZE);
	char		wanted[2 * ADDRESS_SIZE];

	SET_VARSIZE(result, VARHDRSZ + ADDRESS_SIZE);
	if (len != 2 * ADDRESS_SIZE ||
		!hexbytes_decode((uint8 *) VARDATA(result), digits,
						 2 * ADDRESS_SIZE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid address"),
				 errdetail("An address is 40 hexadecimal digits, with 0x in "
						   "front or not.")));
	abi_checksum_digits(wanted, (uint8 *) VARDATA(result));
	if (is_mixed_case(digits, len) && memcmp(wanted, digits, len) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid address: its checksum is wrong"),
				 errdetail("With its EIP-55 checksum it is 0x%.40s.", wanted),
				 errhint("Compare it with where it was copied from; all "
						 "lower-case it is not checked.")));
	PG_RETURN_BYTEA_P(result);
}

/*
 * checksum_address(bytea): text with its EIP-55 checksum.
 */
Datum
chainsync_checksum_address(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);
	char		digits[2 * ADDRESS_SIZE + 3] = "0x";

	if (VARSIZE_ANY_EXHDR(value) != ADDRESS_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an address has 20 bytes, not %d",
						(int) VARSIZE_ANY_EXHDR(value))));
	abi_checksum_digits(digits + 2, (uint8 *) VARDATA_ANY(value));
	digits[2 * ADDRESS_SIZE + 2] = '\0';
	PG_RETURN_TEXT_P(cstring_to_text(digits));
}

/*
 * version(): of the loaded library and what it was built with.
 */
Datum
chainsync_version(PG_FUNCTION_ARGS)
{
	char	   *result = psprintf("chainsync %s, PostgreSQL %s, %s, json-c %s",
								  CHAINSYNC_VERSION, PG_VERSION,
								  curl_version_info(CURLVERSION_NOW)->ssl_version ?
								  psprintf("libcurl %s (%s)",
										   curl_version_info(CURLVERSION_NOW)->version,
										   curl_version_info(CURLVERSION_NOW)->ssl_version) :
								  psprintf("libcurl %s",
										   curl_version_info(CURLVERSION_NOW)->version),
								  json_c_version());

	PG_RETURN_TEXT_P(cstring_to_text(result));
}
