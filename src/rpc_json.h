/*-------------------------------------------------------------------------
 *
 * rpc_json.h
 *	  The envelope of JSON-RPC 2.0 answers, single or batch.
 *
 * A body is one answer object or an array of them.  For each answer whose id
 * is one of ours the handler is called once with the scanner standing at the
 * result (the handler must consume that value), or with the error.  An answer
 * usually has its id before its result, so the result is read where it
 * stands, in one pass; where it comes first it is skipped and read after.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_RPC_JSON_H
#define CHAINSYNC_RPC_JSON_H

#include "json.h"

typedef struct RpcJsonError
{
	int64_t		code;			/* 0 when absent or not an integer */
	char		message[256];	/* unescaped, cut, control characters as '?' */
	char		data[256];		/* "data" when it is a string, same rules */
} RpcJsonError;

typedef struct RpcJsonHandler
{
	void	   *arg;

	/* The result of call `id`; false to stop with scanner->error set. */
	bool		(*on_result) (void *arg, uint64_t id, JsonScanner *scanner);

	/*
	 * The error of call `id`.  has_id is false for an error with a null or
	 * absent id, or one single error object for a whole batch with an id of
	 * another kind: it speaks for every call that gets no other answer.
	 */
	bool		(*on_error) (void *arg, bool has_id, uint64_t id,
							 const RpcJsonError *error);
} RpcJsonHandler;

/*
 * Reads a whole body; what stands behind the JSON text other than white space
 * is an error.  Ids are matched as numbers, or as strings of decimal digits
 * (some providers quote them); any other id is JSON_INVALID "answer with an
 * unknown id".  A "result" and an "error" that is not null together, or
 * neither, is JSON_INVALID.
 *
 * Returns false with scanner->error set when the body is not such a text.
 */
extern bool rpc_json_read(JsonScanner *scanner, const RpcJsonHandler *handler);

#endif							/* CHAINSYNC_RPC_JSON_H */
