#ifndef MM_SLAB_DRAIN_H
#define MM_SLAB_DRAIN_H

/* What rests goes back to slabs, and empty slabs to pages. See mm/slab/drain.c. */

#include "mm/slab/core.h"

/* What alien arrays and the nodes' depots hold goes to its slabs. No lock held. */
void cache_drain_nodes(struct kmem_cache *cache);

/* Gives back the empty slabs that no node's reserve needs. Returns pages. */
uint64_t cache_reap(struct kmem_cache *cache);

/* kmem_cache_shrink() in any context. */
uint64_t cache_drain(struct kmem_cache *cache);

#endif
