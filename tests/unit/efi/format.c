/* The formatter against what C's snprintf gives for the same arguments. */

#include "log.h"

#include "lib/string.h"
#include "tests/test.h"

/* Formats and compares; the message shows both texts. */
#define CHECK_FORMAT(expected, ...) do {					\
	char got[128];								\
	int length = format_text(got, sizeof(got), __VA_ARGS__);		\
	if (strcmp(got, expected) != 0)						\
		test_fail(__FILE__, __LINE__, "got \"%s\", expected \"%s\"", got, expected); \
	CHECK_EQ(length, strlen(expected));					\
} while (0)

static void integers_of_every_length(void)
{
	CHECK_FORMAT("-1 4294967295", "%d %u", -1, 0xFFFFFFFFu);
	CHECK_FORMAT("-9223372036854775808", "%lld", (long long)INT64_MIN);
	CHECK_FORMAT("18446744073709551615", "%llu", (unsigned long long)UINT64_MAX);
	CHECK_FORMAT("-1 255", "%hhd %hhu", (signed char)-1, (unsigned char)255);
	CHECK_FORMAT("-1 65535", "%hd %hu", (short)-1, (unsigned short)65535);
	CHECK_FORMAT("7 8 9", "%zu %ld %jd", (size_t)7, 8l, (intmax_t)9);
	CHECK_FORMAT("ff FF 0xff 377", "%x %X %#x %o", 255u, 255u, 255u, 255u);
}

static void width_precision_and_flags(void)
{
	CHECK_FORMAT("   42|42   |00042|+42| 42", "%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42);
	CHECK_FORMAT("  007|007  |-007", "%5.3d|%-5.3d|%.3d", 7, 7, -7);
	CHECK_FORMAT("-0042|0x002a", "%05d|%#06x", -42, 42u);
	CHECK_FORMAT("   42|42   ", "%*d|%*d", 5, 42, -5, 42);
	CHECK_FORMAT("||0|00", "%.0d|%.*u|%#x|%#.2x", 0, 0, 0u, 0u, 0u);
	CHECK_FORMAT("0|017", "%#o|%#o", 0u, 15u);
}

static void strings_and_characters(void)
{
	CHECK_FORMAT("[abc] [  abc] [abc  ] [ab]", "[%s] [%5s] [%-5s] [%.2s]", "abc", "abc", "abc",
		     "abc");
	CHECK_FORMAT("x%y", "%c%%%c", 'x', 'y');
	CHECK_FORMAT("Node 0, zone    DMA32 ", "Node %d, zone %8s ", 0, "DMA32");
}

static void pointers_are_sixteen_digits(void)
{
	CHECK_FORMAT("0x00000000deadbeef", "0x%p", (void *)0xdeadbeef);
	CHECK_FORMAT("ffffc90000000000", "%p", (void *)0xffffc90000000000);
}

static void text_is_cut_and_counted(void)
{
	char small[4] = "###";

	CHECK_EQ(format_text(small, sizeof(small), "%s", "abcdef"), 6);
	CHECK(strcmp(small, "abc") == 0);
	CHECK_EQ(format_text(small, 1, "%d", 12345), 5);
	CHECK_EQ(small[0], '\0');
	small[0] = '#';
	CHECK_EQ(format_text(small, 0, "%d", 12345), 5);
	CHECK_EQ(small[0], '#');
}

/* The compiler would refuse these formats, and rightly: hand them over unseen. */
static void unknown_conversions_stay_visible(void)
{
	const char *volatile wrong = "a %q b %";
	char got[32];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	format_text(got, sizeof(got), wrong);
#pragma GCC diagnostic pop
	CHECK(strcmp(got, "a %q b %") == 0);
}

static void a_null_string_does_not_crash(void)
{
	const char *volatile nothing = NULL;

	CHECK_FORMAT("(null)", "%s", nothing);
}

static const struct test_case cases[] = {
	{ "integers of every length", integers_of_every_length },
	{ "width precision and flags", width_precision_and_flags },
	{ "strings and characters", strings_and_characters },
	{ "pointers are sixteen digits", pointers_are_sixteen_digits },
	{ "text is cut and counted", text_is_cut_and_counted },
	{ "unknown conversions stay visible", unknown_conversions_stay_visible },
	{ "a null string does not crash", a_null_string_does_not_crash },
};

TEST_SUITE(format, cases);
