/*
 * bootmem: the simplest allocator there is, one per node, for the boot only.
 *
 * Model
 *   One bit per page of the node's boot window (its first GiB): 1 is taken. An
 *   allocation looks for a run of zero bits from the bottom up. What it leaves
 *   of its last page serves later small requests: a pointer advances through
 *   that page. Memory beyond the window never passes through here; it is handed
 *   to the zones as ranges.
 *
 * Invariants
 *   BOOTMEM-1  the window is not empty, and retired means no bitmap
 *   BOOTMEM-2  nr_free_pages is the number of zero bits
 *   BOOTMEM-3  a page that is being packed is a taken one inside the window
 *   BOOTMEM-4  bits past the window's end are 1
 *
 * Locking
 *   None: one CPU runs while bootmem lives.
 *
 * Cost
 *   The scan is linear in the window, 64 pages a step. That is what is wrong
 *   with it, and why it retires into the buddy allocator.
 */

#include "mm/page/bootmem.h"

#include "lib/align.h"
#include "lib/bits.h"
#include "lib/string.h"

uint64_t bootmem_map_bytes(uint64_t nr_pages)
{
	return words_for_bits(nr_pages) * sizeof(uint64_t);
}

static uint64_t window_pages(const struct bootmem *bootmem)
{
	return bootmem->end_pfn - bootmem->start_pfn;
}

static bool is_inside(const struct bootmem *bootmem, pfn_t start_pfn, pfn_t end_pfn)
{
	return start_pfn >= bootmem->start_pfn && start_pfn <= end_pfn &&
	       end_pfn <= bootmem->end_pfn;
}

/* The first word of [@word, @end) that is not @same, or @end; four a turn. */
static const uint64_t *skip_words(const uint64_t *word, const uint64_t *end, uint64_t same)
{
	while (end - word >= 4 && word[0] == same && word[1] == same && word[2] == same &&
	       word[3] == same)
		word += 4;
	while (word < end && *word == same)
		word++;
	return word;
}

/* Index of the first bit equal to @value in [@bit, @end_bit); @end_bit if none. */
static uint64_t find_bit(const struct bootmem *bootmem, uint64_t bit, uint64_t end_bit, bool value)
{
	const uint64_t *map = bootmem->map;
	const uint64_t *word = map + bit / BITS_PER_WORD;
	const uint64_t *end = map + words_for_bits(end_bit);
	uint64_t none = value ? 0 : UINT64_MAX;	/* a word without such a bit */
	uint64_t found;

	if (bit >= end_bit)
		return end_bit;
	found = (*word ^ none) & UINT64_MAX << (bit % BITS_PER_WORD);
	if (found == 0) {
		word = skip_words(word + 1, end, none);
		if (word == end)
			return end_bit;
		found = *word ^ none;
	}
	return min_u64((uint64_t)(word - map) * BITS_PER_WORD + lowest_bit(found), end_bit);
}

/* Sets the bits [start, end) to @value, whole words at once; none of them is @value yet. */
static void change_bits(struct bootmem *bootmem, uint64_t start, uint64_t end, bool value)
{
	uint64_t *first = bootmem->map + start / BITS_PER_WORD;
	uint64_t *last = bootmem->map + end / BITS_PER_WORD;
	uint64_t first_mask = UINT64_MAX << (start % BITS_PER_WORD);
	uint64_t last_mask = ((uint64_t)1 << (end % BITS_PER_WORD)) - 1;

	ASSERT(find_bit(bootmem, start, end, value) == end);

	bootmem->nr_changes++;
	if (first < last) {
		*first++ ^= first_mask;
		memset(first, value ? 0xff : 0, (size_t)(last - first) * sizeof(*first));
		first_mask = UINT64_MAX;
	}
	/* An end at a word's first bit may be the end of the map. */
	if (first_mask & last_mask)
		*last ^= first_mask & last_mask;
}

void bootmem_init(struct bootmem *bootmem, pfn_t start_pfn, pfn_t end_pfn, uint64_t *map)
{
	ASSERT(start_pfn < end_pfn);

	*bootmem = (struct bootmem){ .map = map, .start_pfn = start_pfn, .end_pfn = end_pfn };
	memset(map, 0xff, bootmem_map_bytes(end_pfn - start_pfn));
}

void bootmem_free_range(struct bootmem *bootmem, pfn_t start_pfn, pfn_t end_pfn)
{
	ASSERT(!bootmem->is_retired);
	ASSERT(is_inside(bootmem, start_pfn, end_pfn));

	change_bits(bootmem, start_pfn - bootmem->start_pfn, end_pfn - bootmem->start_pfn, false);
	bootmem->nr_free_pages += end_pfn - start_pfn;
	/* The page being packed may have been given back: what is left of it is not ours. */
	if (pa_to_pfn(bootmem->packed_pa) >= start_pfn && pa_to_pfn(bootmem->packed_pa) < end_pfn)
		bootmem->packed_pa = 0;
}

void bootmem_reserve_range(struct bootmem *bootmem, pfn_t start_pfn, pfn_t end_pfn)
{
	ASSERT(!bootmem->is_retired);
	ASSERT(is_inside(bootmem, start_pfn, end_pfn));

	change_bits(bootmem, start_pfn - bootmem->start_pfn, end_pfn - bootmem->start_pfn, true);
	bootmem->nr_free_pages -= end_pfn - start_pfn;
}

/* Serves @bytes from the page that is partly used, if they fit. */
static uint64_t pack(struct bootmem *bootmem, uint64_t bytes, uint64_t align)
{
	uint64_t page_end_pa = align_up(bootmem->packed_pa, PAGE_SIZE);
	uint64_t start_pa = align_up(bootmem->packed_pa, align);

	if (start_pa >= page_end_pa || bytes > page_end_pa - start_pa)
		return PA_NONE;
	bootmem->packed_pa = start_pa + bytes;
	bootmem->nr_packed++;
	return start_pa;
}

/* First pfn of the lowest run of @nr_pages free pages at a multiple of @align_pages. */
static pfn_t find_run(const struct bootmem *bootmem, uint64_t nr_pages, uint64_t align_pages)
{
	pfn_t pfn = bootmem->start_pfn;

	for (;;) {
		uint64_t end_bit;

		pfn = align_up(bootmem->start_pfn +
			       find_bit(bootmem, pfn - bootmem->start_pfn, window_pages(bootmem),
					false), align_pages);
		if (pfn >= bootmem->end_pfn || nr_pages > bootmem->end_pfn - pfn)
			return PFN_NONE;
		end_bit = find_bit(bootmem, pfn - bootmem->start_pfn,
				   pfn - bootmem->start_pfn + nr_pages, true);
		if (bootmem->start_pfn + end_bit >= pfn + nr_pages)
			return pfn;
		pfn = bootmem->start_pfn + end_bit;
	}
}

uint64_t bootmem_alloc(struct bootmem *bootmem, uint64_t bytes, uint64_t align)
{
	uint64_t nr_pages = bytes_to_pages(bytes);
	uint64_t pa;
	pfn_t pfn;

	ASSERT(!bootmem->is_retired);
	ASSERT(bytes > 0);
	ASSERT(is_power_of_two(align));

	pa = pack(bootmem, bytes, align);
	if (pa != PA_NONE)
		return pa;
	pfn = find_run(bootmem, nr_pages, max_u64(align / PAGE_SIZE, 1));
	if (pfn == PFN_NONE)
		return PA_NONE;
	bootmem->nr_words_searched += words_for_bits(pfn + nr_pages - bootmem->start_pfn);
	bootmem_reserve_range(bootmem, pfn, pfn + nr_pages);
	if (!is_aligned(bytes, PAGE_SIZE))
		bootmem->packed_pa = pfn_to_pa(pfn) + bytes;
	return pfn_to_pa(pfn);
}

uint64_t bootmem_max_runs(const struct bootmem *bootmem)
{
	return bootmem->nr_changes;
}

void bootmem_retire(struct bootmem *bootmem, pfn_t map_pfn, uint64_t nr_map_pages,
		    bootmem_visit *visit, void *arg)
{
	uint64_t nr_bits = window_pages(bootmem);
	bool is_free = false;

	ASSERT(!bootmem->is_retired);

	if (nr_map_pages > 0)
		bootmem_free_range(bootmem, map_pfn, map_pfn + nr_map_pages);
	for (uint64_t bit = 0; bit < nr_bits; is_free = !is_free) {
		uint64_t end_bit = find_bit(bootmem, bit, nr_bits, is_free);

		if (end_bit > bit)
			visit(arg, bootmem->start_pfn + bit, bootmem->start_pfn + end_bit, is_free);
		bit = end_bit;
	}
	bootmem->map = NULL;
	bootmem->nr_free_pages = 0;
	bootmem->is_retired = true;
}

bool bootmem_verify(const struct bootmem *bootmem, struct violation *out)
{
	uint64_t nr_bits = window_pages(bootmem);
	uint64_t nr_zero = 0;
	pfn_t packed_pfn = pa_to_pfn(bootmem->packed_pa);

	REQUIRE("BOOTMEM-1", bootmem->start_pfn, bootmem->start_pfn < bootmem->end_pfn);
	REQUIRE("BOOTMEM-1", bootmem->start_pfn, bootmem->is_retired == (bootmem->map == NULL));
	if (bootmem->is_retired)
		return true;
	for (uint64_t bit = 0; bit < nr_bits; bit++)
		nr_zero += !bitmap_test(bootmem->map, bit);
	REQUIRE("BOOTMEM-2", nr_zero, nr_zero == bootmem->nr_free_pages);
	if (!is_aligned(bootmem->packed_pa, PAGE_SIZE)) {
		REQUIRE("BOOTMEM-3", packed_pfn, is_inside(bootmem, packed_pfn, packed_pfn + 1));
		REQUIRE("BOOTMEM-3", packed_pfn,
			bitmap_test(bootmem->map, packed_pfn - bootmem->start_pfn));
	}
	for (uint64_t bit = nr_bits; bit % BITS_PER_WORD != 0; bit++)
		REQUIRE("BOOTMEM-4", bit, bitmap_test(bootmem->map, bit));
	return true;
}
