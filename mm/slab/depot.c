/*
 * Depots: the magazines of a cache that no CPU has loaded.
 *
 * Model
 *   A magazine is a fixed number of slots for objects at rest. CPUs fill and
 *   empty theirs; a full one goes to a depot for an empty one, and the other way
 *   round. So what one CPU frees another allocates at the cost of two pointers a
 *   magazine, whichever slabs the objects are of and in whatever order they were
 *   freed: no object is touched on the way. Every magazine in a depot is full to
 *   its last slot or has no object.
 *
 *   Each CPU has a depot of its own (see mm/slab/array.c), and behind those stands
 *   the node's. How many full ones stay there is what empty slabs are bounded by
 *   too, node->max_free_objects: it grows with the load (see Keeping in
 *   mm/slab/node.c) and shrinking sets it back. Empty ones stay until the cache shrinks.
 *   No depot has more than UINT16_MAX of either.
 *
 * Invariants, true whenever depot->lock is free
 *   DEPOT-1  nr_full and nr_empty are the lengths of the lists
 *   DEPOT-2  every slot of a full magazine holds an object of the node and the cache,
 *       with a state byte that is not 0
 *   DEPOT-3  the sentinel of every magazine is NULL
 *
 * Locking
 *   depot->lock guards the lists. It nests in everything of the slab allocator and
 *   nothing in it: objects go to slabs, and magazines to their caches, without it.
 *   A CPU's own depot is its alone but when others shrink the cache.
 */

#include "mm/slab/depot.h"

#include "lib/align.h"
#include "mm/slab/node.h"

/* Powers of two, so that slabs of magazines waste nothing: 3, 63 and 127 slots. */
static const uint16_t size_bytes[NR_MAGAZINE_SIZES] = { 64, 1024, 2048 };

static unsigned slots_in(size_t bytes)
{
	return (unsigned)((bytes - sizeof(struct magazine)) / sizeof(struct slab_slot));
}

unsigned magazine_size_index(unsigned nr_slots)
{
	unsigned index = 0;

	while (slots_in(size_bytes[index]) < nr_slots)
		index++;
	ASSERT(slots_in(size_bytes[index]) == nr_slots);
	return index;
}

size_t magazine_bytes(unsigned size_index)
{
	return size_bytes[size_index];
}

struct magazine *magazine_make(struct kmem_cache *cache, unsigned nid)
{
	uint8_t *state;
	struct magazine *magazine = slab_take_one(cache->magazines, GFP_NOWAIT, nid, &state);

	if (magazine)
		magazine->sentinel = (struct slab_slot){ NULL, NULL };
	return magazine;
}

void magazine_free(struct magazine *magazine)
{
	slab_internal_free(magazine);
}

/* ---- Any depot ---- */

static struct magazine *pop_magazine(struct magazine **list, uint16_t *nr)
{
	struct magazine *magazine = *list;

	if (magazine) {
		*list = magazine->next;
		__atomic_store_n(nr, (uint16_t)(*nr - 1), __ATOMIC_RELAXED);
	}
	return magazine;
}

static bool push_magazine(struct magazine **list, uint16_t *nr, uint16_t max,
			  struct magazine *magazine)
{
	if (*nr >= max)
		return false;
	magazine->next = *list;
	*list = magazine;
	__atomic_store_n(nr, (uint16_t)(*nr + 1), __ATOMIC_RELAXED);
	return true;
}

struct magazine *depot_get_full(struct depot *depot)
{
	struct magazine *full;

	spin_lock(&depot->lock);
	full = pop_magazine(&depot->full, &depot->nr_full);
	spin_unlock(&depot->lock);
	return full;
}

struct magazine *depot_get_empty(struct depot *depot)
{
	struct magazine *empty;

	spin_lock(&depot->lock);
	empty = pop_magazine(&depot->empty, &depot->nr_empty);
	spin_unlock(&depot->lock);
	return empty;
}

bool depot_put_full(struct depot *depot, struct magazine *full, uint16_t max)
{
	bool is_put;

	spin_lock(&depot->lock);
	is_put = push_magazine(&depot->full, &depot->nr_full, max, full);
	spin_unlock(&depot->lock);
	return is_put;
}

void depot_put_empty(struct depot *depot, struct magazine *empty)
{
	bool is_put;

	spin_lock(&depot->lock);
	is_put = push_magazine(&depot->empty, &depot->nr_empty, UINT16_MAX, empty);
	spin_unlock(&depot->lock);
	if (unlikely(!is_put))
		magazine_free(empty);
}

struct magazine *depot_swap_full(struct depot *depot, struct magazine *full)
{
	struct magazine *empty = NULL;

	spin_lock(&depot->lock);
	if (depot->empty && push_magazine(&depot->full, &depot->nr_full, UINT16_MAX, full))
		empty = pop_magazine(&depot->empty, &depot->nr_empty);
	spin_unlock(&depot->lock);
	return empty;
}

struct magazine *depot_swap_empty(struct depot *depot, struct magazine *empty)
{
	struct magazine *full = NULL;

	/* Who finds nothing here makes a slab: the longest way should not wait for locks, too. */
	if (__atomic_load_n(&depot->nr_full, __ATOMIC_RELAXED) == 0)
		return NULL;
	spin_lock(&depot->lock);
	if (depot->full && push_magazine(&depot->empty, &depot->nr_empty, UINT16_MAX, empty))
		full = pop_magazine(&depot->full, &depot->nr_full);
	spin_unlock(&depot->lock);
	return full;
}

/* ---- A node's ---- */

struct magazine *node_get_empty(struct kmem_cache *cache, struct cache_node *node)
{
	struct magazine *magazine = depot_get_empty(&node->depot);

	return likely(magazine != NULL) ? magazine : magazine_make(cache, node->nid);
}

uint16_t node_max_full(const struct kmem_cache *cache, const struct cache_node *node)
{
	return (uint16_t)min_u64(node_max_free(node) / cache->magazine_slots, UINT16_MAX);
}

void node_put_full(struct kmem_cache *cache, struct cache_node *node, struct magazine *full)
{
	if (likely(depot_put_full(&node->depot, full, node_max_full(cache, node))))
		return;
	node_give(cache, node, full->slots, cache->magazine_slots);
	depot_put_empty(&node->depot, full);
}

bool node_spill(struct kmem_cache *cache, struct cache_node *node)
{
	struct magazine *full = depot_get_full(&node->depot);

	if (!full)
		return false;
	node_give(cache, node, full->slots, cache->magazine_slots);
	depot_put_empty(&node->depot, full);
	return true;
}

/* ---- Objects where the slabs have none ---- */

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

struct slab_slot depot_take_slot(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct slab_slot slot = { NULL, NULL };
	struct cache_node *node = cache_node_lookup(cache, nid);

	if (node && take_or_spill(cache, node, &slot, 1))
		return slot;
	slot = slab_take_slot(cache, gfp, nid);
	for (unsigned i = 0; !slot.object && !(gfp & __GFP_THISNODE); i++) {
		unsigned other = slab_system.setup.nearest_node(nid, i);

		if (other == NID_NONE)
			break;
		node = cache_node_lookup(cache, other);
		if (node)
			take_or_spill(cache, node, &slot, 1);
	}
	return slot;
}

/* ---- All of them ---- */

void depot_drain(struct kmem_cache *cache, struct cache_node *node, struct depot *depot)
{
	struct magazine *full, *empty, *next;

	/* At once: its CPU may go on to fill it. */
	spin_lock(&depot->lock);
	full = depot->full;
	empty = depot->empty;
	depot->full = depot->empty = NULL;
	__atomic_store_n(&depot->nr_full, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&depot->nr_empty, 0, __ATOMIC_RELAXED);
	spin_unlock(&depot->lock);
	for (; full; full = next) {
		next = full->next;
		node_give(cache, node, full->slots, cache->magazine_slots);
		magazine_free(full);
	}
	for (; empty; empty = next) {
		next = empty->next;
		magazine_free(empty);
	}
}
