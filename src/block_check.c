/*-------------------------------------------------------------------------
 *
 * block_check.c
 *	  Whether a block and its receipts belong together.
 *
 * Pure: no PostgreSQL, no allocation.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "block_check.h"

typedef struct Check
{
	const EvmBlock *block;
	char	   *message;
	size_t		message_size;
	bool		any_log;
	uint64_t	last_log_index;
} Check;

static bool
__attribute__((format(printf, 2, 3)))
wrong(Check *check, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(check->message, check->message_size, format, args);
	va_end(args);
	return false;
}

static bool
is_hash(const uint8_t *given, const uint8_t *wanted)
{
	return given == NULL || memcmp(given, wanted, 32) == 0;
}

static bool
check_transaction(Check *check, uint32_t index)
{
	const EvmTransaction *tx = &check->block->transactions[index];

	if (tx->transaction_index != index)
		return wrong(check, "transactionIndex of transaction %u is %llu",
					 index, (unsigned long long) tx->transaction_index);
	if (!is_hash(tx->block_hash, check->block->hash))
		return wrong(check, "blockHash of transaction %u is another block's",
					 index);
	if ((tx->present & EVM_TX_BLOCK_NUMBER) &&
		tx->block_number != check->block->number)
		return wrong(check, "blockNumber of transaction %u is %llu", index,
					 (unsigned long long) tx->block_number);
	return true;
}

static bool
check_log(Check *check, uint32_t index, const EvmLog *log)
{
	const EvmBlock *block = check->block;
	unsigned long long log_index = log->log_index;

	if (!is_hash(log->block_hash, block->hash))
		return wrong(check, "blockHash of log %llu is another block's",
					 log_index);
	if (!is_hash(log->transaction_hash, block->transactions[index].hash))
		return wrong(check,
					 "transactionHash of log %llu is another transaction's",
					 log_index);
	if ((log->present & EVM_LOG_TRANSACTION_INDEX) &&
		log->transaction_index != index)
		return wrong(check, "transactionIndex of log %llu is %llu",
					 log_index, (unsigned long long) log->transaction_index);
	if ((log->present & EVM_LOG_BLOCK_NUMBER) &&
		log->block_number != block->number)
		return wrong(check, "blockNumber of log %llu is %llu", log_index,
					 (unsigned long long) log->block_number);
	if (log->present & EVM_LOG_REMOVED)
		return wrong(check, "log %llu is marked removed", log_index);
	if (check->any_log && log->log_index <= check->last_log_index)
		return wrong(check, "logIndex %llu comes after %llu", log_index,
					 (unsigned long long) check->last_log_index);
	check->any_log = true;
	check->last_log_index = log->log_index;
	return true;
}

static bool
check_receipt(Check *check, uint32_t index)
{
	const EvmBlock *block = check->block;
	const EvmReceipt *receipt = &block->receipts[index];

	if (receipt->transaction_index != index)
		return wrong(check, "transactionIndex of receipt %u is %llu", index,
					 (unsigned long long) receipt->transaction_index);
	if (!is_hash(receipt->block_hash, block->hash))
		return wrong(check, "blockHash of receipt %u is another block's",
					 index);
	if ((receipt->present & EVM_RECEIPT_BLOCK_NUMBER) &&
		receipt->block_number != block->number)
		return wrong(check, "blockNumber of receipt %u is %llu", index,
					 (unsigned long long) receipt->block_number);
	if (!is_hash(receipt->transaction_hash, block->transactions[index].hash))
		return wrong(check,
					 "transactionHash of receipt %u is another transaction's",
					 index);
	for (uint32_t i = 0; i < receipt->log_count; i++)
	{
		if (!check_log(check, index, &receipt->logs[i]))
			return false;
	}
	return true;
}

bool
block_check_positions(const EvmBlock *block, uint64_t number, char *message,
					  size_t message_size)
{
	Check		check = {block, message, message_size, false, 0};

	if (block->number != number)
		return wrong(&check, "number is %llu",
					 (unsigned long long) block->number);
	if (block->receipt_count != block->transaction_count)
		return wrong(&check, "%u receipts for %u transactions",
					 block->receipt_count, block->transaction_count);
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		if (!check_transaction(&check, i) || !check_receipt(&check, i))
			return false;
	}
	for (uint32_t i = 1; i < block->withdrawal_count; i++)
	{
		if (block->withdrawals[i].index <= block->withdrawals[i - 1].index)
			return wrong(&check, "index %llu of a withdrawal comes after %llu",
						 (unsigned long long) block->withdrawals[i].index,
						 (unsigned long long) block->withdrawals[i - 1].index);
	}
	return true;
}
