/*
 * Guarded objects on real page tables: the instruction that goes wrong faults.
 */

#include "arch.h"
#include "efi/options.h"
#include "mm/kmalloc.h"
#include "tests/unit/slab/room.h"
#include "tests/test.h"

#define OBJECT_BYTES	64u
#define NR_TRIES	256u

static void touch(void *arg)
{
	*(volatile uint8_t *)arg;
}

static bool is_guarded(const void *object)
{
	uintptr_t va = (uintptr_t)object;

	return va >= mm_port_vmalloc_start && va < mm_port_vmalloc_end;
}

/* One of every so many objects is guarded; the others go straight back. */
static uint8_t *guarded_object(struct kmem_cache *cache)
{
	for (unsigned i = 0; i < NR_TRIES; i++) {
		uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

		if (is_guarded(object))
			return object;
		kmem_cache_free(cache, object);
	}
	return NULL;
}

static void the_byte_behind_a_guarded_object_faults(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_guard", OBJECT_BYTES, 0,
						     SLAB_PANIC | SLAB_GUARD, NULL);
	uint8_t *object = guarded_object(cache);
	struct fault_info info = { 0 };

	CHECK(object != NULL);
	for (unsigned i = 0; i < OBJECT_BYTES; i++)
		object[i] = (uint8_t)i;
	CHECK(!arch_faults(touch, object + OBJECT_BYTES - 1, &info));
	CHECK(arch_faults(touch, object + OBJECT_BYTES, &info));
	CHECK_EQ(info.address_va, (uintptr_t)object + OBJECT_BYTES);
	CHECK_EQ(ksize(object), OBJECT_BYTES);
	kmem_cache_free(cache, object);
	CHECK_PANICS("double free", kfree(object));
	kmem_cache_destroy(cache);
}

static void guarded_objects_know_their_cache(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_guard", OBJECT_BYTES, 0,
						     SLAB_PANIC | SLAB_GUARD, NULL);
	uint8_t *object = guarded_object(cache);

	CHECK(object != NULL);
	CHECK_PANICS("wrong cache", kmem_cache_free(kmalloc_caches[KMALLOC_NORMAL][4], object));
	CHECK_PANICS("1 objects of cache test_guard", kmem_cache_destroy(cache));
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static void a_sampled_object_faults_behind_it_and_once_freed(void)
{
	struct kmem_cache *cache;
	static uint8_t *taken[NR_TRIES];
	struct fault_info info = { 0 };
	uint8_t *object = NULL;
	unsigned nr = 0;

	slab_set_guard_interval(64);
	cache = kmem_cache_create("test_sampled", OBJECT_BYTES, 0, SLAB_PANIC | SLAB_SAMPLED, NULL);
	while (nr < NR_TRIES && !object) {
		taken[nr] = kmem_cache_alloc(cache, GFP_KERNEL);
		object = is_guarded(taken[nr]) ? taken[nr] : NULL;
		nr++;
	}
	slab_set_guard_interval(options_number("guard", 0));
	CHECK(object != NULL);
	CHECK(!arch_faults(touch, object + OBJECT_BYTES - 1, &info));
	CHECK(arch_faults(touch, object + OBJECT_BYTES, &info));
	while (nr > 0)
		kmem_cache_free(cache, taken[--nr]);
	CHECK(arch_faults(touch, object, &info));
	CHECK_EQ(info.address_va, (uintptr_t)object);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "the byte behind a guarded object faults", the_byte_behind_a_guarded_object_faults },
	{ "guarded objects know their cache", guarded_objects_know_their_cache },
	{ "a sampled object faults behind it and once freed",
	  a_sampled_object_faults_behind_it_and_once_freed },
};

TEST_SUITE(guard_faults, cases);
