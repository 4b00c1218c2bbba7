/*-------------------------------------------------------------------------
 *
 * reply.h
 *	  An answer's body as a list of pieces: few bytes of its own between long
 *	  stretches of prebuilt ones, which are never copied.
 *
 * A Reply owns its text and list; what reply_ref() is given must stay where
 * it is until the program ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_REPLY_H
#define CHAINSIM_REPLY_H

#include "buf.h"
#include "slice.h"

typedef struct ReplyPiece
{
	const char *data;			/* NULL: in the reply's own text */
	size_t		offset;			/* there */
	size_t		len;
} ReplyPiece;

typedef struct Reply
{
	Buf			text;
	ReplyPiece *pieces;
	size_t		count;
	size_t		cap;
	size_t		total;			/* bytes of all pieces */
} Reply;

extern void reply_text(Reply *reply, const char *text, size_t len);
extern void reply_puts(Reply *reply, const char *text);
extern void reply_printf(Reply *reply, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Refer to bytes that stay. */
extern void reply_ref(Reply *reply, const Slice *slice);

/* Put all of `from`, which is emptied, at the end. */
extern void reply_move(Reply *reply, Reply *from);

/* Where a piece's bytes are; good until the next change of the reply. */
extern const char *reply_piece(const Reply *reply, size_t index);

/* Copies up to `max` bytes from `offset` on; returns how many. */
extern size_t reply_read(const Reply *reply, size_t offset, char *out,
						 size_t max);

/* The whole body in one new allocation of total + 1 bytes. */
extern char *reply_flatten(const Reply *reply);

extern void reply_free(Reply *reply);

#endif							/* CHAINSIM_REPLY_H */
