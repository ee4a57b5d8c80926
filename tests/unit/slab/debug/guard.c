/*
 * Guarded objects, but for the faults: where they lie, who gets none, what is
 * found when they are freed. tests/live/guard_faults.c touches what must fault.
 */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/vmalloc.h"
#include "tests/unit/slab/room.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/nodes.h"
#include "tests/unit/slab/plain_cache.h"

#define OBJECT_BYTES	104u
#define NR_TRIES	256u	/* one of fewer objects is guarded */

static struct kmem_cache *make(size_t bytes, size_t align, slab_flags_t flags)
{
	return create_plain("test_guard", bytes, align, SLAB_PANIC | SLAB_GUARD | flags, NULL);
}

/* A guarded one of so many; the others go straight back. NULL: there was none. */
static uint8_t *guarded_from(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	for (unsigned i = 0; i < NR_TRIES; i++) {
		uint8_t *object = kmem_cache_alloc_node(cache, gfp, nid);

		CHECK(object != NULL);
		if (is_vmalloc_addr(object))
			return object;
		kmem_cache_free(cache, object);
	}
	return NULL;
}

static uint8_t *guarded(struct kmem_cache *cache)
{
	uint8_t *object = guarded_from(cache, GFP_KERNEL, NID_NONE);

	CHECK(object != NULL);
	return object;
}

/* Of a cache like kmalloc's, where fewer bytes are asked for than an object has. */
static uint8_t *guarded_sized(struct kmem_cache *cache, size_t bytes)
{
	for (unsigned i = 0; i < NR_TRIES; i++) {
		uint8_t *object = kmalloc_slow(cache, GFP_KERNEL, bytes);

		if (is_vmalloc_addr(object))
			return object;
		kfree(object);
	}
	test_fail(__FILE__, __LINE__, "no object is guarded");
	return NULL;
}

static void check_verifies(void)
{
	struct violation violation = { 0 };

	if (!guard_verify(&violation))
		test_fail(__FILE__, __LINE__, "%s: %s", violation.rule, violation.condition);
}

/* ---- Where they lie ---- */

static void an_object_ends_as_near_to_its_page_as_its_alignment_allows(void)
{
	for (size_t align = 8; align <= PAGE_SIZE; align *= 4) {
		struct kmem_cache *cache = make(OBJECT_BYTES, align, 0);
		uint8_t *object = guarded(cache);
		uintptr_t end = (uintptr_t)object + OBJECT_BYTES;

		CHECK(is_aligned((uintptr_t)object, align));
		CHECK(align_up(end, PAGE_SIZE) - end < align);
		CHECK_EQ(vmalloc_to_pfn((void *)align_up(end, PAGE_SIZE)), PFN_NONE);
		CHECK_EQ(ksize(object), OBJECT_BYTES);
		check_verifies();
		kmem_cache_free(cache, object);
		kmem_cache_destroy(cache);
	}
}

static void an_object_comes_from_the_node_that_was_asked_for(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++) {
		uint8_t *object;

		if (!node_is_roomy(nid))
			continue;
		object = guarded_from(cache, GFP_KERNEL | __GFP_THISNODE, nid);
		CHECK(object != NULL);
		CHECK_EQ(page_to_nid(vmalloc_to_page(object)), nid);
		kmem_cache_free(cache, object);
	}
	kmem_cache_destroy(cache);
}

static bool is_zero(const uint8_t *object)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < OBJECT_BYTES; i++)
		sum |= object[i];
	return sum == 0;
}

static void an_object_is_zeroed_if_asked_for_only(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);
	struct kmem_cache *init = make(OBJECT_BYTES, 0, SLAB_INIT);
	uint8_t *plain = guarded(cache), *of_init = guarded(init);
	uint8_t *zeroed = guarded_from(cache, GFP_KERNEL | __GFP_ZERO, NID_NONE);

	CHECK(zeroed && is_zero(zeroed));
	CHECK(is_zero(of_init));
	CHECK_EQ(plain[0], RED_ALLOCATED);
	CHECK_EQ(plain[OBJECT_BYTES - 1], RED_ALLOCATED);
	kmem_cache_free(cache, plain);
	kmem_cache_free(cache, zeroed);
	kmem_cache_free(init, of_init);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(init);
}

/* ---- Who gets none ---- */

static void nothing(void *object)
{
	(void)object;
}

static void check_none(struct kmem_cache *cache, gfp_t gfp)
{
	CHECK(!guarded_from(cache, gfp, NID_NONE));
	kmem_cache_destroy(cache);
}

static void requests_that_an_area_cannot_serve_are_not_guarded(void)
{
	check_none(make(OBJECT_BYTES, 0, 0), GFP_KERNEL | __GFP_NO_GUARD);
	check_none(make(OBJECT_BYTES, 0, 0), GFP_NOWAIT);
	check_none(make(OBJECT_BYTES, 0, 0), GFP_KERNEL | __GFP_DMA32);
	check_none(make(OBJECT_BYTES, 0, SLAB_CACHE_DMA32), GFP_KERNEL);
	check_none(make(OBJECT_BYTES, 0, SLAB_TYPESAFE_BY_RCU), GFP_KERNEL);
	check_none(create_plain("test_guard", OBJECT_BYTES, 0, SLAB_PANIC | SLAB_GUARD, nothing),
		   GFP_KERNEL);
}

static void nothing_is_guarded_before_the_start(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);

	guards.is_on = false;
	CHECK(!guarded_from(cache, GFP_KERNEL, NID_NONE));
	vmalloc_start_guards();
	kmem_cache_free(cache, guarded(cache));
	kmem_cache_destroy(cache);
}

/* Objects of 104 bytes, linked by their first word. */
static void **chain_of(struct kmem_cache *cache, unsigned nr_guarded)
{
	void **first = NULL;

	while (guards.nr_used < nr_guarded) {
		void **object = kmem_cache_alloc(cache, GFP_KERNEL);

		CHECK(object != NULL);
		if (!object)
			break;
		*object = first;
		first = object;
	}
	return first;
}

static void with_a_full_table_no_area_is_made(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);
	unsigned nr_before = guards.nr_used;
	void **at = chain_of(cache, NR_GUARDED);

	check_verifies();
	vmalloc_purge();
	CHECK(!guarded_from(cache, GFP_KERNEL, NID_NONE));
	CHECK_EQ(vmalloc_totals().nr_lazy, 0);	/* nor made in vain */
	while (at) {
		void **next = *at;

		kmem_cache_free(cache, at);
		at = next;
	}
	CHECK_EQ(guards.nr_used, nr_before);
	check_verifies();
	kmem_cache_destroy(cache);
}

/* ---- What is found ---- */

static void a_write_beside_an_object_is_found_when_it_is_freed(void)
{
	struct kmem_cache *cache = make(64, 64, 0);
	uint8_t *object = guarded_sized(cache, 50);

	object[50] = 'X';	/* up to the alignment nothing faults */
	CHECK_PANICS("overflow: 1 bytes at offset 50 of object", kfree(object));
	object[50] = RED_ALLOCATED;
	object[-1] = 'X';
	CHECK_PANICS("underflow: 1 bytes at offset -1 of object", kfree(object));
	object[-1] = RED_ALLOCATED;
	kfree(object);
	kmem_cache_destroy(cache);
}

static void wrong_frees_are_found(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0), *other = make(OBJECT_BYTES, 0, 0);
	uint8_t *object = guarded(cache);

	CHECK_PANICS("wrong cache", kmem_cache_free(other, object));
	CHECK_PANICS("wild free", kfree(object + 8));
	kmem_cache_free(cache, object);
	CHECK_PANICS("wrong cache", kmem_cache_free(other, object));
	CHECK_PANICS("use after free", (void)ksize(object));
	CHECK_PANICS("wild free", kfree(object + 8));
	kmem_cache_destroy(cache);
	kmem_cache_destroy(other);
}

static void kvfree_knows_them_from_areas(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);
	uint8_t *object = guarded(cache);
	unsigned nr_used = guards.nr_used;

	kvfree(object);
	CHECK_EQ(guards.nr_used, nr_used - 1);
	kmem_cache_destroy(cache);
}

/* Said as what it is, with who freed it first, until the address has a new life. */
static void a_second_free_is_told_as_one(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);
	uint8_t *object = guarded(cache), *others[NR_GUARDED / 2];

	kmem_cache_free(cache, object);
	heard_begin();
	CHECK_PANICS("double free", kfree(object));
	CHECK_PANICS("a guarded object of cache test_guard that was freed",
		     kmem_cache_free(cache, object));
	CHECK(strstr(heard_end(), "freed by") != NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = guarded(cache);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		kmem_cache_free(cache, others[i]);
		CHECK_PANICS("double free", kfree(others[i]));
	}
	check_verifies();
	kmem_cache_destroy(cache);
	CHECK_PANICS("wild free", kfree(others[0]));	/* its cache's name is gone, too */
}

static void a_cache_counts_its_guarded_objects(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);
	uint8_t *object = guarded(cache);
	struct slab_usage usage = slab_usage(cache);

	CHECK_EQ(usage.nr_active, 1);
	CHECK_EQ(usage.active_bytes, kmem_cache_size(cache));
	CHECK_PANICS("1 objects of cache test_guard are still allocated",
		     kmem_cache_destroy(cache));
	kmem_cache_free(cache, object);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	kmem_cache_destroy(cache);
}

static void a_guarded_leak_is_told(void)
{
	uint64_t nr_before = slab_print_leaks();
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, SLAB_LEAK);
	struct kmem_cache *untold = make(OBJECT_BYTES, 0, 0);
	uint8_t *object = guarded(cache), *other = guarded(untold);

	CHECK_EQ(slab_print_leaks(), nr_before + 1);
	kmem_cache_free(cache, object);
	CHECK_EQ(slab_print_leaks(), nr_before);
	kmem_cache_free(untold, other);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(untold);
}

static void reallocation_moves_what_has_no_room(void)
{
	struct kmem_cache *cache = make(64, 64, 0);
	uint8_t *object = guarded_sized(cache, 50), *moved;

	memset(object, 7, 50);
	CHECK(krealloc(object, 20, GFP_KERNEL) == object);
	moved = krealloc(object, 51, GFP_KERNEL);
	CHECK(moved && moved != object);
	for (unsigned i = 0; i < 50; i++)
		CHECK_EQ(moved[i], 7);
	kfree(moved);
	kmem_cache_destroy(cache);
}

static void bytes_given_up_with_krealloc_come_back_zero(void)
{
	struct kmem_cache *cache = make(64, 64, 0);
	uint8_t *object = guarded_sized(cache, 50);

	memset(object, 7, 50);
	CHECK(krealloc(object, 20, GFP_KERNEL | __GFP_ZERO) == object);
	CHECK(krealloc(object, 50, GFP_KERNEL | __GFP_ZERO) == object);
	for (unsigned i = 0; i < 50; i++)
		CHECK_EQ(object[i], i < 20 ? 7 : 0);
	kfree(object);
	kmem_cache_destroy(cache);
}

/* Guarded objects begin right behind the end of RAM, not one page later. */
static void a_guarded_object_at_the_end_of_RAM_is_known(void)
{
	struct kmem_cache *cache = make(64, 64, 0);
	uint8_t *object = guarded_sized(cache, 50);
	const uint64_t end_pa = slab_system.end_pa;

	test_quiet(true);
	slab_system.end_pa = virt_to_phys(object);
	CHECK_EQ(ksize(object), 50);
	slab_system.end_pa = end_pa;
	test_quiet(false);
	kfree(object);
	kmem_cache_destroy(cache);
}

/* ---- Sampling ---- */

#define NR_SAMPLE	2000u
#define SAMPLE_INTERVAL	200u

static struct kmem_cache *make_sampled(uint64_t interval)
{
	slab_set_guard_interval(interval);
	__atomic_store_n(&guards.nr_since, 0, __ATOMIC_RELAXED);
	return create_plain("test_sampled", OBJECT_BYTES, 0, SLAB_PANIC | SLAB_SAMPLED, NULL);
}

/* Takes @nr objects into sampled[] and returns how many are guarded. */
static void *sampled[NR_SAMPLE];

static unsigned take_all(struct kmem_cache *cache, unsigned nr)
{
	unsigned nr_guarded = 0;

	for (unsigned i = 0; i < nr; i++) {
		sampled[i] = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
		CHECK(sampled[i] != NULL);
		memset(sampled[i], (int)i, OBJECT_BYTES);
		nr_guarded += is_vmalloc_addr(sampled[i]);
	}
	return nr_guarded;
}

static void free_all(struct kmem_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		kmem_cache_free(cache, sampled[i]);
}

/* Handlers and other CPUs take from kmalloc's sampled caches meanwhile, if there are any. */
static void one_of_so_many_objects_is_sampled(void)
{
	const uint64_t kept = slab_system.guard_interval;
	struct kmem_cache *cache = make_sampled(SAMPLE_INTERVAL);
	unsigned nr_guarded = take_all(cache, NR_SAMPLE);

	CHECK(nr_guarded >= NR_SAMPLE / SAMPLE_INTERVAL - 1);
	CHECK(nr_guarded <= NR_SAMPLE / SAMPLE_INTERVAL + 1);
	CHECK_EQ(guard_count(cache), nr_guarded);
	CHECK_EQ(slab_usage(cache).nr_active, NR_SAMPLE);
	check_verifies();
	for (unsigned i = 0; i < NR_SAMPLE; i++)
		CHECK_EQ(((uint8_t *)sampled[i])[OBJECT_BYTES - 1], (uint8_t)i);
	free_all(cache, NR_SAMPLE);
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	kmem_cache_destroy(cache);
	slab_set_guard_interval(kept);
}

static void what_comes_from_the_array_is_not_counted(void)
{
	const uint64_t kept = slab_system.guard_interval;
	struct kmem_cache *cache = make_sampled(SAMPLE_INTERVAL);

	for (unsigned i = 0; i < NR_SAMPLE; i++) {
		CHECK_EQ(take_all(cache, 1), 0);
		free_all(cache, 1);
	}
	kmem_cache_destroy(cache);
	slab_set_guard_interval(kept);
}

static void without_an_interval_nothing_is_sampled(void)
{
	const uint64_t kept = slab_system.guard_interval;
	struct kmem_cache *cache = make_sampled(0);

	CHECK_EQ(take_all(cache, NR_SAMPLE), 0);
	CHECK_EQ(guards.nr_since, 0);
	free_all(cache, NR_SAMPLE);
	kmem_cache_destroy(cache);
	slab_set_guard_interval(kept);
}

/* More are wanted than there is room for: the others come from slabs. */
static void with_a_full_table_samples_end(void)
{
	const uint64_t kept = slab_system.guard_interval;
	struct kmem_cache *cache = make_sampled(1);
	unsigned nr_used = guards.nr_used;

	CHECK(take_all(cache, NR_SAMPLE) <= NR_GUARDED - nr_used);
	CHECK_EQ(slab_usage(cache).nr_active, NR_SAMPLE);
	free_all(cache, NR_SAMPLE);
	CHECK_EQ(guard_count(cache), 0);
	kmem_cache_destroy(cache);
	slab_set_guard_interval(kept);
}

static void what_is_wrong_with_a_sample_is_found(void)
{
	const uint64_t kept = slab_system.guard_interval;
	struct kmem_cache *cache = make_sampled(50);
	unsigned nr = 0;
	uint8_t *object, byte;

	while (nr < NR_SAMPLE && take_all(cache, 1) == 0) {
		sampled[NR_SAMPLE - 1 - nr] = sampled[0];
		nr++;
	}
	object = sampled[0];
	CHECK(is_vmalloc_addr(object));
	byte = object[-1];
	object[-1] = (uint8_t)~byte;
	heard_begin();
	CHECK_PANICS("underflow", kmem_cache_free(cache, object));
	CHECK(strstr(heard_end(), "104 bytes were asked for, on pages of their own") != NULL);
	object[-1] = byte;
	kmem_cache_free(cache, object);
	CHECK_PANICS("double free", kmem_cache_free(cache, object));
	while (nr > 0)
		kmem_cache_free(cache, sampled[NR_SAMPLE - nr--]);
	kmem_cache_destroy(cache);
	slab_set_guard_interval(kept);
}

/* ---- Rules ---- */

static bool breaks(const char *rule)
{
	struct violation violation = { 0 };
	bool is_sound;

	test_quiet(true);
	is_sound = slab_verify(&violation);
	test_quiet(false);
	return !is_sound && strcmp(violation.rule, rule) == 0;
}

static struct guarded *entry_of(const void *object)
{
	struct guarded *entry = guards.entries;

	while (!entry->area || entry->object != object)
		entry++;
	return entry;
}

static void verify_notices_GUARD_1(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 0, 0);
	struct guarded *entry = entry_of(guarded(cache)), kept = *entry;

	entry->object = (uint8_t *)kept.object - cache->align;	/* too far from the end */
	CHECK(breaks("GUARD-1"));
	entry->object = (uint8_t *)kept.object + cache->align;	/* beyond it */
	CHECK(breaks("GUARD-1"));
	entry->object = (uint8_t *)kept.object + 1;		/* unaligned */
	entry->bytes = kept.bytes - 1;
	CHECK(breaks("GUARD-1"));
	*entry = kept;
	entry->area = (uint8_t *)kept.area + PAGE_SIZE;		/* no area */
	CHECK(breaks("GUARD-1"));
	*entry = kept;
	kmem_cache_free(cache, kept.object);
	kmem_cache_destroy(cache);
}

static void verify_notices_GUARD_2(void)
{
	guards.nr_used++;
	CHECK(breaks("GUARD-2"));
	guards.nr_used--;
}

/* Its area is mm's own: to whom vmalloc's functions are given by mistake, they tell. */
static void nobody_else_ends_the_area_of_a_guarded_object(void)
{
	struct kmem_cache *cache = make(OBJECT_BYTES, 8, 0);
	uint8_t *object = guarded(cache);
	void *area = (void *)align_down((uintptr_t)object, PAGE_SIZE);

	CHECK_PANICS("area of a guarded object", vfree(area));
	CHECK_PANICS("area of a guarded object", vunmap(area));
	CHECK_PANICS("area of a guarded object", (void)!set_memory_ro(area, 1));
	memset(object, 1, OBJECT_BYTES);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "an object ends as near to its page as its alignment allows",
	  an_object_ends_as_near_to_its_page_as_its_alignment_allows },
	{ "an object comes from the node that was asked for",
	  an_object_comes_from_the_node_that_was_asked_for },
	{ "an object is zeroed if asked for only", an_object_is_zeroed_if_asked_for_only },
	{ "requests that an area cannot serve are not guarded",
	  requests_that_an_area_cannot_serve_are_not_guarded },
	{ "nothing is guarded before the start", nothing_is_guarded_before_the_start },
	{ "with a full table no area is made", with_a_full_table_no_area_is_made },
	{ "a write beside an object is found when it is freed",
	  a_write_beside_an_object_is_found_when_it_is_freed },
	{ "wrong frees are found", wrong_frees_are_found },
	{ "kvfree knows them from areas", kvfree_knows_them_from_areas },
	{ "a second free is told as one", a_second_free_is_told_as_one },
	{ "a cache counts its guarded objects", a_cache_counts_its_guarded_objects },
	{ "a guarded leak is told", a_guarded_leak_is_told },
	{ "reallocation moves what has no room", reallocation_moves_what_has_no_room },
	{ "bytes given up with krealloc come back zero",
	  bytes_given_up_with_krealloc_come_back_zero },
	{ "a guarded object at the end of RAM is known",
	  a_guarded_object_at_the_end_of_RAM_is_known },
	{ "one of so many objects is sampled", one_of_so_many_objects_is_sampled },
	{ "what comes from the array is not counted", what_comes_from_the_array_is_not_counted },
	{ "without an interval nothing is sampled", without_an_interval_nothing_is_sampled },
	{ "with a full table samples end", with_a_full_table_samples_end },
	{ "what is wrong with a sample is found", what_is_wrong_with_a_sample_is_found },
	{ "verify notices GUARD-1", verify_notices_GUARD_1 },
	{ "verify notices GUARD-2", verify_notices_GUARD_2 },
	{ "nobody else ends the area of a guarded object",
	  nobody_else_ends_the_area_of_a_guarded_object },
};

TEST_SUITE(slab_guard, cases);
