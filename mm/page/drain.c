/*
 * Emptying the stacks of all CPUs.
 *
 * Model
 *   Each CPU empties its own stacks. Others set is_drain_wanted, which it obeys when it
 *   next takes a slow path or is idle.
 *
 * Locking
 *   The local lock around emptying; the request is a flag that stands alone.
 */

#include "mm/page/drain.h"

#include "mm/grace.h"
#include "mm/init.h"
#include "mm/live.h"

static void drain_own(void)
{
	struct mm_local local = mm_port_local_lock();

	page_stacks_drain(this_mm_cpu(), local);
	mm_port_local_unlock(local);
}

void obey_drain_request(struct mm_cpu *cpu_data)
{
	if (unlikely(drain_is_wanted(cpu_data)))
		drain_own();
}

void drain_all_pages(void)
{
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++) {
		struct mm_cpu *cpu_data = __atomic_load_n(&live.cpus[cpu], __ATOMIC_ACQUIRE);

		if (cpu_data && cpu_data != this_mm_cpu())
			__atomic_store_n(&cpu_data->is_drain_wanted, true, __ATOMIC_RELAXED);
	}
	drain_own();
}

void mm_cpu_idle(void)
{
	struct mm_cpu *cpu_data = this_mm_cpu();

	if (cpu_data)
		obey_drain_request(cpu_data);
	grace_note_quiescent();
}
