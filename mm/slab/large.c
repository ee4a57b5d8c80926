/*
 * Requests beyond the classes: whole pages, and what kfree() is given that is no slab's.
 *
 * A block is a compound page (mm/page/compound.c), whose order is in its struct page; some
 * orders are kept ready-made on each CPU.
 */

#include "mm/slab/large.h"

#include "lib/align.h"
#include "mm/kmalloc.h"
#include "mm/page/shown.h"
#include "mm/slab/debug/guard.h"
#include "mm/slab/debug/report.h"

/* ---- Allocating ---- */

void *kmalloc_large(size_t size_bytes, gfp_t gfp, unsigned nid, const void *caller)
{
	struct page *page;

	if (size_bytes == 0)
		return ZERO_SIZE_PTR;
	/* It stays where it is, and large_alloc() says itself that it is compound. */
	gfp &= ~(__GFP_MOVABLE | __GFP_COMP);
	/* NULL too for what is larger than any block. */
	page = large_alloc(gfp, order_for_pages(bytes_to_pages(size_bytes)), nid, caller);
	return page ? page_address(page) : NULL;
}

void *kmalloc_ready(size_t offset, gfp_t gfp)
{
	const void *caller = __builtin_return_address(0);
	struct page *page = large_pop(offset, caller);

	if (likely(page != NULL))
		return page_address(page);
	return kmalloc_large(PAGE_SIZE << large_stack_at(offset)->order, gfp, NID_NONE, caller);
}

/* ---- Freeing ---- */

bool is_kmalloc_large(const void *object)
{
	return has_page(object) &&
		is_aligned((uintptr_t)object, PAGE_SIZE) &&
		virt_to_page(object)->type == PAGE_LARGE;
}

/* What no stack of ready-made blocks takes: another order's, node's or kind's, or no block. */
static NOINLINE void free_large(const void *object, const void *caller)
{
	if (ZERO_OR_NULL_PTR(object))
		return;
	if (unlikely(!is_kmalloc_large(object))) {
		if (guard_free(NULL, object, caller))
			return;
		slab_report_bad_free(object, caller);
	}
	large_give_back(virt_to_page(object));
}

void kfree_large(const void *object, const void *caller)
{
	if (unlikely(!has_page(object)) ||
	    unlikely(!is_aligned((uintptr_t)object, PAGE_SIZE)) ||
	    unlikely(!large_push(virt_to_page(object))))
		free_large(object, caller);
}
