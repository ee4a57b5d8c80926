/*
 * Faults on purpose: what must make a run fail, does it? Hidden; the runner's
 * own tests ask for them by name.
 */

#include "arch.h"
#include "lib/string.h"
#include "mm/assert.h"
#include "tests/test.h"

static void pass(void)
{
	CHECK(true);
}

static void fail(void)
{
	CHECK_EQ(2 + 2, 5);
}

static void skip(void)
{
	SKIP("on purpose");
}

static void null(void)
{
	volatile char *volatile nothing = NULL;	/* a plain store would be optimised away */

	*nothing = 1;
	test_fail(__FILE__, __LINE__, "a store through NULL went unnoticed");
}

static void broken_contract(void)
{
	volatile bool is_kept = false;

	ASSERT(is_kept);
}

static void hang(void)
{
	volatile bool is_over = false;

	while (!is_over)
		;
}

static const struct test_case cases[] = {
	{ "pass", pass },
	{ "fail", fail },
	{ "skip", skip },
	{ "null", null },
	{ "assert", broken_contract },
	{ "hang", hang },
};

HIDDEN_TEST_SUITE(selfcheck, cases);
