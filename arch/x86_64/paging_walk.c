/*
 * Page tables, read only: walks, visits, and the verifier of paging.c's rules.
 *
 * Rights are combined along the walk as the processor does it, so that what is
 * said of a page is what it may do, not what its leaf says. Nothing here takes
 * part in edits: recent_table is looked at for its count alone.
 */

#include "arch/x86_64/paging.h"

#include "arch/x86_64/paging_entry.h"
#include "lib/align.h"

/* ---- Looking ---- */

/* Rights along a walk: writable and user where every level says so, no execution where any does. */
static uint64_t combine_rights(uint64_t above, uint64_t entry)
{
	uint64_t all = PTE_WRITE | PTE_USER;

	return (above & entry & all) | ((above | entry) & PTE_NX) |
	       (entry & (LEAF_BITS | PTE_BACKDROP) & ~(all | PTE_NX));
}

struct translation paging_walk(const struct page_tables *tables, uintptr_t va)
{
	const uint64_t *table = table_at(tables, tables->root_pa);
	uint64_t bits = PTE_WRITE | PTE_USER;

	for (unsigned level = PT_LEVEL_ROOT; level > 0; level--) {
		uint64_t entry = table[index_at(va, level)];

		if (!is_present(entry))
			break;
		bits = combine_rights(bits, entry);
		if (is_leaf(entry, level))
			return (struct translation){
				.pa = leaf_pa(entry) + (va & (level_bytes(level) - 1)),
				.bits = bits,
				.level = level,
			};
		table = table_at(tables, leaf_pa(entry));
	}
	return (struct translation){ .pa = PA_NONE };
}

pfn_t paging_lookup_by_walk(const struct page_tables *tables, uintptr_t va)
{
	const uint64_t *table = table_at(tables, tables->root_pa);
	unsigned level = PT_LEVEL_ROOT;
	uint64_t entry;

	while (is_present(entry = table[index_at(va, level)])) {
		if (is_leaf(entry, level))
			return pa_to_pfn(leaf_pa(entry) + (va & (level_bytes(level) - 1)));
		table = table_at(tables, leaf_pa(entry));
		level--;
	}
	return PFN_NONE;
}

/* Sign-extends bit 47: the address a root index and those below it stand for. */
static uintptr_t canonical(uint64_t va)
{
	return (uintptr_t)((int64_t)(va << 16) >> 16);
}

struct visitor {
	const struct page_tables *tables;
	bool (*visit)(void *arg, uintptr_t va, unsigned level, uint64_t pa, uint64_t bits);
	void *arg;
};

/* The leaf behind every address that a backdrop's @entry of a level-@level table leads to. */
static uint64_t backdrop_leaf(const struct page_tables *tables, uint64_t entry, unsigned level)
{
	for (; !is_leaf(entry, level); level--)
		entry = *table_at(tables, leaf_pa(entry));
	return entry;
}

static bool visit_table(const struct visitor *visitor, const uint64_t *table, unsigned level,
			uintptr_t start_va, uint64_t rights)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uintptr_t va = canonical(start_va + i * level_bytes(level));
		uint64_t entry = is_backdrop(table[i]) ?
				 backdrop_leaf(visitor->tables, table[i], level) : table[i];
		uint64_t bits = combine_rights(rights, entry);
		uint64_t pa = leaf_pa(entry);
		bool goes_on;

		if (!is_present(entry))
			continue;
		if (is_leaf(entry, level) || is_backdrop(entry))
			goes_on = visitor->visit(visitor->arg, va, level, pa, bits);
		else
			goes_on = visit_table(visitor, table_at(visitor->tables, pa), level - 1, va,
					      bits);
		if (!goes_on)
			return false;
	}
	return true;
}

bool paging_visit(const struct page_tables *tables,
		  bool (*visit)(void *arg, uintptr_t va, unsigned level, uint64_t pa,
				uint64_t bits),
		  void *arg)
{
	const struct visitor visitor = { tables, visit, arg };

	return visit_table(&visitor, table_at(tables, tables->root_pa), PT_LEVEL_ROOT, 0,
			   PTE_WRITE | PTE_USER);
}

/* ---- Verifying ---- */

/* The count in @parent, or what replaces it while its table is the recent one. */
static uint64_t count_in(const struct page_tables *tables, const uint64_t *parent)
{
	return parent == tables->recent_parent ? tables->recent_count : present_below(*parent);
}

static bool verify_leaf(const struct page_tables *tables, uint64_t entry, unsigned level,
			uintptr_t va, struct violation *out)
{
	REQUIRE("PAGING-3", va, !(entry & PTE_USER));
	REQUIRE("PAGING-3", va, !(entry & PTE_WRITE) || (entry & PTE_NX));
	REQUIRE("PAGING-4", va, level <= tables->largest_level);
	REQUIRE("PAGING-4", va, is_aligned(leaf_pa(entry), level_bytes(level)));
	return true;
}

/* PAGING-6 for what @entry of a level-@level table leads to. */
static bool verify_backdrop(const struct page_tables *tables, uint64_t entry, unsigned level,
			    uintptr_t va, struct violation *out)
{
	for (; !is_leaf(entry, level); level--) {
		const uint64_t *table = table_at(tables, leaf_pa(entry));

		REQUIRE("PAGING-1", va, present_below(entry) == PT_ENTRIES);
		REQUIRE("PAGING-6", va, !(entry & PTE_WRITE));
		REQUIRE("PAGING-6", va, is_backdrop(table[0]));
		for (unsigned i = 1; i < PT_ENTRIES; i++)
			REQUIRE("PAGING-6", va, table[i] == table[0]);
		entry = table[0];
	}
	REQUIRE("PAGING-6", va, !(entry & PTE_WRITE));
	return verify_leaf(tables, entry, level, va, out);
}

static bool verify_table(const struct page_tables *tables, const uint64_t *table, unsigned level,
			 uintptr_t start_va, uint64_t *nr_tables, struct violation *out)
{
	++*nr_tables;
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uintptr_t va = canonical(start_va + i * level_bytes(level));
		const uint64_t *below;
		unsigned nr_present = 0;

		if (!is_present(table[i]))
			continue;
		if (is_backdrop(table[i])) {
			bool is_seen = i > 0 && table[i] == table[i - 1];

			if (!is_seen && !verify_backdrop(tables, table[i], level, va, out))
				return false;
			continue;
		}
		if (is_leaf(table[i], level)) {
			if (!verify_leaf(tables, table[i], level, va, out))
				return false;
			continue;
		}
		REQUIRE("PAGING-3", va, !(table[i] & PTE_USER));
		below = table_at(tables, leaf_pa(table[i]));
		for (unsigned j = 0; j < PT_ENTRIES; j++)
			nr_present += is_present(below[j]);
		REQUIRE("PAGING-1", va, nr_present == count_in(tables, &table[i]));
		REQUIRE("PAGING-2", va, nr_present > 0 ||
			(level == PT_LEVEL_2M && paging_is_spare(tables, va)));
		if (!verify_table(tables, below, level - 1, va, nr_tables, out))
			return false;
	}
	return true;
}

bool paging_verify(const struct page_tables *tables, struct violation *out)
{
	uint64_t nr_tables = 0;

	if (!verify_table(tables, table_at(tables, tables->root_pa), PT_LEVEL_ROOT, 0, &nr_tables,
			  out))
		return false;
	REQUIRE("PAGING-5", nr_tables, nr_tables == tables->nr_tables);
	return true;
}
