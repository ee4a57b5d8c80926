/* The ledger, of a machine in an array. */

#include "mm/init.h"

#include "mm/page_alloc.h"
#include "tests/test.h"
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

static void a_page_lost_by_a_zone_unbalances(void)
{
	setup();
	pretend_zone(1, ZONE_NORMAL)->managed_pages--;
	CHECK(!mm_ledger_balances());
	pretend_zone(1, ZONE_NORMAL)->nr_metadata_pages++;
	CHECK(mm_ledger_balances());
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
	{ "a page lost by a zone unbalances", a_page_lost_by_a_zone_unbalances },
	{ "a page lost by boot unbalances", a_page_lost_by_boot_unbalances },
	{ "a page firmware never named unbalances", a_page_firmware_never_named_unbalances },
};

TEST_SUITE(ledger, cases);
