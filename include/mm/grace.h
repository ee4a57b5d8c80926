#ifndef MM_GRACE_H
#define MM_GRACE_H

/*
 * Grace periods: what mm/rcu.h and SLAB_TYPESAFE_BY_RCU are made of.
 *
 * A CPU is quiescent where it holds no pointer it read without a lock: in its
 * idle loop, at a switch of threads. A grace period has passed when every CPU
 * that takes part has been quiescent since it began. Each takes part from mm_init_cpu()
 * on, but while it is idle. Kernels around mm call what mm/rcu.h has for them.
 */

#include "lib/compiler.h"
#include "mm/assert.h"

/* Before anything else here; no CPU takes part yet. */
void grace_init(void);

/*
 * This CPU takes part from now on: before it reads anything without a lock, and then it is
 * quiescent from time to time. mm_init_cpu() has done it.
 */
void grace_cpu_start(void);

/* It does no longer, and is quiescent: before it halts. */
void grace_cpu_stop(void);

/*
 * This CPU holds no such pointer: an ASSERT for who is between rcu_read_lock() and
 * rcu_read_unlock(). Cheap: one store.
 */
void grace_note_quiescent(void);

/* Begins a grace period; the number to ask for. */
uint64_t grace_begin(void);

/* Whether the period that @number stands for has passed. O(CPUs). */
bool grace_has_passed(uint64_t number);

/* Whether it has not, and *@cpu is one that it waits for. */
bool grace_find_busy(uint64_t number, unsigned *cpu);

/* Checks the rule of mm/grace.c. O(CPUs). */
bool grace_verify(struct violation *out);

#endif
