/*
 * Emptying the stacks of all CPUs.
 *
 * Model
 *   Each CPU empties its own stacks. Others set is_drain_wanted, which it obeys when it
 *   next takes a slow path or is idle: enough for whoever can wait.
 *
 *   A request that would fail cannot, and a CPU that computes never obeys. So it takes
 *   from below what others have, by the protocol of mm/page/page_stack.c: one barrier of
 *   all CPUs for up to NR_CLAIMS stacks. What stays is less than MAX_POPS_AT_ONCE single
 *   pages, or one larger block, of each stack.
 *
 * Locking
 *   The local lock around emptying one's own; the request is a flag that stands alone.
 *   claims.lock, tried and never waited for, keeps all but one CPU from taking from
 *   below; stack->lock is within it, held over the barrier: whoever may be asked for
 *   the barrier's answer with interrupts off only tries it.
 */

#include "mm/page/drain.h"

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

/* Stacks one barrier is used for. */
#define NR_CLAIMS	256u

static struct {
	struct spinlock lock;		/* guards the rest */
	unsigned nr GUARDED_BY(lock);
	struct page_stack_claim claims[NR_CLAIMS] GUARDED_BY(lock);
} claims;

static bool is_of_use(const struct page_stack *stack, const struct pglist_data *node,
		      enum zone_type highest)
{
	return stack->zone && stack->zone->type <= highest && (!node || stack->zone->node == node);
}

static void claim_stacks_of(struct mm_cpu *cpu_data, const struct pglist_data *node,
			    enum zone_type highest) HOLDS(claims.lock)
{
	for_each_stack(stack, cpu_data)
		if (claims.nr < NR_CLAIMS && is_of_use(stack, node, highest) &&
		    page_stack_claim(stack, &claims.claims[claims.nr]))
			claims.nr++;
}

/* Without a barrier every claim must be given up: collecting is what does that. */
static uint64_t collect_claims(void) HOLDS(claims.lock)
{
	bool is_barred = mm_port_barrier_cpus();
	uint64_t nr_pages = 0;

	for (unsigned i = 0; i < claims.nr; i++) {
		if (is_barred)
			nr_pages += page_stack_collect(&claims.claims[i]);
		else
			page_stack_give_up(&claims.claims[i]);
	}
	return nr_pages;
}

uint64_t drain_others(const struct pglist_data *node, enum zone_type highest)
{
	uint64_t nr_pages = 0, nr_round;

	if (!spin_try_lock(&claims.lock))
		return 0;
	do {
		claims.nr = 0;
		for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++) {
			struct mm_cpu *cpu_data =
				__atomic_load_n(&live.cpus[cpu], __ATOMIC_ACQUIRE);

			if (cpu_data && cpu_data != this_mm_cpu())
				claim_stacks_of(cpu_data, node, highest);
		}
		nr_round = claims.nr ? collect_claims() : 0;
		nr_pages += nr_round;
	} while (claims.nr == NR_CLAIMS && nr_round != 0);
	spin_unlock(&claims.lock);
	return nr_pages;
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
