/*
 * Page tables against examples and a flat model: one array element per 4 KiB
 * page says what a walk has to find.
 */

#include "arch/x86_64/paging.h"
#include "lib/align.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

#define KIB			1024ull
#define MIB			(1024 * KIB)
#define GIB			(1024 * MIB)

#define ARENA_ORDER		6u		/* 64 tables */
#define NR_ARENA_TABLES		(1u << ARENA_ORDER)
#define BASE_VA			0xffffc90000000000ull
#define READ_WRITE		(PTE_WRITE | PTE_NX)
#define READ_ONLY		PTE_NX

/* Tables lie in one block; "physical" address 0 is its start. */
static struct {
	struct page *block;
	uint8_t *memory;
	unsigned nr_used, nr_allowed;
	uint64_t reusable[NR_ARENA_TABLES];
	unsigned nr_reusable;
	struct page_tables tables;
} arena;

static uint64_t take_table(void *arg)
{
	uint64_t pa;

	(void)arg;
	if (arena.nr_reusable)
		pa = arena.reusable[--arena.nr_reusable];
	else if (arena.nr_used < arena.nr_allowed)
		pa = arena.nr_used++ * PAGE_SIZE;
	else
		return PA_NONE;
	memset(arena.memory + pa, 0, PAGE_SIZE);
	return pa;
}

/* What a TLB flush allows: tables that left the tree can be used again. */
static unsigned collect_retired(void)
{
	uint64_t chain_pa = paging_detach_retired(&arena.tables);
	unsigned nr = 0;
	uint64_t pa;

	while ((pa = paging_pop_retired(&arena.tables, &chain_pa)) != PA_NONE) {
		arena.reusable[arena.nr_reusable++] = pa;
		nr++;
	}
	return nr;
}

static bool set_up(unsigned largest_level)
{
	arena.block = alloc_pages(GFP_KERNEL | __GFP_NO_INJECTION, ARENA_ORDER);
	CHECK(arena.block != NULL);
	if (!arena.block)
		return false;
	arena.memory = page_address(arena.block);
	arena.nr_used = 0;
	arena.nr_reusable = 0;
	arena.nr_allowed = NR_ARENA_TABLES;
	CHECK(paging_init(&arena.tables, (uintptr_t)arena.memory, largest_level, take_table, NULL));
	return true;
}

static void check_verifies(void)
{
	struct violation broken = { NULL, NULL, 0 };

	if (!paging_verify(&arena.tables, &broken))
		test_fail(__FILE__, __LINE__, "%s broken at 0x%llx: %s", broken.rule,
			  (unsigned long long)broken.at, broken.condition);
}

static void tear_down(void)
{
	__free_pages(arena.block, ARENA_ORDER);
}

static bool breaks(const char *rule)
{
	struct violation broken = { "", "", 0 };

	return !paging_verify(&arena.tables, &broken) && strcmp(broken.rule, rule) == 0;
}

static void map(uintptr_t va, uint64_t pa, uint64_t bytes, uint64_t bits)
{
	CHECK_EQ(paging_map(&arena.tables, va, pa, bytes, bits), bytes);
}

static void unmap(uintptr_t va, uint64_t bytes)
{
	CHECK_EQ(paging_unmap(&arena.tables, va, bytes), bytes);
}

static unsigned level_at(uintptr_t va)
{
	return paging_walk(&arena.tables, va).level;
}

/* The entry of level-@level table that @va goes through: for breaking things. */
static uint64_t *entry_of(uintptr_t va, unsigned level)
{
	uint64_t pa = arena.tables.root_pa;

	for (unsigned at = PT_LEVEL_ROOT;; at--) {
		uint64_t *table = (uint64_t *)(void *)(arena.memory + pa);
		uint64_t *entry = &table[va >> (PAGE_SHIFT + 9 * (at - 1)) & (PT_ENTRIES - 1)];

		if (at == level)
			return entry;
		pa = *entry & PTE_PA_MASK;
	}
}

/* ---- Examples ---- */

static void uses_largest_pages(void)
{
	uintptr_t va = align_up(BASE_VA, GIB) + GIB - 2 * MIB - 4 * KIB;
	uint64_t pa = 5 * GIB - 2 * MIB - 4 * KIB;

	if (!set_up(PT_LEVEL_1G))
		return;
	map(va, pa, 4 * KIB + 2 * MIB + GIB + 2 * MIB + 4 * KIB, READ_WRITE);
	CHECK_EQ(level_at(va), PT_LEVEL_4K);
	CHECK_EQ(level_at(va + 4 * KIB), PT_LEVEL_2M);
	CHECK_EQ(level_at(va + 4 * KIB + 2 * MIB), PT_LEVEL_1G);
	CHECK_EQ(level_at(va + 4 * KIB + 2 * MIB + GIB), PT_LEVEL_2M);
	CHECK_EQ(level_at(va + 4 * KIB + 4 * MIB + GIB), PT_LEVEL_4K);
	CHECK_EQ(paging_walk(&arena.tables, va + GIB + 12345).pa, pa + GIB + 12345);
	check_verifies();
	tear_down();
}

static void keeps_to_level_2_without_1g_pages(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	map(align_up(BASE_VA, GIB), GIB, GIB, READ_WRITE);
	CHECK_EQ(level_at(align_up(BASE_VA, GIB) + 5 * MIB), PT_LEVEL_2M);
	check_verifies();
	tear_down();
}

static void unmapping_all_leaves_the_root(void)
{
	uintptr_t va = BASE_VA + GIB - 64 * KIB;

	if (!set_up(PT_LEVEL_1G))
		return;
	map(va, 64 * MIB, 5 * MIB, READ_WRITE);
	CHECK(arena.tables.nr_tables > 4);
	unmap(va, 5 * MIB);
	CHECK_EQ(arena.tables.nr_tables, 1);
	CHECK_EQ(collect_retired(), arena.nr_used - 1);
	check_verifies();
	tear_down();
}

static void unmapping_passes_over_holes(void)
{
	if (!set_up(PT_LEVEL_1G))
		return;
	map(BASE_VA + 8 * KIB, 0, 4 * KIB, READ_ONLY);
	map(BASE_VA + 600 * GIB, 0, 4 * KIB, READ_ONLY);
	unmap(BASE_VA, 700 * GIB);
	CHECK_EQ(arena.tables.nr_tables, 1);
	tear_down();
}

static void unmapping_part_of_a_large_page_splits_it(void)
{
	if (!set_up(PT_LEVEL_1G))
		return;
	map(align_up(BASE_VA, GIB), GIB, GIB, READ_WRITE);
	unmap(align_up(BASE_VA, GIB) + 4 * MIB + 8 * KIB, 4 * KIB);
	CHECK_EQ(level_at(align_up(BASE_VA, GIB)), PT_LEVEL_2M);
	CHECK_EQ(level_at(align_up(BASE_VA, GIB) + 4 * MIB), PT_LEVEL_4K);
	CHECK_EQ(level_at(align_up(BASE_VA, GIB) + 4 * MIB + 8 * KIB), 0);
	CHECK_EQ(paging_lookup(&arena.tables, align_up(BASE_VA, GIB) + 4 * MIB + 12 * KIB),
		 pa_to_pfn(GIB + 4 * MIB + 12 * KIB));
	check_verifies();
	tear_down();
}

static void protecting_part_keeps_addresses(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	map(BASE_VA, 2 * MIB, 4 * MIB, READ_WRITE);
	CHECK_EQ(paging_protect(&arena.tables, BASE_VA + MIB, 2 * MIB, READ_ONLY), 2 * MIB);
	for (uint64_t at = 0; at < 4 * MIB; at += 64 * KIB) {
		struct translation t = paging_walk(&arena.tables, BASE_VA + at);

		CHECK_EQ(t.pa, 2 * MIB + at);
		CHECK_EQ(t.bits, at >= MIB && at < 3 * MIB ? READ_ONLY : READ_WRITE);
	}
	check_verifies();
	tear_down();
}

static void merging_joins_equal_pages(void)
{
	uint64_t nr_tables;

	if (!set_up(PT_LEVEL_2M))
		return;
	map(BASE_VA, 2 * MIB, 4 * MIB, READ_WRITE);
	nr_tables = arena.tables.nr_tables;
	CHECK_EQ(paging_protect(&arena.tables, BASE_VA + MIB, 2 * MIB, READ_ONLY), 2 * MIB);
	CHECK_EQ(paging_merge(&arena.tables, BASE_VA, 4 * MIB), 0);
	CHECK_EQ(paging_protect(&arena.tables, BASE_VA + MIB, 2 * MIB, READ_WRITE), 2 * MIB);
	CHECK_EQ(paging_merge(&arena.tables, BASE_VA, 4 * MIB), 2);
	CHECK_EQ(arena.tables.nr_tables, nr_tables);
	CHECK_EQ(level_at(BASE_VA + 3 * MIB), PT_LEVEL_2M);
	CHECK_EQ(paging_walk(&arena.tables, BASE_VA + 3 * MIB + 5).pa, 5 * MIB + 5);
	CHECK_EQ(collect_retired(), 2);
	check_verifies();
	tear_down();
}

static void merging_reaches_1g(void)
{
	uintptr_t va = align_up(BASE_VA, GIB);

	if (!set_up(PT_LEVEL_1G))
		return;
	map(va, GIB, GIB, READ_WRITE);
	CHECK_EQ(paging_protect(&arena.tables, va + 4 * KIB, 4 * KIB, READ_ONLY), 4 * KIB);
	CHECK_EQ(paging_protect(&arena.tables, va + 4 * KIB, 4 * KIB, READ_WRITE), 4 * KIB);
	CHECK_EQ(level_at(va), PT_LEVEL_4K);
	CHECK_EQ(paging_merge(&arena.tables, va, GIB), 2);
	CHECK_EQ(level_at(va), PT_LEVEL_1G);
	check_verifies();
	tear_down();
}

static void merging_refuses_frames_out_of_order(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	map(BASE_VA, 2 * MIB, MIB, READ_WRITE);
	map(BASE_VA + MIB, 8 * MIB, MIB, READ_WRITE);
	CHECK_EQ(paging_merge(&arena.tables, BASE_VA, 2 * MIB), 0);
	CHECK_EQ(level_at(BASE_VA), PT_LEVEL_4K);
	tear_down();
}

static void retired_tables_still_translate(void)
{
	uint64_t *entry;

	if (!set_up(PT_LEVEL_2M))
		return;
	map(BASE_VA, 2 * MIB, MIB, READ_WRITE);
	map(BASE_VA + MIB, 3 * MIB, MIB, READ_WRITE);
	entry = entry_of(BASE_VA, PT_LEVEL_4K);
	CHECK_EQ(paging_merge(&arena.tables, BASE_VA, 2 * MIB), 1);
	for (unsigned i = 0; i < 8; i++) {
		CHECK(entry[i] & PTE_PRESENT);
		CHECK_EQ(entry[i] & PTE_PA_MASK, 2 * MIB + i * PAGE_SIZE);
	}
	tear_down();
}

static void running_out_maps_a_prefix(void)
{
	uint64_t bytes;

	if (!set_up(PT_LEVEL_2M))
		return;
	for (unsigned nr = 1; nr < 6; nr++) {
		arena.nr_allowed = nr;
		bytes = paging_map(&arena.tables, BASE_VA + GIB - MIB, 4 * KIB, 4 * MIB, READ_ONLY);
		CHECK(bytes < 4 * MIB);
		CHECK_EQ(bytes, nr < 4 ? 0 : MIB);
		check_verifies();
		unmap(BASE_VA + GIB - MIB, bytes);
		CHECK_EQ(arena.tables.nr_tables, 1);
		collect_retired();
		arena.nr_used = 1;
		arena.nr_reusable = 0;
	}
	tear_down();
}

static void splitting_without_a_table_changes_nothing(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	map(BASE_VA, 0, 2 * MIB, READ_WRITE);
	arena.nr_allowed = arena.nr_used;
	CHECK_EQ(paging_protect(&arena.tables, BASE_VA, 4 * KIB, READ_ONLY), 0);
	CHECK_EQ(paging_unmap(&arena.tables, BASE_VA, 4 * KIB), 0);
	CHECK_EQ(level_at(BASE_VA), PT_LEVEL_2M);
	CHECK_EQ(paging_walk(&arena.tables, BASE_VA).bits, READ_WRITE);
	check_verifies();
	tear_down();
}

static void rights_combine_along_the_walk(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	map(BASE_VA, 0, 4 * KIB, PTE_WRITE | PTE_NX | PTE_GLOBAL);
	CHECK_EQ(paging_walk(&arena.tables, BASE_VA).bits, PTE_WRITE | PTE_NX | PTE_GLOBAL);
	*entry_of(BASE_VA, PT_LEVEL_1G) &= ~PTE_WRITE;
	CHECK_EQ(paging_walk(&arena.tables, BASE_VA).bits, PTE_NX | PTE_GLOBAL);
	tear_down();
}

static void pages_follow_their_frames(void)
{
	static const pfn_t pfns[] = { 7, 3, 900, 12, 1, 77, 5 };
	uintptr_t va = BASE_VA + 2 * MIB - 3 * PAGE_SIZE;	/* over a table's end */

	if (!set_up(PT_LEVEL_1G))
		return;
	CHECK_EQ(paging_map_pages(&arena.tables, va, pfns, ARRAY_SIZE(pfns), READ_WRITE),
		 ARRAY_SIZE(pfns));
	for (unsigned i = 0; i < ARRAY_SIZE(pfns); i++)
		CHECK_EQ(paging_lookup(&arena.tables, va + i * PAGE_SIZE), pfns[i]);
	CHECK_EQ(paging_lookup(&arena.tables, va - PAGE_SIZE), PFN_NONE);
	check_verifies();
	unmap(va, ARRAY_SIZE(pfns) * PAGE_SIZE);
	CHECK_EQ(arena.tables.nr_tables, 1);
	tear_down();
}

/* The short ways through the table edited last refuse whatever they cannot do in one store. */
static void short_ways_know_their_limits(void)
{
	static const pfn_t pfns[] = { 7 };
	uint64_t leaf = paging_small_leaf(READ_WRITE);

	if (!set_up(PT_LEVEL_2M))
		return;
	CHECK(!paging_map_one(&arena.tables, BASE_VA, 7, leaf));	/* no table yet */
	CHECK_EQ(paging_map_pages(&arena.tables, BASE_VA, pfns, 1, READ_WRITE), 1);
	CHECK(!paging_map_one(&arena.tables, BASE_VA, 8, leaf));	/* mapped */
	CHECK(!paging_map_one(&arena.tables, BASE_VA + 2 * MIB, 8, leaf));
	CHECK(!paging_map_one(&arena.tables, BASE_VA - PAGE_SIZE, 8, leaf));
	CHECK(!paging_map_one(&arena.tables, BASE_VA + 100, 8, leaf));	/* no page boundary */
	CHECK(paging_map_one(&arena.tables, BASE_VA + PAGE_SIZE, 8, leaf));
	check_verifies();
	CHECK_EQ(paging_lookup(&arena.tables, BASE_VA + PAGE_SIZE), 8);
	CHECK_EQ(paging_walk(&arena.tables, BASE_VA + PAGE_SIZE).bits, READ_WRITE);
	CHECK(!paging_unmap_one(&arena.tables, BASE_VA + 2 * PAGE_SIZE));	/* a hole */
	CHECK(paging_unmap_one(&arena.tables, BASE_VA));
	CHECK(!paging_unmap_one(&arena.tables, BASE_VA + PAGE_SIZE));	/* would empty the table */
	check_verifies();
	CHECK_EQ(paging_lookup(&arena.tables, BASE_VA + PAGE_SIZE), 8);
	unmap(BASE_VA + PAGE_SIZE, PAGE_SIZE);
	CHECK_EQ(arena.tables.nr_tables, 1);
	tear_down();
}

/* A lookup must not find its way through a table that left the tree. */
static void lookups_forget_retired_tables(void)
{
	static const pfn_t pfns[] = { 7 };

	if (!set_up(PT_LEVEL_2M))
		return;
	CHECK_EQ(paging_map_pages(&arena.tables, BASE_VA, pfns, 1, READ_WRITE), 1);
	CHECK_EQ(paging_lookup(&arena.tables, BASE_VA), 7);
	unmap(BASE_VA, PAGE_SIZE);
	memset(arena.memory + PAGE_SIZE, 0xff, (NR_ARENA_TABLES - 1) * PAGE_SIZE);
	CHECK_EQ(paging_lookup(&arena.tables, BASE_VA), PFN_NONE);
	CHECK_EQ(paging_lookup(&arena.tables, 0), PFN_NONE);
	CHECK_EQ(paging_lookup(&arena.tables, UINTPTR_MAX), PFN_NONE);
	tear_down();
}

/* ---- A backdrop ---- */

#define BACKDROP_PA		(3 * GIB + 12 * KIB)
#define BACKDROP_BYTES		(700 * GIB)		/* over the end of a root entry */
#define BACKDROP_BITS		(READ_ONLY | PTE_BACKDROP)

static bool set_up_backdrop(void)
{
	if (!set_up(PT_LEVEL_2M))
		return false;
	CHECK(paging_map_backdrop(&arena.tables, BASE_VA, BACKDROP_PA, BACKDROP_BYTES, READ_ONLY));
	check_verifies();
	return true;
}

static bool shows_backdrop(uintptr_t va)
{
	struct translation t = paging_walk(&arena.tables, va);

	return t.pa == BACKDROP_PA + va % PAGE_SIZE && t.bits == BACKDROP_BITS &&
	       paging_lookup(&arena.tables, va) == pa_to_pfn(BACKDROP_PA);
}

static void a_backdrop_costs_two_tables(void)
{
	if (!set_up_backdrop())
		return;
	CHECK_EQ(arena.nr_used, 1 + 2 + 2);	/* the root, level 3 twice, the shared ones */
	CHECK_EQ(arena.tables.nr_tables, 3);
	CHECK(shows_backdrop(BASE_VA));
	CHECK(shows_backdrop(BASE_VA + 511 * GIB + 5 * MIB + 17));
	CHECK(shows_backdrop(BASE_VA + BACKDROP_BYTES - 1));
	CHECK_EQ(level_at(BASE_VA - 1), 0);
	CHECK_EQ(level_at(BASE_VA + BACKDROP_BYTES), 0);
	tear_down();
}

static void mapping_covers_a_backdrop(void)
{
	uintptr_t va = BASE_VA + 5 * GIB + 6 * MIB;

	if (!set_up_backdrop())
		return;
	map(va, 2 * MIB, 2 * MIB, READ_WRITE);
	map(va + 4 * MIB + PAGE_SIZE, 0, PAGE_SIZE, READ_WRITE);
	check_verifies();
	CHECK_EQ(level_at(va), PT_LEVEL_2M);
	CHECK_EQ(paging_walk(&arena.tables, va + MIB).pa, 3 * MIB);
	CHECK_EQ(paging_walk(&arena.tables, va + 4 * MIB + PAGE_SIZE).bits, READ_WRITE);
	CHECK(shows_backdrop(va - 1));
	CHECK(shows_backdrop(va + 2 * MIB));
	CHECK(shows_backdrop(va + 4 * MIB));
	CHECK(shows_backdrop(va + 4 * MIB + 2 * PAGE_SIZE));
	CHECK(shows_backdrop(va - GIB));	/* the shared tables are as they were */
	CHECK_EQ(arena.tables.nr_tables, 3 + 2);
	CHECK_PANICS("is_occupied",
		     (void)!paging_map(&arena.tables, va, 0, PAGE_SIZE, READ_ONLY));
	tear_down();
}

static void unmapping_takes_a_backdrop_away(void)
{
	uintptr_t va = BASE_VA + 5 * GIB;

	if (!set_up_backdrop())
		return;
	map(va, 0, PAGE_SIZE, READ_WRITE);
	unmap(va, 3 * PAGE_SIZE);
	check_verifies();
	CHECK_EQ(level_at(va), 0);
	CHECK_EQ(level_at(va + 2 * PAGE_SIZE), 0);
	CHECK(shows_backdrop(va + 3 * PAGE_SIZE));
	unmap(BASE_VA, BACKDROP_BYTES);
	CHECK_EQ(arena.tables.nr_tables, 1);
	tear_down();
}

/* What is left of a backdrop and the holes in it are no reason to refuse a large page. */
static void large_pages_fit_what_is_left_of_a_backdrop(void)
{
	uintptr_t va = BASE_VA + 5 * GIB;

	if (!set_up_backdrop())
		return;
	unmap(va + 6 * MIB + PAGE_SIZE, PAGE_SIZE);
	map(va + 2 * MIB, 2 * MIB, 8 * MIB, READ_WRITE);
	check_verifies();
	for (uint64_t at = 2 * MIB; at < 10 * MIB; at += PAGE_SIZE)
		CHECK_EQ(paging_walk(&arena.tables, va + at).pa, at);
	CHECK_EQ(level_at(va + 4 * MIB), PT_LEVEL_2M);
	CHECK_EQ(level_at(va + 6 * MIB), PT_LEVEL_4K);
	CHECK_EQ(level_at(va + 8 * MIB), PT_LEVEL_2M);
	CHECK(shows_backdrop(va + 10 * MIB));
	tear_down();
}

static void rights_of_a_backdrop_stay(void)
{
	if (!set_up_backdrop())
		return;
	map(BASE_VA, 0, PAGE_SIZE, READ_ONLY);
	CHECK_EQ(paging_protect(&arena.tables, BASE_VA, 2 * GIB, READ_WRITE), 2 * GIB);
	CHECK_EQ(paging_walk(&arena.tables, BASE_VA).bits, READ_WRITE);
	CHECK(shows_backdrop(BASE_VA + PAGE_SIZE));
	CHECK(shows_backdrop(BASE_VA + GIB));
	check_verifies();
	tear_down();
}

static void running_out_leaves_a_backdrop_whole(void)
{
	if (!set_up_backdrop())
		return;
	for (unsigned nr = 0; nr < 2; nr++) {
		arena.nr_allowed = arena.nr_used + nr;
		CHECK_EQ(paging_map(&arena.tables, BASE_VA + nr * GIB, 0, PAGE_SIZE, READ_ONLY), 0);
		CHECK(shows_backdrop(BASE_VA + nr * GIB));
		check_verifies();
	}
	tear_down();
}

static bool add_to_length(void *arg, uintptr_t va, unsigned level, uint64_t pa, uint64_t bits)
{
	uint64_t *sums = arg;

	(void)va;
	if (pa == BACKDROP_PA && bits == BACKDROP_BITS)
		sums[0] += level_bytes(level);
	sums[1]++;
	return true;
}

static void a_visit_passes_over_a_backdrop_in_large_steps(void)
{
	uint64_t sums[2] = { 0, 0 };

	if (!set_up_backdrop())
		return;
	map(BASE_VA + 5 * GIB, 0, PAGE_SIZE, READ_WRITE);
	CHECK(paging_visit(&arena.tables, add_to_length, sums));
	CHECK_EQ(sums[0], BACKDROP_BYTES - PAGE_SIZE);
	CHECK_EQ(sums[1], 699 + 511 + 512);
	tear_down();
}

/* ---- Against a model ---- */

#define MODEL_ORDER		4u
#define NR_MODEL_PAGES		4096u		/* 16 MiB, over a 1 GiB boundary */
#define MODEL_VA		(BASE_VA + GIB - 8 * MIB)
#define MODEL_BACKDROP_VA	BASE_VA
#define NR_MODEL_STEPS		2000u

struct model_page {
	uint64_t pa;
	uint64_t bits;		/* 0: not mapped; PTE_BACKDROP: may be covered */
};

_Static_assert(NR_MODEL_PAGES * sizeof(struct model_page) == PAGE_SIZE << MODEL_ORDER,
	       "the model fills its block");

static const uint64_t model_bits[] = { READ_WRITE, READ_ONLY, 0 | PTE_GLOBAL,
				       READ_WRITE | PTE_PWT };

static bool is_range_empty(const struct model_page *model, uint64_t start, uint64_t nr)
{
	for (uint64_t i = start; i < start + nr; i++)
		if (model[i].bits && !(model[i].bits & PTE_BACKDROP))
			return false;
	return true;
}

static void model_map(struct model_page *model, uint64_t start, uint64_t nr, uint64_t bits)
{
	/* Half of the time aligned like the address, so that large pages occur. */
	uint64_t pa = GIB + test_random_below(64) * 2 * MIB;

	pa += test_random_below(2) ? (start * PAGE_SIZE) % (2 * MIB) : 4 * KIB;
	if (!is_range_empty(model, start, nr))
		return;
	map(MODEL_VA + start * PAGE_SIZE, pa, nr * PAGE_SIZE, bits);
	for (uint64_t i = 0; i < nr; i++)
		model[start + i] = (struct model_page){ pa + i * PAGE_SIZE, bits };
}

static void model_unmap(struct model_page *model, uint64_t start, uint64_t nr)
{
	unmap(MODEL_VA + start * PAGE_SIZE, nr * PAGE_SIZE);
	for (uint64_t i = 0; i < nr; i++)
		model[start + i].bits = 0;
}

static void model_protect(struct model_page *model, uint64_t start, uint64_t nr, uint64_t bits)
{
	CHECK_EQ(paging_protect(&arena.tables, MODEL_VA + start * PAGE_SIZE, nr * PAGE_SIZE, bits),
		 nr * PAGE_SIZE);
	for (uint64_t i = 0; i < nr; i++)
		if (model[start + i].bits && !(model[start + i].bits & PTE_BACKDROP))
			model[start + i].bits = bits;
}

static bool agrees(const struct model_page *model)
{
	for (uint64_t i = 0; i < NR_MODEL_PAGES; i++) {
		struct translation t = paging_walk(&arena.tables, MODEL_VA + i * PAGE_SIZE);
		pfn_t pfn = paging_lookup(&arena.tables, MODEL_VA + i * PAGE_SIZE);

		if (!model[i].bits) {
			if (t.level != 0 || pfn != PFN_NONE)
				return false;
			continue;
		}
		if (!t.level || t.pa != model[i].pa || t.bits != model[i].bits ||
		    pfn != pa_to_pfn(t.pa))
			return false;
	}
	return true;
}

static void model_step(struct model_page *model)
{
	uint64_t start = test_random_below(NR_MODEL_PAGES);
	uint64_t most = test_random_below(4) ? 64 : NR_MODEL_PAGES;
	uint64_t nr = 1 + test_random_below(min_u64(most, NR_MODEL_PAGES - start));
	uint64_t bits = model_bits[test_random_below(ARRAY_SIZE(model_bits))];

	if (test_random_below(3) == 0)		/* whole large pages are common in life */
		start = align_down(start, PT_ENTRIES);
	switch (test_random_below(6)) {
	case 0:
	case 1:
	case 2:
		model_map(model, start, nr, bits);
		break;
	case 3:
		model_unmap(model, start, nr);
		break;
	case 4:
		model_protect(model, start, nr, bits);
		break;
	default:
		paging_merge(&arena.tables, MODEL_VA, NR_MODEL_PAGES * PAGE_SIZE);
		break;
	}
	collect_retired();
}

/* The lower half of the model lies before a backdrop. */
static void model_backdrop(struct model_page *model)
{
	CHECK(paging_map_backdrop(&arena.tables, MODEL_BACKDROP_VA, BACKDROP_PA, GIB, READ_ONLY));
	for (uint64_t i = 0; i < (MODEL_BACKDROP_VA + GIB - MODEL_VA) / PAGE_SIZE; i++)
		model[i] = (struct model_page){ BACKDROP_PA, READ_ONLY | PTE_BACKDROP };
}

static void compare_with_a_flat_model(unsigned max_spares, bool has_backdrop)
{
	struct page *block = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NO_INJECTION,
					 MODEL_ORDER);
	struct model_page *model;

	CHECK(block != NULL);
	if (!block || !set_up(PT_LEVEL_2M))
		return;
	model = page_address(block);
	arena.tables.max_spares = max_spares;
	if (has_backdrop)
		model_backdrop(model);
	for (unsigned step = 0; step < NR_MODEL_STEPS; step++) {
		model_step(model);
		if (step % 50)
			continue;
		check_verifies();
		CHECK(agrees(model));
	}
	model_unmap(model, 0, NR_MODEL_PAGES);
	unmap(MODEL_BACKDROP_VA, GIB);
	paging_drop_spares(&arena.tables);
	CHECK_EQ(arena.tables.nr_tables, 1);
	tear_down();
	__free_pages(block, MODEL_ORDER);
}

static void random_edits_agree_with_a_flat_model(void)
{
	compare_with_a_flat_model(0, false);
}

static void random_edits_with_spare_tables_agree_too(void)
{
	compare_with_a_flat_model(3, false);
}

static void random_edits_over_a_backdrop_agree_too(void)
{
	compare_with_a_flat_model(0, true);
}

/* ---- Spare tables ---- */

/* Maps and unmaps a page in the @i-th 2 MiB. */
static void touch(unsigned i)
{
	pfn_t pfn = 7;

	CHECK_EQ(paging_map_pages(&arena.tables, BASE_VA + i * 2 * MIB, &pfn, 1, READ_ONLY), 1);
	unmap(BASE_VA + i * 2 * MIB, PAGE_SIZE);
	CHECK_EQ(level_at(BASE_VA + i * 2 * MIB), 0);
	check_verifies();
}

static void the_newest_empty_tables_stay_for_the_next_page(void)
{
	uint64_t nr_upper = 3;	/* root, level 3, level 2 */

	if (!set_up(PT_LEVEL_2M))
		return;
	arena.tables.max_spares = 2;
	touch(0);
	touch(1);
	CHECK_EQ(arena.tables.nr_tables, nr_upper + 2);
	CHECK_EQ(collect_retired(), 0);
	touch(0);
	CHECK_EQ(arena.tables.nr_tables, nr_upper + 2);
	touch(2);	/* the oldest goes */
	CHECK_EQ(arena.tables.nr_tables, nr_upper + 2);
	CHECK_EQ(collect_retired(), 1);
	map(BASE_VA + 2 * MIB, 4 * MIB, 2 * MIB, READ_WRITE);	/* a large page where one is */
	CHECK_EQ(level_at(BASE_VA + 2 * MIB), PT_LEVEL_2M);
	check_verifies();
	unmap(BASE_VA + 2 * MIB, 2 * MIB);
	touch(3);
	paging_drop_spares(&arena.tables);
	CHECK_EQ(arena.tables.nr_tables, 1);
	check_verifies();
	tear_down();
}

/* ---- Visiting ---- */

struct seen {
	unsigned nr;
	uintptr_t va[8];
	unsigned level[8];
};

static bool note(void *arg, uintptr_t va, unsigned level, uint64_t pa, uint64_t bits)
{
	struct seen *seen = arg;

	(void)pa;
	(void)bits;
	seen->va[seen->nr] = va;
	seen->level[seen->nr] = level;
	return ++seen->nr < ARRAY_SIZE(seen->va);
}

static void visits_leaves_in_order(void)
{
	struct seen seen = { 0 };

	if (!set_up(PT_LEVEL_1G))
		return;
	map(0x1000, 0, PAGE_SIZE, READ_ONLY);
	map(BASE_VA + 2 * MIB, 0, 2 * MIB, READ_ONLY);
	map(0xffffffffffe00000, 0, 2 * MIB, READ_ONLY);
	CHECK(paging_visit(&arena.tables, note, &seen));
	CHECK_EQ(seen.nr, 3);
	CHECK_EQ(seen.va[0], 0x1000);
	CHECK_EQ(seen.level[0], PT_LEVEL_4K);
	CHECK_EQ(seen.va[1], BASE_VA + 2 * MIB);
	CHECK_EQ(seen.va[2], 0xffffffffffe00000);
	CHECK_EQ(seen.level[2], PT_LEVEL_2M);
	tear_down();
}

/* ---- Breaches ---- */

static bool set_up_to_break(void)
{
	if (!set_up(PT_LEVEL_2M))
		return false;
	map(BASE_VA, 0, 8 * KIB, READ_WRITE);
	map(BASE_VA + 2 * MIB, 2 * MIB, 2 * MIB, READ_WRITE);
	check_verifies();
	return true;
}

static void verify_notices_PAGING_1(void)
{
	if (!set_up_to_break())
		return;
	*entry_of(BASE_VA, PT_LEVEL_4K) = 0;
	CHECK(breaks("PAGING-1"));
	tear_down();
}

static void verify_notices_PAGING_2(void)
{
	uint64_t *parent;

	if (!set_up_to_break())
		return;
	parent = entry_of(BASE_VA, PT_LEVEL_2M);
	memset(arena.memory + (*parent & PTE_PA_MASK), 0, PAGE_SIZE);
	*parent &= ~(0x3ffull << 52);
	CHECK(breaks("PAGING-2"));
	tear_down();
}

static void verify_notices_PAGING_3(void)
{
	if (!set_up_to_break())
		return;
	*entry_of(BASE_VA, PT_LEVEL_4K) |= PTE_USER;
	CHECK(breaks("PAGING-3"));
	*entry_of(BASE_VA, PT_LEVEL_4K) &= ~(PTE_USER | PTE_NX);
	CHECK(breaks("PAGING-3"));
	tear_down();
}

static void verify_notices_PAGING_4(void)
{
	if (!set_up_to_break())
		return;
	*entry_of(BASE_VA + 2 * MIB, PT_LEVEL_2M) += 4 * KIB;
	CHECK(breaks("PAGING-4"));
	tear_down();
}

static void verify_notices_PAGING_5(void)
{
	if (!set_up_to_break())
		return;
	arena.tables.nr_tables++;
	CHECK(breaks("PAGING-5"));
	tear_down();
}

static void verify_notices_PAGING_6(void)
{
	uint64_t *entry;

	if (!set_up_backdrop())
		return;
	entry = entry_of(BASE_VA + 5 * GIB + 8 * MIB, PT_LEVEL_4K);
	*entry |= PTE_WRITE;
	CHECK(breaks("PAGING-6"));
	*entry &= ~PTE_WRITE;
	entry[7] += PAGE_SIZE;
	CHECK(breaks("PAGING-6"));
	entry[7] -= PAGE_SIZE;
	*entry_of(BASE_VA, PT_LEVEL_1G) |= PTE_WRITE;
	CHECK(breaks("PAGING-6"));
	tear_down();
}

/* ---- Contracts ---- */

static void mapping_twice_panics(void)
{
	static const pfn_t pfns[] = { 1, 2 };

	if (!set_up(PT_LEVEL_2M))
		return;
	map(BASE_VA + PAGE_SIZE, 0, PAGE_SIZE, READ_ONLY);
	CHECK_PANICS("is_occupied",
		     (void)!paging_map(&arena.tables, BASE_VA, 0, 8 * KIB, READ_ONLY));
	CHECK_PANICS("is_present(seen)",
		     (void)!paging_map_pages(&arena.tables, BASE_VA, pfns, 2, READ_ONLY));
	tear_down();
}

static void writable_code_panics(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	CHECK_PANICS("are_leaf_bits",
		     (void)!paging_map(&arena.tables, BASE_VA, 0, PAGE_SIZE, PTE_WRITE));
	CHECK_PANICS("are_leaf_bits",
		     (void)!paging_map(&arena.tables, BASE_VA, 0, PAGE_SIZE, PTE_USER | PTE_NX));
	tear_down();
}

static void writable_backdrops_panic(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	CHECK_PANICS("!(bits & PTE_WRITE)",
		     (void)!paging_map_backdrop(&arena.tables, BASE_VA, 0, GIB, READ_WRITE));
	tear_down();
}

static void unaligned_requests_panic(void)
{
	if (!set_up(PT_LEVEL_2M))
		return;
	CHECK_PANICS("is_aligned(va | bytes, level_bytes(PT_LEVEL_1G))",
		     (void)!paging_map_backdrop(&arena.tables, BASE_VA, 0, 2 * MIB, READ_ONLY));
	CHECK_PANICS("is_aligned",
		     (void)!paging_map(&arena.tables, BASE_VA + 1, 0, PAGE_SIZE, READ_ONLY));
	CHECK_PANICS("is_aligned", (void)!paging_unmap(&arena.tables, BASE_VA, 100));
	tear_down();
}

static const struct test_case cases[] = {
	{ "mapping uses the largest pages that fit", uses_largest_pages },
	{ "without 1 GiB pages 2 MiB are the largest", keeps_to_level_2_without_1g_pages },
	{ "unmapping all leaves the root alone", unmapping_all_leaves_the_root },
	{ "unmapping passes over holes", unmapping_passes_over_holes },
	{ "unmapping part of a large page splits it", unmapping_part_of_a_large_page_splits_it },
	{ "protecting part of a large page keeps addresses", protecting_part_keeps_addresses },
	{ "merging joins equal pages", merging_joins_equal_pages },
	{ "merging reaches 1 GiB", merging_reaches_1g },
	{ "merging refuses frames out of order", merging_refuses_frames_out_of_order },
	{ "retired tables still translate", retired_tables_still_translate },
	{ "running out of tables maps a prefix", running_out_maps_a_prefix },
	{ "splitting without a table changes nothing", splitting_without_a_table_changes_nothing },
	{ "rights combine along the walk", rights_combine_along_the_walk },
	{ "pages follow their frames", pages_follow_their_frames },
	{ "the short ways know their limits", short_ways_know_their_limits },
	{ "lookups forget retired tables", lookups_forget_retired_tables },
	{ "random edits agree with a flat model", random_edits_agree_with_a_flat_model },
	{ "random edits with spare tables agree too", random_edits_with_spare_tables_agree_too },
	{ "random edits over a backdrop agree too", random_edits_over_a_backdrop_agree_too },
	{ "the newest empty tables stay for the next page",
	  the_newest_empty_tables_stay_for_the_next_page },
	{ "visits leaves in order of address", visits_leaves_in_order },
	{ "a backdrop costs two tables", a_backdrop_costs_two_tables },
	{ "mapping covers a backdrop", mapping_covers_a_backdrop },
	{ "unmapping takes a backdrop away", unmapping_takes_a_backdrop_away },
	{ "large pages fit what is left of a backdrop",
	  large_pages_fit_what_is_left_of_a_backdrop },
	{ "rights of a backdrop stay", rights_of_a_backdrop_stay },
	{ "running out of tables leaves a backdrop whole", running_out_leaves_a_backdrop_whole },
	{ "a visit passes over a backdrop in large steps",
	  a_visit_passes_over_a_backdrop_in_large_steps },
	{ "verify notices PAGING-1", verify_notices_PAGING_1 },
	{ "verify notices PAGING-2", verify_notices_PAGING_2 },
	{ "verify notices PAGING-3", verify_notices_PAGING_3 },
	{ "verify notices PAGING-4", verify_notices_PAGING_4 },
	{ "verify notices PAGING-5", verify_notices_PAGING_5 },
	{ "verify notices PAGING-6", verify_notices_PAGING_6 },
	{ "mapping twice panics", mapping_twice_panics },
	{ "writable code panics", writable_code_panics },
	{ "writable backdrops panic", writable_backdrops_panic },
	{ "unaligned requests panic", unaligned_requests_panic },
};

TEST_SUITE(paging, cases);
