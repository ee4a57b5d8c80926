/*
 * Objects of other nodes: in whose hands they are on the way, and what a request for
 * a node gets when that node has nothing. Skipped where only one node has memory.
 */

#include "tests/unit/slab/room.h"

#include "lib/string.h"
#include "mm/live.h"
#include "mm/reclaim.h"
#include "tests/test.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/starve.h"
#include "tests/unit/with_local.h"

#define NR_OBJECTS	600u

static void *objects[NR_OBJECTS];

/* The cache of a case: this CPU has an array, and no object was ever made. */
static struct kmem_cache *cache;
static unsigned own, other;		/* this CPU's node, and the nearest to it */

static bool setup(const char *name, slab_flags_t flags)
{
	own = slab_memory_node(numa_node_id());
	other = slab_system.setup.nearest_node(own, 1);
	if (other == NID_NONE) {
		test_skip("one node with memory");
		return false;
	}
	cache = create_plain(name, 64, 0, SLAB_PANIC | flags, NULL);
	CHECK(cpu_array_own(cache) != &slab_no_array);
	return true;
}

static void teardown(void)
{
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static struct cache_node *node_of(unsigned nid)
{
	return cache_node_lookup(cache, nid);
}

/* What this node's CPUs hold of the other. */
static struct alien_array *alien(void)
{
	return alien_lookup(node_of(own), other);
}

static unsigned nid_of(const void *object)
{
	return page_slab(virt_to_page(object))->nid;
}

static void *take(unsigned nid)
{
	void *object = kmem_cache_alloc_node(cache, GFP_KERNEL, nid);

	CHECK(object != NULL);
	CHECK_EQ(nid_of(object), nid);
	return object;
}

static void fill(unsigned nr)
{
	CHECK(nr <= NR_OBJECTS);
	for (unsigned i = 0; i < nr; i++)
		objects[i] = take(other);
}

static void release(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		kmem_cache_free(cache, objects[i]);
}

/* All that the other node has free, in slabs and in this node's hands; returns how many. */
static unsigned fill_to_the_last(void)
{
	unsigned nr = 0;

	do
		objects[nr++] = take(other);
	while (alien()->nr > 0 || node_of(other)->nr_free_objects > 0);
	CHECK_EQ(node_of(other)->depot.nr_full, 0);
	return nr;
}

/* ---- There and back ---- */

static void half_a_magazine_comes_along(void)
{
	unsigned half;

	if (!setup("test_along", 0))
		return;
	half = (cache->magazine_slots + 1u) / 2;
	objects[0] = take(other);
	CHECK_EQ(alien()->nr, half - 1);
	CHECK_EQ(node_of(other)->nr_free_objects, cache->nr_objects - half);
	for (unsigned i = 1; i < half; i++)
		objects[i] = take(other);
	CHECK_EQ(alien()->nr, 0);
	objects[half] = take(other);
	CHECK_EQ(alien()->nr, half - 1);
	CHECK_EQ(node_of(other)->nr_free_objects, cache->nr_objects - 2 * half);
	CHECK_CACHE(cache);
	release(half + 1);
	teardown();
}

static void objects_go_home_and_come_by_the_magazine(void)
{
	unsigned slots, nr, nr_total, nr_full;
	uint64_t nr_in_slabs;
	struct depot *depot;

	if (!setup("test_home", 0))
		return;
	slots = cache->magazine_slots;
	nr = 3 * slots;
	fill(nr);
	depot = &node_of(other)->depot;
	nr_in_slabs = node_of(other)->nr_free_objects;
	nr_total = alien()->nr + nr;
	nr_full = (nr_total - 1) / slots;
	CHECK_EQ(depot->nr_empty, 0);
	release(nr);
	CHECK_EQ(depot->nr_full, nr_full);
	CHECK_EQ(depot->nr_empty, 0);
	CHECK_EQ(alien()->nr, nr_total - nr_full * slots);
	CHECK_EQ(node_of(other)->nr_free_objects, nr_in_slabs);
	CHECK_CACHE(cache);
	fill(nr_total);
	CHECK_EQ(depot->nr_full, 0);
	CHECK_EQ(depot->nr_empty, nr_full);
	CHECK_EQ(alien()->nr, 0);
	CHECK_EQ(node_of(other)->nr_free_objects, nr_in_slabs);
	CHECK_CACHE(cache);
	release(nr_total);
	teardown();
}

/* As after shrinking, and for the first CPU of a node that asks another. */
static void a_full_magazine_comes_without_one_to_give(void)
{
	struct depot *depot;
	uint64_t nr_magazines;
	unsigned nr;

	if (!setup("test_first_full", 0))
		return;
	nr = 3u * cache->magazine_slots;
	fill(nr);
	release(nr);
	nr_magazines = slab_usage(cache->magazines).nr_active;
	alien_drain(cache, node_of(own));
	CHECK(!alien()->magazine);
	CHECK_EQ(slab_usage(cache->magazines).nr_active, nr_magazines - 1);
	CHECK_CACHE(cache);
	depot = &node_of(other)->depot;
	nr = depot->nr_full;
	CHECK(nr > 0);
	objects[0] = take(other);
	CHECK_EQ(depot->nr_full, nr - 1);
	CHECK_EQ(depot->nr_empty, 0);
	CHECK_EQ(alien()->nr, cache->magazine_slots - 1);
	CHECK_EQ(slab_usage(cache->magazines).nr_active, nr_magazines - 1);
	CHECK_CACHE(cache);
	release(1);
	teardown();
}

static void objects_of_every_node_are_drained(void)
{
	struct kmem_cache *arrays, *tables;
	uint64_t nr_arrays, nr_tables;
	struct slab_slot slot;

	if (!setup("test_drain_all", 0))
		return;
	objects[0] = take(other);
	arrays = page_cache(virt_to_page(alien()));
	tables = page_cache(virt_to_page(node_of(own)->alien));
	nr_arrays = slab_usage(arrays).nr_active;
	nr_tables = slab_usage(tables).nr_active;
	/* And the other way, as CPUs of the other node do. */
	slot = slab_take_slot(cache, GFP_KERNEL, own);
	CHECK(slot.object != NULL);
	alien_give(cache, node_of(other), own, slot);
	CHECK_EQ(alien_objects(node_of(other)), 1);
	CHECK_EQ(slab_usage(arrays).nr_active, nr_arrays + 1);
	CHECK_CACHE(cache);
	release(1);
	kmem_cache_shrink(cache);
	CHECK_EQ(alien_objects(node_of(own)) + alien_objects(node_of(other)), 0);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	alien_free(node_of(own));
	alien_free(node_of(other));
	CHECK(!node_of(own)->alien);
	CHECK_EQ(slab_usage(arrays).nr_active, nr_arrays - 1);
	CHECK_EQ(slab_usage(tables).nr_active, nr_tables - 1);
	objects[0] = take(other);		/* in arrays made anew */
	CHECK(alien()->nr > 0);
	release(1);
	teardown();
}

static void another_nodes_object_is_zeroed_when_asked(void)
{
	uint8_t *object;

	if (!setup("test_alien_zero", 0))
		return;
	object = take(other);
	memset(object, 0xee, 64);
	kmem_cache_free(cache, object);
	CHECK(kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_ZERO, other) == object);
	for (unsigned at = 0; at < 64; at++)
		CHECK_EQ(object[at], 0);
	kmem_cache_free(cache, object);
	teardown();
}

static void a_request_for_any_node_is_not_one_for_another(void)
{
	static volatile gfp_t gfp = GFP_KERNEL;
	void *object;

	if (!setup("test_any_node", 0))
		return;
	objects[0] = take(other);
	object = kmem_cache_alloc(cache, gfp);
	CHECK_EQ(nid_of(object), own);
	kmem_cache_free(cache, object);
	CHECK(kmem_cache_alloc_node(cache, GFP_KERNEL, NID_NONE) == object);
	kmem_cache_free(cache, object);
	release(1);
	teardown();
}

static void the_first_free_may_be_of_another_nodes_object(void)
{
	uint8_t *state;

	if (!setup("test_alien_first", 0))
		return;
	kmem_cache_destroy(cache);
	cache = create_plain("test_alien_first", 64, 0, SLAB_PANIC, NULL);
	kmem_cache_free(cache, slab_take_one(cache, GFP_KERNEL, other, &state));
	CHECK(cache->cpu[mm_port_cpu()] != &slab_no_array);
	CHECK_EQ(cpu_array_count(cache, cache->cpu[mm_port_cpu()]), 0);
	CHECK_EQ(alien()->nr, 1);
	CHECK_CACHE(cache);
	teardown();
}

static void a_bulk_sends_every_object_to_its_node(void)
{
	if (!setup("test_alien_bulk", 0))
		return;
	for (unsigned i = 0; i < 30; i++)
		objects[i] = take(i % 3 == 0 ? other : own);
	kmem_cache_free_bulk(cache, 30, objects);
	teardown();
}

/* ---- When the node has nothing ---- */

static void another_node_serves_where_one_has_nothing(void)
{
	unsigned nr;
	void *object;

	if (!setup("test_serves", 0))
		return;
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, objects[0]);
	nr = fill_to_the_last();
	starve_begin(cache);
	CHECK(!kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, other));
	object = kmem_cache_alloc_node(cache, GFP_KERNEL, other);
	CHECK(object != NULL);
	CHECK_EQ(nid_of(object), own);
	starve_end(cache);
	kmem_cache_free(cache, object);
	release(nr);
	teardown();
}

/* Of the nodes that have objects, the nearest to the one that was asked. */
static void the_nearest_node_serves_first(void)
{
	unsigned near, far, nr;
	void *object;

	if (!setup("test_nearest", 0))
		return;
	near = slab_system.setup.nearest_node(other, 1);
	far = slab_system.setup.nearest_node(other, 2);
	if (far == NID_NONE) {
		teardown();
		SKIP("two nodes with memory");
	}
	kmem_cache_free(cache, kmem_cache_alloc_node(cache, GFP_KERNEL, near));
	kmem_cache_free(cache, kmem_cache_alloc_node(cache, GFP_KERNEL, far));
	nr = fill_to_the_last();
	starve_begin(cache);
	object = kmem_cache_alloc_node(cache, GFP_KERNEL, other);
	CHECK_EQ(nid_of(object), near);
	starve_end(cache);
	kmem_cache_free(cache, object);
	release(nr);
	teardown();
}

static void nothing_anywhere_is_NULL(void)
{
	unsigned nr;

	if (!setup("test_nothing", 0))
		return;
	nr = fill_to_the_last();
	starve_begin(cache);
	CHECK(!kmem_cache_alloc_node(cache, GFP_KERNEL, other));
	CHECK(!kmem_cache_alloc_node(cache, GFP_KERNEL, own));
	CHECK(!kmem_cache_alloc(cache, GFP_KERNEL));
	starve_end(cache);
	release(nr);
	teardown();
}

/* A page that the asked node has after all is better than one of another node. */
static void no_other_node_makes_a_slab_for_it(void)
{
	unsigned nr;

	if (!setup("test_second_try", 0))
		return;
	nr = fill_to_the_last();
	mm_fail_nth(1);
	objects[nr] = take(other);
	CHECK(mm_fail_nth_struck());
	mm_fail_nth(0);
	CHECK_EQ(node_of(own)->nr_slabs, 0);
	release(nr + 1);
	teardown();
}

static unsigned nr_scans;

static uint64_t count_some(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return 1;
}

static uint64_t count_scans(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	nr_scans++;
	return 0;
}

/* Low memory is on one node: what another one cannot have is a matter of course. */
static bool setup_low(const char *name)
{
	if (!setup(name, SLAB_CACHE_DMA))
		return false;
	if (node_data(own)->node_zones[ZONE_DMA].managed_pages > 0 &&
	    node_data(other)->node_zones[ZONE_DMA].managed_pages == 0)
		return true;
	teardown();
	test_skip("this CPU's node has no low memory");
	return false;
}

/* Before memory is reclaimed for a node, and before a slab is made elsewhere. */
static void free_objects_of_other_nodes_come_first(void)
{
	struct shrinker shrinker = { .name = "counter", .count = count_some, .scan = count_scans };
	uint64_t nr_slabs;

	if (!setup_low("test_low"))
		return;
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	CHECK_EQ(nid_of(objects[0]), own);
	nr_slabs = node_of(own)->nr_slabs;
	register_shrinker(&shrinker);
	nr_scans = 0;
	objects[1] = kmem_cache_alloc_node(cache, __GFP_DIRECT_RECLAIM, other);
	CHECK_EQ(nr_scans, 0);
	unregister_shrinker(&shrinker);
	CHECK_EQ(nid_of(objects[1]), own);
	CHECK_EQ(node_of(own)->nr_slabs, nr_slabs);
	release(2);
	teardown();
}

static void a_slab_made_elsewhere_serves_the_request(void)
{
	const struct alien_array *mine;
	unsigned nr_kept;

	if (!setup_low("test_low_grown"))
		return;
	objects[0] = kmem_cache_alloc_node(cache, __GFP_DIRECT_RECLAIM, other);
	CHECK(objects[0] != NULL);
	CHECK_EQ(nid_of(objects[0]), own);
	CHECK_EQ(node_of(own)->nr_slabs, 1);
	/* What came along is for such requests; those for the own node have the array. */
	mine = alien_lookup(node_of(own), own);
	nr_kept = mine->nr;
	CHECK(nr_kept > 0);
	objects[1] = kmem_cache_alloc_node(cache, GFP_KERNEL, own);
	CHECK_EQ(mine->nr, nr_kept);
	CHECK_CACHE(cache);
	release(2);
	teardown();
}

/* ---- Without memory for arrays ---- */

/* One object at a time, from the slabs and to them. */
static void check_without(struct kmem_cache *starving)
{
	struct famine famine = starve(starving);
	uint64_t nr_free;

	objects[0] = take(other);
	nr_free = node_of(other)->nr_free_objects;
	objects[1] = take(other);
	CHECK_EQ(node_of(other)->nr_free_objects, nr_free - 1);
	CHECK_EQ(alien_objects(node_of(own)), 0);
	CHECK_CACHE(cache);
	release(2);
	CHECK_EQ(node_of(other)->nr_free_objects, nr_free + 1);
	CHECK_EQ(alien_objects(node_of(own)), 0);
	CHECK_CACHE(cache);
	famine_end(&famine);
}

/* Finds the caches of tables and arrays by those of a cache that has some. */
static void find_internal_caches(struct kmem_cache **tables, struct kmem_cache **arrays)
{
	objects[0] = take(other);
	*tables = page_cache(virt_to_page(node_of(own)->alien));
	*arrays = page_cache(virt_to_page(alien()));
	release(1);
}

static void without_memory_for_an_array_objects_go_one_by_one(void)
{
	struct kmem_cache *internal[3];

	for (unsigned i = 0; i < ARRAY_SIZE(internal); i++) {
		if (!setup("test_no_alien", 0))
			return;
		find_internal_caches(&internal[0], &internal[1]);
		internal[2] = cache->magazines;
		teardown();
		setup("test_no_alien", 0);
		check_without(internal[i]);
		objects[0] = take(other);
		CHECK(alien()->nr > 0);
		release(1);
		teardown();
	}
}

/* What there is of them is used, though no more can be had. */
static void arrays_that_are_there_need_no_memory(void)
{
	struct kmem_cache *tables, *arrays;
	struct famine no_tables, no_arrays;

	if (!setup("test_has_alien", 0))
		return;
	find_internal_caches(&tables, &arrays);
	no_tables = starve(tables);
	alien_give(cache, node_of(own), own, slab_take_slot(cache, GFP_KERNEL, own));
	CHECK_EQ(alien_lookup(node_of(own), own)->nr, 1);
	no_arrays = starve(arrays);
	for (unsigned nr = 2; nr <= cache->nr_objects; nr++) {
		struct slab_slot slot = slab_take_slot(cache, GFP_KERNEL, own);

		alien_give(cache, node_of(own), own, slot);
		CHECK_EQ(alien_lookup(node_of(own), own)->nr +
			 node_of(own)->depot.nr_full * cache->magazine_slots, nr);
	}
	famine_end(&no_arrays);
	famine_end(&no_tables);
	teardown();
}

/* ---- Two CPUs at once ---- */

/*
 * Another CPU frees an object while this one looks for memory. It looks on other nodes
 * when its own has none, and asks which they are: that is when the other CPU comes.
 */
static struct {
	unsigned (*nearest_node)(unsigned nid, unsigned i);
	void *object;		/* NULL: it has come */
} rival;

static unsigned nearest_node_after_rival(unsigned nid, unsigned i)
{
	void *object = rival.object;

	rival.object = NULL;
	if (object)
		kmem_cache_free(cache, object);
	return rival.nearest_node(nid, i);
}

/* Both want one from @starving, which has two, on a node that it is not looked for first. */
static void check_with_rival(struct kmem_cache *starving)
{
	const unsigned nid = starving == cache->magazines ? own : other;
	struct famine famine;
	uint64_t nr_active;
	void *spare[2];
	uint8_t *state;

	for (unsigned i = 0; i < 2; i++)
		objects[i] = slab_take_one(cache, GFP_KERNEL, other, &state);
	for (unsigned i = 0; i < 2; i++)
		spare[i] = slab_take_one(starving, GFP_KERNEL, nid, &state);
	famine = starve(starving);
	for (unsigned i = 0; i < 2; i++)
		slab_internal_free(spare[i]);
	nr_active = slab_usage(starving).nr_active;
	rival.nearest_node = slab_system.setup.nearest_node;
	rival.object = objects[1];
	test_quiet(true);
	slab_system.setup.nearest_node = nearest_node_after_rival;
	kmem_cache_free(cache, objects[0]);
	slab_system.setup.nearest_node = rival.nearest_node;
	test_quiet(false);
	CHECK(!rival.object);
	CHECK_EQ(slab_usage(starving).nr_active, nr_active +
		 (starving == cache->magazines ? 1 + node_of(other)->depot.nr_empty : 1));
	famine_end(&famine);
	CHECK_EQ(alien()->nr, 2);
	CHECK_CACHE(cache);
	teardown();
}

static void of_two_cpus_that_make_an_array_one_is_first(void)
{
	struct kmem_cache *internal[3];

	for (unsigned i = 0; i < ARRAY_SIZE(internal); i++) {
		if (!setup("test_rival", 0))
			return;
		find_internal_caches(&internal[0], &internal[1]);
		internal[2] = cache->magazines;
		teardown();
		setup("test_rival", 0);
		check_with_rival(internal[i]);
	}
}

static const struct test_case cases[] = {
	{ "half a magazine comes along", half_a_magazine_comes_along },
	{ "objects go home and come by the magazine", objects_go_home_and_come_by_the_magazine },
	{ "a full magazine comes without one to give",
	  a_full_magazine_comes_without_one_to_give },
	{ "objects of every node are drained", objects_of_every_node_are_drained },
	{ "another node's object is zeroed when asked",
	  another_nodes_object_is_zeroed_when_asked },
	{ "a request for any node is not one for another",
	  a_request_for_any_node_is_not_one_for_another },
	{ "the first free may be of another node's object",
	  the_first_free_may_be_of_another_nodes_object },
	{ "a bulk sends every object to its node", a_bulk_sends_every_object_to_its_node },
	{ "another node serves where one has nothing",
	  another_node_serves_where_one_has_nothing },
	{ "the nearest node serves first", the_nearest_node_serves_first },
	{ "nothing anywhere is NULL", nothing_anywhere_is_NULL },
	{ "no other node makes a slab for it", no_other_node_makes_a_slab_for_it },
	{ "free objects of other nodes come first", free_objects_of_other_nodes_come_first },
	{ "a slab made elsewhere serves the request", a_slab_made_elsewhere_serves_the_request },
	{ "without memory for an array objects go one by one",
	  without_memory_for_an_array_objects_go_one_by_one },
	{ "arrays that are there need no memory", arrays_that_are_there_need_no_memory },
	{ "of two CPUs that make an array one is first",
	  of_two_cpus_that_make_an_array_one_is_first },
};

TEST_SUITE(slab_alien, cases);
