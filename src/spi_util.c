/*-------------------------------------------------------------------------
 *
 * spi_util.c
 *	  Short forms for SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "compat.h"
#include "spi_util.h"

void
spi_run(int expected, bool read_only, const char *fmt,...)
{
	StringInfoData statement;
	int			result;

	initStringInfo(&statement);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&statement, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&statement, needed);
	}
	result = SPI_execute(statement.data, read_only, 0);
	if (result != expected)
		elog(ERROR, "statement ended with %s instead of %s: %s",
			 SPI_result_code_string(result),
			 SPI_result_code_string(expected), statement.data);
	pfree(statement.data);
}

static Datum
column_value(int row, const char *column, Oid *type, bool *isnull)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, column);

	if (number <= 0 || row < 0 || row >= (int) SPI_processed)
		elog(ERROR, "result has no column \"%s\" in row %d", column, row);
	*type = SPI_gettypeid(SPI_tuptable->tupdesc, number);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 number, isnull);
}

char *
spi_text(int row, const char *column)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, column);
	char	   *value;

	if (number <= 0 || row < 0 || row >= (int) SPI_processed)
		elog(ERROR, "result has no column \"%s\" in row %d", column, row);
	value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 number);
	return value == NULL ? NULL : spi_strdup(value);
}

int64
spi_int64(int row, const char *column, int64 if_null)
{
	bool		isnull;
	Oid			type;
	Datum		value = column_value(row, column, &type, &isnull);

	if (isnull)
		return if_null;
	switch (type)
	{
		case INT8OID:
			return DatumGetInt64(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT2OID:
			return DatumGetInt16(value);
		default:
			elog(ERROR, "column \"%s\" is not an integer", column);
	}
}

uint8 *
spi_bytes(int row, const char *column, int len)
{
	bool		isnull;
	Oid			type;
	Datum		value = column_value(row, column, &type, &isnull);
	bytea	   *bytes;
	uint8	   *result;

	if (isnull)
		return NULL;
	if (type != BYTEAOID)
		elog(ERROR, "column \"%s\" is not bytea", column);
	bytes = DatumGetByteaPP(value);
	if (VARSIZE_ANY_EXHDR(bytes) != len)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("column \"%s\" has %d bytes instead of %d", column,
						(int) VARSIZE_ANY_EXHDR(bytes), len)));
	result = spi_alloc(len);
	memcpy(result, VARDATA_ANY(bytes), len);
	return result;
}

void *
spi_alloc(Size size)
{
	void	   *result = SPI_palloc(size);

	memset(result, 0, size);
	return result;
}

char *
spi_strdup(const char *string)
{
	Size		size = strlen(string) + 1;
	char	   *result = SPI_palloc(size);

	memcpy(result, string, size);
	return result;
}
