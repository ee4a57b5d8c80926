#ifndef MM_SECTION_H
#define MM_SECTION_H

/*
 * mem_map, a section of 256 MiB at a time. See mm/page/section.c.
 */

#include "mm/topology.h"
#include "mm/page/zone.h"

#define SECTION_PAGES	((uint64_t)1 << (SECTION_SHIFT - PAGE_SHIFT))

static inline uint64_t pfn_to_section(pfn_t pfn)
{
	return pfn / SECTION_PAGES;
}

/* Table pages one mapping may need: one of each level but the top. */
#define TABLE_PAGES_PER_MAPPING	3u

/* What sections need to know of the machine. All of it stays valid. */
struct section_setup {
	uint8_t *states;			/* nr_sections bytes */
	uint64_t nr_sections;
	const struct topology *topology;
	struct pglist_data *first_node;
};

/* Starts with no section up. */
void sections_init(const struct section_setup *setup);

/* Free memory of one section, offered for that section's own metadata. */
struct section_offer {
	struct zone *zone;
	struct pfn_span head;			/* what is left of it: these two pieces */
	struct pfn_span tail;
	uint64_t nr_taken_pages;
};

/*
 * Makes mem_map of @section usable, taking memory for it from @offer, else from
 * any zone but ZONE_MOVABLE that has a free 2 MiB block. True also when another CPU did it.
 * False when there is no memory for it; then nothing is changed.
 *
 * Context: no zone lock held. Costs about 2.5 instructions a page.
 */
bool section_bring_up(uint64_t section, struct section_offer *offer) MUST_CHECK;

/* True when struct page of @pfn says what the page is, and may be written. Any @pfn. */
bool section_is_up(pfn_t pfn);

/* Sections that are up. */
uint64_t nr_sections_up(void);

#endif
