/*
 * The areas of the vmalloc space.
 *
 * Model
 *   An area is a range of addresses: its pages, then one guard page that nothing
 *   is ever mapped at. The first page of the space is left free too, so that
 *   every area has an unmapped page on both sides. Areas are placed by
 *   mm/vspace.c and form a list by address (vm_struct.next). They go round:
 *
 *     FILLING -> LIVE -> LAZY -> PURGING -> CACHED -> FILLING ...
 *
 *   A released area is unmapped at once, but translations may linger in the
 *   TLBs: it becomes LAZY and queues on this CPU with its pages. When enough
 *   have gathered, one flush for all of them makes their pages free (PURGING),
 *   and areas of up to VM_MAX_CACHED_PAGES pages are kept with address and
 *   descriptor for the next area of exactly that size (CACHED). So the usual
 *   take and release touch no shared lock, search no tree and flush nothing.
 *   An area that fails half filled leaves by the same way.
 *
 * Invariants
 *   A1  the address space is consistent (V1 to V5)
 *   A2  the list holds the areas of the address space in the same order; addr
 *       and size are those of the range
 *   A3  a live area is of exactly one kind; its size is its pages and the guard page
 *   A4  a live area maps what it says, page by page
 *   A5  nothing is mapped at guard pages, nor at the addresses of other areas
 *   A6  queues and caches hold exactly the areas in their state, and count them
 *   A7  pages of live and lazy areas that own them are of type PAGE_VMALLOC and
 *       lead to their area
 *
 * Locking
 *   vm_areas.lock guards the address space, the list and the step to PURGING:
 *   under it the pages[] of live and lazy areas stay. Each per-CPU lock guards
 *   that CPU's queue and cache; other CPUs take it only to purge or shrink. The
 *   two kinds are never held together. No lock is held around page allocation,
 *   mapping or a flush. The fields of a FILLING area are its creator's alone.
 */

#include "mm/vm_area.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"

/* Of each size, at most so many are kept per CPU: 1,024 descriptors are 200 KiB. */
#define VM_MAX_CACHED_AREAS	1024u

/*
 * A CPU flushes when it holds this many freed areas or pages. A flush costs some
 * microseconds on each CPU of the machine: shared by 128 areas or 4 MiB it does
 * not show, and 4 MiB per CPU is what the page allocator misses meanwhile.
 */
#define VM_MAX_LAZY_AREAS	128u
#define VM_MAX_LAZY_PAGES	1024u

/* Single pages given back in one call. */
#define NR_PAGE_BATCH		64u

/* pages[] larger than this comes from vmalloc itself, so that it needs no large block. */
#define MAX_KMALLOC_ENTRIES_BYTES	PAGE_SIZE

struct vm_area_space vm_areas;

struct page_batch {
	unsigned nr_pages;
	struct page *pages[NR_PAGE_BATCH];
};

static struct vm_area_cpu *this_cpu(void)
{
	return &vm_areas.cpus[mm_port_cpu()];
}

static void set_add(struct vm_area_set *set, struct vm_struct *area)
{
	area->link = set->first;
	set->first = area;
	set->nr_areas++;
}

static struct vm_struct *set_take(struct vm_area_set *set)
{
	struct vm_struct *area = set->first;

	if (area) {
		set->first = area->link;
		set->nr_areas--;
	}
	return area;
}

static struct vm_area_set set_take_all(struct vm_area_set *set)
{
	struct vm_area_set all = *set;

	*set = (struct vm_area_set){ 0 };
	return all;
}

/* ---- Birth ---- */

static struct vm_struct **next_link_of(struct vspace_node *node) HOLDS(vm_areas.lock)
{
	if (node == &vm_areas.space.head)
		return &vm_areas.first;
	return &container_of(node, struct vm_struct, place)->next;
}

static bool place_area(struct vm_struct *area, uint64_t nr_bytes, uint64_t align)
{
	struct vm_struct **link;
	bool is_placed;

	spin_lock(&vm_areas.lock);
	is_placed = vspace_alloc(&vm_areas.space, &area->place, nr_bytes, align);
	if (is_placed) {
		area->addr = (void *)area->place.start;
		area->size = nr_bytes;
		link = next_link_of(area->place.prev);
		area->next = *link;
		*link = area;
	}
	spin_unlock(&vm_areas.lock);
	return is_placed;
}

static struct vm_struct *create_area(uint64_t nr_pages, uint64_t align)
{
	uint64_t nr_bytes = pages_to_bytes(nr_pages) + VM_GUARD_BYTES;
	struct vm_struct *area = kmem_cache_alloc(vm_areas.vm_structs, GFP_KERNEL);

	if (!area)
		return NULL;
	*area = (struct vm_struct){
		.pages = area->inline_pages,
		.nr_pages = (unsigned)nr_pages,
		.max_entries = VM_NR_INLINE_PAGES,
		.state = VM_FILLING,
	};
	if (place_area(area, nr_bytes, align))
		return area;
	/* What the queues and caches hold may be just what is missing. */
	vmalloc_shrink();
	if (place_area(area, nr_bytes, align))
		return area;
	kmem_cache_free(vm_areas.vm_structs, area);
	return NULL;
}

static struct vm_struct *take_cached(uint64_t nr_pages)
{
	struct vm_area_cpu *cpu = this_cpu();
	struct vm_struct *area;

	spin_lock(&cpu->lock);
	area = set_take(&cpu->cached[nr_pages]);
	spin_unlock(&cpu->lock);
	if (area)
		vm_area_set_state(area, VM_FILLING);
	return area;
}

struct vm_struct *vm_area_take(uint64_t nr_pages, uint64_t align)
{
	struct vm_struct *area;

	if (nr_pages <= VM_MAX_CACHED_PAGES && align <= PAGE_SIZE) {
		area = take_cached(nr_pages);
		if (area)
			return area;
	}
	return create_area(nr_pages, align);
}

/* ---- pages[] ---- */

static void free_entries(struct vm_struct *area)
{
	if (area->pages == area->inline_pages)
		return;
	if (is_vmalloc_addr(area->pages))
		vfree(area->pages);
	else
		kfree(area->pages);
}

bool vm_area_reserve_entries(struct vm_struct *area, uint64_t nr_entries, gfp_t gfp,
			     unsigned nid)
{
	uint64_t nr_bytes = nr_entries * sizeof(area->pages[0]);
	struct page **pages;

	if (nr_entries <= area->max_entries)
		return true;
	gfp &= __GFP_RECLAIM | __GFP_HIGH | __GFP_NORETRY | __GFP_NOWARN;
	if (nr_bytes <= MAX_KMALLOC_ENTRIES_BYTES)
		pages = kmalloc_node(nr_bytes, gfp, nid);
	else
		pages = vmalloc_flags(nr_bytes, gfp, nid, 0);
	if (!pages)
		return false;
	memcpy(pages, area->pages, area->nr_entries * sizeof(pages[0]));
	free_entries(area);
	area->pages = pages;
	area->max_entries = (unsigned)nr_entries;
	return true;
}

/* ---- Death ---- */

/* Takes @area, which nothing maps and no queue holds, out of the space. */
static void remove_area(struct vm_struct *area)
{
	spin_lock(&vm_areas.lock);
	*next_link_of(area->place.prev) = area->next;
	vspace_free(&vm_areas.space, &area->place);
	spin_unlock(&vm_areas.lock);
	free_entries(area);
	kmem_cache_free(vm_areas.vm_structs, area);
}

static void flush_batch(struct page_batch *batch)
{
	free_pages_bulk(batch->nr_pages, batch->pages);
	batch->nr_pages = 0;
}

/* Gives the pages behind @area back; the few of a small area by way of @batch. */
static void free_area_pages(struct vm_struct *area, struct page_batch *batch)
{
	unsigned nr_singles = area->nr_entries - area->nr_huge;
	struct page **singles = area->pages + area->nr_huge;

	for (unsigned i = 0; i < area->nr_huge; i++) {
		page_set_type(area->pages[i], PAGE_USER);
		__free_pages(area->pages[i], VM_HUGE_ORDER);
	}
	page_set_types(singles, nr_singles, PAGE_USER);
	if (nr_singles > VM_MAX_CACHED_PAGES) {
		free_pages_bulk(nr_singles, singles);
	} else {
		if (batch->nr_pages + nr_singles > NR_PAGE_BATCH)
			flush_batch(batch);
		for (unsigned i = 0; i < nr_singles; i++)
			batch->pages[batch->nr_pages++] = singles[i];
	}
	area->nr_entries = 0;
	area->nr_huge = 0;
}

/* One flush for everything in @set; from here on their pages[] may go. */
static void flush_areas(struct vm_area_set *set)
{
	uintptr_t start = UINTPTR_MAX, end = 0;

	spin_lock(&vm_areas.lock);
	for (struct vm_struct *area = set->first; area; area = area->link) {
		vm_area_set_state(area, VM_PURGING);
		start = min_u64(start, area->place.start);
		end = max_u64(end, area->place.end);
	}
	spin_unlock(&vm_areas.lock);
	mm_port_flush_tlb(start, (end - start) >> PAGE_SHIFT);
}

/* Keeps @area for reuse on this CPU, or takes it out of the space. */
static void retire_area(struct vm_struct *area)
{
	struct vm_area_cpu *cpu = this_cpu();
	bool is_kept = false;

	if (area->nr_pages <= VM_MAX_CACHED_PAGES) {
		spin_lock(&cpu->lock);
		is_kept = cpu->cached[area->nr_pages].nr_areas < VM_MAX_CACHED_AREAS;
		if (is_kept) {
			vm_area_set_state(area, VM_CACHED);
			set_add(&cpu->cached[area->nr_pages], area);
		}
		spin_unlock(&cpu->lock);
	}
	if (!is_kept)
		remove_area(area);
}

static uint64_t purge_cpu(struct vm_area_cpu *cpu)
{
	struct page_batch batch = { 0 };
	struct vm_area_set lazy;
	struct vm_struct *area;
	uint64_t nr_pages;

	spin_lock(&cpu->lock);
	lazy = set_take_all(&cpu->lazy);
	nr_pages = cpu->nr_lazy_pages;
	cpu->nr_lazy_pages = 0;
	spin_unlock(&cpu->lock);
	if (!lazy.first)
		return 0;

	flush_areas(&lazy);
	while ((area = set_take(&lazy)) != NULL) {
		free_area_pages(area, &batch);
		retire_area(area);
	}
	flush_batch(&batch);
	return nr_pages;
}

void vm_area_release(struct vm_struct *area)
{
	struct vm_area_cpu *cpu = this_cpu();
	bool is_full;

	mm_port_unmap_pages(area->place.start, area->nr_pages);
	spin_lock(&cpu->lock);
	vm_area_set_state(area, VM_LAZY);	/* of an area that was not filled whole */
	set_add(&cpu->lazy, area);
	cpu->nr_lazy_pages += area->nr_pages;
	is_full = cpu->lazy.nr_areas >= VM_MAX_LAZY_AREAS ||
		  cpu->nr_lazy_pages >= VM_MAX_LAZY_PAGES;
	spin_unlock(&cpu->lock);
	if (is_full)
		purge_cpu(cpu);
}

void vm_area_destroy(struct vm_struct *area)
{
	ASSERT(area->nr_entries == 0);

	mm_port_unmap_pages(area->place.start, area->nr_pages);
	mm_port_flush_tlb(area->place.start, area->nr_pages);
	remove_area(area);
}

uint64_t vmalloc_purge(void)
{
	uint64_t nr_pages = 0, nr_more;

	for (unsigned cpu = 0; cpu < vm_areas.nr_cpus; cpu++)
		nr_pages += purge_cpu(&vm_areas.cpus[cpu]);
	/* A large area's pages[] is itself an area, queued here when the first is purged. */
	while ((nr_more = purge_cpu(this_cpu())) != 0)
		nr_pages += nr_more;
	return nr_pages;
}

static void drop_cached(struct vm_area_cpu *cpu, unsigned nr_pages)
{
	struct vm_area_set cached;
	struct vm_struct *area;

	spin_lock(&cpu->lock);
	cached = set_take_all(&cpu->cached[nr_pages]);
	spin_unlock(&cpu->lock);
	while ((area = set_take(&cached)) != NULL)
		remove_area(area);
}

void vmalloc_shrink(void)
{
	vmalloc_purge();
	for (unsigned cpu = 0; cpu < vm_areas.nr_cpus; cpu++)
		for (unsigned nr_pages = 1; nr_pages <= VM_MAX_CACHED_PAGES; nr_pages++)
			drop_cached(&vm_areas.cpus[cpu], nr_pages);
}

struct vm_struct *vm_area_at_or_before(uintptr_t va)
{
	struct vspace_node *node = vspace_find(&vm_areas.space, va);

	return node ? container_of(node, struct vm_struct, place) : NULL;
}

void vm_area_init(unsigned nr_cpus)
{
	ASSERT(nr_cpus != 0);
	ASSERT(nr_cpus <= MAX_CPUS);

	vm_areas = (struct vm_area_space){ .nr_cpus = nr_cpus };
	spin_lock(&vm_areas.lock);
	vspace_init(&vm_areas.space, mm_port_vmalloc_start + VM_GUARD_BYTES, mm_port_vmalloc_end);
	spin_unlock(&vm_areas.lock);
	vm_areas.vm_structs = kmem_cache_create("vm_struct", sizeof(struct vm_struct), 0,
						SLAB_PANIC, NULL);
	vm_areas.cpus = kcalloc(nr_cpus, sizeof(vm_areas.cpus[0]), GFP_KERNEL);
	if (!vm_areas.cpus)
		mm_port_panic(__FILE__, __LINE__, "no memory for vmalloc's per-CPU queues");
}
