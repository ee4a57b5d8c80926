/* Blocks in use and the rules of mm/page/page.c, on a machine in an array. */

#include "mm/page/page_state.h"

#include "lib/string.h"
#include "mm/page_alloc.h"
#include "tests/test.h"
#include "tests/unit/pretend.h"

static const struct pretend_plan plain = {
	.nr_nodes = 1,
	.pieces = { { 0, ZONE_NORMAL, 1024, 5120 } },
	.nr_cpus = 1,
};

static uint64_t nr_pages;

static bool refuse(struct page *from, struct page *to, void *arg)
{
	(void)from;
	(void)to;
	(void)arg;
	return false;
}

static void setup(void)
{
	pretend_start(&plain);
	pretend_enter();
	nr_pages = pretend_free_pages();
}

/* ---- References ---- */

static void the_last_of_many_references_frees(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(0, 2);
	for (unsigned i = 0; i < 10; i++)
		get_page(page);
	for (unsigned i = 0; i < 10; i++)
		put_page(page);
	CHECK_EQ(page->refcount, 1);
	CHECK_EQ(pretend_free_pages(), nr_pages - 4);
	put_page(page);
	CHECK_EQ(pretend_free_pages(), nr_pages);
	pretend_check();
	pretend_end();
}

static void a_referenced_first_page_outlives_its_block(void)
{
	setup();
	for (unsigned order = 1; order <= MAX_ORDER; order++) {
		struct page *page = alloc_pages_any(0, order);

		get_page(page);
		__free_pages(page, order);
		CHECK_EQ(pretend_free_pages(), nr_pages - 1);
		CHECK_EQ(page->order, 0);
		pretend_check();
		put_page(page);
		CHECK_EQ(pretend_free_pages(), nr_pages);
		pretend_check();
	}
	pretend_end();
}

static void a_referenced_compound_page_stays_whole(void)
{
	setup();
	for (unsigned order = 1; order <= MAX_ORDER; order++) {
		struct page *page = alloc_pages_any(__GFP_COMP, order);

		get_page(page + 1);
		__free_pages(page, order);
		CHECK_EQ(pretend_free_pages(), nr_pages - pages_in(order));
		pretend_check();
		put_page(page + pages_in(order) - 1);
		CHECK_EQ(pretend_free_pages(), nr_pages);
		pretend_check();
	}
	pretend_end();
}

static void a_compound_page_has_its_use_and_its_tails(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(__GFP_COMP, 2);
	page_set_type(page, PAGE_VMALLOC);
	CHECK_EQ(page_zone(page)->nr_type_pages[PAGE_VMALLOC], 4);
	CHECK(compound_head(page + 3) == page);
	pretend_check();
	page_set_type(page, PAGE_USER);
	CHECK_EQ(page->type, PAGE_HEAD);
	__free_pages(page, 2);
	pretend_check();
	pretend_end();
}

static void a_block_is_found_from_any_of_its_pages(void)
{
	setup();
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		struct page *page = alloc_pages_any(0, order);
		pfn_t pfn = page_to_pfn(page);

		CHECK(page_block_of(pfn) == page);
		CHECK(page_block_of(pfn + pages_in(order) - 1) == page);
		CHECK(page_block_of(pfn + pages_in(order) / 2) == page);
		__free_pages(page, order);
	}
	pretend_end();
}

/* What a stray write left in `order` must not decide how far the report looks. */
static void a_corrupt_order_is_reported_as_it_is(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(0, 3);
	page->order = 200;
	CHECK_PANICS("free with another order", free_pages_any(page, 3));
	CHECK_PANICS("", put_page(page));
	CHECK(page_block_of(page_to_pfn(page) + 1) != page);
	page->order = 3;
	page->zone_index = 999;
	CHECK_PANICS("free of", free_pages_any(page, 3));
	page->zone_index = page[8].zone_index;
	pretend_end();
}

static void a_page_of_another_use_has_no_owner(void)
{
	static const struct movable_owner owner = { .name = "test", .migrate = refuse };
	uint16_t index = register_movable_owner(&owner);
	struct page *page;

	setup();
	page = alloc_pages_any(__GFP_MOVABLE, 0);
	page_set_owner(page, index);
	page_set_type(page, PAGE_TABLE);
	CHECK_EQ(page->owner, 0);
	page_set_type(page, PAGE_USER);
	CHECK_EQ(page->owner, 0);
	__free_page(page);
	pretend_check();
	pretend_end();
	unregister_movable_owner(index);
}

static void freeing_no_address_does_nothing(void)
{
	setup();
	free_pages(0, 0);
	free_pages(0, 3);
	CHECK_EQ(pretend_free_pages(), nr_pages);
	pretend_end();
}

static void every_type_has_a_name(void)
{
	for (unsigned type = 0; type < NR_PAGE_TYPES; type++)
		CHECK(strcmp(page_type_name((enum page_type)type), "corrupt") != 0);
	CHECK_EQ(strcmp(page_type_name(NR_PAGE_TYPES), "corrupt"), 0);
}

/* ---- One breach per rule ---- */

static void verify_notices_PAGE_1(void)
{
	setup();
	alloc_pages_any(0, 0)->refcount = 0;
	CHECK(pretend_breaks("PAGE-1"));
	pretend_end();
}

static void verify_notices_PAGE_2(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(__GFP_COMP, 3);
	page[5].head = page + 1;
	CHECK(pretend_breaks("PAGE-2"));
	page[5].head = page;
	pretend_check();
	page[1].refcount = 1;
	CHECK(pretend_breaks("PAGE-2"));
	page[1].refcount = 0;
	page[7].order = 1;
	CHECK(pretend_breaks("PAGE-2"));
	page[7].order = 0;
	page[7].type = PAGE_HOLE;
	CHECK(pretend_breaks("PAGE-2"));
	page[7].type = PAGE_TAIL;
	page->type = PAGE_MOVABLE;
	CHECK(pretend_breaks("PAGE-2"));
	page->type = PAGE_SLAB;
	CHECK(pretend_breaks("PAGE-2"));
	pretend_end();
}

static void verify_notices_PAGE_3(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(0, 3);
	page[4].type = PAGE_FREE;
	CHECK(pretend_breaks("PAGE-3"));
	page[4].type = PAGE_HOLE;
	pretend_check();
	page[1].refcount = 1;
	CHECK(pretend_breaks("PAGE-3"));
	pretend_end();
}

static void verify_notices_PAGE_4(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(0, 2);
	page_set_type(page, PAGE_SLAB);
	pretend_check();
	page[3].type = PAGE_HOLE;
	CHECK(pretend_breaks("PAGE-4"));
	page[3].type = PAGE_SLAB;
	page[1].order = 2;
	CHECK(pretend_breaks("PAGE-4"));
	pretend_end();
}

/* ---- Panics ---- */

static void reports_name_what_is_wrong(void)
{
	struct page *page, *tail;

	setup();
	page = alloc_pages_any(0, 4);
	tail = alloc_pages_any(__GFP_COMP, 4) + 3;
	CHECK_PANICS("free with another order", __free_pages(page, 3));
	CHECK_PANICS("free of a page that heads no block", __free_pages(page + 2, 1));
	CHECK_PANICS("free of a tail page", __free_pages(tail, 0));
	page->refcount = 0;
	CHECK_PANICS("without references", __free_pages(page, 4));
	CHECK_PANICS("without references", put_page(page));
	page->refcount = 1;
	page->type = NR_PAGE_TYPES;
	CHECK_PANICS("free of a corrupt page", __free_pages(page, 4));
	page->type = PAGE_RESERVED;
	CHECK_PANICS("free of a reserved page", __free_pages(page, 4));
	page->type = PAGE_USER;
	__free_pages(page, 4);
	CHECK_PANICS("free of a free page", __free_pages(page, 4));
	pretend_end();
}

static void types_are_set_on_blocks_in_use_only(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(0, 0);
	CHECK_PANICS("type >= PAGE_USER", page_set_type(page, PAGE_FREE));
	CHECK_PANICS("type < PAGE_OFFLINE", page_set_type(page, PAGE_TAIL));
	page->type = PAGE_RESERVED;
	CHECK_PANICS("old >= PAGE_USER", page_set_type(page, PAGE_SLAB));
	page->type = PAGE_TAIL;
	CHECK_PANICS("old < PAGE_OFFLINE", page_set_type(page, PAGE_SLAB));
	page = alloc_pages_any(__GFP_COMP, 1);
	CHECK_PANICS("PAGE_COMPOUND", page_set_type(page, PAGE_SLAB));
	pretend_end();
}

static const struct test_case cases[] = {
	{ "a corrupt order is reported as it is", a_corrupt_order_is_reported_as_it_is },
	{ "a page of another use has no owner", a_page_of_another_use_has_no_owner },
	{ "freeing no address does nothing", freeing_no_address_does_nothing },
	{ "the last of many references frees", the_last_of_many_references_frees },
	{ "a referenced first page outlives its block",
	  a_referenced_first_page_outlives_its_block },
	{ "a referenced compound page stays whole", a_referenced_compound_page_stays_whole },
	{ "a compound page has its use and its tails", a_compound_page_has_its_use_and_its_tails },
	{ "a block is found from any of its pages", a_block_is_found_from_any_of_its_pages },
	{ "every type has a name", every_type_has_a_name },
	{ "verify notices PAGE-1", verify_notices_PAGE_1 },
	{ "verify notices PAGE-2", verify_notices_PAGE_2 },
	{ "verify notices PAGE-3", verify_notices_PAGE_3 },
	{ "verify notices PAGE-4", verify_notices_PAGE_4 },
	{ "reports name what is wrong", reports_name_what_is_wrong },
	{ "types are set on blocks in use only", types_are_set_on_blocks_in_use_only },
};

TEST_SUITE(page, cases);
