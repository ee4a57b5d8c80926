/*
 * Which node a piece of RAM belongs to.
 *
 * Model
 *   Three sweeps over sorted arrays, none of them quadratic:
 *
 *   Conflicts. For each affinity range in order of start, the only earlier
 *   ranges that matter are the one that reaches furthest, and the one that
 *   reaches furthest among those of another domain than that one. What the range
 *   shares with the furthest of another domain is claimed twice. That is an
 *   error only where there is RAM.
 *
 *   Labels. Going through RAM upward, the furthest-reaching range that has begun
 *   covers an address if any range does; where no two domains claim the same
 *   RAM, its domain is the answer. A page that several ranges share belongs to
 *   the range that has its first byte.
 *
 *   Orphans. RAM in no range, up to UNCOVERED_BYTES_MAX of it, joins the
 *   neighbour that is nearer by address; more of it refuses the SRAT.
 *
 *   Shreds. RAM that changes nodes SHREDS_MIN times or more, on average within
 *   SHRED_BYTES_MAX, refuses it too.
 *
 * Locking
 *   None: works on the builder of one CPU.
 */

#include "mm/topology/build.h"

#include "lib/align.h"
#include "mm/range.h"

#define UNCOVERED_BYTES_MAX	(1ull << 20)

/* A section's mem_map, 2 MiB in one piece, and what boot takes must fit beside pages to use. */
#define SHREDS_MIN		64u
#define SHRED_BYTES_MAX		(16ull << 20)

/* ---- Conflicts ---- */

/* Index of the first range of the map that ends behind @at. */
static uint32_t first_range_behind(const struct boot_info *info, uint64_t at)
{
	uint32_t start = 0, end = info->nr_ranges;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (info->ranges[middle].end <= at)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

/* Finds RAM in [@start, @end) and tells its first stretch. */
static bool find_ram(const struct boot_info *info, uint64_t start, uint64_t end,
		     struct mem_range *found)
{
	for (uint32_t i = first_range_behind(info, start); i < info->nr_ranges; i++) {
		if (info->ranges[i].start >= end)
			return false;
		if (!mem_type_is_ram(info->ranges[i].type))
			continue;
		*found = info->ranges[i];
		found->start = max_u64(found->start, start);
		found->end = min_u64(found->end, end);
		return true;
	}
	return false;
}

/* The furthest-reaching range so far, and the furthest of any other domain than its. */
struct reach {
	uint64_t end, other_end;
	uint32_t domain, other_domain;
};

static void extend_reach(struct reach *reach, const struct affinity_range *range)
{
	if (range->domain == reach->domain) {
		reach->end = max_u64(reach->end, range->end);
	} else if (range->end > reach->end) {
		reach->other_end = reach->end;
		reach->other_domain = reach->domain;
		reach->end = range->end;
		reach->domain = range->domain;
	} else if (range->end > reach->other_end) {
		reach->other_end = range->end;
		reach->other_domain = range->domain;
	}
}

/* True when RAM is claimed by two domains; the topology then tells which. */
static bool find_conflict(struct topology *topology, const struct boot_info *info)
{
	struct reach reach = { 0, 0, 0, 0 };

	for (uint32_t i = 0; i < info->nr_affinity; i++) {
		const struct affinity_range *range = &info->affinity[i];
		bool is_other = range->domain != reach.domain;
		uint64_t end = min_u64(range->end, is_other ? reach.end : reach.other_end);

		if (end > range->start && find_ram(info, range->start, end, &topology->conflict)) {
			topology->conflict_domains[0] =
				is_other ? reach.domain : reach.other_domain;
			topology->conflict_domains[1] = range->domain;
			return true;
		}
		extend_reach(&reach, range);
	}
	return false;
}

/* ---- Labels ---- */

/* The labelling sweep's place in the affinity ranges. */
struct cover {
	const struct affinity_range *furthest;	/* that has begun; NULL: none */
	uint32_t next;
};

static void advance_cover(struct cover *cover, const struct boot_info *info, uint64_t at)
{
	while (cover->next < info->nr_affinity &&
	       align_down(info->affinity[cover->next].start, PAGE_SIZE) <= at) {
		const struct affinity_range *range = &info->affinity[cover->next++];

		if (!cover->furthest || range->end > cover->furthest->end)
			cover->furthest = range;
	}
}

/* Where what is at @at changes: the end of its label, or the beginning of the next. */
static uint64_t label_end(const struct cover *cover, const struct boot_info *info, uint64_t at,
			  uint64_t end)
{
	if (cover->furthest && cover->furthest->end > at) {
		uint64_t last_page = align_down(cover->furthest->end - 1, PAGE_SIZE);

		return last_page < end ? last_page + PAGE_SIZE : end;
	}
	if (cover->next < info->nr_affinity)
		return min_u64(end, align_down(info->affinity[cover->next].start, PAGE_SIZE));
	return end;
}

static void label_range(struct builder *builder, struct cover *cover, const struct mem_range *range)
{
	const struct boot_info *info = builder->info;
	uint64_t at = range->start;

	while (at < range->end) {
		struct ram_piece piece = { .start = at, .nid = NID_NONE,
					   .is_usable = range->type == MEM_USABLE };

		advance_cover(cover, info, at);
		piece.end = label_end(cover, info, at, range->end);
		if (cover->furthest && cover->furthest->end > at)
			piece.nid = builder_nid_of_domain(builder, cover->furthest->domain);
		builder->pieces[builder->nr_pieces++] = piece;
		at = piece.end;
	}
}

static void label_ram(struct builder *builder)
{
	const struct boot_info *info = builder->info;
	struct cover cover = { NULL, 0 };

	builder->nr_pieces = 0;
	for (uint32_t i = 0; i < info->nr_ranges; i++)
		if (mem_type_is_ram(info->ranges[i].type))
			label_range(builder, &cover, &info->ranges[i]);
}

static uint64_t count_uncovered(const struct builder *builder)
{
	uint64_t sum_bytes = 0;

	for (uint32_t i = 0; i < builder->nr_pieces; i++)
		if (builder->pieces[i].nid == NID_NONE)
			sum_bytes += builder->pieces[i].end - builder->pieces[i].start;
	return sum_bytes;
}

/*
 * Gives each stretch of orphans to the labelled neighbour that is nearer, the
 * lower one when both are as near. At least one piece has a label.
 */
static void adopt_orphans(struct builder *builder)
{
	struct ram_piece *pieces = builder->pieces;
	uint32_t lower = builder->nr_pieces;	/* none yet */

	for (uint32_t i = 0, next = 0; i < builder->nr_pieces; i++) {
		if (pieces[i].nid != NID_NONE) {
			lower = i;
			continue;
		}
		for (next = i > next ? i : next; next < builder->nr_pieces; next++)
			if (pieces[next].nid != NID_NONE)
				break;

		bool has_lower = lower < builder->nr_pieces;
		bool has_upper = next < builder->nr_pieces;

		if (has_lower && (!has_upper || pieces[i].start - pieces[lower].end <=
						pieces[next].start - pieces[i].end))
			pieces[i].nid = pieces[lower].nid;
		else if (has_upper)
			pieces[i].nid = pieces[next].nid;
	}
}

/*
 * Who numbers RAM by interleaving rather than by place: no zone of such a node has room
 * for what describes a section of it. No machine with sockets, dies or expanders is so.
 */
static bool is_shredded(const struct builder *builder, uint64_t ram_bytes)
{
	uint64_t nr_changes = 0;

	for (uint32_t i = 1; i < builder->nr_pieces; i++)
		nr_changes += builder->pieces[i].nid != builder->pieces[i - 1].nid;
	return nr_changes >= SHREDS_MIN && ram_bytes / (nr_changes + 1) < SHRED_BYTES_MAX;
}

enum srat_verdict label_by_srat(struct builder *builder)
{
	struct topology *topology = builder->topology;
	uint64_t ram_bytes = 0;

	if (find_conflict(topology, builder->info))
		return SRAT_OVERLAP;
	label_ram(builder);
	topology->uncovered_bytes = count_uncovered(builder);
	for (uint32_t i = 0; i < builder->nr_pieces; i++)
		ram_bytes += builder->pieces[i].end - builder->pieces[i].start;
	if (topology->uncovered_bytes > UNCOVERED_BYTES_MAX ||
	    topology->uncovered_bytes == ram_bytes)
		return SRAT_UNCOVERED;
	adopt_orphans(builder);
	return is_shredded(builder, ram_bytes) ? SRAT_SHREDDED : SRAT_USED;
}
