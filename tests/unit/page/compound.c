/* Large blocks and their stacks, on a machine in an array. */

#include "mm/page/compound.h"

#include "lib/string.h"
#include "mm/init.h"
#include "tests/test.h"
#include "tests/unit/pretend.h"
#include "tests/unit/with_local.h"

/* Takes whatever there is and asks nobody. */
#define GFP_ANY		(__GFP_MEMALLOC | __GFP_NOWARN)

#define NR_STEPS	4000u
#define MAX_LIVE	64u

/* CPUs 0 and 1 are of node 0, CPU 2 is node 1's. */
static const struct pretend_plan plan = {
	.nr_nodes = 2,
	.pieces = {
		{ 0, ZONE_DMA, 256, 4096 },
		{ 0, ZONE_NORMAL, 4096, 28672 },
		{ 1, ZONE_NORMAL, 28672, 32768 },
	},
	.nr_cpus = 3,
	.cpu_nids = { 0, 0, 1 },
};

static uint64_t nr_free;

static void setup(void)
{
	pretend_start(&plan);
	pretend_enter();
	nr_free = pretend_free_pages();
}

static struct page *take(unsigned order)
{
	return large_alloc(GFP_ANY, order, NID_NONE, setup);
}

static void give(struct page *page)
{
	if (!large_push(page))
		large_give_back(page);
}

static void drain_all(void)
{
	for (unsigned cpu = 0; cpu < plan.nr_cpus; cpu++)
		WITH_LOCAL(local, page_stacks_drain(pretend_cpu(cpu), local));
}

/* Everything is back, and nothing is left of what it was. */
static void check_all_is_back(void)
{
	pretend_check();
	CHECK_EQ(pretend_free_pages(), nr_free);
	drain_all();
	pretend_check();
	CHECK_EQ(pretend_free_pages(), nr_free);
	for_each_populated_zone(zone)
		CHECK_EQ(zone->nr_type_pages[PAGE_LARGE], 0);
}

static bool is_large_block(struct page *page, unsigned order)
{
	for (uint64_t i = 0; i < pages_in(order); i++)
		if (compound_head(page + i) != page)
			return false;
	return page->type == PAGE_LARGE && page->order == order && page->refcount == 1 &&
	       page->flags & PAGE_COMPOUND;
}

static struct page_stack *stack_of(unsigned order, enum migratetype migratetype)
{
	return &pretend_cpu(0)->large[order - LARGE_ORDER_MIN][migratetype];
}

/* ---- Resting ---- */

static void a_freed_block_rests_as_it_was_made(void)
{
	setup();
	for (unsigned order = LARGE_ORDER_MIN; order <= LARGE_ORDER_MAX; order++) {
		struct page *page = take(order);

		CHECK(is_large_block(page, order));
		CHECK(large_push(page));
		CHECK_EQ(page->type, PAGE_CACHED_LARGE);
		CHECK_EQ(page->refcount, 0);
		CHECK(compound_head(page + pages_in(order) - 1) == page);
		CHECK_EQ(page_stacks_large_pages(pretend_cpu(0), page_zone(page)), pages_in(order));
		pretend_check();
		page->caller = 0;
		CHECK(take(order) == page);
		CHECK(is_large_block(page, order));
		CHECK_EQ(page->caller, (uint32_t)(uintptr_t)setup);
		CHECK_EQ(page_stacks_large_pages(pretend_cpu(0), page_zone(page)), 0);
		large_give_back(page);
	}
	check_all_is_back();
	pretend_end();
}

/* What a batch leaves on the stack is as ready as before. */
static void a_drained_batch_is_plain_and_the_rest_is_not(void)
{
	struct page_stack *stack;
	struct page *pages[MAX_LIVE];
	unsigned nr = 0;

	setup();
	stack = stack_of(LARGE_ORDER_MIN, MIGRATE_UNMOVABLE);
	stack->batch = 2;	/* as on a machine of more memory */
	while (nr <= stack->batch)
		pages[nr++] = take(LARGE_ORDER_MIN);
	for (unsigned i = 0; i < nr; i++)
		CHECK(large_push(pages[i]));
	WITH_LOCAL(local, page_stack_drain_batch(stack, local));
	CHECK_EQ(page_stack_count(stack), nr - stack->batch);
	for (unsigned i = 0; i < nr; i++) {
		bool is_ready = i < nr - stack->batch;

		CHECK_EQ((pages[i]->flags & PAGE_COMPOUND) != 0, is_ready);
		CHECK_EQ(pages[i][1].type == PAGE_TAIL, is_ready);
	}
	pretend_check();
	check_all_is_back();
	pretend_end();
}

static void other_orders_are_made_each_time(void)
{
	static const uint8_t orders[] = { 1, 5, 9, MAX_ORDER };

	setup();
	for (unsigned i = 0; i < sizeof(orders); i++) {
		struct page *page = take(orders[i]);

		CHECK(is_large_block(page, orders[i]));
		CHECK(!large_push(page));
		large_give_back(page);
		CHECK(page[1].type != PAGE_TAIL);
		CHECK(!(page->flags & PAGE_COMPOUND));
	}
	check_all_is_back();
	pretend_end();
}

static void a_full_stack_takes_no_more(void)
{
	struct page *pages[64];
	uint32_t capacity;

	setup();
	capacity = stack_of(3, MIGRATE_UNMOVABLE)->capacity;
	CHECK(capacity > 0 && capacity < 64);
	for (unsigned i = 0; i <= capacity; i++)
		pages[i] = take(3);
	for (unsigned i = 0; i < capacity; i++)
		CHECK(large_push(pages[i]));
	CHECK(!large_push(pages[capacity]));
	CHECK(is_large_block(pages[capacity], 3));
	large_give_back(pages[capacity]);
	CHECK_EQ(page_stacks_large_pages(pretend_cpu(0), page_zone(pages[0])),
		 capacity * pages_in(3));
	check_all_is_back();
	pretend_end();
}

static void draining_unmakes_what_rests(void)
{
	struct page *page;

	setup();
	page = take(4);
	CHECK(large_push(page));
	WITH_LOCAL(local, page_stacks_drain(pretend_cpu(0), local));
	CHECK_EQ(page_stacks_pages(pretend_cpu(0), page_zone(page)), 0);
	CHECK(!(page->flags & PAGE_COMPOUND));
	for (unsigned i = 0; i < 16; i++)
		CHECK(page[i].type != PAGE_TAIL && page[i].type != PAGE_CACHED_LARGE);
	check_all_is_back();
	pretend_end();
}

static void armed_failures_find_no_ready_block(void)
{
	struct page *page;

	setup();
	CHECK(large_push(take(2)));
	mm_fail_nth(2);
	page = take(2);
	CHECK(page != NULL);
	CHECK(!large_push(page));
	large_give_back(page);
	CHECK(take(2) == NULL);
	CHECK(mm_fail_nth_struck());
	mm_fail_nth(0);
	give(take(2));
	CHECK_EQ(stack_of(2, MIGRATE_UNMOVABLE)->top - stack_of(2, MIGRATE_UNMOVABLE)->slots, 1);
	check_all_is_back();
	pretend_end();
}

static void blocks_at_rest_are_not_in_use(void)
{
	const struct zone *zone;
	struct page *page;

	setup();
	zone = pretend_zone(0, ZONE_NORMAL);
	page = take(3);
	CHECK(large_push(take(2)));
	pretend_on_cpu(1);
	CHECK(large_push(take(4)));
	CHECK_EQ(large_pages_in_use(zone), 8);
	CHECK_EQ(zone->nr_type_pages[PAGE_LARGE], 8 + 4 + 16);
	CHECK(mm_ledger_balances());
	give(page);
	CHECK_EQ(large_pages_in_use(zone), 0);
	check_all_is_back();
	pretend_end();
}

/* ---- What rests where ---- */

static void each_kind_of_memory_has_its_stack(void)
{
	struct page *unmovable, *reclaimable, *movable;

	setup();
	unmovable = take(2);
	reclaimable = large_alloc(GFP_ANY | __GFP_RECLAIMABLE, 2, NID_NONE, setup);
	movable = large_alloc(GFP_ANY | __GFP_MOVABLE, 2, NID_NONE, setup);
	CHECK(large_push(unmovable));
	CHECK(large_push(reclaimable));
	CHECK(!large_push(movable));
	large_give_back(movable);
	CHECK(large_alloc(GFP_ANY | __GFP_RECLAIMABLE, 2, NID_NONE, setup) == reclaimable);
	CHECK(take(2) == unmovable);
	give(reclaimable);
	pageblock_set_migratetype(unmovable, MIGRATE_ISOLATE);
	CHECK(!large_push(unmovable));
	pageblock_set_migratetype(unmovable, MIGRATE_UNMOVABLE);
	give(unmovable);
	check_all_is_back();
	pretend_end();
}

static void blocks_of_other_zones_and_nodes_go_home(void)
{
	struct page *near, *far, *low;

	setup();
	near = take(3);
	far = large_alloc(GFP_ANY, 3, 1, setup);
	low = large_alloc(GFP_ANY | __GFP_DMA, 3, NID_NONE, setup);
	CHECK_EQ(page_to_nid(far), 1);
	CHECK_EQ(page_zone(low)->type, ZONE_DMA);
	CHECK(large_push(near));
	CHECK(!large_push(far));
	CHECK(!large_push(low));
	large_give_back(far);
	large_give_back(low);
	/* Nor does a request for them get what rests here; one for the own node does. */
	far = large_alloc(GFP_ANY, 3, 1, setup);
	low = large_alloc(GFP_ANY | __GFP_DMA, 3, NID_NONE, setup);
	CHECK_EQ(page_to_nid(far), 1);
	CHECK_EQ(page_zone(low)->type, ZONE_DMA);
	CHECK(large_alloc(GFP_ANY | __GFP_COMP, 3, 0, setup) == near);
	give(near);
	give(far);
	give(low);
	check_all_is_back();
	pretend_end();
}

static void a_block_freed_elsewhere_rests_there(void)
{
	struct page *page;

	setup();
	page = take(2);
	pretend_on_cpu(1);
	CHECK(large_push(page));
	CHECK_EQ(page_stacks_large_pages(pretend_cpu(1), page_zone(page)), 4);
	CHECK(take(2) == page);
	CHECK(large_push(page));
	pretend_on_cpu(0);
	CHECK(take(2) != page);
	pretend_on_cpu(1);
	pretend_check();
	pretend_end();
}

static void a_referenced_block_goes_at_the_last_put(void)
{
	struct page *page;

	setup();
	page = take(2);
	get_page(page + 3);
	CHECK(!large_push(page));
	large_give_back(page);
	CHECK_EQ(page->type, PAGE_HEAD);
	CHECK_EQ(page->refcount, 1);
	CHECK_EQ(pretend_free_pages(), nr_free - 4);
	pretend_check();
	put_page(page + 1);
	check_all_is_back();
	pretend_end();
}

/* ---- What is caught ---- */

static void wrong_frees_of_a_resting_block_are_noticed(void)
{
	struct page *page;

	setup();
	page = take(2);
	CHECK_PANICS("another use", __free_pages(page, 2));
	CHECK_PANICS("another use", put_page(page));
	CHECK(large_push(page));
	CHECK(!large_push(page));
	CHECK(!large_push(page + 1));
	CHECK_PANICS("page->type == PAGE_LARGE", large_give_back(page));
	CHECK_PANICS("free of a free page", __free_pages(page, 2));
	CHECK_PANICS("free of a free page", put_page(page + 1));
	CHECK_PANICS("refcount != 0", get_page(page + 1));
	check_all_is_back();
	pretend_end();
}

static void a_write_to_a_resting_block_is_noticed(void)
{
	struct page *page;

	setup();
	page = take(2);
	CHECK(large_push(page));
	page->refcount = 7;
	CHECK_PANICS("free page was written to", take(2));
	page->refcount = 0;
	CHECK(take(2) == page);
	give(page);
	check_all_is_back();
	pretend_end();
}

/* ---- A random run against an owner per page ---- */

static uint8_t owners[PRETEND_END_PFN];
static struct page *blocks[MAX_LIVE];

static void set_owner(const struct page *page, uint8_t from, uint8_t to)
{
	for (uint64_t i = 0; i < pages_in(page->order); i++) {
		CHECK_EQ(owners[page_to_pfn(page) + i], from);
		owners[page_to_pfn(page) + i] = to;
	}
}

static void random_step(unsigned i)
{
	struct page *page = blocks[i];
	unsigned order = 1 + (unsigned)test_random_below(5);

	pretend_on_cpu((unsigned)test_random_below(plan.nr_cpus));
	if (page) {
		CHECK(is_large_block(page, page->order));
		set_owner(page, (uint8_t)(i + 1), 0);
		give(page);
		blocks[i] = NULL;
		return;
	}
	page = large_alloc(GFP_ANY | (test_random_below(4) ? 0 : __GFP_RECLAIMABLE), order,
			   test_random_below(4) ? NID_NONE : (unsigned)test_random_below(2), setup);
	CHECK(page != NULL);
	CHECK(is_large_block(page, order));
	set_owner(page, 0, (uint8_t)(i + 1));
	blocks[i] = page;
}

static void a_random_run_agrees_with_an_owner_per_page(void)
{
	setup();
	memset(owners, 0, sizeof(owners));
	memset(blocks, 0, sizeof(blocks));
	for (unsigned step = 0; step < NR_STEPS; step++) {
		random_step((unsigned)test_random_below(MAX_LIVE));
		if (step % 256 == 0)
			pretend_check();
		if (step % 512 == 0)
			drain_all();
	}
	for (unsigned i = 0; i < MAX_LIVE; i++)
		if (blocks[i])
			give(blocks[i]);
	check_all_is_back();
	pretend_end();
}

/* ---- One breach per rule ---- */

/* A block that rests, alone on its stack. */
static struct page *resting_block(void)
{
	struct page *page = take(2);

	CHECK(large_push(page));
	pretend_check();
	return page;
}

static void verify_notices_STACK_2(void)
{
	setup();
	resting_block()->type = PAGE_CACHED;
	CHECK(pretend_breaks("STACK-2"));
	pretend_end();
}

static void verify_notices_STACK_6(void)
{
	struct page *page;

	setup();
	page = resting_block();
	page->flags = 0;
	CHECK(pretend_breaks("STACK-6"));
	page->flags = PAGE_COMPOUND;
	pretend_check();
	page[3].type = PAGE_HOLE;
	CHECK(pretend_breaks("STACK-6"));
	page[3].type = PAGE_TAIL;
	pretend_check();
	page[1].head = page + 1;
	CHECK(pretend_breaks("STACK-6"));
	pretend_end();
}

static void verify_notices_ZONE_7(void)
{
	setup();
	page_zone(resting_block())->nr_type_pages[PAGE_LARGE] -= 4;
	CHECK(pretend_breaks("ZONE-7"));
	pretend_end();
}

/* A block that its stack lost, and a plain one that a stack lost in its place. */
static void verify_notices_SYSTEM_1(void)
{
	struct page_stack *plain;
	struct page *page;

	setup();
	page = resting_block();
	stack_of(2, MIGRATE_UNMOVABLE)->top--;
	CHECK(pretend_breaks("SYSTEM-1"));
	stack_of(2, MIGRATE_UNMOVABLE)->top++;
	pretend_check();
	WITH_LOCAL(local, plain = page_stack_for(page_zone(page), 2, MIGRATE_UNMOVABLE, local));
	CHECK(page_stack_count(plain) > 0);
	plain->top--;
	CHECK(pretend_breaks("SYSTEM-1"));
	pretend_end();
}

static const struct test_case cases[] = {
	{ "a freed block rests as it was made", a_freed_block_rests_as_it_was_made },
	{ "a drained batch is plain and the rest is not",
	  a_drained_batch_is_plain_and_the_rest_is_not },
	{ "other orders are made each time", other_orders_are_made_each_time },
	{ "a full stack takes no more", a_full_stack_takes_no_more },
	{ "draining unmakes what rests", draining_unmakes_what_rests },
	{ "armed failures find no ready block", armed_failures_find_no_ready_block },
	{ "blocks at rest are not in use", blocks_at_rest_are_not_in_use },
	{ "each kind of memory has its stack", each_kind_of_memory_has_its_stack },
	{ "blocks of other zones and nodes go home", blocks_of_other_zones_and_nodes_go_home },
	{ "a block freed elsewhere rests there", a_block_freed_elsewhere_rests_there },
	{ "a referenced block goes at the last put", a_referenced_block_goes_at_the_last_put },
	{ "wrong frees of a resting block are noticed",
	  wrong_frees_of_a_resting_block_are_noticed },
	{ "a write to a resting block is noticed", a_write_to_a_resting_block_is_noticed },
	{ "a random run agrees with an owner per page",
	  a_random_run_agrees_with_an_owner_per_page },
	{ "verify notices STACK-2", verify_notices_STACK_2 },
	{ "verify notices STACK-6", verify_notices_STACK_6 },
	{ "verify notices ZONE-7", verify_notices_ZONE_7 },
	{ "verify notices SYSTEM-1", verify_notices_SYSTEM_1 },
};

TEST_SUITE(compound, cases);
