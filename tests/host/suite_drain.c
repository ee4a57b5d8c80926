/*
 * Emptying other CPUs' stacks from below: what stands where at the barrier of all CPUs.
 *
 * That the protocol of mm/page/page_stack.c is right in every order of steps is for
 * tests/models/page_stack.pml to say. Here: mm/page/drain.c follows it.
 */

#include <pthread.h>

#include "mm/init.h"
#include "mm/live.h"
#include "mm/page/drain.h"
#include "tests/host/machine.h"
#include "tests/host/port.h"
#include "tests/host/suites_host.h"

#define OTHER_CPU	1u
#define NR_RESTING	(4 * MAX_POPS_AT_ONCE)

/* What the barrier saw. */
static struct {
	bool answer;
	unsigned nr_calls;
	unsigned nr_marks;		/* within the other CPU's stacks */
	unsigned nr_locked;		/* of its stacks */
	uint64_t nr_pages;		/* on all of them */
} barrier;

static uint64_t pages_at_rest(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += page_stacks_pages(live.cpus[OTHER_CPU], zone);
	return nr_pages;
}

static unsigned count_marks(void)
{
	unsigned nr = 0;

	for_each_stack(stack, live.cpus[OTHER_CPU]) {
		assume_unshared(&stack->lock);
		if (!stack->slots)
			continue;
		for (struct page **at = stack->slots + stack->floor + 1; at <= stack->top; at++)
			nr += page_stack_is_end_mark(*at);
	}
	return nr;
}

static bool look_around(void)
{
	barrier.nr_calls++;
	barrier.nr_marks = count_marks();
	barrier.nr_pages = pages_at_rest();
	barrier.nr_locked = 0;
	for_each_stack(stack, live.cpus[OTHER_CPU])
		barrier.nr_locked += spin_is_locked(&stack->lock);
	return barrier.answer;
}

/* The other CPU has pages at rest, and this one wants them. */
static uint64_t start(bool answer)
{
	static struct page *pages[NR_RESTING];
	unsigned nr = 0;

	host_start_machine(&machine_four_nodes);
	host_start_cpu(OTHER_CPU);
	while (nr < NR_RESTING && (pages[nr] = alloc_page(GFP_KERNEL)) != NULL)
		nr++;
	CHECK_EQ(nr, NR_RESTING);
	while (nr > 0)
		__free_page(pages[--nr]);
	host_continue_cpu(0);
	barrier.answer = answer;
	barrier.nr_calls = 0;
	host_barrier_hook = look_around;
	return pages_at_rest();
}

static void blocks_are_marked_before_the_barrier_and_taken_behind_it(void)
{
	uint64_t nr_before = start(true), nr_taken;

	CHECK(nr_before > MAX_POPS_AT_ONCE);
	nr_taken = drain_others(NULL, ZONE_MOVABLE);
	host_barrier_hook = NULL;
	CHECK_EQ(barrier.nr_calls, 1);
	CHECK(barrier.nr_marks >= 1);
	CHECK_EQ(barrier.nr_locked, barrier.nr_marks);
	CHECK_EQ(barrier.nr_pages, nr_before);
	CHECK(nr_taken >= nr_before - MAX_POPS_AT_ONCE * barrier.nr_marks);
	CHECK_EQ(pages_at_rest(), nr_before - nr_taken);
	CHECK_EQ(count_marks(), 0);
	CHECK(mm_verify_all());
}

static void without_a_barrier_nothing_is_taken(void)
{
	uint64_t nr_before = start(false);

	CHECK_EQ(drain_others(NULL, ZONE_MOVABLE), 0);
	host_barrier_hook = NULL;
	CHECK_EQ(barrier.nr_calls, 1);
	CHECK(barrier.nr_marks >= 1);
	CHECK_EQ(pages_at_rest(), nr_before);
	CHECK_EQ(count_marks(), 0);
	CHECK(mm_verify_all());
}

#define NR_PAIRS	2000000u

static bool has_ended;

/* Its stacks are looked at meanwhile: each page is as it left it all the same. */
static void *allocate_and_free(void *arg)
{
	(void)arg;
	host_start_cpu(OTHER_CPU);
	for (unsigned i = 0; i < NR_PAIRS; i++) {
		struct page *pages[3] = { alloc_page(GFP_KERNEL), alloc_page(GFP_KERNEL),
					  alloc_page(GFP_KERNEL) };

		for (unsigned k = 0; k < ARRAY_SIZE(pages); k++)
			if (pages[k])
				__free_page(pages[k]);
	}
	__atomic_store_n(&has_ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Verifying is for quiet systems. What it says of others means nothing, but nothing breaks. */
static void verifying_a_busy_cpu_breaks_nothing(void)
{
	struct violation violation;
	pthread_t thread;

	host_start_machine(&machine_four_nodes);
	has_ended = false;
	CHECK_EQ(pthread_create(&thread, NULL, allocate_and_free, NULL), 0);
	while (!__atomic_load_n(&has_ended, __ATOMIC_ACQUIRE)) {
		const struct mm_cpu *cpu_data =
			__atomic_load_n(&live.cpus[OTHER_CPU], __ATOMIC_ACQUIRE);

		if (cpu_data)
			(void)page_stacks_verify(cpu_data, &violation);
	}
	pthread_join(thread, NULL);
	CHECK(mm_verify_all());
}

static const struct test_case cases[] = {
	{ "blocks are marked before the barrier and taken behind it",
	  blocks_are_marked_before_the_barrier_and_taken_behind_it },
	{ "without a barrier nothing is taken", without_a_barrier_nothing_is_taken },
	{ "verifying a busy CPU breaks nothing", verifying_a_busy_cpu_breaks_nothing },
};

TEST_SUITE(drain_machines, cases);
