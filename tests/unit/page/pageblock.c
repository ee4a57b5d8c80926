/* Grouping by mobility and setting pageblocks apart, on a zone in an array. */

#include "mm/page/pageblock.h"

#include "lib/string.h"
#include "tests/test.h"
#include "tests/unit/sandbox.h"

static struct sandbox box;

static bool is_consistent(void)
{
	struct violation violation;

	if (buddy_verify(box.zone, &violation) && pageblock_verify(box.zone, &violation))
		return true;
	test_comment("%s at 0x%llx: %s", violation.rule, (unsigned long long)violation.at,
		     violation.condition);
	return false;
}

static bool breaks_at(const char *rule, uint64_t at)
{
	struct violation violation;

	return !pageblock_verify(box.zone, &violation) && strcmp(violation.rule, rule) == 0 &&
	       violation.at == at;
}

static struct page *block(unsigned index)
{
	return box.map + index * PAGEBLOCK_PAGES;
}

/* A zone of which all is in use, pageblock by pageblock. */
static void start_full(void)
{
	CHECK(sandbox_start(&box));
	while (sandbox_take(&box, PAGEBLOCK_ORDER, MIGRATE_MOVABLE))
		;
}

/* Frees the block of @order at @page, part of a larger one in use. */
static void give(struct page *page, unsigned order)
{
	page_set_state(page, 0);
	sandbox_free(&box, page, order);
}

/* Puts a block in use of @type and @order at @page. */
static void use(struct page *page, enum page_type type, unsigned order)
{
	page_set_state(page, make_page_state(type, order, box.zone->index, 1));
}

static void retype(struct page *page, enum migratetype migratetype)
{
	spin_lock(&box.zone->lock);
	pageblock_retype(box.zone, page, migratetype);
	spin_unlock(&box.zone->lock);
}

static uint64_t nr_listed(unsigned order, enum migratetype migratetype)
{
	uint64_t nr = 0;

	list_for_each(node, &box.zone->free_area[order].free_list[migratetype])
		nr++;
	return nr;
}

/* ---- What is in a pageblock ---- */

static struct block_use use_of(unsigned index)
{
	struct block_use found;

	spin_lock(&box.zone->lock);
	found = pageblock_use(box.zone, block(index));
	spin_unlock(&box.zone->lock);
	return found;
}

static void check_use(unsigned index, uint64_t nr_free, uint64_t nr_movable)
{
	struct block_use found = use_of(index);

	CHECK_EQ(found.nr_free, nr_free);
	CHECK_EQ(found.nr_movable, nr_movable);
	CHECK_EQ(found.nr_pinned, PAGEBLOCK_PAGES - nr_free - nr_movable);
}

static void uses_add_up_to_the_pageblock(void)
{
	start_full();
	check_use(2, 0, 0);
	/* 64 in use, 32 movable in two blocks, 32 and 128 free, 256 a compound page. */
	use(block(2), PAGE_USER, 6);
	use(block(2) + 64, PAGE_MOVABLE, 4);
	use(block(2) + 80, PAGE_MOVABLE, 4);
	give(block(2) + 96, 5);
	give(block(2) + 128, 7);
	use(block(2) + 256, PAGE_HEAD, 8);
	for (unsigned i = 257; i < 512; i++)
		page_set_state(block(2) + i, make_page_state(PAGE_TAIL, 0, box.zone->index, 0));
	check_use(2, 32 + 128, 32);
	/* Nor is what the next pageblock begins with. */
	give(block(3), 4);
	check_use(2, 32 + 128, 32);
	/* A free block of another zone is none of this one's. */
	block(2)[96].zone_index++;
	check_use(2, 128, 32);
	block(2)[96].zone_index--;
	sandbox_end(&box);
}

static void both_halves_of_a_free_pair_are_free(void)
{
	start_full();
	give(block(4), PAGEBLOCK_ORDER);
	check_use(4, PAGEBLOCK_PAGES, 0);
	check_use(5, 0, 0);
	give(block(5), PAGEBLOCK_ORDER);
	check_use(4, PAGEBLOCK_PAGES, 0);
	check_use(5, PAGEBLOCK_PAGES, 0);
	sandbox_end(&box);
}

static void a_movable_block_that_reaches_beyond_is_not_counted_twice(void)
{
	start_full();
	use(block(6), PAGE_MOVABLE, MAX_ORDER);
	CHECK_EQ(use_of(6).nr_pinned, 0);
	sandbox_end(&box);
}

/* ---- Stealing ---- */

/* Of pageblock 1, of type @from, @nr_free pages are free and @nr_movable in movable use. */
static void mix(enum migratetype from, uint64_t nr_free, uint64_t nr_movable)
{
	start_full();
	pageblock_set_migratetype(block(1), from);
	for (uint64_t i = 0; i < PAGEBLOCK_PAGES; i++)
		use(block(1) + i, i < nr_free + nr_movable ? PAGE_MOVABLE : PAGE_USER, 0);
	for (uint64_t i = 0; i < nr_free; i++)
		give(block(1) + i, 0);
}

static void check_claim(enum migratetype from, uint64_t nr_free, uint64_t nr_movable,
			enum migratetype to, bool is_claimed)
{
	mix(from, nr_free, nr_movable);
	CHECK(sandbox_steal(&box, 0, to, STEAL_ANY));
	CHECK_EQ(pageblock_migratetype(block(1)), is_claimed ? to : from);
	CHECK_EQ(box.zone->nr_fallback_blocks, 1);
	CHECK_EQ(box.zone->nr_stolen_pageblocks, is_claimed);
	CHECK_EQ(box.stolen == NULL, is_claimed);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void half_of_a_pageblock_free_or_alike_claims_it(void)
{
	/* Unmovable ones are not at home among movable ones. */
	check_claim(MIGRATE_MOVABLE, 256, 0, MIGRATE_UNMOVABLE, true);
	check_claim(MIGRATE_MOVABLE, 255, 0, MIGRATE_UNMOVABLE, false);
	check_claim(MIGRATE_MOVABLE, 100, 300, MIGRATE_UNMOVABLE, false);
	/* But where neither can be moved: pinned ones count. */
	check_claim(MIGRATE_RECLAIMABLE, 100, 256, MIGRATE_UNMOVABLE, true);
	check_claim(MIGRATE_RECLAIMABLE, 100, 257, MIGRATE_UNMOVABLE, false);
	/* Movable ones are at home among movable ones. */
	check_claim(MIGRATE_UNMOVABLE, 100, 156, MIGRATE_MOVABLE, true);
	check_claim(MIGRATE_UNMOVABLE, 100, 155, MIGRATE_MOVABLE, false);
}

static void what_is_not_claimed_is_taken_at_once(void)
{
	mix(MIGRATE_MOVABLE, 4, 0);
	CHECK(sandbox_steal(&box, 1, MIGRATE_UNMOVABLE, STEAL_ANY));
	CHECK_EQ(box.stolen - box.map, PAGEBLOCK_PAGES);
	for (unsigned order = 0; order < NR_ORDERS; order++)
		CHECK_EQ(nr_listed(order, MIGRATE_UNMOVABLE), 0);
	CHECK_EQ(nr_listed(2, MIGRATE_MOVABLE), 0);
	CHECK_EQ(nr_listed(1, MIGRATE_MOVABLE), 1);
	CHECK_EQ(box.zone->nr_free_pages, 2);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void mixing_lets_kswapd_free_ahead(void)
{
	mix(MIGRATE_MOVABLE, 4, 0);
	box.zone->watermark[WATERMARK_HIGH] = 3 * PAGEBLOCK_PAGES;
	CHECK(sandbox_steal(&box, 1, MIGRATE_UNMOVABLE, STEAL_ANY));
	CHECK_EQ(box.zone->watermark_boost, PAGEBLOCK_PAGES);
	CHECK(sandbox_steal(&box, 1, MIGRATE_RECLAIMABLE, STEAL_ANY));
	CHECK_EQ(box.zone->watermark_boost, 3 * PAGEBLOCK_PAGES / 2);
	sandbox_end(&box);
}

static void whole_pageblocks_change_hands_without_mixing(void)
{
	start_full();
	give(block(2), PAGEBLOCK_ORDER);
	give(block(3), PAGEBLOCK_ORDER);
	give(block(5), PAGEBLOCK_ORDER);
	box.zone->watermark[WATERMARK_HIGH] = PAGEBLOCK_PAGES;
	CHECK(sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_WHOLE_PAGEBLOCKS));
	CHECK_EQ(pageblock_migratetype(block(2)), MIGRATE_UNMOVABLE);
	CHECK_EQ(pageblock_migratetype(block(3)), MIGRATE_UNMOVABLE);
	CHECK_EQ(pageblock_migratetype(block(4)), MIGRATE_MOVABLE);
	CHECK_EQ(box.zone->nr_stolen_pageblocks, 2);
	CHECK_EQ(box.zone->nr_fallback_blocks, 1);
	CHECK(is_consistent());
	CHECK(sandbox_steal(&box, 0, MIGRATE_RECLAIMABLE, STEAL_WHOLE_PAGEBLOCKS));
	CHECK_EQ(pageblock_migratetype(block(2)), MIGRATE_RECLAIMABLE);
	CHECK_EQ(sandbox_blocks(&box, MAX_ORDER), 1);
	CHECK_EQ(box.zone->watermark_boost, 0);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void a_single_free_pageblock_is_whole_too(void)
{
	start_full();
	give(block(5), PAGEBLOCK_ORDER);
	give(block(6), PAGEBLOCK_ORDER - 1);
	box.zone->watermark[WATERMARK_HIGH] = PAGEBLOCK_PAGES;
	CHECK(!sandbox_steal(&box, MAX_ORDER, MIGRATE_UNMOVABLE, STEAL_ANY));
	CHECK(!sandbox_steal(&box, MAX_ORDER, MIGRATE_UNMOVABLE, STEAL_WHOLE_PAGEBLOCKS));
	CHECK(sandbox_steal(&box, 3, MIGRATE_UNMOVABLE, STEAL_WHOLE_PAGEBLOCKS));
	CHECK_EQ(nr_listed(PAGEBLOCK_ORDER, MIGRATE_UNMOVABLE), 1);
	CHECK_EQ(box.zone->nr_stolen_pageblocks, 1);
	CHECK(!sandbox_steal(&box, 3, MIGRATE_UNMOVABLE, STEAL_WHOLE_PAGEBLOCKS));
	CHECK_EQ(box.zone->nr_fallback_blocks, 1);
	CHECK_EQ(box.zone->watermark_boost, 0);
	sandbox_end(&box);
}

static void converting_moves_what_is_free(void)
{
	start_full();
	use(block(1), PAGE_USER, 3);
	give(block(1) + 8, 3);
	give(block(1) + 100, 2);
	give(block(1) + 511, 0);
	spin_lock(&box.zone->lock);
	CHECK_EQ(pageblock_convert(box.zone, block(1) + 5, MIGRATE_RECLAIMABLE), 8 + 4 + 1);
	spin_unlock(&box.zone->lock);
	CHECK_EQ(pageblock_migratetype(block(1)), MIGRATE_RECLAIMABLE);
	CHECK_EQ(nr_listed(3, MIGRATE_RECLAIMABLE), 1);
	CHECK_EQ(nr_listed(2, MIGRATE_RECLAIMABLE), 1);
	CHECK_EQ(nr_listed(0, MIGRATE_RECLAIMABLE), 1);
	CHECK(is_consistent());
	sandbox_end(&box);
}

/* ---- Setting apart ---- */

static void what_is_set_apart_is_counted_and_kept(void)
{
	uint64_t plenty_pages;

	CHECK(sandbox_start(&box));
	plenty_pages = box.zone->plenty_pages;
	retype(block(2) + 7, MIGRATE_ISOLATE);
	CHECK_EQ(box.zone->nr_isolated_pages, PAGEBLOCK_PAGES);
	CHECK_EQ(box.zone->plenty_pages, plenty_pages + PAGEBLOCK_PAGES);
	CHECK_EQ(nr_listed(PAGEBLOCK_ORDER, MIGRATE_ISOLATE), 1);
	CHECK_EQ(nr_listed(PAGEBLOCK_ORDER, MIGRATE_MOVABLE), 1);
	CHECK(is_consistent());
	retype(block(3), MIGRATE_HIGHATOMIC);
	CHECK_EQ(box.zone->nr_highatomic_pages, PAGEBLOCK_PAGES);
	CHECK_EQ(box.zone->nr_isolated_pages, PAGEBLOCK_PAGES);
	CHECK_EQ(box.zone->plenty_pages, plenty_pages + 2 * PAGEBLOCK_PAGES);
	CHECK(is_consistent());
	retype(block(2), MIGRATE_HIGHATOMIC);
	CHECK_EQ(box.zone->nr_isolated_pages, 0);
	CHECK_EQ(box.zone->nr_highatomic_pages, 2 * PAGEBLOCK_PAGES);
	CHECK_EQ(nr_listed(MAX_ORDER, MIGRATE_HIGHATOMIC), 1);
	CHECK(is_consistent());
	retype(block(2), MIGRATE_MOVABLE);
	retype(block(3), MIGRATE_MOVABLE);
	CHECK_EQ(box.zone->nr_highatomic_pages, 0);
	CHECK_EQ(box.zone->plenty_pages, plenty_pages);
	CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES);
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

/* The upper half of a pair keeps its type when the lower one goes, and the other way round. */
static void a_pair_is_cut_for_either_half(void)
{
	for (unsigned half = 0; half < 2; half++) {
		CHECK(sandbox_start(&box));
		retype(block(4 + half), MIGRATE_ISOLATE);
		CHECK(is_free_block(box.zone, block(4), PAGEBLOCK_ORDER));
		CHECK(is_free_block(box.zone, block(5), PAGEBLOCK_ORDER));
		CHECK_EQ(pageblock_migratetype(block(5 - half)), MIGRATE_MOVABLE);
		CHECK_EQ(box.zone->nr_free_pages, SANDBOX_PAGES);
		CHECK(is_consistent());
		sandbox_end(&box);
	}
}

static void a_pageblock_in_use_changes_type_all_the_same(void)
{
	start_full();
	give(block(3), 2);
	retype(block(3), MIGRATE_ISOLATE);
	CHECK_EQ(nr_listed(2, MIGRATE_ISOLATE), 1);
	CHECK_EQ(box.zone->nr_free_pages, 4);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void reserve(struct page *page)
{
	spin_lock(&box.zone->lock);
	pageblock_reserve_highatomic(box.zone, page);
	spin_unlock(&box.zone->lock);
}

static bool unreserve(void)
{
	bool has_more;

	spin_lock(&box.zone->lock);
	has_more = pageblock_unreserve_highatomic(box.zone);
	spin_unlock(&box.zone->lock);
	return has_more;
}

static void the_atomic_reserve_is_one_percent(void)
{
	CHECK(sandbox_start(&box));
	box.zone->managed_pages = 100 * 2 * PAGEBLOCK_PAGES - 1;
	reserve(block(0));
	reserve(block(2));
	CHECK_EQ(box.zone->nr_highatomic_pages, PAGEBLOCK_PAGES);
	box.zone->managed_pages++;
	/* What is set apart already is not set apart again. */
	retype(block(4), MIGRATE_ISOLATE);
	reserve(block(4));
	reserve(block(0));
	CHECK_EQ(box.zone->nr_highatomic_pages, PAGEBLOCK_PAGES);
	reserve(block(2));
	CHECK_EQ(box.zone->nr_highatomic_pages, 2 * PAGEBLOCK_PAGES);
	CHECK_EQ(pageblock_migratetype(block(2)), MIGRATE_HIGHATOMIC);
	sandbox_end(&box);
}

static void the_reserve_is_given_back_while_it_has_free_pages(void)
{
	start_full();
	retype(block(0), MIGRATE_HIGHATOMIC);
	CHECK(!unreserve());
	use(block(0), PAGE_USER, 0);
	give(block(0) + 3, 0);
	CHECK(unreserve());
	CHECK_EQ(pageblock_migratetype(block(0)), MIGRATE_MOVABLE);
	CHECK_EQ(nr_listed(0, MIGRATE_MOVABLE), 1);
	CHECK(!unreserve());
	give(block(2), PAGEBLOCK_ORDER);
	give(block(3), PAGEBLOCK_ORDER);
	retype(block(2), MIGRATE_HIGHATOMIC);
	retype(block(3), MIGRATE_HIGHATOMIC);
	CHECK_EQ(nr_listed(MAX_ORDER, MIGRATE_HIGHATOMIC), 1);
	CHECK(unreserve());
	CHECK(unreserve());
	CHECK(!unreserve());
	CHECK_EQ(box.zone->nr_highatomic_pages, 0);
	CHECK(is_consistent());
	sandbox_end(&box);
}

static void a_pageblock_of_two_zones_keeps_its_type(void)
{
	mix(MIGRATE_MOVABLE, 400, 0);
	use(block(1) + 500, PAGE_USER, 0);
	block(1)[500].zone_index++;
	CHECK(sandbox_steal(&box, 0, MIGRATE_UNMOVABLE, STEAL_ANY));
	CHECK(box.stolen);
	CHECK_EQ(pageblock_migratetype(block(1)), MIGRATE_MOVABLE);
	sandbox_end(&box);
}

static void pageblocks_are_owned_whole_or_not(void)
{
	struct pfn_span spans[2];

	CHECK(sandbox_start(&box));
	CHECK(pageblock_is_owned(box.zone, 0));
	CHECK(pageblock_is_owned(box.zone, SANDBOX_PAGES - PAGEBLOCK_PAGES));
	CHECK(!pageblock_is_owned(box.zone, SANDBOX_PAGES));
	box.span = (struct pfn_span){ 1, SANDBOX_PAGES - 1 };
	CHECK(!pageblock_is_owned(box.zone, 0));
	CHECK(!pageblock_is_owned(box.zone, SANDBOX_PAGES - PAGEBLOCK_PAGES));
	CHECK(pageblock_is_owned(box.zone, PAGEBLOCK_PAGES));
	/* Another zone may have what lies between two spans of this one. */
	spans[0] = (struct pfn_span){ 0, PAGEBLOCK_PAGES + 100 };
	spans[1] = (struct pfn_span){ PAGEBLOCK_PAGES + 200, SANDBOX_PAGES };
	box.zone->spans = spans;
	box.zone->nr_spans = 2;
	box.zone->grow_span = 2;
	CHECK(pageblock_is_owned(box.zone, 0));
	CHECK(!pageblock_is_owned(box.zone, PAGEBLOCK_PAGES));
	CHECK(pageblock_is_owned(box.zone, 2 * PAGEBLOCK_PAGES));
	spans[0].end_pfn = spans[1].start_pfn;
	CHECK(pageblock_is_owned(box.zone, PAGEBLOCK_PAGES));
	CHECK(!spin_is_locked(&box.zone->grow_lock));
	CHECK_PANICS("is_aligned(start_pfn", pageblock_is_owned(box.zone, 1));
	sandbox_end(&box);
}

/* ---- One breach per rule ---- */

static void verify_notices_PAGEBLOCK_1_and_PAGEBLOCK_2(void)
{
	CHECK(sandbox_start(&box));
	CHECK(is_consistent());
	box.zone->nr_isolated_pages = PAGEBLOCK_PAGES;
	CHECK(breaks_at("PAGEBLOCK-1", box.zone->index));
	pageblock_set_migratetype(block(7), MIGRATE_ISOLATE);
	CHECK(pageblock_verify(box.zone, &(struct violation){ 0 }));
	box.zone->nr_highatomic_pages = PAGEBLOCK_PAGES;
	CHECK(breaks_at("PAGEBLOCK-2", box.zone->index));
	pageblock_set_migratetype(block(0), MIGRATE_HIGHATOMIC);
	CHECK(pageblock_verify(box.zone, &(struct violation){ 0 }));
	sandbox_end(&box);
}

static void verify_notices_PAGEBLOCK_3(void)
{
	const pfn_t last_pfn = SANDBOX_PAGES - PAGEBLOCK_PAGES;

	CHECK(sandbox_start(&box));
	pageblock_set_migratetype(block(3), MIGRATE_TYPES);
	CHECK(breaks_at("PAGEBLOCK-3", 3 * PAGEBLOCK_PAGES));
	pageblock_set_migratetype(block(3), MIGRATE_MOVABLE);
	pageblock_set_migratetype(block(7), MIGRATE_ISOLATE);
	box.zone->nr_isolated_pages = PAGEBLOCK_PAGES;
	box.span.end_pfn = SANDBOX_PAGES - 1;
	CHECK(breaks_at("PAGEBLOCK-3", last_pfn));
	box.span.end_pfn = SANDBOX_PAGES;
	box.span.start_pfn = last_pfn + 1;
	CHECK(breaks_at("PAGEBLOCK-3", last_pfn));
	sandbox_end(&box);
}

/* Where two spans meet it is one pageblock all the same; with a hole it cannot be set apart. */
static void spans_that_meet_in_a_pageblock_do_not_double_it(void)
{
	struct pfn_span spans[] = { { 0, 2 * PAGEBLOCK_PAGES + 100 },
				    { 2 * PAGEBLOCK_PAGES + 100, SANDBOX_PAGES } };

	CHECK(sandbox_start(&box));
	box.zone->spans = spans;
	box.zone->nr_spans = 2;
	box.zone->grow_span = 2;
	pageblock_set_migratetype(block(2), MIGRATE_ISOLATE);
	box.zone->nr_isolated_pages = PAGEBLOCK_PAGES;
	CHECK(pageblock_verify(box.zone, &(struct violation){ 0 }));
	spans[1].start_pfn++;
	CHECK(breaks_at("PAGEBLOCK-3", 2 * PAGEBLOCK_PAGES));
	sandbox_end(&box);
}

/* What is not up yet has no types. */
static void pending_memory_is_not_looked_at(void)
{
	struct pfn_span spans[] = { { 0, 4 * PAGEBLOCK_PAGES },
				    { 5 * PAGEBLOCK_PAGES, SANDBOX_PAGES } };

	CHECK(sandbox_start(&box));
	box.zone->spans = spans;
	box.zone->nr_spans = 2;
	box.zone->grow_span = 0;
	box.zone->grow_pfn = 2 * PAGEBLOCK_PAGES;
	pageblock_set_migratetype(block(2), MIGRATE_TYPES);
	pageblock_set_migratetype(block(6), MIGRATE_TYPES);
	CHECK(pageblock_verify(box.zone, &(struct violation){ 0 }));
	box.zone->grow_pfn = 0;
	CHECK(pageblock_verify(box.zone, &(struct violation){ 0 }));
	/* Nor where the first of it would begin inside a pageblock. */
	spans[0].start_pfn = box.zone->grow_pfn = 2 * PAGEBLOCK_PAGES + 1;
	CHECK(pageblock_verify(box.zone, &(struct violation){ 0 }));
	spans[0].start_pfn = 0;
	CHECK(breaks_at("PAGEBLOCK-3", 2 * PAGEBLOCK_PAGES));
	pageblock_set_migratetype(block(2), MIGRATE_MOVABLE);
	box.zone->grow_span = 1;
	box.zone->grow_pfn = 7 * PAGEBLOCK_PAGES;
	CHECK(breaks_at("PAGEBLOCK-3", 6 * PAGEBLOCK_PAGES));
	sandbox_end(&box);
}

static void broken_contracts_panic_by_name(void)
{
	CHECK(sandbox_start(&box));
	spin_lock(&box.zone->lock);
	CHECK_PANICS("migratetype < MIGRATE_TYPES",
		     pageblock_retype(box.zone, block(0), MIGRATE_TYPES));
	spin_unlock(&box.zone->lock);
	sandbox_end(&box);
}

static const struct test_case cases[] = {
	{ "a pageblock of two zones keeps its type", a_pageblock_of_two_zones_keeps_its_type },
	{ "uses add up to the pageblock", uses_add_up_to_the_pageblock },
	{ "both halves of a free pair are free", both_halves_of_a_free_pair_are_free },
	{ "a movable block that reaches beyond is not counted twice",
	  a_movable_block_that_reaches_beyond_is_not_counted_twice },
	{ "half of a pageblock free or alike claims it",
	  half_of_a_pageblock_free_or_alike_claims_it },
	{ "what is not claimed is taken at once", what_is_not_claimed_is_taken_at_once },
	{ "mixing lets kswapd free ahead", mixing_lets_kswapd_free_ahead },
	{ "whole pageblocks change hands without mixing",
	  whole_pageblocks_change_hands_without_mixing },
	{ "a single free pageblock is whole too", a_single_free_pageblock_is_whole_too },
	{ "converting moves what is free", converting_moves_what_is_free },
	{ "what is set apart is counted and kept", what_is_set_apart_is_counted_and_kept },
	{ "a pair is cut for either half", a_pair_is_cut_for_either_half },
	{ "a pageblock in use changes type all the same",
	  a_pageblock_in_use_changes_type_all_the_same },
	{ "the atomic reserve is one percent", the_atomic_reserve_is_one_percent },
	{ "the reserve is given back while it has free pages",
	  the_reserve_is_given_back_while_it_has_free_pages },
	{ "pageblocks are owned whole or not", pageblocks_are_owned_whole_or_not },
	{ "verify notices PAGEBLOCK-1 and PAGEBLOCK-2",
	  verify_notices_PAGEBLOCK_1_and_PAGEBLOCK_2 },
	{ "verify notices PAGEBLOCK-3", verify_notices_PAGEBLOCK_3 },
	{ "spans that meet in a pageblock do not double it",
	  spans_that_meet_in_a_pageblock_do_not_double_it },
	{ "pending memory is not looked at", pending_memory_is_not_looked_at },
	{ "broken contracts panic by name", broken_contracts_panic_by_name },
};

TEST_SUITE(pageblock, cases);
