#ifndef ARCH_X86_64_PAGING_H
#define ARCH_X86_64_PAGING_H

/*
 * 4-level page tables as a data structure on plain memory. No privileged
 * instruction: the same code builds the kernel's tables under firmware's
 * identity map, edits them through the direct map, and runs on the host.
 */

#include "lib/compiler.h"
#include "mm/assert.h"
#include "mm/types.h"

#define PA_NONE		UINT64_MAX

/* Bits of an entry (SDM 3A, 4.5.4). Leaves are given as a set of these. */
#define PTE_PRESENT	(1ull << 0)
#define PTE_WRITE	(1ull << 1)
#define PTE_USER	(1ull << 2)
#define PTE_PWT		(1ull << 3)
#define PTE_PCD		(1ull << 4)
#define PTE_ACCESSED	(1ull << 5)
#define PTE_DIRTY	(1ull << 6)
#define PTE_LARGE	(1ull << 7)	/* levels 2 and 3: a page, not a table */
#define PTE_GLOBAL	(1ull << 8)
#define PTE_BACKDROP	(1ull << 9)	/* ignored by the processor: paging_map_backdrop() */
#define PTE_NX		(1ull << 63)
#define PTE_PA_MASK	0x000ffffffffff000ull

/* What a caller chooses of a leaf; the rest is this file's business. */
#define LEAF_BITS	(PTE_WRITE | PTE_PWT | PTE_PCD | PTE_GLOBAL | PTE_NX)

#define PT_LEVEL_4K	1u
#define PT_LEVEL_2M	2u
#define PT_LEVEL_1G	3u
#define PT_LEVEL_ROOT	4u

#define PT_ENTRIES	512u

/* Bytes that one entry of a level-@level table covers. */
static inline uint64_t level_bytes(unsigned level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

#define PAGING_MAX_SPARES	8u

struct page_tables {
	uint64_t root_pa;
	uintptr_t base;			/* the table at pa is memory at base + pa */
	unsigned largest_level;		/* of a leaf: PT_LEVEL_2M or PT_LEVEL_1G */
	/* Where table pages come from: the pa of a zeroed page, or PA_NONE. */
	uint64_t (*take_table)(void *arg);
	void *take_arg;
	uint64_t nr_tables;		/* in the tree, the root included, the backdrop's aside */
	uint64_t retired_pa;		/* chain of tables that left the tree, or PA_NONE */
	/* The level-1 table used last: most edits come in runs. */
	uintptr_t recent_va;		/* start of its 2 MiB, or 1 for none */
	uint64_t *recent_table;
	uint64_t *recent_parent;
	uint64_t recent_count;		/* its present entries; the parent's own count is stale */
	/*
	 * Level-1 tables that became empty, oldest first, and may be empty still: the
	 * next pages are likely to be mapped where the last ones were.
	 */
	uintptr_t spare_va[PAGING_MAX_SPARES];
	unsigned nr_spares;
	unsigned max_spares;		/* 0, unless the owner wants some kept */
	/* The same for lookups without a lock, in one word: paging_lookup(). */
	uint64_t recent_word;
};

/* paging_lookup() without its short cut. */
pfn_t paging_lookup_by_walk(const struct page_tables *tables, uintptr_t va);

/* Index of the page at @va in the recent table; PT_ENTRIES or more: it is not in there. */
static inline uint64_t paging_recent_index(const struct page_tables *tables, uintptr_t va)
{
	uint64_t offset = va - tables->recent_va;

	/* Rotated, an offset that is no multiple of a page is a large number too. */
	return offset >> PAGE_SHIFT | offset << (64 - PAGE_SHIFT);
}

/*
 * Maps one page with the finished @leaf bits where that takes one store. False,
 * with nothing done, where it takes more or is not allowed: paging_map_pages()
 * is the judge of that.
 */
static inline bool paging_map_one(struct page_tables *tables, uintptr_t va, pfn_t pfn,
				  uint64_t leaf)
{
	uint64_t index = paging_recent_index(tables, va);

	if (unlikely(index >= PT_ENTRIES) || unlikely(tables->recent_table[index]))
		return false;
	tables->recent_table[index] = pfn_to_pa(pfn) | leaf;
	tables->recent_count++;
	return true;
}

/* Unmaps one page likewise; false where there is none or a table becomes empty. */
static inline bool paging_unmap_one(struct page_tables *tables, uintptr_t va)
{
	uint64_t index = paging_recent_index(tables, va);

	if (unlikely(index >= PT_ENTRIES) || unlikely(!tables->recent_table[index]))
		return false;
	if (unlikely(!--tables->recent_count)) {
		tables->recent_count = 1;
		return false;
	}
	tables->recent_table[index] = 0;
	return true;
}

/* The same for @nr_pages pages in a row, of which the table has room for all. */
bool paging_map_run(struct page_tables *tables, uintptr_t va, const pfn_t *pfns,
		    uint64_t nr_pages, uint64_t leaf);
bool paging_unmap_run(struct page_tables *tables, uintptr_t va, uint64_t nr_pages);

/*
 * recent_word: bits 12 to 47 of the recent table's address at the top, 0, then
 * bits 21 to 47 of the addresses it serves. One word, so that a reader without
 * the lock sees one table's or another's, never half of each. The 0 is 1 when
 * there is none.
 */
#define PAGING_WORD_SHIFT	16
#define PAGING_WORD_PREFIX	37
#define PAGING_WORD_NONE	(1ull << 27)
#define PAGING_WORD_MATCH	((1ull << 28) - 1)

/*
 * The frame at @va, or PFN_NONE: paging_walk() without the trimmings, and with
 * a short cut through the table edited last. The caller keeps the mapping, or
 * the hole, as it is meanwhile; edits elsewhere may go on.
 */
static inline pfn_t paging_lookup(const struct page_tables *tables, uintptr_t va)
{
	uint64_t word = __atomic_load_n(&tables->recent_word, __ATOMIC_ACQUIRE);
	uint64_t rest = word ^ (uint64_t)va << PAGING_WORD_SHIFT >> PAGING_WORD_PREFIX;
	const uint64_t *table;
	uint64_t entry;

	if (unlikely(rest & PAGING_WORD_MATCH))
		return paging_lookup_by_walk(tables, va);
	/* The sign of the shift is the upper half of a canonical address. */
	table = (const uint64_t *)(uintptr_t)((int64_t)rest >> PAGING_WORD_SHIFT);
	entry = table[va >> PAGE_SHIFT & (PT_ENTRIES - 1)];
	if (unlikely(!(entry & PTE_PRESENT)))
		return PFN_NONE;
	return pa_to_pfn(entry & PTE_PA_MASK);
}

/* The finished entry of a 4 KiB leaf, but for its address. */
static inline uint64_t paging_small_leaf(uint64_t bits)
{
	return bits | PTE_PRESENT | PTE_ACCESSED | (bits & PTE_WRITE ? PTE_DIRTY : 0);
}

/*
 * Makes @tables an empty tree with a root page from @take_table. False when
 * there was none.
 */
bool paging_init(struct page_tables *tables, uintptr_t base, unsigned largest_level,
		 uint64_t (*take_table)(void *arg), void *take_arg) MUST_CHECK;

/*
 * From now on tables are reached at @base + pa, and new ones come from @take:
 * the same tree, seen from another address space.
 */
void paging_rebase(struct page_tables *tables, uintptr_t base,
		   uint64_t (*take_table)(void *arg), void *take_arg);

/*
 * Maps [@va, @va + @bytes) to [@pa, ...) with @bits of LEAF_BITS and the
 * largest pages alignment allows. Nothing in it is mapped yet; page-aligned;
 * not writable and executable at once.
 *
 * Returns the bytes mapped, from the start: fewer than @bytes when no table
 * page could be had. The caller continues there, or unmaps that many.
 */
uint64_t paging_map(struct page_tables *tables, uintptr_t va, uint64_t pa, uint64_t bytes,
		    uint64_t bits) MUST_CHECK;

/*
 * Makes every page of [@va, @va + @bytes), GiBs in which nothing is mapped yet,
 * read as the one at @pa, with @bits of LEAF_BITS but PTE_WRITE. Takes two tables
 * for a range of any length: all entries above lead to the same ones.
 *
 * A backdrop is there to be covered: paging_map() takes its place, and CPUs may
 * remember what was there until they are flushed. Unmapping takes it away like
 * any mapping, and does not bring back what was covered. Rights stay as they are.
 *
 * False when no table page could be had: then part of it may be there.
 */
bool paging_map_backdrop(struct page_tables *tables, uintptr_t va, uint64_t pa, uint64_t bytes,
			 uint64_t bits) MUST_CHECK;

/* As paging_map() for single 4 KiB frames, not over a backdrop; returns the pages mapped. */
uint64_t paging_map_pages(struct page_tables *tables, uintptr_t va, const pfn_t *pfns,
			  uint64_t nr_pages, uint64_t bits) MUST_CHECK;

/*
 * Unmaps what is mapped of [@va, @va + @bytes). Tables that become empty, but
 * for the last tables->max_spares level-1 ones, leave the tree and wait in a chain
 * for paging_detach_retired(): a CPU may still walk through them until its TLB is
 * flushed. Large pages reaching over an end are split.
 *
 * Returns the bytes done: fewer than @bytes when a split found no table page.
 */
uint64_t paging_unmap(struct page_tables *tables, uintptr_t va, uint64_t bytes) MUST_CHECK;

/*
 * Gives what is mapped of the range, but for a backdrop, @bits, splitting at its ends.
 * Returns as paging_unmap().
 */
uint64_t paging_protect(struct page_tables *tables, uintptr_t va, uint64_t bytes,
			uint64_t bits) MUST_CHECK;

/*
 * Joins full tables of equal, contiguous small pages in the range to large
 * pages, up to the largest size. Their tables retire as those of paging_unmap()
 * do. Returns how many tables left the tree.
 */
uint64_t paging_merge(struct page_tables *tables, uintptr_t va, uint64_t bytes);

/* Whether the level-1 table of @va may stay in the tree though it is empty. */
static inline bool paging_is_spare(const struct page_tables *tables, uintptr_t va)
{
	for (unsigned i = 0; i < tables->nr_spares; i++)
		if (va - tables->spare_va[i] < level_bytes(PT_LEVEL_2M))
			return true;
	return false;
}

/* Lets the empty level-1 tables that are kept in the tree leave it. */
void paging_drop_spares(struct page_tables *tables);

/*
 * Takes the chain of tables that left the tree away from @tables. After a TLB
 * flush on every CPU their pages are free: paging_pop_retired() gives them one
 * at a time. They hold rubbish.
 */
uint64_t paging_detach_retired(struct page_tables *tables);

/* Takes the first table off a detached chain; PA_NONE when there is none left. */
uint64_t paging_pop_retired(const struct page_tables *tables, uint64_t *chain_pa);

struct translation {
	uint64_t pa;		/* of the address asked, or PA_NONE */
	uint64_t bits;		/* LEAF_BITS, PTE_USER, PTE_BACKDROP as they apply along the walk */
	unsigned level;		/* of the leaf; 0: not mapped */
};

struct translation paging_walk(const struct page_tables *tables, uintptr_t va);

/*
 * Calls @visit for each leaf in order of address. @bits as in translation. What
 * one entry leads to of a backdrop counts as one leaf of that entry's @level.
 * Stops when it returns false, and returns what it returned last.
 */
bool paging_visit(const struct page_tables *tables,
		  bool (*visit)(void *arg, uintptr_t va, unsigned level, uint64_t pa,
				uint64_t bits),
		  void *arg);

/* Checks PAGING-1 to PAGING-6 (paging.c). O(tables). */
bool paging_verify(const struct page_tables *tables, struct violation *out);

#endif
