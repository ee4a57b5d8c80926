#ifndef MM_SLAB_DEPOT_H
#define MM_SLAB_DEPOT_H

/* Magazines. See mm/slab/depot.c. */

#include "mm/slab/core.h"

/* Sizes of magazines: each has a cache. The place of @nr_slots among them. */
unsigned magazine_size_index(unsigned nr_slots);
size_t magazine_bytes(unsigned size_index);

/* An empty magazine for objects of @cache; NULL when memory ran out. Does not reclaim. */
struct magazine *magazine_make(struct kmem_cache *cache, unsigned nid);
void magazine_free(struct magazine *magazine);

/*
 * To and from any depot. Getting and swapping: NULL, and nothing has changed, where
 * it has none. Putting a full one: false where it has @max.
 */
struct magazine *depot_get_full(struct depot *depot);
struct magazine *depot_get_empty(struct depot *depot);
bool depot_put_full(struct depot *depot, struct magazine *full, uint16_t max) MUST_CHECK;
void depot_put_empty(struct depot *depot, struct magazine *empty);
struct magazine *depot_swap_full(struct depot *depot, struct magazine *full) MUST_CHECK;
struct magazine *depot_swap_empty(struct depot *depot, struct magazine *empty) MUST_CHECK;

/*
 * To and from the depot of @node. An empty magazine is made where there is none,
 * NULL when memory ran out. A full one that is too many is emptied into the slabs.
 */
struct magazine *node_get_empty(struct kmem_cache *cache, struct cache_node *node);

/* Full magazines that the depot of @node may have. */
uint16_t node_max_full(const struct kmem_cache *cache, const struct cache_node *node);
void node_put_full(struct kmem_cache *cache, struct cache_node *node, struct magazine *full);

/* Empties a full magazine of @node's depot into the slabs. False: there is none. */
bool node_spill(struct kmem_cache *cache, struct cache_node *node);

/* Empties all magazines of @depot into slabs of @node, and frees them. */
void depot_drain(struct kmem_cache *cache, struct cache_node *node, struct depot *depot);

/*
 * As slab_take_slot(), but what rests in the nodes' depots goes to its slabs where
 * those have nothing.
 */
struct slab_slot depot_take_slot(struct kmem_cache *cache, gfp_t gfp, unsigned nid);

#endif
