/*-------------------------------------------------------------------------
 *
 * genjson.c
 *	  Writes generated blocks and receipts as go-ethereum's JSON-RPC does:
 *	  the same members, in the same order, present and absent alike.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "../../src/txn.h"
#include "gen.h"

/* ,"name":  or without the comma when the text ends with { or [ */
static void
put_name(Buf *out, const char *name)
{
	char		last = out->len > 0 ? out->data[out->len - 1] : '{';

	if (last != '{' && last != '[')
		buf_append(out, ",", 1);
	buf_append(out, "\"", 1);
	buf_puts(out, name);
	buf_append(out, "\":", 2);
}

static void
put_quoted_hex(Buf *out, const uint8_t *bytes, size_t len)
{
	buf_append(out, "\"", 1);
	buf_hex(out, bytes, len);
	buf_append(out, "\"", 1);
}

static void
put_data(Buf *out, const char *name, const uint8_t *bytes, size_t len)
{
	put_name(out, name);
	if (bytes == NULL && len > 0)
		buf_puts(out, "null");
	else
		put_quoted_hex(out, bytes, len);
}

static void
put_number(Buf *out, const char *name, uint64_t value)
{
	put_name(out, name);
	buf_append(out, "\"", 1);
	buf_quantity(out, value);
	buf_append(out, "\"", 1);
}

static void
put_number256(Buf *out, const char *name, const Uint256 *value)
{
	put_name(out, name);
	buf_append(out, "\"", 1);
	buf_quantity256(out, value);
	buf_append(out, "\"", 1);
}

static void
put_comma(Buf *out, uint32_t index)
{
	if (index > 0)
		buf_append(out, ",", 1);
}

static void
put_access_list(Buf *out, const EvmTransaction *tx)
{
	put_name(out, "accessList");
	buf_puts(out, "[");
	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		const EvmAccess *access = &tx->access_list[i];

		put_comma(out, i);
		buf_puts(out, "{");
		put_data(out, "address", access->address, 20);
		put_name(out, "storageKeys");
		buf_puts(out, "[");
		for (uint32_t k = 0; k < access->storage_key_count; k++)
		{
			put_comma(out, k);
			put_quoted_hex(out, access->storage_keys[k], 32);
		}
		buf_puts(out, "]}");
	}
	buf_puts(out, "]");
}

static void
put_authorizations(Buf *out, const EvmTransaction *tx)
{
	put_name(out, "authorizationList");
	buf_puts(out, "[");
	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		const EvmAuthorization *item = &tx->authorization_list[i];

		put_comma(out, i);
		buf_puts(out, "{");
		put_number256(out, "chainId", &item->chain_id);
		put_data(out, "address", item->address, 20);
		put_number256(out, "nonce", &item->nonce);
		put_number256(out, "yParity", &item->y_parity);
		put_number256(out, "r", &item->r);
		put_number256(out, "s", &item->s);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static void
put_blob_hashes(Buf *out, const EvmTransaction *tx)
{
	put_name(out, "blobVersionedHashes");
	buf_puts(out, "[");
	for (uint32_t i = 0; i < tx->blob_versioned_hash_count; i++)
	{
		put_comma(out, i);
		put_quoted_hex(out, tx->blob_versioned_hashes[i], 32);
	}
	buf_puts(out, "]");
}

static void
put_transaction(Buf *out, const EvmTransaction *tx, uint64_t timestamp)
{
	buf_puts(out, "{");
	put_data(out, "blockHash", tx->block_hash, 32);
	put_number(out, "blockNumber", tx->block_number);
	put_number(out, "blockTimestamp", timestamp);
	put_data(out, "from", tx->from, 20);
	put_number(out, "gas", tx->gas);
	put_number256(out, "gasPrice", &tx->gas_price);
	if (tx->present & EVM_TX_MAX_FEE_PER_GAS)
	{
		put_number256(out, "maxFeePerGas", &tx->max_fee_per_gas);
		put_number256(out, "maxPriorityFeePerGas",
					  &tx->max_priority_fee_per_gas);
	}
	if (tx->present & EVM_TX_MAX_FEE_PER_BLOB_GAS)
		put_number256(out, "maxFeePerBlobGas", &tx->max_fee_per_blob_gas);
	put_data(out, "hash", tx->hash, 32);
	put_data(out, "input", tx->input.data, tx->input.len);
	put_number(out, "nonce", tx->nonce);
	put_data(out, "to", tx->to, 20);
	put_number(out, "transactionIndex", tx->transaction_index);
	put_number256(out, "value", &tx->value);
	put_number(out, "type", tx->type);
	if (tx->present & EVM_TX_ACCESS_LIST)
		put_access_list(out, tx);
	if (tx->present & EVM_TX_CHAIN_ID)
		put_number256(out, "chainId", &tx->chain_id);
	if (tx->present & EVM_TX_BLOB_VERSIONED_HASHES)
		put_blob_hashes(out, tx);
	if (tx->present & EVM_TX_AUTHORIZATION_LIST)
		put_authorizations(out, tx);
	put_number256(out, "v", &tx->v);
	put_number256(out, "r", &tx->r);
	put_number256(out, "s", &tx->s);
	if (tx->present & EVM_TX_Y_PARITY)
		put_number256(out, "yParity", &tx->y_parity);
	buf_puts(out, "}");
}

static void
put_withdrawals(Buf *out, const EvmBlock *block)
{
	put_name(out, "withdrawals");
	buf_puts(out, "[");
	for (uint32_t i = 0; i < block->withdrawal_count; i++)
	{
		const EvmWithdrawal *withdrawal = &block->withdrawals[i];

		put_comma(out, i);
		buf_puts(out, "{");
		put_number(out, "index", withdrawal->index);
		put_number(out, "validatorIndex", withdrawal->validator_index);
		put_data(out, "address", withdrawal->address, 20);
		put_number(out, "amount", withdrawal->amount);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

void
gen_json_block(Buf *out, const EvmBlock *block)
{
	buf_puts(out, "{");
	put_number256(out, "baseFeePerGas", &block->base_fee_per_gas);
	put_number(out, "blobGasUsed", block->blob_gas_used);
	put_number256(out, "difficulty", &block->difficulty);
	put_number(out, "excessBlobGas", block->excess_blob_gas);
	put_data(out, "extraData", block->extra_data.data, block->extra_data.len);
	put_number(out, "gasLimit", block->gas_limit);
	put_number(out, "gasUsed", block->gas_used);
	put_data(out, "hash", block->hash, 32);
	put_data(out, "logsBloom", block->logs_bloom, 256);
	put_data(out, "miner", block->miner, 20);
	put_data(out, "mixHash", block->mix_hash, 32);
	put_data(out, "nonce", block->nonce, 8);
	put_number(out, "number", block->number);
	put_data(out, "parentBeaconBlockRoot", block->parent_beacon_block_root,
			 32);
	put_data(out, "parentHash", block->parent_hash, 32);
	put_data(out, "receiptsRoot", block->receipts_root, 32);
	put_data(out, "requestsHash", block->requests_hash, 32);
	put_data(out, "sha3Uncles", block->sha3_uncles, 32);
	put_number(out, "size", block->size);
	put_data(out, "stateRoot", block->state_root, 32);
	put_number(out, "timestamp", block->timestamp);
	put_name(out, "transactions");
	buf_puts(out, "[");
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		put_comma(out, i);
		put_transaction(out, &block->transactions[i], block->timestamp);
	}
	buf_puts(out, "]");
	put_data(out, "transactionsRoot", block->transactions_root, 32);
	put_name(out, "uncles");
	buf_puts(out, "[]");
	put_withdrawals(out, block);
	put_data(out, "withdrawalsRoot", block->withdrawals_root, 32);
	buf_puts(out, "}");
}

static void
put_log(Buf *out, const EvmLog *log, uint64_t timestamp)
{
	buf_puts(out, "{");
	put_data(out, "address", log->address, 20);
	put_name(out, "topics");
	buf_puts(out, "[");
	for (uint32_t i = 0; i < log->topic_count; i++)
	{
		put_comma(out, i);
		put_quoted_hex(out, log->topics[i], 32);
	}
	buf_puts(out, "]");
	put_data(out, "data", log->data.data, log->data.len);
	put_number(out, "blockNumber", log->block_number);
	put_data(out, "transactionHash", log->transaction_hash, 32);
	put_number(out, "transactionIndex", log->transaction_index);
	put_data(out, "blockHash", log->block_hash, 32);
	put_number(out, "blockTimestamp", timestamp);
	put_number(out, "logIndex", log->log_index);
	put_name(out, "removed");
	buf_puts(out, "false}");
}

static void
put_receipt(Buf *out, const EvmReceipt *receipt, uint64_t timestamp)
{
	buf_puts(out, "{");
	if (receipt->present & EVM_RECEIPT_BLOB_GAS_USED)
	{
		put_number256(out, "blobGasPrice", &receipt->blob_gas_price);
		put_number(out, "blobGasUsed", receipt->blob_gas_used);
	}
	put_data(out, "blockHash", receipt->block_hash, 32);
	put_number(out, "blockNumber", receipt->block_number);
	put_data(out, "contractAddress", receipt->contract_address, 20);
	put_number(out, "cumulativeGasUsed", receipt->cumulative_gas_used);
	put_number256(out, "effectiveGasPrice", &receipt->effective_gas_price);
	put_data(out, "from", receipt->from, 20);
	put_number(out, "gasUsed", receipt->gas_used);
	put_name(out, "logs");
	buf_puts(out, "[");
	for (uint32_t i = 0; i < receipt->log_count; i++)
	{
		put_comma(out, i);
		put_log(out, &receipt->logs[i], timestamp);
	}
	buf_puts(out, "]");
	put_data(out, "logsBloom", receipt->logs_bloom, 256);
	put_number(out, "status", receipt->status);
	put_data(out, "to", receipt->to, 20);
	put_data(out, "transactionHash", receipt->transaction_hash, 32);
	put_number(out, "transactionIndex", receipt->transaction_index);
	put_number(out, "type", receipt->type);
	buf_puts(out, "}");
}

void
gen_json_receipts(GenBlock *out, const EvmBlock *block)
{
	if (block->receipt_count > out->tx_cap)
	{
		out->tx_cap = block->receipt_count;
		out->txs = sim_realloc(out->txs, out->tx_cap * sizeof(SimTx));
	}
	out->tx_count = block->receipt_count;
	buf_puts(&out->receipts, "[");
	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		SimTx	   *tx = &out->txs[i];

		put_comma(&out->receipts, i);
		memcpy(tx->hash, block->receipts[i].transaction_hash, 32);
		tx->block = 0;
		tx->offset = (uint32_t) out->receipts.len;
		put_receipt(&out->receipts, &block->receipts[i], block->timestamp);
		tx->len = (uint32_t) (out->receipts.len - tx->offset);
	}
	buf_puts(&out->receipts, "]");
}
