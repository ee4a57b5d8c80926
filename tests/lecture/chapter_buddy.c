/* Chapter 4: blocks of 2^order pages, split downwards and merged upwards. */

#include "lib/align.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/buddy_told.h"
#include "mm/page/page_state.h"
#include "mm/page/page_slow.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"

#define REQUEST_BYTES	0x4000ull
#define MAX_HELD	512u
#define NR_USED_UP	3u	/* orders: a block above them is halved as often, or more */
#define ASKED_BYTES	0x5000ull
#define ASKED_ORDER	6u
#define TREE_WIDTH	64u
#define NR_WASTES	6u

static struct page *held[MAX_HELD];

/* Of those that serve the kernel: ZONE_MOVABLE has no unmovable pages. */
static struct zone *largest_zone(void)
{
	struct zone *largest = NULL;

	for_each_populated_zone(zone)
		if (zone->type != ZONE_MOVABLE &&
		    (!largest || zone->nr_free_pages > largest->nr_free_pages))
			largest = zone;
	return largest;
}

/* ---- The lists that requests for unmovable pages are served from ---- */

static uint64_t listed(struct zone *zone, unsigned order)
{
	uint64_t nr = 0;

	spin_lock(&zone->lock);
	list_for_each(at, &zone->free_area[order].free_list[MIGRATE_UNMOVABLE])
		nr++;
	spin_unlock(&zone->lock);
	return nr;
}

static void draw_lists(struct zone *zone, const char *when)
{
	char line[160];
	size_t used = 0;

	for (unsigned order = 0; order < NR_ORDERS; order++)
		used += (size_t)format_text(line + used, sizeof(line) - used, " %5llu",
					    (ull)listed(zone, order));
	say("    order        0     1     2     3     4     5     6     7     8     9    10");
	say("    %-7s %s  blocks on the Unmovable lists", when, line);
}

/* The order of the block that a request of @order would be cut from; NR_ORDERS: none is. */
static unsigned order_to_split(const struct zone *zone, unsigned order)
{
	while (order < NR_ORDERS &&
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

static void give(struct zone *zone, struct page *page)
{
	spin_lock(&zone->lock);
	buddy_free_told(zone, page, page->order);
	spin_unlock(&zone->lock);
}

/* What is there in the sizes from @order on is used up, so that one far above is split. */
static unsigned use_up(struct zone *zone, unsigned order)
{
	unsigned nr = 0;

	for (unsigned at = order; at < order + NR_USED_UP; at++)
		while (nr < MAX_HELD && order_to_split(zone, at) == at &&
		       (held[nr] = take(zone, at)))
			nr++;
	return nr;
}

/*
 * The lists are empty on a machine that has needed little: the rest is Movable. A request
 * takes whole pageblocks over, and what it gives back stands on the lists shown here.
 */
static bool take_over(const struct zone *zone)
{
	const gfp_t of_zone = zone->type == ZONE_DMA ? GFP_DMA :
			      zone->type == ZONE_DMA32 ? GFP_DMA32 : 0;
	struct page *page = alloc_pages_node(zone->node->node_id, GFP_KERNEL | __GFP_THISNODE |
					     __GFP_NOWARN | of_zone, MAX_ORDER);

	if (page)
		__free_pages(page, MAX_ORDER);
	return page != NULL;
}

/* ---- Downwards ---- */

/* The block of @order at @pfn, to scale with one of @widest: # the half with @part, . its buddy. */
static void draw_halves(pfn_t pfn, unsigned order, unsigned widest, pfn_t part)
{
	const unsigned width = (unsigned)max_u64(TREE_WIDTH >> (widest - order), 2);
	const bool is_upper = part >= pfn + pages_in(order) / 2;
	char bar[TREE_WIDTH + 1];

	for (unsigned i = 0; i < width; i++)
		bar[i] = (i >= width / 2) == is_upper ? '#' : '.';
	bar[width] = '\0';
	say("   order %2u |%s| 0x%llx..0x%llx", order, bar, (ull)pfn,
	    (ull)(pfn + pages_in(order) - 1));
}

/* One level a step: which half goes on, and what mem_map says of the other one. */
static void show_halving(const struct zone *zone, struct page *page, unsigned order,
			 unsigned block_order)
{
	const pfn_t pfn = zone_page_to_pfn(zone, page);
	char bar[TREE_WIDTH + 1];

	for (unsigned at = block_order; at > order; at--) {
		const struct page *upper = page + pages_in(at - 1);

		step("order %u is halved: the upper half, frame 0x%llx, is \"%s\", of order %u",
		     at, (ull)(pfn + pages_in(at - 1)),
		     page_type_name((enum page_type)upper->type), upper->order);
		draw_halves(pfn, at, block_order, pfn);
	}
	draw_bar(bar, (unsigned)max_u64(TREE_WIDTH >> (block_order - order), 1), 1, 1);
	say("   order %2u |%s| 0x%llx..0x%llx: given out", order, bar, (ull)pfn,
	    (ull)(pfn + pages_in(order) - 1));
}

static struct page *show_split(struct zone *zone, unsigned order, unsigned *block_order)
{
	const unsigned expected = order_to_split(zone, order);
	const uint64_t first = mm_events_count();
	struct mm_event event;
	struct page *page;

	draw_lists(zone, "before");
	predict("a block of order %u is wanted. Which one will be split? Read it off the line "
		"above.", order);
	page = take(zone, order);
	*block_order = expected;
	if (!page) {
		reveal("none: no list has one as large. It would be taken from another type's.");
		return NULL;
	}
	for (uint64_t at = first; mm_event_get(at, &event); at++)
		if (event.kind == MM_EVENT_SPLIT)
			*block_order = event.order;
	reveal("one of order %u, at frame 0x%llx, halved %u time%s%s:", *block_order,
	       (ull)zone_page_to_pfn(zone, page), *block_order - order,
	       plural(*block_order - order),
	       *block_order == expected ? ", as the line says" : ", NOT the first on the line");
	show_halving(zone, page, order, *block_order);
	tell_events_of(first, 1, 1u << MM_EVENT_SPLIT);
	draw_lists(zone, "after");
	return page;
}

/* ---- Upwards ---- */

static unsigned merged_since(uint64_t from, unsigned order)
{
	struct mm_event event;

	for (; mm_event_get(from, &event); from++)
		if (event.kind == MM_EVENT_MERGE)
			order = event.to;
	return order;
}

/* Each merge as it was told, in a step: the block so far, and the buddy that it met. */
static void show_merges(uint64_t from, unsigned widest, pfn_t pfn)
{
	struct mm_event event;

	for (; mm_event_get(from, &event); from++) {
		pfn_t head = pa_to_pfn(event.at);

		if (event.kind != MM_EVENT_MERGE)
			continue;
		step("order %u: 0x%llx xor 0x%llx = 0x%llx is free: both are one of order %u",
		     event.order, (ull)pfn, (ull)pages_in(event.order),
		     (ull)(pfn ^ pages_in(event.order)), event.to);
		draw_halves(head, event.to, widest, pfn);
		pfn = head;
	}
}

static void show_merge(struct zone *zone, struct page *page, unsigned block_order)
{
	const unsigned order = page->order;
	const pfn_t pfn = zone_page_to_pfn(zone, page);
	const uint64_t first = mm_events_count();
	unsigned merged;

	predict("frame 0x%llx is freed. Buddies differ in one bit, of order %u in 0x%llx. How far "
		"up does it merge?", (ull)pfn, order, (ull)pages_in(order));
	give(zone, page);
	merged = merged_since(first, order);
	show_merges(first, merged, pfn);
	reveal("up to order %u, %u merge%s; it had been cut from one of order %u.", merged,
	       merged - order, plural(merged - order), block_order);
	draw_lists(zone, "merged");
}

static void show_split_and_merge(struct zone *zone, unsigned order)
{
	unsigned nr_held = use_up(zone, order), block_order;
	struct page *page;

	if (nr_held)
		say("  (Taken first, so that a larger one must be split: %u block%s of orders %u "
		    "to %u.)", nr_held, plural(nr_held), order, order + NR_USED_UP - 1);
	if (order_to_split(zone, order) == NR_ORDERS && take_over(zone))
		say("  (No larger one was left there: a request of order %u took pageblocks of "
		    "another type over, and gave them back.)", MAX_ORDER);
	page = show_split(zone, order, &block_order);
	if (page)
		show_merge(zone, page, block_order);
	while (nr_held > 0)
		give(zone, held[--nr_held]);
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

/* Both are to be worked out from numbers of this machine. */
static void ask_of(const struct zone *zone)
{
	const unsigned order = order_for_pages(bytes_to_pages(ASKED_BYTES));
	const uint64_t nr_lost = pages_in(order) - bytes_to_pages(ASKED_BYTES);
	const pfn_t pfn = align_down(zone->end_pfn, pages_in(ASKED_ORDER)) - 1;

	exercise((pfn & ~(pages_in(ASKED_ORDER) - 1)) ^ pages_in(ASKED_ORDER), "",
		 "frame 0x%llx, near the zone's end, lies in a block of order %u: with which frame "
		 "begins the buddy of that (in decimal)?", (ull)pfn, ASKED_ORDER);
	exercise((zone->nr_free_pages >> order) * nr_lost * PAGE_SIZE / 1024, "KiB",
		 "%llu free pages of the zone are brought up; all go to requests of 0x%llx bytes, "
		 "a block each: how much is wasted?", (ull)zone->nr_free_pages, (ull)ASKED_BYTES);
}

void buddy_show(void)
{
	unsigned order = order_for_pages(bytes_to_pages(REQUEST_BYTES));
	struct zone *zone = largest_zone();

	claim("keep free memory as blocks of 2^order pages, and neither taking nor joining needs "
	      "a search.");
	say("0x%llx bytes are %llu pages are a block of order %u, on node %u's zone %s:",
	    (ull)REQUEST_BYTES, (ull)bytes_to_pages(REQUEST_BYTES), order, zone->node->node_id,
	    zone->name);
	show_split_and_merge(zone, order);
	show_waste();
	wrong("4 bytes take a page; and blocks are split and merged for each short-lived object");
	say("(the CPUs' stacks of pages keep that away here; objects need something of their "
	    "own).");
	ask_of(zone);
}
