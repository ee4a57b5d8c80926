/*
 * Single pages of one type, many at once: allocated, marked and counted in one
 * pass over them, and given back the same way.
 *
 * Model
 *   A page of type T is allocated with page_set_type(T) and freed after
 *   page_set_type(PAGE_USER). Done page by page that costs more than the
 *   allocation. Here the page goes from this CPU's stack to its final state, and
 *   back, with one compare and one store; the zone's counter of the type moves
 *   once for all of them. The compare is the same check that a single
 *   allocation or free makes: type, order, references and zone at once.
 *
 *   What the stack of the CPU's own first zone does not serve takes the way of
 *   single pages.
 *
 * Locking
 *   mm_port_local_lock() around the use of a stack, as in mm/page/page_alloc.c.
 */

#include "mm/page/bulk.h"

#include "lib/align.h"

/* As many as the stack has, a page the long way, which refills it, and so on. */
unsigned alloc_rest_typed(gfp_t gfp, unsigned nid, unsigned nr_pages, struct page **pages,
			  enum page_type type, unsigned nr_taken)
{
	const void *caller = __builtin_return_address(0);

	while (nr_taken < nr_pages) {
		unsigned nr_wanted = (unsigned)min_u64(nr_pages - nr_taken, MAX_POPS_AT_ONCE);
		struct page *page;

		if (typed_is_simple(gfp, nid)) {
			unsigned nr = typed_pop(gfp, nr_wanted, pages + nr_taken, type, caller);

			nr_taken += nr;
			if (nr == nr_wanted)
				continue;
		}
		page = alloc_pages_node(nid, gfp, 0);
		if (!page)
			break;
		page_set_type(page, type);
		pages[nr_taken++] = page;
	}
	return nr_taken;
}

/* Pushes the first of @pages that belong on one stack and fit; how many. */
static unsigned push_typed(unsigned nr_pages, struct page **pages, enum page_type type)
{
	struct mm_local local = mm_port_local_lock();
	struct page *pageblock = pageblock_of(pages[0]);
	enum migratetype migratetype = pageblock_migratetype(pageblock);
	struct page_stack *stack = typed_stack(migratetype);
	uint64_t cached_state = stack->cached_state;
	uint64_t typed_state = state_with_type(stack->user_state, type);
	struct page **top = stack->top;
	uint64_t nr_places = (uint64_t)(stack->full - top);
	uint64_t nr = nr_pages < nr_places ? nr_pages : nr_places;
	uint64_t i;

	for (i = 0; i != nr; i++) {
		struct page *page = pages[i];

		if (unlikely(pageblock_of(page) != pageblock)) {
			if (pageblock_migratetype(page) != migratetype)
				break;
			pageblock = pageblock_of(page);
		}
		if (!page_stack_step_up(&top, page, typed_state, cached_state, local))
			break;
	}
	page_stack_set_top(stack, top, local);
	if (i)
		__atomic_fetch_sub(&stack->zone->nr_type_pages[type], i, __ATOMIC_RELAXED);
	mm_port_local_unlock(local);
	return (unsigned)i;
}

void free_pages_typed(unsigned nr_pages, struct page **pages, enum page_type type)
{
	for (unsigned i = 0; i < nr_pages;) {
		i += push_typed(nr_pages - i, pages + i, type);
		if (i == nr_pages)
			return;
		/* A full stack, another zone, other users: the long way sorts it out. */
		ASSERT(pages[i]->type == type);
		page_set_type(pages[i], PAGE_USER);
		__free_page(pages[i++]);
	}
}
