/* Chapter 7: local memory first; what happens, node by node, when it runs out. */

#include "arch.h"
#include "arch/x86_64/insn.h"
#include "lib/align.h"
#include "lib/string.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/nodes.h"

#define MAX_SHOWN	8u
#define MAX_SERVED	512u	/* zones */
#define MAX_STEPS	16u
#define EXHAUST_NS	8000000000ull	/* huge machines are not emptied for a lecture */
#define NR_BLOCKS_A_LOOK 64u	/* between looks at the clock */
#define BAR_WIDTH	32u
#define LATENCY_WIDTH	20u
#define NR_ROUNDS	8u
#define MOST_DISTANCE	40u	/* of the drawing */
#define NR_READS	4096u
#define WALK_ORDER	6u
#define LINE_BYTES	64u
#define TENTHS		10u

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
	if (nr_node_ids() > MAX_SHOWN)
		say("    and %u nodes more: show=numa has them all", nr_node_ids() - MAX_SHOWN);
}

/*
 * Reads every line of @bytes at @at, which no cache has then, from one to the next, so
 * that none is fetched ahead.
 */
static uint64_t cycles_of_reads(const uint8_t *at, uint64_t bytes)
{
	uint64_t started, offset = 0;

	for (uint64_t line = 0; line < bytes; line += LINE_BYTES)
		clflush(at + line);
	mfence();
	started = arch_cycles();
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

/* The nearest and the farthest of those that were timed, by the table and by the clock. */
static void reveal_latency(struct page *const pages[MAX_SHOWN], const uint64_t cycles[MAX_SHOWN])
{
	const unsigned here = numa_node_id();
	unsigned near = NID_NONE, far = NID_NONE;
	uint64_t by_table, by_clock;

	for (unsigned nid = 0; nid < MAX_SHOWN; nid++) {
		if (!pages[nid])
			continue;
		if (near == NID_NONE || node_distance(here, nid) < node_distance(here, near))
			near = nid;
		if (far == NID_NONE || node_distance(here, nid) > node_distance(here, far))
			far = nid;
	}
	if (near == far) {
		if (near != NID_NONE)
			reveal("%llu cycles, and all memory is as far: there is nothing to "
			       "compare.", (ull)cycles[near]);
		return;
	}
	by_table = node_distance(here, far) * TENTHS / node_distance(here, near);
	by_clock = cycles[far] * TENTHS / max_u64(1, cycles[near]);
	reveal("node %u is %llu.%llu times as far as node %u by the table, and a read of it takes "
	       "%llu.%llu times as long by the clock%s", far, (ull)(by_table / TENTHS),
	       (ull)(by_table % TENTHS), near, (ull)(by_clock / TENTHS),
	       (ull)(by_clock % TENTHS),
	       by_clock < (by_table + TENTHS) / 2 ? ":" : ".");
	if (by_clock < (by_table + TENTHS) / 2)
		say("the clock does not see what the table says: in an emulator all memory is "
		    "alike, whatever its table.");
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
	say("  The least of %u rounds of %u reads, each of a line that no cache has, each after "
	    "the other:", NR_ROUNDS, NR_READS);
	for (unsigned nid = 0; nid < MAX_SHOWN; nid++)
		if (pages[nid])
			draw_latency(nid, cycles[nid], most);
	reveal_latency(pages, cycles);
	for (unsigned nid = 0; nid < MAX_SHOWN; nid++)
		if (pages[nid])
			__free_pages(pages[nid], WALK_ORDER);
}

/* Who served the requests for one node, in the order in which they began to. */
static struct served {
	const struct zone *zone;
	uint64_t nr_blocks;
} served[MAX_SERVED];

/* What was told on the way: the first of each kind, and all pages that were brought up. */
static struct {
	bool is_told[NR_MM_EVENT_KINDS];
	struct mm_event first[NR_MM_EVENT_KINDS];
	uint64_t nr_grown_pages;
	unsigned nr_rounds;	/* through the list of zones */
	uint64_t nr_later;	/* blocks that came in other rounds than the first */
	uint64_t next;		/* event to be looked at */
} way;

static void look_at_events(void)
{
	struct mm_event event;

	for (; mm_event_get(way.next, &event); way.next++) {
		if (event.kind == MM_EVENT_GROW)
			way.nr_grown_pages += event.nr;
		if (way.is_told[event.kind])
			continue;
		way.is_told[event.kind] = true;
		way.first[event.kind] = event;
	}
}

static struct served *find_served(const struct zone *zone, unsigned nr_served)
{
	for (unsigned i = 0; i < nr_served; i++)
		if (served[i].zone == zone)
			return &served[i];
	return NULL;
}

static uint32_t place_in_list(unsigned nid, const struct zone *zone)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];
	uint32_t place = 0;

	while (place < list->nr_zones && list->zones[place] != zone)
		place++;
	return place;
}

/*
 * A block for @nid was given by @zone, the one before by @last or none. Where that stands
 * behind @zone in the list, this has been gone through anew. Returns how many have served.
 */
static unsigned note_served(unsigned nid, unsigned nr_served, const struct zone *last,
			    const struct zone *zone)
{
	struct served *found = find_served(zone, nr_served);

	if (!last || (last != zone && place_in_list(nid, zone) < place_in_list(nid, last)))
		way.nr_rounds++;
	way.nr_later += way.nr_rounds > 1;
	if (!found && nr_served < ARRAY_SIZE(served)) {
		found = &served[nr_served++];
		*found = (struct served){ .zone = zone };
	}
	if (found)
		found->nr_blocks++;
	return nr_served;
}

/*
 * Takes the largest blocks for @nid until nobody has one, or it takes too long: *@is_whole
 * says which. The blocks are linked by their pages.
 */
static unsigned exhaust(unsigned nid, struct page **taken, bool *is_whole)
{
	const uint64_t end_ns = arch_now_ns() + EXHAUST_NS;
	const struct zone *last = NULL;
	unsigned nr_served = 0;

	*taken = NULL;
	*is_whole = false;
	memset(&way, 0, sizeof(way));
	way.next = mm_events_count();
	for (unsigned i = 1; i % NR_BLOCKS_A_LOOK || arch_now_ns() < end_ns; i++) {
		struct page *page = alloc_pages_node(nid, GFP_NOWAIT | __GFP_NOWARN, MAX_ORDER);

		look_at_events();
		if (!page) {
			*is_whole = true;
			break;
		}
		page->private[0] = *taken;
		*taken = page;
		nr_served = note_served(nid, nr_served, last, page_zone(page));
		last = page_zone(page);
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

static void tell_way(void)
{
	const struct mm_event *woken = &way.first[MM_EVENT_KSWAPD];
	const struct mm_event *fallback = &way.first[MM_EVENT_FALLBACK];

	if (way.nr_later)
		say("    %llu of these block%s came in a later round through the list: down to the "
		    "min marks, not the low ones", (ull)way.nr_later, plural(way.nr_later));
	if (way.is_told[MM_EVENT_GROW])
		say("    on the way %llu pages that waited without mem_map were brought up, first "
		    "of node %u %s", (ull)way.nr_grown_pages, way.first[MM_EVENT_GROW].nid,
		    way.first[MM_EVENT_GROW].name);
	if (way.is_told[MM_EVENT_FALLBACK])
		say("    the first request for node %llu that another node served: node %u %s",
		    (ull)fallback->nr, fallback->nid, fallback->name);
	if (way.is_told[MM_EVENT_KSWAPD])
		say("    kswapd of node %u was woken for order %u: memory is below its low mark",
		    woken->nid, woken->order);
}

/* Zones of the list that gave nothing, and what they keep for requests that need them. */
static void tell_skipped(unsigned nid, unsigned nr_served)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];

	for (uint32_t i = 0; i < list->nr_zones; i++) {
		const struct zone *zone = list->zones[i];

		if (find_served(zone, nr_served))
			continue;
		if (zone->type == ZONE_MOVABLE)
			say("    node %u %s served none: it is for pages that can be moved",
			    zone->node->node_id, zone->name);
		else
			say("    node %u %s served none: %llu pages free, %llu kept from requests "
			    "that can go higher, min mark %llu, %llu blocks of order %u",
			    zone->node->node_id, zone->name,
			    (ull)(zone->nr_free_pages + zone->nr_pending_pages),
			    (ull)zone->lowmem_reserve[ZONE_NORMAL],
			    (ull)zone->watermark[WATERMARK_MIN],
			    (ull)zone->free_area[MAX_ORDER].nr_free, MAX_ORDER);
	}
}

static void draw_served(unsigned nid, const struct served *by)
{
	const struct zone *zone = by->zone;
	char bar[BAR_WIDTH + 1];

	draw_bar(bar, BAR_WIDTH, by->nr_blocks << MAX_ORDER, zone->present_pages);
	step("node %u %-8s distance %3u |%s| %4llu block%s of its %llu MiB", zone->node->node_id,
	     zone->name, node_distance(nid, zone->node->node_id), bar, (ull)by->nr_blocks,
	     plural(by->nr_blocks), (ull)(zone->present_pages * PAGE_SIZE >> 20));
}

/* Returns how many blocks came from other nodes. */
static uint64_t show_running_out(unsigned nid)
{
	struct page *taken;
	uint64_t nr_far = 0;
	unsigned nr_served;
	bool is_whole;

	predict("node %u is asked for blocks of %llu KiB until there are none. Who serves, in "
		"what order?",
		nid, (ull)(PAGE_SIZE << MAX_ORDER >> 10));
	nr_served = exhaust(nid, &taken, &is_whole);
	for (unsigned i = 0; i < nr_served; i++) {
		if (i < MAX_STEPS)
			draw_served(nid, &served[i]);
		if (served[i].zone->node->node_id != nid)
			nr_far += served[i].nr_blocks;
	}
	if (nr_served > MAX_STEPS)
		say("    and %u zones more", nr_served - MAX_STEPS);
	tell_way();
	if (is_whole)
		tell_skipped(nid, nr_served);
	reveal("%u zone%s, in the order of its list, gone through %u time%s; then %s All is given "
	       "back.", nr_served, plural(nr_served), way.nr_rounds, plural(way.nr_rounds),
	       is_whole ? "NULL." : "it was stopped: a machine so large takes too long.");
	give_all(taken);
	return nr_far;
}

static void show_list(unsigned nid)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];
	char line[180];
	size_t used = 0;
	uint32_t i = 0;

	line[0] = '\0';
	for (; i < list->nr_zones && used + 24 < sizeof(line); i++)
		used += (size_t)format_text(line + used, sizeof(line) - used, " -> %u %s",
					    list->zones[i]->node->node_id, list->zones[i]->name);
	say("    node %u%s%s", nid, line, i < list->nr_zones ? " -> ..." : "");
}

/* Of all memory from @nid, each page counting the same, rounded down. */
static uint64_t mean_distance(unsigned nid)
{
	uint64_t sum = 0, nr_pages = 0;

	for (unsigned to = 0; to < nr_node_ids(); to++) {
		sum += node_distance(nid, to) * node_data(to)->node_present_pages;
		nr_pages += node_data(to)->node_present_pages;
	}
	return nr_pages ? sum / nr_pages : 0;
}

void numa_show(void)
{
	struct numa_facts facts = numa_measure();
	unsigned nid = numa_node_id();
	uint64_t nr_far;

	claim("memory of one's own node is faster: take it from there, and from the next when it "
	      "runs out.");
	say("%u node%s, %u with memory; %u of them served a request for themselves.",
	    facts.nr_nodes, plural(facts.nr_nodes), facts.nr_with_memory, facts.nr_local);
	if (facts.nr_nodes == 1)
		say("This machine is uniform (UMA): one node, and no other to go to.");
	show_distances();
	show_latency();
	say("Where each node's requests go, zone by zone:");
	for (unsigned at = 0; at < facts.nr_nodes && at < MAX_SHOWN; at++)
		show_list(at);
	nr_far = show_running_out(nid);
	wrong("nothing so far; but who knows a node's zones, lists and thread? A structure for "
	      "each node.");
	exercise(mean_distance(nid), "",
		 "pages of all this machine's memory alike, seen from node %u: what is their mean "
		 "distance, rounded down?", nid);
	exercise(nr_far * (PAGE_SIZE << MAX_ORDER) >> 20, "MiB",
		 "of the blocks that were taken for node %u, how much memory was not its own?",
		 nid);
}
