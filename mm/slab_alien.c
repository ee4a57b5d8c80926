/*
 * Arrays between the CPUs and the slabs of a node: shared and alien.
 *
 * Model
 *   The shared array of a node takes what one CPU drains and gives it to the
 *   next that refills, two copies instead of a walk through slabs.
 *   The alien array of (home node, other node) holds objects of the other node
 *   that CPUs of the home node freed, or took along for later. It empties in
 *   one batch under one lock of the other node.
 *
 * Invariants
 *   L1  nr is at most limit
 *   L2  objects of a shared array are of its node; of alien[n], of node n
 *   L3  no object at rest here has a state byte of 0
 *
 * Locking
 *   The shared array is guarded by node->lock. An alien array has its own lock,
 *   which is taken before the other node's. Arrays are made without a lock and
 *   put in place by compare-and-exchange; they live as long as their cache.
 */

#include "slab_core.h"

#include "lib/string.h"

static struct object_array *array_make(unsigned nr_slots, unsigned nid)
{
	struct object_array *array;

	if (nr_slots == 0)
		return NULL;
	array = slab_internal_alloc(sizeof(*array) + nr_slots * sizeof(struct slab_slot), nid);
	if (array)
		*array = (struct object_array){ .limit = (uint16_t)nr_slots };
	return array;
}

/* Puts @made at *@place unless something is there; returns what is there. */
static void *install(void **place, void *made)
{
	void *expected = NULL;

	if (!made)
		return __atomic_load_n(place, __ATOMIC_ACQUIRE);
	if (__atomic_compare_exchange_n(place, &expected, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	slab_internal_free(made);
	return expected;
}

/* ---- Shared ---- */

void shared_make(struct kmem_cache *cache, struct cache_node *node)
{
	struct object_array *made;

	if (__atomic_load_n(&node->shared, __ATOMIC_ACQUIRE))
		return;
	made = array_make(cache->shared_slots, node->nid);
	install((void **)&node->shared, made);
}

unsigned shared_take(struct cache_node *node, struct slab_slot *to, unsigned wanted)
{
	struct object_array *shared = __atomic_load_n(&node->shared, __ATOMIC_ACQUIRE);
	unsigned nr;

	if (!shared)
		return 0;
	nr = shared->nr < wanted ? shared->nr : wanted;
	shared->nr = (uint16_t)(shared->nr - nr);
	copy_slots(to, shared->slots + shared->nr, nr);
	return nr;
}

unsigned shared_give(struct cache_node *node, const struct slab_slot *from, unsigned nr)
{
	struct object_array *shared = __atomic_load_n(&node->shared, __ATOMIC_ACQUIRE);
	unsigned room;

	if (!shared)
		return 0;
	room = (unsigned)(shared->limit - shared->nr);
	nr = nr < room ? nr : room;
	copy_slots(shared->slots + shared->nr, from, nr);
	shared->nr = (uint16_t)(shared->nr + nr);
	return nr;
}

void shared_drain(struct kmem_cache *cache, struct cache_node *node)
{
	struct object_array *shared = __atomic_load_n(&node->shared, __ATOMIC_ACQUIRE);
	struct list_head empty;

	if (!shared)
		return;
	list_init(&empty);
	spin_lock(&node->lock);
	slabs_put(cache, node, shared->slots, shared->nr, &empty);
	shared->nr = 0;
	spin_unlock(&node->lock);
	slabs_destroy(cache, &empty);
}

/* ---- Alien ---- */

static struct object_array **alien_table(struct cache_node *home)
{
	struct object_array **table = __atomic_load_n(&home->alien, __ATOMIC_ACQUIRE);
	size_t bytes = slab_system.nr_nodes * sizeof(*table);

	if (table)
		return table;
	table = slab_internal_alloc(bytes, home->nid);
	if (table)
		memset(table, 0, bytes);
	return install((void **)&home->alien, table);
}

static struct object_array *alien_array(struct kmem_cache *cache, struct cache_node *home,
					unsigned nid)
{
	struct object_array **table = alien_table(home);
	struct object_array *alien;

	if (!table)
		return NULL;
	alien = __atomic_load_n(&table[nid], __ATOMIC_ACQUIRE);
	if (likely(alien != NULL))
		return alien;
	return install((void **)&table[nid], array_make(cache->alien_slots, home->nid));
}

static void alien_flush(struct kmem_cache *cache, struct object_array *alien, unsigned nid,
			unsigned nr, struct list_head *empty) HOLDS(alien->lock)
{
	alien->nr = (uint16_t)(alien->nr - nr);
	node_put(cache, cache_node_lookup(cache, nid), alien->slots + alien->nr, nr, empty);
}

/* There is no array yet, or it is full. */
static NOINLINE void alien_give_slow(struct kmem_cache *cache, struct cache_node *home,
				     unsigned nid, struct slab_slot slot)
{
	struct object_array *alien = alien_array(cache, home, nid);
	struct list_head empty;

	if (!alien) {
		node_give(cache, cache_node_lookup(cache, nid), &slot, 1);
		return;
	}
	list_init(&empty);
	spin_lock(&alien->lock);
	if (alien->nr == alien->limit)
		alien_flush(cache, alien, nid, alien->limit, &empty);
	alien->slots[alien->nr++] = slot;
	spin_unlock(&alien->lock);
	slabs_destroy(cache, &empty);
}

void alien_give(struct kmem_cache *cache, struct cache_node *home, unsigned nid,
		struct slab_slot slot)
{
	struct object_array *alien = alien_lookup(home, nid);

	if (likely(alien != NULL)) {
		spin_lock(&alien->lock);
		if (likely(alien->nr < alien->limit)) {
			alien->slots[alien->nr++] = slot;
			spin_unlock(&alien->lock);
			return;
		}
		spin_unlock(&alien->lock);
	}
	alien_give_slow(cache, home, nid, slot);
}

/* Half a batch: what is taken along must leave room for what comes back. */
static unsigned alien_refill(struct kmem_cache *cache, struct object_array *alien, unsigned nid)
	HOLDS(alien->lock)
{
	struct cache_node *other = cache_node_lookup(cache, nid);

	return other ? node_take(cache, other, alien->slots, (alien->limit + 1u) / 2) : 0;
}

void *alien_take(struct kmem_cache *cache, struct cache_node *home, unsigned nid,
		 uint8_t **state)
{
	struct object_array *alien = alien_array(cache, home, nid);
	struct cache_node *other = cache_node_lookup(cache, nid);
	struct slab_slot slot = { NULL, NULL };

	if (!alien) {
		if (other)
			node_take(cache, other, &slot, 1);
	} else {
		spin_lock(&alien->lock);
		if (unlikely(alien->nr == 0))
			alien->nr = (uint16_t)alien_refill(cache, alien, nid);
		if (alien->nr)
			slot = alien->slots[--alien->nr];
		spin_unlock(&alien->lock);
	}
	*state = slot.state;
	return slot.object;
}

void alien_drain(struct kmem_cache *cache, struct cache_node *home)
{
	struct object_array **table = __atomic_load_n(&home->alien, __ATOMIC_ACQUIRE);

	for (unsigned nid = 0; table && nid < slab_system.nr_nodes; nid++) {
		struct object_array *alien = __atomic_load_n(&table[nid], __ATOMIC_ACQUIRE);
		struct list_head empty;

		if (!alien)
			continue;
		list_init(&empty);
		spin_lock(&alien->lock);
		if (alien->nr)
			alien_flush(cache, alien, nid, alien->nr, &empty);
		spin_unlock(&alien->lock);
		slabs_destroy(cache, &empty);
	}
}

/* ---- Both ---- */

uint64_t node_array_objects(struct cache_node *node)
{
	struct object_array *shared = __atomic_load_n(&node->shared, __ATOMIC_ACQUIRE);
	struct object_array **table = __atomic_load_n(&node->alien, __ATOMIC_ACQUIRE);
	uint64_t nr = shared ? shared->nr : 0;

	for (unsigned nid = 0; table && nid < slab_system.nr_nodes; nid++)
		nr += table[nid] ? table[nid]->nr : 0;
	return nr;
}

void node_arrays_free(struct cache_node *node)
{
	if (node->shared)
		slab_internal_free(node->shared);
	node->shared = NULL;
	for (unsigned nid = 0; node->alien && nid < slab_system.nr_nodes; nid++)
		if (node->alien[nid])
			slab_internal_free(node->alien[nid]);
	if (node->alien)
		slab_internal_free(node->alien);
	node->alien = NULL;
}
