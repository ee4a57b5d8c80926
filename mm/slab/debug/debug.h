#ifndef MM_SLAB_DEBUG_H
#define MM_SLAB_DEBUG_H

/*
 * What the files of the slab allocator see of its debug aids: hooks for making and
 * unmaking slabs, for debug caches' objects and for guarded ones, and reports. Those of
 * mm/slab/debug/ that call upward, to slabs, are above mm/slab/node.c: see mm/slab/README.md.
 */

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

/* ---- mm/slab/debug/debug.c: debug caches ---- */

/* Chooses stride and red zones of @cache; false when its struct cannot be had. */
bool debug_attach(struct kmem_cache *cache, uint32_t *stride_bytes) MUST_CHECK;
void debug_detach(struct kmem_cache *cache);

/* One object with all the checks; NULL when memory ran out. */
void *debug_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t requested_bytes,
		  uintptr_t caller);

/* Reports damage of @object if it is an allocated one; before it is claimed. */
void debug_check_free(const struct kmem_cache *cache, const struct slab *slab,
		      const void *object);

/* @object is claimed. */
void debug_free(struct kmem_cache *cache, void *object, uint8_t *state, uintptr_t caller);

/* Sends all that is quarantined to its slabs. */
void debug_drain(struct kmem_cache *cache);
unsigned debug_nr_quarantined(const struct kmem_cache *cache);

/* ---- mm/slab/debug/object.c: what stands in and around objects ---- */

/* A slab of debug cache @cache was made, or goes. */
void debug_slab_create(struct kmem_cache *cache, struct slab *slab);
void debug_slab_release(struct kmem_cache *cache, struct slab *slab);

/* DEBUG-1: red zones are whole. DEBUG-2: free objects hold poison. */
bool debug_slab_verify(const struct kmem_cache *cache, const struct slab *slab,
		       struct violation *out);

static inline struct debug_tail *debug_tail_of(const struct kmem_cache *cache, const void *object)
{
	return (struct debug_tail *)((uintptr_t)object + cache->object_bytes);
}

/* The request for @object is now @bytes; krealloc() in place, ksize(). */
void debug_resize(const struct kmem_cache *cache, void *object, size_t bytes);

/* ---- mm/slab/debug/guard.c: objects on pages of their own ---- */

/* NULL: none for this request, not its turn or no memory; it comes from a slab as usual. */
void *guard_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t bytes,
		  uintptr_t caller);

/* True: @object was guarded and is freed now. Panics for what is wrong with it. */
bool guard_free(const struct kmem_cache *cache, const void *object);
bool guard_usable_bytes(const void *object, size_t *bytes);

/* Live guarded objects of @cache. */
uint64_t guard_count(const struct kmem_cache *cache);

/* Checks GUARD-1 and GUARD-2. Other CPUs are quiet. */
bool guard_verify(struct violation *out);

/* ---- mm/slab/debug/verify.c ---- */

/* All rules of one cache. */
bool cache_verify(struct kmem_cache *cache, struct violation *out);

/* ---- mm/slab/debug/report.c: what was found wrong; these do not return ---- */

void slab_report_bad_free(const void *object, const void *caller) COLD NORETURN;
/* The same, not NORETURN: fast paths jump to it and need no stack frame of their own. */
void slab_refuse_free(const void *object, const void *caller) COLD;

/* As slab_report_bad_free(), where @object was not freed but resized or asked for its size. */
void slab_report_bad_use(const void *object, const void *caller) COLD NORETURN;

void slab_report_wrong_cache(const struct kmem_cache *cache, const void *object,
			     const void *caller) COLD NORETURN;
void slab_report_twice(const struct kmem_cache *cache, const void *object) COLD NORETURN;
void slab_report_corrupt(const struct kmem_cache *cache, const struct slab *slab,
			 const char *what) COLD NORETURN;

/* @kind, such as "overflow": @nr_bytes at @at are not what they must be. */
void slab_report_object(const struct kmem_cache *cache, const void *object, const char *kind,
			const uint8_t *at, unsigned nr_bytes) COLD NORETURN;

#endif
