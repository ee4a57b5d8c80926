#ifndef MM_MAP_PLAN_H
#define MM_MAP_PLAN_H

/*
 * Where mem_map lies: decided once, at boot, for every section that will ever
 * come up. See mm/page/map_plan.c.
 */

#include "mm/page/zone.h"

#define SECTION_PAGES		((uint64_t)1 << (SECTION_SHIFT - PAGE_SHIFT))
#define SECTION_PAGEBLOCKS	(SECTION_PAGES / PAGEBLOCK_PAGES)

/* Pages of mem_map that describe a section, and one pageblock. */
#define METADATA_PAGES		(SECTION_PAGES * sizeof(struct page) / PAGE_SIZE)
#define PAGEBLOCK_METADATA	(PAGEBLOCK_PAGES * sizeof(struct page) / PAGE_SIZE)

#define SECTION_BITMAP_WORDS	(SECTION_PAGEBLOCKS / 64)

static inline uint64_t pfn_to_section(pfn_t pfn)
{
	return pfn / SECTION_PAGES;
}

/* What a section is: one byte of each. */
enum section_state {
	SECTION_NONE,		/* nothing to be had there: has no mem_map, ever */
	SECTION_ABSENT,		/* planned */
	SECTION_BUSY,		/* a CPU is bringing it up */
	SECTION_UP
};

/* Consecutive sections and the pages that hold their mem_map, in the same order. */
struct map_run {
	uint64_t first_section;		/* half-open; empty: the pages have no mem_map on them */
	uint64_t end_section;
	struct pfn_span pages;
	struct pglist_data *node;	/* of the pages */
	bool is_for_tables;
	uint64_t pageblocks[SECTION_BITMAP_WORDS];	/* that have mem_map, in each section */
};

struct map_plan {
	struct map_run *runs;		/* sorted by section, those without one first */
	uint32_t nr_runs;
	uint32_t max_runs;
	uint8_t *states;		/* enum section_state */
	uint64_t nr_sections;
	pfn_t spare_pfn;		/* for tables: the first piece of a chain, or PFN_NONE */
	uint64_t nr_spare_pages;
};

/* Free memory of a node on its way to the zones: sorted, no two touch in a zone. */
struct node_spans {
	struct pglist_data *node;
	struct pfn_span *spans;
	uint32_t nr_spans;
	uint32_t max_spans;
};

/* How many runs a plan for @nr_spans spans may need; how many spans it may make of them. */
uint32_t map_plan_max_runs(uint32_t nr_spans);
uint32_t map_plan_max_spans(uint32_t nr_spans);

/*
 * Plans for the memory of @nr_nodes nodes: takes pages out of their spans, counts
 * them as metadata of their zones, and fills @plan, whose arrays are there and
 * zeroed. What is left in the spans is exactly what growing will give.
 *
 * False when the machine has no page left for the tables that map mem_map.
 */
bool map_plan_make(struct map_plan *plan, struct node_spans *nodes, unsigned nr_nodes) MUST_CHECK;

/* The run that @section is part of, or NULL. O(log n). */
const struct map_run *map_plan_find(const struct map_plan *plan, uint64_t section);

/* True when pageblock @index of each section of @run has mem_map. */
static inline bool map_run_has(const struct map_run *run, uint64_t index)
{
	return run->pageblocks[index / 64] >> (index % 64) & 1;
}

/* How many pages hold mem_map of one section of @run. */
uint64_t map_run_pages(const struct map_run *run);

/* A zeroed page for a table, or PFN_NONE. */
pfn_t map_plan_take_table(struct map_plan *plan);

#endif
