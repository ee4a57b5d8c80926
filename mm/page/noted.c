/*
 * Pages on their way out of service.
 *
 * Model
 *   A page that shall not be used any more can be anywhere: on a list, at rest on a
 *   CPU's stack, in use, in a section that is not up. It can be taken only from a list.
 *   So a zone notes which of its pages are wanted, and whoever brings blocks to its
 *   lists, in whatever way they came there, takes noted pages out before the lock goes.
 *   What is taken is PAGE_OFFLINE, a block of its own with a reference that nobody
 *   drops; it is still managed by its zone, as an allocated page is. How pages are
 *   made to come to the lists: mm/page/offline.c.
 *
 * Invariants, true whenever zone->lock is free
 *   OFFLINE-1  no noted page lies in a listed block
 *   OFFLINE-2  noted pages are memory of the zone, and none is noted twice
 *   That nr_type_pages[PAGE_OFFLINE] is right, ZONE-7 says.
 *
 * Locking
 *   The caller holds zone->lock.
 *
 * Cost
 *   Nothing is noted in a machine whose memory is sound: one test for each batch.
 */

#include "mm/page/noted.h"

/* The listed block that @page lies in, and its order; NULL: in none. */
static struct page *listed_block_of(const struct zone *zone, struct page *page, unsigned *order)
{
	for (*order = 0; *order <= MAX_ORDER; ++*order) {
		uintptr_t block_bytes = sizeof(struct page) << *order;
		struct page *block = (struct page *)((uintptr_t)page & ~(block_bytes - 1));

		if (is_free_block(zone, block, *order))
			return block;
	}
	return NULL;
}

/* @page alone out of the listed block of @order at @block; the rest stays listed. */
static void take_out(struct zone *zone, struct page *block, unsigned order, struct page *page)
	HOLDS(zone->lock)
{
	struct page *end = block + pages_in(order);

	buddy_unlist(zone, block, order);
	zone->nr_free_pages -= pages_in(order);
	page_set_state(block, 0);
	page->owner = 0;
	page->flags = 0;
	page_set_state(page, make_page_state(PAGE_OFFLINE, 0, zone->index, 1));
	__atomic_fetch_add(&zone->nr_type_pages[PAGE_OFFLINE], 1, __ATOMIC_RELAXED);
	buddy_free_range(zone, block, (uint64_t)(page - block));
	buddy_free_range(zone, page + 1, (uint64_t)(end - page) - 1);
}

static void remove_entry(struct zone *zone, uint64_t index) HOLDS(zone->lock)
{
	zone->noted[index] = zone->noted[zone->nr_noted - 1];
	zone_set_hint(&zone->nr_noted, zone->nr_noted - 1);
}

void take_noted(struct zone *zone)
{
	for (uint64_t i = zone->nr_noted; i-- > 0;) {
		struct page *page = zone->mem_map + zone->noted[i];
		unsigned order;
		struct page *block = listed_block_of(zone, page, &order);

		if (!block)
			continue;
		/* The last entry takes its place: that one has been looked at. */
		remove_entry(zone, i);
		take_out(zone, block, order, page);
	}
}

/* Where @page stands in the table; nr_noted: nowhere. */
static uint64_t index_of(const struct zone *zone, const struct page *page) HOLDS(zone->lock)
{
	uint64_t i = 0;

	while (i < zone->nr_noted && zone->noted[i] != zone_page_to_pfn(zone, page))
		i++;
	return i;
}

bool note_page(struct zone *zone, struct page *page)
{
	ASSERT(!page_is_noted(zone, page));

	if (zone->nr_noted == MAX_NOTED_PAGES)
		return false;
	zone->noted[zone->nr_noted] = zone_page_to_pfn(zone, page);
	zone_set_hint(&zone->nr_noted, zone->nr_noted + 1);
	take_noted(zone);
	return true;
}

bool page_is_noted(const struct zone *zone, const struct page *page)
{
	return index_of(zone, page) < zone->nr_noted;
}

bool forget_page(struct zone *zone, const struct page *page)
{
	uint64_t index = index_of(zone, page);

	if (index == zone->nr_noted)
		return false;
	remove_entry(zone, index);
	return true;
}

static bool is_in_span(const struct zone *zone, pfn_t pfn)
{
	for (uint32_t i = 0; i < zone->nr_spans; i++)
		if (pfn >= zone->spans[i].start_pfn && pfn < zone->spans[i].end_pfn)
			return true;
	return false;
}

static bool verify_entries(const struct zone *zone, struct violation *out) HOLDS(zone->lock)
{
	REQUIRE("OFFLINE-2", zone->index, zone->nr_noted <= MAX_NOTED_PAGES);
	for (uint64_t i = 0; i < zone->nr_noted; i++) {
		struct page *page = zone->mem_map + zone->noted[i];
		unsigned order;

		REQUIRE("OFFLINE-1", zone->noted[i], !listed_block_of(zone, page, &order));
		REQUIRE("OFFLINE-2", zone->noted[i], is_in_span(zone, zone->noted[i]));
		REQUIRE("OFFLINE-2", zone->noted[i], index_of(zone, page) == i);
	}
	return true;
}

bool noted_verify(struct zone *zone, struct violation *out)
{
	bool is_sound;

	spin_lock(&zone->lock);
	is_sound = verify_entries(zone, out);
	spin_unlock(&zone->lock);
	return is_sound;
}
