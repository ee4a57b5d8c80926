/*
 * mm's port on Linux: a sparse file pretends to be physical memory.
 *
 * Model
 *   The file's offset is the physical address. It is mapped once as a whole, the
 *   direct map; pieces of it are mapped again where mem_map and vmalloc want
 *   them. So every mapping is a real one: two addresses of one page show the
 *   same bytes, and an access to what is not mapped is a fault.
 *
 *   Every thread is a CPU, named by host_port_set_cpu(), or one of several that share it.
 *
 * Locking
 *   Linux serialises changes of mappings. frames[] is written by the owner of
 *   the addresses only.
 */

/* memfd_create() */
#define _GNU_SOURCE

#include "tests/host/port.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch.h"
#include "lib/align.h"
#include "log.h"
#include "mm/assert.h"
#include "mm/page.h"
#include "mm/port.h"

#define MAX_ARENA_BYTES	((uint64_t)16 << 40)	/* where the maps are fixed */
#define VMALLOC_BYTES	((uint64_t)64 << 30)
#define SECTION_BYTES	((uint64_t)1 << SECTION_SHIFT)
#define TWO_MIB		((uint64_t)1 << 21)
#define MESSAGE_BYTES	512
#define NS_PER_SECOND	1000000000ull

#ifdef HOST_FLOATING_MAPS
uintptr_t mm_port_direct_map;
uintptr_t mm_port_vmemmap;
#endif
uintptr_t mm_port_vmalloc_start;
uintptr_t mm_port_vmalloc_end;
uintptr_t mm_port_image_start;
uintptr_t mm_port_image_end;

HOST_THREAD_LOCAL unsigned host_cpu;
HOST_THREAD_LOCAL void *host_cpu_data;
_Thread_local unsigned host_local_depth;
_Thread_local unsigned long host_nr_local_locks;
_Thread_local bool host_is_masked;
_Thread_local unsigned host_nr_handlers;
void (*host_open_hook)(void);
bool host_cpus_are_shared;
static pthread_mutex_t cpu_locks[MAX_CPUS] = { [0 ... MAX_CPUS - 1] = PTHREAD_MUTEX_INITIALIZER };

void (*panic_hook)(const char *message);
bool (*host_barrier_hook)(void);

static struct {
	int memory;			/* the file */
	uint64_t end_pa;
	uint64_t vmemmap_bytes;
	pfn_t *frames;			/* of vmalloc: pfn + 1 by page, 0 not mapped */
	uint8_t *rights;		/* of vmalloc: enum mm_port_protection by page */
	uint64_t wakeups;
} host = { .memory = -1 };

static void require(bool is_ok, const char *what)
{
	if (is_ok)
		return;
	perror(what);
	exit(2);
}

static uint64_t frames_bytes(void)
{
	return VMALLOC_BYTES / PAGE_SIZE * sizeof(pfn_t);
}

/* Address space of @bytes at a multiple of 2 MiB, which the checks of mem_map rely on. */
static uintptr_t reserve(uint64_t bytes, int protection)
{
	uint8_t *at = mmap(NULL, bytes + TWO_MIB, protection,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t start = align_up((uintptr_t)at, TWO_MIB);

	require(at != MAP_FAILED, "address space");
	if (start > (uintptr_t)at)
		munmap(at, start - (uintptr_t)at);
	if (start + bytes < (uintptr_t)at + bytes + TWO_MIB)
		munmap((void *)(start + bytes), (uintptr_t)at + TWO_MIB - start);
	return start;
}

#ifdef HOST_FLOATING_MAPS

static void reserve_maps(void)
{
	mm_port_direct_map = reserve(host.end_pa, PROT_NONE);
	mm_port_vmemmap = reserve(host.vmemmap_bytes, PROT_READ);	/* zeroes */
}

#else

static void reserve_at(uintptr_t start, uint64_t bytes, int protection)
{
	void *at = mmap((void *)start, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS |
			MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	require(at == (void *)start, "address space of the direct map or mem_map, which is fixed");
}

static void reserve_maps(void)
{
	require(host.end_pa <= MAX_ARENA_BYTES, "room for the direct map");
	reserve_at(mm_port_direct_map, host.end_pa, PROT_NONE);
	reserve_at(mm_port_vmemmap, host.vmemmap_bytes, PROT_READ);	/* zeroes */
}

#endif

static void end_memory(void)
{
	if (host.memory < 0)
		return;
	munmap((void *)mm_port_direct_map, host.end_pa);
	munmap((void *)mm_port_vmemmap, host.vmemmap_bytes);
	munmap((void *)mm_port_vmalloc_start, VMALLOC_BYTES);
	munmap(host.frames, frames_bytes());
	munmap(host.rights, VMALLOC_BYTES / PAGE_SIZE);
	close(host.memory);
}

/* False when Linux has no more mappings for this process (vm.max_map_count) or no memory. */
static bool try_map_file(uintptr_t va, uint64_t pa, uint64_t bytes, int protection)
{
	return mmap((void *)va, bytes, protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
		    host.memory, (off_t)pa) != MAP_FAILED;
}

static void map_file(uintptr_t va, uint64_t pa, uint64_t bytes, int protection)
{
	require(try_map_file(va, pa, bytes, protection), "mapping of pretended memory");
}

/* ---- Mappings to spare ---- */

/*
 * A process with all the mappings that Linux grants (vm.max_map_count) may not even replace
 * one, for that may split others. So some are held that are good for nothing: pages of a
 * region that differ from their neighbours in what they allow. Each stands for two.
 */
#define NR_SPARES	64u

static struct {
	pthread_mutex_t lock;
	uint8_t *region;
	unsigned nr_held;
} spares = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *spare_page(unsigned i)
{
	return spares.region + (2 * i + 1) * PAGE_SIZE;
}

static void hold_spares(void)
{
	pthread_mutex_lock(&spares.lock);
	if (!spares.region)
		spares.region = (uint8_t *)reserve((2 * NR_SPARES + 1) * PAGE_SIZE, PROT_NONE);
	while (spares.nr_held < NR_SPARES &&
	       mprotect(spare_page(spares.nr_held), PAGE_SIZE, PROT_READ) == 0)
		spares.nr_held++;
	pthread_mutex_unlock(&spares.lock);
}

static bool give_spare(void)
{
	bool has_given;

	pthread_mutex_lock(&spares.lock);
	has_given = spares.nr_held > 0 &&
		    mprotect(spare_page(spares.nr_held - 1), PAGE_SIZE, PROT_NONE) == 0;
	spares.nr_held -= has_given;
	pthread_mutex_unlock(&spares.lock);
	return has_given;
}

void host_port_start(uint64_t end_pa)
{
	end_memory();
	host.end_pa = align_up(end_pa, SECTION_BYTES);
	host.vmemmap_bytes = host.end_pa / PAGE_SIZE * sizeof(struct page);
	host.memory = memfd_create("slabstick", MFD_CLOEXEC);
	require(host.memory >= 0, "memfd_create");
	require(ftruncate(host.memory, (off_t)host.end_pa) == 0, "size of pretended memory");
	reserve_maps();
	map_file(mm_port_direct_map, 0, host.end_pa, PROT_READ | PROT_WRITE);
	mm_port_vmalloc_start = reserve(VMALLOC_BYTES, PROT_NONE);
	mm_port_vmalloc_end = mm_port_vmalloc_start + VMALLOC_BYTES;
	host.frames = (pfn_t *)reserve(frames_bytes(), PROT_READ | PROT_WRITE);
	host.rights = (uint8_t *)reserve(VMALLOC_BYTES / PAGE_SIZE, PROT_READ | PROT_WRITE);
	host.wakeups = 0;
	hold_spares();
	host_cpu = 0;
	host_cpu_data = NULL;
}

void host_lock_cpu(void)
{
	if (host_cpus_are_shared)
		require(pthread_mutex_lock(&cpu_locks[host_cpu]) == 0, "lock of a CPU");
}

void host_unlock_cpu(void)
{
	if (host_cpus_are_shared)
		require(pthread_mutex_unlock(&cpu_locks[host_cpu]) == 0, "lock of a CPU");
}

void host_port_forget(void)
{
	end_memory();
	host.memory = -1;
	host_cpu_data = NULL;
}

void host_port_set_cpu(unsigned cpu)
{
	host_cpu = cpu;
}

uint64_t host_port_take_wakeups(void)
{
	return __atomic_exchange_n(&host.wakeups, 0, __ATOMIC_RELAXED);
}

/* ---- Mapping ---- */

static bool is_in_vmalloc(uintptr_t va)
{
	return va >= mm_port_vmalloc_start && va < mm_port_vmalloc_end;
}

static pfn_t *frame_of(uintptr_t va)
{
	return &host.frames[(va - mm_port_vmalloc_start) / PAGE_SIZE];
}

static uint8_t *rights_of(uintptr_t va)
{
	return &host.rights[(va - mm_port_vmalloc_start) / PAGE_SIZE];
}

/* Code is remembered, not run: it needs no other bits of Linux. */
static int bits_of(enum mm_port_protection protection)
{
	return protection == MM_PORT_READ_ONLY || protection == MM_PORT_READ_EXECUTE ? PROT_READ :
		PROT_READ | PROT_WRITE;
}

bool mm_port_map_range(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
		       enum mm_port_protection protection)
{
	ASSERT(!mm_port_is_local_locked());
	/* Device memory does not exist here: its addresses are only remembered. */
	if (pfn_to_pa(pfn + nr_pages) <= host.end_pa &&
	    !try_map_file(va, pfn_to_pa(pfn), pages_to_bytes(nr_pages),
			  bits_of(protection)))
		return false;
	for (uint64_t i = 0; i < nr_pages; i++) {
		ASSERT(is_in_vmalloc(va + pages_to_bytes(i)));
		ASSERT(*frame_of(va + pages_to_bytes(i)) == 0);
		*frame_of(va + pages_to_bytes(i)) = pfn + i + 1;
		*rights_of(va + pages_to_bytes(i)) = (uint8_t)protection;
	}
	return true;
}

bool mm_port_map_pages(uintptr_t va, const pfn_t *pfns, uint64_t nr_pages,
		       enum mm_port_protection protection)
{
	for (uint64_t i = 0; i < nr_pages; i++)
		if (!mm_port_map_range(va + pages_to_bytes(i), pfns[i], 1, protection)) {
			if (i > 0)
				mm_port_unmap_pages(va, i);
			return false;
		}
	return true;
}

bool mm_port_protect_pages(uintptr_t va, uint64_t nr_pages, enum mm_port_protection protection)
{
	ASSERT(!mm_port_is_local_locked());
	for (uint64_t i = 0; i < nr_pages; i++)
		ASSERT(*frame_of(va + pages_to_bytes(i)) != 0);
	if (mprotect((void *)va, pages_to_bytes(nr_pages), bits_of(protection)) != 0)
		return false;
	memset(rights_of(va), (int)protection, nr_pages);
	return true;
}

enum mm_port_protection mm_port_protection(uintptr_t va)
{
	return (enum mm_port_protection)*rights_of(va);
}

static bool reserve_again(uintptr_t va, uint64_t bytes)
{
	bool has_given = false;

	while (mmap((void *)va, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		    MAP_FIXED, -1, 0) == MAP_FAILED) {
		if (!give_spare())
			return false;
		has_given = true;
	}
	if (has_given)
		hold_spares();
	return true;
}

void mm_port_unmap_pages(uintptr_t va, uint64_t nr_pages)
{
	ASSERT(!mm_port_is_local_locked());
	require(reserve_again(va, pages_to_bytes(nr_pages)), "unmapping");
	for (uint64_t i = 0; i < nr_pages; i++)
		*frame_of(va + pages_to_bytes(i)) = 0;
}

/* munmap has done it. */
void mm_port_flush_tlb(uintptr_t va, uint64_t nr_pages)
{
	ASSERT(!mm_port_is_local_locked());
	(void)va;
	(void)nr_pages;
}

/* Registered once; a kernel without the call leaves other CPUs' stacks alone. */
bool mm_port_barrier_cpus(void)
{
	static bool is_registered;

	if (host_barrier_hook)
		return host_barrier_hook();
	if (!__atomic_load_n(&is_registered, __ATOMIC_RELAXED)) {
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
			return false;
		__atomic_store_n(&is_registered, true, __ATOMIC_RELAXED);
	}
	return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

pfn_t mm_port_lookup(uintptr_t va)
{
	if (is_in_vmalloc(va))
		return *frame_of(va) ? *frame_of(va) - 1 : PFN_NONE;
	if (va >= mm_port_direct_map && va < mm_port_direct_map + host.end_pa)
		return pa_to_pfn(va - mm_port_direct_map);
	return PFN_NONE;
}

bool mm_port_map_vmemmap(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
			 pfn_t (*take_table_page)(void *arg), void *arg)
{
	(void)take_table_page;
	(void)arg;
	map_file(va, pfn_to_pa(pfn), pages_to_bytes(nr_pages), PROT_READ | PROT_WRITE);
	return true;
}

/* ---- The rest ---- */

/* Linux's tables are Linux's. */
uint64_t mm_port_boot_tables(void)
{
	return 0;
}

unsigned *mm_port_thread_word(void)
{
	static _Thread_local unsigned word;

	return &word;
}

void mm_port_wake_reclaim(unsigned nid)
{
	__atomic_fetch_or(&host.wakeups, (uint64_t)1 << (nid < 63 ? nid : 63), __ATOMIC_RELAXED);
}

uint64_t mm_port_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
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
	char text[MESSAGE_BYTES];
	va_list args;

	va_start(args, format);
	format_vtext(text, sizeof(text), format, args);
	va_end(args);
	log_raw("%s", text);
}

void host_unmasked_early(void)
{
	mm_port_panic(__FILE__, __LINE__, "unmasked while a spin lock is still held");
}

void mm_port_panic(const char *file, int line, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list args;

	va_start(args, format);
	format_vtext(message, sizeof(message), format, args);
	va_end(args);
	if (panic_hook)
		panic_hook(message);
	log_ignore_lock();
	log_tell_muted();
	log_fresh_line();
	log_raw("  # panic: %s:%d %s\n", file, line, message);
	abort();
}
