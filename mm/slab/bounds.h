#ifndef MM_SLAB_BOUNDS_H
#define MM_SLAB_BOUNDS_H

/* Limit and reserve of a cache. See mm/slab/bounds.c. */

#include "mm/slab/core.h"

/* kmem_cache_set_limit() was called with another limit than 0. */
static inline bool cache_has_limit(const struct kmem_cache *cache)
{
	return __atomic_load_n(&cache->max_slabs, __ATOMIC_RELAXED) != UINT64_MAX;
}

/* A request of @cache, which has a limit, failed: what is idle goes back before the next try. */
void cache_relieve(struct kmem_cache *cache);

/* And that failed too: where it is the limit's doing, the log has it once. */
void cache_tell_limit(struct kmem_cache *cache, gfp_t gfp);

/* Nodes of @cache but @except, which may be NULL, have no reserve any more. */
void cache_keep_no_reserve(struct kmem_cache *cache, const struct cache_node *except);

#endif
