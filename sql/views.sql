-- What is going on.

CREATE FUNCTION chainsync._setup_problem() RETURNS text
AS 'MODULE_PATHNAME', 'chainsync_setup_problem'
LANGUAGE C STABLE;
COMMENT ON FUNCTION chainsync._setup_problem() IS 'Internal: why no workers can run in this database, or NULL';

CREATE FUNCTION chainsync._stat_worker(
	OUT worker text, OUT chain integer, OUT pid integer, OUT state text,
	OUT status text, OUT reason text, OUT activity text,
	OUT started_at timestamptz, OUT stopped_at timestamptz, OUT stop_reason text,
	OUT starts bigint,
	OUT latest bigint, OUT safe bigint, OUT finalized bigint,
	OUT current_block bigint, OUT blocks_per_sec double precision,
	OUT blocks bigint, OUT transactions bigint, OUT logs bigint, OUT withdrawals bigint,
	OUT commits bigint, OUT bytes_received bigint,
	OUT fetch_ms double precision, OUT verify_ms double precision, OUT stage_ms double precision,
	OUT write_ms double precision, OUT commit_ms double precision,
	OUT last_error text, OUT last_error_code text, OUT last_error_at timestamptz) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'chainsync_stat_worker'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION chainsync._stat_worker() IS 'Internal: the shared-memory slots of this database''s workers, those that ended too';

CREATE FUNCTION chainsync._stat_endpoint(
	OUT endpoint_id integer, OUT state text, OUT requests bigint, OUT failures bigint,
	OUT throttled bigint, OUT bytes_received bigint, OUT inflight integer,
	OUT latency_ms double precision, OUT head bigint, OUT block_receipts boolean,
	OUT last_error text, OUT last_error_at timestamptz, OUT retry_at timestamptz) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'chainsync_stat_endpoint'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION chainsync._stat_endpoint() IS 'Internal: the shared-memory health of this database''s endpoints';

CREATE VIEW chainsync.stat_worker AS
SELECT w.worker, c.name AS chain, w.pid, w.state, w.activity, w.started_at,
	w.stopped_at, w.stop_reason, w.starts, w.blocks, w.transactions, w.logs,
	w.withdrawals, w.commits, w.bytes_received, w.fetch_ms, w.verify_ms, w.stage_ms,
	w.write_ms, w.commit_ms, w.last_error, w.last_error_code, w.last_error_at
FROM chainsync._stat_worker() AS w
LEFT JOIN chainsync.chains AS c ON c.id = w.chain;
COMMENT ON VIEW chainsync.stat_worker IS 'Workers of this database, those that ended too, and what they have done since the server started';
COMMENT ON COLUMN chainsync.stat_worker.worker IS 'scheduler or follower';
COMMENT ON COLUMN chainsync.stat_worker.chain IS 'Chain it works for';
COMMENT ON COLUMN chainsync.stat_worker.pid IS 'Process id; NULL when it does not run';
COMMENT ON COLUMN chainsync.stat_worker.state IS 'starting, running or stopped';
COMMENT ON COLUMN chainsync.stat_worker.activity IS 'What it does now';
COMMENT ON COLUMN chainsync.stat_worker.started_at IS 'When it started last';
COMMENT ON COLUMN chainsync.stat_worker.stopped_at IS 'When it stopped last';
COMMENT ON COLUMN chainsync.stat_worker.stop_reason IS 'Why it stopped last';
COMMENT ON COLUMN chainsync.stat_worker.starts IS 'How often it was started';
COMMENT ON COLUMN chainsync.stat_worker.blocks IS 'Blocks written';
COMMENT ON COLUMN chainsync.stat_worker.transactions IS 'Transactions written';
COMMENT ON COLUMN chainsync.stat_worker.logs IS 'Logs written';
COMMENT ON COLUMN chainsync.stat_worker.withdrawals IS 'Withdrawals written';
COMMENT ON COLUMN chainsync.stat_worker.commits IS 'Transactions committed that wrote blocks';
COMMENT ON COLUMN chainsync.stat_worker.bytes_received IS 'Bytes of answers, decompressed';
COMMENT ON COLUMN chainsync.stat_worker.fetch_ms IS 'Milliseconds spent receiving, parsing, and waiting for answers, proofs aside';
COMMENT ON COLUMN chainsync.stat_worker.verify_ms IS 'Milliseconds spent proving blocks';
COMMENT ON COLUMN chainsync.stat_worker.stage_ms IS 'Milliseconds spent turning blocks into rows';
COMMENT ON COLUMN chainsync.stat_worker.write_ms IS 'Milliseconds spent inserting rows';
COMMENT ON COLUMN chainsync.stat_worker.commit_ms IS 'Milliseconds spent locking, noting the position and committing';
COMMENT ON COLUMN chainsync.stat_worker.last_error IS 'Last error';
COMMENT ON COLUMN chainsync.stat_worker.last_error_code IS 'SQLSTATE of the last error';
COMMENT ON COLUMN chainsync.stat_worker.last_error_at IS 'When it happened';

CREATE VIEW chainsync.stat_endpoint AS
SELECT c.name AS chain, e.id AS endpoint, chainsync._redact_url(e.url) AS url, e.priority,
	coalesce(h.state, 'unused') AS state, h.requests, h.failures, h.throttled,
	h.bytes_received, h.inflight, h.latency_ms, h.head, h.block_receipts,
	h.last_error, h.last_error_at, h.retry_at
FROM chainsync.endpoints AS e
JOIN chainsync.chains AS c ON c.id = e.chain
LEFT JOIN chainsync._stat_endpoint() AS h ON h.endpoint_id = e.id;
COMMENT ON VIEW chainsync.stat_endpoint IS 'Endpoints and their health since the server started';
COMMENT ON COLUMN chainsync.stat_endpoint.chain IS 'Chain it serves';
COMMENT ON COLUMN chainsync.stat_endpoint.endpoint IS 'Its id, for drop_endpoint';
COMMENT ON COLUMN chainsync.stat_endpoint.url IS 'Its URL without what may be secret';
COMMENT ON COLUMN chainsync.stat_endpoint.priority IS 'Lower is asked first';
COMMENT ON COLUMN chainsync.stat_endpoint.state IS 'ok, backoff (failed, waits), throttled (told to wait), quarantined (gave wrong answers) or unused';
COMMENT ON COLUMN chainsync.stat_endpoint.requests IS 'Requests sent';
COMMENT ON COLUMN chainsync.stat_endpoint.failures IS 'Requests that failed';
COMMENT ON COLUMN chainsync.stat_endpoint.throttled IS 'Requests it refused for being too many';
COMMENT ON COLUMN chainsync.stat_endpoint.bytes_received IS 'Bytes of answers, decompressed';
COMMENT ON COLUMN chainsync.stat_endpoint.inflight IS 'Requests in flight';
COMMENT ON COLUMN chainsync.stat_endpoint.latency_ms IS 'Moving average of the time to the last byte of an answer, in milliseconds';
COMMENT ON COLUMN chainsync.stat_endpoint.head IS 'Head it reported last';
COMMENT ON COLUMN chainsync.stat_endpoint.block_receipts IS 'Whether it has eth_getBlockReceipts; NULL: not tried';
COMMENT ON COLUMN chainsync.stat_endpoint.last_error IS 'Last error';
COMMENT ON COLUMN chainsync.stat_endpoint.last_error_at IS 'When it happened';
COMMENT ON COLUMN chainsync.stat_endpoint.retry_at IS 'When it is asked again';

CREATE VIEW chainsync.progress AS
SELECT p.chain, p.status, p.reason, p.current_block, p.latest_block,
	p.finalized_block, p.synced_blocks, p.remaining_blocks, p.failed_blocks,
	p.percent,
	pg_catalog.repeat('#', pg_catalog.floor(p.percent / 5)::integer)
		|| pg_catalog.repeat('.', 20 - pg_catalog.floor(p.percent / 5)::integer) AS bar,
	p.blocks_per_sec,
	p.lag_blocks, p.lag,
	CASE WHEN p.remaining_blocks > 0 AND p.blocks_per_sec > 0
		THEN pg_catalog.make_interval(secs => pg_catalog.ceil(p.remaining_blocks / p.blocks_per_sec)) END AS eta,
	p.started_at, p.last_error, p.last_error_at
FROM (
	SELECT q.name AS chain, q.status, q.reason, q.current_block, q.latest AS latest_block,
		q.finalized AS finalized_block, q.synced_blocks, q.remaining_blocks, q.failed_blocks,
		CASE WHEN q.remaining_blocks = 0 THEN 100
			WHEN q.remaining_blocks + q.target_synced > 0
			THEN pg_catalog.trunc(100.0 * q.target_synced / (q.remaining_blocks + q.target_synced), 2)
		END AS percent,
		CASE WHEN q.status IN ('syncing', 'caught_up') THEN pg_catalog.round(q.blocks_per_sec::numeric, 1) END AS blocks_per_sec,
		q.latest - q.current_block AS lag_blocks,
		q.lag, q.started_at, q.last_error, q.last_error_at
	FROM (
		SELECT c.name, c.started_at,
			CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'standby'
				WHEN w.pid IS NOT NULL THEN w.status
				WHEN NOT c.enabled OR chainsync._is_copy(s.system_identifier, s.database_oid) THEN 'stopped'
				WHEN w.status = 'error' THEN 'error'
				ELSE 'starting' END AS status,
			CASE WHEN w.pid IS NOT NULL THEN w.reason
				WHEN NOT c.enabled THEN NULL
				WHEN chainsync._is_copy(s.system_identifier, s.database_oid)
				THEN 'this database is a copy of the one that the chain was synced in: start() goes on here'
				ELSE coalesce(chainsync._setup_problem(), w.reason) END AS reason,
			(SELECT pg_catalog.upper(v.synced) - 1 WHERE NOT pg_catalog.isempty(v.synced)) AS current_block,
			v.latest,
			coalesce(w.finalized, s.finalized) AS finalized,
			chainsync._count(v.synced) AS synced_blocks,
			chainsync._count(v.synced * t.wanted) AS target_synced,
			CASE WHEN c.last_blocks IS NULL AND (v.latest IS NOT NULL OR NOT pg_catalog.upper_inf(c.target))
				THEN chainsync._count(t.wanted - v.synced) END AS remaining_blocks,
			(SELECT coalesce(pg_catalog.sum(pg_catalog.upper(f.blocks) - pg_catalog.lower(f.blocks)), 0)::bigint
				FROM chainsync.failed_ranges AS f WHERE f.chain = c.id) AS failed_blocks,
			w.blocks_per_sec,
			CASE WHEN s.head_timestamp IS NOT NULL
				THEN greatest(pg_catalog.clock_timestamp() - s.head_timestamp, interval '0') END AS lag,
			w.last_error, w.last_error_at
		FROM chainsync.chains AS c
		JOIN chainsync.sync_state AS s ON s.chain = c.id
		LEFT JOIN (SELECT DISTINCT ON (chain) * FROM chainsync._stat_worker() WHERE worker = 'follower') AS w ON w.chain = c.id
		CROSS JOIN LATERAL (
			SELECT s.synced + coalesce((SELECT pg_catalog.range_agg(r.blocks) FROM chainsync.synced_ranges AS r WHERE r.chain = c.id), '{}') AS synced,
				coalesce(w.latest, s.latest) AS latest) AS v
		CROSS JOIN LATERAL (
			SELECT CASE WHEN v.latest IS NOT NULL THEN c.target * pg_catalog.int8multirange(pg_catalog.int8range(0, v.latest + 1))
				WHEN pg_catalog.upper_inf(c.target) THEN '{}'::int8multirange
				ELSE c.target END AS wanted) AS t
	) AS q
) AS p;
COMMENT ON VIEW chainsync.progress IS 'How far each chain is, one row each';
COMMENT ON COLUMN chainsync.progress.chain IS 'Name of the chain';
COMMENT ON COLUMN chainsync.progress.status IS 'stopped, starting, syncing, caught_up, error (tries again by itself), halted (needs a person) or standby';
COMMENT ON COLUMN chainsync.progress.reason IS 'What it waits for';
COMMENT ON COLUMN chainsync.progress.current_block IS 'Highest block stored';
COMMENT ON COLUMN chainsync.progress.latest_block IS 'Head of the node';
COMMENT ON COLUMN chainsync.progress.finalized_block IS 'Highest final block';
COMMENT ON COLUMN chainsync.progress.synced_blocks IS 'Blocks stored';
COMMENT ON COLUMN chainsync.progress.remaining_blocks IS 'Blocks of the target, up to the head, not yet stored';
COMMENT ON COLUMN chainsync.progress.failed_blocks IS 'Blocks that could not be stored for their own sake, see failed_ranges';
COMMENT ON COLUMN chainsync.progress.percent IS 'Share of the target up to the head that is stored';
COMMENT ON COLUMN chainsync.progress.bar IS 'The same as a bar';
COMMENT ON COLUMN chainsync.progress.blocks_per_sec IS 'Blocks stored a second, lately';
COMMENT ON COLUMN chainsync.progress.lag_blocks IS 'Blocks between current_block and latest_block';
COMMENT ON COLUMN chainsync.progress.lag IS 'Age of the highest block stored';
COMMENT ON COLUMN chainsync.progress.eta IS 'Time to go at the present rate';
COMMENT ON COLUMN chainsync.progress.started_at IS 'When the chain was started';
COMMENT ON COLUMN chainsync.progress.last_error IS 'Last error since the server started';
COMMENT ON COLUMN chainsync.progress.last_error_at IS 'When it happened';

-- PUBLIC may call new functions by default, and only a revoke afterwards
-- changes that: default privileges of a schema can only add.
REVOKE ALL ON ALL ROUTINES IN SCHEMA chainsync FROM PUBLIC;
