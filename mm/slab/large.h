#ifndef MM_SLAB_LARGE_H
#define MM_SLAB_LARGE_H

/* Requests beyond the classes: whole pages. See mm/slab/large.c. */

#include "mm/slab/core.h"

/* A block for @size_bytes, above KMALLOC_MAX_CACHE_SIZE; ZERO_SIZE_PTR for 0. */
void *kmalloc_large(size_t size_bytes, gfp_t gfp, unsigned nid, const void *caller);

/* kfree() of something that is not in a slab. */
void kfree_large(const void *object, const void *caller);

/* @object, any address, is the start of an allocated block. */
bool is_kmalloc_large(const void *object);

#endif
