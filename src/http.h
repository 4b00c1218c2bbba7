/*-------------------------------------------------------------------------
 *
 * http.h
 *	  HTTP POSTs, many at a time, on one WaitEventSet with the latch.
 *
 * Knows nothing of JSON.  An exchange goes from http_post() through
 * http_wait(), once, to http_finish() and http_release().  Nothing here is an
 * ERROR for the other side's sake.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_HTTP_H
#define CHAINSYNC_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum HttpResult
{
	HTTP_ANSWERED,				/* a whole answer, of any status */
	HTTP_FAILED,				/* connection, DNS, TLS, timeout */
	HTTP_TOO_LARGE,				/* the body is larger than is allowed */
	HTTP_BAD_ANSWER				/* compressed in a way not asked for */
} HttpResult;

typedef struct HttpClient HttpClient;

typedef struct HttpExchange
{
	void	   *user;

	/* set when it comes out of http_wait() */
	HttpResult	result;
	int			status;			/* 0 when there was none */
	int64_t		retry_after_ms; /* 0: not given */
	int64_t		latency_us;		/* start to last byte */
	char		content_type[48];	/* as it came: hostile; may be empty */
	char	   *body;			/* may be changed; NULL when empty */
	size_t		body_len;
	char		error[256];		/* for HTTP_FAILED; not redacted */
} HttpExchange;

/* Settings that apply to the exchanges posted from then on. */
typedef struct HttpSettings
{
	long		connect_timeout_ms;
	long		request_timeout_ms;
	size_t		max_body;		/* bytes, after decompression */
	bool		compression;
	bool		allow_private;	/* addresses, see address.h */
	bool		quote_errors;	/* in the transport's words, which may have
								 * some of the other side's in them */
} HttpSettings;

/* Needs MyLatch.  The client's memory is its own until http_destroy(). */
extern HttpClient *http_create(void);

/* Closes everything; no exchange may be used after it.  Never throws. */
extern void http_destroy(HttpClient *client);

/*
 * Starts a POST of a JSON body, which is copied.  `header`, when not NULL, is
 * one more header line.  Whatever goes wrong comes out of http_wait().
 */
extern HttpExchange *http_post(HttpClient *client,
							   const HttpSettings *settings, const char *url,
							   const char *header, const char *body,
							   size_t body_len, void *user);

/*
 * The next exchange that ended; NULL once timeout_ms have passed (-1: never),
 * MyLatch was set (it is reset), or nothing is in flight.  Serves interrupts.
 */
extern HttpExchange *http_wait(HttpClient *client, long timeout_ms);

/*
 * To be called next on what http_wait() returned, after a look at the body:
 * with trusted false, the connection that brought it is not used again.  The
 * body stays until http_release().
 */
extern void http_finish(HttpClient *client, HttpExchange *exchange,
						bool trusted);

extern void http_release(HttpClient *client, HttpExchange *exchange);

/* Abandons all exchanges that have not come out of http_wait(). */
extern void http_cancel_all(HttpClient *client);

/* Posted and not yet out of http_wait(). */
extern int	http_inflight(const HttpClient *client);

/* Bytes of bodies received and not released. */
extern size_t http_bytes_held(const HttpClient *client);

#endif							/* CHAINSYNC_HTTP_H */
