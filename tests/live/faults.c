/*
 * Exceptions: each arrives, is named, and can be expected.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/describe.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "kthread.h"
#include "lib/string.h"
#include "mm/assert.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define DESCRIPTION_BYTES	160
#define CALL_MS			5000u

static void divide_by_zero(void *arg)
{
	(void)arg;
	__asm__ volatile("xorl %%edx, %%edx; xorl %%ecx, %%ecx; divl %%ecx"
			 ::: "eax", "ecx", "edx", "cc");
}

static void hit_breakpoint(void *arg)
{
	(void)arg;
	__asm__ volatile("int3");
}

static void run_invalid_opcode(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

static void touch_non_canonical(void *arg)
{
	(void)arg;
	(void)*(volatile char *)0x8000000000000000ull;
}

static void load_bad_segment(void *arg)
{
	(void)arg;
	__asm__ volatile("movl %0, %%ds" :: "r"(0xfff8) : "memory");
}

static void exceptions_arrive_with_their_number(void)
{
	static const struct {
		void (*cause)(void *);
		unsigned vector;
	} exceptions[] = {
		{ divide_by_zero, 0 },
		{ hit_breakpoint, 3 },
		{ run_invalid_opcode, 6 },
		{ touch_non_canonical, 13 },
		{ load_bad_segment, 13 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++) {
		struct fault_info fault = { 99, 0, 0, 0 };

		CHECK(arch_faults(exceptions[i].cause, NULL, &fault));
		CHECK_EQ(fault.vector, exceptions[i].vector);
		CHECK(fault.instruction_va >= IMAGE_START);
	}
}

static void raise_nmi(void *arg)
{
	(void)arg;
	__asm__ volatile("int $2");
}

static void raise_machine_check(void *arg)
{
	(void)arg;
	__asm__ volatile("int $18");
}

/* They may come while an access is expected to fault, and say nothing about it. */
static void what_comes_from_outside_is_no_expected_fault(void)
{
	struct fault_info fault = { 99, 0, 0, 0 };

	CHECK_PANICS("(NMI)", arch_faults(raise_nmi, NULL, &fault));
	CHECK_PANICS("(machine check)", arch_faults(raise_machine_check, NULL, &fault));
	CHECK_EQ(fault.vector, 99);
	CHECK(are_interrupts_on());
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static void harmless_code_does_not_fault(void)
{
	struct fault_info fault = { 99, 0, 0, 0 };

	CHECK(!arch_faults(do_nothing, NULL, &fault));
	CHECK_EQ(fault.vector, 99);
	CHECK(!arch_faults(do_nothing, NULL, NULL));
}

static void guard_inside(void *arg)
{
	arch_faults(do_nothing, arg, NULL);
}

static void nesting_guarded_calls_panics(void)
{
	CHECK_PANICS("!cpu->fault_resume_sp", arch_faults(guard_inside, NULL, NULL));
	CHECK(!arch_faults(do_nothing, NULL, NULL));	/* and leaves nothing behind */
}

/* ---- Names ---- */

static bool is_described(uintptr_t va, const char *part)
{
	char text[DESCRIPTION_BYTES];

	describe_address(va, text, sizeof(text));
	if (strstr(text, part))
		return true;
	test_comment("0x%llx is called: %s", (unsigned long long)va, text);
	return false;
}

static void places_have_names(void)
{
	const char *freed = vmalloc(3 * PAGE_SIZE);

	CHECK(is_described(8, "NULL pointer"));
	CHECK(is_described(0x400000, "low half"));
	CHECK(is_described(0x0000900000000000, "not a canonical"));
	CHECK(is_described((uintptr_t)places_have_names, "image"));
	CHECK(is_described(DIRECT_MAP_START + mmu_boot_info->image.start, "RAM"));
	CHECK(is_described(VMEMMAP_END - 1,
			   "vmemmap, struct page of pfn 0x3ffffffff, of an absent"));
	CHECK(is_described(this_cpu()->stacks[STACK_MAIN].start_va - 1,
			   "guard of the stack of CPU 0"));
	CHECK(freed != NULL);
	if (!freed)
		return;
	CHECK(is_described((uintptr_t)freed + 3 * PAGE_SIZE + 4, "past"));
	CHECK(is_described((uintptr_t)vmalloc_to_page(freed), "in mem_map"));
	vfree(freed);
	CHECK(is_described((uintptr_t)freed, "freed"));
}

/* Not inlined: compilers know better than to read from constant bad addresses. */
static NOINLINE void read_byte(void *va)
{
	__asm__ volatile("" : "+r"(va));
	(void)*(volatile char *)va;
}

static void unexpected_fault_panics_by_name(void)
{
	CHECK_PANICS("NULL pointer, offset 24", read_byte((void *)24));
	CHECK_PANICS("read of unmapped", read_byte((void *)24));
}

static void access_past_vmalloc_area_is_named(void)
{
	char *area = vmalloc(PAGE_SIZE);

	CHECK(area != NULL);
	if (!area)
		return;
	CHECK_PANICS("past", read_byte(area + PAGE_SIZE + 3));
	vfree(area);
}

/* ---- Stack overflow ---- */

/* Not to be turned into a loop: the volatile array outlives the call. */
static NOINLINE int sink_deeper(volatile int *above)
{
	volatile int here[32];

	here[0] = above[0] + 1;
	if (here[0] < 0)
		return 0;	/* two thousand million frames down: never, but compilers ask */
	return sink_deeper(here) + here[0];
}

static void overflow_stack(void *arg)
{
	volatile int start = 0;

	(void)arg;
	sink_deeper(&start);
}

struct overflow_result {
	struct fault_info fault;
	bool has_faulted;
};

static void overflow_guarded(void *arg)
{
	struct overflow_result *result = arg;

	result->has_faulted = arch_faults(overflow_stack, NULL, &result->fault);
}

static void stack_overflow_double_faults(void)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		const struct stack *stack = &cpu_at(cpu)->stacks[STACK_MAIN];
		struct overflow_result result = { .has_faulted = false };

		CHECK_EQ(arch_run_on(cpu, overflow_guarded, &result, CALL_MS), STATUS_OK);
		CHECK(result.has_faulted);
		CHECK_EQ(result.fault.vector, 8);
		CHECK(result.fault.address_va < stack->start_va);
		CHECK(result.fault.address_va >= stack->start_va - PAGE_SIZE);
	}
}

static void thread_stack_overflow_double_faults(void)
{
	struct overflow_result result = { .has_faulted = false };
	struct thread *thread = thread_start("overflow", 0, overflow_guarded, &result);

	CHECK(thread != NULL);
	if (!thread)
		return;
	CHECK_EQ(thread_join(thread, CALL_MS), STATUS_OK);
	CHECK(result.has_faulted);
	CHECK_EQ(result.fault.vector, 8);
}

static const struct test_case cases[] = {
	{ "exceptions arrive with their number", exceptions_arrive_with_their_number },
	{ "what comes from outside is no expected fault",
	  what_comes_from_outside_is_no_expected_fault },
	{ "harmless code does not fault", harmless_code_does_not_fault },
	{ "nesting guarded calls panics", nesting_guarded_calls_panics },
	{ "places have names", places_have_names },
	{ "an unexpected fault panics by name", unexpected_fault_panics_by_name },
	{ "an access past a vmalloc area is named", access_past_vmalloc_area_is_named },
	{ "a stack overflow double-faults on every CPU", stack_overflow_double_faults },
	{ "a thread's stack overflow double-faults", thread_stack_overflow_double_faults },
};

TEST_SUITE(faults, cases);
