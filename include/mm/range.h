#ifndef MM_RANGE_H
#define MM_RANGE_H

/*
 * Lists of struct mem_range: from what firmware says, in any order and
 * overlapping, to a sorted list of disjoint, page-aligned ranges.
 *
 * Nothing here allocates or logs. Every list is {array, length}; functions
 * that can lengthen one take its capacity and say so when it is too small.
 */

#include "boot_info.h"
#include "lib/compiler.h"
#include "status.h"

/* Sorts by start, then end. In place, O(n log n), no recursion. */
void range_sort(struct mem_range *ranges, uint32_t nr_ranges);

/*
 * Aligns every range to pages: what the allocator may get shrinks, all else
 * grows. Ranges left empty are removed. Returns the new length.
 */
uint32_t range_align(struct mem_range *ranges, uint32_t nr_ranges);

/*
 * Settles overlaps of sorted @from into @to: where several ranges claim an
 * address, the type with the highest rank has it: anything wins over usable
 * memory, the kernel over low memory. Neighbours that agree in everything are
 * merged. @heap is scratch of @nr_from entries.
 *
 * @to needs room for 2 * @nr_from ranges: STATUS_TOO_MANY when @max_to is less.
 * O(n log n).
 */
enum status range_settle(const struct mem_range *from, uint32_t nr_from, uint32_t *heap,
			 struct mem_range *to, uint32_t max_to, uint32_t *nr_to) MUST_CHECK;

/*
 * Changes what is of type @from inside [@start, @end) to @to, splitting ranges
 * at the edges: the list grows by up to 2. STATUS_TOO_MANY when it would grow
 * past @max_ranges; then nothing is changed. The list is sorted and disjoint.
 */
enum status range_retype(struct mem_range *ranges, uint32_t *nr_ranges, uint32_t max_ranges,
			 uint64_t start, uint64_t end, enum mem_type from,
			 enum mem_type to) MUST_CHECK;

/* Merges neighbours that agree in everything. Returns the new length. */
uint32_t range_merge(struct mem_range *ranges, uint32_t nr_ranges);

/* RAM for sure, whoever holds it: what SRAT must label. */
static inline bool mem_type_is_ram(enum mem_type type)
{
	return type == MEM_USABLE || type == MEM_KERNEL || type == MEM_LOW;
}

/* Sum of the lengths of what has type @type. */
uint64_t range_bytes_of(const struct mem_range *ranges, uint32_t nr_ranges, enum mem_type type);

/* The same of what lies in [@start, @end) alone. */
uint64_t range_bytes_in(const struct mem_range *ranges, uint32_t nr_ranges, enum mem_type type,
			uint64_t start, uint64_t end);

struct violation;

/*
 * Checks the rules of mm/topology/range.c (RANGE-1 sorted, RANGE-2 disjoint, RANGE-3
 * aligned, RANGE-4 not empty, RANGE-5 merged) for a settled list.
 */
bool range_verify(const struct mem_range *ranges, uint32_t nr_ranges, struct violation *out);

#endif
