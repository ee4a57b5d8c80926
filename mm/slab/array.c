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
 *
 * Invariants, on a CPU outside these functions
 *   ARRAY-1  top is within the loaded magazine; slots below it hold objects, and its
 *       sentinel none; those of the own depot are as in mm/slab/depot.c; inverse and
 *       nr_objects are the cache's
 *   ARRAY-2  all objects are of node array->nid and of this cache
 *   ARRAY-3  no object at rest has a state byte of 0, and each rests once
 *   ARRAY-4  the own depot has at most max_full magazines, and max_full is at least 1
 *
 * Locking
 *   An array is used by its own CPU only, under mm_port_local_lock(). Others may
 *   empty its own depot, which has a lock, and set is_drain_asked, which the next
 *   refill or drain answers.
 */

#include "mm/slab/array.h"

#include "lib/align.h"
#include "mm/slab/depot.h"
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
		 struct magazine *magazine, unsigned nr)
{
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

/* ---- Making and freeing ---- */

void cpu_array_free(const struct kmem_cache *cache, struct cpu_array *array)
{
	magazine_free(cpu_array_loaded(cache, array));
	slab_internal_free(array);
}

/* Sets up @array, this CPU's. False: no memory for a magazine, and it is as it was. */
static bool set_up(struct kmem_cache *cache, struct cpu_array *array, unsigned nid)
{
	struct magazine *magazine = magazine_make(cache, nid);

	if (!magazine)
		return false;
	*array = (struct cpu_array){
		.inverse = cache->inverse,
		.nr_objects = cache->nr_objects,
		.nid = (uint16_t)nid,
		.max_full = 1,
	};
	load(cache, array, magazine, 0);
	return true;
}

static struct cpu_array *array_make(struct kmem_cache *cache, unsigned nid)
{
	struct cpu_array *array;

	if (cache->array_index != KMALLOC_NO_ARRAY) {
		array = kmalloc_array_at(cache->array_index);
		return set_up(cache, array, nid) ? array : NULL;
	}
	array = slab_internal_alloc(SLAB_CPU_ARRAY, nid);
	if (array && !set_up(cache, array, nid)) {
		slab_internal_free(array);
		return NULL;
	}
	return array;
}

struct cpu_array *cpu_array_own(struct kmem_cache *cache, struct mm_local local)
{
	struct cpu_array **place = &cache->cpu[mm_port_cpu()];
	struct cpu_array *made;
	unsigned nid;

	(void)local;
	if (likely(*place != &slab_no_array) || cache->magazine_slots == 0)
		return *place;
	nid = slab_memory_node(numa_node_id());
	if (!cache_node_get(cache, nid))
		return *place;
	made = array_make(cache, nid);
	if (made)
		/* Other CPUs read it, to show it and to ask it to drain. */
		__atomic_store_n(place, made, __ATOMIC_RELEASE);
	return *place;
}

/* ---- Draining ---- */

void cpu_array_drain_own(struct kmem_cache *cache, struct cpu_array *array)
{
	depot_drain(cache, cache_node_lookup(cache, array->nid), &array->own);
}

void cpu_array_drain(struct kmem_cache *cache, unsigned cpu, struct mm_local local)
{
	struct cpu_array *array = cache->cpu[cpu];
	struct magazine *loaded;
	unsigned nr;

	(void)local;
	if (array == &slab_no_array)
		return;
	loaded = cpu_array_loaded(cache, array);
	nr = loaded_count(cache, array);
	load(cache, array, loaded, 0);
	array->max_full = 1;
	array->has_given = false;
	if (nr)
		node_give(cache, cache_node_lookup(cache, array->nid), loaded->slots, nr);
	cpu_array_drain_own(cache, array);
}

static bool answer_drain_request(struct kmem_cache *cache, struct cpu_array *array,
				 struct mm_local local)
{
	if (likely(!__atomic_load_n(&array->is_drain_asked, __ATOMIC_RELAXED)))
		return false;
	__atomic_store_n(&array->is_drain_asked, false, __ATOMIC_RELAXED);
	cpu_array_drain(cache, mm_port_cpu(), local);
	return true;
}

/* Other CPUs have read @empty, which is about to be written: all its lines come at once. */
static void fetch_for_writing(const struct kmem_cache *cache, struct magazine *empty)
{
	const uint8_t *end = (const uint8_t *)&empty->slots[cache->magazine_slots];

	for (const uint8_t *at = (const uint8_t *)empty; at < end; at += CACHE_LINE_BYTES)
		__builtin_prefetch(at, 1);
}

/* The own depot has no empty magazine for @full: the node's has, or one is made. */
static struct magazine *change_full(struct kmem_cache *cache, struct cpu_array *array,
				    struct magazine *full)
{
	struct cache_node *node = cache_node_lookup(cache, array->nid);
	struct magazine *empty = node_get_empty(cache, node);

	if (unlikely(!empty)) {
		node_give(cache, node, full->slots, cache->magazine_slots);
		return full;
	}
	fetch_for_writing(cache, empty);
	if (!depot_put_full(&array->own, full, array->max_full)) {
		array->has_given = true;
		node_put_full(cache, node, full);
	}
	return empty;
}

void cpu_array_make_room(struct kmem_cache *cache, struct cpu_array *array,
			 struct mm_local local)
{
	struct magazine *full = cpu_array_loaded(cache, array), *empty;

	if (answer_drain_request(cache, array, local))
		return;
	empty = depot_swap_full(&array->own, full);
	if (!empty)
		empty = change_full(cache, array, full);
	load(cache, array, empty, 0);
}

/* ---- Refilling ---- */

/* The CPU needs back what it gave away: it keeps more from now on. */
static void keep_more(const struct kmem_cache *cache, const struct cache_node *node,
		      struct cpu_array *array)
{
	uint64_t max = min_u64(2ull * array->max_full, node_max_full(cache, node));

	array->has_given = false;
	array->max_full = (uint16_t)max_u64(array->max_full, max);
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

bool cpu_array_refill(struct kmem_cache *cache, struct cpu_array *array, gfp_t gfp,
		      struct mm_local local)
{
	struct magazine *empty = cpu_array_loaded(cache, array), *full;
	unsigned nr;

	answer_drain_request(cache, array, local);
	full = depot_swap_empty(&array->own, empty);
	if (!full)
		full = change_empty(cache, array, empty);
	if (likely(full != NULL)) {
		load(cache, array, full, cache->magazine_slots);
		return true;
	}
	nr = depot_take_growing(cache, gfp, array->nid, empty->slots, cache->batch);
	load(cache, array, empty, nr);
	return nr != 0;
}
