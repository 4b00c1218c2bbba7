/*-------------------------------------------------------------------------
 *
 * spi_util.h
 *	  Short forms for SPI: run a formatted statement, read columns by name.
 *
 * What the readers return lives in the memory context that was current when
 * SPI was connected, so it survives SPI_finish.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_SPI_UTIL_H
#define CHAINSYNC_SPI_UTIL_H

/*
 * Runs one statement made by format; an error unless it ends with `expected`
 * (SPI_OK_…).  read_only false takes a new snapshot, which what is read under
 * a lock needs.  Identifiers and literals must be quoted by the caller.
 */
extern void spi_run(int expected, bool read_only, const char *fmt,...)
			pg_attribute_printf(3, 4);

/* Columns of row `row` of SPI_tuptable; NULL or the default for null. */
extern char *spi_text(int row, const char *column);
extern int64 spi_int64(int row, const char *column, int64 if_null);

/* bytea of exactly `len` bytes, or an error */
extern uint8 *spi_bytes(int row, const char *column, int len);

/* Zeroed memory, and a copy of a string, in that context. */
extern void *spi_alloc(Size size);
extern char *spi_strdup(const char *string);

#endif							/* CHAINSYNC_SPI_UTIL_H */
