#ifndef STATUS_H
#define STATUS_H

/*
 * Why an operation on outside input (firmware tables, options, devices) did
 * not succeed. Memory running out inside the allocators is NULL, not a status.
 */

#include "lib/compiler.h"

enum status {
	STATUS_OK,
	STATUS_ABSENT,		/* the thing is not there; often normal */
	STATUS_BAD_TABLE,	/* a firmware table breaks its own format */
	STATUS_BAD_CHECKSUM,
	STATUS_BAD_LENGTH,
	STATUS_BAD_VALUE,	/* well-formed but meaningless or contradictory */
	STATUS_NO_MEMORY,
	STATUS_TOO_MANY,	/* more than a documented maximum */
	STATUS_UNSUPPORTED,
	STATUS_TIMEOUT,
	STATUS_IO,
	NR_STATUS
};

/* A short lower-case phrase such as "bad checksum". Never NULL. */
const char *status_text(enum status status);

#endif
