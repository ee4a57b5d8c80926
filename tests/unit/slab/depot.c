/*
 * Magazines: how they change hands between a CPU, its own depot, the node's and the
 * slabs. Where a case wants another CPU it puts this one's array in that CPU's place.
 */

#include "tests/unit/slab/room.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "tests/abandoned.h"
#include "tests/test.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/starve.h"

#define NR_OBJECTS	2000u

static void *objects[NR_OBJECTS];

static struct kmem_cache *make(const char *name, size_t bytes)
{
	return create_plain(name, bytes, 0, SLAB_PANIC, NULL);
}

static void fill(struct kmem_cache *cache, unsigned nr)
{
	CHECK(nr <= NR_OBJECTS);
	for (unsigned i = 0; i < nr; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		CHECK(objects[i] != NULL);
	}
}

static void release(struct kmem_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		kmem_cache_free(cache, objects[i]);
}

/* This CPU's; it has one once it has allocated. */
static struct cpu_array *own_array(struct kmem_cache *cache)
{
	CHECK(cache->cpu[mm_port_cpu()] != &slab_no_array);
	return cache->cpu[mm_port_cpu()];
}

static struct cache_node *own_node(struct kmem_cache *cache)
{
	return cache_node_lookup(cache, own_array(cache)->nid);
}

/* ---- Sizes ---- */

static void magazines_leave_nothing_of_their_slabs(void)
{
	static const unsigned nr_slots[NR_MAGAZINE_SIZES] = { 3, 63, 127 };

	for (unsigned i = 0; i < NR_MAGAZINE_SIZES; i++) {
		size_t bytes = sizeof(struct magazine) + nr_slots[i] * sizeof(struct slab_slot);

		CHECK_EQ(magazine_size_index(nr_slots[i]), i);
		CHECK_EQ(magazine_bytes(i), bytes);
		CHECK(is_power_of_two(bytes));
	}
	CHECK_PANICS("== nr_slots", magazine_size_index(30));
}

/* It is where a CPU without an array looks for an object, and for room. */
static void nobodys_array_is_one_slot_that_stays_empty(void)
{
	CHECK(slab_no_array.top - 1 == slab_no_array.end);
	CHECK(!slab_no_array.end->object);
}

/* ---- Between CPU and node ---- */

static void full_magazines_change_hands_whole(void)
{
	struct kmem_cache *cache = make("test_depot", 128);
	const unsigned nr = 4u * cache->magazine_slots;
	uint64_t nr_in_slabs;
	struct depot *depot;

	fill(cache, nr);
	depot = &own_node(cache)->depot;
	nr_in_slabs = own_node(cache)->nr_free_objects;
	CHECK_EQ(depot->nr_full, 0);
	release(cache, nr);
	/* Two rest with the CPU, the one loaded when it began among them. */
	CHECK(depot->nr_full == 2 || depot->nr_full == 3);
	CHECK_EQ(own_array(cache)->own.nr_full, 1);
	CHECK_EQ(own_node(cache)->nr_free_objects, nr_in_slabs);
	CHECK_CACHE(cache);
	fill(cache, nr);
	CHECK_EQ(depot->nr_full, 0);
	CHECK(depot->nr_empty >= 2);
	CHECK_EQ(own_node(cache)->nr_free_objects, nr_in_slabs);
	CHECK(!own_node(cache)->alien);		/* not by way of arrays for other nodes */
	release(cache, nr);
	kmem_cache_shrink(cache);
	CHECK_EQ(depot->nr_full, 0);
	CHECK_EQ(depot->nr_empty, 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void a_load_of_one_magazine_stays_with_the_cpu(void)
{
	struct kmem_cache *cache = make("test_swap", 128);
	const unsigned slots = cache->magazine_slots;
	struct cache_node *node;

	/* Two more than a magazine, so that each round leaves the loaded one twice. */
	fill(cache, slots + 2);
	node = own_node(cache);
	for (unsigned round = 0; round < 5; round++) {
		release(cache, slots + 2);
		CHECK_EQ(own_array(cache)->own.nr_full, 1);
		fill(cache, slots + 2);
	}
	CHECK_EQ(own_array(cache)->max_full, 1);
	CHECK(!own_array(cache)->has_given);
	CHECK_EQ(node->depot.nr_full + node->depot.nr_empty, 0);
	CHECK_CACHE(cache);
	release(cache, slots + 2);
	kmem_cache_destroy(cache);
}

static void a_depot_beyond_its_bound_spills_into_slabs(void)
{
	struct kmem_cache *cache = make("test_spill", 1024);
	struct cache_node *node;

	cache->max_kept_objects = 4u * cache->magazine_slots;
	fill(cache, NR_OBJECTS);
	node = own_node(cache);
	CHECK(node->max_free_objects < NR_OBJECTS / 2);
	release(cache, NR_OBJECTS);
	CHECK(node->depot.nr_full > 0);
	CHECK(depot_objects(cache, &node->depot) <= node->max_free_objects);
	CHECK(depot_objects(cache, &node->depot) + cache->magazine_slots >
	      node->max_free_objects);
	CHECK(node->depot.nr_empty > 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* Without memory for an empty magazine the objects of the full one go to their slabs. */
static void a_free_needs_no_memory(void)
{
	struct kmem_cache *cache = make("test_no_empty", 128);
	const unsigned nr = 4u * cache->magazine_slots;

	fill(cache, nr);
	for (uint64_t nth = 1; nth <= 3; nth++) {
		slab_shrink(UINT64_MAX);	/* the magazines' own slabs too */
		mm_fail_nth(nth);
		release(cache, nr);
		mm_fail_nth(0);
		CHECK_CACHE(cache);
		fill(cache, nr);
	}
	release(cache, nr);
	kmem_cache_destroy(cache);
}

/* Objects that only full magazines hold still serve whoever takes them one by one. */
static void the_depot_is_emptied_before_a_slab_is_made(void)
{
	struct kmem_cache *cache = make("test_depot_last", 128);
	const unsigned nr = 4u * cache->magazine_slots;
	uint32_t nr_full, nr_empty;
	struct cache_node *node;
	uint64_t nr_slabs;
	struct slab_slot slot;
	uint8_t *state;

	fill(cache, nr);
	node = own_node(cache);
	while (node->nr_free_objects)
		CHECK(slab_take_one(cache, GFP_KERNEL, node->nid, &state) != NULL);
	release(cache, nr);
	CHECK(node->depot.nr_full > 0);
	nr_slabs = node->nr_slabs;
	nr_full = node->depot.nr_full;
	nr_empty = node->depot.nr_empty;
	slot = depot_take_slot(cache, GFP_KERNEL, node->nid);
	CHECK(slot.object != NULL);
	CHECK_EQ(node->nr_slabs, nr_slabs);
	CHECK_EQ(node->depot.nr_full, nr_full - 1);
	CHECK_EQ(node->depot.nr_empty, nr_empty + 1);
	slab_give_one(cache, slot.object, slot.state);
	CHECK_CACHE(cache);
	abandon(cache);
}

/* ---- Without memory ---- */

static void a_full_magazine_without_an_empty_one_is_emptied(void)
{
	struct kmem_cache *cache = make("test_no_magazine", 128);
	const unsigned slots = cache->magazine_slots, nr = 3u * slots;
	struct famine famine;
	uint64_t nr_free;

	fill(cache, nr);
	CHECK_EQ(own_node(cache)->depot.nr_empty + own_array(cache)->own.nr_empty, 0);
	nr_free = own_node(cache)->nr_free_objects + cpu_array_count(cache, own_array(cache));
	famine = starve(cache->magazines);
	release(cache, nr);
	famine_end(&famine);
	CHECK_EQ(own_array(cache)->own.nr_full, 0);
	CHECK_EQ(own_node(cache)->depot.nr_full, 0);
	CHECK(cpu_array_count(cache, own_array(cache)) <= slots);
	CHECK_EQ(own_node(cache)->nr_free_objects + cpu_array_count(cache, own_array(cache)),
		 nr_free + nr);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* Where its arrays come from. */
static struct kmem_cache *cache_of_arrays(struct kmem_cache *cache)
{
	return page_cache(virt_to_page(own_array(cache)));
}

/* A CPU whose array has no memory, or no magazine, is served from the slabs until it has. */
static void check_without_array(struct kmem_cache *starving, struct kmem_cache *arrays)
{
	struct kmem_cache *cache = make("test_no_array", 128);
	struct famine famine = starve(starving);
	uint64_t nr_arrays = slab_usage(arrays).nr_active;
	struct cache_node *node;

	fill(cache, 2);
	CHECK(cache->cpu[mm_port_cpu()] == &slab_no_array);
	CHECK_EQ(slab_usage(arrays).nr_active, nr_arrays);
	node = cache_node_lookup(cache, page_slab(virt_to_page(objects[0]))->nid);
	CHECK_EQ(node->nr_free_objects, cache->nr_objects - 2);
	release(cache, 2);
	CHECK_EQ(node->nr_free_objects, cache->nr_objects);
	CHECK_CACHE(cache);
	famine_end(&famine);
	fill(cache, 2);
	CHECK(cpu_array_count(cache, own_array(cache)) > 0);
	release(cache, 2);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void a_cpu_without_memory_for_its_array_is_served_from_slabs(void)
{
	struct kmem_cache *cache = make("test_has_array", 128);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	check_without_array(cache_of_arrays(cache), cache_of_arrays(cache));
	check_without_array(cache->magazines, cache_of_arrays(cache));
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static void a_cache_without_memory_for_its_node_has_no_objects(void)
{
	struct kmem_cache *cache = make("test_no_node", 128);
	struct famine famine = starve(node_cache);

	CHECK(!kmem_cache_alloc(cache, GFP_KERNEL));
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	CHECK(cache->cpu[mm_port_cpu()] == &slab_no_array);
	famine_end(&famine);
	fill(cache, 1);
	release(cache, 1);
	kmem_cache_destroy(cache);
}

/* Objects in all places where they may rest, and all that holds them. */
static void use_and_destroy(void)
{
	struct kmem_cache *cache = make("test_rise_and_fall", 128);
	struct depot *depot;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		kmem_cache_free(cache, kmem_cache_alloc_node(cache, GFP_KERNEL, nid));
	cache->max_kept_objects = 4u * cache->magazine_slots;
	fill(cache, NR_OBJECTS);
	release(cache, NR_OBJECTS);
	depot = &own_node(cache)->depot;
	CHECK(depot->nr_full > 0 && depot->nr_empty > 0);
	CHECK_EQ(own_array(cache)->own.nr_full, 1);
	kmem_cache_destroy(cache);
}

static uint64_t nr_active_after_shrinking(void)
{
	slab_shrink(UINT64_MAX);
	return slab_usage(NULL).nr_active;
}

/* Nodes and arrays and magazines too: they are objects of caches that stay. */
static void a_destroyed_cache_leaves_nothing_behind(void)
{
	uint64_t nr_active;

	use_and_destroy();	/* those caches too have their nodes now */
	nr_active = nr_active_after_shrinking();
	use_and_destroy();
	CHECK_EQ(nr_active_after_shrinking(), nr_active);
}

/* ---- What a CPU keeps ---- */

static void a_cpu_keeps_what_it_needs_back(void)
{
	struct kmem_cache *cache = make("test_keep", 128);
	const unsigned nr = 12u * cache->magazine_slots;
	unsigned max_full = 1, nr_rounds = 0;
	const struct cache_node *node;
	struct cpu_array *array;

	fill(cache, nr);
	array = own_array(cache);
	node = own_node(cache);
	CHECK_EQ(array->max_full, 1);
	do {
		release(cache, nr);
		CHECK_EQ(array->own.nr_full, array->max_full);
		CHECK(array->has_given);
		fill(cache, nr);
		/* Once a round, up to what the node may. */
		CHECK_EQ(array->max_full, min_u64(2 * max_full, node_max_full(cache, node)));
		CHECK(!array->has_given);
		CHECK_CACHE(cache);
		max_full = array->max_full;
	} while (max_full < 12 && ++nr_rounds < 10);
	/* From now on nothing passes through the node's depot. */
	release(cache, nr);
	CHECK(!array->has_given);
	CHECK_EQ(own_node(cache)->depot.nr_full, 0);
	CHECK(array->own.nr_full >= 11);
	fill(cache, nr);
	CHECK_EQ(array->max_full, max_full);
	CHECK_CACHE(cache);
	release(cache, nr);
	kmem_cache_destroy(cache);
}

static void a_cpu_keeps_no_more_than_its_node_may(void)
{
	struct kmem_cache *cache = make("test_keep_bound", 128);
	const unsigned slots = cache->magazine_slots, nr = 12u * slots;
	struct cache_node *node;
	uint64_t kept;

	cache->max_kept_objects = 4u * cache->magazine_slots;
	fill(cache, nr);
	node = own_node(cache);
	for (unsigned round = 0; round < 6; round++) {
		release(cache, nr);
		fill(cache, nr);
		CHECK(own_array(cache)->max_full <= node->max_free_objects / slots);
	}
	CHECK_EQ(own_array(cache)->max_full, node->max_free_objects / slots);
	/* Nor less than it has, however little that is. */
	release(cache, nr);
	CHECK(own_array(cache)->has_given);
	kept = node->max_free_objects;
	node->max_free_objects = 0;
	fill(cache, nr);
	CHECK(!own_array(cache)->has_given);
	CHECK_CACHE(cache);
	release(cache, nr);
	node->max_free_objects += kept;		/* it may have grown */
	kmem_cache_destroy(cache);
}

/* What one CPU only frees and another only allocates stays with neither. */
static void a_cpu_that_only_frees_keeps_one(void)
{
	struct kmem_cache *cache = make("test_one_way", 128);
	const unsigned nr = 8u * cache->magazine_slots;
	const gfp_t gfp = GFP_KERNEL;
	struct cpu_array *array;
	struct cache_node *node;
	uint8_t *state;

	fill(cache, nr);
	array = own_array(cache);
	node = own_node(cache);
	for (unsigned round = 0; round < 4; round++) {
		release(cache, nr);
		CHECK(array->own.nr_full <= 1);
		CHECK_EQ(array->max_full, 1);
		/* The other way to take objects, past this CPU's array. */
		for (unsigned i = 0; i < nr; i++)
			objects[i] = slab_take_one(cache, gfp, node->nid, &state);
	}
	CHECK_CACHE(cache);
	release(cache, nr);
	kmem_cache_destroy(cache);
}

/* What a CPU has in reserve is not lost when it does nothing any more. */
static void shrinking_takes_the_reserve_of_idle_cpus(void)
{
	struct kmem_cache *cache = make("test_idle", 128);
	const unsigned slots = cache->magazine_slots, nr = 6u * slots, cpu = mm_port_cpu();
	const unsigned idle = (cpu + 1) % slab_system.nr_cpus;
	struct cpu_array *array;

	if (idle == cpu) {
		kmem_cache_destroy(cache);
		SKIP("there is one CPU");
	}
	for (unsigned round = 0; round < 4; round++) {
		fill(cache, nr);
		release(cache, nr);
	}
	array = own_array(cache);
	CHECK(array->own.nr_full > 1);
	cache->cpu[idle] = array;
	cache->cpu[cpu] = &slab_no_array;
	CHECK(kmem_cache_shrink(cache) > 0);
	CHECK_EQ(array->own.nr_full + array->own.nr_empty, 0);
	CHECK(array->is_drain_asked);
	CHECK(cpu_array_count(cache, array) <= slots);
	CHECK_CACHE(cache);
	/* It works again, and does as it was asked: by then it keeps one. */
	cache->cpu[cpu] = array;
	cache->cpu[idle] = &slab_no_array;
	CHECK(array->max_full > 1);
	fill(cache, nr);
	CHECK(!array->is_drain_asked);
	CHECK_EQ(array->max_full, 1);
	release(cache, nr);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void shrinking_asks_no_cpu_that_has_nothing(void)
{
	struct kmem_cache *cache = make("test_asked", 128);

	fill(cache, 1);
	release(cache, 1);
	kmem_cache_shrink(cache);
	CHECK(!own_array(cache)->is_drain_asked);	/* that is empty already */
	CHECK(!slab_no_array.is_drain_asked);
	kmem_cache_destroy(cache);
}

/* A free is the next chance as well as an allocation. */
static void a_full_array_does_as_it_was_asked(void)
{
	struct kmem_cache *cache = make("test_asked", 128);
	const unsigned nr = 2u * cache->magazine_slots;
	struct cpu_array *array;
	unsigned nr_freed = 0;

	fill(cache, nr);
	array = own_array(cache);
	while (array->top < array->end)
		kmem_cache_free(cache, objects[nr_freed++]);
	array->is_drain_asked = true;
	kmem_cache_free(cache, objects[nr_freed++]);
	CHECK(!array->is_drain_asked);
	CHECK_EQ(cpu_array_count(cache, array), 1);
	CHECK_CACHE(cache);
	while (nr_freed < nr)
		kmem_cache_free(cache, objects[nr_freed++]);
	kmem_cache_destroy(cache);
}

/* Only what it finds again shows that it kept too few. */
static void a_cpu_does_not_keep_more_for_what_others_took(void)
{
	struct kmem_cache *cache = make("test_taken", 128);
	const unsigned nr = 6u * cache->magazine_slots;
	struct cache_node *node;

	fill(cache, nr);
	node = own_node(cache);
	release(cache, nr);
	CHECK(own_array(cache)->has_given);
	depot_drain(cache, node, &node->depot);
	fill(cache, nr);
	CHECK_EQ(own_array(cache)->max_full, 1);
	CHECK(own_array(cache)->has_given);
	release(cache, nr);
	kmem_cache_destroy(cache);
}

static void draining_leaves_a_cpu_as_it_began(void)
{
	struct kmem_cache *cache = make("test_drain", 128);
	const unsigned nr = 6u * cache->magazine_slots;
	struct cpu_array *array;

	for (unsigned round = 0; round < 3; round++) {
		fill(cache, nr);
		release(cache, nr);
	}
	array = own_array(cache);
	CHECK(array->max_full > 1);
	CHECK(array->has_given);
	slab_drain_cpu();
	CHECK_EQ(cpu_array_count(cache, array), 0);
	CHECK_EQ(array->own.nr_empty, 0);
	CHECK_EQ(array->max_full, 1);
	CHECK(!array->has_given);
	CHECK(own_node(cache)->depot.nr_full > 0);	/* that is the node's */
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* Two CPUs write their arrays with every operation: in one line each would wait for the other. */
static void no_two_arrays_share_a_line(void)
{
	struct kmem_cache *one = make("test_line1", 64), *other = make("test_line2", 64);

	kmem_cache_free(one, kmem_cache_alloc(one, GFP_KERNEL));
	kmem_cache_free(other, kmem_cache_alloc(other, GFP_KERNEL));
	CHECK(is_aligned((uintptr_t)own_array(one), CACHE_LINE_BYTES));
	CHECK(is_aligned((uintptr_t)own_array(other), CACHE_LINE_BYTES));
	CHECK(is_aligned((uintptr_t)cpu_array_loaded(one, own_array(one)), CACHE_LINE_BYTES));
	CHECK(is_aligned((uintptr_t)own_node(one), CACHE_LINE_BYTES));
	kmem_cache_destroy(one);
	kmem_cache_destroy(other);
}

static void a_depot_counts_no_further_than_it_can(void)
{
	struct kmem_cache *cache = make("test_many", 128);
	struct magazine *empty;
	uint64_t nr_magazines;
	struct depot *depot;

	fill(cache, 1);
	depot = &own_node(cache)->depot;
	empty = magazine_make(cache, own_node(cache)->nid);
	CHECK(empty != NULL);
	nr_magazines = slab_usage(cache->magazines).nr_active;
	depot->nr_empty = UINT16_MAX;
	depot_put_empty(depot, empty);
	CHECK_EQ(depot->nr_empty, UINT16_MAX);
	CHECK(!depot->empty);
	CHECK_EQ(slab_usage(cache->magazines).nr_active, nr_magazines - 1);
	depot->nr_empty = 0;
	CHECK_CACHE(cache);
	release(cache, 1);
	kmem_cache_destroy(cache);
}

/* ---- Arrays of kmalloc's caches ---- */

static void a_cpu_begins_with_arrays_that_are_none(void)
{
	static struct cpu_array data[1 + NR_KMALLOC_ARRAYS + 1];
	struct cpu_array *const begin = &data[1];
	const struct cpu_array *const end = begin + NR_KMALLOC_ARRAYS;

	memset(data, 1, sizeof(data));
	slab_init_cpu(begin);
	for (const struct cpu_array *array = begin; array < end; array++) {
		CHECK(!array->top[-1].object);
		CHECK(array->top >= array->end);
		CHECK_EQ(array->nr_objects, 0);
	}
	CHECK_EQ(begin[-1].nr_objects, 0x0101010101010101u);
	CHECK_EQ(end->nr_objects, 0x0101010101010101u);
}

/* Of no debug cache, which have none. */
static bool has_arrays(const struct kmem_cache *cache)
{
	return cache->magazine_slots != 0;
}

static void kmalloc_finds_its_arrays_without_a_cache(void)
{
	for (unsigned class = 0; class < NR_KMALLOC_CLASSES; class++) {
		struct kmem_cache *cache = kmalloc_caches[KMALLOC_NORMAL][class];
		struct cpu_array *array = kmalloc_array_at(cache->array_index);
		void *object = kmalloc(kmalloc_class_bytes(class), GFP_KERNEL | __GFP_NO_GUARD);

		CHECK_EQ(cache->array_index, kmalloc_array_index(KMALLOC_NORMAL, class));
		CHECK(page_cache(virt_to_page(object)) == cache);
		CHECK_EQ(virt_to_page(object)->array_index, cache->array_index);
		if (has_arrays(cache))
			CHECK(own_array(cache) == array);
		else
			CHECK_EQ(array->nr_objects, 0);
		kfree(object);
		if (has_arrays(cache))
			CHECK(array->top[-1].object == object);
	}
}

static void objects_of_every_kind_go_back_to_their_caches(void)
{
	static const gfp_t gfps[NR_KMALLOC_TYPES] = {
		[KMALLOC_NORMAL] = GFP_KERNEL,
		[KMALLOC_RECLAIM] = GFP_KERNEL | __GFP_RECLAIMABLE,
		[KMALLOC_DMA] = GFP_KERNEL | __GFP_DMA,
	};

	for (unsigned type = 0; type < NR_KMALLOC_TYPES; type++) {
		struct kmem_cache *cache = kmalloc_caches[type][kmalloc_class(320)];
		uint64_t nr_active = slab_usage(cache).nr_active;
		void *object = kmalloc(320, gfps[type]);

		CHECK(object != NULL);
		CHECK(page_cache(virt_to_page(object)) == cache);
		CHECK_EQ(slab_usage(cache).nr_active, nr_active + 1);
		kfree(object);
		CHECK_EQ(slab_usage(cache).nr_active, nr_active);
		CHECK_CACHE(cache);
	}
}

static void caches_of_kmalloc_stay(void)
{
	CHECK_PANICS("array_index", kmem_cache_destroy(kmalloc_caches[KMALLOC_DMA][0]));
	CHECK_CACHE(kmalloc_caches[KMALLOC_DMA][0]);
}

/* As in Linux, kfree() takes objects of any cache: one whose array it does not find, too. */
static void kfree_takes_objects_of_any_cache(void)
{
	struct kmem_cache *cache = make("test_kfree", 64);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK_EQ(virt_to_page(object)->array_index, KMALLOC_NO_ARRAY);
	CHECK_EQ(kmalloc_array_at(KMALLOC_NO_ARRAY)->nr_objects, 0);
	kfree(object);
	CHECK(own_array(cache)->top[-1].object == object);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void pages_of_slabs_lead_to_no_array_afterwards(void)
{
	struct kmem_cache *cache = make("test_owner", 1024);
	const uint64_t nr_pages = pages_in(cache->layout.order);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	const struct page *first =
		virt_to_page(slab_start(cache, page_slab(virt_to_page(object))));

	for (uint64_t i = 0; i < nr_pages; i++)
		CHECK_EQ(first[i].array_index, KMALLOC_NO_ARRAY);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	for (uint64_t i = 0; i < nr_pages; i++) {
		CHECK(first[i].type != PAGE_SLAB);
		CHECK_EQ(first[i].array_index, 0);
	}
}

/* ---- The verifier ---- */

static void verify_notices_ARRAY_1_and_ARRAY_2(void)
{
	struct kmem_cache *cache = make("test_breach_array", 64);
	struct magazine *loaded;
	struct slab_slot *kept;
	struct cpu_array *array;

	fill(cache, 2);
	kmem_cache_free(cache, objects[1]);
	array = own_array(cache);
	loaded = cpu_array_loaded(cache, array);
	kept = array->top;
	array->top = array->end + 1;
	CHECK(breaks(cache, "ARRAY-1"));
	array->top = loaded->slots - 1;
	CHECK(breaks(cache, "ARRAY-1"));
	array->top = kept;
	array->end++;
	CHECK(breaks(cache, "ARRAY-1"));
	array->end--;
	loaded->no_object = objects[0];
	CHECK(breaks(cache, "ARRAY-1"));
	loaded->no_object = NULL;
	array->inverse++;
	CHECK(breaks(cache, "ARRAY-1"));
	array->inverse--;
	array->nr_objects--;
	CHECK(breaks(cache, "ARRAY-1"));
	array->nr_objects++;
	array->nid++;
	CHECK(breaks(cache, "ARRAY-2"));
	array->nid--;
	*kept[-1].state = 0;
	CHECK(breaks(cache, "ARRAY-2"));
	*kept[-1].state = 1;
	CHECK_CACHE(cache);
	kmem_cache_free(cache, objects[0]);
	kmem_cache_destroy(cache);
}

static void verify_notices_ARRAY_3(void)
{
	struct kmem_cache *cache = make("test_breach_bound", 128);
	struct cpu_array *array;

	fill(cache, 3u * cache->magazine_slots);
	release(cache, 3u * cache->magazine_slots);
	array = own_array(cache);
	CHECK_EQ(array->own.nr_full, 1);
	array->max_full = 0;
	CHECK(breaks(cache, "ARRAY-3"));
	array->max_full = 1;
	array->own.nr_empty = 1;
	CHECK(breaks(cache, "ARRAY-3"));
	array->own.nr_empty = 0;
	array->own.nr_full = 0;
	CHECK(breaks(cache, "DEPOT-1"));
	array->own.nr_full = 1;
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void verify_notices_DEPOT_1_to_DEPOT_3(void)
{
	struct kmem_cache *cache = make("test_breach_depot", 128);
	const unsigned nr = 4u * cache->magazine_slots;
	struct depot *depot;
	uint8_t *state;

	fill(cache, nr);
	release(cache, nr);
	depot = &own_node(cache)->depot;
	CHECK(depot->nr_full > 0);
	depot->nr_full--;
	CHECK(breaks(cache, "DEPOT-1"));
	depot->nr_full += 2;
	CHECK(breaks(cache, "DEPOT-1"));
	depot->nr_full--;
	depot->nr_empty++;
	CHECK(breaks(cache, "DEPOT-1"));
	depot->nr_empty--;
	state = depot->full->slots[0].state;
	depot->full->slots[0].state = state + 1;
	CHECK(breaks(cache, "DEPOT-2"));
	depot->full->slots[0].state = state;
	depot->full->no_object = depot;
	CHECK(breaks(cache, "DEPOT-3"));
	depot->full->no_object = NULL;
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "magazines leave nothing of their slabs", magazines_leave_nothing_of_their_slabs },
	{ "nobody's array is one slot that stays empty",
	  nobodys_array_is_one_slot_that_stays_empty },
	{ "full magazines change hands whole", full_magazines_change_hands_whole },
	{ "a load of one magazine stays with the CPU",
	  a_load_of_one_magazine_stays_with_the_cpu },
	{ "a depot beyond its bound spills into slabs",
	  a_depot_beyond_its_bound_spills_into_slabs },
	{ "a free needs no memory", a_free_needs_no_memory },
	{ "the depot is emptied before a slab is made",
	  the_depot_is_emptied_before_a_slab_is_made },
	{ "a full magazine without an empty one is emptied",
	  a_full_magazine_without_an_empty_one_is_emptied },
	{ "a CPU without memory for its array is served from slabs",
	  a_cpu_without_memory_for_its_array_is_served_from_slabs },
	{ "a cache without memory for its node has no objects",
	  a_cache_without_memory_for_its_node_has_no_objects },
	{ "a destroyed cache leaves nothing behind", a_destroyed_cache_leaves_nothing_behind },
	{ "a CPU keeps what it needs back", a_cpu_keeps_what_it_needs_back },
	{ "a CPU keeps no more than its node may", a_cpu_keeps_no_more_than_its_node_may },
	{ "a CPU that only frees keeps one", a_cpu_that_only_frees_keeps_one },
	{ "shrinking takes the reserve of idle CPUs", shrinking_takes_the_reserve_of_idle_cpus },
	{ "shrinking asks no CPU that has nothing", shrinking_asks_no_cpu_that_has_nothing },
	{ "a full array does as it was asked", a_full_array_does_as_it_was_asked },
	{ "a CPU does not keep more for what others took",
	  a_cpu_does_not_keep_more_for_what_others_took },
	{ "draining leaves a CPU as it began", draining_leaves_a_cpu_as_it_began },
	{ "no two arrays share a line", no_two_arrays_share_a_line },
	{ "a depot counts no further than it can", a_depot_counts_no_further_than_it_can },
	{ "a CPU begins with arrays that are none", a_cpu_begins_with_arrays_that_are_none },
	{ "kmalloc finds its arrays without a cache", kmalloc_finds_its_arrays_without_a_cache },
	{ "objects of every kind go back to their caches",
	  objects_of_every_kind_go_back_to_their_caches },
	{ "caches of kmalloc stay", caches_of_kmalloc_stay },
	{ "kfree takes objects of any cache", kfree_takes_objects_of_any_cache },
	{ "pages of slabs lead to no array afterwards",
	  pages_of_slabs_lead_to_no_array_afterwards },
	{ "verify notices ARRAY-1 and ARRAY-2", verify_notices_ARRAY_1_and_ARRAY_2 },
	{ "verify notices ARRAY-3", verify_notices_ARRAY_3 },
	{ "verify notices DEPOT-1 to DEPOT-3", verify_notices_DEPOT_1_to_DEPOT_3 },
};

TEST_SUITE(slab_depot, cases);
