/*
 * Hardening: what is in memory as it comes and goes. Each case starts its own machine with
 * other options.
 */

#include "mm/harden.h"

#include "lib/string.h"
#include "mm/contig.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/harden.h"
#include "mm/page/page_stack.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/slab/core.h"
#include "mm/vmalloc.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"

#define DIRT	0x5c

static slab_flags_t usual_flags, usual_init;
static unsigned usual_hardening;

static void start(unsigned flags)
{
	usual_flags = slab_system.debug_flags;
	usual_init = slab_system.init_flags;
	usual_hardening = page_hardening;
	slab_system.debug_flags = 0;
	slab_set_init(flags & HARDEN_INIT_ON_ALLOC, flags & HARDEN_INIT_ON_FREE);
	page_set_hardening(flags);
	host_start_machine(&machine_small);
}

static void end(void)
{
	CHECK(mm_verify_all());
	slab_set_init(usual_init & SLAB_INIT_ON_ALLOC, usual_init & SLAB_INIT_ON_FREE);
	slab_system.debug_flags = usual_flags;
	page_set_hardening(usual_hardening);
	host_start_machine(&machine_small);
}

static bool is_all(const void *at, size_t bytes, uint8_t byte)
{
	const volatile uint8_t *from = at;

	for (size_t i = 0; i < bytes; i++)
		if (from[i] != byte)
			return false;
	return true;
}

/* ---- What can be had, in all the ways in which there is memory ---- */

struct kind {
	const char *name;
	size_t bytes;
	void *(*take)(size_t bytes);
	void (*give)(void *at, size_t bytes);
	bool is_object;			/* of a cache: its page stays in use when it is freed */
	bool is_mapped;			/* gone with the address */
};

static unsigned order_of(size_t bytes)
{
	return order_for_pages(bytes_to_pages(bytes));
}

static void *take_pages(size_t bytes)
{
	return (void *)__get_free_pages(GFP_KERNEL, order_of(bytes));
}

static void give_pages(void *at, size_t bytes)
{
	free_pages((uintptr_t)at, order_of(bytes));
}

static void *take_compound(size_t bytes)
{
	return (void *)__get_free_pages(GFP_KERNEL | __GFP_COMP, order_of(bytes));
}

static void give_compound(void *at, size_t bytes)
{
	(void)bytes;
	put_page(virt_to_page(at));
}

static void *take_kmalloc(size_t bytes)
{
	return kmalloc(bytes, GFP_KERNEL);
}

static void give_kmalloc(void *at, size_t bytes)
{
	(void)bytes;
	kfree(at);
}

static void *take_vmalloc(size_t bytes)
{
	return vmalloc(bytes);
}

static void give_vmalloc(void *at, size_t bytes)
{
	(void)bytes;
	vfree(at);
}

static void *take_exact(size_t bytes)
{
	return alloc_pages_exact(bytes, GFP_KERNEL);
}

static void *take_contig(size_t bytes)
{
	struct page *page = alloc_contig_pages(bytes_to_pages(bytes), GFP_KERNEL, NID_NONE);

	return page ? page_address(page) : NULL;
}

static void give_contig(void *at, size_t bytes)
{
	free_contig_range(page_to_pfn(virt_to_page(at)), bytes_to_pages(bytes));
}

static const struct kind kinds[] = {
	{ "page", PAGE_SIZE, take_pages, give_pages, .is_object = false },
	{ "8 pages", 8 * PAGE_SIZE, take_pages, give_pages, .is_object = false },
	{ "32 pages", 32 * PAGE_SIZE, take_pages, give_pages, .is_object = false },
	{ "2 MiB", 2 * MIB, take_pages, give_pages, .is_object = false },
	{ "4 MiB", 4 * MIB, take_pages, give_pages, .is_object = false },
	{ "compound", 4 * PAGE_SIZE, take_compound, give_compound, .is_object = false },
	{ "kmalloc", 64, take_kmalloc, give_kmalloc, .is_object = true },
	{ "kmalloc of a page", PAGE_SIZE, take_kmalloc, give_kmalloc, .is_object = true },
	{ "large", 20000, take_kmalloc, give_kmalloc, .is_object = false },
	{ "vmalloc", 5 * PAGE_SIZE, take_vmalloc, give_vmalloc, .is_mapped = true },
	{ "exact", 5 * PAGE_SIZE, take_exact, free_pages_exact, .is_object = false },
	{ "range", 700 * PAGE_SIZE, take_contig, give_contig, .is_object = false },
};

#define for_each_kind(kind) \
	for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)

/* Leaves dirt in as much memory as the next of the kind could come from. */
static void soil(const struct kind *kind)
{
	void *taken[4];

	for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
		taken[i] = kind->take(kind->bytes);
		CHECK(taken[i] != NULL);
		if (taken[i])
			memset(taken[i], DIRT, kind->bytes);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(taken); i++)
		if (taken[i])
			kind->give(taken[i], kind->bytes);
}

/* Of four of each kind, how many bytes are none of @byte. */
static unsigned nr_not_all(uint8_t byte)
{
	unsigned nr = 0;

	for_each_kind(kind) {
		void *taken[4];

		soil(kind);
		for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
			taken[i] = kind->take(kind->bytes);
			nr += taken[i] && !is_all(taken[i], kind->bytes, byte);
		}
		for (unsigned i = 0; i < ARRAY_SIZE(taken); i++)
			if (taken[i])
				kind->give(taken[i], kind->bytes);
	}
	return nr;
}

static void all_memory_comes_zeroed_with_init_on_alloc(void)
{
	start(HARDEN_INIT_ON_ALLOC);
	CHECK_EQ(nr_not_all(0), 0);
	end();
	start(0);
	CHECK(nr_not_all(0) > ARRAY_SIZE(kinds));
	end();
}

static void a_constructor_has_the_last_word(void)
{
	struct kmem_cache *cache;

	start(HARDEN_INIT_ON_ALLOC | HARDEN_INIT_ON_FREE);
	cache = kmem_cache_create("typesafe", 128, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	CHECK(cache != NULL);
	if (cache) {
		uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);

		CHECK(object != NULL);
		object[40] = DIRT;
		kmem_cache_free(cache, object);
		CHECK_EQ(object[40], DIRT);	/* readers may still look */
		kmem_cache_destroy(cache);
	}
	end();
}

static void mark(void *object)
{
	memset(object, DIRT, 128);
}

/* Of an object that comes again, with what @flags of its cache and @ctor say, if any is left. */
static bool comes_as_it_was(slab_flags_t flags, void (*ctor)(void *object))
{
	struct kmem_cache *cache = kmem_cache_create("kept", 128, 0, flags, ctor);
	uint8_t *object = kmem_cache_alloc(cache, GFP_KERNEL);
	bool is_kept;

	memset(object, DIRT, 128);
	kmem_cache_free(cache, object);
	is_kept = kmem_cache_alloc(cache, GFP_KERNEL) == object && is_all(object, 128, DIRT);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	return is_kept;
}

static void init_on_alloc_leaves_what_readers_and_constructors_rely_on(void)
{
	struct kmem_cache *cache;
	uint8_t *object;

	start(HARDEN_INIT_ON_ALLOC);
	CHECK(comes_as_it_was(SLAB_TYPESAFE_BY_RCU, NULL));
	CHECK(comes_as_it_was(0, mark));
	CHECK(comes_as_it_was(SLAB_TYPESAFE_BY_RCU, mark));
	CHECK(!comes_as_it_was(0, NULL));
	/* Unless it is asked for. */
	cache = kmem_cache_create("kept", 128, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	object = kmem_cache_zalloc(cache, GFP_KERNEL);
	CHECK(object && is_all(object, 128, 0));
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	end();
}

/* Looked at where it lay: nothing that was written stays. */
static void check_left(unsigned flags, uint8_t byte)
{
	start(flags);
	for_each_kind(kind) {
		uint8_t *at = kind->take(kind->bytes);

		CHECK(at != NULL);
		if (!at)
			continue;
		memset(at, DIRT, kind->bytes);
		kind->give(at, kind->bytes);
		if (kind->is_mapped)
			continue;
		if (!is_all(at, kind->bytes, kind->is_object ? 0 : byte))
			test_fail(__FILE__, __LINE__, "%s left something", kind->name);
	}
	end();
}

static void nothing_stays_with_init_on_free(void)
{
	check_left(HARDEN_INIT_ON_FREE, 0);
	check_left(HARDEN_INIT_ON_FREE | HARDEN_POISON, PAGE_POISON);
}

/* The page that vmalloc() had, which is one of few that are free and not as before. */
static void what_vmalloc_gave_back_is_zeroed(void)
{
	struct page *page;
	void *at;

	start(HARDEN_INIT_ON_FREE);
	at = vmalloc(PAGE_SIZE);
	CHECK(at != NULL);
	page = vmalloc_to_page(at);
	memset(at, DIRT, PAGE_SIZE);
	vfree(at);
	vmalloc_purge();
	CHECK(is_all(page_address(page), PAGE_SIZE, 0));
	end();
}

/* ---- Poison ---- */

/* What panics says of byte @offset of page @pfn, which is @byte. */
static const char *expected_report(pfn_t pfn, unsigned offset, uint8_t byte, unsigned nr_bytes)
{
	static char text[100];

	format_text(text, sizeof(text),
		    "free page 0x%llx was written to: 0x%02x at offset %u, %u bytes of it",
		    (unsigned long long)pfn, byte, offset, nr_bytes);
	return text;
}

/* Takes all there is: the page among it. */
static void take_everything(void)
{
	for (unsigned order = NR_ORDERS; order-- > 0;)
		while (alloc_pages_any(GFP_NOWAIT | __GFP_MEMALLOC | __GFP_NOWARN, order))
			;
}

/* A byte of something that was freed is written to. */
static void check_told(const struct kind *kind, size_t offset)
{
	uint8_t *at;
	pfn_t pfn;

	start(HARDEN_POISON);
	at = kind->take(kind->bytes);
	CHECK(at != NULL);
	pfn = page_to_pfn(virt_to_page(at + offset));
	kind->give(at, kind->bytes);
	CHECK_EQ(at[offset], PAGE_POISON);
	at[offset] = 0xab;
	CHECK_PANICS(expected_report(pfn, offset % PAGE_SIZE, 0xab, 1), take_everything());
	at[offset] = PAGE_POISON;
	end();
}

static void who_writes_to_a_free_page_is_told(void)
{
	for_each_kind(kind) {
		if (kind->is_object || kind->is_mapped)
			continue;
		check_told(kind, 0);
		check_told(kind, kind->bytes - 1);
		check_told(kind, kind->bytes / 2 + 13);
	}
}

static void the_report_counts_what_was_written(void)
{
	uint8_t *at;
	pfn_t pfn;

	start(HARDEN_POISON);
	at = take_pages(PAGE_SIZE);
	CHECK(at != NULL);
	pfn = page_to_pfn(virt_to_page(at));
	give_pages(at, PAGE_SIZE);
	memset(at + 1003, 7, 12);
	at[1005] = PAGE_POISON;
	CHECK_PANICS(expected_report(pfn, 1003, 7, 11), take_everything());
	memset(at, PAGE_POISON, PAGE_SIZE);
	end();
}

/* A range and the target of a move are looked at as well. */
static void ranges_are_verified(void)
{
	struct page *page;
	uint8_t *at;

	start(HARDEN_POISON);
	page = alloc_contig_pages(40, GFP_KERNEL, NID_NONE);
	CHECK(page != NULL);
	at = page_address(page);
	free_contig_range(page_to_pfn(page), 40);
	at[39 * PAGE_SIZE + 5] = 1;
	CHECK_PANICS(expected_report(page_to_pfn(page) + 39, 5, 1, 1),
		     (void)!alloc_contig_range(page_to_pfn(page), page_to_pfn(page) + 40,
					       MIGRATE_UNMOVABLE));
	end();
}

/* ---- All together ---- */

#define NR_HELD		64u
#define NR_STEPS	4000u

/* What is held keeps what was written; what is free is as it should be, or a panic tells. */
static void a_random_run_is_sound(void)
{
	static struct { const struct kind *kind; uint8_t *at; uint8_t byte; } held[NR_HELD];

	start(HARDEN_POISON | HARDEN_INIT_ON_ALLOC | HARDEN_INIT_ON_FREE);
	memset(held, 0, sizeof(held));
	for (unsigned i = 0; i < NR_STEPS; i++) {
		unsigned at = (unsigned)test_random_below(NR_HELD);
		const struct kind *kind = &kinds[test_random_below(ARRAY_SIZE(kinds))];

		if (held[at].at) {
			CHECK(is_all(held[at].at, held[at].kind->bytes, held[at].byte));
			held[at].kind->give(held[at].at, held[at].kind->bytes);
			held[at].at = NULL;
			continue;
		}
		held[at].at = kind->take(kind->bytes);
		if (!held[at].at)
			continue;
		CHECK(is_all(held[at].at, kind->bytes, 0));
		held[at].kind = kind;
		held[at].byte = (uint8_t)(1 + i % 200);
		memset(held[at].at, held[at].byte, kind->bytes);
	}
	for (unsigned at = 0; at < NR_HELD; at++)
		if (held[at].at)
			held[at].kind->give(held[at].at, held[at].kind->bytes);
	end();
}

/* Off, there are stacks; on, there is none, and that is all the fast paths see of it. */
static void without_hardening_there_are_stacks(void)
{
	start(0);
	CHECK(live.cpus[0]->stacks[0][0][MIGRATE_UNMOVABLE].capacity > 0);
	end();
	start(HARDEN_INIT_ON_FREE);
	for_each_stack(stack, live.cpus[0])
		CHECK_EQ(stack->capacity, 0);
	end();
}

static const struct test_case cases[] = {
	{ "all memory comes zeroed with init_on_alloc",
	  all_memory_comes_zeroed_with_init_on_alloc },
	{ "a constructor has the last word", a_constructor_has_the_last_word },
	{ "init_on_alloc leaves what readers and constructors rely on",
	  init_on_alloc_leaves_what_readers_and_constructors_rely_on },
	{ "nothing stays with init_on_free", nothing_stays_with_init_on_free },
	{ "what vmalloc gave back is zeroed", what_vmalloc_gave_back_is_zeroed },
	{ "who writes to a free page is told", who_writes_to_a_free_page_is_told },
	{ "the report counts what was written", the_report_counts_what_was_written },
	{ "ranges are verified", ranges_are_verified },
	{ "a random run is sound", a_random_run_is_sound },
	{ "without hardening there are stacks", without_hardening_there_are_stacks },
};

TEST_SUITE(harden, cases);
