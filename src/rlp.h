/*-------------------------------------------------------------------------
 *
 * rlp.h
 *	  Recursive Length Prefix encoding (yellow paper, appendix B): a writer
 *	  and a strict reader.
 *
 * The writer works backwards: it fills its buffer from the end, so that a
 * list's payload is already there when its header is written and no length
 * has to be computed beforehand.  THE LAST MEMBER OF A LIST IS WRITTEN FIRST:
 *
 *		size_t		mark = rlp_mark(&writer);
 *
 *		rlp_u64(&writer, c);
 *		rlp_bytes(&writer, b, b_len);
 *		rlp_u64(&writer, a);
 *		rlp_list(&writer, mark);		-- [a, b, c]
 *		ok = rlp_finish(&item, &writer);
 *
 * A failure (no memory, buffer full, an item of 4 GiB) sticks: the calls after
 * it do nothing, and rlp_finish returns false.
 *
 * The reader never reads outside the bytes it was given, allocates nothing,
 * does not recurse, and accepts canonical encodings only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_RLP_H
#define CHAINSYNC_RLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "block.h"
#include "uint256.h"

/* The longest header of a string or list. */
#define RLP_HEADER_MAX	9

typedef struct RlpWriter
{
	uint8_t    *base;			/* start of the buffer */
	uint8_t    *pos;			/* what is written starts here */
	uint8_t    *item_end;		/* end of the item being written */
	uint8_t    *end;			/* end of the buffer */
	Arena	   *arena;			/* where to grow; NULL: never */
	bool		failed;
} RlpWriter;

/*
 * Make a writer that takes its buffers from `arena`.  Finished items stay
 * where they are until the arena is reset or rlp_writer_reset is called.
 */
extern void rlp_writer_init(RlpWriter *writer, Arena *arena);

/* Make a writer over the caller's buffer; it fails when that is full. */
extern void rlp_writer_init_fixed(RlpWriter *writer, uint8_t *buffer,
								  size_t size);

/*
 * Begin again: forgets a failure and all items, finished ones too, and keeps
 * the newest (largest) buffer.  Call it once a block, so that a long batch
 * does not keep every encoding it ever made.  After an arena_reset the writer
 * must be initialised again instead.
 */
extern void rlp_writer_reset(RlpWriter *writer);

/* Bytes of the item written so far; a position for rlp_list and rlp_string. */
extern size_t rlp_mark(const RlpWriter *writer);

/* Put a list's header before everything written since `mark`. */
extern void rlp_list(RlpWriter *writer, size_t mark);

/* Put bytes as they are, without a header. */
extern void rlp_raw(RlpWriter *writer, const uint8_t *data, size_t len);

/* Put one byte as it is: the type before a typed envelope (EIP-2718). */
extern void rlp_raw_byte(RlpWriter *writer, uint8_t byte);

/* Put a string of `len` bytes; data may be NULL when len is 0. */
extern void rlp_bytes(RlpWriter *writer, const uint8_t *data, size_t len);

/* Put an integer: big-endian, no leading zeros, zero is the empty string. */
extern void rlp_u64(RlpWriter *writer, uint64_t value);
extern void rlp_uint256(RlpWriter *writer, const Uint256 *value);

/*
 * Ends the item that was written, and begins the next.
 *
 * Returns: true, or false when any call since the last finish failed; the
 *			writer is usable again for the next item in either case.
 * Out:	item:	the encoding, in the writer's buffer; {NULL, 0} on failure
 */
extern bool rlp_finish(EvmBytes *item, RlpWriter *writer);

/* Drops the item in progress, and a failure with it. */
extern void rlp_abandon(RlpWriter *writer);

/* Encoded length of a string or list with a payload of `len` bytes. */
extern size_t rlp_header_len(size_t len);

/*
 * Writes the key rlp(index) of an ordered trie into out9; returns its length.
 */
extern size_t rlp_index_key(uint8_t *out9, uint64_t index);

/* What is left of some encoded bytes. */
typedef struct RlpReader
{
	const uint8_t *pos;
	const uint8_t *end;
} RlpReader;

/* One item: a string's bytes, or a list's payload. */
typedef struct RlpItem
{
	const uint8_t *data;
	size_t		len;
	bool		is_list;
} RlpItem;

extern void rlp_reader_init(RlpReader *reader, const uint8_t *data,
							size_t len);

/* True when nothing is left. */
extern bool rlp_at_end(const RlpReader *reader);

/*
 * Takes the next item, without looking into a list's payload.
 *
 * Returns: false, the reader unmoved, when nothing is left or the encoding is
 *			truncated or not canonical (a length with leading zeros, a long
 *			form where the short one fits, one byte below 0x80 with a header)
 */
extern bool rlp_next(RlpItem *item, RlpReader *reader);

/* As rlp_next, but the item must be a list, whose payload `inner` reads. */
extern bool rlp_next_list(RlpReader *inner, RlpReader *reader);

/* As rlp_next, but the item must be a string. */
extern bool rlp_next_bytes(EvmBytes *out, RlpReader *reader);

/* As rlp_next, but the item must be a string of exactly `len` bytes. */
extern bool rlp_next_fixed(const uint8_t **out, RlpReader *reader, size_t len);

/* As rlp_next, but the item must be an integer without leading zeros. */
extern bool rlp_next_u64(uint64_t *out, RlpReader *reader);
extern bool rlp_next_uint256(Uint256 *out, RlpReader *reader);

/*
 * True when `data` is exactly one canonical item, down to the innermost list.
 * Lists nested deeper than RLP_DEPTH_MAX are refused.
 */
#define RLP_DEPTH_MAX	1024
extern bool rlp_valid(const uint8_t *data, size_t len);

#endif							/* CHAINSYNC_RLP_H */
