/* Chapter 4: blocks of 2^order pages, split downwards and merged upwards. */

#include "lib/align.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/buddy_told.h"
#include "mm/page/page_slow.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"

#define REQUEST_BYTES	0x4000ull
#define MAX_HELD	512u
#define TREE_WIDTH	64u
#define NR_WASTES	6u

static struct page *held[MAX_HELD];

static struct zone *largest_zone(void)
{
	struct zone *largest = NULL;

	for_each_populated_zone(zone)
		if (!largest || zone->nr_free_pages > largest->nr_free_pages)
			largest = zone;
	return largest;
}

static void draw_lists(struct zone *zone, const char *when)
{
	char line[160];
	size_t used = 0;

	for (unsigned order = 0; order < NR_ORDERS; order++)
		used += (size_t)format_text(line + used, sizeof(line) - used, " %5llu",
					    (ull)zone->free_area[order].nr_free);
	say("    order        0     1     2     3     4     5     6     7     8     9    10");
	say("    %-6s  %s", when, line);
}

/* The order of the block that a request of @order would be cut from. */
static unsigned order_to_split(const struct zone *zone, unsigned order)
{
	while (order < MAX_ORDER &&
	       list_is_empty(&zone->free_area[order].free_list[MIGRATE_UNMOVABLE]))
		order++;
	return order;
}

/* Under the zone's lock, past the CPU's stacks: the lists are what is shown. */
static struct page *take(struct zone *zone, unsigned order)
{
	struct page *page;

	spin_lock(&zone->lock);
	page = buddy_take_told(zone, order, MIGRATE_UNMOVABLE);
	if (page)
		page_set_state(page, make_page_state(PAGE_USER, order, zone->index, 1));
	spin_unlock(&zone->lock);
	return page;
}

static void give(struct zone *zone, struct page *page, unsigned order)
{
	spin_lock(&zone->lock);
	buddy_free_told(zone, page, order);
	spin_unlock(&zone->lock);
}

/* One line a level: what is taken, and the upper half that goes to a list. */
static void draw_tree(const struct zone *zone, const struct page *page, unsigned order,
		      unsigned block_order)
{
	pfn_t pfn = zone_page_to_pfn(zone, page);

	for (unsigned at = block_order; at >= order; at--) {
		char bar[TREE_WIDTH + 1];
		unsigned width = (unsigned)max_u64(TREE_WIDTH >> (block_order - at), 1);

		draw_bar(bar, width, 1, at == order ? 1 : 2);
		say("   order %2u |%s| 0x%llx..0x%llx%s", at, bar, (ull)pfn,
		    (ull)(pfn + pages_in(at) - 1), at == order ? ": given out" : "");
		if (at == order)
			break;
		step("the upper half, frame 0x%llx, goes to free_area[%u]",
		     (ull)(pfn + pages_in(at - 1)), at - 1);
	}
}

/* What is there in the size that is wanted is used up, so that the next one is split. */
static unsigned use_up(struct zone *zone, unsigned order)
{
	unsigned nr = 0;

	while (nr < MAX_HELD && order_to_split(zone, order) == order &&
	       (held[nr] = take(zone, order)))
		nr++;
	return nr;
}

/* Returns the order of the block that was split, for the exercise. */
static unsigned show_split_and_merge(struct zone *zone, unsigned order)
{
	unsigned nr_held = use_up(zone, order);
	unsigned expected = order_to_split(zone, order);
	uint64_t first_event;
	struct page *page;

	if (nr_held)
		say("  (%u blocks of order %u that were there are taken first, so that one must "
		    "be split)",
		    nr_held, order);
	draw_lists(zone, "before");
	predict("which block will be split? Read it off the line above.");
	first_event = mm_events_count();
	page = take(zone, order);
	if (page) {
		reveal("one of order %u, at frame 0x%llx:", expected,
		       (ull)zone_page_to_pfn(zone, page));
		draw_tree(zone, page, order, expected);
		tell_events(first_event, 4);
		draw_lists(zone, "after");
		predict("now it is freed. Its buddy is 0x%llx xor 0x%llx. How far up does it "
			"merge?",
			(ull)zone_page_to_pfn(zone, page), (ull)pages_in(order));
		first_event = mm_events_count();
		give(zone, page, order);
		reveal("as far as it was split: each buddy lies free where it was left.");
		tell_events(first_event, MAX_ORDER);
		draw_lists(zone, "merged");
	}
	while (nr_held > 0)
		give(zone, held[--nr_held], order);
	return expected;
}

static void show_waste(void)
{
	static const uint64_t sizes[NR_WASTES] = { 4, 100, 4096, 4097, 0x4000, 0x4001 };

	say("What a request wastes when pages are the unit:");
	for (unsigned i = 0; i < NR_WASTES; i++) {
		unsigned order = order_for_pages(bytes_to_pages(sizes[i]));
		uint64_t given = PAGE_SIZE << order;
		char bar[33];

		draw_bar(bar, 32, given - sizes[i], given);
		say("    %6llu bytes: order %u, %6llu bytes, wasted |%s| %3llu %%", (ull)sizes[i],
		    order, (ull)given, bar, (ull)((given - sizes[i]) * 100 / given));
	}
}

void buddy_show(void)
{
	unsigned order = order_for_pages(bytes_to_pages(REQUEST_BYTES));
	struct zone *zone = largest_zone();
	unsigned split_order;

	claim("keep free memory as blocks of 2^order pages, and neither taking nor joining needs "
	      "a search.");
	say("0x%llx bytes are %llu pages are a block of order %u, on node %u's zone %s:",
	    (ull)REQUEST_BYTES, (ull)bytes_to_pages(REQUEST_BYTES), order, zone->node->node_id,
	    zone->name);
	split_order = show_split_and_merge(zone, order);
	show_waste();
	wrong("4 bytes take a page; and blocks are split and merged for each short-lived object");
	say("(the CPUs' stacks of pages keep that away here; objects need something of their "
	    "own).");
	exercise(split_order - order, "halvings",
		 "the block found had order %u, order %u was wanted: how many times was it halved?",
		 split_order, order);
	exercise(zone->nr_free_pages >> MAX_ORDER, "blocks",
		 "zone %s of node %u has %llu free pages: how many blocks of order %u at most?",
		 zone->name, zone->node->node_id, (ull)zone->nr_free_pages, MAX_ORDER);
}
