/*
 * build/host/slab_stress [OPERATIONS [THREADS [NODES [SEED]]]]: the stress of
 * tests/host/stress/objects.c on the hosted library, to run plain and under ThreadSanitizer.
 */

#include <stdio.h>
#include <stdlib.h>

#include "mm/init.h"
#include "tests/host/lib/slabstick.h"
#include "tests/host/stress/objects.h"

#define ARENA_BYTES	((size_t)2 << 30)

static uint64_t number(char **argv, int argc, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 0) : otherwise;
}

static bool start_thread(unsigned index)
{
	(void)index;
	return slabstick_thread_start();
}

int main(int argc, char **argv)
{
	const struct objects_stress stress = {
		.nr_ops = number(argv, argc, 1, 10000000),
		.nr_threads = (unsigned)number(argv, argc, 2, 8),
		.nr_nodes = (unsigned)number(argv, argc, 3, 4),
		.seed = number(argv, argc, 4, 1),
		.start_thread = start_thread,
		.end_thread = slabstick_thread_end,
	};
	struct objects_totals totals = { 0 };
	bool is_good;

	if (stress.nr_threads == 0 || stress.nr_threads > OBJECTS_STRESS_MAX_THREADS ||
	    !slabstick_start(ARENA_BYTES, stress.nr_nodes)) {
		fprintf(stderr, "usage: slab_stress [OPERATIONS [THREADS [NODES [SEED]]]]\n");
		return 2;
	}
	printf("%llu operations, %u threads, %u nodes, seed %llu\n",
	       (unsigned long long)stress.nr_ops, stress.nr_threads, stress.nr_nodes,
	       (unsigned long long)stress.seed);
	is_good = objects_stress_run(&stress, &totals);
	printf("%llu damaged objects, %llu failed allocations, ",
	       (unsigned long long)totals.nr_bad, (unsigned long long)totals.nr_failed);
	printf("%llu double frees told, %llu reads\n",
	       (unsigned long long)totals.nr_twice, (unsigned long long)totals.nr_reads);
	if (!is_good || !mm_print_ledger())
		return 1;
	printf("slab_stress: passed\n");
	return 0;
}
