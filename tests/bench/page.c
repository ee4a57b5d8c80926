/* Rows of the page allocator: pairs, batches, mixtures, mem_map. */

#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/page/grow.h"
#include "mm/page/section.h"
#include "mm/vmalloc.h"
#include "tests/bench/bench.h"

#define NR_PAIRS	10000u
#define NR_SLOW_PAIRS	1000u
#define NR_BATCH	4096u
#define NR_LARGE_BATCH	100000u
#define NR_BULK		64u
#define NR_BULK_ROUNDS	64u
#define NR_MIX_LIVE	512u
#define NR_MIX_STEPS	8192u
#define NR_MIX_ORDERS	7u
#define MAX_SECTIONS	64u

static struct page **pages;
static uint32_t *order_of_free;

/* ---- Pairs ---- */

#define PAIR_ROW(function, order)						\
	static void function(unsigned nr_ops)					\
	{									\
		for (unsigned i = 0; i < nr_ops; i++) {				\
			struct page *page = alloc_pages(GFP_KERNEL, order);	\
										\
			bench_keep(page);					\
			__free_pages(page, order);				\
		}								\
	}

PAIR_ROW(run_o0_pairs, 0)
PAIR_ROW(run_o3_pairs, 3)
PAIR_ROW(run_o4_pairs, 4)
PAIR_ROW(run_o9_pairs, 9)
PAIR_ROW(run_o10_pairs, 10)

/* ---- Batches ---- */

static const char *take_arrays(unsigned nr_pages, bool is_random)
{
	pages = kvmalloc(nr_pages * sizeof(pages[0]), GFP_KERNEL);
	order_of_free = kvmalloc(nr_pages * sizeof(order_of_free[0]), GFP_KERNEL);
	if (!pages || !order_of_free)
		return "no memory for the list of pages";
	if (is_random)
		bench_shuffle(order_of_free, nr_pages);
	return NULL;
}

static void drop_arrays(void)
{
	kvfree(pages);
	kvfree(order_of_free);
}

static const char *prepare_batch(void)
{
	return take_arrays(NR_BATCH, true);
}

static const char *prepare_large(void)
{
	/* Twice as many, so that no watermark is near. */
	if (live.nr_usable_pages < 2 * NR_LARGE_BATCH)
		return "not enough memory";
	return take_arrays(NR_LARGE_BATCH, true);
}

static void take_all(unsigned nr_pages)
{
	for (unsigned i = 0; i < nr_pages; i++)
		pages[i] = alloc_pages(GFP_KERNEL, 0);
}

static void run_batch(unsigned nr_ops)
{
	take_all(nr_ops);
	for (unsigned i = 0; i < nr_ops; i++)
		__free_pages(pages[i], 0);
}

static void run_batch_random(unsigned nr_ops)
{
	take_all(nr_ops);
	for (unsigned i = 0; i < nr_ops; i++)
		__free_pages(pages[order_of_free[i]], 0);
}

static void run_bulk(unsigned nr_ops)
{
	for (unsigned done = 0; done < nr_ops; done += NR_BULK) {
		unsigned nr = alloc_pages_bulk(GFP_KERNEL, NID_NONE, NR_BULK, pages);

		for (unsigned i = 0; i < nr; i++)
			__free_pages(pages[i], 0);
	}
}

/* ---- A mixture ---- */

static uint8_t *mix_orders;		/* of the live blocks, then of each step's new one */
static uint16_t *mix_slots;

static const char *prepare_mix(void)
{
	const char *reason = take_arrays(NR_MIX_LIVE, false);

	mix_orders = kvmalloc(NR_MIX_LIVE + NR_MIX_STEPS, GFP_KERNEL);
	mix_slots = kvmalloc(NR_MIX_STEPS * sizeof(mix_slots[0]), GFP_KERNEL);
	if (reason || !mix_orders || !mix_slots)
		return "no memory for the trace";
	for (unsigned i = 0; i < NR_MIX_LIVE + NR_MIX_STEPS; i++)
		mix_orders[i] = (uint8_t)bench_random_below(NR_MIX_ORDERS);
	for (unsigned i = 0; i < NR_MIX_STEPS; i++)
		mix_slots[i] = (uint16_t)bench_random_below(NR_MIX_LIVE);
	for (unsigned i = 0; i < NR_MIX_LIVE; i++) {
		pages[i] = alloc_pages(GFP_KERNEL, mix_orders[i]);
		if (!pages[i])
			return "not enough memory";
	}
	return NULL;
}

static void run_mix(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++) {
		unsigned slot = mix_slots[i];
		unsigned order = mix_orders[NR_MIX_LIVE + i];

		__free_pages(pages[slot], mix_orders[slot]);
		pages[slot] = alloc_pages(GFP_KERNEL, order);
		mix_orders[slot] = (uint8_t)order;
	}
}

static void finish_mix(void)
{
	for (unsigned i = 0; i < NR_MIX_LIVE; i++)
		__free_pages(pages[i], mix_orders[i]);
	kvfree(mix_orders);
	kvfree(mix_slots);
	drop_arrays();
}

/* ---- The worst one ---- */

/* Of NR_BATCH allocations in a row, from empty stacks: refills and splits are in it. */
static uint64_t measure_worst(unsigned nr_ops)
{
	uint64_t worst = 0;

	(void)nr_ops;
	drain_all_pages();
	for (unsigned i = 0; i < NR_BATCH; i++) {
		uint64_t started = bench_start();
		uint64_t cycles;

		pages[i] = alloc_pages(GFP_KERNEL, 0);
		cycles = bench_stop(started);
		if (cycles > worst)
			worst = cycles;
	}
	for (unsigned i = 0; i < NR_BATCH; i++)
		__free_pages(pages[i], 0);
	return worst;
}

/* ---- mem_map ---- */

static uint64_t section_cycles[MAX_SECTIONS];	/* per SECTION_PAGES pages */
static unsigned nr_sections_measured;
static unsigned next_section;

/* A section can be brought up once: all that are left are measured, then told in turn. */
static const char *prepare_sections(void)
{
	nr_sections_measured = 0;
	next_section = 0;
	for_each_populated_zone(zone) {
		while (nr_sections_measured < MAX_SECTIONS && zone->nr_pending_pages > 0) {
			uint64_t nr_pending = zone->nr_pending_pages;
			uint64_t nr_up = nr_sections_up();
			uint64_t started = bench_start();
			uint64_t cycles;

			if (!zone_grow(zone))
				break;
			cycles = bench_stop(started);
			/* A second piece of a section that was up has next to nothing to do. */
			if (nr_sections_up() != nr_up)
				section_cycles[nr_sections_measured++] = cycles *
					SECTION_PAGES / (nr_pending - zone->nr_pending_pages);
		}
	}
	return nr_sections_measured ? NULL : "every section is up already";
}

static uint64_t measure_section(unsigned nr_ops)
{
	(void)nr_ops;
	return section_cycles[next_section++ % nr_sections_measured];
}

static const struct bench_case cases[] = {
	{ .name = "section_init", .nr_ops = SECTION_PAGES, .measure = measure_section,
	  .prepare = prepare_sections },
	{ .name = "page0_pair", .nr_ops = NR_PAIRS, .run = run_o0_pairs },
	{ .name = "page_o3_pair", .nr_ops = NR_PAIRS, .run = run_o3_pairs },
	{ .name = "page_o4_pair", .nr_ops = NR_SLOW_PAIRS, .run = run_o4_pairs },
	{ .name = "page_o9_pair", .nr_ops = NR_PAIRS, .run = run_o9_pairs },
	{ .name = "page_o10_pair", .nr_ops = NR_SLOW_PAIRS, .run = run_o10_pairs },
	{ .name = "page0_batch", .nr_ops = NR_BATCH, .run = run_batch,
	  .prepare = prepare_batch, .finish = drop_arrays },
	{ .name = "page0_batch_random", .nr_ops = NR_BATCH, .run = run_batch_random,
	  .prepare = prepare_batch, .finish = drop_arrays },
	{ .name = "page0_100k", .nr_ops = NR_LARGE_BATCH, .run = run_batch,
	  .prepare = prepare_large, .finish = drop_arrays },
	{ .name = "page0_100k_random", .nr_ops = NR_LARGE_BATCH, .run = run_batch_random,
	  .prepare = prepare_large, .finish = drop_arrays },
	{ .name = "page0_bulk64", .nr_ops = NR_BULK * NR_BULK_ROUNDS, .run = run_bulk,
	  .prepare = prepare_batch, .finish = drop_arrays },
	{ .name = "page_mix", .nr_ops = NR_MIX_STEPS, .run = run_mix,
	  .prepare = prepare_mix, .finish = finish_mix },
	{ .name = "page0_alloc_worst", .nr_ops = 1, .measure = measure_worst,
	  .prepare = prepare_batch, .finish = drop_arrays },
};

BENCH_SUITE(page, cases);
