/* The page allocator's public API, on the live system. */

#include "mm/page_alloc.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page/page_state.h"
#include "mm/page/section.h"
#include "tests/test.h"
#include "tests/unit/nodes.h"

#define NR_STEPS	5000u
#define MAX_LIVE	256u
#define NR_BULK		300u
#define TEXT_BYTES	256u

static bool is_block(const struct page *page, unsigned order)
{
	return page && page->refcount == 1 && page->type == PAGE_USER && page->order == order &&
	       is_aligned(page_to_pfn(page), pages_in(order));
}

static void every_order_comes_aligned_and_goes(void)
{
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		CHECK(is_block(page, order));
		memset(page_address(page), 0xa5, pages_to_bytes(pages_in(order)));
		__free_pages(page, order);
	}
	CHECK(!alloc_pages(GFP_KERNEL, MAX_ORDER + 1));
}

static void constant_requests_take_the_same_way(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	struct page *block = alloc_pages(GFP_KERNEL | __GFP_MOVABLE, 3);
	struct page *huge = alloc_pages(GFP_KERNEL, 9);

	CHECK(is_block(page, 0));
	CHECK(is_block(block, 3));
	CHECK(is_block(huge, 9));
	CHECK_EQ((uint64_t)page->caller >> 16 != 0, true);
	__free_pages(huge, 9);
	__free_pages(block, 3);
	__free_pages(page, 0);
}

static void the_page_freed_last_comes_first(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	__free_pages(page, 0);
	CHECK_EQ(page_to_pfn(alloc_pages(GFP_KERNEL, 0)), page_to_pfn(page));
	__free_pages(page, 0);
}

static void zeroed_pages_are_zero(void)
{
	for (unsigned order = 0; order <= 4; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);
		const uint64_t *word;

		memset(page_address(page), 0xff, pages_to_bytes(pages_in(order)));
		__free_pages(page, order);
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
		word = page_address(page);
		for (uint64_t i = 0; i < pages_to_bytes(pages_in(order)) / sizeof(*word); i++)
			CHECK(word[i] == 0);
		__free_pages(page, order);
	}
}

static void zone_flags_are_obeyed(void)
{
	struct page *dma = alloc_pages(GFP_DMA | __GFP_NOWARN, 0);
	struct page *dma32 = alloc_pages(GFP_DMA32, 2);

	if (dma) {
		CHECK(page_to_pfn(dma) < ZONE_DMA_END_PFN);
		__free_pages(dma, 0);
	}
	CHECK(dma32 && page_to_pfn(dma32) + 4 <= ZONE_DMA32_END_PFN);
	if (dma32)
		__free_pages(dma32, 2);
}

static void nodes_are_obeyed(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct page *page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE, 1);

		CHECK(page != NULL || !node_is_roomy(nid));
		CHECK(page == NULL || node_has_memory(nid));
		if (page) {
			CHECK_EQ(page_to_nid(page), nid);
			__free_pages(page, 1);
		}
		page = alloc_pages_node(nid, GFP_KERNEL, 0);
		CHECK(page != NULL);
		if (node_is_roomy(nid))
			CHECK_EQ(page_to_nid(page), nid);
		__free_pages(page, 0);
	}
}

static void memoryless_nodes_use_the_nearest(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct page *page;

		if (node_has_memory(nid))
			continue;
		page = alloc_pages_node(nid, GFP_KERNEL, 0);
		for (unsigned other = 0; other < nr_node_ids(); other++)
			if (node_has_memory(other))
				CHECK(node_distance(nid, page_to_nid(page)) <=
				      node_distance(nid, other));
		__free_pages(page, 0);
	}
}

/* ---- Compound pages and references ---- */

static void tails_lead_to_the_head(void)
{
	for (unsigned order = 1; order <= MAX_ORDER; order++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);

		CHECK_EQ(page->type, PAGE_HEAD);
		CHECK(page->flags & PAGE_COMPOUND);
		for (uint64_t i = 0; i < pages_in(order); i++)
			CHECK(compound_head(page + i) == page);
		CHECK_EQ(compound_head(page + 1)->order, order);
		__free_pages(page, order);
		CHECK(page[1].type != PAGE_TAIL);
	}
}

static void the_last_reference_frees(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	get_page(page);
	__free_pages(page, 0);
	CHECK_EQ(page->type, PAGE_USER);
	CHECK_EQ(page->refcount, 1);
	put_page(page);
	CHECK_EQ(page->type, PAGE_CACHED);
}

static void a_referenced_first_page_stays_when_its_block_goes(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 4);

	get_page(page);
	__free_pages(page, 4);
	CHECK_EQ(page->type, PAGE_USER);
	CHECK_EQ(page->order, 0);
	CHECK_EQ(page->refcount, 1);
	for (unsigned i = 1; i < 16; i++)
		CHECK(page[i].type != PAGE_USER);
	put_page(page);
	CHECK(page->type != PAGE_USER);
	CHECK(mm_verify_all());
}

static void a_compound_page_goes_whole_at_the_last_put(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);

	get_page(page + 5);
	CHECK_EQ(page->refcount, 2);
	__free_pages(page, 3);
	CHECK_EQ(page->order, 3);
	CHECK_EQ(page[7].type, PAGE_TAIL);
	put_page(page + 7);
	CHECK(page->type != PAGE_HEAD);
	CHECK(page[7].type != PAGE_TAIL);
}

/* ---- What is caught ---- */

static void wrong_frees_panic_with_a_report(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	struct page *compound = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	struct page *typed = alloc_pages(GFP_KERNEL, 0);

	CHECK_PANICS("another order", __free_pages(page, 1));
	CHECK_PANICS("another order", __free_pages(page, 5));
	CHECK_PANICS("heads no block", __free_pages(page + 1, 0));
	CHECK_PANICS("tail page", __free_pages(compound + 1, 0));
	page_set_type(typed, PAGE_TABLE);
	CHECK_PANICS("another use", __free_pages(typed, 0));
	page_set_type(typed, PAGE_USER);
	__free_pages(typed, 0);
	CHECK_PANICS("free of a free page", __free_pages(typed, 0));
	CHECK_PANICS("free of a free page", put_page(typed));
	CHECK_PANICS("refcount != 0", get_page(typed));
	__free_pages(compound, 2);
	__free_pages(page, 2);
	CHECK_PANICS("free of a free page", __free_pages(page, 2));
}

static void freeing_a_listed_or_reserved_page_panics(void)
{
	for_each_populated_zone(zone) {
		for (unsigned type = 0; type < MIGRATE_PCPTYPES; type++) {
			struct list_head *list = &zone->free_area[MAX_ORDER].free_list[type];

			if (list_is_empty(list))
				continue;
			CHECK_PANICS("free of a free page",
				     __free_pages(list_first_entry(list, struct page, list),
						  MAX_ORDER));
		}
	}
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		const struct pglist_data *node = node_data(nid);

		if (node->nr_taken && section_is_up(node->taken[0].start_pfn))
			CHECK_PANICS("reserved page",
				     __free_pages(pfn_to_page(node->taken[0].start_pfn), 0));
	}
}

static void a_write_to_a_cached_page_is_noticed(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	uint64_t state;

	__free_pages(page, 0);
	state = page->state;
	page->refcount = 7;
	CHECK_PANICS("free page was written to", alloc_pages(GFP_KERNEL, 0));
	page->state = state;
}

static void whatis_tells_node_zone_order_and_caller(void)
{
	char text[TEXT_BYTES];
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	page_whatis(page_to_pfn(page) + 5, text, sizeof(text));
	CHECK(strstr(text, "order 3"));
	CHECK(strstr(text, "user"));
	CHECK(strstr(text, page_zone(page)->name));
	CHECK(strstr(text, "caller"));
	__free_pages(page, 3);
	page_whatis(page_to_pfn(page), text, sizeof(text));
	CHECK(strstr(text, "cached") || strstr(text, "free"));
	page_whatis((pfn_t)1 << 50, text, sizeof(text));
	CHECK(strstr(text, "not in mem_map"));
}

/* ---- Types, bulk, failure ---- */

static void typed_pages_are_counted(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	const uint64_t *counters = page_zone(page)->nr_type_pages;
	uint64_t nr_slab = counters[PAGE_SLAB];
	uint64_t nr_table = counters[PAGE_TABLE];

	page_set_type(page, PAGE_SLAB);
	CHECK_EQ(counters[PAGE_SLAB], nr_slab + 4);
	CHECK_EQ(page[3].type, PAGE_SLAB);
	page_set_type(page, PAGE_TABLE);
	CHECK_EQ(counters[PAGE_SLAB], nr_slab);
	CHECK_EQ(counters[PAGE_TABLE], nr_table + 4);
	CHECK(page[3].type != PAGE_SLAB);
	page_set_type(page, PAGE_USER);
	CHECK_EQ(counters[PAGE_TABLE], nr_table);
	__free_pages(page, 2);
	CHECK_PANICS("refcount != 0", page_set_type(page, PAGE_TABLE));
}

static void bulk_pages_are_distinct(void)
{
	static struct page *pages[NR_BULK];

	CHECK_EQ(alloc_pages_bulk(GFP_KERNEL, NID_NONE, NR_BULK, pages), NR_BULK);
	for (unsigned i = 0; i < NR_BULK; i++) {
		CHECK(is_block(pages[i], 0));
		CHECK_EQ(pages[i]->owner, 0);
		pages[i]->owner = (uint16_t)(i + 1);
	}
	for (unsigned i = 0; i < NR_BULK; i++) {
		CHECK_EQ(pages[i]->owner, i + 1);
		pages[i]->owner = 0;
	}
	free_pages_bulk(NR_BULK, pages);
}

static void the_nth_allocation_fails(void)
{
	for (unsigned nth = 1; nth <= 5; nth++) {
		struct page *pages[5];

		mm_fail_nth(nth);
		for (unsigned i = 0; i < 5; i++) {
			pages[i] = alloc_pages(GFP_KERNEL, i);
			CHECK_EQ(pages[i] == NULL, i + 1 == nth);
		}
		CHECK(mm_fail_nth_struck());
		CHECK_EQ(mm_fail_nth_count(), 5);
		mm_fail_nth(0);
		for (unsigned i = 0; i < 5; i++)
			if (pages[i])
				__free_pages(pages[i], i);
		CHECK(mm_verify_all());
	}
}

static void addresses_and_pages_correspond(void)
{
	uintptr_t va = __get_free_pages(GFP_KERNEL, 1);

	CHECK(va != 0);
	CHECK(is_aligned(va, 2 * PAGE_SIZE));
	CHECK_EQ((uintptr_t)page_address(virt_to_page((void *)va)), va);
	free_pages(va, 1);
}

static void random_operations_keep_every_rule(void)
{
	static struct { struct page *page; unsigned order; uint64_t mark; } blocks[MAX_LIVE];
	unsigned nr_live = 0;

	for (unsigned step = 0; step < NR_STEPS; step++) {
		if (nr_live < MAX_LIVE && test_random_below(2)) {
			unsigned order = (unsigned)test_random_below(MAX_ORDER);
			gfp_t gfp = GFP_KERNEL | (gfp_t)(test_random_below(3) << 2) |
				    (test_random_below(4) ? 0 : __GFP_COMP);
			unsigned nid = (unsigned)test_random_below(nr_node_ids());
			struct page *page = alloc_pages_node(nid, gfp, order);

			if (!page)
				continue;
			blocks[nr_live].page = page;
			blocks[nr_live].order = order;
			blocks[nr_live].mark = test_random();
			*(uint64_t *)page_address(page) = blocks[nr_live].mark;
			nr_live++;
		} else if (nr_live > 0) {
			unsigned victim = (unsigned)test_random_below(nr_live);

			CHECK(*(uint64_t *)page_address(blocks[victim].page) ==
			      blocks[victim].mark);
			__free_pages(blocks[victim].page, blocks[victim].order);
			blocks[victim] = blocks[--nr_live];
		}
	}
	CHECK(mm_verify_all());
	while (nr_live > 0) {
		nr_live--;
		__free_pages(blocks[nr_live].page, blocks[nr_live].order);
	}
}

static const struct test_case cases[] = {
	{ "every order comes aligned and goes", every_order_comes_aligned_and_goes },
	{ "constant requests take the same way", constant_requests_take_the_same_way },
	{ "the page freed last comes first", the_page_freed_last_comes_first },
	{ "zeroed pages are zero", zeroed_pages_are_zero },
	{ "zone flags are obeyed", zone_flags_are_obeyed },
	{ "nodes are obeyed", nodes_are_obeyed },
	{ "memoryless nodes use the nearest", memoryless_nodes_use_the_nearest },
	{ "tails lead to the head", tails_lead_to_the_head },
	{ "the last reference frees", the_last_reference_frees },
	{ "a referenced first page stays when its block goes",
	  a_referenced_first_page_stays_when_its_block_goes },
	{ "a compound page goes whole at the last put",
	  a_compound_page_goes_whole_at_the_last_put },
	{ "wrong frees panic with a report", wrong_frees_panic_with_a_report },
	{ "freeing a listed or reserved page panics", freeing_a_listed_or_reserved_page_panics },
	{ "a write to a cached page is noticed", a_write_to_a_cached_page_is_noticed },
	{ "whatis tells node zone order and caller", whatis_tells_node_zone_order_and_caller },
	{ "typed pages are counted", typed_pages_are_counted },
	{ "bulk pages are distinct", bulk_pages_are_distinct },
	{ "the nth allocation fails", the_nth_allocation_fails },
	{ "addresses and pages correspond", addresses_and_pages_correspond },
	{ "random operations keep every rule", random_operations_keep_every_rule },
};

TEST_SUITE(page_alloc, cases);
