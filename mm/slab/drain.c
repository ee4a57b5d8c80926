/*
 * Draining: what rests goes back to slabs, and empty slabs to pages.
 *
 * Model
 *   Objects rest with CPUs, in alien arrays and in depots; of debug caches, in quarantine.
 *   All of those are emptied but what other CPUs have loaded, which only they may touch:
 *   they are asked, and answer at their next refill or drain.
 *
 * Locking
 *   None is held from one step to the next. What is freed meanwhile may stay.
 */

#include "mm/slab/drain.h"

#include "mm/context.h"
#include "mm/slab/alien.h"
#include "mm/slab/array.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/depot.h"
#include "mm/slab/node.h"

void cache_drain_nodes(struct kmem_cache *cache)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (node)
			alien_drain(cache, node);
	}
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (node)
			depot_drain(cache, node, &node->depot);
	}
}

uint64_t cache_reap(struct kmem_cache *cache)
{
	uint64_t nr_pages = 0;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		nr_pages += node ? node_reap(cache, node, 0) : 0;
	}
	return nr_pages;
}

/* What other CPUs have in reserve goes at once; they are asked for what they have loaded. */
static void drain_others(struct kmem_cache *cache)
{
	for (unsigned cpu = 0; cpu < slab_system.nr_cpus; cpu++) {
		struct cpu_array *array = __atomic_load_n(&cache->cpu[cpu], __ATOMIC_ACQUIRE);

		if (array == &slab_no_array || cpu == mm_port_cpu())
			continue;
		__atomic_store_n(&array->is_drain_asked, true, __ATOMIC_RELAXED);
		cpu_array_drain_own(cache, array);
	}
}

uint64_t cache_drain(struct kmem_cache *cache)
{
	cpu_array_drain_this(cache);
	if (cache->debug)
		debug_drain(cache);
	drain_others(cache);
	cache_drain_nodes(cache);
	return cache_reap(cache);
}

uint64_t kmem_cache_shrink(struct kmem_cache *cache)
{
	ASSERT_THREAD("kmem_cache_shrink");
	cache_require_alive(cache, "kmem_cache_shrink");
	return cache_drain(cache);
}

void slab_drain_cpu(void)
{
	for_each_cache(cache)
		cpu_array_drain_this(cache);
}
