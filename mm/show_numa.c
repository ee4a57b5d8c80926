/*
 * The nodes in the words of numactl -H.
 *
 * Locking
 *   None: free pages are read as they change; the topology never does.
 */

#include "mm/init.h"

#include "mm/live.h"

#define MEGABYTE_SHIFT	20

const struct topology *mm_topology(void)
{
	return &live.topology;
}

static uint64_t pages_to_megabytes(uint64_t nr_pages)
{
	return pages_to_bytes(nr_pages) >> MEGABYTE_SHIFT;
}

static void show_node_cpus(unsigned nid)
{
	mm_port_print("node %u cpus:", nid);
	for (uint32_t cpu = 0; cpu < live.topology.nr_cpus; cpu++)
		if (live.topology.cpus[cpu].nid == nid)
			mm_port_print(" %u", cpu);
	mm_port_print("\n");
}

static void show_node_memory(unsigned nid)
{
	uint64_t nr_managed = 0, nr_free = 0;

	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &node_data(nid)->node_zones[type];

		nr_managed += zone->managed_pages;
		nr_free += zone->nr_free_pages + zone->nr_pending_pages;
	}
	mm_port_print("node %u size: %llu MB\n", nid,
		      (unsigned long long)pages_to_megabytes(nr_managed));
	mm_port_print("node %u free: %llu MB\n", nid,
		      (unsigned long long)pages_to_megabytes(nr_free));
}

static void show_distances(void)
{
	mm_port_print("node distances:\nnode ");
	for (uint32_t to = 0; to < live.topology.nr_nodes; to++)
		mm_port_print("%3u ", to);
	mm_port_print("\n");
	for (uint32_t from = 0; from < live.topology.nr_nodes; from++) {
		mm_port_print("%3u: ", from);
		for (uint32_t to = 0; to < live.topology.nr_nodes; to++)
			mm_port_print("%3u ", topology_distance(&live.topology, from, to));
		mm_port_print("\n");
	}
}

void show_numa(void)
{
	unsigned nr_nodes = live.topology.nr_nodes;

	if (nr_nodes == 1)
		mm_port_print("available: 1 nodes (0)\n");
	else
		mm_port_print("available: %u nodes (0-%u)\n", nr_nodes, nr_nodes - 1);
	for (unsigned nid = 0; nid < nr_nodes; nid++) {
		show_node_cpus(nid);
		show_node_memory(nid);
	}
	show_distances();
}
