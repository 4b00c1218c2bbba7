/*-------------------------------------------------------------------------
 *
 * http.c
 *	  HTTP POSTs, many at a time, on one WaitEventSet with the latch.
 *
 * libcurl's multi interface in its event-driven form: it tells us by callback
 * which sockets to watch and when to call it again, and we sleep on them
 * together with MyLatch and the postmaster's death in one WaitEventSet, which
 * is built anew when a socket comes or goes (a set cannot forget one).
 *
 * Rules:
 * - No callback of libcurl calls into PostgreSQL: an error thrown through
 *   libcurl leaves its multi handle unusable, and with it all its sockets.
 *   Callbacks only note what happened, in memory from malloc().  Interrupts
 *   are served between calls of libcurl.
 * - libcurl resolves names in threads.  All signals are blocked while it runs,
 *   so that these threads inherit a mask that keeps PostgreSQL's signal
 *   handlers out of them.
 * - A Transfer is on exactly one list of its client, and goes from one to the
 *   next: active, ended, out, idle, and active again.
 * - libcurl's sockets are made known to fd.c, as many as there can be.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "compat.h"
#include "http_transfer.h"

#define IDLE_CONNECTIONS 2		/* kept beside those in use */

typedef struct Socket
{
	curl_socket_t fd;
	uint32		events;
	int			pos;			/* in the wait set, -1: not there */
	bool		changed;		/* events differ from the wait set's */
} Socket;

struct HttpClient
{
	MemoryContext context;
	CURLM	   *multi;
	CURLMcode	failure;		/* of libcurl itself */
	sigset_t	blocked;		/* while libcurl runs */
	int64		timer_us;		/* when libcurl wants to be called, or -1 */

	WaitEventSet *wait_set;
	bool		wait_set_stale;
	bool		latch_was_set;	/* and the caller was not told yet */
	Socket	   *sockets;
	int			socket_count;
	int			socket_room;
	int			reserved_fds;

	dlist_head	active;			/* in flight */
	dlist_head	ended;			/* not yet out of http_wait() */
	dlist_head	out;			/* out of http_wait(), not released */
	dlist_head	idle;			/* for use again */
	int			active_count;
	int			ended_count;

	BodyPool	bodies;
};

static int64
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- callbacks of libcurl: no PostgreSQL in here ---- */

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	HttpClient *client = arg;

	(void) multi;
	client->timer_us = timeout_ms < 0 ? -1 :
		now_us() + (int64) timeout_ms * 1000;
	return 0;
}

static void
forget_socket(HttpClient *client, int index)
{
	if (client->sockets[index].pos >= 0)
		client->wait_set_stale = true;
	client->sockets[index] = client->sockets[--client->socket_count];
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	HttpClient *client = arg;
	uint32		events = 0;
	int			i;

	(void) easy;
	(void) socket_arg;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= WL_SOCKET_READABLE;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= WL_SOCKET_WRITEABLE;

	for (i = 0; i < client->socket_count; i++)
	{
		if (client->sockets[i].fd == fd)
			break;
	}
	if (events == 0)			/* CURL_POLL_REMOVE, CURL_POLL_NONE */
	{
		if (i < client->socket_count)
			forget_socket(client, i);
		return 0;
	}
	if (i == client->socket_count)
	{
		if (i == client->socket_room)
		{
			int			room = Max(16, client->socket_room * 2);
			Socket	   *grown = realloc(client->sockets, room * sizeof(Socket));

			if (grown == NULL)
				return -1;		/* libcurl gives up: CURLM_ABORTED_BY_CALLBACK */
			client->sockets = grown;
			client->socket_room = room;
		}
		client->sockets[i].fd = fd;
		client->sockets[i].pos = -1;
		client->socket_count++;
		client->wait_set_stale = true;
	}
	client->sockets[i].events = events;
	client->sockets[i].changed = true;
	return 0;
}

/* ---- the client ---- */

static bool
reserve_fd(HttpClient *client)
{
	if (!AcquireExternalFD())
		return false;
	client->reserved_fds++;
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
					  (long) client->reserved_fds);
	return true;
}

HttpClient *
http_create(void)
{
	static bool initialized = false;
	static const int synchronous[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
	SIGABRT, SIGSYS};
	MemoryContext context;
	HttpClient *client;

	if (!initialized && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		elog(ERROR, "could not initialize libcurl");
	initialized = true;

	context = AllocSetContextCreate(TopMemoryContext, "chainsync http",
									ALLOCSET_DEFAULT_SIZES);
	client = MemoryContextAllocZero(context, sizeof(HttpClient));
	client->context = context;
	client->timer_us = -1;
	client->wait_set_stale = true;
	dlist_init(&client->active);
	dlist_init(&client->ended);
	dlist_init(&client->out);
	dlist_init(&client->idle);
	sigfillset(&client->blocked);
	for (int i = 0; i < (int) lengthof(synchronous); i++)
		sigdelset(&client->blocked, synchronous[i]);

	client->multi = curl_multi_init();
	if (client->multi == NULL)
	{
		MemoryContextDelete(context);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not create a libcurl handle")));
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	for (int i = 0; i < IDLE_CONNECTIONS; i++)
		(void) reserve_fd(client);
	return client;
}

/* Lets libcurl work on a socket, or with CURL_SOCKET_TIMEOUT on its timers. */
static void
drive(HttpClient *client, curl_socket_t fd, int what)
{
	sigset_t	saved;
	int			running;
	CURLMcode	code;

	pthread_sigmask(SIG_SETMASK, &client->blocked, &saved);
	code = curl_multi_socket_action(client->multi, fd, what, &running);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (code != CURLM_OK)
		client->failure = code;
}

static void
drive_timers(HttpClient *client)
{
	if (client->timer_us >= 0 && now_us() >= client->timer_us)
	{
		client->timer_us = -1;
		drive(client, CURL_SOCKET_TIMEOUT, 0);
	}
}

/* ---- exchanges ---- */

static Transfer *
get_transfer(HttpClient *client)
{
	Transfer   *transfer;

	if (!dlist_is_empty(&client->idle))
		return dlist_container(Transfer, node,
							   dlist_pop_head_node(&client->idle));
	transfer = MemoryContextAllocZero(client->context, sizeof(Transfer));
	transfer->pool = &client->bodies;
	return transfer;
}

/* Hands the transfer to libcurl; false with the exchange failed. */
static bool
enter_multi(HttpClient *client, Transfer *transfer)
{
	if (client->active_count + IDLE_CONNECTIONS >= client->reserved_fds &&
		!reserve_fd(client))
		transfer_fail(transfer, "too many open files");
	else if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
		transfer_fail(transfer, "out of memory");
	else
		transfer->in_multi = true;
	return transfer->in_multi;
}

static void
leave_multi(HttpClient *client, Transfer *transfer)
{
	if (transfer->in_multi)
		curl_multi_remove_handle(client->multi, transfer->easy);
	transfer->in_multi = false;
}

HttpExchange *
http_post(HttpClient *client, const HttpSettings *settings, const char *url,
		  const char *header, const char *body, size_t body_len, void *user)
{
	Transfer   *transfer = get_transfer(client);

	if (transfer_prepare(transfer, settings, url, header, body, body_len,
						 user) &&
		enter_multi(client, transfer))
	{
		dlist_push_tail(&client->active, &transfer->node);
		client->active_count++;
		drive_timers(client);	/* send it off now */
	}
	else
	{
		dlist_push_tail(&client->ended, &transfer->node);
		client->ended_count++;
	}
	return &transfer->exchange;
}

/* Moves what libcurl has finished to the list `ended`. */
static void
collect(HttpClient *client)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		Transfer   *transfer = NULL;
		CURLcode	code;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
						  (char **) &transfer);
		code = message->data.result;	/* the message goes with the handle */
		if (transfer_retry(transfer, code))
		{
			leave_multi(client, transfer);
			if (enter_multi(client, transfer))
				continue;
		}
		else
			transfer_note_result(transfer, code);
		dlist_delete(&transfer->node);
		client->active_count--;
		dlist_push_tail(&client->ended, &transfer->node);
		client->ended_count++;
	}
}

/* ---- waiting ---- */

static void
update_wait_set(HttpClient *client)
{
	if (client->wait_set_stale)
	{
		if (client->wait_set != NULL)
			FreeWaitEventSet(client->wait_set);
		client->wait_set = NULL;
		for (int i = 0; i < client->socket_count; i++)
			client->sockets[i].pos = -1;
		client->wait_set =
			compat_create_wait_event_set(client->socket_count + 2);
		AddWaitEventToSet(client->wait_set, WL_LATCH_SET, PGINVALID_SOCKET,
						  MyLatch, NULL);
		AddWaitEventToSet(client->wait_set, WL_EXIT_ON_PM_DEATH,
						  PGINVALID_SOCKET, NULL, NULL);
	}
	for (int i = 0; i < client->socket_count; i++)
	{
		Socket	   *socket = &client->sockets[i];

		if (socket->pos < 0)
			socket->pos = AddWaitEventToSet(client->wait_set, socket->events,
											socket->fd, NULL, NULL);
		else if (socket->changed)
			ModifyWaitEvent(client->wait_set, socket->pos, socket->events, NULL);
		socket->changed = false;
	}
	client->wait_set_stale = false;
}

/* Sleeps until something happens and lets libcurl work on it. */
static void
wait_once(HttpClient *client, long timeout_ms)
{
	static uint32 wait_event = 0;
	WaitEvent	events[16];
	int			count;

	if (wait_event == 0)
		wait_event = compat_wait_event("ChainsyncRpc");
	update_wait_set(client);
	count = WaitEventSetWait(client->wait_set, timeout_ms, events,
							 lengthof(events), wait_event);
	for (int i = 0; i < count; i++)
	{
		int			what = 0;

		if (events[i].events & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			client->latch_was_set = true;
			continue;
		}
		if (events[i].events & WL_SOCKET_READABLE)
			what |= CURL_CSELECT_IN;
		if (events[i].events & WL_SOCKET_WRITEABLE)
			what |= CURL_CSELECT_OUT;
		drive(client, events[i].fd, what);
	}
}

static void
check_failure(HttpClient *client)
{
	if (client->failure == CURLM_OUT_OF_MEMORY ||
		client->failure == CURLM_ABORTED_BY_CALLBACK)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory while talking to endpoints")));
	if (client->failure != CURLM_OK)
		elog(ERROR, "libcurl failed: %s", curl_multi_strerror(client->failure));
}

/* Milliseconds until the earlier of two moments (-1: never), rounded up. */
static long
time_left(int64 deadline_us, int64 timer_us)
{
	int64		left;

	if (timer_us >= 0 && (deadline_us < 0 || timer_us < deadline_us))
		deadline_us = timer_us;
	if (deadline_us < 0)
		return -1;
	left = (deadline_us - now_us() + 999) / 1000;
	return (long) Max(0, Min(left, INT_MAX));
}

HttpExchange *
http_wait(HttpClient *client, long timeout_ms)
{
	int64		deadline_us = timeout_ms < 0 ? -1 :
	now_us() + (int64) timeout_ms * 1000;
	Transfer   *transfer;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		drive_timers(client);
		collect(client);
		check_failure(client);
		if (client->active_count + client->ended_count == 0)
			return NULL;

		/* even with an answer at hand, keep the others flowing */
		wait_once(client, client->ended_count > 0 || client->latch_was_set ? 0 :
				  time_left(deadline_us, client->timer_us));
		collect(client);
		check_failure(client);
		if (client->ended_count > 0)
			break;
		if (client->latch_was_set ||
			(deadline_us >= 0 && now_us() >= deadline_us))
		{
			client->latch_was_set = false;
			CHECK_FOR_INTERRUPTS();
			return NULL;
		}
	}

	transfer = dlist_container(Transfer, node,
							   dlist_pop_head_node(&client->ended));
	client->ended_count--;
	dlist_push_tail(&client->out, &transfer->node);
	return &transfer->exchange;
}

/* ---- the end ---- */

/*
 * libcurl has no call to drop one idle connection; it drops those that it
 * finds closed when it wants to use them again.
 */
void
http_finish(HttpClient *client, HttpExchange *exchange, bool trusted)
{
	Transfer   *transfer = (Transfer *) exchange;
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (!trusted && transfer->in_multi &&
		curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET,
						  &fd) == CURLE_OK && fd != CURL_SOCKET_BAD)
		(void) shutdown(fd, SHUT_RDWR);
	leave_multi(client, transfer);
	transfer_end_request(transfer);
}

void
http_release(HttpClient *client, HttpExchange *exchange)
{
	Transfer   *transfer = (Transfer *) exchange;

	leave_multi(client, transfer);
	transfer_end_request(transfer);
	transfer_drop_body(transfer);
	dlist_delete(&transfer->node);
	dlist_push_head(&client->idle, &transfer->node);
}

static void
release_list(HttpClient *client, dlist_head *list)
{
	while (!dlist_is_empty(list))
		http_release(client, &dlist_container(Transfer, node,
											  dlist_head_node(list))->exchange);
}

void
http_cancel_all(HttpClient *client)
{
	release_list(client, &client->active);
	release_list(client, &client->ended);
	client->active_count = 0;
	client->ended_count = 0;
}

void
http_destroy(HttpClient *client)
{
	dlist_iter	iter;

	http_cancel_all(client);
	release_list(client, &client->out);
	dlist_foreach(iter, &client->idle)
		transfer_free(dlist_container(Transfer, node, iter.cur));
	curl_multi_cleanup(client->multi);
	if (client->wait_set != NULL)
		FreeWaitEventSet(client->wait_set);
	body_pool_free(&client->bodies);
	free(client->sockets);
	while (client->reserved_fds-- > 0)
		ReleaseExternalFD();
	MemoryContextDelete(client->context);
}

int
http_inflight(const HttpClient *client)
{
	return client->active_count + client->ended_count;
}

size_t
http_bytes_held(const HttpClient *client)
{
	return client->bodies.bytes_held;
}
