/*
 * Areas for the slab allocator's guarded objects (mm/slab/debug/guard.c), which must not
 * know vmalloc: it is made of the slab allocator's objects.
 */

#include "mm/slab.h"
#include "mm/vmalloc/vm_area.h"

static void *alloc_area(size_t bytes, gfp_t gfp, unsigned nid, const void *caller)
{
	void *area = vmalloc_flags(bytes, gfp, nid, 0);

	if (!area)
		return NULL;
	vm_area_starting_at_any(area)->caller = caller;		/* for who faults behind it */
	vm_area_set_own(area, true);
	return area;
}

static void free_area(void *area, size_t bytes)
{
	vm_area_set_own(area, false);
	vfree(area);
	/* It is to fault from now on: vfree() leaves translations for a while, a handler must. */
	if (!mm_port_is_in_handler())
		mm_port_flush_tlb((uintptr_t)area, bytes_to_pages(bytes));
}

static bool is_live(const void *at, size_t bytes)
{
	const struct vm_struct *area = vm_area_starting_at_any(at);

	return area && vm_area_state(area) == VM_LIVE && vm_area_bytes(area) == bytes;
}

static const struct slab_guard_areas areas = {
	.alloc = alloc_area,
	.free = free_area,
	.is_live = is_live,
};

void vmalloc_start_guards(void)
{
	slab_guard_start(&areas);
}
