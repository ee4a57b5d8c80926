/*
 * Ends on purpose that QEMU reports in its own ways: the runner must call each
 * a failure. Hidden; see tests/unit/selfcheck.c.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define OBJECT_BYTES	64u
#define NR_TRIES	256u	/* one of fewer objects is guarded */

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

static void touch_null(void *arg)
{
	__asm__ volatile("" : "+r"(arg));
	*(volatile int *)arg = 1;
}

/* The report must come out whole while CPU 0 waits for the work to end. */
static void fault_elsewhere(void)
{
	if (cpu_nr_running() < 2)
		SKIP("one CPU");
	CHECK_EQ(arch_run_on(cpu_nr_running() - 1, touch_null, (void *)16, 10000), STATUS_OK);
	test_fail(__FILE__, __LINE__, "the machine survived a fault on another CPU");
}

static NOINLINE int go_deeper(volatile int *above)
{
	volatile int here[32];

	here[0] = above[0] + 1;
	if (here[0] < 0)
		return 0;	/* two thousand million frames down: never, but compilers ask */
	return go_deeper(here) + here[0];
}

/* The stack is gone: only the double fault's own can carry the report. */
static void stack_overflow(void)
{
	volatile int start = 0;

	go_deeper(&start);
	test_fail(__FILE__, __LINE__, "the machine survived a stack overflow");
}

/* Nothing is mapped there any more: only the log knows whose it was. */
static void use_after_free(void)
{
	struct kmem_cache *cache = kmem_cache_create("selfcheck", OBJECT_BYTES, 0,
						     SLAB_PANIC | SLAB_GUARD | SLAB_AUDIT, NULL);

	for (unsigned i = 0; i < NR_TRIES; i++) {
		uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

		kmem_cache_free(cache, object);
		if (is_vmalloc_addr(object))
			touch_null(object + OBJECT_BYTES / 2);
	}
	test_fail(__FILE__, __LINE__, "the machine survived a use after free");
}

static const struct test_case cases[] = {
	{ "fault elsewhere", fault_elsewhere },
	{ "stack overflow", stack_overflow },
	{ "use after free", use_after_free },
	{ "triple fault", triple_fault },
	{ "power off early", power_off_early },
	{ "exit early", exit_early },
};

HIDDEN_TEST_SUITE(selfcheck_machine, cases);
