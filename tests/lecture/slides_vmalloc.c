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
static void *scattered_area(unsigned nr_pages)
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
	void *addr = scattered_area(SLIDE_PAGES);
	struct vmalloc_facts facts = { 0 };

	if (addr)
		facts = facts_of(area_at(addr));
	vfree(addr);
	return facts;
}

static void show_area(const struct vm_struct *area)
{
	const struct vmalloc_facts facts = facts_of(area);

	say("struct vm_struct of a new area:");
	say("  next      0x%llx", (unsigned long long)(uintptr_t)area->next);
	say("  addr      0x%llx", (unsigned long long)(uintptr_t)area->addr);
	say("  size      %llu: %u pages and the guard page", (unsigned long long)area->size,
	    area->nr_pages);
	say("  flags     0x%lx", area->flags);
	say("  pages     0x%llx", (unsigned long long)(uintptr_t)area->pages);
	say("  nr_pages  %u", area->nr_pages);
	say("  phys_addr 0x%llx: only a device window has one",
	    (unsigned long long)area->phys_addr);
	for (unsigned i = 0; i < area->nr_pages; i++)
		say("    0x%llx -> page frame 0x%llx",
		    (unsigned long long)(uintptr_t)area->addr + i * PAGE_SIZE,
		    (unsigned long long)page_to_pfn(area->pages[i]));
	say("%u contiguous addresses over %u separate runs of page frames; the walk of the tables",
	    facts.nr_pages, facts.nr_runs);
	say("agrees: %s; the page after the last is unmapped: %s; the list is in order: %s.",
	    facts.agrees_with_tables ? "yes" : "NO", facts.has_guard ? "yes" : "NO",
	    facts.is_ordered ? "yes" : "NO");
}

void vmalloc_show(void)
{
	void *addr = scattered_area(SLIDE_PAGES);

	say("The vmalloc space: 0x%llx to 0x%llx, %llu GiB.",
	    (unsigned long long)mm_port_vmalloc_start, (unsigned long long)mm_port_vmalloc_end,
	    (unsigned long long)((mm_port_vmalloc_end - mm_port_vmalloc_start) >> 30));
	if (!addr) {
		say("no memory for an area");
		return;
	}
	show_area(area_at(addr));
	vfree(addr);
}
