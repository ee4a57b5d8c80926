/* vmalloc on the live memory manager: of the machine, or of the hosted arena. */

#include "mm/vmalloc.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "mm/reclaim.h"
#include "mm/live.h"
#include "mm/vmalloc/vm_area.h"
#include "tests/test.h"

#define NR_AREAS	64u
#define TEXT_BYTES	160u
#define HUGE_BYTES	(PAGE_SIZE << VM_HUGE_ORDER)

/* The local APIC: device memory on every machine, never RAM. Mapped, not touched. */
#define DEVICE_PA	0xfee00000ull

static void check_verifies(void)
{
	struct violation violation = { 0 };

	if (!vmalloc_verify(&violation))
		test_fail(__FILE__, __LINE__, "%s broken at 0x%llx: %s", violation.rule,
			  (unsigned long long)violation.at, violation.condition);
}

static bool breaks(const char *rule)
{
	struct violation violation = { 0 };

	return !vmalloc_verify(&violation) && strcmp(violation.rule, rule) == 0;
}

static struct vm_struct *area_of(const void *addr)
{
	struct vm_struct *area;

	spin_lock(&vm_areas.lock);
	area = vm_area_at_or_before((uintptr_t)addr);
	spin_unlock(&vm_areas.lock);
	return area;
}

static bool is_mapped(const void *addr)
{
	return vmalloc_to_pfn(addr) != PFN_NONE;
}

/* Writes a value of its own to each page, so that a page mapped twice shows. */
static void stamp(void *addr, uint64_t nr_pages, uint64_t value)
{
	for (uint64_t i = 0; i < nr_pages; i++)
		*(uint64_t *)((char *)addr + i * PAGE_SIZE) = value + i;
}

static bool has_stamp(const void *addr, uint64_t nr_pages, uint64_t value)
{
	for (uint64_t i = 0; i < nr_pages; i++)
		if (*(const uint64_t *)((const char *)addr + i * PAGE_SIZE) != value + i)
			return false;
	return true;
}

static void memory_keeps_what_is_written(void)
{
	char *first = vmalloc(100 * PAGE_SIZE), *second = vmalloc(1);

	CHECK(first != NULL);
	CHECK(second != NULL);
	CHECK(is_aligned((uintptr_t)first, PAGE_SIZE));
	CHECK(is_vmalloc_addr(first) && is_vmalloc_addr(second));
	stamp(first, 100, 1000);
	stamp(second, 1, 7);
	CHECK(has_stamp(first, 100, 1000));
	CHECK(has_stamp(second, 1, 7));
	check_verifies();
	vfree(first);
	vfree(second);
	check_verifies();
}

static void zeroed_memory_is_zero(void)
{
	for (unsigned round = 0; round < 3; round++) {
		unsigned char *addr = vzalloc(5 * PAGE_SIZE);
		unsigned sum = 0;

		CHECK(addr != NULL);
		for (unsigned i = 0; i < 5 * PAGE_SIZE; i++)
			sum |= addr[i];
		CHECK_EQ(sum, 0);
		memset(addr, 0xff, 5 * PAGE_SIZE);
		vfree(addr);
		vmalloc_purge();
	}
}

static void nothing_and_too_much_are_refused(void)
{
	struct vmalloc_totals before = vmalloc_totals();

	CHECK(vmalloc(0) == NULL);
	CHECK(vmalloc(SIZE_MAX) == NULL);
	CHECK(vmalloc(SIZE_MAX / 2) == NULL);
	CHECK(vmalloc(mm_port_vmalloc_end - mm_port_vmalloc_start) == NULL);
	vfree(NULL);
	vunmap(NULL);
	iounmap(NULL);
	CHECK_EQ(vmalloc_totals().nr_live, before.nr_live);
	check_verifies();
}

static void an_unmapped_page_stands_on_both_sides(void)
{
	char *addr = vmalloc(3 * PAGE_SIZE);

	CHECK(addr != NULL);
	CHECK(!is_mapped(addr - 1));
	CHECK(is_mapped(addr));
	CHECK(is_mapped(addr + 3 * PAGE_SIZE - 1));
	CHECK(!is_mapped(addr + 3 * PAGE_SIZE));
	CHECK(!is_mapped(addr + 4 * PAGE_SIZE - 1));
	vfree(addr);
}

static void freed_memory_is_unmapped_at_once_and_reused_after_the_flush(void)
{
	char *addr, *other;
	struct page *page;

	vmalloc_shrink();
	addr = vmalloc(PAGE_SIZE);
	page = vmalloc_to_page(addr);
	vfree(addr);
	CHECK(!is_mapped(addr));
	CHECK_EQ(page->type, PAGE_VMALLOC);
	CHECK_EQ(vmalloc_totals().nr_lazy, 1);

	other = vmalloc(PAGE_SIZE);
	CHECK(other != addr);
	CHECK(vmalloc_to_page(other) != page);
	CHECK_EQ(vmalloc_purge(), 1);
	CHECK(page->type != PAGE_VMALLOC);
	CHECK_EQ(vmalloc_totals().nr_lazy, 0);

	vfree(other);
	other = vmalloc(PAGE_SIZE);
	CHECK(other == addr);	/* from the cache of this size */
	vfree(other);
	check_verifies();
}

static void the_list_is_ordered_by_address(void)
{
	void *addrs[8];
	unsigned nr_seen = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(addrs); i++)
		addrs[i] = vmalloc((i % 3 + 1) * PAGE_SIZE);
	vfree(addrs[3]);
	vmalloc_shrink();
	for (const struct vm_struct *area = vm_areas.first; area; area = area->next) {
		CHECK(!area->next || (uintptr_t)area->addr + area->size <=
				     (uintptr_t)area->next->addr);
		nr_seen++;
	}
	CHECK_EQ(nr_seen, vm_areas.space.nr_nodes);
	for (unsigned i = 0; i < ARRAY_SIZE(addrs); i++)
		if (i != 3)
			vfree(addrs[i]);
}

static void the_lectures_fields_are_filled(void)
{
	void *addr = vmalloc(3 * PAGE_SIZE + 1);
	struct vm_struct *area = area_of(addr);

	CHECK(area->addr == addr);
	CHECK_EQ(area->size, 5 * PAGE_SIZE);	/* four pages and the guard */
	CHECK_EQ(area->flags, VM_ALLOC);
	CHECK_EQ(area->nr_pages, 4);
	CHECK_EQ(area->phys_addr, 0);
	CHECK(area->caller != NULL);
	for (unsigned i = 0; i < 4; i++)
		CHECK(area->pages[i] == vmalloc_to_page((char *)addr + i * PAGE_SIZE));
	vfree(addr);
}

static void large_requests_get_blocks_of_2_MiB(void)
{
	char *addr = vmalloc_huge(2 * HUGE_BYTES + 3 * PAGE_SIZE, GFP_KERNEL);
	struct vm_struct *area = area_of(addr);
	pfn_t pfn;

	CHECK(addr != NULL);
	CHECK(is_aligned((uintptr_t)addr, HUGE_BYTES));
	if (area->nr_huge < 2)
		SKIP("no free blocks of 2 MiB");
	CHECK_EQ(area->nr_entries, 5);
	pfn = vmalloc_to_pfn(addr);
	CHECK(is_aligned(pfn, VM_HUGE_PAGES));
	CHECK_EQ(vmalloc_to_pfn(addr + HUGE_BYTES - 1), pfn + VM_HUGE_PAGES - 1);
	stamp(addr, area->nr_pages, 5);
	CHECK(has_stamp(addr, area->nr_pages, 5));
	check_verifies();
	vfree(addr);
	CHECK(!is_mapped(addr));
	vmalloc_purge();
	check_verifies();
}

static void a_small_huge_request_is_an_ordinary_one(void)
{
	void *addr = vmalloc_huge(HUGE_BYTES - PAGE_SIZE, GFP_KERNEL);

	CHECK(addr != NULL);
	CHECK_EQ(area_of(addr)->nr_huge, 0);
	CHECK_EQ(area_of(addr)->flags, VM_ALLOC);
	vfree(addr);
}

static void vmap_shows_the_same_pages_again(void)
{
	struct page *pages[3];
	char *window;

	CHECK_EQ(alloc_pages_bulk(GFP_KERNEL, NID_NONE, 3, pages), 3);
	window = vmap(pages, 3, VM_MAP, MM_PORT_READ_WRITE);
	CHECK(window != NULL);
	stamp(window, 3, 40);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(*(uint64_t *)page_address(pages[i]), 40 + i);
		CHECK(vmalloc_to_page(window + i * PAGE_SIZE) == pages[i]);
	}
	check_verifies();
	vunmap(window);
	CHECK(!is_mapped(window));
	check_verifies();
	free_pages_bulk(3, pages);
}

/* What no struct page is would map some frame of nobody. */
static void vmap_of_what_is_no_page_panics(void)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_NO_INJECTION);
	struct page *const pages[][2] = {
		{ page, NULL },
		{ page, (struct page *)0x1234 },
		{ page, (struct page *)((uintptr_t)page + 8) },
		{ page, pfn_to_page(live.end_pfn) },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		CHECK_PANICS("page 1 of 2 is none",
			     (void)!vmap(pages[i], 2, VM_MAP, MM_PORT_READ_WRITE));
		CHECK_PANICS("page 1 of 2 is none", (void)!vm_map_ram(pages[i], 2));
	}
	__free_page(page);
}

static void vmap_of_one_page_twice_aliases_it(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	struct page *pages[2] = { page, page };
	volatile uint64_t *window = vmap(pages, 2, VM_MAP, MM_PORT_READ_WRITE);

	CHECK(window != NULL);
	window[0] = 11;
	CHECK_EQ(window[PAGE_SIZE / sizeof(window[0])], 11);
	vunmap((const void *)window);
	__free_pages(page, 0);
}

static void short_windows_show_pages_and_keep_their_addresses(void)
{
	struct page *pages[3];
	struct vmalloc_totals before;
	char *window;

	CHECK_EQ(alloc_pages_bulk(GFP_KERNEL | __GFP_NO_INJECTION, NID_NONE, 3, pages), 3);
	vmalloc_shrink();
	before = vmalloc_totals();
	window = vm_map_ram(pages, 3);
	CHECK(window != NULL);
	CHECK_EQ(area_of(window)->flags, VM_MAP_RAM);
	stamp(window, 3, 70);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(*(uint64_t *)page_address(pages[i]), 70 + i);
	check_verifies();
	vm_unmap_ram(window, 3);
	CHECK(!is_mapped(window));
	CHECK_EQ(vmalloc_totals().nr_lazy, before.nr_lazy + 1);
	CHECK_EQ(vmalloc_totals().nr_lazy_pages, before.nr_lazy_pages);
	check_verifies();
	CHECK_EQ(vmalloc_purge(), 0);	/* the pages are the caller's */
	CHECK_EQ(vmalloc_totals().nr_cached, before.nr_cached + 1);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(pages[i]->refcount, 1);
	CHECK(vm_map_ram(pages, 3) == window);
	vm_unmap_ram(window, 3);
	CHECK(vm_map_ram(pages, 0) == NULL);
	vm_unmap_ram(NULL, 0);
	vmalloc_shrink();
	free_pages_bulk(3, pages);
}

/* As many as any area, and addresses used by one kind serve the other. */
static void short_windows_of_any_size_and_areas_change_places(void)
{
	static struct page *pages[200];
	char *window, *area;

	CHECK_EQ(alloc_pages_bulk(GFP_KERNEL | __GFP_NO_INJECTION, NID_NONE, 200, pages), 200);
	window = vm_map_ram(pages, 200);
	CHECK(window != NULL);
	stamp(window, 200, 5);
	check_verifies();
	vm_unmap_ram(window, 200);
	window = vm_map_ram(pages, 2);
	vm_unmap_ram(window, 2);
	vmalloc_purge();
	area = vmalloc(2 * PAGE_SIZE);
	CHECK(area == window);
	check_verifies();
	vfree(area);
	vmalloc_purge();
	CHECK(vm_map_ram(pages, 2) == area);
	check_verifies();
	vm_unmap_ram(area, 2);
	check_verifies();
	free_pages_bulk(200, pages);
}

static void short_windows_end_as_they_began(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_NO_INJECTION, 0);
	char *window = vm_map_ram(&page, 1);

	CHECK_PANICS("vunmap(0x", vunmap(window));
	CHECK_PANICS("vfree(0x", vfree(window));
	CHECK_PANICS("into vm_map_ram area 0x", vm_unmap_ram(window + PAGE_SIZE / 2, 1));
	CHECK_PANICS("into vm_map_ram area 0x", vm_unmap_ram(window, 2));
	*window = 1;
	vm_unmap_ram(window, 1);
	CHECK_PANICS("vm_unmap_ram(0x", vm_unmap_ram(window, 1));
	__free_pages(page, 0);
}

static void each_failure_of_a_short_window_leaves_nothing(void)
{
	static struct page *pages[40];
	void *window = NULL;
	uint64_t nr_live = vmalloc_totals().nr_live;

	CHECK_EQ(alloc_pages_bulk(GFP_KERNEL | __GFP_NO_INJECTION, NID_NONE, 40, pages), 40);
	for (uint64_t nth = 1; !window && nth < 1000; nth++) {
		vmalloc_shrink();
		mm_fail_nth(nth);
		window = vm_map_ram(pages, 40);
		mm_fail_nth(0);
		CHECK(window || vmalloc_totals().nr_live == nr_live);
	}
	CHECK(window != NULL);
	vm_unmap_ram(window, 40);
	check_verifies();
	free_pages_bulk(40, pages);
}

/* That a write faults is in tests/live/vmalloc_faults.c. */
static void protection_is_for_pages_of_one_live_area(void)
{
	char *addr = vmalloc(3 * PAGE_SIZE);

	stamp(addr, 3, 9);
	CHECK(set_memory_ro(addr, 3));
	CHECK_EQ(*(uint64_t *)(addr + 2 * PAGE_SIZE), 11);
	CHECK(set_memory_rw(addr + PAGE_SIZE, 1));
	stamp(addr + PAGE_SIZE, 1, 30);
	check_verifies();
	CHECK_PANICS("set_memory_ro(0x", CHECK(set_memory_ro(addr, 4)));
	CHECK_PANICS("set_memory_ro(0x", CHECK(set_memory_ro(addr + 8, 1)));
	CHECK_PANICS("set_memory_rw(0x", CHECK(set_memory_rw(addr - PAGE_SIZE, 1)));
	vfree(addr);
	CHECK_PANICS("set_memory_rw(0x", CHECK(set_memory_rw(addr, 1)));
	vmalloc_purge();
	addr = vmalloc(3 * PAGE_SIZE);
	stamp(addr, 3, 9);		/* nothing is left of it */
	vfree(addr);
	addr = ioremap(DEVICE_PA, PAGE_SIZE);
	CHECK_PANICS("set_memory_ro(0x", CHECK(set_memory_ro(addr, 1)));
	iounmap(addr);
}

/* That it faults and runs is in tests/live/vmalloc_faults.c. */
static void nothing_is_writable_and_executable(void)
{
	char *addr = vmalloc(3 * PAGE_SIZE);

	stamp(addr, 3, 9);
	CHECK(!set_memory_x(addr, 3));
	CHECK(set_memory_ro(addr, 2));
	CHECK(!set_memory_x(addr, 3));		/* the last may still be written */
	CHECK(mm_port_protection((uintptr_t)addr) == MM_PORT_READ_ONLY);
	CHECK(set_memory_x(addr, 1));
	CHECK(!set_memory_rw(addr, 3));
	CHECK(mm_port_protection((uintptr_t)addr + PAGE_SIZE) == MM_PORT_READ_ONLY);
	CHECK(set_memory_ro(addr, 3));
	CHECK(mm_port_protection((uintptr_t)addr) == MM_PORT_READ_EXECUTE);
	CHECK(set_memory_nx(addr, 3));
	CHECK(mm_port_protection((uintptr_t)addr) == MM_PORT_READ_ONLY);
	CHECK(set_memory_rw(addr, 3));
	CHECK(set_memory_nx(addr, 3));
	stamp(addr, 3, 30);			/* taking away what it has not changes nothing */
	CHECK_PANICS("set_memory_x(0x", CHECK(set_memory_x(addr, 4)));
	CHECK_PANICS("set_memory_nx(0x", CHECK(set_memory_nx(addr + 8, 1)));
	vfree(addr);
	CHECK_PANICS("set_memory_x(0x", CHECK(set_memory_x(addr, 1)));
	vmalloc_purge();
	addr = ioremap(DEVICE_PA, PAGE_SIZE);
	CHECK_PANICS("set_memory_x(0x", CHECK(set_memory_x(addr, 1)));
	iounmap(addr);
}

static void ioremap_keeps_the_offset_in_the_page(void)
{
	char *window = ioremap(DEVICE_PA + 0x30, PAGE_SIZE);

	CHECK(window != NULL);
	CHECK_EQ((uintptr_t)window % PAGE_SIZE, 0x30);
	CHECK_EQ(vmalloc_to_pfn(window), pa_to_pfn(DEVICE_PA));
	CHECK_EQ(vmalloc_to_pfn(window + PAGE_SIZE - 1), pa_to_pfn(DEVICE_PA) + 1);
	CHECK_EQ(area_of(window)->phys_addr, DEVICE_PA);
	CHECK_EQ(area_of(window)->flags, VM_IOREMAP);
	check_verifies();
	iounmap(window);
	CHECK(!is_mapped(window));
	CHECK(ioremap(DEVICE_PA, 0) == NULL);
	CHECK(ioremap(UINT64_MAX - 1, 4) == NULL);
	CHECK(ioremap_wc(1ull << MAX_DEVICE_BITS, PAGE_SIZE) == NULL);
	CHECK(ioremap((1ull << MAX_DEVICE_BITS) - PAGE_SIZE, PAGE_SIZE + 1) == NULL);
	check_verifies();
}

static void ioremap_refuses_ram(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	uint64_t pa = pfn_to_pa(page_to_pfn(page));

	CHECK(ioremap(pa, PAGE_SIZE) == NULL);
	CHECK(ioremap(pa + 17, 1) == NULL);
	CHECK(ioremap_wc(0, DEVICE_PA + PAGE_SIZE) == NULL);	/* RAM somewhere in it */
	__free_pages(page, 0);
	check_verifies();
}

static void short_memory_flushes_freed_areas(void)
{
	void *addr;

	vmalloc_purge();
	addr = vmalloc(7 * PAGE_SIZE);
	vfree(addr);
	CHECK_EQ(vmalloc_totals().nr_lazy, 1);
	CHECK(shrink_node(NID_NONE, 1u << 20) >= 7);	/* every shrinker is asked */
	CHECK_EQ(vmalloc_totals().nr_lazy, 0);
}

static void freeing_what_is_not_an_area_panics(void)
{
	char *addr = vmalloc(2 * PAGE_SIZE), *window;
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	CHECK_PANICS("4096 bytes into vmalloc area", vfree(addr + PAGE_SIZE));
	CHECK_PANICS("vunmap(", vunmap(addr));
	CHECK_PANICS("iounmap(", iounmap(addr));
	vfree(addr);
	CHECK_PANICS("freed vmalloc area", vfree(addr));
	vmalloc_purge();
	CHECK_PANICS("freed vmalloc area", vfree(addr));
	CHECK_PANICS("not a vmalloc address", vfree(page_address(page)));

	window = vmap(&page, 1, VM_MAP, MM_PORT_READ_WRITE);
	CHECK_PANICS("into vmap area", vfree(window));
	vunmap(window);
	CHECK_PANICS("vmalloc address", vunmap(window));
	__free_pages(page, 0);
	check_verifies();
}

static void check_description(uintptr_t va, const char *part)
{
	char text[TEXT_BYTES];

	vmalloc_describe(va, text, sizeof(text));
	if (!strstr(text, part))
		test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", text, part);
}

static void addresses_are_described(void)
{
	char *addr = vmalloc(4 * PAGE_SIZE);
	uintptr_t va = (uintptr_t)addr;

	check_description(va + 4 * PAGE_SIZE + 4, "4 bytes past vmalloc area 0x");
	check_description(va + 4 * PAGE_SIZE + 4, ", 16 KiB, allocated by ");
	check_description(va + 17, "17 bytes into vmalloc area 0x");
	check_description(mm_port_vmalloc_end - 1, "unused vmalloc address");
	check_description(mm_port_vmalloc_start, "unused vmalloc address, before all areas");
	check_description(0, "not a vmalloc address");
	vfree(addr);
	check_description(va + 17, "17 bytes into freed vmalloc area 0x");
	spin_lock(&vm_areas.lock);
	check_description(va, "is being changed");	/* and does not wait for ever */
	spin_unlock(&vm_areas.lock);
}

/* The plainest model: which slot has how many pages, stamped with what. */
struct slot {
	char *addr;
	uint64_t nr_pages;
	uint64_t value;
};

static void fill_slot(struct slot *slot)
{
	uint64_t nr_pages = 1 + test_random_below(test_random_below(8) ? 20 : 700);
	bool is_huge = test_random_below(16) == 0;

	slot->addr = is_huge ? vmalloc_huge(nr_pages * PAGE_SIZE, GFP_KERNEL) :
			       vmalloc(nr_pages * PAGE_SIZE - test_random_below(PAGE_SIZE));
	CHECK(slot->addr != NULL);
	if (!slot->addr)
		return;
	slot->nr_pages = nr_pages;
	slot->value = test_random();
	stamp(slot->addr, nr_pages, slot->value);
}

static void empty_slot(struct slot *slot)
{
	CHECK(has_stamp(slot->addr, slot->nr_pages, slot->value));
	vfree(slot->addr);
	slot->addr = NULL;
}

static void random_areas_never_share_a_page(void)
{
	static struct slot slots[NR_AREAS];
	uint64_t nr_live_pages;

	/* A freed area keeps its list of pages, an area of its own, until it is purged. */
	vmalloc_shrink();
	nr_live_pages = vmalloc_totals().nr_live_pages;
	memset(slots, 0, sizeof(slots));
	for (unsigned step = 0; step < 3000; step++) {
		struct slot *slot = &slots[test_random_below(NR_AREAS)];

		if (slot->addr)
			empty_slot(slot);
		else
			fill_slot(slot);
		if (step % 250 == 0)
			check_verifies();
	}
	for (unsigned i = 0; i < NR_AREAS; i++)
		if (slots[i].addr)
			empty_slot(&slots[i]);
	check_verifies();
	vmalloc_shrink();
	CHECK_EQ(vmalloc_totals().nr_live_pages, nr_live_pages);
	CHECK_EQ(vmalloc_totals().nr_lazy, 0);
	CHECK_EQ(vmalloc_totals().nr_cached, 0);
	check_verifies();
}

/* ---- Failure injection ---- */

static void *make_small(void)
{
	return vmalloc(5 * PAGE_SIZE);
}

static void *make_with_long_list(void)
{
	return vmalloc(600 * PAGE_SIZE);	/* pages[] is an area of its own */
}

static void *make_huge(void)
{
	return vmalloc_huge(HUGE_BYTES + 9 * PAGE_SIZE, GFP_KERNEL);
}

static void *make_node(void)
{
	return vzalloc_node(3 * PAGE_SIZE, 0);
}

/* True when the @nth allocation of pages was reached and failed. Nothing stays behind. */
static bool nth_failure_unwinds(void *(*make)(void), uint64_t nth)
{
	uint64_t nr_live = vmalloc_totals().nr_live;
	bool has_struck;
	void *addr;

	vmalloc_shrink();
	mm_fail_nth(nth);
	addr = make();
	has_struck = mm_fail_nth_struck();
	mm_fail_nth(0);
	CHECK(addr != NULL || has_struck);
	check_verifies();
	vfree(addr);
	vmalloc_purge();
	CHECK_EQ(vmalloc_totals().nr_live, nr_live);
	CHECK_EQ(vmalloc_totals().nr_lazy, 0);
	return has_struck;
}

static void each_failed_allocation_unwinds(void)
{
	void *(*const makers[])(void) = { make_small, make_with_long_list, make_huge, make_node };

	for (unsigned i = 0; i < ARRAY_SIZE(makers); i++) {
		uint64_t nth = 1;

		/* Every one of the first 32, then growing steps: most are alike. */
		while (nth_failure_unwinds(makers[i], nth))
			nth += 1 + nth / 32;
		CHECK(nth > 1);
	}
	check_verifies();
}

static void verify_notices_AREA_1(void)
{
	vm_areas.space.used_bytes++;
	CHECK(breaks("AREA-1"));
	vm_areas.space.used_bytes--;
}

static void verify_notices_AREA_2(void)
{
	void *addr = vmalloc(1);
	struct vm_struct *first = vm_areas.first, *area = area_of(addr);

	vm_areas.first = first->next;
	CHECK(breaks("AREA-2"));
	vm_areas.first = first;
	area->size += PAGE_SIZE;
	CHECK(breaks("AREA-2"));
	area->size -= PAGE_SIZE;
	vfree(addr);
}

static void verify_notices_AREA_3(void)
{
	void *addr = vmalloc(1);

	area_of(addr)->flags |= VM_IOREMAP;
	CHECK(breaks("AREA-3"));
	area_of(addr)->flags = VM_ALLOC;
	vfree(addr);
}

static void verify_notices_AREA_4(void)
{
	void *addr = vmalloc(2 * PAGE_SIZE);
	struct page **pages = area_of(addr)->pages;
	struct page *first = pages[0];

	pages[0] = pages[1];
	pages[1] = first;
	CHECK(breaks("AREA-4"));
	pages[1] = pages[0];
	pages[0] = first;
	vfree(addr);
}

static void verify_notices_AREA_5(void)
{
	void *addr = vmalloc(PAGE_SIZE);
	uintptr_t guard_va = (uintptr_t)addr + PAGE_SIZE;
	pfn_t pfn = vmalloc_to_pfn(addr);

	CHECK(mm_port_map_pages(guard_va, &pfn, 1, MM_PORT_READ_ONLY));
	CHECK(breaks("AREA-5"));
	mm_port_unmap_pages(guard_va, 1);
	mm_port_flush_tlb(guard_va, 1);
	vfree(addr);
}

static void verify_notices_AREA_6(void)
{
	struct vm_area_cpu *cpu = &vm_areas.cpus[mm_port_cpu()];

	vfree(vmalloc(1));
	cpu->nr_lazy_pages++;
	CHECK(breaks("AREA-6"));
	cpu->nr_lazy_pages--;
	cpu->lazy.nr_areas++;
	CHECK(breaks("AREA-6"));
	cpu->lazy.nr_areas--;
	vmalloc_purge();
	CHECK(cpu->cached[1].first != NULL);
	cpu->cached[1].first->state = VM_LAZY;
	CHECK(breaks("AREA-6"));
	cpu->cached[1].first->state = VM_CACHED;
}

static void verify_notices_AREA_7(void)
{
	void *addr = vmalloc(1);
	struct page *page = vmalloc_to_page(addr);

	page_set_type(page, PAGE_USER);
	CHECK(breaks("AREA-7"));
	page_set_type(page, PAGE_VMALLOC);
	vfree(addr);
}

static void verify_notices_AREA_8(void)
{
	void *addr = vmalloc(1);
	uint64_t page = ((uintptr_t)addr - mm_port_vmalloc_start) / PAGE_SIZE;
	struct vm_struct **slot = &vm_areas.index[0]->leaves[page / VM_INDEX_SIZE]->areas[
		page % VM_INDEX_SIZE];

	CHECK(*slot == area_of(addr));
	*slot = NULL;
	CHECK(breaks("AREA-8"));
	*slot = area_of(addr);
	vfree(addr);
}

static void an_area_is_ended_once(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *addr = vmap(&page, 1, VM_MAP, MM_PORT_READ_WRITE);
	struct vm_struct *area;

	CHECK(addr != NULL);
	CHECK(!vm_area_claim(addr, VM_IOREMAP));
	CHECK(!vm_area_claim((char *)addr + PAGE_SIZE, VM_MAP));
	area = vm_area_claim(addr, VM_MAP);	/* as the faster of two CPUs does */
	CHECK(area != NULL);
	CHECK(!vm_area_claim(addr, VM_MAP));
	CHECK_PANICS("vunmap", vunmap(addr));
	vm_area_destroy(area);
	__free_page(page);
}

static unsigned nr_asked;

static uint64_t count_nothing(struct shrinker *shrinker, unsigned nid)
{
	(void)shrinker;
	(void)nid;
	return 1;
}

static uint64_t note_asked(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	nr_asked++;
	return 0;
}

/* Nobody is asked for memory that could not be enough. */
static void more_than_there_is_is_refused_at_once(void)
{
	struct shrinker shrinker = { .name = "test", .count = count_nothing, .scan = note_asked };

	nr_asked = 0;
	register_shrinker(&shrinker);
	CHECK(!vmalloc(pages_to_bytes(live.nr_usable_pages + 1)));
	CHECK(!vmalloc_huge(pages_to_bytes(live.nr_usable_pages + 1), GFP_KERNEL));
	unregister_shrinker(&shrinker);
	CHECK_EQ(nr_asked, 0);
}

#define NR_UNCACHED_AREAS	64u

/* With debug=guard for vmalloc's caches too: else a purge would queue what it purges. */
static void vmallocs_own_objects_are_not_guarded(void)
{
	void *areas[NR_UNCACHED_AREAS];

	for (unsigned i = 0; i < NR_UNCACHED_AREAS; i++) {
		areas[i] = vmalloc((17 + i % 8) * PAGE_SIZE);	/* too large for a cached area */
		CHECK(areas[i] != NULL);
	}
	for (const struct vm_struct *area = vm_areas.first; area; area = area->next) {
		CHECK(!is_vmalloc_addr(area));
		CHECK(area->max_entries > PAGE_SIZE / sizeof(area->pages[0]) ||
		      !is_vmalloc_addr(area->pages));
	}
	for (unsigned i = 0; i < NR_UNCACHED_AREAS; i++)
		vfree(areas[i]);
	vmalloc_shrink();
}

/* Where the index has the area that starts at @addr. */
static struct vm_struct **index_place(const void *addr)
{
	uint64_t page = ((uintptr_t)addr - mm_port_vmalloc_start) >> PAGE_SHIFT;
	struct vm_index_node *node = vm_areas.index[page >> 2 * VM_INDEX_SHIFT];
	struct vm_index_leaf *leaf = node->leaves[page >> VM_INDEX_SHIFT & (VM_INDEX_SIZE - 1)];

	return &leaf->areas[page & (VM_INDEX_SIZE - 1)];
}

/*
 * What a second vfree() has looked up may be another area's descriptor by the time it looks
 * at it. That area lives on.
 */
static void a_descriptor_that_changed_hands_is_not_freed(void)
{
	char *first = vmalloc(PAGE_SIZE), *other = vmalloc(PAGE_SIZE);
	struct vm_struct *kept = *index_place(first);

	CHECK(kept != NULL);
	*index_place(first) = vm_area_starting_at(other);
	CHECK_PANICS("vfree(", vfree(first));
	*index_place(first) = kept;
	CHECK_EQ(vm_area_state(vm_area_starting_at(other)), VM_LIVE);
	other[0] = 1;
	vfree(other);
	vfree(first);
}

static const struct test_case cases[] = {
	{ "an area is ended once", an_area_is_ended_once },
	{ "more than there is is refused at once", more_than_there_is_is_refused_at_once },
	{ "memory keeps what is written", memory_keeps_what_is_written },
	{ "zeroed memory is zero", zeroed_memory_is_zero },
	{ "nothing and too much are refused", nothing_and_too_much_are_refused },
	{ "an unmapped page stands on both sides", an_unmapped_page_stands_on_both_sides },
	{ "freed memory is unmapped at once and reused after the flush",
	  freed_memory_is_unmapped_at_once_and_reused_after_the_flush },
	{ "the list is ordered by address", the_list_is_ordered_by_address },
	{ "the lecture's fields are filled", the_lectures_fields_are_filled },
	{ "large requests get blocks of 2 MiB", large_requests_get_blocks_of_2_MiB },
	{ "a small huge request is an ordinary one", a_small_huge_request_is_an_ordinary_one },
	{ "vmap shows the same pages again", vmap_shows_the_same_pages_again },
	{ "vmap of what is no page panics", vmap_of_what_is_no_page_panics },
	{ "vmap of one page twice aliases it", vmap_of_one_page_twice_aliases_it },
	{ "short windows show pages and keep their addresses",
	  short_windows_show_pages_and_keep_their_addresses },
	{ "short windows of any size and areas change places",
	  short_windows_of_any_size_and_areas_change_places },
	{ "short windows end as they began", short_windows_end_as_they_began },
	{ "each failure of a short window leaves nothing",
	  each_failure_of_a_short_window_leaves_nothing },
	{ "protection is for pages of one live area", protection_is_for_pages_of_one_live_area },
	{ "nothing is writable and executable", nothing_is_writable_and_executable },
	{ "ioremap keeps the offset in the page", ioremap_keeps_the_offset_in_the_page },
	{ "ioremap refuses RAM", ioremap_refuses_ram },
	{ "short memory flushes freed areas", short_memory_flushes_freed_areas },
	{ "freeing what is not an area panics", freeing_what_is_not_an_area_panics },
	{ "addresses are described", addresses_are_described },
	{ "random areas never share a page", random_areas_never_share_a_page },
	{ "each failed allocation unwinds", each_failed_allocation_unwinds },
	{ "verify notices AREA-1", verify_notices_AREA_1 },
	{ "verify notices AREA-2", verify_notices_AREA_2 },
	{ "verify notices AREA-3", verify_notices_AREA_3 },
	{ "verify notices AREA-4", verify_notices_AREA_4 },
	{ "verify notices AREA-5", verify_notices_AREA_5 },
	{ "verify notices AREA-6", verify_notices_AREA_6 },
	{ "verify notices AREA-7", verify_notices_AREA_7 },
	{ "verify notices AREA-8", verify_notices_AREA_8 },
	{ "a descriptor that changed hands is not freed",
	  a_descriptor_that_changed_hands_is_not_freed },
	{ "vmalloc's own objects are not guarded", vmallocs_own_objects_are_not_guarded },
};

TEST_SUITE(vmalloc, cases);
