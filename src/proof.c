/*-------------------------------------------------------------------------
 *
 * proof.c
 *	  The rules of a chain for verify.h, out of the tables.
 *
 * A row of the user's takes the place of the shipped one for the same fork,
 * or for the same chain, type and check of a quirk.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "catalog/pg_type.h"

#include "proof.h"
#include "spi_util.h"

PG_FUNCTION_INFO_V1(chainsync_checks);

#define MASK_BITS 20
#define MASK ((INT64CONST(1) << MASK_BITS) - 1)

ProofMode
proof_mode_by_name(const char *name)
{
	static const char *const names[] = {
		[PROOF_OFF] = "off",[PROOF_OBSERVE] = "observe",
		[PROOF_LINKS] = "links",[PROOF_FULL] = "full"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a level of verification", name),
			 errhint("Levels are full, links, observe and off.")));
}

/* The forks that change what is checked; -1 for those that do not. */
static int
fork_by_name(const char *name)
{
	static const char *const names[VERIFY_FORK_COUNT] = {
		[VERIFY_FORK_BYZANTIUM] = "byzantium",
		[VERIFY_FORK_LONDON] = "london",
		[VERIFY_FORK_SHANGHAI] = "shanghai",
		[VERIFY_FORK_CANCUN] = "cancun",
		[VERIFY_FORK_PRAGUE] = "prague",
		[VERIFY_FORK_AMSTERDAM] = "amsterdam"
	};

	for (int i = 0; i < VERIFY_FORK_COUNT; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static void
load_forks(Proof *proof, const char *chain_id)
{
	VerifyBlobFraction *schedule;
	int			count;

	spi_run(SPI_OK_SELECT, false,
			"SELECT DISTINCT ON (fork) fork, block, \"time\", blob_fraction "
			"FROM chainsync.forks WHERE chain_id = %s::numeric "
			"ORDER BY fork, shipped", quote_literal_cstr(chain_id));
	count = (int) SPI_processed;
	proof->modelled = count > 0;
	if (count == 0)
		return;
	for (int i = 0; i < VERIFY_FORK_COUNT; i++)
		proof->rules.forks[i].when = VERIFY_WHEN_NEVER;
	for (int i = 0; i < count; i++)
	{
		int			fork = fork_by_name(spi_text(i, "fork"));
		int64		block = spi_int64(i, "block", -1);
		int64		time = spi_int64(i, "time", -1);

		if (fork < 0)
			continue;
		if (block >= 0)
			proof->rules.forks[fork].when = VERIFY_WHEN_BLOCK;
		else if (time >= 0)
			proof->rules.forks[fork].when = VERIFY_WHEN_TIME;
		proof->rules.forks[fork].at = block >= 0 ? block : Max(time, 0);
	}

	spi_run(SPI_OK_SELECT, false,
			"SELECT \"time\", blob_fraction FROM (SELECT DISTINCT ON (fork) "
			"\"time\", blob_fraction FROM chainsync.forks "
			"WHERE chain_id = %s::numeric ORDER BY fork, shipped) AS f "
			"WHERE blob_fraction IS NOT NULL AND \"time\" IS NOT NULL "
			"ORDER BY \"time\"", quote_literal_cstr(chain_id));
	count = (int) SPI_processed;
	schedule = spi_alloc(sizeof(VerifyBlobFraction) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		schedule[i].from_time = spi_int64(i, "time", 0);
		schedule[i].fraction = spi_int64(i, "blob_fraction", 1);
	}
	proof->rules.blob_schedule = schedule;
	proof->rules.blob_schedule_count = count;
}

static void
load_quirks(Proof *proof, const char *chain_id)
{
	VerifySkip *skips;
	int			count;

	spi_run(SPI_OK_SELECT, false,
			"SELECT coalesce(pg_catalog.lower(q.blocks), 0) AS first, "
			"pg_catalog.upper(q.blocks) - 1 AS last, q.transaction_type, "
			"q.check_name FROM chainsync.quirks AS q "
			"WHERE q.chain_id = %s::numeric AND q.action = 'skip' "
			"AND NOT pg_catalog.isempty(q.blocks) "
			"AND NOT (q.shipped AND EXISTS (SELECT FROM chainsync.quirks AS u "
			"WHERE NOT u.shipped AND u.action = 'check' "
			"AND u.chain_id = q.chain_id AND u.check_name = q.check_name "
			"AND u.transaction_type IS NOT DISTINCT FROM q.transaction_type))",
			quote_literal_cstr(chain_id));
	count = (int) SPI_processed;
	skips = spi_alloc(sizeof(VerifySkip) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		int64		type = spi_int64(i, "transaction_type", -1);

		skips[i].checks = verify_check_by_name(spi_text(i, "check_name"));
		skips[i].from_block = Max(spi_int64(i, "first", 0), 0);
		skips[i].to_block = spi_int64(i, "last", PG_INT64_MAX);
		skips[i].has_type = type >= 0;
		skips[i].type = type >= 0 ? type : 0;
	}
	proof->rules.skips = skips;
	proof->rules.skip_count = count;
}

static void
load_checkpoints(Proof *proof, int chain)
{
	spi_run(SPI_OK_SELECT, false,
			"SELECT number, hash FROM chainsync.checkpoints "
			"WHERE chain = %d ORDER BY number", chain);
	proof->checkpoint_count = (int) SPI_processed;
	proof->checkpoints = spi_alloc(sizeof(Checkpoint) *
								   (proof->checkpoint_count + 1));
	for (int i = 0; i < proof->checkpoint_count; i++)
	{
		proof->checkpoints[i].number = spi_int64(i, "number", 0);
		memcpy(proof->checkpoints[i].hash, spi_bytes(i, "hash", 32), 32);
	}
}

Proof *
proof_load(int chain, const char *chain_id, ProofMode mode,
		   bool verify_senders, bool allow_missing_receipt_root)
{
	Proof	   *proof = spi_alloc(sizeof(Proof));
	uint64		number = 0;

	/* a chain id beyond 64 bits is nobody's that is known */
	if (chain_id != NULL && strlen(chain_id) < 20)
		number = strtoull(chain_id, NULL, 10);
	(void) verify_rules_init(&proof->rules, number);
	memset(proof->rules.forks, 0, sizeof(proof->rules.forks));
	proof->rules.blob_schedule = NULL;
	proof->rules.blob_schedule_count = 0;
	proof->mode = mode;
	proof->rules.level = mode == PROOF_LINKS ? VERIFY_LEVEL_LINKS :
		VERIFY_LEVEL_FULL;
	proof->rules.verify_senders = verify_senders;
	proof->rules.allow_missing_receipt_root = allow_missing_receipt_root;
	if (chain_id != NULL)
	{
		load_forks(proof, chain_id);
		load_quirks(proof, chain_id);
	}
	load_checkpoints(proof, chain);
	return proof;
}

int64
proof_pack(const VerifyResult *result)
{
	return (int64) (result->passed & MASK) |
		(int64) (result->skipped & MASK) << MASK_BITS |
		(int64) ((result->failed | result->lacking) & MASK) << (2 * MASK_BITS);
}

void
proof_describe(char *out, Size size, const VerifyResult *result,
			   const Proof *proof, const char *chain_id)
{
	const VerifyFailure *failure = &result->failures[0];
	char		values[200] = "";
	char		quirk[200] = "";

	if (result->status == VERIFY_NO_MEMORY || result->failure_count == 0)
	{
		snprintf(out, size, "too large to be proven in the memory there is");
		return;
	}
	if (failure->expected[0] != '\0' || failure->found[0] != '\0')
		snprintf(values, sizeof(values), " (computed %s, given %s)",
				 failure->expected[0] ? failure->expected : "nothing",
				 failure->found[0] ? failure->found : "nothing");
	if (!proof->modelled && chain_id != NULL && !failure->lacking)
		snprintf(quirk, sizeof(quirk),
				 ". If the rules of chain id %s differ: INSERT INTO "
				 "chainsync.quirks (chain_id, check_name, reason) VALUES "
				 "(%s, '%s', '...')", chain_id, chain_id,
				 verify_check_name(failure->check));
	snprintf(out, size, "%s: %s%s%s", verify_check_name(failure->check),
			 failure->message, values, quirk);
}

/* The names of the checks of one mask. */
static Datum
check_names(int64 mask)
{
	Datum		names[MASK_BITS];
	int			count = 0;

	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
	{
		if (mask & (INT64CONST(1) << i))
			names[count++] = CStringGetTextDatum(verify_check_name(1u << i));
	}
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/*
 * checks(bigint): passed, skipped and failed by name.
 */
Datum
chainsync_checks(PG_FUNCTION_ARGS)
{
	int64		checks = PG_GETARG_INT64(0);
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < 3; i++)
		values[i] = check_names((checks >> (i * MASK_BITS)) & MASK);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}
