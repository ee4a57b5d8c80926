/* What each enum status is called in messages. */

#include "status.h"

/* A switch, not an array of pointers: right before and after every relocation. */
const char *status_text(enum status status)
{
	switch (status) {
	case STATUS_OK: return "ok";
	case STATUS_ABSENT: return "absent";
	case STATUS_BAD_TABLE: return "malformed table";
	case STATUS_BAD_CHECKSUM: return "bad checksum";
	case STATUS_BAD_LENGTH: return "bad length";
	case STATUS_BAD_VALUE: return "bad value";
	case STATUS_NO_MEMORY: return "out of memory";
	case STATUS_TOO_MANY: return "too many";
	case STATUS_UNSUPPORTED: return "unsupported";
	case STATUS_TIMEOUT: return "timeout";
	case STATUS_IO: return "input/output error";
	case NR_STATUS: break;
	}
	return "unknown status";
}
