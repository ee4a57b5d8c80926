#ifndef MM_SLAB_DEF_H
#define MM_SLAB_DEF_H

/*
 * As much of a cache as callers need to take an object without a call.
 *
 * Nothing here is for use outside mm/ but slab_pop() and kmalloc_pop(), and those
 * through kmem_cache_alloc() and kmalloc().
 */

#include "lib/align.h"
#include "lib/list.h"
#include "mm/gfp.h"
#include "mm/lock.h"
#include "mm/port.h"
#include "mm/rcu.h"

/*
 * An object at rest in an array: where it is, and the byte of its kmem_bufctl
 * entry that is 0 exactly while it is allocated.
 */
struct slab_slot {
	void *object;
	uint8_t *state;
};

/*
 * Objects at rest that change hands as one: cache->magazine_slots places. Where a
 * slot before the first would be stand a NULL, at which a pop sees that there
 * are no more, and the link that a depot uses.
 */
struct magazine {
	union {
		struct slab_slot sentinel;
		struct {
			void *no_object;
			struct magazine *next;
		};
	};
	struct slab_slot slots[];
};

/* Magazines of which each is full or empty: a node's, or those a CPU has in reserve. */
struct depot {
	struct spinlock lock;		/* guards all here, and the magazines */
	uint16_t nr_full GUARDED_BY(lock), nr_empty GUARDED_BY(lock);
	struct magazine *full GUARDED_BY(lock), *empty GUARDED_BY(lock);	/* linked by next */
};

/*
 * The objects a CPU has at hand: a stack, the loaded magazine, and a depot of its own.
 * All that allocating and freeing need of the cache stands here, in one line.
 */
struct cpu_array {
	struct slab_slot *top;	/* in the loaded magazine; top[-1] is the newest object */
	struct slab_slot *end;	/* behind its last slot */
	uint64_t inverse;	/* the cache's */
	uint64_t nr_objects;	/* the cache's, per slab; 0: this is no array yet */
	struct depot own;
	uint16_t nid;		/* whose objects these are: the CPU's nearest node with memory */
	uint16_t max_full;	/* in its own depot: see Keeping in mm/slab/array.c */
	bool has_given;		/* a full one to the node's depot since it last took one */
	bool is_drain_asked;	/* atomic */
} __attribute__((aligned(CACHE_LINE_BYTES)));

_Static_assert(sizeof(struct cpu_array) == CACHE_LINE_BYTES, "two CPUs' must not share one");

/*
 * Arrays of the kmalloc caches lie in the CPU's own data, behind the stacks of pages:
 * no table of caches needs to be read to find them. They are counted in their size
 * from the beginning of that data. All other caches have KMALLOC_NO_ARRAY, which is
 * never one.
 */
#define KMALLOC_NO_ARRAY	KMALLOC_ARRAYS_BEGIN
#define KMALLOC_ARRAYS_BEGIN	216u
#define NR_KMALLOC_ARRAYS	100u

static ALWAYS_INLINE struct cpu_array *kmalloc_array_at(size_t index)
{
	return (struct cpu_array *)mm_port_cpu_data() + index;
}

enum slab_place { ON_SLAB, OFF_SLAB };

/* How a cache cuts its slabs; worked out by mm/slab/layout.c. */
struct slab_layout {
	uint32_t stride_bytes;		/* from object to object */
	uint32_t objects_offset;	/* of the first, without colour */
	uint32_t descriptor_bytes;	/* struct slab and bufctl */
	uint16_t nr_objects;
	uint8_t order;
	bool is_wide;			/* u16 entries, in two planes */
	uint32_t nr_colours;		/* at least 1 */
	uint32_t colour_bytes;
	enum slab_place place;
};

struct cache_node;
struct cache_debug;

struct kmem_cache {
	/* Read by every allocation and free. */
	uint64_t inverse;		/* see slab_index() */
	uint64_t nr_objects;		/* per slab, as in layout */
	struct slab_layout layout;
	uint32_t flags;			/* slab_flags_t */
	gfp_t gfp;			/* added to every request for pages */

	/*
	 * What users may use: asked_bytes up to whole words. Not how far apart objects
	 * lie: that is layout.stride_bytes, red zones and alignment included.
	 */
	uint32_t object_bytes;
	uint32_t asked_bytes;		/* of kmem_cache_create() */
	uint32_t align;
	uint64_t max_kept_objects;	/* free in the slabs of a node: see mm/slab/node.c */
	uint16_t magazine_slots;	/* 0: no CPU arrays, no depot */
	uint16_t batch;			/* objects a CPU takes from slabs at once */
	uint16_t array_index;		/* see kmalloc_array_at() */
	const char *name;
	void (*ctor)(void *object);
	void (*dtor)(void *object);
	struct cache_debug *debug;	/* NULL: no debug flag */
	struct kmem_cache *descriptors;	/* where off-slab descriptors come from */
	struct kmem_cache *magazines;	/* and magazines */
	struct {
		struct spinlock lock;
		/* Slabs: see mm/slab/rcu.c. The period that `waiting` waits for, and `pending`. */
		struct list_head pending GUARDED_BY(lock), waiting GUARDED_BY(lock);
		uint64_t number GUARDED_BY(lock);
		uint64_t pending_number GUARDED_BY(lock);
		struct rcu_head head;		/* of a cache that is destroyed meanwhile */
	} rcu;
	uint64_t nr_slabs;		/* those that wait for readers too; atomic */
	uint64_t max_slabs;		/* UINT64_MAX: no limit; atomic */
	bool is_limit_told;		/* atomic */
	struct list_head list;		/* of all; this and the next two: slab_system.lock */
	unsigned nr_visitors;		/* who go through the list and work on this cache */
	bool is_dying;			/* nobody visits it any more */
	struct cache_node **nodes;	/* by nid; entries NULL until first used */
	struct cpu_array *cpu[];	/* by CPU; &slab_no_array until made */
};


/*
 * The newest object of @array, this CPU's, now allocated; NULL if it has none, the
 * cache wants every operation to take the slow path, or the object is allocated
 * already: the slow path tells.
 */
static ALWAYS_INLINE void *slab_pop_from(struct cpu_array *array, struct mm_local local)
{
	struct slab_slot *top = array->top;
	void *object = top[-1].object;

	(void)local;
	if (likely(object != NULL)) {
		uint8_t *state = top[-1].state;

		if (unlikely(*state == 0))
			return NULL;
		array->top = top - 1;
		*state = 0;
	}
	return object;
}

static ALWAYS_INLINE void *slab_pop(struct kmem_cache *cache)
{
	struct mm_local local = mm_port_local_lock();
	void *object = slab_pop_from(cache->cpu[mm_port_cpu()], local);

	mm_port_local_unlock(local);
	return object;
}

/* The same of the kmalloc cache whose arrays are at @index. */
static ALWAYS_INLINE void *kmalloc_pop(size_t index)
{
	struct mm_local local = mm_port_local_lock();
	void *object = slab_pop_from(kmalloc_array_at(index), local);

	mm_port_local_unlock(local);
	return object;
}

#endif
