/*
 * Limit and reserve of a cache: how many slabs there are, who gets the last objects, and
 * what fills the reserve again.
 */

#include "tests/test.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/slab/room.h"

#define BYTES		1000u
#define NR_PLACES	400u

static void *objects[NR_PLACES];
static unsigned nr_taken;

/* Takes objects until @cache has no more; how many they were. */
static unsigned take_all(struct kmem_cache *cache, gfp_t gfp)
{
	unsigned nr_before = nr_taken;

	while (nr_taken < NR_PLACES) {
		objects[nr_taken] = kmem_cache_alloc(cache, gfp | __GFP_NO_INJECTION);
		if (!objects[nr_taken])
			break;
		nr_taken++;
	}
	CHECK(nr_taken < NR_PLACES);
	return nr_taken - nr_before;
}

static void free_last(struct kmem_cache *cache, unsigned nr)
{
	while (nr--)
		kmem_cache_free(cache, objects[--nr_taken]);
}

static void free_all_and_destroy(struct kmem_cache *cache)
{
	free_last(cache, nr_taken);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static struct kmem_cache *make(const char *name, slab_flags_t flags)
{
	nr_taken = 0;
	return create_plain(name, BYTES, 0, flags | SLAB_PANIC, NULL);
}

/* The node that has the reserve of @cache; NULL: none has. */
static struct cache_node *reserve_of(struct kmem_cache *cache)
{
	struct cache_node *found = NULL;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (!node || node->nr_reserved == 0)
			continue;
		CHECK(!found);
		found = node;
	}
	return found;
}

/* ---- The limit ---- */

static void check_limit(struct kmem_cache *cache)
{
	const unsigned nr_per_slab = cache->layout.nr_objects;

	CHECK_EQ(kmem_cache_set_limit(cache, 3 * nr_per_slab - 1), 3 * nr_per_slab);
	test_quiet(true);
	CHECK_EQ(take_all(cache, GFP_KERNEL), 3 * nr_per_slab);
	test_quiet(false);
	CHECK_EQ(slab_usage(cache).nr_slabs, 3);
	CHECK(kmem_cache_alloc(cache, GFP_ATOMIC) == NULL);
	CHECK_CACHE(cache);
	free_last(cache, 1);
	CHECK_EQ(take_all(cache, GFP_KERNEL), 1);
	CHECK_EQ(kmem_cache_set_limit(cache, 0), 0);
	objects[nr_taken] = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
	CHECK(objects[nr_taken] != NULL);
	nr_taken++;
	CHECK_EQ(slab_usage(cache).nr_slabs, 4);
	free_all_and_destroy(cache);
}

static void a_cache_has_no_more_slabs_than_its_limit(void)
{
	struct kmem_cache *cache = make("test_limit", 0);

	check_limit(cache);
	cache = make("test_limit_bare", 0);
	cache->magazine_slots = 0;
	check_limit(cache);
	check_limit(make("test_limit_debug", SLAB_RED_ZONE | SLAB_POISON | SLAB_QUARANTINE));
}

static void the_log_has_the_limit_once_and_only_where_it_is_the_cause(void)
{
	struct kmem_cache *cache = make("test_limit_told", 0);

	kmem_cache_set_limit(cache, 1);
	cache_tell_limit(cache, GFP_KERNEL);
	CHECK(!cache->is_limit_told);
	take_all(cache, GFP_KERNEL | __GFP_NOWARN);
	CHECK(!cache->is_limit_told);
	test_quiet(true);
	take_all(cache, GFP_KERNEL);
	test_quiet(false);
	CHECK(cache->is_limit_told);
	kmem_cache_set_limit(cache, 1);
	CHECK(!cache->is_limit_told);
	free_all_and_destroy(cache);
}

static void slabs_beyond_a_lower_limit_go_when_they_can(void)
{
	struct kmem_cache *cache = make("test_limit_lower", 0);
	const unsigned nr_per_slab = cache->layout.nr_objects;

	kmem_cache_set_limit(cache, 3 * nr_per_slab);
	take_all(cache, GFP_KERNEL | __GFP_NOWARN);
	kmem_cache_set_limit(cache, nr_per_slab);
	CHECK_EQ(slab_usage(cache).nr_slabs, 3);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), 0);
	free_last(cache, nr_taken);
	kmem_cache_set_limit(cache, nr_per_slab);
	CHECK(slab_usage(cache).nr_slabs <= 1);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), nr_per_slab);
	free_all_and_destroy(cache);
}

/* Of another node, that is: what rests on the own one has pages that it could have. */
static void what_is_idle_serves_before_the_limit_does(void)
{
	const unsigned own = slab_memory_node(numa_node_id());
	const unsigned other = slab_system.setup.nearest_node(own, 1);
	struct kmem_cache *cache;

	if (other == NID_NONE)
		SKIP("one node with memory");
	cache = make("test_limit_idle", 0);
	kmem_cache_set_limit(cache, 2 * cache->layout.nr_objects);
	take_all(cache, GFP_KERNEL | __GFP_NOWARN);
	free_last(cache, nr_taken);
	CHECK_EQ(slab_usage(cache).nr_slabs, 2);
	objects[0] = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE |
					   __GFP_NO_INJECTION, other);
	CHECK(objects[0] != NULL);
	nr_taken = objects[0] != NULL;
	free_all_and_destroy(cache);
}

static void what_rests_in_quarantine_serves_before_the_limit_does(void)
{
	struct kmem_cache *cache = make("test_limit_rest", SLAB_QUARANTINE);
	const unsigned nr_per_slab = cache->layout.nr_objects;

	kmem_cache_set_limit(cache, nr_per_slab);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), nr_per_slab);
	free_last(cache, nr_per_slab);
	CHECK_EQ(debug_nr_quarantined(cache), nr_per_slab);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), nr_per_slab);
	free_all_and_destroy(cache);
}

static void slabs_that_wait_for_readers_count(void)
{
	struct kmem_cache *cache = make("test_limit_rcu", SLAB_TYPESAFE_BY_RCU);
	const unsigned nr_per_slab = cache->layout.nr_objects;

	rcu_read_lock();
	kmem_cache_set_limit(cache, nr_per_slab);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), nr_per_slab);
	free_last(cache, nr_per_slab);
	kmem_cache_shrink(cache);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	CHECK_EQ(cache->nr_slabs, rcu_slabs_count(cache));
	CHECK_EQ(cache->nr_slabs, 1);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), 0);
	rcu_read_unlock();
	free_all_and_destroy(cache);
}

/* One rest of all CPUs is enough for all of them, whichever waited when others came. */
static void slabs_wait_for_one_period_each(void)
{
	struct kmem_cache *cache = make("test_limit_rest", SLAB_TYPESAFE_BY_RCU);
	const unsigned nr_per_slab = cache->layout.nr_objects;

	rcu_read_lock();
	kmem_cache_set_limit(cache, 2 * nr_per_slab);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), 2 * nr_per_slab);
	for (unsigned i = 0; i < 2; i++) {
		free_last(cache, nr_per_slab);
		kmem_cache_shrink(cache);
	}
	CHECK_EQ(rcu_slabs_count(cache), 2);
	rcu_read_unlock();
	CHECK(synchronize_rcu());
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), 2 * nr_per_slab);
	free_all_and_destroy(cache);
}

static void a_limit_may_be_as_large_as_numbers_are(void)
{
	struct kmem_cache *cache = make("test_limit_huge", 0);

	CHECK(kmem_cache_set_limit(cache, UINT64_MAX) >= UINT64_MAX - cache->layout.nr_objects);
	CHECK_EQ(kmem_cache_set_limit(cache, 1), cache->layout.nr_objects);
	free_all_and_destroy(cache);
}

/* ---- The reserve ---- */

#define NR_RESERVED	5u

static void check_reserve(struct kmem_cache *cache, gfp_t gfp)
{
	const unsigned nr_per_slab = cache->layout.nr_objects;

	CHECK(kmem_cache_set_reserve(cache, NR_RESERVED));
	kmem_cache_set_limit(cache, 2 * nr_per_slab);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), 2 * nr_per_slab - NR_RESERVED);
	CHECK_EQ(take_all(cache, gfp | __GFP_NOWARN), NR_RESERVED);
	CHECK_CACHE(cache);
	free_last(cache, NR_RESERVED);
	kmem_cache_shrink(cache);		/* from the array to the slabs */
	CHECK_EQ(reserve_of(cache)->nr_free_objects, NR_RESERVED);
	CHECK_EQ(take_all(cache, GFP_KERNEL | __GFP_NOWARN), 0);
	CHECK_EQ(take_all(cache, gfp | __GFP_NOWARN), NR_RESERVED);
	free_all_and_destroy(cache);
}

static void the_last_objects_are_for_atomic_requests(void)
{
	struct kmem_cache *cache = make("test_reserve", 0);

	check_reserve(cache, GFP_ATOMIC);
	check_reserve(make("test_reserve", 0), GFP_KERNEL | __GFP_MEMALLOC);
	cache = make("test_reserve_bare", 0);
	cache->magazine_slots = 0;
	check_reserve(cache, GFP_ATOMIC);
	check_reserve(make("test_reserve_debug", SLAB_POISON | SLAB_STORE_USER), GFP_ATOMIC);
}

static void shrinking_leaves_the_reserve(void)
{
	struct kmem_cache *cache = make("test_reserve_kept", 0);
	const unsigned nr_per_slab = cache->layout.nr_objects;

	CHECK(kmem_cache_set_reserve(cache, nr_per_slab + 1));
	CHECK_EQ(slab_usage(cache).nr_slabs, 2);
	kmem_cache_shrink(cache);
	CHECK_EQ(slab_usage(cache).nr_slabs, 2);
	cache_grow(cache, GFP_KERNEL | __GFP_NO_INJECTION | __GFP_THISNODE,
		   reserve_of(cache)->nid);
	CHECK_EQ(slab_usage(cache).nr_slabs, 3);
	kmem_cache_shrink(cache);
	CHECK_EQ(slab_usage(cache).nr_slabs, 2);
	CHECK(kmem_cache_set_reserve(cache, 0));
	CHECK(!reserve_of(cache));
	kmem_cache_shrink(cache);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	free_all_and_destroy(cache);
}

/* Two slabs' worth was taken: the next ordinary request makes three. */
static void check_refill(struct kmem_cache *cache)
{
	const unsigned nr_reserved = cache->layout.nr_objects + 1;

	CHECK(kmem_cache_set_reserve(cache, nr_reserved));
	kmem_cache_set_limit(cache, nr_reserved);
	take_all(cache, GFP_ATOMIC | __GFP_NOWARN);
	CHECK_EQ(reserve_of(cache)->nr_free_objects, 0);
	kmem_cache_set_limit(cache, 0);
	objects[nr_taken] = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_NO_INJECTION,
						  reserve_of(cache)->nid);
	CHECK(objects[nr_taken] != NULL);
	nr_taken++;
	CHECK(reserve_of(cache)->nr_free_objects >= nr_reserved);
	free_all_and_destroy(cache);
}

static void new_slabs_fill_the_reserve_first(void)
{
	struct kmem_cache *cache = make("test_refill", 0);

	check_refill(cache);
	cache = make("test_refill_bare", 0);
	cache->magazine_slots = 0;
	check_refill(cache);
	check_refill(make("test_refill_debug", SLAB_POISON));
}

static void a_reserve_that_cannot_be_filled_is_refused(void)
{
	struct kmem_cache *cache = make("test_reserve_more", 0);
	const unsigned nr_per_slab = cache->layout.nr_objects;

	CHECK(kmem_cache_set_reserve(cache, NR_RESERVED));
	kmem_cache_set_limit(cache, nr_per_slab);
	CHECK(!kmem_cache_set_reserve(cache, nr_per_slab + 1));
	CHECK_EQ(reserve_of(cache)->nr_reserved, NR_RESERVED);
	CHECK_EQ(slab_usage(cache).nr_slabs, 1);
	kmem_cache_set_limit(cache, 0);
	CHECK(!kmem_cache_set_reserve(cache, cache->max_kept_objects + 1));
	CHECK(!kmem_cache_set_reserve(cache, UINT64_MAX));
	CHECK_EQ(reserve_of(cache)->nr_reserved, NR_RESERVED);
	free_all_and_destroy(cache);
}

/* ---- Rules ---- */

static void verify_notices_BOUNDS_1(void)
{
	struct kmem_cache *cache = make("test_breach_bounds", 0);

	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION));
	cache->nr_slabs++;
	CHECK(breaks(cache, "BOUNDS-1"));
	cache->nr_slabs -= 2;
	CHECK(breaks(cache, "BOUNDS-1"));
	cache->nr_slabs++;
	free_all_and_destroy(cache);
}

static const struct test_case cases[] = {
	{ "a cache has no more slabs than its limit", a_cache_has_no_more_slabs_than_its_limit },
	{ "the log has the limit once, and only where it is the cause",
	  the_log_has_the_limit_once_and_only_where_it_is_the_cause },
	{ "slabs beyond a lower limit go when they can",
	  slabs_beyond_a_lower_limit_go_when_they_can },
	{ "what is idle serves before the limit does", what_is_idle_serves_before_the_limit_does },
	{ "what rests in quarantine serves before the limit does",
	  what_rests_in_quarantine_serves_before_the_limit_does },
	{ "slabs that wait for readers count", slabs_that_wait_for_readers_count },
	{ "slabs wait for one period each", slabs_wait_for_one_period_each },
	{ "a limit may be as large as numbers are", a_limit_may_be_as_large_as_numbers_are },
	{ "the last objects are for atomic requests", the_last_objects_are_for_atomic_requests },
	{ "shrinking leaves the reserve", shrinking_leaves_the_reserve },
	{ "new slabs fill the reserve first", new_slabs_fill_the_reserve_first },
	{ "a reserve that cannot be filled is refused",
	  a_reserve_that_cannot_be_filled_is_refused },
	{ "verify notices BOUNDS-1", verify_notices_BOUNDS_1 },
};

TEST_SUITE(slab_bounds, cases);
