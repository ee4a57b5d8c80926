/* Slides 1 to 4 and 12: page frames, one by one and in blocks. */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page/bootmem.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/lecture/lecture.h"
#include "tests/lecture/xv6_list.h"

/* ---- 1. xv6 ---- */

#define NR_XV6_PAGES	64u

/* Where xv6 ends processes, and where its devices begin (its memlayout.h). */
#define XV6_DEVSPACE	0xfe000000ull

uint64_t xv6_reachable_bytes(uint64_t kernbase)
{
	return XV6_DEVSPACE - kernbase;
}

static bool is_reversed(struct run **list, struct page *const *pages, unsigned nr_pages)
{
	bool is_so = true;

	for (unsigned i = nr_pages; i-- > 0;)
		is_so = run_alloc(list) == page_address(pages[i]) && is_so;
	return is_so && !*list;
}

struct xv6_facts xv6_measure(void)
{
	struct page *pages[NR_XV6_PAGES];
	struct xv6_facts facts = { 0 };
	struct run *list = NULL;

	facts.nr_pages = alloc_pages_bulk(GFP_KERNEL, NID_NONE, NR_XV6_PAGES, pages);
	for (unsigned i = 0; i < facts.nr_pages; i++)
		run_free(&list, page_address(pages[i]));
	facts.is_last_in_first_out = is_reversed(&list, pages, facts.nr_pages);
	free_pages_bulk(facts.nr_pages, pages);
	return facts;
}

/* ---- 2. mem_map ---- */

struct mem_map_facts mem_map_measure(void)
{
	struct mem_map_facts facts = { .struct_bytes = sizeof(struct page) };
	struct page *page = alloc_page(GFP_KERNEL);
	void *va;

	if (!page)
		return facts;
	va = page_address(page);
	facts.page_va = (uintptr_t)va;
	facts.pfn = page_to_pfn(page);
	facts.struct_va = (uintptr_t)page;
	facts.leads_back = virt_to_page(va) == page && pfn_to_page(facts.pfn) == page;
	__free_page(page);
	return facts;
}

/* ---- 3. Bitmap ---- */

/* 128 MiB of pretended memory: its bitmap is one page. */
#define NR_BITMAP_PAGES		32768u
#define PACKED_BYTES		300u

/* Words of the bitmap that the next allocation searches. */
static uint64_t next_alloc_cost(struct bootmem *bootmem)
{
	uint64_t before = bootmem->nr_words_searched;

	if (bootmem_alloc(bootmem, PAGE_SIZE, PAGE_SIZE) == PA_NONE)
		return 0;
	return bootmem->nr_words_searched - before;
}

static unsigned count_packed(struct bootmem *bootmem)
{
	uint64_t pa = bootmem_alloc(bootmem, PACKED_BYTES, 1);
	uint64_t first_pfn = pa_to_pfn(pa);
	unsigned nr_packed = 0;

	while (pa != PA_NONE && pa_to_pfn(pa + PACKED_BYTES - 1) == first_pfn) {
		nr_packed++;
		pa = bootmem_alloc(bootmem, PACKED_BYTES, 1);
	}
	return nr_packed;
}

struct bitmap_facts bitmap_measure(void)
{
	static const uint64_t samples[NR_BITMAP_SAMPLES] = { 0, 1000, 10000, 30000 };
	struct bitmap_facts facts = { .nr_pages = NR_BITMAP_PAGES };
	uint64_t *map = kmalloc(bootmem_map_bytes(NR_BITMAP_PAGES), GFP_KERNEL);
	struct bootmem bootmem;
	uint64_t nr_taken = 0;

	if (!map)
		return facts;
	bootmem_init(&bootmem, 0, NR_BITMAP_PAGES, map);
	bootmem_free_range(&bootmem, 0, NR_BITMAP_PAGES);
	for (unsigned i = 0; i < NR_BITMAP_SAMPLES; i++) {
		bootmem_reserve_range(&bootmem, nr_taken, samples[i]);
		facts.nr_taken[i] = samples[i];
		facts.cost[i] = next_alloc_cost(&bootmem);
		nr_taken = samples[i] + 1;
	}
	facts.nr_packed = count_packed(&bootmem);
	kfree(map);
	return facts;
}

/* ---- 4. Buddy ---- */

#define SLIDE_REQUEST_BYTES	0x4000ull
#define SLIDE_TINY_BYTES	4u

struct buddy_facts buddy_measure(void)
{
	struct buddy_facts facts = {
		.request_bytes = SLIDE_REQUEST_BYTES,
		.nr_pages = (unsigned)bytes_to_pages(SLIDE_REQUEST_BYTES),
		.waste_of_4_bytes = PAGE_SIZE - SLIDE_TINY_BYTES,
	};
	struct page *page;

	facts.order = order_for_pages(facts.nr_pages);
	page = alloc_pages(GFP_KERNEL, facts.order);
	if (!page)
		return facts;
	facts.pfn = page_to_pfn(page);
	facts.buddy_pfn = facts.pfn ^ pages_in(facts.order);
	__free_pages(page, facts.order);
	return facts;
}

/* ---- 12. Compound pages ---- */

#define COMPOUND_ORDER	3u

struct compound_facts compound_measure(void)
{
	struct compound_facts facts = { .order = COMPOUND_ORDER };
	struct page *head = alloc_pages(GFP_KERNEL | __GFP_COMP, COMPOUND_ORDER);
	unsigned nr_pages = (unsigned)pages_in(COMPOUND_ORDER);

	if (!head)
		return facts;
	facts.is_head_marked = (head->flags & PAGE_COMPOUND) != 0;
	for (unsigned i = 1; i < nr_pages; i++)
		facts.nr_tails += head[i].type == PAGE_TAIL && compound_head(&head[i]) == head;
	facts.found_order = compound_head(&head[nr_pages - 1])->order;
	__free_pages(head, COMPOUND_ORDER);
	return facts;
}
