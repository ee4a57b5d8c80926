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

uint64_t slab_shrink(uint64_t nr_pages)
{
	struct kmem_cache *cache = NULL;
	uint64_t nr_freed = 0;

	while (nr_freed < nr_pages && (cache = cache_previous(cache)) != NULL)
		nr_freed += kmem_cache_shrink(cache);
	if (cache)
		cache_leave(cache);
	return nr_freed;
}

/* All slabs' pages: how many objects are in use only a walk would tell. */
static uint64_t count_freeable(struct shrinker *shrinker, unsigned nid)
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
	uint64_t nr_freed = slab_shrink(control->nr_to_free);

	(void)shrinker;
	control->nr_scanned += nr_freed;	/* slabs in use are not looked at */
	return nr_freed;
}

static struct shrinker shrinker = { .name = "slab", .count = count_freeable, .scan = scan };

void slab_reclaim_init(void)
{
	register_shrinker(&shrinker);
}
