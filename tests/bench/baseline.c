/*
 * Rows of the two allocators the lecture begins with: what the others improve on.
 *
 * xv6 is a free list threaded through the pages (slide 1), under one lock. It has
 * single pages only, checks nothing and knows neither nodes nor zones nor CPUs.
 * That it fills freed pages with junk is left out, as zeroing is elsewhere.
 *
 * bootmem (slide 3) searches a bitmap from its start: here that of a boot window
 * of 1 GiB whose lower half is taken, so that each allocation looks at 2,048
 * words before it finds a page.
 */

#include "mm/page/bootmem.h"
#include "mm/kmalloc.h"
#include "mm/lock.h"
#include "mm/page_alloc.h"
#include "tests/bench/bench.h"
#include "tests/lecture/xv6_list.h"

#define NR_PAIRS		10000u
#define NR_BATCH		4096u
#define NR_SLOW_PAIRS		100u
#define NR_SLOW_BATCH		512u
#define NR_WINDOW_PAGES		262144u

/* ---- xv6 ---- */

static struct spinlock xv6_lock;
static struct run *xv6_list GUARDED_BY_GLOBAL(xv6_lock);
static void **pages;

static void *xv6_alloc(void)
{
	void *page;

	spin_lock(&xv6_lock);
	page = run_alloc(&xv6_list);
	spin_unlock(&xv6_lock);
	return page;
}

static void xv6_free(void *page)
{
	spin_lock(&xv6_lock);
	run_free(&xv6_list, page);
	spin_unlock(&xv6_lock);
}

static const char *prepare_xv6(void)
{
	pages = kvmalloc(NR_BATCH * sizeof(pages[0]), GFP_KERNEL);
	if (!pages)
		return "no memory for the list of pages";
	for (unsigned i = 0; i < NR_BATCH; i++) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			return "not enough memory";
		xv6_free(page_address(page));
	}
	return NULL;
}

static void finish_xv6(void)
{
	void *page;

	while ((page = xv6_alloc()) != NULL)
		__free_page(virt_to_page(page));
	kvfree(pages);
}

static void run_xv6_pairs(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++) {
		void *page = xv6_alloc();

		bench_keep(page);
		xv6_free(page);
	}
}

static void run_xv6_batch(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++)
		pages[i] = xv6_alloc();
	for (unsigned i = 0; i < nr_ops; i++)
		xv6_free(pages[i]);
}

/* ---- bootmem ---- */

static struct bootmem bootmem;
static uint64_t taken_pa[NR_SLOW_BATCH];

static const char *prepare_bootmem(void)
{
	uint64_t *map = kvmalloc(bootmem_map_bytes(NR_WINDOW_PAGES), GFP_KERNEL);

	if (!map)
		return "no memory for the bitmap";
	bootmem_init(&bootmem, 0, NR_WINDOW_PAGES, map);
	bootmem_free_range(&bootmem, NR_WINDOW_PAGES / 2, NR_WINDOW_PAGES);
	return NULL;
}

static void finish_bootmem(void)
{
	kvfree(bootmem.map);
}

static void bootmem_free_page(uint64_t pa)
{
	bootmem_free_range(&bootmem, pa_to_pfn(pa), pa_to_pfn(pa) + 1);
}

static void run_bootmem_pairs(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++)
		bootmem_free_page(bootmem_alloc(&bootmem, PAGE_SIZE, PAGE_SIZE));
}

static void run_bootmem_batch(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++)
		taken_pa[i] = bootmem_alloc(&bootmem, PAGE_SIZE, PAGE_SIZE);
	for (unsigned i = 0; i < nr_ops; i++)
		bootmem_free_page(taken_pa[i]);
}

static const struct bench_case cases[] = {
	{ .name = "xv6_page_pair", .nr_ops = NR_PAIRS, .run = run_xv6_pairs,
	  .prepare = prepare_xv6, .finish = finish_xv6 },
	{ .name = "xv6_page_batch", .nr_ops = NR_BATCH, .run = run_xv6_batch,
	  .prepare = prepare_xv6, .finish = finish_xv6 },
	{ .name = "bootmem_page_pair", .nr_ops = NR_SLOW_PAIRS, .run = run_bootmem_pairs,
	  .prepare = prepare_bootmem, .finish = finish_bootmem },
	{ .name = "bootmem_page_batch", .nr_ops = NR_SLOW_BATCH, .run = run_bootmem_batch,
	  .prepare = prepare_bootmem, .finish = finish_bootmem },
};

BENCH_SUITE(baseline, cases);
