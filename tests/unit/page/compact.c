/* Compaction, exact ranges and the atomic reserve, on the live system. */

#include "mm/page/compact.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/contig.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/page/pageblock.h"
#include "tests/test.h"
#include "tests/unit/sandbox.h"

/* 64 MiB in single pages: enough pageblocks to see, fast to fill. */
#define NR_MOVABLE	16384u
#define KEPT_OF_100	45u

/* A table of pages that can be moved: page->private[0] is the index of its entry. */
static struct page **table;
static unsigned nr_moves;
static bool is_refusing;

static bool migrate(struct page *from, struct page *to, void *arg)
{
	uintptr_t index = (uintptr_t)from->private[0];

	CHECK(arg == &table);
	if (is_refusing)
		return false;
	memcpy(page_address(to), page_address(from), PAGE_SIZE);
	to->private[0] = from->private[0];
	table[index] = to;
	nr_moves++;
	return true;
}

static const struct movable_owner owner = { "test table", migrate, &table };

static bool add_movable(unsigned index, uint16_t id)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_MOVABLE, 0);

	table[index] = page;
	if (!page)
		return false;
	page->private[0] = (void *)(uintptr_t)index;
	*(uint64_t *)page_address(page) = index;
	page_set_owner(page, id);
	return true;
}

static void drop(unsigned index)
{
	if (!table[index])
		return;
	CHECK_EQ(*(uint64_t *)page_address(table[index]), index);
	__free_pages(table[index], 0);
	table[index] = NULL;
}

static void end(uint16_t id)
{
	for (unsigned i = 0; table && i < NR_MOVABLE; i++)
		drop(i);
	kfree(table);
	unregister_movable_owner(id);
	CHECK(mm_verify_all());
}

/* Fills, then frees all but KEPT_OF_100 at random. False: no memory, and all is given back. */
static bool fragment(uint16_t id)
{
	bool is_full = false;

	table = kzalloc(NR_MOVABLE * sizeof(table[0]), GFP_KERNEL);
	for (unsigned i = 0; table && i < NR_MOVABLE; i++) {
		is_full = add_movable(i, id);
		if (!is_full)
			break;
	}
	if (!is_full) {
		end(id);
		return false;
	}
	for (unsigned i = 0; i < NR_MOVABLE; i++)
		if (test_random_below(100) >= KEPT_OF_100)
			drop(i);
	drain_all_pages();
	return true;
}

static uint64_t free_blocks(uint64_t *nr_blocks)
{
	uint64_t nr_free = 0;

	*nr_blocks = 0;
	for_each_populated_zone(zone) {
		struct block_census census = count_free_pageblocks(zone);

		nr_free += census.nr_free_blocks;
		*nr_blocks += census.nr_blocks;
	}
	return nr_free;
}

static void large_blocks_come_back_and_contents_survive(void)
{
	uint16_t id = register_movable_owner(&owner);
	uint64_t nr_before, nr_after, nr_blocks;

	CHECK(id != 0);
	is_refusing = false;
	nr_moves = 0;
	if (!fragment(id))
		SKIP("not enough memory");
	nr_before = free_blocks(&nr_blocks);
	for (unsigned nid = 0; nid < nr_node_ids(); nid++)
		compact_node(nid);
	nr_after = free_blocks(&nr_blocks);
	test_comment("wholly free pageblocks: %llu before, %llu after, of %llu up; %u pages moved",
		     (unsigned long long)nr_before, (unsigned long long)nr_after,
		     (unsigned long long)nr_blocks, nr_moves);
	/* 55 % of 32 pageblocks are free; half of those at least must come back whole. */
	CHECK(nr_after >= nr_before + NR_MOVABLE / PAGEBLOCK_PAGES * (100 - KEPT_OF_100) / 200);
	CHECK(mm_verify_all());
	end(id);
}

static void a_refusing_owner_changes_nothing(void)
{
	uint16_t id = register_movable_owner(&owner);

	is_refusing = true;
	nr_moves = 0;
	if (!fragment(id))
		SKIP("not enough memory");
	CHECK_EQ(compact_node(numa_node_id()), 0);
	CHECK_EQ(nr_moves, 0);
	is_refusing = false;
	end(id);
}

static bool breaks(const struct zone *zone, const char *rule)
{
	struct violation violation = { .rule = "none" };

	return !compact_verify(zone, &violation) && strcmp(violation.rule, rule) == 0;
}

static void verify_notices_COMPACT_1(void)
{
	static struct zone zone;
	struct compaction_pass *pass = &zone.compaction.passes[NR_UNIT_ORDERS - 1];
	struct violation violation;

	zone = (struct zone){ .start_pfn = 100, .end_pfn = 10 * PAGEBLOCK_PAGES };
	CHECK(compact_verify(&zone, &violation));
	*pass = (struct compaction_pass){ PAGEBLOCK_PAGES, 8 * PAGEBLOCK_PAGES, 0, { 0, 0 } };
	CHECK(compact_verify(&zone, &violation));
	pass->fill_pfn++;
	CHECK(breaks(&zone, "COMPACT-1"));
	pass->fill_pfn = 9 * PAGEBLOCK_PAGES;
	CHECK(breaks(&zone, "COMPACT-1"));
	pass->fill_pfn = 0;
	CHECK(breaks(&zone, "COMPACT-1"));
	pass->fill_pfn = PAGEBLOCK_PAGES;
	pass->empty_pfn++;
	CHECK(breaks(&zone, "COMPACT-1"));
	pass->empty_pfn = 12 * PAGEBLOCK_PAGES;
	CHECK(breaks(&zone, "COMPACT-1"));
}

static void verify_notices_COMPACT_2(void)
{
	static struct zone zone;

	zone.compaction.passes[0].backoff.shift = BACKOFF_MAX_SHIFT + 1;
	CHECK(breaks(&zone, "COMPACT-2"));
}

static void exact_ranges_are_taken_and_given_back(void)
{
	/* Three largest blocks and a bit: more than any order. */
	uint64_t nr_pages = 3 * pages_in(MAX_ORDER) + 5;
	struct page *page = alloc_contig_pages(nr_pages, GFP_KERNEL, NID_NONE);
	pfn_t pfn;

	if (!page)
		SKIP("no range free");
	pfn = page_to_pfn(page);
	for (uint64_t i = 0; i < nr_pages; i++) {
		CHECK_EQ(page[i].type, PAGE_USER);
		CHECK_EQ(page[i].refcount, 1);
		CHECK_EQ(page[i].order, 0);
	}
	CHECK(mm_verify_all());
	CHECK(!alloc_contig_range(pfn + 1, pfn + 2, MIGRATE_MOVABLE));
	free_contig_range(pfn, nr_pages);
	drain_all_pages();
	CHECK(alloc_contig_range(pfn + 7, pfn + nr_pages, MIGRATE_MOVABLE));
	free_contig_range(pfn + 7, nr_pages - 7);
}

/* Of the live movable pages, those in the pageblock at @start_pfn. */
static unsigned nr_movable_in(pfn_t start_pfn)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < NR_MOVABLE; i++)
		nr += table[i] && page_to_pfn(table[i]) - start_pfn < PAGEBLOCK_PAGES;
	return nr;
}

/* Takes a pageblock that movable pages lie in; others may hold pages that cannot go. */
static bool take_a_used_pageblock(pfn_t *start_pfn)
{
	pfn_t tried_pfn = PFN_NONE;

	for (unsigned i = 0; i < NR_MOVABLE; i++) {
		*start_pfn = table[i] ? align_down(page_to_pfn(table[i]), PAGEBLOCK_PAGES) :
			tried_pfn;
		if (*start_pfn == tried_pfn)
			continue;
		tried_pfn = *start_pfn;
		if (alloc_contig_range(*start_pfn, *start_pfn + PAGEBLOCK_PAGES,
				       MIGRATE_MOVABLE))
			return true;
	}
	return false;
}

static void movable_pages_make_room_for_a_range(void)
{
	uint16_t id = register_movable_owner(&owner);
	pfn_t start_pfn = PFN_NONE;
	bool is_taken;

	is_refusing = false;
	if (!fragment(id))
		SKIP("not enough memory");
	is_taken = take_a_used_pageblock(&start_pfn);
	CHECK(is_taken);
	if (is_taken) {
		/* They are elsewhere, and whole: see drop(). */
		CHECK_EQ(nr_movable_in(start_pfn), 0);
		free_contig_range(start_pfn, PAGEBLOCK_PAGES);
	}
	end(id);
}

static void the_atomic_reserve_is_bounded_and_given_back(void)
{
	static struct sandbox box;
	struct page *page;

	if (!sandbox_start(&box))
		SKIP("no memory");
	box.zone->managed_pages = 100 * PAGEBLOCK_PAGES;
	page = sandbox_take(&box, 3, MIGRATE_MOVABLE);
	spin_lock(&box.zone->lock);
	pageblock_reserve_highatomic(box.zone, page);
	CHECK_EQ(pageblock_migratetype(page), MIGRATE_HIGHATOMIC);
	CHECK_EQ(box.zone->nr_highatomic_pages, PAGEBLOCK_PAGES);
	pageblock_reserve_highatomic(box.zone, page + PAGEBLOCK_PAGES);
	CHECK_EQ(box.zone->nr_highatomic_pages, PAGEBLOCK_PAGES);
	CHECK(pageblock_unreserve_highatomic(box.zone));
	CHECK(!pageblock_unreserve_highatomic(box.zone));
	CHECK_EQ(box.zone->nr_highatomic_pages, 0);
	spin_unlock(&box.zone->lock);
	box.zone->managed_pages = SANDBOX_PAGES;
	sandbox_free(&box, page, 3);
	CHECK(sandbox_is_whole(&box));
	sandbox_end(&box);
}

static const struct test_case cases[] = {
	{ "large blocks come back and contents survive",
	  large_blocks_come_back_and_contents_survive },
	{ "a refusing owner changes nothing", a_refusing_owner_changes_nothing },
	{ "exact ranges are taken and given back", exact_ranges_are_taken_and_given_back },
	{ "movable pages make room for a range", movable_pages_make_room_for_a_range },
	{ "the atomic reserve is bounded and given back",
	  the_atomic_reserve_is_bounded_and_given_back },
	{ "verify notices COMPACT-1", verify_notices_COMPACT_1 },
	{ "verify notices COMPACT-2", verify_notices_COMPACT_2 },
};

TEST_SUITE(compact, cases);
