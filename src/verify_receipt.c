/*-------------------------------------------------------------------------
 *
 * verify_receipt.c
 *	  Proof of the receipts: root, blooms, gas, addresses of contracts.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "extra.h"
#include "trie.h"
#include "txn_arbitrum.h"
#include "verify_internal.h"

/* Receipts whose logs' bits are computed together. */
#define LEARN_RECEIPTS	32

typedef struct ReceiptsRun
{
	VerifyRun  *run;
	EvmBytes   *values;			/* their encodings */
	bool		encoded;		/* none of them is missing */
	bool		before_byzantium;	/* and that is known */
	uint8_t		bloom[BLOOM_SIZE];	/* of all logs */
} ReceiptsRun;

static void
fail_receipt(VerifyRun *run, VerifyCheck check, uint32_t index,
			 ReceiptStatus status)
{
	if (status == RECEIPT_NO_MEMORY)
		run->no_memory = true;
	else if (verify_wants_of(run, check,
							 run->block->transactions[index].type))
		verify_fail(run, check, "receipt %u: %s", index,
					receipt_status_text(status));
}

/* Bytes of a bloom from the first that differs on. */
static void
fail_bloom(VerifyRun *run, const uint8_t *computed, const uint8_t *found,
		   const char *whose)
{
	size_t		at = 0;

	while (at < BLOOM_SIZE - 32 && computed[at] == found[at])
		at++;
	verify_fail_bytes(run, VERIFY_LOGS_BLOOM, computed + at, found + at, 32,
					  "logsBloom of %s, 32 bytes from byte %zu on", whose,
					  at);
}

/*
 * Whether the trie's value of a receipt can be made: before Byzantium it
 * needs the state root, which some nodes do not keep.
 */
static bool
has_trie_value(ReceiptsRun *receipts, uint32_t index)
{
	VerifyRun  *run = receipts->run;
	const EvmReceipt *receipt = &run->block->receipts[index];

	if (receipt->root != NULL || !receipts->before_byzantium)
		return true;
	if (run->rules->allow_missing_receipt_root)
		verify_skip(run, VERIFY_RECEIPTS_ROOT);
	else if (verify_wants(run, VERIFY_RECEIPTS_ROOT))
		verify_lack(run, VERIFY_RECEIPTS_ROOT,
					"receipt %u has no state root, which stands in it before "
					"Byzantium", index);
	return false;
}

static void
take_receipt(ReceiptsRun *receipts, uint32_t index)
{
	VerifyRun  *run = receipts->run;
	VerifyContext *context = run->context;
	const EvmReceipt *receipt = &run->block->receipts[index];
	uint64_t	type = run->block->transactions[index].type;
	uint8_t		bloom[BLOOM_SIZE];
	ReceiptStatus status;

	receipts->values[index].data = NULL;
	receipts->values[index].len = 0;
	status = receipt_bloom(bloom, &context->memo, receipt->logs,
						   receipt->log_count);
	if (status != RECEIPT_OK)
	{
		fail_receipt(run, VERIFY_LOGS_BLOOM, index, status);
		fail_receipt(run, VERIFY_RECEIPTS_ROOT, index, status);
		receipts->encoded = false;
		return;
	}
	bloom_merge(receipts->bloom, bloom);
	if (receipt->logs_bloom != NULL &&
		memcmp(bloom, receipt->logs_bloom, BLOOM_SIZE) != 0 &&
		verify_wants_of(run, VERIFY_LOGS_BLOOM, type))
	{
		char		whose[32];

		snprintf(whose, sizeof(whose), "receipt %u", index);
		fail_bloom(run, bloom, receipt->logs_bloom, whose);
	}

	if (!has_trie_value(receipts, index))
	{
		receipts->encoded = false;
		return;
	}
	status = receipt_encode(&receipts->values[index], &context->writer,
							receipt, bloom);
	if (status != RECEIPT_OK)
	{
		fail_receipt(run, VERIFY_RECEIPTS_ROOT, index, status);
		receipts->encoded = false;
	}
}

/* The members of the block that come from all receipts together. */
static void
check_block_members(ReceiptsRun *receipts)
{
	VerifyRun  *run = receipts->run;
	const EvmBlock *block = run->block;
	uint8_t		root[32];

	/* an exemption of one of them makes these impossible to prove */
	for (uint32_t i = 0; run->type_skips && i < block->transaction_count; i++)
	{
		if (verify_wants(run, VERIFY_RECEIPTS_ROOT) &&
			!verify_wants_of(run, VERIFY_RECEIPTS_ROOT,
							 block->transactions[i].type))
			receipts->encoded = false;
		if (verify_wants(run, VERIFY_LOGS_BLOOM) &&
			!verify_wants_of(run, VERIFY_LOGS_BLOOM,
							 block->transactions[i].type))
			verify_skip(run, VERIFY_LOGS_BLOOM);
	}

	if (block->logs_bloom == NULL)
		verify_fail(run, VERIFY_LOGS_BLOOM, "logsBloom is missing");
	else if (memcmp(receipts->bloom, block->logs_bloom, BLOOM_SIZE) != 0)
		fail_bloom(run, receipts->bloom, block->logs_bloom, "the block");
	if (!receipts->encoded || !verify_wants(run, VERIFY_RECEIPTS_ROOT))
		return;
	if (trie_ordered_root(root, receipts->values, block->receipt_count) &&
		block->receipts_root != NULL &&
		memcmp(root, block->receipts_root, 32) == 0)
		return;
	verify_fail_bytes(run, VERIFY_RECEIPTS_ROOT, root, block->receipts_root,
					  32, "receiptsRoot");
}

static void
check_root_and_bloom(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	ReceiptsRun receipts;

	if (!verify_wants(run, VERIFY_RECEIPTS_ROOT) &&
		!verify_wants(run, VERIFY_LOGS_BLOOM))
		return;
	memset(&receipts, 0, sizeof(receipts));
	receipts.run = run;
	receipts.encoded = true;
	receipts.before_byzantium =
		verify_fork_active(run->rules, VERIFY_FORK_BYZANTIUM, block->number,
						   block->timestamp) == 0;
	receipts.values = verify_alloc(run, block->receipt_count,
								   sizeof(EvmBytes));
	if (receipts.values == NULL)
		return;
	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		if (i % LEARN_RECEIPTS == 0)
		{
			uint32_t	left = block->receipt_count - i;

			bloom_memo_learn(&run->context->memo, &block->receipts[i],
							 left < LEARN_RECEIPTS ? left : LEARN_RECEIPTS);
		}
		take_receipt(&receipts, i);
		if (run->no_memory ||
			((i + 1) % VERIFY_POLL_ITEMS == 0 && !verify_poll(run)))
			return;
	}
	check_block_members(&receipts);
}

/* gasUsed of one receipt, after `previous` cumulative gas. */
static void
check_receipt_gas(VerifyRun *run, uint32_t index, uint64_t previous)
{
	const EvmReceipt *receipt = &run->block->receipts[index];
	uint64_t	cumulative = receipt->cumulative_gas_used;

	if ((receipt->present & EVM_RECEIPT_CUMULATIVE_GAS_USED) == 0)
		verify_lack(run, VERIFY_RECEIPT_GAS,
					"cumulativeGasUsed of receipt %u is missing", index);
	else if ((receipt->present & EVM_RECEIPT_GAS_USED) == 0)
		verify_lack(run, VERIFY_RECEIPT_GAS,
					"gasUsed of receipt %u is missing", index);
	else if (cumulative < previous)
		verify_fail_u64(run, VERIFY_RECEIPT_GAS, previous, cumulative,
						"cumulativeGasUsed of receipt %u falls", index);
	else if (receipt->gas_used != cumulative - previous)
		verify_fail_u64(run, VERIFY_RECEIPT_GAS, cumulative - previous,
						receipt->gas_used, "gasUsed of receipt %u", index);
}

/*
 * gasUsed of each receipt; and the header's, which from Amsterdam on is not
 * the last cumulativeGasUsed any more (EIP-8037).  Of a block without
 * transactions nothing is said: some chains count gas of their own there.
 */
static void
check_gas(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	uint64_t	previous = 0;

	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		if (verify_wants_of(run, VERIFY_RECEIPT_GAS,
							block->transactions[i].type))
			check_receipt_gas(run, i, previous);
		previous = block->receipts[i].cumulative_gas_used;
	}
	if (block->receipt_count > 0 && block->block_access_list_hash == NULL &&
		previous != block->gas_used)
		verify_fail_u64(run, VERIFY_RECEIPT_GAS, previous, block->gas_used,
						"gasUsed of the block");
}

/*
 * The nonce that the address of a creation comes from; false when it is not
 * to be known.  The account's nonce at the time stands in the receipt of a
 * deposit, and nowhere for what an aliased contract creates on Arbitrum.
 */
static bool
creation_nonce(uint64_t *nonce, const EvmTransaction *tx,
			   const EvmReceipt *receipt)
{
	*nonce = tx->nonce;
	if (tx->type == TXN_OP_DEPOSIT &&
		extra_u64(nonce, &receipt->extra, "depositNonce") == EXTRA_BAD)
		return false;
	return tx->type != TXN_ARB_CONTRACT;
}

static void
check_creation(VerifyRun *run, uint32_t index)
{
	const EvmTransaction *tx = &run->block->transactions[index];
	const EvmReceipt *receipt = &run->block->receipts[index];
	const uint8_t *given = receipt->contract_address;
	uint8_t		address[20];
	uint64_t	nonce;

	if (given == NULL)
	{
		/* nodes differ on creations that failed, or may have */
		if ((receipt->present & EVM_RECEIPT_STATUS) && receipt->status != 0)
			verify_lack(run, VERIFY_CONTRACT_ADDRESS,
						"contractAddress of receipt %u is missing", index);
		return;
	}
	if (!creation_nonce(&nonce, tx, receipt) || tx->from == NULL)
	{
		run->partly |= VERIFY_CONTRACT_ADDRESS;
		return;
	}
	txn_contract_address(address, tx->from, nonce);
	if (memcmp(address, given, 20) != 0)
		verify_fail_bytes(run, VERIFY_CONTRACT_ADDRESS, address, given, 20,
						  "contractAddress of receipt %u", index);
}

static void
check_contract_addresses(VerifyRun *run)
{
	const EvmBlock *block = run->block;

	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		const EvmTransaction *tx = &block->transactions[i];
		const EvmReceipt *receipt = &block->receipts[i];

		if (tx->to == NULL)
		{
			if (verify_wants_of(run, VERIFY_CONTRACT_ADDRESS, tx->type))
				check_creation(run, i);
		}
		else if (receipt->contract_address != NULL &&
				 verify_wants_of(run, VERIFY_CONTRACT_ADDRESS, tx->type))
			verify_fail_bytes(run, VERIFY_CONTRACT_ADDRESS, NULL,
							  receipt->contract_address, 20,
							  "contractAddress of receipt %u, whose "
							  "transaction creates none", i);
	}
}

void
verify_receipts(VerifyRun *run)
{
	check_root_and_bloom(run);
	if (!verify_poll(run))
		return;
	check_gas(run);
	if (verify_wants(run, VERIFY_CONTRACT_ADDRESS))
		check_contract_addresses(run);
}
