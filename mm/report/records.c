/*
 * The memory manager in records for programs: "@kind key=value ...", a line each.
 * Keys stay once released; tools/report draws from these alone.
 *
 *   @node    a node: its CPUs, distances, and in which order it falls back
 *   @piece   a piece of usable memory of a node, in bytes
 *   @latency what HMAT tells of a pair of nodes
 *   @zone    a zone with memory: pages, watermarks, free blocks by order
 *   @cache   a slab cache: how its slabs are cut, and what is in use
 *   @memory, @ledger   where pages are: by counters at a moment, and at the end (ledger.c)
 *
 * Lists are numbers with commas between. Machines of more than NODES_SHOWN_MAX nodes
 * have no distances and no order here: those grow with the square.
 *
 * Locking
 *   None: free pages are read as they change; the topology never does.
 */

#include "mm/init.h"

#include "mm/live.h"
#include "mm/page/shown.h"
#include "mm/slab.h"

#define NODES_SHOWN_MAX	64u

/* ---- Nodes ---- */

static void print_cpus_of(unsigned nid)
{
	const char *comma = "";

	mm_port_print(" cpus=");
	for (uint32_t cpu = 0; cpu < live.topology.nr_cpus; cpu++) {
		if (live.topology.cpus[cpu].nid != nid)
			continue;
		mm_port_print("%s%u", comma, cpu);
		comma = ",";
	}
}

static void print_distances_of(unsigned nid)
{
	mm_port_print(" distances=");
	for (uint32_t to = 0; to < live.nr_nodes; to++)
		mm_port_print("%s%u", to ? "," : "", topology_distance(&live.topology, nid, to));
}

static void print_fallback_of(unsigned nid)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];

	mm_port_print(" fallback=");
	for (uint32_t i = 0; i < list->nr_zones; i++)
		if (i == 0 || list->zones[i]->node != list->zones[i - 1]->node)
			mm_port_print("%s%u", i ? "," : "", list->zones[i]->node->node_id);
}

static void print_node(unsigned nid)
{
	const struct topology_node *node = &live.topology.nodes[nid];

	mm_port_print("@node nid=%u domain=%u usable_bytes=%llu", nid, node->domain,
		      (unsigned long long)node->usable_bytes);
	print_cpus_of(nid);
	if (live.nr_nodes <= NODES_SHOWN_MAX) {
		print_distances_of(nid);
		print_fallback_of(nid);
	}
	mm_port_print("\n");
}

static void print_pieces(void)
{
	for (uint32_t i = 0; i < live.topology.nr_memory; i++) {
		const struct node_memory *piece = &live.topology.memory[i];

		mm_port_print("@piece nid=%u start=0x%llx end=0x%llx\n", piece->nid,
			      (unsigned long long)piece->start, (unsigned long long)piece->end);
	}
}

static void print_latency(uint32_t from, uint32_t to)
{
	const struct performance *pair = topology_performance(&live.topology, from, to);

	if (pair)
		mm_port_print("@latency from=%u to=%u source=hmat read_ps=%u write_ps=%u "
			      "read_mbps=%u write_mbps=%u\n", from, to, pair->read_latency_ps,
			      pair->write_latency_ps, pair->read_bandwidth_mbps,
			      pair->write_bandwidth_mbps);
}

static void print_latencies(void)
{
	if (live.info->nr_performance == 0 || live.nr_nodes > NODES_SHOWN_MAX)
		return;
	for (uint32_t from = 0; from < live.nr_nodes; from++)
		for (uint32_t to = 0; to < live.nr_nodes; to++)
			print_latency(from, to);
}

/* ---- Zones ---- */

/* The counts are hints: others go on. */
static void print_zone(const struct zone *zone)
{
	mm_port_print("@zone nid=%u name=%s start_pfn=%llu end_pfn=%llu present_pages=%llu "
		      "managed_pages=%llu free_pages=%llu", zone->node->node_id, zone->name,
		      (unsigned long long)zone->start_pfn, (unsigned long long)zone->end_pfn,
		      (unsigned long long)zone->present_pages,
		      (unsigned long long)zone->managed_pages,
		      (unsigned long long)zone_hint(&zone->nr_free_pages));
	mm_port_print(" pending_pages=%llu cached_pages=%llu min=%llu low=%llu high=%llu blocks=",
		      (unsigned long long)zone_hint(&zone->nr_pending_pages),
		      (unsigned long long)zone_cached_pages(zone),
		      (unsigned long long)zone->watermark[WATERMARK_MIN],
		      (unsigned long long)zone->watermark[WATERMARK_LOW],
		      (unsigned long long)zone->watermark[WATERMARK_HIGH]);
	for (unsigned order = 0; order < NR_ORDERS; order++)
		mm_port_print("%s%llu", order ? "," : "",
			      (unsigned long long)zone_hint(&zone->free_area[order].nr_free));
	mm_port_print("\n");
}

void mm_print_node_records(void)
{
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		print_node(nid);
	print_pieces();
	print_latencies();
}

void mm_print_zone_records(void)
{
	for_each_populated_zone(zone)
		print_zone(zone);
	slab_print_records();
}
