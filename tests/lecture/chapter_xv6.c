/* Chapter 1: xv6, protected mode and physical memory, and a list in the free pages. */

#include "arch.h"
#include "arch/x86_64/insn.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/lecture/xv6_list.h"

#define MIB		(1ull << 20)
#define GIB		(1ull << 30)
#define MAP_WIDTH	64u
#define NR_SHOWN	5u
#define FIRST_KERNBASE	0x80000000ull
#define LAST_KERNBASE	0xe0000000ull
#define ASKED_KERNBASE	0xd0000000ull	/* none of those that are drawn */
#define CR0_PROTECTED	1u
#define CR0_PAGING	(1u << 31)
#define CR4_PAE		(1u << 5)

/* Four gigabytes to scale: u process, k what the kernel reaches of RAM, d devices. */
static void draw_4_gib(uint64_t kernbase)
{
	char map[MAP_WIDTH + 1];

	for (unsigned i = 0; i < MAP_WIDTH; i++) {
		uint64_t at = i * (4 * GIB / MAP_WIDTH);

		map[i] = at < kernbase ? 'u' : at < kernbase + xv6_reachable_bytes(kernbase) ?
			'k' : 'd';
	}
	map[MAP_WIDTH] = '\0';
	say("  0x%08llx |%s|  process %4llu MiB, kernel %4llu", (ull)kernbase, map,
	    (ull)(kernbase / MIB), (ull)(xv6_reachable_bytes(kernbase) / MIB));
}

static void show_mode(void)
{
	uint64_t cr0 = read_cr0();

	say("Protected mode came before all this: cr0 = 0x%llx, so protection is %s and paging %s;",
	    (ull)cr0, cr0 & CR0_PROTECTED ? "on" : "OFF", cr0 & CR0_PAGING ? "on" : "OFF");
	say("cr3 = 0x%llx is the physical address of the page tables' root, cr4.pae %s. Every "
	    "address a",
	    (ull)read_cr3(), read_cr4() & CR4_PAE ? "on" : "OFF");
	say("program uses is translated; of physical memory firmware reports %llu MiB of RAM to "
	    "use here,",
	    (ull)(live.nr_usable_pages * PAGE_SIZE / MIB));
	say("and the kernel sees physical address p at 0x%llx + p.", (ull)mm_port_direct_map);
}

/* A box for each page, by its frame. */
static void draw_chain(const struct run *list)
{
	char line[160];
	size_t used = (size_t)format_text(line, sizeof(line), "freelist");
	unsigned nr = 0;

	for (; list && nr < NR_SHOWN; list = list->next, nr++)
		used += (size_t)format_text(line + used, sizeof(line) - used, "--->|0x%llx|",
					    (ull)page_to_pfn(virt_to_page(list)));
	say("    %s%s", line, list ? "---> ..." : "---> 0");
}

/* The links as they stand in memory: each free page's first word is the next page. */
static void draw_list(const struct run *list)
{
	unsigned nr = 0;

	say("    freelist -> 0x%llx", (ull)(uintptr_t)list);
	for (; list && nr < NR_SHOWN; list = list->next, nr++)
		say("      the word at 0x%llx (frame 0x%llx) holds 0x%llx%s", (ull)(uintptr_t)list,
		    (ull)page_to_pfn(virt_to_page(list)), (ull)(uintptr_t)list->next,
		    list->next ? "" : ": the end");
}

static void run_pair(void *arg)
{
	struct run **list = arg;

	run_free(list, run_alloc(list));
}

static void show_list(struct page *const *pages, unsigned nr_pages)
{
	struct run *list = NULL;
	void *taken;

	say("%u live page frames are freed, one after the other; the list lies in them:", nr_pages);
	for (unsigned i = 0; i < nr_pages; i++) {
		run_free(&list, page_address(pages[i]));
		step("frame 0x%llx is freed: the old head goes into its first word, it is the head",
		     (ull)page_to_pfn(pages[i]));
		draw_chain(list);
	}
	draw_list(list);
	predict("which frame does the next allocation get? The first that was freed is 0x%llx.",
		(ull)page_to_pfn(pages[0]));
	taken = run_alloc(&list);
	reveal("frame 0x%llx, the one freed last. One load, one store:",
	       (ull)page_to_pfn(virt_to_page(taken)));
	draw_chain(list);
	draw_list(list);
	run_free(&list, taken);
	say("  A pair of alloc and free is %llu instructions on this machine, counted one by one.",
	    (ull)count_instructions(run_pair, &list));
}

void xv6_show(void)
{
	struct page *pages[NR_SHOWN - 1];
	unsigned nr_pages;

	claim("physical memory can be managed by a list that costs nothing: it lies in the free "
	      "pages.");
	say("xv6 has 32 bits: 4 GiB of addresses, shared by a process (below KERNBASE) and the "
	    "kernel.");
	predict("would raising KERNBASE let a process use more? And who pays?");
	for (uint64_t kernbase = FIRST_KERNBASE; kernbase <= LAST_KERNBASE; kernbase += GIB / 2)
		draw_4_gib(kernbase);
	reveal("of addresses: between the first line and the last the process wins %llu MiB.",
	       (LAST_KERNBASE - FIRST_KERNBASE) / MIB);
	say("The kernel reaches %llu MiB of RAM less, and only such RAM is given out.",
	    (ull)(xv6_reachable_bytes(FIRST_KERNBASE) - xv6_reachable_bytes(LAST_KERNBASE)) / MIB);
	say("Here each half has 128 TiB: nobody pays.");
	show_mode();
	nr_pages = alloc_pages_bulk(GFP_KERNEL, NID_NONE, ARRAY_SIZE(pages), pages);
	if (nr_pages == ARRAY_SIZE(pages))
		show_list(pages, nr_pages);
	free_pages_bulk(nr_pages, pages);
	wrong("single pages only, never two in a row; and nobody knows who has which.");
	exercise(xv6_reachable_bytes(ASKED_KERNBASE) / MIB, "MiB",
		 "with KERNBASE 0x%llx and devices from 0x%llx on, how much RAM does the kernel "
		 "reach?", ASKED_KERNBASE,
		 ASKED_KERNBASE + (ull)xv6_reachable_bytes(ASKED_KERNBASE));
	exercise(live.nr_usable_pages, "links",
		 "if all %llu KiB of this machine were free, how many links would the list have?",
		 (ull)(live.nr_usable_pages * PAGE_SIZE / 1024));
}
