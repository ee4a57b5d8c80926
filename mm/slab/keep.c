/*
 * How much of RAM all caches together may hold at rest.
 *
 * Model
 *   What rests is memory that nobody uses and nobody else can have until pages run
 *   short. A load that comes and goes is worth it; forty caches whose loads have gone
 *   are not. So there are two shares of RAM, each for all caches, and whoever wants
 *   to hold more counts it here first:
 *
 *     nodes   what depots and slabs of nodes may keep beyond a slab each: grows with
 *             the load, and is set back by shrinking (Keeping in mm/slab/node.c)
 *     CPUs    the magazines that a CPU may have of a cache (Keeping in mm/slab/array.c),
 *             from its first use of that cache, and those of alien arrays
 *
 *   It is the bound that is counted, not what rests: so nothing is counted on the
 *   paths that take and free. Who is refused works without: a CPU takes and frees one
 *   object at a time, a node gives empty slabs back at once.
 *
 * Invariants, while nobody makes, shrinks or destroys a cache
 *   KEEP-1  each share counts what the bounds of all caches say
 *
 * Locking
 *   The counts are atomic. CPUs that ask at once do not pass a share together.
 */

#include "mm/slab/keep.h"

#include "lib/align.h"

/* Of RAM, each share: 1/16. */
#define KEEP_SHARE_SHIFT	4

bool keep_pages(enum keep_share share, uint64_t nr_pages)
{
	const uint64_t max_pages = slab_system.setup.nr_pages >> KEEP_SHARE_SHIFT;
	uint64_t *kept = &slab_system.nr_kept_pages[share];
	uint64_t nr_kept = __atomic_load_n(kept, __ATOMIC_RELAXED);

	do {
		if (nr_kept > max_pages || nr_pages > max_pages - nr_kept)
			return false;
	} while (!__atomic_compare_exchange_n(kept, &nr_kept, nr_kept + nr_pages, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void keep_pages_no_more(enum keep_share share, uint64_t nr_pages)
{
	__atomic_fetch_sub(&slab_system.nr_kept_pages[share], nr_pages, __ATOMIC_RELAXED);
}

uint64_t keep_magazine_pages(const struct kmem_cache *cache, unsigned nr_magazines)
{
	return nr_magazines * bytes_to_pages((uint64_t)cache->magazine_slots *
					     cache->layout.stride_bytes);
}
