#ifndef TESTS_UNIT_PLAIN_CACHE_H
#define TESTS_UNIT_PLAIN_CACHE_H

/* Caches with exactly the debug flags asked for, whatever debug= says; and their end. */

#include "tests/unit/slab/room.h"

/* The descriptor of a slab of objects of this size fits beside them, on the slab. */
#define ON_SLAB_BYTES	192u

static inline struct kmem_cache *create_plain_dtor(const char *name, size_t bytes, size_t align,
						   slab_flags_t flags, void (*ctor)(void *object),
						   void (*dtor)(void *object))
{
	slab_flags_t kept = slab_system.debug_flags;
	struct kmem_cache *cache;

	slab_system.debug_flags = 0;
	cache = kmem_cache_create_dtor(name, bytes, align, flags, ctor, dtor);
	slab_system.debug_flags = kept;
	return cache;
}

static inline struct kmem_cache *create_plain(const char *name, size_t bytes, size_t align,
					      slab_flags_t flags, void (*ctor)(void *object))
{
	return create_plain_dtor(name, bytes, align, flags, ctor, NULL);
}

/*
 * Takes @cache off the list: an operation on it panicked half-way, or a case took its
 * objects by ways of its own. Nobody looks at it any more.
 */
static inline void abandon(struct kmem_cache *cache)
{
	spin_lock(&slab_system.lock);
	list_del(&cache->list);
	slab_system.nr_caches--;
	spin_unlock(&slab_system.lock);
	for (unsigned i = 0; i < NR_KEEP_SHARES; i++)
		keep_pages_no_more(i, cache_kept_pages(cache, i));
}

#endif
