/*
 * What bring-up says, in the words of Linux's boot log.
 *
 * Locking
 *   None: one CPU runs during mm_init().
 */

#include "mm/report/boot_log.h"

#include "lib/align.h"
#include "mm/live.h"

static void log_zone_ranges(void)
{
	mm_port_log(LOG_INFO, "Zone ranges:");
	for (unsigned type = 0; type <= ZONE_NORMAL; type++) {
		struct pfn_span all = { PFN_NONE, 0 };

		for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
			const struct zone *zone = &node_data(nid)->node_zones[type];

			if (!zone_is_populated(zone))
				continue;
			all.start_pfn = min_u64(all.start_pfn, zone->start_pfn);
			all.end_pfn = max_u64(all.end_pfn, zone->end_pfn);
		}
		if (all.end_pfn == 0)
			mm_port_log(LOG_INFO, "  %-8s empty", zone_type_name((enum zone_type)type));
		else
			mm_port_log(LOG_INFO, "  %-8s [mem 0x%016llx-0x%016llx]",
				    zone_type_name((enum zone_type)type),
				    (unsigned long long)pfn_to_pa(all.start_pfn),
				    (unsigned long long)pfn_to_pa(all.end_pfn) - 1);
	}
}

static void log_movable(void)
{
	bool has_title = false;

	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		pfn_t start_pfn = node_data(nid)->movable_start_pfn;

		if (start_pfn == PFN_NONE)
			continue;
		if (!has_title)
			mm_port_log(LOG_INFO, "Movable zone start for each node");
		has_title = true;
		mm_port_log(LOG_INFO, "  Node %u: 0x%016llx", nid,
			    (unsigned long long)pfn_to_pa(start_pfn));
	}
}

static void log_nodes(void)
{
	mm_port_log(LOG_INFO, "Early memory node ranges");
	for (uint32_t i = 0; i < live.topology.nr_memory; i++)
		mm_port_log(LOG_INFO, "  node %3u: [mem 0x%016llx-0x%016llx]",
			    live.topology.memory[i].nid,
			    (unsigned long long)live.topology.memory[i].start,
			    (unsigned long long)live.topology.memory[i].end - 1);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		const struct pglist_data *node = node_data(nid);
		pfn_t end_pfn = node->node_start_pfn + node->node_spanned_pages;

		if (node->node_present_pages == 0)
			mm_port_log(LOG_INFO, "Initmem setup node %u as memoryless", nid);
		else
			mm_port_log(LOG_INFO, "Initmem setup node %u [mem 0x%016llx-0x%016llx]",
				    nid, (unsigned long long)pfn_to_pa(node->node_start_pfn),
				    (unsigned long long)pfn_to_pa(end_pfn) - 1);
	}
}

void log_boot_zones(void)
{
	log_zone_ranges();
	log_movable();
	log_nodes();
}

void log_boot_memory(uint64_t nr_managed)
{
	uint64_t kib_per_page = PAGE_SIZE / 1024;

	mm_port_log(LOG_INFO, "Built %u zonelists, mobility grouping on.  Total pages: %llu",
		    live.nr_nodes, (unsigned long long)nr_managed);
	mm_port_log(LOG_INFO, "Memory: %lluK/%lluK available (%lluK reserved by boot)",
		    (unsigned long long)(nr_managed * kib_per_page),
		    (unsigned long long)(live.nr_usable_pages * kib_per_page),
		    (unsigned long long)((live.nr_usable_pages - nr_managed) * kib_per_page));
}
