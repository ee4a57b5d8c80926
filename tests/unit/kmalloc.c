/*
 * kmalloc through its public API: sizes, alignment, whole pages, and a random run
 * against a copy of every object's contents.
 */

#include "mm/kmalloc.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

static bool holds(const void *object, uint8_t value, size_t bytes)
{
	const uint8_t *at = object;

	for (size_t i = 0; i < bytes; i++)
		if (at[i] != value)
			return false;
	return true;
}

static void every_size_has_the_next_class(void)
{
	unsigned class = 0;

	for (size_t bytes = 1; bytes <= KMALLOC_MAX_CACHE_SIZE; bytes++) {
		class += bytes > kmalloc_class_bytes(class);
		CHECK_EQ(kmalloc_class(bytes), class);
	}
	CHECK_EQ(class, NR_KMALLOC_CLASSES - 1);
}

static void check_size(size_t bytes)
{
	uint8_t *object = kmalloc(bytes, GFP_KERNEL);
	size_t usable = ksize(object);

	CHECK(object != NULL);
	CHECK(usable >= bytes);
	/* A guarded object has nothing beyond what was asked for. */
	CHECK_EQ(usable, is_vmalloc_addr(object) ? bytes : kmalloc_size_roundup(bytes));
	memset(object, 0x3c, usable);
	CHECK(is_aligned((uintptr_t)object, bytes > 8 ? 16 : 8));
	if (is_power_of_two(bytes))
		CHECK(is_aligned((uintptr_t)object, min_u64(bytes, PAGE_SIZE)));
	kfree(object);
}

static void sizes_and_alignments_are_as_promised(void)
{
	for (size_t bytes = 1; bytes <= 20000; bytes += 1 + bytes / 40)
		check_size(bytes);
	for (size_t bytes = 8; bytes <= KMALLOC_MAX_SIZE / 4; bytes *= 2)
		check_size(bytes);
}

static void constant_and_variable_sizes_share_caches(void)
{
	volatile size_t bytes = 100;
	void *constant = kmalloc(100, GFP_KERNEL | __GFP_NO_GUARD);
	void *variable = kmalloc(bytes, GFP_KERNEL | __GFP_NO_GUARD);

	CHECK(page_cache(virt_to_page(constant)) == page_cache(virt_to_page(variable)));
	kfree(constant);
	kfree(variable);
}

static void zero_bytes_and_null_are_as_in_linux(void)
{
	CHECK(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	CHECK(kzalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	CHECK(kmalloc_node(0, GFP_KERNEL, NID_NONE) == ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	kfree(NULL);
	kfree_sensitive(NULL);
	kvfree(NULL);
	CHECK_EQ(ksize(NULL), 0);
	CHECK_EQ(ksize(ZERO_SIZE_PTR), 0);
}

static void too_much_is_NULL(void)
{
	volatile size_t huge = SIZE_MAX;

	CHECK(kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL | __GFP_NOWARN) == NULL);
	CHECK(kmalloc(huge, GFP_KERNEL | __GFP_NOWARN) == NULL);
	CHECK(kmalloc_array(huge / 2, 3, GFP_KERNEL) == NULL);
	CHECK(kcalloc((size_t)1 << 33, (size_t)1 << 33, GFP_KERNEL) == NULL);
}

static void zalloc_and_calloc_zero(void)
{
	for (size_t bytes = 1; bytes <= 40000; bytes = bytes * 3 + 1) {
		void *dirty = kmalloc(bytes, GFP_KERNEL);
		void *object;

		CHECK(dirty != NULL);
		memset(dirty, 0xee, bytes);
		kfree(dirty);
		object = kzalloc(bytes, GFP_KERNEL);
		CHECK(holds(object, 0, bytes));
		kfree(object);
		object = kcalloc(bytes, 2, GFP_KERNEL);
		CHECK(holds(object, 0, 2 * bytes));
		kfree(object);
		object = kzalloc_node(bytes, GFP_KERNEL, 0);
		CHECK(holds(object, 0, bytes));
		kfree(object);
	}
}

static void krealloc_keeps_contents(void)
{
	uint8_t *object = NULL;
	size_t old_bytes = 0;

	for (size_t bytes = 1; bytes <= 100000; bytes = bytes * 2 + 3) {
		object = krealloc(object, bytes, GFP_KERNEL);
		CHECK(object != NULL);
		CHECK(holds(object, 0x7e, old_bytes));
		memset(object, 0x7e, bytes);
		old_bytes = bytes;
	}
	object = krealloc(object, 10, GFP_KERNEL);
	CHECK(holds(object, 0x7e, 10));
	CHECK(krealloc(object, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	object = krealloc(ZERO_SIZE_PTR, 20, GFP_KERNEL);
	CHECK(object != NULL && object != ZERO_SIZE_PTR);
	kfree(object);
}

static void krealloc_that_fails_keeps_the_object(void)
{
	uint8_t *object = kmalloc(100, GFP_KERNEL);

	memset(object, 0x11, 100);
	CHECK(krealloc(object, KMALLOC_MAX_SIZE + 1, GFP_KERNEL | __GFP_NOWARN) == NULL);
	CHECK(holds(object, 0x11, 100));
	kfree(object);
}

static void texts_are_copied(void)
{
	char *copy = kstrdup("slabstick", GFP_KERNEL);

	CHECK(strcmp(copy, "slabstick") == 0);
	kfree(copy);
	copy = kstrndup("slabstick", 4, GFP_KERNEL);
	CHECK(strcmp(copy, "slab") == 0);
	kfree(copy);
	copy = kstrndup("slab", 100, GFP_KERNEL);
	CHECK(strcmp(copy, "slab") == 0);
	kfree(copy);
	CHECK(kstrdup(NULL, GFP_KERNEL) == NULL);
	copy = kmemdup("ab\0cd", 5, GFP_KERNEL);
	CHECK(memcmp(copy, "ab\0cd", 5) == 0);
	kfree_sensitive(copy);
}

static void large_requests_are_compound_pages(void)
{
	uint8_t *object = kmalloc(5 * PAGE_SIZE, GFP_KERNEL);
	struct page *page = virt_to_page(object);

	CHECK(object != NULL);
	CHECK_EQ(page->type, PAGE_LARGE);
	CHECK_EQ(page->order, 3);
	CHECK_EQ(ksize(object), 8 * PAGE_SIZE);
	CHECK(compound_head(page + 5) == page);
	CHECK_PANICS("interior pointer", kfree(object + PAGE_SIZE));
	CHECK_PANICS("interior pointer", kfree(object + 8));
	kfree(object);
	/* At rest it is known for what it was; on a machine too small for that it is any page. */
	CHECK_PANICS(page->type == PAGE_CACHED_LARGE ? "double free" : "wild free", kfree(object));
}

/* Whether @page was allocated by the code that begins at @function. */
static bool is_called_from(const struct page *page, void (*function)(void))
{
	return page->caller - (uint32_t)(uintptr_t)function < PAGE_SIZE;
}

static void large_blocks_of_any_size_take_the_same_way(void)
{
	volatile size_t bytes = 3 * PAGE_SIZE;
	uint8_t *constant = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	uint8_t *variable = kmalloc(bytes, GFP_KERNEL);
	uint8_t *of_node = kmalloc_node(bytes, GFP_KERNEL, page_to_nid(virt_to_page(constant)));

	CHECK_EQ(virt_to_page(constant)->order, 2);
	CHECK_EQ(virt_to_page(variable)->order, 2);
	CHECK_EQ(virt_to_page(of_node)->order, 2);
	CHECK(is_called_from(virt_to_page(constant), large_blocks_of_any_size_take_the_same_way));
	CHECK(is_called_from(virt_to_page(variable), large_blocks_of_any_size_take_the_same_way));
	CHECK(is_called_from(virt_to_page(of_node), large_blocks_of_any_size_take_the_same_way));
	kfree(constant);
	CHECK(krealloc(NULL, bytes, GFP_KERNEL) == constant);
	CHECK(krealloc(constant, 4 * PAGE_SIZE, GFP_KERNEL) == constant);
	/* It comes as it was left, unless zeros are asked for. */
	constant[PAGE_SIZE] = 0x5c;
	kfree(constant);
	CHECK(kmalloc(bytes, GFP_KERNEL) == constant && constant[PAGE_SIZE] == 0x5c);
	kfree(constant);
	CHECK(kzalloc(bytes, GFP_KERNEL) == constant && constant[PAGE_SIZE] == 0);
	kfree_sensitive(constant);
	kfree(variable);
	kfree(of_node);
	constant = kmalloc(16 * PAGE_SIZE, GFP_KERNEL);
	CHECK_EQ(ksize(constant), 16 * PAGE_SIZE);
	kfree(constant);
}

static void nodes_and_zones_are_respected(void)
{
	void *object = kmalloc_node(100, GFP_KERNEL | __GFP_NO_GUARD, 0);
	void *large = kmalloc_node(50000, GFP_KERNEL, 0);
	void *dma = kmalloc(100, GFP_KERNEL | GFP_DMA);

	CHECK(object != NULL && large != NULL);
	CHECK_EQ(page_to_nid(virt_to_page(object)), page_to_nid(virt_to_page(large)));
	if (dma)
		CHECK(virt_to_phys(dma) < (uint64_t)16 << 20);
	kfree(object);
	kfree(large);
	kfree(dma);
}

static void kvmalloc_serves_every_size(void)
{
	for (size_t bytes = 16; bytes <= 64 * 1024; bytes *= 4) {
		uint8_t *object = kvmalloc(bytes, GFP_KERNEL);

		CHECK(object != NULL);
		memset(object, 0x21, bytes);
		kvfree(object);
		object = kvzalloc(bytes, GFP_KERNEL);
		CHECK(holds(object, 0, bytes));
		kvfree(object);
	}
}

static void kvmalloc_goes_beyond_the_largest_block(void)
{
	uint8_t *object;

	if (mm_port_vmalloc_start == mm_port_vmalloc_end)
		SKIP("no vmalloc area");
	object = kvmalloc(KMALLOC_MAX_SIZE + PAGE_SIZE, GFP_KERNEL);
	CHECK(object != NULL);
	CHECK((uintptr_t)object >= mm_port_vmalloc_start);
	object[KMALLOC_MAX_SIZE] = 1;
	kvfree(object);
}

/* ---- A random run ---- */

#define NR_LIVE		512u

static struct {
	uint8_t *object;
	size_t bytes;
	uint8_t value;
} live[NR_LIVE];

static size_t random_size(void)
{
	uint64_t top = (uint64_t)1 << test_random_below(15);

	return (size_t)test_random_below(top) + 1;
}

static void random_step(unsigned i)
{
	uint64_t choice = test_random_below(8);

	CHECK(!live[i].object || holds(live[i].object, live[i].value, live[i].bytes));
	if (live[i].object && choice == 0) {
		size_t bytes = random_size();
		uint8_t *moved = krealloc(live[i].object, bytes, GFP_KERNEL);

		CHECK(holds(moved, live[i].value, min_u64(bytes, live[i].bytes)));
		live[i].object = moved;
		live[i].bytes = bytes;
	} else if (live[i].object) {
		kfree(live[i].object);
		live[i].object = NULL;
		return;
	} else {
		live[i].bytes = random_size();
		live[i].object = choice == 1 ? kmalloc_node(live[i].bytes, GFP_KERNEL, 0) :
			kmalloc(live[i].bytes, GFP_KERNEL);
		CHECK(live[i].object != NULL);
	}
	live[i].value = (uint8_t)test_random();
	memset(live[i].object, live[i].value, live[i].bytes);
}

/* Without the vm_structs of areas at rest, as freed guarded objects leave them. */
static uint64_t nr_active_objects(void)
{
	if (mm_port_vmalloc_start != mm_port_vmalloc_end)
		vmalloc_shrink();
	return slab_usage(NULL).nr_active;
}

static void a_random_run_keeps_all_contents(void)
{
	struct violation violation = { 0 };
	uint64_t nr_active = nr_active_objects();

	memset(live, 0, sizeof(live));
	for (unsigned step = 0; step < 20000; step++)
		random_step((unsigned)test_random_below(NR_LIVE));
	if (!slab_verify(&violation))
		test_fail(__FILE__, __LINE__, "%s: %s", violation.rule, violation.condition);
	for (unsigned i = 0; i < NR_LIVE; i++)
		kfree(live[i].object);
	/* What is left is arrays that CPUs and nodes made for themselves. */
	CHECK(nr_active_objects() < nr_active + 200);
}

static const struct test_case cases[] = {
	{ "every size has the next class", every_size_has_the_next_class },
	{ "sizes and alignments are as promised", sizes_and_alignments_are_as_promised },
	{ "constant and variable sizes share caches", constant_and_variable_sizes_share_caches },
	{ "zero bytes and NULL are as in Linux", zero_bytes_and_null_are_as_in_linux },
	{ "too much is NULL", too_much_is_NULL },
	{ "zalloc and calloc zero", zalloc_and_calloc_zero },
	{ "krealloc keeps contents", krealloc_keeps_contents },
	{ "krealloc that fails keeps the object", krealloc_that_fails_keeps_the_object },
	{ "texts are copied", texts_are_copied },
	{ "large requests are compound pages", large_requests_are_compound_pages },
	{ "large blocks of any size take the same way",
	  large_blocks_of_any_size_take_the_same_way },
	{ "nodes and zones are respected", nodes_and_zones_are_respected },
	{ "kvmalloc serves every size", kvmalloc_serves_every_size },
	{ "kvmalloc goes beyond the largest block", kvmalloc_goes_beyond_the_largest_block },
	{ "a random run keeps all contents", a_random_run_keeps_all_contents },
};

TEST_SUITE(kmalloc, cases);
