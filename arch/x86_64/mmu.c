/*
 * The kernel's address space as it runs: loading it, forgetting translations,
 * saying what an address is. mmu_boot.c builds it.
 */

#include "arch/x86_64/mmu.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu_ranges.h"
#include "arch/x86_64/smp.h"
#include "lib/align.h"
#include "mm/vmalloc.h"

/* PAT: as after reset, but entry 1 (PWT alone) is write-combining (SDM 3A, 11.12.4). */
#define PAT_VALUE	0x0007040600070106ull

struct page_tables kernel_tables;
const struct boot_info *mmu_boot_info;

void mmu_load_pat(void)
{
	wbinvd();
	wrmsr(MSR_PAT, PAT_VALUE);
}

void mmu_load_tables(void)
{
	mmu_load_pat();
	write_cr3(kernel_tables.root_pa);
}

void *arch_phys_to_virt(uint64_t pa)
{
	return (void *)(DIRECT_MAP_START + pa);
}

/* ---- Translations ---- */

/* Beyond this many pages, forgetting everything is cheaper than one by one. */
#define FLUSH_ALL_PAGES	64u

void mmu_flush_local_all(void)
{
	uint64_t cr4 = read_cr4();

	/* Changing PGE forgets global translations too (SDM 3A, 4.10.4.1). */
	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
}

void mmu_flush_local(uintptr_t va, uint64_t nr_pages)
{
	if (nr_pages > FLUSH_ALL_PAGES) {
		mmu_flush_local_all();
		return;
	}
	for (uint64_t i = 0; i < nr_pages; i++)
		invlpg(va + pages_to_bytes(i));
}

bool mmu_is_mapped(uintptr_t va)
{
	return paging_walk(&kernel_tables, va).level != 0;
}

/* ---- What may be mapped, and guards ---- */

bool mmu_may_map(uint64_t pa, uint64_t bytes)
{
	if (mmu_is_in_ram(mmu_boot_info, pa, pa + bytes))
		return true;
	for (enum device device = 0; device < NR_DEVICES; device++) {
		struct device_window window = mmu_device_window(mmu_boot_info, device);

		if (window.pa && pa >= align_down(window.pa, PAGE_SIZE) &&
		    pa + bytes <= align_up(window.pa + window.bytes, PAGE_SIZE))
			return true;
	}
	return false;
}

void mmu_unmap_guard(uintptr_t va)
{
	ASSERT(paging_unmap(&kernel_tables, va, PAGE_SIZE) == PAGE_SIZE);
	invlpg(va);
}

/* ---- Naming addresses ---- */

/* Writes to @text whose stack's guard page @va is in. False when it is in none. */
static bool describe_stack_guard(uintptr_t va, char *text, size_t size)
{
	static const char *const names[NR_CPU_STACKS] = {
		"stack", "double fault stack", "NMI stack", "machine check stack",
	};
	const struct thread *thread = thread_current();

	for (unsigned cpu = 0; cpu < smp_nr_running(); cpu++) {
		const struct cpu_area *area = smp_cpu(cpu);

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

void mmu_describe(uintptr_t va, char *text, size_t size)
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
