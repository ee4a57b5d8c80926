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
 * Invariants
 *   C1  while a pageblock is isolated by a CPU no other begins to empty it
 *   C2  a page is held by a reference of ours while its owner copies it
 *   C3  whatever the outcome, no pageblock stays isolated
 *
 * Locking
 *   zone->lock for isolating and giving back. None while owners are called.
 */

#include "mm/compact.h"

#include "lib/align.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/pageblock.h"
#include "mm/section.h"

/* Kinds of owners at the same time; index 0 means none. */
#define NR_OWNERS	32u

static const struct movable_owner *owners[NR_OWNERS];

/* ---- Owners ---- */

uint16_t register_movable_owner(const struct movable_owner *owner)
{
	ASSERT(owner->migrate);

	for (uint16_t i = 1; i < NR_OWNERS; i++) {
		const struct movable_owner *none = NULL;

		if (__atomic_compare_exchange_n(&owners[i], &none, owner, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return i;
	}
	return 0;
}

void unregister_movable_owner(uint16_t index)
{
	ASSERT(index < NR_OWNERS);
	ASSERT(owners[index]);

	__atomic_store_n(&owners[index], NULL, __ATOMIC_RELEASE);
}

void page_set_owner(struct page *page, uint16_t index)
{
	ASSERT(page->refcount != 0);
	ASSERT(page->type == PAGE_USER || page->type == PAGE_MOVABLE);
	ASSERT(index == 0 || (index < NR_OWNERS && owners[index]));

	page->owner = index;
	page->type = index ? PAGE_MOVABLE : PAGE_USER;
}

/* ---- One pageblock ---- */

static bool isolate(struct zone *zone, struct page *start, enum migratetype *was)
{
	bool is_ours;

	spin_lock(&zone->lock);
	*was = pageblock_migratetype(start);
	is_ours = *was < MIGRATE_PCPTYPES;
	if (is_ours) {
		pageblock_detach(zone, start);
		pageblock_convert(zone, start, MIGRATE_ISOLATE);
	}
	spin_unlock(&zone->lock);
	return is_ours;
}

static void undo_isolation(struct zone *zone, struct page *start, enum migratetype was)
{
	spin_lock(&zone->lock);
	pageblock_release(zone, start, was);
	spin_unlock(&zone->lock);
}

/* C2: takes a second reference unless the block is just being freed or has other users. */
static bool try_hold(struct page *page, uint64_t state)
{
	struct page held = { .state = state };

	if (held.refcount != 1)
		return false;
	held.refcount = 2;
	return __atomic_compare_exchange_n(&page->state, &state, held.state, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Free single pages from the bottom of a zone, for copies. */
struct targets {
	struct zone *zone;
	struct page **pages;	/* one page full of pointers */
	unsigned nr;
	pfn_t scan_pfn;		/* pageblocks below have been looked at */
};

#define MAX_TARGETS	((unsigned)(PAGE_SIZE / sizeof(struct page *)))

/* True when all of the pageblock at @pfn is memory of @zone that is up. */
static bool is_whole_block(const struct zone *zone, pfn_t pfn)
{
	return zone_has_up(zone, pfn) && zone_has_up(zone, pfn + PAGEBLOCK_PAGES - 1);
}

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
			buddy_unlist(zone, page, head.order);
			zone->nr_free_pages -= nr_pages;
			for (uint64_t i = 0; i < nr_pages; i++) {
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
		if (is_whole_block(targets->zone, pfn) &&
		    pageblock_migratetype(targets->zone->mem_map + pfn) < MIGRATE_PCPTYPES)
			collect_block(targets, targets->zone->mem_map + pfn);
	}
	return targets->nr ? targets->pages[--targets->nr] : NULL;
}

static struct page *find_place(struct page *page, struct targets *targets)
{
	if (page->order == 0 && targets)
		return take_target(targets, zone_page_to_pfn(targets->zone, pageblock_of(page)));
	return alloc_pages_node(page_to_nid(page), GFP_NOWAIT | __GFP_MOVABLE | __GFP_THISNODE |
				__GFP_MEMALLOC | __GFP_NOWARN | __GFP_NOFAIL_INJECTION,
				page->order);
}

/*
 * Moves the block at @page, held, to a target or else anywhere on its node.
 * False: its owner refused, or there is no room.
 */
static bool move_block(struct page *page, struct targets *targets)
{
	const struct movable_owner *owner = owners[page->owner % NR_OWNERS];
	struct page *to = owner ? find_place(page, targets) : NULL;

	if (!to)
		return false;
	page_set_owner(to, page->owner);
	if (!owner->migrate(page, to, owner->arg)) {
		put_page(to);
		return false;
	}
	put_page(page);	/* the owner's reference: it uses the copy now */
	return true;
}

/* Empties the isolated pageblock at @start. False at the first block that stays. */
static bool evacuate(struct zone *zone, struct page *start, struct targets *targets)
{
	struct page *end = start + PAGEBLOCK_PAGES;

	for (struct page *page = start; page < end;) {
		uint64_t state = page_state(page);
		struct page head = { .state = state };
		bool is_moved;

		if (head.type == PAGE_FREE && head.zone_index == zone->index) {
			page += pages_in(head.order);
			continue;
		}
		/* What was just moved away merged with what lies before it. */
		if (head.type == PAGE_HOLE) {
			page++;
			continue;
		}
		if (head.type != PAGE_MOVABLE || !try_hold(page, state))
			return false;
		is_moved = move_block(page, targets);
		put_page(page);
		if (!is_moved)
			return false;
		page += pages_in(head.order);
	}
	return true;
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
	bool is_empty;

	if (!is_worth_emptying(zone, start) || !isolate(zone, start, &was))
		return false;
	is_empty = evacuate(zone, start, targets);
	undo_isolation(zone, start, was);
	return is_empty;
}

static uint64_t empty_from_top(struct zone *zone, uint64_t nr_blocks, struct targets *targets)
{
	pfn_t pfn = align_down(zone->end_pfn, PAGEBLOCK_PAGES);
	uint64_t nr_emptied = 0;

	while (nr_emptied < nr_blocks && pfn > targets->scan_pfn) {
		pfn -= PAGEBLOCK_PAGES;
		if (is_whole_block(zone, pfn))
			nr_emptied += empty_block(zone, zone->mem_map + pfn, targets);
	}
	return nr_emptied;
}

uint64_t compact_zone(struct zone *zone, uint64_t nr_blocks)
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
	struct block_census census = { 0, 0 };

	spin_lock(&zone->lock);
	for (pfn_t pfn = align_up(zone->start_pfn, PAGEBLOCK_PAGES);
	     pfn + PAGEBLOCK_PAGES <= zone->end_pfn; pfn += PAGEBLOCK_PAGES)
		census.nr_blocks += is_whole_block(zone, pfn);
	census.nr_free_blocks = zone->free_area[PAGEBLOCK_ORDER].nr_free +
				(zone->free_area[MAX_ORDER].nr_free << (MAX_ORDER - PAGEBLOCK_ORDER));
	spin_unlock(&zone->lock);
	return census;
}

/* ---- Exact ranges ---- */

/* Brings @zone up as far as @end_pfn. */
static bool grow_to(struct zone *zone, pfn_t end_pfn)
{
	while (!zone_has_up(zone, end_pfn - 1))
		if (!zone_grow(zone))
			return false;
	return true;
}

static struct zone *zone_of_pfn(pfn_t pfn)
{
	for_each_populated_zone(zone) {
		for (uint32_t i = 0; i < zone->nr_spans; i++)
			if (pfn >= zone->spans[i].start_pfn && pfn < zone->spans[i].end_pfn)
				return zone;
	}
	return NULL;
}

/* Splits the free block that @page lies in until a block starts at @page. */
static void split_at(struct zone *zone, struct page *page) HOLDS(zone->lock)
{
	for (unsigned order = MAX_ORDER; order > 0; order--) {
		struct page *head = zone->mem_map +
			align_down(zone_page_to_pfn(zone, page), pages_in(order));

		if (head == page || !is_free_block(zone, head, order))
			continue;
		buddy_unlist(zone, head, order);
		buddy_list(zone, head, order - 1, pageblock_migratetype(head));
		buddy_list(zone, head + pages_in(order - 1), order - 1,
			   pageblock_migratetype(head));
	}
}

/* Takes the free pages [@page, @end) one by one. False when one of them is not free. */
static bool take_range(struct zone *zone, struct page *page, struct page *end)
{
	uint64_t state = make_page_state(PAGE_USER, 0, zone->index, 1);
	struct page *start = page;

	spin_lock(&zone->lock);
	split_at(zone, page);
	split_at(zone, end);
	while (page < end && page->type == PAGE_FREE && page->zone_index == zone->index) {
		uint64_t nr_pages = pages_in(page->order);

		buddy_unlist(zone, page, page->order);
		zone->nr_free_pages -= nr_pages;
		for (uint64_t i = 0; i < nr_pages; i++)
			page_set_state(page + i, state);
		page += nr_pages;
	}
	spin_unlock(&zone->lock);
	if (page < end)
		free_contig_range(zone_page_to_pfn(zone, start), zone_page_to_pfn(zone, page));
	return page == end;
}

/* Isolates and empties the pageblocks of [@pfn, @end_pfn). Returns where it stopped. */
static pfn_t clear_blocks(struct zone *zone, pfn_t pfn, pfn_t end_pfn)
{
	for (; pfn < end_pfn; pfn += PAGEBLOCK_PAGES) {
		enum migratetype was;

		if (!is_whole_block(zone, pfn) || !isolate(zone, zone->mem_map + pfn, &was))
			break;
		if (!evacuate(zone, zone->mem_map + pfn, NULL)) {
			undo_isolation(zone, zone->mem_map + pfn, was);
			break;
		}
	}
	return pfn;
}

bool alloc_contig_range(pfn_t start_pfn, pfn_t end_pfn)
{
	struct zone *zone = zone_of_pfn(start_pfn);
	pfn_t first_pfn = align_down(start_pfn, PAGEBLOCK_PAGES);
	pfn_t stop_pfn = align_up(end_pfn, PAGEBLOCK_PAGES);
	pfn_t clear_pfn;
	bool is_taken;

	ASSERT(start_pfn < end_pfn);

	if (!zone || end_pfn > zone->end_pfn || !grow_to(zone, end_pfn))
		return false;
	drain_all_pages();
	clear_pfn = clear_blocks(zone, first_pfn, stop_pfn);
	is_taken = clear_pfn == stop_pfn &&
		   take_range(zone, zone->mem_map + start_pfn, zone->mem_map + end_pfn);
	/* What was asked for as a range is movable memory from now on, whatever it was. */
	for (pfn_t pfn = first_pfn; pfn < clear_pfn; pfn += PAGEBLOCK_PAGES)
		undo_isolation(zone, zone->mem_map + pfn, MIGRATE_MOVABLE);
	return is_taken;
}

void free_contig_range(pfn_t start_pfn, pfn_t end_pfn)
{
	for (pfn_t pfn = start_pfn; pfn < end_pfn; pfn++)
		__free_pages(pfn_to_page(pfn), 0);
}

/* True when nothing in the pageblocks of [@pfn, @end_pfn) is pinned. */
static bool is_candidate(struct zone *zone, pfn_t pfn, pfn_t end_pfn)
{
	for (; pfn < end_pfn; pfn += PAGEBLOCK_PAGES) {
		struct block_use use;

		if (!is_whole_block(zone, pfn))
			return false;
		spin_lock(&zone->lock);
		use = pageblock_use(zone, zone->mem_map + pfn);
		spin_unlock(&zone->lock);
		if (use.nr_pinned != 0)
			return false;
	}
	return true;
}

static struct page *take_from_top(struct zone *zone, uint64_t nr_pages)
{
	uint64_t nr_block_pages = align_up(nr_pages, PAGEBLOCK_PAGES);
	pfn_t pfn = align_down(zone->end_pfn, PAGEBLOCK_PAGES);

	while (pfn >= zone->start_pfn + nr_block_pages) {
		pfn_t start_pfn = pfn - nr_block_pages;

		if (is_candidate(zone, start_pfn, pfn) &&
		    alloc_contig_range(start_pfn, start_pfn + nr_pages))
			return zone->mem_map + start_pfn;
		pfn -= PAGEBLOCK_PAGES;
	}
	return NULL;
}

struct page *alloc_contig_pages(uint64_t nr_pages, unsigned nid)
{
	ASSERT(nr_pages > 0);
	ASSERT(nid < live.nr_nodes);

	drain_all_pages();
	for (unsigned type = MAX_NR_ZONES; type-- > 0;) {
		struct zone *zone = &node_data(nid)->node_zones[type];
		struct page *page;

		if (!zone_is_populated(zone))
			continue;
		do {
			page = take_from_top(zone, nr_pages);
		} while (!page && zone_grow(zone));
		if (page)
			return page;
	}
	return NULL;
}
