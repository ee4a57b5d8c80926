/*
 * kmalloc through its public API: sizes, alignment, whole pages, and a random run
 * against a copy of every object's contents.
 */

#include "mm/kmalloc.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page/shown.h"
#include "mm/page_alloc.h"
#include "tests/unit/slab/room.h"
#include "mm/vmalloc.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/starve.h"

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

static bool is_of_row(enum kmalloc_type type, gfp_t gfp)
{
	volatile size_t bytes = 100;
	void *object = kmalloc(bytes, GFP_KERNEL | __GFP_NO_GUARD | __GFP_NOWARN | gfp);
	bool is_of_row = !object || page_cache(virt_to_page(object)) ==
		kmalloc_caches[type][kmalloc_class(bytes)];

	CHECK(object || type == KMALLOC_DMA);	/* there may be no such memory */
	kfree(object);
	return is_of_row;
}

static void each_kind_of_memory_has_its_row_of_caches(void)
{
	CHECK(is_of_row(KMALLOC_NORMAL, 0));
	CHECK(is_of_row(KMALLOC_RECLAIM, __GFP_RECLAIMABLE));
	CHECK(is_of_row(KMALLOC_DMA, __GFP_DMA));
	CHECK(is_of_row(KMALLOC_DMA, __GFP_DMA | __GFP_RECLAIMABLE));
	for (unsigned type = 0; type < NR_KMALLOC_TYPES; type++)
		for (unsigned class = 0; class < NR_KMALLOC_CLASSES; class++) {
			const struct kmem_cache *cache = kmalloc_caches[type][class];
			size_t bytes = kmalloc_class_bytes(class);

			CHECK_EQ(kmem_cache_size(cache), bytes);
			CHECK_EQ(cache->align, min_u64(bytes & (~bytes + 1), PAGE_SIZE));
			CHECK(cache->flags & SLAB_PANIC);
			CHECK_EQ((cache->flags & SLAB_RECLAIM_ACCOUNT) != 0,
				 type == KMALLOC_RECLAIM);
			CHECK_EQ((cache->flags & SLAB_CACHE_DMA) != 0, type == KMALLOC_DMA);
		}
}

/* What kmalloc() and kmalloc_node() make of a size that the compiler does not know. */
static void check_kind(size_t bytes, enum page_type type)
{
	volatile size_t unknown = bytes;
	void *object = kmalloc(unknown, GFP_KERNEL | __GFP_NO_GUARD);
	void *of_node = kmalloc_node(unknown, GFP_KERNEL | __GFP_NO_GUARD, NID_NONE);

	CHECK_EQ(virt_to_page(object)->type, type);
	CHECK_EQ(virt_to_page(of_node)->type, type);
	CHECK_EQ(ksize(object), kmalloc_size_roundup(bytes));
	CHECK_EQ(ksize(of_node), kmalloc_size_roundup(bytes));
	kfree(object);
	kfree(of_node);
}

static void caches_end_at_the_largest_class(void)
{
	check_kind(1, PAGE_SLAB);
	check_kind(KMALLOC_MAX_CACHE_SIZE, PAGE_SLAB);
	check_kind(KMALLOC_MAX_CACHE_SIZE + 1, PAGE_LARGE);
	CHECK_EQ(kmalloc_size_roundup(KMALLOC_MAX_CACHE_SIZE), KMALLOC_MAX_CACHE_SIZE);
	CHECK_EQ(kmalloc_size_roundup(KMALLOC_MAX_CACHE_SIZE + 1), 4 * PAGE_SIZE);
}

static void sizes_that_nobody_gets_are_not_rounded(void)
{
	CHECK_EQ(kmalloc_size_roundup(0), 0);
	CHECK_EQ(kmalloc_size_roundup(1), kmalloc_class_bytes(0));
	CHECK_EQ(kmalloc_size_roundup(KMALLOC_MAX_SIZE), KMALLOC_MAX_SIZE);
	CHECK_EQ(kmalloc_size_roundup(KMALLOC_MAX_SIZE + 1), KMALLOC_MAX_SIZE + 1);
	CHECK_EQ(kmalloc_size_roundup(SIZE_MAX), SIZE_MAX);
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

/* Sizes and flags that the compiler knows take another way. */
static void zalloc_of_a_known_size_zeroes_too(void)
{
	for (unsigned i = 0; i < 2; i++) {	/* from a refilled array, and from a resting one */
		uint8_t *object = kmalloc(112, GFP_KERNEL);

		memset(object, 0xee, 112);
		kfree(object);
		object = kzalloc(112, GFP_KERNEL);
		CHECK(holds(object, 0, 112));
		memset(object, 0xee, 112);
		kfree(object);
		object = kmalloc_any(112, GFP_KERNEL | __GFP_ZERO);
		CHECK(holds(object, 0, 112));
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

static void krealloc_to_nothing_frees(void)
{
	void *object = kmalloc(100, GFP_KERNEL | __GFP_NO_GUARD);

	CHECK(krealloc(object, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	CHECK_PANICS("double free", kfree(object));
}

/* Up and down within what the object has: bytes that a request lacked are zero in the next. */
static void check_regrowth(uint8_t *object, size_t more, size_t less)
{
	uint8_t *same;

	CHECK(holds(object, 0, more));
	memset(object, 0x7e, more);
	same = krealloc(object, less, GFP_KERNEL | __GFP_ZERO);
	CHECK(same == object);
	same = krealloc(object, more, GFP_KERNEL | __GFP_ZERO);
	CHECK(same == object);
	CHECK(holds(object, 0x7e, less));
	CHECK(holds(object + less, 0, more - less));
	kfree(object);
}

static void bytes_given_up_with_krealloc_come_back_zero(void)
{
	check_regrowth(kzalloc(100, GFP_KERNEL | __GFP_NO_GUARD), 100, 50);
	check_regrowth(kzalloc(112, GFP_KERNEL | __GFP_NO_GUARD), 112, 1);
	check_regrowth(kzalloc(5 * PAGE_SIZE, GFP_KERNEL), 5 * PAGE_SIZE, 3 * PAGE_SIZE);
}

static void bytes_given_up_are_left_alone_without_the_flag(void)
{
	struct kmem_cache *cache = kmalloc_caches[KMALLOC_NORMAL][kmalloc_class(100)];
	uint8_t *object = kmalloc(100, GFP_KERNEL | __GFP_NO_GUARD);

	if (cache->debug) {
		kfree(object);
		SKIP("red zones stand where no byte was asked for");
	}
	memset(object, 0x7e, 100);
	CHECK(krealloc(object, 50, GFP_KERNEL) == object);
	CHECK(krealloc(object, 100, GFP_KERNEL) == object);
	CHECK(holds(object, 0x7e, 100));
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
	copy = kstrdup("", GFP_KERNEL);
	CHECK(copy[0] == '\0');
	kfree(copy);
}

static void check_copy_bytes(const char *text, size_t bytes)
{
	char *copy = kstrdup(text, GFP_KERNEL | __GFP_NO_GUARD);

	CHECK_EQ(ksize(copy), kmalloc_size_roundup(bytes));
	kfree(copy);
}

static void a_copy_has_room_for_its_end_and_no_more(void)
{
	check_copy_bytes("", 1);
	check_copy_bytes("1234567", 8);
	check_copy_bytes("12345678", 9);
}

/* Of node 0's page allocator, so that one failure is enough. */
#define GFP_FAILING	(GFP_NOWAIT | __GFP_THISNODE | __GFP_NOWARN)

static void copies_that_find_no_memory_are_NULL(void)
{
	static char text[KMALLOC_MAX_CACHE_SIZE + 1];
	void *copy;
	char *string;

	memset(text, 'x', sizeof(text) - 1);
	mm_fail_nth(1);
	copy = kmemdup(text, sizeof(text), GFP_FAILING);
	mm_fail_nth(1);
	string = kstrdup(text, GFP_FAILING);
	mm_fail_nth(0);
	CHECK(!copy);
	CHECK(!string);
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

static void constant_sizes_are_served_by_stacks_and_without_them(void)
{
	uint8_t *made, *ready;

	drain_all_pages();
	made = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	CHECK(made != NULL);
	CHECK_EQ(virt_to_page(made)->order, 2);
	CHECK_EQ(virt_to_page(made)->type, PAGE_LARGE);
	kfree(made);
	ready = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	CHECK(ready == made);
	CHECK_EQ(virt_to_page(made)->type, PAGE_LARGE);
	kfree(ready);
}

static bool is_resting_after_kfree(size_t bytes)
{
	volatile size_t unknown = bytes;
	uint8_t *object = kmalloc(unknown, GFP_KERNEL);
	struct page *page = virt_to_page(object);

	CHECK(object != NULL);
	CHECK_EQ(page->type, PAGE_LARGE);
	kfree(object);
	CHECK(page->type != PAGE_LARGE);
	return page->type == PAGE_CACHED_LARGE;
}

static void blocks_rest_ready_made_when_freed(void)
{
	const struct page_stack *stack = large_stack_at(large_stack_offset(2));

	drain_all_pages();
	CHECK(!is_resting_after_kfree(32 * PAGE_SIZE));
	if (stack->top == stack->full)
		SKIP("the machine is too small");
	CHECK(is_resting_after_kfree(4 * PAGE_SIZE));
	CHECK_EQ(page_stack_count(stack), 1);
}

static void sensitive_blocks_are_wiped_to_their_end(void)
{
	volatile size_t bytes = 3 * PAGE_SIZE;
	uint8_t *object = kmalloc(bytes, GFP_KERNEL), *again;

	memset(object, 0x5c, 4 * PAGE_SIZE);
	kfree_sensitive(object);
	again = kmalloc(bytes, GFP_KERNEL);
	CHECK(again == object);
	CHECK(holds(again, 0, 4 * PAGE_SIZE));
	kfree(again);
}

static void nodes_and_zones_are_respected(void)
{
	/* Of the boot CPU's node, which may have next to nothing: what comes, comes from there. */
	void *object = kmalloc_node(100, GFP_KERNEL | __GFP_THISNODE | __GFP_NO_GUARD, 0);
	void *large = kmalloc_node(50000, GFP_KERNEL | __GFP_THISNODE, 0);
	void *dma = kmalloc(100, GFP_KERNEL | GFP_DMA);

	if (object)
		CHECK_EQ(page_to_nid(virt_to_page(object)), 0);
	if (large)
		CHECK_EQ(page_to_nid(virt_to_page(large)), 0);
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
	heard_begin();
	object = kvmalloc(KMALLOC_MAX_SIZE + PAGE_SIZE, GFP_KERNEL);
	CHECK_EQ(strlen(heard_end()), 0);
	CHECK(object != NULL);
	CHECK((uintptr_t)object >= mm_port_vmalloc_start);
	object[KMALLOC_MAX_SIZE] = 1;
	kvfree(object);
}

static void kvmalloc_prefers_one_piece(void)
{
	void *object = kmalloc(64 * 1024, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);

	if (!object)
		SKIP("no block of 64 KiB");
	kfree(object);
	object = kvmalloc(64 * 1024, GFP_KERNEL);
	CHECK(!is_vmalloc_addr(object));
	kvfree(object);
}

static void kvmalloc_takes_scattered_pages_where_no_block_is(void)
{
	const uint64_t nr_live = vmalloc_totals().nr_live;
	uint8_t *object;

	if (mm_port_vmalloc_start == mm_port_vmalloc_end)
		SKIP("no vmalloc area");
	heard_begin();
	mm_fail_nth(1);
	object = kvmalloc(64 * 1024, GFP_KERNEL | __GFP_ZERO);
	mm_fail_nth(0);
	CHECK_EQ(strlen(heard_end()), 0);
	CHECK(is_vmalloc_addr(object));
	CHECK(holds(object, 0, 64 * 1024));
	CHECK_EQ(vmalloc_totals().nr_live, nr_live + 1);
	kvfree(object);
	CHECK_EQ(vmalloc_totals().nr_live, nr_live);
}

/* Of a row that nobody else uses: its objects are taken until there is no slab to be had. */
static void kvmalloc_of_a_page_or_less_is_kmallocs_alone(void)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | __GFP_RECLAIMABLE | __GFP_NO_GUARD;
	const uint64_t nr_live = vmalloc_totals().nr_live;
	void **chain = kvmalloc(PAGE_SIZE, gfp), **object;
	struct kmem_cache *cache;

	if (!chain)
		SKIP("no memory for an object of a page");
	cache = page_cache(virt_to_page(chain));
	*chain = NULL;
	starve_begin(cache);
	while ((object = kvmalloc(PAGE_SIZE, gfp)) != NULL && !is_vmalloc_addr(object)) {
		*object = chain;
		chain = object;
	}
	starve_end(cache);
	CHECK(!object);
	CHECK_EQ(vmalloc_totals().nr_live, nr_live);
	for (; chain; chain = object) {
		object = *chain;
		kvfree(chain);
	}
}

static void kvfree_gives_objects_back(void)
{
	void *object = kvmalloc(100, GFP_KERNEL | __GFP_NO_GUARD);

	kvfree(object);
	CHECK_PANICS("double free", kvfree(object));
}

static void only_nodes_that_exist_can_be_asked_for(void)
{
	const unsigned nid = slab_system.nr_nodes;

	CHECK_PANICS("nid < slab_system.nr_nodes", kmalloc_node(100, GFP_KERNEL, nid));
}

/* ---- What is not kmalloc's ---- */

/* Whether the first "by" of @text is an address in the code that begins at @function. */
static bool blames(const char *text, void (*function)(void))
{
	uintptr_t caller = 0;
	const char *at = strstr(text, " by ");

	if (!at)
		return false;
	for (at += 4; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'); at++)
		caller = caller * 16 + (uintptr_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
	return caller - (uintptr_t)function < PAGE_SIZE;
}

static void sizes_of_foreign_memory_are_refused(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	size_t bytes = 0;

	CHECK(page != NULL);
	heard_begin();
	CHECK_PANICS("use of what is no object", bytes = ksize(page_address(page)));
	CHECK(blames(heard_end(), sizes_of_foreign_memory_are_refused));
	heard_begin();
	CHECK_PANICS("use of what is no object",
		     (void)!krealloc(page_address(page), 8, GFP_KERNEL));
	CHECK(blames(heard_end(), sizes_of_foreign_memory_are_refused));
	CHECK_PANICS("use of what is no object", bytes = ksize(&slab_system));
	CHECK_PANICS("use of what is no object", bytes = ksize((void *)(uintptr_t)0x1000));
	CHECK_EQ(bytes, 0);
	__free_page(page);
}

/* kmalloc believes nothing at or above the end of RAM, wherever that is. */
static void nothing_lies_at_the_end_of_RAM(void)
{
	const uint64_t end_pa = slab_system.end_pa;
	void *block = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	void *object = kmalloc(100, GFP_KERNEL | __GFP_NO_GUARD);
	size_t bytes = 0;

	test_quiet(true);
	slab_system.end_pa = virt_to_phys(block);
	CHECK_PANICS("wild free", kfree(block));
	CHECK_PANICS("use of what is no object", bytes = ksize(block));
	slab_system.end_pa = virt_to_phys(object);
	CHECK_PANICS("wild free", kfree(object));
	CHECK_PANICS("use of what is no object", bytes = ksize(object));
	slab_system.end_pa = end_pa;
	test_quiet(false);
	CHECK_EQ(bytes, 0);
	kfree(block);
	kfree(object);
}

/* ---- With red zones ---- */

#define DEBUG_BYTES	104u	/* of class 112 */

static struct kmem_cache *replaced;
static struct cpu_array replaced_array;

/* Gives the class of DEBUG_BYTES another cache, until end_debug(). */
static struct kmem_cache *begin_debug(void)
{
	struct kmem_cache **place =
		&kmalloc_caches[KMALLOC_NORMAL][kmalloc_class(DEBUG_BYTES)];

	replaced = *place;
	replaced_array = *kmalloc_array_at(replaced->array_index);
	*kmalloc_array_at(replaced->array_index) = *kmalloc_array_at(KMALLOC_NO_ARRAY);
	*place = create_plain("test_kmalloc", kmem_cache_size(replaced), 0,
			      SLAB_PANIC | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER, NULL);
	return *place;
}

static void end_debug(struct kmem_cache *cache)
{
	kmalloc_caches[KMALLOC_NORMAL][kmalloc_class(DEBUG_BYTES)] = replaced;
	*kmalloc_array_at(replaced->array_index) = replaced_array;
	kmem_cache_destroy(cache);
}

/* Of a size that the compiler does not know, so that all goes through kmalloc_any(). */
static uint8_t *take(size_t bytes, gfp_t gfp)
{
	volatile size_t unknown = bytes;

	return kmalloc(unknown, GFP_KERNEL | gfp);
}

static void what_is_asked_for_ends_where_krealloc_says(void)
{
	struct kmem_cache *cache = begin_debug();
	uint8_t *object = take(DEBUG_BYTES, 0), *same;

	same = krealloc(object, 98, GFP_KERNEL);
	CHECK(same == object);
	CHECK(page_cache(virt_to_page(object)) == cache);
	object[98] = 'X';
	CHECK_PANICS("overflow inside the size class", kfree(object));
	object[98] = RED_ALLOCATED;
	same = krealloc(object, DEBUG_BYTES, GFP_KERNEL);
	CHECK(same == object);
	CHECK_EQ(object[98], RED_ALLOCATED);	/* not zeroed without the flag */
	object[98] = 'X';
	object[DEBUG_BYTES - 1] = 'X';
	kfree(object);
	end_debug(cache);
}

static void who_asks_for_the_size_may_use_it(void)
{
	struct kmem_cache *cache = begin_debug();
	uint8_t *object = take(DEBUG_BYTES, 0);

	CHECK_EQ(debug_tail_of(cache, object)->requested_bytes, DEBUG_BYTES);
	CHECK_EQ(ksize(object), kmem_cache_size(cache));
	memset(object, 'X', kmem_cache_size(cache));
	kfree(object);
	end_debug(cache);
}

static void krealloc_zeroes_between_red_zones_too(void)
{
	struct kmem_cache *cache = begin_debug();
	uint8_t *object, *moved;

	check_regrowth(take(DEBUG_BYTES, __GFP_ZERO), DEBUG_BYTES, 98);
	object = take(98, __GFP_ZERO);
	memset(object, 0x7e, 98);
	moved = krealloc(object, 200, GFP_KERNEL | __GFP_ZERO);
	CHECK(holds(moved, 0x7e, 98));
	CHECK(holds(moved + 98, 0, 200 - 98));
	kfree(moved);
	end_debug(cache);
}

static void krealloc_of_an_overrun_object_reports_it(void)
{
	struct kmem_cache *cache = begin_debug();
	uint8_t *object = take(DEBUG_BYTES, 0);
	struct debug_tail *tail = debug_tail_of(cache, object), kept = *tail;

	memset(tail, 0x7f, sizeof(*tail));
	CHECK_PANICS("overflow", (void)!krealloc(object, 200, GFP_KERNEL));
	*tail = kept;
	kfree(object);
	end_debug(cache);
}

static bool is_owned_by(struct kmem_cache *cache, const void *object, void (*function)(void))
{
	return debug_tail_of(cache, object)->allocated.caller - (uintptr_t)function < PAGE_SIZE;
}

static void objects_know_who_asked_for_them(void)
{
	struct kmem_cache *cache = begin_debug();
	volatile size_t bytes = DEBUG_BYTES;
	void *zeroed = kmalloc(bytes, GFP_KERNEL | __GFP_ZERO);
	void *of_node = kmalloc_node(bytes, GFP_KERNEL, NID_NONE);

	CHECK(is_owned_by(cache, zeroed, objects_know_who_asked_for_them));
	CHECK(is_owned_by(cache, of_node, objects_know_who_asked_for_them));
	kfree(zeroed);
	kfree(of_node);
	end_debug(cache);
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
	test_quiet(true);
	if (!slab_verify(&violation))
		test_fail(__FILE__, __LINE__, "%s: %s", violation.rule, violation.condition);
	test_quiet(false);
	for (unsigned i = 0; i < NR_LIVE; i++)
		kfree(live[i].object);
	/* What is left is arrays that CPUs and nodes made for themselves. */
	CHECK(nr_active_objects() < nr_active + 200);
}

static bool kmalloc_breaks(const char *rule)
{
	struct violation violation = { .rule = "none" };
	bool is_sound;

	test_quiet(true);
	is_sound = slab_verify(&violation);
	test_quiet(false);
	return !is_sound && strcmp(violation.rule, rule) == 0;
}

/* Of a cache without objects, which would break other rules first where they are debugged. */
static void verify_notices_KMALLOC_1_and_KMALLOC_2(void)
{
	struct kmem_cache *cache = kmalloc_caches[KMALLOC_DMA][NR_KMALLOC_CLASSES - 1];
	struct kmem_cache sound = *cache;

	test_quiet(true);
	cache->object_bytes -= (uint32_t)sizeof(uint64_t);
	CHECK(kmalloc_breaks("KMALLOC-1"));
	cache->object_bytes = sound.object_bytes;
	cache->align = sizeof(uint64_t);
	CHECK(kmalloc_breaks("KMALLOC-2"));
	cache->align = sound.align;
	CHECK(!kmalloc_breaks("KMALLOC-1"));
	CHECK(!kmalloc_breaks("KMALLOC-2"));
	test_quiet(false);
}

static const struct test_case cases[] = {
	{ "every size has the next class", every_size_has_the_next_class },
	{ "each kind of memory has its row of caches",
	  each_kind_of_memory_has_its_row_of_caches },
	{ "caches end at the largest class", caches_end_at_the_largest_class },
	{ "sizes that nobody gets are not rounded", sizes_that_nobody_gets_are_not_rounded },
	{ "sizes and alignments are as promised", sizes_and_alignments_are_as_promised },
	{ "constant and variable sizes share caches", constant_and_variable_sizes_share_caches },
	{ "zero bytes and NULL are as in Linux", zero_bytes_and_null_are_as_in_linux },
	{ "too much is NULL", too_much_is_NULL },
	{ "zalloc and calloc zero", zalloc_and_calloc_zero },
	{ "zalloc of a known size zeroes too", zalloc_of_a_known_size_zeroes_too },
	{ "krealloc keeps contents", krealloc_keeps_contents },
	{ "krealloc that fails keeps the object", krealloc_that_fails_keeps_the_object },
	{ "krealloc to nothing frees", krealloc_to_nothing_frees },
	{ "bytes given up with krealloc come back zero",
	  bytes_given_up_with_krealloc_come_back_zero },
	{ "bytes given up are left alone without the flag",
	  bytes_given_up_are_left_alone_without_the_flag },
	{ "texts are copied", texts_are_copied },
	{ "a copy has room for its end and no more", a_copy_has_room_for_its_end_and_no_more },
	{ "copies that find no memory are NULL", copies_that_find_no_memory_are_NULL },
	{ "large requests are compound pages", large_requests_are_compound_pages },
	{ "large blocks of any size take the same way",
	  large_blocks_of_any_size_take_the_same_way },
	{ "constant sizes are served by stacks and without them",
	  constant_sizes_are_served_by_stacks_and_without_them },
	{ "blocks rest ready-made when freed", blocks_rest_ready_made_when_freed },
	{ "sensitive blocks are wiped to their end", sensitive_blocks_are_wiped_to_their_end },
	{ "nodes and zones are respected", nodes_and_zones_are_respected },
	{ "only nodes that exist can be asked for", only_nodes_that_exist_can_be_asked_for },
	{ "sizes of foreign memory are refused", sizes_of_foreign_memory_are_refused },
	{ "nothing lies at the end of RAM", nothing_lies_at_the_end_of_RAM },
	{ "what is asked for ends where krealloc says",
	  what_is_asked_for_ends_where_krealloc_says },
	{ "who asks for the size may use it", who_asks_for_the_size_may_use_it },
	{ "krealloc zeroes between red zones too", krealloc_zeroes_between_red_zones_too },
	{ "krealloc of an overrun object reports it", krealloc_of_an_overrun_object_reports_it },
	{ "objects know who asked for them", objects_know_who_asked_for_them },
	{ "kvmalloc serves every size", kvmalloc_serves_every_size },
	{ "kvmalloc prefers one piece", kvmalloc_prefers_one_piece },
	{ "kvmalloc takes scattered pages where no block is",
	  kvmalloc_takes_scattered_pages_where_no_block_is },
	{ "kvmalloc of a page or less is kmalloc's alone",
	  kvmalloc_of_a_page_or_less_is_kmallocs_alone },
	{ "kvfree gives objects back", kvfree_gives_objects_back },
	{ "kvmalloc goes beyond the largest block", kvmalloc_goes_beyond_the_largest_block },
	{ "a random run keeps all contents", a_random_run_keeps_all_contents },
	{ "verify notices KMALLOC-1 and KMALLOC-2", verify_notices_KMALLOC_1_and_KMALLOC_2 },
};

TEST_SUITE(kmalloc, cases);
