/*-------------------------------------------------------------------------
 *
 * verify_tx.c
 *	  Proof of the transactions: hashes, root, signatures, senders.
 *
 * Ethereum's transactions are signed; those that a rollup makes itself are
 * not, and `from` is part of what is hashed.  What such a type implies for
 * the members that its hash does not cover belongs to VERIFY_SIGNATURE_FIELDS.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "extra.h"
#include "keccak.h"
#include "trie.h"
#include "txn_arbitrum.h"
#include "verify_internal.h"

/* Signatures between two calls of keep_going. */
#define POLL_SIGNATURES	64

static bool
type_allowed(VerifyFamily family, uint64_t type)
{
	if (type <= TXN_SET_CODE)
		return true;
	if (family == VERIFY_OP_STACK)
		return type == TXN_OP_DEPOSIT;
	return family == VERIFY_ARBITRUM && verify_is_arbitrum_type(type);
}

/* Members of transactions that only some types have. */
#define TYPED_MEMBERS \
	(EVM_TX_MAX_FEE_PER_GAS | EVM_TX_MAX_PRIORITY_FEE_PER_GAS | \
	 EVM_TX_MAX_FEE_PER_BLOB_GAS | EVM_TX_ACCESS_LIST | \
	 EVM_TX_AUTHORIZATION_LIST | EVM_TX_BLOB_VERSIONED_HASHES)

static uint32_t
members_of_type(uint64_t type)
{
	const uint32_t fees = EVM_TX_MAX_FEE_PER_GAS |
	EVM_TX_MAX_PRIORITY_FEE_PER_GAS;

	switch (type)
	{
		case TXN_ACCESS_LIST:
			return EVM_TX_ACCESS_LIST;
		case TXN_DYNAMIC_FEE:
			return fees | EVM_TX_ACCESS_LIST;
		case TXN_BLOB:
			return fees | EVM_TX_ACCESS_LIST | EVM_TX_MAX_FEE_PER_BLOB_GAS |
				EVM_TX_BLOB_VERSIONED_HASHES;
		case TXN_SET_CODE:
			return fees | EVM_TX_ACCESS_LIST | EVM_TX_AUTHORIZATION_LIST;
		case TXN_ARB_UNSIGNED:
		case TXN_ARB_CONTRACT:
		case TXN_ARB_RETRY:
		case TXN_ARB_SUBMIT_RETRYABLE:
			return fees;
		default:
			return 0;
	}
}

/* Whether a chain-specific member belongs to a type, of a receipt's too. */
static bool
extra_of_type(uint64_t type, const char *name, bool of_receipt)
{
	static const char *const deposit[] = {
		"sourceHash", "mint", "isSystemTx", "depositReceiptVersion", NULL
	};
	static const char *const deposit_receipt[] = {
		"depositNonce", "depositReceiptVersion", NULL
	};
	static const char *const request[] = {"requestId", NULL};
	static const char *const retry[] = {
		"ticketId", "refundTo", "maxRefund", "submissionFeeRefund", NULL
	};
	static const char *const submit[] = {
		"requestId", "l1BaseFee", "depositValue", "retryTo", "retryValue",
		"beneficiary", "maxSubmissionFee", "refundTo", "retryData", NULL
	};
	const char *const *names = NULL;

	if (type == TXN_OP_DEPOSIT)
		names = of_receipt ? deposit_receipt : deposit;
	else if (of_receipt)
		return false;
	else if (type == TXN_ARB_DEPOSIT || type == TXN_ARB_CONTRACT)
		names = request;
	else if (type == TXN_ARB_RETRY)
		names = retry;
	else if (type == TXN_ARB_SUBMIT_RETRYABLE)
		names = submit;
	for (; names != NULL && *names != NULL; names++)
	{
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

static const char *
strange_extra(const EvmExtras *extras, uint64_t type, bool of_receipt)
{
	for (uint32_t i = 0; i < extras->count; i++)
	{
		const EvmExtra *item = &extras->items[i];

		if (item->json_len == 4 && memcmp(item->json, "null", 4) == 0)
			continue;
		if (!extra_of_type(type, item->name, of_receipt))
			return item->name;
	}
	return NULL;
}

/* A transaction has no member that its hash would cover in another type. */
static void
check_members(VerifyRun *run, uint32_t index)
{
	const EvmBlock *block = run->block;
	const EvmTransaction *tx = &block->transactions[index];
	const char *name = strange_extra(&tx->extra, tx->type, false);

	if (tx->present & TYPED_MEMBERS & ~members_of_type(tx->type))
		verify_fail(run, VERIFY_TRANSACTION_HASH,
					"transaction %u has members that type 0x%llx has not",
					index, (unsigned long long) tx->type);
	if (name != NULL)
		verify_fail(run, VERIFY_TRANSACTION_HASH,
					"transaction %u has %s, which type 0x%llx has not",
					index, name, (unsigned long long) tx->type);
	if (block->receipt_count != block->transaction_count)
		return;
	name = strange_extra(&block->receipts[index].extra, tx->type, true);
	if (name != NULL)
		verify_fail(run, VERIFY_TRANSACTION_HASH,
					"receipt %u has %s, which type 0x%llx has not",
					index, name, (unsigned long long) tx->type);
}

static TxnStatus
encode(EvmBytes *out, VerifyRun *run, const EvmTransaction *tx)
{
	RlpWriter  *writer = &run->context->writer;

	if (!type_allowed(run->rules->family, tx->type))
		return TXN_UNKNOWN_TYPE;
	if (verify_is_arbitrum_type(tx->type))
		return txn_arbitrum_encode(out, writer, tx);
	return txn_encode(out, writer, tx);
}

static void
fail_encoding(VerifyRun *run, uint32_t index, TxnStatus status)
{
	const EvmTransaction *tx = &run->block->transactions[index];

	if (verify_wants_of(run, VERIFY_TRANSACTION_HASH, tx->type))
		verify_fail(run, VERIFY_TRANSACTION_HASH,
					"transaction %u of type 0x%llx: %s", index,
					(unsigned long long) tx->type, txn_status_text(status));
	if (verify_wants_of(run, VERIFY_TRANSACTIONS_ROOT, tx->type))
		verify_fail(run, VERIFY_TRANSACTIONS_ROOT,
					"transaction %u of type 0x%llx: %s", index,
					(unsigned long long) tx->type, txn_status_text(status));
}

/* Encodes all; false when to stop. */
static bool
encode_all(VerifyRun *run)
{
	const EvmBlock *block = run->block;

	run->encodings = verify_alloc(run, block->transaction_count,
								  sizeof(EvmBytes));
	if (run->encodings == NULL)
		return false;
	run->all_encoded = true;
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		TxnStatus	status;

		run->encodings[i].data = NULL;
		run->encodings[i].len = 0;
		status = encode(&run->encodings[i], run, &block->transactions[i]);
		if (status == TXN_NO_MEMORY)
			run->no_memory = true;
		else if (status != TXN_OK)
		{
			run->all_encoded = false;
			fail_encoding(run, i, status);
		}
		if ((i + 1) % VERIFY_POLL_ITEMS == 0 && !verify_poll(run))
			return false;
	}
	return verify_poll(run);
}

static void
compare_hash(VerifyRun *run, uint32_t index, const uint8_t *hash)
{
	const EvmTransaction *tx = &run->block->transactions[index];

	if (tx->hash != NULL && memcmp(tx->hash, hash, 32) == 0)
		return;
	if (run->encodings[index].data != NULL &&
		verify_wants_of(run, VERIFY_TRANSACTION_HASH, tx->type))
		verify_fail_bytes(run, VERIFY_TRANSACTION_HASH, hash, tx->hash, 32,
						  "hash of transaction %u", index);
}

static bool
check_hashes(VerifyRun *run)
{
	uint32_t	count = run->block->transaction_count;
	KeccakInput inputs[VERIFY_POLL_ITEMS];
	uint8_t		hashes[VERIFY_POLL_ITEMS][32];

	if (!verify_wants(run, VERIFY_TRANSACTION_HASH))
		return true;
	memset(inputs, 0, sizeof(inputs));
	for (uint32_t from = 0; from < count; from += VERIFY_POLL_ITEMS)
	{
		uint32_t	n = count - from;

		if (n > VERIFY_POLL_ITEMS)
			n = VERIFY_POLL_ITEMS;
		for (uint32_t i = 0; i < n; i++)
		{
			inputs[i].data = run->encodings[from + i].data;
			inputs[i].data_len = run->encodings[from + i].len;
		}
		keccak256_many(hashes[0], inputs, n);
		for (uint32_t i = 0; i < n; i++)
			compare_hash(run, from + i, hashes[i]);
		if (!verify_poll(run))
			return false;
	}
	return true;
}

static void
check_root(VerifyRun *run)
{
	const EvmBlock *block = run->block;
	uint8_t		root[32];

	/* an exemption of one of them makes the root impossible to prove */
	for (uint32_t i = 0; run->type_skips && i < block->transaction_count; i++)
	{
		if (!verify_wants_of(run, VERIFY_TRANSACTIONS_ROOT,
							 block->transactions[i].type))
			return;
	}
	if (!run->all_encoded || !verify_wants(run, VERIFY_TRANSACTIONS_ROOT))
		return;
	if (trie_ordered_root(root, run->encodings, block->transaction_count) &&
		block->transactions_root != NULL &&
		memcmp(root, block->transactions_root, 32) == 0)
		return;
	verify_fail_bytes(run, VERIFY_TRANSACTIONS_ROOT, root,
					  block->transactions_root, 32, "transactionsRoot");
}

static bool
is_zero(const Uint256 *value)
{
	return (value->word[0] | value->word[1] | value->word[2] |
			value->word[3]) == 0;
}

static bool
equal(const Uint256 *a, const Uint256 *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The nonce of a deposit is its receipt's, where that has one. */
static void
check_deposit_nonce(VerifyRun *run, uint32_t index)
{
	const EvmBlock *block = run->block;
	const EvmTransaction *tx = &block->transactions[index];
	uint64_t	nonce;

	if (block->receipt_count == block->transaction_count &&
		extra_u64(&nonce, &block->receipts[index].extra, "depositNonce") ==
		EXTRA_OK && (tx->present & EVM_TX_NONCE) && tx->nonce != nonce)
		verify_fail_u64(run, VERIFY_SIGNATURE_FIELDS, nonce, tx->nonce,
						"nonce of transaction %u", index);
}

/* A transaction without a signature has zeros or nothing in its place. */
static void
check_unsigned_fields(VerifyRun *run, uint32_t index)
{
	const EvmTransaction *tx = &run->block->transactions[index];
	const char *wrong = NULL;

	if ((tx->present & EVM_TX_V) && !is_zero(&tx->v))
		wrong = "v";
	if ((tx->present & EVM_TX_Y_PARITY) && !is_zero(&tx->y_parity))
		wrong = "yParity";
	if ((tx->present & EVM_TX_R) && !is_zero(&tx->r))
		wrong = "r";
	if ((tx->present & EVM_TX_S) && !is_zero(&tx->s))
		wrong = "s";
	if (tx->type == TXN_OP_DEPOSIT)
	{
		if (tx->present & EVM_TX_CHAIN_ID)
			wrong = "chainId";
		check_deposit_nonce(run, index);
	}
	else if (wrong == NULL)
		wrong = txn_arbitrum_wrong_member(&run->context->arena, tx);
	if (wrong != NULL)
		verify_fail(run, VERIFY_SIGNATURE_FIELDS,
					"%s of transaction %u is not what type 0x%llx implies",
					wrong, index, (unsigned long long) tx->type);
}

static void
check_signed_fields(VerifyRun *run, uint32_t index)
{
	const EvmTransaction *tx = &run->block->transactions[index];
	bool		has_chain_id;
	Uint256		chain_id;
	int			parity;
	TxnStatus	status;

	status = txn_y_parity(&parity, &has_chain_id, &chain_id, tx);
	if (status != TXN_OK)
	{
		verify_fail(run, VERIFY_SIGNATURE_FIELDS, "transaction %u: %s", index,
					txn_status_text(status));
		return;
	}
	if (tx->present & EVM_TX_Y_PARITY)
	{
		Uint256		wide = uint256_from_u64((uint64_t) parity);

		if (!equal(&tx->y_parity, &wide))
			verify_fail_number(run, VERIFY_SIGNATURE_FIELDS, &wide,
							   &tx->y_parity, "yParity of transaction %u",
							   index);
	}
	if (tx->type != TXN_LEGACY)
	{
		if ((tx->present & EVM_TX_V) && !equal(&tx->v, &tx->y_parity))
			verify_fail_number(run, VERIFY_SIGNATURE_FIELDS, &tx->y_parity,
							   &tx->v, "v of transaction %u", index);
	}
	else if ((tx->present & EVM_TX_CHAIN_ID) &&
			 (!has_chain_id || !equal(&tx->chain_id, &chain_id)))
		verify_fail_number(run, VERIFY_SIGNATURE_FIELDS, &chain_id,
						   &tx->chain_id,
						   "chainId of transaction %u is not as its v says",
						   index);
}

static void
check_sender(VerifyRun *run, uint32_t index)
{
	const EvmTransaction *tx = &run->block->transactions[index];
	uint8_t		address[20];
	TxnStatus	status;

	if (tx->from == NULL)
	{
		verify_lack(run, VERIFY_SENDER, "from of transaction %u is missing",
					index);
		return;
	}
	rlp_writer_reset(&run->scratch);
	status = txn_sender(address, run->context->secp, &run->scratch, tx);
	if (status == TXN_NO_MEMORY)
		run->no_memory = true;
	else if (status != TXN_OK)
		verify_fail(run, VERIFY_SENDER, "transaction %u: %s", index,
					txn_status_text(status));
	else if (memcmp(address, tx->from, 20) != 0)
		verify_fail_bytes(run, VERIFY_SENDER, address, tx->from, 20,
						  "from of transaction %u", index);
}

static void
check_one(VerifyRun *run, uint32_t index)
{
	const EvmTransaction *tx = &run->block->transactions[index];

	/* a type that has no encoding here has no signature either */
	if (run->encodings[index].data == NULL &&
		!type_allowed(run->rules->family, tx->type))
	{
		if (verify_wants_of(run, VERIFY_SENDER, tx->type))
			verify_fail(run, VERIFY_SENDER, "transaction %u: %s", index,
						txn_status_text(TXN_UNKNOWN_TYPE));
		if (verify_wants_of(run, VERIFY_SIGNATURE_FIELDS, tx->type))
			verify_fail(run, VERIFY_SIGNATURE_FIELDS, "transaction %u: %s",
						index, txn_status_text(TXN_UNKNOWN_TYPE));
		return;
	}
	if (verify_wants_of(run, VERIFY_TRANSACTION_HASH, tx->type))
		check_members(run, index);
	if (verify_wants_of(run, VERIFY_SIGNATURE_FIELDS, tx->type))
	{
		if (tx->type <= TXN_SET_CODE)
			check_signed_fields(run, index);
		else
			check_unsigned_fields(run, index);
	}
	if (tx->type <= TXN_SET_CODE &&
		verify_wants_of(run, VERIFY_SENDER, tx->type))
	{
		check_sender(run, index);
		if (index % POLL_SIGNATURES == POLL_SIGNATURES - 1)
			verify_poll(run);
	}
}

void
verify_transactions(VerifyRun *run)
{
	const EvmBlock *block = run->block;

	if (!encode_all(run) || !check_hashes(run))
		return;
	check_root(run);
	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		check_one(run, i);
		if (run->stopped || run->no_memory)
			return;
	}
}
