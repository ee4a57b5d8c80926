#ifndef MM_SLAB_DEBUG_VERIFY_H
#define MM_SLAB_DEBUG_VERIFY_H

/* The rules of caches. See mm/slab/debug/verify.c. */

#include "mm/slab/core.h"

/* All rules of one cache. */
bool cache_verify(struct kmem_cache *cache, struct violation *out);

#endif
