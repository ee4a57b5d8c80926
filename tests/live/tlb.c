/*
 * Translations that end: before a mapping is taken away or weakened every CPU holds
 * every translation of it, afterwards none may find one.
 *
 * A CPU begins to hold with an empty TLB, so that no large page it used before is
 * in it: QEMU forgets everything when one page near such a one is invalidated,
 * which would hide a page that was not. That the CPUs do hold is seen by a look
 * between the change of the tables and the flush.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/port.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/stretch.h"
#include "kthread.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define CALL_MS			10000u
#define NS_PER_MS		1000000ull
#define TEST_VA			(VMALLOC_END + 0x40000000)	/* in a gap of the address map */
#define MAX_PAGES		600u
#define NR_TRIED_SETS		16u
#define SET_STEP		13u			/* pages */
#define HUGE_PAGES		(1ull << PAGEBLOCK_ORDER)

/* ---- Holding a range ---- */

struct range {
	uintptr_t va;
	uint64_t nr_pages;
	void (*access)(void *);
	unsigned nr_reached;		/* pages that @access reached */
};

static void read_byte(void *va)
{
	(void)*(volatile char *)va;
}

static void write_byte(void *va)
{
	*(volatile char *)va = 1;
}

static void reach_here(void *arg)
{
	struct range *range = arg;

	range->nr_reached = 0;
	for (uint64_t i = 0; i < range->nr_pages; i++)
		range->nr_reached += !arch_faults(range->access,
						  (void *)(range->va + pages_to_bytes(i)), NULL);
}

static void hold_here(void *arg)
{
	mmu_flush_local_all();
	reach_here(arg);
}

/* Has every CPU do @work on @range: how many pages were reached in all. */
static uint64_t on_every_cpu(void (*work)(void *), struct range *range)
{
	uint64_t nr_reached = 0;

	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		CHECK_EQ(arch_run_on(cpu, work, range, CALL_MS), STATUS_OK);
		nr_reached += range->nr_reached;
	}
	return nr_reached;
}

static uint64_t all_of(const struct range *range)
{
	return range->nr_pages * cpu_nr_running();
}

/* ---- The port's own calls ---- */

/* As many mappings of one page. */
static struct page *map_one_page(const struct range *range, enum mm_port_protection protection)
{
	struct page *page = alloc_page(GFP_KERNEL);
	static pfn_t pfns[MAX_PAGES];

	CHECK(page != NULL);
	for (uint64_t i = 0; page && i < range->nr_pages; i++)
		pfns[i] = page_to_pfn(page);
	CHECK(page && mm_port_map_pages(range->va, pfns, range->nr_pages, protection));
	return page;
}

/* Around the number from which on everything is forgotten at once. */
static const unsigned sizes[] = { 1, 2, 3, 63, 64, 65, 513 };

/* Unmapped from under CPUs that hold it, then flushed: did any still hold it in between? */
static bool is_held_until_the_flush(uintptr_t va, uint64_t nr_pages)
{
	struct range range = { va, nr_pages, read_byte, 0 };
	struct page *page = map_one_page(&range, MM_PORT_READ_WRITE);
	bool was_held;

	CHECK_EQ(on_every_cpu(hold_here, &range), all_of(&range));
	mm_port_unmap_pages(range.va, range.nr_pages);
	was_held = on_every_cpu(reach_here, &range) > 0;
	mm_port_flush_tlb(range.va, range.nr_pages);
	CHECK_EQ(on_every_cpu(reach_here, &range), 0);
	if (page)
		__free_page(page);
	return was_held;
}

static void no_cpu_reaches_an_unmapped_page(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		bool was_held = false;

		/*
		 * What is held is reached without a mapping: else this case could not fail. Few
		 * pages may have been pushed out of every TLB by what else the CPUs touch, where
		 * those share a set with them: then others are tried.
		 */
		for (unsigned set = 0; set < NR_TRIED_SETS && !was_held; set++)
			was_held = is_held_until_the_flush(TEST_VA + pages_to_bytes(set * SET_STEP),
							   sizes[i]);
		CHECK(was_held);
	}
}

static void no_cpu_writes_to_a_protected_page(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct range range = { TEST_VA, sizes[i], write_byte, 0 };
		struct page *page = map_one_page(&range, MM_PORT_READ_WRITE);

		CHECK_EQ(on_every_cpu(hold_here, &range), all_of(&range));
		CHECK(port_protect_pages(range.va, range.nr_pages, MM_PORT_READ_ONLY));
		CHECK_EQ(on_every_cpu(reach_here, &range), 0);
		range.access = read_byte;
		CHECK_EQ(on_every_cpu(reach_here, &range), all_of(&range));
		mm_port_unmap_pages(range.va, range.nr_pages);
		mm_port_flush_tlb(range.va, range.nr_pages);
		if (page)
			__free_page(page);
	}
}

/* One page out of a 2 MiB page, then the rest. */
static void no_cpu_reaches_a_part_of_a_large_page(void)
{
	struct range range = { TEST_VA, HUGE_PAGES, read_byte, 0 };
	struct range part = { TEST_VA + pages_to_bytes(HUGE_PAGES - 1), 1, read_byte, 0 };
	struct page *block = alloc_pages(GFP_KERNEL, PAGEBLOCK_ORDER);

	if (!block)
		SKIP("no 2 MiB block");
	CHECK(mm_port_map_range(range.va, page_to_pfn(block), range.nr_pages, MM_PORT_READ_WRITE));
	CHECK_EQ(on_every_cpu(hold_here, &range), all_of(&range));
	mm_port_unmap_pages(part.va, 1);
	mm_port_flush_tlb(part.va, 1);
	CHECK_EQ(on_every_cpu(reach_here, &part), 0);
	range.nr_pages--;
	CHECK_EQ(on_every_cpu(hold_here, &range), all_of(&range));
	mm_port_unmap_pages(range.va, range.nr_pages);
	mm_port_flush_tlb(range.va, range.nr_pages);
	CHECK_EQ(on_every_cpu(reach_here, &range), 0);
	__free_pages(block, PAGEBLOCK_ORDER);
}

/* ---- The calls of mm that end mappings ---- */

static struct page *pages_of_map[3];

static void *make_vmap(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pages_of_map); i++) {
		pages_of_map[i] = alloc_page(GFP_KERNEL);
		CHECK(pages_of_map[i] != NULL);
	}
	return vmap(pages_of_map, ARRAY_SIZE(pages_of_map), 0, MM_PORT_READ_WRITE);
}

static void end_vmap(void *va)
{
	vunmap(va);
	for (unsigned i = 0; i < ARRAY_SIZE(pages_of_map); i++)
		__free_page(pages_of_map[i]);
}

static void *make_vmalloc(void)
{
	return vmalloc(3 * PAGE_SIZE);
}

static void *make_large_vmalloc(void)
{
	return vmalloc(300 * PAGE_SIZE);
}

static void *make_huge_vmalloc(void)
{
	return vmalloc_huge(pages_to_bytes(HUGE_PAGES), GFP_KERNEL);
}

static void end_vmalloc(void *va)
{
	vfree(va);
	vmalloc_purge();
}

static const struct {
	const char *name;
	uint64_t nr_pages;
	void *(*make)(void);
	void (*end)(void *);
} calls[] = {
	{ "vfree() and a purge", 3, make_vmalloc, end_vmalloc },
	{ "vfree() and a purge, large", 300, make_large_vmalloc, end_vmalloc },
	{ "vfree() and a purge, 2 MiB pages", HUGE_PAGES, make_huge_vmalloc, end_vmalloc },
	{ "vunmap()", 3, make_vmap, end_vmap },
};

static void no_cpu_reaches_what_mm_unmapped(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		void *va = calls[i].make();
		struct range range = { (uintptr_t)va, calls[i].nr_pages, read_byte, 0 };

		CHECK(va != NULL);
		if (!va)
			continue;
		CHECK_EQ(on_every_cpu(hold_here, &range), all_of(&range));
		calls[i].end(va);
		if (on_every_cpu(reach_here, &range) != 0)
			test_fail(__FILE__, __LINE__, "%s: still reached", calls[i].name);
	}
}

/* ---- Tables that left the tree ---- */

/* Only a flush that invalidates something lets CPUs forget the tables they walked through. */
static void tables_wait_for_a_flush_of_something(void)
{
	pfn_t pfn = page_to_pfn(virt_to_page(arch_phys_to_virt(mmu_boot_info->image.start)));

	port_drop_spare_tables();
	for (unsigned i = 0; i <= PAGING_MAX_SPARES; i++)
		CHECK(mm_port_map_pages(TEST_VA + i * level_bytes(PT_LEVEL_2M), &pfn, 1,
					MM_PORT_READ_ONLY));
	for (unsigned i = 0; i <= PAGING_MAX_SPARES; i++)
		mm_port_unmap_pages(TEST_VA + i * level_bytes(PT_LEVEL_2M), 1);
	CHECK(kernel_tables.retired_pa != PA_NONE);
	mm_port_flush_tlb(TEST_VA, 0);
	CHECK(kernel_tables.retired_pa != PA_NONE);
	CHECK(port_protect_pages(TEST_VA, 0, MM_PORT_READ_ONLY));
	CHECK(kernel_tables.retired_pa != PA_NONE);
	CHECK_PANICS("nr_pages > 0", smp_flush(TEST_VA, 0));
	for (unsigned i = 0; i <= PAGING_MAX_SPARES; i++)
		mm_port_flush_tlb(TEST_VA + i * level_bytes(PT_LEVEL_2M), 1);
	CHECK_EQ(kernel_tables.retired_pa, PA_NONE);
	port_drop_spare_tables();
}

/* ---- Requests one upon the other ---- */

#define VICTIM_CPU		1u
#define LONG_MS			200u		/* for what must not happen */

/*
 * The victim waits to be a requester and answers CPU 0's first request in between. It
 * is held up after it flushed and before it says so: were it interrupted there, the
 * handler would answer, the second request begin, and the late word of the first
 * answer be taken for that to the second.
 */
static struct {
	bool is_victim_up, is_first_asked, is_second_asked, is_victim_in, is_stale;
	unsigned nr_asked, nr_answers;
} late_word;

static bool comes_true(const bool *flag, unsigned timeout_ms)
{
	uint64_t end_ns = arch_now_ns() + timeout_ms * NS_PER_MS;

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
		if (arch_now_ns() > end_ns)
			return false;
	return true;
}

static void set_flag(bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
}

static void hold_late_word(enum stretch place)
{
	if (place == STRETCH_FLUSH_ASKED && mm_port_cpu() == 0) {
		if (late_word.nr_asked++ == 0) {
			set_flag(&late_word.is_first_asked);
			CHECK(comes_true(&late_word.is_victim_in, CALL_MS));
		} else {
			set_flag(&late_word.is_second_asked);
			arch_delay_us(LONG_MS * 1000 / 4);	/* the victim says its word */
		}
	}
	if (place == STRETCH_FLUSH_DONE && mm_port_cpu() == VICTIM_CPU &&
	    late_word.nr_answers++ == 0) {
		set_flag(&late_word.is_victim_in);
		(void)comes_true(&late_word.is_second_asked, LONG_MS);
	}
}

static void be_victim(void *arg)
{
	(void)arg;
	set_flag(&late_word.is_victim_up);
	if (!comes_true(&late_word.is_first_asked, CALL_MS))
		return;
	mmu_flush_local_all();
	read_byte((void *)TEST_VA);
	smp_flush(TEST_VA + PAGE_SIZE, 1);
	(void)comes_true(&late_word.is_second_asked, CALL_MS);
	smp_flush(TEST_VA + PAGE_SIZE, 1);
	late_word.is_stale = !arch_faults(read_byte, (void *)TEST_VA, NULL);
}

static void no_answer_is_for_another_request(void)
{
	struct range range = { TEST_VA, 1, read_byte, 0 };
	struct thread *victim;
	struct page *page;

	if (cpu_nr_running() <= VICTIM_CPU)
		SKIP("one CPU");
	page = map_one_page(&range, MM_PORT_READ_WRITE);
	memset(&late_word, 0, sizeof(late_word));
	__atomic_store_n(&stretch_hook, hold_late_word, __ATOMIC_RELEASE);
	victim = thread_start("victim", VICTIM_CPU, be_victim, NULL);
	CHECK(victim != NULL);
	/* An idle CPU would answer as it wakes. */
	CHECK(comes_true(&late_word.is_victim_up, CALL_MS));
	smp_flush(TEST_VA + 2 * PAGE_SIZE, 1);
	mm_port_unmap_pages(TEST_VA, 1);
	mm_port_flush_tlb(TEST_VA, 1);
	if (victim)
		CHECK_EQ(thread_join(victim, CALL_MS), STATUS_OK);
	__atomic_store_n(&stretch_hook, NULL, __ATOMIC_RELEASE);
	CHECK(late_word.is_victim_in);
	CHECK(!late_word.is_stale);
	if (page)
		__free_page(page);
}

/* ---- Waits that would not end ---- */

#define SHORT_PATIENCE_MS	100u

static unsigned stuck_cpu;
static enum stretch stuck_place;
static bool is_stuck, is_released;

static void get_stuck(enum stretch place)
{
	if (place != stuck_place || mm_port_cpu() != stuck_cpu)
		return;
	__atomic_store_n(&is_stuck, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&is_released, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();		/* the port's hint may answer flushes */
}

static void set_trap(unsigned cpu, enum stretch place)
{
	stuck_cpu = cpu;
	stuck_place = place;
	is_stuck = is_released = false;
	smp_patience_ms = SHORT_PATIENCE_MS;
	__atomic_store_n(&stretch_hook, get_stuck, __ATOMIC_RELEASE);
}

static void release_trap(unsigned patience_ms)
{
	__atomic_store_n(&stretch_hook, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&is_released, true, __ATOMIC_RELEASE);
	smp_patience_ms = patience_ms;
}

static bool is_up, is_down_asked;

/* An idle CPU answers in another place. */
static void stay_awake(void *arg)
{
	(void)arg;
	set_flag(&is_up);
	(void)comes_true(&is_down_asked, CALL_MS);
}

static void a_cpu_that_does_not_answer_is_named(void)
{
	unsigned patience_ms = smp_patience_ms;
	struct thread *thread;

	if (cpu_nr_running() < 2)
		SKIP("one CPU");
	is_up = is_down_asked = false;
	thread = thread_start("awake", 1, stay_awake, NULL);
	CHECK(thread != NULL);
	CHECK(comes_true(&is_up, CALL_MS));
	set_trap(1, STRETCH_FLUSH_DONE);
	CHECK_PANICS("CPU 1 does not answer a TLB flush", smp_flush(TEST_VA, 1));
	CHECK(is_stuck);
	release_trap(patience_ms);
	set_flag(&is_down_asked);
	if (thread)
		CHECK_EQ(thread_join(thread, CALL_MS), STATUS_OK);
	smp_flush(TEST_VA, 1);		/* and nothing is left behind */
}

static void flush_once(void *arg)
{
	(void)arg;
	smp_flush(TEST_VA, 1);
}

static void a_flush_that_does_not_end_is_named(void)
{
	unsigned patience_ms = smp_patience_ms;
	struct thread *thread;

	if (cpu_nr_running() < 2)
		SKIP("one CPU");
	set_trap(1, STRETCH_FLUSH_ASKED);
	thread = thread_start("flusher", 1, flush_once, NULL);
	CHECK(thread != NULL);
	for (uint64_t end_ns = arch_now_ns() + CALL_MS * NS_PER_MS;
	     !__atomic_load_n(&is_stuck, __ATOMIC_ACQUIRE) && arch_now_ns() < end_ns;)
		mm_port_spin_hint();
	CHECK_PANICS("the TLB flush of CPU 1 does not end", smp_flush(TEST_VA, 1));
	release_trap(patience_ms);
	if (thread)
		CHECK_EQ(thread_join(thread, CALL_MS), STATUS_OK);
	smp_flush(TEST_VA, 1);
}

static const struct test_case cases[] = {
	{ "no CPU reaches an unmapped page", no_cpu_reaches_an_unmapped_page },
	{ "no CPU writes to a protected page", no_cpu_writes_to_a_protected_page },
	{ "no CPU reaches a part of a large page", no_cpu_reaches_a_part_of_a_large_page },
	{ "no CPU reaches what mm unmapped", no_cpu_reaches_what_mm_unmapped },
	{ "tables wait for a flush of something", tables_wait_for_a_flush_of_something },
	{ "no answer is for another request", no_answer_is_for_another_request },
	{ "a CPU that does not answer is named", a_cpu_that_does_not_answer_is_named },
	{ "a flush that does not end is named", a_flush_that_does_not_end_is_named },
};

TEST_SUITE(tlb, cases);
