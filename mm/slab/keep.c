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
 *   Quarantines of debug caches are no part of it: each holds some objects on purpose.
 *
 *   It is the bound that is counted, not what rests: so nothing is counted on the
 *   paths that take and free. Who is refused works without: a CPU takes and frees one
 *   object at a time, a node gives empty slabs back at once. A CPU's first magazines of a
 *   cache are counted until the cache is destroyed: a system with more caches than that has
 *   room for serves those that are used last without.
 *
 * Invariants, while nobody makes, shrinks or destroys a cache
 *   KEEP-1  each share counts what the bounds of all caches say
 *
 * Locking
 *   The counts are atomic. CPUs that ask at once do not pass a share together.
 */

#include "mm/slab/keep.h"

uint64_t keep_magazine_pages(const struct kmem_cache *cache, unsigned nr_magazines)
{
	return nr_magazines * bytes_to_pages((uint64_t)cache->magazine_slots *
					     cache->layout.stride_bytes);
}
