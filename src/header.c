/*-------------------------------------------------------------------------
 *
 * header.c
 *	  The encoding and hash of a block's header, and of withdrawals.
 *
 * The members are listed once, in the order in which they are hashed, with
 * where each stands in the struct; what encodes, and what says that one is
 * missing, reads that list.
 *
 *-------------------------------------------------------------------------
 */
#include "header.h"

#include <stddef.h>

#include "keccak.h"

typedef enum MemberKind
{
	MEMBER_FIXED,				/* a pointer to `len` bytes; NULL: absent */
	MEMBER_BYTES,				/* an EvmBytes; data NULL: absent */
	MEMBER_U64,					/* a bit of `present` says if it is there */
	MEMBER_UINT256				/* likewise */
} MemberKind;

typedef struct Member
{
	const char *name;			/* in JSON-RPC */
	MemberKind	kind;
	size_t		offset;			/* in EvmBlock */
	uint32_t	detail;			/* the length, or the bit of `present` */
} Member;

#define FIXED(name, field, len) \
	{name, MEMBER_FIXED, offsetof(EvmBlock, field), len}
#define INTEGER(name, field, bit) \
	{name, MEMBER_U64, offsetof(EvmBlock, field), bit}
#define WIDE(name, field, bit) \
	{name, MEMBER_UINT256, offsetof(EvmBlock, field), bit}

#define MEMBERS		(HEADER_BASE_MEMBERS + HEADER_OPTIONAL_MEMBERS)

static const Member members[MEMBERS] = {
	FIXED("parentHash", parent_hash, 32),
	FIXED("sha3Uncles", sha3_uncles, 32),
	FIXED("miner", miner, 20),
	FIXED("stateRoot", state_root, 32),
	FIXED("transactionsRoot", transactions_root, 32),
	FIXED("receiptsRoot", receipts_root, 32),
	FIXED("logsBloom", logs_bloom, 256),
	WIDE("difficulty", difficulty, EVM_BLOCK_DIFFICULTY),
	INTEGER("number", number, EVM_BLOCK_NUMBER),
	INTEGER("gasLimit", gas_limit, EVM_BLOCK_GAS_LIMIT),
	INTEGER("gasUsed", gas_used, EVM_BLOCK_GAS_USED),
	INTEGER("timestamp", timestamp, EVM_BLOCK_TIMESTAMP),
	{"extraData", MEMBER_BYTES, offsetof(EvmBlock, extra_data), 0},
	FIXED("mixHash", mix_hash, 32),
	FIXED("nonce", nonce, 8),
	WIDE("baseFeePerGas", base_fee_per_gas, EVM_BLOCK_BASE_FEE_PER_GAS),
	FIXED("withdrawalsRoot", withdrawals_root, 32),
	INTEGER("blobGasUsed", blob_gas_used, EVM_BLOCK_BLOB_GAS_USED),
	INTEGER("excessBlobGas", excess_blob_gas, EVM_BLOCK_EXCESS_BLOB_GAS),
	FIXED("parentBeaconBlockRoot", parent_beacon_block_root, 32),
	FIXED("requestsHash", requests_hash, 32),
	FIXED("blockAccessListHash", block_access_list_hash, 32),
	INTEGER("slotNumber", slot_number, EVM_BLOCK_SLOT_NUMBER)
};

static inline const void *
member_of(const EvmBlock *block, const Member *member)
{
	return (const char *) block + member->offset;
}

static bool
member_present(const EvmBlock *block, const Member *member)
{
	const void *field = member_of(block, member);

	switch (member->kind)
	{
		case MEMBER_FIXED:
			return *(const uint8_t *const *) field != NULL;
		case MEMBER_BYTES:
			return ((const EvmBytes *) field)->data != NULL;
		case MEMBER_U64:
		case MEMBER_UINT256:
			break;
	}
	return (block->present & member->detail) != 0;
}

static void
put_member(RlpWriter *writer, const EvmBlock *block, const Member *member)
{
	const void *field = member_of(block, member);

	switch (member->kind)
	{
		case MEMBER_FIXED:
			rlp_bytes(writer, *(const uint8_t *const *) field, member->detail);
			break;
		case MEMBER_BYTES:
			rlp_bytes(writer, ((const EvmBytes *) field)->data,
					  ((const EvmBytes *) field)->len);
			break;
		case MEMBER_U64:
			rlp_u64(writer, *(const uint64_t *) field);
			break;
		case MEMBER_UINT256:
			rlp_uint256(writer, field);
			break;
	}
}

static bool
refuse(const char **reason, const char *text)
{
	if (reason != NULL)
		*reason = text;
	return false;
}

bool
header_optional_members(int *count, const char **reason,
						const EvmBlock *block)
{
	int			n = 0;

	while (n < HEADER_OPTIONAL_MEMBERS &&
		   member_present(block, &members[HEADER_BASE_MEMBERS + n]))
		n++;

	for (int i = n + 1; i < HEADER_OPTIONAL_MEMBERS; i++)
	{
		if (member_present(block, &members[HEADER_BASE_MEMBERS + i]))
			return refuse(reason, members[HEADER_BASE_MEMBERS + n].name);
	}
	*count = n;
	return true;
}

bool
header_encode(EvmBytes *rlp, const char **reason, RlpWriter *writer,
			  const EvmBlock *block)
{
	size_t		mark = rlp_mark(writer);
	int			optional;

	rlp->data = NULL;
	rlp->len = 0;
	for (int i = 0; i < HEADER_BASE_MEMBERS; i++)
	{
		if (!member_present(block, &members[i]))
			return refuse(reason, members[i].name);
	}
	if (!header_optional_members(&optional, reason, block))
		return false;

	for (int i = HEADER_BASE_MEMBERS + optional - 1; i >= 0; i--)
		put_member(writer, block, &members[i]);
	rlp_list(writer, mark);
	if (!rlp_finish(rlp, writer))
		return refuse(reason, "out of memory");
	return true;
}

bool
header_hash(uint8_t *out32, const char **reason, RlpWriter *writer,
			const EvmBlock *block)
{
	EvmBytes	rlp;

	if (!header_encode(&rlp, reason, writer, block))
		return false;
	keccak256(out32, rlp.data, rlp.len);
	return true;
}

bool
withdrawal_encode(EvmBytes *rlp, RlpWriter *writer,
				  const EvmWithdrawal *withdrawal)
{
	size_t		mark = rlp_mark(writer);

	rlp->data = NULL;
	rlp->len = 0;
	if (withdrawal->address == NULL)
		return false;
	rlp_u64(writer, withdrawal->amount);
	rlp_bytes(writer, withdrawal->address, 20);
	rlp_u64(writer, withdrawal->validator_index);
	rlp_u64(writer, withdrawal->index);
	rlp_list(writer, mark);
	return rlp_finish(rlp, writer);
}
