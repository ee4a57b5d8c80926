#ifndef TESTS_UNIT_STARVE_H
#define TESTS_UNIT_STARVE_H

/* A cache that gets no memory, however often it asks and on whichever node. */

#include "tests/unit/slab/room.h"

/*
 * @cache, which nobody else uses meanwhile, can make no slab: they are to be of an order
 * that does not exist. No slab of it may be given back before starve_end().
 */
static inline void starve_begin(struct kmem_cache *cache)
{
	cache->layout.order = (uint8_t)(cache->layout.order + NR_ORDERS);
}

static inline void starve_end(struct kmem_cache *cache)
{
	cache->layout.order = (uint8_t)(cache->layout.order - NR_ORDERS);
}

struct famine {
	struct kmem_cache *cache;
	void *taken;		/* linked by their first words */
};

/* The same for a boot cache, after taking all free objects it has. */
static inline struct famine starve(struct kmem_cache *cache)
{
	struct famine famine = { .cache = cache };
	uint8_t *state;
	void **object;

	starve_begin(cache);
	while ((object = slab_take_one(cache, GFP_NOWAIT, slab_system.boot_nid, &state)) != NULL) {
		*object = famine.taken;
		famine.taken = object;
	}
	return famine;
}

static inline void famine_end(struct famine *famine)
{
	starve_end(famine->cache);
	while (famine->taken) {
		void *object = famine->taken;

		famine->taken = *(void **)object;
		slab_internal_free(object);
	}
}

#endif
