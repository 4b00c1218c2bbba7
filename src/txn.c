/*-------------------------------------------------------------------------
 *
 * txn.c
 *	  Transactions: encoding, hash, signing hash, sender.
 *
 * A type is described by its members in the order in which they are encoded.
 * They are first checked to be there, then written from the last to the
 * first, as the RLP writer wants it.
 *
 *-------------------------------------------------------------------------
 */
#include "txn.h"

#include <secp256k1_recovery.h>
#include <string.h>

#include "extra.h"
#include "keccak.h"

/* The first byte of what an authorization's signature covers (EIP-7702). */
#define AUTHORIZATION_MAGIC		0x05

/* Legacy v: 27 + parity, or 35 + 2 * chain id + parity (EIP-155). */
#define V_UNPROTECTED	27
#define V_PROTECTED		35

/* The members an encoding can have. */
typedef enum TxnMember
{
	TM_END = 0,
	TM_CHAIN_ID,
	TM_NONCE,
	TM_GAS_PRICE,
	TM_MAX_PRIORITY_FEE,
	TM_MAX_FEE,
	TM_GAS,
	TM_TO,						/* empty for a creation */
	TM_TO_ADDRESS,				/* in types that cannot create */
	TM_VALUE,
	TM_INPUT,
	TM_ACCESS_LIST,
	TM_MAX_BLOB_FEE,
	TM_BLOB_HASHES,
	TM_AUTHORIZATIONS
} TxnMember;

#define TM_MAX_COUNT	12

static const uint8_t legacy_members[TM_MAX_COUNT] = {
	TM_NONCE, TM_GAS_PRICE, TM_GAS, TM_TO, TM_VALUE, TM_INPUT
};

static const uint8_t access_list_members[TM_MAX_COUNT] = {
	TM_CHAIN_ID, TM_NONCE, TM_GAS_PRICE, TM_GAS, TM_TO, TM_VALUE, TM_INPUT,
	TM_ACCESS_LIST
};

static const uint8_t dynamic_fee_members[TM_MAX_COUNT] = {
	TM_CHAIN_ID, TM_NONCE, TM_MAX_PRIORITY_FEE, TM_MAX_FEE, TM_GAS, TM_TO,
	TM_VALUE, TM_INPUT, TM_ACCESS_LIST
};

static const uint8_t blob_members[TM_MAX_COUNT] = {
	TM_CHAIN_ID, TM_NONCE, TM_MAX_PRIORITY_FEE, TM_MAX_FEE, TM_GAS,
	TM_TO_ADDRESS, TM_VALUE, TM_INPUT, TM_ACCESS_LIST, TM_MAX_BLOB_FEE,
	TM_BLOB_HASHES
};

static const uint8_t set_code_members[TM_MAX_COUNT] = {
	TM_CHAIN_ID, TM_NONCE, TM_MAX_PRIORITY_FEE, TM_MAX_FEE, TM_GAS,
	TM_TO_ADDRESS, TM_VALUE, TM_INPUT, TM_ACCESS_LIST, TM_AUTHORIZATIONS
};

const char *
txn_status_text(TxnStatus status)
{
	switch (status)
	{
		case TXN_OK:
			return "no error";
		case TXN_UNKNOWN_TYPE:
			return "unknown transaction type";
		case TXN_MISSING_MEMBER:
			return "a member that the transaction's type needs is missing";
		case TXN_BAD_MEMBER:
			return "a chain-specific member is malformed";
		case TXN_BAD_V:
			return "signature's v is not one the transaction's type allows";
		case TXN_BAD_SIGNATURE:
			return "signature fits no key";
		case TXN_UNSIGNED:
			return "transactions of this type have no signature";
		case TXN_NO_MEMORY:
			return "out of memory";
	}
	return "unknown status";
}

/* The members of a signed type, or NULL. */
static const uint8_t *
members_of_type(uint64_t type)
{
	switch (type)
	{
		case TXN_LEGACY:
			return legacy_members;
		case TXN_ACCESS_LIST:
			return access_list_members;
		case TXN_DYNAMIC_FEE:
			return dynamic_fee_members;
		case TXN_BLOB:
			return blob_members;
		case TXN_SET_CODE:
			return set_code_members;
		default:
			return NULL;
	}
}

static bool
access_list_complete(const EvmTransaction *tx)
{
	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		const EvmAccess *access = &tx->access_list[i];

		if (access->address == NULL)
			return false;
		for (uint32_t j = 0; j < access->storage_key_count; j++)
		{
			if (access->storage_keys[j] == NULL)
				return false;
		}
	}
	return (tx->present & EVM_TX_ACCESS_LIST) != 0;
}

static bool
blob_hashes_complete(const EvmTransaction *tx)
{
	for (uint32_t i = 0; i < tx->blob_versioned_hash_count; i++)
	{
		if (tx->blob_versioned_hashes[i] == NULL)
			return false;
	}
	return (tx->present & EVM_TX_BLOB_VERSIONED_HASHES) != 0;
}

static bool
authorizations_complete(const EvmTransaction *tx)
{
	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		if (tx->authorization_list[i].address == NULL)
			return false;
	}
	return (tx->present & EVM_TX_AUTHORIZATION_LIST) != 0;
}

static bool
member_present(const EvmTransaction *tx, TxnMember member)
{
	uint32_t	bit = 0;

	switch (member)
	{
		case TM_END:
		case TM_TO:
			return true;
		case TM_TO_ADDRESS:
			return tx->to != NULL;
		case TM_INPUT:
			return tx->input.data != NULL;
		case TM_ACCESS_LIST:
			return access_list_complete(tx);
		case TM_BLOB_HASHES:
			return blob_hashes_complete(tx);
		case TM_AUTHORIZATIONS:
			return authorizations_complete(tx);
		case TM_CHAIN_ID:
			bit = EVM_TX_CHAIN_ID;
			break;
		case TM_NONCE:
			bit = EVM_TX_NONCE;
			break;
		case TM_GAS_PRICE:
			bit = EVM_TX_GAS_PRICE;
			break;
		case TM_MAX_PRIORITY_FEE:
			bit = EVM_TX_MAX_PRIORITY_FEE_PER_GAS;
			break;
		case TM_MAX_FEE:
			bit = EVM_TX_MAX_FEE_PER_GAS;
			break;
		case TM_GAS:
			bit = EVM_TX_GAS;
			break;
		case TM_VALUE:
			bit = EVM_TX_VALUE;
			break;
		case TM_MAX_BLOB_FEE:
			bit = EVM_TX_MAX_FEE_PER_BLOB_GAS;
			break;
	}
	return (tx->present & bit) != 0;
}

/* EIP-2930: a list of [address, [storage keys]] */
static void
put_access_list(RlpWriter *writer, const EvmTransaction *tx)
{
	size_t		mark = rlp_mark(writer);

	for (uint32_t i = tx->access_count; i-- > 0;)
	{
		const EvmAccess *access = &tx->access_list[i];
		size_t		entry_mark = rlp_mark(writer);

		for (uint32_t j = access->storage_key_count; j-- > 0;)
			rlp_bytes(writer, access->storage_keys[j], 32);
		rlp_list(writer, entry_mark);
		rlp_bytes(writer, access->address, 20);
		rlp_list(writer, entry_mark);
	}
	rlp_list(writer, mark);
}

static void
put_blob_hashes(RlpWriter *writer, const EvmTransaction *tx)
{
	size_t		mark = rlp_mark(writer);

	for (uint32_t i = tx->blob_versioned_hash_count; i-- > 0;)
		rlp_bytes(writer, tx->blob_versioned_hashes[i], 32);
	rlp_list(writer, mark);
}

/* EIP-7702: a list of [chain_id, address, nonce, y_parity, r, s] */
static void
put_authorizations(RlpWriter *writer, const EvmTransaction *tx)
{
	size_t		mark = rlp_mark(writer);

	for (uint32_t i = tx->authorization_count; i-- > 0;)
	{
		const EvmAuthorization *item = &tx->authorization_list[i];
		size_t		item_mark = rlp_mark(writer);

		rlp_uint256(writer, &item->s);
		rlp_uint256(writer, &item->r);
		rlp_uint256(writer, &item->y_parity);
		rlp_uint256(writer, &item->nonce);
		rlp_bytes(writer, item->address, 20);
		rlp_uint256(writer, &item->chain_id);
		rlp_list(writer, item_mark);
	}
	rlp_list(writer, mark);
}

static void
put_member(RlpWriter *writer, const EvmTransaction *tx, TxnMember member)
{
	switch (member)
	{
		case TM_END:
			break;
		case TM_CHAIN_ID:
			rlp_uint256(writer, &tx->chain_id);
			break;
		case TM_NONCE:
			rlp_u64(writer, tx->nonce);
			break;
		case TM_GAS_PRICE:
			rlp_uint256(writer, &tx->gas_price);
			break;
		case TM_MAX_PRIORITY_FEE:
			rlp_uint256(writer, &tx->max_priority_fee_per_gas);
			break;
		case TM_MAX_FEE:
			rlp_uint256(writer, &tx->max_fee_per_gas);
			break;
		case TM_GAS:
			rlp_u64(writer, tx->gas);
			break;
		case TM_TO:
		case TM_TO_ADDRESS:
			rlp_bytes(writer, tx->to, tx->to != NULL ? 20 : 0);
			break;
		case TM_VALUE:
			rlp_uint256(writer, &tx->value);
			break;
		case TM_INPUT:
			rlp_bytes(writer, tx->input.data, tx->input.len);
			break;
		case TM_ACCESS_LIST:
			put_access_list(writer, tx);
			break;
		case TM_MAX_BLOB_FEE:
			rlp_uint256(writer, &tx->max_fee_per_blob_gas);
			break;
		case TM_BLOB_HASHES:
			put_blob_hashes(writer, tx);
			break;
		case TM_AUTHORIZATIONS:
			put_authorizations(writer, tx);
			break;
	}
}

static TxnStatus
check_members(const EvmTransaction *tx, const uint8_t *members)
{
	for (int i = 0; members[i] != TM_END; i++)
	{
		if (!member_present(tx, (TxnMember) members[i]))
			return TXN_MISSING_MEMBER;
	}
	return TXN_OK;
}

/* Put the members, what was written since `mark` behind them, and the type. */
static TxnStatus
put_envelope(EvmBytes *out, RlpWriter *writer, const EvmTransaction *tx,
			 const uint8_t *members, size_t mark)
{
	int			count = 0;

	while (members[count] != TM_END)
		count++;
	while (count-- > 0)
		put_member(writer, tx, (TxnMember) members[count]);
	rlp_list(writer, mark);
	if (tx->type != TXN_LEGACY)
		rlp_raw_byte(writer, (uint8_t) tx->type);
	return rlp_finish(out, writer) ? TXN_OK : TXN_NO_MEMORY;
}

/*
 * A deposit (specs.optimism.io, "The Deposited Transaction Type"):
 * 0x7e || rlp([sourceHash, from, to, mint, value, gas, isSystemTx, data]).
 * Nodes leave out isSystemTx when it is false, and mint when nothing is.
 */
static TxnStatus
encode_op_deposit(EvmBytes *out, RlpWriter *writer, const EvmTransaction *tx)
{
	size_t		mark = rlp_mark(writer);
	uint8_t		source_hash[32];
	Uint256		mint = uint256_from_u64(0);
	bool		is_system = false;
	ExtraStatus status;

	status = extra_fixed(source_hash, &tx->extra, "sourceHash", 32);
	if (status != EXTRA_OK)
		return status == EXTRA_BAD ? TXN_BAD_MEMBER : TXN_MISSING_MEMBER;
	if (extra_uint256(&mint, &tx->extra, "mint") == EXTRA_BAD ||
		extra_bool(&is_system, &tx->extra, "isSystemTx") == EXTRA_BAD)
		return TXN_BAD_MEMBER;
	if (tx->from == NULL || tx->input.data == NULL ||
		(tx->present & EVM_TX_VALUE) == 0 || (tx->present & EVM_TX_GAS) == 0)
		return TXN_MISSING_MEMBER;

	rlp_bytes(writer, tx->input.data, tx->input.len);
	rlp_u64(writer, is_system ? 1 : 0);
	rlp_u64(writer, tx->gas);
	rlp_uint256(writer, &tx->value);
	rlp_uint256(writer, &mint);
	rlp_bytes(writer, tx->to, tx->to != NULL ? 20 : 0);
	rlp_bytes(writer, tx->from, 20);
	rlp_bytes(writer, source_hash, 32);
	rlp_list(writer, mark);
	rlp_raw_byte(writer, TXN_OP_DEPOSIT);
	return rlp_finish(out, writer) ? TXN_OK : TXN_NO_MEMORY;
}

/* The signature's first member: v, or what a typed transaction has for it. */
static TxnStatus
signature_v(const Uint256 **v, const EvmTransaction *tx)
{
	if (tx->type != TXN_LEGACY && (tx->present & EVM_TX_Y_PARITY) != 0)
		*v = &tx->y_parity;
	else if ((tx->present & EVM_TX_V) != 0)
		*v = &tx->v;
	else
		return TXN_MISSING_MEMBER;
	return TXN_OK;
}

TxnStatus
txn_encode(EvmBytes *out, RlpWriter *writer, const EvmTransaction *tx)
{
	const uint8_t *members = members_of_type(tx->type);
	size_t		mark = rlp_mark(writer);
	const Uint256 *v;
	TxnStatus	status;

	out->data = NULL;
	out->len = 0;
	if (tx->type == TXN_OP_DEPOSIT)
		return encode_op_deposit(out, writer, tx);
	if (members == NULL)
		return TXN_UNKNOWN_TYPE;

	status = check_members(tx, members);
	if (status == TXN_OK)
		status = signature_v(&v, tx);
	if (status != TXN_OK)
		return status;
	if ((tx->present & EVM_TX_R) == 0 || (tx->present & EVM_TX_S) == 0)
		return TXN_MISSING_MEMBER;

	rlp_uint256(writer, &tx->s);
	rlp_uint256(writer, &tx->r);
	rlp_uint256(writer, v);
	return put_envelope(out, writer, tx, members, mark);
}

TxnStatus
txn_hash(uint8_t *out32, RlpWriter *writer, const EvmTransaction *tx)
{
	EvmBytes	encoding;
	TxnStatus	status = txn_encode(&encoding, writer, tx);

	if (status == TXN_OK)
		keccak256(out32, encoding.data, encoding.len);
	return status;
}

TxnStatus
txn_signing_payload(EvmBytes *out, RlpWriter *writer,
					const EvmTransaction *tx)
{
	const uint8_t *members = members_of_type(tx->type);
	size_t		mark = rlp_mark(writer);
	TxnStatus	status;

	out->data = NULL;
	out->len = 0;
	if (tx->type == TXN_OP_DEPOSIT)
		return TXN_UNSIGNED;
	if (members == NULL)
		return TXN_UNKNOWN_TYPE;
	status = check_members(tx, members);
	if (status != TXN_OK)
		return status;

	if (tx->type == TXN_LEGACY)
	{
		Uint256		chain_id;
		bool		has_chain_id;

		status = txn_y_parity(NULL, &has_chain_id, &chain_id, tx);
		if (status != TXN_OK)
			return status;
		if (has_chain_id)
		{
			rlp_u64(writer, 0);
			rlp_u64(writer, 0);
			rlp_uint256(writer, &chain_id);
		}
	}
	return put_envelope(out, writer, tx, members, mark);
}

TxnStatus
txn_signing_hash(uint8_t *out32, RlpWriter *writer, const EvmTransaction *tx)
{
	EvmBytes	payload;
	TxnStatus	status = txn_signing_payload(&payload, writer, tx);

	if (status == TXN_OK)
		keccak256(out32, payload.data, payload.len);
	return status;
}

/*
 * Take a legacy v apart.
 */
static TxnStatus
split_legacy_v(int *parity, bool *has_chain_id, Uint256 *chain_id,
			   const Uint256 *v)
{
	uint64_t	borrow = V_PROTECTED;
	Uint256		rest;

	*chain_id = uint256_from_u64(0);
	if (uint256_fits_u64(v) && v->word[0] < V_PROTECTED)
	{
		if (v->word[0] != V_UNPROTECTED && v->word[0] != V_UNPROTECTED + 1)
			return TXN_BAD_V;
		*parity = (int) (v->word[0] - V_UNPROTECTED);
		*has_chain_id = false;
		return TXN_OK;
	}

	for (int i = 0; i < 4; i++)
	{
		rest.word[i] = v->word[i] - borrow;
		borrow = v->word[i] < borrow ? 1 : 0;
	}
	*parity = (int) (rest.word[0] & 1);
	*has_chain_id = true;
	for (int i = 0; i < 4; i++)
		chain_id->word[i] = rest.word[i] >> 1 |
			(i < 3 ? rest.word[i + 1] << 63 : 0);
	return TXN_OK;
}

TxnStatus
txn_y_parity(int *parity, bool *has_chain_id, Uint256 *chain_id,
			 const EvmTransaction *tx)
{
	const Uint256 *v;
	int			found_parity = 0;
	bool		found_has = true;
	Uint256		found_id;
	TxnStatus	status;

	if (tx->type == TXN_OP_DEPOSIT)
		return TXN_UNSIGNED;
	if (members_of_type(tx->type) == NULL)
		return TXN_UNKNOWN_TYPE;
	status = signature_v(&v, tx);
	if (status != TXN_OK)
		return status;

	if (tx->type == TXN_LEGACY)
		status = split_legacy_v(&found_parity, &found_has, &found_id, v);
	else if ((tx->present & EVM_TX_CHAIN_ID) == 0)
		return TXN_MISSING_MEMBER;
	else if (!uint256_fits_u64(v) || v->word[0] > 1)
		return TXN_BAD_V;
	else
	{
		found_parity = (int) v->word[0];
		found_id = tx->chain_id;
	}
	if (status != TXN_OK)
		return status;

	if (parity != NULL)
		*parity = found_parity;
	if (has_chain_id != NULL)
		*has_chain_id = found_has;
	if (chain_id != NULL)
		*chain_id = found_id;
	return TXN_OK;
}

TxnStatus
txn_recover(uint8_t *address20, const secp256k1_context *context,
			const uint8_t *hash32, const Uint256 *r, const Uint256 *s,
			int parity)
{
	secp256k1_ecdsa_recoverable_signature signature;
	secp256k1_pubkey key;
	uint8_t		compact[64];
	uint8_t		serialized[65];
	size_t		len = sizeof(serialized);

	if (parity != 0 && parity != 1)
		return TXN_BAD_V;
	uint256_to_be(compact, r);
	uint256_to_be(compact + 32, s);
	if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context,
															 &signature,
															 compact, parity))
		return TXN_BAD_SIGNATURE;
	if (!secp256k1_ecdsa_recover(context, &key, &signature, hash32))
		return TXN_BAD_SIGNATURE;

	secp256k1_ec_pubkey_serialize(context, serialized, &len, &key,
								  SECP256K1_EC_UNCOMPRESSED);
	txn_address_of_key(address20, serialized + 1);
	return TXN_OK;
}

TxnStatus
txn_sender(uint8_t *address20, const secp256k1_context *context,
		   RlpWriter *writer, const EvmTransaction *tx)
{
	uint8_t		hash[32];
	int			parity;
	TxnStatus	status;

	status = txn_y_parity(&parity, NULL, NULL, tx);
	if (status != TXN_OK)
		return status;
	if ((tx->present & EVM_TX_R) == 0 || (tx->present & EVM_TX_S) == 0)
		return TXN_MISSING_MEMBER;
	status = txn_signing_hash(hash, writer, tx);
	if (status != TXN_OK)
		return status;
	return txn_recover(address20, context, hash, &tx->r, &tx->s, parity);
}

TxnStatus
txn_authorization_hash(uint8_t *out32, RlpWriter *writer,
					   const EvmAuthorization *authorization)
{
	size_t		mark = rlp_mark(writer);
	EvmBytes	message;

	if (authorization->address == NULL)
		return TXN_MISSING_MEMBER;
	rlp_uint256(writer, &authorization->nonce);
	rlp_bytes(writer, authorization->address, 20);
	rlp_uint256(writer, &authorization->chain_id);
	rlp_list(writer, mark);
	rlp_raw_byte(writer, AUTHORIZATION_MAGIC);
	if (!rlp_finish(&message, writer))
		return TXN_NO_MEMORY;
	keccak256(out32, message.data, message.len);
	return TXN_OK;
}

void
txn_address_of_key(uint8_t *address20, const uint8_t *key64)
{
	uint8_t		hash[32];

	keccak256(hash, key64, 64);
	memcpy(address20, hash + 12, 20);
}

void
txn_contract_address(uint8_t *address20, const uint8_t *sender20,
					 uint64_t nonce)
{
	uint8_t		list[1 + 21 + 9];
	uint8_t		hash[32];
	size_t		nonce_len = rlp_index_key(list + 22, nonce);

	list[0] = (uint8_t) (0xc0 + 21 + nonce_len);
	list[1] = 0x80 + 20;
	memcpy(list + 2, sender20, 20);
	keccak256(hash, list, 22 + nonce_len);
	memcpy(address20, hash + 12, 20);
}
