/*
 * What a page is for, told from its struct page while everybody goes on.
 *
 * Model
 *   A block's first page speaks for it (mm/page/page.c). Who goes from block to block
 *   reads one struct page each; from the middle of a block the first page is looked
 *   for. What is no block's is memory whose mem_map is not up, or that a zone has
 *   not grown into yet, or what boot took.
 *
 * Promises
 *   - the answer's length is at least 1 and ends with the block, whatever is read
 *
 * Locking
 *   None, on purpose: single reads of one word. The picture may be a moment old.
 */

#include "mm/page_use.h"

#include "lib/align.h"
#include "mm/live.h"
#include "mm/page/page_state.h"
#include "mm/page/section.h"

#define MEDIUM_ORDER 3u

static enum page_use use_of_free(unsigned order)
{
	if (order >= PAGEBLOCK_ORDER)
		return USE_FREE_LARGE;
	return order >= MEDIUM_ORDER ? USE_FREE_MEDIUM : USE_FREE_SMALL;
}

static enum page_use use_of_type(enum page_type type, unsigned order)
{
	switch (type) {
	case PAGE_RESERVED:
		return USE_MEM_MAP;
	case PAGE_FREE:
		return use_of_free(order);
	case PAGE_CACHED:
	case PAGE_CACHED_LARGE:
		return USE_STACKS;
	case PAGE_MOVABLE:
		return USE_MOVABLE;
	case PAGE_LARGE:
		return USE_LARGE;
	case PAGE_SLAB:
		return USE_SLAB;
	case PAGE_TABLE:
		return USE_TABLES;
	case PAGE_VMALLOC:
	case PAGE_PERCPU:		/* behind an area, too */
		return USE_VMALLOC;
	case PAGE_OFFLINE:
		return USE_OFFLINE;
	case PAGE_HOLE:
		return USE_KERNEL;
	case PAGE_USER:
	case PAGE_HEAD:
	case PAGE_TAIL:
	case NR_PAGE_TYPES:
		break;
	}
	return USE_USER;
}

static bool will_get(const struct zone *zone, pfn_t pfn)
{
	uint32_t at = __atomic_load_n(&zone->grow_span, __ATOMIC_RELAXED);

	for (uint32_t i = at; i < zone->nr_spans; i++)
		if (pfn >= zone->spans[i].start_pfn && pfn < zone->spans[i].end_pfn)
			return i > at || pfn >= __atomic_load_n(&zone->grow_pfn, __ATOMIC_RELAXED);
	return false;
}

/* Whether a zone will get @pfn, later. */
static bool is_pending(pfn_t pfn)
{
	for_each_populated_zone(zone)
		if (will_get(zone, pfn))
			return true;
	return false;
}

static uint64_t pages_to_boundary(pfn_t pfn, uint64_t alignment)
{
	return align_up(pfn + 1, alignment) - pfn;
}

uint64_t mm_page_use(pfn_t pfn, enum page_use *use)
{
	const struct page *page = pfn_to_page(pfn);
	struct page seen;
	pfn_t end_pfn;

	if (!section_is_up(pfn)) {
		*use = is_pending(pfn) ? USE_FREE_PENDING : USE_KERNEL;
		return pages_to_boundary(pfn, PAGEBLOCK_PAGES);
	}
	seen.state = page_state(page);
	if (seen.type == PAGE_HOLE || seen.type == PAGE_TAIL) {
		page = page_block_of(pfn);
		seen.state = page_state(page);
	}
	*use = use_of_type((enum page_type)seen.type, seen.order);
	end_pfn = page_to_pfn(page) + pages_in(seen.order <= MAX_ORDER ? seen.order : 0);
	if (seen.type == PAGE_HOLE && is_pending(pfn))
		*use = USE_FREE_PENDING;
	/* A block that changed since is not taken at its word beyond the page asked for. */
	return seen.type != PAGE_HOLE && seen.type != PAGE_TAIL && end_pfn > pfn ? end_pfn - pfn
										 : 1;
}
