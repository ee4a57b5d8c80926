/* Shrinkers and kswapd's step, on the live system; only low memory runs out. */

#include "mm/reclaim.h"

#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

/* 16 MiB at most: the one zone that a test may exhaust. */
#define GFP_LOW		(GFP_DMA | __GFP_NOWARN)

static struct page *hoard;	/* chained through the owner's word */
static unsigned nr_scans;

static void fill_hoard(void)
{
	struct page *page;

	hoard = NULL;
	while ((page = alloc_pages(GFP_LOW | __GFP_MEMALLOC, 0)) != NULL) {
		page->private[0] = hoard;
		hoard = page;
	}
}

static uint64_t give_from_hoard(struct shrinker *shrinker, unsigned nid, uint64_t nr_pages)
{
	uint64_t nr_given = 0;

	(void)shrinker;
	(void)nid;
	nr_scans++;
	for (; hoard && nr_given < nr_pages; nr_given++) {
		struct page *page = hoard;

		hoard = page->private[0];
		__free_page(page);
	}
	return nr_given;
}

static uint64_t claim_only(struct shrinker *shrinker, unsigned nid, uint64_t nr_pages)
{
	(void)shrinker;
	(void)nid;
	nr_scans++;
	return nr_pages;
}

static void empty_hoard(void)
{
	give_from_hoard(NULL, NID_NONE, UINT64_MAX);
	drain_all_pages();
}

static void a_request_that_may_wait_gets_what_shrinkers_free(void)
{
	struct shrinker shrinker = { .name = "hoard", .scan = give_from_hoard };
	struct page *page;

	register_shrinker(&shrinker);
	fill_hoard();
	CHECK(alloc_pages(GFP_LOW, 0) == NULL);
	nr_scans = 0;
	page = hoard ? alloc_pages(GFP_LOW | __GFP_DIRECT_RECLAIM, 0) : NULL;
	if (hoard) {
		CHECK(page != NULL);
		CHECK(nr_scans > 0);
		CHECK(shrinker.nr_freed_pages > 0);
	}
	if (page)
		__free_page(page);
	empty_hoard();
	unregister_shrinker(&shrinker);
}

/* How often a request asks a shrinker that frees nothing but says it did. */
static unsigned nr_tries(gfp_t gfp)
{
	nr_scans = 0;
	CHECK(alloc_pages(GFP_LOW | __GFP_DIRECT_RECLAIM | gfp, 0) == NULL);
	return nr_scans;
}

static void patience_is_limited_by_flags(void)
{
	struct shrinker shrinker = { .name = "liar", .scan = claim_only };
	unsigned nr_once, nr_some, nr_many;

	shrink_node(NID_NONE, UINT64_MAX);	/* the others have nothing left to say */
	register_shrinker(&shrinker);
	fill_hoard();
	nr_once = nr_tries(__GFP_NORETRY);
	nr_some = nr_tries(0);
	nr_many = nr_tries(__GFP_RETRY_MAYFAIL);
	CHECK(nr_once >= 1);
	CHECK(nr_some > nr_once);
	CHECK(nr_many > nr_some);
	empty_hoard();
	unregister_shrinker(&shrinker);
}

static void one_round_asks_until_it_has_enough(void)
{
	struct shrinker first = { .name = "first", .scan = claim_only };
	struct shrinker second = { .name = "second", .scan = claim_only };

	shrink_node(NID_NONE, UINT64_MAX);
	register_shrinker(&first);
	register_shrinker(&second);
	CHECK(shrink_node(0, 100) >= 100);
	CHECK(first.nr_freed_pages > 0);
	CHECK_EQ(second.nr_freed_pages, 0);
	unregister_shrinker(&first);
	unregister_shrinker(&second);
}

/* RECLAIM-2, and the boost that asked for one round of work. */
static void a_step_answers_the_wake_up(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct pglist_data *node = node_data(nid);
		uint64_t nr_runs = node->nr_kswapd_runs;

		node->kswapd_wait = true;
		node->node_zones[ZONE_DMA32].watermark_boost = 1;
		reclaim_node(nid);
		CHECK(!node->kswapd_wait);
		CHECK_EQ(node->node_zones[ZONE_DMA32].watermark_boost, 0);
		CHECK(node->nr_kswapd_runs > nr_runs);
	}
}

static void registering_twice_panics(void)
{
	struct shrinker shrinker = { .name = "twice", .scan = claim_only };

	register_shrinker(&shrinker);
	CHECK_PANICS("!is_registered", register_shrinker(&shrinker));
	unregister_shrinker(&shrinker);
	shrinker.scan = NULL;
	CHECK_PANICS("shrinker->scan", register_shrinker(&shrinker));
}

static const struct test_case cases[] = {
	{ "a request that may wait gets what shrinkers free",
	  a_request_that_may_wait_gets_what_shrinkers_free },
	{ "patience is limited by flags", patience_is_limited_by_flags },
	{ "one round asks until it has enough", one_round_asks_until_it_has_enough },
	{ "a step answers the wake-up", a_step_answers_the_wake_up },
	{ "registering twice panics", registering_twice_panics },
};

TEST_SUITE(reclaim, cases);
