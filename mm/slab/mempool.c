/*
 * Pools: a reserve of elements before an allocator that may fail.
 *
 * Model
 *   Elements come from the allocator as long as that has any without reclaim, and then from
 *   a stack of those at rest. What is freed fills the stack first. So at rest and handed
 *   out there are never less than min_nr, and min_nr users who hold one each are served.
 *
 * Invariants, while pool->lock is free
 *   MEMPOOL-1  at most min_nr rest, and resting and handed out are at least min_nr
 *   MEMPOOL-2  each element rests once
 *
 *   What comes back is looked at before it rests: it would be handed out as it is.
 *
 * Locking
 *   pool->lock guards the stack and the counts. The pool's functions are called without it.
 */

#include "mm/mempool.h"

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/slab/cpu.h"

/* ---- The reserve ---- */

/* False: it is full. */
static bool lay_to_rest(struct mempool *pool, void *element) HOLDS(pool->lock)
{
	if (pool->nr_resting >= pool->min_nr)
		return false;
	pool->resting[pool->nr_resting++] = element;
	return true;
}

/* O(min_nr). Without it an element would be handed out twice, to two who cannot know. */
static bool rests_already(const struct mempool *pool, const void *element) HOLDS(pool->lock)
{
	for (unsigned i = 0; i < pool->nr_resting; i++)
		if (pool->resting[i] == element)
			return true;
	return false;
}

/* Frees all that rests beyond @nr. */
static void release_beyond(struct mempool *pool, unsigned nr)
{
	void *element;

	for (;;) {
		spin_lock(&pool->lock);
		element = pool->nr_resting > nr ? pool->resting[--pool->nr_resting] : NULL;
		spin_unlock(&pool->lock);
		if (!element)
			return;
		pool->free(element, pool->pool_data);
	}
}

/* Gets elements until the reserve is full. */
static bool fill(struct mempool *pool, gfp_t gfp)
{
	bool rests, is_full;

	do {
		void *element = pool->alloc(gfp, pool->pool_data);

		if (!element)
			return false;
		spin_lock(&pool->lock);
		rests = lay_to_rest(pool, element);
		is_full = pool->nr_resting >= pool->min_nr;
		spin_unlock(&pool->lock);
		if (!rests)
			pool->free(element, pool->pool_data);
	} while (!is_full);
	return true;
}

/* ---- Making and ending ---- */

static void give_room(struct mempool *pool, void **resting, unsigned min_nr)
{
	assume_unshared(&pool->lock);
	pool->resting = resting;
	pool->min_nr = min_nr;
}

struct mempool *mempool_create_node(unsigned min_nr, mempool_alloc_t alloc, mempool_free_t free,
				    void *pool_data, gfp_t gfp, unsigned nid)
{
	struct mempool *pool;
	void **resting;

	ASSERT(min_nr > 0);
	ASSERT(alloc != NULL);
	ASSERT(free != NULL);
	pool = kmalloc_node(sizeof(*pool), gfp | __GFP_ZERO, nid);
	if (!pool)
		return NULL;
	resting = kmalloc_node(min_nr * sizeof(resting[0]), gfp, nid);
	give_room(pool, resting, min_nr);
	pool->alloc = alloc;
	pool->free = free;
	pool->pool_data = pool_data;
	if (resting && fill(pool, gfp))
		return pool;
	mempool_destroy(pool);
	return NULL;
}

/* @pool, if there is one, takes back what @check lets pass alone. */
static struct mempool *checked(struct mempool *pool,
			       void (*check)(const void *, void *, const void *))
{
	if (pool)
		pool->check = check;
	return pool;
}

struct mempool *mempool_create(unsigned min_nr, mempool_alloc_t alloc, mempool_free_t free,
			       void *pool_data)
{
	return mempool_create_node(min_nr, alloc, free, pool_data, GFP_KERNEL, NID_NONE);
}

static void *alloc_of_cache(gfp_t gfp, void *cache)
{
	return kmem_cache_alloc_flags(cache, gfp);
}

static void free_of_cache(void *element, void *cache)
{
	kmem_cache_free(cache, element);
}

static void check_of_cache(const void *element, void *cache, const void *caller)
{
	slab_require_object(element, cache, caller);
}

struct mempool *mempool_create_slab_pool(unsigned min_nr, struct kmem_cache *cache)
{
	return checked(mempool_create(min_nr, alloc_of_cache, free_of_cache, cache),
		       check_of_cache);
}

static void *alloc_of_bytes(gfp_t gfp, void *bytes)
{
	return kmalloc((size_t)(uintptr_t)bytes, gfp);
}

static void free_of_bytes(void *element, void *bytes)
{
	(void)bytes;
	kfree(element);
}

static void check_of_bytes(const void *element, void *bytes, const void *caller)
{
	if (!ZERO_OR_NULL_PTR(element))
		kmalloc_require_object(element, (size_t)(uintptr_t)bytes, caller);
}

struct mempool *mempool_create_kmalloc_pool(unsigned min_nr, size_t bytes)
{
	return checked(mempool_create(min_nr, alloc_of_bytes, free_of_bytes,
				      (void *)(uintptr_t)bytes), check_of_bytes);
}

static void *alloc_of_order(gfp_t gfp, void *order)
{
	return alloc_pages(gfp, (unsigned)(uintptr_t)order);
}

static void free_of_order(void *element, void *order)
{
	__free_pages(element, (unsigned)(uintptr_t)order);
}

/* The first page of a block of that order in use; an address between two struct pages is none. */
static void check_of_order(const void *element, void *order, const void *caller)
{
	const struct page *page = element;
	const pfn_t pfn = page_to_pfn(page);
	const bool is_page = pfn < pa_to_pfn(slab_system.end_pa) && pfn_to_page(pfn) == page;

	if (!is_page || (page->type != PAGE_USER && page->type != PAGE_HEAD) ||
	    page_users(page->refcount) == 0 || page->order != (uintptr_t)order)
		mm_port_panic(__FILE__, __LINE__,
			      "mempool_free: %p, given back by %p, is no block of the pool's pages",
			      element, caller);
}

struct mempool *mempool_create_page_pool(unsigned min_nr, unsigned order)
{
	return checked(mempool_create(min_nr, alloc_of_order, free_of_order,
				      (void *)(uintptr_t)order), check_of_order);
}

/* Nobody uses @pool any more. */
static void **take_room(struct mempool *pool)
{
	assume_unshared(&pool->lock);
	ASSERT(pool->nr_out == 0);
	return pool->resting;
}

void mempool_destroy(struct mempool *pool)
{
	void **resting;

	if (!pool)
		return;
	resting = take_room(pool);
	release_beyond(pool, 0);
	kfree(resting);
	kfree(pool);
}

/* ---- Elements ---- */

static void require_own(const struct mempool *pool, const void *element, const void *caller)
{
	if (pool->check)
		pool->check(element, pool->pool_data, caller);
}

static void *take_resting(struct mempool *pool, const void *caller)
{
	void *element = NULL;

	spin_lock(&pool->lock);
	if (pool->nr_resting) {
		element = pool->resting[--pool->nr_resting];
		pool->nr_out++;
		pool->nr_served++;
	}
	spin_unlock(&pool->lock);
	if (element)
		require_own(pool, element, caller);
	return element;
}

static void *take_new(struct mempool *pool, gfp_t gfp)
{
	void *element = pool->alloc(gfp, pool->pool_data);

	if (!element)
		return NULL;
	spin_lock(&pool->lock);
	pool->nr_out++;
	spin_unlock(&pool->lock);
	return element;
}

void *mempool_alloc(struct mempool *pool, gfp_t gfp)
{
	const void *caller = __builtin_return_address(0);
	void *element;

	ASSERT(!(gfp & __GFP_ZERO));
	element = take_new(pool, (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NORETRY | __GFP_NOWARN);
	if (!element)
		element = take_resting(pool, caller);
	if (!element && (gfp & __GFP_DIRECT_RECLAIM))
		element = take_new(pool, gfp);
	/* Somebody may have given one back while memory was reclaimed. */
	return element ? element : take_resting(pool, caller);
}

void mempool_free(void *element, struct mempool *pool)
{
	bool rests, is_twice;

	if (!element)
		return;
	require_own(pool, element, __builtin_return_address(0));
	spin_lock(&pool->lock);
	is_twice = pool->nr_out == 0 || rests_already(pool, element);
	rests = !is_twice && lay_to_rest(pool, element);
	pool->nr_out -= !is_twice;
	spin_unlock(&pool->lock);
	ASSERT(!is_twice);
	if (!rests)
		pool->free(element, pool->pool_data);
}

/* Room for @min_nr, more than there was, and what rested in the old one, which is to be freed. */
static void **change_room(struct mempool *pool, void **resting, unsigned min_nr)
{
	void **old;

	spin_lock(&pool->lock);
	old = pool->resting;
	memcpy(resting, old, pool->nr_resting * sizeof(resting[0]));
	pool->resting = resting;
	pool->min_nr = min_nr;
	spin_unlock(&pool->lock);
	return old;
}

static void shrink_to(struct mempool *pool, unsigned min_nr)
{
	spin_lock(&pool->lock);
	pool->min_nr = min_nr;
	spin_unlock(&pool->lock);
	release_beyond(pool, min_nr);
}

bool mempool_resize(struct mempool *pool, unsigned min_nr)
{
	/* Nobody else changes it meanwhile. */
	const unsigned old_nr = __atomic_load_n(&pool->min_nr, __ATOMIC_RELAXED);
	void **resting;

	ASSERT(min_nr > 0);
	if (min_nr <= old_nr) {
		shrink_to(pool, min_nr);
		return true;
	}
	resting = kmalloc(min_nr * sizeof(resting[0]), GFP_KERNEL);
	if (!resting)
		return false;
	kfree(change_room(pool, resting, min_nr));
	if (fill(pool, GFP_KERNEL))
		return true;
	shrink_to(pool, old_nr);
	return false;
}

unsigned mempool_nr_resting(struct mempool *pool)
{
	return __atomic_load_n(&pool->nr_resting, __ATOMIC_RELAXED);
}

uint64_t mempool_nr_served(struct mempool *pool)
{
	return __atomic_load_n(&pool->nr_served, __ATOMIC_RELAXED);
}

/* ---- Rules ---- */

bool mempool_verify(struct mempool *pool, struct violation *out)
{
	assume_unshared(&pool->lock);
	REQUIRE("MEMPOOL-1", pool->nr_resting, pool->nr_resting <= pool->min_nr);
	REQUIRE("MEMPOOL-1", pool->nr_out, pool->nr_resting + pool->nr_out >= pool->min_nr);
	for (unsigned i = 0; i < pool->nr_resting; i++)
		for (unsigned j = 0; j < i; j++)
			REQUIRE("MEMPOOL-2", (uintptr_t)pool->resting[i],
				pool->resting[i] != pool->resting[j]);
	return true;
}
