/*
 * A CPU's array of objects: two magazines, and where they come from.
 *
 * Model
 *   A CPU pops from and pushes to its loaded magazine (slab_cpu.c); the previous
 *   one is full or empty. When the loaded one is full, the previous one, if full,
 *   goes to the node's depot and an empty one comes; then the two change places.
 *   When it is empty, they change places if the previous one is full; else a full
 *   one comes from the depot, or the loaded one is filled with a batch from the
 *   slabs. So a load that goes up and down by a magazine's size never leaves the
 *   CPU, and nothing is ever moved from one slot to another.
 *
 *   A CPU without an array has slab_no_array, which is always empty and always
 *   full: every operation takes the slow path. Debug caches stay with it.
 *
 * Invariants, on a CPU outside these functions
 *   A1  top is within the loaded magazine; slots below it hold objects, and the
 *       sentinels of both magazines none
 *   A2  all objects are of node array->nid and of this cache
 *   A3  no object at rest has a state byte of 0, and each rests once
 *
 * Locking
 *   An array is used by its own CPU only, under mm_port_local_lock(). Others may
 *   set is_drain_asked, which the next refill or drain answers.
 */

#include "slab_core.h"

static struct slab_slot no_slots[1];
struct cpu_array slab_no_array = { .nid = UINT16_MAX };

void slab_no_array_init(void)
{
	slab_no_array.top = &no_slots[1];	/* top[-1].object is NULL: empty */
	slab_no_array.end = &no_slots[0];	/* below top: full */
}

/* ---- The two magazines ---- */

/* Goes on with @magazine, whose first @nr slots hold objects. */
static void load(const struct kmem_cache *cache, struct cpu_array *array,
		 struct magazine *magazine, unsigned nr)
{
	array->loaded = magazine;
	array->top = magazine->slots + nr;
	array->end = magazine->slots + cache->magazine_slots;
}

/* The magazines change places; the loaded one is full or empty, as is told. */
static void swap(const struct kmem_cache *cache, struct cpu_array *array, bool is_loaded_full)
{
	struct magazine *loaded = array->loaded;

	load(cache, array, array->previous, array->is_previous_full ? cache->magazine_slots : 0);
	array->previous = loaded;
	array->is_previous_full = is_loaded_full;
}

static unsigned loaded_count(const struct cpu_array *array)
{
	return (unsigned)(array->top - array->loaded->slots);
}

unsigned cpu_array_count(const struct kmem_cache *cache, const struct cpu_array *array)
{
	if (array == &slab_no_array)
		return 0;
	return loaded_count(array) + (array->is_previous_full ? cache->magazine_slots : 0);
}

/* ---- Making and freeing ---- */

void cpu_array_free(struct cpu_array *array)
{
	if (array->loaded)
		magazine_free(array->loaded);
	if (array->previous)
		magazine_free(array->previous);
	slab_internal_free(array);
}

static struct cpu_array *array_make(struct kmem_cache *cache, unsigned nid)
{
	struct cpu_array *array = slab_internal_alloc(SLAB_CPU_ARRAY, nid);

	if (!array)
		return NULL;
	*array = (struct cpu_array){
		.nid = (uint16_t)nid,
		.loaded = magazine_make(cache, nid),
		.previous = magazine_make(cache, nid),
	};
	if (!array->loaded || !array->previous) {
		cpu_array_free(array);
		return NULL;
	}
	load(cache, array, array->loaded, 0);
	return array;
}

struct cpu_array *cpu_array_own(struct kmem_cache *cache)
{
	struct cpu_array **place = &cache->cpu[mm_port_cpu()];
	struct cpu_array *made;
	unsigned nid;

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

void cpu_array_drain(struct kmem_cache *cache, unsigned cpu)
{
	struct cpu_array *array = cache->cpu[cpu];
	struct cache_node *node;
	bool is_previous_full;
	unsigned nr;

	if (array == &slab_no_array)
		return;
	node = cache_node_lookup(cache, array->nid);
	is_previous_full = array->is_previous_full;
	nr = loaded_count(array);
	array->is_previous_full = false;
	load(cache, array, array->loaded, 0);
	if (is_previous_full)
		node_give(cache, node, array->previous->slots, cache->magazine_slots);
	if (nr)
		node_give(cache, node, array->loaded->slots, nr);
}

static bool answer_drain_request(struct kmem_cache *cache, struct cpu_array *array)
{
	if (likely(!__atomic_load_n(&array->is_drain_asked, __ATOMIC_RELAXED)))
		return false;
	__atomic_store_n(&array->is_drain_asked, false, __ATOMIC_RELAXED);
	cpu_array_drain(cache, mm_port_cpu());
	return true;
}

/* Sends the previous magazine, which is full, to the depot, or at least its objects home. */
static void unload_previous(struct kmem_cache *cache, struct cpu_array *array)
{
	struct cache_node *node = cache_node_lookup(cache, array->nid);
	struct magazine *empty = depot_get_empty(cache, node);
	struct magazine *full = array->previous;

	array->nr_drains++;
	array->is_previous_full = false;
	if (unlikely(!empty)) {
		node_give(cache, node, full->slots, cache->magazine_slots);
		return;
	}
	array->previous = empty;
	depot_put_full(cache, node, full);
}

void cpu_array_make_room(struct kmem_cache *cache, struct cpu_array *array)
{
	if (answer_drain_request(cache, array))
		return;
	if (array->is_previous_full)
		unload_previous(cache, array);
	swap(cache, array, true);
}

/* ---- Refilling ---- */

bool cpu_array_refill(struct kmem_cache *cache, struct cpu_array *array, gfp_t gfp)
{
	struct cache_node *node = cache_node_lookup(cache, array->nid);
	struct magazine *full;
	unsigned nr;

	answer_drain_request(cache, array);
	if (array->is_previous_full) {
		swap(cache, array, false);
		return true;
	}
	full = depot_get_full(node);
	if (likely(full != NULL)) {
		depot_put_empty(node, array->loaded);
		load(cache, array, full, cache->magazine_slots);
		return true;
	}
	array->nr_refills++;
	nr = node_take_growing(cache, gfp, array->nid, array->loaded->slots, cache->batch);
	load(cache, array, array->loaded, nr);
	return nr != 0;
}
