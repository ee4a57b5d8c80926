#ifndef MM_PAGEBLOCK_H
#define MM_PAGEBLOCK_H

/*
 * Grouping by mobility: which type a 2 MiB pageblock has, and how one type
 * takes memory of another. See mm/page/pageblock.c.
 */

#include "mm/page/buddy.h"

/*
 * How much of another type's memory a request may take: a block of at least a
 * pageblock mixes nothing; a smaller one does.
 */
enum steal { STEAL_WHOLE_PAGEBLOCKS, STEAL_ANY };

/*
 * Makes a block of @order available to @migratetype (one of the first three) at the
 * cost of another type, in the field's order of preference: a pageblock changes its
 * type and *@taken is NULL, or *@taken is a block as buddy_take() gives it and all else
 * stays. False when no other type has one.
 */
bool pageblock_steal(struct zone *zone, unsigned order, enum migratetype migratetype,
		     enum steal steal, struct page **taken) HOLDS(zone->lock);

/* What the pages of one pageblock are, as far as stealing and moving care. */
struct block_use {
	uint64_t nr_free;
	uint64_t nr_movable;	/* allocated, with an owner that can migrate them */
	uint64_t nr_pinned;	/* the rest */
	bool is_shared;		/* with another zone: its type must not change */
};
struct block_use pageblock_use(const struct zone *zone, struct page *start) HOLDS(zone->lock);

/*
 * Sets the pageblock of @page, just allocated for a request that cannot wait and
 * owned by @zone, aside for such requests, up to 1 % of the zone.
 */
void pageblock_reserve_highatomic(struct zone *zone, struct page *page) HOLDS(zone->lock);

/* Gives one pageblock with free memory of that reserve back. False: there is none. */
bool pageblock_unreserve_highatomic(struct zone *zone) HOLDS(zone->lock);

/*
 * Makes @migratetype, any of them, the type of the pageblock of @page, which is
 * wholly up and @zone's. Its free pages follow, out of larger blocks where the
 * new type may not share one, into larger ones where it may; and so do the
 * zone's counts of what is set apart.
 */
void pageblock_retype(struct zone *zone, struct page *page, enum migratetype migratetype)
	HOLDS(zone->lock);

/*
 * True when all of the pageblock at @start_pfn is memory of @zone that is up.
 * Context: no lock of the zone held.
 */
bool pageblock_is_owned(struct zone *zone, pfn_t start_pfn);

/* Checks the rules of mm/page/pageblock.c for a quiet zone. O(pageblocks). */
bool pageblock_verify(struct zone *zone, struct violation *out);

/*
 * Relists the free blocks of the pageblock of @page, which is wholly up, under
 * @migratetype and makes that the pageblock's type. Returns the free pages moved.
 */
uint64_t pageblock_convert(struct zone *zone, struct page *page, enum migratetype migratetype)
	HOLDS(zone->lock);

#endif
