-- What is synced and what is not, failed ranges, resync and block_at, on rows
-- written by hand.
\set SHOW_CONTEXT never
CREATE EXTENSION chainsync;
SET client_min_messages = error;
SELECT chainsync.add_chain('hand', ARRAY['http://127.0.0.1:1/'],
	start_block => 10, end_block => 29, partition_blocks => 100);
SELECT chainsync.stop('hand');
SELECT id AS chain FROM chainsync.chains WHERE name = 'hand' \gset

-- nothing yet; without a head there is nothing to say about gaps
SELECT chainsync.synced('hand');
SELECT * FROM chainsync.gaps('hand');
SELECT status, current_block, latest_block, synced_blocks, remaining_blocks, failed_blocks, percent, bar, lag_blocks, eta
FROM chainsync.progress;
SELECT chainsync.block_at('hand', now());

CREATE TABLE hand.blocks_p PARTITION OF hand.blocks FOR VALUES FROM (0) TO (1600);
CREATE TABLE hand.transactions_p PARTITION OF hand.transactions FOR VALUES FROM (0) TO (100);
CREATE TABLE hand.logs_p PARTITION OF hand.logs FOR VALUES FROM (0) TO (100);
CREATE TABLE hand.withdrawals_p PARTITION OF hand.withdrawals FOR VALUES FROM (0) TO (1600);
INSERT INTO hand.blocks (number, hash, parent_hash, timestamp, transaction_count)
SELECT n, int8send(n), int8send(n - 1), '2026-01-01 00:00:00+00'::timestamptz + n * interval '12 s', 1
FROM generate_series(10, 24) AS n WHERE n NOT IN (15, 16);
INSERT INTO hand.transactions (block_number, transaction_index, block_timestamp, hash)
SELECT number, 0, timestamp, hash FROM hand.blocks;
INSERT INTO hand.logs (block_number, log_index, transaction_index, block_timestamp, transaction_hash, address, data)
SELECT number, i, 0, timestamp, hash, hash, '' FROM hand.blocks, generate_series(0, 1) AS i;
INSERT INTO hand.withdrawals SELECT number, number, timestamp, 1, hash, 1 FROM hand.blocks;
UPDATE chainsync.sync_state SET synced = '{[10,15)}', latest = 1000 WHERE chain = :chain;
INSERT INTO chainsync.synced_ranges (chain, blocks) VALUES (:chain, '[17,20)'), (:chain, '[20,25)');

SELECT chainsync.synced('hand');
SELECT * FROM chainsync.gaps('hand');
SELECT status, current_block, latest_block, synced_blocks, remaining_blocks, failed_blocks, percent, bar, lag_blocks, eta
FROM chainsync.progress;

-- the head below the target's end
UPDATE chainsync.sync_state SET latest = 26 WHERE chain = :chain;
SELECT * FROM chainsync.gaps('hand');
SELECT remaining_blocks, percent FROM chainsync.progress;

-- an open target ends at the head
SELECT chainsync.alter_chain('hand', start_block => 10);
SELECT * FROM chainsync.gaps('hand');

-- by time: the last block at or before it
SELECT chainsync.block_at('hand', '2026-01-01 00:04:00+00') AS block_20,
	chainsync.block_at('hand', '2026-01-01 00:04:11.9+00') AS still_20,
	chainsync.block_at('hand', '2026-01-01 00:03:10+00') AS before_the_hole,
	chainsync.block_at('hand', '2026-01-01 00:01:59+00') IS NULL AS before_all,
	chainsync.block_at('hand', 'infinity') AS last;
SELECT chainsync.block_at('nobody', now());

-- failed ranges
INSERT INTO chainsync.failed_ranges (chain, blocks, reason, message, retry_at)
VALUES (:chain, '[15,17)', 'value_out_of_range', 'gasLimit', now() + interval '1 hour');
SELECT failed_blocks FROM chainsync.progress;
SELECT chainsync.retry_failed('hand');
SELECT chainsync.retry_failed('hand');
SELECT retry_at <= clock_timestamp() AS due FROM chainsync.failed_ranges;

-- resync deletes from every table, and only what is asked for
SELECT chainsync.resync('hand', '{[12,14),[19,21),[500,600)}');
SELECT chainsync.synced('hand');
SELECT * FROM chainsync.gaps('hand');
SELECT (SELECT array_agg(number ORDER BY number) FROM hand.blocks) AS blocks,
	(SELECT count(*) FROM hand.transactions) AS transactions,
	(SELECT count(*) FROM hand.logs) AS logs,
	(SELECT count(*) FROM hand.withdrawals) AS withdrawals;
SELECT kind, blocks, deleted_blocks FROM chainsync.reorgs;

-- rolled back, nothing happened
BEGIN;
SELECT chainsync.resync('hand', '{[0,)}');
SELECT chainsync.synced('hand');
ROLLBACK;
SELECT chainsync.synced('hand');

-- it must see what workers commit
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT chainsync.resync('hand', '{[0,)}');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT chainsync.resync('hand', '{[0,)}');
ROLLBACK;
SELECT chainsync.resync('nobody', '{[0,)}');
SELECT chainsync.resync('hand', NULL) IS NULL AS null_is_null;
SELECT chainsync.resync('hand', '{}');

-- everything
SELECT chainsync.resync('hand', '{(,)}');
SELECT chainsync.synced('hand'), (SELECT count(*) FROM hand.blocks) AS blocks;

-- waiting
CALL chainsync.wait_for('hand', 12, '100 ms');
UPDATE chainsync.sync_state SET synced = '{[10,15)}' WHERE chain = :chain;
CALL chainsync.wait_for('hand', 12, '100 ms');
CALL chainsync.wait_for('nobody', 12);

SELECT chainsync.remove_chain('hand', drop_data => true);
SELECT count(*) FROM chainsync.synced_ranges;
DROP EXTENSION chainsync;
