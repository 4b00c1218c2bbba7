/*-------------------------------------------------------------------------
 *
 * sim.h
 *	  The simulator's state, and what its parts say to each other.
 *
 * One Sim lives as long as the program.  `chain` is guarded by its own lock,
 * `faults` by its own, counters are atomic, `grow_lock` is held by whoever
 * makes new blocks (it comes before chain.lock), the rest is set before
 * serving begins.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_SIM_H
#define CHAINSIM_SIM_H

#include <json-c/json.h>

#include "chain.h"
#include "fault.h"
#include "gen.h"
#include "reply.h"

typedef enum SimMethod
{
	METHOD_CHAIN_ID,
	METHOD_NET_VERSION,
	METHOD_CLIENT_VERSION,
	METHOD_BLOCK_NUMBER,
	METHOD_SYNCING,
	METHOD_BLOCK_BY_NUMBER,
	METHOD_BLOCK_BY_HASH,
	METHOD_BLOCK_RECEIPTS,
	METHOD_RECEIPT,
	METHOD_UNKNOWN,
	METHOD_COUNT
} SimMethod;

typedef struct SimStats
{
	uint64_t	requests;		/* HTTP */
	uint64_t	batches;
	uint64_t	connections;
	uint64_t	bytes;			/* of bodies, before compression */
	uint64_t	calls[METHOD_COUNT];
} SimStats;

typedef struct Sim
{
	SimChain	chain;
	FaultSet	faults;
	SimStats	stats;
	Generator  *generator;		/* NULL: the chain is a replay */
	pthread_mutex_t grow_lock;
	bool		grow;			/* the head may move past what was generated */
	bool		gzip;			/* compress for clients that accept it */
	bool		pruned_receipts;	/* missing ones are error 4444, not null */
	double		head_rate;		/* blocks a second; under chain.lock */
	bool		shutdown;		/* atomic */
} Sim;

#define sim_count(counter, n) \
	__atomic_add_fetch(&(counter), (n), __ATOMIC_RELAXED)
#define sim_counted(counter) __atomic_load_n(&(counter), __ATOMIC_RELAXED)

/* methods.c */

/* One call's outcome: a result, or an error with a code that is not 0. */
typedef struct CallResult
{
	Reply		result;
	int			code;
	char		message[FAULT_ARG_SIZE + 64];
	FaultKind	envelope;		/* the call's fault, for its id */
} CallResult;

extern SimMethod method_lookup(const char *name);
extern const char *method_name(SimMethod method);

/* Answers one call; takes chain.lock for reading itself. */
extern void method_call(CallResult *out, Sim *sim, const char *name,
						struct json_object *params);

/* dispatch.c */

/* What is to be sent for one HTTP request. */
typedef struct Dispatch
{
	Reply		body;
	Fault		fault;			/* of the HTTP answer; FAULT_NONE: none */
	int64_t		latency_ms;
} Dispatch;

/* Answers the body of a POST. */
extern void dispatch_body(Dispatch *out, Sim *sim, const char *body,
						  size_t len, bool accepts_gzip);

/* control.c */

/*
 * Obeys a control message; the answer is JSON.  Returns the HTTP status.
 */
extern int	control_apply(Reply *answer, Sim *sim, const char *body,
						  size_t len);
extern void control_stats(Reply *answer, Sim *sim);

/*
 * Moves the head; makes blocks where the chain may grow.  On false *reason, a
 * static string, says why not.
 */
extern bool control_move_head(Sim *sim, uint64_t number, const char **reason);

/* server.c */

typedef struct ServerOptions
{
	uint16_t	port;			/* 0: any free one */
	unsigned	threads;
	const char *port_file;		/* NULL: none */
} ServerOptions;

typedef struct Server Server;

/* Listens on 127.0.0.1; ends the program when it cannot. */
extern Server *server_start(Sim *sim, const ServerOptions *options);
extern void server_stop(Server *server);

#endif							/* CHAINSIM_SIM_H */
