/* Chapter 13: contiguous addresses over scattered pages, and one of them walked. */

#include "arch/x86_64/mmu.h"
#include "arch/x86_64/paging_entry.h"
#include "mm/event.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc/vm_area.h"
#include "tests/lecture/lecture.h"

#define SLIDE_PAGES	8u
#define NR_PT_ENTRIES	512u
#define INDEX_WIDTH	64u

static const char *const level_names[] = { "", "PT  ", "PD  ", "PDPT", "PML4" };

/* Where in its table of 512 entries, eight to a letter, an entry stands. */
static void draw_index(const char *table, unsigned index)
{
	char row[INDEX_WIDTH + 1];

	for (unsigned i = 0; i < INDEX_WIDTH; i++)
		row[i] = i == index * INDEX_WIDTH / NR_PT_ENTRIES ? '#' : '.';
	row[INDEX_WIDTH] = '\0';
	say("    %s  |%s| entry %u of %u", table, row, index, NR_PT_ENTRIES);
}

static void draw_address(uintptr_t va)
{
	say("          the address is |PML4 %3u|PDPT %3u|PD %3u|PT %3u|byte %4llu|",
	    index_at(va, 4), index_at(va, 3), index_at(va, 2), index_at(va, 1),
	    (ull)(va & (PAGE_SIZE - 1)));
}

void walk_show(uintptr_t va)
{
	uint64_t table_pa = kernel_tables.root_pa;

	for (unsigned level = PT_LEVEL_ROOT; level >= PT_LEVEL_4K; level--) {
		unsigned index = index_at(va, level);
		uint64_t entry = table_at(&kernel_tables, table_pa)[index];

		step("%s at 0x%09llx, bits %2u..%2u of the address: [%3u] = 0x%016llx%s",
		     level_names[level], (ull)table_pa, PAGE_SHIFT + 9 * level - 1,
		     PAGE_SHIFT + 9 * (level - 1), index, (ull)entry,
		     is_present(entry) ? "" : ": not mapped");
		draw_index(level_names[level], index);
		if (!is_present(entry))
			return;
		table_pa = entry & PTE_PA_MASK;
		if (is_leaf(entry, level)) {
			say("          frame 0x%llx, page of %llu KiB; writable %s, executable %s",
			    (ull)pa_to_pfn(table_pa), (ull)(level_bytes(level) >> 10),
			    entry & PTE_WRITE ? "yes" : "no", entry & PTE_NX ? "no" : "yes");
			draw_address(va);
			say("          0x%llx is at physical 0x%llx", (ull)va,
			    (ull)(table_pa + (va & (level_bytes(level) - 1))));
			return;
		}
	}
}

static void show_fields(const struct vm_struct *area)
{
	say("  next      0x%llx: the area with the next address", (ull)(uintptr_t)area->next);
	say("  addr      0x%llx", (ull)(uintptr_t)area->addr);
	say("  size      %llu: %u pages and the guard page", (ull)area->size, area->nr_pages);
	say("  flags     0x%lx", area->flags);
	say("  pages     0x%llx", (ull)(uintptr_t)area->pages);
	say("  nr_pages  %u", area->nr_pages);
	say("  phys_addr 0x%llx: only a device window has one", (ull)area->phys_addr);
}

static void draw_scatter(const struct vm_struct *area)
{
	for (unsigned i = 0; i < area->nr_pages; i++)
		say("    0x%llx  ------>  frame 0x%llx, node %u%s",
		    (ull)(uintptr_t)area->addr + i * PAGE_SIZE, (ull)page_to_pfn(area->pages[i]),
		    page_to_nid(area->pages[i]),
		    i && area->pages[i] == area->pages[i - 1] + 1 ? "  (follows)" : "");
	say("    0x%llx  ------>  nothing: the guard page",
	    (ull)(uintptr_t)area->addr + area->nr_pages * PAGE_SIZE);
}

static void draw_neighbours(void)
{
	unsigned nr = 0;

	say("The list of areas, by address, with the gaps between them:");
	spin_lock(&vm_areas.lock);
	for (const struct vm_struct *area = vm_areas.first; area && nr < 5; area = area->next, nr++)
		say("    |0x%llx %7llu bytes|guard|%s", (ull)(uintptr_t)area->addr,
		    (ull)vm_area_bytes(area), area->next ? "" : " the last");
	spin_unlock(&vm_areas.lock);
}

static void show_area(void *addr, uint64_t first_event)
{
	const struct vm_struct *area = vm_area_starting_at_any(addr);
	uint64_t before;

	step("%u pages were taken wherever they lay, and mapped:", area->nr_pages);
	draw_scatter(area);
	tell_events(first_event, 3);
	say("Its struct vm_struct at 0x%llx:", (ull)(uintptr_t)area);
	show_fields(area);
	draw_neighbours();
	predict("the CPU reads 0x%llx. Which four entries does it look at?",
		(ull)(uintptr_t)addr + 0x2abc);
	walk_show((uintptr_t)addr + 0x2abc);
	predict("and the page behind the last one?");
	walk_show((uintptr_t)addr + vm_area_bytes(area));
	before = mm_events_count();
	vfree(addr);
	vmalloc_purge();
	step("vfree(), and a flush of every CPU's translations:");
	tell_events(before, 3);
}

void vmalloc_show(void)
{
	const uint64_t space = mm_port_vmalloc_end - mm_port_vmalloc_start;
	uint64_t first_event, nr_pages = 0;
	void *addr;

	claim("where no block is left, single pages will do: mapped side by side in the vmalloc "
	      "space.");
	say("The space: 0x%llx to 0x%llx, %llu GiB. On the 32-bit machine it was",
	    (ull)mm_port_vmalloc_start, (ull)mm_port_vmalloc_end, (ull)(space >> 30));
	say("128 MiB, from 8 MiB above the end of low memory to the top.");
	vmalloc_shrink();	/* an area that is used again would tell nothing */
	first_event = mm_events_count();
	addr = slide_scattered_area(SLIDE_PAGES);
	if (addr) {
		nr_pages = SLIDE_PAGES;
		show_area(addr, first_event);
	} else {
		say("no memory for an area");
	}
	wrong("each page needs its own translation, and freeing needs a flush on every CPU: not "
	      "for");
	say("what kmalloc can give.");
	exercise((uintptr_t)addr >> 39 & 511, "", "which entry of the PML4 does 0x%llx use?",
		 (ull)(uintptr_t)addr);
	exercise(space / ((nr_pages + 1) * PAGE_SIZE), "areas",
		 "how many areas of %llu pages and a guard page fit in the space?", (ull)nr_pages);
}
