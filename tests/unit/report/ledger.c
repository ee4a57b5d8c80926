/* The ledger, of a machine in an array. */

#include "mm/init.h"

#include "lib/string.h"
#include "mm/page_alloc.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/pretend.h"

static const struct pretend_plan two_nodes = {
	.nr_nodes = 2,
	.pieces = { { 0, ZONE_NORMAL, 1024, 5120 }, { 1, ZONE_NORMAL, 6144, 8192 } },
	.nr_cpus = 2,
	.cpu_nids = { 0, 1 },
};

static void setup(void)
{
	pretend_start(&two_nodes);
	pretend_enter();
}

static void a_fresh_machine_balances(void)
{
	setup();
	CHECK(mm_ledger_balances());
	pretend_end();
}

static void it_balances_whatever_memory_is_used_for(void)
{
	struct page *pages[4];

	setup();
	for (unsigned i = 0; i < 4; i++)
		pages[i] = alloc_pages_any(__GFP_COMP, i);
	page_set_type(pages[1], PAGE_LARGE);
	page_set_type(pages[2], PAGE_TABLE);
	CHECK(mm_ledger_balances());
	page_set_type(pages[1], PAGE_USER);
	page_set_type(pages[2], PAGE_USER);
	for (unsigned i = 0; i < 4; i++)
		__free_pages(pages[i], i);
	CHECK(mm_ledger_balances());
	pretend_end();
}

static void what_firmware_claims_twice_is_no_loss(void)
{
	setup();
	pretend_info()->nr_firmware_pages += 10;
	pretend_info()->nr_overlap_pages += 10;
	CHECK(mm_ledger_balances());
	pretend_end();
}

/* True when the printed ledger fails and says how @line differs. */
static bool fails_by_name(const char *line)
{
	bool balances;
	const char *text;

	heard_begin();
	balances = mm_print_ledger();
	text = heard_end();
	return !balances && strstr(text, line) && strstr(text, " by counters, ");
}

/* Counters are compared with a walk, line by line. */
static void a_wrong_counter_is_told_by_its_line(void)
{
	struct zone *zone;

	setup();
	zone = pretend_zone(0, ZONE_NORMAL);
	zone->nr_free_pages += 5000;
	CHECK(fails_by_name("free, on buddy lists: "));
	zone->nr_free_pages -= 5000;
	zone->nr_type_pages[PAGE_SLAB] += 1u << 30;
	CHECK(fails_by_name("slab: "));
	zone->nr_type_pages[PAGE_SLAB] -= 1u << 30;
	zone->nr_type_pages[PAGE_TABLE]--;
	CHECK(fails_by_name("page tables: "));
	zone->nr_type_pages[PAGE_TABLE]++;
	zone->nr_type_pages[PAGE_VMALLOC]++;
	CHECK(fails_by_name("vmalloc: "));
	zone->nr_type_pages[PAGE_VMALLOC]--;
	zone->nr_type_pages[PAGE_PERCPU]++;
	CHECK(fails_by_name("per CPU: "));
	zone->nr_type_pages[PAGE_PERCPU]--;
	zone->nr_type_pages[PAGE_LARGE]++;
	CHECK(fails_by_name("kmalloc large: "));
	zone->nr_type_pages[PAGE_LARGE]--;
	zone->nr_pending_pages++;
	CHECK(fails_by_name("free, mem_map not brought up: "));
	zone->nr_pending_pages--;
	zone->nr_metadata_pages++;
	CHECK(fails_by_name("mem_map and its tables: "));
	zone->nr_metadata_pages--;
	zone->managed_pages++;
	CHECK(fails_by_name("user: "));
	zone->managed_pages--;
	zone->node->nr_taken_pages++;
	CHECK(fails_by_name("taken by boot: "));
	zone->node->nr_taken_pages--;
	CHECK(mm_print_ledger());
	pretend_end();
}

/* A page that nobody has: counters agree with each other, the walk does not. */
static void a_page_on_no_list_is_told(void)
{
	struct page *page;

	setup();
	page = alloc_page(GFP_KERNEL);
	page_set_state(page, make_page_state(PAGE_FREE, 0, page->zone_index, 0));
	CHECK(fails_by_name("user: "));
	CHECK(fails_by_name("free, on buddy lists: "));
	page_set_state(page, make_page_state(PAGE_USER, 0, page->zone_index, 1));
	page->type = PAGE_HOLE;
	heard_begin();
	CHECK(!mm_print_ledger());
	CHECK(strstr(heard_end(), "the walk stopped at") != NULL);
	page->type = PAGE_USER;
	__free_page(page);
	CHECK(mm_print_ledger());
	pretend_end();
}

static void a_page_on_a_stack_is_on_it(void)
{
	struct page *page;

	setup();
	page = alloc_page(GFP_KERNEL);
	page_set_state(page, make_page_state(PAGE_CACHED, 0, page->zone_index, 0));
	CHECK(fails_by_name("free, on per-CPU stacks: "));
	page_set_state(page, make_page_state(PAGE_USER, 0, page->zone_index, 1));
	__free_page(page);
	pretend_end();
}

static void a_page_lost_by_boot_unbalances(void)
{
	setup();
	pretend_node(0)->nr_taken_pages++;
	CHECK(!mm_ledger_balances());
	pretend_end();

	setup();
	live.nr_usable_pages--;
	CHECK(!mm_ledger_balances());
	pretend_end();
}

static void a_page_firmware_never_named_unbalances(void)
{
	setup();
	pretend_info()->nr_firmware_pages--;
	CHECK(!mm_ledger_balances());
	pretend_end();

	setup();
	pretend_info()->ranges[1].end += PAGE_SIZE;
	CHECK(!mm_ledger_balances());
	pretend_end();
}

static const struct test_case cases[] = {
	{ "a fresh machine balances", a_fresh_machine_balances },
	{ "it balances whatever memory is used for", it_balances_whatever_memory_is_used_for },
	{ "what firmware claims twice is no loss", what_firmware_claims_twice_is_no_loss },
	{ "a wrong counter is told by its line", a_wrong_counter_is_told_by_its_line },
	{ "a page on no list is told", a_page_on_no_list_is_told },
	{ "a page on a stack is on it", a_page_on_a_stack_is_on_it },
	{ "a page lost by boot unbalances", a_page_lost_by_boot_unbalances },
	{ "a page firmware never named unbalances", a_page_firmware_never_named_unbalances },
};

TEST_SUITE(ledger, cases);
