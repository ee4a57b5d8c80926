#ifndef MM_SLAB_CORE_H
#define MM_SLAB_CORE_H

/*
 * What the files of the slab allocator share: its structures, and the calls
 * between slab_layout, slab (one node's slabs), slab_depot (magazines), slab_array
 * and slab_cpu (a CPU's), slab_alien, slab_cache, slab_debug, slab_report,
 * slab_show and slab_verify.
 */

#include "lib/list.h"
#include "mm/lock.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/slab_def.h"

/* Objects of another node: on their way home, or taken along for later. */
struct alien_array {
	struct spinlock lock;		/* guards the rest */
	uint16_t nr;			/* objects in the magazine */
	uint16_t limit;			/* its slots; 0: there is none */
	struct magazine *magazine;
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

/* Full magazines that the depot of a node may keep at least, beside a slab's worth. */
#define MIN_KEPT_MAGAZINES	4u

/* The slabs of a cache on one node. */
struct cache_node {
	struct spinlock lock;		/* guards everything here, and the slabs */
	uint16_t nid;
	uint32_t nr_made;		/* slabs so far; atomic */
	struct list_head full, partial, free;
	uint64_t nr_slabs;
	uint64_t nr_free_slabs;
	uint64_t nr_free_objects;	/* in slabs: not those in arrays */
	uint64_t max_free_objects;	/* in depot and slabs; above: empty slabs are given back */
	struct depot depot;		/* what one CPU freed, others may take; has its lock */
	struct alien_array **alien;	/* by node; NULL, and so its entries, until made */
};

/* The allocator's own state: one system. */
struct slab_system {
	struct spinlock lock;		/* guards the list of caches and their number */
	struct list_head caches;
	unsigned nr_caches;
	unsigned nr_nodes, nr_cpus;
	struct slab_setup setup;
	uint64_t end_pa;		/* of mem_map: see has_page() */
	unsigned boot_nid;		/* node of the boot caches' first slabs */
	slab_flags_t debug_flags;
	uint64_t seed;
};

extern struct slab_system slab_system HIDDEN;
extern struct kmem_cache *cache_cache;	/* kmem_cache structures themselves */
extern struct kmem_cache *node_cache;	/* cache_node structures */

/* ---- mm/slab/layout.c: pure arithmetic ---- */

/* Descriptors come in these capacities: each has a cache. */
#define NR_DESCRIPTOR_SIZES	5

/* Bytes of the smallest descriptor with @nr_entries u8 entries, and its index. */
uint32_t descriptor_bytes_for(unsigned nr_entries, unsigned *size_index);

/*
 * Chooses order and place by waste for objects of @stride_bytes, a multiple of
 * @align. Fields that @layout gets are all of them. False: too large.
 */
bool slab_layout_choose(struct slab_layout *layout, uint32_t stride_bytes, uint32_t align,
			bool allow_off_slab) MUST_CHECK;

/* What a slab with @layout does not give to objects, its descriptor included. */
uint64_t slab_layout_waste(const struct slab_layout *layout);

/* The constant of slab_index() for @layout. */
uint64_t slab_layout_inverse(const struct slab_layout *layout);

/* ---- Addresses ---- */

/* @va is in the direct map and has a struct page: virt_to_page() may be looked at. */
static ALWAYS_INLINE bool has_page(const void *va)
{
	return virt_to_phys(va) < slab_system.end_pa;
}

#define SLAB_GUARD_WORD	0x51ab57c451ab57c4ull	/* before and behind an on-slab descriptor */
#define SLAB_GUARD_BYTES ((uint32_t)sizeof(uint64_t))

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

/* ---- slab.c: the objects of one node's slabs ---- */

/* Every free list begins in order: entry i leads to i + 1. */
void slab_entries_init(const struct slab_layout *layout, struct slab *slab);
void slab_guards_set(const struct slab_layout *layout, struct slab *slab);

/* Takes empty slabs off the node's list until at most @keep_objects are free. */
void node_unlist_empty(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects,
		       struct list_head *to) HOLDS(node->lock);

/* Of @cache on node @nid, or NULL if it has none yet. */
static inline struct cache_node *cache_node_lookup(struct kmem_cache *cache, unsigned nid)
{
	return __atomic_load_n(&cache->nodes[nid], __ATOMIC_ACQUIRE);
}

/* Free objects that may rest in the depot and the slabs of @node. Set without the depot's lock. */
static inline uint64_t node_max_free(const struct cache_node *node)
{
	return __atomic_load_n(&node->max_free_objects, __ATOMIC_RELAXED);
}

/* Of @cache on node @nid; made if it does not exist. NULL when memory ran out. */
struct cache_node *cache_node_get(struct kmem_cache *cache, unsigned nid);
void cache_node_init(struct cache_node *node, unsigned nid);

/* Where the entry of free object @index leads. */
unsigned slab_next_free(const struct kmem_cache *cache, const struct slab *slab, unsigned index);

bool slab_guards_are_whole(const struct kmem_cache *cache, struct slab *slab);

/* All rules of one cache; see mm/slab/debug/verify.c. */
bool cache_verify(struct kmem_cache *cache, struct violation *out);

/* Takes up to @wanted objects from slabs; returns how many: 0 when none has a free one. */
unsigned node_take(struct kmem_cache *cache, struct cache_node *node, struct slab_slot *to,
		   unsigned wanted);

/* Returns @nr objects, or none, to their slabs on @node. May give pages back: no lock held. */
void node_give(struct kmem_cache *cache, struct cache_node *node, const struct slab_slot *from,
	       unsigned nr);

/* Gives the pages of unlisted empty slabs back; returns how many. No lock held. */
uint64_t slabs_destroy(struct kmem_cache *cache, struct list_head *slabs);

/*
 * Adds an empty slab near @nid. Returns the node it went to, or NULL when
 * memory ran out. Calls the page allocator: no lock held.
 */
struct cache_node *cache_grow(struct kmem_cache *cache, gfp_t gfp, unsigned nid);

/* Gives back empty slabs until at most @keep_objects are free. Returns pages. */
uint64_t node_reap(struct kmem_cache *cache, struct cache_node *node, uint64_t keep_objects);

/*
 * One object from @nid or near it, without the arrays. Object NULL when memory ran
 * out. Of the second, *state is its state byte, already 0.
 */
struct slab_slot slab_take_slot(struct kmem_cache *cache, gfp_t gfp, unsigned nid);
void *slab_take_one(struct kmem_cache *cache, gfp_t gfp, unsigned nid, uint8_t **state);

/*
 * Takes 1 to @wanted objects of node @nid itself, after making a slab there if
 * it must; 0 when the node's memory ran out. Does not reclaim.
 */
unsigned node_take_growing(struct kmem_cache *cache, gfp_t gfp, unsigned nid, struct slab_slot *to,
			   unsigned wanted);

/* Returns one object whose state byte is @state to its slab, wherever that is. */
void slab_give_one(struct kmem_cache *cache, void *object, uint8_t *state);

/* ---- mm/slab/depot.c: magazines ---- */

/* Sizes of magazines: each has a cache. The place of @nr_slots among them. */
#define NR_MAGAZINE_SIZES	3
unsigned magazine_size_index(unsigned nr_slots);
size_t magazine_bytes(unsigned size_index);

/* An empty magazine for objects of @cache; NULL when memory ran out. Does not reclaim. */
struct magazine *magazine_make(struct kmem_cache *cache, unsigned nid);
void magazine_free(struct magazine *magazine);

/*
 * To and from any depot. Getting and swapping: NULL, and nothing has changed, where
 * it has none. Putting a full one: false where it has @max.
 */
struct magazine *depot_get_full(struct depot *depot);
struct magazine *depot_get_empty(struct depot *depot);
bool depot_put_full(struct depot *depot, struct magazine *full, uint16_t max) MUST_CHECK;
void depot_put_empty(struct depot *depot, struct magazine *empty);
struct magazine *depot_swap_full(struct depot *depot, struct magazine *full) MUST_CHECK;
struct magazine *depot_swap_empty(struct depot *depot, struct magazine *empty) MUST_CHECK;

/*
 * To and from the depot of @node. An empty magazine is made where there is none,
 * NULL when memory ran out. A full one that is too many is emptied into the slabs.
 */
struct magazine *node_get_empty(struct kmem_cache *cache, struct cache_node *node);

/* Full magazines that the depot of @node may have. */
uint16_t node_max_full(const struct kmem_cache *cache, const struct cache_node *node);
void node_put_full(struct kmem_cache *cache, struct cache_node *node, struct magazine *full);

/* Empties a full magazine of @node's depot into the slabs. False: there is none. */
bool node_spill(struct kmem_cache *cache, struct cache_node *node);

/* Empties all magazines of @depot into slabs of @node, and frees them. */
void depot_drain(struct kmem_cache *cache, struct cache_node *node, struct depot *depot);

/* Objects in the depot's magazines. Read without the lock: a hint. */
static inline uint64_t depot_objects(const struct kmem_cache *cache, const struct depot *depot)
{
	return (uint64_t)__atomic_load_n(&depot->nr_full, __ATOMIC_RELAXED) *
	       cache->magazine_slots;
}

/* ---- mm/slab/array.c: a CPU's magazines ---- */

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
struct cpu_array *cpu_array_own(struct kmem_cache *cache);

/* The loaded magazine is full: on return it is not. */
void cpu_array_make_room(struct kmem_cache *cache, struct cpu_array *array);

/* The loaded magazine is empty. False: memory ran out. */
bool cpu_array_refill(struct kmem_cache *cache, struct cpu_array *array, gfp_t gfp) MUST_CHECK;

/* Empties the array of @cpu, which is this one or quiet, into its node's slabs. */
void cpu_array_drain(struct kmem_cache *cache, unsigned cpu);

/* The same for what the CPU of @array, which may be any and busy, has in reserve. */
void cpu_array_drain_own(struct kmem_cache *cache, struct cpu_array *array);
uint64_t cpu_array_count(const struct kmem_cache *cache, const struct cpu_array *array);
void cpu_array_free(const struct kmem_cache *cache, struct cpu_array *array);

/* ---- mm/slab/cpu.c: the fast paths ---- */

/* Memory for arrays: never through arrays. NULL when it ran out; does not reclaim. */
enum slab_internal { SLAB_CPU_ARRAY, SLAB_ALIEN_ARRAY, SLAB_ALIEN_TABLE, NR_SLAB_INTERNALS };
void *slab_internal_alloc(enum slab_internal kind, unsigned nid);
void slab_internal_free(void *at);

/* kfree() of something that is not in a slab. */
void kfree_large(const void *object, const void *caller);

/* Any request: @nid or NID_NONE, any @gfp; @size_bytes is what was asked for. */
void *slab_alloc_sized(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t size_bytes,
		       const void *caller);

/* ---- mm/slab/alien.c: objects of other nodes ---- */

/* One free object of node @nid for a CPU of @home; NULL when @nid has none. Takes a batch along. */
struct slab_slot alien_take(struct kmem_cache *cache, struct cache_node *home, unsigned nid);

static inline struct alien_array *alien_lookup(struct cache_node *home, unsigned nid)
{
	struct alien_array **table = __atomic_load_n(&home->alien, __ATOMIC_ACQUIRE);

	return table ? __atomic_load_n(&table[nid], __ATOMIC_ACQUIRE) : NULL;
}

/* As alien_take(), from what is there already. */
static inline struct slab_slot alien_pop(struct cache_node *home, unsigned nid)
{
	struct alien_array *alien = alien_lookup(home, nid);
	struct slab_slot slot = { NULL, NULL };

	if (unlikely(!alien))
		return slot;
	spin_lock(&alien->lock);
	if (likely(alien->nr > 0))
		slot = alien->magazine->slots[--alien->nr];
	spin_unlock(&alien->lock);
	return slot;
}

/* Sends a free object of node @nid home, sooner or later. */
void alien_give(struct kmem_cache *cache, struct cache_node *home, unsigned nid,
		struct slab_slot slot);

/* Sends all of them home now. */
void alien_drain(struct kmem_cache *cache, struct cache_node *home);

/* Objects of other nodes in the alien arrays of CPUs of @home. */
uint64_t alien_objects(struct cache_node *home);

/* Frees the arrays, which are empty. */
void alien_free(struct cache_node *home);

/* ---- mm/slab/cache.c ---- */

/* The nearest node with memory to @nid. */
static inline unsigned slab_memory_node(unsigned nid)
{
	return slab_system.setup.nearest_node(nid, 0);
}

/* ---- mm/slab/rcu.c: slabs of type-safe caches ---- */

void rcu_slabs_init(struct kmem_cache *cache);

/* Keeps @slabs until a grace period has passed; moves to @ready what may go already. */
void rcu_slabs_defer(struct kmem_cache *cache, struct list_head *slabs, struct list_head *ready);

/* Waits until none is kept; false when other CPUs were not quiescent for a second. */
bool rcu_slabs_wait(struct kmem_cache *cache) MUST_CHECK;

/* ---- mm/slab/debug/report.c: what was found wrong; these do not return ---- */

void slab_report_bad_free(const void *object, const void *caller) COLD NORETURN;
/* The same, not NORETURN: fast paths jump to it and need no stack frame of their own. */
void slab_refuse_free(const void *object, const void *caller) COLD;

void slab_report_wrong_cache(const struct kmem_cache *cache, const void *object,
			     const void *caller) COLD NORETURN;
void slab_report_twice(const struct kmem_cache *cache, const void *object) COLD NORETURN;
void slab_report_corrupt(const struct kmem_cache *cache, const struct slab *slab,
			 const char *what) COLD NORETURN;

#endif
