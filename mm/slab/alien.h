#ifndef MM_SLAB_ALIEN_H
#define MM_SLAB_ALIEN_H

/* Objects of other nodes. See mm/slab/alien.c. */

#include "mm/slab/core.h"

/* One free object of node @nid for a CPU of @home; NULL when @nid has none. Takes a batch along. */
struct slab_slot alien_take(struct kmem_cache *cache, struct cache_node *home, unsigned nid);

static inline struct alien_array *alien_lookup(struct cache_node *home, unsigned nid)
{
	struct alien_array **table = __atomic_load_n(&home->alien, __ATOMIC_ACQUIRE);

	return table ? __atomic_load_n(&table[nid], __ATOMIC_ACQUIRE) : NULL;
}

/* As alien_take(), from what is there already. */
static inline struct slab_slot alien_pop(struct cache_node *home, unsigned nid)
{
	struct alien_array *alien = alien_lookup(home, nid);
	struct slab_slot slot = { NULL, NULL };

	if (unlikely(!alien))
		return slot;
	spin_lock(&alien->lock);
	if (likely(alien->nr > 0))
		slot = alien->magazine->slots[--alien->nr];
	spin_unlock(&alien->lock);
	return slot;
}

/* Lays a free object of node @nid into the alien array. False: there is none, or no room. */
bool alien_push(struct cache_node *home, unsigned nid, struct slab_slot slot) MUST_CHECK;

/* Sends a free object of node @nid home, sooner or later. Without the local lock. */
void alien_give(struct kmem_cache *cache, struct cache_node *home, unsigned nid,
		struct slab_slot slot);

/* Sends all of them home now. */
void alien_drain(struct kmem_cache *cache, struct cache_node *home);

/* Objects of other nodes in the alien arrays of CPUs of @home. */
uint64_t alien_objects(struct cache_node *home);

/* Frees the arrays, which are empty. */
void alien_free(struct cache_node *home);

#endif
