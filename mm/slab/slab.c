/*
 * Slabs of one cache on one node.
 *
 * Model
 *   A slab is a block of 2^k pages cut into objects of one size. Its kmem_bufctl
 *   array has an entry per object; the free ones form a list through it. An
 *   entry of u8 holds the distance to the next free object, modulo 256; an
 *   entry of u16 holds (next << 1) | 1, its high byte in a second plane. So the
 *   low byte of a free object's entry is never 0, and 0 can say "allocated": the
 *   list that finds a free object is also the record that tells a first free
 *   from a second. Objects that rest in an array keep a low byte that is not 0.
 *   nr_free tells where the list ends; the last entry leads nowhere.
 *
 *   A node keeps its slabs on three lists: full (no free object), partial, and
 *   free (no object in use or in an array). list.next of every page of a slab
 *   leads to the cache, list.prev to the slab.
 *
 * Invariants, true whenever node->lock is free
 *   SLAB-1  a slab is on full, partial or free as nr_free is 0, between, or all
 *   SLAB-2  the free list has nr_free entries, each of a different object, none
 *       with a low byte of 0
 *   SLAB-3  every page of a slab has type PAGE_SLAB and leads to its cache and slab,
 *       and to its array: array_index is the cache's
 *   SLAB-4  nr_slabs, nr_free_slabs and nr_free_objects are the sums over the lists
 *   SLAB-5  both guard words of an on-slab descriptor are whole
 *   SLAB-6  an entry whose low byte is not 0 is in the free list or in one array
 *
 * Locking
 *   node->lock guards the lists and every slab on them. An object's state byte
 *   belongs to whoever holds the object. Pages are taken and given back with no
 *   lock held, because the page allocator may call shrinkers.
 *
 * Cost
 *   Taking or giving an object is 12 to 17 instructions within a run of one slab.
 */

#include "mm/slab/core.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab/debug/debug.h"

/* A batch comes from so many slabs: where each has a few free objects, it is a small one. */
#define MAX_SLABS_PER_TAKE	4u

/* ---- Entries ---- */

/* Wide entries: 7 bits of the next index above the bit that says "free", the rest apart. */
static inline unsigned wide_next(const struct slab_layout *layout, const struct slab *slab,
				 unsigned index)
{
	return (unsigned)(slab->bufctl[index] >> 1 | slab->bufctl[layout->nr_objects + index] << 7);
}

static inline void set_wide_next(const struct slab_layout *layout, struct slab *slab,
				 unsigned index, unsigned next)
{
	slab->bufctl[index] = (uint8_t)(next << 1 | 1);
	slab->bufctl[layout->nr_objects + index] = (uint8_t)(next >> 7);
}

unsigned slab_next_free(const struct kmem_cache *cache, const struct slab *slab, unsigned index)
{
	if (cache->layout.is_wide)
		return wide_next(&cache->layout, slab, index);
	return (uint8_t)(index + slab->bufctl[index]);
}

void slab_entries_init(const struct slab_layout *layout, struct slab *slab)
{
	if (layout->is_wide) {
		for (unsigned i = 0; i < layout->nr_objects; i++)
			set_wide_next(layout, slab, i, i + 1);
		return;
	}
	/* Distances of 1. */
	memset(slab->bufctl, 1, layout->descriptor_bytes - sizeof(*slab));
}

/* The words in front of and behind an on-slab descriptor. */
static uint64_t *front_guard(struct slab *slab)
{
	return (uint64_t *)(void *)slab - 1;
}

static uint64_t *rear_guard(const struct slab_layout *layout, struct slab *slab)
{
	return (uint64_t *)((uintptr_t)slab + layout->descriptor_bytes);
}

void slab_guards_set(const struct slab_layout *layout, struct slab *slab)
{
	*front_guard(slab) = SLAB_GUARD_WORD;
	*rear_guard(layout, slab) = SLAB_GUARD_WORD;
}

bool slab_guards_are_whole(const struct kmem_cache *cache, struct slab *slab)
{
	return cache->layout.place == OFF_SLAB ||
		(*front_guard(slab) == SLAB_GUARD_WORD &&
		 *rear_guard(&cache->layout, slab) == SLAB_GUARD_WORD);
}

/* O(1) checks before a slab's list is used: an overflow in line meets a guard first. */
static inline void check_slab(const struct kmem_cache *cache, struct slab *slab)
{
	if (unlikely(!slab_guards_are_whole(cache, slab)))
		slab_report_corrupt(cache, slab, "a guard word by its descriptor is overwritten");
	if (unlikely(slab->nr_free > cache->layout.nr_objects))
		slab_report_corrupt(cache, slab, "it counts more free objects than exist");
	if (unlikely(!list_is_linked(&slab->list)))
		slab_report_corrupt(cache, slab, "its list links are broken");
}

/*
 * Takes the objects that @slab's free list begins with and that follow each other in
 * the slab, at most @nr; returns how many. What is free of a fresh slab is one run.
 */
static ALWAYS_INLINE unsigned take_run(const struct kmem_cache *cache, struct slab *slab,
				       struct slab_slot *to, unsigned nr)
{
	const uint64_t stride = cache->layout.stride_bytes;
	const unsigned first = slab->first_free, nr_objects = cache->layout.nr_objects;
	const unsigned nr_behind = first < nr_objects ? nr_objects - first : 0;
	uint8_t *object = slab->objects + first * stride;
	uint8_t *const start = &slab->bufctl[first], *state = start;
	uint8_t *const end = start + (nr < nr_behind ? nr : nr_behind);

	for (; state < end && *state == 1; state++, object += stride)
		*to++ = (struct slab_slot){ object, state };
	slab->first_free = (uint8_t)(state - slab->bufctl);
	return (unsigned)(state - start);
}

/* Takes the first @nr objects of @slab's free list, which has as many. */
static void slab_take(struct kmem_cache *cache, struct slab *slab, struct slab_slot *to,
		      unsigned nr)
{
	const unsigned nr_objects = cache->layout.nr_objects;
	const uint64_t stride = cache->layout.stride_bytes;
	uint8_t *const objects = slab->objects, *const bufctl = slab->bufctl;
	struct slab_slot *const end = to + nr;
	unsigned index;

	if (nr > 1)
		to += take_run(cache, slab, to, nr);
	index = slab->first_free;
	while (to < end) {
		uint8_t distance = bufctl[index];

		if (unlikely(index >= nr_objects) || unlikely(distance == 0))
			slab_report_corrupt(cache, slab, "its free list leads to no free object");
		*to++ = (struct slab_slot){ objects + index * stride, &bufctl[index] };
		index = (uint8_t)(index + distance);
	}
	slab->first_free = (uint16_t)index;
}

static void slab_take_wide(struct kmem_cache *cache, struct slab *slab, struct slab_slot *to,
			   unsigned nr)
{
	unsigned index = slab->first_free;

	for (struct slab_slot *end = to + nr; to < end; to++) {
		if (unlikely(index >= cache->layout.nr_objects || slab->bufctl[index] == 0))
			slab_report_corrupt(cache, slab, "its free list leads to no free object");
		to->object = slab_object(cache, slab, index);
		to->state = &slab->bufctl[index];
		index = wide_next(&cache->layout, slab, index);
	}
	slab->first_free = (uint16_t)index;
}

/*
 * Puts the objects of @slab that @from begins with, at least one, first in its
 * free list; returns how many of @nr they are.
 */
static ALWAYS_INLINE unsigned slab_put(const struct kmem_cache *cache, struct slab *slab,
				       const struct slab_slot *from, unsigned nr)
{
	const uint64_t nr_objects = cache->nr_objects;
	const struct slab_slot *at = from, *end = from + nr;
	uint64_t index = (uint64_t)(at->state - slab->bufctl);
	/* The end of the list leads anywhere, but not by a distance of 0. */
	uint64_t first = slab->nr_free ? slab->first_free : index + 1;

	do {
		slab->bufctl[index] = (uint8_t)(first - index);
		first = index;
		if (++at == end)
			break;
		index = (uint64_t)(at->state - slab->bufctl);
	} while (index < nr_objects);
	slab->first_free = (uint16_t)first;
	return (unsigned)(at - from);
}

static NOINLINE unsigned slab_put_wide(const struct kmem_cache *cache, struct slab *slab,
				       const struct slab_slot *from, unsigned nr)
{
	unsigned i = 0;
	uint64_t index = (uint64_t)(from->state - slab->bufctl);

	do {
		set_wide_next(&cache->layout, slab, (unsigned)index, slab->first_free);
		slab->first_free = (uint16_t)index;
		if (++i == nr)
			break;
		index = (uint64_t)(from[i].state - slab->bufctl);
	} while (index < cache->nr_objects);
	return i;
}

/* ---- Taking and giving ---- */

void node_unlist_empty(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects,
		       struct list_head *to)
{
	while (node->nr_free_objects > keep_objects && !list_is_empty(&node->free)) {
		struct slab *slab = list_entry(node->free.prev, struct slab, list);

		check_slab(cache, slab);
		list_move(&slab->list, to);
		node->nr_slabs--;
		node->nr_free_slabs--;
		node->nr_free_objects -= cache->layout.nr_objects;
	}
}


static struct slab *slab_with_room(struct cache_node *node) HOLDS(node->lock)
{
	if (!list_is_empty(&node->partial))
		return list_first_entry(&node->partial, struct slab, list);
	if (!list_is_empty(&node->free))
		return list_first_entry(&node->free, struct slab, list);
	return NULL;
}

static unsigned take_from_slab(struct kmem_cache *cache, struct cache_node *node,
			       struct slab *slab, struct slab_slot *to, unsigned wanted)
	HOLDS(node->lock)
{
	const unsigned nr_before = slab->nr_free;
	const unsigned nr = nr_before < wanted ? nr_before : wanted;
	const bool was_empty = nr_before == cache->layout.nr_objects;

	check_slab(cache, slab);
	if (unlikely(nr == 0))
		slab_report_corrupt(cache, slab, "it is listed as partial and has no free object");
	if (cache->layout.is_wide)
		slab_take_wide(cache, slab, to, nr);
	else
		slab_take(cache, slab, to, nr);
	slab->nr_free = (uint16_t)(nr_before - nr);
	node->nr_free_objects -= nr;
	node->nr_free_slabs -= was_empty;
	if (was_empty || nr == nr_before)
		list_move(&slab->list, nr == nr_before ? &node->full : &node->partial);
	return nr;
}

unsigned node_take(struct kmem_cache *cache, struct cache_node *node, struct slab_slot *to,
		   unsigned wanted)
{
	unsigned nr = 0;

	spin_lock(&node->lock);
	for (unsigned nr_slabs = 0; nr < wanted && nr_slabs < MAX_SLABS_PER_TAKE; nr_slabs++) {
		struct slab *slab = slab_with_room(node);

		if (!slab)
			break;
		nr += take_from_slab(cache, node, slab, to + nr, wanted - nr);
	}
	spin_unlock(&node->lock);
	return nr;
}

/* @slab has its first free object again, or all: the list SLAB-1 asks for. */
static void relist(struct kmem_cache *cache, struct cache_node *node, struct slab *slab)
	HOLDS(node->lock)
{
	check_slab(cache, slab);
	if (slab->nr_free == cache->layout.nr_objects) {
		list_move(&slab->list, &node->free);
		node->nr_free_slabs++;
	} else {
		list_move(&slab->list, &node->partial);
	}
}

/* Gives a run of objects of one slab; returns how many of @nr it was. */
static ALWAYS_INLINE unsigned give_run(struct kmem_cache *cache, struct cache_node *node,
				       const struct slab_slot *from, unsigned nr, bool is_plain)
	HOLDS(node->lock)
{
	struct slab *slab = page_slab(virt_to_page(from->object));
	const unsigned nr_before = slab->nr_free;
	unsigned nr_put, nr_free;

	if (!is_plain && !slab_guards_are_whole(cache, slab))
		check_slab(cache, slab);
	if (!is_plain && cache->layout.is_wide)
		nr_put = slab_put_wide(cache, slab, from, nr);
	else
		nr_put = slab_put(cache, slab, from, nr);
	nr_free = nr_before + nr_put;
	slab->nr_free = (uint16_t)nr_free;
	if (unlikely(nr_before == 0) || unlikely(nr_free >= cache->nr_objects))
		relist(cache, node, slab);
	return nr_put;
}

/* Free objects that may stay in slabs: the depot's count too. */
static uint64_t max_free_in_slabs(const struct kmem_cache *cache, const struct cache_node *node)
	HOLDS(node->lock)
{
	uint64_t nr_in_depot = depot_objects(cache, &node->depot);

	return node->max_free_objects > nr_in_depot ? node->max_free_objects - nr_in_depot : 0;
}

/* Returns objects to their slabs; those slabs that should go are added to @empty. */
static void slabs_put(struct kmem_cache *cache, struct cache_node *node,
		      const struct slab_slot *from, unsigned nr, struct list_head *empty)
	HOLDS(node->lock)
{
	uint64_t max_free;

	/* Off-slab descriptors have u8 entries and no guard words: decided once for all. */
	if (cache->layout.place == OFF_SLAB)
		for (unsigned i = 0; i < nr; )
			i += give_run(cache, node, from + i, nr - i, true);
	else
		for (unsigned i = 0; i < nr; )
			i += give_run(cache, node, from + i, nr - i, false);
	node->nr_free_objects += nr;
	max_free = max_free_in_slabs(cache, node);
	if (node->nr_free_objects > max_free)
		node_unlist_empty(cache, node, max_free, empty);
}

void node_give(struct kmem_cache *cache, struct cache_node *node, const struct slab_slot *from,
	       unsigned nr)
{
	struct list_head empty;

	list_init(&empty);
	spin_lock(&node->lock);
	slabs_put(cache, node, from, nr, &empty);
	spin_unlock(&node->lock);
	slabs_destroy(cache, &empty);
}

/* As node_take(), from the depot's objects too: they go to their slabs first. */
static unsigned take_or_spill(struct kmem_cache *cache, struct cache_node *node,
			      struct slab_slot *to, unsigned wanted)
{
	unsigned nr;

	do {
		nr = node_take(cache, node, to, wanted);
	} while (nr == 0 && node_spill(cache, node));
	return nr;
}

unsigned node_take_growing(struct kmem_cache *cache, gfp_t gfp, unsigned nid, struct slab_slot *to,
			   unsigned wanted)
{
	struct cache_node *node = cache_node_get(cache, nid);
	unsigned nr = node ? take_or_spill(cache, node, to, wanted) : 0;

	if (nr)
		return nr;
	node = cache_grow(cache, (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_THISNODE, nid);
	return node ? node_take(cache, node, to, wanted) : 0;
}

/*
 * Any node's free object, nearest first: @nid may have no memory and so not be the
 * nearest itself. Then a page from wherever it can be had.
 */
static void take_one_elsewhere(struct kmem_cache *cache, gfp_t gfp, unsigned nid,
			       struct slab_slot *to)
{
	struct cache_node *node;

	for (unsigned i = 0; ; i++) {
		unsigned other = slab_system.setup.nearest_node(nid, i);

		if (other == NID_NONE)
			break;
		node = cache_node_lookup(cache, other);
		if (node && take_or_spill(cache, node, to, 1))
			return;
	}
	node = cache_grow(cache, gfp, nid);
	if (node)
		node_take(cache, node, to, 1);
}

struct slab_slot slab_take_slot(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct slab_slot slot = { NULL, NULL };

	if (!node_take_growing(cache, gfp, nid, &slot, 1) && !(gfp & __GFP_THISNODE))
		take_one_elsewhere(cache, gfp, nid, &slot);
	return slot;
}

void *slab_take_one(struct kmem_cache *cache, gfp_t gfp, unsigned nid, uint8_t **state)
{
	struct slab_slot slot = slab_take_slot(cache, gfp, nid);

	if (slot.object)
		*slot.state = 0;
	*state = slot.state;
	return slot.object;
}

void slab_give_one(struct kmem_cache *cache, void *object, uint8_t *state)
{
	const struct slab_slot slot = { object, state };
	unsigned nid = page_slab(virt_to_page(object))->nid;

	node_give(cache, cache_node_lookup(cache, nid), &slot, 1);
}
