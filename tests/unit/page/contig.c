/* Ranges beyond the largest order, and what lies in their way: on the live system. */

#include "mm/contig.h"

#include "lib/string.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/page/pageblock.h"
#include "tests/test.h"

#define NR_PAGES	(2 * PAGEBLOCK_PAGES)
#define NR_MAX_RANGE	(2 * pages_in(MAX_ORDER) + 5)

/* Of each page of the range: where what was in it is now. */
static struct page *holders[NR_PAGES];
static unsigned nr_moves, nr_moves_until_refusal;

/* Of the range: its pages say so only while they are allocated. */
static struct zone *home;

static bool migrate(struct page *from, struct page *to, void *arg)
{
	uintptr_t index = (uintptr_t)from->private[0];

	CHECK(arg == holders);
	CHECK(holders[index] == from);
	if (nr_moves == nr_moves_until_refusal)
		return false;
	memcpy(page_address(to), page_address(from), PAGE_SIZE);
	to->private[0] = from->private[0];
	holders[index] = to;
	nr_moves++;
	return true;
}

static const struct movable_owner owner = { "contig test", migrate, holders };

/* Makes the pages from @start_pfn on movable ones of ours, each with its own contents. */
static uint16_t hold(pfn_t start_pfn)
{
	uint16_t id = register_movable_owner(&owner);

	CHECK(id != 0);
	for (uintptr_t i = 0; i < NR_PAGES; i++) {
		struct page *page = pfn_to_page(start_pfn + i);

		memset(page_address(page), (int)(i & 0x7f) + 1, PAGE_SIZE);
		page->private[0] = (void *)i;
		holders[i] = page;
		page_set_owner(page, id);
	}
	nr_moves = 0;
	nr_moves_until_refusal = UINT32_MAX;
	return id;
}

static void drop(uint16_t id)
{
	for (uintptr_t i = 0; i < NR_PAGES; i++) {
		const uint8_t *bytes = page_address(holders[i]);

		CHECK_EQ(bytes[0], (i & 0x7f) + 1);
		CHECK_EQ(bytes[PAGE_SIZE - 1], (i & 0x7f) + 1);
		__free_page(holders[i]);
	}
	unregister_movable_owner(id);
}

static bool is_inside(const struct page *page, pfn_t start_pfn)
{
	return page_to_pfn(page) >= start_pfn && page_to_pfn(page) < start_pfn + NR_PAGES;
}

/*
 * Two pageblocks of ours, of which the first is Unmovable, the second Movable; PFN_NONE
 * when there are none in a zone that keeps plenty: of a short one kswapd would go on
 * freeing pages while the cases count them.
 */
static pfn_t take_pageblocks(void)
{
	struct page *page = alloc_contig_pages(NR_PAGES, GFP_KERNEL, NID_NONE);

	if (!page)
		return PFN_NONE;
	home = page_zone(page);
	if (!zone_has_plenty(home, MAX_ORDER)) {
		free_contig_range(page_to_pfn(page), NR_PAGES);
		return PFN_NONE;
	}
	spin_lock(&home->lock);
	pageblock_retype(home, page + PAGEBLOCK_PAGES, MIGRATE_MOVABLE);
	spin_unlock(&home->lock);
	return page_to_pfn(page);
}

static void check_untouched(pfn_t start_pfn, uint64_t nr_free_pages)
{
	const struct page *page = pfn_to_page(start_pfn);

	CHECK_EQ(pageblock_migratetype(page), MIGRATE_UNMOVABLE);
	CHECK_EQ(pageblock_migratetype(page + PAGEBLOCK_PAGES), MIGRATE_MOVABLE);
	CHECK_EQ(home->nr_isolated_pages, 0);
	drain_all_pages();
	CHECK_EQ(zone_free_pages(home), nr_free_pages);
	CHECK(mm_verify_all());
}

static uint64_t count_free_pages(void)
{
	drain_all_pages();
	return zone_free_pages(home);
}

/* A small one has the kernel and the like in the middle of what it has. */
static bool has_room_for_the_largest_range(unsigned nid)
{
	return node_data(nid)->node_present_pages >= 8 * NR_MAX_RANGE;
}

static void every_node_serves_ranges_beyond_the_largest_order(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct page *page;

		if (!has_room_for_the_largest_range(nid))
			continue;
		page = alloc_contig_pages(NR_MAX_RANGE, GFP_KERNEL | __GFP_THISNODE, nid);
		CHECK(page != NULL);
		if (!page)
			continue;
		CHECK_EQ(page_to_pfn(page) % PAGEBLOCK_PAGES, 0);
		for (uint64_t i = 0; i < NR_MAX_RANGE; i++) {
			CHECK_EQ(page_to_nid(page + i), nid);
			CHECK_EQ(page[i].refcount, 1);
			CHECK_EQ(page[i].order, 0);
		}
		free_contig_range(page_to_pfn(page), NR_MAX_RANGE);
	}
}

static void bytes_are_zero_on_request(void)
{
	struct page *page = alloc_contig_pages(3, GFP_KERNEL, NID_NONE);

	CHECK(page != NULL);
	if (!page)
		return;
	memset(page_address(page), 0xa5, pages_to_bytes(3));
	free_contig_range(page_to_pfn(page), 3);
	page = alloc_contig_pages(3, GFP_KERNEL | __GFP_ZERO, NID_NONE);
	CHECK(page != NULL);
	if (!page)
		return;
	for (uint64_t i = 0; i < pages_to_bytes(3); i++)
		if (((const uint8_t *)page_address(page))[i] != 0)
			test_fail(__FILE__, __LINE__, "byte %llu is not 0", (unsigned long long)i);
	free_contig_range(page_to_pfn(page), 3);
}

static void movable_pages_make_way_and_keep_their_contents(void)
{
	pfn_t pfn = take_pageblocks();
	uint16_t id;

	if (pfn == PFN_NONE)
		SKIP("no range is free in a zone that keeps plenty");
	id = hold(pfn);
	CHECK(alloc_contig_range(pfn, pfn + NR_PAGES, MIGRATE_UNMOVABLE));
	CHECK_EQ(nr_moves, NR_PAGES);
	for (unsigned i = 0; i < NR_PAGES; i++)
		CHECK(!is_inside(holders[i], pfn));
	CHECK(mm_verify_all());
	memset(page_address(pfn_to_page(pfn)), 0xff, pages_to_bytes(NR_PAGES));
	drop(id);
	free_contig_range(pfn, NR_PAGES);
}

/* Only what is in the range matters: pages pinned in the same pageblocks do not. */
static void neighbours_of_the_range_stay(void)
{
	pfn_t pfn = take_pageblocks();
	pfn_t end_pfn = pfn + NR_PAGES - 9;
	uint64_t nr_free_pages;

	if (pfn == PFN_NONE)
		SKIP("no range is free in a zone that keeps plenty");
	free_contig_range(pfn, 2);
	free_contig_range(pfn + 3, end_pfn - pfn - 3);
	free_contig_range(end_pfn + 1, 8);
	nr_free_pages = count_free_pages();
	CHECK(alloc_contig_range(pfn + 3, end_pfn, MIGRATE_MOVABLE));
	check_untouched(pfn, nr_free_pages - (end_pfn - pfn - 3));
	free_contig_range(pfn + 3, end_pfn - pfn - 3);
	CHECK(!alloc_contig_range(pfn + 3, end_pfn + 1, MIGRATE_MOVABLE));
	CHECK(!alloc_contig_range(pfn + 2, end_pfn, MIGRATE_MOVABLE));
	check_untouched(pfn, nr_free_pages);
	free_contig_range(pfn + 2, 1);
	free_contig_range(end_pfn, 1);
}

static void a_refusal_on_the_way_unwinds_all(void)
{
	pfn_t pfn = take_pageblocks();
	uint64_t nr_free_pages;
	uint16_t id;

	if (pfn == PFN_NONE)
		SKIP("no range is free in a zone that keeps plenty");
	id = hold(pfn);
	nr_free_pages = count_free_pages();
	nr_moves_until_refusal = PAGEBLOCK_PAGES + 100;
	CHECK(!alloc_contig_range(pfn, pfn + NR_PAGES, MIGRATE_UNMOVABLE));
	CHECK_EQ(nr_moves, nr_moves_until_refusal);
	check_untouched(pfn, nr_free_pages);
	drop(id);
}

static void a_page_with_another_user_stays(void)
{
	pfn_t pfn = take_pageblocks();
	uint64_t nr_free_pages;
	uint16_t id;

	if (pfn == PFN_NONE)
		SKIP("no range is free in a zone that keeps plenty");
	id = hold(pfn);
	nr_free_pages = count_free_pages();
	get_page(pfn_to_page(pfn + 7));
	CHECK(!alloc_contig_range(pfn, pfn + NR_PAGES, MIGRATE_UNMOVABLE));
	check_untouched(pfn, nr_free_pages);
	CHECK(holders[7] == pfn_to_page(pfn + 7));
	put_page(pfn_to_page(pfn + 7));
	drop(id);
}

/* The nth copy finds no memory, for some n; the last one is not reached. */
static void each_failed_allocation_unwinds_all(void)
{
	static const unsigned nths[] = { 1, 2, 3, 64, 65, 511, 512, 513, NR_PAGES, NR_PAGES + 1 };
	pfn_t pfn;

	for (unsigned i = 0; i < ARRAY_SIZE(nths); i++) {
		uint64_t nr_free_pages;
		bool is_taken, has_struck;
		uint16_t id;

		pfn = take_pageblocks();
		if (pfn == PFN_NONE)
			SKIP("no range is free in a zone that keeps plenty");
		id = hold(pfn);
		nr_free_pages = count_free_pages();
		mm_fail_nth(nths[i]);
		is_taken = alloc_contig_range(pfn, pfn + NR_PAGES, MIGRATE_MOVABLE);
		has_struck = mm_fail_nth_struck();
		mm_fail_nth(0);
		CHECK_EQ(has_struck, nths[i] <= NR_PAGES);
		CHECK_EQ(is_taken, !has_struck);
		CHECK_EQ(nr_moves, nths[i] - 1);
		if (!is_taken)
			check_untouched(pfn, nr_free_pages);
		else
			free_contig_range(pfn, NR_PAGES);
		drop(id);
	}
}

static void what_is_not_one_zones_memory_is_refused(void)
{
	for_each_populated_zone(zone) {
		CHECK(!alloc_contig_range(zone->end_pfn - 1, zone->end_pfn + 1, MIGRATE_MOVABLE));
		CHECK(!alloc_contig_range(zone->start_pfn, zone->start_pfn, MIGRATE_MOVABLE));
	}
	CHECK(!alloc_contig_range(live.end_pfn, live.end_pfn + 1, MIGRATE_MOVABLE));
	CHECK(alloc_contig_pages(live.nr_usable_pages, GFP_KERNEL, NID_NONE) == NULL);
	CHECK(mm_verify_all());
}

/* What devices ask for: so much, so aligned, not across that, and not from all of memory. */
static void a_range_keeps_within_limits(void)
{
	const struct contig_limits limits = {
		.end_pa = (uint64_t)1 << 32, .alignment_bytes = 2 * PAGE_SIZE,
		.boundary_bytes = 64 * 1024,
	};
	struct page *pages[8] = { NULL };

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		uint64_t pa;

		pages[i] = alloc_contig_limited(5 + i, GFP_KERNEL, NID_NONE, &limits);
		CHECK(pages[i] != NULL);
		if (!pages[i])
			continue;
		pa = pfn_to_pa(page_to_pfn(pages[i]));
		CHECK(pa + pages_to_bytes(5 + i) <= limits.end_pa);
		CHECK_EQ(pa % limits.alignment_bytes, 0);
		CHECK(pa % limits.boundary_bytes + pages_to_bytes(5 + i) <= limits.boundary_bytes);
	}
	CHECK(mm_verify_all());
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		if (pages[i])
			free_contig_range(page_to_pfn(pages[i]), 5 + i);
}

static void unknown_types_panic(void)
{
	CHECK_PANICS("migratetype < MIGRATE_PCPTYPES",
		     (void)!alloc_contig_range(0, 1, MIGRATE_ISOLATE));
	CHECK_PANICS("nr_pages > 0", alloc_contig_pages(0, GFP_KERNEL, NID_NONE));
}

static const struct test_case cases[] = {
	{ "every node serves ranges beyond the largest order",
	  every_node_serves_ranges_beyond_the_largest_order },
	{ "bytes are zero on request", bytes_are_zero_on_request },
	{ "movable pages make way and keep their contents",
	  movable_pages_make_way_and_keep_their_contents },
	{ "neighbours of the range stay", neighbours_of_the_range_stay },
	{ "a refusal on the way unwinds all", a_refusal_on_the_way_unwinds_all },
	{ "a page with another user stays", a_page_with_another_user_stays },
	{ "each failed allocation unwinds all", each_failed_allocation_unwinds_all },
	{ "what is not one zone's memory is refused", what_is_not_one_zones_memory_is_refused },
	{ "a range keeps within limits", a_range_keeps_within_limits },
	{ "unknown types panic", unknown_types_panic },
};

TEST_SUITE(contig, cases);
