/*
 * The slab allocator's own state: one system, made by slab_init() (mm/slab/cache.c).
 *
 * It stands below all other files of the room, which read it; nothing is called here.
 */

#include "mm/slab/core.h"

struct slab_system slab_system;
struct kmem_cache *cache_cache;
struct kmem_cache *node_cache;
