#ifndef MM_SLAB_MAKE_H
#define MM_SLAB_MAKE_H

/* Slabs out of pages, and back. See mm/slab/make.c. */

#include "mm/slab/core.h"

/*
 * Makes a slab of @cache of the block that @page heads, all its objects free. Off-slab
 * @descriptor is its descriptor, else NULL. @number tells the node's slabs of @cache
 * apart: by it they get different colours. No lock held.
 */
struct slab *slab_make(struct kmem_cache *cache, struct page *page, struct slab *descriptor,
		       uint32_t number);

/*
 * Gives the pages of @slab, which is on no list and has no object in use, back. An
 * off-slab descriptor is the caller's again. No lock held.
 */
void slab_unmake(struct kmem_cache *cache, struct slab *slab);

#endif
