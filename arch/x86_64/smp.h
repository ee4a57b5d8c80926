#ifndef ARCH_X86_64_SMP_H
#define ARCH_X86_64_SMP_H

/* The other CPUs: starting them, giving them work, flushing their TLBs. */

#include "lib/compiler.h"

/* Handles VECTOR_CALL and VECTOR_FLUSH. */
void smp_interrupt(unsigned vector);

/* On return no running CPU has translations of the range. */
void smp_flush(uintptr_t va, uint64_t nr_pages);

/* Runs what arch_run_on() left for this CPU, if anything. From loops that wait. */
void smp_serve(void);
bool smp_has_work(void);

/* Makes @cpu look at its queues soon. */
void smp_poke(unsigned cpu);

#endif
