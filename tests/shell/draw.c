/* Pictures in text of the live structures: what draw= of the shell shows. */

#include "tests/shell/draw.h"

#include "lib/string.h"
#include "log.h"
#include "mm/live.h"
#include "mm/vmalloc/vm_area.h"
#include "tests/lecture/stage.h"
#include "tests/unit/slab/room.h"

#define BAR_WIDTH	40u
#define MAX_SLABS	8u
#define MAX_AREAS	16u
#define MAX_OBJECTS	64u

static void draw_buddy(void)
{
	for_each_populated_zone(zone) {
		log_raw("node %u %s\n", zone->node->node_id, zone->name);
		for (unsigned order = 0; order < NR_ORDERS; order++) {
			char bar[BAR_WIDTH + 1];

			draw_bar(bar, BAR_WIDTH, zone->free_area[order].nr_free << order,
				 zone->managed_pages);
			log_raw("  order %2u |%s| %llu blocks\n", order, bar,
				(ull)zone->free_area[order].nr_free);
		}
	}
}

/* One character an object: # allocated or in a CPU's array, . free in its slab. */
static void draw_one_slab(const struct kmem_cache *cache, const struct slab *slab, const char *list)
{
	char map[MAX_OBJECTS + 1];
	unsigned nr = cache->layout.nr_objects < MAX_OBJECTS ? cache->layout.nr_objects :
							       MAX_OBJECTS;

	for (unsigned i = 0; i < nr; i++)
		map[i] = slab->bufctl[i] ? '.' : '#';
	map[nr] = '\0';
	log_raw("  %-7s 0x%llx |%s%s| %u of %u free\n", list, (ull)(uintptr_t)slab->objects, map,
		nr < cache->layout.nr_objects ? ">" : "", slab->nr_free, cache->layout.nr_objects);
}

static void draw_list_of(const struct kmem_cache *cache, struct list_head *slabs, const char *list)
{
	unsigned nr = 0;

	list_for_each(at, slabs)
		if (nr++ < MAX_SLABS)
			draw_one_slab(cache, list_entry(at, struct slab, list), list);
	if (nr > MAX_SLABS)
		log_raw("  %-7s and %u more\n", list, nr - MAX_SLABS);
}

static void draw_cache(struct kmem_cache *cache)
{
	log_raw("%s: %u objects of %u bytes in %llu pages, %s\n", cache->name,
		cache->layout.nr_objects, cache->layout.stride_bytes,
		(ull)pages_in(cache->layout.order),
		cache->layout.place == OFF_SLAB ? "off-slab" : "on-slab");
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);

		if (!node)
			continue;
		log_raw(" node %u\n", nid);
		spin_lock(&node->lock);
		draw_list_of(cache, &node->full, "full");
		draw_list_of(cache, &node->partial, "partial");
		draw_list_of(cache, &node->free, "free");
		spin_unlock(&node->lock);
	}
}

static void draw_slab(const char *name)
{
	bool is_found = false;

	for_each_cache(cache) {
		if (strcmp(cache->name, name) != 0)
			continue;
		draw_cache(cache);
		is_found = true;
	}
	if (!is_found)
		log_raw("no cache is called \"%s\": see `show slabinfo`\n", name);
}

static void draw_nodes(void)
{
	for_each_populated_zone(zone) {
		uint64_t nr_idle = zone->nr_free_pages + zone->nr_pending_pages;
		char bar[BAR_WIDTH + 1];

		draw_bar(bar, BAR_WIDTH, zone->present_pages - nr_idle, zone->present_pages);
		log_raw("node %u %-8s 0x%09llx |%s| 0x%09llx  %llu of %llu pages free, %llu of "
			"them "
			"not brought up\n", zone->node->node_id, zone->name,
			(ull)pfn_to_pa(zone->start_pfn), bar, (ull)pfn_to_pa(zone->end_pfn),
			(ull)nr_idle, (ull)zone->present_pages, (ull)zone->nr_pending_pages);
	}
}

static void draw_vmalloc(void)
{
	static const char *const states[NR_VM_STATES] = { "filling", "live", "lazy", "purging",
							   "cached" };
	unsigned nr = 0;

	spin_lock(&vm_areas.lock);
	for (const struct vm_struct *area = vm_areas.first; area; area = area->next)
		if (nr++ < MAX_AREAS)
			log_raw("  0x%llx |%4u pages|guard| %s\n", (ull)(uintptr_t)area->addr,
				area->nr_pages, states[vm_area_state(area)]);
	spin_unlock(&vm_areas.lock);
	log_raw("%u areas\n", nr);
}

bool draw_what(const char *what, const char *name)
{
	if (strcmp(what, "buddy") == 0)
		draw_buddy();
	else if (strcmp(what, "slab") == 0)
		draw_slab(name);
	else if (strcmp(what, "node") == 0)
		draw_nodes();
	else if (strcmp(what, "vmalloc") == 0)
		draw_vmalloc();
	else
		return false;
	return true;
}
