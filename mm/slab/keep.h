#ifndef MM_SLAB_KEEP_H
#define MM_SLAB_KEEP_H

/* How much of RAM all caches together may hold at rest. See mm/slab/keep.c. */

#include "mm/slab/core.h"

/* Of RAM, each share: 1/16. */
#define KEEP_SHARE_SHIFT	4

/*
 * @nr_pages more may rest where @share says. False: all caches together hold as much as
 * they may, and nothing was counted. Any context; takes no lock.
 */
static inline bool keep_pages(enum keep_share share, uint64_t nr_pages)
{
	const uint64_t max_pages = slab_system.setup.nr_pages >> KEEP_SHARE_SHIFT;
	uint64_t *kept = &slab_system.nr_kept_pages[share];
	uint64_t nr_kept = __atomic_load_n(kept, __ATOMIC_RELAXED);

	do {
		if (nr_kept + nr_pages > max_pages)
			return false;
	} while (!__atomic_compare_exchange_n(kept, &nr_kept, nr_kept + nr_pages, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/* Takes back what that counted. */
static inline void keep_pages_no_more(enum keep_share share, uint64_t nr_pages)
{
	__atomic_fetch_sub(&slab_system.nr_kept_pages[share], nr_pages, __ATOMIC_RELAXED);
}

/* What @nr_magazines of @cache hold when they are full; each rounded up. */
uint64_t keep_magazine_pages(const struct kmem_cache *cache, unsigned nr_magazines);

#endif
