#ifndef MM_SLAB_ARRAY_H
#define MM_SLAB_ARRAY_H

/* A CPU's magazines. See mm/slab/array.c. */

#include "mm/slab/core.h"

extern struct cpu_array slab_no_array HIDDEN;	/* always empty and always full */
void slab_no_array_init(void);

/* The loaded magazine of @array, which is one. */
static inline struct magazine *cpu_array_loaded(const struct kmem_cache *cache,
						const struct cpu_array *array)
{
	return (struct magazine *)((uintptr_t)(array->end - cache->magazine_slots) -
				   offsetof(struct magazine, slots));
}

/*
 * This CPU's array, made at the first use; slab_no_array if it cannot be had. Who does
 * not hold the local lock may be on another CPU when it looks.
 */
struct cpu_array *cpu_array_own(struct kmem_cache *cache);

/*
 * Lays @slot, of node @nid, into this CPU's array. False: that is none, or another node's,
 * or there is no memory for a magazine. Without the local lock: memory may be taken and
 * given back.
 */
bool cpu_array_put(struct kmem_cache *cache, unsigned nid, struct slab_slot slot) MUST_CHECK;

/* This CPU has an array for objects of node @nid: a hint without the local lock. */
static inline bool cpu_array_is_of(const struct kmem_cache *cache, unsigned nid)
{
	const struct cpu_array *array = cache->cpu[mm_port_cpu()];

	return array != &slab_no_array && array->nid == nid;
}

/*
 * Takes an object of node @nid from this CPU's array, after filling it if it must. Object
 * NULL: that is none, or another node's, or the node's memory ran out. Without the local
 * lock; does not reclaim.
 */
struct slab_slot cpu_array_take(struct kmem_cache *cache, gfp_t gfp, unsigned nid);

/* Empties the array of @cpu, which is quiet, into its node's slabs. */
void cpu_array_drain(struct kmem_cache *cache, unsigned cpu);

/* The same for the CPU that this is. Without the local lock. */
void cpu_array_drain_this(struct kmem_cache *cache);

/* The same for what the CPU of @array, which may be any and busy, has in reserve. */
void cpu_array_drain_own(struct kmem_cache *cache, struct cpu_array *array);
uint64_t cpu_array_count(const struct kmem_cache *cache, const struct cpu_array *array);
void cpu_array_free(const struct kmem_cache *cache, struct cpu_array *array);

#endif
