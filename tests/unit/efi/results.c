/* Records of runs in memory, intact and otherwise, and what is made of them. */

#include "efi/results.h"

#include "lib/string.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

static const char run[] =
	"1..1\n  # Subtest: a\n  1..2\n  ok 1 b\n  # a.c:1: x < \"y\"\n  not ok 2 c\n"
	"not ok 1 a\nof 9 usable pages\n  slab   9 pages  36 KiB\n"
	"the ledger balances\nslabstick: FAILED, see above\n";

static char *memory;
static char made[8192];

/* The live run's own record goes on in its place afterwards. */
static void setup(void)
{
	memory = vzalloc(RESULTS_BYTES);
	CHECK(memory != NULL);
}

static void make_record(const char *text)
{
	struct results_state before = results_swap((struct results_state){NULL});

	results_start(memory);
	results_write(text, strlen(text));
	results_swap(before);
}

static void what_was_written_is_found(void)
{
	struct results_found found;

	setup();
	CHECK(!results_find(memory, &found));
	make_record(run);
	CHECK(results_find(memory, &found));
	CHECK_EQ(found.nr_bytes, sizeof(run) - 1);
	CHECK(memcmp(found.text, run, found.nr_bytes) == 0);
	CHECK(!found.is_report_wanted);
	results_forget(memory);
	CHECK(!results_find(memory, &found));
	vfree(memory);
}

static void a_changed_bit_is_no_record(void)
{
	struct results_found found;

	setup();
	make_record(run);
	for (size_t i = 0; i < sizeof(run) + 30; i++) {
		memory[i] ^= 4;
		CHECK(!results_find(memory, &found));
		memory[i] ^= 4;
	}
	CHECK(results_find(memory, &found));
	vfree(memory);
}

static void a_long_log_is_cut_and_stays_intact(void)
{
	struct results_state before;
	struct results_found found;

	setup();
	before = results_swap((struct results_state){NULL});
	results_start(memory);
	for (size_t i = 0; i < RESULTS_BYTES / 64; i++)
		results_write("0123456789012345678901234567890123456789012345678901234567890123",
			      64);
	results_ask_for_report();
	results_swap(before);
	CHECK(results_find(memory, &found));
	CHECK(found.nr_bytes < RESULTS_BYTES && found.nr_bytes > RESULTS_BYTES - 64);
	CHECK(found.is_report_wanted);
	vfree(memory);
}

static void verdicts_are_read_off_the_log(void)
{
	static const char panicked[] = "Bail out! a\n", passed[] = "slabstick: all is well\n";

	CHECK_EQ(results_judge(run, sizeof(run) - 1), RESULTS_FAILED);
	CHECK_EQ(results_judge(passed, sizeof(passed) - 1), RESULTS_PASSED);
	CHECK_EQ(results_judge(panicked, sizeof(panicked) - 1), RESULTS_PANICKED);
	CHECK_EQ(results_judge(run, 20), RESULTS_UNFINISHED);
	CHECK_EQ(results_judge("", 0), RESULTS_UNFINISHED);
}

static void json_says_what_the_log_says(void)
{
	static const char expected[] =
		"{\"verdict\": \"FAIL\", \"passed\": 1, \"failed\": 1, \"skipped\": 0,\n"
		" \"failures\": [\n  {\"name\": \"a: c\", \"reason\": \"a.c:1: x < "
		"\\u0022y\\u0022\"}],\n"
		" \"panic\": \"\", \"frames\": [],\n"
		" \"ledger_balances\": true, \"ledger_pages\": {\"slab\": 9}}\n";
	size_t bytes = results_json(made, sizeof(made), run, sizeof(run) - 1);

	CHECK_EQ(bytes, sizeof(expected) - 1);
	CHECK(memcmp(made, expected, sizeof(expected) - 1) == 0);
}

static void html_ends_where_its_place_does(void)
{
	size_t bytes = results_html(made, sizeof(made) - 1, run, sizeof(run) - 1);

	made[bytes] = '\0';
	CHECK(strstr(made, "<h1 class=\"FAIL\">FAIL</h1><p>1 passed, 1 failed, 0 skipped</p>"));
	CHECK(strstr(made, "a.c:1: x &#60; \"y\""));
	bytes = results_html(made, 900, run, sizeof(run) - 1);
	made[bytes] = '\0';
	CHECK(bytes <= 900);
	CHECK(strstr(made, "</pre></html>\n") == made + bytes - strlen("</pre></html>\n"));
}

static const struct test_case cases[] = {
	{"what was written is found", what_was_written_is_found},
	{"a changed bit is no record", a_changed_bit_is_no_record},
	{"a long log is cut and stays intact", a_long_log_is_cut_and_stays_intact},
	{"verdicts are read off the log", verdicts_are_read_off_the_log},
	{"json says what the log says", json_says_what_the_log_says},
	{"html ends where its place does", html_ends_where_its_place_does},
};

TEST_SUITE(results, cases);
