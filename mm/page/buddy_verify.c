/* Whether the rules of mm/page/buddy.c hold in a zone. */

#include "mm/page/buddy.h"

#include "lib/align.h"

/* Another zone has pages of the pageblock of @page: its type is both zones'. */
static bool is_shared(const struct zone *zone, const struct page *page)
{
	const struct page *start = pageblock_of(page);

	for (const struct page *at = start; at < start + PAGEBLOCK_PAGES; at++)
		if (at->type > PAGE_RESERVED && at->zone_index != zone->index)
			return true;
	return false;
}

static bool verify_block(const struct zone *zone, struct page *page, unsigned order,
			 unsigned migratetype, struct violation *out)
{
	pfn_t pfn = zone_page_to_pfn(zone, page);

	REQUIRE("BUDDY-1", pfn, is_aligned(pfn, pages_in(order)));
	assume_unshared(&zone->grow_lock);
	REQUIRE("BUDDY-1", pfn, zone_has_up(zone, pfn));
	REQUIRE("BUDDY-1", pfn, zone_has_up(zone, pfn + pages_in(order) - 1));
	REQUIRE("BUDDY-2", pfn, is_free_block(zone, page, order));
	for (uint64_t i = 1; i < pages_in(order); i++)
		REQUIRE("BUDDY-2", pfn + i, page_state(page + i) == 0);
	REQUIRE("BUDDY-3", pfn, order == MAX_ORDER ||
		!is_free_block(zone, buddy_of(page, order), order) ||
		!pageblocks_may_merge(page, buddy_of(page, order)));
	for (struct page *at = page; at < page + pages_in(order); at += PAGEBLOCK_PAGES)
		REQUIRE("BUDDY-5", zone_page_to_pfn(zone, at),
			pageblock_migratetype(at) == migratetype || is_shared(zone, at));
	return true;
}

bool buddy_verify(const struct zone *zone, struct violation *out)
{
	uint64_t nr_pages = 0;

	assume_unshared(&zone->lock);
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		const struct free_area *area = &zone->free_area[order];
		uint64_t nr_blocks = 0;

		for (unsigned type = 0; type < MIGRATE_TYPES; type++) {
			list_for_each(node, &area->free_list[type]) {
				struct page *page = list_entry(node, struct page, list);

				REQUIRE("BUDDY-4", order, nr_blocks < area->nr_free);
				nr_blocks++;
				if (!verify_block(zone, page, order, type, out))
					return false;
			}
		}
		REQUIRE("BUDDY-4", order, nr_blocks == area->nr_free);
		nr_pages += nr_blocks << order;
	}
	REQUIRE("BUDDY-4", nr_pages, nr_pages == zone->nr_free_pages);
	return true;
}
