/* What each slide claims, checked on the live system. */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "tests/lecture/lecture.h"
#include "tests/test.h"

static void slide_1_a_free_list_in_the_pages(void)
{
	struct xv6_facts facts = xv6_measure();

	CHECK(facts.nr_pages > 1);
	CHECK(facts.is_last_in_first_out);
	/* 2 GiB for the process leaves not quite 2 for the kernel; 3 leave not quite 1. */
	CHECK_EQ(xv6_reachable_bytes(0x80000000ull), 0x7e000000ull);
	CHECK_EQ(xv6_reachable_bytes(0xc0000000ull), 0x3e000000ull);
}

static void slide_2_an_array_of_struct_page(void)
{
	struct mem_map_facts facts = mem_map_measure();

	CHECK(facts.leads_back);
	CHECK_EQ(facts.struct_bytes, 32);
	CHECK_EQ(facts.struct_va, mm_port_vmemmap + facts.pfn * facts.struct_bytes);
	CHECK_EQ(facts.page_va, mm_port_direct_map + facts.pfn * PAGE_SIZE);
}

static void slide_3_the_scan_of_a_bitmap_grows(void)
{
	struct bitmap_facts facts = bitmap_measure();

	for (unsigned i = 0; i < NR_BITMAP_SAMPLES; i++)
		CHECK_EQ(facts.cost[i], facts.nr_taken[i] / 64 + 1);
	CHECK_EQ(facts.nr_packed, PAGE_SIZE / 300);
}

static void slide_4_0x4000_bytes_are_a_block_of_order_2(void)
{
	struct buddy_facts facts = buddy_measure();

	CHECK_EQ(facts.nr_pages, 4);
	CHECK_EQ(facts.order, 2);
	CHECK(is_aligned(facts.pfn, 4));
	CHECK_EQ(facts.pfn ^ facts.buddy_pfn, 4);
	CHECK_EQ(facts.waste_of_4_bytes, 4092);
}

static void slide_5_six_objects_and_the_list_of_free_ones(void)
{
	struct slab_facts facts = slab_measure();

	CHECK_EQ(facts.nr_pages, 2);
	CHECK_EQ(facts.nr_objects, SLIDE_OBJECTS);
	CHECK_EQ(facts.nr_short, 2);
	CHECK_EQ(facts.short_list[0], 3);
	CHECK_EQ(facts.short_list[1], 1);
	CHECK_EQ(facts.nr_long, 3);
	CHECK_EQ(facts.long_list[0], 3);
	CHECK_EQ(facts.long_list[1], 1);
	CHECK_EQ(facts.long_list[2], 7);
}

static void slide_6_a_table_of_sizes(void)
{
	struct kmalloc_facts facts = kmalloc_measure();

	for (unsigned i = 0; i < NR_KMALLOC_SAMPLES; i++) {
		CHECK(facts.given[i] >= facts.asked[i]);
		if (is_power_of_two(facts.asked[i]) && facts.asked[i] >= 8)
			CHECK_EQ(kmalloc_size_roundup(facts.asked[i]), facts.asked[i]);
	}
}

static void slide_7_local_memory_first(void)
{
	struct numa_facts facts = numa_measure();

	CHECK(facts.nr_with_memory >= 1);
	CHECK_EQ(facts.nr_local, facts.nr_with_memory);
	CHECK(facts.nr_with_memory > 1 || facts.nr_nodes > 1 || facts.fallback_nid == NID_NONE);
	CHECK(facts.nr_with_memory == 1 || facts.fallback_nid != NID_NONE);
}

static void slides_8_and_9_nodes_and_zones(void)
{
	struct zone_facts facts = zone_measure();

	CHECK(facts.nr_zones >= 1);
	CHECK(facts.spans_hold_present);
	CHECK(facts.free_areas_add_up);
}

static void slide_10_kfree_finds_the_cache(void)
{
	struct kfree_facts facts = kfree_measure();

	CHECK(facts.ignores_nothing);
	CHECK(facts.is_of_slab);
	CHECK(facts.cache_name && strncmp(facts.cache_name, "kmalloc-", 8) == 0);
}

static void slide_11_the_descriptor_lies_elsewhere(void)
{
	struct external_facts facts = external_measure();

	CHECK(facts.object_bytes >= 4096);
	CHECK(facts.is_outside);
	CHECK(facts.next_is_cache);
	CHECK(facts.prev_is_slab);
}

static void slide_12_tails_lead_to_the_head(void)
{
	struct compound_facts facts = compound_measure();

	CHECK(facts.is_head_marked);
	CHECK_EQ(facts.nr_tails, (1u << facts.order) - 1);
	CHECK_EQ(facts.found_order, facts.order);
}

static void slide_13_scattered_pages_contiguous_addresses(void)
{
	struct vmalloc_facts facts = vmalloc_measure();

	CHECK(facts.nr_pages > 1);
	CHECK(facts.nr_runs > 1);
	CHECK(facts.is_ordered);
	CHECK(facts.agrees_with_tables);
	CHECK(facts.has_guard);
}

static const struct test_case cases[] = {
	{ "slide 1: a free list in the pages", slide_1_a_free_list_in_the_pages },
	{ "slide 2: an array of struct page", slide_2_an_array_of_struct_page },
	{ "slide 3: the scan of a bitmap grows", slide_3_the_scan_of_a_bitmap_grows },
	{ "slide 4: 0x4000 bytes are a block of order 2",
	  slide_4_0x4000_bytes_are_a_block_of_order_2 },
	{ "slide 5: six objects and the list of free ones",
	  slide_5_six_objects_and_the_list_of_free_ones },
	{ "slide 6: a table of sizes", slide_6_a_table_of_sizes },
	{ "slide 7: local memory first", slide_7_local_memory_first },
	{ "slides 8 and 9: nodes and zones", slides_8_and_9_nodes_and_zones },
	{ "slide 10: kfree finds the cache", slide_10_kfree_finds_the_cache },
	{ "slide 11: the descriptor lies elsewhere", slide_11_the_descriptor_lies_elsewhere },
	{ "slide 12: tails lead to the head", slide_12_tails_lead_to_the_head },
	{ "slide 13: scattered pages, contiguous addresses",
	  slide_13_scattered_pages_contiguous_addresses },
};

TEST_SUITE(lecture, cases);
