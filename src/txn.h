/*-------------------------------------------------------------------------
 *
 * txn.h
 *	  The encoding, hash, signing hash and sender of a transaction.
 *
 * Types: 0 (legacy, before and after EIP-155), 1 (EIP-2930), 2 (EIP-1559),
 * 3 (EIP-4844, the form without blobs), 4 (EIP-7702), and 0x7e, the OP
 * stack's deposit (specs.optimism.io, "deposits"), which has no signature.
 * Any other type is TXN_UNKNOWN_TYPE.
 *
 * What a transaction is made of is read from its struct and nothing is
 * guessed: a member the type signs that is absent is TXN_MISSING_MEMBER.
 * Members the type does not have are ignored; whether they may be there is
 * for the caller to judge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_TXN_H
#define CHAINSYNC_TXN_H

#include <stdbool.h>
#include <stdint.h>
#include <secp256k1.h>

#include "block.h"
#include "rlp.h"

#define TXN_LEGACY			0x00
#define TXN_ACCESS_LIST		0x01
#define TXN_DYNAMIC_FEE		0x02
#define TXN_BLOB			0x03
#define TXN_SET_CODE		0x04
#define TXN_OP_DEPOSIT		0x7e

typedef enum TxnStatus
{
	TXN_OK = 0,
	TXN_UNKNOWN_TYPE,			/* a type this module has no encoding for */
	TXN_MISSING_MEMBER,			/* a member that the type hashes is absent */
	TXN_BAD_MEMBER,				/* a chain-specific member is malformed */
	TXN_BAD_V,					/* v (or yParity) is none the type allows */
	TXN_BAD_SIGNATURE,			/* r or s is out of range, or no key fits */
	TXN_UNSIGNED,				/* the type has no signature */
	TXN_NO_MEMORY
} TxnStatus;

/* What a status means: lower case, no period, a static string. */
extern const char *txn_status_text(TxnStatus status);

/*
 * Encode a transaction as the transactions trie holds it and as its hash
 * covers it: rlp([...]) for type 0, type || rlp([...]) for the others
 * (EIP-2718).
 *
 * The signature is v, r, s for type 0 and yParity, r, s for types 1 to 4;
 * there v stands in where yParity is absent, as older nodes give only v.
 *
 * An absent input is TXN_MISSING_MEMBER: an empty one has a pointer.
 *
 * Out:	out:	the encoding, in the writer's buffer
 * In:	writer:	must be between two items
 */
extern TxnStatus txn_encode(EvmBytes *out, RlpWriter *writer,
							const EvmTransaction *tx);

/* keccak256 of the encoding. */
extern TxnStatus txn_hash(uint8_t *out32, RlpWriter *writer,
						  const EvmTransaction *tx);

/*
 * Encode what the sender signed.  For type 0 that depends on v: with 27 and 28
 * it is the six members; with 35 + 2 * chain id + parity the chain id and two
 * zeros follow (EIP-155).  To sign a new legacy transaction set v to
 * 35 + 2 * chain id (or 27) first and add the parity afterwards.
 *
 * Returns: TXN_BAD_V when a legacy v is none of these, TXN_UNSIGNED for 0x7e
 */
extern TxnStatus txn_signing_payload(EvmBytes *out, RlpWriter *writer,
									 const EvmTransaction *tx);

/* keccak256 of the signing payload. */
extern TxnStatus txn_signing_hash(uint8_t *out32, RlpWriter *writer,
								  const EvmTransaction *tx);

/*
 * Which of the two possible keys signed, and for which chain.
 *
 * Out:	parity:	0 or 1
 *		has_chain_id: false for a legacy transaction with v 27 or 28
 *		chain_id: as v says (type 0) or as the member says; 0 without one
 *		Each of the three may be NULL.
 */
extern TxnStatus txn_y_parity(int *parity, bool *has_chain_id,
							  Uint256 *chain_id, const EvmTransaction *tx);

/*
 * Recover the sender.
 *
 * A high s is accepted: EIP-2 forbids it from Homestead on, but a block that
 * is part of the chain obeyed the rules of its time.
 *
 * In:	context: any libsecp256k1 context; secp256k1_context_static will do,
 *				as recovery needs no precomputed signing tables
 * Out:	address20: 20 bytes
 */
extern TxnStatus txn_sender(uint8_t *address20,
							const secp256k1_context *context,
							RlpWriter *writer, const EvmTransaction *tx);

/*
 * As txn_sender for a hash and signature that are at hand: also for an
 * EIP-7702 authorization (see txn_authorization_hash).
 */
extern TxnStatus txn_recover(uint8_t *address20,
							 const secp256k1_context *context,
							 const uint8_t *hash32, const Uint256 *r,
							 const Uint256 *s, int parity);

/* keccak256(0x05 || rlp([chain_id, address, nonce])), EIP-7702. */
extern TxnStatus txn_authorization_hash(uint8_t *out32, RlpWriter *writer,
										const EvmAuthorization *authorization);

/* The address of a public key given as x || y, without the leading 0x04. */
extern void txn_address_of_key(uint8_t *address20, const uint8_t *key64);

/* The address of the contract a sender's transaction creates: the last 20
 * bytes of keccak256(rlp([sender, nonce])) (yellow paper, section 7). */
extern void txn_contract_address(uint8_t *address20, const uint8_t *sender20,
								 uint64_t nonce);

#endif							/* CHAINSYNC_TXN_H */
