/* The event stream: what is told, in what order, and that nothing is when it is off. */

#include "mm/event.h"

#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/buddy_told.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/test.h"
#include "tests/unit/sandbox.h"

#define NR_SLOTS	256u
#define LARGE_ORDER	8u	/* 1 MiB: no CPU's stack has such blocks */
#define MAX_LARGE_BLOCKS 48u
#define CACHE_NAME	"event-test-with-a-long-name"

static struct mm_event ring[NR_SLOTS];
static struct sandbox box;

/* The first event from @number on of @kind, or false. */
static bool find(uint64_t number, enum mm_event_kind kind, struct mm_event *event)
{
	for (; mm_event_get(number, event); number++)
		if (event->kind == kind)
			return true;
	return false;
}

static struct page *take(unsigned order)
{
	struct page *page;

	spin_lock(&box.zone->lock);
	page = buddy_take_told(box.zone, order, MIGRATE_MOVABLE);
	spin_unlock(&box.zone->lock);
	if (page)
		page_set_state(page, make_page_state(PAGE_USER, order, box.zone->index, 1));
	return page;
}

static void give(struct page *page, unsigned order)
{
	spin_lock(&box.zone->lock);
	buddy_free_told(box.zone, page, order);
	spin_unlock(&box.zone->lock);
}

static void nothing_is_told_when_off(void)
{
	struct kmem_cache *cache;
	void *area;

	mm_events_start(ring, NR_SLOTS);
	mm_events_stop();
	cache = kmem_cache_create(CACHE_NAME, 1000, 0, 0, NULL);
	CHECK(cache);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_destroy(cache);
	area = vmalloc(64 * PAGE_SIZE);
	vfree(area);
	CHECK(!mm_events_wanted());
	CHECK_EQ(mm_events_count(), 0);
}

static void a_split_and_the_merges_that_undo_it(void)
{
	struct mm_event event;
	struct page *page;

	CHECK(sandbox_start(&box));
	mm_events_start(ring, NR_SLOTS);
	page = take(2);
	CHECK_EQ(mm_events_count(), 1);
	CHECK(mm_event_get(0, &event));
	CHECK_EQ(event.kind, MM_EVENT_SPLIT);
	CHECK_EQ(event.order, MAX_ORDER);
	CHECK_EQ(event.to, 2);
	CHECK_EQ(event.at, pfn_to_pa(zone_page_to_pfn(box.zone, page)));
	give(page, 2);
	CHECK_EQ(mm_events_count(), 1 + MAX_ORDER - 2);
	for (unsigned order = 2; order < MAX_ORDER; order++) {
		CHECK(mm_event_get(order - 1, &event));
		CHECK_EQ(event.kind, MM_EVENT_MERGE);
		CHECK_EQ(event.order, order);
		CHECK_EQ(event.to, order + 1);
		CHECK_EQ(event.number, order - 1);
	}
	mm_events_stop();
	sandbox_end(&box);
}

/* What was there in the size that is wanted is no split; a buddy in use ends merging. */
static void what_did_not_happen_is_not_told(void)
{
	struct page *low, *high;

	CHECK(sandbox_start(&box));
	low = take(3);
	mm_events_start(ring, NR_SLOTS);
	high = take(3);
	CHECK_EQ(high - low, pages_in(3));
	CHECK_EQ(mm_events_count(), 0);
	give(low, 3);
	CHECK_EQ(mm_events_count(), 0);
	give(high, 3);
	CHECK_EQ(mm_events_count(), MAX_ORDER - 3);
	mm_events_stop();
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

static void a_batch_is_told_with_its_splits(void)
{
	struct page *pages[8];
	struct mm_event event;
	uint64_t nr;

	CHECK(sandbox_start(&box));
	mm_events_start(ring, NR_SLOTS);
	spin_lock(&box.zone->lock);
	nr = buddy_take_bulk_told(box.zone, 0, MIGRATE_MOVABLE, 0, pages, ARRAY_SIZE(pages));
	spin_unlock(&box.zone->lock);
	CHECK_EQ(nr, ARRAY_SIZE(pages));
	CHECK(find(0, MM_EVENT_SPLIT, &event));
	CHECK(find(0, MM_EVENT_REFILL, &event));
	CHECK_EQ(event.nr, ARRAY_SIZE(pages));
	spin_lock(&box.zone->lock);
	buddy_free_bulk_told(box.zone, pages, nr, 0);
	spin_unlock(&box.zone->lock);
	CHECK(find(event.number, MM_EVENT_DRAIN, &event));
	CHECK(find(event.number, MM_EVENT_MERGE, &event));
	mm_events_stop();
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

/* Sums of the events from @from on of @kind that begin, or end, at each order. */
struct order_sums {
	uint64_t from[NR_ORDERS], to[NR_ORDERS];
};

static struct order_sums sum_orders(uint64_t from, enum mm_event_kind kind)
{
	struct order_sums sums = { 0 };
	struct mm_event event;

	for (; mm_event_get(from, &event); from++) {
		if (event.kind != kind)
			continue;
		sums.from[event.order]++;
		sums.to[event.to]++;
	}
	return sums;
}

static void note_free_blocks(const struct zone *zone, uint64_t nr_free[NR_ORDERS])
{
	for (unsigned order = 0; order < NR_ORDERS; order++)
		nr_free[order] = zone->free_area[order].nr_free;
}

/* Takes large blocks until the last two are halves of one, if there is such; how many it took. */
static unsigned take_until_two_are_one(struct page *pages[MAX_LARGE_BLOCKS], bool *are_one)
{
	unsigned nr = 0;

	*are_one = false;
	while (nr < MAX_LARGE_BLOCKS && !*are_one) {
		pages[nr] = alloc_pages(GFP_NOWAIT | __GFP_NOWARN, LARGE_ORDER);
		if (!pages[nr])
			break;
		*are_one = nr && pages[nr] == buddy_of(pages[nr - 1], LARGE_ORDER);
		nr++;
	}
	return nr;
}

/* Frees all but the last two of @nr, which are of another zone maybe. */
static void free_before_last_two(struct page *pages[MAX_LARGE_BLOCKS], unsigned nr)
{
	for (unsigned i = 0; i + 2 < nr; i++)
		__free_pages(pages[i], LARGE_ORDER);
}

/*
 * Blocks that no CPU keeps have a short way, which must not stay open while somebody
 * listens: each freed block is one more of its order, each merge two less, and one above.
 */
static void blocks_without_stacks_tell_their_merges(void)
{
	uint64_t before[NR_ORDERS], after[NR_ORDERS], first;
	struct page *pages[MAX_LARGE_BLOCKS];
	struct order_sums merges;
	struct mm_event event;
	struct zone *zone;
	bool are_one;
	unsigned nr;

	mm_events_start(ring, NR_SLOTS);
	nr = take_until_two_are_one(pages, &are_one);
	free_before_last_two(pages, nr);
	CHECK(!are_one || sum_orders(0, MM_EVENT_SPLIT).to[LARGE_ORDER] > 0 ||
	      find(0, MM_EVENT_STEAL, &event));
	zone = nr ? page_zone(pages[nr - 1]) : NULL;
	first = mm_events_count();
	if (are_one)
		note_free_blocks(zone, before);
	for (unsigned i = nr > 2 ? nr - 2 : 0; i < nr; i++)
		__free_pages(pages[i], LARGE_ORDER);
	if (are_one)
		note_free_blocks(zone, after);
	merges = sum_orders(first, MM_EVENT_MERGE);
	mm_events_stop();
	if (!are_one)
		SKIP("no two blocks of 1 MiB that were one");
	CHECK(merges.from[LARGE_ORDER] > 0);
	for (unsigned order = LARGE_ORDER; order < NR_ORDERS; order++)
		CHECK_EQ(after[order], before[order] + (order == LARGE_ORDER ? 2 : 0) +
			 merges.to[order] - 2 * merges.from[order]);
}

static void a_pageblock_changes_hands(void)
{
	struct mm_event event;

	CHECK(sandbox_start(&box));
	mm_events_start(ring, NR_SLOTS);
	CHECK(sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_WHOLE_PAGEBLOCKS));
	CHECK(find(0, MM_EVENT_STEAL, &event));
	CHECK_EQ(event.order, MIGRATE_MOVABLE);
	CHECK_EQ(event.to, MIGRATE_UNMOVABLE);
	CHECK_EQ(event.nr, pages_in(MAX_ORDER));
	mm_events_stop();
	sandbox_end(&box);
}

static void a_slab_from_pages_to_pages(void)
{
	struct kmem_cache *cache = kmem_cache_create(CACHE_NAME, 1000, 0, 0, NULL);
	struct mm_event event;
	void *object;

	CHECK(cache);
	mm_events_start(ring, NR_SLOTS);
	object = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_GUARD);
	CHECK(object);
	CHECK(find(0, MM_EVENT_TYPE, &event));
	CHECK_EQ(event.nr, PAGE_USER);
	CHECK_EQ(event.to, PAGE_SLAB);
	/* Descriptors and arrays may need slabs too. */
	while (find(event.number + 1, MM_EVENT_SLAB_MADE, &event) && event.name[0] != 'e')
		;
	CHECK_EQ(event.kind, MM_EVENT_SLAB_MADE);
	CHECK_EQ(event.name[0], CACHE_NAME[0]);
	CHECK_EQ(event.name[1], CACHE_NAME[1]);
	CHECK_EQ(event.name[MM_EVENT_NAME_BYTES - 1], '\0');
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	CHECK(find(event.number, MM_EVENT_SLAB_GONE, &event));
	mm_events_stop();
}

static void the_oldest_event_goes_first(void)
{
	struct mm_event event;

	mm_events_start(ring, 4);
	for (unsigned i = 0; i < 6; i++)
		mm_event_tell((struct mm_event){ .kind = MM_EVENT_GROW, .nr = i }, "zone");
	CHECK_EQ(mm_events_count(), 6);
	CHECK(!mm_event_get(1, &event));
	CHECK(mm_event_get(2, &event));
	CHECK_EQ(event.nr, 2);
	CHECK(mm_event_get(5, &event));
	CHECK(!mm_event_get(6, &event));
	mm_events_stop();
	CHECK(!mm_event_get(5, &event));
}

static const struct test_case cases[] = {
	{ "nothing is told when off", nothing_is_told_when_off },
	{ "a split and the merges that undo it", a_split_and_the_merges_that_undo_it },
	{ "what did not happen is not told", what_did_not_happen_is_not_told },
	{ "a batch is told with its splits", a_batch_is_told_with_its_splits },
	{ "blocks without stacks tell their merges", blocks_without_stacks_tell_their_merges },
	{ "a pageblock changes hands", a_pageblock_changes_hands },
	{ "a slab from pages to pages", a_slab_from_pages_to_pages },
	{ "the oldest event goes first", the_oldest_event_goes_first },
};

TEST_SUITE(event, cases);
