/*-------------------------------------------------------------------------
 *
 * server.c
 *	  The HTTP side: libmicrohttpd on 127.0.0.1, and which request goes where.
 *
 * POST of JSON anywhere is JSON-RPC, POST /control changes the simulator,
 * GET /stats counts.  A request may be put to sleep (latency, a hang, a slow
 * body): its connection is suspended and a timer thread resumes it.  The
 * timer thread also notices when a sleeping connection's client has gone.
 *
 * The answers themselves are made in respond.c.
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#define MAX_REQUEST_BYTES	(5 * 1024 * 1024)
#define MAX_CONNECTIONS		1000
#define IDLE_SECONDS		600

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
server_socket(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;

	info = MHD_get_connection_info(connection,
								   MHD_CONNECTION_INFO_CONNECTION_FD);
	return info != NULL ? (int) info->connect_fd : -1;
}

void
server_sleep(Server *server, struct MHD_Connection *connection, int64_t ms)
{
	MHD_suspend_connection(connection);
	pthread_mutex_lock(&server->lock);
	if (server->sleeper_count < MAX_CONNECTIONS && !server->stopping)
	{
		Sleeper    *sleeper = &server->sleepers[server->sleeper_count++];

		sleeper->connection = connection;
		sleeper->socket = server_socket(connection);
		sleeper->due = ms < 0 ? INT64_MAX : now_ms() + ms;
		pthread_cond_signal(&server->wake);
		connection = NULL;
	}
	pthread_mutex_unlock(&server->lock);
	if (connection != NULL)
		MHD_resume_connection(connection);
}

static bool
peer_has_gone(int socket)
{
	char		byte;
	ssize_t		got = recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* Resumes who is due; returns when to look again. */
static int64_t
wake_sleepers(Server *server, int64_t now)
{
	int64_t		next = now + 1000;

	for (int i = 0; i < server->sleeper_count;)
	{
		Sleeper    *sleeper = &server->sleepers[i];

		if (!server->stopping && sleeper->due > now &&
			!peer_has_gone(sleeper->socket))
		{
			if (sleeper->due < next)
				next = sleeper->due;
			i++;
			continue;
		}
		MHD_resume_connection(sleeper->connection);
		*sleeper = server->sleepers[--server->sleeper_count];
	}
	return next;
}

static void *
timer_main(void *arg)
{
	Server	   *server = arg;

	pthread_mutex_lock(&server->lock);
	while (!server->stopping)
	{
		int64_t		next = wake_sleepers(server, now_ms());
		struct timespec until;

		until.tv_sec = next / 1000;
		until.tv_nsec = next % 1000 * 1000000;
		if (server->sleeper_count > 0)
			pthread_cond_timedwait(&server->wake, &server->lock, &until);
		else
			pthread_cond_wait(&server->wake, &server->lock);
	}
	wake_sleepers(server, now_ms());
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static bool
header_contains(struct MHD_Connection *connection, const char *name,
				const char *word)
{
	const char *value = MHD_lookup_connection_value(connection,
													MHD_HEADER_KIND, name);

	return value != NULL && strcasestr(value, word) != NULL;
}

static enum MHD_Result
answer_json(struct MHD_Connection *connection, int status, Reply *answer)
{
	enum MHD_Result result;
	struct MHD_Response *response;

	response = MHD_create_response_from_buffer(answer->total,
											   reply_flatten(answer),
											   MHD_RESPMEM_MUST_FREE);
	reply_free(answer);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json");
	result = MHD_queue_response(connection, (unsigned) status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
answer_text(struct MHD_Connection *connection, int status, const char *text)
{
	enum MHD_Result result;
	struct MHD_Response *response;

	response = MHD_create_response_from_buffer(strlen(text),
											   (void *) (uintptr_t) text,
											   MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/plain");
	result = MHD_queue_response(connection, (unsigned) status, response);
	MHD_destroy_response(response);
	return result;
}

/* A request that is complete, seen for the first time. */
static enum MHD_Result
first_look(Server *server, struct MHD_Connection *connection,
		   HttpRequest *request, const char *url, const char *method)
{
	Reply		answer = {0};
	int			status;
	int64_t		sleep_ms;

	if (strcmp(method, "GET") == 0 && strcmp(url, "/stats") == 0)
	{
		control_stats(&answer, server->sim);
		return answer_json(connection, 200, &answer);
	}
	if (strcmp(method, "GET") == 0)
		return answer_text(connection, 200, "");
	if (strcmp(method, "POST") != 0)
		return answer_text(connection, 405, "method not allowed\n");
	if (request->too_large)
		return answer_text(connection, 413, "request body too large\n");
	if (strcmp(url, "/control") == 0)
	{
		status = control_apply(&answer, server->sim, request->body.data,
							   request->body.len);
		return answer_json(connection, status, &answer);
	}
	if (!header_contains(connection, "Content-Type", "application/json"))
		return answer_text(connection, 415,
						   "invalid content type, only application/json is supported\n");
	sim_count(server->sim->stats.requests, 1);
	request->accepts_gzip = header_contains(connection, "Accept-Encoding",
											"gzip");
	dispatch_body(&request->dispatch, server->sim, request->body.data,
				  request->body.len, request->accepts_gzip);
	request->dispatched = true;
	sleep_ms = request->dispatch.fault.kind == FAULT_HANG ? -1 :
		request->dispatch.latency_ms;
	if (sleep_ms == 0)
		return respond(server, connection, request);
	server_sleep(server, connection, sleep_ms);
	return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url,
		   const char *method, const char *version, const char *upload,
		   size_t *upload_len, void **state)
{
	Server	   *server = arg;
	HttpRequest *request = *state;

	(void) version;
	if (request == NULL)
	{
		*state = sim_alloc(sizeof(HttpRequest));
		return MHD_YES;
	}
	if (*upload_len > 0)
	{
		if (request->body.len + *upload_len > MAX_REQUEST_BYTES)
			request->too_large = true;
		else
			buf_append(&request->body, upload, *upload_len);
		*upload_len = 0;
		return MHD_YES;
	}
	if (!request->dispatched)
		return first_look(server, connection, request, url, method);
	if (request->dispatch.fault.kind == FAULT_HANG)
		return MHD_NO;
	return respond(server, connection, request);
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	HttpRequest *request = *state;

	(void) arg;
	(void) code;
	if (request == NULL)
		return;
	if (request->dispatch.fault.kind == FAULT_CLOSE_AFTER)
		shutdown(server_socket(connection), SHUT_RDWR);
	if (request->surplus.len > 0 &&
		send(server_socket(connection), request->surplus.data,
			 request->surplus.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		sim_warn("could not send a surplus: %s", strerror(errno));
	buf_free(&request->surplus);
	buf_free(&request->body);
	reply_free(&request->dispatch.body);
	free(request);
	*state = NULL;
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **state,
			  enum MHD_ConnectionNotificationCode code)
{
	Server	   *server = arg;

	(void) connection;
	(void) state;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		sim_count(server->sim->stats.connections, 1);
}

/* A listening socket on 127.0.0.1, and its port. */
static int
listen_on(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);
	int			on = 1;
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(*port);
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		listen(fd, 512) != 0 ||
		getsockname(fd, (struct sockaddr *) &address, &len) != 0)
		sim_fatal("could not listen on 127.0.0.1:%u: %s", *port,
				  strerror(errno));
	*port = ntohs(address.sin_port);
	return fd;
}

/* The file appears with its whole content, for those who wait for it. */
static void
write_port_file(const char *path, unsigned port)
{
	Buf			temporary = {0};
	FILE	   *file;

	buf_printf(&temporary, "%s.%ld", path, (long) getpid());
	buf_append(&temporary, "", 1);
	file = fopen(temporary.data, "w");
	if (file == NULL || fprintf(file, "%u\n", port) < 0 ||
		fclose(file) != 0 || rename(temporary.data, path) != 0)
		sim_fatal("could not write \"%s\": %s", path, strerror(errno));
	buf_free(&temporary);
}

Server *
server_start(Sim *sim, const ServerOptions *options)
{
	Server	   *server = sim_alloc(sizeof(Server));
	uint16_t	port = options->port;
	pthread_condattr_t attributes;
	struct MHD_OptionItem pool[2] = {{MHD_OPTION_END, 0, NULL}};
	int			fd = listen_on(&port);

	server->sim = sim;
	server->sleepers = sim_alloc(MAX_CONNECTIONS * sizeof(Sleeper));
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (pthread_mutex_init(&server->lock, NULL) != 0 ||
		pthread_cond_init(&server->wake, &attributes) != 0)
		sim_fatal("could not make a lock");
	if (options->threads > 1)
	{
		pool[0].option = MHD_OPTION_THREAD_POOL_SIZE;
		pool[0].value = options->threads;
		pool[1].option = MHD_OPTION_END;
	}
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD |
									  MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
									  on_request, server,
									  MHD_OPTION_LISTEN_SOCKET, fd,
									  MHD_OPTION_NOTIFY_COMPLETED,
									  on_completed, server,
									  MHD_OPTION_NOTIFY_CONNECTION,
									  on_connection, server,
									  MHD_OPTION_CONNECTION_LIMIT,
									  MAX_CONNECTIONS,
									  MHD_OPTION_CONNECTION_TIMEOUT,
									  IDLE_SECONDS,
									  MHD_OPTION_ARRAY, pool,
									  MHD_OPTION_END);
	if (server->daemon == NULL)
		sim_fatal("could not start the HTTP server");
	if (pthread_create(&server->timer, NULL, timer_main, server) != 0)
		sim_fatal("could not start a thread");
	if (options->port_file != NULL)
		write_port_file(options->port_file, port);
	printf("listening on 127.0.0.1:%u\n", port);
	fflush(stdout);
	return server;
}

void
server_stop(Server *server)
{
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_cond_signal(&server->wake);
	pthread_mutex_unlock(&server->lock);
	pthread_join(server->timer, NULL);
	MHD_stop_daemon(server->daemon);
	free(server->sleepers);
	free(server);
}
