/*-------------------------------------------------------------------------
 *
 * test_receipt.c
 *	  Receipts roots and blooms of recorded blocks, and what a change of any
 *	  hashed member does to them.
 *
 *-------------------------------------------------------------------------
 */
#include "corpus.h"
#include "keccak.h"
#include "receipt.h"
#include "trie.h"

static Arena scratch;
static RlpWriter writer;
static BloomMemo memo;
static unsigned long roots_seen;
static unsigned long status_seen;
static unsigned long state_roots_seen;
static unsigned long deposits_seen;
static unsigned long logs_seen;

static bool
same(const uint8_t *a, const uint8_t *b, size_t len)
{
	return b != NULL && memcmp(a, b, len) == 0;
}

/* The root of the block's receipts with blooms made from their logs. */
static bool
receipts_root(uint8_t *root, const EvmBlock *block)
{
	EvmBytes   *values = corpus_alloc(&scratch, block->receipt_count,
									  sizeof(EvmBytes));

	rlp_writer_reset(&writer);
	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		const EvmReceipt *receipt = &block->receipts[i];
		uint8_t		bloom[BLOOM_SIZE];

		if (receipt_bloom(bloom, &memo, receipt->logs,
						  receipt->log_count) != RECEIPT_OK ||
			receipt_encode(&values[i], &writer, receipt, bloom) !=
			RECEIPT_OK)
			return false;
	}
	return trie_ordered_root(root, values, block->receipt_count);
}

static bool
root_differs(const EvmBlock *block)
{
	uint8_t		root[32];

	return receipts_root(root, block) &&
		memcmp(root, block->receipts_root, 32) != 0;
}

/* One hashed member of a log at a time; all is put back. */
static void
check_log_tampering(const EvmBlock *block, EvmReceipt *receipt, EvmLog *log,
					const char *where)
{
	static const uint8_t other[32] = {0xab, 0xcd};
	EvmLog		original = *log;

	log->address = other;
	CHECK_AT(root_differs(block), "address", where);
	*log = original;
	for (uint32_t i = 0; i < log->topic_count; i++)
	{
		log->topics[i] = other;
		CHECK_AT(root_differs(block), "topic", where);
		*log = original;
	}
	log->data.data = other;
	log->data.len = 31;
	CHECK_AT(root_differs(block), "data", where);
	*log = original;
	if (log->topic_count < 4)
	{
		log->topics[log->topic_count++] = other;
		CHECK_AT(root_differs(block), "one more topic", where);
		*log = original;
	}

	receipt->log_count--;
	CHECK_AT(root_differs(block), "dropped log", where);
	receipt->log_count++;
}

static void
check_missing(EvmReceipt *original, const char *where)
{
	EvmReceipt	receipt = *original;
	uint8_t		bloom[BLOOM_SIZE];
	EvmBytes	encoding;

	receipt.present &= ~EVM_RECEIPT_CUMULATIVE_GAS_USED;
	CHECK_AT(receipt_encode(&encoding, &writer, &receipt, NULL) ==
			 RECEIPT_MISSING_MEMBER, "without cumulativeGasUsed", where);
	receipt = *original;
	receipt.present &= ~EVM_RECEIPT_STATUS;
	receipt.root = NULL;
	CHECK_AT(receipt_encode(&encoding, &writer, &receipt, NULL) ==
			 RECEIPT_MISSING_MEMBER, "without status and root", where);
	receipt.present |= EVM_RECEIPT_STATUS;
	receipt.status = 2;
	CHECK_AT(receipt_encode(&encoding, &writer, &receipt, NULL) ==
			 RECEIPT_BAD_MEMBER, "status 2", where);
	if (original->log_count == 0)
		return;

	receipt = *original;
	receipt.logs = corpus_alloc(&scratch, original->log_count,
								sizeof(EvmLog));
	memcpy(receipt.logs, original->logs,
		   original->log_count * sizeof(EvmLog));
	receipt.logs[0].topic_count = 5;
	CHECK_AT(receipt_encode(&encoding, &writer, &receipt, NULL) ==
			 RECEIPT_BAD_MEMBER &&
			 receipt_bloom(bloom, NULL, receipt.logs, receipt.log_count) ==
			 RECEIPT_BAD_MEMBER, "5 topics", where);
	receipt.logs[0] = original->logs[0];
	receipt.logs[0].address = NULL;
	CHECK_AT(receipt_encode(&encoding, &writer, &receipt, NULL) ==
			 RECEIPT_MISSING_MEMBER &&
			 receipt_bloom(bloom, NULL, receipt.logs, receipt.log_count) ==
			 RECEIPT_MISSING_MEMBER, "no address", where);
}

/* One receipt of the block, the one with logs if there is one, is changed. */
static void
check_tampering(EvmBlock *block, const char *where)
{
	EvmReceipt *receipt = &block->receipts[block->receipt_count / 2];
	EvmReceipt	original;

	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		if (block->receipts[i].log_count > 0)
			receipt = &block->receipts[i];
	}
	original = *receipt;
	receipt->cumulative_gas_used++;
	CHECK_AT(root_differs(block), "cumulativeGasUsed", where);
	*receipt = original;
	receipt->type ^= 2;
	CHECK_AT(root_differs(block), "type", where);
	*receipt = original;
	if (receipt->root != NULL)
		receipt->root = block->hash;
	else
		receipt->status ^= 1;
	CHECK_AT(root_differs(block), "status or root", where);
	*receipt = original;
	block->receipt_count--;
	CHECK_AT(root_differs(block), "dropped receipt", where);
	block->receipt_count++;

	if (receipt->log_count > 0)
		check_log_tampering(block, receipt,
							&receipt->logs[receipt->log_count - 1], where);
	check_missing(receipt, where);
}

static void
check_blooms(const EvmBlock *block, const char *where)
{
	uint8_t		all[BLOOM_SIZE] = {0};
	uint8_t		bloom[BLOOM_SIZE];
	uint8_t		plain[BLOOM_SIZE];

	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		const EvmReceipt *receipt = &block->receipts[i];

		CHECK_AT(receipt_bloom(bloom, &memo, receipt->logs,
							   receipt->log_count) == RECEIPT_OK &&
				 receipt_bloom(plain, NULL, receipt->logs,
							   receipt->log_count) == RECEIPT_OK &&
				 memcmp(bloom, plain, BLOOM_SIZE) == 0, "with the memo",
				 where);
		if (receipt->logs_bloom != NULL)
			CHECK_AT(same(bloom, receipt->logs_bloom, BLOOM_SIZE),
					 "receipt's bloom", where);
		for (uint32_t j = 0; j < receipt->log_count; j++)
			CHECK_AT(bloom_may_contain(block->logs_bloom,
									   receipt->logs[j].address, 20),
					 "address in the header's bloom", where);
		bloom_merge(all, bloom);
		logs_seen += receipt->log_count;
	}
	CHECK_AT(same(all, block->logs_bloom, BLOOM_SIZE), "header's bloom",
			 where);
}

static void
check_block(const CorpusBlock *recorded)
{
	EvmBlock   *block = recorded->block;
	uint8_t		root[32];

	if (block->receipts == NULL)
		return;
	rlp_writer_init(&writer, &scratch);
	check_blooms(block, recorded->file);
	CHECK_AT(receipts_root(root, block) &&
			 same(root, block->receipts_root, 32), "receipts root",
			 recorded->file);
	roots_seen++;
	for (uint32_t i = 0; i < block->receipt_count; i++)
	{
		if (block->receipts[i].root != NULL)
			state_roots_seen++;
		else
			status_seen++;
		if (block->receipts[i].type == RECEIPT_OP_DEPOSIT)
			deposits_seen++;
	}

	/* a huge block would take minutes, changed a dozen times */
	if (block->receipt_count > 0 && block->receipt_count < 400)
		check_tampering(block, recorded->file);
	arena_reset(&scratch);
}

/* Known bits: those of the hash's first three words, modulo 2048. */
static void
test_bits(void)
{
	uint8_t		bloom[BLOOM_SIZE] = {0};
	uint8_t		hash[32];
	uint8_t		item[20];
	int			bits = 0;

	memset(item, 0x42, sizeof(item));
	keccak256(hash, item, sizeof(item));
	bloom_add(bloom, item, sizeof(item));
	for (int i = 0; i < 3; i++)
	{
		int			bit = (hash[2 * i] * 256 + hash[2 * i + 1]) % 2048;

		CHECK((bloom[255 - bit / 8] >> (bit % 8) & 1) == 1);
	}
	for (int i = 0; i < BLOOM_SIZE; i++)
		bits += __builtin_popcount(bloom[i]);
	CHECK(bits > 0 && bits <= 3);
	CHECK(bloom_may_contain(bloom, item, sizeof(item)));
	item[0]++;
	CHECK(!bloom_may_contain(bloom, item, sizeof(item)));
}

/*
 * The memo answers as the hash does, also when many items share few slots and
 * an address is the beginning of a topic.
 */
static void
test_memo(void)
{
	EvmLog	   *logs = corpus_alloc(&scratch, 9000, sizeof(EvmLog));
	uint8_t		(*items)[32] = corpus_alloc(&scratch, 9000, 32);
	uint8_t		with[BLOOM_SIZE];
	uint8_t		without[BLOOM_SIZE];
	bool		agree = true;

	bloom_memo_init(&memo);
	for (uint32_t i = 0; i < 9000; i++)
	{
		items[i][0] = (uint8_t) i;
		items[i][9] = (uint8_t) (i >> 8);
		logs[i].address = items[i];
		logs[i].topic_count = 1;
		logs[i].topics[0] = items[i];
	}
	for (uint32_t i = 0; i < 9000; i += 3)
	{
		/* items seen before, and new ones */
		for (uint32_t j = i / 2; j <= i; j += i / 2 + 1)
		{
			agree = agree &&
				receipt_bloom(with, &memo, &logs[j], 1) == RECEIPT_OK &&
				receipt_bloom(without, NULL, &logs[j], 1) == RECEIPT_OK &&
				memcmp(with, without, BLOOM_SIZE) == 0;
		}
	}
	CHECK(agree);
	arena_reset(&scratch);
}

/* A deposit's receipt: the nonce counts only beside a version. */
static void
test_deposit(void)
{
	EvmExtra	items[2] = {{"depositNonce", "\"0x7\"", 5},
	{"depositReceiptVersion", "\"0x1\"", 5}};
	EvmReceipt	receipt;
	uint8_t		bloom[BLOOM_SIZE] = {0};
	EvmBytes	bare;
	EvmBytes	nonce_only;
	EvmBytes	both;
	EvmBytes	refused;

	memset(&receipt, 0, sizeof(receipt));
	receipt.type = RECEIPT_OP_DEPOSIT;
	receipt.present = EVM_RECEIPT_STATUS | EVM_RECEIPT_CUMULATIVE_GAS_USED;
	receipt.status = 1;
	rlp_writer_init(&writer, &scratch);
	CHECK(receipt_encode(&bare, &writer, &receipt, bloom) == RECEIPT_OK);
	receipt.extra.items = items;
	receipt.extra.count = 1;
	CHECK(receipt_encode(&nonce_only, &writer, &receipt, bloom) ==
		  RECEIPT_OK);
	receipt.extra.count = 2;
	CHECK(receipt_encode(&both, &writer, &receipt, bloom) == RECEIPT_OK);
	CHECK(nonce_only.len == bare.len &&
		  memcmp(nonce_only.data, bare.data, bare.len) == 0);
	CHECK(both.len == bare.len + 2 && both.data[both.len - 2] == 7 &&
		  both.data[both.len - 1] == 1);

	receipt.extra.items = &items[1];
	receipt.extra.count = 1;
	CHECK(receipt_encode(&refused, &writer, &receipt, bloom) ==
		  RECEIPT_MISSING_MEMBER);
	items[1].json = "\"0xg\"";
	CHECK(receipt_encode(&refused, &writer, &receipt, bloom) ==
		  RECEIPT_BAD_MEMBER);
	items[1].json = "12345";
	CHECK(receipt_encode(&refused, &writer, &receipt, bloom) ==
		  RECEIPT_BAD_MEMBER);

	/* the writer is good for the next item after a refusal */
	receipt.type = 2;
	CHECK(receipt_encode(&both, &writer, &receipt, bloom) == RECEIPT_OK &&
		  both.data[0] == 2 && both.len == bare.len);
	arena_reset(&scratch);
}

int
main(void)
{
	arena_init(&scratch, 0);
	test_bits();
	test_memo();
	test_deposit();
	if (!corpus_absent("test_receipt"))
	{
		corpus_each_verified(check_block);
		CHECK(roots_seen > 500 && status_seen > 1000);
		CHECK(state_roots_seen > 0 && deposits_seen > 0);
		CHECK(logs_seen > 20000);
	}
	arena_destroy(&scratch);
	return unit_summary("test_receipt");
}
