#ifndef MM_CONTIG_H
#define MM_CONTIG_H

/*
 * Contiguous pages beyond MAX_ORDER, or at a given place: what is movable there
 * is moved away. See mm/page/contig.c.
 *
 * Context (mm/context.h): threads. Owners' callbacks are called. Slow: at least a few
 * hundred instructions a page.
 */

#include "mm/gfp.h"
#include "mm/page.h"

/* No range is longer: 8 GiB. */
#define CONTIG_MAX_PAGES	((uint64_t)1 << (33 - PAGE_SHIFT))

/*
 * Allocates the pages [@start_pfn, @end_pfn), each as a single page with
 * reference 1. On success the pageblocks wholly inside have @migratetype (one of
 * the first three) from then on. False, with nothing changed but places of
 * movable pages, when a page is not memory of the zone of @start_pfn, is in use
 * and cannot be moved, or the range exceeds 8 GiB.
 */
bool alloc_contig_range(pfn_t start_pfn, pfn_t end_pfn, enum migratetype migratetype) MUST_CHECK;

/*
 * Allocates @nr_pages contiguous pages, as above, from the zones that @gfp and
 * @nid (NID_NONE: this CPU's node) allow. The first pfn is a multiple of 2 MiB's
 * or, for fewer pages, of the largest power of two in @nr_pages. Respects the
 * min watermark. Returns the first page or NULL: at once when @nr_pages is above
 * CONTIG_MAX_PAGES, or above the longest span of the zones, which mem_map and what
 * boot took part; on an idle machine such a span is most of its node.
 */
struct page *alloc_contig_pages(uint64_t nr_pages, gfp_t gfp, unsigned nid);

/* Where a range may lie: for devices that reach only part of memory. All 0: anywhere. */
struct contig_limits {
	uint64_t start_pa, end_pa;	/* its bytes lie in [start_pa, end_pa); end_pa 0: no end */
	uint64_t alignment_bytes;	/* its start is a multiple: a power of two; 0: a page */
	uint64_t boundary_bytes;	/* no multiple of this power of two inside it; 0: none */
};

/*
 * Allocates @nr_pages contiguous pages as alloc_contig_pages() does, but where @limits
 * allow, and aligned only as they say. Of the memory reserved for requests that cannot go
 * higher, one that its end keeps below 4 GiB or 16 MiB has its part. NULL at once when no
 * span of the zones has room within the limits. Brings up what lies below a place.
 */
struct page *alloc_contig_limited(uint64_t nr_pages, gfp_t gfp, unsigned nid,
				  const struct contig_limits *limits);

/* Frees @nr_pages single pages from @start_pfn: what the above gave, or a part. */
void free_contig_range(pfn_t start_pfn, uint64_t nr_pages);

#endif
