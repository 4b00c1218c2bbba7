/*-------------------------------------------------------------------------
 *
 * chainsync.c
 *	  Loads the library.
 *
 * With shared_preload_libraries it has shared memory and workers; without,
 * the SQL functions work all the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "guc.h"
#include "launcher.h"
#include "shmem.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	guc_define();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	shmem_install_hooks();
	launcher_register();
}
