#ifndef ARCH_X86_64_SMP_H
#define ARCH_X86_64_SMP_H

/* The other CPUs: starting them, giving them work, flushing their TLBs. */

#include "lib/compiler.h"

/* Handles VECTOR_CALL and VECTOR_FLUSH. */
void smp_interrupt(unsigned vector);

/*
 * On return no present CPU has translations of the range, and no table that left the tree
 * is walked through. Not 0 pages: that would invalidate nothing.
 */
void smp_flush(uintptr_t va, uint64_t nr_pages);

/*
 * The same, but that CPUs which are idle are not interrupted: they forget all translations
 * before they use any. Not where tables left the tree: they might walk them speculatively.
 */
void smp_flush_awake(uintptr_t va, uint64_t nr_pages);

/* This CPU, with interrupts off, is about to halt; and it is up again. */
void smp_idle_enter(void);
void smp_idle_exit(void);

/* Makes @area, of the CPU that runs this, take part in flushes. */
struct cpu_area;
void smp_join(struct cpu_area *area);

/* Does what other CPUs wait for, as VECTOR_FLUSH would. For loops with interrupts off. */
void port_answer(void);

/* How long another CPU may take to answer a flush or to end work, before that is a panic. */
extern unsigned smp_patience_ms;

/* Runs what arch_run_on() left for this CPU, if anything. From loops that wait. */
void smp_serve(void);

/* Makes @cpu look at its queues soon. */
void smp_poke(unsigned cpu);

#endif
