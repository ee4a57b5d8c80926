/*
 * Says what an address is, for reports.
 */

#include "arch/x86_64/describe.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/mmu_ranges.h"
#include "arch/x86_64/thread.h"
#include "lib/align.h"
#include "log.h"
#include "mm/vmalloc.h"

/* Writes to @text whose stack's guard page @va is in. False when it is in none. */
static bool describe_stack_guard(uintptr_t va, char *text, size_t size)
{
	static const char *const names[NR_CPU_STACKS] = {
		"stack", "double fault stack", "NMI stack", "machine check stack",
	};
	const struct thread *thread = thread_current();

	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		const struct cpu_area *area = cpu_at(cpu);

		for (unsigned i = 0; i < NR_CPU_STACKS; i++) {
			if (align_down(va, PAGE_SIZE) + PAGE_SIZE != area->stacks[i].start_va)
				continue;
			format_text(text, size, "guard of the %s of CPU %u", names[i], cpu);
			return true;
		}
	}
	if (thread && thread->stack &&
	    align_down(va, PAGE_SIZE) + PAGE_SIZE == (uintptr_t)thread->stack) {
		format_text(text, size, "guard of the stack of thread %s on CPU %u", thread->name,
			    thread->cpu);
		return true;
	}
	return false;
}

/* What may be read there always may be written only where mem_map is up. */
static void describe_vmemmap(uintptr_t va, char *text, size_t size)
{
	bool is_up = !(paging_walk(&kernel_tables, va).bits & PTE_BACKDROP);

	format_text(text, size, "vmemmap, struct page of pfn 0x%llx, %s",
		    (unsigned long long)(va - VMEMMAP_START) / sizeof(struct page),
		    is_up ? "in mem_map" : "of an absent section");
}

static const char *area_name(uintptr_t va)
{
	if (va < LOW_HALF_END)
		return "the low half, always empty";
	if (va < HIGH_HALF_START)
		return "not a canonical address";
	if (va >= IMAGE_START && va < IMAGE_AREA_END)
		return "the image";
	return "no area of this kernel";
}

void describe_address(uintptr_t va, char *text, size_t size)
{
	if (va < PAGE_SIZE)
		format_text(text, size, "NULL pointer, offset %llu", (unsigned long long)va);
	else if (describe_stack_guard(va, text, size))
		return;
	else if (va >= VMALLOC_START && va < VMALLOC_END)
		vmalloc_describe(va, text, size);
	else if (va >= VMEMMAP_START && va < VMEMMAP_END)
		describe_vmemmap(va, text, size);
	else if (va >= DIRECT_MAP_START && va < DIRECT_MAP_END)
		format_text(text, size, "direct map of 0x%llx, %s",
			    (unsigned long long)(va - DIRECT_MAP_START),
			    mmu_is_in_ram(mmu_boot_info, va - DIRECT_MAP_START,
				      va - DIRECT_MAP_START + 1) ? "RAM" : "not RAM");
	else
		format_text(text, size, "%s", area_name(va));
}
