/* Chapter 3: a bitmap, searched from its start, and what that costs. */

#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/bootmem.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/lecture/xv6_list.h"

#define CURVE_PAGES	32768u	/* 128 MiB of pretended memory: its bitmap is one page */
#define NR_POINTS	9u
#define CURVE_WIDTH	50u
#define PACKED_BYTES	300u
#define SAMPLE_BITS	64u

static struct bootmem curve;

static void alloc_one(void *arg)
{
	bootmem_alloc(arg, PAGE_SIZE, PAGE_SIZE);
}

static void pair_of_pages(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)arg;
	if (page)
		__free_page(page);
}

static void pair_of_runs(void *arg)
{
	struct run **list = arg;

	run_free(list, run_alloc(list));
}

static void draw_bits(const struct bootmem *bootmem)
{
	char bits[SAMPLE_BITS + 1];

	for (unsigned i = 0; i < SAMPLE_BITS; i++)
		bits[i] = bootmem->map[0] >> i & 1 ? '1' : '0';
	bits[SAMPLE_BITS] = '\0';
	say("    map[0] |%s|", bits);
}

static void show_search(void)
{
	say("A bit for each page, 1 while it is taken. The first word of a map of %u pages:",
	    CURVE_PAGES);
	draw_bits(&curve);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t pa = bootmem_alloc(&curve, PAGE_SIZE, PAGE_SIZE);

		step("an allocation searches from bit 0, takes the first 0: page %llu",
		     (ull)pa_to_pfn(pa));
		draw_bits(&curve);
	}
}

/* Returns the instructions of the last point. */
static uint64_t show_curve(void)
{
	uint64_t nr_taken = 3, counts[NR_POINTS];

	predict("if taking a page costs so much with none taken, what does it with nearly all?");
	for (unsigned i = 0; i < NR_POINTS; i++) {
		uint64_t upto = (uint64_t)(CURVE_PAGES - SAMPLE_BITS) * i / (NR_POINTS - 1);

		if (upto > nr_taken) {
			bootmem_reserve_range(&curve, nr_taken, upto);
			nr_taken = upto;
		}
		counts[i] = count_instructions(alloc_one, &curve);
		nr_taken += 2;		/* counted twice */
	}
	for (unsigned i = 0; i < NR_POINTS; i++) {
		char bar[CURVE_WIDTH + 1];

		draw_bar(bar, CURVE_WIDTH, counts[i], counts[NR_POINTS - 1]);
		say("    %5u taken |%s| %6llu instructions",
		    (unsigned)((CURVE_PAGES - SAMPLE_BITS) * i / (NR_POINTS - 1)), bar,
		    (ull)counts[i]);
	}
	reveal("a straight line up: 64 pages more are one word more to look at.");
	return counts[NR_POINTS - 1];
}

static void show_packing(void)
{
	uint64_t before = curve.nr_packed;
	uint64_t first = bootmem_alloc(&curve, PACKED_BYTES, 1);
	uint64_t second = bootmem_alloc(&curve, PACKED_BYTES, 1);

	step("small requests share a page by moving a pointer on: %u bytes at 0x%llx, then 0x%llx",
	     PACKED_BYTES, (ull)first, (ull)second);
	say("    |%-12s|%-12s|----> the rest is for the next (%llu so far took no page)", "first",
	    "second", (ull)(curve.nr_packed - before));
}

static void show_costs(uint64_t worst)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct run *list = NULL;

	if (!page)
		return;
	run_free(&list, page_address(page));
	say("A page, on this machine, in instructions (alloc and free; bootmem cannot free one by "
	    "one):");
	say("    xv6's list %llu, this kernel's alloc_page() %llu, bootmem when nearly all is "
	    "taken %llu",
	    (ull)count_instructions(pair_of_runs, &list),
	    (ull)count_instructions(pair_of_pages, NULL), (ull)worst);
	__free_page(page);
}

void bitmap_show(void)
{
	const struct pglist_data *node = node_data(0);
	uint64_t *map = kmalloc(bootmem_map_bytes(CURVE_PAGES), GFP_KERNEL);

	claim("one bit a page is enough to allocate before there is an allocator: bootmem.");
	if (!map) {
		say("no memory for a bitmap");
		return;
	}
	bootmem_init(&curve, 0, CURVE_PAGES, map);
	bootmem_free_range(&curve, 0, CURVE_PAGES);
	show_search();
	show_costs(show_curve());
	show_packing();
	kfree(map);
	if (node->bdata)
		say("The real one of node 0 had pages 0x%llx to 0x%llx, searched %llu words, and "
		    "has retired.",
		    (ull)node->bdata->start_pfn, (ull)node->bdata->end_pfn,
		    (ull)node->bdata->nr_words_searched);
	wrong("the scan: an allocation may look at every word there is.");
	exercise(node->node_present_pages / 2 / SAMPLE_BITS + 1, "words",
		 "the lower half of node 0's %llu pages is taken: how many words of 64 bits are "
		"looked at?",
		 (ull)node->node_present_pages);
	exercise((node->node_spanned_pages + 7) / 8, "bytes",
		 "how large is the bitmap of all %llu page frames that node 0 spans?",
		 (ull)node->node_spanned_pages);
}
