/*
 * Slow truth for the slab allocator: every numbered rule, checked object by object.
 *
 * The rules stand in the theory blocks of the files they are named after; SLAB's in
 * mm/slab/slab.c and mm/slab/node.c. Nothing is changed and nothing panics. Other
 * CPUs are quiet. Cost: O(objects) and a bitmap of one slab on the stack.
 */

#include "mm/slab/debug/verify.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/slab/alien.h"
#include "mm/slab/array.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/guard.h"
#include "mm/slab/debug/object.h"
#include "mm/slab/keep.h"
#include "mm/slab/layout.h"
#include "mm/slab/rcu.h"
#include "mm/slab/slab.h"

/* What a walk over a cache adds up. */
struct sums {
	uint64_t nr_not_allocated;	/* entries whose low byte is not 0 */
	uint64_t nr_in_slabs;		/* free list entries */
	uint64_t nr_at_rest;		/* objects in arrays and in quarantine */
	uint64_t nr_slabs;		/* on nodes' lists */
};

static bool free_list_verify(const struct kmem_cache *cache, const struct slab *slab,
			     struct violation *out)
{
	uint64_t seen[SLAB_MAX_OBJECTS / BITS_PER_WORD] = { 0 };
	unsigned index = slab->first_free;

	REQUIRE("SLAB-2", slab, slab->nr_free <= cache->layout.nr_objects);
	for (unsigned i = 0; i < slab->nr_free; i++) {
		REQUIRE("SLAB-2", slab, index < cache->layout.nr_objects);
		REQUIRE("SLAB-2", slab, !bitmap_test(seen, index));
		REQUIRE("SLAB-2", slab_object(cache, slab, index), slab->bufctl[index] != 0);
		bitmap_set(seen, index);
		index = slab_next_free(cache, slab, index);
	}
	return true;
}

static bool pages_verify(struct kmem_cache *cache, struct slab *slab, struct violation *out)
{
	const struct page *page = virt_to_page(slab_start(cache, slab));

	for (uint64_t i = 0; i < pages_in(cache->layout.order); i++) {
		REQUIRE("SLAB-3", page_address(&page[i]), page[i].type == PAGE_SLAB);
		REQUIRE("SLAB-3", page_address(&page[i]), page_cache(&page[i]) == cache);
		REQUIRE("SLAB-3", page_address(&page[i]), page_slab(&page[i]) == slab);
		REQUIRE("SLAB-3", page_address(&page[i]),
			page[i].array_index == cache->array_index);
	}
	return true;
}

static bool slab_verify_one(struct kmem_cache *cache, struct slab *slab, struct sums *sums,
			    struct violation *out)
{
	REQUIRE("SLAB-5", slab, slab_guards_are_whole(cache, slab));
	if (!pages_verify(cache, slab, out) || !free_list_verify(cache, slab, out))
		return false;
	sums->nr_in_slabs += slab->nr_free;
	for (unsigned i = 0; i < cache->layout.nr_objects; i++)
		sums->nr_not_allocated += slab->bufctl[i] != 0;
	return !cache->debug || debug_slab_verify(cache, slab, out);
}

/* One list of a node, and what rule SLAB-1 says of its slabs. */
struct walk {
	struct kmem_cache *cache;
	struct cache_node *node;
	struct sums *sums;
	uint64_t nr_slabs;		/* on the list walked last */
};

/* nr_free of the slabs on @head lies in [@min_free, @max_free]. */
static bool list_verify(struct walk *walk, const struct list_head *head, unsigned min_free,
			unsigned max_free, struct violation *out)
{
	walk->nr_slabs = 0;
	list_for_each(at, head) {
		struct slab *slab = list_entry(at, struct slab, list);

		REQUIRE("SLAB-1", slab, list_is_linked(at));
		REQUIRE("SLAB-1", slab, slab->nr_free >= min_free);
		REQUIRE("SLAB-1", slab, slab->nr_free <= max_free);
		REQUIRE("SLAB-1", slab, slab->nid == walk->node->nid);
		if (!slab_verify_one(walk->cache, slab, walk->sums, out))
			return false;
		walk->nr_slabs++;
	}
	return true;
}

static bool node_verify(struct kmem_cache *cache, struct cache_node *node, struct sums *sums,
			struct violation *out)
{
	const unsigned all = cache->layout.nr_objects;
	const uint64_t nr_before = sums->nr_in_slabs;
	struct walk walk = { .cache = cache, .node = node, .sums = sums };
	uint64_t nr_slabs;

	assume_unshared(&node->lock);
	if (!list_verify(&walk, &node->full, 0, 0, out))
		return false;
	nr_slabs = walk.nr_slabs;
	if (!list_verify(&walk, &node->partial, 1, all - 1, out))
		return false;
	nr_slabs += walk.nr_slabs;
	if (!list_verify(&walk, &node->free, all, all, out))
		return false;
	REQUIRE("SLAB-4", node, node->nr_slabs == nr_slabs + walk.nr_slabs);
	REQUIRE("SLAB-4", node, node->nr_free_slabs == walk.nr_slabs);
	REQUIRE("SLAB-4", node, node->nr_free_objects == sums->nr_in_slabs - nr_before);
	sums->nr_slabs += node->nr_slabs;
	return true;
}

/* @slot rests where objects of node @nid do. */
static bool slot_verify(struct kmem_cache *cache, const struct slab_slot *slot, unsigned nid,
			const char *rule, struct violation *out)
{
	const struct page *page = virt_to_page(slot->object);
	struct slab *slab;
	uint64_t at;

	REQUIRE(rule, slot->object, page->type == PAGE_SLAB);
	REQUIRE(rule, slot->object, page_cache(page) == cache);
	slab = page_slab(page);
	at = slab_index(cache, slab, slot->object);
	REQUIRE(rule, slot->object, at < cache->nr_objects);
	REQUIRE(rule, slot->object, slot->state == &slab->bufctl[at]);
	REQUIRE(rule, slot->object, *slot->state != 0);
	REQUIRE(rule, slot->object, slab->nid == nid);
	return true;
}

static bool slots_verify(struct kmem_cache *cache, const struct slab_slot *slots, unsigned nr,
			 unsigned nid, const char *rule, struct violation *out)
{
	for (unsigned i = 0; i < nr; i++)
		if (!slot_verify(cache, &slots[i], nid, rule, out))
			return false;
	return true;
}

/* Of objects of node @nid. */
static bool depot_verify(struct kmem_cache *cache, const struct depot *depot, unsigned nid,
			 struct sums *sums, struct violation *out)
{
	uint32_t nr = 0;

	assume_unshared(&depot->lock);
	for (const struct magazine *at = depot->empty; at; at = at->next, nr++) {
		REQUIRE("DEPOT-1", at, nr < depot->nr_empty);
		REQUIRE("DEPOT-3", at, !at->no_object);
	}
	REQUIRE("DEPOT-1", depot, nr == depot->nr_empty);
	nr = 0;
	for (const struct magazine *at = depot->full; at; at = at->next, nr++) {
		REQUIRE("DEPOT-1", at, nr < depot->nr_full);
		REQUIRE("DEPOT-3", at, !at->no_object);
		if (!slots_verify(cache, at->slots, cache->magazine_slots, nid, "DEPOT-2", out))
			return false;
	}
	REQUIRE("DEPOT-1", depot, nr == depot->nr_full);
	sums->nr_at_rest += depot_objects(cache, depot);
	return true;
}

static bool cpu_array_verify(struct kmem_cache *cache, struct cpu_array *array,
			     struct sums *sums, struct violation *out)
{
	struct magazine *loaded;
	unsigned nr;

	if (array == &slab_no_array)
		return true;
	assume_unshared(&array->own.lock);
	loaded = cpu_array_loaded(cache, array);
	REQUIRE("ARRAY-1", array, array->top >= loaded->slots);
	REQUIRE("ARRAY-1", array, array->top <= array->end);
	REQUIRE("ARRAY-1", array, !loaded->no_object);
	REQUIRE("ARRAY-1", array, array->inverse == cache->inverse);
	REQUIRE("ARRAY-1", array, array->nr_objects == cache->nr_objects);
	REQUIRE("ARRAY-3", array, array->max_full > 0);
	REQUIRE("ARRAY-3", array, array->own.nr_full + array->own.nr_empty <= array->max_full);
	nr = (unsigned)(array->top - loaded->slots);
	sums->nr_at_rest += nr;
	return slots_verify(cache, loaded->slots, nr, array->nid, "ARRAY-2", out) &&
		depot_verify(cache, &array->own, array->nid, sums, out);
}

static bool alien_verify(struct kmem_cache *cache, const struct alien_array *alien, unsigned nid,
			 struct sums *sums, struct violation *out)
{
	if (!alien)
		return true;
	assume_unshared(&alien->lock);
	REQUIRE("ALIEN-1", alien, alien->nr <= alien->limit);
	REQUIRE("ALIEN-1", alien, alien->limit == (alien->magazine ? cache->magazine_slots : 0));
	sums->nr_at_rest += alien->nr;
	return alien->nr == 0 ||
		slots_verify(cache, alien->magazine->slots, alien->nr, nid, "ALIEN-2", out);
}

static bool node_arrays_verify(struct kmem_cache *cache, const struct cache_node *node,
			       struct sums *sums, struct violation *out)
{
	if (!depot_verify(cache, &node->depot, node->nid, sums, out))
		return false;
	for (unsigned nid = 0; node->alien && nid < slab_system.nr_nodes; nid++)
		if (!alien_verify(cache, node->alien[nid], nid, sums, out))
			return false;
	return true;
}

static bool nodes_verify(struct kmem_cache *cache, struct sums *sums, struct violation *out)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (node && (!node_verify(cache, node, sums, out) ||
			     !node_arrays_verify(cache, node, sums, out)))
			return false;
	}
	return true;
}

bool cache_verify(struct kmem_cache *cache, struct violation *out)
{
	struct sums sums = { 0 };

	REQUIRE("CACHE-2", cache, cache->inverse == slab_layout_inverse(&cache->layout));
	REQUIRE("CACHE-2", cache, cache->nr_objects ==
		cache->layout.nr_objects);
	if (!nodes_verify(cache, &sums, out))
		return false;
	for (unsigned cpu = 0; cpu < slab_system.nr_cpus; cpu++)
		if (!cpu_array_verify(cache, cache->cpu[cpu], &sums, out))
			return false;
	if (cache->debug)
		sums.nr_at_rest += debug_nr_quarantined(cache);
	REQUIRE("SLAB-6", cache, sums.nr_not_allocated == sums.nr_in_slabs + sums.nr_at_rest);
	REQUIRE("BOUNDS-1", cache, cache->nr_slabs == sums.nr_slabs + rcu_slabs_count(cache));
	return true;
}

static uint64_t pages_of_aliens(const struct kmem_cache *cache, struct cache_node *home)
{
	uint64_t nr_pages = 0;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct alien_array *alien = alien_lookup(home, nid);

		if (!alien)
			continue;
		assume_unshared(&alien->lock);
		nr_pages += alien->limit > 0 ? keep_magazine_pages(cache, 1) : 0;
	}
	return nr_pages;
}

uint64_t cache_kept_pages(struct kmem_cache *cache, enum keep_share share)
{
	const bool is_with_cpus = share == KEEP_WITH_CPUS;
	uint64_t nr_pages = 0;

	for (unsigned cpu = 0; is_with_cpus && cpu < slab_system.nr_cpus; cpu++)
		if (cache->cpu[cpu] != &slab_no_array)
			nr_pages += keep_magazine_pages(cache, cache->cpu[cpu]->max_full + 1u);
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (node)
			nr_pages += is_with_cpus ? pages_of_aliens(cache, node)
						 : node_kept_pages(cache, node);
	}
	return nr_pages;
}

unsigned validate_slab_cache(struct kmem_cache *cache)
{
	struct violation violation;

	cache_require_alive(cache, "validate_slab_cache");
	if (cache_verify(cache, &violation))
		return 0;
	mm_port_log(LOG_ERROR, "slab: cache %s breaks %s at %p: %s", cache->name, violation.rule,
		    (void *)violation.at, violation.condition);
	return 1;
}

static bool kmalloc_verify(struct violation *out)
{
	for (unsigned type = 0; type < NR_KMALLOC_TYPES; type++)
		for (unsigned class = 0; class < NR_KMALLOC_CLASSES; class++) {
			const struct kmem_cache *cache = kmalloc_caches[type][class];

			if (!cache)
				continue;	/* before kmalloc_init() */
			REQUIRE("KMALLOC-1", cache,
				cache->object_bytes == kmalloc_class_bytes(class));
			REQUIRE("KMALLOC-2", cache, cache->align >= (cache->object_bytes &
				-cache->object_bytes) || cache->align == PAGE_SIZE);
		}
	return true;
}

bool slab_verify(struct violation *out)
{
	uint64_t nr_kept_pages[NR_KEEP_SHARES] = { 0 };
	unsigned nr_caches = 0;

	assume_unshared(&slab_system.lock);
	list_for_each(at, &slab_system.caches) {
		REQUIRE("CACHE-1", at, list_is_linked(at));
		if (!cache_verify(list_entry(at, struct kmem_cache, list), out))
			return false;
		for (unsigned i = 0; i < NR_KEEP_SHARES; i++)
			nr_kept_pages[i] +=
				cache_kept_pages(list_entry(at, struct kmem_cache, list), i);
		nr_caches++;
	}
	for (unsigned i = 0; i < NR_KEEP_SHARES; i++)
		REQUIRE("KEEP-1", i, slab_system.nr_kept_pages[i] == nr_kept_pages[i]);
	REQUIRE("CACHE-1", nr_caches, nr_caches == slab_system.nr_caches);
	return kmalloc_verify(out) && guard_verify(out);
}
