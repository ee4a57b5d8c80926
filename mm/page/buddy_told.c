/*
 * The buddy allocator while somebody listens: the same operations, told as events.
 *
 * Model
 *   buddy.c stays as it is, to the instruction: what happened is seen from the outside.
 *   Merging is complete (BUDDY-3), so when a block has just been taken, a free buddy of
 *   its own order can only be the other half of a block that was split for it, and so on
 *   upwards; and a block just freed lies in the free block that all its merges made.
 *
 *   Batches go block by block, so that no event hides another. They get what a batch would
 *   get, but for the order in which the lists are looked at.
 *
 * Locking
 *   The caller holds zone->lock.
 */

#include "mm/page/buddy_told.h"

#include "mm/event.h"

static void tell(const struct zone *zone, enum mm_event_kind kind, const struct page *page,
		 unsigned order, unsigned to, uint64_t nr)
{
	const struct mm_event event = {
		.kind = (uint8_t)kind,
		.at = pfn_to_pa(zone_page_to_pfn(zone, page)),
		.order = (uint8_t)order,
		.to = (uint8_t)to,
		.nr = nr,
		.nid = (uint16_t)(zone->index / MAX_NR_ZONES),
	};

	mm_event_tell(event, zone->name);
}

/* Pageblocks that differ stay apart: both may be free and were never one block. */
static bool is_other_half(struct zone *zone, struct page *page, unsigned order)
{
	struct page *buddy = buddy_of(page, order);

	return is_free_block(zone, buddy, order) &&
		(order < PAGEBLOCK_ORDER || pageblocks_may_merge(page, buddy));
}

static void tell_split(struct zone *zone, struct page *page, unsigned order) HOLDS(zone->lock)
{
	unsigned block_order = order;

	while (block_order < MAX_ORDER && is_other_half(zone, page, block_order))
		block_order++;
	if (block_order > order)
		tell(zone, MM_EVENT_SPLIT, page, block_order, order, pages_in(order));
}

static void tell_merges(struct zone *zone, struct page *page, unsigned order) HOLDS(zone->lock)
{
	while (order < MAX_ORDER && !is_free_block(zone, page, order)) {
		page = pair_of(page, order);
		tell(zone, MM_EVENT_MERGE, page, order, order + 1, pages_in(order + 1));
		order++;
	}
}

struct page *buddy_take_told(struct zone *zone, unsigned order, enum migratetype migratetype)
{
	struct page *page = buddy_take(zone, order, migratetype);

	if (page)
		tell_split(zone, page, order);
	return page;
}

void buddy_free_told(struct zone *zone, struct page *page, unsigned order)
{
	buddy_free(zone, page, order);
	tell_merges(zone, page, order);
}

uint64_t buddy_take_bulk_told(struct zone *zone, unsigned order, enum migratetype migratetype,
			      uint64_t state, struct page **to, uint64_t nr)
{
	uint64_t nr_taken = 0;

	while (nr_taken < nr && (to[nr_taken] = buddy_take_told(zone, order, migratetype)))
		page_set_state(to[nr_taken++], state);
	if (nr_taken)
		tell(zone, MM_EVENT_REFILL, *to, order, order, nr_taken);
	return nr_taken;
}

void buddy_free_bulk_told(struct zone *zone, struct page **pages, uint64_t nr, unsigned order)
{
	tell(zone, MM_EVENT_DRAIN, *pages, order, order, nr);
	for (uint64_t i = 0; i < nr; i++)
		buddy_free_told(zone, pages[i], order);
}
