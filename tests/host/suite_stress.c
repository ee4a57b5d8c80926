/*
 * The stress of tests/host/stress/objects.c in short, on a machine with a node without
 * memory, under address and undefined-behaviour sanitizers. `make soak-host` has it long.
 */

#include "mm/rcu.h"
#include "mm/slab.h"
#include "tests/host/machine.h"
#include "tests/host/stress/objects.h"
#include "tests/host/suites_host.h"

#define NR_OPERATIONS	60000u
#define NR_THREADS	7u	/* CPU 0 is who waits */

static bool start_thread(unsigned index)
{
	host_start_cpu(1 + index);
	return true;
}

static void end_thread(void)
{
	slab_drain_cpu();
	rcu_idle_enter();
}

static void everything_on_objects_at_once(void)
{
	const struct objects_stress stress = {
		.nr_ops = NR_OPERATIONS, .nr_threads = NR_THREADS, .nr_nodes = 4,
		.seed = test_random(),
		.start_thread = start_thread, .end_thread = end_thread,
	};
	struct objects_totals totals;

	host_start_machine(&machine_four_nodes);
	CHECK(objects_stress_run(&stress, &totals));
	CHECK_EQ(totals.nr_bad, 0);
	CHECK(totals.nr_twice > 0);
	CHECK(totals.nr_reads > 0);
}

static const struct test_case cases[] = {
	{ "everything on objects at once", everything_on_objects_at_once },
};

TEST_SUITE(objects_stress, cases);
