/*
 * The ledger: every page the firmware reported, and where it went.
 *
 * Model
 *   Two columns that must agree. What came in: the pages of all descriptors of
 *   the firmware's map, by what they are for. Where usable memory went: boot,
 *   mem_map, and per zone free, cached, and allocated by purpose.
 *
 *   Each line of the second column is counted twice: by the counters that mm
 *   keeps while it runs, and by a walk over spans, runs and mem_map. What the
 *   walk finds is what is printed, and the lines must add up to the firmware's
 *   figure; no line is what others leave. "user" is counted by no counter: for it
 *   the counters say what all others leave of the managed pages, and the walk
 *   must find as many.
 *
 * Cost
 *   O(pages that are up). The system is quiet.
 */

#include "mm/init.h"

#include "mm/live.h"
#include "mm/page/shown.h"

enum line {
	LINE_TAKEN,
	LINE_METADATA,
	LINE_PENDING,
	LINE_FREE,
	LINE_CACHED,
	LINE_SLAB,
	LINE_LARGE,
	LINE_TABLE,
	LINE_VMALLOC,
	LINE_PERCPU,
	LINE_OFFLINE,
	LINE_USER,
	NR_LINES
};

static const char *const line_names[NR_LINES] = {
	[LINE_TAKEN] = "taken by boot",
	[LINE_METADATA] = "mem_map and its tables",
	[LINE_PENDING] = "free, mem_map not brought up",
	[LINE_FREE] = "free, on buddy lists",
	[LINE_CACHED] = "free, on per-CPU stacks",
	[LINE_SLAB] = "slab",
	[LINE_LARGE] = "kmalloc large",
	[LINE_TABLE] = "page tables",
	[LINE_VMALLOC] = "vmalloc",
	[LINE_PERCPU] = "per CPU",
	[LINE_OFFLINE] = "offline",
	[LINE_USER] = "user",
};

/* What records call them: these stay. */
static const char *const line_keys[NR_LINES] = {
	[LINE_TAKEN] = "boot",
	[LINE_METADATA] = "mem_map",
	[LINE_PENDING] = "pending",
	[LINE_FREE] = "free",
	[LINE_CACHED] = "cached",
	[LINE_SLAB] = "slab",
	[LINE_LARGE] = "large",
	[LINE_TABLE] = "page_tables",
	[LINE_VMALLOC] = "vmalloc",
	[LINE_PERCPU] = "percpu",
	[LINE_OFFLINE] = "offline",
	[LINE_USER] = "user",
};

/* What came in, and where the usable pages are now. */
struct ledger {
	uint64_t nr_by_mem_type[NR_MEM_TYPES];	/* of the firmware's map */
	uint64_t nr_ranges;			/* their sum */
	uint64_t counted[NR_LINES];
	uint64_t walked[NR_LINES];
	bool is_walked;				/* else: what the walk stopped at */
	struct violation violation;
};

/* ---- By counters ---- */

static void count_zone(struct ledger *ledger, const struct zone *zone)
{
	uint64_t nr_cached = zone_cached_pages(zone), nr_large = large_pages_in_use(zone);
	uint64_t nr_listed;

	assume_unshared(&zone->lock);
	nr_listed = zone->nr_pending_pages + zone->nr_free_pages;
	ledger->counted[LINE_METADATA] += zone->nr_metadata_pages;
	ledger->counted[LINE_PENDING] += zone->nr_pending_pages;
	ledger->counted[LINE_FREE] += zone->nr_free_pages;
	ledger->counted[LINE_CACHED] += nr_cached;
	ledger->counted[LINE_SLAB] += zone->nr_type_pages[PAGE_SLAB];
	ledger->counted[LINE_LARGE] += nr_large;
	ledger->counted[LINE_TABLE] += zone->nr_type_pages[PAGE_TABLE];
	ledger->counted[LINE_VMALLOC] += zone->nr_type_pages[PAGE_VMALLOC];
	ledger->counted[LINE_PERCPU] += zone->nr_type_pages[PAGE_PERCPU];
	ledger->counted[LINE_OFFLINE] += zone->nr_type_pages[PAGE_OFFLINE];
	ledger->counted[LINE_USER] += zone->managed_pages - nr_listed - nr_cached - nr_large -
				      zone->nr_type_pages[PAGE_SLAB] -
				      zone->nr_type_pages[PAGE_TABLE] -
				      zone->nr_type_pages[PAGE_VMALLOC] -
				      zone->nr_type_pages[PAGE_PERCPU] -
				      zone->nr_type_pages[PAGE_OFFLINE];
}

/* ---- By a walk ---- */

static void walk_node(struct ledger *ledger, const struct pglist_data *node)
{
	const struct map_plan *plan = sections_plan();

	for (uint32_t i = 0; i < node->nr_taken; i++)
		ledger->walked[LINE_TAKEN] += span_pages(node->taken[i]);
	for (uint32_t i = 0; i < plan->nr_runs; i++)
		if (plan->runs[i].node == node)
			ledger->walked[LINE_METADATA] += span_pages(plan->runs[i].pages);
}

static bool walk_zone(struct ledger *ledger, const struct zone *zone)
{
	struct zone_census census;

	assume_unshared(&zone->grow_lock);
	for (uint32_t i = zone->grow_span; i < zone->nr_spans; i++)
		ledger->walked[LINE_PENDING] += span_pages(zone->spans[i]);
	if (zone->grow_span < zone->nr_spans)
		ledger->walked[LINE_PENDING] -= zone->grow_pfn -
						zone->spans[zone->grow_span].start_pfn;
	if (!zone_count(zone, &census, &ledger->violation))
		return false;
	ledger->walked[LINE_FREE] += census.nr_pages[PAGE_FREE];
	ledger->walked[LINE_CACHED] += census.nr_pages[PAGE_CACHED] +
				       census.nr_pages[PAGE_CACHED_LARGE];
	ledger->walked[LINE_SLAB] += census.nr_pages[PAGE_SLAB];
	ledger->walked[LINE_LARGE] += census.nr_pages[PAGE_LARGE];
	ledger->walked[LINE_TABLE] += census.nr_pages[PAGE_TABLE];
	ledger->walked[LINE_VMALLOC] += census.nr_pages[PAGE_VMALLOC];
	ledger->walked[LINE_PERCPU] += census.nr_pages[PAGE_PERCPU];
	ledger->walked[LINE_OFFLINE] += census.nr_pages[PAGE_OFFLINE];
	ledger->walked[LINE_USER] += census.nr_pages[PAGE_USER] + census.nr_pages[PAGE_MOVABLE] +
				     census.nr_pages[PAGE_HEAD];
	return true;
}

void mm_print_memory_record(uint64_t at_us)
{
	struct ledger ledger = { .is_walked = false };

	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		ledger.counted[LINE_TAKEN] += node_data(nid)->nr_taken_pages;
	for_each_populated_zone(zone)
		count_zone(&ledger, zone);
	mm_port_print("@memory at_us=%llu", (unsigned long long)at_us);
	for (unsigned i = 0; i < NR_LINES; i++)
		mm_port_print(" %s=%llu", line_keys[i], (unsigned long long)ledger.counted[i]);
	mm_port_print("\n");
}

static void collect(struct ledger *ledger)
{
	const struct boot_info *info = live.info;

	*ledger = (struct ledger){ .is_walked = true };
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];
		uint64_t nr_pages = (range->end - range->start) >> PAGE_SHIFT;

		ledger->nr_by_mem_type[range->type] += nr_pages;
		ledger->nr_ranges += nr_pages;
	}
	for (unsigned nid = 0; nid < live.nr_nodes; nid++) {
		ledger->counted[LINE_TAKEN] += node_data(nid)->nr_taken_pages;
		walk_node(ledger, node_data(nid));
	}
	for_each_populated_zone(zone) {
		count_zone(ledger, zone);
		ledger->is_walked = ledger->is_walked && walk_zone(ledger, zone);
	}
}

/* ---- The verdict ---- */

/* What must be equal. */
struct equation {
	const char *what;
	uint64_t nr_expected;
	uint64_t nr_found;
};

#define NR_EQUATIONS	3u

static void equations_of(const struct ledger *ledger, struct equation equations[NR_EQUATIONS])
{
	uint64_t nr_usable = ledger->nr_by_mem_type[MEM_USABLE];
	uint64_t nr_firmware = live.info->nr_firmware_pages;
	uint64_t nr_walked = 0;

	for (unsigned i = 0; i < NR_LINES; i++)
		nr_walked += ledger->walked[i];
	equations[0] = (struct equation){ "usable memory", nr_usable, nr_walked };
	equations[1] = (struct equation){ "nodes", nr_usable, live.nr_usable_pages };
	/* More than the map has is what descriptors claim more than once; less is an error. */
	equations[2] = (struct equation){ "firmware's map", nr_firmware < ledger->nr_ranges ?
					  nr_firmware : ledger->nr_ranges, ledger->nr_ranges };
}

static bool balances(const struct ledger *ledger)
{
	struct equation equations[NR_EQUATIONS];
	bool is_equal = ledger->is_walked;

	equations_of(ledger, equations);
	for (unsigned i = 0; i < NR_EQUATIONS; i++)
		is_equal = is_equal && equations[i].nr_expected == equations[i].nr_found;
	for (unsigned i = 0; i < NR_LINES; i++)
		is_equal = is_equal && ledger->counted[i] == ledger->walked[i];
	return is_equal;
}

bool mm_ledger_balances(void)
{
	struct ledger ledger;

	collect(&ledger);
	return balances(&ledger);
}

/* ---- Printing ---- */

static void print_line(const char *what, uint64_t nr_pages)
{
	mm_port_print("  %-32s %12llu pages %12llu KiB\n", what, (unsigned long long)nr_pages,
		      (unsigned long long)(nr_pages * (PAGE_SIZE / 1024)));
}

/* The firmware's column. */
static void print_ranges(const struct ledger *ledger)
{
	for (unsigned type = 0; type < NR_MEM_TYPES; type++) {
		if (ledger->nr_by_mem_type[type] == 0)
			continue;
		print_line(mem_type_name((enum mem_type)type), ledger->nr_by_mem_type[type]);
		if (type == MEM_KERNEL && mm_port_boot_tables() > 0)
			print_line("  page tables among it", mm_port_boot_tables());
	}
	/* Descriptors that overlap claim a page more than once; it exists once. */
	if (live.info->nr_firmware_pages > ledger->nr_ranges)
		print_line("claimed more than once",
			   live.info->nr_firmware_pages - ledger->nr_ranges);
}

static void print_faults(const struct ledger *ledger)
{
	struct equation equations[NR_EQUATIONS];

	equations_of(ledger, equations);
	if (!ledger->is_walked)
		mm_port_print("  the walk stopped at 0x%llx: rule %s is broken: %s\n",
			      (unsigned long long)ledger->violation.at, ledger->violation.rule,
			      ledger->violation.condition);
	for (unsigned i = 0; i < NR_LINES; i++)
		if (ledger->counted[i] != ledger->walked[i])
			mm_port_print("  %s: %llu pages by counters, %llu by the walk\n",
				      line_names[i], (unsigned long long)ledger->counted[i],
				      (unsigned long long)ledger->walked[i]);
	for (unsigned i = 0; i < NR_EQUATIONS; i++)
		if (equations[i].nr_expected != equations[i].nr_found)
			mm_port_print("  %s: off by %lld pages\n", equations[i].what,
				      (long long)equations[i].nr_found -
				      (long long)equations[i].nr_expected);
}

bool mm_print_ledger(void)
{
	struct ledger ledger;

	collect(&ledger);
	mm_port_print("firmware reported %llu pages; here is where each went\n",
		      (unsigned long long)live.info->nr_firmware_pages);
	print_ranges(&ledger);
	mm_port_print("of %llu usable pages\n",
		      (unsigned long long)ledger.nr_by_mem_type[MEM_USABLE]);
	for (unsigned i = 0; i < NR_LINES; i++)
		print_line(line_names[i], ledger.walked[i]);
	print_faults(&ledger);
	if (!balances(&ledger))
		return false;
	mm_port_print("the ledger balances\n");
	return true;
}

void mm_print_ledger_records(void)
{
	struct ledger ledger;

	collect(&ledger);
	for (unsigned type = 0; type < NR_MEM_TYPES; type++)
		if (ledger.nr_by_mem_type[type] > 0)
			mm_port_print("@ledger side=firmware name=\"%s\" pages=%llu\n",
				      mem_type_name((enum mem_type)type),
				      (unsigned long long)ledger.nr_by_mem_type[type]);
	for (unsigned i = 0; i < NR_LINES; i++)
		mm_port_print("@ledger side=usable name=%s pages=%llu counted=%llu\n", line_keys[i],
			      (unsigned long long)ledger.walked[i],
			      (unsigned long long)ledger.counted[i]);
	mm_port_print("@ledger side=verdict balances=%s firmware_pages=%llu\n",
		      balances(&ledger) ? "yes" : "no",
		      (unsigned long long)live.info->nr_firmware_pages);
}
