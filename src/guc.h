/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  The settings of postgresql.conf, all under the prefix "chainsync".
 *
 * guc.c defines them; README.md lists them.  Those that a column of
 * chainsync.chains overrides are read through ChainConfig by the workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_GUC_H
#define CHAINSYNC_GUC_H

extern char *chainsync_databases;	/* comma-separated database names */
extern int	chainsync_poll_interval;	/* ms between looks at the head */
extern int	chainsync_connect_timeout;	/* ms */
extern int	chainsync_request_timeout;	/* ms for a whole request */
extern int	chainsync_max_response_size;	/* kB after decompression */
extern int	chainsync_max_inflight_requests;	/* HTTP requests of a worker */
extern int	chainsync_max_inflight_bytes;	/* kB of answers held by a worker */
extern int	chainsync_batch_requests;	/* JSON-RPC calls in one request */
extern bool chainsync_compression;	/* ask endpoints for gzip */
extern int	chainsync_commit_blocks;	/* blocks in one transaction, at most */
extern int	chainsync_commit_bytes; /* kB of answers in one transaction */
extern int	chainsync_commit_interval;	/* ms a transaction gathers, at most */
extern int	chainsync_synchronous_commit;	/* SYNCHRONOUS_COMMIT_* of history */
extern int	chainsync_retry_initial_delay;	/* ms */
extern int	chainsync_retry_max_delay;	/* ms */
extern bool chainsync_allow_private_endpoints;
extern int	chainsync_verify;	/* ProofMode */
extern bool chainsync_verify_senders;
extern bool chainsync_notify;	/* NOTIFY at the head */
extern int	chainsync_reorg_retention;	/* minutes */
extern int	chainsync_progress_report;	/* ms between log lines; 0: none */
extern int	chainsync_partition_blocks; /* width of a new chain's partitions */

extern void guc_define(void);

#endif							/* CHAINSYNC_GUC_H */
