/*-------------------------------------------------------------------------
 *
 * methods.c
 *	  The JSON-RPC methods, as go-ethereum 1.17 answers them, and the faults
 *	  that strike a single call.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alter.h"
#include "sim.h"

/* A call as far as it is understood before a fault is drawn. */
typedef struct Call
{
	Sim		   *sim;
	const char *name;
	SimMethod	method;
	struct json_object *params;
	bool		by_hash;
	bool		full;			/* whole transactions */
	uint32_t	block;			/* CHAIN_NONE: none such */
} Call;

static const char *const method_names[METHOD_COUNT] = {
	[METHOD_CHAIN_ID] = "eth_chainId",
	[METHOD_NET_VERSION] = "net_version",
	[METHOD_CLIENT_VERSION] = "web3_clientVersion",
	[METHOD_BLOCK_NUMBER] = "eth_blockNumber",
	[METHOD_SYNCING] = "eth_syncing",
	[METHOD_BLOCK_BY_NUMBER] = "eth_getBlockByNumber",
	[METHOD_BLOCK_BY_HASH] = "eth_getBlockByHash",
	[METHOD_BLOCK_RECEIPTS] = "eth_getBlockReceipts",
	[METHOD_RECEIPT] = "eth_getTransactionReceipt",
	[METHOD_UNKNOWN] = "other",
};

SimMethod
method_lookup(const char *name)
{
	for (int i = 0; i < METHOD_UNKNOWN; i++)
	{
		if (strcmp(method_names[i], name) == 0)
			return (SimMethod) i;
	}
	return METHOD_UNKNOWN;
}

const char *
method_name(SimMethod method)
{
	return method_names[method];
}

static void
__attribute__((format(printf, 3, 4)))
set_error(CallResult *out, int code, const char *format,...)
{
	va_list		args;

	reply_free(&out->result);
	out->code = code;
	va_start(args, format);
	vsnprintf(out->message, sizeof(out->message), format, args);
	va_end(args);
}

static struct json_object *
parameter(const Call *call, size_t index)
{
	if (call->params == NULL ||
		json_object_array_length(call->params) <= index)
		return NULL;
	return json_object_array_get_idx(call->params, index);
}

static bool
missing_parameter(CallResult *out, int index)
{
	set_error(out, -32602, "missing value for required argument %d", index);
	return false;
}

/* A hash of 32 bytes in argument `index`. */
static bool
read_hash(CallResult *out, uint8_t *hash32, const char *text, int index)
{
	size_t		len = strlen(text);

	if (len < 2 || text[0] != '0' || text[1] != 'x')
		set_error(out, -32602,
				  "invalid argument %d: json: cannot unmarshal hex string without 0x prefix into Go value of type common.Hash",
				  index);
	else if (len != 66)
		set_error(out, -32602,
				  "invalid argument %d: json: cannot unmarshal hex string of length %zu into Go value of type common.Hash",
				  index, len - 2);
	else if (!hex_read(hash32, 32, text, len))
		set_error(out, -32602,
				  "invalid argument %d: json: cannot unmarshal invalid hex string into Go value of type common.Hash",
				  index);
	else
		return true;
	return false;
}

/* Finds the block of a tag; false with an error. */
static bool
find_tag(CallResult *out, Call *call, const char *tag)
{
	const SimChain *chain = &call->sim->chain;
	int64_t		lag = 0;

	if (strcmp(tag, "safe") == 0)
		lag = chain->safe_lag;
	else if (strcmp(tag, "finalized") == 0)
		lag = chain->finalized_lag;
	else if (strcmp(tag, "earliest") == 0)
	{
		call->block = chain_find(chain, 0, true);
		return true;
	}
	if (lag >= 0 && (uint64_t) lag <= chain->head)
		call->block = chain_find_below(chain, chain->head - (uint64_t) lag);
	if (call->block != CHAIN_NONE)
		return true;
	set_error(out, -32000, "%s block not found", tag);
	return false;
}

/* Finds the block of a number or tag; false with an error. */
static bool
find_number(CallResult *out, Call *call, const char *text)
{
	const char *reason;
	uint64_t	number;

	if (strcmp(text, "latest") == 0 || strcmp(text, "safe") == 0 ||
		strcmp(text, "finalized") == 0 || strcmp(text, "earliest") == 0)
		return find_tag(out, call, text);
	if (strcmp(text, "pending") == 0)
	{
		set_error(out, -32000, "pending block is not available");
		return false;
	}
	reason = quantity_read(&number, text, strlen(text));
	if (reason == NULL && number > INT64_MAX)
		reason = "block number larger than int64";
	if (reason != NULL)
	{
		set_error(out, -32602, "invalid argument 0: %s", reason);
		return false;
	}
	call->block = chain_find(&call->sim->chain, number, true);
	return true;
}

static bool
find_hash(CallResult *out, Call *call, const char *text, bool canonical)
{
	const SimChain *chain = &call->sim->chain;
	uint8_t		hash[32];
	uint32_t	other;

	call->by_hash = true;
	if (!read_hash(out, hash, text, 0))
		return false;
	call->block = chain_find_hash(chain, hash);
	if (!canonical || call->block == CHAIN_NONE)
		return true;
	/* a branch that came back has its blocks twice: compare hashes */
	other = chain_find(chain, chain->blocks[call->block].number, true);
	if (other != CHAIN_NONE &&
		memcmp(chain->blocks[other].hash, hash, 32) == 0)
		return true;
	set_error(out, -32000, "hash is not currently canonical");
	return false;
}

/* The block of eth_getBlockReceipts: number, tag, hash, or an object. */
static bool
find_number_or_hash(CallResult *out, Call *call, struct json_object *value)
{
	struct json_object *member;
	struct json_object *canonical = NULL;

	if (json_object_is_type(value, json_type_object))
	{
		json_object_object_get_ex(value, "requireCanonical", &canonical);
		if (json_object_object_get_ex(value, "blockHash", &member) &&
			json_object_is_type(member, json_type_string))
			return find_hash(out, call, json_object_get_string(member),
							 json_object_get_boolean(canonical));
		if (!json_object_object_get_ex(value, "blockNumber", &member))
			member = NULL;
		value = member;
	}
	if (!json_object_is_type(value, json_type_string))
	{
		set_error(out, -32602,
				  "invalid argument 0: invalid block number or hash");
		return false;
	}
	if (json_object_get_string_len(value) == 66)
		return find_hash(out, call, json_object_get_string(value), false);
	return find_number(out, call, json_object_get_string(value));
}

/* Understands the parameters; false with an error. */
static bool
prepare(CallResult *out, Call *call)
{
	struct json_object *first = parameter(call, 0);
	struct json_object *second = parameter(call, 1);

	if (call->method == METHOD_UNKNOWN)
	{
		set_error(out, -32601,
				  "the method %.64s does not exist/is not available",
				  call->name);
		return false;
	}
	if (call->method < METHOD_BLOCK_BY_NUMBER ||
		call->method == METHOD_RECEIPT)
		return true;
	if (first == NULL)
		return missing_parameter(out, 0);
	if (call->method == METHOD_BLOCK_RECEIPTS)
		return find_number_or_hash(out, call, first);
	if (!json_object_is_type(first, json_type_string))
	{
		set_error(out, -32602,
				  "invalid argument 0: json: cannot unmarshal non-string");
		return false;
	}
	if (second == NULL)
		return missing_parameter(out, 1);
	if (!json_object_is_type(second, json_type_boolean))
	{
		set_error(out, -32602,
				  "invalid argument 1: json: cannot unmarshal non-boolean");
		return false;
	}
	call->full = json_object_get_boolean(second);
	if (call->method == METHOD_BLOCK_BY_HASH)
		return find_hash(out, call, json_object_get_string(first), false);
	return find_number(out, call, json_object_get_string(first));
}

static const SimBlock *
call_block(const Call *call)
{
	return call->block == CHAIN_NONE ? NULL :
		&call->sim->chain.blocks[call->block];
}

/* Does this fault have a meaning for this call? */
static bool
fault_fits(const Fault *fault, const void *arg)
{
	const Call *call = arg;
	const SimBlock *block = call_block(call);
	bool		is_block = call->method == METHOD_BLOCK_BY_NUMBER ||
	call->method == METHOD_BLOCK_BY_HASH;
	bool		is_receipts = call->method == METHOD_BLOCK_RECEIPTS;

	if (fault_is_http(fault->kind) ||
		(fault->method[0] != '\0' && strcmp(fault->method, call->name) != 0))
		return false;
	switch (fault->kind)
	{
		case FAULT_NO_BLOCK_RECEIPTS:
		case FAULT_RECEIPTS_NULL:
			return is_receipts;
		case FAULT_RECEIPTS_NULL_BY_HASH:
			return is_receipts && call->by_hash;
		case FAULT_SHORT_RECEIPTS:
			return is_receipts && block != NULL && block->receipts.len > 2;
		case FAULT_NULL_BLOCK:
			return is_block;
		case FAULT_HASH_ONLY:
			return is_block && call->full;
		case FAULT_WRONG_CHAIN_ID:
			return call->method == METHOD_CHAIN_ID ||
				call->method == METHOD_NET_VERSION;
		case FAULT_WRONG_GENESIS:
			return is_block && block != NULL && block->number == 0;
		case FAULT_WRONG_BLOCK:
			return (is_block || is_receipts) && block != NULL;
		case FAULT_BROKEN_PARENT:
			return is_block && block != NULL &&
				block->number == (uint64_t) fault_number(fault, 0);
		default:
			return true;
	}
}

static void
answer_block(CallResult *out, const Call *call, FaultKind fault)
{
	const SimBlock *block = call_block(call);

	if (block == NULL || fault == FAULT_NULL_BLOCK)
		reply_puts(&out->result, "null");
	else if (fault == FAULT_WRONG_GENESIS)
		alter_hash(&out->result, &block->json, "hash");
	else if (fault == FAULT_BROKEN_PARENT)
		alter_hash(&out->result, &block->json, "parentHash");
	else if (!call->full || fault == FAULT_HASH_ONLY)
		alter_to_hashes(&out->result, &block->json);
	else
		reply_ref(&out->result, &block->json);
}

static void
answer_receipts(CallResult *out, const Call *call, FaultKind fault)
{
	const SimBlock *block = call_block(call);

	if (fault == FAULT_NO_BLOCK_RECEIPTS)
		set_error(out, -32601, "the method %s does not exist/is not available",
				  call->name);
	else if (block == NULL || fault == FAULT_RECEIPTS_NULL ||
			 fault == FAULT_RECEIPTS_NULL_BY_HASH)
		reply_puts(&out->result, "null");
	else if (block->receipts.data != NULL && fault == FAULT_SHORT_RECEIPTS)
		alter_to_short(&out->result, &block->receipts);
	else if (block->receipts.data != NULL)
		reply_ref(&out->result, &block->receipts);
	else if (call->sim->pruned_receipts)
		set_error(out, 4444, "pruned history unavailable");
	else
		reply_puts(&out->result, "null");
}

static void
answer_receipt(CallResult *out, const Call *call)
{
	struct json_object *first = parameter(call, 0);
	uint8_t		hash[32];
	Slice		receipt;

	if (first == NULL)
		missing_parameter(out, 0);
	else if (!json_object_is_type(first, json_type_string))
		set_error(out, -32602,
				  "invalid argument 0: json: cannot unmarshal non-string");
	else if (!read_hash(out, hash, json_object_get_string(first), 0))
		return;
	else if (chain_find_receipt(&call->sim->chain, hash, &receipt))
		reply_ref(&out->result, &receipt);
	else
		reply_puts(&out->result, "null");
}

static void
answer_chain_id(CallResult *out, const Call *call, const Fault *fault)
{
	uint64_t	id = call->sim->chain.chain_id;

	if (fault->kind == FAULT_WRONG_CHAIN_ID)
		id = (uint64_t) fault_number(fault, (int64_t) (id ^ 0x1000));
	if (call->method == METHOD_CHAIN_ID)
		reply_printf(&out->result, "\"0x%" PRIx64 "\"", id);
	else
		reply_printf(&out->result, "\"%" PRIu64 "\"", id);
}

/* The error of error:TEXT or error:TEXT/CODE. */
static void
answer_error(CallResult *out, const Fault *fault)
{
	const char *slash = strrchr(fault->arg, '/');
	char	   *end;
	long		code = -32000;
	size_t		len = strlen(fault->arg);

	if (slash != NULL && slash[1] != '\0')
	{
		long		given = strtol(slash + 1, &end, 10);

		if (*end == '\0')
		{
			code = given;
			len = (size_t) (slash - fault->arg);
		}
	}
	set_error(out, (int) code, "%.*s", (int) len, fault->arg);
}

static void
answer(CallResult *out, Call *call, const Fault *fault)
{
	uint64_t	next;

	if (fault->kind == FAULT_WRONG_BLOCK &&
		chain_next(&call->sim->chain, call_block(call)->number, &next))
		call->block = chain_find(&call->sim->chain, next, true);
	switch (call->method)
	{
		case METHOD_CHAIN_ID:
		case METHOD_NET_VERSION:
			answer_chain_id(out, call, fault);
			break;
		case METHOD_CLIENT_VERSION:
			reply_puts(&out->result, "\"chainsim/1.0\"");
			break;
		case METHOD_BLOCK_NUMBER:
			reply_printf(&out->result, "\"0x%" PRIx64 "\"",
						 call->sim->chain.head);
			break;
		case METHOD_SYNCING:
			reply_puts(&out->result, "false");
			break;
		case METHOD_BLOCK_RECEIPTS:
			answer_receipts(out, call, fault->kind);
			break;
		case METHOD_RECEIPT:
			answer_receipt(out, call);
			break;
		default:
			answer_block(out, call, fault->kind);
			break;
	}
}

void
method_call(CallResult *out, Sim *sim, const char *name,
			struct json_object *params)
{
	Call		call = {.sim = sim,.name = name,.params = params,
	.block = CHAIN_NONE};
	Fault		fault = {0};

	memset(out, 0, sizeof(*out));
	call.method = method_lookup(name);
	sim_count(sim->stats.calls[call.method], 1);
	if (params != NULL && !json_object_is_type(params, json_type_array))
	{
		set_error(out, -32602, "non-array args");
		return;
	}
	pthread_rwlock_rdlock(&sim->chain.lock);
	if (prepare(out, &call))
	{
		if (!fault_draw(&sim->faults, &fault, fault_fits, &call))
			fault.kind = FAULT_NONE;
		if (fault.kind == FAULT_ERROR)
			answer_error(out, &fault);
		else if (fault.kind == FAULT_RPC_429)
			set_error(out, -32005, "too many requests, rate limit exceeded");
		else if (fault.kind == FAULT_WRONG_JSON_TYPE)
			reply_puts(&out->result, "12345");
		else
			answer(out, &call, &fault);
	}
	pthread_rwlock_unlock(&sim->chain.lock);
	if (out->code == 0 &&
		(fault.kind == FAULT_SET || fault.kind == FAULT_DUPLICATE))
		alter_member(&out->result, &fault);
	out->envelope = fault.kind;
}
