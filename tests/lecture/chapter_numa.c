/* Chapter 7: local memory first; what happens, node by node, when it runs out. */

#include "arch.h"
#include "lib/align.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/nodes.h"

#define MAX_SHOWN	8u
#define MAX_BLOCKS	8192u	/* 32 GiB: larger machines are not emptied for a lecture */
#define BAR_WIDTH	32u
#define LATENCY_WIDTH	20u
#define NR_ROUNDS	8u
#define MOST_DISTANCE	40u	/* of the drawing */
#define NR_READS	4096u
#define WALK_ORDER	6u

static uint64_t pending_pages_of(unsigned nid)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		if (zone->node->node_id == nid)
			nr_pages += zone->nr_pending_pages;
	return nr_pages;
}

static void show_distances(void)
{
	unsigned nr = nr_node_ids() < MAX_SHOWN ? nr_node_ids() : MAX_SHOWN;

	say("  distances (SLIT's; 10 is local):");
	for (unsigned from = 0; from < nr; from++) {
		char line[100];
		size_t used = 0;

		line[0] = '\0';
		for (unsigned to = 0; to < nr; to++)
			used += (size_t)format_text(line + used, sizeof(line) - used, " %4u",
						    node_distance(from, to));
		say("    node %u %s   %llu MiB, %llu of them not brought up yet%s", from,
		    line, (ull)(node_data(from)->node_present_pages * PAGE_SIZE >> 20),
		    (ull)(pending_pages_of(from) * PAGE_SIZE >> 20),
		    from == numa_node_id() ? ", this CPU's" : "");
	}
}

/* Reads every line of @bytes at @at, from one to the next, so that none is fetched ahead. */
static uint64_t cycles_of_reads(const uint8_t *at, uint64_t bytes)
{
	uint64_t started = arch_cycles();
	uint64_t offset = 0;

	for (unsigned i = 0; i < NR_READS; i++)
		offset = (offset + 4160 + ((volatile const uint8_t *)at)[offset]) % bytes;
	return (arch_cycles() - started) / NR_READS;
}

/* The least of NR_ROUNDS, in which the nodes take turns, so that none is always first. */
static void time_nodes(struct page *const pages[MAX_SHOWN], uint64_t cycles[MAX_SHOWN])
{
	for (unsigned nid = 0; nid < MAX_SHOWN; nid++)
		cycles[nid] = UINT64_MAX;
	for (unsigned round = 0; round < NR_ROUNDS; round++)
		for (unsigned nid = 0; nid < MAX_SHOWN; nid++)
			if (pages[nid])
				cycles[nid] = min_u64(cycles[nid], cycles_of_reads(
					page_address(pages[nid]), PAGE_SIZE << WALK_ORDER));
}

static void draw_latency(unsigned nid, uint64_t cycles, uint64_t most)
{
	unsigned distance = node_distance(numa_node_id(), nid);
	char by_table[LATENCY_WIDTH + 1], by_clock[LATENCY_WIDTH + 1];

	draw_bar(by_table, LATENCY_WIDTH, min_u64(distance, MOST_DISTANCE), MOST_DISTANCE);
	draw_bar(by_clock, LATENCY_WIDTH, cycles, most);
	say("    node %u distance %3u |%s| read %4llu cycles |%s|", nid, distance, by_table,
	    (ull)cycles, by_clock);
}

static void show_latency(void)
{
	struct page *pages[MAX_SHOWN] = { NULL };
	uint64_t cycles[MAX_SHOWN], most = 0;

	predict("what does a read cost from this CPU, of its own memory and of other nodes'? By "
		"the table, and by the clock?");
	for (unsigned nid = 0; nid < nr_node_ids() && nid < MAX_SHOWN; nid++)
		if (node_has_memory(nid))
			pages[nid] = alloc_pages_node(nid, GFP_KERNEL | __GFP_ZERO |
						      __GFP_THISNODE, WALK_ORDER);
	time_nodes(pages, cycles);
	for (unsigned nid = 0; nid < MAX_SHOWN; nid++)
		if (pages[nid])
			most = max_u64(most, cycles[nid]);
	for (unsigned nid = 0; nid < MAX_SHOWN; nid++) {
		if (!pages[nid])
			continue;
		draw_latency(nid, cycles[nid], most);
		__free_pages(pages[nid], WALK_ORDER);
	}
	reveal("each waited for the one before; an emulator has one kind of memory, whatever its "
	       "table says.");
}

/* Who served the requests for one node, in the order in which they began to. */
struct served {
	const struct zone *zone;
	uint64_t nr_blocks;
};

static struct served served[MAX_SHOWN * MAX_NR_ZONES];

static unsigned note_served(unsigned nr_served, const struct zone *zone)
{
	if (nr_served == 0 || served[nr_served - 1].zone != zone) {
		if (nr_served == ARRAY_SIZE(served))
			return nr_served;
		served[nr_served++] = (struct served){ .zone = zone };
	}
	served[nr_served - 1].nr_blocks++;
	return nr_served;
}

/* Takes the largest blocks for @nid until nobody has one; they are linked by their pages. */
static unsigned exhaust(unsigned nid, struct page **taken)
{
	unsigned nr_served = 0;

	*taken = NULL;
	for (unsigned i = 0; i < MAX_BLOCKS; i++) {
		struct page *page = alloc_pages_node(nid, GFP_NOWAIT | __GFP_NOWARN, MAX_ORDER);

		if (!page)
			break;
		page->private[0] = *taken;
		*taken = page;
		nr_served = note_served(nr_served, page_zone(page));
	}
	return nr_served;
}

static void give_all(struct page *taken)
{
	while (taken) {
		struct page *next = taken->private[0];

		__free_pages(taken, MAX_ORDER);
		taken = next;
	}
}

static void tell_first(enum mm_event_kind kind, uint64_t from)
{
	struct mm_event event;

	for (; mm_event_get(from, &event); from++) {
		if (event.kind != kind)
			continue;
		if (kind == MM_EVENT_GROW)
			say("    on the way %llu pages that waited without mem_map were brought up "
			    "(node %u %s)",
			    (ull)event.nr, event.nid, event.name);
		else if (kind == MM_EVENT_KSWAPD)
			say("    kswapd of node %u was woken for order %u: memory is below its "
			    "low mark",
			    event.nid, event.order);
		else
			say("    the first request for node %llu that another node served: node "
			    "%u %s",
			    (ull)event.nr, event.nid, event.name);
		return;
	}
}

/* Whether those who served stand in the node's list in the same order. */
static bool is_served_as_listed(unsigned nid, unsigned nr_served)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];
	unsigned nr_found = 0;

	for (uint32_t i = 0; i < list->nr_zones && nr_found < nr_served; i++)
		nr_found += list->zones[i] == served[nr_found].zone;
	return nr_found == nr_served;
}

static void show_running_out(unsigned nid)
{
	uint64_t first = mm_events_count();
	struct page *taken;
	unsigned nr_served;

	predict("node %u is asked for blocks of %llu KiB until there are none. Who serves, in "
		"what order?",
		nid, (ull)(PAGE_SIZE << MAX_ORDER >> 10));
	nr_served = exhaust(nid, &taken);
	for (unsigned i = 0; i < nr_served; i++) {
		const struct zone *zone = served[i].zone;
		char bar[BAR_WIDTH + 1];

		draw_bar(bar, BAR_WIDTH, served[i].nr_blocks << MAX_ORDER, zone->present_pages);
		step("node %u %-8s distance %3u |%s| %4llu blocks of its %llu MiB",
		     zone->node->node_id, zone->name,
		     node_distance(nid, zone->node->node_id), bar, (ull)served[i].nr_blocks,
		     (ull)(zone->present_pages * PAGE_SIZE >> 20));
	}
	if (mm_events_count() > first + 4000)
		first = mm_events_count() - 4000;
	tell_first(MM_EVENT_GROW, first);
	tell_first(MM_EVENT_FALLBACK, first);
	tell_first(MM_EVENT_KSWAPD, first);
	reveal("%u zones, in the order of its list: %s; then NULL. All is given back.", nr_served,
	       is_served_as_listed(nid, nr_served) ? "yes" : "NO");
	give_all(taken);
}

static void show_list(unsigned nid)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];
	char line[180];
	size_t used = 0;

	line[0] = '\0';
	for (uint32_t i = 0; i < list->nr_zones && used + 24 < sizeof(line); i++)
		used += (size_t)format_text(line + used, sizeof(line) - used, " -> %u %s",
					    list->zones[i]->node->node_id, list->zones[i]->name);
	say("    node %u%s", nid, line);
}

void numa_show(void)
{
	struct numa_facts facts = numa_measure();
	unsigned nid = numa_node_id();

	claim("memory of one's own node is faster: take it from there, and from the next when it "
	      "runs out.");
	say("%u nodes, %u with memory; %u of them served a request for themselves.", facts.nr_nodes,
	    facts.nr_with_memory, facts.nr_local);
	if (facts.nr_nodes == 1)
		say("This machine is uniform (UMA): one node, and no other to go to.");
	show_distances();
	show_latency();
	say("Where each node's requests go, zone by zone:");
	for (unsigned at = 0; at < facts.nr_nodes && at < MAX_SHOWN; at++)
		show_list(at);
	show_running_out(nid);
	wrong("nothing so far; but who knows a node's zones, lists and thread? A structure for "
	      "each node.");
	exercise(facts.fallback_nid == NID_NONE ? 0 : facts.fallback_nid, "",
		 "node 0 is full: the number of the node that serves its next request (0: there "
		"is none)?");
	exercise(facts.fallback_nid == NID_NONE ? node_distance(0, 0) :
			 node_distance(0, facts.fallback_nid), "",
		 "and how far away, by the firmware's table, is that?");
}
