/*
 * The nodes in the words of numactl -H, then what decides between them: HMAT's
 * figures, and the order in which each node's CPUs ask for memory.
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

/* ---- Nodes and distances ---- */

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
		nr_free += zone_listed_pages(zone);
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

/* ---- HMAT ---- */

#define PS_PER_NS	1000u

static uint32_t read_latency(const struct performance *pair)
{
	return pair->read_latency_ps;
}

static uint32_t write_latency(const struct performance *pair)
{
	return pair->write_latency_ps;
}

static uint32_t read_bandwidth(const struct performance *pair)
{
	return pair->read_bandwidth_mbps;
}

static uint32_t write_bandwidth(const struct performance *pair)
{
	return pair->write_bandwidth_mbps;
}

struct matrix {
	const char *title;
	uint32_t (*value)(const struct performance *pair);
	uint32_t divisor;
};

static const struct matrix matrices[] = {
	{ "node read latencies (ns)", read_latency, PS_PER_NS },
	{ "node write latencies (ns)", write_latency, PS_PER_NS },
	{ "node read bandwidths (MB/s)", read_bandwidth, 1 },
	{ "node write bandwidths (MB/s)", write_bandwidth, 1 },
};

/* Rounded; "-" where HMAT tells nothing. */
static void show_value(const struct matrix *matrix, uint32_t from, uint32_t to)
{
	const struct performance *pair = topology_performance(&live.topology, from, to);
	uint64_t value = pair ? matrix->value(pair) : PERFORMANCE_UNKNOWN;
	uint64_t rounded = (value + matrix->divisor / 2) / matrix->divisor;

	if (value == PERFORMANCE_UNKNOWN)
		mm_port_print("%7s ", "-");
	else
		mm_port_print("%7llu ", (unsigned long long)rounded);
}

/* Rows are initiators, the nodes of the CPUs; columns are the nodes of the memory. */
static void show_matrix(const struct matrix *matrix)
{
	mm_port_print("%s:\nnode ", matrix->title);
	for (uint32_t to = 0; to < live.topology.nr_nodes; to++)
		mm_port_print("%7u ", to);
	mm_port_print("\n");
	for (uint32_t from = 0; from < live.topology.nr_nodes; from++) {
		mm_port_print("%3u: ", from);
		for (uint32_t to = 0; to < live.topology.nr_nodes; to++)
			show_value(matrix, from, to);
		mm_port_print("\n");
	}
}

static void show_performance(void)
{
	if (live.info->nr_performance == 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(matrices); i++)
		show_matrix(&matrices[i]);
}

/* ---- Order ---- */

static void show_fallback(unsigned nid)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];

	mm_port_print("Fallback order for Node %u:", nid);
	for (uint32_t i = 0; i < list->nr_zones; i++)
		if (i == 0 || list->zones[i]->node != list->zones[i - 1]->node)
			mm_port_print(" %u", list->zones[i]->node->node_id);
	mm_port_print("\n");
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
	show_performance();
	for (unsigned nid = 0; nid < nr_nodes; nid++)
		show_fallback(nid);
}
