/*
 * vmalloc, vmap, ioremap: what stands behind the areas of mm/vmalloc/vm_area.c.
 *
 * Model
 *   vmalloc() fills an area with single pages from anywhere, vmalloc_huge()
 *   with blocks of 2 MiB first, as long as there are any, at the front of the
 *   area, which is then aligned to 2 MiB: pages[] holds the blocks' first pages
 *   and after them the single ones.
 *
 *   vmap() shows somebody's pages and ioremap() device memory. Ending them
 *   flushes at once: the owner may give the pages to somebody else right after.
 *
 * Failure
 *   An area that cannot be filled or mapped whole is released as it is, and
 *   purged: the way of every freed area is also the unwinding.
 *
 * Invariants and locking: see mm/vmalloc/vm_area.c. Nothing here holds a lock but the
 * search of an area by address.
 */

#include "mm/vmalloc.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/context.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/shown.h"
#include "mm/vmalloc/vm_area.h"

/* Page frames handed to the port in one call; 2 KiB of a 32 KiB stack. */
#define NR_MAP_BATCH	256u

#define BAD_FREE_TEXT_BYTES	160u

/* Pages of an area stay where they are, each by itself. */
#define GFP_IGNORED	(__GFP_MOVABLE | __GFP_RECLAIMABLE | __GFP_COMP)

struct vmalloc_request {
	gfp_t gfp;
	unsigned nid;
	unsigned long flags;
};

/* ---- Filling ---- */

/* Adds up to @nr_pages single pages to pages[], which has room; how many it got. */
static ALWAYS_INLINE unsigned add_single_pages(struct vm_struct *area, unsigned nr_pages,
					       gfp_t gfp, unsigned nid)
{
	struct page **pages = area->pages + area->nr_entries;
	unsigned nr_got = alloc_pages_typed(gfp, nid, nr_pages, pages, PAGE_VMALLOC,
					    area->caller);

	area->nr_entries += nr_got;
	return nr_got;
}

static bool fill_with_single_pages(struct vm_struct *area, unsigned nr_pages,
				   const struct vmalloc_request *request)
{
	if (!vm_area_reserve_entries(area, area->nr_entries + (uint64_t)nr_pages, request->gfp,
				     request->nid))
		return false;
	nr_pages -= add_single_pages(area, nr_pages, request->gfp, request->nid);
	if (!nr_pages)
		return true;
	/* Pages of freed areas may be waiting for a flush. */
	if (!vmalloc_purge())
		return false;
	return add_single_pages(area, nr_pages, request->gfp, request->nid) == nr_pages;
}

/* As many blocks of 2 MiB as there are, up to @nr_blocks. False: no room for pages[]. */
static bool fill_with_huge_pages(struct vm_struct *area, unsigned nr_blocks,
				 const struct vmalloc_request *request)
{
	gfp_t gfp = request->gfp | __GFP_NORETRY | __GFP_NOWARN;

	if (!vm_area_reserve_entries(area, nr_blocks, request->gfp, request->nid))
		return false;
	while (area->nr_huge < nr_blocks) {
		struct page *block = alloc_pages_node(request->nid, gfp, VM_HUGE_ORDER);

		if (!block)
			break;
		page_set_type(block, PAGE_VMALLOC);
		area->pages[area->nr_entries++] = block;
		area->nr_huge++;
	}
	return true;
}

static bool fill_area(struct vm_struct *area, const struct vmalloc_request *request)
{
	unsigned nr_pages = area->nr_pages - area->nr_entries;

	if (request->flags & VM_ALLOW_HUGE_VMAP) {
		if (!fill_with_huge_pages(area, nr_pages / VM_HUGE_PAGES, request))
			return false;
		nr_pages -= area->nr_huge * VM_HUGE_PAGES;
	}
	return !nr_pages || fill_with_single_pages(area, nr_pages, request);
}

/* Four at a time: half of what a page costs here is the loop around it. */
static void fill_pfns(pfn_t *pfns, struct page *const *pages, unsigned nr_pages)
{
	size_t i = 0;

	for (; i + 4 <= nr_pages; i += 4) {
		pfns[i] = page_to_pfn(pages[i]);
		pfns[i + 1] = page_to_pfn(pages[i + 1]);
		pfns[i + 2] = page_to_pfn(pages[i + 2]);
		pfns[i + 3] = page_to_pfn(pages[i + 3]);
	}
	for (; i < nr_pages; i++)
		pfns[i] = page_to_pfn(pages[i]);
}

static bool map_single_pages(uintptr_t va, struct page *const *pages, unsigned nr_pages,
			     enum mm_port_protection protection)
{
	pfn_t pfns[NR_MAP_BATCH];

	while (nr_pages) {
		unsigned nr_batch = nr_pages < NR_MAP_BATCH ? nr_pages : NR_MAP_BATCH;

		fill_pfns(pfns, pages, nr_batch);
		if (!mm_port_map_pages(va, pfns, nr_batch, protection))
			return false;
		va += pages_to_bytes(nr_batch);
		pages += nr_batch;
		nr_pages -= nr_batch;
	}
	return true;
}

static bool map_area(const struct vm_struct *area)
{
	uintptr_t va = (uintptr_t)area->addr;

	for (unsigned i = 0; i < area->nr_huge; i++, va += VM_HUGE_BYTES)
		if (!mm_port_map_range(va, page_to_pfn(area->pages[i]), VM_HUGE_PAGES,
				       MM_PORT_READ_WRITE))
			return false;
	return map_single_pages(va, area->pages + area->nr_huge, area->nr_entries - area->nr_huge,
				MM_PORT_READ_WRITE);
}

/* What could not be filled or mapped whole leaves as freed areas do, and at once. */
static COLD void *give_up(struct vm_struct *area)
{
	vm_area_set_state(area, VM_LAZY);
	vm_area_release(area);
	vmalloc_purge();
	return NULL;
}

/* For lecture and reports. */
static NOINLINE COLD void tell_mapped(const struct vm_struct *area)
{
	const struct mm_event event = {
		.kind = MM_EVENT_AREA_MAPPED,
		.at = (uintptr_t)area->addr,
		.nr = area->nr_pages,
		.nid = (uint16_t)page_to_nid(area->pages[0]),
	};

	mm_event_tell(event, NULL);
}

static void *fill_and_map(struct vm_struct *area, const struct vmalloc_request *request)
{
	if (!fill_area(area, request) || !map_area(area))
		return give_up(area);
	vm_area_set_state(area, VM_LIVE);
	if (mm_events_wanted())
		tell_mapped(area);
	return area->addr;
}

static NOINLINE void *vmalloc_large(const void *caller, uint64_t nr_pages, gfp_t gfp,
				    unsigned nid, unsigned long flags)
{
	struct vmalloc_request request = { gfp, nid, flags };
	struct vm_struct *area = NULL;

	/* More than there is: refused before every page there is was taken. */
	if (nr_pages > live.nr_usable_pages || nr_pages > UINT32_MAX)
		return NULL;
	if (nr_pages < VM_HUGE_PAGES)
		request.flags &= ~VM_ALLOW_HUGE_VMAP;
	if (nr_pages == VM_HUGE_PAGES && request.flags)
		area = vm_area_take_cached(VM_HUGE_CLASS);
	if (!area)
		area = vm_area_create(nr_pages, request.flags ? VM_HUGE_BYTES : PAGE_SIZE, gfp);
	if (!area)
		return NULL;
	area->flags = VM_ALLOC | request.flags;
	area->caller = caller;
	return fill_and_map(area, &request);
}

/* Up to VM_MAX_CACHED_PAGES: usually an area used before, so that all it needs are pages. */
static ALWAYS_INLINE void *vmalloc_small(const void *caller, unsigned nr_pages, gfp_t gfp,
					 unsigned nid)
{
	struct vm_struct *area = vm_area_take_cached(nr_pages);
	pfn_t pfns[VM_MAX_CACHED_PAGES];

	if (unlikely(!area)) {
		area = vm_area_create(nr_pages, PAGE_SIZE, gfp);
		if (!area)
			return NULL;
	}
	area->flags = VM_ALLOC;
	area->caller = caller;
	if (unlikely(area->max_entries < nr_pages) ||
	    unlikely(add_single_pages(area, nr_pages, gfp, nid) != nr_pages)) {
		struct vmalloc_request request = { gfp, nid, 0 };

		return fill_and_map(area, &request);
	}
	fill_pfns(pfns, area->pages, nr_pages);
	if (unlikely(!mm_port_map_pages(area->place.start, pfns, nr_pages, MM_PORT_READ_WRITE)))
		return give_up(area);
	vm_area_set_state(area, VM_LIVE);
	return area->addr;
}

static ALWAYS_INLINE void *vmalloc_for(const void *caller, size_t size, gfp_t gfp, unsigned nid,
				       unsigned long flags)
{
	uint64_t nr_pages = bytes_to_pages(size);

	ASSERT_THREAD("vmalloc");
	if (likely(nr_pages - 1 < VM_MAX_CACHED_PAGES))
		return vmalloc_small(caller, (unsigned)nr_pages, gfp, nid);
	return nr_pages ? vmalloc_large(caller, nr_pages, gfp, nid, flags) : NULL;
}

void *vmalloc(size_t size)
{
	return vmalloc_for(__builtin_return_address(0), size, GFP_KERNEL, NID_NONE, 0);
}

void *vzalloc(size_t size)
{
	return vmalloc_for(__builtin_return_address(0), size, GFP_KERNEL | __GFP_ZERO, NID_NONE,
			   0);
}

void *vmalloc_node(size_t size, unsigned nid)
{
	return vmalloc_for(__builtin_return_address(0), size, GFP_KERNEL, nid, 0);
}

void *vzalloc_node(size_t size, unsigned nid)
{
	return vmalloc_for(__builtin_return_address(0), size, GFP_KERNEL | __GFP_ZERO, nid, 0);
}

void *vmalloc_huge(size_t size, gfp_t gfp)
{
	return vmalloc_for(__builtin_return_address(0), size, gfp & ~GFP_IGNORED, NID_NONE,
			   VM_ALLOW_HUGE_VMAP);
}

void *vmalloc_flags(size_t size, gfp_t gfp, unsigned nid, unsigned long flags)
{
	ASSERT((flags & ~VM_ALLOW_HUGE_VMAP) == 0);

	return vmalloc_for(__builtin_return_address(0), size, gfp & ~GFP_IGNORED, nid, flags);
}

/* ---- Finding and freeing ---- */

static void bad_address(const char *function, const volatile void *addr) COLD NORETURN;
static void bad_address(const char *function, const volatile void *addr)
{
	char text[BAD_FREE_TEXT_BYTES];

	vmalloc_describe((uintptr_t)addr, text, sizeof(text));
	mm_port_panic(__FILE__, __LINE__, "%s(0x%llx): %s", function,
		      (unsigned long long)(uintptr_t)addr, text);
}

/*
 * Somebody else freed the area at @addr since it was looked up, and its descriptor, which
 * stays one, describes @area by now: that lives on.
 */
static COLD void not_its_area(struct vm_struct *area, const void *addr)
{
	vm_area_set_state(area, VM_LIVE);
	bad_address("vfree", addr);
}

void vfree(const void *addr)
{
	struct vm_struct *area;

	if (!addr)
		return;
	area = vm_area_starting_at(addr);
	if (unlikely(!area))
		area = vm_area_starting_at_any(addr);	/* beyond the index */
	if (unlikely(!area || (area->flags & (VM_ALLOC | VM_OWN)) != VM_ALLOC ||
		     !vm_area_end_life(area)))
		bad_address("vfree", addr);
	if (unlikely(area->addr != addr))
		not_its_area(area, addr);
	vm_area_release(area);
}

struct page *vmalloc_to_page(const void *addr)
{
	pfn_t pfn = vmalloc_to_pfn(addr);

	return pfn == PFN_NONE ? NULL : pfn_to_page(pfn);
}

pfn_t vmalloc_to_pfn(const void *addr)
{
	ASSERT(is_vmalloc_addr(addr));

	return mm_port_lookup((uintptr_t)addr);
}

/* ---- vmap ---- */

/* What stands in @pages are struct pages of RAM: any other would map some frame or other. */
static void require_pages(struct page *const *pages, unsigned nr_pages, const char *function)
{
	for (unsigned i = 0; i < nr_pages; i++) {
		pfn_t pfn = page_to_pfn(pages[i]);

		if (unlikely(pfn >= live.end_pfn || pfn_to_page(pfn) != pages[i]))
			mm_port_panic(__FILE__, __LINE__, "%s: page %u of %u is none: %p", function,
				      i, nr_pages, (const void *)pages[i]);
	}
}

void *vmap(struct page *const *pages, unsigned nr_pages, unsigned long flags,
	   enum mm_port_protection protection)
{
	struct vm_struct *area;

	ASSERT((flags & ~VM_MAP) == 0);
	ASSERT_THREAD("vmap");

	/* The direct map has the same pages write-back: see holds_ram(). */
	if (!nr_pages || (protection != MM_PORT_READ_ONLY && protection != MM_PORT_READ_WRITE))
		return NULL;
	require_pages(pages, nr_pages, "vmap");
	area = vm_area_create(nr_pages, PAGE_SIZE, GFP_KERNEL);
	if (!area)
		return NULL;
	area->flags = VM_MAP;
	area->caller = __builtin_return_address(0);
	if (!map_single_pages((uintptr_t)area->addr, pages, nr_pages, protection)) {
		vm_area_destroy(area);
		return NULL;
	}
	vm_area_set_state(area, VM_LIVE);
	return area->addr;
}

void vunmap(const void *addr)
{
	struct vm_struct *area;

	ASSERT_THREAD("vunmap");
	if (!addr)
		return;
	area = vm_area_claim(addr, VM_MAP);
	if (!area)
		bad_address("vunmap", addr);
	vm_area_destroy(area);
}

/* ---- Windows that come and go ---- */

void *vm_map_ram(struct page *const *pages, unsigned nr_pages)
{
	struct vm_struct *area = NULL;

	ASSERT_THREAD("vm_map_ram");
	if (!nr_pages)
		return NULL;
	require_pages(pages, nr_pages, "vm_map_ram");
	if (nr_pages <= VM_MAX_CACHED_PAGES)
		area = vm_area_take_cached(nr_pages);
	if (!area)
		area = vm_area_create(nr_pages, PAGE_SIZE, GFP_KERNEL);
	if (!area)
		return NULL;
	area->flags = VM_MAP_RAM;
	area->caller = __builtin_return_address(0);
	if (!map_single_pages((uintptr_t)area->addr, pages, nr_pages, MM_PORT_READ_WRITE)) {
		vm_area_set_state(area, VM_LAZY);
		vm_area_release_window(area);
		return NULL;
	}
	vm_area_set_state(area, VM_LIVE);
	return area->addr;
}

void vm_unmap_ram(const void *addr, unsigned nr_pages)
{
	struct vm_struct *area;

	ASSERT_THREAD("vm_unmap_ram");
	if (!addr)
		return;
	area = vm_area_claim(addr, VM_MAP_RAM);
	if (unlikely(area && area->nr_pages != nr_pages)) {
		vm_area_set_state(area, VM_LIVE);	/* another one's, perhaps: it lives on */
		area = NULL;
	}
	if (!area)
		bad_address("vm_unmap_ram", addr);
	vm_area_release_window(area);
}

/* ---- Protection ---- */

/* Whether they are pages of one live area of memory, not of a device and not mm's own. */
static bool are_of_an_area(uintptr_t va, unsigned nr_pages)
{
	const struct vm_struct *area;
	bool are_inside;

	spin_lock(&vm_areas.lock);
	area = vm_area_at_or_before(va);
	are_inside = area && vm_area_state(area) == VM_LIVE &&
		     !(area->flags & (VM_IOREMAP | VM_OWN)) &&
		     va - area->place.start + pages_to_bytes(nr_pages) <= vm_area_bytes(area);
	spin_unlock(&vm_areas.lock);
	return are_inside && is_aligned(va, PAGE_SIZE);
}

static void require_area(const char *function, const void *addr, unsigned nr_pages)
{
	ASSERT_THREAD(function);
	if (!are_of_an_area((uintptr_t)addr, nr_pages))
		bad_address(function, addr);
}

/* Whether any page has @protection. */
static bool any_has(const void *addr, unsigned nr_pages, enum mm_port_protection protection)
{
	for (unsigned i = 0; i < nr_pages; i++)
		if (mm_port_protection((uintptr_t)addr + pages_to_bytes(i)) == protection)
			return true;
	return false;
}

/* Gives the pages that have @from, and no others, @to. */
static bool change_pages(const void *addr, unsigned nr_pages, enum mm_port_protection from,
			 enum mm_port_protection to)
{
	uintptr_t va = (uintptr_t)addr;
	unsigned nr;

	for (; nr_pages; nr_pages -= nr, va += pages_to_bytes(nr)) {
		const bool has_from = mm_port_protection(va) == from;

		for (nr = 1; nr < nr_pages; nr++)
			if ((mm_port_protection(va + pages_to_bytes(nr)) == from) != has_from)
				break;
		if (has_from && !mm_port_protect_pages(va, nr, to))
			return false;
	}
	return true;
}

bool set_memory_ro(const void *addr, unsigned nr_pages)
{
	require_area("set_memory_ro", addr, nr_pages);
	return change_pages(addr, nr_pages, MM_PORT_READ_WRITE, MM_PORT_READ_ONLY);
}

bool set_memory_rw(const void *addr, unsigned nr_pages)
{
	require_area("set_memory_rw", addr, nr_pages);
	return !any_has(addr, nr_pages, MM_PORT_READ_EXECUTE) &&
		mm_port_protect_pages((uintptr_t)addr, nr_pages, MM_PORT_READ_WRITE);
}

bool set_memory_x(const void *addr, unsigned nr_pages)
{
	require_area("set_memory_x", addr, nr_pages);
	return !any_has(addr, nr_pages, MM_PORT_READ_WRITE) &&
		mm_port_protect_pages((uintptr_t)addr, nr_pages, MM_PORT_READ_EXECUTE);
}

bool set_memory_nx(const void *addr, unsigned nr_pages)
{
	require_area("set_memory_nx", addr, nr_pages);
	return change_pages(addr, nr_pages, MM_PORT_READ_EXECUTE, MM_PORT_READ_ONLY);
}

/* ---- Devices ---- */

/* Two cache modes for one page frame are undefined (SDM 3A 12.12.4): RAM is never a device. */
static bool holds_ram(uint64_t pa, uint64_t nr_bytes)
{
	for (uint32_t i = 0; i < live.info->nr_ranges; i++) {
		const struct mem_range *range = &live.info->ranges[i];

		if (range->type == MEM_USABLE && pa < range->end && range->start < pa + nr_bytes)
			return true;
	}
	return false;
}

static void *ioremap_for(const void *caller, uint64_t pa, size_t size,
			 enum mm_port_protection protection)
{
	uint64_t offset_bytes = pa & (PAGE_SIZE - 1);
	struct vm_struct *area;
	uint64_t nr_pages;

	ASSERT_THREAD("ioremap");
	if (!size || size > UINT64_MAX - pa || pa + size > 1ull << MAX_DEVICE_BITS ||
	    holds_ram(pa, size))
		return NULL;
	nr_pages = bytes_to_pages(offset_bytes + size);
	if (nr_pages > UINT32_MAX)
		return NULL;
	area = vm_area_create(nr_pages, nr_pages < VM_HUGE_PAGES ? PAGE_SIZE : VM_HUGE_BYTES,
			      GFP_KERNEL);
	if (!area)
		return NULL;
	area->flags = VM_IOREMAP;
	area->caller = caller;
	area->phys_addr = pa - offset_bytes;
	if (!mm_port_map_range((uintptr_t)area->addr, pa_to_pfn(pa), nr_pages, protection)) {
		vm_area_destroy(area);
		return NULL;
	}
	vm_area_set_state(area, VM_LIVE);
	return (char *)area->addr + offset_bytes;
}

void *ioremap(uint64_t pa, size_t size)
{
	return ioremap_for(__builtin_return_address(0), pa, size, MM_PORT_UNCACHED);
}

void *ioremap_wc(uint64_t pa, size_t size)
{
	return ioremap_for(__builtin_return_address(0), pa, size, MM_PORT_WRITE_COMBINING);
}

void iounmap(const volatile void *addr)
{
	uintptr_t start = align_down((uintptr_t)addr, PAGE_SIZE);
	struct vm_struct *area;

	ASSERT_THREAD("iounmap");
	if (!addr)
		return;
	area = vm_area_claim((void *)start, VM_IOREMAP);
	if (!area)
		bad_address("iounmap", addr);
	vm_area_destroy(area);
}

void vmalloc_init(unsigned nr_cpus)
{
	static const struct vm_entries_source large_entries = {
		.alloc = vmalloc_flags,
		.free = vfree,
	};

	vm_area_init(nr_cpus, &large_entries);
}
