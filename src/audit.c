/*-------------------------------------------------------------------------
 *
 * audit.c
 *	  Proves stored blocks again, from their rows alone.
 *
 * The rows are read as the caller.  What verify.h finds wrong is a mismatch;
 * a block of the position without its rows is missing; a copy of a value that
 * differs from the value is a copy_mismatch; neighbours that do not link are
 * an open_seam.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <secp256k1.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "block_json.h"
#include "chain.h"
#include "hex.h"
#include "identity.h"
#include "proof.h"
#include "spi_util.h"
#include "stored_block.h"

PG_FUNCTION_INFO_V1(chainsync_audit);

typedef struct Audit
{
	ReturnSetInfo *result;
	ChainConfig *chain;
	Proof	   *proof;
	VerifyContext *verify;
	Arena		arena;
	bool		unprovable;
	int64		number;

	/* the block before, if it was audited just now */
	bool		has_previous;
	int64		previous;
	uint8		previous_hash[32];
} Audit;

static void
put_problem(Audit *audit, const char *check, const char *problem,
			const char *expected, const char *computed)
{
	Datum		values[5];
	bool		nulls[5] = {false, false, false, false, false};

	values[0] = Int64GetDatum(audit->number);
	values[1] = CStringGetTextDatum(check);
	values[2] = CStringGetTextDatum(problem);
	nulls[3] = expected == NULL || expected[0] == '\0';
	nulls[4] = computed == NULL || computed[0] == '\0';
	if (!nulls[3])
		values[3] = CStringGetTextDatum(expected);
	if (!nulls[4])
		values[4] = CStringGetTextDatum(computed);
	tuplestore_putvalues(audit->result->setResult, audit->result->setDesc,
						 values, nulls);
}

static bool
keep_going(void *arg)
{
	return !InterruptPending;
}

static void
put_verification(Audit *audit, EvmBlock *block)
{
	VerifyResult *result = palloc(sizeof(VerifyResult));

	do
	{
		CHECK_FOR_INTERRUPTS();
		verify_block(result, audit->verify, &audit->proof->rules, block,
					 audit->number, NULL);
	} while (result->status == VERIFY_INTERRUPTED);
	if (result->status == VERIFY_NO_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Block %lld could not be proven.",
						   (long long) audit->number)));
	for (uint32 i = 0; i < result->failure_count; i++)
	{
		const VerifyFailure *failure = &result->failures[i];

		put_problem(audit, verify_check_name(failure->check),
					failure->lacking ? "unprovable" : "mismatch",
					failure->found[0] ? failure->found : failure->message,
					failure->expected);
	}
	for (int i = 0; audit->unprovable && i < VERIFY_CHECK_COUNT; i++)
	{
		if (result->skipped & (1u << i))
			put_problem(audit, verify_check_name(1u << i), "unprovable", NULL,
						NULL);
	}
	if (audit->unprovable && (block->present & EVM_BLOCK_TOTAL_DIFFICULTY))
		put_problem(audit, "total_difficulty", "unprovable", NULL, NULL);
}

static void
put_copies(Audit *audit, const StoredBlock *stored)
{
	if (stored->transaction_count != stored->block.transaction_count)
		put_problem(audit, "transaction_count", "missing",
					psprintf("%lld", (long long) stored->transaction_count),
					psprintf("%u", stored->block.transaction_count));
	if (stored->bad_transaction_copy >= 0)
		put_problem(audit, "transactions.block_timestamp", "copy_mismatch",
					psprintf("transaction %lld",
							 (long long) stored->bad_transaction_copy), NULL);
	if (stored->bad_log_copy >= 0)
		put_problem(audit, "logs.block_timestamp", "copy_mismatch",
					psprintf("log %lld", (long long) stored->bad_log_copy),
					NULL);
	if (stored->bad_withdrawal_copy >= 0)
		put_problem(audit, "withdrawals.block_timestamp", "copy_mismatch",
					psprintf("withdrawal %lld",
							 (long long) stored->bad_withdrawal_copy), NULL);
}

static char *
hash_text(const uint8 *hash32)
{
	char	   *text = palloc(67);

	memcpy(text, "0x", 2);
	hexbytes_encode(text +2, hash32, 32);
	text[		66] = '\0';
	return text;
}

/* The hash of the block before, from the last turn or from its row. */
static bool
previous_hash(Audit *audit, uint8 *hash32)
{
	if (audit->has_previous && audit->previous == audit->number - 1)
	{
		memcpy(hash32, audit->previous_hash, 32);
		return true;
	}
	if (audit->number == 0)
		return false;
	spi_run(SPI_OK_SELECT, false,
			"SELECT hash FROM %s WHERE number = '%lld'::int8",
			chain_table(audit->chain, TABLE_BLOCKS)->qualified,
			(long long) audit->number - 1);
	if (SPI_processed != 1)
		return false;
	memcpy(hash32, spi_bytes(0, "hash", 32), 32);
	return true;
}

static void
put_seam(Audit *audit, const EvmBlock *block)
{
	uint8		hash[32];

	if (previous_hash(audit, hash) &&
		memcmp(hash, block->parent_hash, 32) != 0)
		put_problem(audit, "parent_hash", "open_seam",
					hash_text(block->parent_hash), hash_text(hash));
	memcpy(audit->previous_hash, block->hash, 32);
	audit->previous = audit->number;
	audit->has_previous = true;
}

static void
audit_block(Audit *audit)
{
	StoredBlock stored;
	StoredState state;

	arena_reset(&audit->arena);
	state = stored_block_load(audit->chain, audit->number, &audit->arena,
							  &stored);
	switch (state)
	{
		case STORED_MISSING:
			put_problem(audit, "blocks", "missing", NULL, NULL);
			break;
		case STORED_BROKEN:
			put_problem(audit, "rows", "mismatch", stored.problem, NULL);
			break;
		case STORED_OK:
			put_copies(audit, &stored);
			verify_fill(&stored.block);
			put_verification(audit, &stored.block);
			put_seam(audit, &stored.block);
			break;
	}
}

/* The numbers of the position within the bounds, as an array of ranges. */
static int64 *
synced_within(const char *chain, int64 from, int64 to, int *count)
{
	int64	   *bounds;

	spi_run(SPI_OK_SELECT, false,
			"SELECT pg_catalog.lower(piece) AS first, "
			"pg_catalog.upper(piece) - 1 AS last "
			"FROM pg_catalog.unnest(chainsync.synced(%s) "
			"* '{[%lld,%lld]}'::int8multirange) AS piece",
			quote_literal_cstr(chain), (long long) from, (long long) to);
	*count = (int) SPI_processed;
	bounds = spi_alloc(sizeof(int64) * 2 * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		bounds[2 * i] = spi_int64(i, "first", 0);
		bounds[2 * i + 1] = spi_int64(i, "last", 0);
	}
	return bounds;
}

/* Each block in a memory context and an SPI connection of its own. */
static void
audit_range(Audit *audit, int64 first, int64 last)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "chainsync audit",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (audit->number = first; audit->number <= last; audit->number++)
	{
		CHECK_FOR_INTERRUPTS();
		identity_spi_connect();
		audit_block(audit);
		identity_spi_finish();
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* What malloc gave must go back, whatever happens. */
static void
free_audit(void *arg)
{
	Audit	   *audit = arg;

	verify_context_destroy(audit->verify);
	arena_destroy(&audit->arena);
}

static Audit *
make_audit(FunctionCallInfo fcinfo)
{
	Audit	   *audit = palloc0(sizeof(Audit));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	audit->result = (ReturnSetInfo *) fcinfo->resultinfo;
	audit->unprovable = PG_GETARG_BOOL(3);
	audit->verify = palloc0(sizeof(VerifyContext));
	verify_context_init(audit->verify, secp256k1_context_static, 0);
	audit->verify->keep_going = keep_going;
	arena_init(&audit->arena, 0);
	callback->func = free_audit;
	callback->arg = audit;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return audit;
}

/*
 * audit(chain, from_block, to_block, unprovable)
 */
Datum
chainsync_audit(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int64		from = PG_GETARG_INT64(1);
	int64		to = PG_GETARG_INT64(2);
	Audit	   *audit;
	Identity	saved;
	int64	   *bounds;
	int			count;

	if (from < 0 || to < from || to == PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("from_block and to_block are not a range of block "
						"numbers")));
	InitMaterializedSRF(fcinfo, 0);
	audit = make_audit(fcinfo);
	identity_spi_connect();
	identity_become_extension_owner(&saved);
	audit->chain = chain_load(chain_lookup(name));
	if (audit->chain == NULL)
		elog(ERROR, "chain was removed meanwhile");
	audit->proof = proof_load(audit->chain->id, audit->chain->chain_id,
							  PROOF_FULL, true,
							  audit->chain->allow_missing_receipt_root);
	bounds = synced_within(name, from, to, &count);
	identity_restore(&saved);
	identity_spi_finish();

	for (int i = 0; i < count; i++)
		audit_range(audit, bounds[2 * i], bounds[2 * i + 1]);
	return (Datum) 0;
}
