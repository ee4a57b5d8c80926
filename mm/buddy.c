/*
 * Buddy allocator: power-of-two page blocks of one zone.
 *
 * Model
 *   A block of order k is 2^k pages whose first pfn is a multiple of 2^k. Free
 *   memory is a set of disjoint blocks, listed by order and by the type of the
 *   pageblock they lie in. Two blocks of order k are buddies when their first
 *   pfns differ in bit k only. Freeing merges buddies upward until one is
 *   missing; allocating splits downward.
 *
 *   Whether a buddy is free is one comparison: page->state holds type, order and
 *   zone, so a block of another size, an allocated one, a hole and a page of the
 *   neighbouring zone all differ. The buddy of a block is always the first page
 *   of some block or no memory at all, so no stale interior page is ever asked.
 *
 * Packing
 *   If all allocated memory were moved to the bottom of the zone it would end at
 *   packing_limit. Blocks below it are listed at the front and are given out
 *   first, blocks above it at the back: what is in use gathers at the bottom,
 *   and large blocks reappear at the top without anybody moving a page.
 *
 * Invariants, true whenever zone->lock is free
 *   B1  a listed block is aligned to its size and lies in the zone's memory
 *   B2  a listed page has the state of a free block of that order, and no
 *       unlisted page has it
 *   B3  no two buddies below MAX_ORDER are both free: merging is complete, but
 *       between pageblocks of which just one is isolated
 *   B4  nr_free of an order is the number of its listed blocks, and
 *       nr_free_pages the sum of their pages
 *   B5  a block is listed under the type of its (first) pageblock
 *
 * Locking
 *   The caller holds zone->lock. Nothing here takes a lock or calls out.
 */

#include "mm/buddy.h"

#include "lib/align.h"
#include "lib/bits.h"

/* page->state grows by this when the order does. */
#define STATE_OF_ONE_ORDER	make_page_state(PAGE_HOLE, 1, 0, 0)

/* How far ahead a bulk free looks: a miss to memory takes about as long as 8 merges. */
#define PREFETCH_DISTANCE	8

void buddy_init(struct zone *zone)
{
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		for (unsigned type = 0; type < MIGRATE_TYPES; type++)
			list_init(&zone->free_area[order].free_list[type]);
		zone->free_area[order].nr_free = 0;
	}
	zone->nr_free_pages = 0;
}

static bool is_order_aligned(const struct zone *zone, const struct page *page, unsigned order)
{
	return is_aligned(zone_page_to_pfn(zone, page), pages_in(order));
}

static bool is_inside(const struct zone *zone, const struct page *page, unsigned order)
{
	pfn_t pfn = zone_page_to_pfn(zone, page);

	return pfn >= zone->start_pfn && pfn + pages_in(order) <= zone->end_pfn;
}

void buddy_list(struct zone *zone, struct page *page, unsigned order, enum migratetype migratetype)
{
	struct free_area *area = &zone->free_area[order];

	if (page < zone->packing_limit)
		list_add(&page->list, &area->free_list[migratetype]);
	else
		list_add_tail(&page->list, &area->free_list[migratetype]);
	area->nr_free++;
	page_set_state(page, free_state(zone, order));
}

void buddy_unlist(struct zone *zone, struct page *page, unsigned order)
{
	DEBUG_ASSERT(is_free_block(zone, page, order));
	DEBUG_ASSERT(list_is_linked(&page->list));

	list_del(&page->list);
	zone->free_area[order].nr_free--;
}

/* Between pageblocks of which one is isolated a block would escape the isolation. */
static bool may_merge(const struct page *page, const struct page *buddy, unsigned order)
{
	return order < PAGEBLOCK_ORDER || (pageblock_migratetype(page) == MIGRATE_ISOLATE) ==
					  (pageblock_migratetype(buddy) == MIGRATE_ISOLATE);
}

static ALWAYS_INLINE void merge(struct zone *zone, struct page *page, unsigned order)
	HOLDS(zone->lock)
{
	uint64_t state = free_state(zone, order);

	while (order < MAX_ORDER) {
		struct page *buddy = buddy_of(page, order);

		if (page_state(buddy) != state || !may_merge(page, buddy, order))
			break;
		buddy_unlist(zone, buddy, order);
		/* Its first page may end up inside the merged block: no trace may stay. */
		page_set_state(buddy, 0);
		page = pair_of(page, order);
		order++;
		state += STATE_OF_ONE_ORDER;
	}
	buddy_list(zone, page, order, pageblock_migratetype(page));
}

/* Where all memory in use would end if it were moved to the bottom. */
static void update_packing_limit(struct zone *zone) HOLDS(zone->lock)
{
	zone->packing_limit = zone->mem_map + zone->start_pfn +
			      (zone->managed_pages - zone->nr_pending_pages - zone->nr_free_pages);
}

void buddy_free(struct zone *zone, struct page *page, unsigned order)
{
	ASSERT(order <= MAX_ORDER);
	ASSERT(is_order_aligned(zone, page, order));
	ASSERT(is_inside(zone, page, order));
	ASSERT(page->type != PAGE_FREE);

	zone->nr_free_pages += pages_in(order);
	update_packing_limit(zone);
	page_set_state(page, 0);
	merge(zone, page, order);
}

void buddy_free_range(struct zone *zone, struct page *page, uint64_t nr_pages)
{
	pfn_t pfn = zone_page_to_pfn(zone, page);
	pfn_t end_pfn = pfn + nr_pages;

	while (pfn < end_pfn) {
		unsigned order = MAX_ORDER;

		if (pfn != 0 && lowest_bit(pfn) < order)
			order = lowest_bit(pfn);
		while (pages_in(order) > end_pfn - pfn)
			order--;
		buddy_free(zone, zone->mem_map + pfn, order);
		pfn += pages_in(order);
	}
}

void buddy_free_bulk(struct zone *zone, struct page **pages, uint64_t nr, unsigned order)
{
	zone->nr_free_pages += nr << order;
	update_packing_limit(zone);
	for (uint64_t i = 0; i < nr; i++) {
		if (i + PREFETCH_DISTANCE < nr)
			__builtin_prefetch(pages[i + PREFETCH_DISTANCE], 1);
		page_set_state(pages[i], 0);
		merge(zone, pages[i], order);
	}
}

/*
 * The first listed block of at least @order whose memory is to be used first:
 * the smallest below packing_limit, else the smallest of all.
 */
static struct page *find_block(const struct zone *zone, unsigned order, enum migratetype migratetype)
	HOLDS(zone->lock)
{
	struct page *smallest = NULL;

	for (; order <= MAX_ORDER; order++) {
		const struct list_head *list = &zone->free_area[order].free_list[migratetype];
		struct page *page = list_first_entry(list, struct page, list);

		if (list_is_empty(list))
			continue;
		if (page < zone->packing_limit)
			return page;
		if (!smallest)
			smallest = page;
	}
	return smallest;
}

/*
 * Lists what lies in the block of 2^@block_order pages at @page from @offset on,
 * by the type of its pageblock, whichever list the block came from.
 */
static void list_rest(struct zone *zone, struct page *page, uint64_t offset, unsigned block_order)
	HOLDS(zone->lock)
{
	while (offset < pages_in(block_order)) {
		unsigned order = lowest_bit(offset);

		buddy_list(zone, page + offset, order, pageblock_migratetype(page + offset));
		offset += pages_in(order);
	}
}

struct page *buddy_take(struct zone *zone, unsigned order, enum migratetype migratetype)
{
	struct page *page = find_block(zone, order, migratetype);
	unsigned block_order;

	if (!page)
		return NULL;
	block_order = page->order;
	buddy_unlist(zone, page, block_order);
	list_rest(zone, page, pages_in(order), block_order);
	zone->nr_free_pages -= pages_in(order);
	update_packing_limit(zone);
	return page;
}

uint64_t buddy_take_bulk(struct zone *zone, unsigned order, enum migratetype migratetype,
			 uint64_t state, struct page **to, uint64_t nr)
{
	uint64_t nr_taken = 0;

	while (nr_taken < nr) {
		struct page *page = find_block(zone, order, migratetype);
		uint64_t nr_pieces;
		unsigned block_order;

		if (!page)
			break;
		block_order = page->order;
		buddy_unlist(zone, page, block_order);
		nr_pieces = min_u64(pages_in(block_order - order), nr - nr_taken);
		list_rest(zone, page, nr_pieces << order, block_order);
		for (uint64_t piece = nr_pieces; piece-- > 0;) {
			page_set_state(page + (piece << order), state);
			to[nr_taken++] = page + (piece << order);
		}
	}
	zone->nr_free_pages -= nr_taken << order;
	update_packing_limit(zone);
	return nr_taken;
}

/* ---- Verification ---- */

/* A pageblock that two zones share has one type for both: no rule for such. */
static bool owns_pageblock(const struct zone *zone, pfn_t pfn)
{
	pfn_t start_pfn = align_down(pfn, PAGEBLOCK_PAGES);

	return zone_has_up(zone, start_pfn) && zone_has_up(zone, start_pfn + PAGEBLOCK_PAGES - 1);
}

static bool verify_block(const struct zone *zone, struct page *page, unsigned order,
			 unsigned migratetype, struct violation *out)
{
	pfn_t pfn = zone_page_to_pfn(zone, page);

	REQUIRE("B1", pfn, is_aligned(pfn, pages_in(order)));
	REQUIRE("B1", pfn, zone_has_up(zone, pfn));
	REQUIRE("B1", pfn, zone_has_up(zone, pfn + pages_in(order) - 1));
	REQUIRE("B2", pfn, is_free_block(zone, page, order));
	REQUIRE("B3", pfn, order == MAX_ORDER ||
		!is_free_block(zone, buddy_of(page, order), order) ||
		!may_merge(page, buddy_of(page, order), order));
	REQUIRE("B5", pfn, pageblock_migratetype(page) == migratetype ||
		!owns_pageblock(zone, pfn));
	return true;
}

bool buddy_verify(const struct zone *zone, struct violation *out)
{
	uint64_t nr_pages = 0;

	for (unsigned order = 0; order < NR_ORDERS; order++) {
		const struct free_area *area = &zone->free_area[order];
		uint64_t nr_blocks = 0;

		for (unsigned type = 0; type < MIGRATE_TYPES; type++) {
			list_for_each(node, &area->free_list[type]) {
				struct page *page = list_entry(node, struct page, list);

				REQUIRE("B4", order, nr_blocks < area->nr_free);
				nr_blocks++;
				if (!verify_block(zone, page, order, type, out))
					return false;
			}
		}
		REQUIRE("B4", order, nr_blocks == area->nr_free);
		nr_pages += nr_blocks << order;
	}
	REQUIRE("B4", nr_pages, nr_pages == zone->nr_free_pages);
	return true;
}
