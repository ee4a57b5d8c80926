#ifndef MM_COMPACT_H
#define MM_COMPACT_H

/* Moving movable pages out of the way. See mm/page/compact.c. */

#include "mm/page/zone.h"

/* Requests up to this order are served by the buddy allocator alone. */
#define COMPACT_ABOVE_ORDER	3u

/*
 * Empties up to @nr_blocks pageblocks of @zone whose pages can all be moved,
 * the highest first. Returns how many became wholly free.
 *
 * Context: no allocator lock held; calls the owners of pages.
 */
uint64_t compact_zone(struct zone *zone, uint64_t nr_blocks);

/*
 * The same for a request of @order that would fail, just as much as it needs;
 * not at all for a while when that was in vain.
 */
uint64_t compact_zone_for_request(struct zone *zone, unsigned order);

/* The same for every zone of @nid, all that can be emptied. */
uint64_t compact_node(unsigned nid);

/* Pageblocks of @zone that are up, and how many of them are wholly free. */
struct block_census {
	uint64_t nr_blocks;
	uint64_t nr_free_blocks;
};
struct block_census count_free_pageblocks(struct zone *zone);

#endif
