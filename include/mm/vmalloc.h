#ifndef MM_VMALLOC_H
#define MM_VMALLOC_H

/*
 * Memory that is contiguous in the kernel's address space and scattered in
 * physical memory; and device windows. Names and meanings are Linux's.
 *
 * Context (mm/context.h): threads, on any CPU that mm knows. Page-table pages are allocated
 * and other CPUs' translations flushed inside, so these functions may wait for other
 * CPUs. vfree() is for any context: a handler's leaves the flush to the next thread's.
 */

#include "mm/gfp.h"
#include "mm/page.h"
#include "mm/vspace.h"

/* What an area is: vm_struct.flags. */
#define VM_IOREMAP		0x0001ul	/* a device window: ioremap() */
#define VM_ALLOC		0x0002ul	/* owns its pages: vmalloc() */
#define VM_MAP			0x0004ul	/* shows somebody's pages: vmap() */
#define VM_MAP_RAM		0x0008ul	/* the same for a short while: vm_map_ram() */
#define VM_ALLOW_HUGE_VMAP	0x0400ul	/* may use 2 MiB blocks: vmalloc_huge() */

/* Blocks of 2 MiB, one entry of a page directory each. */
#define VM_HUGE_ORDER		9u

/* Pages whose pointers fit in the vm_struct itself. */
#define VM_NR_INLINE_PAGES	4u

/* How far an area has come from vmalloc() to its addresses' next use. */
enum vm_state {
	VM_FILLING,	/* its owner is still getting pages and mappings for it */
	VM_LIVE,
	VM_LAZY,	/* freed and unmapped; its pages wait for the TLB flush */
	VM_PURGING,	/* its pages are being given back */
	VM_CACHED,	/* nothing behind its addresses; kept for the next area of its size */
	NR_VM_STATES
};

/* One area of the vmalloc space; the ones of the whole space form a list by address. */
struct vm_struct {
	struct vm_struct *next;		/* the area with the next higher address */
	void *addr;
	size_t size;			/* with the guard page after it */
	unsigned long flags;
	struct page **pages;		/* heads of nr_huge 2 MiB blocks, single pages */
	unsigned nr_pages;		/* of 4 KiB, however they are mapped */
	uint64_t phys_addr;		/* of a device window */
	const void *caller;		/* who asked for it: a return address */

	uint8_t state;			/* enum vm_state */
	unsigned nr_huge;
	unsigned nr_entries;		/* of pages[] in use */
	unsigned max_entries;		/* room in pages[] */
	struct vm_struct *link;		/* in a lazy queue, or in a cache of free areas */
	struct vspace_node place;
	struct page *inline_pages[VM_NR_INLINE_PAGES];
};

/*
 * Allocates @size bytes, rounded up to pages, from single pages wherever they
 * are. Returns a page-aligned address, or NULL when @size is 0 or more than
 * there is, or memory or addresses run out; then nothing stays taken.
 * O(pages); O(log areas) for the addresses, O(1) for sizes that were freed lately.
 */
void *vmalloc(size_t size);
void *vzalloc(size_t size);

/* As above with pages of node @nid first; NID_NONE: the current node. */
void *vmalloc_node(size_t size, unsigned nid);
void *vzalloc_node(size_t size, unsigned nid);

/*
 * As vmalloc(), with 2 MiB blocks mapped whole for the part of @size that fills
 * such blocks, as long as there are any, and single pages for the rest. @gfp as
 * for alloc_pages().
 */
void *vmalloc_huge(size_t size, gfp_t gfp);

/*
 * The general case: @nid or NID_NONE, and @flags 0 or VM_ALLOW_HUGE_VMAP. @gfp holds for
 * the pages and, as far as it says how hard to try, for all that describes the area;
 * __GFP_MOVABLE, __GFP_RECLAIMABLE and __GFP_COMP are ignored.
 */
void *vmalloc_flags(size_t size, gfp_t gfp, unsigned nid, unsigned long flags);

/*
 * Gives an area of vmalloc() back. The address is unmapped on return; the pages
 * and the addresses are reused only after every CPU has dropped its
 * translations, which is done for many areas at once. NULL is allowed. Anything
 * but the start of a live vmalloc() area: panic with a description.
 */
void vfree(const void *addr);

/*
 * Maps the @nr_pages pages @pages[], which stay the caller's, at consecutive
 * addresses. Returns the first, or NULL when memory or addresses run out, or
 * @protection is one for devices or code.
 */
void *vmap(struct page *const *pages, unsigned nr_pages, unsigned long flags,
	   enum mm_port_protection protection);

/* Ends a vmap(). On return no CPU can reach the pages through it. NULL is allowed. */
void vunmap(const void *addr);

/*
 * As vmap(), readable and writable, for windows that come and go often: up to 16 pages
 * take an address used before, and ending one flushes nothing by itself.
 */
void *vm_map_ram(struct page *const *pages, unsigned nr_pages);

/*
 * Ends a vm_map_ram() of @nr_pages. The address is unmapped on return, and used again only
 * after the next flush, which is one for many windows. Until then a CPU may still
 * reach the pages through it: where that must not be, see vunmap(). NULL is allowed.
 */
void vm_unmap_ram(const void *addr, unsigned nr_pages);

/*
 * Takes away, or gives back, the right to write to @nr_pages pages from @addr, whole pages of
 * one live area of vmalloc(), vmap() or vm_map_ram(). On return it holds on every
 * CPU; other mappings of the same pages, as the direct map, stay as they are. False: a block
 * of 2 MiB must be split and there is no page for the table; some pages may have changed.
 * Freeing the area ends it.
 */
bool set_memory_ro(const void *addr, unsigned nr_pages) MUST_CHECK;
bool set_memory_rw(const void *addr, unsigned nr_pages) MUST_CHECK;

/*
 * The right to execute, which no page of an area has before: as above. Nothing is writable
 * and executable at once: set_memory_x() of a page that may be written is refused, and so
 * is set_memory_rw() of one that may be executed: false, with nothing changed. So code is
 * written, set_memory_ro(), set_memory_x(); and set_memory_nx(), set_memory_rw() to change
 * it. set_memory_ro() leaves the right to execute. For one caller at a time for a page.
 */
bool set_memory_x(const void *addr, unsigned nr_pages) MUST_CHECK;
bool set_memory_nx(const void *addr, unsigned nr_pages) MUST_CHECK;

/*
 * Maps @size bytes of device memory at physical @pa, of any alignment: uncached,
 * or write-combining for framebuffers. Returns the address that stands for @pa,
 * or NULL: @size is 0, the range wraps, holds RAM of the page allocator or lies where
 * the port maps no device, or memory or addresses ran out.
 */
void *ioremap(uint64_t pa, size_t size);
void *ioremap_wc(uint64_t pa, size_t size);

/* Ends an ioremap(), by any address in its first page. NULL is allowed. */
void iounmap(const volatile void *addr);

/* What is mapped at @addr of the vmalloc space: NULL or PFN_NONE when nothing is. */
struct page *vmalloc_to_page(const void *addr);
pfn_t vmalloc_to_pfn(const void *addr);

static inline bool is_vmalloc_addr(const volatile void *addr)
{
	return (uintptr_t)addr >= mm_port_vmalloc_start && (uintptr_t)addr < mm_port_vmalloc_end;
}

/*
 * Finishes all freed areas of all CPUs: one flush each, then their pages are
 * free. Returns how many pages the areas had. Runs by itself when a CPU has
 * freed enough; for tests, and where memory is short.
 */
uint64_t vmalloc_purge(void);

/* vmalloc_purge(), and gives the addresses and descriptors kept for reuse back. */
void vmalloc_shrink(void);

/*
 * Says in one line of at most @bytes what @va, which is in the vmalloc space, is
 * near: "4 bytes past vmalloc area 0x..., 16 KiB, allocated by 0x...", "freed
 * vmalloc area ...". For fault reports: never waits for a lock.
 */
void vmalloc_describe(uintptr_t va, char *text, size_t bytes);

struct vmalloc_totals {
	uint64_t nr_live;		/* areas */
	uint64_t nr_lazy;
	uint64_t nr_cached;
	uint64_t nr_live_pages;		/* owned by live vmalloc() areas */
	uint64_t nr_lazy_pages;
	uint64_t used_bytes;		/* of addresses, guards and cached areas included */
};

struct vmalloc_totals vmalloc_totals(void);

/* The table of /proc/vmallocinfo, one area per line, by address. */
void vmalloc_print_info(void);

/* Checks every rule of mm/vmalloc/vmalloc.c. No area may be allocated or freed meanwhile. */
bool vmalloc_verify(struct violation *out);

/* ---- Bring-up ---- */

/*
 * Starts the vmalloc space of the port, empty. Called once by mm_init(), after
 * kmalloc works and before anything needs a stack or a device window;
 * @nr_cpus is one more than the highest mm_port_cpu() there will be. Panics when
 * memory for its per-CPU queues is missing.
 */
void vmalloc_init(unsigned nr_cpus);

/* Gives the slab allocator areas for guarded objects from now on; after vmalloc_init(). */
void vmalloc_start_guards(void);

#endif
