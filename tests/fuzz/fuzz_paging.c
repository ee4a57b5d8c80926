/*
 * Page tables: any sequence of edits, with table pages running out at any
 * point, agrees with a flat model of one element per page.
 *
 * An input is a list of edits of EDIT_BYTES: what, start, length, a choice of
 * frame and rights, and how many table pages the edit may have. An odd first byte
 * puts a backdrop behind the lower half of the window.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/paging.h"
#include "lib/align.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NR_PAGES	4096u			/* 16 MiB */
#define NR_TABLES	64u
#define MIB		(1ull << 20)
#define GIB		(1ull << 30)
/* Over a 512 GiB boundary, so that every level has an edge in the window. */
#define WINDOW_VA	(0xffffd00000000000ull - 8 * MIB)
#define BACKDROP_BYTES	GIB
#define BACKDROP_VA	(WINDOW_VA + 8 * MIB - BACKDROP_BYTES)
#define EDIT_BYTES	7u
#define MAX_EDITS	400u
#define EDITS_PER_CHECK	16u

struct edit {
	unsigned what;
	uint64_t start, nr;			/* pages */
	uint64_t pa, bits;
	unsigned nr_tables;			/* it may take */
};

static struct {
	/* bits 0: not mapped; PTE_BACKDROP: may be covered by paging_map() */
	uint64_t pa[NR_PAGES], bits[NR_PAGES];
} model;

static _Alignas(4096) uint8_t arena[NR_TABLES][PAGE_SIZE];
static uint64_t free_pas[NR_TABLES];
static unsigned nr_free, nr_allowed;
static unsigned nr_shared;			/* the backdrop's: not counted in the tree */

static uint64_t take_table(void *arg)
{
	uint64_t pa;

	(void)arg;
	if (!nr_allowed || !nr_free)
		return PA_NONE;
	nr_allowed--;
	pa = free_pas[--nr_free];
	memset(&arena[pa / PAGE_SIZE], 0, PAGE_SIZE);
	return pa;
}

static void free_retired(struct page_tables *tables)
{
	uint64_t chain_pa = paging_detach_retired(tables);
	uint64_t pa;

	while ((pa = paging_pop_retired(tables, &chain_pa)) != PA_NONE) {
		if (pa >= sizeof(arena) || nr_free == NR_TABLES)
			abort();
		memset(&arena[pa / PAGE_SIZE], 0xff, PAGE_SIZE);	/* present everywhere */
		free_pas[nr_free++] = pa;
	}
}

static struct edit read_edit(const uint8_t *at)
{
	static const uint64_t rights[] = {
		PTE_NX | PTE_WRITE, PTE_NX, PTE_GLOBAL, PTE_NX | PTE_WRITE | PTE_PWT,
	};
	struct edit edit = {
		.what = at[0] % 7,
		.start = ((unsigned)at[1] | (unsigned)at[2] << 8) % NR_PAGES,
		.bits = rights[at[5] % 4],
		.nr_tables = at[6] < 0xc0 ? NR_TABLES : at[6] % 4,
	};
	uint64_t most = NR_PAGES - edit.start;

	if (at[0] & 0x80)
		edit.start = align_down(edit.start, PT_ENTRIES);
	edit.nr = min_u64(1 + ((unsigned)at[3] | (unsigned)at[4] << 8) % (NR_PAGES / 2), most);
	edit.pa = GIB + (uint64_t)(at[5] >> 2) * 2 * MIB +
		  (at[0] & 0x40 ? PAGE_SIZE : edit.start % PT_ENTRIES * PAGE_SIZE);
	return edit;
}

/* Nothing is mapped where @edit wants to, but for what is in @ignored. */
static bool is_empty(const struct edit *edit, uint64_t ignored)
{
	for (uint64_t i = 0; i < edit->nr; i++)
		if (model.bits[edit->start + i] && !(model.bits[edit->start + i] & ignored))
			return false;
	return true;
}

static void note_mapping(const struct edit *edit, uint64_t nr_done)
{
	for (uint64_t i = 0; i < nr_done; i++) {
		model.pa[edit->start + i] = edit->pa + i * PAGE_SIZE;
		model.bits[edit->start + i] = edit->bits;
	}
}

static uint64_t map_singly(struct page_tables *tables, const struct edit *edit, uintptr_t va)
{
	static pfn_t pfns[NR_PAGES];

	for (uint64_t i = 0; i < edit->nr; i++)
		pfns[i] = pa_to_pfn(edit->pa) + i;
	return paging_map_pages(tables, va, pfns, edit->nr, edit->bits);
}

static void apply(struct page_tables *tables, const struct edit *edit)
{
	uintptr_t va = WINDOW_VA + edit->start * PAGE_SIZE;
	uint64_t bytes = edit->nr * PAGE_SIZE;
	uint64_t nr_done;

	nr_allowed = edit->nr_tables;
	switch (edit->what) {
	case 0:
		if (is_empty(edit, PTE_BACKDROP))
			note_mapping(edit, paging_map(tables, va, edit->pa, bytes, edit->bits) /
						   PAGE_SIZE);
		break;
	case 1:
		if (is_empty(edit, 0))
			note_mapping(edit, map_singly(tables, edit, va));
		break;
	case 2:
		nr_done = paging_unmap(tables, va, bytes) / PAGE_SIZE;
		memset(&model.bits[edit->start], 0, nr_done * sizeof(model.bits[0]));
		break;
	case 3:
		nr_done = paging_protect(tables, va, bytes, edit->bits) / PAGE_SIZE;
		for (uint64_t i = edit->start; i < edit->start + nr_done; i++)
			if (model.bits[i] && !(model.bits[i] & PTE_BACKDROP))
				model.bits[i] = edit->bits;
		break;
	case 4:		/* what port.c does for single pages */
		if (!model.bits[edit->start] &&
		    paging_map_one(tables, va, pa_to_pfn(edit->pa), paging_small_leaf(edit->bits)))
			note_mapping(edit, 1);
		break;
	case 5:
		if (paging_unmap_one(tables, va))
			model.bits[edit->start] = 0;
		break;
	default:
		paging_merge(tables, va, bytes);
		break;
	}
}

static void map_backdrop(struct page_tables *tables)
{
	nr_allowed = NR_TABLES;
	if (!paging_map_backdrop(tables, BACKDROP_VA, GIB, BACKDROP_BYTES, PTE_NX))
		abort();
	nr_shared = 2;
	for (uint64_t i = 0; i < NR_PAGES / 2; i++) {
		model.pa[i] = GIB;
		model.bits[i] = PTE_NX | PTE_BACKDROP;
	}
}

static void check(const struct page_tables *tables)
{
	struct violation broken;

	if (!paging_verify(tables, &broken))
		abort();
	if (tables->nr_tables + nr_shared + nr_free != NR_TABLES)
		abort();
	for (uint64_t i = 0; i < NR_PAGES; i++) {
		uintptr_t va = WINDOW_VA + i * PAGE_SIZE;
		struct translation t = paging_walk(tables, va);
		pfn_t pfn = paging_lookup(tables, va);

		if (!model.bits[i]) {
			if (t.level || pfn != PFN_NONE)
				abort();
		} else if (!t.level || t.pa != model.pa[i] || t.bits != model.bits[i] ||
			   pfn != pa_to_pfn(t.pa)) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct page_tables tables;
	unsigned nr_edits = 0;

	memset(&model, 0, sizeof(model));
	for (nr_free = 0; nr_free < NR_TABLES; nr_free++)
		free_pas[nr_free] = nr_free * PAGE_SIZE;
	nr_allowed = 1;
	if (!paging_init(&tables, (uintptr_t)arena, PT_LEVEL_2M, take_table, NULL))
		abort();
	nr_shared = 0;
	if (size && (data[0] & 1))
		map_backdrop(&tables);
	for (; size >= EDIT_BYTES && nr_edits < MAX_EDITS; size -= EDIT_BYTES, data += EDIT_BYTES) {
		struct edit edit = read_edit(data);

		apply(&tables, &edit);
		free_retired(&tables);
		if (++nr_edits % EDITS_PER_CHECK == 0)
			check(&tables);
	}
	check(&tables);
	nr_allowed = NR_TABLES;
	if (paging_unmap(&tables, WINDOW_VA, NR_PAGES * PAGE_SIZE) != NR_PAGES * PAGE_SIZE ||
	    paging_unmap(&tables, BACKDROP_VA, BACKDROP_BYTES) != BACKDROP_BYTES)
		abort();
	free_retired(&tables);
	if (tables.nr_tables != 1)
		abort();
	return 0;
}
