/*
 * Lists of memory ranges.
 *
 * Model
 *   Firmware hands out ranges in any order, unaligned, overlapping. A settled
 *   list answers "what is this page?" with at most one answer. It is made in
 *   three steps: align, sort, settle.
 *
 *   Settling sweeps the addresses upward. A heap holds the ranges that have
 *   begun, the one with the highest rank on top; a range that has ended is
 *   thrown out only when it surfaces. Between two edges the top range owns the
 *   addresses. Each step of the sweep ends at the start or at the end of an
 *   input range, so n ranges give at most 2n pieces.
 *
 * Invariants of a settled list
 *   RANGE-1  sorted by start
 *   RANGE-2  no two ranges share an address
 *   RANGE-3  starts and ends are multiples of the page size
 *   RANGE-4  no range is empty
 *   RANGE-5  ranges that touch differ in type, firmware type or attributes
 *
 * Locking
 *   None: the caller owns the arrays.
 */

#include "mm/range.h"

#include "lib/align.h"
#include "lib/sort.h"
#include "lib/string.h"
#include "mm/assert.h"
#include "mm/config.h"

static bool starts_before(const void *a, const void *b, const void *arg)
{
	const struct mem_range *x = a, *y = b;

	(void)arg;
	if (x->start != y->start)
		return x->start < y->start;
	if (x->end != y->end)
		return x->end < y->end;
	return x->type < y->type;
}

void range_sort(struct mem_range *ranges, uint32_t nr_ranges)
{
	sort_items(ranges, nr_ranges, sizeof(*ranges), starts_before, NULL);
}

/* The last page of the address space has no representable end: nothing grows past its start. */
static uint64_t align_end_up(uint64_t end)
{
	const uint64_t highest_end = align_down(UINT64_MAX, PAGE_SIZE);

	return end > highest_end ? highest_end : align_up(end, PAGE_SIZE);
}

static void align_range(struct mem_range *range)
{
	if (range->type == MEM_USABLE) {
		uint64_t start = align_up(range->start, PAGE_SIZE);

		range->end = align_down(range->end, PAGE_SIZE);
		/* Rounding up in the last page wraps to 0: nothing usable is there. */
		range->start = start < range->start ? range->end : start;
	} else {
		range->start = align_down(range->start, PAGE_SIZE);
		range->end = align_end_up(range->end);
	}
}

uint32_t range_align(struct mem_range *ranges, uint32_t nr_ranges)
{
	uint32_t nr_kept = 0;

	for (uint32_t i = 0; i < nr_ranges; i++) {
		struct mem_range range = ranges[i];

		align_range(&range);
		if (range.start < range.end)
			ranges[nr_kept++] = range;
	}
	return nr_kept;
}

/*
 * Which type has an address that several claim: the kernel's before low memory's,
 * whatever is not RAM before both, and usable memory what nobody else does. Among
 * equals the earlier range has it.
 */
static unsigned rank_of(enum mem_type type)
{
	if (type == MEM_USABLE)
		return 0;
	return type == MEM_LOW ? 1 : 2 + (unsigned)type;
}

static bool outranks(const struct mem_range *from, uint32_t a, uint32_t b)
{
	unsigned rank_a = rank_of(from[a].type);
	unsigned rank_b = rank_of(from[b].type);

	return rank_a != rank_b ? rank_a > rank_b : a < b;
}

static void heap_push(const struct mem_range *from, uint32_t *heap, uint32_t nr_heap,
		      uint32_t index)
{
	uint32_t at = nr_heap;

	while (at > 0 && outranks(from, index, heap[(at - 1) / 2])) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = index;
}

/* Removes the top of a heap of @nr_heap entries, which is at least 1. */
static void heap_pop(const struct mem_range *from, uint32_t *heap, uint32_t nr_heap)
{
	uint32_t nr_left = nr_heap - 1;
	uint32_t moved = heap[nr_left];
	uint32_t at = 0;

	for (uint32_t child = 1; child < nr_left; child = 2 * at + 1) {
		if (child + 1 < nr_left && outranks(from, heap[child + 1], heap[child]))
			child++;
		if (outranks(from, moved, heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
}

static bool is_continued_by(const struct mem_range *range, const struct mem_range *next)
{
	return range->end == next->start && range->type == next->type &&
	       range->efi_type == next->efi_type && range->attributes == next->attributes;
}

/* Appends @piece, or lets the last range grow by it. */
static void append_piece(struct mem_range *to, uint32_t *nr_to, struct mem_range piece)
{
	if (*nr_to > 0 && is_continued_by(&to[*nr_to - 1], &piece))
		to[*nr_to - 1].end = piece.end;
	else
		to[(*nr_to)++] = piece;
}

enum status range_settle(const struct mem_range *from, uint32_t nr_from, uint32_t *heap,
			 struct mem_range *to, uint32_t max_to, uint32_t *nr_to)
{
	uint32_t next = 0, nr_heap = 0;
	uint64_t at = 0;

	*nr_to = 0;
	if (max_to / 2 < nr_from)
		return STATUS_TOO_MANY;
	while (next < nr_from || nr_heap > 0) {
		if (nr_heap == 0)
			at = max_u64(at, from[next].start);
		while (next < nr_from && from[next].start <= at)
			heap_push(from, heap, nr_heap++, next++);
		while (nr_heap > 0 && from[heap[0]].end <= at)
			heap_pop(from, heap, nr_heap--);
		if (nr_heap == 0)
			continue;

		struct mem_range piece = from[heap[0]];

		piece.start = at;
		if (next < nr_from)
			piece.end = min_u64(piece.end, from[next].start);
		append_piece(to, nr_to, piece);
		at = piece.end;
	}
	return STATUS_OK;
}

/* True when @range has the type and shares an address with [@start, @end). */
static bool is_retyped(const struct mem_range *range, uint64_t start, uint64_t end,
		       enum mem_type from)
{
	return range->type == from && range->start < end && range->end > start;
}

/* How many ranges more there will be: one per edge inside a range that is retyped. */
static uint32_t count_splits(const struct mem_range *ranges, uint32_t nr_ranges, uint64_t start,
			     uint64_t end, enum mem_type from)
{
	uint32_t nr_splits = 0;

	for (uint32_t i = 0; i < nr_ranges; i++) {
		if (!is_retyped(&ranges[i], start, end, from))
			continue;
		nr_splits += ranges[i].start < start;
		nr_splits += ranges[i].end > end;
	}
	return nr_splits;
}

/* Splits ranges[@index] at @at, which is inside it. There is room for one more. */
static void split_range(struct mem_range *ranges, uint32_t *nr_ranges, uint32_t index, uint64_t at)
{
	memmove(&ranges[index + 1], &ranges[index], (*nr_ranges - index) * sizeof(*ranges));
	(*nr_ranges)++;
	ranges[index].end = at;
	ranges[index + 1].start = at;
}

enum status range_retype(struct mem_range *ranges, uint32_t *nr_ranges, uint32_t max_ranges,
			 uint64_t start, uint64_t end, enum mem_type from, enum mem_type to)
{
	ASSERT(from != to);
	if (start >= end)
		return STATUS_OK;
	if (count_splits(ranges, *nr_ranges, start, end, from) > max_ranges - *nr_ranges)
		return STATUS_TOO_MANY;
	for (uint32_t i = 0; i < *nr_ranges; i++) {
		if (!is_retyped(&ranges[i], start, end, from))
			continue;
		if (ranges[i].start < start) {
			split_range(ranges, nr_ranges, i, start);
			continue;	/* the upper part comes next */
		}
		if (ranges[i].end > end)
			split_range(ranges, nr_ranges, i, end);
		ranges[i].type = to;
	}
	return STATUS_OK;
}

uint32_t range_merge(struct mem_range *ranges, uint32_t nr_ranges)
{
	uint32_t nr_merged = 0;

	for (uint32_t i = 0; i < nr_ranges; i++)
		append_piece(ranges, &nr_merged, ranges[i]);
	return nr_merged;
}

uint64_t range_bytes_in(const struct mem_range *ranges, uint32_t nr_ranges, enum mem_type type,
			uint64_t start, uint64_t end)
{
	uint64_t sum_bytes = 0;

	for (uint32_t i = 0; i < nr_ranges; i++) {
		uint64_t part_start = max_u64(ranges[i].start, start);
		uint64_t part_end = min_u64(ranges[i].end, end);

		if (ranges[i].type == type && part_start < part_end)
			sum_bytes += part_end - part_start;
	}
	return sum_bytes;
}

uint64_t range_bytes_of(const struct mem_range *ranges, uint32_t nr_ranges, enum mem_type type)
{
	return range_bytes_in(ranges, nr_ranges, type, 0, UINT64_MAX);
}

bool range_verify(const struct mem_range *ranges, uint32_t nr_ranges, struct violation *out)
{
	for (uint32_t i = 0; i < nr_ranges; i++) {
		const struct mem_range *range = &ranges[i];

		REQUIRE("RANGE-3", i, is_aligned(range->start, PAGE_SIZE));
		REQUIRE("RANGE-3", i, is_aligned(range->end, PAGE_SIZE));
		REQUIRE("RANGE-4", i, range->start < range->end);
		if (i == 0)
			continue;
		REQUIRE("RANGE-1", i, range[-1].start < range->start);
		REQUIRE("RANGE-2", i, range[-1].end <= range->start);
		REQUIRE("RANGE-5", i, !is_continued_by(&range[-1], range));
	}
	return true;
}

const char *mem_type_name(enum mem_type type)
{
	switch (type) {
	case MEM_USABLE: return "usable";
	case MEM_KERNEL: return "kernel";
	case MEM_ACPI_RECLAIM: return "ACPI reclaim";
	case MEM_ACPI_NVS: return "ACPI NVS";
	case MEM_RUNTIME_CODE: return "runtime code";
	case MEM_RUNTIME_DATA: return "runtime data";
	case MEM_LOW: return "low memory";
	case MEM_NOT_CACHED: return "not cached";
	case MEM_SOFT_RESERVED: return "soft reserved";
	case MEM_PERSISTENT: return "persistent";
	case MEM_UNACCEPTED: return "unaccepted";
	case MEM_MMIO: return "MMIO";
	case MEM_RESERVED: return "reserved";
	case MEM_UNUSABLE: return "unusable";
	case MEM_UNKNOWN: return "unknown type";
	case NR_MEM_TYPES: break;
	}
	return "no type";
}
