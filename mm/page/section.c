/*
 * Sections: mem_map on demand.
 *
 * Model
 *   A section is 65,536 pages, 256 MiB of addresses; its 32-byte struct pages
 *   fill 2 MiB. The vmemmap has a fixed place for each; a section is up when its
 *   place is mapped and its pages are initialised. That happens when a zone
 *   first needs the memory, so that boot costs the same for 1 GiB and 8 TiB.
 *   Where the memory for it lies has been decided at boot (mm/page/map_plan.c).
 *
 *   Whatever is not mapped reads as zeroes (mm/port.h), which is PAGE_HOLE, and is
 *   never written. Of a fresh page only the words `state` (0, PAGE_HOLE) and
 *   `notes` are initialised: the links are written before they are read.
 *
 * Invariants, for a quiet system
 *   SECTION-1  no section is busy, and nr_up of them are up
 *   SECTION-2  each pageblock with memory of a zone is in a run of the plan
 *   SECTION-3  a page that holds mem_map or waits to be a table is PAGE_RESERVED where
 *       it has a struct page itself
 *   SECTION-4  ZONE_MOVABLE pays for sections it has a part in, and for no table
 *   SECTION-5  runs are sorted, share no section, and have the pages they need
 *   SECTION-6  the pages of all runs are the zones' metadata pages
 *
 * Locking
 *   `states` are claimed by compare and exchange; who loses waits. map_lock
 *   serialises changes of the vmemmap's tables. The caller may hold one zone's
 *   grow_lock.
 */

#include "mm/page/section.h"

#include "lib/align.h"
#include "lib/string.h"

_Static_assert(PAGE_HOLE == 0, "zeroed metadata reads as a hole");

static struct {
	struct map_plan plan;
	struct pglist_data *first_node;
	struct spinlock map_lock;
	uint64_t nr_up;
} sections;

void sections_init(const struct map_plan *plan, struct pglist_data *first_node)
{
	sections.plan = *plan;
	sections.first_node = first_node;
	sections.nr_up = 0;
}

struct map_plan *sections_plan(void)
{
	return &sections.plan;
}

bool section_is_up(pfn_t pfn)
{
	uint64_t section = pfn_to_section(pfn);

	return section < sections.plan.nr_sections &&
	       __atomic_load_n(&sections.plan.states[section], __ATOMIC_ACQUIRE) == SECTION_UP;
}

bool page_is_described(pfn_t pfn)
{
	return section_is_up(pfn) && map_run_has(map_plan_find(&sections.plan, pfn_to_section(pfn)),
						 pfn % SECTION_PAGES / PAGEBLOCK_PAGES);
}

uint64_t nr_sections_up(void)
{
	return __atomic_load_n(&sections.nr_up, __ATOMIC_RELAXED);
}

/* ---- Mapping ---- */

static pfn_t take_table_page(void *arg)
{
	(void)arg;
	return map_plan_take_table(&sections.plan);
}

/* The plan has a page for each table that mm/port.h allows the port to take. */
static void map_metadata(pfn_t described_pfn, pfn_t metadata_pfn, uint64_t nr_metadata_pages)
{
	uintptr_t va = mm_port_vmemmap + described_pfn * sizeof(struct page);
	bool is_mapped;

	spin_lock(&sections.map_lock);
	is_mapped = mm_port_map_vmemmap(va, metadata_pfn, nr_metadata_pages, take_table_page, NULL);
	spin_unlock(&sections.map_lock);
	ASSERT(is_mapped);
}

/* The first pageblock from @block on that @run has, or has not; or SECTION_PAGEBLOCKS. */
static uint64_t next_block(const struct map_run *run, uint64_t block, bool has)
{
	while (block < SECTION_PAGEBLOCKS && map_run_has(run, block) != has)
		block++;
	return block;
}

/* For each stretch of pageblocks [first, end) that @run has. */
#define for_each_stretch(first, end, run)						\
	for (uint64_t first = next_block(run, 0, true), end = next_block(run, first, false); \
	     first < SECTION_PAGEBLOCKS;						\
	     first = next_block(run, end, true), end = next_block(run, first, false))

static void map_section(const struct map_run *run, uint64_t section)
{
	pfn_t metadata_pfn = run->pages.start_pfn +
			     (section - run->first_section) * map_run_pages(run);

	for_each_stretch(first, end, run) {
		uint64_t nr_pages = (end - first) * PAGEBLOCK_METADATA;

		map_metadata(section * SECTION_PAGES + first * PAGEBLOCK_PAGES, metadata_pfn,
			     nr_pages);
		metadata_pfn += nr_pages;
	}
}

/* ---- Initialisation ---- */

/* Four pages a turn, so that the loop itself costs next to nothing. */
static void init_pages(struct page *page, uint64_t nr_pages)
{
	for (struct page *end = page + nr_pages; page < end; page += 4) {
		page[0].state = 0;
		page[0].notes = 0;
		page[1].state = 0;
		page[1].notes = 0;
		page[2].state = 0;
		page[2].notes = 0;
		page[3].state = 0;
		page[3].notes = 0;
	}
}

static void init_section(const struct map_run *run, pfn_t section_pfn)
{
	for_each_stretch(first, end, run) {
		pfn_t pfn = section_pfn + first * PAGEBLOCK_PAGES;

		init_pages(pfn_to_page(pfn), (end - first) * PAGEBLOCK_PAGES);
		for (; first < end; first++, pfn += PAGEBLOCK_PAGES)
			pfn_to_page(pfn)->block_migratetype = MIGRATE_MOVABLE;
	}
}

/* Four at a time: of a page only this word is written, and the loop costs more than that. */
static void set_states(struct page *page, uint64_t nr_pages, uint64_t state)
{
	struct page *end = page + nr_pages;

	for (; page + 4 <= end; page += 4) {
		page_set_state(&page[0], state);
		page_set_state(&page[1], state);
		page_set_state(&page[2], state);
		page_set_state(&page[3], state);
	}
	while (page < end)
		page_set_state(page++, state);
}

/*
 * What of @span lies in the section of @run that begins at @section_pfn. By pageblocks: in
 * a large node mem_map itself fills most of the first section that comes up.
 */
static void mark_reserved(const struct map_run *run, pfn_t section_pfn,
			  const struct pglist_data *node, struct pfn_span span)
{
	pfn_t next_pfn;

	span = span_intersect(span, (struct pfn_span){ section_pfn, section_pfn + SECTION_PAGES });
	for (pfn_t pfn = span.start_pfn; pfn < span.end_pfn; pfn = next_pfn) {
		enum zone_type type = node_zone_type(node, pfn);

		next_pfn = min_u64(align_up(pfn + 1, PAGEBLOCK_PAGES), span.end_pfn);
		if (!map_run_has(run, (pfn - section_pfn) / PAGEBLOCK_PAGES))
			continue;
		/* Two zones may share a pageblock: page by page then. */
		if (node_zone_type(node, next_pfn - 1) != type)
			next_pfn = pfn + 1;
		set_states(pfn_to_page(pfn), next_pfn - pfn,
			   make_page_state(PAGE_RESERVED, 0, node->node_zones[type].index, 0));
	}
}

/* What boot took of this section says so, and what mem_map is made of. */
static void mark_taken(const struct map_run *run, pfn_t section_pfn)
{
	for (struct pglist_data *node = sections.first_node; node; node = node->pgdat_next)
		for (uint32_t i = 0; i < node->nr_taken; i++)
			mark_reserved(run, section_pfn, node, node->taken[i]);
	for (uint32_t i = 0; i < sections.plan.nr_runs; i++)
		mark_reserved(run, section_pfn, sections.plan.runs[i].node,
			      sections.plan.runs[i].pages);
}

void section_bring_up(uint64_t section)
{
	uint8_t *state = &sections.plan.states[section];
	uint8_t absent = SECTION_ABSENT;
	const struct map_run *run;

	ASSERT(section < sections.plan.nr_sections);

	while (!__atomic_compare_exchange_n(state, &absent, SECTION_BUSY, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_ACQUIRE)) {
		if (absent == SECTION_UP)
			return;
		ASSERT(absent != SECTION_NONE);
		absent = SECTION_ABSENT;
		mm_port_spin_hint();
	}
	run = map_plan_find(&sections.plan, section);
	map_section(run, section);
	init_section(run, section * SECTION_PAGES);
	mark_taken(run, section * SECTION_PAGES);
	__atomic_fetch_add(&sections.nr_up, 1, __ATOMIC_RELAXED);
	__atomic_store_n(state, SECTION_UP, __ATOMIC_RELEASE);
}

/* ---- Verification ---- */

static bool verify_states(struct violation *out)
{
	const struct map_plan *plan = &sections.plan;
	uint64_t nr_up = 0;

	for (uint64_t section = 0; section < plan->nr_sections; section++) {
		REQUIRE("SECTION-1", section, plan->states[section] != SECTION_BUSY);
		nr_up += plan->states[section] == SECTION_UP;
	}
	REQUIRE("SECTION-1", nr_up, nr_up == sections.nr_up);
	return true;
}

/* A run of long spans has every pageblock, so its first section speaks for the others. */
static bool verify_span(struct pfn_span span, struct violation *out)
{
	pfn_t pfn = align_down(span.start_pfn, PAGEBLOCK_PAGES);

	while (pfn < span.end_pfn) {
		const struct map_run *run = map_plan_find(&sections.plan, pfn_to_section(pfn));

		REQUIRE("SECTION-2", pfn, run != NULL);
		REQUIRE("SECTION-2", pfn,
			map_run_has(run, pfn % SECTION_PAGES / PAGEBLOCK_PAGES));
		pfn = run->end_section - run->first_section > 1 ? run->end_section * SECTION_PAGES
								: pfn + PAGEBLOCK_PAGES;
	}
	return true;
}

static bool verify_run(const struct map_run *run, struct violation *out)
{
	uint64_t nr_sections = run->end_section - run->first_section;

	REQUIRE("SECTION-5", run->first_section, run->first_section <= run->end_section);
	REQUIRE("SECTION-5", run->first_section, run->end_section <= sections.plan.nr_sections);
	REQUIRE("SECTION-5", run->first_section,
		nr_sections == 0 || span_pages(run->pages) == nr_sections * map_run_pages(run));
	for (pfn_t pfn = run->pages.start_pfn; pfn < run->pages.end_pfn; pfn++) {
		REQUIRE("SECTION-4", pfn, pfn < run->node->movable_start_pfn ||
			(!run->is_for_tables &&
			 (nr_sections == 0 || pfn_to_section(pfn) <= run->first_section)));
		REQUIRE("SECTION-3", pfn, !page_is_described(pfn) ||
			pfn_to_page(pfn)->type == PAGE_RESERVED);
	}
	return true;
}

static bool verify_runs(struct violation *out)
{
	const struct map_plan *plan = &sections.plan;

	for (uint32_t i = 0; i < plan->nr_runs; i++) {
		REQUIRE("SECTION-5", i,
			i == 0 || plan->runs[i - 1].end_section <= plan->runs[i].first_section);
		if (!verify_run(&plan->runs[i], out))
			return false;
	}
	return true;
}

static bool verify_counts(struct violation *out)
{
	const struct map_plan *plan = &sections.plan;
	uint64_t nr_counted = 0, nr_pages = 0;

	for (const struct pglist_data *node = sections.first_node; node; node = node->pgdat_next)
		for (unsigned type = 0; type < MAX_NR_ZONES; type++)
			nr_counted += node->node_zones[type].nr_metadata_pages;
	for (uint32_t i = 0; i < plan->nr_runs; i++)
		nr_pages += span_pages(plan->runs[i].pages);
	REQUIRE("SECTION-6", nr_pages, nr_pages == nr_counted);
	return true;
}

bool sections_verify(struct violation *out)
{
	if (!verify_states(out) || !verify_runs(out) || !verify_counts(out))
		return false;
	for (const struct pglist_data *node = sections.first_node; node; node = node->pgdat_next)
		for (unsigned type = 0; type < MAX_NR_ZONES; type++)
			for (uint32_t i = 0; i < node->node_zones[type].nr_spans; i++)
				if (!verify_span(node->node_zones[type].spans[i], out))
					return false;
	return true;
}
