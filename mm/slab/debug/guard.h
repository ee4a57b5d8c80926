#ifndef MM_SLAB_DEBUG_GUARD_H
#define MM_SLAB_DEBUG_GUARD_H

/* Objects on pages of their own. See mm/slab/debug/guard.c. */

#include "mm/slab/core.h"

/* NULL: none for this request, not its turn or no memory; it comes from a slab as usual. */
void *guard_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t bytes,
		  uintptr_t caller);

/* The same, for who takes @nr_objects from slabs instead; its turn comes as they add up. */
void *guard_sample(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t bytes,
		   uintptr_t caller, unsigned nr_objects);

/* True: @object was guarded and is freed now, by @caller. Panics for what is wrong with it. */
bool guard_free(const struct kmem_cache *cache, const void *object, const void *caller);
bool guard_usable_bytes(const void *object, size_t *bytes);

/* Checks GUARD-1 and GUARD-2. Other CPUs are quiet. */
bool guard_verify(struct violation *out);

#endif
