/*
 * The page allocator in the words of Linux's /proc: buddyinfo, pagetypeinfo,
 * zoneinfo. The formats are read by programs: trailing blanks matter.
 *
 * Locking
 *   Each zone's lock while its lists are counted; printing is done without.
 */

#include "mm/init.h"

#include "mm/page/shown.h"
#include "mm/live.h"

#define TABLE_ORDERS	11
_Static_assert(TABLE_ORDERS == NR_ORDERS, "the tables have 11 columns in all tools that read them");

static uint64_t nr_free_blocks(struct zone *zone, unsigned order)
{
	uint64_t nr;

	spin_lock(&zone->lock);
	nr = zone->free_area[order].nr_free;
	spin_unlock(&zone->lock);
	return nr;
}

/* Free memory that is on no list yet: as many pages, in blocks as large as can be. */
static void show_pending_blocks(const struct zone *zone)
{
	uint64_t nr_pages = zone_hint(&zone->nr_pending_pages);

	if (nr_pages == 0)
		return;
	mm_port_print("Node %u, zone %s-pending ", zone->node->node_id, zone->name);
	for (unsigned order = 0; order < MAX_ORDER; order++)
		mm_port_print("%6llu ", (unsigned long long)(nr_pages >> order & 1));
	mm_port_print("%6llu \n", (unsigned long long)(nr_pages >> MAX_ORDER));
}

void show_buddyinfo(void)
{
	for_each_populated_zone(zone) {
		mm_port_print("Node %u, zone %8s ", zone->node->node_id, zone->name);
		for (unsigned order = 0; order < NR_ORDERS; order++)
			mm_port_print("%6llu ", (unsigned long long)nr_free_blocks(zone, order));
		mm_port_print("\n");
	}
	for_each_populated_zone(zone)
		show_pending_blocks(zone);
}

/* ---- pagetypeinfo ---- */

static uint64_t count_blocks(struct zone *zone, unsigned order, unsigned type)
{
	uint64_t nr = 0;

	spin_lock(&zone->lock);
	list_for_each(node, &zone->free_area[order].free_list[type])
		nr++;
	spin_unlock(&zone->lock);
	return nr;
}

static void show_free_counts(struct zone *zone)
{
	for (unsigned type = 0; type < MIGRATE_TYPES; type++) {
		mm_port_print("Node %4u, zone %8s, type %12s ", zone->node->node_id, zone->name,
			      migratetype_name((enum migratetype)type));
		for (unsigned order = 0; order < NR_ORDERS; order++)
			mm_port_print("%6llu ",
				      (unsigned long long)count_blocks(zone, order, type));
		mm_port_print("\n");
	}
}

/* Pageblocks of @zone that are up, by type. */
static void count_pageblocks(struct zone *zone, uint64_t nr_blocks[MIGRATE_TYPES])
{
	pfn_t start_pfn = zone->start_pfn & ~(PAGEBLOCK_PAGES - 1);

	spin_lock(&zone->grow_lock);
	for (pfn_t pfn = start_pfn; pfn < zone->end_pfn; pfn += PAGEBLOCK_PAGES) {
		pfn_t first_pfn = pfn < zone->start_pfn ? zone->start_pfn : pfn;

		if (zone_has_up(zone, first_pfn))
			nr_blocks[pageblock_migratetype(zone->mem_map + pfn)]++;
	}
	spin_unlock(&zone->grow_lock);
}

static void show_block_counts(struct zone *zone)
{
	uint64_t nr_blocks[MIGRATE_TYPES] = { 0 };

	count_pageblocks(zone, nr_blocks);
	mm_port_print("Node %u, zone %8s ", zone->node->node_id, zone->name);
	for (unsigned type = 0; type < MIGRATE_TYPES; type++)
		mm_port_print("%12llu ", (unsigned long long)nr_blocks[type]);
	mm_port_print("\n");
}

void show_pagetypeinfo(void)
{
	mm_port_print("Page block order: %d\n", PAGEBLOCK_ORDER);
	mm_port_print("Pages per block:  %llu\n\n", (unsigned long long)PAGEBLOCK_PAGES);
	mm_port_print("%-43s ", "Free pages count per migrate type at order");
	for (int order = 0; order < TABLE_ORDERS; order++)
		mm_port_print("%6d ", order);
	mm_port_print("\n");
	for_each_populated_zone(zone)
		show_free_counts(zone);
	mm_port_print("\n%-23s", "Number of blocks type ");
	for (unsigned type = 0; type < MIGRATE_TYPES; type++)
		mm_port_print("%12s ", migratetype_name((enum migratetype)type));
	mm_port_print("\n");
	for_each_populated_zone(zone)
		show_block_counts(zone);
}

/* ---- zoneinfo ---- */

static void show_node_stats(const struct pglist_data *node)
{
	const struct {
		const char *name;
		uint64_t value;
	} stats[] = {
		{ "nr_present", node->node_present_pages },
		{ "nr_spanned", node->node_spanned_pages },
		{ "nr_boot", node->nr_taken_pages },
		{ "nr_scanned", node->nr_scanned_pages },
		{ "nr_reclaimed", node->nr_reclaimed_pages },
		{ "nr_kswapd_runs", node->nr_kswapd_runs },
	};

	mm_port_print("\n  per-node stats");
	for (unsigned i = 0; i < ARRAY_SIZE(stats); i++)
		mm_port_print("\n      %-12s %llu", stats[i].name,
			      (unsigned long long)stats[i].value);
}

static void show_zone_numbers(struct zone *zone)
{
	mm_port_print("\n  pages free     %llu\n        boost    %llu\n        min      %llu"
		      "\n        low      %llu\n        high     %llu\n        promo    %llu"
		      "\n        spanned  %llu\n        present  %llu\n        managed  %llu"
		      "\n        cma      %llu\n        offline  %llu\n        noted    %llu",
		      (unsigned long long)(zone_listed_pages(zone) -
					   zone_isolated_free_pages(zone)),
		      (unsigned long long)zone->watermark_boost,
		      (unsigned long long)zone->watermark[WATERMARK_MIN],
		      (unsigned long long)zone->watermark[WATERMARK_LOW],
		      (unsigned long long)zone->watermark[WATERMARK_HIGH],
		      /* No memory tiers, no contiguous allocator's own areas. */
		      (unsigned long long)zone->watermark[WATERMARK_HIGH],
		      (unsigned long long)(zone->end_pfn - zone->start_pfn),
		      (unsigned long long)zone->present_pages,
		      (unsigned long long)zone->managed_pages, 0ull,
		      (unsigned long long)zone->nr_type_pages[PAGE_OFFLINE],
		      (unsigned long long)zone_hint(&zone->nr_noted));
	mm_port_print("\n        protection: (");
	for (unsigned type = 0; type < MAX_NR_ZONES; type++)
		mm_port_print("%s%llu", type ? ", " : "",
			      (unsigned long long)zone->lowmem_reserve[type]);
	mm_port_print(")");
}

/* What the single pages of all types on one CPU's stacks add up to. */
static void show_pageset(const struct mm_cpu *cpu_data, const struct zone *zone)
{
	uint64_t high = 0;
	unsigned batch = 0;

	for_each_stack(stack, cpu_data) {
		if (stack->zone != zone)
			continue;
		high += (uint64_t)(stack->full - stack->slots) << stack->order;
		if (stack->order == 0)
			batch = stack->batch;
	}
	mm_port_print("\n    cpu: %i\n              count:    %i\n              high:     %i"
		      "\n              batch:    %i", (int)cpu_data->cpu,
		      (int)page_stacks_pages(cpu_data, zone), (int)high, (int)batch);
	mm_port_print("\n  vm stats threshold: %d", 0);
}

static void show_zone(struct zone *zone, bool is_first)
{
	mm_port_print("Node %u, zone %8s", zone->node->node_id, zone->name);
	if (is_first)
		show_node_stats(zone->node);
	show_zone_numbers(zone);
	if (!zone_is_populated(zone)) {
		mm_port_print("\n");
		return;
	}
	mm_port_print("\n  pagesets");
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		if (live.cpus[cpu] && live.cpus[cpu]->node == zone->node)
			show_pageset(live.cpus[cpu], zone);
	mm_port_print("\n  node_unreclaimable:  %u\n  start_pfn:           %llu\n", 0u,
		      (unsigned long long)zone->start_pfn);
}

void show_zoneinfo(void)
{
	const struct pglist_data *previous = NULL;

	for (unsigned i = 0; i < live.nr_nodes * MAX_NR_ZONES; i++) {
		struct zone *zone = zone_of_index(i);
		bool is_first = zone_is_populated(zone) && zone->node != previous;

		show_zone(zone, is_first);
		previous = is_first ? zone->node : previous;
	}
}
