/*
 * What a node means to a request, asked of every allocator in the same words: for each node
 * and for none, with __GFP_THISNODE and without. One answer is right, whoever gives it.
 */

#include "tests/unit/node_ways.h"

#include "lib/align.h"
#include "mm/contig.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/percpu.h"
#include "mm/vmalloc.h"
#include "tests/test.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/slab/room.h"

#define AREA_PAGES	5u	/* more than a vm_struct names itself */
#define RANGE_PAGES	1500u	/* no block, and not larger than a node */

static struct kmem_cache *plain_cache, *debug_cache;

/* One way to memory: where it lies, NID_NONE for NULL; and it is given back. */
struct way {
	const char *name;
	unsigned (*ask)(unsigned nid, gfp_t gfp);
	bool has_no_nid;	/* it can be asked for the current node alone */
};

static unsigned nid_of_page(struct page *page, unsigned order)
{
	unsigned nid = page ? page_to_nid(page) : NID_NONE;

	if (page)
		__free_pages(page, order);
	return nid;
}

static unsigned ask_page(unsigned nid, gfp_t gfp)
{
	return nid_of_page(alloc_pages_node(nid, gfp, 0), 0);
}

static unsigned ask_block(unsigned nid, gfp_t gfp)
{
	return nid_of_page(alloc_pages_node(nid, gfp, 5), 5);
}

static unsigned ask_pageblock(unsigned nid, gfp_t gfp)
{
	return nid_of_page(alloc_pages_node(nid, gfp, PAGEBLOCK_ORDER), PAGEBLOCK_ORDER);
}

static unsigned ask_current_page(unsigned nid, gfp_t gfp)
{
	(void)nid;
	return nid_of_page(alloc_pages(gfp, 0), 0);
}

static unsigned ask_exact(unsigned nid, gfp_t gfp)
{
	void *pages = alloc_pages_exact_nid(nid, 3 * PAGE_SIZE, gfp);
	unsigned found = pages ? page_to_nid(virt_to_page(pages)) : NID_NONE;

	if (pages)
		free_pages_exact(pages, 3 * PAGE_SIZE);
	return found;
}

/* All of one node, else it is none. */
static unsigned ask_bulk(unsigned nid, gfp_t gfp)
{
	struct page *pages[20];
	unsigned nr = alloc_pages_bulk(gfp, nid, ARRAY_SIZE(pages), pages);
	unsigned found = nr ? page_to_nid(pages[0]) : NID_NONE;

	for (unsigned i = 0; i < nr; i++) {
		CHECK_EQ(page_to_nid(pages[i]), found);
		__free_page(pages[i]);
	}
	return found;
}

static unsigned nid_of_object(void *object)
{
	unsigned nid = object ? page_to_nid(virt_to_page(object)) : NID_NONE;

	kfree(object);
	return nid;
}

static unsigned ask_small(unsigned nid, gfp_t gfp)
{
	return nid_of_object(kmalloc_node(64, gfp, nid));
}

static unsigned ask_zeroed(unsigned nid, gfp_t gfp)
{
	return nid_of_object(kzalloc_node(200, gfp, nid));
}

static unsigned ask_current_small(unsigned nid, gfp_t gfp)
{
	(void)nid;
	return nid_of_object(kmalloc(64, gfp));
}

static unsigned ask_current_constant(unsigned nid, gfp_t gfp)
{
	(void)nid;
	if (gfp & __GFP_THISNODE)
		return nid_of_object(kmalloc(64, GFP_KERNEL | __GFP_THISNODE | __GFP_NO_GUARD));
	return nid_of_object(kmalloc(64, GFP_KERNEL | __GFP_NO_GUARD));
}

static unsigned ask_current_ready(unsigned nid, gfp_t gfp)
{
	(void)nid;
	if (gfp & __GFP_THISNODE)
		return nid_of_object(kmalloc(100000, GFP_KERNEL | __GFP_THISNODE));
	return nid_of_object(kmalloc(100000, GFP_KERNEL));
}

static unsigned ask_large(unsigned nid, gfp_t gfp)
{
	return nid_of_object(kmalloc_node(100000, gfp, nid));
}

static unsigned nid_of_cached(struct kmem_cache *cache, void *object)
{
	unsigned nid = object ? page_to_nid(virt_to_page(object)) : NID_NONE;

	kmem_cache_free(cache, object);
	return nid;
}

static unsigned ask_cache(unsigned nid, gfp_t gfp)
{
	return nid_of_cached(plain_cache, kmem_cache_alloc_node(plain_cache, gfp, nid));
}

static unsigned ask_current_cache(unsigned nid, gfp_t gfp)
{
	(void)nid;
	return nid_of_cached(plain_cache, kmem_cache_alloc(plain_cache, gfp));
}

static unsigned ask_debug_cache(unsigned nid, gfp_t gfp)
{
	return nid_of_cached(debug_cache, kmem_cache_alloc_node(debug_cache, gfp, nid));
}

static unsigned ask_cache_bulk(unsigned nid, gfp_t gfp)
{
	void *objects[10];

	(void)nid;
	if (!kmem_cache_alloc_bulk(plain_cache, gfp, ARRAY_SIZE(objects), objects))
		return NID_NONE;
	for (unsigned i = 1; i < ARRAY_SIZE(objects); i++)
		CHECK_EQ(page_to_nid(virt_to_page(objects[i])),
			 page_to_nid(virt_to_page(objects[0])));
	for (unsigned i = 1; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(plain_cache, objects[i]);
	return nid_of_cached(plain_cache, objects[0]);
}

static unsigned nid_of_area(void *area)
{
	unsigned nid = area ? page_to_nid(vmalloc_to_page(area)) : NID_NONE;

	vfree(area);
	return nid;
}

static unsigned ask_area(unsigned nid, gfp_t gfp)
{
	return nid_of_area(vmalloc_flags(PAGE_SIZE, gfp, nid, 0));
}

static unsigned ask_larger_area(unsigned nid, gfp_t gfp)
{
	return nid_of_area(vmalloc_flags(AREA_PAGES * PAGE_SIZE, gfp, nid, 0));
}

static unsigned ask_huge_area(unsigned nid, gfp_t gfp)
{
	return nid_of_area(vmalloc_flags(PAGE_SIZE << VM_HUGE_ORDER, gfp, nid, VM_ALLOW_HUGE_VMAP));
}

static unsigned ask_kvmalloc(unsigned nid, gfp_t gfp)
{
	void *at = kvmalloc_node(3000, gfp, nid);
	unsigned found = at ? page_to_nid(virt_to_page(at)) : NID_NONE;

	kvfree(at);
	return found;
}

static unsigned ask_range(unsigned nid, gfp_t gfp)
{
	struct page *pages = alloc_contig_pages(RANGE_PAGES, gfp, nid);
	unsigned found = pages ? page_to_nid(pages) : NID_NONE;

	if (pages)
		free_contig_range(page_to_pfn(pages), RANGE_PAGES);
	return found;
}

static const struct way ways[] = {
	{ "alloc_pages_node, a page", ask_page, false },
	{ "alloc_pages_node, a block", ask_block, false },
	{ "alloc_pages_node, a pageblock", ask_pageblock, false },
	{ "alloc_pages", ask_current_page, true },
	{ "alloc_pages_exact_nid", ask_exact, false },
	{ "alloc_pages_bulk", ask_bulk, false },
	{ "kmalloc_node", ask_small, false },
	{ "kzalloc_node", ask_zeroed, false },
	{ "kmalloc_node, large", ask_large, false },
	{ "kmalloc", ask_current_small, true },
	{ "kmalloc, all known", ask_current_constant, true },
	{ "kmalloc, ready-made", ask_current_ready, true },
	{ "kmem_cache_alloc_node", ask_cache, false },
	{ "kmem_cache_alloc", ask_current_cache, true },
	{ "kmem_cache_alloc_node, debug", ask_debug_cache, false },
	{ "kmem_cache_alloc_bulk", ask_cache_bulk, true },
	{ "vmalloc_flags, a page", ask_area, false },
	{ "vmalloc_flags, pages", ask_larger_area, false },
	{ "vmalloc_flags, huge", ask_huge_area, false },
	{ "kvmalloc_node", ask_kvmalloc, false },
	{ "alloc_contig_pages", ask_range, false },
};

static unsigned right_answer(unsigned nid, gfp_t gfp)
{
	unsigned asked = nid == NID_NONE ? numa_node_id() : nid;

	if (gfp & __GFP_THISNODE)
		return node_has_memory(asked) ? asked : NID_NONE;
	return slab_system.setup.nearest_node(asked, 0);
}

static void ask_all_ways(unsigned nid, gfp_t gfp)
{
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		unsigned right = right_answer(nid, gfp), found;

		if (ways[i].has_no_nid && nid != NID_NONE)
			continue;
		/* A guarded object is an area's: virt_to_page() does not find its page. */
		found = ways[i].ask(nid, gfp | __GFP_NO_GUARD);
		if (found != right)
			test_fail(__FILE__, __LINE__,
				  "%s on CPU %u for node %d, gfp 0x%x: %d, not %d",
				  ways[i].name, mm_port_cpu(), (int)nid, gfp, (int)found,
				  (int)right);
	}
}

/*
 * Each CPU's copy is of its own node, or the nearest to it, whatever node the caller is on:
 * __GFP_THISNODE says nothing there, nor do zones.
 */
static void ask_percpu(gfp_t gfp)
{
	/* The chunk that is kept is in use: what is asked for needs new pages. */
	void *kept = alloc_percpu_bytes(PERCPU_UNIT_BYTES, PAGE_SIZE, GFP_KERNEL);
	char *at = alloc_percpu_bytes(PERCPU_UNIT_BYTES, PAGE_SIZE, gfp);

	CHECK(at != NULL);
	for (unsigned cpu = 0; at && cpu < nr_cpu_ids(); cpu++)
		CHECK_EQ(page_to_nid(vmalloc_to_page(per_cpu_ptr(at, cpu))),
			 slab_system.setup.nearest_node(cpu_to_node(cpu), 0));
	free_percpu(at);
	free_percpu(kept);
}

void node_ways_ask(void)
{
	ask_all_ways(NID_NONE, GFP_KERNEL);
	ask_all_ways(NID_NONE, GFP_KERNEL | __GFP_THISNODE);
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		ask_all_ways(nid, GFP_KERNEL);
		ask_all_ways(nid, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN);
	}
	ask_percpu(GFP_KERNEL);
	ask_percpu(GFP_KERNEL | __GFP_THISNODE | __GFP_DMA | __GFP_MOVABLE);
}

void node_ways_begin(void)
{
	plain_cache = create_plain("test_nodes", 128, 0, SLAB_PANIC, NULL);
	debug_cache = kmem_cache_create("test_debug", 128, 0, SLAB_PANIC | SLAB_POISON, NULL);
}

void node_ways_end(void)
{
	kmem_cache_destroy(debug_cache);
	kmem_cache_destroy(plain_cache);
}
