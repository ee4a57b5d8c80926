/*
 * build/host/bench_host ours|limit|malloc: native time of allocate + free.
 *
 * One allocator a process: "malloc" is whatever the process was started with, so
 * tools/bench_host.py preloads the libraries to compare with; "ours" is
 * libslabstick; "limit" is the least an allocator with per-CPU arrays can do, a
 * bounded stack of pointers per size without any check, in the same loops.
 *
 * Prints one record a row: thread CPU time and, where the kernel lets us count,
 * instructions, per pair, as the median of NR_ROUNDS. Names follow mimalloc-bench
 * and LLFree's bench: repeat (a pair), bulk (in order), rand (at random),
 * alloc-test (mixed sizes), xmalloc-test (producer and consumer), glibc-thread
 * (threads on their own memory).
 */

#define _GNU_SOURCE		/* thread affinity */

#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/host/lib/slabstick.h"

#define NR_ROUNDS	9u
#define NR_PAIRS	1000000u
#define NR_BULK		10000u
#define NR_PAGES	100000u
#define NR_LIVE		512u
#define NR_TRACE	65536u
#define NR_PASSED	400000u
#define RING_SLOTS	1024u
#define BURST		64u
#define ARENA_BYTES	((size_t)2 << 30)
#define NS_PER_S	1000000000ull

struct figures {
	uint64_t ns, instructions;
};

/* What is measured: one of these at a time. */
struct allocator {
	const char *name;
	void *(*take)(size_t bytes);
	void (*give)(void *object, size_t bytes);
	void (*thread_start)(void);
	void (*thread_end)(void);
};

static const struct allocator *with;
static void *objects[NR_PAGES];
static uint32_t order[NR_PAGES];
static uint16_t places[NR_TRACE], sizes[NR_TRACE];

/* ---- The three ---- */

static void nothing(void)
{
}

static void *take_malloc(size_t bytes)
{
	return malloc(bytes);
}

static void give_malloc(void *object, size_t bytes)
{
	(void)bytes;
	free(object);
}

static void *take_ours(size_t bytes)
{
	return kmalloc_any(bytes, GFP_KERNEL);
}

static void give_ours(void *object, size_t bytes)
{
	(void)bytes;
	kfree(object);
}

static void start_ours(void)
{
	if (!slabstick_thread_start())
		exit(2);
}

/*
 * The limit: a stack per class of 16 bytes, filled in advance, 262,144 pointers
 * high. It neither refills nor drains, and knows the size of what it gets back.
 */
#define LIMIT_CLASSES	257u
#define LIMIT_SLOTS	(NR_PAGES + NR_LIVE)

static _Thread_local struct {
	void **top, **end, **slots;
} limits[LIMIT_CLASSES];

static void fill_limit(unsigned class, unsigned nr)
{
	size_t bytes = class ? class * 16u : 16u;
	uint8_t *memory = malloc(nr * bytes);

	limits[class].slots = malloc((LIMIT_SLOTS + 1) * sizeof(void *));
	if (!memory || !limits[class].slots)
		exit(2);
	limits[class].slots[0] = NULL;
	limits[class].top = limits[class].slots + 1;
	limits[class].end = limits[class].slots + LIMIT_SLOTS;
	for (unsigned i = 0; i < nr; i++)
		*limits[class].top++ = memory + i * bytes;
}

static NOINLINE void *take_limit(size_t bytes)
{
	size_t class = (bytes + 15) / 16;
	void **top = limits[class].top;
	void *object;

	if (unlikely(!top || !top[-1])) {
		fill_limit((unsigned)class, bytes == 64 ? NR_PAGES : 2 * NR_LIVE);
		top = limits[class].top;
	}
	object = top[-1];
	limits[class].top = top - 1;
	return object;
}

static NOINLINE void give_limit(void *object, size_t bytes)
{
	size_t class = (bytes + 15) / 16;
	void **top = limits[class].top;

	if (unlikely(!top || top >= limits[class].end))
		return;		/* another thread's: the limit has no way home */
	*top = object;
	limits[class].top = top + 1;
}

static const struct allocator allocators[] = {
	{ "ours", take_ours, give_ours, start_ours, slabstick_thread_end },
	{ "limit", take_limit, give_limit, nothing, nothing },
	{ "malloc", take_malloc, give_malloc, nothing, nothing },
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

		__asm__ volatile("" : : "r"(object) : "memory");
		with->give(object, bytes);
	}
}

/* Constant size and direct calls, as a program on our API writes it. */
static void run_constant_pairs(void)
{
	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *object = kmalloc(64, GFP_KERNEL);

		__asm__ volatile("" : : "r"(object) : "memory");
		kfree(object);
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

static void *consume(void *arg)
{
	(void)arg;
	with->thread_start();
	pin(1);
	for (unsigned i = 0; i < NR_PASSED; i++) {
		void *object;

		while (!(object = __atomic_load_n((void **)&ring[i % RING_SLOTS],
						  __ATOMIC_ACQUIRE)))
			__builtin_ia32_pause();
		__atomic_store_n((void **)&ring[i % RING_SLOTS], NULL, __ATOMIC_RELEASE);
		with->give(object, 64);
	}
	with->thread_end();
	return NULL;
}

static void produce(void)
{
	for (unsigned i = 0; i < NR_PASSED; i++) {
		void *object = with->take(64);

		while (__atomic_load_n((void **)&ring[i % RING_SLOTS], __ATOMIC_ACQUIRE))
			__builtin_ia32_pause();
		__atomic_store_n((void **)&ring[i % RING_SLOTS], object, __ATOMIC_RELEASE);
	}
}

static double wall_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void measure_pipeline(void)
{
	double ns[NR_ROUNDS], instructions[NR_ROUNDS] = { 0 };

	pin(0);
	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		pthread_t thread;
		double started = wall_ns();

		if (pthread_create(&thread, NULL, consume, NULL) != 0)
			exit(2);
		produce();
		pthread_join(thread, NULL);
		ns[i] = (wall_ns() - started) / NR_PASSED;
	}
	report("xmalloc-test", ns, instructions);
}

static void *run_bulks(void *arg)
{
	void **own = malloc(NR_BULK * sizeof(*own));

	if (arg)
		with->thread_start();
	for (unsigned round = 0; own && round < 50; round++) {
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

/* Throughput of two threads over that of one: 2.00 is perfect. */
static void measure_scaling(void)
{
	double scaling[NR_ROUNDS], instructions[NR_ROUNDS] = { 0 };

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		double started = wall_ns(), one, two;
		pthread_t thread;

		run_bulks(NULL);
		one = wall_ns() - started;
		started = wall_ns();
		if (pthread_create(&thread, NULL, run_bulks, live) != 0)
			exit(2);
		run_bulks(NULL);
		pthread_join(thread, NULL);
		two = wall_ns() - started;
		scaling[i] = 2 * one / two;
	}
	report("glibc-thread-scaling", scaling, instructions);
}

/* ---- Whole pages: ours only ---- */

static unsigned page_order;

static void run_page_pairs(void)
{
	for (unsigned i = 0; i < NR_PAIRS; i++) {
		struct page *page = alloc_pages(GFP_KERNEL, page_order);

		__asm__ volatile("" : : "r"(page) : "memory");
		__free_pages(page, page_order);
	}
}

static void run_page_bulk(void)
{
	for (unsigned i = 0; i < NR_PAGES; i++)
		objects[i] = alloc_pages(GFP_KERNEL, 0);
	for (unsigned i = 0; i < NR_PAGES; i++)
		__free_pages(objects[i], 0);
}

static void run_page_rand(void)
{
	for (unsigned i = 0; i < NR_PAGES; i++)
		objects[i] = alloc_pages(GFP_KERNEL, 0);
	for (unsigned i = 0; i < NR_PAGES; i++)
		__free_pages(objects[order[i]], 0);
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
	if (strcmp(with->name, "limit") != 0)
		measure_pipeline();
}

static void run_pages(void)
{
	measure("repeat-64-constant", NR_PAIRS, run_constant_pairs);
	page_order = 0;
	measure("repeat-order0", NR_PAIRS, run_page_pairs);
	page_order = 9;
	measure("repeat-order9", NR_PAIRS, run_page_pairs);
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
	srand(1);
	open_counter();
	if (with == &allocators[0]) {
		if (!slabstick_start(ARENA_BYTES, 1))
			return 2;
		run_pages();
	}
	run_objects();
	return 0;
}
