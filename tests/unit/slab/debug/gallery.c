/*
 * A gallery of deliberate bugs, one a case: each must be caught and named.
 *
 * Hidden: run with tests=gallery.*; the log shows what a report looks like. Every
 * case works on a cache of its own, which is given up afterwards.
 */

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "tests/unit/slab/room.h"
#include "mm/vmalloc.h"
#include "tests/abandoned.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/slab/plain_cache.h"

static struct kmem_cache *exhibit(slab_flags_t flags)
{
	return create_plain("gallery", 64, 0, flags | SLAB_PANIC, NULL);
}

#define OWNERS	(SLAB_STORE_USER | SLAB_RED_ZONE | SLAB_POISON)

static void double_free(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	CHECK_PANICS("double free", kmem_cache_free(cache, object));
	abandon(cache);
}

static void double_free_without_any_debug_option(void)
{
	struct kmem_cache *cache = exhibit(0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);
	void *other = kmem_cache_alloc(cache, GFP_KERNEL);

	kfree(object);
	kfree(other);		/* so it is not the one freed last */
	CHECK_PANICS("double free", kfree(object));
	abandon(cache);
}

static void free_of_an_interior_pointer(void)
{
	struct kmem_cache *cache = exhibit(0);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK_PANICS("free of an interior pointer", kfree(object + 16));
	CHECK_PANICS("free of an interior pointer", kfree(object + 1));
	abandon(cache);
}

static void free_to_the_wrong_cache(void)
{
	struct kmem_cache *cache = exhibit(0), *other = exhibit(0);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK_PANICS("free to the wrong cache", kmem_cache_free(other, object));
	abandon(cache);
	abandon(other);
}

static void free_of_a_stack_address(void)
{
	uint64_t on_stack[8];

	CHECK_PANICS("wild free", kfree(&on_stack[2]));
}

static void free_of_a_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	CHECK(page != NULL);
	CHECK_PANICS("wild free", kfree(page_address(page)));
	__free_page(page);
}

static void free_of_a_static_variable(void)
{
	static uint64_t variable;

	CHECK_PANICS("wild free", kfree(&variable));
}

static void overflow_by_one(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	object[64] = 'X';
	CHECK_PANICS("overflow: 1 bytes at offset 64", kmem_cache_free(cache, object));
	abandon(cache);
}

static void underflow_by_one(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	object[-1] = 'X';
	CHECK_PANICS("underflow: 1 bytes at offset -1", kmem_cache_free(cache, object));
	abandon(cache);
}

static void overflow_inside_the_size_class(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	uint8_t *object = kmalloc_slow(cache, GFP_KERNEL, 60);

	object[60] = 'X';
	CHECK_PANICS("overflow inside the size class: 1 bytes at offset 60", kfree(object));
	abandon(cache);
}

#define NR_TRIES	256u	/* one of fewer objects is guarded */

static void overflow_of_a_guarded_object(void)
{
	struct kmem_cache *cache = exhibit(SLAB_GUARD);
	uint8_t *object = kmalloc_slow(cache, GFP_KERNEL, 60);
	const char *text;

	for (unsigned i = 0; i < NR_TRIES && !is_vmalloc_addr(object); i++) {
		kfree(object);
		object = kmalloc_slow(cache, GFP_KERNEL, 60);
	}
	CHECK(is_vmalloc_addr(object));
	object[60] = 'X';	/* its alignment of 8 leaves 4 bytes that do not fault */
	heard_begin();
	CHECK_PANICS("overflow: 1 bytes at offset 60", kfree(object));
	text = heard_end();
	CHECK(strstr(text, "60 bytes were asked for, on pages of their own\n") != NULL);
	CHECK(strstr(text, "  allocated by ") != NULL);
	object[60] = RED_ALLOCATED;
	kfree(object);
	kmem_cache_destroy(cache);
}

static void use_after_free_by_write(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	object[10] = 'X';
	/* The array is empty, so the object freed last is the next. */
	CHECK_PANICS("use after free: 1 bytes at offset 10", kmem_cache_alloc(cache, GFP_KERNEL));
	abandon(cache);
}

static void use_after_free_in_the_quarantine(void)
{
	struct kmem_cache *cache = exhibit(OWNERS | SLAB_QUARANTINE);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	CHECK(kmem_cache_alloc(cache, GFP_KERNEL) != object);
	object[63] = 'X';
	CHECK_PANICS("use after free: 1 bytes at offset 63", kmem_cache_shrink(cache));
	abandon(cache);
}

static void uninitialised_read(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK_EQ(object[0], 0xba);
	CHECK_EQ(object[1], 0xdd);
	CHECK_EQ(object[2], 0xca);
	CHECK_EQ(object[3], 0xfe);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static void read_after_free(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	memset(object, 's', 64);
	kmem_cache_free(cache, object);
	CHECK_EQ(object[0], POISON_FREE);
	CHECK_EQ(object[63], POISON_END);
	kmem_cache_destroy(cache);
}

static NOINLINE void *leaky(struct kmem_cache *cache)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK(object != NULL);
	return object;
}

static void leak(void)
{
	uint64_t nr_before = slab_print_leaks();
	struct kmem_cache *cache = exhibit(SLAB_LEAK | SLAB_STORE_USER);
	void *objects[3];

	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = leaky(cache);
	CHECK_EQ(slab_print_leaks(), nr_before + 3);
	CHECK_PANICS("3 objects of cache gallery are still allocated", kmem_cache_destroy(cache));
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_destroy(cache);
}

static void overflow_into_the_bookkeeping(void)
{
	struct kmem_cache *cache = create_plain("gallery", ON_SLAB_BYTES, 0, SLAB_PANIC, NULL);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = page_slab(virt_to_page(object));
	struct cache_node *node = cache_node_lookup(cache, slab->nid);

	CHECK_EQ(cache->layout.place, ON_SLAB);
	memset((uint8_t *)slab - sizeof(uint64_t), 'X', 40);	/* from the pages before */
	CHECK_PANICS("guard word", kmem_cache_shrink(cache));
	release_abandoned(&node->lock);
	abandon(cache);
}

static void write_to_a_free_slab(void)
{
	struct kmem_cache *cache = exhibit(OWNERS);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

	object[200] = 'X';	/* hits a neighbour that is free */
	CHECK_EQ(validate_slab_cache(cache), 1);
	object[200] = POISON_FREE;
	abandon(cache);
}

/* ---- What the audit log adds to a report ---- */

#define MAX_FUNCTION_BYTES	1024u	/* sanitizers add to each access */

static NOINLINE void *take_audited(struct kmem_cache *cache)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	CHECK(object != NULL);
	return object;
}

static NOINLINE void give_audited(struct kmem_cache *cache, void *object)
{
	kmem_cache_free(cache, object);
	CHECK(object != NULL);
}

/* Whether @text names the event before @before of @object, and who called from @function. */
static uint64_t names_event(const char *text, uint64_t before, const void *object,
			    const char *what, uintptr_t function)
{
	struct audit_event event;
	char expected[64];

	CHECK(audit_find(before, object, &event));
	CHECK(event.caller - function < MAX_FUNCTION_BYTES);
	format_text(expected, sizeof(expected), "%s by %p", what, (void *)event.caller);
	CHECK(strstr(text, expected) != NULL);
	return event.number;
}

static void double_free_of_an_object_whose_slab_is_gone(void)
{
	bool was_on = audit_is_on();
	struct kmem_cache *cache = exhibit(SLAB_AUDIT);
	void *object = take_audited(cache);
	const char *text;
	uint64_t number;

	give_audited(cache, object);
	kmem_cache_shrink(cache);
	heard_begin();
	CHECK_PANICS("wild free", kfree(object));
	text = heard_end();
	number = names_event(text, UINT64_MAX, object, "freed", (uintptr_t)give_audited);
	names_event(text, number, object, "allocated", (uintptr_t)take_audited);
	kmem_cache_destroy(cache);
	if (!was_on)
		audit_stop();
}

static void overflow_with_the_audit_log(void)
{
	bool was_on = audit_is_on();
	struct kmem_cache *cache = exhibit(OWNERS | SLAB_AUDIT);
	uint8_t *object = take_audited(cache);

	object[64] = 'X';
	heard_begin();
	CHECK_PANICS("overflow: 1 bytes at offset 64", kmem_cache_free(cache, object));
	names_event(heard_end(), UINT64_MAX, object, "allocated", (uintptr_t)take_audited);
	abandon(cache);
	if (!was_on)
		audit_stop();
}

static const struct test_case cases[] = {
	{ "double free", double_free },
	{ "double free without any debug option", double_free_without_any_debug_option },
	{ "free of an interior pointer", free_of_an_interior_pointer },
	{ "free to the wrong cache", free_to_the_wrong_cache },
	{ "free of a stack address", free_of_a_stack_address },
	{ "free of a page", free_of_a_page },
	{ "free of a static variable", free_of_a_static_variable },
	{ "overflow by one", overflow_by_one },
	{ "underflow by one", underflow_by_one },
	{ "overflow inside the size class", overflow_inside_the_size_class },
	{ "overflow of a guarded object", overflow_of_a_guarded_object },
	{ "use after free by write", use_after_free_by_write },
	{ "use after free in the quarantine", use_after_free_in_the_quarantine },
	{ "uninitialised read", uninitialised_read },
	{ "read after free", read_after_free },
	{ "leak", leak },
	{ "overflow into the bookkeeping", overflow_into_the_bookkeeping },
	{ "write to a free slab", write_to_a_free_slab },
	{ "double free of an object whose slab is gone",
	  double_free_of_an_object_whose_slab_is_gone },
	{ "overflow with the audit log", overflow_with_the_audit_log },
};

HIDDEN_TEST_SUITE(gallery, cases);
