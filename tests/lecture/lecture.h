#ifndef TESTS_LECTURE_LECTURE_H
#define TESTS_LECTURE_LECTURE_H

/*
 * The lecture on the live system, slide by slide.
 *
 * Each slide has a measure function, which does on the running memory manager
 * what the slide is about and returns the facts, and a show function, the chapter,
 * which lets it happen before the listener's eyes. run=lecture shows; the test suite
 * "lecture" measures and checks.
 */

#include "tests/lecture/stage.h"

/*
 * Plays the chapters that lecture= names, or all, at the pace that pace= says. False: one
 * is called as none is. The memory manager runs; other CPUs are quiet.
 */
bool lecture_run(void);

/* Plays the chapter of that number or name. */
bool lecture_play(const char *word);

/* Walks the four levels of the page tables for @va, an entry a step. */
void walk_show(uintptr_t va);

/* An area of @nr_pages, at most 8, no two of which follow each other; NULL: no memory. */
void *slide_scattered_area(unsigned nr_pages);

/* ---- Pages: slides_pages.c ---- */

/* 1: a free list threaded through the pages, as xv6 has it. */
struct xv6_facts {
	unsigned nr_pages;
	bool is_last_in_first_out;
};
struct xv6_facts xv6_measure(void);
void xv6_show(void);

/* What is left for the kernel's map of physical memory when processes end at @kernbase. */
uint64_t xv6_reachable_bytes(uint64_t kernbase);

/* 2: an array that describes the pages. */
struct mem_map_facts {
	uintptr_t page_va;		/* of a page frame, in the direct map */
	uint64_t pfn;
	uintptr_t struct_va;		/* of its struct page */
	uint64_t struct_bytes;
	bool leads_back;		/* address -> struct page -> pfn -> address */
};
struct mem_map_facts mem_map_measure(void);
void mem_map_show(void);

/* 3: a bitmap, searched from its start. */
#define NR_BITMAP_SAMPLES	4u
struct bitmap_facts {
	uint64_t nr_pages;		/* of the window */
	uint64_t nr_taken[NR_BITMAP_SAMPLES];
	uint64_t cost[NR_BITMAP_SAMPLES];	/* words the next allocation searches then */
	unsigned nr_packed;		/* small requests that shared one page */
};
struct bitmap_facts bitmap_measure(void);
void bitmap_show(void);

/* 4: blocks of 2^order pages and their buddies. */
struct buddy_facts {
	uint64_t request_bytes;
	unsigned nr_pages;
	unsigned order;
	uint64_t pfn;
	uint64_t buddy_pfn;
	uint64_t waste_of_4_bytes;	/* when a page is the smallest unit */
};
struct buddy_facts buddy_measure(void);
void buddy_show(void);

/* 12: many pages, one allocation. */
struct compound_facts {
	unsigned order;
	bool is_head_marked;
	unsigned nr_tails;		/* that lead to the head */
	unsigned found_order;		/* recovered from a tail */
};
struct compound_facts compound_measure(void);
void compound_show(void);

/* ---- Objects: slides_objects.c ---- */

/* 5: the two-page slab with six objects and its list of free ones. */
#define SLIDE_OBJECTS	6u
struct slab_facts {
	unsigned nr_objects;
	unsigned nr_pages;
	unsigned object_bytes;
	unsigned short_list[2];		/* free objects by index: 1, then 3 were freed */
	unsigned nr_short;
	unsigned long_list[3];		/* of a slab of eight: 7, 1, then 3 were freed */
	unsigned nr_long;
};
struct slab_facts slab_measure(void);
void slab_show(void);

/* 6: sizes in a table. */
#define NR_KMALLOC_SAMPLES	9u
struct kmalloc_facts {
	uint64_t asked[NR_KMALLOC_SAMPLES];
	uint64_t given[NR_KMALLOC_SAMPLES];
	unsigned nr_sizes;		/* in the table */
};
struct kmalloc_facts kmalloc_measure(void);
void kmalloc_show(void);

/* 10: from an address to what kfree() needs. */
struct kfree_facts {
	const void *object;
	const char *cache_name;
	bool is_of_slab;		/* the page says it belongs to a slab */
	bool ignores_nothing;		/* NULL and the zero-size pointer are harmless */
};
struct kfree_facts kfree_measure(void);
void kfree_show(void);

/* 11: large objects, and the descriptor elsewhere. */
struct external_facts {
	uint64_t object_bytes;
	unsigned nr_objects;		/* per slab */
	uintptr_t first_object_va;
	uintptr_t slab_va;		/* of the descriptor */
	bool is_outside;		/* not in the slab's own pages */
	bool next_is_cache;		/* page->list.next, page->list.prev */
	bool prev_is_slab;
};
struct external_facts external_measure(void);
void external_show(void);

/* ---- Nodes: slides_nodes.c ---- */

/* 7: local first, then the next node. */
struct numa_facts {
	unsigned nr_nodes;
	unsigned nr_with_memory;
	unsigned nr_local;		/* nodes with memory that served a request for themselves */
	unsigned fallback_nid;		/* first node after node 0 in its list, or NID_NONE */
};
struct numa_facts numa_measure(void);
void numa_show(void);

/* 8 and 9: pglist_data, zones, free areas. */
struct zone_facts {
	unsigned nr_zones;		/* populated, of all nodes */
	bool spans_hold_present;	/* spanned is never less than present */
	bool free_areas_add_up;		/* sum of nr_free << order is nr_free_pages */
};
struct zone_facts zone_measure(void);
void pglist_data_show(void);
void zone_show(void);

/* ---- vmalloc: slides_vmalloc.c ---- */

/* 13: scattered pages, contiguous addresses. */
struct vmalloc_facts {
	unsigned nr_pages;
	unsigned nr_runs;		/* of physically contiguous pages */
	bool is_ordered;		/* the list of vm_structs, by address */
	bool agrees_with_tables;	/* pages[] and a walk of the page tables */
	bool has_guard;
};
struct vmalloc_facts vmalloc_measure(void);
void vmalloc_show(void);

#endif
