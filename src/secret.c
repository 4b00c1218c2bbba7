/*-------------------------------------------------------------------------
 *
 * secret.c
 *	  Keys of endpoints: where they come from and where they belong.
 *
 * What a key looks like is redact.c's to say for host and path: a URL that it
 * would mask has one.  Only queries are judged here, value by value, because
 * redact.c masks them whole.
 *
 *-------------------------------------------------------------------------
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "redact.h"

#define SECRET_MIN		4
#define PLACEHOLDER_LEN (sizeof(SECRET_PLACEHOLDER) - 1)
#define URL_MAX			4096

static bool
fail(char *error, size_t error_len, const char *what, const char *why)
{
	snprintf(error, error_len, "%s %s", what, why);
	return false;
}

/* Trims blanks at the end; what is left must be one word. */
static bool
check_secret(char *secret, const char *what, char *error, size_t error_len)
{
	size_t		len = strlen(secret);

	while (len > 0 && strchr(" \t\r\n", secret[len - 1]) != NULL)
		secret[--len] = '\0';
	if (len < SECRET_MIN)
		return fail(error, error_len, what, len == 0 ? "is empty" :
					"is too short for a secret");
	for (size_t i = 0; i < len; i++)
	{
		if ((unsigned char) secret[i] <= ' ' ||
			(unsigned char) secret[i] > '~')
			return fail(error, error_len, what,
						"is not one word of printable ASCII");
	}
	return true;
}

static bool
read_environment(const char *name, char *out, size_t outlen, char *error,
				 size_t error_len)
{
	const char *value = getenv(name);
	char		what[160];

	snprintf(what, sizeof(what), "environment variable %.100s", name);
	if (value == NULL)
		return fail(error, error_len, what,
					"is not set in the server's environment");
	if (strlen(value) >= outlen)
		return fail(error, error_len, what, "is too long");
	strcpy(out, value);
	return check_secret(out, what, error, error_len);
}

/* Anything but a plain file could keep the worker waiting. */
static bool
read_file(const char *path, char *out, size_t outlen, char *error,
		  size_t error_len)
{
	char		what[320];
	struct stat status;
	ssize_t		len;
	int			fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	snprintf(what, sizeof(what), "file \"%.250s\"", path);
	if (fd < 0)
		return fail(error, error_len, what, errno == ENOENT ?
					"does not exist" : "cannot be opened");
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
	{
		close(fd);
		return fail(error, error_len, what, "is not a plain file");
	}
	len = read(fd, out, outlen);
	close(fd);
	if (len < 0)
		return fail(error, error_len, what, "cannot be read");
	if ((size_t) len >= outlen)
		return fail(error, error_len, what, "is too long");
	out[len] = '\0';
	if (strlen(out) != (size_t) len)
		return fail(error, error_len, what,
					"is not one word of printable ASCII");
	return check_secret(out, what, error, error_len);
}

bool
secret_read(const char *ref, char *out, size_t outlen, char *error,
			size_t error_len)
{
	bool		read = false;

	if (strncmp(ref, "env:", 4) == 0)
		read = read_environment(ref + 4, out, outlen, error, error_len);
	else if (strncmp(ref, "file:/", 6) == 0)
		read = read_file(ref + 5, out, outlen, error, error_len);
	else
		fail(error, error_len, "the secret's reference",
			 "is neither env:NAME nor file:/path");
	if (!read)
		explicit_bzero(out, outlen);
	return read;
}

bool
secret_expand(char *out, size_t outlen, const char *template,
			  const char *secret)
{
	size_t		len = 0;

	while (*template != '\0')
	{
		size_t		part = 1;
		const char *text = template;
		bool		place = strncmp(template, SECRET_PLACEHOLDER,
									PLACEHOLDER_LEN) == 0;

		if (place && secret == NULL)
			return false;
		if (place)
		{
			text = secret;
			part = strlen(secret);
		}
		if (part >= outlen - len)
			return false;
		memcpy(out + len, text, part);
		len += part;
		template += place ? PLACEHOLDER_LEN : 1;
	}
	if (outlen == 0)
		return false;
	out[len] = '\0';
	return true;
}

/* ---- what looks like a key ---- */

static bool
contains(const char *text, size_t len, const char *word)
{
	size_t		word_len = strlen(word);

	for (size_t i = 0; i + word_len <= len; i++)
	{
		if (strncasecmp(text + i, word, word_len) == 0)
			return true;
	}
	return false;
}

static bool
name_is_telling(const char *name, size_t len)
{
	static const char *const words[] = {
		"key", "token", "secret", "auth", "pass", "pwd", "sig", "cookie"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (contains(name, len, words[i]))
			return true;
	}
	return false;
}

/* As redact.c would judge it as a part of a path. */
static bool
value_is_telling(const char *value, size_t len)
{
	char		url[URL_MAX];
	char		shown[URL_MAX * 2];

	if (len >= sizeof(url) - 16)
		return true;
	snprintf(url, sizeof(url), "http://x/%.*s", (int) len, value);
	redact_url(shown, sizeof(shown), url);
	return strstr(shown, "***") != NULL;
}

/* One parameter, name=value. */
static bool
parameter_is_telling(const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	const char *value;
	size_t		value_len;

	if (equals == NULL)
		return value_is_telling(text, len);
	value = equals + 1;
	value_len = len - (size_t) (value - text);
	if (value_len == 0 || strncmp(value, SECRET_PLACEHOLDER,
								  PLACEHOLDER_LEN) == 0)
		return false;
	return name_is_telling(text, (size_t) (equals - text)) ||
		value_is_telling(value, value_len);
}

bool
secret_in_url(const char *url)
{
	const char *query = strchr(url, '?');
	size_t		len = query == NULL ? strlen(url) : (size_t) (query - url);
	char		base[URL_MAX];
	char		shown[URL_MAX * 2];

	if (strlen(url) >= sizeof(base))
		return true;
	memcpy(base, url, len);
	base[len] = '\0';
	redact_url(shown, sizeof(shown), base);
	if (strstr(shown, "***") != NULL)
		return true;
	while (query != NULL && *query != '\0')
	{
		const char *text = query + 1;
		size_t		text_len = strcspn(text, "&;");

		if (parameter_is_telling(text, text_len))
			return true;
		query = text[text_len] == '\0' ? NULL : text + text_len;
	}
	return false;
}

bool
secret_in_header(const char *header)
{
	const char *colon = strchr(header, ':');
	const char *value;

	if (strstr(header, SECRET_PLACEHOLDER) != NULL)
		return false;
	if (colon == NULL)
		return true;
	if (name_is_telling(header, (size_t) (colon - header)))
		return true;
	for (value = colon + 1; *value != '\0';)
	{
		size_t		len;

		value += strspn(value, " \t");
		len = strcspn(value, " \t");
		if (len > 0 && value_is_telling(value, len))
			return true;
		value += len;
	}
	return false;
}
