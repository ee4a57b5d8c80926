/*
 * Compaction: making large blocks by moving what may be moved.
 *
 * Model
 *   An owner that can move its pages says so (page_set_owner); such a page is
 *   PAGE_MOVABLE. A pageblock is emptied in three steps: it is isolated, so that
 *   nothing new is placed there and what is freed stays; each movable block in it
 *   is copied by its owner to memory elsewhere; then the pageblock gets its type
 *   back and merges. One page that cannot be moved spoils a pageblock, so those
 *   that have one are not even begun.
 *
 *   Two scanners meet: one empties pageblocks from the top of the zone down, the
 *   other collects free single pages from the bottom up, which become the
 *   copies. So what is moved never lands where the next pageblock is emptied.
 *
 *   A zone that had nothing to give is left in peace for a while: each failure
 *   doubles the number of requests that are ignored, a success ends it.
 *
 * Invariants
 *   COMPACT-1  at most one CPU compacts a zone, and while a pageblock is isolated by a
 *       CPU no other begins to empty it
 *   COMPACT-2  a page lies below the pageblock it is moved out of, or elsewhere
 *   COMPACT-3  whatever the outcome, no pageblock stays isolated
 *
 * Locking
 *   is_busy by exchange: who finds it set goes away. zone->lock for isolating
 *   and giving back. None while owners are called.
 */

#include "mm/page/compact.h"

#include "lib/align.h"
#include "mm/live.h"
#include "mm/page/movable.h"
#include "mm/page_alloc.h"
#include "mm/page/pageblock.h"

/* At most 2^6 requests in a row are not worth another pass over a zone that had nothing. */
#define MAX_DEFER_SHIFT	6u

/* Emptied from the top down, neighbours mostly: enough for one block of MAX_ORDER. */
#define BLOCKS_FOR_LARGEST	8u

/* ---- One pageblock ---- */

static bool isolate(struct zone *zone, struct page *start, enum migratetype *was)
{
	bool is_ours;

	spin_lock(&zone->lock);
	*was = pageblock_migratetype(start);
	is_ours = *was < MIGRATE_PCPTYPES;
	if (is_ours)
		pageblock_retype(zone, start, MIGRATE_ISOLATE);
	spin_unlock(&zone->lock);
	return is_ours;
}

/* Gives the pageblock its type back. True when all of it is free. */
static bool undo_isolation(struct zone *zone, struct page *start, enum migratetype was)
{
	bool is_free;

	spin_lock(&zone->lock);
	is_free = is_free_block(zone, start, PAGEBLOCK_ORDER);
	pageblock_retype(zone, start, was);
	spin_unlock(&zone->lock);
	return is_free;
}

/* Free single pages from the bottom of a zone, for copies. */
struct targets {
	struct zone *zone;
	struct page **pages;	/* one page full of pointers */
	unsigned nr;
	pfn_t scan_pfn;		/* pageblocks below have been looked at */
};

#define MAX_TARGETS	((unsigned)(PAGE_SIZE / sizeof(struct page *)))

/* Takes the free blocks of the pageblock at @start apart, unless all of it is free. */
static void collect_block(struct targets *targets, struct page *start)
{
	struct zone *zone = targets->zone;
	uint64_t state = make_page_state(PAGE_USER, 0, zone->index, 1);

	spin_lock(&zone->lock);
	for (struct page *page = start; page < start + PAGEBLOCK_PAGES;) {
		struct page head = { .state = page_state(page) };
		uint64_t nr_pages = head.type == PAGE_HOLE ? 1 : pages_in(head.order);

		if (head.type == PAGE_FREE && head.zone_index == zone->index &&
		    head.order < PAGEBLOCK_ORDER && targets->nr + nr_pages <= MAX_TARGETS) {
			buddy_take_at(zone, page, head.order, head.order);
			for (uint64_t i = 0; i < nr_pages; i++) {
				page[i].owner = 0;
				page[i].flags = 0;
				page_set_state(page + i, state);
				targets->pages[targets->nr++] = page + i;
			}
		}
		page += nr_pages;
	}
	spin_unlock(&zone->lock);
}

/* A page from below @end_pfn, or NULL when the scanners have met. */
static struct page *take_target(struct targets *targets, pfn_t end_pfn)
{
	while (targets->nr == 0 && targets->scan_pfn < end_pfn) {
		pfn_t pfn = targets->scan_pfn;

		targets->scan_pfn += PAGEBLOCK_PAGES;
		if (pageblock_is_owned(targets->zone, pfn) &&
		    pageblock_migratetype(targets->zone->mem_map + pfn) == MIGRATE_MOVABLE)
			collect_block(targets, targets->zone->mem_map + pfn);
	}
	return targets->nr ? targets->pages[--targets->nr] : NULL;
}

/*
 * Blocks of more than a page find a place where the allocator has one: of the
 * same zone or, where their owner may use it, a lower one.
 */
static struct page *find_place(struct zone *zone, pfn_t start_pfn, unsigned order,
			       struct targets *targets)
{
	if (order == 0)
		return take_target(targets, start_pfn);
	return alloc_pages_node(zone->node->node_id, movable_target_gfp(zone) | __GFP_THISNODE |
				__GFP_MEMALLOC | __GFP_NOFAIL_INJECTION, order);
}

/* False: it stays, since it is in use, its owner refused, or there is no room. */
static bool move_block(struct zone *zone, struct page *page, struct targets *targets)
{
	pfn_t start_pfn = zone_page_to_pfn(zone, pageblock_of(page));
	struct page *to;

	if (!movable_pin(page))
		return false;
	to = find_place(zone, start_pfn, page->order, targets);
	if (!to) {
		movable_unpin(page);
		return false;
	}
	if (!movable_migrate(page, to)) {
		put_page(to);
		zone->compaction.nr_refused++;
		return false;
	}
	zone->compaction.nr_moved_blocks++;
	return true;
}

/* Empties the isolated pageblock at @start, up to the first block that stays. */
static void evacuate(struct zone *zone, struct page *start, struct targets *targets)
{
	struct page *end = start + PAGEBLOCK_PAGES;

	for (struct page *page = start; page < end;) {
		struct page head = { .state = page_state(page) };

		/* A hole here is where a block has merged with what lies before it. */
		if (head.type == PAGE_HOLE)
			page++;
		else if (head.type != PAGE_FREE && !move_block(zone, page, targets))
			return;
		else
			page += pages_in(head.order);
	}
}

/* ---- Zones ---- */

static bool is_worth_emptying(struct zone *zone, struct page *start)
{
	struct block_use use;

	spin_lock(&zone->lock);
	use = pageblock_use(zone, start);
	spin_unlock(&zone->lock);
	return use.nr_pinned == 0 && use.nr_movable != 0;
}

static bool empty_block(struct zone *zone, struct page *start, struct targets *targets)
{
	enum migratetype was;

	if (!is_worth_emptying(zone, start) || !isolate(zone, start, &was))
		return false;
	evacuate(zone, start, targets);
	return undo_isolation(zone, start, was);
}

static uint64_t empty_from_top(struct zone *zone, uint64_t nr_blocks, struct targets *targets)
{
	pfn_t pfn = align_down(zone->end_pfn, PAGEBLOCK_PAGES);
	uint64_t nr_emptied = 0;

	while (nr_emptied < nr_blocks && pfn > targets->scan_pfn) {
		pfn -= PAGEBLOCK_PAGES;
		if (pageblock_is_owned(zone, pfn))
			nr_emptied += empty_block(zone, zone->mem_map + pfn, targets);
	}
	return nr_emptied;
}

/* Empties with what the run needs at hand; is_busy is ours. */
static uint64_t run(struct zone *zone, uint64_t nr_blocks)
{
	struct page *array = alloc_pages(GFP_NOWAIT | __GFP_MEMALLOC | __GFP_NOFAIL_INJECTION, 0);
	struct targets targets = {
		.zone = zone,
		.scan_pfn = align_up(zone->start_pfn, PAGEBLOCK_PAGES),
	};
	uint64_t nr_emptied;

	if (!array)
		return 0;
	targets.pages = page_address(array);
	drain_all_pages();
	nr_emptied = empty_from_top(zone, nr_blocks, &targets);
	while (targets.nr > 0)
		__free_pages(targets.pages[--targets.nr], 0);
	__free_pages(array, 0);
	drain_all_pages();
	zone->compaction.nr_runs++;
	zone->compaction.nr_emptied_blocks += nr_emptied;
	return nr_emptied;
}

static bool begin(struct zone_compaction *state)
{
	return !__atomic_exchange_n(&state->is_busy, true, __ATOMIC_ACQUIRE);
}

static void end(struct zone_compaction *state)
{
	__atomic_store_n(&state->is_busy, false, __ATOMIC_RELEASE);
}

uint64_t compact_zone(struct zone *zone, uint64_t nr_blocks)
{
	uint64_t nr_emptied;

	if (!begin(&zone->compaction))
		return 0;
	nr_emptied = run(zone, nr_blocks);
	end(&zone->compaction);
	return nr_emptied;
}

static bool is_deferred(struct zone_compaction *state)
{
	if (state->defer_shift == 0 || state->nr_ignored >= 1u << state->defer_shift)
		return false;
	state->nr_ignored++;
	state->nr_deferred++;
	return true;
}

static void note_outcome(struct zone_compaction *state, bool is_success)
{
	state->nr_ignored = 0;
	if (is_success)
		state->defer_shift = 0;
	else if (state->defer_shift < MAX_DEFER_SHIFT)
		state->defer_shift++;
}

uint64_t compact_zone_for_request(struct zone *zone, unsigned order)
{
	struct zone_compaction *state = &zone->compaction;
	uint64_t nr_emptied = 0;

	if (!begin(state))
		return 0;
	if (!is_deferred(state)) {
		/* Two pageblocks are buddies by chance only: a few more make it likely. */
		nr_emptied = run(zone, order > PAGEBLOCK_ORDER ? BLOCKS_FOR_LARGEST : 1);
		note_outcome(state, nr_emptied != 0);
	}
	end(state);
	return nr_emptied;
}

uint64_t compact_node(unsigned nid)
{
	uint64_t nr_emptied = 0;

	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &node_data(nid)->node_zones[type];

		if (zone_is_populated(zone))
			nr_emptied += compact_zone(zone, UINT64_MAX);
	}
	return nr_emptied;
}

struct block_census count_free_pageblocks(struct zone *zone)
{
	const unsigned blocks_shift = MAX_ORDER - PAGEBLOCK_ORDER;
	struct block_census census = { 0, 0 };

	spin_lock(&zone->lock);
	for (pfn_t pfn = align_up(zone->start_pfn, PAGEBLOCK_PAGES);
	     pfn + PAGEBLOCK_PAGES <= zone->end_pfn; pfn += PAGEBLOCK_PAGES)
		census.nr_blocks += zone_has_up(zone, pfn) &&
				    zone_has_up(zone, pfn + PAGEBLOCK_PAGES - 1);
	census.nr_free_blocks = zone->free_area[PAGEBLOCK_ORDER].nr_free +
				(zone->free_area[MAX_ORDER].nr_free << blocks_shift);
	spin_unlock(&zone->lock);
	return census;
}
