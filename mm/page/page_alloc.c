/*
 * The page allocator: which zone, how far below its watermarks, what to try when
 * there is nothing.
 *
 * Model
 *   A request names an order, a kind of memory and how hard to try. The fast
 *   path pops the CPU's stack of that order and type; everything else starts
 *   when it cannot. Then the node's zonelist is walked: zones of the node from
 *   high to low, then the other nodes, nearest first. In each zone: the stack, the
 *   lists of the type, a whole pageblock of another type, memory that is not
 *   brought up yet, any block of another type. Only when no zone has any above
 *   its low watermark does the request go on: wake kswapd, go down to min, empty
 *   the stacks, run shrinkers, retry.
 *
 * Invariants
 *   ALLOC-1  a zonelist names each of its zones once, own node first, then the nearest,
 *       and none without memory
 *   ALLOC-2  pages of a zone: managed = free + pending + cached + allocated, where
 *       cached is the sum of all CPUs' stacks, those of mm/page/compound.c too
 *   ALLOC-3  no page is on two CPUs' stacks
 *
 * Locking
 *   None is held across a call out. A zone's lock is taken per refill, drain,
 *   or uncached block.
 */

#include "mm/page_alloc.h"

#include "lib/string.h"
#include "mm/page/compact.h"
#include "mm/init.h"
#include "mm/grace.h"
#include "mm/live.h"
#include "mm/page/grow.h"
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

static struct {
	uint64_t nth;		/* 0: not armed */
	uint64_t count;
	bool has_struck;
} injection;

/* ---- Fast paths ---- */

/* What the fast paths end in when they cannot: as tail calls, so the caller stays the caller. */
static struct page *alloc_slow(gfp_t gfp, unsigned order, unsigned nid, uint32_t caller);
static void free_slow(struct page *page, unsigned order);

static inline uint32_t caller_of(void *return_address)
{
	return (uint32_t)(uintptr_t)return_address;
}

#define CALLER	caller_of(__builtin_return_address(0))

static ALWAYS_INLINE struct page_stack *stack_at(size_t offset)
{
	return (struct page_stack *)((uintptr_t)mm_port_cpu_data() + offset);
}

/* Where this CPU's stack of @order that serves @gfp lies. @order has stacks. */
static ALWAYS_INLINE size_t offset_for(unsigned order, gfp_t gfp)
{
	return page_stack_offset(order) + gfp_migratetype(gfp) * (size_t)PAGE_STACK_BYTES;
}

/* Pops a page that was checked when the stack was filled, a moment ago. */
static struct page *pop_fresh(struct page_stack *stack, uint32_t caller)
{
	struct page *page = *stack->top--;

	page_set_state(page, stack->user_state);
	page->caller = caller;
	return page;
}

/*
 * The stack of @order is empty, or its top page is corrupt. A plain refill from
 * a zone that has plenty needs none of the policy.
 */
static NOINLINE struct page *pop_failed(unsigned order, gfp_t gfp)
{
	mm_port_local_state local = mm_port_local_lock();
	struct page_stack *stack = stack_at(offset_for(order, gfp));
	uint32_t caller = CALLER;
	struct page *page = NULL;

	if (stack->zone && page_stack_is_end_mark(*stack->top) && stack->full != stack->slots &&
	    !this_mm_cpu()->is_drain_wanted && zone_has_plenty(stack->zone, order) &&
	    page_stack_refill(stack))
		page = pop_fresh(stack, caller);
	mm_port_local_unlock(local);
	return page ? page : alloc_slow(gfp, order, NID_NONE, caller);
}

/*
 * The stack that @page of @order should go to has no room, or is of other pages
 * and @page may be none to be freed. NOINLINE: the fast path needs no stack frame.
 */
static NOINLINE void push_failed(struct page *page, unsigned order)
{
	free_slow(page, order);
}

struct page *page_stack_pop(size_t offset, gfp_t gfp)
{
	mm_port_local_state local = mm_port_local_lock();
	struct page_stack *stack = stack_at(offset);
	struct page **top = stack->top;
	struct page *page = *top;

	if (unlikely(page_state(page) != stack->cached_state)) {
		mm_port_local_unlock(local);
		return pop_failed(stack->order, gfp);
	}
	stack->top = top - 1;
	page_set_state(page, stack->user_state);
	mm_port_local_unlock(local);
	page->caller = CALLER;
	return page;
}

void page_stack_push(struct page *page, size_t offset)
{
	mm_port_local_state local = mm_port_local_lock();
	struct page_stack *stack = stack_at(offset + pageblock_migratetype(page) *
						     (size_t)PAGE_STACK_BYTES);
	struct page **top = stack->top;

	if (unlikely(page_state(page) != stack->user_state) || unlikely(top == stack->full)) {
		mm_port_local_unlock(local);
		push_failed(page, stack->order);
		return;
	}
	page_set_state(page, stack->cached_state);
	stack->top = top + 1;
	top[1] = page;
	mm_port_local_unlock(local);
}

static struct page *take_listed(struct zone *zone, unsigned order, enum migratetype migratetype)
{
	struct page *page;

	spin_lock(&zone->lock);
	page = buddy_take(zone, order, migratetype);
	if (page)
		page_set_state(page, make_page_state(PAGE_USER, order, zone->index, 1));
	spin_unlock(&zone->lock);
	return page;
}

/*
 * A block of an order without stacks straight from the first zone's lists, while
 * that zone is far from its watermarks: no list of zones, no second try.
 */
static NOINLINE struct page *alloc_uncached(gfp_t gfp, unsigned order, uint32_t caller)
{
	const struct page_stack *stack = stack_at(offset_for(0, gfp));
	struct zone *zone = stack->zone;
	struct page *page;

	if (unlikely(!zone || order > MAX_ORDER || injection.nth != 0 ||
		     !zone_has_plenty(zone, order)))
		return alloc_slow(gfp, order, NID_NONE, caller);
	page = take_listed(zone, order, (enum migratetype)stack->migratetype);
	if (unlikely(!page))
		return alloc_slow(gfp, order, NID_NONE, caller);
	page->caller = caller;
	return page;
}

struct page *alloc_pages_any(gfp_t gfp, unsigned order)
{
	if (unlikely(gfp & GFP_SPECIAL))
		return alloc_slow(gfp, order, NID_NONE, CALLER);
	if (order_has_stack(order))
		return page_stack_pop(offset_for(order, gfp), gfp);
	return alloc_uncached(gfp, order, CALLER);
}

/* The same the other way: nobody else refers to the block and it is of no special kind. */
static NOINLINE void free_uncached(struct page *page, unsigned order)
{
	uint64_t expected = make_page_state(PAGE_USER, order, page->zone_index, 1);
	struct zone *zone;

	if (unlikely(page_state(page) != expected || order > MAX_ORDER)) {
		free_slow(page, order);
		return;
	}
	zone = page_zone(page);
	spin_lock(&zone->lock);
	buddy_free(zone, page, order);
	spin_unlock(&zone->lock);
}

void free_pages_any(struct page *page, unsigned order)
{
	if (order_has_stack(order))
		page_stack_push(page, page_stack_offset(order));
	else
		free_uncached(page, order);
}

struct page *alloc_pages_node(unsigned nid, gfp_t gfp, unsigned order)
{
	const struct mm_cpu *cpu_data = this_mm_cpu();

	if (nid != NID_NONE && nid != cpu_data->nid)
		return alloc_slow(gfp, order, nid, CALLER);
	/* What rests on the stacks is of that one node anyway, unless it has no memory. */
	if ((gfp & GFP_SPECIAL) == __GFP_THISNODE && order_has_stack(order) &&
	    cpu_data->node->node_id == cpu_data->nid)
		return page_stack_pop(page_stack_offset(order) +
				      gfp_migratetype(gfp) * (size_t)PAGE_STACK_BYTES, gfp);
	return alloc_pages_any(gfp, order);
}

/* ---- One zone ---- */

static struct page *pop(struct page_stack *stack)
{
	struct page *page = *stack->top;

	if (page_stack_is_end_mark(page))
		return NULL;
	if (unlikely(page_state(page) != stack->cached_state))
		page_report_corrupt(page);
	stack->top--;
	page_set_state(page, stack->user_state);
	return page;
}

/* From this CPU's stack for @zone, refilled if need be; else from the lists. */
static struct page *take(struct zone *zone, const struct request *request)
{
	mm_port_local_state local = mm_port_local_lock();
	struct page_stack *stack = page_stack_for(zone, request->order, request->migratetype);
	struct page *page = NULL;

	if (!stack)
		page = take_listed(zone, request->order, request->migratetype);
	else if (!page_stack_is_end_mark(*stack->top) || page_stack_refill(stack))
		page = pop(stack);
	mm_port_local_unlock(local);
	return page;
}

static bool steal_locked(struct zone *zone, const struct request *request, enum steal steal)
{
	bool is_stolen;

	spin_lock(&zone->lock);
	is_stolen = pageblock_steal(zone, request->order, request->migratetype, steal);
	spin_unlock(&zone->lock);
	return is_stolen;
}

/* Makes @zone list something for @request that it did not before, cheapest way first. */
static bool provide(struct zone *zone, const struct request *request)
{
	return steal_locked(zone, request, STEAL_WHOLE_PAGEBLOCKS) || zone_grow(zone) ||
	       steal_locked(zone, request, STEAL_ANY);
}

static struct page *take_from_zone(struct zone *zone, const struct request *request)
{
	struct page *page;

	do {
		page = take(zone, request);
	} while (!page && provide(zone, request));
	if (!page && request->gfp & __GFP_HIGH)
		page = take_listed(zone, request->order, MIGRATE_HIGHATOMIC);
	return page;
}

/* ---- The zonelist ---- */

static bool zone_has_room(const struct zone *zone, const struct request *request,
			  enum effort effort)
{
	uint64_t mark = zone->watermark[effort == EFFORT_LOW ? WATERMARK_LOW : WATERMARK_MIN];

	if (effort == EFFORT_ALL)
		return true;
	/* Half of what others must leave is for requests that cannot wait, and so is their reserve. */
	if (effort == EFFORT_RESERVE)
		mark /= 2;
	else
		mark += zone->nr_highatomic_pages;
	return zone_watermark_ok(zone, request->order, mark, request->highest);
}

static struct page *take_from_zonelist(const struct request *request, enum effort effort)
{
	for (uint32_t i = 0; i < request->zonelist->nr_zones; i++) {
		struct zone *zone = request->zonelist->zones[i];
		struct page *page;

		if (zone->type > request->highest || !zone_has_room(zone, request, effort))
			continue;
		page = take_from_zone(zone, request);
		if (page)
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
	}
	return page;
}

/* Memory is there, but in pieces: has movable pages moved away, then tries again. */
static struct page *compact_and_retry(const struct request *request)
{
	uint64_t nr_emptied = 0;

	if (request->order <= COMPACT_ABOVE_ORDER)
		return NULL;
	for (uint32_t i = 0; i < request->zonelist->nr_zones && nr_emptied == 0; i++) {
		struct zone *zone = request->zonelist->zones[i];

		if (zone->type <= request->highest &&
		    zone_has_room(zone, request, hardest_effort(request->gfp)))
			nr_emptied = compact_zone_for_request(zone, request->order);
	}
	return nr_emptied ? take_from_zonelist(request, hardest_effort(request->gfp)) : NULL;
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

/* The last resort: what was set aside for requests that cannot wait serves all. */
static struct page *unreserve_and_retry(const struct request *request)
{
	bool has_more = false;

	for (uint32_t i = 0; i < request->zonelist->nr_zones; i++) {
		struct zone *zone = request->zonelist->zones[i];

		spin_lock(&zone->lock);
		while (pageblock_unreserve_highatomic(zone))
			has_more = true;
		spin_unlock(&zone->lock);
	}
	return has_more ? take_from_zonelist(request, hardest_effort(request->gfp)) : NULL;
}

static struct page *find_with_effort(const struct request *request, struct mm_cpu *cpu_data)
{
	struct page *page = take_from_zonelist(request, hardest_effort(request->gfp));
	/* Owners that move pages and shrinkers may allocate, but not reclaim again. */
	bool may_reclaim = request->gfp & __GFP_DIRECT_RECLAIM && !cpu_data->is_reclaiming;

	if (page && request->order > 0 && request->gfp & __GFP_HIGH)
		reserve_for_the_next(page);
	if (page)
		return page;
	if (may_reclaim) {
		cpu_data->is_reclaiming = true;
		page = compact_and_retry(request);
		if (!page)
			page = reclaim_and_retry(request);
		cpu_data->is_reclaiming = false;
	}
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
	return find_with_effort(request, this_mm_cpu());
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

static bool must_fail(gfp_t gfp)
{
	if (likely(injection.nth == 0) || gfp & __GFP_NOFAIL_INJECTION)
		return false;
	if (++injection.count != injection.nth)
		return false;
	injection.has_struck = true;
	return true;
}

static void obey_drain_request(struct mm_cpu *cpu_data)
{
	if (likely(!__atomic_load_n(&cpu_data->is_drain_wanted, __ATOMIC_RELAXED)))
		return;
	page_stacks_drain(cpu_data);
}

static struct page *alloc_slow(gfp_t gfp, unsigned order, unsigned nid, uint32_t caller)
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

	if (order > MAX_ORDER || must_fail(gfp))
		return NULL;
	ASSERT(request.nid < live.nr_nodes);
	ASSERT(request.migratetype < MIGRATE_PCPTYPES);

	obey_drain_request(cpu_data);
	cpu_data->nr_slow++;
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
	page->flags = 0;
	if (gfp & __GFP_ZERO)
		page_zero(page, order);
	if (gfp & __GFP_COMP && order > 0)
		page_make_compound(page, order);
	return page;
}

struct page *alloc_pages_before_cpu(unsigned nid, unsigned order)
{
	struct request request = {
		.gfp = GFP_NOWAIT,
		.order = order,
		.migratetype = MIGRATE_UNMOVABLE,
		.highest = ZONE_NORMAL,
		.nid = nid,
		.zonelist = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK],
	};
	struct page *page = order > MAX_ORDER ? NULL : take_from_zonelist(&request, EFFORT_RESERVE);

	if (page)
		page->caller = CALLER;
	return page;
}

/* ---- Freeing ---- */

/* Gives the block back to a stack of this CPU or to its zone. Nobody refers to it. */
static void give_back(struct page *page, unsigned order)
{
	struct zone *zone = page_zone(page);
	mm_port_local_state local = mm_port_local_lock();
	enum migratetype migratetype = pageblock_migratetype(page);
	struct page_stack *stack = NULL;

	if (migratetype < MIGRATE_PCPTYPES)
		stack = page_stack_for(zone, order, migratetype);
	if (stack) {
		if (stack->top == stack->full)
			page_stack_drain_batch(stack);
		page_set_state(page, stack->cached_state);
		*++stack->top = page;
	} else {
		spin_lock(&zone->lock);
		buddy_free(zone, page, order);
		spin_unlock(&zone->lock);
	}
	mm_port_local_unlock(local);
}

/* The first page has other users: they keep it, the rest goes. */
static void give_back_rest(struct page *page, unsigned order)
{
	while (order-- > 0) {
		struct page *rest = page + pages_in(order);

		page_set_state(rest, make_page_state(PAGE_USER, order, page->zone_index, 1));
		give_back(rest, order);
	}
}

static void release(struct page *page)
{
	unsigned order = page->order;

	page->owner = 0;
	if (page->flags & PAGE_COMPOUND)
		page_clear_compound(page);
	give_back(page, order);
}

/*
 * Drops a reference to a plain block; when others remain, what they keep is a
 * single page from that same moment on: the last of them may go at once, and
 * must not find the block's old order. Returns how many remain.
 */
static uint32_t drop_plain(struct page *page)
{
	uint64_t state = page_state(page);
	struct page seen;
	uint32_t nr_left;

	do {
		seen.state = state;
		nr_left = seen.refcount - 1;
	} while (!__atomic_compare_exchange_n(&page->state, &state,
					      make_page_state((enum page_type)seen.type,
							      nr_left ? 0 : seen.order,
							      seen.zone_index, nr_left),
					      false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return nr_left;
}

static void free_slow(struct page *page, unsigned order)
{
	if (unlikely(!page_may_be_freed(page, order)))
		page_report_bad_free(page, order);
	obey_drain_request(this_mm_cpu());
	/* A compound page stays whole, so what its order is need not be asked before. */
	if (page->flags & PAGE_COMPOUND)
		put_page(page);
	else if (drop_plain(page) == 0)
		release(page);
	else
		give_back_rest(page, order);
}

void get_page(struct page *page)
{
	struct page *head = compound_head(page);

	ASSERT(head->refcount != 0);
	__atomic_fetch_add(&head->refcount, 1, __ATOMIC_RELAXED);
}

void put_page(struct page *page)
{
	struct page *head = compound_head(page);

	if (unlikely(!page_may_be_freed(head, head->order)))
		page_report_bad_free(head, head->order);
	if (__atomic_sub_fetch(&head->refcount, 1, __ATOMIC_ACQ_REL) == 0)
		release(head);
}

/* ---- Many at once, and by address ---- */

/* Takes up to @nr pages that rest on @stack. */
static ALWAYS_INLINE unsigned pop_many(struct page_stack *stack, unsigned nr, struct page **pages,
				       uint32_t caller)
{
	uint64_t cached_state = stack->cached_state;
	uint64_t user_state = stack->user_state;
	struct page **top = stack->top;
	struct page **to = pages;
	struct page **end = pages + nr;

	for (; to < end; to++) {
		struct page *page = *top;

		if (unlikely(page_state(page) != cached_state))
			break;
		page_set_state(page, user_state);
		page->caller = caller;
		*to = page;
		top--;
	}
	stack->top = top;
	return (unsigned)(to - pages);
}

unsigned alloc_pages_bulk(gfp_t gfp, unsigned nid, unsigned nr_pages, struct page **pages)
{
	bool is_simple = !(gfp & GFP_SPECIAL) && (nid == NID_NONE || nid == this_mm_cpu()->nid);
	unsigned nr_taken = 0;

	while (nr_taken < nr_pages) {
		struct page *page;

		if (is_simple) {
			mm_port_local_state local = mm_port_local_lock();

			nr_taken += pop_many(stack_at(offset_for(0, gfp)), nr_pages - nr_taken,
					     pages + nr_taken, CALLER);
			mm_port_local_unlock(local);
			if (nr_taken == nr_pages)
				break;
		}
		page = alloc_slow(gfp, 0, nid, CALLER);
		if (!page)
			break;
		pages[nr_taken++] = page;
	}
	return nr_taken;
}

void free_pages_bulk(unsigned nr_pages, struct page **pages)
{
	for (unsigned i = 0; i < nr_pages; i++)
		page_stack_push(pages[i], page_stack_offset(0));
}

uintptr_t __get_free_pages(gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(gfp, order);

	return page ? (uintptr_t)page_address(page) : 0;
}

void free_pages(uintptr_t va, unsigned order)
{
	free_pages_any(virt_to_page((const void *)va), order);
}

/* ---- Stacks of all CPUs ---- */

void drain_all_pages(void)
{
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++) {
		struct mm_cpu *cpu_data = __atomic_load_n(&live.cpus[cpu], __ATOMIC_ACQUIRE);

		if (cpu_data && cpu_data != this_mm_cpu())
			__atomic_store_n(&cpu_data->is_drain_wanted, true, __ATOMIC_RELAXED);
	}
	page_stacks_drain(this_mm_cpu());
}

void mm_cpu_idle(void)
{
	struct mm_cpu *cpu_data = this_mm_cpu();

	if (cpu_data)
		obey_drain_request(cpu_data);
	grace_note_quiescent();
}

/* ---- Failure injection ---- */

void mm_fail_nth(uint64_t nth)
{
	injection.nth = nth;
	injection.count = 0;
	injection.has_struck = false;
	/* With the stacks closed every request passes must_fail(): the fast path need not ask. */
	page_stacks_set_closed(this_mm_cpu(), nth != 0);
}

uint64_t mm_fail_nth_count(void)
{
	return injection.count;
}

bool mm_fail_nth_struck(void)
{
	return injection.has_struck;
}

/* ---- The machine ---- */

unsigned numa_node_id(void)
{
	return this_mm_cpu()->nid;
}

unsigned nr_node_ids(void)
{
	return live.nr_nodes;
}

unsigned nr_cpu_ids(void)
{
	return live.nr_cpus;
}

bool node_has_memory(unsigned nid)
{
	return node_data(nid)->node_present_pages != 0;
}

unsigned cpu_to_node(unsigned cpu)
{
	return live.topology.cpus[cpu].nid;
}

unsigned node_distance(unsigned from_nid, unsigned to_nid)
{
	return topology_distance(&live.topology, from_nid, to_nid);
}
