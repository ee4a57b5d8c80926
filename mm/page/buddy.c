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
 *   If all allocated memory were moved to the bottom of the zone, around its holes and
 *   what boot took, it would end a little below packing_limit. Blocks below the limit are
 *   listed at the front and are given out first, blocks above it at the back: what is in
 *   use gathers at the bottom, and large blocks reappear at the top without anybody moving
 *   a page.
 *   The limit follows the peak of what is in use: it rises at once and comes down
 *   rarely, so that a load that comes and goes finds it where it was. When it has
 *   come down, blocks that it passed stand at the front of their lists; bulk
 *   requests that meet them there send them to the back, some at a time.
 *
 * Invariants, true whenever zone->lock is free
 *   BUDDY-1  a listed block is aligned to its size and lies in the zone's memory
 *   BUDDY-2  a listed page has the state of a free block of that order; that of the
 *       other pages is 0, PAGE_HOLE: no trace of smaller blocks stays
 *   BUDDY-3  no two buddies below MAX_ORDER are both free: merging is complete, but
 *       between pageblocks that differ and of which one is isolated or reserved
 *   BUDDY-4  nr_free of an order is the number of its listed blocks, and
 *       nr_free_pages the sum of their pages
 *   BUDDY-5  a block is listed under the type of its pageblock, or both of its pageblocks;
 *       but in a pageblock that another zone has pages of, which may have changed it
 *
 * Locking
 *   The caller holds zone->lock. Nothing here takes a lock or calls out.
 *
 * The rules are checked in mm/page/buddy_verify.c.
 */

#include "mm/page/buddy.h"

#include "lib/align.h"
#include "lib/bits.h"

/* page->state grows by this when the order does. */
#define STATE_OF_ONE_ORDER	make_page_state(PAGE_HOLE, 1, 0, 0)

/*
 * How often a bulk free looks for a run: memory freed in order comes as one run
 * from the start of a batch, memory freed at random has none worth looking for.
 */
#define RUN_STRIDE	32u

/* Blocks one bulk request takes from the lists: bounds the worst case in fragmented memory. */
#define MAX_BLOCKS_PER_BULK	64u

/* Blocks one bulk request passes on its way to one below the limit: 5 instructions each. */
#define MAX_MOVES_PER_BULK	64u

/* How much memory beyond what is in use lies below the packing limit: 1/64 of the zone. */
#define PACKING_SLACK_SHIFT	6

/* About 128,000 pages. */
#define BULKS_UNTIL_LOWERED	1024u

static bool is_order_aligned(const struct zone *zone, const struct page *page, unsigned order)
{
	return is_aligned(zone_page_to_pfn(zone, page), pages_in(order));
}

static bool is_inside(const struct zone *zone, const struct page *page, unsigned order)
{
	pfn_t pfn = zone_page_to_pfn(zone, page);

	return pfn >= zone->start_pfn && pfn + pages_in(order) <= zone->end_pfn;
}

/* Links @page into @area: the one place that knows which end of a list is used first. */
static ALWAYS_INLINE void link_block(const struct zone *zone, struct free_area *area,
				     struct page *page, enum migratetype migratetype,
				     uint64_t state)
	HOLDS(zone->lock)
{
	struct list_head *list = &area->free_list[migratetype];

	if (page < zone->packing_limit)
		list_add(&page->list, list);
	else
		list_add_tail(&page->list, list);
	area->nr_free++;
	page_set_state(page, state);
}

/* Takes @page out of the list of @area. Its links are stale then: its next user sets them. */
static ALWAYS_INLINE void unlink_block(struct free_area *area, struct page *page)
{
	struct list_head *next = page->list.next;
	struct list_head *prev = page->list.prev;

	DEBUG_ASSERT(list_is_linked(&page->list));

	next->prev = prev;
	prev->next = next;
	area->nr_free--;
}

void buddy_list(struct zone *zone, struct page *page, unsigned order, enum migratetype migratetype)
{
	link_block(zone, &zone->free_area[order], page, migratetype, free_state(zone, order));
}

void buddy_unlist(struct zone *zone, struct page *page, unsigned order)
{
	DEBUG_ASSERT(is_free_block(zone, page, order));

	unlink_block(&zone->free_area[order], page);
}

/*
 * A block of both pageblocks goes to the lists: as one under one type, or as two where
 * one of them was set apart since it was allocated, or since its parts were.
 */
static void list_pair(struct zone *zone, struct page *page) HOLDS(zone->lock)
{
	struct page *upper = page + PAGEBLOCK_PAGES;

	_Static_assert(MAX_ORDER == PAGEBLOCK_ORDER + 1, "a block spans two pageblocks at most");
	if (!pageblocks_may_merge(page, upper)) {
		buddy_list(zone, page, PAGEBLOCK_ORDER, pageblock_migratetype(page));
		buddy_list(zone, upper, PAGEBLOCK_ORDER, pageblock_migratetype(upper));
		return;
	}
	/* One type for both: the pair must not leave the lists of who frees and asks again. */
	pageblock_set_migratetype(upper, pageblock_migratetype(page));
	buddy_list(zone, page, MAX_ORDER, pageblock_migratetype(page));
}

/* The block of @order at @page reaches pageblock size: merging may cross pageblocks. */
static NOINLINE void merge_pageblocks(struct zone *zone, struct page *page, unsigned order)
	HOLDS(zone->lock)
{
	struct page *buddy = buddy_of(page, PAGEBLOCK_ORDER);

	if (order == MAX_ORDER) {
		list_pair(zone, page);
		return;
	}
	if (!is_free_block(zone, buddy, PAGEBLOCK_ORDER) || !pageblocks_may_merge(page, buddy)) {
		buddy_list(zone, page, PAGEBLOCK_ORDER, pageblock_migratetype(page));
		return;
	}
	unlink_block(&zone->free_area[PAGEBLOCK_ORDER], buddy);
	pageblock_set_migratetype(buddy, pageblock_migratetype(page));
	page = pair_of(page, PAGEBLOCK_ORDER);
	page_set_state(page + PAGEBLOCK_PAGES, 0);
	list_pair(zone, page);
}

/* What merging needs to know of an order, carried along as the order grows. */
struct merge_level {
	struct free_area *area;
	uint64_t state;		/* of a free block */
	uintptr_t bytes;	/* of struct pages a block has */
};

static struct merge_level level_of(struct zone *zone, unsigned order)
{
	return (struct merge_level){ &zone->free_area[order], free_state(zone, order),
				     sizeof(struct page) << order };
}

/*
 * Merges the block at @page, which no list has, below pageblock size, and lists
 * the result. This is what freeing in random order is made of.
 *
 * Buddies differ in one bit: their conjunction is the lower one. The upper
 * half's state is taken away: its first page ends up inside a block, where no
 * trace may stay.
 */
static ALWAYS_INLINE void merge_small(struct zone *zone, struct page *page,
				      struct merge_level level) HOLDS(zone->lock)
{
	struct free_area *pageblock_area = &zone->free_area[PAGEBLOCK_ORDER];

	do {
		uintptr_t at = (uintptr_t)page;
		uintptr_t buddy = at ^ level.bytes;

		if (page_state((struct page *)buddy) != level.state) {
			link_block(zone, level.area, page, pageblock_migratetype(page),
				   level.state);
			return;
		}
		unlink_block(level.area, (struct page *)buddy);
		page_set_state((struct page *)(at | buddy), 0);
		page = (struct page *)(at & buddy);
		level.bytes += level.bytes;
		level.state += STATE_OF_ONE_ORDER;
		level.area++;
	} while (level.area != pageblock_area);
	merge_pageblocks(zone, page, PAGEBLOCK_ORDER);
}

static ALWAYS_INLINE void merge(struct zone *zone, struct page *page, unsigned order)
	HOLDS(zone->lock)
{
	if (order < PAGEBLOCK_ORDER)
		merge_small(zone, page, level_of(zone, order));
	else
		merge_pageblocks(zone, page, order);
}

static uint64_t pages_in_use(const struct zone *zone) HOLDS(zone->lock)
{
	return zone->managed_pages - zone->nr_pending_pages - zone->nr_free_pages;
}

/* Where the lowest @nr_pages of @zone end: of what boot left free, which has holes. */
static struct page *end_of(const struct zone *zone, uint64_t nr_pages)
{
	pfn_t end_pfn = zone->start_pfn;

	for (uint32_t i = 0; i < zone->nr_spans && nr_pages > 0; i++) {
		uint64_t nr = min_u64(nr_pages, span_pages(zone->spans[i]));

		end_pfn = zone->spans[i].start_pfn + nr;
		nr_pages -= nr;
	}
	return zone->mem_map + end_pfn + nr_pages;
}

/* Puts the limit where @nr_pages end. No list is in order then. */
static NOINLINE void move_packing_limit(struct zone *zone, uint64_t nr_pages) HOLDS(zone->lock)
{
	zone->packing_pages = nr_pages;
	zone->packing_limit = end_of(zone, nr_pages);
	for (unsigned order = 0; order < NR_ORDERS; order++)
		zone->free_area[order].nr_sorted = 0;
}

/* A little above what is in use: it is to stay there a while. */
static uint64_t with_slack(const struct zone *zone, uint64_t nr_pages)
{
	return nr_pages + (zone->managed_pages >> PACKING_SLACK_SHIFT);
}

/* Raises the limit where more pages are in use than it has room for. */
static void update_packing_limit(struct zone *zone) HOLDS(zone->lock)
{
	uint64_t nr_pages = pages_in_use(zone);

	if (likely(nr_pages <= zone->peak_pages))
		return;
	zone->peak_pages = nr_pages;
	if (nr_pages > zone->packing_pages)
		move_packing_limit(zone, with_slack(zone, nr_pages));
}

/* Lowers it to the peak since the last time: what goes up and down again does not move it. */
static NOINLINE void lower_packing_limit(struct zone *zone) HOLDS(zone->lock)
{
	uint64_t nr_pages = with_slack(zone, zone->peak_pages);

	zone->nr_until_lowered = BULKS_UNTIL_LOWERED;
	if (nr_pages < zone->packing_pages)
		move_packing_limit(zone, nr_pages);
	zone->peak_pages = pages_in_use(zone);
}

void buddy_free(struct zone *zone, struct page *page, unsigned order)
{
	ASSERT(order <= MAX_ORDER);
	ASSERT(is_order_aligned(zone, page, order));
	ASSERT(is_inside(zone, page, order));
	ASSERT(page->type != PAGE_FREE);

	zone->nr_free_pages += pages_in(order);
	merge(zone, page, order);
}

/* The largest order of a block that may start at @pfn and ends at or before @end_pfn. */
static unsigned largest_order(pfn_t pfn, pfn_t end_pfn)
{
	unsigned order = pfn ? (unsigned)min_u64(lowest_bit(pfn), MAX_ORDER) : MAX_ORDER;

	while (pages_in(order) > end_pfn - pfn)
		order--;
	return order;
}

void buddy_free_range(struct zone *zone, struct page *page, uint64_t nr_pages)
{
	pfn_t pfn = zone_page_to_pfn(zone, page);
	pfn_t end_pfn = pfn + nr_pages;

	if (nr_pages == 0)
		return;
	ASSERT(pfn >= zone->start_pfn);
	ASSERT(end_pfn <= zone->end_pfn);

	zone->nr_free_pages += nr_pages;
	while (pfn < end_pfn) {
		unsigned order = largest_order(pfn, end_pfn);

		merge(zone, zone->mem_map + pfn, order);
		pfn += pages_in(order);
	}
}

/* How many blocks of @bytes metadata from @pages on, before @end, follow each other upwards. */
static uint64_t run_length(struct page **pages, struct page **end, uintptr_t bytes)
{
	struct page **at = pages + 1;

	while (at < end && (uintptr_t)at[0] == (uintptr_t)at[-1] + bytes)
		at++;
	return (uint64_t)(at - pages);
}

/* Neighbours that come back together merge before they meet the lists. */
static void merge_run(struct zone *zone, struct page *page, uint64_t nr, unsigned order)
	HOLDS(zone->lock)
{
	struct page *end = page + (nr << order);

	for (struct page *at = page; at < end; at += pages_in(order))
		page_set_state(at, 0);
	while (page < end) {
		unsigned block_order = largest_order(zone_page_to_pfn(zone, page),
						     zone_page_to_pfn(zone, end));

		merge(zone, page, block_order);
		page += pages_in(block_order);
	}
}

void buddy_free_bulk(struct zone *zone, struct page **pages, uint64_t nr, unsigned order)
{
	struct merge_level level = level_of(zone, order);
	struct page **end = pages + nr;

	zone->nr_free_pages += nr << order;
	while (order >= PAGEBLOCK_ORDER && pages < end)
		merge_pageblocks(zone, *pages++, order);
	while (pages < end) {
		struct page **stride_end = pages + min_u64(RUN_STRIDE, (uint64_t)(end - pages));
		uint64_t length = run_length(pages, end, level.bytes);

		if (length > 1) {
			merge_run(zone, *pages, length, order);
			pages += length;
			continue;
		}
		while (pages < stride_end)
			merge_small(zone, *pages++, level);
	}
}

/*
 * The first block of @list of @area, which has some, after one below @limit was brought
 * there if there is any: blocks that were listed before the limit came down go to the
 * back, at most *@nr_moves of them. Once all have been passed the list is in order.
 */
static NOINLINE struct page *sort_front(struct free_area *area, struct list_head *list,
					const struct page *limit, unsigned *nr_moves)
{
	struct list_head *node = list->next;

	while (list_entry(node, struct page, list) >= limit && *nr_moves > 0 &&
	       area->nr_sorted < area->nr_free) {
		node = node->next == list ? list->next : node->next;
		--*nr_moves;
		area->nr_sorted++;
	}
	list_rotate_to(list, node);
	return list_entry(node, struct page, list);
}

/*
 * The first listed block of at least *@order whose memory is to be used first:
 * the smallest below @limit, else the smallest of all. *@order becomes its order.
 */
static ALWAYS_INLINE struct page *find_block(struct zone *zone, unsigned *order,
					     enum migratetype migratetype, struct page *limit,
					     unsigned *nr_moves)
	HOLDS(zone->lock)
{
	struct page *smallest = NULL;

	for (unsigned at = *order; at <= MAX_ORDER; at++) {
		struct free_area *area = &zone->free_area[at];
		struct list_head *list = &area->free_list[migratetype];
		struct page *page;

		if (list_is_empty(list))
			continue;
		page = list_first_entry(list, struct page, list);
		if (page >= limit)
			page = sort_front(area, list, limit, nr_moves);
		if (page < limit) {
			*order = at;
			return page;
		}
		if (!smallest) {
			smallest = page;
			*order = at;
		}
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

/*
 * The same for a block that is halved down to @order, whose first part is taken.
 * All halves but that of the largest order lie in one pageblock.
 */
static ALWAYS_INLINE void list_halves(struct zone *zone, struct page *page, unsigned order,
				      unsigned block_order) HOLDS(zone->lock)
{
	struct free_area *area = &zone->free_area[order];
	enum migratetype migratetype = pageblock_migratetype(page);
	uint64_t state = free_state(zone, order);
	unsigned small_order = block_order < MAX_ORDER ? block_order : PAGEBLOCK_ORDER;
	struct page *half = page + pages_in(order);
	struct page *end = page + pages_in(small_order);

	while (half < end) {
		link_block(zone, area, half, migratetype, state);
		half += half - page;
		area++;
		state += STATE_OF_ONE_ORDER;
	}
	if (block_order == MAX_ORDER && order < MAX_ORDER)
		buddy_list(zone, half, PAGEBLOCK_ORDER, pageblock_migratetype(half));
}

struct page *buddy_take(struct zone *zone, unsigned order, enum migratetype migratetype)
{
	unsigned block_order = order, nr_moves = 0;
	struct page *page = find_block(zone, &block_order, migratetype, zone->packing_limit,
				       &nr_moves);

	if (!page)
		return NULL;
	buddy_unlist(zone, page, block_order);
	list_halves(zone, page, order, block_order);
	zone->nr_free_pages -= pages_in(order);
	update_packing_limit(zone);
	return page;
}

/* Cuts @nr_pieces of @order off the block at @page: the highest comes first in @to[]. */
static ALWAYS_INLINE void cut_into_pieces(struct page *page, uint64_t nr_pieces, unsigned order,
					  uint64_t state, struct page **to)
{
	uint64_t step = pages_in(order);
	struct page *piece = page + nr_pieces * step;

	do {
		piece -= step;
		page_set_state(piece, state);
		*to++ = piece;
	} while (piece != page);
}

/* What a bulk request still wants, and how much work it may still make. */
struct bulk {
	struct page **at;	/* the next entry */
	struct page **end;
	struct page *limit;	/* blocks below come first */
	unsigned nr_blocks;	/* that may still be taken from the lists */
};

/*
 * Takes blocks of @block_order from the front of @list, as long as they are
 * wanted whole and lie below the limit. The list is mended once, at the end.
 */
static ALWAYS_INLINE void take_front(struct free_area *area, struct list_head *list,
				     unsigned block_order, unsigned order, uint64_t state,
				     struct bulk *bulk)
{
	uint64_t nr_pieces = pages_in(block_order - order);
	struct list_head *node = list->next;
	struct page **at = bulk->at;
	unsigned nr_left = bulk->nr_blocks;

	while (node != list && nr_left > 0 && (uint64_t)(bulk->end - at) >= nr_pieces) {
		struct page *page = list_entry(node, struct page, list);

		if (page >= bulk->limit)
			break;
		node = node->next;
		cut_into_pieces(page, nr_pieces, order, state, at);
		at += nr_pieces;
		nr_left--;
	}
	area->nr_free -= bulk->nr_blocks - nr_left;
	list->next = node;
	node->prev = list;
	bulk->at = at;
	bulk->nr_blocks = nr_left;
}

uint64_t buddy_take_bulk(struct zone *zone, unsigned order, enum migratetype migratetype,
			 uint64_t state, struct page **to, uint64_t nr)
{
	struct bulk bulk = { to, to + nr, NULL, MAX_BLOCKS_PER_BULK };
	unsigned nr_moves = MAX_MOVES_PER_BULK;

	if (unlikely(zone->nr_until_lowered-- == 0))
		lower_packing_limit(zone);
	bulk.limit = zone->packing_limit;
	while (bulk.at < bulk.end && bulk.nr_blocks > 0) {
		unsigned block_order = order;
		struct page *page = find_block(zone, &block_order, migratetype, bulk.limit,
					       &nr_moves);
		struct free_area *area = &zone->free_area[block_order];

		if (!page)
			break;
		/* Nothing is left below the limit: the next smallest will do without looking. */
		if (page >= bulk.limit)
			bulk.limit = (struct page *)UINTPTR_MAX;
		take_front(area, &area->free_list[migratetype], block_order, order, state, &bulk);
		/* Larger than what is wanted: it was not taken whole. */
		if (page_state(page) == free_state(zone, block_order)) {
			uint64_t nr_pieces = (uint64_t)(bulk.end - bulk.at);

			buddy_unlist(zone, page, block_order);
			list_rest(zone, page, nr_pieces << order, block_order);
			cut_into_pieces(page, nr_pieces, order, state, bulk.at);
			bulk.at = bulk.end;
		}
	}
	nr = (uint64_t)(bulk.at - to);
	zone->nr_free_pages -= nr << order;
	update_packing_limit(zone);
	return nr;
}

void buddy_take_at(struct zone *zone, struct page *page, unsigned block_order, unsigned order)
{
	ASSERT(is_free_block(zone, page, block_order));
	ASSERT(order <= block_order);

	buddy_unlist(zone, page, block_order);
	list_rest(zone, page, pages_in(order), block_order);
	zone->nr_free_pages -= pages_in(order);
	update_packing_limit(zone);
}
