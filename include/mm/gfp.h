#ifndef MM_GFP_H
#define MM_GFP_H

/*
 * Allocation flags: where pages may come from, how far to go for them, and
 * what they are for. Names and meanings are Linux's (include/linux/gfp.h).
 */

#include "mm/types.h"

#define __GFP_DMA		0x0001u	/* below 16 MiB */
#define __GFP_DMA32		0x0002u	/* below 4 GiB */
#define __GFP_MOVABLE		0x0004u	/* the owner can move it; may use ZONE_MOVABLE */
#define __GFP_RECLAIMABLE	0x0008u	/* a shrinker can give it back */
#define __GFP_ZERO		0x0010u
#define __GFP_THISNODE		0x0020u	/* of the node asked for or nothing: see below */
#define __GFP_COMP		0x0040u	/* a compound page: tails lead to the head */
#define __GFP_HIGH		0x0080u	/* may use reserves: below the min watermark, a cache's */
#define __GFP_DIRECT_RECLAIM	0x0100u	/* may run shrinkers and retry */
#define __GFP_KSWAPD_RECLAIM	0x0200u	/* may wake kswapd */
#define __GFP_NORETRY		0x0400u
#define __GFP_NOWARN		0x0800u
#define __GFP_RETRY_MAYFAIL	0x1000u
#define __GFP_NO_INJECTION	0x2000u	/* never failed by fail_nth: tests' own needs */

#define __GFP_MEMALLOC		0x4000u	/* ignores watermarks: frees more than it takes */
#define __GFP_NO_GUARD		0x8000u	/* never a guarded object: vmalloc's own needs */

#define __GFP_RECLAIM	(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define GFP_ATOMIC	(__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_NOWAIT	__GFP_KSWAPD_RECLAIM
#define GFP_KERNEL	__GFP_RECLAIM
#define GFP_USER	__GFP_RECLAIM
#define GFP_HIGHUSER_MOVABLE	(__GFP_RECLAIM | __GFP_MOVABLE)
#define GFP_DMA		__GFP_DMA
#define GFP_DMA32	__GFP_DMA32

/*
 * __GFP_THISNODE means the same for pages, objects, areas and ranges: memory of the node that
 * is named, of the current CPU's node where none is (NID_NONE), and of no other. Of a node
 * without memory that is NULL, and so it is on a CPU of such a node. Without the flag a node
 * is a wish: the nearest that has memory serves. What describes the memory (a struct slab,
 * a vm_struct) may be anywhere. Where memory was taken before it was asked for the flag says
 * nothing: in per-CPU memory, and of what rests in a mempool.
 */

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES,			/* those above have per-CPU stacks */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES
};

/* The lists that serve @gfp: (flags >> 2) & 3 with MOVABLE = 1, RECLAIMABLE = 2. */
static inline enum migratetype gfp_migratetype(gfp_t gfp)
{
	return (enum migratetype)((gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 2);
}

#endif
