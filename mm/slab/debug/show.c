/*
 * Tables of the slab allocator: slabinfo 2.1, layouts, leaks.
 */

#include "lib/string.h"
#include "mm/slab/debug/guarded.h"
#include "mm/slab/layout.h"
#include "mm/slab/usage.h"

static void print_row(struct kmem_cache *cache)
{
	struct slab_usage usage = slab_usage(cache);
	uint64_t nr_free_slabs = 0, nr_shared = 0;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (!node)
			continue;
		spin_lock(&node->lock);
		nr_free_slabs += node->nr_free_slabs;
		spin_unlock(&node->lock);
		nr_shared += node_objects_at_rest(cache, node);
	}
	mm_port_print("%-17s %6lu %6lu %6u %4u %4d : tunables %4u %4u %4u : "
		      "slabdata %6lu %6lu %6lu\n",
		      cache->name, (unsigned long)usage.nr_active,
		      (unsigned long)usage.nr_objects, cache->layout.stride_bytes,
		      cache->layout.nr_objects, 1 << cache->layout.order,
		      2u * cache->magazine_slots, (unsigned)cache->batch,
		      0u,	/* what nodes keep grows with the load: mm/slab/node.c */
		      (unsigned long)(usage.nr_slabs - nr_free_slabs),
		      (unsigned long)usage.nr_slabs, (unsigned long)nr_shared);
}

void slab_print_info(void)
{
	mm_port_print("slabinfo - version: 2.1\n");
	mm_port_print("# name            <active_objs> <num_objs> <objsize> <objperslab> "
		      "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : "
		      "slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	for_each_cache(cache)
		print_row(cache);
}

static void print_layout_row(struct kmem_cache *cache)
{
	const struct slab_layout *layout = &cache->layout;
	uint64_t total = (PAGE_SIZE << layout->order) +
		(layout->place == OFF_SLAB ? layout->descriptor_bytes : 0);
	unsigned permille = (unsigned)(slab_layout_waste(layout) * 1000 / total);

	mm_port_print("%-17s %6u bytes, %3u on %2d pages, descriptor %s-slab %4u bytes, "
		      "waste %2u.%u %%, %u colours of %u\n",
		      cache->name, layout->stride_bytes, layout->nr_objects, 1 << layout->order,
		      layout->place == ON_SLAB ? "on" : "off", layout->descriptor_bytes,
		      permille / 10, permille % 10, layout->nr_colours, layout->colour_bytes);
}

void slab_print_layout(void)
{
	for_each_cache(cache)
		print_layout_row(cache);
}

static void print_record(struct kmem_cache *cache)
{
	const struct slab_layout *layout = &cache->layout;
	struct slab_usage usage = slab_usage(cache);

	mm_port_print("@cache name=\"%s\" object_bytes=%llu stride_bytes=%u per_slab=%u pages=%u "
		      "place=%s descriptor_bytes=%u colours=%u colour_bytes=%u waste_bytes=%llu "
		      "slabs=%llu active=%llu objects=%llu\n", cache->name,
		      (unsigned long long)kmem_cache_size(cache), layout->stride_bytes,
		      layout->nr_objects, 1u << layout->order,
		      layout->place == ON_SLAB ? "on" : "off", layout->descriptor_bytes,
		      layout->nr_colours, layout->colour_bytes,
		      (unsigned long long)slab_layout_waste(layout),
		      (unsigned long long)usage.nr_slabs, (unsigned long long)usage.nr_active,
		      (unsigned long long)usage.nr_objects);
}

void slab_print_records(void)
{
	for_each_cache(cache)
		if (slab_usage(cache).nr_slabs > 0 || strncmp(cache->name, "kmalloc-", 8) == 0)
			print_record(cache);
}

/* ---- Leaks ---- */

/* Callers that are told apart; the rest is summed under 0. */
#define NR_LEAK_CALLERS	64u

struct leaks {
	unsigned nr_callers;
	uint64_t nr_objects;
	struct {
		uintptr_t caller;
		uint64_t nr_objects, bytes;
		const void *example;
	} by_caller[NR_LEAK_CALLERS];
};

static void add_leak(struct leaks *leaks, const void *object, size_t bytes, uintptr_t caller)
{
	unsigned i = 0;

	while (i < leaks->nr_callers && leaks->by_caller[i].caller != caller)
		i++;
	if (i == NR_LEAK_CALLERS)
		i--;	/* full: the last speaks for all others */
	if (i == leaks->nr_callers) {
		leaks->nr_callers++;
		leaks->by_caller[i].caller = caller;
		leaks->by_caller[i].example = object;
	}
	leaks->by_caller[i].nr_objects++;
	leaks->by_caller[i].bytes += bytes;
	leaks->nr_objects++;
}

static void add_leak_of_slab(struct leaks *leaks, const struct kmem_cache *cache,
			     const void *object)
{
	const struct debug_tail *tail = debug_tail_of(cache, object);

	add_leak(leaks, object, tail->requested_bytes, tail->allocated.caller);
}

static void add_leaks_of_list(struct leaks *leaks, struct kmem_cache *cache,
			      const struct list_head *head)
{
	list_for_each(at, head) {
		const struct slab *slab = list_entry(at, struct slab, list);

		for (unsigned i = 0; i < cache->layout.nr_objects; i++)
			if (slab->bufctl[i] == 0)
				add_leak_of_slab(leaks, cache, slab_object(cache, slab, i));
	}
}

static void add_guarded_leaks(struct leaks *leaks)
{
	struct guarded entry;

	for (unsigned at = 0; guarded_next(&at, &entry);)
		if (entry.cache->flags & SLAB_LEAK)
			add_leak(leaks, entry.object, entry.bytes, entry.allocated.caller);
}

static void add_leaks(struct leaks *leaks, struct kmem_cache *cache)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (!node)
			continue;
		spin_lock(&node->lock);
		add_leaks_of_list(leaks, cache, &node->full);
		add_leaks_of_list(leaks, cache, &node->partial);
		spin_unlock(&node->lock);
	}
}

uint64_t slab_print_leaks(void)
{
	struct leaks leaks;

	memset(&leaks, 0, sizeof(leaks));
	for_each_cache(cache)
		if (cache->debug && (cache->flags & SLAB_LEAK))
			add_leaks(&leaks, cache);
	add_guarded_leaks(&leaks);
	for (unsigned i = 0; i < leaks.nr_callers; i++)
		mm_port_print("leak: %llu objects, %llu bytes, allocated by %p, one is %p\n",
			      (unsigned long long)leaks.by_caller[i].nr_objects,
			      (unsigned long long)leaks.by_caller[i].bytes,
			      (void *)leaks.by_caller[i].caller, leaks.by_caller[i].example);
	return leaks.nr_objects;
}
