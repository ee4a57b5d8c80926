#ifndef MM_SLAB_CPU_H
#define MM_SLAB_CPU_H

/* The ways to an object that are no public call. See mm/slab/cpu.c. */

#include "mm/slab/core.h"

/* Any request: @nid or NID_NONE, any @gfp; @size_bytes is what was asked for. */
void *slab_alloc_sized(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t size_bytes,
		       const void *caller);

#endif
