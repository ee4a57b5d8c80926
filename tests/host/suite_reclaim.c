/*
 * Reclaim on whole machines: whose memory kswapd and requests take when one kind
 * of it runs short. Each case starts its own machine.
 */

#include <pthread.h>

#include "lib/align.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page/reclaim.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/host/machine.h"
#include "tests/host/port.h"
#include "tests/host/suites_host.h"
#include "tests/unit/heard.h"
#include "tests/unit/page_cache.h"

#define NR_CACHED	50000u

/* A cache of pages that all could go, whose shrinker may or may not ask where they lie. */
static struct page *cached[NR_CACHED];
static unsigned nr_cached;
static bool is_blind;
static uint64_t nr_at_once;	/* the most it gives when it is asked once */

static uint64_t count_cached(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return nr_cached;
}

static uint64_t drop_cached(struct shrinker *shrinker, struct shrink_control *control)
{
	uint64_t nr_freed = 0;
	unsigned nr_kept = 0;

	(void)shrinker;
	for (unsigned i = 0; i < nr_cached; i++) {
		if (control->nr_scanned < control->nr_to_scan &&
		    nr_freed < min_u64(control->nr_to_free, nr_at_once)) {
			control->nr_scanned++;
			if (is_blind || shrink_wants(control, cached[i])) {
				__free_pages(cached[i], 0);
				nr_freed++;
				continue;
			}
		}
		cached[nr_kept++] = cached[i];
	}
	nr_cached = nr_kept;
	return nr_freed;
}

static struct shrinker cache_shrinker = {
	.name = "page cache", .count = count_cached, .scan = drop_cached
};

static void start(const struct host_machine *machine, gfp_t gfp, unsigned nr_pages)
{
	host_start_machine(machine);
	nr_at_once = UINT64_MAX;
	for (nr_cached = 0; nr_cached < nr_pages; nr_cached++) {
		cached[nr_cached] = alloc_pages(gfp | __GFP_NOWARN, 0);
		if (!cached[nr_cached])
			break;
	}
	host_port_take_wakeups();
	register_shrinker(&cache_shrinker);
}

static void end(void)
{
	unregister_shrinker(&cache_shrinker);
	while (nr_cached > 0)
		__free_pages(cached[--nr_cached], 0);
	CHECK(mm_verify_all());
}

/* Takes pages with @gfp until kswapd is woken or @nr_max are taken. Returns how many. */
static unsigned take_until_woken(gfp_t gfp, unsigned nr_max)
{
	unsigned nr_taken = 0;

	while (nr_taken < nr_max && !host_port_take_wakeups() &&
	       alloc_pages(gfp | __GFP_KSWAPD_RECLAIM | __GFP_NOWARN, 0))
		nr_taken++;
	return nr_taken;
}

static unsigned nr_turns(unsigned nid)
{
	unsigned nr = 1;

	while (reclaim_node(nid))
		nr++;
	return nr;
}

static struct zone *dma_zone(void)
{
	return &node_data(0)->node_zones[ZONE_DMA];
}

/* Nothing of the cache lies where it would help. */
static void caches_elsewhere_survive_a_shortage_of_low_memory(void)
{
	is_blind = true;
	start(&machine_large, GFP_KERNEL, NR_CACHED);
	CHECK_EQ(nr_cached, NR_CACHED);
	take_until_woken(GFP_DMA, UINT32_MAX);
	CHECK(zone_free_pages(dma_zone()) > 0);
	nr_turns(0);
	CHECK(nr_cached >= NR_CACHED - 128);
	end();
}

/* The same where the cache knows: then it loses nothing at all. */
static void a_cache_that_knows_where_it_lies_loses_nothing(void)
{
	is_blind = false;
	start(&machine_large, GFP_KERNEL, NR_CACHED);
	take_until_woken(GFP_DMA, UINT32_MAX);
	nr_turns(0);
	CHECK_EQ(nr_cached, NR_CACHED);
	end();
}

/* One who goes on asking does not wake kswapd each time, once that was seen to be of no use. */
static void vain_wake_ups_become_rare(void)
{
	unsigned nr_wakeups = 0, nr_requests = 0;
	struct page *page;

	is_blind = true;
	start(&machine_large, GFP_KERNEL, NR_CACHED);
	while (nr_requests < 400) {
		page = alloc_pages(GFP_DMA | __GFP_KSWAPD_RECLAIM | __GFP_NOWARN, 0);
		nr_requests += page == NULL;
		if (host_port_take_wakeups()) {
			nr_wakeups++;
			nr_turns(0);
		}
	}
	CHECK(nr_wakeups > 4);
	CHECK(nr_wakeups < 40);
	CHECK(nr_cached > NR_CACHED / 2);
	end();
}

/* But where it helps, kswapd goes to the high mark, not further. */
static void kswapd_rests_at_the_high_mark(void)
{
	struct zone *zone;
	uint64_t wanted, nr_given;

	is_blind = false;
	start(&machine_large, GFP_DMA | __GFP_MEMALLOC, NR_CACHED);
	zone = dma_zone();
	CHECK_EQ(zone_free_pages(zone), 0);
	CHECK(nr_cached > 2000);
	wanted = zone->watermark[WATERMARK_HIGH];
	CHECK(wanted > 0);
	nr_given = nr_cached;
	CHECK_EQ(take_until_woken(GFP_DMA, 1), 0);
	CHECK(host_port_take_wakeups() != 0);
	CHECK_EQ(nr_turns(0), 1);
	nr_given -= nr_cached;
	CHECK(zone_free_pages(zone) > wanted);
	CHECK(nr_given < wanted + 64);
	CHECK(cache_shrinker.nr_scanned_pages >= nr_given);
	CHECK_EQ(cache_shrinker.nr_freed_pages, nr_given);
	/* Now it is balanced, and nobody is woken. */
	CHECK(alloc_pages(GFP_DMA | __GFP_KSWAPD_RECLAIM, 0) != NULL);
	CHECK_EQ(host_port_take_wakeups(), 0);
	end();
}

/* Who gives little each time makes it a long way: others run in between. */
static void a_long_way_takes_several_turns(void)
{
	struct pglist_data *node;
	unsigned nr_before, nr = 1;

	is_blind = false;
	start(&machine_small, GFP_KERNEL | __GFP_MEMALLOC, NR_CACHED);
	nr_at_once = 1;
	nr_before = nr_cached;
	node = node_data(0);
	reclaim_wake(node, 0, ZONE_NORMAL);
	CHECK(node->is_kswapd_woken);
	while (reclaim_node(0)) {
		CHECK(node->is_kswapd_woken);
		CHECK_EQ(node->kswapd_highest_zone, ZONE_NORMAL);
		nr++;
	}
	CHECK(!node->is_kswapd_woken);
	CHECK(nr > 1);
	CHECK(nr < 20);
	CHECK(nr_before - nr_cached > 100);
	CHECK_EQ(node->kswapd_backoff[ZONE_NORMAL].shift, 0);
	end();
}

static const struct host_machine machine_tiny_movable = {
	.name = "a movable zone of 16 pages",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 0 },
		{ 1 * MIB, 1 * GIB + 64 * KIB, MEM_USABLE, 0 },
	},
	.nr_cpus = 1,
	.cpu_domains = { DOMAIN_NONE },
	.movable = { .bytes = 1 << 20 },
};

static void a_zone_below_its_own_mark_wants_nothing(void)
{
	const struct zone *movable;

	is_blind = true;
	start(&machine_tiny_movable, GFP_KERNEL, NR_CACHED);
	movable = &node_data(0)->node_zones[ZONE_MOVABLE];
	CHECK(zone_is_populated(movable));
	CHECK(movable->managed_pages < movable->watermark[WATERMARK_HIGH]);
	reclaim_wake(node_data(0), 0, ZONE_MOVABLE);
	CHECK_EQ(host_port_take_wakeups(), 0);
	node_data(0)->is_kswapd_woken = true;	/* woken for another reason */
	node_data(0)->kswapd_highest_zone = ZONE_MOVABLE;
	CHECK_EQ(nr_turns(0), 1);
	CHECK_EQ(nr_cached, NR_CACHED);
	end();
}

/* A request for low memory gives up after the first round that took only other memory. */
static void a_request_spares_caches_that_cannot_help(void)
{
	struct page *page;

	is_blind = true;
	start(&machine_large, GFP_KERNEL, NR_CACHED);
	while (alloc_pages(GFP_DMA | __GFP_MEMALLOC | __GFP_NOWARN, 0))
		;
	page = alloc_pages(GFP_DMA | __GFP_DIRECT_RECLAIM | __GFP_NOWARN, 0);
	CHECK(!page);
	CHECK(nr_cached < NR_CACHED);
	CHECK(nr_cached >= NR_CACHED - 64);
	end();
}

/* Pages of low memory, each the next one's, and a shrinker that would give them. */
static struct page *low_chain;

static uint64_t count_low(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return low_chain != NULL;
}

static uint64_t drop_low(struct shrinker *shrinker, struct shrink_control *control)
{
	uint64_t nr_freed = 0;

	(void)shrinker;
	for (; low_chain && nr_freed < control->nr_to_free; nr_freed++) {
		struct page *page = low_chain;

		low_chain = page->private[0];
		__free_page(page);
	}
	return nr_freed;
}

/* Who is asked first frees enough, but elsewhere: the next one is asked, too. */
static void a_vain_shrinker_does_not_stand_before_one_that_helps(void)
{
	struct shrinker low = { .name = "low", .count = count_low, .scan = drop_low };
	struct page *page;

	is_blind = true;
	start(&machine_large, GFP_KERNEL, NR_CACHED);
	low_chain = NULL;
	while ((page = alloc_pages(GFP_DMA | __GFP_MEMALLOC | __GFP_NOWARN, 0)) != NULL) {
		page->private[0] = low_chain;
		low_chain = page;
	}
	register_shrinker(&low);
	page = alloc_pages(GFP_DMA | __GFP_DIRECT_RECLAIM | __GFP_NOWARN, 0);
	CHECK(page != NULL);
	CHECK(low.nr_freed_pages > 0);
	CHECK(nr_cached < NR_CACHED);
	/* Asked once in each round, whatever the pressure. */
	CHECK(nr_cached >= NR_CACHED - 4 * 32);
	if (page)
		__free_page(page);
	unregister_shrinker(&low);
	while (low_chain)
		drop_low(NULL, &(struct shrink_control){ .nr_to_free = 1000 });
	end();
}

/* All of DMA32 movable, every other page of it free: no pageblock of it is. */
static struct zone *start_mixed(struct page **kept)
{
	struct page *page, *next;
	unsigned nr = 0;

	*kept = NULL;
	host_start_machine(&machine_small);
	while ((page = alloc_pages(GFP_DMA32 | __GFP_MOVABLE | __GFP_MEMALLOC | __GFP_NOWARN,
				   0)) != NULL) {
		page->private[0] = *kept;
		*kept = page;
	}
	host_port_take_wakeups();
	for (page = *kept, *kept = NULL; page; page = next) {
		next = page->private[0];
		if (nr++ % 2 == 0) {
			__free_page(page);
			continue;
		}
		page->private[0] = *kept;
		*kept = page;
	}
	drain_all_pages();
	return page_zone(*kept);
}

static void mixing_types_wakes_kswapd(void)
{
	struct page *kept, *page;
	struct zone *zone;

	zone = start_mixed(&kept);
	CHECK(zone_free_pages(zone) > 2 * zone->watermark[WATERMARK_HIGH]);
	page = alloc_pages(GFP_DMA32 | __GFP_NOWARN, 0);
	CHECK(page != NULL);
	CHECK(zone->watermark_boost > 0);
	CHECK_EQ(host_port_take_wakeups(), 0);	/* a request without that flag wakes nobody */
	CHECK(alloc_pages(GFP_DMA32 | __GFP_RECLAIMABLE | __GFP_KSWAPD_RECLAIM, 0) != NULL);
	CHECK_EQ(host_port_take_wakeups(), 1);
	CHECK(zone->node->is_kswapd_woken);
	CHECK_EQ(zone->node->kswapd_highest_zone, zone->type);
}

static void kswapd_frees_a_boost_ahead(void)
{
	struct pglist_data *node;
	struct zone *zone;

	start(&machine_small, GFP_KERNEL, 4000);
	node = node_data(0);
	zone = page_zone(cached[0]);
	CHECK(zone_free_pages(zone) > 2 * zone->watermark[WATERMARK_HIGH]);
	nr_at_once = UINT64_MAX;
	is_blind = true;
	zone->watermark_boost = 300;
	reclaim_wake_for_boost(zone);
	CHECK_EQ(host_port_take_wakeups(), 1);
	nr_turns(0);
	CHECK_EQ(nr_cached, 4000 - 300);
	CHECK_EQ(zone->watermark_boost, 0);
	/* Without a boost nothing happens, and where nobody has any the next ones are rare. */
	reclaim_wake_for_boost(zone);
	CHECK_EQ(host_port_take_wakeups(), 0);
	while (nr_cached > 0)
		__free_pages(cached[--nr_cached], 0);
	shrink_node(NID_NONE, UINT64_MAX);
	drain_all_pages();
	zone->watermark_boost = 300;
	reclaim_wake_for_boost(zone);
	CHECK_EQ(host_port_take_wakeups(), 1);
	nr_turns(0);
	CHECK(node->kswapd_backoff[zone->type].shift > 0);
	zone->watermark_boost = 300;
	reclaim_wake_for_boost(zone);
	CHECK_EQ(host_port_take_wakeups(), 0);
	end();
}

static void wake_ups_gather_the_hardest_request(void)
{
	struct pglist_data *node;

	is_blind = false;
	start(&machine_large, GFP_KERNEL | __GFP_MEMALLOC, 0);
	node = node_data(0);
	while (alloc_pages(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN, 0))
		;
	host_port_take_wakeups();
	nr_turns(0);
	node->kswapd_backoff[ZONE_DMA32].shift = 0;
	node->kswapd_backoff[ZONE_NORMAL].shift = 0;
	reclaim_wake(node, 3, ZONE_DMA32);
	reclaim_wake(node, 1, ZONE_NORMAL);
	reclaim_wake(node, 0, ZONE_DMA);
	CHECK_EQ(host_port_take_wakeups(), 1);
	CHECK(node->is_kswapd_woken);
	CHECK_EQ(node->kswapd_max_order, 3);
	CHECK_EQ(node->kswapd_highest_zone, ZONE_NORMAL);
	nr_turns(0);
	CHECK(!node->is_kswapd_woken);
	CHECK_EQ(node->kswapd_max_order, 0);
	end();
}

/* One line, however many requests fail; it names who could be asked. */
static void a_failure_says_who_holds_the_memory(void)
{
	uint64_t nr_failed = nr_failed_requests();
	const char *text, *line;

	is_blind = false;
	start(&machine_large, GFP_KERNEL, 1000);
	while (alloc_pages(GFP_DMA | __GFP_MEMALLOC | __GFP_NOWARN, 0))
		;
	heard_begin();
	for (unsigned i = 0; i < 100; i++)
		CHECK(alloc_pages(GFP_DMA, 0) == NULL);
	text = heard_end();
	line = strstr(text, "no block of order 0");
	CHECK(line != NULL);
	if (line) {
		CHECK(strstr(line, "zones up to DMA: of "));
		CHECK(strstr(line, "page cache 1000"));
		CHECK(strstr(line + 1, "no block of order") == NULL);
	}
	CHECK(nr_failed_requests() >= nr_failed + 100);
	end();
}

/* The numbers are those of the zones that the request could have been served from. */
static void the_line_counts_the_zones_of_the_request(void)
{
	struct reclaim_run run = { .nid = NID_NONE, .order = 2, .highest = ZONE_DMA };
	char text[400], expected[160];
	uint64_t nr_slab_pages = 0, nr_managed = 0, nr_free = 0;

	is_blind = false;
	start(&machine_large, GFP_KERNEL, 1000);
	reclaim_describe_failure(&run, GFP_DMA, text, sizeof(text));
	format_text(expected, sizeof(expected), "order 2, flags 0x1, in zones up to DMA: of %llu "
		    "pages %llu free, 0 slab, 0 kmalloc, 0 tables, 0 vmalloc, 0 per CPU;",
		    (unsigned long long)dma_zone()->managed_pages,
		    (unsigned long long)zone_listed_pages(dma_zone()));
	CHECK(strstr(text, expected) != NULL);
	for_each_populated_zone(at) {
		nr_managed += at->managed_pages;
		nr_free += zone_listed_pages(at);
		nr_slab_pages += at->nr_type_pages[PAGE_SLAB];
	}
	CHECK(nr_slab_pages > 0);
	run.highest = ZONE_MOVABLE;
	reclaim_describe_failure(&run, 0, text, sizeof(text));
	format_text(expected, sizeof(expected), "up to Movable: of %llu pages %llu free, %llu slab",
		    (unsigned long long)nr_managed, (unsigned long long)nr_free,
		    (unsigned long long)nr_slab_pages);
	CHECK(strstr(text, expected) != NULL);
	end();
}

#define NR_FILE_PAGES	(2 * 64u * 256u)	/* twice the memory of machine_small */
#define NR_HOT_PAGES	100u

static bool read_index(void *arg, uint64_t index, void *to)
{
	(void)arg;
	*(uint64_t *)to = ~index;
	return true;
}

/* Every page of the file can be read; what is read all the time is read once from the source. */
static void a_file_larger_than_memory_passes_through_the_cache(void)
{
	static struct page_cache cache;
	uint64_t word = 0;

	host_start_machine(&machine_small);
	CHECK(page_cache_start(&cache, (struct page_source){ read_index, NULL }, NR_FILE_PAGES));
	for (unsigned i = NR_HOT_PAGES; i < NR_FILE_PAGES; i++) {
		CHECK(page_cache_read(&cache, i, &word));
		CHECK_EQ(word, ~(uint64_t)i);
		CHECK(page_cache_read(&cache, i % NR_HOT_PAGES, &word));
		CHECK_EQ(word, ~(uint64_t)(i % NR_HOT_PAGES));
		if (host_port_take_wakeups())
			nr_turns(0);
	}
	CHECK_EQ(cache.nr_reads, NR_FILE_PAGES);
	CHECK(cache.nr_evicted > NR_FILE_PAGES / 2);
	CHECK(node_data(0)->nr_reclaimed_pages > NR_FILE_PAGES / 2);
	CHECK(node_data(0)->nr_scanned_pages < 4 * node_data(0)->nr_reclaimed_pages);
	CHECK(page_cache_is_sound(&cache));
	page_cache_end(&cache);
	CHECK(mm_verify_all());
}

static unsigned nr_asked;

static uint64_t count_asked(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	nr_asked++;
	return 0;
}

static uint64_t scan_nothing(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return 0;
}

/* A request may reclaim as early as while the first caches are made. */
static void a_new_machine_asks_no_shrinker_of_the_one_before(void)
{
	static struct shrinker shrinker = { .count = count_asked, .scan = scan_nothing };

	host_start_machine(&machine_small);
	register_shrinker(&shrinker);
	shrink_node(NID_NONE, 1);
	CHECK(nr_asked > 0);
	host_start_machine(&machine_small);
	nr_asked = 0;
	shrink_node(NID_NONE, 1);
	CHECK_EQ(nr_asked, 0);
}

/* Where no page is to be had without reclaim, what the caller said of it holds for areas. */
static void areas_that_must_not_reclaim_ask_nobody(void)
{
	static struct shrinker shrinker = { .count = count_asked, .scan = scan_nothing };
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;

	host_start_machine(&machine_small);
	register_shrinker(&shrinker);
	while (alloc_pages(gfp, 0))
		;
	nr_asked = 0;
	CHECK(!vmalloc_flags(PAGE_SIZE, gfp, NID_NONE, 0));
	CHECK(!vmalloc_flags(100 * PAGE_SIZE, gfp, NID_NONE, 0));
	CHECK_EQ(nr_asked, 0);
	while (vmalloc_flags(PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN, NID_NONE, 0))
		;
	CHECK(nr_asked > 0);
}

/* ---- Two threads of one CPU, one inside the other's shrinker ---- */

static struct page *chain;	/* all memory, by private[1] */
static struct page *got_inside, *got_nested;
static unsigned nr_scans;

static struct page *take_chained(void)
{
	struct page *page = chain;

	chain = page->private[1];
	return page;
}

static uint64_t count_chained(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return 1000;
}

/* Runs while the first thread is in its shrinker, which must not keep it from reclaiming. */
static void *allocate_on_the_same_cpu(void *arg)
{
	(void)arg;
	host_continue_cpu(0);
	got_inside = alloc_pages_any(GFP_KERNEL | __GFP_NOWARN, 0);
	return NULL;
}

/*
 * The first time another thread has the CPU, and what this one asks for afterwards must still
 * not reclaim; the second time, which is that thread's, there is something to be had.
 */
static uint64_t scan_chained(struct shrinker *shrinker, struct shrink_control *control)
{
	pthread_t thread;

	(void)shrinker;
	(void)control;
	if (nr_scans++ > 0) {
		for (unsigned i = 0; i < 256; i++)
			__free_pages(take_chained(), 0);
		return 256;
	}
	CHECK_EQ(pthread_create(&thread, NULL, allocate_on_the_same_cpu, NULL), 0);
	pthread_join(thread, NULL);
	CHECK(got_inside != NULL);
	CHECK_EQ(nr_scans, 2);
	while ((got_nested = alloc_pages_any(GFP_KERNEL | __GFP_NOWARN, 0))) {
		got_nested->private[1] = chain;
		chain = got_nested;
	}
	CHECK_EQ(nr_scans, 2);
	return 0;
}

static void threads_of_one_cpu_reclaim_each_for_itself(void)
{
	static struct shrinker shrinker = { .name = "chained", .count = count_chained,
					    .scan = scan_chained };
	struct page *page;

	host_start_machine(&machine_small);
	while ((page = alloc_pages_any(__GFP_MEMALLOC | __GFP_NOWARN, 0))) {
		page->private[1] = chain;
		chain = page;
	}
	register_shrinker(&shrinker);
	nr_scans = 0;
	page = alloc_pages_any(GFP_KERNEL | __GFP_NOWARN, 0);
	CHECK(nr_scans >= 2);
	unregister_shrinker(&shrinker);
	if (page)
		__free_page(page);
	if (got_inside)
		__free_page(got_inside);
	while (chain)
		__free_page(take_chained());
	CHECK_EQ(*mm_port_thread_word(), 0);
	CHECK(mm_verify_all());
}

static const struct test_case cases[] = {
	{ "threads of one CPU reclaim each for itself",
	  threads_of_one_cpu_reclaim_each_for_itself },
	{ "a new machine asks no shrinker of the one before",
	  a_new_machine_asks_no_shrinker_of_the_one_before },
	{ "areas that must not reclaim ask nobody", areas_that_must_not_reclaim_ask_nobody },
	{ "caches elsewhere survive a shortage of low memory",
	  caches_elsewhere_survive_a_shortage_of_low_memory },
	{ "a cache that knows where it lies loses nothing",
	  a_cache_that_knows_where_it_lies_loses_nothing },
	{ "vain wake-ups become rare", vain_wake_ups_become_rare },
	{ "kswapd rests at the high mark", kswapd_rests_at_the_high_mark },
	{ "a long way takes several turns", a_long_way_takes_several_turns },
	{ "a zone below its own mark wants nothing", a_zone_below_its_own_mark_wants_nothing },
	{ "a request spares caches that cannot help", a_request_spares_caches_that_cannot_help },
	{ "a vain shrinker does not stand before one that helps",
	  a_vain_shrinker_does_not_stand_before_one_that_helps },
	{ "mixing types wakes kswapd", mixing_types_wakes_kswapd },
	{ "kswapd frees a boost ahead", kswapd_frees_a_boost_ahead },
	{ "wake-ups gather the hardest request", wake_ups_gather_the_hardest_request },
	{ "a file larger than memory passes through the cache",
	  a_file_larger_than_memory_passes_through_the_cache },
	{ "the line counts the zones of the request", the_line_counts_the_zones_of_the_request },
	{ "a failure says who holds the memory", a_failure_says_who_holds_the_memory },
};

TEST_SUITE(reclaim_machines, cases);
