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
 * Invariants, true whenever zone->lock is free
 *   PAGEBLOCK-1  nr_isolated_pages is the size of the zone's isolated pageblocks
 *   PAGEBLOCK-2  nr_highatomic_pages is that of its atomic reserve
 *   PAGEBLOCK-3  a pageblock that is set apart lies in one zone and is wholly up
 *
 * Locking
 *   The caller holds zone->lock; where spans are looked at, grow_lock is taken.
 */

#include "mm/page/pageblock.h"

#include "lib/align.h"
#include "mm/event.h"

/* The reserve for requests that cannot wait is at most the zone divided by this. */
#define HIGHATOMIC_SHARE	100u

#define NR_FALLBACKS	(MIGRATE_PCPTYPES - 1)

static const uint8_t fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

/* First page after the block that @page heads. What heads none has order 0. */
static struct page *next_block(struct page *page)
{
	struct page head = { .state = page_state(page) };

	return page + pages_in(head.order);
}

struct block_use pageblock_use(const struct zone *zone, struct page *start)
{
	struct page *end = start + PAGEBLOCK_PAGES;
	struct block_use use = { 0 };

	/* The second half of a larger block: its first page speaks for it. */
	if (is_free_block(zone, pair_of(start, PAGEBLOCK_ORDER), MAX_ORDER))
		return (struct block_use){ .nr_free = PAGEBLOCK_PAGES };
	for (struct page *page = start; page < end; page = next_block(page)) {
		struct page head = { .state = page_state(page) };

		if (head.type == PAGE_FREE && head.zone_index == zone->index)
			use.nr_free += pages_in(head.order);
		else if (head.type == PAGE_MOVABLE)
			use.nr_movable += pages_in(head.order);
		if (head.type > PAGE_RESERVED && head.zone_index != zone->index)
			use.is_shared = true;
	}
	use.nr_pinned = PAGEBLOCK_PAGES - min_u64(use.nr_free + use.nr_movable, PAGEBLOCK_PAGES);
	return use;
}

uint64_t pageblock_convert(struct zone *zone, struct page *page, enum migratetype migratetype)
{
	struct page *start = pageblock_of(page);
	struct page *end = start + PAGEBLOCK_PAGES;
	uint64_t nr_moved = 0;

	pageblock_set_migratetype(start, migratetype);
	for (struct page *at = start; at < end; at = next_block(at)) {
		struct page head = { .state = page_state(at) };
		unsigned order = head.order;

		if (head.state != free_state(zone, order))
			continue;
		buddy_unlist(zone, at, order);
		buddy_list(zone, at, order, migratetype);
		nr_moved += pages_in(order);
	}
	return nr_moved;
}

/* For lecture and reports: @nr_pages at @page went from the lists of @from to those of @to. */
static NOINLINE COLD void tell_steal(const struct zone *zone, const struct page *page,
				     enum migratetype from, enum migratetype to, uint64_t nr_pages)
{
	const struct mm_event event = {
		.kind = MM_EVENT_STEAL,
		.at = pfn_to_pa(zone_page_to_pfn(zone, page)),
		.order = (uint8_t)from,
		.to = (uint8_t)to,
		.nr = nr_pages,
		.nid = (uint16_t)(zone->index / MAX_NR_ZONES),
	};

	mm_event_tell(event, zone->name);
}

/* A block of whole pageblocks changes hands: all of them take the new type. */
static void claim_whole(struct zone *zone, struct page *page, unsigned order,
			enum migratetype migratetype) HOLDS(zone->lock)
{
	uint64_t nr_blocks = pages_in(order - PAGEBLOCK_ORDER);

	if (mm_events_wanted())
		tell_steal(zone, page, pageblock_migratetype(page), migratetype, pages_in(order));
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
	return !use->is_shared && use->nr_free + nr_alike >= PAGEBLOCK_PAGES / 2;
}

/* Takes all that is free of a pageblock, or what is wanted: 2^@order pages of @page's block. */
static struct page *claim_part(struct zone *zone, struct page *page, unsigned order,
			       enum migratetype migratetype, enum migratetype from)
	HOLDS(zone->lock)
{
	struct block_use use = pageblock_use(zone, pageblock_of(page));

	/* Two types in one pageblock: let kswapd free ahead, so that it stays rare. */
	zone_set_hint(&zone->watermark_boost,
		      min_u64(zone_hint(&zone->watermark_boost) + PAGEBLOCK_PAGES,
			      zone->watermark[WATERMARK_HIGH] / 2));
	if (mm_events_wanted())
		tell_steal(zone, page, from, migratetype, pages_in(page->order));
	if (is_worth_claiming(&use, migratetype, from)) {
		pageblock_convert(zone, page, migratetype);
		zone->nr_stolen_pageblocks++;
		return NULL;
	}
	/* At once: no list of another type may have it, not even for a moment. */
	buddy_take_at(zone, page, page->order, order);
	return page;
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
		     enum steal steal, struct page **taken)
{
	unsigned lowest_order = order;
	enum migratetype from;

	ASSERT(migratetype < MIGRATE_PCPTYPES);

	*taken = NULL;
	if (steal == STEAL_WHOLE_PAGEBLOCKS)
		lowest_order = (unsigned)max_u64(order, PAGEBLOCK_ORDER);
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
			for (at = order; !(page = find_fallback(zone, at, migratetype, &from));
			     at++)
				;
		*taken = claim_part(zone, page, order, migratetype, from);
		return true;
	}
	return false;
}

/* ---- Setting pageblocks apart ---- */

static uint64_t *apart_counter(struct zone *zone, enum migratetype migratetype)
{
	if (migratetype == MIGRATE_ISOLATE)
		return &zone->nr_isolated_pages;
	return migratetype == MIGRATE_HIGHATOMIC ? &zone->nr_highatomic_pages : NULL;
}

static void count_apart(struct zone *zone, enum migratetype from, enum migratetype to)
	HOLDS(zone->lock)
{
	uint64_t *counter = apart_counter(zone, from);

	if (counter) {
		zone_set_hint(counter, *counter - PAGEBLOCK_PAGES);
		zone_set_hint(&zone->plenty_pages, zone->plenty_pages - PAGEBLOCK_PAGES);
	}
	counter = apart_counter(zone, to);
	if (counter) {
		zone_set_hint(counter, *counter + PAGEBLOCK_PAGES);
		zone_set_hint(&zone->plenty_pages, zone->plenty_pages + PAGEBLOCK_PAGES);
	}
}

/* Cuts the free block of two pageblocks that @start is one of, if it is, in two. */
static void split_pair(struct zone *zone, struct page *start) HOLDS(zone->lock)
{
	struct page *pair = pair_of(start, PAGEBLOCK_ORDER);
	struct page *upper = pair + PAGEBLOCK_PAGES;

	_Static_assert(MAX_ORDER == PAGEBLOCK_ORDER + 1, "a block spans two pageblocks at most");
	if (!is_free_block(zone, pair, MAX_ORDER))
		return;
	buddy_unlist(zone, pair, MAX_ORDER);
	buddy_list(zone, pair, PAGEBLOCK_ORDER, pageblock_migratetype(pair));
	buddy_list(zone, upper, PAGEBLOCK_ORDER, pageblock_migratetype(upper));
}

/* Frees the listed pageblock at @start again: it may have become mergeable. */
static void merge_again(struct zone *zone, struct page *start) HOLDS(zone->lock)
{
	buddy_take_at(zone, start, PAGEBLOCK_ORDER, PAGEBLOCK_ORDER);
	page_set_state(start, 0);
	buddy_free(zone, start, PAGEBLOCK_ORDER);
}

void pageblock_retype(struct zone *zone, struct page *page, enum migratetype migratetype)
{
	struct page *start = pageblock_of(page);
	enum migratetype old = pageblock_migratetype(start);

	ASSERT(migratetype < MIGRATE_TYPES);

	split_pair(zone, start);
	count_apart(zone, old, migratetype);
	pageblock_convert(zone, start, migratetype);
	if (is_free_block(zone, start, PAGEBLOCK_ORDER))
		merge_again(zone, start);
}

void pageblock_reserve_highatomic(struct zone *zone, struct page *page)
{
	if (pageblock_migratetype(page) < MIGRATE_PCPTYPES &&
	    zone->nr_highatomic_pages + PAGEBLOCK_PAGES <= zone->managed_pages / HIGHATOMIC_SHARE)
		pageblock_retype(zone, page, MIGRATE_HIGHATOMIC);
}

bool pageblock_unreserve_highatomic(struct zone *zone)
{
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		struct list_head *list = &zone->free_area[order].free_list[MIGRATE_HIGHATOMIC];

		if (list_is_empty(list))
			continue;
		pageblock_retype(zone, list_first_entry(list, struct page, list), MIGRATE_MOVABLE);
		return true;
	}
	return false;
}

bool pageblock_is_owned(struct zone *zone, pfn_t start_pfn)
{
	bool is_owned;

	ASSERT(is_aligned(start_pfn, PAGEBLOCK_PAGES));

	spin_lock(&zone->grow_lock);
	is_owned = zone_has_all_up(zone, start_pfn, start_pfn + PAGEBLOCK_PAGES);
	spin_unlock(&zone->grow_lock);
	return is_owned;
}

/* Counts the pageblocks of the part of a span that is up. */
static bool count_span_types(struct zone *zone, struct pfn_span span,
			     uint64_t nr_pages[MIGRATE_TYPES], struct violation *out)
{
	assume_unshared(&zone->grow_lock);
	for (pfn_t pfn = align_down(span.start_pfn, PAGEBLOCK_PAGES); pfn < span.end_pfn;
	     pfn += PAGEBLOCK_PAGES) {
		enum migratetype type = pageblock_migratetype(zone->mem_map + pfn);

		REQUIRE("PAGEBLOCK-3", pfn, type < MIGRATE_TYPES);
		if (type < MIGRATE_PCPTYPES)
			continue;
		/* Where a hole parts two spans in one pageblock, it is counted with the first. */
		if (zone_has_up(zone, pfn) && pfn < span.start_pfn)
			continue;
		REQUIRE("PAGEBLOCK-3", pfn, zone_has_all_up(zone, pfn, pfn + PAGEBLOCK_PAGES));
		nr_pages[type] += PAGEBLOCK_PAGES;
	}
	return true;
}

bool pageblock_verify(struct zone *zone, struct violation *out)
{
	uint64_t nr_pages[MIGRATE_TYPES] = { 0 };

	assume_unshared(&zone->lock);
	assume_unshared(&zone->grow_lock);
	for (uint32_t i = 0; i < zone->nr_spans && i <= zone->grow_span; i++) {
		struct pfn_span span = zone->spans[i];

		if (i == zone->grow_span)
			span.end_pfn = zone->grow_pfn;
		if (span.start_pfn < span.end_pfn && !count_span_types(zone, span, nr_pages, out))
			return false;
	}
	REQUIRE("PAGEBLOCK-1", zone->index, nr_pages[MIGRATE_ISOLATE] == zone->nr_isolated_pages);
	REQUIRE("PAGEBLOCK-2", zone->index,
		nr_pages[MIGRATE_HIGHATOMIC] == zone->nr_highatomic_pages);
	return true;
}
