#ifndef MM_SLAB_CORE_H
#define MM_SLAB_CORE_H

/*
 * What the files of the slab allocator share: its structures and its state. The order
 * of the files, in which each calls and includes those before it, is in
 * mm/slab/README.md.
 */

#include "lib/list.h"
#include "mm/lock.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/slab_def.h"

/* Objects of another node: on their way home, or taken along for later. */
struct alien_array {
	struct spinlock lock;		/* guards the rest */
	uint16_t nr GUARDED_BY(lock);	/* objects in the magazine */
	uint16_t limit GUARDED_BY(lock);	/* its slots; 0: there is none */
	struct magazine *magazine GUARDED_BY(lock);
};

/*
 * A slab: 2^k pages cut into objects. Lies at the slab's start (on-slab) or in
 * a descriptor cache (off-slab). The kmem_bufctl array follows: an entry for
 * each object, u8 or, beyond 256 objects, u16 with all low bytes before all
 * high bytes, so that bufctl[index] is the state of object index in both.
 */
struct slab {
	struct list_head list;
	uint8_t *objects;	/* the first object, as users see it */
	uint16_t nr_free;
	uint16_t first_free;	/* index; meaningless while nr_free is 0 */
	uint16_t nid;		/* of its pages */
	uint16_t colour;
	uint8_t bufctl[];
};

_Static_assert(sizeof(struct slab) == 32, "256 objects of 64 bytes cost 288 bytes: 1.8 %");

#define MAX_U8_OBJECTS		256u
#define SLAB_MAX_OBJECTS	4096u	/* of a u16 slab: index << 1 fits with room */

/* Of caches whose objects are mm's own, which nobody else frees. No user's flag. */
#define SLAB_INTERNAL		0x80000u

/* Of caches that are no more, while nobody has their memory. */
#define SLAB_DESTROYED		0x100000u
_Static_assert(((SLAB_INTERNAL | SLAB_DESTROYED) & SLAB_ALL_FLAGS) == 0,
	       "kmem_cache_create() refuses them");

/* The slabs of a cache on one node. */
struct cache_node {
	struct spinlock lock;		/* guards everything here, and the slabs */
	uint16_t nid;
	uint32_t nr_made;		/* slabs so far; atomic */
	struct list_head full GUARDED_BY(lock), partial GUARDED_BY(lock), free GUARDED_BY(lock);
	uint64_t nr_slabs GUARDED_BY(lock);
	uint64_t nr_free_slabs GUARDED_BY(lock);
	uint64_t nr_free_objects GUARDED_BY(lock);	/* in slabs: not those in arrays */
	uint64_t nr_reserved GUARDED_BY(lock);	/* of these: see mm/slab/bounds.c */
	/* In depot and slabs; above, empty slabs are given back. A slab's at least. */
	uint64_t max_free_objects GUARDED_BY(lock);
	struct depot depot;		/* what one CPU freed, others may take; has its lock */
	struct alien_array **alien;	/* by node; NULL, and so its entries, until made */
};

/* Descriptors and magazines come in so many sizes: each has a cache. */
#define NR_DESCRIPTOR_SIZES	5
#define NR_MAGAZINE_SIZES	3

/* What the allocator itself is made of, beside descriptors, magazines and nodes. */
enum slab_internal { SLAB_CPU_ARRAY, SLAB_ALIEN_ARRAY, SLAB_ALIEN_TABLE, NR_SLAB_INTERNALS };

/* See mm/slab/keep.c. */
enum keep_share { KEEP_ON_NODES, KEEP_WITH_CPUS, NR_KEEP_SHARES };

/* The allocator's own state: one system. */
struct slab_system {
	struct spinlock lock;		/* guards the list of caches and their number */
	struct list_head caches GUARDED_BY(lock);
	unsigned nr_caches GUARDED_BY(lock);
	unsigned nr_nodes, nr_cpus;
	struct slab_setup setup;
	uint64_t end_pa;		/* of mem_map: see has_page() */
	unsigned boot_nid;		/* node of the boot caches' first slabs */
	slab_flags_t debug_flags;	/* of new caches: what the next two say */
	slab_flags_t word_flags, init_flags;	/* slab_set_debug(), slab_set_init() */
	uint64_t guard_interval;	/* objects; 0: nothing is sampled */
	uint64_t seed;
	uint64_t nr_kept_pages[NR_KEEP_SHARES];		/* see mm/slab/keep.c; atomic */
	struct kmem_cache *descriptor_caches[NR_DESCRIPTOR_SIZES];
	struct kmem_cache *magazine_caches[NR_MAGAZINE_SIZES];
	struct kmem_cache *internal_caches[NR_SLAB_INTERNALS];
};

extern struct slab_system slab_system HIDDEN;
extern struct kmem_cache *cache_cache;	/* kmem_cache structures themselves */
extern struct kmem_cache *node_cache;	/* cache_node structures */

/* Of @cache on node @nid, or NULL if it has none yet. */
static inline struct cache_node *cache_node_lookup(struct kmem_cache *cache, unsigned nid)
{
	return __atomic_load_n(&cache->nodes[nid], __ATOMIC_ACQUIRE);
}

/* The nearest node with memory to @nid. */
static inline unsigned slab_memory_node(unsigned nid)
{
	return slab_system.setup.nearest_node(nid, 0);
}

/* Free objects that may rest in the depot and the slabs of @node. Set without the depot's lock. */
static inline uint64_t node_max_free(const struct cache_node *node)
{
	return __atomic_load_n(&node->max_free_objects, __ATOMIC_RELAXED);
}

/* What that is beyond a slab: counted in KEEP_ON_NODES. */
static inline uint64_t node_kept_pages(const struct kmem_cache *cache,
				       const struct cache_node *node)
{
	return (node_max_free(node) / cache->layout.nr_objects - 1) << cache->layout.order;
}

/* Objects in the depot's magazines. Read without the lock: a hint. */
static inline uint64_t depot_objects(const struct kmem_cache *cache, const struct depot *depot)
{
	return (uint64_t)__atomic_load_n(&depot->nr_full, __ATOMIC_RELAXED) *
	       cache->magazine_slots;
}

/* ---- mm/slab/system.c: going through the caches ---- */

/* Panics where @cache is destroyed, while nobody has its memory. @function: whose caller. */
void cache_require_alive(const struct kmem_cache *cache, const char *function);

/*
 * The cache behind (before) @from in the list, NULL for the first (last), which stays until
 * the next of these calls is given it; NULL behind the last. While it stays nothing is
 * locked. A visit that ends early ends with cache_leave().
 */
struct kmem_cache *cache_next(struct kmem_cache *from);
struct kmem_cache *cache_previous(struct kmem_cache *from);
void cache_leave(struct kmem_cache *cache);

#define for_each_cache(cache)	\
	for (struct kmem_cache *cache = cache_next(NULL); cache; cache = cache_next(cache))

/* ---- Addresses ---- */

/* @va is in the direct map and has a struct page: virt_to_page() may be looked at. */
static ALWAYS_INLINE bool has_page(const void *va)
{
	return virt_to_phys(va) < slab_system.end_pa;
}

#define SLAB_GUARD_WORD	0x51ab57c451ab57c4ull	/* before and behind an on-slab descriptor */
#define SLAB_GUARD_BYTES ((uint32_t)sizeof(uint64_t))

/* The words in front of and behind an on-slab descriptor. */
static inline uint64_t *slab_front_guard(struct slab *slab)
{
	return (uint64_t *)(void *)slab - 1;
}

static inline uint64_t *slab_rear_guard(const struct slab_layout *layout, struct slab *slab)
{
	return (uint64_t *)((uintptr_t)slab + layout->descriptor_bytes);
}

static inline bool slab_guards_are_whole(const struct kmem_cache *cache, struct slab *slab)
{
	return cache->layout.place == OFF_SLAB ||
		(*slab_front_guard(slab) == SLAB_GUARD_WORD &&
		 *slab_rear_guard(&cache->layout, slab) == SLAB_GUARD_WORD);
}

static inline uint64_t slab_bytes(const struct kmem_cache *cache)
{
	return PAGE_SIZE << cache->layout.order;
}

/*
 * The index of @object in @slab, or a value not below cache->nr_objects when it
 * is not the address of one of its objects.
 *
 * With stride = odd * 2^s, inverse = odd^-1 * 2^(32-s) mod 2^64, so index *
 * stride * inverse = index * 2^32: the rotation leaves the index. The product is
 * injective for 32-bit offsets, because odd^-1 is odd: no other offset gives an
 * index that exists. One multiplication finds the index, checks the remainder
 * and checks both ends.
 */
static ALWAYS_INLINE uint64_t slab_index_by(uint64_t inverse, const struct slab *slab,
					    const void *object)
{
	uint32_t offset = (uint32_t)(uintptr_t)object - (uint32_t)(uintptr_t)slab->objects;
	uint64_t product = offset * inverse;

	return product >> 32 | product << 32;
}

static ALWAYS_INLINE uint64_t slab_index(const struct kmem_cache *cache, const struct slab *slab,
					 const void *object)
{
	return slab_index_by(cache->inverse, slab, object);
}

static inline void *slab_object(const struct kmem_cache *cache, const struct slab *slab,
				unsigned index)
{
	return slab->objects + (uint64_t)index * cache->layout.stride_bytes;
}

/* The slab's first byte: its block is naturally aligned in physical memory. */
static inline uint8_t *slab_start(const struct kmem_cache *cache, const struct slab *slab)
{
	pfn_t pfn = pa_to_pfn(virt_to_phys(slab->objects));

	return phys_to_virt(pfn_to_pa(pfn & ~(pages_in(cache->layout.order) - 1)));
}

#endif
