/* Chapters 8 and 9: struct pglist_data field by field, and the zones of each node. */

#include "kthread.h"
#include "lib/align.h"
#include "log.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/backoff.h"
#include "mm/page/shown.h"
#include "mm/page_alloc.h"
#include "mm/reclaim.h"
#include "tests/lecture/lecture.h"

#define MAX_SHOWN	4u	/* nodes in full; the others have a line each */
#define MAX_LINES	32u
#define SPAN_WIDTH	60u
#define BAR_WIDTH	24u
#define WOKEN_ORDER	3u
#define MAX_YIELDS	1000u
#define TAKEN_ORDER	8u	/* 1 MiB: no CPU's stack has such blocks */
#define MAX_TAKEN	16u

static unsigned nr_waiters(struct wait_queue *queue)
{
	unsigned nr = 0;

	spin_lock(&queue->lock);
	list_for_each(at, &queue->waiters)
		nr++;
	spin_unlock(&queue->lock);
	return nr;
}

static bool is_pfn_present(const struct pglist_data *node, pfn_t start_pfn, pfn_t end_pfn)
{
	const struct topology_node *described = &live.topology.nodes[node->node_id];

	for (uint32_t i = 0; i < described->nr_memory; i++) {
		const struct node_memory *piece =
			&live.topology.memory[described->first_memory + i];

		if (pa_to_pfn(piece->start) < end_pfn && pa_to_pfn(piece->end) > start_pfn)
			return true;
	}
	return false;
}

/* The zone that has a page of these, by its letter; . where there is none. */
static char zone_letter(const struct pglist_data *node, pfn_t start_pfn, pfn_t end_pfn)
{
	static const char letters[MAX_NR_ZONES] = {
		[ZONE_DMA] = 'D', [ZONE_DMA32] = '#', [ZONE_NORMAL] = 'N', [ZONE_MOVABLE] = 'd',
	};

	if (!is_pfn_present(node, start_pfn, end_pfn))
		return '.';
	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &node->node_zones[type];

		if (zone_is_populated(zone) && zone->start_pfn < end_pfn &&
		    zone->end_pfn > start_pfn)
			return letters[type];
	}
	return '.';
}

/* The node's span to scale: its zones, and . holes. */
static void draw_span(const struct pglist_data *node)
{
	char map[SPAN_WIDTH + 1];

	for (unsigned i = 0; i < SPAN_WIDTH; i++) {
		pfn_t start = node->node_start_pfn + node->node_spanned_pages * i / SPAN_WIDTH;
		pfn_t end = node->node_start_pfn + node->node_spanned_pages * (i + 1) / SPAN_WIDTH;

		map[i] = zone_letter(node, start, end > start ? end : start + 1);
	}
	map[SPAN_WIDTH] = '\0';
	say("    0x%-9llx |%s| 0x%llx", (ull)node->node_start_pfn, map,
	    (ull)(node->node_start_pfn + node->node_spanned_pages));
}

/* The nodes as pgdat_next links them. */
static void draw_nodes(void)
{
	const struct pglist_data *node = node_data(0);
	char line[160];
	size_t used = 0;

	for (; node && used + 24 < sizeof(line); node = node->pgdat_next)
		used += (size_t)format_text(line + used, sizeof(line) - used, "|node %u|--->",
					    node->node_id);
	say("    %s %s", line, node ? "..." : "0");
}

static void show_fields(struct pglist_data *node)
{
	const unsigned nr_waiting = node->kswapd_wait ? nr_waiters(node->kswapd_wait) : 0;

	say("  node_id             %u", node->node_id);
	say("  node_zones[%u]       0x%llx; nr_zones %d: up to the highest with memory",
	    MAX_NR_ZONES,
	    (ull)(uintptr_t)node->node_zones, node->nr_zones);
	say("  node_zonelists[%u]   %u zones with fallback, %u without", MAX_ZONELISTS,
	    node->node_zonelists[ZONELIST_FALLBACK].nr_zones,
	    node->node_zonelists[ZONELIST_NOFALLBACK].nr_zones);
	say("  node_mem_map        0x%llx: struct page of its first frame",
	    (ull)(uintptr_t)node->node_mem_map);
	say("  bdata               0x%llx: bootmem, %s after %llu changes",
	    (ull)(uintptr_t)node->bdata,
	    node->bdata && node->bdata->is_retired ? "retired" : "in use",
	    (ull)(node->bdata ? node->bdata->nr_changes : 0));
	say("  node_start_pfn      0x%llx", (ull)node->node_start_pfn);
	say("  node_present_pages  %llu", (ull)node->node_present_pages);
	say("  node_spanned_pages  %llu: the range, whatever holes it has",
	    (ull)node->node_spanned_pages);
	say("  pgdat_next          0x%llx", (ull)(uintptr_t)node->pgdat_next);
	say("  kswapd_wait         0x%llx: %u thread%s there now",
	    (ull)(uintptr_t)node->kswapd_wait, nr_waiting, nr_waiting == 1 ? " waits" : "s wait");
	say("  kswapd              0x%llx: its thread, which has had %llu turn%s for this node",
	    (ull)(uintptr_t)node->kswapd, (ull)node->nr_kswapd_runs,
	    plural(node->nr_kswapd_runs));
	say("  kswapd_max_order    %u: largest of the requests it has not answered yet",
	    node->kswapd_max_order);
}

static struct zone *top_zone(struct pglist_data *node)
{
	struct zone *zone = NULL;

	for (unsigned type = 0; type <= ZONE_NORMAL; type++)
		if (zone_is_populated(&node->node_zones[type]))
			zone = &node->node_zones[type];
	return zone;
}

/*
 * Asks until kswapd is told: after work in vain it is left in peace for so many requests
 * (mm/page/backoff.h). Returns which request was heard; 0: none.
 */
static unsigned wake_kswapd(struct pglist_data *node, enum zone_type type)
{
	for (unsigned i = 1; i <= (2u << BACKOFF_MAX_SHIFT); i++) {
		uint64_t before = mm_events_count();

		reclaim_wake(node, WOKEN_ORDER, type);
		if (mm_events_count() != before)
			return i;
	}
	return 0;
}

/* Zones up to @top want all they have: it lacks memory, those below could never have so much. */
static void raise_marks(struct pglist_data *node, const struct zone *top, uint64_t *kept)
{
	for (unsigned type = 0; type <= top->type; type++) {
		struct zone *zone = &node->node_zones[type];

		kept[type] = zone->watermark[WATERMARK_HIGH];
		zone->watermark[WATERMARK_HIGH] = zone->managed_pages + 1;
	}
	node->node_zones[top->type].watermark[WATERMARK_HIGH] =
		top->managed_pages - pages_in(WOKEN_ORDER) - top->watermark_boost -
		top->nr_highatomic_pages;
}

static void lower_marks(struct pglist_data *node, const struct zone *top, const uint64_t *kept)
{
	for (unsigned type = 0; type <= top->type; type++)
		node->node_zones[type].watermark[WATERMARK_HIGH] = kept[type];
}

/* A node that lacks memory: kswapd's fields change, and change back. */
static void show_kswapd(struct pglist_data *node)
{
	struct zone *zone = top_zone(node);
	uint64_t first = mm_events_count(), runs = node->nr_kswapd_runs;
	uint64_t kept[MAX_NR_ZONES];
	unsigned nr_asked, order;

	if (!zone || !node->kswapd_wait)
		return;
	predict("node %u's high marks are raised: it lacks memory. Who notices when it is asked "
		"for %llu pages?",
		node->node_id, (ull)pages_in(WOKEN_ORDER));
	raise_marks(node, zone, kept);
	step("the high mark of %s is %llu pages now, was %llu; %llu are free", zone->name,
	     (ull)zone->watermark[WATERMARK_HIGH], (ull)kept[zone->type],
	     (ull)zone->nr_free_pages);
	nr_asked = wake_kswapd(node, zone->type);
	order = node->kswapd_max_order;
	lower_marks(node, zone, kept);
	step("request %u woke kswapd%s: kswapd_max_order %u", nr_asked,
	     nr_asked > 1 ? ", which was left in peace after work in vain" : "", order);
	tell_events_of(first, 4, 1u << MM_EVENT_KSWAPD);
	for (unsigned i = 0; i < MAX_YIELDS && (node->nr_kswapd_runs == runs ||
						nr_waiters(node->kswapd_wait) == 0); i++)
		thread_yield();
	step("the CPU is yielded: kswapd has its turn, and waits again: %u on kswapd_wait",
	     nr_waiters(node->kswapd_wait));
	reveal("its thread: turns %llu -> %llu; kswapd_max_order is %u again.", (ull)runs,
	       (ull)node->nr_kswapd_runs, node->kswapd_max_order);
}

/* What differs from node to node, of those that are not shown in full. */
static void show_in_short(void)
{
	const unsigned end = (unsigned)min_u64(nr_node_ids(), MAX_LINES);

	if (nr_node_ids() <= MAX_SHOWN)
		return;
	say("The other nodes, a line each: first frame, present and spanned pages, node_mem_map, "
	    "and the span:");
	for (unsigned nid = MAX_SHOWN; nid < end; nid++) {
		const struct pglist_data *node = node_data(nid);

		say("  node_id %u, pglist_data 0x%llx: 0x%llx, %llu of %llu, 0x%llx", nid,
		    (ull)(uintptr_t)node, (ull)node->node_start_pfn,
		    (ull)node->node_present_pages, (ull)node->node_spanned_pages,
		    (ull)(uintptr_t)node->node_mem_map);
		draw_span(node);
	}
	if (end < nr_node_ids())
		say("  and %u more: show=numa has them all", nr_node_ids() - end);
}

static unsigned last_node_with_memory(void)
{
	unsigned last = 0;

	for (unsigned nid = 0; nid < nr_node_ids(); nid++)
		if (node_has_memory(nid))
			last = nid;
	return last;
}

static uint64_t nr_holes(const struct pglist_data *node)
{
	return node->node_spanned_pages - node->node_present_pages;
}

static const struct pglist_data *node_with_most_holes(void)
{
	const struct pglist_data *most = node_data(0);

	for (unsigned nid = 1; nid < nr_node_ids(); nid++)
		if (nr_holes(node_data(nid)) > nr_holes(most))
			most = node_data(nid);
	return most;
}

static unsigned first_node_with_memory(void)
{
	unsigned nid = 0;

	while (nid + 1 < nr_node_ids() && !node_has_memory(nid))
		nid++;
	return nid;
}

void pglist_data_show(void)
{
	const struct pglist_data *holed = node_with_most_holes();
	const struct pglist_data *last = node_data(last_node_with_memory());

	claim("all that is known of a node stands in one structure, struct pglist_data, one for "
	      "each node.");
	/* kswapd answers what the last chapter asked. */
	for (unsigned i = 0; i < MAX_YIELDS; i++)
		thread_yield();
	draw_nodes();
	for (unsigned nid = 0; nid < nr_node_ids() && nid < MAX_SHOWN; nid++) {
		struct pglist_data *node = node_data(nid);

		step("struct pglist_data at 0x%llx; to scale D DMA, # DMA32, N NORMAL, d MOVABLE, "
		     ". holes:", (ull)(uintptr_t)node);
		draw_span(node);
		show_fields(node);
	}
	show_in_short();
	show_kswapd(node_data(first_node_with_memory()));
	wrong("a node's memory is not all alike: some devices reach only the lower part of it.");
	exercise(nr_holes(holed), "frames",
		 "node %u spans %llu frames and has %llu pages: how many frames are holes?",
		 holed->node_id, (ull)holed->node_spanned_pages,
		 (ull)holed->node_present_pages);
	exercise(last->node_spanned_pages * sizeof(struct page) / 1024, "KiB",
		 "from its node_mem_map on, %llu bytes for each frame of its span: how much is "
		 "that for node %u?", (ull)sizeof(struct page), last->node_id);
}

/* ---- Zones ---- */

static uint64_t listed_of(struct zone *zone, unsigned order, unsigned type)
{
	uint64_t nr = 0;

	spin_lock(&zone->lock);
	list_for_each(at, &zone->free_area[order].free_list[type])
		nr++;
	spin_unlock(&zone->lock);
	return nr;
}

static void draw_free_lists(struct zone *zone)
{
	say("    free_area[order].free_list[type], blocks: Unmovable Movable Reclaimable "
	    "HighAtomic Isolate");
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		uint64_t nr_pages = zone->free_area[order].nr_free << order;
		char bar[BAR_WIDTH + 1];

		if (!zone->free_area[order].nr_free)
			continue;
		draw_bar(bar, BAR_WIDTH, nr_pages, zone->managed_pages);
		say("      [%2u] nr_free %6llu |%s| %6llu %6llu %6llu %6llu %6llu", order,
		    (ull)zone->free_area[order].nr_free, bar,
		    (ull)listed_of(zone, order, MIGRATE_UNMOVABLE),
		    (ull)listed_of(zone, order, MIGRATE_MOVABLE),
		    (ull)listed_of(zone, order, MIGRATE_RECLAIMABLE),
		    (ull)listed_of(zone, order, MIGRATE_HIGHATOMIC),
		    (ull)listed_of(zone, order, MIGRATE_ISOLATE));
	}
}

static void account_line(const struct zone *zone, const char *what, uint64_t nr_pages)
{
	char bar[BAR_WIDTH + 1];

	draw_bar(bar, BAR_WIDTH, nr_pages, zone->present_pages);
	say("    %-28s |%s| %9llu pages", what, bar, (ull)nr_pages);
}

/* All of the zone's RAM: what waits to be described is free memory too. */
static void account(struct zone *zone)
{
	uint64_t nr_stacked = zone_cached_pages(zone);
	uint64_t nr_idle = zone->nr_free_pages + zone->nr_pending_pages + nr_stacked;

	say("  node %u %s, [mem 0x%012llx-0x%012llx], %llu pages of RAM:", zone->node->node_id,
	    zone->name, (ull)pfn_to_pa(zone->start_pfn), (ull)pfn_to_pa(zone->end_pfn) - 1,
	    (ull)zone->present_pages);
	account_line(zone, "free, on the lists", zone->nr_free_pages);
	account_line(zone, "free, mem_map not brought up", zone->nr_pending_pages);
	account_line(zone, "free, on CPUs' stacks", nr_stacked);
	account_line(zone, "in use", zone->managed_pages - nr_idle);
	account_line(zone, "mem_map, boot", zone->present_pages - zone->managed_pages);
}

/* The lines of free_area[] that are no longer as they were. */
static void draw_changes(const struct zone *zone, const uint64_t before[NR_ORDERS])
{
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		uint64_t nr = zone->free_area[order].nr_free;
		char bar[BAR_WIDTH + 1];

		if (nr == before[order])
			continue;
		draw_bar(bar, BAR_WIDTH, nr, max_u64(nr, before[order]));
		say("      [%2u] nr_free %6llu -> %-6llu |%s| of all types", order,
		    (ull)before[order], (ull)nr, bar);
	}
}

static void note_counts(const struct zone *zone, uint64_t counts[NR_ORDERS])
{
	for (unsigned order = 0; order < NR_ORDERS; order++)
		counts[order] = zone->free_area[order].nr_free;
}

static struct page *take_block(const struct zone *zone)
{
	return alloc_pages_node(zone->node->node_id, GFP_KERNEL | __GFP_NOWARN | __GFP_THISNODE,
				TAKEN_ORDER);
}

/*
 * Takes blocks until one had to be split off a larger one, or was another type's; returns how
 * many, at @taken. *@is_split: the last one was split.
 */
static unsigned take_until_split(const struct zone *zone, struct page *taken[MAX_TAKEN],
				 bool *is_split)
{
	uint64_t counts[NR_ORDERS], first;
	unsigned nr = 0;

	*is_split = false;
	while (nr < MAX_TAKEN && !*is_split) {
		note_counts(zone, counts);
		first = mm_events_count();
		taken[nr] = take_block(zone);
		if (!taken[nr])
			break;
		step("block %u: frame 0x%llx, of node %u %s", nr + 1, (ull)page_to_pfn(taken[nr]),
		     page_to_nid(taken[nr]), page_zone(taken[nr])->name);
		nr++;
		tell_events_of(first, 1, 1u << MM_EVENT_STEAL);
		*is_split = tell_events_of(first, MAX_ORDER, 1u << MM_EVENT_SPLIT) != 0;
		draw_changes(zone, counts);
	}
	return nr;
}

/* The lists that unmovable pages come from, of the orders that have to do with it. */
static void draw_unmovable(struct zone *zone)
{
	for (unsigned order = TAKEN_ORDER; order < NR_ORDERS; order++)
		say("      [%2u] Unmovable %6llu block%s", order,
		    (ull)listed_of(zone, order, MIGRATE_UNMOVABLE),
		    plural(listed_of(zone, order, MIGRATE_UNMOVABLE)));
}

/* Blocks leave the zone's lists, and come back to them. */
static void show_taking(struct zone *zone)
{
	struct page *taken[MAX_TAKEN];
	uint64_t counts[NR_ORDERS], first, nr_listed;
	bool is_split;
	unsigned nr;

	drain_all_pages();	/* pages from the CPUs' stacks would merge meanwhile */
	say("Blocks of order %u, %llu MiB, are taken from node %u %s for the kernel, type "
	    "Unmovable, while there are:", TAKEN_ORDER, (ull)(PAGE_SIZE << TAKEN_ORDER >> 20),
	    zone->node->node_id, zone->name);
	draw_unmovable(zone);
	nr_listed = listed_of(zone, TAKEN_ORDER, MIGRATE_UNMOVABLE);
	predict("which of these requests is the first for which a larger block of that type is "
		"split?");
	nr = take_until_split(zone, taken, &is_split);
	if (is_split)
		reveal("the one for block %u: the list of order %u had had %llu.", nr, TAKEN_ORDER,
		       (ull)nr_listed);
	else
		reveal("none of %u: the list of order %u had had %llu.", nr, TAKEN_ORDER,
		       (ull)nr_listed);
	note_counts(zone, counts);
	first = mm_events_count();
	for (unsigned i = 0; i < nr; i++)
		__free_pages(taken[i], TAKEN_ORDER);
	step("all %u are given back, and each joins its buddy if that is free:", nr);
	tell_events_of(first, MAX_ORDER, 1u << MM_EVENT_MERGE);
	draw_changes(zone, counts);
}

static void show_growing(struct zone *zone)
{
	const uint64_t nr_pending = zone->nr_pending_pages, first = mm_events_count();

	if (!nr_pending) {
		say("All of it has been brought up: somebody has needed it (chapter 7 needs all).");
		return;
	}
	predict("%llu pages of it are not brought up yet. How many are when somebody needs one?",
		(ull)nr_pending);
	zone_grow(zone);
	tell_events_of(first, 2, 1u << MM_EVENT_GROW);
	reveal("%llu, a section of %llu MiB or what is left of one; %llu wait on.",
	       (ull)(nr_pending - zone->nr_pending_pages),
	       (ull)(SECTION_PAGES * PAGE_SIZE >> 20), (ull)zone->nr_pending_pages);
	account(zone);
	draw_free_lists(zone);
}

static void show_reach(void)
{
	say("Zones are about who can reach what. The 32-bit machine, 4 GiB, a letter for 64 MiB (D "
	    "ends at 16, N at 896):");
	say("    |DNNNNNNNNNNNNNHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH| DMA, NORMAL, "
	    "HIGHMEM");
	say("HIGHMEM had no address of its own in the kernel. Here all RAM has one: DMA below 16 "
	    "MiB,");
	say("DMA32 below 4 GiB, NORMAL above, and MOVABLE where movablecore= asks for it.");
}

static void show_zone_in_short(const struct zone *zone)
{
	char bar[BAR_WIDTH + 1];

	draw_bar(bar, BAR_WIDTH, zone->nr_free_pages, zone->present_pages);
	say("  node %u %-8s free on the lists |%s| %llu of %llu pages, %llu not brought up",
	    zone->node->node_id, zone->name, bar, (ull)zone->nr_free_pages,
	    (ull)zone->present_pages, (ull)zone->nr_pending_pages);
}

/* All zones, of the first nodes in full. */
static void show_zones(void)
{
	unsigned nr_short = 0;

	for_each_populated_zone(zone) {
		if (zone->node->node_id < MAX_SHOWN) {
			account(zone);
			draw_free_lists(zone);
			continue;
		}
		if (nr_short++ == 0)
			say("The zones of the other nodes, a line each (show=zoneinfo has all):");
		if (nr_short <= MAX_LINES)
			show_zone_in_short(zone);
	}
	if (nr_short > MAX_LINES)
		say("  and %u more", nr_short - MAX_LINES);
}

/* The zone that a request of the kernel to the last node that has one is served by first. */
static struct zone *zone_of_requests(void)
{
	struct zone *last = NULL;

	for (unsigned nid = 0; nid < nr_node_ids(); nid++)
		if (top_zone(node_data(nid)))
			last = top_zone(node_data(nid));
	return last;
}

void zone_show(void)
{
	struct zone *last = zone_of_requests();
	struct zone_facts facts;

	claim("a zone is the part of a node that one kind of request can use; its free memory is "
	      "free_area[].");
	show_reach();
	show_zones();
	if (last)
		show_taking(last);
	if (last)
		show_growing(last);
	facts = zone_measure();
	say("%u zone%s; in each the free areas add up to its free pages: %s.", facts.nr_zones,
	    plural(facts.nr_zones), facts.free_areas_add_up ? "yes" : "NO");
	wrong("nothing; but given back an address alone, how are cache, slab and size found "
	      "again?");
	if (!last)
		return;
	exercise(last->end_pfn - last->start_pfn - last->present_pages, "frames",
		 "zone %s of node %u: spanned %llu, present %llu. How many frames are holes?",
		 last->name, last->node->node_id, (ull)(last->end_pfn - last->start_pfn),
		 (ull)last->present_pages);
	exercise(last->free_area[MAX_ORDER].nr_free << MAX_ORDER, "pages",
		 "free_area[%u].nr_free of it is %llu: how many pages are that?", MAX_ORDER,
		 (ull)last->free_area[MAX_ORDER].nr_free);
}
