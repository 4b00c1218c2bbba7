/*-------------------------------------------------------------------------
 *
 * verify_header.c
 *	  Proof of what stands in the block itself: header, uncles, withdrawals,
 *	  length.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "header.h"
#include "keccak.h"
#include "trie.h"
#include "verify_internal.h"

/* keccak256(rlp([])): no uncles */
const uint8_t verify_no_uncles_hash[32] = {
	0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a,
	0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a,
	0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13,
	0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47
};

/* A block has at most two (yellow paper, 11.1). */
#define UNCLES_MAX	2

/* Which optional members of the header came with a fork. */
static const struct
{
	VerifyFork	fork;
	int			first;			/* counted from baseFeePerGas */
	int			end;
	const char *names;
}			eras[] = {
	{VERIFY_FORK_LONDON, 0, 1, "baseFeePerGas"},
	{VERIFY_FORK_SHANGHAI, 1, 2, "withdrawalsRoot"},
	{VERIFY_FORK_CANCUN, 2, 5,
	"blobGasUsed, excessBlobGas or parentBeaconBlockRoot"},
	{VERIFY_FORK_PRAGUE, 5, 6, "requestsHash"},
	{VERIFY_FORK_AMSTERDAM, 6, 8, "blockAccessListHash or slotNumber"}
};

/* The header has the members of its time, as far as that is known. */
static void
check_era(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	const char *missing;
	int			count;

	if (!header_optional_members(&count, &missing, block))
	{
		verify_fail(run, VERIFY_HEADER_HASH,
					"header member %s is missing before a later one",
					missing);
		return;
	}
	for (size_t i = 0; i < sizeof(eras) / sizeof(eras[0]); i++)
	{
		int			active = verify_fork_active(run->rules, eras[i].fork,
												block->number,
												block->timestamp);

		if (active == 1 && count < eras[i].end)
			verify_fail(run, VERIFY_HEADER_HASH,
						"header member %s is missing", eras[i].names);
		if (active == 0 && count > eras[i].first)
			verify_fail(run, VERIFY_HEADER_HASH,
						"header member %s is there before its fork",
						eras[i].names);
	}
}

void
verify_header(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	const char *reason;
	uint8_t		hash[32];

	if (!header_encode(&run->header, &reason, &run->context->writer, block))
	{
		if (strcmp(reason, "out of memory") == 0)
			run->no_memory = true;
		else
			verify_fail(run, VERIFY_HEADER_HASH,
						"header member %s is missing", reason);
		return;
	}
	if (!verify_wants(run, VERIFY_HEADER_HASH))
		return;

	if (block->number != run->number)
		verify_fail_u64(run, VERIFY_HEADER_HASH, run->number, block->number,
						"number is not that of the block asked for");
	check_era(run);
	keccak256(hash, run->header.data, run->header.len);
	if (block->hash == NULL || memcmp(hash, block->hash, 32) != 0)
		verify_fail_bytes(run, VERIFY_HEADER_HASH, hash, block->hash, 32,
						  "hash is not that of the header's members");
}

/* The fetched headers must be those that the block names and hashes. */
static void
check_uncle_headers(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	const VerifyUncles *uncles = run->uncles;
	RlpWriter  *writer = &run->context->writer;
	EvmBytes	list[UNCLES_MAX];
	EvmBytes	encoding;
	uint8_t		hash[32];
	size_t		mark;

	if (uncles->count != block->uncle_count)
	{
		verify_fail_u64(run, VERIFY_UNCLES, block->uncle_count,
						uncles->count, "number of uncles' headers");
		return;
	}
	for (uint32_t i = 0; i < uncles->count; i++)
	{
		const char *reason;

		if (!header_encode(&list[i], &reason, writer, &uncles->headers[i]))
		{
			verify_fail(run, VERIFY_UNCLES,
						"member %s of uncle %u is missing", reason, i);
			return;
		}
		keccak256(hash, list[i].data, list[i].len);
		if (memcmp(hash, block->uncles[i], 32) != 0)
			verify_fail_bytes(run, VERIFY_UNCLES, hash, block->uncles[i], 32,
							  "hash of uncle %u", i);
	}

	mark = rlp_mark(writer);
	for (uint32_t i = uncles->count; i-- > 0;)
		rlp_raw(writer, list[i].data, list[i].len);
	run->uncles_len = rlp_mark(writer) - mark;
	rlp_list(writer, mark);
	if (!rlp_finish(&encoding, writer))
	{
		run->no_memory = true;
		return;
	}
	keccak256(hash, encoding.data, encoding.len);
	if (memcmp(hash, block->sha3_uncles, 32) != 0)
		verify_fail_bytes(run, VERIFY_UNCLES, hash, block->sha3_uncles, 32,
						  "sha3Uncles");
	run->uncles_known = true;
}

void
verify_uncles(VerifyRun *run)
{
	const EvmBlock *block = run->block;

	if (block->sha3_uncles == NULL)
	{
		verify_fail(run, VERIFY_UNCLES, "sha3Uncles is missing");
		return;
	}
	run->uncles_known =
		memcmp(block->sha3_uncles, verify_no_uncles_hash, 32) == 0;
	if (!verify_wants(run, VERIFY_UNCLES))
		return;

	if (run->uncles_known)
	{
		if (block->uncle_count > 0)
			verify_fail_u64(run, VERIFY_UNCLES, 0, block->uncle_count,
							"uncles where sha3Uncles says there are none");
	}
	else if ((block->present & EVM_BLOCK_UNCLES) == 0)
		verify_lack(run, VERIFY_UNCLES, "uncles are missing");
	else if (block->uncle_count == 0 || block->uncle_count > UNCLES_MAX)
		verify_fail(run, VERIFY_UNCLES,
					"%u uncles where sha3Uncles says that there are some",
					block->uncle_count);
	else if (run->uncles != NULL)
		check_uncle_headers(run);
	else
		verify_skip(run, VERIFY_UNCLES);
}

static void
check_withdrawals_root(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	EvmBytes   *values;
	uint8_t		root[32];

	values = verify_alloc(run, block->withdrawal_count, sizeof(EvmBytes));
	if (values == NULL)
		return;
	for (uint32_t i = 0; i < block->withdrawal_count; i++)
	{
		if (block->withdrawals[i].address == NULL)
		{
			verify_fail(run, VERIFY_WITHDRAWALS_ROOT,
						"address of withdrawal %u is missing", i);
			return;
		}
		if (!withdrawal_encode(&values[i], &run->context->writer,
							   &block->withdrawals[i]))
		{
			run->no_memory = true;
			return;
		}
		run->withdrawals_len += values[i].len;
	}
	if (trie_ordered_root(root, values, block->withdrawal_count) &&
		memcmp(root, block->withdrawals_root, 32) != 0)
		verify_fail_bytes(run, VERIFY_WITHDRAWALS_ROOT, root,
						  block->withdrawals_root, 32, "withdrawalsRoot");
}

void
verify_withdrawals(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	bool		listed = (block->present & EVM_BLOCK_WITHDRAWALS) != 0;

	if (!verify_wants(run, VERIFY_WITHDRAWALS_ROOT))
		return;
	if (block->withdrawals_root != NULL && !listed)
		verify_fail(run, VERIFY_WITHDRAWALS_ROOT, "withdrawals are missing");
	else if (block->withdrawals_root == NULL ||
			 run->rules->family == VERIFY_OP_STACK)
	{
		/*
		 * Before Shanghai, and on the OP stack, where the member holds
		 * another root from Isthmus on, there are no withdrawals.
		 */
		if (block->withdrawal_count > 0)
			verify_fail_u64(run, VERIFY_WITHDRAWALS_ROOT, 0,
							block->withdrawal_count,
							"withdrawals where there can be none");
	}
	else
		check_withdrawals_root(run);
}

/* Length of a list with a payload of `len` bytes. */
static uint64_t
list_len(uint64_t len)
{
	return rlp_header_len(len) + len;
}

/*
 * rlp([header, [transactions], [uncles]]) with [withdrawals] from Shanghai
 * on (yellow paper, 4.4.3; EIP-4895); a typed transaction stands in it as a
 * string.  From Amsterdam on a client may count the block's access list in,
 * which no answer holds.
 */
void
verify_size(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	uint64_t	transactions = 0;
	uint64_t	payload;

	if (!verify_wants(run, VERIFY_SIZE))
		return;
	if (run->header.data == NULL || !run->all_encoded ||
		!run->uncles_known || block->block_access_list_hash != NULL ||
		((run->result->failed | run->result->skipped) &
		 VERIFY_WITHDRAWALS_ROOT))
	{
		verify_skip(run, VERIFY_SIZE);
		return;
	}

	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		uint32_t	len = run->encodings[i].len;

		transactions += block->transactions[i].type == TXN_LEGACY ? len
			: list_len(len);
	}
	payload = run->header.len + list_len(transactions) +
		list_len(run->uncles_len);
	if (block->withdrawals_root != NULL)
		payload += list_len(run->withdrawals_len);
	run->result->size = list_len(payload);
	if ((block->present & EVM_BLOCK_SIZE) &&
		block->size != run->result->size)
		verify_fail_u64(run, VERIFY_SIZE, run->result->size, block->size,
						"size");
}
