#ifndef TESTS_LIVE_TICKS_H
#define TESTS_LIVE_TICKS_H

/*
 * interrupts=HZ: a timer interrupts every CPU, and its handler allocates and frees all that a
 * handler may, while tests and stress run. In an image whose port masks (mm/context.h).
 */

#include "lib/compiler.h"

struct tick_totals {
	uint64_t nr_ticks;
	uint64_t nr_taken;		/* allocations of handlers */
	uint64_t nr_refused;		/* that returned NULL */
	uint64_t nr_broken;		/* whose contents were not as written */
	uint64_t nr_areas;		/* that threads allocated and handlers freed */
	unsigned nr_silent_cpus;	/* without a single tick */
};

/* Interrupts all running CPUs @hz times a second. False without memory, or a CPU is away. */
bool ticks_start(unsigned hz) MUST_CHECK;

/* Ends it, and frees what handlers still have. */
void ticks_stop(struct tick_totals *totals);

/*
 * Whether handlers keep what they take until a later tick. They do not while tests run, that
 * count pages: then each gives back what it takes. No longer: frees what they keep.
 */
void ticks_keep(bool is_wanted);

/*
 * From the return of ticks_quiet(true) on this CPU's handler does nothing and the others stay
 * in theirs, until as many calls with false, by the same thread: for verifiers, and for
 * tests that exchange what is live.
 */
void ticks_quiet(bool is_quiet);

/* No interrupts at all while it is so: for tests of CPUs and of interrupts themselves. */
void ticks_pause(bool is_wanted);

/* A vmalloc'ed area for some handler to free; false: it stays the caller's. */
bool ticks_take_area(void *area) MUST_CHECK;

#endif
