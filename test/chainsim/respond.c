/*-------------------------------------------------------------------------
 *
 * respond.c
 *	  Sending an answer, whole or broken in the ways of fault.h.
 *
 * The usual answer is a list of pieces that goes to the socket as it is.  A
 * broken one comes from a Stream, which hands out the body and then stops,
 * sleeps or goes on for ever.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#include "server.h"

#define MAX_PIECES		1000	/* below IOV_MAX */
#define STREAM_CHUNK	(128 * 1024)
#define MAX_MEGABYTES	(64 * 1024)
#define MAX_LEVELS		(16 * 1024 * 1024)
#define MAX_SURPLUS		4096

/* A body that is read bit by bit. */
typedef struct Stream
{
	Server	   *server;
	struct MHD_Connection *connection;
	Reply		body;
	uint64_t	stop;			/* bytes to hand out */
	bool		breaks;			/* then close the connection */
	int64_t		pause_ms;		/* before each byte, when > 0 */
	bool		rested;			/* the pause is over */
	bool		endless;		/* zeros behind the body */
} Stream;

static void
free_reply(void *arg)
{
	reply_free(arg);
	free(arg);
}

static void
free_stream(void *arg)
{
	Stream	   *stream = arg;

	reply_free(&stream->body);
	free(stream);
}

static ssize_t
read_stream(void *arg, uint64_t pos, char *out, size_t max)
{
	Stream	   *stream = arg;

	if (pos >= stream->stop)
		return stream->breaks ? MHD_CONTENT_READER_END_WITH_ERROR :
			MHD_CONTENT_READER_END_OF_STREAM;
	if (stream->pause_ms > 0 && !stream->rested)
	{
		stream->rested = true;
		server_sleep(stream->server, stream->connection, stream->pause_ms);
		return 0;
	}
	stream->rested = false;
	if (stream->pause_ms > 0)
		max = 1;
	if (max > stream->stop - pos)
		max = (size_t) (stream->stop - pos);
	if (stream->endless && pos >= stream->body.total)
	{
		memset(out, '0', max);
		return (ssize_t) max;
	}
	return (ssize_t) reply_read(&stream->body, (size_t) pos, out, max);
}

/* Takes the body over; the other members say how it is read. */
static struct MHD_Response *
stream_response(const Stream *like, Reply *body, uint64_t announced)
{
	Stream	   *stream = sim_alloc(sizeof(Stream));
	struct MHD_Response *response;

	*stream = *like;
	stream->body = *body;
	memset(body, 0, sizeof(*body));
	response = MHD_create_response_from_callback(announced, STREAM_CHUNK,
												 read_stream, stream,
												 free_stream);
	if (response == NULL)
		free_stream(stream);
	return response;
}

/* The body as it is, without a copy; the response takes it over. */
static struct MHD_Response *
plain_response(Reply *body)
{
	struct MHD_IoVec pieces[MAX_PIECES];
	struct MHD_Response *response;
	Reply	   *kept;

	if (body->count > MAX_PIECES)
	{
		Stream		stream = {.stop = body->total};

		return stream_response(&stream, body, body->total);
	}
	for (size_t i = 0; i < body->count; i++)
	{
		pieces[i].iov_base = reply_piece(body, i);
		pieces[i].iov_len = body->pieces[i].len;
	}
	kept = sim_alloc(sizeof(Reply));
	*kept = *body;
	memset(body, 0, sizeof(*body));
	response = MHD_create_response_from_iovec(pieces, (unsigned) kept->count,
											  free_reply, kept);
	if (response == NULL)
		free_reply(kept);
	return response;
}

static void
put_deflated(Buf *out, z_stream *stream, int flush)
{
	do
	{
		buf_reserve(out, 1 << 16);
		stream->next_out = (Bytef *) (out->data + out->len);
		stream->avail_out = 1 << 16;
		if (deflate(stream, flush) == Z_STREAM_ERROR)
			sim_fatal("could not compress");
		out->len += (1 << 16) - stream->avail_out;
	} while (stream->avail_out == 0);
}

static void
deflate_begin(z_stream *stream, int level)
{
	memset(stream, 0, sizeof(*stream));
	/* 16: a gzip header */
	if (deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8,
					 Z_DEFAULT_STRATEGY) != Z_OK)
		sim_fatal("out of memory");
}

static struct MHD_Response *
buffer_response(Buf *buf)
{
	return MHD_create_response_from_buffer(buf->len, buf->data,
										   MHD_RESPMEM_MUST_FREE);
}

static struct MHD_Response *
gzip_response(const Reply *body)
{
	z_stream	stream;
	Buf			out = {0};
	struct MHD_Response *response;

	deflate_begin(&stream, 1);
	for (size_t i = 0; i < body->count; i++)
	{
		stream.next_in = (Bytef *) (uintptr_t) reply_piece(body, i);
		stream.avail_in = (uInt) body->pieces[i].len;
		put_deflated(&out, &stream, Z_NO_FLUSH);
	}
	put_deflated(&out, &stream, Z_FINISH);
	deflateEnd(&stream);
	response = buffer_response(&out);
	if (response != NULL)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	return response;
}

/* Few bytes that become `megabytes` of an answer that never ends. */
static struct MHD_Response *
bomb_response(int64_t megabytes)
{
	static const char begin[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x";
	static char zeros[1 << 16];
	z_stream	stream;
	Buf			out = {0};
	struct MHD_Response *response;

	deflate_begin(&stream, 9);
	stream.next_in = (Bytef *) (uintptr_t) begin;
	stream.avail_in = sizeof(begin) - 1;
	put_deflated(&out, &stream, Z_NO_FLUSH);
	for (int64_t i = 0; i < megabytes * 16; i++)
	{
		stream.next_in = (Bytef *) zeros;
		stream.avail_in = sizeof(zeros);
		put_deflated(&out, &stream, Z_NO_FLUSH);
	}
	put_deflated(&out, &stream, Z_FINISH);
	deflateEnd(&stream);
	response = buffer_response(&out);
	if (response != NULL)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	return response;
}

static struct MHD_Response *
nested_response(int64_t levels)
{
	Buf			out = {0};

	buf_puts(&out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":");
	for (int64_t i = 0; i < levels; i++)
		buf_append(&out, "[", 1);
	for (int64_t i = 0; i < levels; i++)
		buf_append(&out, "]", 1);
	buf_puts(&out, "}");
	return buffer_response(&out);
}

static struct MHD_Response *
text_response(const char *text, size_t len)
{
	return MHD_create_response_from_buffer(len, (void *) (uintptr_t) text,
										   MHD_RESPMEM_MUST_COPY);
}

static struct MHD_Response *
garbage_response(void)
{
	char		bytes[1000];
	GenRandom	random = gen_random(1, 1, 1);

	gen_bytes(&random, (uint8_t *) bytes, sizeof(bytes));
	return text_response(bytes, sizeof(bytes));
}

/*
 * A body that breaks off, or whose announced length is wrong.  What stands
 * behind too short a length is left for on_completed() to send, as
 * libmicrohttpd would not.
 */
static struct MHD_Response *
broken_response(HttpRequest *request)
{
	const Fault *fault = &request->dispatch.fault;
	Reply	   *body = &request->dispatch.body;
	Stream		stream = {.stop = body->total,.breaks = true};
	uint64_t	announced = body->total;

	if (fault->kind == FAULT_TRUNCATED)
		stream.stop = announced / 2;
	else if (strcmp(fault->arg, "short") != 0)
		announced += 100;
	else
	{
		announced /= 2;
		stream.stop = announced;
		stream.breaks = false;
		buf_reserve(&request->surplus, MAX_SURPLUS);
		request->surplus.len = reply_read(body, (size_t) announced,
										  request->surplus.data, MAX_SURPLUS);
	}
	return stream_response(&stream, body, announced);
}

static int64_t
megabytes_of(const Fault *fault, int64_t otherwise)
{
	int64_t		megabytes = fault_number(fault, otherwise);

	return megabytes < MAX_MEGABYTES ? megabytes : MAX_MEGABYTES;
}

static int64_t
levels_of(const Fault *fault)
{
	int64_t		levels = fault_number(fault, 100000);

	return levels < MAX_LEVELS ? levels : MAX_LEVELS;
}

static struct MHD_Response *
endless_response(const Fault *fault, Reply *body)
{
	Stream		stream = {.endless = true};

	reply_free(body);
	reply_puts(body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x");
	stream.stop = (uint64_t) megabytes_of(fault, 16384) << 20;
	return stream_response(&stream, body, MHD_SIZE_UNKNOWN);
}

/* What a fault makes of the body: a response and its status and type. */
static struct MHD_Response *
fault_response(int *status, const char **type, HttpRequest *request,
			   Stream *slow)
{
	static const char html[] =
	"<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n";
	const Fault *fault = &request->dispatch.fault;
	Reply	   *body = &request->dispatch.body;
	char		text[256];
	const char *title;

	switch (fault->kind)
	{
		case FAULT_HTTP:
		case FAULT_HTTP_500:
		case FAULT_HTTP_429:
		case FAULT_REDIRECT:
			*status = fault->kind == FAULT_HTTP ?
				(int) fault_number(fault, 500) :
				fault->kind == FAULT_HTTP_429 ? 429 :
				fault->kind == FAULT_REDIRECT ? 302 : 500;
			*type = "text/plain";
			snprintf(text, sizeof(text), "status %d\n", *status);
			return text_response(text, strlen(text));
		case FAULT_HTTP_502_HTML:
		case FAULT_HTML_200:
			*status = fault->kind == FAULT_HTML_200 ? 200 : 502;
			*type = "text/html";
			title = *status == 200 ? "Please log in" : "502 Bad Gateway";
			snprintf(text, sizeof(text), html, title, title);
			return text_response(text, strlen(text));
		case FAULT_EMPTY_BODY:
			return text_response("", 0);
		case FAULT_NULL_BODY:
			return text_response("null", 4);
		case FAULT_BODY:
			return text_response(fault->arg, strlen(fault->arg));
		case FAULT_GARBAGE:
			return garbage_response();
		case FAULT_TRUNCATED:
		case FAULT_WRONG_LENGTH:
			return broken_response(request);
		case FAULT_SLOW:
			slow->pause_ms = fault_number(fault, 300);
			slow->stop = body->total;
			return stream_response(slow, body, body->total);
		case FAULT_HUGE:
			return endless_response(fault, body);
		case FAULT_GZIP_BOMB:
			return bomb_response(megabytes_of(fault, 200));
		case FAULT_DEEP_NESTING:
			return nested_response(levels_of(fault));
		default:
			return plain_response(body);
	}
}

/*
 * Sends a RST: dissolving the association of a TCP socket aborts it
 * (connect(2), AF_UNSPEC).
 */
static void
reset_connection(struct MHD_Connection *connection)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	connect(server_socket(connection), &none, sizeof(none));
}

enum MHD_Result
respond(Server *server, struct MHD_Connection *connection,
		HttpRequest *request)
{
	const Fault *fault = &request->dispatch.fault;
	Reply	   *body = &request->dispatch.body;
	Stream		slow = {.server = server,.connection = connection};
	struct MHD_Response *response;
	const char *type = "application/json";
	int			status = 200;
	enum MHD_Result result;

	if (fault->kind == FAULT_RESET)
	{
		reset_connection(connection);
		return MHD_NO;
	}
	if (fault->kind == FAULT_NONE && request->accepts_gzip &&
		server->sim->gzip)
		response = gzip_response(body);
	else
		response = fault_response(&status, &type, request, &slow);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	if (fault->kind == FAULT_HTTP_429 && fault->arg[0] != '\0')
		MHD_add_response_header(response, "Retry-After", fault->arg);
	if (fault->kind == FAULT_REDIRECT)
		MHD_add_response_header(response, "Location", fault->arg);
	result = MHD_queue_response(connection, (unsigned) status, response);
	MHD_destroy_response(response);
	return result;
}
