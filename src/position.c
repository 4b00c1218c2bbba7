/*-------------------------------------------------------------------------
 *
 * position.c
 *	  The sync position: what is stored of a chain, and the lock on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "hex.h"
#include "position.h"
#include "spi_util.h"

/* A query that gives what is stored of chain %d as a multirange. */
#define SYNCED_EXPR \
	"(s.synced OPERATOR(pg_catalog.+) coalesce((SELECT " \
	"pg_catalog.range_agg(r.blocks) FROM chainsync.synced_ranges AS r " \
	"WHERE r.chain OPERATOR(pg_catalog.=) s.chain), '{}'))"

int64
position_lock(int chain)
{
	spi_run(SPI_OK_SELECT, false,
			"SELECT generation FROM chainsync.sync_state "
			"WHERE chain OPERATOR(pg_catalog.=) %d FOR UPDATE", chain);
	return SPI_processed == 1 ? spi_int64(0, "generation", 0) : -1;
}

void
position_append(int chain, int64 first, int64 last)
{
	spi_run(SPI_OK_INSERT, false,
			"INSERT INTO chainsync.synced_ranges (chain, blocks) "
			"VALUES (%d, '[%lld,%lld)'::int8range)", chain,
			(long long) first, (long long) last + 1);
}

void
position_note_head(int chain, const HeadState *head)
{
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.sync_state SET "
			"latest = nullif('%lld'::int8, -1), "
			"safe = nullif('%lld'::int8, -1), "
			"finalized = greatest(finalized, nullif('%lld'::int8, -1)), "
			"updated_at = pg_catalog.clock_timestamp() "
			"WHERE chain OPERATOR(pg_catalog.=) %d",
			(long long) head->latest, (long long) head->safe,
			(long long) head->finalized, chain);
}

void
position_note_stored(int chain, int64 number, const uint8 *hash32,
					 TimestampTz timestamp)
{
	char		hex[65];

	hexbytes_encode(hex, hash32, 32);
	hex[64] = '\0';
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.sync_state SET head_number = %lld, "
			"head_hash = '\\x%s'::bytea, "
			"head_timestamp = '%s'::timestamptz "
			"WHERE chain OPERATOR(pg_catalog.=) %d "
			"AND (head_number IS NULL "
			"OR head_number OPERATOR(pg_catalog.<=) %lld)",
			(long long) number, hex, timestamptz_to_str(timestamp), chain,
			(long long) number);
}

void
position_read_head(int chain, HeadState *head)
{
	head->latest = head->safe = head->finalized = -1;
	spi_run(SPI_OK_SELECT, true,
			"SELECT latest, safe, finalized FROM chainsync.sync_state "
			"WHERE chain OPERATOR(pg_catalog.=) %d", chain);
	if (SPI_processed != 1)
		return;
	head->latest = spi_int64(0, "latest", -1);
	head->safe = spi_int64(0, "safe", -1);
	head->finalized = spi_int64(0, "finalized", -1);
}

bool
position_next_range(int chain, int64 latest, int64 *first, int64 *last,
					int64 *generation, long *retry_ms)
{
	*retry_ms = -1;
	spi_run(SPI_OK_SELECT, false,
			"SELECT pg_catalog.lower(m.piece) AS first, "
			"pg_catalog.upper(m.piece) OPERATOR(pg_catalog.-) 1 AS last, "
			"s.generation FROM chainsync.chains AS c "
			"JOIN chainsync.sync_state AS s "
			"ON s.chain OPERATOR(pg_catalog.=) c.id "
			"CROSS JOIN LATERAL pg_catalog.unnest(c.target "
			"OPERATOR(pg_catalog.*) '{[0,%lld]}'::int8multirange "
			"OPERATOR(pg_catalog.-) " SYNCED_EXPR " "
			"OPERATOR(pg_catalog.-) coalesce((SELECT "
			"pg_catalog.range_agg(f.blocks) FROM chainsync.failed_ranges AS f "
			"WHERE f.chain OPERATOR(pg_catalog.=) c.id AND f.retry_at "
			"OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp()), '{}')) "
			"WITH ORDINALITY AS m (piece, place) "
			"WHERE c.id OPERATOR(pg_catalog.=) %d ORDER BY m.place LIMIT 1",
			(long long) latest, chain);
	if (SPI_processed == 1)
	{
		*first = spi_int64(0, "first", 0);
		*last = spi_int64(0, "last", 0);
		*generation = spi_int64(0, "generation", 0);
		return true;
	}
	spi_run(SPI_OK_SELECT, false,
			"SELECT pg_catalog.ceil(1000 OPERATOR(pg_catalog.*) "
			"pg_catalog.extract('epoch', pg_catalog.min(f.retry_at) "
			"OPERATOR(pg_catalog.-) pg_catalog.clock_timestamp()))::int8 "
			"AS ms FROM chainsync.failed_ranges AS f "
			"JOIN chainsync.chains AS c ON c.id = f.chain "
			"WHERE f.chain = %d AND f.retry_at > "
			"pg_catalog.clock_timestamp() AND f.blocks && c.target", chain);
	*retry_ms = (long) spi_int64(0, "ms", -1);
	return false;
}

void
position_resolve_last_blocks(int chain, int64 latest)
{
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.chains SET last_blocks = NULL, "
			"target = pg_catalog.int8multirange(pg_catalog.int8range("
			"greatest('%lld'::int8 OPERATOR(pg_catalog.-) last_blocks "
			"OPERATOR(pg_catalog.+) 1, 0), NULL)) "
			"WHERE id OPERATOR(pg_catalog.=) %d AND last_blocks IS NOT NULL",
			(long long) latest, chain);
}

bool
position_fold(int chain, bool wait)
{
	spi_run(SPI_OK_SELECT, false,
			"SELECT 1 FROM chainsync.synced_ranges "
			"WHERE chain OPERATOR(pg_catalog.=) %d LIMIT 1", chain);
	if (SPI_processed == 0)
		return false;
	spi_run(SPI_OK_SELECT, false,
			"SELECT 1 FROM chainsync.sync_state WHERE chain = %d FOR UPDATE "
			"%s", chain, wait ? "" : "SKIP LOCKED");
	if (SPI_processed == 0)
		return !wait;
	spi_run(SPI_OK_UPDATE, false,
			"WITH taken AS (DELETE FROM chainsync.synced_ranges "
			"WHERE chain OPERATOR(pg_catalog.=) %d RETURNING blocks) "
			"UPDATE chainsync.sync_state SET synced = synced "
			"OPERATOR(pg_catalog.+) coalesce((SELECT "
			"pg_catalog.range_agg(blocks) FROM taken), '{}') "
			"WHERE chain OPERATOR(pg_catalog.=) %d", chain, chain);
	return true;
}

void
position_cut(int chain, const char *multirange)
{
	char	   *literal = quote_literal_cstr(multirange);

	(void) position_fold(chain, true);
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.sync_state SET synced = synced "
			"OPERATOR(pg_catalog.-) %s::int8multirange, "
			"generation = generation OPERATOR(pg_catalog.+) 1, "
			"head_number = CASE WHEN head_number OPERATOR(pg_catalog.<@) "
			"%s::int8multirange THEN NULL ELSE head_number END "
			"WHERE chain OPERATOR(pg_catalog.=) %d", literal, literal, chain);
	spi_run(SPI_OK_DELETE, false,
			"DELETE FROM chainsync.failed_ranges "
			"WHERE chain OPERATOR(pg_catalog.=) %d AND blocks "
			"OPERATOR(pg_catalog.&&) %s::int8multirange", chain, literal);
	pfree(literal);
}

void
position_swap(int chain, int64 fork, int64 last)
{
	(void) position_fold(chain, true);
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.sync_state SET synced = synced "
			"- '{(%lld,)}'::int8multirange + '{[%lld,%lld]}'::int8multirange, "
			"head_number = NULL WHERE chain = %d", (long long) fork,
			(long long) fork + 1, (long long) last, chain);
	spi_run(SPI_OK_DELETE, false,
			"DELETE FROM chainsync.failed_ranges WHERE chain = %d "
			"AND blocks && '(%lld,)'::int8range", chain, (long long) fork);
}

void
position_fail(int chain, int64 first, int64 last, const char *reason,
			  const char *message)
{
	/* doubles from a second to an hour */
	spi_run(SPI_OK_INSERT, false,
			"INSERT INTO chainsync.failed_ranges AS f "
			"(chain, blocks, reason, message, retry_at) "
			"VALUES (%d, '[%lld,%lld]'::int8range, %s, %s, "
			"pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) "
			"interval '1 second') "
			"ON CONFLICT (chain, blocks) DO UPDATE SET "
			"reason = excluded.reason, message = excluded.message, "
			"attempts = f.attempts OPERATOR(pg_catalog.+) 1, "
			"last_failed_at = pg_catalog.clock_timestamp(), "
			"retry_at = pg_catalog.clock_timestamp() "
			"OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => "
			"pg_catalog.power(2.0::float8, "
			"least(f.attempts, 12)::float8))",
			chain, (long long) first, (long long) last,
			quote_literal_cstr(reason), quote_literal_cstr(message));
}

void
position_clear_failed(int chain, int64 first, int64 last)
{
	spi_run(SPI_OK_DELETE, false,
			"DELETE FROM chainsync.failed_ranges "
			"WHERE chain OPERATOR(pg_catalog.=) %d AND blocks "
			"OPERATOR(pg_catalog.<@) '[%lld,%lld]'::int8range", chain,
			(long long) first, (long long) last);
}
