/*
 * kvmalloc: large tables, contiguous in physical memory if that can be had
 * cheaply, else in the kernel's address space only.
 *
 * A request of a page or less never goes to vmalloc, which could not do better.
 */

#include "mm/kmalloc.h"
#include "mm/page.h"
#include "mm/vmalloc.h"
#include "mm/slab/shown.h"

void *kvmalloc_node(size_t size_bytes, gfp_t gfp, unsigned nid)
{
	gfp_t first_try = size_bytes > PAGE_SIZE ? gfp | __GFP_NORETRY | __GFP_NOWARN : gfp;
	void *object = kmalloc_node(size_bytes, first_try, nid);

	if (object || size_bytes <= PAGE_SIZE)
		return object;
	return vmalloc_flags(size_bytes, gfp, nid, 0);
}

void *kvmalloc(size_t size_bytes, gfp_t gfp)
{
	return kvmalloc_node(size_bytes, gfp, NID_NONE);
}

void kvfree(const void *object)
{
	uintptr_t va = (uintptr_t)object;

	if (va < mm_port_vmalloc_start || va >= mm_port_vmalloc_end)
		kfree(object);
	else if (!guard_free(NULL, object, __builtin_return_address(0)))
		vfree(object);
}
