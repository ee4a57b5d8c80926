/*
 * A CPU's array of objects: a magazine, those in reserve, and where they come from.
 *
 * Model
 *   A CPU pops from and pushes to its loaded magazine (mm/slab/cpu.c). A full one is
 *   changed for an empty one, an empty one for a full one, from the CPU's own depot
 *   if it can be, else from the node's; where neither has a full one, the loaded
 *   one is filled with a batch from the slabs. So nothing is ever moved from one
 *   slot to another.
 *
 *   Those of kmalloc's caches lie in the CPU's own data, others in memory of their
 *   own. A CPU without an array has slab_no_array, which is always empty and always
 *   full: every operation takes the slow path. Debug caches stay with it.
 *
 * Keeping
 *   What a CPU freed it should allocate again: the objects, their state bytes and
 *   the magazines are in its caches, and in those only. At most max_full full
 *   magazines stay with it, at first one, so that a load that goes up and down by a
 *   magazine's size never leaves the CPU. A CPU that takes from the node's depot
 *   after it gave there keeps too few: max_full doubles, up to what the node may
 *   keep. A CPU that only frees, or only allocates, keeps one. Draining sets it back.
 *   All that CPUs may hold is bounded (mm/slab/keep.c): one that begins when all of
 *   it is given has no array.
 *
 * Invariants, on a CPU outside these functions
 *   ARRAY-1  top is within the loaded magazine; slots below it hold objects, and its
 *       sentinel none; those of the own depot are as in mm/slab/depot.c; inverse and
 *       nr_objects are the cache's
 *   ARRAY-2  all objects are of node array->nid and of this cache, with a state byte that
 *       is not 0; that each rests once is SLAB-6
 *   ARRAY-3  the own depot has at most max_full magazines, and max_full is at least 1
 *
 * Locking
 *   An array is used by its own CPU only, under mm_port_local_lock(), which surrounds
 *   the array and the depots and nothing else: where pages or memory are needed, or
 *   objects go to slabs, the lock is given up first and the way begun anew, perhaps on
 *   another CPU. Others may empty its own depot, which has a lock, and set
 *   is_drain_asked, which the next refill or drain answers.
 */

#include "mm/slab/array.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab/depot.h"
#include "mm/slab/keep.h"
#include "mm/slab/node.h"

struct cpu_array slab_no_array;

/* Makes @array one that gives and takes nothing. */
static void clear(struct cpu_array *array)
{
	static struct slab_slot no_slot;

	*array = (struct cpu_array){
		.top = &no_slot + 1,	/* top[-1].object is NULL: empty */
		.end = &no_slot,	/* below top: full */
	};
}

void slab_no_array_init(void)
{
	clear(&slab_no_array);
}

void slab_init_cpu(struct cpu_array arrays[])
{
	for (unsigned i = 0; i < NR_KMALLOC_ARRAYS; i++)
		clear(&arrays[i]);
}

/* Goes on with @magazine, whose first @nr slots hold objects. */
static void load(const struct kmem_cache *cache, struct cpu_array *array,
		 struct magazine *magazine, unsigned nr, struct mm_local local)
{
	(void)local;
	array->top = magazine->slots + nr;
	array->end = magazine->slots + cache->magazine_slots;
}

static unsigned loaded_count(const struct kmem_cache *cache, const struct cpu_array *array)
{
	return (unsigned)(array->top - cpu_array_loaded(cache, array)->slots);
}

uint64_t cpu_array_count(const struct kmem_cache *cache, const struct cpu_array *array)
{
	if (array == &slab_no_array)
		return 0;
	return loaded_count(cache, array) + depot_objects(cache, &array->own);
}

/* As it began: see Keeping. */
static void keep_one(const struct kmem_cache *cache, struct cpu_array *array)
{
	keep_pages_no_more(KEEP_WITH_CPUS, keep_magazine_pages(cache, array->max_full - 1u));
	array->max_full = 1;
	array->has_given = false;
}

/* Magazines that a CPU may have at first, of every cache: one loaded, one in reserve. */
#define NR_AT_FIRST	2u

/* ---- Making and freeing ---- */

void cpu_array_free(const struct kmem_cache *cache, struct cpu_array *array)
{
	keep_one(cache, array);
	keep_pages_no_more(KEEP_WITH_CPUS, keep_magazine_pages(cache, NR_AT_FIRST));
	magazine_free(cpu_array_loaded(cache, array));
	if (cache->array_index == KMALLOC_NO_ARRAY)
		slab_internal_free(array);
}

static void set_up(const struct kmem_cache *cache, struct cpu_array *array,
		   struct magazine *magazine, unsigned nid, struct mm_local local)
{
	*array = (struct cpu_array){
		.inverse = cache->inverse,
		.nr_objects = cache->nr_objects,
		.nid = (uint16_t)nid,
		.max_full = 1,
	};
	load(cache, array, magazine, 0, local);
}

/*
 * Makes @magazine and, but for kmalloc's caches, @array that of @cpu. False: the caller
 * runs on another by now, or there is one already.
 */
static bool install_array(struct kmem_cache *cache, struct cpu_array *array,
			  struct magazine *magazine, unsigned cpu, unsigned nid)
{
	struct mm_local local = mm_port_local_lock();
	struct cpu_array **place = &cache->cpu[cpu];
	bool is_wanted = cpu == mm_port_cpu() && *place == &slab_no_array;

	if (is_wanted) {
		if (!array)
			array = kmalloc_array_at(cache->array_index);
		set_up(cache, array, magazine, nid, local);
		/* Other CPUs read it, to show it and to ask it to drain. */
		__atomic_store_n(place, array, __ATOMIC_RELEASE);
	}
	mm_port_local_unlock(local);
	return is_wanted;
}

/* False when memory ran out, or was for a CPU that this is no longer. */
static bool make_and_install(struct kmem_cache *cache, unsigned cpu)
{
	const unsigned nid = slab_memory_node(numa_node_id());
	const bool is_apart = cache->array_index == KMALLOC_NO_ARRAY;
	struct cpu_array *array = NULL;
	struct magazine *magazine;

	if (!cache_node_get(cache, nid))
		return false;
	if (is_apart && !(array = slab_internal_alloc(SLAB_CPU_ARRAY, nid)))
		return false;
	magazine = magazine_make(cache, nid);
	if (magazine && install_array(cache, array, magazine, cpu, nid))
		return true;
	if (magazine)
		magazine_free(magazine);
	if (array)
		slab_internal_free(array);
	return false;
}

/* There is none where all CPUs together hold as much as they may: see mm/slab/keep.c. */
static void array_make(struct kmem_cache *cache, unsigned cpu)
{
	const uint64_t nr_pages = keep_magazine_pages(cache, NR_AT_FIRST);

	if (keep_pages(KEEP_WITH_CPUS, nr_pages) && !make_and_install(cache, cpu))
		keep_pages_no_more(KEEP_WITH_CPUS, nr_pages);
}

struct cpu_array *cpu_array_own(struct kmem_cache *cache)
{
	const unsigned cpu = mm_port_cpu();

	if (likely(cache->cpu[cpu] != &slab_no_array) || cache->magazine_slots == 0)
		return cache->cpu[cpu];
	array_make(cache, cpu);
	return cache->cpu[mm_port_cpu()];
}

/* ---- Draining ---- */

/* Objects that leave an array at once: 512 bytes of stack. */
#define NR_DRAINED	32u

void cpu_array_drain_own(struct kmem_cache *cache, struct cpu_array *array)
{
	depot_drain(cache, cache_node_lookup(cache, array->nid), &array->own);
}

void cpu_array_drain(struct kmem_cache *cache, unsigned cpu)
{
	struct cpu_array *array = cache->cpu[cpu];
	struct magazine *loaded;
	struct mm_local local;
	unsigned nr;

	if (array == &slab_no_array)
		return;
	loaded = cpu_array_loaded(cache, array);
	nr = loaded_count(cache, array);
	/* Nobody uses the cache any more: any CPU's proof will do. */
	local = mm_port_local_lock();
	load(cache, array, loaded, 0, local);
	mm_port_local_unlock(local);
	if (nr)
		node_give(cache, cache_node_lookup(cache, array->nid), loaded->slots, nr);
	cpu_array_drain_own(cache, array);
}

/* Takes up to NR_DRAINED objects off @array to @slots; how many. */
static unsigned pop_drained(const struct kmem_cache *cache, struct cpu_array *array,
			    struct slab_slot *slots, struct mm_local local)
{
	unsigned nr = loaded_count(cache, array);

	(void)local;
	if (nr > NR_DRAINED)
		nr = NR_DRAINED;
	array->top -= nr;
	memcpy(slots, array->top, nr * sizeof(slots[0]));
	keep_one(cache, array);
	__atomic_store_n(&array->is_drain_asked, false, __ATOMIC_RELAXED);
	return nr;
}

/* Of the array of the CPU that this is now; 0: it has none, or an empty one. */
static unsigned drain_some(struct kmem_cache *cache)
{
	struct slab_slot slots[NR_DRAINED];
	struct mm_local local = mm_port_local_lock();
	struct cpu_array *array = cache->cpu[mm_port_cpu()];
	unsigned nr = array == &slab_no_array ? 0 : pop_drained(cache, array, slots, local);
	unsigned nid = array->nid;

	mm_port_local_unlock(local);
	if (nr)
		node_give(cache, cache_node_lookup(cache, nid), slots, nr);
	return nr;
}

void cpu_array_drain_this(struct kmem_cache *cache)
{
	/* Once more than it takes: what this CPU's handlers free meanwhile stays. */
	const unsigned max_rounds = cache->magazine_slots / NR_DRAINED + 1;
	struct cpu_array *array;

	for (unsigned i = 0; i < max_rounds && drain_some(cache) == NR_DRAINED; i++)
		;
	array = cache->cpu[mm_port_cpu()];
	if (array != &slab_no_array)
		cpu_array_drain_own(cache, array);
}

static void answer_drain_request(struct kmem_cache *cache)
{
	const struct cpu_array *array = cache->cpu[mm_port_cpu()];

	if (unlikely(__atomic_load_n(&array->is_drain_asked, __ATOMIC_RELAXED)))
		cpu_array_drain_this(cache);
}

/* ---- Making room ---- */

/* Other CPUs have read @empty, which is about to be written: all its lines come at once. */
static void fetch_for_writing(const struct kmem_cache *cache, struct magazine *empty)
{
	const uint8_t *end = (const uint8_t *)&empty->slots[cache->magazine_slots];

	for (const uint8_t *at = (const uint8_t *)empty; at < end; at += CACHE_LINE_BYTES)
		__builtin_prefetch(at, 1);
}

/* Magazines in the hand of who makes room: the local lock is not held all the while. */
struct hand {
	struct magazine *empty;		/* made by the caller; NULL: none yet, or it is used */
	struct magazine *surplus;	/* full, and no depot takes it */
};

/* The own depot has no empty magazine for @full: the node's may have, or @hand has. */
static struct magazine *change_full(struct kmem_cache *cache, struct cpu_array *array,
				    struct magazine *full, struct hand *hand)
{
	struct cache_node *node = cache_node_lookup(cache, array->nid);
	struct magazine *empty = depot_get_empty(&node->depot);

	if (!empty) {
		empty = hand->empty;
		hand->empty = NULL;
		if (!empty)
			return NULL;
	}
	fetch_for_writing(cache, empty);
	if (depot_put_full(&array->own, full, array->max_full))
		return empty;
	array->has_given = true;
	if (unlikely(!depot_put_full(&node->depot, full, node_max_full(cache, node))))
		hand->surplus = full;
	return empty;
}

/* Lays @slot into this CPU's @array, for which there may have to be a magazine. */
static bool put_slot(struct kmem_cache *cache, struct cpu_array *array, struct slab_slot slot,
		     struct hand *hand, struct mm_local local)
{
	bool has_room = array->top < array->end;

	if (!has_room) {
		struct magazine *full = cpu_array_loaded(cache, array);
		struct magazine *empty = depot_swap_full(&array->own, full);

		if (!empty)
			empty = change_full(cache, array, full, hand);
		has_room = empty != NULL;
		if (has_room)
			load(cache, array, empty, 0, local);
	}
	if (has_room)
		*array->top++ = slot;
	return has_room;
}

enum put_result { PUT_DONE, PUT_WANTS_MAGAZINE, PUT_NOWHERE };

static enum put_result try_put(struct kmem_cache *cache, unsigned nid, struct slab_slot slot,
			       struct hand *hand)
{
	struct mm_local local = mm_port_local_lock();
	struct cpu_array *array = cache->cpu[mm_port_cpu()];
	enum put_result result = PUT_NOWHERE;

	if (array != &slab_no_array && array->nid == nid)
		result = put_slot(cache, array, slot, hand, local) ? PUT_DONE : PUT_WANTS_MAGAZINE;
	mm_port_local_unlock(local);
	return result;
}

bool cpu_array_put(struct kmem_cache *cache, unsigned nid, struct slab_slot slot)
{
	struct cache_node *node = cache_node_lookup(cache, nid);
	struct hand hand = { NULL, NULL };
	enum put_result result;

	answer_drain_request(cache);
	result = try_put(cache, nid, slot, &hand);
	if (unlikely(result == PUT_WANTS_MAGAZINE)) {
		hand.empty = magazine_make(cache, nid);
		if (hand.empty)
			result = try_put(cache, nid, slot, &hand);
	}
	if (unlikely(hand.surplus != NULL)) {
		node_give(cache, node, hand.surplus->slots, cache->magazine_slots);
		depot_put_empty(&node->depot, hand.surplus);
	}
	if (unlikely(hand.empty != NULL))
		depot_put_empty(&node->depot, hand.empty);	/* one was there after all */
	return result == PUT_DONE;
}

/* ---- Refilling ---- */

/* The CPU needs back what it gave away: it keeps more from now on. */
static void keep_more(const struct kmem_cache *cache, const struct cache_node *node,
		      struct cpu_array *array)
{
	const unsigned max = (unsigned)min_u64(2ull * array->max_full,
					       node_max_full(cache, node));

	array->has_given = false;
	if (max > array->max_full &&
	    keep_pages(KEEP_WITH_CPUS, keep_magazine_pages(cache, max - array->max_full)))
		array->max_full = (uint16_t)max;
}

/* The own depot has no full magazine for @empty: the node's may have. NULL: it has not. */
static struct magazine *change_empty(struct kmem_cache *cache, struct cpu_array *array,
				     struct magazine *empty)
{
	struct cache_node *node = cache_node_lookup(cache, array->nid);
	struct magazine *full = depot_swap_empty(&node->depot, empty);

	if (full && array->has_given)
		keep_more(cache, node, array);
	return full;
}

/* From depots or the slabs that are there. False: they have none. */
static bool refill(struct kmem_cache *cache, struct cpu_array *array, struct mm_local local)
{
	struct magazine *empty = cpu_array_loaded(cache, array), *full;
	unsigned nr;

	full = depot_swap_empty(&array->own, empty);
	if (!full)
		full = change_empty(cache, array, empty);
	if (likely(full != NULL)) {
		load(cache, array, full, cache->magazine_slots, local);
		return true;
	}
	nr = node_take(cache, cache_node_lookup(cache, array->nid), empty->slots, cache->batch);
	load(cache, array, empty, nr, local);
	return nr != 0;
}

/* As cpu_array_take(), without making a slab. */
static struct slab_slot try_take(struct kmem_cache *cache, unsigned nid)
{
	struct slab_slot slot = { NULL, NULL };
	struct mm_local local = mm_port_local_lock();
	struct cpu_array *array = cache->cpu[mm_port_cpu()];

	if (likely(array != &slab_no_array) && likely(array->nid == nid) &&
	    (array->top[-1].object || refill(cache, array, local)))
		slot = *--array->top;
	mm_port_local_unlock(local);
	return slot;
}

struct slab_slot cpu_array_take(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct slab_slot slot;

	answer_drain_request(cache);
	do {
		slot = try_take(cache, nid);
		/* Each round adds a slab, until the node has no page for one. */
	} while (unlikely(!slot.object) && cpu_array_is_of(cache, nid) &&
		 cache_grow(cache, (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_THISNODE, nid));
	return slot;
}
