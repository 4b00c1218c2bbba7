/*-------------------------------------------------------------------------
 *
 * txn_arbitrum.c
 *	  The transaction types of Arbitrum Nitro.
 *
 *-------------------------------------------------------------------------
 */
#include "txn_arbitrum.h"

#include <string.h>

#include "extra.h"
#include "hex.h"

/* Words of the call that a submit retryable stands for, before its data. */
#define SUBMIT_WORDS	12

/* Where the data's length stands in it, counted from the first word. */
#define SUBMIT_DATA_OFFSET	(11 * 32)

/* ArbOS's own address, 0xa4b05, and that of the retryables' precompile. */
static const uint8_t arbos_address[20] = {[17] = 0x0a,[18] = 0x4b, 0x05};
static const uint8_t retryables_address[20] = {[19] = 0x6e};

/* The members of a type, in the order in which they are encoded. */
typedef enum ArbMember
{
	AM_END = 0,
	AM_CHAIN_ID,
	AM_REQUEST_ID,
	AM_FROM,
	AM_NONCE,
	AM_FEE_CAP,
	AM_GAS,
	AM_TO,						/* empty for a creation */
	AM_TO_ADDRESS,
	AM_VALUE,
	AM_INPUT,
	AM_TICKET_ID,
	AM_REFUND_TO,
	AM_MAX_REFUND,
	AM_SUBMISSION_FEE_REFUND,
	AM_L1_BASE_FEE,
	AM_DEPOSIT_VALUE,
	AM_RETRY_TO,				/* empty for a creation */
	AM_RETRY_VALUE,
	AM_BENEFICIARY,
	AM_MAX_SUBMISSION_FEE,
	AM_RETRY_DATA
} ArbMember;

#define AM_MAX_COUNT	14

static const struct
{
	uint8_t		type;
	uint8_t		members[AM_MAX_COUNT];
}			types[] = {

	{TXN_ARB_DEPOSIT, {
			AM_CHAIN_ID, AM_REQUEST_ID, AM_FROM, AM_TO_ADDRESS, AM_VALUE
	}},
	{TXN_ARB_UNSIGNED, {
			AM_CHAIN_ID, AM_FROM, AM_NONCE, AM_FEE_CAP, AM_GAS, AM_TO,
			AM_VALUE, AM_INPUT
	}},
	{TXN_ARB_CONTRACT, {
			AM_CHAIN_ID, AM_REQUEST_ID, AM_FROM, AM_FEE_CAP, AM_GAS, AM_TO,
			AM_VALUE, AM_INPUT
	}},
	{TXN_ARB_RETRY, {
			AM_CHAIN_ID, AM_NONCE, AM_FROM, AM_FEE_CAP, AM_GAS, AM_TO,
			AM_VALUE, AM_INPUT, AM_TICKET_ID, AM_REFUND_TO, AM_MAX_REFUND,
			AM_SUBMISSION_FEE_REFUND
	}},
	{TXN_ARB_SUBMIT_RETRYABLE, {
			AM_CHAIN_ID, AM_REQUEST_ID, AM_FROM, AM_L1_BASE_FEE,
			AM_DEPOSIT_VALUE, AM_FEE_CAP, AM_GAS, AM_RETRY_TO,
			AM_RETRY_VALUE, AM_BENEFICIARY, AM_MAX_SUBMISSION_FEE,
			AM_REFUND_TO, AM_RETRY_DATA
	}},
	{TXN_ARB_INTERNAL, {AM_CHAIN_ID, AM_INPUT}}
};

static TxnStatus
status_of_extra(ExtraStatus status)
{
	switch (status)
	{
		case EXTRA_OK:
			return TXN_OK;
		case EXTRA_ABSENT:
			return TXN_MISSING_MEMBER;
		case EXTRA_BAD:
			break;
	}
	return TXN_BAD_MEMBER;
}

/* retryData: bytes of any number, decoded into the arena. */
static TxnStatus
read_retry_data(EvmBytes *out, Arena *arena, const EvmExtras *extras)
{
	const EvmExtra *item = NULL;
	uint8_t    *bytes;
	size_t		digits;

	for (uint32_t i = 0; i < extras->count; i++)
	{
		if (strcmp(extras->items[i].name, "retryData") == 0)
			item = &extras->items[i];
	}
	if (item == NULL ||
		(item->json_len == 4 && memcmp(item->json, "null", 4) == 0))
		return TXN_MISSING_MEMBER;
	if (item->json_len < 4 || memcmp(item->json, "\"0x", 3) != 0 ||
		item->json[item->json_len - 1] != '"')
		return TXN_BAD_MEMBER;

	digits = item->json_len - 4;
	bytes = arena != NULL ? arena_alloc(arena, digits / 2) : NULL;
	if (bytes == NULL)
		return TXN_NO_MEMORY;
	if (digits % 2 != 0 || !hexbytes_decode(bytes, item->json + 3, digits))
		return TXN_BAD_MEMBER;
	out->data = bytes;
	out->len = (uint32_t) (digits / 2);
	return TXN_OK;
}

static TxnStatus
put_fixed(RlpWriter *writer, const EvmTransaction *tx, const char *name,
		  size_t len)
{
	uint8_t		bytes[32];
	TxnStatus	status = status_of_extra(extra_fixed(bytes, &tx->extra, name,
													 len));

	if (status == TXN_OK)
		rlp_bytes(writer, bytes, len);
	return status;
}

static TxnStatus
put_quantity(RlpWriter *writer, const EvmTransaction *tx, const char *name)
{
	Uint256		value;
	TxnStatus	status = status_of_extra(extra_uint256(&value, &tx->extra,
													   name));

	if (status == TXN_OK)
		rlp_uint256(writer, &value);
	return status;
}

static const Uint256 *
fee_cap(const EvmTransaction *tx)
{
	if (tx->present & EVM_TX_MAX_FEE_PER_GAS)
		return &tx->max_fee_per_gas;
	return tx->present & EVM_TX_GAS_PRICE ? &tx->gas_price : NULL;
}

static TxnStatus
put_number(RlpWriter *writer, const EvmTransaction *tx, uint32_t bit,
		   const Uint256 *value)
{
	if ((tx->present & bit) == 0)
		return TXN_MISSING_MEMBER;
	rlp_uint256(writer, value);
	return TXN_OK;
}

static TxnStatus
put_address(RlpWriter *writer, const uint8_t *address, bool may_be_empty)
{
	if (address == NULL && !may_be_empty)
		return TXN_MISSING_MEMBER;
	rlp_bytes(writer, address, address != NULL ? 20 : 0);
	return TXN_OK;
}

/* The members that only Arbitrum has. */
static TxnStatus
put_extra_member(RlpWriter *writer, const EvmTransaction *tx,
				 ArbMember member)
{
	EvmBytes	data;
	TxnStatus	status;

	switch (member)
	{
		case AM_REQUEST_ID:
			return put_fixed(writer, tx, "requestId", 32);
		case AM_TICKET_ID:
			return put_fixed(writer, tx, "ticketId", 32);
		case AM_REFUND_TO:
			return put_fixed(writer, tx, "refundTo", 20);
		case AM_BENEFICIARY:
			return put_fixed(writer, tx, "beneficiary", 20);
		case AM_MAX_REFUND:
			return put_quantity(writer, tx, "maxRefund");
		case AM_SUBMISSION_FEE_REFUND:
			return put_quantity(writer, tx, "submissionFeeRefund");
		case AM_L1_BASE_FEE:
			return put_quantity(writer, tx, "l1BaseFee");
		case AM_DEPOSIT_VALUE:
			return put_quantity(writer, tx, "depositValue");
		case AM_RETRY_VALUE:
			return put_quantity(writer, tx, "retryValue");
		case AM_MAX_SUBMISSION_FEE:
			return put_quantity(writer, tx, "maxSubmissionFee");
		case AM_RETRY_TO:
			status = put_fixed(writer, tx, "retryTo", 20);
			if (status != TXN_MISSING_MEMBER)
				return status;
			rlp_bytes(writer, NULL, 0);
			return TXN_OK;
		case AM_RETRY_DATA:
			status = read_retry_data(&data, writer->arena, &tx->extra);
			if (status == TXN_OK)
				rlp_bytes(writer, data.data, data.len);
			return status;
		default:
			return TXN_BAD_MEMBER;
	}
}

static TxnStatus
put_member(RlpWriter *writer, const EvmTransaction *tx, ArbMember member)
{
	Uint256		wide;

	switch (member)
	{
		case AM_CHAIN_ID:
			return put_number(writer, tx, EVM_TX_CHAIN_ID, &tx->chain_id);
		case AM_VALUE:
			return put_number(writer, tx, EVM_TX_VALUE, &tx->value);
		case AM_NONCE:
			wide = uint256_from_u64(tx->nonce);
			return put_number(writer, tx, EVM_TX_NONCE, &wide);
		case AM_GAS:
			wide = uint256_from_u64(tx->gas);
			return put_number(writer, tx, EVM_TX_GAS, &wide);
		case AM_FEE_CAP:
			if (fee_cap(tx) == NULL)
				return TXN_MISSING_MEMBER;
			rlp_uint256(writer, fee_cap(tx));
			return TXN_OK;
		case AM_FROM:
			return put_address(writer, tx->from, false);
		case AM_TO:
			return put_address(writer, tx->to, true);
		case AM_TO_ADDRESS:
			return put_address(writer, tx->to, false);
		case AM_INPUT:
			if (tx->input.data == NULL)
				return TXN_MISSING_MEMBER;
			rlp_bytes(writer, tx->input.data, tx->input.len);
			return TXN_OK;
		default:
			return put_extra_member(writer, tx, member);
	}
}

TxnStatus
txn_arbitrum_encode(EvmBytes *out, RlpWriter *writer,
					const EvmTransaction *tx)
{
	const uint8_t *members = NULL;
	size_t		mark = rlp_mark(writer);
	int			count = 0;

	out->data = NULL;
	out->len = 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (types[i].type == tx->type)
			members = types[i].members;
	}
	if (members == NULL)
		return TXN_UNKNOWN_TYPE;

	while (members[count] != AM_END)
		count++;
	while (count-- > 0)
	{
		TxnStatus	status = put_member(writer, tx,
										(ArbMember) members[count]);

		if (status != TXN_OK)
		{
			rlp_abandon(writer);
			return status;
		}
	}
	rlp_list(writer, mark);
	rlp_raw_byte(writer, (uint8_t) tx->type);
	return rlp_finish(out, writer) ? TXN_OK : TXN_NO_MEMORY;
}

static bool
put_word_quantity(uint8_t *word, const EvmTransaction *tx, const char *name)
{
	Uint256		value;

	if (extra_uint256(&value, &tx->extra, name) != EXTRA_OK)
		return false;
	uint256_to_be(word, &value);
	return true;
}

/*
 * The input of a submit retryable: the call of the retryables' precompile
 * (submitRetryable, selector 0xc9f95d32) that its members stand for.
 */
static bool
is_submit_input(Arena *arena, const EvmTransaction *tx)
{
	static const uint8_t selector[4] = {0xc9, 0xf9, 0x5d, 0x32};
	uint8_t		words[SUBMIT_WORDS][32];
	Uint256		number;
	EvmBytes	data;
	size_t		padding;

	memset(words, 0, sizeof(words));
	if (tx->input.data == NULL || fee_cap(tx) == NULL ||
		read_retry_data(&data, arena, &tx->extra) != TXN_OK ||
		extra_fixed(words[0], &tx->extra, "requestId", 32) != EXTRA_OK ||
		!put_word_quantity(words[1], tx, "l1BaseFee") ||
		!put_word_quantity(words[2], tx, "depositValue") ||
		!put_word_quantity(words[3], tx, "retryValue") ||
		!put_word_quantity(words[6], tx, "maxSubmissionFee") ||
		extra_fixed(words[7] + 12, &tx->extra, "refundTo", 20) != EXTRA_OK ||
		extra_fixed(words[8] + 12, &tx->extra, "beneficiary", 20) !=
		EXTRA_OK ||
		extra_fixed(words[9] + 12, &tx->extra, "retryTo", 20) == EXTRA_BAD)
		return false;
	uint256_to_be(words[4], fee_cap(tx));
	number = uint256_from_u64(tx->gas);
	uint256_to_be(words[5], &number);
	number = uint256_from_u64(SUBMIT_DATA_OFFSET);
	uint256_to_be(words[10], &number);
	number = uint256_from_u64(data.len);
	uint256_to_be(words[11], &number);

	padding = (32 - data.len % 32) % 32;
	if (tx->input.len != sizeof(selector) + sizeof(words) + data.len +
		padding ||
		memcmp(tx->input.data, selector, sizeof(selector)) != 0 ||
		memcmp(tx->input.data + sizeof(selector), words,
			   sizeof(words)) != 0 ||
		memcmp(tx->input.data + sizeof(selector) + sizeof(words), data.data,
			   data.len) != 0)
		return false;
	for (size_t i = 0; i < padding; i++)
	{
		if (tx->input.data[tx->input.len - 1 - i] != 0)
			return false;
	}
	return true;
}

static bool
is_address(const uint8_t *given, const uint8_t *wanted)
{
	return given != NULL && memcmp(given, wanted, 20) == 0;
}

const char *
txn_arbitrum_wrong_member(Arena *arena, const EvmTransaction *tx)
{
	bool		deposit = tx->type == TXN_ARB_DEPOSIT;
	bool		submit = tx->type == TXN_ARB_SUBMIT_RETRYABLE;
	bool		internal = tx->type == TXN_ARB_INTERNAL;
	Uint256		zero = uint256_from_u64(0);

	if ((deposit || submit || internal || tx->type == TXN_ARB_CONTRACT) &&
		((tx->present & EVM_TX_NONCE) == 0 || tx->nonce != 0))
		return "nonce";
	if ((deposit || internal) &&
		((tx->present & EVM_TX_GAS) == 0 || tx->gas != 0))
		return "gas";
	if ((submit || internal) &&
		((tx->present & EVM_TX_VALUE) == 0 ||
		 memcmp(&tx->value, &zero, sizeof(zero)) != 0))
		return "value";
	if ((tx->present & EVM_TX_MAX_PRIORITY_FEE_PER_GAS) &&
		memcmp(&tx->max_priority_fee_per_gas, &zero, sizeof(zero)) != 0)
		return "maxPriorityFeePerGas";
	if (internal && !is_address(tx->from, arbos_address))
		return "from";
	if (internal && !is_address(tx->to, arbos_address))
		return "to";
	if (submit && !is_address(tx->to, retryables_address))
		return "to";
	if (deposit && (tx->input.data == NULL || tx->input.len != 0))
		return "input";
	if (submit && !is_submit_input(arena, tx))
		return "input";
	return NULL;
}
