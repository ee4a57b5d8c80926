#ifndef MM_PAGE_SLOW_H
#define MM_PAGE_SLOW_H

/*
 * What the fast paths (mm/page/page_fast.c) end in when they cannot.
 *
 * Context: as mm/page_alloc.h. No lock held.
 */

#include "mm/page_alloc.h"
#include "mm/page/page_stack.h"

/* In mm's word of a thread (mm/port.h): its own requests do not reclaim again. */
#define THREAD_RECLAIMS		0x1u

/* Any request: @nid or NID_NONE, any @order and @gfp. See mm/page/page_alloc.c. */
struct page *alloc_pages_slow(gfp_t gfp, unsigned order, unsigned nid, uint32_t caller);

/* A block in use, of 2^@order pages that @zone lists under @migratetype, or NULL. */
struct page *zone_take_listed(struct zone *zone, unsigned order, enum migratetype migratetype);

/*
 * A block that a movable one of @order in @zone may move to: of that zone's type or
 * a lower one, since its owner may have asked for memory that low, of its node
 * first. Never dips into reserves. Type PAGE_USER; NULL: there is none.
 */
struct page *alloc_pages_for_move(struct zone *zone, unsigned order);

/*
 * Moves what is in the block that @page of @zone heads elsewhere, with its owner's help; the
 * block goes to the lists. False when it is none to be moved, or there is no other place.
 */
bool page_move_out(struct zone *zone, struct page *page) MUST_CHECK;

/* Drops a reference to a block of @order, whatever it is. See mm/page/page_free.c. */
void free_pages_slow(struct page *page, unsigned order);

#endif
