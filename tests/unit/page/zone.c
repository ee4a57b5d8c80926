/* Zones: borders, watermarks, reserves, and the rules of a zone in an array. */

#include "mm/page/zone.h"

#include "lib/string.h"
#include "tests/test.h"
#include "tests/unit/sandbox.h"

static struct sandbox box;

static bool breaks(const char *rule)
{
	struct violation violation;

	return !zone_verify(box.zone, &violation) && strcmp(violation.rule, rule) == 0;
}

static void pages_fall_into_zones_by_address(void)
{
	CHECK_EQ(zone_type_of_pfn(0), ZONE_DMA);
	CHECK_EQ(zone_type_of_pfn(4095), ZONE_DMA);
	CHECK_EQ(zone_type_of_pfn(4096), ZONE_DMA32);
	CHECK_EQ(zone_type_of_pfn(0xfffff), ZONE_DMA32);
	CHECK_EQ(zone_type_of_pfn(0x100000), ZONE_NORMAL);
}

static void min_free_pages_follow_the_square_root(void)
{
	CHECK_EQ(min_free_pages_for(0), 32);
	CHECK_EQ(min_free_pages_for(262144), 1024);		/* 1 GiB: 4 MiB */
	CHECK_EQ(min_free_pages_for(4 * 262144ull), 2048);
	CHECK_EQ(min_free_pages_for((uint64_t)1 << 31), 65536);	/* 8 TiB: 256 MiB at most */
}

static void watermarks_are_a_share_by_size(void)
{
	CHECK(sandbox_start(&box));
	zone_set_watermarks(box.zone, 1000, 2 * SANDBOX_PAGES);
	CHECK_EQ(box.zone->watermark[WATERMARK_MIN], 500);
	CHECK_EQ(box.zone->watermark[WATERMARK_LOW], 625);
	CHECK_EQ(box.zone->watermark[WATERMARK_HIGH], 750);
	sandbox_end(&box);
}

static void the_movable_zone_has_small_marks_of_its_own(void)
{
	struct zone *movable = &box.node.node_zones[ZONE_MOVABLE];

	CHECK(sandbox_start(&box));
	zone_init(movable, &box.node, ZONE_MOVABLE, box.map);
	movable->managed_pages = 100;
	zone_set_watermarks(movable, 1000000, 100);
	CHECK_EQ(movable->watermark[WATERMARK_MIN], 32);
	movable->managed_pages = 65536;
	zone_set_watermarks(movable, 1000000, 100);
	CHECK_EQ(movable->watermark[WATERMARK_MIN], 64);
	CHECK_EQ(movable->watermark[WATERMARK_HIGH], 96);
	movable->managed_pages = (uint64_t)1 << 30;
	zone_set_watermarks(movable, 1000000, 100);
	CHECK_EQ(movable->watermark[WATERMARK_MIN], 128);
	sandbox_end(&box);
}

static void pages_of_a_node_fall_into_its_movable_zone(void)
{
	struct pglist_data *node = &box.node;

	node->movable_start_pfn = PFN_NONE;
	CHECK_EQ(node_zone_type(node, 0x100000), ZONE_NORMAL);
	node->movable_start_pfn = 0x80000;
	CHECK_EQ(node_zone_type(node, 0x7ffff), ZONE_DMA32);
	CHECK_EQ(node_zone_type(node, 0x80000), ZONE_MOVABLE);
	CHECK_EQ(node_zone_type(node, 0x100000), ZONE_MOVABLE);
}

static void low_zones_keep_a_reserve_from_higher_requests(void)
{
	struct pglist_data *node = &box.node;
	struct zone *dma = &node->node_zones[ZONE_DMA];

	CHECK(sandbox_start(&box));
	zone_init(dma, node, ZONE_DMA, box.map);
	dma->present_pages = 100;
	dma->nr_free_pages = 90;
	node_set_lowmem_reserve(node);
	CHECK_EQ(dma->lowmem_reserve[ZONE_DMA], 0);
	CHECK_EQ(dma->lowmem_reserve[ZONE_NORMAL], SANDBOX_PAGES / 256);
	CHECK_EQ(box.zone->lowmem_reserve[ZONE_NORMAL], 0);
	CHECK(zone_watermark_ok(dma, 0, 80, ZONE_DMA));
	CHECK(!zone_watermark_ok(dma, 0, 80, ZONE_NORMAL));
	CHECK(!zone_watermark_ok(dma, 4, 80, ZONE_DMA));
	sandbox_end(&box);
}

static void names_are_linux_s(void)
{
	CHECK(strcmp(zone_type_name(ZONE_DMA32), "DMA32") == 0);
	CHECK(strcmp(zone_type_name(ZONE_NORMAL), "Normal") == 0);
	CHECK(strcmp(migratetype_name(MIGRATE_HIGHATOMIC), "HighAtomic") == 0);
}

static void the_walk_counts_every_type(void)
{
	struct zone_census census;
	struct violation violation;
	struct page *page;

	CHECK(sandbox_start(&box));
	page = sandbox_take(&box, 3, MIGRATE_MOVABLE);
	CHECK(zone_count(box.zone, &census, &violation));
	CHECK_EQ(census.nr_pages[PAGE_USER], 8);
	CHECK_EQ(census.nr_pages[PAGE_FREE], SANDBOX_PAGES - 8);
	page->type = PAGE_TABLE;
	CHECK(breaks("ZONE-7"));
	box.zone->nr_type_pages[PAGE_TABLE] = 8;
	CHECK(zone_verify(box.zone, &violation));
	sandbox_end(&box);
}

static void verify_notices_ZONE_1(void)
{
	CHECK(sandbox_start(&box));
	box.span.end_pfn = SANDBOX_PAGES + 1;
	CHECK(breaks("ZONE-1"));
	box.span.end_pfn = 0;
	CHECK(breaks("ZONE-1"));
	sandbox_end(&box);
}

static void verify_notices_ZONE_2(void)
{
	CHECK(sandbox_start(&box));
	box.zone->nr_pending_pages = 1;
	CHECK(breaks("ZONE-2"));
	sandbox_end(&box);
}

static void verify_notices_ZONE_3(void)
{
	CHECK(sandbox_start(&box));
	box.zone->watermark[WATERMARK_LOW] = 7;
	CHECK(breaks("ZONE-3"));
	sandbox_end(&box);
}

static void verify_notices_ZONE_4(void)
{
	CHECK(sandbox_start(&box));
	box.zone->nr_metadata_pages = 1;
	CHECK(breaks("ZONE-4"));
	sandbox_end(&box);
}

static void verify_notices_ZONE_5(void)
{
	struct page *page;

	CHECK(sandbox_start(&box));
	page = sandbox_take(&box, 3, MIGRATE_MOVABLE);
	page->order = 2;	/* a gap behind it */
	CHECK(breaks("ZONE-5"));
	page->order = 3;
	page->zone_index = 1;
	CHECK(breaks("ZONE-5"));
	sandbox_end(&box);
}

static void verify_notices_ZONE_6(void)
{
	CHECK(sandbox_start(&box));
	box.zone->managed_pages--;
	CHECK(breaks("ZONE-6"));
	sandbox_end(&box);
}

static void verify_notices_ZONE_7(void)
{
	CHECK(sandbox_start(&box));
	box.zone->nr_free_pages--;
	CHECK(breaks("ZONE-7"));
	sandbox_end(&box);
}

static const struct test_case cases[] = {
	{ "pages fall into zones by address", pages_fall_into_zones_by_address },
	{ "min free pages follow the square root", min_free_pages_follow_the_square_root },
	{ "watermarks are a share by size", watermarks_are_a_share_by_size },
	{ "the movable zone has small marks of its own",
	  the_movable_zone_has_small_marks_of_its_own },
	{ "pages of a node fall into its movable zone",
	  pages_of_a_node_fall_into_its_movable_zone },
	{ "low zones keep a reserve from higher requests",
	  low_zones_keep_a_reserve_from_higher_requests },
	{ "names are Linux's", names_are_linux_s },
	{ "the walk counts every type", the_walk_counts_every_type },
	{ "verify notices ZONE-1", verify_notices_ZONE_1 },
	{ "verify notices ZONE-2", verify_notices_ZONE_2 },
	{ "verify notices ZONE-3", verify_notices_ZONE_3 },
	{ "verify notices ZONE-4", verify_notices_ZONE_4 },
	{ "verify notices ZONE-5", verify_notices_ZONE_5 },
	{ "verify notices ZONE-6", verify_notices_ZONE_6 },
	{ "verify notices ZONE-7", verify_notices_ZONE_7 },
};

TEST_SUITE(zone, cases);
