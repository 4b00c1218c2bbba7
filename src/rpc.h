/*-------------------------------------------------------------------------
 *
 * rpc.h
 *	  JSON-RPC calls over HTTP: many in flight, none of them an ERROR.
 *
 * A worker has one RpcClient.  It submits requests (each one HTTP POST of one
 * call, or a batch of several), waits for the next finished one, looks at the
 * outcome of each call, and releases it.  Results are read by the call's
 * read_result callback, in place, out of the answer's buffer, which lives
 * until rpc_release().
 *
 * A node's trouble is an outcome, never an ereport.  rpc_wait() sleeps on the
 * worker's latch and the sockets in one WaitEventSet, and serves interrupts;
 * it holds no transaction and must be called in none.
 *
 * All foreign resources (curl handles, buffers) belong to the client and are
 * freed by rpc_destroy(), also registered with before_shmem_exit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_RPC_H
#define CHAINSYNC_RPC_H

#include "json.h"

typedef enum RpcOutcome
{
	RPC_PENDING = 0,
	RPC_OK,						/* result read */
	RPC_NULL,					/* result is null: the node has no such thing */
	RPC_THROTTLED,				/* 429, or an error that means it */
	RPC_METHOD_MISSING,			/* -32601 and its many spellings */
	RPC_PRUNED,					/* the node no longer has that history */
	RPC_NOT_FOUND,				/* the node does not know that block (yet) */
	RPC_TOO_LARGE,				/* range, batch, request or answer too large */
	RPC_UNAUTHORIZED,			/* 401, 402, 403: key or plan */
	RPC_SERVER,					/* 5xx, or any other JSON-RPC error */
	RPC_TRANSPORT,				/* connection, DNS, TLS, timeout */
	RPC_INVALID,				/* not the answer to this call */
	RPC_OUT_OF_RANGE,			/* a value that does not fit its type */
	RPC_UNREAD					/* fine perhaps, but an answer of the batch
								 * before it could not be read: ask again */
} RpcOutcome;

/* One JSON-RPC call. */
typedef struct RpcCall
{
	/* set by the caller */
	const char *method;			/* static */
	char		params[160];	/* the JSON array */
	/* reads the result at the scanner; sets *is_null for null */
	bool		(*read_result) (void *arg, JsonScanner *scanner, bool *is_null);
	void	   *arg;

	/* set when the request is finished */
	RpcOutcome	outcome;
	int64_t		error_code;		/* JSON-RPC error code or HTTP status, or 0 */
	char		message[256];	/* what went wrong, redacted, one line */
} RpcCall;

/* Where to send a request. */
typedef struct RpcTarget
{
	int			endpoint_id;	/* chainsync.endpoints.id */
	const char *url;			/* never printed; see redact.h */
	const char *header;			/* one extra HTTP header line, or NULL */
	const char *secret;			/* what stands in them for {secret}, or NULL */
	bool		restricted;		/* not a superuser's: errors quote nothing the
								 * other side wrote, and private addresses
								 * need chainsync.allow_private_endpoints */
} RpcTarget;

typedef struct RpcRequest
{
	RpcCall    *calls;			/* the caller's array; must outlive the
								 * request */
	int			call_count;
	int			endpoint_id;
	void	   *user;			/* the caller's */

	/* set when the request is finished */
	RpcOutcome	outcome;		/* RPC_OK when the body was an answer at all,
								 * else what every call got */
	int			http_status;	/* 0 when there was none */
	int64_t		retry_after_ms; /* from Retry-After; 0: not given */
	int64_t		latency_us;		/* submit to last byte */
	size_t		body_bytes;		/* of the answer, decompressed */
	char		message[256];	/* why outcome is not RPC_OK, redacted */

	struct RpcTransfer *transfer;	/* http.c's and rpc.c's own */
} RpcRequest;

typedef struct RpcClient RpcClient;

extern RpcClient *rpc_create(void);
extern void rpc_destroy(RpcClient *client);

/* Ask for compressed answers or not, instead of chainsync.compression. */
extern void rpc_set_compression(RpcClient *client, bool compression);

/*
 * Sends the calls; never blocks, never throws for a node's sake.  A request
 * that could not even be started comes out of rpc_wait() as RPC_TRANSPORT.
 */
extern RpcRequest *rpc_submit(RpcClient *client, const RpcTarget *target,
							  RpcCall *calls, int call_count, void *user);

/*
 * Returns the next finished request, or NULL once timeout_ms have passed (-1:
 * no timeout) or MyLatch was set (it is reset here) or nothing is in flight.
 */
extern RpcRequest *rpc_wait(RpcClient *client, long timeout_ms);

/* Frees a finished request and its buffers; its calls' arrays are the caller's */
extern void rpc_release(RpcClient *client, RpcRequest *request);

/*
 * Abandons everything that has not come out of rpc_wait(): those requests are
 * gone.
 */
extern void rpc_cancel_all(RpcClient *client);

/* Requests in flight, and bytes held: received and not released. */
extern int	rpc_inflight(const RpcClient *client);
extern size_t rpc_bytes_held(const RpcClient *client);

/* Static English word for an outcome, for messages and stat_endpoint. */
extern const char *rpc_outcome_name(RpcOutcome outcome);

/*
 * Classifies what a provider said.  http_status 0 or 200 with a JSON-RPC
 * error; message and data may be empty strings, never NULL.
 */
extern RpcOutcome rpc_classify_error(int http_status, int64_t code,
									 const char *message, const char *data);

#endif							/* CHAINSYNC_RPC_H */
