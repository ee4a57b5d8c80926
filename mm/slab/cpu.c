/*
 * Objects for and from this CPU: the fast paths.
 *
 * Model
 *   Each CPU has an array per cache (mm/slab/array.c): a stack of {object, state byte}
 *   pairs. Allocating pops a pair and stores 0 to the state byte; freeing finds
 *   page, slab and index of the object, exchanges its state byte, which must have been
 *   0, for 1 and pushes the pair. Objects of other nodes go by way of an alien array.
 *
 * What each free proves, in O(1)
 *   address in the direct map, page of type PAGE_SLAB    else: wild free
 *   offset is index * stride of an index that exists     else: interior pointer
 *   state byte is 0                                      else: double free
 *   (kmem_cache_free) the page's cache is the caller's   else: wrong cache
 *
 *   The exchange is one for all CPUs: of two that free one object in the same instant
 *   one finds 0, and the other a double free. So no object rests twice.
 *
 * Locking
 *   mm_port_local_lock() around each use of the array, and around nothing else: what takes
 *   memory, gives pages back or reports does so without it.
 */

#include "mm/slab/cpu.h"

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/slab/alien.h"
#include "mm/slab/array.h"
#include "mm/slab/bounds.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/guard.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/depot.h"
#include "mm/slab/large.h"
#include "mm/slab/node.h"
#include "mm/slab/slab.h"

/* ---- The slow way ---- */

/* An object near @nid that is not of @home, the CPU's own node, or of it after all. */
static struct slab_slot take_near(struct kmem_cache *cache, struct cache_node *home, gfp_t gfp,
				  unsigned nid)
{
	struct slab_slot slot = { NULL, NULL };
	struct cache_node *grown;

	for (unsigned i = 0; !slot.object; i++) {
		unsigned other = slab_system.setup.nearest_node(nid, i);

		if (other == NID_NONE)
			break;
		slot = alien_take(cache, home, other);
		while (!slot.object && i == 0 &&
		       cache_grow(cache, (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_THISNODE, other))
			slot = alien_take(cache, home, other);
		if (gfp & __GFP_THISNODE)
			return slot;
	}
	while (!slot.object && (grown = cache_grow(cache, gfp, nid)) != NULL)
		slot = alien_take(cache, home, grown->nid);
	return slot;
}

static void *finish_alloc(const struct kmem_cache *cache, gfp_t gfp, struct slab_slot slot)
{
	if (!slot.object)
		return NULL;
	if (unlikely(*slot.state == 0))
		slab_report_twice(cache, slot.object);
	*slot.state = 0;
	if (gfp & __GFP_ZERO) {
		ASSERT(!cache->ctor);
		memset(slot.object, 0, cache->object_bytes);
	}
	return slot.object;
}

/* An object of @nid, NID_NONE for this CPU's, or near it. No call: magazines change this way. */
static ALWAYS_INLINE struct slab_slot take_slow(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	const struct cpu_array *array = cpu_array_own(cache);
	const unsigned own = array->nid;
	struct slab_slot slot = { NULL, NULL };

	if (unlikely(array == &slab_no_array))
		return depot_take_slot(cache, gfp, nid == NID_NONE ?
				       slab_memory_node(numa_node_id()) : nid);
	if (nid == NID_NONE || nid == own)
		slot = cpu_array_take(cache, gfp, own);
	if (likely(slot.object != NULL))
		return slot;
	return take_near(cache, cache_node_lookup(cache, own), gfp, nid == NID_NONE ? own : nid);
}

/* Whether @nid, or this CPU's node, has memory: without any it has nothing that is its own. */
static bool has_own_memory(unsigned nid)
{
	if (nid == NID_NONE)
		nid = numa_node_id();
	return slab_memory_node(nid) == nid;
}

/* Of a cache some of whose objects are not taken from its arrays, or none; or no cache. */
static NOINLINE COLD void *alloc_watched(struct kmem_cache *cache, gfp_t gfp, unsigned nid,
					 size_t size_bytes, uintptr_t caller)
{
	/* The array is empty, and gets so many, where nothing else asks for this way. */
	const bool is_refill = !cache->debug && nid == NID_NONE && !(gfp & SLAB_SPECIAL_GFP);
	void *object = NULL;

	if (unlikely(cache->flags & SLAB_DESTROYED))
		mm_port_panic(__FILE__, __LINE__,
			      "allocation of a cache that is destroyed: %p, by %p",
			      (const void *)cache, (const void *)caller);
	if (cache->flags & SLAB_SAMPLED)
		object = guard_sample(cache, gfp, nid, size_bytes, caller,
				      is_refill ? cache->batch : 1);
	if (object || !cache->debug)
		return object;
	object = debug_alloc(cache, gfp, nid, size_bytes, caller);
	if (unlikely(!object) && cache_has_limit(cache)) {
		cache_relieve(cache);
		object = debug_alloc(cache, gfp, nid, size_bytes, caller);
		if (!object)
			cache_tell_limit(cache, gfp);
	}
	return object;
}

/* There was none: what the limit holds up, and the reserve. */
static NOINLINE COLD struct slab_slot take_last(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct slab_slot slot = { NULL, NULL };

	if (cache_has_limit(cache)) {
		cache_relieve(cache);
		slot = take_slow(cache, gfp, nid);
		if (!slot.object)
			cache_tell_limit(cache, gfp);
	}
	if (slot.object)
		return slot;
	return node_take_reserved(cache, gfp, nid == NID_NONE ?
				  slab_memory_node(numa_node_id()) : nid);
}

/*
 * The array gave nothing, or @nid (not NID_NONE) may be another's, or @gfp has
 * special flags. @caller and @size_bytes, what was asked, are for debug caches.
 */
static NOINLINE void *alloc_slow(struct kmem_cache *cache, gfp_t gfp, unsigned nid,
				 size_t size_bytes, const void *caller)
{
	struct slab_slot slot;

	if (unlikely(gfp & __GFP_THISNODE) && !has_own_memory(nid))
		return NULL;
	if (nid != NID_NONE)
		nid = slab_memory_node(nid);
	if (unlikely(cache->flags & (SLAB_DEBUG_FLAGS | SLAB_SAMPLED | SLAB_DESTROYED))) {
		void *object = alloc_watched(cache, gfp, nid, size_bytes, (uintptr_t)caller);

		if (object || cache->debug)
			return object;
	}
	slot = take_slow(cache, gfp, nid);
	if (unlikely(!slot.object))
		slot = take_last(cache, gfp, nid);
	return finish_alloc(cache, gfp, slot);
}

/* ---- Allocating ---- */

void *kmem_cache_alloc_slow(struct kmem_cache *cache, gfp_t gfp)
{
	return alloc_slow(cache, gfp, NID_NONE, cache->asked_bytes, __builtin_return_address(0));
}

void *kmalloc_slow(struct kmem_cache *cache, gfp_t gfp, size_t size_bytes)
{
	return alloc_slow(cache, gfp, NID_NONE, size_bytes, __builtin_return_address(0));
}

void *kmem_cache_alloc_flags(struct kmem_cache *cache, gfp_t gfp)
{
	if ((gfp & SLAB_SPECIAL_GFP) == __GFP_ZERO && likely(!cache->ctor)) {
		void *object = slab_pop(cache);

		if (likely(object != NULL))
			return memset(object, 0, cache->object_bytes);
	}
	return slab_alloc_sized(cache, gfp, NID_NONE, cache->asked_bytes,
				__builtin_return_address(0));
}

void *kmem_cache_alloc_node(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	ASSERT(nid == NID_NONE || nid < slab_system.nr_nodes);
	return slab_alloc_sized(cache, gfp, nid, cache->asked_bytes, __builtin_return_address(0));
}

static ALWAYS_INLINE bool is_of_cpu(const struct kmem_cache *cache, unsigned nid)
{
	return nid == cache->cpu[mm_port_cpu()]->nid;
}

/*
 * Another node's object from the alien array if there is one, for ordinary @gfp;
 * else the slow path.
 */
static NOINLINE void *alloc_foreign(struct kmem_cache *cache, gfp_t gfp, unsigned nid,
				    size_t size_bytes, const void *caller)
{
	struct mm_local local = mm_port_local_lock();
	const struct cpu_array *array = cache->cpu[mm_port_cpu()];
	struct slab_slot slot = { NULL, NULL };

	if (likely(array != &slab_no_array) && !(gfp & SLAB_SPECIAL_GFP))
		slot = alien_pop(cache_node_lookup(cache, array->nid), nid);
	mm_port_local_unlock(local);
	if (likely(slot.object != NULL))
		return finish_alloc(cache, 0, slot);
	return alloc_slow(cache, gfp, nid, size_bytes, caller);
}

void *slab_alloc_sized(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t size_bytes,
		       const void *caller)
{
	void *object;

	if (nid != NID_NONE && !is_of_cpu(cache, nid))
		return alloc_foreign(cache, gfp, nid, size_bytes, caller);
	if (unlikely(gfp & SLAB_SPECIAL_GFP))
		return alloc_slow(cache, gfp, nid, size_bytes, caller);
	object = slab_pop(cache);
	return likely(object != NULL) ? object :
		alloc_slow(cache, gfp, nid, size_bytes, caller);
}

/* Pops up to @wanted objects from the loaded magazine. */
static size_t pop_many(struct kmem_cache *cache, size_t wanted, void **objects,
		       struct mm_local local)
{
	struct cpu_array *array = cache->cpu[mm_port_cpu()];
	struct slab_slot *top = array->top;
	void **to = objects, **end = objects + wanted;

	(void)local;
	while (to < end) {
		void *object = top[-1].object;
		uint8_t *state = top[-1].state;

		if (unlikely(!object) || unlikely(*state == 0))
			break;
		top--;
		*state = 0;
		*to++ = object;
	}
	if (to != objects)
		array->top = top;
	return (size_t)(to - objects);
}

size_t kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t nr_objects,
			     void **objects)
{
	size_t nr = 0;

	for (;;) {
		struct mm_local local = mm_port_local_lock();

		if (!(gfp & SLAB_SPECIAL_GFP))
			nr += pop_many(cache, nr_objects - nr, objects + nr, local);
		mm_port_local_unlock(local);
		if (nr == nr_objects)
			return nr;
		objects[nr] = kmem_cache_alloc_flags(cache, gfp);
		if (!objects[nr]) {
			kmem_cache_free_bulk(cache, nr, objects);
			return 0;
		}
		nr++;
	}
}

/* ---- Freeing ---- */

/* @object is claimed, and the array of this CPU does not take the object as it is. */
static NOINLINE void free_slow(struct kmem_cache *cache, struct slab *slab, void *object,
			       uint8_t *state, const void *caller)
{
	const struct slab_slot slot = { object, state };
	const struct cpu_array *array;

	if (unlikely(cache->debug != NULL)) {
		debug_free(cache, object, state, (uintptr_t)caller);
		return;
	}
	array = cpu_array_own(cache);
	if (array != &slab_no_array && slab->nid != array->nid)
		alien_give(cache, cache_node_lookup(cache, array->nid), slab->nid, slot);
	else if (!cpu_array_put(cache, slab->nid, slot))
		slab_give_one(cache, object, state);
}

/* @object, which is claimed, is another node's than @own, this CPU's. */
static NOINLINE void free_foreign(struct kmem_cache *cache, const struct slab *slab, void *object,
				  uint8_t *state, unsigned own)
{
	struct cache_node *home = cache_node_lookup(cache, own);
	const struct slab_slot slot = { object, state };

	if (unlikely(!alien_push(home, slab->nid, slot)))
		alien_give(cache, home, slab->nid, slot);
}

/* The page of @object if it is a slab's, else NULL. */
static ALWAYS_INLINE struct page *slab_page(const void *object)
{
	if (unlikely(!has_page(object)) || unlikely(virt_to_page(object)->type != PAGE_SLAB))
		return NULL;
	return virt_to_page(object);
}

/*
 * Frees @object of @slab for the caller alone: its state byte, which was 0 and is no longer,
 * or NULL when it is no allocated object. The cache's @inverse and @nr_objects stand in its
 * arrays too.
 */
static ALWAYS_INLINE uint8_t *claim_object(uint64_t inverse, uint64_t nr_objects,
					   struct slab *slab, const void *object)
{
	uint64_t at = slab_index_by(inverse, slab, object);

	if (unlikely(at >= nr_objects) || unlikely(!slab_claim_state(&slab->bufctl[at])))
		return NULL;
	return &slab->bufctl[at];
}

/* What is no allocated object, or the CPU has no array that could tell. */
static NOINLINE void free_unusual(const struct page *page, void *object, const void *caller)
{
	struct kmem_cache *cache = page_cache(page);
	uint8_t *state;

	if (unlikely(cache->debug != NULL))
		debug_check_free(cache, page_slab(page), object);
	state = (cache->flags & SLAB_INTERNAL) ? NULL :
		claim_object(cache->inverse, cache->nr_objects, page_slab(page), object);
	if (state)
		free_slow(cache, page_slab(page), object, state, caller);
	else
		slab_refuse_free(object, caller);
}

/* @array is this CPU's of the cache that @page belongs to, or none. Ends @local. */
static ALWAYS_INLINE void free_fast(struct cpu_array *array, const struct page *page,
				    void *object, struct mm_local local)
{
	struct slab *slab = page_slab(page);
	uint8_t *state = claim_object(array->inverse, array->nr_objects, slab, object);
	struct slab_slot *top = array->top;

	if (unlikely(!state)) {
		mm_port_local_unlock(local);
		free_unusual(page, object, __builtin_return_address(0));
	} else if (unlikely(slab->nid != array->nid)) {
		const unsigned own = array->nid;

		mm_port_local_unlock(local);
		free_foreign(page_cache(page), slab, object, state, own);
	} else if (unlikely(top >= array->end)) {
		mm_port_local_unlock(local);
		/* No debug cache has an array: nobody asks for the caller. */
		free_slow(page_cache(page), slab, object, state, NULL);
	} else {
		*top = (struct slab_slot){ object, state };
		FORGET(array->top);
		array->top++;		/* in memory: one instruction less than by way of top */
		mm_port_local_unlock(local);
	}
}

void kfree(const void *object)
{
	const struct page *page = slab_page(object);
	struct mm_local local;

	if (unlikely(!page)) {
		kfree_large(object, __builtin_return_address(0));
		return;
	}
	local = mm_port_local_lock();
	free_fast(kmalloc_array_at(page->array_index), page, (void *)(uintptr_t)object, local);
}

static COLD void free_not_of_slab(const struct kmem_cache *cache, const void *object,
				  const void *caller)
{
	if (object && !guard_free(cache, object, caller))
		slab_report_wrong_cache(cache, object, caller);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	const struct page *page = slab_page(object);
	struct mm_local local;

	if (unlikely(!page) || unlikely(page_cache(page) != cache)) {
		free_not_of_slab(cache, object, __builtin_return_address(0));
		return;
	}
	local = mm_port_local_lock();
	free_fast(cache->cpu[mm_port_cpu()], page, object, local);
}

/* The slab of @object if that is one of @cache on node @nid, else NULL. */
static struct slab *slab_of_cache(const struct kmem_cache *cache, const void *object,
				  unsigned nid)
{
	const struct page *page = slab_page(object);

	if (unlikely(!page) || unlikely(page_cache(page) != cache) ||
	    unlikely(page_slab(page)->nid != nid))
		return NULL;
	return page_slab(page);
}

/*
 * Frees objects of @cache that need no slow path; returns how many. An object
 * within the slab of the one before needs no look at its page: that slab stays,
 * since the arrays hold an object of it.
 */
static size_t free_many(struct kmem_cache *cache, size_t nr_objects, void **objects)
{
	struct mm_local local = mm_port_local_lock();
	struct cpu_array *array = cache->cpu[mm_port_cpu()];
	struct slab_slot *top = array->top;
	const size_t nr_places = top < array->end ? (size_t)(array->end - top) : 0;
	const uint64_t span = cache->nr_objects * cache->layout.stride_bytes;
	void **at = objects, **end = objects + (nr_objects < nr_places ? nr_objects : nr_places);
	struct slab *slab = NULL;

	for (; at < end; at++) {
		void *object = *at;
		uint8_t *state;

		if (!slab || (uintptr_t)object - (uintptr_t)slab->objects >= span)
			slab = slab_of_cache(cache, object, array->nid);
		if (unlikely(!slab))
			break;
		state = claim_object(cache->inverse, cache->nr_objects, slab, object);
		if (unlikely(!state))
			break;
		*top++ = (struct slab_slot){ object, state };
	}
	if (at != objects)
		array->top = top;
	mm_port_local_unlock(local);
	return (size_t)(at - objects);
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr_objects, void **objects)
{
	for (size_t i = 0; i < nr_objects; i++) {
		if (!cache) {
			kfree(objects[i]);
			continue;
		}
		i += free_many(cache, nr_objects - i, objects + i);
		if (i < nr_objects)
			kmem_cache_free(cache, objects[i]);
	}
}
