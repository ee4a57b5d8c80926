/*
 * vmalloc under load on the live machine: many areas, all memory, every node.
 * Image only: the hosted port cannot map this much.
 */

#include "arch.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/port.h"
#include "kthread.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc/vm_area.h"
#include "mm/vmalloc.h"
#include "tests/test.h"
#include "tests/unit/nodes.h"

#define MIB_PAGES		256u

static void check_verifies(void)
{
	struct violation violation = { 0 };

	if (!vmalloc_verify(&violation))
		test_fail(__FILE__, __LINE__, "%s broken at 0x%llx: %s", violation.rule,
			  (unsigned long long)violation.at, violation.condition);
}

/* Pages that GFP_KERNEL can get above the watermarks, pending sections included. */
static uint64_t nr_available_pages(void)
{
	uint64_t nr_pages = 0;

	drain_all_pages();
	for_each_populated_zone(zone) {
		uint64_t kept_pages = zone->watermark[WATERMARK_HIGH] +
				      zone->lowmem_reserve[ZONE_NORMAL];
		uint64_t free_pages = zone_free_pages(zone);

		if (zone->type != ZONE_MOVABLE && free_pages > kept_pages)
			nr_pages += free_pages - kept_pages;
	}
	return nr_pages;
}

static uint64_t nr_pages_of_type(enum page_type type)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += zone->nr_type_pages[type];
	return nr_pages;
}

/* ---- 100,000 areas against a model ---- */

#define NR_STEPS		100000u
#define NR_SLOTS		128u
#define MAX_AREA_PAGES		16384u	/* 64 MiB */
#define VERIFY_EVERY		10000u

/* One in so many areas may have any size up to the largest; the others are small. */
#define LARGE_ONE_IN		64u
#define MAX_SMALL_PAGES		64u

struct slot {
	uint64_t *addr;
	uint64_t nr_pages;
	uint64_t value;
};

struct model {
	struct slot slots[NR_SLOTS];
	uint64_t nr_live_pages;
	uint64_t max_live_pages;
	unsigned nr_allocated;
	unsigned nr_large;
};

/* Log-uniform: each doubling of size is as likely as every other. */
static uint64_t random_size(uint64_t max_pages)
{
	uint64_t pages = max_pages >> test_random_below(order_for_pages(max_pages) + 1);

	return 1 + test_random_below(pages ? pages : 1);
}

/* The last word of the area; with the first one what a wrong or double mapping would change. */
static uint64_t *last_word(const struct slot *slot)
{
	return slot->addr + slot->nr_pages * (PAGE_SIZE / sizeof(uint64_t)) - 1;
}

static bool fill_slot(struct model *model, struct slot *slot)
{
	bool is_large = test_random_below(LARGE_ONE_IN) == 0;

	slot->nr_pages = random_size(is_large ? MAX_AREA_PAGES : MAX_SMALL_PAGES);
	if (model->nr_live_pages + slot->nr_pages > model->max_live_pages)
		return false;
	slot->addr = test_random_below(32) ? vmalloc(slot->nr_pages * PAGE_SIZE) :
					     vmalloc_huge(slot->nr_pages * PAGE_SIZE, GFP_KERNEL);
	if (!slot->addr) {
		test_fail(__FILE__, __LINE__, "no area of %llu pages with %llu of %llu live",
			  (unsigned long long)slot->nr_pages,
			  (unsigned long long)model->nr_live_pages,
			  (unsigned long long)model->max_live_pages);
		return false;
	}
	slot->value = test_random();
	*slot->addr = slot->value;
	*last_word(slot) = ~slot->value;
	model->nr_live_pages += slot->nr_pages;
	model->nr_allocated++;
	model->nr_large += is_large;
	return true;
}

static void empty_slot(struct model *model, struct slot *slot)
{
	CHECK_EQ(*slot->addr, slot->value);
	CHECK_EQ(*last_word(slot), ~slot->value);
	vfree(slot->addr);
	slot->addr = NULL;
	model->nr_live_pages -= slot->nr_pages;
}

static void run_model(struct model *model, unsigned nr_steps)
{
	for (unsigned step = 0; step < nr_steps; step++) {
		struct slot *slot = &model->slots[test_random_below(NR_SLOTS)];

		if (slot->addr)
			empty_slot(model, slot);
		else
			fill_slot(model, slot);
		if (step % VERIFY_EVERY == 0)
			check_verifies();
	}
	for (unsigned i = 0; i < NR_SLOTS; i++)
		if (model->slots[i].addr)
			empty_slot(model, &model->slots[i]);
}

static void many_random_areas_leak_no_page_and_no_table(void)
{
	struct model *model = kzalloc(sizeof(*model), GFP_KERNEL);
	uint64_t nr_tables, nr_vmalloc_pages;

	CHECK(model != NULL);
	if (!model)
		return;
	model->max_live_pages = nr_available_pages() / 2;
	/* One large area first: sections and the upper tables it needs are there to stay. */
	vfree(vmalloc(MAX_AREA_PAGES * PAGE_SIZE));
	vmalloc_shrink();
	port_drop_spare_tables();
	nr_tables = kernel_tables.nr_tables;
	nr_vmalloc_pages = nr_pages_of_type(PAGE_VMALLOC);
	run_model(model, NR_STEPS);
	vmalloc_shrink();
	port_drop_spare_tables();
	CHECK_EQ(kernel_tables.nr_tables, nr_tables);
	CHECK_EQ(nr_pages_of_type(PAGE_VMALLOC), nr_vmalloc_pages);
	check_verifies();
	test_comment("%u areas, %u of them of up to 64 MiB; %llu page tables before and after",
		     model->nr_allocated, model->nr_large, (unsigned long long)nr_tables);
	kfree(model);
}

/* ---- All of memory ---- */

/* Beyond 8 GiB the section metadata alone would take minutes to bring up under emulation. */
#define MAX_WHOLE_PAGES		(8u * 1024 * MIB_PAGES)
#define PURGE_MS		10000u

/* For 512 pages: one of page tables, one of pages[], four of mem_map if it is not up yet. */
static uint64_t overhead_pages(uint64_t nr_pages)
{
	return nr_pages * 6 / 512 + 64;
}

static void nearly_all_memory_can_be_had_page_by_page(void)
{
	uint64_t nr_available = nr_available_pages();
	uint64_t nr_pages = nr_available - overhead_pages(nr_available);
	char *addr;

	if (nr_available > MAX_WHOLE_PAGES)
		SKIP("%llu MiB are too many", (unsigned long long)(nr_available / MIB_PAGES));
	addr = vmalloc(nr_pages * PAGE_SIZE);
	CHECK(addr != NULL);
	if (!addr)
		return;
	for (uint64_t i = 0; i < nr_pages; i += 97)
		*(uint64_t *)(addr + i * PAGE_SIZE) = i;
	for (uint64_t i = 0; i < nr_pages; i += 97)
		CHECK_EQ(*(uint64_t *)(addr + i * PAGE_SIZE), i);
	test_comment("%llu of %llu available pages in one area", (unsigned long long)nr_pages,
		     (unsigned long long)nr_available);
	vfree(addr);
	vmalloc_shrink();
	check_verifies();
}

/* Taken with single pages kept in between, so that hardly two neighbours are free. */
static void fragmented_memory_is_as_good(void)
{
	uint64_t nr_pages = nr_available_pages() / 4;
	struct page **pages;
	char *addr;

	if (nr_pages > MAX_WHOLE_PAGES / 8)
		nr_pages = MAX_WHOLE_PAGES / 8;
	pages = vmalloc(2 * nr_pages * sizeof(pages[0]));
	CHECK(pages != NULL);
	CHECK_EQ(alloc_pages_bulk(GFP_KERNEL, NID_NONE, (unsigned)(2 * nr_pages), pages),
		 2 * nr_pages);
	for (uint64_t i = 0; i < 2 * nr_pages; i += 2)
		__free_page(pages[i]);
	addr = vmalloc(nr_pages * PAGE_SIZE);
	CHECK(addr != NULL);
	vfree(addr);
	for (uint64_t i = 1; i < 2 * nr_pages; i += 2)
		__free_page(pages[i]);
	vfree(pages);
	vmalloc_shrink();
	check_verifies();
}

/*
 * kswapd, awake where memory ran short, may be giving freed areas back on another CPU:
 * then they are in no queue, and whoever purges does not wait for it. Bounded.
 */
static void wait_for_purges(void)
{
	uint64_t end_ns = arch_now_ns() + PURGE_MS * 1000000ull;

	while (vmalloc_totals().nr_lazy != 0 && arch_now_ns() < end_ns)
		thread_yield();
}

static void more_than_there_is_fails_and_unwinds(void)
{
	uint64_t nr_available = nr_available_pages();
	struct vmalloc_totals before = vmalloc_totals();
	uint64_t nr_vmalloc_pages = nr_pages_of_type(PAGE_VMALLOC);

	if (nr_available > MAX_WHOLE_PAGES)
		SKIP("%llu MiB are too many", (unsigned long long)(nr_available / MIB_PAGES));
	CHECK(vmalloc(nr_available * 2 * PAGE_SIZE) == NULL);
	CHECK(vmalloc_huge(nr_available * 2 * PAGE_SIZE, GFP_KERNEL) == NULL);
	wait_for_purges();
	CHECK_EQ(vmalloc_totals().nr_live, before.nr_live);
	CHECK_EQ(vmalloc_totals().nr_lazy, 0);
	CHECK_EQ(nr_pages_of_type(PAGE_VMALLOC), nr_vmalloc_pages);
	/* What slabs and stacks keep for themselves may differ by a little. */
	CHECK(nr_available_pages() + 64 >= nr_available);
	check_verifies();
}

/* ---- Where the pages are ---- */

#define NODE_AREA_PAGES		MIB_PAGES

static unsigned count_runs(const struct vm_struct *area)
{
	unsigned nr_runs = 1;

	for (unsigned i = 1; i < area->nr_entries; i++)
		nr_runs += area->pages[i] != area->pages[i - 1] + 1;
	return nr_runs;
}

static struct vm_struct *area_of(const void *addr)
{
	struct vm_struct *area;

	spin_lock(&vm_areas.lock);
	area = vm_area_at_or_before((uintptr_t)addr);
	spin_unlock(&vm_areas.lock);
	return area;
}

/* Leaves every second page of what the node hands out free, as a long-running machine would. */
static unsigned scatter_node(unsigned nid, struct page **kept)
{
	unsigned nr_got = alloc_pages_bulk(GFP_KERNEL | __GFP_THISNODE, nid, 2 * NODE_AREA_PAGES,
					   kept);
	unsigned nr_kept = 0;

	for (unsigned i = 0; i < nr_got; i++)
		if (i % 2)
			__free_page(kept[i]);
		else
			kept[nr_kept++] = kept[i];
	return nr_kept;
}

static void check_node(unsigned nid, struct page **kept)
{
	unsigned nr_kept = scatter_node(nid, kept);
	void *addr = vmalloc_node(pages_to_bytes(NODE_AREA_PAGES), nid);
	unsigned nr_on_node = 0;

	CHECK(addr != NULL);
	if (addr) {
		const struct vm_struct *area = area_of(addr);
		unsigned nr_runs = count_runs(area);

		for (unsigned i = 0; i < area->nr_entries; i++)
			nr_on_node += page_to_nid(area->pages[i]) == nid;
		test_comment("node %u: %u of %u pages are there, in %u runs of page frames", nid,
			     nr_on_node, NODE_AREA_PAGES, nr_runs);
		CHECK_EQ(nr_on_node, NODE_AREA_PAGES);
		CHECK(nr_runs > 1);
	}
	vfree(addr);
	free_pages_bulk(nr_kept, kept);
	vmalloc_purge();
}

static void pages_are_scattered_and_on_the_asked_node(void)
{
	struct page **kept = kmalloc(2 * NODE_AREA_PAGES * sizeof(kept[0]), GFP_KERNEL);

	CHECK(kept != NULL);
	for (unsigned nid = 0; kept && nid < nr_node_ids(); nid++)
		if (node_is_roomy(nid))
			check_node(nid, kept);
	kfree(kept);
}

/* ---- The tables, by hand ---- */

#define ENTRY_PRESENT	1ull
#define ENTRY_LARGE	(1ull << 7)
#define ENTRY_PA	0x000ffffffffff000ull

/* From CR3 down, entry by entry through the direct map: nothing of paging.c. */
static pfn_t walk_by_hand(uintptr_t va)
{
	uint64_t entry;

	__asm__ volatile("mov %%cr3, %0" : "=r"(entry));
	for (unsigned shift = 39;; shift -= 9) {
		const uint64_t *table = phys_to_virt(entry & ENTRY_PA);
		bool is_last;

		entry = table[(va >> shift) & 511];
		if (!(entry & ENTRY_PRESENT))
			return PFN_NONE;
		is_last = shift == PAGE_SHIFT || (shift < 39 && (entry & ENTRY_LARGE));
		if (is_last)
			return pa_to_pfn((entry & ENTRY_PA & ~((1ull << shift) - 1)) +
					 (va & ((1ull << shift) - 1)));
	}
}

static void check_walk(char *addr, uint64_t nr_pages)
{
	for (uint64_t i = 0; i < nr_pages; i++) {
		char *at = addr + i * PAGE_SIZE + i % PAGE_SIZE;

		CHECK_EQ(vmalloc_to_pfn(at), walk_by_hand((uintptr_t)at));
		CHECK(vmalloc_to_page(at) == pfn_to_page(walk_by_hand((uintptr_t)at)));
	}
	CHECK_EQ(walk_by_hand((uintptr_t)addr - 1), PFN_NONE);
	CHECK_EQ(walk_by_hand((uintptr_t)addr + nr_pages * PAGE_SIZE), PFN_NONE);
	CHECK(vmalloc_to_page(addr + nr_pages * PAGE_SIZE) == NULL);
}

static void vmalloc_to_page_agrees_with_a_hand_walk(void)
{
	const uint64_t huge_pages = VM_HUGE_PAGES + 5;
	char *small = vmalloc(1000 * PAGE_SIZE);
	char *huge = vmalloc_huge(huge_pages * PAGE_SIZE, GFP_KERNEL);

	check_walk(small, 1000);
	check_walk(huge, huge_pages);
	vfree(small);
	vfree(huge);
	vmalloc_purge();
	CHECK_EQ(walk_by_hand((uintptr_t)small), PFN_NONE);
	CHECK_EQ(walk_by_hand((uintptr_t)huge), PFN_NONE);
}

static const struct test_case cases[] = {
	{ "many random areas leak no page and no table",
	  many_random_areas_leak_no_page_and_no_table },
	{ "nearly all memory can be had page by page",
	  nearly_all_memory_can_be_had_page_by_page },
	{ "fragmented memory is as good", fragmented_memory_is_as_good },
	{ "more than there is fails and unwinds", more_than_there_is_fails_and_unwinds },
	{ "pages are scattered and on the asked node",
	  pages_are_scattered_and_on_the_asked_node },
	{ "vmalloc_to_page agrees with a hand walk", vmalloc_to_page_agrees_with_a_hand_walk },
};

TEST_SUITE(vmalloc_stress, cases);
