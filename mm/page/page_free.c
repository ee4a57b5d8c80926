/*
 * The slow way back: blocks that others refer to, compound pages, what no stack takes.
 *
 * Model
 *   Whoever frees drops a reference; the last one gives the block to a stack of this
 *   CPU, emptied by a batch if it is full, or to its zone's lists. While others refer
 *   to the first page of a plain block, that page stays with them as a single page,
 *   and the rest goes at once. A compound page goes whole.
 *
 * Locking
 *   References are atomic. The local lock around the use of a stack; the zone's is
 *   taken within it.
 */

#include "mm/page/page_slow.h"

#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/buddy_told.h"
#include "mm/page/drain.h"
#include "mm/page/harden.h"
#include "mm/page/noted.h"
#include "mm/page/page_state.h"

/*
 * Gives the block back to a stack of this CPU or to its zone. Nobody refers to it. What
 * has a noted page must come to the lists: there that page is taken out.
 */
static void give_block_back(struct zone *zone, struct page *page, unsigned order, bool is_noted)
{
	struct page_stack *stack = NULL;
	enum migratetype migratetype;
	struct mm_local local;

	if (page_hardening)
		harden_freed(page, pages_in(order));
	local = mm_port_local_lock();
	migratetype = pageblock_migratetype(page);
	page_set_state(page, make_page_state(PAGE_USER, order, zone->index, 1));
	if (migratetype < MIGRATE_PCPTYPES && !is_noted)
		stack = page_stack_for(zone, order, migratetype, local);
	if (stack && stack->top == stack->full && !page_stack_drain_batch(stack, local))
		stack = NULL;
	if (!stack || !page_stack_push(stack, page, local)) {
		spin_lock(&zone->lock);
		if (mm_events_wanted())
			buddy_free_told(zone, page, order);
		else
			buddy_free(zone, page, order);
		settle_noted(zone);
		spin_unlock(&zone->lock);
	}
	mm_port_local_unlock(local);
}

/* The first page has other users: they keep it, the rest goes. */
static void give_back_rest(struct page *page, unsigned order, bool is_noted)
{
	while (order-- > 0)
		give_block_back(page_zone(page), page + pages_in(order), order, is_noted);
}

static void release_block(struct page *page, bool is_noted)
{
	unsigned order = page->order;

	page->owner = 0;
	if (page->flags & PAGE_COMPOUND)
		page_clear_compound(page);
	give_block_back(page_zone(page), page, order, is_noted);
}

/*
 * Drops a reference to a plain block; when others remain, what they keep is a
 * single page from that same moment on: the last of them may go at once, and
 * must not find the block's old order. Returns what remains of the count, PAGE_NOTED with it.
 */
static uint32_t drop_plain(struct page *page)
{
	uint64_t state = page_state(page);
	struct page seen;
	uint32_t nr_left;

	do {
		seen.state = state;
		nr_left = seen.refcount - 1;
	} while (!__atomic_compare_exchange_n(&page->state, &state,
					      make_page_state((enum page_type)seen.type,
							      page_users(nr_left) ? 0 : seen.order,
							      seen.zone_index, nr_left),
					      false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return nr_left;
}

void free_pages_slow(struct page *page, unsigned order)
{
	uint32_t left;

	if (unlikely(!page_may_be_freed(page, order)))
		page_report_bad_free(page, order);
	obey_drain_request(this_mm_cpu());
	/* A compound page stays whole, so what its order is need not be asked before. */
	if (page->flags & PAGE_COMPOUND) {
		put_page(page);
		return;
	}
	left = drop_plain(page);
	if (page_users(left) == 0)
		release_block(page, left != 0);
	else
		give_back_rest(page, order, left & PAGE_NOTED);
}

void get_page(struct page *page)
{
	struct page *head = compound_head(page);

	ASSERT(head->refcount != 0);
	__atomic_fetch_add(&head->refcount, 1, __ATOMIC_RELAXED);
}

void put_page(struct page *page)
{
	struct page *head = compound_head(page);
	uint32_t left;

	if (unlikely(!page_may_be_freed(head, head->order)))
		page_report_bad_free(head, head->order);
	left = __atomic_sub_fetch(&head->refcount, 1, __ATOMIC_ACQ_REL);
	if (page_users(left) == 0)
		release_block(head, left != 0);
}
