/*
 * Which physical ranges the kernel maps, and how many tables that takes.
 *
 * Adjoining ranges of RAM count as one run, whatever their types, so that the
 * largest pages fit. Memory that is not for caching, set aside, persistent or
 * not accepted is not mapped: nobody here may touch it.
 */

#include "arch/x86_64/mmu_ranges.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/windows.h"
#include "lib/align.h"

#define DEVICE_TABLE_PAGES	64	/* framebuffer to 64 MiB unaligned, APIC, UART */
#define FIRST_LEVELS_PAGES	16	/* root, first vmemmap and vmalloc levels */
#define BACKDROP_PAGES		3	/* two tables and the page of zeroes */

static bool is_direct_mapped(enum mem_type type)
{
	switch (type) {
	case MEM_USABLE:
	case MEM_KERNEL:
	case MEM_ACPI_RECLAIM:
	case MEM_ACPI_NVS:
	case MEM_RUNTIME_CODE:
	case MEM_RUNTIME_DATA:
	case MEM_LOW:
		return true;
	case MEM_NOT_CACHED:
	case MEM_SOFT_RESERVED:
	case MEM_PERSISTENT:
	case MEM_UNACCEPTED:
	case MEM_MMIO:
	case MEM_RESERVED:
	case MEM_UNUSABLE:
	case MEM_UNKNOWN:
	case NR_MEM_TYPES:
		return false;
	}
	return false;
}

bool mmu_next_run(const struct mem_range *ranges, uint32_t nr_ranges, uint32_t *next,
		  uint64_t *start, uint64_t *end)
{
	const uint64_t max_pa = 1ull << MAX_PHYS_BITS;
	uint32_t i = *next;

	while (i < nr_ranges && (!is_direct_mapped(ranges[i].type) || ranges[i].start >= max_pa))
		i++;
	if (i == nr_ranges)
		return false;
	*start = ranges[i].start;
	*end = ranges[i].end;
	for (i++; i < nr_ranges && ranges[i].start == *end && is_direct_mapped(ranges[i].type); i++)
		*end = ranges[i].end;
	*end = min_u64(*end, max_pa);
	*next = i;
	return true;
}

bool mmu_is_in_ram(const struct boot_info *info, uint64_t start, uint64_t end)
{
	uint64_t run_start, run_end;
	uint32_t next = 0;

	while (mmu_next_run(info->ranges, info->nr_ranges, &next, &run_start, &run_end))
		if (start >= run_start && end <= run_end)
			return true;
	return false;
}

bool mmu_may_map(uint64_t pa, uint64_t bytes)
{
	return mmu_is_in_ram(mmu_boot_info, pa, pa + bytes) ||
	       windows_hold(&mmu_windows, pa, pa + bytes);
}

/* ---- How many tables that takes ---- */

static uint64_t entries_touched(uint64_t start, uint64_t end, unsigned level)
{
	uint64_t bytes = level_bytes(level);

	return (align_up(end, bytes) - align_down(start, bytes)) / bytes;
}

/* Tables below the root for one run: whole levels above its leaves, edges below. */
static uint64_t tables_for_run(uint64_t start, uint64_t end)
{
	uint64_t nr_level3 = entries_touched(start, end, PT_LEVEL_ROOT);
	uint64_t nr_level2 = entries_touched(start, end, PT_LEVEL_1G);

	if (cpu_features.has_1g_pages)
		nr_level2 = min_u64(nr_level2, 2);
	return nr_level3 + nr_level2 + 2;
}

uint64_t arch_table_pages_needed(const struct mem_range *ranges, uint32_t nr_ranges)
{
	/* The image three times: high, its identity alias, and its split direct map. */
	uint64_t nr_pages = FIRST_LEVELS_PAGES + BACKDROP_PAGES + DEVICE_TABLE_PAGES +
			    3 * (3 + MAX_IMAGE_BYTES / level_bytes(PT_LEVEL_2M));
	uint64_t start, end;
	uint32_t next = 0;

	while (mmu_next_run(ranges, nr_ranges, &next, &start, &end))
		nr_pages += tables_for_run(start, end);
	return nr_pages;
}
