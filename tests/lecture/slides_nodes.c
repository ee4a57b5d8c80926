/* Slides 7 to 9: nodes, their descriptions, their zones. */

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/nodes.h"

/* ---- 7. NUMA ---- */

static bool is_served_locally(unsigned nid)
{
	struct page *page = alloc_pages_node(nid, GFP_KERNEL, 0);
	bool is_local = page && page_to_nid(page) == nid;

	if (page)
		__free_page(page);
	return is_local;
}

/* The first zone of another node in the fallback list of @nid: where it goes when full. */
static unsigned next_node_of(unsigned nid)
{
	const struct zonelist *zonelist = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];

	for (uint32_t i = 0; i < zonelist->nr_zones; i++)
		if (zonelist->zones[i]->node->node_id != nid)
			return zonelist->zones[i]->node->node_id;
	return NID_NONE;
}

struct numa_facts numa_measure(void)
{
	struct numa_facts facts = { .nr_nodes = nr_node_ids(), .fallback_nid = next_node_of(0) };

	for (unsigned nid = 0; nid < facts.nr_nodes; nid++) {
		if (!node_is_roomy(nid))
			continue;
		facts.nr_with_memory++;
		facts.nr_local += is_served_locally(nid);
	}
	return facts;
}

/* ---- 9. Zones ---- */

static uint64_t pages_in_free_areas(const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for (unsigned order = 0; order < NR_ORDERS; order++)
		nr_pages += zone->free_area[order].nr_free << order;
	return nr_pages;
}

struct zone_facts zone_measure(void)
{
	struct zone_facts facts = { .spans_hold_present = true, .free_areas_add_up = true };

	for_each_populated_zone(zone) {
		facts.nr_zones++;
		spin_lock(&zone->lock);
		if (zone->end_pfn - zone->start_pfn < zone->present_pages)
			facts.spans_hold_present = false;
		if (pages_in_free_areas(zone) != zone->nr_free_pages)
			facts.free_areas_add_up = false;
		spin_unlock(&zone->lock);
	}
	return facts;
}
