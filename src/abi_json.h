/*-------------------------------------------------------------------------
 *
 * abi_json.h
 *	  Decoded values as JSON text.
 *
 *	address			"0x…", with its EIP-55 checksum
 *	bytes, bytesN	"0x…", in lower case; function likewise, 24 bytes
 *	bool			true, false
 *	string			a string
 *	integers		of types of up to 48 bits a number, of wider ones a string
 *	fixed			a string with all decimal places of the type
 *	arrays			arrays
 *	tuples			objects; arrays where no member has a name
 *	hashed			"0x…", the 32 bytes of the topic
 *
 * In an object a member without a name has its position, counted from 0, and
 * a name that was there before gets "_2", "_3" and so on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ABI_JSON_H
#define CHAINSYNC_ABI_JSON_H

#include "abi.h"
#include "abi_text.h"

/* The 40 digits of an address with its EIP-55 checksum. */
extern void abi_checksum_digits(char *out40, const uint8_t *address20);

/*
 * Appends the values of a tuple's members.  A tuple without members gives {}
 * when `as_object` is set, else [].  ABI_BAD_TEXT for a string with a NUL
 * byte or that is not UTF-8: JSON of PostgreSQL can hold neither.
 */
extern bool abi_json_put(AbiText *out, const AbiType *tuple,
						 const AbiValue *values, bool as_object,
						 AbiError *error);

/* Appends a tuple's members as the "inputs" of a JSON ABI. */
extern void abi_json_put_inputs(AbiText *out, const AbiType *tuple);

/* Appends a type as a canonical signature has it: (uint256,string)[] */
extern void abi_json_put_type(AbiText *out, const AbiType *type);

#endif							/* CHAINSYNC_ABI_JSON_H */
