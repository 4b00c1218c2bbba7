/*-------------------------------------------------------------------------
 *
 * chain.c
 *	  Reads a chain's configuration.
 *
 * Columns are read by name through SPI: a table of another version of the
 * extension is an error here, never a wrong offset.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "chain.h"
#include "guc.h"
#include "hex.h"
#include "identity.h"
#include "redact.h"
#include "spi_util.h"

static const char *const kind_names[CHAIN_TABLE_KINDS] = {
	"blocks", "transactions", "logs", "withdrawals"
};

const char *
chain_table_kind_name(ChainTableKind kind)
{
	return kind_names[kind];
}

static Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

static void
load_tables(ChainConfig *chain)
{
	Oid			schema = get_namespace_oid(chain->schema, true);
	int			count;

	spi_run(SPI_OK_SELECT, false,
			"SELECT table_name, kind, block_column, partition_blocks, version "
			"FROM chainsync.chain_tables "
			"WHERE chain OPERATOR(pg_catalog.=) %d ORDER BY table_name",
			chain->id);
	count = (int) SPI_processed;
	chain->tables = spi_alloc(sizeof(ChainTable) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		ChainTable *table = &chain->tables[chain->table_count];
		char	   *kind = spi_text(i, "kind");

		table->name = spi_text(i, "table_name");
		table->block_column = spi_text(i, "block_column");
		table->partition_blocks = spi_int64(i, "partition_blocks", 0);
		table->version = (int) spi_int64(i, "version", 0);
		table->qualified = spi_strdup(quote_qualified_identifier(chain->schema,
																 table->name));
		for (int k = 0; k < CHAIN_TABLE_KINDS; k++)
		{
			if (strcmp(kind, kind_names[k]) != 0)
				continue;
			table->kind = k;
			table->relid = OidIsValid(schema) ?
				get_relname_relid(table->name, schema) : InvalidOid;
			table->owner = OidIsValid(table->relid) ?
				relation_owner(table->relid) : InvalidOid;
			chain->table_count++;
			break;
		}
	}
}

static void
load_endpoints(ChainConfig *chain)
{
	int			count;

	spi_run(SPI_OK_SELECT, false,
			"SELECT id, url, priority, max_concurrency "
			"FROM chainsync.endpoints "
			"WHERE chain OPERATOR(pg_catalog.=) %d ORDER BY priority, id",
			chain->id);
	count = (int) SPI_processed;
	chain->endpoints = spi_alloc(sizeof(PoolEndpoint) * (count + 1));
	chain->endpoint_count = count;
	for (int i = 0; i < count; i++)
	{
		PoolEndpoint *endpoint = &chain->endpoints[i];
		char		label[256];

		endpoint->target.endpoint_id = (int) spi_int64(i, "id", 0);
		endpoint->target.url = spi_text(i, "url");
		endpoint->priority = (int) spi_int64(i, "priority", 0);
		endpoint->max_concurrency = (int) spi_int64(i, "max_concurrency", 0);
		redact_url(label, sizeof(label), endpoint->target.url);
		endpoint->label = spi_strdup(label);
	}
}

static void
load_settings(ChainConfig *chain)
{
	chain->confirmations = (int) spi_int64(0, "confirmations", -1);
	chain->poll_interval = (int) Min(spi_int64(0, "poll_interval_ms",
											   chainsync_poll_interval),
									 PG_INT32_MAX);
	chain->commit_blocks = (int) spi_int64(0, "commit_blocks",
										   chainsync_commit_blocks);
	chain->max_inflight_requests =
		(int) spi_int64(0, "max_inflight_requests",
						chainsync_max_inflight_requests);
	chain->batch_requests = (int) spi_int64(0, "batch_requests",
											chainsync_batch_requests);
	chain->compression = spi_int64(0, "compression",
								   chainsync_compression ? 1 : 0) != 0;
}

ChainConfig *
chain_load(int chain_id)
{
	ChainConfig *chain;

	spi_run(SPI_OK_SELECT, false,
			"SELECT name, schema_name, enabled::int AS enabled, "
			"chain_id::text AS chain_id, genesis, last_blocks, confirmations, "
			"(extract(epoch FROM poll_interval) * 1000)::int8 "
			"AS poll_interval_ms, commit_blocks, max_inflight_requests, "
			"batch_requests, compression::int AS compression "
			"FROM chainsync.chains WHERE id OPERATOR(pg_catalog.=) %d",
			chain_id);
	if (SPI_processed != 1)
		return NULL;
	chain = spi_alloc(sizeof(ChainConfig));
	chain->id = chain_id;
	chain->name = spi_text(0, "name");
	chain->schema = spi_text(0, "schema_name");
	chain->enabled = spi_int64(0, "enabled", 0) != 0;
	chain->chain_id = spi_text(0, "chain_id");
	chain->genesis = spi_bytes(0, "genesis", 32);
	chain->last_blocks = spi_int64(0, "last_blocks", 0);
	load_settings(chain);
	load_tables(chain);
	load_endpoints(chain);
	return chain;
}

int
chain_lookup(const char *name)
{
	spi_run(SPI_OK_SELECT, false,
			"SELECT id FROM chainsync.chains "
			"WHERE name OPERATOR(pg_catalog.=) %s",
			quote_literal_cstr(name));
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("chain \"%s\" does not exist", name),
				 errhint("SELECT name FROM chainsync.chains lists the chains; "
						 "chainsync.add_chain() adds one.")));
	return (int) spi_int64(0, "id", 0);
}

ChainTable *
chain_table(ChainConfig *chain, ChainTableKind kind)
{
	for (int i = 0; i < chain->table_count; i++)
	{
		ChainTable *table = &chain->tables[i];

		if (table->kind != kind)
			continue;
		if (!OidIsValid(table->relid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("table %s of chain \"%s\" does not exist",
							table->qualified, chain->name),
					 errhint("Restore it, or remove the chain with "
							 "chainsync.remove_chain() and add it again.")));
		return table;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("chain \"%s\" has no table for %s", chain->name,
					kind_names[kind]),
			 errdetail("The row in chainsync.chain_tables is missing.")));
}

static void
save_info(const ChainConfig *chain, const char *key, const char *json)
{
	spi_run(SPI_OK_INSERT, false,
			"INSERT INTO %s AS i (key, value) VALUES (%s, %s::jsonb) "
			"ON CONFLICT (key) DO UPDATE SET value = excluded.value "
			"WHERE i.value IS DISTINCT FROM excluded.value",
			quote_qualified_identifier(chain->schema, "chainsync_info"),
			quote_literal_cstr(key), quote_literal_cstr(json));
}

/* {"version": …, "tables": {name: {kind, partition_blocks}}} */
static char *
layout_json(const ChainConfig *chain)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"version\": %d, \"tables\": {",
					 CHAIN_TABLE_VERSION);
	for (int i = 0; i < chain->table_count; i++)
	{
		const ChainTable *table = &chain->tables[i];

		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, table->name);
		appendStringInfo(&json, ": {\"kind\": \"%s\", "
						 "\"partition_blocks\": %lld}",
						 kind_names[table->kind],
						 (long long) table->partition_blocks);
	}
	appendStringInfoString(&json, "}}");
	return json.data;
}

void
chain_save_info(ChainConfig *chain)
{
	Oid			schema = get_namespace_oid(chain->schema, false);
	char		genesis[2 * 32 + 5] = "\"0x";
	Identity	saved;

	if (!OidIsValid(get_relname_relid("chainsync_info", schema)))
		return;
	identity_become(&saved, chain_table(chain, TABLE_BLOCKS)->owner);
	save_info(chain, "layout", layout_json(chain));
	if (chain->chain_id != NULL)
		save_info(chain, "chain_id", psprintf("\"%s\"", chain->chain_id));
	if (chain->genesis != NULL)
	{
		hexbytes_encode(genesis + 3, chain->genesis, 32);
		strlcpy(genesis + 67, "\"", 2);
		save_info(chain, "genesis", genesis);
	}
	identity_restore(&saved);
}
