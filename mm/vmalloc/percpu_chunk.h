#ifndef MM_VMALLOC_PERCPU_CHUNK_H
#define MM_VMALLOC_PERCPU_CHUNK_H

/* How per-CPU memory is kept. See mm/vmalloc/percpu.c. */

#include "lib/bits.h"
#include "lib/list.h"
#include "mm/page.h"
#include "mm/percpu.h"

#define PERCPU_SLOT_BYTES	16u
#define NR_PERCPU_SLOTS	(PERCPU_UNIT_BYTES / PERCPU_SLOT_BYTES)

struct percpu_chunk {
	struct list_head link;
	uint8_t *area;			/* CPU 0's unit */
	struct page **pages;		/* UNIT_PAGES for each CPU */
	unsigned nr_used;		/* slots */
	unsigned nr_allocations;
	uint64_t used[NR_PERCPU_SLOTS / BITS_PER_WORD];
	uint64_t first[NR_PERCPU_SLOTS / BITS_PER_WORD];
};

/* The chunk in whose first unit @at lies, or NULL. */
struct percpu_chunk *percpu_chunk_of(const void *at);

#endif
