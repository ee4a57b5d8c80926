/* Shrinkers and kswapd's turn, on the live system; only low memory runs out. */

#include "mm/page/reclaim.h"

#include "lib/string.h"
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

static uint64_t count_hoard(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return 1;
}

static uint64_t give_pages(uint64_t nr_pages)
{
	uint64_t nr_given = 0;

	for (; hoard && nr_given < nr_pages; nr_given++) {
		struct page *page = hoard;

		hoard = page->private[0];
		__free_page(page);
	}
	return nr_given;
}

static uint64_t give_from_hoard(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	nr_scans++;
	return give_pages(control->nr_to_free);
}

/* A page at a time, and every one that lies beside it stays where it is. */
static uint64_t give_one(struct shrinker *shrinker, struct shrink_control *control)
{
	struct page *keep;

	(void)shrinker;
	(void)control;
	nr_scans++;
	keep = hoard;
	if (!keep || !keep->private[0])
		return 0;
	hoard = keep->private[0];
	give_pages(1);
	return 1;
}

static uint64_t claim_only(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	nr_scans++;
	control->nr_scanned += control->nr_to_scan;
	return control->nr_to_free;
}

static void empty_hoard(void)
{
	give_pages(UINT64_MAX);
	drain_all_pages();
}

static void a_request_that_may_wait_gets_what_shrinkers_free(void)
{
	struct shrinker shrinker = { .name = "hoard", .count = count_hoard,
				     .scan = give_from_hoard };
	struct page *page;

	register_shrinker(&shrinker);	/* the last: the others have their say */
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

/* How often a request for what cannot be had asks a shrinker that frees a little each time. */
static unsigned nr_tries(gfp_t gfp)
{
	struct shrinker shrinker = { .name = "miser", .count = count_hoard, .scan = give_one };

	shrink_node(NID_NONE, UINT64_MAX);	/* the others have nothing left to say */
	register_shrinker(&shrinker);
	fill_hoard();
	nr_scans = 0;
	CHECK(alloc_pages(GFP_LOW | __GFP_DIRECT_RECLAIM | gfp, MAX_ORDER) == NULL);
	empty_hoard();
	unregister_shrinker(&shrinker);
	return nr_scans;
}

static void patience_is_limited_by_flags(void)
{
	unsigned nr_once = nr_tries(__GFP_NORETRY);
	unsigned nr_some = nr_tries(0);
	unsigned nr_many = nr_tries(__GFP_RETRY_MAYFAIL);

	CHECK(nr_once >= 1);
	CHECK_EQ(nr_some, 4 * nr_once);
	CHECK_EQ(nr_many, 16 * nr_once);
}

/* Who says that pages are free which nobody sees is asked once for memory of one kind. */
static void a_round_without_gain_is_the_last(void)
{
	struct shrinker liar = { .name = "liar", .count = count_hoard, .scan = claim_only };

	shrink_node(NID_NONE, UINT64_MAX);
	register_shrinker(&liar);
	fill_hoard();
	nr_scans = 0;
	CHECK(alloc_pages(GFP_LOW | __GFP_DIRECT_RECLAIM | __GFP_RETRY_MAYFAIL, 0) == NULL);
	CHECK_EQ(nr_scans, 1);
	empty_hoard();
	unregister_shrinker(&liar);
}

static void one_round_asks_until_it_has_enough(void)
{
	struct shrinker first = { .name = "first", .count = count_hoard, .scan = claim_only };
	struct shrinker second = { .name = "second", .count = count_hoard, .scan = claim_only };

	shrink_node(NID_NONE, UINT64_MAX);
	register_shrinker(&first);
	register_shrinker(&second);
	CHECK(shrink_node(0, 100) >= 100);
	CHECK(first.nr_freed_pages > 0);
	CHECK_EQ(second.nr_freed_pages, 0);
	unregister_shrinker(&first);
	unregister_shrinker(&second);
}

/* What a shrinker with a million pages was asked to look at, call by call; it has none to give. */
static uint64_t nr_to_scan[8];

static uint64_t count_million(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return 1 << 20;
}

static uint64_t count_none(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return 0;
}

static uint64_t only_look(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	if (nr_scans < ARRAY_SIZE(nr_to_scan))
		nr_to_scan[nr_scans] = control->nr_to_scan;
	nr_scans++;
	control->nr_scanned += control->nr_to_scan;
	return 0;
}

static void pressure_rises_until_all_was_looked_at(void)
{
	struct shrinker rich = { .name = "rich", .count = count_million, .scan = only_look };
	struct shrinker poor = { .name = "poor", .count = count_none, .scan = claim_only };
	struct reclaim_run run = { .nid = NID_NONE, .highest = MAX_NR_ZONES - 1 };

	shrink_node(NID_NONE, UINT64_MAX);
	drain_all_pages();	/* what a round would gain from this CPU */
	register_shrinker(&rich);
	register_shrinker(&poor);
	nr_scans = 0;
	CHECK(!reclaim_round(&run, 32));
	CHECK_EQ(run.nr_vain_rounds, 1);
	CHECK_EQ(nr_scans, 4);		/* the poor one was not asked */
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(nr_to_scan[i], (1u << 20) >> (6 - 2 * i));
	CHECK_EQ(rich.nr_scanned_pages, (1u << 14) + (1u << 16) + (1u << 18) + (1u << 20));
	CHECK_EQ(rich.nr_freed_pages, 0);
	unregister_shrinker(&poor);
	unregister_shrinker(&rich);
}

/* Where any page would do, a round without gain may only mean that others were faster. */
static void patience_with_liars_ends_where_any_page_would_do(void)
{
	struct shrinker liar = { .name = "liar", .count = count_hoard, .scan = claim_only };
	struct reclaim_run run = { .nid = NID_NONE, .highest = MAX_NR_ZONES - 1 };
	unsigned nr_rounds = 1;

	shrink_node(NID_NONE, UINT64_MAX);
	register_shrinker(&liar);
	while (reclaim_round(&run, 32) && nr_rounds < 1000)
		nr_rounds++;
	CHECK_EQ(run.nr_vain_rounds, 16);
	unregister_shrinker(&liar);
}

static uint64_t nr_to_free;

static uint64_t note_target(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	nr_to_free = control->nr_to_free;
	return 0;
}

static uint64_t claim_thirty(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	control->nr_scanned += 40;
	return 30;
}

static void the_next_is_asked_for_what_is_left(void)
{
	struct shrinker first = { .name = "first", .count = count_hoard, .scan = claim_thirty };
	struct shrinker second = { .name = "second", .count = count_hoard, .scan = note_target };
	uint64_t nr_scanned = node_data(0)->nr_scanned_pages;
	uint64_t nr_reclaimed = node_data(0)->nr_reclaimed_pages;

	for (unsigned i = 0; i < 100 && shrink_node(NID_NONE, UINT64_MAX) != 0; i++)
		;
	register_shrinker(&first);
	register_shrinker(&second);
	CHECK_EQ(shrink_node(0, 100), 30);
	CHECK_EQ(nr_to_free, 70);
	CHECK_EQ(node_data(0)->nr_scanned_pages, nr_scanned + 40);
	CHECK_EQ(node_data(0)->nr_reclaimed_pages, nr_reclaimed + 30);
	CHECK_EQ(first.nr_scanned_pages, 40);
	CHECK_EQ(first.nr_freed_pages, 30);
	unregister_shrinker(&first);
	register_shrinker(&first);
	CHECK_EQ(first.nr_scanned_pages, 0);
	CHECK_EQ(first.nr_freed_pages, 0);
	unregister_shrinker(&first);
	unregister_shrinker(&second);
}

static void nodes_know_their_thread(void)
{
	struct pglist_data *node = node_data(0);
	struct thread *thread = node->kswapd;
	struct wait_queue *queue = node->kswapd_wait;

	reclaim_set_thread(0, (struct thread *)(void *)&thread,
			   (struct wait_queue *)(void *)&queue);
	CHECK((void *)node->kswapd == &thread);
	CHECK((void *)node->kswapd_wait == &queue);
	reclaim_set_thread(0, thread, queue);
}

#define NR_TALKERS	30u

/* However many could be asked, the line has its end. */
static void the_line_about_a_failure_is_bounded(void)
{
	static struct shrinker talkers[NR_TALKERS];
	struct reclaim_run run = { .nid = NID_NONE, .highest = ZONE_DMA };
	char text[400];

	for (unsigned i = 0; i < NR_TALKERS; i++) {
		talkers[i] = (struct shrinker){ .name = "one of many", .count = count_million,
						.scan = only_look };
		register_shrinker(&talkers[i]);
	}
	reclaim_describe_failure(&run, GFP_DMA, text, sizeof(text));
	CHECK(strstr(text, "one of many 1048576, one") != NULL);
	CHECK(strstr(text, "requests failed so far") != NULL);
	for (unsigned i = 0; i < NR_TALKERS; i++)
		unregister_shrinker(&talkers[i]);
}

static void shrinkers_are_told_whose_pages_help(void)
{
	struct page *page = alloc_pages(GFP_LOW | __GFP_MEMALLOC, 0);
	struct shrink_control control = { .highest_zone = ZONE_DMA };

	if (!page)
		SKIP("no low memory");
	control.nid = NID_NONE;
	CHECK(shrink_wants(&control, page));
	control.nid = page_to_nid(page);
	CHECK(shrink_wants(&control, page));
	control.nid++;
	CHECK(!shrink_wants(&control, page));
	__free_page(page);
	page = alloc_pages(GFP_DMA32 | __GFP_NOWARN, 0);
	if (!page || page_zone(page)->type == ZONE_DMA)
		SKIP("all memory is low");
	control.nid = NID_NONE;
	CHECK(!shrink_wants(&control, page));
	__free_page(page);
}

/* A boost asked for one turn of work. */
static void a_turn_answers_the_wake_up(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct pglist_data *node = node_data(nid);
		struct zone *zone = &node->node_zones[ZONE_DMA32];
		uint64_t nr_runs = node->nr_kswapd_runs;

		spin_lock(&node->kswapd_lock);
		node->is_kswapd_woken = true;
		node->kswapd_highest_zone = ZONE_DMA32;
		spin_unlock(&node->kswapd_lock);
		zone->watermark_boost = 1;
		node->node_zones[ZONE_DMA].watermark_boost = 1;
		while (reclaim_node(nid))
			;
		CHECK(!node->is_kswapd_woken);
		CHECK_EQ(node->kswapd_highest_zone, 0);
		CHECK_EQ(zone->watermark_boost, 0);
		CHECK_EQ(node->node_zones[ZONE_DMA].watermark_boost, 0);
		CHECK(node->nr_kswapd_runs > nr_runs);
		nr_runs = node->nr_kswapd_runs;
		CHECK(!reclaim_node(nid));
		CHECK_EQ(node->nr_kswapd_runs, nr_runs);
	}
}

static void failed_requests_are_counted(void)
{
	uint64_t nr_failed = nr_failed_requests();

	fill_hoard();	/* ends with a request that fails */
	CHECK_EQ(nr_failed_requests(), nr_failed + 1);
	empty_hoard();
}

/* ---- Rules ---- */

static bool breaks(struct pglist_data *node, const char *rule)
{
	struct violation violation = { .rule = "none" };

	return !reclaim_verify(node, &violation) && strcmp(violation.rule, rule) == 0;
}

static void verify_notices_RECLAIM_1(void)
{
	struct shrinker shrinker = { .name = "broken", .count = count_none, .scan = claim_only };
	struct list_head *next;

	register_shrinker(&shrinker);
	shrinker.scan = NULL;
	CHECK(breaks(node_data(0), "RECLAIM-1"));
	shrinker.scan = claim_only;
	shrinker.count = NULL;
	CHECK(breaks(node_data(0), "RECLAIM-1"));
	shrinker.count = count_none;
	next = shrinker.list.next;
	next->prev = next;
	CHECK(breaks(node_data(0), "RECLAIM-1"));
	next->prev = &shrinker.list;
	unregister_shrinker(&shrinker);
}

static void verify_notices_RECLAIM_2(void)
{
	static struct pglist_data node;
	struct violation violation;

	node = (struct pglist_data){ .is_kswapd_woken = false };
	CHECK(reclaim_verify(&node, &violation));
	node.kswapd_max_order = 1;
	CHECK(breaks(&node, "RECLAIM-2"));
	node.kswapd_max_order = 0;
	node.kswapd_highest_zone = ZONE_DMA32;
	CHECK(breaks(&node, "RECLAIM-2"));
	node.is_kswapd_woken = true;
	CHECK(reclaim_verify(&node, &violation));
	node.kswapd_highest_zone = MAX_NR_ZONES;
	CHECK(breaks(&node, "RECLAIM-2"));
	node.kswapd_highest_zone = ZONE_DMA32;
	node.kswapd_max_order = MAX_ORDER;
	CHECK(reclaim_verify(&node, &violation));
	node.kswapd_max_order = MAX_ORDER + 1;
	CHECK(breaks(&node, "RECLAIM-2"));
}

static void verify_notices_RECLAIM_3(void)
{
	static struct pglist_data node;

	node.kswapd_backoff[ZONE_MOVABLE].shift = BACKOFF_MAX_SHIFT + 1;
	CHECK(breaks(&node, "RECLAIM-3"));
}

static void failures_in_a_row_double_the_pause(void)
{
	struct backoff backoff = { 0, 0 };

	CHECK(!backoff_passes_over(&backoff));
	for (unsigned i = 1; i <= BACKOFF_MAX_SHIFT + 2; i++) {
		unsigned nr_passed = 0;

		backoff_note(&backoff, false);
		while (backoff_passes_over(&backoff))
			nr_passed++;
		CHECK_EQ(nr_passed, 1u << (i < BACKOFF_MAX_SHIFT ? i : BACKOFF_MAX_SHIFT));
	}
	backoff_note(&backoff, true);
	CHECK(!backoff_passes_over(&backoff));
}

static void registering_twice_panics(void)
{
	struct shrinker shrinker = { .name = "twice", .count = count_hoard, .scan = claim_only };

	register_shrinker(&shrinker);
	CHECK_PANICS("!is_registered", register_shrinker(&shrinker));
	unregister_shrinker(&shrinker);
	shrinker.scan = NULL;
	CHECK_PANICS("shrinker->scan", register_shrinker(&shrinker));
	shrinker.count = NULL;
	CHECK_PANICS("shrinker->count", register_shrinker(&shrinker));
}

static const struct test_case cases[] = {
	{ "a request that may wait gets what shrinkers free",
	  a_request_that_may_wait_gets_what_shrinkers_free },
	{ "patience is limited by flags", patience_is_limited_by_flags },
	{ "a round without gain is the last", a_round_without_gain_is_the_last },
	{ "one round asks until it has enough", one_round_asks_until_it_has_enough },
	{ "pressure rises until all was looked at", pressure_rises_until_all_was_looked_at },
	{ "patience with liars ends where any page would do",
	  patience_with_liars_ends_where_any_page_would_do },
	{ "the next is asked for what is left", the_next_is_asked_for_what_is_left },
	{ "nodes know their thread", nodes_know_their_thread },
	{ "the line about a failure is bounded", the_line_about_a_failure_is_bounded },
	{ "shrinkers are told whose pages help", shrinkers_are_told_whose_pages_help },
	{ "a turn answers the wake-up", a_turn_answers_the_wake_up },
	{ "failed requests are counted", failed_requests_are_counted },
	{ "failures in a row double the pause", failures_in_a_row_double_the_pause },
	{ "verify notices RECLAIM-1", verify_notices_RECLAIM_1 },
	{ "verify notices RECLAIM-2", verify_notices_RECLAIM_2 },
	{ "verify notices RECLAIM-3", verify_notices_RECLAIM_3 },
	{ "registering twice panics", registering_twice_panics },
};

TEST_SUITE(reclaim, cases);
