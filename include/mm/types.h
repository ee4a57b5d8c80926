#ifndef MM_TYPES_H
#define MM_TYPES_H

/* Units of the memory manager, and conversions between them. */

#include "lib/compiler.h"
#include "mm/config.h"

typedef uint64_t pfn_t;		/* page frame number: physical address / PAGE_SIZE */
typedef uint32_t gfp_t;		/* GFP_* flags, mm/gfp.h */

/* Where devices that reach 16 MiB, or 4 GiB, stop reaching. */
#define ZONE_DMA_END_PFN	((pfn_t)1 << (24 - PAGE_SHIFT))
#define ZONE_DMA32_END_PFN	((pfn_t)1 << (32 - PAGE_SHIFT))

#define PFN_NONE	UINT64_MAX
#define NID_NONE	UINT32_MAX	/* any node, or no node, as the function says */

static inline uint64_t pages_in(unsigned order)
{
	return (uint64_t)1 << order;
}

static inline uint64_t pages_to_bytes(uint64_t nr_pages)
{
	return nr_pages << PAGE_SHIFT;
}

static inline uint64_t pfn_to_pa(pfn_t pfn)
{
	return pfn << PAGE_SHIFT;
}

static inline pfn_t pa_to_pfn(uint64_t pa)
{
	return pa >> PAGE_SHIFT;
}

/* Pages that hold @bytes, the last perhaps partly. No overflow. */
static inline uint64_t bytes_to_pages(uint64_t bytes)
{
	return (bytes >> PAGE_SHIFT) + ((bytes & (PAGE_SIZE - 1)) != 0);
}

/* Smallest order whose block holds @nr_pages. @nr_pages is at least 1. */
static inline unsigned order_for_pages(uint64_t nr_pages)
{
	return nr_pages <= 1 ? 0 : 64u - (unsigned)__builtin_clzll(nr_pages - 1);
}

#endif
