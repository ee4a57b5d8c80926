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

/*
 * Gives to the lists what rests on other CPUs' stacks, all but a few blocks of each, for
 * zones of @node up to type @highest; NULL: of every node. Returns pages; 0 also when
 * another CPU is doing it. Context: no lock held, and the CPU may send interrupts and
 * wait for their answers.
 */
uint64_t drain_others(const struct pglist_data *node, enum zone_type highest);

#endif
