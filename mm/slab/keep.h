#ifndef MM_SLAB_KEEP_H
#define MM_SLAB_KEEP_H

/* How much of RAM all caches together may hold at rest. See mm/slab/keep.c. */

#include "mm/slab/core.h"

/*
 * @nr_pages more may rest where @share says. False: all caches together hold as much as
 * they may, and nothing was counted. Any context; takes no lock.
 */
bool keep_pages(enum keep_share share, uint64_t nr_pages) MUST_CHECK;

/* Takes back what that counted. */
void keep_pages_no_more(enum keep_share share, uint64_t nr_pages);

/* What @nr_magazines of @cache hold when they are full; each rounded up. */
uint64_t keep_magazine_pages(const struct kmem_cache *cache, unsigned nr_magazines);

#endif
