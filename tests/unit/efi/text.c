/* Text of unknown encoding, and words that were meant. */

#include "efi/text.h"

#include "lib/string.h"
#include "tests/test.h"

/* The nearest of the words to @word, or "". */
static const char *meant(const char *word)
{
	static const char candidates[][12] = { "run", "show", "seed", "selftest", "movablecore",
					       "poweroff", "cpus" };
	struct nearest_word search = { .word = word, .bytes = strlen(word) };

	for (unsigned i = 0; i < ARRAY_SIZE(candidates); i++)
		text_try_word(&search, candidates[i]);
	return search.nearest ? search.nearest : "";
}

static bool means(const char *word, const char *expected)
{
	return strcmp(meant(word), expected) == 0;
}

static void slips_find_the_word(void)
{
	CHECK(means("runn", "run"));		/* one more */
	CHECK(means("rn", "run"));		/* one less */
	CHECK(means("ran", "run"));		/* another */
	CHECK(means("shwo", "show"));		/* exchanged */
	CHECK(means("RUN", "run"));
	CHECK(means("self", "selftest"));	/* only begun */
	CHECK(means("moveablecoer", "movablecore"));
	CHECK(means("power-off", "poweroff"));
	CHECK(means("cpu", "cpus"));
}

static void other_words_find_nothing(void)
{
	CHECK(means("", ""));
	CHECK(means("root", ""));
	CHECK(means("se", ""));
	CHECK(means("quiet", ""));
	CHECK(means("console", ""));
	CHECK(means("a word that is far too long for any", ""));
}

static bool decodes(const void *from, size_t bytes, const char *expected)
{
	char text[64];
	size_t length = text_decode(from, bytes, text, sizeof(text));

	return length == strlen(expected) && memcmp(text, expected, length) == 0;
}

static void eight_bits_are_utf8_or_windows(void)
{
	CHECK(decodes("\xEF\xBB\xBFrun", 6, "run"));
	CHECK(decodes("a\xC2\xA0" "b", 4, "a b"));
	CHECK(decodes("\xC3\xBC", 2, "\x1a"));		/* one letter */
	CHECK(decodes("\xFC\xDF", 2, "\x1a\x1a"));		/* two of code page 1252 */
	CHECK(decodes("\x93" "a\x94", 3, "\"a\""));
	CHECK(decodes("\xF0\x9F\x98\x80!", 5, "\x1a!"));
	CHECK(decodes("\xE2\x80", 2, "\x1a\x1a"));		/* cut short */
	CHECK(decodes("\x01\x7f\t\r\n", 5, "\x1a\x1a\t\r\n"));
	CHECK(decodes("", 0, ""));
}

static void wide_text_of_an_odd_length_ends_before_it(void)
{
	CHECK(decodes("\xFF\xFEr\0u\0n", 7, "ru"));
	CHECK(decodes("\xFE\xFF\0r\0u", 6, "ru"));
	CHECK(decodes("\xFF\xFE\0\0r\0\0\0u", 9, "r"));
	CHECK(decodes("r\0\xFC\0", 4, "r\x1a"));
}

static void no_more_is_written_than_fits(void)
{
	char text[4] = "xxx";

	CHECK_EQ(text_decode((const uint8_t *)"abc", 3, text, 2), 2);
	CHECK_EQ(text[2], 'x');
}

static const struct test_case cases[] = {
	{ "slips find the word", slips_find_the_word },
	{ "other words find nothing", other_words_find_nothing },
	{ "eight bits are UTF-8 or Windows'", eight_bits_are_utf8_or_windows },
	{ "wide text of an odd length ends before it", wide_text_of_an_odd_length_ends_before_it },
	{ "no more is written than fits", no_more_is_written_than_fits },
};

TEST_SUITE(text, cases);
