#ifndef MM_GRACE_H
#define MM_GRACE_H

/*
 * Grace periods, as far as SLAB_TYPESAFE_BY_RCU needs them.
 *
 * A CPU is quiescent where it holds no pointer it read without a lock: in its
 * idle loop, at a switch of threads. A grace period has passed when every CPU
 * that takes part has been quiescent since it began.
 */

#include "lib/compiler.h"
#include "mm/assert.h"

/* Before anything else here; no CPU takes part yet. */
void grace_init(void);

/*
 * This CPU takes part from now on: before it first reads a type-safe object
 * without a lock, and then it is quiescent from time to time. mm_init_cpu() was called.
 */
void grace_cpu_start(void);

/* It does no longer, and holds no such pointer: before it halts for long. */
void grace_cpu_stop(void);

/* This CPU holds no such pointer. Cheap: one store if nothing waits. */
void grace_note_quiescent(void);

/* Begins a grace period; the number to ask for. */
uint64_t grace_begin(void);

/* Whether the period that @number stands for has passed. O(CPUs). */
bool grace_has_passed(uint64_t number);

/* Checks the rule of mm/grace.c. O(CPUs). */
bool grace_verify(struct violation *out);

#endif
