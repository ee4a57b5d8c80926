/*
 * Object caches through the public API and, for the rules, from inside.
 *
 * Each case makes its own cache, so what it breaks stays there.
 */

#include "tests/unit/slab/room.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/grace.h"
#include "mm/kmalloc.h"
#include "mm/reclaim.h"
#include "tests/abandoned.h"
#include "tests/test.h"
#include "tests/unit/nodes.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/with_local.h"

static struct kmem_cache *make(const char *name, size_t bytes, slab_flags_t flags)
{
	return create_plain(name, bytes, 0, flags | SLAB_PANIC, NULL);
}

static struct slab *slab_of(const void *object)
{
	return page_slab(virt_to_page(object));
}

static struct cache_node *node_of(struct kmem_cache *cache, const void *object)
{
	return cache_node_lookup(cache, slab_of(object)->nid);
}

static uint8_t *state_of(struct kmem_cache *cache, const void *object)
{
	struct slab *slab = slab_of(object);

	return slab->bufctl + slab_index(cache, slab, object);
}

/* ---- Allocating and freeing ---- */

#define NR_OBJECTS	700u

static void *objects[NR_OBJECTS];

static void fill(struct kmem_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		CHECK(objects[i] != NULL);
		memset(objects[i], (int)(i & 0xff), kmem_cache_size(cache));
	}
}

static void check_filled(struct kmem_cache *cache, unsigned nr)
{
	const size_t bytes = kmem_cache_size(cache);

	for (unsigned i = 0; i < nr; i++) {
		const uint8_t *at = objects[i];

		CHECK_EQ(at[0], i & 0xff);
		CHECK_EQ(at[bytes / 2], i & 0xff);
		CHECK_EQ(at[bytes - 1], i & 0xff);
	}
}

static void release(struct kmem_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		kmem_cache_free(cache, objects[i]);
}

static void objects_do_not_overlap(void)
{
	static const size_t sizes[] = { 1, 8, 24, 64, 100, 192, 1000, 4096, 9000 };

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct kmem_cache *cache = make("test_overlap", sizes[i], 0);
		unsigned nr = sizes[i] > 1000 ? 60 : NR_OBJECTS;

		fill(cache, nr);
		check_filled(cache, nr);
		CHECK_EQ(slab_usage(cache).nr_active, nr);
		CHECK_CACHE(cache);
		release(cache, nr);
		CHECK_EQ(slab_usage(cache).nr_active, 0);
		CHECK_CACHE(cache);
		kmem_cache_destroy(cache);
	}
}

static void objects_are_aligned_as_asked(void)
{
	for (size_t align = 8; align <= PAGE_SIZE; align *= 2) {
		struct kmem_cache *cache = create_plain("test_align", 40, align, SLAB_PANIC,
							     NULL);

		for (unsigned i = 0; i < 50; i++) {
			objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			CHECK(is_aligned((uintptr_t)objects[i], align));
		}
		release(cache, 50);
		kmem_cache_destroy(cache);
	}
}

static void hwcache_align_keeps_objects_on_their_own_lines(void)
{
	struct kmem_cache *small = make("test_line_small", 20, SLAB_HWCACHE_ALIGN);
	struct kmem_cache *large = make("test_line_large", 100, SLAB_HWCACHE_ALIGN);

	CHECK_EQ(small->align, 32);
	CHECK_EQ(large->align, 64);
	kmem_cache_destroy(small);
	kmem_cache_destroy(large);
}

static void check_align(size_t bytes, size_t align, slab_flags_t flags, uint32_t expected)
{
	struct kmem_cache *cache = create_plain("test_align_of", bytes, align, SLAB_PANIC | flags,
						NULL);

	CHECK_EQ(cache->align, expected);
	CHECK_EQ(cache->layout.stride_bytes, align_up(align_up(bytes, 8), expected));
	kmem_cache_destroy(cache);
}

static void an_alignment_is_the_largest_that_is_asked_for(void)
{
	check_align(20, 0, 0, 8);
	check_align(20, 4, 0, 8);
	check_align(20, 16, 0, 16);
	check_align(16, 0, SLAB_HWCACHE_ALIGN, 16);
	check_align(17, 0, SLAB_HWCACHE_ALIGN, 32);
	check_align(32, 0, SLAB_HWCACHE_ALIGN, 32);
	check_align(33, 0, SLAB_HWCACHE_ALIGN, 64);
	check_align(300, 0, SLAB_HWCACHE_ALIGN, 64);
	check_align(20, 256, SLAB_HWCACHE_ALIGN, 256);
}

/* Where a CPU has little memory there are fewer slots: at most two magazines in 1/256 of it. */
static void check_tuning(size_t bytes, slab_flags_t flags, unsigned slots, unsigned batch)
{
	const uint64_t cpu_bytes = pages_to_bytes(slab_system.setup.nr_pages) /
				   slab_system.nr_cpus;
	struct kmem_cache *cache = make("test_tuning", bytes, flags);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	const uint64_t stride_bytes = cache->layout.stride_bytes;

	CHECK(object != NULL);
	CHECK(2 * stride_bytes * cache->magazine_slots <= cpu_bytes / 256);
	if (2 * stride_bytes * slots <= cpu_bytes / 256) {
		CHECK_EQ(cache->magazine_slots, slots);
		CHECK_EQ(cache->batch, batch);
	}
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static void magazines_are_tuned_by_object_size(void)
{
	check_tuning(8, 0, 127, 36);
	check_tuning(256, 0, 127, 36);
	check_tuning(257, 0, 63, 31);
	check_tuning(1024, 0, 63, 31);
	check_tuning(1025, 0, 63, 15);
	check_tuning(PAGE_SIZE, 0, 63, 15);
	check_tuning(PAGE_SIZE + 1, 0, 3, 3);
	check_tuning(8 * PAGE_SIZE, 0, 3, 3);
	check_tuning(8 * PAGE_SIZE + 1, 0, 0, 0);
	check_tuning(64, SLAB_POISON, 0, 0);	/* every object is checked */
}

static void check_gfp(slab_flags_t flags, gfp_t gfp)
{
	struct kmem_cache *cache = make("test_gfp", 64, flags);

	CHECK_EQ(cache->gfp, gfp);
	CHECK_EQ(cache->flags, flags | SLAB_PANIC);
	kmem_cache_destroy(cache);
}

static void a_cache_asks_for_the_pages_it_is_made_for(void)
{
	check_gfp(0, 0);
	check_gfp(SLAB_CACHE_DMA, __GFP_DMA);
	check_gfp(SLAB_CACHE_DMA32, __GFP_DMA32);
	check_gfp(SLAB_RECLAIM_ACCOUNT, __GFP_RECLAIMABLE);
	check_gfp(SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA32, __GFP_RECLAIMABLE | __GFP_DMA32);
	check_gfp(SLAB_CACHE_DMA | SLAB_CACHE_DMA32, __GFP_DMA | __GFP_DMA32);
}

static void a_new_cache_is_what_was_asked_for(void)
{
	struct kmem_cache *cache = make("test_new", 20, 0);
	const struct slab_layout *layout = &cache->layout;

	CHECK(strcmp(kmem_cache_name(cache), "test_new") == 0);
	CHECK_EQ(kmem_cache_size(cache), 20);
	CHECK_EQ(cache->object_bytes, 24);
	CHECK_EQ(cache->nr_objects, layout->nr_objects);
	CHECK_EQ(cache->max_kept_objects, slab_system.setup.nr_pages / 64 /
		 pages_in(layout->order) * layout->nr_objects);
	/* Two tables follow the structure: the last ends where the object does. */
	CHECK_EQ((uintptr_t)&cache->nodes[slab_system.nr_nodes],
		 (uintptr_t)cache + kmem_cache_size(cache_cache));
	CHECK((void *)cache->nodes == (void *)&cache->cpu[slab_system.nr_cpus]);
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		CHECK(!cache->nodes[nid]);
	for (unsigned cpu = 0; cpu < slab_system.nr_cpus; cpu++)
		CHECK(cache->cpu[cpu] == &slab_no_array);
	kmem_cache_destroy(cache);
}

/* As debug= has it. */
static void debug_flags_of_the_system_are_every_new_caches(void)
{
	slab_flags_t kept = slab_system.debug_flags;
	struct kmem_cache *cache;

	slab_system.debug_flags = SLAB_RED_ZONE | SLAB_STORE_USER;
	cache = kmem_cache_create("test_system_flags", 64, 0, SLAB_PANIC | SLAB_POISON, NULL);
	slab_system.debug_flags = kept;
	CHECK_EQ(cache->flags, SLAB_PANIC | SLAB_POISON | SLAB_RED_ZONE | SLAB_STORE_USER);
	kmem_cache_destroy(cache);
}

static void init_and_the_words_of_debug_do_not_take_each_other_back(void)
{
	struct slab_system *system = &slab_system;
	const slab_flags_t debug = system->debug_flags, words = system->word_flags;
	const slab_flags_t init = system->init_flags;

	slab_set_init(true, false);
	CHECK(slab_set_debug(""));
	CHECK_EQ(system->debug_flags, SLAB_INIT_ON_ALLOC);
	CHECK(slab_set_debug("redzone,init"));
	CHECK_EQ(system->debug_flags, SLAB_RED_ZONE | SLAB_STORE_USER | SLAB_INIT);
	slab_set_init(false, true);
	CHECK_EQ(system->debug_flags, SLAB_RED_ZONE | SLAB_STORE_USER | SLAB_INIT);
	CHECK(slab_set_debug("owner"));
	CHECK_EQ(system->debug_flags, SLAB_STORE_USER | SLAB_INIT_ON_FREE);
	slab_set_init(false, false);
	CHECK_EQ(system->debug_flags, SLAB_STORE_USER);
	system->debug_flags = debug;
	system->word_flags = words;
	system->init_flags = init;
}

static void the_largest_objects_have_a_cache_unless_red_zones_make_them_larger(void)
{
	struct kmem_cache *cache = make("test_largest", KMALLOC_MAX_SIZE, 0);
	uint64_t nr_caches;

	CHECK_EQ(cache->layout.nr_objects, 1);
	kmem_cache_destroy(cache);
	nr_caches = slab_usage(cache_cache).nr_active;
	CHECK(!create_plain("test_too_large", KMALLOC_MAX_SIZE, 0, SLAB_RED_ZONE, NULL));
	CHECK_EQ(slab_usage(cache_cache).nr_active, nr_caches);
	CHECK_PANICS("too large for what its flags ask: objects of cache test_too_large",
		     kmem_cache_create("test_too_large", KMALLOC_MAX_SIZE, 0,
				       SLAB_RED_ZONE | SLAB_PANIC, NULL));
}

/* debug= is for whoever boots: what a caller may always have it does not take away. */
static void the_largest_objects_do_without_what_debug_asks(void)
{
	const slab_flags_t kept = slab_system.debug_flags;
	struct kmem_cache *cache;

	slab_system.debug_flags = SLAB_RED_ZONE | SLAB_POISON;
	test_quiet(true);
	cache = kmem_cache_create("test_largest", KMALLOC_MAX_SIZE, 0, SLAB_PANIC, NULL);
	test_quiet(false);
	slab_system.debug_flags = kept;
	CHECK_EQ(cache->flags, SLAB_PANIC);
	CHECK(!cache->debug);
	CHECK_EQ(cache->layout.nr_objects, 1);
	kmem_cache_destroy(cache);
}

/* The page that red zones need is the only one here. */
static void a_cache_that_cannot_be_made_leaves_nothing(void)
{
	struct kmem_cache *cache = make("test_before", 64, 0);
	uint64_t nr_caches;
	struct page *page;

	kmem_cache_destroy(cache);	/* leaves room for the next one's structure */
	nr_caches = slab_usage(cache_cache).nr_active;
	mm_fail_nth(1);
	cache = create_plain("test_no_page", 64, 0, SLAB_RED_ZONE, NULL);
	mm_fail_nth(0);
	CHECK(!cache);
	CHECK_EQ(slab_usage(cache_cache).nr_active, nr_caches);
	/* The newest page of this CPU's is taken, and comes back where there is no layout. */
	page = alloc_page(GFP_KERNEL);
	CHECK(page != NULL);
	__free_page(page);
	CHECK(!create_plain("test_no_layout", KMALLOC_MAX_SIZE, 0, SLAB_RED_ZONE, NULL));
	CHECK(page->type != PAGE_USER);
}

static bool is_listed(const struct kmem_cache *cache)
{
	bool is_listed = false;

	list_for_each(at, &slab_system.caches)
		is_listed |= at == &cache->list;
	return is_listed;
}

static void the_first_caches_are_listed_and_no_larger_than_need_be(void)
{
	struct kmem_cache *cache = make("test_first_caches", 64, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	unsigned index;

	CHECK(is_listed(cache));
	CHECK(is_listed(cache_cache));
	CHECK(is_listed(node_cache));
	CHECK(is_listed(cache->magazines));
	CHECK(is_listed(cache->descriptors));
	CHECK_EQ(kmem_cache_size(cache->descriptors),
		 descriptor_bytes_for(cache->layout.nr_objects, &index));
	CHECK_EQ(cache->descriptors->layout.place, ON_SLAB);
	CHECK_EQ(cache_cache->flags, SLAB_PANIC | SLAB_INTERNAL);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	CHECK(!is_listed(cache));
	kmem_cache_destroy(NULL);
}

static void check_setup(const char *assertion, unsigned nr_nodes, unsigned nr_cpus)
{
	struct slab_setup setup = slab_system.setup;

	setup.nr_nodes = nr_nodes;
	setup.nr_cpus = nr_cpus;
	CHECK_PANICS(assertion, slab_init(&setup));
}

static void impossible_machines_are_refused(void)
{
	check_setup("nr_nodes <= MAX_NODES", MAX_NODES + 1, 1);
	check_setup("nr_cpus <= MAX_CPUS", MAX_NODES, MAX_CPUS + 1);
	check_setup("nr_nodes >= 1", 0, MAX_CPUS);
	check_setup("nr_cpus >= 1", 1, 0);
}

static void check_page_links(size_t bytes, enum slab_place place)
{
	struct kmem_cache *cache = make("test_links", bytes, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = slab_of(object);
	uint8_t *start = slab_start(cache, slab);

	CHECK_EQ(cache->layout.place, place);
	for (uint64_t at = 0; at < slab_bytes(cache); at += PAGE_SIZE) {
		const struct page *page = virt_to_page(start + at);

		CHECK_EQ(page->type, PAGE_SLAB);
		CHECK(page_cache(page) == cache);
		CHECK(page_slab(page) == slab);
		CHECK((void *)page->list.next == (void *)cache);
		CHECK((void *)page->list.prev == (void *)slab);
	}
	CHECK_EQ((uint8_t *)slab >= start && (uint8_t *)slab < start + slab_bytes(cache),
		 place == ON_SLAB);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static void every_page_leads_to_cache_and_slab(void)
{
	check_page_links(ON_SLAB_BYTES, ON_SLAB);
	check_page_links(64, OFF_SLAB);
}

static unsigned nr_constructed, nr_destructed;

static void construct(void *object)
{
	nr_constructed++;
	memset(object, 0x5c, 40);
}

static void destruct(void *object)
{
	nr_destructed++;
	CHECK_EQ(*(uint8_t *)object, 0x5c);
}

static void constructors_run_once_per_object(void)
{
	struct kmem_cache *cache = create_plain_dtor("test_ctor", 40, 0, SLAB_PANIC,
							  construct, destruct);
	uint8_t *object;

	nr_constructed = 0;
	nr_destructed = 0;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	CHECK_EQ(nr_constructed, cache->layout.nr_objects);
	for (unsigned i = 0; i < 40; i++)
		CHECK_EQ(object[i], 0x5c);
	kmem_cache_free(cache, object);
	CHECK_EQ(kmem_cache_alloc(cache, GFP_KERNEL), (uintptr_t)object);
	CHECK_EQ(nr_constructed, cache->layout.nr_objects);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	CHECK_EQ(nr_destructed, nr_constructed);
}

/* Who walks what was made in a row goes forward through memory, as hardware likes it. */
static void new_objects_come_by_address(void)
{
	const size_t sizes[] = { ON_SLAB_BYTES, 16 };	/* entries of u8, and of u16 */

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct kmem_cache *cache = make("test_order", sizes[i], 0);

		fill(cache, 12);
		for (unsigned at = 1; at < 12; at++)
			CHECK(virt_to_page(objects[at]) != virt_to_page(objects[at - 1]) ||
			      (uintptr_t)objects[at] > (uintptr_t)objects[at - 1]);
		release(cache, 12);
		kmem_cache_destroy(cache);
	}
}

static void zalloc_zeroes_used_memory(void)
{
	struct kmem_cache *cache = make("test_zalloc", 100, 0);

	fill(cache, 50);
	release(cache, 50);
	for (unsigned i = 0; i < 50; i++) {
		objects[i] = kmem_cache_zalloc(cache, GFP_KERNEL);
		for (unsigned at = 0; at < 100; at++)
			CHECK_EQ(((uint8_t *)objects[i])[at], 0);
	}
	release(cache, 50);
	kmem_cache_destroy(cache);
}

static void bulk_gives_and_takes_all_or_nothing(void)
{
	struct kmem_cache *cache = make("test_bulk", ON_SLAB_BYTES, 0);

	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, NR_OBJECTS, objects), NR_OBJECTS);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		memset(objects[i], (int)(i & 0xff), ON_SLAB_BYTES);
	check_filled(cache, NR_OBJECTS);
	CHECK_EQ(slab_usage(cache).nr_active, NR_OBJECTS);
	kmem_cache_free_bulk(cache, NR_OBJECTS, objects);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 10, objects), 10);
	kmem_cache_free_bulk(NULL, 10, objects);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void shrinking_returns_every_page(void)
{
	struct kmem_cache *cache = make("test_shrink", 256, 0);
	uint64_t nr_pages;

	fill(cache, NR_OBJECTS);
	nr_pages = slab_usage(cache).nr_slab_pages;
	CHECK(nr_pages > 0);
	release(cache, NR_OBJECTS);
	CHECK(slab_usage(cache).nr_slab_pages > 0);
	CHECK_EQ(kmem_cache_shrink(cache), nr_pages);
	CHECK_EQ(slab_usage(cache).nr_slab_pages, 0);
	CHECK_EQ(kmem_cache_shrink(cache), 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* Objects of every node, in and out: arrays, aliens, depots and nodes are made for them. */
static void use_all_nodes(struct kmem_cache *cache)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		for (unsigned i = 0; i < NR_OBJECTS; i++) {
			objects[i] = kmem_cache_alloc_node(cache, GFP_KERNEL, nid);
			CHECK(objects[i] != NULL);
		}
		release(cache, NR_OBJECTS);
	}
}

static void shrinking_returns_the_pages_of_all_nodes(void)
{
	struct kmem_cache *cache = make("test_shrink_nodes", 256, 0);
	uint64_t nr_pages;

	use_all_nodes(cache);
	nr_pages = slab_usage(cache).nr_slab_pages;
	CHECK_EQ(kmem_cache_shrink(cache), nr_pages);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	kmem_cache_destroy(cache);
}

static void make_use_and_destroy(slab_flags_t flags)
{
	struct kmem_cache *cache = make("test_all_back", 128, flags);

	use_all_nodes(cache);
	kmem_cache_destroy(cache);
}

static void an_empty_slab_of_one_object_is_given_back_too(void)
{
	struct kmem_cache *cache = make("test_one_object", KMALLOC_MAX_SIZE, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN);

	if (object) {
		kmem_cache_free(cache, object);
		CHECK_EQ(kmem_cache_shrink(cache), pages_in(cache->layout.order));
	}
	kmem_cache_destroy(cache);
	if (!object)
		SKIP("no block that large");
}

/* Neither the page that red zones needed nor slabs that its quarantine held. */
static void a_destroyed_debug_cache_leaves_no_page(void)
{
	struct kmem_cache *cache = make("test_debug_back", 128, SLAB_RED_ZONE | SLAB_QUARANTINE);
	struct page *page = virt_to_page(cache->debug);

	fill(cache, 50);
	release(cache, 50);
	CHECK_EQ(page->type, PAGE_USER);
	kmem_cache_destroy(cache);
	CHECK(page->type != PAGE_USER);
	for (unsigned i = 0; i < 50; i++)
		CHECK(virt_to_page(objects[i])->type != PAGE_SLAB);
}

/* Not even what a cache made for itself: nodes, arrays, magazines, descriptors. */
static void a_destroyed_cache_leaves_nothing(void)
{
	static const slab_flags_t flags[] = { 0, SLAB_RED_ZONE | SLAB_QUARANTINE };

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		uint64_t nr_active;

		make_use_and_destroy(flags[i]);
		test_quiet(true);
		nr_active = slab_usage(NULL).nr_active;
		make_use_and_destroy(flags[i]);
		CHECK_EQ(slab_usage(NULL).nr_active, nr_active);
		test_quiet(false);
	}
}

/* ---- All caches ---- */

static uint64_t nr_empty_slabs(void)
{
	uint64_t nr = 0;

	list_for_each(at, &slab_system.caches) {
		struct kmem_cache *cache = list_entry(at, struct kmem_cache, list);

		for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
			const struct cache_node *node = cache_node_lookup(cache, nid);

			nr += node && cache->magazine_slots == 0 ? node->nr_free_slabs : 0;
		}
	}
	return nr;
}

/* Descriptors come back while other caches shrink: their caches are asked after those. */
static void shrinking_all_leaves_no_empty_slab(void)
{
	struct kmem_cache *cache = make("test_shrink_all", 64, 0);

	use_all_nodes(cache);
	test_quiet(true);
	CHECK(slab_shrink(UINT64_MAX) > 0);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	CHECK_EQ(nr_empty_slabs(), 0);
	CHECK_EQ(slab_shrink(UINT64_MAX), 0);
	test_quiet(false);
	kmem_cache_destroy(cache);
}

static void shrinking_stops_when_it_has_enough(void)
{
	struct kmem_cache *first = make("test_enough1", 1024, 0);
	struct kmem_cache *second = make("test_enough2", 1024, 0);
	uint64_t nr_first, nr_second;

	use_all_nodes(first);
	use_all_nodes(second);
	nr_first = slab_usage(first).nr_slab_pages;
	nr_second = slab_usage(second).nr_slab_pages;
	CHECK_EQ(slab_shrink(0), 0);
	CHECK_EQ(slab_usage(second).nr_slab_pages, nr_second);
	CHECK_EQ(slab_shrink(nr_second), nr_second);
	CHECK_EQ(slab_usage(second).nr_slab_pages, 0);
	CHECK_EQ(slab_usage(first).nr_slab_pages, nr_first);
	CHECK_EQ(slab_shrink(1), nr_first);
	kmem_cache_destroy(second);
	kmem_cache_destroy(first);
}

static void pressure_is_told_how_many_pages_came_back(void)
{
	struct kmem_cache *cache = make("test_told", 1024, 0);
	uint64_t nr_pages;

	shrink_node(NID_NONE, UINT64_MAX);
	use_all_nodes(cache);
	nr_pages = slab_usage(cache).nr_slab_pages;
	CHECK(shrink_node(NID_NONE, UINT64_MAX) >= nr_pages);
	use_all_nodes(cache);
	CHECK(shrink_node(NID_NONE, 1) > 0);
	kmem_cache_destroy(cache);
}

/* Who shrinks holds no lock that another who shrinks, prints or makes a cache would need. */
static void pressure_does_not_wait_for_a_visitor(void)
{
	struct kmem_cache *cache = make("test_visited", 1024, 0), *made, *visited;

	use_all_nodes(cache);
	CHECK(slab_usage(cache).nr_slab_pages > 0);
	visited = cache_previous(NULL);		/* the one made last */
	CHECK(visited == cache);
	made = make("test_beside_a_visitor", 64, 0);
	kmem_cache_destroy(made);
	shrink_node(NID_NONE, UINT64_MAX);
	CHECK_EQ(slab_usage(cache).nr_slab_pages, 0);
	cache_leave(visited);
	kmem_cache_destroy(cache);
}

static void a_cache_that_goes_is_visited_by_nobody(void)
{
	struct kmem_cache *cache = make("test_dying", 64, 0);
	unsigned nr_others = 0;

	cache->is_dying = true;
	for_each_cache(each) {
		CHECK(each != cache);
		CHECK_EQ(each->nr_visitors, 1);
		nr_others++;
	}
	CHECK_EQ(nr_others, slab_system.nr_caches - 1);
	cache->is_dying = false;
	CHECK(cache_previous(NULL) == cache);
	CHECK_EQ(cache->nr_visitors, 1);
	cache_leave(cache);
	CHECK_EQ(cache->nr_visitors, 0);
	kmem_cache_destroy(cache);
}

/* After the report the cache is as it was: it can be emptied and destroyed. */
static void a_cache_that_could_not_go_is_visited_again(void)
{
	struct kmem_cache *cache = make("test_not_dead", 64, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct kmem_cache *visited;

	CHECK_PANICS("still allocated", kmem_cache_destroy(cache));
	visited = cache_previous(NULL);
	CHECK(visited == cache);
	cache_leave(visited);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static unsigned nr_undone, nr_undone_locked;

static void note_lock(void *object)
{
	(void)object;
	nr_undone++;
	nr_undone_locked += spin_is_locked(&slab_system.lock);
}

static void nothing_is_locked_where_objects_are_undone(void)
{
	struct kmem_cache *cache = create_plain_dtor("test_undone", 64, 0, SLAB_PANIC, NULL,
						     note_lock);

	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	nr_undone = nr_undone_locked = 0;
	slab_shrink(UINT64_MAX);
	CHECK(nr_undone > 0);
	CHECK_EQ(nr_undone_locked, 0);
	kmem_cache_destroy(cache);
}

static void empty_slabs_beyond_the_bound_go_at_once(void)
{
	struct kmem_cache *cache = make("test_bound", 1024, 0);
	struct cache_node *node;
	struct page *page;

	cache->max_kept_objects = 0;
	fill(cache, NR_OBJECTS);
	node = node_of(cache, objects[0]);
	CHECK(node->max_free_objects < NR_OBJECTS / 2);
	page = virt_to_page(objects[0]);
	release(cache, NR_OBJECTS);
	CHECK(slab_usage(cache).nr_objects <= node->max_free_objects +
	      2u * cache->magazine_slots + cache->layout.nr_objects);
	kmem_cache_shrink(cache);
	CHECK(page->type != PAGE_SLAB);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* Pages that leave a cache must come back to the page allocator, or they are lost. */
static void slabs_given_back_are_pages_again(void)
{
	struct kmem_cache *cache = make("test_pages_again", 1024, 0);
	unsigned nr_slab_pages = 0;

	cache->max_kept_objects = 0;
	fill(cache, NR_OBJECTS);
	release(cache, NR_OBJECTS);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		nr_slab_pages += virt_to_page(objects[i])->type == PAGE_SLAB &&
			page_cache(virt_to_page(objects[i])) == cache;
	CHECK(nr_slab_pages <= slab_usage(cache).nr_objects);
	kmem_cache_destroy(cache);
}

static void a_node_without_pages_is_served_by_another(void)
{
	struct kmem_cache *cache = make("test_elsewhere", 64, SLAB_RED_ZONE);	/* no arrays */
	unsigned own = slab_memory_node(numa_node_id());
	unsigned other = slab_system.setup.nearest_node(own, 1);
	void *object, *borrowed;

	if (other == NID_NONE) {
		kmem_cache_destroy(cache);
		SKIP("one node with memory");
	}
	object = kmem_cache_alloc_node(cache, GFP_KERNEL, other);
	CHECK_EQ(page_to_nid(virt_to_page(object)), other);
	/* A cache_node, then the slab of node `own`: both fail. */
	for (uint64_t nth = 1; nth <= 2; nth++) {
		mm_fail_nth(nth);
		borrowed = kmem_cache_alloc_node(cache, GFP_KERNEL, own);
		mm_fail_nth(0);
		CHECK(borrowed != NULL);
		kmem_cache_free(cache, borrowed);
		kmem_cache_shrink(cache);
	}
	mm_fail_nth(1);
	borrowed = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, own);
	mm_fail_nth(0);
	CHECK(borrowed == NULL);
	kmem_cache_free(cache, object);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void shrinking_keeps_slabs_in_use(void)
{
	struct kmem_cache *cache = make("test_shrink_used", 64, 0);

	fill(cache, NR_OBJECTS);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		if (i % 256 != 7)
			kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
	for (unsigned i = 7; i < NR_OBJECTS; i += 256) {
		CHECK_EQ(*(uint8_t *)objects[i], i & 0xff);
		kmem_cache_free(cache, objects[i]);
	}
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void memory_pressure_returns_empty_slabs(void)
{
	struct kmem_cache *cache = make("test_pressure", 1024, 0);

	fill(cache, NR_OBJECTS);
	release(cache, NR_OBJECTS);
	CHECK(slab_usage(cache).nr_slab_pages > 0);
	shrink_node(0, UINT64_MAX);
	CHECK_EQ(slab_usage(cache).nr_slab_pages, 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* What a reader without a lock may rely on: the object stays one of its cache. */
static void type_safe_slabs_wait_for_a_grace_period(void)
{
	struct kmem_cache *cache = make("test_typesafe", 512, SLAB_TYPESAFE_BY_RCU);
	uint64_t nr_pages;
	uint64_t number;

	fill(cache, 100);
	nr_pages = slab_usage(cache).nr_slab_pages;
	release(cache, 100);
	CHECK(nr_pages > 0);
	CHECK_EQ(kmem_cache_shrink(cache), 0);
	CHECK_EQ(slab_usage(cache).nr_slab_pages, 0);	/* none serves allocations */
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(virt_to_page(objects[i])->type, PAGE_SLAB);
		CHECK(page_cache(virt_to_page(objects[i])) == cache);
		CHECK_EQ(((uint8_t *)objects[i])[500], i);
	}
	CHECK_EQ(kmem_cache_shrink(cache), 0);
	number = grace_begin();
	CHECK(!grace_has_passed(number));
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(virt_to_page(objects[i])->type, PAGE_SLAB);
	kmem_cache_destroy(cache);	/* waits, as the only CPU that reads */
	CHECK(virt_to_page(objects[0])->type != PAGE_SLAB);
	CHECK(grace_has_passed(number));
	number = grace_begin();
	rcu_idle_enter();
	CHECK(synchronize_rcu());	/* for the other CPUs, if there are any */
	CHECK(grace_has_passed(number));
	rcu_idle_exit();
}

static void verify_notices_GRACE_1(void)
{
	struct violation violation = { .rule = "none" };

	CHECK(grace_verify(&violation));
	this_mm_cpu()->grace_period = UINT64_MAX;
	CHECK(!grace_verify(&violation));
	CHECK(strcmp(violation.rule, "GRACE-1") == 0);
	grace_cpu_start();
	CHECK(grace_verify(&violation));
}

/* Fills slabs of @cache and empties them; returns how many pages they have. */
static uint64_t nr_pages_to_defer(struct kmem_cache *cache)
{
	uint64_t nr_pages;

	fill(cache, 100);
	nr_pages = slab_usage(cache).nr_slab_pages;
	release(cache, 100);
	return nr_pages;
}

/* Each round of slabs waits for a period of its own, and no longer. */
static void slabs_that_come_later_wait_longer(void)
{
	struct kmem_cache *cache = make("test_rounds", 512, SLAB_TYPESAFE_BY_RCU);
	uint64_t nr_early, nr_late;

	for (unsigned round = 0; round < 3; round++) {
		nr_early = nr_pages_to_defer(cache);
		CHECK(nr_early > 0);
		CHECK_EQ(kmem_cache_shrink(cache), 0);
		CHECK(synchronize_rcu());
		nr_late = nr_pages_to_defer(cache);
		kmem_cache_shrink(cache);	/* the early ones went when late ones came */
		CHECK_EQ(rcu_slabs_count(cache) << cache->layout.order, nr_late);
		CHECK_EQ(kmem_cache_shrink(cache), 0);
		CHECK(synchronize_rcu());
		CHECK_EQ(kmem_cache_shrink(cache), nr_late);
		CHECK(synchronize_rcu());
		CHECK_EQ(kmem_cache_shrink(cache), 0);
	}
	kmem_cache_destroy(cache);
}

static void destroying_waits_for_all_rounds(void)
{
	struct kmem_cache *cache = make("test_both", 512, SLAB_TYPESAFE_BY_RCU);
	struct page *early, *late;

	nr_pages_to_defer(cache);
	early = virt_to_page(objects[0]);
	kmem_cache_shrink(cache);
	nr_pages_to_defer(cache);
	late = virt_to_page(objects[0]);
	kmem_cache_shrink(cache);
	CHECK_EQ(early->type, PAGE_SLAB);
	CHECK_EQ(late->type, PAGE_SLAB);
	kmem_cache_destroy(cache);
	CHECK(early->type != PAGE_SLAB);
	CHECK(late->type != PAGE_SLAB);
}

static void slabs_begin_at_different_colours(void)
{
	struct kmem_cache *cache = make("test_colour", 1280, 0);
	const unsigned per_slab = cache->layout.nr_objects;
	uint64_t seen = 0;

	CHECK(cache->layout.nr_colours >= 4);
	fill(cache, 4 * per_slab);
	for (unsigned i = 0; i < 4 * per_slab; i++) {
		const struct slab *slab = slab_of(objects[i]);

		CHECK(slab->colour < cache->layout.nr_colours);
		CHECK_EQ(slab->objects - slab_start(cache, slab), cache->layout.objects_offset +
			 slab->colour * cache->layout.colour_bytes);
		seen |= (uint64_t)1 << slab->colour;
	}
	for (unsigned colour = 0; colour < 4; colour++)
		CHECK(seen >> colour & 1);
	release(cache, 4 * per_slab);
	kmem_cache_destroy(cache);
}

static void descriptors_lie_in_different_lines(void)
{
	struct kmem_cache *cache = create_plain("test_places", 3584, 512, SLAB_PANIC, NULL);
	const struct slab_layout *layout = &cache->layout;
	const unsigned per_slab = layout->nr_objects;
	unsigned nr_places = 0;
	uint64_t seen = 0;

	CHECK_EQ(layout->place, ON_SLAB);
	fill(cache, 4 * per_slab);
	for (unsigned i = 0; i < 4 * per_slab; i++) {
		const struct slab *slab = slab_of(objects[i]);
		uint64_t offset = (uintptr_t)slab - (uintptr_t)slab_start(cache, slab);

		CHECK_EQ(offset % CACHE_LINE_BYTES, SLAB_GUARD_BYTES);
		CHECK(offset + layout->descriptor_bytes + SLAB_GUARD_BYTES <=
		      layout->objects_offset);
		nr_places += !(seen >> offset / CACHE_LINE_BYTES & 1);
		seen |= (uint64_t)1 << offset / CACHE_LINE_BYTES;
	}
	CHECK_EQ(nr_places, 4);
	release(cache, 4 * per_slab);
	kmem_cache_destroy(cache);
}

static void nodes_get_their_own_objects(void)
{
	struct kmem_cache *cache = make("test_nodes", 128, 0);

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		unsigned expected = slab_memory_node(nid);

		for (unsigned i = 0; i < 200; i++) {
			objects[i] = kmem_cache_alloc_node(cache, GFP_KERNEL, nid);
			CHECK(objects[i] != NULL);
			if (node_is_roomy(expected))
				CHECK_EQ(page_to_nid(virt_to_page(objects[i])), expected);
		}
		CHECK_CACHE(cache);
		release(cache, 200);
		CHECK_CACHE(cache);
	}
	kmem_cache_shrink(cache);
	CHECK_EQ(slab_usage(cache).nr_slab_pages, 0);
	kmem_cache_destroy(cache);
}

static void dma_caches_lie_below_16_mib(void)
{
	struct kmem_cache *cache = make("test_dma", 64, SLAB_CACHE_DMA);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	if (object) {
		CHECK(virt_to_phys(object) < (uint64_t)16 << 20);
		kmem_cache_free(cache, object);
	}
	kmem_cache_destroy(cache);
	if (!object)
		SKIP("no memory below 16 MiB");
}

/* ---- A random run against a flag per object ---- */

static void random_run(slab_flags_t flags, size_t bytes)
{
	struct kmem_cache *cache = make("test_random", bytes, flags);
	uint64_t nr_live = 0;

	memset(objects, 0, sizeof(objects));
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)test_random_below(NR_OBJECTS);

		if (objects[i]) {
			CHECK_EQ(((uint8_t *)objects[i])[bytes - 1], i & 0xff);
			kmem_cache_free(cache, objects[i]);
			objects[i] = NULL;
			nr_live--;
		} else {
			objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			CHECK(objects[i] != NULL);
			((uint8_t *)objects[i])[bytes - 1] = (uint8_t)i;
			nr_live++;
		}
		if (step % 997 == 0)
			kmem_cache_shrink(cache);
		if (step % 4001 == 0)
			CHECK_CACHE(cache);
	}
	CHECK_EQ(slab_usage(cache).nr_active, nr_live);
	CHECK_CACHE(cache);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_destroy(cache);
}

static void a_random_run_keeps_every_object(void)
{
	random_run(0, 8);
	random_run(0, 64);
	random_run(0, 200);
	random_run(0, 2048);
}

static void a_random_run_with_all_debug_options_keeps_every_object(void)
{
	random_run(SLAB_DEBUG_FLAGS & ~SLAB_GUARD, 64);
	random_run(SLAB_DEBUG_FLAGS & ~(SLAB_GUARD | SLAB_INIT), 200);
}

/* ---- Running out ---- */

/* The nth page allocation fails: every path gives up cleanly. */
static void failing_pages_leave_everything_in_order(void)
{
	for (uint64_t nth = 1; nth <= 40; nth++) {
		struct kmem_cache *cache = make("test_fail", 512, 0);
		unsigned nr = 0;

		mm_fail_nth(nth);
		for (unsigned i = 0; i < 300; i++) {
			objects[nr] = kmem_cache_alloc(cache, GFP_KERNEL);
			nr += objects[nr] != NULL;
		}
		mm_fail_nth(0);
		CHECK(nr >= 299);
		CHECK_CACHE(cache);
		release(cache, nr);
		kmem_cache_destroy(cache);
	}
}

static void a_failing_bulk_allocates_nothing(void)
{
	struct kmem_cache *cache = make("test_fail_bulk", 4096, 0);

	for (uint64_t nth = 1; nth <= 20; nth++) {
		size_t nr;

		kmem_cache_shrink(cache);
		mm_fail_nth(nth);
		nr = kmem_cache_alloc_bulk(cache, GFP_NOWAIT | __GFP_THISNODE, 100, objects);
		CHECK(nr == (mm_fail_nth_struck() ? 0 : 100) || nr == 100);
		mm_fail_nth(0);
		CHECK_EQ(slab_usage(cache).nr_active, nr);
		kmem_cache_free_bulk(cache, nr, objects);
		CHECK_CACHE(cache);
	}
	kmem_cache_destroy(cache);
}

/* ---- What every free catches ---- */

static void a_second_free_panics(void)
{
	struct kmem_cache *cache = make("test_double", 64, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	void *other = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	CHECK_PANICS("double free", kmem_cache_free(cache, object));
	kmem_cache_free(cache, other);
	CHECK_PANICS("double free", kmem_cache_free(cache, object));
	kmem_cache_shrink(cache);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	kmem_cache_destroy(cache);
}

/* What two CPUs leave that free one object in the same instant: it rests twice, and is in use. */
static struct kmem_cache *rest_twice(void)
{
	struct kmem_cache *cache = make("test_twice", 64, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	*state_of(cache, object) = 0;
	kmem_cache_free(cache, object);
	CHECK(kmem_cache_alloc(cache, GFP_KERNEL) == object);
	return cache;
}

static void an_object_that_rests_twice_is_not_given_out_twice(void)
{
	struct kmem_cache *cache = rest_twice();
	void *taken[4];

	CHECK_PANICS("two CPUs at once", kmem_cache_alloc(cache, GFP_KERNEL));
	abandon(cache);
	cache = rest_twice();
	CHECK_PANICS("two CPUs at once", kmem_cache_zalloc(cache, GFP_KERNEL));
	abandon(cache);
	cache = rest_twice();
	CHECK_PANICS("two CPUs at once",
		     kmem_cache_alloc_bulk(cache, GFP_KERNEL, ARRAY_SIZE(taken), taken));
	abandon(cache);
}

static void a_second_free_after_draining_panics(void)
{
	struct kmem_cache *cache = make("test_double_late", 64, 0);

	fill(cache, NR_OBJECTS);
	release(cache, NR_OBJECTS - 1);	/* the last keeps one slab */
	for (unsigned i = 0; i + 1 < NR_OBJECTS; i++)
		if (slab_of(objects[i]) == slab_of(objects[NR_OBJECTS - 1]))
			CHECK_PANICS("double free", kfree(objects[i]));
	kfree(objects[NR_OBJECTS - 1]);
	kmem_cache_destroy(cache);
}

static void interior_pointers_panic(void)
{
	struct kmem_cache *cache = make("test_interior", ON_SLAB_BYTES, 0);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	for (unsigned at = 1; at < ON_SLAB_BYTES; at += 13)
		CHECK_PANICS("interior pointer", kfree(object + at));
	CHECK_PANICS("interior pointer", kfree(slab_of(object)));
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static void wild_frees_panic(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	uint64_t on_stack[4];

	CHECK(page != NULL);
	CHECK_PANICS("wild free", kfree(on_stack));
	CHECK_PANICS("wild free", kfree(page_address(page)));
	CHECK_PANICS("wild free", kfree((void *)(uintptr_t)0x1000));
	CHECK_PANICS("wild free", kfree(&slab_system));
	__free_page(page);
}

static void frees_to_another_cache_panic(void)
{
	struct kmem_cache *cache = make("test_one", 64, 0);
	struct kmem_cache *other = make("test_other", 64, 0);
	struct page *page = alloc_page(GFP_KERNEL);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK_PANICS("wrong cache", kmem_cache_free(other, object));
	CHECK_PANICS("wrong cache", kmem_cache_free(cache, page_address(page)));
	CHECK_PANICS("wrong cache", kmem_cache_free_bulk(other, 1, &object));
	__free_page(page);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(other);
	kmem_cache_destroy(cache);
}

static void destroying_a_cache_in_use_panics(void)
{
	struct kmem_cache *cache = make("test_in_use", 64, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK_PANICS("still allocated", kmem_cache_destroy(cache));
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static struct kmem_cache *undone_cache;

static void destroy_again(void *object)
{
	(void)object;
	CHECK_PANICS("destroyed already", kmem_cache_destroy(undone_cache));
}

static void destroying_a_cache_twice_panics(void)
{
	undone_cache = create_plain_dtor("test_twice_gone", 2048, 0, SLAB_PANIC, NULL,
					 destroy_again);
	kmem_cache_free(undone_cache, kmem_cache_alloc(undone_cache, GFP_KERNEL));
	kmem_cache_destroy(undone_cache);	/* and in the middle of it */
	destroy_again(NULL);
}

/* By any way that leads to one, from the array that it had or not. */
static void no_object_comes_from_a_destroyed_cache(void)
{
	struct kmem_cache *cache = make("test_destroyed", 64, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);		/* the array has it */
	kmem_cache_destroy(cache);
	CHECK_PANICS("a cache that is destroyed", object = kmem_cache_alloc(cache, GFP_KERNEL));
	CHECK_PANICS("a cache that is destroyed", object = kmem_cache_zalloc(cache, GFP_KERNEL));
	CHECK_PANICS("a cache that is destroyed",
		     object = kmem_cache_alloc_node(cache, GFP_KERNEL, numa_node_id()));
	CHECK_PANICS("a cache that is destroyed",
		     (void)!kmem_cache_alloc_bulk(cache, GFP_KERNEL, 1, &object));
	CHECK_PANICS("", kmem_cache_free(cache, object));
	CHECK_PANICS("a cache that is destroyed", kmem_cache_shrink(cache));
	CHECK_PANICS("a cache that is destroyed", kmem_cache_set_limit(cache, 10));
	CHECK_PANICS("a cache that is destroyed", (void)!kmem_cache_set_reserve(cache, 10));
	CHECK_PANICS("a cache that is destroyed", validate_slab_cache(cache));
}

/* Of what caches are made nothing is anybody's to free. */
static void objects_of_the_allocator_are_not_freed(void)
{
	struct kmem_cache *cache = make("test_own", 64, 0);
	size_t bytes = 0;

	CHECK_PANICS("wild free", kfree(cache));
	CHECK_PANICS("use of what is no object", bytes = ksize(cache));
	CHECK_EQ(bytes, 0);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_destroy(cache);
}

static void illegal_sizes_and_alignments_panic(void)
{
	const size_t too_large = KMALLOC_MAX_SIZE + 1;

	CHECK_PANICS("size_bytes > 0", kmem_cache_create("test_bad", 0, 0, 0, NULL));
	CHECK_PANICS("size_bytes <= KMALLOC_MAX_SIZE",
		     kmem_cache_create("test_bad", too_large, 0, 0, NULL));
	CHECK_PANICS("align == 0 || is_power_of_two(align)",
		     kmem_cache_create("test_bad", 8, 24, 0, NULL));
	CHECK_PANICS("align <= PAGE_SIZE", kmem_cache_create("test_bad", 8, 8192, 0, NULL));
	CHECK_PANICS("name != NULL", kmem_cache_create(NULL, 8, 8, 0, NULL));
}

static void zeroing_constructed_objects_panics(void)
{
	struct kmem_cache *cache = create_plain("test_ctor_zero", 40, 0, SLAB_PANIC,
						     construct);

	CHECK_PANICS("!cache->ctor", kmem_cache_zalloc(cache, GFP_KERNEL));
	abandon(cache);		/* with one object that nobody got */
}

/* ---- Corrupted bookkeeping ---- */

static void an_overflow_into_a_descriptor_is_caught(void)
{
	struct kmem_cache *cache = make("test_overflow", ON_SLAB_BYTES, 0);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = slab_of(object);
	uint8_t *guard = (uint8_t *)slab - 1;
	uint8_t kept = *guard;

	*guard = 'A';
	CHECK(breaks(cache, "SLAB-5"));
	CHECK_PANICS("guard word", kmem_cache_shrink(cache));
	*guard = kept;
	release_abandoned(&node_of(cache, object)->lock);
	abandon(cache);
}

static void a_zeroed_free_entry_is_caught_when_taken(void)
{
	struct kmem_cache *cache = make("test_entry", 64, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = slab_of(object);
	uint8_t kept = slab->bufctl[slab->first_free];

	slab->bufctl[slab->first_free] = 0;
	CHECK_PANICS("no free object", fill(cache, 300));
	release_abandoned(&node_of(cache, object)->lock);
	slab->bufctl[slab->first_free] = kept;
	abandon(cache);
}

/* Free objects of a cache with wide entries, all in the slab. */
static struct slab *wide_slab(struct kmem_cache *cache)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK(cache->layout.is_wide);
	return slab_of(object);
}

static void damaged_wide_entries_are_caught_when_taken(void)
{
	struct kmem_cache *cache = make("test_wide_entry", 8, 0);
	struct kmem_cache *other = make("test_wide_first", 8, 0);
	struct slab *slab = wide_slab(cache);

	slab->bufctl[slab->first_free] = 0;
	CHECK_PANICS("no free object", fill(cache, 600));
	release_abandoned(&node_of(cache, slab->objects)->lock);
	abandon(cache);
	slab = wide_slab(other);
	slab->first_free = other->layout.nr_objects;
	CHECK_PANICS("no free object", fill(other, 600));
	release_abandoned(&node_of(other, slab->objects)->lock);
	abandon(other);
}

static void a_first_index_out_of_range_is_caught(void)
{
	struct kmem_cache *cache = make("test_first", ON_SLAB_BYTES, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = slab_of(object);

	cpu_array_drain(cache, mm_port_cpu());
	slab->first_free = cache->layout.nr_objects;
	CHECK_PANICS("no free object", fill(cache, 100));
	release_abandoned(&node_of(cache, object)->lock);
	abandon(cache);
}

/* Without arrays each allocation takes one object: the first index itself must be refused. */
static void check_first_index(size_t bytes, bool is_wide)
{
	struct kmem_cache *cache = make("test_first_one", bytes, 0);
	struct slab *slab;
	void *object;

	cache->magazine_slots = 0;
	CHECK_EQ(cache->layout.is_wide, is_wide);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	slab = slab_of(object);
	slab->first_free = cache->layout.nr_objects;
	CHECK_PANICS("no free object", kmem_cache_alloc(cache, GFP_KERNEL));
	release_abandoned(&node_of(cache, object)->lock);
	abandon(cache);
}

/* Distances count modulo 256: from the last object of a full-sized slab, 1 leads to the first. */
static void a_free_list_may_wrap_from_the_last_object_to_the_first(void)
{
	struct kmem_cache *cache = make("test_wrap", 64, 0);
	struct slab *slab;
	uint8_t *state;

	CHECK_EQ(cache->layout.nr_objects, MAX_U8_OBJECTS);
	cache->magazine_slots = 0;
	fill(cache, MAX_U8_OBJECTS);
	slab = slab_of(objects[0]);
	kmem_cache_free(cache, slab_object(cache, slab, 7));
	kmem_cache_free(cache, slab_object(cache, slab, 0));
	kmem_cache_free(cache, slab_object(cache, slab, MAX_U8_OBJECTS - 1));
	CHECK_EQ(slab->bufctl[MAX_U8_OBJECTS - 1], 1);
	CHECK(slab_take_one(cache, GFP_KERNEL, slab->nid, &state) ==
	      slab_object(cache, slab, MAX_U8_OBJECTS - 1));
	CHECK(slab_take_one(cache, GFP_KERNEL, slab->nid, &state) == slab_object(cache, slab, 0));
	CHECK(slab_take_one(cache, GFP_KERNEL, slab->nid, &state) == slab_object(cache, slab, 7));
	CHECK_CACHE(cache);
	release(cache, MAX_U8_OBJECTS);
	kmem_cache_destroy(cache);
}

static void the_first_index_out_of_range_is_refused(void)
{
	check_first_index(ON_SLAB_BYTES, false);
	check_first_index(8, true);
}

static void an_overwritten_guard_is_caught_when_freeing(void)
{
	struct kmem_cache *cache = make("test_guard_free", ON_SLAB_BYTES, 0);
	void *first = kmem_cache_alloc(cache, GFP_KERNEL);
	void *second = kmem_cache_alloc(cache, GFP_KERNEL);
	struct cache_node *node = node_of(cache, first);

	cpu_array_drain(cache, mm_port_cpu());
	kmem_cache_free(cache, first);	/* neither the first free object nor the last */
	++*((uint8_t *)slab_of(second) - 1);
	CHECK_PANICS("guard word", cpu_array_drain(cache, mm_port_cpu()));
	release_abandoned(&node->lock);
	abandon(cache);
}

static void damaged_counts_and_links_are_caught(void)
{
	struct kmem_cache *cache = make("test_counts", ON_SLAB_BYTES, SLAB_POISON);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = slab_of(object);
	struct cache_node *node = node_of(cache, object);
	struct list_head *next = slab->list.next;
	uint16_t nr_free = slab->nr_free;

	slab->nr_free = 0;
	CHECK_PANICS("has no free object", kmem_cache_alloc(cache, GFP_KERNEL));
	release_abandoned(&node->lock);
	slab->nr_free = (uint16_t)(cache->layout.nr_objects + 1);
	CHECK_PANICS("counts more free objects", kmem_cache_alloc(cache, GFP_KERNEL));
	release_abandoned(&node->lock);
	slab->nr_free = nr_free;
	slab->list.next = NULL;
	CHECK_PANICS("list links are broken", kmem_cache_alloc(cache, GFP_KERNEL));
	release_abandoned(&node->lock);
	slab->list.next = next;
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static void damaged_links_of_an_empty_slab_are_caught(void)
{
	struct kmem_cache *cache = make("test_links_empty", ON_SLAB_BYTES, SLAB_POISON);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = slab_of(object);
	struct cache_node *node = node_of(cache, object);
	struct list_head *next = slab->list.next;

	slab->list.next = NULL;
	CHECK_PANICS("list links are broken", kmem_cache_free(cache, object));
	release_abandoned(&node->lock);
	slab->list.next = next;
	abandon(cache);		/* the object is free in its slab, which is not relisted */

	cache = make("test_links_reap", ON_SLAB_BYTES, SLAB_POISON);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	slab = slab_of(object);
	node = node_of(cache, object);
	kmem_cache_free(cache, object);
	next = slab->list.next;
	slab->list.next = NULL;
	CHECK_PANICS("list links are broken", kmem_cache_shrink(cache));
	release_abandoned(&node->lock);
	slab->list.next = next;
	kmem_cache_destroy(cache);
}

/* ---- Verifiers notice ---- */

/* Two objects of a fresh cache; one free in its slab, one in use. */
static struct kmem_cache *broken_cache(void **used, void **rested)
{
	struct kmem_cache *cache = make("test_breach", 64, 0);

	*used = kmem_cache_alloc(cache, GFP_KERNEL);
	*rested = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, *rested);
	CHECK(!breaks(cache, "SLAB-1"));
	return cache;
}

static void discard(struct kmem_cache *cache, void *used)
{
	CHECK_CACHE(cache);
	kmem_cache_free(cache, used);
	kmem_cache_destroy(cache);
}

static void verify_notices_SLAB_1(void)
{
	void *used, *rested;
	struct kmem_cache *cache = broken_cache(&used, &rested);
	struct cache_node *node = node_of(cache, used);
	struct slab *slab = slab_of(used);

	list_move(&slab->list, &node->full);
	CHECK(breaks(cache, "SLAB-1"));
	list_move(&slab->list, &node->partial);
	discard(cache, used);
}

static void verify_notices_SLAB_2(void)
{
	void *used, *rested;
	struct kmem_cache *cache = broken_cache(&used, &rested);
	struct slab *slab = slab_of(used);
	uint8_t *entry = &slab->bufctl[slab->first_free];
	uint8_t kept = *entry;

	*entry = 0;
	CHECK(breaks(cache, "SLAB-2"));
	*entry = kept;
	slab->first_free = cache->layout.nr_objects;
	CHECK(breaks(cache, "SLAB-2"));
	slab->first_free = (uint16_t)(entry - slab->bufctl);
	discard(cache, used);
}

static void verify_notices_SLAB_3(void)
{
	void *used, *rested;
	struct kmem_cache *cache = broken_cache(&used, &rested);
	struct page *page = virt_to_page(slab_start(cache, slab_of(used))) + 1;
	struct slab *slab = slab_of(used);

	page->type = PAGE_USER;
	CHECK(breaks(cache, "SLAB-3"));
	page->type = PAGE_SLAB;
	page_set_slab(page, cache_cache, slab);
	CHECK(breaks(cache, "SLAB-3"));
	page_set_slab(page, cache, slab);
	page->array_index++;
	CHECK(breaks(cache, "SLAB-3"));
	page->array_index--;
	discard(cache, used);
}

static void verify_notices_SLAB_4(void)
{
	void *used, *rested;
	struct kmem_cache *cache = broken_cache(&used, &rested);
	struct cache_node *node = node_of(cache, used);

	node->nr_free_objects++;
	CHECK(breaks(cache, "SLAB-4"));
	node->nr_free_objects--;
	node->nr_slabs++;
	CHECK(breaks(cache, "SLAB-4"));
	node->nr_slabs--;
	discard(cache, used);
}

static void verify_notices_SLAB_5(void)
{
	struct kmem_cache *cache = make("test_breach5", ON_SLAB_BYTES, 0);
	void *used = kmem_cache_alloc(cache, GFP_KERNEL);
	uint8_t *rear = (uint8_t *)slab_of(used) + cache->layout.descriptor_bytes;

	++*rear;
	CHECK(breaks(cache, "SLAB-5"));
	--*rear;
	discard(cache, used);
}

static void verify_notices_SLAB_6(void)
{
	void *used, *rested;
	struct kmem_cache *cache = broken_cache(&used, &rested);

	*state_of(cache, used) = 1;
	CHECK(breaks(cache, "SLAB-6"));
	*state_of(cache, used) = 0;
	discard(cache, used);
}

static void verify_notices_ALIEN_1_and_ALIEN_2(void)
{
	struct kmem_cache *cache = make("test_breach_alien", 128, 0);
	unsigned own = slab_memory_node(numa_node_id());
	unsigned other = slab_system.setup.nearest_node(own, 1);
	struct alien_array *alien;
	uint8_t *state;

	if (other == NID_NONE) {
		kmem_cache_destroy(cache);
		SKIP("one node with memory");
	}
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_free(cache, kmem_cache_alloc_node(cache, GFP_KERNEL, other));
	alien = alien_lookup(cache_node_lookup(cache, own), other);
	CHECK(alien && alien->nr > 0);
	alien->limit--;
	CHECK(breaks(cache, "ALIEN-1"));
	alien->limit++;
	state = alien->magazine->slots[0].state;
	alien->magazine->slots[0].state = state + 1;
	CHECK(breaks(cache, "ALIEN-2"));
	alien->magazine->slots[0].state = state;
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void verify_notices_CACHE_1_and_CACHE_2(void)
{
	void *used, *rested;
	struct kmem_cache *cache = broken_cache(&used, &rested);
	struct violation violation = { 0 };

	cache->inverse++;
	CHECK(breaks(cache, "CACHE-2"));
	cache->inverse--;
	test_quiet(true);
	slab_system.nr_caches++;
	CHECK(!slab_verify(&violation) && strcmp(violation.rule, "CACHE-1") == 0);
	slab_system.nr_caches--;
	test_quiet(false);
	discard(cache, used);
}

static void verify_notices_DEBUG_1_and_DEBUG_2(void)
{
	struct kmem_cache *cache = make("test_breach_debug", 64, SLAB_RED_ZONE | SLAB_POISON);
	uint8_t *used = kmem_cache_alloc(cache, GFP_KERNEL);
	uint8_t *freed = kmem_cache_alloc(cache, GFP_KERNEL);

	used[64]++;
	CHECK(breaks(cache, "DEBUG-1"));
	used[64]--;
	kmem_cache_free(cache, freed);
	freed[20]++;
	CHECK(breaks(cache, "DEBUG-2"));
	CHECK_EQ(validate_slab_cache(cache), 1);
	freed[20]--;
	CHECK_EQ(validate_slab_cache(cache), 0);
	discard(cache, used);
}

static const struct test_case cases[] = {
	{ "objects do not overlap", objects_do_not_overlap },
	{ "objects are aligned as asked", objects_are_aligned_as_asked },
	{ "hwcache align keeps objects on their own lines",
	  hwcache_align_keeps_objects_on_their_own_lines },
	{ "an alignment is the largest that is asked for",
	  an_alignment_is_the_largest_that_is_asked_for },
	{ "magazines are tuned by object size", magazines_are_tuned_by_object_size },
	{ "a cache asks for the pages it is made for", a_cache_asks_for_the_pages_it_is_made_for },
	{ "a new cache is what was asked for", a_new_cache_is_what_was_asked_for },
	{ "debug flags of the system are every new cache's",
	  debug_flags_of_the_system_are_every_new_caches },
	{ "init and the words of debug do not take each other back",
	  init_and_the_words_of_debug_do_not_take_each_other_back },
	{ "the largest objects have a cache unless red zones make them larger",
	  the_largest_objects_have_a_cache_unless_red_zones_make_them_larger },
	{ "the largest objects do without what debug= asks",
	  the_largest_objects_do_without_what_debug_asks },
	{ "a cache that cannot be made leaves nothing",
	  a_cache_that_cannot_be_made_leaves_nothing },
	{ "the first caches are listed and no larger than need be",
	  the_first_caches_are_listed_and_no_larger_than_need_be },
	{ "impossible machines are refused", impossible_machines_are_refused },
	{ "every page leads to cache and slab", every_page_leads_to_cache_and_slab },
	{ "constructors run once per object", constructors_run_once_per_object },
	{ "new objects come by address", new_objects_come_by_address },
	{ "zalloc zeroes used memory", zalloc_zeroes_used_memory },
	{ "bulk gives and takes all or nothing", bulk_gives_and_takes_all_or_nothing },
	{ "shrinking returns every page", shrinking_returns_every_page },
	{ "shrinking returns the pages of all nodes", shrinking_returns_the_pages_of_all_nodes },
	{ "an empty slab of one object is given back too",
	  an_empty_slab_of_one_object_is_given_back_too },
	{ "a destroyed debug cache leaves no page", a_destroyed_debug_cache_leaves_no_page },
	{ "a destroyed cache leaves nothing", a_destroyed_cache_leaves_nothing },
	{ "shrinking all leaves no empty slab", shrinking_all_leaves_no_empty_slab },
	{ "shrinking stops when it has enough", shrinking_stops_when_it_has_enough },
	{ "pressure is told how many pages came back",
	  pressure_is_told_how_many_pages_came_back },
	{ "pressure does not wait for a visitor", pressure_does_not_wait_for_a_visitor },
	{ "a cache that goes is visited by nobody", a_cache_that_goes_is_visited_by_nobody },
	{ "a cache that could not go is visited again",
	  a_cache_that_could_not_go_is_visited_again },
	{ "nothing is locked where objects are undone",
	  nothing_is_locked_where_objects_are_undone },
	{ "empty slabs beyond the bound go at once", empty_slabs_beyond_the_bound_go_at_once },
	{ "slabs given back are pages again", slabs_given_back_are_pages_again },
	{ "a node without pages is served by another", a_node_without_pages_is_served_by_another },
	{ "shrinking keeps slabs in use", shrinking_keeps_slabs_in_use },
	{ "memory pressure returns empty slabs", memory_pressure_returns_empty_slabs },
	{ "type-safe slabs wait for a grace period", type_safe_slabs_wait_for_a_grace_period },
	{ "verify notices GRACE-1", verify_notices_GRACE_1 },
	{ "slabs that come later wait longer", slabs_that_come_later_wait_longer },
	{ "destroying waits for all rounds", destroying_waits_for_all_rounds },
	{ "slabs begin at different colours", slabs_begin_at_different_colours },
	{ "descriptors lie in different lines", descriptors_lie_in_different_lines },
	{ "nodes get their own objects", nodes_get_their_own_objects },
	{ "DMA caches lie below 16 MiB", dma_caches_lie_below_16_mib },
	{ "a random run keeps every object", a_random_run_keeps_every_object },
	{ "a random run with all debug options keeps every object",
	  a_random_run_with_all_debug_options_keeps_every_object },
	{ "failing pages leave everything in order", failing_pages_leave_everything_in_order },
	{ "a failing bulk allocates nothing", a_failing_bulk_allocates_nothing },
	{ "a second free panics", a_second_free_panics },
	{ "an object that rests twice is not given out twice",
	  an_object_that_rests_twice_is_not_given_out_twice },
	{ "a second free after draining panics", a_second_free_after_draining_panics },
	{ "interior pointers panic", interior_pointers_panic },
	{ "wild frees panic", wild_frees_panic },
	{ "frees to another cache panic", frees_to_another_cache_panic },
	{ "destroying a cache in use panics", destroying_a_cache_in_use_panics },
	{ "destroying a cache twice panics", destroying_a_cache_twice_panics },
	{ "no object comes from a destroyed cache", no_object_comes_from_a_destroyed_cache },
	{ "objects of the allocator are not freed", objects_of_the_allocator_are_not_freed },
	{ "illegal sizes and alignments panic", illegal_sizes_and_alignments_panic },
	{ "zeroing constructed objects panics", zeroing_constructed_objects_panics },
	{ "an overflow into a descriptor is caught", an_overflow_into_a_descriptor_is_caught },
	{ "a zeroed free entry is caught when taken", a_zeroed_free_entry_is_caught_when_taken },
	{ "damaged wide entries are caught when taken",
	  damaged_wide_entries_are_caught_when_taken },
	{ "a first index out of range is caught", a_first_index_out_of_range_is_caught },
	{ "a free list may wrap from the last object to the first",
	  a_free_list_may_wrap_from_the_last_object_to_the_first },
	{ "the first index out of range is refused", the_first_index_out_of_range_is_refused },
	{ "an overwritten guard is caught when freeing",
	  an_overwritten_guard_is_caught_when_freeing },
	{ "damaged counts and links are caught", damaged_counts_and_links_are_caught },
	{ "damaged links of an empty slab are caught", damaged_links_of_an_empty_slab_are_caught },
	{ "verify notices SLAB-1", verify_notices_SLAB_1 },
	{ "verify notices SLAB-2", verify_notices_SLAB_2 },
	{ "verify notices SLAB-3", verify_notices_SLAB_3 },
	{ "verify notices SLAB-4", verify_notices_SLAB_4 },
	{ "verify notices SLAB-5", verify_notices_SLAB_5 },
	{ "verify notices SLAB-6", verify_notices_SLAB_6 },
	{ "verify notices ALIEN-1 and ALIEN-2", verify_notices_ALIEN_1_and_ALIEN_2 },
	{ "verify notices CACHE-1 and CACHE-2", verify_notices_CACHE_1_and_CACHE_2 },
	{ "verify notices DEBUG-1 and DEBUG-2", verify_notices_DEBUG_1_and_DEBUG_2 },
};

TEST_SUITE(slab, cases);
