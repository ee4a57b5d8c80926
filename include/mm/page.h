#ifndef MM_PAGE_H
#define MM_PAGE_H

/*
 * struct page: what is known of one page frame. 32 bytes, an element of
 * mem_map[] (the vmemmap), brought up a section of 65,536 pages at a time.
 */

#include "lib/list.h"
#include "mm/port.h"
#include "mm/types.h"

/*
 * What a page is. The first page of a block speaks for the block: interior
 * pages of a free or a plain block are not looked at. Every page of a slab and
 * every tail of a compound page says so itself.
 */
enum page_type {
	PAGE_HOLE,		/* no RAM there, or not the allocator's: zeroed mem_map reads so */
	PAGE_RESERVED,		/* RAM that boot took and never gives back */
	PAGE_FREE,		/* first page of a block on a free list */
	PAGE_CACHED,		/* first page of a block on a per-CPU stack */
	PAGE_CACHED_LARGE,	/* the same of a compound page that is ready for kmalloc */
	PAGE_USER,		/* first page of an allocated block */
	PAGE_MOVABLE,		/* the same, with an owner that can move it */
	PAGE_HEAD,		/* first page of an allocated compound page */
	PAGE_LARGE,		/* kmalloc's: first page of a block beyond the size caches */
	PAGE_SLAB,		/* every page of a slab: list leads to its cache and slab */
	PAGE_TABLE,		/* a page-table page */
	PAGE_VMALLOC,		/* behind a vmalloc area */
	PAGE_PERCPU,		/* behind copies of alloc_percpu() */
	PAGE_OFFLINE,		/* out of service: nobody gets it any more */
	PAGE_TAIL,		/* compound page but the first: head leads to it */
	NR_PAGE_TYPES
};

#define PAGE_COMPOUND	0x01u	/* flags: head of a compound page (PG_compound) */
#define PAGE_FILLED	0x02u	/* free, and its bytes are PAGE_POISON (mm/harden.h) */

struct kmem_cache;
struct slab;

struct page {
	union {
		struct list_head list;		/* free: neighbours; PAGE_SLAB: see page_slab() */
		struct page *head;		/* PAGE_TAIL */
		void *private[2];		/* allocated: the owner's */
	};
	union {
		struct {
			uint32_t refcount;	/* see page_users(); 0 while free, cached or tail */
			uint8_t type;		/* enum page_type */
			uint8_t order;		/* of the block, in its first page */
			uint16_t zone_index;	/* nid * MAX_NR_ZONES + zone type */
		};
		uint64_t state;		/* the four as one: checked and set at once */
	};
	union {
		struct {
			/* Of a pageblock's first page: type of the whole pageblock. */
			uint8_t block_migratetype;
			uint8_t flags;		/* PAGE_COMPOUND, PAGE_FILLED */
			union {
				uint16_t owner;		/* PAGE_MOVABLE: index of who can move it */
				uint16_t array_index;	/* PAGE_SLAB: its cache's */
			};
			uint32_t caller;	/* low half of who allocated it last */
		};
		uint64_t notes;		/* the four as one: for bringing up mem_map */
	};
};

_Static_assert(sizeof(struct page) == 32, "a section's mem_map fills one 2 MiB page");

#define PAGE_STRUCT_SCALE_SHIFT	7	/* bytes of memory to bytes of mem_map */
_Static_assert(PAGE_SIZE >> PAGE_STRUCT_SCALE_SHIFT == sizeof(struct page), "by shifting alone");

/* The value of page->state for these four. Folds to constants and shifts. */
static inline uint64_t make_page_state(enum page_type type, unsigned order, unsigned zone_index,
				       uint32_t refcount)
{
	struct page page = { .refcount = refcount, .type = (uint8_t)type,
			     .order = (uint8_t)order, .zone_index = (uint16_t)zone_index };

	return page.state;
}

/*
 * Another CPU may look at the state of a page it does not own (the buddy of one
 * it frees): single accesses, no order. What it acts on changes under the zone's lock only.
 */
static inline uint64_t page_state(const struct page *page)
{
	return __atomic_load_n(&page->state, __ATOMIC_RELAXED);
}

static inline void page_set_state(struct page *page, uint64_t state)
{
	__atomic_store_n(&page->state, state, __ATOMIC_RELAXED);
}

/*
 * In page->refcount of an allocated block: it has a page that is to go out of service,
 * so it must come back past the stacks (mm/page/offline.c).
 */
#define PAGE_NOTED	0x80000000u

/* The references in @refcount. */
static inline uint32_t page_users(uint32_t refcount)
{
	return refcount & ~PAGE_NOTED;
}

/* Whether @type is of the first page of a free block on a per-CPU stack. */
static inline bool page_type_is_cached(enum page_type type)
{
	return type == PAGE_CACHED || type == PAGE_CACHED_LARGE;
}

/* mem_map[pfn]; a hole, read-only, where the section of @pfn is not up (mm/port.h). */
static inline struct page *pfn_to_page(pfn_t pfn)
{
	return (struct page *)(mm_port_vmemmap + pfn * sizeof(struct page));
}

static inline pfn_t page_to_pfn(const struct page *page)
{
	return ((uintptr_t)page - mm_port_vmemmap) / sizeof(struct page);
}

/* Direct-map addresses only; not for the image or vmalloc (vmalloc_to_page). */
static inline uint64_t virt_to_phys(const void *va)
{
	return (uintptr_t)va - mm_port_direct_map;
}

static inline void *phys_to_virt(uint64_t pa)
{
	return (void *)(mm_port_direct_map + pa);
}

static inline struct page *virt_to_page(const void *va)
{
	/* Known to the compiler: see mm_port_vmemmap. */
	if (__builtin_constant_p(mm_port_direct_map) && __builtin_constant_p(mm_port_vmemmap) &&
	    mm_port_vmemmap == mm_port_direct_map >> PAGE_STRUCT_SCALE_SHIFT)
		return (struct page *)((uintptr_t)va >> PAGE_STRUCT_SCALE_SHIFT &
				       -sizeof(struct page));
	return pfn_to_page(pa_to_pfn(virt_to_phys(va)));
}

static inline void *page_address(const struct page *page)
{
	return phys_to_virt(pfn_to_pa(page_to_pfn(page)));
}

/* The first page of the compound page @page belongs to, or @page itself. */
static inline struct page *compound_head(struct page *page)
{
	return page->type == PAGE_TAIL ? page->head : page;
}

/*
 * The lecture's links: of a slab page, list.next leads to the cache and
 * list.prev to the slab.
 */
static inline struct kmem_cache *page_cache(const struct page *page)
{
	return (struct kmem_cache *)(void *)page->list.next;
}

static inline struct slab *page_slab(const struct page *page)
{
	return (struct slab *)(void *)page->list.prev;
}

static inline void page_set_slab(struct page *page, struct kmem_cache *cache, struct slab *slab)
{
	page->list.next = (struct list_head *)(void *)cache;
	page->list.prev = (struct list_head *)(void *)slab;
}

#endif
