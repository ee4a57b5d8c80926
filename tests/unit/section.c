/* mem_map by sections, on the live system. */

#include "mm/section.h"

#include "mm/buddy.h"
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

static void what_is_allocated_is_up(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct page *page = alloc_pages_node(nid, GFP_KERNEL, 0);

		CHECK(page != NULL);
		CHECK(section_is_up(page_to_pfn(page)));
		__free_page(page);
	}
}

/* S2: what the lists may touch can be read; its pageblock has a type. */
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

/* S3, where the port can tell what lies behind the vmemmap. */
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

static void a_section_that_is_up_takes_nothing(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	struct section_offer offer = { .zone = page_zone(page), .head = { 1, 1000 } };
	uint64_t nr_up = nr_sections_up();

	CHECK(section_bring_up(pfn_to_section(page_to_pfn(page)), &offer));
	CHECK_EQ(offer.nr_taken_pages, 0);
	CHECK_EQ(offer.head.end_pfn, 1000);
	CHECK_EQ(nr_sections_up(), nr_up);
	__free_page(page);
}

static void a_section_that_is_none_panics(void)
{
	struct section_offer offer = { .zone = NULL };

	CHECK_PANICS("section < sections.setup.nr_sections",
		     (void)!section_bring_up(UINT64_MAX / SECTION_PAGES, &offer));
}

static const struct test_case cases[] = {
	{ "sections beyond memory are not up", sections_beyond_memory_are_not_up },
	{ "the sections up are counted", the_sections_up_are_counted },
	{ "what is allocated is up", what_is_allocated_is_up },
	{ "memory that is up is described", memory_that_is_up_is_described },
	{ "metadata pages are reserved", metadata_pages_are_reserved },
	{ "a section that is up takes nothing", a_section_that_is_up_takes_nothing },
	{ "a section that is none panics", a_section_that_is_none_panics },
};

TEST_SUITE(mem_map, cases);
