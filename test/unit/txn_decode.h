/*-------------------------------------------------------------------------
 *
 * txn_decode.h
 *	  Reads an encoded transaction of types 0 to 4 back into its struct, for
 *	  vectors that are given as bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TXN_DECODE_H
#define TXN_DECODE_H

#include "corpus.h"
#include "rlp.h"
#include "txn.h"

/* A list's members, counted; the list has been looked over already. */
static uint32_t
decode_count(RlpReader list)
{
	RlpItem		item;
	uint32_t	count = 0;

	while (rlp_next(&item, &list))
		count++;
	return count;
}

static bool
decode_fixed_list(const uint8_t ***out, uint32_t *count, Arena *arena,
				  RlpReader *reader, size_t len)
{
	RlpReader	list;

	if (!rlp_next_list(&list, reader))
		return false;
	*count = decode_count(list);
	*out = corpus_alloc(arena, *count, sizeof(**out));
	for (uint32_t i = 0; i < *count; i++)
	{
		if (!rlp_next_fixed(&(*out)[i], &list, len))
			return false;
	}
	return rlp_at_end(&list);
}

static bool
decode_access_list(EvmTransaction *tx, Arena *arena, RlpReader *reader)
{
	RlpReader	list;
	RlpReader	entry;

	if (!rlp_next_list(&list, reader))
		return false;
	tx->access_count = decode_count(list);
	tx->access_list = corpus_alloc(arena, tx->access_count,
								   sizeof(EvmAccess));
	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		EvmAccess  *access = &tx->access_list[i];

		if (!rlp_next_list(&entry, &list) ||
			!rlp_next_fixed(&access->address, &entry, 20) ||
			!decode_fixed_list(&access->storage_keys,
							   &access->storage_key_count, arena, &entry,
							   32) || !rlp_at_end(&entry))
			return false;
	}
	return rlp_at_end(&list);
}

static bool
decode_authorizations(EvmTransaction *tx, Arena *arena, RlpReader *reader)
{
	RlpReader	list;
	RlpReader	entry;

	if (!rlp_next_list(&list, reader))
		return false;
	tx->authorization_count = decode_count(list);
	tx->authorization_list = corpus_alloc(arena, tx->authorization_count,
										  sizeof(EvmAuthorization));
	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		EvmAuthorization *one = &tx->authorization_list[i];

		if (!rlp_next_list(&entry, &list) ||
			!rlp_next_uint256(&one->chain_id, &entry) ||
			!rlp_next_fixed(&one->address, &entry, 20) ||
			!rlp_next_uint256(&one->nonce, &entry) ||
			!rlp_next_uint256(&one->y_parity, &entry) ||
			!rlp_next_uint256(&one->r, &entry) ||
			!rlp_next_uint256(&one->s, &entry) || !rlp_at_end(&entry))
			return false;
	}
	return rlp_at_end(&list);
}

/* An address, or nothing for a creation. */
static bool
decode_to(EvmTransaction *tx, RlpReader *reader)
{
	EvmBytes	to;

	if (!rlp_next_bytes(&to, reader) || (to.len != 0 && to.len != 20))
		return false;
	tx->to = to.len == 20 ? to.data : NULL;
	return true;
}

/* The members from the price on, as far as all types have them. */
static bool
decode_common(EvmTransaction *tx, RlpReader *reader)
{
	bool		good;

	good = tx->type == TXN_LEGACY || rlp_next_uint256(&tx->chain_id, reader);
	good = good && rlp_next_u64(&tx->nonce, reader);
	if (tx->type >= TXN_DYNAMIC_FEE)
		good = good &&
			rlp_next_uint256(&tx->max_priority_fee_per_gas, reader) &&
			rlp_next_uint256(&tx->max_fee_per_gas, reader);
	else
		good = good && rlp_next_uint256(&tx->gas_price, reader);
	return good && rlp_next_u64(&tx->gas, reader) && decode_to(tx, reader) &&
		rlp_next_uint256(&tx->value, reader) &&
		rlp_next_bytes(&tx->input, reader);
}

static bool
txn_decode(EvmTransaction *tx, Arena *arena, EvmBytes bytes)
{
	RlpReader	outer;
	RlpReader	list;
	bool		good = true;

	memset(tx, 0, sizeof(*tx));
	tx->present = UINT32_MAX & ~EVM_TX_Y_PARITY;
	if (bytes.len > 0 && bytes.data[0] >= TXN_ACCESS_LIST &&
		bytes.data[0] <= TXN_SET_CODE)
	{
		tx->type = bytes.data[0];
		bytes.data++;
		bytes.len--;
	}
	rlp_reader_init(&outer, bytes.data, bytes.len);
	if (!rlp_next_list(&list, &outer) || !rlp_at_end(&outer) ||
		!decode_common(tx, &list))
		return false;

	if (tx->type != TXN_LEGACY)
		good = decode_access_list(tx, arena, &list);
	if (tx->type == TXN_BLOB)
		good = good && rlp_next_uint256(&tx->max_fee_per_blob_gas, &list) &&
			decode_fixed_list(&tx->blob_versioned_hashes,
							  &tx->blob_versioned_hash_count, arena, &list,
							  32);
	if (tx->type == TXN_SET_CODE)
		good = good && decode_authorizations(tx, arena, &list);
	return good && rlp_next_uint256(&tx->v, &list) &&
		rlp_next_uint256(&tx->r, &list) &&
		rlp_next_uint256(&tx->s, &list) && rlp_at_end(&list);
}

#endif							/* TXN_DECODE_H */
