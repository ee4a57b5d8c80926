/*
 * mm's port: the one place where the machine meets the memory manager.
 *
 * Model
 *   Kernel mappings are edits of kernel_tables under table_lock. An edit that
 *   may need table pages cannot allocate them there: the allocator may have to
 *   map a piece of mem_map itself, which takes table_lock inside a zone's lock.
 *   So the tree is fed from a small stock of zeroed pages; when the stock runs
 *   dry the edit stops where it is, the lock is dropped, the stock refilled and
 *   the edit goes on.
 *
 *   Tables that an edit emptied go back to the allocator at the next flush,
 *   when no CPU can walk through them any more: any INVLPG also drops all
 *   cached upper-level entries of a CPU (SDM 3A, 4.10.4.1).
 *
 *   The vmemmap lies over a backdrop of zeroes (mmu_boot.c). Who maps a piece of
 *   it changes what CPUs may have read there, so it ends with a flush.
 *
 * Promises
 *   - a table page in the tree or the stock is of type PAGE_TABLE, or comes
 *     from the boot pool, or from the vmemmap's own source
 *   - table_lock is the innermost lock: nothing is called out of it but the
 *     vmemmap's table source
 *
 * Locking
 *   zone.grow_lock, section.map_lock -> table_lock (mm_port_map_vmemmap). Walks take
 *   none: who looks an address up owns its mapping.
 */

#include "mm/port.h"

#include "arch.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/kswapd.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/mmu_boot.h"
#include "arch/x86_64/port.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/thread.h"
#include "arch/x86_64/windows.h"
#include "lib/align.h"
#include "mm/lock.h"
#include "mm/page_alloc.h"

#include <stdarg.h>

uintptr_t mm_port_direct_map = DIRECT_MAP_START;
uintptr_t mm_port_vmemmap = VMEMMAP_START;
uintptr_t mm_port_vmalloc_start = VMALLOC_START;
uintptr_t mm_port_vmalloc_end = VMALLOC_END;
uintptr_t mm_port_image_start = IMAGE_START;
uintptr_t mm_port_image_end;

#define MESSAGE_BYTES		384
#define PRINT_BYTES		1024

/* Tables one descent may lack: levels 3, 2 and 1. */
#define TABLES_PER_DESCENT	3u
#define MAX_STOCK		16u

/* Guards kernel_tables and the stock. */
static struct spinlock table_lock;

static struct {
	uint64_t pa[MAX_STOCK] GUARDED_BY_GLOBAL(table_lock);	/* zeroed, of type PAGE_TABLE */
	unsigned nr GUARDED_BY_GLOBAL(table_lock);
} stock;

/* ---- The stock of table pages ---- */

static uint64_t take_from_stock(void *arg) HOLDS(table_lock)
{
	(void)arg;
	if (stock.nr)
		return stock.pa[--stock.nr];
	return mmu_take_boot_table(NULL);
}

/*
 * Adds up to @nr_wanted pages, without the lock. False when not one could be
 * had and the stock is empty.
 */
static bool refill_stock(unsigned nr_wanted, gfp_t gfp)
{
	uint64_t fresh[MAX_STOCK];
	unsigned nr = 0;
	bool has_some;

	while (nr < nr_wanted) {
		struct page *page = alloc_page(gfp | __GFP_ZERO);

		if (!page)
			break;
		page_set_type(page, PAGE_TABLE);
		fresh[nr++] = pfn_to_pa(page_to_pfn(page));
	}
	spin_lock(&table_lock);
	while (nr && stock.nr < MAX_STOCK)
		stock.pa[stock.nr++] = fresh[--nr];
	has_some = stock.nr > 0;
	spin_unlock(&table_lock);
	while (nr) {
		struct page *page = pfn_to_page(pa_to_pfn(fresh[--nr]));

		page_set_type(page, PAGE_USER);
		__free_page(page);
	}
	return has_some;
}

/* Table pages worth having at hand to map @nr_pages more. */
static unsigned tables_for(uint64_t nr_pages)
{
	uint64_t nr = nr_pages / PT_ENTRIES + TABLES_PER_DESCENT;

	return (unsigned)min_u64(nr, MAX_STOCK);
}

/* Gives back tables that no CPU can walk through any more. */
static void free_tables(uint64_t chain_pa)
{
	uint64_t pa;

	while ((pa = paging_pop_retired(&kernel_tables, &chain_pa)) != PA_NONE) {
		struct page *page = pfn_to_page(pa_to_pfn(pa));

		if (mmu_is_boot_table(pa)) {
			spin_lock(&table_lock);
			mmu_give_boot_table(pa);
			spin_unlock(&table_lock);
			continue;
		}
		ASSERT(page->type == PAGE_TABLE);
		page_set_type(page, PAGE_USER);
		__free_page(page);
	}
}

void port_init(uint64_t image_bytes)
{
	mm_port_image_end = IMAGE_START + image_bytes;
	kernel_tables.max_spares = PAGING_MAX_SPARES;
	paging_rebase(&kernel_tables, DIRECT_MAP_START, take_from_stock, NULL);
}

/* ---- Mapping ---- */

static const uint64_t leaf_bits[] = {
	[MM_PORT_READ_ONLY] = KERNEL_READ_ONLY,
	[MM_PORT_READ_WRITE] = KERNEL_READ_WRITE,
	[MM_PORT_UNCACHED] = KERNEL_UNCACHED,
	[MM_PORT_WRITE_COMBINING] = KERNEL_WRITE_COMBINING,
	[MM_PORT_READ_EXECUTE] = KERNEL_TEXT,
};

/* The same as finished 4 KiB leaves, for the path of one store. */
static const uint64_t small_leaves[] = {
	[MM_PORT_READ_ONLY] = KERNEL_READ_ONLY | PTE_PRESENT | PTE_ACCESSED,
	[MM_PORT_READ_WRITE] = KERNEL_READ_WRITE | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY,
	[MM_PORT_UNCACHED] = KERNEL_UNCACHED | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY,
	[MM_PORT_WRITE_COMBINING] = KERNEL_WRITE_COMBINING | PTE_PRESENT | PTE_ACCESSED |
				    PTE_DIRTY,
};

_Static_assert((ARRAY_SIZE(small_leaves) & (ARRAY_SIZE(small_leaves) - 1)) == 0,
	       "a mask keeps an index inside");

static uint64_t bits_of(enum mm_port_protection protection)
{
	ASSERT(protection < ARRAY_SIZE(leaf_bits));
	return leaf_bits[protection];
}

static bool is_mappable(uintptr_t va, uint64_t nr_pages)
{
	return va % PAGE_SIZE == 0 && va >= HIGH_HALF_START &&
	       nr_pages <= (UINTPTR_MAX - va) / PAGE_SIZE;
}

/* Undoes the first @nr_pages of a mapping that could not be completed. */
static bool give_up(uintptr_t va, uint64_t nr_pages)
{
	if (nr_pages) {
		mm_port_unmap_pages(va, nr_pages);
		mm_port_flush_tlb(va, nr_pages);
	}
	return false;
}

static NOINLINE bool map_pages(uintptr_t va, const pfn_t *pfns, uint64_t nr_pages,
			       enum mm_port_protection protection)
{
	uint64_t bits = bits_of(protection);
	uint64_t nr_done = 0;

	ASSERT(is_mappable(va, nr_pages));
	for (;;) {
		spin_lock(&table_lock);
		nr_done += paging_map_pages(&kernel_tables, va + pages_to_bytes(nr_done),
					    pfns + nr_done, nr_pages - nr_done, bits);
		spin_unlock(&table_lock);
		if (likely(nr_done == nr_pages))
			return true;
		if (!refill_stock(tables_for(nr_pages - nr_done), GFP_KERNEL))
			return give_up(va, nr_done);
	}
}

/* Several pages into a table that is at hand. */
static NOINLINE bool map_run(uintptr_t va, const pfn_t *pfns, uint64_t nr_pages,
			     enum mm_port_protection protection)
{
	bool is_done;

	spin_lock(&table_lock);
	is_done = paging_map_run(&kernel_tables, va, pfns, nr_pages,
				 small_leaves[protection & (ARRAY_SIZE(small_leaves) - 1)]);
	spin_unlock(&table_lock);
	return likely(is_done) || map_pages(va, pfns, nr_pages, protection);
}

/* One page into a table that is at hand takes no frame and no call: map_4k of the benchmarks. */
bool mm_port_map_pages(uintptr_t va, const pfn_t *pfns, uint64_t nr_pages,
		       enum mm_port_protection protection)
{
	bool is_done;

	if (unlikely(nr_pages != 1))
		return map_run(va, pfns, nr_pages, protection);
	spin_lock(&table_lock);
	/* The mask costs less than a check; no entry of the table is writable and executable. */
	is_done = paging_map_one(&kernel_tables, va, pfns[0],
				 small_leaves[protection & (ARRAY_SIZE(small_leaves) - 1)]);
	spin_unlock(&table_lock);
	return likely(is_done) || map_pages(va, pfns, nr_pages, protection);
}

/* For devices alone, where they can be; what is not for caching is no memory of this kernel. */
static bool is_refused(pfn_t pfn, uint64_t nr_pages, enum mm_port_protection protection)
{
	enum window_verdict verdict;

	if (protection != MM_PORT_UNCACHED && protection != MM_PORT_WRITE_COMBINING)
		return false;
	verdict = windows_judge(&mmu_windows, mmu_boot_info, pfn_to_pa(pfn),
				pages_to_bytes(nr_pages), protection == MM_PORT_WRITE_COMBINING);
	if (verdict == WINDOW_SOUND)
		return false;
	log_line(LOG_WARN, "mmu: no device window of %llu pages at 0x%llx: it %s",
		 (unsigned long long)nr_pages, (unsigned long long)pfn_to_pa(pfn),
		 window_verdict_text(verdict));
	return true;
}

bool mm_port_map_range(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
		       enum mm_port_protection protection)
{
	uint64_t bits = bits_of(protection);
	uint64_t nr_done = 0;

	ASSERT(is_mappable(va, nr_pages));
	if (is_refused(pfn, nr_pages, protection))
		return false;
	for (;;) {
		spin_lock(&table_lock);
		nr_done += paging_map(&kernel_tables, va + pages_to_bytes(nr_done),
				      pfn_to_pa(pfn + nr_done),
				      pages_to_bytes(nr_pages - nr_done), bits) >> PAGE_SHIFT;
		spin_unlock(&table_lock);
		if (likely(nr_done == nr_pages))
			return true;
		if (!refill_stock(tables_for(nr_pages - nr_done), GFP_KERNEL))
			return give_up(va, nr_done);
	}
}

static NOINLINE void unmap_pages(uintptr_t va, uint64_t nr_pages)
{
	uint64_t nr_done = 0;

	ASSERT(is_mappable(va, nr_pages));
	for (;;) {
		spin_lock(&table_lock);
		nr_done += paging_unmap(&kernel_tables, va + pages_to_bytes(nr_done),
					pages_to_bytes(nr_pages - nr_done)) >> PAGE_SHIFT;
		spin_unlock(&table_lock);
		if (likely(nr_done == nr_pages))
			return;
		/* Part of a large page goes: the rest of it needs a table. */
		if (!refill_stock(1, GFP_ATOMIC | __GFP_NO_INJECTION))
			panic_at(__FILE__, __LINE__, "no page to split a large mapping at 0x%llx",
				 (unsigned long long)(va + pages_to_bytes(nr_done)));
	}
}

static NOINLINE void unmap_run(uintptr_t va, uint64_t nr_pages)
{
	bool is_done;

	spin_lock(&table_lock);
	is_done = paging_unmap_run(&kernel_tables, va, nr_pages);
	spin_unlock(&table_lock);
	if (unlikely(!is_done))
		unmap_pages(va, nr_pages);
}

void mm_port_unmap_pages(uintptr_t va, uint64_t nr_pages)
{
	bool is_done;

	if (unlikely(nr_pages != 1)) {
		unmap_run(va, nr_pages);
		return;
	}
	spin_lock(&table_lock);
	is_done = paging_unmap_one(&kernel_tables, va);
	spin_unlock(&table_lock);
	if (unlikely(!is_done))
		unmap_pages(va, nr_pages);
}

void mm_port_flush_tlb(uintptr_t va, uint64_t nr_pages)
{
	uint64_t chain_pa;

	/* Without an INVLPG the CPUs may go on walking through tables that left the tree. */
	if (nr_pages == 0)
		return;
	spin_lock(&table_lock);
	chain_pa = paging_detach_retired(&kernel_tables);
	spin_unlock(&table_lock);
	if (chain_pa == PA_NONE) {
		smp_flush_awake(va, nr_pages);
		return;
	}
	smp_flush(va, nr_pages);
	free_tables(chain_pa);
}

bool port_protect_pages(uintptr_t va, uint64_t nr_pages, enum mm_port_protection protection)
{
	uint64_t nr_done = 0;
	bool has_tables = true;

	ASSERT(protection == MM_PORT_READ_ONLY || protection == MM_PORT_READ_WRITE ||
	       protection == MM_PORT_READ_EXECUTE);
	ASSERT(is_mappable(va, nr_pages));
	while (nr_done < nr_pages && has_tables) {
		spin_lock(&table_lock);
		nr_done += paging_protect(&kernel_tables, va + pages_to_bytes(nr_done),
					  pages_to_bytes(nr_pages - nr_done),
					  bits_of(protection)) >> PAGE_SHIFT;
		spin_unlock(&table_lock);
		if (nr_done < nr_pages)
			has_tables = refill_stock(tables_for(1), GFP_KERNEL);
	}
	mm_port_flush_tlb(va, nr_done);
	return nr_done == nr_pages;
}

bool mm_port_protect_pages(uintptr_t va, uint64_t nr_pages, enum mm_port_protection protection)
{
	return port_protect_pages(va, nr_pages, protection);
}

enum mm_port_protection mm_port_protection(uintptr_t va)
{
	const uint64_t bits = paging_walk(&kernel_tables, va).bits;

	if (bits & PTE_WRITE)
		return MM_PORT_READ_WRITE;
	return bits & PTE_NX ? MM_PORT_READ_ONLY : MM_PORT_READ_EXECUTE;
}

void port_merge_pages(uintptr_t va, uint64_t nr_pages)
{
	spin_lock(&table_lock);
	paging_merge(&kernel_tables, va, pages_to_bytes(nr_pages));
	spin_unlock(&table_lock);
	mm_port_flush_tlb(va, nr_pages);
}

unsigned port_nr_stocked(void)
{
	unsigned nr;

	spin_lock(&table_lock);
	nr = stock.nr;
	spin_unlock(&table_lock);
	return nr;
}

void port_drop_spare_tables(void)
{
	spin_lock(&table_lock);
	paging_drop_spares(&kernel_tables);
	spin_unlock(&table_lock);
	mm_port_flush_tlb(VMALLOC_START, 1);
}

/* Whoever answers a flush has interrupted what it did, or was waiting for a lock of arch. */
bool mm_port_barrier_cpus(void)
{
	/* An idle CPU's word is written in between, in full order. */
	smp_flush_awake(VMALLOC_START, 1);
	return true;
}

pfn_t mm_port_lookup(uintptr_t va)
{
	return paging_lookup(&kernel_tables, va);
}

/* ---- The vmemmap ---- */

struct vmemmap_source {
	pfn_t (*take_table_page)(void *arg);
	void *arg;
};

static uint64_t take_from_vmemmap_source(void *arg)
{
	const struct vmemmap_source *source = arg;
	pfn_t pfn = source->take_table_page(source->arg);

	return pfn == PFN_NONE ? PA_NONE : pfn_to_pa(pfn);
}

bool mm_port_map_vmemmap(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
			 pfn_t (*take_table_page)(void *arg), void *arg)
{
	struct vmemmap_source source = { take_table_page, arg };
	uint64_t bytes = pages_to_bytes(nr_pages);
	uint64_t done_bytes;

	ASSERT(va >= VMEMMAP_START && va + bytes <= VMEMMAP_END);
	/* In one level-1 table or one large page: all of it is mapped, or nothing. */
	ASSERT(va % level_bytes(PT_LEVEL_2M) + bytes <= level_bytes(PT_LEVEL_2M));
	spin_lock(&table_lock);
	kernel_tables.take_table = take_from_vmemmap_source;
	kernel_tables.take_arg = &source;
	done_bytes = paging_map(&kernel_tables, va, pfn_to_pa(pfn), bytes, KERNEL_READ_WRITE);
	kernel_tables.take_table = take_from_stock;
	kernel_tables.take_arg = NULL;
	spin_unlock(&table_lock);
	if (done_bytes < bytes)
		return false;
	/* Tables that wait for a flush stay: the allocator that takes them may be growing. */
	smp_flush_awake(va, nr_pages);
	return true;
}

/* ---- The rest ---- */

bool port_is_irqsafe(void)
{
	struct mm_local local;
	bool is_irqsafe;

	ASSERT(are_interrupts_on());
	local = mm_port_local_lock();
	is_irqsafe = !are_interrupts_on();
	mm_port_local_unlock(local);
	return is_irqsafe;
}

uint64_t mm_port_boot_tables(void)
{
	uint64_t nr_tables;

	spin_lock(&table_lock);
	nr_tables = mmu_nr_boot_tables();
	spin_unlock(&table_lock);
	return nr_tables;
}

unsigned *mm_port_thread_word(void)
{
	return thread_mm_word();
}

void mm_port_wake_reclaim(unsigned nid)
{
	kswapd_wake(nid);
}

uint64_t mm_port_now_ns(void)
{
	return arch_now_ns();
}

void mm_port_log(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(level, format, args);
	va_end(args);
}

void mm_port_print(const char *format, ...)
{
	char text[PRINT_BYTES];
	va_list args;

	va_start(args, format);
	format_vtext(text, sizeof(text), format, args);
	va_end(args);
	log_raw("%s", text);
}

void mm_port_panic(const char *file, int line, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list args;

	va_start(args, format);
	format_vtext(message, sizeof(message), format, args);
	va_end(args);
	panic_at(file, line, "%s", message);
}
