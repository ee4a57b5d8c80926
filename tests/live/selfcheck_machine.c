/*
 * Ends on purpose that QEMU reports in its own ways: the runner must call each
 * a failure. Hidden; see tests/unit/selfcheck.c.
 */

#include "arch.h"
#include "tests/test.h"

/* No exception can be delivered without a table: the CPU shuts down. */
static void triple_fault(void)
{
	static const struct { uint16_t limit; uint64_t base; } PACKED nothing = { 0, 0 };

	__asm__ volatile("lidt %0; int3" : : "m"(nothing));
	test_fail(__FILE__, __LINE__, "the machine survived a triple fault");
}

/* QEMU's status is then 0, which means nothing. */
static void power_off_early(void)
{
	arch_power_off();
	SKIP("this machine cannot be powered off");
}

/* A passing status with the plan unfinished. */
static void exit_early(void)
{
	arch_exit_emulator(0x10);
	SKIP("no isa-debug-exit device");
}

static const struct test_case cases[] = {
	{ "triple fault", triple_fault },
	{ "power off early", power_off_early },
	{ "exit early", exit_early },
};

HIDDEN_TEST_SUITE(selfcheck_machine, cases);
