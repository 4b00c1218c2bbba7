/*-------------------------------------------------------------------------
 *
 * http_transfer.h
 *	  One HTTP exchange and its libcurl handle.  Internal to http.c and
 *	  http_transfer.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_HTTP_TRANSFER_H
#define CHAINSYNC_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "lib/ilist.h"

#include "address.h"
#include "http.h"

#define BODY_SPARES		8		/* answer buffers kept for later, at most */

typedef struct BodySpare
{
	char	   *data;
	size_t		size;
} BodySpare;

/* The answer buffers of a client: those in use are counted, not listed. */
typedef struct BodyPool
{
	size_t		bytes_held;		/* received and not dropped */
	BodySpare	spares[BODY_SPARES];
	int			spare_count;
	size_t		spare_bytes;
} BodyPool;

/* What it needs is used again by later exchanges. */
typedef struct Transfer
{
	HttpExchange exchange;		/* first: what the caller sees */
	dlist_node	node;			/* http.c's */
	bool		in_multi;		/* http.c's */

	BodyPool   *pool;
	CURL	   *easy;
	struct curl_slist *headers;
	char	   *request;
	size_t		request_size;
	size_t		body_size;		/* room at exchange.body */

	/* settings of this exchange */
	size_t		max_body;
	bool		compression;
	bool		allow_private;
	bool		quote_errors;
	long		low_speed_seconds;
	bool		retried;

	/* noted by callbacks */
	size_t		header_bytes;
	bool		encoded;
	bool		encoding_refused;
	bool		too_large;
	bool		no_memory;
	AddressKind refused;		/* ADDRESS_PUBLIC: no address was */
	char		error[CURL_ERROR_SIZE];
} Transfer;

/*
 * Makes the transfer's handle ready to be added to a multi handle; false when
 * that cannot be, with the exchange failed and the reason in it.
 */
extern bool transfer_prepare(Transfer *transfer, const HttpSettings *settings,
							 const char *url, const char *header,
							 const char *body, size_t body_len, void *user);

/* The exchange failed for that reason. */
extern void transfer_fail(Transfer *transfer, const char *reason);

/*
 * True, once, when what ended with `code` shall be done again on a new
 * connection: an old one was used that the server was just closing.
 */
extern bool transfer_retry(Transfer *transfer, CURLcode code);

/* Fills in what came of the exchange. */
extern void transfer_note_result(Transfer *transfer, CURLcode code);

/* The request has ended: free what only its sending needed. */
extern void transfer_end_request(Transfer *transfer);

/* The answer is not needed any more. */
extern void transfer_drop_body(Transfer *transfer);

/* Frees what the transfer owns, not itself. */
extern void transfer_free(Transfer *transfer);

extern void body_pool_free(BodyPool *pool);

#endif							/* CHAINSYNC_HTTP_TRANSFER_H */
