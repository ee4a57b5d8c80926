#ifndef MM_BOOTMEM_H
#define MM_BOOTMEM_H

/*
 * The allocator before there is one: a bitmap of all pages of a node's boot
 * window, searched linearly. See mm/page/bootmem.c.
 */

#include "mm/assert.h"
#include "mm/types.h"

#define PA_NONE		UINT64_MAX

struct bootmem {
	uint64_t *map;		/* bit i: page start_pfn + i is taken, or no RAM */
	pfn_t start_pfn;	/* the window, half-open */
	pfn_t end_pfn;
	uint64_t nr_free_pages;
	uint64_t packed_pa;	/* next free byte of a partly used page; page-aligned: none */
	uint64_t nr_packed;	/* allocations that took no page of their own */
	uint64_t nr_words_searched;	/* of the bitmap, by all allocations */
	uint64_t nr_changes;	/* ranges that were freed or taken */
	bool is_retired;
};

/* Bytes of the bitmap for a window of @nr_pages. */
uint64_t bootmem_map_bytes(uint64_t nr_pages);

/*
 * Starts @bootmem for the window [@start_pfn, @end_pfn), not empty, with its
 * bitmap at @map. Every page counts as taken until bootmem_free_range().
 */
void bootmem_init(struct bootmem *bootmem, pfn_t start_pfn, pfn_t end_pfn, uint64_t *map);

/* Gives the taken pages [@start_pfn, @end_pfn), inside the window, to @bootmem. */
void bootmem_free_range(struct bootmem *bootmem, pfn_t start_pfn, pfn_t end_pfn);

/* Takes the free pages [@start_pfn, @end_pfn) out. */
void bootmem_reserve_range(struct bootmem *bootmem, pfn_t start_pfn, pfn_t end_pfn);

/*
 * Allocates @bytes (at least 1) at a multiple of @align (a power of two).
 *
 * Requests that fit in the rest of a page that an earlier one left go there.
 * Returns the physical address of the lowest place, or PA_NONE. Contents are
 * undefined. O(pages of the window). Not after bootmem_retire().
 */
uint64_t bootmem_alloc(struct bootmem *bootmem, uint64_t bytes, uint64_t align);

/* A run of pages: free ones, or ones that boot took and keeps. */
typedef void bootmem_visit(void *arg, pfn_t start_pfn, pfn_t end_pfn, bool is_free);

/*
 * Upper bound of the runs of free pages the window has: each range that was freed
 * adds one run at most, each that was taken cuts one in two.
 */
uint64_t bootmem_max_runs(const struct bootmem *bootmem);

/*
 * Ends @bootmem, once: hands every page of the window to @visit in runs, in
 * ascending order. The runs of taken pages include those that are no RAM. The
 * @nr_map_pages pages from @map_pfn, where the bitmap lives, go as free ones.
 */
void bootmem_retire(struct bootmem *bootmem, pfn_t map_pfn, uint64_t nr_map_pages,
		    bootmem_visit *visit, void *arg);

/* Checks the rules of mm/page/bootmem.c. O(pages of the window). */
bool bootmem_verify(const struct bootmem *bootmem, struct violation *out);

#endif
