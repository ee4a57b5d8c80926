/*
 * Isolation: taking pageblocks out of circulation, and putting them back.
 *
 * Model
 *   An isolated pageblock has the type MIGRATE_ISOLATE. No request names that
 *   type, none steals from it and no per-CPU stack has it: free pages stay on
 *   the Isolate lists, and what its users free comes there, past the stacks.
 *   What it was before is kept by the caller.
 *
 *   Pages that rested on stacks when the block was isolated are still in
 *   circulation. This CPU gives its own back at once; the others are asked, and
 *   whoever needs the pages waits for them (mm/page/contig.c).
 *
 * Promises
 *   - free pages of an isolated pageblock are on no list but its own, in blocks
 *     that do not reach into one of another kind (BUDDY-3, BUDDY-5)
 *   - isolating and putting back changes neither a zone's number of free pages
 *     nor any pageblock's type
 *   Those set apart are counted as mm/page/pageblock.c says, PAGEBLOCK-1 to PAGEBLOCK-3.
 *
 * Locking
 *   zone->lock is taken for one pageblock at a time; grow_lock to look at spans.
 */

#include "mm/page/isolate.h"

#include "lib/align.h"
#include "mm/page_alloc.h"
#include "mm/page/pageblock.h"

#define TYPE_MASK	((1ull << BITS_PER_TYPE) - 1)

_Static_assert(MIGRATE_HIGHATOMIC <= TYPE_MASK, "a type that can be isolated fits");

enum migratetype pageblock_types_get(const struct pageblock_types *types, uint64_t index)
{
	uint64_t word = types->words[index / TYPES_PER_WORD];

	return (enum migratetype)((word >> (index % TYPES_PER_WORD * BITS_PER_TYPE)) & TYPE_MASK);
}

void pageblock_types_set(struct pageblock_types *types, uint64_t index,
			 enum migratetype migratetype)
{
	uint64_t *word = &types->words[index / TYPES_PER_WORD];
	unsigned shift = (unsigned)(index % TYPES_PER_WORD * BITS_PER_TYPE);

	*word = (*word & ~(TYPE_MASK << shift)) | ((uint64_t)migratetype << shift);
}

static bool isolate_one(struct zone *zone, pfn_t pfn, enum migratetype *old)
{
	struct page *page = zone->mem_map + pfn;
	bool is_isolated = false;

	if (!pageblock_is_owned(zone, pfn))
		return false;
	spin_lock(&zone->lock);
	*old = pageblock_migratetype(page);
	if (*old != MIGRATE_ISOLATE) {
		pageblock_retype(zone, page, MIGRATE_ISOLATE);
		is_isolated = true;
	}
	spin_unlock(&zone->lock);
	return is_isolated;
}

bool isolate_pageblocks(struct zone *zone, pfn_t start_pfn, pfn_t end_pfn,
			struct pageblock_types *types)
{
	ASSERT(is_aligned(start_pfn, PAGEBLOCK_PAGES));
	ASSERT(is_aligned(end_pfn, PAGEBLOCK_PAGES));

	if ((end_pfn - start_pfn) / PAGEBLOCK_PAGES > MAX_ISOLATED_PAGEBLOCKS)
		return false;
	for (pfn_t pfn = start_pfn; pfn < end_pfn; pfn += PAGEBLOCK_PAGES) {
		enum migratetype old;

		if (!isolate_one(zone, pfn, &old)) {
			unisolate_pageblocks(zone, start_pfn, pfn, types);
			return false;
		}
		pageblock_types_set(types, (pfn - start_pfn) / PAGEBLOCK_PAGES, old);
	}
	drain_all_pages();
	return true;
}

void unisolate_pageblocks(struct zone *zone, pfn_t start_pfn, pfn_t end_pfn,
			  const struct pageblock_types *types)
{
	for (pfn_t pfn = start_pfn; pfn < end_pfn; pfn += PAGEBLOCK_PAGES) {
		struct page *page = zone->mem_map + pfn;

		ASSERT(pageblock_migratetype(page) == MIGRATE_ISOLATE);
		spin_lock(&zone->lock);
		pageblock_retype(zone, page,
				 pageblock_types_get(types, (pfn - start_pfn) / PAGEBLOCK_PAGES));
		spin_unlock(&zone->lock);
	}
}

uint64_t zone_isolated_free_pages(struct zone *zone)
{
	uint64_t nr_pages = 0;

	spin_lock(&zone->lock);
	for (unsigned order = 0; order < NR_ORDERS; order++)
		list_for_each(node, &zone->free_area[order].free_list[MIGRATE_ISOLATE])
			nr_pages += pages_in(order);
	spin_unlock(&zone->lock);
	return nr_pages;
}
