/*-------------------------------------------------------------------------
 *
 * grant.c
 *	  Who may do what: the rows of chainsync.grants, and what they stand for.
 *
 * A function that changes the configuration exists twice: under its name, in
 * C, callable by whom EXECUTE was granted to; and with an underscore before
 * it, in PL/pgSQL, callable by the extension's owner only.  The first looks at
 * who calls and for which chain, becomes the extension's owner and calls the
 * second.  SECURITY DEFINER would not do: such a function cannot see who
 * called it.
 *
 * A role's privileges on a chain's schema and tables are granted by their
 * owners, those on schema chainsync by the extension's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "grant.h"
#include "identity.h"
#include "spi_util.h"

PG_FUNCTION_INFO_V1(chainsync_as_operator);
PG_FUNCTION_INFO_V1(chainsync_as_admin);
PG_FUNCTION_INFO_V1(chainsync_caller_is_superuser);
PG_FUNCTION_INFO_V1(chainsync_grant);
PG_FUNCTION_INFO_V1(chainsync_revoke);

typedef struct GrantRow
{
	Oid			role;
	GrantLevel	level;
	int			chain;			/* 0: all */
} GrantRow;

static const char *const level_names[] = {
	NULL, "reader", "operator", "admin"
};

static Oid	current_caller = InvalidOid;

/* The level of that name, or an error. */
static GrantLevel
parse_level(const char *name)
{
	for (int level = GRANT_READER; level <= GRANT_ADMIN; level++)
	{
		if (strcmp(name, level_names[level]) == 0)
			return level;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a level", name),
			 errhint("Levels are reader, operator and admin.")));
}

/* The rows that `condition` selects; the extension's owner, SPI connected. */
static GrantRow *
read_grants(int *count, const char *condition)
{
	GrantRow   *rows;

	spi_run(SPI_OK_SELECT, false,
			"SELECT role::oid::int8 AS role, level, chain "
			"FROM chainsync.grants WHERE %s ORDER BY id", condition);
	*count = (int) SPI_processed;
	rows = spi_alloc(sizeof(GrantRow) * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		rows[i].role = (Oid) spi_int64(i, "role", 0);
		rows[i].level = parse_level(spi_text(i, "level"));
		rows[i].chain = (int) spi_int64(i, "chain", 0);
	}
	return rows;
}

/* ---- checks ---- */

static bool
has_level(Oid caller, int chain, GrantLevel level)
{
	GrantRow   *rows;
	Identity	saved;
	Oid			owner;
	int			count;
	bool		found = false;

	(void) identity_extension(&owner, false);
	if (superuser_arg(caller) || has_privs_of_role(caller, owner))
		return true;
	identity_become(&saved, owner);
	rows = read_grants(&count, psprintf("chain IS NULL "
										"OR chain OPERATOR(pg_catalog.=) %d",
										chain));
	identity_restore(&saved);
	for (int i = 0; i < count && !found; i++)
		found = rows[i].level >= level &&
			has_privs_of_role(caller, rows[i].role);
	return found;
}

void
grant_require(int chain, const char *name, GrantLevel level)
{
	Oid			caller = GetUserId();
	const char *user;

	if (has_level(caller, chain, level))
		return;
	user = GetUserNameFromId(caller, true);
	if (chain == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" is not %s of all chains", user,
						level_names[level]),
				 errhint("A superuser can change that: "
						 "SELECT chainsync.grant(%s, '%s').",
						 quote_literal_cstr(user), level_names[level])));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" is not %s of chain \"%s\"", user,
					level_names[level], name),
			 errhint("A superuser can change that: "
					 "SELECT chainsync.grant(%s, '%s', %s).",
					 quote_literal_cstr(user), level_names[level],
					 quote_literal_cstr(name))));
}

void
grant_require_named(const char *name, GrantLevel level)
{
	Identity	saved;
	int			chain;

	identity_become_extension_owner(&saved);
	chain = chain_lookup(name);
	identity_restore(&saved);
	grant_require(chain, name, level);
}

/* ---- functions that run as the extension's owner ---- */

Oid
grant_call_begin(Oid caller)
{
	Oid			outer = current_caller;

	current_caller = caller;
	return outer;
}

void
grant_call_end(Oid outer)
{
	current_caller = outer;
}

/* Calls the function of the same name and arguments with "_" before it. */
static Datum
call_inner(FunctionCallInfo fcinfo)
{
	LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
	Oid			outer = fcinfo->flinfo->fn_oid;
	FmgrInfo	function;
	Oid		   *types;
	int			nargs;
	char	   *name = psprintf("_%s", get_func_name(outer));
	Datum		result;

	(void) get_func_signature(outer, &types, &nargs);
	fmgr_info(LookupFuncName(list_make2(makeString(CHAINSYNC_SCHEMA),
										makeString(name)), nargs, types,
							 false), &function);
	InitFunctionCallInfoData(*inner, &function, nargs, fcinfo->fncollation,
							 NULL, NULL);
	for (int i = 0; i < nargs; i++)
		inner->args[i] = fcinfo->args[i];
	result = FunctionCallInvoke(inner);
	fcinfo->isnull = inner->isnull;
	return result;
}

/* The first argument is the chain. */
static Datum
call_as_owner(FunctionCallInfo fcinfo, GrantLevel level)
{
	Identity	saved;
	volatile Datum result = (Datum) 0;
	Oid			outer;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name of the chain must not be null")));
	identity_spi_connect();
	grant_require_named(text_to_cstring(PG_GETARG_TEXT_PP(0)), level);
	identity_spi_finish();

	outer = grant_call_begin(GetUserId());
	PG_TRY();
	{
		identity_become_extension_owner(&saved);
		result = call_inner(fcinfo);
		identity_restore(&saved);
	}
	PG_FINALLY();
	{
		grant_call_end(outer);
	}
	PG_END_TRY();
	return result;
}

Datum
chainsync_as_operator(PG_FUNCTION_ARGS)
{
	return call_as_owner(fcinfo, GRANT_OPERATOR);
}

Datum
chainsync_as_admin(PG_FUNCTION_ARGS)
{
	return call_as_owner(fcinfo, GRANT_ADMIN);
}

/*
 * _caller_is_superuser(): of whoever called the function that became the
 * extension's owner, or of the current user where nothing did.
 */
Datum
chainsync_caller_is_superuser(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(superuser_arg(OidIsValid(current_caller) ?
								 current_caller : GetUserId()));
}

/* ---- privileges ---- */

static Oid
schema_owner(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID,
										ObjectIdGetDatum(schema));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* One GRANT or REVOKE, by the object's owner, whose own rights stay. */
static void
run_as_owner(Oid owner, Oid role, bool give, const char *privilege,
			 const char *object)
{
	Identity	saved;

	if (!OidIsValid(owner) || owner == role)
		return;
	identity_become(&saved, owner);
	spi_run(SPI_OK_UTILITY, false, "%s %s ON %s %s %s",
			give ? "GRANT" : "REVOKE", privilege, object,
			give ? "TO" : "FROM",
			quote_identifier(GetUserNameFromId(role, false)));
	identity_restore(&saved);
}

/* Reading a chain's tables; partitions are reached through their parents. */
static void
set_chain_privileges(ChainConfig *chain, Oid role, bool give)
{
	Oid			schema = get_namespace_oid(chain->schema, true);

	if (!OidIsValid(schema))
		return;
	run_as_owner(schema_owner(schema), role, give, "USAGE",
				 psprintf("SCHEMA %s", quote_identifier(chain->schema)));
	for (int i = 0; i < chain->table_count; i++)
		run_as_owner(chain->tables[i].owner, role, give, "SELECT",
					 chain->tables[i].qualified);
}

void
grant_apply_chain(ChainConfig *chain)
{
	GrantRow   *rows;
	int			count;

	rows = read_grants(&count, psprintf("(chain IS NULL OR chain "
										"OPERATOR(pg_catalog.=) %d) AND "
										"EXISTS (SELECT FROM "
										"pg_catalog.pg_roles AS r WHERE r.oid "
										"OPERATOR(pg_catalog.=) role::oid)",
										chain->id));
	for (int i = 0; i < count; i++)
		set_chain_privileges(chain, rows[i].role, true);
}

/* What the level gives on schema chainsync, or all it could have given. */
static void
set_extension_privileges(Oid role, bool give, GrantLevel level)
{
	char	  **statements;
	int			count;

	spi_run(SPI_OK_SELECT, false,
			"SELECT statement FROM chainsync._grant_statements('%u'::oid, %s, "
			"%s) AS statement", role, give ? "true" : "false",
			quote_literal_cstr(level_names[level]));
	count = (int) SPI_processed;
	statements = spi_alloc(sizeof(char *) * (count + 1));
	for (int i = 0; i < count; i++)
		statements[i] = spi_text(i, "statement");
	for (int i = 0; i < count; i++)
		spi_run(SPI_OK_UTILITY, false, "%s", statements[i]);
}

/* The chains' ids. */
static int *
all_chains(int *count)
{
	int		   *ids;

	spi_run(SPI_OK_SELECT, false, "SELECT id FROM chainsync.chains");
	*count = (int) SPI_processed;
	ids = spi_alloc(sizeof(int) * (*count + 1));
	for (int i = 0; i < *count; i++)
		ids[i] = (int) spi_int64(i, "id", 0);
	return ids;
}

/* Makes the role's privileges what its rows say. */
static void
refresh_role(Oid role, bool take_first)
{
	GrantRow   *rows;
	int			count;
	int		   *chains;
	int			chain_count;
	int			highest = 0;

	rows = read_grants(&count, psprintf("role::oid OPERATOR(pg_catalog.=) "
										"'%u'::oid", role));
	for (int i = 0; i < count; i++)
		highest = Max(highest, (int) rows[i].level);
	if (take_first)
		set_extension_privileges(role, false, GRANT_ADMIN);
	if (highest > 0)
		set_extension_privileges(role, true, highest);

	chains = all_chains(&chain_count);
	for (int c = 0; c < chain_count; c++)
	{
		ChainConfig *chain = chain_load(chains[c]);
		bool		covered = false;

		if (chain == NULL)
			continue;
		for (int i = 0; i < count; i++)
			covered |= rows[i].chain == 0 || rows[i].chain == chain->id;
		if (covered || take_first)
			set_chain_privileges(chain, role, covered);
	}
}

/* The role to grant to or revoke from. */
static Oid
role_argument(Datum name)
{
	Oid			role = get_role_oid(NameStr(*DatumGetName(name)), false);
	Oid			owner;

	(void) identity_extension(&owner, false);
	if (role == owner)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_GRANT_OPERATION),
				 errmsg("role \"%s\" owns the extension and may do "
						"everything", NameStr(*DatumGetName(name)))));
	return role;
}

/*
 * grant(role, level, chain)
 */
Datum
chainsync_grant(PG_FUNCTION_ARGS)
{
	Identity	saved;
	Oid			role;
	GrantLevel	level;
	char		chain[32] = "NULL";

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("role and level must not be null")));
	role = role_argument(PG_GETARG_DATUM(0));
	level = parse_level(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	identity_spi_connect();
	identity_become_extension_owner(&saved);
	if (!PG_ARGISNULL(2))
		snprintf(chain, sizeof(chain), "%d",
				 chain_lookup(text_to_cstring(PG_GETARG_TEXT_PP(2))));
	spi_run(SPI_OK_INSERT, false,
			"INSERT INTO chainsync.grants AS g (role, chain, level) "
			"VALUES ('%u'::oid, %s, '%s') ON CONFLICT (role, chain) "
			"DO UPDATE SET level = excluded.level WHERE "
			"pg_catalog.array_position('{reader,operator,admin}'::text[], "
			"g.level) OPERATOR(pg_catalog.<) "
			"pg_catalog.array_position('{reader,operator,admin}'::text[], "
			"excluded.level)", role, chain, level_names[level]);
	refresh_role(role, false);
	identity_restore(&saved);
	identity_spi_finish();
	PG_RETURN_VOID();
}

/*
 * revoke(role, chain)
 */
Datum
chainsync_revoke(PG_FUNCTION_ARGS)
{
	Identity	saved;
	Oid			role;
	char	   *condition = "true";

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("role must not be null")));
	role = role_argument(PG_GETARG_DATUM(0));
	identity_spi_connect();
	identity_become_extension_owner(&saved);
	if (!PG_ARGISNULL(1))
	{
		char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));

		condition = psprintf("chain OPERATOR(pg_catalog.=) %d",
							 chain_lookup(name));
	}
	spi_run(SPI_OK_DELETE, false,
			"DELETE FROM chainsync.grants WHERE role::oid "
			"OPERATOR(pg_catalog.=) '%u'::oid AND %s", role, condition);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("nothing of that was granted to role \"%s\"",
						GetUserNameFromId(role, false)),
				 errhint("SELECT * FROM chainsync.grants lists what was.")));
	refresh_role(role, true);
	identity_restore(&saved);
	identity_spi_finish();
	PG_RETURN_VOID();
}
