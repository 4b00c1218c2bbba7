/*-------------------------------------------------------------------------
 *
 * endpoint_sql.c
 *	  Endpoints as SQL sees them: their health, and their URLs redacted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pool.h"
#include "redact.h"
#include "verify.h"
#include "secret.h"

#define STAT_ENDPOINT_COLUMNS 13

PG_FUNCTION_INFO_V1(chainsync_stat_endpoint);
PG_FUNCTION_INFO_V1(chainsync_stat_verification);
PG_FUNCTION_INFO_V1(chainsync_redact_url);
PG_FUNCTION_INFO_V1(chainsync_refuse_endpoint);
PG_FUNCTION_INFO_V1(chainsync_secret_in_url);
PG_FUNCTION_INFO_V1(chainsync_secret_in_header);

static void
put_stat(ReturnSetInfo *result, const PoolStat *stat)
{
	Datum		values[STAT_ENDPOINT_COLUMNS];
	bool		nulls[STAT_ENDPOINT_COLUMNS] = {false};

	values[0] = Int32GetDatum(stat->endpoint_id);
	values[1] = CStringGetTextDatum(stat->state);
	values[2] = Int64GetDatum(stat->requests);
	values[3] = Int64GetDatum(stat->failures);
	values[4] = Int64GetDatum(stat->throttled);
	values[5] = Int64GetDatum(stat->bytes_received);
	values[6] = Int32GetDatum(stat->inflight);
	values[7] = Float8GetDatum(stat->latency_ms);
	nulls[7] = stat->latency_ms < 0;
	values[8] = Int64GetDatum(stat->head);
	nulls[8] = stat->head < 0;
	values[9] = BoolGetDatum((stat->capabilities & POOL_HAS_BLOCK_RECEIPTS) != 0);
	nulls[9] = (stat->capabilities &
				(POOL_HAS_BLOCK_RECEIPTS | POOL_NO_BLOCK_RECEIPTS)) == 0;
	values[10] = CStringGetTextDatum(stat->last_error);
	nulls[10] = stat->last_error[0] == '\0';
	values[11] = TimestampTzGetDatum(stat->last_error_at);
	nulls[11] = stat->last_error_at == 0;
	values[12] = TimestampTzGetDatum(stat->retry_at);
	nulls[12] = stat->retry_at == 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The health of this database's endpoints that were asked so far. */
Datum
chainsync_stat_endpoint(PG_FUNCTION_ARGS)
{
	PoolStat   *stats;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	count = pool_read_stats(&stats);
	for (int i = 0; i < count; i++)
		put_stat((ReturnSetInfo *) fcinfo->resultinfo, &stats[i]);
	return (Datum) 0;
}

static void
put_check(ReturnSetInfo *result, const PoolStat *stat, int check)
{
	const PoolCheckCount *count = &stat->checks[check];
	Datum		values[5];
	bool		nulls[5] = {false};

	if (count->passed + count->failed + count->skipped == 0)
		return;
	values[0] = Int32GetDatum(stat->endpoint_id);
	values[1] = CStringGetTextDatum(verify_check_name(1u << check));
	values[2] = Int64GetDatum(count->passed);
	values[3] = Int64GetDatum(count->failed);
	values[4] = Int64GetDatum(count->skipped);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* How the checks of each endpoint's blocks came out. */
Datum
chainsync_stat_verification(PG_FUNCTION_ARGS)
{
	PoolStat   *stats;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	count = pool_read_stats(&stats);
	for (int i = 0; i < count; i++)
	{
		for (int check = 0; check < VERIFY_CHECK_COUNT; check++)
			put_check((ReturnSetInfo *) fcinfo->resultinfo, &stats[i], check);
	}
	return (Datum) 0;
}

/* A URL as messages show it. */
Datum
chainsync_redact_url(PG_FUNCTION_ARGS)
{
	char	   *url = text_to_cstring(PG_GETARG_TEXT_PP(0));
	size_t		size = strlen(url) * 2 + 16;
	char	   *redacted = palloc(size);

	redact_url(redacted, size, url);
	PG_RETURN_TEXT_P(cstring_to_text(redacted));
}

/* Whether a key seems to be written out in a URL, or in a header line. */
Datum
chainsync_secret_in_url(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(secret_in_url(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

Datum
chainsync_secret_in_header(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(secret_in_header(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/*
 * refuse_endpoint(message, detail, hint): an error after which the server's
 * log does not have the statement, which may hold a key.
 */
Datum
chainsync_refuse_endpoint(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", text_to_cstring(PG_GETARG_TEXT_PP(0))),
			 errdetail("%s", text_to_cstring(PG_GETARG_TEXT_PP(1))),
			 errhint("%s", text_to_cstring(PG_GETARG_TEXT_PP(2))),
			 errhidestmt(true)));
	PG_RETURN_VOID();
}
