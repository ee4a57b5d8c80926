/*
 * The log, seen through a sink that remembers. Each case takes its sink away
 * again; what it logs appears in the run's own log, as comments.
 */

#include "log.h"

#include "lib/string.h"
#include "tests/test.h"

static char heard[1024];		/* the last of what came */
static size_t nr_heard_bytes;

static void remember(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (nr_heard_bytes >= sizeof(heard) - 1)
			memmove(heard, heard + 1, --nr_heard_bytes);
		heard[nr_heard_bytes++] = text[i];
	}
	heard[nr_heard_bytes] = '\0';
}

/* Adds the sink and forgets what the ring sent it. */
static void listen(void)
{
	log_fresh_line();
	log_mute(false);
	CHECK(log_add_sink(remember));
	nr_heard_bytes = 0;
	heard[0] = '\0';
}

static bool has_heard(const char *text)
{
	return strcmp(heard, text) == 0;
}

static void lines_end_and_raw_text_does_not(void)
{
	listen();
	log_line(LOG_INFO, "# one %d", 1);
	log_raw("# two");
	log_raw(" and three\n");
	log_remove_sink(remember);
	CHECK(has_heard("# one 1\n# two and three\n"));
}

static void a_line_starts_at_column_0(void)
{
	listen();
	log_raw("# open");
	log_line(LOG_INFO, "# next");
	log_raw("# open again");
	log_fresh_line();
	log_fresh_line();
	log_remove_sink(remember);
	CHECK(has_heard("# open\n# next\n# open again\n"));
}

static void levels_below_the_threshold_are_dropped(void)
{
	enum log_level level;

	listen();
	level = log_set_level(LOG_INFO);
	log_line(LOG_DEBUG, "# not this");
	log_set_level(LOG_DEBUG);
	log_line(LOG_DEBUG, "# this");
	log_mute(true);
	log_line(LOG_ERROR, "# nor this");
	log_set_level(level);
	log_remove_sink(remember);
	CHECK(has_heard("# this\n"));
}

static void a_panic_tells_what_was_muted(void)
{
	listen();
	log_mute(true);
	log_line(LOG_ERROR, "# of another case");
	log_mute(true);
	log_line(LOG_ERROR, "# why, %s", "first line");
	log_line(LOG_DEBUG, "# nobody asked");
	log_line(LOG_ERROR, "# why, second line");
	CHECK(has_heard(""));
	log_raw("# open");
	log_tell_muted();
	log_tell_muted();
	log_remove_sink(remember);
	CHECK(has_heard("# open\n# why, first line\n# why, second line\n"));
}

static struct {
	unsigned nr_lines, nr_bytes;
	char first;
} told;

static void count_told(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (told.nr_bytes++ == 0)
			told.first = text[i];
		told.nr_lines += text[i] == '\n';
	}
}

static void of_much_that_was_muted_the_last_lines_are_told(void)
{
	listen();
	CHECK(log_add_sink(count_told));
	memset(&told, 0, sizeof(told));		/* without what the ring sent */
	log_mute(true);
	for (unsigned i = 0; i < 10; i++)
		log_line(LOG_ERROR, "# %0997u", i);
	log_tell_muted();
	log_remove_sink(count_told);
	log_remove_sink(remember);
	CHECK_EQ(told.first, '#');
	CHECK_EQ(told.nr_lines, 4);
	CHECK_EQ(told.nr_bytes, 4000);
	CHECK(strcmp(heard + strlen(heard) - 3, "09\n") == 0);
}

static void long_text_is_not_cut(void)
{
	static char text[600];

	memset(text, 'x', sizeof(text) - 1);
	text[0] = '#';
	listen();
	log_line(LOG_INFO, "%s", text);
	log_remove_sink(remember);
	CHECK_EQ(nr_heard_bytes, sizeof(text));
	CHECK(memcmp(heard, text, sizeof(text) - 1) == 0);
}

static void a_new_sink_gets_the_ring(void)
{
	log_mute(false);
	log_line(LOG_INFO, "# before the sink was there");
	nr_heard_bytes = 0;
	CHECK(log_add_sink(remember));
	log_remove_sink(remember);
	CHECK(strstr(heard, "# before the sink was there\n") != NULL);
	log_line(LOG_INFO, "# after it went");
	CHECK(strstr(heard, "# after it went") == NULL);
}

static void sink_a(const char *text, size_t bytes)
{
	(void)text;
	(void)bytes;
}

static void sink_b(const char *text, size_t bytes)
{
	(void)text;
	(void)bytes;
}

static void there_are_eight_sinks_at_most(void)
{
	unsigned nr_added = 0;

	for (unsigned i = 0; i < 8; i++)
		nr_added += log_add_sink(i % 2 ? sink_a : sink_b);
	CHECK(nr_added < 8);	/* the run itself has at least one */
	log_remove_sink(sink_a);
	log_remove_sink(sink_b);
	CHECK(log_add_sink(sink_a));
	log_remove_sink(sink_a);
}

static const struct test_case cases[] = {
	{ "lines end and raw text does not", lines_end_and_raw_text_does_not },
	{ "a line starts at column 0", a_line_starts_at_column_0 },
	{ "levels below the threshold are dropped", levels_below_the_threshold_are_dropped },
	{ "a panic tells what was muted", a_panic_tells_what_was_muted },
	{ "of much that was muted the last lines are told",
	  of_much_that_was_muted_the_last_lines_are_told },
	{ "long text is not cut", long_text_is_not_cut },
	{ "a new sink gets the ring", a_new_sink_gets_the_ring },
	{ "there are eight sinks at most", there_are_eight_sinks_at_most },
};

TEST_SUITE(log, cases);
