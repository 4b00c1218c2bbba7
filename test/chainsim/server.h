/*-------------------------------------------------------------------------
 *
 * server.h
 *	  What server.c and respond.c share.
 *
 * An HttpRequest belongs to the libmicrohttpd thread that serves its
 * connection; the list of sleepers is guarded by Server.lock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_SERVER_H
#define CHAINSIM_SERVER_H

#include <microhttpd.h>

#include "sim.h"

/* A suspended connection. */
typedef struct Sleeper
{
	struct MHD_Connection *connection;
	int			socket;
	int64_t		due;			/* ms of the monotonic clock */
} Sleeper;

struct Server
{
	Sim		   *sim;
	struct MHD_Daemon *daemon;
	pthread_t	timer;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	Sleeper    *sleepers;
	int			sleeper_count;
	bool		stopping;
};

typedef struct HttpRequest
{
	Buf			body;
	bool		too_large;
	bool		accepts_gzip;
	bool		dispatched;		/* the rest is filled */
	Dispatch	dispatch;
	Buf			surplus;		/* to be sent behind the answer's end */
} HttpRequest;

/*
 * Suspends a connection for that many milliseconds, or, when ms < 0, until
 * its client goes or the server stops.
 */
extern void server_sleep(Server *server, struct MHD_Connection *connection,
						 int64_t ms);

/* The connection's socket. */
extern int	server_socket(struct MHD_Connection *connection);

/* Sends the answer that was dispatched, or what a fault makes of it. */
extern enum MHD_Result respond(Server *server,
							   struct MHD_Connection *connection,
							   HttpRequest *request);

#endif							/* CHAINSIM_SERVER_H */
