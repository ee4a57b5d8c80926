#ifndef TESTS_UNIT_HEARD_H
#define TESTS_UNIT_HEARD_H

/* What the code under test says to the log, kept as text: for use inside a case. */

#include <stddef.h>

/* Keeps what is logged from now on, until heard_end(). */
void heard_begin(void);

/* Stops and returns it, cut at what there is room for. Valid until the next begin. */
const char *heard_end(void);

#endif
