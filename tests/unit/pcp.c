/* Page stacks: over a zone in an array, and this CPU's own. */

#include "mm/pcp.h"

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "tests/test.h"
#include "tests/unit/sandbox.h"

static struct sandbox box;
static struct mm_cpu *cpu_data;

static bool setup(void)
{
	if (!sandbox_start(&box))
		return false;
	cpu_data = kzalloc(pcp_bytes(&box.node, 1), GFP_KERNEL | __GFP_NOFAIL_INJECTION);
	if (!cpu_data)
		return false;
	pcp_init(cpu_data, &box.node, 3, 1);
	return true;
}

static void teardown(void)
{
	kfree(cpu_data);
	sandbox_end(&box);
}

/* Slot 0 is the sandbox's only zone. */
static struct page_stack *stack_of(unsigned order, enum migratetype migratetype)
{
	return &cpu_data->stacks[0][stack_order_index(order)][migratetype];
}

static bool breaks(const char *rule)
{
	struct violation violation;

	return !pcp_verify(cpu_data, &violation) && strcmp(violation.rule, rule) == 0;
}

static bool is_sound(void)
{
	struct violation violation;

	return pcp_verify(cpu_data, &violation) && buddy_verify(box.zone, &violation);
}

static void capacity_is_a_share_of_the_zone(void)
{
	CHECK_EQ(pcp_capacity(65536, 1, 0), 2048);
	CHECK_EQ(pcp_capacity(65536, 4, 0), 512);
	CHECK_EQ(pcp_capacity(65536, 1, 3), 64);
	CHECK_EQ(pcp_capacity(65536, 1, PAGEBLOCK_ORDER), 2);
	CHECK_EQ(pcp_capacity(64, 1, 0), 0);
	CHECK(pcp_capacity((uint64_t)1 << 31, 1, 0) >= 4096);
	CHECK(pcp_capacity((uint64_t)1 << 31, 1, 0) <= 8192);
}

static void orders_without_a_stack_have_none(void)
{
	CHECK_EQ(stack_order_index(3), 3);
	CHECK_EQ(stack_order_index(STACK_LOW_ORDER_MAX), STACK_LOW_ORDER_MAX);
	CHECK_EQ(stack_order_index(STACK_LOW_ORDER_MAX + 1), NR_STACK_ORDERS);
	CHECK_EQ(stack_order_index(PAGEBLOCK_ORDER), NR_STACK_ORDERS - 1);
	CHECK_EQ(stack_order_index(MAX_ORDER), NR_STACK_ORDERS);
}

static void refilling_and_draining_move_a_batch(void)
{
	struct page_stack *stack;

	CHECK(setup());
	stack = stack_of(0, MIGRATE_MOVABLE);
	CHECK(pcp_refill(stack));
	CHECK_EQ(pcp_count(stack), stack->batch);
	CHECK_EQ(pcp_pages(cpu_data, box.zone), stack->batch);
	CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES - stack->batch);
	CHECK(is_sound());
	CHECK_PANICS("stack->top == stack->slots", CHECK(pcp_refill(stack)));
	pcp_drain_batch(stack);
	CHECK_EQ(pcp_count(stack), 0);
	CHECK(sandbox_is_whole(&box));
	teardown();
}

static void an_empty_zone_refills_nothing(void)
{
	CHECK(setup());
	CHECK(!pcp_refill(stack_of(0, MIGRATE_UNMOVABLE)));
	CHECK_EQ(pcp_count(stack_of(0, MIGRATE_UNMOVABLE)), 0);
	teardown();
}

static void draining_empties_every_stack(void)
{
	CHECK(setup());
	for (unsigned order = 0; order <= 3; order++)
		CHECK(pcp_refill(stack_of(order, MIGRATE_MOVABLE)));
	CHECK(is_sound());
	cpu_data->is_drain_wanted = true;
	pcp_drain(cpu_data);
	CHECK(!cpu_data->is_drain_wanted);
	CHECK_EQ(pcp_pages(cpu_data, box.zone), 0);
	CHECK(sandbox_is_whole(&box));
	teardown();
}

static void closed_stacks_are_empty_and_full(void)
{
	CHECK(setup());
	CHECK(pcp_refill(stack_of(1, MIGRATE_MOVABLE)));
	pcp_set_closed(cpu_data, true);
	CHECK_EQ(pcp_pages(cpu_data, box.zone), 0);
	CHECK(stack_of(1, MIGRATE_MOVABLE)->full == stack_of(1, MIGRATE_MOVABLE)->slots);
	pcp_set_closed(cpu_data, false);
	CHECK(pcp_refill(stack_of(1, MIGRATE_MOVABLE)));
	pcp_drain(cpu_data);
	teardown();
}

static void an_empty_stack_shows_the_end_mark(void)
{
	CHECK(setup());
	CHECK(pcp_is_end_mark(*stack_of(0, MIGRATE_MOVABLE)->top));
	CHECK(page_state(*stack_of(0, MIGRATE_MOVABLE)->top) !=
	      stack_of(0, MIGRATE_MOVABLE)->cached_state);
	/* A type that is never cached: no page matches. */
	CHECK_EQ(stack_of(0, MIGRATE_ISOLATE)->user_state, UINT64_MAX);
	teardown();
}

static void verify_notices_P1(void)
{
	CHECK(setup());
	stack_of(0, MIGRATE_MOVABLE)->top--;
	CHECK(breaks("P1"));
	teardown();
}

static void verify_notices_P2(void)
{
	CHECK(setup());
	CHECK(pcp_refill(stack_of(0, MIGRATE_MOVABLE)));
	(*stack_of(0, MIGRATE_MOVABLE)->top)->refcount = 1;
	CHECK(breaks("P2"));
	teardown();
}

static void verify_notices_P3(void)
{
	struct page_stack *stack;

	CHECK(setup());
	stack = stack_of(0, MIGRATE_MOVABLE);
	CHECK(pcp_refill(stack));
	stack->top[0] = stack->top[-1];
	CHECK(breaks("P3"));
	teardown();
}

static void verify_notices_P4(void)
{
	struct page_stack *stack;

	CHECK(setup());
	stack = stack_of(2, MIGRATE_MOVABLE);
	CHECK(pcp_refill(stack));
	page_set_state(*stack->top + 1, stack->cached_state);
	*stack->top += 1;
	CHECK(breaks("P4"));
	teardown();
}

static void verify_notices_P5(void)
{
	CHECK(setup());
	stack_of(0, MIGRATE_MOVABLE)->slots[0] = box.map;
	CHECK(breaks("P5"));
	teardown();
}

static const struct test_case cases[] = {
	{ "capacity is a share of the zone", capacity_is_a_share_of_the_zone },
	{ "orders without a stack have none", orders_without_a_stack_have_none },
	{ "refilling and draining move a batch", refilling_and_draining_move_a_batch },
	{ "an empty zone refills nothing", an_empty_zone_refills_nothing },
	{ "draining empties every stack", draining_empties_every_stack },
	{ "closed stacks are empty and full", closed_stacks_are_empty_and_full },
	{ "an empty stack shows the end mark", an_empty_stack_shows_the_end_mark },
	{ "verify notices P1", verify_notices_P1 },
	{ "verify notices P2", verify_notices_P2 },
	{ "verify notices P3", verify_notices_P3 },
	{ "verify notices P4", verify_notices_P4 },
	{ "verify notices P5", verify_notices_P5 },
};

TEST_SUITE(pcp, cases);
