/*
 * Pageblocks: memory of one mobility kept together.
 *
 * Model
 *   Every 2 MiB pageblock has a type, kept in its first struct page. A block is
 *   freed to the list of its pageblock's type, so what one kind of owner uses
 *   comes back to that kind. When a type has nothing left it takes from
 *   another: the largest block, since that disturbs the fewest pageblocks, and
 *   the whole pageblock with it if most of it is free or compatible. A movable
 *   request that would only get part of a pageblock takes the smallest block
 *   instead: it can be moved away again, so it had better not claim anything.
 *
 * Order of preference
 *   unmovable   from reclaimable, then movable
 *   movable     from reclaimable, then unmovable
 *   reclaimable from unmovable, then movable
 *   Atomic reserves and isolated pageblocks are nobody's.
 *
 * Locking
 *   The caller holds zone->lock.
 */

#include "mm/pageblock.h"

#include "lib/align.h"

/* The reserve for requests that cannot wait is at most the zone divided by this. */
#define HIGHATOMIC_SHARE	100u

#define NR_FALLBACKS	(MIGRATE_PCPTYPES - 1)

static const uint8_t fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

/* First page after the block that @page heads. */
static struct page *next_block(struct page *page)
{
	uint64_t state = page_state(page);
	struct page head = { .state = state };

	if (head.type == PAGE_HOLE || head.type == PAGE_TAIL)
		return page + 1;
	return page + pages_in(head.order);
}

struct block_use pageblock_use(const struct zone *zone, struct page *start)
{
	struct page *end = start + PAGEBLOCK_PAGES;
	struct block_use use = { 0, 0, 0 };

	/* The second half of a larger block: its first page speaks for it. */
	if (is_free_block(zone, pair_of(start, PAGEBLOCK_ORDER), MAX_ORDER))
		return (struct block_use){ .nr_free = PAGEBLOCK_PAGES };
	for (struct page *page = start; page < end; page = next_block(page)) {
		struct page head = { .state = page_state(page) };

		if (head.type == PAGE_FREE && head.zone_index == zone->index)
			use.nr_free += pages_in(head.order);
		else if (head.type == PAGE_MOVABLE)
			use.nr_movable += pages_in(head.order);
	}
	use.nr_pinned = PAGEBLOCK_PAGES - min_u64(use.nr_free + use.nr_movable, PAGEBLOCK_PAGES);
	return use;
}

void pageblock_detach(struct zone *zone, struct page *page)
{
	struct page *head = pair_of(pageblock_of(page), PAGEBLOCK_ORDER);
	struct page *half = buddy_of(head, PAGEBLOCK_ORDER);

	if (!is_free_block(zone, head, MAX_ORDER))
		return;
	buddy_unlist(zone, head, MAX_ORDER);
	buddy_list(zone, head, PAGEBLOCK_ORDER, pageblock_migratetype(head));
	buddy_list(zone, half, PAGEBLOCK_ORDER, pageblock_migratetype(half));
}

void pageblock_reserve_highatomic(struct zone *zone, struct page *page)
{
	if (pageblock_migratetype(page) >= MIGRATE_PCPTYPES ||
	    zone->nr_highatomic_pages + PAGEBLOCK_PAGES > zone->managed_pages / HIGHATOMIC_SHARE)
		return;
	pageblock_detach(zone, page);
	pageblock_convert(zone, page, MIGRATE_HIGHATOMIC);
	zone->nr_highatomic_pages += PAGEBLOCK_PAGES;
}

bool pageblock_unreserve_highatomic(struct zone *zone)
{
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		struct list_head *list = &zone->free_area[order].free_list[MIGRATE_HIGHATOMIC];

		if (list_is_empty(list))
			continue;
		zone->nr_highatomic_pages -= PAGEBLOCK_PAGES;
		pageblock_release(zone, list_first_entry(list, struct page, list),
				  MIGRATE_MOVABLE);
		return true;
	}
	return false;
}

void pageblock_release(struct zone *zone, struct page *page, enum migratetype migratetype)
{
	struct page *start = pageblock_of(page);

	pageblock_convert(zone, start, migratetype);
	if (!is_free_block(zone, start, PAGEBLOCK_ORDER))
		return;
	buddy_unlist(zone, start, PAGEBLOCK_ORDER);
	zone->nr_free_pages -= PAGEBLOCK_PAGES;
	page_set_state(start, 0);
	buddy_free(zone, start, PAGEBLOCK_ORDER);
}

uint64_t pageblock_convert(struct zone *zone, struct page *page, enum migratetype migratetype)
{
	struct page *start = pageblock_of(page);
	struct page *end = start + PAGEBLOCK_PAGES;
	uint64_t nr_moved = 0;

	pageblock_set_migratetype(start, migratetype);
	for (struct page *at = start; at < end; at = next_block(at)) {
		unsigned order = at->order;

		if (order > MAX_ORDER || !is_free_block(zone, at, order))
			continue;
		buddy_unlist(zone, at, order);
		buddy_list(zone, at, order, migratetype);
		nr_moved += pages_in(order);
	}
	return nr_moved;
}

/* A block of whole pageblocks changes hands: all of them take the new type. */
static void claim_whole(struct zone *zone, struct page *page, unsigned order,
			enum migratetype migratetype) HOLDS(zone->lock)
{
	uint64_t nr_blocks = pages_in(order - PAGEBLOCK_ORDER);

	buddy_unlist(zone, page, order);
	for (uint64_t i = 0; i < nr_blocks; i++)
		pageblock_set_migratetype(page + i * PAGEBLOCK_PAGES, migratetype);
	zone->nr_stolen_pageblocks += nr_blocks;
	buddy_list(zone, page, order, migratetype);
}

/* True when pages of @migratetype would be at home in a pageblock of @from with @use. */
static bool is_worth_claiming(const struct block_use *use, enum migratetype migratetype,
			      enum migratetype from)
{
	uint64_t nr_alike = 0;

	if (migratetype == MIGRATE_MOVABLE)
		nr_alike = use->nr_movable;
	else if (from != MIGRATE_MOVABLE)
		nr_alike = use->nr_pinned;
	return use->nr_free + nr_alike >= PAGEBLOCK_PAGES / 2;
}

/* Takes part of a pageblock, or all that is free of it. */
static void claim_part(struct zone *zone, struct page *page, unsigned order,
		       enum migratetype migratetype, enum migratetype from) HOLDS(zone->lock)
{
	struct block_use use = pageblock_use(zone, pageblock_of(page));

	/* Two types in one pageblock: let kswapd free ahead, so that it stays rare. */
	zone->watermark_boost = min_u64(zone->watermark_boost + PAGEBLOCK_PAGES,
					zone->watermark[WATERMARK_HIGH] / 2);
	if (is_worth_claiming(&use, migratetype, from)) {
		pageblock_convert(zone, page, migratetype);
		zone->nr_stolen_pageblocks++;
		return;
	}
	buddy_unlist(zone, page, order);
	buddy_list(zone, page, order, migratetype);
}

/* First listed block of exactly @order of a type that @migratetype may take from. */
static struct page *find_fallback(const struct zone *zone, unsigned order,
				  enum migratetype migratetype, enum migratetype *from)
	HOLDS(zone->lock)
{
	for (unsigned i = 0; i < NR_FALLBACKS; i++) {
		const struct list_head *list;

		*from = (enum migratetype)fallbacks[migratetype][i];
		list = &zone->free_area[order].free_list[*from];
		if (!list_is_empty(list))
			return list_first_entry(list, struct page, list);
	}
	return NULL;
}

bool pageblock_steal(struct zone *zone, unsigned order, enum migratetype migratetype,
		     enum steal steal)
{
	unsigned lowest_order = order;
	enum migratetype from;

	ASSERT(migratetype < MIGRATE_PCPTYPES);

	if (steal == STEAL_WHOLE_PAGEBLOCKS && lowest_order < PAGEBLOCK_ORDER)
		lowest_order = PAGEBLOCK_ORDER;
	for (unsigned at = NR_ORDERS; at-- > lowest_order;) {
		struct page *page = find_fallback(zone, at, migratetype, &from);

		if (!page)
			continue;
		zone->nr_fallback_blocks++;
		if (at >= PAGEBLOCK_ORDER) {
			claim_whole(zone, page, at, migratetype);
			return true;
		}
		if (migratetype == MIGRATE_MOVABLE)
			for (at = order; !(page = find_fallback(zone, at, migratetype, &from)); at++)
				;
		claim_part(zone, page, at, migratetype, from);
		return true;
	}
	return false;
}
