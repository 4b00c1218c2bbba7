/*-------------------------------------------------------------------------
 *
 * block.h
 *	  What a block, its transactions, receipts and logs look like in memory.
 *
 * The structs hold what an execution client's JSON-RPC answers say (Ethereum
 * execution-apis), member by member, before anything is proven.  Bytes point
 * into the answer's buffer, where the hex was decoded in place, or into an
 * arena; whoever holds the struct keeps both alive.
 *
 * Absent and null are the same: a pointer is NULL, an integer has its bit in
 * `present` unset.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_BLOCK_H
#define CHAINSYNC_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uint256.h"

/* Variable-length bytes; data is NULL when the member is absent. */
typedef struct EvmBytes
{
	const uint8_t *data;
	uint32_t	len;
} EvmBytes;

/* A chain-specific member that some hash covers, kept as its JSON text. */
typedef struct EvmExtra
{
	const char *name;			/* static string */
	const char *json;			/* the value's JSON, not NUL-terminated */
	uint32_t	json_len;
} EvmExtra;

typedef struct EvmExtras
{
	EvmExtra   *items;
	uint32_t	count;
} EvmExtras;

/* EIP-2930 */
typedef struct EvmAccess
{
	const uint8_t *address;		/* 20 bytes */
	const uint8_t **storage_keys;	/* 32 bytes each */
	uint32_t	storage_key_count;
} EvmAccess;

/* EIP-7702 */
typedef struct EvmAuthorization
{
	Uint256		chain_id;
	Uint256		nonce;
	Uint256		y_parity;
	Uint256		r;
	Uint256		s;
	const uint8_t *address;		/* 20 bytes */
} EvmAuthorization;

/* Bits of EvmTransaction.present */
#define EVM_TX_NONCE						(1u << 0)
#define EVM_TX_TRANSACTION_INDEX			(1u << 1)
#define EVM_TX_BLOCK_NUMBER					(1u << 2)
#define EVM_TX_VALUE						(1u << 3)
#define EVM_TX_GAS							(1u << 4)
#define EVM_TX_GAS_PRICE					(1u << 5)
#define EVM_TX_MAX_FEE_PER_GAS				(1u << 6)
#define EVM_TX_MAX_PRIORITY_FEE_PER_GAS		(1u << 7)
#define EVM_TX_MAX_FEE_PER_BLOB_GAS			(1u << 8)
#define EVM_TX_TYPE							(1u << 9)
#define EVM_TX_CHAIN_ID						(1u << 10)
#define EVM_TX_V							(1u << 11)
#define EVM_TX_Y_PARITY						(1u << 12)
#define EVM_TX_R							(1u << 13)
#define EVM_TX_S							(1u << 14)
#define EVM_TX_ACCESS_LIST					(1u << 15)	/* may be empty */
#define EVM_TX_AUTHORIZATION_LIST			(1u << 16)
#define EVM_TX_BLOB_VERSIONED_HASHES		(1u << 17)

typedef struct EvmTransaction
{
	uint32_t	present;
	uint32_t	access_count;
	uint32_t	authorization_count;
	uint32_t	blob_versioned_hash_count;
	uint64_t	type;			/* 0 when absent */
	uint64_t	transaction_index;
	uint64_t	block_number;
	uint64_t	nonce;
	uint64_t	gas;
	const uint8_t *hash;		/* 32 bytes */
	const uint8_t *block_hash;	/* 32 bytes */
	const uint8_t *from;		/* 20 bytes */
	const uint8_t *to;			/* 20 bytes; NULL: creation */
	EvmBytes	input;
	Uint256		value;
	Uint256		gas_price;
	Uint256		max_fee_per_gas;
	Uint256		max_priority_fee_per_gas;
	Uint256		max_fee_per_blob_gas;
	Uint256		chain_id;
	Uint256		v;
	Uint256		y_parity;
	Uint256		r;
	Uint256		s;
	const uint8_t **blob_versioned_hashes;	/* 32 bytes each */
	EvmAccess  *access_list;
	EvmAuthorization *authorization_list;
	EvmExtras	extra;
} EvmTransaction;

/* Bits of EvmWithdrawal are not needed: EIP-4895 makes every member required */
typedef struct EvmWithdrawal
{
	uint64_t	index;
	uint64_t	validator_index;
	uint64_t	amount;			/* gwei */
	const uint8_t *address;		/* 20 bytes */
} EvmWithdrawal;

/* Bits of EvmLog.present */
#define EVM_LOG_LOG_INDEX			(1u << 0)
#define EVM_LOG_TRANSACTION_INDEX	(1u << 1)
#define EVM_LOG_BLOCK_NUMBER		(1u << 2)
#define EVM_LOG_REMOVED				(1u << 3)	/* present and true */

typedef struct EvmLog
{
	uint32_t	present;
	uint32_t	topic_count;	/* 0 to 4 */
	uint64_t	log_index;
	uint64_t	transaction_index;
	uint64_t	block_number;
	const uint8_t *address;		/* 20 bytes */
	const uint8_t *topics[4];	/* 32 bytes each */
	const uint8_t *transaction_hash;	/* 32 bytes */
	const uint8_t *block_hash;	/* 32 bytes */
	EvmBytes	data;
} EvmLog;

/* Bits of EvmReceipt.present */
#define EVM_RECEIPT_TRANSACTION_INDEX	(1u << 0)
#define EVM_RECEIPT_BLOCK_NUMBER		(1u << 1)
#define EVM_RECEIPT_STATUS				(1u << 2)
#define EVM_RECEIPT_GAS_USED			(1u << 3)
#define EVM_RECEIPT_CUMULATIVE_GAS_USED	(1u << 4)
#define EVM_RECEIPT_TYPE				(1u << 5)
#define EVM_RECEIPT_EFFECTIVE_GAS_PRICE	(1u << 6)
#define EVM_RECEIPT_BLOB_GAS_USED		(1u << 7)
#define EVM_RECEIPT_BLOB_GAS_PRICE		(1u << 8)

typedef struct EvmReceipt
{
	uint32_t	present;
	uint32_t	log_count;
	uint64_t	transaction_index;
	uint64_t	block_number;
	uint64_t	status;
	uint64_t	gas_used;
	uint64_t	cumulative_gas_used;
	uint64_t	type;
	uint64_t	blob_gas_used;
	Uint256		effective_gas_price;
	Uint256		blob_gas_price;
	const uint8_t *transaction_hash;	/* 32 bytes */
	const uint8_t *block_hash;	/* 32 bytes */
	const uint8_t *from;		/* 20 bytes */
	const uint8_t *to;			/* 20 bytes */
	const uint8_t *contract_address;	/* 20 bytes */
	const uint8_t *root;		/* 32 bytes, before Byzantium */
	const uint8_t *logs_bloom;	/* 256 bytes */
	EvmLog	   *logs;
	EvmExtras	extra;
} EvmReceipt;

/* Bits of EvmBlock.present */
#define EVM_BLOCK_NUMBER			(1u << 0)
#define EVM_BLOCK_SIZE				(1u << 1)
#define EVM_BLOCK_GAS_LIMIT			(1u << 2)
#define EVM_BLOCK_GAS_USED			(1u << 3)
#define EVM_BLOCK_TIMESTAMP			(1u << 4)
#define EVM_BLOCK_DIFFICULTY		(1u << 5)
#define EVM_BLOCK_TOTAL_DIFFICULTY	(1u << 6)
#define EVM_BLOCK_BASE_FEE_PER_GAS	(1u << 7)
#define EVM_BLOCK_BLOB_GAS_USED		(1u << 8)
#define EVM_BLOCK_EXCESS_BLOB_GAS	(1u << 9)
#define EVM_BLOCK_SLOT_NUMBER		(1u << 10)
#define EVM_BLOCK_TRANSACTIONS		(1u << 11)
#define EVM_BLOCK_WITHDRAWALS		(1u << 12)
#define EVM_BLOCK_UNCLES			(1u << 13)

typedef struct EvmBlock
{
	uint32_t	present;
	uint32_t	transaction_count;
	uint32_t	withdrawal_count;
	uint32_t	uncle_count;
	uint64_t	number;
	uint64_t	size;
	uint64_t	gas_limit;
	uint64_t	gas_used;
	uint64_t	timestamp;
	uint64_t	blob_gas_used;
	uint64_t	excess_blob_gas;
	uint64_t	slot_number;
	Uint256		difficulty;
	Uint256		total_difficulty;
	Uint256		base_fee_per_gas;
	const uint8_t *hash;		/* 32 bytes */
	const uint8_t *parent_hash; /* 32 bytes */
	const uint8_t *nonce;		/* 8 bytes */
	const uint8_t *sha3_uncles; /* 32 bytes */
	const uint8_t *logs_bloom;	/* 256 bytes */
	const uint8_t *transactions_root;	/* 32 bytes */
	const uint8_t *state_root;	/* 32 bytes */
	const uint8_t *receipts_root;	/* 32 bytes */
	const uint8_t *withdrawals_root;	/* 32 bytes */
	const uint8_t *miner;		/* 20 bytes */
	const uint8_t *mix_hash;	/* 32 bytes */
	const uint8_t *parent_beacon_block_root;	/* 32 bytes */
	const uint8_t *requests_hash;	/* 32 bytes */
	const uint8_t *block_access_list_hash;	/* 32 bytes */
	EvmBytes	extra_data;
	const uint8_t **uncles;		/* 32 bytes each */
	EvmTransaction *transactions;
	EvmWithdrawal *withdrawals;
	EvmExtras	extra;

	/* filled from eth_getBlockReceipts, one a transaction, in their order */
	EvmReceipt *receipts;
	uint32_t	receipt_count;
} EvmBlock;

#endif							/* CHAINSYNC_BLOCK_H */
