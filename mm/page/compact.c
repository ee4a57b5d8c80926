/*
 * Compaction: making large blocks by moving what may be moved.
 *
 * Model
 *   An owner that can move its pages says so (page_set_owner); such a page is
 *   PAGE_MOVABLE. A unit is what is emptied at once: a pageblock, or for requests
 *   of MAX_ORDER the pair of them. It is isolated, so that nothing new is placed
 *   there and what is freed stays; each movable block in it is copied by its
 *   owner to memory below; then the unit gets its types back and merges.
 *
 *   Two scanners run towards each other: one goes from unit to unit from the top of
 *   the zone down, the other collects free blocks smaller than a unit from the
 *   bottom up, as targets. A unit is begun only when nothing in it is pinned and
 *   the targets, all of them below it, suffice for all it holds: by powers of two,
 *   they do if for every order those of that order and above have as many pages as
 *   the blocks of that order and above, and then it does not matter in which
 *   sequence they are used. So a unit becomes free without costing a free one
 *   elsewhere, and there is an end: each success is a unit more.
 *
 *   Where targets of some order have run out, the pass goes on with units that need
 *   only smaller ones, from the bottom again; when single pages have, it is over.
 *
 *   A call looks at so many pageblocks and moves so many pages, then leaves the
 *   scanners where they are for the next: pageblocks have theirs, and pairs. A pass
 *   that ended without the block it was for makes the zone be left in peace for
 *   a while (mm/page/backoff.h); so does a block that somebody else was faster to
 *   take. kswapd's thread goes on where requests left off.
 *
 * Invariants
 *   COMPACT-1  the scanners stand at pageblocks, the lower one not above the upper one
 *       or, before its first pass, both at 0; and inside the zone
 *   COMPACT-2  no attempt is passed over for longer than mm/page/backoff.h says
 *
 * Locking
 *   is_busy by exchange: who finds it set goes away. zone->lock for looking at a
 *   pageblock, isolating and giving back. None while owners are called.
 */

#include "mm/page/compact.h"

#include "lib/align.h"
#include "mm/live.h"
#include "mm/page/movable.h"
#include "mm/page/noted.h"
#include "mm/page/pageblock.h"
#include "mm/page_alloc.h"

/*
 * Pageblocks one call looks at, by either scanner: at most 512 steps each, 0.2 ms in
 * all. Moving so many pages counts as one look: 2,048 pages, 8 MiB to copy, in a call.
 */
#define BLOCKS_PER_CALL		256u
#define PAGES_PER_LOOK		8u

#define UNIT_BLOCKS_MAX		(1u << (MAX_ORDER - PAGEBLOCK_ORDER))

/* One call's work. */
struct compaction {
	struct zone *zone;
	struct zone_compaction *state;
	struct compaction_pass *pass;
	unsigned unit_order;
	unsigned nr_looks;			/* left */
	uint64_t nr_uncharged;			/* pages moved, too few for a look */
	struct list_head targets[MAX_ORDER];	/* free blocks, taken; the lowest first */
	uint64_t nr_targets[MAX_ORDER];
};

/* Blocks a unit holds, by order. */
struct need {
	uint64_t nr_blocks[MAX_ORDER];
};

static void charge(struct compaction *work, uint64_t nr_looks)
{
	work->nr_looks -= (unsigned)min_u64(nr_looks, work->nr_looks);
}

/* ---- Targets ---- */

static void add_target(struct compaction *work, struct page *page, unsigned order, bool is_first)
{
	page->owner = 0;
	page->flags &= PAGE_FILLED;
	page_set_state(page, make_page_state(PAGE_USER, order, work->zone->index, 1));
	if (is_first)
		list_add(&page->list, &work->targets[order]);
	else
		list_add_tail(&page->list, &work->targets[order]);
	work->nr_targets[order]++;
}

static struct page *pop_target(struct compaction *work, unsigned order)
{
	struct page *page = list_first_entry(&work->targets[order], struct page, list);

	list_del(&page->list);
	work->nr_targets[order]--;
	return page;
}

/* The smallest that serves, cut to @order; NULL: there is none. */
static struct page *take_target(struct compaction *work, unsigned order)
{
	unsigned at = order;
	struct page *page;

	while (at < MAX_ORDER && work->nr_targets[at] == 0)
		at++;
	if (at == MAX_ORDER)
		return NULL;
	page = pop_target(work, at);
	while (at > order) {
		at--;
		add_target(work, page + pages_in(at), at, true);
	}
	page_set_state(page, make_page_state(PAGE_USER, order, work->zone->index, 1));
	return page;
}

static void release_targets(struct compaction *work)
{
	spin_lock(&work->zone->lock);
	for (unsigned order = 0; order < MAX_ORDER; order++)
		while (work->nr_targets[order] > 0)
			zone_give(work->zone, pop_target(work, order), order);
	spin_unlock(&work->zone->lock);
}

/* The highest order for which the targets do not suffice; MAX_ORDER when they do. */
static unsigned lacking_order(const struct compaction *work, const struct need *need)
{
	uint64_t nr_wanted = 0, nr_had = 0;

	for (unsigned order = MAX_ORDER; order-- > 0;) {
		nr_wanted += need->nr_blocks[order] << order;
		nr_had += work->nr_targets[order] << order;
		if (nr_had < nr_wanted)
			return order;
	}
	return MAX_ORDER;
}

/* Takes the free blocks of the pageblock at @start that are smaller than a unit. */
static void collect_block(struct compaction *work, struct page *start, unsigned lowest_order)
{
	struct zone *zone = work->zone;

	spin_lock(&zone->lock);
	for (struct page *page = start; page < start + PAGEBLOCK_PAGES;) {
		struct page head = { .state = page_state(page) };

		if (is_free_block(zone, page, head.order) && head.order >= lowest_order &&
		    head.order < work->unit_order) {
			buddy_take_at(zone, page, head.order, head.order);
			add_target(work, page, head.order, false);
		}
		page += head.type == PAGE_HOLE ? 1 : pages_in(head.order);
	}
	spin_unlock(&zone->lock);
}

/* Goes on collecting until the targets suffice. False: the budget or the memory below ended. */
static bool collect_for(struct compaction *work, const struct need *need, pfn_t end_pfn)
{
	struct zone *zone = work->zone;
	unsigned lowest_order = 0;

	while (need->nr_blocks[lowest_order] == 0)
		lowest_order++;
	while (lacking_order(work, need) != MAX_ORDER) {
		pfn_t pfn = work->pass->fill_pfn;

		if (work->nr_looks == 0 || pfn >= end_pfn)
			return false;
		charge(work, 1);
		work->state->nr_scanned_blocks++;
		work->pass->fill_pfn += PAGEBLOCK_PAGES;
		if (pageblock_is_owned(zone, pfn) &&
		    pageblock_migratetype(zone->mem_map + pfn) == MIGRATE_MOVABLE)
			collect_block(work, zone->mem_map + pfn, lowest_order);
	}
	return true;
}

/* ---- Units ---- */

/* Adds what the pageblock at @start holds. False: something in it is not to be moved. */
static bool add_need(const struct compaction *work, struct page *start, struct need *need)
	HOLDS(work->zone->lock)
{
	struct zone *zone = work->zone;

	/* The second half of a larger free block: its first page speaks for it. */
	if (is_free_block(zone, pair_of(start, PAGEBLOCK_ORDER), MAX_ORDER))
		return true;
	for (struct page *page = start; page < start + PAGEBLOCK_PAGES;) {
		struct page head = { .state = page_state(page) };

		if (head.type == PAGE_MOVABLE && head.refcount == 1 &&
		    head.zone_index == zone->index && head.order < work->unit_order)
			need->nr_blocks[head.order]++;
		else if (!is_free_block(zone, page, head.order))
			return false;
		page += pages_in(head.order);
	}
	return true;
}

/* False: the unit at @start is free already, or cannot become so in this pass. */
static bool is_worth_emptying(const struct compaction *work, struct page *start, struct need *need)
{
	uint64_t nr_blocks = 0, nr_large = 0;

	*need = (struct need){ { 0 } };
	for (struct page *at = start; at < start + pages_in(work->unit_order);
	     at += PAGEBLOCK_PAGES) {
		bool is_movable;

		spin_lock(&work->zone->lock);
		is_movable = pageblock_migratetype(at) < MIGRATE_PCPTYPES &&
			     add_need(work, at, need);
		spin_unlock(&work->zone->lock);
		if (!is_movable)
			return false;
	}
	for (unsigned order = 0; order < MAX_ORDER; order++) {
		nr_blocks += need->nr_blocks[order];
		nr_large += order >= work->pass->end_order ? need->nr_blocks[order] : 0;
	}
	return nr_blocks != 0 && nr_large == 0;
}

static bool isolate(const struct compaction *work, struct page *start,
		    enum migratetype was[UNIT_BLOCKS_MAX])
{
	const unsigned nr_blocks = 1u << (work->unit_order - PAGEBLOCK_ORDER);
	bool is_ours = true;

	spin_lock(&work->zone->lock);
	for (unsigned i = 0; i < nr_blocks; i++) {
		was[i] = pageblock_migratetype(start + i * PAGEBLOCK_PAGES);
		is_ours &= was[i] < MIGRATE_PCPTYPES;
	}
	for (unsigned i = 0; is_ours && i < nr_blocks; i++)
		pageblock_retype(work->zone, start + i * PAGEBLOCK_PAGES, MIGRATE_ISOLATE);
	spin_unlock(&work->zone->lock);
	return is_ours;
}

/* Gives the pageblocks their types back. Returns how many are wholly free. */
static unsigned undo_isolation(const struct compaction *work, struct page *start,
			       const enum migratetype was[UNIT_BLOCKS_MAX])
{
	const unsigned nr_blocks = 1u << (work->unit_order - PAGEBLOCK_ORDER);
	unsigned nr_free = 0;

	spin_lock(&work->zone->lock);
	for (unsigned i = 0; i < nr_blocks; i++)
		nr_free += pageblock_use(work->zone, start + i * PAGEBLOCK_PAGES).nr_free ==
			   PAGEBLOCK_PAGES;
	for (unsigned i = 0; i < nr_blocks; i++)
		pageblock_retype(work->zone, start + i * PAGEBLOCK_PAGES, was[i]);
	spin_unlock(&work->zone->lock);
	return nr_free;
}

/* False: it stays, since it is in use now or its owner refused. */
static bool move_block(struct compaction *work, struct page *page)
{
	struct page *to;
	unsigned order;

	if (!movable_pin(page))
		return false;
	order = page->order;
	to = take_target(work, order);
	if (!to) {
		movable_unpin(page);
		return false;
	}
	work->nr_uncharged += pages_in(order);
	charge(work, work->nr_uncharged / PAGES_PER_LOOK);
	work->nr_uncharged %= PAGES_PER_LOOK;
	if (!movable_migrate(page, to)) {
		add_target(work, to, order, true);
		work->state->nr_refused++;
		return false;
	}
	work->state->nr_moved_blocks++;
	return true;
}

/* Empties the isolated unit at @start, up to the first block that stays. */
static void evacuate(struct compaction *work, struct page *start)
{
	struct page *end = start + pages_in(work->unit_order);

	for (struct page *page = start; page < end;) {
		struct page head = { .state = page_state(page) };

		/* A hole here is where a block has merged with what lies before it. */
		if (head.type == PAGE_HOLE)
			page++;
		else if (head.type != PAGE_FREE && !move_block(work, page))
			return;
		else
			page += pages_in(head.order);
	}
}

/* ---- Passes ---- */

static pfn_t first_block_pfn(const struct zone *zone)
{
	return align_up(zone->start_pfn, PAGEBLOCK_PAGES);
}

static bool is_over(const struct compaction_pass *pass)
{
	return pass->fill_pfn >= pass->empty_pfn;
}

static void end_pass(struct compaction_pass *pass)
{
	pass->empty_pfn = pass->fill_pfn;
}

static void begin_pass(struct compaction *work)
{
	pfn_t start_pfn = first_block_pfn(work->zone);
	pfn_t end_pfn = align_down(work->zone->end_pfn, pages_in(work->unit_order));

	work->pass->end_order = work->unit_order;
	work->pass->empty_pfn = max_u64(end_pfn, start_pfn);
	work->pass->fill_pfn = start_pfn;
}

/* Targets of @order have run out: of that order and above there are none below any more. */
static void go_on_without(struct compaction *work, unsigned order)
{
	release_targets(work);
	work->pass->end_order = order;
	work->pass->fill_pfn = first_block_pfn(work->zone);
	if (order == 0)
		end_pass(work->pass);
}

/* Looks at the next unit, and empties it if that is possible. Returns pageblocks gained. */
static unsigned do_next_unit(struct compaction *work)
{
	struct compaction_pass *pass = work->pass;
	const uint64_t unit_pages = pages_in(work->unit_order);
	enum migratetype was[UNIT_BLOCKS_MAX];
	struct page *start;
	struct need need;
	pfn_t start_pfn;

	if (pass->empty_pfn < pass->fill_pfn + unit_pages) {
		end_pass(pass);
		return 0;
	}
	start_pfn = pass->empty_pfn - unit_pages;
	start = work->zone->mem_map + start_pfn;
	charge(work, unit_pages / PAGEBLOCK_PAGES);
	work->state->nr_scanned_blocks += unit_pages / PAGEBLOCK_PAGES;
	pass->empty_pfn = start_pfn;
	if (!pageblock_is_owned(work->zone, start_pfn) ||
	    !pageblock_is_owned(work->zone, start_pfn + unit_pages - PAGEBLOCK_PAGES) ||
	    !is_worth_emptying(work, start, &need))
		return 0;
	if (!collect_for(work, &need, start_pfn)) {
		if (pass->fill_pfn >= start_pfn)
			go_on_without(work, lacking_order(work, &need));
		else
			pass->empty_pfn += unit_pages;		/* the next call's first */
		return 0;
	}
	if (!isolate(work, start, was))
		return 0;
	evacuate(work, start);
	return undo_isolation(work, start, was);
}

static bool zone_lists_block(struct zone *zone, unsigned order)
{
	bool is_listed = false;

	spin_lock(&zone->lock);
	for (; order <= MAX_ORDER && !is_listed; order++)
		for (unsigned type = 0; type < MIGRATE_PCPTYPES; type++)
			is_listed |= !list_is_empty(&zone->free_area[order].free_list[type]);
	spin_unlock(&zone->lock);
	return is_listed;
}

static struct compaction_pass *pass_for(struct zone *zone, unsigned order)
{
	return &zone->compaction.passes[order == MAX_ORDER ? NR_UNIT_ORDERS - 1 : 0];
}

/* What is left over of the pageblock collected last is collected again by the next call. */
static void step_back(struct compaction *work)
{
	struct compaction_pass *pass = work->pass;

	if (!is_over(pass) && pass->fill_pfn > first_block_pfn(work->zone))
		pass->fill_pfn -= PAGEBLOCK_PAGES;
	release_targets(work);
}

/*
 * Looks at up to @nr_looks pageblocks for a block of @order, or beyond MAX_ORDER
 * for all that can be had. is_busy is ours. Returns pageblocks gained.
 */
static uint64_t scan_zone(struct zone *zone, unsigned order, unsigned nr_looks)
{
	struct compaction work = {
		.zone = zone,
		.state = &zone->compaction,
		.pass = pass_for(zone, order),
		.unit_order = order == MAX_ORDER ? MAX_ORDER : PAGEBLOCK_ORDER,
		.nr_looks = nr_looks,
	};
	uint64_t nr_gained = 0;

	for (unsigned i = 0; i < MAX_ORDER; i++)
		list_init(&work.targets[i]);
	/* What rests on stacks would pin its pageblock. */
	drain_all_pages();
	if (is_over(work.pass))
		begin_pass(&work);
	while (work.nr_looks > 0 && !is_over(work.pass) && !zone_lists_block(zone, order))
		nr_gained += do_next_unit(&work);
	step_back(&work);
	work.state->nr_runs++;
	work.state->nr_emptied_blocks += nr_gained;
	return nr_gained;
}

/* ---- Who compacts ---- */

static bool begin_compaction(struct zone_compaction *state)
{
	return !__atomic_exchange_n(&state->is_busy, true, __ATOMIC_ACQUIRE);
}

static void end_compaction(struct zone_compaction *state)
{
	__atomic_store_n(&state->is_busy, false, __ATOMIC_RELEASE);
}

/* As compact_zone_for_request(); @has_more: the pass is not over. */
static bool try_for(struct zone *zone, unsigned order, bool *has_more)
{
	struct zone_compaction *state = &zone->compaction;
	struct compaction_pass *pass = pass_for(zone, order);
	bool is_listed;

	*has_more = false;
	if (backoff_passes_over(&pass->backoff)) {
		__atomic_fetch_add(&state->nr_deferred, 1, __ATOMIC_RELAXED);
		return false;
	}
	if (!begin_compaction(state))
		return false;
	scan_zone(zone, order, BLOCKS_PER_CALL);
	is_listed = zone_lists_block(zone, order);
	*has_more = !is_listed && !is_over(pass);
	end_compaction(state);
	if (!is_listed && !*has_more)
		backoff_note(&pass->backoff, false);
	return is_listed;
}

bool compact_zone_for_request(struct zone *zone, unsigned order)
{
	bool has_more;

	return try_for(zone, order, &has_more);
}

void compact_note_outcome(struct zone *zone, unsigned order, bool is_served)
{
	backoff_note(&pass_for(zone, order)->backoff, is_served);
}

bool node_lists_block(struct pglist_data *node, unsigned order, enum zone_type highest)
{
	for (unsigned type = 0; type <= highest; type++)
		if (zone_lists_block(&node->node_zones[type], order))
			return true;
	return false;
}

bool compact_may_help(struct pglist_data *node, unsigned order, enum zone_type highest)
{
	for (unsigned type = 0; type <= highest; type++) {
		struct zone *zone = &node->node_zones[type];

		if (zone_is_populated(zone) &&
		    !backoff_passes_over(&pass_for(zone, order)->backoff))
			return true;
	}
	return false;
}

bool compact_in_background(struct pglist_data *node, unsigned order, enum zone_type highest)
{
	bool has_more = false;

	for (unsigned type = highest + 1; type-- > 0;) {
		struct zone *zone = &node->node_zones[type];
		bool zone_has_more;

		if (try_for(zone, order, &zone_has_more)) {
			compact_note_outcome(zone, order, true);
			return false;
		}
		has_more |= zone_has_more;
	}
	return has_more;
}

/* Pass after pass until one gains nothing. */
static uint64_t compact_zone(struct zone *zone)
{
	const unsigned any_order = MAX_ORDER + 1;
	uint64_t nr_gained, nr_gained_in_all = 0;

	if (!begin_compaction(&zone->compaction))
		return 0;
	end_pass(pass_for(zone, any_order));
	do {
		nr_gained = scan_zone(zone, any_order, UINT32_MAX);
		nr_gained_in_all += nr_gained;
	} while (nr_gained != 0);
	end_compaction(&zone->compaction);
	return nr_gained_in_all;
}

uint64_t compact_node(unsigned nid)
{
	uint64_t nr_gained = 0;

	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &node_data(nid)->node_zones[type];

		if (zone_is_populated(zone))
			nr_gained += compact_zone(zone);
	}
	return nr_gained;
}

/* ---- Counting and verification ---- */

struct block_census count_free_pageblocks(struct zone *zone)
{
	const unsigned blocks_shift = MAX_ORDER - PAGEBLOCK_ORDER;
	struct block_census census = { 0, 0 };

	spin_lock(&zone->grow_lock);
	spin_lock(&zone->lock);
	for (pfn_t pfn = first_block_pfn(zone); pfn + PAGEBLOCK_PAGES <= zone->end_pfn;
	     pfn += PAGEBLOCK_PAGES)
		census.nr_blocks += zone_has_up(zone, pfn) &&
				    zone_has_up(zone, pfn + PAGEBLOCK_PAGES - 1);
	census.nr_free_blocks = zone->free_area[PAGEBLOCK_ORDER].nr_free +
				(zone->free_area[MAX_ORDER].nr_free << blocks_shift);
	spin_unlock(&zone->lock);
	spin_unlock(&zone->grow_lock);
	return census;
}

static bool verify_pass(const struct zone *zone, const struct compaction_pass *pass,
			struct violation *out)
{
	REQUIRE("COMPACT-1", pass->fill_pfn, is_aligned(pass->fill_pfn, PAGEBLOCK_PAGES));
	REQUIRE("COMPACT-1", pass->empty_pfn, is_aligned(pass->empty_pfn, PAGEBLOCK_PAGES));
	REQUIRE("COMPACT-1", pass->fill_pfn, pass->fill_pfn <= pass->empty_pfn);
	if (pass->empty_pfn != 0) {
		REQUIRE("COMPACT-1", pass->fill_pfn, pass->fill_pfn >= zone->start_pfn);
		REQUIRE("COMPACT-1", pass->empty_pfn,
			pass->empty_pfn <= max_u64(zone->end_pfn, first_block_pfn(zone)));
	}
	REQUIRE("COMPACT-2", zone->index, pass->backoff.shift <= BACKOFF_MAX_SHIFT);
	return true;
}

bool compact_verify(const struct zone *zone, struct violation *out)
{
	for (unsigned i = 0; i < NR_UNIT_ORDERS; i++)
		if (!verify_pass(zone, &zone->compaction.passes[i], out))
			return false;
	return true;
}
