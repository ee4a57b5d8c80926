/*
 * Readers without locks on all CPUs of the machine, and CPUs that halt while somebody
 * waits for readers.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "kthread.h"
#include "lib/align.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "tests/test.h"

#define CALL_MS		10000u
#define JOIN_MS		60000u
#define MAX_TESTED_CPUS	8u
#define NR_CHANGES	500u
#define NR_WORDS	30u
#define READ_US		20u
#define MIN_READS	20u

struct entry {
	struct rcu_head rcu;
	volatile uint64_t words[NR_WORDS];	/* all the same */
};

static struct {
	struct entry *entry;
	bool is_over;
	unsigned nr_reads, nr_wrong;
} shared;

static bool is_whole(const struct entry *entry, uint64_t number)
{
	for (unsigned i = 0; i < NR_WORDS; i++)
		if (entry->words[i] != number)
			return false;
	return true;
}

static void read_on(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&shared.is_over, __ATOMIC_ACQUIRE)) {
		const struct entry *entry;
		uint64_t number;
		bool is_good;

		rcu_read_lock();
		entry = __atomic_load_n(&shared.entry, __ATOMIC_ACQUIRE);
		number = entry->words[0];
		is_good = number != 0 && is_whole(entry, number);
		arch_delay_us(READ_US);
		is_good = is_good && is_whole(entry, number);
		rcu_read_unlock();
		__atomic_fetch_add(&shared.nr_wrong, !is_good, __ATOMIC_RELAXED);
		__atomic_fetch_add(&shared.nr_reads, 1, __ATOMIC_RELAXED);
		thread_yield();
	}
}

static struct entry *make_entry(uint64_t number)
{
	struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL | __GFP_NO_INJECTION);

	CHECK(entry != NULL);
	for (unsigned i = 0; entry && i < NR_WORDS; i++)
		entry->words[i] = number;
	return entry;
}

/* Freed memory of that size is written to at once. */
static void spoil_freed_memory(void)
{
	kfree(make_entry(0));
}

static bool has_to_wait(unsigned nr_cpus, uint64_t end_ns)
{
	return __atomic_load_n(&shared.nr_reads, __ATOMIC_RELAXED) < MIN_READS * nr_cpus &&
	       arch_now_ns() < end_ns;
}

static void what_readers_on_all_cpus_found_stays(void)
{
	uint64_t end_ns = arch_now_ns() + CALL_MS * 1000000ull;
	unsigned nr = (unsigned)min_u64(cpu_nr_running(), MAX_TESTED_CPUS);
	struct thread *threads[MAX_TESTED_CPUS] = { NULL };

	if (nr == 1)
		SKIP("one CPU");
	shared.is_over = false;
	shared.nr_reads = shared.nr_wrong = 0;
	shared.entry = make_entry(1);
	for (unsigned cpu = 1; cpu < nr; cpu++) {
		threads[cpu] = thread_start("reader", cpu, read_on, NULL);
		CHECK(threads[cpu] != NULL);
	}
	/* Readers may come late on a busy host: it goes on until all have read a while. */
	for (uint64_t i = 2; i < NR_CHANGES || has_to_wait(nr, end_ns); i++) {
		struct entry *old = shared.entry;

		__atomic_store_n(&shared.entry, make_entry(i), __ATOMIC_RELEASE);
		kfree_rcu(old, rcu);
		thread_yield();
		spoil_freed_memory();
	}
	__atomic_store_n(&shared.is_over, true, __ATOMIC_RELEASE);
	for (unsigned cpu = 1; cpu < nr; cpu++)
		if (threads[cpu])
			CHECK_EQ(thread_join(threads[cpu], JOIN_MS), STATUS_OK);
	kfree(shared.entry);
	CHECK_EQ(shared.nr_wrong, 0);
	CHECK(shared.nr_reads > 0);
	test_comment("%u reads on %u CPUs during %u changes", shared.nr_reads, nr - 1, NR_CHANGES);
}

static void note_nothing(void *arg)
{
	(void)arg;
}

/* They halt, and take no part then: nothing waits for their next interrupt. */
static void idle_cpus_are_not_waited_for(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_idle", 64, 0,
						     SLAB_PANIC | SLAB_TYPESAFE_BY_RCU, NULL);
	uint64_t nr_slab_pages;

	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++)
		CHECK_EQ(arch_run_on(cpu, note_nothing, NULL, CALL_MS), STATUS_OK);
	CHECK(synchronize_rcu());
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION));
	nr_slab_pages = slab_usage(NULL).nr_slab_pages;
	kmem_cache_destroy(cache);
	/* On a busy host one may not have halted yet; one that is idle never says a word. */
	CHECK(rcu_barrier());
	CHECK(slab_usage(NULL).nr_slab_pages < nr_slab_pages);
	CHECK_EQ(rcu_nr_waiting(), 0);
}

/* On another CPU, sent by a CPU that waits for it in arch_run_on(). */
static void wait_for_readers(void *arg)
{
	*(bool *)arg = synchronize_rcu();
}

static void who_waits_for_work_rests(void)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		bool is_over = false;

		CHECK_EQ(arch_run_on(cpu, wait_for_readers, &is_over, CALL_MS), STATUS_OK);
		CHECK(is_over);
	}
}

static const struct test_case cases[] = {
	{ "what readers on all CPUs found stays", what_readers_on_all_cpus_found_stays },
	{ "idle CPUs are not waited for", idle_cpus_are_not_waited_for },
	{ "who waits for work rests", who_waits_for_work_rests },
};

TEST_SUITE(rcu_live, cases);
