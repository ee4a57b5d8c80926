#ifndef MM_SLAB_H
#define MM_SLAB_H

/*
 * Object caches: memory for many objects of one size.
 *
 * Names and meanings are Linux's. Every free is checked, always and in O(1):
 * an object that is not allocated, an address inside an object, an object of
 * another cache or of none, and damaged bookkeeping end in a report and a
 * panic, never in silence.
 *
 * Of @gfp a request's own are: how hard to try, __GFP_ZERO and __GFP_THISNODE. From where
 * pages come and what kind they are the cache says; flags that would say it are ignored.
 *
 * Context (mm/context.h): any for objects, on any CPU that mm knows; caches are made, shrunk
 * and destroyed by threads. Nothing here sleeps.
 */

#include "mm/assert.h"
#include "mm/gfp.h"
#include "mm/slab_def.h"

typedef uint32_t slab_flags_t;

#define SLAB_HWCACHE_ALIGN	0x0001u	/* objects do not share cache lines, if large enough */
#define SLAB_CACHE_DMA		0x0002u	/* all slabs from ZONE_DMA */
#define SLAB_CACHE_DMA32	0x0004u	/* all slabs from below 4 GiB */
#define SLAB_PANIC		0x0008u	/* kmem_cache_create() panics instead of returning NULL */
#define SLAB_RECLAIM_ACCOUNT	0x0010u	/* objects can be given back by a shrinker */
#define SLAB_TYPESAFE_BY_RCU	0x0020u	/* slabs outlive their readers: see mm/rcu.h */
#define SLAB_RED_ZONE		0x0100u	/* guard words around each object, exact requested size */
#define SLAB_POISON		0x0200u	/* fill free objects, verify when allocated again */
#define SLAB_STORE_USER		0x0400u	/* remember who allocated and who freed each object */
#define SLAB_SHUFFLE		0x0800u	/* seeded random order of the objects of a slab */
#define SLAB_QUARANTINE		0x1000u	/* freed objects rest in a queue before reuse */
#define SLAB_INIT_ON_ALLOC	0x2000u	/* zeroed when allocated; but see slab_set_init() */
#define SLAB_GUARD		0x4000u	/* every Nth object on its own pages before a guard page */
#define SLAB_LEAK		0x8000u	/* live objects are reported by caller when asked */
#define SLAB_AUDIT		0x10000u	/* allocations and frees go to the audit log */
#define SLAB_INIT_ON_FREE	0x20000u	/* and when freed */
#define SLAB_INIT		(SLAB_INIT_ON_ALLOC | SLAB_INIT_ON_FREE)
#define SLAB_DEBUG_FLAGS	0x3ff00u
#define SLAB_SAMPLED		0x40000u /* as SLAB_GUARD: slab_set_guard_interval() */
#define SLAB_ALL_FLAGS		(0x003fu | SLAB_DEBUG_FLAGS | SLAB_SAMPLED)

/*
 * Creates a cache of objects of @size_bytes (1 to 4 MiB), aligned to @align (a
 * power of two up to a page; 0: as a word). @ctor, if any, runs once for each
 * object when its slab is made: users free objects in constructed state. The
 * name is not copied.
 *
 * Returns NULL when memory ran out (panics with SLAB_PANIC). An illegal size or
 * alignment or an unknown flag is a broken contract.
 */
struct kmem_cache *kmem_cache_create(const char *name, size_t size_bytes, size_t align,
				     slab_flags_t flags, void (*ctor)(void *object));

/* As the lecture's kernels had it: @dtor undoes @ctor when a slab is given back. */
struct kmem_cache *kmem_cache_create_dtor(const char *name, size_t size_bytes, size_t align,
					  slab_flags_t flags, void (*ctor)(void *object),
					  void (*dtor)(void *object));

/*
 * Gives everything back. No other CPU uses @cache from before the call on; objects given to
 * kfree_rcu() are waited for with kfree_rcu_barrier() before. An object still allocated, or a
 * @cache that is none or no more: a panic. NULL is allowed. O(caches). With
 * SLAB_TYPESAFE_BY_RCU it waits for readers, and so rests itself as in synchronize_rcu(); when
 * a CPU does not rest within a second, one line in the log says so, and the memory comes when
 * it does.
 */
void kmem_cache_destroy(struct kmem_cache *cache);

/*
 * Free objects rest with CPUs, in depots and in empty slabs, so that a load which comes and
 * goes finds them again: of all caches together, at most 1/16 of RAM on nodes and 1/16 with
 * CPUs, beside a slab for each cache and node and what rests in quarantine (mm/slab/keep.c).
 * When pages run short they are asked for.
 *
 * Gives the pages of empty slabs back, after emptying this CPU's array and the
 * shared and alien ones; the other CPUs empty theirs when they next refill or
 * drain. Returns how many pages came back.
 */
uint64_t kmem_cache_shrink(struct kmem_cache *cache);

/*
 * @cache has from now on at most as many slabs as hold @nr_objects, whole ones; 0: no
 * limit. At the limit a request that finds no free object brings back what rests with this
 * CPU, in reserve with others, in depots and quarantine, and tries again; then it returns
 * NULL as when memory ran out, whatever its flags (mm knows no __GFP_NOFAIL, and no request
 * that waits: who cannot do without keeps a mempool), and the log says so once, unless
 * __GFP_NOWARN. Objects that other CPUs have loaded, at most a magazine each, are beyond
 * reach; guarded objects, which lie in no slab, are not counted. Slabs in use beyond a new,
 * lower limit stay, and no other is made until enough of them are gone.
 *
 * Returns how many objects fit, @nr_objects up to whole slabs. Context: thread, one at a
 * time for a cache.
 */
uint64_t kmem_cache_set_limit(struct kmem_cache *cache, uint64_t nr_objects);

/*
 * So many free objects of @cache, on this CPU's node or else the nearest that has room, are
 * for requests with __GFP_HIGH (GFP_ATOMIC) or __GFP_MEMALLOC alone, which take them when
 * memory has run out or the limit is reached. They are made now; shrinking leaves them; and
 * when some were taken, the next slabs that are made, and objects that come back to their
 * slabs, fill it again first. 0: none. They count for the limit.
 *
 * Returns false, with the reserve as it was, when there was no memory or the limit is
 * lower, and for more than a cache may keep idle (1/64 of RAM). Context: thread, one at a
 * time for a cache.
 */
bool kmem_cache_set_reserve(struct kmem_cache *cache, uint64_t nr_objects) MUST_CHECK;

/* Shrinks caches, the last made first, until @nr_pages came back. Returns how many did. */
uint64_t slab_shrink(uint64_t nr_pages);

/* Returns the objects that rest in this CPU's arrays, of all caches, to their slabs. */
void slab_drain_cpu(void);

/* What kmem_cache_alloc() calls when no object is at hand, or @gfp is special. */
void *kmem_cache_alloc_slow(struct kmem_cache *cache, gfp_t gfp);
void *kmem_cache_alloc_flags(struct kmem_cache *cache, gfp_t gfp);

/* Flags of gfp that slab_pop() does not look at. */
#define SLAB_SPECIAL_GFP	(__GFP_ZERO | __GFP_THISNODE)

/* An object from the current node, or the nearest with memory; NULL when memory ran out. */
static ALWAYS_INLINE void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	if (!__builtin_constant_p(gfp) || (gfp & SLAB_SPECIAL_GFP))
		return kmem_cache_alloc_flags(cache, gfp);
	object = slab_pop(cache);
	return likely(object != NULL) ? object : kmem_cache_alloc_slow(cache, gfp);
}

/* Zeroed. Not for caches with a constructor. */
static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc_flags(cache, gfp | __GFP_ZERO);
}

/* From node @nid, else the nearest to it (unless __GFP_THISNODE). NID_NONE: the current. */
void *kmem_cache_alloc_node(struct kmem_cache *cache, gfp_t gfp, unsigned nid);

/* @object came from @cache. NULL is ignored. */
void kmem_cache_free(struct kmem_cache *cache, void *object);

/* Returns @nr_objects, or 0 with nothing allocated, as in Linux. */
size_t kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t nr_objects,
			     void **objects);

/* @cache NULL: each object is of any cache, as kfree() takes them. */
void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr_objects, void **objects);

/* Bytes of each object as asked for, and the name. */
size_t kmem_cache_size(const struct kmem_cache *cache);
const char *kmem_cache_name(const struct kmem_cache *cache);

/*
 * Checks the whole cache (and, where debug flags allow, the objects' red zones
 * and poison) and returns the number of errors found, each reported. No other
 * CPU uses the cache. O(objects).
 */
unsigned validate_slab_cache(struct kmem_cache *cache);

/* All caches' rules; false with the broken one in @out. Other CPUs are quiet. */
bool slab_verify(struct violation *out);

/* ---- Bring-up and the system's view ---- */

struct slab_setup {
	unsigned nr_nodes;
	unsigned nr_cpus;
	pfn_t end_pfn;		/* no RAM at or above: bounds what kfree() believes */
	uint64_t nr_pages;	/* of RAM: bounds what caches may hold at rest */
	unsigned first_nid;	/* the node of the first caches: it has memory for them */

	/*
	 * The @i-th nearest node with memory to @nid, beginning with @nid itself
	 * if it has any; NID_NONE behind the last.
	 */
	unsigned (*nearest_node)(unsigned nid, unsigned i);

	/* The node of @cpu, below nr_nodes. */
	unsigned (*cpu_node)(unsigned cpu);
};

/*
 * Makes the boot caches. Order at boot: the page allocator works on every node
 * with memory; slab_init(); kmalloc_init(); then everything else. Other CPUs
 * may start any time after. May be called again for a new machine (tests):
 * the old one's memory is simply forgotten. Panics when no page can be had.
 */
void slab_init(const struct slab_setup *setup);

/* Prepares the arrays in a CPU's data, NR_KMALLOC_ARRAYS: see kmalloc_array_at(). */
void slab_init_cpu(struct cpu_array arrays[]);

/*
 * Forgets the audit log of an earlier machine; @nr_memory_pages sizes the next
 * one, which the first cache with SLAB_AUDIT brings. Before slab_init().
 */
void slab_audit_init(uint64_t nr_memory_pages);

/*
 * Where guarded objects lie: areas of whole pages with an unmapped page on both sides.
 * vmalloc supplies these, which is itself made of objects.
 */
struct slab_guard_areas {
	/* @bytes, whole pages, near @nid for @caller, as @gfp says; NULL: none to be had. */
	void *(*alloc)(size_t bytes, gfp_t gfp, unsigned nid, const void *caller);
	/* Gives it back: on return every CPU faults at its addresses. */
	void (*free)(void *area, size_t bytes);
	/* For verifiers. */
	bool (*is_live)(const void *area, size_t bytes);
};

/*
 * There are guarded objects from slab_guard_start() on. slab_guard_forget() is for
 * the start of another machine, before its slab_init().
 */
void slab_guard_start(const struct slab_guard_areas *areas);
void slab_guard_forget(void);

/* Registers the shrinker; after kmalloc_init(). */
void slab_reclaim_init(void);

/*
 * Debug flags for every cache created from now on; before slab_init(), so that
 * kmalloc's caches have them too. Words as in debug=: "redzone,poison,owner,
 * shuffle,quarantine,init,guard,leak,audit" or "all". False for an unknown word, with
 * the known ones set.
 */
bool slab_set_debug(const char *words) MUST_CHECK;

/*
 * All caches made from now on have SLAB_INIT_ON_ALLOC, SLAB_INIT_ON_FREE, or not, whatever
 * slab_set_debug() says before or after, whose word "init" asks for both by itself. Before
 * mm_init(). Neither touches an object with a constructor, whose state users keep, nor one of
 * SLAB_TYPESAFE_BY_RCU, at which a late reader may still look: those come as they were freed,
 * unless with __GFP_ZERO, which says that no reader relies on what was there.
 */
void slab_set_init(bool on_alloc, bool on_free);

/* The words it knows, by @i from 0; NULL behind the last. */
const char *slab_debug_word(unsigned i);

/*
 * Of the objects that CPUs take from the slabs of kmalloc's caches and those with SLAB_SAMPLED,
 * one of @nr_objects lies on pages of its own before a guard page, while fewer than
 * 256 do: what touches the byte behind it, or it once it is freed, faults. What a CPU frees
 * and takes again from its array is not counted, and costs nothing. 0: none. Before
 * slab_init().
 */
void slab_set_guard_interval(uint64_t nr_objects);

/* Seed of shuffles; before slab_init(). */
void slab_set_seed(uint64_t seed);

/* slabinfo - version: 2.1 */
void slab_print_info(void);

/* What the lecture adds: per cache, where descriptors are, waste, colours. */
void slab_print_layout(void);

/* For programs, of kmalloc's caches and those with slabs: "@cache name=... per_slab=...". */
void slab_print_records(void);

/* One line per caller with live objects of SLAB_LEAK caches; returns how many objects. */
uint64_t slab_print_leaks(void);

/* The last events of the audit log, the newest first. */
void slab_print_audit(void);

/* The last ones of the object at @va to the log: for reports. Takes no lock but the log's. */
void slab_log_audit(const void *va);

/* What @va is: for reports and panics. Never faults for any value. */
void slab_describe(const void *va, char *text, size_t text_bytes);

struct slab_usage {
	uint64_t nr_slab_pages;		/* pages of type PAGE_SLAB, all caches */
	uint64_t nr_slabs;
	uint64_t nr_objects;		/* places, free ones included */
	uint64_t nr_active;		/* handed out */
	uint64_t active_bytes;		/* nr_active times their caches' object sizes */
};

/* Sums over all caches, or of @cache alone. Other CPUs are quiet, else approximate. */
struct slab_usage slab_usage(struct kmem_cache *cache);

#endif
