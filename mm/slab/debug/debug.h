#ifndef MM_SLAB_DEBUG_H
#define MM_SLAB_DEBUG_H

/* Objects of debug caches, by way of the slabs. See mm/slab/debug/debug.c. */

#include "mm/slab/debug/parts.h"

/* Chooses stride and red zones of @cache; false when its struct cannot be had. */
bool debug_attach(struct kmem_cache *cache, uint32_t *stride_bytes) MUST_CHECK;
void debug_detach(struct kmem_cache *cache);

/* One object with all the checks; NULL when memory ran out. */
void *debug_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t requested_bytes,
		  uintptr_t caller);

/* Reports damage of @object if it is an allocated one; before it is claimed. */
void debug_check_free(const struct kmem_cache *cache, const struct slab *slab,
		      const void *object);

/* @object is claimed. */
void debug_free(struct kmem_cache *cache, void *object, uint8_t *state, uintptr_t caller);

/* Sends all that is quarantined to its slabs. */
void debug_drain(struct kmem_cache *cache);
unsigned debug_nr_quarantined(const struct kmem_cache *cache);

#endif
