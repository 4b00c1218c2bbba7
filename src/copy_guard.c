/*-------------------------------------------------------------------------
 *
 * copy_guard.c
 *	  A copy of a database is not the original.
 *
 * Two databases that follow one chain by one set of keys are seldom wanted,
 * and whoever restores a dump to look at it does not want workers at all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "copy_guard.h"

PG_FUNCTION_INFO_V1(chainsync_system_identifier);
PG_FUNCTION_INFO_V1(chainsync_database_oid);

/* The chains that the log was told of. */
static Bitmapset *noted = NULL;

Datum
chainsync_system_identifier(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) GetSystemIdentifier());
}

Datum
chainsync_database_oid(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(MyDatabaseId);
}

bool
copy_guard_note(int chain, const char *name, bool is_copy)
{
	MemoryContext old;

	if (is_copy == bms_is_member(chain, noted))
		return is_copy;
	old = MemoryContextSwitchTo(TopMemoryContext);
	if (is_copy)
		noted = bms_add_member(noted, chain);
	else
		noted = bms_del_member(noted, chain);
	MemoryContextSwitchTo(old);
	if (is_copy)
		ereport(WARNING,
				(errmsg("chainsync chain \"%s\" is stopped: this database is "
						"a copy of the one that it was synced in", name),
				 errhint("SELECT chainsync.start(%s) goes on here.",
						 quote_literal_cstr(name))));
	return is_copy;
}
