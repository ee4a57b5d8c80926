#ifndef MM_SLAB_DEBUG_OBJECT_H
#define MM_SLAB_DEBUG_OBJECT_H

/* What stands in and around the objects of debug caches. See mm/slab/debug/object.c. */

#include "mm/slab/debug/parts.h"

/* A slab of debug cache @cache was made, or goes. */
void debug_slab_create(struct kmem_cache *cache, struct slab *slab);
void debug_slab_release(struct kmem_cache *cache, struct slab *slab);

/* DEBUG-1: red zones are whole. DEBUG-2: free objects hold poison. */
bool debug_slab_verify(const struct kmem_cache *cache, const struct slab *slab,
		       struct violation *out);

/* The request for @object is now @bytes; krealloc() in place, ksize(). */
void debug_resize(const struct kmem_cache *cache, void *object, size_t bytes);

/* ---- For the other debug aids ---- */

enum { RED_FREE = 0xbb, RED_ALLOCATED = 0xcc, POISON_FREE = 0x6b, POISON_END = 0xa5 };

/* Bytes of a fresh object, in memory order: 0xbaddcafe, big-endian. */
#define POISON_FRESH	0xfecaddbau

/* What happens here and now, by @caller. */
struct slab_event debug_event_now(uintptr_t caller);

/* The first byte of [@at, @at + @bytes) that is not @value, or NULL; *@nr: how far it goes. */
const uint8_t *debug_find_damage(const uint8_t *at, size_t bytes, uint8_t value, unsigned *nr);

/* Reports what is wrong with @object, if anything is. */
void debug_check_object(const struct kmem_cache *cache, const void *object, bool is_allocated);

/* Contents are the user's even while the object is free. */
bool debug_keeps_contents(const struct kmem_cache *cache);
bool debug_is_poisoned(const struct kmem_cache *cache);

/* Both zones of @object from now on hold @value. */
void debug_set_zones(const struct kmem_cache *cache, void *object, uint8_t value);
void debug_fill_poison(const struct kmem_cache *cache, uint8_t *object);

/* @object is given out for @bytes; what it holds then, as @gfp and the flags say. */
void debug_set_requested(const struct kmem_cache *cache, uint8_t *object, size_t bytes);
void debug_prepare_contents(const struct kmem_cache *cache, gfp_t gfp, uint8_t *object);

#endif
