/*
 * Allocating and freeing in debug caches: what debug=redzone,poison,owner,quarantine,
 * init,guard,audit add to it.
 *
 * Model
 *   A debug cache has no CPU arrays: every operation takes the slow path and comes
 *   here, then to the slabs. What stands around the objects is mm/slab/debug/object.c's.
 *   A freed object rests in the quarantine, a ring, before it goes to its slab. What
 *   the always-on checks find (double free and so on) is found before.
 *
 * Locking
 *   debug->lock guards the quarantine. Tails belong to whoever holds the object.
 */

#include "mm/slab/debug/debug.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab/debug/audit.h"
#include "mm/slab/debug/guard.h"
#include "mm/slab/debug/object.h"
#include "mm/slab/node.h"

_Static_assert(sizeof(struct cache_debug) <= PAGE_SIZE, "it lies in a page of its own");

/* ---- Objects ---- */

void *debug_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t requested_bytes,
		  uintptr_t caller)
{
	struct debug_tail *tail;
	uint8_t *state;
	void *object;

	if (cache->flags & SLAB_GUARD) {
		object = guard_alloc(cache, gfp, nid, requested_bytes, caller);
		if (object) {
			audit_note(cache, AUDIT_ALLOC, object, requested_bytes, caller);
			return object;
		}
	}
	if (nid == NID_NONE)
		nid = slab_memory_node(numa_node_id());
	object = slab_take_one(cache, gfp & ~__GFP_ZERO, nid, &state);
	if (!object)
		return NULL;
	debug_check_object(cache, object, false);
	tail = debug_tail_of(cache, object);
	debug_prepare_contents(cache, gfp, object);
	debug_set_zones(cache, object, RED_ALLOCATED);
	debug_set_requested(cache, object, requested_bytes);
	tail->allocated = debug_event_now(caller);
	audit_note(cache, AUDIT_ALLOC, object, requested_bytes, caller);
	return object;
}

/* Puts @slot into the ring; what it displaces is returned to its slab. */
static void quarantine(struct kmem_cache *cache, struct slab_slot slot)
{
	struct cache_debug *debug = cache->debug;
	struct slab_slot displaced = { NULL, NULL };

	spin_lock(&debug->lock);
	if (debug->nr == NR_QUARANTINED) {
		displaced = debug->quarantine[debug->first];
		debug->first = (debug->first + 1) % NR_QUARANTINED;
		debug->nr--;
	}
	debug->quarantine[(debug->first + debug->nr++) % NR_QUARANTINED] = slot;
	spin_unlock(&debug->lock);
	if (!displaced.object)
		return;
	debug_check_object(cache, displaced.object, false);
	slab_give_one(cache, displaced.object, displaced.state);
}

void debug_check_free(const struct kmem_cache *cache, const struct slab *slab,
		      const void *object)
{
	uint64_t at = slab_index(cache, slab, object);

	if (at < cache->nr_objects && slab->bufctl[at] == 0)
		debug_check_object(cache, object, true);
}

void debug_free(struct kmem_cache *cache, void *object, uint8_t *state, uintptr_t caller)
{
	audit_note(cache, AUDIT_FREE, object, debug_tail_of(cache, object)->requested_bytes,
		   caller);
	debug_tail_of(cache, object)->freed = debug_event_now(caller);
	debug_set_zones(cache, object, RED_FREE);
	if (debug_is_poisoned(cache))
		debug_fill_poison(cache, object);
	else if ((cache->flags & SLAB_INIT_ON_FREE) && !debug_keeps_contents(cache))
		memset(object, 0, cache->object_bytes);
	if (cache->flags & SLAB_QUARANTINE)
		quarantine(cache, (struct slab_slot){ object, state });
	else
		slab_give_one(cache, object, state);
}

void debug_drain(struct kmem_cache *cache)
{
	struct cache_debug *debug = cache->debug;
	struct slab_slot slot;

	for (;;) {
		spin_lock(&debug->lock);
		if (debug->nr == 0)
			break;
		slot = debug->quarantine[debug->first];
		debug->first = (debug->first + 1) % NR_QUARANTINED;
		debug->nr--;
		spin_unlock(&debug->lock);
		debug_check_object(cache, slot.object, false);
		slab_give_one(cache, slot.object, slot.state);
	}
	spin_unlock(&debug->lock);
}

unsigned debug_nr_quarantined(const struct kmem_cache *cache)
{
	struct cache_debug *debug = cache->debug;
	unsigned nr;

	spin_lock(&debug->lock);
	nr = debug->nr;
	spin_unlock(&debug->lock);
	return nr;
}

/* ---- Caches ---- */

bool debug_attach(struct kmem_cache *cache, uint32_t *stride_bytes)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	uint32_t left = (uint32_t)align_up(RED_ZONE_BYTES, cache->align);

	if (!page)
		return false;
	if (cache->flags & SLAB_AUDIT)
		audit_start();
	cache->debug = page_address(page);
	cache->debug->left_bytes = left;
	*stride_bytes = (uint32_t)align_up(left + cache->object_bytes +
					   sizeof(struct debug_tail), cache->align);
	return true;
}

void debug_detach(struct kmem_cache *cache)
{
	if (cache->debug)
		__free_page(virt_to_page(cache->debug));
	cache->debug = NULL;
}
