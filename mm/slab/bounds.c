/*
 * At most and at least: the limit of a cache, and its reserve.
 *
 * Model
 *   The limit is one of slabs. cache_grow() counts a slab to the cache before it asks for
 *   pages, and destroying it counts it off again, so that CPUs that grow a cache at once
 *   do not pass the limit together. Who finds no object at the limit has what is idle
 *   brought back and tries once more (mm/slab/cpu.c).
 *
 *   The reserve is a number of free objects in the slabs of one node below which ordinary
 *   requests take none (node_take()), and no slab is given back (node_unlist_empty()). So
 *   whatever adds free objects to slabs fills it again, before anybody else is served: a
 *   slab that is made, an array that is drained. Requests that may use it take single
 *   objects there, when all else has failed: no array is filled from it.
 *
 * Invariants, while nobody makes or destroys slabs of the cache
 *   BOUNDS-1  cache->nr_slabs counts the slabs of its nodes and those that wait for readers
 *
 * Locking
 *   nr_slabs, max_slabs and is_limit_told are atomic; nr_reserved is guarded by node->lock.
 *   Limit and reserve are set by one thread at a time.
 */

#include "mm/slab/bounds.h"

#include "mm/context.h"
#include "mm/slab/drain.h"
#include "mm/slab/node.h"

/* ---- The limit ---- */

uint64_t kmem_cache_set_limit(struct kmem_cache *cache, uint64_t nr_objects)
{
	const uint64_t nr_per_slab = cache->layout.nr_objects;
	const uint64_t nr_slabs = nr_objects / nr_per_slab + (nr_objects % nr_per_slab != 0);

	ASSERT_THREAD("kmem_cache_set_limit");
	cache_require_alive(cache, "kmem_cache_set_limit");
	__atomic_store_n(&cache->is_limit_told, false, __ATOMIC_RELAXED);
	__atomic_store_n(&cache->max_slabs, nr_slabs ? nr_slabs : UINT64_MAX, __ATOMIC_RELAXED);
	if (nr_slabs && __atomic_load_n(&cache->nr_slabs, __ATOMIC_RELAXED) > nr_slabs)
		cache_relieve(cache);
	return nr_slabs > UINT64_MAX / nr_per_slab ? UINT64_MAX : nr_slabs * nr_per_slab;
}

void cache_relieve(struct kmem_cache *cache)
{
	cache_drain(cache);
	if (cache->flags & SLAB_TYPESAFE_BY_RCU)
		slabs_destroy_deferred(cache);
}

void cache_tell_limit(struct kmem_cache *cache, gfp_t gfp)
{
	const uint64_t max_slabs = __atomic_load_n(&cache->max_slabs, __ATOMIC_RELAXED);

	if (__atomic_load_n(&cache->nr_slabs, __ATOMIC_RELAXED) < max_slabs)
		return;		/* memory ran out */
	if ((gfp & __GFP_NOWARN) ||
	    __atomic_exchange_n(&cache->is_limit_told, true, __ATOMIC_RELAXED))
		return;
	mm_port_log(LOG_WARN, "slab: cache %s is at its limit of %llu objects", cache->name,
		    (unsigned long long)(max_slabs * cache->layout.nr_objects));
}

/* ---- The reserve ---- */

/* Returns what was reserved before. */
static uint64_t reserve(struct cache_node *node, uint64_t nr_objects)
{
	uint64_t nr_before;

	spin_lock(&node->lock);
	nr_before = node->nr_reserved;
	node->nr_reserved = nr_objects;
	spin_unlock(&node->lock);
	return nr_before;
}

static bool is_filled(struct cache_node *node)
{
	bool is_filled;

	spin_lock(&node->lock);
	is_filled = node->nr_free_objects >= node->nr_reserved;
	spin_unlock(&node->lock);
	return is_filled;
}

/* Of @nid and no other node. False: as it was, but for slabs that may go. NULL: no memory. */
static struct cache_node *reserve_on(struct kmem_cache *cache, unsigned nid, uint64_t nr_objects)
{
	struct cache_node *node = cache_node_get(cache, nid);
	uint64_t nr_before;

	if (!node)
		return NULL;
	nr_before = reserve(node, nr_objects);	/* from now on nobody takes what is made */
	while (!is_filled(node)) {
		if (cache_grow(cache, GFP_KERNEL | __GFP_NOWARN | __GFP_THISNODE, nid))
			continue;
		reserve(node, nr_before);
		return NULL;
	}
	return node;
}

void cache_keep_no_reserve(struct kmem_cache *cache, const struct cache_node *except)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (node && node != except)
			reserve(node, 0);
	}
}

bool kmem_cache_set_reserve(struct kmem_cache *cache, uint64_t nr_objects)
{
	const unsigned own = slab_memory_node(numa_node_id());
	struct cache_node *node = NULL;

	ASSERT_THREAD("kmem_cache_set_reserve");
	cache_require_alive(cache, "kmem_cache_set_reserve");
	if (nr_objects > cache->max_kept_objects)
		return false;
	for (unsigned i = 0; nr_objects && !node; i++) {
		unsigned nid = slab_system.setup.nearest_node(own, i);

		if (nid == NID_NONE)
			return false;
		node = reserve_on(cache, nid, nr_objects);
	}
	cache_keep_no_reserve(cache, node);
	return true;
}
