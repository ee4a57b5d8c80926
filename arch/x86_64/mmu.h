#ifndef ARCH_X86_64_MMU_H
#define ARCH_X86_64_MMU_H

/* The kernel's one address space, and its translations in the CPUs. */

#include "arch/x86_64/paging.h"
#include "lib/compiler.h"

/* The tree that CR3 leads to. Editing it needs port.c's table_lock. */
extern struct page_tables kernel_tables;

/* Loads the kernel's page attribute table, and with it its tables. On every CPU. */
void mmu_load_pat(void);
void mmu_load_tables(void);

/* A walk of the live tables without a lock: for reports. */
bool mmu_is_mapped(uintptr_t va);

/* Takes the page at @va, of the image, away for good. While one CPU runs. */
void mmu_unmap_guard(uintptr_t va);

/* What boot learned; NULL before the kernel runs. */
extern const struct boot_info *mmu_boot_info;

/* Forgets translations of the range, or all of them, on this CPU. */
void mmu_flush_local(uintptr_t va, uint64_t nr_pages);
void mmu_flush_local_all(void);

/* The image fits in so much of the address space, and its tables into the pool. */
#define MAX_IMAGE_BYTES		(64ull << 20)

/* Leaf bits of kernel mappings. PAT entry 1 is write-combining here (mmu.c). */
#define KERNEL_TEXT		(PTE_GLOBAL)
#define KERNEL_READ_ONLY	(PTE_GLOBAL | PTE_NX)
#define KERNEL_READ_WRITE	(PTE_GLOBAL | PTE_NX | PTE_WRITE)
#define KERNEL_UNCACHED		(KERNEL_READ_WRITE | PTE_PCD | PTE_PWT)
#define KERNEL_WRITE_COMBINING	(KERNEL_READ_WRITE | PTE_PWT)

#endif
