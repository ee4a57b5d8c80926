/*
 * Grace periods by counting.
 *
 * Model
 *   One counter of periods begun. A CPU that is quiescent copies it to its own
 *   word. Period n has passed when no word in use is below n.
 *
 * Invariants
 *   GRACE-1  a CPU's word is at most the counter
 *
 * Locking
 *   None. The counter is increased with full ordering: what was unlinked before
 *   grace_begin() is seen unlinked by a CPU that copies the new value.
 */

#include "mm/grace.h"

#include "mm/live.h"

static uint64_t nr_begun = 1;

/* 0 in a CPU's word: it takes no part. */
static uint64_t *word_of(struct mm_cpu *cpu_data)
{
	return &cpu_data->grace_period;
}

/* Whoever rests must hold nothing that he found without a lock. */
static struct mm_cpu *resting_cpu(void)
{
	struct mm_cpu *cpu_data = this_mm_cpu();

	ASSERT(cpu_data->rcu_depth == 0);
	return cpu_data;
}

void grace_init(void)
{
	nr_begun = 1;
}

void grace_cpu_start(void)
{
	__atomic_store_n(word_of(this_mm_cpu()), __atomic_load_n(&nr_begun, __ATOMIC_ACQUIRE),
			 __ATOMIC_SEQ_CST);
}

void grace_cpu_stop(void)
{
	/* Sequential: before this CPU looks whether anything waits for it (mm/rcu.c). */
	__atomic_store_n(word_of(resting_cpu()), 0, __ATOMIC_SEQ_CST);
}

void grace_note_quiescent(void)
{
	uint64_t *word = word_of(resting_cpu());

	if (__atomic_load_n(word, __ATOMIC_RELAXED) == 0)
		return;
	/* Release: this CPU's reads of what may be freed are over. */
	__atomic_store_n(word, __atomic_load_n(&nr_begun, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

uint64_t grace_begin(void)
{
	return __atomic_add_fetch(&nr_begun, 1, __ATOMIC_SEQ_CST);
}

bool grace_find_busy(uint64_t number, unsigned *cpu)
{
	for (unsigned i = 0; i < live.nr_cpus; i++) {
		struct mm_cpu *cpu_data = __atomic_load_n(&live.cpus[i], __ATOMIC_ACQUIRE);
		uint64_t word = cpu_data ? __atomic_load_n(word_of(cpu_data), __ATOMIC_SEQ_CST) : 0;

		if (word == 0 || word >= number)
			continue;
		*cpu = i;
		return true;
	}
	return false;
}

bool grace_has_passed(uint64_t number)
{
	unsigned cpu;

	return !grace_find_busy(number, &cpu);
}

bool grace_verify(struct violation *out)
{
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		REQUIRE("GRACE-1", cpu,
			!live.cpus[cpu] || *word_of(live.cpus[cpu]) <= nr_begun);
	return true;
}
