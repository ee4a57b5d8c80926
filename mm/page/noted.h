#ifndef MM_NOTED_H
#define MM_NOTED_H

/*
 * Pages on their way out of service, and the ways by which blocks come to the
 * lists of a zone: nothing of mm but the buddy allocator itself lists a block by
 * another. See mm/page/noted.c.
 *
 * Context: the caller holds zone->lock.
 */

#include "mm/page/buddy.h"

/*
 * @page, which is @zone's, goes out of service: at once when it lies in a listed block, else
 * as soon as it comes to the lists. False when MAX_NOTED_PAGES wait for that already.
 */
bool note_page(struct zone *zone, struct page *page) HOLDS(zone->lock) MUST_CHECK;

/* Whether @page waits. */
bool page_is_noted(const struct zone *zone, const struct page *page) HOLDS(zone->lock);

/* @page does not wait any more. False: it did not. */
bool forget_page(struct zone *zone, const struct page *page) HOLDS(zone->lock);

/* Takes what is noted and listed out of service. */
void take_noted(struct zone *zone) HOLDS(zone->lock);

/* Due after blocks were listed by other ways than those below. */
static inline void settle_noted(struct zone *zone) HOLDS(zone->lock)
{
	if (unlikely(zone->nr_noted != 0))
		take_noted(zone);
}

/* As buddy_free() and buddy_free_range(); no noted page stays listed. */
static inline void zone_give(struct zone *zone, struct page *page, unsigned order)
	HOLDS(zone->lock)
{
	buddy_free(zone, page, order);
	settle_noted(zone);
}

static inline void zone_give_range(struct zone *zone, struct page *page, uint64_t nr_pages)
	HOLDS(zone->lock)
{
	buddy_free_range(zone, page, nr_pages);
	settle_noted(zone);
}

/* Checks the rules of mm/page/noted.c for a quiet zone. */
bool noted_verify(struct zone *zone, struct violation *out);

#endif
