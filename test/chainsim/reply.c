/*-------------------------------------------------------------------------
 *
 * reply.c
 *	  An answer's body as a list of pieces.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reply.h"

static ReplyPiece *
add_piece(Reply *reply)
{
	if (reply->count == reply->cap)
	{
		reply->cap = reply->cap > 0 ? reply->cap * 2 : 8;
		reply->pieces = sim_realloc(reply->pieces,
									reply->cap * sizeof(ReplyPiece));
	}
	return &reply->pieces[reply->count++];
}

void
reply_text(Reply *reply, const char *text, size_t len)
{
	ReplyPiece *last = reply->count > 0 ?
	&reply->pieces[reply->count - 1] : NULL;

	if (len == 0)
		return;
	if (last == NULL || last->data != NULL)
	{
		last = add_piece(reply);
		last->data = NULL;
		last->offset = reply->text.len;
		last->len = 0;
	}
	buf_append(&reply->text, text, len);
	last->len += len;
	reply->total += len;
}

void
reply_puts(Reply *reply, const char *text)
{
	reply_text(reply, text, strlen(text));
}

void
reply_printf(Reply *reply, const char *format,...)
{
	char		text[1024];
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t) len >= sizeof(text))
		sim_fatal("could not format an answer");
	reply_text(reply, text, (size_t) len);
}

void
reply_ref(Reply *reply, const Slice *slice)
{
	ReplyPiece *piece;

	/* what is short is cheaper copied than sent as a piece */
	if (slice->len < 256)
	{
		reply_text(reply, slice->data, slice->len);
		return;
	}
	piece = add_piece(reply);
	piece->data = slice->data;
	piece->offset = 0;
	piece->len = slice->len;
	reply->total += slice->len;
}

void
reply_move(Reply *reply, Reply *from)
{
	for (size_t i = 0; i < from->count; i++)
	{
		Slice		slice;

		if (from->pieces[i].data == NULL)
		{
			reply_text(reply, reply_piece(from, i), from->pieces[i].len);
			continue;
		}
		slice.data = from->pieces[i].data;
		slice.len = from->pieces[i].len;
		reply_ref(reply, &slice);
	}
	reply_free(from);
}

const char *
reply_piece(const Reply *reply, size_t index)
{
	const ReplyPiece *piece = &reply->pieces[index];

	return piece->data != NULL ? piece->data :
		reply->text.data + piece->offset;
}

size_t
reply_read(const Reply *reply, size_t offset, char *out, size_t max)
{
	size_t		done = 0;

	for (size_t i = 0; i < reply->count && done < max; i++)
	{
		size_t		len = reply->pieces[i].len;
		size_t		take;

		if (offset >= len)
		{
			offset -= len;
			continue;
		}
		take = len - offset < max - done ? len - offset : max - done;
		memcpy(out + done, reply_piece(reply, i) + offset, take);
		done += take;
		offset = 0;
	}
	return done;
}

char *
reply_flatten(const Reply *reply)
{
	char	   *body = sim_alloc(reply->total + 1);

	reply_read(reply, 0, body, reply->total);
	return body;
}

void
reply_free(Reply *reply)
{
	buf_free(&reply->text);
	free(reply->pieces);
	memset(reply, 0, sizeof(*reply));
}
