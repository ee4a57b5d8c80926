#ifndef ARCH_X86_64_SMP_START_H
#define ARCH_X86_64_SMP_START_H

/* Starting single CPUs; arch_start_cpus() starts all of them. */

#include "boot_info.h"
#include "lib/compiler.h"

enum cpu_start {
	CPU_START_RUNS,
	CPU_START_ABSENT,	/* did not come, and cannot any more */
	CPU_START_LATE,		/* it, or one before it, came and got no further */
	CPU_START_NO_MEMORY,
};

/* Makes what CPUs come through, and gives it back. False: it cannot be made, which is logged. */
bool smp_start_begin(const struct boot_info *info) MUST_CHECK;
void smp_start_end(void);

/*
 * Stops what firmware may have left running on the other CPUs of @info, in memory that is
 * given away from now on: each waits for its call. Nobody has to be there.
 */
void smp_stop_others(const struct boot_info *info);

/* Starts one CPU in between, in a bounded time. On the boot CPU. */
enum cpu_start smp_start_cpu(uint32_t apic_id);

/*
 * Starts the CPUs of @info that do not run, in between, until @max_cpus do. Who is absent at
 * the first, short call is called once more, for longer, when all others run.
 */
void smp_start_all(const struct boot_info *info, unsigned max_cpus);

/* For tests: the parameters in the trampoline page, and the area of a CPU that is late. */
struct ap_parameters *smp_start_parameters(void);
const struct cpu_area *smp_start_late_area(void);

#endif
