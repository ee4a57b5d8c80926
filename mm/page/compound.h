#ifndef MM_COMPOUND_H
#define MM_COMPOUND_H

/*
 * Large blocks: compound pages of type PAGE_LARGE, for kmalloc; those of a few
 * orders are kept ready-made. See mm/page/compound.c. The part that is worth inlining
 * stands here. Context: as mm/page_alloc.h.
 */

#include "mm/page_alloc.h"
#include "mm/page/page_stack.h"

/* This CPU's stack of ready-made blocks at @offset among them. */
static ALWAYS_INLINE struct page_stack *large_stack_at(size_t offset)
{
	return (struct page_stack *)((uintptr_t)&this_mm_cpu()->large + offset);
}

/* A ready-made block from the stack at @offset, for @caller; NULL when it gives none. */
static ALWAYS_INLINE struct page *large_pop(size_t offset, const void *caller)
{
	struct mm_local local = mm_port_local_lock();
	struct page *page;

	if (unlikely(!page_stack_pop(large_stack_at(offset), &page, local))) {
		mm_port_local_unlock(local);
		return NULL;
	}
	mm_port_local_unlock(local);
	page->caller = (uint32_t)(uintptr_t)caller;
	return page;
}

/*
 * Lays the block that @page heads to rest, made as it is. False, and nothing has
 * changed, when @page heads no large block of this CPU's first zone that only
 * the caller refers to, or when there is no room.
 */
static ALWAYS_INLINE bool large_push(struct page *page)
{
	unsigned index = (unsigned)page->order - LARGE_ORDER_MIN;
	struct mm_local local;
	bool is_pushed;

	if (unlikely(index >= NR_LARGE_ORDERS))
		return false;
	local = mm_port_local_lock();
	is_pushed = page_stack_push(&this_mm_cpu()->large[index][pageblock_migratetype(page)],
				    page, local);
	mm_port_local_unlock(local);
	return is_pushed;
}

/*
 * Allocates a large block of @order, at least 1, for @caller, as
 * alloc_pages_node() would: from a stack of ready-made ones if it can.
 */
struct page *large_alloc(gfp_t gfp, unsigned order, unsigned nid, const void *caller);

/*
 * Drops the caller's reference to the large block that @page heads, for which
 * large_push() had no place: the last one unmakes it and gives it back.
 */
void large_give_back(struct page *page);

/* Pages of @zone in allocated large blocks. Exact when no CPU allocates or frees one. */
uint64_t large_pages_in_use(const struct zone *zone);

#endif
