#ifndef MM_CONFIG_H
#define MM_CONFIG_H

/*
 * The constants a kernel may change when it takes mm/ in. Plain numbers, used
 * in plain `if`: there is no conditional compilation in mm.
 */

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096ull

#define MAX_ORDER	10	/* inclusive: the largest block is 4 MiB */
#define NR_ORDERS	(MAX_ORDER + 1)
#define PAGEBLOCK_ORDER	9	/* mobility is grouped in 2 MiB, one large page-table entry */

/*
 * 256 MiB of physical addresses share one piece of mem_map: 65,536 pages of 32
 * bytes fill one 2 MiB page exactly.
 */
#define SECTION_SHIFT	28

/* Physical addresses the direct map has room for: 64 TiB (arch/x86_64/layout.h). */
#define MAX_PHYS_BITS	46

/* Physical addresses that page tables hold: devices may lie above all RAM. */
#define MAX_DEVICE_BITS	52

#define MAX_NODES	1024
#define MAX_CPUS	4096

/* DEBUG_ASSERT() checks and list-link checks; constant, so that off costs nothing. */
#ifndef MM_DEBUG
#define MM_DEBUG	0
#endif

#endif
