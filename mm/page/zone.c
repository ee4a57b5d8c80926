/*
 * Zones: memory of one node that serves the same devices and purposes.
 *
 * Model
 *   A node's memory is cut at 16 MiB and 4 GiB into DMA, DMA32 and NORMAL; what
 *   the user sets apart for movable pages, from the top, is MOVABLE. Present
 *   pages are RAM; managed ones are those that boot and mem_map left for
 *   allocation. Managed memory is handed to the buddy allocator piece by piece,
 *   in the order of addresses: `spans` is all of it, (grow_span, grow_pfn) where
 *   the next piece begins.
 *
 *   Watermarks are what a zone keeps back: below low kswapd wakes, below min
 *   only privileged requests are served. The lowmem reserve keeps low zones from
 *   being eaten by requests that could have gone higher.
 *
 *   The rules of a zone stand in mm/page/census.c, which checks them.
 *
 * Locking
 *   zone->lock as listed in mm/page/zone.h. grow_lock serialises growing; it is taken
 *   before zone->lock.
 */

#include "mm/page/zone.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page/page_state.h"

/* Linux's percentages: low is 125 % of min, high 150 %. */
#define LOW_MARK_QUARTERS	5u
#define HIGH_MARK_QUARTERS	6u

/* Linux's bounds of min_free_kbytes, in pages: 128 KiB, 256 MiB. */
#define MIN_FREE_PAGES		32u
#define MAX_FREE_PAGES		65536u

/* Linux's min watermark of a zone that holds nothing for the kernel. */
#define MOVABLE_MIN_SHIFT	10
#define MOVABLE_MIN_MARK	32u
#define MOVABLE_MAX_MARK	128u

/* lowmem_reserve is the memory above divided by this (Linux's sysctl defaults). */
static const uint16_t lowmem_reserve_ratio[MAX_NR_ZONES] = {
	[ZONE_DMA] = 256, [ZONE_DMA32] = 256, [ZONE_NORMAL] = 32, [ZONE_MOVABLE] = 1,
};

const char *zone_type_name(enum zone_type type)
{
	switch (type) {
	case ZONE_DMA:
		return "DMA";
	case ZONE_DMA32:
		return "DMA32";
	case ZONE_NORMAL:
		return "Normal";
	case ZONE_MOVABLE:
		return "Movable";
	case MAX_NR_ZONES:
		break;
	}
	return "?";
}

const char *migratetype_name(enum migratetype migratetype)
{
	switch (migratetype) {
	case MIGRATE_UNMOVABLE:
		return "Unmovable";
	case MIGRATE_MOVABLE:
		return "Movable";
	case MIGRATE_RECLAIMABLE:
		return "Reclaimable";
	case MIGRATE_HIGHATOMIC:
		return "HighAtomic";
	case MIGRATE_ISOLATE:
		return "Isolate";
	case MIGRATE_TYPES:
		break;
	}
	return "?";
}

enum zone_type zone_type_of_pfn(pfn_t pfn)
{
	if (pfn < ZONE_DMA_END_PFN)
		return ZONE_DMA;
	return pfn < ZONE_DMA32_END_PFN ? ZONE_DMA32 : ZONE_NORMAL;
}

struct pfn_span node_zone_limits(const struct pglist_data *node, enum zone_type type)
{
	static const struct pfn_span limits[ZONE_MOVABLE] = {
		[ZONE_DMA] = { 0, ZONE_DMA_END_PFN },
		[ZONE_DMA32] = { ZONE_DMA_END_PFN, ZONE_DMA32_END_PFN },
		[ZONE_NORMAL] = { ZONE_DMA32_END_PFN, PFN_NONE },
	};

	if (type == ZONE_MOVABLE)
		return (struct pfn_span){ node->movable_start_pfn, PFN_NONE };
	return span_intersect(limits[type], (struct pfn_span){ 0, node->movable_start_pfn });
}

void zone_init(struct zone *zone, struct pglist_data *node, enum zone_type type,
	       struct page *mem_map)
{
	*zone = (struct zone){
		.node = node,
		.name = zone_type_name(type),
		.type = type,
		.index = (uint16_t)(node->node_id * MAX_NR_ZONES + type),
		.mem_map = mem_map,
	};
	for (unsigned order = 0; order < NR_ORDERS; order++)
		for (unsigned list = 0; list < MIGRATE_TYPES; list++)
			list_init(&zone->free_area[order].free_list[list]);
}

/* ---- Watermarks ---- */

static uint64_t square_root(uint64_t value)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1)
		if ((root | bit) * (root | bit) <= value)
			root |= bit;
	return root;
}

uint64_t min_free_pages_for(uint64_t managed_pages)
{
	uint64_t kib = managed_pages * (PAGE_SIZE / 1024);
	uint64_t nr_pages = 4 * square_root(kib) / (PAGE_SIZE / 1024);

	return min_u64(max_u64(nr_pages, MIN_FREE_PAGES), MAX_FREE_PAGES);
}

void zone_set_watermarks(struct zone *zone, uint64_t min_free_pages, uint64_t total_pages)
{
	uint64_t min_pages = total_pages ? min_free_pages * zone->managed_pages / total_pages : 0;

	if (zone->type == ZONE_MOVABLE)
		min_pages = min_u64(max_u64(zone->managed_pages >> MOVABLE_MIN_SHIFT,
					    MOVABLE_MIN_MARK), MOVABLE_MAX_MARK);
	zone->watermark[WATERMARK_MIN] = min_pages;
	zone->watermark[WATERMARK_LOW] = min_pages * LOW_MARK_QUARTERS / 4;
	zone->watermark[WATERMARK_HIGH] = min_pages * HIGH_MARK_QUARTERS / 4;
}

void node_set_lowmem_reserve(struct pglist_data *node)
{
	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &node->node_zones[type];
		uint64_t above_pages = 0;

		for (unsigned highest = type + 1; highest < MAX_NR_ZONES; highest++) {
			above_pages += node->node_zones[highest].managed_pages;
			zone->lowmem_reserve[highest] = zone_is_populated(zone) ?
				above_pages / lowmem_reserve_ratio[type] : 0;
		}
		zone->plenty_pages = zone->watermark[WATERMARK_LOW] +
				     zone->lowmem_reserve[MAX_NR_ZONES - 1];
	}
}

bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark_pages,
		       enum zone_type highest)
{
	return zone_free_pages(zone) >= mark_pages + zone->lowmem_reserve[highest] +
					pages_in(order);
}

/* ---- Spans ---- */

bool zone_has_up(const struct zone *zone, pfn_t pfn)
{
	for (uint32_t i = 0; i < zone->nr_spans && i <= zone->grow_span; i++) {
		const struct pfn_span *span = &zone->spans[i];
		pfn_t end_pfn = i == zone->grow_span ? zone->grow_pfn : span->end_pfn;

		if (pfn >= span->start_pfn && pfn < end_pfn)
			return true;
	}
	return false;
}

bool zone_has_all_up(const struct zone *zone, pfn_t start_pfn, pfn_t end_pfn)
{
	const struct pfn_span wanted = { start_pfn, end_pfn };
	uint64_t nr_pages = 0;

	for (uint32_t i = 0; i < zone->nr_spans && i <= zone->grow_span; i++) {
		struct pfn_span span = zone->spans[i];

		if (i == zone->grow_span)
			span.end_pfn = zone->grow_pfn;
		if (span.start_pfn < span.end_pfn)
			nr_pages += span_pages(span_intersect(span, wanted));
	}
	return nr_pages == end_pfn - start_pfn;
}
