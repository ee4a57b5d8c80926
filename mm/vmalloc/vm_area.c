/*
 * The areas of the vmalloc space.
 *
 * Model
 *   An area is a range of addresses: its pages, then one guard page that nothing
 *   is ever mapped at. The first page of the space is left free too, so that
 *   every area has an unmapped page on both sides. Areas are placed by
 *   mm/vmalloc/vspace.c and form a list by address (vm_struct.next). They go round:
 *
 *     FILLING -> LIVE -> LAZY -> PURGING -> CACHED -> FILLING ...
 *
 *   A released area is unmapped at once, but translations may linger in the
 *   TLBs: it becomes LAZY and queues on this CPU with its pages. When enough
 *   have gathered, one flush for all of them makes their pages free (PURGING),
 *   and areas of up to VM_MAX_CACHED_PAGES pages, or of one block of 2 MiB, are
 *   kept with address and descriptor for the next area of that size (CACHED). So the usual
 *   take and release touch no shared lock, search no tree and flush nothing.
 *   An area that fails half filled leaves by the same way.
 *
 * Invariants
 *   AREA-1  the address space is consistent (VSPACE-1 to VSPACE-5)
 *   AREA-2  the list holds the areas of the address space in the same order; addr
 *       and size are those of the range
 *   AREA-3  a live area is of exactly one kind; its size is its pages and the guard page
 *   AREA-4  a live area maps what it says, page by page
 *   AREA-5  nothing is mapped at guard pages, nor at the addresses of other areas
 *   AREA-6  queues and caches hold exactly the areas in their state, and count them
 *   AREA-7  pages of live and lazy areas that own them are of type PAGE_VMALLOC
 *   AREA-8  the index leads from the first page of each area to it, as far as it reaches
 *
 * Locking
 *   vm_areas.lock guards the address space, the list and the step to PURGING:
 *   under it the pages[] of live and lazy areas stay. Each per-CPU lock guards
 *   that CPU's queue and cache; other CPUs take it only to purge or shrink. The
 *   two kinds are never held together. No lock is held around page allocation,
 *   mapping or a flush. The fields of a FILLING area are its creator's alone.
 */

#include "mm/vmalloc/vm_area.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/event.h"
#include "mm/kmalloc.h"
#include "mm/page/shown.h"
#include "mm/reclaim.h"

/* Of each size, at most so many are kept per CPU: 1,024 descriptors are 200 KiB. */
#define VM_MAX_CACHED_AREAS	1024u

/*
 * A CPU flushes when it holds this many freed areas or pages. A flush costs some
 * microseconds on each CPU of the machine: shared by 128 areas or 4 MiB it does
 * not show, and 4 MiB per CPU is what the page allocator misses meanwhile.
 */
#define VM_MAX_LAZY_AREAS	128u
#define VM_MAX_LAZY_PAGES	512u

/* Single pages given back in one call, and the most an area adds to such a batch. */
#define NR_PAGE_BATCH		64u
#define MAX_BATCHED_PAGES	4u

/* pages[] larger than this comes from vmalloc itself, so that it needs no large block. */
#define MAX_KMALLOC_ENTRIES_BYTES	PAGE_SIZE

/* For what areas are made of: a guarded object would itself need one (mm/slab/debug/guard.c). */
#define GFP_OWN		(GFP_KERNEL | __GFP_NO_GUARD)

/* What of a request's flags holds for what its area is made of: how hard to try. */
#define GFP_EFFORT	(__GFP_RECLAIM | __GFP_HIGH | __GFP_NORETRY | __GFP_NOWARN | \
			 __GFP_NO_INJECTION)

struct vm_area_space vm_areas;

struct page_batch {
	struct page **end;	/* of those in use */
	struct page *pages[NR_PAGE_BATCH];
};

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

/* Gives the memory of pages[] back. */
static void free_entries(struct vm_struct *area)
{
	if (area->pages == area->inline_pages)
		return;
	if (is_vmalloc_addr(area->pages))
		vm_areas.large_entries->free(area->pages);
	else
		kfree(area->pages);
}

/* ---- Birth ---- */

static struct vm_struct **next_link_of(struct vspace_node *node) HOLDS(vm_areas.lock)
{
	if (node == &vm_areas.space.head)
		return &vm_areas.first;
	return &container_of(node, struct vm_struct, place)->next;
}

/* The slot of the page at @va in the index, or NULL: not covered, or its leaf is not made. */
static struct vm_struct **index_slot(uintptr_t va)
{
	uint64_t page = (va - mm_port_vmalloc_start) >> PAGE_SHIFT;
	struct vm_index_node *node;
	struct vm_index_leaf *leaf;

	if (page >> 3 * VM_INDEX_SHIFT)
		return NULL;
	node = vm_areas.index[page >> 2 * VM_INDEX_SHIFT];
	leaf = node ? node->leaves[page >> VM_INDEX_SHIFT & (VM_INDEX_SIZE - 1)] : NULL;
	return leaf ? &leaf->areas[page & (VM_INDEX_SIZE - 1)] : NULL;
}

static void index_set(const struct vm_struct *area, struct vm_struct *value)
{
	struct vm_struct **slot = index_slot(area->place.start);

	if (slot)
		__atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

/* A zeroed page for *@at, which somebody else may fill first. */
static bool index_grow(void **at, gfp_t gfp)
{
	void *fresh = kzalloc(PAGE_SIZE, gfp);
	void *expected = NULL;

	if (!fresh)
		return false;
	if (!__atomic_compare_exchange_n(at, &expected, fresh, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		kfree(fresh);
	return true;
}

/* Makes the nodes for @va, if the index covers it. No lock held. */
static bool index_reserve(uintptr_t va, gfp_t gfp)
{
	uint64_t page = (va - mm_port_vmalloc_start) >> PAGE_SHIFT;
	struct vm_index_node **node = &vm_areas.index[page >> 2 * VM_INDEX_SHIFT];

	if (page >> 3 * VM_INDEX_SHIFT || index_slot(va))
		return true;
	if (!*node && !index_grow((void **)node, gfp))
		return false;
	return index_grow((void **)&(*node)->leaves[page >> VM_INDEX_SHIFT & (VM_INDEX_SIZE - 1)],
			  gfp);
}

static void list_area(struct vm_struct *area) HOLDS(vm_areas.lock)
{
	struct vm_struct **link = next_link_of(area->place.prev);

	area->next = *link;
	*link = area;
}

static bool place_area(struct vm_struct *area, uint64_t nr_bytes, uint64_t align)
{
	bool is_placed;

	spin_lock(&vm_areas.lock);
	is_placed = vspace_alloc(&vm_areas.space, &area->place, nr_bytes, align);
	if (is_placed) {
		area->addr = (void *)area->place.start;
		area->size = nr_bytes;
		list_area(area);
		index_set(area, area);
	}
	spin_unlock(&vm_areas.lock);
	return is_placed;
}

/* Takes @area, which nothing maps and no queue holds, out of the space. */
static void remove_area(struct vm_struct *area)
{
	spin_lock(&vm_areas.lock);
	index_set(area, NULL);
	*next_link_of(area->place.prev) = area->next;
	vspace_free(&vm_areas.space, &area->place);
	spin_unlock(&vm_areas.lock);
	free_entries(area);
	kmem_cache_free(vm_areas.vm_structs, area);
}

/* Puts the nodes of its slot under a placed area; without them it cannot stay. */
static bool index_area(struct vm_struct *area, gfp_t gfp)
{
	if (index_slot(area->place.start))
		return true;
	if (!index_reserve(area->place.start, gfp))
		return false;
	spin_lock(&vm_areas.lock);
	index_set(area, area);
	spin_unlock(&vm_areas.lock);
	return true;
}

struct vm_struct *vm_area_create(uint64_t nr_pages, uint64_t align, gfp_t gfp)
{
	uint64_t nr_bytes = pages_to_bytes(nr_pages) + VM_GUARD_BYTES;
	struct vm_struct *area;

	gfp = (gfp & GFP_EFFORT) | __GFP_NO_GUARD;
	area = kmem_cache_alloc(vm_areas.vm_structs, gfp);
	if (!area)
		return NULL;
	*area = (struct vm_struct){
		.pages = area->inline_pages,
		.nr_pages = (unsigned)nr_pages,
		.max_entries = VM_NR_INLINE_PAGES,
		.state = VM_FILLING,
	};
	if (!place_area(area, nr_bytes, align)) {
		/* What the queues and caches hold may be just what is missing. */
		vmalloc_shrink();
		if (!place_area(area, nr_bytes, align)) {
			kmem_cache_free(vm_areas.vm_structs, area);
			return NULL;
		}
	}
	if (index_area(area, gfp))
		return area;
	remove_area(area);
	return NULL;
}

/* ---- pages[] ---- */

bool vm_area_reserve_entries(struct vm_struct *area, uint64_t nr_entries, gfp_t gfp,
			     unsigned nid)
{
	uint64_t nr_bytes = nr_entries * sizeof(area->pages[0]);
	struct page **pages;

	if (nr_entries <= area->max_entries)
		return true;
	gfp &= GFP_EFFORT;
	if (nr_bytes <= MAX_KMALLOC_ENTRIES_BYTES)
		pages = kmalloc_node(nr_bytes, gfp | __GFP_NO_GUARD, nid);
	else
		pages = vm_areas.large_entries->alloc(nr_bytes, gfp, nid, 0);
	if (!pages)
		return false;
	memcpy(pages, area->pages, area->nr_entries * sizeof(pages[0]));
	free_entries(area);
	area->pages = pages;
	area->max_entries = (unsigned)nr_entries;
	return true;
}

/* ---- Death ---- */

static void flush_batch(struct page_batch *batch)
{
	free_pages_typed((unsigned)(batch->end - batch->pages), batch->pages, PAGE_VMALLOC);
	batch->end = batch->pages;
}

static void free_huge_pages(const struct vm_struct *area)
{
	for (unsigned i = 0; i < area->nr_huge; i++) {
		page_set_type(area->pages[i], PAGE_USER);
		__free_pages(area->pages[i], VM_HUGE_ORDER);
	}
}

/* Gives the pages behind @area back; the few of a small area by way of @batch. */
static void free_area_pages(struct vm_struct *area, struct page_batch *batch)
{
	unsigned nr_singles = area->nr_entries - area->nr_huge;
	struct page **singles = area->pages + area->nr_huge;

	if (unlikely(area->nr_huge))
		free_huge_pages(area);
	if (nr_singles > MAX_BATCHED_PAGES) {
		free_pages_typed(nr_singles, singles, PAGE_VMALLOC);
		return;
	}
	if (batch->end + nr_singles > batch->pages + NR_PAGE_BATCH)
		flush_batch(batch);
	for (struct page **end = singles + nr_singles; singles < end; singles++)
		*batch->end++ = *singles;
}

/* For lecture and reports. */
static NOINLINE COLD void tell_freed(const struct vm_area_set *set)
{
	for (const struct vm_struct *area = set->first; area; area = area->link)
		mm_event_tell((struct mm_event){
			.kind = MM_EVENT_AREA_FREED,
			.at = (uintptr_t)area->addr,
			.nr = area->nr_pages,
			.nid = (uint16_t)(area->nr_entries ? page_to_nid(area->pages[0]) : 0),
		}, NULL);
}

/*
 * One flush for everything in @set, which is not empty; from here on pages[] of
 * its areas may go. Several areas span more than a CPU would flush page by page.
 */
static void flush_areas(struct vm_area_set *set)
{
	uintptr_t start = set->first->place.start, end = set->first->place.end;

	if (set->nr_areas > 1) {
		start = mm_port_vmalloc_start;
		end = mm_port_vmalloc_end;
	}
	spin_lock(&vm_areas.lock);
	for (struct vm_struct *area = set->first; area; area = area->link)
		area->state = VM_PURGING;
	spin_unlock(&vm_areas.lock);
	mm_port_flush_tlb(start, (end - start) >> PAGE_SHIFT);
}

/* Keeps what fits of @set for reuse on this CPU; the rest leaves the space. */
static void retire_areas(struct vm_area_set *set)
{
	struct vm_area_cpu *cpu = vm_area_this_cpu();
	struct vm_area_set leaving = { 0 };
	struct vm_struct *area;
	unsigned class;

	spin_lock(&cpu->lock);
	while ((area = set_take(set)) != NULL) {
		area->nr_entries = 0;
		area->nr_huge = 0;
		class = vm_area_class(area);
		if (likely(class != VM_NO_CLASS) &&
		    cpu->cached[class].nr_areas < VM_MAX_CACHED_AREAS) {
			vm_area_set_state(area, VM_CACHED);
			set_add(&cpu->cached[class], area);
		} else {
			set_add(&leaving, area);
		}
	}
	spin_unlock(&cpu->lock);
	while ((area = set_take(&leaving)) != NULL)
		remove_area(area);
}

static uint64_t purge_cpu(struct vm_area_cpu *cpu)
{
	struct page_batch batch;
	struct vm_area_set lazy;
	uint64_t nr_pages;

	spin_lock(&cpu->lock);
	lazy = set_take_all(&cpu->lazy);
	nr_pages = cpu->nr_lazy_pages;
	cpu->nr_lazy_pages = 0;
	spin_unlock(&cpu->lock);
	if (!lazy.first)
		return 0;

	flush_areas(&lazy);
	if (mm_events_wanted())
		tell_freed(&lazy);
	batch.end = batch.pages;
	for (struct vm_struct *area = lazy.first; area; area = area->link)
		free_area_pages(area, &batch);
	flush_batch(&batch);
	retire_areas(&lazy);
	return nr_pages;
}

/* @owns_pages: what vm_area_owned_pages() knows, for vfree() without a look at the flags. */
static ALWAYS_INLINE void release_area(struct vm_struct *area, bool owns_pages)
{
	struct vm_area_cpu *cpu = vm_area_this_cpu();
	bool is_full;

	mm_port_unmap_pages(area->place.start, area->nr_pages);
	spin_lock(&cpu->lock);
	set_add(&cpu->lazy, area);
	cpu->nr_lazy_pages += owns_pages ? area->nr_pages : 0;
	is_full = cpu->lazy.nr_areas >= VM_MAX_LAZY_AREAS ||
		  cpu->nr_lazy_pages >= VM_MAX_LAZY_PAGES;
	spin_unlock(&cpu->lock);
	/* A handler leaves the flush to the next thread that frees, or to reclaim. */
	if (is_full && !mm_port_is_in_handler())
		purge_cpu(cpu);
}

void vm_area_release(struct vm_struct *area)
{
	release_area(area, true);
}

void vm_area_release_window(struct vm_struct *area)
{
	release_area(area, false);
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
	while ((nr_more = purge_cpu(vm_area_this_cpu())) != 0)
		nr_pages += nr_more;
	return nr_pages;
}

static void drop_cached(struct vm_area_cpu *cpu, unsigned class)
{
	struct vm_area_set cached;
	struct vm_struct *area;

	spin_lock(&cpu->lock);
	cached = set_take_all(&cpu->cached[class]);
	spin_unlock(&cpu->lock);
	while ((area = set_take(&cached)) != NULL)
		remove_area(area);
}

void vmalloc_shrink(void)
{
	vmalloc_purge();
	for (unsigned cpu = 0; cpu < vm_areas.nr_cpus; cpu++)
		for (unsigned class = 0; class < VM_NR_CLASSES; class++)
			drop_cached(&vm_areas.cpus[cpu], class);
}

/* Of which nodes they are is not counted. */
static uint64_t count_lazy_pages(struct shrinker *asked, unsigned nid)
{
	uint64_t nr_pages = 0;

	(void)asked;
	(void)nid;
	for (unsigned i = 0; i < vm_areas.nr_cpus; i++) {
		struct vm_area_cpu *cpu = &vm_areas.cpus[i];

		spin_lock(&cpu->lock);
		nr_pages += cpu->nr_lazy_pages;
		spin_unlock(&cpu->lock);
	}
	return nr_pages;
}

/* Pages that wait for a flush are the cheapest to have back. One flush is for all of them. */
static uint64_t scan_lazy_areas(struct shrinker *asked, struct shrink_control *control)
{
	uint64_t nr_freed = vmalloc_purge();

	(void)asked;
	control->nr_scanned += nr_freed;
	return nr_freed;
}

static struct shrinker lazy_shrinker = {
	.name = "vmalloc", .count = count_lazy_pages, .scan = scan_lazy_areas
};

struct vm_struct *vm_area_at_or_before(uintptr_t va)
{
	struct vspace_node *node = vspace_find(&vm_areas.space, va);

	return node ? container_of(node, struct vm_struct, place) : NULL;
}

struct vm_struct *vm_area_starting_at_any(const volatile void *addr)
{
	struct vm_struct *area;

	spin_lock(&vm_areas.lock);
	area = vm_area_at_or_before((uintptr_t)addr);
	spin_unlock(&vm_areas.lock);
	return area && area->addr == addr ? area : NULL;
}

struct vm_struct *vm_area_claim(const volatile void *addr, unsigned long kind)
{
	struct vm_struct *area;

	/* Under the lock, for whoever is faster frees the area. */
	spin_lock(&vm_areas.lock);
	area = vm_area_at_or_before((uintptr_t)addr);
	if (area && (area->addr != addr || !(area->flags & kind) || (area->flags & VM_OWN) ||
		     !vm_area_end_life(area)))
		area = NULL;
	spin_unlock(&vm_areas.lock);
	return area;
}

void vm_area_set_own(const void *addr, bool is_own)
{
	struct vm_struct *area = vm_area_starting_at_any(addr);

	area->flags = is_own ? area->flags | VM_OWN : area->flags & ~VM_OWN;
}

void vm_area_init(unsigned nr_cpus, const struct vm_entries_source *large_entries)
{
	ASSERT(nr_cpus != 0);
	ASSERT(nr_cpus <= MAX_CPUS);

	vm_areas = (struct vm_area_space){ .nr_cpus = nr_cpus, .large_entries = large_entries };
	spin_lock(&vm_areas.lock);
	vspace_init(&vm_areas.space, mm_port_vmalloc_start + VM_GUARD_BYTES, mm_port_vmalloc_end);
	spin_unlock(&vm_areas.lock);
	/* Type-safe: who frees an area twice may look at one that another CPU gives away. */
	vm_areas.vm_structs = kmem_cache_create("vm_struct", sizeof(struct vm_struct), 0,
						SLAB_PANIC | SLAB_TYPESAFE_BY_RCU, NULL);
	vm_areas.cpus = kcalloc(nr_cpus, sizeof(vm_areas.cpus[0]), GFP_OWN);
	vm_areas.index = kcalloc(VM_INDEX_SIZE, sizeof(vm_areas.index[0]), GFP_OWN);
	if (!vm_areas.cpus || !vm_areas.index)
		mm_port_panic(__FILE__, __LINE__, "no memory for vmalloc's queues and index");
	register_shrinker(&lazy_shrinker);
}
