#ifndef TESTS_UNIT_STARVE_H
#define TESTS_UNIT_STARVE_H

/* A cache that has no object and gets no memory, however often it asks and wherever. */

#include "mm/slab_core.h"

struct famine {
	struct kmem_cache *cache;
	void *taken;		/* linked by their first words */
};

/*
 * Takes all free objects of @cache, a boot cache that nobody else uses meanwhile; its
 * slabs are of an order that does not exist. famine_end() before anything is given back.
 */
static inline struct famine starve(struct kmem_cache *cache)
{
	struct famine famine = { .cache = cache };
	uint8_t *state;
	void **object;

	cache->layout.order = (uint8_t)(cache->layout.order + NR_ORDERS);
	while ((object = slab_take_one(cache, GFP_NOWAIT, slab_system.boot_nid, &state)) != NULL) {
		*object = famine.taken;
		famine.taken = object;
	}
	return famine;
}

static inline void famine_end(struct famine *famine)
{
	struct kmem_cache *cache = famine->cache;

	cache->layout.order = (uint8_t)(cache->layout.order - NR_ORDERS);
	while (famine->taken) {
		void *object = famine->taken;

		famine->taken = *(void **)object;
		slab_internal_free(object);
	}
}

#endif
