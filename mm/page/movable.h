#ifndef MM_MOVABLE_H
#define MM_MOVABLE_H

/*
 * Moving one allocated block elsewhere. See mm/page/movable.c.
 *
 * Context: no allocator lock held; owners are called.
 */

#include "mm/page_alloc.h"
#include "mm/page/zone.h"

/*
 * Takes a reference to the block at @page if it has an owner that can move it
 * and no user beside: then it is not freed, nor moved by others, until
 * movable_migrate() or movable_unpin(). False: it is something else, or in use.
 */
bool movable_pin(struct page *page) MUST_CHECK;

/* Drops that reference. */
void movable_unpin(struct page *page);

/*
 * Asks the owner of @from, pinned, to move to @to: a block of the same order,
 * allocated, PAGE_USER, of nobody else. True: @to is the owner's and @from is
 * free, on its zone's lists. False: the owner refused; @to is still the caller's.
 * Either way @from is not pinned any more.
 */
bool movable_migrate(struct page *from, struct page *to) MUST_CHECK;

#endif
