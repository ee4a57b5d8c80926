/*
 * Nodes from boot_info: domains made dense, memory and CPUs labelled.
 *
 * Model
 *   SRAT only labels; which bytes are RAM comes from the memory map. Three
 *   sweeps over sorted arrays, none of them quadratic:
 *
 *   Conflicts. For each affinity range in order of start, the only earlier
 *   ranges that matter are the one that reaches furthest, and the one that
 *   reaches furthest among those of another domain than that one. What the range
 *   shares with the furthest of another domain is claimed twice. That is an
 *   error only where there is RAM.
 *
 *   Labels. Going through RAM upward, the furthest-reaching range that has begun
 *   covers an address if any range does; where no two domains claim the same
 *   RAM, its domain is the answer. A page that several ranges share belongs to
 *   the range that has its first byte.
 *
 *   Orphans. RAM in no range, up to UNCOVERED_BYTES_MAX of it, joins the
 *   neighbour that is nearer by address; more of it refuses the SRAT.
 *
 *   A refused or absent SRAT makes one node of everything.
 *
 * Invariants of a built topology
 *   T1  there is at least one node, and no two have the same domain
 *   T2  a node's pieces are sorted, disjoint, page-aligned, not empty
 *   T3  a node's usable_bytes is the sum of its pieces
 *   T4  the pieces of all nodes add up to the usable memory of boot_info
 *   T5  every CPU has a node that exists; [0] is the CPU that runs
 *   T6  nr_cpus of the nodes add up to all CPUs
 *   T7  the distance of a node to itself is 10, to any other more
 *
 * Locking
 *   None: built by one CPU, read-only afterwards.
 */

#include "mm/topology.h"

#include "lib/align.h"
#include "lib/sort.h"
#include "lib/string.h"
#include "mm/assert.h"
#include "mm/port.h"
#include "mm/range.h"

#define UNCOVERED_BYTES_MAX	(1ull << 20)
#define BUFFER_ALIGN		8u

/* A domain that something names; place: where it is named first. */
struct domain_key {
	uint32_t domain;
	uint32_t place;
	bool is_used;		/* by more than a CPU that does not exist */
};

/* A piece of RAM with its label. */
struct ram_piece {
	uint64_t start, end;
	uint32_t nid;		/* NID_NONE: in no affinity range */
	bool is_usable;
};

/* What is needed while building. */
struct builder {
	struct topology *topology;
	const struct boot_info *info;
	struct domain_key *keys;	/* later sorted by domain: the index domain -> nid */
	uint32_t nr_keys;
	struct ram_piece *pieces;
	uint32_t nr_pieces;
	unsigned char *buffer;
	uint64_t used_bytes;
};

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
			add_key(builder, info->cpus[i].domain, true);
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

static uint32_t nid_of_domain(const struct builder *builder, uint32_t domain)
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

/* ---- Conflicts ---- */

/* Index of the first range of the map that ends behind @at. */
static uint32_t first_range_behind(const struct boot_info *info, uint64_t at)
{
	uint32_t start = 0, end = info->nr_ranges;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (info->ranges[middle].end <= at)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

/* Finds RAM in [@start, @end) and tells its first stretch. */
static bool find_ram(const struct boot_info *info, uint64_t start, uint64_t end, struct mem_range *found)
{
	for (uint32_t i = first_range_behind(info, start); i < info->nr_ranges; i++) {
		if (info->ranges[i].start >= end)
			return false;
		if (!mem_type_is_ram(info->ranges[i].type))
			continue;
		*found = info->ranges[i];
		found->start = max_u64(found->start, start);
		found->end = min_u64(found->end, end);
		return true;
	}
	return false;
}

/* The furthest-reaching range so far, and the furthest of any other domain than its. */
struct reach {
	uint64_t end, other_end;
	uint32_t domain, other_domain;
};

static void extend_reach(struct reach *reach, const struct affinity_range *range)
{
	if (range->domain == reach->domain) {
		reach->end = max_u64(reach->end, range->end);
	} else if (range->end > reach->end) {
		reach->other_end = reach->end;
		reach->other_domain = reach->domain;
		reach->end = range->end;
		reach->domain = range->domain;
	} else if (range->end > reach->other_end) {
		reach->other_end = range->end;
		reach->other_domain = range->domain;
	}
}

/* True when RAM is claimed by two domains; the topology then tells which. */
static bool find_conflict(struct topology *topology, const struct boot_info *info)
{
	struct reach reach = { 0, 0, DOMAIN_NONE, DOMAIN_NONE };

	for (uint32_t i = 0; i < info->nr_affinity; i++) {
		const struct affinity_range *range = &info->affinity[i];
		bool is_other = range->domain != reach.domain;
		uint64_t end = min_u64(range->end, is_other ? reach.end : reach.other_end);

		if (end > range->start && find_ram(info, range->start, end, &topology->conflict)) {
			topology->conflict_domains[0] = is_other ? reach.domain : reach.other_domain;
			topology->conflict_domains[1] = range->domain;
			return true;
		}
		extend_reach(&reach, range);
	}
	return false;
}

/* ---- Labels ---- */

/* The labelling sweep's place in the affinity ranges. */
struct cover {
	const struct affinity_range *furthest;	/* that has begun; NULL: none */
	uint32_t next;
};

static void advance_cover(struct cover *cover, const struct boot_info *info, uint64_t at)
{
	while (cover->next < info->nr_affinity &&
	       align_down(info->affinity[cover->next].start, PAGE_SIZE) <= at) {
		const struct affinity_range *range = &info->affinity[cover->next++];

		if (!cover->furthest || range->end > cover->furthest->end)
			cover->furthest = range;
	}
}

/* Where what is at @at changes: the end of its label, or the beginning of the next. */
static uint64_t label_end(const struct cover *cover, const struct boot_info *info, uint64_t at, uint64_t end)
{
	if (cover->furthest && cover->furthest->end > at) {
		uint64_t last_page = align_down(cover->furthest->end - 1, PAGE_SIZE);

		return last_page < end ? last_page + PAGE_SIZE : end;
	}
	if (cover->next < info->nr_affinity)
		return min_u64(end, align_down(info->affinity[cover->next].start, PAGE_SIZE));
	return end;
}

static void label_range(struct builder *builder, struct cover *cover, const struct mem_range *range)
{
	const struct boot_info *info = builder->info;
	uint64_t at = range->start;

	while (at < range->end) {
		struct ram_piece piece = { .start = at, .nid = NID_NONE,
					   .is_usable = range->type == MEM_USABLE };

		advance_cover(cover, info, at);
		piece.end = label_end(cover, info, at, range->end);
		if (cover->furthest && cover->furthest->end > at)
			piece.nid = nid_of_domain(builder, cover->furthest->domain);
		builder->pieces[builder->nr_pieces++] = piece;
		at = piece.end;
	}
}

static void label_ram(struct builder *builder)
{
	const struct boot_info *info = builder->info;
	struct cover cover = { NULL, 0 };

	builder->nr_pieces = 0;
	for (uint32_t i = 0; i < info->nr_ranges; i++)
		if (mem_type_is_ram(info->ranges[i].type))
			label_range(builder, &cover, &info->ranges[i]);
}

static uint64_t count_uncovered(const struct builder *builder)
{
	uint64_t sum_bytes = 0;

	for (uint32_t i = 0; i < builder->nr_pieces; i++)
		if (builder->pieces[i].nid == NID_NONE)
			sum_bytes += builder->pieces[i].end - builder->pieces[i].start;
	return sum_bytes;
}

/*
 * Gives each stretch of orphans to the labelled neighbour that is nearer, the
 * lower one when both are as near. At least one piece has a label.
 */
static void adopt_orphans(struct builder *builder)
{
	struct ram_piece *pieces = builder->pieces;
	uint32_t lower = builder->nr_pieces;	/* none yet */

	for (uint32_t i = 0, next = 0; i < builder->nr_pieces; i++) {
		if (pieces[i].nid != NID_NONE) {
			lower = i;
			continue;
		}
		for (next = i > next ? i : next; next < builder->nr_pieces; next++)
			if (pieces[next].nid != NID_NONE)
				break;

		bool has_lower = lower < builder->nr_pieces;
		bool has_upper = next < builder->nr_pieces;

		if (has_lower && (!has_upper || pieces[i].start - pieces[lower].end <=
						pieces[next].start - pieces[i].end))
			pieces[i].nid = pieces[lower].nid;
		else if (has_upper)
			pieces[i].nid = pieces[next].nid;
	}
}

static enum srat_verdict label_by_srat(struct builder *builder)
{
	struct topology *topology = builder->topology;
	uint64_t ram_bytes = 0;

	if (find_conflict(topology, builder->info))
		return SRAT_OVERLAP;
	label_ram(builder);
	topology->uncovered_bytes = count_uncovered(builder);
	for (uint32_t i = 0; i < builder->nr_pieces; i++)
		ram_bytes += builder->pieces[i].end - builder->pieces[i].start;
	if (topology->uncovered_bytes > UNCOVERED_BYTES_MAX || topology->uncovered_bytes == ram_bytes)
		return SRAT_UNCOVERED;
	adopt_orphans(builder);
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

static uint32_t first_node_with_memory(const struct topology *topology)
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
			nid = nid_of_domain(builder, info->cpus[i].domain);
		if (nid == NID_NONE) {
			topology->nr_orphan_cpus++;
			nid = orphans_nid;
		}
		topology->cpus[topology->nr_cpus++] = (struct topology_cpu){ info->cpus[i].apic_id, nid };
		topology->nodes[nid].nr_cpus++;
	}
}

/* ---- What is said about it ---- */

static void log_affinity(const struct builder *builder)
{
	const struct boot_info *info = builder->info;

	for (uint32_t i = 0; i < builder->topology->nr_cpus; i++)
		if (info->cpus[i].domain != DOMAIN_NONE)
			mm_port_log(LOG_INFO, "SRAT: PXM %u -> APIC 0x%02x -> Node %u", info->cpus[i].domain,
				    info->cpus[i].apic_id, builder->topology->cpus[i].nid);
	for (uint32_t i = 0; i < info->nr_affinity; i++) {
		const struct affinity_range *range = &info->affinity[i];

		mm_port_log(LOG_INFO, "ACPI: SRAT: Node %u PXM %u [mem 0x%08llx-0x%08llx]%s%s",
			    nid_of_domain(builder, range->domain), range->domain,
			    (unsigned long long)range->start, (unsigned long long)range->end - 1,
			    range->is_hot_pluggable ? " hotplug" : "",
			    range->is_non_volatile ? " non-volatile" : "");
	}
	if (info->distance.nr_localities > 0)
		mm_port_log(LOG_INFO, "NUMA: Initialized distance table, cnt=%u", info->distance.nr_localities);
}

static void log_refusal(const struct topology *topology)
{
	switch (topology->srat) {
	case SRAT_OVERLAP:
		mm_port_log(LOG_ERROR, "SRAT: refused: PXM %u and PXM %u both claim RAM at [mem 0x%08llx-0x%08llx]",
			    topology->conflict_domains[0], topology->conflict_domains[1],
			    (unsigned long long)topology->conflict.start,
			    (unsigned long long)topology->conflict.end - 1);
		return;
	case SRAT_UNCOVERED:
		mm_port_log(LOG_ERROR, "SRAT: refused: %llu KiB of RAM are in no range",
			    (unsigned long long)topology->uncovered_bytes >> 10);
		return;
	case SRAT_TOO_MANY_NODES:
		mm_port_log(LOG_ERROR, "SRAT: refused: it has more than %u domains", MAX_NODES);
		return;
	case SRAT_NO_NODE:
		mm_port_log(LOG_ERROR, "SRAT: refused: no CPU and no memory is in any of its domains");
		return;
	case SRAT_ABSENT:
		mm_port_log(LOG_NOTICE, "SRAT: none that can be used: all memory and all CPUs form one node");
		return;
	case SRAT_USED:
	case NR_SRAT_VERDICTS:
		return;
	}
}

static void log_one_node(const struct builder *builder)
{
	uint64_t end = builder->pieces[builder->nr_pieces - 1].end;

	log_refusal(builder->topology);
	mm_port_log(LOG_INFO, "No NUMA configuration found");
	mm_port_log(LOG_INFO, "Faking a node at [mem 0x%016llx-0x%016llx]", 0ull, (unsigned long long)end - 1);
}

static void log_oddities(const struct topology *topology)
{
	if (topology->srat != SRAT_USED)
		return;
	if (topology->uncovered_bytes > 0)
		mm_port_log(LOG_WARN, "SRAT: %llu KiB of RAM are in no range: given to their neighbours",
			    (unsigned long long)topology->uncovered_bytes >> 10);
	if (topology->nr_orphan_cpus > 0)
		mm_port_log(LOG_WARN, "SRAT: %u CPUs have no entry: they go to node %u",
			    topology->nr_orphan_cpus, first_node_with_memory(topology));
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++)
		if (topology->nodes[nid].nr_memory == 0)
			mm_port_log(LOG_INFO, "Node %u (PXM %u) has no memory", nid, topology->nodes[nid].domain);
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
	hand_out_cpus(&builder);
	if (topology->srat == SRAT_USED)
		log_affinity(&builder);
	else
		log_one_node(&builder);
	log_oddities(topology);
	return STATUS_OK;
}

unsigned topology_distance(const struct topology *topology, uint32_t from_nid, uint32_t to_nid)
{
	const struct distance_table *table = &topology->info->distance;
	uint32_t from, to;

	ASSERT(from_nid < topology->nr_nodes);
	ASSERT(to_nid < topology->nr_nodes);
	if (from_nid == to_nid)
		return DISTANCE_LOCAL;
	from = topology->nodes[from_nid].domain;
	to = topology->nodes[to_nid].domain;
	if (from >= table->nr_localities || to >= table->nr_localities)
		return DISTANCE_REMOTE;
	return table->value[(uint64_t)from * table->nr_localities + to];
}

/* From where the order of nodes is seen. */
struct viewpoint {
	const struct topology *topology;
	uint32_t nid;
};

static uint32_t steps_up(const struct viewpoint *viewpoint, uint32_t nid)
{
	uint32_t nr_nodes = viewpoint->topology->nr_nodes;

	return nid >= viewpoint->nid ? nid - viewpoint->nid : nid + nr_nodes - viewpoint->nid;
}

static bool is_nearer(const void *a, const void *b, const void *arg)
{
	const struct viewpoint *viewpoint = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	unsigned to_x = topology_distance(viewpoint->topology, viewpoint->nid, x);
	unsigned to_y = topology_distance(viewpoint->topology, viewpoint->nid, y);

	return to_x != to_y ? to_x < to_y : steps_up(viewpoint, x) < steps_up(viewpoint, y);
}

uint32_t topology_fallback_order(const struct topology *topology, uint32_t nid, uint32_t *order)
{
	const struct viewpoint viewpoint = { topology, nid };
	uint32_t nr_order = 0;

	ASSERT(nid < topology->nr_nodes);
	for (uint32_t other = 0; other < topology->nr_nodes; other++)
		if (topology->nodes[other].nr_memory > 0)
			order[nr_order++] = other;
	sort_items(order, nr_order, sizeof(*order), is_nearer, &viewpoint);
	return nr_order;
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

	REQUIRE("T2", nid, (uint64_t)node->first_memory + node->nr_memory <= topology->nr_memory);
	for (uint32_t i = node->first_memory; i < node->first_memory + node->nr_memory; i++) {
		const struct node_memory *memory = &topology->memory[i];

		REQUIRE("T2", i, memory->nid == nid);
		REQUIRE("T2", i, memory->start < memory->end);
		REQUIRE("T2", i, is_aligned(memory->start, PAGE_SIZE));
		REQUIRE("T2", i, is_aligned(memory->end, PAGE_SIZE));
		REQUIRE("T2", i, i == node->first_memory || memory[-1].end < memory->start);
		sum_bytes += memory->end - memory->start;
	}
	REQUIRE("T3", nid, node->usable_bytes == sum_bytes);
	return true;
}

static bool verify_cpus(const struct topology *topology, struct violation *out)
{
	uint64_t nr_cpus = 0;

	REQUIRE("T5", 0, topology->nr_cpus == topology->info->nr_cpus);
	for (uint32_t i = 0; i < topology->nr_cpus; i++) {
		REQUIRE("T5", i, topology->cpus[i].nid < topology->nr_nodes);
		REQUIRE("T5", i, topology->cpus[i].apic_id == topology->info->cpus[i].apic_id);
	}
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++)
		nr_cpus += topology->nodes[nid].nr_cpus;
	REQUIRE("T6", nr_cpus, nr_cpus == topology->nr_cpus);
	return true;
}

/* O(nodes squared): a machine with 1,024 nodes takes a million steps. */
static bool verify_domains_and_distances(const struct topology *topology, struct violation *out)
{
	for (uint32_t a = 0; a < topology->nr_nodes; a++) {
		REQUIRE("T7", a, topology_distance(topology, a, a) == DISTANCE_LOCAL);
		for (uint32_t b = 0; b < topology->nr_nodes; b++) {
			if (a == b)
				continue;
			REQUIRE("T1", a, topology->nodes[a].domain != topology->nodes[b].domain);
			REQUIRE("T7", a, topology_distance(topology, a, b) > DISTANCE_LOCAL);
		}
	}
	return true;
}

bool topology_verify(const struct topology *topology, struct violation *out)
{
	const struct boot_info *info = topology->info;
	uint64_t sum_bytes = 0;

	REQUIRE("T1", 0, topology->nr_nodes > 0);
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++) {
		if (!verify_node_memory(topology, nid, out))
			return false;
		sum_bytes += topology->nodes[nid].usable_bytes;
	}
	REQUIRE("T4", sum_bytes, sum_bytes == range_bytes_of(info->ranges, info->nr_ranges, MEM_USABLE));
	return verify_cpus(topology, out) && verify_domains_and_distances(topology, out);
}
