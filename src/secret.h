/*-------------------------------------------------------------------------
 *
 * secret.h
 *	  Keys of endpoints: where they come from and where they belong.
 *
 * A URL or header line is a template with {secret} in it; what stands there is
 * named by a reference, env:NAME or file:/path, and is read by the worker that
 * uses it.  Tables, views and dumps have template and reference only.
 *
 * Pure: knows nothing of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_SECRET_H
#define CHAINSYNC_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_PLACEHOLDER "{secret}"

/* Longest secret, with its terminator. */
#define SECRET_SIZE 4096

/*
 * Reads what a reference names: 4 or more printable ASCII characters, with no
 * blank between them.  False with a message, which does not quote the secret,
 * when that cannot be.
 */
extern bool secret_read(const char *ref, char *out, size_t outlen,
						char *error, size_t error_len);

/*
 * Writes the template with the secret (NULL: there is none) in all its places
 * and terminates it; false when it does not fit, or a place stays empty.
 */
extern bool secret_expand(char *out, size_t outlen, const char *template,
						  const char *secret);

/*
 * Whether a URL or a header line seems to have a key written out in it:
 * a password, a parameter or header named like one, or a part of the path,
 * host or query that is too long and mixed for a word.
 */
extern bool secret_in_url(const char *url);
extern bool secret_in_header(const char *header);

#endif							/* CHAINSYNC_SECRET_H */
