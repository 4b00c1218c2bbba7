/*-------------------------------------------------------------------------
 *
 * redact.c
 *	  Takes what may be secret out of URLs and messages.
 *
 * redact_text() works in two passes over bounded buffers: URLs inside the
 * text are rewritten first, then the secrets of the one URL and header that
 * the message is about are replaced.  It searches before it cuts, because
 * half a key is still a secret.
 *
 *-------------------------------------------------------------------------
 */
#include "redact.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MASK			"***"
#define TEXT_MAX		2048	/* bytes of a text that are read */
#define SECRETS_MAX		64
#define SECRET_BYTES	8192	/* all secrets of a url and header together */
#define SECRET_MIN		4		/* shorter ones would blot out the message */
#define WITHHELD		"(message withheld: it may hold a secret)"

typedef struct Out
{
	char	   *data;
	size_t		len;
	size_t		size;			/* room for the terminator included */
} Out;

typedef struct Slice
{
	const char *data;
	size_t		len;
} Slice;

typedef struct UrlParts
{
	Slice		scheme;			/* "://" included, or empty */
	Slice		userinfo;
	Slice		host;			/* with port */
	Slice		path;			/* begins with '/', or empty */
	Slice		query;
	Slice		fragment;
	bool		has_userinfo;
	bool		has_query;
	bool		has_fragment;
} UrlParts;

typedef struct Secrets
{
	Slice		item[SECRETS_MAX];
	int			count;
	char		bytes[SECRET_BYTES];
	size_t		used;
	bool		overflow;
} Secrets;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static void
out_char(Out *out, char c)
{
	if (out->len + 1 < out->size)
		out->data[out->len++] = c >= 0x20 && c < 0x7f ? c : '?';
}

static void
out_bytes(Out *out, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out_char(out, data[i]);
}

static void
out_mask(Out *out)
{
	out_bytes(out, MASK, strlen(MASK));
}

static void
out_end(Out *out)
{
	if (out->size > 0)
		out->data[out->len] = '\0';
}

/* Letters and digits both present, and at least min bytes. */
static bool
is_mixed(Slice s, size_t min)
{
	bool		letters = false;
	bool		digits = false;

	for (size_t i = 0; i < s.len; i++)
	{
		letters |= is_letter(s.data[i]);
		digits |= is_digit(s.data[i]);
	}
	return s.len >= min && letters && digits;
}

/* An '@' in a path is user info that a slash too many has put there. */
static bool
segment_is_secret(Slice s)
{
	return s.len >= 16 || is_mixed(s, 12) || memchr(s.data, '@', s.len) != NULL;
}

/* Labels of words, such as ethereum-mainnet-2, are not keys. */
static bool
label_is_secret(Slice s)
{
	return is_mixed(s, 16) && memchr(s.data, '-', s.len) == NULL;
}

/* Cuts the next part up to one of two separators off *rest. */
static Slice
next_part(Slice *rest, char separator, char other)
{
	Slice		part = {rest->data, 0};

	while (part.len < rest->len && part.data[part.len] != separator &&
		   part.data[part.len] != other)
		part.len++;
	rest->data += part.len;
	rest->len -= part.len;
	return part;
}

static void
skip_byte(Slice *rest)
{
	if (rest->len > 0)
	{
		rest->data++;
		rest->len--;
	}
}

/* Where "://" ends, or 0 when the text does not begin with a scheme. */
static size_t
scheme_length(Slice s)
{
	size_t		i = 0;

	while (i < s.len && (is_letter(s.data[i]) || is_digit(s.data[i]) ||
						 s.data[i] == '+' || s.data[i] == '-' ||
						 s.data[i] == '.'))
		i++;
	if (i == 0 || s.len - i < 3 || memcmp(s.data + i, "://", 3) != 0)
		return 0;
	return i + 3;
}

/*
 * Splits by RFC 3986, but takes the user info up to the last '@' before the
 * path: a password with an unescaped '@' must not end up in the host.
 */
static UrlParts
split_url(Slice url)
{
	UrlParts	parts;
	Slice		rest = url;
	Slice		before;

	memset(&parts, 0, sizeof(parts));
	before = next_part(&rest, '#', '#');
	parts.has_fragment = rest.len > 0;
	skip_byte(&rest);
	parts.fragment = rest;

	rest = before;
	before = next_part(&rest, '?', '?');
	parts.has_query = rest.len > 0;
	skip_byte(&rest);
	parts.query = rest;

	rest = before;
	parts.scheme.data = rest.data;
	parts.scheme.len = scheme_length(rest);
	rest.data += parts.scheme.len;
	rest.len -= parts.scheme.len;
	parts.host = next_part(&rest, '/', '\\');
	parts.path = rest;

	for (size_t i = parts.host.len; i > 0; i--)
	{
		if (parts.host.data[i - 1] != '@')
			continue;
		parts.has_userinfo = true;
		parts.userinfo.data = parts.host.data;
		parts.userinfo.len = i - 1;
		parts.host.data += i;
		parts.host.len -= i;
		break;
	}
	return parts;
}

static void
write_host(Out *out, Slice rest)
{
	while (rest.len > 0)
	{
		Slice		label = next_part(&rest, '.', ':');

		if (label_is_secret(label))
			out_mask(out);
		else
			out_bytes(out, label.data, label.len);
		if (rest.len > 0)
			out_char(out, rest.data[0]);
		skip_byte(&rest);
	}
}

static void
write_path(Out *out, Slice rest)
{
	while (rest.len > 0)
	{
		Slice		segment;

		out_char(out, rest.data[0]);
		skip_byte(&rest);
		segment = next_part(&rest, '/', '\\');
		if (segment_is_secret(segment))
			out_mask(out);
		else
			out_bytes(out, segment.data, segment.len);
	}
}

static void
write_url(Out *out, Slice url)
{
	UrlParts	parts = split_url(url);

	out_bytes(out, parts.scheme.data, parts.scheme.len);
	if (parts.has_userinfo)
		out_bytes(out, MASK "@", strlen(MASK) + 1);
	write_host(out, parts.host);
	write_path(out, parts.path);
	if (parts.has_query)
		out_bytes(out, "?" MASK, strlen(MASK) + 1);
	if (parts.has_fragment)
		out_bytes(out, "#" MASK, strlen(MASK) + 1);
}

void
redact_url(char *out, size_t outlen, const char *url)
{
	Out			buffer = {out, 0, outlen};
	Slice		whole = {url, strlen(url)};

	write_url(&buffer, whole);
	out_end(&buffer);
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Keeps a copy, so that decoded forms and slices live alike. */
static void
keep_secret(Secrets *secrets, Slice s, bool decode)
{
	char	   *copy = secrets->bytes + secrets->used;
	size_t		len = 0;

	if (s.len < SECRET_MIN)
		return;
	if (secrets->count == SECRETS_MAX ||
		s.len > SECRET_BYTES - secrets->used)
	{
		secrets->overflow = true;
		return;
	}
	for (size_t i = 0; i < s.len; i++)
	{
		char		c = s.data[i];

		if (decode && c == '%' && s.len - i > 2 &&
			hex_value(s.data[i + 1]) >= 0 && hex_value(s.data[i + 2]) >= 0)
		{
			c = (char) (hex_value(s.data[i + 1]) * 16 +
						hex_value(s.data[i + 2]));
			i += 2;
		}
		/* as the text will look when it is searched */
		copy[len++] = c >= 0x20 && c < 0x7f ? c : '?';
	}
	if (len < SECRET_MIN)
		return;
	secrets->item[secrets->count].data = copy;
	secrets->item[secrets->count].len = len;
	secrets->count++;
	secrets->used += len;
}

static void
add_secret(Secrets *secrets, Slice s)
{
	keep_secret(secrets, s, false);
	if (s.len > 0 && memchr(s.data, '%', s.len) != NULL)
		keep_secret(secrets, s, true);
}

/* The parts between separators, each a secret, or those that look like one. */
static void
add_parts(Secrets *secrets, Slice rest, char separator, char other,
		  bool (*is_secret) (Slice))
{
	while (rest.len > 0)
	{
		Slice		part = next_part(&rest, separator, other);

		if (is_secret == NULL || is_secret(part))
			add_secret(secrets, part);
		skip_byte(&rest);
	}
}

static void
add_query(Secrets *secrets, Slice rest)
{
	while (rest.len > 0)
	{
		Slice		value = next_part(&rest, '&', ';');

		skip_byte(&rest);
		add_secret(secrets, value);
		next_part(&value, '=', '=');
		skip_byte(&value);
		add_secret(secrets, value);
	}
}

static void
add_url_secrets(Secrets *secrets, const char *url)
{
	Slice		whole = {url, strlen(url)};
	UrlParts	parts = split_url(whole);

	add_secret(secrets, parts.userinfo);
	add_parts(secrets, parts.userinfo, ':', ':', NULL);
	add_secret(secrets, parts.query);
	add_query(secrets, parts.query);
	add_secret(secrets, parts.fragment);
	add_parts(secrets, parts.path, '/', '\\', segment_is_secret);
	add_parts(secrets, parts.host, '.', ':', label_is_secret);
}

/* The value of a header line, and the words of it ("Bearer" is spared). */
static void
add_header_secrets(Secrets *secrets, const char *header)
{
	Slice		rest = {header, strlen(header)};
	int			words = 0;

	next_part(&rest, ':', ':');
	skip_byte(&rest);
	while (rest.len > 0)
	{
		Slice		word = next_part(&rest, ' ', '\t');

		if (word.len > 0 && (words++ > 0 || rest.len == 0))
			add_secret(secrets, word);
		skip_byte(&rest);
	}
}

/*
 * Length of the longest secret at the text's beginning, or of what is left of
 * the text when that is the beginning of a secret.
 */
static size_t
match_secret(const Secrets *secrets, Slice text)
{
	size_t		longest = 0;

	for (int i = 0; i < secrets->count; i++)
	{
		Slice		secret = secrets->item[i];
		size_t		common = 0;

		while (common < secret.len && common < text.len &&
			   lower(secret.data[common]) == lower(text.data[common]))
			common++;
		if ((common == secret.len ||
			 (common == text.len && common >= SECRET_MIN)) &&
			common > longest)
			longest = common;
	}
	return longest;
}

/* Length of an http or ws URL at the text's beginning, or 0. */
static size_t
match_url(Slice text)
{
	size_t		len;
	char		c;

	if (lower(text.data[0]) != 'h' && lower(text.data[0]) != 'w')
		return 0;
	len = scheme_length(text);
	if (len == 0)
		return 0;
	while (len < text.len)
	{
		c = text.data[len];
		if (c <= 0x20 || c == 0x7f || strchr("\"'<>`|{}()", c) != NULL)
			break;
		len++;
	}
	return len;
}

static void
rewrite_urls(Out *out, Slice text)
{
	while (text.len > 0)
	{
		size_t		len = match_url(text);
		Slice		url = {text.data, len};

		if (len > 0)
			write_url(out, url);
		else
		{
			len = 1;
			out_char(out, text.data[0]);
		}
		text.data += len;
		text.len -= len;
	}
}

static void
mask_secrets(Out *out, const Secrets *secrets, Slice text)
{
	while (text.len > 0)
	{
		size_t		len = match_secret(secrets, text);

		if (len > 0)
			out_mask(out);
		else
		{
			len = 1;
			out_char(out, text.data[0]);
		}
		text.data += len;
		text.len -= len;
	}
}

void
redact_text(char *out, size_t outlen, const char *text, const char *url,
			const char *header)
{
	char		work[TEXT_MAX];
	Out			first = {work, 0, sizeof(work)};
	Out			last = {out, 0, outlen};
	Slice		whole = {text, 0};
	Secrets		secrets;

	secrets.count = 0;
	secrets.used = 0;
	secrets.overflow = false;
	if (url != NULL)
		add_url_secrets(&secrets, url);
	if (header != NULL)
		add_header_secrets(&secrets, header);
	if (secrets.overflow)
		out_bytes(&last, WITHHELD, strlen(WITHHELD));
	else
	{
		while (whole.len < TEXT_MAX - 1 && text[whole.len] != '\0')
			whole.len++;
		rewrite_urls(&first, whole);
		whole.data = work;
		whole.len = first.len;
		mask_secrets(&last, &secrets, whole);
	}
	out_end(&last);
}

void
redact_message(char *out, size_t outlen, const char *text, const char *url,
			   const char *header, const char *secret)
{
	char		work[TEXT_MAX];
	char		line[SECRET_BYTES];

	redact_text(work, sizeof(work), text, url, header);
	if (secret != NULL)
		snprintf(line, sizeof(line), "secret: %s", secret);
	redact_text(out, outlen, work, NULL, secret != NULL ? line : NULL);
}
