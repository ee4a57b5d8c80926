/* bootmem on windows that are numbers only: it touches nothing but its bitmap. */

#include "mm/page/bootmem.h"

#include "lib/align.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/test.h"

#define START_PFN	1000u
#define NR_PAGES	300u
#define MAP_WORDS	8
#define NR_STEPS	2000u

static struct bootmem bootmem;
static uint64_t map[MAP_WORDS];

/* Pages 0..49 of the window are no RAM, the rest is free. */
static void setup(void)
{
	bootmem_init(&bootmem, START_PFN, START_PFN + NR_PAGES, map);
	bootmem_free_range(&bootmem, START_PFN + 50, START_PFN + NR_PAGES);
}

static bool breaks(const char *rule)
{
	struct violation violation;

	return !bootmem_verify(&bootmem, &violation) && strcmp(violation.rule, rule) == 0;
}

static bool is_sound(void)
{
	struct violation violation;

	return bootmem_verify(&bootmem, &violation);
}

static void the_lowest_free_page_is_taken(void)
{
	setup();
	CHECK_EQ(bootmem_alloc(&bootmem, PAGE_SIZE, 1), pfn_to_pa(START_PFN + 50));
	CHECK_EQ(bootmem_alloc(&bootmem, 3 * PAGE_SIZE, PAGE_SIZE), pfn_to_pa(START_PFN + 51));
	CHECK_EQ(bootmem.nr_free_pages, NR_PAGES - 54);
	CHECK(is_sound());
}

static void small_requests_share_a_page(void)
{
	uint64_t pa;

	setup();
	pa = bootmem_alloc(&bootmem, 100, 8);
	CHECK_EQ(bootmem_alloc(&bootmem, 100, 8), pa + 104);
	CHECK_EQ(bootmem_alloc(&bootmem, 1, 64), pa + 256);
	CHECK_EQ(bootmem.nr_free_pages, NR_PAGES - 51);
	CHECK_EQ(bootmem.nr_packed, 2);
	/* What does not fit begins a page; what fits the rest of that goes there. */
	CHECK_EQ(bootmem_alloc(&bootmem, PAGE_SIZE - 16, 8), pa + PAGE_SIZE);
	CHECK_EQ(bootmem_alloc(&bootmem, 16, 8), pa + 2 * PAGE_SIZE - 16);
	CHECK(is_sound());
}

static void alignment_beyond_a_page_is_kept(void)
{
	setup();
	CHECK_EQ(bootmem_alloc(&bootmem, PAGE_SIZE, 64 * PAGE_SIZE), pfn_to_pa(1088));
	CHECK_EQ(bootmem_alloc(&bootmem, PAGE_SIZE, 64 * PAGE_SIZE), pfn_to_pa(1152));
}

static void a_full_window_refuses(void)
{
	setup();
	CHECK_EQ(bootmem_alloc(&bootmem, (NR_PAGES - 49) * PAGE_SIZE, 1), PA_NONE);
	CHECK_EQ(bootmem_alloc(&bootmem, (NR_PAGES - 50) * PAGE_SIZE, 1),
		 pfn_to_pa(START_PFN + 50));
	CHECK_EQ(bootmem_alloc(&bootmem, 1, 1), PA_NONE);
	CHECK_EQ(bootmem.nr_free_pages, 0);
}

static void freed_ranges_are_found_again(void)
{
	setup();
	CHECK(bootmem_alloc(&bootmem, 100 * PAGE_SIZE, 1) != PA_NONE);
	bootmem_free_range(&bootmem, START_PFN + 60, START_PFN + 65);
	CHECK_EQ(bootmem_alloc(&bootmem, 5 * PAGE_SIZE, 1), pfn_to_pa(START_PFN + 60));
	CHECK(is_sound());
}

static void freeing_a_packed_page_ends_the_packing(void)
{
	uint64_t pa;

	setup();
	pa = bootmem_alloc(&bootmem, 100, 8);
	bootmem_free_range(&bootmem, pa_to_pfn(pa), pa_to_pfn(pa) + 1);
	CHECK(is_sound());
	CHECK_EQ(bootmem_alloc(&bootmem, 100, 8), pa);
}

static void freeing_elsewhere_does_not_end_it(void)
{
	uint64_t pa;

	setup();
	CHECK(bootmem_alloc(&bootmem, PAGE_SIZE, 1) != PA_NONE);
	pa = bootmem_alloc(&bootmem, 100, 8);
	CHECK(bootmem_alloc(&bootmem, 2 * PAGE_SIZE, 1) != PA_NONE);
	bootmem_free_range(&bootmem, pa_to_pfn(pa) - 1, pa_to_pfn(pa));
	bootmem_free_range(&bootmem, pa_to_pfn(pa) + 1, pa_to_pfn(pa) + 3);
	CHECK_EQ(bootmem_alloc(&bootmem, 100, 8), pa + 104);
	CHECK(is_sound());
}

/* The search skips four full words a turn: in each of them it sees the one that is not. */
static void one_free_page_is_found_wherever_it_is(void)
{
	static uint64_t long_map[12];
	const uint64_t nr_pages = 12 * BITS_PER_WORD;

	for (uint64_t at = 0; at < nr_pages; at += 5) {
		bootmem_init(&bootmem, START_PFN, START_PFN + nr_pages, long_map);
		bootmem_free_range(&bootmem, START_PFN + at, START_PFN + at + 1);
		CHECK_EQ(bootmem_alloc(&bootmem, PAGE_SIZE, 1), pfn_to_pa(START_PFN + at));
		CHECK_EQ(bootmem_alloc(&bootmem, PAGE_SIZE, 1), PA_NONE);
		CHECK(is_sound());
	}
	/* The map ends with the window: nothing behind it is looked at. */
	bootmem_free_range(&bootmem, START_PFN + nr_pages, START_PFN + nr_pages);
	bootmem_free_range(&bootmem, START_PFN + nr_pages - 2, START_PFN + nr_pages);
	CHECK_EQ(bootmem_alloc(&bootmem, 3 * PAGE_SIZE, 1), PA_NONE);
	CHECK_EQ(bootmem_alloc(&bootmem, PAGE_SIZE, 64 * PAGE_SIZE), PA_NONE);
}

static void an_alignment_that_leaves_the_packed_page_begins_another(void)
{
	uint64_t pa;

	setup();
	pa = bootmem_alloc(&bootmem, 100, 8);
	CHECK_EQ(bootmem_alloc(&bootmem, 100, 4 * PAGE_SIZE), align_up(pa + 100, 4 * PAGE_SIZE));
	CHECK_EQ(bootmem.nr_free_pages, NR_PAGES - 52);
	CHECK(is_sound());
}

static void what_was_searched_is_counted(void)
{
	setup();
	CHECK(bootmem_alloc(&bootmem, 100 * PAGE_SIZE, 1) != PA_NONE);
	CHECK_EQ(bootmem.nr_words_searched, 3);	/* up to page 150 of the window */
}

static void empty_ranges_change_nothing(void)
{
	setup();
	bootmem_free_range(&bootmem, START_PFN + 70, START_PFN + 70);
	bootmem_reserve_range(&bootmem, START_PFN + NR_PAGES, START_PFN + NR_PAGES);
	CHECK_EQ(bootmem.nr_free_pages, NR_PAGES - 50);
	CHECK(is_sound());
}

static void ranges_outside_the_window_panic(void)
{
	const pfn_t end_pfn = START_PFN + NR_PAGES;

	setup();
	CHECK_PANICS("is_inside", bootmem_reserve_range(&bootmem, START_PFN - 1, START_PFN));
	CHECK_PANICS("is_inside", bootmem_reserve_range(&bootmem, end_pfn - 1, end_pfn + 1));
	CHECK_PANICS("is_inside", bootmem_reserve_range(&bootmem, START_PFN + 60, START_PFN + 59));
	CHECK_PANICS("is_inside", bootmem_free_range(&bootmem, START_PFN - 1, START_PFN));
	CHECK_PANICS("is_inside", bootmem_free_range(&bootmem, end_pfn, end_pfn + 1));
	CHECK_PANICS("is_inside", bootmem_free_range(&bootmem, START_PFN + 40, START_PFN + 39));
	CHECK(is_sound());
}

struct runs {
	unsigned nr, nr_free;
	pfn_t end_pfn;
	uint64_t nr_free_pages;
};

static void visit(void *arg, pfn_t start_pfn, pfn_t end_pfn, bool is_free)
{
	struct runs *runs = arg;

	CHECK_EQ(start_pfn, runs->end_pfn);
	CHECK(end_pfn > start_pfn);
	runs->nr++;
	runs->nr_free += is_free;
	runs->end_pfn = end_pfn;
	runs->nr_free_pages += is_free ? end_pfn - start_pfn : 0;
}

static void retiring_tells_every_page_once(void)
{
	struct runs runs = { .end_pfn = START_PFN };

	setup();
	bootmem_reserve_range(&bootmem, START_PFN + 100, START_PFN + 110);
	bootmem_reserve_range(&bootmem, START_PFN + 200, START_PFN + 201);
	CHECK_EQ(bootmem_max_runs(&bootmem), 3);
	bootmem_retire(&bootmem, START_PFN + 200, 1, visit, &runs);
	CHECK_EQ(runs.end_pfn, START_PFN + NR_PAGES);
	CHECK_EQ(runs.nr_free_pages, NR_PAGES - 60);
	CHECK_EQ(runs.nr, 4);
	CHECK(is_sound());
}

static void after_retiring_everything_is_refused(void)
{
	struct runs runs = { .end_pfn = START_PFN };

	setup();
	bootmem_retire(&bootmem, 0, 0, visit, &runs);
	CHECK_PANICS("!bootmem->is_retired", (void)bootmem_alloc(&bootmem, 1, 1));
	CHECK_PANICS("!bootmem->is_retired", bootmem_free_range(&bootmem, 1000, 1001));
	CHECK_PANICS("!bootmem->is_retired", bootmem_reserve_range(&bootmem, 1000, 1001));
	CHECK_PANICS("!bootmem->is_retired", bootmem_retire(&bootmem, 0, 0, visit, &runs));
}

static void broken_contracts_panic_by_name(void)
{
	setup();
	CHECK_PANICS("start_pfn < end_pfn", bootmem_init(&bootmem, 5, 5, map));
	CHECK_PANICS("is_inside", bootmem_free_range(&bootmem, START_PFN - 1, START_PFN + 1));
	CHECK_PANICS("find_bit", bootmem_free_range(&bootmem, START_PFN + 60, START_PFN + 61));
	CHECK_PANICS("find_bit", bootmem_reserve_range(&bootmem, START_PFN, START_PFN + 1));
	CHECK_PANICS("bytes > 0", (void)bootmem_alloc(&bootmem, 0, 1));
	CHECK_PANICS("is_power_of_two", (void)bootmem_alloc(&bootmem, 1, 3));
}

static void random_requests_agree_with_a_map_of_bytes(void)
{
	static uint8_t taken[NR_PAGES];
	struct runs runs = { .end_pfn = START_PFN };

	setup();
	memset(taken, 1, sizeof(taken));
	memset(taken + 50, 0, NR_PAGES - 50);
	for (unsigned step = 0; step < NR_STEPS; step++) {
		uint64_t nr_pages = test_random_below(6) + 1;
		uint64_t first = test_random_below(NR_PAGES - 6);
		uint64_t at = 0;
		uint64_t pa;

		while (at < nr_pages && first >= 50 && taken[first + at])
			at++;
		if (at == nr_pages && test_random_below(2)) {
			bootmem_free_range(&bootmem, START_PFN + first,
					   START_PFN + first + nr_pages);
			memset(taken + first, 0, nr_pages);
			continue;
		}
		pa = bootmem_alloc(&bootmem, nr_pages * PAGE_SIZE, PAGE_SIZE);
		for (at = 0; pa != PA_NONE && at < nr_pages; at++) {
			CHECK(!taken[pa_to_pfn(pa) - START_PFN + at]);
			taken[pa_to_pfn(pa) - START_PFN + at] = 1;
		}
	}
	CHECK(is_sound());
	bootmem_retire(&bootmem, 0, 0, visit, &runs);
	CHECK(runs.nr_free <= bootmem_max_runs(&bootmem));
	for (uint64_t at = 0; at < NR_PAGES; at++)
		runs.nr_free_pages -= !taken[at];
	CHECK_EQ(runs.nr_free_pages, 0);
}

static void verify_notices_BOOTMEM_1(void)
{
	setup();
	bootmem.is_retired = true;
	CHECK(breaks("BOOTMEM-1"));
}

static void verify_notices_BOOTMEM_2(void)
{
	setup();
	bootmem.nr_free_pages++;
	CHECK(breaks("BOOTMEM-2"));
}

static void verify_notices_BOOTMEM_3(void)
{
	setup();
	bootmem.packed_pa = pfn_to_pa(START_PFN + 70) + 8;
	CHECK(breaks("BOOTMEM-3"));
	bootmem.packed_pa = pfn_to_pa(START_PFN - 1) + 8;
	CHECK(breaks("BOOTMEM-3"));
}

static void verify_notices_BOOTMEM_4(void)
{
	setup();
	bitmap_clear(map, NR_PAGES);
	CHECK(breaks("BOOTMEM-4"));
}

static const struct test_case cases[] = {
	{ "the lowest free page is taken", the_lowest_free_page_is_taken },
	{ "small requests share a page", small_requests_share_a_page },
	{ "alignment beyond a page is kept", alignment_beyond_a_page_is_kept },
	{ "a full window refuses", a_full_window_refuses },
	{ "freed ranges are found again", freed_ranges_are_found_again },
	{ "freeing a packed page ends the packing", freeing_a_packed_page_ends_the_packing },
	{ "freeing elsewhere does not end it", freeing_elsewhere_does_not_end_it },
	{ "one free page is found wherever it is", one_free_page_is_found_wherever_it_is },
	{ "an alignment that leaves the packed page begins another",
	  an_alignment_that_leaves_the_packed_page_begins_another },
	{ "what was searched is counted", what_was_searched_is_counted },
	{ "empty ranges change nothing", empty_ranges_change_nothing },
	{ "ranges outside the window panic", ranges_outside_the_window_panic },
	{ "retiring tells every page once", retiring_tells_every_page_once },
	{ "after retiring everything is refused", after_retiring_everything_is_refused },
	{ "broken contracts panic by name", broken_contracts_panic_by_name },
	{ "random requests agree with a map of bytes", random_requests_agree_with_a_map_of_bytes },
	{ "verify notices BOOTMEM-1", verify_notices_BOOTMEM_1 },
	{ "verify notices BOOTMEM-2", verify_notices_BOOTMEM_2 },
	{ "verify notices BOOTMEM-3", verify_notices_BOOTMEM_3 },
	{ "verify notices BOOTMEM-4", verify_notices_BOOTMEM_4 },
};

TEST_SUITE(bootmem, cases);
