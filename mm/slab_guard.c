/*
 * Guarded objects: some allocations get pages of their own before a guard page.
 *
 * Model
 *   Every GUARD_INTERVALth object of a cache with SLAB_GUARD comes from vmalloc,
 *   placed so that it ends where its last page does: the first byte beyond it
 *   faults at the instruction that touches it, and so does any byte of it once
 *   it is freed. A table remembers the objects that are live. On a port without
 *   a vmalloc area nothing is guarded.
 *
 * Invariants
 *   G1  a used entry's object lies in its area, at most the alignment from its end
 *
 * Locking
 *   guard_lock guards the table; vmalloc is called without it, but under
 *   making_lock, which is only ever tried.
 */

#include "slab_debug.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab_audit.h"
#include "mm/vmalloc.h"

#define GUARD_INTERVAL	64u
#define NR_GUARDED	256u

struct guarded {
	void *area;		/* NULL: free entry */
	void *object;
	size_t bytes;
	const struct kmem_cache *cache;
	struct slab_event allocated;
};

static struct spinlock guard_lock;
static struct spinlock making_lock;	/* held: vmalloc's own objects are not guarded */
static struct guarded guarded[NR_GUARDED];

static struct guarded *find(const void *object) HOLDS(guard_lock)
{
	for (unsigned i = 0; i < NR_GUARDED; i++)
		if (guarded[i].area && guarded[i].object == object)
			return &guarded[i];
	return NULL;
}

static bool remember(const struct guarded *entry)
{
	bool is_found = false;

	spin_lock(&guard_lock);
	for (unsigned i = 0; i < NR_GUARDED && !is_found; i++) {
		if (guarded[i].area)
			continue;
		guarded[i] = *entry;
		is_found = true;
	}
	spin_unlock(&guard_lock);
	return is_found;
}

static bool is_turn(struct kmem_cache *cache)
{
	if (cache->ctor || mm_port_vmalloc_end == mm_port_vmalloc_start)
		return false;
	return __atomic_add_fetch(&cache->debug->nr_since_guarded, 1, __ATOMIC_RELAXED) %
		GUARD_INTERVAL == 0;
}

void *guard_alloc(struct kmem_cache *cache, size_t bytes, uintptr_t caller)
{
	uint64_t area_bytes = align_up(bytes, PAGE_SIZE);
	struct guarded entry = { .bytes = bytes, .cache = cache };

	if (!is_turn(cache) || !spin_try_lock(&making_lock))
		return NULL;
	entry.area = vzalloc(area_bytes);
	spin_unlock(&making_lock);
	if (!entry.area)
		return NULL;
	entry.object = (void *)align_down((uintptr_t)entry.area + area_bytes - bytes,
					  cache->align < 16 ? cache->align : 16);
	entry.allocated = (struct slab_event){ caller, mm_port_now_ns(), mm_port_cpu() };
	if (remember(&entry))
		return entry.object;
	vfree(entry.area);
	return NULL;
}

bool guard_free(const struct kmem_cache *cache, const void *object)
{
	struct guarded *entry, copy = { .area = NULL };

	spin_lock(&guard_lock);
	entry = find(object);
	if (entry) {
		copy = *entry;
		if (!cache || cache == copy.cache)
			entry->area = NULL;
	}
	spin_unlock(&guard_lock);
	if (!entry)
		return false;
	if (cache && cache != copy.cache)
		slab_report_wrong_cache(cache, object, __builtin_return_address(0));
	audit_note(copy.cache, AUDIT_FREE, object, copy.bytes,
		   (uintptr_t)__builtin_return_address(0));
	vfree(copy.area);
	return true;
}

bool guard_usable_bytes(const void *object, size_t *bytes)
{
	const struct guarded *entry;

	spin_lock(&guard_lock);
	entry = find(object);
	if (entry)
		*bytes = entry->bytes;
	spin_unlock(&guard_lock);
	return entry != NULL;
}
