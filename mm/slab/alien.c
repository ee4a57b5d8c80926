/*
 * Objects of other nodes in the hands of a node's CPUs.
 *
 * Model
 *   The alien array of (home node, other node) is a magazine with objects of the
 *   other node that CPUs of the home node freed, or took along for later. Full, it
 *   goes to the other node's depot whole, and an empty one comes from there; when
 *   objects are wanted and it is empty, a full one comes. So the other node's locks
 *   are taken once a magazine.
 *
 * Invariants
 *   ALIEN-1  nr is at most limit, which is cache->magazine_slots, or 0 without a magazine
 *   ALIEN-2  objects of alien[n] are of node n, with a state byte that is not 0
 *
 * Locking
 *   An alien array has its own lock, which is taken before the other node's and its
 *   depot's. Arrays are made without a lock and put in place by
 *   compare-and-exchange; they live as long as their cache.
 */

#include "mm/slab/alien.h"

#include "lib/string.h"
#include "mm/slab/depot.h"
#include "mm/slab/keep.h"
#include "mm/slab/node.h"

/* Puts @made at *@place unless another CPU was first; returns what is there. */
static void *install_once(void **place, void *made)
{
	void *expected = NULL;

	if (__atomic_compare_exchange_n(place, &expected, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	slab_internal_free(made);
	return expected;
}

static struct alien_array **alien_table(struct cache_node *home)
{
	struct alien_array **table = __atomic_load_n(&home->alien, __ATOMIC_ACQUIRE);

	if (table)
		return table;
	table = slab_internal_alloc(SLAB_ALIEN_TABLE, home->nid);
	if (!table)
		return NULL;
	memset(table, 0, slab_system.nr_nodes * sizeof(*table));
	return install_once((void **)&home->alien, table);
}

/* Begins without a magazine: see make_room(). NULL when memory ran out. */
static struct alien_array *alien_array(struct cache_node *home, unsigned nid)
{
	struct alien_array **table = alien_table(home);
	struct alien_array *alien;

	if (!table)
		return NULL;
	alien = __atomic_load_n(&table[nid], __ATOMIC_ACQUIRE);
	if (likely(alien != NULL))
		return alien;
	alien = slab_internal_alloc(SLAB_ALIEN_ARRAY, home->nid);
	if (!alien)
		return NULL;
	*alien = (struct alien_array){ 0 };
	return install_once((void **)&table[nid], alien);
}

/* Goes on with @magazine, or none, whose first @nr slots hold objects. */
static void load(const struct kmem_cache *cache, struct alien_array *alien,
		 struct magazine *magazine, unsigned nr) HOLDS(alien->lock)
{
	alien->magazine = magazine;
	alien->nr = (uint16_t)nr;
	/* alien_take() looks without the lock whether there is one. */
	__atomic_store_n(&alien->limit, magazine ? cache->magazine_slots : 0, __ATOMIC_RELAXED);
}

/* It has one already, or all CPUs together may hold one more: see mm/slab/keep.c. */
static bool may_load(const struct kmem_cache *cache, const struct alien_array *alien)
	HOLDS(alien->lock)
{
	return alien->magazine || keep_pages(KEEP_WITH_CPUS, keep_magazine_pages(cache, 1));
}

/*
 * Changes the magazine of @alien, full or missing, for an empty one of @other,
 * the node of its objects. False when memory ran out, or CPUs hold as much as they may.
 */
static bool make_room(struct kmem_cache *cache, struct cache_node *other,
		      struct alien_array *alien)
{
	struct magazine *empty = node_get_empty(cache, other), *full = NULL;
	bool has_room;

	if (!empty)
		return false;
	spin_lock(&alien->lock);
	has_room = alien->nr < alien->limit;
	if (likely(!has_room) && likely(may_load(cache, alien))) {
		full = alien->magazine;
		load(cache, alien, empty, 0);
		empty = NULL;
		has_room = true;
	}
	spin_unlock(&alien->lock);
	if (full)
		node_put_full(cache, other, full);
	if (empty)
		depot_put_empty(&other->depot, empty);	/* it is one too many */
	return has_room;
}

static bool push_alien(struct alien_array *alien, struct slab_slot slot)
{
	bool has_room;

	spin_lock(&alien->lock);
	has_room = alien->nr < alien->limit;
	if (likely(has_room))
		alien->magazine->slots[alien->nr++] = slot;
	spin_unlock(&alien->lock);
	return has_room;
}

bool alien_push(struct cache_node *home, unsigned nid, struct slab_slot slot)
{
	struct alien_array *alien = alien_lookup(home, nid);

	return likely(alien != NULL) && likely(push_alien(alien, slot));
}

void alien_give(struct kmem_cache *cache, struct cache_node *home, unsigned nid,
		struct slab_slot slot)
{
	struct alien_array *alien = alien_array(home, nid);
	struct cache_node *other = cache_node_lookup(cache, nid);

	while (alien && make_room(cache, other, alien))
		if (push_alien(alien, slot))
			return;
	node_give(cache, other, &slot, 1);
}

/*
 * A full magazine, or half of one from slabs: what is taken along must leave room
 * for what comes back. Without a magazine only the former can be had.
 */
static void refill(struct kmem_cache *cache, struct cache_node *other, struct alien_array *alien)
	HOLDS(alien->lock)
{
	const bool is_allowed = may_load(cache, alien);
	struct magazine *full = is_allowed ? depot_get_full(&other->depot) : NULL;

	if (full) {
		if (alien->magazine)
			depot_put_empty(&other->depot, alien->magazine);
		load(cache, alien, full, cache->magazine_slots);
	} else if (alien->magazine) {
		alien->nr = (uint16_t)node_take(cache, other, alien->magazine->slots,
						(alien->limit + 1u) / 2);
	} else if (is_allowed) {
		keep_pages_no_more(KEEP_WITH_CPUS, keep_magazine_pages(cache, 1));
	}
}

static struct slab_slot pop_refilled(struct kmem_cache *cache, struct cache_node *other,
				     struct alien_array *alien)
{
	struct slab_slot slot = { NULL, NULL };

	spin_lock(&alien->lock);
	if (likely(alien->nr == 0))
		refill(cache, other, alien);
	if (alien->nr)
		slot = alien->magazine->slots[--alien->nr];
	spin_unlock(&alien->lock);
	return slot;
}

struct slab_slot alien_take(struct kmem_cache *cache, struct cache_node *home, unsigned nid)
{
	struct alien_array *alien = alien_array(home, nid);
	struct cache_node *other = cache_node_lookup(cache, nid);
	struct slab_slot slot = { NULL, NULL };

	if (!other)
		return slot;
	while (alien) {
		slot = pop_refilled(cache, other, alien);
		if (slot.object || __atomic_load_n(&alien->limit, __ATOMIC_RELAXED) != 0 ||
		    !make_room(cache, other, alien))
			break;
	}
	if (!slot.object)
		node_take(cache, other, &slot, 1);
	return slot;
}

void alien_drain(struct kmem_cache *cache, struct cache_node *home)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct alien_array *alien = alien_lookup(home, nid);
		struct magazine *magazine;
		unsigned nr;

		if (!alien)
			continue;
		spin_lock(&alien->lock);
		magazine = alien->magazine;
		nr = alien->nr;
		load(cache, alien, NULL, 0);
		spin_unlock(&alien->lock);
		if (nr)
			node_give(cache, cache_node_lookup(cache, nid), magazine->slots, nr);
		if (!magazine)
			continue;
		magazine_free(magazine);
		keep_pages_no_more(KEEP_WITH_CPUS, keep_magazine_pages(cache, 1));
	}
}

uint64_t alien_objects(struct cache_node *home)
{
	uint64_t nr = 0;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct alien_array *alien = alien_lookup(home, nid);

		if (!alien)
			continue;
		spin_lock(&alien->lock);
		nr += alien->nr;
		spin_unlock(&alien->lock);
	}
	return nr;
}

void alien_free(struct cache_node *home)
{
	for (unsigned nid = 0; home->alien && nid < slab_system.nr_nodes; nid++)
		if (home->alien[nid])
			slab_internal_free(home->alien[nid]);
	if (home->alien)
		slab_internal_free(home->alien);
	home->alien = NULL;
}
