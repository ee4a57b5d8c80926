/*
 * Readers without locks against a writer that frees, with threads as CPUs. That an object
 * is never freed under its reader shows in what it holds: the writer makes rubbish of
 * freed memory at once, by taking it again.
 */

#include <pthread.h>

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/rcu.h"
#include "tests/host/machine.h"
#include "tests/host/port.h"
#include "tests/host/suites_host.h"
#include "tests/unit/heard.h"

#define NR_READERS	3u
#define NR_CHANGES	20000u
#define NR_WORDS	30u
#define MIN_READS	1000u	/* by each reader, while the writer changes */

struct entry {
	struct rcu_head rcu;
	uint64_t words[NR_WORDS];	/* all the same */
};

static struct {
	struct entry *entry;		/* what readers find */
	bool is_over;
	uint64_t nr_reads[NR_READERS];
	uint64_t nr_wrong;		/* sections that saw an entry change */
} shared;

static bool is_whole(const struct entry *entry)
{
	uint64_t first = __atomic_load_n(&entry->words[0], __ATOMIC_RELAXED);

	for (unsigned i = 1; i < NR_WORDS; i++)
		if (__atomic_load_n(&entry->words[i], __ATOMIC_RELAXED) != first)
			return false;
	return first != 0;
}

/* One section: what was found at its beginning is the same at its end. */
static bool read_once(void)
{
	const struct entry *entry;
	bool is_good;
	uint64_t number;

	rcu_read_lock();
	entry = __atomic_load_n(&shared.entry, __ATOMIC_ACQUIRE);
	number = __atomic_load_n(&entry->words[0], __ATOMIC_RELAXED);
	is_good = is_whole(entry);
	for (unsigned i = 0; i < 20; i++)
		mm_port_spin_hint();
	is_good = is_good && is_whole(entry) &&
		__atomic_load_n(&entry->words[0], __ATOMIC_RELAXED) == number;
	rcu_read_unlock();
	return is_good;
}

static void *read_on(void *arg)
{
	const unsigned index = (unsigned)(uintptr_t)arg;

	host_start_cpu(1 + index);
	while (!__atomic_load_n(&shared.is_over, __ATOMIC_ACQUIRE)) {
		if (!read_once())
			__atomic_fetch_add(&shared.nr_wrong, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&shared.nr_reads[index], 1, __ATOMIC_RELAXED);
		rcu_note_context_switch();
	}
	slab_drain_cpu();
	rcu_idle_enter();
	return NULL;
}

static struct entry *make_entry(uint64_t number)
{
	struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

	CHECK(entry != NULL);
	for (unsigned i = 0; i < NR_WORDS; i++)
		__atomic_store_n(&entry->words[i], number, __ATOMIC_RELAXED);
	return entry;
}

/* Whatever was freed last holds no entry any more. */
static void spoil_freed_memory(void)
{
	struct entry *rubbish = kmalloc(sizeof(*rubbish), GFP_KERNEL);

	CHECK(rubbish != NULL);
	for (unsigned i = 0; i < NR_WORDS; i++)
		__atomic_store_n(&rubbish->words[i], i, __ATOMIC_RELAXED);
	kfree(rubbish);
}

static bool all_have_read(uint64_t nr)
{
	for (unsigned i = 0; i < NR_READERS; i++)
		if (__atomic_load_n(&shared.nr_reads[i], __ATOMIC_RELAXED) < nr)
			return false;
	return true;
}

static void change_entry(uint64_t number, bool is_waiting)
{
	struct entry *old = shared.entry;

	__atomic_store_n(&shared.entry, make_entry(number), __ATOMIC_RELEASE);
	if (!is_waiting) {
		kfree_rcu(old, rcu);
	} else {
		CHECK(synchronize_rcu());
		kfree(old);
	}
	rcu_note_context_switch();
	spoil_freed_memory();
}

static void start_readers(pthread_t threads[])
{
	host_start_machine(&machine_four_nodes);
	memset(&shared, 0, sizeof(shared));
	shared.entry = make_entry(1);
	for (uintptr_t i = 0; i < NR_READERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, read_on, (void *)i), 0);
	while (!all_have_read(1))
		rcu_note_context_switch();
}

static void end_readers(pthread_t threads[])
{
	while (!all_have_read(MIN_READS))
		change_entry(UINT64_MAX, true);
	__atomic_store_n(&shared.is_over, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < NR_READERS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	kfree(shared.entry);
	CHECK_EQ(shared.nr_wrong, 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(rcu_barrier());
	CHECK_EQ(rcu_nr_waiting(), 0);
}

static void what_a_reader_found_stays(void)
{
	pthread_t threads[NR_READERS];

	start_readers(threads);
	for (unsigned i = 0; i < NR_CHANGES; i++)
		change_entry(2 + i, false);
	end_readers(threads);
}

static void synchronize_rcu_waits_for_readers(void)
{
	pthread_t threads[NR_READERS];

	start_readers(threads);
	for (unsigned i = 0; i < NR_CHANGES / 20; i++)
		change_entry(2 + i, true);
	end_readers(threads);
}

/* A slab's memory changes hands inside its cache, and never becomes somebody else's. */
static struct kmem_cache *type_safe;

static void *look_at_types(void *arg)
{
	(void)arg;
	host_start_cpu(1);
	while (!__atomic_load_n(&shared.is_over, __ATOMIC_ACQUIRE)) {
		const struct entry *entry;

		rcu_read_lock();
		entry = __atomic_load_n(&shared.entry, __ATOMIC_ACQUIRE);
		for (unsigned i = 0; entry && i < 500; i++) {
			if (virt_to_page(entry)->type != PAGE_SLAB)
				__atomic_fetch_add(&shared.nr_wrong, 1, __ATOMIC_RELAXED);
			mm_port_spin_hint();
		}
		rcu_read_unlock();
		__atomic_fetch_add(&shared.nr_reads[0], 1, __ATOMIC_RELAXED);
		rcu_note_context_switch();
	}
	rcu_idle_enter();
	return NULL;
}

static void a_type_safe_object_is_of_its_cache_while_it_is_read(void)
{
	pthread_t thread;

	host_start_machine(&machine_four_nodes);
	memset(&shared, 0, sizeof(shared));
	type_safe = kmem_cache_create("test_types", 512, 0, SLAB_PANIC | SLAB_TYPESAFE_BY_RCU,
				      NULL);
	CHECK_EQ(pthread_create(&thread, NULL, look_at_types, NULL), 0);
	for (unsigned i = 0; i < 2000 || shared.nr_reads[0] < MIN_READS; i++) {
		__atomic_store_n(&shared.entry, kmem_cache_alloc(type_safe, GFP_KERNEL),
				 __ATOMIC_RELEASE);
		for (unsigned j = 0; j < 20; j++)
			mm_port_spin_hint();
		kmem_cache_free(type_safe,
				__atomic_exchange_n(&shared.entry, NULL, __ATOMIC_ACQ_REL));
		kmem_cache_shrink(type_safe);
		rcu_note_context_switch();
	}
	__atomic_store_n(&shared.is_over, true, __ATOMIC_RELEASE);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(shared.nr_wrong, 0);
	kmem_cache_destroy(type_safe);
}

/* ---- A CPU that does not rest ---- */

static void become(unsigned cpu)
{
	host_port_set_cpu(cpu);
	mm_port_set_cpu_data(live.cpus[cpu]);
}

static unsigned nr_called;

static void count_call(struct rcu_head *head)
{
	(void)head;
	nr_called++;
}

/* Nobody is let through, both who waits and who does not hear of it, and it ends well. */
static void a_cpu_that_does_not_rest_is_told_of(void)
{
	struct rcu_head head = { NULL, 0 };
	const char *said;

	host_start_machine(&machine_four_nodes);
	host_start_cpu(2);
	rcu_read_lock();
	become(0);
	rcu_idle_exit();
	rcu_patience_ns = 20 * 1000000;
	nr_called = 0;
	heard_begin();
	CHECK(!synchronize_rcu());
	said = heard_end();
	CHECK(strstr(said, "rcu: CPU 2 has not rested for 20 ms; 0 callbacks wait") != NULL);
	call_rcu(&head, count_call);
	heard_begin();
	CHECK(!rcu_barrier());
	rcu_note_context_switch();
	said = heard_end();
	CHECK(strstr(said, "rcu: CPU 2 has not rested for 20 ms; 1 callbacks wait") != NULL);
	CHECK(strstr(said, "rcu_barrier: 1 callbacks still wait") != NULL);
	CHECK_EQ(nr_called, 0);
	become(2);
	rcu_read_unlock();
	rcu_idle_enter();
	become(0);
	CHECK(synchronize_rcu());
	CHECK(rcu_barrier());
	CHECK_EQ(nr_called, 1);
	rcu_patience_ns = 10 * 1000000000ull;
}

/* ---- Heads given twice, with another function ---- */

static void count_otherwise(struct rcu_head *head)
{
	count_call(head);
}

static void start_with_callbacks(struct rcu_head *heads, unsigned nr)
{
	host_start_machine(&machine_four_nodes);
	memset(heads, 0, nr * sizeof(*heads));
	for (unsigned i = 0; i < nr; i++)
		call_rcu(&heads[i], count_call);
	nr_called = 0;
}

/* The first one again: it is the end of its list, and who follows it is lost. */
static void a_head_that_cuts_its_list_is_told_of(void)
{
	static struct rcu_head heads[3];

	start_with_callbacks(heads, 3);
	call_rcu(&heads[0], count_otherwise);
	CHECK_PANICS("rcu: a list of 4 callbacks had fewer", CHECK(rcu_barrier()));
	CHECK_EQ(nr_called, 1);
	rcu_init();
}

/* The last one again: it follows itself. */
static void a_head_that_follows_itself_is_told_of(void)
{
	static struct rcu_head heads[2];

	start_with_callbacks(heads, 2);
	call_rcu(&heads[1], count_otherwise);
	CHECK_PANICS("has no function: it was called already", CHECK(rcu_barrier()));
	CHECK_EQ(nr_called, 2);
	rcu_init();
}

/* Behind its list there is what belongs to nobody's, and is not called. */
static void a_list_is_no_longer_than_it_was_made(void)
{
	static struct rcu_head heads[2];

	start_with_callbacks(heads, 1);
	heads[0].next = &heads[1];
	CHECK_PANICS("rcu: a list of 1 callbacks had more", CHECK(rcu_barrier()));
	CHECK_EQ(nr_called, 1);
	rcu_init();
}

/* To kfree_rcu() too: what is no function is not jumped to. */
static void a_head_given_to_both_is_told_of(void)
{
	struct entry *entry;

	host_start_machine(&machine_four_nodes);
	entry = make_entry(1);
	call_rcu(&entry->rcu, count_call);
	kfree_rcu(entry, rcu);
	CHECK_PANICS("has no function", CHECK(rcu_barrier()));
	rcu_init();
	kfree_rcu_init();
}

static const struct test_case cases[] = {
	{ "what a reader found stays", what_a_reader_found_stays },
	{ "synchronize_rcu() waits for readers", synchronize_rcu_waits_for_readers },
	{ "a type-safe object is of its cache while it is read",
	  a_type_safe_object_is_of_its_cache_while_it_is_read },
	{ "a CPU that does not rest is told of", a_cpu_that_does_not_rest_is_told_of },
	{ "a head that cuts its list is told of", a_head_that_cuts_its_list_is_told_of },
	{ "a head that follows itself is told of", a_head_that_follows_itself_is_told_of },
	{ "a list is no longer than it was made", a_list_is_no_longer_than_it_was_made },
	{ "a head given to both is told of", a_head_given_to_both_is_told_of },
};

TEST_SUITE(rcu_threads, cases);
