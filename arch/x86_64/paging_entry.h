#ifndef ARCH_X86_64_PAGING_ENTRY_H
#define ARCH_X86_64_PAGING_ENTRY_H

/* What an entry of a page table says. Shared by paging.c and paging_walk.c only. */

#include "arch/x86_64/paging.h"

/* The count of present entries in a table stands in its parent's entry: paging.c, PAGING-1. */
#define COUNT_SHIFT	52
#define COUNT_ONE	(1ull << COUNT_SHIFT)
#define COUNT_MASK	(0x3ffull << COUNT_SHIFT)

static inline unsigned index_at(uintptr_t va, unsigned level)
{
	return (unsigned)(va >> (PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

static inline uint64_t *table_at(const struct page_tables *tables, uint64_t pa)
{
	return (uint64_t *)(tables->base + pa);
}

static inline bool is_present(uint64_t entry)
{
	return (entry & PTE_PRESENT) != 0;
}

static inline bool is_leaf(uint64_t entry, unsigned level)
{
	return level == PT_LEVEL_4K || (entry & PTE_LARGE) != 0;
}

/* Of a backdrop: a leaf, or what leads to a table that other entries lead to as well. */
static inline bool is_backdrop(uint64_t entry)
{
	return (entry & (PTE_PRESENT | PTE_BACKDROP)) == (PTE_PRESENT | PTE_BACKDROP);
}

/* Something is mapped there that may not be covered. */
static inline bool is_occupied(uint64_t entry)
{
	return (entry & (PTE_PRESENT | PTE_BACKDROP)) == PTE_PRESENT;
}

static inline unsigned present_below(uint64_t entry)
{
	return (unsigned)((entry & COUNT_MASK) >> COUNT_SHIFT);
}

/* Address bits of a leaf. Bit 12 of a large leaf is its PAT bit, which we leave 0. */
static inline uint64_t leaf_pa(uint64_t entry)
{
	return entry & PTE_PA_MASK;
}

#endif
