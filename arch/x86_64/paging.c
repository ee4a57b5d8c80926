/*
 * Page tables: a four-level radix tree of 512-way tables.
 *
 * Model
 *   An entry of a level-n table is absent, a leaf (a page of level_bytes(n);
 *   n is 1, 2 or 3) or leads to a level-(n-1) table. A table knows how many of
 *   its entries are present by a count in its parent's entry, in bits 52 to 61,
 *   which the processor ignores in entries that lead to tables (SDM 3A, table
 *   4-20). So emptiness costs no scan and no memory, and the line that holds
 *   the count is one the walk has just touched.
 *
 *   A table that becomes empty (or is merged away) leaves the tree but not the
 *   machine: a processor may have its address in a paging-structure cache until
 *   the next flush. It waits in a chain whose links, too, stand in ignored bits,
 *   so that a late walker still finds the translations it always found.
 *
 *   A backdrop is one page seen at every address of a range that may be larger
 *   than all RAM: its tables are full of one entry each and shared, so nobody
 *   edits them. An edit that goes down through one makes a copy first, whose
 *   entries are the backdrop's still and may be covered one by one.
 *
 * Invariants, true between calls
 *   PAGING-1  the count in an entry is the number of present entries in its table;
 *       the count of the table edited last stands in recent_count instead
 *   PAGING-2  no table is empty but the root, and level-1 tables that spare_va names
 *   PAGING-3  no leaf is writable and executable, nothing has the user bit
 *   PAGING-4  a leaf's address is a multiple of its size, and only levels 2 and 3
 *       have large leaves, level 3 only where the processor can
 *   PAGING-5  nr_tables is the number of tables in the tree, shared ones aside; with PAGING-1
 *       and PAGING-2 this also says that no other table is reached twice
 *   PAGING-6  nothing of a backdrop is writable, and the entries of its tables are all
 *       the same
 *
 * Locking
 *   None here: one editor at a time, walkers only of what nobody unmaps.
 *
 * Cost
 *   Runs of pages in one level-1 table cost one descent, none at all when it is
 *   the table that was edited last.
 */

#include "arch/x86_64/paging.h"

#include "arch/x86_64/paging_entry.h"
#include "lib/align.h"
#include "lib/string.h"

/* Rights are decided by leaves. Accessed is set at once, so that the processor never writes. */
#define TABLE_BITS	(PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

/* A retired table's link: a page frame number, ten bits in each of its first four entries. */
#define LINK_ENTRIES	4u
#define LINK_BITS	10u
#define LINK_MASK	((1ull << LINK_BITS) - 1)

#define NO_RECENT_VA	1u	/* not page-aligned: matches nothing */

/* The entries a descent went through, by level. */
struct path {
	uint64_t *entry[PT_LEVEL_ROOT + 1];
};

static uint64_t make_leaf(uint64_t pa, unsigned level, uint64_t bits)
{
	uint64_t leaf = pa | paging_small_leaf(bits);

	return level == PT_LEVEL_4K ? leaf : leaf | PTE_LARGE;
}

/* Bytes from @va to the end of the entry it falls in. */
static uint64_t bytes_left_in_entry(uintptr_t va, unsigned level)
{
	return level_bytes(level) - (va & (level_bytes(level) - 1));
}

/* Entries of the level-@level table of @va that [@va, @va + @bytes) covers whole. */
static uint64_t entries_in_table(uintptr_t va, uint64_t bytes, unsigned level)
{
	return min_u64(bytes / level_bytes(level), PT_ENTRIES - index_at(va, level));
}

/* ---- Tables coming and going ---- */

static void set_recent_word(struct page_tables *tables, uint64_t word)
{
	__atomic_store_n(&tables->recent_word, word, __ATOMIC_RELEASE);
}

static uint64_t make_recent_word(const uint64_t *table, uintptr_t va)
{
	return (uint64_t)(uintptr_t)table << PAGING_WORD_SHIFT |
	       (uint64_t)va << PAGING_WORD_SHIFT >> PAGING_WORD_PREFIX;
}

/* Writes the recent table's count to its place, PAGING-1, and has no recent table. */
static void settle(struct page_tables *tables)
{
	uint64_t *parent = tables->recent_parent;

	if (parent)
		*parent = (*parent & ~COUNT_MASK) | tables->recent_count << COUNT_SHIFT;
	tables->recent_va = NO_RECENT_VA;
	tables->recent_table = NULL;
	tables->recent_parent = NULL;
	set_recent_word(tables, PAGING_WORD_NONE);
}

static void set_link(uint64_t *table, uint64_t next_pa)
{
	uint64_t pfn = next_pa >> PAGE_SHIFT;

	for (unsigned i = 0; i < LINK_ENTRIES; i++) {
		uint64_t digit = (pfn >> (i * LINK_BITS)) & LINK_MASK;

		table[i] = (table[i] & ~COUNT_MASK) | digit << COUNT_SHIFT;
	}
}

static uint64_t link_of(const uint64_t *table)
{
	uint64_t pfn = 0;

	for (unsigned i = 0; i < LINK_ENTRIES; i++)
		pfn |= (uint64_t)present_below(table[i]) << (i * LINK_BITS);
	/* All ones is the end: no machine has a page table in its last frame. */
	return pfn == (1ull << (LINK_ENTRIES * LINK_BITS)) - 1 ? PA_NONE : pfn_to_pa(pfn);
}

static void retire_table(struct page_tables *tables, uint64_t pa)
{
	uint64_t *table = table_at(tables, pa);

	set_link(table, tables->retired_pa);
	tables->retired_pa = pa;
	tables->nr_tables--;
}

uint64_t paging_detach_retired(struct page_tables *tables)
{
	uint64_t chain_pa = tables->retired_pa;

	tables->retired_pa = PA_NONE;
	return chain_pa;
}

uint64_t paging_pop_retired(const struct page_tables *tables, uint64_t *chain_pa)
{
	uint64_t pa = *chain_pa;

	if (pa != PA_NONE)
		*chain_pa = link_of(table_at(tables, pa));
	return pa;
}

static uint64_t take_table(struct page_tables *tables)
{
	uint64_t pa = tables->take_table(tables->take_arg);

	if (pa == PA_NONE)
		return PA_NONE;
	ASSERT(is_aligned(pa, PAGE_SIZE));
	tables->nr_tables++;
	return pa;
}

bool paging_init(struct page_tables *tables, uintptr_t base, unsigned largest_level,
		 uint64_t (*take)(void *arg), void *take_arg)
{
	ASSERT(largest_level == PT_LEVEL_2M || largest_level == PT_LEVEL_1G);

	*tables = (struct page_tables){
		.base = base,
		.largest_level = largest_level,
		.take_table = take,
		.take_arg = take_arg,
		.retired_pa = PA_NONE,
	};
	settle(tables);
	tables->root_pa = take_table(tables);
	return tables->root_pa != PA_NONE;
}

void paging_rebase(struct page_tables *tables, uintptr_t base, uint64_t (*take)(void *arg),
		   void *take_arg)
{
	settle(tables);
	tables->base = base;
	tables->take_table = take;
	tables->take_arg = take_arg;
}

/* ---- Descending ---- */

/*
 * Fills @path from the root down to @level, or to the leaf, the hole or the
 * shared table's entry met before. Returns the level reached.
 */
static unsigned descend(const struct page_tables *tables, uintptr_t va, unsigned level,
			struct path *path)
{
	uint64_t *table = table_at(tables, tables->root_pa);
	unsigned at = PT_LEVEL_ROOT;

	for (;;) {
		uint64_t *entry = &table[index_at(va, at)];

		path->entry[at] = entry;
		if (at == level || !is_occupied(*entry) || is_leaf(*entry, at))
			return at;
		table = table_at(tables, leaf_pa(*entry));
		at--;
	}
}

/*
 * Notes that @nr entries of the level-@level table on @path went. Tables that
 * are empty now leave the tree.
 */
static void uncount(struct page_tables *tables, struct path *path, unsigned level, uint64_t nr)
{
	for (; level < PT_LEVEL_ROOT; level++) {
		uint64_t *parent = path->entry[level + 1];

		DEBUG_ASSERT(present_below(*parent) >= nr);
		*parent -= nr * COUNT_ONE;
		if (present_below(*parent))
			return;
		retire_table(tables, leaf_pa(*parent));
		*parent = 0;
		nr = 1;
	}
}

static void count(struct path *path, unsigned level, uint64_t nr)
{
	if (level < PT_LEVEL_ROOT)
		*path->entry[level + 1] += nr * COUNT_ONE;
}

/* Writes @leaf and its followers. Returns how many of the entries were absent before. */
static uint64_t fill_entries(uint64_t *entry, uint64_t nr, uint64_t leaf, uint64_t step)
{
	uint64_t nr_absent = 0;

	for (uint64_t i = 0; i < nr; i++) {
		ASSERT(!is_occupied(entry[i]));
		nr_absent += !is_present(entry[i]);
		entry[i] = leaf;
		leaf += step;
	}
	return nr_absent;
}

/* Replaces the leaf or the shared table that @path ends in by a table that says the same. */
static bool split_entry(struct page_tables *tables, struct path *path, unsigned level)
{
	uint64_t entry = *path->entry[level];
	uint64_t table_pa = take_table(tables);

	if (table_pa == PA_NONE)
		return false;
	if (is_backdrop(entry))
		memcpy(table_at(tables, table_pa), table_at(tables, leaf_pa(entry)), PAGE_SIZE);
	else
		fill_entries(table_at(tables, table_pa), PT_ENTRIES,
			     make_leaf(leaf_pa(entry), level - 1, entry & LEAF_BITS),
			     level_bytes(level - 1));
	*path->entry[level] = table_pa | TABLE_BITS | PT_ENTRIES * COUNT_ONE;
	return true;
}

/* Puts a table where @path ends above what is wanted: empty in a hole, a copy of a shared one. */
static bool add_table(struct page_tables *tables, struct path *path, unsigned level)
{
	uint64_t pa;

	ASSERT(!is_occupied(*path->entry[level]));
	if (is_backdrop(*path->entry[level]))
		return split_entry(tables, path, level);
	pa = take_table(tables);
	if (pa == PA_NONE)
		return false;
	*path->entry[level] = pa | TABLE_BITS;
	count(path, level, 1);
	return true;
}

/* Fills @path down to @level, adding tables. False when there was none to add. */
static bool make_way(struct page_tables *tables, uintptr_t va, unsigned level, struct path *path)
{
	unsigned at;

	while ((at = descend(tables, va, level, path)) > level) {
		if (!add_table(tables, path, at)) {
			uncount(tables, path, at, 0);	/* tables added just now are empty */
			return false;
		}
	}
	return true;
}

/* Makes the level-1 table that @path ends in the recent one. */
static void make_recent(struct page_tables *tables, uintptr_t va, const struct path *path)
{
	tables->recent_va = align_down(va, level_bytes(PT_LEVEL_2M));
	tables->recent_table = path->entry[PT_LEVEL_4K] - index_at(va, PT_LEVEL_4K);
	tables->recent_parent = path->entry[PT_LEVEL_2M];
	tables->recent_count = present_below(*tables->recent_parent);
	set_recent_word(tables, make_recent_word(tables->recent_table, va));
}

/* Makes the level-1 table of @va the recent one, adding it. */
static bool reach_small(struct page_tables *tables, uintptr_t va)
{
	struct path path;

	settle(tables);
	if (!make_way(tables, va, PT_LEVEL_4K, &path))
		return false;
	make_recent(tables, va, &path);
	return true;
}

/* The same if it exists. */
static void find_small(struct page_tables *tables, uintptr_t va)
{
	struct path path;

	settle(tables);
	if (descend(tables, va, PT_LEVEL_4K, &path) == PT_LEVEL_4K)
		make_recent(tables, va, &path);
}

static bool is_recent(const struct page_tables *tables, uintptr_t va)
{
	return align_down(va, level_bytes(PT_LEVEL_2M)) == tables->recent_va;
}

/* ---- Empty tables ---- */

/* Takes the level-1 table of @va out of the tree if it is empty. No table is recent. */
static void retire_if_empty(struct page_tables *tables, uintptr_t va)
{
	struct path path;

	if (descend(tables, va, PT_LEVEL_4K, &path) == PT_LEVEL_4K &&
	    present_below(*path.entry[PT_LEVEL_2M]) == 0)
		uncount(tables, &path, PT_LEVEL_4K, 0);
}

void paging_drop_spares(struct page_tables *tables)
{
	settle(tables);
	while (tables->nr_spares)
		retire_if_empty(tables, tables->spare_va[--tables->nr_spares]);
}

/* Lets the oldest one go. */
static void drop_oldest_spare(struct page_tables *tables)
{
	uintptr_t va = tables->spare_va[0];

	tables->nr_spares--;
	for (unsigned i = 0; i < tables->nr_spares; i++)
		tables->spare_va[i] = tables->spare_va[i + 1];
	settle(tables);
	retire_if_empty(tables, va);
}

/* The level-1 table of @va has become empty. False when it may not stay in the tree. */
static bool keep_spare(struct page_tables *tables, uintptr_t va)
{
	if (!tables->max_spares)
		return false;
	if (paging_is_spare(tables, va))
		return true;
	if (tables->nr_spares == tables->max_spares)
		drop_oldest_spare(tables);
	tables->spare_va[tables->nr_spares++] = align_down(va, level_bytes(PT_LEVEL_2M));
	return true;
}

/* ---- Mapping ---- */

/* The largest page that fits the alignment of @va and @pa and the @bytes left. */
static unsigned level_for(const struct page_tables *tables, uintptr_t va, uint64_t pa,
			  uint64_t bytes)
{
	unsigned level = tables->largest_level;

	while (level > PT_LEVEL_4K &&
	       (!is_aligned(va | pa, level_bytes(level)) || bytes < level_bytes(level)))
		level--;
	return level;
}

static bool are_leaf_bits(uint64_t bits)
{
	bool is_known = (bits & ~LEAF_BITS) == 0;
	bool is_writable_code = (bits & PTE_WRITE) && !(bits & PTE_NX);

	return is_known && !is_writable_code;
}

static bool is_own_table(uint64_t entry, unsigned level)
{
	return is_occupied(entry) && !is_leaf(entry, level);
}

/*
 * Makes way for pages of @level, or for smaller ones where a table stands that is
 * left of a backdrop. Returns their level; 0 when there was no table to add.
 */
static unsigned make_room(struct page_tables *tables, uintptr_t va, unsigned level,
			  struct path *path)
{
	while (make_way(tables, va, level, path)) {
		if (!is_own_table(*path->entry[level], level))
			return level;
		level--;
	}
	return 0;
}

/* How many of the @nr entries from @entry on come before one that leads to a table. */
static uint64_t nr_before_table(const uint64_t *entry, uint64_t nr, unsigned level)
{
	uint64_t i = 0;

	while (i < nr && !is_own_table(entry[i], level))
		i++;
	return i;
}

uint64_t paging_map(struct page_tables *tables, uintptr_t va, uint64_t pa, uint64_t bytes,
		    uint64_t bits)
{
	uint64_t done_bytes = 0;

	ASSERT(is_aligned(va | pa | bytes, PAGE_SIZE));
	ASSERT(are_leaf_bits(bits));

	paging_drop_spares(tables);	/* a large page may belong where one is */
	while (done_bytes < bytes) {
		uintptr_t at_va = va + done_bytes;
		uint64_t left_bytes = bytes - done_bytes;
		struct path path;
		unsigned level = make_room(tables, at_va,
					   level_for(tables, at_va, pa + done_bytes, left_bytes),
					   &path);
		uint64_t nr;

		if (!level)
			break;
		nr = nr_before_table(path.entry[level], entries_in_table(at_va, left_bytes, level),
				     level);
		count(&path, level,
		      fill_entries(path.entry[level], nr, make_leaf(pa + done_bytes, level, bits),
				   level_bytes(level)));
		done_bytes += nr * level_bytes(level);
	}
	return done_bytes;
}

/* A backdrop's entry that leads to a table full of @entry; 0 when no table could be had. */
static uint64_t make_shared_table(struct page_tables *tables, uint64_t entry)
{
	uint64_t pa = take_table(tables);

	if (pa == PA_NONE)
		return 0;
	tables->nr_tables--;	/* PAGING-5 */
	fill_entries(table_at(tables, pa), PT_ENTRIES, entry, 0);
	return pa | (TABLE_BITS & ~PTE_WRITE) | PTE_BACKDROP | PT_ENTRIES * COUNT_ONE;
}

bool paging_map_backdrop(struct page_tables *tables, uintptr_t va, uint64_t pa, uint64_t bytes,
			 uint64_t bits)
{
	uint64_t entry = pa | paging_small_leaf(bits) | PTE_BACKDROP;

	ASSERT(is_aligned(pa, PAGE_SIZE));
	ASSERT(is_aligned(va | bytes, level_bytes(PT_LEVEL_1G)));
	ASSERT(are_leaf_bits(bits));
	ASSERT(!(bits & PTE_WRITE));

	for (unsigned level = PT_LEVEL_4K; level < PT_LEVEL_1G && entry; level++)
		entry = make_shared_table(tables, entry);
	for (uint64_t done_bytes = 0; entry && done_bytes < bytes;) {
		uint64_t nr = entries_in_table(va + done_bytes, bytes - done_bytes, PT_LEVEL_1G);
		struct path path;

		if (!make_way(tables, va + done_bytes, PT_LEVEL_1G, &path))
			return false;
		count(&path, PT_LEVEL_1G, fill_entries(path.entry[PT_LEVEL_1G], nr, entry, 0));
		done_bytes += nr * level_bytes(PT_LEVEL_1G);
	}
	return entry != 0;
}

/*
 * One pass, no branch in it: what the entries held is collected on the way and
 * looked at once.
 */
static void fill_from_pfns(uint64_t *entry, const pfn_t *pfns, uint64_t nr, uint64_t leaf_bits)
{
	uint64_t seen = 0;
	uint64_t i = 0;

	for (; i + 4 <= nr; i += 4) {
		seen |= entry[i] | entry[i + 1] | entry[i + 2] | entry[i + 3];
		entry[i] = pfn_to_pa(pfns[i]) | leaf_bits;
		entry[i + 1] = pfn_to_pa(pfns[i + 1]) | leaf_bits;
		entry[i + 2] = pfn_to_pa(pfns[i + 2]) | leaf_bits;
		entry[i + 3] = pfn_to_pa(pfns[i + 3]) | leaf_bits;
	}
	for (; i < nr; i++) {
		seen |= entry[i];
		entry[i] = pfn_to_pa(pfns[i]) | leaf_bits;
	}
	ASSERT(!is_present(seen));
}

uint64_t paging_map_pages(struct page_tables *tables, uintptr_t va, const pfn_t *pfns,
			  uint64_t nr_pages, uint64_t bits)
{
	uint64_t leaf_bits = paging_small_leaf(bits);
	uint64_t nr_done = 0;

	ASSERT(is_aligned(va, PAGE_SIZE));
	ASSERT(are_leaf_bits(bits));

	while (nr_done < nr_pages) {
		unsigned index = index_at(va, PT_LEVEL_4K);
		uint64_t nr = min_u64(nr_pages - nr_done, PT_ENTRIES - index);

		if (!is_recent(tables, va) && !reach_small(tables, va))
			break;
		fill_from_pfns(&tables->recent_table[index], pfns + nr_done, nr, leaf_bits);
		tables->recent_count += nr;
		nr_done += nr;
		va += pages_to_bytes(nr);
	}
	return nr_done;
}

/* ---- Unmapping ---- */

/*
 * What an edit of [va, va + bytes) does next: skip, split, or change @nr
 * entries from path.entry[level] on.
 */
struct step {
	struct path path;
	unsigned level;
	uint64_t nr;		/* 0: nothing mapped, or split first */
	uint64_t bytes;		/* covered by this step */
	bool must_split;
};

static void next_step(const struct page_tables *tables, uintptr_t va, uint64_t bytes,
		      struct step *step)
{
	unsigned level = descend(tables, va, PT_LEVEL_4K, &step->path);
	uint64_t entry = *step->path.entry[level];

	step->level = level;
	step->nr = 0;
	step->must_split = false;
	step->bytes = min_u64(bytes, bytes_left_in_entry(va, level));
	if (level == PT_LEVEL_4K) {
		step->nr = entries_in_table(va, bytes, level);
		step->bytes = pages_to_bytes(step->nr);
	} else if (is_present(entry)) {
		step->must_split = step->bytes < level_bytes(level);
		step->nr = step->must_split ? 0 : 1;
	}
}

static uint64_t clear_entries(uint64_t *entry, uint64_t nr)
{
	uint64_t nr_present = 0;
	uint64_t i = 0;

	for (; i + 4 <= nr; i += 4) {
		nr_present += entry[i] & PTE_PRESENT;
		entry[i] = 0;
		nr_present += entry[i + 1] & PTE_PRESENT;
		entry[i + 1] = 0;
		nr_present += entry[i + 2] & PTE_PRESENT;
		entry[i + 2] = 0;
		nr_present += entry[i + 3] & PTE_PRESENT;
		entry[i + 3] = 0;
	}
	for (; i < nr; i++) {
		nr_present += entry[i] & PTE_PRESENT;
		entry[i] = 0;
	}
	return nr_present;
}

/* Unmaps what lies in one level-1 table, which is then the recent one. False: it does not. */
static bool unmap_recent(struct page_tables *tables, uintptr_t va, uint64_t nr_pages)
{
	unsigned index = index_at(va, PT_LEVEL_4K);

	if (nr_pages > PT_ENTRIES - index)
		return false;
	if (!is_recent(tables, va)) {
		find_small(tables, va);
		if (!is_recent(tables, va))
			return false;
	}
	return paging_unmap_run(tables, va, nr_pages);
}

bool paging_map_run(struct page_tables *tables, uintptr_t va, const pfn_t *pfns,
		    uint64_t nr_pages, uint64_t leaf)
{
	uint64_t index = paging_recent_index(tables, va);

	if (index >= PT_ENTRIES || nr_pages > PT_ENTRIES - index)
		return false;
	fill_from_pfns(&tables->recent_table[index], pfns, nr_pages, leaf);
	tables->recent_count += nr_pages;
	return true;
}

bool paging_unmap_run(struct page_tables *tables, uintptr_t va, uint64_t nr_pages)
{
	uint64_t index = paging_recent_index(tables, va);

	if (index >= PT_ENTRIES || nr_pages > PT_ENTRIES - index)
		return false;
	tables->recent_count -= clear_entries(&tables->recent_table[index], nr_pages);
	if (unlikely(!tables->recent_count) && !keep_spare(tables, va)) {
		settle(tables);
		retire_if_empty(tables, va);
	}
	return true;
}

/* Takes @nr entries of the level-1 table on @path off its count. No table is recent. */
static void uncount_small(struct page_tables *tables, struct path *path, uintptr_t va, uint64_t nr)
{
	uint64_t *parent = path->entry[PT_LEVEL_2M];

	*parent -= nr * COUNT_ONE;
	if (present_below(*parent) == 0 && !keep_spare(tables, va))
		uncount(tables, path, PT_LEVEL_4K, 0);
}

uint64_t paging_unmap(struct page_tables *tables, uintptr_t va, uint64_t bytes)
{
	uint64_t done_bytes = 0;

	ASSERT(is_aligned(va | bytes, PAGE_SIZE));

	if (unmap_recent(tables, va, bytes >> PAGE_SHIFT))
		return bytes;
	settle(tables);
	while (done_bytes < bytes) {
		struct step step;

		next_step(tables, va + done_bytes, bytes - done_bytes, &step);
		if (step.must_split) {
			if (!split_entry(tables, &step.path, step.level))
				break;
			continue;
		}
		if (step.level == PT_LEVEL_4K)
			uncount_small(tables, &step.path, va + done_bytes,
				      clear_entries(step.path.entry[PT_LEVEL_4K], step.nr));
		else if (step.nr)
			uncount(tables, &step.path, step.level,
				clear_entries(step.path.entry[step.level], step.nr));
		done_bytes += step.bytes;
	}
	return done_bytes;
}

/* ---- Changing rights ---- */

static void change_entries(uint64_t *entry, uint64_t nr, unsigned level, uint64_t bits)
{
	for (uint64_t i = 0; i < nr; i++)
		if (is_occupied(entry[i]))
			entry[i] = make_leaf(leaf_pa(entry[i]), level, bits);
}

uint64_t paging_protect(struct page_tables *tables, uintptr_t va, uint64_t bytes, uint64_t bits)
{
	uint64_t done_bytes = 0;

	ASSERT(is_aligned(va | bytes, PAGE_SIZE));
	ASSERT(are_leaf_bits(bits));

	settle(tables);
	while (done_bytes < bytes) {
		struct step step;

		next_step(tables, va + done_bytes, bytes - done_bytes, &step);
		if (step.must_split) {
			if (!split_entry(tables, &step.path, step.level))
				break;
			continue;
		}
		change_entries(step.path.entry[step.level], step.nr, step.level, bits);
		done_bytes += step.bytes;
	}
	return done_bytes;
}

/* ---- Merging ---- */

/* The leaf of level @level + 1 that says the same as the full level-@level @table; 0: none does. */
static uint64_t joined_leaf(const uint64_t *table, unsigned level)
{
	uint64_t first = table[0];

	if (!is_leaf(first, level) || !is_aligned(leaf_pa(first), level_bytes(level + 1)))
		return 0;
	for (uint64_t i = 1; i < PT_ENTRIES; i++)
		if (table[i] != first + i * level_bytes(level))
			return 0;
	return make_leaf(leaf_pa(first), level + 1, first & LEAF_BITS);
}

/* Replaces the level-@level table of @va by one leaf of its parent, if that says the same. */
static bool merge_table(struct page_tables *tables, uintptr_t va, unsigned level)
{
	struct path path;
	uint64_t *parent;
	uint64_t table_pa, leaf;

	if (descend(tables, va, level, &path) != level)
		return false;
	parent = path.entry[level + 1];
	if (present_below(*parent) != PT_ENTRIES)
		return false;
	table_pa = leaf_pa(*parent);
	leaf = joined_leaf(table_at(tables, table_pa), level);
	if (!leaf)
		return false;
	*parent = leaf;
	retire_table(tables, table_pa);
	return true;
}

uint64_t paging_merge(struct page_tables *tables, uintptr_t va, uint64_t bytes)
{
	uint64_t nr_retired = 0;

	ASSERT(is_aligned(va | bytes, PAGE_SIZE));

	paging_drop_spares(tables);
	for (unsigned level = PT_LEVEL_4K; level < tables->largest_level; level++) {
		uint64_t step_bytes = level_bytes(level + 1);
		uintptr_t start = align_up(va, step_bytes);

		for (uintptr_t at = start; at - va < bytes && bytes - (at - va) >= step_bytes;
		     at += step_bytes)
			nr_retired += merge_table(tables, at, level);
	}
	return nr_retired;
}
