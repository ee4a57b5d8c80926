#ifndef MM_PORT_H
#define MM_PORT_H

/*
 * Everything mm/ needs from the kernel around it.
 *
 * A port supplies the functions declared here and a header "mm_port_inline.h"
 * on its include path with what the fast paths use. Two addresses, which may be
 * HIDDEN variables or constants:
 *
 *   uintptr_t mm_port_direct_map	direct-map address of physical address 0
 *   uintptr_t mm_port_vmemmap		of the struct page of pfn 0; mapped a section at
 *		a time. Where nothing was mapped it reads as zeroes, for every pfn up to the
 *		highest RAM: the type of any page can be looked at. A port that can makes
 *		writes there fault. Where both are constants, and this one is the other
 *		divided by 128, virt_to_page() is a shift.
 *
 * And functions to inline:
 *
 *   unsigned mm_port_cpu(void);		index of this CPU, below MAX_CPUS, dense
 *   void *mm_port_cpu_data(void);		one word per CPU that is mm's; NULL before
 *   void mm_port_set_cpu_data(void *);	mm_init_cpu() sets it, on the CPU itself
 *   void mm_port_spin_hint(void);		inside spin loops, perhaps masked: answers there
 *		what other CPUs ask of this one, where an interrupt cannot
 *   struct mm_local mm_port_local_lock(void);
 *   void mm_port_local_unlock(struct mm_local);
 *   bool mm_port_is_local_locked(void);	for assertions; who cannot tell says false
 *   bool mm_port_mask(void);			while a spin lock is held (mm/lock.h): true
 *	void mm_port_unmask(bool was_open);	when it had to be done, and is undone with true
 *   MM_PORT_MASKS				a constant: whether that ever is so
 *   bool mm_port_is_in_handler(void);		for assertions, as above
 *
 * The local lock keeps the running code on its CPU and alone on it; masking keeps
 * away what may call mm while a lock is held, and so does that. A kernel with
 * cooperative threads whose handlers never allocate defines both empty; one that is
 * preemptive, or whose handlers allocate, disables interrupts in both, and both nest
 * (mm/context.h). What it gives, struct mm_local, is the
 * state to restore, if any, and the proof of holding it: a function of mm that
 * must run under the local lock has a parameter of that type, so that who forgets
 * the lock has nothing to pass.
 *
 * How code in mm may wait. It never sleeps and has no function to sleep with: there are
 * spin locks, held for a bounded number of steps, and mm_port_spin_hint() in their
 * loops. Whoever needs memory that is not there asks for it to be made
 * (mm_port_wake_reclaim(), drain requests), does what it can itself within a bound
 * (shrinkers, compaction) and returns NULL; a caller that may wait does so outside mm
 * and asks again. Nothing is waited for with the local lock held.
 *
 * tests/port_stub/ is the smallest port; mm/README.md explains porting.
 */

#include "lib/compiler.h"
#include "log.h"
#include "mm_port_inline.h"
#include "mm/types.h"

/* The vmalloc area, page-aligned, half-open. Empty on a port without paging. */
extern uintptr_t mm_port_vmalloc_start;
extern uintptr_t mm_port_vmalloc_end;

/* This kernel's image, half-open: reports name callers by offset. Empty: by address. */
extern uintptr_t mm_port_image_start;
extern uintptr_t mm_port_image_end;

/* How a kernel mapping may be used. Nothing is mapped executable: what may run is made so later. */
enum mm_port_protection {
	MM_PORT_READ_ONLY,
	MM_PORT_READ_WRITE,
	MM_PORT_UNCACHED,
	MM_PORT_WRITE_COMBINING,
	MM_PORT_READ_EXECUTE		/* for mm_port_protect_pages() alone */
};

/*
 * Maps the @nr_pages page frames @pfns[] at consecutive pages from @va, which are
 * not mapped. False when a page-table page could not be had: then nothing of
 * the request is mapped. Table pages come from alloc_pages, so no allocator
 * lock may be held. For threads.
 */
bool mm_port_map_pages(uintptr_t va, const pfn_t *pfns, uint64_t nr_pages,
		       enum mm_port_protection protection) MUST_CHECK;

/*
 * As above for one physically contiguous range, with the largest pages that
 * the alignment of @va, @pfn and @nr_pages allows. False, too, for an uncached or
 * write-combining range where no device can be: memory, or beyond the CPU's addresses.
 */
bool mm_port_map_range(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
		       enum mm_port_protection protection) MUST_CHECK;

/*
 * Takes the mappings of [@va, @va + @nr_pages pages) away; absent ones are
 * passed over. Translations may linger until mm_port_flush_tlb(). In any context.
 */
void mm_port_unmap_pages(uintptr_t va, uint64_t nr_pages);

/*
 * Gives the mapped pages of [@va, @va + @nr_pages pages) @protection, MM_PORT_READ_ONLY,
 * MM_PORT_READ_WRITE or MM_PORT_READ_EXECUTE, on every CPU. False: a large page must be split
 * and no page for the table could be had; what comes before it has changed. For threads.
 */
bool mm_port_protect_pages(uintptr_t va, uint64_t nr_pages,
			   enum mm_port_protection protection) MUST_CHECK;

/* Which of those three the page at @va, mapped as memory is, has. */
enum mm_port_protection mm_port_protection(uintptr_t va);

/* On return no CPU can reach the old translations of [va, va + nr_pages). For threads. */
void mm_port_flush_tlb(uintptr_t va, uint64_t nr_pages);

/*
 * On return every other CPU that runs has passed a full memory barrier, between two
 * instructions of what it was doing, since the call; as by an interrupt that it answers.
 * Called without locks that code with the local lock waits for. False: cannot be
 * done; what other CPUs have at rest then stays out of reach until they give it back.
 */
bool mm_port_barrier_cpus(void) MUST_CHECK;

/* The page frame mapped at @va, or PFN_NONE: a walk of the live tables. */
pfn_t mm_port_lookup(uintptr_t va);

/*
 * Maps @nr_pages frames from @pfn into the vmemmap at @va, of one section, while no
 * allocator exists or is usable for it: table pages are taken with
 * @take_table_page(@arg), which returns the pfn of a zeroed page in the direct
 * map, or PFN_NONE. At most one for each 2 MiB of the vmemmap, aligned, that is
 * mapped by less than 512 aligned frames at once, for each 1 GiB and each 512 GiB:
 * so many there are; false when it had to take more. On return no CPU sees the
 * zeroes that were there. Called with locks held.
 */
bool mm_port_map_vmemmap(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
			 pfn_t (*take_table_page)(void *arg), void *arg) MUST_CHECK;

/*
 * Page-table pages that the port holds from before there was an allocator, of
 * memory that mm never had: for the ledger.
 */
uint64_t mm_port_boot_tables(void);

/*
 * A word of mm's own that belongs to the running thread of execution: 0 when the thread
 * begins, where else nobody writes, and the same wherever the thread goes on, also when
 * others have run on its CPU meanwhile. Work done on a thread's stack in between is
 * the thread's. A kernel without threads has one for each CPU.
 */
unsigned *mm_port_thread_word(void);

/* Asks that reclaim_node(@nid) run soon, elsewhere. Returns at once. */
void mm_port_wake_reclaim(unsigned nid);

/* Monotonic time; the unit of the audit ring and of timeouts. May be called with locks held. */
uint64_t mm_port_now_ns(void);

/* One log line without its newline. May be called with locks held. */
void mm_port_log(enum log_level level, const char *format, ...) PRINTF(2, 3);

/* Exact text to the log: the /proc-style tables. */
void mm_port_print(const char *format, ...) PRINTF(1, 2);

/* Memory is corrupt or a contract is broken: reports and does not return. */
void mm_port_panic(const char *file, int line, const char *format, ...) PRINTF(3, 4) NORETURN;

#endif
