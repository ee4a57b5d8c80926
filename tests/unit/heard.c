/* The log's text, for tests that judge what was said. One case runs at a time: one buffer. */

#include "tests/unit/heard.h"

#include "log.h"
#include "tests/test.h"

#define HEARD_BYTES	8192u

static char heard[HEARD_BYTES];
static size_t nr_heard_bytes;

static void remember(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes && nr_heard_bytes < sizeof(heard) - 1; i++)
		heard[nr_heard_bytes++] = text[i];
	heard[nr_heard_bytes] = '\0';
}

void heard_begin(void)
{
	log_mute(false);	/* as cases are while they run */
	log_fresh_line();
	CHECK(log_add_sink(remember));
	nr_heard_bytes = 0;	/* what the log kept from before was sent, too */
	heard[0] = '\0';
}

const char *heard_end(void)
{
	log_remove_sink(remember);
	log_mute(true);
	return heard;
}
