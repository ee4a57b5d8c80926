#ifndef ARCH_X86_64_LAYOUT_H
#define ARCH_X86_64_LAYOUT_H

/*
 * The kernel's address map: 4-level paging, the areas of Linux's
 * x86_64 map at Linux's places, so that addresses read the same in both.
 *
 *   0000000000000000  nothing; the low half stays empty
 *   ffff888000000000  direct map of RAM and, at their physical address, of
 *                     the few devices boot_info declares
 *   ffffc8c000000000  devices that boot_info declares above the direct map's end
 *   ffffc90000000000  vmalloc
 *   ffffea0000000000  vmemmap: struct page of pfn 0 and following; zeroes, and
 *                     read-only, where mem_map is not up
 *   ffffffff80000000  the image
 *
 * Plain constants: assembly includes this file too.
 */

#define LOW_HALF_END		0x0000800000000000
#define HIGH_HALF_START		0xffff800000000000
#define DIRECT_MAP_START	0xffff888000000000
#define DIRECT_MAP_END		0xffffc88000000000
#define FAR_DEVICES_START	0xffffc8c000000000
#define FAR_DEVICES_END		0xffffc90000000000
#define FAR_DEVICE_BYTES	0x0000001000000000	/* for each: 64 GiB */
#define VMALLOC_START		0xffffc90000000000
#define VMALLOC_END		0xffffe90000000000
#define VMEMMAP_START		0xffffea0000000000
#define VMEMMAP_END		0xffffea8000000000
#define IMAGE_START		0xffffffff80000000
#define IMAGE_AREA_END		0xffffffffc0000000

#define SEGMENT_CODE		0x08
#define SEGMENT_DATA		0x10
#define SEGMENT_TSS		0x18	/* two slots */

#ifndef __ASSEMBLER__

#include "lib/align.h"
#include "mm/config.h"
#include "mm/page.h"

_Static_assert(DIRECT_MAP_END - DIRECT_MAP_START == 1ull << MAX_PHYS_BITS,
	       "the direct map has room for every physical address mm may see");
_Static_assert(VMEMMAP_END - VMEMMAP_START ==
	       (1ull << (MAX_PHYS_BITS - PAGE_SHIFT)) * sizeof(struct page),
	       "the vmemmap has a struct page for every page of the direct map");
_Static_assert(DIRECT_MAP_END <= FAR_DEVICES_START && FAR_DEVICES_END <= VMALLOC_START,
	       "far devices have an area of their own");
_Static_assert(VMALLOC_END <= VMEMMAP_START && VMEMMAP_END <= IMAGE_START,
	       "areas do not overlap");
_Static_assert(VMEMMAP_START % (2ull << 20) == 0,
	       "a section's mem_map lies on a 2 MiB page");
_Static_assert((VMEMMAP_START | VMEMMAP_END) % (1ull << 30) == 0,
	       "the backdrop of the vmemmap is made of whole GiBs");

#endif
#endif
