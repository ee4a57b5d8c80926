/*
 * Ranges within limits, on maps with holes in the middle of pageblocks: what is given is
 * what was asked for, and NULL only where a plain search finds no place either.
 */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/contig.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page/grow.h"
#include "mm/page/isolate.h"
#include "mm/page/page_state.h"
#include "mm/page/pageblock.h"
#include "mm/page_alloc.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"

#define END_PFN		(80 * MIB / PAGE_SIZE)
#define MAX_HELD	400u
#define NR_STEPS	1500u
#define NR_MAPS		6u

/* Of every page below END_PFN whether it is free for all that the test knows. */
static bool is_free[END_PFN];

static struct { pfn_t pfn; uint64_t nr_pages; } held[MAX_HELD];
static unsigned nr_held;
static unsigned nr_tried, nr_served;

/* ---- Maps ---- */

/* Low memory and some pieces, each of any number of pages, with holes of as many. */
static void start_odd_machine(void)
{
	static struct host_machine map;
	uint64_t pfn = MIB / PAGE_SIZE;

	map = (struct host_machine){
		.name = "odd", .nr_cpus = 1, .cpu_domains = { DOMAIN_NONE },
		.ranges = { { 0, MIB, MEM_LOW, 0 } },
	};
	for (unsigned i = 1; i < 12 && pfn < END_PFN; i++) {
		/* The first has room for what boot needs. */
		uint64_t nr_pages = i == 1 ? 3000 + test_random_below(2000) :
				    1 + test_random_below(3000);

		map.ranges[i].start = pfn * PAGE_SIZE;
		map.ranges[i].end = min_u64(pfn + nr_pages, END_PFN) * PAGE_SIZE;
		map.ranges[i].type = MEM_USABLE;
		pfn += nr_pages + 1 + test_random_below(700);
	}
	host_start_machine(&map);
}

/* What is free when all is up: read off the pages, before any range is asked for. */
static void learn_free_pages(void)
{
	memset(is_free, 0, sizeof(is_free));
	nr_held = 0;
	for_each_populated_zone(zone)
		while (zone_grow(zone))
			;
	drain_all_pages();
	for_each_populated_zone(zone)
		for (pfn_t pfn = zone->start_pfn; pfn < zone->end_pfn; pfn++) {
			const struct page *page = pfn_to_page(pfn);

			if (page->type != PAGE_FREE)
				continue;
			memset(&is_free[pfn], true, pages_in(page->order));
			pfn += pages_in(page->order) - 1;
		}
}

static uint64_t nr_free_of(const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for (pfn_t pfn = zone->start_pfn; pfn < zone->end_pfn; pfn++)
		nr_pages += is_free[pfn];
	return nr_pages;
}

/* ---- The model ---- */

static bool is_within(pfn_t pfn, uint64_t nr_pages, const struct contig_limits *limits)
{
	uint64_t start = pfn * PAGE_SIZE, end = start + nr_pages * PAGE_SIZE;

	if (start < limits->start_pa || (limits->end_pa && end > limits->end_pa))
		return false;
	if (limits->alignment_bytes && start % limits->alignment_bytes != 0)
		return false;
	return !limits->boundary_bytes ||
	       start / limits->boundary_bytes == (end - 1) / limits->boundary_bytes;
}

/* Whether a range of @zone would do: by trying every page as its first. */
static bool zone_has_range(const struct zone *zone, uint64_t nr_pages,
			   const struct contig_limits *limits)
{
	uint64_t nr_run = 0;

	for (pfn_t pfn = zone->start_pfn; pfn < zone->end_pfn; pfn++) {
		nr_run = is_free[pfn] ? nr_run + 1 : 0;
		if (nr_run >= nr_pages && is_within(pfn + 1 - nr_pages, nr_pages, limits))
			return true;
	}
	return false;
}

/* All memory lies below 4 GiB: what a request leaves of low memory is for who asks for that. */
static bool model_has_range(uint64_t nr_pages, enum zone_type highest,
			    const struct contig_limits *limits)
{
	enum zone_type reach = highest;

	if (limits->end_pa && limits->end_pa / PAGE_SIZE <= ZONE_DMA_END_PFN)
		reach = ZONE_DMA;
	else if (limits->end_pa && highest > ZONE_DMA32)
		reach = ZONE_DMA32;
	for_each_populated_zone(zone)
		if (zone->type <= highest && zone_has_range(zone, nr_pages, limits) &&
		    nr_free_of(zone) > nr_pages + zone->watermark[WATERMARK_MIN] +
					       zone->lowmem_reserve[reach])
			return true;
	return false;
}

/* ---- Steps ---- */

static void mark(pfn_t pfn, uint64_t nr_pages, bool free)
{
	for (uint64_t i = 0; i < nr_pages; i++) {
		CHECK(is_free[pfn + i] == !free);
		is_free[pfn + i] = free;
	}
}

static void hold(const struct page *page, uint64_t nr_pages)
{
	held[nr_held].pfn = page_to_pfn(page);
	held[nr_held++].nr_pages = nr_pages;
	mark(page_to_pfn(page), nr_pages, false);
}

static struct contig_limits random_limits(void)
{
	struct contig_limits limits = { 0 };

	if (test_random_below(2))
		limits.start_pa = test_random_below(END_PFN * PAGE_SIZE);
	if (test_random_below(2))
		limits.end_pa = limits.start_pa + test_random_below(END_PFN * PAGE_SIZE / 2);
	if (test_random_below(2))
		limits.alignment_bytes = (uint64_t)1 << test_random_below(24);
	if (test_random_below(2))
		limits.boundary_bytes = (uint64_t)PAGE_SIZE << test_random_below(12);
	return limits;
}

static void try_range(void)
{
	static const struct { gfp_t gfp; enum zone_type highest; } kinds[] = {
		{ GFP_KERNEL, ZONE_NORMAL }, { GFP_DMA32, ZONE_DMA32 }, { GFP_DMA, ZONE_DMA },
		{ GFP_KERNEL | __GFP_RECLAIMABLE, ZONE_NORMAL },
	};
	unsigned kind = (unsigned)test_random_below(ARRAY_SIZE(kinds));
	uint64_t nr_pages = 1 + test_random_below(test_random_below(4) ? 40 : 2000);
	struct contig_limits limits = random_limits();
	bool is_expected = model_has_range(nr_pages, kinds[kind].highest, &limits);
	struct page *page = alloc_contig_limited(nr_pages, kinds[kind].gfp, NID_NONE, &limits);

	CHECK_EQ(page != NULL, is_expected);
	nr_tried++;
	nr_served += page != NULL;
	if (!page)
		return;
	CHECK(is_within(page_to_pfn(page), nr_pages, &limits));
	for (uint64_t i = 0; i < nr_pages; i++)
		CHECK(page[i].refcount == 1 && page[i].order == 0 && page[i].type == PAGE_USER);
	hold(page, nr_pages);
}

static void let_go(unsigned index)
{
	mark(held[index].pfn, held[index].nr_pages, true);
	free_contig_range(held[index].pfn, held[index].nr_pages);
	held[index] = held[--nr_held];
}

/* One page of what an ordinary request gets: they come from stacks and stay scattered. */
static void take_single(void)
{
	struct page *page = alloc_pages(GFP_NOWAIT | __GFP_NOWARN, 0);

	if (page)
		hold(page, 1);
}

static void step(void)
{
	uint64_t what = test_random_below(8);

	if (nr_held == MAX_HELD || (what < 3 && nr_held > 0))
		let_go((unsigned)test_random_below(nr_held));
	else if (what < 4)
		take_single();
	else
		try_range();
}

static void a_range_is_found_where_a_plain_search_finds_one(void)
{
	nr_tried = nr_served = 0;
	for (unsigned map = 0; map < NR_MAPS; map++) {
		start_odd_machine();
		learn_free_pages();
		for (unsigned i = 0; i < NR_STEPS; i++)
			step();
		CHECK(mm_verify_all());
		while (nr_held > 0)
			let_go(nr_held - 1);
		drain_all_pages();
		for_each_populated_zone(zone)
			CHECK_EQ(zone_free_pages(zone), nr_free_of(zone));
		CHECK(mm_verify_all());
	}
	/* Random limits are met often enough, and often enough not. */
	CHECK(nr_served > nr_tried / 10);
	CHECK(nr_served < nr_tried * 9 / 10);
}

/* ---- Examples ---- */

static void low_memory_is_within_reach_by_its_end_alone(void)
{
	const struct contig_limits below_16_mib = { .end_pa = 16 * MIB };
	const struct contig_limits window = { .start_pa = 2 * MIB, .end_pa = 2 * MIB + 64 * KIB };
	const struct zone *dma;
	struct page *page;

	host_start_machine(&machine_large);
	dma = &node_data(0)->node_zones[ZONE_DMA];
	/* So much of it is reserved that no request that could go higher is served. */
	CHECK(zone_free_pages(dma) < 100 + dma->lowmem_reserve[ZONE_NORMAL]);
	page = alloc_contig_limited(100, GFP_KERNEL, NID_NONE, &below_16_mib);
	CHECK(page != NULL);
	CHECK(page && page_zone(page) == dma);
	page = alloc_contig_limited(16, GFP_KERNEL, NID_NONE, &window);
	CHECK(page && page_to_pfn(page) == 2 * MIB / PAGE_SIZE);
	CHECK(!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &window));
}

/* Of what lies above the limits nothing comes up. */
static void limits_do_not_bring_up_what_lies_beyond(void)
{
	const struct contig_limits below_1_gib = { .end_pa = GIB };
	const struct contig_limits in_a_hole = { .start_pa = 3 * GIB, .end_pa = 4 * GIB };
	uint64_t nr_pending;
	const struct zone *zone;

	host_start_machine(&machine_large);
	zone = &node_data(0)->node_zones[ZONE_DMA32];
	nr_pending = zone->nr_pending_pages;
	CHECK(!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &in_a_hole));
	CHECK_EQ(zone->nr_pending_pages, nr_pending);
	CHECK(!alloc_contig_limited(GIB / PAGE_SIZE, GFP_KERNEL, NID_NONE, &below_1_gib));
	CHECK_EQ(zone->nr_pending_pages, nr_pending);
	CHECK(alloc_contig_limited(4, GFP_KERNEL, NID_NONE, &below_1_gib) != NULL);
	CHECK(zone->nr_pending_pages >= GIB / PAGE_SIZE);
}

static void limits_that_nothing_meets_are_refused(void)
{
	const struct contig_limits backwards = { .start_pa = 8 * MIB, .end_pa = 4 * MIB };
	const struct contig_limits within_a_page = { .start_pa = 4 * MIB + 1,
						     .end_pa = 4 * MIB + 8191 };
	const struct contig_limits end_of_all = { .start_pa = UINT64_MAX };
	const struct contig_limits tight = { .boundary_bytes = 64 * KIB };
	struct page *page;

	host_start_machine(&machine_small);
	CHECK(!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &backwards));
	CHECK(!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &within_a_page));
	CHECK(!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &end_of_all));
	CHECK(!alloc_contig_limited(17, GFP_KERNEL, NID_NONE, &tight));
	CHECK(!alloc_contig_limited(UINT64_MAX, GFP_KERNEL, NID_NONE, &end_of_all));
	page = alloc_contig_limited(16, GFP_KERNEL, NID_NONE, &tight);
	CHECK(page && page_to_pfn(page) % 16 == 0);
}

static void limits_that_mean_nothing_panic(void)
{
	const struct contig_limits odd = { .alignment_bytes = 3 * PAGE_SIZE };
	const struct contig_limits odd_boundary = { .boundary_bytes = 3 * PAGE_SIZE };
	const struct contig_limits narrow = { .boundary_bytes = PAGE_SIZE / 2 };
	const struct contig_limits none = { 0 };

	host_start_machine(&machine_small);
	CHECK_PANICS("is_power_of_two(limits->alignment_bytes)",
		     (void)!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &odd));
	CHECK_PANICS("is_power_of_two(limits->boundary_bytes)",
		     (void)!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &odd_boundary));
	CHECK_PANICS("limits->boundary_bytes >= PAGE_SIZE",
		     (void)!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &narrow));
	CHECK_PANICS("nr_pages > 0", (void)!alloc_contig_limited(0, GFP_KERNEL, NID_NONE, &none));
}

static enum migratetype type_at(pfn_t pfn)
{
	return pageblock_migratetype(pfn_to_page(pfn));
}

/* Nothing lies in the way: the pageblocks wholly inside become what the caller asked for. */
static void whole_pageblocks_of_a_range_take_its_type(void)
{
	pfn_t pfn = 6 * MIB / PAGE_SIZE;
	struct zone *zone;

	host_start_machine(&machine_small);
	zone = &node_data(0)->node_zones[ZONE_DMA];
	while (zone_grow(zone))
		;
	for (pfn_t at = pfn - PAGEBLOCK_PAGES; at < pfn + 3 * PAGEBLOCK_PAGES;
	     at += PAGEBLOCK_PAGES)
		CHECK_EQ(type_at(at), MIGRATE_MOVABLE);
	CHECK(alloc_contig_range(pfn - 7, pfn + 2 * PAGEBLOCK_PAGES + 9, MIGRATE_RECLAIMABLE));
	CHECK_EQ(type_at(pfn - 1), MIGRATE_MOVABLE);
	CHECK_EQ(type_at(pfn), MIGRATE_RECLAIMABLE);
	CHECK_EQ(type_at(pfn + PAGEBLOCK_PAGES), MIGRATE_RECLAIMABLE);
	CHECK_EQ(type_at(pfn + 2 * PAGEBLOCK_PAGES), MIGRATE_MOVABLE);
	CHECK(mm_verify_all());
	free_contig_range(pfn - 7, 2 * PAGEBLOCK_PAGES + 16);
	CHECK(alloc_contig_range(pfn, pfn + PAGEBLOCK_PAGES, MIGRATE_UNMOVABLE));
	CHECK_EQ(type_at(pfn), MIGRATE_UNMOVABLE);
	CHECK_EQ(type_at(pfn + PAGEBLOCK_PAGES), MIGRATE_RECLAIMABLE);
}

/* What is free in a pageblock that somebody isolated is theirs. */
static void isolated_pageblocks_are_passed_over(void)
{
	static struct pageblock_types types;
	const struct contig_limits limits = { .start_pa = 4 * MIB, .end_pa = 6 * MIB };
	struct zone *zone;
	pfn_t pfn = 4 * MIB / PAGE_SIZE;

	host_start_machine(&machine_small);
	zone = &node_data(0)->node_zones[ZONE_DMA];
	while (zone_grow(zone))
		;
	CHECK(isolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types));
	CHECK(!alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &limits));
	CHECK(!alloc_contig_range(pfn - PAGEBLOCK_PAGES, pfn + 1, MIGRATE_UNMOVABLE));
	CHECK(!alloc_contig_range(pfn + 10, pfn + 20, MIGRATE_UNMOVABLE));
	unisolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types);
	CHECK(alloc_contig_limited(1, GFP_KERNEL, NID_NONE, &limits) != NULL);
	CHECK(mm_verify_all());
}

/* Types of so many pageblocks can be kept, and of no more. */
static void no_more_than_8_gib_are_isolated(void)
{
	static struct pageblock_types types;
	static struct host_machine map;
	pfn_t pfn = 4 * GIB / PAGE_SIZE;
	struct zone *zone;

	map = machine_small;
	map.ranges[2].start = 4 * GIB;
	map.ranges[2].end = 13 * GIB;
	map.ranges[2].type = MEM_USABLE;
	host_start_machine(&map);
	zone = &node_data(0)->node_zones[ZONE_NORMAL];
	while (zone_grow(zone))
		;
	while (!pageblock_is_owned(zone, pfn))
		pfn += PAGEBLOCK_PAGES;
	CHECK(!isolate_pageblocks(zone, pfn, pfn + CONTIG_MAX_PAGES + PAGEBLOCK_PAGES, &types));
	CHECK_EQ(zone->nr_isolated_pages, 0);
	CHECK(isolate_pageblocks(zone, pfn, pfn + CONTIG_MAX_PAGES, &types));
	CHECK_EQ(zone->nr_isolated_pages, CONTIG_MAX_PAGES);
	unisolate_pageblocks(zone, pfn, pfn + CONTIG_MAX_PAGES, &types);
}

static const struct test_case cases[] = {
	{ "a range is found where a plain search finds one",
	  a_range_is_found_where_a_plain_search_finds_one },
	{ "low memory is within reach by its end alone",
	  low_memory_is_within_reach_by_its_end_alone },
	{ "limits do not bring up what lies beyond", limits_do_not_bring_up_what_lies_beyond },
	{ "limits that nothing meets are refused", limits_that_nothing_meets_are_refused },
	{ "limits that mean nothing panic", limits_that_mean_nothing_panic },
	{ "whole pageblocks of a range take its type",
	  whole_pageblocks_of_a_range_take_its_type },
	{ "no more than 8 GiB are isolated", no_more_than_8_gib_are_isolated },
	{ "isolated pageblocks are passed over", isolated_pageblocks_are_passed_over },
};

TEST_SUITE(contig_machines, cases);
