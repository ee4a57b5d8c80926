/* The framework tests itself: globs, expected panics, random streams. */

#include "lib/string.h"
#include "mm/assert.h"
#include "tests/glob.h"
#include "tests/test.h"

static void globs_match_whole_names(void)
{
	CHECK(glob_list_matches("page0_pair", "page0_pair"));
	CHECK(!glob_list_matches("page0", "page0_pair"));
	CHECK(!glob_list_matches("page0_pair_x", "page0_pair"));
	CHECK(!glob_list_matches("", "page0_pair"));
	CHECK(glob_list_matches("", ""));
}

static void stars_and_question_marks(void)
{
	CHECK(glob_list_matches("page*", "page0_pair"));
	CHECK(glob_list_matches("*pair", "page0_pair"));
	CHECK(glob_list_matches("*a*i*", "page0_pair"));
	CHECK(glob_list_matches("page?_pair", "page0_pair"));
	CHECK(!glob_list_matches("page?pair", "page0_pair"));
	CHECK(glob_list_matches("*", ""));
	CHECK(glob_list_matches("a*ab", "aaaab"));
	CHECK(!glob_list_matches("?", ""));
}

static void any_of_a_list_matches(void)
{
	CHECK(glob_list_matches("slab*,page*", "page0_pair"));
	CHECK(glob_list_matches("page0_pair,", "page0_pair"));
	CHECK(!glob_list_matches("slab*,vmalloc*", "page0_pair"));
}

static void underscores_stand_for_blanks(void)
{
	CHECK(glob_list_matches_case("buddy.split_and_merge", "buddy", "split and merge"));
	CHECK(!glob_list_matches_case("buddy.split_and_merge", "buddy", "split and mergers"));
	CHECK(!glob_list_matches("a b", "a_b"));
}

static void a_glob_without_a_dot_names_a_suite(void)
{
	CHECK(glob_list_matches_case("buddy", "buddy", "x"));
	CHECK(!glob_list_matches_case("buddy", "slab", "buddy"));
	CHECK(glob_list_matches_case("*", "slab", "buddy"));
	CHECK(glob_list_matches_case("slab,b*.x", "buddy", "x"));
	CHECK(!glob_list_matches_case("slab,b*.x", "buddy", "y"));
}

static void hidden_suites_must_be_named(void)
{
	CHECK(glob_list_names_suite("selfcheck.fail", "selfcheck"));
	CHECK(glob_list_names_suite("page,selfcheck", "selfcheck"));
	CHECK(!glob_list_names_suite("*", "selfcheck"));
	CHECK(!glob_list_names_suite("self*.fail", "selfcheck"));
	CHECK(!glob_list_names_suite("selfcheck_machine.fail", "selfcheck"));
}

static void break_a_contract(bool is_kept)
{
	ASSERT(is_kept);
}

static void panics_are_caught_by_name(void)
{
	CHECK_PANICS("is_kept", break_a_contract(false));
	CHECK_PANICS("assertion failed", break_a_contract(false));
}

static void random_numbers_stay_below_their_bound(void)
{
	bool has_low = false, has_high = false;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t value = test_random_below(10);

		CHECK(value < 10);
		has_low |= value == 0;
		has_high |= value == 9;
		CHECK(test_random_below(1ull << 40) < 1ull << 40);
		CHECK_EQ(test_random_below(1), 0);
	}
	CHECK(has_low);
	CHECK(has_high);
}

static const struct test_case cases[] = {
	{ "globs match whole names", globs_match_whole_names },
	{ "stars and question marks", stars_and_question_marks },
	{ "any of a list matches", any_of_a_list_matches },
	{ "underscores stand for blanks", underscores_stand_for_blanks },
	{ "a glob without a dot names a suite", a_glob_without_a_dot_names_a_suite },
	{ "hidden suites must be named", hidden_suites_must_be_named },
	{ "panics are caught by name", panics_are_caught_by_name },
	{ "random numbers stay below their bound", random_numbers_stay_below_their_bound },
};

TEST_SUITE(ktap, cases);
