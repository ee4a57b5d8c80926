/*
 * Runs of single pages: what a block of a power of two is too large for.
 *
 * Model
 *   A plain block becomes as many single pages, each with a reference of its own, and
 *   the pages behind the wanted ones go back at once. Every page can then be freed, or
 *   given to somebody else, alone.
 *
 * Locking
 *   None: the block is the caller's alone.
 */

#include "mm/page_alloc.h"

#include "mm/live.h"
#include "mm/page/page_state.h"

void split_page(struct page *page, unsigned order)
{
	/* Of a block with a noted page all pages go the slow way back. */
	uint32_t refcount = 1 | (page->refcount & PAGE_NOTED);
	uint64_t state = make_page_state(PAGE_USER, 0, page->zone_index, refcount);

	ASSERT(page_state(page) == make_page_state(PAGE_USER, order, page->zone_index, refcount));

	for (struct page *at = page; at < page + pages_in(order); at++) {
		at->owner = 0;
		at->flags = 0;
		at->caller = page->caller;
		page_set_state(at, state);
	}
}

static void free_singles(struct page *page, uint64_t nr_pages)
{
	for (uint64_t i = 0; i < nr_pages; i++)
		__free_page(page + i);
}

/* @caller: whom reports name as the one who asked. */
static void *alloc_exact(unsigned nid, size_t size, gfp_t gfp, const void *caller)
{
	uint64_t nr_pages = bytes_to_pages(size);
	struct page *page;
	unsigned order;

	ASSERT(!(gfp & __GFP_COMP));
	if (nr_pages == 0)
		return NULL;
	order = order_for_pages(nr_pages);	/* one above MAX_ORDER is refused as any such is */
	page = alloc_pages_node(nid, gfp, order);
	if (!page)
		return NULL;
	split_page(page, order);
	free_singles(page + nr_pages, pages_in(order) - nr_pages);
	for (uint64_t i = 0; i < nr_pages; i++)
		page[i].caller = (uint32_t)(uintptr_t)caller;
	return page_address(page);
}

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	return alloc_exact(NID_NONE, size, gfp, __builtin_return_address(0));
}

void *alloc_pages_exact_nid(unsigned nid, size_t size, gfp_t gfp)
{
	return alloc_exact(nid, size, gfp, __builtin_return_address(0));
}

void free_pages_exact(void *at, size_t size)
{
	if (at)
		free_singles(virt_to_page(at), bytes_to_pages(size));
}
