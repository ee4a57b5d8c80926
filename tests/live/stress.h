#ifndef TESTS_LIVE_STRESS_H
#define TESTS_LIVE_STRESS_H

/* Every CPU allocates, checks and frees at random, and frees what others allocated. */

#include "lib/compiler.h"

struct stress_totals {
	unsigned nr_cpus;
	uint64_t nr_operations;
	uint64_t nr_refused;		/* allocations that returned NULL */
	uint64_t nr_broken;		/* allocations whose contents were not as written */
	uint64_t nr_exchanged;		/* allocations freed by another CPU than theirs */
};

/*
 * Runs a thread on each running CPU, for @nr_operations each or, when that is
 * 0, for @ms milliseconds (at most ten years), told of as they pass, or until somebody
 * presses q. Everything is freed at the end. False when a thread
 * could not start, did not end in time, or found broken contents.
 */
bool stress_run(uint64_t nr_operations, uint64_t ms, struct stress_totals *totals) MUST_CHECK;

#endif
