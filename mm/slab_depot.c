/*
 * Depots: the magazines of a cache on one node that no CPU has.
 *
 * Model
 *   A magazine is a fixed number of slots for objects at rest. CPUs fill and
 *   empty their own; a full one goes to the node's depot for an empty one, and
 *   the other way round. So what one CPU frees another allocates at the cost of
 *   two pointers a magazine, whichever slabs the objects are of and in whatever
 *   order they were freed: no object is touched on the way.
 *
 *   Every magazine here is full to its last slot or has no object. How many full
 *   ones stay is what empty slabs are bounded by too, node->max_free_objects: it
 *   grows with the load (see Keeping in slab_make.c) and shrinking sets it back.
 *   Empty ones stay until the cache shrinks.
 *
 * Invariants, true whenever depot->lock is free
 *   M1  nr_full and nr_empty are the lengths of the lists
 *   M2  every slot of a full magazine holds an object of the node and the cache,
 *       with a state byte that is not 0
 *   M3  the sentinel of every magazine is NULL
 *
 * Locking
 *   depot->lock guards the lists. It nests in everything of the slab allocator and
 *   nothing in it: objects go to slabs, and magazines to their caches, without it.
 */

#include "slab_core.h"

/* Powers of two, so that slabs of magazines waste nothing: 3, 15, 31 and 127 slots. */
static const uint16_t size_bytes[NR_MAGAZINE_SIZES] = { 64, 256, 512, 2048 };

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

/* ---- One at a time ---- */

static struct magazine *pop(struct magazine **list, uint32_t *nr)
{
	struct magazine *magazine = *list;

	if (magazine) {
		*list = magazine->next;
		__atomic_store_n(nr, *nr - 1, __ATOMIC_RELAXED);
	}
	return magazine;
}

static void push(struct magazine **list, uint32_t *nr, struct magazine *magazine)
{
	magazine->next = *list;
	*list = magazine;
	__atomic_store_n(nr, *nr + 1, __ATOMIC_RELAXED);
}

struct magazine *depot_get_full(struct cache_node *node)
{
	struct depot *depot = &node->depot;
	struct magazine *magazine;

	spin_lock(&depot->lock);
	magazine = pop(&depot->full, &depot->nr_full);
	spin_unlock(&depot->lock);
	return magazine;
}

struct magazine *depot_get_empty(struct kmem_cache *cache, struct cache_node *node)
{
	struct depot *depot = &node->depot;
	struct magazine *magazine;

	spin_lock(&depot->lock);
	magazine = pop(&depot->empty, &depot->nr_empty);
	spin_unlock(&depot->lock);
	return likely(magazine != NULL) ? magazine : magazine_make(cache, node->nid);
}

void depot_put_empty(struct cache_node *node, struct magazine *empty)
{
	struct depot *depot = &node->depot;

	spin_lock(&depot->lock);
	push(&depot->empty, &depot->nr_empty, empty);
	spin_unlock(&depot->lock);
}

static bool has_room(const struct kmem_cache *cache, const struct cache_node *node)
{
	uint64_t max = __atomic_load_n(&node->max_free_objects, __ATOMIC_RELAXED);

	return depot_objects(cache, node) + cache->magazine_slots <= max;
}

/* @full, of no list, gives its objects to their slabs and stays as an empty one. */
static void spill(struct kmem_cache *cache, struct cache_node *node, struct magazine *full)
{
	node_give(cache, node, full->slots, cache->magazine_slots);
	depot_put_empty(node, full);
}

void depot_put_full(struct kmem_cache *cache, struct cache_node *node, struct magazine *full)
{
	struct depot *depot = &node->depot;
	bool is_kept;

	spin_lock(&depot->lock);
	is_kept = has_room(cache, node);
	if (likely(is_kept))
		push(&depot->full, &depot->nr_full, full);
	spin_unlock(&depot->lock);
	if (unlikely(!is_kept))
		spill(cache, node, full);
}

/* ---- All of them ---- */

bool depot_spill(struct kmem_cache *cache, struct cache_node *node)
{
	struct magazine *full = depot_get_full(node);

	if (full)
		spill(cache, node, full);
	return full != NULL;
}

void depot_drain(struct kmem_cache *cache, struct cache_node *node)
{
	struct depot *depot = &node->depot;
	struct magazine *empty, *next;

	while (depot_spill(cache, node))
		;
	spin_lock(&depot->lock);
	empty = depot->empty;
	depot->empty = NULL;
	__atomic_store_n(&depot->nr_empty, 0, __ATOMIC_RELAXED);
	spin_unlock(&depot->lock);
	for (; empty; empty = next) {
		next = empty->next;
		magazine_free(empty);
	}
}
