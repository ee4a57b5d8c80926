/*
 * The live page tables as text, in the manner of Linux's page-table dump.
 *
 * One row per run of leaves that follow one another with the same rights and
 * size, whatever frames they lead to; a heading where an area of the address
 * map begins. Holes are not shown: the addresses tell. A backdrop is one row of
 * small pages ("all one page"), however few tables show it.
 */

#include "arch.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "log.h"

struct area {
	uintptr_t start_va;
	const char *name;
};

/* Linux's names, in order of address. */
static const struct area areas[] = {
	{ 0, "User Space" },
	{ HIGH_HALF_START, "Kernel Space" },
	{ DIRECT_MAP_START, "Low Kernel Mapping" },
	{ FAR_DEVICES_START, "Far Devices" },
	{ VMALLOC_START, "vmalloc() Area" },
	{ VMALLOC_END, "Kernel Space" },
	{ VMEMMAP_START, "Vmemmap" },
	{ IMAGE_START, "High Kernel Mapping" },
};

struct dump {
	unsigned nr_areas;		/* headings printed */
	uintptr_t start_va, end_va;	/* the run so far; empty when equal */
	unsigned level;
	uint64_t bits;
};

static const char *level_name(unsigned level)
{
	switch (level) {
	case PT_LEVEL_4K:
		return "pte";
	case PT_LEVEL_2M:
		return "pmd";
	case PT_LEVEL_1G:
		return "pud";
	default:
		return "pgd";
	}
}

/* The largest unit that divides @bytes. */
static uint64_t in_units(uint64_t bytes, char *unit)
{
	static const char units[] = "KMGT";
	uint64_t value = bytes >> 10;
	unsigned i = 0;

	while (!(value & 1023) && units[i + 1]) {
		value >>= 10;
		i++;
	}
	*unit = units[i];
	return value;
}

static void print_run(const struct dump *dump)
{
	uint64_t bits = dump->bits;
	uint64_t value;
	char unit;

	if (dump->start_va == dump->end_va)
		return;
	value = in_units(dump->end_va - dump->start_va, &unit);
	log_raw("0x%016llx-0x%016llx   %9llu%c %s%s%s%s%s%s%s%s%s\n",
		(unsigned long long)dump->start_va, (unsigned long long)dump->end_va,
		(unsigned long long)value, unit, bits & PTE_USER ? "USR " : "    ",
		bits & PTE_WRITE ? "RW " : "ro ", bits & PTE_PWT ? "PWT " : "    ",
		bits & PTE_PCD ? "PCD " : "    ",
		dump->level > PT_LEVEL_4K ? "PSE " : "    ",
		bits & PTE_GLOBAL ? "GLB " : "    ", bits & PTE_NX ? "NX " : "x  ",
		level_name(dump->level), bits & PTE_BACKDROP ? " all one page" : "");
}

static void print_headings(struct dump *dump, uintptr_t va)
{
	for (; dump->nr_areas < ARRAY_SIZE(areas) && areas[dump->nr_areas].start_va <= va;
	     dump->nr_areas++)
		log_raw("---[ %s ]---\n", areas[dump->nr_areas].name);
}

static bool add_leaf(void *arg, uintptr_t va, unsigned level, uint64_t pa, uint64_t bits)
{
	struct dump *dump = arg;
	unsigned page_level = bits & PTE_BACKDROP ? PT_LEVEL_4K : level;
	bool enters_area = dump->nr_areas < ARRAY_SIZE(areas) &&
			   areas[dump->nr_areas].start_va <= va;

	(void)pa;
	if (va != dump->end_va || page_level != dump->level || bits != dump->bits || enters_area) {
		print_run(dump);
		print_headings(dump, va);
		dump->start_va = va;
		dump->level = page_level;
		dump->bits = bits;
	}
	dump->end_va = va + level_bytes(level);
	return true;
}

void arch_print_tables(void)
{
	struct dump dump = { 0 };

	paging_visit(&kernel_tables, add_leaf, &dump);
	print_run(&dump);
	log_raw("page tables: %llu\n", (unsigned long long)kernel_tables.nr_tables);
}
