/* Chapter 3: a bitmap, searched from its start, and what that costs. */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/bootmem.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/lecture/xv6_list.h"

#define MIN_WINDOW	1024u
#define MAX_WINDOW	(1u << 19)	/* its bitmap has 64 KiB */
#define WORD_BITS	64u
#define NR_POINTS	9u
#define CURVE_WIDTH	50u
#define NR_SHOWN	3u	/* allocations in the first word */
#define NR_SCANNED	200u	/* pages taken when the search is shown: three full words */
#define FREED_INDEX	100u	/* a page in the middle of those */
#define PACKED_BYTES	300u
#define MAX_PACKED	64u
#define MAP_WIDTH	64u

/* A second bitmap of node 0's pages, none of them taken: nothing uses what it hands out. */
static struct bootmem copy;

static void begin_copy(const struct pglist_data *node, uint64_t *map)
{
	const pfn_t end_pfn = node->node_start_pfn +
		max_u64(MIN_WINDOW, min_u64(MAX_WINDOW, node->node_spanned_pages));

	bootmem_init(&copy, node->node_start_pfn, end_pfn, map);
	bootmem_free_range(&copy, copy.start_pfn, copy.end_pfn);
}

static uint64_t nr_window_pages(void)
{
	return copy.end_pfn - copy.start_pfn;
}

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

/* ---- The search ---- */

static void draw_word(uint64_t word)
{
	char bits[WORD_BITS + 1];

	for (unsigned i = 0; i < WORD_BITS; i++)
		bits[i] = copy.map[word] >> i & 1 ? '1' : '0';
	bits[WORD_BITS] = '\0';
	say("    map[%llu] |%s|", (ull)word, bits);
}

/* The bit of the page that an allocation takes now. */
static uint64_t take_bit(void)
{
	return pa_to_pfn(bootmem_alloc(&copy, PAGE_SIZE, PAGE_SIZE)) - copy.start_pfn;
}

static void show_first_word(void)
{
	say("A bit for each page, 1 while it is taken: a map of %llu pages of node 0, from frame "
	    "0x%llx on.",
	    (ull)nr_window_pages(), (ull)copy.start_pfn);
	draw_word(0);
	for (unsigned i = 0; i < NR_SHOWN; i++) {
		uint64_t bit = take_bit();

		step("an allocation searches from bit 0, takes the first 0: bit %llu, frame 0x%llx",
		     (ull)bit, (ull)(copy.start_pfn + bit));
		draw_word(bit / WORD_BITS);
	}
}

/* Looks at each word as the search does, then lets it search. */
static void show_scan(void)
{
	uint64_t searched = copy.nr_words_searched, word = 0, bit;

	bootmem_reserve_range(&copy, copy.start_pfn + NR_SHOWN, copy.start_pfn + NR_SCANNED);
	predict("the first %u pages are taken now. At how many words does the next allocation "
		"look?", NR_SCANNED);
	for (; ~copy.map[word] == 0; word++) {
		step("map[%llu] has no 0: on to the next word", (ull)word);
		draw_word(word);
	}
	draw_word(word);
	bit = take_bit();
	step("map[%llu] has one at bit %llu: frame 0x%llx is taken", (ull)(bit / WORD_BITS),
	     (ull)(bit % WORD_BITS), (ull)(copy.start_pfn + bit));
	draw_word(bit / WORD_BITS);
	reveal("%llu words, as the allocator counted them.",
	       (ull)(copy.nr_words_searched - searched));
}

static void show_first_fit(void)
{
	const pfn_t pfn = copy.start_pfn + FREED_INDEX;
	uint64_t bit;

	bootmem_free_range(&copy, pfn, pfn + 1);
	step("frame 0x%llx is given back: its bit is 0 again", (ull)pfn);
	draw_word(FREED_INDEX / WORD_BITS);
	predict("which frame comes next?");
	bit = take_bit();
	reveal("0x%llx: the lowest, since each search begins at bit 0.",
	       (ull)(copy.start_pfn + bit));
}

/* ---- What it costs ---- */

/* All but the last word's pages are taken at the last of the points. */
static uint64_t taken_at(unsigned point)
{
	return (nr_window_pages() - WORD_BITS) * point / (NR_POINTS - 1);
}

static void draw_curve(const uint64_t counts[NR_POINTS])
{
	for (unsigned i = 0; i < NR_POINTS; i++) {
		char bar[CURVE_WIDTH + 1];

		draw_bar(bar, CURVE_WIDTH, counts[i], counts[NR_POINTS - 1]);
		say("   %6llu taken |%s| %6llu instructions", (ull)taken_at(i), bar,
		    (ull)counts[i]);
	}
}

/* How far the point farthest from the line through the first and the last one is, in % of it. */
static uint64_t percent_off(const uint64_t counts[NR_POINTS])
{
	const uint64_t last = NR_POINTS - 1;
	uint64_t most = 0;

	for (unsigned i = 0; i < NR_POINTS; i++) {
		uint64_t line = (counts[0] * (last - i) + counts[last] * i) / last;
		uint64_t off = counts[i] > line ? counts[i] - line : line - counts[i];

		most = max_u64(most, (off * 100 + line - 1) / line);
	}
	return most;
}

/* Returns the instructions of the last point. */
static uint64_t show_curve(void)
{
	const uint64_t nr_words = taken_at(NR_POINTS - 1) / WORD_BITS;
	uint64_t nr_taken = 0, counts[NR_POINTS], more, tenths;

	for (unsigned i = 0; i < NR_POINTS; i++) {
		if (taken_at(i) > nr_taken) {
			bootmem_reserve_range(&copy, copy.start_pfn + nr_taken,
					      copy.start_pfn + taken_at(i));
			nr_taken = taken_at(i);
		}
		counts[i] = count_instructions(alloc_one, &copy);
		nr_taken += 2;		/* counted twice */
		if (i == 0)
			predict("a page of an empty map took %llu instructions. And with all but "
				"%u of %llu pages taken?",
				(ull)counts[0], WORD_BITS, (ull)nr_window_pages());
	}
	draw_curve(counts);
	more = counts[NR_POINTS - 1] - counts[0];
	tenths = (more * 10 + nr_words / 2) / nr_words;
	reveal("%llu: %llu more for %llu words more, %llu.%llu a word; no point is more than "
	       "%llu %% off a straight line.", (ull)counts[NR_POINTS - 1], (ull)more,
	       (ull)nr_words, (ull)(tenths / 10), (ull)(tenths % 10), (ull)percent_off(counts));
	return counts[NR_POINTS - 1];
}

static void show_costs(uint64_t worst)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct run *list = NULL;

	if (!page)
		return;
	run_free(&list, page_address(page));
	say("A page taken and freed, on this machine, in instructions; bootmem's taken alone, when "
	    "nearly all is taken:");
	say("    xv6's list %llu, this kernel's alloc_page() and __free_page() %llu, bootmem %llu",
	    (ull)count_instructions(pair_of_runs, &list),
	    (ull)count_instructions(pair_of_pages, NULL), (ull)worst);
	__free_page(page);
}

/* ---- Less than a page ---- */

/* A page to scale, each request in the colour of its number. */
static void draw_packed(uint64_t page_pa, const uint64_t *pa, unsigned nr)
{
	char map[MAP_WIDTH + 1];

	memset(map, '.', MAP_WIDTH);
	map[MAP_WIDTH] = '\0';
	for (unsigned i = 0; i < nr; i++)
		for (uint64_t at = pa[i] - page_pa; at < pa[i] - page_pa + PACKED_BYTES; at++)
			map[at * MAP_WIDTH / PAGE_SIZE] = (char)('0' + i % 8);
	say("    0x%llx |%s|", (ull)page_pa, map);
}

static void show_packing(void)
{
	uint64_t packed = copy.nr_packed, pa[MAX_PACKED], page_pa;
	unsigned nr = 0;

	predict("requests of %u bytes: how many share a page, when a pointer moves on in it?",
		PACKED_BYTES);
	for (; nr < MAX_PACKED; nr++) {
		pa[nr] = bootmem_alloc(&copy, PACKED_BYTES, 1);
		page_pa = align_down(pa[0], PAGE_SIZE);
		if (align_down(pa[nr], PAGE_SIZE) != page_pa)
			break;
		if (nr >= NR_SHOWN)
			continue;
		step("%u bytes at 0x%llx; the pointer is at 0x%llx now", PACKED_BYTES,
		     (ull)pa[nr], (ull)copy.packed_pa);
		draw_packed(page_pa, pa, nr + 1);
	}
	step("and so on, until one does not fit: it begins the page at 0x%llx",
	     (ull)pa[nr % MAX_PACKED]);
	draw_packed(page_pa, pa, nr);
	reveal("%u of them; %llu took no page of their own.", nr, (ull)(copy.nr_packed - packed));
}

/* Words that one allocation looks at when the lower half of the map is taken: tried. */
static uint64_t words_when_half_taken(const struct pglist_data *node, uint64_t *map)
{
	uint64_t searched;

	begin_copy(node, map);
	bootmem_reserve_range(&copy, copy.start_pfn, copy.start_pfn + nr_window_pages() / 2);
	searched = copy.nr_words_searched;
	take_bit();
	return copy.nr_words_searched - searched;
}

static void show_copy(const struct pglist_data *node, uint64_t *map)
{
	begin_copy(node, map);
	show_first_word();
	show_scan();
	show_first_fit();
	begin_copy(node, map);
	show_costs(show_curve());
	show_packing();
	if (node->bdata) {
		say("The real one of node 0 had frames 0x%llx to 0x%llx and searched %llu word%s "
		    "in all, since boot takes little;",
		    (ull)node->bdata->start_pfn, (ull)node->bdata->end_pfn - 1,
		    (ull)node->bdata->nr_words_searched,
		    plural(node->bdata->nr_words_searched));
		say("it %s.", node->bdata->is_retired ?
		    "has retired, before there was more to search" : "is still in use");
	}
	wrong("the scan: in a system that runs for long, an allocation may look at every word "
	      "there is.");
	exercise(words_when_half_taken(node, map), "words",
		 "the lower half of the map's %llu pages is taken: how many words of %u bits are "
		 "looked at?", (ull)nr_window_pages(), WORD_BITS);
	exercise((node->node_spanned_pages + 7) / 8, "bytes",
		 "how large is the bitmap of all %llu page frames that node 0 spans?",
		 (ull)node->node_spanned_pages);
}

void bitmap_show(void)
{
	uint64_t *map = kmalloc(bootmem_map_bytes(MAX_WINDOW), GFP_KERNEL);

	claim("one bit a page is enough to allocate before there is an allocator: bootmem.");
	if (map)
		show_copy(node_data(0), map);
	else
		say("no memory for a bitmap");
	kfree(map);
}
