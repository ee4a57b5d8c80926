/*
 * A handler that allocates and frees, at every step of what it interrupts.
 *
 * Each operation runs once for each place where it can be interrupted, on the machine of
 * four nodes. What the handler takes it keeps until it comes next, and both sides look
 * whether what they hold is theirs alone. mm's rules are verified after each case.
 */

#include "lib/align.h"
#include "mm/contig.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page/map_plan.h"
#include "mm/page/section.h"
#include "mm/page_alloc.h"
#include "mm/reclaim.h"
#include "mm/vmalloc.h"
#include "mm/vmalloc/vm_area.h"
#include "tests/host/interrupt.h"
#include "tests/host/suites_host.h"
#include "tests/unit/slab/plain_cache.h"
#include "tests/unit/slab/room.h"

#define GFP_HANDLER	(GFP_ATOMIC | __GFP_NOWARN | __GFP_NO_INJECTION)

/* Instructions between two interrupts of one run: a trap costs microseconds. */
#define STRIDE		16u

/* More than a batch of pages, and than two magazines. */
#define NR_MANY		160u

static struct kmem_cache *cache;

/* ---- Owners ---- */

static void mark(void *at, size_t bytes, uintptr_t whose)
{
	((uintptr_t *)at)[0] = whose ^ (uintptr_t)at;
	((uintptr_t *)at)[bytes / sizeof(uintptr_t) - 1] = whose ^ (uintptr_t)at;
}

static void check_mark(const void *at, size_t bytes, uintptr_t whose)
{
	CHECK_EQ(((const uintptr_t *)at)[0], whose ^ (uintptr_t)at);
	CHECK_EQ(((const uintptr_t *)at)[bytes / sizeof(uintptr_t) - 1], whose ^ (uintptr_t)at);
}

/* One of each kind that a handler may have. */
enum { OF_PAGE, OF_PAGES, OF_SMALL, OF_SIZE, OF_CACHE, OF_BLOCK, NR_KINDS };

static const size_t kind_bytes[NR_KINDS] = {
	[OF_PAGE] = PAGE_SIZE, [OF_PAGES] = 4 * PAGE_SIZE, [OF_SMALL] = 64, [OF_SIZE] = 1000,
	[OF_CACHE] = 200, [OF_BLOCK] = 4 * PAGE_SIZE,
};

static void *take(unsigned kind, gfp_t gfp)
{
	switch (kind) {
	case OF_PAGE:
		return (void *)__get_free_pages(gfp, 0);
	case OF_PAGES:
		return (void *)__get_free_pages(gfp, 2);
	case OF_CACHE:
		return kmem_cache_alloc(cache, gfp);
	default:
		return kmalloc(kind_bytes[kind], gfp);
	}
}

static void give(unsigned kind, void *at)
{
	if (kind == OF_PAGE || kind == OF_PAGES)
		free_pages((uintptr_t)at, kind == OF_PAGE ? 0 : 2);
	else if (kind == OF_CACHE)
		kmem_cache_free(cache, at);
	else
		kfree(at);
}

/* ---- Handlers ---- */

#define HANDLER_MARK	0x5a5a00000000ull

static void *kept[NR_KINDS];
static uint64_t nr_handled, nr_got;

static void give_kept(void)
{
	for (unsigned kind = 0; kind < NR_KINDS; kind++) {
		if (!kept[kind])
			continue;
		check_mark(kept[kind], kind_bytes[kind], HANDLER_MARK);
		give(kind, kept[kind]);
		kept[kind] = NULL;
	}
}

/* Keeps one of each kind until it comes again. */
static void take_and_give(void)
{
	nr_handled++;
	for (unsigned kind = 0; kind < NR_KINDS; kind++) {
		void *at = take(kind, GFP_HANDLER);

		if (!at)
			continue;
		nr_got++;
		mark(at, kind_bytes[kind], HANDLER_MARK);
		if (kept[kind]) {
			check_mark(kept[kind], kind_bytes[kind], HANDLER_MARK);
			give(kind, kept[kind]);
		}
		kept[kind] = at;
	}
}

/* Empties what this CPU has at hand and fills it again, so that nothing lies where it did. */
static void turn_over(void)
{
	static void *many[NR_MANY];
	static const unsigned kinds[] = { OF_PAGE, OF_SMALL, OF_CACHE };

	nr_handled++;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		unsigned kind = kinds[i];

		for (unsigned k = 0; k < NR_MANY; k++) {
			many[k] = take(kind, GFP_HANDLER);
			if (many[k])
				mark(many[k], kind_bytes[kind], HANDLER_MARK);
		}
		for (unsigned k = 0; k < NR_MANY; k++) {
			if (!many[k])
				continue;
			nr_got++;
			check_mark(many[k], kind_bytes[kind], HANDLER_MARK);
			give(kind, many[k]);
		}
	}
}

static void (*const handlers[])(void) = { take_and_give, turn_over };

/* ---- Operations ---- */

#define THREAD_MARK	0xa5a50000ull

static unsigned kind_now;

static void pair(void)
{
	void *at = take(kind_now, GFP_KERNEL);

	CHECK(at);
	if (!at)
		return;
	mark(at, kind_bytes[kind_now], THREAD_MARK);
	check_mark(at, kind_bytes[kind_now], THREAD_MARK);
	give(kind_now, at);
}

/* Through refills, drains, growth and slabs that go back. */
static void many(void)
{
	static void *of[2 * NR_MANY];

	for (unsigned i = 0; i < ARRAY_SIZE(of); i++) {
		of[i] = take(kind_now, GFP_KERNEL);
		CHECK(of[i]);
		if (of[i])
			mark(of[i], kind_bytes[kind_now], THREAD_MARK);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(of); i++) {
		if (!of[i])
			continue;
		check_mark(of[i], kind_bytes[kind_now], THREAD_MARK);
		give(kind_now, of[i]);
	}
}

static void bulk(void)
{
	struct page *pages[NR_MANY];
	void *objects[NR_MANY];

	CHECK_EQ(alloc_pages_bulk(GFP_KERNEL, NID_NONE, NR_MANY, pages), NR_MANY);
	CHECK_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, NR_MANY, objects), NR_MANY);
	for (unsigned i = 0; i < NR_MANY; i++)
		mark(objects[i], kind_bytes[OF_CACHE], THREAD_MARK);
	free_pages_bulk(NR_MANY, pages);
	for (unsigned i = 0; i < NR_MANY; i++)
		check_mark(objects[i], kind_bytes[OF_CACHE], THREAD_MARK);
	kmem_cache_free_bulk(cache, NR_MANY, objects);
}

static void foreign(void)
{
	unsigned other = slab_system.setup.nearest_node(slab_memory_node(numa_node_id()), 1);
	void *objects[8];
	struct page *page = alloc_pages_node(other, GFP_KERNEL, 1);

	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmem_cache_alloc_node(cache, GFP_KERNEL, other);
		CHECK(objects[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(cache, objects[i]);
	CHECK(page);
	__free_pages(page, 1);
}

static void area(void)
{
	uint8_t *at = vmalloc(5 * PAGE_SIZE);

	CHECK(at);
	mark(at, 5 * PAGE_SIZE, THREAD_MARK);
	check_mark(at, 5 * PAGE_SIZE, THREAD_MARK);
	vfree(at);
}

static void caches(void)
{
	struct kmem_cache *own = create_plain("test_between", 300, 0, 0, NULL);
	void *object = kmem_cache_alloc(own, GFP_KERNEL);

	CHECK(object);
	kmem_cache_free(own, object);
	kmem_cache_shrink(own);
	kmem_cache_destroy(own);
}

static void give_back_all(void)
{
	drain_all_pages();
	shrink_node(NID_NONE, 1000);
	kmem_cache_shrink(cache);
	vmalloc_purge();
}

static void contiguous(void)
{
	struct page *page = alloc_contig_pages(3 * PAGEBLOCK_PAGES, GFP_KERNEL, NID_NONE);

	CHECK(page);
	if (page)
		free_contig_range(page_to_pfn(page), 3 * PAGEBLOCK_PAGES);
}

/* Blocks of the largest order, until a section must come up. */
static void grow(void)
{
	static struct page *blocks[SECTION_PAGES >> MAX_ORDER];
	const uint64_t nr_up = nr_sections_up();
	unsigned nr = 0;

	while (nr < ARRAY_SIZE(blocks) && nr_sections_up() == nr_up) {
		blocks[nr] = alloc_pages(GFP_KERNEL, MAX_ORDER);
		if (!blocks[nr])
			break;
		nr++;
	}
	CHECK(nr_sections_up() != nr_up);
	while (nr > 0)
		__free_pages(blocks[--nr], MAX_ORDER);
}

/* ---- Cases ---- */

static void begin(void)
{
	cache = create_plain("test_interrupts", kind_bytes[OF_CACHE], 0, SLAB_PANIC, NULL);
	nr_handled = 0;
	nr_got = 0;
}

static void end(void)
{
	give_kept();
	CHECK(nr_handled > 0);
	CHECK(nr_got > 0);
	CHECK(host_is_open());
	kmem_cache_destroy(cache);
	test_comment("%llu interrupts, %llu allocations in handlers",
		     (unsigned long long)nr_handled, (unsigned long long)nr_got);
}

static void at_each_point_of(void (*operation)(void))
{
	for (unsigned i = 0; i < ARRAY_SIZE(handlers); i++)
		CHECK(interrupt_at_points(operation, handlers[i]) > 0);
}

static void pairs_at_each_point(void)
{
	begin();
	for (kind_now = 0; kind_now < NR_KINDS; kind_now++)
		at_each_point_of(pair);
	end();
}

static void pairs_at_each_instruction(void)
{
	if (slab_system.debug_flags)
		SKIP("with debug= they are minutes of instructions");
	begin();
	for (kind_now = 0; kind_now < NR_KINDS; kind_now++)
		for (unsigned i = 0; i < ARRAY_SIZE(handlers); i++)
			CHECK(interrupt_at_instructions(pair, handlers[i], STRIDE) > 0);
	end();
}

static void refills_and_drains(void)
{
	begin();
	for (kind_now = 0; kind_now < NR_KINDS; kind_now++) {
		give_back_all();
		CHECK(interrupt_at_all_points(many, take_and_give) > 0);
		CHECK(interrupt_at_all_points(many, turn_over) > 0);
	}
	end();
}

/* One interrupt in a refill from slabs or zones that have nothing at hand. */
static void first_of_its_kind(void)
{
	give_back_all();
	pair();
}

static void empty_stacks_and_arrays(void)
{
	begin();
	for (kind_now = 0; kind_now < NR_KINDS; kind_now++)
		at_each_point_of(first_of_its_kind);
	end();
}

static void bulks(void)
{
	begin();
	at_each_point_of(bulk);
	end();
}

static void other_nodes(void)
{
	begin();
	at_each_point_of(foreign);
	end();
}

static void areas(void)
{
	begin();
	at_each_point_of(area);
	end();
}

static void caches_come_and_go(void)
{
	begin();
	at_each_point_of(caches);
	end();
}

static void what_gives_back(void)
{
	begin();
	at_each_point_of(give_back_all);
	end();
}

static void contiguous_ranges(void)
{
	begin();
	CHECK(interrupt_at_all_points(contiguous, take_and_give) > 0);
	end();
}

static void growth(void)
{
	begin();
	CHECK(interrupt_at_all_points(grow, take_and_give) > 0);
	end();
}

static void calls_for_threads_are_told(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *at = vmap(&page, 1, VM_MAP, MM_PORT_READ_WRITE);
	const struct contig_limits no_limits = { 0 };

	CHECK(at);
	begin();
	host_nr_handlers = 1;
	CHECK_PANICS("vmalloc in an interrupt handler", (void)!vmalloc(PAGE_SIZE));
	CHECK_PANICS("vmap in an", (void)!vmap(&page, 1, VM_MAP, MM_PORT_READ_WRITE));
	CHECK_PANICS("vunmap in an", vunmap(at));
	CHECK_PANICS("ioremap in an", (void)!ioremap(0, PAGE_SIZE));
	CHECK_PANICS("iounmap in an", iounmap(at));
	CHECK_PANICS("alloc_contig_pages in an",
		     (void)!alloc_contig_pages(2, GFP_KERNEL, NID_NONE));
	CHECK_PANICS("alloc_contig_limited in an",
		     (void)!alloc_contig_limited(2, GFP_KERNEL, NID_NONE, &no_limits));
	CHECK_PANICS("alloc_contig_range in an",
		     (void)!alloc_contig_range(0, 1, MIGRATE_MOVABLE));
	CHECK_PANICS("kmem_cache_create in an", kmem_cache_create("none", 8, 0, 0, NULL));
	CHECK_PANICS("kmem_cache_shrink in an", kmem_cache_shrink(cache));
	CHECK_PANICS("kmem_cache_destroy in an", kmem_cache_destroy(cache));
	CHECK_PANICS("a request that may reclaim in an",
		     (void)!alloc_pages(GFP_KERNEL, MAX_ORDER));
	/* What does not wait is for all. */
	kfree(kmalloc(100, GFP_ATOMIC));
	free_pages(__get_free_pages(GFP_NOWAIT, MAX_ORDER), MAX_ORDER);
	host_nr_handlers = 0;
	kmem_cache_destroy(cache);
	vunmap(at);
	__free_page(page);
}

/* More than a CPU keeps before it flushes. */
#define NR_AREAS	200u

static void a_handler_leaves_the_flush_to_a_thread(void)
{
	const struct vm_area_set *lazy = &vm_area_this_cpu()->lazy;
	static void *at[NR_AREAS];

	vmalloc_shrink();
	for (unsigned i = 0; i < NR_AREAS; i++)
		at[i] = vmalloc(PAGE_SIZE);
	host_nr_handlers = 1;
	for (unsigned i = 1; i < NR_AREAS; i++)
		vfree(at[i]);
	host_nr_handlers = 0;
	CHECK_EQ(lazy->nr_areas, NR_AREAS - 1);
	vfree(at[0]);
	CHECK_EQ(lazy->nr_areas, 0);
}

static const struct test_case cases[] = {
	{ "calls for threads are told", calls_for_threads_are_told },
	{ "a handler leaves the flush to a thread", a_handler_leaves_the_flush_to_a_thread },
	{ "pairs, at each point", pairs_at_each_point },
	{ "pairs, at each instruction", pairs_at_each_instruction },
	{ "refills and drains", refills_and_drains },
	{ "empty stacks and arrays", empty_stacks_and_arrays },
	{ "bulks", bulks },
	{ "other nodes", other_nodes },
	{ "areas", areas },
	{ "caches come and go", caches_come_and_go },
	{ "what gives back", what_gives_back },
	{ "contiguous ranges", contiguous_ranges },
	{ "growth", growth },
};

TEST_SUITE(interrupts, cases);
