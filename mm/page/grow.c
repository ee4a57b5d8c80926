/*
 * Growing: memory on its way from bootmem to the free lists of its zone.
 *
 * Model
 *   When bootmem retires, what is free of each node is cut into spans of its
 *   zones; what boot took is remembered. A zone's spans are brought up in the
 *   order of addresses, at most one section at a time, when the zone needs
 *   memory: what lies before (grow_span, grow_pfn) is up.
 *
 * Invariants
 *   GROW-1  a node's usable pages are each once in a span of its zones, in what boot
 *       took, or in a run of mem_map
 *
 * Locking
 *   One CPU hands over. grow_lock serialises growing; it is taken before
 *   zone->lock.
 */

#include "mm/page/grow.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/noted.h"
#include "mm/page/section.h"

/* ---- From bootmem to spans ---- */

/* Where a node's memory is collected. */
struct handover {
	struct node_spans *free;
	struct pfn_span early;
	uint32_t max_taken;
};

static void add_free(struct node_spans *free, struct pfn_span span)
{
	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		struct pfn_span part = span_intersect(span, node_zone_limits(free->node,
									     (enum zone_type)type));

		if (span_is_empty(part))
			continue;
		ASSERT(free->nr_spans < free->max_spans);
		free->spans[free->nr_spans++] = part;
	}
}

static void add_taken(struct handover *handover, struct pfn_span span)
{
	struct pglist_data *node = handover->free->node;

	ASSERT(node->nr_taken < handover->max_taken);
	node->taken[node->nr_taken++] = span;
	node->nr_taken_pages += span_pages(span);
}

/* One run of the window: only what is the node's memory counts. */
static void visit_run(void *arg, pfn_t start_pfn, pfn_t end_pfn, bool is_free)
{
	struct handover *handover = arg;
	const struct topology_node *described = &live.topology.nodes[handover->free->node->node_id];
	struct pfn_span run = { start_pfn, end_pfn };

	for (uint32_t i = 0; i < described->nr_memory; i++) {
		struct pfn_span part = span_intersect(run, boot_piece(described->first_memory + i));

		if (span_is_empty(part))
			continue;
		if (is_free)
			add_free(handover->free, part);
		else
			add_taken(handover, part);
	}
}

static void add_outside_window(struct handover *handover, struct pfn_span window)
{
	const struct topology_node *described = &live.topology.nodes[handover->free->node->node_id];

	for (uint32_t i = 0; i < described->nr_memory; i++) {
		struct pfn_span piece = boot_piece(described->first_memory + i);

		for_each_rest(outside, piece, window) {
			struct pfn_span taken = span_intersect(*outside, handover->early);

			for_each_rest(rest, *outside, handover->early)
				add_free(handover->free, *rest);
			if (!span_is_empty(taken))
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
static void give_spans_to_zones(const struct node_spans *free)
{
	uint32_t at = 0;

	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &free->node->node_zones[type];

		assume_unshared(&zone->lock);
		assume_unshared(&zone->grow_lock);
		zone->spans = free->spans + at;
		for (; at < free->nr_spans &&
		       node_zone_type(free->node, free->spans[at].start_pfn) == type; at++) {
			zone->nr_spans++;
			zone->nr_pending_pages += span_pages(free->spans[at]);
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
	uint64_t nr_runs = boot_has_bootmem(bootmem) ? bootmem_max_runs(bootmem) : 0;

	return (uint32_t)(2 * (nr_runs + 2) + 2 * (uint64_t)described->nr_memory + MAX_NR_ZONES);
}

static void create_span_arrays(unsigned nid, struct boot_state *state, struct handover *handover)
{
	struct pglist_data *node = node_data(nid);
	struct node_spans *free = handover->free;
	uint32_t max_spans = max_spans_of(&live.topology.nodes[nid], &state->bootmems[nid]);

	handover->early = state->early;
	handover->max_taken = max_spans;
	free->node = node;
	free->max_spans = map_plan_max_spans(max_spans);
	free->spans = boot_alloc(state, nid, free->max_spans * sizeof(struct pfn_span),
				 sizeof(uint64_t));
	node->taken = boot_alloc(state, nid, max_spans * sizeof(struct pfn_span),
				 sizeof(uint64_t));
	node->bdata = boot_alloc(state, nid, sizeof(struct bootmem), sizeof(uint64_t));
}

/* Sections up to the end of memory, with room for where their mem_map will lie. */
static void create_plan(struct boot_state *state, struct map_plan *plan,
			const struct handover *handovers)
{
	pfn_t end_pfn = 0;

	*plan = (struct map_plan){ .runs = NULL };
	for_each_populated_zone(zone)
		end_pfn = max_u64(end_pfn, zone->end_pfn);
	live.end_pfn = end_pfn;
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		plan->max_runs += map_plan_max_runs(handovers[nid].max_taken);
	plan->nr_sections = pfn_to_section(end_pfn - 1) + 1;
	plan->states = boot_alloc(state, 0, plan->nr_sections, CACHE_LINE_BYTES);
	plan->runs = boot_alloc(state, 0, plan->max_runs * sizeof(*plan->runs), sizeof(uint64_t));
}

static void retire_bootmem(unsigned nid, struct boot_state *state, struct handover *handover)
{
	struct bootmem *bootmem = &state->bootmems[nid];
	struct pfn_span window = { bootmem->start_pfn, bootmem->end_pfn };
	struct pfn_span map = state->maps[nid];
	struct node_spans *free = handover->free;

	if (boot_has_bootmem(bootmem))
		bootmem_retire(bootmem, map.start_pfn, span_pages(map), visit_run, handover);
	add_outside_window(handover, window);
	sort_spans(free->spans, free->nr_spans);
	free->nr_spans = join_spans(free->node, free->spans, free->nr_spans);
	*free->node->bdata = *bootmem;
}

void hand_over_to_zones(struct boot_state *state)
{
	struct handover *handovers = boot_alloc(state, 0, live.nr_nodes * sizeof(*handovers),
						sizeof(uint64_t));
	struct node_spans *nodes = boot_alloc(state, 0, live.nr_nodes * sizeof(*nodes),
					      sizeof(uint64_t));
	struct map_plan plan;

	/* All arrays first: an allocation on a node that has retired is refused. */
	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		handovers[nid].free = &nodes[nid];
		create_span_arrays(nid, state, &handovers[nid]);
	}
	create_plan(state, &plan, handovers);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		retire_bootmem(nid, state, &handovers[nid]);
	if (!map_plan_make(&plan, nodes, live.nr_nodes))
		boot_refuse(state, 1);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		give_spans_to_zones(&nodes[nid]);
	sections_init(&plan, node_data(0));
}

/* ---- Growing ---- */

/* The part of the current span that lies in one section. */
static struct pfn_span next_piece(const struct zone *zone) HOLDS(zone->grow_lock)
{
	const struct pfn_span *span = &zone->spans[zone->grow_span];
	pfn_t section_end_pfn = (pfn_to_section(zone->grow_pfn) + 1) * SECTION_PAGES;

	return (struct pfn_span){ zone->grow_pfn, min_u64(span->end_pfn, section_end_pfn) };
}

/* Pictures look at both without a lock: see mm/page/use.c. */
static void advance(struct zone *zone, pfn_t pfn) HOLDS(zone->grow_lock)
{
	uint32_t at = zone->grow_span;

	if (pfn == zone->spans[at].end_pfn && ++at < zone->nr_spans)
		pfn = zone->spans[at].start_pfn;
	__atomic_store_n(&zone->grow_span, at, __ATOMIC_RELAXED);
	__atomic_store_n(&zone->grow_pfn, pfn, __ATOMIC_RELAXED);
}

/* Requests look at the count without a lock: see zone_listed_pages(). */
static void take_pending(struct zone *zone, uint64_t nr_pages) HOLDS(zone->lock)
{
	__atomic_store_n(&zone->nr_pending_pages, zone->nr_pending_pages - nr_pages,
			 __ATOMIC_RELAXED);
}

static void give_piece(struct zone *zone, struct pfn_span piece)
{
	spin_lock(&zone->lock);
	take_pending(zone, span_pages(piece));
	zone_give_range(zone, zone->mem_map + piece.start_pfn, span_pages(piece));
	spin_unlock(&zone->lock);
	if (mm_events_wanted())
		mm_event_tell((struct mm_event){
			.kind = MM_EVENT_GROW,
			.at = pfn_to_pa(piece.start_pfn),
			.nr = span_pages(piece),
			.nid = (uint16_t)(zone->index / MAX_NR_ZONES),
		}, zone->name);
}

bool zone_grow(struct zone *zone)
{
	bool has_more;

	spin_lock(&zone->grow_lock);
	has_more = zone->grow_span < zone->nr_spans;
	if (has_more) {
		struct pfn_span piece = next_piece(zone);

		section_bring_up(pfn_to_section(piece.start_pfn));
		give_piece(zone, piece);
		advance(zone, piece.end_pfn);
	}
	spin_unlock(&zone->grow_lock);
	return has_more;
}

/* ---- Verification ---- */

/* Part @index of what a node's memory was cut into; PFN_NONE: there are no more. */
static struct pfn_span part_of(const struct pglist_data *node, uint32_t index)
{
	const struct map_plan *plan = sections_plan();

	if (index < node->nr_taken)
		return node->taken[index];
	index -= node->nr_taken;
	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &node->node_zones[type];

		if (index < zone->nr_spans)
			return zone->spans[index];
		index -= zone->nr_spans;
	}
	for (uint32_t i = 0; i < plan->nr_runs; i++)
		if (plan->runs[i].node == node && index-- == 0)
			return plan->runs[i].pages;
	return (struct pfn_span){ PFN_NONE, PFN_NONE };
}

/* How many pages of @span are usable memory of @node. */
static uint64_t nr_own_pages(const struct pglist_data *node, struct pfn_span span)
{
	const struct topology_node *described = &live.topology.nodes[node->node_id];
	uint64_t nr_pages = 0;

	for (uint32_t i = 0; i < described->nr_memory; i++)
		nr_pages += span_pages(span_intersect(
			span, boot_piece(described->first_memory + i)));
	return nr_pages;
}

static bool verify_node(const struct pglist_data *node, struct violation *out)
{
	uint64_t nr_pages = 0;
	struct pfn_span part;

	for (uint32_t i = 0; part = part_of(node, i), part.start_pfn != PFN_NONE; i++) {
		REQUIRE("GROW-1", part.start_pfn, nr_own_pages(node, part) == span_pages(part));
		for (uint32_t k = 0; k < i; k++)
			REQUIRE("GROW-1", part.start_pfn,
				span_is_empty(span_intersect(part, part_of(node, k))));
		nr_pages += span_pages(part);
	}
	REQUIRE("GROW-1", node->node_id, nr_pages == node->node_present_pages);
	return true;
}

bool handover_verify(struct violation *out)
{
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		if (!verify_node(node_data(nid), out))
			return false;
	return true;
}
