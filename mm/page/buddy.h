#ifndef MM_BUDDY_H
#define MM_BUDDY_H

/*
 * Power-of-two blocks of one zone. See mm/page/buddy.c.
 *
 * Context of all functions but the verifier: the caller holds zone->lock.
 * Nothing takes a lock, waits or calls out.
 */

#include "mm/page/zone.h"

/* The block that @page's block of @order merges with. */
static inline struct page *buddy_of(struct page *page, unsigned order)
{
	return (struct page *)((uintptr_t)page ^ (sizeof(struct page) << order));
}

/* The lower one of the two blocks of @order that @page's is one of. */
static inline struct page *pair_of(struct page *page, unsigned order)
{
	return (struct page *)((uintptr_t)page & ~(uintptr_t)(sizeof(struct page) << order));
}

/* First page of the pageblock of @page: mem_map is aligned far beyond its 16 KiB. */
static inline struct page *pageblock_of(const struct page *page)
{
	return (struct page *)((uintptr_t)page &
			       ~(uintptr_t)((sizeof(struct page) << PAGEBLOCK_ORDER) - 1));
}

/* Read without the lock where a stale answer does no harm. */
static inline enum migratetype pageblock_migratetype(const struct page *page)
{
	return (enum migratetype)__atomic_load_n(&pageblock_of(page)->block_migratetype,
						 __ATOMIC_RELAXED);
}

static inline void pageblock_set_migratetype(struct page *page, enum migratetype migratetype)
{
	__atomic_store_n(&pageblock_of(page)->block_migratetype, (uint8_t)migratetype,
			 __ATOMIC_RELAXED);
}

/* page->state of the first page of a listed block. */
static inline uint64_t free_state(const struct zone *zone, unsigned order)
{
	return make_page_state(PAGE_FREE, order, zone->index, 0);
}

static inline bool is_free_block(const struct zone *zone, const struct page *page, unsigned order)
{
	return page_state(page) == free_state(zone, order);
}

/*
 * Between pageblocks of which one is isolated or reserved a block would escape
 * that; the ordinary types may share a block.
 */
static inline bool pageblocks_may_merge(const struct page *page, const struct page *buddy)
{
	enum migratetype type = pageblock_migratetype(page);
	enum migratetype buddy_type = pageblock_migratetype(buddy);

	return type == buddy_type || (type < MIGRATE_PCPTYPES && buddy_type < MIGRATE_PCPTYPES);
}

/*
 * Gives the block of 2^@order pages at @page, allocated or new, to @zone: merges
 * it upwards and lists it under the type of its pageblock.
 */
void buddy_free(struct zone *zone, struct page *page, unsigned order) HOLDS(zone->lock);

/* Gives @nr_pages pages from @page, of any alignment, as the largest blocks that fit. */
void buddy_free_range(struct zone *zone, struct page *page, uint64_t nr_pages) HOLDS(zone->lock);

/*
 * Gives @nr blocks of @order, each checked when it was pushed on a stack, back
 * from @pages[]: buddy_free() without asking again.
 */
void buddy_free_bulk(struct zone *zone, struct page **pages, uint64_t nr, unsigned order)
	HOLDS(zone->lock);

/*
 * Takes 2^@order contiguous pages listed under @migratetype.
 *
 * Returns the first page, or NULL when no block that large is listed there: a
 * normal outcome. Its state is left as that of a free block that no list has;
 * the caller sets it. At most NR_ORDERS steps.
 */
struct page *buddy_take(struct zone *zone, unsigned order, enum migratetype migratetype)
	HOLDS(zone->lock);

/*
 * Takes up to @nr blocks of @order to @to[], each with state @state: large
 * blocks are cut into many at once. Later entries have lower addresses within
 * one such block, so that a stack serves them upwards. Returns how many: fewer
 * also when memory is so fragmented that it would take long, but 0 only when
 * there is none.
 */
uint64_t buddy_take_bulk(struct zone *zone, unsigned order, enum migratetype migratetype,
			 uint64_t state, struct page **to, uint64_t nr) HOLDS(zone->lock);

/*
 * Takes the first 2^@order pages of the listed block of @block_order at @page;
 * the rest stays listed. State as with buddy_take().
 */
void buddy_take_at(struct zone *zone, struct page *page, unsigned block_order, unsigned order)
	HOLDS(zone->lock);

/* Takes the listed block of @order at @page out of its list. */
void buddy_unlist(struct zone *zone, struct page *page, unsigned order) HOLDS(zone->lock);

/* Lists the block of @order at @page, unmerged, under @migratetype. */
void buddy_list(struct zone *zone, struct page *page, unsigned order, enum migratetype migratetype)
	HOLDS(zone->lock);

/* Checks the rules of mm/page/buddy.c for a quiet zone. O(free blocks). */
bool buddy_verify(const struct zone *zone, struct violation *out);

#endif
