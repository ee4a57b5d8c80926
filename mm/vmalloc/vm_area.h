#ifndef MM_VM_AREA_H
#define MM_VM_AREA_H

/*
 * The areas of the vmalloc space, from address to reuse: what mm/vmalloc/vmalloc.c fills
 * and mm/vmalloc/info.c shows. The life of an area is told in mm/vmalloc/vm_area.c.
 */

#include "lib/align.h"
#include "mm/lock.h"
#include "mm/vmalloc.h"

/* The sizes whose freed areas are kept: up to 64 KiB, which covers kernel stacks. */
#define VM_MAX_CACHED_PAGES	16u

#define VM_HUGE_PAGES		(1u << VM_HUGE_ORDER)
#define VM_HUGE_BYTES		(PAGE_SIZE << VM_HUGE_ORDER)
#define VM_GUARD_BYTES		PAGE_SIZE
#define VM_KINDS		(VM_ALLOC | VM_MAP | VM_MAP_RAM | VM_IOREMAP)

/* What mm made for itself, as guarded objects and per-CPU memory: no caller of mm ends it. */
#define VM_OWN			0x0800ul

/* Classes of kept areas: number of pages, and one for a single block of 2 MiB. */
#define VM_HUGE_CLASS		0u
#define VM_NR_CLASSES		(VM_MAX_CACHED_PAGES + 1)
#define VM_NO_CLASS		VM_NR_CLASSES

/* An unordered set of areas, through vm_struct.link. */
struct vm_area_set {
	struct vm_struct *first;
	unsigned nr_areas;
};

/* Aligned: CPUs share no line, and an element is found with one shift less. */
struct vm_area_cpu {
	struct spinlock lock;		/* guards all of these */
	struct vm_area_set lazy GUARDED_BY(lock);
	uint64_t nr_lazy_pages GUARDED_BY(lock);
	struct vm_area_set cached[VM_NR_CLASSES] GUARDED_BY(lock);	/* by class */
} __attribute__((aligned(CACHE_LINE_BYTES)));

/*
 * Areas by the page they start at: a radix tree over the first 512 GiB of the
 * space. Nodes are made with the first area that needs them and stay.
 */
#define VM_INDEX_SHIFT	9u
#define VM_INDEX_SIZE	(1u << VM_INDEX_SHIFT)
#define VM_INDEX_BYTES	(PAGE_SIZE << 3 * VM_INDEX_SHIFT)

struct vm_index_leaf {
	struct vm_struct *areas[VM_INDEX_SIZE];		/* by page, of 2 MiB */
};

struct vm_index_node {
	struct vm_index_leaf *leaves[VM_INDEX_SIZE];	/* of 1 GiB */
};

/*
 * Where pages[] of an area comes from when kmalloc has no block that large: from an area
 * of its own. Those who make areas stand above this file and say how.
 */
struct vm_entries_source {
	void *(*alloc)(size_t bytes, gfp_t gfp, unsigned nid, unsigned long flags);
	void (*free)(const void *entries);
};

struct vm_area_space {
	struct spinlock lock;		/* guards space, first, every area's next, index changes */
	struct vspace space GUARDED_BY(lock);
	struct vm_struct *first GUARDED_BY(lock);	/* by address */
	struct vm_index_node **index;	/* VM_INDEX_SIZE nodes */
	struct kmem_cache *vm_structs;
	struct vm_area_cpu *cpus;
	unsigned nr_cpus;
	const struct vm_entries_source *large_entries;
};

/* The port has one vmalloc space, and this is it. */
extern struct vm_area_space vm_areas;

/* Starts with no areas; see vmalloc_init(). @large_entries stays valid. */
void vm_area_init(unsigned nr_cpus, const struct vm_entries_source *large_entries);

/*
 * A new area for @nr_pages (not 0) pages at a multiple of @align bytes, in state
 * VM_FILLING, with nothing behind it. NULL when addresses or memory ran out; @gfp says how
 * hard to try for a descriptor.
 */
struct vm_struct *vm_area_create(uint64_t nr_pages, uint64_t align, gfp_t gfp);

/*
 * Takes the live area of @kind that starts at @addr out of use for the caller alone. NULL:
 * there is none, or somebody was faster.
 */
struct vm_struct *vm_area_claim(const volatile void *addr, unsigned long kind);

/* The area that starts at @addr is mm's own from now on, or, before mm frees it, no longer. */
void vm_area_set_own(const void *addr, bool is_own);

static inline struct vm_area_cpu *vm_area_this_cpu(void)
{
	return &vm_areas.cpus[mm_port_cpu()];
}

/* The same where this CPU keeps one of @class, else NULL. */
static inline struct vm_struct *vm_area_take_cached(uint64_t class)
{
	struct vm_area_cpu *cpu = vm_area_this_cpu();
	struct vm_area_set *cached = &cpu->cached[class];
	struct vm_struct *area;

	spin_lock(&cpu->lock);
	area = cached->first;
	if (likely(area)) {
		cached->first = area->link;
		cached->nr_areas--;
		area->state = VM_FILLING;
	}
	spin_unlock(&cpu->lock);
	return area;
}

/* Makes room for @nr_entries pointers in @area->pages, keeping what is there. */
bool vm_area_reserve_entries(struct vm_struct *area, uint64_t nr_entries, gfp_t gfp,
			     unsigned nid) MUST_CHECK;

/*
 * Unmaps a filling area, or one whose life has ended, of which some pages may be
 * missing, and queues it with the pages it owns until the next flush; runs that when
 * this CPU has enough.
 */
void vm_area_release(struct vm_struct *area);

/* The same of one whose pages are somebody's: nothing is free after the flush. */
void vm_area_release_window(struct vm_struct *area);

/* Unmaps and flushes an area that owns no pages; its addresses are free on return. */
void vm_area_destroy(struct vm_struct *area);

/* The area with the highest address not above @va, whatever its state, or NULL. */
struct vm_struct *vm_area_at_or_before(uintptr_t va) HOLDS(vm_areas.lock);

/*
 * The area that starts at @addr, any address, whatever its state, or NULL; NULL
 * too beyond what the index covers. Takes no lock: nobody but its owner may end
 * an area, so for an owner the answer stays true.
 */
static inline struct vm_struct *vm_area_starting_at(const void *addr)
{
	uint64_t page = ((uintptr_t)addr - mm_port_vmalloc_start) >> PAGE_SHIFT;
	const struct vm_index_node *node;
	const struct vm_index_leaf *leaf;

	if (page >> 3 * VM_INDEX_SHIFT)		/* below the space wraps and is beyond, too */
		return NULL;
	node = __atomic_load_n(&vm_areas.index[page >> 2 * VM_INDEX_SHIFT], __ATOMIC_ACQUIRE);
	if (!node)
		return NULL;
	leaf = __atomic_load_n(&node->leaves[page >> VM_INDEX_SHIFT & (VM_INDEX_SIZE - 1)],
			       __ATOMIC_ACQUIRE);
	if (!leaf)
		return NULL;
	return __atomic_load_n(&leaf->areas[page & (VM_INDEX_SIZE - 1)], __ATOMIC_ACQUIRE);
}

/* The same wherever it starts, beyond the index too: takes vm_areas.lock. */
struct vm_struct *vm_area_starting_at_any(const volatile void *addr);

static inline enum vm_state vm_area_state(const struct vm_struct *area)
{
	return (enum vm_state)__atomic_load_n(&area->state, __ATOMIC_ACQUIRE);
}

/* Release: who sees the state sees what led to it. */
static inline void vm_area_set_state(struct vm_struct *area, enum vm_state state)
{
	__atomic_store_n(&area->state, (uint8_t)state, __ATOMIC_RELEASE);
}

/* Takes a live area out of use, once: false when it was not live, or somebody was faster. */
static inline bool vm_area_end_life(struct vm_struct *area)
{
	uint8_t live_state = VM_LIVE;

	return __atomic_compare_exchange_n(&area->state, &live_state, VM_LAZY, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static inline unsigned vm_area_class(const struct vm_struct *area)
{
	if (area->nr_pages <= VM_MAX_CACHED_PAGES)
		return area->nr_pages;
	return area->nr_pages == VM_HUGE_PAGES && area->place.start % VM_HUGE_BYTES == 0 ?
	       VM_HUGE_CLASS : VM_NO_CLASS;
}

/* Pages that are free once @area is flushed. */
static inline unsigned vm_area_owned_pages(const struct vm_struct *area)
{
	return area->flags & VM_MAP_RAM ? 0 : area->nr_pages;
}

/* Bytes of @area that may be used: without the guard page. */
static inline uint64_t vm_area_bytes(const struct vm_struct *area)
{
	return area->size - VM_GUARD_BYTES;
}

#endif
