/*
 * The smallest port of mm/: a Linux process, one CPU, one array as RAM.
 *
 * Model
 *   Physical address 0 is the arena's first byte, so the direct map is one
 *   addition. mem_map is address space that Linux fills with zeroes on first
 *   touch, so there is nothing to map. There are no page tables: the vmalloc area is
 *   empty, and the functions that would map into it say so or cannot be
 *   reached.
 *
 * A kernel replaces each function here by its own; nothing else is needed.
 */

#include "tests/port_stub/port.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "mm/page.h"
#include "mm/port.h"

#define NS_PER_SECOND	1000000000ull

uintptr_t mm_port_direct_map;
uintptr_t mm_port_vmemmap;
uintptr_t mm_port_vmalloc_start;
uintptr_t mm_port_vmalloc_end;
uintptr_t mm_port_image_start;
uintptr_t mm_port_image_end;
void *stub_cpu_data;

static void *reserve(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

bool port_stub_init(uint64_t bytes)
{
	uint64_t section_bytes = (uint64_t)1 << SECTION_SHIFT;
	uint64_t nr_sections = (bytes + section_bytes - 1) / section_bytes;
	uint64_t pages_per_section = section_bytes >> PAGE_SHIFT;
	void *arena = reserve(bytes);
	void *vmemmap = reserve(nr_sections * pages_per_section * sizeof(struct page));

	mm_port_direct_map = (uintptr_t)arena;
	mm_port_vmemmap = (uintptr_t)vmemmap;
	return arena && vmemmap;
}

/* ---- Mapping: none ---- */

bool mm_port_map_pages(uintptr_t va, const pfn_t *pfns, uint64_t nr_pages,
		       enum mm_port_protection protection)
{
	(void)va, (void)pfns, (void)nr_pages, (void)protection;
	return false;
}

bool mm_port_map_range(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
		       enum mm_port_protection protection)
{
	(void)va, (void)pfn, (void)nr_pages, (void)protection;
	return false;
}

bool mm_port_protect_pages(uintptr_t va, uint64_t nr_pages, enum mm_port_protection protection)
{
	(void)va, (void)nr_pages, (void)protection;
	return false;
}

enum mm_port_protection mm_port_protection(uintptr_t va)
{
	(void)va;
	return MM_PORT_READ_WRITE;
}

void mm_port_unmap_pages(uintptr_t va, uint64_t nr_pages)
{
	(void)va, (void)nr_pages;
}

void mm_port_flush_tlb(uintptr_t va, uint64_t nr_pages)
{
	(void)va, (void)nr_pages;
}

/* There is no other CPU. */
bool mm_port_barrier_cpus(void)
{
	return true;
}

pfn_t mm_port_lookup(uintptr_t va)
{
	(void)va;
	return PFN_NONE;
}

bool mm_port_map_vmemmap(uintptr_t va, pfn_t pfn, uint64_t nr_pages,
			 pfn_t (*take_table_page)(void *arg), void *arg)
{
	(void)va, (void)pfn, (void)nr_pages, (void)take_table_page, (void)arg;
	return true;	/* reserved as a whole; zeroed by Linux */
}

/* ---- Services ---- */

uint64_t mm_port_boot_tables(void)
{
	return 0;
}

unsigned *mm_port_thread_word(void)
{
	static unsigned word;

	return &word;
}

void mm_port_wake_reclaim(unsigned nid)
{
	(void)nid;	/* no second thread: direct reclaim does the work */
}

uint64_t mm_port_now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void mm_port_log(enum log_level level, const char *format, ...)
{
	va_list args;

	(void)level;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void mm_port_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

void mm_port_panic(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("panic: %s:%d ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	exit(EXIT_FAILURE);
}

/* ---- Text ---- */

int format_vtext(char *to, size_t size, const char *format, va_list args)
{
	return vsnprintf(to, size, format, args);
}

int format_text(char *to, size_t size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = format_vtext(to, size, format, args);
	va_end(args);
	return length;
}
