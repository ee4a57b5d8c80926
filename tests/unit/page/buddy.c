/* The buddy allocator and the grouping by mobility, on a zone in an array. */

#include "mm/page/buddy.h"

#include "lib/align.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/page/pageblock.h"
#include "tests/test.h"
#include "tests/unit/sandbox.h"

#define NR_STEPS	20000u
#define MAX_LIVE	512u
#define MAX_ORDER_PAGES	(1u << MAX_ORDER)

static struct sandbox box;

static bool is_consistent(void)
{
	struct violation violation;

	if (buddy_verify(box.zone, &violation))
		return true;
	test_comment("%s at 0x%llx: %s", violation.rule, (unsigned long long)violation.at,
		     violation.condition);
	return false;
}

static void a_fresh_zone_is_its_largest_blocks(void)
{
	CHECK(sandbox_start(&box));
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

static void splitting_leaves_one_block_of_each_smaller_order(void)
{
	struct page *page;

	CHECK(sandbox_start(&box));
	page = sandbox_take(&box, 0, MIGRATE_MOVABLE);
	CHECK_EQ(page - box.map, 0);
	for (unsigned order = 0; order < MAX_ORDER; order++)
		CHECK_EQ(sandbox_blocks(&box, order), 1);
	CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES - 1);
	CHECK(is_consistent());
	sandbox_free(&box, page, 0);
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

static void freeing_both_halves_restores_the_block(void)
{
	for (unsigned order = 0; order < MAX_ORDER; order++) {
		struct page *low, *high;

		CHECK(sandbox_start(&box));
		low = sandbox_take(&box, order, MIGRATE_MOVABLE);
		high = sandbox_take(&box, order, MIGRATE_MOVABLE);
		CHECK_EQ(high - low, pages_in(order));
		sandbox_free(&box, low, order);
		CHECK_EQ(sandbox_blocks(&box, order), 1);
		sandbox_free(&box, high, order);
		CHECK(sandbox_is_whole(&box));
		sandbox_end(&box);
	}
}

static void a_buddy_of_another_order_stays_apart(void)
{
	struct page *low, *high, *part;

	CHECK(sandbox_start(&box));
	low = sandbox_take(&box, 3, MIGRATE_MOVABLE);
	high = sandbox_take(&box, 3, MIGRATE_MOVABLE);
	sandbox_free(&box, high, 3);
	part = sandbox_take(&box, 1, MIGRATE_MOVABLE);
	CHECK_EQ(part - box.map, high - box.map);
	sandbox_free(&box, low, 3);
	CHECK_EQ(sandbox_blocks(&box, 3), 1);
	CHECK(is_consistent());
	sandbox_free(&box, part, 1);
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

static void merged_pageblocks_take_the_type_of_what_was_freed(void)
{
	struct page *low, *high;

	CHECK(sandbox_start(&box));
	low = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	high = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	pageblock_set_migratetype(high, MIGRATE_UNMOVABLE);
	sandbox_free(&box, low, PAGEBLOCK_ORDER);
	sandbox_free(&box, high, PAGEBLOCK_ORDER);
	CHECK_EQ(pageblock_migratetype(low), MIGRATE_UNMOVABLE);
	CHECK_EQ(sandbox_take(&box, 4, MIGRATE_UNMOVABLE) - box.map, low - box.map);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void an_empty_list_gives_nothing(void)
{
	CHECK(sandbox_start(&box));
	CHECK(!sandbox_take(&box, 0, MIGRATE_UNMOVABLE));
	for (unsigned i = 0; i < SANDBOX_PAGES >> MAX_ORDER; i++)
		CHECK(sandbox_take(&box, MAX_ORDER, MIGRATE_MOVABLE));
	CHECK(!sandbox_take(&box, 0, MIGRATE_MOVABLE));
	CHECK_EQ(box.zone->nr_free_pages, 0);
	sandbox_end(&box);
}

static void a_range_becomes_the_largest_blocks_that_fit(void)
{
	CHECK(sandbox_start(&box));
	for (unsigned i = 0; i < SANDBOX_PAGES >> MAX_ORDER; i++)
		CHECK(sandbox_take(&box, MAX_ORDER, MIGRATE_MOVABLE));
	for (unsigned pfn = 0; pfn < SANDBOX_PAGES; pfn += 1u << MAX_ORDER)
		page_set_state(box.map + pfn, 0);
	spin_lock(&box.zone->lock);
	/* [3, 1029): 1 + 4 + 8 + ... + 512 pages, then 4 and 1 */
	buddy_free_range(box.zone, box.map + 3, 1026);
	spin_unlock(&box.zone->lock);
	CHECK_EQ(sandbox_blocks(&box, 0), 2);
	CHECK_EQ(sandbox_blocks(&box, 1), 0);
	CHECK_EQ(sandbox_blocks(&box, 2), 2);
	for (unsigned order = 3; order < MAX_ORDER; order++)
		CHECK_EQ(sandbox_blocks(&box, order), 1);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void a_block_goes_back_into_memory_of_one_kind(void)
{
	static const enum migratetype kinds[][2] = {
		{ MIGRATE_MOVABLE, MIGRATE_UNMOVABLE },
		{ MIGRATE_ISOLATE, MIGRATE_ISOLATE },
		{ MIGRATE_MOVABLE, MIGRATE_HIGHATOMIC },
		{ MIGRATE_HIGHATOMIC, MIGRATE_MOVABLE },
		{ MIGRATE_ISOLATE, MIGRATE_RECLAIMABLE },
		{ MIGRATE_HIGHATOMIC, MIGRATE_ISOLATE },
	};
	struct page *page;

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool may_merge = i < 2;

		CHECK(sandbox_start(&box));
		page = sandbox_take(&box, MAX_ORDER, MIGRATE_MOVABLE);
		pageblock_set_migratetype(page, kinds[i][0]);
		pageblock_set_migratetype(page + PAGEBLOCK_PAGES, kinds[i][1]);
		sandbox_free(&box, page, MAX_ORDER);
		CHECK_EQ(sandbox_blocks(&box, PAGEBLOCK_ORDER), may_merge ? 0 : 2);
		CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES);
		CHECK(is_consistent());
		sandbox_end(&box);
	}
}

/* Whatever way the second of two pageblocks comes back. */
static void parts_of_two_kinds_come_back_as_two_blocks(void)
{
	for (unsigned way = 0; way < 3; way++) {
		struct page *parts[MAX_ORDER_PAGES >> 4];
		struct page *page;

		CHECK(sandbox_start(&box));
		page = sandbox_take(&box, MAX_ORDER, MIGRATE_MOVABLE);
		pageblock_set_migratetype(page + PAGEBLOCK_PAGES, MIGRATE_ISOLATE);
		for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
			parts[i] = page + ((uint64_t)i << 4);
		page_set_state(page, 0);
		spin_lock(&box.zone->lock);
		if (way == 0)
			buddy_free_bulk(box.zone, parts, ARRAY_SIZE(parts), 4);
		else if (way == 1)
			buddy_free_range(box.zone, page, MAX_ORDER_PAGES);
		else
			buddy_free(box.zone, page, MAX_ORDER);
		spin_unlock(&box.zone->lock);
		CHECK_EQ(sandbox_blocks(&box, PAGEBLOCK_ORDER), 2);
		CHECK(is_consistent());
		CHECK(!sandbox_take(&box, MAX_ORDER, MIGRATE_ISOLATE));
		CHECK(sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_ISOLATE) ==
		      page + PAGEBLOCK_PAGES);
		sandbox_end(&box);
	}
}

/* ---- Many at once ---- */

static struct page *many[SANDBOX_PAGES / 4];

static uint64_t take_many(unsigned order, uint64_t nr)
{
	uint64_t state = make_page_state(PAGE_CACHED, order, box.zone->index, 0);
	uint64_t nr_taken;

	spin_lock(&box.zone->lock);
	nr_taken = buddy_take_bulk(box.zone, order, MIGRATE_MOVABLE, state, many, nr);
	spin_unlock(&box.zone->lock);
	return nr_taken;
}

static void free_many(unsigned order, uint64_t nr)
{
	spin_lock(&box.zone->lock);
	buddy_free_bulk(box.zone, many, nr, order);
	spin_unlock(&box.zone->lock);
}

static void bulk_blocks_are_disjoint_and_pop_upwards(void)
{
	CHECK(sandbox_start(&box));
	for (unsigned order = 0; order <= 3; order++) {
		uint64_t nr = take_many(order, 100);

		CHECK_EQ(nr, 100);
		for (uint64_t i = 0; i < nr; i++) {
			CHECK_EQ(many[i]->order, order);
			CHECK_EQ(many[i]->type, PAGE_CACHED);
			CHECK(is_aligned((uint64_t)(many[i] - box.map), pages_in(order)));
			CHECK(i == 0 || many[i - 1] - many[i] == (long)pages_in(order));
		}
		CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES - 100 * pages_in(order));
		CHECK(is_consistent());
		free_many(order, nr);
		CHECK(sandbox_is_whole(&box));
	}
	sandbox_end(&box);
}

static void freed_in_order_or_not_bulk_merges_fully(void)
{
	CHECK(sandbox_start(&box));
	CHECK_EQ(take_many(0, 512), 512);
	for (unsigned i = 0; i < 256; i++) {
		struct page *page = many[i];

		many[i] = many[511 - i];
		many[511 - i] = page;
	}
	free_many(0, 512);	/* ascending: one run */
	CHECK(sandbox_is_whole(&box));
	CHECK_EQ(take_many(0, 512), 512);
	for (unsigned i = 511; i > 0; i--) {
		unsigned other = (unsigned)test_random_below(i + 1);
		struct page *page = many[i];

		many[i] = many[other];
		many[other] = page;
	}
	free_many(0, 512);
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

/* Blocks of @nr * 2^@order pages from the bottom, in order of addresses. */
static void runs_of(unsigned order, uint64_t nr)
{
	CHECK(sandbox_start(&box));
	CHECK_EQ(take_many(order, nr), nr);
	for (uint64_t i = 0; i < nr; i++)
		many[i] = box.map + (i << order);
	free_many(order, nr);
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

static void runs_of_every_order_merge_fully(void)
{
	for (unsigned order = 0; order <= MAX_ORDER; order++)
		for (uint64_t nr = 1; nr << order <= 1u << MAX_ORDER; nr *= 2)
			runs_of(order, nr);
}

static void runs_among_single_blocks_are_all_freed(void)
{
	CHECK(sandbox_start(&box));
	CHECK_EQ(take_many(1, 64), 64);
	/* 5 upwards, 40 downwards, 19 upwards: of both the halves of some pairs. */
	for (unsigned i = 0; i < 64; i++) {
		unsigned place = i < 5 ? i : i < 45 ? 49 - i : i;

		many[i] = box.map + 2 * place;
	}
	free_many(1, 64);
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

/* Frees @nr blocks of @order from @pfn on, every other one: no two of them merge. */
static void free_every_other(pfn_t pfn, unsigned order, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++) {
		struct page *page = box.map + pfn + 2 * (i << order);

		page_set_state(page, 0);
		sandbox_free(&box, page, order);
	}
}

static void take_everything(void)
{
	CHECK(sandbox_start(&box));
	while (sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE))
		;
}

static void bulk_takes_what_fragments_there_are(void)
{
	take_everything();
	free_every_other(0, 0, 40);
	CHECK_EQ(sandbox_blocks(&box, 0), 40);
	CHECK_EQ(take_many(0, 1000), 40);
	CHECK_EQ(box.zone->nr_free_pages, 0);
	CHECK_EQ(sandbox_blocks(&box, 0), 0);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void bulk_stops_after_64_fragments(void)
{
	take_everything();
	free_every_other(0, 0, 63);
	free_every_other(512, 1, 2);
	CHECK_EQ(take_many(0, 1000), 63 + 2);
	CHECK_EQ(sandbox_blocks(&box, 1), 1);
	free_every_other(1024, 0, 100);
	CHECK_EQ(take_many(0, 1000), 64);
	CHECK_EQ(sandbox_blocks(&box, 0), 36);
	CHECK(is_consistent());
	sandbox_end(&box);
}

/* As the zone itself lowers it: no list is in order yet. It stays there for a while. */
static void set_limit(pfn_t limit_pfn)
{
	box.zone->packing_limit = box.map + limit_pfn;
	box.zone->packing_pages = limit_pfn;
	box.zone->peak_pages = SANDBOX_PAGES;
	box.zone->nr_until_lowered = 1000;
	for (unsigned order = 0; order < NR_ORDERS; order++)
		box.zone->free_area[order].nr_sorted = 0;
}

static void bulk_leaves_what_is_above_the_limit_to_the_last(void)
{
	const pfn_t limit_pfn = SANDBOX_PAGES - 4 - 8 - 4;

	take_everything();
	set_limit(limit_pfn);
	free_every_other(0, 2, 1);
	free_every_other(512, 3, 1);
	free_every_other(limit_pfn, 2, 1);
	CHECK_EQ(take_many(0, 12), 12);
	for (unsigned i = 0; i < 12; i++)
		CHECK(many[i] < box.map + limit_pfn);
	CHECK_EQ(sandbox_blocks(&box, 2), 1);
	CHECK_EQ(take_many(0, 12), 4);
	CHECK(is_consistent());
	sandbox_end(&box);
}

/* ---- Against the plainest model ---- */

struct live_block {
	struct page *page;
	unsigned order;
};

static uint64_t model[SANDBOX_PAGES / BITS_PER_WORD];

static bool model_claim(const struct live_block *block)
{
	uint64_t pfn = (uint64_t)(block->page - box.map);

	for (uint64_t i = 0; i < pages_in(block->order); i++) {
		if (bitmap_test(model, pfn + i))
			return false;
		bitmap_set(model, pfn + i);
	}
	return true;
}

static uint64_t model_release(const struct live_block *block)
{
	uint64_t pfn = (uint64_t)(block->page - box.map);

	for (uint64_t i = 0; i < pages_in(block->order); i++)
		bitmap_clear(model, pfn + i);
	return pages_in(block->order);
}

/* True when the model has an aligned run of 2^@order free pages. */
static bool model_has_room(unsigned order)
{
	for (uint64_t pfn = 0; pfn < SANDBOX_PAGES; pfn += pages_in(order)) {
		uint64_t i = 0;

		while (i < pages_in(order) && !bitmap_test(model, pfn + i))
			i++;
		if (i == pages_in(order))
			return true;
	}
	return false;
}

static void random_operations_agree_with_a_bitmap(void)
{
	static struct live_block live_blocks[MAX_LIVE];
	unsigned nr_live = 0;
	uint64_t nr_used = 0;

	CHECK(sandbox_start(&box));
	memset(model, 0, sizeof(model));
	for (unsigned step = 0; step < NR_STEPS; step++) {
		unsigned order = (unsigned)lowest_bit(test_random() | (1u << MAX_ORDER));

		if (nr_live < MAX_LIVE && test_random_below(2)) {
			struct live_block block = { sandbox_take(&box, order, MIGRATE_MOVABLE),
						    order };

			/* A block is free exactly when all its pages are: merging is complete. */
			CHECK_EQ(block.page != NULL, model_has_room(order));
			if (!block.page)
				continue;
			CHECK(model_claim(&block));
			live_blocks[nr_live++] = block;
			nr_used += pages_in(order);
		} else if (nr_live > 0) {
			unsigned victim = (unsigned)test_random_below(nr_live);

			nr_used -= model_release(&live_blocks[victim]);
			sandbox_free(&box, live_blocks[victim].page, live_blocks[victim].order);
			live_blocks[victim] = live_blocks[--nr_live];
		}
		CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES - nr_used);
		if (step % 1000 == 0)
			CHECK(is_consistent());
	}
	while (nr_live > 0) {
		nr_live--;
		sandbox_free(&box, live_blocks[nr_live].page, live_blocks[nr_live].order);
	}
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

/* ---- Policy ---- */

static void the_smallest_block_that_fits_is_taken(void)
{
	struct page *low, *apart;

	CHECK(sandbox_start(&box));
	low = sandbox_take(&box, 2, MIGRATE_MOVABLE);
	apart = sandbox_take(&box, 2, MIGRATE_MOVABLE);
	sandbox_free(&box, low, 2);
	CHECK_EQ(sandbox_take(&box, 2, MIGRATE_MOVABLE) - box.map, low - box.map);
	CHECK(apart != low);
	CHECK_EQ(sandbox_blocks(&box, MAX_ORDER), 3);
	sandbox_end(&box);
}

static void blocks_below_the_packing_limit_go_first(void)
{
	struct page *pages[8];
	struct page *low;

	CHECK(sandbox_start(&box));
	for (unsigned i = 0; i < 8; i++)
		pages[i] = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	/* The high block comes back between the low ones, and is given out last. */
	set_limit(5 * PAGEBLOCK_PAGES);
	sandbox_free(&box, pages[1], PAGEBLOCK_ORDER);
	sandbox_free(&box, pages[7], PAGEBLOCK_ORDER);
	sandbox_free(&box, pages[3], PAGEBLOCK_ORDER);
	low = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	CHECK(low == pages[1] || low == pages[3]);
	CHECK(sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE) != pages[7]);
	CHECK_EQ(sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE) - box.map,
		 pages[7] - box.map);
	sandbox_end(&box);
}

static void a_larger_block_below_the_limit_goes_before_a_small_one_above(void)
{
	struct page *pages[8];

	CHECK(sandbox_start(&box));
	for (unsigned i = 0; i < 8; i++)
		pages[i] = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	set_limit(7 * PAGEBLOCK_PAGES);
	sandbox_free(&box, pages[1], PAGEBLOCK_ORDER);
	page_set_state(pages[7], make_page_state(PAGE_USER, 2, box.zone->index, 1));
	sandbox_free(&box, pages[7], 2);
	CHECK_EQ(sandbox_take(&box, 0, MIGRATE_MOVABLE) - box.map, pages[1] - box.map);
	sandbox_end(&box);
}

static void a_block_at_the_limit_is_above_it(void)
{
	struct page *pages[8];

	CHECK(sandbox_start(&box));
	for (unsigned i = 0; i < 8; i++)
		pages[i] = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	set_limit(6 * PAGEBLOCK_PAGES);
	CHECK(box.zone->packing_limit == pages[6]);
	sandbox_free(&box, pages[1], PAGEBLOCK_ORDER);
	sandbox_free(&box, pages[6], PAGEBLOCK_ORDER);
	CHECK_EQ(sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE) - box.map,
		 pages[1] - box.map);
	/* Small and at the limit, which a single page must not make it below. */
	sandbox_free(&box, pages[1], PAGEBLOCK_ORDER);
	CHECK_EQ(take_many(PAGEBLOCK_ORDER, 1), 1);
	CHECK_EQ(many[0] - box.map, pages[1] - box.map);
	sandbox_end(&box);
}

/* What the limit leaves beyond the memory in use when it moves. */
#define SLACK_PAGES	(SANDBOX_PAGES / 64)

static uint64_t nr_pages_in_use(void)
{
	return SANDBOX_PAGES - box.zone->nr_free_pages;
}

static bool limit_has_moved(void)
{
	return box.zone->packing_limit == box.map + nr_pages_in_use() + SLACK_PAGES;
}

static void every_way_in_raises_the_packing_limit(void)
{
	const struct page *limit;

	CHECK(sandbox_start(&box));
	CHECK(sandbox_take(&box, 3, MIGRATE_MOVABLE) != NULL);
	CHECK(limit_has_moved());
	limit = box.zone->packing_limit;
	CHECK_EQ(take_many(0, SLACK_PAGES), SLACK_PAGES);
	CHECK(box.zone->packing_limit == limit);	/* that is all it had room for */
	CHECK_EQ(take_many(0, 1), 1);
	CHECK(limit_has_moved());
	spin_lock(&box.zone->lock);
	buddy_take_at(box.zone, box.map + 6 * PAGEBLOCK_PAGES, MAX_ORDER, 7);
	page_set_state(box.map + 6 * PAGEBLOCK_PAGES, 0);
	spin_unlock(&box.zone->lock);
	CHECK(limit_has_moved());
	limit = box.zone->packing_limit;
	sandbox_free(&box, box.map + 6 * PAGEBLOCK_PAGES, 7);
	CHECK(box.zone->packing_limit == limit);	/* it stays when memory comes back */
	CHECK(is_consistent());
	sandbox_end(&box);
}

/* A bulk request of nothing, after as many others as bring the limit down. */
static void come_to_lowering(void)
{
	box.zone->nr_until_lowered = 0;
	CHECK_EQ(take_many(0, 0), 0);
}

static void the_packing_limit_comes_down_to_the_last_peak(void)
{
	struct page *pages[8];
	const struct page *limit;

	CHECK(sandbox_start(&box));
	for (unsigned i = 0; i < 8; i++)
		pages[i] = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	limit = box.zone->packing_limit;
	for (unsigned i = 2; i < 8; i++)
		sandbox_free(&box, pages[i], PAGEBLOCK_ORDER);
	for (unsigned order = 0; order < NR_ORDERS; order++)
		box.zone->free_area[order].nr_sorted = 7;
	come_to_lowering();		/* all was in use since the last time */
	CHECK(box.zone->packing_limit == limit);
	CHECK_EQ(box.zone->nr_until_lowered, 1024);
	for (unsigned order = 0; order < PAGEBLOCK_ORDER; order++)
		CHECK_EQ(box.zone->free_area[order].nr_sorted, 7);
	come_to_lowering();
	CHECK(box.zone->packing_limit ==
	      box.map + 2 * PAGEBLOCK_PAGES + SLACK_PAGES);
	for (unsigned order = 0; order < PAGEBLOCK_ORDER; order++)
		CHECK_EQ(box.zone->free_area[order].nr_sorted, 0);
	CHECK_EQ(take_many(0, 1), 1);
	CHECK_EQ(box.zone->nr_until_lowered, 1023);
	sandbox_end(&box);
}

/* Memory in use lies around what boot took and the holes: those count for nothing. */
static void the_packing_limit_passes_over_holes(void)
{
	struct pfn_span spans[] = {
		{ PAGEBLOCK_PAGES, 2 * PAGEBLOCK_PAGES },
		{ 4 * PAGEBLOCK_PAGES, 7 * PAGEBLOCK_PAGES },
	};

	CHECK(sandbox_start(&box));
	box.zone->spans = spans;
	box.zone->nr_spans = ARRAY_SIZE(spans);
	CHECK(sandbox_take(&box, 0, MIGRATE_MOVABLE) != NULL);
	CHECK(box.zone->packing_limit == box.map + PAGEBLOCK_PAGES + 1 + SLACK_PAGES);
	CHECK(sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE) != NULL);
	CHECK(box.zone->packing_limit == box.map + 4 * PAGEBLOCK_PAGES + 1 + SLACK_PAGES);
	box.zone->nr_spans = 0;
	sandbox_end(&box);
}

/* Single pages, every other one so that they do not merge, @nr of them from @pfn on. */
static void free_singles(pfn_t pfn, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		sandbox_free(&box, box.map + pfn + 2 * i, 0);
}

static void blocks_that_the_limit_passed_go_to_the_back(void)
{
	take_everything();
	free_singles(512, 4);		/* the last in a list whose first was freed last */
	free_singles(2048, 40);
	set_limit(1024);
	CHECK_EQ(take_many(0, 4), 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK(many[i] < box.map + 1024);
	CHECK_EQ(box.zone->free_area[0].nr_sorted, 40);
	CHECK_EQ(take_many(0, 4), 4);	/* all have been passed: no more looking */
	CHECK_EQ(box.zone->free_area[0].nr_sorted, 40);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void a_block_at_the_limit_goes_to_the_back_too(void)
{
	take_everything();
	free_singles(512, 1);
	free_singles(1024, 1);
	set_limit(1024);
	CHECK_EQ(take_many(0, 1), 1);
	CHECK(many[0] == box.map + 512);
	sandbox_end(&box);
}

static void above_the_limit_the_smallest_goes_first(void)
{
	take_everything();
	set_limit(0);
	sandbox_free(&box, box.map + 2 * PAGEBLOCK_PAGES, PAGEBLOCK_ORDER);
	free_singles(512, 1);
	CHECK_EQ(take_many(0, 1), 1);
	CHECK(many[0] == box.map + 512);
	CHECK_EQ(sandbox_blocks(&box, PAGEBLOCK_ORDER), 1);
	sandbox_end(&box);
}

static void a_bulk_request_moves_a_bounded_number_of_blocks(void)
{
	take_everything();
	free_singles(512, 1);
	free_singles(2048, 100);
	set_limit(1024);
	CHECK_EQ(take_many(0, 1), 1);
	CHECK(many[0] >= box.map + 1024);
	CHECK_EQ(box.zone->free_area[0].nr_sorted, 64);
	CHECK_EQ(take_many(0, 1), 1);
	CHECK(many[0] == box.map + 512);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static struct page *singles[SANDBOX_PAGES];
static unsigned nr_singles;

static void free_a_random_single(void)
{
	unsigned at = (unsigned)test_random_below(nr_singles);

	sandbox_free(&box, singles[at], 0);
	singles[at] = singles[--nr_singles];
}

static void take_a_single(void)
{
	CHECK_EQ(take_many(0, 1), 1);
	singles[nr_singles++] = many[0];
}

/* The row `frag` of the benchmark, small: 45 % is in use, so 4 of 8 pageblocks can be free. */
static void what_is_in_use_gathers_at_the_bottom(void)
{
	uint64_t nr_whole_pages = 0;

	CHECK(sandbox_start(&box));
	nr_singles = 0;
	while (nr_singles < SANDBOX_PAGES / 10 * 9)
		take_a_single();
	while (nr_singles > SANDBOX_PAGES / 100 * 45)
		free_a_random_single();
	for (unsigned round = 0; round < 100; round++) {
		unsigned nr = nr_singles / 10;

		for (unsigned i = 0; i < nr; i++)
			free_a_random_single();
		box.zone->nr_until_lowered = 0;
		for (unsigned i = 0; i < nr; i++)
			take_a_single();
	}
	for (unsigned order = PAGEBLOCK_ORDER; order < NR_ORDERS; order++)
		nr_whole_pages += box.zone->free_area[order].nr_free << order;
	CHECK(nr_whole_pages >= 3 * PAGEBLOCK_PAGES);	/* one may hold a page that was not freed */
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void unmovable_claims_whole_pageblocks(void)
{
	struct page *page;

	CHECK(sandbox_start(&box));
	CHECK(sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_WHOLE_PAGEBLOCKS));
	page = sandbox_take(&box, 0, MIGRATE_UNMOVABLE);
	CHECK_EQ(pageblock_migratetype(page), MIGRATE_UNMOVABLE);
	CHECK_EQ(pageblock_migratetype(page + PAGEBLOCK_PAGES), MIGRATE_UNMOVABLE);
	CHECK(is_consistent());
	sandbox_end(&box);
}

/* Leaves one free block of @order in each of two pageblocks of the given types, nothing else. */
static void leave_two_blocks(unsigned order_a, enum migratetype a, unsigned order_b,
			     enum migratetype b)
{
	CHECK(sandbox_start(&box));
	while (sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE))
		;
	pageblock_set_migratetype(box.map, a);
	pageblock_set_migratetype(box.map + PAGEBLOCK_PAGES, b);
	page_set_state(box.map, 0);
	page_set_state(box.map + PAGEBLOCK_PAGES, 0);
	sandbox_free(&box, box.map, order_a);
	sandbox_free(&box, box.map + PAGEBLOCK_PAGES, order_b);
}

/* The page itself, or the first of what is listed for @migratetype now. */
static struct page *what_was_stolen(enum migratetype migratetype)
{
	return box.stolen ? box.stolen : sandbox_take(&box, 0, migratetype);
}

static void fallbacks_follow_the_order_of_preference(void)
{
	leave_two_blocks(5, MIGRATE_RECLAIMABLE, 5, MIGRATE_MOVABLE);
	CHECK(!sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_WHOLE_PAGEBLOCKS));
	CHECK(sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_ANY));
	CHECK_EQ(what_was_stolen(MIGRATE_UNMOVABLE) - box.map, 0);
	sandbox_end(&box);
	leave_two_blocks(5, MIGRATE_UNMOVABLE, 5, MIGRATE_RECLAIMABLE);
	CHECK(sandbox_steal(&box, 0, MIGRATE_MOVABLE, STEAL_ANY));
	CHECK_EQ(what_was_stolen(MIGRATE_MOVABLE) - box.map, PAGEBLOCK_PAGES);
	sandbox_end(&box);
	leave_two_blocks(5, MIGRATE_MOVABLE, 5, MIGRATE_UNMOVABLE);
	CHECK(sandbox_steal(&box, 0, MIGRATE_RECLAIMABLE, STEAL_ANY));
	CHECK_EQ(what_was_stolen(MIGRATE_RECLAIMABLE) - box.map, PAGEBLOCK_PAGES);
	sandbox_end(&box);
}

static void unmovable_steals_the_largest_movable_the_smallest(void)
{
	leave_two_blocks(3, MIGRATE_MOVABLE, 6, MIGRATE_MOVABLE);
	CHECK(sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_ANY));
	CHECK_EQ(what_was_stolen(MIGRATE_UNMOVABLE) - box.map, PAGEBLOCK_PAGES);
	sandbox_end(&box);
	leave_two_blocks(3, MIGRATE_UNMOVABLE, 6, MIGRATE_UNMOVABLE);
	CHECK(sandbox_steal(&box, 0, MIGRATE_MOVABLE, STEAL_ANY));
	CHECK_EQ(what_was_stolen(MIGRATE_MOVABLE) - box.map, 0);
	sandbox_end(&box);
}

static void reserved_pageblocks_are_not_stolen(void)
{
	leave_two_blocks(5, MIGRATE_HIGHATOMIC, 5, MIGRATE_ISOLATE);
	CHECK(!sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_ANY));
	CHECK(!sandbox_steal(&box, 0, MIGRATE_MOVABLE, STEAL_ANY));
	CHECK(!sandbox_steal(&box, 0, MIGRATE_RECLAIMABLE, STEAL_ANY));
	sandbox_end(&box);
}

static void an_isolated_pageblock_merges_with_none_outside(void)
{
	struct page *page;

	CHECK(sandbox_start(&box));
	page = sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE);
	pageblock_set_migratetype(page, MIGRATE_ISOLATE);
	sandbox_free(&box, page, PAGEBLOCK_ORDER);
	CHECK_EQ(sandbox_blocks(&box, PAGEBLOCK_ORDER), 2);
	CHECK(is_consistent());
	spin_lock(&box.zone->lock);
	CHECK_EQ(pageblock_convert(box.zone, page, MIGRATE_MOVABLE), PAGEBLOCK_PAGES);
	spin_unlock(&box.zone->lock);
	sandbox_end(&box);
}

/* ---- Breaches ---- */

/* True when @rule is the broken one, at @at. */
static bool breaks_at(const char *rule, uint64_t at)
{
	struct violation violation;

	return !buddy_verify(box.zone, &violation) && strcmp(violation.rule, rule) == 0 &&
	       violation.at == at;
}

static void verify_notices_BUDDY_1(void)
{
	struct page *page;

	CHECK(sandbox_start(&box));
	/* The last block but for its first page, the first but for its last. */
	box.span = (struct pfn_span){ 1, SANDBOX_PAGES };
	CHECK(breaks_at("BUDDY-1", 0));
	box.span = (struct pfn_span){ 0, SANDBOX_PAGES - 1 };
	CHECK(breaks_at("BUDDY-1", SANDBOX_PAGES - (1u << MAX_ORDER)));
	box.span = (struct pfn_span){ 0, SANDBOX_PAGES };
	page = sandbox_take(&box, 2, MIGRATE_MOVABLE);
	spin_lock(&box.zone->lock);
	buddy_list(box.zone, page + 1, 1, MIGRATE_MOVABLE);
	spin_unlock(&box.zone->lock);
	CHECK(breaks_at("BUDDY-1", 1));
	sandbox_end(&box);
}

static void verify_notices_BUDDY_2(void)
{
	CHECK(sandbox_start(&box));
	box.map[0].type = PAGE_USER;
	CHECK(breaks_at("BUDDY-2", 0));
	box.map[0].type = PAGE_FREE;
	CHECK(is_consistent());
	box.map[1].refcount = 1;
	CHECK(breaks_at("BUDDY-2", 1));
	box.map[1].refcount = 0;
	box.map[(1u << MAX_ORDER) - 1].order = 1;
	CHECK(breaks_at("BUDDY-2", (1u << MAX_ORDER) - 1));
	sandbox_end(&box);
}

static void verify_notices_BUDDY_3(void)
{
	struct page *low, *high;

	CHECK(sandbox_start(&box));
	low = sandbox_take(&box, 0, MIGRATE_MOVABLE);
	high = sandbox_take(&box, 0, MIGRATE_MOVABLE);
	spin_lock(&box.zone->lock);
	buddy_list(box.zone, low, 0, MIGRATE_MOVABLE);
	buddy_list(box.zone, high, 0, MIGRATE_MOVABLE);
	box.zone->nr_free_pages += 2;
	spin_unlock(&box.zone->lock);
	CHECK(sandbox_breaks(&box, "BUDDY-3"));
	sandbox_end(&box);
}

static void verify_notices_BUDDY_4(void)
{
	CHECK(sandbox_start(&box));
	box.zone->nr_free_pages--;
	CHECK(sandbox_breaks(&box, "BUDDY-4"));
	box.zone->nr_free_pages++;
	box.zone->free_area[MAX_ORDER].nr_free++;
	CHECK(sandbox_breaks(&box, "BUDDY-4"));
	box.zone->free_area[MAX_ORDER].nr_free--;
	/* A list that leads back into itself ends the walk. */
	box.map[0].list.next = &box.map[0].list;
	CHECK(sandbox_breaks(&box, "BUDDY-4"));
	sandbox_end(&box);
}

static void verify_notices_BUDDY_5(void)
{
	CHECK(sandbox_start(&box));
	pageblock_set_migratetype(box.map, MIGRATE_UNMOVABLE);
	CHECK(breaks_at("BUDDY-5", 0));
	pageblock_set_migratetype(box.map, MIGRATE_MOVABLE);
	sandbox_take(&box, 0, MIGRATE_MOVABLE);
	pageblock_set_migratetype(box.map, MIGRATE_UNMOVABLE);
	CHECK(breaks_at("BUDDY-5", 1));
	pageblock_set_migratetype(box.map, MIGRATE_MOVABLE);
	pageblock_set_migratetype(box.map + MAX_ORDER_PAGES + PAGEBLOCK_PAGES, MIGRATE_ISOLATE);
	CHECK(breaks_at("BUDDY-5", MAX_ORDER_PAGES + PAGEBLOCK_PAGES));
	sandbox_end(&box);
}

/* Its type is that of whoever set it last: what others list there may differ. */
static void a_shared_pageblock_has_no_type_of_its_own(void)
{
	const pfn_t last_pfn = SANDBOX_PAGES - PAGEBLOCK_PAGES;

	CHECK(sandbox_start(&box));
	while (sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE))
		;
	free_every_other(4, 1, 1);
	free_every_other(last_pfn + 4, 1, 1);
	pageblock_set_migratetype(box.map, MIGRATE_UNMOVABLE);
	CHECK(breaks_at("BUDDY-5", 4));
	/* Another zone has the first pages. */
	box.map->zone_index++;
	CHECK(is_consistent());
	box.map->zone_index--;
	pageblock_set_migratetype(box.map, MIGRATE_MOVABLE);
	pageblock_set_migratetype(box.map + last_pfn, MIGRATE_UNMOVABLE);
	CHECK(breaks_at("BUDDY-5", last_pfn + 4));
	/* And the last one. */
	page_set_state(box.map + SANDBOX_PAGES - 1,
		       make_page_state(PAGE_USER, 0, box.zone->index + 1u, 1));
	CHECK(is_consistent());
	sandbox_end(&box);
}

/* ---- Broken contracts ---- */

static void broken_contracts_panic_by_name(void)
{
	struct page *page;

	CHECK(sandbox_start(&box));
	page = sandbox_take(&box, 4, MIGRATE_MOVABLE);
	spin_lock(&box.zone->lock);
	CHECK_PANICS("order <= MAX_ORDER", buddy_free(box.zone, page, MAX_ORDER + 1));
	CHECK_PANICS("is_order_aligned", buddy_free(box.zone, page + 1, 4));
	CHECK_PANICS("is_inside", buddy_free(box.zone, box.map + SANDBOX_PAGES, 4));
	box.zone->start_pfn = 16;
	CHECK_PANICS("is_inside", buddy_free(box.zone, page, 4));
	CHECK_PANICS("pfn >= zone->start_pfn", buddy_free_range(box.zone, page, 16));
	box.zone->start_pfn = 0;
	CHECK_PANICS("end_pfn <= zone->end_pfn",
		     buddy_free_range(box.zone, box.map + SANDBOX_PAGES - 1, 2));
	buddy_free(box.zone, page, 4);
	CHECK_PANICS("is_free_block(zone, page, block_order)",
		     buddy_take_at(box.zone, box.map, 4, 2));
	CHECK_PANICS("order <= block_order",
		     buddy_take_at(box.zone, box.map, MAX_ORDER, MAX_ORDER + 1));
	CHECK_PANICS("PAGE_FREE", buddy_free(box.zone, box.map, MAX_ORDER));
	CHECK_PANICS("migratetype < MIGRATE_PCPTYPES",
		     pageblock_steal(box.zone, 0, MIGRATE_HIGHATOMIC, STEAL_ANY, &box.stolen));
	spin_unlock(&box.zone->lock);
	sandbox_end(&box);
}

/* What costs a look at the neighbours is asked in debug builds alone. */
static void debug_builds_look_at_links_and_states(void)
{
	if (!MM_DEBUG)
		SKIP("no debug build");
	CHECK(sandbox_start(&box));
	spin_lock(&box.zone->lock);
	CHECK_PANICS("is_free_block", buddy_unlist(box.zone, box.map, MAX_ORDER - 1));
	box.map[1u << MAX_ORDER].list.prev = &box.map[1].list;
	CHECK_PANICS("list_is_linked",
		     buddy_unlist(box.zone, box.map + (1u << MAX_ORDER), MAX_ORDER));
	spin_unlock(&box.zone->lock);
	sandbox_end(&box);
}

static const struct test_case cases[] = {
	{ "a fresh zone is its largest blocks", a_fresh_zone_is_its_largest_blocks },
	{ "splitting leaves one block of each smaller order",
	  splitting_leaves_one_block_of_each_smaller_order },
	{ "freeing both halves restores the block", freeing_both_halves_restores_the_block },
	{ "a buddy of another order stays apart", a_buddy_of_another_order_stays_apart },
	{ "merged pageblocks take the type of what was freed",
	  merged_pageblocks_take_the_type_of_what_was_freed },
	{ "an empty list gives nothing", an_empty_list_gives_nothing },
	{ "a range becomes the largest blocks that fit",
	  a_range_becomes_the_largest_blocks_that_fit },
	{ "parts of two kinds come back as two blocks",
	  parts_of_two_kinds_come_back_as_two_blocks },
	{ "a block goes back into memory of one kind", a_block_goes_back_into_memory_of_one_kind },
	{ "bulk blocks are disjoint and pop upwards", bulk_blocks_are_disjoint_and_pop_upwards },
	{ "freed in order or not bulk merges fully", freed_in_order_or_not_bulk_merges_fully },
	{ "runs of every order merge fully", runs_of_every_order_merge_fully },
	{ "runs among single blocks are all freed", runs_among_single_blocks_are_all_freed },
	{ "bulk takes what fragments there are", bulk_takes_what_fragments_there_are },
	{ "bulk stops after 64 fragments", bulk_stops_after_64_fragments },
	{ "bulk leaves what is above the limit to the last",
	  bulk_leaves_what_is_above_the_limit_to_the_last },
	{ "random operations agree with a bitmap", random_operations_agree_with_a_bitmap },
	{ "the smallest block that fits is taken", the_smallest_block_that_fits_is_taken },
	{ "blocks below the packing limit go first", blocks_below_the_packing_limit_go_first },
	{ "a larger block below the limit goes before a small one above",
	  a_larger_block_below_the_limit_goes_before_a_small_one_above },
	{ "a block at the limit is above it", a_block_at_the_limit_is_above_it },
	{ "every way in raises the packing limit", every_way_in_raises_the_packing_limit },
	{ "the packing limit passes over holes", the_packing_limit_passes_over_holes },
	{ "the packing limit comes down to the last peak",
	  the_packing_limit_comes_down_to_the_last_peak },
	{ "blocks that the limit passed go to the back",
	  blocks_that_the_limit_passed_go_to_the_back },
	{ "a block at the limit goes to the back too", a_block_at_the_limit_goes_to_the_back_too },
	{ "above the limit the smallest goes first", above_the_limit_the_smallest_goes_first },
	{ "a bulk request moves a bounded number of blocks",
	  a_bulk_request_moves_a_bounded_number_of_blocks },
	{ "what is in use gathers at the bottom", what_is_in_use_gathers_at_the_bottom },
	{ "unmovable claims whole pageblocks", unmovable_claims_whole_pageblocks },
	{ "fallbacks follow the order of preference", fallbacks_follow_the_order_of_preference },
	{ "unmovable steals the largest movable the smallest",
	  unmovable_steals_the_largest_movable_the_smallest },
	{ "reserved pageblocks are not stolen", reserved_pageblocks_are_not_stolen },
	{ "an isolated pageblock merges with none outside",
	  an_isolated_pageblock_merges_with_none_outside },
	{ "verify notices BUDDY-1", verify_notices_BUDDY_1 },
	{ "verify notices BUDDY-2", verify_notices_BUDDY_2 },
	{ "verify notices BUDDY-3", verify_notices_BUDDY_3 },
	{ "verify notices BUDDY-4", verify_notices_BUDDY_4 },
	{ "verify notices BUDDY-5", verify_notices_BUDDY_5 },
	{ "a shared pageblock has no type of its own", a_shared_pageblock_has_no_type_of_its_own },
	{ "broken contracts panic by name", broken_contracts_panic_by_name },
	{ "debug builds look at links and states", debug_builds_look_at_links_and_states },
};

TEST_SUITE(buddy, cases);
