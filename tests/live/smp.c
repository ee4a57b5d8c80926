/*
 * The other CPUs and threads: work arrives, translations go, waiters wake.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/kswapd.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/port.h"
#include "kthread.h"
#include "lib/align.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define CALL_MS			10000u
#define JOIN_MS			60000u
#define TEST_VA			(VMALLOC_END + 0x400000)	/* in a gap of the address map */
#define MAX_TESTED_CPUS		16u

static unsigned nr_tested(void)
{
	return (unsigned)min_u64(cpu_nr_running(), MAX_TESTED_CPUS);
}

static void note_cpu(void *arg)
{
	*(unsigned *)arg = mm_port_cpu();
}

static void work_runs_where_it_is_sent(void)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		unsigned seen = UINT32_MAX;

		CHECK_EQ(arch_run_on(cpu, note_cpu, &seen, CALL_MS), STATUS_OK);
		CHECK_EQ(seen, cpu);
	}
}

static void absent_cpu_is_refused(void)
{
	unsigned seen = UINT32_MAX;

	CHECK_EQ(arch_run_on(cpu_nr_running(), note_cpu, &seen, CALL_MS), STATUS_ABSENT);
	CHECK_EQ(seen, UINT32_MAX);
}

static void note_apic_id(void *arg)
{
	*(uint32_t *)arg = arch_apic_id();
}

static void cpus_are_those_of_boot_info(void)
{
	const struct boot_info *info = mmu_boot_info;

	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		uint32_t apic_id = UINT32_MAX;
		bool is_listed = false;

		CHECK_EQ(arch_run_on(cpu, note_apic_id, &apic_id, CALL_MS), STATUS_OK);
		CHECK_EQ(cpu_at(cpu)->apic_id, apic_id);
		for (uint32_t i = 0; i < info->nr_cpus; i++)
			is_listed = is_listed || info->cpus[i].apic_id == apic_id;
		CHECK(is_listed);
	}
}

/* ---- Translations ---- */

struct probe {
	void *va;
	bool has_faulted;
};

static void read_byte(void *va)
{
	(void)*(volatile char *)va;
}

static void probe_here(void *arg)
{
	struct probe *probe = arg;

	probe->has_faulted = arch_faults(read_byte, probe->va, NULL);
}

/* On how many CPUs a read of @va faults. */
static unsigned count_faults(void *va)
{
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		struct probe probe = { va, false };

		CHECK_EQ(arch_run_on(cpu, probe_here, &probe, CALL_MS), STATUS_OK);
		nr += probe.has_faulted;
	}
	return nr;
}

static void flushed_translations_are_gone_everywhere(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	pfn_t pfn;

	CHECK(page != NULL);
	if (!page)
		return;
	pfn = page_to_pfn(page);
	CHECK(mm_port_map_pages(TEST_VA, &pfn, 1, MM_PORT_READ_WRITE));
	CHECK_EQ(count_faults((void *)TEST_VA), 0);	/* every TLB holds it now */
	mm_port_unmap_pages(TEST_VA, 1);
	mm_port_flush_tlb(TEST_VA, 1);
	CHECK_EQ(count_faults((void *)TEST_VA), cpu_nr_running());
	__free_page(page);
}

static void large_flush_reaches_every_page(void)
{
	enum { NR_PAGES = 200 };	/* more than are invalidated one by one */
	struct page *page = alloc_page(GFP_KERNEL);
	pfn_t pfns[NR_PAGES];

	CHECK(page != NULL);
	if (!page)
		return;
	for (unsigned i = 0; i < NR_PAGES; i++)
		pfns[i] = page_to_pfn(page);
	CHECK(mm_port_map_pages(TEST_VA, pfns, NR_PAGES, MM_PORT_READ_ONLY));
	CHECK_EQ(count_faults((void *)TEST_VA), 0);
	CHECK_EQ(count_faults((void *)(TEST_VA + (NR_PAGES - 1) * PAGE_SIZE)), 0);
	mm_port_unmap_pages(TEST_VA, NR_PAGES);
	mm_port_flush_tlb(TEST_VA, NR_PAGES);
	CHECK_EQ(count_faults((void *)TEST_VA), cpu_nr_running());
	CHECK_EQ(count_faults((void *)(TEST_VA + (NR_PAGES - 1) * PAGE_SIZE)), cpu_nr_running());
	__free_page(page);
}

/* All CPUs but this one halt, for all that can be seen from here. */
static bool all_others_idle(void)
{
	unsigned nr_idle = 0;

	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++)
		nr_idle += __atomic_load_n(&cpu_at(cpu)->is_idle, __ATOMIC_SEQ_CST);
	return nr_idle == cpu_nr_running() - 1;
}

static uint64_t nr_flush_interrupts(void)
{
	uint64_t nr = 0;

	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++)
		nr += __atomic_load_n(&cpu_at(cpu)->nr_flush_interrupts, __ATOMIC_RELAXED);
	return nr;
}

static void wait_until_others_idle(void)
{
	uint64_t end_ns = arch_now_ns() + CALL_MS * 1000000ull;
	bool were_idle;

	/* Seen once: a timer or kswapd may wake one right after. */
	while (!(were_idle = all_others_idle()) && arch_now_ns() < end_ns)
		mm_port_spin_hint();
	CHECK(were_idle);
}

/* Who answers while it waits for a lock takes its interrupt when it has them on again. */
static bool flush_interrupts_come_to(uint64_t nr)
{
	uint64_t end_ns = arch_now_ns() + CALL_MS * 1000000ull;

	while (nr_flush_interrupts() < nr && arch_now_ns() < end_ns)
		mm_port_spin_hint();
	return nr_flush_interrupts() >= nr;
}

/* How many interrupts the flush of @va, which every TLB holds, has cost. */
static uint64_t cost_of_a_flush(uintptr_t va, pfn_t pfn)
{
	uint64_t nr_before, nr_after;

	CHECK(mm_port_map_pages(va, &pfn, 1, MM_PORT_READ_WRITE));
	CHECK_EQ(count_faults((void *)va), 0);
	wait_until_others_idle();
	nr_before = nr_flush_interrupts();
	mm_port_unmap_pages(va, 1);
	mm_port_flush_tlb(va, 1);
	nr_after = nr_flush_interrupts();
	/* Whoever was not asked has no more of it than the others. */
	CHECK_EQ(count_faults((void *)va), cpu_nr_running());
	return nr_after - nr_before;
}

/* A timer may wake one of them in between, now and then. */
static void idle_cpus_are_not_interrupted_for_a_flush(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	uint64_t fewest = UINT64_MAX, nr_before;
	pfn_t pfn;

	CHECK(page != NULL);
	if (!page)
		return;
	pfn = page_to_pfn(page);
	port_drop_spare_tables();
	/* A neighbour, for the table to stay. */
	CHECK(mm_port_map_pages(TEST_VA + PAGE_SIZE, &pfn, 1, MM_PORT_READ_WRITE));
	for (unsigned i = 0; i < 10; i++)
		fewest = min_u64(fewest, cost_of_a_flush(TEST_VA, pfn));
	CHECK_EQ(fewest, 0);
	/* Where tables go, they are asked as all others. */
	nr_before = nr_flush_interrupts();
	mm_port_unmap_pages(TEST_VA + PAGE_SIZE, 1);
	port_drop_spare_tables();
	CHECK(flush_interrupts_come_to(nr_before + cpu_nr_running() - 1));
	__free_page(page);
}

static void freed_vmalloc_area_faults_everywhere(void)
{
	char *area = vmalloc(2 * PAGE_SIZE);

	CHECK(area != NULL);
	if (!area)
		return;
	area[0] = 1;
	area[PAGE_SIZE] = 2;
	CHECK_EQ(count_faults(area), 0);
	CHECK_EQ(count_faults(area + PAGE_SIZE), 0);
	vfree(area);
	vmalloc_purge();
	CHECK_EQ(count_faults(area), cpu_nr_running());
	CHECK_EQ(count_faults(area + PAGE_SIZE), cpu_nr_running());
}

/* Of all CPUs together: each flush waits for every CPU, which an emulator may run in turns. */
#define NR_FLUSHES		200u
#define MIN_FLUSH_ROUNDS	4u

struct flusher {
	unsigned cpu;
	unsigned nr_wrong;
	pfn_t pfn;
};

/* Maps, reads back, unmaps and flushes at an address of its own, again and again. */
static void flush_for_a_while(void *arg)
{
	struct flusher *flusher = arg;
	uintptr_t va = TEST_VA + flusher->cpu * level_bytes(PT_LEVEL_2M);
	uint64_t nr_rounds = max_u64(NR_FLUSHES / nr_tested(), MIN_FLUSH_ROUNDS);

	for (unsigned i = 0; i < nr_rounds; i++) {
		if (!mm_port_map_pages(va, &flusher->pfn, 1, MM_PORT_READ_WRITE)) {
			flusher->nr_wrong++;
			continue;
		}
		*(volatile unsigned *)va = i;
		flusher->nr_wrong += *(unsigned *)arch_phys_to_virt(pfn_to_pa(flusher->pfn)) != i;
		mm_port_unmap_pages(va, 1);
		mm_port_flush_tlb(va, 1);
		flusher->nr_wrong += !arch_faults(read_byte, (void *)va, NULL);
		thread_yield();
	}
}

static void all_cpus_flush_at_once(void)
{
	struct flusher flushers[MAX_TESTED_CPUS] = { 0 };
	struct thread *threads[MAX_TESTED_CPUS] = { NULL };
	struct page *pages[MAX_TESTED_CPUS] = { NULL };
	struct violation broken = { "", "", 0 };
	uint64_t nr_tables;

	port_drop_spare_tables();
	nr_tables = kernel_tables.nr_tables;
	for (unsigned cpu = 0; cpu < nr_tested(); cpu++) {
		pages[cpu] = alloc_page(GFP_KERNEL);
		CHECK(pages[cpu] != NULL);
		if (!pages[cpu])
			continue;
		flushers[cpu] = (struct flusher){ cpu, 0, page_to_pfn(pages[cpu]) };
		threads[cpu] = thread_start("flusher", cpu, flush_for_a_while, &flushers[cpu]);
		CHECK(threads[cpu] != NULL);
	}
	for (unsigned cpu = 0; cpu < nr_tested(); cpu++) {
		if (threads[cpu])
			CHECK_EQ(thread_join(threads[cpu], JOIN_MS), STATUS_OK);
		CHECK_EQ(flushers[cpu].nr_wrong, 0);
		if (pages[cpu])
			__free_page(pages[cpu]);
	}
	vmalloc_purge();	/* the threads' stacks */
	port_drop_spare_tables();
	CHECK(kernel_tables.nr_tables <= nr_tables + 1);
	CHECK(paging_verify(&kernel_tables, &broken));
}

/* ---- Threads ---- */

static struct {
	struct wait_queue queue;
	bool is_open;
	unsigned nr_waiting, nr_through, nr_turns;
} gate;

static bool is_gate_open(void *arg)
{
	(void)arg;
	return __atomic_load_n(&gate.is_open, __ATOMIC_ACQUIRE);
}

static void go_through(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&gate.nr_waiting, 1, __ATOMIC_RELAXED);
	wait_queue_sleep(&gate.queue, is_gate_open, NULL);
	__atomic_fetch_add(&gate.nr_through, 1, __ATOMIC_RELAXED);
}

static void waiters_wake_on_every_cpu(void)
{
	struct thread *threads[MAX_TESTED_CPUS] = { NULL };
	uint64_t end_ns = arch_now_ns() + CALL_MS * 1000000ull;

	gate.is_open = false;
	gate.nr_waiting = 0;
	gate.nr_through = 0;
	wait_queue_init(&gate.queue);
	for (unsigned cpu = 0; cpu < nr_tested(); cpu++) {
		threads[cpu] = thread_start("waiter", cpu, go_through, NULL);
		CHECK(threads[cpu] != NULL);
	}
	while (__atomic_load_n(&gate.nr_waiting, __ATOMIC_RELAXED) < nr_tested() &&
	       arch_now_ns() < end_ns)
		thread_yield();
	CHECK_EQ(gate.nr_waiting, nr_tested());
	CHECK_EQ(__atomic_load_n(&gate.nr_through, __ATOMIC_RELAXED), 0);
	__atomic_store_n(&gate.is_open, true, __ATOMIC_RELEASE);
	wait_queue_wake(&gate.queue);
	for (unsigned cpu = 0; cpu < nr_tested(); cpu++)
		if (threads[cpu])
			CHECK_EQ(thread_join(threads[cpu], CALL_MS), STATUS_OK);
	CHECK_EQ(gate.nr_through, nr_tested());
}

static void take_turns(void *arg)
{
	unsigned parity = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < 10; i++) {
		if (gate.nr_turns % 2 == parity)
			gate.nr_turns++;
		thread_yield();
	}
}

static void threads_of_one_cpu_take_turns(void)
{
	struct thread *even, *odd;

	gate.nr_turns = 0;
	even = thread_start("even", 0, take_turns, (void *)0);
	odd = thread_start("odd", 0, take_turns, (void *)1);
	CHECK(even != NULL);
	CHECK(odd != NULL);
	if (even)
		CHECK_EQ(thread_join(even, CALL_MS), STATUS_OK);
	if (odd)
		CHECK_EQ(thread_join(odd, CALL_MS), STATUS_OK);
	CHECK_EQ(gate.nr_turns, 20);
}

/* Whoever runs on this CPU in between has another word. */
static void keep_word(void *arg)
{
	unsigned number = *(unsigned *)arg;
	unsigned *word = mm_port_thread_word();

	CHECK_EQ(*word, 0);
	*word = number;
	for (unsigned i = 0; i < 10; i++) {
		thread_yield();
		CHECK(mm_port_thread_word() == word);
		CHECK_EQ(*word, number);
	}
}

static void every_thread_has_a_word_of_its_own(void)
{
	struct thread *threads[3];
	unsigned numbers[3] = { 1, 2, 3 };

	for (unsigned i = 0; i < 3; i++)
		threads[i] = thread_start("word", 0, keep_word, &numbers[i]);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(threads[i] != NULL);
		if (threads[i])
			CHECK_EQ(thread_join(threads[i], CALL_MS), STATUS_OK);
	}
	CHECK_EQ(*mm_port_thread_word(), 0);
}

/*
 * Yields with a number of its own in each register that a callee keeps, and says whether
 * all are still there. rbp is left to the compiler's frames.
 */
static bool yields_and_keeps(uint64_t number)
{
	uint64_t lost;

	__asm__ volatile("leaq 1(%1), %%rbx\n\t"
			 "leaq 2(%1), %%r12\n\t"
			 "leaq 3(%1), %%r13\n\t"
			 "leaq 4(%1), %%r14\n\t"
			 "leaq 5(%1), %%r15\n\t"
			 "pushq %1\n\t"
			 "movq %%rsp, %%rax\n\t"
			 "andq $-16, %%rsp\n\t"
			 "pushq %%rax\n\t"
			 "pushq %%rax\n\t"
			 "call thread_yield\n\t"
			 "popq %%rax\n\t"
			 "popq %%rsp\n\t"
			 "popq %%rax\n\t"
			 "subq %%rax, %%rbx\n\t"
			 "subq %%rax, %%r12\n\t"
			 "subq %%rax, %%r13\n\t"
			 "subq %%rax, %%r14\n\t"
			 "subq %%rax, %%r15\n\t"
			 "xorq $1, %%rbx\n\t"
			 "xorq $2, %%r12\n\t"
			 "xorq $3, %%r13\n\t"
			 "xorq $4, %%r14\n\t"
			 "xorq $5, %%r15\n\t"
			 "orq %%rbx, %%r12\n\t"
			 "orq %%r13, %%r14\n\t"
			 "orq %%r12, %%r15\n\t"
			 "orq %%r14, %%r15\n\t"
			 "movq %%r15, %0"
			 : "=&a"(lost), "+D"(number) :
			 : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "cc", "memory");
	return lost == 0;
}

struct keeper {
	uint64_t number;
	bool is_aligned, has_lost;
};

static NOINLINE void keep_registers(void *arg)
{
	struct keeper *keeper = arg;

	/* Above frame pointer and return address a caller's stack is aligned to 16. */
	keeper->is_aligned = (uintptr_t)__builtin_frame_address(0) % 16 == 0;
	for (unsigned i = 0; i < 101; i++)
		keeper->has_lost |= !yields_and_keeps(keeper->number);
}

static void a_switch_keeps_registers_and_alignment(void)
{
	struct keeper keepers[] = { { 1000, false, false }, { 2000, false, false },
				    { 3000, false, false } };
	struct thread *threads[ARRAY_SIZE(keepers)];

	for (unsigned i = 0; i < ARRAY_SIZE(keepers); i++) {
		threads[i] = thread_start("keeper", 0, keep_registers, &keepers[i]);
		CHECK(threads[i] != NULL);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(keepers); i++) {
		if (threads[i])
			CHECK_EQ(thread_join(threads[i], CALL_MS), STATUS_OK);
		CHECK(keepers[i].is_aligned);
		CHECK(!keepers[i].has_lost);
	}
}

static void stacks_are_given_back(void)
{
	struct vmalloc_totals before = vmalloc_totals();
	struct thread *thread = thread_start("short", 0, note_cpu, &(unsigned){ 0 });

	CHECK(thread != NULL);
	if (!thread)
		return;
	CHECK_EQ(vmalloc_totals().nr_live, before.nr_live + 1);
	CHECK_EQ(thread_join(thread, CALL_MS), STATUS_OK);
	CHECK_EQ(vmalloc_totals().nr_live, before.nr_live);
}

/* A request leads to a turn of kswapd on a thread, without anybody here reclaiming. */
static void kswapd_runs_when_asked(void)
{
	uint64_t nr_turns = kswapd_nr_turns();
	uint64_t end_ns = arch_now_ns() + CALL_MS * 1000000ull;

	mm_port_wake_reclaim(numa_node_id());
	while (kswapd_nr_turns() == nr_turns && arch_now_ns() < end_ns)
		thread_yield();
	CHECK(kswapd_nr_turns() > nr_turns);
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		CHECK(node_data(nid)->kswapd != NULL);
		CHECK(node_data(nid)->kswapd_wait != NULL);
	}
}

static void clock_runs_forward(void)
{
	uint64_t start_ns = arch_now_ns();
	uint64_t end_ns;

	arch_delay_us(1000);
	end_ns = arch_now_ns();
	CHECK(end_ns - start_ns >= 1000 * 1000 - 1000);
}

#define PM_TIMER_HZ		3579545ull
#define PM_TIMER_MASK		0xffffffu
#define COMPARED_NS		100000000ull	/* the timer wraps after four seconds */
#define MAX_FACTOR		4u		/* an emulator's measurement may be disturbed */

static void clock_agrees_with_another(void)
{
	uint16_t port = mmu_boot_info->power.pm_timer_port;
	uint64_t start_ns = arch_now_ns(), ns, other_ns;
	uint32_t first;

	if (!port)
		SKIP("no ACPI timer");
	first = in32(port);
	arch_delay_us(COMPARED_NS / 1000);
	other_ns = ((in32(port) - first) & PM_TIMER_MASK) * 1000000000ull / PM_TIMER_HZ;
	ns = arch_now_ns() - start_ns;
	CHECK(ns >= COMPARED_NS);
	CHECK(other_ns > ns / MAX_FACTOR);
	CHECK(other_ns < ns * MAX_FACTOR);
}

/* Whichever variant of the port this image has: nested, and with interrupts off already. */
static void local_lock_gives_back_what_it_found(void)
{
	bool is_irqsafe = port_is_irqsafe();
	struct mm_local outer = mm_port_local_lock();
	struct mm_local inner = mm_port_local_lock();

	CHECK_EQ(are_interrupts_on(), !is_irqsafe);
	mm_port_local_unlock(inner);
	CHECK_EQ(are_interrupts_on(), !is_irqsafe);
	mm_port_local_unlock(outer);
	CHECK(are_interrupts_on());
	interrupts_off();
	outer = mm_port_local_lock();
	mm_port_local_unlock(outer);
	CHECK(!are_interrupts_on());
	interrupts_on();
}

static const struct test_case cases[] = {
	{ "every thread has a word of its own", every_thread_has_a_word_of_its_own },
	{ "work runs where it is sent", work_runs_where_it_is_sent },
	{ "an absent CPU is refused", absent_cpu_is_refused },
	{ "CPUs are those of boot_info", cpus_are_those_of_boot_info },
	{ "flushed translations are gone everywhere", flushed_translations_are_gone_everywhere },
	{ "a large flush reaches every page", large_flush_reaches_every_page },
	{ "idle CPUs are not interrupted for a flush", idle_cpus_are_not_interrupted_for_a_flush },
	{ "a freed vmalloc area faults everywhere", freed_vmalloc_area_faults_everywhere },
	{ "all CPUs flush at once", all_cpus_flush_at_once },
	{ "waiters wake on every CPU", waiters_wake_on_every_cpu },
	{ "threads of one CPU take turns", threads_of_one_cpu_take_turns },
	{ "a switch keeps registers and alignment", a_switch_keeps_registers_and_alignment },
	{ "stacks are given back", stacks_are_given_back },
	{ "kswapd runs when asked", kswapd_runs_when_asked },
	{ "the clock runs forward", clock_runs_forward },
	{ "the clock agrees with another", clock_agrees_with_another },
	{ "the local lock gives back what it found", local_lock_gives_back_what_it_found },
};

TEST_SUITE(smp, cases);
