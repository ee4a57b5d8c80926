#ifndef MM_SLAB_NODE_H
#define MM_SLAB_NODE_H

/* The slabs of a cache on its nodes. See mm/slab/node.c. */

#include "mm/slab/core.h"

/*
 * Takes empty slabs off the node's list until at most @keep_objects are free beyond the
 * reserve, or the next would be one of the reserve.
 */
void node_unlist_empty(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects,
		       struct list_head *to) HOLDS(node->lock);

/* Of @cache on node @nid; made if it does not exist. NULL when memory ran out. */
struct cache_node *cache_node_get(struct kmem_cache *cache, unsigned nid);
void cache_node_init(const struct kmem_cache *cache, struct cache_node *node, unsigned nid);

/*
 * Takes up to @wanted objects beyond the reserve from slabs; returns how many: 0 when there
 * are none.
 * What a slab lists first comes last: who pops them gets a fresh slab's by address.
 */
unsigned node_take(struct kmem_cache *cache, struct cache_node *node, struct slab_slot *to,
		   unsigned wanted);

/*
 * One object below the reserves, of @nid or the nearest node with a free one (with
 * __GFP_THISNODE, of @nid). NULL: there is none, or @gfp may not.
 */
struct slab_slot node_take_reserved(struct kmem_cache *cache, gfp_t gfp, unsigned nid);

/* Returns @nr objects, or none, to their slabs on @node. May give pages back: no lock held. */
void node_give(struct kmem_cache *cache, struct cache_node *node, const struct slab_slot *from,
	       unsigned nr);

/* Gives the pages of unlisted empty slabs back; returns how many. No lock held. */
uint64_t slabs_destroy(struct kmem_cache *cache, struct list_head *slabs);

/* The same for slabs of a type-safe cache that had to wait. True: some still have to. */
bool slabs_destroy_deferred(struct kmem_cache *cache);

/*
 * Adds an empty slab near @nid. Returns the node it went to, or NULL when
 * memory ran out or the cache is at its limit. Calls the page allocator: no lock held.
 */
struct cache_node *cache_grow(struct kmem_cache *cache, gfp_t gfp, unsigned nid);

/* Gives back empty slabs until at most @keep_objects are free. Returns pages. */
uint64_t node_reap(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects);

/*
 * One object from @nid or near it, without the arrays. Object NULL when memory ran
 * out. Of the second, *state is its state byte, already 0.
 */
struct slab_slot slab_take_slot(struct kmem_cache *cache, gfp_t gfp, unsigned nid);
void *slab_take_one(struct kmem_cache *cache, gfp_t gfp, unsigned nid, uint8_t **state);

/*
 * Takes 1 to @wanted objects of node @nid itself, after making a slab there if
 * it must; 0 when the node's memory ran out. Does not reclaim.
 */
unsigned node_take_growing(struct kmem_cache *cache, gfp_t gfp, unsigned nid, struct slab_slot *to,
			   unsigned wanted);

/* Returns one object whose state byte is @state to its slab, wherever that is. */
void slab_give_one(struct kmem_cache *cache, void *object, uint8_t *state);

/* Memory for arrays: never through arrays. NULL when it ran out; does not reclaim. */
void *slab_internal_alloc(enum slab_internal kind, unsigned nid);

/* Gives that back, or anything else of a cache without arrays. */
void slab_internal_free(void *at);

#endif
