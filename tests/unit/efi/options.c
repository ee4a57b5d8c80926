/*
 * Options. The live options of a run are put aside while a case plays with
 * them and come back afterwards.
 */

#include "efi/options.h"

#include "lib/string.h"
#include "log.h"
#include "tests/test.h"

static char live_options[4096];

static void begin(void)
{
	options_line(live_options, sizeof(live_options));
	options_clear();
}

static void end(void)
{
	options_clear();
	options_add(live_options, strlen(live_options), "this run");
}

static void add(const char *text)
{
	options_add(text, strlen(text), "test");
}

/* True when @key's value is @expected; NULL: not given. */
static bool is_option(const char *key, const char *expected)
{
	const char *value = options_get(key);

	if (!value || !expected)
		return value == expected;
	return strcmp(value, expected) == 0;
}

static void words_become_values(void)
{
	begin();
	add("run=selftest,show\ttests=buddy.*\r\n seed=7 ");
	CHECK(is_option("run", "selftest,show"));
	CHECK(is_option("tests", "buddy.*"));
	CHECK(is_option("seed", "7"));
	CHECK(is_option("end", NULL));
	end();
}

static void the_later_value_wins(void)
{
	begin();
	add("run=show");
	add("run=bench run=lecture");
	CHECK(is_option("run", "lecture"));
	add("run=");
	CHECK(is_option("run", ""));
	end();
}

static void unknown_words_change_nothing(void)
{
	begin();
	add("foo=1 run bar =x runn=1 RUN=1");
	options_line(live_options + 2048, 64);
	CHECK_EQ(live_options[2048], '\0');
	end();
}

static void a_value_that_is_too_long_is_ignored(void)
{
	static char word[300];

	begin();
	memset(word, 'x', sizeof(word));
	memcpy(word, "tests=", 6);
	options_add(word, sizeof(word), "test");
	CHECK(is_option("tests", NULL));
	options_add(word, 6 + 255, "test");
	CHECK_EQ(strlen(options_get("tests")), 255);
	end();
}

static void text_ends_at_its_length_or_zero(void)
{
	begin();
	options_add("seed=12345", 7, "test");
	CHECK(is_option("seed", "12"));
	options_add("seed=3\0cpus=4", 13, "test");
	CHECK(is_option("seed", "3"));
	CHECK(is_option("cpus", NULL));
	end();
}

static void numbers(void)
{
	begin();
	CHECK_EQ(options_number("seed", 5), 5);
	add("seed=0x1F cpus=12 stress=1x fail_nth=18446744073709551616");
	CHECK_EQ(options_number("seed", 5), 31);
	CHECK_EQ(options_number("cpus", 5), 12);
	CHECK_EQ(options_number("stress", 5), 5);
	CHECK_EQ(options_number("fail_nth", 5), 5);
	end();
}

/* movablecore=@text reads as so many bytes, or percent. */
static bool reads_as(const char *text, uint64_t bytes, uint32_t percent)
{
	struct movable_request memory;
	char word[64];

	format_text(word, sizeof(word), "movablecore=%s", text);
	add(word);
	memory = options_memory("movablecore");
	return memory.bytes == bytes && memory.percent == percent;
}

static void amounts_of_memory(void)
{
	begin();
	CHECK_EQ(options_memory("movablecore").bytes, 0);
	CHECK(reads_as("4096", 4096, 0));
	CHECK(reads_as("0x10k", 16384, 0));
	CHECK(reads_as("3M", 3 << 20, 0));
	CHECK(reads_as("2G", (uint64_t)2 << 30, 0));
	CHECK(reads_as("1T", (uint64_t)1 << 40, 0));
	CHECK(reads_as("50%", 0, 50));
	CHECK(reads_as("100%", 0, 100));
	CHECK(reads_as("101%", 0, 0));
	CHECK(reads_as("4294967297%", 0, 0));
	CHECK(reads_as("", 0, 0));
	CHECK(reads_as("M", 0, 0));
	CHECK(reads_as("%", 0, 0));
	CHECK(reads_as("5MM", 0, 0));
	CHECK(reads_as("16777216T", 0, 0));	/* 2^64 */
	end();
}

static void lists(void)
{
	const char *at = "a,,bcd,";
	char item[3];

	begin();
	add("show=acpi,numa");
	CHECK(options_has("show", "acpi"));
	CHECK(options_has("show", "numa"));
	CHECK(!options_has("show", "num"));
	CHECK(!options_has("run", "show"));
	CHECK(options_next_item(&at, item, sizeof(item)));
	CHECK(strcmp(item, "a") == 0);
	CHECK(options_next_item(&at, item, sizeof(item)));
	CHECK(strcmp(item, "bc") == 0);	/* cut, and not in two */
	CHECK(!options_next_item(&at, item, sizeof(item)));
	end();
}

static const struct test_case cases[] = {
	{ "words become values", words_become_values },
	{ "the later value wins", the_later_value_wins },
	{ "unknown words change nothing", unknown_words_change_nothing },
	{ "a value that is too long is ignored", a_value_that_is_too_long_is_ignored },
	{ "text ends at its length or zero", text_ends_at_its_length_or_zero },
	{ "numbers", numbers },
	{ "amounts of memory", amounts_of_memory },
	{ "lists", lists },
};

TEST_SUITE(options, cases);
