#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

/*
 * Whole pages, in blocks of 2^order, order 0 to MAX_ORDER.
 *
 * Context (mm/context.h): any, on any CPU that mm knows; with __GFP_DIRECT_RECLAIM, which
 * may run shrinkers, no handler. Nothing here sleeps.
 */

#include "mm/gfp.h"
#include "mm/page.h"

/*
 * Orders 0 to 4 and the 2 MiB order rest on per-CPU stacks (mm/page/page_stack.h). Where the
 * compiler knows order and flags, the stack is an offset into the CPU's data.
 */
#define STACK_LOW_ORDER_MAX	4u
#define NR_STACK_ORDERS		(STACK_LOW_ORDER_MAX + 2u)
#define NR_STACK_TYPES		8u	/* MIGRATE_TYPES, rounded up */
#define PAGE_STACK_BYTES	64u

/* Compound pages of these orders rest ready-made for kmalloc (mm/page/compound.h). */
#define LARGE_ORDER_MIN		2u
#define LARGE_ORDER_MAX		4u
#define NR_LARGE_ORDERS		(LARGE_ORDER_MAX - LARGE_ORDER_MIN + 1u)

/* Flags that the stacks alone do not satisfy. */
#define GFP_SPECIAL	(__GFP_DMA | __GFP_DMA32 | __GFP_ZERO | __GFP_COMP | __GFP_THISNODE)

static inline bool order_has_stack(unsigned order)
{
	return order <= STACK_LOW_ORDER_MAX || order == PAGEBLOCK_ORDER;
}

/* Offset of the stack of @order for the first type. @order has one. */
static inline size_t page_stack_offset(unsigned order)
{
	return (order <= STACK_LOW_ORDER_MAX ? order : STACK_LOW_ORDER_MAX + 1u) *
	       (size_t)NR_STACK_TYPES * PAGE_STACK_BYTES;
}

/* Offset among the stacks of ready-made blocks; @order is one of theirs. */
static inline size_t large_stack_offset(unsigned order)
{
	return (order - LARGE_ORDER_MIN) * (size_t)NR_STACK_TYPES * PAGE_STACK_BYTES;
}

/*
 * All ways by which a page leaves the allocator, and by which it comes back:
 *
 *	alloc_pages, alloc_page, __get_free_pages	__free_pages, __free_page, free_pages
 *	alloc_pages_node (alloc_pages_any)		put_page, when it was the last
 *	alloc_pages_bulk				free_pages_bulk
 *	alloc_pages_exact, alloc_pages_exact_nid	free_pages_exact
 *	alloc_contig_pages (mm/contig.h)		free_contig_range
 *	alloc_pages_typed (vmalloc; mm/page/bulk.h)	free_pages_typed
 *	large_alloc (kmalloc; mm/page/compound.h)	large_push, large_give_back
 *	alloc_pages_before_cpu (mm/live.h)		never
 *	mem_map and its tables (mm/page/map_plan.c)	never
 *	alloc_pages_for_move (mm/page/page_slow.h)	movable_migrate, the block moved from
 *
 * Whoever counts or changes what happens at either end has these to look at.
 */

/* The ways in, for the wrappers below. @offset names the stack. */
struct page *alloc_from_stack(size_t offset, gfp_t gfp);
void free_to_stack(struct page *page, size_t offset);
struct page *alloc_pages_any(gfp_t gfp, unsigned order);
void free_pages_any(struct page *page, unsigned order);

/*
 * Allocates 2^@order pages whose first pfn is a multiple of 2^@order, from the
 * current CPU's node or, in order of distance, the others.
 *
 * Returns the first page, with refcount 1 and type PAGE_USER (PAGE_HEAD for a
 * compound page), or NULL when no allowed zone has such a block. With __GFP_COMP
 * the block is a compound page, unless @order is 0; with __GFP_ZERO its bytes
 * are 0. @order beyond MAX_ORDER returns NULL.
 */
static ALWAYS_INLINE struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	if (__builtin_constant_p(gfp) && __builtin_constant_p(order) && !(gfp & GFP_SPECIAL) &&
	    order_has_stack(order))
		return alloc_from_stack(page_stack_offset(order) +
					gfp_migratetype(gfp) * (size_t)PAGE_STACK_BYTES, gfp);
	return alloc_pages_any(gfp, order);
}

/* As alloc_pages() with the zonelist of node @nid; NID_NONE: the current node's. */
struct page *alloc_pages_node(unsigned nid, gfp_t gfp, unsigned order);

/*
 * Drops the caller's reference to a block; the last one gives it back. @order
 * is the order it was allocated with. A free page, a tail, another order, a
 * reserved page: panic with a report. NULL is not allowed.
 *
 * When others still hold the first page of a plain block, the rest is given
 * back at once and the last put_page() gives that page; a compound page goes
 * as a whole at the last one.
 */
static ALWAYS_INLINE void __free_pages(struct page *page, unsigned order)
{
	if (__builtin_constant_p(order) && order_has_stack(order))
		free_to_stack(page, page_stack_offset(order));
	else
		free_pages_any(page, order);
}

/*
 * Allocates up to @nr_pages single pages to @pages[]. Returns how many it got:
 * fewer than asked only when memory ran out.
 */
unsigned alloc_pages_bulk(gfp_t gfp, unsigned nid, unsigned nr_pages, struct page **pages);

/* Frees @nr_pages single pages. */
void free_pages_bulk(unsigned nr_pages, struct page **pages);

/* By direct-map address; 0 for failure, and freeing 0 does nothing, as in Linux. */
uintptr_t __get_free_pages(gfp_t gfp, unsigned order);
void free_pages(uintptr_t va, unsigned order);

/*
 * Makes 2^@order single pages of the plain block at @page, whose only reference is the
 * caller's: each has one of its own and is freed alone.
 */
void split_page(struct page *page, unsigned order);

/*
 * Allocates as many single pages as hold @size bytes, contiguous, at a direct-map
 * address that is a multiple of the next power of two; nothing beyond them is taken.
 * NULL when memory ran out, @size is 0, or it exceeds the largest block: see
 * mm/contig.h. Not with __GFP_COMP.
 */
void *alloc_pages_exact(size_t size, gfp_t gfp);
void *alloc_pages_exact_nid(unsigned nid, size_t size, gfp_t gfp);

/* Frees what the above gave for @size. NULL is passed over. */
void free_pages_exact(void *at, size_t size);

static inline struct page *alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}

static inline void __free_page(struct page *page)
{
	__free_pages(page, 0);
}

/*
 * One more, one less reference to the allocated block that @page is the first
 * page or (of a compound page) any page of. The last put gives it back.
 */
void get_page(struct page *page);
void put_page(struct page *page);

/*
 * Says what an allocated block is for, so that the ledger and reports can tell:
 * PAGE_USER (of a compound page PAGE_HEAD) becomes @type; PAGE_USER takes that
 * back, which is due before it is freed. Of the block's first page. For
 * PAGE_SLAB, whose block is no compound page, every page of the block gets the
 * type, and loses it again.
 */
void page_set_type(struct page *page, enum page_type type);

/*
 * The owner of an allocated block that can move its contents elsewhere: what
 * compaction asks. @migrate copies @from to @to (of the same order), makes every
 * reference lead there and returns true; the allocator then frees @from. It may
 * refuse. Called without allocator locks.
 */
struct movable_owner {
	const char *name;
	bool (*migrate)(struct page *from, struct page *to, void *arg);
	void *arg;
};

/* Returns the index of @owner for page_set_owner(), or 0 when the table is full. */
uint16_t register_movable_owner(const struct movable_owner *owner);
void unregister_movable_owner(uint16_t index);

/* Of the first page of an allocated block; 0 takes it back. Freed pages have none. */
void page_set_owner(struct page *page, uint16_t index);

/* Gives what rests on this CPU's stacks back; asks the other CPUs to do so when they next can. */
void drain_all_pages(void);

/*
 * From now on the @nth allocation (1: the next) of pages fails, once; 0: none.
 * Counts requests of the CPU that calls, which alone uses no stack while armed.
 */
void mm_fail_nth(uint64_t nth);

/* Allocations since mm_fail_nth(), and whether it has struck. */
uint64_t mm_fail_nth_count(void);
bool mm_fail_nth_struck(void);

/* The node of @page, and the current CPU's. */
unsigned page_to_nid(const struct page *page);
unsigned numa_node_id(void);

/* Nodes of the machine: ids are below this. CPUs likewise. */
unsigned nr_node_ids(void);
unsigned nr_cpu_ids(void);

/* Whether @nid has memory of its own; the node of CPU @cpu; SLIT's distance. */
bool node_has_memory(unsigned nid);
unsigned cpu_to_node(unsigned cpu);
unsigned node_distance(unsigned from_nid, unsigned to_nid);

/*
 * Writes to @text what is known of the page at @pfn: node, zone, order, type,
 * owner, references, who allocated it last. Any @pfn. Returns the length.
 */
int page_whatis(pfn_t pfn, char *text, size_t size);

#endif
