/*
 * Empty slabs of type-safe caches, kept until a grace period has passed.
 *
 * Model
 *   With SLAB_TYPESAFE_BY_RCU a reader may look at an object without a lock and
 *   find it freed, or allocated anew as another object of the same cache, but
 *   never as something else. So an empty slab that should go waits first, for a period
 *   that begins with it: those that came until somebody looked are `waiting`, later ones
 *   `pending`, each list until the period of its last one has passed. Slabs that wait are
 *   on no node's lists and serve no allocation.
 *
 * Locking
 *   cache->rcu.lock guards both lists; slabs are destroyed without it.
 */

#include "mm/slab/rcu.h"

#include "mm/grace.h"

/* @cache is cleared: period 0, which nobody waits for, has passed. */
void rcu_slabs_init(struct kmem_cache *cache)
{
	list_init(&cache->rcu.pending);
	list_init(&cache->rcu.waiting);
}

static void move_all(struct list_head *from, struct list_head *to)
{
	while (!list_is_empty(from))
		list_move(from->next, to);
}

/* Takes off to @ready what may go now. */
static void advance(struct kmem_cache *cache, struct list_head *ready) HOLDS(cache->rcu.lock)
{
	/* A second time: the period of what was pending may have passed, too. */
	for (unsigned i = 0; i < 2 && grace_has_passed(cache->rcu.number); i++) {
		move_all(&cache->rcu.waiting, ready);
		move_all(&cache->rcu.pending, &cache->rcu.waiting);
		cache->rcu.number = cache->rcu.pending_number;
	}
}

void rcu_slabs_defer(struct kmem_cache *cache, struct list_head *slabs, struct list_head *ready)
{
	spin_lock(&cache->rcu.lock);
	if (!list_is_empty(slabs))
		cache->rcu.pending_number = grace_begin();
	move_all(slabs, &cache->rcu.pending);
	advance(cache, ready);
	spin_unlock(&cache->rcu.lock);
}

bool rcu_slabs_advance(struct kmem_cache *cache, struct list_head *ready)
{
	bool is_waiting;

	spin_lock(&cache->rcu.lock);
	advance(cache, ready);
	/* Slabs are pending only while others wait. */
	is_waiting = !list_is_empty(&cache->rcu.waiting);
	spin_unlock(&cache->rcu.lock);
	return is_waiting;
}

static uint64_t nr_slabs_on(const struct list_head *slabs)
{
	uint64_t nr = 0;

	list_for_each(at, slabs)
		nr++;
	return nr;
}

uint64_t rcu_slabs_count(struct kmem_cache *cache)
{
	uint64_t nr;

	spin_lock(&cache->rcu.lock);
	nr = nr_slabs_on(&cache->rcu.pending) + nr_slabs_on(&cache->rcu.waiting);
	spin_unlock(&cache->rcu.lock);
	return nr;
}
