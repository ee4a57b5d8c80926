#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

/*
 * Whole pages, in blocks of 2^order, order 0 to MAX_ORDER.
 *
 * Context: any CPU that mm knows, not in an exception or interrupt handler, no
 * allocator lock held. Nothing here sleeps; GFP flags with
 * __GFP_DIRECT_RECLAIM may run shrinkers.
 */

#include "mm/gfp.h"
#include "mm/page.h"

/*
 * Allocates 2^@order pages whose first pfn is a multiple of 2^@order, from the
 * current CPU's node or, in order of distance, the others.
 *
 * Returns the first page, with refcount 1 and type PAGE_USER, or NULL when no
 * allowed zone has such a block. With __GFP_COMP the block is a compound page;
 * with __GFP_ZERO its bytes are 0. @order beyond MAX_ORDER returns NULL.
 */
struct page *alloc_pages(gfp_t gfp, unsigned order);

/* As alloc_pages() with the zonelist of node @nid; NID_NONE: the current node's. */
struct page *alloc_pages_node(unsigned nid, gfp_t gfp, unsigned order);

/*
 * Gives a block back when the last reference goes. @order is the order it was
 * allocated with. A free page, a tail, another order, a reserved page: panic
 * with a report. NULL is not allowed.
 */
void __free_pages(struct page *page, unsigned order);

/*
 * Allocates up to @nr_pages single pages to @pages[]. Returns how many it got:
 * fewer than asked only when memory ran out.
 */
unsigned alloc_pages_bulk(gfp_t gfp, unsigned nid, unsigned nr_pages, struct page **pages);

/* Frees @nr_pages single pages. */
void free_pages_bulk(unsigned nr_pages, struct page **pages);

/* By direct-map address; 0 for failure, as in Linux. */
uintptr_t __get_free_pages(gfp_t gfp, unsigned order);
void free_pages(uintptr_t va, unsigned order);

static inline struct page *alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}

static inline void __free_page(struct page *page)
{
	__free_pages(page, 0);
}

void get_page(struct page *page);
void put_page(struct page *page);

/*
 * Says what an allocated block is for, so that the ledger and reports can tell:
 * PAGE_USER becomes @type, or back. Of the block's first page.
 */
void page_set_type(struct page *page, enum page_type type);

/* The node of @page, and the current CPU's. */
unsigned page_to_nid(const struct page *page);
unsigned numa_node_id(void);

#endif
