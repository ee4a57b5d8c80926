/* Pages taken out of service, wherever they are, on a machine in an array. */

#include "mm/offline.h"

#include "lib/string.h"
#include "mm/init.h"
#include "mm/page/compound.h"
#include "mm/page/bulk.h"
#include "mm/page/isolate.h"
#include "mm/page/noted.h"
#include "mm/page/page_slow.h"
#include "mm/page/page_state.h"
#include "mm/page_use.h"
#include "tests/test.h"
#include "tests/unit/pretend.h"

#define START_PFN	((pfn_t)1024)
#define END_PFN		((pfn_t)9216)
#define BAD_PFN		((pfn_t)2345)
#define GFP_ANY		0u

static const struct pretend_plan plain = {
	.nr_nodes = 1,
	.pieces = { { 0, ZONE_NORMAL, START_PFN, END_PFN } },
	.nr_cpus = 2,
};

static const struct pretend_plan pending = {
	.nr_nodes = 1,
	.pieces = { { 0, ZONE_NORMAL, START_PFN, END_PFN } },
	.nr_cpus = 1,
	.is_pending = true,
};

static uint64_t nr_pages;
static struct page *chain;	/* taken blocks, by private[1] */

static void setup(const struct pretend_plan *plan)
{
	pretend_start(plan);
	pretend_enter();
	nr_pages = pretend_free_pages();
	chain = NULL;
}

static void teardown(void)
{
	pretend_check();
	CHECK(mm_ledger_balances());
	pretend_end();
}

static struct zone *zone(void)
{
	return pretend_zone(0, ZONE_NORMAL);
}

/* Takes blocks of @order until there are none. Returns whether one of them has @pfn. */
static bool take_all(unsigned order, pfn_t pfn)
{
	bool has_pfn = false;
	struct page *page;

	while ((page = alloc_pages_any(GFP_ANY | __GFP_MEMALLOC | __GFP_NOWARN, order))) {
		page->private[1] = chain;
		chain = page;
		has_pfn |= page_to_pfn(page) <= pfn &&
			   pfn < page_to_pfn(page) + pages_in(order);
	}
	return has_pfn;
}

static void give_all(unsigned order)
{
	while (chain) {
		struct page *page = chain;

		chain = page->private[1];
		__free_pages(page, order);
	}
}

/* Nobody gets @pfn, in blocks of whatever order. */
static bool is_out_of_service(pfn_t pfn)
{
	bool is_out = pfn_to_page(pfn)->type == PAGE_OFFLINE;

	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		is_out &= !take_all(order, pfn);
		give_all(order);
		drain_all_pages();
	}
	return is_out;
}

static void a_free_page_goes_at_once(void)
{
	setup(&plain);
	CHECK_EQ(offline_page(BAD_PFN), OFFLINE_DONE);
	CHECK_EQ(offline_page(BAD_PFN), OFFLINE_DONE);
	CHECK_EQ(nr_offline_pages(), 1);
	CHECK_EQ(nr_noted_pages(), 0);
	CHECK_EQ(pretend_free_pages(), nr_pages - 1);
	pretend_check();
	CHECK(is_out_of_service(BAD_PFN));
	CHECK_EQ(pretend_free_pages(), nr_pages - 1);
	teardown();
}

/* At either end of blocks and of the zone: what is left of the block is split right. */
static void every_page_of_a_block_can_go(void)
{
	setup(&plain);
	for (pfn_t pfn = START_PFN; pfn < START_PFN + 64; pfn++) {
		CHECK_EQ(offline_page(pfn), OFFLINE_DONE);
		pretend_check();
	}
	CHECK_EQ(offline_page(END_PFN - 1), OFFLINE_DONE);
	CHECK_EQ(offline_page(START_PFN + PAGEBLOCK_PAGES), OFFLINE_DONE);
	CHECK_EQ(pretend_free_pages(), nr_pages - 66);
	CHECK_EQ(nr_offline_pages(), 66);
	teardown();
}

static void what_comes_back_is_as_before(void)
{
	setup(&plain);
	CHECK_EQ(offline_page(BAD_PFN), OFFLINE_DONE);
	CHECK(online_page(BAD_PFN));
	CHECK(!online_page(BAD_PFN));
	CHECK_EQ(nr_offline_pages(), 0);
	drain_all_pages();
	CHECK_EQ(zone()->nr_free_pages, nr_pages);
	CHECK_EQ(zone()->free_area[MAX_ORDER].nr_free, nr_pages >> MAX_ORDER);
	CHECK(take_all(0, BAD_PFN));
	give_all(0);
	teardown();
}

static void a_page_at_rest_goes_at_once(void)
{
	struct page *page;
	pfn_t pfn;

	setup(&plain);
	page = alloc_pages_any(GFP_ANY, 0);
	pfn = page_to_pfn(page);
	__free_page(page);
	CHECK_EQ(page->type, PAGE_CACHED);
	CHECK_EQ(offline_page(pfn), OFFLINE_DONE);
	CHECK(is_out_of_service(pfn));
	teardown();
}

/* A page on CPU 1's stack, the last, that CPU 0 wants out of service: it is out of reach. */
static struct page *note_page_at_rest_elsewhere(void)
{
	struct page *page;

	pretend_on_cpu(1);
	page = alloc_pages_any(GFP_ANY, 0);
	__free_page(page);
	pretend_on_cpu(0);
	CHECK_EQ(offline_page(page_to_pfn(page)), OFFLINE_NOTED);
	return page;
}

static void a_page_at_rest_elsewhere_goes_when_it_can(void)
{
	struct page *page;
	pfn_t pfn;

	setup(&plain);
	page = note_page_at_rest_elsewhere();
	pfn = page_to_pfn(page);
	CHECK_EQ(offline_page(pfn), OFFLINE_NOTED);
	CHECK_EQ(nr_noted_pages(), 1);
	pretend_check();
	pretend_on_cpu(1);
	mm_cpu_idle();
	CHECK_EQ(page->type, PAGE_OFFLINE);
	pretend_on_cpu(0);
	CHECK(is_out_of_service(pfn));
	teardown();
}

/* That CPU takes it before: then it is in use, and not noticed until somebody idles. */
static void a_page_that_slips_away_goes_when_it_is_freed(void)
{
	struct page *page;
	pfn_t pfn;

	setup(&plain);
	page = note_page_at_rest_elsewhere();
	pfn = page_to_pfn(page);
	pretend_on_cpu(1);
	pretend_cpu(1)->is_drain_wanted = false;
	CHECK(alloc_pages_any(GFP_ANY, 0) == page);
	CHECK_EQ(page->refcount, 1);
	mm_cpu_idle();
	CHECK_EQ(page->refcount, 1 | PAGE_NOTED);
	__free_page(page);
	CHECK_EQ(page->type, PAGE_OFFLINE);
	pretend_on_cpu(0);
	CHECK(is_out_of_service(pfn));
	teardown();
}

/* Of a block of any order, any page, and the rest stays. */
static void a_page_in_use_goes_when_it_is_freed(void)
{
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		struct page *page;
		pfn_t pfn;

		setup(&plain);
		page = alloc_pages_any(GFP_ANY, order);
		pfn = page_to_pfn(page) + test_random_below(pages_in(order));
		CHECK_EQ(offline_page(pfn), OFFLINE_NOTED);
		CHECK_EQ(nr_offline_pages(), 0);
		pretend_check();
		__free_pages(page, order);
		CHECK_EQ(nr_noted_pages(), 0);
		CHECK_EQ(pretend_free_pages(), nr_pages - 1);
		pretend_check();
		CHECK(is_out_of_service(pfn));
		teardown();
	}
}

static void compound_blocks_and_blocks_of_a_type_give_theirs(void)
{
	static const enum page_type types[] = { PAGE_TABLE, PAGE_SLAB, PAGE_VMALLOC };
	struct page *page;

	setup(&plain);
	page = alloc_pages_any(GFP_ANY | __GFP_COMP, 3);
	CHECK_EQ(offline_page(page_to_pfn(page) + 7), OFFLINE_NOTED);
	get_page(page + 5);
	__free_pages(page, 3);
	CHECK_EQ(nr_offline_pages(), 0);
	put_page(page + 2);
	CHECK_EQ(nr_offline_pages(), 1);
	pretend_check();
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		page = alloc_pages_any(GFP_ANY, 2);
		page_set_type(page, types[i]);
		CHECK_EQ(offline_page(page_to_pfn(page) + 3), OFFLINE_NOTED);
		pretend_check();
		page_set_type(page, PAGE_USER);
		__free_pages(page, 2);
		CHECK_EQ(nr_offline_pages(), 2 + i);
		pretend_check();
	}
	page = large_alloc(GFP_ANY, 2, NID_NONE, NULL);
	CHECK_EQ(offline_page(page_to_pfn(page) + 1), OFFLINE_NOTED);
	large_give_back(page);
	CHECK_EQ(nr_offline_pages(), 5);
	teardown();
}

static void single_pages_of_a_type_give_theirs(void)
{
	struct page *pages[8];

	setup(&plain);
	CHECK_EQ(alloc_pages_typed(GFP_ANY, NID_NONE, 8, pages, PAGE_VMALLOC, NULL), 8);
	CHECK_EQ(offline_page(page_to_pfn(pages[4])), OFFLINE_NOTED);
	free_pages_typed(8, pages, PAGE_VMALLOC);
	CHECK_EQ(pages[4]->type, PAGE_OFFLINE);
	CHECK_EQ(pretend_free_pages(), nr_pages - 1);
	teardown();
}

/* Others hold the first page of a block whose rest has the bad one, or the other way round. */
static void a_block_that_falls_apart_gives_its_bad_page(void)
{
	struct page *page;

	setup(&plain);
	page = alloc_pages_any(GFP_ANY, 3);
	CHECK_EQ(offline_page(page_to_pfn(page) + 3), OFFLINE_NOTED);
	get_page(page);
	__free_pages(page, 3);
	CHECK_EQ(nr_offline_pages(), 1);
	CHECK_EQ(page_users(page->refcount), 1);
	pretend_check();
	CHECK_EQ(offline_page(page_to_pfn(page)), OFFLINE_NOTED);
	put_page(page);
	CHECK_EQ(nr_offline_pages(), 2);
	pretend_check();
	page = alloc_pages_any(GFP_ANY, 3);
	CHECK_EQ(offline_page(page_to_pfn(page) + 6), OFFLINE_NOTED);
	split_page(page, 3);
	pretend_check();
	for (unsigned i = 0; i < 8; i++)
		__free_page(page + i);
	CHECK_EQ(page[6].type, PAGE_OFFLINE);
	CHECK_EQ(pretend_free_pages(), nr_pages - 3);
	teardown();
}

static struct page *held;

static bool migrate(struct page *from, struct page *to, void *arg)
{
	(void)arg;
	CHECK(from == held);
	held = to;
	return true;
}

static void what_can_be_moved_is_moved(void)
{
	static const struct movable_owner owner = { "mover", migrate, NULL };
	uint16_t index = register_movable_owner(&owner);
	pfn_t pfn;

	setup(&plain);
	held = alloc_pages_any(GFP_ANY | __GFP_MOVABLE, 2);
	page_set_owner(held, index);
	pfn = page_to_pfn(held) + 2;
	CHECK_EQ(offline_page(pfn), OFFLINE_DONE);
	CHECK(page_to_pfn(held) + 2 != pfn);
	CHECK_EQ(pretend_free_pages(), nr_pages - 5);
	__free_pages(held, 2);
	CHECK(is_out_of_service(pfn));
	unregister_movable_owner(index);
	teardown();
}

static void what_is_not_up_goes_when_it_comes(void)
{
	setup(&pending);
	CHECK_EQ(offline_page(BAD_PFN), OFFLINE_NOTED);
	CHECK_EQ(offline_page(END_PFN - 1), OFFLINE_NOTED);
	pretend_check();
	CHECK(mm_ledger_balances());
	CHECK_EQ(pretend_free_pages(), nr_pages);
	spin_lock(&zone()->lock);
	zone()->nr_pending_pages = 0;
	zone()->grow_span = zone()->nr_spans;
	zone_give_range(zone(), pfn_to_page(START_PFN), END_PFN - START_PFN);
	spin_unlock(&zone()->lock);
	CHECK_EQ(nr_offline_pages(), 2);
	CHECK_EQ(pretend_free_pages(), nr_pages - 2);
	CHECK(is_out_of_service(BAD_PFN));
	CHECK(is_out_of_service(END_PFN - 1));
	teardown();
}

static void what_nobody_could_get_is_refused(void)
{
	setup(&plain);
	CHECK_EQ(offline_page(START_PFN - 1), OFFLINE_REFUSED);
	CHECK_EQ(offline_page(END_PFN), OFFLINE_REFUSED);
	CHECK_EQ(offline_page(PFN_NONE), OFFLINE_REFUSED);
	CHECK(!online_page(END_PFN));
	CHECK(!online_page(START_PFN));
	CHECK_EQ(pretend_free_pages(), nr_pages);
	teardown();
}

static void the_table_can_be_full(void)
{
	struct page *page;

	setup(&plain);
	page = alloc_pages_any(GFP_ANY, MAX_ORDER);
	for (unsigned i = 0; i < MAX_NOTED_PAGES; i++)
		CHECK_EQ(offline_page(page_to_pfn(page) + 3 * i), OFFLINE_NOTED);
	CHECK_EQ(offline_page(page_to_pfn(page) + 1), OFFLINE_FULL);
	CHECK_EQ(offline_page(page_to_pfn(page) + 3), OFFLINE_NOTED);
	pretend_check();
	__free_pages(page, MAX_ORDER);
	CHECK_EQ(nr_offline_pages(), MAX_NOTED_PAGES);
	CHECK_EQ(offline_page(page_to_pfn(page) + 1), OFFLINE_DONE);
	CHECK_EQ(pretend_free_pages(), nr_pages - MAX_NOTED_PAGES - 1);
	teardown();
}

static void a_note_can_be_taken_back(void)
{
	struct page *page;

	setup(&plain);
	page = alloc_pages_any(GFP_ANY, 0);
	CHECK_EQ(offline_page(page_to_pfn(page)), OFFLINE_NOTED);
	CHECK(online_page(page_to_pfn(page)));
	CHECK_EQ(page->refcount, 1);
	__free_page(page);
	CHECK_EQ(page->type, PAGE_CACHED);
	CHECK_EQ(pretend_free_pages(), nr_pages);
	teardown();
}

/* The pageblock of a bad page can be isolated and put back like any other. */
static void isolation_leaves_it_alone(void)
{
	static struct pageblock_types types;
	pfn_t start_pfn = BAD_PFN & ~(PAGEBLOCK_PAGES - 1);

	setup(&plain);
	CHECK_EQ(offline_page(BAD_PFN), OFFLINE_DONE);
	CHECK(isolate_pageblocks(zone(), start_pfn, start_pfn + PAGEBLOCK_PAGES, &types));
	CHECK_EQ(zone_isolated_free_pages(zone()), PAGEBLOCK_PAGES - 1);
	CHECK_EQ(offline_page(BAD_PFN + 1), OFFLINE_DONE);
	pretend_check();
	unisolate_pageblocks(zone(), start_pfn, start_pfn + PAGEBLOCK_PAGES, &types);
	CHECK_EQ(pretend_free_pages(), nr_pages - 2);
	teardown();
}

static void it_is_told_from_others(void)
{
	setup(&plain);
	CHECK_EQ(offline_page(BAD_PFN), OFFLINE_DONE);
	CHECK_PANICS("free of a page that is out of service", __free_page(pfn_to_page(BAD_PFN)));
	CHECK_PANICS("old < PAGE_OFFLINE", page_set_type(pfn_to_page(BAD_PFN), PAGE_USER));
	CHECK_PANICS("type < PAGE_OFFLINE",
		     page_set_type(alloc_pages_any(GFP_ANY, 0), PAGE_OFFLINE));
	CHECK(strcmp(offline_result_name(OFFLINE_DONE), "done") == 0);
	CHECK(strcmp(offline_result_name(OFFLINE_FULL), "too many wait") == 0);
	pretend_end();
}

static void verify_notices_OFFLINE_1(void)
{
	setup(&plain);
	zone()->noted[zone()->nr_noted++] = BAD_PFN;
	CHECK(pretend_breaks("OFFLINE-1"));
	pretend_end();
}

static void verify_notices_OFFLINE_2(void)
{
	setup(&plain);
	zone()->noted[zone()->nr_noted++] = END_PFN;
	CHECK(pretend_breaks("OFFLINE-2"));
	zone()->noted[0] = page_to_pfn(alloc_pages_any(GFP_ANY, 0));
	pretend_check();
	zone()->noted[zone()->nr_noted++] = zone()->noted[0];
	CHECK(pretend_breaks("OFFLINE-2"));
	zone()->nr_noted = MAX_NOTED_PAGES + 1;
	CHECK(pretend_breaks("OFFLINE-2"));
	pretend_end();
}

/* Two notes of one page, which only the table's own user can make. */
static void a_page_is_noted_once(void)
{
	struct page *page;

	setup(&plain);
	page = alloc_pages_any(GFP_ANY, 0);
	CHECK_EQ(offline_page(page_to_pfn(page)), OFFLINE_NOTED);
	spin_lock(&zone()->lock);
	CHECK_PANICS("!page_is_noted(zone, page)", (void)!note_page(zone(), page));
	spin_unlock(&zone()->lock);
	pretend_end();
}

/* ---- At random, against what must be true of every page ---- */

#define NR_HELD		64u
#define NR_TURNS	4000u

static uint64_t bad_pages[END_PFN / 64];	/* asked for and not taken back */

static bool is_bad(pfn_t pfn)
{
	return bad_pages[pfn / 64] >> (pfn % 64) & 1;
}

static void set_bad(pfn_t pfn, bool value)
{
	uint64_t bit = (uint64_t)1 << (pfn % 64);

	bad_pages[pfn / 64] = value ? bad_pages[pfn / 64] | bit : bad_pages[pfn / 64] & ~bit;
}

struct holding {
	struct page *page;
	unsigned order;
};

/* No page that was out of service when it was taken is in it. */
static void take_one(struct holding *holding)
{
	holding->order = (unsigned)test_random_below(5);
	holding->page = alloc_pages_any(test_random_below(2) ? __GFP_COMP : 0, holding->order);
	for (uint64_t i = 0; holding->page && i < pages_in(holding->order); i++)
		CHECK(!is_bad(page_to_pfn(holding->page) + i));
}

static void toggle_one(pfn_t pfn)
{
	enum offline_result result;

	if (is_bad(pfn)) {
		CHECK(online_page(pfn));
		set_bad(pfn, false);
		return;
	}
	result = offline_page(pfn);
	CHECK(result == OFFLINE_DONE || result == OFFLINE_NOTED || result == OFFLINE_FULL);
	set_bad(pfn, result != OFFLINE_FULL);
}

static void at_random_no_bad_page_is_handed_out(void)
{
	static struct holding held_blocks[NR_HELD];
	uint64_t nr_bad = 0;

	setup(&plain);
	memset(bad_pages, 0, sizeof(bad_pages));
	memset(held_blocks, 0, sizeof(held_blocks));
	for (unsigned turn = 0; turn < NR_TURNS; turn++) {
		struct holding *holding = &held_blocks[test_random_below(NR_HELD)];

		if (test_random_below(8) == 0)
			toggle_one(START_PFN + test_random_below(END_PFN - START_PFN));
		else if (!holding->page)
			take_one(holding);
		else {
			__free_pages(holding->page, holding->order);
			holding->page = NULL;
		}
		if (turn % 256 == 0)
			pretend_check();
	}
	for (unsigned i = 0; i < NR_HELD; i++)
		if (held_blocks[i].page)
			__free_pages(held_blocks[i].page, held_blocks[i].order);
	for (pfn_t pfn = START_PFN; pfn < END_PFN; pfn++) {
		nr_bad += is_bad(pfn);
		CHECK_EQ(pfn_to_page(pfn)->type == PAGE_OFFLINE, is_bad(pfn));
	}
	CHECK(nr_bad > 100);
	CHECK_EQ(nr_offline_pages(), nr_bad);
	CHECK_EQ(nr_noted_pages(), 0);
	CHECK_EQ(pretend_free_pages(), nr_pages - nr_bad);
	teardown();
}

/* ---- The live system ---- */

static void on_the_live_system_a_page_goes_and_comes_back(void)
{
	struct page *page = alloc_pages_any(GFP_KERNEL, 3);
	uint64_t nr_offline = nr_offline_pages();
	enum page_use use;
	pfn_t pfn;

	if (!page)
		SKIP("no memory");
	pfn = page_to_pfn(page) + 5;
	CHECK_EQ(offline_page(pfn), OFFLINE_NOTED);
	__free_pages(page, 3);
	CHECK_EQ(pfn_to_page(pfn)->type, PAGE_OFFLINE);
	CHECK_EQ(nr_offline_pages(), nr_offline + 1);
	CHECK_EQ(mm_page_use(pfn, &use), 1);
	CHECK_EQ(use, USE_OFFLINE);
	CHECK(mm_verify_all());
	CHECK(mm_ledger_balances());
	CHECK(online_page(pfn));
	CHECK_EQ(nr_offline_pages(), nr_offline);
	CHECK(mm_verify_all());
}

static const struct test_case cases[] = {
	{ "a free page goes at once", a_free_page_goes_at_once },
	{ "every page of a block can go", every_page_of_a_block_can_go },
	{ "what comes back is as before", what_comes_back_is_as_before },
	{ "a page at rest goes at once", a_page_at_rest_goes_at_once },
	{ "a page at rest elsewhere goes when it can", a_page_at_rest_elsewhere_goes_when_it_can },
	{ "a page that slips away goes when it is freed",
	  a_page_that_slips_away_goes_when_it_is_freed },
	{ "a page in use goes when it is freed", a_page_in_use_goes_when_it_is_freed },
	{ "compound blocks and blocks of a type give theirs",
	  compound_blocks_and_blocks_of_a_type_give_theirs },
	{ "single pages of a type give theirs", single_pages_of_a_type_give_theirs },
	{ "a block that falls apart gives its bad page",
	  a_block_that_falls_apart_gives_its_bad_page },
	{ "what can be moved is moved", what_can_be_moved_is_moved },
	{ "what is not up goes when it comes", what_is_not_up_goes_when_it_comes },
	{ "what nobody could get is refused", what_nobody_could_get_is_refused },
	{ "the table can be full", the_table_can_be_full },
	{ "a note can be taken back", a_note_can_be_taken_back },
	{ "isolation leaves it alone", isolation_leaves_it_alone },
	{ "it is told from others", it_is_told_from_others },
	{ "verify notices OFFLINE-1", verify_notices_OFFLINE_1 },
	{ "verify notices OFFLINE-2", verify_notices_OFFLINE_2 },
	{ "a page is noted once", a_page_is_noted_once },
	{ "at random no bad page is handed out", at_random_no_bad_page_is_handed_out },
	{ "on the live system a page goes and comes back",
	  on_the_live_system_a_page_goes_and_comes_back },
};

TEST_SUITE(offline, cases);
