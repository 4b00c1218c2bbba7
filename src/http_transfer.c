/*-------------------------------------------------------------------------
 *
 * http_transfer.c
 *	  One HTTP exchange and its libcurl handle.
 *
 * Handles, request buffers and answer buffers are used again, the latter
 * through a small pool, so that memory stays flat however many exchanges
 * there are.
 *
 * The callbacks here run inside libcurl, where nothing may be thrown: they use
 * malloc() and note what happened.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "http_transfer.h"

_Static_assert(LIBCURL_VERSION_NUM >= 0x075700,
			   "libcurl 7.87 or later is needed");

#define HEADERS_MAX		((size_t) 256 * 1024)	/* of one answer */
#define BODY_MIN		((size_t) 32 * 1024)	/* first size of a buffer */
#define BODY_HINT_MAX	((size_t) 4 * 1024 * 1024)
#define SPARE_BYTES_MAX	((size_t) 32 * 1024 * 1024)
#define LOW_SPEED_BYTES	1000L	/* a second */
#define LOW_SPEED_SECONDS 10L
#define RETRY_AFTER_MAX	86400	/* seconds; more is as good as for ever */

/* ---- answer buffers; also called inside callbacks ---- */

/* A spare buffer that fits best, or none. */
static void
take_spare(BodyPool *pool, Transfer *transfer, size_t hint)
{
	int			best = -1;

	for (int i = 0; i < pool->spare_count; i++)
	{
		size_t		size = pool->spares[i].size;

		if (best < 0 ||
			(pool->spares[best].size < hint ? size > pool->spares[best].size
			 : size >= hint && size < pool->spares[best].size))
			best = i;
	}
	if (best < 0)
		return;
	transfer->exchange.body = pool->spares[best].data;
	transfer->body_size = pool->spares[best].size;
	pool->spare_bytes -= transfer->body_size;
	pool->spares[best] = pool->spares[--pool->spare_count];
}

void
transfer_drop_body(Transfer *transfer)
{
	BodyPool   *pool = transfer->pool;
	HttpExchange *exchange = &transfer->exchange;

	pool->bytes_held -= exchange->body_len;
	if (exchange->body != NULL && pool->spare_count < BODY_SPARES &&
		transfer->body_size <= SPARE_BYTES_MAX - pool->spare_bytes)
	{
		pool->spares[pool->spare_count].data = exchange->body;
		pool->spares[pool->spare_count++].size = transfer->body_size;
		pool->spare_bytes += transfer->body_size;
	}
	else
		free(exchange->body);
	exchange->body = NULL;
	exchange->body_len = 0;
	transfer->body_size = 0;
}

/* Room for `need` bytes in all. */
static bool
grow_body(Transfer *transfer, size_t need)
{
	HttpExchange *exchange = &transfer->exchange;
	size_t		size = need;
	char	   *data;

	if (exchange->body == NULL)
	{
		curl_off_t	announced = -1;

		curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
						  &announced);
		if (announced > (curl_off_t) size)
			size = Min((size_t) announced, Max(BODY_HINT_MAX, need));
		take_spare(transfer->pool, transfer, size);
		if (transfer->body_size >= need)
			return true;
		size = Max(size, BODY_MIN);
	}
	if (transfer->body_size <= transfer->max_body / 2)
		size = Max(size, transfer->body_size * 2);
	else
		size = Max(size, transfer->max_body);
	data = realloc(exchange->body, size);
	if (data == NULL)
		return false;
	exchange->body = data;
	transfer->body_size = size;
	return true;
}

void
body_pool_free(BodyPool *pool)
{
	while (pool->spare_count > 0)
		free(pool->spares[--pool->spare_count].data);
	pool->spare_bytes = 0;
}

/* ---- callbacks of libcurl: no PostgreSQL in here ---- */

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	Transfer   *transfer = arg;
	HttpExchange *exchange = &transfer->exchange;
	size_t		len = size * count;

	if (len == 0)
		return 0;
	if (transfer->encoded && !transfer->compression)
	{
		transfer->encoding_refused = true;
		return 0;
	}
	if (len > transfer->max_body - exchange->body_len)
	{
		transfer->too_large = true;
		return 0;
	}
	if (len > transfer->body_size - exchange->body_len &&
		!grow_body(transfer, exchange->body_len + len))
	{
		transfer->no_memory = true;
		return 0;
	}
	memcpy(exchange->body + exchange->body_len, data, len);
	exchange->body_len += len;
	transfer->pool->bytes_held += len;
	return len;
}

/* A header line's value when its name is that, else NULL. */
static const char *
header_value(const char *line, size_t len, const char *name, size_t *value_len)
{
	size_t		name_len = strlen(name);

	if (len <= name_len || line[name_len] != ':' ||
		strncasecmp(line, name, name_len) != 0)
		return NULL;
	line += name_len + 1;
	len -= name_len + 1;
	while (len > 0 && (*line == ' ' || *line == '\t'))
	{
		line++;
		len--;
	}
	while (len > 0 && (unsigned char) line[len - 1] <= ' ')
		len--;
	*value_len = len;
	return line;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	Transfer   *transfer = arg;
	size_t		len = size * count;
	const char *value;
	size_t		value_len;

	transfer->header_bytes += len;
	if (transfer->header_bytes > HEADERS_MAX)
		return 0;
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		transfer->encoded = false;	/* the next answer after a 1xx */
	value = header_value(data, len, "content-encoding", &value_len);
	if (value != NULL && value_len > 0 &&
		(value_len != 8 || strncasecmp(value, "identity", 8) != 0))
		transfer->encoded = true;

	/*
	 * How long a node thinks is limited by the request's timeout alone; once
	 * it speaks it has to go on speaking.
	 */
	if (len <= 2)
		curl_easy_setopt(transfer->easy, CURLOPT_LOW_SPEED_TIME,
						 transfer->low_speed_seconds);
	return len;
}

/* Notes it when the exchange may not use such an address. */
static bool
refuse_address(Transfer *transfer, AddressKind kind)
{
	if (kind == ADDRESS_PUBLIC ||
		(kind == ADDRESS_PRIVATE && transfer->allow_private))
		return false;
	transfer->refused = kind;
	return true;
}

/* No packet is sent to an address that is refused. */
static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	if (refuse_address(arg, address_kind(&address->addr)))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
				  address->protocol);
}

/* Also asked for a connection that another exchange has opened. */
static int
on_request(void *arg, char *primary_ip, char *local_ip, int primary_port,
		   int local_port)
{
	return refuse_address(arg, address_kind_text(primary_ip)) ?
		CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- before ---- */

#define SET(option, value) \
	(curl_easy_setopt(transfer->easy, (option), (value)) == CURLE_OK)

/* What never changes on a handle. */
static bool
prepare_easy(Transfer *transfer)
{
	transfer->easy = curl_easy_init();
	return transfer->easy != NULL &&
		SET(CURLOPT_PRIVATE, transfer) &&
		SET(CURLOPT_WRITEFUNCTION, on_body) &&
		SET(CURLOPT_WRITEDATA, transfer) &&
		SET(CURLOPT_HEADERFUNCTION, on_header) &&
		SET(CURLOPT_HEADERDATA, transfer) &&
		SET(CURLOPT_ERRORBUFFER, transfer->error) &&
		SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket) &&
		SET(CURLOPT_OPENSOCKETDATA, transfer) &&
		SET(CURLOPT_PREREQFUNCTION, on_request) &&
		SET(CURLOPT_PREREQDATA, transfer) &&
		SET(CURLOPT_NOSIGNAL, 1L) &&	/* SIGALRM is PostgreSQL's */
		SET(CURLOPT_QUICK_EXIT, 1L) &&	/* never wait for a resolver thread */
		SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
		SET(CURLOPT_FOLLOWLOCATION, 0L) &&
		SET(CURLOPT_PROXY, "") &&	/* not even the environment's */
		SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
		SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
		SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) &&
		SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS) &&
		SET(CURLOPT_TCP_KEEPALIVE, 1L) &&
		SET(CURLOPT_TCP_KEEPIDLE, 30L) &&
		SET(CURLOPT_TCP_KEEPINTVL, 10L) &&
		SET(CURLOPT_BUFFERSIZE, 64L * 1024) &&
		SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES) &&
		SET(CURLOPT_USERAGENT, "chainsync/" CHAINSYNC_VERSION) &&
		SET(CURLOPT_POST, 1L);
}

static bool
add_header(Transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (longer == NULL)
		return false;
	transfer->headers = longer;
	return true;
}

/* What belongs to one exchange. */
static bool
prepare_exchange(Transfer *transfer, const HttpSettings *settings,
				 const char *url, const char *header, size_t body_len)
{
	long		window = settings->request_timeout_ms / 1000;

	transfer->max_body = settings->max_body;
	transfer->compression = settings->compression;
	transfer->allow_private = settings->allow_private;
	transfer->quote_errors = settings->quote_errors;
	transfer->low_speed_seconds = Max(1, Min(LOW_SPEED_SECONDS, window));
	return add_header(transfer, "Content-Type: application/json") &&
		add_header(transfer, "Accept: application/json") &&
		add_header(transfer, "Expect:") &&
		(header == NULL || add_header(transfer, header)) &&
		SET(CURLOPT_HTTPHEADER, transfer->headers) &&
		SET(CURLOPT_URL, url) &&
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body_len) &&
		SET(CURLOPT_POSTFIELDS, transfer->request) &&
		SET(CURLOPT_CONNECTTIMEOUT_MS, settings->connect_timeout_ms) &&
		SET(CURLOPT_TIMEOUT_MS, settings->request_timeout_ms) &&
		SET(CURLOPT_LOW_SPEED_TIME, 0L) &&
		SET(CURLOPT_FRESH_CONNECT, 0L) &&
		SET(CURLOPT_ACCEPT_ENCODING, settings->compression ? "gzip" : NULL);
}

/* Control characters in a header line would smuggle in others. */
static bool
header_is_clean(const char *header)
{
	for (; *header != '\0'; header++)
	{
		if ((unsigned char) *header < ' ' || *header == 0x7f)
			return false;
	}
	return true;
}

/* Takes a copy of the request's body. */
static bool
copy_request(Transfer *transfer, const char *body, size_t body_len)
{
	if (body_len > transfer->request_size)
	{
		char	   *grown = realloc(transfer->request, body_len);

		if (grown == NULL)
			return false;
		transfer->request = grown;
		transfer->request_size = body_len;
	}
	memcpy(transfer->request, body, body_len);
	return true;
}

bool
transfer_prepare(Transfer *transfer, const HttpSettings *settings,
				 const char *url, const char *header, const char *body,
				 size_t body_len, void *user)
{
	memset(&transfer->exchange, 0, sizeof(HttpExchange));
	transfer->exchange.user = user;
	transfer->retried = false;
	transfer->header_bytes = 0;
	transfer->encoded = false;
	transfer->encoding_refused = false;
	transfer->too_large = false;
	transfer->no_memory = false;
	transfer->refused = ADDRESS_PUBLIC;
	transfer->error[0] = '\0';

	if (header != NULL && !header_is_clean(header))
	{
		transfer_fail(transfer, "the endpoint's header holds control characters");
		return false;
	}
	if ((transfer->easy != NULL || prepare_easy(transfer)) &&
		copy_request(transfer, body, body_len) &&
		prepare_exchange(transfer, settings, url, header, body_len))
		return true;
	transfer_fail(transfer, "out of memory");
	return false;
}

/* ---- after ---- */

void
transfer_fail(Transfer *transfer, const char *reason)
{
	transfer->exchange.result = HTTP_FAILED;
	strlcpy(transfer->exchange.error, reason,
			sizeof(transfer->exchange.error));
}

/*
 * libcurl does so by itself, but counts its retries over the life of a handle
 * and gives up at every seventh.
 */
bool
transfer_retry(Transfer *transfer, CURLcode code)
{
	long		connects = 0;

	if (transfer->retried || transfer->header_bytes > 0 ||
		(code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR &&
		 code != CURLE_GOT_NOTHING))
		return false;
	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	if (connects > 0)
		return false;			/* it was a new connection */
	transfer->retried = true;
	transfer->error[0] = '\0';
	return SET(CURLOPT_FRESH_CONNECT, 1L);
}

void
transfer_note_result(Transfer *transfer, CURLcode code)
{
	HttpExchange *exchange = &transfer->exchange;
	long		status = 0;
	curl_off_t	latency_us = 0;
	curl_off_t	retry_after = 0;
	char	   *content_type = NULL;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &latency_us);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
	exchange->status = (int) status;
	exchange->latency_us = latency_us;
	exchange->retry_after_ms =
		Max(0, Min(retry_after, RETRY_AFTER_MAX)) * 1000;
	if (content_type != NULL)
		strlcpy(exchange->content_type, content_type,
				sizeof(exchange->content_type));

	if (transfer->too_large || transfer->no_memory)
	{
		exchange->result = HTTP_TOO_LARGE;
		strlcpy(exchange->error, transfer->no_memory ?
				"no memory for the answer" :
				"the answer is larger than chainsync.max_response_size",
				sizeof(exchange->error));
	}
	else if (transfer->encoding_refused || code == CURLE_BAD_CONTENT_ENCODING)
	{
		exchange->result = HTTP_BAD_ANSWER;
		strlcpy(exchange->error, transfer->encoding_refused ?
				"the answer is compressed, which was not asked for" :
				"the answer's compression is broken or not gzip",
				sizeof(exchange->error));
	}
	else if (code == CURLE_OK)
		exchange->result = HTTP_ANSWERED;
	else if (transfer->refused == ADDRESS_FORBIDDEN)
		transfer_fail(transfer, "the endpoint's address is link-local, which "
					  "is never asked");
	else if (transfer->refused == ADDRESS_PRIVATE)
		transfer_fail(transfer, "the endpoint's address is loopback or "
					  "private, which is asked for a superuser's endpoint "
					  "only (chainsync.allow_private_endpoints)");
	else
	{
		if (transfer->error[0] == '\0' || !transfer->quote_errors)
			strlcpy(transfer->error, curl_easy_strerror(code),
					sizeof(transfer->error));
		transfer_fail(transfer, transfer->error);
	}
}

void
transfer_end_request(Transfer *transfer)
{
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
}

void
transfer_free(Transfer *transfer)
{
	transfer_end_request(transfer);
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	free(transfer->request);
	transfer->request = NULL;
	free(transfer->exchange.body);
	transfer->exchange.body = NULL;
}
