/*
 * Memory maps as no machine has them: every page of each can be had and comes
 * back, but for those that are noted as metadata.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/bits.h"
#include "lib/string.h"
#include "mm/contig.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/grow.h"
#include "mm/page/section.h"
#include "mm/page_alloc.h"
#include "mm/slab/core.h"
#include "tests/host/machine.h"
#include "tests/host/maps.h"
#include "tests/host/suites_host.h"

#define MAX_NODES_OF_MAP	8u
#define MAX_PIECES		24u
#define MAX_PIECE_SHIFT		14u		/* pages: 64 MiB */
#define MAX_HOLE_SHIFT		18u		/* pages: 1 GiB */
#define LARGE_PIECE_PAGES	(24 * MIB / PAGE_SIZE)
#define NR_MAPS			40u		/* in a run of all suites */
#define NR_SOAK_MAPS		10000u

#define GFP_LAST	(GFP_NOWAIT | __GFP_MEMALLOC | __GFP_MOVABLE | __GFP_NOWARN)

/* ---- What a map owes ---- */

static uint64_t total_listed(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(owner)
		nr_pages += zone_listed_pages(owner) + page_stacks_pages(live.cpus[0], owner);
	return nr_pages;
}

static uint64_t total_metadata(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(owner)
		nr_pages += owner->nr_metadata_pages;
	return nr_pages;
}

/* Usable memory of one section, by the firmware's ranges alone. */
struct section_use {
	uint64_t nr_pages;
	bool has_block[SECTION_PAGEBLOCKS];
};

static uint64_t cost_of(const struct section_use *use)
{
	uint64_t nr_blocks = 0;

	for (unsigned i = 0; i < SECTION_PAGEBLOCKS; i++)
		nr_blocks += use->has_block[i];
	return min_u64(use->nr_pages, nr_blocks * PAGEBLOCK_METADATA + 1);
}

/*
 * What metadata may cost at most: four pages for each pageblock with memory and one
 * table, or all of a section that has less; and tables above those.
 */
static uint64_t metadata_owed(const struct boot_info *info)
{
	static struct section_use use;
	uint64_t nr_pages = 2, section = UINT64_MAX, group = UINT64_MAX;

	memset(&use, 0, sizeof(use));
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];

		for (pfn_t pfn = pa_to_pfn(range->start);
		     range->type == MEM_USABLE && pfn < pa_to_pfn(range->end); pfn++) {
			if (pfn_to_section(pfn) != section) {
				nr_pages += cost_of(&use);
				memset(&use, 0, sizeof(use));
				section = pfn_to_section(pfn);
				nr_pages += section / 512 != group;
				group = section / 512;
			}
			use.nr_pages++;
			use.has_block[pfn % SECTION_PAGES / PAGEBLOCK_PAGES] = true;
		}
	}
	return nr_pages + cost_of(&use);
}

/* Takes all there is, largest blocks first, chained through their own memory. */
static struct page *take_all(uint64_t *nr_taken)
{
	struct page *first = NULL;

	*nr_taken = 0;
	for (unsigned order = NR_ORDERS; order-- > 0;) {
		struct page *page;

		while ((page = alloc_pages_any(GFP_LAST, order)) != NULL) {
			*(struct page **)page_address(page) = first;
			first = page;
			*nr_taken += pages_in(order);
		}
	}
	return first;
}

static void give_all(struct page *first)
{
	while (first) {
		struct page *page = first;

		first = *(struct page **)page_address(page);
		__free_pages(page, page->order);
	}
}

void check_whole_map(const struct boot_info *info)
{
	uint64_t nr_free, nr_taken;
	struct page *first;

	CHECK(total_metadata() <= metadata_owed(info));
	CHECK(mm_verify_all());
	drain_all_pages();
	nr_free = total_listed();
	first = take_all(&nr_taken);
	CHECK_EQ(nr_taken, nr_free);
	CHECK_EQ(total_listed(), 0);
	CHECK(mm_verify_all());
	give_all(first);
	drain_all_pages();
	CHECK_EQ(total_listed(), nr_free);
	for_each_populated_zone(owner) {
		CHECK(!zone_grow(owner));
		for (uint32_t i = 0; i < owner->nr_spans; i++) {
			CHECK(page_is_described(owner->spans[i].start_pfn));
			CHECK(page_is_described(owner->spans[i].end_pfn - 1));
		}
	}
	CHECK(mm_ledger_balances());
}

/* ---- Random maps ---- */

/* Between 1 and 2^@max_shift, small ones as likely as large ones. */
static uint64_t random_pages(unsigned max_shift)
{
	uint64_t low = (uint64_t)1 << test_random_below(max_shift);

	return low + test_random_below(low + 1);
}

static void make_random_map(struct host_machine *map)
{
	uint64_t nr_pieces = 1 + test_random_below(MAX_PIECES);
	uint64_t large = test_random_below(nr_pieces);
	uint32_t nr_nodes = 1 + (uint32_t)test_random_below(MAX_NODES_OF_MAP);
	pfn_t pfn = MIB / PAGE_SIZE;

	memset(map, 0, sizeof(*map));
	map->name = "random";
	map->ranges[0].end = MIB;
	map->ranges[0].type = MEM_LOW;
	for (uint64_t i = 0; i < nr_pieces; i++) {
		uint64_t nr_pages = random_pages(MAX_PIECE_SHIFT);

		if (i == large)
			nr_pages += LARGE_PIECE_PAGES;
		if (test_random_below(3))
			pfn += random_pages(MAX_HOLE_SHIFT);
		map->ranges[i + 1].start = pfn_to_pa(pfn);
		map->ranges[i + 1].end = pfn_to_pa(pfn + nr_pages);
		map->ranges[i + 1].type = MEM_USABLE;
		map->ranges[i + 1].domain = (uint32_t)test_random_below(nr_nodes);
		pfn += nr_pages + 1;
	}
	map->nr_cpus = 2;
	map->cpu_domains[0] = (uint32_t)test_random_below(nr_nodes);
	map->cpu_domains[1] = (uint32_t)test_random_below(nr_nodes);
	if (test_random_below(3) == 0)
		map->movable.percent = (uint32_t)test_random_below(100);
}

static void check_random_maps(uint64_t nr_maps)
{
	static struct host_machine map;

	for (uint64_t i = 0; i < nr_maps; i++) {
		make_random_map(&map);
		host_start_machine(&map);
		check_whole_map(live.info);
	}
}

static void every_page_of_random_maps_is_to_be_had(void)
{
	check_random_maps(NR_MAPS);
}

/* As many as the plan says, each zeroed and once, whatever pieces they come from. */
static void planned_tables_are_to_be_had(void)
{
	static struct host_machine map;

	for (unsigned i = 0; i < NR_MAPS; i++) {
		struct map_plan *plan;
		uint64_t nr_tables, nr_zeroes = 0;

		make_random_map(&map);
		host_start_machine(&map);
		plan = sections_plan();
		nr_tables = plan->nr_spare_pages;
		CHECK(nr_tables > 0);
		for (uint64_t k = 0; k < nr_tables; k++) {
			pfn_t pfn = map_plan_take_table(plan);
			uint64_t *page = phys_to_virt(pfn_to_pa(pfn));

			CHECK(pfn != PFN_NONE);
			nr_zeroes += page[0] == 0 && page[1] == 0;
			page[0] = page[1] = pfn;
		}
		CHECK_EQ(nr_zeroes, nr_tables);
		CHECK_EQ(map_plan_take_table(plan), PFN_NONE);
	}
}

/* `build/host/unit tests=maps_soak`: ten thousand, or MAPS of the environment. */
static void every_page_of_many_maps_is_to_be_had(void)
{
	const char *wanted = getenv("MAPS");

	check_random_maps(wanted ? strtoull(wanted, NULL, 0) : NR_SOAK_MAPS);
}

/* ---- Maps of real machines ---- */

#define SRAT_HEADER_BYTES	48u
#define SRAT_MEMORY		1u
#define SRAT_BYTES_MAX		(1u << 20)
#define END_OF_RANGE		(32 * MIB)
#define MAX_RANGE_END		(4 * TIB)

static uint64_t read_number(const uint8_t *at, unsigned nr_bytes)
{
	uint64_t number = 0;

	while (nr_bytes-- > 0)
		number = number << 8 | at[nr_bytes];
	return number;
}

static void put_range(struct host_machine *map, uint64_t start, uint64_t end, uint32_t domain)
{
	unsigned nr = 0;

	while (map->ranges[nr].end != 0)
		nr++;
	if (nr < HOST_MAX_RANGES - 1 && start < end) {
		map->ranges[nr].start = start;
		map->ranges[nr].end = end;
		map->ranges[nr].type = MEM_USABLE;
		map->ranges[nr].domain = domain;
	}
}

/* Both ends of a range of the table, and two islands of a few pages between them. */
static void put_with_islands(struct host_machine *map, uint64_t start, uint64_t end,
			     uint32_t domain)
{
	uint64_t middle = align_down(start + (end - start) / 2, PAGE_SIZE);

	start = max_u64(start, MIB);
	if (start >= end || end > MAX_RANGE_END)
		return;
	if (end - start <= 4 * END_OF_RANGE) {
		put_range(map, start, end, domain);
		return;
	}
	put_range(map, start, start + END_OF_RANGE, domain);
	put_range(map, middle, middle + pages_to_bytes(1 + test_random_below(8)), domain);
	put_range(map, middle + 16 * MIB,
		  middle + 16 * MIB + pages_to_bytes(1 + test_random_below(600)), domain);
	put_range(map, end - END_OF_RANGE, end, domain);
}

/* What the SRAT at @bytes calls enabled memory; the ranges of real ones are sorted. */
static void make_map_of_srat(struct host_machine *map, const uint8_t *bytes, size_t length)
{
	memset(map, 0, sizeof(*map));
	map->name = "SRAT";
	map->ranges[0].end = MIB;
	map->ranges[0].type = MEM_LOW;
	map->nr_cpus = 1;
	for (size_t at = SRAT_HEADER_BYTES; at + 40 <= length && bytes[at + 1] != 0;
	     at += bytes[at + 1]) {
		uint64_t start = read_number(bytes + at + 8, 8);

		if (bytes[at] == SRAT_MEMORY && bytes[at + 28] & 1)
			put_with_islands(map, start, start + read_number(bytes + at + 16, 8),
					 (uint32_t)read_number(bytes + at + 2, 4));
	}
	map->cpu_domains[0] = map->ranges[1].domain;
	map->ranges[0].domain = map->ranges[1].domain;
}

static void check_map_of_file(const char *path)
{
	static uint8_t bytes[SRAT_BYTES_MAX];
	static struct host_machine map;
	FILE *file = fopen(path, "rb");
	size_t length = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

	CHECK(length > SRAT_HEADER_BYTES);
	if (file)
		fclose(file);
	make_map_of_srat(&map, bytes, length);
	host_start_machine(&map);
	check_whole_map(live.info);
}

/* The tables that the environment's ACPI_TABLES names: a folder of *.SRAT. */
static void every_page_of_real_maps_with_islands_is_to_be_had(void)
{
	const char *folder = getenv("ACPI_TABLES");
	DIR *directory = opendir(folder ? folder : "../shared/acpi");
	struct dirent *entry;
	unsigned nr_maps = 0;

	if (!directory)
		SKIP("no folder of ACPI tables: ACPI_TABLES names one");
	while ((entry = readdir(directory)) != NULL) {
		size_t length = strlen(entry->d_name);
		char path[1024];

		if (length < 6 || strcmp(entry->d_name + length - 5, ".SRAT") != 0)
			continue;
		format_text(path, sizeof(path), "%s/%s", folder ? folder : "../shared/acpi",
			    entry->d_name);
		check_map_of_file(path);
		nr_maps++;
	}
	closedir(directory);
	CHECK(nr_maps > 0);
}

/* ---- Next to nothing ---- */

#define MAX_TINY_PAGES	600u

/* Node @nid has @nr_pages, the other one 64 MiB; a CPU each. */
static void start_with_tiny_node(uint32_t nid, uint64_t nr_pages)
{
	static struct host_machine map;
	unsigned nr = 1;

	map = (struct host_machine){ .name = "tiny node", .nr_cpus = 2, .cpu_domains = { 0, 1 } };
	map.ranges[0].end = MIB;
	map.ranges[0].type = MEM_LOW;
	map.ranges[0].domain = nid;
	if (nr_pages > 0) {
		map.ranges[nr].start = MIB;
		map.ranges[nr].end = MIB + pages_to_bytes(nr_pages);
		map.ranges[nr].domain = nid;
		map.ranges[nr++].type = MEM_USABLE;
	}
	map.ranges[nr].start = 256 * MIB;
	map.ranges[nr].end = 320 * MIB;
	map.ranges[nr].domain = !nid;
	map.ranges[nr].type = MEM_USABLE;
	host_start_machine(&map);
}

static void check_tiny_node(uint32_t nid, uint64_t nr_pages)
{
	void *small, *large;

	start_with_tiny_node(nid, nr_pages);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		if (cpu > 0)
			host_start_cpu(cpu);
		small = kmalloc(100, GFP_KERNEL);
		large = kmalloc(20000, GFP_KERNEL);
		CHECK(small != NULL);
		CHECK(large != NULL);
		kfree(small);
		kfree(large);
	}
	drain_all_pages();
	host_continue_cpu(0);
	check_whole_map(live.info);
}

static void nodes_with_any_few_pages_boot(void)
{
	for (uint64_t nr_pages = 0; nr_pages <= MAX_TINY_PAGES; nr_pages += 1 + nr_pages / 16) {
		check_tiny_node(0, nr_pages);
		check_tiny_node(1, nr_pages);
	}
}

static void start_with_pages(uint64_t nr_pages)
{
	static struct host_machine map;

	map = (struct host_machine){ .name = "tiny machine", .nr_cpus = 1 };
	map.ranges[0].end = MIB;
	map.ranges[0].type = MEM_LOW;
	map.ranges[1].start = MIB;
	map.ranges[1].end = MIB + pages_to_bytes(nr_pages);
	map.ranges[1].type = MEM_USABLE;
	map.cpu_domains[0] = DOMAIN_NONE;
	host_start_machine(&map);
}

/* Usable pages of a machine with one node and one CPU that do not suffice, and that do. */
#define TOO_FEW_PAGES	130u
#define ENOUGH_PAGES	150u

/* What debug= keeps beside kmalloc's caches is more than the smallest machines have. */
#define SKIP_WITH_DEBUG() do {							\
	if (slab_system.debug_flags)							\
		SKIP("with debug= kmalloc's caches are too large for this machine"); \
} while (0)

static void machines_too_small_say_what_they_need(void)
{
	SKIP_WITH_DEBUG();
	for (uint64_t nr_pages = 1; nr_pages <= TOO_FEW_PAGES; nr_pages++)
		CHECK_PANICS("this machine is too small: ", start_with_pages(nr_pages));
	CHECK_PANICS("400 KiB usable, ", start_with_pages(100));
	for (uint64_t nr_pages = ENOUGH_PAGES; nr_pages < 2 * ENOUGH_PAGES; nr_pages++) {
		void *object;

		start_with_pages(nr_pages);
		object = kmalloc(20000, GFP_KERNEL);
		CHECK(object != NULL);
		kfree(object);
		CHECK(mm_verify_all());
	}
}

/* mem_map has two placements: at no size does the step from one to the other cost more. */
static void more_memory_is_never_less(void)
{
	uint64_t nr_before = 0;

	SKIP_WITH_DEBUG();
	for (uint64_t nr_mib = 2; nr_mib < 700; nr_mib++) {
		start_with_pages(nr_mib * MIB / PAGE_SIZE);
		CHECK(total_listed() > nr_before);
		nr_before = total_listed();
	}
}

/* ---- Contiguous ---- */

static void start_with_gib(uint64_t nr_gib)
{
	static struct host_machine map;

	map = machine_small;
	map.ranges[1].end = 2 * GIB;
	map.ranges[2].start = 4 * GIB;
	map.ranges[2].end = (2 + nr_gib) * GIB;
	map.ranges[2].type = MEM_USABLE;
	host_start_machine(&map);
}

static void check_contiguous(uint64_t nr_gib)
{
	uint64_t nr_pages = nr_gib * GIB / PAGE_SIZE;
	struct page *pages = alloc_contig_pages(nr_pages, GFP_KERNEL, NID_NONE);

	CHECK(pages != NULL);
	if (pages)
		free_contig_range(page_to_pfn(pages), nr_pages);
	CHECK(mm_verify_all());
}

static void an_eighth_of_an_idle_machine_is_contiguous(void)
{
	start_with_gib(8);
	check_contiguous(1);
	check_contiguous(4);
	start_with_gib(64);
	check_contiguous(8);
}

static void what_cannot_be_contiguous_is_refused_at_once(void)
{
	const uint64_t too_many[] = { UINT64_MAX, UINT64_MAX - 10, UINT64_MAX / 2,
				      CONTIG_MAX_PAGES + 1, 7 * GIB / PAGE_SIZE };
	uint64_t nr_up;

	start_with_gib(8);
	nr_up = nr_sections_up();
	for (unsigned i = 0; i < ARRAY_SIZE(too_many); i++)
		CHECK(!alloc_contig_pages(too_many[i], GFP_KERNEL, NID_NONE));
	CHECK_EQ(nr_sections_up(), nr_up);
}

/* Free pages enough for it, and no span that long. */
static void a_hole_in_a_zone_parts_it(void)
{
	static struct host_machine map;
	uint64_t nr_up;

	map = machine_small;
	map.ranges[2].start = 4 * GIB;
	map.ranges[2].end = 7 * GIB;
	map.ranges[2].type = MEM_USABLE;
	map.ranges[3].start = 8 * GIB;
	map.ranges[3].end = 11 * GIB;
	map.ranges[3].type = MEM_USABLE;
	host_start_machine(&map);
	nr_up = nr_sections_up();
	CHECK(!alloc_contig_pages(4 * GIB / PAGE_SIZE, GFP_KERNEL, NID_NONE));
	CHECK_EQ(nr_sections_up(), nr_up);
}

/* What comes up for a range is the range, and what lies before it. */
static void a_range_brings_up_no_more_than_it_needs(void)
{
	uint64_t nr_up, nr_pages = GIB / PAGE_SIZE;
	struct page *pages;

	start_with_gib(64);
	nr_up = nr_sections_up();
	pages = alloc_contig_pages(nr_pages, GFP_KERNEL, NID_NONE);
	CHECK(pages != NULL);
	CHECK(nr_sections_up() <= nr_up + 1 + nr_pages / SECTION_PAGES);
	free_contig_range(page_to_pfn(pages), nr_pages);
}

/* ---- What breaks the rules of boot_info ---- */

static void ranges_that_break_a_rule_are_refused_by_its_name(void)
{
	static struct host_machine map;

	map = machine_small;
	map.ranges[2] = map.ranges[1];
	map.ranges[2].start += 32 * MIB;
	map.ranges[2].end += 32 * MIB;
	CHECK_PANICS("rule RANGE-2 is broken by range 2", host_start_machine(&map));
	map = machine_small;
	map.ranges[1].start += 100;
	CHECK_PANICS("rule RANGE-3 is broken by range 1", host_start_machine(&map));
	host_start_machine(&machine_small);
}

static const struct test_case map_cases[] = {
	{ "every page of random maps is to be had", every_page_of_random_maps_is_to_be_had },
	{ "planned tables are to be had", planned_tables_are_to_be_had },
	{ "every page of real maps with islands is to be had",
	  every_page_of_real_maps_with_islands_is_to_be_had },
	{ "nodes with any few pages boot", nodes_with_any_few_pages_boot },
	{ "machines too small say what they need", machines_too_small_say_what_they_need },
	{ "more memory is never less", more_memory_is_never_less },
	{ "an eighth of an idle machine is contiguous",
	  an_eighth_of_an_idle_machine_is_contiguous },
	{ "what cannot be contiguous is refused at once",
	  what_cannot_be_contiguous_is_refused_at_once },
	{ "a hole in a zone parts it", a_hole_in_a_zone_parts_it },
	{ "a range brings up no more than it needs", a_range_brings_up_no_more_than_it_needs },
	{ "ranges that break a rule are refused by its name",
	  ranges_that_break_a_rule_are_refused_by_its_name },
};

static const struct test_case soak_cases[] = {
	{ "every page of many maps is to be had", every_page_of_many_maps_is_to_be_had },
};

TEST_SUITE(maps, map_cases);
HIDDEN_TEST_SUITE(maps_soak, soak_cases);
