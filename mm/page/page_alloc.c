/*
 * The page allocator: which zone, how far below its watermarks, what to try when
 * there is nothing.
 *
 * Model
 *   A request names an order, a kind of memory and how hard to try. What the fast
 *   paths (mm/page/page_fast.c) cannot serve comes here. The node's zonelist is
 *   walked: zones of the node from high to low, then the other nodes, nearest
 *   first. In each zone: the stack, the lists of the type, a whole pageblock of
 *   another type, memory that is not brought up yet, any block of another type; at
 *   last, for requests that cannot wait, the reserve of MIGRATE_HIGHATOMIC.
 *
 *   Only when no zone has any above its low watermark does the request go on. kswapd
 *   is woken, and the zones are asked again down to the min watermark: half of it for
 *   requests that cannot wait, to the last page for __GFP_MEMALLOC. Then, for a
 *   request that may reclaim, and asking the zones again after each:
 *     1  what rests on other CPUs' stacks is gathered
 *     2  a request above COMPACT_ABOVE_ORDER has zones compacted that have room
 *     3  in rounds: shrinkers run, and what is above order 0 has zones compacted
 *     4  pageblocks are taken out of the reserve of MIGRATE_HIGHATOMIC, for __GFP_MEMALLOC
 *        even where nothing may be reclaimed
 *   Within a shrinker or an owner that moves a page only the first is done. A
 *   request that fails is reported.
 *
 *   What must hold of it is checked elsewhere: of zonelists as ZONELIST-1 to
 *   ZONELIST-3, of a zone's pages as ZONE-6 and SYSTEM-1, of stacks as STACK-3.
 *
 * Locking
 *   None is held across a call out. A zone's lock is taken per refill, drain,
 *   or uncached block.
 */

#include "mm/page/page_slow.h"

#include "mm/context.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/buddy_told.h"
#include "mm/page/compact.h"
#include "mm/page/drain.h"
#include "mm/page/grow.h"
#include "mm/page/harden.h"
#include "mm/page/inject.h"
#include "mm/page/movable.h"
#include "mm/page/page_state.h"
#include "mm/page/pageblock.h"
#include "mm/page/reclaim.h"

/* Rounds of reclaim before a request that may retry is refused. */
#define NR_RETRIES		4u
#define NR_RETRIES_MAYFAIL	16u

/* Pages asked from shrinkers for a small request: a batch. */
#define RECLAIM_BATCH_PAGES	32u

struct request {
	gfp_t gfp;
	unsigned order;
	enum migratetype migratetype;
	enum zone_type highest;
	const struct zonelist *zonelist;
	unsigned nid;
};

/* How far below a zone's watermarks a request may go. */
enum effort { EFFORT_LOW, EFFORT_MIN, EFFORT_RESERVE, EFFORT_ALL };

/* ---- One zone ---- */

struct page *zone_take_listed(struct zone *zone, unsigned order, enum migratetype migratetype)
{
	struct page *page;

	spin_lock(&zone->lock);
	page = buddy_take(zone, order, migratetype);
	if (page)
		page_set_state(page, make_page_state(PAGE_USER, order, zone->index, 1));
	spin_unlock(&zone->lock);
	return page;
}

/* The same while somebody listens. */
static NOINLINE COLD struct page *take_listed_told(struct zone *zone, unsigned order,
						   enum migratetype migratetype)
{
	struct page *page;

	spin_lock(&zone->lock);
	page = buddy_take_told(zone, order, migratetype);
	if (page)
		page_set_state(page, make_page_state(PAGE_USER, order, zone->index, 1));
	spin_unlock(&zone->lock);
	return page;
}

/* From this CPU's stack for @zone, refilled if need be; else from the lists. */
static struct page *take_ready_or_listed(struct zone *zone, const struct request *request)
{
	struct mm_local local = mm_port_local_lock();
	struct page_stack *stack = page_stack_for(zone, request->order, request->migratetype,
						  local);
	struct page *page = NULL;

	if (stack && (!page_stack_shows_end(stack) || page_stack_refill(stack, local)))
		page = page_stack_pop_or_report(stack, local);
	if (!page)
		page = mm_events_wanted() ?
			take_listed_told(zone, request->order, request->migratetype) :
			zone_take_listed(zone, request->order, request->migratetype);
	mm_port_local_unlock(local);
	return page;
}

static bool steal_locked(struct zone *zone, const struct request *request, enum steal steal,
			 struct page **taken)
{
	bool is_stolen;

	spin_lock(&zone->lock);
	is_stolen = pageblock_steal(zone, request->order, request->migratetype, steal, taken);
	if (*taken)
		page_set_state(*taken, make_page_state(PAGE_USER, request->order, zone->index, 1));
	spin_unlock(&zone->lock);
	/* Types were mixed: kswapd makes room so that the next request need not do the same. */
	if (is_stolen && steal == STEAL_ANY && request->gfp & __GFP_KSWAPD_RECLAIM)
		reclaim_wake_for_boost(zone);
	return is_stolen;
}

/*
 * Makes @zone list something for @request that it did not before, or takes a block to
 * *@taken, cheapest way first.
 */
static bool provide(struct zone *zone, const struct request *request, struct page **taken)
{
	return steal_locked(zone, request, STEAL_WHOLE_PAGEBLOCKS, taken) || zone_grow(zone) ||
	       steal_locked(zone, request, STEAL_ANY, taken);
}

static struct page *take_from_zone(struct zone *zone, const struct request *request)
{
	struct page *page;

	do {
		page = take_ready_or_listed(zone, request);
	} while (!page && provide(zone, request, &page) && !page);
	if (!page && request->gfp & __GFP_HIGH)
		page = zone_take_listed(zone, request->order, MIGRATE_HIGHATOMIC);
	return page;
}

/* ---- The zonelist ---- */

static bool zone_has_room(const struct zone *zone, const struct request *request,
			  enum effort effort)
{
	uint64_t mark = zone->watermark[effort == EFFORT_LOW ? WATERMARK_LOW : WATERMARK_MIN];

	if (effort == EFFORT_ALL)
		return true;
	/* Half of what others must leave is for requests that cannot wait; so is their reserve. */
	if (effort == EFFORT_RESERVE)
		mark /= 2;
	else
		mark += zone_hint(&zone->nr_highatomic_pages);
	return zone_watermark_ok(zone, request->order, mark, request->highest);
}

/* For lecture and reports: @zone, of another node than the request's, served it. */
static NOINLINE COLD void tell_fallback(const struct request *request, const struct zone *zone,
					const struct page *page)
{
	const struct mm_event event = {
		.kind = MM_EVENT_FALLBACK,
		.at = pfn_to_pa(page_to_pfn(page)),
		.order = (uint8_t)request->order,
		.nr = request->nid,
		.nid = (uint16_t)zone->node->node_id,
	};

	mm_event_tell(event, zone->name);
}

static struct page *take_from_zonelist(const struct request *request, enum effort effort)
{
	for (uint32_t i = 0; i < request->zonelist->nr_zones; i++) {
		struct zone *zone = request->zonelist->zones[i];
		struct page *page;

		if (zone->type > request->highest || !zone_has_room(zone, request, effort))
			continue;
		page = take_from_zone(zone, request);
		if (!page)
			continue;
		if (mm_events_wanted() && zone->node->node_id != request->nid)
			tell_fallback(request, zone, page);
		return page;
	}
	return NULL;
}

/* Of every node with a zone that could serve the request. */
static void wake_kswapd(const struct request *request)
{
	const struct pglist_data *last = NULL;

	for (uint32_t i = 0; i < request->zonelist->nr_zones; i++) {
		struct zone *zone = request->zonelist->zones[i];

		if (zone->type > request->highest || zone->node == last)
			continue;
		last = zone->node;
		reclaim_wake(zone->node, request->order, request->highest);
	}
}

static enum effort hardest_effort(gfp_t gfp)
{
	if (gfp & __GFP_MEMALLOC)
		return EFFORT_ALL;
	return gfp & __GFP_HIGH ? EFFORT_RESERVE : EFFORT_MIN;
}

static struct reclaim_run run_for(const struct request *request)
{
	return (struct reclaim_run){
		.nid = request->gfp & __GFP_THISNODE ? request->nid : NID_NONE,
		.order = request->order,
		.highest = request->highest,
	};
}

/* Memory is there, but in pieces: has movable pages moved away, then tries again. */
static struct page *compact_and_retry(const struct request *request)
{
	for (uint32_t i = 0; i < request->zonelist->nr_zones && request->order > 0; i++) {
		struct zone *zone = request->zonelist->zones[i];
		struct page *page;

		if (zone->type > request->highest ||
		    !zone_has_room(zone, request, hardest_effort(request->gfp)) ||
		    !compact_zone_for_request(zone, request->order))
			continue;
		page = take_from_zone(zone, request);
		compact_note_outcome(zone, request->order, page != NULL);
		if (page)
			return page;
	}
	return NULL;
}

static struct page *reclaim_and_retry(const struct request *request)
{
	unsigned nr_retries = request->gfp & __GFP_RETRY_MAYFAIL ? NR_RETRIES_MAYFAIL : NR_RETRIES;
	struct reclaim_run run = run_for(request);
	struct page *page = NULL;
	bool is_worth_more = true;

	if (request->gfp & __GFP_NORETRY)
		nr_retries = 1;
	for (unsigned i = 0; i < nr_retries && !page && is_worth_more; i++) {
		is_worth_more = reclaim_round(&run, max_u64(pages_in(request->order),
							    RECLAIM_BATCH_PAGES));
		page = take_from_zonelist(request, hardest_effort(request->gfp));
		if (!page)
			page = compact_and_retry(request);
	}
	return page;
}

/* A large block was hard to find for a request that cannot wait: keep more where it was. */
static void reserve_for_the_next(struct page *page)
{
	struct zone *zone = page_zone(page);

	if (!pageblock_is_owned(zone, zone_page_to_pfn(zone, pageblock_of(page))))
		return;
	spin_lock(&zone->lock);
	pageblock_reserve_highatomic(zone, page);
	spin_unlock(&zone->lock);
}

/*
 * The last resort: what was set aside for requests that cannot wait serves all, a
 * pageblock at a time, and no more than it takes.
 */
static bool unreserve_one(struct zone *zone)
{
	bool has_more;

	spin_lock(&zone->lock);
	has_more = pageblock_unreserve_highatomic(zone);
	spin_unlock(&zone->lock);
	return has_more;
}

static struct page *unreserve_and_retry(const struct request *request)
{
	struct page *page = NULL;

	for (uint32_t i = 0; i < request->zonelist->nr_zones && !page; i++) {
		struct zone *zone = request->zonelist->zones[i];

		if (zone->type > request->highest)
			continue;
		while (!page && unreserve_one(zone))
			page = take_from_zonelist(request, hardest_effort(request->gfp));
	}
	return page;
}

/* Free memory that only rests on other CPUs is nearer than anything reclaim could give. */
static struct page *gather_and_retry(const struct request *request)
{
	const struct pglist_data *node =
		request->gfp & __GFP_THISNODE ? node_data(request->nid) : NULL;

	if (drain_others(node, request->highest) == 0)
		return NULL;
	return take_from_zonelist(request, hardest_effort(request->gfp));
}

static struct page *reclaim_or_compact(const struct request *request, unsigned *thread_word)
{
	struct page *page = NULL;

	*thread_word |= THREAD_RECLAIMS;
	if (request->order > COMPACT_ABOVE_ORDER)
		page = compact_and_retry(request);
	if (!page)
		page = reclaim_and_retry(request);
	*thread_word &= ~THREAD_RECLAIMS;
	return page;
}

static struct page *find_with_effort(const struct request *request)
{
	unsigned *thread_word = mm_port_thread_word();
	struct page *page = take_from_zonelist(request, hardest_effort(request->gfp));
	/*
	 * Owners that move pages and shrinkers may allocate, but not reclaim again. Other
	 * threads of this CPU, which run when a callback lets them, may.
	 */
	bool may_reclaim = request->gfp & __GFP_DIRECT_RECLAIM &&
			   !(*thread_word & THREAD_RECLAIMS);

	if (page && request->order > 0 && request->gfp & __GFP_HIGH)
		reserve_for_the_next(page);
	if (page)
		return page;
	if (request->gfp & __GFP_DIRECT_RECLAIM)
		page = gather_and_retry(request);
	if (!page && may_reclaim)
		page = reclaim_or_compact(request, thread_word);
	if (!page && (may_reclaim || request->gfp & __GFP_MEMALLOC))
		page = unreserve_and_retry(request);
	return page;
}

static struct page *find_page(const struct request *request)
{
	struct page *page = take_from_zonelist(request, EFFORT_LOW);

	if (page)
		return page;
	if (request->gfp & __GFP_KSWAPD_RECLAIM)
		wake_kswapd(request);
	return find_with_effort(request);
}

/* ---- Requests ---- */

enum zone_type highest_zone(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return ZONE_DMA;
	if (gfp & __GFP_DMA32)
		return ZONE_DMA32;
	return gfp & __GFP_MOVABLE ? ZONE_MOVABLE : ZONE_NORMAL;
}

struct page *alloc_pages_slow(gfp_t gfp, unsigned order, unsigned nid, uint32_t caller)
{
	struct mm_cpu *cpu_data = this_mm_cpu();
	struct request request = {
		.gfp = gfp,
		.order = order,
		.migratetype = gfp_migratetype(gfp),
		.highest = highest_zone(gfp),
		.nid = nid == NID_NONE ? cpu_data->nid : nid,
	};
	struct page *page;

	if (order > MAX_ORDER || inject_must_fail(gfp))
		return NULL;
	ASSERT(request.nid < live.nr_nodes);
	ASSERT(request.migratetype < MIGRATE_PCPTYPES);

	if (gfp & __GFP_DIRECT_RECLAIM)
		ASSERT_THREAD("a request that may reclaim");
	obey_drain_request(cpu_data);
	/* A hint: whoever shares this CPU may count at the same time. */
	__atomic_store_n(&cpu_data->nr_slow,
			 __atomic_load_n(&cpu_data->nr_slow, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELAXED);
	request.zonelist = &node_data(request.nid)->node_zonelists[
		gfp & __GFP_THISNODE ? ZONELIST_NOFALLBACK : ZONELIST_FALLBACK];
	page = find_page(&request);
	if (!page) {
		struct reclaim_run run = run_for(&request);

		reclaim_report_failure(&run, gfp);
		return NULL;
	}
	page->caller = caller;
	page->owner = 0;
	page->flags &= PAGE_FILLED;
	if (page_hardening)
		harden_allocated(page, pages_in(order));
	if (gfp & __GFP_ZERO)
		page_zero(page, order);
	if (gfp & __GFP_COMP && order > 0)
		page_make_compound(page, order);
	return page;
}

struct page *alloc_pages_before_cpu(unsigned nid, unsigned order)
{
	struct request request = {
		.order = order,		/* no flag: nobody is there yet to be woken */
		.migratetype = MIGRATE_UNMOVABLE,
		.highest = ZONE_NORMAL,
		.nid = nid,
		.zonelist = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK],
	};
	struct page *page = order > MAX_ORDER ? NULL : take_from_zonelist(&request, EFFORT_RESERVE);

	if (page)
		page->caller = (uint32_t)(uintptr_t)__builtin_return_address(0);
	if (page && page_hardening)
		harden_allocated(page, pages_in(order));
	return page;
}

struct page *alloc_pages_for_move(struct zone *zone, unsigned order)
{
	struct request request = {
		.gfp = GFP_NOWAIT | __GFP_MOVABLE,
		.order = order,
		.migratetype = MIGRATE_MOVABLE,
		.highest = zone->type,
		.nid = zone->node->node_id,
		.zonelist = &zone->node->node_zonelists[ZONELIST_FALLBACK],
	};
	struct page *page;

	if (inject_must_fail(request.gfp))
		return NULL;
	page = take_from_zonelist(&request, EFFORT_MIN);
	if (page) {
		page->owner = 0;
		page->flags &= PAGE_FILLED;
	}
	return page;
}

bool page_move_out(struct zone *zone, struct page *page)
{
	unsigned order;
	struct page *to;

	if (!movable_pin(page))
		return false;
	order = page->order;
	to = alloc_pages_for_move(zone, order);
	if (!to) {
		movable_unpin(page);
		return false;
	}
	if (!movable_migrate(page, to)) {
		free_pages_slow(to, order);
		return false;
	}
	return true;
}
