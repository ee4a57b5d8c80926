/*
 * The nodes and zones of the live system, out of the topology.
 *
 * Model
 *   Each piece of a node's memory is cut at the borders of its zones
 *   (node_zone_limits()) and counted as present there. A node's zonelist names
 *   all zones with memory, nearest first.
 *
 * Locking
 *   None: one CPU runs, before anything is allocated.
 */

#include "mm/page/node.h"

#include "mm/live.h"
#include "mm/page/zonelist.h"

static void add_to_zone(struct zone *zone, struct pfn_span span)
{
	if (zone->present_pages == 0)
		zone->start_pfn = span.start_pfn;
	zone->start_pfn = min_u64(zone->start_pfn, span.start_pfn);
	zone->end_pfn = max_u64(zone->end_pfn, span.end_pfn);
	zone->present_pages += span_pages(span);
}

static void add_memory_to_zones(struct pglist_data *node)
{
	const struct topology_node *described = &live.topology.nodes[node->node_id];

	for (uint32_t i = 0; i < described->nr_memory; i++) {
		struct pfn_span piece = boot_piece(described->first_memory + i);

		for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
			struct pfn_span part =
				span_intersect(piece, node_zone_limits(node, (enum zone_type)type));

			if (span_is_empty(part))
				continue;
			add_to_zone(&node->node_zones[type], part);
			node->nr_zones = (int)type + 1;
		}
		node->node_present_pages += span_pages(piece);
		node->node_spanned_pages = piece.end_pfn - node->node_start_pfn;
	}
	live.nr_usable_pages += node->node_present_pages;
}

static void create_node(unsigned nid, struct boot_state *state)
{
	const struct topology_node *described = &live.topology.nodes[nid];
	struct pglist_data *node = boot_alloc(state, nid, sizeof(*node), CACHE_LINE_BYTES);

	live.nodes[nid] = node;
	node->node_id = nid;
	if (nid > 0)
		live.nodes[nid - 1]->pgdat_next = node;
	if (described->nr_memory > 0)
		node->node_start_pfn = boot_piece(described->first_memory).start_pfn;
	node->movable_start_pfn = described->movable_start == NO_MOVABLE ?
		PFN_NONE : pa_to_pfn(described->movable_start);
	node->node_mem_map = pfn_to_page(node->node_start_pfn);
	for (unsigned type = 0; type < MAX_NR_ZONES; type++)
		zone_init(&node->node_zones[type], node, (enum zone_type)type, pfn_to_page(0));
	add_memory_to_zones(node);
}

void nodes_create(struct boot_state *state)
{
	live.nodes = boot_alloc(state, 0, live.nr_nodes * sizeof(struct pglist_data *),
				CACHE_LINE_BYTES);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		create_node(nid, state);
}

void zonelists_create(struct boot_state *state)
{
	uint32_t *nids = boot_alloc(state, 0, live.nr_nodes * sizeof(uint32_t), sizeof(uint32_t));
	uint64_t nr_populated = 0;

	for_each_populated_zone(zone)
		nr_populated++;
	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		struct zone **zones = boot_alloc(state, nid, nr_populated * sizeof(*zones),
						 sizeof(*zones));
		struct zonelist *lists = node_data(nid)->node_zonelists;
		uint32_t nr_own;

		lists[ZONELIST_FALLBACK].zones = zones;
		lists[ZONELIST_FALLBACK].nr_zones = zonelist_build(&live.topology, live.nodes, nid,
								   nids, zones, &nr_own);
		lists[ZONELIST_NOFALLBACK] = (struct zonelist){ zones, nr_own };
	}
}

uint64_t total_managed_pages(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += zone->managed_pages;
	return nr_pages;
}

void nodes_set_watermarks(void)
{
	uint64_t total_pages = 0;

	/* The reserve is for the kernel's requests, so the kernel's memory counts. */
	for_each_populated_zone(zone)
		if (zone->type != ZONE_MOVABLE)
			total_pages += zone->managed_pages;
	live.min_free_pages = min_free_pages_for(total_pages);
	for_each_populated_zone(zone)
		zone_set_watermarks(zone, live.min_free_pages, total_pages);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		node_set_lowmem_reserve(node_data(nid));
}
