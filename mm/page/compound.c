/*
 * Large blocks: what kmalloc gives beyond its size caches.
 *
 * Model
 *   A large block is a compound page of type PAGE_LARGE: its tails lead to the
 *   head and the head knows the order, so that an address is all that kfree()
 *   needs. To make one of a plain block, and to unmake it, writes every tail. So
 *   blocks of orders 2 to 4 stay made when they are freed: each CPU has stacks of
 *   them (struct mm_cpu, `large`) above those of plain blocks, for its first
 *   zone, by order and migratetype. At rest the head is PAGE_CACHED_LARGE without
 *   references, and the tails still lead to it.
 *
 *   Pop and push are those of mm/page/page_stack.c: one comparison of the head's state finds
 *   a second free, another user's reference, another zone and a write to a
 *   resting head. An empty stack is not refilled: a plain block is asked for and
 *   made. A block that a full or closed stack refuses is unmade and freed as a
 *   plain one, and so is one of another zone or type of pageblock.
 *
 *   zone->nr_type_pages[PAGE_LARGE] counts the blocks that are made, resting
 *   ones too: the counter, which CPUs share, moves only when one is made or
 *   unmade. Those in use are the ones that do not rest on any CPU.
 *
 * Invariants
 *   Checked where what they are about is checked: STACK-2 and STACK-6 of resting
 *   blocks, PAGE-1 and PAGE-2 of allocated ones, ZONE-7 and SYSTEM-1 of their numbers.
 *
 * Locking
 *   mm_port_local_lock() around the use of a stack, as in mm/page/page_alloc.c.
 *
 * Cost
 *   One line of the stack, one of its slots, the head and the first page of its
 *   pageblock; no tail.
 */

#include "mm/page/compound.h"

#include "mm/live.h"
#include "mm/page/page_state.h"

_Static_assert(LARGE_ORDER_MAX <= STACK_LOW_ORDER_MAX, "sized by the plain stack of the order");

static bool order_is_ready_made(unsigned order)
{
	return order >= LARGE_ORDER_MIN && order <= LARGE_ORDER_MAX;
}

/* Panics when it was for another reason than being empty that the stack gave nothing. */
static void check_empty(size_t offset)
{
	struct mm_local local = mm_port_local_lock();
	const struct page_stack *stack = large_stack_at(offset);
	struct page *page = page_stack_shown(stack);
	bool is_sound = page_stack_is_end_mark(page) || page_state(page) == stack->cached_state;

	mm_port_local_unlock(local);
	if (unlikely(!is_sound))
		page_report_corrupt(page);
}

/* A ready-made block for such a request, or NULL. */
static struct page *take_ready(gfp_t gfp, unsigned order, unsigned nid, const void *caller)
{
	size_t offset;
	struct page *page;

	if (!order_is_ready_made(order) || (gfp & GFP_SPECIAL) ||
	    (nid != NID_NONE && nid != this_mm_cpu()->nid))
		return NULL;
	offset = large_stack_offset(order) + gfp_migratetype(gfp) * (size_t)PAGE_STACK_BYTES;
	page = large_pop(offset, caller);
	if (!page)
		check_empty(offset);
	return page;
}

struct page *large_alloc(gfp_t gfp, unsigned order, unsigned nid, const void *caller)
{
	gfp_t plain_gfp = gfp & ~(__GFP_COMP | __GFP_ZERO);
	struct page *page = take_ready(plain_gfp, order, nid, caller);

	if (!page) {
		page = alloc_pages_node(nid, plain_gfp, order);
		if (!page)
			return NULL;
		page_make_large(page);
		page->caller = (uint32_t)(uintptr_t)caller;
	}
	if (gfp & __GFP_ZERO)
		page_zero(page, order);
	return page;
}

void large_give_back(struct page *page)
{
	unsigned order = page->order;

	if (unlikely(!page_unmake_large(page)))
		page_set_type(page, PAGE_HEAD);	/* others hold it: it goes whole, at the last put */
	free_pages_any(page, order);
}

uint64_t large_pages_in_use(const struct zone *zone)
{
	uint64_t nr_pages = __atomic_load_n(&zone->nr_type_pages[PAGE_LARGE], __ATOMIC_RELAXED);

	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		if (live.cpus[cpu])
			nr_pages -= page_stacks_large_pages(live.cpus[cpu], zone);
	return nr_pages;
}
