/* Nodes, distances and running out: alloc_pages() on a machine in an array. */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/page_alloc.h"
#include "mm/page/pageblock.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/pretend.h"
#include "tests/unit/with_local.h"

#define CPU_OF_MEMORYLESS	2u

/* Takes whatever there is and asks nobody. */
#define GFP_ANY		(__GFP_MEMALLOC | __GFP_NOWARN)

/* Four nodes, one without memory; CPU n is node n's. Nearest to 0: 1, 3; to 2: 1, 3, 0. */
#define QUAD_MEMORY								\
	.nr_nodes = 4,								\
	.pieces = {								\
		{ 0, ZONE_DMA, 256, 4096 },					\
		{ 0, ZONE_NORMAL, 4096, 8192 },					\
		{ 1, ZONE_NORMAL, 8192, 10011 },				\
		{ 1, ZONE_NORMAL, 10213, 12288 },				\
		{ 3, ZONE_NORMAL, 12288, 16384 },				\
	},									\
	.nr_cpus = 4,								\
	.cpu_nids = { 0, 1, 2, 3 }

#define QUAD_NODES								\
	QUAD_MEMORY,								\
	.distance = {								\
		10, 21, 31, 25,							\
		21, 10, 15, 31,							\
		31, 15, 10, 21,							\
		25, 31, 21, 10,							\
	}

static const struct pretend_plan quad = { QUAD_NODES };
static const struct pretend_plan quad_marks = { QUAD_NODES, .min_free_pages = 256 };

/* No SLIT: HMAT says that to node 0 and to 2 node 3 is nearer than 1, of 1 and 3 nothing. */
static const struct performance quad_pairs[] = {
	{ 0, 1, 200000, 200000, 0, 0 }, { 0, 3, 100000, 100000, 0, 0 },
	{ 2, 0, 100000, 100000, 9000, 9000 }, { 2, 1, 100000, 100000, 1000, 1000 },
	{ 2, 3, 100000, 100000, 10000, 10000 },
};
static const struct pretend_plan quad_hmat = {
	QUAD_MEMORY, .performance = quad_pairs, .nr_performance = ARRAY_SIZE(quad_pairs),
};
static const struct pretend_plan quad_pending = { QUAD_NODES, .is_pending = true };

static void setup(const struct pretend_plan *plan)
{
	pretend_start(plan);
	pretend_enter();
}

/* Everything taken is chained through the owner's word of its first page. */
static struct page *chain;

static bool take(unsigned nid, gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages_node(nid, gfp, order);

	if (!page)
		return false;
	page->private[0] = chain;
	chain = page;
	return true;
}

static void give_all_back(void)
{
	while (chain) {
		struct page *page = chain;

		chain = page->private[0];
		__free_pages(page, page->order);
	}
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		WITH_LOCAL(local, page_stacks_drain(live.cpus[cpu], local));
}

static void get_free_blocks(uint64_t nr_blocks[NR_ORDERS])
{
	memset(nr_blocks, 0, NR_ORDERS * sizeof(*nr_blocks));
	for_each_populated_zone(zone)
		for (unsigned order = 0; order < NR_ORDERS; order++)
			nr_blocks[order] += zone->free_area[order].nr_free;
}

static void a_walk_over_zones_can_be_left(void)
{
	unsigned nr_zones = 0, nr_visited = 0, nr_passed_over = 0;

	setup(&quad);
	for_each_populated_zone(zone)
		nr_zones++;
	CHECK(nr_zones > 1);
	for_each_populated_zone(zone) {
		nr_visited++;
		break;
	}
	CHECK_EQ(nr_visited, 1);
	for_each_populated_zone(zone) {
		if (zone->node->node_id == 0)
			continue;
		nr_passed_over++;
	}
	CHECK(nr_passed_over > 0 && nr_passed_over < nr_zones);
	pretend_end();
}

/* ---- Running out ---- */

static void fill_and_empty(unsigned order)
{
	uint64_t before[NR_ORDERS], after[NR_ORDERS];
	uint64_t nr_pages = pretend_free_pages();

	get_free_blocks(before);
	while (take(NID_NONE, GFP_ANY, order))
		;
	if (order == 0)
		CHECK_EQ(pretend_free_pages(), 0);
	for (unsigned at = order; at <= MAX_ORDER; at++)
		CHECK(alloc_pages_any(GFP_ANY, at) == NULL);
	pretend_check();
	give_all_back();
	CHECK_EQ(pretend_free_pages(), nr_pages);
	get_free_blocks(after);
	CHECK_EQ(memcmp(before, after, sizeof(before)), 0);
	pretend_check();
}

static void memory_is_filled_to_the_last_page_and_comes_back(void)
{
	setup(&quad);
	for (unsigned order = 0; order <= MAX_ORDER; order++)
		fill_and_empty(order);
	pretend_end();
}

/* What a lower zone's stack holds is no free page of the zone: it comes when all else is gone. */
#define MAX_STRANDED	64u

/* CPU @cpu of @plan takes all there is; @expected: the nodes in the order in which they come. */
static void check_order_of_nodes(const struct pretend_plan *plan, unsigned cpu,
				 const unsigned expected[3])
{
	unsigned turn = 0, nr_stranded = 0;

	setup(plan);
	pretend_on_cpu(cpu);
	while (take(NID_NONE, GFP_ANY, 0)) {
		unsigned nid = page_to_nid(chain);

		if (nid != expected[turn] && turn < 2)
			turn++;
		nr_stranded += nid != expected[turn];
		CHECK(nid == expected[turn] || nid == cpu);
	}
	CHECK_EQ(turn, 2);
	CHECK(nr_stranded < MAX_STRANDED);
	give_all_back();
	pretend_check();
	pretend_end();
}

static void an_exhausted_node_moves_to_the_nearest(void)
{
	check_order_of_nodes(&quad, 0, (const unsigned[]){ 0, 1, 3 });
	check_order_of_nodes(&quad, 1, (const unsigned[]){ 1, 0, 3 });
	check_order_of_nodes(&quad, 3, (const unsigned[]){ 3, 0, 1 });
}

static void a_memoryless_node_is_served_by_the_nearest(void)
{
	check_order_of_nodes(&quad, CPU_OF_MEMORYLESS, (const unsigned[]){ 1, 3, 0 });
}

static void hmat_orders_nodes_that_slit_does_not(void)
{
	check_order_of_nodes(&quad_hmat, 0, (const unsigned[]){ 0, 3, 1 });
	check_order_of_nodes(&quad_hmat, 1, (const unsigned[]){ 1, 3, 0 });
	check_order_of_nodes(&quad_hmat, CPU_OF_MEMORYLESS, (const unsigned[]){ 3, 0, 1 });
}

static void thisnode_fails_where_others_have_memory(void)
{
	uint64_t nr_others;

	setup(&quad);
	nr_others = zone_free_pages(pretend_zone(1, ZONE_NORMAL)) +
		    zone_free_pages(pretend_zone(3, ZONE_NORMAL));
	while (take(0, GFP_ANY | __GFP_THISNODE, 0))
		CHECK_EQ(page_to_nid(chain), 0);
	CHECK_EQ(pretend_free_pages(), nr_others);
	CHECK(alloc_pages_node(CPU_OF_MEMORYLESS, GFP_ANY | __GFP_THISNODE, 0) == NULL);
	CHECK(take(0, GFP_ANY, 0));
	give_all_back();
	pretend_check();
	pretend_end();
}

static void dma_memory_survives_pressure_from_above(void)
{
	struct zone *dma;

	setup(&quad_marks);
	dma = pretend_zone(0, ZONE_DMA);
	while (take(0, __GFP_NOWARN, 0))
		;
	/* What NORMAL requests must leave: the reserve above the mark. */
	CHECK(zone_free_pages(dma) >= dma->lowmem_reserve[ZONE_NORMAL]);
	CHECK(dma->lowmem_reserve[ZONE_NORMAL] > 0);
	CHECK(take(0, GFP_DMA | __GFP_HIGH, 0));
	CHECK(page_to_pfn(chain) < ZONE_DMA_END_PFN);
	give_all_back();
	pretend_check();
	pretend_end();
}

static void watermarks_give_way_by_privilege(void)
{
	static const gfp_t by_privilege[] = { __GFP_NOWARN, __GFP_NOWARN | __GFP_HIGH, GFP_ANY };
	uint64_t nr_left = UINT64_MAX;

	setup(&quad_marks);
	for (unsigned i = 0; i < ARRAY_SIZE(by_privilege); i++) {
		while (take(NID_NONE, by_privilege[i], 0))
			;
		CHECK(pretend_free_pages() < nr_left);
		nr_left = pretend_free_pages();
	}
	CHECK_EQ(nr_left, 0);
	give_all_back();
	pretend_check();
	pretend_end();
}

/* As a shrinker's own request is, which may not reclaim: CPUs of such a machine never do. */
static void whoever_frees_memory_gets_the_atomic_reserve_at_last(void)
{
	struct zone *zone;

	setup(&quad);
	zone = pretend_zone(3, ZONE_NORMAL);
	spin_lock(&zone->lock);
	pageblock_retype(zone, pretend_page(zone->start_pfn), MIGRATE_HIGHATOMIC);
	spin_unlock(&zone->lock);
	while (take(3, __GFP_NOWARN | __GFP_THISNODE, 0))
		;
	CHECK_EQ(zone->nr_free_pages, PAGEBLOCK_PAGES);
	while (take(3, GFP_ANY | __GFP_THISNODE, 0))
		;
	CHECK_EQ(zone->nr_free_pages, 0);
	CHECK_EQ(zone->nr_highatomic_pages, 0);
	give_all_back();
	pretend_check();
	pretend_end();
}

/* ---- Memory that is not up yet ---- */

static bool has_first_section(void)
{
	struct page *page = alloc_pages_node(0, GFP_DMA32 | __GFP_NOWARN, 0);
	bool is_low = page && page_to_pfn(page) < PRETEND_END_PFN;

	if (page)
		__free_page(page);
	return is_low;
}

static bool shows_buddyinfo(const char *row)
{
	heard_begin();
	show_buddyinfo();
	return strstr(heard_end(), row) != NULL;
}

static void memory_comes_up_when_it_is_needed(void)
{
	if (!has_first_section())
		SKIP("no memory in the first section");
	setup(&quad_pending);
	CHECK_EQ(pretend_zone(1, ZONE_NORMAL)->nr_free_pages, 0);
	pretend_check();
	CHECK(take(1, GFP_ANY, 0));
	CHECK(pretend_zone(1, ZONE_NORMAL)->nr_free_pages > 0);
	CHECK_EQ(pretend_zone(1, ZONE_NORMAL)->nr_pending_pages, 12288 - 10213);
	/* 2075 pages: 2 x 1024 + 16 + 8 + 2 + 1. */
	CHECK(shows_buddyinfo("Node 1, zone Normal-pending      1      1      0      1      1 "
			      "     0      0      0      0      0      2 \n"));
	CHECK_EQ(pretend_zone(3, ZONE_NORMAL)->nr_free_pages, 0);
	pretend_check();
	/* The page and what its stack holds, as if there were no pending memory. */
	WITH_LOCAL(local, page_stacks_drain(pretend_cpu(0), local));
	CHECK(pretend_zone(1, ZONE_NORMAL)->packing_limit < pretend_page(8192 + 512));
	while (take(1, GFP_ANY | __GFP_THISNODE, 0))
		;
	CHECK_EQ(pretend_zone(1, ZONE_NORMAL)->nr_pending_pages, 0);
	CHECK(!shows_buddyinfo("Node 1, zone Normal-pending"));
	pretend_check();
	give_all_back();
	pretend_check();
	pretend_end();
}

/* ---- CPUs ---- */

static void pages_of_other_nodes_go_home(void)
{
	struct page *page;

	setup(&quad);
	page = alloc_pages_any(GFP_ANY, 0);
	CHECK_EQ(page_to_nid(page), 0);
	pretend_on_cpu(1);
	__free_page(page);
	CHECK_EQ(page_stacks_pages(pretend_cpu(1), pretend_zone(0, ZONE_NORMAL)), 0);
	CHECK(page->type != PAGE_USER);
	pretend_check();
	pretend_end();
}

/* As what another CPU's own data is allocated from. */
static void a_cpu_without_stacks_is_served_from_the_lists(void)
{
	struct page *page, *nearest;

	setup(&quad);
	mm_port_set_cpu_data(NULL);
	page = alloc_pages_before_cpu(3, 0);
	nearest = alloc_pages_before_cpu(CPU_OF_MEMORYLESS, 2);
	pretend_on_cpu(0);
	CHECK_EQ(page_to_nid(page), 3);
	CHECK_EQ(page_to_nid(nearest), 1);
	CHECK_EQ(nearest->order, 2);
	CHECK(alloc_pages_before_cpu(3, MAX_ORDER + 1) == NULL);
	pretend_check();
	__free_pages(nearest, 2);
	__free_pages(page, 0);
	pretend_check();
	pretend_end();
}

/* Low memory has stacks too, of its own. */
static void every_zone_of_a_cpu_has_its_stacks(void)
{
	struct page *low, *normal;

	setup(&quad);
	low = alloc_pages_any(GFP_ANY | GFP_DMA, 0);
	normal = alloc_pages_any(GFP_ANY, 0);
	__free_page(normal);
	__free_page(low);
	CHECK_EQ(low->type, PAGE_CACHED);
	CHECK_EQ(normal->type, PAGE_CACHED);
	CHECK(page_stacks_pages(pretend_cpu(0), pretend_zone(0, ZONE_DMA)) > 0);
	CHECK(page_stacks_pages(pretend_cpu(0), pretend_zone(0, ZONE_NORMAL)) > 0);
	pretend_check();
	pretend_end();
}

static void draining_and_closing_reach_all_of_them(void)
{
	struct page *pages[STACK_LOW_ORDER_MAX + 1];

	setup(&quad);
	for (unsigned order = 0; order <= STACK_LOW_ORDER_MAX; order++) {
		pages[order] = alloc_pages_any(GFP_ANY | GFP_DMA, order);
		CHECK(take(NID_NONE, GFP_ANY, order));
	}
	for (unsigned order = 0; order <= STACK_LOW_ORDER_MAX; order++)
		__free_pages(pages[order], order);
	give_all_back();
	for_each_populated_zone(zone)
		CHECK_EQ(page_stacks_pages(pretend_cpu(0), zone), 0);
	WITH_LOCAL(local, CHECK(page_stacks_set_closed(pretend_cpu(0), true, local)));
	for_each_stack(stack, pretend_cpu(0))
		CHECK(stack->full == (stack->slots ? stack->slots : stack->top));
	/* What is closed is passed by, in every zone. */
	for (unsigned order = 0; order <= STACK_LOW_ORDER_MAX; order++) {
		CHECK(take(NID_NONE, GFP_ANY | GFP_DMA, order));
		CHECK(take(NID_NONE, GFP_ANY, order));
	}
	pretend_check();
	give_all_back();
	WITH_LOCAL(local, CHECK(page_stacks_set_closed(pretend_cpu(0), false, local)));
	for_each_stack(stack, pretend_cpu(0))
		CHECK(!stack->slots || stack->full == stack->slots + stack->capacity);
	pretend_check();
	pretend_end();
}

static void movable_memory_serves_movable_requests_alone(void)
{
	static const struct pretend_plan with_movable = {
		.nr_nodes = 1,
		.pieces = {
			{ 0, ZONE_DMA, 256, 4096 }, { 0, ZONE_NORMAL, 4096, 8192 },
			{ 0, ZONE_MOVABLE, 8192, 12288 },
		},
		.nr_cpus = 1,
	};

	setup(&with_movable);
	while (take(NID_NONE, GFP_ANY, 0))
		CHECK(page_zone(chain)->type != ZONE_MOVABLE);
	CHECK_EQ(zone_free_pages(pretend_zone(0, ZONE_MOVABLE)), 4096);
	CHECK(take(NID_NONE, GFP_ANY | __GFP_MOVABLE, 0));
	CHECK_EQ(page_zone(chain)->type, ZONE_MOVABLE);
	CHECK(page_stacks_pages(pretend_cpu(0), pretend_zone(0, ZONE_MOVABLE)) > 0);
	give_all_back();
	CHECK(take(NID_NONE, GFP_ANY | __GFP_MOVABLE, 0));
	CHECK_EQ(page_zone(chain)->type, ZONE_MOVABLE);
	give_all_back();
	pretend_check();
	pretend_end();
}

static void cpus_drain_when_they_are_asked(void)
{
	setup(&quad);
	pretend_on_cpu(1);
	CHECK(take(NID_NONE, GFP_ANY, 0));
	CHECK(page_stacks_pages(pretend_cpu(1), pretend_zone(1, ZONE_NORMAL)) > 0);
	pretend_on_cpu(0);
	drain_all_pages();
	CHECK(pretend_cpu(1)->is_drain_wanted);
	pretend_on_cpu(1);
	mm_cpu_idle();
	CHECK_EQ(page_stacks_pages(pretend_cpu(1), pretend_zone(1, ZONE_NORMAL)), 0);
	CHECK(!pretend_cpu(1)->is_drain_wanted);
	give_all_back();
	pretend_end();
}

#define NR_RESTING	1000u

/* A CPU that only frees comes by no other place where it could see the request. */
static void a_full_stack_is_emptied_when_somebody_asked(void)
{
	static struct page *pages[2 * NR_RESTING];
	struct page_stack *stack;
	unsigned nr = 0;

	setup(&quad);
	pretend_on_cpu(1);
	stack = &pretend_cpu(1)->stacks[0][0][MIGRATE_UNMOVABLE];
	while (nr <= stack->capacity && nr < ARRAY_SIZE(pages)) {
		pages[nr] = alloc_pages(GFP_ANY, 0);
		CHECK(pages[nr++]);
	}
	CHECK_EQ(nr, stack->capacity + 1);
	drain_all_pages();
	while (page_stack_count(stack) < stack->capacity)
		__free_pages(pages[--nr], 0);
	pretend_on_cpu(0);
	drain_all_pages();
	pretend_on_cpu(1);
	__free_pages(pages[--nr], 0);
	CHECK(!pretend_cpu(1)->is_drain_wanted);
	CHECK_EQ(page_stack_count(stack), 1);
	while (nr > 0)
		__free_pages(pages[--nr], 0);
	pretend_check();
	pretend_end();
}

/* As little does one that only allocates; and who asked is noted on the way, too. */
static void an_empty_stack_obeys_before_it_is_filled(void)
{
	struct page *pages[3];

	setup(&quad);
	pretend_on_cpu(1);
	CHECK(take(NID_NONE, GFP_ANY | __GFP_MOVABLE, 0));
	CHECK(page_stacks_pages(pretend_cpu(1), pretend_zone(1, ZONE_NORMAL)) > 0);
	pretend_on_cpu(0);
	drain_all_pages();
	pretend_on_cpu(1);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {	/* two refills, and a pop */
		pages[i] = alloc_pages(GFP_ANY, 0);
		CHECK(pages[i] && pages[i]->caller != 0);
		CHECK(!pretend_cpu(1)->is_drain_wanted);
		if (i == 0)
			drain_all_pages();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		__free_pages(pages[i], 0);
	give_all_back();
	pretend_check();
	pretend_end();
}

/* ---- Failure injection ---- */

static void every_failure_leaves_the_rules_whole(void)
{
	setup(&quad);
	for (uint64_t nth = 1;; nth++) {
		bool has_struck;

		mm_fail_nth(nth);
		for (unsigned i = 0; i < 24; i++)
			if (!take(i % 4, __GFP_NOWARN | (i & 1 ? __GFP_COMP : 0), i % NR_ORDERS))
				CHECK_EQ(i + 1, nth);
		has_struck = mm_fail_nth_struck();
		mm_fail_nth(0);
		pretend_check();
		give_all_back();
		pretend_check();
		CHECK_EQ(has_struck, nth <= 24);
		if (!has_struck)
			break;
	}
	pretend_end();
}

/* A request that needs one of them must not dissolve all that was set aside. */
static void one_request_takes_one_pageblock_of_the_reserve(void)
{
	struct zone *zone;
	struct page *first, *second;

	setup(&quad);
	zone = pretend_zone(0, ZONE_NORMAL);
	first = pageblock_of(pretend_page(zone->end_pfn - 2 * PAGEBLOCK_PAGES));
	second = first + PAGEBLOCK_PAGES;
	spin_lock(&zone->lock);
	pageblock_retype(zone, first, MIGRATE_HIGHATOMIC);
	pageblock_retype(zone, second, MIGRATE_HIGHATOMIC);
	spin_unlock(&zone->lock);
	while (zone->nr_highatomic_pages == 2 * PAGEBLOCK_PAGES &&
	       take(0, __GFP_MEMALLOC | __GFP_THISNODE | __GFP_NOWARN, 0))
		;
	CHECK_EQ(zone->nr_highatomic_pages, PAGEBLOCK_PAGES);
	pretend_check();
	give_all_back();
	pretend_end();
}

static const struct pretend_plan pair_of_cpus = {
	.nr_nodes = 1,
	.pieces = { { 0, ZONE_NORMAL, 1024, 64512 } },
	.nr_cpus = 2,
};

/* CPU 1 computes: it will not obey a request to drain. */
static void a_request_takes_what_rests_on_other_cpus(void)
{
	static struct page *resting[NR_RESTING];
	const struct page_stack *stack;
	uint64_t nr_resting, nr_gained = 0;

	setup(&pair_of_cpus);
	pretend_on_cpu(1);
	CHECK_EQ(alloc_pages_bulk(GFP_ANY, NID_NONE, NR_RESTING, resting), NR_RESTING);
	free_pages_bulk(NR_RESTING, resting);
	stack = &this_mm_cpu()->stacks[0][0][MIGRATE_UNMOVABLE];
	nr_resting = page_stack_count(stack);
	CHECK(nr_resting > 500);
	pretend_on_cpu(0);
	while (take(NID_NONE, GFP_ANY | __GFP_NOWARN, 0))
		;
	CHECK_EQ(page_stack_count(stack), nr_resting);
	while (take(NID_NONE, GFP_ANY | __GFP_NOWARN | __GFP_DIRECT_RECLAIM, 0))
		nr_gained++;
	if (nr_gained == 0)
		SKIP("this system gives no barrier of all CPUs");
	CHECK_EQ(nr_gained, nr_resting - MAX_POPS_AT_ONCE);
	CHECK_EQ(page_stack_count(stack), MAX_POPS_AT_ONCE);
	pretend_check();
	pretend_on_cpu(1);
	for (unsigned i = 0; i < MAX_POPS_AT_ONCE; i++)
		CHECK(take(NID_NONE, GFP_ANY | __GFP_NOWARN, 0));
	CHECK(!take(NID_NONE, GFP_ANY | __GFP_NOWARN, 0));
	give_all_back();
	pretend_check();
	pretend_on_cpu(0);
	pretend_end();
}

static void a_failure_strikes_who_asked_for_it(void)
{
	setup(&quad);
	mm_fail_nth(1);
	pretend_on_cpu(1);
	CHECK(take(NID_NONE, __GFP_NOWARN, 0));
	CHECK(take(NID_NONE, __GFP_NOWARN, MAX_ORDER));
	CHECK_EQ(mm_fail_nth_count(), 0);
	pretend_on_cpu(0);
	CHECK(!take(NID_NONE, __GFP_NOWARN, 0));
	CHECK(mm_fail_nth_struck());
	mm_fail_nth(0);
	give_all_back();
	pretend_end();
}

/* ---- One breach per rule ---- */

static struct zonelist *list_of(unsigned nid)
{
	return &pretend_node(nid)->node_zonelists[ZONELIST_FALLBACK];
}

static void swap_zones(unsigned nid, unsigned i, unsigned j)
{
	struct zone *zone = list_of(nid)->zones[i];

	list_of(nid)->zones[i] = list_of(nid)->zones[j];
	list_of(nid)->zones[j] = zone;
}

static void verify_notices_ZONELIST_1(void)
{
	setup(&quad);
	list_of(0)->nr_zones--;
	CHECK(pretend_breaks("ZONELIST-1"));
	list_of(0)->nr_zones++;
	list_of(0)->zones[2] = list_of(0)->zones[3];
	CHECK(pretend_breaks("ZONELIST-1"));
	pretend_end();
	/* The first zone of all, which stands second, is missing. */
	setup(&quad);
	CHECK(list_of(0)->zones[1] == pretend_zone(0, ZONE_DMA));
	list_of(0)->zones++;
	list_of(0)->zones[0] = pretend_zone(0, ZONE_NORMAL);
	list_of(0)->nr_zones--;
	CHECK(pretend_breaks("ZONELIST-1"));
	pretend_end();
}

static void verify_notices_ZONELIST_2(void)
{
	setup(&quad);
	swap_zones(0, 2, 3);
	CHECK(pretend_breaks("ZONELIST-2"));
	pretend_end();
	setup(&quad_hmat);
	swap_zones(0, 2, 3);
	CHECK(pretend_breaks("ZONELIST-2"));
	pretend_end();
}

static void verify_notices_ZONELIST_3(void)
{
	setup(&quad);
	swap_zones(0, 0, 1);
	CHECK(pretend_breaks("ZONELIST-3"));
	pretend_end();
}

static struct page_stack *filled_stack(void)
{
	struct zone *zone = pretend_zone(0, ZONE_NORMAL);
	struct page_stack *stack;

	__free_page(alloc_pages_any(GFP_ANY | __GFP_MOVABLE, 0));
	WITH_LOCAL(local, stack = page_stack_for(zone, 0, MIGRATE_MOVABLE, local));
	return stack;
}

/* A page that a stack lost, and one that two CPUs have. */
static void verify_notices_SYSTEM_1(void)
{
	struct page_stack *stack;
	struct page_stack *other;

	setup(&quad);
	stack = filled_stack();
	stack->top--;
	CHECK(pretend_breaks("SYSTEM-1"));
	stack->top++;
	pretend_check();
	other = &pretend_cpu(0)->stacks[pretend_cpu(0)->slot[ZONE_NORMAL][0]][0][MIGRATE_UNMOVABLE];
	CHECK(other->zone == stack->zone);
	*++other->top = *stack->top;
	CHECK(pretend_breaks("SYSTEM-1"));
	pretend_end();
}

static void verify_notices_SYSTEM_2(void)
{
	setup(&quad);
	live.nr_usable_pages++;
	CHECK(pretend_breaks("SYSTEM-2"));
	live.nr_usable_pages--;
	pretend_node(3)->nr_taken_pages++;
	CHECK(pretend_breaks("SYSTEM-2"));
	pretend_end();
}

static void callers_are_told_of_the_machine(void)
{
	static const unsigned has_memory[] = { 1, 1, 0, 1 };

	setup(&quad);
	CHECK_EQ(nr_node_ids(), 4);
	CHECK_EQ(nr_cpu_ids(), 4);
	for (unsigned nid = 0; nid < 4; nid++) {
		CHECK_EQ(node_has_memory(nid), has_memory[nid]);
		CHECK_EQ(cpu_to_node(nid), nid);
		pretend_on_cpu(nid);
		CHECK_EQ(numa_node_id(), nid);
		CHECK_EQ(node_distance(nid, 1), quad.distance[4 * nid + 1]);
	}
	pretend_on_cpu(0);
	CHECK_EQ(zone_cached_pages(pretend_zone(0, ZONE_NORMAL)), 0);
	for (unsigned cpu = 0; cpu < 4; cpu += 3) {
		pretend_on_cpu(cpu);
		__free_page(alloc_pages_node(0, GFP_ANY, 0));
	}
	pretend_on_cpu(0);
	CHECK_EQ(zone_cached_pages(pretend_zone(0, ZONE_NORMAL)),
		 page_stacks_pages(pretend_cpu(0), pretend_zone(0, ZONE_NORMAL)) +
			 page_stacks_pages(pretend_cpu(3), pretend_zone(0, ZONE_NORMAL)));
	CHECK(page_stacks_pages(pretend_cpu(0), pretend_zone(0, ZONE_NORMAL)) > 0);
	pretend_end();
}

static const struct test_case cases[] = {
	{ "a walk over zones can be left", a_walk_over_zones_can_be_left },
	{ "a request takes what rests on other CPUs", a_request_takes_what_rests_on_other_cpus },
	{ "one request takes one pageblock of the reserve",
	  one_request_takes_one_pageblock_of_the_reserve },
	{ "a failure strikes who asked for it", a_failure_strikes_who_asked_for_it },
	{ "memory is filled to the last page and comes back",
	  memory_is_filled_to_the_last_page_and_comes_back },
	{ "an exhausted node moves to the nearest", an_exhausted_node_moves_to_the_nearest },
	{ "a memoryless node is served by the nearest",
	  a_memoryless_node_is_served_by_the_nearest },
	{ "hmat orders nodes that slit does not", hmat_orders_nodes_that_slit_does_not },
	{ "thisnode fails where others have memory", thisnode_fails_where_others_have_memory },
	{ "dma memory survives pressure from above", dma_memory_survives_pressure_from_above },
	{ "watermarks give way by privilege", watermarks_give_way_by_privilege },
	{ "whoever frees memory gets the atomic reserve at last",
	  whoever_frees_memory_gets_the_atomic_reserve_at_last },
	{ "callers are told of the machine", callers_are_told_of_the_machine },
	{ "memory comes up when it is needed", memory_comes_up_when_it_is_needed },
	{ "pages of other nodes go home", pages_of_other_nodes_go_home },
	{ "a CPU without stacks is served from the lists",
	  a_cpu_without_stacks_is_served_from_the_lists },
	{ "every zone of a CPU has its stacks", every_zone_of_a_cpu_has_its_stacks },
	{ "draining and closing reach all of them", draining_and_closing_reach_all_of_them },
	{ "movable memory serves movable requests alone",
	  movable_memory_serves_movable_requests_alone },
	{ "cpus drain when they are asked", cpus_drain_when_they_are_asked },
	{ "an empty stack obeys before it is filled", an_empty_stack_obeys_before_it_is_filled },
	{ "a full stack is emptied when somebody asked",
	  a_full_stack_is_emptied_when_somebody_asked },
	{ "every failure leaves the rules whole", every_failure_leaves_the_rules_whole },
	{ "verify notices ZONELIST-1", verify_notices_ZONELIST_1 },
	{ "verify notices ZONELIST-2", verify_notices_ZONELIST_2 },
	{ "verify notices ZONELIST-3", verify_notices_ZONELIST_3 },
	{ "verify notices SYSTEM-1", verify_notices_SYSTEM_1 },
	{ "verify notices SYSTEM-2", verify_notices_SYSTEM_2 },
};

TEST_SUITE(numa, cases);
