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
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "chain.h"
#include "guc.h"
#include "hex.h"
#include "identity.h"
#include "redact.h"
#include "secret.h"
#include "shmem.h"
#include "spi_util.h"

static const char *const kind_names[CHAIN_TABLE_KINDS] = {
	"blocks", "transactions", "logs", "withdrawals"
};

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

/* URL or header with the secret in its place. */
static const char *
expand(const char *template, const char *secret, int endpoint)
{
	Size		size;
	char	   *result;

	if (template == NULL)
		return NULL;
	size = strlen(template) +
		(secret == NULL ? 0 : strlen(template) * strlen(secret)) + 1;
	result = spi_alloc(size);
	if (!secret_expand(result, size, template, secret))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("endpoint %d has {secret} and no secret_ref",
						endpoint)));
	return result;
}

/*
 * Puts the secret where it belongs, in a worker only: no other process has a
 * use for it.  False, with a warning, when it cannot be read.
 */
static bool
resolve_secret(RpcTarget *target, const char *ref, bool last)
{
	char		secret[SECRET_SIZE];
	char		error[512];

	if (MyWorkerSlot == NULL)
		return true;
	if (ref != NULL)
	{
		if (!secret_read(ref, secret, sizeof(secret), error, sizeof(error)))
		{
			ereport(last ? ERROR : WARNING,
					(errcode(ERRCODE_CONFIG_FILE_ERROR),
					 errmsg("the secret of endpoint %d cannot be used: %s",
							target->endpoint_id, error),
					 errhint("Set right what secret_ref names, or change it "
							 "with chainsync.alter_endpoint().")));
			return false;
		}
		target->secret = spi_strdup(secret);
		explicit_bzero(secret, sizeof(secret));
	}
	target->url = expand(target->url, target->secret, target->endpoint_id);
	target->header = expand(target->header, target->secret,
							target->endpoint_id);
	return true;
}

static void
load_endpoints(ChainConfig *chain)
{
	int			count;

	spi_run(SPI_OK_SELECT, false,
			"SELECT id, url, priority, max_concurrency, secret_ref, header, "
			"by_superuser::int AS by_superuser "
			"FROM chainsync.endpoints "
			"WHERE chain OPERATOR(pg_catalog.=) %d ORDER BY priority, id",
			chain->id);
	count = (int) SPI_processed;
	chain->endpoints = spi_alloc(sizeof(PoolEndpoint) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		PoolEndpoint *endpoint = &chain->endpoints[chain->endpoint_count];
		char		label[256];
		bool		last = i == count - 1 && chain->endpoint_count == 0;

		endpoint->target.endpoint_id = (int) spi_int64(i, "id", 0);
		endpoint->target.url = spi_text(i, "url");
		endpoint->priority = (int) spi_int64(i, "priority", 0);
		endpoint->max_concurrency = (int) spi_int64(i, "max_concurrency", 0);
		endpoint->target.header = spi_text(i, "header");
		endpoint->target.restricted = spi_int64(i, "by_superuser", 0) == 0;
		redact_url(label, sizeof(label), endpoint->target.url);
		endpoint->label = spi_strdup(label);
		if (resolve_secret(&endpoint->target, spi_text(i, "secret_ref"),
						   last))
			chain->endpoint_count++;
	}
}

static void
load_settings(ChainConfig *chain)
{
	char	   *verify = spi_text(0, "verify");

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
	chain->verify = verify != NULL ? proof_mode_by_name(verify) :
		(ProofMode) chainsync_verify;
	chain->verify_senders = spi_int64(0, "verify_senders",
									  chainsync_verify_senders ? 1 : 0) != 0;
	chain->accept_reorg = spi_int64(0, "accept_reorg", 0) != 0;
	chain->allow_missing_receipt_root =
		spi_int64(0, "allow_missing_receipt_root", 0) != 0;
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
			"batch_requests, compression::int AS compression, verify, "
			"verify_senders::int AS verify_senders, "
			"allow_missing_receipt_root::int AS allow_missing_receipt_root, "
			"accept_reorg::int AS accept_reorg "
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
	chain->proof = proof_load(chain->id, chain->chain_id, chain->verify,
							  chain->verify_senders,
							  chain->allow_missing_receipt_root);
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

void
chain_lock_table(ChainConfig *chain, ChainTable *table, int lockmode)
{
	for (;;)
	{
		Oid			schema = get_namespace_oid(chain->schema, false);
		Oid			relid = get_relname_relid(table->name, schema);

		if (!OidIsValid(relid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("table %s of chain \"%s\" does not exist",
							table->qualified, chain->name)));
		LockRelationOid(relid, lockmode);
		/* was it renamed or dropped while we waited? */
		if (get_relname_relid(table->name, schema) == relid)
		{
			table->relid = relid;
			table->owner = relation_owner(relid);
			break;
		}
		UnlockRelationOid(relid, lockmode);
	}
	if (!OidIsValid(table->owner))
		elog(ERROR, "table %s has no owner", table->qualified);
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
					 chain->tables[0].version);
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
	chain_lock_table(chain, chain_table(chain, TABLE_BLOCKS),
					 AccessShareLock);
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
