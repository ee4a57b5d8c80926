/*
 * What a request for an object may say of memory, and what may be done with what came
 * back: flags never leak into slabs, and what is no object is refused.
 */

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/shown.h"
#include "tests/test.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/slab/room.h"

#define NR_OBJECTS	200u
#define BELOW_4_GIB(va)	(virt_to_phys(va) < 1ull << 32)

static void *objects[NR_OBJECTS];

/*
 * The node of the largest zone: one of a few pageblocks has none to spare for each type, and
 * serves all from what is left.
 */
static unsigned largest_node(void)
{
	const struct zone *largest = NULL;

	for_each_populated_zone(zone)
		if (!largest || zone->managed_pages > largest->managed_pages)
			largest = zone;
	return largest->node->node_id;
}

/* More than any slab or array has, so that slabs are made with @gfp. */
static void fill_with(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	for (unsigned i = 0; i < NR_OBJECTS; i++) {
		objects[i] = kmem_cache_alloc_node(cache, gfp, nid);
		CHECK(objects[i] != NULL);
	}
}

static void release_all(struct kmem_cache *cache)
{
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		kmem_cache_free(cache, objects[i]);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void slabs_of_a_movable_request_stay_where_they_are(void)
{
	struct kmem_cache *cache = create_plain("test_movable", 3000, 0, SLAB_PANIC, NULL);

	fill_with(cache, GFP_HIGHUSER_MOVABLE | __GFP_NO_INJECTION, largest_node());
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		CHECK(pageblock_migratetype(virt_to_page(objects[i])) != MIGRATE_MOVABLE);
	release_all(cache);
}

static void a_compound_request_makes_an_ordinary_slab(void)
{
	struct kmem_cache *cache = create_plain("test_comp", 3000, 0, SLAB_PANIC, NULL);

	fill_with(cache, GFP_KERNEL | __GFP_COMP | __GFP_NO_INJECTION, NID_NONE);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		CHECK_EQ(virt_to_page(objects[i])->flags & PAGE_COMPOUND, 0);
	release_all(cache);
}

static void kmalloc_below_4_gib_is_below_4_gib(void)
{
	const gfp_t gfp = GFP_DMA32 | GFP_KERNEL | __GFP_NO_INJECTION;

	for (unsigned i = 0; i < NR_OBJECTS; i++) {
		objects[i] = kmalloc_any(1500, gfp);
		CHECK(!objects[i] || BELOW_4_GIB(objects[i]));
		/* Not of the row whose objects may lie anywhere. */
		CHECK(!objects[i] || page_cache(virt_to_page(objects[i])) !=
		      kmalloc_caches[KMALLOC_NORMAL][kmalloc_class(1500)]);
	}
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		kfree(objects[i]);
}

static void a_movable_large_request_stays_where_it_is(void)
{
	void *block = kmalloc_any(256 << 10, GFP_HIGHUSER_MOVABLE | __GFP_COMP |
				  __GFP_NO_INJECTION);

	if (!block)
		SKIP("not enough memory");
	CHECK(pageblock_migratetype(virt_to_page(block)) != MIGRATE_MOVABLE);
	kfree(block);
}

static void zeroed_is_zero_under_debug_too(void)
{
	struct kmem_cache *cache = create_plain("test_rcu_zero", 64, 0, SLAB_PANIC |
						SLAB_TYPESAFE_BY_RCU | SLAB_STORE_USER, NULL);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	memset(object, 0xee, 64);
	kmem_cache_free(cache, object);
	object = kmem_cache_zalloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < 64; i++)
		CHECK_EQ(object[i], 0);
	kmem_cache_free(cache, object);
	kmem_cache_shrink(cache);
}

static void unknown_flags_are_refused(void)
{
	CHECK_PANICS("SLAB_ALL_FLAGS",
		     (void)kmem_cache_create("test_unknown", 64, 0, 1u << 31, NULL));
}

static void no_cache_at_all_is_named_in_the_report(void)
{
	void *object = kmalloc(100, GFP_KERNEL | __GFP_NO_GUARD);

	CHECK_PANICS("cache NULL", kmem_cache_free(NULL, object));
	kfree(object);
}

static void what_is_free_is_not_resized(void)
{
	struct kmem_cache *cache = create_plain("test_freed", 64, 0, SLAB_PANIC, NULL);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);
	void *moved = NULL;
	size_t bytes = 0;

	CHECK_PANICS("use of an interior pointer", bytes = ksize(object + 8));
	CHECK_PANICS("use of an interior pointer", moved = krealloc(object + 8, 60, GFP_KERNEL));
	kmem_cache_free(cache, object);
	CHECK_PANICS("use after free", bytes = ksize(object));
	CHECK_PANICS("use after free", moved = krealloc(object, 60, GFP_KERNEL));
	CHECK_PANICS("use after free", moved = krealloc(object, 200, GFP_KERNEL));
	CHECK_PANICS("use after free", kfree_sensitive(object));
	CHECK_EQ(bytes, 0);
	CHECK(!moved);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "slabs of a movable request stay where they are",
	  slabs_of_a_movable_request_stay_where_they_are },
	{ "a compound request makes an ordinary slab", a_compound_request_makes_an_ordinary_slab },
	{ "kmalloc below 4 GiB is below 4 GiB", kmalloc_below_4_gib_is_below_4_gib },
	{ "a movable large request stays where it is", a_movable_large_request_stays_where_it_is },
	{ "zeroed is zero under debug too", zeroed_is_zero_under_debug_too },
	{ "unknown flags are refused", unknown_flags_are_refused },
	{ "no cache at all is named in the report", no_cache_at_all_is_named_in_the_report },
	{ "what is free is not resized", what_is_free_is_not_resized },
};

TEST_SUITE(slab_gfp, cases);
