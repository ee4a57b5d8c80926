/* Chapter 13: contiguous addresses over scattered pages, and one of them walked. */

#include "arch/x86_64/mmu.h"
#include "arch/x86_64/paging_entry.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc/vm_area.h"
#include "tests/lecture/lecture.h"

#define SLIDE_PAGES	8u
#define NR_PT_ENTRIES	512u
#define INDEX_WIDTH	64u
#define NR_BEFORE	2u
#define ASKED_PAGE	3u	/* of the area */

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
	say("  next      0x%llx: %s", (ull)(uintptr_t)area->next,
	    area->next ? "the area with the next address" : "no area has a higher address");
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

static void draw_area(const struct vm_struct *area, const char *mark)
{
	const uintptr_t end = (uintptr_t)area->addr + area->size;

	if (area->next)
		say("    |0x%llx %7llu bytes|guard|gap %llu KiB|%s", (ull)(uintptr_t)area->addr,
		    (ull)vm_area_bytes(area), (ull)((uintptr_t)area->next->addr - end) >> 10,
		    mark);
	else
		say("    |0x%llx %7llu bytes|guard|the last%s", (ull)(uintptr_t)area->addr,
		    (ull)vm_area_bytes(area), mark);
}

/* The areas around @wanted as the list has them, and what lies between them. */
static void draw_neighbours(const struct vm_struct *wanted)
{
	const struct vm_struct *behind[NR_BEFORE] = { NULL };

	say("The list of areas, by address: pages, guard page, and the gap to the next area:");
	spin_lock(&vm_areas.lock);
	for (const struct vm_struct *area = vm_areas.first; area && area != wanted;
	     area = area->next) {
		for (unsigned i = 0; i + 1 < NR_BEFORE; i++)
			behind[i] = behind[i + 1];
		behind[NR_BEFORE - 1] = area;
	}
	for (unsigned i = 0; i < NR_BEFORE; i++)
		if (behind[i])
			draw_area(behind[i], "");
	draw_area(wanted, "  <- this one");
	if (wanted->next)
		draw_area(wanted->next, "");
	spin_unlock(&vm_areas.lock);
}

static void show_area(void *addr, uint64_t first_event)
{
	const struct vm_struct *area = vm_area_starting_at_any(addr);
	uint64_t before;

	step("%u pages were taken wherever they lay, and mapped:", area->nr_pages);
	draw_scatter(area);
	tell_events_of(first_event, 1, 1u << MM_EVENT_AREA_MAPPED);
	say("Its struct vm_struct at 0x%llx:", (ull)(uintptr_t)area);
	show_fields(area);
	draw_neighbours(area);
	predict("the CPU reads 0x%llx. Which four entries does it look at?",
		(ull)(uintptr_t)addr + 0x2abc);
	walk_show((uintptr_t)addr + 0x2abc);
	reveal("%u, %u, %u and %u: nine bits of the address each.",
	       index_at((uintptr_t)addr + 0x2abc, 4), index_at((uintptr_t)addr + 0x2abc, 3),
	       index_at((uintptr_t)addr + 0x2abc, 2), index_at((uintptr_t)addr + 0x2abc, 1));
	predict("and the page behind the last one?");
	walk_show((uintptr_t)addr + vm_area_bytes(area));
	reveal("its entry is %s: a touch is a fault.",
	       mm_port_lookup((uintptr_t)addr + vm_area_bytes(area)) == PFN_NONE ?
		       "empty" : "NOT empty");
	before = mm_events_count();
	vfree(addr);
	vmalloc_purge();
	step("vfree(), and a flush of every CPU's translations:");
	tell_events_of(before, 1, 1u << MM_EVENT_AREA_FREED);
}

void vmalloc_show(void)
{
	const uint64_t space = mm_port_vmalloc_end - mm_port_vmalloc_start;
	uintptr_t direct_va = mm_port_direct_map;
	uint64_t first_event;
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
		direct_va = (uintptr_t)page_address(
			vm_area_starting_at_any(addr)->pages[ASKED_PAGE]);
		show_area(addr, first_event);
	} else {
		say("no memory for an area");
	}
	wrong("each page needs its own translation, and freeing needs a flush on every CPU: not "
	      "for");
	say("what kmalloc can give.");
	exercise(index_at(direct_va, 2), "",
		 "the page with frame 0x%llx can be read at 0x%llx in the direct map, too: which "
		 "entry of a PD is that?", (ull)pa_to_pfn(direct_va - mm_port_direct_map),
		 (ull)direct_va);
	exercise((live.nr_usable_pages + SLIDE_PAGES - 1) / SLIDE_PAGES * (SLIDE_PAGES + 1) *
			 PAGE_SIZE >> 20, "MiB",
		 "all %llu pages of this machine in areas of %u pages and a guard page each: how "
		 "much of the space is that?", (ull)live.nr_usable_pages, SLIDE_PAGES);
}
