/*
 * Growing: memory on its way from bootmem to the free lists of its zone.
 *
 * Model
 *   When bootmem retires, what is free of each node is cut into spans of its
 *   zones; what boot took is remembered. A zone's spans are brought up in the
 *   order of addresses, at most one section at a time, when the zone needs
 *   memory: what lies before (grow_span, grow_pfn) is up.
 *
 * Locking
 *   One CPU hands over. grow_lock serialises growing; it is taken before
 *   zone->lock.
 */

#include "mm/page/grow.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/live.h"
#include "mm/page/buddy.h"
#include "mm/page/section.h"

/* ---- From bootmem to spans ---- */

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
		struct pfn_span part = span_intersect(span, node_zone_limits(handover->node,
								   (enum zone_type)type));

		if (span_is_empty(part))
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
		struct pfn_span part = span_intersect(run, boot_piece(described->first_memory + i));

		if (span_is_empty(part))
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
		struct pfn_span piece = boot_piece(described->first_memory + i);

		for_each_rest(outside, piece, window) {
			struct pfn_span taken = span_intersect(*outside, handover->early);

			for_each_rest(rest, *outside, handover->early)
				add_free(handover, *rest);
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
	uint64_t nr_runs = boot_has_bootmem(bootmem) ? bootmem_max_runs(bootmem) : 0;

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

	if (boot_has_bootmem(bootmem))
		bootmem_retire(bootmem, map.start_pfn, span_pages(map), visit_run, handover);
	add_outside_window(handover, window);
	sort_spans(handover->free, handover->nr_free);
	handover->nr_free = join_spans(handover->node, handover->free, handover->nr_free);
	give_spans_to_zones(handover);
	*handover->node->bdata = *bootmem;
}

void hand_over_to_zones(struct boot_state *state)
{
	struct handover *handovers = boot_alloc(state, 0, live.nr_nodes * sizeof(*handovers),
						sizeof(uint64_t));

	/* All arrays first: an allocation on a node that has retired is refused. */
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		create_span_arrays(nid, state, &handovers[nid]);
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		retire_bootmem(nid, state, &handovers[nid]);
}

/* ---- Growing ---- */

/* The part of the current span that lies in one section. */
static struct pfn_span next_piece(const struct zone *zone)
{
	const struct pfn_span *span = &zone->spans[zone->grow_span];
	pfn_t section_end_pfn = (pfn_to_section(zone->grow_pfn) + 1) * SECTION_PAGES;

	return (struct pfn_span){ zone->grow_pfn, min_u64(span->end_pfn, section_end_pfn) };
}

static void advance(struct zone *zone, pfn_t pfn)
{
	zone->grow_pfn = pfn;
	if (pfn < zone->spans[zone->grow_span].end_pfn)
		return;
	zone->grow_span++;
	if (zone->grow_span < zone->nr_spans)
		zone->grow_pfn = zone->spans[zone->grow_span].start_pfn;
}

/* Requests look at the count without a lock: see zone_listed_pages(). */
static void take_pending(struct zone *zone, uint64_t nr_pages)
{
	__atomic_store_n(&zone->nr_pending_pages, zone->nr_pending_pages - nr_pages,
			 __ATOMIC_RELAXED);
}

static void hand_over(struct zone *zone, const struct section_offer *offer, uint64_t nr_pages)
{
	spin_lock(&zone->lock);
	take_pending(zone, nr_pages);
	zone->managed_pages -= offer->nr_taken_pages;
	zone->nr_metadata_pages += offer->nr_taken_pages;
	buddy_free_range(zone, zone->mem_map + offer->head.start_pfn,
			 offer->head.end_pfn - offer->head.start_pfn);
	buddy_free_range(zone, zone->mem_map + offer->tail.start_pfn,
			 offer->tail.end_pfn - offer->tail.start_pfn);
	spin_unlock(&zone->lock);
}

/*
 * Gives up @piece, a few pages alone in a section: too little even for the
 * tables that would map their mem_map. It must not block what comes after it.
 */
static void drop(struct zone *zone, struct pfn_span piece) HOLDS(zone->grow_lock)
{
	struct pfn_span *span = &zone->spans[zone->grow_span];
	uint64_t nr_pages = piece.end_pfn - piece.start_pfn;

	spin_lock(&zone->lock);
	take_pending(zone, nr_pages);
	zone->managed_pages -= nr_pages;
	zone->nr_metadata_pages += nr_pages;
	spin_unlock(&zone->lock);
	if (piece.start_pfn > span->start_pfn) {
		span->end_pfn = piece.start_pfn;
		zone->grow_span++;
	} else if (piece.end_pfn < span->end_pfn) {
		span->start_pfn = piece.end_pfn;
	} else {
		zone->nr_spans--;
		memmove(span, span + 1, (zone->nr_spans - zone->grow_span) * sizeof(*span));
	}
	if (zone->grow_span < zone->nr_spans)
		zone->grow_pfn = zone->spans[zone->grow_span].start_pfn;
}

bool zone_grow(struct zone *zone)
{
	struct section_offer offer = { .zone = zone };
	struct pfn_span piece = { 0, 0 };
	bool is_up = false;

	spin_lock(&zone->grow_lock);
	if (zone->grow_span < zone->nr_spans) {
		piece = next_piece(zone);
		offer.head = piece;
		is_up = section_bring_up(pfn_to_section(piece.start_pfn), &offer);
	}
	if (is_up) {
		hand_over(zone, &offer, piece.end_pfn - piece.start_pfn);
		advance(zone, piece.end_pfn);
	} else if (piece.end_pfn - piece.start_pfn < TABLE_PAGES_PER_MAPPING &&
		   piece.end_pfn != 0) {
		drop(zone, piece);
		is_up = true;
	}
	spin_unlock(&zone->grow_lock);
	return is_up;
}
