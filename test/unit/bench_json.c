/*-------------------------------------------------------------------------
 *
 * bench_json.c
 *	  How long a recorded block and its receipts take to read, beside json-c
 *	  building its tree of the same text.
 *
 * Usage: bench_json [file.json.gz ...]; default: two mainnet blocks of the
 * corpus.  Each round copies the text afresh, since reading changes it; the
 * copy is not timed.  Medians, in milliseconds of CPU.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "block_json.h"
#include "rpc_json.h"

#define ROUNDS 301

static double
cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return (left > right) - (left < right);
}

static char *
read_file(const char *path, size_t *len)
{
	gzFile		file = gzopen(path, "rb");
	size_t		size = 64 * 1024 * 1024;
	char	   *text = malloc(size);
	int			got;

	if (file == NULL || text == NULL)
	{
		fprintf(stderr, "bench_json: cannot read %s\n", path);
		exit(1);
	}
	got = gzread(file, text, (unsigned) size);
	gzclose(file);
	if (got < 0)
		exit(1);
	*len = (size_t) got;
	return text;
}

typedef struct Reading
{
	Arena	   *arena;
	EvmBlock	block;
} Reading;

static bool
on_result(void *arg, uint64_t id, JsonScanner *scanner)
{
	Reading    *reading = arg;
	bool		is_null;

	if (id == 1)
		return block_json_read_block(scanner, reading->arena, &reading->block,
									 &is_null);
	return block_json_read_receipts(scanner, reading->arena,
									&reading->block.receipts,
									&reading->block.receipt_count, &is_null);
}

static bool
on_error(void *arg, bool has_id, uint64_t id, const RpcJsonError *error)
{
	(void) arg;
	(void) has_id;
	(void) id;
	(void) error;
	return false;
}

/* An answer with the value of a member of the recorded file. */
static char *
make_answer(json_object *root, const char *member, int id, size_t *len)
{
	json_object *value = json_object_object_get(root, member);
	const char *text = json_object_to_json_string_ext(value,
													  JSON_C_TO_STRING_PLAIN);
	char	   *answer = malloc(strlen(text) + 100);

	*len = (size_t) sprintf(answer, "{\"jsonrpc\":\"2.0\",\"id\":%d,"
							"\"result\":%s}", id, text);
	return answer;
}

static double
time_scanner(char *const *answers, const size_t *lens)
{
	static double times[ROUNDS];
	char	   *copies[2] = {malloc(lens[0]), malloc(lens[1])};
	Arena		arena;
	Reading		reading = {.arena = &arena};
	RpcJsonHandler handler = {&reading, on_result, on_error};

	arena_init(&arena, 0);
	for (int round = 0; round < ROUNDS; round++)
	{
		double		start;

		for (int i = 0; i < 2; i++)
			memcpy(copies[i], answers[i], lens[i]);
		start = cpu_ms();
		arena_reset(&arena);
		for (int i = 0; i < 2; i++)
		{
			JsonScanner scanner;

			json_init(&scanner, copies[i], lens[i]);
			if (!rpc_json_read(&scanner, &handler))
			{
				fprintf(stderr, "bench_json: %s\n", scanner.error.message);
				exit(1);
			}
		}
		times[round] = cpu_ms() - start;
	}
	qsort(times, ROUNDS, sizeof(double), compare_doubles);
	printf("  %u transactions, %u receipts, %zu kB of structs\n",
		   reading.block.transaction_count, reading.block.receipt_count,
		   arena.used / 1000);
	arena_destroy(&arena);
	free(copies[0]);
	free(copies[1]);
	return times[ROUNDS / 2];
}

static double
time_json_c(char *const *answers, const size_t *lens)
{
	static double times[ROUNDS / 10];
	int			rounds = ROUNDS / 10;

	for (int round = 0; round < rounds; round++)
	{
		double		start = cpu_ms();

		for (int i = 0; i < 2; i++)
		{
			json_tokener *tokener = json_tokener_new();
			json_object *root = json_tokener_parse_ex(tokener, answers[i],
													  (int) lens[i]);

			if (root == NULL)
				exit(1);
			json_object_put(root);
			json_tokener_free(tokener);
		}
		times[round] = cpu_ms() - start;
	}
	qsort(times, (size_t) rounds, sizeof(double), compare_doubles);
	return times[rounds / 2];
}

static void
bench_file(const char *path)
{
	size_t		len;
	char	   *text = read_file(path, &len);
	json_tokener *tokener = json_tokener_new();
	json_object *root = json_tokener_parse_ex(tokener, text, (int) len);
	char	   *answers[2];
	size_t		lens[2];
	double		ours;
	double		theirs;

	if (root == NULL)
		exit(1);
	answers[0] = make_answer(root, "block", 1, &lens[0]);
	answers[1] = make_answer(root, "receipts", 2, &lens[1]);
	printf("%s: %zu + %zu kB\n", path, lens[0] / 1000, lens[1] / 1000);
	ours = time_scanner(answers, lens);
	theirs = time_json_c(answers, lens);
	printf("  scanner %.3f ms (%.2f GB/s), json-c %.3f ms: %.1f times\n",
		   ours, (double) (lens[0] + lens[1]) / ours / 1e6, theirs,
		   theirs / ours);
	free(answers[0]);
	free(answers[1]);
	free(text);
	json_object_put(root);
	json_tokener_free(tokener);
}

int
main(int argc, char **argv)
{
	static const char *const defaults[] = {"12505500", "17686113"};
	const char *corpus = getenv("CHAINSYNC_CORPUS");

	if (corpus == NULL)
		corpus = "../shared/corpus";
	for (int i = 1; i < argc; i++)
		bench_file(argv[i]);
	for (int i = 0; argc < 2 && i < 2; i++)
	{
		char		path[1024];

		snprintf(path, sizeof(path), "%s/blocks/mainnet/%s.json.gz", corpus,
				 defaults[i]);
		bench_file(path);
	}
	return 0;
}
