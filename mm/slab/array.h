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

/* This CPU's array, made at the first use; slab_no_array if it cannot be had. */
struct cpu_array *cpu_array_own(struct kmem_cache *cache, struct mm_local local);

/* The loaded magazine is full: on return it is not. */
void cpu_array_make_room(struct kmem_cache *cache, struct cpu_array *array,
			 struct mm_local local);

/* The loaded magazine is empty. False: memory ran out. */
bool cpu_array_refill(struct kmem_cache *cache, struct cpu_array *array, gfp_t gfp,
		      struct mm_local local) MUST_CHECK;

/* Empties the array of @cpu, which is this one or quiet, into its node's slabs. */
void cpu_array_drain(struct kmem_cache *cache, unsigned cpu, struct mm_local local);

/* The same for what the CPU of @array, which may be any and busy, has in reserve. */
void cpu_array_drain_own(struct kmem_cache *cache, struct cpu_array *array);
uint64_t cpu_array_count(const struct kmem_cache *cache, const struct cpu_array *array);
void cpu_array_free(const struct kmem_cache *cache, struct cpu_array *array);

#endif
