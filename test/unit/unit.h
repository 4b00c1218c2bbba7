/*-------------------------------------------------------------------------
 *
 * unit.h
 *	  Checks for the unit tests.
 *
 * A check that fails is printed with its place, and counted; the program goes
 * on.  main() ends with `return unit_summary("test_x");`.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned long unit_passed = 0;
static unsigned long unit_failed = 0;

__attribute__((unused))
static bool
unit_check(bool good, const char *file, int line, const char *what)
{
	if (good)
		unit_passed++;
	else
	{
		unit_failed++;
		if (unit_failed <= 50)
			printf("%s:%d: failed: %s\n", file, line, what);
	}
	return good;
}

#define CHECK(condition) \
	unit_check((condition), __FILE__, __LINE__, #condition)

/* The same with words of one's own, for checks in a loop. */
#define CHECK_SAY(condition, what) \
	unit_check((condition), __FILE__, __LINE__, what)

__attribute__((unused))
static bool
unit_check_text(const char *got, const char *expected, const char *file,
				int line)
{
	bool		good = strcmp(got, expected) == 0;

	unit_check(good, file, line, "texts are equal");
	if (!good && unit_failed <= 50)
		printf("\tgot      \"%s\"\n\texpected \"%s\"\n", got, expected);
	return good;
}

#define CHECK_TEXT(got, expected) \
	unit_check_text((got), (expected), __FILE__, __LINE__)

/* The last line of a test program and its exit status. */
__attribute__((unused))
static int
unit_summary(const char *program)
{
	printf("%s: %lu passed, %lu failed\n", program, unit_passed, unit_failed);
	return unit_failed == 0 && unit_passed > 0 ? 0 : 1;
}

#endif							/* UNIT_H */
