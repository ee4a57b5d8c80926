#ifndef MM_SLAB_DEBUG_H
#define MM_SLAB_DEBUG_H

/*
 * Debug options of a cache: what stands around its objects, and who did what.
 */

#include "mm/slab/core.h"

#define RED_ZONE_BYTES	16u

enum { RED_FREE = 0xbb, RED_ALLOCATED = 0xcc, POISON_FREE = 0x6b, POISON_END = 0xa5 };

/* Bytes of a fresh object, in memory order: 0xbaddcafe, big-endian. */
#define POISON_FRESH	0xfecaddbau

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
	uint32_t first, nr;		/* of the queue, a ring */
	struct slab_slot quarantine[NR_QUARANTINED];
};

/* Chooses stride and red zones of @cache; false when its struct cannot be had. */
bool debug_attach(struct kmem_cache *cache, uint32_t *stride_bytes) MUST_CHECK;
void debug_detach(struct kmem_cache *cache);

void debug_slab_create(struct kmem_cache *cache, struct slab *slab);
void debug_slab_release(struct kmem_cache *cache, struct slab *slab);

/* One object with all the checks; NULL when memory ran out. */
void *debug_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t requested_bytes,
		  uintptr_t caller);
void debug_free(struct kmem_cache *cache, void *object, uint8_t *state, uintptr_t caller);

/* Sends all that is quarantined to its slabs. */
void debug_drain(struct kmem_cache *cache);
unsigned debug_nr_quarantined(const struct kmem_cache *cache);

/* DEBUG-1: red zones are whole. DEBUG-2: free objects hold poison. */
bool debug_slab_verify(const struct kmem_cache *cache, const struct slab *slab,
		       struct violation *out);

struct debug_tail *debug_tail_of(const struct kmem_cache *cache, const void *object);

/* The request for @object is now @bytes; krealloc() in place, ksize(). */
void debug_resize(const struct kmem_cache *cache, void *object, size_t bytes);

/* What happens here and now, by @caller. */
struct slab_event debug_event_now(uintptr_t caller);

/* The first byte of [@at, @at + @bytes) that is not @value, or NULL; *@nr: how far it goes. */
const uint8_t *debug_find_damage(const uint8_t *at, size_t bytes, uint8_t value, unsigned *nr);

/* ---- mm/slab/debug/guard.c: objects on pages of their own ---- */

#define NR_GUARDED	256u

struct guarded {
	void *area;		/* NULL: free entry */
	void *object;
	size_t bytes;
	const struct kmem_cache *cache;
	struct slab_event allocated;
};

/* The guarded objects that are live: one table. */
extern struct guard_table {
	struct spinlock lock;	/* guards the entries and their number */
	struct guarded entries[NR_GUARDED];
	unsigned nr_used;
	bool is_on;		/* atomic */
} guards HIDDEN;

/* NULL: none for this request, not its turn or no memory; it comes from a slab as usual. */
void *guard_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t bytes,
		  uintptr_t caller);

/* True: @object was guarded and is freed now. Panics for what is wrong with it. */
bool guard_free(const struct kmem_cache *cache, const void *object);
bool guard_usable_bytes(const void *object, size_t *bytes);

/* The entry of @object, which is the start of a guarded one; else false. */
bool guard_find(const void *object, struct guarded *copy);

/* The first used entry from *@at on, an index, which is then behind it; false: no more. */
bool guard_next(unsigned *at, struct guarded *copy);

/* Live guarded objects of @cache. */
uint64_t guard_count(const struct kmem_cache *cache);

/* Checks GUARD-1 and GUARD-2. Other CPUs are quiet. */
bool guard_verify(struct violation *out);

/* ---- mm/slab/debug/report.c ---- */

/* @kind, such as "overflow": @nr_bytes at @at are not what they must be. */
void slab_report_object(const struct kmem_cache *cache, const void *object, const char *kind,
			const uint8_t *at, unsigned nr_bytes) COLD NORETURN;

#endif
