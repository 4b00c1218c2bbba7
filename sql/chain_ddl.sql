-- The statements that make a chain's tables, in order; add_chain runs them as
-- its caller.  Built-in types only, and nothing that calls the extension: the
-- tables outlive it.
CREATE FUNCTION chainsync._chain_ddl(schema_name name) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	target text;
	entry text[];
	compress text := '';
	can_lz4 boolean := EXISTS (
		SELECT FROM pg_catalog.pg_settings
		WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals));
BEGIN
	IF can_lz4 THEN
		compress := ' COMPRESSION lz4';
	END IF;

	RETURN NEXT format($ddl$CREATE TABLE %1$I.blocks (
	number bigint NOT NULL,
	hash bytea NOT NULL,
	parent_hash bytea NOT NULL,
	nonce bytea,
	sha3_uncles bytea,
	logs_bloom bytea%2$s,
	transactions_root bytea,
	state_root bytea,
	receipts_root bytea,
	withdrawals_root bytea,
	uncles bytea[],
	miner bytea,
	difficulty numeric,
	total_difficulty numeric,
	size bigint,
	extra_data bytea,
	mix_hash bytea,
	gas_limit bigint,
	gas_used bigint,
	"timestamp" timestamptz NOT NULL,
	transaction_count integer NOT NULL,
	base_fee_per_gas numeric,
	blob_gas_used bigint,
	excess_blob_gas bigint,
	parent_beacon_block_root bytea,
	requests_hash bytea,
	block_access_list_hash bytea,
	slot_number bigint,
	checks bigint,
	extra jsonb,
	PRIMARY KEY (number)
) PARTITION BY RANGE (number)$ddl$, schema_name, compress);

	RETURN NEXT format($ddl$CREATE TABLE %1$I.transactions (
	block_number bigint NOT NULL,
	transaction_index integer NOT NULL,
	block_timestamp timestamptz NOT NULL,
	hash bytea NOT NULL,
	nonce numeric,
	from_address bytea,
	to_address bytea,
	value numeric,
	gas bigint,
	gas_price numeric,
	input bytea%2$s,
	max_fee_per_gas numeric,
	max_priority_fee_per_gas numeric,
	max_fee_per_blob_gas numeric,
	blob_versioned_hashes bytea[],
	access_list jsonb%2$s,
	authorization_list jsonb%2$s,
	transaction_type integer,
	chain_id numeric,
	v numeric,
	r bytea,
	s bytea,
	receipt_status smallint,
	receipt_gas_used bigint,
	receipt_cumulative_gas_used bigint,
	receipt_effective_gas_price numeric,
	receipt_contract_address bytea,
	receipt_root bytea,
	receipt_blob_gas_used bigint,
	receipt_blob_gas_price numeric,
	extra jsonb,
	PRIMARY KEY (block_number, transaction_index)
) PARTITION BY RANGE (block_number)$ddl$, schema_name, compress);

	RETURN NEXT format($ddl$CREATE TABLE %1$I.logs (
	block_number bigint NOT NULL,
	log_index bigint NOT NULL,
	transaction_index integer NOT NULL,
	block_timestamp timestamptz NOT NULL,
	transaction_hash bytea NOT NULL,
	address bytea NOT NULL,
	topic0 bytea,
	topic1 bytea,
	topic2 bytea,
	topic3 bytea,
	data bytea%2$s NOT NULL,
	PRIMARY KEY (block_number, log_index)
) PARTITION BY RANGE (block_number)$ddl$, schema_name, compress);

	RETURN NEXT format($ddl$CREATE TABLE %1$I.withdrawals (
	block_number bigint NOT NULL,
	withdrawal_index bigint NOT NULL,
	block_timestamp timestamptz NOT NULL,
	validator_index bigint NOT NULL,
	address bytea NOT NULL,
	amount bigint NOT NULL,
	PRIMARY KEY (block_number, withdrawal_index)
) PARTITION BY RANGE (block_number)$ddl$, schema_name);

	RETURN NEXT format($ddl$CREATE TABLE %1$I.chainsync_info (
	key text NOT NULL PRIMARY KEY,
	value jsonb NOT NULL
)$ddl$, schema_name);

	FOREACH entry SLICE 1 IN ARRAY ARRAY[
		['blocks', 'Blocks, one row each: the header as the node gives it'],
		['transactions', 'Transactions with their receipts, one row each'],
		['logs', 'Logs that transactions emitted, from their receipts, one row each'],
		['withdrawals', 'Validator withdrawals (EIP-4895), one row each'],
		['chainsync_info', 'What chainsync needs to adopt this schema again after DROP EXTENSION or a restore']
	] LOOP
		RETURN NEXT format('COMMENT ON TABLE %I.%I IS %L', schema_name, entry[1], entry[2]);
	END LOOP;

	FOREACH entry SLICE 1 IN ARRAY ARRAY[
		['blocks', 'number', 'Block number (height)'],
		['blocks', 'hash', 'Hash of the header, 32 bytes'],
		['blocks', 'parent_hash', 'Hash of the block before, 32 bytes'],
		['blocks', 'nonce', 'Proof-of-work nonce, 8 bytes; zero since the merge'],
		['blocks', 'sha3_uncles', 'Hash of the list of uncles, 32 bytes'],
		['blocks', 'logs_bloom', 'Bloom filter of the logs'' addresses and topics, 256 bytes'],
		['blocks', 'transactions_root', 'Root of the trie of transactions, 32 bytes'],
		['blocks', 'state_root', 'Root of the state trie after the block, 32 bytes'],
		['blocks', 'receipts_root', 'Root of the trie of receipts, 32 bytes'],
		['blocks', 'withdrawals_root', 'Root of the trie of withdrawals, 32 bytes; from Shanghai on'],
		['blocks', 'uncles', 'Hashes of the uncles, in order'],
		['blocks', 'miner', 'Address that receives the fees (coinbase), 20 bytes'],
		['blocks', 'difficulty', 'Proof-of-work difficulty; zero since the merge'],
		['blocks', 'total_difficulty', 'Sum of difficulties to this block, as the node says; not provable from the block'],
		['blocks', 'size', 'Size of the RLP encoding in bytes'],
		['blocks', 'extra_data', 'Up to 32 bytes of the block''s builder'],
		['blocks', 'mix_hash', 'Proof-of-work mix hash, or RANDAO since the merge (prevRandao), 32 bytes'],
		['blocks', 'gas_limit', 'Gas limit of the block'],
		['blocks', 'gas_used', 'Gas used by the block'],
		['blocks', 'timestamp', 'Time of the block'],
		['blocks', 'transaction_count', 'Number of transactions'],
		['blocks', 'base_fee_per_gas', 'Base fee in wei; from London on (EIP-1559)'],
		['blocks', 'blob_gas_used', 'Blob gas used; from Cancun on (EIP-4844)'],
		['blocks', 'excess_blob_gas', 'Excess blob gas; from Cancun on (EIP-4844)'],
		['blocks', 'parent_beacon_block_root', 'Root of the parent beacon block, 32 bytes; from Cancun on (EIP-4788)'],
		['blocks', 'requests_hash', 'Hash of the execution layer requests, 32 bytes; from Prague on (EIP-7685)'],
		['blocks', 'block_access_list_hash', 'Hash of the block access list, 32 bytes; from Amsterdam on (EIP-7928)'],
		['blocks', 'slot_number', 'Beacon chain slot; from Amsterdam on (EIP-7843)'],
		['blocks', 'checks', 'What was proven of the block; NULL: nothing was checked'],
		['blocks', 'extra', 'Chain-specific members that a hash covers; NULL on Ethereum'],
		['transactions', 'block_number', 'Number of the block'],
		['transactions', 'transaction_index', 'Position in the block, from 0'],
		['transactions', 'block_timestamp', 'Time of the block'],
		['transactions', 'hash', 'Transaction hash, 32 bytes'],
		['transactions', 'nonce', 'Number of earlier transactions of the sender'],
		['transactions', 'from_address', 'Sender, 20 bytes'],
		['transactions', 'to_address', 'Recipient, 20 bytes; NULL: contract creation'],
		['transactions', 'value', 'Value in wei'],
		['transactions', 'gas', 'Gas limit of the transaction'],
		['transactions', 'gas_price', 'Gas price in wei; what the node gives for types 2 to 4 is the effective one'],
		['transactions', 'input', 'Call data or creation code'],
		['transactions', 'max_fee_per_gas', 'Fee cap in wei (EIP-1559)'],
		['transactions', 'max_priority_fee_per_gas', 'Tip cap in wei (EIP-1559)'],
		['transactions', 'max_fee_per_blob_gas', 'Blob fee cap in wei (EIP-4844)'],
		['transactions', 'blob_versioned_hashes', 'Versioned hashes of the blobs, 32 bytes each (EIP-4844)'],
		['transactions', 'access_list', 'Access list in the JSON-RPC form (EIP-2930)'],
		['transactions', 'authorization_list', 'Authorizations in the JSON-RPC form (EIP-7702)'],
		['transactions', 'transaction_type', 'EIP-2718 type: 0 legacy, 1 access list, 2 dynamic fee, 3 blob, 4 set code'],
		['transactions', 'chain_id', 'EIP-155 chain id the transaction was signed for'],
		['transactions', 'v', 'Signature: recovery id, as EIP-155 or the type says'],
		['transactions', 'r', 'Signature: r, 32 bytes'],
		['transactions', 's', 'Signature: s, 32 bytes'],
		['transactions', 'receipt_status', '1 success, 0 failure; NULL before Byzantium'],
		['transactions', 'receipt_gas_used', 'Gas used by the transaction'],
		['transactions', 'receipt_cumulative_gas_used', 'Gas used in the block up to and with the transaction'],
		['transactions', 'receipt_effective_gas_price', 'Price in wei paid for a unit of gas'],
		['transactions', 'receipt_contract_address', 'Address of the contract created, 20 bytes'],
		['transactions', 'receipt_root', 'State root after the transaction, 32 bytes; before Byzantium'],
		['transactions', 'receipt_blob_gas_used', 'Blob gas used by the transaction (EIP-4844)'],
		['transactions', 'receipt_blob_gas_price', 'Price in wei paid for a unit of blob gas (EIP-4844)'],
		['transactions', 'extra', 'Chain-specific members that a hash covers; NULL on Ethereum'],
		['logs', 'block_number', 'Number of the block'],
		['logs', 'log_index', 'Position in the block, from 0'],
		['logs', 'transaction_index', 'Position of the transaction in the block'],
		['logs', 'block_timestamp', 'Time of the block'],
		['logs', 'transaction_hash', 'Hash of the transaction, 32 bytes'],
		['logs', 'address', 'Contract that emitted the log, 20 bytes'],
		['logs', 'topic0', 'First topic, 32 bytes: the hash of the event''s signature, unless anonymous'],
		['logs', 'topic1', 'Second topic, 32 bytes'],
		['logs', 'topic2', 'Third topic, 32 bytes'],
		['logs', 'topic3', 'Fourth topic, 32 bytes'],
		['logs', 'data', 'Unindexed parameters, ABI encoded'],
		['withdrawals', 'block_number', 'Number of the block'],
		['withdrawals', 'withdrawal_index', 'Index of the withdrawal on its chain'],
		['withdrawals', 'block_timestamp', 'Time of the block'],
		['withdrawals', 'validator_index', 'Index of the validator'],
		['withdrawals', 'address', 'Recipient, 20 bytes'],
		['withdrawals', 'amount', 'Amount in gwei'],
		['chainsync_info', 'key', 'What it is'],
		['chainsync_info', 'value', 'Its value']
	] LOOP
		RETURN NEXT format('COMMENT ON COLUMN %I.%I.%I IS %L', schema_name, entry[1], entry[2], entry[3]);
	END LOOP;
END
$function$;

COMMENT ON FUNCTION chainsync._chain_ddl(name) IS 'Internal: the statements that make a chain''s tables in a schema';
