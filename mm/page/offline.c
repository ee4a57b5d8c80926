/*
 * Taking pages out of service.
 *
 * Model
 *   The page is noted with its zone (mm/page/noted.c). If it is not on a list then, it is
 *   made to come there: stacks are emptied, a movable page is moved, and the block of
 *   any other page in use gets PAGE_NOTED into its count of references. So no fast path
 *   takes that block back, since the count is not the one it expects, and the slow one
 *   gives it to the lists instead of a stack.
 *
 *   The fast paths read and write page->state in two steps. A mark set between them is
 *   lost, and so the page goes on unmarked. Nothing is lost with it: the page is noted
 *   still, and marked again by whoever idles next, or takes a page out of service.
 *
 * Promises
 *   - a page in service and its zone's counts do not change but for the one page
 *   Stated in mm/page/noted.c: OFFLINE-1 and OFFLINE-2.
 *
 * Locking
 *   grow_lock to look at spans, zone->lock for the table; marks are set by compare and
 *   exchange. No lock is held while owners are called or stacks are emptied.
 */

#include "mm/offline.h"

#include "mm/init.h"
#include "mm/live.h"
#include "mm/page/drain.h"
#include "mm/page/noted.h"
#include "mm/page/page_slow.h"
#include "mm/page/page_state.h"
#include "mm/rcu.h"

/* Other CPUs give back what their stacks hold when they idle or allocate: within this time. */
#define MAX_WAIT_NS	2000000u

const char *offline_result_name(enum offline_result result)
{
	switch (result) {
	case OFFLINE_DONE: return "done";
	case OFFLINE_NOTED: return "noted";
	case OFFLINE_REFUSED: return "refused";
	case OFFLINE_FULL: return "too many wait";
	}
	return "corrupt";
}

/* ---- Whose page it is ---- */

static bool has_page(const struct zone *zone, pfn_t pfn)
{
	for (uint32_t i = 0; i < zone->nr_spans; i++)
		if (pfn >= zone->spans[i].start_pfn && pfn < zone->spans[i].end_pfn)
			return true;
	return false;
}

/* The zone that gives @pfn to those who ask for pages, sooner or later. Spans do not change. */
static struct zone *zone_of_pfn(pfn_t pfn)
{
	for_each_populated_zone(zone)
		if (has_page(zone, pfn))
			return zone;
	return NULL;
}

static bool is_up(struct zone *zone, pfn_t pfn)
{
	bool is_up;

	spin_lock(&zone->grow_lock);
	is_up = zone_has_up(zone, pfn);
	spin_unlock(&zone->grow_lock);
	return is_up;
}

static bool is_offline(const struct page *page)
{
	struct page seen = { .state = page_state(page) };

	return seen.type == PAGE_OFFLINE;
}

/* ---- Making it come to the lists ---- */

enum whereabouts { RESTS, IN_USE, ON_THE_WAY };

static enum whereabouts where_is(const struct page *head)
{
	struct page seen = { .state = page_state(head) };

	if (page_type_is_cached((enum page_type)seen.type))
		return RESTS;
	if (seen.type >= PAGE_USER && seen.type < PAGE_OFFLINE && page_users(seen.refcount) != 0)
		return IN_USE;
	return ON_THE_WAY;
}

/* Marks the block in use that @pfn lies in. False: it lies in none. */
static bool mark_block_of(pfn_t pfn)
{
	struct page *head = page_block_of(pfn);
	uint64_t state = page_state(head);
	struct page seen;

	do {
		seen.state = state;
		if (seen.type < PAGE_USER || seen.type >= PAGE_OFFLINE ||
		    page_users(seen.refcount) == 0 ||
		    page_to_pfn(head) + pages_in(seen.order) <= pfn)
			return false;
		if (seen.refcount & PAGE_NOTED)
			return true;
		seen.refcount |= PAGE_NOTED;
	} while (!__atomic_compare_exchange_n(&head->state, &state, seen.state, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/* The block in use that @pfn lies in has nothing to give any more, as far as that page goes. */
static void unmark_block_of(pfn_t pfn)
{
	__atomic_fetch_and(&page_block_of(pfn)->refcount, ~PAGE_NOTED, __ATOMIC_RELAXED);
}

/* Waits for what is on its way; what is in use is moved, or marked at last. */
static enum offline_result chase(struct zone *zone, pfn_t pfn)
{
	uint64_t start_ns = mm_port_now_ns();

	do {
		struct page *head = page_block_of(pfn);

		if (is_offline(pfn_to_page(pfn)))
			return OFFLINE_DONE;
		switch (where_is(head)) {
		case RESTS:
			drain_all_pages();
			drain_others(zone->node, zone->type);
			break;
		case IN_USE:
			if (!page_move_out(zone, head) && mark_block_of(pfn))
				return OFFLINE_NOTED;
			break;
		case ON_THE_WAY:
			break;
		}
		mm_port_spin_hint();
	} while (mm_port_now_ns() - start_ns < MAX_WAIT_NS);
	return is_offline(pfn_to_page(pfn)) ? OFFLINE_DONE : OFFLINE_NOTED;
}

/* Copies what is noted of @zone to @pfns; how many. */
static uint64_t copy_noted(struct zone *zone, pfn_t pfns[MAX_NOTED_PAGES])
{
	uint64_t nr;

	spin_lock(&zone->lock);
	nr = zone->nr_noted;
	for (uint64_t i = 0; i < nr; i++)
		pfns[i] = zone->noted[i];
	spin_unlock(&zone->lock);
	return nr;
}

/* Marks that were lost are set again. */
static void mark_again(void)
{
	pfn_t pfns[MAX_NOTED_PAGES];

	for_each_populated_zone(zone) {
		uint64_t nr = zone_hint(&zone->nr_noted) != 0 ? copy_noted(zone, pfns) : 0;

		for (uint64_t i = 0; i < nr; i++)
			if (is_up(zone, pfns[i]))
				(void)mark_block_of(pfns[i]);
	}
}

/* ---- Out of service, and back ---- */

/* DONE, NOTED or FULL. */
static enum offline_result note(struct zone *zone, pfn_t pfn)
{
	struct page *page = zone->mem_map + pfn;
	bool is_noted;

	spin_lock(&zone->lock);
	is_noted = is_offline(page) || page_is_noted(zone, page) || note_page(zone, page);
	spin_unlock(&zone->lock);
	if (!is_noted)
		return OFFLINE_FULL;
	return is_offline(page) ? OFFLINE_DONE : OFFLINE_NOTED;
}

enum offline_result offline_page(pfn_t pfn)
{
	struct zone *zone = zone_of_pfn(pfn);
	enum offline_result result;

	if (!zone)
		return OFFLINE_REFUSED;
	result = note(zone, pfn);
	if (result == OFFLINE_NOTED && is_up(zone, pfn))
		result = chase(zone, pfn);
	mark_again();
	return result;
}

bool online_page(pfn_t pfn)
{
	struct zone *zone = zone_of_pfn(pfn);
	struct page *page = pfn_to_page(pfn);
	uint64_t state;
	bool is_forgotten;

	if (!zone)
		return false;
	spin_lock(&zone->lock);
	is_forgotten = forget_page(zone, page);
	spin_unlock(&zone->lock);
	if (is_forgotten) {
		if (is_up(zone, pfn))
			unmark_block_of(pfn);
		mark_again();
		return true;
	}
	state = make_page_state(PAGE_OFFLINE, 0, zone->index, 1);
	if (!__atomic_compare_exchange_n(&page->state, &state,
					 make_page_state(PAGE_USER, 0, zone->index, 1), false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return false;
	__atomic_fetch_sub(&zone->nr_type_pages[PAGE_OFFLINE], 1, __ATOMIC_RELAXED);
	__free_page(page);
	return true;
}

uint64_t nr_offline_pages(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += __atomic_load_n(&zone->nr_type_pages[PAGE_OFFLINE], __ATOMIC_RELAXED);
	return nr_pages;
}

uint64_t nr_noted_pages(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += zone_hint(&zone->nr_noted);
	return nr_pages;
}

/* ---- Idle CPUs ---- */

void mm_cpu_idle(void)
{
	struct mm_cpu *cpu_data = this_mm_cpu();

	if (!cpu_data)
		return;
	obey_drain_request(cpu_data);
	mark_again();
	rcu_note_context_switch();
}
