/*-------------------------------------------------------------------------
 *
 * adopt.c
 *	  Takes over the tables of a chain that exist already, and brings those
 *	  of an older layout up to date.
 *
 * Schema and tables belong to a user, so whatever they say is a claim: the
 * layout is compared, column by column, with tables made for the purpose in a
 * schema that is dropped again; chainsync_info is read as the owner and judged
 * in _adopt(); what is stored follows from the rows of blocks, neighbours that
 * do not link are an error.  Every statement on the tables runs as their
 * owner, also when a superuser adopts them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "adopt.h"
#include "chain.h"
#include "grant.h"
#include "history.h"
#include "identity.h"
#include "position.h"
#include "spi_util.h"

PG_FUNCTION_INFO_V1(chainsync_upgrade_chain);

#define INFO_TABLE "chainsync_info"
#define INFO_MAX_BYTES (1024 * 1024)

/* The tables' owner, for whom a policy that hides rows is an error. */
static void
become_owner(Identity *saved, Oid owner)
{
	identity_become(saved, owner);
	(void) set_config_option("row_security", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* ---- who may ---- */

static void
refuse_owner(const char *schema, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot adopt schema \"%s\": %s", schema, what),
			 errdetail("Only the owner of schema and tables can adopt "
					   "them.")));
}

static Oid
namespace_owner(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID,
										ObjectIdGetDatum(schema));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for namespace %u", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

static Oid
class_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* The one owner of schema and tables, whose rights the caller has. */
static Oid
check_owner(Oid caller, const ChainConfig *chain)
{
	Oid			schema = get_namespace_oid(chain->schema, false);
	Oid			info = get_relname_relid(INFO_TABLE, schema);
	Oid			owner = namespace_owner(schema);

	if (!OidIsValid(info))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("schema \"%s\" already exists", chain->schema),
				 errdetail("It has no table %s, so it is none of a chain's.",
						   INFO_TABLE),
				 errhint("A chain gets a schema of its own: name another one "
						 "with schema => '...', or drop this one.")));
	if (!has_privs_of_role(caller, owner))
		refuse_owner(chain->schema, "it belongs to another role");
	if (class_owner(info) != owner)
		refuse_owner(chain->schema, INFO_TABLE " belongs to another role");
	for (int i = 0; i < chain->table_count; i++)
	{
		const ChainTable *table = &chain->tables[i];

		if (OidIsValid(table->relid) && table->owner != owner)
			refuse_owner(chain->schema,
						 psprintf("table \"%s\" belongs to another role",
								  table->name));
	}
	return owner;
}

/* ---- layout ---- */

typedef struct Difference
{
	char	   *table;
	char	   *column;
	char	   *problem;
	char	   *definition;		/* of a column that can be added, or NULL */
	char	   *comment;
} Difference;

/*
 * Compares the tables with those of the present layout, which are made for it
 * in a schema of their own.
 */
static Difference *
compare_layout(const char *schema, int *count)
{
	Difference *differences;
	char		scratch[NAMEDATALEN];
	char	  **statements;
	int			statement_count;

	snprintf(scratch, sizeof(scratch), "chainsync_layout_%d", MyProcPid);
	spi_run(SPI_OK_SELECT, true,
			"SELECT statement FROM chainsync._chain_ddl(%s::name) "
			"AS statement", quote_literal_cstr(scratch));
	statement_count = (int) SPI_processed;
	statements = spi_alloc(sizeof(char *) * (statement_count + 1));
	for (int i = 0; i < statement_count; i++)
		statements[i] = spi_text(i, "statement");
	spi_run(SPI_OK_UTILITY, false, "CREATE SCHEMA %s", scratch);
	for (int i = 0; i < statement_count; i++)
		spi_run(SPI_OK_UTILITY, false, "%s", statements[i]);

	spi_run(SPI_OK_SELECT, false,
			"SELECT * FROM chainsync._compare_layout(%s::name, %s::name)",
			quote_literal_cstr(scratch), quote_literal_cstr(schema));
	*count = (int) SPI_processed;
	differences = spi_alloc(sizeof(Difference) * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		differences[i].table = spi_text(i, "table_name");
		differences[i].column = spi_text(i, "column_name");
		differences[i].problem = spi_text(i, "problem");
		differences[i].definition = spi_text(i, "definition");
		differences[i].comment = spi_text(i, "comment");
	}
	spi_run(SPI_OK_UTILITY, false, "DROP TABLE %s.blocks, %s.transactions, "
			"%s.logs, %s.withdrawals, %s." INFO_TABLE, scratch, scratch,
			scratch, scratch, scratch);
	spi_run(SPI_OK_UTILITY, false, "DROP SCHEMA %s", scratch);
	return differences;
}

static void
refuse_layout(const char *schema, const Difference *difference)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("table \"%s\" in schema \"%s\" is not as chainsync makes "
					"it: %s", difference->table, schema,
					difference->problem)));
}

/* An error unless the tables are of that layout version. */
static void
check_layout(const ChainConfig *chain)
{
	Difference *differences;
	int			count;
	bool		older = chain->tables[0].version < CHAIN_TABLE_VERSION;

	differences = compare_layout(chain->schema, &count);
	for (int i = 0; i < count; i++)
	{
		if (older && differences[i].definition != NULL)
			continue;			/* upgrade_chain() adds it */
		refuse_layout(chain->schema, &differences[i]);
	}
}

/* ---- what is stored ---- */

static void
lock_tables(const ChainConfig *chain)
{
	for (int i = 0; i < chain->table_count; i++)
	{
		if (OidIsValid(chain->tables[i].relid))
			LockRelationOid(chain->tables[i].relid, ShareRowExclusiveLock);
	}
}

/* Runs of neighbours that link, as the text of a multirange. */
static char *
stored_blocks(ChainConfig *chain, int64 *blocks)
{
	ChainTable *table = chain_table(chain, TABLE_BLOCKS);
	StringInfoData text;

	*blocks = 0;
	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	spi_run(SPI_OK_SELECT, false,
			"SELECT number FROM (SELECT number, parent_hash, "
			"pg_catalog.lag(number) OVER w AS before_number, "
			"pg_catalog.lag(hash) OVER w AS before_hash FROM %s "
			"WINDOW w AS (ORDER BY number)) AS b "
			"WHERE before_number = number - 1 AND before_hash <> parent_hash "
			"LIMIT 1", table->qualified);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block %lld in table %s does not link to the block "
						"before it", (long long) spi_int64(0, "number", 0),
						table->qualified),
				 errhint("Delete the rows of either from all tables of the "
						 "chain; they are fetched again.")));
	spi_run(SPI_OK_SELECT, false,
			"SELECT pg_catalog.min(number) AS first, "
			"pg_catalog.max(number) + 1 AS next FROM (SELECT number, "
			"number - pg_catalog.row_number() OVER (ORDER BY number) AS run "
			"FROM %s) AS b GROUP BY run ORDER BY 1", table->qualified);
	for (int i = 0; i < (int) SPI_processed; i++)
	{
		int64		first = spi_int64(i, "first", 0);
		int64		next = spi_int64(i, "next", 0);

		appendStringInfo(&text, "%s[%lld,%lld)", i > 0 ? "," : "",
						 (long long) first, (long long) next);
		*blocks += next - first;
	}
	appendStringInfoChar(&text, '}');
	return text.data;
}

/* Rows of blocks that are not stored would stand in the way of theirs. */
static int64
delete_strays(ChainConfig *chain)
{
	const char *blocks = chain_table(chain, TABLE_BLOCKS)->qualified;
	int64		deleted = 0;

	for (int i = 0; i < chain->table_count; i++)
	{
		if (chain->tables[i].kind == TABLE_BLOCKS)
			continue;
		spi_run(SPI_OK_DELETE, false,
				"DELETE FROM %s AS t WHERE NOT EXISTS (SELECT FROM %s AS b "
				"WHERE b.number = t.block_number)",
				chain->tables[i].qualified, blocks);
		deleted += SPI_processed;
	}
	return deleted;
}

/* The hash of the first block, to be compared with the genesis. */
static void
check_genesis(ChainConfig *chain)
{
	uint8	   *stored;

	if (chain->genesis == NULL)
		return;
	spi_run(SPI_OK_SELECT, false, "SELECT hash FROM %s WHERE number = 0",
			chain_table(chain, TABLE_BLOCKS)->qualified);
	if (SPI_processed == 0)
		return;
	stored = spi_bytes(0, "hash", 32);
	if (stored == NULL || memcmp(stored, chain->genesis, 32) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block 0 in table %s is not the chain's genesis",
						chain_table(chain, TABLE_BLOCKS)->qualified)));
}

/* chainsync_info as the text of one JSON object. */
static char *
read_info(const char *schema)
{
	char	   *info;

	spi_run(SPI_OK_SELECT, false,
			"SELECT coalesce(pg_catalog.jsonb_object_agg(key, value), "
			"'{}')::text AS info FROM %s WHERE key IN ('layout', 'chain_id', "
			"'genesis')", quote_qualified_identifier(schema, INFO_TABLE));
	info = spi_text(0, "info");
	if (strlen(info) > INFO_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("table " INFO_TABLE " in schema \"%s\" is too large",
						schema)));
	return info;
}

/* ---- adopting ---- */

void
adopt_schema(Oid caller, int chain_id)
{
	ChainConfig *chain = chain_load(chain_id);
	Oid			owner = check_owner(caller, chain);
	Identity	saved;
	char	   *info;
	char	   *synced;
	int64		blocks;
	int64		strays;

	history_require_read_committed();
	if (get_rel_relkind(get_relname_relid(INFO_TABLE,
										  get_namespace_oid(chain->schema,
															false))) !=
		RELKIND_RELATION)
		refuse_owner(chain->schema, INFO_TABLE " is not a table");
	become_owner(&saved, owner);
	info = read_info(chain->schema);
	identity_restore(&saved);
	spi_run(SPI_OK_SELECT, false, "SELECT chainsync._adopt(%d, %s::jsonb)",
			chain_id, quote_literal_cstr(info));
	chain = chain_load(chain_id);
	check_layout(chain);

	lock_tables(chain);
	become_owner(&saved, owner);
	check_genesis(chain);
	synced = stored_blocks(chain, &blocks);
	strays = delete_strays(chain);
	identity_restore(&saved);
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.sync_state SET synced = %s::int8multirange "
			"WHERE chain = %d", quote_literal_cstr(synced), chain_id);
	ereport(NOTICE,
			(errmsg("adopted schema \"%s\" with %lld stored blocks",
					chain->schema, (long long) blocks)));
	if (strays > 0)
		ereport(WARNING,
				(errmsg("deleted %lld rows of blocks that table %s has not",
						(long long) strays,
						chain_table(chain, TABLE_BLOCKS)->qualified)));
}

/* ---- upgrading ---- */

/* Adds the columns that the present layout has got. */
static void
add_columns(const ChainConfig *chain)
{
	Difference *differences;
	int			count;

	differences = compare_layout(chain->schema, &count);
	for (int i = 0; i < count; i++)
	{
		if (differences[i].definition == NULL)
			refuse_layout(chain->schema, &differences[i]);
	}
	for (int i = 0; i < count; i++)
	{
		const Difference *difference = &differences[i];
		Identity	saved;
		char	   *table = quote_qualified_identifier(chain->schema,
													   difference->table);

		identity_become(&saved, chain->tables[0].owner);
		spi_run(SPI_OK_UTILITY, false, "ALTER TABLE %s ADD COLUMN %s %s",
				table, quote_identifier(difference->column),
				difference->definition);
		if (difference->comment != NULL)
			spi_run(SPI_OK_UTILITY, false, "COMMENT ON COLUMN %s.%s IS %s",
					table, quote_identifier(difference->column),
					quote_literal_cstr(difference->comment));
		identity_restore(&saved);
	}
}

/*
 * upgrade_chain(chain)
 */
Datum
chainsync_upgrade_chain(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Identity	saved;
	ChainConfig *chain;

	identity_spi_connect();
	grant_require_named(name, GRANT_ADMIN);
	identity_become_extension_owner(&saved);
	history_require_read_committed();
	chain = chain_load(chain_lookup(name));
	if (chain == NULL)
		elog(ERROR, "chain was removed meanwhile");
	for (int i = 0; i < chain->table_count; i++)
	{
		(void) chain_table(chain, chain->tables[i].kind);
		if (chain->tables[i].version > CHAIN_TABLE_VERSION)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("chain \"%s\" has the layout of a later version "
							"of chainsync", name)));
	}
	/* tables before the chain's lock, as everywhere */
	add_columns(chain);
	(void) position_lock(chain->id);
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.chain_tables SET version = %d WHERE chain = %d",
			CHAIN_TABLE_VERSION, chain->id);
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.sync_state SET generation = generation + 1 "
			"WHERE chain = %d", chain->id);
	/* wakes the workers */
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.chains SET enabled = enabled WHERE id = %d",
			chain->id);
	chain_save_info(chain_load(chain->id));
	identity_restore(&saved);
	identity_spi_finish();
	PG_RETURN_VOID();
}
