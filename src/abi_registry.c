/*-------------------------------------------------------------------------
 *
 * abi_registry.c
 *	  The ABIs of schema chainsync: registering them, reading them, and the
 *	  choice among them.
 *
 * Table abis has what was registered, abi_entries one row a function, event
 * and error.  A row of the user's hides the shipped one of the same name; if
 * it has no ABI, the name is switched off.  What is read is read with the
 * caller's rights.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "abi_build.h"
#include "abi_json.h"
#include "abi_parse.h"
#include "abi_registry.h"
#include "abi_sql.h"
#include "grant.h"
#include "identity.h"
#include "keccak.h"
#include "spi_util.h"

PG_FUNCTION_INFO_V1(chainsync_register_abi);
PG_FUNCTION_INFO_V1(chainsync_register_abi_lines);
PG_FUNCTION_INFO_V1(chainsync_register_abi_text);
PG_FUNCTION_INFO_V1(chainsync_ship_abi);
PG_FUNCTION_INFO_V1(chainsync_as_abi_admin);

#define MAX_ABI_BYTES (16 * 1024 * 1024)
#define PARSE_MEMORY (256 * 1024 * 1024)
#define MAX_CACHED 10000		/* keys of one registry */

/* What tells one snapshot from another. */
typedef struct SnapshotKey
{
	TimestampTz transaction;
	SubTransactionId subtransaction;
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	command;
} SnapshotKey;

struct AbiRegistry
{
	MemoryContext context;
	SnapshotKey key;
	HTAB	   *cache;
	Arena		arena;
};

typedef struct CacheEntry
{
	uint8		key[KECCAK256_SIZE];
	AbiCandidates found;
} CacheEntry;

static const char *const kind_names[] = {"function", "event", "error"};

/* ---- registering ---- */

static void
insert_entry(const char *abi, bool shipped, int ordinal,
			 const AbiEntry *entry, Arena *arena)
{
	static Oid	types[] = {TEXTOID, BOOLOID, INT4OID, TEXTOID, TEXTOID,
		TEXTOID, BYTEAOID, BYTEAOID, JSONBOID, INT4OID, BOOLOID
	};
	bool		is_event = entry->kind == ABI_ENTRY_EVENT;
	bool		has_topic = is_event && !entry->anonymous;
	char		nulls[] = "           ";
	Datum		values[lengthof(types)];
	bytea	   *hash = abi_bytea(entry->hash, is_event ? 32 : 4);
	AbiText		inputs;

	abi_text_init(&inputs, arena, MaxAllocSize / 4);
	abi_json_put_inputs(&inputs, entry->inputs);
	if (inputs.failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	values[0] = CStringGetTextDatum(abi);
	values[1] = BoolGetDatum(shipped);
	values[2] = Int32GetDatum(ordinal);
	values[3] = CStringGetTextDatum(kind_names[entry->kind]);
	values[4] = CStringGetTextDatum(entry->name);
	values[5] = CStringGetTextDatum(entry->signature);
	values[6] = PointerGetDatum(hash);
	nulls[6] = has_topic ? ' ' : 'n';
	values[7] = PointerGetDatum(hash);
	nulls[7] = is_event ? 'n' : ' ';
	values[8] = abi_jsonb(&inputs);
	values[9] = Int32GetDatum((int32) entry->indexed_count);
	values[10] = BoolGetDatum(entry->anonymous);
	if (SPI_execute_with_args("INSERT INTO chainsync.abi_entries (abi, "
							  "shipped, ordinal, kind, name, signature, topic0, "
							  "selector, inputs, indexed_count, anonymous) "
							  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
							  "$10, $11)", lengthof(types), types, values,
							  nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into chainsync.abi_entries");
}

static void
replace_rows(const char *name, Datum abi, bool shipped,
			 const AbiDefinition *definition, Arena *arena)
{
	Oid			types[] = {TEXTOID, BOOLOID, JSONBOID};
	Datum		values[] = {CStringGetTextDatum(name), BoolGetDatum(shipped),
	abi};

	if (SPI_execute_with_args("DELETE FROM chainsync.abis WHERE "
							  "name OPERATOR(pg_catalog.=) $1 AND "
							  "shipped OPERATOR(pg_catalog.=) $2", 2, types,
							  values, NULL, false, 0) != SPI_OK_DELETE ||
		SPI_execute_with_args("INSERT INTO chainsync.abis (name, shipped, "
							  "abi) VALUES ($1, $2, $3)", 3, types, values, NULL,
							  false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not change chainsync.abis");
	for (uint32 i = 0; i < definition->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		insert_entry(name, shipped, (int) i + 1, &definition->entries[i],
					 arena);
	}
}

/* Parses and stores an ABI; SPI connected.  Returns its entries' number. */
static int
store_abi(const char *name, Jsonb *abi, bool shipped)
{
	Arena	   *arena = abi_arena_create(PARSE_MEMORY);
	AbiDefinition definition;
	AbiError	error;
	char	   *text = JsonbToCString(NULL, &abi->root, VARSIZE(abi));
	char	   *utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);

	if (*name == '\0' || strlen(name) > ABI_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of an ABI must have 1 to %d bytes",
						ABI_MAX_NAME)));
	if (strlen(utf8) > MAX_ABI_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an ABI must not be longer than %d bytes",
						MAX_ABI_BYTES)));
	if (!abi_parse_json(&definition, arena, utf8, strlen(utf8), &error))
		abi_report(&error, psprintf("invalid ABI \"%s\"", name));
	if (definition.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid ABI \"%s\": it has no function, event or "
						"error", name)));
	if (definition.skipped > 0)
		ereport(WARNING,
				(errmsg("%u functions of ABI \"%s\" were left out",
						definition.skipped, name),
				 errdetail("Function \"%s\" has a parameter of a type that no "
						   "ABI encodes, as libraries can have.",
						   definition.first_skipped)));
	replace_rows(name, JsonbPGetDatum(abi), shipped, &definition, arena);
	arena_destroy(arena);
	return (int) definition.count;
}

/* For whoever is admin of all chains, as the extension's owner. */
static int
store_as_owner(const char *name, Jsonb *abi)
{
	Identity	saved;
	int			count;

	identity_spi_connect();
	grant_require(0, NULL, GRANT_ADMIN);
	identity_become_extension_owner(&saved);
	count = store_abi(name, abi, false);
	identity_restore(&saved);
	identity_spi_finish();
	return count;
}

/*
 * register_abi(name text, abi jsonb)
 */
Datum
chainsync_register_abi(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(store_as_owner(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								   PG_GETARG_JSONB_P(1)));
}

/*
 * register_abi(name text, lines text[])
 */
Datum
chainsync_register_abi_lines(PG_FUNCTION_ARGS)
{
	Datum		abi;

	abi = abi_lines_to_jsonb(PG_GETARG_ARRAYTYPE_P(1));
	PG_RETURN_INT32(store_as_owner(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								   DatumGetJsonbP(abi)));
}

/*
 * register_abi(name text, abi text): JSON, or declarations, one a line.
 */
Datum
chainsync_register_abi_text(PG_FUNCTION_ARGS)
{
	char	   *abi = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Datum		lines;
	Datum		json;

	switch (abi[strspn(abi, " \t\r\n")])
	{
		case '[':
		case '{':
			json = DirectFunctionCall1(jsonb_in, CStringGetDatum(abi));
			break;
		default:
			lines = OidFunctionCall2Coll(F_STRING_TO_ARRAY_TEXT_TEXT,
										 DEFAULT_COLLATION_OID,
										 PG_GETARG_DATUM(1),
										 CStringGetTextDatum("\n"));
			json = abi_lines_to_jsonb(DatumGetArrayTypeP(lines));
			break;
	}
	PG_RETURN_INT32(store_as_owner(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								   DatumGetJsonbP(json)));
}

/*
 * _ship_abi(name text, lines text[]): for the install script.
 */
Datum
chainsync_ship_abi(PG_FUNCTION_ARGS)
{
	Datum		abi = abi_lines_to_jsonb(PG_GETARG_ARRAYTYPE_P(1));

	identity_spi_connect();
	(void) store_abi(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					 DatumGetJsonbP(abi), true);
	identity_spi_finish();
	PG_RETURN_VOID();
}

/*
 * register_abi(name), unregister_abi(name): the function of the same name
 * with "_" before it, as the extension's owner, for admins of all chains.
 */
Datum
chainsync_as_abi_admin(PG_FUNCTION_ARGS)
{
	Identity	saved;
	char	   *function = get_func_name(fcinfo->flinfo->fn_oid);

	identity_spi_connect();
	grant_require(0, NULL, GRANT_ADMIN);
	identity_become_extension_owner(&saved);
	spi_run(SPI_OK_SELECT, false, "SELECT chainsync._%s(%s)", function,
			quote_literal_cstr(text_to_cstring(PG_GETARG_TEXT_PP(0))));
	identity_restore(&saved);
	identity_spi_finish();
	PG_RETURN_VOID();
}

/* ---- reading ---- */

static void
registry_free(void *arg)
{
	arena_destroy(&((AbiRegistry *) arg)->arena);
}

static void
registry_clear(AbiRegistry *registry)
{
	HASHCTL		control = {
		.keysize = KECCAK256_SIZE,
		.entrysize = sizeof(CacheEntry),
		.hcxt = registry->context
	};

	if (registry->cache != NULL)
		hash_destroy(registry->cache);
	registry->cache = hash_create("chainsync ABIs", 64, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	arena_reset(&registry->arena);
}

AbiRegistry *
abi_registry_open(struct FmgrInfo *call_site)
{
	AbiRegistry *registry = call_site->fn_extra;
	Snapshot	snapshot = GetActiveSnapshot();
	SnapshotKey key;

	memset(&key, 0, sizeof(key));
	key.transaction = GetCurrentTransactionStartTimestamp();
	key.subtransaction = GetCurrentSubTransactionId();
	key.xmin = snapshot->xmin;
	key.xmax = snapshot->xmax;
	key.xcnt = snapshot->xcnt;
	key.subxcnt = snapshot->subxcnt;
	key.command = snapshot->curcid;

	if (registry == NULL)
	{
		MemoryContextCallback *callback;

		registry = MemoryContextAllocZero(call_site->fn_mcxt,
										  sizeof(AbiRegistry));
		registry->context = call_site->fn_mcxt;
		arena_init(&registry->arena, PARSE_MEMORY);
		callback = MemoryContextAllocZero(call_site->fn_mcxt,
										  sizeof(MemoryContextCallback));
		callback->func = registry_free;
		callback->arg = registry;
		MemoryContextRegisterResetCallback(call_site->fn_mcxt, callback);
		call_site->fn_extra = registry;
	}
	if (registry->cache == NULL ||
		memcmp(&registry->key, &key, sizeof(key)) != 0 ||
		hash_get_num_entries(registry->cache) >= MAX_CACHED)
	{
		registry_clear(registry);
		registry->key = key;
	}
	return registry;
}

/* A row of abi_entries, parsed. */
static void
read_entry(AbiRegistry *registry, AbiEntry *entry, AbiEntryKind kind, int row)
{
	char	   *inputs = spi_text(row, "inputs");
	char	   *name = spi_text(row, "name");
	char	   *utf8 = pg_server_to_any(inputs, (int) strlen(inputs), PG_UTF8);
	const AbiType *tuple;
	AbiError	error;

	memset(entry, 0, sizeof(*entry));
	entry->anonymous = kind == ABI_ENTRY_EVENT &&
		*spi_text(row, "anonymous") == 't';
	if (!abi_parse_inputs(&tuple, &registry->arena, utf8, strlen(utf8),
						  &error) ||
		!abi_build_entry(entry, &registry->arena, kind, name, strlen(name),
						 tuple, &error))
		abi_report(&error, psprintf("ABI \"%s\" in chainsync.abi_entries",
									spi_text(row, "abi")));
}

static void
require_abi(const char *abi)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(abi)};

	if (SPI_execute_with_args("SELECT FROM chainsync.abis AS a WHERE "
							  "a.name OPERATOR(pg_catalog.=) $1 HAVING "
							  "pg_catalog.bool_and(a.abi IS NOT NULL)", 1,
							  types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read chainsync.abis");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("ABI \"%s\" does not exist", abi),
				 errhint("SELECT * FROM chainsync.abis lists them; "
						 "register_abi adds one.")));
}

/* Entries of ABIs that are in use, one's own first; $3 NULL: of all ABIs. */
static const char candidates_query[] =
"SELECT e.abi, e.name, e.inputs, e.anonymous "
"FROM chainsync.abi_entries AS e "
"WHERE %s AND e.kind OPERATOR(pg_catalog.=) $2 "
"AND ($3 IS NULL OR e.abi OPERATOR(pg_catalog.=) $3) "
"AND NOT (e.shipped AND EXISTS (SELECT FROM chainsync.abis AS own "
"WHERE own.name OPERATOR(pg_catalog.=) e.abi AND NOT own.shipped)) "
"ORDER BY e.shipped, e.abi COLLATE pg_catalog.\"C\", e.ordinal";

/* Reads the rows that `condition` ($1 hash, $2 kind, $3 ABI) selects. */
static AbiCandidates
read_candidates(AbiRegistry *registry, AbiEntryKind kind,
				const char *condition, const uint8 *hash, int hash_len,
				const char *abi)
{
	Oid			types[] = {BYTEAOID, TEXTOID, TEXTOID};
	Datum		values[3];
	char		nulls[] = "   ";
	AbiCandidates result = {NULL, 0};
	AbiEntry   *entries;

	identity_spi_connect();
	if (abi != NULL)
		require_abi(abi);
	values[0] = PointerGetDatum(abi_bytea(hash, hash_len));
	values[1] = CStringGetTextDatum(kind_names[kind]);
	values[2] = abi == NULL ? (Datum) 0 : CStringGetTextDatum(abi);
	nulls[2] = abi == NULL ? 'n' : ' ';
	if (SPI_execute_with_args(psprintf(candidates_query, condition), 3, types,
							  values, nulls, true, ABI_MAX_ENTRIES) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read chainsync.abi_entries");
	result.count = (int) SPI_processed;
	entries = arena_alloc_array(&registry->arena, result.count,
								sizeof(AbiEntry));
	if (entries == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	for (int i = 0; i < result.count; i++)
		read_entry(registry, &entries[i], kind, i);
	identity_spi_finish();
	result.entries = entries;
	return result;
}

/* The key of what was asked for; a tag stands for hashes of one length. */
static void
cache_key(uint8 *key, char tag, const uint8 *hash, int hash_len,
		  const char *abi)
{
	Keccak256	state;

	keccak256_init(&state);
	keccak256_absorb(&state, (uint8 *) &tag, 1);
	keccak256_absorb(&state, hash, hash_len);
	if (abi != NULL)
		keccak256_absorb(&state, (const uint8 *) abi, strlen(abi));
	keccak256_final(key, &state);
}

static AbiCandidates
cached_candidates(AbiRegistry *registry, char tag, AbiEntryKind kind,
				  const char *condition, const uint8 *hash, int hash_len,
				  const char *abi)
{
	uint8		key[KECCAK256_SIZE];
	CacheEntry *entry;
	AbiCandidates found;

	cache_key(key, tag, hash, hash_len, abi);
	entry = hash_search(registry->cache, key, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->found;
	found = read_candidates(registry, kind, condition, hash, hash_len, abi);
	entry = hash_search(registry->cache, key, HASH_ENTER, NULL);
	entry->found = found;
	return found;
}

AbiCandidates
abi_registry_find(AbiRegistry *registry, AbiEntryKind kind,
				  const uint8_t *hash, int hash_len, const char *abi)
{
	return cached_candidates(registry, abi == NULL ? 'a' + kind : 'A' + kind,
							 kind,
							 kind == ABI_ENTRY_EVENT ?
							 "e.topic0 OPERATOR(pg_catalog.=) $1" :
							 "e.selector OPERATOR(pg_catalog.=) $1",
							 hash, hash_len, abi);
}

AbiCandidates
abi_registry_anonymous(AbiRegistry *registry, const char *abi)
{
	return cached_candidates(registry, '*', ABI_ENTRY_EVENT,
							 "e.anonymous",
							 (const uint8 *) "", 0, abi);
}

/* ---- choosing ---- */

/* Room for an entry's values; an error when memory is out. */
static AbiValue *
room_for_values(Arena *arena, const AbiEntry *entry)
{
	AbiValue   *values = arena_alloc_array(arena, entry->inputs->member_count,
										   sizeof(AbiValue));

	if (values == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return values;
}

AbiDecoded
abi_choose_event(Arena *arena, const AbiCandidates *lists, int list_count,
				 const uint8_t *const *topics32, uint32_t topic_count,
				 const uint8_t *data, size_t len)
{
	AbiDecoded	result = {NULL, NULL};
	AbiError	error;

	for (int strict = 1; strict >= 0; strict--)
	{
		for (int list = 0; list < list_count; list++)
		{
			for (int i = 0; i < lists[list].count; i++)
			{
				const AbiEntry *entry = &lists[list].entries[i];

				if (entry->indexed_count + (entry->anonymous ? 0 : 1) !=
					topic_count)
					continue;
				result.values = room_for_values(arena, entry);
				if (abi_decode_event(result.values, arena, entry, topics32,
									 topic_count, data, len, strict, &error))
				{
					result.entry = entry;
					return result;
				}
			}
		}
	}
	return result;
}

AbiDecoded
abi_choose_call(Arena *arena, AbiCandidates candidates, const uint8_t *data,
				size_t len)
{
	AbiDecoded	result = {NULL, NULL};
	AbiError	error;

	for (int strict = 1; strict >= 0; strict--)
	{
		for (int i = 0; i < candidates.count; i++)
		{
			const AbiEntry *entry = &candidates.entries[i];

			result.values = room_for_values(arena, entry);
			if (abi_decode(result.values, arena, entry->inputs, data, len,
						   strict, &error))
			{
				result.entry = entry;
				return result;
			}
		}
	}
	return result;
}
