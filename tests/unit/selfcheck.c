/*
 * Faults on purpose: what must make a run fail, does it? Hidden; the runner's
 * own tests ask for them by name.
 */

#include "arch.h"
#include "lib/string.h"
#include "mm/assert.h"
#include "mm/kmalloc.h"
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

/* ---- What debug= must find in kmalloc's own caches ---- */

#define OBJECT_BYTES	100u	/* of a class of 112 */
#define NR_LEAKED	3u

/* Volatile: what is wrong with the stores is not for the compiler to know. */
static NOINLINE volatile uint8_t *take_object(void)
{
	volatile uint8_t *object = kmalloc(OBJECT_BYTES, GFP_KERNEL | __GFP_NO_GUARD);

	CHECK(object != NULL);
	return object;
}

static NOINLINE void give_object(volatile uint8_t *object)
{
	kfree((void *)(uintptr_t)object);
	CHECK(object != NULL);
}

static void kmalloc_overflow(void)
{
	volatile uint8_t *object = take_object();

	object[OBJECT_BYTES] = 'X';
	give_object(object);
	test_fail(__FILE__, __LINE__, "a store past an object went unnoticed");
}

static void kmalloc_use_after_free(void)
{
	volatile uint8_t *object = take_object();

	give_object(object);
	object[OBJECT_BYTES / 2] = 'X';
	take_object();
	test_fail(__FILE__, __LINE__, "a store to a freed object went unnoticed");
}

static void kmalloc_leak(void)
{
	for (unsigned i = 0; i < NR_LEAKED; i++)
		take_object();
}

static const struct test_case cases[] = {
	{ "pass", pass },
	{ "fail", fail },
	{ "skip", skip },
	{ "null", null },
	{ "assert", broken_contract },
	{ "hang", hang },
	{ "kmalloc overflow", kmalloc_overflow },
	{ "kmalloc use after free", kmalloc_use_after_free },
	{ "kmalloc leak", kmalloc_leak },
};

HIDDEN_TEST_SUITE(selfcheck, cases);
