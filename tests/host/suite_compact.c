/*
 * Compaction of a whole machine of 1 GiB: where pages go, that it comes to rest,
 * what one call costs, and what is left in peace. Each case starts its own machine.
 */

#include <stdlib.h>

#include "lib/align.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page/compact.h"
#include "mm/page/movable.h"
#include "mm/page/page_slow.h"
#include "mm/page/pageblock.h"
#include "mm/page/reclaim.h"
#include "mm/page_alloc.h"
#include "tests/host/machine.h"
#include "tests/host/port.h"
#include "tests/host/suites_host.h"

#define MAX_BLOCKS	300000u
#define NR_PAGEBLOCKS	((1 * GIB - 16 * MIB) / (2 * MIB))
#define GFP_ALL		(__GFP_MOVABLE | __GFP_MEMALLOC | __GFP_NOWARN)

/* As in mm/page/compact.c: a call's pageblocks, and the pages of a unit begun with the last. */
#define LOOKS_PER_CALL	256u
#define MOVES_PER_CALL	(LOOKS_PER_CALL * 8 + 2 * PAGEBLOCK_PAGES)

static const struct host_machine machine = {
	.name = "1 GiB below 4 GiB",
	.ranges = {
		{ 0, 16 * MIB, MEM_LOW, 0 },
		{ 16 * MIB, 1 * GIB, MEM_USABLE, 0 },
	},
	.nr_cpus = 1,
	.cpu_domains = { DOMAIN_NONE },
};

/* Movable blocks; private[0] of each is its index. */
static struct page *blocks[MAX_BLOCKS];
static unsigned nr_blocks, nr_upwards, nr_moved_pages;
static bool is_refusing;

static bool migrate(struct page *from, struct page *to, void *arg)
{
	uintptr_t index = (uintptr_t)from->private[0];

	(void)arg;
	if (is_refusing)
		return false;
	CHECK_EQ(from->order, to->order);
	nr_upwards += page_to_pfn(to) >= align_down(page_to_pfn(from), PAGEBLOCK_PAGES);
	nr_moved_pages += (unsigned)pages_in(from->order);
	to->private[0] = from->private[0];
	blocks[index] = to;
	return true;
}

static const struct movable_owner owner = { "blocks", migrate, NULL };
static uint16_t owner_index;

static struct zone *zone(void)
{
	return &node_data(0)->node_zones[ZONE_DMA32];
}

static void start(void)
{
	host_start_machine(&machine);
	owner_index = register_movable_owner(&owner);
	nr_blocks = 0;
	nr_upwards = 0;
	nr_moved_pages = 0;
	is_refusing = false;
	srand(1);
}

/* All that is left becomes movable blocks of orders up to @max_order, in turn. */
static void fill(unsigned min_order, unsigned max_order)
{
	unsigned order = min_order;

	drain_all_pages();
	while (nr_blocks < MAX_BLOCKS) {
		struct page *page = alloc_pages(GFP_ALL, order);

		if (!page)
			break;
		page->private[0] = (void *)(uintptr_t)nr_blocks;
		page_set_owner(page, owner_index);
		blocks[nr_blocks++] = page;
		order = order == max_order ? min_order : order + 1;
	}
}

static void drop(unsigned i)
{
	if (blocks[i])
		__free_pages(blocks[i], blocks[i]->order);
	blocks[i] = NULL;
}

static void drop_some(unsigned percent)
{
	for (unsigned i = 0; i < nr_blocks; i++)
		if ((unsigned)rand() % 100 < percent)
			drop(i);
}

static void end(void)
{
	CHECK(mm_verify_all());
	for (unsigned i = 0; i < nr_blocks; i++)
		drop(i);
	drain_all_pages();
	unregister_movable_owner(owner_index);
	CHECK(mm_verify_all());
	CHECK_EQ(zone()->nr_isolated_pages, 0);
	CHECK(!zone()->compaction.is_busy);
}

/* All memory in use by pages that do not move, every other page free. */
static void fill_with_combs(void)
{
	unregister_movable_owner(owner_index);
	owner_index = 0;
	fill(0, 0);
	for (unsigned i = 0; i < nr_blocks; i++)
		if (page_to_pfn(blocks[i]) & 1)
			drop(i);
	drain_all_pages();
}

static void end_combs(void)
{
	for (unsigned i = 0; i < nr_blocks; i++)
		drop(i);
	CHECK(mm_verify_all());
}

/* Half of the memory free at random: nearly all of that half comes back in pageblocks. */
static void check_comes_to_rest(unsigned min_order, unsigned max_order)
{
	const struct compaction_pass *pass;
	uint64_t nr_free_before, nr_moved, nr_free, nr_gained;

	start();
	fill(min_order, max_order);
	drop_some(50);	/* some of it rests on stacks now */
	nr_free_before = zone()->nr_free_pages / PAGEBLOCK_PAGES;
	nr_free = count_free_pageblocks(zone()).nr_free_blocks;
	CHECK(nr_free < nr_free_before / 4);
	nr_gained = compact_node(0);
	CHECK_EQ(count_free_pageblocks(zone()).nr_free_blocks, nr_free + nr_gained);
	nr_free += nr_gained;
	/* All but what mem_map lies in. */
	CHECK(count_free_pageblocks(zone()).nr_blocks > NR_PAGEBLOCKS - 10);
	CHECK(count_free_pageblocks(zone()).nr_blocks <= NR_PAGEBLOCKS);
	pass = &zone()->compaction.passes[0];
	CHECK_EQ(pass->fill_pfn, pass->empty_pfn);
	nr_moved = zone()->compaction.nr_moved_blocks;
	CHECK(nr_free + nr_free_before / 10 >= nr_free_before);
	CHECK(nr_moved > 0);
	CHECK_EQ(nr_upwards, 0);
	CHECK_EQ(compact_node(0), 0);
	CHECK_EQ(zone()->compaction.nr_moved_blocks, nr_moved);
	CHECK_EQ(count_free_pageblocks(zone()).nr_free_blocks, nr_free);
	end();
}

static void it_comes_to_rest_with_blocks_of_any_order(void)
{
	for (unsigned order = 0; order <= 5; order++)
		check_comes_to_rest(order, order);
}

static void it_comes_to_rest_with_orders_mixed(void)
{
	check_comes_to_rest(0, 4);
	check_comes_to_rest(1, 6);
}

static void what_owners_refuse_is_not_moved_twice(void)
{
	uint64_t nr_moved, nr_refused;

	start();
	fill(0, 2);
	drop_some(50);
	is_refusing = true;
	CHECK_EQ(compact_node(0), 0);
	nr_refused = zone()->compaction.nr_refused;
	CHECK(nr_refused > 0);
	CHECK_EQ(zone()->compaction.nr_moved_blocks, 0);
	is_refusing = false;
	compact_node(0);
	nr_moved = zone()->compaction.nr_moved_blocks;
	is_refusing = true;
	compact_node(0);
	CHECK_EQ(zone()->compaction.nr_moved_blocks, nr_moved);
	end();
}

/* Of every pair of pageblocks the second holds a page in use: there is no pair to be had. */
static void what_cannot_be_served_moves_nothing_and_becomes_rare(void)
{
	unsigned nr_runs_at_first, nr_runs;

	start();
	fill(1, 1);
	drop_some(12);
	for (unsigned i = 0; i < nr_blocks; i++)
		if (blocks[i] && page_to_pfn(blocks[i]) / PAGEBLOCK_PAGES % 2 &&
		    page_to_pfn(blocks[i]) % PAGEBLOCK_PAGES < 8)
			get_page(blocks[i]);
	for (unsigned i = 0; i < 8; i++)
		CHECK(!alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER));
	nr_runs_at_first = (unsigned)zone()->compaction.nr_runs;
	for (unsigned i = 0; i < 200; i++)
		CHECK(!alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER));
	nr_runs = (unsigned)zone()->compaction.nr_runs - nr_runs_at_first;
	CHECK_EQ(zone()->compaction.nr_moved_blocks, 0);
	CHECK(zone()->compaction.nr_deferred > 100);
	CHECK(nr_runs < 40);
	/* Pageblocks are another matter, and not left in peace for it. */
	CHECK(alloc_pages(GFP_KERNEL | __GFP_NOWARN, PAGEBLOCK_ORDER) != NULL);
	for (unsigned i = 0; i < nr_blocks; i++)
		if (blocks[i] && blocks[i]->refcount == 2)
			put_page(blocks[i]);
	end();
}

static void a_pair_is_made_of_two_pageblocks_in_use(void)
{
	struct page *page;

	start();
	fill(0, 0);
	drop_some(30);
	CHECK_EQ(zone()->free_area[MAX_ORDER].nr_free, 0);
	page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER);
	CHECK(page != NULL);
	CHECK(nr_moved_pages <= 4 * PAGEBLOCK_PAGES);
	CHECK_EQ(zone()->compaction.passes[1].backoff.shift, 0);
	if (page)
		__free_pages(page, MAX_ORDER);
	end();
}

/* Everything is in use by pages that do not move, every other one: a call has its limit. */
static void one_request_looks_at_a_few_hundred_pageblocks(void)
{
	uint64_t most_looks = 0;

	start();
	fill_with_combs();
	for (unsigned i = 0; i < 20; i++) {
		uint64_t nr_looks = zone()->compaction.nr_scanned_blocks;

		CHECK(!alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, 4));
		nr_looks = zone()->compaction.nr_scanned_blocks - nr_looks;
		most_looks = max_u64(most_looks, nr_looks);
	}
	CHECK(most_looks > LOOKS_PER_CALL / 2);
	CHECK(most_looks <= 2 * LOOKS_PER_CALL);	/* before and after reclaim */
	end_combs();
}

/* The same with pages that move, and owners who refuse the last of each pageblock. */
static bool migrate_but_one(struct page *from, struct page *to, void *arg)
{
	return page_to_pfn(from) % PAGEBLOCK_PAGES < PAGEBLOCK_PAGES - 16 &&
	       migrate(from, to, arg);
}

static const struct movable_owner stubborn = { "stubborn", migrate_but_one, NULL };

static void one_call_moves_a_few_thousand_pages(void)
{
	unsigned most_moved = 0;

	start();
	unregister_movable_owner(owner_index);
	owner_index = register_movable_owner(&stubborn);
	fill(0, 0);
	drop_some(50);
	for (unsigned i = 0; i < 20; i++) {
		nr_moved_pages = 0;
		if (compact_zone_for_request(zone(), PAGEBLOCK_ORDER))
			break;
		most_moved = nr_moved_pages > most_moved ? nr_moved_pages : most_moved;
	}
	CHECK(most_moved > 1000);
	CHECK(most_moved <= MOVES_PER_CALL);
	end();
}

/* Call by call the scanners go on, until they have met: then the attempt was in vain. */
static void calls_go_on_where_the_last_one_stopped(void)
{
	const struct compaction_pass *pass;
	pfn_t last_empty_pfn = PFN_NONE;
	unsigned nr_calls = 0;

	start();
	fill(0, 0);	/* no page is free to move to */
	pass = &zone()->compaction.passes[0];
	while (pass->backoff.shift == 0 && nr_calls < 100) {
		CHECK(!compact_zone_for_request(zone(), PAGEBLOCK_ORDER));
		nr_calls++;
		if (pass->backoff.shift == 0) {
			CHECK(pass->empty_pfn < last_empty_pfn || pass->fill_pfn > 0);
			last_empty_pfn = pass->empty_pfn;
		}
	}
	CHECK(nr_calls > 1);
	CHECK(nr_calls < 10);
	CHECK_EQ(zone()->compaction.nr_moved_blocks, 0);
	end();
}

static void kswapd_compacts_for_who_cannot(void)
{
	unsigned nr_turns = 1;

	start();
	fill(0, 0);
	drop_some(50);
	host_port_take_wakeups();
	CHECK(!alloc_pages(GFP_NOWAIT | __GFP_NOWARN, PAGEBLOCK_ORDER));
	CHECK(host_port_take_wakeups() != 0);
	CHECK_EQ(node_data(0)->kswapd_max_order, PAGEBLOCK_ORDER);
	zone()->compaction.passes[0].backoff = (struct backoff){ 1, 2 };	/* its turn again */
	CHECK(!node_lists_block(node_data(0), PAGEBLOCK_ORDER, ZONE_NORMAL));
	while (reclaim_node(0) && nr_turns < 100)
		nr_turns++;
	CHECK(nr_turns < 100);
	CHECK_EQ(zone()->compaction.passes[0].backoff.shift, 0);
	CHECK(node_lists_block(node_data(0), PAGEBLOCK_ORDER, ZONE_NORMAL));
	CHECK(nr_moved_pages <= 2 * PAGEBLOCK_PAGES);
	CHECK(alloc_pages(GFP_NOWAIT | __GFP_NOWARN, PAGEBLOCK_ORDER) != NULL);
	end();
}

static void every_zone_of_the_node_is_compacted(void)
{
	struct zone *low;

	host_start_machine(&machine_small);
	owner_index = register_movable_owner(&owner);
	nr_blocks = 0;
	is_refusing = false;
	low = &node_data(0)->node_zones[ZONE_DMA];
	drain_all_pages();
	for (;; nr_blocks++) {
		blocks[nr_blocks] = alloc_pages(GFP_ALL | __GFP_DMA, 0);
		if (!blocks[nr_blocks])
			break;
		blocks[nr_blocks]->private[0] = (void *)(uintptr_t)nr_blocks;
		page_set_owner(blocks[nr_blocks], owner_index);
	}
	CHECK(nr_blocks > 2000);
	drop_some(50);
	CHECK(compact_node(0) > 0);
	CHECK(low->compaction.nr_moved_blocks > 0);
	for (unsigned i = 0; i < nr_blocks; i++)
		drop(i);
	unregister_movable_owner(owner_index);
	CHECK(mm_verify_all());
}

static void who_finds_it_busy_goes_away(void)
{
	start();
	fill(0, 0);
	drop_some(50);
	zone()->compaction.is_busy = true;
	CHECK_EQ(compact_node(0), 0);
	CHECK(!compact_zone_for_request(zone(), 4));
	CHECK_EQ(zone()->compaction.nr_runs, 0);
	CHECK_EQ(zone()->compaction.passes[0].backoff.shift, 0);
	zone()->compaction.is_busy = false;
	end();
}

/* To move what is as large as a unit would only move the hole. */
static void blocks_as_large_as_a_unit_stay(void)
{
	for (unsigned order = PAGEBLOCK_ORDER; order <= MAX_ORDER; order++) {
		start();
		fill(order, order);
		CHECK(!compact_zone_for_request(zone(), MAX_ORDER));
		zone()->compaction.passes[1].backoff.shift = 0;
		for (unsigned i = 0; i < nr_blocks; i += 3)
			drop(i);
		drain_all_pages();
		compact_node(0);
		CHECK_EQ(nr_moved_pages, 0);
		CHECK(compact_zone_for_request(zone(), MAX_ORDER));
		CHECK(nr_moved_pages == 0 || order == PAGEBLOCK_ORDER);
		end();
	}
}

static void kswapd_takes_turns_when_it_compacts(void)
{
	struct pglist_data *node;

	start();
	fill_with_combs();
	node = node_data(0);
	while (reclaim_node(0))
		;
	reclaim_wake(node, PAGEBLOCK_ORDER, ZONE_NORMAL);
	CHECK(reclaim_node(0));
	CHECK(node->is_kswapd_woken);
	CHECK_EQ(node->kswapd_max_order, PAGEBLOCK_ORDER);
	CHECK_EQ(node->kswapd_highest_zone, ZONE_NORMAL);
	CHECK_EQ(zone()->compaction.nr_runs, 1);
	CHECK(!reclaim_node(0));
	CHECK(!node->is_kswapd_woken);
	CHECK_EQ(zone()->compaction.nr_runs, 2);
	/* The pass was in vain: who asks next does not wake it for that. */
	host_port_take_wakeups();
	reclaim_wake(node, PAGEBLOCK_ORDER, ZONE_NORMAL);
	CHECK_EQ(host_port_take_wakeups(), 0);
	reclaim_wake(node, PAGEBLOCK_ORDER, ZONE_NORMAL);
	reclaim_wake(node, PAGEBLOCK_ORDER, ZONE_NORMAL);
	CHECK(host_port_take_wakeups() != 0);
	end_combs();
}

/* Where pages lack, moving them about does not help. */
static void kswapd_does_not_compact_what_is_full(void)
{
	start();
	fill(0, 0);
	while (reclaim_node(0))
		;
	node_data(0)->kswapd_backoff[ZONE_NORMAL].shift = 0;
	reclaim_wake(node_data(0), PAGEBLOCK_ORDER, ZONE_NORMAL);
	CHECK(node_data(0)->is_kswapd_woken);
	CHECK(!reclaim_node(0));
	CHECK_EQ(zone()->compaction.nr_runs, 0);
	end();
}

/* A block that is there, but that somebody else takes, is no success. */
static void success_is_a_request_that_was_served(void)
{
	struct compaction_pass *pass;

	start();
	fill(0, 0);
	drop_some(50);
	pass = &zone()->compaction.passes[0];
	CHECK(compact_zone_for_request(zone(), 4));
	compact_note_outcome(zone(), 4, false);
	CHECK_EQ(pass->backoff.shift, 1);
	compact_note_outcome(zone(), 4, true);
	CHECK_EQ(pass->backoff.shift, 0);
	end();
}

/* Its owner did not ask for memory that only movable pages may use. */
static void pages_move_to_zones_no_higher_than_theirs(void)
{
	struct page *movable, *page;

	host_start_machine(&machine_movable);
	for (unsigned type = 0; type < ZONE_MOVABLE; type++) {
		struct zone *from = &node_data(0)->node_zones[type];

		if (!zone_is_populated(from))
			continue;
		page = alloc_pages_for_move(from, 3);
		CHECK(page != NULL);
		if (!page)
			continue;
		CHECK(page_zone(page)->type <= from->type);
		CHECK_EQ(pageblock_migratetype(page), MIGRATE_MOVABLE);
		__free_pages(page, 3);
	}
	movable = alloc_pages_for_move(&node_data(0)->node_zones[ZONE_MOVABLE], 0);
	CHECK(movable != NULL);
	CHECK_EQ(page_zone(movable)->type, ZONE_MOVABLE);
	__free_pages(movable, 0);
	CHECK(mm_verify_all());
}

static const struct test_case cases[] = {
	{ "it comes to rest with blocks of any order", it_comes_to_rest_with_blocks_of_any_order },
	{ "it comes to rest with orders mixed", it_comes_to_rest_with_orders_mixed },
	{ "what owners refuse is not moved twice", what_owners_refuse_is_not_moved_twice },
	{ "what cannot be served moves nothing and becomes rare",
	  what_cannot_be_served_moves_nothing_and_becomes_rare },
	{ "a pair is made of two pageblocks in use", a_pair_is_made_of_two_pageblocks_in_use },
	{ "one request looks at a few hundred pageblocks",
	  one_request_looks_at_a_few_hundred_pageblocks },
	{ "one call moves a few thousand pages", one_call_moves_a_few_thousand_pages },
	{ "calls go on where the last one stopped", calls_go_on_where_the_last_one_stopped },
	{ "kswapd compacts for who cannot", kswapd_compacts_for_who_cannot },
	{ "every zone of the node is compacted", every_zone_of_the_node_is_compacted },
	{ "who finds it busy goes away", who_finds_it_busy_goes_away },
	{ "blocks as large as a unit stay", blocks_as_large_as_a_unit_stay },
	{ "kswapd takes turns when it compacts", kswapd_takes_turns_when_it_compacts },
	{ "kswapd does not compact what is full", kswapd_does_not_compact_what_is_full },
	{ "pages move to zones no higher than theirs", pages_move_to_zones_no_higher_than_theirs },
	{ "success is a request that was served", success_is_a_request_that_was_served },
};

TEST_SUITE(compact_machines, cases);
