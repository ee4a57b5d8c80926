/*
 * The ways into the page allocator: what an ordinary request costs.
 *
 * Model
 *   A request of an order with stacks pops this CPU's stack of that order and type, and
 *   freeing pushes there: page->state proves in one comparison that the block is in
 *   order. A request for another order takes a block from the lists of the CPU's
 *   first zone while that has plenty. Whatever is not ordinary, an empty or full
 *   stack, another node, special flags, another user, goes the slow way: to
 *   mm/page/page_alloc.c for a block, to mm/page/page_free.c with one. Those are tail
 *   calls, so that the caller stays the caller and the fast paths need no stack frame.
 *
 * Locking
 *   The local lock around the use of a stack, the zone's for a block without stacks.
 */

#include "mm/page_alloc.h"

#include "lib/align.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/drain.h"
#include "mm/page/inject.h"
#include "mm/page/noted.h"
#include "mm/page/page_slow.h"

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

/*
 * The stack of @order is empty, or its top page is corrupt. A plain refill from
 * a zone that has plenty needs none of the policy.
 */
static NOINLINE struct page *pop_failed(unsigned order, gfp_t gfp)
{
	struct mm_local local = mm_port_local_lock();
	struct page_stack *stack = stack_at(offset_for(order, gfp));
	uint32_t caller = CALLER;
	struct page *page = NULL;

	if (stack->zone && !drain_is_wanted(this_mm_cpu()) &&
	    zone_has_plenty(stack->zone, order) && page_stack_refill(stack, local))
		page = page_stack_pop_or_report(stack, local);
	mm_port_local_unlock(local);
	if (unlikely(!page))
		return alloc_pages_slow(gfp, order, NID_NONE, caller);
	page->caller = caller;
	return page;
}

/*
 * The stack that @page of @order should go to has no room, or is of other pages
 * and @page may be none to be freed. A full one makes room, which needs none of the
 * policy. NOINLINE: the fast path needs no stack frame.
 */
static NOINLINE void push_failed(struct page *page, unsigned order)
{
	struct mm_local local = mm_port_local_lock();
	struct page_stack *stack = stack_at(page_stack_offset(order) + pageblock_migratetype(page) *
								       (size_t)PAGE_STACK_BYTES);
	bool is_pushed = stack->top == stack->full && !drain_is_wanted(this_mm_cpu()) &&
			 page_stack_drain_batch(stack, local) &&
			 page_stack_push(stack, page, local);

	mm_port_local_unlock(local);
	if (unlikely(!is_pushed))
		free_pages_slow(page, order);
}

struct page *alloc_from_stack(size_t offset, gfp_t gfp)
{
	struct mm_local local = mm_port_local_lock();
	struct page_stack *stack = stack_at(offset);
	struct page *page;

	if (unlikely(!page_stack_pop(stack, &page, local))) {
		mm_port_local_unlock(local);
		return pop_failed(stack->order, gfp);
	}
	mm_port_local_unlock(local);
	page->caller = CALLER;
	return page;
}

void free_to_stack(struct page *page, size_t offset)
{
	struct mm_local local = mm_port_local_lock();
	struct page_stack *stack = stack_at(offset + pageblock_migratetype(page) *
						     (size_t)PAGE_STACK_BYTES);

	if (unlikely(!page_stack_push(stack, page, local))) {
		mm_port_local_unlock(local);
		push_failed(page, stack->order);
		return;
	}
	mm_port_local_unlock(local);
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

	if (unlikely(!zone || order > mm_plain_order_max || inject_is_armed() ||
		     !zone_has_plenty(zone, order)))
		return alloc_pages_slow(gfp, order, NID_NONE, caller);
	page = zone_take_listed(zone, order, (enum migratetype)stack->migratetype);
	if (unlikely(!page))
		return alloc_pages_slow(gfp, order, NID_NONE, caller);
	page->caller = caller;
	return page;
}

struct page *alloc_pages_any(gfp_t gfp, unsigned order)
{
	DEBUG_ASSERT(!mm_port_is_local_locked());
	if (unlikely(gfp & GFP_SPECIAL))
		return alloc_pages_slow(gfp, order, NID_NONE, CALLER);
	if (order_has_stack(order))
		return alloc_from_stack(offset_for(order, gfp), gfp);
	return alloc_uncached(gfp, order, CALLER);
}

/* The same the other way: nobody else refers to the block and it is of no special kind. */
static NOINLINE void free_uncached(struct page *page, unsigned order)
{
	uint64_t expected = make_page_state(PAGE_USER, order, page->zone_index, 1);
	struct zone *zone;

	if (unlikely(page_state(page) != expected || order > mm_plain_order_max)) {
		free_pages_slow(page, order);
		return;
	}
	zone = page_zone(page);
	spin_lock(&zone->lock);
	zone_give(zone, page, order);
	spin_unlock(&zone->lock);
}

void free_pages_any(struct page *page, unsigned order)
{
	if (order_has_stack(order))
		free_to_stack(page, page_stack_offset(order));
	else
		free_uncached(page, order);
}

struct page *alloc_pages_node(unsigned nid, gfp_t gfp, unsigned order)
{
	const struct mm_cpu *cpu_data = this_mm_cpu();

	if (nid != NID_NONE && nid != cpu_data->nid)
		return alloc_pages_slow(gfp, order, nid, CALLER);
	/* What rests on the stacks is of that one node anyway, unless it has no memory. */
	if ((gfp & GFP_SPECIAL) == __GFP_THISNODE && order_has_stack(order) &&
	    cpu_data->node->node_id == cpu_data->nid)
		return alloc_from_stack(page_stack_offset(order) +
					gfp_migratetype(gfp) * (size_t)PAGE_STACK_BYTES, gfp);
	return alloc_pages_any(gfp, order);
}

/* ---- Many at once, and by address ---- */

/* Takes up to @nr pages that rest on @stack. */
static ALWAYS_INLINE unsigned pop_many(struct page_stack *stack, unsigned nr, struct page **pages,
				       uint32_t caller, struct mm_local local)
{
	uint64_t cached_state = stack->cached_state;
	uint64_t user_state = stack->user_state;
	struct page **top = stack->top;
	struct page **to = pages;
	struct page **end = pages + nr;
	struct page *page;

	while (to < end && page_stack_step_down(&top, &page, cached_state, user_state, local)) {
		page->caller = caller;
		*to++ = page;
	}
	page_stack_set_top(stack, top, local);
	return (unsigned)(to - pages);
}

unsigned alloc_pages_bulk(gfp_t gfp, unsigned nid, unsigned nr_pages, struct page **pages)
{
	bool is_simple = !(gfp & GFP_SPECIAL) && (nid == NID_NONE || nid == this_mm_cpu()->nid);
	unsigned nr_taken = 0;

	while (nr_taken < nr_pages) {
		unsigned nr_wanted = (unsigned)min_u64(nr_pages - nr_taken, MAX_POPS_AT_ONCE);
		struct page *page;

		if (is_simple) {
			struct mm_local local = mm_port_local_lock();
			unsigned nr = pop_many(stack_at(offset_for(0, gfp)), nr_wanted,
					       pages + nr_taken, CALLER, local);

			mm_port_local_unlock(local);
			nr_taken += nr;
			if (nr == nr_wanted)
				continue;
		}
		page = alloc_pages_slow(gfp, 0, nid, CALLER);
		if (!page)
			break;
		pages[nr_taken++] = page;
	}
	return nr_taken;
}

void free_pages_bulk(unsigned nr_pages, struct page **pages)
{
	for (unsigned i = 0; i < nr_pages; i++)
		free_to_stack(pages[i], page_stack_offset(0));
}

uintptr_t __get_free_pages(gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(gfp, order);

	return page ? (uintptr_t)page_address(page) : 0;
}

void free_pages(uintptr_t va, unsigned order)
{
	if (va != 0)
		free_pages_any(virt_to_page((const void *)va), order);
}
