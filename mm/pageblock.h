#ifndef MM_PAGEBLOCK_H
#define MM_PAGEBLOCK_H

/*
 * Grouping by mobility: which type a 2 MiB pageblock has, and how one type
 * takes memory of another. See mm/pageblock.c.
 */

#include "mm/buddy.h"

/*
 * How much of another type's memory a request may take: a block of at least a
 * pageblock mixes nothing; a smaller one does.
 */
enum steal { STEAL_WHOLE_PAGEBLOCKS, STEAL_ANY };

/*
 * Makes a block of @order available under @migratetype (one of the first
 * three) at the cost of another type, in the field's order of preference.
 * False when no other type has one.
 */
bool pageblock_steal(struct zone *zone, unsigned order, enum migratetype migratetype,
		     enum steal steal) HOLDS(zone->lock);

/* What the pages of one pageblock are, as far as stealing and moving care. */
struct block_use {
	uint64_t nr_free;
	uint64_t nr_movable;	/* allocated, with an owner that can migrate them */
	uint64_t nr_pinned;	/* the rest */
};
struct block_use pageblock_use(const struct zone *zone, struct page *start) HOLDS(zone->lock);

/* Splits a free block that is larger than the pageblock of @page: it stands alone. */
void pageblock_detach(struct zone *zone, struct page *page) HOLDS(zone->lock);

/*
 * Sets the pageblock of @page, just allocated for a request that cannot wait,
 * aside for such requests, up to 1 % of the zone.
 */
void pageblock_reserve_highatomic(struct zone *zone, struct page *page) HOLDS(zone->lock);

/* Gives one pageblock with free memory of that reserve back. False: there is none. */
bool pageblock_unreserve_highatomic(struct zone *zone) HOLDS(zone->lock);

/*
 * Gives the pageblock of @page, isolated or reserved, the type @migratetype and
 * merges it with its neighbour, which isolation has prevented.
 */
void pageblock_release(struct zone *zone, struct page *page, enum migratetype migratetype)
	HOLDS(zone->lock);

/*
 * Relists the free blocks of the pageblock of @page, which is wholly up, under
 * @migratetype and makes that the pageblock's type. Returns the free pages moved.
 */
uint64_t pageblock_convert(struct zone *zone, struct page *page, enum migratetype migratetype)
	HOLDS(zone->lock);

#endif
