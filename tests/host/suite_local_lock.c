/*
 * How often operations on objects take the local lock. Where a port's disables
 * interrupts it is the dearest part of them: a bulk takes it once for all objects at hand.
 */

#include "mm/kmalloc.h"
#include "mm/reclaim.h"
#include "mm/vmalloc.h"
#include "tests/unit/slab/room.h"
#include "tests/host/suites_host.h"
#include "tests/unit/slab/plain_cache.h"

#define NR_OBJECTS	80u	/* more than a slab of 128 bytes has, less than a magazine */

static void *objects[NR_OBJECTS];

/* @statement takes it @expected times. */
#define CHECK_LOCKS(expected, statement) do {					\
	unsigned long nr_before = host_nr_local_locks;				\
	statement;								\
	CHECK_EQ(host_nr_local_locks - nr_before, expected);			\
} while (0)

/* With objects of several slabs at hand. */
static struct kmem_cache *make_full(void)
{
	struct kmem_cache *cache = create_plain("test_locks", 128, 0, SLAB_PANIC, NULL);

	CHECK(cache->layout.nr_objects < NR_OBJECTS / 2);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		kmem_cache_free(cache, objects[i]);
	return cache;
}

static void an_object_at_hand_takes_it_once(void)
{
	struct kmem_cache *cache = make_full();
	unsigned own = slab_memory_node(numa_node_id());

	CHECK_LOCKS(1, objects[0] = kmem_cache_alloc(cache, GFP_KERNEL));
	CHECK_LOCKS(1, objects[1] = kmem_cache_alloc_flags(cache, GFP_KERNEL));
	CHECK_LOCKS(1, objects[2] = kmem_cache_alloc_node(cache, GFP_KERNEL, own));
	CHECK_LOCKS(1, objects[3] = kmem_cache_alloc_node(cache, GFP_KERNEL, NID_NONE));
	CHECK_LOCKS(1, kmem_cache_free(cache, objects[0]));
	/* kfree() looks for kmalloc's array first. */
	CHECK_LOCKS(2, kfree(objects[1]));
	CHECK_LOCKS(4, kmem_cache_free_bulk(NULL, 2, objects + 2));
	kmem_cache_destroy(cache);
}

static void kmalloc_takes_it_once(void)
{
	volatile size_t unknown_size = 100;
	volatile gfp_t unknown_gfp = GFP_KERNEL;

	if (slab_system.debug_flags)
		SKIP("kmalloc's caches have no arrays with debug=");
	kfree(kmalloc(100, GFP_KERNEL));
	CHECK_LOCKS(1, objects[0] = kmalloc(100, GFP_KERNEL));
	CHECK_LOCKS(1, kfree(objects[0]));
	CHECK_LOCKS(1, objects[0] = kmalloc(unknown_size, GFP_KERNEL));
	CHECK_LOCKS(1, kfree(objects[0]));
	CHECK_LOCKS(1, objects[0] = kmalloc(unknown_size, unknown_gfp));
	CHECK_LOCKS(1, kfree(objects[0]));
}

static void a_bulk_takes_it_once_for_all_at_hand(void)
{
	struct kmem_cache *cache = make_full();

	CHECK_LOCKS(1, CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, NR_OBJECTS, objects),
				NR_OBJECTS));
	CHECK_LOCKS(1, kmem_cache_free_bulk(cache, NR_OBJECTS, objects));
	kmem_cache_destroy(cache);
}

static void another_nodes_object_at_hand_takes_it_once(void)
{
	struct kmem_cache *cache = make_full();
	unsigned other = slab_system.setup.nearest_node(slab_memory_node(numa_node_id()), 1);

	CHECK(other != NID_NONE);
	kmem_cache_free(cache, kmem_cache_alloc_node(cache, GFP_KERNEL, other));
	CHECK_LOCKS(1, objects[0] = kmem_cache_alloc_node(cache, GFP_KERNEL, other));
	CHECK_LOCKS(1, kmem_cache_free(cache, objects[0]));
	kmem_cache_destroy(cache);
}

static unsigned depth_of_report;

static void note_depth(const char *text, size_t bytes)
{
	(void)text;
	(void)bytes;
	if (depth_of_report < host_local_depth)
		depth_of_report = host_local_depth;
}

/* On a serial line a report takes milliseconds. */
static void a_bad_free_is_reported_outside_of_it(void)
{
	struct kmem_cache *cache = make_full();

	log_mute(false);
	log_fresh_line();
	CHECK(log_add_sink(note_depth));
	depth_of_report = 0;
	CHECK_PANICS("double free", kfree(objects[0]));
	log_remove_sink(note_depth);
	log_mute(true);
	CHECK_EQ(depth_of_report, 0);
	kmem_cache_destroy(cache);
}

/* A port's local lock may keep interrupts away: nothing that takes long, or waits, is begun. */
static void memory_is_neither_taken_nor_given_back_under_it(void)
{
	struct kmem_cache *cache = create_plain("test_under_it", 64, 0, SLAB_PANIC, NULL);
	struct mm_local local;

	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	local = mm_port_local_lock();
	CHECK_PANICS("mm_port_is_local_locked", (void)alloc_pages_any(GFP_KERNEL, 0));
	CHECK_PANICS("mm_port_is_local_locked", shrink_node(NID_NONE, UINT64_MAX));
	CHECK_PANICS("mm_port_is_local_locked", kmem_cache_shrink(cache));
	CHECK_PANICS("mm_port_is_local_locked", (void)!vmalloc(PAGE_SIZE));
	mm_port_local_unlock(local);
	CHECK_EQ(host_local_depth, 0);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "memory is neither taken nor given back under it",
	  memory_is_neither_taken_nor_given_back_under_it },
	{ "an object at hand takes it once", an_object_at_hand_takes_it_once },
	{ "kmalloc takes it once", kmalloc_takes_it_once },
	{ "a bulk takes it once for all at hand", a_bulk_takes_it_once_for_all_at_hand },
	{ "another node's object at hand takes it once",
	  another_nodes_object_at_hand_takes_it_once },
	{ "a bad free is reported outside of it", a_bad_free_is_reported_outside_of_it },
};

TEST_SUITE(local_lock, cases);
