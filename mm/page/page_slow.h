#ifndef MM_PAGE_SLOW_H
#define MM_PAGE_SLOW_H

/*
 * What the fast paths (mm/page/page_fast.c) end in when they cannot.
 *
 * Context: as mm/page_alloc.h. No lock held.
 */

#include "mm/page_alloc.h"
#include "mm/page/page_stack.h"

/* Any request: @nid or NID_NONE, any @order and @gfp. See mm/page/page_alloc.c. */
struct page *alloc_pages_slow(gfp_t gfp, unsigned order, unsigned nid, uint32_t caller);

/* A block in use, of 2^@order pages that @zone lists under @migratetype, or NULL. */
struct page *zone_take_listed(struct zone *zone, unsigned order, enum migratetype migratetype);

/* Drops a reference to a block of @order, whatever it is. See mm/page/page_free.c. */
void free_pages_slow(struct page *page, unsigned order);

#endif
