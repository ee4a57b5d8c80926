#ifndef MM_COMPACT_H
#define MM_COMPACT_H

/*
 * Moving movable pages out of the way. See mm/page/compact.c.
 *
 * Context: no allocator lock held; the owners of pages are called.
 */

#include "mm/page/zone.h"

/* Requests above this order compact before they reclaim: single pages rarely become so much. */
#define COMPACT_ABOVE_ORDER	3u

/*
 * Compacts @zone for a request of @order that found none, within the budget of one
 * call, until a block of it is listed. False: it is not, or such attempts were in
 * vain lately. True: the caller tries to get it and says how that went.
 */
bool compact_zone_for_request(struct zone *zone, unsigned order) MUST_CHECK;
void compact_note_outcome(struct zone *zone, unsigned order, bool is_served);

/* Whether a zone of @node of type @highest or lower lists a block of @order, for anybody. */
bool node_lists_block(struct pglist_data *node, unsigned order, enum zone_type highest);

/* Whether compaction of one of these zones for blocks of @order is to be tried: counts as one. */
bool compact_may_help(struct pglist_data *node, unsigned order, enum zone_type highest);

/*
 * kswapd's part: one call's budget on the zones of @node up to @highest, until one
 * lists a block of @order. True: there is more to do.
 */
bool compact_in_background(struct pglist_data *node, unsigned order, enum zone_type highest);

/*
 * Empties every pageblock of @nid that can be: after it nothing moves until
 * something is freed. Returns how many. As long as it takes.
 */
uint64_t compact_node(unsigned nid);

/* Pageblocks of @zone that are up, and how many of them are wholly free. */
struct block_census {
	uint64_t nr_blocks;
	uint64_t nr_free_blocks;
};
struct block_census count_free_pageblocks(struct zone *zone);

/* Checks the rules of mm/page/compact.c. */
bool compact_verify(const struct zone *zone, struct violation *out);

#endif
