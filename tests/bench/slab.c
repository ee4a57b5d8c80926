/* Rows of caches and kmalloc: pairs, batches, mixtures, the worst case, overhead. */

#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/unit/slab/room.h"
#include "tests/bench/bench.h"

#define NR_PAIRS	10000u
#define NR_LARGE_PAIRS	2000u
#define NR_BATCH	10000u
#define NR_CACHE_BATCH	4096u
#define NR_BULK		64u
#define NR_BULKS	100u
#define NR_LIVE		512u
#define NR_TRACE	16384u
#define NR_OVERHEAD	100000u
#define MAX_MIXED_BYTES	4096u

static struct kmem_cache *cache192;
static void **objects;		/* NR_BATCH, or NR_OVERHEAD */
static uint32_t *order;

/* ---- Pairs ---- */

#define DEFINE_PAIRS(bytes)							\
static void run_pairs_##bytes(unsigned nr_ops)					\
{										\
	for (unsigned i = 0; i < nr_ops; i++) {					\
		void *object = kmalloc(bytes, GFP_KERNEL);			\
										\
		bench_keep(object);						\
		kfree(object);							\
	}									\
}

DEFINE_PAIRS(8)
DEFINE_PAIRS(32)
DEFINE_PAIRS(64)
DEFINE_PAIRS(128)
DEFINE_PAIRS(256)
DEFINE_PAIRS(1024)
DEFINE_PAIRS(4096)
DEFINE_PAIRS(8192)
DEFINE_PAIRS(16384)
DEFINE_PAIRS(65536)

#define DEFINE_ZEROED_PAIRS(bytes)						\
static void run_zeroed_pairs_##bytes(unsigned nr_ops)				\
{										\
	for (unsigned i = 0; i < nr_ops; i++) {					\
		void *object = kzalloc(bytes, GFP_KERNEL);			\
										\
		bench_keep(object);						\
		kfree(object);							\
	}									\
}

DEFINE_ZEROED_PAIRS(64)
DEFINE_ZEROED_PAIRS(1024)

static volatile size_t variable_bytes = 64;

static void run_var64_pairs(unsigned nr_ops)
{
	const size_t bytes = variable_bytes;

	for (unsigned i = 0; i < nr_ops; i++) {
		void *object = kmalloc(bytes, GFP_KERNEL);

		bench_keep(object);
		kfree(object);
	}
}

/* ---- Batches ---- */

static const char *take_arrays(uint32_t nr)
{
	objects = kvmalloc(nr * sizeof(objects[0]), GFP_KERNEL);
	order = kvmalloc(nr * sizeof(order[0]), GFP_KERNEL);
	if (!objects || !order)
		return "no memory for the list of objects";
	for (uint32_t i = 0; i < nr; i++)
		order[i] = i;
	return NULL;
}

static const char *prepare_batch(void)
{
	return take_arrays(NR_BATCH);
}

static const char *prepare_random_batch(void)
{
	const char *reason = take_arrays(NR_BATCH);

	if (!reason)
		bench_shuffle(order, NR_BATCH);
	return reason;
}

static void drop_arrays(void)
{
	kvfree(objects);
	kvfree(order);
}

static void free_in_order(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		kfree(objects[i]);
}

static void free_at_random(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		kfree(objects[order[i]]);
}

static void fill_64(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		objects[i] = kmalloc(64, GFP_KERNEL);
}

static void fill_1024(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		objects[i] = kmalloc(1024, GFP_KERNEL);
}

static void run_batch_64(unsigned nr_ops)
{
	fill_64(nr_ops);
	free_in_order(nr_ops);
}

static void run_batch_64_random(unsigned nr_ops)
{
	fill_64(nr_ops);
	free_at_random(nr_ops);
}

static void run_batch_1024(unsigned nr_ops)
{
	fill_1024(nr_ops);
	free_in_order(nr_ops);
}

static void run_batch_1024_random(unsigned nr_ops)
{
	fill_1024(nr_ops);
	free_at_random(nr_ops);
}

/* ---- A cache of its own ---- */

static const char *prepare_cache(void)
{
	cache192 = kmem_cache_create("bench_192", 192, 0, 0, NULL);
	return cache192 ? take_arrays(NR_CACHE_BATCH) : "no memory for a cache";
}

static void drop_cache(void)
{
	kmem_cache_destroy(cache192);
	drop_arrays();
}

static void run_cache_pairs(unsigned nr_ops)
{
	struct kmem_cache *cache = cache192;

	for (unsigned i = 0; i < nr_ops; i++) {
		void *object = kmem_cache_alloc(cache, GFP_KERNEL);

		bench_keep(object);
		kmem_cache_free(cache, object);
	}
}

static void run_cache_batch(unsigned nr_ops)
{
	struct kmem_cache *cache = cache192;

	for (unsigned i = 0; i < nr_ops; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < nr_ops; i++)
		kmem_cache_free(cache, objects[i]);
}

static void run_cache_bulk(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i += NR_BULK) {
		size_t nr = kmem_cache_alloc_bulk(cache192, GFP_KERNEL, NR_BULK, objects);

		bench_keep(objects);
		kmem_cache_free_bulk(cache192, nr, objects);
	}
}

/* ---- Mixtures ---- */

static struct {
	uint16_t place, bytes;
} *trace;

static uint16_t uniform_size(void)
{
	return (uint16_t)(8 + bench_random_below(MAX_MIXED_BYTES - 7));
}

/* A power of two from 8 to 2,048, then uniform up to the next. */
static uint16_t log_size(void)
{
	uint64_t base = (uint64_t)8 << bench_random_below(9);

	return (uint16_t)(base + bench_random_below(base + 1));
}

static const char *prepare_mixed(uint16_t (*size)(void))
{
	const char *reason = take_arrays(NR_LIVE);

	trace = kvmalloc(NR_TRACE * sizeof(trace[0]), GFP_KERNEL);
	if (reason || !trace)
		return "no memory for the trace";
	for (unsigned i = 0; i < NR_TRACE; i++) {
		trace[i].place = (uint16_t)bench_random_below(NR_LIVE);
		trace[i].bytes = size();
	}
	for (unsigned i = 0; i < NR_LIVE; i++)
		objects[i] = kmalloc(size(), GFP_KERNEL);
	return NULL;
}

static const char *prepare_uniform(void)
{
	return prepare_mixed(uniform_size);
}

static const char *prepare_log(void)
{
	return prepare_mixed(log_size);
}

static void drop_mixed(void)
{
	if (objects)
		free_in_order(NR_LIVE);
	kvfree(trace);
	drop_arrays();
}

static void run_mixed(unsigned nr_ops)
{
	for (unsigned i = 0; i < nr_ops; i++) {
		void **place = &objects[trace[i].place];

		kfree(*place);
		*place = kmalloc(trace[i].bytes, GFP_KERNEL);
	}
}

/* ---- Nodes ---- */

static unsigned other_nid;

static const char *prepare_nodes(void)
{
	unsigned own_nid = slab_memory_node(numa_node_id());

	other_nid = slab_system.setup.nearest_node(own_nid, 1);
	return other_nid == NID_NONE ? "one node with memory" : NULL;
}

static void run_nodes(unsigned nr_ops)
{
	const unsigned own_nid = numa_node_id();

	for (unsigned i = 0; i < nr_ops; i++) {
		void *object = kmalloc_node(64, GFP_KERNEL, i & 1 ? other_nid : own_nid);

		bench_keep(object);
		kfree(object);
	}
}

/* ---- The worst case ---- */

/* Of NR_BATCH in a row, from a cache without a slab: the making of them is in it. */
static uint64_t measure_worst(unsigned nr_ops)
{
	uint64_t worst = 0;

	(void)nr_ops;
	kmem_cache_shrink(kmalloc_caches[KMALLOC_NORMAL][kmalloc_class(64)]);
	for (unsigned i = 0; i < NR_BATCH; i++) {
		uint64_t started = bench_start(), taken;

		objects[i] = kmalloc(64, GFP_KERNEL);
		taken = bench_stop(started);
		if (taken > worst)
			worst = taken;
	}
	free_in_order(NR_BATCH);
	return worst;
}

/* ---- Overhead ---- */

static const char *prepare_overhead(void)
{
	return take_arrays(NR_OVERHEAD);
}

static uint64_t overhead_of(uint16_t (*size)(void))
{
	uint64_t pages_before = slab_usage(NULL).nr_slab_pages, asked = 0, pages;

	for (unsigned i = 0; i < NR_OVERHEAD; i++) {
		size_t bytes = size();

		objects[i] = kmalloc(bytes, GFP_KERNEL);
		asked += objects[i] ? bytes : 0;
	}
	pages = slab_usage(NULL).nr_slab_pages - pages_before;
	free_in_order(NR_OVERHEAD);
	return pages_to_bytes(pages) * 1000 / asked;
}

static uint16_t size_64(void)
{
	return 64;
}

static uint64_t measure_overhead64(unsigned nr_ops)
{
	(void)nr_ops;
	slab_shrink(UINT64_MAX);
	return overhead_of(size_64);
}

static uint64_t measure_overhead_mixed(unsigned nr_ops)
{
	(void)nr_ops;
	slab_shrink(UINT64_MAX);
	return overhead_of(uniform_size);
}

static const struct bench_case cases[] = {
	{ .name = "kmalloc8_pair", .nr_ops = NR_PAIRS, .run = run_pairs_8 },
	{ .name = "kmalloc32_pair", .nr_ops = NR_PAIRS, .run = run_pairs_32 },
	{ .name = "kmalloc64_pair", .nr_ops = NR_PAIRS, .run = run_pairs_64 },
	{ .name = "kmalloc128_pair", .nr_ops = NR_PAIRS, .run = run_pairs_128 },
	{ .name = "kmalloc256_pair", .nr_ops = NR_PAIRS, .run = run_pairs_256 },
	{ .name = "kmalloc1024_pair", .nr_ops = NR_PAIRS, .run = run_pairs_1024 },
	{ .name = "kmalloc4096_pair", .nr_ops = NR_PAIRS, .run = run_pairs_4096 },
	{ .name = "kmalloc8192_pair", .nr_ops = NR_PAIRS, .run = run_pairs_8192 },
	{ .name = "kzalloc64_pair", .nr_ops = NR_PAIRS, .run = run_zeroed_pairs_64 },
	{ .name = "kzalloc1024_pair", .nr_ops = NR_PAIRS, .run = run_zeroed_pairs_1024 },
	{ .name = "kmalloc_var64_pair", .nr_ops = NR_PAIRS, .run = run_var64_pairs },
	{ .name = "kmalloc16384_pair", .nr_ops = NR_LARGE_PAIRS, .run = run_pairs_16384 },
	{ .name = "kmalloc65536_pair", .nr_ops = NR_LARGE_PAIRS, .run = run_pairs_65536 },
	{ .name = "kmalloc64_batch", .nr_ops = NR_BATCH, .run = run_batch_64,
	  .prepare = prepare_batch, .finish = drop_arrays },
	{ .name = "kmalloc64_batch_random", .nr_ops = NR_BATCH, .run = run_batch_64_random,
	  .prepare = prepare_random_batch, .finish = drop_arrays },
	{ .name = "kmalloc1024_batch", .nr_ops = NR_BATCH, .run = run_batch_1024,
	  .prepare = prepare_batch, .finish = drop_arrays },
	{ .name = "kmalloc1024_batch_random", .nr_ops = NR_BATCH, .run = run_batch_1024_random,
	  .prepare = prepare_random_batch, .finish = drop_arrays },
	{ .name = "cache192_pair", .nr_ops = NR_PAIRS, .run = run_cache_pairs,
	  .prepare = prepare_cache, .finish = drop_cache },
	{ .name = "cache192_batch", .nr_ops = NR_CACHE_BATCH, .run = run_cache_batch,
	  .prepare = prepare_cache, .finish = drop_cache },
	{ .name = "cache192_bulk64", .nr_ops = NR_BULKS * NR_BULK, .run = run_cache_bulk,
	  .prepare = prepare_cache, .finish = drop_cache },
	{ .name = "mixed_uniform", .nr_ops = NR_TRACE, .run = run_mixed,
	  .prepare = prepare_uniform, .finish = drop_mixed },
	{ .name = "mixed_log", .nr_ops = NR_TRACE, .run = run_mixed,
	  .prepare = prepare_log, .finish = drop_mixed },
	{ .name = "kmalloc64_nodes", .nr_ops = NR_PAIRS, .run = run_nodes,
	  .prepare = prepare_nodes },
	{ .name = "kmalloc64_worst", .nr_ops = 1, .measure = measure_worst,
	  .prepare = prepare_batch, .finish = drop_arrays },
	{ .name = "slab_overhead64", .nr_ops = 1, .measure = measure_overhead64,
	  .prepare = prepare_overhead, .finish = drop_arrays, .unit = BENCH_RATIO },
	{ .name = "slab_overhead_mixed", .nr_ops = 1, .measure = measure_overhead_mixed,
	  .prepare = prepare_overhead, .finish = drop_arrays, .unit = BENCH_RATIO },
};

BENCH_SUITE(slab, cases);
