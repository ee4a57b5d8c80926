/* Suites of the image alone, in layer order: one line each in both lists. */

#include "tests/suites.h"

#include "arch.h"
#include "mm/init.h"
#include "lib/string.h"
#include "tests/live/ticks.h"

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
extern const struct test_suite suite_thisnode_live;
extern const struct test_suite suite_guard_faults;
extern const struct test_suite suite_vmalloc_faults;
extern const struct test_suite suite_vmalloc_stress;
extern const struct test_suite suite_growth;
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
	&suite_thisnode_live,
	&suite_guard_faults,
	&suite_vmalloc_faults,
	&suite_vmalloc_stress,
	&suite_growth,
	&suite_stress,
	&suite_lecture,
};

const unsigned nr_live_suites = ARRAY_SIZE(live_suites);

#define NS_PER_US	1000u

static uint64_t suite_started_us;

/* For the report: what each suite took, and what memory is used for after it. */
static void print_suite_records(const struct test_suite *suite,
				const struct test_totals *of_suite)
{
	uint64_t now_us = arch_now_ns() / NS_PER_US;

	log_raw("@test suite=%s passed=%u failed=%u skipped=%u us=%llu\n", suite->name,
		of_suite->nr_passed, of_suite->nr_failed, of_suite->nr_skipped,
		(unsigned long long)(now_us - suite_started_us));
	mm_print_memory_record(now_us);
	suite_started_us = now_us;
}

/*
 * Suites of the live machine's own lists, where a page that comes or goes is seen. All others
 * run while handlers allocate, if any do.
 */
static const char *const exact_suites[] = {
	"page", "bulk", "compound", "page_alloc", "compact", "reclaim", "isolate", "contig",
	"offline", "mem_map", "ledger", "slab_depot", "slab_node", "slab_keep", "percpu", "event",
};

/*
 * Those of CPUs and interrupts themselves: no timer may run. Nor in those of grace periods:
 * a CPU that is kept quiet in its handler does not rest.
 */
static const char *const timeless_suites[] = {
	"cpus_alike", "tlb", "cpu_work", "cpu_start", "rcu", "rcu_live",
};

static bool (*wanted_after_case)(void);
static bool is_exact;

static bool is_one_of(const struct test_suite *suite, const char *const names[], size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(suite->name, names[i]) == 0)
			return true;
	return false;
}

static void begin_case(const struct test_suite *suite, const struct test_case *test)
{
	(void)test;
	ticks_pause(is_one_of(suite, timeless_suites, ARRAY_SIZE(timeless_suites)));
	is_exact = is_one_of(suite, exact_suites, ARRAY_SIZE(exact_suites));
	if (is_exact)
		test_quiet(true);
}

static bool end_case(void)
{
	bool is_ok;

	test_quiet(true);
	is_ok = wanted_after_case();
	test_quiet(false);
	if (is_exact)
		test_quiet(false);
	return is_ok;
}

/* Room for both lists, so that joining them needs no allocator. */
#define NR_JOINED_SUITES	256

bool test_image_has(const char *glob)
{
	for (unsigned i = 0; i < nr_unit_suites; i++)
		if (test_count_cases(unit_suites[i], glob) > 0)
			return true;
	for (unsigned i = 0; i < nr_live_suites; i++)
		if (test_count_cases(live_suites[i], glob) > 0)
			return true;
	return false;
}

struct test_totals test_run_image(const char *globs, bool (*after_case)(void))
{
	static const struct test_suite *joined[NR_JOINED_SUITES];
	const struct test_hooks hooks = { .begin = begin_case, .end = end_case,
					  .suite_end = print_suite_records,
					  .does_show_case = true };
	unsigned nr_joined = 0;

	wanted_after_case = after_case;
	suite_started_us = arch_now_ns() / NS_PER_US;
	if (nr_unit_suites + nr_live_suites > NR_JOINED_SUITES)
		panic_at(__FILE__, __LINE__, "enlarge NR_JOINED_SUITES");
	for (unsigned i = 0; i < nr_unit_suites; i++)
		joined[nr_joined++] = unit_suites[i];
	for (unsigned i = 0; i < nr_live_suites; i++)
		joined[nr_joined++] = live_suites[i];
	return test_run(joined, nr_joined, globs, &hooks);
}
