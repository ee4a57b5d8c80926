/*
 * The rules of mm/topology/topology.c, checked.
 *
 * Locking
 *   None: a built topology is read-only.
 */

#include "mm/topology/build.h"

#include "lib/align.h"
#include "mm/assert.h"
#include "mm/range.h"

static bool verify_node_memory(const struct topology *topology, uint32_t nid, struct violation *out)
{
	const struct topology_node *node = &topology->nodes[nid];
	uint64_t sum_bytes = 0;

	REQUIRE("TOPOLOGY-2", nid, (uint64_t)node->first_memory + node->nr_memory <= topology->nr_memory);
	for (uint32_t i = node->first_memory; i < node->first_memory + node->nr_memory; i++) {
		const struct node_memory *memory = &topology->memory[i];

		REQUIRE("TOPOLOGY-2", i, memory->nid == nid);
		REQUIRE("TOPOLOGY-2", i, memory->start < memory->end);
		REQUIRE("TOPOLOGY-2", i, is_aligned(memory->start, PAGE_SIZE));
		REQUIRE("TOPOLOGY-2", i, is_aligned(memory->end, PAGE_SIZE));
		REQUIRE("TOPOLOGY-2", i, i == node->first_memory || memory[-1].end < memory->start);
		sum_bytes += memory->end - memory->start;
	}
	REQUIRE("TOPOLOGY-3", nid, node->usable_bytes == sum_bytes);
	return true;
}

static bool verify_cpus(const struct topology *topology, struct violation *out)
{
	uint64_t nr_cpus = 0;

	REQUIRE("TOPOLOGY-5", 0, topology->nr_cpus == topology->info->nr_cpus);
	for (uint32_t i = 0; i < topology->nr_cpus; i++) {
		REQUIRE("TOPOLOGY-5", i, topology->cpus[i].nid < topology->nr_nodes);
		REQUIRE("TOPOLOGY-5", i, topology->cpus[i].apic_id == topology->info->cpus[i].apic_id);
	}
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++)
		nr_cpus += topology->nodes[nid].nr_cpus;
	REQUIRE("TOPOLOGY-6", nr_cpus, nr_cpus == topology->nr_cpus);
	return true;
}

/* O(nodes squared): a machine with 1,024 nodes takes a million steps. */
static bool verify_domains_and_distances(const struct topology *topology, struct violation *out)
{
	for (uint32_t a = 0; a < topology->nr_nodes; a++) {
		REQUIRE("TOPOLOGY-7", a, topology_distance(topology, a, a) == DISTANCE_LOCAL);
		for (uint32_t b = 0; b < topology->nr_nodes; b++) {
			if (a == b)
				continue;
			REQUIRE("TOPOLOGY-1", a, topology->nodes[a].domain != topology->nodes[b].domain);
			REQUIRE("TOPOLOGY-7", a, topology_distance(topology, a, b) > DISTANCE_LOCAL);
		}
	}
	return true;
}

static bool verify_movable(const struct topology *topology, uint32_t nid, struct violation *out)
{
	const struct topology_node *node = &topology->nodes[nid];
	uint64_t kernel_bytes = 0;

	if (node->movable_start == NO_MOVABLE)
		return true;
	REQUIRE("TOPOLOGY-9", nid, is_aligned(node->movable_start, pages_to_bytes(pages_in(MAX_ORDER))));
	REQUIRE("TOPOLOGY-9", nid, node->movable_start >= pfn_to_pa(ZONE_DMA_END_PFN));
	for (uint32_t i = node->first_memory; i < node->first_memory + node->nr_memory; i++) {
		const struct node_memory *memory = &topology->memory[i];

		if (memory->start < node->movable_start)
			kernel_bytes += min_u64(memory->end, node->movable_start) - memory->start;
	}
	REQUIRE("TOPOLOGY-9", nid, kernel_bytes >= pages_to_bytes(MIN_KERNEL_PAGES));
	REQUIRE("TOPOLOGY-9", nid, kernel_bytes < node->usable_bytes);
	return true;
}

static bool verify_performance(const struct boot_info *info, struct violation *out)
{
	for (uint32_t i = 1; i < info->nr_performance; i++) {
		const struct performance *before = &info->performance[i - 1];
		const struct performance *pair = &info->performance[i];

		REQUIRE("TOPOLOGY-8", i, before->initiator <= pair->initiator);
		REQUIRE("TOPOLOGY-8", i, before->initiator < pair->initiator ||
			before->target < pair->target);
	}
	return true;
}

bool topology_verify(const struct topology *topology, struct violation *out)
{
	const struct boot_info *info = topology->info;
	uint64_t sum_bytes = 0;

	REQUIRE("TOPOLOGY-1", 0, topology->nr_nodes > 0);
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++) {
		if (!verify_node_memory(topology, nid, out) || !verify_movable(topology, nid, out))
			return false;
		sum_bytes += topology->nodes[nid].usable_bytes;
	}
	REQUIRE("TOPOLOGY-4", sum_bytes, sum_bytes == range_bytes_of(info->ranges, info->nr_ranges, MEM_USABLE));
	return verify_cpus(topology, out) && verify_domains_and_distances(topology, out) &&
	       verify_performance(info, out);
}
