/*
 * The slab allocator's own state, one system, and going through its caches.
 *
 * Model
 *   Who works on all caches, to shrink, count or print them, visits one after the other.
 *   A cache that is visited stays in the list, and kmem_cache_destroy() waits for the
 *   visit's end; a cache that is being destroyed is visited by nobody. So whatever a
 *   visit leads to (constructors' opposites, pages given back, lines on a serial port)
 *   happens with no lock held.
 *
 * Locking
 *   slab_system.lock guards the list, nr_caches, and nr_visitors and is_dying of each
 *   cache. Nothing is called while it is held.
 */

#include "mm/slab/core.h"

struct slab_system slab_system;
struct kmem_cache *cache_cache;
struct kmem_cache *node_cache;

void cache_require_alive(const struct kmem_cache *cache, const char *function)
{
	if (unlikely(cache->flags & SLAB_DESTROYED))
		mm_port_panic(__FILE__, __LINE__, "%s: a cache that is destroyed: %p", function,
			      (const void *)cache);
}

static void leave(struct kmem_cache *cache) HOLDS(slab_system.lock)
{
	/* Release: who waits for the end of the visit sees what it did. */
	__atomic_store_n(&cache->nr_visitors, cache->nr_visitors - 1, __ATOMIC_RELEASE);
}

void cache_leave(struct kmem_cache *cache)
{
	spin_lock(&slab_system.lock);
	leave(cache);
	spin_unlock(&slab_system.lock);
}

/* The first cache from link @at on, in one direction, that is not being destroyed. */
static struct kmem_cache *visit_cache(struct kmem_cache *from, bool is_forward)
{
	struct kmem_cache *found = NULL;
	struct list_head *at;

	spin_lock(&slab_system.lock);
	at = from ? &from->list : &slab_system.caches;
	do {
		at = is_forward ? at->next : at->prev;
		found = at == &slab_system.caches ? NULL : list_entry(at, struct kmem_cache, list);
	} while (found && found->is_dying);
	if (found)
		found->nr_visitors++;
	if (from)
		leave(from);
	spin_unlock(&slab_system.lock);
	return found;
}

struct kmem_cache *cache_next(struct kmem_cache *from)
{
	return visit_cache(from, true);
}

struct kmem_cache *cache_previous(struct kmem_cache *from)
{
	return visit_cache(from, false);
}
