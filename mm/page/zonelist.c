/*
 * Zonelists: when local memory runs out, which memory is next.
 *
 * Model
 *   One list per node, the nearest memory first (topology_is_nearer()), so that
 *   a fallback costs as little as can be. __GFP_THISNODE uses the same array, cut
 *   off behind the node's own zones. Nodes without memory are in no list but
 *   have one.
 *
 * Invariants
 *   ZONELIST-1  every zone with memory is in the list once, no other is
 *   ZONELIST-2  no entry's node is nearer than that of the entry before it
 *   ZONELIST-3  within a node higher zones stand first
 */

#include "mm/page/zonelist.h"

uint32_t zonelist_build(const struct topology *topology, struct pglist_data *const *nodes,
			unsigned nid, uint32_t *nids, struct zone **zones, uint32_t *nr_own)
{
	uint32_t nr_nodes = topology_fallback_order(topology, nid, nids);
	uint32_t nr = 0;

	*nr_own = 0;
	for (uint32_t i = 0; i < nr_nodes; i++) {
		for (unsigned type = MAX_NR_ZONES; type-- > 0;) {
			struct zone *zone = &nodes[nids[i]]->node_zones[type];

			if (zone_is_populated(zone))
				zones[nr++] = zone;
		}
		if (nids[i] == nid)
			*nr_own = nr;
	}
	return nr;
}

static uint32_t nr_occurrences(const struct zonelist *list, const struct zone *zone)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < list->nr_zones; i++)
		nr += list->zones[i] == zone;
	return nr;
}

bool zonelist_verify(const struct topology *topology, struct pglist_data *const *nodes,
		     unsigned nid, const struct zonelist *list, struct violation *out)
{
	for (unsigned i = 0; i < topology->nr_nodes * MAX_NR_ZONES; i++) {
		const struct zone *zone = &nodes[i / MAX_NR_ZONES]->node_zones[i % MAX_NR_ZONES];

		REQUIRE("ZONELIST-1", i, nr_occurrences(list, zone) == zone_is_populated(zone));
	}
	for (uint32_t i = 1; i < list->nr_zones; i++) {
		const struct zone *before = list->zones[i - 1];
		const struct zone *zone = list->zones[i];

		REQUIRE("ZONELIST-2", zone->index,
			!topology_is_nearer(topology, nid, zone->node->node_id,
					    before->node->node_id));
		REQUIRE("ZONELIST-3", zone->index,
			zone->node != before->node || zone->type < before->type);
	}
	return true;
}
