/* Slides 7 to 9: nodes, their descriptions, their zones. */

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/nodes.h"

/* Larger machines are shown by their first nodes. */
#define MAX_SHOWN_NODES	8u

static const char *yes_or_no(bool is_so)
{
	return is_so ? "yes" : "NO";
}

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

static void show_fallback(unsigned nid)
{
	const struct zonelist *zonelist = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];

	say("  node %u, when its own memory runs out:", nid);
	for (uint32_t i = 0; i < zonelist->nr_zones; i++)
		say("    %u. node %u %-8s distance %u", i + 1, zonelist->zones[i]->node->node_id,
		    zonelist->zones[i]->name,
		    node_distance(nid, zonelist->zones[i]->node->node_id));
}

void numa_show(void)
{
	struct numa_facts facts = numa_measure();

	say("%u nodes, %u with memory; %u of them served a request for themselves.",
	    facts.nr_nodes, facts.nr_with_memory, facts.nr_local);
	if (facts.fallback_nid == NID_NONE)
		say("This machine is uniform: no other node to go to.");
	for (unsigned nid = 0; nid < facts.nr_nodes && nid < MAX_SHOWN_NODES; nid++)
		show_fallback(nid);
}

/* ---- 8. pglist_data ---- */

static void show_pglist_data(const struct pglist_data *node)
{
	say("struct pglist_data of node %u:", node->node_id);
	say("  node_zones[%u], %d up to the highest with memory (nr_zones)",
	    (unsigned)MAX_NR_ZONES, node->nr_zones);
	say("  node_zonelists[%u]: %u zones with fallback, %u without", (unsigned)MAX_ZONELISTS,
	    node->node_zonelists[ZONELIST_FALLBACK].nr_zones,
	    node->node_zonelists[ZONELIST_NOFALLBACK].nr_zones);
	say("  node_mem_map        0x%llx", (unsigned long long)(uintptr_t)node->node_mem_map);
	say("  bdata               0x%llx: bootmem has retired",
	    (unsigned long long)(uintptr_t)node->bdata);
	say("  node_start_pfn      0x%llx", (unsigned long long)node->node_start_pfn);
	say("  node_present_pages  %llu", (unsigned long long)node->node_present_pages);
	say("  node_spanned_pages  %llu, holes included",
	    (unsigned long long)node->node_spanned_pages);
	say("  pgdat_next          0x%llx", (unsigned long long)(uintptr_t)node->pgdat_next);
	say("  kswapd_wait         0x%llx: where it waits",
	    (unsigned long long)(uintptr_t)node->kswapd_wait);
	say("  kswapd              0x%llx: its thread; woken: %s",
	    (unsigned long long)(uintptr_t)node->kswapd, yes_or_no(node->is_kswapd_woken));
	say("  kswapd_max_order    %u, of the requests that woke it", node->kswapd_max_order);
}

void pglist_data_show(void)
{
	for (unsigned nid = 0; nid < nr_node_ids() && nid < MAX_SHOWN_NODES; nid++)
		show_pglist_data(node_data(nid));
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

static void show_zone(const struct zone *zone)
{
	say("  node %u %-8s [mem 0x%012llx-0x%012llx] %llu pages, %llu free:",
	    zone->node->node_id, zone->name, (unsigned long long)pfn_to_pa(zone->start_pfn),
	    (unsigned long long)pfn_to_pa(zone->end_pfn) - 1,
	    (unsigned long long)zone->present_pages, (unsigned long long)zone->nr_free_pages);
	for (unsigned order = 0; order < NR_ORDERS; order++)
		if (zone->free_area[order].nr_free)
			say("    free_area[%2u].nr_free = %llu blocks of %llu KiB", order,
			    (unsigned long long)zone->free_area[order].nr_free,
			    (unsigned long long)(pages_to_bytes(pages_in(order)) >> 10));
}

void zone_show(void)
{
	struct zone_facts facts = zone_measure();

	say("The 32-bit machine had DMA below 16 MiB, NORMAL below 896 MiB, HIGHMEM above.");
	say("Here all memory is mapped: DMA below 16 MiB, DMA32 below 4 GiB, NORMAL above.");
	for_each_populated_zone(zone)
		if (zone->node->node_id < MAX_SHOWN_NODES)
			show_zone(zone);
	say("%u zones; free areas add up to the zone's free pages: %s.", facts.nr_zones,
	    yes_or_no(facts.free_areas_add_up));
}
