/*
 * What the slab allocator gives back when pages run short.
 *
 * The shrinker goes through the caches from the last made to the first, so that
 * the descriptors of slabs that go are back in their caches before those are
 * asked. It empties this CPU's arrays and the nodes' and returns empty slabs;
 * other CPUs are asked to empty their arrays at their next refill or drain.
 */

#include "mm/slab/core.h"

#include "mm/live.h"
#include "mm/reclaim.h"

/* Caches after @after in shrinking order, NULL to begin; their list cannot change. */
static struct kmem_cache *previous_cache(const struct kmem_cache *after) HOLDS(slab_system.lock)
{
	const struct list_head *at = after ? &after->list : &slab_system.caches;

	return at->prev == &slab_system.caches ? NULL :
		list_entry(at->prev, struct kmem_cache, list);
}

static uint64_t shrink_caches(uint64_t nr_pages) HOLDS(slab_system.lock)
{
	struct kmem_cache *cache = NULL;
	uint64_t nr_freed = 0;

	while (nr_freed < nr_pages && (cache = previous_cache(cache)) != NULL)
		nr_freed += kmem_cache_shrink(cache);
	return nr_freed;
}

uint64_t slab_shrink(uint64_t nr_pages)
{
	uint64_t nr_freed;

	spin_lock(&slab_system.lock);
	nr_freed = shrink_caches(nr_pages);
	spin_unlock(&slab_system.lock);
	return nr_freed;
}

/* All slabs' pages: how many objects are in use only a walk would tell. */
static uint64_t count(struct shrinker *shrinker, unsigned nid)
{
	uint64_t nr_pages = 0;

	(void)shrinker;
	for_each_populated_zone(zone)
		if (nid == NID_NONE || zone->node->node_id == nid)
			nr_pages += __atomic_load_n(&zone->nr_type_pages[PAGE_SLAB],
						    __ATOMIC_RELAXED);
	return nr_pages;
}

/* Arrays hold objects of all their node's slabs, so a cache shrinks on all nodes at once. */
static uint64_t scan(struct shrinker *shrinker, struct shrink_control *control)
{
	uint64_t nr_freed;

	(void)shrinker;
	/* Whoever runs short of pages does not wait for another who shrinks already. */
	if (!spin_try_lock(&slab_system.lock))
		return 0;
	nr_freed = shrink_caches(control->nr_to_free);
	spin_unlock(&slab_system.lock);
	control->nr_scanned += nr_freed;	/* slabs in use are not looked at */
	return nr_freed;
}

static struct shrinker shrinker = { .name = "slab", .count = count, .scan = scan };

void slab_reclaim_init(void)
{
	if (shrinker.list.next)
		unregister_shrinker(&shrinker);		/* of the machine before */
	register_shrinker(&shrinker);
}
