#ifndef MM_BUDDY_TOLD_H
#define MM_BUDDY_TOLD_H

/*
 * The operations of mm/page/buddy.h for when mm_events_wanted(): with the same contracts,
 * and an event for each split, merge, refill and drain. See mm/page/buddy_told.c.
 */

#include "mm/page/buddy.h"

struct page *buddy_take_told(struct zone *zone, unsigned order, enum migratetype migratetype)
	HOLDS(zone->lock) COLD;
void buddy_free_told(struct zone *zone, struct page *page, unsigned order) HOLDS(zone->lock) COLD;
uint64_t buddy_take_bulk_told(struct zone *zone, unsigned order, enum migratetype migratetype,
			      uint64_t state, struct page **to, uint64_t nr)
	HOLDS(zone->lock) COLD;
void buddy_free_bulk_told(struct zone *zone, struct page **pages, uint64_t nr, unsigned order)
	HOLDS(zone->lock) COLD;

#endif
