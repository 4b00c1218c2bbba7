/*-------------------------------------------------------------------------
 *
 * buf.h
 *	  Growing byte buffers, and the numbers and bytes JSON-RPC writes as hex.
 *
 * chainsim is a program for tests: when memory is out it says so and ends.
 * A Buf owns its bytes; buf_free() gives them back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_BUF_H
#define CHAINSIM_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../src/uint256.h"

typedef struct Buf
{
	char	   *data;
	size_t		len;
	size_t		cap;
} Buf;

/* malloc and friends that never return NULL. */
extern void *sim_alloc(size_t size);
extern void *sim_realloc(void *ptr, size_t size);
extern char *sim_strndup(const char *text, size_t len);

/* Print "chainsim: …" to stderr; sim_fatal then ends with status 1. */
extern void sim_warn(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern void sim_fatal(const char *format,...)
			__attribute__((format(printf, 1, 2), noreturn));

extern void buf_reserve(Buf *buf, size_t more);
extern void buf_append(Buf *buf, const void *data, size_t len);
extern void buf_puts(Buf *buf, const char *text);
extern void buf_printf(Buf *buf, const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern void buf_free(Buf *buf);

/* "0x…" without quotes: two digits a byte. */
extern void buf_hex(Buf *buf, const uint8_t *bytes, size_t len);

/* "0x…" without quotes: a quantity, no leading zero, "0x0" for zero. */
extern void buf_quantity(Buf *buf, uint64_t value);
extern void buf_quantity256(Buf *buf, const Uint256 *value);

/*
 * Reads exactly 2 * len hex digits behind "0x" of the len_text characters at
 * text into out; false when they are anything else.
 */
extern bool hex_read(uint8_t *out, size_t len, const char *text,
					 size_t len_text);

/*
 * Reads a quantity of at most 64 bits.  Returns NULL, or what is wrong in the
 * words of go-ethereum ("hex number with leading zero digits", …).
 */
extern const char *quantity_read(uint64_t *out, const char *text,
								 size_t len_text);

#endif							/* CHAINSIM_BUF_H */
