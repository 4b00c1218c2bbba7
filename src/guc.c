/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Defines the settings of postgresql.conf.
 *
 * All can be changed by a reload: workers read them between two batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "utils/guc.h"

#include "guc.h"
#include "proof.h"

char	   *chainsync_databases;
int			chainsync_poll_interval;
int			chainsync_connect_timeout;
int			chainsync_request_timeout;
int			chainsync_max_response_size;
int			chainsync_max_inflight_requests;
int			chainsync_max_inflight_bytes;
int			chainsync_batch_requests;
bool		chainsync_compression;
int			chainsync_commit_blocks;
int			chainsync_commit_bytes;
int			chainsync_commit_interval;
int			chainsync_synchronous_commit;
int			chainsync_retry_initial_delay;
int			chainsync_retry_max_delay;
bool		chainsync_allow_private_endpoints;
int			chainsync_verify;
bool		chainsync_verify_senders;
bool		chainsync_notify;
int			chainsync_reorg_retention;
int			chainsync_progress_report;
int			chainsync_partition_blocks;

static const struct config_enum_entry synchronous_commit_options[] = {
	{"local", SYNCHRONOUS_COMMIT_LOCAL_FLUSH, false},
	{"remote_write", SYNCHRONOUS_COMMIT_REMOTE_WRITE, false},
	{"remote_apply", SYNCHRONOUS_COMMIT_REMOTE_APPLY, false},
	{"on", SYNCHRONOUS_COMMIT_REMOTE_FLUSH, false},
	{"off", SYNCHRONOUS_COMMIT_OFF, false},
	{NULL, 0, false}
};

static const struct config_enum_entry verify_options[] = {
	{"full", PROOF_FULL, false},
	{"links", PROOF_LINKS, false},
	{"observe", PROOF_OBSERVE, false},
	{"off", PROOF_OFF, false},
	{NULL, 0, false}
};

static void
define_int(const char *name, const char *short_desc, const char *long_desc,
		   int *variable, int boot, int min, int max, int flags)
{
	DefineCustomIntVariable(name, short_desc, long_desc, variable, boot, min,
							max, PGC_SIGHUP, flags, NULL, NULL, NULL);
}

static void
define_endpoint_settings(void)
{
	define_int("chainsync.poll_interval",
			   "Time between two looks at the head of a chain.",
			   "chains.poll_interval overrides it for a chain.",
			   &chainsync_poll_interval, 2000, 10, INT_MAX, GUC_UNIT_MS);
	define_int("chainsync.connect_timeout",
			   "Time to wait for a connection to an endpoint.",
			   "Name resolution and the TLS handshake included.",
			   &chainsync_connect_timeout, 3000, 1, INT_MAX, GUC_UNIT_MS);
	define_int("chainsync.request_timeout",
			   "Time to wait for the whole answer to a request.",
			   "A transfer that falls below 1000 bytes a second for 10 seconds "
			   "is given up earlier.",
			   &chainsync_request_timeout, 60000, 1, INT_MAX, GUC_UNIT_MS);
	define_int("chainsync.max_response_size",
			   "Largest answer taken from an endpoint.",
			   "Counted after decompression; a longer answer is cut off and "
			   "counts as the endpoint's failure.",
			   &chainsync_max_response_size, 64 * 1024, 64, 1024 * 1024,
			   GUC_UNIT_KB);
	define_int("chainsync.max_inflight_requests",
			   "HTTP requests that a worker has in flight at most.",
			   "chains.max_inflight_requests overrides it for a chain, "
			   "endpoints.max_concurrency limits an endpoint.",
			   &chainsync_max_inflight_requests, 16, 1, 1000, 0);
	define_int("chainsync.max_inflight_bytes",
			   "Answers that a worker holds in memory at most.",
			   "No further request is sent above it, so that nothing is "
			   "fetched that cannot be written.  The answer that is waited "
			   "for is always asked for.",
			   &chainsync_max_inflight_bytes, 64 * 1024, 1024, INT_MAX,
			   GUC_UNIT_KB);
	define_int("chainsync.batch_requests",
			   "JSON-RPC calls in one HTTP request at most.",
			   "1 sends no batches.  Batches help with small blocks and far "
			   "endpoints that allow them.  chains.batch_requests overrides "
			   "it for a chain.",
			   &chainsync_batch_requests, 1, 1, 1000, 0);
	DefineCustomBoolVariable("chainsync.compression",
							 "Asks endpoints for compressed answers.",
							 "Saves traffic and costs CPU on both sides.  "
							 "chains.compression overrides it for a chain.",
							 &chainsync_compression, false, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("chainsync.allow_private_endpoints",
							 "Lets endpoints that no superuser added have "
							 "loopback and private addresses.",
							 "Off, such endpoints are no way into the "
							 "server's own network.  Link-local addresses "
							 "are refused either way.",
							 &chainsync_allow_private_endpoints, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	define_int("chainsync.retry_initial_delay",
			   "First delay before something that failed is tried again.",
			   "It doubles with each failure, up to "
			   "chainsync.retry_max_delay.",
			   &chainsync_retry_initial_delay, 250, 1, INT_MAX, GUC_UNIT_MS);
	define_int("chainsync.retry_max_delay",
			   "Longest delay before something that failed is tried again.",
			   NULL,
			   &chainsync_retry_max_delay, 30000, 1, INT_MAX, GUC_UNIT_MS);
}

static void
define_write_settings(void)
{
	define_int("chainsync.commit_blocks",
			   "Blocks written in one transaction at most.",
			   "chains.commit_blocks overrides it for a chain.",
			   &chainsync_commit_blocks, 100, 1, 100000, 0);
	define_int("chainsync.commit_bytes",
			   "Size of the answers written in one transaction, about.",
			   NULL,
			   &chainsync_commit_bytes, 16 * 1024, 64, 1024 * 1024, GUC_UNIT_KB);
	define_int("chainsync.commit_interval",
			   "Time for which blocks are gathered before they are written.",
			   "Blocks at the head are written at once.",
			   &chainsync_commit_interval, 1000, 1, INT_MAX, GUC_UNIT_MS);
	DefineCustomEnumVariable("chainsync.synchronous_commit",
							 "synchronous_commit for finalized history.",
							 "With off, a crash may lose the last blocks, rows "
							 "and position together; they are fetched again.  "
							 "Blocks that are not final are written with the "
							 "server's own setting.",
							 &chainsync_synchronous_commit,
							 SYNCHRONOUS_COMMIT_OFF,
							 synchronous_commit_options, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	define_int("chainsync.partition_blocks",
			   "Blocks in a partition of a new chain's transactions and logs.",
			   "Those of blocks and withdrawals are 16 times as wide.  "
			   "add_chain's partition_blocks overrides it for a chain.",
			   &chainsync_partition_blocks, 250000, 1, INT_MAX, 0);
}

static void
define_proof_settings(void)
{
	DefineCustomEnumVariable("chainsync.verify",
							 "What is proven of a block before it is written.",
							 "full recomputes all that the header commits to; "
							 "links the header's hash only; observe proves "
							 "everything, records what failed and writes "
							 "nevertheless; off proves nothing.  chains.verify "
							 "overrides it for a chain.",
							 &chainsync_verify, PROOF_FULL, verify_options,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("chainsync.verify_senders",
							 "Recovers the sender of every transaction from "
							 "its signature.",
							 "The costliest check of all.  "
							 "chains.verify_senders overrides it for a chain.",
							 &chainsync_verify_senders, true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
}

/*
 * Defines all settings and reserves their prefix.
 */
void
guc_define(void)
{
	DefineCustomStringVariable("chainsync.databases",
							   "Databases in which workers run, separated by "
							   "commas.",
							   "Taking a database off the list and reloading "
							   "ends its workers, so that it can be dropped, "
							   "renamed or used as a template.",
							   &chainsync_databases, "", PGC_SIGHUP,
							   GUC_LIST_INPUT, NULL, NULL, NULL);
	define_int("chainsync.progress_report",
			   "Time between two log lines about a chain's progress.",
			   "0 writes none.",
			   &chainsync_progress_report, 60000, 0, INT_MAX, GUC_UNIT_MS);
	define_endpoint_settings();
	define_write_settings();
	define_proof_settings();
	DefineCustomBoolVariable("chainsync.notify",
							 "Sends NOTIFY chainsync with each commit at the "
							 "head.",
							 "The payload is a line of JSON with chain, kind, "
							 "from, to and hash.  History is never notified.",
							 &chainsync_notify, true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	define_int("chainsync.reorg_retention",
			   "How long reorgs and the blocks they replaced are kept.",
			   NULL,
			   &chainsync_reorg_retention, 7 * 24 * 60, 1, INT_MAX,
			   GUC_UNIT_MIN);
	MarkGUCPrefixReserved("chainsync");
}
