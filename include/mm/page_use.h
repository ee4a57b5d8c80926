#ifndef MM_PAGE_USE_H
#define MM_PAGE_USE_H

/* What pages are for, for pictures and reports. See mm/page/use.c. */

#include "mm/types.h"

enum page_use {
	USE_FIRMWARE,		/* ACPI, runtime services, low memory: the firmware's own */
	USE_RESERVED,		/* not to be used, for whatever reason */
	USE_KERNEL,		/* the image, its tables, what boot took and keeps */
	USE_MEM_MAP,
	USE_FREE_PENDING,	/* free, and its mem_map not brought up yet */
	USE_FREE_LARGE,		/* in a free block of at least a pageblock, 2 MiB */
	USE_FREE_MEDIUM,	/* of 32 KiB or more */
	USE_FREE_SMALL,
	USE_STACKS,		/* free, on a CPU's stack */
	USE_SLAB,
	USE_LARGE,		/* kmalloc beyond the size caches */
	USE_TABLES,		/* page tables */
	USE_VMALLOC,
	USE_USER,		/* anybody else's */
	USE_MOVABLE,		/* the same, with an owner that can move it */
	USE_OFFLINE,		/* taken out of service */
	NR_PAGE_USES
};

/*
 * What the usable page @pfn is for now, in *@use, and how many pages from @pfn on
 * (at least 1, at most the rest of its block) are for the same. Needs no lock and takes
 * none: of what changes meanwhile it tells the old or the new, or that it is
 * somebody's. Any CPU, after mm_init(). O(1) at the start of a block.
 */
uint64_t mm_page_use(pfn_t pfn, enum page_use *use);

#endif
