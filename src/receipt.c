/*-------------------------------------------------------------------------
 *
 * receipt.c
 *	  Receipts as the receipts trie holds them, and logs' blooms.
 *
 *-------------------------------------------------------------------------
 */
#include "receipt.h"

#include <string.h>

#include "extra.h"
#include "keccak.h"

const char *
receipt_status_text(ReceiptStatus status)
{
	switch (status)
	{
		case RECEIPT_OK:
			return "no error";
		case RECEIPT_MISSING_MEMBER:
			return "a member that the receipt's encoding needs is missing";
		case RECEIPT_BAD_MEMBER:
			return "a member of the receipt has a value it cannot have";
		case RECEIPT_NO_MEMORY:
			return "out of memory";
	}
	return "unknown status";
}

void
bloom_memo_init(BloomMemo *memo)
{
	memset(memo, 0, sizeof(*memo));
}

/*
 * The bits are the low 11 bits of the first three big-endian 16-bit words of
 * the item's hash.
 */
static inline void
bits_of_hash(uint16_t *bits3, const uint8_t *hash)
{
	for (int i = 0; i < 3; i++)
		bits3[i] = (uint16_t) ((hash[2 * i] << 8 | hash[2 * i + 1]) & 0x7ff);
}

static void
bits_of(uint16_t *bits3, const uint8_t *item, size_t len)
{
	uint8_t		hash[32];

	keccak256(hash, item, len);
	bits_of_hash(bits3, hash);
}

/* Bit 0 is the lowest bit of the last byte: a bloom is a big-endian number. */
static inline uint8_t *
byte_of(uint8_t *bloom256, uint16_t bit)
{
	return &bloom256[BLOOM_SIZE - 1 - bit / 8];
}

static inline void
set_bits(uint8_t *bloom256, const uint16_t *bits3)
{
	for (int i = 0; i < 3; i++)
		*byte_of(bloom256, bits3[i]) |= (uint8_t) (1u << (bits3[i] % 8));
}

void
bloom_add(uint8_t *bloom256, const uint8_t *item, size_t len)
{
	uint16_t	bits[3];

	bits_of(bits, item, len);
	set_bits(bloom256, bits);
}

bool
bloom_may_contain(const uint8_t *bloom256, const uint8_t *item, size_t len)
{
	uint8_t		wanted[BLOOM_SIZE] = {0};

	bloom_add(wanted, item, len);
	for (int i = 0; i < BLOOM_SIZE; i++)
	{
		if ((bloom256[i] & wanted[i]) != wanted[i])
			return false;
	}
	return true;
}

void
bloom_merge(uint8_t *bloom256, const uint8_t *other256)
{
	for (int i = 0; i < BLOOM_SIZE; i++)
		bloom256[i] |= other256[i];
}

/*
 * Which slot an item has.  Any mixing will do: a clash costs a hash, never a
 * wrong answer, as the whole item is compared.
 */
static inline uint32_t
slot_of(const uint8_t *item, uint8_t len)
{
	uint64_t	word[4] = {0};
	uint64_t	mix;

	memcpy(word, item, len);
	mix = word[0] ^ (word[1] * UINT64_C(0x9e3779b97f4a7c15));
	mix = (mix ^ (mix >> 29)) + word[2] + len;
	mix = (mix * UINT64_C(0xbf58476d1ce4e5b9)) ^ word[3];
	mix *= UINT64_C(0x94d049bb133111eb);
	return (uint32_t) (mix >> 40) & (BLOOM_MEMO_SLOTS - 1);
}

/* bloom_add for an address or a topic, with the memo. */
static void
add_item(uint8_t *bloom256, BloomMemo *memo, const uint8_t *item, uint8_t len)
{
	BloomMemoSlot *slot;

	if (memo == NULL)
	{
		bloom_add(bloom256, item, len);
		return;
	}

	slot = &memo->slots[slot_of(item, len)];
	if (slot->len != len || memcmp(slot->item, item, len) != 0)
	{
		bits_of(slot->bits, item, len);
		memset(slot->item, 0, sizeof(slot->item));
		memcpy(slot->item, item, len);
		slot->len = len;
	}
	set_bits(bloom256, slot->bits);
}

/* Items that wait to be hashed together. */
#define LEARN_BATCH		32

typedef struct LearnBatch
{
	BloomMemo  *memo;
	KeccakInput inputs[LEARN_BATCH];
	BloomMemoSlot *slots[LEARN_BATCH];
	uint32_t	count;
} LearnBatch;

static inline bool
slot_holds(const BloomMemoSlot *slot, const uint8_t *item, uint8_t len)
{
	return slot->len == len && memcmp(slot->item, item, len) == 0;
}

/* Fill in the bits, but where another item has taken the slot since. */
static void
learn_flush(LearnBatch *batch)
{
	uint8_t		hashes[LEARN_BATCH][32];

	keccak256_many(hashes[0], batch->inputs, batch->count);
	for (uint32_t i = 0; i < batch->count; i++)
	{
		if (slot_holds(batch->slots[i], batch->inputs[i].data,
					   (uint8_t) batch->inputs[i].data_len))
			bits_of_hash(batch->slots[i]->bits, hashes[i]);
	}
	batch->count = 0;
}

/* The slot is the item's at once, so that one that comes again is seen. */
static void
learn_item(LearnBatch *batch, const uint8_t *item, uint8_t len)
{
	BloomMemoSlot *slot;
	KeccakInput *input;

	if (item == NULL)
		return;
	slot = &batch->memo->slots[slot_of(item, len)];
	if (slot_holds(slot, item, len))
		return;
	memset(slot->item, 0, sizeof(slot->item));
	memcpy(slot->item, item, len);
	slot->len = len;

	input = &batch->inputs[batch->count];
	input->head = NULL;
	input->head_len = 0;
	input->data = item;
	input->data_len = len;
	batch->slots[batch->count++] = slot;
	if (batch->count == LEARN_BATCH)
		learn_flush(batch);
}

void
bloom_memo_learn(BloomMemo *memo, const EvmReceipt *receipts,
				 uint32_t receipt_count)
{
	LearnBatch	batch;

	batch.memo = memo;
	batch.count = 0;
	for (uint32_t i = 0; i < receipt_count; i++)
	{
		for (uint32_t j = 0; j < receipts[i].log_count; j++)
		{
			const EvmLog *log = &receipts[i].logs[j];

			learn_item(&batch, log->address, 20);
			for (uint32_t k = 0; k < log->topic_count && k < 4; k++)
				learn_item(&batch, log->topics[k], 32);
		}
	}
	learn_flush(&batch);
}

ReceiptStatus
receipt_bloom(uint8_t *bloom256, BloomMemo *memo, const EvmLog *logs,
			  uint32_t log_count)
{
	memset(bloom256, 0, BLOOM_SIZE);
	for (uint32_t i = 0; i < log_count; i++)
	{
		const EvmLog *log = &logs[i];

		if (log->address == NULL)
			return RECEIPT_MISSING_MEMBER;
		if (log->topic_count > 4)
			return RECEIPT_BAD_MEMBER;
		add_item(bloom256, memo, log->address, 20);
		for (uint32_t j = 0; j < log->topic_count; j++)
		{
			if (log->topics[j] == NULL)
				return RECEIPT_MISSING_MEMBER;
			add_item(bloom256, memo, log->topics[j], 32);
		}
	}
	return RECEIPT_OK;
}

/* A log is [address, [topics], data] (yellow paper, 4.3.1). */
static ReceiptStatus
put_log(RlpWriter *writer, const EvmLog *log)
{
	size_t		mark = rlp_mark(writer);
	size_t		topics_mark;

	if (log->address == NULL || log->data.data == NULL)
		return RECEIPT_MISSING_MEMBER;
	if (log->topic_count > 4)
		return RECEIPT_BAD_MEMBER;

	rlp_bytes(writer, log->data.data, log->data.len);
	topics_mark = rlp_mark(writer);
	for (uint32_t i = log->topic_count; i-- > 0;)
	{
		if (log->topics[i] == NULL)
			return RECEIPT_MISSING_MEMBER;
		rlp_bytes(writer, log->topics[i], 32);
	}
	rlp_list(writer, topics_mark);
	rlp_bytes(writer, log->address, 20);
	rlp_list(writer, mark);
	return RECEIPT_OK;
}

static ReceiptStatus
put_logs(RlpWriter *writer, const EvmReceipt *receipt)
{
	size_t		mark = rlp_mark(writer);

	for (uint32_t i = receipt->log_count; i-- > 0;)
	{
		ReceiptStatus status = put_log(writer, &receipt->logs[i]);

		if (status != RECEIPT_OK)
			return status;
	}
	rlp_list(writer, mark);
	return RECEIPT_OK;
}

/* What stands behind the logs in the receipt of a deposit of the OP stack. */
static ReceiptStatus
put_deposit_members(RlpWriter *writer, const EvmReceipt *receipt)
{
	uint64_t	version;
	uint64_t	nonce;
	ExtraStatus status;

	status = extra_u64(&version, &receipt->extra, "depositReceiptVersion");
	if (status == EXTRA_BAD)
		return RECEIPT_BAD_MEMBER;
	if (status == EXTRA_ABSENT)
		return RECEIPT_OK;

	status = extra_u64(&nonce, &receipt->extra, "depositNonce");
	if (status != EXTRA_OK)
		return status == EXTRA_BAD ? RECEIPT_BAD_MEMBER
			: RECEIPT_MISSING_MEMBER;
	rlp_u64(writer, version);
	rlp_u64(writer, nonce);
	return RECEIPT_OK;
}

/* Write a receipt's members from the last to the first. */
static ReceiptStatus
put_receipt(RlpWriter *writer, const EvmReceipt *receipt,
			const uint8_t *bloom256)
{
	size_t		mark = rlp_mark(writer);
	ReceiptStatus status = RECEIPT_OK;

	if (receipt->type == RECEIPT_OP_DEPOSIT)
		status = put_deposit_members(writer, receipt);
	if (status == RECEIPT_OK)
		status = put_logs(writer, receipt);
	if (status != RECEIPT_OK)
		return status;

	rlp_bytes(writer, bloom256, BLOOM_SIZE);
	rlp_u64(writer, receipt->cumulative_gas_used);
	if (receipt->root != NULL)
		rlp_bytes(writer, receipt->root, 32);
	else
		rlp_u64(writer, receipt->status);
	rlp_list(writer, mark);
	if (receipt->type != 0)
		rlp_raw_byte(writer, (uint8_t) receipt->type);
	return RECEIPT_OK;
}

ReceiptStatus
receipt_encode(EvmBytes *out, RlpWriter *writer, const EvmReceipt *receipt,
			   const uint8_t *bloom256)
{
	ReceiptStatus status;

	out->data = NULL;
	out->len = 0;
	if (bloom256 == NULL)
		bloom256 = receipt->logs_bloom;
	if (bloom256 == NULL ||
		(receipt->present & EVM_RECEIPT_CUMULATIVE_GAS_USED) == 0)
		return RECEIPT_MISSING_MEMBER;
	if (receipt->root == NULL)
	{
		if ((receipt->present & EVM_RECEIPT_STATUS) == 0)
			return RECEIPT_MISSING_MEMBER;
		if (receipt->status > 1)
			return RECEIPT_BAD_MEMBER;
	}
	if (receipt->type > 0x7f)
		return RECEIPT_BAD_MEMBER;

	status = put_receipt(writer, receipt, bloom256);
	if (status != RECEIPT_OK)
	{
		rlp_abandon(writer);
		return status;
	}
	return rlp_finish(out, writer) ? RECEIPT_OK : RECEIPT_NO_MEMORY;
}
