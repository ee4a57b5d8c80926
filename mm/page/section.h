#ifndef MM_SECTION_H
#define MM_SECTION_H

/*
 * mem_map, a section of 256 MiB at a time. See mm/page/section.c.
 */

#include "mm/page/map_plan.h"

/*
 * Starts with no section up, as @plan has it, whose arrays stay valid. @first_node
 * leads to all others.
 */
void sections_init(const struct map_plan *plan, struct pglist_data *first_node);

/*
 * Makes mem_map of @section usable, for which there is a plan. At once when it is
 * up or another CPU has done it.
 *
 * Context: no zone lock held. Costs about 2.5 instructions a page.
 */
void section_bring_up(uint64_t section);

/* True when struct page of @pfn says what the page is, and may be written. Any @pfn. */
bool section_is_up(pfn_t pfn);

/* The same for a single page: in a section that is up some have no memory around them. */
bool page_is_described(pfn_t pfn);

/* Sections that are up. */
uint64_t nr_sections_up(void);

/* Where mem_map lies. Tests may write to it. */
struct map_plan *sections_plan(void);

/* Checks the rules of mm/page/section.c for a quiet system. O(sections + metadata pages). */
bool sections_verify(struct violation *out);

#endif
