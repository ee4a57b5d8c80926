/*
 * build/host/bench_host ours|limit|malloc: native time of allocate + free.
 *
 * One allocator a process: "malloc" is whatever the process was started with, so
 * tools/bench_host.py preloads the libraries to compare with; "ours" is
 * libslabstick; "limit" is the least an allocator with per-CPU arrays can do
 * (limit.h). All run in the same loops and are called through a pointer, but for
 * repeat-64-constant, whose calls are direct.
 *
 * Prints one record a row: thread CPU time and, where the kernel lets us count,
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
#define NR_PASSED	400000u
#define RING_SLOTS	1024u
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
	return kmalloc_any(bytes, GFP_KERNEL);
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

static void measure(const char *row, unsigned nr_pairs, void (*run)(void))
{
	double ns[NR_ROUNDS], instructions[NR_ROUNDS];

	run();		/* the first fills caches and touches memory */
	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		struct figures before = now(), after;

		run();
		after = now();
		ns[i] = (double)(after.ns - before.ns) / nr_pairs;
		instructions[i] = (double)(after.instructions - before.instructions) / nr_pairs;
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

static void *_Atomic ring[RING_SLOTS];

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Without a second CPU the row is slower, not wrong. */
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return;
}

/* Until @slot is full or empty. Who waits long has no partner on a CPU now: it makes room. */
static void *wait_for(void *_Atomic *slot, bool is_full)
{
	unsigned nr_spins = 0;
	void *object;

	while (((object = atomic_load_explicit(slot, memory_order_acquire)) != NULL) != is_full) {
		if (++nr_spins % MAX_SPINS == 0)
			sched_yield();
		__builtin_ia32_pause();
	}
	return object;
}

static void *consume(void *arg)
{
	(void)arg;
	with->thread_start();
	pin(1);
	for (unsigned i = 0; i < NR_PASSED; i++) {
		void *object = wait_for(&ring[i % RING_SLOTS], true);

		atomic_store_explicit(&ring[i % RING_SLOTS], NULL, memory_order_release);
		with->give(object, 64);
	}
	with->thread_end();
	return NULL;
}

static void produce(void)
{
	for (unsigned i = 0; i < NR_PASSED; i++) {
		void *object = with->take(64);

		wait_for(&ring[i % RING_SLOTS], false);
		atomic_store_explicit(&ring[i % RING_SLOTS], object, memory_order_release);
	}
}

static double wall_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
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

static void measure_pipeline(void)
{
	double ns = DBL_MAX;

	pin(0);
	for (unsigned i = 0; i < NR_THREAD_ROUNDS; i++) {
		pthread_t thread;
		double started = wall_ns();

		if (pthread_create(&thread, NULL, consume, NULL) != 0)
			exit(2);
		produce();
		pthread_join(thread, NULL);
		ns = least(ns, (wall_ns() - started) / NR_PASSED);
	}
	report_threads("xmalloc-test", ns);
}

static void *run_bulks(void *arg)
{
	void **own = malloc(NR_BULK * sizeof(*own));

	if (arg)
		with->thread_start();
	for (unsigned round = 0; own && round < NR_BULK_ROUNDS; round++) {
		for (unsigned i = 0; i < NR_BULK; i++)
			own[i] = with->take(64);
		for (unsigned i = 0; i < NR_BULK; i++)
			with->give(own[i], 64);
	}
	free(own);
	if (arg)
		with->thread_end();
	return NULL;
}

static double time_alone(void)
{
	double started = wall_ns();

	run_bulks(NULL);
	return wall_ns() - started;
}

static double time_together(void)
{
	double started = wall_ns();
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_bulks, live) != 0)
		exit(2);
	run_bulks(NULL);
	pthread_join(thread, NULL);
	return wall_ns() - started;
}

/* Throughput of two threads over that of one: 2.00 is perfect. */
static void measure_scaling(void)
{
	double one = DBL_MAX, two = DBL_MAX;

	for (unsigned i = 0; i < NR_THREAD_ROUNDS; i++) {
		one = least(one, time_alone());
		two = least(two, time_together());
	}
	report_threads("glibc-thread-scaling", 2 * one / two);
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

static void run_objects(void)
{
	measure("repeat-64-constant", NR_PAIRS, with->run_constant_pairs);
	pair_bytes = 64;
	measure("repeat-64", NR_PAIRS, run_pairs);
	pair_bytes = 4096;
	measure("repeat-4096", NR_PAIRS, run_pairs);
	measure("bulk-64", NR_BULK, run_bulk);
	shuffle(NR_BULK);
	measure("rand-64", NR_BULK, run_rand);
	prepare_mixed();
	measure("alloc-test", NR_TRACE, run_mixed);
	measure_scaling();
	measure_pipeline();
}

static void run_pages(void)
{
	measure("repeat-order0", NR_PAIRS, run_order0_pairs);
	measure("repeat-order9", NR_PAIRS, run_order9_pairs);
	measure("bulk-order0", NR_PAGES, run_page_bulk);
	shuffle(NR_PAGES);
	measure("rand-order0", NR_PAGES, run_page_rand);
}

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < ARRAY_SIZE(allocators); i++)
		if (argc == 2 && strcmp(argv[1], allocators[i].name) == 0)
			with = &allocators[i];
	if (!with) {
		fprintf(stderr, "usage: bench_host ours|limit|malloc\n");
		return 2;
	}
	printf("# seed=%u\n", SEED);
	srand(SEED);
	open_counter();
	if (with == &allocators[0] && !slabstick_start(ARENA_BYTES, 1))
		return 2;
	if (with->order0.take)
		run_pages();
	run_objects();
	return 0;
}
