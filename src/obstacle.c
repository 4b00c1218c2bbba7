/*-------------------------------------------------------------------------
 *
 * obstacle.c
 *	  What users put on a chain's tables that stops the workers.
 *
 * A deferred trigger cannot fire when rows are written under
 * SECURITY_RESTRICTED_OPERATION; a foreign key without ON DELETE CASCADE
 * keeps blocks from being deleted.  Both are in the catalogs, and named before
 * they do harm.  A trigger that drops rows is not; the writer counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "obstacle.h"
#include "spi_util.h"

static void
read_obstacles(int chain, const char *condition)
{
	spi_run(SPI_OK_SELECT, false,
			"SELECT problem, hint FROM chainsync._obstacles(%d) WHERE %s "
			"ORDER BY problem", chain, condition);
}

void
obstacle_check(int chain)
{
	read_obstacles(chain, "stops_insert");
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s", spi_text(0, "problem")),
				 errhint("%s", spi_text(0, "hint"))));
}

void
obstacle_warn(int chain)
{
	read_obstacles(chain, "true");
	for (int i = 0; i < (int) SPI_processed; i++)
		ereport(WARNING,
				(errmsg("%s", spi_text(i, "problem")),
				 errhint("%s", spi_text(i, "hint"))));
}

void
obstacle_hint(void *arg)
{
	if (geterrcode() == ERRCODE_FOREIGN_KEY_VIOLATION)
		errhint("Blocks can be deleted only if what refers to them goes "
				"along: make the foreign key ON DELETE CASCADE, not "
				"deferred, or drop it.");
}
