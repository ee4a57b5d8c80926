/*
 * Per-CPU memory: copies are apart, on their nodes, zeroed, and counted.
 */

#include "mm/percpu.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "mm/vmalloc/percpu_chunk.h"
#include "tests/test.h"

#define NR_KEPT	300u

struct counts {
	uint64_t nr_hits;
	uint32_t nr_misses;
};

/* The first node with memory near @cpu. */
static unsigned memory_node_of_cpu(unsigned cpu)
{
	struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_NO_INJECTION, 0);
	unsigned nid = page_to_nid(page);

	__free_page(page);
	return nid;
}

static void each_cpu_has_its_copy_on_its_node(void)
{
	struct counts *counts = alloc_percpu(struct counts);

	CHECK(counts != NULL);
	for (unsigned cpu = 0; counts && cpu < nr_cpu_ids(); cpu++) {
		struct counts *own = per_cpu_ptr(counts, cpu);

		CHECK_EQ(own->nr_hits, 0);
		CHECK_EQ(own->nr_misses, 0);
		CHECK_EQ(page_to_nid(vmalloc_to_page(own)), memory_node_of_cpu(cpu));
		own->nr_hits = cpu + 1;
	}
	for (unsigned cpu = 0; counts && cpu < nr_cpu_ids(); cpu++)
		CHECK_EQ(per_cpu_ptr(counts, cpu)->nr_hits, cpu + 1);
	CHECK_EQ(this_cpu_ptr(counts)->nr_hits, mm_port_cpu() + 1);
	free_percpu(counts);
	free_percpu(NULL);
}

/* What was there is not found by the next. */
static void memory_comes_zeroed_again(void)
{
	uint8_t *at = alloc_percpu_bytes(1000, 8, GFP_KERNEL), *again;

	for (unsigned cpu = 0; cpu < nr_cpu_ids(); cpu++)
		memset(per_cpu_ptr(at, cpu), 0xee, 1000);
	free_percpu(at);
	again = alloc_percpu_bytes(1000, 8, GFP_KERNEL);
	CHECK(again == at);
	for (unsigned cpu = 0; cpu < nr_cpu_ids(); cpu++)
		for (unsigned i = 0; i < 1000; i++)
			CHECK_EQ(per_cpu_ptr(again, cpu)[i], 0);
	free_percpu(again);
}

/* Sizes and alignments at random against what each allocation was told to hold. */
static void many_sizes_do_not_overlap(void)
{
	static uint8_t *kept[NR_KEPT];
	static size_t bytes[NR_KEPT];
	struct percpu_totals before = percpu_totals();

	memset(kept, 0, sizeof(kept));
	for (unsigned i = 0; i < 4 * NR_KEPT; i++) {
		unsigned k = (unsigned)(test_random() % NR_KEPT);
		size_t align = (size_t)1 << test_random() % 8;

		if (kept[k]) {
			for (size_t j = 0; j < bytes[k]; j++)
				CHECK_EQ(this_cpu_ptr(kept[k])[j], k % 251 + 1);
			free_percpu(kept[k]);
			kept[k] = NULL;
			continue;
		}
		bytes[k] = 1 + test_random() % 700;
		kept[k] = alloc_percpu_bytes(bytes[k], align, GFP_KERNEL | __GFP_NO_INJECTION);
		CHECK(kept[k] != NULL);
		CHECK(is_aligned((uintptr_t)kept[k], align));
		for (unsigned cpu = 0; kept[k] && cpu < nr_cpu_ids(); cpu++)
			memset(per_cpu_ptr(kept[k], cpu), (int)(k % 251 + 1), bytes[k]);
	}
	CHECK(percpu_totals().nr_chunks > 1);
	for (unsigned k = 0; k < NR_KEPT; k++)
		free_percpu(kept[k]);
	CHECK_EQ(percpu_totals().nr_allocations, before.nr_allocations);
	CHECK_EQ(percpu_totals().nr_bytes, before.nr_bytes);
}

static void empty_chunks_go_but_the_last(void)
{
	void *whole[3];

	free_percpu(alloc_percpu_bytes(1, 1, GFP_KERNEL));
	for (unsigned i = 0; i < ARRAY_SIZE(whole); i++) {
		whole[i] = alloc_percpu_bytes(PERCPU_UNIT_BYTES, PAGE_SIZE, GFP_KERNEL);
		CHECK(whole[i] != NULL);
	}
	CHECK(percpu_totals().nr_chunks >= ARRAY_SIZE(whole));
	/* Without reclaim nothing new is made. */
	CHECK(alloc_percpu_bytes(PERCPU_UNIT_BYTES, 1, GFP_NOWAIT) == NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(whole); i++)
		free_percpu(whole[i]);
	CHECK_EQ(percpu_totals().nr_chunks, 1);
	CHECK_EQ(percpu_totals().nr_pages,
		 nr_cpu_ids() * (uint64_t)(PERCPU_UNIT_BYTES / PAGE_SIZE));
	CHECK(alloc_percpu_bytes(PERCPU_UNIT_BYTES + 1, 1, GFP_KERNEL) == NULL);
}

/* Each page, array and area it needs fails once: nothing stays taken. */
static void failures_leave_nothing(void)
{
	void *whole = alloc_percpu_bytes(PERCPU_UNIT_BYTES, 1, GFP_KERNEL), *other = NULL;
	uint64_t nr_live = vmalloc_totals().nr_live;
	unsigned nr_failed = 0;

	for (uint64_t nth = 1; !other && nth < 10000; nth++) {
		mm_fail_nth(nth);
		other = alloc_percpu_bytes(16, 1, GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
		nr_failed += mm_fail_nth_struck() && !other;
		mm_fail_nth(0);
		CHECK(other || vmalloc_totals().nr_live == nr_live);
	}
	CHECK(nr_failed > 0);
	CHECK(other != NULL);
	free_percpu(whole);
	free_percpu(other);
}

static uint64_t nr_typed_pages(void)
{
	uint64_t nr = 0;

	for_each_populated_zone(zone)
		nr += __atomic_load_n(&zone->nr_type_pages[PAGE_PERCPU], __ATOMIC_RELAXED);
	return nr;
}

static void the_ledger_knows_whose_the_pages_are(void)
{
	void *whole = alloc_percpu_bytes(PERCPU_UNIT_BYTES, 1, GFP_KERNEL);
	void *other = alloc_percpu_bytes(PERCPU_UNIT_BYTES, 1, GFP_KERNEL);

	CHECK(whole != NULL && other != NULL);
	CHECK_EQ(nr_typed_pages(), percpu_totals().nr_pages);
	CHECK(mm_ledger_balances());
	CHECK_PANICS("free of a page that has another use", __free_page(vmalloc_to_page(other)));
	free_percpu(whole);
	free_percpu(other);
	CHECK_EQ(nr_typed_pages(), percpu_totals().nr_pages);
	CHECK(mm_ledger_balances());
}

static void wrong_frees_panic(void)
{
	char *at = alloc_percpu_bytes(100, 1, GFP_KERNEL);

	CHECK_PANICS("is no allocation", free_percpu(at + 1));
	CHECK_PANICS("is no allocation", free_percpu(at + 16));
	CHECK_PANICS("is no allocation", free_percpu(&at));
	/* The area is mm's own: nobody else unmaps or protects it. */
	CHECK_PANICS("area of per-CPU memory", vunmap(percpu_chunk_of(at)->area));
	CHECK_PANICS("area of per-CPU memory", vfree(percpu_chunk_of(at)->area));
	CHECK_PANICS("area of per-CPU memory",
		     (void)!set_memory_ro(percpu_chunk_of(at)->area, 1));
	memset(at, 1, 100);
	free_percpu(at);
	CHECK_PANICS("is no allocation", free_percpu(at));
	CHECK_PANICS("is_power_of_two", alloc_percpu_bytes(8, 3, GFP_KERNEL));
	CHECK_PANICS("bytes > 0", alloc_percpu_bytes(0, 1, GFP_KERNEL));
}

static bool breaks(const char *rule)
{
	struct violation violation = { .rule = "none" };

	return !percpu_verify(&violation) && strcmp(violation.rule, rule) == 0;
}

static void verify_notices_PERCPU_1(void)
{
	void *at = alloc_percpu_bytes(64, 1, GFP_KERNEL);
	struct percpu_chunk *chunk = percpu_chunk_of(at);
	unsigned slot = (unsigned)(((uintptr_t)at - (uintptr_t)chunk->area) / PERCPU_SLOT_BYTES);

	bitmap_clear(chunk->first, slot);
	CHECK(breaks("PERCPU-1") || slot != 0);		/* behind a used one it is no breach */
	bitmap_set(chunk->first, slot);
	bitmap_set(chunk->first, NR_PERCPU_SLOTS - 1);
	CHECK(breaks("PERCPU-1"));
	bitmap_clear(chunk->first, NR_PERCPU_SLOTS - 1);
	free_percpu(at);
}

static void verify_notices_PERCPU_2(void)
{
	void *at = alloc_percpu_bytes(64, 1, GFP_KERNEL);
	struct percpu_chunk *chunk = percpu_chunk_of(at);

	chunk->nr_used++;
	CHECK(breaks("PERCPU-2"));
	chunk->nr_used--;
	chunk->nr_allocations--;
	CHECK(breaks("PERCPU-2"));
	chunk->nr_allocations++;
	free_percpu(at);
}

static void verify_notices_PERCPU_3(void)
{
	void *at = alloc_percpu_bytes(64, 1, GFP_KERNEL);
	struct page *page = vmalloc_to_page(at);

	page_set_type(page, PAGE_USER);
	CHECK(breaks("PERCPU-3"));
	page_set_type(page, PAGE_PERCPU);
	free_percpu(at);
}

static const struct test_case cases[] = {
	{ "each CPU has its copy on its node", each_cpu_has_its_copy_on_its_node },
	{ "memory comes zeroed again", memory_comes_zeroed_again },
	{ "many sizes do not overlap", many_sizes_do_not_overlap },
	{ "empty chunks go, but the last", empty_chunks_go_but_the_last },
	{ "failures leave nothing", failures_leave_nothing },
	{ "the ledger knows whose the pages are", the_ledger_knows_whose_the_pages_are },
	{ "wrong frees panic", wrong_frees_panic },
	{ "verify notices PERCPU-1", verify_notices_PERCPU_1 },
	{ "verify notices PERCPU-2", verify_notices_PERCPU_2 },
	{ "verify notices PERCPU-3", verify_notices_PERCPU_3 },
};

TEST_SUITE(percpu, cases);
