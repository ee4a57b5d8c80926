#ifndef MM_COMPACT_H
#define MM_COMPACT_H

/* Moving movable pages out of the way. See mm/compact.c. */

#include "mm/zone.h"

/*
 * Empties up to @nr_blocks pageblocks of @zone whose pages can all be moved,
 * the highest first. Returns how many became wholly free.
 *
 * Context: no allocator lock held; calls the owners of pages.
 */
uint64_t compact_zone(struct zone *zone, uint64_t nr_blocks);

/* The same for every zone of @nid, all that can be emptied. */
uint64_t compact_node(unsigned nid);

/* Pageblocks of @zone that are up, and how many of them are wholly free. */
struct block_census {
	uint64_t nr_blocks;
	uint64_t nr_free_blocks;
};
struct block_census count_free_pageblocks(struct zone *zone);

/*
 * Allocates exactly the pages [@start_pfn, @end_pfn) of one zone, moving away
 * what is in them: each is then a single page with one reference, and freed as
 * one. False when something there cannot be moved; then nothing changed but
 * where movable pages lie. For what exceeds MAX_ORDER.
 */
bool alloc_contig_range(pfn_t start_pfn, pfn_t end_pfn) MUST_CHECK;
void free_contig_range(pfn_t start_pfn, pfn_t end_pfn);

/* The first of @nr_pages consecutive pages of @nid, by the above, or NULL. */
struct page *alloc_contig_pages(uint64_t nr_pages, unsigned nid);

#endif
