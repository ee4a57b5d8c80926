/*
 * A zone counted: its pages by type, walked over mem_map, and its rules.
 *
 * Invariants, for a quiet zone
 *   ZONE-1  spans are sorted, disjoint, inside [start_pfn, end_pfn); the growing
 *       point lies in a span or after the last
 *   ZONE-2  nr_pending_pages is the length of the spans from the growing point on
 *   ZONE-3  min <= low <= high
 *   ZONE-4  managed + metadata <= present <= spanned
 *   ZONE-5  of the pages that are up, each is the first page of a block, in one, or
 *       reserved: blocks neither overlap nor leave gaps
 *   ZONE-6  by the walk: managed = pending + free + cached + allocated
 *   ZONE-7  the counters of typed pages and of free pages equal the walk; that of
 *       PAGE_LARGE counts blocks at rest too
 *
 * Locking
 *   None: the zone is quiet.
 */

#include "mm/page/zone.h"

#include "lib/align.h"
#include "mm/page/page_state.h"

static bool count_span(const struct zone *zone, pfn_t pfn, pfn_t end_pfn,
		       struct zone_census *census, struct violation *out)
{
	while (pfn < end_pfn) {
		struct page head = { .state = page_state(zone->mem_map + pfn) };

		REQUIRE("ZONE-5", pfn, head.type > PAGE_HOLE);
		REQUIRE("ZONE-5", pfn, head.type < PAGE_TAIL);
		REQUIRE("ZONE-5", pfn, head.zone_index == zone->index);
		REQUIRE("ZONE-5", pfn, head.order <= MAX_ORDER);
		REQUIRE("ZONE-5", pfn, is_aligned(pfn, pages_in(head.order)));
		if (head.type >= PAGE_USER && !page_verify_block(zone->mem_map + pfn, pfn, out))
			return false;
		census->nr_pages[head.type] += pages_in(head.order);
		pfn += pages_in(head.order);
		REQUIRE("ZONE-5", pfn, pfn <= end_pfn);
	}
	return true;
}

bool zone_count(const struct zone *zone, struct zone_census *census, struct violation *out)
{
	assume_unshared(&zone->grow_lock);
	*census = (struct zone_census){ { 0 } };
	for (uint32_t i = 0; i < zone->nr_spans && i <= zone->grow_span; i++) {
		const struct pfn_span *span = &zone->spans[i];
		pfn_t end_pfn = i == zone->grow_span ? zone->grow_pfn : span->end_pfn;

		if (!count_span(zone, span->start_pfn, end_pfn, census, out))
			return false;
	}
	return true;
}

static bool verify_spans(const struct zone *zone, struct violation *out)
{
	uint64_t nr_pending = 0;
	pfn_t previous_end = zone->start_pfn;

	assume_unshared(&zone->lock);
	assume_unshared(&zone->grow_lock);
	for (uint32_t i = 0; i < zone->nr_spans; i++) {
		const struct pfn_span *span = &zone->spans[i];

		REQUIRE("ZONE-1", span->start_pfn, span->start_pfn >= previous_end);
		/* A seam inside a block would make it cross two spans. */
		REQUIRE("ZONE-1", span->start_pfn, i == 0 || span->start_pfn > previous_end);
		REQUIRE("ZONE-1", span->start_pfn, span->start_pfn < span->end_pfn);
		REQUIRE("ZONE-1", span->end_pfn, span->end_pfn <= zone->end_pfn);
		previous_end = span->end_pfn;
		if (i == zone->grow_span) {
			REQUIRE("ZONE-1", zone->grow_pfn, zone->grow_pfn >= span->start_pfn);
			REQUIRE("ZONE-1", zone->grow_pfn, zone->grow_pfn < span->end_pfn);
			nr_pending += span->end_pfn - zone->grow_pfn;
		} else if (i > zone->grow_span) {
			nr_pending += span->end_pfn - span->start_pfn;
		}
	}
	REQUIRE("ZONE-1", zone->grow_span, zone->grow_span <= zone->nr_spans);
	REQUIRE("ZONE-2", nr_pending, nr_pending == zone->nr_pending_pages);
	return true;
}

static bool verify_marks(const struct zone *zone, struct violation *out)
{
	REQUIRE("ZONE-3", zone->index,
		zone->watermark[WATERMARK_MIN] <= zone->watermark[WATERMARK_LOW]);
	REQUIRE("ZONE-3", zone->index,
		zone->watermark[WATERMARK_LOW] <= zone->watermark[WATERMARK_HIGH]);
	REQUIRE("ZONE-4", zone->index,
		zone->managed_pages + zone->nr_metadata_pages <= zone->present_pages);
	REQUIRE("ZONE-4", zone->index, zone->present_pages <= zone->end_pfn - zone->start_pfn);
	return true;
}

bool zone_verify(const struct zone *zone, struct violation *out)
{
	struct zone_census census;
	uint64_t nr_managed;

	assume_unshared(&zone->lock);
	nr_managed = zone->nr_pending_pages;
	if (!verify_spans(zone, out) || !verify_marks(zone, out) ||
	    !zone_count(zone, &census, out))
		return false;
	for (unsigned type = PAGE_FREE; type < PAGE_TAIL; type++)
		nr_managed += census.nr_pages[type];
	REQUIRE("ZONE-6", nr_managed, nr_managed == zone->managed_pages);
	REQUIRE("ZONE-7", census.nr_pages[PAGE_FREE],
		census.nr_pages[PAGE_FREE] == zone->nr_free_pages);
	census.nr_pages[PAGE_LARGE] += census.nr_pages[PAGE_CACHED_LARGE];
	for (unsigned type = PAGE_LARGE; type < PAGE_TAIL; type++)
		REQUIRE("ZONE-7", type, census.nr_pages[type] == zone->nr_type_pages[type]);
	return true;
}
