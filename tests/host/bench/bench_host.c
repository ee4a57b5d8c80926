/*
 * build/host/bench_host ours|limit|malloc ROW: native time of allocate + free.
 *
 * One allocator and one row a process, so that no row finds what another left.
 * "malloc" is whatever the process was started with, so tools/bench_host.py preloads
 * the libraries to compare with; "ours" is libslabstick; "limit" is the least an
 * allocator with per-CPU arrays can do (limit.h). All run in the same loops and are
 * called through a pointer, but for repeat-64-constant, whose calls are direct.
 *
 * Prints one record: thread CPU time and, where the kernel lets us count,
 * instructions (else 0), per pair, as the median of NR_ROUNDS. Names follow mimalloc-bench
 * and LLFree's bench: repeat (a pair), bulk (in order), rand (at random),
 * alloc-test (mixed sizes), xmalloc-test (producer and consumer), glibc-thread
 * (threads on their own memory).
 */

#define _GNU_SOURCE		/* thread affinity */

#include <float.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/host/bench/limit.h"
#include "tests/host/lib/slabstick.h"

#define NR_ROUNDS	9u
#define NR_PAIRS	1000000u
#define NR_BULK		10000u
#define NR_PAGES	100000u
#define NR_LIVE		512u
#define NR_TRACE	65536u
#define NR_PASSED	100u		/* batches, as xmalloc-test passes them on */
#define NR_IN_BATCH	4096u
#define NR_BATCHES	4u
#define NR_BULK_ROUNDS	50u
#define NR_THREAD_ROUNDS	15u
#define MAX_SPINS	1000u
#define SEED		1u

/*
 * Sparse: 256 MiB for each of the library's 64 CPUs. With less, stacks of 2 MiB
 * pages have no room and repeat-order9 measures the buddy lists.
 */
#define ARENA_BYTES	((size_t)16 << 30)
#define NS_PER_S	1000000000ull

struct figures {
	uint64_t ns, instructions;
};

/* Pages of one order. */
struct page_calls {
	void *(*take)(void);
	void (*give)(void *page);
};

/* What is measured: one of these at a time. */
struct allocator {
	const char *name;
	void *(*take)(size_t bytes);
	void (*give)(void *object, size_t bytes);
	void (*thread_start)(void);
	void (*thread_end)(void);
	void (*run_constant_pairs)(void);
	struct page_calls order0, order9;	/* NULL: has no pages */
};

static const struct allocator *with;
static void *objects[NR_PAGES];
static uint32_t order[NR_PAGES];
static uint16_t places[NR_TRACE], sizes[NR_TRACE];

static void nothing(void)
{
}

static ALWAYS_INLINE void keep(const void *pointer)
{
	__asm__ volatile("" : : "r"(pointer) : "memory");
}

/* Constant size and direct calls, as a program on the allocator's API has them. */
static ALWAYS_INLINE void run_direct_pairs(void *(*take)(size_t), void (*give)(void *, size_t))
{
	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *object = take(64);

		keep(object);
		give(object, 64);
	}
}

/* ---- malloc ---- */

static void *take_malloc(size_t bytes)
{
	return malloc(bytes);
}

static void give_malloc(void *object, size_t bytes)
{
	(void)bytes;
	free(object);
}

static void run_malloc_pairs(void)
{
	run_direct_pairs(take_malloc, give_malloc);
}

/* ---- Ours ---- */

static void *take_ours(size_t bytes)
{
	return kmalloc(bytes, GFP_KERNEL);
}

static void give_ours(void *object, size_t bytes)
{
	(void)bytes;
	kfree(object);
}

static ALWAYS_INLINE void *take_constant(size_t bytes)
{
	return kmalloc(bytes, GFP_KERNEL);
}

static void run_our_pairs(void)
{
	run_direct_pairs(take_constant, give_ours);
}

static void *take_our_order0(void)
{
	return alloc_pages(GFP_KERNEL, 0);
}

static void give_our_order0(void *page)
{
	__free_pages(page, 0);
}

static void *take_our_order9(void)
{
	return alloc_pages(GFP_KERNEL, 9);
}

static void give_our_order9(void *page)
{
	__free_pages(page, 9);
}

static void start_ours(void)
{
	if (!slabstick_thread_start())
		exit(2);
}

/* ---- The limit ---- */

static struct limit_stack *stack_for(size_t bytes)
{
	return &limit_stacks[(bytes + 15) / 16];
}

static NOINLINE void *take_limit(size_t bytes)
{
	return limit_pop(stack_for(bytes));
}

static NOINLINE void give_limit(void *object, size_t bytes)
{
	limit_push(stack_for(bytes), object);
}

static void run_limit_pairs(void)
{
	run_direct_pairs(take_limit, give_limit);
}

static void *take_limit_order0(void)
{
	return limit_pop(&limit_stacks[LIMIT_ORDER0]);
}

static void give_limit_order0(void *page)
{
	limit_push(&limit_stacks[LIMIT_ORDER0], page);
}

static void *take_limit_order9(void)
{
	return limit_pop(&limit_stacks[LIMIT_ORDER9]);
}

static void give_limit_order9(void *page)
{
	limit_push(&limit_stacks[LIMIT_ORDER9], page);
}

static const struct allocator allocators[] = {
	{ "ours", take_ours, give_ours, start_ours, slabstick_thread_end, run_our_pairs,
	  { take_our_order0, give_our_order0 }, { take_our_order9, give_our_order9 } },
	{ "limit", take_limit, give_limit, nothing, nothing, run_limit_pairs,
	  { take_limit_order0, give_limit_order0 }, { take_limit_order9, give_limit_order9 } },
	{ "malloc", take_malloc, give_malloc, nothing, nothing, run_malloc_pairs,
	  { NULL, NULL }, { NULL, NULL } },
};

/* ---- Measuring ---- */

static int counter = -1;

static void open_counter(void)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_HARDWARE;
	attr.config = PERF_COUNT_HW_INSTRUCTIONS;
	attr.exclude_kernel = 1;
	attr.exclude_hv = 1;
	counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static struct figures now(void)
{
	struct figures figures = { 0, 0 };
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	figures.ns = (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
	if (counter >= 0 && read(counter, &figures.instructions, sizeof(uint64_t)) < 0)
		figures.instructions = 0;
	return figures;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(const char *row, double *ns, double *instructions)
{
	qsort(ns, NR_ROUNDS, sizeof(*ns), compare);
	qsort(instructions, NR_ROUNDS, sizeof(*instructions), compare);
	printf("@host row=%s allocator=%s ns=%.2f instructions=%.1f\n", row, with->name,
	       ns[NR_ROUNDS / 2], instructions[NR_ROUNDS / 2]);
}

static void run_often(unsigned nr_times, void (*run)(void))
{
	for (unsigned i = 0; i < nr_times; i++)
		run();
}

/* @run does @nr_pairs; a round is NR_PAIRS at least, so that a clock of microseconds will do. */
static void measure(const char *row, unsigned nr_pairs, void (*run)(void))
{
	const unsigned nr_times = (NR_PAIRS + nr_pairs - 1) / nr_pairs;
	const double total = (double)nr_times * nr_pairs;
	double ns[NR_ROUNDS], instructions[NR_ROUNDS];

	run_often(nr_times, run);	/* fills caches, touches memory, wakes the CPU */
	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		struct figures before = now(), after;

		run_often(nr_times, run);
		after = now();
		ns[i] = (double)(after.ns - before.ns) / total;
		instructions[i] = (double)(after.instructions - before.instructions) / total;
	}
	report(row, ns, instructions);
}

/* ---- Rows ---- */

static size_t pair_bytes;

static void run_pairs(void)
{
	const size_t bytes = pair_bytes;

	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *object = with->take(bytes);

		keep(object);
		with->give(object, bytes);
	}
}

static void run_bulk(void)
{
	for (unsigned i = 0; i < NR_BULK; i++)
		objects[i] = with->take(64);
	for (unsigned i = 0; i < NR_BULK; i++)
		with->give(objects[i], 64);
}

static void run_rand(void)
{
	for (unsigned i = 0; i < NR_BULK; i++)
		objects[i] = with->take(64);
	for (unsigned i = 0; i < NR_BULK; i++)
		with->give(objects[order[i]], 64);
}

static void *live[NR_LIVE];
static uint16_t live_sizes[NR_LIVE];

static void run_mixed(void)
{
	for (unsigned i = 0; i < NR_TRACE; i++) {
		unsigned at = places[i];

		with->give(live[at], live_sizes[at]);
		live[at] = with->take(sizes[i]);
		live_sizes[at] = sizes[i];
	}
}

/* ---- Threads ---- */

/* Batches of objects on their way from the producer to the consumer, each theirs in turn. */
static struct batch {
	void *objects[NR_IN_BATCH];
	_Atomic bool is_full;
} batches[NR_BATCHES];

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Without a second CPU the row is slower, not wrong. */
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return;
}

/* Until @batch is full or empty. Who waits long has no partner on a CPU now: it makes room. */
static void wait_for(struct batch *batch, bool is_full)
{
	unsigned nr_spins = 0;

	while (atomic_load_explicit(&batch->is_full, memory_order_acquire) != is_full) {
		if (++nr_spins % MAX_SPINS == 0)
			sched_yield();
		__builtin_ia32_pause();
	}
}

/*
 * Two threads do their parts of a round at once: the caller on CPU 0 and a partner,
 * who lives through all rounds, on CPU 1. That threads start and end is not measured.
 */
static struct {
	pthread_t thread;
	pthread_barrier_t barrier;	/* before and after each round */
	void (*run)(void);		/* the partner's part; NULL: it ends */
} partner;

static void *be_partner(void *arg)
{
	(void)arg;
	pin(1);
	with->thread_start();
	for (;;) {
		pthread_barrier_wait(&partner.barrier);
		if (!partner.run)
			break;
		partner.run();
		pthread_barrier_wait(&partner.barrier);
	}
	with->thread_end();
	return NULL;
}

static void start_partner(void)
{
	pin(0);
	if (pthread_barrier_init(&partner.barrier, NULL, 2) != 0 ||
	    pthread_create(&partner.thread, NULL, be_partner, NULL) != 0)
		exit(2);
}

static void end_partner(void)
{
	partner.run = NULL;
	pthread_barrier_wait(&partner.barrier);
	pthread_join(partner.thread, NULL);
	pthread_barrier_destroy(&partner.barrier);
}

static double wall_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Wall time until both are done with their parts. */
static double time_together(void (*own_part)(void), void (*partners_part)(void))
{
	double started;

	partner.run = partners_part;
	pthread_barrier_wait(&partner.barrier);
	started = wall_ns();
	own_part();
	pthread_barrier_wait(&partner.barrier);
	return wall_ns() - started;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/*
 * Of threads together only wall time tells, and whatever else the machine does
 * makes that longer: the least of many rounds, and no instructions.
 */
static void report_threads(const char *row, double value)
{
	printf("@host row=%s allocator=%s ns=%.2f instructions=0\n", row, with->name, value);
}

static void produce(void)
{
	for (unsigned i = 0; i < NR_PASSED; i++) {
		struct batch *batch = &batches[i % NR_BATCHES];

		wait_for(batch, false);
		for (unsigned j = 0; j < NR_IN_BATCH; j++)
			batch->objects[j] = with->take(64);
		atomic_store_explicit(&batch->is_full, true, memory_order_release);
	}
}

static void consume(void)
{
	for (unsigned i = 0; i < NR_PASSED; i++) {
		struct batch *batch = &batches[i % NR_BATCHES];

		wait_for(batch, true);
		for (unsigned j = 0; j < NR_IN_BATCH; j++) {
			with->give(batch->objects[j], 64);
			batch->objects[j] = NULL;
		}
		atomic_store_explicit(&batch->is_full, false, memory_order_release);
	}
}

static void measure_pipeline(const char *row)
{
	double ns = DBL_MAX;

	for (unsigned i = 0; i < NR_THREAD_ROUNDS; i++)
		ns = least(ns, time_together(produce, consume) / (NR_PASSED * NR_IN_BATCH));
	report_threads(row, ns);
}

static void run_bulks_in(void **own)
{
	for (unsigned round = 0; round < NR_BULK_ROUNDS; round++) {
		for (unsigned i = 0; i < NR_BULK; i++)
			own[i] = with->take(64);
		for (unsigned i = 0; i < NR_BULK; i++)
			with->give(own[i], 64);
	}
}

static void run_own_bulks(void)
{
	run_bulks_in(objects);
}

static void run_partners_bulks(void)
{
	static void *partners_objects[NR_BULK];

	run_bulks_in(partners_objects);
}

/* Throughput of two threads over that of one: 2.00 is perfect. */
static void measure_scaling(const char *row)
{
	double one = DBL_MAX, two = DBL_MAX;

	for (unsigned i = 0; i < NR_THREAD_ROUNDS; i++) {
		one = least(one, time_together(run_own_bulks, nothing));
		two = least(two, time_together(run_own_bulks, run_partners_bulks));
	}
	report_threads(row, 2 * one / two);
}

/* ---- Whole pages ---- */

static void run_page_pairs(const struct page_calls *calls)
{
	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *page = calls->take();

		keep(page);
		calls->give(page);
	}
}

static void run_order0_pairs(void)
{
	run_page_pairs(&with->order0);
}

static void run_order9_pairs(void)
{
	run_page_pairs(&with->order9);
}

static void run_page_bulk(void)
{
	for (unsigned i = 0; i < NR_PAGES; i++)
		objects[i] = with->order0.take();
	for (unsigned i = 0; i < NR_PAGES; i++)
		with->order0.give(objects[i]);
}

static void run_page_rand(void)
{
	for (unsigned i = 0; i < NR_PAGES; i++)
		objects[i] = with->order0.take();
	for (unsigned i = 0; i < NR_PAGES; i++)
		with->order0.give(objects[order[i]]);
}

/* ---- The whole run ---- */

static void shuffle(uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		order[i] = i;
	for (uint32_t i = nr - 1; i > 0; i--) {
		uint32_t j = (uint32_t)rand() % (i + 1), kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
}

static void prepare_mixed(void)
{
	for (unsigned i = 0; i < NR_TRACE; i++) {
		places[i] = (uint16_t)(rand() % (int)NR_LIVE);
		sizes[i] = (uint16_t)(8 + rand() % 4089);
	}
	for (unsigned i = 0; i < NR_LIVE; i++) {
		live_sizes[i] = (uint16_t)(8 + rand() % 4089);
		live[i] = with->take(live_sizes[i]);
	}
}

static void repeat_constant(const char *row)
{
	measure(row, NR_PAIRS, with->run_constant_pairs);
}

static void repeat_64(const char *row)
{
	pair_bytes = 64;
	measure(row, NR_PAIRS, run_pairs);
}

static void repeat_4096(const char *row)
{
	pair_bytes = 4096;
	measure(row, NR_PAIRS, run_pairs);
}

static void bulk_64(const char *row)
{
	measure(row, NR_BULK, run_bulk);
}

static void rand_64(const char *row)
{
	shuffle(NR_BULK);
	measure(row, NR_BULK, run_rand);
}

static void alloc_test(const char *row)
{
	prepare_mixed();
	measure(row, NR_TRACE, run_mixed);
}

static void thread_scaling(const char *row)
{
	start_partner();
	measure_scaling(row);
	end_partner();
}

static void xmalloc_test(const char *row)
{
	start_partner();
	measure_pipeline(row);
	end_partner();
}

static void repeat_order0(const char *row)
{
	measure(row, NR_PAIRS, run_order0_pairs);
}

static void repeat_order9(const char *row)
{
	measure(row, NR_PAIRS, run_order9_pairs);
}

static void bulk_order0(const char *row)
{
	measure(row, NR_PAGES, run_page_bulk);
}

static void rand_order0(const char *row)
{
	shuffle(NR_PAGES);
	measure(row, NR_PAGES, run_page_rand);
}

static const struct row {
	const char *name;
	void (*run)(const char *row);
	bool is_of_pages;
} rows[] = {
	{ "repeat-order0", repeat_order0, true },
	{ "repeat-order9", repeat_order9, true },
	{ "bulk-order0", bulk_order0, true },
	{ "rand-order0", rand_order0, true },
	{ "repeat-64-constant", repeat_constant, false },
	{ "repeat-64", repeat_64, false },
	{ "repeat-4096", repeat_4096, false },
	{ "bulk-64", bulk_64, false },
	{ "rand-64", rand_64, false },
	{ "alloc-test", alloc_test, false },
	{ "glibc-thread-scaling", thread_scaling, false },
	{ "xmalloc-test", xmalloc_test, false },
};

int main(int argc, char **argv)
{
	const struct row *row = NULL;

	for (unsigned i = 0; argc == 3 && i < ARRAY_SIZE(allocators); i++)
		if (strcmp(argv[1], allocators[i].name) == 0)
			with = &allocators[i];
	for (unsigned i = 0; argc == 3 && i < ARRAY_SIZE(rows); i++)
		if (strcmp(argv[2], rows[i].name) == 0)
			row = &rows[i];
	if (!with || !row) {
		fprintf(stderr, "usage: bench_host ours|limit|malloc ROW\nrows:");
		for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
			fprintf(stderr, " %s", rows[i].name);
		fprintf(stderr, "\n");
		return 2;
	}
	if (row->is_of_pages && !with->order0.take)
		return 0;	/* malloc has no pages: no record */
	printf("# seed=%u\n", SEED);
	srand(SEED);
	open_counter();
	if (with == &allocators[0] && !slabstick_start(ARENA_BYTES, 1))
		return 2;
	row->run(row->name);
	return 0;
}
