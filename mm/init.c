/*
 * Bring-up of the one live memory manager, in the order of the data flow.
 *
 * Model
 *   boot_info -> topology -> one bootmem per node with memory -> the structures
 *   that last (nodes, zonelists, section states, CPU 0's stacks) -> bootmem
 *   retires: what is free becomes the zones' spans, what boot took is remembered
 *   -> zones, brought up on demand -> slab, kmalloc, vmalloc.
 *
 *   The topology itself needs memory before anything can allocate: it gets the
 *   start of the lowest usable range that has room.
 *
 * Invariants
 *   INIT-1  every usable page is in one node's spans or in its `taken`
 *   INIT-2  nothing here is proportional to RAM but the bitmap of a boot window
 *
 * Locking
 *   One CPU runs during mm_init(). mm_init_cpu() runs on each CPU for itself.
 */

#include "mm/init.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page/bootmem.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/section.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "mm/page/zonelist.h"


/* The boot window of a node: Linux's bootmem covered the low memory, 896 MiB. */
#define BOOT_WINDOW_PAGES	((uint64_t)1 << (30 - PAGE_SHIFT))

/* A window with less than this is given up for one at the node's largest range. */
#define MIN_WINDOW_PAGES	((uint64_t)1 << (24 - PAGE_SHIFT))

/* What lives as long as mm_init() runs. */
struct boot_state {
	struct pfn_span early;		/* topology's arrays and the bootmems: stays taken */
	struct bootmem *bootmems;	/* by node; not started: no memory */
	struct pfn_span *maps;		/* where each one's bitmap lies */
};

/* ---- Memory before bootmem ---- */

static uint64_t max_nodes_of(const struct boot_info *info)
{
	return (uint64_t)info->nr_affinity + info->nr_cpus + info->nr_initiators + 1;
}

static struct pfn_span find_early_memory(const struct boot_info *info, uint64_t nr_pages)
{
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];
		pfn_t start_pfn = pa_to_pfn(range->start);

		if (range->type == MEM_USABLE && pa_to_pfn(range->end) - start_pfn >= nr_pages)
			return (struct pfn_span){ start_pfn, start_pfn + nr_pages };
	}
	mm_port_panic(__FILE__, __LINE__, "no usable memory: %llu pages are needed to begin",
		      (unsigned long long)nr_pages);
}

static void build_topology(const struct boot_info *info, struct boot_state *state)
{
	uint64_t topology_size = align_up(topology_bytes(info), sizeof(uint64_t));
	uint64_t per_node = sizeof(struct bootmem) + sizeof(struct pfn_span);
	uint64_t bytes = topology_size + max_nodes_of(info) * per_node;
	enum status status;
	uint8_t *at;

	state->early = find_early_memory(info, bytes_to_pages(bytes));
	at = phys_to_virt(pfn_to_pa(state->early.start_pfn));
	memset(at, 0, bytes);
	status = topology_build(&live.topology, info, at, topology_size);
	if (status != STATUS_OK)
		mm_port_panic(__FILE__, __LINE__, "topology: status %d", (int)status);
	state->bootmems = (struct bootmem *)(void *)(at + topology_size);
	state->maps = (struct pfn_span *)(void *)(state->bootmems + max_nodes_of(info));
}

/* ---- bootmem ---- */

static struct pfn_span piece_of(uint32_t index)
{
	const struct node_memory *memory = &live.topology.memory[index];

	return (struct pfn_span){ pa_to_pfn(memory->start), pa_to_pfn(memory->end) };
}

static struct pfn_span intersect(struct pfn_span a, struct pfn_span b)
{
	struct pfn_span both = { max_u64(a.start_pfn, b.start_pfn), min_u64(a.end_pfn, b.end_pfn) };

	if (both.start_pfn >= both.end_pfn)
		both.end_pfn = both.start_pfn;
	return both;
}

static bool is_empty(struct pfn_span span)
{
	return span.start_pfn == span.end_pfn;
}

static uint64_t span_pages(struct pfn_span span)
{
	return span.end_pfn - span.start_pfn;
}

/* What boot allocates stays: it must not lie in ZONE_MOVABLE. */
static struct pfn_span kernel_piece_of(const struct topology_node *node, uint32_t index)
{
	return intersect(piece_of(index), (struct pfn_span){ 0, pa_to_pfn(node->movable_start) });
}

static struct pfn_span window_at(const struct topology_node *node, pfn_t start_pfn)
{
	struct pfn_span last = piece_of(node->first_memory + node->nr_memory - 1);
	pfn_t end_pfn = min_u64(last.end_pfn, pa_to_pfn(node->movable_start));

	return (struct pfn_span){ start_pfn, min_u64(start_pfn + BOOT_WINDOW_PAGES, end_pfn) };
}

static uint64_t pages_in_window(const struct topology_node *node, struct pfn_span window)
{
	uint64_t nr_pages = 0;

	for (uint32_t i = 0; i < node->nr_memory; i++)
		nr_pages += span_pages(intersect(window, piece_of(node->first_memory + i)));
	return nr_pages;
}

/* The first GiB of the node, unless it is next to empty and there is a better place. */
static struct pfn_span choose_window(const struct topology_node *node)
{
	struct pfn_span largest = kernel_piece_of(node, node->first_memory);
	struct pfn_span window = window_at(node, largest.start_pfn);

	if (pages_in_window(node, window) >= MIN_WINDOW_PAGES)
		return window;
	for (uint32_t i = 1; i < node->nr_memory; i++)
		if (span_pages(kernel_piece_of(node, node->first_memory + i)) > span_pages(largest))
			largest = kernel_piece_of(node, node->first_memory + i);
	return window_at(node, largest.start_pfn);
}

/* Calls for the parts of @span that are not `early`. */
#define for_each_rest(rest, span, early)						\
	for (struct pfn_span rest##_parts[2] = {					\
		     intersect(span, (struct pfn_span){ 0, (early).start_pfn }),	\
		     intersect(span, (struct pfn_span){ (early).end_pfn, PFN_NONE }) },	\
		     *rest = rest##_parts; rest < rest##_parts + 2; rest++)		\
		if (!is_empty(*rest))

/*
 * The highest place in @window for a bitmap of @nr_pages; empty if none. What
 * boot keeps comes from the bottom: when the bitmap is given back it leaves no
 * hole below that, which would be the first piece the zone brings up.
 */
static struct pfn_span place_map(const struct topology_node *node, struct pfn_span window,
				 const struct boot_state *state, uint64_t nr_pages)
{
	struct pfn_span map = { 0, 0 };

	for (uint32_t i = 0; i < node->nr_memory; i++) {
		struct pfn_span part = intersect(window, piece_of(node->first_memory + i));

		for_each_rest(rest, part, state->early)
			if (span_pages(*rest) >= nr_pages)
				map = (struct pfn_span){ rest->end_pfn - nr_pages, rest->end_pfn };
	}
	return map;
}

static void start_bootmem(unsigned nid, struct boot_state *state)
{
	const struct topology_node *node = &live.topology.nodes[nid];
	struct bootmem *bootmem = &state->bootmems[nid];
	struct pfn_span window, map;

	if (node->nr_memory == 0)
		return;
	window = choose_window(node);
	map = place_map(node, window, state,
			bytes_to_pages(bootmem_map_bytes(span_pages(window))));
	/* A node too small to describe itself is served by the others; its pages are not lost. */
	if (is_empty(map))
		return;
	state->maps[nid] = map;
	bootmem_init(bootmem, window.start_pfn, window.end_pfn,
		     phys_to_virt(pfn_to_pa(map.start_pfn)));
	for (uint32_t i = 0; i < node->nr_memory; i++) {
		struct pfn_span part = intersect(window, piece_of(node->first_memory + i));

		for_each_rest(rest, part, state->early)
			bootmem_free_range(bootmem, rest->start_pfn, rest->end_pfn);
	}
	bootmem_reserve_range(bootmem, map.start_pfn, map.end_pfn);
}

static bool has_bootmem(const struct bootmem *bootmem)
{
	return bootmem->end_pfn != 0 && !bootmem->is_retired;
}

/*
 * Memory of @nid, else of any node: at boot the nearest is the next with room.
 * Its contents are undefined.
 */
static void *boot_take(struct boot_state *state, unsigned nid, uint64_t bytes, uint64_t align)
{
	for (unsigned i = 0; i < live.nr_nodes; i++) {
		struct bootmem *bootmem = &state->bootmems[(nid + i) % live.nr_nodes];
		uint64_t pa = has_bootmem(bootmem) ? bootmem_alloc(bootmem, bytes, align) : PA_NONE;

		if (pa != PA_NONE)
			return phys_to_virt(pa);
	}
	mm_port_panic(__FILE__, __LINE__, "no memory for %llu bytes at boot",
		      (unsigned long long)bytes);
}

/* The same, zeroed. */
static void *boot_alloc(struct boot_state *state, unsigned nid, uint64_t bytes, uint64_t align)
{
	return memset(boot_take(state, nid, bytes, align), 0, bytes);
}


/* ---- Nodes and zones ---- */

static void add_to_zone(struct zone *zone, struct pfn_span span)
{
	if (zone->present_pages == 0)
		zone->start_pfn = span.start_pfn;
	zone->start_pfn = min_u64(zone->start_pfn, span.start_pfn);
	zone->end_pfn = max_u64(zone->end_pfn, span.end_pfn);
	zone->present_pages += span_pages(span);
}

/* Where memory of @node's zone of @type may lie. */
static struct pfn_span zone_limits(const struct pglist_data *node, enum zone_type type)
{
	static const struct pfn_span limits[ZONE_MOVABLE] = {
		[ZONE_DMA] = { 0, ZONE_DMA_END_PFN },
		[ZONE_DMA32] = { ZONE_DMA_END_PFN, ZONE_DMA32_END_PFN },
		[ZONE_NORMAL] = { ZONE_DMA32_END_PFN, PFN_NONE },
	};

	if (type == ZONE_MOVABLE)
		return (struct pfn_span){ node->movable_start_pfn, PFN_NONE };
	return intersect(limits[type], (struct pfn_span){ 0, node->movable_start_pfn });
}

static void add_memory_to_zones(struct pglist_data *node)
{
	const struct topology_node *described = &live.topology.nodes[node->node_id];

	for (uint32_t i = 0; i < described->nr_memory; i++) {
		struct pfn_span piece = piece_of(described->first_memory + i);

		for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
			struct pfn_span part = intersect(piece,
							 zone_limits(node, (enum zone_type)type));

			if (is_empty(part))
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
		node->node_start_pfn = piece_of(described->first_memory).start_pfn;
	node->movable_start_pfn = described->movable_start == NO_MOVABLE ?
		PFN_NONE : pa_to_pfn(described->movable_start);
	node->node_mem_map = pfn_to_page(node->node_start_pfn);
	for (unsigned type = 0; type < MAX_NR_ZONES; type++)
		zone_init(&node->node_zones[type], node, (enum zone_type)type, pfn_to_page(0));
	add_memory_to_zones(node);
}

static void create_nodes(struct boot_state *state)
{
	live.nodes = boot_alloc(state, 0, live.nr_nodes * sizeof(struct pglist_data *),
				CACHE_LINE_BYTES);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		create_node(nid, state);
}

static void create_zonelists(struct boot_state *state)
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

static void create_sections(struct boot_state *state)
{
	struct section_setup setup = {
		.topology = &live.topology,
		.first_node = live.nodes[0],
	};
	pfn_t end_pfn = 0;

	for_each_populated_zone(zone)
		end_pfn = max_u64(end_pfn, zone->end_pfn);
	setup.nr_sections = pfn_to_section(end_pfn - 1) + 1;
	setup.states = boot_take(state, 0, setup.nr_sections, CACHE_LINE_BYTES);
	live.end_pfn = end_pfn;
	sections_init(&setup);
}

/* ---- CPUs ---- */

/* The node whose zones serve CPUs of @nid first. */
static struct pglist_data *memory_node_of(unsigned nid)
{
	return node_data(nid)->node_zonelists[ZONELIST_FALLBACK].zones[0]->node;
}

/* CPUs whose stacks are filled from @node: at least its own. */
static unsigned nr_users_of(const struct pglist_data *node)
{
	unsigned nr = 0;

	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		if (memory_node_of(nid) == node)
			nr += live.topology.nodes[nid].nr_cpus;
	return nr ? nr : 1;
}

static void enter_cpu(struct mm_cpu *cpu_data, unsigned nid)
{
	struct pglist_data *node = memory_node_of(nid);

	slab_init_cpu(cpu_data->kmalloc);
	page_stacks_init(cpu_data, node, mm_port_cpu(), nr_users_of(node));
	cpu_data->nid = nid;
	mm_port_set_cpu_data(cpu_data);
	__atomic_store_n(&live.cpus[mm_port_cpu()], cpu_data, __ATOMIC_RELEASE);
	__atomic_fetch_add(&live.nr_ready_cpus, 1, __ATOMIC_RELAXED);
}

static void create_cpus(struct boot_state *state)
{
	unsigned nid = live.topology.cpus[0].nid;
	struct pglist_data *node = memory_node_of(nid);

	live.nr_cpus = live.topology.nr_cpus;
	live.cpus = boot_alloc(state, nid, live.nr_cpus * sizeof(struct mm_cpu *), CACHE_LINE_BYTES);
	enter_cpu(boot_take(state, node->node_id, page_stacks_bytes(node, nr_users_of(node)), PAGE_SIZE),
		  nid);
}

void mm_init_cpu(uint32_t apic_id)
{
	uint32_t nid = topology_nid_of_cpu(&live.topology, apic_id);
	struct pglist_data *node;
	struct page *page;

	ASSERT(live.is_ready);
	ASSERT(nid != NID_NONE);
	ASSERT(mm_port_cpu() < live.nr_cpus);

	/* mm_init() has made CPU 0 ready: it could not have allocated otherwise. */
	if (live.cpus[mm_port_cpu()])
		return;
	node = memory_node_of(nid);
	page = alloc_pages_before_cpu(node->node_id,
				      order_for_pages(bytes_to_pages(page_stacks_bytes(node, nr_users_of(node)))));
	if (!page)
		mm_port_panic(__FILE__, __LINE__, "no memory for the page stacks of CPU %u",
			      mm_port_cpu());
	enter_cpu(page_address(page), nid);
}

/* ---- From bootmem to zones ---- */

/* Where a node's spans are collected. */
struct handover {
	struct pglist_data *node;
	struct pfn_span early;
	struct pfn_span *free;
	uint32_t nr_free;
	uint32_t max_spans;
};

static void add_free(struct handover *handover, struct pfn_span span)
{
	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		struct pfn_span part = intersect(span, zone_limits(handover->node,
								   (enum zone_type)type));

		if (is_empty(part))
			continue;
		ASSERT(handover->nr_free < handover->max_spans);
		handover->free[handover->nr_free++] = part;
	}
}

static void add_taken(struct handover *handover, struct pfn_span span)
{
	struct pglist_data *node = handover->node;

	ASSERT(node->nr_taken < handover->max_spans);
	node->taken[node->nr_taken++] = span;
	node->nr_taken_pages += span_pages(span);
}

/* One run of the window: only what is the node's memory counts. */
static void visit_run(void *arg, pfn_t start_pfn, pfn_t end_pfn, bool is_free)
{
	struct handover *handover = arg;
	const struct topology_node *described = &live.topology.nodes[handover->node->node_id];
	struct pfn_span run = { start_pfn, end_pfn };

	for (uint32_t i = 0; i < described->nr_memory; i++) {
		struct pfn_span part = intersect(run, piece_of(described->first_memory + i));

		if (is_empty(part))
			continue;
		if (is_free)
			add_free(handover, part);
		else
			add_taken(handover, part);
	}
}

static void add_outside_window(struct handover *handover, struct pfn_span window)
{
	const struct topology_node *described = &live.topology.nodes[handover->node->node_id];

	for (uint32_t i = 0; i < described->nr_memory; i++) {
		struct pfn_span piece = piece_of(described->first_memory + i);

		for_each_rest(outside, piece, window) {
			struct pfn_span taken = intersect(*outside, handover->early);

			for_each_rest(rest, *outside, handover->early)
				add_free(handover, *rest);
			if (!is_empty(taken))
				add_taken(handover, taken);
		}
	}
}

static void sort_spans(struct pfn_span *spans, uint32_t nr_spans)
{
	for (uint32_t i = 1; i < nr_spans; i++) {
		struct pfn_span span = spans[i];
		uint32_t at = i;

		for (; at > 0 && spans[at - 1].start_pfn > span.start_pfn; at--)
			spans[at] = spans[at - 1];
		spans[at] = span;
	}
}

/*
 * Makes one of spans that touch inside a zone, as at the end of the window: the
 * buddy allocator merges blocks across such a seam. Returns how many are left.
 */
static uint32_t join_spans(const struct pglist_data *node, struct pfn_span *spans,
			   uint32_t nr_spans)
{
	uint32_t nr_joined = 0;

	for (uint32_t i = 0; i < nr_spans; i++) {
		struct pfn_span *last = nr_joined > 0 ? &spans[nr_joined - 1] : NULL;

		if (last && last->end_pfn == spans[i].start_pfn &&
		    node_zone_type(node, last->start_pfn) ==
			    node_zone_type(node, spans[i].start_pfn))
			last->end_pfn = spans[i].end_pfn;
		else
			spans[nr_joined++] = spans[i];
	}
	return nr_joined;
}

/* Sorted spans of a node fall into its zones one after the other. */
static void give_spans_to_zones(struct handover *handover)
{
	uint32_t at = 0;

	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &handover->node->node_zones[type];

		zone->spans = handover->free + at;
		zone->nr_pending_pages = 0;
		for (; at < handover->nr_free &&
		       node_zone_type(handover->node, handover->free[at].start_pfn) == type; at++) {
			zone->nr_spans++;
			zone->nr_pending_pages += span_pages(handover->free[at]);
		}
		zone->managed_pages = zone->nr_pending_pages;
		if (zone->nr_spans > 0)
			zone->grow_pfn = zone->spans[0].start_pfn;
	}
}

/*
 * Upper bound of the spans a node can fall into, with its span arrays themselves
 * still to be allocated: runs and pieces cut each other, zones cut both.
 */
static uint32_t max_spans_of(const struct topology_node *described, const struct bootmem *bootmem)
{
	uint64_t nr_runs = has_bootmem(bootmem) ? bootmem_max_runs(bootmem) : 0;

	return (uint32_t)(2 * (nr_runs + 2) + 2 * (uint64_t)described->nr_memory + MAX_NR_ZONES);
}

static void create_span_arrays(unsigned nid, struct boot_state *state, struct handover *handover)
{
	handover->node = node_data(nid);
	handover->early = state->early;
	handover->max_spans = max_spans_of(&live.topology.nodes[nid], &state->bootmems[nid]);
	handover->free = boot_alloc(state, nid, handover->max_spans * sizeof(struct pfn_span),
				    sizeof(uint64_t));
	handover->node->taken = boot_alloc(state, nid,
					   handover->max_spans * sizeof(struct pfn_span),
					   sizeof(uint64_t));
	handover->node->bdata = boot_alloc(state, nid, sizeof(struct bootmem), sizeof(uint64_t));
}

static void retire_bootmem(unsigned nid, struct boot_state *state, struct handover *handover)
{
	struct bootmem *bootmem = &state->bootmems[nid];
	struct pfn_span window = { bootmem->start_pfn, bootmem->end_pfn };
	struct pfn_span map = state->maps[nid];

	if (has_bootmem(bootmem))
		bootmem_retire(bootmem, map.start_pfn, span_pages(map), visit_run, handover);
	add_outside_window(handover, window);
	sort_spans(handover->free, handover->nr_free);
	handover->nr_free = join_spans(handover->node, handover->free, handover->nr_free);
	give_spans_to_zones(handover);
	*handover->node->bdata = *bootmem;
}

static void retire_all(struct boot_state *state)
{
	struct handover *handovers = boot_alloc(state, 0, live.nr_nodes * sizeof(*handovers),
						sizeof(uint64_t));

	/* All arrays first: an allocation on a node that has retired is refused. */
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		create_span_arrays(nid, state, &handovers[nid]);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		retire_bootmem(nid, state, &handovers[nid]);
}

static uint64_t total_managed(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += zone->managed_pages;
	return nr_pages;
}

static void set_watermarks(void)
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

/* ---- What is logged ---- */

static void log_zone_ranges(void)
{
	mm_port_log(LOG_INFO, "Zone ranges:");
	for (unsigned type = 0; type <= ZONE_NORMAL; type++) {
		struct pfn_span all = { PFN_NONE, 0 };

		for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
			const struct zone *zone = &node_data(nid)->node_zones[type];

			if (!zone_is_populated(zone))
				continue;
			all.start_pfn = min_u64(all.start_pfn, zone->start_pfn);
			all.end_pfn = max_u64(all.end_pfn, zone->end_pfn);
		}
		if (all.end_pfn == 0)
			mm_port_log(LOG_INFO, "  %-8s empty", zone_type_name((enum zone_type)type));
		else
			mm_port_log(LOG_INFO, "  %-8s [mem 0x%016llx-0x%016llx]",
				    zone_type_name((enum zone_type)type),
				    (unsigned long long)pfn_to_pa(all.start_pfn),
				    (unsigned long long)pfn_to_pa(all.end_pfn) - 1);
	}
}

static void log_movable(void)
{
	bool has_title = false;

	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		pfn_t start_pfn = node_data(nid)->movable_start_pfn;

		if (start_pfn == PFN_NONE)
			continue;
		if (!has_title)
			mm_port_log(LOG_INFO, "Movable zone start for each node");
		has_title = true;
		mm_port_log(LOG_INFO, "  Node %u: 0x%016llx", nid,
			    (unsigned long long)pfn_to_pa(start_pfn));
	}
}

static void log_nodes(void)
{
	mm_port_log(LOG_INFO, "Early memory node ranges");
	for (uint32_t i = 0; i < live.topology.nr_memory; i++)
		mm_port_log(LOG_INFO, "  node %3u: [mem 0x%016llx-0x%016llx]",
			    live.topology.memory[i].nid,
			    (unsigned long long)live.topology.memory[i].start,
			    (unsigned long long)live.topology.memory[i].end - 1);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		const struct pglist_data *node = node_data(nid);

		if (node->node_present_pages == 0)
			mm_port_log(LOG_INFO, "Initmem setup node %u as memoryless", nid);
		else
			mm_port_log(LOG_INFO, "Initmem setup node %u [mem 0x%016llx-0x%016llx]", nid,
				    (unsigned long long)pfn_to_pa(node->node_start_pfn),
				    (unsigned long long)pfn_to_pa(node->node_start_pfn +
								  node->node_spanned_pages) - 1);
	}
}

static void log_memory(void)
{
	uint64_t nr_managed = total_managed();
	uint64_t kib_per_page = PAGE_SIZE / 1024;

	mm_port_log(LOG_INFO, "Built %u zonelists, mobility grouping on.  Total pages: %llu",
		    live.nr_nodes, (unsigned long long)nr_managed);
	mm_port_log(LOG_INFO, "Memory: %lluK/%lluK available (%lluK reserved by boot)",
		    (unsigned long long)(nr_managed * kib_per_page),
		    (unsigned long long)(live.nr_usable_pages * kib_per_page),
		    (unsigned long long)((live.nr_usable_pages - nr_managed) * kib_per_page));
}

/* ---- The sequence ---- */

static unsigned nearest_node(unsigned nid, unsigned index)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];
	const struct pglist_data *previous = NULL;

	for (uint32_t i = 0; i < list->nr_zones; i++) {
		if (list->zones[i]->node == previous)
			continue;
		previous = list->zones[i]->node;
		if (index-- == 0)
			return previous->node_id;
	}
	return NID_NONE;
}

static void start_allocators(void)
{
	struct slab_setup setup = {
		.nr_nodes = live.nr_nodes,
		.nr_cpus = live.nr_cpus,
		.end_pfn = live.end_pfn,
		.nearest_node = nearest_node,
		.cpu_node = cpu_to_node,
	};

	slab_audit_init(live.nr_usable_pages);
	slab_guard_forget();
	slab_init(&setup);
	kmalloc_init();
	slab_reclaim_init();
	/* A port without paging has no vmalloc. */
	if (mm_port_vmalloc_start != mm_port_vmalloc_end) {
		vmalloc_init(live.nr_cpus);
		slab_guard_start();
	}
}

void mm_init(const struct boot_info *info)
{
	struct boot_state state;

	memset(&state, 0, sizeof(state));
	memset(&live, 0, sizeof(live));
	live.info = info;
	build_topology(info, &state);
	live.nr_nodes = live.topology.nr_nodes;
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		start_bootmem(nid, &state);
	create_nodes(&state);
	create_zonelists(&state);
	create_sections(&state);
	create_cpus(&state);
	log_zone_ranges();
	log_movable();
	log_nodes();
	retire_all(&state);
	set_watermarks();
	log_memory();
	live.is_ready = true;
	start_allocators();
}
