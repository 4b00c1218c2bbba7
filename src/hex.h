/*-------------------------------------------------------------------------
 *
 * hex.h
 *	  Bytes to hexadecimal digits and back.  No "0x" here: the prefix is the
 *	  caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_HEX_H
#define CHAINSYNC_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes 2 * len lower-case digits for the `len` bytes of `in`; no NUL.  The
 * two areas must not overlap.
 */
extern void hexbytes_encode(char *out, const uint8_t *in, size_t len);

/*
 * Reads the `len` digits of `in`, upper- or lower-case, and writes len / 2
 * bytes.  False when len is odd or a character is no digit; `out` then holds
 * nothing of use.  Decoding in place (out and in the same address, or out
 * before in) is allowed.
 */
extern bool hexbytes_decode(uint8_t *out, const char *in, size_t len);

#endif							/* CHAINSYNC_HEX_H */
