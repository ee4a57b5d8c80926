/*
 * Stress: every CPU uses every allocator at random, at the same time.
 *
 * Model
 *   A worker owns a table of allocations. It picks a place at random: an empty
 *   one is filled by an allocation of a random kind and size, a full one is
 *   checked and freed. Each allocation carries a stamp of its own at both ends,
 *   so that two owners of one byte notice each other. Now and then a worker
 *   swaps an allocation with a shared mailbox: what comes out was another CPU's
 *   and is freed here, which exercises remote frees and alien arrays. And now and then it
 *   looks, without a lock, at an entry that all know, or changes that for another and
 *   leaves the old one to kfree_rcu().
 *
 * Bounds
 *   A worker yields every YIELD_INTERVAL operations, so that work sent to its
 *   CPU runs; the starter waits JOIN_MS beyond the time asked for. While time runs it
 *   tells how far all have come, and a key ends it.
 */

#include "tests/live/stress.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "efi/shell.h"
#include "kthread.h"
#include "lib/align.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "mm/vmalloc.h"
#include "tests/live/ticks.h"
#include "tests/test.h"

#define NR_PLACES		192u
#define NR_MAILBOXES		16u
#define MAILBOX_INTERVAL	16u
#define ENTRY_INTERVAL		8u
#define NR_ENTRIES		4u
#define NR_ENTRY_WORDS		12u
#define YIELD_INTERVAL		64u
#define CLOCK_INTERVAL		256u
#define JOIN_MS			120000u
#define NS_PER_MS		1000000ull
#define MAX_RUN_MS		(10ull * 365 * 86400 * 1000)	/* ten years fit a clock of ns */
#define NS_PER_S		1000000000ull
#define MIN_TOLD_NS		(5 * NS_PER_S)	/* between lines of progress: as long as */
#define MAX_TOLD_NS		(600 * NS_PER_S) /* it has run already, within these */
#define MAX_WORKERS		256u

#define MAX_ORDER_USED		5u
#define MAX_SMALL_BYTES		(64u << 10)
#define MAX_AREA_PAGES		24u

enum kind { KIND_NONE, KIND_PAGES, KIND_SMALL, KIND_AREA };

/* One allocation. A mailbox holds a pointer to a kmalloc'ed one. */
struct piece {
	enum kind kind;
	unsigned order;
	size_t bytes;
	uint64_t stamp;
	void *at;
};

struct worker {
	uint64_t nr_operations;		/* to do, or 0 */
	uint64_t end_ns;		/* the starter may bring it forward */
	uint64_t random;
	struct stress_totals did;
	struct thread *thread;
	struct piece places[NR_PLACES];
};

static struct piece *mailboxes[NR_MAILBOXES];

/* What all CPUs read without a lock: its words are the same as long as it is there. */
struct entry {
	uint64_t words[NR_ENTRY_WORDS];
	struct rcu_head rcu;
};

static struct entry *entries[NR_ENTRIES];

/* xorshift64*: each worker has its own stream. */
static uint64_t draw(struct worker *worker)
{
	uint64_t x = worker->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	worker->random = x;
	return (x * 0x2545f4914f6cdd1dull) >> 16;
}

static volatile uint64_t *last_word(const struct piece *piece)
{
	return (volatile uint64_t *)((uintptr_t)piece->at + piece->bytes) - 1;
}

static void stamp_piece(struct worker *worker, struct piece *piece)
{
	piece->stamp = draw(worker) | 1;
	*(volatile uint64_t *)piece->at = piece->stamp;
	*last_word(piece) = ~piece->stamp;
}

static bool is_intact(const struct piece *piece)
{
	uint64_t first = *(volatile uint64_t *)piece->at;

	/* A piece of one word holds the second of its two stamps. */
	return *last_word(piece) == ~piece->stamp &&
	       (piece->bytes < 2 * sizeof(uint64_t) || first == piece->stamp);
}

static void allocate_pages(struct worker *worker, struct piece *piece)
{
	struct page *page;

	piece->order = (unsigned)(draw(worker) % (MAX_ORDER_USED + 1));
	piece->bytes = PAGE_SIZE << piece->order;
	page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, piece->order);
	piece->at = page ? page_address(page) : NULL;
}

/* Sizes are log-uniform, in words: 8 bytes to MAX_SMALL_BYTES. */
static void allocate_small(struct worker *worker, struct piece *piece)
{
	uint64_t scale = (uint64_t)MAX_SMALL_BYTES >> draw(worker) % 14;
	uint64_t bytes = scale / 2 + draw(worker) % (scale / 2 + 1);

	piece->bytes = align_up(max_u64(bytes, sizeof(uint64_t)), sizeof(uint64_t));
	piece->at = kmalloc(piece->bytes, GFP_KERNEL | __GFP_NOWARN);
}

static void allocate_area(struct worker *worker, struct piece *piece)
{
	piece->bytes = PAGE_SIZE * (1 + draw(worker) % MAX_AREA_PAGES);
	piece->at = vmalloc(piece->bytes);
}

static void allocate(struct worker *worker, struct piece *piece)
{
	uint64_t choice = draw(worker) % 16;

	piece->kind = choice < 9 ? KIND_SMALL : choice < 15 ? KIND_PAGES : KIND_AREA;
	if (piece->kind == KIND_PAGES)
		allocate_pages(worker, piece);
	else if (piece->kind == KIND_SMALL)
		allocate_small(worker, piece);
	else
		allocate_area(worker, piece);
	if (!piece->at) {
		piece->kind = KIND_NONE;
		worker->did.nr_refused++;
		return;
	}
	stamp_piece(worker, piece);
}

static void release(struct worker *worker, struct piece *piece)
{
	worker->did.nr_broken += !is_intact(piece);
	if (piece->kind == KIND_PAGES)
		free_pages((uintptr_t)piece->at, piece->order);
	else if (piece->kind == KIND_SMALL)
		kfree(piece->at);
	else if (!ticks_take_area(piece->at))
		vfree(piece->at);
	piece->kind = KIND_NONE;
}

static void empty_mailbox(struct worker *worker, struct piece *received)
{
	if (!received)
		return;
	release(worker, received);
	kfree(received);
	worker->did.nr_exchanged++;
}

static void exchange(struct worker *worker, struct piece *piece)
{
	struct piece *sent;

	if (piece->kind == KIND_NONE)
		return;
	sent = kmalloc(sizeof(*sent), GFP_KERNEL | __GFP_NOWARN);
	if (!sent)
		return;
	*sent = *piece;
	piece->kind = KIND_NONE;
	empty_mailbox(worker, __atomic_exchange_n(&mailboxes[draw(worker) % NR_MAILBOXES], sent,
						  __ATOMIC_ACQ_REL));
}

static void read_entry(struct worker *worker)
{
	const struct entry *entry;

	rcu_read_lock();
	entry = __atomic_load_n(&entries[draw(worker) % NR_ENTRIES], __ATOMIC_ACQUIRE);
	for (unsigned i = 1; entry && i < NR_ENTRY_WORDS; i++)
		worker->did.nr_broken +=
			*(volatile const uint64_t *)&entry->words[i] != entry->words[0];
	rcu_read_unlock();
}

/* Whoever reads the old one may go on. */
static void change_entry(struct worker *worker)
{
	struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL | __GFP_NOWARN);

	if (!entry)
		return;
	entry->words[0] = draw(worker);
	for (unsigned i = 1; i < NR_ENTRY_WORDS; i++)
		entry->words[i] = entry->words[0];
	entry = __atomic_exchange_n(&entries[draw(worker) % NR_ENTRIES], entry, __ATOMIC_ACQ_REL);
	kfree_rcu(entry, rcu);
}

/* Not before the first look at the clock: who did nothing has proved nothing. */
static bool is_time_up(const struct worker *worker, uint64_t done)
{
	if (worker->nr_operations)
		return done >= worker->nr_operations;
	return done > 0 && done % CLOCK_INTERVAL == 0 &&
	       arch_now_ns() >= __atomic_load_n(&worker->end_ns, __ATOMIC_RELAXED);
}

static void work(void *arg)
{
	struct worker *worker = arg;
	uint64_t done = 0;

	while (!is_time_up(worker, done)) {
		struct piece *piece = &worker->places[draw(worker) % NR_PLACES];

		if (piece->kind == KIND_NONE)
			allocate(worker, piece);
		else if (draw(worker) % MAILBOX_INTERVAL == 0)
			exchange(worker, piece);
		else
			release(worker, piece);
		if (draw(worker) % ENTRY_INTERVAL == 0)
			read_entry(worker);
		else if (draw(worker) % ENTRY_INTERVAL == 0)
			change_entry(worker);
		if (++done % YIELD_INTERVAL == 0) {
			__atomic_store_n(&worker->did.nr_operations, done, __ATOMIC_RELAXED);
			thread_yield();
		}
	}
	for (unsigned i = 0; i < NR_PLACES; i++)
		if (worker->places[i].kind != KIND_NONE)
			release(worker, &worker->places[i]);
	worker->did.nr_operations = done;
}

static bool start_workers(struct worker *workers, unsigned nr, uint64_t nr_operations,
			  uint64_t end_ns)
{
	for (unsigned cpu = 0; cpu < nr; cpu++) {
		workers[cpu].nr_operations = nr_operations;
		workers[cpu].end_ns = end_ns;
		workers[cpu].random = test_random() | 1;
		workers[cpu].thread = thread_start("stress", cpu, work, &workers[cpu]);
		if (!workers[cpu].thread)
			return false;
	}
	return true;
}

static void tell_progress(const struct worker *workers, unsigned nr, uint64_t ran_ns, uint64_t ms)
{
	uint64_t nr_operations = 0;

	for (unsigned cpu = 0; cpu < nr; cpu++)
		nr_operations += __atomic_load_n(&workers[cpu].did.nr_operations,
						 __ATOMIC_RELAXED);
	log_line(LOG_NOTICE, "stress: %llu of %llu s, %llu operations; the key q ends it",
		 (unsigned long long)(ran_ns / NS_PER_S), (unsigned long long)(ms / 1000),
		 (unsigned long long)nr_operations);
}

static bool is_end_wanted(void)
{
	int key = shell_poll_byte();

	return key == 'q' || key == 'Q';
}

static void end_workers(struct worker *workers, unsigned nr)
{
	log_line(LOG_NOTICE, "stress: ended by a key");
	for (unsigned cpu = 0; cpu < nr; cpu++)
		__atomic_store_n(&workers[cpu].end_ns, 0, __ATOMIC_RELAXED);
}

/* Until time is up, or somebody wants an end. */
static void watch_workers(struct worker *workers, unsigned nr, uint64_t start_ns, uint64_t ms)
{
	uint64_t told_ns = start_ns, now_ns = start_ns;

	while (now_ns < start_ns + ms * NS_PER_MS) {
		uint64_t pause_ns = min_u64(max_u64(told_ns - start_ns, MIN_TOLD_NS), MAX_TOLD_NS);

		if (is_end_wanted()) {
			end_workers(workers, nr);
			return;
		}
		if (now_ns - told_ns >= pause_ns) {
			told_ns = now_ns;
			tell_progress(workers, nr, now_ns - start_ns, ms);
		}
		thread_yield();
		now_ns = arch_now_ns();
	}
}

static bool join_workers(struct worker *workers, unsigned nr)
{
	bool have_all_ended = true;

	for (unsigned cpu = 0; cpu < nr; cpu++) {
		if (!workers[cpu].thread)
			continue;
		if (thread_join(workers[cpu].thread, JOIN_MS) == STATUS_OK)
			continue;
		log_line(LOG_ERROR, "stress: CPU %u did not end in time", cpu);
		have_all_ended = false;
	}
	return have_all_ended;
}

static void add_up(const struct worker *workers, unsigned nr, struct stress_totals *totals)
{
	for (unsigned cpu = 0; cpu < nr; cpu++) {
		const struct stress_totals *did = &workers[cpu].did;

		totals->nr_cpus += did->nr_operations != 0;
		totals->nr_operations += did->nr_operations;
		totals->nr_refused += did->nr_refused;
		totals->nr_broken += did->nr_broken;
		totals->nr_exchanged += did->nr_exchanged;
	}
}

static void empty_mailboxes(struct worker *worker)
{
	for (unsigned i = 0; i < NR_MAILBOXES; i++)
		empty_mailbox(worker, __atomic_exchange_n(&mailboxes[i], NULL, __ATOMIC_ACQ_REL));
}

/* False when what waits to be freed does not go. */
static bool empty_entries(void)
{
	for (unsigned i = 0; i < NR_ENTRIES; i++)
		kfree_rcu(__atomic_exchange_n(&entries[i], NULL, __ATOMIC_ACQ_REL), rcu);
	while (rcu_nr_waiting() != 0)
		if (!rcu_barrier())
			return false;
	return true;
}

bool stress_run(uint64_t nr_operations, uint64_t ms, struct stress_totals *totals)
{
	unsigned nr = (unsigned)min_u64(cpu_nr_running(), MAX_WORKERS);
	struct worker *workers = vzalloc(nr * sizeof(*workers));
	uint64_t start_ns = arch_now_ns();
	bool have_started;

	ms = min_u64(ms, MAX_RUN_MS);
	*totals = (struct stress_totals){ 0 };
	if (!workers)
		return false;
	have_started = start_workers(workers, nr, nr_operations, start_ns + ms * NS_PER_MS);
	if (have_started && nr_operations == 0)
		watch_workers(workers, nr, start_ns, ms);
	if (!join_workers(workers, nr))
		return false;	/* and keep their memory: one may still write there */
	empty_mailboxes(&workers[0]);
	have_started &= empty_entries();
	add_up(workers, nr, totals);
	vfree(workers);
	return have_started && totals->nr_broken == 0;
}

/* ---- As a test ---- */

#define TEST_OPERATIONS		4000u

static void all_cpus_allocate_exchange_and_free(void)
{
	struct stress_totals totals;

	CHECK(stress_run(TEST_OPERATIONS, 0, &totals));
	CHECK_EQ(totals.nr_cpus, min_u64(cpu_nr_running(), MAX_WORKERS));
	CHECK(totals.nr_exchanged > 0);
	test_comment("%u CPUs, %llu operations, %llu freed by another CPU, %llu refused",
		     totals.nr_cpus, (unsigned long long)totals.nr_operations,
		     (unsigned long long)totals.nr_exchanged,
		     (unsigned long long)totals.nr_refused);
}

static const struct test_case cases[] = {
	{ "all CPUs allocate, exchange and free", all_cpus_allocate_exchange_and_free },
};

TEST_SUITE(stress, cases);
