/*
 * How many objects of a cache are in use.
 *
 * Active objects are places less free places: those in slabs and those at rest
 * in arrays. Guarded objects, which have no slab, are active ones and places. No
 * counter is kept on the fast paths; the sums are exact while other CPUs are quiet.
 */

#include "mm/slab/usage.h"

#include "mm/slab/alien.h"
#include "mm/slab/array.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/guarded.h"

uint64_t node_objects_at_rest(const struct kmem_cache *cache, struct cache_node *node)
{
	return depot_objects(cache, &node->depot) + alien_objects(node);
}

static uint64_t objects_at_rest(struct kmem_cache *cache)
{
	uint64_t nr = 0;

	for (unsigned cpu = 0; cpu < slab_system.nr_cpus; cpu++)
		nr += cpu_array_count(cache, __atomic_load_n(&cache->cpu[cpu], __ATOMIC_ACQUIRE));
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		nr += node ? node_objects_at_rest(cache, node) : 0;
	}
	return cache->debug ? nr + debug_nr_quarantined(cache) : nr;
}

static void add_cache(struct slab_usage *usage, struct kmem_cache *cache)
{
	uint64_t nr_slabs = 0, nr_free = objects_at_rest(cache);
	uint64_t nr_guarded, nr_objects, nr_active;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (!node)
			continue;
		spin_lock(&node->lock);
		nr_slabs += node->nr_slabs;
		nr_free += node->nr_free_objects;
		spin_unlock(&node->lock);
	}
	nr_guarded = (cache->flags & (SLAB_GUARD | SLAB_SAMPLED)) ? guard_count(cache) : 0;
	nr_objects = nr_slabs * cache->layout.nr_objects + nr_guarded;
	nr_active = nr_objects > nr_free ? nr_objects - nr_free : 0;
	usage->nr_slabs += nr_slabs;
	usage->nr_slab_pages += nr_slabs << cache->layout.order;
	usage->nr_objects += nr_objects;
	usage->nr_active += nr_active;
	usage->active_bytes += nr_active * cache->object_bytes;
}

struct slab_usage slab_usage(struct kmem_cache *cache)
{
	struct slab_usage usage = { 0 };

	if (cache) {
		add_cache(&usage, cache);
		return usage;
	}
	for_each_cache(each)
		add_cache(&usage, each);
	return usage;
}
