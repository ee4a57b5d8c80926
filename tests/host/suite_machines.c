/*
 * Whole machines, pretended: filled to the last page, one node exhausted,
 * terabytes, threads as CPUs. Each case starts its own machine.
 */

#include <pthread.h>
#include <stdlib.h>

#include "lib/bits.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "mm/reclaim.h"
#include "mm/page/grow.h"
#include "mm/page/section.h"
#include "mm/vmalloc.h"
#include "tests/host/machine.h"
#include "tests/host/port.h"
#include "tests/host/suites_host.h"
#include "tests/unit/heard.h"
#include "tests/unit/page/page_model.h"
#include "tests/unit/slab/plain_cache.h"

#define NR_THREADS		4u
#define NR_THREAD_STEPS		30000u
#define MAX_LIVE		512u
#define SOAK_STEPS		10000000u

/* Everything this CPU can get at once: the lists are what is left. */
#define GFP_LAST	(GFP_NOWAIT | __GFP_MEMALLOC | __GFP_MOVABLE | __GFP_NOWARN)

static uint64_t total_free(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += zone_free_pages(zone) + page_stacks_pages(live.cpus[0], zone);
	return nr_pages;
}

/* Chains blocks through their own memory: no array is as large as the machine. */
struct chain {
	struct page *first;
	uint64_t nr_pages;
};

/* False: there is no @page to add. */
static bool chain_push(struct chain *chain, struct page *page, unsigned order)
{
	if (!page)
		return false;
	*(struct page **)page_address(page) = chain->first;
	chain->first = page;
	chain->nr_pages += pages_in(order);
	return true;
}

static bool chain_add(struct chain *chain, gfp_t gfp, unsigned order)
{
	return chain_push(chain, alloc_pages_any(gfp, order), order);
}

static void chain_free(struct chain *chain)
{
	while (chain->first) {
		struct page *page = chain->first;

		chain->first = *(struct page **)page_address(page);
		__free_pages(page, page->order);
	}
}

/* ---- The last page ---- */

static void a_machine_filled_to_the_last_page_gives_all_back(void)
{
	struct chain chain = { NULL, 0 };
	uint64_t nr_free;

	host_start_machine(&machine_small);
	/* Bring everything up first, so that mem_map has taken its share. */
	for_each_populated_zone(zone)
		while (zone_grow(zone))
			;
	drain_all_pages();
	nr_free = total_free();
	for (unsigned order = NR_ORDERS; order-- > 0;)
		while (chain_add(&chain, GFP_LAST, order))
			;
	CHECK_EQ(chain.nr_pages, nr_free);
	CHECK_EQ(total_free(), 0);
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		CHECK(!alloc_pages_any(GFP_KERNEL | __GFP_NOWARN, order));
		CHECK(!alloc_pages_any(GFP_ATOMIC | __GFP_NOWARN, order));
		CHECK(!alloc_pages_any(GFP_LAST, order));
	}
	CHECK(mm_verify_all());
	chain_free(&chain);
	drain_all_pages();
	CHECK_EQ(total_free(), nr_free);
	CHECK(mm_print_ledger());
}

static void ordinary_requests_leave_the_reserve(void)
{
	struct chain chain = { NULL, 0 };
	uint64_t nr_free;

	host_start_machine(&machine_small);
	while (chain_add(&chain, GFP_KERNEL | __GFP_NOWARN, 0))
		;
	nr_free = total_free();
	CHECK(nr_free > 0);
	/* Requests that cannot wait get part of it, those that free memory all of it. */
	CHECK(chain_add(&chain, GFP_ATOMIC, 0));
	while (chain_add(&chain, GFP_ATOMIC | __GFP_NOWARN, 0))
		;
	CHECK(total_free() > 0);
	CHECK(chain_add(&chain, GFP_LAST, 0));
	CHECK(host_port_take_wakeups() != 0);
	CHECK(mm_verify_all());
	chain_free(&chain);
}

static void low_memory_survives_pressure_from_above(void)
{
	struct chain chain = { NULL, 0 };
	struct page *page;

	host_start_machine(&machine_large);
	while (chain_add(&chain, GFP_KERNEL | __GFP_NOWARN, 3))
		;
	while (chain_add(&chain, GFP_KERNEL | __GFP_NOWARN, 0))
		;
	page = alloc_pages(GFP_DMA, 0);
	CHECK(page && page_to_pfn(page) < ZONE_DMA_END_PFN);
	if (page)
		__free_pages(page, 0);
	CHECK(alloc_pages(GFP_DMA32, 0) != NULL);
	chain_free(&chain);
}

/* ---- Nodes ---- */

static void an_exhausted_node_falls_back_by_distance(void)
{
	struct chain chain = { NULL, 0 };
	unsigned distance = 0;

	host_start_machine(&machine_four_nodes);
	/* The farthest node's first block: behind it the round of lower marks begins. */
	while (distance < 25 && chain_add(&chain, GFP_KERNEL | __GFP_NOWARN, 4)) {
		unsigned now = node_distance(0, page_to_nid(chain.first));

		CHECK(now >= distance);
		distance = now;
		if (now == DISTANCE_LOCAL)
			continue;
		/* Kept to its node a request may go deeper, but not elsewhere. */
		while (chain_add(&chain, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN, 4))
			CHECK_EQ(page_to_nid(chain.first), 0);
	}
	CHECK_EQ(distance, 25);
	CHECK(mm_verify_all());
	chain_free(&chain);
}

/* ---- ZONE_MOVABLE ---- */

static enum zone_type type_of_first(const struct chain *chain)
{
	return page_zone(chain->first)->type;
}

static void the_upper_half_is_for_movable_pages_alone(void)
{
	struct chain kernel = { NULL, 0 }, movable = { NULL, 0 };
	uint64_t nr_movable;

	host_start_machine(&machine_movable);
	CHECK_EQ(node_data(0)->movable_start_pfn, 260 * MIB / PAGE_SIZE);
	CHECK_EQ(node_data(1)->movable_start_pfn, (4 * GIB + 168 * MIB) / PAGE_SIZE);
	nr_movable = node_data(0)->node_zones[ZONE_MOVABLE].managed_pages +
		     node_data(1)->node_zones[ZONE_MOVABLE].managed_pages;
	/* Kernel requests take all but it, whatever they may use up. */
	while (chain_add(&kernel, GFP_LAST & ~__GFP_MOVABLE, 0))
		CHECK(type_of_first(&kernel) != ZONE_MOVABLE);
	CHECK_EQ(node_data(0)->node_zones[ZONE_MOVABLE].managed_pages +
		 node_data(1)->node_zones[ZONE_MOVABLE].managed_pages, nr_movable);
	CHECK(chain_add(&movable, GFP_HIGHUSER_MOVABLE, 0));
	CHECK_EQ(type_of_first(&movable), ZONE_MOVABLE);
	CHECK(mm_verify_all());
	chain_free(&kernel);
	chain_free(&movable);
	CHECK(mm_print_ledger());
}

static void movable_pages_come_from_there_first(void)
{
	const struct zone *own;
	struct chain chain = { NULL, 0 };

	host_start_machine(&machine_movable);
	own = &node_data(0)->node_zones[ZONE_MOVABLE];
	do
		CHECK(chain_add(&chain, GFP_HIGHUSER_MOVABLE, 4));
	while (type_of_first(&chain) == ZONE_MOVABLE);
	/* Then from the node's next lower zone, before any other node's. */
	CHECK(zone_free_pages(own) < own->watermark[WATERMARK_LOW] + pages_in(MAX_ORDER));
	CHECK_EQ(type_of_first(&chain), ZONE_DMA32);
	CHECK_EQ(page_to_nid(chain.first), 0);
	CHECK(mm_verify_all());
	chain_free(&chain);
	CHECK(mm_print_ledger());
}

/* Of all metadata, ZONE_MOVABLE holds its own sections' mem_map and no table. */
static void metadata_of_others_stays_out(void)
{
	host_start_machine(&machine_movable);
	for_each_populated_zone(zone)
		while (zone_grow(zone))
			;
	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		const struct zone *zone = &node_data(nid)->node_zones[ZONE_MOVABLE];
		uint64_t nr_sections = pfn_to_section(zone->end_pfn - 1) -
				       pfn_to_section(zone->start_pfn) + 1;

		CHECK(zone->nr_metadata_pages <= nr_sections * 512);
		CHECK_EQ(zone->nr_metadata_pages % 512, 0);
	}
	CHECK(mm_verify_all());
}

/* ---- Terabytes ---- */

static void eight_terabytes_start_with_a_few_sections(void)
{
	host_start_machine(&machine_huge);
	CHECK(nr_sections_up() <= 2 * live.nr_nodes);
	CHECK_EQ(live.nr_usable_pages, (8 * TIB - 2 * GIB - MIB) / PAGE_SIZE);
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct page *page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE, 9);

		CHECK(page && page_to_nid(page) == nid);
		if (page)
			__free_pages(page, 9);
	}
	CHECK(mm_verify_all());
	CHECK(mm_print_ledger());
}

static void sections_come_up_when_they_are_needed(void)
{
	struct chain chain = { NULL, 0 };
	uint64_t nr_up;

	host_start_machine(&machine_huge);
	nr_up = nr_sections_up();
	for (unsigned i = 0; i < 200; i++)	/* 800 MiB */
		CHECK(chain_add(&chain, GFP_KERNEL, MAX_ORDER));
	CHECK(nr_sections_up() > nr_up + 1);
	CHECK(mm_verify_all());
	chain_free(&chain);
}

/* ---- One machine after another ---- */

static void guarded_objects_of_an_earlier_machine_are_forgotten(void)
{
	struct kmem_cache *cache;

	host_start_machine(&machine_small);
	cache = kmem_cache_create("test_guard", 64, 0, SLAB_PANIC | SLAB_GUARD, NULL);
	while (!is_vmalloc_addr(kmem_cache_alloc(cache, GFP_KERNEL)))
		;
	CHECK(guards.nr_used > 0);
	host_start_machine(&machine_small);
	CHECK_EQ(guards.nr_used, 0);
	CHECK(mm_verify_all());
}

/* ---- Caches ---- */

#define NR_CACHED	1000u

static void *cached[NR_CACHED];

/* CPU @cpu, which has started, takes objects of @nid and gives them back. */
static void use_cache(struct kmem_cache *cache, unsigned cpu, unsigned nid)
{
	host_continue_cpu(cpu);
	for (unsigned i = 0; i < NR_CACHED; i++) {
		cached[i] = kmem_cache_alloc_node(cache, GFP_KERNEL, nid);
		CHECK(cached[i] != NULL);
	}
	for (unsigned i = 0; i < NR_CACHED; i++)
		kmem_cache_free(cache, cached[i]);
}

/* CPUs of two nodes, each with objects of both. */
static void use_cache_everywhere(struct kmem_cache *cache)
{
	for (unsigned nid = 0; nid < 2; nid++) {
		use_cache(cache, 0, nid);
		use_cache(cache, 2, nid);
	}
}

static void a_shrinking_cpu_asks_the_others(void)
{
	struct kmem_cache *cache;

	host_start_machine(&machine_four_nodes);
	host_start_cpu(2);
	cache = create_plain("test_others", 128, 0, SLAB_PANIC, NULL);
	use_cache_everywhere(cache);
	CHECK(cache->cpu[0]->own.nr_full > 0);
	CHECK(kmem_cache_shrink(cache) > 0);	/* on CPU 2 */
	CHECK_EQ(cache->cpu[0]->own.nr_full, 0);
	CHECK(cache->cpu[0]->is_drain_asked);
	CHECK(!cache->cpu[2]->is_drain_asked);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	kmem_cache_destroy(cache);
	host_continue_cpu(0);
}

static uint64_t nr_active_after_a_cache(void)
{
	struct kmem_cache *cache = create_plain("test_left", 128, 0, SLAB_PANIC, NULL);

	use_cache_everywhere(cache);
	host_continue_cpu(0);
	kmem_cache_destroy(cache);
	return slab_usage(NULL).nr_active;
}

/* Arrays of all CPUs, and what those of all nodes had of others. */
static void a_destroyed_cache_leaves_nothing_on_any_node(void)
{
	uint64_t nr_active;

	host_start_machine(&machine_four_nodes);
	host_start_cpu(2);
	nr_active = nr_active_after_a_cache();
	CHECK_EQ(nr_active_after_a_cache(), nr_active);
	CHECK(mm_verify_all());
}

/* This thread as CPU @cpu, while the one it was does not rest. */
static void continue_while_other_reads(unsigned cpu)
{
	host_port_set_cpu(cpu);
	mm_port_set_cpu_data(live.cpus[cpu]);
	rcu_idle_exit();
}

/* A CPU that reads and does not rest keeps the cache, whatever else happens, until it does. */
static void a_cache_whose_readers_rest_late_is_given_back_late(void)
{
	struct kmem_cache *cache;
	struct page *page;
	uint64_t started;
	void *object;

	host_start_machine(&machine_four_nodes);
	host_start_cpu(2);
	rcu_read_lock();
	continue_while_other_reads(0);
	cache = kmem_cache_create("test_late", 128, 0, SLAB_PANIC | SLAB_TYPESAFE_BY_RCU, NULL);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	page = virt_to_page(object);
	kmem_cache_free(cache, object);
	started = mm_port_now_ns();
	heard_begin();
	kmem_cache_destroy(cache);
	CHECK(strstr(heard_end(), "the memory of cache test_late comes later") != NULL);
	CHECK(mm_port_now_ns() - started >= 1000000000u);
	/* Its slabs are no other's, nor is it: readers may find both. */
	CHECK_EQ(page->type, PAGE_SLAB);
	CHECK(page_cache(page) == cache);
	CHECK(kmem_cache_create("test_next", 128, 0, SLAB_PANIC, NULL) != cache);
	CHECK(cache->nodes[page_to_nid(page)] != NULL);
	rcu_note_context_switch();
	CHECK_EQ(page->type, PAGE_SLAB);
	CHECK(mm_verify_all());
	rcu_idle_enter();
	host_port_set_cpu(2);
	mm_port_set_cpu_data(live.cpus[2]);
	rcu_read_unlock();
	CHECK(rcu_barrier());
	CHECK(rcu_barrier());		/* the cache's callback came back once */
	CHECK(page->type != PAGE_SLAB);
	CHECK_EQ(rcu_nr_waiting(), 0);
	CHECK(mm_verify_all());
}

/* The CPU has halted, or was never there: nobody waits for it. */
static void a_cache_goes_at_once_while_others_are_idle(void)
{
	struct kmem_cache *cache;
	uint64_t started;

	host_start_machine(&machine_four_nodes);
	host_start_cpu(2);
	host_continue_cpu(0);
	cache = kmem_cache_create("test_idle", 128, 0, SLAB_PANIC | SLAB_TYPESAFE_BY_RCU, NULL);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	started = mm_port_now_ns();
	heard_begin();
	kmem_cache_destroy(cache);
	CHECK(strstr(heard_end(), "comes later") == NULL);
	CHECK(mm_port_now_ns() - started < 1000000000u);
	CHECK_EQ(rcu_nr_waiting(), 0);
}

static unsigned nr_scans;

static uint64_t count_some(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return 1;
}

static uint64_t count_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	nr_scans++;
	return 0;
}

/* Under the local lock nobody reclaims for objects of one node. */
static void a_full_node_is_not_reclaimed_for_its_objects(void)
{
	struct shrinker counting = { .name = "counting", .count = count_some, .scan = count_scan };
	struct chain chain = { NULL, 0 };
	struct kmem_cache *cache;
	void *object;

	host_start_machine(&machine_one_gib);
	cache = create_plain("test_full_node", 2048, 0, SLAB_PANIC, NULL);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	while (chain_push(&chain, alloc_pages_node(1, GFP_LAST | __GFP_THISNODE, 0), 0))
		;
	CHECK(chain.nr_pages > 0);
	nr_scans = 0;
	register_shrinker(&counting);
	CHECK(!kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN, 1));
	CHECK_EQ(nr_scans, 0);
	object = kmem_cache_alloc_node(cache, GFP_KERNEL, 1);
	CHECK(object != NULL);
	CHECK_EQ(nr_scans, 0);
	unregister_shrinker(&counting);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	chain_free(&chain);
	CHECK(mm_verify_all());
}

/*
 * Loads come and go, one after the other, each of a cache of its own: with bounds for each
 * cache alone all of memory would rest in them.
 */
static void what_rests_is_bounded_over_all_caches(void)
{
	enum { NR_LOADS = 100, NR_OBJECTS = 100 };
	static struct kmem_cache *caches[NR_LOADS];
	static void *objects[NR_OBJECTS];
	uint64_t nr_slab_pages, nr_pages;

	host_start_machine(&machine_small);
	nr_pages = slab_system.setup.nr_pages;
	nr_slab_pages = slab_usage(NULL).nr_slab_pages;
	for (unsigned i = 0; i < NR_LOADS; i++) {
		caches[i] = create_plain("test_load", PAGE_SIZE, 0, SLAB_PANIC, NULL);
		for (unsigned k = 0; k < NR_OBJECTS; k++)
			CHECK((objects[k] = kmem_cache_alloc(caches[i], GFP_KERNEL)) != NULL);
		for (unsigned k = 0; k < NR_OBJECTS; k++)
			kmem_cache_free(caches[i], objects[k]);
	}
	/* A slab each, two sixteenths, and what the allocator itself is made of. */
	nr_slab_pages = slab_usage(NULL).nr_slab_pages - nr_slab_pages;
	CHECK(nr_slab_pages > NR_LOADS);
	CHECK(nr_slab_pages < (pages_in(caches[0]->layout.order) + 1) * NR_LOADS + nr_pages / 8);
	CHECK(slab_system.nr_kept_pages[KEEP_ON_NODES] <= nr_pages / 16);
	CHECK(slab_system.nr_kept_pages[KEEP_WITH_CPUS] <= nr_pages / 16);
	for (unsigned i = 0; i < NR_LOADS; i++)
		kmem_cache_destroy(caches[i]);
	CHECK(mm_verify_all());
}

static void without_a_page_no_cache_is_made(void)
{
	struct chain chain = { NULL, 0 };
	unsigned nr_made = 0;

	host_start_machine(&machine_small);
	while (chain_add(&chain, GFP_KERNEL | __GFP_NOWARN, 0))
		;
	while (nr_made < NR_CACHED && kmem_cache_create("test_last", 8, 0, 0, NULL))
		nr_made++;
	CHECK(nr_made < NR_CACHED);
	CHECK_PANICS("no memory for cache test_last",
		     kmem_cache_create("test_last", 8, 0, SLAB_PANIC, NULL));
	CHECK(mm_verify_all());
	chain_free(&chain);
}

/* Boot ends with a message where not even the first caches have room. */
static void without_pages_there_is_no_first_cache(void)
{
	struct chain chain = { NULL, 0 };
	struct slab_setup setup;

	host_start_machine(&machine_small);
	setup = slab_system.setup;
	while (chain_add(&chain, GFP_KERNEL | __GFP_NOWARN, 0))
		;
	CHECK_PANICS("no page for the first cache", slab_init(&setup));
	host_start_machine(&machine_small);
	chain = (struct chain){ NULL, 0 };
	while (chain_add(&chain, GFP_KERNEL | __GFP_NOWARN, 0))
		;
	/* For the structure, if the watermarks leave it to that, and not for a slab. */
	__free_page(chain.first);
	CHECK_PANICS("slab_init: no ", slab_init(&setup));
	host_start_machine(&machine_small);
}

static const struct host_machine machine_far_memory = {
	.name = "CPUs without memory",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 1 },
		{ 1 * MIB, 64 * MIB, MEM_USABLE, 1 },
	},
	.nr_cpus = 2,
	.cpu_domains = { 0, 1 },
};

static void the_first_caches_lie_where_memory_is(void)
{
	host_start_machine(&machine_far_memory);
	CHECK_EQ(page_to_nid(virt_to_page(cache_cache)), slab_system.boot_nid);
	CHECK(slab_system.boot_nid != 0);
	CHECK(mm_verify_all());
}

/* A CPU without memory of its own has arrays of its nearest node's objects. */
static void arrays_are_of_the_nearest_memory(void)
{
	struct cpu_array *array;
	void *object;

	host_start_machine(&machine_far_memory);
	object = kmalloc(320, GFP_KERNEL);
	CHECK(object != NULL);
	if (slab_system.debug_flags)
		SKIP("kmalloc's caches have no arrays with debug=");
	array = kmalloc_array_at(virt_to_page(object)->array_index);
	CHECK_EQ(array->nid, page_to_nid(virt_to_page(object)));
	kfree(object);
	CHECK(array->top[-1].object == object);
	CHECK(mm_verify_all());
}

/* ---- CPUs ---- */

struct worker {
	pthread_t thread;
	unsigned cpu;
	unsigned nr_bad;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Random blocks, each marked at both ends: overlap or loss shows as a wrong mark. */
static void *work(void *arg)
{
	struct worker *worker = arg;
	struct { struct page *page; unsigned order; uint64_t mark; } blocks[MAX_LIVE];
	uint64_t random = worker->cpu * 7919 + 1;
	unsigned nr_live = 0;

	if (worker->cpu != 0)
		host_start_cpu(worker->cpu);
	for (unsigned step = 0; step < NR_THREAD_STEPS || nr_live > 0; step++) {
		if (step < NR_THREAD_STEPS && nr_live < MAX_LIVE && next_random(&random) % 2) {
			unsigned order =
				(unsigned)lowest_bit(next_random(&random) | 1u << MAX_ORDER);
			gfp_t gfp = GFP_NOWAIT | (gfp_t)(next_random(&random) % 3 << 2);
			struct page *page = alloc_pages_any(gfp, order);

			if (!page)
				continue;
			blocks[nr_live].page = page;
			blocks[nr_live].order = order;
			blocks[nr_live].mark = next_random(&random);
			memcpy(page_address(page), &blocks[nr_live].mark, sizeof(uint64_t));
			nr_live++;
		} else if (nr_live > 0) {
			unsigned victim = (unsigned)(next_random(&random) % nr_live);

			worker->nr_bad += memcmp(page_address(blocks[victim].page),
						 &blocks[victim].mark, sizeof(uint64_t)) != 0;
			free_pages_any(blocks[victim].page, blocks[victim].order);
			blocks[victim] = blocks[--nr_live];
		}
	}
	return NULL;
}

/* Devices may lie above all that the direct map has room for. The image's CPU may not reach it. */
static void ioremap_reaches_as_far_as_page_tables(void)
{
	static const uint64_t places[] = { 1ull << MAX_PHYS_BITS,
					   (1ull << MAX_DEVICE_BITS) - PAGE_SIZE };

	host_start_machine(&machine_small);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *window = ioremap(places[i], PAGE_SIZE);

		CHECK(window != NULL);
		if (!window)
			continue;
		CHECK_EQ(vmalloc_to_pfn(window), pa_to_pfn(places[i]));
		iounmap(window);
	}
	CHECK(ioremap((1ull << MAX_DEVICE_BITS) - PAGE_SIZE, PAGE_SIZE + 1) == NULL);
}

static void threads_share_the_zones(void)
{
	struct worker workers[NR_THREADS];

	host_start_machine(&machine_large);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){ .cpu = i };
		if (i > 0)
			CHECK_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	work(&workers[0]);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		if (i > 0)
			pthread_join(workers[i].thread, NULL);
		CHECK_EQ(workers[i].nr_bad, 0);
	}
	CHECK(mm_verify_all());
}

/* `build/host/unit soak`: SOAK_STEPS operations, ten million unless the environment says so. */
static void random_operations_agree_with_an_owner_per_page(void)
{
	const char *wanted = getenv("SOAK_STEPS");

	host_start_machine(&machine_four_nodes);
	page_model_run(wanted ? strtoull(wanted, NULL, 0) : SOAK_STEPS);
}

static const struct test_case machine_cases[] = {
	{ "a machine filled to the last page gives all back",
	  a_machine_filled_to_the_last_page_gives_all_back },
	{ "ordinary requests leave the reserve", ordinary_requests_leave_the_reserve },
	{ "low memory survives pressure from above", low_memory_survives_pressure_from_above },
	{ "an exhausted node falls back by distance", an_exhausted_node_falls_back_by_distance },
	{ "the upper half is for movable pages alone", the_upper_half_is_for_movable_pages_alone },
	{ "movable pages come from there first", movable_pages_come_from_there_first },
	{ "metadata of others stays out", metadata_of_others_stays_out },
	{ "eight terabytes start with a few sections", eight_terabytes_start_with_a_few_sections },
	{ "sections come up when they are needed", sections_come_up_when_they_are_needed },
	{ "guarded objects of an earlier machine are forgotten",
	  guarded_objects_of_an_earlier_machine_are_forgotten },
	{ "a shrinking CPU asks the others", a_shrinking_cpu_asks_the_others },
	{ "a destroyed cache leaves nothing on any node",
	  a_destroyed_cache_leaves_nothing_on_any_node },
	{ "a cache whose readers rest late is given back late",
	  a_cache_whose_readers_rest_late_is_given_back_late },
	{ "a cache goes at once while others are idle",
	  a_cache_goes_at_once_while_others_are_idle },
	{ "a full node is not reclaimed for its objects",
	  a_full_node_is_not_reclaimed_for_its_objects },
	{ "what rests is bounded over all caches", what_rests_is_bounded_over_all_caches },
	{ "without a page no cache is made", without_a_page_no_cache_is_made },
	{ "without pages there is no first cache", without_pages_there_is_no_first_cache },
	{ "the first caches lie where memory is", the_first_caches_lie_where_memory_is },
	{ "arrays are of the nearest memory", arrays_are_of_the_nearest_memory },
	{ "ioremap reaches as far as page tables", ioremap_reaches_as_far_as_page_tables },
	{ "threads share the zones", threads_share_the_zones },
};

static const struct test_case soak_cases[] = {
	{ "random operations agree with an owner per page",
	  random_operations_agree_with_an_owner_per_page },
};

TEST_SUITE(machines, machine_cases);
HIDDEN_TEST_SUITE(soak, soak_cases);
