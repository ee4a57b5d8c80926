/*
 * Nodes from boot_info: domains made dense, memory and CPUs labelled.
 *
 * Model
 *   SRAT only labels; which bytes are RAM comes from the memory map. Domains are
 *   collected, sorted and numbered; mm/topology/label.c cuts RAM along the affinity
 *   ranges; the pieces and the CPUs are handed out to the nodes.
 *
 *   A refused or absent SRAT makes one node of everything.
 *
 * Invariants of a built topology
 *   TOPOLOGY-1  there is at least one node, and no two have the same domain
 *   TOPOLOGY-2  a node's pieces are sorted, disjoint, page-aligned, not empty
 *   TOPOLOGY-3  a node's usable_bytes is the sum of its pieces
 *   TOPOLOGY-4  the pieces of all nodes add up to the usable memory of boot_info
 *   TOPOLOGY-5  every CPU has a node that exists; [0] is the CPU that runs
 *   TOPOLOGY-6  nr_cpus of the nodes add up to all CPUs
 *   TOPOLOGY-7  the distance of a node to itself is 10, to any other more
 *   TOPOLOGY-8  HMAT's pairs are sorted by initiator, then target, and each is told once
 *   TOPOLOGY-9  a node's movable_start is a multiple of the largest block, not below
 *       16 MiB, with usable memory of the node from there on and at least 16 MiB
 *       of it before
 *
 * Locking
 *   None: built by one CPU, read-only afterwards.
 */

#include "mm/topology/build.h"

#include "lib/align.h"
#include "lib/sort.h"
#include "lib/string.h"
#include "mm/assert.h"
#include "mm/port.h"
#include "mm/range.h"

#define BUFFER_ALIGN		8u

/* ---- The buffer ---- */

/* Each range is cut at most at the start and at the end of each affinity range. */
static uint64_t max_pieces(const struct boot_info *info)
{
	return (uint64_t)info->nr_ranges + 2 * (uint64_t)info->nr_affinity + 1;
}

static uint64_t room_for(uint64_t count, uint64_t item_bytes)
{
	return align_up(count * item_bytes, BUFFER_ALIGN);
}

uint64_t topology_bytes(const struct boot_info *info)
{
	return room_for(domain_max_keys(info), sizeof(struct domain_key)) +
	       room_for(domain_max_nodes(info), sizeof(struct topology_node)) +
	       room_for(max_pieces(info), sizeof(struct ram_piece)) +
	       room_for(max_pieces(info), sizeof(struct node_memory)) +
	       room_for(max_u64(info->nr_cpus, 1), sizeof(struct topology_cpu));
}

static void *take_items(struct builder *builder, uint64_t count, uint64_t item_bytes)
{
	void *taken = builder->buffer + builder->used_bytes;

	builder->used_bytes += room_for(count, item_bytes);
	return taken;
}

/* ---- One node ---- */

static void fake_one_node(struct builder *builder)
{
	struct topology *topology = builder->topology;
	const struct boot_info *info = builder->info;

	topology->nodes[0] = (struct topology_node){ .domain = 0 };
	topology->nr_nodes = 1;
	builder->keys[0] = (struct domain_key){ 0, 0, true };
	builder->nr_keys = 1;
	builder->nr_pieces = 0;
	for (uint32_t i = 0; i < info->nr_ranges; i++)
		if (mem_type_is_ram(info->ranges[i].type))
			builder->pieces[builder->nr_pieces++] = (struct ram_piece){
				info->ranges[i].start, info->ranges[i].end, 0,
				info->ranges[i].type == MEM_USABLE,
			};
}

/* ---- Results ---- */

static bool by_node_then_start(const void *a, const void *b, const void *arg)
{
	const struct node_memory *x = a, *y = b;

	(void)arg;
	return x->nid != y->nid ? x->nid < y->nid : x->start < y->start;
}

static void append_memory(struct topology *topology, const struct ram_piece *piece)
{
	struct node_memory *last =
		topology->nr_memory > 0 ? &topology->memory[topology->nr_memory - 1] : NULL;

	if (last && last->nid == piece->nid && last->end == piece->start)
		last->end = piece->end;
	else
		topology->memory[topology->nr_memory++] =
			(struct node_memory){ piece->start, piece->end, piece->nid };
}

static void hand_out_memory(struct builder *builder)
{
	struct topology *topology = builder->topology;

	for (uint32_t i = 0; i < builder->nr_pieces; i++) {
		const struct ram_piece *piece = &builder->pieces[i];

		topology->nodes[piece->nid].ram_bytes += piece->end - piece->start;
		if (piece->is_usable)
			append_memory(topology, piece);
	}
	sort_items(topology->memory, topology->nr_memory, sizeof(*topology->memory),
		   by_node_then_start, NULL);
	for (uint32_t i = 0; i < topology->nr_memory; i++) {
		struct topology_node *node = &topology->nodes[topology->memory[i].nid];

		if (node->nr_memory++ == 0)
			node->first_memory = i;
		node->usable_bytes += topology->memory[i].end - topology->memory[i].start;
	}
}

static void hand_out_cpus(struct builder *builder)
{
	struct topology *topology = builder->topology;
	const struct boot_info *info = builder->info;
	uint32_t orphans_nid = first_node_with_memory(topology);

	for (uint32_t i = 0; i < info->nr_cpus; i++) {
		uint32_t nid = NID_NONE;

		if (topology->srat == SRAT_USED && info->cpus[i].domain != DOMAIN_NONE)
			nid = builder_nid_of_domain(builder, (uint32_t)info->cpus[i].domain);
		if (nid == NID_NONE) {
			topology->nr_orphan_cpus++;
			nid = orphans_nid;
		}
		topology->cpus[topology->nr_cpus++] =
			(struct topology_cpu){ info->cpus[i].apic_id, nid };
		topology->nodes[nid].nr_cpus++;
	}
}

/* ---- Public ---- */

static bool has_usable_memory(const struct boot_info *info)
{
	return range_bytes_of(info->ranges, info->nr_ranges, MEM_USABLE) >= PAGE_SIZE;
}

enum status topology_build(struct topology *topology, const struct boot_info *info, void *buffer,
			   uint64_t buffer_bytes)
{
	struct builder builder = { .topology = topology, .info = info, .buffer = buffer };

	ASSERT(is_aligned((uintptr_t)buffer, BUFFER_ALIGN));
	*topology = (struct topology){ .info = info };
	if (buffer_bytes < topology_bytes(info))
		return STATUS_NO_MEMORY;
	if (!has_usable_memory(info))
		return STATUS_ABSENT;
	builder.keys = take_items(&builder, domain_max_keys(info), sizeof(*builder.keys));
	topology->nodes = take_items(&builder, domain_max_nodes(info), sizeof(*topology->nodes));
	builder.pieces = take_items(&builder, max_pieces(info), sizeof(*builder.pieces));
	topology->memory = take_items(&builder, max_pieces(info), sizeof(*topology->memory));
	topology->cpus = take_items(&builder, max_u64(info->nr_cpus, 1), sizeof(*topology->cpus));

	topology->srat = domain_make_nodes(&builder);
	if (topology->srat == SRAT_USED)
		topology->srat = label_by_srat(&builder);
	if (topology->srat != SRAT_USED)
		fake_one_node(&builder);
	hand_out_memory(&builder);
	choose_movable(topology);
	hand_out_cpus(&builder);
	log_topology(&builder);
	return STATUS_OK;
}

uint32_t topology_nid_of_cpu(const struct topology *topology, uint32_t apic_id)
{
	for (uint32_t i = 0; i < topology->nr_cpus; i++)
		if (topology->cpus[i].apic_id == apic_id)
			return topology->cpus[i].nid;
	return NID_NONE;
}

uint32_t topology_nid_of_domain(const struct topology *topology, uint32_t domain)
{
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++)
		if (topology->nodes[nid].domain == domain)
			return nid;
	return NID_NONE;
}

/* ---- Verification ---- */

static bool verify_node_memory(const struct topology *topology, uint32_t nid, struct violation *out)
{
	const struct topology_node *node = &topology->nodes[nid];
	uint64_t sum_bytes = 0;

	REQUIRE("TOPOLOGY-2", nid,
		(uint64_t)node->first_memory + node->nr_memory <= topology->nr_memory);
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
		REQUIRE("TOPOLOGY-5", i,
			topology->cpus[i].apic_id == topology->info->cpus[i].apic_id);
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
			REQUIRE("TOPOLOGY-1", a,
				topology->nodes[a].domain != topology->nodes[b].domain);
			REQUIRE("TOPOLOGY-7", a,
				topology_distance(topology, a, b) > DISTANCE_LOCAL);
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
	REQUIRE("TOPOLOGY-9", nid,
		is_aligned(node->movable_start, pages_to_bytes(pages_in(MAX_ORDER))));
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
	REQUIRE("TOPOLOGY-4", sum_bytes,
		sum_bytes == range_bytes_of(info->ranges, info->nr_ranges, MEM_USABLE));
	return verify_cpus(topology, out) && verify_domains_and_distances(topology, out) &&
	       verify_performance(info, out);
}
