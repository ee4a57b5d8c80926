/* Typed pages in bulk: on the live memory manager. */

#include "mm/page/bulk.h"

#include "mm/live.h"
#include "tests/test.h"
#include "tests/unit/nodes.h"

#define NR_PAGES	200u

static uint64_t nr_of_type(enum page_type type)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += zone->nr_type_pages[type];
	return nr_pages;
}

static unsigned take(unsigned nid, unsigned nr_pages, struct page **pages)
{
	return alloc_pages_typed(GFP_KERNEL, nid, nr_pages, pages, PAGE_VMALLOC,
				 __builtin_return_address(0));
}

static void pages_come_typed_and_counted(void)
{
	struct page *pages[NR_PAGES];
	uint64_t nr_before = nr_of_type(PAGE_VMALLOC);

	drain_all_pages();	/* the first one has to be fetched the long way */
	CHECK_EQ(take(NID_NONE, NR_PAGES, pages), NR_PAGES);
	for (unsigned i = 0; i < NR_PAGES; i++) {
		CHECK_EQ(pages[i]->type, PAGE_VMALLOC);
		CHECK_EQ(pages[i]->refcount, 1);
		CHECK_EQ(pages[i]->order, 0);
		CHECK(i == 0 || pages[i] != pages[i - 1]);
	}
	CHECK_EQ(nr_of_type(PAGE_VMALLOC), nr_before + NR_PAGES);
	free_pages_typed(NR_PAGES, pages, PAGE_VMALLOC);
	CHECK_EQ(nr_of_type(PAGE_VMALLOC), nr_before);
	for (unsigned i = 0; i < NR_PAGES; i++)
		CHECK(pages[i]->type != PAGE_VMALLOC);
}

static void each_node_serves_its_own(void)
{
	struct page *pages[NR_PAGES];

	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		if (!node_is_roomy(nid))
			continue;
		CHECK_EQ(take(nid, NR_PAGES, pages), NR_PAGES);
		for (unsigned i = 0; i < NR_PAGES; i++)
			CHECK_EQ(page_to_nid(pages[i]), nid);
		free_pages_typed(NR_PAGES, pages, PAGE_VMALLOC);
	}
}

static void a_failed_allocation_returns_what_there_is(void)
{
	struct page *pages[NR_PAGES];
	uint64_t nr_before = nr_of_type(PAGE_VMALLOC);

	mm_fail_nth(5);
	CHECK_EQ(take(NID_NONE, NR_PAGES, pages), 4);
	CHECK(mm_fail_nth_struck());
	mm_fail_nth(0);
	CHECK_EQ(nr_of_type(PAGE_VMALLOC), nr_before + 4);
	free_pages_typed(4, pages, PAGE_VMALLOC);
	CHECK_EQ(nr_of_type(PAGE_VMALLOC), nr_before);
}

/* The other user keeps the page, which is then nobody's vmalloc page any more. */
static void a_page_with_another_user_stays(void)
{
	struct page *page;

	CHECK_EQ(take(NID_NONE, 1, &page), 1);
	get_page(page);
	free_pages_typed(1, &page, PAGE_VMALLOC);
	CHECK_EQ(page->type, PAGE_USER);
	CHECK_EQ(page->refcount, 1);
	put_page(page);
}

static void freeing_another_type_panics(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	CHECK_PANICS("pages[i]->type == type", free_pages_typed(1, &page, PAGE_VMALLOC));
	__free_page(page);
}

static void freeing_twice_panics(void)
{
	struct page *page;

	CHECK_EQ(take(NID_NONE, 1, &page), 1);
	free_pages_typed(1, &page, PAGE_VMALLOC);
	CHECK_PANICS("pages[i]->type == type", free_pages_typed(1, &page, PAGE_VMALLOC));
}

static const struct test_case cases[] = {
	{ "pages come typed and counted", pages_come_typed_and_counted },
	{ "each node serves its own", each_node_serves_its_own },
	{ "a failed allocation returns what there is", a_failed_allocation_returns_what_there_is },
	{ "a page with another user stays", a_page_with_another_user_stays },
	{ "freeing another type panics", freeing_another_type_panics },
	{ "freeing twice panics", freeing_twice_panics },
};

TEST_SUITE(bulk, cases);
