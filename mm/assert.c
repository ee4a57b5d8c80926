/*
 * A broken contract of a caller ends in the port's panic, with the expression
 * that does not hold.
 */

#include "mm/assert.h"

#include "mm/port.h"

void assert_failed(const char *expression, const char *file, int line)
{
	mm_port_panic(file, line, "assertion failed: %s", expression);
}
