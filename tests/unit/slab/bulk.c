/*
 * Objects one by one and many at once, on their way through mm/slab/cpu.c: what is at
 * hand comes first, what must not be freed is found wherever it stands, and reports
 * name who called.
 */

#include "tests/unit/slab/room.h"

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "tests/test.h"
#include "tests/unit/slab/cache_rules.h"
#include "tests/unit/heard.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/starve.h"

#define NR_OBJECTS	600u

static void *objects[NR_OBJECTS];

static struct kmem_cache *make(const char *name, size_t bytes, slab_flags_t flags)
{
	return create_plain(name, bytes, 0, flags | SLAB_PANIC, NULL);
}

static struct slab *slab_of(const void *object)
{
	return page_slab(virt_to_page(object));
}

/* What this CPU has at hand. */
static uint64_t nr_at_hand(struct kmem_cache *cache)
{
	return cpu_array_count(cache, cache->cpu[mm_port_cpu()]);
}

static void take_bulk(struct kmem_cache *cache, unsigned nr)
{
	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, nr, objects), nr);
}

static void discard(struct kmem_cache *cache)
{
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	CHECK_CACHE(cache);
	kmem_cache_destroy(cache);
}

/* ---- Many at once ---- */

static void a_bulk_of_zeroed_objects_is_zeroed(void)
{
	struct kmem_cache *cache = make("test_bulk_zero", 128, 0);

	take_bulk(cache, 50);
	for (unsigned i = 0; i < 50; i++)
		memset(objects[i], 0xee, 128);
	kmem_cache_free_bulk(cache, 50, objects);
	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_ZERO, 50, objects), 50);
	for (unsigned i = 0; i < 50; i++)
		for (unsigned at = 0; at < 128; at++)
			CHECK_EQ(((uint8_t *)objects[i])[at], 0);
	kmem_cache_free_bulk(cache, 50, objects);
	discard(cache);
}

static void a_bulk_that_memory_ends_gives_back_what_it_took(void)
{
	struct kmem_cache *cache = make("test_bulk_end", 128, 0);
	const unsigned nr = cache->layout.nr_objects;

	/* One slab, and no other to be had. */
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	starve_begin(cache);
	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, nr + 1, objects), 0);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, nr, objects), nr);
	CHECK(!kmem_cache_alloc(cache, GFP_KERNEL));
	starve_end(cache);
	kmem_cache_free_bulk(cache, nr, objects);
	discard(cache);
}

static void a_bulk_of_nothing_takes_and_gives_nothing(void)
{
	struct kmem_cache *cache = make("test_bulk_none", 128, 0);

	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 0, objects), 0);
	kmem_cache_free_bulk(cache, 0, objects);
	CHECK_EQ(slab_usage(cache).nr_slabs, 0);
	kmem_cache_destroy(cache);
}

/* The places left in the magazine may be fewer than the objects, and none. */
static void a_bulk_may_be_more_than_there_is_room_for(void)
{
	struct kmem_cache *cache = make("test_bulk_room", 128, 0);
	const unsigned slots = cache->magazine_slots, nr = 3u * slots;
	struct cpu_array *array;
	unsigned nr_freed = 0;

	CHECK(nr <= NR_OBJECTS);
	take_bulk(cache, nr);
	array = cache->cpu[mm_port_cpu()];
	while (array->top < array->end)
		kmem_cache_free(cache, objects[nr_freed++]);
	kmem_cache_free_bulk(cache, nr - nr_freed, objects + nr_freed);
	CHECK_CACHE(cache);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	discard(cache);
}

static void a_bulk_may_hold_nothing_in_places(void)
{
	struct kmem_cache *cache = make("test_bulk_null", 128, 0);

	take_bulk(cache, 9);
	kmem_cache_free(cache, objects[0]);
	objects[0] = NULL;
	kmem_cache_free(cache, objects[5]);
	objects[5] = NULL;
	kmem_cache_free_bulk(cache, 9, objects);
	discard(cache);
}

static void a_bulk_finds_what_is_no_object_of_its_cache(void)
{
	struct kmem_cache *cache = make("test_bulk_wrong", 128, 0);
	struct kmem_cache *foreign = make("test_bulk_other", 128, 0);
	void *wrong = kmem_cache_alloc(foreign, GFP_KERNEL);
	void *mixed[3];

	take_bulk(cache, 4);
	mixed[0] = objects[0];
	mixed[1] = wrong;
	mixed[2] = objects[1];
	CHECK_PANICS("wrong cache", kmem_cache_free_bulk(cache, 3, mixed));
	CHECK_EQ(slab_usage(cache).nr_active, 3);
	CHECK_EQ(slab_usage(foreign).nr_active, 1);
	/* As like an object as an address can be: so far off that half of it is the same. */
	mixed[0] = objects[1];
	mixed[1] = (uint8_t *)objects[2] + ((uint64_t)1 << 32);
	CHECK_PANICS("wrong cache", kmem_cache_free_bulk(cache, 2, mixed));
	mixed[0] = mixed[1] = objects[2];
	CHECK_PANICS("double free", kmem_cache_free_bulk(cache, 2, mixed));
	CHECK_EQ(slab_usage(cache).nr_active, 1);
	kmem_cache_free(cache, objects[3]);
	kmem_cache_free(foreign, wrong);
	discard(cache);
	discard(foreign);
}

/* ---- One by one ---- */

static void a_request_for_the_own_node_gets_what_is_at_hand(void)
{
	struct kmem_cache *cache = make("test_own_node", 128, 0);
	unsigned nid;

	take_bulk(cache, 2);
	nid = slab_of(objects[0])->nid;
	kmem_cache_free_bulk(cache, 2, objects);
	CHECK(nr_at_hand(cache) >= 2);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t nr_before = nr_at_hand(cache);
		gfp_t gfp = i == 0 ? GFP_KERNEL : GFP_KERNEL | __GFP_ZERO;

		CHECK(kmem_cache_alloc_node(cache, gfp, nid) == objects[1 - i]);
		CHECK_EQ(nr_at_hand(cache), nr_before - 1);
	}
	kmem_cache_free_bulk(cache, 2, objects);
	discard(cache);
}

static void a_node_that_does_not_exist_panics(void)
{
	struct kmem_cache *cache = make("test_no_such_node", 128, 0);
	unsigned nid = slab_system.nr_nodes;

	CHECK_PANICS("nid < slab_system.nr_nodes", kmem_cache_alloc_node(cache, GFP_KERNEL, nid));
	discard(cache);
}

/* One that only frees, as the last stage of a pipeline does, has an array as well. */
static void the_first_free_makes_an_array(void)
{
	struct kmem_cache *cache = make("test_first_free", 128, 0);
	uint8_t *state;
	void *object = slab_take_one(cache, GFP_KERNEL, slab_memory_node(numa_node_id()), &state);

	CHECK(cache->cpu[mm_port_cpu()] == &slab_no_array);
	kmem_cache_free(cache, object);
	CHECK(cache->cpu[mm_port_cpu()] != &slab_no_array);
	CHECK_EQ(nr_at_hand(cache), 1);
	CHECK(kmem_cache_alloc(cache, GFP_KERNEL) == object);
	kmem_cache_free(cache, object);
	discard(cache);
}

static void there_is_no_object_where_memory_ends(void)
{
	struct kmem_cache *cache = make("test_end", 128, 0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	uint64_t end_pa = slab_system.end_pa;

	test_quiet(true);
	slab_system.end_pa = virt_to_phys(object);
	CHECK_PANICS("wild free", kfree(object));
	slab_system.end_pa++;
	kfree(object);
	slab_system.end_pa = end_pa;
	test_quiet(false);
	discard(cache);
}

/* Where another object would be if the slab had one more: whatever stands behind the last entry. */
static void there_is_no_object_behind_the_last(void)
{
	struct kmem_cache *cache = make("test_behind", 200, 0);
	const unsigned nr = cache->layout.nr_objects;
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = slab_of(object);
	uint8_t *behind = slab_object(cache, slab, nr);
	uint8_t kept = slab->bufctl[nr];

	CHECK_EQ(cache->layout.place, ON_SLAB);
	CHECK(behind < slab_start(cache, slab) + slab_bytes(cache));
	slab->bufctl[nr] = 0;
	CHECK_PANICS("interior pointer", kfree(behind));
	slab->bufctl[nr] = kept;
	kmem_cache_free(cache, object);
	discard(cache);
}

static void a_node_without_memory_has_no_slabs(void)
{
	unsigned nr_checked = 0;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		struct kmem_cache *cache;

		if (slab_memory_node(nid) == nid)
			continue;
		cache = make("test_memoryless", 128, SLAB_RED_ZONE);	/* no arrays */
		objects[0] = kmem_cache_alloc_node(cache, GFP_KERNEL, nid);
		CHECK_EQ(slab_of(objects[0])->nid, slab_memory_node(nid));
		CHECK(!cache_node_lookup(cache, nid));
		kmem_cache_free(cache, objects[0]);
		discard(cache);
		nr_checked++;
	}
	if (nr_checked == 0)
		SKIP("every node has memory");
}

/* ---- Who called ---- */

#define MAX_FUNCTION_BYTES	2048u

static bool is_within(uintptr_t caller, void (*function)(void))
{
	return caller - (uintptr_t)function < MAX_FUNCTION_BYTES;
}

static struct kmem_cache *noted_cache;
static volatile gfp_t any_gfp = GFP_KERNEL;

static NOINLINE void take_in_four_ways(void)
{
	objects[0] = kmem_cache_alloc(noted_cache, GFP_KERNEL);
	objects[1] = kmem_cache_alloc(noted_cache, any_gfp);
	objects[2] = kmem_cache_alloc_node(noted_cache, GFP_KERNEL, NID_NONE);
	objects[3] = kmalloc_slow(noted_cache, GFP_KERNEL, 60);
	CHECK(objects[3] != NULL);
}

static NOINLINE void give_in_two_ways(void)
{
	kmem_cache_free(noted_cache, objects[0]);
	kmem_cache_free(noted_cache, objects[1]);
	kfree(objects[2]);
	kfree(objects[3]);
	CHECK(objects[3] != NULL);
}

static void debug_caches_note_who_called(void)
{
	noted_cache = make("test_noted", 64, SLAB_STORE_USER);
	take_in_four_ways();
	for (unsigned i = 0; i < 4; i++) {
		const struct debug_tail *tail = debug_tail_of(noted_cache, objects[i]);

		CHECK(is_within(tail->allocated.caller, take_in_four_ways));
		CHECK_EQ(tail->requested_bytes, i == 3 ? 60 : 64);
	}
	give_in_two_ways();
	for (unsigned i = 0; i < 4; i++)
		CHECK(is_within(debug_tail_of(noted_cache, objects[i])->freed.caller,
				give_in_two_ways));
	discard(noted_cache);
}

/* The number behind @before in @text, which is hexadecimal. */
static uintptr_t number_behind(const char *text, const char *before)
{
	const char *at = strstr(text, before);
	uintptr_t number = 0;

	CHECK(at != NULL);
	if (!at)
		return 0;
	for (at += strlen(before);; at++) {
		if (*at >= '0' && *at <= '9')
			number = number << 4 | (uintptr_t)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			number = number << 4 | (uintptr_t)(*at - 'a' + 10);
		else
			return number;
	}
}

static void *bad_object;

static NOINLINE void free_bad_object(void)
{
	kfree(bad_object);
	bad_object = NULL;
}

static NOINLINE void free_bad_object_to_cache(void)
{
	kmem_cache_free(noted_cache, bad_object);
	bad_object = NULL;
}

static void check_caller(const char *panic, void (*function)(void))
{
	heard_begin();
	CHECK_PANICS(panic, function());
	CHECK(is_within(number_behind(heard_end(), " by "), function));
}

static void reports_of_bad_frees_name_who_called(void)
{
	struct kmem_cache *cache = make("test_report", 64, 0);

	noted_cache = make("test_reporting", 64, 0);
	bad_object = kmem_cache_alloc(cache, GFP_KERNEL);
	check_caller("wrong cache", free_bad_object_to_cache);
	kmem_cache_free(cache, bad_object);
	check_caller("double free", free_bad_object);
	bad_object = &bad_object;
	check_caller("wild free", free_bad_object);
	discard(cache);
	discard(noted_cache);
}

static const struct test_case cases[] = {
	{ "a bulk of zeroed objects is zeroed", a_bulk_of_zeroed_objects_is_zeroed },
	{ "a bulk that memory ends gives back what it took",
	  a_bulk_that_memory_ends_gives_back_what_it_took },
	{ "a bulk of nothing takes and gives nothing", a_bulk_of_nothing_takes_and_gives_nothing },
	{ "a bulk may be more than there is room for", a_bulk_may_be_more_than_there_is_room_for },
	{ "a bulk may hold nothing in places", a_bulk_may_hold_nothing_in_places },
	{ "a bulk finds what is no object of its cache",
	  a_bulk_finds_what_is_no_object_of_its_cache },
	{ "a request for the own node gets what is at hand",
	  a_request_for_the_own_node_gets_what_is_at_hand },
	{ "a node that does not exist panics", a_node_that_does_not_exist_panics },
	{ "the first free makes an array", the_first_free_makes_an_array },
	{ "there is no object where memory ends", there_is_no_object_where_memory_ends },
	{ "there is no object behind the last", there_is_no_object_behind_the_last },
	{ "a node without memory has no slabs", a_node_without_memory_has_no_slabs },
	{ "debug caches note who called", debug_caches_note_who_called },
	{ "reports of bad frees name who called", reports_of_bad_frees_name_who_called },
};

TEST_SUITE(slab_bulk, cases);
