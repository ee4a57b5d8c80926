/*
 * The kernel's address space as it runs: loading it, forgetting translations.
 * mmu_boot.c builds it.
 */

#include "arch/x86_64/mmu.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/windows.h"
#include "mm/assert.h"

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

void *arch_device_to_virt(uint64_t pa)
{
	return (void *)windows_va_of(&mmu_windows, pa);
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

void mmu_unmap_guard(uintptr_t va)
{
	ASSERT(paging_unmap(&kernel_tables, va, PAGE_SIZE) == PAGE_SIZE);
	invlpg(va);
}
