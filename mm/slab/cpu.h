#ifndef MM_SLAB_CPU_H
#define MM_SLAB_CPU_H

/* The ways to an object that are no public call. See mm/slab/cpu.c. */

#include "mm/slab/core.h"

/* Any request: @nid or NID_NONE, any @gfp; @size_bytes is what was asked for. */
void *slab_alloc_sized(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t size_bytes,
		       const void *caller);

/*
 * Panic, told as a bad free by @caller, unless @object is an allocated one of @cache, or of
 * kmalloc's with @bytes. They stand in mm/slab/kmalloc.c.
 */
void slab_require_object(const void *object, const struct kmem_cache *cache, const void *caller);
void kmalloc_require_object(const void *object, size_t bytes, const void *caller);

#endif
