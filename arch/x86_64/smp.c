/*
 * The other CPUs.
 */

#include "arch/x86_64/smp.h"

#include "arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mmu.h"

unsigned smp_nr_running(void)
{
	return 1;
}

void smp_interrupt(unsigned vector)
{
	(void)vector;
	this_cpu()->nr_spurious++;
}

void smp_flush(uintptr_t va, uint64_t nr_pages)
{
	mmu_flush_local(va, nr_pages);
}

bool apic_take_nmi(void)
{
	return false;
}

void apic_stop_others(void)
{
}

unsigned arch_start_cpus(const struct boot_info *info)
{
	(void)info;
	return smp_nr_running();
}

enum status arch_run_on(unsigned cpu, void (*work)(void *), void *arg, unsigned timeout_ms)
{
	(void)timeout_ms;
	if (cpu != this_cpu()->index)
		return STATUS_ABSENT;
	work(arg);
	return STATUS_OK;
}
