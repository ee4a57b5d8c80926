/*
 * The slabs of one cache on one node: taking and giving objects, growing, shrinking.
 *
 * Model
 *   A node keeps its slabs on three lists: full (no free object), partial, and free
 *   (no object in use or in an array). cache_grow() adds a slab of new pages to the
 *   empty ones, slabs_destroy() gives the pages of such back. A cache has a
 *   cache_node for each node it has slabs on, made when it is first needed.
 *
 *   What slabs need themselves comes from caches that need less: off-slab
 *   descriptors from caches whose own are on-slab, cache_nodes from node_cache. So the
 *   calls of this file lead back to it, once, and never to a file above it.
 *
 * Keeping
 *   At most max_free_objects rest in full magazines of the depot; empty slabs go
 *   back to the page allocator when those and the free objects in slabs are more.
 *   The bound is a slab's objects and rises by a slab for each slab that had to be
 *   made, up to cache->max_kept_objects and to what all caches may keep
 *   (mm/slab/keep.c), so that a load that comes and goes finds its objects again;
 *   shrinking, and so memory pressure, sets it back.
 *
 * Invariants, true whenever node->lock is free
 *   SLAB-1  a slab is on full, partial or free as nr_free is 0, between, or all
 *   SLAB-4  nr_slabs, nr_free_slabs and nr_free_objects are the sums over the lists
 *
 * Locking
 *   node->lock guards the lists and every slab on them. An object's state byte
 *   belongs to whoever holds the object. Pages, descriptors and cache_nodes are taken
 *   and given back with no lock held, because the page allocator may call shrinkers.
 */

#include "mm/slab/node.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/event.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/keep.h"
#include "mm/slab/make.h"
#include "mm/slab/rcu.h"
#include "mm/slab/slab.h"

/* A batch comes from so many slabs: where each has a few free objects, it is a small one. */
#define MAX_SLABS_PER_TAKE	4u

/* Requests that may have the last objects of a cache with a reserve: see mm/slab/bounds.c. */
#define MAY_USE_RESERVE		(__GFP_HIGH | __GFP_MEMALLOC)

/* ---- Taking ---- */

static struct slab *slab_with_room(struct cache_node *node) HOLDS(node->lock)
{
	if (!list_is_empty(&node->partial))
		return list_first_entry(&node->partial, struct slab, list);
	if (!list_is_empty(&node->free))
		return list_first_entry(&node->free, struct slab, list);
	return NULL;
}

/* For lecture and reports: @slab, of which @nr_free are free now, goes to its list. */
static NOINLINE COLD void tell_listed(const struct kmem_cache *cache, const struct slab *slab,
				      unsigned nr_free)
{
	const bool is_empty = nr_free == cache->layout.nr_objects;
	const struct mm_event event = {
		.kind = MM_EVENT_SLAB_LISTED,
		.at = (uintptr_t)slab->objects,
		.order = cache->layout.order,
		.to = is_empty ? MM_EVENT_LIST_FREE :
			nr_free ? MM_EVENT_LIST_PARTIAL : MM_EVENT_LIST_FULL,
		.nr = nr_free,
		.nid = slab->nid,
	};

	mm_event_tell(event, cache->name);
}

/* At most @wanted objects of @slab to the places that end with @to's @wanted-th. */
static ALWAYS_INLINE unsigned take_from_slab(struct kmem_cache *cache, struct cache_node *node,
					     struct slab *slab, struct slab_slot *to,
					     unsigned wanted) HOLDS(node->lock)
{
	const unsigned nr_before = slab->nr_free;
	const unsigned nr = nr_before < wanted ? nr_before : wanted;
	const bool was_empty = nr_before == cache->layout.nr_objects;

	slab_check(cache, slab);
	if (unlikely(nr == 0))
		slab_report_corrupt(cache, slab, "it is listed as partial and has no free object");
	slab_take(cache, slab, to + wanted - nr, nr);
	slab->nr_free = (uint16_t)(nr_before - nr);
	node->nr_free_objects -= nr;
	node->nr_free_slabs -= was_empty;
	if (was_empty || nr == nr_before) {
		list_move(&slab->list, nr == nr_before ? &node->full : &node->partial);
		if (mm_events_wanted())
			tell_listed(cache, slab, nr_before - nr);
	}
	return nr;
}

/* Free objects that any request may have. */
static uint64_t nr_beyond_reserve(const struct cache_node *node) HOLDS(node->lock)
{
	uint64_t nr_free = node->nr_free_objects;

	return nr_free > node->nr_reserved ? nr_free - node->nr_reserved : 0;
}

unsigned node_take(struct kmem_cache *cache, struct cache_node *node, struct slab_slot *to,
		   unsigned wanted)
{
	unsigned nr_missing;

	spin_lock(&node->lock);
	wanted = (unsigned)min_u64(wanted, nr_beyond_reserve(node));
	nr_missing = wanted;
	for (unsigned nr_slabs = 0; nr_missing && nr_slabs < MAX_SLABS_PER_TAKE; nr_slabs++) {
		struct slab *slab = slab_with_room(node);

		if (!slab)
			break;
		nr_missing -= take_from_slab(cache, node, slab, to, nr_missing);
	}
	spin_unlock(&node->lock);
	if (unlikely(nr_missing != 0))
		memmove(to, to + nr_missing, (wanted - nr_missing) * sizeof(*to));
	return wanted - nr_missing;
}

static bool take_reserved(struct kmem_cache *cache, struct cache_node *node,
			  struct slab_slot *to)
{
	struct slab *slab;

	spin_lock(&node->lock);
	slab = slab_with_room(node);
	if (slab)
		take_from_slab(cache, node, slab, to, 1);
	spin_unlock(&node->lock);
	return slab != NULL;
}

struct slab_slot node_take_reserved(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct slab_slot slot = { NULL, NULL };

	if (!(gfp & MAY_USE_RESERVE))
		return slot;
	for (unsigned i = 0; ; i++) {
		unsigned other = slab_system.setup.nearest_node(nid, i);
		struct cache_node *node;

		if (other == NID_NONE)
			break;
		node = cache_node_lookup(cache, other);
		if ((node && take_reserved(cache, node, &slot)) || (gfp & __GFP_THISNODE))
			break;
	}
	return slot;
}

/* ---- Giving ---- */

void node_unlist_empty(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects,
		       struct list_head *to)
{
	const uint64_t nr_objects = cache->layout.nr_objects;

	keep_objects += node->nr_reserved;
	while (node->nr_free_objects > keep_objects &&
	       node->nr_free_objects >= node->nr_reserved + nr_objects &&
	       !list_is_empty(&node->free)) {
		struct slab *slab = list_entry(node->free.prev, struct slab, list);

		slab_check(cache, slab);
		list_move(&slab->list, to);
		node->nr_slabs--;
		node->nr_free_slabs--;
		node->nr_free_objects -= nr_objects;
	}
}

/* @slab has its first free object again, or all: the list SLAB-1 asks for. */
static void relist(struct kmem_cache *cache, struct cache_node *node, struct slab *slab)
	HOLDS(node->lock)
{
	slab_check(cache, slab);
	if (mm_events_wanted())
		tell_listed(cache, slab, slab->nr_free);
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
		slab_check(cache, slab);
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

/* ---- Growing and shrinking ---- */

/* The depot reads it without the node's lock. */
static void set_max_free(struct cache_node *node, uint64_t nr_objects)
{
	__atomic_store_n(&node->max_free_objects, nr_objects, __ATOMIC_RELAXED);
}

/* A slab of @cache had to be made for @node, which may keep as much more. */
static void keep_another_slab(const struct kmem_cache *cache, struct cache_node *node)
	HOLDS(node->lock)
{
	if (node->max_free_objects < cache->max_kept_objects &&
	    keep_pages(KEEP_ON_NODES, pages_in(cache->layout.order)))
		set_max_free(node, node->max_free_objects + cache->layout.nr_objects);
}

/* Sets the bound of @node back to a slab's objects. */
static void keep_one_slab(const struct kmem_cache *cache, struct cache_node *node)
	HOLDS(node->lock)
{
	keep_pages_no_more(KEEP_ON_NODES, node_kept_pages(cache, node));
	set_max_free(node, cache->layout.nr_objects);
}

/* NULL when memory for an off-slab descriptor ran out. */
static struct slab *make_slab(struct kmem_cache *cache, struct cache_node *node,
			      struct page *page)
{
	struct slab *descriptor = NULL;
	uint8_t *state;

	if (cache->layout.place == OFF_SLAB) {
		descriptor = slab_take_one(cache->descriptors, GFP_NOWAIT, node->nid, &state);
		if (!descriptor)
			return NULL;
	}
	return slab_make(cache, page, descriptor,
			 __atomic_fetch_add(&node->nr_made, 1, __ATOMIC_RELAXED));
}

/*
 * What of a request for an object is meant for the page allocator: how hard to try, and
 * the node. Where pages come from and what they are is the cache's to say: an object in a
 * Movable pageblock or a compound page would be no slab's.
 */
#define PAGE_GFP (__GFP_RECLAIM | __GFP_HIGH | __GFP_MEMALLOC | __GFP_NORETRY |		\
		  __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_NO_INJECTION | __GFP_THISNODE)

/* One slab more of @cache is to be made. False: it has as many as it may. */
static bool count_slab(struct kmem_cache *cache)
{
	uint64_t nr_slabs = __atomic_load_n(&cache->nr_slabs, __ATOMIC_RELAXED);

	do {
		if (nr_slabs >= __atomic_load_n(&cache->max_slabs, __ATOMIC_RELAXED))
			return false;
	} while (!__atomic_compare_exchange_n(&cache->nr_slabs, &nr_slabs, nr_slabs + 1, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/* It was not made, or is gone. */
static void count_slab_off(struct kmem_cache *cache)
{
	__atomic_fetch_sub(&cache->nr_slabs, 1, __ATOMIC_RELAXED);
}

/* A slab on no list yet, and its node. NULL when memory ran out. */
static struct slab *make_slab_near(struct kmem_cache *cache, gfp_t gfp, unsigned nid,
				   struct cache_node **node)
{
	struct page *page = alloc_pages_node(nid, (gfp & PAGE_GFP) | cache->gfp,
					     cache->layout.order);
	struct slab *slab = NULL;

	if (!page)
		return NULL;
	*node = cache_node_get(cache, page_to_nid(page));
	if (*node)
		slab = make_slab(cache, *node, page);
	if (!slab)
		__free_pages(page, cache->layout.order);
	return slab;
}

struct cache_node *cache_grow(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct cache_node *node;
	struct slab *slab;

	DEBUG_ASSERT(!mm_port_is_local_locked());
	if (!count_slab(cache))
		return NULL;
	slab = make_slab_near(cache, gfp, nid, &node);
	if (!slab) {
		count_slab_off(cache);
		return NULL;
	}
	spin_lock(&node->lock);
	list_add(&slab->list, &node->free);
	node->nr_slabs++;
	node->nr_free_slabs++;
	node->nr_free_objects += cache->layout.nr_objects;
	keep_another_slab(cache, node);
	spin_unlock(&node->lock);
	return node;
}

/* Gives one unlisted empty slab's memory back. */
static void destroy_slab(struct kmem_cache *cache, struct slab *slab)
{
	/* Never the page of a live object: the states must say what the count does. */
	if (unlikely(!slab_is_unused(&cache->layout, slab)))
		slab_report_corrupt(cache, slab, "it counts as empty and has objects in use");
	slab_unmake(cache, slab);
	count_slab_off(cache);
	if (cache->layout.place == OFF_SLAB)
		slab_internal_free(slab);
}

static uint64_t destroy_all(struct kmem_cache *cache, struct list_head *slabs)
{
	uint64_t nr_pages = 0;

	DEBUG_ASSERT(!mm_port_is_local_locked());
	while (!list_is_empty(slabs)) {
		struct slab *slab = list_first_entry(slabs, struct slab, list);

		list_del(&slab->list);
		destroy_slab(cache, slab);
		nr_pages += pages_in(cache->layout.order);
	}
	return nr_pages;
}

uint64_t slabs_destroy(struct kmem_cache *cache, struct list_head *slabs)
{
	struct list_head ready;

	if (likely(!(cache->flags & SLAB_TYPESAFE_BY_RCU)))
		return destroy_all(cache, slabs);
	list_init(&ready);
	rcu_slabs_defer(cache, slabs, &ready);
	return destroy_all(cache, &ready);
}

bool slabs_destroy_deferred(struct kmem_cache *cache)
{
	struct list_head ready;
	bool is_waiting;

	list_init(&ready);
	is_waiting = rcu_slabs_advance(cache, &ready);
	destroy_all(cache, &ready);
	return is_waiting;
}

uint64_t node_reap(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects)
{
	struct list_head empty;

	list_init(&empty);
	spin_lock(&node->lock);
	keep_one_slab(cache, node);
	node_unlist_empty(cache, node, keep_objects, &empty);
	spin_unlock(&node->lock);
	return slabs_destroy(cache, &empty);
}

/* ---- Nodes ---- */

void cache_node_init(const struct kmem_cache *cache, struct cache_node *node, unsigned nid)
{
	*node = (struct cache_node){
		.nid = (uint16_t)nid,
		.max_free_objects = cache->layout.nr_objects,
	};
	list_init(&node->full);
	list_init(&node->partial);
	list_init(&node->free);
}

static struct cache_node *cache_node_make(struct kmem_cache *cache, unsigned nid)
{
	struct cache_node *expected = NULL;
	uint8_t *state;
	/* node_cache's own come from where it has slabs already, or this would not end. */
	gfp_t gfp = cache == node_cache ? GFP_NOWAIT | __GFP_THISNODE : GFP_NOWAIT;
	unsigned from_nid = cache == node_cache ? slab_system.boot_nid : nid;
	struct cache_node *node;

	/* While there is no such cache yet, memory of the first node is all there is. */
	if (!node_cache)
		return NULL;
	node = slab_take_one(node_cache, gfp, from_nid, &state);
	if (!node)
		return NULL;
	cache_node_init(cache, node, nid);
	if (__atomic_compare_exchange_n(&cache->nodes[nid], &expected, node, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return node;
	slab_give_one(node_cache, node, state);		/* another CPU was first */
	return expected;
}

struct cache_node *cache_node_get(struct kmem_cache *cache, unsigned nid)
{
	struct cache_node *node = cache_node_lookup(cache, nid);

	return likely(node != NULL) ? node : cache_node_make(cache, nid);
}

/* ---- Single objects, and the allocator's own ---- */

unsigned node_take_growing(struct kmem_cache *cache, gfp_t gfp, unsigned nid, struct slab_slot *to,
			   unsigned wanted)
{
	struct cache_node *node = cache_node_get(cache, nid);
	unsigned nr = node ? node_take(cache, node, to, wanted) : 0;

	gfp = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_THISNODE;
	/* More than one slab where the first ones fill the reserve. */
	while (nr == 0 && (node = cache_grow(cache, gfp, nid)) != NULL)
		nr = node_take(cache, node, to, wanted);
	return nr;
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
		if (node && node_take(cache, node, to, 1))
			return;
	}
	do {
		node = cache_grow(cache, gfp, nid);
	} while (node && !node_take(cache, node, to, 1));
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

	if (unlikely(!slot.object))
		slot = node_take_reserved(cache, gfp, nid);
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

void *slab_internal_alloc(enum slab_internal kind, unsigned nid)
{
	uint8_t *state;

	return slab_take_one(slab_system.internal_caches[kind], GFP_NOWAIT, nid, &state);
}

void slab_internal_free(void *at)
{
	const struct page *page = virt_to_page(at);
	struct kmem_cache *cache = page_cache(page);
	struct slab *slab = page_slab(page);

	slab_give_one(cache, at, slab->bufctl + slab_index(cache, slab, at));
}
