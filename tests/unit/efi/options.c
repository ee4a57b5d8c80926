/*
 * Options. The live options of a run are put aside while a case plays with
 * them and come back afterwards.
 */

#include "efi/options.h"

#include "lib/string.h"
#include "log.h"
#include "tests/test.h"

static char live_options[4096];
static unsigned nr_live_faults;

static void begin(void)
{
	nr_live_faults = options_nr_faults();
	options_line(live_options, sizeof(live_options));
	options_clear();
}

static void end(void)
{
	options_clear();
	options_add(live_options, strlen(live_options), "this run");
	options_set_nr_faults(nr_live_faults);
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
	CHECK(is_option("run", NULL));	/* as if nobody had given it */
	CHECK_EQ(options_nr_faults(), 0);
	end();
}

static void unknown_words_change_nothing(void)
{
	begin();
	add("foo=1 run bar =x runn=1 RUN=1");
	options_line(live_options + 2048, 64);
	CHECK_EQ(live_options[2048], '\0');
	CHECK_EQ(options_nr_faults(), 6);
	end();
}

static void a_value_that_is_too_long_is_ignored(void)
{
	enum { LONGEST = 2047 };
	static char word[6 + LONGEST + 1];

	begin();
	memset(word, 'x', sizeof(word));
	memcpy(word, "tests=", 6);
	options_add(word, sizeof(word), "test");
	CHECK(is_option("tests", NULL));
	CHECK_EQ(options_nr_faults(), 1);
	options_add(word, 6 + LONGEST, "test");
	CHECK_EQ(strlen(options_get("tests")), LONGEST);
	CHECK_EQ(options_nr_faults(), 1);
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
	CHECK_EQ(options_nr_faults(), 2);
	CHECK_EQ(options_number("seed", 5), 31);
	CHECK_EQ(options_number("cpus", 5), 12);
	CHECK_EQ(options_number("stress", 5), 5);
	CHECK_EQ(options_number("fail_nth", 5), 5);
	end();
}

static void a_pace_is_a_number_or_a_word(void)
{
	begin();
	add("pace=2");
	CHECK(is_option("pace", "2"));
	add("pace=key");
	CHECK(is_option("pace", "key"));
	CHECK_EQ(options_nr_faults(), 0);
	add("pace=-1 pace=abc pace=keys pace=2s");
	CHECK(is_option("pace", "key"));
	CHECK_EQ(options_nr_faults(), 4);
	add("stress=key");		/* which has no such word */
	CHECK(is_option("stress", NULL));
	CHECK_EQ(options_nr_faults(), 5);
	end();
}

static void guard_0_means_no_sampling(void)
{
	begin();
	add("guard=100 guard=0");
	CHECK_EQ(options_nr_faults(), 0);
	CHECK_EQ(options_number("guard", 5), 0);
	end();
}

/* movablecore=@text reads as so many bytes, or percent. */
static bool reads_as(const char *text, uint64_t bytes, uint32_t percent)
{
	struct movable_request memory;
	char word[64];

	add("movablecore=");
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

/* @text leaves @nr faults and nothing else. */
static bool leaves_faults(const char *text, unsigned nr)
{
	char line[64];

	options_clear();
	add(text);
	options_line(line, sizeof(line));
	return options_nr_faults() == nr && line[0] == '\0';
}

static void addresses_and_ranges_of_them(void)
{
	static const char *const bad[] = {
		"badpages=x", "badpages=1-", "badpages=-1", "badpages=2-1", "badpages=4096-4096",
		"badpages=10%", "badpages=1,,x", "badpages=0-0xffffffffffffffff",
		"badpages=0xffffffffffffffff", "badpages=1-2-3",
	};
	struct option_range ranges[OPTION_RANGES_MAX];

	begin();
	CHECK_EQ(options_ranges("badpages", ranges), 0);
	add("badpages=0x12345678,4095,1M-3M,0x1000-0x2001");
	CHECK_EQ(options_ranges("badpages", ranges), 4);
	CHECK_EQ(ranges[0].start, 0x12345000);
	CHECK_EQ(ranges[0].end, 0x12346000);
	CHECK_EQ(ranges[1].start, 0);
	CHECK_EQ(ranges[1].end, 0x1000);
	CHECK_EQ(ranges[2].start, 1u << 20);
	CHECK_EQ(ranges[2].end, 3u << 20);
	CHECK_EQ(ranges[3].start, 0x1000);
	CHECK_EQ(ranges[3].end, 0x3000);
	CHECK_EQ(options_nr_faults(), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		add(bad[i]);
		CHECK_EQ(options_nr_faults(), i + 1);
	}
	CHECK_EQ(options_ranges("badpages", ranges), 4);
	end();
}

/* As many as there is room for; one more is a fault, and none of them is taken. */
static void no_more_ranges_than_there_is_room_for(void)
{
	char text[16 + 2 * (OPTION_RANGES_MAX + 1)] = "badpages=";
	struct option_range ranges[OPTION_RANGES_MAX];
	size_t length = strlen(text);

	begin();
	for (unsigned i = 0; i < OPTION_RANGES_MAX; i++, length += 2)
		memcpy(text + length, "1,", 3);
	add(text);
	CHECK_EQ(options_ranges("badpages", ranges), OPTION_RANGES_MAX);
	CHECK_EQ(options_nr_faults(), 0);
	memcpy(text + length, "1", 2);
	add(text);
	CHECK_EQ(options_nr_faults(), 1);
	end();
}

static void bad_values_are_faults_and_change_nothing(void)
{
	begin();
	CHECK(leaves_faults("seed=banana", 1));
	CHECK(leaves_faults("cpus=x cpus=0 cpus=-1", 3));
	CHECK(leaves_faults("cpus=99999999999999999999", 1));
	CHECK(leaves_faults("stress=0", 1));
	CHECK(leaves_faults("loglevel=xxx capture=perhaps end=stop", 3));
	CHECK(leaves_faults("loglevel=info,debug", 1));
	CHECK(leaves_faults("movablecore movablecore=5x", 2));
	add("seed=5 seed=banana");
	CHECK(is_option("seed", "5"));
	end();
}

static void comments_and_blank_lines_say_nothing(void)
{
	begin();
	add("# run=stress\r\n\r\n   ; end=poweroff\nrun=show # end=halt\r\n"
	    "#\n;\nseed=4;cpus=1\n\ttests=a.*#b\r\n#end=reboot");
	CHECK(is_option("run", "show"));
	CHECK(is_option("seed", "4"));
	CHECK(is_option("tests", "a.*"));
	CHECK(is_option("end", NULL));
	CHECK(is_option("cpus", NULL));
	CHECK_EQ(options_nr_faults(), 0);
	end();
}

static void quotes_keep_a_word_together(void)
{
	begin();
	add("tests=\"buddy.* slab.*\" 'run=show' se\"ed\"=3 bench='a#b;c' \"\"");
	CHECK(is_option("tests", "buddy.* slab.*"));
	CHECK(is_option("run", "show"));
	CHECK(is_option("seed", "3"));
	CHECK(is_option("bench", "a#b;c"));
	CHECK_EQ(options_nr_faults(), 0);
	add("run=\"bench\nend=halt");
	CHECK(is_option("run", "show"));
	CHECK(is_option("end", "halt"));
	CHECK_EQ(options_nr_faults(), 1);
	end();
}

/* What is printed as the command line means the same when it is read. */
static void the_line_reads_back(void)
{
	static const char given[] = "tests='a \"b\"'\"'\" bench=\"x;y z\" show=\"it's\" run=none";
	char line[256], again[256];

	begin();
	add(given);
	options_line(line, sizeof(line));
	options_clear();
	add(line);
	options_line(again, sizeof(again));
	CHECK(is_option("tests", "a \"b\"'"));
	CHECK(is_option("bench", "x;y z"));
	CHECK(is_option("show", "it's"));
	CHECK(strcmp(line, again) == 0);
	CHECK_EQ(options_nr_faults(), 0);
	end();
}

/* ---- Files ---- */

static uint8_t file[OPTIONS_FILE_BYTES + 1];

/* Adds @text as a file whose characters have @unit_bytes. */
static void add_file_of(const char *text, size_t unit_bytes, bool is_big_endian, bool has_mark)
{
	size_t at = 0;

	memset(file, 0, sizeof(file));
	for (size_t i = 0; i <= strlen(text); i++) {
		uint32_t c = i > 0 ? (uint8_t)text[i - 1] : 0xFEFF;

		if (i == 0 && !has_mark)
			continue;
		for (size_t j = 0; j < unit_bytes; j++)
			file[at + (is_big_endian ? unit_bytes - 1 - j : j)] = (uint8_t)(c >> 8 * j);
		at += unit_bytes;
	}
	options_add_file(file, at, "test");
}

static void files_of_every_encoding_are_read(void)
{
	static const struct {
		size_t unit_bytes;
		bool is_big_endian, has_mark;
	} ways[] = {
		{ 1, false, false }, { 2, false, false }, { 2, false, true }, { 2, true, false },
		{ 2, true, true }, { 4, false, true }, { 4, true, true },
	};

	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		options_clear();
		add_file_of("run=show\r\nseed=7\r\n", ways[i].unit_bytes, ways[i].is_big_endian,
			    ways[i].has_mark);
		CHECK(is_option("run", "show"));
		CHECK_EQ(options_number("seed", 0), 7);
		CHECK_EQ(options_nr_faults(), 0);
	}
	options_clear();
	add_file_of("\xEF\xBB\xBFrun=show", 1, false, false);
	CHECK(is_option("run", "show"));
	end();
}

static void what_is_no_ascii_may_stand_in_comments(void)
{
	begin();
	add_file_of("# gr\xC3\xBC\xC3\x9F und Gr\xFC\xDF\xE2\nrun=show\x1a", 1, false, false);
	CHECK(is_option("run", "show"));
	CHECK_EQ(options_nr_faults(), 0);
	add_file_of("tests=\xE2\x80\x9C" "a b\xE2\x80\x9D run=sh\xC3\xB6w", 1, false, false);
	CHECK(is_option("tests", "a b"));
	CHECK_EQ(options_nr_faults(), 0);	/* run= is checked by those who know its words */
	add_file_of("seed=\xC3\xB6", 1, false, false);
	CHECK_EQ(options_nr_faults(), 1);
	end();
}

static void a_long_file_is_read_or_said_to_be_cut(void)
{
	static const char options_at_end[] = "\nend=halt";

	begin();
	memset(file, '#', sizeof(file));
	memcpy(file + OPTIONS_FILE_BYTES - strlen(options_at_end), options_at_end,
	       strlen(options_at_end));
	options_add_file(file, OPTIONS_FILE_BYTES, "test");
	CHECK(is_option("end", "halt"));
	CHECK_EQ(options_nr_faults(), 0);
	options_clear();
	memset(file, '#', sizeof(file));
	memcpy(file, "seed=1\n", 7);
	memcpy(file + OPTIONS_FILE_BYTES - 5, "\nrun=ab", 6);	/* and more behind */
	options_add_file(file, OPTIONS_FILE_BYTES + 1, "test");
	CHECK(is_option("seed", "1"));
	CHECK(is_option("run", NULL));		/* half a word means something else */
	CHECK_EQ(options_nr_faults(), 1);
	end();
}

static void a_zero_byte_in_a_file_is_told(void)
{
	begin();
	memcpy(file, "seed=1\n\0run=show", 16);
	options_add_file(file, 16, "test");
	CHECK(is_option("seed", "1"));
	CHECK_EQ(options_nr_faults(), 1);
	options_clear();
	memcpy(file, "seed=1\n\0\0\0\0", 11);
	options_add_file(file, 11, "test");
	CHECK_EQ(options_nr_faults(), 0);
	end();
}

/* ---- Load options ---- */

static uint8_t load[512];
static size_t load_bytes;

static void load_put(const void *bytes, size_t nr_bytes)
{
	memcpy(load + load_bytes, bytes, nr_bytes);
	load_bytes += nr_bytes;
}

/* With the 0 that ends it. */
static void load_put_wide(const char *text)
{
	for (size_t i = 0; i <= strlen(text); i++) {
		load[load_bytes++] = (uint8_t)text[i];
		load[load_bytes++] = 0;
	}
}

static void load_begin(void)
{
	options_clear();
	load_bytes = 0;
}

static void load_options_are_text_of_either_width(void)
{
	begin();
	load_begin();
	load_put_wide("FS0:\\EFI\\BOOT\\BOOTX64.EFI run=show");
	options_add_load_options(load, load_bytes);
	CHECK(is_option("run", "show"));
	load_begin();
	load_put("run=show seed=1", 16);
	options_add_load_options(load, load_bytes);
	CHECK(is_option("run", "show"));
	CHECK(is_option("seed", "1"));
	load_begin();
	load_put_wide("\"fs0:\\a b\\slabstick.efi\" runn=show");
	options_add_load_options(load, load_bytes);
	CHECK_EQ(options_nr_faults(), 1);	/* nearly one of ours: a slip */
	load_begin();
	load_put_wide("BOOTX64.EFI");
	options_add_load_options(load, load_bytes);
	options_add_load_options(load, 0);
	CHECK_EQ(options_nr_faults(), 0);
	end();
}

static void a_whole_load_option_is_looked_into(void)
{
	static const uint8_t head[] = { 1, 0, 0, 0, 8, 0 };
	static const uint8_t path[] = { 4, 4, 4, 0, 0x7F, 0xFF, 4, 0 };

	begin();
	load_begin();
	load_put(head, sizeof(head));
	load_put_wide("Slabstick run=bench");
	load_put(path, sizeof(path));
	load_put_wide("run=show");
	options_add_load_options(load, load_bytes);
	CHECK(is_option("run", "show"));
	CHECK_EQ(options_nr_faults(), 0);
	for (size_t bytes = 0; bytes < load_bytes; bytes++)
		options_add_load_options(load, bytes);	/* cut anywhere: nothing is read past it */
	end();
}

static void garbage_and_other_systems_words_are_no_fault(void)
{
	static const uint8_t guid[] = { 0x4E, 0xAC, 0x08, 0x81, 0x11, 0x9F, 0x59, 0x4D,
					0x85, 0x0E, 0xE2, 0x1A, 0x52, 0x2C, 0x59, 0xB2 };
	char line[64];

	begin();
	load_begin();
	options_add_load_options(guid, sizeof(guid));
	load_put_wide("root=/dev/sda2 console=ttyS0 quiet init=/bin/sh");
	options_add_load_options(load, load_bytes);
	options_line(line, sizeof(line));
	CHECK_EQ(line[0], '\0');
	CHECK_EQ(options_nr_faults(), 0);
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
	{ "addresses and ranges of them", addresses_and_ranges_of_them },
	{ "no more ranges than there is room for", no_more_ranges_than_there_is_room_for },
	{ "words become values", words_become_values },
	{ "the later value wins", the_later_value_wins },
	{ "unknown words change nothing", unknown_words_change_nothing },
	{ "a value that is too long is ignored", a_value_that_is_too_long_is_ignored },
	{ "text ends at its length or zero", text_ends_at_its_length_or_zero },
	{ "numbers", numbers },
	{ "a pace is a number or a word", a_pace_is_a_number_or_a_word },
	{ "guard=0 means no sampling", guard_0_means_no_sampling },
	{ "amounts of memory", amounts_of_memory },
	{ "bad values are faults and change nothing", bad_values_are_faults_and_change_nothing },
	{ "comments and blank lines say nothing", comments_and_blank_lines_say_nothing },
	{ "quotes keep a word together", quotes_keep_a_word_together },
	{ "the line reads back", the_line_reads_back },
	{ "files of every encoding are read", files_of_every_encoding_are_read },
	{ "what is no ASCII may stand in comments", what_is_no_ascii_may_stand_in_comments },
	{ "a long file is read or said to be cut", a_long_file_is_read_or_said_to_be_cut },
	{ "a zero byte in a file is told", a_zero_byte_in_a_file_is_told },
	{ "load options are text of either width", load_options_are_text_of_either_width },
	{ "a whole load option is looked into", a_whole_load_option_is_looked_into },
	{ "garbage and other systems' words are no fault",
	  garbage_and_other_systems_words_are_no_fault },
	{ "lists", lists },
};

TEST_SUITE(options, cases);
