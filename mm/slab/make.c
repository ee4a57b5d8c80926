/*
 * Making slabs and giving them back; the nodes of a cache.
 *
 * Model
 *   cache_grow() takes a block of pages, places a descriptor, links every page to
 *   cache and slab and constructs the objects; the slab begins on its node's list
 *   of empty ones. slabs_destroy() undoes all that. A cache has a cache_node for
 *   each node it has slabs on, made when it is first needed.
 *
 * Keeping
 *   At most max_free_objects rest in full magazines of the depot; empty slabs go
 *   back to the page allocator when those and the free objects in slabs are more.
 *   The bound rises by a slab for each slab that had to be made, up to
 *   cache->max_kept_objects, so that a load that comes and goes finds its objects
 *   again; shrinking, and so memory pressure, sets it back.
 *
 * Locking
 *   Pages, descriptors and cache_nodes are taken and given back with no lock
 *   held, since the page allocator may call shrinkers.
 *
 * Cost
 *   Making a slab: 12 instructions a page, 3 for each 8 objects, its pages and,
 *   off-slab, an object from a descriptor cache.
 */

#include "mm/slab/core.h"

#include "mm/slab/debug/debug.h"


/* The bound of free objects in a node's slabs before it has grown: see Keeping. */
static uint64_t base_of_kept(const struct kmem_cache *cache)
{
	return cache->layout.nr_objects + (uint64_t)MIN_KEPT_MAGAZINES * cache->magazine_slots;
}

/* The depot reads it without the node's lock. */
static void set_max_free(struct cache_node *node, uint64_t nr_objects)
{
	__atomic_store_n(&node->max_free_objects, nr_objects, __ATOMIC_RELAXED);
}

static void run_on_objects(const struct kmem_cache *cache, struct slab *slab,
			   void (*function)(void *object))
{
	for (unsigned i = 0; i < cache->layout.nr_objects; i++)
		function(slab_object(cache, slab, i));
}

/*
 * Slabs are aligned, and so descriptors at their starts would all fall into the same
 * few sets of a CPU's cache: the room in front of the objects is used in turn.
 */
static uint32_t descriptor_offset(const struct slab_layout *layout, uint32_t number)
{
	uint32_t room = layout->objects_offset - SLAB_GUARD_BYTES - layout->descriptor_bytes -
		SLAB_GUARD_BYTES;

	return SLAB_GUARD_BYTES + number % (room / CACHE_LINE_BYTES + 1) * CACHE_LINE_BYTES;
}

static struct slab *place_descriptor(struct kmem_cache *cache, uint8_t *start, unsigned nid,
				     uint32_t number)
{
	struct slab *slab;
	uint8_t *state;

	if (cache->layout.place == OFF_SLAB)
		return slab_take_one(cache->descriptors, GFP_NOWAIT, nid, &state);
	slab = (struct slab *)(void *)(start + descriptor_offset(&cache->layout, number));
	slab_guards_set(&cache->layout, slab);
	return slab;
}

/* page_set_type() marks all pages of the block. */
static void link_pages(struct kmem_cache *cache, struct slab *slab, struct page *page)
{
	struct page *end = page + pages_in(cache->layout.order);

	page_set_type(page, PAGE_SLAB);
	for (; page < end; page++) {
		page_set_slab(page, cache, slab);
		page->array_index = cache->array_index;
	}
}

static void release_pages(struct kmem_cache *cache, struct page *page)
{
	for (uint64_t i = 0; i < pages_in(cache->layout.order); i++)
		page[i].array_index = 0;	/* else it would be an owner */
	page_set_type(page, PAGE_USER);
	__free_pages(page, cache->layout.order);
}

/* Gives one unlisted empty slab's memory back. */
static void slab_destroy(struct kmem_cache *cache, struct slab *slab)
{
	uint8_t *start = slab_start(cache, slab);

	if (cache->debug)
		debug_slab_release(cache, slab);
	if (cache->dtor)
		run_on_objects(cache, slab, cache->dtor);
	if (cache->layout.place == OFF_SLAB) {
		struct page *page = virt_to_page(slab);
		struct slab *of_descriptor = page_slab(page);

		slab_give_one(cache->descriptors, slab, of_descriptor->bufctl +
			      slab_index(cache->descriptors, of_descriptor, slab));
	}
	release_pages(cache, virt_to_page(start));
}

/* @number tells the node's slabs of @cache apart: by it they get different colours. */
static struct slab *slab_create(struct kmem_cache *cache, struct page *page, uint32_t number)
{
	const struct slab_layout *layout = &cache->layout;
	const uint32_t colour = layout->nr_colours == 1 ? 0 : number % layout->nr_colours;
	uint8_t *start = page_address(page);
	struct slab *slab = place_descriptor(cache, start, page_to_nid(page), number);

	if (!slab)
		return NULL;
	slab->objects = start + layout->objects_offset + colour * layout->colour_bytes;
	if (cache->debug)
		slab->objects += cache->debug->left_bytes;
	slab->nr_free = layout->nr_objects;
	slab->first_free = 0;
	slab->nid = (uint16_t)page_to_nid(page);
	slab->colour = (uint16_t)colour;
	slab_entries_init(layout, slab);
	link_pages(cache, slab, page);
	if (cache->debug)
		debug_slab_create(cache, slab);
	if (cache->ctor)
		run_on_objects(cache, slab, cache->ctor);
	return slab;
}

struct cache_node *cache_grow(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct page *page = alloc_pages_node(nid, (gfp | cache->gfp) & ~__GFP_ZERO,
					     cache->layout.order);
	struct cache_node *node;
	struct slab *slab = NULL;

	if (!page)
		return NULL;
	node = cache_node_get(cache, page_to_nid(page));
	if (node)
		slab = slab_create(cache, page, __atomic_fetch_add(&node->nr_made, 1,
								   __ATOMIC_RELAXED));
	if (!slab) {
		__free_pages(page, cache->layout.order);
		return NULL;
	}
	spin_lock(&node->lock);
	list_add(&slab->list, &node->free);
	node->nr_slabs++;
	node->nr_free_slabs++;
	node->nr_free_objects += cache->layout.nr_objects;
	if (node->max_free_objects < cache->max_kept_objects)
		set_max_free(node, node->max_free_objects + cache->layout.nr_objects);
	spin_unlock(&node->lock);
	return node;
}

uint64_t slabs_destroy(struct kmem_cache *cache, struct list_head *slabs)
{
	struct list_head ready;
	uint64_t nr_pages = 0;

	if (unlikely(cache->flags & SLAB_TYPESAFE_BY_RCU)) {
		list_init(&ready);
		rcu_slabs_defer(cache, slabs, &ready);
		slabs = &ready;
	}
	while (!list_is_empty(slabs)) {
		struct slab *slab = list_first_entry(slabs, struct slab, list);

		list_del(&slab->list);
		slab_destroy(cache, slab);
		nr_pages += pages_in(cache->layout.order);
	}
	return nr_pages;
}

uint64_t node_reap(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects)
{
	struct list_head empty;

	list_init(&empty);
	spin_lock(&node->lock);
	set_max_free(node, base_of_kept(cache));
	node_unlist_empty(cache, node, keep_objects, &empty);
	spin_unlock(&node->lock);
	return slabs_destroy(cache, &empty);
}

/* ---- Nodes ---- */

void cache_node_init(struct cache_node *node, unsigned nid)
{
	*node = (struct cache_node){ .nid = (uint16_t)nid };
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
	struct cache_node *node = slab_take_one(node_cache, gfp, from_nid, &state);

	if (!node)
		return NULL;
	cache_node_init(node, nid);
	node->max_free_objects = base_of_kept(cache);
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
