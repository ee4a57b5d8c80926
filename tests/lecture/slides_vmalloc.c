/* Slide 13: contiguous addresses over scattered pages. */

#include "mm/vmalloc.h"

#include "tests/lecture/lecture.h"

#include "mm/page_alloc.h"
#include "mm/vmalloc/vm_area.h"

#define SLIDE_PAGES	8u

static bool list_is_ordered(void)
{
	bool is_ordered = true;

	spin_lock(&vm_areas.lock);
	for (const struct vm_struct *area = vm_areas.first; area && area->next; area = area->next)
		is_ordered = is_ordered && area->addr < area->next->addr;
	spin_unlock(&vm_areas.lock);
	return is_ordered;
}

static struct vm_struct *area_at(const void *addr)
{
	struct vm_struct *area;

	spin_lock(&vm_areas.lock);
	area = vm_area_at_or_before((uintptr_t)addr);
	spin_unlock(&vm_areas.lock);
	return area;
}

/*
 * Keeps every second page that the allocator hands out, so that what the area
 * gets cannot be contiguous even on a machine that has just booted.
 */
void *slide_scattered_area(unsigned nr_pages)
{
	struct page *pages[2 * SLIDE_PAGES];
	unsigned nr_taken = alloc_pages_bulk(GFP_KERNEL, NID_NONE, 2 * nr_pages, pages);
	void *addr;

	for (unsigned i = 1; i < nr_taken; i += 2)
		__free_page(pages[i]);
	addr = vmalloc(pages_to_bytes(nr_pages));
	for (unsigned i = 0; i < nr_taken; i += 2)
		__free_page(pages[i]);
	return addr;
}

static struct vmalloc_facts facts_of(const struct vm_struct *area)
{
	struct vmalloc_facts facts = {
		.nr_pages = area->nr_pages,
		.nr_runs = 1,
		.is_ordered = list_is_ordered(),
		.agrees_with_tables = true,
	};
	const char *addr = area->addr;

	for (unsigned i = 0; i < area->nr_pages; i++) {
		facts.agrees_with_tables = facts.agrees_with_tables &&
			mm_port_lookup((uintptr_t)addr + i * PAGE_SIZE) ==
				page_to_pfn(area->pages[i]);
		if (i && area->pages[i] != area->pages[i - 1] + 1)
			facts.nr_runs++;
	}
	facts.has_guard = mm_port_lookup((uintptr_t)addr + vm_area_bytes(area)) == PFN_NONE;
	return facts;
}

struct vmalloc_facts vmalloc_measure(void)
{
	void *addr = slide_scattered_area(SLIDE_PAGES);
	struct vmalloc_facts facts = { 0 };

	if (addr)
		facts = facts_of(area_at(addr));
	vfree(addr);
	return facts;
}
