#ifndef MM_BACKOFF_H
#define MM_BACKOFF_H

/*
 * Leaving in peace what was tried in vain: each failure in a row doubles the
 * number of attempts that are passed over, up to 2^BACKOFF_MAX_SHIFT; a success
 * ends it. Counts attempts, not time, so that what nobody wants costs nothing.
 *
 * Several CPUs may use one at once: an attempt may then be counted twice or not at all.
 */

#include "lib/compiler.h"

#define BACKOFF_MAX_SHIFT	6u

struct backoff {
	uint32_t shift;		/* 0: nothing is passed over */
	uint32_t nr_passed;	/* since the last failure */
};

/* Whether this attempt is to be passed over; counts it then. */
static inline bool backoff_passes_over(struct backoff *backoff)
{
	uint32_t shift = __atomic_load_n(&backoff->shift, __ATOMIC_RELAXED);

	if (shift == 0 || __atomic_load_n(&backoff->nr_passed, __ATOMIC_RELAXED) >= 1u << shift)
		return false;
	__atomic_fetch_add(&backoff->nr_passed, 1, __ATOMIC_RELAXED);
	return true;
}

static inline void backoff_note(struct backoff *backoff, bool is_success)
{
	uint32_t shift = __atomic_load_n(&backoff->shift, __ATOMIC_RELAXED);

	if (is_success)
		shift = 0;
	else if (shift < BACKOFF_MAX_SHIFT)
		shift++;
	__atomic_store_n(&backoff->nr_passed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&backoff->shift, shift, __ATOMIC_RELAXED);
}

#endif
