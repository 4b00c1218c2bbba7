/*-------------------------------------------------------------------------
 *
 * chainsim.c
 *	  A small JSON-RPC node for tests, benchmarks and the demonstration: the
 *	  command line, the moving head, and the end.
 *
 * The chain is a replay of recorded blocks or a generated one; README.md
 * describes both, the options and the faults.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replay.h"
#include "sim.h"

/* Time between two looks at the head and at requests to stop. */
#define TICK_MS		5

typedef struct Options
{
	ServerOptions server;
	GenParams	params;
	bool		generate;
	bool		shapes_chain;	/* an option only a generated chain has */
	const char *cache;
	unsigned	generate_threads;
	bool		generate_only;
	bool		quiet;
	bool		has_chain_id;
	uint64_t	chain_id;
	bool		has_head;
	uint64_t	head;
	const char *fault_method;
	double		fault_probability;
	char	  **faults;
	int			fault_count;
	char	  **replays;
	int			replay_count;
} Options;

enum
{
	OPT_REPLAY = 256, OPT_GENERATE, OPT_CACHE, OPT_SEED, OPT_PROFILE,
	OPT_TXS, OPT_LOGS, OPT_WITHDRAWALS, OPT_GENERATE_ONLY, OPT_JOBS,
	OPT_CHAIN_ID, OPT_PORT, OPT_PORT_FILE, OPT_THREADS, OPT_HEAD,
	OPT_HEAD_RATE, OPT_SAFE_LAG, OPT_FINALIZED_LAG, OPT_GROW, OPT_FAULT,
	OPT_FAULT_METHOD, OPT_FAULT_P, OPT_MISSING_RECEIPTS, OPT_GZIP, OPT_QUIET,
	OPT_HELP
};

static const struct option long_options[] = {
	{"replay", required_argument, NULL, OPT_REPLAY},
	{"generate", required_argument, NULL, OPT_GENERATE},
	{"cache", required_argument, NULL, OPT_CACHE},
	{"seed", required_argument, NULL, OPT_SEED},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"txs", required_argument, NULL, OPT_TXS},
	{"logs", required_argument, NULL, OPT_LOGS},
	{"withdrawals", required_argument, NULL, OPT_WITHDRAWALS},
	{"generate-only", no_argument, NULL, OPT_GENERATE_ONLY},
	{"jobs", required_argument, NULL, OPT_JOBS},
	{"chain-id", required_argument, NULL, OPT_CHAIN_ID},
	{"port", required_argument, NULL, OPT_PORT},
	{"port-file", required_argument, NULL, OPT_PORT_FILE},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"head", required_argument, NULL, OPT_HEAD},
	{"head-rate", required_argument, NULL, OPT_HEAD_RATE},
	{"safe-lag", required_argument, NULL, OPT_SAFE_LAG},
	{"finalized-lag", required_argument, NULL, OPT_FINALIZED_LAG},
	{"grow", no_argument, NULL, OPT_GROW},
	{"fault", required_argument, NULL, OPT_FAULT},
	{"fault-method", required_argument, NULL, OPT_FAULT_METHOD},
	{"fault-p", required_argument, NULL, OPT_FAULT_P},
	{"missing-receipts", required_argument, NULL, OPT_MISSING_RECEIPTS},
	{"gzip", no_argument, NULL, OPT_GZIP},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

static const char usage_text[] =
"usage: chainsim (--replay PATHâ7¦ | --generate BLOCKS) [OPTION]â7¦\n"
"\n"
"chain:\n"
"  --replay PATH          recorded blocks: a file or a folder; repeatable\n"
"  --generate BLOCKS      a generated chain, its genesis block included\n"
"  --cache DIR            keep the generated chain there\n"
"  --profile NAME         mainnet (default), thin, empty or dense\n"
"  --txs N, --logs N, --withdrawals N   means of a generated block\n"
"  --seed N               another chain, other chances (default 1)\n"
"  --jobs N               threads that sign (default 2)\n"
"  --generate-only        fill the cache and end\n"
"  --chain-id N           default 1337 generated, 1 replayed\n"
"  --missing-receipts M   null (default) or error\n"
"\n"
"head:\n"
"  --head N               begin there instead of at the end\n"
"  --head-rate N          blocks a second by which the head moves\n"
"  --safe-lag N, --finalized-lag N   -1: no such tag (default 32, 64)\n"
"  --grow                 make new blocks when the head passes the end\n"
"\n"
"server:\n"
"  --port N, --port-file PATH, --threads N, --gzip\n"
"\n"
"faults:\n"
"  --fault NAME[:ARG]     repeatable\n"
"  --fault-method M, --fault-p P     for all of them\n";

static volatile sig_atomic_t stop_requested = 0;

static void
on_signal(int signal)
{
	(void) signal;
	stop_requested = 1;
}

static uint64_t
number_option(const char *name, const char *text, uint64_t max)
{
	char	   *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
		value > max)
		sim_fatal("--%s needs a number from 0 to %llu", name,
				  (unsigned long long) max);
	return value;
}

static int64_t
lag_option(const char *name, const char *text)
{
	return strcmp(text, "-1") == 0 ? -1 :
		(int64_t) number_option(name, text, INT64_MAX);
}

static double
real_option(const char *name, const char *text, double max)
{
	char	   *end;
	double		value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= 0) || value > max)
		sim_fatal("--%s needs a number from 0 to %g", name, max);
	return value;
}

static void
profile_option(GenParams *params, const char *name)
{
	static const struct
	{
		const char *name;
		uint64_t	txs;
		uint64_t	logs;
		uint64_t	withdrawals;
	}			profiles[] = {
		{"mainnet", 200, 450, 16},
		{"thin", 4, 6, 2},
		{"empty", 0, 0, 0},
		{"dense", 1000, 2500, 16},
	};

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
	{
		if (strcmp(profiles[i].name, name) == 0)
		{
			params->txs = profiles[i].txs;
			params->logs = profiles[i].logs;
			params->withdrawals = profiles[i].withdrawals;
			return;
		}
	}
	sim_fatal("--profile needs mainnet, thin, empty or dense");
}

/* Options of the generated chain; false when it is another one. */
static bool
chain_option(Options *options, int option, const char *name)
{
	GenParams  *params = &options->params;

	if (option >= OPT_CACHE && option <= OPT_JOBS && option != OPT_SEED)
		options->shapes_chain = true;
	switch (option)
	{
		case OPT_GENERATE:
			params->blocks = number_option(name, optarg, 10000000);
			if (params->blocks == 0)
				sim_fatal("--generate needs at least 1 block");
			options->generate = true;
			return true;
		case OPT_CACHE:
			options->cache = optarg;
			return true;
		case OPT_SEED:
			params->seed = number_option(name, optarg, UINT64_MAX);
			return true;
		case OPT_PROFILE:
			profile_option(params, optarg);
			return true;
		case OPT_TXS:
			params->txs = number_option(name, optarg, GEN_MAX_TXS);
			return true;
		case OPT_LOGS:
			params->logs = number_option(name, optarg, GEN_MAX_LOGS);
			return true;
		case OPT_WITHDRAWALS:
			params->withdrawals = number_option(name, optarg, 1000);
			return true;
		case OPT_GENERATE_ONLY:
			options->generate_only = true;
			return true;
		case OPT_JOBS:
			options->generate_threads =
				(unsigned) number_option(name, optarg, 64);
			return true;
		case OPT_REPLAY:
			options->replays[options->replay_count++] = optarg;
			return true;
		case OPT_CHAIN_ID:
			options->chain_id = number_option(name, optarg, INT64_MAX / 4);
			options->has_chain_id = true;
			return true;
		default:
			return false;
	}
}

static void
serve_option(Options *options, Sim *sim, int option, const char *name)
{
	switch (option)
	{
		case OPT_PORT:
			options->server.port = (uint16_t) number_option(name, optarg,
															65535);
			break;
		case OPT_PORT_FILE:
			options->server.port_file = optarg;
			break;
		case OPT_THREADS:
			options->server.threads = (unsigned) number_option(name, optarg,
															   64);
			break;
		case OPT_HEAD:
			options->head = number_option(name, optarg, INT64_MAX);
			options->has_head = true;
			break;
		case OPT_HEAD_RATE:
			sim->head_rate = real_option(name, optarg, 1e6);
			break;
		case OPT_SAFE_LAG:
			sim->chain.safe_lag = lag_option(name, optarg);
			break;
		case OPT_FINALIZED_LAG:
			sim->chain.finalized_lag = lag_option(name, optarg);
			break;
		case OPT_GROW:
			sim->grow = true;
			break;
		case OPT_FAULT:
			options->faults[options->fault_count++] = optarg;
			break;
		case OPT_FAULT_METHOD:
			options->fault_method = optarg;
			break;
		case OPT_FAULT_P:
			options->fault_probability = real_option(name, optarg, 1.0);
			break;
		case OPT_MISSING_RECEIPTS:
			if (strcmp(optarg, "null") != 0 && strcmp(optarg, "error") != 0)
				sim_fatal("--missing-receipts needs null or error");
			sim->pruned_receipts = strcmp(optarg, "error") == 0;
			break;
		case OPT_GZIP:
			sim->gzip = true;
			break;
		case OPT_QUIET:
			options->quiet = true;
			break;
		case OPT_HELP:
			fputs(usage_text, stdout);
			exit(0);
		default:
			fputs(usage_text, stderr);
			exit(2);
	}
}

static void
read_options(Options *options, Sim *sim, int argc, char **argv)
{
	int			option;
	int			index = 0;

	options->replays = sim_alloc((size_t) argc * sizeof(char *));
	options->faults = sim_alloc((size_t) argc * sizeof(char *));
	options->generate_threads = 2;
	options->fault_probability = 1.0;
	options->params.seed = 1;
	profile_option(&options->params, "mainnet");
	while ((option = getopt_long(argc, argv, "", long_options, &index)) != -1)
	{
		const char *name = option == '?' ? "" : long_options[index].name;

		if (!chain_option(options, option, name))
			serve_option(options, sim, option, name);
	}
	while (optind < argc && options->replay_count > 0)
		options->replays[options->replay_count++] = argv[optind++];
	if (optind < argc || options->generate == (options->replay_count > 0))
	{
		fputs(usage_text, stderr);
		exit(2);
	}
	if (!options->generate && (options->shapes_chain || sim->grow))
		sim_fatal("a replayed chain has no cache, profile, txs, logs, withdrawals, jobs or growth");
	if (options->generate && sim->pruned_receipts)
		sim_fatal("a generated chain lacks no receipts");
	if (options->generate_threads < 1)
		sim_fatal("--jobs needs at least 1");
}

static void
add_faults(Sim *sim, const Options *options)
{
	fault_set_init(&sim->faults, options->params.seed);
	for (int i = 0; i < options->fault_count; i++)
	{
		Fault		fault;
		const char *reason;

		if (!fault_parse(&fault, options->faults[i], &reason))
			sim_fatal("--fault \"%s\": %s", options->faults[i], reason);
		if (options->fault_method != NULL)
			snprintf(fault.method, sizeof(fault.method), "%s",
					 options->fault_method);
		fault.probability = options->fault_probability;
		if (!fault_add(&sim->faults, &fault))
			sim_fatal("there are more than %d faults", FAULT_MAX);
	}
}

static void
load_chain(Sim *sim, Options *options)
{
	if (options->generate)
	{
		sim->chain.chain_id = options->has_chain_id ? options->chain_id : 1337;
		options->params.chain_id = sim->chain.chain_id;
		sim->generator = gen_create(&options->params);
		gen_load(&sim->chain, sim->generator, options->cache,
				 options->generate_threads, options->quiet);
		return;
	}
	sim->chain.chain_id = options->has_chain_id ? options->chain_id : 1;
	for (int i = 0; i < options->replay_count; i++)
		replay_load(&sim->chain, options->replays[i]);
	replay_finish(&sim->chain);
}

/* Moves the head by what head_rate has earned since the last call. */
static void
advance_head(Sim *sim, double seconds, double *earned)
{
	uint64_t	head;
	uint64_t	next;
	uint64_t	steps;
	double		rate;
	const char *reason;

	pthread_rwlock_rdlock(&sim->chain.lock);
	rate = sim->head_rate;
	head = sim->chain.head;
	pthread_rwlock_unlock(&sim->chain.lock);
	*earned += rate * seconds;
	if (rate <= 0 || *earned < 1)
		return;
	steps = (uint64_t) floor(*earned);
	*earned -= (double) steps;
	for (; steps > 0; steps--)
	{
		bool		found;

		pthread_rwlock_rdlock(&sim->chain.lock);
		found = chain_next(&sim->chain, head, &next);
		pthread_rwlock_unlock(&sim->chain.lock);
		if (!found)
			next = head + 1;
		if (!control_move_head(sim, next, &reason))
			break;				/* the end of the chain */
		head = next;
	}
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
run(Sim *sim)
{
	double		last = seconds_now();
	double		earned = 0;

	while (!stop_requested &&
		   !__atomic_load_n(&sim->shutdown, __ATOMIC_ACQUIRE))
	{
		struct timespec tick = {0, TICK_MS * 1000000};
		double		now;

		nanosleep(&tick, NULL);
		now = seconds_now();
		advance_head(sim, now - last, &earned);
		last = now;
	}
}

int
main(int argc, char **argv)
{
	static Sim	sim;
	Options		options = {0};
	struct sigaction action = {.sa_handler = on_signal};
	Server	   *server;
	const char *reason;

	chain_init(&sim.chain);
	sim.chain.safe_lag = 32;
	sim.chain.finalized_lag = 64;
	if (pthread_mutex_init(&sim.grow_lock, NULL) != 0)
		sim_fatal("could not make a lock");
	read_options(&options, &sim, argc, argv);
	add_faults(&sim, &options);
	load_chain(&sim, &options);
	if (options.generate_only)
		return 0;
	if (options.has_head && !control_move_head(&sim, options.head, &reason))
		sim_fatal("--head: %s", reason);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	server = server_start(&sim, &options.server);
	run(&sim);
	server_stop(server);
	return 0;
}
