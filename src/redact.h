/*-------------------------------------------------------------------------
 *
 * redact.h
 *	  Takes what may be secret out of URLs and messages.
 *
 * Providers put keys into user info, query, path, and sometimes into the
 * host's name.  Whatever is printed, logged or shown goes through here.  The
 * results are one line of printable ASCII: other bytes become '?'.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_REDACT_H
#define CHAINSYNC_REDACT_H

#include <stddef.h>

/*
 * Writes `url` as scheme://host:port/path.  User info, query and fragment
 * become "***"; so does a path segment of 16 bytes or more, or of 12 or more
 * that mixes letters and digits, and a label of the host's name of 16 or more
 * that mixes them.  out is cut to outlen - 1 bytes and terminated; outlen 0
 * writes nothing.
 */
extern void redact_url(char *out, size_t outlen, const char *url);

/*
 * Writes `text` without the secrets of `url` and of the HTTP header line
 * `header` (either may be NULL), wherever they stand in it, in any case of
 * letters, as they are or percent-decoded; other URLs in the text are written
 * as by redact_url().  A secret that the end of the text cuts short is found
 * too.  At most the first 2 kB of text are read.  A url or header that is too
 * long to be searched for yields a fixed text instead.  out must not overlap
 * text.
 */
extern void redact_text(char *out, size_t outlen, const char *text,
						const char *url, const char *header);

/* The same, and without `secret` (or NULL), one word. */
extern void redact_message(char *out, size_t outlen, const char *text,
						   const char *url, const char *header,
						   const char *secret);

#endif							/* CHAINSYNC_REDACT_H */
