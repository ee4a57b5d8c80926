#ifndef MM_SLAB_DEBUG_PARTS_H
#define MM_SLAB_DEBUG_PARTS_H

/* What debug caches and their objects have beside what all have. */

#include "mm/slab/core.h"

#define RED_ZONE_BYTES	16u

struct slab_event {
	uintptr_t caller;	/* 0: none yet */
	uint64_t time_ns;
	uint32_t cpu;
};

/* Behind each object of a debug cache; in front of it is a red zone of left_bytes. */
struct debug_tail {
	uint8_t red[RED_ZONE_BYTES];
	uint32_t requested_bytes;
	struct slab_event allocated, freed;
};

#define NR_QUARANTINED	192u

struct cache_debug {
	uint32_t left_bytes;
	uint32_t nr_since_guarded;
	struct spinlock lock;		/* guards the queue */
	uint32_t first GUARDED_BY(lock), nr GUARDED_BY(lock);	/* of the queue, a ring */
	struct slab_slot quarantine[NR_QUARANTINED] GUARDED_BY(lock);
};

static inline struct debug_tail *debug_tail_of(const struct kmem_cache *cache, const void *object)
{
	return (struct debug_tail *)((uintptr_t)object + cache->object_bytes);
}

#endif
