#ifndef MM_DRAIN_H
#define MM_DRAIN_H

/* Stacks that others want emptied. See mm/page/drain.c. */

#include "mm/page/page_stack.h"

static inline bool drain_is_wanted(const struct mm_cpu *cpu_data)
{
	return __atomic_load_n(&cpu_data->is_drain_wanted, __ATOMIC_RELAXED);
}

/* Empties the stacks of @cpu_data, this CPU's, if another one asked for it. No lock held. */
void obey_drain_request(struct mm_cpu *cpu_data);

#endif
