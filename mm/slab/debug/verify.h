#ifndef MM_SLAB_DEBUG_VERIFY_H
#define MM_SLAB_DEBUG_VERIFY_H

/* The rules of caches. See mm/slab/debug/verify.c. */

#include "mm/slab/core.h"

/* What the bounds of @cache say now: see mm/slab/keep.c. O(CPUs + nodes^2); its CPUs are quiet. */
uint64_t cache_kept_pages(struct kmem_cache *cache, enum keep_share share);

/* All rules of one cache. */
bool cache_verify(struct kmem_cache *cache, struct violation *out);

#endif
