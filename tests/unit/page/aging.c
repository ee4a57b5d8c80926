/* The page cache ages: what is read again and again stays, what was read once goes. */

#include "mm/live.h"
#include "mm/page/reclaim.h"
#include "tests/test.h"
#include "tests/unit/page_cache.h"

#define NR_PAGES	512u
#define NR_HOT		64u

static struct page_cache cache;
static uint64_t nr_source_reads;

static bool read_source(void *arg, uint64_t index, void *to)
{
	CHECK(arg == &nr_source_reads);
	nr_source_reads++;
	*(uint64_t *)to = index * 0x9e3779b97f4a7c15ull;
	return index != NR_PAGES - 1;	/* the last page cannot be read */
}

static bool start(void)
{
	nr_source_reads = 0;
	return page_cache_start(&cache, (struct page_source){ read_source, &nr_source_reads },
				NR_PAGES);
}

static void read_pages(unsigned start_index, unsigned end_index)
{
	for (unsigned i = start_index; i < end_index; i++) {
		uint64_t word = 0;

		CHECK(page_cache_read(&cache, i, &word));
		CHECK_EQ(word, i * 0x9e3779b97f4a7c15ull);
	}
}

static unsigned nr_cached(unsigned start_index, unsigned end_index)
{
	unsigned nr = 0;

	for (unsigned i = start_index; i < end_index; i++)
		nr += page_cache_has(&cache, i);
	return nr;
}

/* Asks the cache alone, as hard as can be, for any pages. */
static uint64_t press(uint64_t nr_pages)
{
	struct shrink_control control = {
		.nid = NID_NONE,
		.highest_zone = MAX_NR_ZONES - 1,
		.nr_to_scan = UINT64_MAX,
		.nr_to_free = nr_pages,
	};

	return cache.shrinker.scan(&cache.shrinker, &control);
}

static void end(void)
{
	CHECK(page_cache_is_sound(&cache));
	page_cache_end(&cache);
}

static void a_page_is_read_from_the_source_once(void)
{
	uint64_t word;

	if (!start())
		SKIP("not enough memory");
	read_pages(0, 100);
	read_pages(0, 100);
	CHECK_EQ(nr_source_reads, 100);
	CHECK_EQ(cache.nr_reads, 100);
	CHECK(!page_cache_read(&cache, NR_PAGES - 1, &word));
	CHECK(!page_cache_has(&cache, NR_PAGES - 1));
	end();
}

static void pages_become_active_when_they_are_read_again(void)
{
	if (!start())
		SKIP("not enough memory");
	read_pages(0, 10);
	CHECK_EQ(cache.nr_inactive, 10);
	read_pages(0, 5);
	CHECK(!page_cache_is_active(&cache, 0));
	read_pages(0, 5);
	CHECK(page_cache_is_active(&cache, 0));
	CHECK(!page_cache_is_active(&cache, 5));
	CHECK_EQ(cache.nr_active, 5);
	CHECK_EQ(cache.nr_inactive, 5);
	end();
}

/* The oldest pages that nobody read again go first. */
static void one_long_read_does_not_drive_out_what_is_in_use(void)
{
	if (!start())
		SKIP("not enough memory");
	for (unsigned i = 0; i < 3; i++)
		read_pages(0, NR_HOT);
	read_pages(NR_HOT, 400);
	CHECK_EQ(press(200), 200);
	CHECK_EQ(nr_cached(0, NR_HOT), NR_HOT);
	CHECK_EQ(nr_cached(NR_HOT, NR_HOT + 200), 0);
	CHECK_EQ(nr_cached(NR_HOT + 200, 400), 400 - NR_HOT - 200);
	CHECK_EQ(cache.nr_evicted, 200);
	end();
}

static void what_is_not_read_any_more_ages_and_goes(void)
{
	uint64_t nr_reads;

	if (!start())
		SKIP("not enough memory");
	for (unsigned i = 0; i < 3; i++)
		read_pages(0, NR_HOT);
	CHECK_EQ(cache.nr_active, NR_HOT);
	for (unsigned i = 0; i < 10 && cache.nr_active + cache.nr_inactive > 0; i++)
		press(NR_HOT);
	CHECK_EQ(nr_cached(0, NR_PAGES), 0);
	CHECK(cache.nr_deactivated >= NR_HOT);
	nr_reads = cache.nr_reads;
	read_pages(0, NR_HOT);		/* and comes back as it was */
	CHECK_EQ(cache.nr_reads, nr_reads + NR_HOT);
	end();
}

/* Read while pressure goes round: a second chance each time. */
static void a_page_that_is_read_between_rounds_survives_them(void)
{
	if (!start())
		SKIP("not enough memory");
	read_pages(0, 400);
	for (unsigned i = 0; i < 20; i++) {
		read_pages(0, 1);
		press(8);
	}
	CHECK(page_cache_has(&cache, 0));
	CHECK(nr_cached(1, 400) <= 399 - 100);
	CHECK(page_cache_is_sound(&cache));
	end();
}

/* Only pages that help are given: none lies in a zone below those it may have. */
static void pages_of_other_zones_stay(void)
{
	struct reclaim_run run = { .nid = NID_NONE, .highest = ZONE_DMA };
	unsigned nr_low = 0;

	if (!start())
		SKIP("not enough memory");
	read_pages(0, 200);
	for (unsigned i = 0; i < 200; i++)
		nr_low += page_zone(cache.entries[i].page)->type == ZONE_DMA;
	reclaim_round(&run, 200);
	CHECK_EQ(nr_cached(0, 200), 200 - nr_low);
	end();
}

static const struct test_case cases[] = {
	{ "a page is read from the source once", a_page_is_read_from_the_source_once },
	{ "pages become active when they are read again",
	  pages_become_active_when_they_are_read_again },
	{ "one long read does not drive out what is in use",
	  one_long_read_does_not_drive_out_what_is_in_use },
	{ "what is not read any more ages and goes", what_is_not_read_any_more_ages_and_goes },
	{ "a page that is read between rounds survives them",
	  a_page_that_is_read_between_rounds_survives_them },
	{ "pages of other zones stay", pages_of_other_zones_stay },
};

TEST_SUITE(aging, cases);
