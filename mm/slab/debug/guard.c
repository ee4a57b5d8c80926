/*
 * Guarded objects: some allocations get pages of their own before a guard page.
 *
 * Model
 *   Every GUARD_INTERVALth object of a cache with SLAB_GUARD is an area of
 *   vmalloc, and ends where its last page does, as near as its cache's alignment
 *   allows: the first byte beyond that page faults at the instruction that touches
 *   it, and so does any byte of the object once it is freed. What is of its pages
 *   but not the object's holds RED_ALLOCATED, and is looked at when it is freed. A
 *   table remembers the objects that are live, and those freed last for who frees one again.
 *
 *   Of a cache with SLAB_SAMPLED it is one of guard_interval objects, whatever cache they are
 *   of, and the cache keeps its CPU arrays: who refills one counts what he brings, and
 *   takes an area instead when so many have come.
 *
 * Who is not guarded
 *   What vmalloc takes for itself, by __GFP_NO_GUARD: a guarded vm_struct would
 *   need an area and so a vm_struct, and a purge that frees one would release
 *   another area. Requests that must not reclaim memory, since making an area may.
 *   Memory of a certain zone; objects that are constructed, or readable after they
 *   are freed. And nobody before slab_guard_start().
 *
 * Invariants
 *   GUARD-1  a used entry's area is a live one, and its object lies in it, aligned as its
 *       cache says and less than that from the area's end
 *
 * Locking
 *   None of its own: the table (mm/slab/debug/guarded.c) has one, and vmalloc is called
 *   without it.
 */

#include "mm/slab/debug/guard.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab/debug/audit.h"
#include "mm/slab/debug/guarded.h"
#include "mm/slab/debug/object.h"
#include "mm/slab/debug/report.h"

#define GUARD_INTERVAL	64u

/* What makes areas; set before guards.is_on. */
static const struct slab_guard_areas *areas;

/* ---- Objects ---- */

static bool may_guard(const struct kmem_cache *cache, gfp_t gfp)
{
	const gfp_t excluded = __GFP_NO_GUARD | __GFP_DMA | __GFP_DMA32;

	if (cache->ctor || (cache->flags & SLAB_TYPESAFE_BY_RCU))
		return false;
	if (!(gfp & __GFP_DIRECT_RECLAIM) || ((gfp | cache->gfp) & excluded))
		return false;
	return __atomic_load_n(&guards.is_on, __ATOMIC_RELAXED);
}

/* A full table costs no area: an object later will do. */
static bool is_turn(struct kmem_cache *cache)
{
	uint32_t nr = __atomic_add_fetch(&cache->debug->nr_since_guarded, 1, __ATOMIC_RELAXED);

	return nr % GUARD_INTERVAL == 0 &&
		__atomic_load_n(&guards.nr_used, __ATOMIC_RELAXED) < NR_GUARDED;
}

/* What is sampled counts itself alone: the objects of its refill come with the next one. */
static bool is_sampled(unsigned nr_objects)
{
	const uint64_t interval = slab_system.guard_interval;
	uint64_t nr = __atomic_load_n(&guards.nr_since, __ATOMIC_RELAXED);

	if (interval == 0)
		return false;
	if (nr < interval) {
		__atomic_fetch_add(&guards.nr_since, nr_objects, __ATOMIC_RELAXED);
		return false;
	}
	return __atomic_compare_exchange_n(&guards.nr_since, &nr, nr - interval, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
		__atomic_load_n(&guards.nr_used, __ATOMIC_RELAXED) < NR_GUARDED;
}

static void *make_guarded(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t bytes,
			  uintptr_t caller)
{
	const uint64_t area_bytes = align_up(bytes, PAGE_SIZE);
	struct guarded entry = { .bytes = bytes, .cache = cache };

	entry.area = areas->alloc(area_bytes, (gfp & ~__GFP_ZERO) | __GFP_NORETRY | __GFP_NOWARN,
				  nid, (const void *)caller);
	if (!entry.area)
		return NULL;
	entry.object = (void *)align_down((uintptr_t)entry.area + area_bytes - bytes, cache->align);
	entry.allocated = debug_event_now(caller);
	memset(entry.area, RED_ALLOCATED, area_bytes);
	if ((cache->flags & SLAB_INIT_ON_ALLOC) || (gfp & __GFP_ZERO))
		memset(entry.object, 0, bytes);
	if (guarded_remember(&entry))
		return entry.object;
	areas->free(entry.area, area_bytes);
	return NULL;
}

void *guard_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t bytes,
		  uintptr_t caller)
{
	if (!may_guard(cache, gfp) || !is_turn(cache))
		return NULL;
	return make_guarded(cache, gfp, nid, bytes, caller);
}

void *guard_sample(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t bytes,
		   uintptr_t caller, unsigned nr_objects)
{
	if (!may_guard(cache, gfp) || !is_sampled(nr_objects))
		return NULL;
	return make_guarded(cache, gfp, nid, bytes, caller);
}

/* Reports if [@start, @end), no part of @entry's object, was written to. */
static void check_unused(const struct guarded *entry, const uint8_t *start, const uint8_t *end,
			 const char *kind)
{
	unsigned nr;
	const uint8_t *at = debug_find_damage(start, (size_t)(end - start), RED_ALLOCATED, &nr);

	if (unlikely(at != NULL))
		slab_report_object(entry->cache, entry->object, kind, at, nr);
}

static void check_around(const struct guarded *entry)
{
	const uint8_t *area = entry->area, *object = entry->object;

	check_unused(entry, area, object, "underflow");
	check_unused(entry, object + entry->bytes, area + align_up(entry->bytes, PAGE_SIZE),
		     "overflow");
}

bool guard_free(const struct kmem_cache *cache, const void *object, const void *caller)
{
	struct guarded entry;

	if (!guarded_find(object, &entry))
		return false;
	if (cache && cache != entry.cache)
		slab_report_wrong_cache(cache, object, caller);
	check_around(&entry);
	if (!guarded_forget(object, debug_event_now((uintptr_t)caller)))
		return false;
	audit_note(entry.cache, AUDIT_FREE, object, entry.bytes, (uintptr_t)caller);
	areas->free(entry.area, align_up(entry.bytes, PAGE_SIZE));
	return true;
}

bool guard_usable_bytes(const void *object, size_t *bytes)
{
	struct guarded entry;

	if (!guarded_find(object, &entry))
		return false;
	*bytes = entry.bytes;
	return true;
}

/* ---- The machine ---- */

void slab_guard_start(const struct slab_guard_areas *from)
{
	areas = from;
	__atomic_store_n(&guards.is_on, true, __ATOMIC_RELAXED);
}

void slab_guard_forget(void)
{
	memset(&guards, 0, sizeof(guards));
}

static bool entry_verify(const struct guarded *entry, struct violation *out)
{
	const uintptr_t object = (uintptr_t)entry->object, start = (uintptr_t)entry->area;
	const uint64_t area_bytes = align_up(entry->bytes, PAGE_SIZE);

	REQUIRE("GUARD-1", object, areas->is_live(entry->area, area_bytes));
	REQUIRE("GUARD-1", object, is_aligned(object, entry->cache->align));
	REQUIRE("GUARD-1", object, object >= start);
	REQUIRE("GUARD-1", object, object + entry->bytes <= start + area_bytes);
	REQUIRE("GUARD-1", object, start + area_bytes - object - entry->bytes <
		entry->cache->align);
	return true;
}

bool guard_verify(struct violation *out)
{
	struct guarded entry;
	unsigned nr = 0;

	assume_unshared(&guards.lock);
	for (unsigned at = 0; guarded_next(&at, &entry); nr++)
		if (!entry_verify(&entry, out))
			return false;
	REQUIRE("GUARD-2", nr, nr == guards.nr_used);
	return true;
}
