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

#include "mm/page/shown.h"
#include "mm/live.h"

/* What came in, and where the usable pages are now. */
struct ledger {
	uint64_t nr_by_mem_type[NR_MEM_TYPES];	/* of the firmware's map */
	uint64_t nr_ranges;			/* their sum */
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
	ledger->nr_by_type[PAGE_LARGE] += large_pages_in_use(zone);
	for (unsigned type = PAGE_LARGE + 1; type < PAGE_TAIL; type++)
		ledger->nr_by_type[type] += zone->nr_type_pages[type];
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		if (live.cpus[cpu])
			ledger->nr_cached += page_stacks_pages(live.cpus[cpu], zone);
}

static void print_line(const char *what, uint64_t nr_pages)
{
	mm_port_print("  %-32s %12llu pages %12llu KiB\n", what, (unsigned long long)nr_pages,
		      (unsigned long long)(nr_pages * (PAGE_SIZE / 1024)));
}

/* The firmware's column. */
static void print_ranges(const struct ledger *ledger)
{
	for (unsigned type = 0; type < NR_MEM_TYPES; type++)
		if (ledger->nr_by_mem_type[type] != 0)
			print_line(mem_type_name((enum mem_type)type),
				   ledger->nr_by_mem_type[type]);
}

/* Allocated pages that no counter names. */
static uint64_t nr_user_pages(const struct ledger *ledger)
{
	uint64_t nr_user = ledger->nr_managed - ledger->nr_pending - ledger->nr_free -
			   ledger->nr_cached;

	for (unsigned type = PAGE_LARGE; type < PAGE_TAIL; type++)
		nr_user -= ledger->nr_by_type[type];
	return nr_user;
}

static void print_usable(const struct ledger *ledger)
{
	print_line("taken by boot", ledger->nr_taken);
	print_line("mem_map and its tables", ledger->nr_metadata);
	print_line("free, mem_map not brought up", ledger->nr_pending);
	print_line("free, on buddy lists", ledger->nr_free);
	print_line("free, on per-CPU stacks", ledger->nr_cached);
	print_line("slab", ledger->nr_by_type[PAGE_SLAB]);
	print_line("kmalloc large", ledger->nr_by_type[PAGE_LARGE]);
	print_line("page tables", ledger->nr_by_type[PAGE_TABLE]);
	print_line("vmalloc", ledger->nr_by_type[PAGE_VMALLOC]);
	print_line("user", nr_user_pages(ledger));
}

static void collect(struct ledger *ledger)
{
	const struct boot_info *info = live.info;

	*ledger = (struct ledger){ .nr_ranges = 0 };
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];
		uint64_t nr_pages = (range->end - range->start) >> PAGE_SHIFT;

		ledger->nr_by_mem_type[range->type] += nr_pages;
		ledger->nr_ranges += nr_pages;
	}
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		ledger->nr_taken += node_data(nid)->nr_taken_pages;
	for_each_populated_zone(zone)
		add_zone(ledger, zone);
}

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

	equations[0] = (struct equation){ "usable memory", nr_usable, ledger->nr_taken +
					  ledger->nr_metadata + ledger->nr_managed };
	equations[1] = (struct equation){ "nodes", nr_usable, live.nr_usable_pages };
	/* More than the map has is what descriptors claim more than once; less is an error. */
	equations[2] = (struct equation){ "firmware's map", nr_firmware < ledger->nr_ranges ?
					  nr_firmware : ledger->nr_ranges, ledger->nr_ranges };
}

bool mm_ledger_balances(void)
{
	struct equation equations[NR_EQUATIONS];
	struct ledger ledger;

	collect(&ledger);
	equations_of(&ledger, equations);
	for (unsigned i = 0; i < NR_EQUATIONS; i++)
		if (equations[i].nr_expected != equations[i].nr_found)
			return false;
	return true;
}

bool mm_print_ledger(void)
{
	const struct boot_info *info = live.info;
	struct equation equations[NR_EQUATIONS];
	struct ledger ledger;

	collect(&ledger);
	equations_of(&ledger, equations);
	mm_port_print("firmware reported %llu pages; here is where each went\n",
		      (unsigned long long)info->nr_firmware_pages);
	print_ranges(&ledger);
	/* Descriptors that overlap claim a page more than once; it exists once. */
	if (info->nr_firmware_pages > ledger.nr_ranges)
		print_line("claimed more than once", info->nr_firmware_pages - ledger.nr_ranges);
	mm_port_print("of %llu usable pages\n",
		      (unsigned long long)ledger.nr_by_mem_type[MEM_USABLE]);
	print_usable(&ledger);
	for (unsigned i = 0; i < NR_EQUATIONS; i++)
		if (equations[i].nr_expected != equations[i].nr_found)
			mm_port_print("  %s: off by %lld pages\n", equations[i].what,
				      (long long)equations[i].nr_found -
				      (long long)equations[i].nr_expected);
	if (!mm_ledger_balances())
		return false;
	mm_port_print("the ledger balances\n");
	return true;
}
