/* Suites of the image alone, in layer order: one line each in both lists. */

#include "tests/suites.h"

#include "arch.h"

extern const struct test_suite suite_selfcheck_machine;
extern const struct test_suite suite_address_space;
extern const struct test_suite suite_screen_live;
extern const struct test_suite suite_faults;
extern const struct test_suite suite_smp;
extern const struct test_suite suite_cpus_alike;
extern const struct test_suite suite_tlb;
extern const struct test_suite suite_serial;
extern const struct test_suite suite_cpu_work;
extern const struct test_suite suite_cpu_start;
extern const struct test_suite suite_rcu_live;
extern const struct test_suite suite_guard_faults;
extern const struct test_suite suite_vmalloc_faults;
extern const struct test_suite suite_vmalloc_stress;
extern const struct test_suite suite_stress;
extern const struct test_suite suite_lecture;

const struct test_suite *const live_suites[] = {
	&suite_selfcheck_machine,
	&suite_address_space,
	&suite_screen_live,
	&suite_faults,
	&suite_smp,
	&suite_cpus_alike,
	&suite_tlb,
	&suite_serial,
	&suite_cpu_work,
	&suite_cpu_start,
	&suite_rcu_live,
	&suite_guard_faults,
	&suite_vmalloc_faults,
	&suite_vmalloc_stress,
	&suite_stress,
	&suite_lecture,
};

const unsigned nr_live_suites = ARRAY_SIZE(live_suites);

/* Room for both lists, so that joining them needs no allocator. */
#define NR_JOINED_SUITES	256

struct test_totals test_run_image(const char *globs, bool (*after_case)(void))
{
	static const struct test_suite *joined[NR_JOINED_SUITES];
	const struct test_hooks hooks = { .end = after_case, .does_show_case = true };
	unsigned nr_joined = 0;

	if (nr_unit_suites + nr_live_suites > NR_JOINED_SUITES)
		panic_at(__FILE__, __LINE__, "enlarge NR_JOINED_SUITES");
	for (unsigned i = 0; i < nr_unit_suites; i++)
		joined[nr_joined++] = unit_suites[i];
	for (unsigned i = 0; i < nr_live_suites; i++)
		joined[nr_joined++] = live_suites[i];
	return test_run(joined, nr_joined, globs, &hooks);
}
