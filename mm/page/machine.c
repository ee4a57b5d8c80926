/*
 * What callers may ask of the machine: its nodes, its CPUs, how far they are apart, what
 * the CPUs have at rest.
 */

#include "mm/live.h"
#include "mm/page_alloc.h"

unsigned numa_node_id(void)
{
	return this_mm_cpu()->nid;
}

unsigned nr_node_ids(void)
{
	return live.nr_nodes;
}

unsigned nr_cpu_ids(void)
{
	return live.nr_cpus;
}

bool node_has_memory(unsigned nid)
{
	return node_data(nid)->node_present_pages != 0;
}

unsigned cpu_to_node(unsigned cpu)
{
	return live.topology.cpus[cpu].nid;
}

unsigned node_distance(unsigned from_nid, unsigned to_nid)
{
	return topology_distance(&live.topology, from_nid, to_nid);
}

uint64_t zone_cached_pages(const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		if (live.cpus[cpu])
			nr_pages += page_stacks_pages(live.cpus[cpu], zone);
	return nr_pages;
}
