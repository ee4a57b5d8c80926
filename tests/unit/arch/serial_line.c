/*
 * Lines through a transmitter that pauses: a made-up one, with a clock of its own that
 * goes on by a millisecond whenever it is looked at.
 */

#include "arch/x86_64/serial_line.h"
#include "lib/string.h"
#include "tests/test.h"

#define NS_PER_MS	1000000ull
#define PATIENCE_MS	20000u
#define LAST_MS		60000u
#define FOREVER_MS	1000000000u
#define SENT_BYTES	(64u * 1024)

static struct {
	uint64_t now_ms;
	uint64_t pause_start_ms, pause_end_ms;	/* not ready from start to end */
	unsigned nr_looks;
	size_t nr_sent;
	char sent[SENT_BYTES];
} fake;

static struct serial_line line;

static bool is_ready(void)
{
	fake.nr_looks++;
	fake.now_ms++;
	return fake.now_ms < fake.pause_start_ms || fake.now_ms >= fake.pause_end_ms;
}

static void send(uint8_t byte)
{
	if (fake.nr_sent + 1 < SENT_BYTES)
		fake.sent[fake.nr_sent++] = (char)byte;
}

static uint64_t now_ns(void)
{
	return fake.now_ms * NS_PER_MS;
}

static const struct transmitter transmitter = { is_ready, is_ready, send, now_ns };

static void setup(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.pause_start_ms = FOREVER_MS;
	line = (struct serial_line){ .to = &transmitter, .patience_ns = PATIENCE_MS * NS_PER_MS,
				     .last_patience_ns = LAST_MS * NS_PER_MS };
}

static void pause_for(uint64_t ms)
{
	line.room = 0;		/* the FIFO is full */
	fake.pause_start_ms = fake.now_ms;
	fake.pause_end_ms = fake.now_ms + ms;
}

static void write_text(const char *text)
{
	serial_line_write(&line, text, strlen(text));
}

static bool has_sent(const char *text)
{
	return fake.nr_sent == strlen(text) && memcmp(fake.sent, text, fake.nr_sent) == 0;
}

static void lines_are_sent_as_terminals_want_them(void)
{
	setup();
	write_text("one\n");
	write_text("tw");
	write_text("o\nthree");
	CHECK(has_sent("one\r\ntwo\r\nthree"));
}

static void a_pause_within_the_patience_costs_time_alone(void)
{
	setup();
	write_text("one\nt");
	pause_for(PATIENCE_MS - 10);
	write_text("wo\nthree\n");
	CHECK(has_sent("one\r\ntwo\r\nthree\r\n"));
}

static void a_longer_pause_costs_whole_lines_that_are_counted(void)
{
	setup();
	write_text("one\nt");
	pause_for(PATIENCE_MS + 1000);
	write_text("wo\nthree\nfour\nfi");
	fake.pause_end_ms = fake.now_ms;
	write_text("ve\nsix\n");
	CHECK(has_sent("one\r\ntwo\r\n[serial: nobody took 3 lines that stood here]\r\nsix\r\n"));
}

static void the_line_is_never_given_up(void)
{
	setup();
	write_text("one\n");
	pause_for(FOREVER_MS);
	for (unsigned i = 0; i < 1000; i++)
		write_text("lost\n");
	fake.pause_end_ms = fake.now_ms;
	write_text("two\n");
	CHECK(has_sent("one\r\nlost\r\n"
		       "[serial: nobody took 999 lines that stood here]\r\ntwo\r\n"));
}

static void a_pause_costs_the_patience_once_and_a_look_for_each_line(void)
{
	setup();
	write_text("one\n");
	pause_for(FOREVER_MS);
	write_text("two\n");
	CHECK(fake.now_ms >= PATIENCE_MS);
	CHECK(fake.now_ms <= PATIENCE_MS + 10);
	fake.nr_looks = 0;
	for (unsigned i = 0; i < 100; i++)
		write_text("lost\n");
	CHECK_EQ(fake.nr_looks, 100);
}

static void a_reader_that_takes_a_little_now_and_then_costs_each_line_no_more(void)
{
	uint64_t before_ms;

	setup();
	line.was_ready = true;
	for (unsigned i = 0; i < 50; i++) {
		before_ms = fake.now_ms;
		pause_for(PATIENCE_MS / 2);
		/* Two pauses: both together are within the patience, a third is not. */
		write_text("0123456789abcdef0");
		line.room = 0;
		pause_for(PATIENCE_MS / 4);
		write_text("1\n");
		CHECK(fake.now_ms - before_ms <= PATIENCE_MS);
	}
	CHECK(!line.is_paused);
	pause_for(PATIENCE_MS * 2 / 3);
	write_text("x");
	pause_for(PATIENCE_MS * 2 / 3);
	write_text("y");
	CHECK(line.is_paused);
}

static void a_transmitter_that_was_never_ready_costs_a_second(void)
{
	setup();
	pause_for(FOREVER_MS);
	write_text("one\ntwo\nthree\n");
	CHECK(fake.now_ms <= 1010);
	fake.pause_end_ms = fake.now_ms;
	write_text("four\n");
	CHECK(has_sent("one\r\n[serial: nobody took 2 lines that stood here]\r\nfour\r\n"));
}

static void a_long_line_is_held_as_far_as_there_is_room(void)
{
	setup();
	write_text("<");
	pause_for(FOREVER_MS);
	for (unsigned i = 0; i < 3 * SERIAL_HELD_BYTES; i++)
		write_text("x");
	write_text("\n");
	fake.pause_end_ms = fake.now_ms;
	write_text("two\n");
	CHECK_EQ(fake.sent[SERIAL_HELD_BYTES - 1], 'x');
	CHECK_EQ(fake.sent[SERIAL_HELD_BYTES], '\r');
	fake.sent[fake.nr_sent] = '\0';
	CHECK(strcmp(fake.sent + SERIAL_HELD_BYTES,
		     "\r\n[serial: nobody took 1 lines that stood here]\r\ntwo\r\n") == 0);
}

static void a_pause_that_ends_inside_a_line_leaves_it_whole(void)
{
	setup();
	write_text("on");
	pause_for(FOREVER_MS);
	write_text("e a");
	fake.pause_end_ms = fake.now_ms;
	CHECK(serial_line_settle(&line));
	write_text("nd two\nthree\n");
	CHECK(has_sent("one and two\r\nthree\r\n"));
}

static void settling_waits_for_the_reader(void)
{
	setup();
	write_text("one\n");
	pause_for(PATIENCE_MS + LAST_MS - 1000);
	write_text("two\nthree\n");
	CHECK(line.is_paused);
	CHECK(serial_line_settle(&line));
	write_text("verdict\n");
	CHECK(has_sent("one\r\ntwo\r\n"
		       "[serial: nobody took 1 lines that stood here]\r\nverdict\r\n"));
}

static void settling_ends_all_calls_together(void)
{
	uint64_t before_ms;

	setup();
	write_text("one\n");
	pause_for(FOREVER_MS);
	write_text("two\n");
	before_ms = fake.now_ms;
	for (unsigned i = 0; i < 5; i++)
		CHECK(!serial_line_settle(&line));
	CHECK(fake.now_ms - before_ms >= LAST_MS);
	CHECK(fake.now_ms - before_ms <= LAST_MS + 10);
}

static unsigned number_at(const char *at)
{
	unsigned number = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		number = number * 10 + (unsigned)(*at - '0');
	return number;
}

static void make_line(char *to, size_t size, unsigned number)
{
	format_text(to, size, "line %u%.*s", number, (int)(number % 60),
		    "............................................................");
}

/* Each line that was sent is the next one, whole; lines said to be missing are passed over. */
static unsigned count_lines(void)
{
	static const char note[] = "[serial: nobody took ";
	unsigned next = 0;
	char want[100];

	for (char *at = fake.sent, *end; (end = strstr(at, "\r\n")) != NULL; at = end + 2) {
		*end = '\0';
		if (memcmp(at, note, sizeof(note) - 1) == 0) {
			next += number_at(at + sizeof(note) - 1);
			continue;
		}
		make_line(want, sizeof(want), next);
		if (strcmp(at, want) != 0)
			test_fail(__FILE__, __LINE__, "\"%s\" was sent for \"%s\"", at, want);
		next++;
	}
	return next;
}

static void at_random_lines_are_whole_in_order_and_counted(void)
{
	enum { NR_LINES = 500 };
	char text[100];

	setup();
	for (unsigned number = 0; number < NR_LINES; number++) {
		make_line(text, sizeof(text), number);
		for (const char *at = text; *at; at++) {
			if (test_random_below(200) == 0 && fake.now_ms >= fake.pause_end_ms)
				pause_for(test_random_below(2 * PATIENCE_MS));
			serial_line_write(&line, at, 1);
		}
		write_text("\n");
		fake.now_ms += test_random_below(1000);
	}
	CHECK(serial_line_settle(&line));
	fake.sent[fake.nr_sent] = '\0';
	CHECK_EQ(count_lines(), NR_LINES);
}

static const struct test_case cases[] = {
	{ "lines are sent as terminals want them", lines_are_sent_as_terminals_want_them },
	{ "a pause within the patience costs time alone",
	  a_pause_within_the_patience_costs_time_alone },
	{ "a longer pause costs whole lines that are counted",
	  a_longer_pause_costs_whole_lines_that_are_counted },
	{ "the line is never given up", the_line_is_never_given_up },
	{ "a pause costs the patience once and a look for each line",
	  a_pause_costs_the_patience_once_and_a_look_for_each_line },
	{ "a reader that takes a little now and then costs each line no more",
	  a_reader_that_takes_a_little_now_and_then_costs_each_line_no_more },
	{ "a transmitter that was never ready costs a second",
	  a_transmitter_that_was_never_ready_costs_a_second },
	{ "a long line is held as far as there is room",
	  a_long_line_is_held_as_far_as_there_is_room },
	{ "a pause that ends inside a line leaves it whole",
	  a_pause_that_ends_inside_a_line_leaves_it_whole },
	{ "settling waits for the reader", settling_waits_for_the_reader },
	{ "settling ends, all calls together", settling_ends_all_calls_together },
	{ "at random lines are whole, in order and counted",
	  at_random_lines_are_whole_in_order_and_counted },
};

TEST_SUITE(serial_line, cases);
