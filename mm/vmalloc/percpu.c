/*
 * Per-CPU memory: one allocation, a copy for every CPU.
 *
 * Model
 *   A chunk is an area of addresses with a unit of PERCPU_UNIT_BYTES for each CPU, one
 *   behind the other, each of pages of its CPU's node. What is allocated in one unit is
 *   allocated in all, so the copies of an object are a unit apart, whichever chunk they
 *   are in: to find one is an addition. CPUs share no page, and so no cache line.
 *
 *   A unit is cut into slots of 16 bytes. Two bits tell all: is a slot used, and does an
 *   allocation begin there. Search is first fit. A chunk that is empty goes, but the last.
 *
 * Invariants, while percpu.lock is free
 *   PERCPU-1  where an allocation begins the slot is used, and where slots are used behind
 *       one that is free an allocation begins
 *   PERCPU-2  a chunk's counts of used slots and of allocations are those of its bits
 *   PERCPU-3  its pages are of type PAGE_PERCPU
 *
 * Locking
 *   percpu.lock guards the list of chunks and their bits. Pages and areas are taken and
 *   given back without it.
 *
 * Cost
 *   One CPU's pages are so many for each chunk: 256 CPUs have 4 MiB in it.
 */

#include "mm/vmalloc/percpu_chunk.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/lock.h"
#include "mm/page_alloc.h"
#include "mm/percpu.h"
#include "mm/vmalloc/vm_area.h"

#define UNIT_PAGES	(PERCPU_UNIT_BYTES / PAGE_SIZE)

/*
 * What a request may say: how hard to try. A chunk serves many, so whose request made it
 * must not show: not in its zone, and not in what one said of nodes.
 */
#define PERCPU_GFP	(__GFP_RECLAIM | __GFP_HIGH | __GFP_MEMALLOC | __GFP_NORETRY | \
			 __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_NO_INJECTION)

_Static_assert((PERCPU_UNIT_BYTES & (PERCPU_UNIT_BYTES - 1)) == 0, "per_cpu_ptr() is cheap");
_Static_assert(NR_PERCPU_SLOTS % BITS_PER_WORD == 0, "whole words of bits");

static struct {
	struct spinlock lock;
	struct list_head chunks GUARDED_BY(lock);
	unsigned nr_chunks GUARDED_BY(lock);
} percpu;

void percpu_init(void)
{
	assume_unshared(&percpu.lock);
	list_init(&percpu.chunks);
	percpu.nr_chunks = 0;
}

static unsigned nr_pages_of_chunk(void)
{
	return nr_cpu_ids() * UNIT_PAGES;
}

/* ---- Chunks ---- */

/* Gives the pages back that @chunk has. */
static void free_pages_of(struct percpu_chunk *chunk)
{
	for (unsigned i = 0; i < nr_pages_of_chunk() && chunk->pages[i]; i++) {
		page_set_type(chunk->pages[i], PAGE_USER);
		__free_page(chunk->pages[i]);
	}
}

static void chunk_free(struct percpu_chunk *chunk)
{
	vm_area_set_own(chunk->area, false);
	vunmap(chunk->area);
	free_pages_of(chunk);
	kvfree(chunk->pages);
	kfree(chunk);
}

/* False when they cannot be had, and none stays taken. */
static bool take_pages(struct percpu_chunk *chunk, gfp_t gfp)
{
	for (unsigned i = 0; i < nr_pages_of_chunk(); i++) {
		chunk->pages[i] = alloc_pages_node(cpu_to_node(i / UNIT_PAGES), gfp, 0);
		if (!chunk->pages[i]) {
			free_pages_of(chunk);
			return false;
		}
		page_set_type(chunk->pages[i], PAGE_PERCPU);
	}
	return true;
}

static struct percpu_chunk *chunk_make(gfp_t gfp)
{
	struct percpu_chunk *chunk = kzalloc(sizeof(*chunk), gfp);

	if (!chunk)
		return NULL;
	chunk->pages = kvmalloc(nr_pages_of_chunk() * sizeof(chunk->pages[0]), gfp | __GFP_ZERO);
	if (chunk->pages && take_pages(chunk, gfp)) {
		chunk->area = vmap(chunk->pages, nr_pages_of_chunk(), VM_MAP, MM_PORT_READ_WRITE);
		if (chunk->area) {
			vm_area_set_own(chunk->area, true);
			return chunk;
		}
		free_pages_of(chunk);
	}
	kvfree(chunk->pages);
	kfree(chunk);
	return NULL;
}

/* ---- Slots ---- */

/* Where @nr free slots begin, at a multiple of @align_slots; NR_PERCPU_SLOTS: nowhere. */
static unsigned find_slots(const struct percpu_chunk *chunk, unsigned nr, unsigned align_slots)
{
	unsigned start = 0;

	while (start + nr <= NR_PERCPU_SLOTS) {
		unsigned i = start;

		while (i < start + nr && !bitmap_test(chunk->used, i))
			i++;
		if (i == start + nr)
			return start;
		start = (unsigned)align_up(i + 1, align_slots);
	}
	return NR_PERCPU_SLOTS;
}

static void take_slots(struct percpu_chunk *chunk, unsigned start, unsigned nr)
{
	for (unsigned i = start; i < start + nr; i++)
		bitmap_set(chunk->used, i);
	bitmap_set(chunk->first, start);
	chunk->nr_used += nr;
	chunk->nr_allocations++;
}

/* Slots of the allocation that begins at @start. */
static unsigned slots_of(const struct percpu_chunk *chunk, unsigned start)
{
	unsigned end = start + 1;

	while (end < NR_PERCPU_SLOTS && bitmap_test(chunk->used, end) &&
	       !bitmap_test(chunk->first, end))
		end++;
	return end - start;
}

static void give_slots(struct percpu_chunk *chunk, unsigned start)
{
	unsigned nr = slots_of(chunk, start);

	for (unsigned i = start; i < start + nr; i++)
		bitmap_clear(chunk->used, i);
	bitmap_clear(chunk->first, start);
	chunk->nr_used -= nr;
	chunk->nr_allocations--;
}

/* ---- Allocating and freeing ---- */

static void *take_from_chunks(unsigned nr, unsigned align_slots)
{
	void *at = NULL;

	spin_lock(&percpu.lock);
	list_for_each(link, &percpu.chunks) {
		struct percpu_chunk *chunk = list_entry(link, struct percpu_chunk, link);
		unsigned start = find_slots(chunk, nr, align_slots);

		if (start == NR_PERCPU_SLOTS)
			continue;
		take_slots(chunk, start, nr);
		at = chunk->area + start * PERCPU_SLOT_BYTES;
		break;
	}
	spin_unlock(&percpu.lock);
	return at;
}

static void add_chunk(struct percpu_chunk *chunk)
{
	spin_lock(&percpu.lock);
	list_add(&chunk->link, &percpu.chunks);
	percpu.nr_chunks++;
	spin_unlock(&percpu.lock);
}

void *alloc_percpu_bytes(size_t bytes, size_t align, gfp_t gfp)
{
	const unsigned nr = (unsigned)(align_up(bytes, PERCPU_SLOT_BYTES) / PERCPU_SLOT_BYTES);
	const unsigned align_slots = (unsigned)max_u64(align / PERCPU_SLOT_BYTES, 1);
	struct percpu_chunk *chunk;
	void *at;

	ASSERT(bytes > 0);
	ASSERT(is_power_of_two(align));
	ASSERT(align <= PAGE_SIZE);
	if (bytes > PERCPU_UNIT_BYTES || mm_port_vmalloc_start == mm_port_vmalloc_end)
		return NULL;
	while (!(at = take_from_chunks(nr, align_slots))) {
		/* An area takes what it takes with GFP_KERNEL. */
		chunk = gfp & __GFP_DIRECT_RECLAIM ? chunk_make(gfp & PERCPU_GFP) : NULL;
		if (!chunk)
			return NULL;
		add_chunk(chunk);
	}
	for (unsigned cpu = 0; cpu < nr_cpu_ids(); cpu++)
		memset(per_cpu_ptr(at, cpu), 0, bytes);
	return at;
}

static struct percpu_chunk *chunk_of(const void *at) HOLDS(percpu.lock)
{
	list_for_each(link, &percpu.chunks) {
		struct percpu_chunk *chunk = list_entry(link, struct percpu_chunk, link);

		if ((uintptr_t)at - (uintptr_t)chunk->area < PERCPU_UNIT_BYTES)
			return chunk;
	}
	return NULL;
}

static bool begins_allocation(const struct percpu_chunk *chunk, const void *at)
{
	uintptr_t offset = (uintptr_t)at - (uintptr_t)chunk->area;

	return offset % PERCPU_SLOT_BYTES == 0 &&
	       bitmap_test(chunk->first, offset / PERCPU_SLOT_BYTES);
}

void free_percpu(void *at)
{
	struct percpu_chunk *chunk;
	bool is_wrong, goes = false;

	if (!at)
		return;
	spin_lock(&percpu.lock);
	chunk = chunk_of(at);
	is_wrong = !chunk || !begins_allocation(chunk, at);
	if (!is_wrong) {
		give_slots(chunk, (unsigned)(((uintptr_t)at - (uintptr_t)chunk->area) /
					     PERCPU_SLOT_BYTES));
		goes = chunk->nr_used == 0 && percpu.nr_chunks > 1;
	}
	if (goes) {
		list_del(&chunk->link);
		percpu.nr_chunks--;
	}
	spin_unlock(&percpu.lock);
	if (is_wrong)
		mm_port_panic(__FILE__, __LINE__, "free_percpu: %p is no allocation", at);
	if (goes)
		chunk_free(chunk);
}

struct percpu_chunk *percpu_chunk_of(const void *at)
{
	struct percpu_chunk *chunk;

	spin_lock(&percpu.lock);
	chunk = chunk_of(at);
	spin_unlock(&percpu.lock);
	return chunk;
}

/* ---- Totals and rules ---- */

struct percpu_totals percpu_totals(void)
{
	struct percpu_totals totals = { 0 };

	spin_lock(&percpu.lock);
	list_for_each(link, &percpu.chunks) {
		const struct percpu_chunk *chunk = list_entry(link, struct percpu_chunk, link);

		totals.nr_chunks++;
		totals.nr_pages += nr_pages_of_chunk();
		totals.nr_allocations += chunk->nr_allocations;
		totals.nr_bytes += chunk->nr_used * PERCPU_SLOT_BYTES;
	}
	spin_unlock(&percpu.lock);
	return totals;
}

static bool chunk_verify(const struct percpu_chunk *chunk, struct violation *out)
{
	const uintptr_t area = (uintptr_t)chunk->area;
	unsigned nr_used = 0, nr_first = 0;
	bool was_used = false;

	for (unsigned i = 0; i < NR_PERCPU_SLOTS; i++) {
		bool is_used = bitmap_test(chunk->used, i), is_first = bitmap_test(chunk->first, i);

		REQUIRE("PERCPU-1", area + i * PERCPU_SLOT_BYTES, is_used || !is_first);
		REQUIRE("PERCPU-1", area + i * PERCPU_SLOT_BYTES, !is_used || was_used || is_first);
		nr_used += is_used;
		nr_first += is_first;
		was_used = is_used;
	}
	REQUIRE("PERCPU-2", area, nr_used == chunk->nr_used);
	REQUIRE("PERCPU-2", area, nr_first == chunk->nr_allocations);
	for (unsigned i = 0; i < nr_pages_of_chunk(); i++)
		REQUIRE("PERCPU-3", page_to_pfn(chunk->pages[i]),
			chunk->pages[i]->type == PAGE_PERCPU);
	return true;
}

bool percpu_verify(struct violation *out)
{
	bool is_good = true;

	spin_lock(&percpu.lock);
	list_for_each(link, &percpu.chunks)
		is_good = is_good && chunk_verify(list_entry(link, struct percpu_chunk, link), out);
	spin_unlock(&percpu.lock);
	return is_good;
}
