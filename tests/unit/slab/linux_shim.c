/*
 * What Linux's own allocator tests (lib/slub_kunit.c, mm/kasan tests,
 * lib/test_meminit.c) rely on, with the thinnest shim: names and meanings.
 */

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/test.h"
#include "tests/unit/slab/plain_cache.h"

/* ---- The shim: all that differs ---- */

#define KMALLOC_SHIM_SIZES	12u
#define validate_shim_cache(cache) validate_slab_cache(cache)

static bool is_filled(const void *at, uint8_t value, size_t bytes)
{
	const uint8_t *byte = at;

	for (size_t i = 0; i < bytes; i++)
		if (byte[i] != value)
			return false;
	return true;
}

/* slub_kunit: a clobbered red zone is one error that validation counts, and mends when undone. */
static void clobbered_zone(void)
{
	struct kmem_cache *cache = create_plain("TestSlub_RZ_alloc", 64, 0, SLAB_RED_ZONE,
						     NULL);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);
	uint8_t kept = object[64];

	object[64] = 0x12;
	CHECK_EQ(validate_shim_cache(cache), 1);
	object[64] = kept;
	CHECK_EQ(validate_shim_cache(cache), 0);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

/* slub_kunit: first byte, middle byte and byte of a freed, poisoned object. */
static void clobbered_poison(void)
{
	static const unsigned places[] = { 0, 1, 50, 63 };
	struct kmem_cache *cache = create_plain("TestSlub_1th_word_free", 64, 0, SLAB_POISON,
						     NULL);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t kept = object[places[i]];

		object[places[i]] = 0x78;
		CHECK_EQ(validate_shim_cache(cache), 1);
		object[places[i]] = kept;
	}
	CHECK_EQ(validate_shim_cache(cache), 0);
	kmem_cache_destroy(cache);
}

static void ctor_for_shim(void *object)
{
	memset(object, 0x5a, 128);
}

/* test_meminit: constructed and RCU objects keep their contents, all others are zero. */
static void init_on_alloc(void)
{
	struct kmem_cache *plain = create_plain("meminit_plain", 128, 1, SLAB_INIT, NULL);
	struct kmem_cache *ctor = create_plain("meminit_ctor", 128, 1, SLAB_INIT,
						    ctor_for_shim);
	struct kmem_cache *rcu = create_plain("meminit_rcu", 128, 1,
						   SLAB_INIT | SLAB_TYPESAFE_BY_RCU, NULL);
	uint8_t *object = kmem_cache_alloc(plain, GFP_KERNEL);

	CHECK(is_filled(object, 0, 128));
	memset(object, 0xff, 128);
	kmem_cache_free(plain, object);
	CHECK(is_filled(object, 0, 128));

	object = kmem_cache_alloc(ctor, GFP_KERNEL);
	CHECK(is_filled(object, 0x5a, 128));
	kmem_cache_free(ctor, object);
	CHECK(is_filled(object, 0x5a, 128));

	object = kmem_cache_alloc(rcu, GFP_KERNEL);
	memset(object, 0x33, 128);
	kmem_cache_free(rcu, object);
	CHECK(is_filled(object, 0x33, 128));	/* readers may still look at it */
	kmem_cache_destroy(plain);
	kmem_cache_destroy(ctor);
	kmem_cache_destroy(rcu);
}

/* test_meminit: bulk allocations of every size are initialised. */
static void bulk_meminit(void)
{
	struct kmem_cache *cache = create_plain("meminit_bulk", 80, 8, SLAB_INIT, NULL);
	void *objects[10];

	for (unsigned round = 0; round < 20; round++) {
		CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 10, objects), 10);
		for (unsigned i = 0; i < 10; i++) {
			CHECK(is_filled(objects[i], 0, 80));
			memset(objects[i], 0x21, 80);
		}
		kmem_cache_free_bulk(cache, 10, objects);
	}
	kmem_cache_destroy(cache);
}

/* test_meminit: __get_free_pages and kmalloc of every order and size with __GFP_ZERO. */
static void zeroed_pages_and_sizes(void)
{
	for (unsigned order = 0; order < 4; order++) {
		uintptr_t pages = __get_free_pages(GFP_KERNEL, order);

		CHECK(pages != 0);
		CHECK(page_address(virt_to_page((void *)pages)) == (void *)pages);
		memset((void *)pages, 0xaa, PAGE_SIZE << order);
		free_pages(pages, order);
		pages = __get_free_pages(GFP_KERNEL | __GFP_ZERO, order);
		CHECK(is_filled((void *)pages, 0, PAGE_SIZE << order));
		free_pages(pages, order);
	}
	for (unsigned i = 0; i < KMALLOC_SHIM_SIZES; i++) {
		size_t bytes = (size_t)1 << i;
		void *object = kmalloc(bytes, GFP_KERNEL | __GFP_ZERO);

		CHECK(is_filled(object, 0, bytes));
		CHECK(ksize(object) >= bytes);
		kfree(object);
	}
}

/* kasan's ksize test: all that ksize() tells may be used, and then it is not an overflow. */
static void ksize_unpoisons(void)
{
	struct kmem_cache *cache = create_plain("TestKsize", 128, 0, SLAB_RED_ZONE, NULL);
	uint8_t *object = kmalloc_slow(cache, GFP_KERNEL, 123);

	CHECK_EQ(ksize(object), 128);
	object[127] = 'x';
	kfree(object);
	kmem_cache_destroy(cache);
}

static const struct test_case cases[] = {
	{ "clobbered zone", clobbered_zone },
	{ "clobbered poison", clobbered_poison },
	{ "init on alloc", init_on_alloc },
	{ "bulk meminit", bulk_meminit },
	{ "zeroed pages and sizes", zeroed_pages_and_sizes },
	{ "ksize unpoisons", ksize_unpoisons },
};

TEST_SUITE(linux_shim, cases);
