/*-------------------------------------------------------------------------
 *
 * test_secret.c
 *	  Secrets are read from where they are and put where they belong, and
 *	  what cannot be one is refused without being quoted.
 *
 *-------------------------------------------------------------------------
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/redact.h"
#include "../../src/secret.h"

static int	checks;
static int	failures;

static void
check(bool good, const char *what)
{
	checks++;
	if (good)
		return;
	failures++;
	fprintf(stderr, "FAIL %s\n", what);
}

static void
check_read(const char *ref, const char *expected, const char *what)
{
	char		secret[SECRET_SIZE];
	char		error[512] = "";
	bool		read = secret_read(ref, secret, sizeof(secret), error,
								   sizeof(error));

	check(read == (expected != NULL), what);
	check(!read || strcmp(secret, expected) == 0, what);
	check(read || error[0] != '\0', what);
	check(strstr(error, "cAnArY") == NULL, what);
}

static void
write_file(const char *path, const char *text, size_t len)
{
	FILE	   *file = fopen(path, "w");

	if (file == NULL || fwrite(text, 1, len, file) != len ||
		fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
}

static void
check_files(void)
{
	char		dir[] = "/tmp/test_secret.XXXXXX";
	char		path[64];
	char		ref[80];
	char		large[SECRET_SIZE + 8];

	if (mkdtemp(dir) == NULL)
	{
		perror(dir);
		exit(1);
	}
	snprintf(path, sizeof(path), "%s/key", dir);
	snprintf(ref, sizeof(ref), "file:%s", path);
	check_read(ref, NULL, "a file that is not there");
	write_file(path, "cAnArY0123\n", 11);
	check_read(ref, "cAnArY0123", "a file with a line end");
	write_file(path, "cAnArY0123 \r\n\n", 14);
	check_read(ref, "cAnArY0123", "a file with more blanks at its end");
	write_file(path, "", 0);
	check_read(ref, NULL, "an empty file");
	write_file(path, "abc\n", 4);
	check_read(ref, NULL, "a secret too short to be found in messages");
	write_file(path, "cAnArY\nsecond", 13);
	check_read(ref, NULL, "two lines");
	write_file(path, "cAnArY\0more", 11);
	check_read(ref, NULL, "a zero byte");
	memset(large, 'a', sizeof(large));
	write_file(path, large, sizeof(large));
	check_read(ref, NULL, "a file too large");
	unlink(path);
	check(mkfifo(path, 0600) == 0, "mkfifo");
	check_read(ref, NULL, "a pipe, without waiting for it");
	unlink(path);
	snprintf(ref, sizeof(ref), "file:%s", dir);
	check_read(ref, NULL, "a directory");
	rmdir(dir);
}

static void
check_expand(const char *template, const char *secret, const char *expected)
{
	char		out[32];
	bool		done = secret_expand(out, sizeof(out), template, secret);

	check(done == (expected != NULL), template);
	check(!done || strcmp(out, expected) == 0, template);
}

int
main(void)
{
	char		out[64];

	setenv("CHAINSYNC_TEST_KEY", "cAnArY0123", 1);
	check_read("env:CHAINSYNC_TEST_KEY", "cAnArY0123", "a variable");
	check_read("env:CHAINSYNC_TEST_NONE", NULL, "a variable not set");
	setenv("CHAINSYNC_TEST_KEY", "cAnArY\r\nHost: x", 1);
	check_read("env:CHAINSYNC_TEST_KEY", NULL, "a header in a secret");
	check_read("cAnArY", NULL, "no reference");
	check_read("file:relative", NULL, "a relative path");
	check_read("env:", NULL, "no name");
	check_files();

	check_expand("http://x/", NULL, "http://x/");
	check_expand("http://x/", "key", "http://x/");
	check_expand("http://x/{secret}", NULL, NULL);
	check_expand("http://x/{secret}/a", "key", "http://x/key/a");
	check_expand("{secret}{secret}", "key", "keykey");
	check_expand("{secret}", "{secret}", "{secret}");
	check_expand("{secret", "key", "{secret");
	check_expand("0123456789012345678901234567890", NULL,
				 "0123456789012345678901234567890");
	check_expand("01234567890123456789012345678901", NULL, NULL);
	check_expand("0123456789012345678901234567{secret}", "key",
				 "0123456789012345678901234567key");
	check_expand("0123456789012345678901234567{secret}", "keys", NULL);

	/* a secret without what makes a key look like one is still one */
	redact_message(out, sizeof(out), "no route to plain.example/word",
				   "http://plain.example/word", NULL, "word");
	check(strstr(out, "word") == NULL, out);
	redact_message(out, sizeof(out), "said WORD and 0123456789abcdef",
				   "http://x/0123456789abcdef", "A: Bearer token", "word");
	check(strstr(out, "WORD") == NULL && strstr(out, "0123") == NULL, out);
	redact_message(out, 18, "a message cut in plainsecret", NULL, NULL,
				   "plainsecret");
	check(strstr(out, "plains") == NULL, out);

	printf("test_secret: %d passed, %d failed\n", checks - failures,
		   failures);
	return failures == 0 ? 0 : 1;
}
