#ifndef MM_BULK_H
#define MM_BULK_H

/*
 * Single pages of one type, many at once; the part that is worth inlining. See
 * mm/page/bulk.c. Context: as mm/page_alloc.h.
 */

#include "mm/page_alloc.h"
#include "mm/page/page_stack.h"

/* page->state of an allocated plain block, with another type. */
static inline uint64_t state_with_type(uint64_t user_state, enum page_type type)
{
	return user_state ^ make_page_state(PAGE_USER, 0, 0, 0) ^ make_page_state(type, 0, 0, 0);
}

/* This CPU's stack of single pages that unrestricted requests use. */
static ALWAYS_INLINE struct page_stack *typed_stack(enum migratetype migratetype)
{
	return &this_mm_cpu()->stacks[0][0][migratetype];
}

/* Whether that stack may serve such a request. */
static ALWAYS_INLINE bool typed_is_simple(gfp_t gfp, unsigned nid)
{
	return !(gfp & (GFP_SPECIAL | __GFP_THISNODE)) &&
	       (nid == NID_NONE || nid == this_mm_cpu()->nid);
}

/* As many of @nr_pages, at least 1 and at most MAX_POPS_AT_ONCE, as rest on the stack. */
static ALWAYS_INLINE unsigned typed_pop(gfp_t gfp, unsigned nr_pages, struct page **pages,
					enum page_type type, const void *caller)
{
	struct mm_local local = mm_port_local_lock();
	struct page_stack *stack = typed_stack(gfp_migratetype(gfp));
	uint64_t cached_state = stack->cached_state;
	uint64_t typed_state = state_with_type(stack->user_state, type);
	struct page **first = stack->top;
	struct page **end = first - nr_pages;
	struct page **top = first;
	struct page *page;

	while (top != end && page_stack_step_down(&top, &page, cached_state, typed_state, local)) {
		page->caller = (uint32_t)(uintptr_t)caller;
		*pages++ = page;
	}
	if (likely(top != first)) {
		page_stack_set_top(stack, top, local);
		__atomic_fetch_add(&stack->zone->nr_type_pages[type], (uint64_t)(first - top),
				   __ATOMIC_RELAXED);
	}
	mm_port_local_unlock(local);
	return (unsigned)(first - top);
}

/* The rest of a request of which @nr_taken pages are there already. */
unsigned alloc_rest_typed(gfp_t gfp, unsigned nid, unsigned nr_pages, struct page **pages,
			  enum page_type type, unsigned nr_taken);

/*
 * Allocates up to @nr_pages single pages, at least 1, that are of @type at once.
 * Returns how many it got: fewer only when memory ran out.
 */
static ALWAYS_INLINE unsigned alloc_pages_typed(gfp_t gfp, unsigned nid, unsigned nr_pages,
						struct page **pages, enum page_type type,
						const void *caller)
{
	unsigned nr_taken = 0;

	if (likely(nr_pages <= MAX_POPS_AT_ONCE) && likely(typed_is_simple(gfp, nid))) {
		nr_taken = typed_pop(gfp, nr_pages, pages, type, caller);
		if (likely(nr_taken == nr_pages))
			return nr_taken;
	}
	return alloc_rest_typed(gfp, nid, nr_pages, pages, type, nr_taken);
}

/* Frees @nr_pages single pages that are of @type and have one user. */
void free_pages_typed(unsigned nr_pages, struct page **pages, enum page_type type);

#endif
