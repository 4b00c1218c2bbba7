/*-------------------------------------------------------------------------
 *
 * slice.c
 *	  Cuts values out of a JSON text without changing a byte of it.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "buf.h"
#include "slice.h"

static const char *
skip_space(const char *pos, const char *end)
{
	while (pos < end &&
		   (*pos == ' ' || *pos == '\n' || *pos == '\r' || *pos == '\t'))
		pos++;
	return pos;
}

/* Behind the string that begins at pos, or NULL. */
static const char *
skip_string(const char *pos, const char *end)
{
	for (pos++; pos < end; pos++)
	{
		if (*pos == '"')
			return pos + 1;
		if (*pos == '\\')
			pos++;
	}
	return NULL;
}

/* Behind the value that begins at pos, or NULL. */
static const char *
skip_value(const char *pos, const char *end)
{
	int			depth = 0;

	while (pos < end)
	{
		switch (*pos)
		{
			case '"':
				pos = skip_string(pos, end);
				if (pos == NULL)
					return NULL;
				break;
			case '{':
			case '[':
				depth++;
				pos++;
				continue;
			case '}':
			case ']':
				if (depth == 0)
					return NULL;
				depth--;
				pos++;
				break;
			case ',':
			case ':':
			case ' ':
			case '\n':
			case '\r':
			case '\t':
				if (depth == 0)
					return NULL;
				pos++;
				continue;
			default:
				while (pos < end && strchr(",:]} \n\r\t", *pos) == NULL)
					pos++;
				break;
		}
		if (depth == 0)
			return pos;
	}
	return NULL;
}

bool
slice_value(Slice *value, const Slice *text)
{
	const char *end = text->data + text->len;
	const char *begin = skip_space(text->data, end);
	const char *behind = skip_value(begin, end);

	if (behind == NULL)
		return false;
	value->data = begin;
	value->len = (size_t) (behind - begin);
	return true;
}

bool
slice_member(Slice *value, const Slice *object, const char *name)
{
	const char *end = object->data + object->len;
	const char *pos = skip_space(object->data, end);
	size_t		name_len = strlen(name);

	if (pos >= end || *pos != '{')
		return false;
	pos = skip_space(pos + 1, end);
	while (pos < end && *pos == '"')
	{
		const char *key = pos + 1;
		const char *key_end = skip_string(pos, end);
		const char *behind;

		if (key_end == NULL)
			return false;
		pos = skip_space(key_end, end);
		if (pos >= end || *pos != ':')
			return false;
		pos = skip_space(pos + 1, end);
		behind = skip_value(pos, end);
		if (behind == NULL)
			return false;
		if ((size_t) (key_end - 1 - key) == name_len &&
			memcmp(key, name, name_len) == 0)
		{
			value->data = pos;
			value->len = (size_t) (behind - pos);
			return true;
		}
		pos = skip_space(behind, end);
		if (pos >= end || *pos != ',')
			return false;
		pos = skip_space(pos + 1, end);
	}
	return false;
}

bool
slice_element(Slice *value, const Slice *array, size_t *offset)
{
	const char *end = array->data + array->len;
	const char *pos = skip_space(array->data + *offset, end);
	const char *behind;

	if (pos >= end || (*offset == 0 && *pos != '[') ||
		(*offset != 0 && *pos != ','))
		return false;
	pos = skip_space(pos + 1, end);
	behind = skip_value(pos, end);
	if (behind == NULL)
		return false;
	value->data = pos;
	value->len = (size_t) (behind - pos);
	*offset = (size_t) (behind - array->data);
	return true;
}

bool
slice_string(Slice *value, const Slice *string)
{
	if (string->len < 2 || string->data[0] != '"')
		return false;
	value->data = string->data + 1;
	value->len = string->len - 2;
	return true;
}

bool
slice_hash(uint8_t *out32, const Slice *object, const char *name)
{
	Slice		value;

	return slice_member(&value, object, name) &&
		slice_string(&value, &value) &&
		hex_read(out32, 32, value.data, value.len);
}

bool
slice_quantity(uint64_t *out, const Slice *object, const char *name)
{
	Slice		value;

	return slice_member(&value, object, name) &&
		slice_string(&value, &value) &&
		quantity_read(out, value.data, value.len) == NULL;
}
