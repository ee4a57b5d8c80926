/* Rows of the vmalloc space: areas, purges, single mappings. */

#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/bench/bench.h"

/* A multiple of the areas one flush serves (mm/vmalloc/vm_area.c): whole purges in each batch. */
#define NR_SMALL_PAIRS	1280u
#define NR_LARGE_PAIRS	32u
#define NR_BATCH	500u
#define NR_PURGED	100u
#define NR_LIVE		10000u
#define NR_WALKS	1000u

#define SIZE_64K	(16 * PAGE_SIZE)
#define SIZE_1M		(256 * PAGE_SIZE)
#define SIZE_2M		(512 * PAGE_SIZE)

static void **areas;
static uint32_t nr_areas;

static const char *take_areas(uint32_t nr)
{
	areas = kvmalloc(nr * sizeof(areas[0]), GFP_KERNEL);
	if (!areas)
		return "no memory for the list of areas";
	for (nr_areas = 0; nr_areas < nr; nr_areas++) {
		areas[nr_areas] = vmalloc(PAGE_SIZE);
		if (!areas[nr_areas])
			return "not enough memory";
	}
	return NULL;
}

static void drop_areas(void)
{
	while (nr_areas)
		vfree(areas[--nr_areas]);
	kvfree(areas);
	vmalloc_shrink();
}

static void run_pairs(unsigned nr_ops, size_t size)
{
	for (unsigned i = 0; i < nr_ops; i++) {
		void *addr = vmalloc(size);

		bench_keep(addr);
		vfree(addr);
	}
}

static void run_4k_pairs(unsigned nr_ops)
{
	run_pairs(nr_ops, PAGE_SIZE);
}

static void run_64k_pairs(unsigned nr_ops)
{
	run_pairs(nr_ops, SIZE_64K);
}

static void run_1m_pairs(unsigned nr_ops)
{
	run_pairs(nr_ops, SIZE_1M);
}

static void run_2m_huge_pairs(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++) {
		void *addr = vmalloc_huge(SIZE_2M, GFP_KERNEL);

		bench_keep(addr);
		vfree(addr);
	}
}

static const char *prepare_batch(void)
{
	const char *reason = take_areas(NR_BATCH);

	while (nr_areas)
		vfree(areas[--nr_areas]);
	return reason;
}

/* Some of them wait in the queue when a batch ends; as many were waiting when it began. */
static void run_4k_batch(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++)
		areas[i] = vmalloc(PAGE_SIZE);
	for (unsigned i = 0; i < nr_ops; i++)
		vfree(areas[i]);
}

static const char *prepare_purge(void)
{
	vmalloc_purge();
	return prepare_batch();
}

static uint64_t measure_purge(unsigned nr_ops)
{
	uint64_t started;

	(void)nr_ops;
	vmalloc_purge();
	for (unsigned i = 0; i < NR_PURGED; i++)
		areas[i] = vmalloc(PAGE_SIZE);
	for (unsigned i = 0; i < NR_PURGED; i++)
		vfree(areas[i]);
	started = bench_start();
	vmalloc_purge();
	return bench_stop(started);
}

static const char *prepare_10k(void)
{
	return take_areas(NR_LIVE);
}

/* The last two pages of the space: the upper stays mapped, so that the tables exist. */
static struct page *mapped_page;

static uintptr_t top_va(unsigned nr_pages_below)
{
	return mm_port_vmalloc_end - nr_pages_below * PAGE_SIZE;
}

static const char *prepare_map(void)
{
	pfn_t pfn;

	mapped_page = alloc_page(GFP_KERNEL);
	if (!mapped_page)
		return "not enough memory";
	pfn = page_to_pfn(mapped_page);
	if (!mm_port_map_pages(top_va(1), &pfn, 1, MM_PORT_READ_WRITE))
		return "no page tables";
	return NULL;
}

static void finish_map(void)
{
	mm_port_unmap_pages(top_va(1), 1);
	mm_port_flush_tlb(top_va(2), 2);
	__free_page(mapped_page);
}

static uint64_t measure_map(unsigned nr_ops)
{
	pfn_t pfn = page_to_pfn(mapped_page);
	uintptr_t va = top_va(2);
	uint64_t started = bench_start();

	for (unsigned i = 0; i < nr_ops; i++) {
		if (!mm_port_map_pages(va, &pfn, 1, MM_PORT_READ_WRITE))
			return 0;
		mm_port_unmap_pages(va, 1);
	}
	return bench_stop(started);
}

static void run_walks(unsigned nr_ops)
{
	uintptr_t va = top_va(1);

	for (unsigned i = 0; i < nr_ops; i++)
		bench_keep((void *)mm_port_lookup(va));
}

static const struct bench_case cases[] = {
	{ .name = "vmalloc_4k_pair", .nr_ops = NR_SMALL_PAIRS, .run = run_4k_pairs },
	{ .name = "vmalloc_64k_pair", .nr_ops = NR_SMALL_PAIRS, .run = run_64k_pairs },
	{ .name = "vmalloc_1m_pair", .nr_ops = NR_LARGE_PAIRS, .run = run_1m_pairs },
	{ .name = "vmalloc_2m_huge_pair", .nr_ops = NR_LARGE_PAIRS, .run = run_2m_huge_pairs },
	{ .name = "vmalloc_4k_batch", .nr_ops = NR_BATCH, .run = run_4k_batch,
	  .prepare = prepare_batch, .finish = drop_areas },
	{ .name = "vmalloc_purge_100", .nr_ops = 1, .measure = measure_purge,
	  .prepare = prepare_purge, .finish = drop_areas },
	{ .name = "vmalloc_4k_pair_10k", .nr_ops = NR_SMALL_PAIRS, .run = run_4k_pairs,
	  .prepare = prepare_10k, .finish = drop_areas },
	{ .name = "map_4k", .nr_ops = NR_WALKS, .measure = measure_map,
	  .prepare = prepare_map, .finish = finish_map },
	{ .name = "walk", .nr_ops = NR_WALKS, .run = run_walks,
	  .prepare = prepare_map, .finish = finish_map },
};

BENCH_SUITE(vmalloc, cases);
