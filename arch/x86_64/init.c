/*
 * The order in which the boot CPU's parts come up, once the kernel's tables are live.
 */

#include "arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/mtrr.h"
#include "arch/x86_64/port.h"
#include "arch/x86_64/smp_start.h"
#include "arch/x86_64/thread.h"
#include "arch/x86_64/time.h"
#include "log.h"
#include "mm/vmalloc.h"

void arch_leave_boot_stack(void (*next)(const struct boot_info *), const struct boot_info *info)
{
	struct stack *stack = &this_cpu()->stacks[STACK_MAIN];
	uintptr_t start_va = (uintptr_t)vzalloc(MAIN_STACK_BYTES);

	if (start_va)
		*stack = (struct stack){ start_va, start_va + MAIN_STACK_BYTES };
	else
		log_line(LOG_WARN, "cpu: no memory for a stack: the one of boot stays");
	/* A zero return address and frame pointer end backtraces here. */
	__asm__ volatile("movq %0, %%rsp\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "pushq $0\n\t"
			 "jmp *%1"
			 :: "r"(stack->end_va), "r"(next), "D"(info) : "memory");
	__builtin_unreachable();
}

void arch_init(const struct boot_info *info)
{
	struct cpu_area *cpu = this_cpu();

	port_init(info->image.end - info->image.start);
	time_init();
	if (!apic_choose_mode(info))
		panic_at(__FILE__, __LINE__,
			 "the local APIC at 0x%llx is not where a device can be",
			 (unsigned long long)apic_base_pa());
	apic_init_cpu();
	thread_init_cpu();
	cpu->apic_id = arch_apic_id();
	if (info->nr_cpus && info->cpus[0].apic_id != cpu->apic_id)
		log_line(LOG_WARN, "cpu: APIC id 0x%x runs, boot_info names 0x%x first",
			 cpu->apic_id, info->cpus[0].apic_id);
	log_line(LOG_INFO, "cpu: %s, %u physical address bits%s%s%s%s%s", cpu_features.name,
		 cpu_features.physical_bits, cpu_features.has_1g_pages ? ", 1 GiB pages" : "",
		 cpu_features.has_smep ? ", SMEP" : "", cpu_features.has_smap ? ", SMAP" : "",
		 cpu_features.has_umip ? ", UMIP" : "", cpu_features.has_x2apic ? ", x2APIC" : "");
	smp_stop_others(info);
	mtrr_note();
	machine_check_report();
	interrupts_on();
	log_line(LOG_INFO, "cpu: mm's local lock %s",
		 port_is_irqsafe() ? "keeps interrupts away" : "is empty");
}
