/*-------------------------------------------------------------------------
 *
 * alter.c
 *	  Results that are not what is stored: shortened, bent, or changed in one
 *	  member.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "alter.h"

/* Puts an object with one member's value replaced. */
static void
put_replaced(Reply *reply, const Slice *object, const Slice *value,
			 const char *text, size_t text_len)
{
	Slice		before = {object->data, (size_t) (value->data - object->data)};
	Slice		behind;

	behind.data = value->data + value->len;
	behind.len = object->len - before.len - value->len;
	reply_ref(reply, &before);
	reply_text(reply, text, text_len);
	reply_ref(reply, &behind);
}

void
alter_hash(Reply *reply, const Slice *json, const char *member)
{
	Slice		value;
	char		text[80];

	if (!slice_member(&value, json, member) || value.len < 3 ||
		value.len > sizeof(text))
	{
		reply_ref(reply, json);
		return;
	}
	memcpy(text, value.data, value.len);
	text[value.len - 2] = text[value.len - 2] == '0' ? '1' : '0';
	put_replaced(reply, json, &value, text, value.len);
}

void
alter_to_hashes(Reply *reply, const Slice *json)
{
	Slice		list;
	Slice		tx;
	Slice		hash;
	Buf			hashes = {0};
	size_t		offset = 0;

	if (!slice_member(&list, json, "transactions"))
	{
		reply_ref(reply, json);
		return;
	}
	buf_puts(&hashes, "[");
	while (slice_element(&tx, &list, &offset))
	{
		if (!slice_member(&hash, &tx, "hash"))
			hash = tx;			/* recorded as a hash */
		if (hashes.len > 1)
			buf_puts(&hashes, ",");
		buf_append(&hashes, hash.data, hash.len);
	}
	buf_puts(&hashes, "]");
	put_replaced(reply, json, &list, hashes.data, hashes.len);
	buf_free(&hashes);
}

void
alter_to_short(Reply *reply, const Slice *receipts)
{
	Slice		element;
	Slice		kept = {receipts->data, 1};
	size_t		offset = 0;
	size_t		before = 0;

	while (slice_element(&element, receipts, &offset))
	{
		if (before > 0)
			kept.len = before;
		before = offset;
	}
	reply_ref(reply, &kept);
	reply_puts(reply, "]");
}

/* The K-th member of that name at any depth, for MEMBER or MEMBER#K. */
static bool
find_nested(Slice *key, Slice *value, const char *body, size_t len,
			const char *name, size_t name_len)
{
	const char *mark = memchr(name, '#', name_len);
	long		skip = mark != NULL ? strtol(mark + 1, NULL, 10) - 1 : 0;
	Buf			quoted = {0};
	const char *found = body;
	bool		ok = false;

	buf_puts(&quoted, "\"");
	if (mark != NULL)
		name_len = (size_t) (mark - name);
	buf_append(&quoted, name, name_len);
	buf_puts(&quoted, "\":");
	for (;;)
	{
		found = memmem(found, len - (size_t) (found - body), quoted.data,
					   quoted.len);
		if (found == NULL || skip-- <= 0)
			break;
		found += quoted.len;
	}
	if (found != NULL)
	{
		Slice		rest = {found + quoted.len, 0};

		rest.len = len - (size_t) (rest.data - body);
		key->data = found;
		key->len = quoted.len;
		ok = slice_value(value, &rest);
	}
	buf_free(&quoted);
	return ok;
}

void
alter_member(Reply *result, const Fault *fault)
{
	size_t		name_len = strcspn(fault->arg, "=");
	char	   *body = reply_flatten(result);
	size_t		len = result->total;
	Slice		key;
	Slice		value;

	if (find_nested(&key, &value, body, len, fault->arg, name_len))
	{
		size_t		head = (size_t) (value.data - body);

		reply_free(result);
		reply_text(result, body, head);
		if (fault->kind == FAULT_SET)
			reply_puts(result, fault->arg + name_len + 1);
		else
		{
			reply_text(result, value.data, value.len);
			reply_puts(result, ",");
			reply_text(result, key.data, key.len);
			reply_text(result, value.data, value.len);
		}
		reply_text(result, value.data + value.len,
				   len - head - value.len);
	}
	free(body);
}
