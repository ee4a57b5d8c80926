/* A zone in an array, for tests of mechanisms. See tests/unit/sandbox.h. */

#include "tests/unit/sandbox.h"

#include "lib/string.h"
#include "mm/page_alloc.h"

static unsigned backing_order(void)
{
	return order_for_pages(bytes_to_pages(SANDBOX_PAGES * sizeof(struct page)));
}

bool sandbox_start(struct sandbox *sandbox)
{
	memset(sandbox, 0, sizeof(*sandbox));
	sandbox->backing = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NO_INJECTION,
				       backing_order());
	if (!sandbox->backing)
		return false;
	sandbox->map = page_address(sandbox->backing);
	sandbox->span = (struct pfn_span){ 0, SANDBOX_PAGES };
	sandbox->zone = &sandbox->node.node_zones[ZONE_NORMAL];
	zone_init(sandbox->zone, &sandbox->node, ZONE_NORMAL, sandbox->map);
	sandbox->zone->end_pfn = SANDBOX_PAGES;
	sandbox->zone->present_pages = SANDBOX_PAGES;
	sandbox->zone->managed_pages = SANDBOX_PAGES;
	sandbox->zone->spans = &sandbox->span;
	sandbox->zone->nr_spans = 1;
	sandbox->zone->grow_span = 1;
	for (uint64_t pfn = 0; pfn < SANDBOX_PAGES; pfn += PAGEBLOCK_PAGES)
		pageblock_set_migratetype(sandbox->map + pfn, MIGRATE_MOVABLE);
	spin_lock(&sandbox->zone->lock);
	buddy_free_range(sandbox->zone, sandbox->map, SANDBOX_PAGES);
	spin_unlock(&sandbox->zone->lock);
	return true;
}

void sandbox_end(struct sandbox *sandbox)
{
	__free_pages(sandbox->backing, backing_order());
}

struct page *sandbox_take(struct sandbox *sandbox, unsigned order, enum migratetype migratetype)
{
	struct zone *zone = sandbox->zone;
	struct page *page;

	spin_lock(&zone->lock);
	page = buddy_take(zone, order, migratetype);
	if (page)
		page_set_state(page, make_page_state(PAGE_USER, order, zone->index, 1));
	spin_unlock(&zone->lock);
	return page;
}

void sandbox_free(struct sandbox *sandbox, struct page *page, unsigned order)
{
	spin_lock(&sandbox->zone->lock);
	buddy_free(sandbox->zone, page, order);
	spin_unlock(&sandbox->zone->lock);
}

bool sandbox_steal(struct sandbox *sandbox, unsigned order, enum migratetype migratetype,
		   enum steal how)
{
	bool is_stolen;

	spin_lock(&sandbox->zone->lock);
	is_stolen = pageblock_steal(sandbox->zone, order, migratetype, how,
				     &sandbox->stolen);
	if (sandbox->stolen)
		page_set_state(sandbox->stolen,
			       make_page_state(PAGE_USER, order, sandbox->zone->index, 1));
	spin_unlock(&sandbox->zone->lock);
	return is_stolen;
}

uint64_t sandbox_blocks(const struct sandbox *sandbox, unsigned order)
{
	return sandbox->zone->free_area[order].nr_free;
}

bool sandbox_breaks(const struct sandbox *sandbox, const char *rule)
{
	struct violation violation;

	return !buddy_verify(sandbox->zone, &violation) && strcmp(violation.rule, rule) == 0;
}

bool sandbox_is_whole(const struct sandbox *sandbox)
{
	struct violation violation;

	return buddy_verify(sandbox->zone, &violation) &&
	       sandbox_blocks(sandbox, MAX_ORDER) == SANDBOX_PAGES >> MAX_ORDER &&
	       sandbox->zone->nr_free_pages == SANDBOX_PAGES;
}
