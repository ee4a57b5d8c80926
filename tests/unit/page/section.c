/* mem_map by sections, on the live system. */

#include "mm/page/section.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page/buddy.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page/grow.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

static void sections_beyond_memory_are_not_up(void)
{
	CHECK(!section_is_up(live.end_pfn + SECTION_PAGES));
	CHECK(!section_is_up(PFN_NONE));
	CHECK(nr_sections_up() > 0);
	CHECK(nr_sections_up() <= pfn_to_section(live.end_pfn - 1) + 1);
}

static void the_sections_up_are_counted(void)
{
	uint64_t nr_up = 0;

	for (pfn_t pfn = 0; pfn < live.end_pfn; pfn += SECTION_PAGES)
		nr_up += section_is_up(pfn);
	CHECK_EQ(nr_sections_up(), nr_up);
}

/* The first page of a section below the end of memory that is not up; PFN_NONE: all are. */
static pfn_t absent_pfn(void)
{
	for (pfn_t pfn = 0; pfn < live.end_pfn; pfn += SECTION_PAGES)
		if (!section_is_up(pfn))
			return pfn;
	return PFN_NONE;
}

/* Of each place in an absent section below the end of memory: its ends, and any page. */
static void what_is_absent_reads_as_a_hole(void)
{
	pfn_t start_pfn = absent_pfn();
	uint64_t nr_pages = min_u64(live.end_pfn - start_pfn, SECTION_PAGES);
	char text[160];

	if (start_pfn == PFN_NONE)
		SKIP("every section is up");
	for (unsigned i = 0; i < 100; i++) {
		pfn_t pfn = start_pfn + (i ? test_random_below(nr_pages) : nr_pages - 1);

		CHECK_EQ(pfn_to_page(pfn)->state, 0);
		CHECK_EQ(pfn_to_page(pfn)->type, PAGE_HOLE);
		page_whatis(pfn, text, sizeof(text));
		CHECK(strstr(text, "not in mem_map") != NULL);
		slab_describe(phys_to_virt(pfn_to_pa(pfn)), text, sizeof(text));
		CHECK(strstr(text, "no RAM, or not the allocator's") != NULL);
	}
}

/* Whatever pointer comes, who frees it gets a report and no fault. */
static void wild_frees_are_reported(void)
{
	pfn_t pfn = absent_pfn();
	void *va = phys_to_virt(pfn_to_pa(pfn) + 64);
	size_t bytes = 0;

	if (pfn == PFN_NONE)
		SKIP("every section is up");
	CHECK_PANICS("wild free", kfree(va));
	CHECK_PANICS("no RAM, or not the allocator's", kfree((uint8_t *)va - 64));
	CHECK_PANICS("use of what is no object", bytes = ksize(va));
	CHECK_PANICS("use of what is no object", (void)!krealloc(va, 100, GFP_KERNEL));
	CHECK_PANICS("free of a page that heads no block", __free_page(pfn_to_page(pfn)));
	CHECK_EQ(bytes, 0);
}

static void any_address_can_be_described(void)
{
	char text[160];

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t address = test_random() >> test_random_below(64);

		slab_describe((const void *)(uintptr_t)address, text, sizeof(text));
		CHECK(text[0] != '\0');
		slab_describe(phys_to_virt(address % pfn_to_pa(live.end_pfn)), text, sizeof(text));
		CHECK(text[0] != '\0');
		page_whatis(test_random() >> test_random_below(64), text, sizeof(text));
		CHECK(text[0] != '\0');
		page_whatis(test_random_below(live.end_pfn), text, sizeof(text));
		CHECK(text[0] != '\0');
	}
}

/* Damage included. Of a slab's page more is said, and believed. */
static void any_page_can_be_described(void)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_NO_INJECTION);
	char text[160];

	CHECK(page != NULL);
	if (!page)
		return;
	for (unsigned type = 0; type <= UINT8_MAX; type++) {
		if (type == PAGE_SLAB)
			continue;
		page->type = (uint8_t)type;
		slab_describe(page_address(page), text, sizeof(text));
		CHECK(strstr(text, type < NR_PAGE_TYPES ? "page" : "damaged") != NULL ||
		      type == PAGE_HOLE || type == PAGE_LARGE);
		CHECK(strncmp(text, "in ", 3) == 0 && strlen(text) > 10);
	}
	page->type = PAGE_USER;
	__free_page(page);
}

static void what_is_allocated_is_up(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct page *page = alloc_pages_node(nid, GFP_KERNEL, 0);

		CHECK(page != NULL);
		CHECK(section_is_up(page_to_pfn(page)));
		__free_page(page);
	}
}

/* SECTION-2: what the lists may touch can be read; its pageblock has a type. */
static void memory_that_is_up_is_described(void)
{
	for_each_populated_zone(zone) {
		for (uint32_t i = 0; i < zone->nr_spans && i < zone->grow_span; i++) {
			pfn_t pfn = zone->spans[i].start_pfn;

			CHECK(section_is_up(pfn));
			CHECK(section_is_up(zone->spans[i].end_pfn - 1));
			CHECK(pageblock_migratetype(pfn_to_page(pfn)) < MIGRATE_TYPES);
			CHECK(pfn_to_page(pfn)->type != PAGE_HOLE);
		}
	}
}

/* SECTION-3, where the port can tell what lies behind the vmemmap. */
static void metadata_pages_are_reserved(void)
{
	for (pfn_t pfn = 0; pfn < live.end_pfn; pfn += SECTION_PAGES) {
		pfn_t metadata_pfn;

		if (!section_is_up(pfn))
			continue;
		metadata_pfn = mm_port_lookup((uintptr_t)pfn_to_page(pfn));
		if (metadata_pfn != PFN_NONE && section_is_up(metadata_pfn))
			CHECK_EQ(pfn_to_page(metadata_pfn)->type, PAGE_RESERVED);
	}
}

#define LARGEST_BLOCK_PAGES	pages_in(MAX_ORDER)

/* Every piece of @zone, in one section, has room for its mem_map in one block. */
static bool has_large_pieces(const struct zone *zone)
{
	for (uint32_t i = 0; i < zone->nr_spans; i++) {
		pfn_t start_pfn = zone->spans[i].start_pfn, end_pfn = zone->spans[i].end_pfn;
		pfn_t first_border = (pfn_to_section(start_pfn) + 1) * SECTION_PAGES;
		pfn_t last_border = pfn_to_section(end_pfn - 1) * SECTION_PAGES;

		if (end_pfn - start_pfn < LARGEST_BLOCK_PAGES ||
		    (last_border > start_pfn && (first_border - start_pfn < LARGEST_BLOCK_PAGES ||
						 end_pfn - last_border < LARGEST_BLOCK_PAGES)))
			return false;
	}
	return true;
}

/* SECTION-4: what ZONE_MOVABLE gave are whole blocks, the mem_map of sections. */
static void tables_stay_out_of_movable_memory(void)
{
	unsigned nr_zones = 0;

	for_each_populated_zone(zone) {
		struct page *page;

		if (zone->type != ZONE_MOVABLE || !has_large_pieces(zone))
			continue;
		page = alloc_pages_node(zone->node->node_id,
					GFP_HIGHUSER_MOVABLE | __GFP_THISNODE, 0);
		CHECK(page != NULL);
		CHECK_EQ(zone->nr_metadata_pages % pages_in(PAGEBLOCK_ORDER), 0);
		__free_page(page);
		nr_zones++;
	}
	if (nr_zones == 0)
		SKIP("no ZONE_MOVABLE");
}

static void a_section_that_is_up_comes_up_at_once(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	uint64_t nr_up = nr_sections_up();

	CHECK(page != NULL);
	section_bring_up(pfn_to_section(page_to_pfn(page)));
	CHECK_EQ(page->type, PAGE_USER);
	CHECK_EQ(nr_sections_up(), nr_up);
	__free_page(page);
}

static void a_section_that_is_none_panics(void)
{
	struct map_plan *plan = sections_plan();

	CHECK_PANICS("section < sections.plan.nr_sections",
		     section_bring_up(UINT64_MAX / SECTION_PAGES));
	for (uint64_t section = 0; section < plan->nr_sections; section++)
		if (plan->states[section] == SECTION_NONE) {
			CHECK_PANICS("absent != SECTION_NONE", section_bring_up(section));
			return;
		}
	SKIP("every section below the end of memory has some");
}

static void a_section_between_runs_has_none(void)
{
	struct map_run runs[] = {
		{ .first_section = 0, .end_section = 0 },	/* for tables */
		{ .first_section = 2, .end_section = 4 },
		{ .first_section = 6, .end_section = 7 },
	};
	const struct map_plan plan = { .runs = runs, .nr_runs = ARRAY_SIZE(runs) };

	CHECK(map_plan_find(&plan, 0) == NULL);
	CHECK(map_plan_find(&plan, 1) == NULL);
	CHECK(map_plan_find(&plan, 2) == &runs[1]);
	CHECK(map_plan_find(&plan, 3) == &runs[1]);
	CHECK(map_plan_find(&plan, 4) == NULL);
	CHECK(map_plan_find(&plan, 5) == NULL);
	CHECK(map_plan_find(&plan, 6) == &runs[2]);
	CHECK(map_plan_find(&plan, 7) == NULL);
}

/* ---- Rules ---- */

static bool breaks(const char *rule)
{
	struct violation violation;

	return !sections_verify(&violation) && strcmp(violation.rule, rule) == 0;
}

/* The first run of sections; those for tables come before. */
static struct map_run *first_run(void)
{
	struct map_run *run = sections_plan()->runs;

	while (run->first_section == run->end_section)
		run++;
	return run;
}

static void verify_notices_SECTION_1(void)
{
	uint8_t *state = &sections_plan()->states[first_run()->first_section];
	uint8_t kept = *state;

	*state = SECTION_BUSY;
	CHECK(breaks("SECTION-1"));
	*state = kept == SECTION_UP ? SECTION_ABSENT : SECTION_UP;
	CHECK(breaks("SECTION-1"));
	*state = kept;
}

static void verify_notices_SECTION_2(void)
{
	for_each_populated_zone(owner) {
		struct pfn_span *span = owner->spans;
		pfn_t start_pfn;

		if (owner->nr_spans == 0)
			continue;
		start_pfn = span->start_pfn;
		span->start_pfn = sections_plan()->nr_sections * SECTION_PAGES;
		span->end_pfn += sections_plan()->nr_sections * SECTION_PAGES;
		CHECK(breaks("SECTION-2"));
		span->start_pfn = start_pfn;
		span->end_pfn -= sections_plan()->nr_sections * SECTION_PAGES;
	}
}

static void verify_notices_SECTION_3(void)
{
	const struct map_plan *plan = sections_plan();

	for (uint32_t i = 0; i < plan->nr_runs; i++) {
		struct page *page = pfn_to_page(plan->runs[i].pages.start_pfn);

		if (!page_is_described(plan->runs[i].pages.start_pfn))
			continue;
		page->type = PAGE_USER;
		CHECK(breaks("SECTION-3"));
		page->type = PAGE_RESERVED;
		return;
	}
	SKIP("no mem_map of mem_map is up");
}

static void verify_notices_SECTION_4(void)
{
	struct map_run *run = first_run();
	struct pglist_data *node = run->node;
	pfn_t movable_start_pfn = node->movable_start_pfn;
	struct map_run kept = *run;

	node->movable_start_pfn = 0;
	run->first_section = run->end_section = 0;
	run->is_for_tables = true;
	CHECK(breaks("SECTION-4"));
	*run = kept;
	node->movable_start_pfn = movable_start_pfn;
}

static void verify_notices_SECTION_5(void)
{
	struct map_run *run = first_run();

	run->pages.end_pfn--;
	CHECK(breaks("SECTION-5"));
	run->pages.end_pfn++;
	run->end_section += sections_plan()->nr_sections;
	CHECK(breaks("SECTION-5"));
	run->end_section -= sections_plan()->nr_sections;
}

static void verify_notices_SECTION_6(void)
{
	struct zone *zone = &node_data(0)->node_zones[ZONE_DMA];

	zone->nr_metadata_pages++;
	CHECK(breaks("SECTION-6"));
	zone->nr_metadata_pages--;
}

static bool breaks_handover(void)
{
	struct violation violation;

	return !handover_verify(&violation) && strcmp(violation.rule, "GROW-1") == 0;
}

static void verify_notices_GROW_1(void)
{
	struct map_run *run = first_run();
	struct pglist_data *node = node_data(0);

	while (node->nr_taken == 0)
		node = node->pgdat_next;
	node->taken[0].end_pfn--;		/* a page is lost */
	CHECK(breaks_handover());
	node->taken[0].end_pfn += 2;		/* or twice somewhere */
	CHECK(breaks_handover());
	node->taken[0].end_pfn--;
	run->pages.start_pfn += live.end_pfn;	/* or no memory */
	run->pages.end_pfn += live.end_pfn;
	CHECK(breaks_handover());
	run->pages.start_pfn -= live.end_pfn;
	run->pages.end_pfn -= live.end_pfn;
	CHECK(mm_verify_all());
}

static const struct test_case cases[] = {
	{ "sections beyond memory are not up", sections_beyond_memory_are_not_up },
	{ "the sections up are counted", the_sections_up_are_counted },
	{ "what is absent reads as a hole", what_is_absent_reads_as_a_hole },
	{ "wild frees are reported", wild_frees_are_reported },
	{ "any address can be described", any_address_can_be_described },
	{ "any page can be described", any_page_can_be_described },
	{ "what is allocated is up", what_is_allocated_is_up },
	{ "memory that is up is described", memory_that_is_up_is_described },
	{ "metadata pages are reserved", metadata_pages_are_reserved },
	{ "tables stay out of movable memory", tables_stay_out_of_movable_memory },
	{ "a section that is up comes up at once", a_section_that_is_up_comes_up_at_once },
	{ "a section that is none panics", a_section_that_is_none_panics },
	{ "a section between runs has none", a_section_between_runs_has_none },
	{ "verify notices SECTION-1", verify_notices_SECTION_1 },
	{ "verify notices SECTION-2", verify_notices_SECTION_2 },
	{ "verify notices SECTION-3", verify_notices_SECTION_3 },
	{ "verify notices SECTION-4", verify_notices_SECTION_4 },
	{ "verify notices SECTION-5", verify_notices_SECTION_5 },
	{ "verify notices SECTION-6", verify_notices_SECTION_6 },
	{ "verify notices GROW-1", verify_notices_GROW_1 },
};

TEST_SUITE(mem_map, cases);
