#ifndef ARCH_X86_64_SMP_H
#define ARCH_X86_64_SMP_H

/* The other CPUs: starting them, giving them work, flushing their TLBs. */

#include "lib/compiler.h"

struct cpu_area;

/* Handles VECTOR_CALL and VECTOR_FLUSH. */
void smp_interrupt(unsigned vector);

/* On return no running CPU has translations of the range. */
void smp_flush(uintptr_t va, uint64_t nr_pages);

/* CPUs that run, and the area of one of them. */
unsigned smp_nr_running(void);
struct cpu_area *smp_cpu(unsigned cpu);

/* Room for @nr_cpus areas; false without memory. Then each CPU that is up is added, in order. */
bool smp_make_room(uint32_t nr_cpus) MUST_CHECK;
void smp_add_cpu(struct cpu_area *area);

/* Runs what arch_run_on() left for this CPU, if anything. From loops that wait. */
void smp_serve(void);
bool smp_has_work(void);

/* Makes @cpu look at its queues soon. */
void smp_poke(unsigned cpu);

#endif
