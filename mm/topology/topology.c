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

static uint64_t max_keys(const struct boot_info *info)
{
	return (uint64_t)info->nr_domains + info->nr_cpus + info->nr_affinity + info->nr_initiators + 1;
}

static uint64_t max_nodes(const struct boot_info *info)
{
	return min_u64(max_keys(info), MAX_NODES);
}

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
	return room_for(max_keys(info), sizeof(struct domain_key)) +
	       room_for(max_nodes(info), sizeof(struct topology_node)) +
	       room_for(max_pieces(info), sizeof(struct ram_piece)) +
	       room_for(max_pieces(info), sizeof(struct node_memory)) +
	       room_for(max_u64(info->nr_cpus, 1), sizeof(struct topology_cpu));
}

static void *take(struct builder *builder, uint64_t count, uint64_t item_bytes)
{
	void *taken = builder->buffer + builder->used_bytes;

	builder->used_bytes += room_for(count, item_bytes);
	return taken;
}

/* ---- Domains ---- */

static bool by_domain_then_place(const void *a, const void *b, const void *arg)
{
	const struct domain_key *x = a, *y = b;

	(void)arg;
	return x->domain != y->domain ? x->domain < y->domain : x->place < y->place;
}

static bool by_place(const void *a, const void *b, const void *arg)
{
	(void)arg;
	return ((const struct domain_key *)a)->place < ((const struct domain_key *)b)->place;
}

static void add_key(struct builder *builder, uint32_t domain, bool is_used)
{
	builder->keys[builder->nr_keys] = (struct domain_key){ domain, builder->nr_keys, is_used };
	builder->nr_keys++;
}

/* The order of domains[] numbers the nodes; the rest says which of them there are. */
static void list_domains(struct builder *builder)
{
	const struct boot_info *info = builder->info;

	for (uint32_t i = 0; i < info->nr_domains; i++)
		add_key(builder, info->domains[i], false);
	for (uint32_t i = 0; i < info->nr_cpus; i++)
		if (info->cpus[i].domain != DOMAIN_NONE)
			add_key(builder, (uint32_t)info->cpus[i].domain, true);
	for (uint32_t i = 0; i < info->nr_affinity; i++)
		add_key(builder, info->affinity[i].domain, true);
	for (uint32_t i = 0; i < info->nr_initiators; i++)
		add_key(builder, info->initiators[i], true);
}

/* Leaves each used domain once, with its first place. */
static void join_keys(struct builder *builder)
{
	struct domain_key *keys = builder->keys;
	uint32_t nr_joined = 0, nr_used = 0;

	sort_items(keys, builder->nr_keys, sizeof(*keys), by_domain_then_place, NULL);
	for (uint32_t i = 0; i < builder->nr_keys; i++) {
		if (nr_joined > 0 && keys[nr_joined - 1].domain == keys[i].domain)
			keys[nr_joined - 1].is_used |= keys[i].is_used;
		else
			keys[nr_joined++] = keys[i];
	}
	for (uint32_t i = 0; i < nr_joined; i++)
		if (keys[i].is_used)
			keys[nr_used++] = keys[i];
	builder->nr_keys = nr_used;
}

/* Numbers the nodes; afterwards keys[].place is the node id and keys[] sorted by domain. */
static void number_nodes(struct builder *builder)
{
	struct topology *topology = builder->topology;

	sort_items(builder->keys, builder->nr_keys, sizeof(*builder->keys), by_place, NULL);
	for (uint32_t nid = 0; nid < builder->nr_keys; nid++) {
		builder->keys[nid].place = nid;
		topology->nodes[nid] = (struct topology_node){ .domain = builder->keys[nid].domain };
	}
	topology->nr_nodes = builder->nr_keys;
	sort_items(builder->keys, builder->nr_keys, sizeof(*builder->keys), by_domain_then_place, NULL);
}

uint32_t builder_nid_of_domain(const struct builder *builder, uint32_t domain)
{
	uint32_t start = 0, end = builder->nr_keys;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (builder->keys[middle].domain < domain)
			start = middle + 1;
		else
			end = middle;
	}
	if (start < builder->nr_keys && builder->keys[start].domain == domain)
		return builder->keys[start].place;
	return NID_NONE;
}

static enum srat_verdict make_nodes(struct builder *builder)
{
	const struct boot_info *info = builder->info;

	if (info->nr_affinity == 0 && info->nr_domains == 0)
		return SRAT_ABSENT;
	list_domains(builder);
	join_keys(builder);
	if (builder->nr_keys == 0)
		return SRAT_NO_NODE;
	if (builder->nr_keys > max_nodes(info))
		return SRAT_TOO_MANY_NODES;
	number_nodes(builder);
	return SRAT_USED;
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
	struct node_memory *last = topology->nr_memory > 0 ? &topology->memory[topology->nr_memory - 1] : NULL;

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
	sort_items(topology->memory, topology->nr_memory, sizeof(*topology->memory), by_node_then_start, NULL);
	for (uint32_t i = 0; i < topology->nr_memory; i++) {
		struct topology_node *node = &topology->nodes[topology->memory[i].nid];

		if (node->nr_memory++ == 0)
			node->first_memory = i;
		node->usable_bytes += topology->memory[i].end - topology->memory[i].start;
	}
}

uint32_t first_node_with_memory(const struct topology *topology)
{
	uint32_t nid = 0;

	while (nid + 1 < topology->nr_nodes && topology->nodes[nid].nr_memory == 0)
		nid++;
	return nid;
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
		topology->cpus[topology->nr_cpus++] = (struct topology_cpu){ info->cpus[i].apic_id, nid };
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
	builder.keys = take(&builder, max_keys(info), sizeof(*builder.keys));
	topology->nodes = take(&builder, max_nodes(info), sizeof(*topology->nodes));
	builder.pieces = take(&builder, max_pieces(info), sizeof(*builder.pieces));
	topology->memory = take(&builder, max_pieces(info), sizeof(*topology->memory));
	topology->cpus = take(&builder, max_u64(info->nr_cpus, 1), sizeof(*topology->cpus));

	topology->srat = make_nodes(&builder);
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
