#ifndef MM_SLAB_RCU_H
#define MM_SLAB_RCU_H

/* Slabs of type-safe caches. See mm/slab/rcu.c. */

#include "mm/slab/core.h"

void rcu_slabs_init(struct kmem_cache *cache);

/* Keeps @slabs until a grace period has passed; moves to @ready what may go already. */
void rcu_slabs_defer(struct kmem_cache *cache, struct list_head *slabs, struct list_head *ready);

/*
 * Takes off to @ready what may go now. True: some are kept, whose grace period has not
 * passed.
 */
bool rcu_slabs_advance(struct kmem_cache *cache, struct list_head *ready);

/* How many are kept. O(slabs): for verifiers. */
uint64_t rcu_slabs_count(struct kmem_cache *cache);

#endif
