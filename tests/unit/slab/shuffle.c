/* SLAB_SHUFFLE: free lists in a random order that the seed alone decides. */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page.h"
#include "tests/unit/slab/room.h"
#include "tests/test.h"
#include "tests/unit/slab/plain_cache.h"

#define NARROW_BYTES	64u
#define WIDE_BYTES	8u
#define WIDE_ORDER	3u
#define NR_WIDE		300u

/* The order in which the objects of a new slab come. */
struct order {
	unsigned nr;
	uint16_t index[NR_WIDE];
};

/* What the layout would be if red zones and tails left room for so many objects. */
static void widen(struct kmem_cache *cache)
{
	struct slab_layout *layout = &cache->layout;
	uint32_t descriptor = (uint32_t)align_up(sizeof(struct slab) + 2 * NR_WIDE, 8);

	layout->order = WIDE_ORDER;
	layout->place = ON_SLAB;
	layout->is_wide = true;
	layout->nr_objects = NR_WIDE;
	layout->descriptor_bytes = descriptor;
	layout->objects_offset = (uint32_t)align_up(2 * sizeof(uint64_t) + descriptor,
						    cache->align);
	layout->nr_colours = 1;
	cache->nr_objects = NR_WIDE;
	CHECK(layout->objects_offset + (uint64_t)NR_WIDE * layout->stride_bytes <=
	      slab_bytes(cache));
}

static struct kmem_cache *create(bool is_wide, slab_flags_t flags)
{
	struct kmem_cache *cache = create_plain("test_shuffle", is_wide ? WIDE_BYTES : NARROW_BYTES,
						0, flags | SLAB_PANIC, NULL);

	if (is_wide)
		widen(cache);
	CHECK(cache->layout.nr_objects >= 16);
	return cache;
}

/* Fills @order from a slab that is new, and checks that each object is in it once. */
static void read_order(struct kmem_cache *cache, struct order *order)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
	struct slab *slab = page_slab(virt_to_page(object));
	bool is_seen[NR_WIDE] = { false };
	unsigned index = (unsigned)slab_index(cache, slab, object);

	order->nr = 0;
	while (order->nr < cache->layout.nr_objects) {
		CHECK(index < cache->layout.nr_objects);
		if (index >= cache->layout.nr_objects || is_seen[index])
			break;
		is_seen[index] = true;
		order->index[order->nr] = (uint16_t)index;
		index = order->nr++ == 0 ? slab->first_free : slab_next_free(cache, slab, index);
	}
	CHECK_EQ(order->nr, cache->layout.nr_objects);
	CHECK_EQ(slab->nr_free, cache->layout.nr_objects - 1);
	kmem_cache_free(cache, object);
}

static struct order order_for_seed(bool is_wide, slab_flags_t flags, uint64_t seed)
{
	uint64_t kept = slab_system.seed;
	struct kmem_cache *cache = create(is_wide, flags);
	struct order order;

	slab_set_seed(seed);
	read_order(cache, &order);
	CHECK_EQ(validate_slab_cache(cache), 0);
	kmem_cache_destroy(cache);
	slab_set_seed(kept);
	return order;
}

static bool is_same(const struct order *a, const struct order *b)
{
	return a->nr == b->nr && memcmp(a->index, b->index, a->nr * sizeof(a->index[0])) == 0;
}

static void check_seeds_decide(bool is_wide)
{
	uint64_t seed = test_random();
	struct order first = order_for_seed(is_wide, SLAB_SHUFFLE, seed);
	struct order again = order_for_seed(is_wide, SLAB_SHUFFLE, seed);
	struct order other = order_for_seed(is_wide, SLAB_SHUFFLE, seed ^ 0x5a5a0000a5a5ull);
	struct order plain = order_for_seed(is_wide, SLAB_STORE_USER, seed);

	CHECK(is_same(&first, &again));
	CHECK(!is_same(&first, &other));
	CHECK(!is_same(&first, &plain));
	for (unsigned i = 0; i < plain.nr; i++)
		CHECK_EQ(plain.index[i], i);
}

static void seeds_decide_the_order(void)
{
	check_seeds_decide(false);
}

static void seeds_decide_the_order_of_wide_entries(void)
{
	check_seeds_decide(true);
}

/* Out of 299 neighbours the cycle keeps about one; an order kept in part would have many. */
static void no_part_of_a_wide_order_is_kept(void)
{
	struct order order = order_for_seed(true, SLAB_SHUFFLE, test_random());
	unsigned nr_neighbours = 0;

	for (unsigned i = 1; i < order.nr; i++)
		nr_neighbours += order.index[i] == order.index[i - 1] + 1;
	CHECK(nr_neighbours < 15);
}

/* Objects come and go at random: the list stays whole. */
static void shuffled_wide_slabs_live_on(void)
{
	struct kmem_cache *cache = create(true, SLAB_SHUFFLE | SLAB_POISON | SLAB_RED_ZONE);
	static void *objects[2 * NR_WIDE];

	for (unsigned turn = 0; turn < 8 * NR_WIDE; turn++) {
		void **slot = &objects[test_random_below(ARRAY_SIZE(objects))];

		if (*slot)
			kmem_cache_free(cache, *slot);
		*slot = *slot ? NULL : kmem_cache_alloc(cache, GFP_KERNEL);
	}
	CHECK_EQ(validate_slab_cache(cache), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
		kmem_cache_free(cache, objects[i]);
		objects[i] = NULL;
	}
	CHECK_EQ(validate_slab_cache(cache), 0);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "seeds decide the order", seeds_decide_the_order },
	{ "seeds decide the order of wide entries", seeds_decide_the_order_of_wide_entries },
	{ "no part of a wide order is kept", no_part_of_a_wide_order_is_kept },
	{ "shuffled wide slabs live on", shuffled_wide_slabs_live_on },
};

TEST_SUITE(slab_shuffle, cases);
