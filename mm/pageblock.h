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

/*
 * Relists the free blocks of the pageblock of @page, which is wholly up, under
 * @migratetype and makes that the pageblock's type. Returns the free pages moved.
 */
uint64_t pageblock_convert(struct zone *zone, struct page *page, enum migratetype migratetype)
	HOLDS(zone->lock);

#endif
