/*-------------------------------------------------------------------------
 *
 * follower.c
 *	  One worker a chain: fetches everything of the target, in order.
 *
 * History, the head, a hole, a re-sync are the same thing: the first range of
 * what the target asks for and the tables have not.  Nothing is handed over
 * between two ways of doing it.
 *
 * Between two waits for the network the worker is in no transaction.  Blocks
 * are taken from the source in order, gathered into batches of neighbours,
 * and each batch is one transaction.  What the chain's endpoints do wrong
 * changes the status; what the database says is an ERROR, which ends the
 * process, and the scheduler starts it again after a delay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "clock.h"
#include "follower.h"
#include "guc.h"
#include "hex.h"
#include "launcher.h"
#include "obstacle.h"
#include "position.h"
#include "spi_util.h"
#include "stage.h"
#include "worker.h"
#include "writer.h"

#define DEFAULT_CONFIRMATIONS 64
#define TAGS_INTERVAL_MS 1000
#define NOTE_HEAD_INTERVAL_MS 1000
/* How soon to look again for an endpoint that can be asked for the head. */
#define ASK_AGAIN_MS 50
/* So many blocks at once are not yet called a backlog. */
#define TIP_BLOCKS 3
#define RATE_WINDOW_MS 10000
/* Longest sleep; the latch wakes us for what matters. */
#define IDLE_MS 60000

int64
follower_final_limit(const Follower *f)
{
	int64		final = f->head.finalized;

	if (f->chain->confirmations >= 0)
	{
		int64		confirmed = f->head.latest - f->chain->confirmations;

		final = final < 0 ? confirmed : Min(final, confirmed);
	}
	else if (final < 0)
		final = f->head.latest - DEFAULT_CONFIRMATIONS;
	return final;
}

void
follower_publish(Follower *f)
{
	SpinLockAcquire(&MyWorkerSlot->mutex);
	MyWorkerSlot->view.latest = f->head.latest;
	MyWorkerSlot->view.safe = f->head.safe;
	MyWorkerSlot->view.finalized = f->head.latest < 0 ? -1 : follower_final_limit(f);
	MyWorkerSlot->view.current_block = f->current_block;
	MyWorkerSlot->view.blocks_per_sec = f->rate;
	MyWorkerSlot->view.counters = f->counters;
	SpinLockRelease(&MyWorkerSlot->mutex);
}

void
follower_update_rate(Follower *f, int64 blocks)
{
	int64		now = clock_ms();

	if (f->rate_since == 0)
		f->rate_since = now;
	f->rate_blocks += blocks;
	if (now - f->rate_since >= RATE_WINDOW_MS / 10)
	{
		double		latest = f->rate_blocks * 1000.0 / (now - f->rate_since);

		f->rate = f->rate == 0 ? latest : 0.7 * f->rate + 0.3 * latest;
		f->rate_since = now;
		f->rate_blocks = 0;
	}
}

/* Shows the status, when it changed. */
static void
show_status(Follower *f)
{
	ChainStatus status;
	const char *reason = f->waits_for;

	if (f->halted)
		status = CHAIN_HALTED;
	else if (f->trouble[0] != '\0')
		status = CHAIN_ERROR;
	else if (f->head.latest < 0)
		status = CHAIN_STARTING;
	else
		status = f->caught_up ? CHAIN_CAUGHT_UP : CHAIN_SYNCING;
	if (status == CHAIN_HALTED || status == CHAIN_ERROR)
		reason = f->trouble;
	else if (f->chain->endpoint_count == 0)
		reason = "the chain has no endpoint: add one with add_endpoint()";
	else if (reason[0] == '\0' && f->chain->verify == PROOF_OFF)
		reason = "blocks are not verified: verify is off";
	if (status == f->shown_status && strcmp(reason, f->shown_reason) == 0)
		return;
	f->shown_status = status;
	strlcpy(f->shown_reason, reason, sizeof(f->shown_reason));
	worker_set_status(status, reason);
}

void
follower_set_trouble(Follower *f, const char *sqlstate, const char *message)
{
	if (message == NULL)
	{
		if (f->trouble[0] != '\0')
			ereport(LOG,
					(errmsg("chainsync chain \"%s\": goes on",
							f->chain->name)));
		f->trouble[0] = '\0';
		f->logged[0] = '\0';
		f->source_trouble = false;
		return;
	}
	if (strcmp(f->trouble, message) == 0)
		return;
	strlcpy(f->trouble, message, sizeof(f->trouble));
	f->source_trouble = false;
	worker_set_error(sqlstate, message);
	if (f->logged[0] == '\0')
	{
		strlcpy(f->logged, message, sizeof(f->logged));
		ereport(f->halted ? WARNING : LOG,
				(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
									   sqlstate[3], sqlstate[4])),
				 errmsg("chainsync chain \"%s\": %s", f->chain->name,
						message)));
	}
}

void
follower_drop_range(Follower *f)
{
	source_drop(f->source);
	f->have_range = false;
	f->plan_needed = true;
	f->batch_since = 0;
}

void
follower_hold(Follower *f)
{
	int64		delay = (int64) chainsync_retry_initial_delay <<
	Min(f->holds, 16);

	f->holds++;
	f->hold_until = clock_ms() + Min(delay, chainsync_retry_max_delay);
}

void
follower_set_tip(Follower *f, int64 number, const uint8 *hash32)
{
	f->tip_number = number;
	memcpy(f->tip_hash, hash32, 32);
}

/* The highest stored block, from the tables; in a transaction. */
static void
load_tip(Follower *f)
{
	uint8		hash[32];
	int64		number;

	f->tip_number = -1;
	spi_run(SPI_OK_SELECT, false,
			"SELECT pg_catalog.upper(chainsync.synced(%s)) - 1 AS tip",
			quote_literal_cstr(f->chain->name));
	number = spi_int64(0, "tip", -1);
	if (number < 0)
		return;
	chain_lock_table(f->chain, chain_table(f->chain, TABLE_BLOCKS),
					 AccessShareLock);
	if (writer_read_hash(chain_table(f->chain, TABLE_BLOCKS), number, "hash",
						 hash))
		follower_set_tip(f, number, hash);
}

/* Ends the process when the chain has no work for it any more. */
static void
load_chain(Follower *f)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "chainsync chain",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	HeadState	noted;

	if (!worker_begin())
		worker_exit("the extension was dropped, or is of another version");
	stage_init();
	f->chain = chain_load(f->chain_id);
	if (f->chain != NULL)
	{
		position_read_head(f->chain_id, &noted);
		obstacle_check(f->chain_id);
		load_tip(f);
	}
	worker_commit();
	if (f->chain == NULL)
		worker_exit("the chain was removed");
	if (!f->chain->enabled)
		worker_exit("stopped by the user");
	for (int i = 0; i < f->chain->table_count; i++)
	{
		if (f->chain->tables[i].version != CHAIN_TABLE_VERSION)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table %s is of layout version %d, this library "
							"writes version %d",
							f->chain->tables[i].qualified,
							f->chain->tables[i].version,
							CHAIN_TABLE_VERSION),
					 errhint("Call chainsync.upgrade_chain(%s).",
							 quote_literal_cstr(f->chain->name))));
	}
	/* what is final stays final */
	f->head.finalized = Max(f->head.finalized, noted.finalized);
	f->source = source_create(f->chain);
	MemoryContextSwitchTo(old);
	f->config_context = context;
}

/* Reads the configuration again; what is in flight is dropped. */
static void
reload_chain(Follower *f)
{
	if (f->source != NULL)
	{
		source_destroy(f->source);
		f->source = NULL;
		writer_reset();
	}
	if (f->config_context != NULL)
		MemoryContextDelete(f->config_context);
	f->config_context = NULL;
	load_chain(f);
	f->have_range = false;
	f->plan_needed = true;
	f->batch_since = 0;
	f->hold_until = 0;
	f->holds = 0;
	f->branch.state = BRANCH_NONE;
	f->halted = false;
	f->caught_up = false;
	f->waits_for[0] = '\0';
	f->next_poll = 0;
	f->next_tags = 0;
	f->head_answers = 0;
	f->seen_bytes = 0;
	f->seen_verify_us = 0;
}

/* Takes over whom the endpoints say they are. */
static void
learn_identity(Follower *f, char *genesis_hex)
{
	SourceIdentity *identity = source_identity(f->source);

	identity->learned = false;
	if (f->chain->chain_id == NULL && identity->chain_id[0] != '\0')
		f->chain->chain_id = MemoryContextStrdup(f->config_context,
												 identity->chain_id);
	if (f->chain->genesis == NULL && identity->has_genesis)
	{
		f->chain->genesis = MemoryContextAlloc(f->config_context, 32);
		memcpy(f->chain->genesis, identity->genesis, 32);
	}
	genesis_hex[0] = '\0';
	if (f->chain->genesis != NULL)
		hexbytes_encode(genesis_hex, f->chain->genesis, 32);
	genesis_hex[f->chain->genesis != NULL ? 64 : 0] = '\0';
}

/* Stores whom the endpoints say they are: binding from now on. */
static void
store_identity(Follower *f)
{
	char		genesis[65];

	learn_identity(f, genesis);
	if (!worker_begin())
		worker_exit("the extension was dropped");
	spi_run(SPI_OK_UPDATE, false,
			"UPDATE chainsync.chains SET "
			"chain_id = coalesce(chain_id, nullif(%s, '')::numeric), "
			"genesis = coalesce(genesis, "
			"nullif(pg_catalog.decode(%s, 'hex'), '')) WHERE id = %d",
			quote_literal_cstr(f->chain->chain_id ? f->chain->chain_id : ""),
			quote_literal_cstr(genesis), f->chain_id);
	chain_save_info(f->chain);
	worker_commit();
	ereport(LOG,
			(errmsg("chainsync chain \"%s\": from now on endpoints are held "
					"to chain id %s%s%s", f->chain->name,
					f->chain->chain_id ? f->chain->chain_id : "(unknown)",
					genesis[0] ? " and genesis 0x" : "", genesis)));
	/* the change wakes us; another one may have come with it */
}

/* Every endpoint shows another genesis than the one the chain is bound to. */
static void
halt_for_genesis(Follower *f)
{
	char		message[SHMEM_TEXT_SIZE];

	snprintf(message, sizeof(message),
			 "%s. If the node was reset, start over: remove_chain('%s', "
			 "drop_data => true), then add_chain()",
			 source_trouble(f->source) ? source_trouble(f->source) :
			 "the endpoints show another block 0", f->chain->name);
	follower_drop_range(f);
	f->halted = true;
	follower_set_trouble(f, "XX001", message);
}

/* Takes a new answer about the head into account. */
static void
see_head(Follower *f)
{
	const SourceHead *head = source_head(f->source);
	bool		first = f->head.latest < 0;

	if (head->answers == f->head_answers)
		return;
	f->head_answers = head->answers;
	if (head->latest != f->head.latest)
		f->plan_needed = f->plan_needed || !f->have_range;
	f->head.latest = head->latest;
	f->head.safe = head->safe;
	f->head.finalized = Max(f->head.finalized, head->finalized);
	if (f->chain->last_blocks > 0)
	{
		if (!worker_begin())
			worker_exit("the extension was dropped");
		position_resolve_last_blocks(f->chain_id, f->head.latest);
		worker_commit();
		f->chain->last_blocks = 0;	/* the change wakes us to read it */
	}
	if (first)
		f->next_note = 0;
	f->head_noted = false;
	follower_publish(f);
	branch_see_head(f);
}

static void
note_head(Follower *f)
{
	if (!worker_begin())
		worker_exit("the extension was dropped");
	position_note_head(f->chain_id, &f->head);
	worker_commit();
	f->head_noted = true;
	f->next_note = clock_ms() + NOTE_HEAD_INTERVAL_MS;
}

/* Finds the next range to fetch. */
static void
plan(Follower *f)
{
	int64		first;
	int64		last;
	long		retry_ms;
	bool		found;

	f->plan_needed = false;
	f->next_plan = 0;
	if (!worker_begin())
		worker_exit("the extension was dropped");
	found = position_next_range(f->chain_id, f->head.latest, &first, &last,
								&f->generation, &retry_ms);
	f->retried = retry_ms >= 0 || found;
	worker_commit();
	if (!found)
	{
		if (retry_ms >= 0)
			f->next_plan = clock_ms() + Max(retry_ms, 1);
		f->caught_up = true;
		if (!f->source_trouble)
			follower_set_trouble(f, NULL, NULL);
		worker_set_activity("waiting for a new head");
		return;
	}
	f->have_range = true;
	f->range_last = last;
	source_set_range(f->source, first, last, follower_final_limit(f));
	if (last - first >= TIP_BLOCKS)
		f->caught_up = false;
	worker_set_activity(psprintf("blocks %lld to %lld", (long long) first,
								 (long long) last));
}

static void
report_progress(Follower *f)
{
	int64		now = clock_ms();
	double		rate;

	if (chainsync_progress_report == 0)
		return;
	if (f->next_report == 0)
	{
		f->next_report = now + chainsync_progress_report;
		f->reported_at = now;
	}
	if (now < f->next_report)
		return;
	rate = (f->counters.blocks - f->reported_blocks) * 1000.0 /
		Max(now - f->reported_at, 1);
	if (f->counters.blocks > f->reported_blocks)
		ereport(LOG,
				(errmsg("chainsync chain \"%s\": block %lld of %lld, %.1f "
						"blocks/s", f->chain->name,
						(long long) f->current_block,
						(long long) f->head.latest, rate)));
	f->reported_blocks = f->counters.blocks;
	f->reported_at = now;
	f->next_report = now + chainsync_progress_report;
}

/* Asks the head when it is time. */
static void
poll_head(Follower *f)
{
	int64		now = clock_ms();

	if (now < f->next_poll)
		return;
	f->next_poll = now + f->chain->poll_interval;
	if (!source_ask_head(f->source, now >= f->next_tags))
	{
		f->next_poll = now + Min(f->chain->poll_interval, ASK_AGAIN_MS);
		return;
	}
	if (now >= f->next_tags)
		f->next_tags = now + Max(TAGS_INTERVAL_MS, f->chain->poll_interval);
}

/* Milliseconds until something is to be done. */
static long
time_to_sleep(const Follower *f)
{
	int64		now = clock_ms();
	int64		wake = Min(f->next_poll, now + IDLE_MS);

	if (f->next_plan > 0)
		wake = Min(wake, f->next_plan);
	if (f->batch_since > 0)
		wake = Min(wake, f->batch_since + chainsync_commit_interval);
	if (f->hold_until > now)
		wake = Min(wake, f->hold_until);
	if (!f->head_noted && f->head.latest >= 0)
		wake = Min(wake, f->next_note);
	return (long) Max(wake - now, 0);
}

/* What the source learned meanwhile. */
static void
see_source(Follower *f)
{
	SourceIdentity *identity = source_identity(f->source);
	const char *trouble = source_trouble(f->source);

	if (identity->learned)
		store_identity(f);
	if (identity->mismatch)
	{
		halt_for_genesis(f);
		return;
	}
	see_head(f);
	if (trouble != NULL)
	{
		follower_set_trouble(f, "08000", trouble);
		f->source_trouble = true;
	}
	else if (f->source_trouble)
		follower_set_trouble(f, NULL, NULL);
}

/* One turn: what is due, then a wait for the network. */
static void
follow(Follower *f)
{
	int64		now = clock_ms();
	int64		start;
	int64		verified;
	bool		held = f->hold_until > now;

	poll_head(f);
	if (!held && !f->have_range && f->branch.state == BRANCH_NONE &&
		f->head.latest >= 0 &&
		(f->plan_needed || (f->next_plan > 0 && now >= f->next_plan)))
		plan(f);
	if (!f->head_noted && f->head.latest >= 0 && now >= f->next_note)
		note_head(f);

	start = clock_us();
	source_pump(f->source, time_to_sleep(f));
	verified = source_verify_us(f->source) - f->seen_verify_us;
	f->seen_verify_us += verified;
	f->counters.verify_us += verified;
	f->counters.fetch_us += clock_us() - start - verified;
	f->counters.bytes_received += source_bytes(f->source) - f->seen_bytes;
	f->seen_bytes = source_bytes(f->source);

	see_source(f);
	if (!f->halted && f->branch.state != BRANCH_NONE &&
		f->hold_until <= clock_ms())
		branch_step(f);
	while (!f->halted && f->hold_until <= clock_ms() && f->have_range &&
		   ingest_blocks(f))
		worker_check();
	show_status(f);
	follower_update_rate(f, 0);
	report_progress(f);
}

static void
run(Follower *f)
{
	for (;;)
	{
		worker_check();
		MemoryContextSwitchTo(f->batch_context);
		MemoryContextReset(f->batch_context);
		if (worker_config_changed())
			reload_chain(f);
		if (f->halted)
			worker_sleep(IDLE_MS);
		else
			follow(f);
	}
}

/*
 * Entry point of a chain's follower.
 */
void
chainsync_follower_main(Datum main_arg)
{
	static Follower follower;
	Follower   *f = &follower;

	worker_start(main_arg);
	f->chain_id = MyWorkerSlot->chain;
	f->head.latest = f->head.safe = f->head.finalized = -1;
	f->current_block = MyWorkerSlot->view.current_block;
	f->counters = MyWorkerSlot->view.counters;
	f->reported_blocks = f->counters.blocks;
	f->batch_context = AllocSetContextCreate(TopMemoryContext,
											 "chainsync batch",
											 ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		run(f);
	}
	PG_CATCH();
	{
		worker_fail();
	}
	PG_END_TRY();
}
