/* Runs of single pages, on a machine in an array. */

#include "mm/page_alloc.h"
#include "tests/test.h"
#include "tests/unit/pretend.h"

#define GFP_ANY		0u

static const struct pretend_plan plain = {
	.nr_nodes = 1,
	.pieces = { { 0, ZONE_NORMAL, 1024, 5120 } },
	.nr_cpus = 1,
};

static uint64_t nr_pages;

static void setup(void)
{
	pretend_start(&plain);
	pretend_enter();
	nr_pages = pretend_free_pages();
}

static void a_split_block_is_freed_page_by_page(void)
{
	setup();
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		struct page *page = alloc_pages_any(GFP_ANY, order);

		split_page(page, order);
		pretend_check();
		get_page(page + pages_in(order) - 1);
		for (uint64_t i = 0; i < pages_in(order); i++) {
			CHECK_EQ(page[i].order, 0);
			__free_page(page + i);
		}
		CHECK_EQ(pretend_free_pages(), nr_pages - 1);
		put_page(page + pages_in(order) - 1);
		CHECK_EQ(pretend_free_pages(), nr_pages);
		pretend_check();
	}
	pretend_end();
}

static void an_exact_run_takes_no_page_more(void)
{
	static const size_t sizes[] = { 1, PAGE_SIZE, PAGE_SIZE + 1, 5 * PAGE_SIZE,
					1000 * PAGE_SIZE, PAGE_SIZE << MAX_ORDER };

	setup();
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *at = alloc_pages_exact(sizes[i], GFP_ANY);

		CHECK(at);
		CHECK_EQ(pretend_free_pages(), nr_pages - bytes_to_pages(sizes[i]));
		pretend_check();
		free_pages_exact(at, sizes[i]);
		CHECK_EQ(pretend_free_pages(), nr_pages);
		pretend_check();
	}
	pretend_end();
}

static uint32_t code_at(const void *at)
{
	return (uint32_t)(uintptr_t)at;
}

/* Reports name who asked: of every page, and not the pages that went back. */
static NOINLINE void every_page_knows_who_asked(void)
{
	struct page *page;
	void *at;

	setup();
	at = alloc_pages_exact(5 * PAGE_SIZE, GFP_ANY);
	page = virt_to_page(at);
	CHECK(page[0].caller - code_at(every_page_knows_who_asked) < PAGE_SIZE);
	for (unsigned i = 1; i < 5; i++)
		CHECK_EQ(page[i].caller, page[0].caller);
	CHECK(page[5].caller != page[0].caller);
	free_pages_exact(at, 5 * PAGE_SIZE);
	at = alloc_pages_exact_nid(0, PAGE_SIZE, GFP_ANY);
	CHECK(virt_to_page(at)->caller - code_at(every_page_knows_who_asked) < PAGE_SIZE);
	free_pages_exact(at, PAGE_SIZE);
	page = alloc_pages_any(GFP_ANY, 2);
	page[3].caller = ~page->caller;
	page[3].owner = 1;	/* left over from another block */
	page[3].flags = 1;
	split_page(page, 2);
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(page[i].caller, page->caller);
		CHECK_EQ(page[i].owner, 0);
		CHECK_EQ(page[i].flags, 0);
		__free_page(page + i);
	}
	pretend_end();
}

static void a_run_that_is_refused_leaves_nothing(void)
{
	setup();
	mm_fail_nth(1);
	CHECK(!alloc_pages_exact(5 * PAGE_SIZE, GFP_ANY | __GFP_NOWARN));
	CHECK(mm_fail_nth_struck());
	mm_fail_nth(0);
	CHECK_EQ(pretend_free_pages(), nr_pages);
	pretend_check();
	pretend_end();
}

static void what_no_block_holds_is_refused(void)
{
	setup();
	CHECK(!alloc_pages_exact(0, GFP_ANY));
	CHECK(!alloc_pages_exact((PAGE_SIZE << MAX_ORDER) + 1, GFP_ANY));
	CHECK(!alloc_pages_exact(SIZE_MAX, GFP_ANY));
	free_pages_exact(NULL, PAGE_SIZE);
	CHECK_EQ(pretend_free_pages(), nr_pages);
	pretend_end();
}

static void broken_contracts_panic_by_name(void)
{
	struct page *page;

	setup();
	page = alloc_pages_any(GFP_ANY, 2);
	CHECK_PANICS("page_state(page) ==", split_page(page, 1));
	get_page(page);
	CHECK_PANICS("page_state(page) ==", split_page(page, 2));
	put_page(page);
	__free_pages(page, 2);
	CHECK_PANICS("page_state(page) ==", split_page(page, 2));
	CHECK_PANICS("__GFP_COMP", alloc_pages_exact(PAGE_SIZE, __GFP_COMP));
	pretend_end();
}

static const struct test_case cases[] = {
	{ "a split block is freed page by page", a_split_block_is_freed_page_by_page },
	{ "an exact run takes no page more", an_exact_run_takes_no_page_more },
	{ "every page knows who asked", every_page_knows_who_asked },
	{ "a run that is refused leaves nothing", a_run_that_is_refused_leaves_nothing },
	{ "what no block holds is refused", what_no_block_holds_is_refused },
	{ "broken contracts panic by name", broken_contracts_panic_by_name },
};

TEST_SUITE(exact, cases);
