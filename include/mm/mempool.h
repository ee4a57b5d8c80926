#ifndef MM_MEMPOOL_H
#define MM_MEMPOOL_H

/*
 * Reserves of elements for who must go on when memory has run out. Names and meanings are
 * Linux's, but for one: nothing here waits.
 *
 * A pool has at least min_nr elements, at rest or handed out: as long as its users hold
 * fewer than min_nr, mempool_alloc() does not fail, whatever memory there is. When they hold
 * more it may, and whoever may wait comes again when one has been freed.
 *
 * Context: as the pool's own functions; none is called with the pool's lock held.
 */

#include "mm/gfp.h"
#include "mm/lock.h"
#include "mm/slab.h"

/* An element, or NULL; @pool_data is that of the pool. And its opposite. */
typedef void *(*mempool_alloc_t)(gfp_t gfp, void *pool_data);
typedef void (*mempool_free_t)(void *element, void *pool_data);

/* The functions' own. */
struct mempool {
	struct spinlock lock;
	unsigned min_nr GUARDED_BY(lock), nr_resting GUARDED_BY(lock);
	void **resting GUARDED_BY(lock);	/* room for min_nr */
	uint64_t nr_out GUARDED_BY(lock);
	uint64_t nr_served GUARDED_BY(lock);	/* from those that rested */
	mempool_alloc_t alloc;
	mempool_free_t free;
	/* Panics unless @element is one of the pool's that is allocated; NULL: nobody can tell. */
	void (*check)(const void *element, void *pool_data, const void *caller);
	void *pool_data;
};

/*
 * A pool with @min_nr (1 or more) elements of @alloc at rest, on node @nid or NID_NONE. NULL
 * when memory for these ran out: then nothing stays taken.
 */
struct mempool *mempool_create(unsigned min_nr, mempool_alloc_t alloc, mempool_free_t free,
			       void *pool_data);
struct mempool *mempool_create_node(unsigned min_nr, mempool_alloc_t alloc, mempool_free_t free,
				    void *pool_data, gfp_t gfp, unsigned nid);

/* Elements of @cache; of kmalloc, @bytes each; blocks of 2^@order pages, by struct page. */
struct mempool *mempool_create_slab_pool(unsigned min_nr, struct kmem_cache *cache);
struct mempool *mempool_create_kmalloc_pool(unsigned min_nr, size_t bytes);
struct mempool *mempool_create_page_pool(unsigned min_nr, unsigned order);

/* Frees the pool and what rests in it: all its elements are back. NULL is allowed. */
void mempool_destroy(struct mempool *pool);

/*
 * An element: a new one as @gfp says, without reclaiming first; else one that rests; else a
 * new one for which memory is reclaimed, if @gfp allows. NULL when all that failed.
 * With __GFP_ZERO what rested is not zeroed: an ASSERT.
 */
void *mempool_alloc(struct mempool *pool, gfp_t gfp);

/*
 * Gives @element of @pool back: to the reserve while it is short. NULL is allowed. What rests
 * already, and in pools of a cache, of kmalloc or of pages what is no element or is freed, is
 * told and panics; of others only their functions can know. An element that was freed while
 * it rested is told when it would be handed out.
 */
void mempool_free(void *element, struct mempool *pool);

/*
 * From now on at least @min_nr (1 or more). False when memory for more ran out: then it is as
 * before. One at a time.
 */
bool mempool_resize(struct mempool *pool, unsigned min_nr) MUST_CHECK;

/* Elements at rest, and how often one of them had to serve. */
unsigned mempool_nr_resting(struct mempool *pool);
uint64_t mempool_nr_served(struct mempool *pool);

/* Checks the rules of mm/slab/mempool.c. O(min_nr^2). */
bool mempool_verify(struct mempool *pool, struct violation *out);

#endif
