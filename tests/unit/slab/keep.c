/*
 * What all caches together may hold at rest: the shares of RAM, who counts what there, and
 * how a cache works that may hold less than it would like to.
 */

#include "lib/string.h"
#include "tests/test.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/slab/room.h"

#define GFP		(GFP_KERNEL | __GFP_NO_INJECTION)
#define NR_PLACES	2000u

static void *objects[NR_PLACES];

/* Of the share nothing is left but @nr_pages; returns what stands there otherwise. */
static uint64_t leave(enum keep_share share, uint64_t nr_pages)
{
	const uint64_t max_pages = slab_system.setup.nr_pages >> KEEP_SHARE_SHIFT;
	const uint64_t kept = slab_system.nr_kept_pages[share];

	slab_system.nr_kept_pages[share] = max_pages - nr_pages;
	return kept;
}

/* What others left is as it was; what was counted meanwhile is counted. */
static void restore(enum keep_share share, uint64_t kept, uint64_t nr_left)
{
	const uint64_t left = (slab_system.setup.nr_pages >> KEEP_SHARE_SHIFT) - nr_left;

	slab_system.nr_kept_pages[share] += kept - left;
}

static struct kmem_cache *make(const char *name, size_t bytes)
{
	return create_plain(name, bytes, 0, SLAB_PANIC, NULL);
}

static void take(struct kmem_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		objects[i] = kmem_cache_alloc(cache, GFP);
}

static void give(struct kmem_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		kmem_cache_free(cache, objects[i]);
}

static void a_share_is_one_for_all(void)
{
	const uint64_t kept = leave(KEEP_ON_NODES, 10);

	CHECK(keep_pages(KEEP_ON_NODES, 0));
	CHECK(!keep_pages(KEEP_ON_NODES, 11));
	CHECK(keep_pages(KEEP_ON_NODES, 10));
	CHECK(!keep_pages(KEEP_ON_NODES, 1));
	keep_pages_no_more(KEEP_ON_NODES, 10);
	CHECK(keep_pages(KEEP_ON_NODES, 1));
	keep_pages_no_more(KEEP_ON_NODES, 1);
	restore(KEEP_ON_NODES, kept, 10);
	CHECK_EQ(slab_system.nr_kept_pages[KEEP_ON_NODES], kept);
}

/* Where others keep all there may be, a node keeps a slab of each cache; else it grows. */
static void a_node_keeps_what_is_left(void)
{
	struct kmem_cache *cache = make("test_keep_node", 3000);
	const uint64_t kept = leave(KEEP_ON_NODES, 0);
	const unsigned nid = slab_memory_node(numa_node_id());
	struct cache_node *node = cache_grow(cache, GFP | __GFP_THISNODE, nid);

	CHECK(node != NULL);
	CHECK_EQ(node->max_free_objects, cache->layout.nr_objects);
	restore(KEEP_ON_NODES, kept, 0);
	CHECK_EQ(slab_system.nr_kept_pages[KEEP_ON_NODES], kept);
	CHECK(cache_grow(cache, GFP | __GFP_THISNODE, nid) == node);
	CHECK_EQ(node->max_free_objects, 2 * cache->layout.nr_objects);
	CHECK_EQ(slab_system.nr_kept_pages[KEEP_ON_NODES], kept + pages_in(cache->layout.order));
	kmem_cache_shrink(cache);
	CHECK_EQ(node->max_free_objects, cache->layout.nr_objects);
	CHECK_EQ(slab_system.nr_kept_pages[KEEP_ON_NODES], kept);
	kmem_cache_destroy(cache);
}

/* Two magazines or none; what was refused is tried again, and works meanwhile. */
static void a_cpu_has_magazines_where_they_are_left(void)
{
	struct kmem_cache *cache = make("test_keep_array", 4096);
	const uint64_t nr_pages = keep_magazine_pages(cache, 2);
	const uint64_t at_first = slab_system.nr_kept_pages[KEEP_WITH_CPUS];

	CHECK_EQ(nr_pages, 2ull * cache->magazine_slots);
	for (uint64_t nr_left = nr_pages - 1; nr_left <= nr_pages; nr_left++) {
		uint64_t kept = leave(KEEP_WITH_CPUS, nr_left);

		take(cache, 100);
		give(cache, 100);
		CHECK_CACHE(cache);
		restore(KEEP_WITH_CPUS, kept, nr_left);
		CHECK_EQ(cache->cpu[mm_port_cpu()] == &slab_no_array, nr_left < nr_pages);
		CHECK_EQ(slab_system.nr_kept_pages[KEEP_WITH_CPUS] - at_first,
			 nr_left < nr_pages ? 0 : nr_pages);
	}
	kmem_cache_destroy(cache);
	CHECK_EQ(slab_system.nr_kept_pages[KEEP_WITH_CPUS], at_first);
}

/* Of another node's objects: sent home one by one, where CPUs hold as much as they may. */
static void an_alien_array_has_a_magazine_where_one_is_left(void)
{
	struct kmem_cache *cache = make("test_keep_alien", 1000);
	const unsigned own = slab_memory_node(numa_node_id());
	const unsigned other = slab_system.setup.nearest_node(own, 1);
	struct alien_array *alien;

	if (other == NID_NONE) {
		kmem_cache_destroy(cache);
		SKIP("there is one node");
	}
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP));	/* the array is there */
	for (unsigned is_left = 0; is_left < 2; is_left++) {
		const uint64_t nr_left = is_left ? keep_magazine_pages(cache, 1) : 0;
		const uint64_t kept = leave(KEEP_WITH_CPUS, nr_left);

		for (unsigned i = 0; i < 10; i++)
			objects[i] = kmem_cache_alloc_node(cache, GFP, other);
		give(cache, 10);
		restore(KEEP_WITH_CPUS, kept, nr_left);
		alien = alien_lookup(cache_node_lookup(cache, own), other);
		CHECK(alien != NULL);
		CHECK_EQ(alien->nr > 0, is_left == 1);
		CHECK_EQ(slab_system.nr_kept_pages[KEEP_WITH_CPUS] - kept, nr_left);
		CHECK_CACHE(cache);
		kmem_cache_shrink(cache);
		CHECK_EQ(slab_system.nr_kept_pages[KEEP_WITH_CPUS], kept);
	}
	kmem_cache_destroy(cache);
}

/* The load wants more than one magazine in reserve: whether it gets them is the share's to say. */
static void a_cpu_keeps_more_only_of_what_is_left(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct kmem_cache *cache = make("test_keep_cpu", 128);
		const unsigned nr = 6u * cache->magazine_slots;
		const uint64_t nr_at_first = keep_magazine_pages(cache, 2);
		uint64_t kept;

		kmem_cache_free(cache, kmem_cache_alloc(cache, GFP));	/* the array is there */
		kept = slab_system.nr_kept_pages[KEEP_WITH_CPUS];
		if (i == 0)
			leave(KEEP_WITH_CPUS, 0);
		for (unsigned round = 0; round < 4; round++) {
			take(cache, nr);
			give(cache, nr);
		}
		if (i == 0)
			restore(KEEP_WITH_CPUS, kept, 0);
		CHECK_EQ(cpu_array_own(cache)->max_full > 1, i == 1);
		CHECK_EQ(slab_system.nr_kept_pages[KEEP_WITH_CPUS] > kept, i == 1);
		kmem_cache_shrink(cache);
		CHECK_EQ(slab_system.nr_kept_pages[KEEP_WITH_CPUS], kept);
		take(cache, nr);
		give(cache, nr);
		take(cache, nr);
		give(cache, nr);
		kmem_cache_destroy(cache);
		CHECK_EQ(slab_system.nr_kept_pages[KEEP_WITH_CPUS], kept - nr_at_first);
	}
}

static void verify_notices_KEEP_1(void)
{
	for (unsigned i = 0; i < NR_KEEP_SHARES; i++) {
		struct violation violation = { 0 };

		CHECK(slab_verify(&violation));
		slab_system.nr_kept_pages[i]++;
		CHECK(!slab_verify(&violation));
		CHECK(strcmp(violation.rule, "KEEP-1") == 0);
		CHECK_EQ(violation.at, i);
		slab_system.nr_kept_pages[i]--;
	}
}

static const struct test_case cases[] = {
	{ "a share is one for all", a_share_is_one_for_all },
	{ "a node keeps what is left", a_node_keeps_what_is_left },
	{ "a CPU has magazines where they are left", a_cpu_has_magazines_where_they_are_left },
	{ "an alien array has a magazine where one is left",
	  an_alien_array_has_a_magazine_where_one_is_left },
	{ "a CPU keeps more only of what is left", a_cpu_keeps_more_only_of_what_is_left },
	{ "verify notices KEEP-1", verify_notices_KEEP_1 },
};

TEST_SUITE(slab_keep, cases);
