#ifndef MM_SLAB_USAGE_H
#define MM_SLAB_USAGE_H

/* How many objects are in use and at rest. See mm/slab/usage.c; slab_usage() is public. */

#include "mm/slab/core.h"

/* Objects at rest in @node's depot, and those of other nodes that its CPUs hold. */
uint64_t node_objects_at_rest(const struct kmem_cache *cache, struct cache_node *node);

#endif
