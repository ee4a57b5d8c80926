/*
 * Slabs of a node, from inside: which objects a batch is made of, which slabs go and
 * stay, where objects come from when the node itself has no page for them, and what
 * making and giving back leaves.
 */

#include "tests/unit/slab/room.h"

#include "lib/align.h"
#include "mm/live.h"
#include "tests/abandoned.h"
#include "tests/test.h"
#include "tests/unit/nodes.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/slab/plain_cache.h"

#define NR_SLOTS	1000u

static struct slab_slot slots[NR_SLOTS];

/* Without arrays: what is freed goes to its slab, what is allocated comes from one. */
static struct kmem_cache *make(const char *name, size_t bytes, slab_flags_t flags)
{
	struct kmem_cache *cache = create_plain(name, bytes, 0, flags | SLAB_PANIC, NULL);

	cache->magazine_slots = 0;
	return cache;
}

static unsigned own_nid(void)
{
	return slab_memory_node(numa_node_id());
}

/* The next node with memory; NID_NONE where there is one. */
static unsigned other_nid(void)
{
	return slab_system.setup.nearest_node(own_nid(), 1);
}

/* The own node of @cache, with @nr empty slabs. */
static struct cache_node *grow(struct kmem_cache *cache, unsigned nr)
{
	struct cache_node *node = NULL;

	for (unsigned i = 0; i < nr; i++) {
		node = cache_grow(cache, GFP_KERNEL | __GFP_THISNODE, own_nid());
		CHECK(node != NULL);
	}
	return node;
}

static struct slab *first_slab(struct list_head *list)
{
	CHECK(!list_is_empty(list));
	return list_first_entry(list, struct slab, list);
}

/* ---- What a slab's list may lead to ---- */

/* Entries behind the last object's look like free ones that follow each other. */
static void check_refused(struct kmem_cache *cache, unsigned first_free, unsigned wanted)
{
	struct cache_node *node = cache_node_get(cache, own_nid());
	struct slab *slab = first_slab(&node->free);

	slab->first_free = (uint16_t)first_free;
	CHECK_PANICS("leads to no free object", node_take(cache, node, slots, wanted));
	release_abandoned(&node->lock);
	slab->first_free = 0;
}

static void no_run_leads_behind_the_last_object(void)
{
	struct kmem_cache *cache = make("test_run_end", 72, 0);
	const unsigned nr_objects = cache->layout.nr_objects;
	struct slab *slab = first_slab(&grow(cache, 1)->free);

	CHECK_EQ(cache->layout.place, OFF_SLAB);
	for (unsigned index = nr_objects - 1; index < MAX_U8_OBJECTS; index++)
		CHECK_EQ(slab->bufctl[index], 1);
	check_refused(cache, nr_objects - 1, 2);
	check_refused(cache, nr_objects, 2);
	check_refused(cache, nr_objects + 1, 2);
	check_refused(cache, MAX_U8_OBJECTS - 1, 2);	/* from here 1 leads to the first */
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* Behind the low bytes of wide entries stand the high bytes, which are not all 0. */
static void no_wide_entry_leads_behind_the_last_object(void)
{
	struct kmem_cache *cache = make("test_wide_end", 8, 0);
	const unsigned nr_objects = cache->layout.nr_objects;
	struct slab *slab = first_slab(&grow(cache, 1)->free);

	CHECK(cache->layout.is_wide);
	CHECK(slab->bufctl[nr_objects + 200] != 0);
	check_refused(cache, nr_objects + 200, 1);
	CHECK_EQ(slab->bufctl[nr_objects], 0);
	slab->bufctl[nr_objects] = 1;
	check_refused(cache, nr_objects, 1);
	slab->bufctl[nr_objects] = 0;
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* ---- Which slabs serve, go and stay ---- */

#define NR_SLABS		6u
#define NR_SLABS_PER_BATCH	4u	/* MAX_SLABS_PER_TAKE */

/* Leaves one object free in each of NR_SLABS slabs; the others are in `slots`, in @nr. */
static struct cache_node *leave_one_free_in_each(struct kmem_cache *cache, unsigned *nr)
{
	struct cache_node *node = grow(cache, NR_SLABS);
	const unsigned nr_objects = cache->layout.nr_objects;

	CHECK(NR_SLABS * nr_objects <= NR_SLOTS);
	for (unsigned i = 0; i < NR_SLABS; i++)
		CHECK_EQ(node_take(cache, node, &slots[i * nr_objects], nr_objects), nr_objects);
	CHECK_EQ(node->nr_free_objects, 0);
	*nr = NR_SLABS * nr_objects;
	for (unsigned i = NR_SLABS; i > 0; i--) {
		node_give(cache, node, &slots[(i - 1) * nr_objects], 1);
		slots[(i - 1) * nr_objects] = slots[--*nr];
	}
	return node;
}

static void a_batch_comes_from_few_slabs(void)
{
	struct kmem_cache *cache = make("test_batch", 1024, 0);
	struct slab_slot batch[NR_SLABS];
	unsigned nr, nr_taken;
	struct cache_node *node = leave_one_free_in_each(cache, &nr);

	CHECK_EQ(node->nr_free_objects, NR_SLABS);
	nr_taken = node_take(cache, node, batch, NR_SLABS);
	CHECK_EQ(nr_taken, NR_SLABS_PER_BATCH);
	node_give(cache, node, batch, nr_taken);
	node_give(cache, node, slots, nr);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void reaping_keeps_as_many_objects_as_asked(void)
{
	struct kmem_cache *cache = make("test_reap", 1024, 0);
	const unsigned nr_objects = cache->layout.nr_objects;
	const uint64_t nr_pages = pages_in(cache->layout.order);
	struct cache_node *node = grow(cache, 5);

	CHECK_EQ(node_reap(cache, node, 5 * nr_objects), 0);
	CHECK_EQ(node_reap(cache, node, 4 * nr_objects), nr_pages);
	CHECK_EQ(node_reap(cache, node, 2 * nr_objects + 1), 2 * nr_pages);
	CHECK_EQ(node->nr_slabs, 2);
	CHECK_EQ(node_reap(cache, node, 0), 2 * nr_pages);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* One object is all of a slab. */
static void a_node_that_may_keep_nothing_keeps_no_slab(void)
{
	struct kmem_cache *cache = make("test_keep_none", 8 * PAGE_SIZE, 0);
	void *object = kmem_cache_alloc_node(cache, GFP_KERNEL, own_nid());
	struct cache_node *node = cache_node_lookup(cache, page_to_nid(virt_to_page(object)));
	const uint64_t kept = node->max_free_objects;

	CHECK_EQ(cache->layout.nr_objects, 1);
	node->max_free_objects = 0;
	kmem_cache_free(cache, object);
	CHECK_EQ(node->nr_slabs, 0);
	node->max_free_objects = kept;
	kmem_cache_destroy(cache);
}

/* ---- Without a page on the node ---- */

static void what_the_caller_says_of_pages_is_kept(void)
{
	struct kmem_cache *cache = make("test_gfp", 256, 0);

	cache_node_get(cache, own_nid());
	mm_fail_nth(1);
	CHECK_EQ(node_take_growing(cache, GFP_KERNEL | __GFP_NO_INJECTION, own_nid(), slots,
				   1), 1);
	CHECK(!mm_fail_nth_struck());
	mm_fail_nth(0);
	node_give(cache, cache_node_lookup(cache, own_nid()), slots, 1);
	kmem_cache_destroy(cache);
}

/* A node that has no page such as @cache asks for, but another has; NID_NONE: there is none. */
static unsigned nid_without_pages_for(struct kmem_cache *cache)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct page *page = alloc_pages_node(nid, cache->gfp | GFP_KERNEL, 0);
		unsigned found_nid = page ? page_to_nid(page) : NID_NONE;

		if (page)
			__free_page(page);
		if (page && found_nid != nid)
			return nid;
	}
	return NID_NONE;
}

/* A CPU's array and a batch are of one node: what another has does not come that way. */
static void a_node_takes_no_pages_of_another(void)
{
	struct kmem_cache *cache = make("test_no_zone", 256, SLAB_CACHE_DMA);
	const unsigned nid = nid_without_pages_for(cache);
	void *object;

	if (nid == NID_NONE) {
		kmem_cache_destroy(cache);
		SKIP("every node has DMA memory, or none has");
	}
	CHECK_EQ(node_take_growing(cache, GFP_KERNEL, nid, slots, 1), 0);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	object = kmem_cache_alloc_node(cache, GFP_KERNEL, nid);
	CHECK(object != NULL);
	kmem_cache_free(cache, object);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static unsigned (*real_nearest_node)(unsigned nid, unsigned i);

/* Counts @nid itself twice. */
static unsigned nearest_late(unsigned nid, unsigned i)
{
	return real_nearest_node(nid, i > 0 ? i - 1 : 0);
}

/* There is no other; and from each time that one is looked for, the next page fails. */
static unsigned nearest_and_fail(unsigned nid, unsigned i)
{
	mm_fail_nth(1);
	return i == 0 ? real_nearest_node(nid, 0) : NID_NONE;
}

/* One object of @nid or near it, where pages fail from the first on, and @nearest is asked. */
static void *take_without_page(struct kmem_cache *cache, unsigned nid,
			       unsigned (*nearest)(unsigned nid, unsigned i), uint8_t **state)
{
	void *object;

	real_nearest_node = slab_system.setup.nearest_node;
	test_quiet(true);
	slab_system.setup.nearest_node = nearest;
	mm_fail_nth(1);
	object = slab_take_one(cache, GFP_KERNEL, nid, state);
	mm_fail_nth(0);
	slab_system.setup.nearest_node = real_nearest_node;
	test_quiet(false);
	return object;
}

/* The object of @other in its only slab that is asked for on @own comes from there. */
static void check_borrows(struct kmem_cache *cache, unsigned own, unsigned other,
			  unsigned (*nearest)(unsigned nid, unsigned i))
{
	uint8_t *state;
	void *borrowed = take_without_page(cache, own, nearest, &state);

	CHECK(borrowed != NULL);
	CHECK_EQ(page_to_nid(virt_to_page(borrowed)), other);
	CHECK_EQ(cache_node_lookup(cache, other)->nr_slabs, 1);
	slab_give_one(cache, borrowed, state);
}

static void the_nearest_node_with_a_free_object_serves(void)
{
	struct kmem_cache *cache = make("test_nearest", 256, 0);
	const unsigned own = own_nid(), other = other_nid();
	void *object;

	if (other == NID_NONE) {
		kmem_cache_destroy(cache);
		SKIP("one node with memory");
	}
	object = kmem_cache_alloc_node(cache, GFP_KERNEL, other);
	CHECK(cache_node_get(cache, own) != NULL);
	check_borrows(cache, own, other, slab_system.setup.nearest_node);
	check_borrows(cache, own, other, nearest_late);
	kmem_cache_free(cache, object);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void a_node_without_memory_is_served_by_the_nearest(void)
{
	struct kmem_cache *cache = make("test_memoryless", 256, 0);
	unsigned nid = 0, near;
	uint8_t *state;
	void *object;

	while (nid < slab_system.nr_nodes && slab_memory_node(nid) == nid)
		nid++;
	if (nid == slab_system.nr_nodes) {
		kmem_cache_destroy(cache);
		SKIP("every node has memory");
	}
	for (unsigned i = 0; (near = slab_system.setup.nearest_node(nid, i)) != NID_NONE; i++)
		CHECK(cache_grow(cache, GFP_KERNEL, near) != NULL);
	object = slab_take_one(cache, GFP_KERNEL, nid, &state);
	CHECK_EQ(page_to_nid(virt_to_page(object)), slab_memory_node(nid));
	slab_give_one(cache, object, state);
	kmem_cache_destroy(cache);
}

static void where_no_node_has_a_free_object_any_page_serves(void)
{
	struct kmem_cache *cache = make("test_any_page", 256, 0);
	uint8_t *state;
	void *object;

	CHECK(cache_node_get(cache, own_nid()) != NULL);
	object = take_without_page(cache, own_nid(), slab_system.setup.nearest_node, &state);
	CHECK(object != NULL);
	CHECK_EQ(*state, 0);
	CHECK_EQ(slab_usage(cache).nr_active, 1);
	slab_give_one(cache, object, state);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

static void without_any_page_nothing_is_taken(void)
{
	struct kmem_cache *cache = make("test_no_page", 256, 0);
	uint8_t *state;

	CHECK(cache_node_get(cache, own_nid()) != NULL);
	CHECK(!take_without_page(cache, own_nid(), nearest_and_fail, &state));
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* The free objects of @cache on node @nid, to @to; returns how many. */
static unsigned take_all_of_node(struct kmem_cache *cache, unsigned nid, struct slab_slot *to,
				 unsigned nr_places)
{
	struct cache_node *node = cache_node_lookup(cache, nid);
	unsigned nr = 0, nr_taken;

	do {
		nr_taken = node ? node_take(cache, node, to + nr, nr_places - nr) : 0;
		nr += nr_taken;
	} while (nr_taken);
	return nr;
}

/* All that could serve this CPU or new nodes of node_cache, into `slots`: how many they are. */
static unsigned take_all(struct kmem_cache *cache)
{
	unsigned nr = take_all_of_node(cache, own_nid(), slots, NR_SLOTS);

	nr += take_all_of_node(cache, slab_system.boot_nid, slots + nr, NR_SLOTS - nr);
	CHECK(nr < NR_SLOTS);
	return nr;
}

static void give_all(struct kmem_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		slab_give_one(cache, slots[i].object, slots[i].state);
}

/* Where a cache_node fails, the object is not given up. */
static void a_node_that_cannot_be_made_is_tried_again(void)
{
	struct kmem_cache *cache = make("test_no_node", 256, 0);
	unsigned nr = take_all(node_cache);
	uint8_t *state;
	void *object;

	object = take_without_page(cache, own_nid(), nearest_and_fail, &state);
	CHECK(object != NULL);
	if (object)
		slab_give_one(cache, object, state);
	give_all(node_cache, nr);
	CHECK_CACHE(node_cache);
	kmem_cache_destroy(cache);
}

/* ---- Making slabs and nodes, and giving them back ---- */

static void what_may_be_kept_grows_with_the_load(void)
{
	struct kmem_cache *cache = create_plain("test_bound", 1024, 0, SLAB_PANIC, NULL);
	const uint64_t nr_objects = cache->layout.nr_objects;
	struct cache_node *node = cache_node_get(cache, own_nid());

	CHECK(cache->magazine_slots > 0);
	cache->max_kept_objects = nr_objects + 2 * nr_objects;
	CHECK_EQ(node->max_free_objects, nr_objects);
	grow(cache, 1);
	CHECK_EQ(node->max_free_objects, nr_objects + nr_objects);
	grow(cache, 1);
	CHECK_EQ(node->max_free_objects, nr_objects + 2 * nr_objects);
	grow(cache, 1);
	CHECK_EQ(node->max_free_objects, nr_objects + 2 * nr_objects);
	CHECK_EQ(node_reap(cache, node, UINT64_MAX), 0);
	CHECK_EQ(node->max_free_objects, nr_objects);
	kmem_cache_destroy(cache);
}

/* Wherever they are, and what brought up their mem_map too. */
static uint64_t count_free_pages(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone) {
		nr_pages += zone_listed_pages(zone) + zone->nr_metadata_pages;
		for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
			if (live.cpus[cpu])
				nr_pages += page_stacks_pages(live.cpus[cpu], zone);
	}
	return nr_pages;
}

/* Making a slab of @cache fails for want of an object of @needed, and keeps no page. */
static void check_unwinds(struct kmem_cache *cache, struct kmem_cache *needed)
{
	const unsigned own = own_nid(), nr = take_all(needed);
	const uint64_t nr_free_pages = count_free_pages();

	real_nearest_node = slab_system.setup.nearest_node;
	test_quiet(true);
	slab_system.setup.nearest_node = nearest_and_fail;
	mm_fail_nth(2);		/* the first is for the slab itself */
	CHECK(!cache_grow(cache, GFP_KERNEL, own));
	CHECK(mm_fail_nth_struck());
	mm_fail_nth(0);
	slab_system.setup.nearest_node = real_nearest_node;
	test_quiet(false);
	CHECK_EQ(count_free_pages(), nr_free_pages);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	give_all(needed, nr);
	CHECK_CACHE(needed);
	CHECK_CACHE(cache);
	CHECK(cache_grow(cache, GFP_KERNEL, own) != NULL);
}

static void a_slab_that_cannot_be_made_leaves_no_page(void)
{
	struct kmem_cache *cache = make("test_unwind", 64, 0);

	CHECK_EQ(cache->layout.place, OFF_SLAB);
	check_unwinds(cache, node_cache);
	kmem_cache_shrink(cache);
	check_unwinds(cache, cache->descriptors);
	kmem_cache_destroy(cache);
}

static uint64_t nr_descriptors_in_use(const struct kmem_cache *cache)
{
	return cache->descriptors ? slab_usage(cache->descriptors).nr_active : 0;
}

static void slabs_given_back_give_all_their_pages(void)
{
	static const size_t sizes[] = { 64, ON_SLAB_BYTES, 8 * PAGE_SIZE };

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct kmem_cache *cache = make("test_all_pages", sizes[i], 0);
		const uint64_t nr_pages = pages_in(cache->layout.order);
		struct cache_node *node = grow(cache, 1);	/* and a descriptor's slab */
		const uint64_t nr_free_pages = count_free_pages();
		const uint64_t nr_descriptors = nr_descriptors_in_use(cache);

		grow(cache, 2);
		CHECK_EQ(count_free_pages(), nr_free_pages - 2 * nr_pages);
		CHECK_EQ(node_reap(cache, node, cache->layout.nr_objects), 2 * nr_pages);
		CHECK_EQ(count_free_pages(), nr_free_pages);
		CHECK_EQ(nr_descriptors_in_use(cache), nr_descriptors);
		kmem_cache_destroy(cache);
	}
}

/* Written after it was freed, and never used again. */
static void what_is_written_to_a_free_object_is_found_when_its_slab_goes(void)
{
	struct kmem_cache *cache = make("test_last_look", 64, SLAB_POISON);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	object[8]++;
	CHECK_PANICS("use after free", kmem_cache_shrink(cache));
	object[8]--;
	abandon(cache);		/* with a slab that is on no list */
}

/* The @i-th slab made on its node. */
static void check_place(const struct kmem_cache *cache, const struct slab *slab, unsigned i)
{
	const struct slab_layout *layout = &cache->layout;
	const uint8_t *start = slab_start(cache, slab), *at = (const uint8_t *)slab;

	CHECK_EQ(slab->colour, i % layout->nr_colours);
	CHECK_EQ(slab->objects - start,
		 layout->objects_offset + slab->colour * layout->colour_bytes);
	if (layout->place == OFF_SLAB)
		return;
	CHECK(at >= start + SLAB_GUARD_BYTES);
	CHECK(at + layout->descriptor_bytes + SLAB_GUARD_BYTES <= start + layout->objects_offset);
}

static void slabs_take_turns_with_colours_and_places(void)
{
	for (size_t bytes = 64; bytes <= PAGE_SIZE; bytes += 64) {
		struct kmem_cache *cache = create_plain("test_turns", bytes, 64, SLAB_PANIC, NULL);

		for (unsigned i = 0; i < 4; i++)
			check_place(cache, first_slab(&grow(cache, 1)->free), i);
		CHECK_CACHE(cache);
		kmem_cache_destroy(cache);
	}
}

static void cache_nodes_lie_on_their_nodes(void)
{
	struct kmem_cache *cache = make("test_node_place", 64, 0);

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct cache_node *node = cache_node_get(cache, nid);

		CHECK(node != NULL);
		CHECK_EQ(node->nid, nid);
		if (node_is_roomy(nid))
			CHECK_EQ(page_to_nid(virt_to_page(node)), nid);
		CHECK(cache_node_get(cache, nid) == node);
	}
	kmem_cache_destroy(cache);
}

/* Elsewhere node_cache might have no cache_node either, and would ask itself without end. */
static void node_caches_own_nodes_come_from_where_it_began(void)
{
	const unsigned nid = slab_system.boot_nid == 0 ? 1 : 0;
	struct cache_node *kept, *made;
	unsigned nr;

	if (nid >= slab_system.nr_nodes)
		SKIP("one node");
	nr = take_all(node_cache);
	kept = node_cache->nodes[nid];
	node_cache->nodes[nid] = NULL;
	mm_fail_nth(1);
	made = cache_node_get(node_cache, nid);
	mm_fail_nth(0);
	node_cache->nodes[nid] = kept;
	CHECK(!made);
	give_all(node_cache, nr);
	CHECK_CACHE(node_cache);
}

static struct kmem_cache *raced_cache;
static struct cache_node *made_meanwhile;

/* Does what another CPU might, while this one looks for an object on other nodes. */
static unsigned nearest_and_make_node(unsigned nid, unsigned i)
{
	struct kmem_cache *cache = raced_cache;

	raced_cache = NULL;
	if (cache)
		made_meanwhile = cache_node_get(cache, nid);
	return i == 0 ? real_nearest_node(nid, 0) : NID_NONE;
}

static void of_two_cpus_that_make_a_node_one_is_second(void)
{
	struct kmem_cache *cache = make("test_node_race", 64, 0);
	const unsigned own = own_nid(), nr = take_all(node_cache);
	const uint64_t nr_nodes = slab_usage(node_cache).nr_active;
	struct cache_node *node;

	raced_cache = cache;
	made_meanwhile = NULL;
	real_nearest_node = slab_system.setup.nearest_node;
	test_quiet(true);
	slab_system.setup.nearest_node = nearest_and_make_node;
	mm_fail_nth(1);
	node = cache_node_get(cache, own);
	mm_fail_nth(0);
	slab_system.setup.nearest_node = real_nearest_node;
	test_quiet(false);
	CHECK(made_meanwhile != NULL);
	CHECK(node == made_meanwhile);
	CHECK(cache_node_lookup(cache, own) == node);
	CHECK_EQ(slab_usage(node_cache).nr_active, nr_nodes + 1);
	give_all(node_cache, nr);
	CHECK_CACHE(node_cache);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "no run leads behind the last object", no_run_leads_behind_the_last_object },
	{ "no wide entry leads behind the last object",
	  no_wide_entry_leads_behind_the_last_object },
	{ "a batch comes from few slabs", a_batch_comes_from_few_slabs },
	{ "reaping keeps as many objects as asked", reaping_keeps_as_many_objects_as_asked },
	{ "a node that may keep nothing keeps no slab",
	  a_node_that_may_keep_nothing_keeps_no_slab },
	{ "what the caller says of pages is kept", what_the_caller_says_of_pages_is_kept },
	{ "a node takes no pages of another", a_node_takes_no_pages_of_another },
	{ "the nearest node with a free object serves",
	  the_nearest_node_with_a_free_object_serves },
	{ "a node without memory is served by the nearest",
	  a_node_without_memory_is_served_by_the_nearest },
	{ "where no node has a free object any page serves",
	  where_no_node_has_a_free_object_any_page_serves },
	{ "without any page nothing is taken", without_any_page_nothing_is_taken },
	{ "a node that cannot be made is tried again", a_node_that_cannot_be_made_is_tried_again },
	{ "what may be kept grows with the load", what_may_be_kept_grows_with_the_load },
	{ "a slab that cannot be made leaves no page", a_slab_that_cannot_be_made_leaves_no_page },
	{ "slabs given back give all their pages", slabs_given_back_give_all_their_pages },
	{ "what is written to a free object is found when its slab goes",
	  what_is_written_to_a_free_object_is_found_when_its_slab_goes },
	{ "slabs take turns with colours and places", slabs_take_turns_with_colours_and_places },
	{ "cache_nodes lie on their nodes", cache_nodes_lie_on_their_nodes },
	{ "node_cache's own nodes come from where it began",
	  node_caches_own_nodes_come_from_where_it_began },
	{ "of two CPUs that make a node one is second",
	  of_two_cpus_that_make_a_node_one_is_second },
};

TEST_SUITE(slab_node, cases);
