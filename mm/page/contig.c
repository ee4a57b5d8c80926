/*
 * Contiguous allocation: a range of pages, whatever rests there now.
 *
 * Model
 *   A range whose pages are all listed is taken at once. Else the pageblocks around it
 *   are isolated, which must be wholly the zone's: nothing new comes in. What is
 *   movable in it is moved out, what rests on per-CPU stacks is called back. When
 *   all pages of the range are free they are taken off the Isolate lists, block
 *   by block, and what such a block has outside the range is given back. Then
 *   the pageblocks return to what they were. If a page stays in use, the same
 *   last step alone undoes everything.
 *
 *   alloc_contig_pages() looks for a range where that can work, from the top of
 *   each zone down: there the buddy lists keep the emptiest memory. A page in
 *   the way ends a candidate and all that contain it. Limits of the caller narrow the
 *   search: the next candidate is the highest place below that they allow.
 *
 * Promises
 *   - a range that was allocated consists of single pages with one reference
 *   - whatever the outcome, no pageblock stays isolated that was not before
 *   - a failed attempt changes neither free pages nor types of pageblocks
 *
 * Locking
 *   zone->lock for one free block at a time and for taking the range; none while
 *   owners are called.
 */

#include "mm/contig.h"

#include "lib/align.h"
#include "lib/bits.h"
#include "mm/context.h"
#include "mm/page/grow.h"
#include "mm/page/harden.h"
#include "mm/page/isolate.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/page/noted.h"
#include "mm/page/page_slow.h"
#include "mm/page/page_state.h"
#include "mm/page/pageblock.h"
#include "mm/page/section.h"

/* Other CPUs give back what their stacks hold when they idle or allocate: within this time. */
#define MAX_DRAIN_NS	2000000u

/* Beyond all memory. */
#define NO_BOUNDARY_PAGES	((uint64_t)1 << (63 - PAGE_SHIFT))

_Static_assert(CONTIG_MAX_PAGES == MAX_ISOLATED_PAGEBLOCKS * PAGEBLOCK_PAGES,
	       "what can be isolated at once");

struct contig {
	struct zone *zone;
	struct pfn_span range;
	struct pfn_span blocks;		/* the pageblocks around it */
	struct pageblock_types types;
};

/* ---- Moving out ---- */

/* The block that @pfn lies in: its first pfn and its head as it is now. */
static struct page block_at(const struct contig *contig, pfn_t pfn, pfn_t *start_pfn)
{
	struct page *page = page_block_of(pfn);
	struct page head = { .state = page_state(page) };

	*start_pfn = zone_page_to_pfn(contig->zone, page);
	if (head.type == PAGE_HOLE || head.order > MAX_ORDER)
		head.order = 0;
	return head;
}

enum range_state { RANGE_FREE, RANGE_CACHED, RANGE_IN_USE };

/*
 * Walks the range and moves out what can be. RANGE_CACHED: nothing but pages on
 * stacks is left in the way. Without the lock, so not the last word.
 */
static enum range_state empty_range(const struct contig *contig)
{
	enum range_state state = RANGE_FREE;
	pfn_t pfn = contig->range.start_pfn;

	while (pfn < contig->range.end_pfn) {
		pfn_t block_pfn;
		struct page head = block_at(contig, pfn, &block_pfn);

		if (page_type_is_cached((enum page_type)head.type))
			state = RANGE_CACHED;
		else if (head.type != PAGE_FREE &&
			 !page_move_out(contig->zone, contig->zone->mem_map + block_pfn))
			return RANGE_IN_USE;
		pfn = block_pfn + pages_in(head.order);
	}
	return state;
}

/* ---- Taking ---- */

static bool is_all_free(const struct contig *contig) HOLDS(contig->zone->lock)
{
	pfn_t pfn = contig->range.start_pfn;

	while (pfn < contig->range.end_pfn) {
		pfn_t block_pfn;
		struct page head = block_at(contig, pfn, &block_pfn);

		if (head.type != PAGE_FREE || head.zone_index != contig->zone->index)
			return false;
		pfn = block_pfn + pages_in(head.order);
	}
	return true;
}

static void give_range_back(struct zone *zone, pfn_t start_pfn, pfn_t end_pfn) HOLDS(zone->lock)
{
	if (start_pfn < end_pfn)
		zone_give_range(zone, zone->mem_map + start_pfn, end_pfn - start_pfn);
}

/* Takes all blocks that reach into the range, then gives back what lies outside. */
static void take_blocks(const struct contig *contig) HOLDS(contig->zone->lock)
{
	struct pfn_span taken = { PFN_NONE, 0 };
	pfn_t pfn = contig->range.start_pfn;

	while (pfn < contig->range.end_pfn) {
		pfn_t block_pfn;
		struct page head = block_at(contig, pfn, &block_pfn);
		struct page *page = contig->zone->mem_map + block_pfn;

		buddy_take_at(contig->zone, page, head.order, head.order);
		page_set_state(page, 0);
		pfn = block_pfn + pages_in(head.order);
		taken.start_pfn = min_u64(taken.start_pfn, block_pfn);
		taken.end_pfn = pfn;
	}
	for (pfn = contig->range.start_pfn; pfn < contig->range.end_pfn; pfn++) {
		struct page *page = contig->zone->mem_map + pfn;

		page_set_state(page, make_page_state(PAGE_USER, 0, contig->zone->index, 1));
		page->owner = 0;
		page->flags &= PAGE_FILLED;
	}
	give_range_back(contig->zone, taken.start_pfn, contig->range.start_pfn);
	give_range_back(contig->zone, contig->range.end_pfn, taken.end_pfn);
}

static bool take_range(const struct contig *contig)
{
	bool is_free;

	spin_lock(&contig->zone->lock);
	is_free = is_all_free(contig);
	if (is_free)
		take_blocks(contig);
	spin_unlock(&contig->zone->lock);
	return is_free;
}

/* True when somebody has isolated a pageblock of the range: what is free there is theirs. */
static bool is_isolated(const struct contig *contig) HOLDS(contig->zone->lock)
{
	for (pfn_t pfn = contig->blocks.start_pfn; pfn < contig->blocks.end_pfn;
	     pfn += PAGEBLOCK_PAGES)
		if (pageblock_migratetype(contig->zone->mem_map + pfn) == MIGRATE_ISOLATE)
			return true;
	return false;
}

/* The pageblocks that lie wholly in the range become @migratetype. */
static void retype_inside(const struct contig *contig, enum migratetype migratetype)
	HOLDS(contig->zone->lock)
{
	pfn_t pfn = align_up(contig->range.start_pfn, PAGEBLOCK_PAGES);

	for (; pfn + PAGEBLOCK_PAGES <= contig->range.end_pfn; pfn += PAGEBLOCK_PAGES)
		pageblock_retype(contig->zone, contig->zone->mem_map + pfn, migratetype);
}

/* Takes the range when all of it is listed: nobody need be kept out for that. */
static bool take_listed(const struct contig *contig, enum migratetype migratetype)
{
	bool is_free;

	spin_lock(&contig->zone->lock);
	is_free = is_all_free(contig) && !is_isolated(contig);
	if (is_free) {
		take_blocks(contig);
		retype_inside(contig, migratetype);
	}
	spin_unlock(&contig->zone->lock);
	return is_free;
}

/* Empties and takes the isolated range; what only rests on stacks is waited for. */
static bool empty_and_take(const struct contig *contig)
{
	uint64_t start_ns = mm_port_now_ns();
	enum range_state state;

	do {
		state = empty_range(contig);
		if (state == RANGE_IN_USE)
			return false;
		if (take_range(contig))
			return true;
		drain_all_pages();
		mm_port_spin_hint();
	} while (mm_port_now_ns() - start_ns < MAX_DRAIN_NS);
	return false;
}

/* ---- A given range ---- */

/* True when all of the range is memory of one zone, and starts in it. */
static bool find_zone(struct contig *contig)
{
	struct pfn_span range = contig->range;
	struct page head;

	if (range.start_pfn >= range.end_pfn ||
	    range.end_pfn - range.start_pfn > CONTIG_MAX_PAGES || !section_is_up(range.start_pfn))
		return false;
	head.state = page_state(page_block_of(range.start_pfn));
	if (head.type == PAGE_HOLE || head.zone_index / MAX_NR_ZONES >= live.nr_nodes)
		return false;
	contig->zone = zone_of_index(head.zone_index);
	return range.end_pfn <= contig->zone->end_pfn;
}

/* The pageblocks that the caller has got as a whole become what it asked for. */
static void choose_types(struct contig *contig, enum migratetype migratetype)
{
	pfn_t pfn = align_up(contig->range.start_pfn, PAGEBLOCK_PAGES);

	for (; pfn + PAGEBLOCK_PAGES <= contig->range.end_pfn; pfn += PAGEBLOCK_PAGES)
		pageblock_types_set(&contig->types,
				    (pfn - contig->blocks.start_pfn) / PAGEBLOCK_PAGES,
				    migratetype);
}

/* The range, which find_zone() approved, at once or by emptying it. */
static bool take_anyhow(struct contig *contig, enum migratetype migratetype)
{
	pfn_t start_pfn = align_down(contig->range.start_pfn, PAGEBLOCK_PAGES);
	pfn_t end_pfn = align_up(contig->range.end_pfn, PAGEBLOCK_PAGES);
	bool is_taken;

	contig->blocks = (struct pfn_span){ start_pfn, end_pfn };
	if (take_listed(contig, migratetype))
		return true;
	if (!isolate_pageblocks(contig->zone, start_pfn, end_pfn, &contig->types)) {
		/* At the border of the zone nothing can be moved, but stacks can be emptied. */
		drain_all_pages();
		return take_listed(contig, migratetype);
	}
	is_taken = empty_and_take(contig);
	if (is_taken)
		choose_types(contig, migratetype);
	unisolate_pageblocks(contig->zone, start_pfn, end_pfn, &contig->types);
	return is_taken;
}

bool alloc_contig_range(pfn_t start_pfn, pfn_t end_pfn, enum migratetype migratetype)
{
	struct contig contig = { .range = { start_pfn, end_pfn } };

	ASSERT(migratetype < MIGRATE_PCPTYPES);
	ASSERT_THREAD("alloc_contig_range");

	if (!find_zone(&contig) || !take_anyhow(&contig, migratetype))
		return false;
	if (page_hardening)
		harden_allocated(pfn_to_page(start_pfn), end_pfn - start_pfn);
	return true;
}

void free_contig_range(pfn_t start_pfn, uint64_t nr_pages)
{
	for (pfn_t pfn = start_pfn; pfn < start_pfn + nr_pages; pfn++)
		__free_page(pfn_to_page(pfn));
}

/* ---- Some range ---- */

struct search {
	struct zone *zone;
	uint64_t nr_pages;
	pfn_t start_pfn, end_pfn;	/* the limits; end_pfn PFN_NONE: none */
	uint64_t alignment_pages;
	uint64_t boundary_pages;
	enum migratetype migratetype;
};

/* The highest place in [@low_pfn, @high_pfn) that the limits allow, or PFN_NONE. */
static pfn_t highest_place(const struct search *search, pfn_t low_pfn, pfn_t high_pfn)
{
	uint64_t nr_pages = search->nr_pages;
	pfn_t pfn, boundary_pfn;

	low_pfn = max_u64(low_pfn, search->start_pfn);
	high_pfn = min_u64(high_pfn, search->end_pfn);
	if (high_pfn < nr_pages)
		return PFN_NONE;
	pfn = align_down(high_pfn - nr_pages, search->alignment_pages);
	/* What is aligned to the boundary or more begins there and crosses none. */
	boundary_pfn = align_down(pfn + nr_pages, search->boundary_pages);
	if (boundary_pfn > pfn)
		pfn = align_down(boundary_pfn - nr_pages, search->alignment_pages);
	return pfn >= low_pfn ? pfn : PFN_NONE;
}

/* True when the page @head heads may be free by the time the range is wanted. */
static bool may_become_free(const struct zone *zone, const struct page *head)
{
	if (head->zone_index != zone->index)
		return false;
	return head->type == PAGE_FREE || page_type_is_cached((enum page_type)head->type) ||
	       (head->type == PAGE_MOVABLE && head->refcount == 1);
}

/* The last page in [@start_pfn, @end_pfn) that is in the way, or PFN_NONE. A hint. */
static pfn_t last_obstacle(const struct zone *zone, pfn_t start_pfn, pfn_t end_pfn)
{
	while (end_pfn > start_pfn) {
		pfn_t pfn = end_pfn - 1;
		struct page *page;
		struct page head;

		if (!section_is_up(pfn))
			return pfn;
		page = page_block_of(pfn);
		head.state = page_state(page);
		if (!may_become_free(zone, &head))
			return pfn;
		end_pfn = zone_page_to_pfn(zone, page);
	}
	return PFN_NONE;
}

/* Tries the candidates in [@low_pfn, @high_pfn), highest first. PFN_NONE: none worked. */
static pfn_t search_span(const struct search *search, pfn_t low_pfn, pfn_t high_pfn)
{
	pfn_t pfn;

	while ((pfn = highest_place(search, low_pfn, high_pfn)) != PFN_NONE) {
		pfn_t end_pfn = pfn + search->nr_pages;
		pfn_t obstacle_pfn = last_obstacle(search->zone, pfn, end_pfn);

		if (obstacle_pfn == PFN_NONE && alloc_contig_range(pfn, end_pfn,
								   search->migratetype))
			return pfn;
		high_pfn = min_u64(obstacle_pfn, end_pfn - 1);
	}
	return PFN_NONE;
}

/* Where the memory of @zone that is up ends. */
static pfn_t up_end_pfn(struct zone *zone)
{
	pfn_t pfn;

	spin_lock(&zone->grow_lock);
	pfn = zone->grow_span < zone->nr_spans ? zone->grow_pfn : zone->end_pfn;
	spin_unlock(&zone->grow_lock);
	return pfn;
}

/* Nothing is contiguous but what lies in one span: mem_map and boot part them. */
static bool has_place(const struct search *search)
{
	const struct zone *zone = search->zone;

	for (uint32_t i = 0; i < zone->nr_spans; i++)
		if (highest_place(search, zone->spans[i].start_pfn,
				  zone->spans[i].end_pfn) != PFN_NONE)
			return true;
	return false;
}

/* In what is up; then in what comes up piece by piece, with what adjoins it. */
static pfn_t search_zone(const struct search *search)
{
	struct zone *zone = search->zone;
	pfn_t low_pfn = zone->start_pfn;

	for (;;) {
		pfn_t end_pfn = up_end_pfn(zone);
		pfn_t pfn = search_span(search, low_pfn, end_pfn);

		if (pfn != PFN_NONE || end_pfn >= search->end_pfn || !zone_grow(zone))
			return pfn;
		low_pfn = max_u64(zone->start_pfn, end_pfn - min_u64(end_pfn, search->nr_pages));
	}
}

/* The highest zone type that such a request could have been served from: see lowmem_reserve. */
static enum zone_type reachable_zone(const struct search *search, enum zone_type highest)
{
	if (search->end_pfn == PFN_NONE)
		return highest;
	return (enum zone_type)min_u64(highest, zone_type_of_pfn(search->end_pfn - 1));
}

static bool zone_may_serve(const struct search *search, enum zone_type highest)
{
	const struct zone *zone = search->zone;
	uint64_t mark_pages = search->nr_pages + zone->watermark[WATERMARK_MIN];

	return zone->type <= highest && has_place(search) &&
	       zone_watermark_ok(zone, 0, mark_pages, reachable_zone(search, highest));
}

static struct page *alloc_somewhere(struct search *search, gfp_t gfp, unsigned nid)
{
	const struct zonelist *list =
		&node_data(nid == NID_NONE ? numa_node_id() : nid)->node_zonelists[
			gfp & __GFP_THISNODE ? ZONELIST_NOFALLBACK : ZONELIST_FALLBACK];

	if (search->nr_pages > CONTIG_MAX_PAGES)
		return NULL;
	search->migratetype = gfp_migratetype(gfp);
	for (uint32_t i = 0; i < list->nr_zones; i++) {
		pfn_t pfn;

		search->zone = list->zones[i];
		if (!zone_may_serve(search, highest_zone(gfp)))
			continue;
		pfn = search_zone(search);
		if (pfn == PFN_NONE)
			continue;
		for (uint64_t at = 0; gfp & __GFP_ZERO && at < search->nr_pages; at++)
			page_zero(pfn_to_page(pfn + at), 0);
		return pfn_to_page(pfn);
	}
	return NULL;
}

struct page *alloc_contig_pages(uint64_t nr_pages, gfp_t gfp, unsigned nid)
{
	struct search search = {
		.nr_pages = nr_pages, .end_pfn = PFN_NONE, .boundary_pages = NO_BOUNDARY_PAGES,
	};

	ASSERT(nr_pages > 0);
	ASSERT_THREAD("alloc_contig_pages");

	search.alignment_pages = min_u64((uint64_t)1 << highest_bit(nr_pages), PAGEBLOCK_PAGES);
	return alloc_somewhere(&search, gfp, nid);
}

struct page *alloc_contig_limited(uint64_t nr_pages, gfp_t gfp, unsigned nid,
				  const struct contig_limits *limits)
{
	struct search search = {
		.nr_pages = nr_pages,
		.start_pfn = pa_to_pfn(limits->start_pa) + (limits->start_pa % PAGE_SIZE != 0),
		.end_pfn = limits->end_pa ? pa_to_pfn(limits->end_pa) : PFN_NONE,
		.alignment_pages = max_u64(limits->alignment_bytes / PAGE_SIZE, 1),
		.boundary_pages = limits->boundary_bytes ? limits->boundary_bytes / PAGE_SIZE :
							   NO_BOUNDARY_PAGES,
	};

	ASSERT(nr_pages > 0);
	ASSERT(limits->alignment_bytes == 0 || is_power_of_two(limits->alignment_bytes));
	ASSERT(limits->boundary_bytes == 0 || is_power_of_two(limits->boundary_bytes));
	ASSERT(limits->boundary_bytes == 0 || limits->boundary_bytes >= PAGE_SIZE);
	ASSERT_THREAD("alloc_contig_limited");

	if (search.start_pfn >= search.end_pfn || nr_pages > search.boundary_pages)
		return NULL;
	return alloc_somewhere(&search, gfp, nid);
}
