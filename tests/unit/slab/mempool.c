/*
 * Pools: what they promise when memory is there, when it is not, and when it comes back.
 */

#include "mm/mempool.h"

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

#define MIN_NR		8u
#define BYTES		100u

static void *elements[4 * MIN_NR];

#define CHECK_POOL(pool) do {							\
	struct violation violation_ = { .rule = "none" };			\
										\
	if (!mempool_verify(pool, &violation_))					\
		test_fail(__FILE__, __LINE__, "%s is broken", violation_.rule);	\
} while (0)

/* An allocator that can be told to fail, and knows what is out. */
static struct {
	bool fails;
	unsigned nr_out, nr_allowed;
	gfp_t last_gfp;
} source;

static void *take_from_source(gfp_t gfp, void *pool_data)
{
	CHECK(pool_data == &source);
	source.last_gfp = gfp;
	if (source.fails || source.nr_allowed == 0)
		return NULL;
	source.nr_allowed--;
	source.nr_out++;
	return kmalloc(BYTES, GFP_KERNEL | __GFP_NO_INJECTION);
}

static void give_to_source(void *element, void *pool_data)
{
	CHECK(pool_data == &source);
	source.nr_out--;
	kfree(element);
}

static struct mempool *make_pool(void)
{
	memset(&source, 0, sizeof(source));
	source.nr_allowed = UINT32_MAX;
	return mempool_create(MIN_NR, take_from_source, give_to_source, &source);
}

static void the_reserve_serves_min_nr_when_nothing_else_does(void)
{
	struct mempool *pool = make_pool();

	CHECK_EQ(mempool_nr_resting(pool), MIN_NR);
	source.fails = true;
	for (unsigned i = 0; i < MIN_NR; i++) {
		elements[i] = mempool_alloc(pool, GFP_KERNEL);
		CHECK(elements[i] != NULL);
		CHECK_POOL(pool);
		for (unsigned j = 0; j < i; j++)
			CHECK(elements[i] != elements[j]);
	}
	CHECK_EQ(mempool_nr_resting(pool), 0);
	CHECK_EQ(mempool_nr_served(pool), MIN_NR);
	CHECK(mempool_alloc(pool, GFP_KERNEL) == NULL);
	/* One given back serves the next, for ever. */
	for (unsigned i = 0; i < 3 * MIN_NR; i++) {
		mempool_free(elements[i % MIN_NR], pool);
		elements[i % MIN_NR] = mempool_alloc(pool, GFP_NOWAIT);
		CHECK(elements[i % MIN_NR] != NULL);
	}
	for (unsigned i = 0; i < MIN_NR; i++)
		mempool_free(elements[i], pool);
	CHECK_EQ(source.nr_out, MIN_NR);
	CHECK_POOL(pool);
	mempool_destroy(pool);
	CHECK_EQ(source.nr_out, 0);
}

static void new_elements_come_first_and_the_reserve_is_filled_first(void)
{
	struct mempool *pool = make_pool();

	for (unsigned i = 0; i < 2 * MIN_NR; i++)
		elements[i] = mempool_alloc(pool, GFP_KERNEL);
	CHECK_EQ(mempool_nr_served(pool), 0);
	/* No reclaim while there is a reserve. */
	CHECK_EQ(source.last_gfp & __GFP_DIRECT_RECLAIM, 0);
	source.fails = true;
	for (unsigned i = 2 * MIN_NR; i < 3 * MIN_NR; i++)
		elements[i] = mempool_alloc(pool, GFP_KERNEL);
	CHECK_EQ(mempool_nr_served(pool), MIN_NR);
	CHECK(mempool_alloc(pool, GFP_KERNEL) == NULL);
	CHECK(source.last_gfp & __GFP_DIRECT_RECLAIM);
	CHECK(mempool_alloc(pool, GFP_NOWAIT) == NULL);
	CHECK_EQ(source.last_gfp & __GFP_DIRECT_RECLAIM, 0);
	for (unsigned i = 0; i < MIN_NR; i++)
		mempool_free(elements[i], pool);
	CHECK_EQ(mempool_nr_resting(pool), MIN_NR);
	CHECK_EQ(source.nr_out, 3 * MIN_NR);
	for (unsigned i = MIN_NR; i < 3 * MIN_NR; i++)
		mempool_free(elements[i], pool);
	CHECK_EQ(source.nr_out, MIN_NR);
	mempool_destroy(pool);
}

static void a_pool_that_cannot_be_filled_leaves_nothing(void)
{
	memset(&source, 0, sizeof(source));
	for (unsigned nr = 0; nr < MIN_NR; nr++) {
		source.nr_allowed = nr;
		CHECK(mempool_create(MIN_NR, take_from_source, give_to_source, &source) == NULL);
		CHECK_EQ(source.nr_out, 0);
	}
}

static void resizing_keeps_the_promise(void)
{
	struct mempool *pool = make_pool();

	CHECK(mempool_resize(pool, 2 * MIN_NR));
	CHECK_EQ(mempool_nr_resting(pool), 2 * MIN_NR);
	source.nr_allowed = 3;
	CHECK(!mempool_resize(pool, 4 * MIN_NR));
	CHECK_EQ(mempool_nr_resting(pool), 2 * MIN_NR);
	CHECK_EQ(source.nr_out, 2 * MIN_NR);
	CHECK_POOL(pool);
	source.fails = true;
	for (unsigned i = 0; i < 2 * MIN_NR; i++)
		elements[i] = mempool_alloc(pool, GFP_KERNEL);
	CHECK(elements[2 * MIN_NR - 1] != NULL);
	CHECK(mempool_resize(pool, 2));
	for (unsigned i = 0; i < 2 * MIN_NR; i++)
		mempool_free(elements[i], pool);
	CHECK_EQ(mempool_nr_resting(pool), 2);
	CHECK_EQ(source.nr_out, 2);
	CHECK_POOL(pool);
	mempool_destroy(pool);
}

/* Every request for pages fails: the real allocators, by way of failures on purpose. */
static unsigned nr_of_failing_requests(struct mempool *pool, void **taken, unsigned nr)
{
	unsigned nr_got = 0;

	while (nr_got < nr) {
		mm_fail_nth(1);
		taken[nr_got] = mempool_alloc(pool, GFP_KERNEL | __GFP_NOWARN);
		if (!taken[nr_got])
			break;
		nr_got++;
	}
	mm_fail_nth(0);
	return nr_got;
}

static void pools_of_caches_kmalloc_and_pages_survive_failures(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_pool", 2 * PAGE_SIZE, 0, SLAB_PANIC,
						     NULL);
	struct mempool *pools[] = {
		mempool_create_slab_pool(MIN_NR, cache),
		mempool_create_kmalloc_pool(MIN_NR, 300 * 1024),
		mempool_create_page_pool(MIN_NR, 4),
	};

	for (unsigned i = 0; i < ARRAY_SIZE(pools); i++) {
		unsigned nr;

		CHECK(pools[i] != NULL);
		if (!pools[i])
			continue;
		nr = nr_of_failing_requests(pools[i], elements, MIN_NR);
		CHECK_EQ(nr, MIN_NR);
		CHECK_POOL(pools[i]);
		while (nr)
			mempool_free(elements[--nr], pools[i]);
		CHECK_EQ(mempool_nr_resting(pools[i]), MIN_NR);
		mempool_destroy(pools[i]);
	}
	kmem_cache_destroy(cache);
}

static void breaches_of_contract_panic(void)
{
	struct mempool *pool = make_pool();
	void *element = mempool_alloc(pool, GFP_KERNEL);

	CHECK_PANICS("min_nr > 0",
		     mempool_create(0, take_from_source, give_to_source, &source));
	CHECK_PANICS("__GFP_ZERO", mempool_alloc(pool, GFP_KERNEL | __GFP_ZERO));
	CHECK_PANICS("nr_out == 0", mempool_destroy(pool));
	mempool_free(element, pool);
	CHECK_PANICS("is_twice", mempool_free(element, pool));	/* more come back than went */
	mempool_free(NULL, pool);
	CHECK_POOL(pool);
	mempool_destroy(pool);
	mempool_destroy(NULL);
}

static void *take_nothing(gfp_t gfp, void *pool_data)
{
	(void)gfp, (void)pool_data;
	return NULL;
}

/* The reserve of @pool to @reserve: what comes back now would rest, had nobody looked at it. */
static void take_reserve(struct mempool *pool, void *reserve[MIN_NR])
{
	mempool_alloc_t alloc = pool->alloc;

	pool->alloc = take_nothing;
	for (unsigned i = 0; i < MIN_NR; i++)
		reserve[i] = mempool_alloc(pool, GFP_NOWAIT);
	pool->alloc = alloc;
	CHECK_EQ(mempool_nr_resting(pool), 0);
}

static void give_reserve(struct mempool *pool, void *reserve[MIN_NR])
{
	CHECK_EQ(mempool_nr_resting(pool), 0);
	for (unsigned i = 0; i < MIN_NR; i++)
		mempool_free(reserve[i], pool);
	CHECK_EQ(mempool_nr_resting(pool), MIN_NR);
}

/* Were they kept, two would have them, or one what is none. */
static void what_is_no_element_is_refused(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_pool", 200, 0, SLAB_PANIC, NULL);
	struct kmem_cache *other = kmem_cache_create("test_other", 200, 0, SLAB_PANIC, NULL);
	struct mempool *pool = mempool_create_slab_pool(MIN_NR, cache);
	uint8_t *element = mempool_alloc(pool, GFP_KERNEL);
	uint8_t *foreign = kmem_cache_alloc(other, GFP_KERNEL), *plain = kmalloc(200, GFP_KERNEL);
	void *reserve[MIN_NR];

	CHECK(element && foreign && plain);
	take_reserve(pool, reserve);
	CHECK_PANICS("free of an interior pointer", mempool_free(element + 8, pool));
	CHECK_PANICS("wrong cache", mempool_free(foreign, pool));
	CHECK_PANICS("wrong cache", mempool_free(plain, pool));
	CHECK_PANICS("wild free", mempool_free(&source, pool));
	kmem_cache_free(cache, element);
	CHECK_PANICS("double free", mempool_free(element, pool));
	give_reserve(pool, reserve);
	element = kmem_cache_alloc(cache, GFP_KERNEL);
	mempool_free(element, pool);
	mempool_destroy(pool);
	kmem_cache_free(other, foreign);
	kfree(plain);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(other);
}

static void what_is_not_of_kmalloc_or_of_another_size_is_refused(void)
{
	static const size_t sizes[] = { 100, 3000, 300 * 1024 };
	struct kmem_cache *other = kmem_cache_create("test_other", 112, 0, SLAB_PANIC, NULL);
	uint8_t *foreign = kmem_cache_alloc(other, GFP_KERNEL), *small = kmalloc(40, GFP_KERNEL);

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct mempool *pool = mempool_create_kmalloc_pool(MIN_NR, sizes[i]);
		uint8_t *element = mempool_alloc(pool, GFP_KERNEL);
		void *reserve[MIN_NR];

		CHECK(pool && element);
		take_reserve(pool, reserve);
		CHECK_PANICS("interior pointer", mempool_free(element + 8, pool));
		CHECK_PANICS("is no object of kmalloc of", mempool_free(foreign, pool));
		CHECK_PANICS("is no object of kmalloc of", mempool_free(small, pool));
		CHECK_PANICS("free", mempool_free(&source, pool));
		kfree(element);
		CHECK_PANICS("free", mempool_free(element, pool));
		give_reserve(pool, reserve);
		mempool_free(kmalloc(sizes[i], GFP_KERNEL), pool);
		CHECK_POOL(pool);
		mempool_destroy(pool);
	}
	kmem_cache_free(other, foreign);
	kfree(small);
	kmem_cache_destroy(other);
}

static void what_is_no_block_of_the_pools_order_is_refused(void)
{
	struct mempool *pool = mempool_create_page_pool(MIN_NR, 2);
	struct page *element = mempool_alloc(pool, GFP_KERNEL), *single = alloc_page(GFP_KERNEL);
	void *reserve[MIN_NR];

	CHECK(pool && element && single);
	take_reserve(pool, reserve);
	CHECK_PANICS("is no block of the pool's pages", mempool_free(element + 1, pool));
	CHECK_PANICS("is no block of the pool's pages", mempool_free((char *)element + 8, pool));
	CHECK_PANICS("is no block of the pool's pages", mempool_free(single, pool));
	CHECK_PANICS("is no block of the pool's pages", mempool_free(&source, pool));
	__free_pages(element, 2);
	CHECK_PANICS("is no block of the pool's pages", mempool_free(element, pool));
	give_reserve(pool, reserve);
	mempool_free(alloc_pages(GFP_KERNEL, 2), pool);
	mempool_destroy(pool);
	__free_page(single);
}

/* Who had it before kept the address, and freed it there. */
static void what_was_freed_while_it_rested_is_not_handed_out(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_pool", 200, 0, SLAB_PANIC, NULL);
	struct mempool *pool = mempool_create_slab_pool(1, cache);
	void *element = pool->resting[0];

	kmem_cache_free(cache, element);
	pool->alloc = take_nothing;
	CHECK_PANICS("double free", mempool_alloc(pool, GFP_NOWAIT));
	pool->nr_out = 0;
	pool->nr_resting = 0;
	mempool_destroy(pool);
	kmem_cache_destroy(cache);
}

static bool breaks(struct mempool *pool, const char *rule)
{
	struct violation violation = { .rule = "none" };

	return !mempool_verify(pool, &violation) && strcmp(violation.rule, rule) == 0;
}

static void verify_notices_MEMPOOL_1(void)
{
	struct mempool *pool = make_pool();

	pool->nr_resting--;
	CHECK(breaks(pool, "MEMPOOL-1"));
	pool->nr_resting++;
	pool->min_nr--;
	CHECK(breaks(pool, "MEMPOOL-1"));
	pool->min_nr++;
	CHECK_POOL(pool);
	mempool_destroy(pool);
}

static void verify_notices_MEMPOOL_2(void)
{
	struct mempool *pool = make_pool();
	void *kept = pool->resting[1];

	pool->resting[1] = pool->resting[4];
	CHECK(breaks(pool, "MEMPOOL-2"));
	pool->resting[1] = kept;
	CHECK_POOL(pool);
	mempool_destroy(pool);
}

static const struct test_case cases[] = {
	{ "the reserve serves min_nr when nothing else does",
	  the_reserve_serves_min_nr_when_nothing_else_does },
	{ "new elements come first, and the reserve is filled first",
	  new_elements_come_first_and_the_reserve_is_filled_first },
	{ "a pool that cannot be filled leaves nothing",
	  a_pool_that_cannot_be_filled_leaves_nothing },
	{ "resizing keeps the promise", resizing_keeps_the_promise },
	{ "pools of caches, kmalloc and pages survive failures",
	  pools_of_caches_kmalloc_and_pages_survive_failures },
	{ "breaches of contract panic", breaches_of_contract_panic },
	{ "what is no element is refused", what_is_no_element_is_refused },
	{ "what is not of kmalloc or of another size is refused",
	  what_is_not_of_kmalloc_or_of_another_size_is_refused },
	{ "what is no block of the pool's order is refused",
	  what_is_no_block_of_the_pools_order_is_refused },
	{ "what was freed while it rested is not handed out",
	  what_was_freed_while_it_rested_is_not_handed_out },
	{ "verify notices MEMPOOL-1", verify_notices_MEMPOOL_1 },
	{ "verify notices MEMPOOL-2", verify_notices_MEMPOOL_2 },
};

TEST_SUITE(mempool, cases);
