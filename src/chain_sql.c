/*-------------------------------------------------------------------------
 *
 * chain_sql.c
 *	  SQL functions that add and remove chains and delete stored blocks.
 *
 * They are C because they act as two people: what they do to schema chainsync
 * they do as the extension's owner, what they do to a chain's schema and
 * tables as the caller, or as the tables' owner.  EXECUTE on them is what a
 * caller needs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "adopt.h"
#include "chain.h"
#include "compat.h"
#include "grant.h"
#include "history.h"
#include "identity.h"
#include "obstacle.h"
#include "position.h"
#include "shmem.h"
#include "spi_util.h"
#include "worker.h"

PG_FUNCTION_INFO_V1(chainsync_add_chain);
PG_FUNCTION_INFO_V1(chainsync_remove_chain);
PG_FUNCTION_INFO_V1(chainsync_resync);
PG_FUNCTION_INFO_V1(chainsync_rollback);
PG_FUNCTION_INFO_V1(chainsync_block_at);

#define ADD_CHAIN_ARGS 22

/* The rows of a new chain, as the extension's owner. */
static void
add_chain_rows(FunctionCallInfo fcinfo, Oid caller, int *chain, char **schema)
{
	Oid			types[ADD_CHAIN_ARGS] = {
		TEXTOID, TEXTARRAYOID, NUMERICOID, BYTEAOID, INT8OID, INT8OID,
		INT8OID, INT8MULTIRANGEOID, NAMEOID, INT4OID, INTERVALOID, INT4OID,
		INT4OID, INT4OID, BOOLOID, INT8OID, TEXTOID, TEXTOID, BOOLOID,
		TEXTOID, BOOLOID, BOOLOID
	};
	Datum		values[ADD_CHAIN_ARGS];
	char		nulls[ADD_CHAIN_ARGS];
	Oid			outer;

	for (int i = 0; i < ADD_CHAIN_ARGS; i++)
	{
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	outer = grant_call_begin(caller);
	PG_TRY();
	{
		if (SPI_execute_with_args("SELECT new_id, new_schema "
								  "FROM chainsync._add_chain($1, $2, $3, $4, "
								  "$5, $6, $7, $8, $9, $10, $11, $12, $13, "
								  "$14, $15, $16, $17, $18, $19, $20, $21, "
								  "$22)", ADD_CHAIN_ARGS, types, values,
								  nulls, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not add the rows of a chain");
	}
	PG_FINALLY();
	{
		grant_call_end(outer);
	}
	PG_END_TRY();
	*chain = (int) spi_int64(0, "new_id", 0);
	*schema = spi_text(0, "new_schema");
}

/* The statements that make a chain's tables. */
static char **
table_statements(const char *schema, int *count)
{
	char	  **statements;

	spi_run(SPI_OK_SELECT, true,
			"SELECT statement FROM chainsync._chain_ddl(%s::name) "
			"AS statement", quote_literal_cstr(schema));
	*count = (int) SPI_processed;
	statements = spi_alloc(sizeof(char *) * (*count + 1));
	for (int i = 0; i < *count; i++)
		statements[i] = spi_text(i, "statement");
	return statements;
}

/* Schema and tables, as the caller, who becomes their owner. */
static void
create_tables(Oid caller, const char *schema, char **statements, int count)
{
	Identity	saved;

	identity_become(&saved, caller);
	spi_run(SPI_OK_UTILITY, false, "CREATE SCHEMA %s",
			quote_identifier(schema));
	for (int i = 0; i < count; i++)
		spi_run(SPI_OK_UTILITY, false, "%s", statements[i]);
	identity_restore(&saved);
}

/* Says what keeps workers from running, and the lines to add. */
static void
warn_about_setup(void)
{
	char	   *database = get_database_name(MyDatabaseId);
	bool		listed = database != NULL && worker_database_listed(database);

	if (shmem_available() && listed)
		return;
	if (!shmem_available())
		ereport(WARNING,
				(errmsg("the chain is recorded, but no worker can run: "
						"chainsync is not loaded at server start"),
				 errhint("Add these two lines to postgresql.conf and restart "
						 "the server:\nshared_preload_libraries = "
						 "'chainsync'\nchainsync.databases = '%s'",
						 database)));
	else
		ereport(WARNING,
				(errmsg("the chain is recorded, but no worker can run: "
						"database \"%s\" is not in chainsync.databases",
						database),
				 errhint("Add this line to postgresql.conf and reload:\n"
						 "chainsync.databases = '%s'", database)));
}

/*
 * add_chain(name, rpc, chain_id, genesis, start_block, end_block,
 * last_blocks, blocks, schema, confirmations, poll_interval, commit_blocks,
 * max_inflight_requests, batch_requests, compression, partition_blocks,
 * header, secret_ref, allow_literal_key)
 */
Datum
chainsync_add_chain(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	Identity	saved;
	int			chain;
	char	   *schema;
	char	  **statements;
	int			count;
	AclResult	acl = compat_database_aclcheck(MyDatabaseId, caller,
											   ACL_CREATE);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_DATABASE, get_database_name(MyDatabaseId));
	identity_spi_connect();
	grant_require(0, NULL, GRANT_ADMIN);
	identity_become_extension_owner(&saved);
	add_chain_rows(fcinfo, caller, &chain, &schema);
	if (OidIsValid(get_namespace_oid(schema, true)))
	{
		adopt_schema(caller, chain);
		obstacle_warn(chain);
		identity_restore(&saved);
	}
	else
	{
		statements = table_statements(schema, &count);
		identity_restore(&saved);
		create_tables(caller, schema, statements, count);
	}
	CommandCounterIncrement();
	identity_become_extension_owner(&saved);
	chain_save_info(chain_load(chain));
	grant_apply_chain(chain_load(chain));
	identity_restore(&saved);
	identity_spi_finish();
	warn_about_setup();
	PG_RETURN_VOID();
}

/* Drops the chain's tables as the caller, who must own them. */
static void
drop_tables(const ChainConfig *chain, Oid caller)
{
	Identity	saved;
	Oid			schema = get_namespace_oid(chain->schema, true);

	if (!OidIsValid(schema))
		return;
	identity_become(&saved, caller);
	for (int i = 0; i < chain->table_count; i++)
	{
		if (OidIsValid(chain->tables[i].relid))
			spi_run(SPI_OK_UTILITY, false, "DROP TABLE %s",
					chain->tables[i].qualified);
	}
	spi_run(SPI_OK_UTILITY, false, "DROP TABLE IF EXISTS %s",
			quote_qualified_identifier(chain->schema, "chainsync_info"));
	/* anything of the user's in it stops us here, by name */
	spi_run(SPI_OK_UTILITY, false, "DROP SCHEMA %s",
			quote_identifier(chain->schema));
	identity_restore(&saved);
}

/*
 * remove_chain(name, drop_data)
 */
Datum
chainsync_remove_chain(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	bool		drop_data = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	Identity	saved;
	ChainConfig *chain;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name of the chain must not be null")));
	history_require_read_committed();
	identity_spi_connect();
	grant_require_named(text_to_cstring(PG_GETARG_TEXT_PP(0)), GRANT_ADMIN);
	identity_become_extension_owner(&saved);
	chain = chain_load(chain_lookup(text_to_cstring(PG_GETARG_TEXT_PP(0))));
	if (chain == NULL)
		elog(ERROR, "chain was removed meanwhile");

	/* tables before the chain's lock, as everywhere */
	if (drop_data)
	{
		identity_restore(&saved);
		drop_tables(chain, caller);
		identity_become_extension_owner(&saved);
	}
	(void) position_lock(chain->id);
	spi_run(SPI_OK_DELETE, false,
			"DELETE FROM chainsync.synced_ranges WHERE chain = %d",
			chain->id);
	spi_run(SPI_OK_DELETE, false,
			"DELETE FROM chainsync.chains WHERE id = %d", chain->id);
	identity_restore(&saved);
	identity_spi_finish();
	PG_RETURN_VOID();
}

/* Deletes stored blocks and wakes the workers. */
static int64
cut_history(const char *name, const char *kind, const char *blocks)
{
	Identity	saved;
	ChainConfig *chain;
	int64		deleted;

	history_require_read_committed();
	identity_spi_connect();
	grant_require_named(name, GRANT_OPERATOR);
	identity_become_extension_owner(&saved);
	chain = chain_load(chain_lookup(name));
	if (chain == NULL)
		elog(ERROR, "chain was removed meanwhile");
	deleted = history_delete(chain, kind, blocks);
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.chains SET enabled = enabled WHERE id = %d",
			chain->id);
	identity_restore(&saved);
	identity_spi_finish();
	return deleted;
}

/*
 * resync(chain, blocks)
 */
Datum
chainsync_resync(PG_FUNCTION_ARGS)
{
	char	   *blocks = OidOutputFunctionCall(F_MULTIRANGE_OUT,
											   PG_GETARG_DATUM(1));

	PG_RETURN_INT64(cut_history(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								"resync", blocks));
}

/*
 * rollback(chain, to_block)
 */
Datum
chainsync_rollback(PG_FUNCTION_ARGS)
{
	int64		to_block = PG_GETARG_INT64(1);

	if (to_block < -1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("to_block must not be below -1"),
				 errhint("-1 deletes all blocks.")));
	PG_RETURN_INT64(cut_history(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								"rollback",
								psprintf("{(%lld,)}", (long long) to_block)));
}

/*
 * block_at(chain, time)
 */
Datum
chainsync_block_at(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			type = TIMESTAMPTZOID;
	Datum		time = PG_GETARG_DATUM(1);
	Identity	saved;
	ChainConfig *chain;
	char	   *query;
	int64		number = -1;

	identity_spi_connect();
	identity_become_extension_owner(&saved);
	chain = chain_load(chain_lookup(name));
	if (chain == NULL)
		elog(ERROR, "chain was removed meanwhile");
	identity_restore(&saved);

	/* as the caller */
	query = psprintf("SELECT number FROM %s WHERE \"timestamp\" "
					 "OPERATOR(pg_catalog.<=) $1 "
					 "ORDER BY \"timestamp\" DESC, number DESC LIMIT 1",
					 chain_table(chain, TABLE_BLOCKS)->qualified);
	if (SPI_execute_with_args(query, 1, &type, &time, NULL, true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read table %s",
			 chain_table(chain, TABLE_BLOCKS)->qualified);
	if (SPI_processed == 1)
		number = spi_int64(0, "number", -1);
	identity_spi_finish();
	if (number < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(number);
}
