/*
 * Two CPUs free one object in the same instant: every order of their steps.
 *
 * A free is three steps: look at the state byte, or claim it; store it, if that is a step of
 * its own; push. Six steps of two CPUs have 20 orders, and each is run. The steps are the
 * allocator's own (slab_claim_state()), or those of a free that looks and then stores, to
 * show that the test can tell.
 */

#include "mm/kmalloc.h"
#include "tests/test.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/slab/room.h"

#define NR_STEPS	3u
#define NR_INTERLEAVINGS	20u	/* of 6 over 3 */

/* One CPU on its way through a free of the object. */
struct freeing {
	uint8_t *state;
	unsigned nr_done;
	bool may_push;		/* it found an allocated object */
	unsigned nr_pushed;
};

static void step_claiming(struct freeing *freeing)
{
	if (freeing->nr_done == 0)
		freeing->may_push = slab_claim_state(freeing->state);
	else if (freeing->nr_done == 2 && freeing->may_push)
		freeing->nr_pushed++;
	freeing->nr_done++;
}

static void step_looking(struct freeing *freeing)
{
	if (freeing->nr_done == 0)
		freeing->may_push = *freeing->state == 0;
	else if (freeing->nr_done == 1 && freeing->may_push)
		*freeing->state = 1;
	else if (freeing->may_push)
		freeing->nr_pushed++;
	freeing->nr_done++;
}

/* The steps of @order: bit i says which CPU takes step i. How often the object rests then. */
static unsigned run_order(unsigned order, void (*step)(struct freeing *freeing))
{
	uint8_t state = 0;
	struct freeing cpus[2] = { { .state = &state }, { .state = &state } };

	for (unsigned i = 0; i < 2 * NR_STEPS; i++)
		step(&cpus[order >> i & 1]);
	CHECK_EQ(cpus[0].nr_done, NR_STEPS);
	CHECK_EQ(cpus[1].nr_done, NR_STEPS);
	CHECK_EQ(state, 1);
	return cpus[0].nr_pushed + cpus[1].nr_pushed;
}

/* The CPU whose bits are 1 takes as many steps as the other. */
static bool is_fair(unsigned order)
{
	unsigned nr = 0;

	for (; order; order &= order - 1)
		nr++;
	return nr == NR_STEPS;
}

/* In how many of all orders the object does not rest exactly once. */
static unsigned nr_bad_orders(void (*step)(struct freeing *freeing))
{
	unsigned nr_orders = 0, nr_bad = 0;

	for (unsigned order = 0; order < 1u << 2 * NR_STEPS; order++) {
		if (!is_fair(order))
			continue;
		nr_orders++;
		nr_bad += run_order(order, step) != 1;
	}
	CHECK_EQ(nr_orders, NR_INTERLEAVINGS);
	return nr_bad;
}

static void one_of_two_frees_has_the_object_in_every_order(void)
{
	CHECK_EQ(nr_bad_orders(step_claiming), 0);
	CHECK(nr_bad_orders(step_looking) > 0);
}

static uint8_t *state_of(const struct kmem_cache *cache, const void *object)
{
	struct slab *slab = page_slab(virt_to_page(object));

	return slab->bufctl + slab_index(cache, slab, object);
}

/* Another CPU has claimed the object, and is about to push it: this one's free is the second. */
static void the_slower_of_two_frees_is_told(void)
{
	struct kmem_cache *cache = create_plain("test_slower", 64, 0, SLAB_PANIC, NULL);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	uint8_t *state = state_of(cache, object);

	CHECK(slab_claim_state(state));
	CHECK_PANICS("double free", kmem_cache_free(cache, object));
	CHECK_PANICS("double free", kfree(object));
	CHECK_PANICS("double free", kmem_cache_free_bulk(cache, 1, &object));
	CHECK_EQ(*state, 1);
	slab_give_one(cache, object, state);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void a_refused_claim_changes_nothing(void)
{
	uint8_t state = 77;

	CHECK(!slab_claim_state(&state));
	CHECK_EQ(state, 77);
}

/* Bookkeeping that is wrong for another reason: one object went to its slab twice. */
static void a_slab_that_counts_wrong_keeps_its_pages(void)
{
	struct kmem_cache *cache = create_plain("test_miscounted", 2048, 0, SLAB_PANIC, NULL);
	void *live = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = page_slab(virt_to_page(live));
	struct page *page = virt_to_page(slab_start(cache, slab));
	struct violation violation;

	kmem_cache_shrink(cache);	/* all else goes to the slab */
	CHECK_EQ(slab->nr_free, cache->layout.nr_objects - 1u);
	slab->nr_free++;
	CHECK(!cache_verify(cache, &violation));
	slab->nr_free--;
	CHECK_CACHE(cache);
	CHECK(!slab_is_unused(&cache->layout, slab));
	CHECK_PANICS("counts as empty", {
		struct list_head slabs;

		spin_lock(&cache_node_lookup(cache, slab->nid)->lock);
		list_init(&slabs);
		list_move(&slab->list, &slabs);
		spin_unlock(&cache_node_lookup(cache, slab->nid)->lock);
		slabs_destroy(cache, &slabs);
	});
	CHECK_EQ(page->type, PAGE_SLAB);
	CHECK(page_slab(page) == slab);
	abandon(cache);
}

static const struct test_case cases[] = {
	{ "one of two frees has the object in every order",
	  one_of_two_frees_has_the_object_in_every_order },
	{ "the slower of two frees is told", the_slower_of_two_frees_is_told },
	{ "a refused claim changes nothing", a_refused_claim_changes_nothing },
	{ "a slab that counts wrong keeps its pages", a_slab_that_counts_wrong_keeps_its_pages },
};

TEST_SUITE(slab_twice, cases);
