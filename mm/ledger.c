/*
 * The ledger: every page the firmware reported, and where it went.
 *
 * Model
 *   Two columns that must agree. What came in: the pages of all descriptors of
 *   the firmware's map, by what they are for. Where usable memory went: boot,
 *   mem_map, and per zone free, cached, and allocated by purpose. Counters only;
 *   mm_verify_all() compares the counters with a walk.
 */

#include "mm/init.h"

#include "mm/live.h"

/* Where the usable pages are now. */
struct ledger {
	uint64_t nr_taken;
	uint64_t nr_metadata;
	uint64_t nr_pending;
	uint64_t nr_free;
	uint64_t nr_cached;
	uint64_t nr_by_type[NR_PAGE_TYPES];
	uint64_t nr_managed;
};

static void add_zone(struct ledger *ledger, const struct zone *zone)
{
	ledger->nr_metadata += zone->nr_metadata_pages;
	ledger->nr_pending += zone->nr_pending_pages;
	ledger->nr_free += zone->nr_free_pages;
	ledger->nr_managed += zone->managed_pages;
	for (unsigned type = PAGE_LARGE; type < PAGE_TAIL; type++)
		ledger->nr_by_type[type] += zone->nr_type_pages[type];
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		if (live.cpus[cpu])
			ledger->nr_cached += pcp_pages(live.cpus[cpu], zone);
}

static void print_line(const char *what, uint64_t nr_pages)
{
	mm_port_print("  %-32s %12llu pages %12llu KiB\n", what, (unsigned long long)nr_pages,
		      (unsigned long long)(nr_pages * (PAGE_SIZE / 1024)));
}

/* The firmware's column. Returns the pages of all ranges; *nr_usable those for us. */
static uint64_t print_ranges(const struct boot_info *info, uint64_t *nr_usable)
{
	uint64_t nr_by_type[NR_MEM_TYPES] = { 0 };
	uint64_t nr_all = 0;

	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];
		uint64_t nr_pages = (range->end - range->start) >> PAGE_SHIFT;

		nr_by_type[range->type] += nr_pages;
		nr_all += nr_pages;
	}
	for (unsigned type = 0; type < NR_MEM_TYPES; type++)
		if (nr_by_type[type] != 0)
			print_line(mem_type_name((enum mem_type)type), nr_by_type[type]);
	*nr_usable = nr_by_type[MEM_USABLE];
	return nr_all;
}

/* Ours. Returns the sum of all lines. */
static uint64_t print_usable(const struct ledger *ledger)
{
	uint64_t nr_sum = ledger->nr_taken + ledger->nr_metadata + ledger->nr_pending +
			  ledger->nr_free + ledger->nr_cached;
	uint64_t nr_user = ledger->nr_managed - ledger->nr_pending - ledger->nr_free -
			   ledger->nr_cached;

	for (unsigned type = PAGE_LARGE; type < PAGE_TAIL; type++)
		nr_user -= ledger->nr_by_type[type];
	print_line("taken by boot", ledger->nr_taken);
	print_line("mem_map and its tables", ledger->nr_metadata);
	print_line("free, mem_map not brought up", ledger->nr_pending);
	print_line("free, on buddy lists", ledger->nr_free);
	print_line("free, on per-CPU stacks", ledger->nr_cached);
	print_line("slab", ledger->nr_by_type[PAGE_SLAB]);
	print_line("kmalloc large", ledger->nr_by_type[PAGE_LARGE]);
	print_line("page tables", ledger->nr_by_type[PAGE_TABLE]);
	print_line("vmalloc", ledger->nr_by_type[PAGE_VMALLOC]);
	print_line("user", nr_user);
	for (unsigned type = PAGE_LARGE; type < PAGE_TAIL; type++)
		nr_sum += ledger->nr_by_type[type];
	return nr_sum + nr_user;
}

static void collect(struct ledger *ledger)
{
	*ledger = (struct ledger){ .nr_taken = 0 };
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		ledger->nr_taken += node_data(nid)->nr_taken_pages;
	for_each_populated_zone(zone)
		add_zone(ledger, zone);
}

/* "off by" line and false unless both sides agree. */
static bool agree(const char *what, uint64_t nr_expected, uint64_t nr_found)
{
	if (nr_expected == nr_found)
		return true;
	mm_port_print("  %s: off by %lld pages\n", what,
		      (long long)nr_found - (long long)nr_expected);
	return false;
}

bool mm_print_ledger(void)
{
	const struct boot_info *info = live.info;
	struct ledger ledger;
	uint64_t nr_usable;
	uint64_t nr_ranges;
	bool is_balanced;

	mm_port_print("firmware reported %llu pages; here is where each went\n",
		      (unsigned long long)info->nr_firmware_pages);
	nr_ranges = print_ranges(info, &nr_usable);
	/* Descriptors that overlap claim a page more than once; it exists once. */
	if (info->nr_firmware_pages > nr_ranges)
		print_line("claimed more than once", info->nr_firmware_pages - nr_ranges);
	mm_port_print("of %llu usable pages\n", (unsigned long long)nr_usable);
	collect(&ledger);
	is_balanced = agree("usable memory", nr_usable, print_usable(&ledger));
	is_balanced = agree("nodes", nr_usable, live.nr_usable_pages) && is_balanced;
	if (info->nr_firmware_pages < nr_ranges)
		is_balanced = agree("firmware's map", info->nr_firmware_pages, nr_ranges);
	if (is_balanced)
		mm_port_print("the ledger balances\n");
	return is_balanced;
}
