#ifndef MM_INJECT_H
#define MM_INJECT_H

/* Failures on purpose. See mm/page/inject.c. */

#include "mm/types.h"

/* Requests may be meant to fail: what serves them without asking must not. */
bool inject_is_armed(void);

/* Counts a request with @gfp. True when it is the one to fail. */
bool inject_must_fail(gfp_t gfp);

#endif
