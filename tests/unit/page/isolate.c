/* Isolation of pageblocks, and what is counted of it: on the live system. */

#include "mm/page/isolate.h"

#include "lib/string.h"
#include "mm/contig.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/page/pageblock.h"
#include "tests/test.h"

#define NR_PAGES	(2 * PAGEBLOCK_PAGES)
#define NR_OTHERS	1500u

static struct pageblock_types types;

/* Two pageblocks, free but for the page at @start_pfn + 3; PFN_NONE: none were to be had. */
static pfn_t take_pageblocks(struct zone **zone)
{
	struct page *page = alloc_contig_pages(NR_PAGES, GFP_KERNEL, NID_NONE);
	pfn_t pfn;

	if (!page)
		return PFN_NONE;
	*zone = page_zone(page);
	pfn = page_to_pfn(page);
	free_contig_range(pfn, 3);
	free_contig_range(pfn + 4, NR_PAGES - 4);
	drain_all_pages();
	return pfn;
}

static bool breaks(struct zone *zone, const char *rule)
{
	struct violation violation = { .rule = "" };

	return !pageblock_verify(zone, &violation) && strcmp(violation.rule, rule) == 0;
}

static void nothing_leaves_and_all_comes_back(void)
{
	static struct page *others[NR_OTHERS];
	struct zone *zone;
	pfn_t pfn = take_pageblocks(&zone);
	uint64_t nr_free_pages;
	unsigned nr;

	if (pfn == PFN_NONE)
		SKIP("no range is free");
	nr_free_pages = zone_free_pages(zone);
	CHECK(isolate_pageblocks(zone, pfn, pfn + NR_PAGES, &types));
	CHECK_EQ(zone->nr_isolated_pages, NR_PAGES);
	CHECK_EQ(zone_isolated_free_pages(zone), NR_PAGES - 1);
	CHECK_EQ(zone_free_pages(zone), nr_free_pages - NR_PAGES);
	nr = alloc_pages_bulk(GFP_KERNEL, zone->node->node_id, NR_OTHERS, others);
	for (unsigned i = 0; i < nr; i++)
		CHECK(page_to_pfn(others[i]) < pfn || page_to_pfn(others[i]) >= pfn + NR_PAGES);
	free_pages_bulk(nr, others);
	__free_page(pfn_to_page(pfn + 3));
	CHECK_EQ(zone_isolated_free_pages(zone), NR_PAGES);
	CHECK(mm_verify_all());
	unisolate_pageblocks(zone, pfn, pfn + NR_PAGES, &types);
	drain_all_pages();
	CHECK_EQ(zone->nr_isolated_pages, 0);
	CHECK_EQ(zone_free_pages(zone), nr_free_pages + 1);
}

static void types_come_back(void)
{
	struct zone *zone;
	pfn_t pfn = take_pageblocks(&zone);

	if (pfn == PFN_NONE)
		SKIP("no range is free");
	spin_lock(&zone->lock);
	pageblock_retype(zone, pfn_to_page(pfn), MIGRATE_RECLAIMABLE);
	pageblock_retype(zone, pfn_to_page(pfn + PAGEBLOCK_PAGES), MIGRATE_MOVABLE);
	spin_unlock(&zone->lock);
	CHECK(isolate_pageblocks(zone, pfn, pfn + NR_PAGES, &types));
	/* Of a range that is isolated in part nothing changes. */
	CHECK(!isolate_pageblocks(zone, pfn, pfn + NR_PAGES, &(struct pageblock_types){ { 0 } }));
	CHECK_EQ(zone->nr_isolated_pages, NR_PAGES);
	unisolate_pageblocks(zone, pfn, pfn + NR_PAGES, &types);
	CHECK_EQ(pageblock_migratetype(pfn_to_page(pfn)), MIGRATE_RECLAIMABLE);
	CHECK_EQ(pageblock_migratetype(pfn_to_page(pfn + PAGEBLOCK_PAGES)), MIGRATE_MOVABLE);
	__free_page(pfn_to_page(pfn + 3));
}

/* A block that was larger than a pageblock when one of its own was isolated. */
static void a_large_block_does_not_escape(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, MAX_ORDER);
	struct zone *zone;
	pfn_t pfn;

	if (!page)
		SKIP("no block of the largest order");
	zone = page_zone(page);
	pfn = page_to_pfn(page) + PAGEBLOCK_PAGES;
	CHECK(isolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types));
	__free_pages(page, MAX_ORDER);
	CHECK_EQ(zone_isolated_free_pages(zone), PAGEBLOCK_PAGES);
	CHECK(mm_verify_all());
	unisolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types);
	CHECK(is_free_block(zone, page, MAX_ORDER));
}

/* A free block of both is cut for it, and whole again afterwards. */
static void a_free_pair_is_cut_and_joined(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, MAX_ORDER);
	struct zone *zone;
	pfn_t pfn;

	if (!page)
		SKIP("no block of the largest order");
	zone = page_zone(page);
	pfn = page_to_pfn(page);
	__free_pages(page, MAX_ORDER);
	CHECK(isolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types));
	CHECK(is_free_block(zone, page, PAGEBLOCK_ORDER));
	CHECK(mm_verify_all());
	unisolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types);
	CHECK(is_free_block(zone, page, MAX_ORDER));
}

static void holes_are_refused(void)
{
	for_each_populated_zone(zone) {
		pfn_t pfn = (zone->end_pfn + PAGEBLOCK_PAGES - 1) & ~(PAGEBLOCK_PAGES - 1);

		CHECK(!isolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types));
		CHECK_EQ(zone->nr_isolated_pages, 0);
	}
}

static void verify_notices_PAGEBLOCK_1_and_PAGEBLOCK_2(void)
{
	for_each_populated_zone(zone) {
		zone->nr_isolated_pages++;
		CHECK(breaks(zone, "PAGEBLOCK-1"));
		zone->nr_isolated_pages--;
		zone->nr_highatomic_pages++;
		CHECK(breaks(zone, "PAGEBLOCK-2"));
		zone->nr_highatomic_pages--;
	}
}

static void verify_notices_PAGEBLOCK_3(void)
{
	struct zone *zone;
	pfn_t pfn = take_pageblocks(&zone);
	enum migratetype was;

	if (pfn == PFN_NONE)
		SKIP("no range is free");
	was = pageblock_migratetype(pfn_to_page(pfn));
	pageblock_set_migratetype(pfn_to_page(pfn), MIGRATE_TYPES);
	CHECK(breaks(zone, "PAGEBLOCK-3"));
	pageblock_set_migratetype(pfn_to_page(pfn), was);
	__free_page(pfn_to_page(pfn + 3));
}

static void types_are_kept_apart(void)
{
	static struct pageblock_types kept;

	for (unsigned i = 0; i < 2 * TYPES_PER_WORD; i++)
		pageblock_types_set(&kept, i, MIGRATE_HIGHATOMIC);
	for (unsigned i = 0; i < 2 * TYPES_PER_WORD; i++)
		pageblock_types_set(&kept, i, (enum migratetype)(i % 3));
	for (unsigned i = 0; i < 2 * TYPES_PER_WORD; i++)
		CHECK_EQ(pageblock_types_get(&kept, i), i % 3);
}

/* What rests on this CPU is on the Isolate lists, too. */
static void stacks_are_emptied(void)
{
	struct zone *zone;
	pfn_t pfn = take_pageblocks(&zone);

	if (pfn == PFN_NONE)
		SKIP("no range is free");
	__free_page(pfn_to_page(pfn + 3));
	CHECK(isolate_pageblocks(zone, pfn, pfn + NR_PAGES, &types));
	CHECK_EQ(zone_isolated_free_pages(zone), NR_PAGES);
	unisolate_pageblocks(zone, pfn, pfn + NR_PAGES, &types);
}

static void contracts_panic(void)
{
	struct zone *zone;
	pfn_t pfn = take_pageblocks(&zone);

	if (pfn == PFN_NONE)
		SKIP("no range is free");
	CHECK_PANICS("is_aligned(start_pfn",
		     (void)!isolate_pageblocks(zone, pfn + 1, pfn + NR_PAGES, &types));
	/* Nothing to isolate: the alignment is looked at all the same. */
	CHECK_PANICS("is_aligned(start_pfn",
		     (void)!isolate_pageblocks(zone, pfn + 1, pfn, &types));
	CHECK_PANICS("is_aligned(end_pfn",
		     (void)!isolate_pageblocks(zone, pfn, pfn + NR_PAGES - 1, &types));
	CHECK_PANICS("== MIGRATE_ISOLATE", unisolate_pageblocks(zone, pfn, pfn + NR_PAGES, &types));
	__free_page(pfn_to_page(pfn + 3));
}

static const struct test_case cases[] = {
	{ "nothing leaves and all comes back", nothing_leaves_and_all_comes_back },
	{ "types come back", types_come_back },
	{ "a large block does not escape", a_large_block_does_not_escape },
	{ "a free pair is cut and joined", a_free_pair_is_cut_and_joined },
	{ "holes are refused", holes_are_refused },
	{ "verify notices PAGEBLOCK-1 and PAGEBLOCK-2",
	  verify_notices_PAGEBLOCK_1_and_PAGEBLOCK_2 },
	{ "verify notices PAGEBLOCK-3", verify_notices_PAGEBLOCK_3 },
	{ "types are kept apart", types_are_kept_apart },
	{ "stacks are emptied", stacks_are_emptied },
	{ "contracts panic", contracts_panic },
};

TEST_SUITE(isolate, cases);
