#ifndef MM_ISOLATE_H
#define MM_ISOLATE_H

/*
 * Isolation: pageblocks from which nothing is allocated. See mm/page/isolate.c.
 *
 * Context: no lock of the zone held.
 */

#include "mm/page/zone.h"

/* At most 8 GiB at once: their types, 2 bits each, are 1 KiB on the caller's stack. */
#define MAX_ISOLATED_PAGEBLOCKS	4096u

#define BITS_PER_TYPE		2u
#define TYPES_PER_WORD		(64u / BITS_PER_TYPE)

/* What pageblocks were before they were isolated. */
struct pageblock_types {
	uint64_t words[MAX_ISOLATED_PAGEBLOCKS / TYPES_PER_WORD];
};

/*
 * Isolates the pageblocks [@start_pfn, @end_pfn), whose types go to @types. All
 * or none: false when one is isolated already, or not wholly memory of @zone
 * that is up, or there are more than MAX_ISOLATED_PAGEBLOCKS. Free pages of them
 * go to the Isolate lists, freed ones follow; this CPU's stacks are emptied, the
 * others' when these next can: until then a page may still leave from there.
 */
bool isolate_pageblocks(struct zone *zone, pfn_t start_pfn, pfn_t end_pfn,
			struct pageblock_types *types) MUST_CHECK;

/* Undoes it: gives the pageblocks their @types and their free pages to those lists. */
void unisolate_pageblocks(struct zone *zone, pfn_t start_pfn, pfn_t end_pfn,
			  const struct pageblock_types *types);

/* The type to which pageblock @index of the range goes back; and another for it. */
enum migratetype pageblock_types_get(const struct pageblock_types *types, uint64_t index);
void pageblock_types_set(struct pageblock_types *types, uint64_t index,
			 enum migratetype migratetype);

/* Free pages in isolated pageblocks of @zone. O(its blocks on the Isolate lists). */
uint64_t zone_isolated_free_pages(struct zone *zone);

#endif
