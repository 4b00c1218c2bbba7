/*-------------------------------------------------------------------------
 *
 * abi_sql.h
 *	  Between the ABI's modules, which know nothing of PostgreSQL, and SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ABI_SQL_H
#define CHAINSYNC_ABI_SQL_H

#include "abi.h"
#include "abi_registry.h"
#include "abi_text.h"

struct JsonbContainer;

/* An arena that is gone with the current memory context at the latest. */
extern Arena *abi_arena_create(size_t limit);

/* The error as an ereport, "what: message"; does not return. */
extern void abi_report(const AbiError *error, const char *what)
			pg_attribute_noreturn();

extern bytea * abi_bytea(const uint8_t *bytes, size_t len);

/* A jsonb of JSON in UTF-8. */
extern Datum abi_jsonb(const AbiText *json);

/* {"name": …, "signature": …, "args": …}; false when it has no JSON form. */
extern bool abi_decoded_jsonb(Datum *result, Arena *arena,
							  const AbiDecoded *decoded);

/* The values of a tuple's members as jsonb; false when they have no form. */
extern bool abi_values_jsonb(Datum *result, Arena *arena,
							 const AbiType *tuple, const AbiValue *values,
							 bool as_object, AbiError *error);

/* A text[] as a jsonb array of strings; an error for nulls. */
extern Datum abi_lines_to_jsonb(ArrayType *lines);

/*
 * The values of a tuple's members from a jsonb array or object, see
 * abi_json.h; numbers of any size are read exactly.
 */
extern bool abi_values_from_jsonb(AbiValue *values, Arena *arena,
								  const AbiType *tuple,
								  struct JsonbContainer *container,
								  AbiError *error);

#endif							/* CHAINSYNC_ABI_SQL_H */
