/* Page stacks: over a zone in an array, and this CPU's own. */

#include "mm/page/page_stack.h"

#include "lib/align.h"

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "tests/test.h"
#include "tests/unit/sandbox.h"
#include "tests/unit/with_local.h"

static struct sandbox box;
static struct mm_cpu *cpu_data;

static bool setup(void)
{
	if (!sandbox_start(&box))
		return false;
	cpu_data = kzalloc(page_stacks_bytes(&box.node, 1), GFP_KERNEL | __GFP_NO_INJECTION);
	if (!cpu_data)
		return false;
	page_stacks_init(cpu_data, &box.node, 3, 1);
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

	return !page_stacks_verify(cpu_data, &violation) && strcmp(violation.rule, rule) == 0;
}

static bool is_sound(void)
{
	struct violation violation;

	return page_stacks_verify(cpu_data, &violation) && buddy_verify(box.zone, &violation);
}

static void capacity_is_a_share_of_the_zone(void)
{
	CHECK_EQ(page_stack_capacity(65536, 1, 0), 2048);
	CHECK_EQ(page_stack_capacity(65536, 4, 0), 512);
	CHECK_EQ(page_stack_capacity(65536, 1, 3), 64);
	CHECK_EQ(page_stack_capacity(65536, 1, PAGEBLOCK_ORDER), 2);
	CHECK_EQ(page_stack_capacity(65536, 10, PAGEBLOCK_ORDER), 1);
	CHECK_EQ(page_stack_capacity(65536, 11, PAGEBLOCK_ORDER), 0);
	CHECK_EQ(page_stack_capacity(12 * PAGEBLOCK_PAGES, 1, PAGEBLOCK_ORDER), 1);
	CHECK_EQ(page_stack_capacity(12 * PAGEBLOCK_PAGES - 1, 1, PAGEBLOCK_ORDER), 0);
	CHECK_EQ(page_stack_capacity(64, 1, 0), 0);
	CHECK(page_stack_capacity((uint64_t)1 << 31, 1, 0) >= 4096);
	CHECK(page_stack_capacity((uint64_t)1 << 31, 1, 0) <= 8192);
}

static void without_cpus_it_is_what_one_would_have(void)
{
	CHECK_EQ(page_stack_capacity(65536, 0, 0), page_stack_capacity(65536, 1, 0));
	CHECK_EQ(page_stack_capacity(65536, 0, 3), page_stack_capacity(65536, 1, 3));
}

static void orders_without_a_stack_have_none(void)
{
	CHECK_EQ(stack_order_index(3), 3);
	CHECK_EQ(stack_order_index(STACK_LOW_ORDER_MAX), STACK_LOW_ORDER_MAX);
	CHECK_EQ(stack_order_index(STACK_LOW_ORDER_MAX + 1), NR_STACK_ORDERS);
	CHECK_EQ(stack_order_index(PAGEBLOCK_ORDER), NR_STACK_ORDERS - 1);
	CHECK_EQ(stack_order_index(MAX_ORDER), NR_STACK_ORDERS);
}

/* ---- How a CPU starts ---- */

/* A node whose zones have so many pages, which do not exist; what lies behind it is no zone. */
static struct {
	struct pglist_data node;
	uint8_t behind[sizeof(struct zone)];
} large;

static struct mm_cpu *start_on(const uint64_t nr_pages[MAX_NR_ZONES])
{
	struct mm_cpu *started;

	memset(&large, 0, sizeof(large));
	memset(large.behind, 0xff, sizeof(large.behind));
	large.node.node_id = 2;
	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		zone_init(&large.node.node_zones[type], &large.node, (enum zone_type)type, NULL);
		large.node.node_zones[type].present_pages = nr_pages[type];
		large.node.node_zones[type].managed_pages = nr_pages[type];
	}
	started = kmalloc(page_stacks_bytes(&large.node, 1), GFP_KERNEL | __GFP_NO_INJECTION);
	CHECK(started);
	memset(started, 0xa5, page_stacks_bytes(&large.node, 1));
	page_stacks_init(started, &large.node, 3, 1);
	return started;
}

static void a_cpu_starts_from_whatever_its_memory_held(void)
{
	struct mm_cpu *started = start_on((const uint64_t[]){ 0, 0, 1 << 20, 0 });
	struct violation violation;

	CHECK(started->node == &large.node);
	CHECK_EQ(started->nid, 2);
	CHECK_EQ(started->cpu, 3);
	CHECK(!started->is_drain_wanted);
	CHECK_EQ(started->nr_slow, 0);
	CHECK(page_stacks_verify(started, &violation));
	CHECK_EQ(page_stacks_pages(started, &large.node.node_zones[ZONE_NORMAL]), 0);
	kfree(started);
}

/* Blocks @stack of @owner holds, one of a node's only CPU: ready-made ones are at most 32. */
static uint64_t expected_capacity(const struct mm_cpu *owner, const struct page_stack *stack)
{
	uint64_t nr_plain = page_stack_capacity(stack->zone->managed_pages, 1, stack->order);

	return stack < owner->large[0] ? nr_plain : min_u64(nr_plain / 4, 32);
}

static void stacks_follow_each_other_and_fill_what_was_asked_for(void)
{
	struct mm_cpu *started = start_on((const uint64_t[]){ 4096, 1 << 20, 1 << 20, 1 << 20 });
	struct page **end = (struct page **)(void *)(started + 1);
	unsigned nr_stacks = 0;

	for_each_stack(stack, started) {
		if (!stack->slots)
			continue;
		nr_stacks++;
		CHECK_EQ(stack->capacity, expected_capacity(started, stack));
		CHECK(stack->capacity > 0);
		CHECK(stack->full == stack->slots + stack->capacity);
		if (end < stack->full + 1)
			end = stack->full + 1;
	}
	/* Of DMA's 16 MiB the orders up to 3; of the others all. Ready-made ones of two types. */
	CHECK_EQ(nr_stacks, MIGRATE_PCPTYPES * (4 + 3 * NR_STACK_ORDERS) + 2 * NR_LARGE_ORDERS);
	CHECK((uint8_t *)end <= (uint8_t *)started + page_stacks_bytes(&large.node, 1));
	kfree(started);
}

/* Where every stack has its largest capacity, nothing is asked for in vain. */
static void the_largest_stacks_leave_no_byte(void)
{
	struct mm_cpu *started =
		start_on((const uint64_t[]){ 1 << 24, 1 << 24, 1 << 24, 1 << 24 });
	struct page **end = NULL;

	for_each_stack(stack, started)
		if (stack->slots && end < stack->full + 1)
			end = stack->full + 1;
	CHECK_EQ((uintptr_t)end, (uintptr_t)started + page_stacks_bytes(&large.node, 1));
	kfree(started);
}

static void ready_made_blocks_are_a_quarter_of_the_plain_ones(void)
{
	struct mm_cpu *started = start_on((const uint64_t[]){ 0, 0, 65536, 0 });

	for (unsigned i = 0; i < NR_LARGE_ORDERS; i++) {
		const struct page_stack *plain =
			&started->stacks[0][LARGE_ORDER_MIN + i][MIGRATE_UNMOVABLE];

		CHECK(plain->capacity > 0);
		CHECK_EQ(started->large[i][MIGRATE_UNMOVABLE].capacity,
			 plain->capacity / 4 < 32 ? plain->capacity / 4 : 32);
	}
	kfree(started);
}

static void closed_stacks_know_their_order(void)
{
	struct mm_cpu *started = start_on((const uint64_t[]){ 0, 0, 0, 0 });

	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		unsigned i = stack_order_index(order);

		if (i < NR_STACK_ORDERS)
			CHECK_EQ(started->stacks[0][i][MIGRATE_MOVABLE].order, order);
	}
	for (unsigned i = 0; i < NR_LARGE_ORDERS; i++)
		CHECK_EQ(started->large[i][MIGRATE_MOVABLE].order, LARGE_ORDER_MIN + i);
	kfree(started);
}

static void a_batch_is_a_quarter_of_a_stack(void)
{
	struct mm_cpu *started = start_on((const uint64_t[]){ 4096, 65536, 1 << 22, 0 });

	for_each_stack(stack, started) {
		unsigned quarter = stack->capacity / 4;

		if (stack->slots)
			CHECK_EQ(stack->batch, quarter == 0 ? 1 : quarter < 128 ? quarter : 128);
	}
	CHECK_EQ(started->stacks[0][0][MIGRATE_MOVABLE].batch, 128);
	CHECK_EQ(started->stacks[1][NR_STACK_ORDERS - 1][MIGRATE_MOVABLE].batch, 1);
	kfree(started);
}

/* The slot of each type of zone, and that for movable pages. */
static void check_slots(const uint64_t nr_pages[MAX_NR_ZONES],
			const unsigned others[MAX_NR_ZONES], const unsigned movable[MAX_NR_ZONES])
{
	struct mm_cpu *started = start_on(nr_pages);

	for (unsigned type = 0; type < MAX_NR_ZONES; type++)
		for (unsigned column = 0; column < NR_STACK_TYPES; column++)
			CHECK_EQ(started->slot[type][column],
				 column == MIGRATE_MOVABLE ? movable[type] : others[type]);
	kfree(started);
}

static void unrestricted_requests_find_their_zone_in_slot_0(void)
{
	const unsigned none = NR_STACK_SLOTS - 1;
	const unsigned normal[] = { none, none, 0, none };
	const unsigned low[] = { 1, 0, none, none };
	const unsigned three[] = { 2, 1, 0, none };

	check_slots((const uint64_t[]){ 0, 0, 65536, 0 }, normal, normal);
	check_slots((const uint64_t[]){ 4096, 65536, 0, 0 }, low, low);
	check_slots((const uint64_t[]){ 4096, 65536, 65536, 0 }, three, three);
	/* Movable pages come from ZONE_MOVABLE first. */
	check_slots((const uint64_t[]){ 4096, 65536, 65536, 65536 }, three,
		    (const unsigned[]){ 2, 1, none, 0 });
	check_slots((const uint64_t[]){ 4096, 0, 0, 65536 },
		    (const unsigned[]){ 0, none, none, none },
		    (const unsigned[]){ none, none, none, 0 });
}

/* ---- Refilling and draining ---- */

static void refilling_and_draining_move_a_batch(void)
{
	struct page_stack *stack;

	CHECK(setup());
	stack = stack_of(0, MIGRATE_MOVABLE);
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	CHECK_EQ(page_stack_count(stack), stack->batch);
	CHECK_EQ(page_stacks_pages(cpu_data, box.zone), stack->batch);
	CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES - stack->batch);
	CHECK(is_sound());
	/* One that has blocks needs none. */
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	CHECK_EQ(page_stack_count(stack), stack->batch);
	WITH_LOCAL(local, page_stack_drain_batch(stack, local));
	CHECK_EQ(page_stack_count(stack), 0);
	CHECK(sandbox_is_whole(&box));
	teardown();
}

static void an_empty_zone_refills_nothing(void)
{
	CHECK(setup());
	WITH_LOCAL(local, CHECK(!page_stack_refill(stack_of(0, MIGRATE_UNMOVABLE), local)));
	CHECK_EQ(page_stack_count(stack_of(0, MIGRATE_UNMOVABLE)), 0);
	teardown();
}

static void draining_empties_every_stack(void)
{
	CHECK(setup());
	for (unsigned order = 0; order <= 3; order++)
		WITH_LOCAL(local,
			   CHECK(page_stack_refill(stack_of(order, MIGRATE_MOVABLE), local)));
	CHECK(is_sound());
	cpu_data->is_drain_wanted = true;
	WITH_LOCAL(local, page_stacks_drain(cpu_data, local));
	CHECK(!cpu_data->is_drain_wanted);
	CHECK_EQ(page_stacks_pages(cpu_data, box.zone), 0);
	CHECK(sandbox_is_whole(&box));
	teardown();
}

static void closed_stacks_are_empty_and_full(void)
{
	CHECK(setup());
	WITH_LOCAL(local, CHECK(page_stack_refill(stack_of(1, MIGRATE_MOVABLE), local)));
	WITH_LOCAL(local, CHECK(page_stacks_set_closed(cpu_data, true, local)));
	CHECK_EQ(page_stacks_pages(cpu_data, box.zone), 0);
	CHECK(stack_of(1, MIGRATE_MOVABLE)->full == stack_of(1, MIGRATE_MOVABLE)->slots);
	WITH_LOCAL(local, CHECK(page_stacks_set_closed(cpu_data, false, local)));
	WITH_LOCAL(local, CHECK(page_stack_refill(stack_of(1, MIGRATE_MOVABLE), local)));
	WITH_LOCAL(local, page_stacks_drain(cpu_data, local));
	teardown();
}

static void an_empty_stack_shows_the_end_mark(void)
{
	CHECK(setup());
	CHECK(page_stack_is_end_mark(*stack_of(0, MIGRATE_MOVABLE)->top));
	CHECK(page_state(*stack_of(0, MIGRATE_MOVABLE)->top) !=
	      stack_of(0, MIGRATE_MOVABLE)->cached_state);
	/* A type that is never cached: no page matches. */
	CHECK_EQ(stack_of(0, MIGRATE_ISOLATE)->user_state, UINT64_MAX);
	teardown();
}

/* ---- One breach per rule ---- */

static void verify_notices_STACK_1(void)
{
	struct page_stack *stack, *closed;

	CHECK(setup());
	stack = stack_of(0, MIGRATE_MOVABLE);
	closed = stack_of(0, MIGRATE_ISOLATE);
	stack->top--;
	CHECK(breaks("STACK-1"));
	stack->top = stack->full + 1;
	CHECK(breaks("STACK-1"));
	stack->top = stack->slots;
	stack->full++;
	CHECK(breaks("STACK-1"));
	stack->full--;
	CHECK(is_sound());
	closed->full++;
	CHECK(breaks("STACK-1"));
	teardown();
}

static void a_full_stack_breaks_no_rule(void)
{
	struct page_stack *stack;

	CHECK(setup());
	stack = stack_of(3, MIGRATE_MOVABLE);
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	stack->full = stack->top;
	CHECK(is_sound());
	stack->full = stack->slots + stack->capacity;
	teardown();
}

static void verify_notices_STACK_2(void)
{
	CHECK(setup());
	WITH_LOCAL(local, CHECK(page_stack_refill(stack_of(0, MIGRATE_MOVABLE), local)));
	(*stack_of(0, MIGRATE_MOVABLE)->top)->refcount = 1;
	CHECK(breaks("STACK-2"));
	(*stack_of(0, MIGRATE_MOVABLE)->top)->refcount = 0;
	CHECK(is_sound());
	stack_of(0, MIGRATE_MOVABLE)->slots[1]->refcount = 1;
	CHECK(breaks("STACK-2"));
	stack_of(0, MIGRATE_MOVABLE)->slots[1]->refcount = 0;
	box.span.end_pfn = 1;
	CHECK(breaks("STACK-2"));
	teardown();
}

static void verify_notices_STACK_3(void)
{
	struct violation violation;
	struct page_stack *stack;

	CHECK(setup());
	stack = stack_of(0, MIGRATE_MOVABLE);
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	stack->top[0] = stack->top[-1];
	CHECK(breaks("STACK-3"));
	/* The first of two is the one that is named. */
	stack->slots[2] = stack->slots[1];
	CHECK(!page_stacks_verify(cpu_data, &violation));
	CHECK(strcmp(violation.rule, "STACK-3") == 0);
	CHECK_EQ(violation.at, page_to_pfn(stack->slots[1]));
	for (struct page **at = stack->slots + 1; at <= stack->top; at++)
		CHECK_EQ((*at)->type, PAGE_CACHED);
	teardown();
}

/* Who allocated a page last is in reports of it, also when it rests. */
static void verifying_keeps_callers(void)
{
	struct violation violation;
	struct page_stack *stack;
	uint32_t nr = 0;

	CHECK(setup());
	stack = stack_of(0, MIGRATE_MOVABLE);
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	for (struct page **at = stack->slots + 1; at <= stack->top; at++)
		(*at)->caller = UINT32_MAX - nr++;
	CHECK(page_stacks_verify(cpu_data, &violation));
	nr = 0;
	for (struct page **at = stack->slots + 1; at <= stack->top; at++)
		CHECK_EQ((*at)->caller, UINT32_MAX - nr++);
	CHECK(nr > 1);
	teardown();
}

static void verify_notices_STACK_4(void)
{
	struct page_stack *stack;

	CHECK(setup());
	stack = stack_of(2, MIGRATE_MOVABLE);
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	page_set_state(*stack->top + 1, stack->cached_state);
	*stack->top += 1;
	CHECK(breaks("STACK-4"));
	teardown();
}

static void verify_notices_STACK_5(void)
{
	CHECK(setup());
	stack_of(0, MIGRATE_MOVABLE)->slots[0] = box.map;
	CHECK(breaks("STACK-5"));
	teardown();
	CHECK(setup());
	stack_of(0, MIGRATE_ISOLATE)->top = stack_of(0, MIGRATE_ISOLATE)->full = &box.map;
	CHECK(breaks("STACK-5"));
	teardown();
}

static void verify_looks_at_every_stack(void)
{
	struct mm_cpu *started = start_on((const uint64_t[]){ 4096, 1 << 20, 1 << 20, 1 << 20 });
	struct violation violation;

	for_each_stack(stack, started) {
		struct page **top = stack->top;

		CHECK(page_stacks_verify(started, &violation));
		stack->top = stack->full + 1;
		CHECK(!page_stacks_verify(started, &violation));
		CHECK_EQ(violation.at, (uintptr_t)stack);
		stack->top = top;
	}
	kfree(started);
}

/* ---- From below ---- */

#define NR_PUSHED	100u

/* A stack of single pages with NR_PUSHED on it; and what is above the last that may be taken. */
static struct page_stack *pushed_stack(void)
{
	struct page_stack *stack = stack_of(0, MIGRATE_MOVABLE);

	for (unsigned i = 0; i < NR_PUSHED; i++) {
		struct page *page = sandbox_take(&box, 0, MIGRATE_MOVABLE);

		WITH_LOCAL(local, CHECK(page_stack_push(stack, page, local)));
	}
	return stack;
}

static unsigned pop_all(struct page_stack *stack)
{
	struct page *page;
	unsigned nr = 0;
	bool has_popped;

	do {
		WITH_LOCAL(local, has_popped = page_stack_pop(stack, &page, local));
		nr += has_popped;
	} while (has_popped);
	CHECK(page_stack_is_end_mark(page));
	return nr;
}

static void what_rests_can_be_taken_from_below(void)
{
	const unsigned nr_taken = NR_PUSHED - MAX_POPS_AT_ONCE;
	struct page_stack_claim claim;
	struct page_stack *stack;

	CHECK(setup());
	stack = pushed_stack();
	CHECK(page_stack_claim(stack, &claim));
	CHECK_EQ(page_stack_collect(&claim), nr_taken);
	CHECK_EQ(page_stack_count(stack), MAX_POPS_AT_ONCE);
	CHECK_EQ(page_stacks_pages(cpu_data, box.zone), MAX_POPS_AT_ONCE);
	CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES - MAX_POPS_AT_ONCE);
	CHECK(is_sound());
	/* No more than that. */
	CHECK(!page_stack_claim(stack, &claim));
	CHECK_EQ(pop_all(stack), MAX_POPS_AT_ONCE);
	CHECK(is_sound());
	/* Its owner has all its room again. */
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	CHECK_EQ(stack->floor, 0);
	CHECK_EQ(page_stack_count(stack), stack->batch);
	CHECK(is_sound());
	teardown();
}

static void an_owner_that_comes_close_keeps_its_blocks(void)
{
	struct page_stack_claim claim;
	struct page_stack *stack;
	struct page *page;

	CHECK(setup());
	stack = pushed_stack();
	CHECK(page_stack_claim(stack, &claim));
	/* It has popped one since, and could be about to pop as many as one use may. */
	WITH_LOCAL(local, CHECK(page_stack_pop(stack, &page, local)));
	CHECK_EQ(page_stack_collect(&claim), 0);
	CHECK(is_sound());
	CHECK_EQ(pop_all(stack), NR_PUSHED - 1);
	teardown();
	/* Down to the mark: it does without the stack, until that is gone. */
	CHECK(setup());
	stack = pushed_stack();
	CHECK(page_stack_claim(stack, &claim));
	CHECK_EQ(pop_all(stack), MAX_POPS_AT_ONCE);
	WITH_LOCAL(local, CHECK(!page_stack_refill(stack, local)));
	WITH_LOCAL(local, CHECK(!page_stack_drain_batch(stack, local)));
	WITH_LOCAL(local, CHECK(!page_stacks_set_closed(cpu_data, true, local)));
	CHECK_EQ(page_stack_collect(&claim), 0);
	WITH_LOCAL(local, CHECK(page_stack_refill(stack, local)));
	CHECK_EQ(pop_all(stack), NR_PUSHED - MAX_POPS_AT_ONCE);
	teardown();
}

/* It had read the slot before the mark was there, and has gone up again past it. */
static void an_owner_that_was_below_is_found_out(void)
{
	struct page_stack_claim claim;
	struct page_stack *stack;
	struct page *page;

	CHECK(setup());
	stack = pushed_stack();
	CHECK(page_stack_claim(stack, &claim));
	page = claim.marked;
	stack->top = claim.end - 1;
	page_set_state(page, stack->user_state);
	WITH_LOCAL(local, CHECK(page_stack_push(stack, page, local)));
	stack->top = claim.end + MAX_POPS_AT_ONCE;
	CHECK_EQ(page_stack_collect(&claim), 0);
	CHECK_EQ(page_stack_count(stack), NR_PUSHED);
	CHECK(is_sound());
	teardown();
}

static void a_claim_is_given_up_without_a_trace(void)
{
	struct page_stack_claim claim;
	struct page_stack *stack;

	CHECK(setup());
	stack = pushed_stack();
	CHECK(page_stack_claim(stack, &claim));
	CHECK(!page_stack_claim(stack, &claim));
	page_stack_give_up(&claim);
	CHECK(is_sound());
	CHECK_EQ(pop_all(stack), NR_PUSHED);
	teardown();
}

static const struct test_case cases[] = {
	{ "what rests can be taken from below", what_rests_can_be_taken_from_below },
	{ "an owner that comes close keeps its blocks",
	  an_owner_that_comes_close_keeps_its_blocks },
	{ "an owner that was below is found out", an_owner_that_was_below_is_found_out },
	{ "a claim is given up without a trace", a_claim_is_given_up_without_a_trace },
	{ "capacity is a share of the zone", capacity_is_a_share_of_the_zone },
	{ "without CPUs it is what one would have", without_cpus_it_is_what_one_would_have },
	{ "orders without a stack have none", orders_without_a_stack_have_none },
	{ "a cpu starts from whatever its memory held",
	  a_cpu_starts_from_whatever_its_memory_held },
	{ "stacks follow each other and fill what was asked for",
	  stacks_follow_each_other_and_fill_what_was_asked_for },
	{ "the largest stacks leave no byte", the_largest_stacks_leave_no_byte },
	{ "ready-made blocks are a quarter of the plain ones",
	  ready_made_blocks_are_a_quarter_of_the_plain_ones },
	{ "closed stacks know their order", closed_stacks_know_their_order },
	{ "a batch is a quarter of a stack", a_batch_is_a_quarter_of_a_stack },
	{ "unrestricted requests find their zone in slot 0",
	  unrestricted_requests_find_their_zone_in_slot_0 },
	{ "refilling and draining move a batch", refilling_and_draining_move_a_batch },
	{ "an empty zone refills nothing", an_empty_zone_refills_nothing },
	{ "draining empties every stack", draining_empties_every_stack },
	{ "closed stacks are empty and full", closed_stacks_are_empty_and_full },
	{ "an empty stack shows the end mark", an_empty_stack_shows_the_end_mark },
	{ "verify notices STACK-1", verify_notices_STACK_1 },
	{ "a full stack breaks no rule", a_full_stack_breaks_no_rule },
	{ "verify notices STACK-2", verify_notices_STACK_2 },
	{ "verify notices STACK-3", verify_notices_STACK_3 },
	{ "verifying keeps callers", verifying_keeps_callers },
	{ "verify notices STACK-4", verify_notices_STACK_4 },
	{ "verify notices STACK-5", verify_notices_STACK_5 },
	{ "verify looks at every stack", verify_looks_at_every_stack },
};

TEST_SUITE(page_stack, cases);
