/*-------------------------------------------------------------------------
 *
 * test_header.c
 *	  Header hashes and withdrawals roots of recorded blocks of every era,
 *	  and what a change of any member does to them.
 *
 *-------------------------------------------------------------------------
 */
#include "corpus.h"
#include "header.h"
#include "keccak.h"
#include "trie.h"

static Arena scratch;
static RlpWriter writer;
static int	optional_seen[HEADER_OPTIONAL_MEMBERS + 1];

/* The block's hash is not `original` any more. */
static bool
hash_differs(const EvmBlock *block, const uint8_t *original)
{
	uint8_t		hash[32];

	return header_hash(hash, NULL, &writer, block) &&
		memcmp(hash, original, 32) != 0;
}

/* Change one byte, at `offset`, of a copy of what a member points to. */
static void
check_bytes(const EvmBlock *block, const uint8_t **member, size_t len,
			const char *where)
{
	const uint8_t *original = *member;
	uint8_t		changed[256];

	if (original == NULL)
		return;
	memcpy(changed, original, len);
	changed[block->number % len] ^= 0x10;
	*member = changed;
	CHECK_AT(hash_differs(block, block->hash), "changed bytes", where);
	*member = original;
}

static void
check_u64(const EvmBlock *block, uint64_t *member, uint32_t bit,
		  const char *where)
{
	if ((block->present & bit) == 0)
		return;
	*member += 1;
	CHECK_AT(hash_differs(block, block->hash), "changed integer", where);
	*member -= 1;
}

static void
check_uint256(const EvmBlock *block, Uint256 *member, uint32_t bit,
			  const char *where)
{
	if ((block->present & bit) == 0)
		return;
	for (int i = 0; i < 4; i++)
	{
		member->word[i] += 1;
		CHECK_AT(hash_differs(block, block->hash), "changed word", where);
		member->word[i] -= 1;
	}
}

/* One member at a time is changed, and put back. */
static void
check_tampering(EvmBlock *block, const char *where)
{
	EvmBytes	extra_data = block->extra_data;

	check_bytes(block, &block->parent_hash, 32, where);
	check_bytes(block, &block->sha3_uncles, 32, where);
	check_bytes(block, &block->miner, 20, where);
	check_bytes(block, &block->state_root, 32, where);
	check_bytes(block, &block->transactions_root, 32, where);
	check_bytes(block, &block->receipts_root, 32, where);
	check_bytes(block, &block->logs_bloom, 256, where);
	check_bytes(block, &block->mix_hash, 32, where);
	check_bytes(block, &block->nonce, 8, where);
	check_bytes(block, &block->withdrawals_root, 32, where);
	check_bytes(block, &block->parent_beacon_block_root, 32, where);
	check_bytes(block, &block->requests_hash, 32, where);
	check_bytes(block, &block->block_access_list_hash, 32, where);
	check_u64(block, &block->number, EVM_BLOCK_NUMBER, where);
	check_u64(block, &block->gas_limit, EVM_BLOCK_GAS_LIMIT, where);
	check_u64(block, &block->gas_used, EVM_BLOCK_GAS_USED, where);
	check_u64(block, &block->timestamp, EVM_BLOCK_TIMESTAMP, where);
	check_u64(block, &block->blob_gas_used, EVM_BLOCK_BLOB_GAS_USED, where);
	check_u64(block, &block->excess_blob_gas, EVM_BLOCK_EXCESS_BLOB_GAS,
			  where);
	check_uint256(block, &block->difficulty, EVM_BLOCK_DIFFICULTY, where);
	check_uint256(block, &block->base_fee_per_gas,
				  EVM_BLOCK_BASE_FEE_PER_GAS, where);

	block->extra_data.data = (const uint8_t *) "changed, surely";
	block->extra_data.len = 15;
	CHECK_AT(hash_differs(block, block->hash), "changed extraData", where);
	block->extra_data = extra_data;
}

/* Members that every header has cannot be left out. */
static void
check_missing(EvmBlock *block, const char *where)
{
	const uint8_t *miner = block->miner;
	uint32_t	present = block->present;
	const char *reason = "";
	uint8_t		hash[32];

	block->miner = NULL;
	CHECK_AT(!header_hash(hash, &reason, &writer, block) &&
			 strcmp(reason, "miner") == 0, "without miner", where);
	block->miner = miner;
	block->present &= ~EVM_BLOCK_GAS_LIMIT;
	CHECK_AT(!header_hash(hash, &reason, &writer, block) &&
			 strcmp(reason, "gasLimit") == 0, "without gasLimit", where);
	block->present = present;
}

/*
 * Optional members from the first on that is taken away must go too; a longer
 * or a shorter prefix is another header.
 */
static void
check_prefix(EvmBlock *block, int optional, const char *where)
{
	EvmBlock	other = *block;
	const char *reason = "";
	uint8_t		hash[32];

	if (optional > 1)
	{
		other.present &= ~EVM_BLOCK_BASE_FEE_PER_GAS;
		CHECK_AT(!header_hash(hash, &reason, &writer, &other) &&
				 strcmp(reason, "baseFeePerGas") == 0, "a gap", where);
	}
	if (optional == 1)
	{
		other.present &= ~EVM_BLOCK_BASE_FEE_PER_GAS;
		CHECK_AT(hash_differs(&other, block->hash), "shorter prefix", where);
	}

	other = *block;
	other.present |= EVM_BLOCK_SLOT_NUMBER;
	CHECK_AT(!header_hash(hash, &reason, &writer, &other), "far member",
			 where);
	other = *block;
	if (optional == 0)
		other.present |= EVM_BLOCK_BASE_FEE_PER_GAS;
	else if (optional == 1)
		other.withdrawals_root = block->state_root;
	else if (optional == 5)
		other.requests_hash = block->state_root;
	else if (optional == 6)
		other.block_access_list_hash = block->state_root;
	else
		return;
	CHECK_AT(hash_differs(&other, block->hash), "longer prefix", where);
}

static bool
withdrawals_root(uint8_t *root, const EvmBlock *block)
{
	EvmBytes   *values = corpus_alloc(&scratch, block->withdrawal_count,
									  sizeof(EvmBytes));

	for (uint32_t i = 0; i < block->withdrawal_count; i++)
	{
		if (!withdrawal_encode(&values[i], &writer, &block->withdrawals[i]))
			return false;
	}
	return trie_ordered_root(root, values, block->withdrawal_count);
}

static void
check_withdrawals(EvmBlock *block, const char *where)
{
	uint8_t		root[32];

	if ((block->present & EVM_BLOCK_WITHDRAWALS) == 0)
		return;
	CHECK_AT(withdrawals_root(root, block) &&
			 memcmp(root, block->withdrawals_root, 32) == 0,
			 "withdrawals root", where);
	if (block->withdrawal_count == 0)
		return;
	block->withdrawals[0].amount ^= 1;
	CHECK_AT(withdrawals_root(root, block) &&
			 memcmp(root, block->withdrawals_root, 32) != 0,
			 "changed amount", where);
	block->withdrawals[0].amount ^= 1;
	block->withdrawal_count--;
	CHECK_AT(withdrawals_root(root, block) &&
			 memcmp(root, block->withdrawals_root, 32) != 0,
			 "dropped withdrawal", where);
	block->withdrawal_count++;
}

static void
check_block(const CorpusBlock *recorded)
{
	EvmBlock   *block = recorded->block;
	const char *reason = "";
	uint8_t		hash[32];
	int			optional = 0;

	rlp_writer_init(&writer, &scratch);
	if (strcmp(recorded->chain, "poa-core") == 0)
	{
		/* Aura seals a header with other members: named, not guessed */
		CHECK_AT(!header_hash(hash, &reason, &writer, block) &&
				 strcmp(reason, "mixHash") == 0, "Aura", recorded->file);
		return;
	}
	CHECK_AT(header_hash(hash, NULL, &writer, block) &&
			 memcmp(hash, block->hash, 32) == 0, "header hash",
			 recorded->file);
	CHECK_AT(header_optional_members(&optional, NULL, block),
			 "optional members", recorded->file);
	optional_seen[optional]++;
	check_tampering(block, recorded->file);
	check_missing(block, recorded->file);
	check_prefix(block, optional, recorded->file);
	check_withdrawals(block, recorded->file);
	arena_reset(&scratch);
}

/*
 * Amsterdam's two members have no recorded block: their place is checked
 * against an encoding put together by hand.
 */
static void
check_amsterdam(const CorpusBlock *recorded)
{
	EvmBlock	block = *recorded->block;
	EvmBytes	before;
	EvmBytes	after;
	uint8_t		expected[2048];
	uint8_t		list_hash[32];
	size_t		payload;

	if (optional_seen[7] > 0 || block.requests_hash == NULL ||
		block.extra_data.len > 100)
		return;					/* one Prague block is enough */
	optional_seen[7]++;
	memset(list_hash, 0x5a, sizeof(list_hash));
	rlp_writer_init(&writer, &scratch);
	CHECK(header_encode(&before, NULL, &writer, &block));
	block.block_access_list_hash = list_hash;
	block.slot_number = 0x123456;
	block.present |= EVM_BLOCK_SLOT_NUMBER;
	CHECK(header_encode(&after, NULL, &writer, &block));

	/* f9 xx xx, the members as before, a0 hash, 83 12 34 56 */
	payload = before.len - 3 + 33 + 4;
	expected[0] = 0xf9;
	expected[1] = (uint8_t) (payload >> 8);
	expected[2] = (uint8_t) payload;
	memcpy(expected + 3, before.data + 3, before.len - 3);
	expected[before.len] = 0xa0;
	memcpy(expected + before.len + 1, list_hash, 32);
	memcpy(expected + before.len + 33, "\x83\x12\x34\x56", 4);
	CHECK(after.len == payload + 3 &&
		  memcmp(after.data, expected, after.len) == 0);
	arena_reset(&scratch);
}

/* The genesis block of ethereum/tests, read and hashed. */
static void
test_genesis(void)
{
	json_object *vector =
	corpus_json("vectors/tx/basic_genesishashestest.json");
	EvmBytes	rlp = corpus_bytes(&scratch, vector, "genesis_rlp_hex");
	EvmBytes	wanted = corpus_bytes(&scratch, vector, "genesis_hash");
	RlpReader	reader;
	RlpReader	inner;
	const uint8_t *start;
	RlpReader	header;
	uint8_t		hash[32];

	/* the header is the block's first member: hash it where it stands */
	rlp_reader_init(&reader, rlp.data, rlp.len);
	CHECK(rlp_valid(rlp.data, rlp.len));
	CHECK(rlp_next_list(&inner, &reader));
	start = inner.pos;
	CHECK(rlp_next_list(&header, &inner));
	keccak256(hash, start, (size_t) (inner.pos - start));
	CHECK(wanted.len == 32 && memcmp(hash, wanted.data, 32) == 0);
	json_object_put(vector);
	arena_reset(&scratch);
}

int
main(void)
{
	if (corpus_absent("test_header"))
		return 0;
	arena_init(&scratch, 0);
	CHECK(corpus_each_verified(check_block) > 600);
	CHECK(corpus_each_verified(check_amsterdam) > 600);
	test_genesis();

	/* none, London, Shanghai, Cancun, Prague */
	CHECK(optional_seen[0] > 0 && optional_seen[1] > 0 &&
		  optional_seen[2] > 0 && optional_seen[5] > 0 &&
		  optional_seen[6] > 0);
	arena_destroy(&scratch);
	return unit_summary("test_header");
}
