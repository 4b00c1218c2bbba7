/*-------------------------------------------------------------------------
 *
 * test_redact.c
 *	  Secrets put into URLs and messages must not come out again.
 *
 *-------------------------------------------------------------------------
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/redact.h"

static int	checks;
static int	failures;

static void
check(bool good, const char *what, const char *got)
{
	checks++;
	if (good)
		return;
	failures++;
	fprintf(stderr, "FAIL %s: got \"%s\"\n", what, got);
}

static const struct
{
	const char *url;
	const char *redacted;
}			urls[] = {
	{"http://127.0.0.1:8545", "http://127.0.0.1:8545"},
	{"http://127.0.0.1:8545/", "http://127.0.0.1:8545/"},
	{"http://[::1]:8545/rpc", "http://[::1]:8545/rpc"},
	{"https://rpc.example/v1/mainnet", "https://rpc.example/v1/mainnet"},
	{"https://eth-mainnet.example/v2/cAnArY0123456789abcdefAB", "https://eth-mainnet.example/v2/***"},
	{"https://a.example/cAnArYwithoutdigits/x", "https://a.example/***/x"},
	{"https://a.example/k1k2k3k4k5k6", "https://a.example/***"},
	{"https://a.example/abcdefghijkl", "https://a.example/abcdefghijkl"},
	{"https://u:cAnArY@a.example:8443/x", "https://***@a.example:8443/x"},
	{"https://u:cAn@ArY@a.example/x", "https://***@a.example/x"},
	{"https://@a.example", "https://***@a.example"},
	{"https://a.example/x?apikey=cAnArY&b=1#cAnArY", "https://a.example/x?***#***"},
	{"https://a.example?cAnArY", "https://a.example?***"},
	{"https://0123cAnArY4567ab0123.eth.example/", "https://***.eth.example/"},
	{"https://ethereum-mainnet-2.example/", "https://ethereum-mainnet-2.example/"},
	{"a.example/v2/cAnArY0123456789", "a.example/v2/***"},
	{"cAnArY:cAnArY@a.example", "***@a.example"},
	{"https://a.example/cAnArY%2F012345678", "https://a.example/***"},
	{"https://a.example/x\n\x01\xc3\xa9y", "https://a.example/x????y"},
	{"https://a.example/a/b/", "https://a.example/a/b/"},
	{"://cAnArY@", "://***"},
	{"", ""},
	{"/", "/"},
	{"?", "?***"},
	{"#", "#***"},
	{"@", "***@"},
};

static void
check_urls(void)
{
	char		out[512];

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
	{
		redact_url(out, sizeof(out), urls[i].url);
		check(strcmp(out, urls[i].redacted) == 0, urls[i].url, out);
	}
}

#define KEY		"cAnArY0123456789abcdefAB"
#define TEXT_URL \
	"https://user:cAnArYpassw%6Frd@h0st1abcdefghij0.a.example/v2/" KEY \
	"/x?apikey=cAnArYquery&n=1&t=cAnArYte%2Fxt#cAnArYfragment"
#define TEXT_HEADER "Authorization: Bearer cAnArYtoken"

static const struct
{
	const char *text;
	const char *redacted;
}			texts[] = {
	{"Failed to connect to 10.0.0.1 port 80", "Failed to connect to 10.0.0.1 port 80"},
	{"cannot reach " TEXT_URL ".", "cannot reach https://***@***.a.example/v2/***/x?***#***"},
	{"no such key " KEY "!", "no such key ***!"},
	{"no such key CANARY0123456789ABCDEFab", "no such key ***"},
	{"bad password cAnArYpassw%6Frd, cAnArYpassword", "bad password ***, ***"},
	{"query apikey=cAnArYquery&n=1&t=cAnArYte%2Fxt", "query ***"},
	{"value cAnArYquery or cAnArYte/xt", "value *** or ***"},
	{"at cAnArYfragment", "at ***"},
	{"could not resolve host: h0st1abcdefghij0.a.example", "could not resolve host: ***.a.example"},
	{"token cAnArYtoken of Bearer", "token *** of Bearer"},
	{"see https://docs.example/limits (now)", "see https://docs.example/limits (now)"},
	{"see https://other.example/k/9cAnArY87654321?k=cAnArY", "see https://other.example/k/***?***"},
	{"cut off: cAnArY0123", "cut off: ***"},
	{"cut off: apikey=cAn", "cut off: ***"},
	{"two\nlines\t\x7f\xff", "two?lines???"},
	{"", ""},
};

static void
check_texts(void)
{
	char		out[512];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		redact_text(out, sizeof(out), texts[i].text, TEXT_URL, TEXT_HEADER);
		check(strcmp(out, texts[i].redacted) == 0, texts[i].text, out);
	}
	redact_text(out, sizeof(out), "no url " KEY, NULL, NULL);
	check(strcmp(out, "no url " KEY) == 0, "neither url nor header", out);
	redact_text(out, sizeof(out), "x cAnArYvalue", NULL, "X-Key:cAnArYvalue");
	check(strcmp(out, "x ***") == 0, "a header of one word", out);
}

/* Whatever the sizes, the result is terminated and holds no canary. */
static void
check_sizes(void)
{
	char		text[6000];
	char		out[6000];
	char		url[20000];

	for (size_t len = 0; len < 2100; len++)
	{
		memset(text, 'x', len);
		strcpy(text + len, KEY " " TEXT_URL " " KEY);
		for (size_t size = 1; size < 4200; size = size * 2 + 1)
		{
			memset(out, '#', sizeof(out));
			redact_text(out, size, text, TEXT_URL, TEXT_HEADER);
			check(memchr(out, '\0', size) != NULL &&
				  strstr(out, "cAnA") == NULL && out[size] == '#',
				  "sizes", out);
		}
	}
	out[0] = '#';
	redact_text(out, 0, text, TEXT_URL, NULL);
	redact_url(out, 0, TEXT_URL);
	check(out[0] == '#', "size 0", "");

	strcpy(url, "https://a.example/?");
	memset(url + strlen(url), 'k', sizeof(url) - strlen(url));
	url[sizeof(url) - 1] = '\0';
	redact_text(out, sizeof(out), "x kkkkkkkkkkkkkkk", url, NULL);
	check(strchr(out, '(') == out, "a url too long to search for", out);
	strcpy(url, "https://a.example/?");
	for (int i = 0; i < 200; i++)
		strcat(url, "abcd=cAnArY&");
	redact_text(out, sizeof(out), "x cAnArY", url, NULL);
	check(strstr(out, "cAnA") == NULL, "many parameters", out);
}

/* Random urls around a canary that any rule must catch. */
static void
check_random(void)
{
	static const char alphabet[] = "/:@?#&=%.\\ ab1\n[]";
	unsigned	state = 12345;
	char		url[128];
	char		out[512];

	for (int round = 0; round < 200000; round++)
	{
		size_t		len = 0;
		size_t		before = (state >> 8) % 20;

		for (size_t i = 0; i < before + 12; i++)
		{
			state = state * 1103515245u + 12345u;
			url[len++] = alphabet[(state >> 16) % (sizeof(alphabet) - 1)];
			if (i == before)
				len += (size_t) sprintf(url + len, "/" KEY);
		}
		url[len] = '\0';
		redact_url(out, sizeof(out), url);
		check(strstr(out, "cAnA") == NULL, url, out);
		redact_text(out, sizeof(out), url, url, NULL);
		check(strstr(out, "cAnA") == NULL, url, out);
	}
}

int
main(void)
{
	check_urls();
	check_texts();
	check_sizes();
	check_random();
	printf("test_redact: %d checks, %d failures\n", checks, failures);
	return failures == 0 ? 0 : 1;
}
