/* Chapter 2: an array that describes the pages. */

#include "mm/live.h"
#include "mm/page/shown.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"

#define NR_NEIGHBOURS	3u
#define TEXT_BYTES	160u
#define BAR_WIDTH	64u

static void show_struct(const struct page *page, const char *when)
{
	char text[TEXT_BYTES];

	page_whatis(page_to_pfn(page), text, sizeof(text));
	step("%s: links 0x%llx 0x%llx, references %u, type %u, order %u, zone %u", when,
	     (ull)(uintptr_t)page->private[0], (ull)(uintptr_t)page->private[1], page->refcount,
	     page->type, page->order, page->zone_index);
	say("          in words: %s", text);
}

static void draw_arrays(pfn_t pfn)
{
	say("  RAM       |  frame 0x%-8llx |  frame 0x%-8llx |  frame 0x%-8llx |  %llu bytes each",
	    (ull)pfn, (ull)pfn + 1, (ull)pfn + 2, (ull)PAGE_SIZE);
	say("                     |                    |                    |");
	say("  mem_map[] | 0x%llx | 0x%llx | 0x%llx |  %llu bytes each",
	    (ull)(uintptr_t)pfn_to_page(pfn), (ull)(uintptr_t)pfn_to_page(pfn + 1),
	    (ull)(uintptr_t)pfn_to_page(pfn + 2), (ull)sizeof(struct page));
}

static void show_one(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct mem_map_facts facts = mem_map_measure();

	if (!page) {
		say("no page to be had");
		return;
	}
	predict("frame 0x%llx: where is its struct page? mem_map starts at 0x%llx, each has %llu "
		"bytes.", (ull)page_to_pfn(page), (ull)mm_port_vmemmap,
		(ull)sizeof(struct page));
	reveal("0x%llx = 0x%llx + 0x%llx * %llu; the way back %s the frame.",
	       (ull)(uintptr_t)page, (ull)mm_port_vmemmap, (ull)page_to_pfn(page),
	       (ull)sizeof(struct page), facts.leads_back ? "leads to" : "DOES NOT lead to");
	draw_arrays(page_to_pfn(page));
	show_struct(page, "allocated");
	get_page(page);
	show_struct(page, "shared   ");
	put_page(page);
	__free_page(page);
	show_struct(page, "freed    ");
}

static uint64_t sections_up(void)
{
	const struct map_plan *plan = sections_plan();
	uint64_t nr_up = 0;

	for (uint64_t i = 0; i < plan->nr_sections; i++)
		nr_up += plan->states[i] == SECTION_UP;
	return nr_up;
}

void mem_map_show(void)
{
	const uint64_t nr_up = sections_up();
	char bar[BAR_WIDTH + 1];

	claim("what is known of a page need not lie in the page: a smaller array describes them "
	      "all.");
	show_one();
	say("%llu bytes for %llu: %llu.%02llu %% of memory; Linux spends 64.",
	    (ull)sizeof(struct page),
	    (ull)PAGE_SIZE, (ull)(sizeof(struct page) * 100 / PAGE_SIZE),
	    (ull)(sizeof(struct page) * 10000 / PAGE_SIZE % 100));
	say("It is brought up a section of %llu MiB at a time: %llu of %llu sections are up.",
	    (ull)(SECTION_PAGES * PAGE_SIZE >> 20), (ull)nr_up,
	    (ull)sections_plan()->nr_sections);
	draw_bar(bar, BAR_WIDTH, nr_up, sections_plan()->nr_sections);
	say("    up |%s|", bar);
	wrong("it says what each page is, and not where a free one is.");
	exercise(live.nr_usable_pages * sizeof(struct page) / 1024, "KiB",
		 "%llu usable page frames: how large are their descriptions?",
		 (ull)live.nr_usable_pages);
	exercise(mm_port_vmemmap + (live.end_pfn - 1) * sizeof(struct page) -
			 (mm_port_vmemmap + (live.end_pfn - 1) / 2 * sizeof(struct page)), "bytes",
		 "how far apart in mem_map are the highest frame, 0x%llx, and frame 0x%llx?",
		 (ull)live.end_pfn - 1, (ull)(live.end_pfn - 1) / 2);
}
