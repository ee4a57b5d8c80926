#ifndef MM_PERCPU_H
#define MM_PERCPU_H

/*
 * Memory of which every CPU has its own copy, on its own node. Names are Linux's. See
 * mm/vmalloc/percpu.c.
 *
 *	struct counts *counts = alloc_percpu(struct counts);
 *	this_cpu_ptr(counts)->nr_hits++;
 *	for (unsigned cpu = 0; cpu < nr_cpu_ids(); cpu++)
 *		nr_hits += per_cpu_ptr(counts, cpu)->nr_hits;
 *	free_percpu(counts);
 *
 * Context: threads, no mm lock held; alloc_percpu() and free_percpu() may wait for other
 * CPUs, as vmap() and vunmap() do. A pointer of this_cpu_ptr() is this CPU's while the
 * caller stays on it; other CPUs may read through theirs at any time.
 */

#include "mm/assert.h"
#include "mm/gfp.h"
#include "mm/port.h"

/* Bytes of all that one CPU has in a chunk: the largest allocation. A power of two. */
#define PERCPU_UNIT_BYTES	(4 * PAGE_SIZE)

/*
 * @bytes, zeroed, for each CPU the machine has, whether it runs or not, aligned to @align,
 * a power of two up to a page. NULL when memory ran out, @bytes exceed a unit, or the port has
 * no paging. Of @gfp counts how hard to try: each copy is of its CPU's node, or of the nearest
 * that has memory, __GFP_THISNODE or not. When it must not reclaim, only from memory that is
 * there already.
 * What it returns is CPU 0's copy. O(PERCPU_UNIT_BYTES), and new memory now and then.
 */
void *alloc_percpu_bytes(size_t bytes, size_t align, gfp_t gfp);

#define alloc_percpu(type) \
	((type *)alloc_percpu_bytes(sizeof(type), _Alignof(type), GFP_KERNEL))
#define alloc_percpu_gfp(type, gfp) \
	((type *)alloc_percpu_bytes(sizeof(type), _Alignof(type), gfp))

/* Gives all copies back. NULL is allowed; what is no live allocation is a panic. */
void free_percpu(void *at);

/* CPU @cpu's copy of @at, and this CPU's. @cpu is below nr_cpu_ids(). An addition. */
#define per_cpu_ptr(at, cpu) \
	((__typeof__(at))((uintptr_t)(at) + (uintptr_t)(cpu) * PERCPU_UNIT_BYTES))
#define this_cpu_ptr(at)	per_cpu_ptr(at, mm_port_cpu())

struct percpu_totals {
	uint64_t nr_chunks;
	uint64_t nr_pages;		/* of all CPUs */
	uint64_t nr_allocations;
	uint64_t nr_bytes;		/* of them, of one CPU */
};

struct percpu_totals percpu_totals(void);

/* Forgets the chunks of an earlier machine. */
void percpu_init(void);

/* Checks the rules of mm/vmalloc/percpu.c. O(chunks). */
bool percpu_verify(struct violation *out);

#endif
